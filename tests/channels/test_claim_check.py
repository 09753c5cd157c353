"""References to archived events, which are read from COS."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("aiohttp", reason="the COS emulator needs it")

from scf_mps import App, CallbacksFailed, InvalidEvent, Transcode
from scf_mps.cos import Cos, Denied, Unavailable
from scf_mps.cos.transport import SHARED_POOL
from scf_mps.local.cos import CosEmulator
from scf_mps.local.cos.faults import Fault
from scf_mps.local.samples import sample
from tests.channels.support import KEY, create_request, sign

BUCKET, REGION = "archive-1250000000", "ap-guangzhou"


def locate(key, bucket=BUCKET):
    return f"cos://{bucket}.{REGION}/{key}"


def reference(key="event.json", **more):
    return {"ArchivedEvent": locate(key), **more}


def create_large_event():
    return sample("WorkflowTask", Transcode="SUCCESS", session_context="x" * 200_000)


@pytest.fixture
def emulator(tmp_path, monkeypatch):
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
def put(emulator):
    def put(content: object, key: str = "event.json") -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        Cos(proxy=emulator.url).upload(body, locate(key))

    return put


@pytest.fixture
def app():
    return App()


@pytest.fixture
def taken(app):
    """Return the list of results that a callback of the application receives."""
    found = []
    app.on(Transcode)(lambda transcode: found.append(transcode))
    return found


def test_archived_event_is_dispatched_like_a_direct_one(app, taken, put):
    put(create_large_event())
    summary = app.main_handler(reference(), {})
    assert summary == app.main_handler(create_large_event(), {})
    assert taken[0].event.raw == create_large_event()


def test_archived_event_is_explained(app, taken, put):
    put(create_large_event())
    assert [one.runs for one in app.explain(reference())] == [True, False]
    assert taken == []


def test_archived_event_is_read_with_invocation_credentials(app, taken, put, emulator, monkeypatch):
    put(create_large_event())
    for name in ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY"):
        monkeypatch.delenv(name)
    text = f"TENCENTCLOUD_SECRETID={emulator.key.secret_id};TENCENTCLOUD_SECRETKEY={emulator.key.secret_key}"
    app.main_handler(reference(), {"environ": text})
    assert len(taken) == 1
    with pytest.raises(Denied):
        app.main_handler(reference(), {})


def test_archived_event_must_be_of_the_named_task(app, taken, put):
    put(create_large_event())
    for task_id in (create_large_event()["WorkflowTaskEvent"]["TaskId"], "", None):
        app.main_handler(reference(TaskId=task_id), {})
    assert len(taken) == 3
    with pytest.raises(InvalidEvent, match="another task"):
        app.main_handler(reference(TaskId="another"), {})


def test_batch_continues_after_missing_event(app, taken, put):
    put(create_large_event())
    bodies = [reference("missing.json"), reference()]
    with pytest.raises(CallbacksFailed, match="1 failures"):
        app.main_handler({"msgInfoList": [{"msgBody": json.dumps(one)} for one in bodies]}, {})
    assert len(taken) == 1


@pytest.mark.parametrize(
    ("address", "detail"),
    [
        (5, "int"),
        (None, "NoneType"),
        ("", "cos://bucket.region/key"),
        ("https://example.com/event.json", "cos://bucket.region/key"),
        (f"cos://{BUCKET}.{REGION}/", "cos://bucket.region/key"),
        ("cos://localhost:80#-1.x/event.json", "COS bucket"),
        (f"cos://{BUCKET}.a.example.com/event.json", "COS bucket"),
        (locate("missing.json"), "NoSuchKey"),
        (locate("event.json", "nobodys-1250000000"), "NoSuchBucket"),
        (locate("k" * 900), "850 bytes"),
        (locate("k\ud800"), "surrogates"),
    ],
)
def test_invalid_address_is_an_invalid_event(app, emulator, address, detail):
    with pytest.raises(InvalidEvent, match=detail):
        app.main_handler({"ArchivedEvent": address}, {})


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"no JSON", "JSON"),
        (b"[]", "empty list"),
        ({}, "MPS notification"),
        (reference("event.json"), "another reference"),
        (reference("event.json", TaskId="t"), "another reference"),
        ({"TaskId": "t"}, "another reference"),
        ({"msgBody": json.dumps(sample("WorkflowTask"))}, "MPS notification"),
        ({"headers": {}, "body": json.dumps(sample("WorkflowTask"))}, "MPS notification"),
        (json.dumps(sample("WorkflowTask")), "str of length"),
    ],
)
def test_archived_object_must_be_an_event(app, put, content, detail):
    put(content)
    with pytest.raises(InvalidEvent, match=detail) as refused:
        app.main_handler(reference(), {})
    assert repr(locate("event.json")) in str(refused.value)


def test_archived_event_has_a_size_limit(app, put, monkeypatch):
    monkeypatch.setattr("scf_mps.channels.claim_check.MAX_EVENT_BYTES", 100_000)
    put(create_large_event())
    with pytest.raises(InvalidEvent, match="limit=100000"):
        app.main_handler(reference(), {})


def test_archived_event_must_be_in_allowed_bucket(app, put, emulator, monkeypatch):
    put(create_large_event())
    asked = len(emulator.requests)
    monkeypatch.setenv("MPS_BUCKETS", "media-*")
    with pytest.raises(InvalidEvent, match="MPS_BUCKETS"):
        app.main_handler(reference(), {})
    assert len(emulator.requests) == asked


def test_unavailable_cos_leads_to_a_retry(app, taken, put, emulator):
    put(create_large_event())
    emulator.faults.add(Fault("error"))
    with pytest.raises(Unavailable):
        app.main_handler(reference(), {"time_limit_in_ms": 1000})
    response = app.main_handler(create_request(sign(reference())), {"time_limit_in_ms": 1000})
    assert (response["statusCode"], response["headers"]["Retry-After"]) == (503, "60")
    emulator.faults.clear()
    app.main_handler(reference(), {})
    assert len(taken) == 1


def test_reference_over_http_must_be_signed(app, taken, put, emulator):
    put(create_large_event())
    asked = len(emulator.requests)
    assert app.main_handler(create_request(reference()), {})["statusCode"] == 401
    assert len(emulator.requests) == asked
    assert app.main_handler(create_request(sign(reference())), {})["statusCode"] == 200
    assert (
        app.main_handler(create_request(sign(reference("missing.json"))), {})["statusCode"] == 400
    )
    assert len(taken) == 1


def test_response_reveals_nothing_about_the_object(app, put, emulator, monkeypatch, caplog):
    monkeypatch.setenv("MPS_BUCKETS", f"{BUCKET},internal-*")
    put({"database_password": "x"}, "settings.json")
    put(b"[]", "list.json")
    put(sample("WorkflowTask"))
    answers = [
        app.main_handler(create_request(sign(asked)), {})
        for asked in (
            reference("settings.json"),
            reference("list.json"),
            reference("missing.json"),
            {"ArchivedEvent": locate("event.json", "others-1250000000")},
            reference(TaskId="another"),
        )
    ]
    assert {(one["statusCode"], one["body"]) for one in answers} == {
        (400, '{"error": "invalid reference"}')
    }
    for text in ("database_password", "internal-*", "NoSuchKey", "another task"):
        assert text in caplog.text


def test_missing_credentials_return_500(app, emulator, monkeypatch):
    monkeypatch.delenv("TENCENTCLOUD_SECRETID")
    assert app.main_handler(create_request(sign(reference())), {})["statusCode"] == 500


def test_event_with_other_fields_is_no_reference(app):
    event = {**sample("WorkflowTask"), "ArchivedEvent": locate("missing.json")}
    assert app.main_handler(event, {})["event_type"] == "WorkflowTask"
    with pytest.raises(InvalidEvent, match="MPS notification"):
        app.main_handler(reference(Status="FINISH"), {})


def test_cli_shows_summary_of_a_reference(put, tmp_path, monkeypatch):
    typer_testing = pytest.importorskip("typer.testing", reason="the command line needs it")
    from scf_mps.cli import cli

    put(create_large_event())
    (tmp_path / "referred.py").write_text("from scf_mps import App\napp = App()\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    text = json.dumps(reference())
    ran = typer_testing.CliRunner().invoke(
        cli, ["invoke", "-", "--app", "referred:app"], input=text
    )
    assert (ran.exit_code, ran.exception) == (0, None)
    assert json.loads(ran.stdout)["event_type"] == "WorkflowTask"
