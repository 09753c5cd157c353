"""Tasks of MPS, as the official client of MPS reads them."""

from __future__ import annotations

import json
import time

import pytest
from tencentcloud.mps.v20190612 import models
from tencentcloud.mps.v20190612.mps_client import MpsClient

from scf_mps.local.api import CloudApi, Mps

from .support import REGION, TASK, credential, get_error_code, notification, profile

NEVER = "0000-00-00T00:00:00Z"
NOW = 1_800_000_000.0
DAY = 24 * 3600.0


@pytest.fixture
def mps_client(api):
    return MpsClient(credential(api), REGION, profile(api))


def describe_tasks(mps_client, **parameters):
    request = models.DescribeTasksRequest()
    request.from_json_string(json.dumps({"Status": "FINISH", **parameters}))
    return mps_client.DescribeTasks(request)


def describe(mps_client, task_id=TASK):
    request = models.DescribeTaskDetailRequest()
    request.TaskId = task_id
    return mps_client.DescribeTaskDetail(request)


def list_ids(mps_client, **parameters):
    return [task.TaskId for task in describe_tasks(mps_client, **parameters).TaskSet]


def test_task_is_described_as_notified(mps, mps_client, documented):
    task_id = mps.add(documented, finished=NOW, created=time.time() - 100)

    response = describe(mps_client, task_id)

    assert (response.TaskType, response.Status) == ("WorkflowTask", "FINISH")
    assert response.FinishTime == "2027-01-15T08:00:00Z"
    assert response.BeginProcessTime == response.CreateTime < response.FinishTime
    sets = response.WorkflowTask.MediaProcessResultSet
    assert [kind.Type for kind in sets] == [
        kind["Type"] for kind in documented["WorkflowTaskEvent"]["MediaProcessResultSet"]
    ]
    assert response.EditMediaTask is response.ScheduleTask is response.LiveStreamProcessTask is None
    assert (response.SessionId, response.SessionContext) == ("", "")


@pytest.mark.parametrize(
    ("name", "task_type", "field"),
    [
        ("synth_edit_media_success", "EditMediaTask", "EditMediaTask"),
        ("synth_schedule_all_activity_types", "ScheduleTask", "ScheduleTask"),
        ("synth_extract_blind_watermark", "ExtractBlindWatermark", "ExtractBlindWatermarkTask"),
        ("live_process_eof", "LiveStreamProcessTask", "LiveStreamProcessTask"),
    ],
)
def test_kinds_of_task_have_their_field(mps, mps_client, payload, name, task_type, field):
    task_id = mps.add(payload(name))

    response = describe(mps_client, task_id)

    assert response.TaskType == task_type
    assert getattr(response, field).TaskId == task_id
    filled = [
        kind
        for kind in ("WorkflowTask", "EditMediaTask", "ScheduleTask", "LiveStreamProcessTask")
        if getattr(response, kind) is not None
    ]
    assert filled == [field] * (field in filled)
    assert list_ids(mps_client) == [task_id]


def test_live_stream_is_processing_until_its_end(mps, mps_client, payload):
    task_id = mps.add(payload("live_ai_review_1"))
    assert describe(mps_client, task_id).Status == "PROCESSING"


def test_notification_without_task_is_refused(mps, payload):
    with pytest.raises(ValueError, match="BatchTask"):
        mps.add(payload("synth_batch_task"))


def test_task_keeps_creation_time_when_updated(mps, mps_client):
    mps.add(notification(status="WAITING"))
    waiting = describe(mps_client)
    assert (waiting.BeginProcessTime, waiting.FinishTime) == (NEVER, NEVER)

    mps.add(notification(status="PROCESSING"))
    processing = describe(mps_client)
    assert (processing.BeginProcessTime, processing.FinishTime) == (waiting.CreateTime, NEVER)
    assert list_ids(mps_client) == []
    assert list_ids(mps_client, Status="PROCESSING") == [TASK]

    mps.add(notification(), finished=NOW)
    assert describe(mps_client).FinishTime == "2027-01-15T08:00:00Z"
    assert describe(mps_client).CreateTime == waiting.CreateTime
    assert list_ids(mps_client, Status="PROCESSING") == []


