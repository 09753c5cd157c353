"""The commands routes, invoke and sample, and the entry point."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from scf_mps import cli
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import list_samples, sample
from tests.support.log_capture import loggers_put_back
from tests.support.sample_data import DATA, ROOT, payload

from .support import CommandResult, run

TASK_ID = "1250000000-WorkflowTask-0123456789abcdef0123456789abcdeftt0"

APPLICATION = '''\
"""An application with a callback for each outcome."""

from scf_mps import AnimatedGraphics, App, Drop, ImageSprites, SampleSnapshot, Transcode

app = App()


@app.on(Transcode)
def publish(transcode: Transcode) -> None:
    if transcode.event.session_context == "leave":
        raise SystemExit(3)


@app.on(AnimatedGraphics)
def fail(animation: AnimatedGraphics) -> None:
    raise LookupError("no such bucket")


@app.on(ImageSprites)
def drop(sprites: ImageSprites) -> None:
    raise Drop("not wanted")


@app.on(SampleSnapshot, needs=1000)
def wait(snapshots: SampleSnapshot) -> None:
    raise AssertionError("not to be started")
'''


@pytest.fixture(autouse=True)
def _restore_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Create an application in an empty folder. Restore the process afterwards."""
    (tmp_path / "shop.py").write_text(APPLICATION)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setenv("COLUMNS", "300")
    for variable in ("MPS_APP", "MPS_LOG_FORMAT", "MPS_LOG_LEVEL", "MPS_NOTIFY_KEY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delitem(sys.modules, "shop", raising=False)  # from tests of the deployment
    loaded = set(sys.modules)
    with loggers_put_back():
        yield
    for name in set(sys.modules) - loaded:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def invoke(*arguments: str, stdin: str | bytes | None = None) -> CommandResult:
    """Run ``scf-mps invoke`` with the application of these tests."""
    return run("invoke", *arguments, "--app", "shop:app", stdin=stdin)


def write(name: str, content: str | bytes) -> str:
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


# routes


def test_routes_lists_every_callback() -> None:
    result = run("routes", "--app", "shop:app")
    assert result.code == 0
    assert result.rows == [
        ["on(Transcode)", "shop.publish", "shop.py:8"],
        ["on(AnimatedGraphics)", "shop.fail", "shop.py:14"],
        ["on(ImageSprites)", "shop.drop", "shop.py:19"],
        ["on(SampleSnapshot)", "shop.wait", "shop.py:24"],
    ]
    rows = run("routes", "--app", "shop:app", "--json").json
    assert [list(row.values()) for row in rows] == result.rows
    assert list(rows[0]) == ["for", "callback", "where"]


def test_routes_shows_absolute_path_outside_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(elsewhere)
    (first, *_) = run("routes", "--app", "shop:app", "--json").json
    assert first["where"] == f"{tmp_path / 'shop.py'}:8"


def test_routes_is_empty_without_callbacks() -> None:
    write("empty.py", "from scf_mps import App\napp = App()\n")
    result = run("routes", "--app", "empty:app")
    assert (result.code, result.rows) == (0, [])
    assert "no callbacks" in result.err
    assert run("routes", "--app", "empty:app", "--json").json == []


def test_routes_shows_runs_and_near_misses() -> None:
    write(
        "near.py",
        "from scf_mps import App, Subtask, Transcode, Result\napp = App()\n"
        "@app.on(Transcode, definition=10)\ndef other(one): ...\n"
        "@app.on_failure(Transcode)\ndef failed(one): ...\n"
        "@app.on(Transcode)\ndef all(one): ...\n"
        "@app.on_failure(Subtask)\ndef far(one): ...\n"
        "@app.on('Porn')\ndef porn(one): ...\n"
        "@app.on('Holo')\ndef holo(one): ...\n"
        "@app.fallback\ndef rest(one): ...\n",
    )
    event = sample("WorkflowTask", [("Transcode", "SUCCESS"), ("Holo", "FAIL")])
    arguments = ("routes", "--event", write("e.json", json.dumps(event)), "--app", "near:app")
    result = run(*arguments)
    assert result.code == 0
    assert [row[:3] for row in result.rows] == [
        ["Transcode 100030", "near.other", "no"],
        ["Transcode 100030", "near.failed", "no"],
        ["Transcode 100030", "near.all", "yes"],
        ["Holo", "near.far", "yes"],
        ["Holo", "near.holo", "no"],
    ]
    assert len(run(*arguments, "--all").rows) == len(run(*arguments, "--json").json) == 21


def test_routes_suggests_all_when_nothing_matches() -> None:
    event = write("event.json", json.dumps(sample("EditMediaTask")))
    result = run("routes", "--event", event, "--app", "shop:app")
    assert (result.code, result.out) == (0, "")
    assert "--all" in result.err


def test_routes_prints_all_reasons_as_json() -> None:
    result = run("routes", "--event", "documentation", "--app", "shop:app", "--json")
    assert result.code == 0
    assert len(result.json) == 20
    assert result.json[0] == {
        "result": "Transcode 10",
        "callback": "shop.publish",
        "runs": "yes",
        "why": "on(Transcode) matches",
    }


def test_routes_reads_event_from_stdin() -> None:
    text = json.dumps(sample("EditMediaTask"))
    result = run("routes", "--event", "-", "--app", "shop:app", "--json", stdin=text)
    assert {row["result"] for row in result.json} == {"EditMediaTask"}


def test_routes_rejects_invalid_event() -> None:
    result = run("routes", "--event", write("event.json", "{}"), "--app", "shop:app")
    assert (result.code, result.out) == (2, "")
    assert "EventType" in result.err


# invoke: results


def test_invoke_prints_outcome_of_each_callback() -> None:
    result = invoke("WorkflowTask", "Transcode=SUCCESS", "Porn=SUCCESS", "Porn=FAIL")
    assert result.code == 0
    (title,) = {row[0] for row in result.rows}
    assert re.fullmatch(r"WorkflowTask 1250000000-WorkflowTask-[0-9a-f]{32}tt0 FINISH", title)
    assert [row[1:] for row in result.rows] == [
        ["Transcode 100030", "SUCCESS", "shop.publish", "done", ""],
        ["Porn 10", "SUCCESS", "", "unhandled", ""],
        ["Porn 10", "FAIL", "", "unhandled", ""],
    ]


@pytest.mark.parametrize(
    ("type_", "outcome", "code"),
    [
        ("Transcode", "done", 0),
        ("AnimatedGraphics", "failed", 1),
        ("ImageSprites", "dropped", 1),
        ("SampleSnapshot", "deferred", 1),
    ],
)
def test_invoke_exit_code_depends_on_outcomes(type_: str, outcome: str, code: int) -> None:
    result = invoke("WorkflowTask", "Transcode=SUCCESS", f"{type_}=SUCCESS")
    assert (result.code, [row[4] for row in result.rows]) == (code, ["done", outcome])
    summary = invoke("WorkflowTask", f"{type_}=SUCCESS", "--json")
    assert summary.code == code
    assert summary.json["callbacks"][0]["outcome"] == outcome


def test_invoke_prints_summary_as_json() -> None:
    event = sample("WorkflowTask", Transcode="SUCCESS", Porn="SUCCESS")
    result = invoke("-", "--json", stdin=json.dumps(event))
    assert result.json == {
        "event_type": "WorkflowTask",
        "task_id": TASK_ID,
        "status": "FINISH",
        "callbacks": [
            {
                "callback": "shop.publish",
                "type": "Transcode",
                "place": "MediaProcessResultSet[0]",
                "outcome": "done",
            }
        ],
        "unhandled": [
            {"type": "Porn", "place": "AiContentReviewResultSet[0]", "status": "SUCCESS"}
        ],
    }


def test_invoke_prints_failure_and_user_frames_once() -> None:
    twice = ("AnimatedGraphics=SUCCESS", "AnimatedGraphics=SUCCESS")
    result = invoke("WorkflowTask", *twice, "ImageSprites=SUCCESS", "SampleSnapshot=SUCCESS")
    assert result.code == 1
    assert [row[4:] for row in result.rows] == [
        ["failed", "LookupError: no such bucket"],
        ["failed", "LookupError: no such bucket"],
        ["dropped", "Drop: not wanted"],
        ["deferred", "not started: too little time is left"],
    ]
    assert result.err.splitlines() == [
        "shop.fail:",
        "  shop.py:16 in fail",
        '      raise LookupError("no such bucket")',
        "3 of 4 callbacks failed. In SCF this event would be retried.",
    ]


def test_invoke_prints_everything_with_traceback_option() -> None:
    result = invoke("WorkflowTask", "AnimatedGraphics=SUCCESS", "--traceback")
    log = json.loads(result.err.splitlines()[0])
    assert (log["level"], log["message"]) == ("ERROR", "failed: LookupError: no such bucket")
    assert len(log["request_id"]) == 36
    assert "Traceback (most recent call last)" in result.err


def test_invoke_hides_secrets() -> None:
    shop = Path("shop.py")
    shop.write_text(shop.read_text().replace('"no such bucket"', '"q-signature=" + "0f" * 9'))
    for options in ([], ["--traceback"]):
        result = invoke("WorkflowTask", "AnimatedGraphics=SUCCESS", *options)
        assert result.code == 1
        assert "0f0f" not in result.out + result.err


def test_invoke_prints_user_frames_when_middleware_fails() -> None:
    write(
        "hooked.py",
        "from scf_mps import App, Middleware\n"
        "class Broken(Middleware):\n"
        "    def before_event(self, event, context):\n"
        "        raise ValueError('no tenant')\n"
        "app = App(middleware=[Broken()])\n",
    )
    result = run("invoke", "--app", "hooked:app")
    assert result.code == 2
    assert result.err.splitlines() == [
        "main_handler failed: ValueError: no tenant",
        "  hooked.py:4 in before_event",
        "      raise ValueError('no tenant')",
    ]


def test_invoke_prints_provider_frames_once() -> None:
    write(
        "commits.py",
        "from scf_mps import App, Context, Transcode\n"
        "class Db: ...\n"
        "def make(context: Context):\n"
        "    yield Db()\n"
        "    raise OSError('commit failed')\n"
        "app = App()\n"
        "app.provide(Db, make, per='invocation')\n"
        "@app.on(Transcode)\n"
        "def f(one, db: Db): ...\n",
    )
    result = run("invoke", "WorkflowTask", "Transcode=SUCCESS", "--app", "commits:app")
    assert (result.code, result.rows[0][5]) == (1, "OSError: commit failed")
    assert result.err.count("commits.py:5 in make") == 1
    assert "scf_mps/" not in result.err
    assert "Traceback" not in result.err


def test_invoke_prints_ledger_error_without_frames(tmp_path: Path) -> None:
    Path("kept").write_text("a file instead of a folder")
    write(
        "kept_app.py",
        "from scf_mps import App, Transcode\n"
        f"app = App(ledger='file://{tmp_path}/kept')\n"
        "@app.on(Transcode)\ndef f(one): ...\n",
    )
    result = run("invoke", "--app", "kept_app:app")
    assert result.code == 2
    assert "kept" in result.err
    assert "Traceback" not in result.err


def test_invoke_suggests_force_when_all_skipped(tmp_path: Path) -> None:
    Path("shop.py").write_text(
        APPLICATION.replace("App()", f"App(ledger='file://{tmp_path}/kept')")
    )
    event = json.dumps(sample("WorkflowTask", Transcode="SUCCESS"))
    assert invoke("-", stdin=event).err == ""
    result = invoke("-", stdin=event)
    assert (result.code, result.rows[0][4]) == (0, "skipped")
    assert "--force" in result.err


def test_invoke_fails_callback_that_raises_systemexit() -> None:
    event = sample("WorkflowTask", Transcode="SUCCESS", session_context="leave")
    result = invoke("-", stdin=json.dumps(event))
    assert (result.code, result.rows[0][4]) == (1, "failed")


def test_invoke_timeout_defers_callbacks() -> None:
    shot = ("WorkflowTask", "SampleSnapshot=SUCCESS", "--json")
    assert invoke(*shot, "--timeout", "999").json["callbacks"][0]["outcome"] == "deferred"
    result = invoke(*shot, "--timeout", "86400")
    assert (result.code, result.json["callbacks"][0]["outcome"]) == (1, "failed")
    # The context has milliseconds: 1 s is 1000.
    assert invoke("WorkflowTask", "Transcode=SUCCESS", "--timeout", "1").rows[0][4] == "deferred"


@pytest.mark.parametrize("timeout", ["0", "-1", "0.5", "nan", "inf", "86401"])
def test_invoke_rejects_invalid_timeout(timeout: str) -> None:
    result = invoke("--timeout", timeout)
    assert (result.code, result.out) == (2, "")
    assert "--timeout" in result.err


# invoke: events


def test_invoke_default_event_is_documentation() -> None:
    result = run("invoke", "--app", "shop:app", "--json")
    places = [one["place"] for one in (*result.json["callbacks"], *result.json["unhandled"])]
    assert sorted(places) == [f"MediaProcessResultSet[{number}]" for number in range(4)]


def test_invoke_accepts_null_and_booleans() -> None:
    event = sample("WorkflowTask", Transcode="SUCCESS")
    event |= {"New": None, "Yes": True, "No": False}
    text = json.dumps(event)
    assert "null" in text
    assert "true" in text
    assert "false" in text
    assert invoke(write("event.json", text)).code == 0
    assert invoke("-", stdin=text).code == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_invoke_detects_encoding_of_file(encoding: str) -> None:
    event = sample("WorkflowTask", Transcode="SUCCESS", session_context="订单")
    text = json.dumps(event, ensure_ascii=False).encode(encoding)
    assert invoke(write("event.json", text)).code == 0
    assert invoke("-", stdin=text).code == 0


def test_invoke_prefers_file_to_sample() -> None:
    event = json.dumps(sample("EditMediaTask"))
    assert invoke(write("saved", event), "--json").json["event_type"] == "EditMediaTask"
    assert invoke(write("WorkflowTask", event), "--json").json["event_type"] == "EditMediaTask"


def test_invoke_unwraps_event_of_other_channel() -> None:
    result = invoke(str(DATA / "env_cmq_topic.json"))
    assert result.code == 1  # sprites are dropped
    assert [row[4] for row in result.rows] == ["done", "dropped", "unhandled", "unhandled"]


def test_invoke_prints_rows_of_each_message() -> None:
    running = sample("WorkflowTask", Transcode="PROCESSING", status="PROCESSING")
    finished = sample("WorkflowTask", Transcode="SUCCESS")
    bodies = [json.dumps(running), json.dumps(finished)]
    event = {"Records": [{"CMQ": {"msgBody": body}} for body in bodies]}
    result = invoke("-", stdin=json.dumps(event))
    assert result.code == 0
    assert [row[:5] for row in result.rows] == [
        [f"WorkflowTask {TASK_ID} PROCESSING", "Transcode 100030", "PROCESSING", "", "unhandled"],
        [f"WorkflowTask {TASK_ID} FINISH", "Transcode 100030", "SUCCESS", "shop.publish", "done"],
    ]


def test_invoke_prints_valid_and_invalid_messages() -> None:
    good = json.dumps(sample("WorkflowTask", Transcode="SUCCESS"))
    bodies = ["no JSON", good, "{}", good]
    event = {"Records": [{"CMQ": {"msgBody": body}} for body in bodies]}
    result = invoke("-", stdin=json.dumps(event))
    assert result.code == 1
    assert [row[4] for row in result.rows] == ["done", "done"]
    *lines, first, second, last = result.err.splitlines()
    assert first.startswith("main_handler on Records[0]: InvalidEvent: ")
    assert second.startswith("main_handler on Records[2]: InvalidEvent: ")
    assert last == "In SCF this event would be retried."
    messages = [json.loads(line)["message"] for line in lines]
    assert sum(message.startswith("invalid event: ") for message in messages) == 2
    as_json = invoke("-", "--json", stdin=json.dumps(event))
    assert (as_json.code, len(as_json.json["events"])) == (1, 2)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "event.json is not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("{'EventType': None}", "event.json is not JSON: Expecting property name enclosed"),
        (b"\xff\xfe\x00", "event.json is not JSON: 'utf-16-le' codec can't decode"),
        (b'{"a": "\xff"}', "event.json is not JSON: 'utf-8' codec can't decode byte 0xff"),
        ("[" * 100_000, "event.json is not JSON: "),
        ("[]", "notification"),
        ("null", "null"),
        ('{"EventType": "WorkflowTask"}', "WorkflowTaskEvent"),
        ('{"Records": [{}]}', "Records[0]"),
        ('{"headers": {}, "body": "{}"}', "HTTP"),
    ],
)
def test_invoke_rejects_invalid_event(content: str | bytes, why: str) -> None:
    result = invoke(write("event.json", content))
    assert (result.code, result.out) == (2, "")
    assert why in result.err
    assert "Traceback" not in result.err
    on_stdin = invoke("-", stdin=content)
    assert on_stdin.code == 2
    assert why.replace("event.json", "stdin") in on_stdin.err


