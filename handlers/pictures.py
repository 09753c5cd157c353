"""A log line for each animation, snapshot and sprite."""

import logging

from scf_mps import AnimatedGraphics, ImageSprites, MediaSubtask, Router, SnapshotByTimeOffset

router = Router()


@router.on(AnimatedGraphics)
def record_animation(animation: AnimatedGraphics, log: logging.Logger) -> None:
    """Log the file of a GIF or WebP animation."""
    log.info("animation ready", extra=_facts(animation))


@router.on(SnapshotByTimeOffset)
def record_snapshots(snapshots: SnapshotByTimeOffset, log: logging.Logger) -> None:
    """Log the files and time offsets of the snapshots."""
    pictures = getattr(_get_output(snapshots), "pic_info_set", [])
    offsets = [getattr(picture, "time_offset", None) for picture in pictures]
    log.info("snapshots ready", extra={**_facts(snapshots), "time_offsets_s": offsets})


@router.on(ImageSprites)
def record_sprites(sprites: ImageSprites, log: logging.Logger) -> None:
    """Log the files of the sprites and of their WebVTT index."""
    pictures = getattr(_get_output(sprites), "total_count", None)
    log.info("sprites ready", extra={**_facts(sprites), "pictures": pictures})


def _get_output(result: MediaSubtask) -> object:
    """Return the output, or None if MPS sent none."""
    return getattr(result, "output", None)


def _facts(result: MediaSubtask) -> dict[str, object]:
    return {
        "files": [str(file) for file in result.files],
        "definition": result.definition,
        "session_context": result.event.session_context,
    }
