"""Publication of outputs to a bucket for players, enabled by ``MPS_PUBLISH=cos://bucket.region/prefix/``.

Segments and pictures are copied before the playlists that refer to them, and each copy is verified. The manifest, the
CDN refresh and the deletion of originals follow when all outputs of an event are published. Each is recorded and
retried separately.
"""

from scf_mps import Event, Router, actions

from .moderate import moderate
from .settings import settings

router = Router()

permits = moderate.permits if moderate else None  # held results are not published

publish = settings.read("MPS_PUBLISH", lambda value: actions.Publish(value, when=permits))

if publish:
    # Ledger records contain these names, so they must not change.
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
