"""From what ``MPS_LEDGER`` says to the ledger it means; a store's code is loaded for its own URLs alone."""

from __future__ import annotations

from ..errors import LedgerError
from .base import Ledger

_EXPECTED = "cos://bucket.region/prefix/, redis://host:6379/0, file:///folder, memory:// or none"


def open_ledger(url: Ledger | str) -> Ledger:
    """The ledger at a URL; nothing is asked of it yet.

    ``?keep=30d`` (or ``h``) says for how long events are kept, 30 days by default.

    Raises:
        LedgerError: if no ledger can be there.
    """
    if isinstance(url, Ledger):
        return url
    if not isinstance(url, str):
        raise LedgerError(f"expected a Ledger or the URL of one ({_EXPECTED}), not {url!r}")
    scheme, colon, _ = url.partition("://")
    if scheme == "memory" and colon:
        from .memory import MemoryLedger

        return MemoryLedger()
    raise LedgerError(f"expected the URL of a ledger, {_EXPECTED}, not one of {scheme}:")
