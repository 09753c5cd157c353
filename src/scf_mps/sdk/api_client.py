"""Clients of ``tencentcloud-sdk-python``, bound to one invocation."""

from __future__ import annotations

from ..tencent.client import ApiClient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from ..context import Context

    C = TypeVar("C")


class _Service(ApiClient):
    """The endpoint, region and credentials of the service of a client class."""

    def __init__(self, client_class: type, context: Context | None, region: str | None) -> None:
        self.service = client_class._service  # type: ignore[attr-defined]
        super().__init__(context=context, region=region)


def create_api_client(client_class: type[C], context: Context | None, region: str | None) -> C:
    """Return a client. See `Sdk.client`."""
    client = _Service(client_class, context, region).create_sdk_client(client_class)
    client.request.conn.proxy = None  # type: ignore[attr-defined]
    return client
