"""A log line for each transcoded video, with the properties that a player or an index needs."""

import logging

from scf_mps import Router, Transcode

router = Router()


@router.on(Transcode)
def record_rendition(transcode: Transcode, log: logging.Logger) -> None:
    """Log the files and properties of a rendition."""
    output = getattr(transcode, "output", None)
    log.info(
        "rendition ready",
        extra={
            "files": [str(file) for file in transcode.files],
            "definition": transcode.definition,
            "width": getattr(output, "width", None),
            "height": getattr(output, "height", None),
            "bitrate": getattr(output, "bitrate", None),
            "duration_s": getattr(output, "duration", None),
            "size_bytes": getattr(output, "size", None),
            "session_context": transcode.event.session_context,
        },
    )
