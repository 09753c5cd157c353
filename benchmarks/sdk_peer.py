# mypy: ignore-errors
"""A handler of the documentation's event written by hand with the MPS SDK, for `cold_start_zip.py`.

The models of the SDK parse the event, and a dict of callbacks selects one for each result. Nothing is logged.
"""

from __future__ import annotations

import json
import logging

from tencentcloud.mps.v20190612 import models

logger = logging.getLogger(__name__)


def rendition(task):
    return task.Output.Path


def animation(task):
    return task.Output.Path


def snapshots(task):
    return [picture.Path for picture in task.Output.PicInfoSet]


def sprites(task):
    return task.Output.ImagePathSet


def failure(task):
    return task.ErrCode, task.Message


CALLBACKS = {
    "Transcode": ("TranscodeTask", rendition),
    "AnimatedGraphics": ("AnimatedGraphicTask", animation),
    "SnapshotByTimeOffset": ("SnapshotByTimeOffsetTask", snapshots),
    "ImageSprites": ("ImageSpriteTask", sprites),
}


def main_handler(event, context):
    """Return the outcome of each result."""
    task = models.WorkflowTask()
    task._deserialize(event["WorkflowTaskEvent"])
    outcomes = []
    for result in task.MediaProcessResultSet:
        field, callback = CALLBACKS[result.Type]
        subtask = getattr(result, field)
        try:
            (callback if subtask.Status == "SUCCESS" else failure)(subtask)
            outcomes.append("success")
        except Exception:
            logger.exception("%s failed", result.Type)
            outcomes.append("fail")
    return json.loads(json.dumps(outcomes))
