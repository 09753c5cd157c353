"""Notifications: the shape and values of published events, and their readers."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from scf_mps.events.parser import parse_event
from scf_mps.local.mps import notifications, outputs
from scf_mps.local.mps.failures import build_failure
from scf_mps.local.mps.model import Location, MediaTask
from scf_mps.local.mps.scripted_results import build

from .support import (
    ALL_AI,
    ALL_MEDIA,
    METADATA,
    STORAGE,
    create_result,
    create_task,
    finish,
    plan,
)

TRANSCODE = {"TranscodeTaskSet": [{"Definition": 100010}]}
FIELDS_SINCE_PUBLICATION = {
    "AdaptiveDynamicStreamingTask",
    "AiAnalysisResultSet",
    "AiContentReviewResultSet",
    "AiQualityControlTaskResult",
    "AiRecognitionResultSet",
    "BeginProcessTime",
    "ErrCodeExt",
    "FinishTime",
    "Progress",
    "SessionContext",
    "SessionId",
}
"""Fields that the SDK has, and the sample event of 2020 does not."""


def create_finished(media: Any = ALL_MEDIA, **request: Any) -> MediaTask:
    task = create_task(plan(media, **request).subtasks, request=request)
    finish(task)
    return task


def compare(ours: Any, published: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (path, ours, published) for each difference."""
    if isinstance(ours, dict) and isinstance(published, dict):
        for name in {**published, **ours}:
            missing = "missing"
            yield from compare(
                ours.get(name, missing), published.get(name, missing), f"{path}.{name}"
            )
    elif isinstance(ours, list) and isinstance(published, list) and len(ours) == len(published):
        for index, pair in enumerate(zip(ours, published, strict=True)):
            yield from compare(*pair, f"{path}[{index}]")
    elif ours != published:
        yield path, ours, published


def create_documented_task(published: dict[str, Any]) -> MediaTask:
    """Return the task of the sample event of page 583/39163."""
    body = published["WorkflowTaskEvent"]
    inputs = [
        next(value for name, value in item.items() if name != "Type" and value)["Input"]
        for item in body["MediaProcessResultSet"]
    ]
    watermarks = {"WatermarkSet": inputs[0]["WatermarkSet"]}
    name = "{inputName}_snapshotByOffset_{definition}_{number}.{format}"
    media = {
        "TranscodeTaskSet": [{"Definition": 10, **watermarks}],
        "AnimatedGraphicTaskSet": [
            {"Definition": 20000, "StartTimeOffset": 0, "EndTimeOffset": 600}
        ],
        "SnapshotByTimeOffsetTaskSet": [{"Definition": 10, **watermarks, "OutputObjectPath": name}],
        "ImageSpriteTaskSet": [{"Definition": 10}],
    }
    place = body["InputInfo"]["CosInputInfo"]
    source = Location(place["Bucket"], place["Region"], place["Object"].lstrip("/"))
    storage = inputs[0]["OutputStorage"]
    planned = plan(media, source=source, OutputDir="/dasda/", OutputStorage=storage)
    task = create_task(planned.subtasks, source=source)
    finish(task)
    task.task_id = body["TaskId"]
    state = task.subtasks[1]
    state.status, state.output = "FAIL", None
    state.failure = build_failure("InternalError", "TencentVodPlatErr Or Unkown")
    transcode = body["MediaProcessResultSet"][0]["TranscodeTask"]["Output"]
    result, keys = create_result(task.subtasks[0].plan)
    result.metadata = transcode
    task.subtasks[0].output = outputs.build(task.subtasks[0].plan, result, keys)
    return task


def test_event_equals_sample_event_of_documentation(payload: Callable[[str], Any]) -> None:
    published = payload("mps_workflow_seed_mixed")
    event = notifications.build_event(create_documented_task(published))
    differences = {
        path: (ours, theirs)
        for path, ours, theirs in compare(event, published)
        if path.rpartition(".")[2] not in FIELDS_SINCE_PUBLICATION
    }
    results = ".WorkflowTaskEvent.MediaProcessResultSet"
    sprites = f"{results}[3].ImageSpriteTask.Output"
    assert differences == {
        # The local MPS draws no watermark.
        f"{results}[2].SnapshotByTimeOffsetTask.Output.PicInfoSet[0].WaterMarkDefinition": (
            [],
            [515247],
        ),
        # The sample event contradicts itself: its Input has no folder imageSprite.
        f"{sprites}.ImagePathSet[0]": (
            "/dasda/dianping2_imageSprite_10_0.jpg",
            "/dasda/imageSprite/dianping2_imageSprite_10_0.jpg",
        ),
        f"{sprites}.WebVttPath": (
            "/dasda/dianping2_imageSprite_10.vtt",
            "/dasda/imageSprite/dianping2_imageSprite_10.vtt",
        ),
    }


