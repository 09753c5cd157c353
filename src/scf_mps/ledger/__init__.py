"""The ledger: outcomes of callbacks by event, so that no callback runs twice and no event is lost.

An application opens its ledger from the URL in ``MPS_LEDGER``. Without one, nothing here is loaded. Derive other stores
from `Ledger`.
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
