"""Tasks that are submitted by the official client of MPS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tencentcloud.common.exception import TencentCloudSDKException
from tencentcloud.mps.v20190612 import models
from tencentcloud.mps.v20190612.mps_client import MpsClient

from scf_mps.local.api import CloudApi, Mps

from .conftest import REGION, credential, profile

COS = {
    "Type": "COS",
    "CosInputInfo": {"Bucket": "in-1250000000", "Region": REGION, "Object": "/a.mp4"},
}
URL = {"Type": "URL", "UrlInputInfo": {"Url": "https://example.com/a.mp4"}}
TASK = {"TranscodeTaskSet": [{"Definition": 100030}]}
STORAGE = {"Type": "COS", "CosOutputStorage": {"Bucket": "out-1250000000", "Region": REGION}}


class Clock:
    now = 1_753_099_200.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def books(clock: Clock) -> Mps:
    return Mps(clock=clock)


@pytest.fixture
def official(books: Mps) -> Iterator[MpsClient]:
    with CloudApi([books]) as api:
        yield MpsClient(credential(api), REGION, profile(api))


def submit(official: MpsClient, **fields: Any) -> str:
    request = models.ProcessMediaRequest()
    request.from_json_string(json.dumps(fields))
    return str(official.ProcessMedia(request).TaskId)


def refused(official: MpsClient, **fields: Any) -> str:
    with pytest.raises(TencentCloudSDKException) as caught:
        submit(official, **fields)
    return str(caught.value.code)


def test_a_task_gets_an_id_and_is_kept_as_it_was_asked_for(official: MpsClient, books: Mps) -> None:
    first = submit(official, InputInfo=COS, MediaProcessTask=TASK)
    second = submit(official, InputInfo=COS, AiContentReviewTask={"Definition": 10})
    assert list(books.submitted) == [first, second]
    assert books.submitted[first]["MediaProcessTask"]["TranscodeTaskSet"][0]["Definition"] == 100030


def test_a_session_id_is_taken_once_in_three_days(
    official: MpsClient, books: Mps, clock: Clock
) -> None:
    task = {"InputInfo": COS, "MediaProcessTask": TASK}
    submit(official, **task, SessionId="one")
    clock.now += 3 * 24 * 3600 - 1
    assert refused(official, **task, SessionId="one") == "InvalidParameterValue.SessionId"
    submit(official, **task, SessionId="two")
    submit(official, **task, SessionId="")
    submit(official, **task, SessionId="")
    clock.now += 1
    submit(official, **task, SessionId="one")
    assert len(books.submitted) == 5


def test_a_source_at_a_url_needs_a_storage(official: MpsClient, books: Mps) -> None:
    assert (
        refused(official, InputInfo=URL, MediaProcessTask=TASK)
        == "InvalidParameterValue.OutputStorage"
    )
    submit(official, InputInfo=URL, MediaProcessTask=TASK, OutputStorage=STORAGE)
    own = {"TranscodeTaskSet": [{"Definition": 1, "OutputStorage": STORAGE}]}
    submit(official, InputInfo=URL, MediaProcessTask=own)
    submit(official, InputInfo=URL, AiAnalysisTask={"Definition": 1})
    assert len(books.submitted) == 3


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"MediaProcessTask": TASK}, "MissingParameter"),
        ({"InputInfo": {"Type": "DISK"}, "MediaProcessTask": TASK}, "InvalidParameterValue.Type"),
        ({"InputInfo": {"Type": "COS"}, "MediaProcessTask": TASK}, "InvalidParameterValue"),
        (
            {"InputInfo": {"Type": "URL", "UrlInputInfo": {}}, "MediaProcessTask": TASK},
            "InvalidParameterValue",
        ),
        ({"InputInfo": COS}, "InvalidParameter"),
        ({"InputInfo": COS, "MediaProcessTask": {}}, "InvalidParameter"),
        (
            {"InputInfo": COS, "MediaProcessTask": {"TranscodeTaskSet": [{"Definition": 0}]}},
            "InvalidParameterValue.Definition",
        ),
        (
            {"InputInfo": COS, "MediaProcessTask": TASK, "SessionId": "x" * 51},
            "InvalidParameterValue.SessionIdTooLong",
        ),
        (
            {"InputInfo": COS, "MediaProcessTask": TASK, "SessionContext": "x" * 1001},
            "InvalidParameterValue.SessionContextTooLong",
        ),
    ],
)
def test_what_mps_could_not_do_is_refused(
    official: MpsClient, books: Mps, fields: dict[str, Any], code: str
) -> None:
    assert refused(official, **fields) == code
    assert books.submitted == {}


@pytest.mark.parametrize(
    ("task", "code"),
    [
        ({"TranscodeSet": [{"Definition": 1}]}, "UnknownParameter"),
        ({"TranscodeTaskSet": ["1"]}, "InvalidParameterValue.Definition"),
        ({"TranscodeTaskSet": [{"Definition": 1, "WatermarkSet": None}]}, "InvalidParameter"),
    ],
)
def test_what_the_official_client_would_never_send_is_refused_too(
    official: MpsClient, task: dict[str, Any], code: str
) -> None:
    with pytest.raises(TencentCloudSDKException) as caught:
        official.call_json("ProcessMedia", {"InputInfo": COS, "MediaProcessTask": task})
    assert caught.value.code == code


def test_a_template_of_ones_own_parameters_needs_no_definition(
    official: MpsClient, books: Mps
) -> None:
    own = {"TranscodeTaskSet": [{"Definition": 0, "RawParameter": {"Container": "mp4"}}]}
    submit(official, InputInfo=COS, MediaProcessTask=own)
    assert len(books.submitted) == 1


def test_submitted_task_is_described_at_once(official: MpsClient, books: Mps, clock: Clock) -> None:
    request = {"InputInfo": COS, "MediaProcessTask": TASK, "AiAnalysisTask": {"Definition": 20}}
    task_id = submit(official, **request, SessionId="s", SessionContext="c")
    detail = json.loads(describe(official, task_id).to_json_string())
    task = detail["WorkflowTask"]
    assert (detail["TaskType"], detail["Status"], task["Status"]) == (
        "WorkflowTask",
        "WAITING",
        "WAITING",
    )
    assert (detail["SessionId"], detail["SessionContext"]) == ("s", "c")
    assert (detail["CreateTime"], detail["FinishTime"]) == (
        "2025-07-21T12:00:00Z",
        "0000-00-00T00:00:00Z",
    )
    assert task["InputInfo"]["CosInputInfo"]["Object"] == "/a.mp4"
    assert task["TaskId"] == task_id
    assert (task["ErrCode"], task["Message"]) == (0, "")
    assert listed(official, "WAITING") == [task_id]
    clock.now += 100
    notification = {
        "EventType": "WorkflowTask",
        "WorkflowTaskEvent": {"TaskId": task_id, "Status": "FINISH"},
    }
    books.add(notification)
    assert listed(official, "WAITING") == []
    assert listed(official, "FINISH") == [task_id]
    assert describe(official, task_id).CreateTime == "2025-07-21T12:00:00Z"


def describe(official: MpsClient, task_id: str) -> models.DescribeTaskDetailResponse:
    request = models.DescribeTaskDetailRequest()
    request.TaskId = task_id
    return official.DescribeTaskDetail(request)


def listed(official: MpsClient, status: str) -> list[str]:
    request = models.DescribeTasksRequest()
    request.Status = status
    return [task.TaskId for task in official.DescribeTasks(request).TaskSet]
