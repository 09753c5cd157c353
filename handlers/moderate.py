"""Quarantine for objections of AI content review, enabled by ``MPS_MODERATE=cos://bucket.region/folder/``.

A callback registered with ``when=moderate.permits`` is not called for held results.
"""

from scf_mps import Event, Router, Subtask, actions

from .settings import settings

router = Router()

moderate = settings.read("MPS_MODERATE", lambda value: actions.Moderate(value))

if moderate:
    # Ledger records contain these names, so they must not change.
    for verb in (router.on, router.on_failure):
        verb(Event, name="handlers.moderation.quarantine", when=moderate.holds, needs=5)(
            moderate.quarantine
        )
    router.on(Subtask, name="handlers.moderation.record", when=moderate.concerns)(moderate.record)
