"""Deleting many objects: by the thousand, in the order they are given, each failure known by its key."""

from __future__ import annotations

from . import bulk, operations, xml
from .errors import CosError, group, is_retryable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..events.files import CosObject
    from .client import Client
    from .progress import ProgressReporter


def delete_objects(
    client: Client, objects: Sequence[CosObject], report: ProgressReporter | None
) -> None:
    """Delete the objects; those that are not there are deleted.

    Batches are made one behind the other, so that what is named last goes last.

    Raises:
        SomeFailed: with the error of each that could not be deleted; what comes behind its batch is left alone.
    """
    done = 0
    for batch in bulk.split_batches(objects, operations.MAX_DELETE_KEYS):
        errors = _delete_batch(client, batch)
        done += len(batch) - len(errors)
        if errors:
            raise group(errors, done, len(objects), "delete")
        if report is not None:
            for item in batch:
                report.finished(item)


def _delete_batch(client: Client, batch: Sequence[CosObject]) -> list[Exception]:
    errors: list[Exception] = []
    buckets: dict[tuple[str, str], list[CosObject]] = {}
    for item in batch:
        if xml.is_valid_text(item.key):
            buckets.setdefault((item.bucket, item.region), []).append(item)
        else:
            errors += _one(client, item)
    for items in buckets.values():
        errors += _one(client, items[0]) if len(items) == 1 else _many(client, items)
    return errors


def _one(client: Client, item: CosObject) -> list[Exception]:
    try:
        operations.delete(client, item)
    except CosError as error:
        return [error]
    return []


def _many(client: Client, items: list[CosObject]) -> list[Exception]:
    """Delete objects of one bucket; keys that failed for a time are tried again."""
    final: list[Exception] = []
    attempt = 0
    while True:
        attempt += 1
        try:
            errors = operations.delete_batch(client, items)
        except CosError as error:
            return [*final, *(bulk.copy_error(error, item) for item in items)]
        again = [error for error in errors if error.object is not None and is_retryable(error)]
        final += [error for error in errors if error not in again]
        if not again or attempt >= client.retry.attempts:
            return [*final, *again]
        if not client.deadline.sleep(client.retry.wait(attempt)):
            return [*final, *again]
        items = [error.object for error in again if error.object is not None]
