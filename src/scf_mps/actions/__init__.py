"""Actions: what most applications do with what MPS finished, ready to be registered or called.

Each is a class that is made of what it needs, and whose methods are callbacks: ``router.on(Event)(archive.keep)``.
`Settings` makes them of environment variables. A name is loaded when it is first asked for: a cold start pays for
the actions that are switched on.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .archive import Archive as Archive
    from .cdn import Cdn as Cdn
    from .forward import Forward as Forward
    from .moderate import Moderate as Moderate
    from .notify import Notify as Notify
    from .notify import NotifyError as NotifyError
    from .publish import Publish as Publish
    from .resubmit import Resubmit as Resubmit
    from .settings import Settings as Settings
    from .verdict import Verdict as Verdict
    from .verdict import verdict_of as verdict_of
else:
    _MODULES = {
        "archive": "Archive",
        "cdn": "Cdn",
        "forward": "Forward",
        "moderate": "Moderate",
        "notify": "Notify NotifyError",
        "publish": "Publish",
        "resubmit": "Resubmit",
        "settings": "Settings",
        "verdict": "Verdict verdict_of",
    }

    def __getattr__(name):
        if name == "__all__":  # read by `import *`
            return " ".join(_MODULES.values()).split()
        import sys

        for module, names in _MODULES.items():
            if name in names.split():
                __import__(f"{__name__}.{module}")  # importlib would be three modules more
                found = globals()[name] = getattr(sys.modules[f"{__name__}.{module}"], name)
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__():
        return sorted({*globals(), *" ".join(_MODULES.values()).split()})
