"""The books of MPS, as the official client of MPS reads them."""

from __future__ import annotations

import json
import time

import pytest
from tencentcloud.common.exception import TencentCloudSDKException
from tencentcloud.mps.v20190612 import models
from tencentcloud.mps.v20190612.mps_client import MpsClient

from scf_mps.local.api import CloudApi, Mps

from .conftest import REGION, TASK, credential, notification, profile

NEVER = "0000-00-00T00:00:00Z"
NOW = 1_800_000_000.0
DAY = 24 * 3600.0


@pytest.fixture
def official(api):
    return MpsClient(credential(api), REGION, profile(api))


def tasks(official, **parameters):
    request = models.DescribeTasksRequest()
    request.from_json_string(json.dumps({"Status": "FINISH", **parameters}))
    return official.DescribeTasks(request)


def detail(official, task_id=TASK):
    request = models.DescribeTaskDetailRequest()
    request.TaskId = task_id
    return official.DescribeTaskDetail(request)


def refused(work, *arguments, **named):
    with pytest.raises(TencentCloudSDKException) as caught:
        work(*arguments, **named)
    return caught.value.code


def listed(official, **parameters):
    return [task.TaskId for task in tasks(official, **parameters).TaskSet]


def test_a_task_is_told_as_it_was_notified(mps, official, documented):
    task_id = mps.add(documented, finished=NOW, created=time.time() - 100)

    told = detail(official, task_id)

    assert (told.TaskType, told.Status) == ("WorkflowTask", "FINISH")
    assert told.FinishTime == "2027-01-15T08:00:00Z"
    assert told.BeginProcessTime == told.CreateTime < told.FinishTime
    sets = told.WorkflowTask.MediaProcessResultSet
    assert [one.Type for one in sets] == [
        one["Type"] for one in documented["WorkflowTaskEvent"]["MediaProcessResultSet"]
    ]
    assert told.EditMediaTask is told.ScheduleTask is told.LiveStreamProcessTask is None
    assert (told.SessionId, told.SessionContext) == ("", "")


@pytest.mark.parametrize(
    ("name", "task_type", "field"),
    [
        ("synth_edit_media_success", "EditMediaTask", "EditMediaTask"),
        ("synth_schedule_all_activity_types", "ScheduleTask", "ScheduleTask"),
        (
            "synth_extract_blind_watermark",
            "ExtractBlindWatermark",
            "ExtractBlindWatermarkTask",
        ),
        ("live_process_eof", "LiveStreamProcessTask", "LiveStreamProcessTask"),
    ],
)
def test_each_kind_of_task_is_in_a_field_of_its_own(mps, official, payload, name, task_type, field):
    task_id = mps.add(payload(name))

    told = detail(official, task_id)

    assert told.TaskType == task_type
    assert getattr(told, field).TaskId == task_id
    filled = [
        one
        for one in ("WorkflowTask", "EditMediaTask", "ScheduleTask", "LiveStreamProcessTask")
        if getattr(told, one) is not None
    ]
    assert filled == [field] * (field in filled)
    assert listed(official) == [task_id]


def test_a_live_stream_is_at_work_until_its_end(mps, official, payload):
    task_id = mps.add(payload("live_ai_review_1"))
    assert detail(official, task_id).Status == "PROCESSING"


def test_a_notification_without_a_task_cannot_be_entered(mps, payload):
    with pytest.raises(ValueError, match="BatchTask"):
        mps.add(payload("synth_batch_task"))


def test_a_task_goes_on_and_keeps_its_time_of_creation(mps, official):
    mps.add(notification(status="WAITING"))
    waiting = detail(official)
    assert (waiting.BeginProcessTime, waiting.FinishTime) == (NEVER, NEVER)

    mps.add(notification(status="PROCESSING"))
    begun = detail(official)
    assert (begun.BeginProcessTime, begun.FinishTime) == (waiting.CreateTime, NEVER)
    assert listed(official) == []
    assert listed(official, Status="PROCESSING") == [TASK]

    mps.add(notification(), finished=NOW)
    assert detail(official).FinishTime == "2027-01-15T08:00:00Z"
    assert detail(official).CreateTime == waiting.CreateTime
    assert listed(official, Status="PROCESSING") == []


