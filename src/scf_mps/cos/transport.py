"""Transport of signed requests over kept connections.

Connections carry no identity, because every request is signed. All clients of a process share them, across the
invocations of a warm instance too.
"""

from __future__ import annotations

import time

from ..common.certificates import get_ssl_context
from . import signature
from .connection_pool import SHARED_POOL as SHARED_POOL
from .connection_pool import Pool as Pool
from .http1 import Connection, build_head
from .locations import build_host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..common.deadline import Deadline
    from ..tencent.credentials import Credentials
    from .connection_pool import Address
    from .http1 import StreamedResponse
    from .request import Request

USER_AGENT = "scf-mps"


class StaleConnection(OSError):
    """A kept connection had ended before the request reached it. Another one can be used."""


class NotConnected(OSError):
    """No connection was made, so nothing was sent."""


class Exchange:
    """A response in progress and its connection. Read the body of the response, then call `end`."""

    __slots__ = ("_address", "_connection", "_pool", "response")

    def __init__(
        self, pool: Pool, address: Address, connection: Connection, response: StreamedResponse
    ) -> None:
        self._pool = pool
        self._address = address
        self._connection = connection
        self.response = response

    def read_rest(self) -> bytes:
        """Return the rest of the body and end the exchange. Raises OSError if the connection breaks."""
        try:
            return self.response.read()
        finally:
            self.end()

    def end(self) -> None:
        """Return the connection to the pool, which closes it if the response was not read completely."""
        self._pool.give(self._address, self._connection)


class Transport:
    """Connections to COS, direct or through a proxy.

    Args:
        proxy: ``http://host:port`` of a COS emulator. Requests are sent to it unencrypted in absolute form, with their
            session tokens.
        domain: of bucket hosts, ``myqcloud.com`` or ``tencentcos.cn``.
        pool: of connections, by default that of the process.

    Raises:
        ValueError: the proxy is not ``http://host:port``.
    """

    __slots__ = ("_pool", "_proxy", "domain", "scheme")

    def __init__(
        self, proxy: str = "", domain: str = "myqcloud.com", pool: Pool | None = None
    ) -> None:
        self.domain = domain
        self._pool = SHARED_POOL if pool is None else pool
        self._proxy = _parse_proxy(proxy) if proxy else None
        self.scheme = "http" if proxy else "https"

    def build_host(self, bucket: str, region: str) -> str:
        """Return the host of a bucket."""
        return build_host(bucket, region, self.domain)

    def send(
        self,
        request: Request,
        credentials: Credentials,
        timeout: float,
        deadline: Deadline,
        is_fresh: bool,
    ) -> Exchange:
        """Sign and send a request, over a new connection if `is_fresh`. Return when the head of its response has arrived.

        Raises:
            StaleConnection: a kept connection had ended.
            NotConnected: no connection was made, so nothing was sent.
            OSError: the connection broke.
        """
        host = self.build_host(request.target.bucket, request.target.region)
        head = self._build_head(request, host, credentials)
        address = self._proxy or (host, 443, True)
        kept = None if is_fresh else self._pool.take(address)
        connection = kept or _connect(address, timeout, deadline)
        try:
            response = connection.send(request.method, head, request.body, timeout, deadline)
        except BaseException as error:
            connection.close()
            # TLS raises another error than TCP for a connection that has ended.
            if kept and isinstance(error, OSError) and not isinstance(error, TimeoutError):
                raise StaleConnection(str(error)) from error
            raise
        return Exchange(self._pool, address, connection, response)

    def _build_head(self, request: Request, host: str, credentials: Credentials) -> bytes:
        headers = {"host": host, **request.headers}
        if credentials.token:
            headers[signature.TOKEN_HEADER] = credentials.token
        key, params, body = request.target.key, request.params, request.body
        signed = signature.SignedParts(request.method, f"/{key}", params, headers)
        authorization = signature.sign_request(
            credentials, signed, signature.compute_sign_time(time.time())
        )
        path = f"/{signature.encode_path(key)}"
        if params:
            path = f"{path}?{signature.encode_query(params)}"
        if self._proxy:
            path = f"http://{host}{path}"
        headers.update({"user-agent": USER_AGENT, "authorization": authorization})
        length = len(body) if isinstance(body, bytes) else body.length
        if length or request.method in ("PUT", "POST"):
            headers["content-length"] = str(length)
        return build_head(request.method, path, headers)


def _parse_proxy(url: str) -> Address:
    scheme, _, address = url.partition("://")
    host, _, port = address.rstrip("/").rpartition(":")
    if scheme != "http" or "@" in host or not (host and port.isdecimal()):
        without_password = url.rpartition("@")[2]
        raise ValueError(
            f"invalid COS proxy {without_password!r}. Use http://host:port, without user and password"
        )
    return host, int(port), False


def _connect(address: Address, timeout: float, deadline: Deadline) -> Connection:
    host, port, is_encrypted = address
    try:
        tls = get_ssl_context() if is_encrypted else None
        return Connection(host, port, tls, timeout, deadline)
    except OSError as error:
        raise NotConnected(f"cannot connect to {host}:{port}: {error}") from error
