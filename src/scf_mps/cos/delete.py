"""Batch deletes, in the given order, with the error of each key."""

from __future__ import annotations

from . import bulk, operations, xml
from .errors import CosError, group_errors, is_retryable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..events.files import CosObject
    from .client import Client
    from .progress import ProgressReporter


def delete_objects(
    client: Client, objects: Sequence[CosObject], report: ProgressReporter | None = None
) -> None:
    """Delete objects, one batch after the other, so that the last objects are deleted last. Missing ones count as deleted.

    Raises:
        SomeFailed: with the error of each object that was not deleted. Later batches were not begun.
    """
    done = 0
    for batch in bulk.split_batches(objects, operations.MAX_DELETE_KEYS):
        errors = _delete_batch(client, batch)
        done += len(batch) - len(errors)
        if errors:
            raise group_errors(errors, done, len(objects), "delete")
        if report is not None:
            for _ in batch:
                report.finish_object()


def _delete_batch(client: Client, batch: Sequence[CosObject]) -> list[Exception]:
    errors: list[Exception] = []
    buckets: dict[tuple[str, str], list[CosObject]] = {}
    for item in batch:
        if xml.is_valid_text(item.key):
            buckets.setdefault((item.bucket, item.region), []).append(item)
        else:
            errors += _delete_one(client, item)
    for items in buckets.values():
        if len(items) == 1:
            errors += _delete_one(client, items[0])
        else:
            errors += _delete_with_retry(client, items)
    return errors


def _delete_one(client: Client, item: CosObject) -> list[Exception]:
    try:
        operations.delete(client, item)
    except CosError as error:
        return [error]
    return []


def _delete_with_retry(client: Client, items: list[CosObject]) -> list[Exception]:
    """Delete objects of one bucket. Retry the keys whose errors are temporary."""
    final: list[Exception] = []
    attempt = 0
    while True:
        attempt += 1
        try:
            errors = operations.delete_batch(client, items)
        except CosError as error:
            return [*final, *(bulk.copy_error(error, item) for item in items)]
        temporary = [error for error in errors if error.object is not None and is_retryable(error)]
        final += [error for error in errors if error not in temporary]
        wait = client.retry.next_wait(attempt)
        if not temporary or wait is None or not client.deadline.sleep(wait):
            return [*final, *temporary]
        items = [error.object for error in temporary if error.object is not None]
