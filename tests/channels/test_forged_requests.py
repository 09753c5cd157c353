"""Attempts to make the function act over HTTP without being MPS, all through `main_handler`.

The API of MPS is emulated, and called by the real SDK. `Sign` does not cover the body: attempts at the body have the
valid signature of a callback that was seen less than ten minutes ago.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from functools import partial
from typing import Any

import pytest

from tests.support.log_capture import Stream
from tests.support.sample_data import ROOT

pytest.importorskip("aiohttp", reason="the emulator of the API needs it")
pytest.importorskip("tencentcloud.common", reason="the client of MPS needs it")

from scf_mps import App, Event, Result, logs
from scf_mps.local import api as cloud
from scf_mps.local.samples import sample
from scf_mps.local.scf import LocalFunction
from tests.channels.support import KEY, compute_sign, compute_timestamp, create_request, sign


def soon():
    """Return a timestamp of a valid signature."""
    return compute_timestamp(600)


def forge(**fields):
    """Return a signed task with changed fields: values, or functions of the valid signature."""
    made = sign(create_task())
    values = {name: v(made["Sign"]) if callable(v) else v for name, v in fields.items()}
    return {**made, **values}


def widen(text, offset):
    """Replace digits and letters by those of another alphabet."""
    return "".join(chr(ord(letter) + offset) for letter in text)


def encode_base64(text):
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def create_task():
    """Return the task of MPS: two results, one of them a failure."""
    return sample(
        "WorkflowTask", Transcode="SUCCESS", ImageSprites="FAIL", session_context="order-1"
    )


def create_edit():
    made = sample("EditMediaTask")
    made["EditMediaTaskEvent"]["TaskId"] = "1250000000-EditMediaTask-1t0"
    return made


def create_running_task():
    made = sample("WorkflowTask", Transcode="PROCESSING", status="PROCESSING")
    made["WorkflowTaskEvent"]["TaskId"] = "1250000000-WorkflowTask-runningt0"
    return made


def change_payload(change, of=None):
    """Return an event whose payload is changed."""
    made = copy.deepcopy(of or create_task())
    change(made[f"{made['EventType']}Event"])
    return made


def results(payload):
    return payload["MediaProcessResultSet"]


def transcode(payload):
    return results(payload)[0]["TranscodeTask"]


@pytest.fixture
def mps():
    mps = cloud.Mps()
    for event in (create_task(), create_edit(), create_running_task()):
        mps.add(event)
    return mps


@pytest.fixture
def api(mps, monkeypatch):
    for name in ("MPS_ALLOW_UNSIGNED", "MPS_REREAD", "TENCENTCLOUD_SESSIONTOKEN", "MPS_REGION"):
        monkeypatch.delenv(name, raising=False)
    with cloud.CloudApi([mps]) as create_running_task:
        monkeypatch.setenv("MPS_NOTIFY_KEY", KEY)
        monkeypatch.setenv("MPS_API_ENDPOINT", create_running_task.url)
        monkeypatch.setenv("TENCENTCLOUD_SECRETID", create_running_task.key.secret_id)
        monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", create_running_task.key.secret_key)
        monkeypatch.setenv("TENCENTCLOUD_REGION", "ap-guangzhou")
        yield create_running_task


class CountingApp:
    """An application whose callback records every event and result."""

    def __init__(self):
        self.seen = []
        app = App()

        @app.on(Result)
        @app.on_failure(Result)
        @app.on_progress(Result)
        @app.fallback
        def count(result: Result) -> None:
            self.seen.append(result)

        self.main_handler = app.main_handler

    def answer(self, request, limit=5000):
        response = self.main_handler(request, {"time_limit_in_ms": limit})
        return response["statusCode"], response["body"]


FULLWIDTH, ARABIC = 0xFEE0, 0x630
BAD_SIGN = {
    "no sign at all": create_task,
    "an empty sign": lambda: forge(Sign=""),
    "no sign, but its timestamp": lambda: {**create_task(), "Timestamp": soon()},
    "a sign without its timestamp": lambda: {**create_task(), "Sign": compute_sign("")},
    "a sign without task or timestamp": lambda: {"Sign": compute_sign(soon())},
    "a sign of nothing": lambda: forge(Timestamp="", Sign=compute_sign("")),
    "a sign with null for a timestamp": lambda: forge(Timestamp=None, Sign=compute_sign(None)),
    "a sign of an empty text for null": lambda: forge(Timestamp=None, Sign=compute_sign("")),
    "a sign of zeros": lambda: forge(Sign="0" * 32),
    "one digit of the sign changed": lambda: forge(
        Sign=lambda text: text[:-1] + ("0" if text[-1] != "0" else "1")
    ),
    "the sign cut short": lambda: forge(Sign=lambda text: text[:31]),
    "the sign and a bit more": lambda: forge(Sign=lambda text: f"{text}0"),
    "the sign with a space": lambda: forge(Sign=lambda text: f"{text} "),
    "the sign with a NUL": lambda: forge(Sign=lambda text: f"{text}\0"),
    "the sign in fullwidth digits": lambda: forge(Sign=lambda text: widen(text, FULLWIDTH)),
    "the sign in a list": lambda: forge(Sign=lambda text: [text]),
    "the sign in an object": lambda: forge(Sign=lambda text: {"Sign": text}),
    "true for a sign": lambda: forge(Sign=True),
    "null for a sign": lambda: forge(Sign=None),
    "0 for a sign": lambda: forge(Sign=0),
    "Chinese for a sign": lambda: forge(Sign="签名"),
    "a lone surrogate for a sign": lambda: forge(Sign="\ud800"),
    "the sign of another key": lambda: sign(create_task(), key="another-key"),
    "the sign of no key": lambda: sign(create_task(), key=""),
    "the sign of the key in upper case": lambda: sign(create_task(), key=KEY.upper()),
    "the sign of a key and its comma": lambda: sign(create_task(), key=f"{KEY},"),
    "the key itself for a sign": lambda: forge(Sign=KEY),
    "a SHA-1 in place of the MD5": lambda: forge(
        Timestamp=soon(), Sign=hashlib.sha1(f"{soon()}{KEY}".encode()).hexdigest()
    ),
    "key and timestamp the other way round": lambda: forge(
        Timestamp=soon(), Sign=hashlib.md5(f"{KEY}{soon()}".encode()).hexdigest()
    ),
    "the sign of another timestamp": lambda: forge(Timestamp=compute_timestamp(660)),
    "the sign of the number for a fraction": lambda: forge(Timestamp=float(soon())),
    "an old sign with a new timestamp": lambda: {
        **sign(create_task(), compute_timestamp(-60)),
        "Timestamp": soon(),
    },
    "expired an hour ago": lambda: sign(create_task(), compute_timestamp(-3600)),
    "expired a second ago": lambda: sign(create_task(), compute_timestamp(-1)),
    "expired in 1970": lambda: sign(create_task(), 0),
    "expires in 1970, below zero": lambda: sign(create_task(), -soon()),
    "expires in 1970, below zero in a text": lambda: sign(create_task(), "-5"),
    "expires in two hours": lambda: sign(create_task(), compute_timestamp(7200)),
    "expires in ten years": lambda: sign(create_task(), compute_timestamp(10 * 365 * 86400)),
    "expires in milliseconds": lambda: sign(create_task(), soon() * 1000),
    "expires never": lambda: sign(create_task(), 10**30),
    "a timestamp of 13 digits": lambda: sign(create_task(), "1" * 13),
    "a timestamp of 5,000 digits": lambda: sign(create_task(), "9" * 5000),
    "a timestamp in fullwidth digits": lambda: sign(create_task(), widen(str(soon()), FULLWIDTH)),
    "a timestamp in Arabic digits": lambda: sign(create_task(), widen(str(soon()), ARABIC)),
    "a timestamp with a sign": lambda: sign(create_task(), f"+{soon()}"),
    "a timestamp with a space": lambda: sign(create_task(), f" {soon()}"),
    "a timestamp with an underscore": lambda: sign(create_task(), f"{soon():_}"),
    "a timestamp with an exponent": lambda: sign(create_task(), "1e12"),
    "a timestamp with zeros before it": lambda: forge(Timestamp=f"00{soon()}"),
    "a timestamp in words": lambda: sign(create_task(), "soon"),
    "a timestamp of infinity": lambda: sign(create_task(), "inf"),
    "a timestamp with a fraction": lambda: sign(create_task(), float(soon())),
    "true for a timestamp": lambda: sign(create_task(), True),
    "a lone surrogate for a timestamp": lambda: forge(Timestamp="\ud800"),
    "a timestamp in a list": lambda: sign(create_task(), [soon()]),
    "a timestamp in lists": lambda: forge(Timestamp=[[[soon()]]]),
    "a timestamp in an object": lambda: sign(create_task(), {"a": soon()}),
    "sign and timestamp in the payload": lambda: {
        "EventType": "WorkflowTask",
        "WorkflowTaskEvent": sign(create_task()["WorkflowTaskEvent"]),
    },
    "sign and timestamp in lower case": lambda: {
        **create_task(),
        "timestamp": soon(),
        "sign": compute_sign(soon()),
    },
    "only a task's id": lambda: {"TaskId": "1250000000-WorkflowTask-1t0"},
    "only an address": lambda: {"ArchivedEvent": "cos://a-1.ap-guangzhou/b"},
    "a live stream's": lambda: {"NotificationType": "ProcessEof", "TaskId": "t"},
    "a list of what is signed": lambda: [sign(create_task())],
    "a text of what is signed": lambda: json.dumps(sign(create_task())),
    "null": lambda: None,
    "a number": lambda: 5,
    "nothing": dict,
    "an empty list": list,
}


@pytest.mark.parametrize("attempt", BAD_SIGN.values(), ids=BAD_SIGN.keys())
def test_request_without_valid_signature_is_refused(api, attempt):
    counting = CountingApp()
    text = json.dumps(attempt())
    for request in (create_request(text), create_base64_request(text)):
        status, content = counting.answer(request)
        assert (status, KEY in content) == (401, False)
    assert counting.seen == []
    assert len(api.requests) == 0


def twice(name, first, second):
    """Return a signed body in which a key occurs twice."""
    body = {**sign(create_task()), name: second}
    return f"{{{json.dumps(name)}: {json.dumps(first)}, {json.dumps(body)[1:]}"


def create_dumped_request(change=str, **more):
    """Return a request whose body is a changed text of a signed task."""
    return create_request(change(json.dumps(sign(create_task()))), **more)


def create_base64_request(content, flag=True):
    return create_request(encode_base64(content), isBase64Encoded=flag)


def create_signature():
    return {"Timestamp": str(soon()), "Sign": compute_sign(soon())}


ENVELOPES = {
    "sign and timestamp in headers": (
        lambda: create_request(create_task(), headers=create_signature()),
        401,
    ),
    "sign and timestamp in the query": (
        lambda: create_request(
            create_task(),
            queryString=create_signature(),
            queryStringParameters=create_signature(),
        ),
        401,
    ),
    "sign and timestamp next to the body": (
        lambda: create_request(create_task(), Timestamp=soon(), Sign=compute_sign(soon())),
        401,
    ),
    "headers of a gateway that has checked it": (
        lambda: create_request(create_task(), headers={"X-Api-AppId": "1", "Authorization": "ok"}),
        401,
    ),
    "a context of a gateway that has checked it": (
        lambda: create_request(create_task(), requestContext={"identity": {"secretId": "AKID"}}),
        401,
    ),
    "two signs, the wrong one first": (
        lambda: create_request(twice("Sign", "", compute_sign(soon()))),
        400,
    ),
    "two timestamps": (lambda: create_request(twice("Timestamp", 1, soon())), 400),
    "two types": (lambda: create_request(twice("EventType", "EditMediaTask", "WorkflowTask")), 400),
    "two payloads": (lambda: create_request(twice("WorkflowTaskEvent", {}, {"TaskId": "t"})), 400),
    "two statuses, deep inside": (
        lambda: create_dumped_request(
            lambda text: text.replace('"Status"', '"Status": "FAIL", "Status"', 1)
        ),
        400,
    ),
    "invalid base64": (lambda: create_request(sign(create_task()), isBase64Encoded=True), 400),
    "base64 that does not say so": (lambda: create_dumped_request(encode_base64), 400),
    "base64 twice": (
        lambda: create_base64_request(encode_base64(json.dumps(sign(create_task())))),
        400,
    ),
    "base64 with line feeds": (
        lambda: create_dumped_request(
            lambda text: encode_base64(text) + "\n", isBase64Encoded=True
        ),
        400,
    ),
    "base64 of UTF-16": (
        lambda: create_base64_request(json.dumps(sign(create_task())).encode("utf-16")),
        400,
    ),
    "base64 of no UTF-8": (lambda: create_base64_request(b'"\xff"'), 400),
    "a body that is an object": (lambda: {**create_request(""), "body": sign(create_task())}, 400),
    "a body that is null": (lambda: {**create_request(""), "body": None}, 400),
    "no body": (lambda: {"httpMethod": "POST", "headers": {}}, 400),
    "a body with a suffix": (lambda: create_dumped_request(lambda text: text + "{}"), 400),
    "a form": (lambda: create_request("Sign=&Timestamp="), 400),
    "a JSON of NaN": (lambda: create_request('{"Sign": NaN}'), 400),
    "100,000 levels": (lambda: create_request("[" * 100_000), 400),
    "a number of 5,000 digits": (lambda: create_request("1" * 5000), 400),
    "messages in the body": (
        lambda: create_request(
            sign({"Records": [{"CMQ": {"msgBody": json.dumps(create_task())}}]})
        ),
        400,
    ),
    "a message in the body": (
        lambda: create_request(sign({"msgBody": json.dumps(create_task())})),
        400,
    ),
    "a dead letter in the body": (
        lambda: create_request(
            sign({"RequestId": "r", "Body": {"ClientContext": json.dumps(create_task())}})
        ),
        400,
    ),
    "a request in the body": (lambda: create_request(sign(create_request(create_task()))), 400),
    "a timer in the body": (
        lambda: create_request(sign({"Type": "Timer", "TriggerName": "t", "Message": "reconcile"})),
        400,
    ),
    "nothing but a signature": (lambda: create_request(sign({})), 400),
    "another method": (lambda: {**create_request(sign(create_task())), "httpMethod": "PUT"}, 405),
    "a probe": (lambda: {"httpMethod": "GET", "headers": {}, "body": ""}, 405),
    "a GET that says it is a POST": (
        lambda: create_dumped_request(httpMethod="GET", headers={"X-HTTP-Method": "POST"}),
        405,
    ),
}


@pytest.mark.parametrize(("request_of", "status"), ENVELOPES.values(), ids=ENVELOPES.keys())
def test_no_other_envelope_is_accepted(api, request_of, status):
    counting = CountingApp()
    assert counting.answer(request_of())[0] == status
    assert counting.seen == []


def use_unknown_task(payload):
    payload["TaskId"] = "1250000000-WorkflowTask-nonet0"


def other_bucket(payload):
    transcode(payload)["Output"]["OutputStorage"]["CosOutputStorage"]["Bucket"] = "evil-1250000000"


TASK_ID = create_task()["WorkflowTaskEvent"]["TaskId"]
CHANGES = {
    "a task there is not": use_unknown_task,
    "the id of another task": lambda p: p.update(TaskId="1250000000-EditMediaTask-1t0"),
    "no id": lambda p: p.pop("TaskId"),
    "an invalid id": lambda p: p.update(TaskId="x" * 100_000),
    "an id with a lone surrogate": lambda p: p.update(TaskId="\ud800"),
    "a path": lambda p: transcode(p)["Output"].update(Path="/evil.mp4"),
    "no path": lambda p: transcode(p)["Output"].update(Path=""),
    "a URL for a path": lambda p: transcode(p)["Output"].update(Path="https://evil.example/a.mp4"),
    "a bucket": other_bucket,
    "a region": lambda p: transcode(p)["Output"]["OutputStorage"]["CosOutputStorage"].update(
        Region="ap-tokyo"
    ),
    "a result less": lambda p: results(p).pop(),
    "no results": lambda p: p.update(MediaProcessResultSet=[]),
    "a result more": lambda p: results(p).append(copy.deepcopy(results(p)[0])),
    "the results the other way round": lambda p: results(p).reverse(),
    "a result of another type": lambda p: results(p)[0].update(Type="Porn"),
    "another definition": lambda p: transcode(p)["Input"].update(Definition=7),
    "a failure for a success": lambda p: transcode(p).update(
        Status="FAIL", ErrCode=30010, Output=None
    ),
    "a success for a failure": lambda p: results(p)[1]["ImageSpriteTask"].update(
        Status="SUCCESS", ErrCode=0, Output={"ImagePathSet": ["/a.jpg"]}
    ),
    "another error": lambda p: results(p)[1]["ImageSpriteTask"].update(ErrCodeExt="InvalidInput"),
    "an error of the task": lambda p: p.update(ErrCode=7),
}
"""Changes of the payload of the task."""

SWAPPED = {
    **{name: partial(change_payload, change) for name, change in CHANGES.items()},
    "a type that it is not": lambda: {
        "EventType": "ScheduleTask",
        "ScheduleTaskEvent": create_task()["WorkflowTaskEvent"],
    },
    "a type there is not": lambda: {
        "EventType": "HoloTask",
        "HoloTaskEvent": create_task()["WorkflowTaskEvent"],
    },
    "an id next to the payload": lambda: {
        **change_payload(lambda p: p.pop("TaskId")),
        "TaskId": TASK_ID,
    },
    "finished, which it is not": lambda: change_payload(
        lambda p: p.update(Status="FINISH"), create_running_task()
    ),
    "the output of an edit": lambda: change_payload(
        lambda p: p["Output"].update(Path="/evil.mp4"), create_edit()
    ),
    "a batch, which has no id": lambda: sample("BatchTask"),
    "a live stream's": lambda: {
        "NotificationType": "ProcessEof",
        "TaskId": TASK_ID,
        "ProcessEofInfo": {"ErrCode": 0},
    },
    "a live type there is not": lambda: {"NotificationType": "Holo", "TaskId": TASK_ID},
    "the id of a task there is not": lambda: {"TaskId": "nobody's"},
}


@pytest.mark.parametrize("swapped", SWAPPED.values(), ids=SWAPPED.keys())
def test_body_that_differs_from_mps_is_refused(api, monkeypatch, swapped):
    monkeypatch.setenv("MPS_REREAD", "1")
    monkeypatch.delenv("MPS_LOG_FORMAT", raising=False)
    logs.configure(stream := Stream())
    counting = CountingApp()
    body = swapped()
    status, content = counting.answer(create_request(sign(body)))
    # MPS may lag behind its own callbacks, so the sender may retry.
    assert status == (503 if swapped is SWAPPED["finished, which it is not"] else 403), content
    assert counting.seen == []
    assert len(content) < 500
    line, handled = stream.lines
    assert handled["type"] == ""
    assert status == 403 or line["message"].startswith("event failed: ")
    payload = body.get(f"{body.get('EventType')}Event", {})
    name = payload.get("TaskId") or body.get("TaskId") or ""
    # A name that does not fit is truncated.
    assert name.startswith(line["task_id"].removesuffix("…"))
    assert bool(line["task_id"]) == bool(name)


HONEST = {
    "as MPS sends it": lambda: create_request(sign(create_task())),
    "a timestamp in a text": lambda: create_request(sign(create_task(), str(soon()))),
    "a sign in upper case": lambda: create_request(forge(Sign=str.upper)),
    "in base64": lambda: create_dumped_request(encode_base64, isBase64Encoded=True),
    "in base64, in other words": lambda: create_dumped_request(
        encode_base64, isBase64Encoded="true"
    ),
    "by a gateway": lambda: {
        "requestContext": {"httpMethod": "ANY"},
        "httpMethod": "POST",
        "body": json.dumps(sign(create_task())),
    },
    "by one that names no method": lambda: {"headers": {}, "body": json.dumps(sign(create_task()))},
    "an edit": lambda: create_request(sign(create_edit())),
    "one of progress": lambda: create_request(sign(create_running_task())),
    "a task's id alone": lambda: create_request(sign({"TaskId": TASK_ID})),
    "soon to expire": lambda: create_request(sign(create_task(), compute_timestamp(60))),
    "not soon to expire": lambda: create_request(sign(create_task(), compute_timestamp(3500))),
}


@pytest.mark.parametrize("reread", ["0", "1"])
@pytest.mark.parametrize("request_of", HONEST.values(), ids=HONEST.keys())
def test_request_of_mps_is_accepted(api, monkeypatch, request_of, reread):
    monkeypatch.setenv("MPS_REREAD", reread)
    counting = CountingApp()
    status, content = counting.answer(request_of())
    assert status == 200, content
    assert len(counting.seen) == len(json.loads(content)["callbacks"]) > 0


# The event that MPS returns in place of the received one


@pytest.fixture
def reread(api, monkeypatch):
    monkeypatch.setenv("MPS_REREAD", "1")
    return api


def test_fields_not_compared_come_from_mps(reread):
    forged = change_payload(lambda payload: transcode(payload)["Output"].update(Bitrate=-1))
    forged["SessionContext"] = "order-2"
    counting = CountingApp()
    assert counting.answer(create_request(sign(forged)))[0] == 200
    event = counting.seen[-1]
    assert isinstance(event, Event)
    assert event.session_context == "order-1"
    assert "Sign" not in event.raw
    assert all(one.raw.get("Output", {}) != {"Bitrate": -1} for one in event.subtasks)
    assert event.raw["WorkflowTaskEvent"] == create_task()["WorkflowTaskEvent"]


def test_progress_dispatches_current_state_of_task(reread, mps):
    finished = create_running_task()
    finished["WorkflowTaskEvent"]["Status"] = "FINISH"
    finished["WorkflowTaskEvent"]["MediaProcessResultSet"] = results(
        create_task()["WorkflowTaskEvent"]
    )
    mps.add(finished)
    counting = CountingApp()
    status, content = counting.answer(create_request(sign(create_running_task())))
    assert (status, json.loads(content)["status"]) == (200, "FINISH")
    assert [one.status for one in counting.seen] == ["SUCCESS", "FAIL", "FINISH"]


def test_cli_shows_the_event_that_mps_returned(reread, mps, tmp_path, monkeypatch):
    typer_testing = pytest.importorskip("typer.testing", reason="the command line needs it")
    from scf_mps.cli import cli

    (tmp_path / "counting.py").write_text(
        "from scf_mps import App, Result\n"
        "app = App()\n"
        "@app.on(Result)\n"
        "@app.on_failure(Result)\n"
        "@app.on_progress(Result)\n"
        "def count(result: Result) -> None: ...\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    finished = change_payload(
        lambda payload: payload.update(Status="FINISH"), create_running_task()
    )
    further = change_payload(
        lambda payload: results(payload).extend(results(create_task()["WorkflowTaskEvent"]))
    )
    further["WorkflowTaskEvent"].update(TaskId=create_running_task()["WorkflowTaskEvent"]["TaskId"])
    further["WorkflowTaskEvent"].update(Status="PROCESSING")
    vod = {"EventType": "PullComplete", "PullCompleteEvent": {}}
    known = {"TaskId": create_running_task()["WorkflowTaskEvent"]["TaskId"]}
    messages = {"msgInfoList": [{"msgBody": json.dumps(one)} for one in (vod, known)]}
    for content, event, code in (
        (finished, create_request(sign(create_running_task())), 0),
        (further, create_request(sign(create_running_task())), 0),
        (finished, messages, 1),
    ):
        mps.add(content)
        ran = typer_testing.CliRunner().invoke(
            cli, ["invoke", "-", "--app", "counting:app"], input=json.dumps(event)
        )
        assert ran.exit_code == code, ran.stderr
        assert ran.exception is None or isinstance(ran.exception, SystemExit)
        summary = json.loads(ran.stdout)
        (handled,) = summary.get("events", [summary])
        status = content["WorkflowTaskEvent"]["Status"]
        assert (handled["task_id"], handled["status"]) == (known["TaskId"], status)


def test_url_signed_anew_is_the_same_file(reread, mps):
    def described(url: str) -> dict[str, Any]:
        made = sample("WorkflowTask", Description="SUCCESS")
        made["WorkflowTaskEvent"]["TaskId"] = "described"
        result = made["WorkflowTaskEvent"]["AiAnalysisResultSet"][0]["DescriptionTask"]
        result["Output"]["DescriptionSet"] = [{"SubtitlePath": url}]
        return made

    mps.add(described("https://texts.example/1.vtt?sign=1"))
    came = described("https://texts.example/1.vtt?sign=2")
    assert CountingApp().answer(create_request(sign(came)))[0] == 200
    other = described("https://evil.example/1.vtt?sign=1")
    status, content = CountingApp().answer(create_request(sign(other)))
    assert (status, "AiAnalysisResultSet[0]" in content) == (403, True)


class WaitingTaskService(cloud.Service):
    """An MPS with a task that waits and has no notification yet."""

    name = "mps"
    version = "2019-06-12"

    @cloud.action("DescribeTaskDetail")
    def detail(self, call: cloud.Call) -> dict[str, Any]:
        return {"TaskType": "WorkflowTask", "Status": "WAITING", "WorkflowTask": None}


@pytest.mark.parametrize("reread", ["0", "1"])
def test_waiting_task_returns_503(api, monkeypatch, reread):
    monkeypatch.setenv("MPS_REREAD", reread)
    name = TASK_ID
    with cloud.CloudApi([WaitingTaskService()]) as waiting:
        monkeypatch.setenv("MPS_API_ENDPOINT", waiting.url)
        for notification in ({"TaskId": name}, *([create_task()] if reread == "1" else [])):
            assert CountingApp().answer(create_request(sign(notification)))[0] == 503


def test_unsigned_request_is_refused_without_asking_mps(reread):
    assert CountingApp().answer(create_request(create_task()))[0] == 401
    assert len(reread.requests) == 0


def test_unsigned_requests_are_verified_with_mps(reread, monkeypatch):
    monkeypatch.delenv("MPS_NOTIFY_KEY")
    monkeypatch.setenv("MPS_ALLOW_UNSIGNED", "1")
    counting = CountingApp()
    assert counting.answer(create_request(create_task()))[0] == 200
    assert counting.answer(create_request(change_payload(other_bucket)))[0] == 403
    assert len(counting.seen) == 3


def test_other_channels_are_not_verified(reread):
    CountingApp().main_handler(change_payload(use_unknown_task), {})
    assert len(reread.requests) == 0


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("InternalError", 503),
        ("RequestLimitExceeded", 503),
        ("InvalidParameter", 403),
        ("UnauthorizedOperation", 500),
    ],
)
def test_error_of_mps_decides_the_status(reread, code, status):
    reread.faults.add("DescribeTaskDetail", times=9, code=code)
    counting = CountingApp()
    assert counting.answer(create_request(sign(create_task())), limit=1500)[0] == status
    assert counting.seen == []


def test_missing_time_or_credentials_dispatch_nothing(reread, monkeypatch):
    counting = CountingApp()
    assert counting.answer(create_request(sign(create_task())), limit=0.0001)[0] == 503
    monkeypatch.delenv("TENCENTCLOUD_SECRETID")
    status, content = counting.answer(create_request(sign(create_task())))
    assert (status, content) == (500, '{"error": "internal error"}')
    assert counting.seen == []


def test_scf_emulator_returns_same_statuses(reread, tmp_path):
    code = tmp_path / "code"
    code.mkdir()
    (code / "scf_mps").symlink_to(ROOT / "src" / "scf_mps")
    (code / "index.py").write_text(
        "from scf_mps import App, Result\n"
        "app = App()\n"
        "@app.on(Result)\n"
        "@app.on_failure(Result)\n"
        "def count(result: Result) -> None: ...\n"
        "main_handler = app.main_handler\n"
    )
    variables = {"MPS_NOTIFY_KEY": KEY, "MPS_LEDGER": "none"}
    with LocalFunction(code, timeout=10, environment=variables) as function:
        for request, status in (
            (create_request(sign(create_task())), 200),
            (create_request(create_task()), 401),
            (create_request(sign(create_task(), compute_timestamp(-1))), 401),
            ({"httpMethod": "GET", "headers": {}}, 405),
        ):
            invocation = function.invoke(request)
            assert invocation.status == 200
            assert invocation.returned["statusCode"] == status