def test_fields_have_order_of_published_events(payload: Callable[[str], Any]) -> None:
    published = payload("mps_workflow_seed_mixed")
    ours = notifications.build_event(create_documented_task(published))

    def list_orders(value: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
        if isinstance(value, dict):
            yield path, [name for name in value if name not in FIELDS_SINCE_PUBLICATION]
            for name, child in value.items():
                yield from list_orders(child, f"{path}.{name}")
        elif isinstance(value, list):
            for index, child in enumerate(value):
                yield from list_orders(child, f"{path}[{index}]")

    orders = dict(list_orders(ours))
    for path, names in list_orders(published):
        if ".Output" not in path and ".MetaData" not in path:
            assert orders[path] == names


def test_progress_event_equals_published_one(payload: Callable[[str], Any]) -> None:
    published = payload("mps_workflow_processing_querydoc")
    body = published["WorkflowTaskEvent"]
    place = body["InputInfo"]["CosInputInfo"]
    source = Location(place["Bucket"], place["Region"], place["Object"].lstrip("/"))
    (result,) = body["MediaProcessResultSet"]
    storage = result["TranscodeTask"]["Input"]["OutputStorage"]
    media = {"TranscodeTaskSet": [{"Definition": 10}]}
    request = {"OutputDir": "/", "OutputStorage": storage, "SessionId": "100"}
    request["SessionContext"] = "100"
    subtasks = plan(media, source=source, **request).subtasks
    metadata = {**body["MetaData"], "Md5": ""}
    task = create_task(subtasks, source=source, request=request, metadata=metadata)
    task.task_id = body["TaskId"]
    differences = [path for path, _, _ in compare(notifications.build_event(task), published)]
    assert {path.rpartition(".")[2] for path in differences} <= FIELDS_SINCE_PUBLICATION


def test_hls_result_equals_published_one(payload: Callable[[str], Any]) -> None:
    published = payload("mps_workflow_finish_querydoc")
    body = published["WorkflowTaskEvent"]
    place = body["InputInfo"]["CosInputInfo"]
    source = Location(place["Bucket"], place["Region"], place["Object"].lstrip("/"))
    expected = body["MediaProcessResultSet"][0]["TranscodeTask"]
    storage = expected["Input"]["OutputStorage"]
    media = {"TranscodeTaskSet": [{"Definition": 210}]}
    (subtask,) = plan(media, source=source, OutputDir="/output/", OutputStorage=storage).subtasks
    result, keys = create_result(subtask)
    result.metadata = expected["Output"]
    assert outputs.build(subtask, result, keys) == expected["Output"]


def test_review_equals_published_one(payload: Callable[[str], Any]) -> None:
    body = payload("mps_workflow_ai_content_review")["WorkflowTaskEvent"]
    task = create_task(plan(AiContentReviewTask={"Definition": 10}).subtasks)
    finish(task)
    porn = task.subtasks[0]
    porn.output = build(porn.plan, {"Porn": "block"})
    results = notifications.build_body(task)["AiContentReviewResultSet"]
    published = body["AiContentReviewResultSet"]
    assert [item["Type"] for item in results] == [item["Type"] for item in published]
    assert results[1]["TerrorismTask"]["Output"] == published[1]["TerrorismTask"]["Output"]
    ours, theirs = (items[0]["PornTask"]["Output"] for items in (results, published))
    assert set(ours) == set(theirs)
    assert (ours["Confidence"], ours["Suggestion"]) == (98, "block")
    assert set(theirs["SegmentSet"][0]) <= set(ours["SegmentSet"][0])


@pytest.mark.parametrize(
    "task",
    [
        create_finished(),
        create_finished({}, **ALL_AI),
        create_task(plan(ALL_MEDIA, **ALL_AI).subtasks),
        create_finished({"TranscodeTaskSet": [{"Definition": 1}, {"Definition": 100210}]}),
        create_finished(
            {
                "SnapshotByTimeOffsetTaskSet": [{"Definition": 10, "TimeOffsetSet": [1]}],
                "AdaptiveDynamicStreamingTaskSet": [{"Definition": 10}],
            },
            OutputStorage=STORAGE,
            OutputDir="/out/",
        ),
        create_task([], failure=build_failure("SourceFileError", "gone"), status="FINISH"),
    ],
    ids=["media", "ai", "progress", "failed", "storage", "source"],
)
def test_event_is_read_by_parser_and_sdk(task: MediaTask) -> None:
    event = notifications.build_event(task)
    assert json.loads(json.dumps(event)) == event
    parsed = parse_event(copy.deepcopy(event))
    assert len(parsed.subtasks) == len(task.subtasks)
    assert all(type(subtask).__name__ != "UnknownSubtask" for subtask in parsed.subtasks)
    stored = {
        (place.bucket, place.region, place.key)
        for state in task.subtasks
        for _, place, _ in state.files
    }
    named = {(file.bucket, file.region, file.key) for file in parsed.files}
    segments = {
        (place.bucket, place.region, place.key)
        for state in task.subtasks
        for role, place, _ in state.files
        if role in ("segment", "playlist")
    }
    # A playlist stands for what it names.
    assert named == stored - segments
    models = pytest.importorskip("tencentcloud.mps.v20190612.models")
    response = models.ParseNotificationResponse()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the SDK warns of unknown fields
        response._deserialize({**event, "RequestId": "1"})
    assert response.WorkflowTaskEvent.TaskId == task.task_id
    results = response.WorkflowTaskEvent.MediaProcessResultSet
    assert [item.Type for item in results] == [
        state.plan.type
        for state in task.subtasks
        if "." not in state.plan.type and state.plan.names
    ]


def test_siblings_of_result_are_null() -> None:
    body = notifications.build_body(create_finished())
    for item in body["MediaProcessResultSet"]:
        values = [value for name, value in item.items() if name != "Type"]
        assert len(values) == 6
        assert sum(value is not None for value in values) == 1


def test_failed_subtask_has_error_and_no_output() -> None:
    media = {"TranscodeTaskSet": [{"Definition": 1}]}
    (item,) = notifications.build_body(create_finished(media))["MediaProcessResultSet"]
    result = item["TranscodeTask"]
    assert (result["Status"], result["ErrCodeExt"], result["ErrCode"], result["Output"]) == (
        "FAIL",
        "InvalidInput.DefinitionNotExist",
        40000,
        None,
    )
    assert result["Message"]


def test_progress_of_subtasks_is_shown() -> None:
    task = create_task(plan(ALL_MEDIA).subtasks)
    task.subtasks[0].status, task.subtasks[0].progress = "PROCESSING", 0.579
    task.subtasks[2].begun = 86_400.0
    results = notifications.build_body(task)["MediaProcessResultSet"]
    assert results[0]["TranscodeTask"]["Progress"] == 57
    animation = results[2]["AnimatedGraphicTask"]
    assert animation["Status"] == "PROCESSING"
    assert animation["BeginProcessTime"] == "1970-01-02T00:00:00Z"
    assert animation["FinishTime"] == "0000-00-00T00:00:00Z"


def test_waiting_task_has_no_results() -> None:
    task = create_task(plan(TRANSCODE).subtasks, status="WAITING")
    body = notifications.build_body(task)
    assert (body["Status"], body["MediaProcessResultSet"], body["MetaData"]) == (
        "WAITING",
        [],
        None,
    )


def test_source_error_is_on_task() -> None:
    failure = build_failure("SourceFileError", "the source is missing")
    task = create_task(plan(TRANSCODE).subtasks, status="FINISH", failure=failure)
    body = notifications.build_body(task)
    assert (body["ErrCode"], body["Message"]) == (30009, "the source is missing")
    assert body["MediaProcessResultSet"] == []
    task.subtasks[0].status, task.subtasks[0].failure = "FAIL", failure
    (item,) = notifications.build_body(task)["MediaProcessResultSet"]
    assert item["TranscodeTask"]["ErrCode"] == 30009


def test_metadata_has_fields_of_sdk_alone() -> None:
    body = notifications.build_body(create_finished())
    assert body["MetaData"] == {name: METADATA[name] for name in METADATA if name != "Md5"}


def test_source_at_url_is_shown_as_submitted() -> None:
    info = {"Type": "URL", "UrlInputInfo": {"Url": "https://example.com/a.mp4"}}
    source = Location("", "", "https://example.com/a.mp4")
    subtasks = plan(TRANSCODE, source=source, OutputStorage=STORAGE).subtasks
    task = create_task(subtasks, source=source, request={"InputInfo": info})
    assert notifications.build_body(task)["InputInfo"] == info


def test_unknown_error_is_internal() -> None:
    assert build_failure("SourceFileError.New", "m").code == 30010
