"""A client of Tencent Cloud's CDN: purge and prefetch URLs."""

from __future__ import annotations

from .client import ApiClient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_PURGE_URLS = 1000
"""URLs of one PurgeUrlsCache. The default quota is 10,000 a day (product page 228/33601)."""
MAX_PREFETCH_URLS = 500
"""URLs of one PushUrlsCache. The default quota is 1,000 a day (product page 228/33600)."""


class Cdn(ApiClient):
    """A client of the CDN for one invocation. A callback declares a parameter of this type to get it."""

    service = "cdn"
    version = "2018-06-06"

    def purge(self, urls: Sequence[str]) -> list[str]:
        """Purge URLs from the CDN's caches. Return the ids of the CDN's tasks.

        Args:
            urls: with scheme and host.

        Raises:
            ApiError: e.g. the domain is not the account's, or the daily quota is used up.
        """
        return self._submit("PurgeUrlsCache", urls, MAX_PURGE_URLS)

    def prefetch(self, urls: Sequence[str]) -> list[str]:
        """Fetch URLs into the CDN's caches before they are requested. See `purge`."""
        return self._submit("PushUrlsCache", urls, MAX_PREFETCH_URLS)

    def _submit(self, action: str, urls: Sequence[str], max_urls: int) -> list[str]:
        batches = [list(urls[first : first + max_urls]) for first in range(0, len(urls), max_urls)]
        return [str(self.call(action, Urls=batch).get("TaskId")) for batch in batches]
