"""Requests, sources and finished tasks for tests of the local MPS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scf_mps.local.engine import JobResult, MediaFile
from scf_mps.local.engine.results import Role
from scf_mps.local.mps import outputs, paths, planner, scripted_results
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


METADATA: dict[str, Any] = {
    "AudioDuration": 11.261677742004395,
    "AudioStreamSet": [{"Bitrate": 127771, "Codec": "aac", "SamplingRate": 44100}],
    "Bitrate": 2681468,
    "Container": "mov,mp4,m4a,3gp,3g2,mj2",
    "Duration": 11.261677742004395,
    "Height": 720,
    "Md5": "31dcf904c03d0cd78346a12c25c0acc9",
    "Rotate": 90,
    "Size": 3539987,
    "VideoDuration": 10.510889053344727,
    "VideoStreamSet": [
        {"Bitrate": 2553697, "Codec": "h264", "Fps": 29, "Height": 720, "Width": 1280}
    ],
    "Width": 1280,
}
"""The metadata of a file, as the engine returns it."""


def create_result(subtask: Subtask) -> tuple[JobResult, list[str]]:
    """Return a result as the engine returns it for a job, and the keys of its files in COS."""
    job, names = subtask.job, subtask.names
    assert job is not None
    assert names is not None
    path = Path("scratch")
    files: list[tuple[MediaFile, str]] = []

    def add(name: str, role: Role, **parts: Any) -> None:
        numbers = {"number": parts.get("number", 0), "stream": parts.get("stream", 0)}
        key = paths.render(name, **numbers, number_format=names.number_format)
        files.append((MediaFile(path, role, **parts), key))

    details: dict[str, Any] = {"width": 142, "height": 80, "start": 0.0, "end": 3.0}
    count = None
    if job["kind"] in ("snapshots", "sample_snapshots"):
        offsets = [0.0, 5.5][: len(job.get("offsets", (0, 1)))]
        for number, offset in enumerate(offsets):
            add(names.main, "picture", number=number, offset=offset)
    elif job["kind"] == "sprites":
        count = 2
        add(names.main, "sheet", number=0)
        add(names.vtt, "vtt")
    else:
        for stream in range(len(job.get("streams", ()))):
            add(names.segment, "segment", stream=stream, number=0)
            add(names.stream, "playlist", stream=stream)
        if job["kind"] == "transcode" and "segment" in job:
            add(names.segment, "segment", number=0)
            add(names.segment, "segment", number=1)
        add(names.main, "main")
    return JobResult([file for file, _ in files], METADATA, count, details), [
        key for _, key in files
    ]


def finish(task: MediaTask) -> None:
    """Let every subtask that can succeed, and the task, finish."""
    for state in task.subtasks:
        state.begun, state.ended = 1001.0, 1003.0
        if state.plan.failure:
            state.status, state.failure = "FAIL", state.plan.failure
            continue
        state.status, state.progress = "SUCCESS", 1.0
        if state.plan.is_scripted:
            state.output = scripted_results.build(state.plan, {})
            continue
        result, keys = create_result(state.plan)
        state.output = outputs.build(state.plan, result, keys)
        state.files = [
            (file.role, Location(state.plan.storage.bucket, state.plan.storage.region, key), 1)
            for file, key in zip(result.files, keys, strict=True)
        ]
    task.metadata = METADATA
    task.status, task.finished = "FINISH", 1004.0