def test_invoke_prints_result_of_http_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPS_ALLOW_UNSIGNED", "1")
    body = json.dumps(sample("WorkflowTask", Transcode="SUCCESS"))
    request = json.dumps({"httpMethod": "POST", "headers": {}, "body": body})
    result = invoke("-", stdin=request)
    assert result.code == 0
    assert [row[3:5] for row in result.rows] == [["shop.publish", "done"]]
    failing = json.dumps(sample("WorkflowTask", AnimatedGraphics="SUCCESS"))
    result = invoke("-", stdin=json.dumps({"httpMethod": "POST", "headers": {}, "body": failing}))
    assert (result.code, result.rows) == (1, [])
    assert "HTTP response 500: " in result.err


def test_invoke_reports_unreadable_file() -> None:
    Path("folder.json").mkdir()
    for name, why in {
        "missing.json": "No such file or directory",
        "folder.json": "Is a directory",
        '{"EventType": "x"}' * 50: "File name too long",
    }.items():
        result = invoke(name)
        assert (result.code, result.out) == (2, "")
        assert result.err == f"cannot read the event in {name}: {why}\n"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("Workflow",), "'Workflow'"),
        (("WorkflowTask", "Transcode"), "'Transcode'"),
        (("WorkflowTask", "=FAIL"), "'=FAIL'"),
        (("WorkflowTask", "Porn="), "'Porn='"),
        (("WorkflowTask", "Porn=OK"), "SUCCESS, FAIL, PROCESSING"),
        (("WorkflowTask", "--status", "OK"), "FINISH"),
        (("documentation", "Porn=FAIL"), "event type"),
    ],
)
def test_invoke_and_sample_reject_unknown_sample(arguments: tuple[str, ...], why: str) -> None:
    for result in (invoke(*arguments), run("sample", *arguments)):
        assert (result.code, result.out) == (2, "")
        assert why in result.err


