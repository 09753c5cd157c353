"""The workflow of the local stack: every kind of result for each uploaded video."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..mps.workflows import Workflows

NAME = "default"
BUCKET = "media-1250000000"
REGION = "ap-guangzhou"
FOLDER = "/videos/"
OUTPUT_FOLDER = "/outputs/"

_STORAGE = {"Type": "COS", "CosOutputStorage": {"Bucket": BUCKET, "Region": REGION}}

MEDIA_TASKS: dict[str, Any] = {
    "TranscodeTaskSet": [{"Definition": 100010}, {"Definition": 100210}],
    "AdaptiveDynamicStreamingTaskSet": [{"Definition": 10}],
    "AnimatedGraphicTaskSet": [
        {"Definition": definition, "StartTimeOffset": 0, "EndTimeOffset": 5}
        for definition in (20000, 20001)
    ],
    "SnapshotByTimeOffsetTaskSet": [{"Definition": 10, "ExtTimeOffsetSet": ["0%", "50%"]}],
    "SampleSnapshotTaskSet": [{"Definition": 10}],
    "ImageSpriteTaskSet": [{"Definition": 10}],
}
"""``MediaProcessTask``."""

PARAMETERS: dict[str, Any] = {
    "WorkflowName": NAME,
    "Trigger": {
        "Type": "CosFileUpload",
        "CosFileUploadTrigger": {"Bucket": BUCKET, "Region": REGION, "Dir": FOLDER},
    },
    "OutputStorage": _STORAGE,
    "OutputDir": OUTPUT_FOLDER,
    "MediaProcessTask": MEDIA_TASKS,
    "TaskNotifyConfig": {"NotifyType": "SCF", "NotifyMode": "Finish"},
}
"""The parameters of CreateWorkflow."""


def put_workflow(workflows: Workflows, parameters: Mapping[str, Any]) -> int:
    """Create a workflow, or replace that of the same name, and return its id. It is disabled. Raises Refused."""
    for workflow in workflows.list_workflows():
        if workflow["WorkflowName"] == parameters.get("WorkflowName"):
            number: int = workflow["WorkflowId"]
            workflows.set_status(number, "Disabled")
            workflows.reset(number, parameters)
            return number
    return workflows.create(parameters)
