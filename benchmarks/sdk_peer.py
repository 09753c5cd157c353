# mypy: ignore-errors
"""The job of the documentation's event as it is written by hand on the MPS SDK: what `cold_start_zip.py` compares with.

The models of the SDK read the event, and a dict of callbacks takes each result by type and status. Nothing is logged.
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
    """One word for each result."""
    task = models.WorkflowTask()
    task._deserialize(event["WorkflowTaskEvent"])
    done = []
    for result in task.MediaProcessResultSet:
        field, callback = CALLBACKS[result.Type]
        one = getattr(result, field)
        try:
            (callback if one.Status == "SUCCESS" else failure)(one)
            done.append("success")
        except Exception:
            logger.exception("%s failed", result.Type)
            done.append("fail")
    return json.loads(json.dumps(done))
