"""CDN, product API 2018-06-06: PurgeUrlsCache and PushUrlsCache.

Limits follow product pages 228/33601 and 228/33600, error codes the SDK. Nothing is cached: a test
reads the requested URLs.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from ..errors import ApiError
from ..service import Call, Service, action


class Cdn(Service):
    """Purging and prefetching of URLs.

    Args:
        domains: the account's domains. Other URLs are refused. None: any domain.
        purges: URLs that may be purged a day.
        pushes: URLs that may be prefetched a day.

    Attributes:
        purged: the URLs of each accepted PurgeUrlsCache.
        pushed: the URLs of each accepted PushUrlsCache.
    """

    name = "cdn"
    version = "2018-06-06"
    needs_region = False

    def __init__(
        self, domains: Iterable[str] | None = None, *, purges: int = 10_000, pushes: int = 1000
    ) -> None:
        self.purged: list[list[str]] = []
        self.pushed: list[list[str]] = []
        self._domains = None if domains is None else frozenset(domains)
        self._purges = purges
        self._pushes = pushes
        self._lock = threading.Lock()

    @action("PurgeUrlsCache")
    def purge_urls_cache(self, call: Call) -> Mapping[str, Any]:
        """Purge URLs, at most 1,000 a request."""
        return self._accept(call, self.purged, "CdnPurgeUrl", 1000, self._purges)

    @action("PushUrlsCache")
    def push_urls_cache(self, call: Call) -> Mapping[str, Any]:
        """Prefetch URLs, at most 500 a request."""
        return self._accept(call, self.pushed, "CdnPush", 500, self._pushes)

    def _accept(
        self, call: Call, accepted: list[list[str]], code: str, batch_limit: int, day_limit: int
    ) -> Mapping[str, Any]:
        urls = call.parameters.get("Urls")
        if not isinstance(urls, list) or not urls:
            raise ApiError("MissingParameter", "The request has no Urls.")
        if len(urls) > batch_limit:
            raise ApiError(f"LimitExceeded.{code}ExceedBatchLimit", f"At most {batch_limit} URLs.")
        for url in urls:
            self._check_url(url)
        with self._lock:
            if sum(map(len, accepted)) + len(urls) > day_limit:
                raise ApiError(f"LimitExceeded.{code}ExceedDayLimit", f"{day_limit} URLs a day.")
            accepted.append(urls)
        return {"TaskId": str(uuid.uuid4())}

    def _check_url(self, url: object) -> None:
        parts = urlsplit(url if isinstance(url, str) else "")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ApiError("InvalidParameter.CdnParamError", f"{url!r} is not an HTTP URL.")
        if self._domains is not None and parts.hostname not in self._domains:
            raise ApiError(
                "ResourceNotFound.CdnHostNotExists",
                f"{parts.hostname} is not a domain of the account.",
            )
