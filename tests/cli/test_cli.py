"""The command line: who gets what, an event through the application, samples; what scripts can rely on."""

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
from typing import Any

import pytest
from typer.testing import CliRunner

from scf_mps import cli
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import names, sample
from tests.support.log_capture import loggers_put_back
from tests.support.sample_data import DATA, ROOT, payload

TASK_ID = "1250000000-WorkflowTask-0123456789abcdef0123456789abcdeftt0"

APPLICATION = '''\
"""An application of which every outcome there is can be had."""

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
def _own_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An application in an empty folder; nothing that a command does to the process stays."""
    (tmp_path / "shop.py").write_text(APPLICATION)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setenv("COLUMNS", "300")
    for variable in ("MPS_APP", "MPS_LOG_FORMAT", "MPS_LOG_LEVEL", "MPS_NOTIFY_KEY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delitem(sys.modules, "shop", raising=False)  # of tests of the deployment
    loaded = set(sys.modules)
    with loggers_put_back():
        yield
    for name in set(sys.modules) - loaded:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


class Ran:
    """What came of a command: its exit code, and what it printed."""

    def __init__(self, arguments: tuple[str, ...], stdin: str | bytes | None = None) -> None:
        result = CliRunner().invoke(cli.cli, list(arguments), input=stdin)
        unexpected = result.exception
        if unexpected is not None and not isinstance(unexpected, SystemExit):
            raise unexpected
        self.code = result.exit_code
        self.out = result.stdout
        self.err = result.stderr

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The cells of the lines it printed."""
        return [tuple(line.split("\t")) for line in self.out.splitlines()]

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(*arguments: str, stdin: str | bytes | None = None) -> Ran:
    return Ran(arguments, stdin)


def invoke(*arguments: str, stdin: str | bytes | None = None) -> Ran:
    """``scf-mps invoke`` with the application of these tests."""
    return Ran(("invoke", *arguments, "--app", "shop:app"), stdin)


def write(name: str, content: str | bytes) -> str:
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


# routes


def test_routes_lists_every_callback_with_what_it_is_for_and_where_it_is() -> None:
    ran = run("routes", "--app", "shop:app")
    assert ran.code == 0
    assert ran.rows == [
        ("on(Transcode)", "shop.publish", "shop.py:8"),
        ("on(AnimatedGraphics)", "shop.fail", "shop.py:14"),
        ("on(ImageSprites)", "shop.drop", "shop.py:19"),
        ("on(SampleSnapshot)", "shop.wait", "shop.py:24"),
    ]


def test_routes_as_json_is_the_same_for_scripts() -> None:
    ran = run("routes", "--app", "shop:app", "--json")
    assert ran.code == 0
    assert ran.json[0] == {
        "for": "on(Transcode)",
        "callback": "shop.publish",
        "where": "shop.py:8",
    }
    assert len(ran.json) == 4


def test_a_callback_outside_of_the_folder_is_where_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(elsewhere)
    (first, *_) = run("routes", "--app", "shop:app", "--json").json
    assert first["where"] == f"{tmp_path / 'shop.py'}:8"


def test_an_application_without_callbacks_has_nothing_to_list() -> None:
    write("empty.py", "from scf_mps import App\napp = App()\n")
    ran = run("routes", "--app", "empty:app")
    assert (ran.code, ran.rows) == (0, [])
    assert "no callbacks" in ran.err
    assert run("routes", "--app", "empty:app", "--json").json == []


def test_routes_for_an_event_shows_runs_and_near_misses() -> None:
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
    ran = run(*arguments)
    assert ran.code == 0
    assert [row[:3] for row in ran.rows] == [
        ("Transcode 100030", "near.other", "no"),
        ("Transcode 100030", "near.failed", "no"),
        ("Transcode 100030", "near.all", "yes"),
        ("Holo", "near.far", "yes"),
        ("Holo", "near.holo", "no"),
    ]
    assert len(run(*arguments, "--all").rows) == len(run(*arguments, "--json").json) == 21


def test_routes_says_that_nothing_runs_for_an_event() -> None:
    event = write("event.json", json.dumps(sample("EditMediaTask")))
    ran = run("routes", "--event", event, "--app", "shop:app")
    assert (ran.code, ran.out) == (0, "")
    assert "--all" in ran.err


def test_routes_for_an_event_as_json_has_a_row_for_each_callback_and_result() -> None:
    ran = run("routes", "--event", "documentation", "--app", "shop:app", "--json")
    assert ran.code == 0
    assert len(ran.json) == 20
    assert ran.json[0] == {
        "result": "Transcode 10",
        "callback": "shop.publish",
        "runs": "yes",
        "why": "on(Transcode) matches",
    }


def test_routes_for_an_event_from_stdin() -> None:
    text = json.dumps(sample("EditMediaTask"))
    ran = run("routes", "--event", "-", "--app", "shop:app", "--json", stdin=text)
    assert {row["result"] for row in ran.json} == {"EditMediaTask"}


def test_routes_for_what_is_no_event_says_so() -> None:
    ran = run("routes", "--event", write("event.json", "{}"), "--app", "shop:app")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith('expected an MPS notification with an "EventType"')


# invoke: what came of it


def test_invoke_shows_which_callback_took_which_result_with_what_outcome() -> None:
    ran = invoke("WorkflowTask", "Transcode=SUCCESS", "Porn=SUCCESS", "Porn=FAIL")
    assert ran.code == 0
    (title,) = {row[0] for row in ran.rows}
    assert re.fullmatch(r"WorkflowTask 1250000000-WorkflowTask-[0-9a-f]{32}tt0 FINISH", title)
    assert [row[1:] for row in ran.rows] == [
        ("Transcode 100030", "SUCCESS", "shop.publish", "done", ""),
        ("Porn 10", "SUCCESS", "", "unhandled", ""),
        ("Porn 10", "FAIL", "", "unhandled", ""),
    ]


@pytest.mark.parametrize(
    ("result", "outcome", "code"),
    [
        ("Transcode", "done", 0),
        ("AnimatedGraphics", "failed", 1),
        ("ImageSprites", "dropped", 1),
        ("SampleSnapshot", "deferred", 1),
    ],
)
def test_the_exit_code_is_0_only_if_every_callback_succeeded(
    result: str, outcome: str, code: int
) -> None:
    ran = invoke("WorkflowTask", "Transcode=SUCCESS", f"{result}=SUCCESS")
    assert ran.code == code
    assert ran.rows[0][4] == "done"
    assert ran.rows[1][4] == outcome
    summary = invoke("WorkflowTask", f"{result}=SUCCESS", "--json")
    assert summary.code == code
    assert summary.json["callbacks"][0]["outcome"] == outcome


def test_invoke_as_json_prints_the_summary_main_handler_returns() -> None:
    event = sample("WorkflowTask", Transcode="SUCCESS", Porn="SUCCESS")
    ran = invoke("-", "--json", stdin=json.dumps(event))
    assert ran.json == {
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


def test_failure_shows_reason_in_its_row_and_own_frames_once() -> None:
    twice = ("AnimatedGraphics=SUCCESS", "AnimatedGraphics=SUCCESS")
    ran = invoke("WorkflowTask", *twice, "ImageSprites=SUCCESS", "SampleSnapshot=SUCCESS")
    assert ran.code == 1
    assert [row[4:] for row in ran.rows] == [
        ("failed", "LookupError: no such bucket"),
        ("failed", "LookupError: no such bucket"),
        ("dropped", "Drop: not wanted"),
        ("deferred", "not started: too little time is left"),
    ]
    assert ran.err.splitlines() == [
        "shop.fail:",
        "  shop.py:16 in fail",
        '      raise LookupError("no such bucket")',
        "3 of 4 callbacks failed. In SCF this event would be retried.",
    ]


def test_traceback_option_shows_everything() -> None:
    ran = invoke("WorkflowTask", "AnimatedGraphics=SUCCESS", "--traceback")
    log = json.loads(ran.err.splitlines()[0])
    assert (log["level"], log["message"]) == ("ERROR", "failed: LookupError: no such bucket")
    assert len(log["request_id"]) == 36
    assert "Traceback (most recent call last)" in ran.err


def test_reasons_and_tracebacks_hide_secrets() -> None:
    shop = Path("shop.py")
    shop.write_text(shop.read_text().replace('"no such bucket"', '"q-signature=" + "0f" * 9'))
    for options in ([], ["--traceback"]):
        ran = invoke("WorkflowTask", "AnimatedGraphics=SUCCESS", *options)
        assert ran.code == 1
        assert "0f0f" not in ran.out + ran.err


def test_failing_middleware_shows_own_frames() -> None:
    write(
        "hooked.py",
        "from scf_mps import App, Middleware\n"
        "class Broken(Middleware):\n"
        "    def before_event(self, event, context):\n"
        "        raise ValueError('no tenant')\n"
        "app = App(middleware=[Broken()])\n",
    )
    ran = run("invoke", "--app", "hooked:app")
    assert ran.code == 2
    assert ran.err.splitlines() == [
        "main_handler failed: ValueError: no tenant",
        "  hooked.py:4 in before_event",
        "      raise ValueError('no tenant')",
    ]


def test_failing_commit_shows_its_frames_once() -> None:
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
    ran = run("invoke", "WorkflowTask", "Transcode=SUCCESS", "--app", "commits:app")
    assert (ran.code, ran.rows[0][5]) == (1, "OSError: commit failed")
    assert ran.err.count("commits.py:5 in make") == 1
    assert "scf_mps/" not in ran.err
    assert "Traceback" not in ran.err


def test_failing_ledger_is_shown_without_frames(tmp_path: Path) -> None:
    Path("kept").write_text("a file where a folder is to be")
    write(
        "kept_app.py",
        "from scf_mps import App, Transcode\n"
        f"app = App(ledger='file://{tmp_path}/kept')\n"
        "@app.on(Transcode)\ndef f(one): ...\n",
    )
    ran = run("invoke", "--app", "kept_app:app")
    assert ran.code == 2
    assert "kept" in ran.err
    assert "Traceback" not in ran.err


def test_event_that_was_completed_before_gets_a_hint(tmp_path: Path) -> None:
    Path("shop.py").write_text(
        APPLICATION.replace("App()", f"App(ledger='file://{tmp_path}/kept')")
    )
    event = json.dumps(sample("WorkflowTask", Transcode="SUCCESS"))
    assert invoke("-", stdin=event).err == ""
    ran = invoke("-", stdin=event)
    assert (ran.code, ran.rows[0][4]) == (0, "skipped")
    assert "--force" in ran.err


def test_a_callback_that_leaves_the_process_is_a_failed_one() -> None:
    event = sample("WorkflowTask", Transcode="SUCCESS", session_context="leave")
    ran = invoke("-", stdin=json.dumps(event))
    assert (ran.code, ran.rows[0][4]) == (1, "failed")


def test_the_time_limit_decides_what_is_still_started() -> None:
    shot = ("WorkflowTask", "SampleSnapshot=SUCCESS", "--json")
    assert invoke(*shot, "--timeout", "999").json["callbacks"][0]["outcome"] == "deferred"
    ran = invoke(*shot, "--timeout", "86400")
    assert (ran.code, ran.json["callbacks"][0]["outcome"]) == (1, "failed")  # it was started
    # One second, not a number under 1,000 that would be taken for seconds.
    assert invoke("WorkflowTask", "Transcode=SUCCESS", "--timeout", "1").rows[0][4] == "deferred"


@pytest.mark.parametrize("timeout", ["0", "-1", "0.5", "nan", "inf", "86401"])
def test_a_time_limit_scf_does_not_have_is_refused(timeout: str) -> None:
    ran = invoke("--timeout", timeout)
    assert (ran.code, ran.out) == (2, "")
    assert "--timeout" in ran.err


# invoke: which event


def test_invoke_without_an_event_takes_the_one_of_the_documentation() -> None:
    ran = run("invoke", "--app", "shop:app", "--json")
    places = [one["place"] for one in (*ran.json["callbacks"], *ran.json["unhandled"])]
    assert sorted(places) == [f"MediaProcessResultSet[{number}]" for number in range(4)]


def test_null_true_and_false_are_what_they_are_in_json() -> None:
    event = sample("WorkflowTask", Transcode="SUCCESS")
    event |= {"New": None, "Yes": True, "No": False}
    text = json.dumps(event)
    assert "null" in text
    assert "true" in text
    assert "false" in text
    assert invoke(write("event.json", text)).code == 0
    assert invoke("-", stdin=text).code == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_a_file_may_be_in_the_encodings_that_editors_and_shells_write(encoding: str) -> None:
    event = sample("WorkflowTask", Transcode="SUCCESS", session_context="订单")
    text = json.dumps(event, ensure_ascii=False).encode(encoding)
    assert invoke(write("event.json", text)).code == 0
    assert invoke("-", stdin=text).code == 0


def test_a_file_needs_no_suffix_and_goes_before_a_sample_of_its_name() -> None:
    event = json.dumps(sample("EditMediaTask"))
    assert invoke(write("saved", event), "--json").json["event_type"] == "EditMediaTask"
    assert invoke(write("WorkflowTask", event), "--json").json["event_type"] == "EditMediaTask"


def test_an_event_of_another_channel_is_opened_as_on_scf() -> None:
    ran = invoke(str(DATA / "env_cmq_topic.json"))
    assert ran.code == 1  # the documentation's sprites are dropped
    assert [row[4] for row in ran.rows] == ["done", "dropped", "unhandled", "unhandled"]


def test_each_of_several_messages_has_a_table_of_its_own_results() -> None:
    running = sample("WorkflowTask", Transcode="PROCESSING", status="PROCESSING")
    finished = sample("WorkflowTask", Transcode="SUCCESS")
    bodies = [json.dumps(running), json.dumps(finished)]
    event = {"Records": [{"CMQ": {"msgBody": body}} for body in bodies]}
    ran = invoke("-", stdin=json.dumps(event))
    assert ran.code == 0
    assert [row[:5] for row in ran.rows] == [
        (f"WorkflowTask {TASK_ID} PROCESSING", "Transcode 100030", "PROCESSING", "", "unhandled"),
        (f"WorkflowTask {TASK_ID} FINISH", "Transcode 100030", "SUCCESS", "shop.publish", "done"),
    ]


def test_the_valid_ones_of_several_messages_are_shown_and_the_invalid_ones_told() -> None:
    good = json.dumps(sample("WorkflowTask", Transcode="SUCCESS"))
    bodies = ["no JSON", good, "{}", good]
    event = {"Records": [{"CMQ": {"msgBody": body}} for body in bodies]}
    ran = invoke("-", stdin=json.dumps(event))
    assert ran.code == 1
    assert [row[4] for row in ran.rows] == ["done", "done"]
    *lines, first, second, last = ran.err.splitlines()
    assert first.startswith("main_handler on Records[0]: InvalidEvent: ")
    assert second.startswith("main_handler on Records[2]: InvalidEvent: ")
    assert last == "In SCF this event would be retried."
    messages = [json.loads(line)["message"] for line in lines]
    assert sum(message.startswith("invalid event: expected") for message in messages) == 2
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
        ("[]", "expected an MPS notification, a JSON object, but"),
        ("null", "expected an MPS notification, a JSON object, but null came"),
        ('{"EventType": "WorkflowTask"}', "expected an object under 'WorkflowTaskEvent'"),
        ('{"Records": [{}]}', "expected a CMQ message with a msgBody at Records[0]"),
        ('{"headers": {}, "body": "{}"}', "refused an HTTP request, as nothing tells whether"),
    ],
)
def test_what_is_no_event_is_exit_code_2_and_says_why(content: str | bytes, why: str) -> None:
    ran = invoke(write("event.json", content))
    assert (ran.code, ran.out) == (2, "")
    assert why in ran.err
    assert "Traceback" not in ran.err
    on_stdin = invoke("-", stdin=content)
    assert on_stdin.code == 2
    assert why.replace("event.json", "stdin") in on_stdin.err


def test_of_an_http_request_is_shown_what_it_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPS_ALLOW_UNSIGNED", "1")
    body = json.dumps(sample("WorkflowTask", Transcode="SUCCESS"))
    request = json.dumps({"httpMethod": "POST", "headers": {}, "body": body})
    ran = invoke("-", stdin=request)
    assert ran.code == 0
    assert [row[3:5] for row in ran.rows] == [("shop.publish", "done")]
    failing = json.dumps(sample("WorkflowTask", AnimatedGraphics="SUCCESS"))
    ran = invoke("-", stdin=json.dumps({"httpMethod": "POST", "headers": {}, "body": failing}))
    assert (ran.code, ran.rows) == (1, [])
    assert "HTTP response 500: not all was done" in ran.err.splitlines()


def test_a_file_that_cannot_be_read_says_why() -> None:
    Path("folder.json").mkdir()
    for name, why in {
        "missing.json": "No such file or directory",
        "folder.json": "Is a directory",
        '{"EventType": "x"}' * 50: "File name too long",
    }.items():
        ran = invoke(name)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err == f"cannot read the event in {name}: {why}\n"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("Workflow",), "there is no sample 'Workflow'; there are documentation, WorkflowTask, "),
        (
            ("WorkflowTask", "Transcode"),
            "'Transcode' is not a result",
        ),
        (("WorkflowTask", "=FAIL"), "'=FAIL' is not a result"),
        (("WorkflowTask", "Porn="), "'Porn=' is not a result"),
        (("WorkflowTask", "Porn=OK"), "Porn=OK: a result is one of SUCCESS, FAIL, PROCESSING"),
        (("WorkflowTask", "--status", "OK"), "the status of an event is one of FINISH, "),
        (
            ("documentation", "Porn=FAIL"),
            "the documentation's event is as it is; name an event type",
        ),
    ],
)
def test_a_sample_there_is_not_is_exit_code_2_for_invoke_and_for_sample(
    arguments: tuple[str, ...], why: str
) -> None:
    for ran in (invoke(*arguments), run("sample", *arguments)):
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith(why)


@pytest.mark.parametrize("choice", [("Transcode=FAIL",), ("--status", "FAIL")])
def test_results_cannot_be_chosen_for_an_event_that_is_given(choice: tuple[str, ...]) -> None:
    text = json.dumps(sample("WorkflowTask"))
    for ran, where in (
        (invoke(write("event.json", text), *choice), "event.json"),
        (invoke("-", *choice, stdin=text), "stdin"),
    ):
        assert (ran.code, ran.out) == (2, "")
        assert f"the event in {where}" in ran.err


def test_a_status_for_the_whole_event_can_be_chosen() -> None:
    ran = invoke("EditMediaTask", "--status", "FAIL", "--json")
    assert ran.json["unhandled"] == [
        {"type": "EditMediaTask", "place": "EditMediaTaskEvent", "status": "FINISH"}
    ]


def test_what_looks_like_markup_is_printed_as_it_is() -> None:
    event = sample("WorkflowTask", [("[red]Holo[/]\\", "SUCCESS")])
    event["WorkflowTaskEvent"]["TaskId"] = "[/]task[bold]"
    ran = invoke("-", stdin=json.dumps(event))
    assert ran.code == 0
    title = "WorkflowTask [/]task[bold] FINISH"
    assert ran.rows == [(title, "[red]Holo[/]\\", "SUCCESS", "", "unhandled", "")]
    ran = run("routes", "--app", "shop:app", "--event", write("[bold].json", json.dumps(event)))
    assert "[bold].json" in ran.err


# sample


def test_sample_without_a_name_lists_the_samples() -> None:
    ran = run("sample")
    assert ran.code == 0
    assert ran.rows == list(names().items())
    assert run("sample", "--json").json == [
        {"sample": name, "what": what} for name, what in names().items()
    ]


def test_sample_prints_the_event_asked_for() -> None:
    ran = run(
        *("sample", "WorkflowTask", "Transcode=SUCCESS", "ImageSprites=FAIL"),
        *("--status", "PROCESSING", "--session-context", "订单", "--task-id", "mine"),
    )
    assert ran.code == 0
    assert ran.json == sample(
        "WorkflowTask",
        [("Transcode", "SUCCESS"), ("ImageSprites", "FAIL")],
        status="PROCESSING",
        session_context="订单",
        task_id="mine",
    )
    assert ran.out.startswith('{\n  "EventType": "WorkflowTask",\n')
    assert '"SessionContext": "订单"' in ran.out


def test_sample_as_json_is_one_line() -> None:
    ran = run("sample", "documentation", "--json")
    assert ran.out.count("\n") == 1
    documented = payload("mps_workflow_seed_mixed")
    documented["WorkflowTaskEvent"]["TaskId"] = ran.json["WorkflowTaskEvent"]["TaskId"]
    assert ran.json == documented


@pytest.mark.parametrize("name", ["documentation", "ScheduleTask", "BatchTask", "LiveRecordResult"])
def test_sample_is_another_event_each_time(name: str) -> None:
    first, second = (parse_event(run("sample", name).json).key for _ in range(2))
    assert first != second
    fixed = [parse_event(run("sample", name, "--task-id", "mine").json).key for _ in range(2)]
    assert fixed[0] == fixed[1]


def test_what_sample_prints_is_what_invoke_reads() -> None:
    made = run("sample", "WorkflowTask", "Transcode=SUCCESS")
    assert invoke("-", stdin=made.out).rows[0][4] == "done"


# The application.


def test_the_application_of_the_repository_is_the_one_without_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    ran = run("invoke", "--json")
    assert ran.code == 0
    assert [one["outcome"] for one in ran.json["callbacks"]] == ["done"] * 4
    assert run("routes").rows[0][1] == "handlers.renditions.record_rendition"


def test_the_application_may_be_named_by_an_environment_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MPS_APP", "shop:app")
    assert len(run("routes", "--json").json) == 4


def test_an_application_without_a_name_is_called_app() -> None:
    assert len(run("routes", "--app", "shop", "--json").json) == 4
    assert len(run("routes", "--app", "shop:", "--json").json) == 4


@pytest.mark.parametrize("command", ["routes", "invoke"])
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nowhere:app", "no application nowhere:app: there is no nowhere/"),
        ("shop:nothing", "shop:nothing is not a scf_mps.App: None. Use --app shop:app"),
        ("shop:fail", "shop:fail is not a scf_mps.App: <function fail at "),
        (":app", "':app' is not an application"),
        ("", "'' is not an application"),
        (".shop:app", "'.shop:app' is not an application"),
    ],
)
def test_a_name_of_no_application_is_exit_code_2(command: str, name: str, why: str) -> None:
    ran = run(command, "--app", name)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(why)
    assert ran.err.count("\n") == 1


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
"""A module that cannot be imported, the line of it that is shown, and a word of the advice."""


@pytest.mark.parametrize("kind", IMPORTS)
@pytest.mark.parametrize("command", ["routes", "invoke", "history"])
def test_failed_import_shows_the_users_line_and_advice(
    command: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, source, advice = IMPORTS[kind]
    monkeypatch.setenv("MPS_X", "x")
    write("wrong.py", code)
    ran = run(command, "--app", "wrong:app")
    assert (ran.code, ran.out) == (2, "")
    line = code.splitlines().index(source) + 1
    assert f"wrong.py:{line}" in ran.err
    assert f"    {source.strip()}\n" in ran.err
    assert advice in ran.err
    assert "scf_mps/" not in ran.err
    assert len(ran.err.splitlines()) <= 6


def test_failed_import_below_the_application_shows_every_own_frame() -> None:
    write("below.py", "def f():\n    return {}['key']\n\nx = f()\n")
    write("wrong.py", "import below\n")
    ran = run("routes", "--app", "wrong:app")
    assert ran.err.splitlines() == [
        "wrong:app cannot be imported: KeyError: 'key'",
        "  wrong.py:1",
        "      import below",
        "  below.py:4",
        "      x = f()",
        "  below.py:2 in f",
        "      return {}['key']",
        "Correct this line: on SCF every event would fail with status 443",
    ]


def test_missing_application_says_where_to_look() -> None:
    for name in ("nowhere:app", "shop.nothing:app"):
        ran = run("routes", "--app", name)
        assert ran.code == 2
        assert "--app" in ran.err


# The command.

COMMAND = Path(sysconfig.get_path("scripts")) / "scf-mps"


def command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The installed command, in a process of its own."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COV_")}
    return subprocess.run(
        [COMMAND, *arguments],
        env={**plain, "COLUMNS": "200", **variables},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )


def test_the_command_handles_the_event_of_the_documentation() -> None:
    done = command("invoke", "documentation", "--app", "shop:app", "--json")
    assert done.returncode == 1
    outcomes = [one["outcome"] for one in json.loads(done.stdout)["callbacks"]]
    assert outcomes == ["done", "dropped"]
    assert all(json.loads(line)["request_id"] for line in done.stderr.splitlines())


def test_the_entry_point_runs_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["scf-mps", "sample", "documentation"])
    with pytest.raises(SystemExit) as left:
        cli.app()
    assert left.value.code == 0


def test_users_exception_outside_callbacks_shows_own_frames(
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
    # Older versions of rich end a progress bar with an empty line.
    lines = [line for line in capsys.readouterr().err.splitlines() if line]
    assert lines[:2] == [
        "the project's code failed: KeyError: 'tenant'",
        "  hooked.py:4 in before_event",
    ]


def test_defect_of_the_package_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "cli", functools.partial(json.JSONDecoder, _=None))
    with pytest.raises(TypeError):
        cli.app()


def test_without_arguments_it_shows_its_commands() -> None:
    ran = run()
    text = ran.out + ran.err
    assert "routes" in text
    assert "invoke" in text
    assert "sample" in text


def test_the_shell_is_given_a_script_that_completes() -> None:
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
def test_commands_and_samples_are_completed(typed: str, completed: str) -> None:
    protocol = {
        "_SCF_MPS_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(typed.count(" ")),
    }
    done = CliRunner().invoke(cli.cli, [], prog_name="scf-mps", env=protocol)
    assert (done.exit_code, done.stdout.strip()) == (0, completed)


def without(module: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], ModuleType]:
    """Load the command line as where a module of its extra is not installed."""
    monkeypatch.setitem(sys.modules, module, None)
    spec = importlib.util.spec_from_file_location("cli_without", cli.__file__)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    load = spec.loader.exec_module
    return lambda: [load(loaded), loaded][1]  # type: ignore[func-returns-value,return-value]


@pytest.mark.parametrize("module", ["typer", "rich.console"])
def test_where_the_extra_is_not_installed_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    load = without(module, monkeypatch)
    with pytest.raises(SystemExit) as left:
        load()
    assert left.value.code == (
        "the command line needs more than a function does: pip install 'scf-mps[cli]'"
    )


def test_the_command_of_a_bare_installation_fails_with_that_hint(tmp_path: Path) -> None:
    write("typer.py", "raise ImportError('not here')\n")
    done = command("routes", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == (
        "the command line needs more than a function does: pip install 'scf-mps[cli]'\n"
    )


@pytest.mark.parametrize(
    ("option", "why"),
    [
        (("--bucket", "Not a bucket"), "--bucket: "),
        (("--key", "without-a-secret"), "--key: expected ID:SECRET[:TOKEN]"),
    ],
)
def test_the_emulator_of_cos_refuses_what_is_no_bucket_and_no_key(
    option: tuple[str, str], why: str
) -> None:
    ran = run("cos", "--dir", "objects", "--create-buckets", *option)
    assert (ran.code, ran.out) == (2, "")
    assert why in ran.err
    assert not Path("objects").exists()
