"""What AI content review objects to, moved into a quarantine: ``MPS_MODERATE=cos://bucket.region/folder/`` switches
it on.

A callback that is registered with ``when=moderate.permits`` is not called for what is held.
"""

from scf_mps import Event, Router, Subtask, actions

from .settings import settings

router = Router()

moderate = settings.read("MPS_MODERATE", lambda to: actions.Moderate(to))

if moderate:
    for verb in (router.on, router.on_failure):
        verb(Event, name="handlers.moderation.quarantine", when=moderate.holds, needs=5)(
            moderate.quarantine
        )
    router.on(Subtask, name="handlers.moderation.record", when=moderate.concerns)(moderate.record)
