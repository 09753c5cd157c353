"""The deployed function, run: `invoke --remote` and `logs`, against code that runs in the SCF emulator."""

from __future__ import annotations

import json
import shutil
import sys
import time

import pytest

import scf_mps
from scf_mps.deploy import function_logs
from scf_mps.deploy.errors import DeployError
from scf_mps.deploy.invoke import MAX_WAIT_SECONDS, invoke_remote
from scf_mps.local.api import CloudApi, LocalRunner, Mps, Scf, write_log_entry
from tests.support.serverless_yml import MPS_TRIGGER

from .conftest import NAME, Ran, deployed, quick

HANDLERS = """
from scf_mps import App, Transcode

app = App()


@app.on(Transcode)
def publish(transcode):
    if transcode.event.session_context == "fail":
        raise LookupError("no such bucket")
    print("published", transcode.definition)


main_handler = app.main_handler
"""


@pytest.fixture
def running(project, monkeypatch):
    """A cloud whose deployed functions run."""
    with LocalRunner(sys.executable) as run:
        scf = Scf(run=run)
        with CloudApi([scf, Mps(functions=scf.account)]) as api:
            monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", api.key.secret_id)
            monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", api.key.secret_key)
            monkeypatch.setenv("TENCENTCLOUD_API_ENDPOINT", api.url)
            yield api, scf


def test_the_sample_event_through_the_deployed_function_is_told_as_on_the_desk(project, running):
    package = project.folder / "build" / "scf_mps"
    shutil.copytree(
        scf_mps.__path__[0],
        package,
        ignore=shutil.ignore_patterns("local", "cli", "deploy", "__pycache__"),
    )
    project.code("from handlers import main_handler\n")
    (project.folder / "build" / "handlers.py").write_text(HANDLERS)
    assert Ran("deploy").code == 0

    ran = Ran("invoke", "WorkflowTask", "Transcode=SUCCESS", "--remote")
    assert ran.code == 0, ran.err
    assert "handlers.publish" in ran.out
    assert "done" in ran.out
    assert "published" in ran.err

    ran = Ran("invoke", "WorkflowTask", "Transcode=SUCCESS", "--remote", "--json")
    assert [call["outcome"] for call in ran.json["callbacks"]] == ["done"]

    event = json.dumps(
        Ran("sample", "WorkflowTask", "Transcode=SUCCESS", "--session-context", "fail").json
    )
    (project.folder / "event.json").write_text(event)
    ran = Ran("invoke", "event.json", "--remote")
    assert ran.code == 1
    assert "no such bucket" in ran.err
    assert "handlers.py:" in ran.err
    assert 'File "' not in ran.err.rpartition("Report RequestId")[2]

    told = Ran("logs", "--json")
    runs = [json.loads(line) for line in told.out.splitlines()]
    assert [run["code"] == 0 for run in runs] == [True, True, False]
    assert "published" in runs[0]["log"]
    [failed] = [json.loads(line) for line in Ran("logs", "--failed", "--json").out.splitlines()]
    assert failed == runs[2]
    ran = Ran("logs", "--request", runs[1]["request_id"])
    assert ran.out.count("succeeded") == 1
    assert "failed with" in Ran("logs").out


def test_an_http_request_is_answered_by_the_function_which_alone_has_the_key(
    project, running, monkeypatch
):
    monkeypatch.delenv("MPS_NOTIFY_KEY", raising=False)
    monkeypatch.delenv("MPS_ALLOW_UNSIGNED", raising=False)
    summary = {"event_type": "A", "task_id": "t", "status": "", "callbacks": [], "unhandled": []}
    answer = {"statusCode": 200, "body": json.dumps(summary)}
    project.code(f"main_handler = lambda event, context: {answer!r}")
    Ran("deploy")
    request = {"httpMethod": "POST", "headers": {}, "body": json.dumps({"EventType": "A"})}
    (project.folder / "request.json").write_text(json.dumps(request))

    ran = Ran("invoke", "request.json", "--remote")

    assert (ran.code, json.loads(ran.out)) == (0, summary)


