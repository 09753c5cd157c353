"""scf-mps: decorated functions for what Tencent Cloud MPS finishes, in one SCF function.

    from scf_mps import App, Transcode

    app = App()

    @app.on(Transcode)
    def announce(transcode: Transcode) -> None:
        print(transcode.files)

    main_handler = app.main_handler

A name is loaded when it is first asked for: a cold start pays for what the application uses.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .app import App as App
    from .context import Context as Context
    from .cos import Cos as Cos
    from .errors import CallbackFailed as CallbackFailed
    from .errors import CallbacksFailed as CallbacksFailed
    from .errors import ConfigurationError as ConfigurationError
    from .errors import Drop as Drop
    from .errors import EventHeld as EventHeld
    from .errors import InvalidEvent as InvalidEvent
    from .errors import LedgerError as LedgerError
    from .errors import MissingField as MissingField
    from .errors import NotInCos as NotInCos
    from .errors import RegistrationError as RegistrationError
    from .errors import ScfMpsError as ScfMpsError
    from .events.analysis import *
    from .events.files import CosObject as CosObject
    from .events.live import *
    from .events.media import *
    from .events.recognition import *
    from .events.result import Event as Event
    from .events.result import LiveEvent as LiveEvent
    from .events.result import Result as Result
    from .events.result import Subtask as Subtask
    from .events.result import TaskError as TaskError
    from .events.result import UnknownEvent as UnknownEvent
    from .events.result import UnknownSubtask as UnknownSubtask
    from .events.review import *
    from .events.single import *
    from .events.subtitles import *
    from .events.tasks import *
    from .ledger.base import Ledger as Ledger
    from .ledger.keeping import IdempotencyKey as IdempotencyKey
    from .middleware import Middleware as Middleware
    from .mps import Mps as Mps
    from .routing import Call as Call
    from .routing import Reason as Reason
    from .routing import Route as Route
    from .routing import Router as Router
else:
    _MODULES = {
        "app": "App",
        "context": "Context",
        "cos": "Cos",
        "errors": "CallbackFailed CallbacksFailed ConfigurationError Drop EventHeld InvalidEvent LedgerError MissingField NotInCos "
        "RegistrationError ScfMpsError",
        "events.files": "CosObject",
        "events.result": "Event LiveEvent Result Subtask TaskError UnknownEvent UnknownSubtask",
        "ledger.base": "Ledger",
        "ledger.keeping": "IdempotencyKey",
        "middleware": "Middleware",
        "mps": "Mps",
        "routing": "Call Reason Route Router",
    }

    def __getattr__(name):
        if name == "__all__":  # read by `from scf_mps import *`
            return _public_names()
        import sys

        from .events.kinds import class_named

        for module, names in _MODULES.items():
            if name in names.split():
                __import__(f"scf_mps.{module}")
                found = getattr(sys.modules[f"scf_mps.{module}"], name)
                break
        else:
            try:
                found = class_named(name)
            except KeyError:
                raise AttributeError(f"module 'scf_mps' has no attribute {name!r}") from None
        globals()[name] = found
        return found

    def _public_names():
        from .events.sets import MODULES

        return " ".join([*_MODULES.values(), *MODULES.values()]).split()

    def __dir__():
        return sorted({*globals(), *_public_names()})


__version__ = "0.1.0"