@pytest.mark.parametrize("choice", [("Transcode=FAIL",), ("--status", "FAIL")])
def test_invoke_rejects_results_for_given_event(choice: tuple[str, ...]) -> None:
    text = json.dumps(sample("WorkflowTask"))
    for result, where in (
        (invoke(write("event.json", text), *choice), "event.json"),
        (invoke("-", *choice, stdin=text), "stdin"),
    ):
        assert (result.code, result.out) == (2, "")
        assert where in result.err


def test_invoke_status_sets_event_status() -> None:
    result = invoke("EditMediaTask", "--status", "FAIL", "--json")
    assert result.json["unhandled"] == [
        {"type": "EditMediaTask", "place": "EditMediaTaskEvent", "status": "FINISH"}
    ]


def test_output_prints_markup_unchanged() -> None:
    event = sample("WorkflowTask", [("[red]Holo[/]\\", "SUCCESS")])
    event["WorkflowTaskEvent"]["TaskId"] = "[/]task[bold]"
    result = invoke("-", stdin=json.dumps(event))
    assert result.code == 0
    title = "WorkflowTask [/]task[bold] FINISH"
    assert result.rows == [[title, "[red]Holo[/]\\", "SUCCESS", "", "unhandled", ""]]
    result = run("routes", "--app", "shop:app", "--event", write("[bold].json", json.dumps(event)))
    assert "[bold].json" in result.err


