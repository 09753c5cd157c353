"""Actions: ready-made callbacks for results of MPS.

Each action is a class whose methods are callbacks: ``router.on(Event)(archive.keep)``. `Settings` creates them from
environment variables. Names are loaded on first access, so a cold start loads only the enabled actions.
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
    from ..common.lazy import create_accessors

    __getattr__, __dir__ = create_accessors(
        globals(),
        {
            "tencent.cdn": "Cdn",
            "actions.archive": "Archive",
            "actions.forward": "Forward",
            "actions.moderate": "Moderate",
            "actions.moderate.verdict": "Verdict compute_verdict",
            "actions.notify": "Notify NotifyError",
            "actions.publish": "Publish",
            "actions.resubmit": "Resubmit",
            "actions.settings": "Settings",
        },
    )
