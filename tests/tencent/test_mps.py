"""The client of MPS against the API emulator: notifications, finished tasks, and its use by callbacks."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.support.sample_data import DATA

pytest.importorskip("aiohttp", reason="the emulator of the API needs it")
pytest.importorskip("tencentcloud.common", reason="Mps uses it")

from scf_mps import App, Mps, WorkflowTask
from scf_mps.cos import Credentials, Retry
from scf_mps.events.parser import parse_event
from scf_mps.local import api as cloud
from scf_mps.tencent.mps import MpsError, NoNotification, TaskNotFound, TaskSummary

DAY = 24 * 3600.0
FAST_RETRY = Retry(attempts=4, base=0.001, cap=0.01)
TASK = "1250000000-WorkflowTask-1t0"
EVENT_TYPES = ("WorkflowTask", "EditMediaTask", "ScheduleTask", "ExtractBlindWatermark")


@pytest.fixture
def tasks():
    return cloud.Mps()


@pytest.fixture
def api(tasks):
    with cloud.CloudApi([tasks]) as running:
        yield running


def create_client(api):
    return Mps(
        Credentials(api.key.secret_id, api.key.secret_key), endpoint=api.url, retry=FAST_RETRY
    )


@pytest.fixture
def mps(api):
    return create_client(api)


def notification(task_id=TASK, status="FINISH", **fields):
    payload = {"TaskId": task_id, "Status": status, "MediaProcessResultSet": []}
    return {"EventType": "WorkflowTask", "WorkflowTaskEvent": payload, **fields}


def list_ids(tasks):
    return [task.task_id for task in tasks]


class ScriptedMps(cloud.Service):
    """An MPS with given responses."""

    name = "mps"
    version = "2019-06-12"
    needs_region = False

    def __init__(self, *responses):
        self.responses = list(responses)

    @cloud.action("DescribeTaskDetail")
    def describe_task(self, call: cloud.Call) -> Mapping[str, Any]:
        return self.responses.pop(0)

    @cloud.action("DescribeTasks")
    def describe_tasks(self, call: cloud.Call) -> Mapping[str, Any]:
        return self.responses.pop(0)


@pytest.fixture
def scripted():
    """Create clients of an MPS with given responses."""
    running = []

    def start(*responses):
        api = cloud.CloudApi([ScriptedMps(*responses)])
        running.append(api)
        api.__enter__()
        return create_client(api)

    yield start
    for api in running:
        api.__exit__(None, None, None)


# The notification of a task


def list_pushed_events():
    """Yield the sample notifications of tasks with an id."""
    for path in sorted(DATA.glob("*.json")):
        event = json.loads(path.read_text("utf-8"))
        if isinstance(event, dict) and event.get("EventType") in EVENT_TYPES:
            yield pytest.param(event, id=path.stem)


def list_subtasks(event):
    return [(type(subtask), subtask.key, subtask.raw) for subtask in event.subtasks]


@pytest.mark.parametrize("event", list(list_pushed_events()))
def test_notification_equals_the_pushed_one(mps, tasks, event):
    task_id = tasks.add(event)
    pushed, fetched = parse_event(event), parse_event(mps.notification(task_id))
    assert fetched.key == pushed.key
    assert type(fetched) is type(pushed)
    assert list_subtasks(fetched) == list_subtasks(pushed)
    assert fetched.files == pushed.files
    assert (fetched.verb, fetched.status) == (pushed.verb, pushed.status)
    assert fetched.session_id == pushed.session_id
    assert fetched.session_context == pushed.session_context


def test_samples_include_every_event_type():
    types = {event.values[0]["EventType"] for event in list_pushed_events()}
    assert types == set(EVENT_TYPES)


def test_unknown_task_type_has_notification(mps, tasks):
    event = {"EventType": "HoloTask", "HoloTaskEvent": {"TaskId": "h-1", "Status": "FINISH"}}
    tasks.add(event)
    fetched = mps.notification("h-1")
    assert fetched == {**event, "SessionId": "", "SessionContext": ""}
    assert parse_event(fetched).key == parse_event(event).key


def test_unfinished_task_is_in_progress(mps, tasks):
    tasks.add(notification(status="PROCESSING"))
    assert parse_event(mps.notification(TASK)).in_progress


def test_live_stream_has_no_notification(mps, tasks, payload):
    task_id = tasks.add(payload("live_process_eof"))
    with pytest.raises(NoNotification, match="LiveStreamProcessTask") as raised:
        mps.notification(task_id)

    assert raised.value.request_id
    assert raised.value.retryable is False


@pytest.mark.parametrize(
    ("detail", "retryable"),
    [
        ({"TaskType": "WorkflowTask", "Status": "WAITING", "WorkflowTask": None}, True),
        ({"TaskType": "BatchTask", "Status": "FINISH"}, False),
        ({"TaskType": None, "Status": "FINISH"}, False),
        ({}, False),
    ],
)
def test_task_without_payload_has_no_notification(scripted, detail, retryable):
    with pytest.raises(NoNotification, match="t-1") as raised:
        scripted(detail).notification("t-1")
    assert raised.value.retryable is retryable


def test_nulls_are_accepted(scripted):
    mps = scripted(
        {
            "TaskType": "WorkflowTask",
            "WorkflowTask": {"TaskId": "t-1", "Status": "FINISH"},
            "SessionId": None,
            "SessionContext": None,
        },
        {"TaskSet": None, "ScrollToken": None},
    )
    event = parse_event(mps.notification("t-1"))
    assert (event.session_id, event.session_context) == ("", "")
    assert list(mps.finished(time.time())) == []


def test_unknown_task_is_not_found(mps, api):
    with pytest.raises(TaskNotFound) as raised:
        mps.notification("nothing")

    assert raised.value.code == "InvalidParameterValue.TaskId"
    assert raised.value.request_id == api.requests[-1].request_id
    assert len(api.requests) == 1


def test_other_errors_are_mps_errors(mps, api):
    with pytest.raises(MpsError) as raised:
        mps.call("DescribeTasks", Status="DONE")

    assert (raised.value.code, raised.value.retryable) == ("InvalidParameterValue", False)
    assert len(api.requests) == 1


# Finished tasks


def test_finished_returns_tasks_with_their_times(mps, tasks):
    now = time.time()
    tasks.add(notification("old"), finished=now - 200)
    tasks.add(notification("new"), finished=now - 50, created=now - 500)
    tasks.add(notification("running", "PROCESSING"))
    (task,) = mps.finished(now - 100)
    assert (task.task_id, task.task_type, task.is_live) == ("new", "WorkflowTask", False)
    assert task.finished == int(now - 50)
    assert task.created == task.begun == int(now - 500)
    assert task.raw["TaskId"] == "new"
    assert "WorkflowTask new 20" in repr(task)


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("max_duration", [None, 3 * DAY])
def test_finished_reads_every_page_in_any_order(newest_first, max_duration):
    tasks = cloud.Mps(newest_first=newest_first)
    now = time.time()
    for number in range(230):
        # Tasks created long ago and finished just now, and the other way round.
        finished = now - 10 if number % 10 == 0 else now - 2 * DAY + number
        tasks.add(notification(f"{number}"), finished=finished, created=now - 2 * DAY - number)
    with cloud.CloudApi([tasks]) as api:
        ids = list_ids(create_client(api).finished(now - 60, max_duration=max_duration))
        pages = len(api.requests)

    assert sorted(ids, key=int) == [f"{number}" for number in range(0, 230, 10)]
    assert pages == 3


def test_finished_skips_tasks_beyond_max_duration(mps, tasks, api):
    now = time.time()
    tasks.add(notification("long"), finished=now - 10, created=now - 5000)
    tasks.add(notification("short"), finished=now - 10, created=now - 100)
    assert list_ids(mps.finished(now - 60, max_duration=3600)) == ["short"]
    assert api.requests[-1].parameters.keys() == {"Status", "Limit", "StartTime"}


def test_finished_ends_at_until(mps, tasks, api):
    now = datetime.now(timezone.utc)
    for minutes in (5, 15, 25):
        finished = (now - timedelta(minutes=minutes)).timestamp()
        tasks.add(notification(f"{minutes}"), finished=finished)

    finished = mps.finished(now - timedelta(minutes=20), now - timedelta(minutes=10))
    assert list_ids(finished) == ["15"]
    assert api.requests[-1].parameters.keys() == {"Status", "Limit", "EndTime"}


def test_finished_includes_fractions_of_a_second(mps, tasks):
    begin = int(time.time()) - 100
    tasks.add(notification("within"), finished=begin + 0.7)
    assert list_ids(mps.finished(begin + 0.6)) == ["within"]
    assert list_ids(mps.finished(begin - 10, begin + 0.8)) == ["within"]


def test_finished_rejects_invalid_times(mps):
    now = time.time()
    with pytest.raises(ValueError, match="7 days"):
        mps.finished(now - 8 * DAY)
    with pytest.raises(ValueError, match="until"):
        mps.finished(now, now - 1)
    with pytest.raises(ValueError, match="time zone"):
        mps.finished(datetime.now())
    with pytest.raises(ValueError, match="max_duration"):
        mps.finished(now, max_duration=-1)


def test_finished_accepts_a_whole_week(mps, tasks):
    week_ago = datetime.now(timezone.utc) - timedelta(days=7)
    tasks.add(notification())
    assert list_ids(mps.finished(week_ago)) == [TASK]


def test_finished_returns_repeated_task_once(scripted):
    """Tasks without a valid time of finishing are included."""

    def entry(task_id, finished):
        return {"TaskId": task_id, "TaskType": "LiveProcessTask", "FinishTime": finished}

    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    mps = scripted(
        {"TaskSet": [entry("a", now), entry("b", None)], "ScrollToken": "2"},
        {"TaskSet": [entry("a", now), entry("c", "0000-00-00T00:00:00Z")], "ScrollToken": ""},
    )
    tasks = list(mps.finished(time.time() - 60))
    assert list_ids(tasks) == ["a", "b", "c"]
    assert [task.finished is None for task in tasks] == [False, True, True]
    assert tasks[0].is_live
    assert TaskSummary({}).task_id == ""


def test_finished_fails_when_scroll_token_repeats(scripted):
    page = {"TaskSet": [], "ScrollToken": "again"}
    with pytest.raises(MpsError) as raised:
        list(scripted(page, page).finished(time.time()))

    assert raised.value.code == "InvalidResponse"


# In a function


def test_callbacks_share_client_of_their_invocation(api, tasks, monkeypatch):
    monkeypatch.setenv("TENCENTCLOUD_SECRETID", api.key.secret_id)
    monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", api.key.secret_key)
    monkeypatch.setenv("MPS_API_ENDPOINT", api.url)
    event = notification(SessionContext="order-1")
    tasks.add(event)
    app, clients, fetched = App(), [], []

    @app.on(WorkflowTask)
    def first(task: WorkflowTask, mps: Mps) -> None:
        clients.append(mps)
        fetched.append(mps.notification(task.task_id))

    @app.on(WorkflowTask)
    def second(task: WorkflowTask, mps: Mps) -> None:
        clients.append(mps)

    app.main_handler(event, {})
    assert clients[0] is clients[1]
    assert fetched[0]["SessionContext"] == "order-1"
    app.main_handler(event, {})
    assert clients[2] is not clients[0]


LOADED = """
import sys

def foreign():
    return sorted({name.split(".")[0] for name in sys.modules} & {"tencentcloud", "requests", "urllib3", "ssl"})

from scf_mps import App, Transcode
from scf_mps.local.samples import sample
app = App()
app.on(Transcode)(lambda transcode: None)
app.main_handler(sample("WorkflowTask", Transcode="SUCCESS"), {})
print("scf_mps.tencent.mps" in sys.modules, foreign())

from scf_mps import Mps
other, clients = App(), []

@other.on(Transcode)
def callback(transcode: Transcode, mps: Mps) -> None:
    clients.append(mps)

handler = other.main_handler
print("random" in sys.modules, "scf_mps.common.retry" in sys.modules, foreign())
handler(sample("WorkflowTask", Transcode="SUCCESS"), {})
print(type(clients[0]).__name__, foreign())
"""


def test_client_is_loaded_on_first_use():
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["False []", "False False []", "Mps []"], done.stderr
