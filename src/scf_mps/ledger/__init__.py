"""The ledger: what was done for which event, so that nothing is done twice and nothing is lost.

An application opens one by the URL in ``MPS_LEDGER``; without one nothing here is loaded. `Ledger` is what a store of
one's own derives from.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..errors import DamagedRecord as DamagedRecord
    from ..errors import EventHeld as EventHeld
    from ..errors import LedgerError as LedgerError
    from .base import Lease as Lease
    from .base import Ledger as Ledger
    from .base import Record as Record
    from .base import StoredEvent as StoredEvent
    from .cos import CosLedger as CosLedger
    from .file import FileLedger as FileLedger
    from .memory import MemoryLedger as MemoryLedger
    from .redis import RedisLedger as RedisLedger
    from .url import open_ledger as open_ledger
else:
    from ..common.lazy import create_accessors

    __getattr__, __dir__ = create_accessors(
        globals(),
        {
            "errors": "DamagedRecord EventHeld LedgerError",
            "ledger.base": "Lease StoredEvent Ledger Record",
            "ledger.cos": "CosLedger",
            "ledger.file": "FileLedger",
            "ledger.memory": "MemoryLedger",
            "ledger.redis": "RedisLedger",
            "ledger.url": "open_ledger",
        },
    )