# sample


def test_sample_lists_samples() -> None:
    result = run("sample")
    assert result.code == 0
    assert result.rows == [[*item] for item in list_samples().items()]
    assert run("sample", "--json").json == [
        {"sample": name, "what": what} for name, what in list_samples().items()
    ]


def test_sample_prints_requested_event() -> None:
    result = run(
        *("sample", "WorkflowTask", "Transcode=SUCCESS", "ImageSprites=FAIL"),
        *("--status", "PROCESSING", "--session-context", "订单", "--task-id", "mine"),
    )
    assert result.code == 0
    assert result.json == sample(
        "WorkflowTask",
        [("Transcode", "SUCCESS"), ("ImageSprites", "FAIL")],
        status="PROCESSING",
        session_context="订单",
        task_id="mine",
    )
    assert result.out.startswith('{\n  "EventType": "WorkflowTask",\n')
    assert '"SessionContext": "订单"' in result.out


def test_sample_prints_one_line_as_json() -> None:
    result = run("sample", "documentation", "--json")
    assert result.out.count("\n") == 1
    documented = payload("mps_workflow_seed_mixed")
    documented["WorkflowTaskEvent"]["TaskId"] = result.json["WorkflowTaskEvent"]["TaskId"]
    assert result.json == documented


@pytest.mark.parametrize("name", ["documentation", "ScheduleTask", "BatchTask", "LiveRecordResult"])
def test_sample_has_new_task_id_each_time(name: str) -> None:
    first, second = (parse_event(run("sample", name).json).key for _ in range(2))
    assert first != second
    fixed = [parse_event(run("sample", name, "--task-id", "mine").json).key for _ in range(2)]
    assert fixed[0] == fixed[1]


