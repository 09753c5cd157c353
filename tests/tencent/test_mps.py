"""What MPS itself knows of its tasks, asked through the official SDK from an emulator of its API."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.support.sample_data import DATA

pytest.importorskip("aiohttp", reason="the emulator of the API needs it")
pytest.importorskip("tencentcloud.common", reason="Mps asks by it")

from scf_mps import App, Context, Mps, WorkflowTask
from scf_mps.cos import Credentials, Retry
from scf_mps.events.parser import parse_event
from scf_mps.local import api as cloud
from scf_mps.tencent.mps import MpsError, NoNotification, SdkMissing, TaskNotFound, TaskSummary

DAY = 24 * 3600.0
QUICK = Retry(attempts=4, base=0.001, cap=0.01)
TASK = "1250000000-WorkflowTask-1t0"
VARIABLES = (
    "TENCENTCLOUD_SECRETID TENCENTCLOUD_SECRETKEY TENCENTCLOUD_SESSIONTOKEN TENCENTCLOUD_SECRET_ID "
    "TENCENTCLOUD_SECRET_KEY TENCENTCLOUD_REGION MPS_REGION MPS_API_ENDPOINT"
)


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in VARIABLES.split():
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def books():
    return cloud.Mps()


@pytest.fixture
def api(books):
    with cloud.CloudApi([books]) as running:
        yield running


@pytest.fixture
def keys(api):
    return Credentials(api.key.secret_id, api.key.secret_key)


@pytest.fixture
def make(api, keys):
    def make(credentials=keys, **options):
        options.setdefault("endpoint", api.url)
        options.setdefault("retry", QUICK)
        return Mps(credentials, **options)

    return make


@pytest.fixture
def mps(make):
    return make()


def notification(task_id=TASK, status="FINISH", **more):
    payload = {"TaskId": task_id, "Status": status, "MediaProcessResultSet": []}
    return {"EventType": "WorkflowTask", "WorkflowTaskEvent": payload, **more}


class Clock:
    """Time that goes by when it is told to."""

    now = 0.0

    def __call__(self):
        return self.now


def ids(tasks):
    return [task.task_id for task in tasks]


# -- the notification of a task


def pushed():
    """Every notification there is of a task with an id, as MPS pushed it."""
    for path in sorted(DATA.glob("*.json")):
        event = json.loads(path.read_text("utf-8"))
        if isinstance(event, dict) and event.get("EventType") in (
            "WorkflowTask",
            "EditMediaTask",
            "ScheduleTask",
            "ExtractBlindWatermark",
        ):
            yield pytest.param(event, id=path.stem)


@pytest.mark.parametrize("event", list(pushed()))
def test_the_notification_of_a_task_is_the_event_that_was_pushed(mps, books, event):
    task_id = books.add(event)

    came, asked = parse_event(event), parse_event(mps.notification(task_id))

    assert asked.key == came.key
    assert type(asked) is type(came)
    assert [one.key for one in asked.subtasks] == [one.key for one in came.subtasks]
    assert [one.raw for one in asked.subtasks] == [one.raw for one in came.subtasks]
    assert [type(one) for one in asked.subtasks] == [type(one) for one in came.subtasks]
    assert asked.files == came.files
    assert (asked.verb, asked.status) == (came.verb, came.status)
    assert asked.session_id == came.session_id
    assert asked.session_context == came.session_context


def test_there_were_events_of_each_kind_to_compare():
    assert {event.values[0]["EventType"] for event in pushed()} == {
        "WorkflowTask",
        "EditMediaTask",
        "ScheduleTask",
        "ExtractBlindWatermark",
    }


def test_a_type_that_mps_adds_tomorrow_has_a_notification(mps, books):
    event = {"EventType": "HoloTask", "HoloTaskEvent": {"TaskId": "h-1", "Status": "FINISH"}}
    books.add(event)

    asked = mps.notification("h-1")

    assert asked == {**event, "SessionId": "", "SessionContext": ""}
    assert parse_event(asked).key == parse_event(event).key


def test_a_task_that_is_not_finished_is_told_as_it_is(mps, books):
    books.add(notification(status="PROCESSING"))

    assert parse_event(mps.notification(TASK)).in_progress


def test_a_live_stream_has_no_notification_as_a_whole(mps, books, payload):
    task_id = books.add(payload("live_process_eof"))

    with pytest.raises(NoNotification, match="LiveStreamProcessTask with status FINISH") as caught:
        mps.notification(task_id)

    assert caught.value.request_id
    assert caught.value.retryable is False


class Odd(cloud.Service):
    """An MPS whose answers are given."""

    name = "mps"
    version = "2019-06-12"
    needs_region = False
    answers: list[Mapping[str, Any]] = []

    def __init__(self, *answers: Mapping[str, Any]) -> None:
        self.answers = list(answers)

    @cloud.action("DescribeTaskDetail")
    def detail(self, call: cloud.Call) -> Mapping[str, Any]:
        return self.answers.pop(0)

    @cloud.action("DescribeTasks")
    def tasks(self, call: cloud.Call) -> Mapping[str, Any]:
        return self.answers.pop(0)

    @cloud.action("ManageTask")
    def manage(self, call: cloud.Call) -> Mapping[str, Any]:
        return self.answers.pop(0)


@pytest.fixture
def told():
    """An `Mps` whose questions are answered as told."""
    running = []

    def told(*answers):
        one = cloud.CloudApi([Odd(*answers)])
        running.append(one)
        one.__enter__()
        return Mps(
            Credentials(one.key.secret_id, one.key.secret_key), endpoint=one.url, retry=QUICK
        )

    yield told
    for one in running:
        one.__exit__(None, None, None)


@pytest.mark.parametrize(
    "detail",
    [
        {"TaskType": "WorkflowTask", "Status": "WAITING", "WorkflowTask": None},
        {"TaskType": "BatchTask", "Status": "FINISH"},
        {"TaskType": None, "Status": "FINISH"},
        {},
    ],
)
def test_where_there_is_nothing_to_tell_there_is_no_notification(told, detail):
    with pytest.raises(NoNotification, match="task t-1"):
        told(detail).notification("t-1")


def test_nulls_where_mps_sends_none_are_no_trouble(told):
    mps = told(
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


def test_a_task_that_mps_does_not_have_is_an_error_of_its_own(mps, api):
    with pytest.raises(TaskNotFound, match=r"InvalidParameterValue.TaskId: .*\[request ") as caught:
        mps.notification("nothing")

    assert caught.value.code == "InvalidParameterValue.TaskId"
    assert caught.value.request_id == api.requests[-1].request_id
    assert len(api.requests) == 1


# -- the tasks that finished


def test_tasks_that_finished_since_then_are_told_with_their_times(mps, books):
    now = time.time()
    books.add(notification("old"), finished=now - 200)
    books.add(notification("new"), finished=now - 50, created=now - 500)
    books.add(notification("running", "PROCESSING"))

    (task,) = mps.finished(now - 100)

    assert (task.task_id, task.task_type, task.is_live) == ("new", "WorkflowTask", False)
    assert task.finished == int(now - 50)
    assert task.created == task.begun == int(now - 500)
    assert task.raw["TaskId"] == "new"
    assert "WorkflowTask new 20" in repr(task)


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("longest", [None, 3 * DAY])
def test_every_page_is_turned_whatever_the_order(newest_first, longest):
    books = cloud.Mps(newest_first=newest_first)
    now = time.time()
    for number in range(230):
        # Created long ago, finished just now, and the other way round.
        finished = now - 10 if number % 10 == 0 else now - 2 * DAY + number
        books.add(notification(f"{number}"), finished=finished, created=now - 2 * DAY - number)
    with cloud.CloudApi([books]) as api:
        mps = Mps(Credentials(api.key.secret_id, api.key.secret_key), endpoint=api.url)
        found = ids(mps.finished(now - 60, longest=longest))
        pages = len(api.requests)

    assert sorted(found, key=int) == [f"{number}" for number in range(0, 230, 10)]
    assert pages == 3


def test_what_was_created_too_early_is_not_asked_for(mps, books, api):
    now = time.time()
    books.add(notification("long"), finished=now - 10, created=now - 5000)
    books.add(notification("short"), finished=now - 10, created=now - 100)

    assert ids(mps.finished(now - 60, longest=3600)) == ["short"]
    assert api.requests[-1].parameters.keys() == {"Status", "Limit", "StartTime"}


def test_a_time_may_have_an_end(mps, books, api):
    now = datetime.now(timezone.utc)
    for minutes in (5, 15, 25):
        ago = (now - timedelta(minutes=minutes)).timestamp()
        books.add(notification(f"{minutes}"), finished=ago)

    found = mps.finished(now - timedelta(minutes=20), now - timedelta(minutes=10))

    assert ids(found) == ["15"]
    assert api.requests[-1].parameters.keys() == {"Status", "Limit", "EndTime"}


def test_whole_seconds_lose_no_task(mps, books):
    begin = int(time.time()) - 100
    books.add(notification("within"), finished=begin + 0.7)

    assert ids(mps.finished(begin + 0.6)) == ["within"]
    assert ids(mps.finished(begin - 10, begin + 0.8)) == ["within"]


def test_times_that_mps_cannot_answer_for_are_refused_at_once(mps):
    now = time.time()
    with pytest.raises(ValueError, match="last 7 days"):
        mps.finished(now - 8 * DAY)
    with pytest.raises(ValueError, match="not before since"):
        mps.finished(now, now - 1)
    with pytest.raises(ValueError, match="time zone"):
        mps.finished(datetime.now())
    with pytest.raises(ValueError, match="not -1"):
        mps.finished(now, longest=-1)


def test_a_whole_week_can_be_asked_for(mps, books):
    week_ago = datetime.now(timezone.utc) - timedelta(days=7)
    books.add(notification())

    assert ids(mps.finished(week_ago)) == [TASK]


def test_a_task_on_two_pages_is_told_once_and_one_without_a_time_is_told(told):
    def entry(task_id, finished):
        return {"TaskId": task_id, "TaskType": "LiveProcessTask", "FinishTime": finished}

    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    mps = told(
        {"TaskSet": [entry("a", now), entry("b", None)], "ScrollToken": "2"},
        {"TaskSet": [entry("a", now), entry("c", "0000-00-00T00:00:00Z")], "ScrollToken": ""},
    )

    tasks = list(mps.finished(time.time() - 60))

    assert ids(tasks) == ["a", "b", "c"]
    assert [task.finished is None for task in tasks] == [False, True, True]
    assert tasks[0].is_live
    assert TaskSummary({}).task_id == ""


def test_pages_that_go_round_in_a_circle_are_an_error(told):
    page = {"TaskSet": [], "ScrollToken": "again"}

    with pytest.raises(MpsError, match="in a circle") as caught:
        list(told(page, page).finished(time.time()))

    assert caught.value.code == "InvalidAnswer"


# -- asking


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "error", "code": "RequestLimitExceeded.UinLimitExceeded"},
        {"kind": "error", "code": "InternalError.AccessDBError"},
        {"kind": "status", "status": 503},
        {"kind": "hang_up"},
        {"kind": "lose_response"},
    ],
    ids=lambda fault: f"{fault['kind']} {fault.get('code', '')}",
)
def test_a_question_is_asked_again_when_that_may_help(mps, books, api, fault):
    books.add(notification())
    api.faults.add("DescribeTaskDetail", times=3, **fault)

    assert mps.notification(TASK)["EventType"] == "WorkflowTask"
    assert len(api.requests) == 4


def test_a_question_is_not_asked_for_ever(mps, api):
    api.faults.add("*", times=9)

    with pytest.raises(MpsError, match="RequestLimitExceeded") as caught:
        mps.notification(TASK)

    assert caught.value.retryable
    assert len(api.requests) == 4


def test_what_can_never_be_answered_is_asked_once(mps, api):
    with pytest.raises(MpsError) as caught:
        mps.call("DescribeTasks", Status="DONE")

    assert (caught.value.code, caught.value.retryable) == ("InvalidParameterValue", False)
    assert len(api.requests) == 1


def test_what_changes_something_is_sent_once(told):
    mps = told()
    with pytest.raises(MpsError, match="InternalError"):
        mps.call("ManageTask", TaskId=TASK, OperationType="Abort")

    mps = told({"Done": True})
    answer = mps.call("ManageTask", TaskId=TASK, OperationType="Abort")
    assert answer["Done"] is True
    assert answer["RequestId"]


def test_the_page_of_a_proxy_on_the_way_is_cut_short(make, api):
    api.faults.add("*", kind="status", status=502)

    with pytest.raises(MpsError) as caught:
        make(retry=Retry(attempts=1)).notification(TASK)

    assert caught.value.code == "ServerNetworkError"
    assert str(caught.value) == "ServerNetworkError: <html>no answer</html>"


def test_a_parameter_that_is_no_json_is_the_callers_mistake(mps, api):
    with pytest.raises(TypeError, match="datetime"):
        mps.call("DescribeTasks", StartTime=datetime.now())
    assert len(api.requests) == 0


@pytest.fixture
def raw_answer(tmp_path):
    """Serves bytes as the answer to every request, whatever it is; returns the `Mps` that gets them."""
    import socket
    import threading

    listeners = []

    def serve(answer: bytes) -> Mps:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        received = b""
                        while not received.endswith(b"}"):
                            received += connection.recv(65536)
                        connection.sendall(answer)

        threading.Thread(target=run, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        return Mps(Credentials("AKIDdesk", "s"), endpoint=url, retry=Retry(attempts=2, base=0.001))

    yield serve
    for listener in listeners:
        listener.close()


def reply(body, content_type="application/json", length=None):
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nConnection: close\r\n"
    return f"{head}Content-Length: {length or len(body)}\r\n\r\n{body}".encode()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (reply("<html>", "text/html"), "InvalidAnswer"),
        (reply("[]"), "InvalidAnswer"),
        (reply('{"Response": 3}'), "InvalidAnswer"),
        (reply("{}"), "InvalidAnswer"),
        (reply("{", "text/html", length=100), "ClientNetworkError"),
        (b"", "ClientNetworkError"),
    ],
)
def test_an_answer_that_is_none_is_an_error_of_the_same_family(raw_answer, answer, code):
    with pytest.raises(MpsError) as caught:
        raw_answer(answer).notification(TASK)

    assert (caught.value.code, caught.value.retryable) == (code, True)
    assert caught.value.request_id == ""


def test_an_error_is_one_whatever_its_content_type(raw_answer):
    body = json.dumps(
        {"Response": {"Error": {"Code": "Odd.Code", "Message": "m"}, "RequestId": "r"}}
    )

    with pytest.raises(MpsError, match=r"Odd.Code: m \[request r\]"):
        raw_answer(reply(body, "application/json; charset=utf-8")).notification(TASK)


# -- time


def test_nothing_is_asked_without_time(make, api):
    clock = Clock()
    context = Context({"time_limit_in_ms": 10_000}, clock)
    mps = make(context=context)
    clock.now = 9.8

    with pytest.raises(MpsError, match="no time is left") as caught:
        mps.notification(TASK)

    assert (caught.value.code, caught.value.retryable) == ("DeadlineExceeded", False)
    assert len(api.requests) == 0


def test_no_wait_reaches_beyond_the_time_of_the_invocation(make, api):
    context = Context({"time_limit_in_ms": 3000}, Clock())
    api.faults.add("*", times=9)

    with pytest.raises(MpsError, match="RequestLimitExceeded"):
        # The first wait would be over after the invocation.
        make(context=context, retry=_Patient()).notification(TASK)

    assert len(api.requests) == 1


class _Patient(Retry):
    def wait(self, attempt: int, retry_after: float = 0.0) -> float:
        return 60.0


def test_an_answer_that_takes_too_long_ends_the_try(make, api, books):
    books.add(notification())
    api.faults.add("*", kind="delay", seconds=30)
    begun = time.monotonic()

    with pytest.raises(MpsError) as caught:
        make(context=Context({"time_limit_in_ms": 1000}), retry=Retry(attempts=1)).notification(
            TASK
        )

    assert caught.value.code == "ClientNetworkError"
    assert time.monotonic() - begun < 3


# -- who asks, and whom


def test_the_credentials_are_those_of_the_invocation(api, books, monkeypatch):
    api.keys.add(cloud.Key("AKIDrole", "role-secret", token="role-token"))
    books.add(notification())
    environ = (
        "TENCENTCLOUD_SECRETID=AKIDrole;TENCENTCLOUD_SECRETKEY=role-secret;"
        "TENCENTCLOUD_SESSIONTOKEN=role-token"
    )
    context = Context({"environ": environ, "tencentcloud_region": "ap-shanghai"})
    monkeypatch.setenv("MPS_API_ENDPOINT", api.url + "/")

    assert Mps(context=context).notification(TASK)["EventType"] == "WorkflowTask"
    assert api.requests[-1].secret_id == "AKIDrole"
    assert api.requests[-1].region == "ap-shanghai"

    monkeypatch.setenv("MPS_REGION", "ap-beijing")
    Mps(context=context).notification(TASK)
    assert api.requests[-1].region == "ap-beijing"
    Mps(context=context, region="ap-tokyo").notification(TASK)
    assert api.requests[-1].region == "ap-tokyo"


def test_without_an_emulator_it_is_mps_itself_that_is_asked(keys):
    client = Mps(keys)._new_client()

    assert client._get_endpoint() == "mps.tencentcloudapi.com"
    assert client.profile.httpProfile.scheme == "https"
    other = Mps(keys, endpoint="https://mps.intl.tencentcloudapi.com")._new_client()
    assert other._get_endpoint() == "mps.intl.tencentcloudapi.com"


def test_on_a_desk_the_variables_of_the_sdk_count(api, books, monkeypatch):
    books.add(notification())
    monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", api.key.secret_id)
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", api.key.secret_key)
    monkeypatch.setenv("TENCENTCLOUD_REGION", "ap-seoul")

    Mps(endpoint=api.url).notification(TASK)

    assert api.requests[-1].secret_id == api.key.secret_id
    assert api.requests[-1].region == "ap-seoul"


def test_without_credentials_it_says_what_is_missing(api, monkeypatch):
    monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", "AKIDhalf")

    with pytest.raises(MpsError, match="execution role") as caught:
        Mps(endpoint=api.url).notification(TASK)

    assert caught.value.code == "NoCredentials"


def test_another_key_is_refused_without_a_second_try(make, api):
    with pytest.raises(MpsError, match="SignatureFailure"):
        make(Credentials(api.key.secret_id, "wrong")).notification(TASK)

    assert len(api.requests) == 1


@pytest.mark.parametrize(
    "endpoint",
    ["127.0.0.1:80", "ftp://a", "https://", "http://a/b", "https://user:hidden@a", "http://a b"],
)
def test_an_endpoint_of_another_form_is_refused(endpoint):
    with pytest.raises(ValueError, match="MPS_API_ENDPOINT") as caught:
        Mps(endpoint=endpoint)

    assert "hidden" not in str(caught.value)


def test_no_secret_is_logged_at_whatever_level(make, api, books, caplog):
    books.add(notification())
    api.keys.add(cloud.Key("AKIDtemporary", "the-secret-key", token="the-session-token"))
    mps = make(Credentials("AKIDtemporary", "the-secret-key", "the-session-token"))
    mps.notification(TASK)
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "tencentcloud_sdk_common"):
        mps.notification(TASK)
        with pytest.raises(TaskNotFound):
            mps.notification("nothing")

    assert "POST" in caplog.text  # urllib3 says as much
    for secret in ("the-secret-key", "the-session-token", "AKIDtemporary"):
        assert secret not in caplog.text
        assert secret not in repr(mps)


# -- in a function


def test_a_callback_gets_the_one_of_its_invocation(api, keys, books, monkeypatch):
    monkeypatch.setenv("TENCENTCLOUD_SECRETID", keys.secret_id)
    monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", keys.secret_key)
    monkeypatch.setenv("MPS_API_ENDPOINT", api.url)
    event = notification(SessionContext="order-1")
    books.add(event)
    app, given = App(), []

    @app.on(WorkflowTask)
    def one(task: WorkflowTask, mps: Mps) -> None:
        given.append((mps, mps.notification(task.task_id)))

    @app.on(WorkflowTask)
    def two(task: WorkflowTask, mps: Mps) -> None:
        given.append((mps, None))

    app.main_handler(event, {})
    assert given[0][0] is given[1][0]
    assert given[0][1]["SessionContext"] == "order-1"
    app.main_handler(event, {})
    assert given[2][0] is not given[0][0]


def test_without_the_sdk_it_says_what_to_install(make, monkeypatch):
    monkeypatch.setitem(sys.modules, "tencentcloud.common.profile.http_profile", None)

    with pytest.raises(SdkMissing, match=r"pip install 'scf-mps\[mps\]'") as caught:
        make().notification(TASK)

    assert isinstance(caught.value, ImportError)
    assert "tencentcloud-sdk-python-common" in str(caught.value)


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
other, given = App(), []

@other.on(Transcode)
def callback(transcode: Transcode, mps: Mps) -> None:
    given.append(mps)

handler = other.main_handler
print("random" in sys.modules, "scf_mps.common.retry" in sys.modules, foreign())
handler(sample("WorkflowTask", Transcode="SUCCESS"), {})
print(type(given[0]).__name__, foreign())
"""


def test_nothing_of_it_is_loaded_unless_it_is_used():
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True)

    assert done.stdout.splitlines() == ["False []", "False False []", "Mps []"], done.stderr