@pytest.mark.parametrize(
    ("code", "exit_code", "out", "err"),
    [
        ("main_handler = lambda event, context: [1]", 0, "[1]", ""),
        ("main_handler = lambda event, context: {}['x']", 1, "", "KeyError"),
        ("import sys\nmain_handler = lambda event, context: sys.exit(3)", 1, "", "439"),
    ],
)
def test_a_function_that_is_none_of_the_frameworks_runs_too(
    project, running, code, exit_code, out, err
):
    project.code(code)
    Ran("deploy")

    ran = Ran("invoke", "WorkflowTask", "--remote")

    assert (ran.code, ran.out.strip()) == (exit_code, out)
    assert err in ran.err


def test_the_version_that_is_asked_for_runs_with_its_own_settings_and_layer(project, running):
    project.zip("layer.zip", {"lib.py": b"WORD = 'layer'\n"})
    project.code(
        "import os, lib\n"
        "main_handler = lambda event, context: [os.environ['WORD'], lib.WORD, context['function_version']]\n"
    )
    project.variables(WORD="one")
    project.write(layers=[{"name": "base", "src": "layer.zip"}], publish=True, events=[])
    Ran("deploy")
    function = quick(project)

    def returned(qualifier):
        return invoke_remote(function, {}, qualifier).returned

    assert returned("$DEFAULT") == ["one", "layer", "$LATEST"]
    project.variables(WORD="two")
    Ran("deploy")
    assert returned("1") == ["one", "layer", "1"]
    assert returned("$LATEST") == ["two", "layer", "$LATEST"]
    with pytest.raises(DeployError, match=r"ResourceNotFound\.Qualifier"):
        returned("7")


def test_an_event_that_is_handed_over_runs_from_the_queue(project, running):
    _, scf = running
    Ran("deploy")
    function = quick(project)

    asked = {**function.desired.identity, "InvocationType": "Event", "ClientContext": "{}"}
    answer = function.cloud.call("Invoke", asked)["Result"]

    one = deployed(scf)
    local = scf.run(scf.account, one, one.latest)
    local.function.settle()
    assert (local.namespace, local.name) == ("default", NAME)
    assert [one.request_id for one in local.function.invocations] == [answer["FunctionRequestId"]]


def test_an_event_that_is_too_large_is_not_sent(project, api):
    function = quick(project)

    with pytest.raises(DeployError, match="the event has 6291458 bytes, but SCF takes 6291456"):
        invoke_remote(function, "x" * 6 * 1024 * 1024)
    assert api.requests.of("Invoke") == []


def test_a_run_is_waited_for_as_long_as_it_may_take_and_no_longer_than_is_said(project, api, scf):
    scf.add(Answering())
    function = quick(project)
    api.faults.add("Invoke", kind="delay", seconds=2)

    with pytest.raises(DeployError, match="ClientNetworkError"):
        invoke_remote(function, {}, seconds=0.2)
    assert invoke_remote(function, {}).error == ""
    assert MAX_WAIT_SECONDS > 900


def test_a_function_that_is_not_there_is_told(project, api):
    ran = Ran("invoke", "WorkflowTask", "--remote")
    assert (ran.code, "`scf-mps deploy` makes it" in ran.err) == (1, True)
    assert Ran("logs").code == 1


class Answering:
    """Stands for a function, and answers as it is told."""

    name, namespace = NAME, "default"

    def __init__(self, **told):
        self.status, self.returned, self.error, self.log = 200, None, "", ""
        self.request_id, self.seconds, self.memory = "r", 0.0, 0
        self.__dict__ |= told

    def invoke(self, payload):
        return self

    def push(self, payload):
        raise NotImplementedError


