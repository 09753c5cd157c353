"""Capture of events: redaction, sources, and a test that passes."""

import json
import os
import subprocess
import sys

import pytest

from scf_mps import InvalidEvent, MissingField, parse_event
from scf_mps.testing import event as e
from scf_mps.testing.capture import create_test, parse_captured, redact_event, write_test
from tests.cli.support import run
from tests.support.sample_data import payload

ACCOUNT = "1301234567"


def create_event():
    """Return an event of another account, with secrets."""
    event = e.workflow(
        e.transcode(bucket=f"cos://out-{ACCOUNT}.ap-guangzhou/"),
        e.porn(fails="InternalError"),
        source=f"cos://in-{ACCOUNT}.ap-guangzhou/a.mp4",
        task_id=f"{ACCOUNT}-WorkflowTask-77tt0",
        session="order-7",
    )
    storage = {"Type": "AWS-S3", "S3OutputStorage": {"S3SecretKey": "very-secret-key"}}
    event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]["Input"] |= {
        "OutputStorage": storage
    }
    return {**event, "Timestamp": 1, "Sign": "0123456789abcdef"}


def test_event_has_no_secrets_and_no_account():
    redacted = redact_event(create_event())
    text = json.dumps(redacted)
    assert not any(
        word in text for word in (ACCOUNT, "very-secret-key", "0123456789abcdef", "Sign")
    )
    assert parse_event(redacted).task_id == "1250000000-WorkflowTask-77tt0"
    assert [str(file) for file in parse_event(redacted).files] == [
        "cos://out-1250000000.ap-guangzhou/a_Transcode_100030.mp4"
    ]
    assert parse_event(redacted).session_id == "order-7"


def test_tokens_in_urls_are_hidden():
    event = create_event()
    event["SessionContext"] = "https://user:pass-word@host/?token=abcdefghij"
    assert "pass-word" not in json.dumps(redact_event(event))


@pytest.mark.parametrize(
    "wrap",
    [
        dict,
        lambda event: {"Response": detail(event)},
        detail := (
            lambda event: {
                "TaskType": "WorkflowTask",
                "WorkflowTask": event["WorkflowTaskEvent"],
                "SessionId": "order-7",
            }
        ),
        lambda event: {"RequestId": "r", "Body": {"ClientContext": json.dumps(event)}},
    ],
)
def test_event_is_found_in_each_kind_of_file(wrap):
    event = create_event()
    found = parse_captured(wrap(event))
    assert parse_event(found).key == parse_event(event).key


@pytest.mark.parametrize("content", [[], {}, [1, 2], "no", {"a": 1}])
def test_other_content_is_rejected(content):
    with pytest.raises((InvalidEvent, MissingField)):
        parse_event(parse_captured(content))


def test_files_are_not_replaced(tmp_path):
    captured = create_test(payload("mps_workflow_seed_mixed"), [("a.b", "Transcode")], [])
    data, code = write_test(captured, tmp_path)
    assert (data.parent.name, code.name) == ("data", f"test_{captured.name}.py")
    with pytest.raises(FileExistsError, match="Remove it"):
        write_test(captured, tmp_path)
    compile(code.read_text("utf-8"), code, "exec")


def test_name_without_task_id_is_valid(tmp_path):
    captured = create_test(e.batch(session="订单 / 7"), [], [])
    assert captured.name.isidentifier()
    assert " == []" in captured.code


# The command.


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with one callback, in the working directory."""
    (tmp_path / "captured_app.py").write_text(
        "from scf_mps import App, Transcode\napp = App()\n"
        "@app.on(Transcode, name='shop.publish')\ndef publish(result: Transcode) -> None: ...\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\nmps_app = captured_app:app\npythonpath = .\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    for name in [name for name in os.environ if name.startswith(("MPS_", "TENCENT"))]:
        monkeypatch.delenv(name)
    yield tmp_path
    sys.modules.pop("captured_app", None)


def capture(*arguments):
    return run("capture", "--app", "captured_app:app", *map(str, arguments))


def test_captured_test_passes(project):
    (project / "FINISH.json").write_text(json.dumps(create_event()))
    result = capture("FINISH.json")
    assert result.code == 0, result.err
    assert "Check tests/data/" in result.err.replace("\n", " ")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "scf_mps.testing.plugin", "tests"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "1 passed" in done.stdout, done.stdout
    (code,) = (project / "tests").glob("test_*.py")
    assert '("shop.publish", "Transcode")' in code.read_text("utf-8")
    assert '["Porn"]' in code.read_text("utf-8")
    assert "exists" in capture("FINISH.json").err


def test_event_is_found_in_the_ledger(project, monkeypatch):
    from scf_mps import App, Transcode
    from scf_mps.ledger import open_ledger

    url = f"file://{project}/.scf-mps/ledger"
    app = App(ledger=open_ledger(url))
    app.on(Transcode, name="work")(lambda result: None)
    event = create_event()
    app.main_handler(event)
    task = event["WorkflowTaskEvent"]["TaskId"]
    assert capture(task, "--ledger", url, "--folder", "one").code == 0
    assert capture(task, "--folder", "two").code == 0
    assert len(list(project.glob("*/data/*.json"))) == 2


def test_event_is_found_at_mps(project, monkeypatch):
    pytest.importorskip("aiohttp", reason="the emulators need it")
    pytest.importorskip("tencentcloud.common", reason="Mps uses it")
    from scf_mps.local.api import CloudApi, Mps

    mps, event = Mps(), create_event()
    with CloudApi([mps]) as api:
        task = mps.add(event)
        monkeypatch.setenv("MPS_API_ENDPOINT", api.url)
        monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", api.key.secret_id)
        monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", api.key.secret_key)
        assert capture(task).code == 0
        missing = capture("1250000000-WorkflowTask-0", "--ledger", f"file://{project}/empty")
    assert missing.code == 2
    assert "the ledger has no task" in missing.err


def test_unreadable_file_is_explained(project):
    assert "cannot read nothing.json" in capture("nothing.json").err