def test_what_is_in_the_books_is_not_what_the_test_still_holds(mps, official):
    mine = notification()
    mps.add(mine)
    mine["WorkflowTaskEvent"]["Status"] = "PROCESSING"

    assert detail(official).WorkflowTask.Status == "FINISH"


def test_a_task_that_is_not_there_is_the_documented_error(mps, official):
    assert refused(detail, official) == "InvalidParameterValue.TaskId"
    mps.add(notification())
    assert detail(official).Status == "FINISH"
    mps.remove(TASK)
    assert refused(detail, official) == "InvalidParameterValue.TaskId"
    assert refused(detail, official, "") == "MissingParameter"


def test_mps_forgets_after_seven_days():
    now = [NOW]
    mps = Mps(clock=lambda: now[0])
    with CloudApi([mps]) as api:
        official = MpsClient(credential(api), REGION, profile(api))
        mps.add(notification())
        now[0] += 7 * DAY - 61
        assert listed(official) == [TASK]
        now[0] += 2
        assert listed(official) == []
        assert refused(detail, official) == "InvalidParameterValue.TaskId"


@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_follow_each_other_to_the_end(newest_first):
    mps = Mps(newest_first=newest_first)
    now = time.time()
    expected = [mps.add(notification(f"task-{n:03}"), finished=now - 300 + n) for n in range(25)]
    if newest_first:
        expected.reverse()
    with CloudApi([mps]) as api:
        official = MpsClient(credential(api), REGION, profile(api))
        found, token, counts = [], "", []
        while token or not found:
            page = tasks(official, Limit=7, ScrollToken=token)
            found += [task.TaskId for task in page.TaskSet]
            counts.append(len(page.TaskSet))
            assert page.TotalCount == 25
            token = page.ScrollToken
        assert len(tasks(official).TaskSet) == 10

    assert found == expected
    assert counts == [7, 7, 7, 4]


def test_tasks_can_be_asked_for_by_time_of_creation(mps, official):
    now = time.time()
    for age in (100, 200, 300):
        mps.add(notification(f"{age}"), created=now - age)

    def at(age, zone="Z"):
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now - age)) + zone

    assert listed(official, StartTime=at(250)) == ["100", "200"]
    assert listed(official, EndTime=at(150)) == ["200", "300"]
    assert listed(official, StartTime=at(250, "+00:00"), EndTime=at(150)) == ["200"]


def test_tasks_can_be_asked_for_by_failure(mps, official, documented, payload):
    mixed = mps.add(documented)
    failed = mps.add(payload("synth_edit_media_fail"))
    good = mps.add(notification())

    assert set(listed(official, SubTaskHasFailed=True)) == {mixed, failed}
    assert listed(official, SubTaskHasFailed=False) == [good]


def test_parameters_out_of_bounds_are_refused(official):
    assert refused(tasks, official, Limit=101) == "InvalidParameterValue.Limit"
    assert refused(tasks, official, Limit=0) == "InvalidParameterValue.Limit"
    assert refused(tasks, official, Status="DONE") == "InvalidParameterValue"
    assert refused(tasks, official, Status=None) == "MissingParameter"
    assert refused(tasks, official, ScrollToken="what") == "InvalidParameterValue"
    assert refused(tasks, official, StartTime="noon") == "InvalidParameter.StartTime"
    assert refused(tasks, official, EndTime="noon") == "InvalidParameter.EndTime"


def test_a_notification_that_came_as_text_is_parsed(official, documented):
    request = models.ParseNotificationRequest()
    request.Content = json.dumps({**documented, "SessionContext": "mine"})

    parsed = official.ParseNotification(request)

    assert parsed.EventType == "WorkflowTask"
    assert parsed.WorkflowTaskEvent.TaskId == documented["WorkflowTaskEvent"]["TaskId"]
    assert parsed.SessionContext == "mine"
    assert parsed.EditMediaTaskEvent is None
    for content in ("{", "[]"):
        request.Content = content
        assert refused(official.ParseNotification, request) == "InvalidParameter"
