"""The CDN's purging and prefetching: what URLs it was asked to forget, and to fetch.

Its limits are those of the documentation (product pages 228/33601 and 228/33600), its codes those of the SDK. It
caches nothing: a test looks at what it was asked for.
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
    """The domains of an account, as far as URLs of theirs can be purged and prefetched.

    Args:
        domains: those that the account has; URLs of others are refused. Any domain without it.
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
        """Forget URLs; 1,000 a request."""
        return self._take(call, self.purged, "CdnPurgeUrl", 1000, self._purges)

    @action("PushUrlsCache")
    def push_urls_cache(self, call: Call) -> Mapping[str, Any]:
        """Fetch URLs ahead; 500 a request."""
        return self._take(call, self.pushed, "CdnPush", 500, self._pushes)

    def _take(
        self, call: Call, taken: list[list[str]], what: str, most: int, a_day: int
    ) -> Mapping[str, Any]:
        urls = call.parameters.get("Urls")
        if not isinstance(urls, list) or not urls:
            raise ApiError("MissingParameter", "The request has no Urls.")
        if len(urls) > most:
            raise ApiError(f"LimitExceeded.{what}ExceedBatchLimit", f"{most} URLs at most.")
        for url in urls:
            self._check(url)
        with self._lock:
            if sum(map(len, taken)) + len(urls) > a_day:
                raise ApiError(f"LimitExceeded.{what}ExceedDayLimit", f"{a_day} URLs a day.")
            taken.append(urls)
        return {"TaskId": str(uuid.uuid4())}

    def _check(self, url: object) -> None:
        parts = urlsplit(url if isinstance(url, str) else "")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ApiError("InvalidParameter.CdnParamError", f"{url!r} is no URL of a site.")
        if self._domains is not None and parts.hostname not in self._domains:
            raise ApiError(
                "ResourceNotFound.CdnHostNotExists",
                f"{parts.hostname} is no domain of the account.",
            )
