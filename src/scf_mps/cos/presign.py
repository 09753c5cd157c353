"""Presigned URLs."""

from __future__ import annotations

import time

from . import signature
from .errors import Denied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..events.files import CosObject
    from .client import Client

_MAX_CLOCK_SKEW = 60
"""Seconds of validity before the URL is made, for clocks that differ."""


def presign_url(
    client: Client, item: CosObject, expires: float, method: str, params: Mapping[str, str]
) -> str:
    """Return a presigned URL. See `Cos.url`.

    Raises:
        Denied: the credentials have expired.
    """
    credentials = client.credentials
    now = time.time()
    end = now + expires
    if credentials.expires is not None:
        if credentials.expires <= now:
            raise Denied("the credentials have expired", code="ExpiredToken", object=item)
        end = min(end, credentials.expires)
    host = client.transport.build_host(item.bucket, item.region)
    parts = signature.SignedParts(method, f"/{item.key}", params, {"host": host})
    sign_time = f"{int(now) - _MAX_CLOCK_SKEW};{int(end)}"
    query = signature.build_presigned_query(credentials, parts, sign_time)
    return f"{client.transport.scheme}://{host}/{signature.encode_path(item.key)}?{query}"
