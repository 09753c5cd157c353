"""Requests, sources and finished tasks for tests of the local MPS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scf_mps.local.mps import planner
from scf_mps.local.mps.model import Location, MediaTask, Subtask, SubtaskState
from scf_mps.local.mps.templates import Templates

REGION = "ap-guangzhou"
SOURCE = Location("in-1250000000", REGION, "videos/demo.mp4")
STORAGE = {"Type": "COS", "CosOutputStorage": {"Bucket": "out-1250000000", "Region": REGION}}
ALL_MEDIA: dict[str, Any] = {
    "TranscodeTaskSet": [{"Definition": 100010}, {"Definition": 100210}],
    "AnimatedGraphicTaskSet": [{"Definition": 20000, "StartTimeOffset": 0, "EndTimeOffset": 3}],
    "SnapshotByTimeOffsetTaskSet": [{"Definition": 10, "ExtTimeOffsetSet": ["0s", "50%"]}],
    "SampleSnapshotTaskSet": [{"Definition": 10}],
    "ImageSpriteTaskSet": [{"Definition": 10}],
    "AdaptiveDynamicStreamingTaskSet": [{"Definition": 10}],
}
ALL_AI: dict[str, Any] = {
    "AiContentReviewTask": {"Definition": 20},
    "AiAnalysisTask": {"Definition": 20},
    "AiRecognitionTask": {"Definition": 30},
    "AiQualityControlTask": {"Definition": 60},
    "SmartSubtitlesTask": {"Definition": 122},
    "SmartEraseTask": {"Definition": 101},
    "AIDubbingTask": {"Definition": 5},
}


def plan(
    media: Mapping[str, Any] | None = None,
    *,
    source: Location = SOURCE,
    trigger: Location | None = None,
    templates: Templates | None = None,
    **request: Any,
) -> planner.Plan:
    """Plan a request with these sets of media processing."""
    request = {"MediaProcessTask": media or {}, **request}
    return planner.plan(request, source, trigger, templates or Templates())


def plan_one(set_: str, templates: Templates | None = None, /, **task: Any) -> Subtask:
    """Plan a request with one subtask and return it."""
    (subtask,) = plan({set_: [task]}, templates=templates).subtasks
    return subtask


def create_task(subtasks: list[Subtask], **fields: Any) -> MediaTask:
    """Return a task in progress."""
    states = [SubtaskState(subtask) for subtask in subtasks]
    values = {"request": {}, "source": SOURCE, "created": 1000.0, "status": "PROCESSING"}
    return MediaTask(task_id="1250000000-WorkflowTask-1tt0", subtasks=states, **values | fields)