def test_added_notification_is_copied(mps, mps_client):
    source = notification()
    mps.add(source)
    source["WorkflowTaskEvent"]["Status"] = "PROCESSING"

    assert describe(mps_client).WorkflowTask.Status == "FINISH"


def test_missing_task_has_documented_error(mps, mps_client):
    assert get_error_code(describe, mps_client) == "InvalidParameterValue.TaskId"
    mps.add(notification())
    assert describe(mps_client).Status == "FINISH"
    mps.remove(TASK)
    assert get_error_code(describe, mps_client) == "InvalidParameterValue.TaskId"
    assert get_error_code(describe, mps_client, "") == "MissingParameter"


def test_tasks_expire_after_seven_days():
    now = [NOW]
    mps = Mps(clock=lambda: now[0])
    with CloudApi([mps]) as api:
        mps_client = MpsClient(credential(api), REGION, profile(api))
        mps.add(notification())
        now[0] += 7 * DAY - 61
        assert list_ids(mps_client) == [TASK]
        now[0] += 2
        assert list_ids(mps_client) == []
        assert get_error_code(describe, mps_client) == "InvalidParameterValue.TaskId"


@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_cover_all_tasks(newest_first):
    mps = Mps(newest_first=newest_first)
    now = time.time()
    expected = [mps.add(notification(f"task-{n:03}"), finished=now - 300 + n) for n in range(25)]
    if newest_first:
        expected.reverse()
    with CloudApi([mps]) as api:
        mps_client = MpsClient(credential(api), REGION, profile(api))
        ids, token, counts = [], "", []
        while token or not ids:
            page = describe_tasks(mps_client, Limit=7, ScrollToken=token)
            ids += [task.TaskId for task in page.TaskSet]
            counts.append(len(page.TaskSet))
            assert page.TotalCount == 25
            token = page.ScrollToken
        assert len(describe_tasks(mps_client).TaskSet) == 10

    assert ids == expected
    assert counts == [7, 7, 7, 4]


def test_tasks_are_filtered_by_creation_time(mps, mps_client):
    now = time.time()
    for age in (100, 200, 300):
        mps.add(notification(f"{age}"), created=now - age)

    def at(age, zone="Z"):
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now - age)) + zone

    assert list_ids(mps_client, StartTime=at(250)) == ["100", "200"]
    assert list_ids(mps_client, EndTime=at(150)) == ["200", "300"]
    assert list_ids(mps_client, StartTime=at(250, "+00:00"), EndTime=at(150)) == ["200"]


def test_tasks_are_filtered_by_failure(mps, mps_client, documented, payload):
    mixed = mps.add(documented)
    failed = mps.add(payload("synth_edit_media_fail"))
    good = mps.add(notification())

    assert set(list_ids(mps_client, SubTaskHasFailed=True)) == {mixed, failed}
    assert list_ids(mps_client, SubTaskHasFailed=False) == [good]


def test_invalid_parameters_are_refused(mps_client):
    assert get_error_code(describe_tasks, mps_client, Limit=101) == "InvalidParameterValue.Limit"
    assert get_error_code(describe_tasks, mps_client, Limit=0) == "InvalidParameterValue.Limit"
    assert get_error_code(describe_tasks, mps_client, Status="DONE") == "InvalidParameterValue"
    assert get_error_code(describe_tasks, mps_client, Status=None) == "MissingParameter"
    assert get_error_code(describe_tasks, mps_client, ScrollToken="what") == "InvalidParameterValue"
    assert (
        get_error_code(describe_tasks, mps_client, StartTime="noon") == "InvalidParameter.StartTime"
    )
    assert get_error_code(describe_tasks, mps_client, EndTime="noon") == "InvalidParameter.EndTime"


def test_notification_is_parsed_from_text(mps_client, documented):
    request = models.ParseNotificationRequest()
    request.Content = json.dumps({**documented, "SessionContext": "mine"})

    parsed = mps_client.ParseNotification(request)

    assert parsed.EventType == "WorkflowTask"
    assert parsed.WorkflowTaskEvent.TaskId == documented["WorkflowTaskEvent"]["TaskId"]
    assert parsed.SessionContext == "mine"
    assert parsed.EditMediaTaskEvent is None
    for content in ("{", "[]"):
        request.Content = content
        assert get_error_code(mps_client.ParseNotification, request) == "InvalidParameter"
