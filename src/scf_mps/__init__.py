"""scf-mps: callbacks for Tencent Cloud MPS events in SCF functions.

    from scf_mps import App, Transcode

    app = App()

    @app.on(Transcode)
    def announce(transcode: Transcode) -> None:
        print(transcode.files)

    main_handler = app.main_handler

Names are imported on first access, so that a cold start pays only for the modules that the application uses.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .app import App as App
    from .common.spans import Observer as Observer
    from .common.spans import Span as Span
    from .context import Context as Context
    from .cos import Cos as Cos
    from .dispatch.idempotency import IdempotencyKey as IdempotencyKey
    from .dispatch.middleware import Middleware as Middleware
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
    from .events.base import Event as Event
    from .events.base import LiveEvent as LiveEvent
    from .events.base import Result as Result
    from .events.base import Subtask as Subtask
    from .events.base import TaskError as TaskError
    from .events.base import UnknownEvent as UnknownEvent
    from .events.base import UnknownSubtask as UnknownSubtask
    from .events.files import CosObject as CosObject
    from .events.generated.analysis import *
    from .events.generated.live import *
    from .events.generated.media import *
    from .events.generated.recognition import *
    from .events.generated.review import *
    from .events.generated.single import *
    from .events.generated.subtitles import *
    from .events.generated.tasks import *
    from .events.parser import parse_event as parse_event
    from .ledger.base import Ledger as Ledger
    from .routing.plan import Call as Call
    from .routing.plan import Reason as Reason
    from .routing.plan import Route as Route
    from .routing.router import Router as Router
    from .tencent.mps import Mps as Mps
else:
    from .common.lazy import create_accessors

    def _find_event_class(name):
        from .events.registry import get_class

        return get_class(name)

    def _list_event_classes():
        from .events.generated.type_tables import MODULES

        return " ".join(MODULES.values()).split()

    __getattr__, __dir__ = create_accessors(
        globals(),
        {
            "app": "App",
            "common.spans": "Observer Span",
            "context": "Context",
            "cos": "Cos",
            "dispatch.idempotency": "IdempotencyKey",
            "dispatch.middleware": "Middleware",
            "errors": "CallbackFailed CallbacksFailed ConfigurationError Drop EventHeld InvalidEvent LedgerError MissingField NotInCos RegistrationError ScfMpsError",
            "events.base": "Event LiveEvent Result Subtask TaskError UnknownEvent UnknownSubtask",
            "events.files": "CosObject",
            "events.parser": "parse_event",
            "ledger.base": "Ledger",
            "routing.plan": "Call Reason Route",
            "routing.router": "Router",
            "tencent.mps": "Mps",
        },
        _find_event_class,
        _list_event_classes,
    )


__version__ = "0.1.0"
