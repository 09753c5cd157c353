"""`requests` sessions whose sockets end before the invocation does."""

from __future__ import annotations

import os
import weakref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..common.deadline import Deadline


def create_adapter(deadline: Deadline, timeout: float) -> Any:
    """Return a `requests` adapter over sockets that a deadline bounds.

    Args:
        deadline: the bound of every socket operation, name resolution included.
        timeout: seconds without a byte that end an attempt.
    """
    from requests.adapters import HTTPAdapter
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
    from urllib3.connection import HTTPConnection, HTTPSConnection

    from ..common.deadline import DeadlineSocket, connect

    class Plain(HTTPConnection):
        def _new_conn(self) -> Any:
            return connect(self._dns_host, self.port, timeout, deadline)

        def getresponse(self, *arguments: Any, **keywords: Any) -> Any:
            sock: Any = self.sock
            try:
                return super().getresponse(*arguments, **keywords)
            except BaseException:
                sock.close_at_once()  # the part of the response that was read keeps it open
                raise

    class Secure(Plain, HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            self.sock = DeadlineSocket(self.sock, timeout, deadline)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls: Any = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls: Any = Secure

    class Adapter(HTTPAdapter):
        def proxy_manager_for(self, *arguments: Any, **keywords: Any) -> Any:
            return _use_own_pools(super().proxy_manager_for(*arguments, **keywords))

        def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:
            super().init_poolmanager(*arguments, **keywords)
            _use_own_pools(self.poolmanager)

    def _use_own_pools(manager: Any) -> Any:
        manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
        return manager

    return Adapter(pool_maxsize=64)


def bind_connection(connection: Any, deadline: Deadline, timeout: float) -> None:
    """Make a client of the API's SDK send its requests over sockets that a deadline bounds.

    Args:
        connection: the SDK's `ProxyConnection`. Its `request` is replaced, its proxies and certificates stay.
        deadline: the bound of every socket operation.
        timeout: seconds without a byte that end an attempt.
    """
    import requests

    session = requests.Session()
    session.trust_env = False  # the SDK has read the proxies of the environment itself
    adapter = create_adapter(deadline, timeout)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)

    def request(
        method: str, url: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Any:
        return session.request(
            method,
            url,
            data=body,
            headers={"Host": connection.request_host, **(headers or {})},
            proxies=connection.proxy,
            verify=os.environ.get("SSL_CERT_FILE") or connection.certification,
            timeout=deadline.timeout(timeout),
            allow_redirects=False,  # the headers include the session token
            stream=True,
        )

    connection.request = request
    weakref.finalize(connection, session.close)  # keep-alive sockets end with the client


def hide_debug_logs(name: str) -> None:
    """Drop the DEBUG records of an SDK's logger: they hold signatures and session tokens."""
    import logging

    logging.getLogger(name).addFilter(_is_not_debug)


def _is_not_debug(record: Any) -> bool:
    level: int = record.levelno
    return level >= 20
