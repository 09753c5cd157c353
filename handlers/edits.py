"""A log line for each edited video."""

import logging

from scf_mps import EditMediaTask, Router

router = Router()


@router.on(EditMediaTask)
def record_edit(edit: EditMediaTask, log: logging.Logger) -> None:
    """Log the files and sources of an edited video."""
    log.info(
        "edit ready",
        extra={
            "files": [str(file) for file in edit.files],
            "sources": [str(source) for source in edit.inputs],
            "session_context": edit.session_context,
        },
    )
