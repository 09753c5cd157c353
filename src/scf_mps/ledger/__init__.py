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
    from .base import Claim as Claim
    from .base import Entry as Entry
    from .base import Ledger as Ledger
    from .base import Record as Record
    from .cos import CosLedger as CosLedger
    from .files import FileLedger as FileLedger
    from .keeping import IdempotencyKey as IdempotencyKey
    from .memory import MemoryLedger as MemoryLedger
    from .opening import open_ledger as open_ledger
    from .redis import RedisLedger as RedisLedger
else:
    _MODULES = {
        "..errors": "DamagedRecord EventHeld LedgerError",
        ".base": "Claim Entry Ledger Record",
        ".cos": "CosLedger",
        ".files": "FileLedger",
        ".keeping": "IdempotencyKey",
        ".memory": "MemoryLedger",
        ".opening": "open_ledger",
        ".redis": "RedisLedger",
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