def test_invoke_reads_output_of_sample() -> None:
    event = run("sample", "WorkflowTask", "Transcode=SUCCESS")
    assert invoke("-", stdin=event.out).rows[0][4] == "done"


# the application


def test_default_application_is_handlers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    result = run("invoke", "--json")
    assert result.code == 0
    assert [one["outcome"] for one in result.json["callbacks"]] == ["done"] * 4
    assert run("routes").rows[0][1] == "handlers.renditions.record_rendition"


def test_application_is_read_from_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MPS_APP", "shop:app")
    assert len(run("routes", "--json").json) == 4


def test_application_name_defaults_to_app() -> None:
    assert len(run("routes", "--app", "shop", "--json").json) == 4
    assert len(run("routes", "--app", "shop:", "--json").json) == 4


@pytest.mark.parametrize("command", ["routes", "invoke"])
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nowhere:app", "nowhere/"),
        ("shop:nothing", "--app shop:app"),
        ("shop:fail", "<function fail at "),
        (":app", "':app'"),
        ("", "''"),
        (".shop:app", "'.shop:app'"),
    ],
)
def test_invalid_application_is_rejected(command: str, name: str, why: str) -> None:
    result = run(command, "--app", name)
    assert (result.code, result.out) == (2, "")
    assert why in result.err
    assert result.err.count("\n") == 1


