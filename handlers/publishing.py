"""Outputs published to where players get them: ``MPS_PUBLISH=cos://bucket.region/prefix/`` switches it on.

Segments and pictures are copied before what names them, and each copy is verified. What follows, a manifest, the CDN
and the originals, comes when all of an event is out; each is recorded and retried alone.
"""

from scf_mps import Event, Router, actions

from .moderation import moderate
from .settings import settings

router = Router()

permits = moderate.permits if moderate else None  # what is held is not published

publish = settings.read("MPS_PUBLISH", lambda to: actions.Publish(to, when=permits))

if publish:
    for kind in publish.kinds:
        router.on(kind, name="handlers.publishing.publish", needs=5, **publish.filters)(
            publish.copy
        )
    for callback in publish.finishing:
        router.on_complete(
            Event,
            name=f"handlers.publishing.{callback.__name__}",
            needs=5,
            when=publish.concerns,
        )(callback)