@pytest.mark.parametrize(
    ("told", "returned", "error"),
    [
        ({"returned": '{"a": 1}'}, {"a": 1}, ""),
        ({"returned": "no JSON"}, "no JSON", ""),
        ({"returned": None}, None, ""),
        ({"status": 434}, None, "status 434"),
        ({"status": 430, "error": "bad"}, None, "bad"),
        ({"status": 430, "error": '{"errorMessage": "bad", "stackTrace": "t"}'}, None, "bad\nt"),
        ({"status": 430, "error": '{"errorMessage": "bad"}'}, None, "bad"),
        ({"status": 430, "error": '{"other": 1}'}, None, '{"other": 1}'),
    ],
)
def test_what_a_function_returned_or_why_it_failed_is_read_in_all_forms(
    project, api, scf, told, returned, error
):
    scf.add(Answering(**told))
    function = quick(project)

    answer = invoke_remote(function, {})

    assert (answer.returned, answer.error) == (returned, error)


def test_logs_are_followed_each_run_once_and_a_long_one_when_it_is_at_its_end(project, api, scf):
    project.write(events=[], timeout=600)
    Ran("deploy")
    one = deployed(scf)
    write_log_entry(one, time.time() - 60, request_id="first", log="line 1\nline 2\n")
    write_log_entry(one, time.time() - 500, request_id="running", status=2)
    function = quick(project)
    found = []

    for run in function_logs.follow_runs(function, time.time() - 900, 10):
        found.append((run.request_id, run.retry))
        if run.request_id == "first":
            write_log_entry(one, time.time(), request_id="second")
            one.logs[1]["RetCode"] = 0  # it ended
        if run.request_id == "second":
            write_log_entry(one, time.time(), request_id="second", retry=1)
        if len(found) == 4:
            break

    assert found[0] == ("first", 0)
    assert sorted(found[1:]) == [("running", 0), ("second", 0), ("second", 1)]


def test_following_has_an_end_with_a_last_look(project, api, scf):
    project.write(events=[])
    Ran("deploy")
    write_log_entry(deployed(scf), time.time() - 1, request_id="one")
    function = quick(project)

    found = function_logs.follow_runs(function, time.time() - 60, 0)

    assert [run.request_id for run in found] == ["one"]


def test_logs_of_many_days_are_asked_for_day_by_day_and_page_by_page(project, api, scf):
    project.write(events=[MPS_TRIGGER])
    Ran("deploy")
    now = time.time()
    for hours in (60, 30, 1):
        write_log_entry(deployed(scf), now - hours * 3600, request_id=f"{hours}")
    for number in range(150):
        write_log_entry(deployed(scf), now - 1800, request_id=f"many-{number}", retry=2)

    ran = Ran("logs", "--since", "3d")

    lines = [line for line in ran.out.splitlines() if "succeeded" in line]
    assert len(lines) == 153
    assert [line.split()[2] for line in lines[:3]] == ["60", "30", "1"]
    assert "retry 2" in lines[3]
    offsets = [request.parameters["Offset"] for request in api.requests.of("GetFunctionLogs")]
    assert offsets == [0, 0, 0, 100]


def test_logs_are_printed_escaped_line_by_line(project, api, scf):
    project.write(events=[])
    Ran("deploy")
    one = deployed(scf)
    log = "a\x1b[2J\u2028b\n\x1b]52;c;aGk=\x07\n"
    write_log_entry(
        one, time.time() - 1, request_id="one\x1b[2J", log=log, status=430, returned="\x9b"
    )
    ran = Ran("logs")
    assert ran.out.splitlines()[1:] == ["  a\\x1b[2J\\u2028b", "  \\x1b]52;c;aGk=\\x07", "  \\x9b"]
    assert "one\\x1b[2J" in ran.out
    assert "\x9b" not in Ran("logs", "--json").out


def test_logs_are_followed_from_the_command_line_for_so_long(project, api, scf):
    project.write(events=[])
    Ran("deploy")
    write_log_entry(
        deployed(scf), time.time() - 1, request_id="one", status=430, returned="why", retry=1
    )

    ran = Ran("logs", "--follow", "--for", "1s")

    assert ran.code == 0
    assert "one failed with 430" in ran.out
    assert "  why" in ran.out
