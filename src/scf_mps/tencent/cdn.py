"""Cdn: what Tencent Cloud's CDN holds of published files, forgotten or fetched ahead, through the official SDK."""

from __future__ import annotations

from .client import ApiClient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_PURGE_URLS = 1000
"""URLs of one PurgeUrlsCache; by default 10,000 a day (product page 228/33601)."""
MAX_PREFETCH_URLS = 500
"""URLs of one PushUrlsCache; by default 1,000 a day (product page 228/33600)."""


class Cdn(ApiClient):
    """The CDN for one invocation; see `ApiClient`. A callback asks for it by annotation."""

    service = "cdn"
    version = "2018-06-06"

    def purge(self, urls: Sequence[str]) -> list[str]:
        """Have the CDN forget URLs, with scheme and host; returns the ids of its tasks.

        Raises:
            ApiError: refused: the domain is not the account's, or the day's quota is used up.
        """
        return self._submit("PurgeUrlsCache", urls, MAX_PURGE_URLS)

    def prefetch(self, urls: Sequence[str]) -> list[str]:
        """Have the CDN fetch URLs before anybody asks for them; as `purge`."""
        return self._submit("PushUrlsCache", urls, MAX_PREFETCH_URLS)

    def _submit(self, action: str, urls: Sequence[str], most: int) -> list[str]:
        batches = [list(urls[first : first + most]) for first in range(0, len(urls), most)]
        return [str(self.call(action, Urls=batch).get("TaskId")) for batch in batches]
