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
    from .session import IdempotencyKey as IdempotencyKey
    from .url import open_ledger as open_ledger
else:
    _MODULES = {
        "..errors": "DamagedRecord EventHeld LedgerError",
        ".base": "Lease StoredEvent Ledger Record",
        ".cos": "CosLedger",
        ".file": "FileLedger",
        ".memory": "MemoryLedger",
        ".redis": "RedisLedger",
        ".session": "IdempotencyKey",
        ".url": "open_ledger",
    }

    def __getattr__(name):
        if name == "__all__":  # read by `import *`
            return " ".join(_MODULES.values()).split()
        from importlib import import_module

        for module, names in _MODULES.items():
            if name in names.split():
                found = globals()[name] = getattr(import_module(module, __name__), name)
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__():
        return sorted({*globals(), *" ".join(_MODULES.values()).split()})
