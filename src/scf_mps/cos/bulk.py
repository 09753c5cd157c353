"""Parallel work on many objects, with the error of each one collected."""

from __future__ import annotations

import threading
from contextvars import copy_context
from typing import Generic, TypeVar

from .errors import FATAL_CODES, CosError, group_errors
from .locations import find_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .client import Client
    from .progress import ProgressReporter


T = TypeVar("T")
R = TypeVar("R")


class _Job(Generic[T, R]):
    """Items that workers take from, and their results and errors by index."""

    def __init__(
        self,
        client: Client,
        items: Sequence[T],
        work: Callable[[T], R],
        report: ProgressReporter | None = None,
        stop_at_failure: bool = False,
    ) -> None:
        self._results: dict[int, R] = {}
        self._errors: dict[int, Exception] = {}
        self._concurrency = client.concurrency
        self._items = items
        self._indexes: Iterator[int] = iter(range(len(items)))
        self._work = work
        self._report = report
        self._stop_at_failure = stop_at_failure
        self._fatal_error: CosError | None = None
        self._is_exhausted = False
        self._interruption: BaseException | None = None

    def run(self, max_workers: int = 0) -> tuple[list[R | None], list[Exception]]:
        """Work on all items. Return the results in order (None where the work failed), and the errors in order."""
        count = min(len(self._items), max_workers or self._concurrency.limit)
        threads = []
        for number in range(1, count):
            thread = threading.Thread(
                target=copy_context().run,
                args=(self._run_worker, number),
                name=f"cos-{number}",
                daemon=True,
            )
            try:
                thread.start()
            except RuntimeError:  # no thread is left, or the interpreter ends: fewer workers do it
                break
            threads.append(thread)
        self._run_worker(0)
        try:
            for thread in threads:
                thread.join()
        except BaseException as error:
            self._interruption = error
            for thread in threads:
                thread.join()
        if self._interruption is not None:
            raise self._interruption
        results = [self._results.get(index) for index in range(len(self._items))]
        return results, [self._errors[index] for index in sorted(self._errors)]

    def _run_worker(self, number: int) -> None:
        """Take items until none is left."""
        try:
            while not self._is_over():
                self._concurrency.wait_for(number, self._is_over)
                index = next(self._indexes, None)
                if index is None:
                    self._is_exhausted = True
                else:
                    self._process(index)
        except BaseException as error:  # a KeyboardInterrupt, or an error of the progress callback
            self._interruption = error
        finally:
            self._concurrency.release()

    def _is_over(self) -> bool:
        return self._is_exhausted or self._interruption is not None

    def _process(self, index: int) -> None:
        item = self._items[index]
        if self._fatal_error is not None:
            self._errors[index] = copy_error(self._fatal_error, item)
            return
        try:
            self._results[index] = self._work(item)
        except CosError as error:
            self._errors[index] = error
            if error.code in FATAL_CODES or self._stop_at_failure:
                self._fatal_error = error
        except Exception as error:
            self._errors[index] = error
        else:
            if self._report is not None:
                self._report.finish_object()


def copy_error(error: CosError, item: object) -> CosError:
    """Return the error that stopped all work, as the error of an item that was not tried."""
    copy = type(error)(
        error.message,
        code=error.code,
        status=error.status,
        request_id=error.request_id,
        object=find_object(item[0] if isinstance(item, tuple) else item),
    )
    copy.__cause__ = error
    return copy


def try_each(
    client: Client,
    items: Sequence[T],
    work: Callable[[T], R],
    report: ProgressReporter | None = None,
) -> tuple[list[R | None], list[Exception]]:
    """Do `work` on each item. Return the results in order (None where it failed), and the errors in order.

    Raises:
        BaseException: an interruption that is not an `Exception`, after every worker has finished its item.
    """
    return _Job(client, items, work, report).run()


def run_all(
    client: Client, items: Sequence[T], work: Callable[[T], R], max_workers: int = 0
) -> list[R]:
    """Do `work` on each item of a whole that is useless if one fails. Stop at the first error and raise it."""
    results, errors = _Job(client, items, work, stop_at_failure=True).run(max_workers)
    if errors:
        raise next((error for error in errors if error.__cause__ not in errors), errors[0])
    return results  # type: ignore[return-value]


def run_each(
    client: Client,
    items: Sequence[T],
    work: Callable[[T], R],
    verb: str,
    report: ProgressReporter | None = None,
) -> list[R]:
    """Do `work` on each item, then raise the errors.

    Raises:
        SomeFailed: with the error of each item that failed.
    """
    results, errors = try_each(client, items, work, report)
    if errors:
        raise group_errors(errors, len(items) - len(errors), len(items), verb)
    return results  # type: ignore[return-value]


def split_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of `size`."""
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
