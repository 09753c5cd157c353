"""An event of which only a reference arrived: its archived form is read from COS, as if it had come itself."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiohttp", reason="the COS emulator needs it")

from scf_mps import App, CallbacksFailed, InvalidEvent, Transcode
from scf_mps.cos import Cos, Denied, Unavailable
from scf_mps.cos.transport import SHARED_POOL
from scf_mps.local.cos import CosEmulator
from scf_mps.local.cos.faults import Fault
from scf_mps.local.samples import sample

BUCKET, REGION = "archive-1250000000", "ap-guangzhou"
KEY = "my-notify-key"


def at(key: str, bucket: str = BUCKET) -> str:
    return f"cos://{bucket}.{REGION}/{key}"


def reference(key: str = "event.json", **more: Any) -> dict[str, Any]:
    return {"ArchivedEvent": at(key), **more}


def big() -> dict[str, Any]:
    made: dict[str, Any] = sample(
        "WorkflowTask", Transcode="SUCCESS", session_context="x" * 200_000
    )
    return made


@pytest.fixture
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CosEmulator]:
    for name in ("MPS_BUCKETS", "MPS_ALLOW_UNSIGNED", "MPS_REREAD", "TENCENTCLOUD_SESSIONTOKEN"):
        monkeypatch.delenv(name, raising=False)
    with CosEmulator(tmp_path / "cos") as running:
        running.create_bucket(BUCKET, REGION)
        monkeypatch.setenv("MPS_COS_PROXY", running.url)
        monkeypatch.setenv("MPS_NOTIFY_KEY", KEY)
        monkeypatch.setenv("TENCENTCLOUD_SECRETID", running.key.secret_id)
        monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", running.key.secret_key)
        yield running
    SHARED_POOL.clear()


@pytest.fixture
def put(emulator: CosEmulator) -> Any:
    def put(content: object, key: str = "event.json") -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        Cos(proxy=emulator.url).upload(body, at(key))

    return put


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def taken(app: App) -> list[Transcode]:
    """What a callback of the application is given."""
    found: list[Transcode] = []
    app.on(Transcode)(lambda transcode: found.append(transcode))
    return found


def test_the_archived_event_is_dispatched_as_if_it_had_come_itself(
    app: App, taken: list[Transcode], put: Any
) -> None:
    put(big())
    summary = app.main_handler(reference(), {})
    assert summary == app.main_handler(big(), {})
    assert taken[0].event.raw == big()


def test_its_event_is_explained(app: App, taken: list[Transcode], put: Any) -> None:
    put(big())
    assert [one.runs for one in app.explain(reference())] == [True, False]
    assert taken == []


def test_it_is_read_with_the_credentials_of_the_invocation(
    app: App, taken: list[Transcode], put: Any, emulator: CosEmulator, monkeypatch: Any
) -> None:
    put(big())
    for name in ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY"):
        monkeypatch.delenv(name)
    told = f"TENCENTCLOUD_SECRETID={emulator.key.secret_id};TENCENTCLOUD_SECRETKEY={emulator.key.secret_key}"
    app.main_handler(reference(), {"environ": told})
    assert len(taken) == 1
    with pytest.raises(Denied):
        app.main_handler(reference(), {})


def test_the_task_it_names_is_to_be_the_one_of_the_event(
    app: App, taken: list[Transcode], put: Any
) -> None:
    put(big())
    for task_id in (big()["WorkflowTaskEvent"]["TaskId"], "", None):
        app.main_handler(reference(TaskId=task_id), {})
    assert len(taken) == 3
    with pytest.raises(InvalidEvent, match="the event of another task is there"):
        app.main_handler(reference(TaskId="another"), {})


def test_of_several_messages_one_that_is_not_there_keeps_no_other_from_its_turn(
    app: App, taken: list[Transcode], put: Any
) -> None:
    put(big())
    bodies = [reference("missing.json"), reference()]
    with pytest.raises(CallbacksFailed, match="1 failures in 2 events"):
        app.main_handler({"msgInfoList": [{"msgBody": json.dumps(one)} for one in bodies]}, {})
    assert len(taken) == 1


@pytest.mark.parametrize(
    ("address", "why"),
    [
        (5, "^expected cos://bucket.region/key under 'ArchivedEvent', but a int came$"),
        (None, "but a NoneType came$"),
        ("", "expected cos://bucket.region/key, e.g. "),
        ("https://example.com/event.json", "expected cos://bucket.region/key, e.g. "),
        (f"cos://{BUCKET}.{REGION}/", "expected cos://bucket.region/key, e.g. "),
        ("cos://localhost:80#-1.x/event.json", "COS bucket"),
        (f"cos://{BUCKET}.a.example.com/event.json", "COS bucket"),
        (at("missing.json"), "NoSuchKey"),
        (at("event.json", "nobodys-1250000000"), "NoSuchBucket"),
        (at("k" * 900), "850 bytes"),
        (at("k\ud800"), "surrogates not allowed"),
    ],
)
def test_a_wrong_address_is_an_invalid_event(
    app: App, emulator: CosEmulator, address: Any, why: str
) -> None:
    with pytest.raises(InvalidEvent, match=why):
        app.main_handler({"ArchivedEvent": address}, {})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no JSON", "came that is no JSON: "),
        (b"[]", "but an empty list came"),
        ({}, "expected an MPS notification"),
        (reference("event.json"), "another reference is there"),
        (reference("event.json", TaskId="t"), "another reference is there"),
        ({"TaskId": "t"}, "another reference is there"),
        ({"msgBody": json.dumps(sample("WorkflowTask"))}, "expected an MPS notification"),
        (
            {"headers": {}, "body": json.dumps(sample("WorkflowTask"))},
            "expected an MPS notification",
        ),
        (json.dumps(sample("WorkflowTask")), "but a str of length "),
    ],
)
def test_what_is_there_is_to_be_an_event_itself(
    app: App, put: Any, content: object, why: str
) -> None:
    put(content)
    with pytest.raises(InvalidEvent, match=why) as refused:
        app.main_handler(reference(), {})
    assert str(refused.value).startswith(f"expected an archived event at '{at('event.json')}': ")


def test_more_than_memory_can_take_is_not_read(
    app: App, put: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scf_mps.channels.claim_check.MAX_EVENT_BYTES", 100_000)
    put(big())
    with pytest.raises(InvalidEvent, match="limit=100000"):
        app.main_handler(reference(), {})


def test_only_the_buckets_that_may_be_touched_are_read(
    app: App, put: Any, emulator: CosEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(big())
    asked = len(emulator.requests)
    monkeypatch.setenv("MPS_BUCKETS", "media-*")
    with pytest.raises(InvalidEvent, match="is not in MPS_BUCKETS"):
        app.main_handler(reference(), {})
    assert len(emulator.requests) == asked


def test_while_cos_is_away_it_is_left_to_a_retry(
    app: App, taken: list[Transcode], put: Any, emulator: CosEmulator
) -> None:
    put(big())
    emulator.faults.add(Fault("error"))
    with pytest.raises(Unavailable):
        app.main_handler(reference(), {"time_limit_in_ms": 1000})
    response = app.main_handler(http(signed(reference())), {"time_limit_in_ms": 1000})
    assert (response["statusCode"], response["headers"]["Retry-After"]) == (503, "60")
    emulator.faults.clear()
    app.main_handler(reference(), {})
    assert len(taken) == 1


def signed(notification: dict[str, Any]) -> dict[str, Any]:
    timestamp = int(time.time()) + 600
    sign = hashlib.md5(f"{timestamp}{KEY}".encode()).hexdigest()
    return {**notification, "Timestamp": timestamp, "Sign": sign}


def http(body: object) -> dict[str, Any]:
    return {"httpMethod": "POST", "headers": {}, "body": json.dumps(body)}


def test_over_http_it_is_to_be_signed_as_anything_else(
    app: App, taken: list[Transcode], put: Any, emulator: CosEmulator
) -> None:
    put(big())
    asked = len(emulator.requests)
    assert app.main_handler(http(reference()), {})["statusCode"] == 401
    assert len(emulator.requests) == asked
    assert app.main_handler(http(signed(reference())), {})["statusCode"] == 200
    assert app.main_handler(http(signed(reference("missing.json"))), {})["statusCode"] == 400
    assert len(taken) == 1


def test_over_http_nothing_is_told_of_what_is_there(
    app: App,
    put: Any,
    emulator: CosEmulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("MPS_BUCKETS", f"{BUCKET},internal-*")
    put({"database_password": "x"}, "settings.json")
    put(b"[]", "list.json")
    put(sample("WorkflowTask"))
    answers = [
        app.main_handler(http(signed(asked)), {})
        for asked in (
            reference("settings.json"),
            reference("list.json"),
            reference("missing.json"),
            {"ArchivedEvent": at("event.json", "others-1250000000")},
            reference(TaskId="another"),
        )
    ]
    assert {(one["statusCode"], one["body"]) for one in answers} == {
        (400, '{"error": "expected an archived event"}')
    }
    for told in ("database_password", "internal-*", "NoSuchKey", "another task"):
        assert told in caplog.text


def test_over_http_missing_credentials_are_a_fault_of_the_set_up(
    app: App, emulator: CosEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TENCENTCLOUD_SECRETID")
    assert app.main_handler(http(signed(reference())), {})["statusCode"] == 500


def test_what_has_more_to_say_than_where_it_is_is_no_reference(app: App) -> None:
    event = {**sample("WorkflowTask"), "ArchivedEvent": at("missing.json")}
    assert app.main_handler(event, {})["event_type"] == "WorkflowTask"
    with pytest.raises(InvalidEvent, match="expected an MPS notification"):
        app.main_handler(reference(Status="FINISH"), {})


def test_of_a_reference_the_command_line_shows_the_summary(
    put: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typer_testing = pytest.importorskip("typer.testing", reason="the command line needs it")
    from scf_mps.cli import cli

    put(big())
    (tmp_path / "referred.py").write_text("from scf_mps import App\napp = App()\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    text = json.dumps(reference())
    ran = typer_testing.CliRunner().invoke(
        cli, ["invoke", "-", "--app", "referred:app"], input=text
    )
    assert (ran.exit_code, ran.exception) == (0, None)
    assert json.loads(ran.stdout)["event_type"] == "WorkflowTask"