IMPORTS = {
    "registration": (
        "from scf_mps import App\napp = App()\n@app.on('Transcod')\ndef f(one): ...\n",
        "@app.on('Transcod')",
        "'Transcode'",
    ),
    "missing provider": (
        "from scf_mps import App\napp = App()\n\n@app.on('Transcode')\ndef f(one, database: int): ...\n",
        "@app.on('Transcode')",
        "app.provide(int",
    ),
    "several classes": (
        "from scf_mps import App, Porn, Transcode\napp = App()\n@app.on(Transcode, Porn)\ndef f(one): ...\n",
        "@app.on(Transcode, Porn)",
        "Stack",
    ),
    "missing method": (
        "from scf_mps import App, Router\napp = App()\napp.include(Router())\n",
        "app.include(Router())",
        "App(router",
    ),
    "missing package": (
        "import json\n\nimport not_installed\n",
        "import not_installed",
        "requirements.txt",
    ),
    "missing module": ("import wrong.below\n", "import wrong.below", "wrong/below.py"),
    "missing name": ("from json import nothing\n", "from json import nothing", "import each other"),
    "syntax": ("a = 1\ndef f(:\n", "def f(:", "parse"),
    "wrapped": (
        "try:\n    import not_installed\nexcept ImportError:\n    raise RuntimeError('no')\n",
        "    import not_installed",
        "requirements.txt",
    ),
    "attribute": ("import json\njson.nothing\n", "json.nothing", "443"),
    "value": ("import json\njson.loads('[')\n", "json.loads('[')", "443"),
    "exit": ("import sys\nsys.exit('no')\n", "sys.exit('no')", "443"),
    "configuration": (
        "from scf_mps.actions import Settings\nsettings = Settings()\n"
        "settings.read('MPS_X', int)\nsettings.check()\n",
        "settings.check()",
        "serverless.yml",
    ),
    "ledger": (
        "from scf_mps import App\napp = App(ledger='nothing://')\nmain_handler = app.main_handler\n",
        "main_handler = app.main_handler",
        "MPS_LEDGER",
    ),
}
"""A module that cannot be imported, the line that is printed, and a word of the advice."""


