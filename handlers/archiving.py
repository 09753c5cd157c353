"""Every notification as it came, kept in a bucket: ``MPS_ARCHIVE=cos://bucket.region/prefix/`` switches it on.

Without its secrets, under a key of task and status, so that a redelivery writes the same object.
"""

from scf_mps import Event, Router, actions

from .settings import settings

router = Router()

archive = settings.read("MPS_ARCHIVE", lambda to: actions.Archive(to))

if archive:
    for verb in (router.on, router.on_failure, router.on_progress):
        verb(Event, name="handlers.archiving.keep")(archive.keep)
