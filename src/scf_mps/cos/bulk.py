"""The same work on many objects: so many at a time as COS takes, each failing alone, all reported at the end.

What the work is, and that it may be done again, is up to its caller; how often a single request is tried is
`client.py`'s.
"""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

from .errors import FATAL_CODES, CosError, group

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .client import Client
    from .progress import ProgressReporter


T = TypeVar("T")
R = TypeVar("R")


class _Work(Generic[T, R]):
    """Items that workers take from, and what became of them."""

    def __init__(
        self,
        client: Client,
        items: Sequence[T],
        work: Callable[[T], R],
        report: ProgressReporter | None,
        stop_at_failure: bool,
    ) -> None:
        self.results: dict[int, R] = {}
        self.errors: dict[int, Exception] = {}
        self._client = client
        self._items = items
        self._next: Iterator[int] = iter(range(len(items)))
        self._work = work
        self._report = report
        self._stop_at_failure = stop_at_failure
        self._hopeless: CosError | None = None
        self._exhausted = False
        self.interrupted: BaseException | None = None

    def run(self, number: int) -> None:
        """Be worker `number`: take items until there are none."""
        try:
            while not self._is_over():
                self._client.window.wait_for(number, self._is_over)
                index = next(self._next, None)
                if index is None:
                    self._exhausted = True
                else:
                    self._do(index)
        except BaseException as error:  # a KeyboardInterrupt, or an error of the progress callback
            self.interrupted = error
        finally:
            self._client.window.release()

    def _is_over(self) -> bool:
        return self._exhausted or self.interrupted is not None

    def _do(self, index: int) -> None:
        item = self._items[index]
        if self._hopeless is not None:
            self.errors[index] = copy_error(self._hopeless, item)
            return
        try:
            self.results[index] = self._work(item)
        except CosError as error:
            self.errors[index] = error
            if error.code in FATAL_CODES or self._stop_at_failure:
                self._hopeless = error
        except Exception as error:
            self.errors[index] = error
        else:
            if self._report is not None:
                self._report.finished(item)


def copy_error(error: CosError, item: object) -> CosError:
    """The error that stopped all work, as that of an item that had no turn."""
    from .locations import one

    copy = type(error)(
        error.message,
        code=error.code,
        status=error.status,
        request_id=error.request_id,
        object=one(item[0] if isinstance(item, tuple) else item),
    )
    copy.__cause__ = error
    return copy


def run(
    client: Client,
    items: Sequence[T],
    work: Callable[[T], R],
    report: ProgressReporter | None = None,
    workers: int = 0,
    stop_at_failure: bool = False,
) -> tuple[list[R | None], list[Exception]]:
    """Do `work` on each item; returns the results in order (None where it failed) and the errors in order.

    Args:
        report: is told of each item that is done.
        workers: threads at most; the client's window by default.
        stop_at_failure: leave out what has not begun when one fails.

    Raises:
        BaseException: what is no `Exception`, when every worker has ended its item.
    """
    job = _Work(client, items, work, report, stop_at_failure)
    count = min(len(items), workers or client.window.most)
    threads = []
    for number in range(1, count):
        thread = threading.Thread(target=job.run, args=(number,), name=f"cos-{number}", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no thread is left, or the interpreter ends: fewer do the work
            break
        threads.append(thread)
    job.run(0)
    try:
        for thread in threads:
            thread.join()
    except BaseException as error:
        job.interrupted = error
        for thread in threads:
            thread.join()
    if job.interrupted is not None:
        raise job.interrupted
    results = [job.results.get(index) for index in range(len(items))]
    return results, [job.errors[index] for index in sorted(job.errors)]


def run_all(
    client: Client, items: Sequence[T], work: Callable[[T], R], workers: int = 0
) -> list[R]:
    """Do `work` on each item, of a whole that is worth nothing if one fails: the first error is raised as it is."""
    results, errors = run(client, items, work, None, workers, stop_at_failure=True)
    if errors:
        raise next((error for error in errors if error.__cause__ not in errors), errors[0])
    return results  # type: ignore[return-value]


def run_each(
    client: Client,
    items: Sequence[T],
    work: Callable[[T], R],
    what: str,
    report: ProgressReporter | None = None,
) -> list[R]:
    """Do `work` on each item.

    Raises:
        SomeFailed: with the error of each that failed, after every one had its turn.
    """
    results, errors = run(client, items, work, report)
    if errors:
        raise group(errors, len(items) - len(errors), len(items), what)
    return results  # type: ignore[return-value]


def split_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of `size`."""
    chunk: list[T] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
