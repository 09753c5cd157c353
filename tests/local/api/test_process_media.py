"""Tasks submitted by the official client of MPS."""

import json

import pytest
from tencentcloud.common.exception import TencentCloudSDKException
from tencentcloud.mps.v20190612 import models
from tencentcloud.mps.v20190612.mps_client import MpsClient

from scf_mps.local.api import CloudApi, Mps

from .support import REGION, credential, get_error_code, profile

COS = {
    "Type": "COS",
    "CosInputInfo": {"Bucket": "in-1250000000", "Region": REGION, "Object": "/a.mp4"},
}
URL = {"Type": "URL", "UrlInputInfo": {"Url": "https://example.com/a.mp4"}}
TASK = {"TranscodeTaskSet": [{"Definition": 100030}]}
STORAGE = {"Type": "COS", "CosOutputStorage": {"Bucket": "out-1250000000", "Region": REGION}}


class Clock:
    now = 1_753_099_200.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def mps(clock):
    return Mps(clock=clock)


@pytest.fixture
def mps_client(mps):
    with CloudApi([mps]) as api:
        yield MpsClient(credential(api), REGION, profile(api))


def submit(mps_client, **fields):
    request = models.ProcessMediaRequest()
    request.from_json_string(json.dumps(fields))
    return str(mps_client.ProcessMedia(request).TaskId)


def test_task_gets_id_and_is_stored(mps_client, mps):
    first = submit(mps_client, InputInfo=COS, MediaProcessTask=TASK)
    second = submit(mps_client, InputInfo=COS, AiContentReviewTask={"Definition": 10})
    assert list(mps.submitted) == [first, second]
    assert mps.submitted[first]["MediaProcessTask"]["TranscodeTaskSet"][0]["Definition"] == 100030


def test_session_id_is_accepted_once_in_three_days(mps_client, mps, clock):
    task = {"InputInfo": COS, "MediaProcessTask": TASK}
    submit(mps_client, **task, SessionId="one")
    clock.now += 3 * 24 * 3600 - 1
    assert (
        get_error_code(submit, mps_client, **task, SessionId="one")
        == "InvalidParameterValue.SessionId"
    )
    submit(mps_client, **task, SessionId="two")
    submit(mps_client, **task, SessionId="")
    submit(mps_client, **task, SessionId="")
    clock.now += 1
    submit(mps_client, **task, SessionId="one")
    assert len(mps.submitted) == 5


def test_refused_task_leaves_its_session_id(mps_client: MpsClient) -> None:
    broken = {"TranscodeTaskSet": [{"Definition": 1, "OutputStorage": {"Type": "AWS-S3"}}]}
    task = {"InputInfo": COS, "SessionId": "one"}
    code = get_error_code(submit, mps_client, **task, MediaProcessTask=broken)
    assert code == "UnsupportedOperation"
    submit(mps_client, **task, MediaProcessTask=TASK)


def test_url_source_needs_output_storage(mps_client, mps):
    assert (
        get_error_code(submit, mps_client, InputInfo=URL, MediaProcessTask=TASK)
        == "InvalidParameterValue.OutputStorage"
    )
    submit(mps_client, InputInfo=URL, MediaProcessTask=TASK, OutputStorage=STORAGE)
    tasks = {"TranscodeTaskSet": [{"Definition": 1, "OutputStorage": STORAGE}]}
    submit(mps_client, InputInfo=URL, MediaProcessTask=tasks)
    submit(mps_client, InputInfo=URL, AiAnalysisTask={"Definition": 1})
    assert len(mps.submitted) == 3
    s3 = {"S3Bucket": "b", "S3Region": "us-east-1", "S3Object": "a.mp4"}
    submit(
        mps_client,
        InputInfo={"Type": "AWS-S3", "S3InputInfo": s3},
        MediaProcessTask=TASK,
        OutputStorage=STORAGE,
    )


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
        (
            {"InputInfo": COS, "MediaProcessTask": TASK, "TasksPriority": 11},
            "InvalidParameterValue",
        ),
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
def test_invalid_task_is_refused(mps_client, mps, fields, code):
    assert get_error_code(submit, mps_client, **fields) == code
    assert mps.submitted == {}