@pytest.mark.parametrize("kind", IMPORTS)
@pytest.mark.parametrize("command", ["routes", "invoke", "history"])
def test_failed_import_prints_line_and_advice(
    command: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, source, advice = IMPORTS[kind]
    monkeypatch.setenv("MPS_X", "x")
    write("wrong.py", code)
    result = run(command, "--app", "wrong:app")
    assert (result.code, result.out) == (2, "")
    line = code.splitlines().index(source) + 1
    assert f"wrong.py:{line}" in result.err
    assert f"    {source.strip()}\n" in result.err
    assert advice in result.err
    assert "scf_mps/" not in result.err
    assert len(result.err.splitlines()) <= 6


def test_failed_import_prints_every_user_frame() -> None:
    write("below.py", "def f():\n    return {}['key']\n\nx = f()\n")
    write("wrong.py", "import below\n")
    result = run("routes", "--app", "wrong:app")
    assert result.err.splitlines() == [
        "wrong:app cannot be imported: KeyError: 'key'",
        "  wrong.py:1",
        "      import below",
        "  below.py:4",
        "      x = f()",
        "  below.py:2 in f",
        "      return {}['key']",
        "Correct this line: in SCF every event would fail with status 443",
    ]


def test_missing_application_suggests_app_option() -> None:
    for name in ("nowhere:app", "shop.nothing:app"):
        result = run("routes", "--app", name)
        assert result.code == 2
        assert "--app" in result.err


# the installed command

COMMAND = Path(sysconfig.get_path("scripts")) / "scf-mps"


def command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command in a subprocess."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COV_")}
    return subprocess.run(
        [COMMAND, *arguments],
        env={**plain, "COLUMNS": "200", **variables},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )


