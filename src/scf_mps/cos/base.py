"""What every part of `Cos` stands on: how it is made, and how one object or many are told apart."""

from __future__ import annotations

import os

from ..common.deadline import Deadline
from ..common.retry import Retry
from ..tencent.credentials import load_credentials
from . import bulk, locations
from .client import Client
from .progress import ProgressReporter
from .rate_limit import AdaptiveConcurrency, RateLimiter
from .transport import Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar

    from ..context import Context
    from ..events.files import CosObject
    from ..tencent.credentials import Credentials
    from .progress import ProgressCallback
    from .transport import Pool

    R = TypeVar("R")


class Base:
    """See `Cos`, which is the public face of this."""

    def __init__(
        self,
        credentials: Credentials | None = None,
        *,
        context: Context | None = None,
        proxy: str | None = None,
        buckets: str | Iterable[str] | None = None,
        concurrency: int = 32,
        retry: Retry | None = None,
        timeout: float = 15.0,
        domain: str = "myqcloud.com",
        rate: float = 1.0,
        pool: Pool | None = None,
    ) -> None:
        proxy = os.environ.get("MPS_COS_PROXY", "") if proxy is None else proxy
        buckets = os.environ.get("MPS_BUCKETS") or None if buckets is None else buckets
        self._client = Client(
            Transport(proxy, domain, pool),
            credentials or load_credentials(context),
            Deadline.before_end(context),
            retry or Retry(),
            RateLimiter(rate),
            AdaptiveConcurrency(concurrency),
            locations.BucketAllowlist(buckets),
            timeout,
        )

    @staticmethod
    def _items(objects: Any) -> tuple[bool, list[CosObject]]:
        """Whether it is one object, and the objects. Raises TypeError for what is neither one nor many."""
        one = locations.one(objects)
        return (True, [one]) if one is not None else (False, locations.many(objects))

    def _each(self, objects: Any, work: Callable[[CosObject], R], what: str) -> Any:
        """The result of the work on one object, or the list of results for many."""
        single, items = self._items(objects)
        self._client.allowed.check_all(items)
        if single:
            return work(items[0])
        return bulk.run_each(self._client, items, work, what)

    @staticmethod
    def _report(
        what: str, total: int, progress: ProgressCallback | None
    ) -> ProgressReporter | None:
        return ProgressReporter(what, total, progress) if progress is not None else None
