"""URLs that carry a signature: for a player, a browser, or another service, for a while."""

from __future__ import annotations

import time

from . import signature
from .errors import Denied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..events.files import CosObject
    from .client import Client

_BEHIND = 60
"""Seconds a URL is good before it is made, for a clock that is ahead."""


def presign_url(
    client: Client, item: CosObject, expires: float, method: str, params: Mapping[str, str]
) -> str:
    """See `Cos.url`. Raises `Denied` if the credentials have ended."""
    credentials = client.credentials
    now = time.time()
    end = now + expires
    if credentials.expires is not None:
        if credentials.expires <= now:
            raise Denied("the credentials have ended", code="ExpiredToken", object=item)
        end = min(end, credentials.expires)
    host = client.transport.host(item.bucket, item.region)
    query = signature.build_presigned_query(
        credentials, method, f"/{item.key}", host, params, f"{int(now) - _BEHIND};{int(end)}"
    )
    return f"{client.transport.scheme}://{host}/{signature.encode_path(item.key)}?{query}"