@pytest.mark.parametrize(
    ("task", "code"),
    [
        ({"TranscodeSet": [{"Definition": 1}]}, "UnknownParameter"),
        ({"TranscodeTaskSet": ["1"]}, "InvalidParameterValue.Definition"),
        ({"TranscodeTaskSet": [{"Definition": 1, "WatermarkSet": None}]}, "InvalidParameter"),
    ],
)
def test_task_of_other_clients_is_checked(mps_client, task, code):
    with pytest.raises(TencentCloudSDKException) as caught:
        mps_client.call_json("ProcessMedia", {"InputInfo": COS, "MediaProcessTask": task})
    assert caught.value.code == code


def test_raw_parameter_needs_no_definition(mps_client, mps):
    raw = {"Container": "mp3", "RemoveVideo": 1, "AudioTemplate": {"Codec": "mp3"}}
    tasks = {"TranscodeTaskSet": [{"Definition": 0, "RawParameter": raw}]}
    submit(mps_client, InputInfo=COS, MediaProcessTask=tasks)
    assert len(mps.submitted) == 1


def test_waiting_task_is_aborted(mps_client, mps):
    task_id = submit(mps_client, InputInfo=COS, MediaProcessTask=TASK)
    kinds = []
    mps.tasks.observe(lambda task, kind: kinds.append((task.task_id, kind)))

    manage(mps_client, "Abort", task_id)

    detail = describe(mps_client, task_id)
    assert (detail.Status, detail.WorkflowTask.Status) == ("FINISH", "FINISH")
    assert kinds == [(task_id, "finished")]
    for operation, name, code in (
        ("Abort", task_id, "InvalidParameterValue.NotProcessingTask"),
        ("Abort", "other", "InvalidParameterValue.TaskId"),
        ("Stop", task_id, "InvalidParameterValue.InvalidOperationType"),
    ):
        assert get_error_code(manage, mps_client, operation, name) == code


def test_task_is_submitted_again(mps_client, mps):
    first = submit(mps_client, InputInfo=COS, MediaProcessTask=TASK, SessionId="one")

    second = mps.tasks.again(first)

    assert first != second
    assert mps.submitted[first] == mps.submitted[second]
    with pytest.raises(KeyError):
        mps.tasks.again("other")


def test_missing_bucket_is_refused(mps_client):
    nowhere = {**STORAGE, "CosOutputStorage": {"Bucket": "out-1250000000"}}
    task = {"InputInfo": COS, "MediaProcessTask": TASK, "OutputStorage": nowhere}
    code = get_error_code(submit, mps_client, **task)
    assert code == "ResourceNotFound.CosBucketNotExist"


def manage(mps_client, operation, task_id):
    request = models.ManageTaskRequest()
    request.OperationType, request.TaskId = operation, task_id
    mps_client.ManageTask(request)


def test_submitted_task_is_described(mps_client, mps, clock):
    request = {"InputInfo": COS, "MediaProcessTask": TASK, "AiAnalysisTask": {"Definition": 20}}
    task_id = submit(mps_client, **request, SessionId="s", SessionContext="c")
    detail = json.loads(describe(mps_client, task_id).to_json_string())
    task = detail["WorkflowTask"]
    assert (detail["TaskType"], detail["Status"]) == ("WorkflowTask", "WAITING")
    assert task["Status"] == "WAITING"
    assert (detail["SessionId"], detail["SessionContext"]) == ("s", "c")
    assert detail["CreateTime"] == "2025-07-21T12:00:00Z"
    assert detail["FinishTime"] == "0000-00-00T00:00:00Z"
    assert task["InputInfo"]["CosInputInfo"]["Object"] == "/a.mp4"
    assert task["TaskId"] == task_id
    assert (task["ErrCode"], task["Message"]) == (0, "")
    assert listed(mps_client, "WAITING") == [task_id]
    clock.now += 100
    notification = {
        "EventType": "WorkflowTask",
        "WorkflowTaskEvent": {"TaskId": task_id, "Status": "FINISH"},
    }
    mps.add(notification)
    assert listed(mps_client, "WAITING") == []
    assert listed(mps_client, "FINISH") == [task_id]
    assert describe(mps_client, task_id).CreateTime == "2025-07-21T12:00:00Z"


def describe(mps_client, task_id):
    request = models.DescribeTaskDetailRequest()
    request.TaskId = task_id
    return mps_client.DescribeTaskDetail(request)


def listed(mps_client, status):
    request = models.DescribeTasksRequest()
    request.Status = status
    return [task.TaskId for task in mps_client.DescribeTasks(request).TaskSet]
