"""The commands routes, invoke and sample."""

import json
import re
from pathlib import Path

import pytest

from scf_mps.events.parser import parse_event
from scf_mps.local.samples import list_samples, sample
from tests.support.sample_data import DATA, payload

from .support import APPLICATION, invoke, run, write

pytestmark = pytest.mark.usefixtures("shop")

TASK_ID = "1250000000-WorkflowTask-0123456789abcdef0123456789abcdeftt0"


# routes


def test_routes_lists_every_callback():
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


def test_routes_shows_absolute_path_outside_folder(monkeypatch, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(elsewhere)
    (first, *_) = run("routes", "--app", "shop:app", "--json").json
    assert first["where"] == f"{tmp_path / 'shop.py'}:8"


def test_routes_is_empty_without_callbacks():
    write("empty.py", "from scf_mps import App\napp = App()\n")
    result = run("routes", "--app", "empty:app")
    assert (result.code, result.rows) == (0, [])
    assert "no callbacks" in result.err
    assert run("routes", "--app", "empty:app", "--json").json == []


def test_routes_shows_runs_and_near_misses():
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


def test_routes_suggests_all_when_nothing_matches():
    event = write("event.json", json.dumps(sample("EditMediaTask")))
    result = run("routes", "--event", event, "--app", "shop:app")
    assert (result.code, result.out) == (0, "")
    assert "--all" in result.err


def test_routes_prints_all_reasons_as_json():
    result = run("routes", "--event", "documentation", "--app", "shop:app", "--json")
    assert result.code == 0
    assert len(result.json) == 20
    assert result.json[0] == {
        "result": "Transcode 10",
        "callback": "shop.publish",
        "runs": "yes",
        "why": "on(Transcode) matches",
    }


def test_routes_reads_event_from_stdin():
    text = json.dumps(sample("EditMediaTask"))
    result = run("routes", "--event", "-", "--app", "shop:app", "--json", stdin=text)
    assert {row["result"] for row in result.json} == {"EditMediaTask"}


def test_routes_rejects_invalid_event():
    result = run("routes", "--event", write("event.json", "{}"), "--app", "shop:app")
    assert (result.code, result.out) == (2, "")
    assert "EventType" in result.err


# invoke: results


def test_invoke_prints_outcome_of_each_callback():
    result = invoke("WorkflowTask", "Transcode=SUCCESS", "Porn=SUCCESS", "Porn=FAIL")
    assert result.code == 0
    (title,) = {row[0] for row in result.rows}
    assert re.fullmatch(r"WorkflowTask 1250000000-WorkflowTask-[0-9a-f]{32}tt0 FINISH", title)
    assert [row[1:] for row in result.rows] == [
        ["Transcode 100030", "SUCCESS", "shop.publish", "done", ""],
        ["Porn 10", "SUCCESS", "", "unhandled", ""],
        ["Porn 20", "FAIL", "", "unhandled", ""],
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
def test_invoke_exit_code_depends_on_outcomes(type_, outcome, code):
    result = invoke("WorkflowTask", "Transcode=SUCCESS", f"{type_}=SUCCESS")
    assert (result.code, [row[4] for row in result.rows]) == (code, ["done", outcome])
    summary = invoke("WorkflowTask", f"{type_}=SUCCESS", "--json")
    assert summary.code == code
    assert summary.json["callbacks"][0]["outcome"] == outcome


def test_invoke_prints_summary_as_json():
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


def test_invoke_prints_failure_and_user_frames_once():
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


def test_invoke_prints_everything_with_traceback_option():
    result = invoke("WorkflowTask", "AnimatedGraphics=SUCCESS", "--traceback")
    log = json.loads(result.err.splitlines()[0])
    assert (log["level"], log["message"]) == ("ERROR", "failed: LookupError: no such bucket")
    assert len(log["request_id"]) == 36
    assert "Traceback (most recent call last)" in result.err


def test_invoke_hides_secrets():
    shop = Path("shop.py")
    shop.write_text(shop.read_text().replace('"no such bucket"', '"q-signature=" + "0f" * 9'))
    for options in ([], ["--traceback"]):
        result = invoke("WorkflowTask", "AnimatedGraphics=SUCCESS", *options)
        assert result.code == 1
        assert "0f0f" not in result.out + result.err


def test_invoke_prints_user_frames_when_middleware_fails():
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


def test_invoke_prints_provider_frames_once():
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


def test_invoke_prints_ledger_error_without_frames(tmp_path):
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


def test_invoke_suggests_force_when_all_skipped(tmp_path):
    Path("shop.py").write_text(
        APPLICATION.replace("App()", f"App(ledger='file://{tmp_path}/kept')")
    )
    event = json.dumps(sample("WorkflowTask", Transcode="SUCCESS"))
    assert invoke("-", stdin=event).err == ""
    result = invoke("-", stdin=event)
    assert (result.code, result.rows[0][4]) == (0, "skipped")
    assert "--force" in result.err


def test_invoke_fails_callback_that_raises_systemexit():
    event = sample("WorkflowTask", Transcode="SUCCESS", session_context="leave")
    result = invoke("-", stdin=json.dumps(event))
    assert (result.code, result.rows[0][4]) == (1, "failed")


def test_invoke_timeout_defers_callbacks():
    shot = ("WorkflowTask", "SampleSnapshot=SUCCESS", "--json")
    assert invoke(*shot, "--timeout", "999").json["callbacks"][0]["outcome"] == "deferred"
    result = invoke(*shot, "--timeout", "86400")
    assert (result.code, result.json["callbacks"][0]["outcome"]) == (1, "failed")
    # The context has milliseconds: 1 s is 1000.
    assert invoke("WorkflowTask", "Transcode=SUCCESS", "--timeout", "1").rows[0][4] == "deferred"


@pytest.mark.parametrize("timeout", ["0", "-1", "0.5", "nan", "inf", "86401"])
def test_invoke_rejects_invalid_timeout(timeout):
    result = invoke("--timeout", timeout)
    assert (result.code, result.out) == (2, "")
    assert "--timeout" in result.err


# invoke: events


def test_invoke_default_event_is_documentation():
    result = run("invoke", "--app", "shop:app", "--json")
    places = [one["place"] for one in (*result.json["callbacks"], *result.json["unhandled"])]
    assert sorted(places) == [f"MediaProcessResultSet[{number}]" for number in range(4)]


def test_invoke_accepts_null_and_booleans():
    event = sample("WorkflowTask", Transcode="SUCCESS")
    event |= {"New": None, "Yes": True, "No": False}
    text = json.dumps(event)
    assert "null" in text
    assert "true" in text
    assert "false" in text
    assert invoke(write("event.json", text)).code == 0
    assert invoke("-", stdin=text).code == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_invoke_detects_encoding_of_file(encoding):
    event = sample("WorkflowTask", Transcode="SUCCESS", session_context="订单")
    text = json.dumps(event, ensure_ascii=False).encode(encoding)
    assert invoke(write("event.json", text)).code == 0
    assert invoke("-", stdin=text).code == 0


def test_invoke_prefers_file_to_sample():
    event = json.dumps(sample("EditMediaTask"))
    assert invoke(write("saved", event), "--json").json["event_type"] == "EditMediaTask"
    assert invoke(write("WorkflowTask", event), "--json").json["event_type"] == "EditMediaTask"


def test_invoke_unwraps_event_of_other_channel():
    result = invoke(str(DATA / "env_cmq_topic.json"))
    assert result.code == 1  # sprites are dropped
    assert [row[4] for row in result.rows] == ["done", "dropped", "unhandled", "unhandled"]


def test_invoke_prints_rows_of_each_message():
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


def test_invoke_prints_valid_and_invalid_messages():
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
def test_invoke_rejects_invalid_event(content, why):
    result = invoke(write("event.json", content))
    assert (result.code, result.out) == (2, "")
    assert why in result.err
    assert "Traceback" not in result.err
    on_stdin = invoke("-", stdin=content)
    assert on_stdin.code == 2
    assert why.replace("event.json", "stdin") in on_stdin.err


def test_invoke_prints_result_of_http_request(monkeypatch):
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


def test_invoke_reports_unreadable_file():
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
def test_invoke_and_sample_reject_unknown_sample(arguments, why):
    for result in (invoke(*arguments), run("sample", *arguments)):
        assert (result.code, result.out) == (2, "")
        assert why in result.err


@pytest.mark.parametrize("choice", [("Transcode=FAIL",), ("--status", "FAIL")])
def test_invoke_rejects_results_for_given_event(choice):
    text = json.dumps(sample("WorkflowTask"))
    for result, where in (
        (invoke(write("event.json", text), *choice), "event.json"),
        (invoke("-", *choice, stdin=text), "stdin"),
    ):
        assert (result.code, result.out) == (2, "")
        assert where in result.err


def test_invoke_status_sets_event_status():
    result = invoke("EditMediaTask", "--status", "FAIL", "--json")
    assert result.json["unhandled"] == [
        {"type": "EditMediaTask", "place": "EditMediaTaskEvent", "status": "FINISH"}
    ]


def test_output_prints_markup_unchanged():
    event = sample("WorkflowTask", [("[red]Holo[/]\\", "SUCCESS")])
    event["WorkflowTaskEvent"]["TaskId"] = "[/]task[bold]"
    result = invoke("-", stdin=json.dumps(event))
    assert result.code == 0
    title = "WorkflowTask [/]task[bold] FINISH"
    assert result.rows == [[title, "[red]Holo[/]\\", "SUCCESS", "", "unhandled", ""]]
    result = run("routes", "--app", "shop:app", "--event", write("[bold].json", json.dumps(event)))
    assert "[bold].json" in result.err


# sample


def test_sample_lists_samples():
    result = run("sample")
    assert result.code == 0
    assert result.rows == [[*item] for item in list_samples().items()]
    assert run("sample", "--json").json == [
        {"sample": name, "what": what} for name, what in list_samples().items()
    ]


def test_sample_prints_requested_event():
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


def test_sample_prints_one_line_as_json():
    result = run("sample", "documentation", "--json")
    assert result.out.count("\n") == 1
    documented = payload("mps_workflow_seed_mixed")
    documented["WorkflowTaskEvent"]["TaskId"] = result.json["WorkflowTaskEvent"]["TaskId"]
    assert result.json == documented


@pytest.mark.parametrize("name", ["documentation", "ScheduleTask", "BatchTask", "LiveRecordResult"])
def test_sample_has_new_task_id_each_time(name):
    first, second = (parse_event(run("sample", name).json).key for _ in range(2))
    assert first != second
    fixed = [parse_event(run("sample", name, "--task-id", "mine").json).key for _ in range(2)]
    assert fixed[0] == fixed[1]


def test_invoke_reads_output_of_sample():
    event = run("sample", "WorkflowTask", "Transcode=SUCCESS")
    assert invoke("-", stdin=event.out).rows[0][4] == "done"
