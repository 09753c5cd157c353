"""Actions: what most applications do with what MPS finished, ready to be registered or called.

Each is a class that is made of what it needs, and whose methods are callbacks: ``router.on(Event)(archive.keep)``.
`Settings` makes them of environment variables. A name is loaded when it is first asked for: a cold start pays for
the actions that are switched on.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..tencent.cdn import Cdn as Cdn
    from .archive import Archive as Archive
    from .forward import Forward as Forward
    from .moderate import Moderate as Moderate
    from .moderate.verdict import Verdict as Verdict
    from .moderate.verdict import compute_verdict as compute_verdict
    from .notify import Notify as Notify
    from .notify import NotifyError as NotifyError
    from .publish import Publish as Publish
    from .resubmit import Resubmit as Resubmit
    from .settings import Settings as Settings
else:
    _MODULES = {
        "..tencent.cdn": "Cdn",
        "archive": "Archive",
        "forward": "Forward",
        "moderate": "Moderate",
        "moderate.verdict": "Verdict compute_verdict",
        "notify": "Notify NotifyError",
        "publish": "Publish",
        "resubmit": "Resubmit",
        "settings": "Settings",
    }

    def __getattr__(name):
        if name == "__all__":  # read by `import *`
            return " ".join(_MODULES.values()).split()
        import sys

        for module, names in _MODULES.items():
            if name in names.split():
                module = f"{__name__}.{module}".replace("actions...", "")
                __import__(module)  # importlib would be three modules more
                found = globals()[name] = getattr(sys.modules[module], name)
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__():
        return sorted({*globals(), *" ".join(_MODULES.values()).split()})