def test_installed_command_handles_documentation_event() -> None:
    done = command("invoke", "documentation", "--app", "shop:app", "--json")
    assert done.returncode == 1
    outcomes = [one["outcome"] for one in json.loads(done.stdout)["callbacks"]]
    assert outcomes == ["done", "dropped"]
    assert all(json.loads(line)["request_id"] for line in done.stderr.splitlines())


def test_entry_point_runs_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["scf-mps", "sample", "documentation"])
    with pytest.raises(SystemExit) as left:
        cli.app()
    assert left.value.code == 0


def test_entry_point_prints_user_frames(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        "hooked.py",
        "from scf_mps import App, Middleware\n"
        "class Broken(Middleware):\n"
        "    def before_event(self, event, context):\n"
        "        raise KeyError('tenant')\n"
        "app = App(middleware=[Broken()], ledger='file:///tmp')\n".replace("/tmp", os.getcwd()),
    )
    body = {"ClientContext": json.dumps(sample("EditMediaTask"))}
    event = json.dumps({"RequestId": "r", "ErrorCode": 430, "Body": body})
    monkeypatch.setattr(
        sys,
        "argv",
        ["scf-mps", "replay", "--app", "hooked:app", "--dead-letter", write("e", event)],
    )
    with pytest.raises(SystemExit) as left:
        cli.app()
    assert left.value.code == 1
    # Older versions of rich print an empty line after a progress bar.
    lines = [line for line in capsys.readouterr().err.splitlines() if line]
    assert lines[:2] == [
        "the project's code failed: KeyError: 'tenant'",
        "  hooked.py:4 in before_event",
    ]


def test_entry_point_reraises_package_defects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "cli", functools.partial(json.JSONDecoder, _=None))
    with pytest.raises(TypeError):
        cli.app()


def test_command_without_arguments_prints_help() -> None:
    result = run()
    assert all(name in result.out + result.err for name in ("routes", "invoke", "sample"))


def test_completion_script_is_printed() -> None:
    done = command("--show-completion", _SCF_MPS_COMPLETE="source_bash")
    assert done.returncode == 0
    assert "complete -o default -F _scf_mps_completion scf-mps" in done.stdout


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("scf-mps ro", "routes"),
        ("scf-mps invoke Sch", "ScheduleTask"),
        ("scf-mps sample Proc", "ProcessEof"),
        ("scf-mps routes --event doc", "documentation"),
        ("scf-mps invoke my-event", ""),
    ],
)
def test_completion_completes_commands_and_samples(typed: str, completed: str) -> None:
    protocol = {
        "_SCF_MPS_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(typed.count(" ")),
    }
    done = CliRunner().invoke(cli.cli, [], prog_name="scf-mps", env=protocol)
    assert (done.exit_code, done.stdout.strip()) == (0, completed)


def without(module: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], ModuleType]:
    """Return a function that loads the command line without a module of its extra."""
    monkeypatch.setitem(sys.modules, module, None)
    spec = importlib.util.spec_from_file_location("cli_without", cli.__file__)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    load = spec.loader.exec_module
    return lambda: [load(loaded), loaded][1]  # type: ignore[func-returns-value,return-value]


@pytest.mark.parametrize("module", ["typer", "rich.console"])
def test_import_suggests_missing_extra(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    load = without(module, monkeypatch)
    with pytest.raises(SystemExit) as left:
        load()
    assert "pip install 'scf-mps[cli]'" in str(left.value.code)


def test_installed_command_suggests_missing_extra(tmp_path: Path) -> None:
    write("typer.py", "raise ImportError('not here')\n")
    done = command("routes", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "pip install 'scf-mps[cli]'" in done.stderr
