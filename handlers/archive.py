"""Archive of every notification in a bucket, enabled by ``MPS_ARCHIVE=cos://bucket.region/prefix/``.

Notifications are stored without secrets, under a key of task and status, so a redelivery writes the same object.
"""

from scf_mps import Event, Router, actions

from .settings import settings

router = Router()

archive = settings.read("MPS_ARCHIVE", lambda value: actions.Archive(value))

if archive:
    for verb in (router.on, router.on_failure, router.on_progress):
        # Ledger records contain this name, so it must not change.
        verb(Event, name="handlers.archiving.keep")(archive.keep)
