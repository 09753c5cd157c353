"""Deletion of ledger records, so that completed callbacks run again."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from scf_mps.ledger.base import StoredEvent, hash_key
from scf_mps.ledger.file import FileLedger, FileStore
from scf_mps.ledger.object_layout import EventFolder, build_folder_name


def forget_calls(ledger: Path, key: str, callbacks: Collection[str] | None = None) -> int:
    """Delete the records of an event's callbacks, and return their number.

    Args:
        ledger: the folder of the ledger.
        key: of the event.
        callbacks: names of callbacks. None: all.

    Raises:
        LedgerError: if the ledger cannot be read or written.
    """
    event = FileLedger(ledger).find(key)
    if event is None:
        return 0
    forgotten = [
        record for record in event.records if callbacks is None or record.callback in callbacks
    ]
    store = FileStore(ledger)
    name = build_folder_name(event.task_id, event.type, event.status, event.key)
    remaining = StoredEvent.from_description(event.describe())
    remaining.delivery = event.delivery
    remaining.add(record for record in event.records if record not in forgotten)
    # Before the single records, so that no delivery reads them as late additions.
    store.delete([f"{name}/done-{hash_key(record.key)}" for record in forgotten])
    EventFolder(store, name, str(ledger)).put_state(remaining)
    return len(forgotten)
