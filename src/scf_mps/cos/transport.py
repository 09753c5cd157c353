"""One request to COS, signed and sent over a kept connection; one answer, checked for what says it failed.

Connections carry no identity (every request is signed by itself), so that all clients of a process share them, across
warm invocations too. Trying again is `client.py`'s; the meaning of bodies its and `documents.py`'s.
"""

from __future__ import annotations

import time
from collections import deque

from ..common.certificates import get_ssl_context
from . import signature
from .http1 import Connection, build_head
from .locations import build_host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..common.deadline import Deadline
    from ..tencent.credentials import Credentials
    from .http1 import Body, StreamedResponse

_IDLE_SECONDS = 20.0
"""COS and NAT gateways drop idle connections without a word; an older one is not tried."""
_MOST_IDLE = 128

USER_AGENT = "scf-mps"


class Pool:
    """Idle connections by where they lead. Safe for threads, and for forks: a child makes its own connections.

    A dict and a deque are safe without a lock, which a fork might inherit locked.
    """

    def __init__(self) -> None:
        self._idle: dict[tuple[str, int, bool], deque[Connection]] = {}

    def take(self, place: tuple[str, int, bool]) -> Connection | None:
        """Return the connection used last, if one is young enough."""
        idle = self._idle.get(place)
        while idle:
            try:
                connection = idle.pop()
            except IndexError:  # pragma: no cover - another thread was faster, a matter of luck
                return None
            if (
                time.monotonic() - connection.idle_since < _IDLE_SECONDS
                and not connection.is_inherited
                and connection.is_quiet
            ):
                return connection
            connection.close()
        return None

    def give(self, place: tuple[str, int, bool], connection: Connection) -> None:
        """Take a connection back, or close it if it cannot be used again."""
        idle = self._idle.setdefault(place, deque())
        if (
            connection.busy
            or not connection.reusable
            or connection.is_inherited
            or len(idle) >= _MOST_IDLE
        ):
            connection.close()
        else:
            connection.idle_since = time.monotonic()
            idle.append(connection)

    def clear(self) -> None:
        """Close all idle connections."""
        places, self._idle = self._idle, {}
        for idle in places.values():
            while idle:
                idle.pop().close()


SHARED_POOL = Pool()
"""The connections of this process."""


class StaleConnection(OSError):
    """A kept connection had ended before the request reached it: it is safe to use another."""


class NotConnected(OSError):
    """No connection could be made: nothing was sent."""


class Exchange:
    """An answer on its way, and the connection it comes on.

    Attributes:
        response: the answer; read its body, then `end`.
    """

    __slots__ = ("_connection", "_place", "_pool", "response")

    def __init__(
        self,
        pool: Pool,
        place: tuple[str, int, bool],
        connection: Connection,
        response: StreamedResponse,
    ) -> None:
        self._pool = pool
        self._place = place
        self._connection = connection
        self.response = response

    def rest(self) -> bytes:
        """The rest of the body; then it ends. Raises OSError if the connection breaks."""
        try:
            return self.response.read()
        finally:
            self.end()

    def end(self) -> None:
        """Give the connection back; it is closed if some of the answer was not read."""
        self._pool.give(self._place, self._connection)


class Transport:
    """How COS is reached.

    Args:
        proxy: ``http://host:port`` of a proxy that requests go through unencrypted (absolute-form). For a COS
            emulator: what passes, session tokens included, can be read on the way.
        domain: the domain of bucket hosts, ``myqcloud.com`` or ``tencentcos.cn``.
        pool: the connections to use; those of the process by default.
    """

    __slots__ = ("_direct", "_pool", "domain", "scheme")

    def __init__(
        self, proxy: str = "", domain: str = "myqcloud.com", pool: Pool | None = None
    ) -> None:
        self.domain = domain
        self._pool = SHARED_POOL if pool is None else pool
        self._direct: tuple[str, int, bool] | None = None
        self.scheme = "https"
        if proxy:
            scheme, _, place = proxy.partition("://")
            host, _, port = place.rstrip("/").rpartition(":")
            if scheme != "http" or "@" in host or not (host and port.isdecimal()):
                shown = proxy.rpartition("@")[2]  # never a password
                raise ValueError(
                    f"expected http://host:port for the COS proxy, without user and password, not {shown!r}"
                )
            self._direct = (host, int(port), False)
            self.scheme = "http"

    def host(self, bucket: str, region: str) -> str:
        """The host of a bucket."""
        return build_host(bucket, region, self.domain)

    def send(
        self,
        credentials: Credentials,
        method: str,
        host: str,
        key: str,
        params: dict[str, str],
        headers: dict[str, str],
        body: bytes | Body,
        timeout: float,
        deadline: Deadline,
        fresh: bool,
    ) -> Exchange:
        """Send a signed request; returns when the head of its answer is there.

        Args:
            headers: by lower-case name; all are signed.
            timeout: seconds without a byte that end it.
            deadline: the bound of all of it, the body of the response included.
            fresh: use a new connection.

        Raises:
            StaleConnection: a kept connection had ended.
            NotConnected: no connection could be made: nothing was sent.
            OSError: the connection broke.
        """
        head = self._head(credentials, method, host, key, params, headers, body)
        place = self._direct or (host, 443, True)
        connection = None if fresh else self._pool.take(place)
        kept = connection is not None
        if connection is None:
            try:
                tls = get_ssl_context() if place[2] else None
                connection = Connection(*place[:2], tls, timeout, deadline)
            except OSError as error:
                raise NotConnected(f"cannot connect to {place[0]}:{place[1]}: {error}") from error
        try:
            response = connection.ask(method, head, body, timeout, deadline)
        except BaseException as error:
            connection.close()
            # TLS has an error of its own for it.
            if kept and isinstance(error, OSError) and not isinstance(error, TimeoutError):
                raise StaleConnection(str(error)) from error
            raise
        return Exchange(self._pool, place, connection, response)

    def _head(
        self,
        credentials: Credentials,
        method: str,
        host: str,
        key: str,
        params: dict[str, str],
        headers: dict[str, str],
        body: bytes | Body,
    ) -> bytes:
        signed = {"host": host, **headers}
        if credentials.token:
            signed[signature.TOKEN_HEADER] = credentials.token
        times = signature.period(time.time())
        authorization = signature.authorization(
            credentials, method, f"/{key}", params, signed, times
        )
        path = f"/{signature.encode_path(key)}"
        if params:
            query = [
                f"{signature.encode(name)}={signature.encode(value)}"
                for name, value in params.items()
            ]
            path = f"{path}?{'&'.join(query)}"
        if self._direct:
            path = f"http://{host}{path}"
        all_headers = {**signed, "user-agent": USER_AGENT, "authorization": authorization}
        length = len(body) if isinstance(body, bytes) else body.length
        if length or method in ("PUT", "POST"):
            all_headers["content-length"] = str(length)
        return build_head(method, path, all_headers)
