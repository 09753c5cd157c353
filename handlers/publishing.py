"""Outputs published to where players get them: ``MPS_PUBLISH=cos://bucket.region/prefix/`` switches it on.

Segments and pictures are copied before what names them, each copy is verified, and a redelivered event copies the
same objects to the same keys: nothing is done twice that would matter.
"""

import logging
import os

from scf_mps import Cos, Router
from scf_mps.events.media import MediaSubtask

router = Router()


def is_wanted(result: MediaSubtask) -> bool:
    """Whether there is a place to publish to."""
    return bool(os.environ.get("MPS_PUBLISH"))


@router.on(MediaSubtask, when=is_wanted, needs=5)
def publish(result: MediaSubtask, cos: Cos, log: logging.Logger) -> None:
    """Copy all files of a result below MPS_PUBLISH, and log where they are now."""
    copies = cos.publish(result, to=os.environ["MPS_PUBLISH"])
    log.info("published", extra={"files": [str(copy) for copy in copies]})
