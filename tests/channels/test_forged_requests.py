"""Who can make the function act over HTTP: MPS, and nobody else. A table of attempts, all through `main_handler`.

The API of MPS is emulated, and asked by the real SDK. The attempts at what `Sign` does not cover, the body, are made
with a valid signature, as someone has it who saw a callback of MPS less than ten minutes ago.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.log_capture import Stream

pytest.importorskip("aiohttp", reason="the emulator of the API needs it")
pytest.importorskip("tencentcloud.common", reason="MPS is asked by it")

from scf_mps import App, Event, Result, logs
from scf_mps.local import api as cloud
from scf_mps.local.samples import sample
from scf_mps.local.scf import LocalFunction

KEY = "my-notify-key"
REREAD = {"MPS_REREAD": "1"}


def sign(timestamp: Any, key: str = KEY) -> str:
    return hashlib.md5(f"{timestamp}{key}".encode()).hexdigest()


def in_(seconds: float) -> int:
    return int(time.time() + seconds)


def signed(notification: Any, timestamp: Any = None, key: str = KEY) -> dict[str, Any]:
    timestamp = in_(600) if timestamp is None else timestamp
    return {**notification, "Timestamp": timestamp, "Sign": sign(timestamp, key)}


def with_sign(change: Callable[[str], Any]) -> dict[str, Any]:
    """What is signed now, with its sign changed."""
    made = signed(task())
    return {**made, "Sign": change(made["Sign"])}


def http(body: object, **more: Any) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    return {"httpMethod": "POST", "path": "/", "headers": {}, "body": text, **more}


def in_base64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def task() -> dict[str, Any]:
    """What MPS really did: two results, one of them a failure."""
    made: dict[str, Any] = sample(
        "WorkflowTask", Transcode="SUCCESS", ImageSprites="FAIL", session_context="order-1"
    )
    return made


def edit() -> dict[str, Any]:
    made: dict[str, Any] = sample("EditMediaTask")
    made["EditMediaTaskEvent"]["TaskId"] = "1250000000-EditMediaTask-1t0"
    return made


def running() -> dict[str, Any]:
    made: dict[str, Any] = sample("WorkflowTask", Transcode="PROCESSING", status="PROCESSING")
    made["WorkflowTaskEvent"]["TaskId"] = "1250000000-WorkflowTask-runningt0"
    return made


def changed(change: Callable[[dict[str, Any]], Any], of: dict[str, Any] | None = None) -> Any:
    """The event with its payload changed."""
    made = copy.deepcopy(of or task())
    change(made[f"{made['EventType']}Event"])
    return made


def results(payload: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = payload["MediaProcessResultSet"]
    return found


def transcode(payload: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = results(payload)[0]["TranscodeTask"]
    return made


@pytest.fixture
def books() -> cloud.Mps:
    books = cloud.Mps()
    for event in (task(), edit(), running()):
        books.add(event)
    return books


@pytest.fixture
def api(books: cloud.Mps, monkeypatch: pytest.MonkeyPatch) -> Iterator[cloud.CloudApi]:
    for name in ("MPS_ALLOW_UNSIGNED", "MPS_REREAD", "TENCENTCLOUD_SESSIONTOKEN", "MPS_REGION"):
        monkeypatch.delenv(name, raising=False)
    with cloud.CloudApi([books]) as running:
        monkeypatch.setenv("MPS_NOTIFY_KEY", KEY)
        monkeypatch.setenv("MPS_API_ENDPOINT", running.url)
        monkeypatch.setenv("TENCENTCLOUD_SECRETID", running.key.secret_id)
        monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", running.key.secret_key)
        monkeypatch.setenv("TENCENTCLOUD_REGION", "ap-guangzhou")
        yield running


class Counting:
    """An application whose callback takes note of every event and result there is."""

    def __init__(self) -> None:
        self.seen: list[Result] = []
        app = App()

        @app.on(Result)
        @app.on_failure(Result)
        @app.on_progress(Result)
        @app.fallback
        def count(result: Result) -> None:
            self.seen.append(result)

        self.main_handler = app.main_handler

    def answer(self, request: dict[str, Any], limit: int = 5000) -> tuple[int, str]:
        response = self.main_handler(request, {"time_limit_in_ms": limit})
        return response["statusCode"], response["body"]


BAD_SIGN: dict[str, Callable[[], Any]] = {
    "no sign at all": task,
    "an empty sign": lambda: {**signed(task()), "Sign": ""},
    "no sign, but its timestamp": lambda: {**task(), "Timestamp": in_(600)},
    "a sign without its timestamp": lambda: {**task(), "Sign": sign("")},
    "a sign of nothing": lambda: {**task(), "Timestamp": "", "Sign": sign("")},
    "a sign with null for a timestamp": lambda: {**task(), "Timestamp": None, "Sign": sign(None)},
    "a sign of zeros": lambda: {**signed(task()), "Sign": "0" * 32},
    "one digit of the sign changed": lambda: with_sign(
        lambda sign: sign[:-1] + ("0" if sign[-1] != "0" else "1")
    ),
    "the sign cut short": lambda: with_sign(lambda sign: sign[:31]),
    "the sign and a bit more": lambda: with_sign(lambda sign: f"{sign}0"),
    "the sign with a space": lambda: with_sign(lambda sign: f"{sign} "),
    "the sign with a NUL": lambda: with_sign(lambda sign: f"{sign}\0"),
    "the sign in fullwidth digits": lambda: with_sign(
        lambda sign: "".join(chr(ord(one) + 0xFEE0) for one in sign)
    ),
    "the sign in a list": lambda: with_sign(lambda sign: [sign]),
    "the sign in an object": lambda: with_sign(lambda sign: {"Sign": sign}),
    "true for a sign": lambda: {**signed(task()), "Sign": True},
    "null for a sign": lambda: {**signed(task()), "Sign": None},
    "0 for a sign": lambda: {**signed(task()), "Sign": 0},
    "a lone surrogate for a sign": lambda: {**signed(task()), "Sign": "\ud800"},
    "the sign of another key": lambda: signed(task(), key="another-key"),
    "the sign of no key": lambda: signed(task(), key=""),
    "the sign of the key in upper case": lambda: signed(task(), key=KEY.upper()),
    "the sign of a key and its comma": lambda: signed(task(), key=f"{KEY},"),
    "the key itself for a sign": lambda: {**signed(task()), "Sign": KEY},
    "a SHA-1 in place of the MD5": lambda: {
        **task(),
        "Timestamp": in_(600),
        "Sign": hashlib.sha1(f"{in_(600)}{KEY}".encode()).hexdigest(),
    },
    "key and timestamp the other way round": lambda: {
        **task(),
        "Timestamp": in_(600),
        "Sign": hashlib.md5(f"{KEY}{in_(600)}".encode()).hexdigest(),
    },
    "the sign of another timestamp": lambda: {**signed(task()), "Timestamp": in_(660)},
    "an old sign with a new timestamp": lambda: {
        **signed(task(), in_(-60)),
        "Timestamp": in_(600),
    },
    "expired an hour ago": lambda: signed(task(), in_(-3600)),
    "expired a second ago": lambda: signed(task(), in_(-1)),
    "expired in 1970": lambda: signed(task(), 0),
    "expires in 1970, below zero": lambda: signed(task(), -in_(600)),
    "expires in two hours": lambda: signed(task(), in_(7200)),
    "expires in ten years": lambda: signed(task(), in_(10 * 365 * 86400)),
    "expires in milliseconds": lambda: signed(task(), in_(600) * 1000),
    "expires never": lambda: signed(task(), 10**30),
    "a timestamp of 5,000 digits": lambda: signed(task(), "9" * 5000),
    "a timestamp in fullwidth digits": lambda: signed(
        task(), "".join(chr(ord(one) + 0xFEE0) for one in str(in_(600)))
    ),
    "a timestamp in Arabic digits": lambda: signed(
        task(), "".join(chr(ord(one) + 0x630) for one in str(in_(600)))
    ),
    "a timestamp with a sign": lambda: signed(task(), f"+{in_(600)}"),
    "a timestamp with a space": lambda: signed(task(), f" {in_(600)}"),
    "a timestamp with an underscore": lambda: signed(task(), f"{in_(600):_}"),
    "a timestamp with zeros before it": lambda: {
        **signed(task()),
        "Timestamp": f"00{in_(600)}",
    },
    "a timestamp in words": lambda: signed(task(), "soon"),
    "a timestamp of infinity": lambda: signed(task(), "inf"),
    "a timestamp with a fraction": lambda: signed(task(), float(in_(600))),
    "true for a timestamp": lambda: {**task(), "Timestamp": True, "Sign": sign(True)},
    "a timestamp in a list": lambda: signed(task(), [in_(600)]),
    "a timestamp in an object": lambda: signed(task(), {"a": in_(600)}),
    "sign and timestamp in the payload": lambda: {
        "EventType": "WorkflowTask",
        "WorkflowTaskEvent": signed(task()["WorkflowTaskEvent"]),
    },
    "sign and timestamp in lower case": lambda: {
        **task(),
        "timestamp": in_(600),
        "sign": sign(in_(600)),
    },
    "only a task's id": lambda: {"TaskId": "1250000000-WorkflowTask-1t0"},
    "only an address": lambda: {"ArchivedEvent": "cos://a-1.ap-guangzhou/b"},
    "a live stream's": lambda: {"NotificationType": "ProcessEof", "TaskId": "t"},
    "a list of what is signed": lambda: [signed(task())],
    "a text of what is signed": lambda: json.dumps(signed(task())),
    "null": lambda: None,
    "a number": lambda: 5,
}


@pytest.mark.parametrize("attempt", BAD_SIGN.values(), ids=BAD_SIGN.keys())
def test_what_mps_did_not_sign_now_is_refused(api: cloud.CloudApi, attempt: Any) -> None:
    counting = Counting()
    text = json.dumps(attempt())
    for request in (http(text), http(in_base64(text), isBase64Encoded=True)):
        status, told = counting.answer(request)
        assert (status, KEY in told) == (401, False)
    assert counting.seen == []
    assert len(api.requests) == 0


def twice(name: str, first: object, second: object) -> str:
    """The signed body with a key that is there twice."""
    body = {**signed(task()), name: second}
    return f"{{{json.dumps(name)}: {json.dumps(first)}, {json.dumps(body)[1:]}"


ENVELOPES: dict[str, tuple[Callable[[], dict[str, Any]], int]] = {
    "sign and timestamp in headers": (
        lambda: http(task(), headers={"Timestamp": str(in_(600)), "Sign": sign(in_(600))}),
        401,
    ),
    "sign and timestamp in the query": (
        lambda: http(
            task(),
            queryString={"Timestamp": str(in_(600)), "Sign": sign(in_(600))},
            queryStringParameters={"Timestamp": str(in_(600)), "Sign": sign(in_(600))},
        ),
        401,
    ),
    "sign and timestamp beside the body": (
        lambda: http(task(), Timestamp=in_(600), Sign=sign(in_(600))),
        401,
    ),
    "headers of a gateway that has checked it": (
        lambda: http(task(), headers={"X-Api-AppId": "1", "Authorization": "ok"}),
        401,
    ),
    "a context of a gateway that has checked it": (
        lambda: http(task(), requestContext={"identity": {"secretId": "AKID"}}),
        401,
    ),
    "two signs, the wrong one first": (lambda: http(twice("Sign", "", sign(in_(600)))), 400),
    "two timestamps": (lambda: http(twice("Timestamp", 1, in_(600))), 400),
    "two types": (lambda: http(twice("EventType", "EditMediaTask", "WorkflowTask")), 400),
    "two payloads": (lambda: http(twice("WorkflowTaskEvent", {}, {"TaskId": "t"})), 400),
    "two statuses, deep inside": (
        lambda: http(
            json.dumps(signed(task())).replace('"Status"', '"Status": "FAIL", "Status"', 1)
        ),
        400,
    ),
    "base64 that is none": (lambda: http(signed(task()), isBase64Encoded=True), 400),
    "base64 that does not say so": (lambda: http(in_base64(json.dumps(signed(task())))), 400),
    "base64 twice": (
        lambda: http(in_base64(in_base64(json.dumps(signed(task())))), isBase64Encoded=True),
        400,
    ),
    "base64 with line feeds": (
        lambda: http(in_base64(json.dumps(signed(task()))) + "\n", isBase64Encoded=True),
        400,
    ),
    "base64 of UTF-16": (
        lambda: http(in_base64(json.dumps(signed(task())).encode("utf-16")), isBase64Encoded=True),
        400,
    ),
    "base64 of no UTF-8": (lambda: http(in_base64(b'"\xff"'), isBase64Encoded=True), 400),
    "a body that is an object": (lambda: {**http(""), "body": signed(task())}, 400),
    "a body that is null": (lambda: {**http(""), "body": None}, 400),
    "no body": (lambda: {"httpMethod": "POST", "headers": {}}, 400),
    "a body with something behind it": (lambda: http(json.dumps(signed(task())) + "{}"), 400),
    "a form": (lambda: http("Sign=&Timestamp="), 400),
    "a JSON of NaN": (lambda: http('{"Sign": NaN}'), 400),
    "100,000 levels": (lambda: http("[" * 100_000), 400),
    "messages in the body": (
        lambda: http(signed({"Records": [{"CMQ": {"msgBody": json.dumps(task())}}]})),
        400,
    ),
    "a message in the body": (lambda: http(signed({"msgBody": json.dumps(task())})), 400),
    "a dead letter in the body": (
        lambda: http(
            signed({"RequestId": "r", "Body": {"ClientContext": json.dumps(task())}}),
        ),
        400,
    ),
    "a request in the body": (lambda: http(signed(http(task()))), 400),
    "a timer in the body": (
        lambda: http(signed({"Type": "Timer", "TriggerName": "t", "Message": "reconcile"})),
        400,
    ),
    "nothing but a signature": (lambda: http(signed({})), 400),
    "another method": (lambda: {**http(signed(task())), "httpMethod": "PUT"}, 405),
    "a probe": (lambda: {"httpMethod": "GET", "headers": {}, "body": ""}, 405),
    "a GET that says it is a POST": (
        lambda: {**http(signed(task())), "httpMethod": "GET", "headers": {"X-HTTP-Method": "POST"}},
        405,
    ),
}


@pytest.mark.parametrize(("request_of", "status"), ENVELOPES.values(), ids=ENVELOPES.keys())
def test_no_other_envelope_gets_around_it(
    api: cloud.CloudApi, request_of: Any, status: int
) -> None:
    counting = Counting()
    assert counting.answer(request_of())[0] == status
    assert counting.seen == []


def rename(payload: dict[str, Any]) -> None:
    payload["TaskId"] = "1250000000-WorkflowTask-nonet0"


def other_task(payload: dict[str, Any]) -> None:
    payload["TaskId"] = "1250000000-EditMediaTask-1t0"


def other_bucket(payload: dict[str, Any]) -> None:
    transcode(payload)["Output"]["OutputStorage"]["CosOutputStorage"]["Bucket"] = "evil-1250000000"


def other_region(payload: dict[str, Any]) -> None:
    transcode(payload)["Output"]["OutputStorage"]["CosOutputStorage"]["Region"] = "ap-tokyo"


def other_error(payload: dict[str, Any]) -> None:
    results(payload)[1]["ImageSpriteTask"]["ErrCodeExt"] = "InvalidInput"


def failed(payload: dict[str, Any]) -> None:
    transcode(payload).update(Status="FAIL", ErrCode=30010, Output=None)


def succeeded(payload: dict[str, Any]) -> None:
    results(payload)[1]["ImageSpriteTask"].update(
        Status="SUCCESS", ErrCode=0, Output={"ImagePathSet": ["/a.jpg"]}
    )


def one_more(payload: dict[str, Any]) -> None:
    results(payload).append(copy.deepcopy(results(payload)[0]))


SWAPPED: dict[str, Callable[[], Any]] = {
    "a task there is not": lambda: changed(rename),
    "the id of another task": lambda: changed(other_task),
    "a type that it is not": lambda: {
        "EventType": "ScheduleTask",
        "ScheduleTaskEvent": task()["WorkflowTaskEvent"],
    },
    "a type there is not": lambda: {
        "EventType": "HoloTask",
        "HoloTaskEvent": task()["WorkflowTaskEvent"],
    },
    "no id": lambda: changed(lambda payload: payload.pop("TaskId")),
    "an id that is none": lambda: changed(lambda payload: payload.update(TaskId="x" * 100_000)),
    "an id with a lone surrogate": lambda: changed(lambda p: p.update(TaskId="\ud800")),
    "an id beside the payload": lambda: {
        **changed(lambda payload: payload.pop("TaskId")),
        "TaskId": task()["WorkflowTaskEvent"]["TaskId"],
    },
    "finished, which it is not": lambda: changed(lambda p: p.update(Status="FINISH"), running()),
    "a path": lambda: changed(lambda p: transcode(p)["Output"].update(Path="/evil.mp4")),
    "no path": lambda: changed(lambda p: transcode(p)["Output"].update(Path="")),
    "a URL for a path": lambda: changed(
        lambda p: transcode(p)["Output"].update(Path="https://evil.example/a.mp4")
    ),
    "a bucket": lambda: changed(other_bucket),
    "a region": lambda: changed(other_region),
    "a result less": lambda: changed(lambda payload: results(payload).pop()),
    "no results": lambda: changed(lambda payload: payload.update(MediaProcessResultSet=[])),
    "a result more": lambda: changed(one_more),
    "the results the other way round": lambda: changed(lambda p: results(p).reverse()),
    "a result of another type": lambda: changed(lambda p: results(p)[0].update(Type="Porn")),
    "another definition": lambda: changed(lambda p: transcode(p)["Input"].update(Definition=7)),
    "a failure for a success": lambda: changed(failed),
    "a success for a failure": lambda: changed(succeeded),
    "another error": lambda: changed(other_error),
    "an error of the task": lambda: changed(lambda payload: payload.update(ErrCode=7)),
    "the output of an edit": lambda: changed(
        lambda p: p["Output"].update(Path="/evil.mp4"), edit()
    ),
    "a batch, which has no id": lambda: sample("BatchTask"),
    "a live stream's": lambda: {
        "NotificationType": "ProcessEof",
        "TaskId": task()["WorkflowTaskEvent"]["TaskId"],
        "ProcessEofInfo": {"ErrCode": 0},
    },
    "a live type there is not": lambda: {
        "NotificationType": "Holo",
        "TaskId": task()["WorkflowTaskEvent"]["TaskId"],
    },
    "the id of a task there is not": lambda: {"TaskId": "nobody's"},
}


@pytest.mark.parametrize("swapped", SWAPPED.values(), ids=SWAPPED.keys())
def test_a_body_that_is_not_what_mps_says_is_refused(
    api: cloud.CloudApi, monkeypatch: pytest.MonkeyPatch, swapped: Any
) -> None:
    monkeypatch.setenv("MPS_REREAD", "1")
    monkeypatch.delenv("MPS_LOG_FORMAT", raising=False)
    logs.configure(stream := Stream())
    counting = Counting()
    body = swapped()
    status, told = counting.answer(http(signed(body)))
    # Of a task that still runs MPS's books may only be late: whoever sent it may come again.
    assert status == (503 if swapped is SWAPPED["finished, which it is not"] else 403), told
    assert counting.seen == []
    assert len(told) < 500
    (line,) = stream.lines
    assert status == 403 or line["message"].startswith("not handled: ")
    payload = body.get(f"{body.get('EventType')}Event", {})
    name = payload.get("TaskId") or body.get("TaskId") or ""
    # Which task it was, for whoever reads the log (a name that does not fit is cut).
    assert name.startswith(line["task_id"].removesuffix("…"))
    assert bool(line["task_id"]) == bool(name)


HONEST: dict[str, Callable[[], dict[str, Any]]] = {
    "as MPS sends it": lambda: http(signed(task())),
    "a timestamp in a text": lambda: http(signed(task(), str(in_(600)))),
    "a sign in upper case": lambda: http(with_sign(str.upper)),
    "in base64": lambda: http(in_base64(json.dumps(signed(task()))), isBase64Encoded=True),
    "in base64, in other words": lambda: http(
        in_base64(json.dumps(signed(task()))), isBase64Encoded="true"
    ),
    "by a gateway": lambda: {
        "requestContext": {"httpMethod": "ANY"},
        "httpMethod": "POST",
        "body": json.dumps(signed(task())),
    },
    "by one that names no method": lambda: {"headers": {}, "body": json.dumps(signed(task()))},
    "an edit": lambda: http(signed(edit())),
    "one of progress": lambda: http(signed(running())),
    "a task's id alone": lambda: http(signed({"TaskId": task()["WorkflowTaskEvent"]["TaskId"]})),
    "soon to expire": lambda: http(signed(task(), in_(60))),
    "not soon to expire": lambda: http(signed(task(), in_(3500))),
}


@pytest.mark.parametrize("reread", ["0", "1"])
@pytest.mark.parametrize("request_of", HONEST.values(), ids=HONEST.keys())
def test_what_mps_did_send_is_accepted(
    api: cloud.CloudApi, monkeypatch: pytest.MonkeyPatch, request_of: Any, reread: str
) -> None:
    monkeypatch.setenv("MPS_REREAD", reread)
    counting = Counting()
    status, told = counting.answer(request_of())
    assert status == 200, told
    assert len(counting.seen) == len(json.loads(told)["callbacks"]) > 0


# What MPS tells in place of what came.


@pytest.fixture
def reread(api: cloud.CloudApi, monkeypatch: pytest.MonkeyPatch) -> cloud.CloudApi:
    monkeypatch.setenv("MPS_REREAD", "1")
    return api


def test_what_is_not_compared_is_taken_from_mps_all_the_same(reread: cloud.CloudApi) -> None:
    forged = changed(lambda payload: transcode(payload)["Output"].update(Bitrate=-1))
    forged["SessionContext"] = "order-2"
    counting = Counting()
    assert counting.answer(http(signed(forged)))[0] == 200
    event = counting.seen[-1]
    assert isinstance(event, Event)
    assert event.session_context == "order-1"
    assert "Sign" not in event.raw
    assert all(one.raw.get("Output", {}) != {"Bitrate": -1} for one in event.subtasks)
    assert event.raw["WorkflowTaskEvent"] == task()["WorkflowTaskEvent"]


def test_of_what_still_ran_when_it_was_sent_is_dispatched_what_came_of_it_since(
    reread: cloud.CloudApi, books: cloud.Mps
) -> None:
    finished = running()
    finished["WorkflowTaskEvent"]["Status"] = "FINISH"
    finished["WorkflowTaskEvent"]["MediaProcessResultSet"] = results(task()["WorkflowTaskEvent"])
    books.add(finished)
    counting = Counting()
    status, told = counting.answer(http(signed(running())))
    assert (status, json.loads(told)["status"]) == (200, "FINISH")
    assert [one.status for one in counting.seen] == ["SUCCESS", "FAIL", "FINISH"]


def test_the_command_line_shows_what_was_handled_not_what_came(
    reread: cloud.CloudApi, books: cloud.Mps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    finished = changed(lambda payload: payload.update(Status="FINISH"), running())
    further = changed(lambda payload: results(payload).extend(results(task()["WorkflowTaskEvent"])))
    further["WorkflowTaskEvent"].update(TaskId=running()["WorkflowTaskEvent"]["TaskId"])
    further["WorkflowTaskEvent"].update(Status="PROCESSING")
    vod = {"EventType": "PullComplete", "PullCompleteEvent": {}}
    known = {"TaskId": running()["WorkflowTaskEvent"]["TaskId"]}
    messages = {"msgInfoList": [{"msgBody": json.dumps(one)} for one in (vod, known)]}
    for told, event, code in (
        (finished, http(signed(running())), 0),
        (further, http(signed(running())), 0),
        (finished, messages, 1),
    ):
        books.add(told)
        ran = typer_testing.CliRunner().invoke(
            cli, ["invoke", "-", "--app", "counting:app"], input=json.dumps(event)
        )
        assert ran.exit_code == code, ran.stderr
        assert ran.exception is None or isinstance(ran.exception, SystemExit)
        summary = json.loads(ran.stdout)
        (handled,) = summary.get("events", [summary])
        status = told["WorkflowTaskEvent"]["Status"]
        assert (handled["task_id"], handled["status"]) == (known["TaskId"], status)


def test_a_url_that_mps_signs_anew_is_the_same_file(
    reread: cloud.CloudApi, books: cloud.Mps
) -> None:
    def described(url: str) -> dict[str, Any]:
        made: dict[str, Any] = sample("WorkflowTask", Description="SUCCESS")
        made["WorkflowTaskEvent"]["TaskId"] = "described"
        result = made["WorkflowTaskEvent"]["AiAnalysisResultSet"][0]["DescriptionTask"]
        result["Output"]["DescriptionSet"] = [{"SubtitlePath": url}]
        return made

    books.add(described("https://texts.example/1.vtt?sign=1"))
    came = described("https://texts.example/1.vtt?sign=2")
    assert Counting().answer(http(signed(came)))[0] == 200
    other = described("https://evil.example/1.vtt?sign=1")
    status, told = Counting().answer(http(signed(other)))
    assert (status, "status, error or file of AiAnalysisResultSet[0]" in told) == (403, True)


class Waiting(cloud.Service):
    """An MPS that has nothing to tell of a task yet."""

    name = "mps"
    version = "2019-06-12"

    @cloud.action("DescribeTaskDetail")
    def detail(self, call: cloud.Call) -> dict[str, Any]:
        return {"TaskType": "WorkflowTask", "Status": "WAITING", "WorkflowTask": None}


@pytest.mark.parametrize("reread", ["0", "1"])
def test_while_mps_has_nothing_to_tell_of_a_task_it_is_to_be_sent_again(
    api: cloud.CloudApi, monkeypatch: pytest.MonkeyPatch, reread: str
) -> None:
    monkeypatch.setenv("MPS_REREAD", reread)
    name = task()["WorkflowTaskEvent"]["TaskId"]
    with cloud.CloudApi([Waiting()]) as waiting:
        monkeypatch.setenv("MPS_API_ENDPOINT", waiting.url)
        for notification in ({"TaskId": name}, *([task()] if reread == "1" else [])):
            assert Counting().answer(http(signed(notification)))[0] == 503


def test_without_a_signature_mps_is_not_even_asked(reread: cloud.CloudApi) -> None:
    assert Counting().answer(http(task()))[0] == 401
    assert len(reread.requests) == 0


def test_where_nothing_is_signed_what_mps_tells_still_decides(
    reread: cloud.CloudApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MPS_NOTIFY_KEY")
    monkeypatch.setenv("MPS_ALLOW_UNSIGNED", "1")
    counting = Counting()
    assert counting.answer(http(task()))[0] == 200
    assert counting.answer(http(changed(other_bucket)))[0] == 403
    assert len(counting.seen) == 3


def test_other_channels_are_not_asked_about(reread: cloud.CloudApi) -> None:
    Counting().main_handler(changed(rename), {})
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
def test_if_mps_cannot_be_asked_the_status_tells_whether_to_send_it_again(
    reread: cloud.CloudApi, code: str, status: int
) -> None:
    reread.faults.add("DescribeTaskDetail", times=9, code=code)
    counting = Counting()
    assert counting.answer(http(signed(task())), limit=1500)[0] == status
    assert counting.seen == []


def test_without_credentials_or_time_nothing_is_done(
    reread: cloud.CloudApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = Counting()
    assert counting.answer(http(signed(task())), limit=0.0001)[0] == 503  # type: ignore[arg-type]
    monkeypatch.delenv("TENCENTCLOUD_SECRETID")
    status, told = counting.answer(http(signed(task())))
    assert (status, told) == (500, '{"error": "not handled"}')
    assert counting.seen == []


def test_the_emulator_of_scf_gives_the_same_answers(reread: cloud.CloudApi, tmp_path: Path) -> None:
    from tests.support.sample_data import ROOT

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
            (http(signed(task())), 200),
            (http(task()), 401),
            (http(signed(task(), in_(-1))), 401),
            ({"httpMethod": "GET", "headers": {}}, 405),
        ):
            invocation = function.invoke(request)
            assert invocation.status == 200
            assert invocation.returned["statusCode"] == status
