"""Pictures that were made of a video: animated graphics, snapshots, sprites."""

import logging

from scf_mps import AnimatedGraphics, ImageSprites, Router, SnapshotByTimeOffset
from scf_mps.events.generated.media import MediaSubtask

router = Router()


@router.on(AnimatedGraphics)
def record_animation(animation: AnimatedGraphics, log: logging.Logger) -> None:
    """Log where a GIF or WebP animation is."""
    log.info("animation ready", extra=_facts(animation))


@router.on(SnapshotByTimeOffset)
def record_snapshots(snapshots: SnapshotByTimeOffset, log: logging.Logger) -> None:
    """Log where the snapshots are, and of which moments."""
    pictures = getattr(_get_output(snapshots), "pic_info_set", [])
    moments = [getattr(picture, "time_offset", None) for picture in pictures]
    log.info("snapshots ready", extra={**_facts(snapshots), "time_offsets_s": moments})


@router.on(ImageSprites)
def record_sprites(sprites: ImageSprites, log: logging.Logger) -> None:
    """Log where the sprites and their WebVTT index are."""
    pictures = getattr(_get_output(sprites), "total_count", None)
    log.info("sprites ready", extra={**_facts(sprites), "pictures": pictures})


def _get_output(result: MediaSubtask) -> object:
    """Return the output, or None if MPS left it out."""
    return getattr(result, "output", None)


def _facts(result: MediaSubtask) -> dict[str, object]:
    return {
        "files": [str(file) for file in result.files],
        "definition": result.definition,
        "session_context": result.event.session_context,
    }
