"""`scf-mps invoke --remote` and `logs`, with deployed code that runs in the SCF emulator."""

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

from .support import NAME, get_deployed, load_target, run_cli

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
    """An emulated cloud that runs deployed functions."""
    with LocalRunner(sys.executable) as runner:
        scf = Scf(run=runner)
        with CloudApi([scf, Mps(functions=scf.account)]) as api:
            monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", api.key.secret_id)
            monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", api.key.secret_key)
            monkeypatch.setenv("TENCENTCLOUD_API_ENDPOINT", api.url)
            yield api, scf


def test_remote_invocation_prints_outcomes_and_log(project, running):
    package = project.folder / "build" / "scf_mps"
    shutil.copytree(
        scf_mps.__path__[0],
        package,
        ignore=shutil.ignore_patterns("local", "cli", "deploy", "__pycache__"),
    )
    project.write_code("from handlers import main_handler\n")
    (project.folder / "build" / "handlers.py").write_text(HANDLERS)
    assert run_cli("deploy").code == 0

    result = run_cli("invoke", "WorkflowTask", "Transcode=SUCCESS", "--remote")
    assert result.code == 0, result.err
    assert "handlers.publish" in result.out
    assert "done" in result.out
    assert "published" in result.err

    result = run_cli("invoke", "WorkflowTask", "Transcode=SUCCESS", "--remote", "--json")
    assert [call["outcome"] for call in result.json["callbacks"]] == ["done"]

    event = json.dumps(
        run_cli("sample", "WorkflowTask", "Transcode=SUCCESS", "--session-context", "fail").json
    )
    (project.folder / "event.json").write_text(event)
    result = run_cli("invoke", "event.json", "--remote")
    assert result.code == 1
    assert "no such bucket" in result.err
    assert "handlers.py:" in result.err
    assert 'File "' not in result.err.rpartition("Report RequestId")[2]

    runs = [json.loads(line) for line in run_cli("logs", "--json").out.splitlines()]
    assert [run["code"] == 0 for run in runs] == [True, True, False]
    assert "published" in runs[0]["log"]
    [failed] = [json.loads(line) for line in run_cli("logs", "--failed", "--json").out.splitlines()]
    assert failed == runs[2]
    result = run_cli("logs", "--request", runs[1]["request_id"])
    assert result.out.count("succeeded") == 1
    assert "failed with" in run_cli("logs").out


def test_remote_http_request_needs_no_local_key(project, running, monkeypatch):
    monkeypatch.delenv("MPS_NOTIFY_KEY", raising=False)
    monkeypatch.delenv("MPS_ALLOW_UNSIGNED", raising=False)
    summary = {"event_type": "A", "task_id": "t", "status": "", "callbacks": [], "unhandled": []}
    answer = {"statusCode": 200, "body": json.dumps(summary)}
    project.write_code(f"main_handler = lambda event, context: {answer!r}")
    run_cli("deploy")
    request = {"httpMethod": "POST", "headers": {}, "body": json.dumps({"EventType": "A"})}
    (project.folder / "request.json").write_text(json.dumps(request))

    result = run_cli("invoke", "request.json", "--remote")

    assert (result.code, json.loads(result.out)) == (0, summary)


@pytest.mark.parametrize(
    ("code", "exit_code", "out", "err"),
    [
        ("main_handler = lambda event, context: [1]", 0, "[1]", ""),
        ("main_handler = lambda event, context: {}['x']", 1, "", "KeyError"),
        ("import sys\nmain_handler = lambda event, context: sys.exit(3)", 1, "", "439"),
    ],
)
def test_remote_invocation_works_without_the_framework(project, running, code, exit_code, out, err):
    project.write_code(code)
    run_cli("deploy")

    result = run_cli("invoke", "WorkflowTask", "--remote")

    assert (result.code, result.out.strip()) == (exit_code, out)
    assert err in result.err


def test_invocation_runs_version_with_own_settings(project, running):
    project.write_zip("layer.zip", {"lib.py": b"WORD = 'layer'\n"})
    project.write_code(
        "import os, lib\n"
        "main_handler = lambda event, context: [os.environ['WORD'], lib.WORD, context['function_version']]\n"
    )
    project.write_variables(WORD="one")
    project.write(layers=[{"name": "base", "src": "layer.zip"}], publish=True, events=[])
    run_cli("deploy")
    function = load_target(project)

    def returned(qualifier):
        return invoke_remote(function, {}, qualifier).returned

    assert returned("$DEFAULT") == ["one", "layer", "$LATEST"]
    project.write_variables(WORD="two")
    run_cli("deploy")
    assert returned("1") == ["one", "layer", "1"]
    assert returned("$LATEST") == ["two", "layer", "$LATEST"]
    with pytest.raises(DeployError, match=r"ResourceNotFound\.Qualifier"):
        returned("7")


def test_asynchronous_event_runs_from_queue(project, running):
    _, scf = running
    run_cli("deploy")
    function = load_target(project)

    parameters = {**function.desired.identity, "InvocationType": "Event", "ClientContext": "{}"}
    answer = function.cloud.call("Invoke", parameters)["Result"]

    deployed = get_deployed(scf)
    local = scf.run(scf.account, deployed, deployed.latest)
    local.settle()
    assert (local.namespace, local.name) == ("default", NAME)
    assert [invocation.request_id for invocation in local.invocations] == [
        answer["FunctionRequestId"]
    ]


def test_too_large_event_is_not_sent(project, api):
    function = load_target(project)

    with pytest.raises(DeployError, match="6291458"):
        invoke_remote(function, "x" * 6 * 1024 * 1024)
    assert api.requests.of("Invoke") == []


def test_invocation_waits_until_timeout(project, api, set_result):
    set_result()
    function = load_target(project)
    api.faults.add("Invoke", kind="delay", seconds=2)

    with pytest.raises(DeployError, match="ClientNetworkError"):
        invoke_remote(function, {}, seconds=0.2)
    assert invoke_remote(function, {}).error == ""
    assert MAX_WAIT_SECONDS > 900


def test_missing_function_is_reported(project, api):
    result = run_cli("invoke", "WorkflowTask", "--remote")
    assert (result.code, "`scf-mps deploy`" in result.err) == (1, True)
    assert run_cli("logs").code == 1


@pytest.fixture
def set_result(scf, monkeypatch):
    """Sets the result of every call of the function."""

    def set_result(**fields):
        result = {"RetMsg": "", "ErrMsg": "", "InvokeResult": 0, "Log": "", "Duration": 0}
        result |= {"BillDuration": 0, "MemUsage": 0, "FunctionRequestId": "r", **fields}
        monkeypatch.setattr(scf, "invoke", lambda call: {"Result": result})

    return set_result


@pytest.mark.parametrize(
    ("fields", "returned", "error"),
    [
        ({"RetMsg": '{"a": 1}'}, {"a": 1}, ""),
        ({"RetMsg": "no JSON"}, "no JSON", ""),
        ({}, None, ""),
        ({"InvokeResult": 434}, None, "status 434"),
        ({"InvokeResult": 430, "ErrMsg": "bad"}, None, "bad"),
        (
            {"InvokeResult": 430, "ErrMsg": '{"errorMessage": "bad", "stackTrace": "t"}'},
            None,
            "bad\nt",
        ),
        ({"InvokeResult": 430, "ErrMsg": '{"errorMessage": "bad"}'}, None, "bad"),
        ({"InvokeResult": 430, "ErrMsg": '{"other": 1}'}, None, '{"other": 1}'),
    ],
)
def test_result_is_parsed_from_every_form(project, api, set_result, fields, returned, error):
    set_result(**fields)
    function = load_target(project)

    answer = invoke_remote(function, {})

    assert (answer.returned, answer.error) == (returned, error)


def test_follow_yields_each_finished_run_once(project, api, scf):
    project.write(events=[], timeout=600)
    run_cli("deploy")
    deployed = get_deployed(scf)
    write_log_entry(deployed, time.time() - 60, RequestId="first", Log="line 1\nline 2\n")
    write_log_entry(deployed, time.time() - 500, RequestId="running", RetCode=2)
    function = load_target(project)
    runs = []

    for run in function_logs.follow_runs(function, time.time() - 900, 10):
        runs.append((run.request_id, run.retry))
        if run.request_id == "first":
            write_log_entry(deployed, time.time(), RequestId="second")
            deployed.logs[1]["RetCode"] = 0  # finished
        if run.request_id == "second":
            write_log_entry(deployed, time.time(), RequestId="second", RetryNum=1)
        if len(runs) == 4:
            break

    assert runs[0] == ("first", 0)
    assert sorted(runs[1:]) == [("running", 0), ("second", 0), ("second", 1)]


def test_follow_reads_once_more_at_its_end(project, api, scf):
    project.write(events=[])
    run_cli("deploy")
    write_log_entry(get_deployed(scf), time.time() - 1, RequestId="one")
    function = load_target(project)

    runs = function_logs.follow_runs(function, time.time() - 60, 0)

    assert [run.request_id for run in runs] == ["one"]


def test_logs_are_read_by_days_and_pages(project, api, scf):
    project.write(events=[MPS_TRIGGER])
    run_cli("deploy")
    now = time.time()
    for hours in (60, 30, 1):
        write_log_entry(get_deployed(scf), now - hours * 3600, RequestId=f"{hours}")
    for number in range(150):
        write_log_entry(get_deployed(scf), now - 1800, RequestId=f"many-{number}", RetryNum=2)

    result = run_cli("logs", "--since", "3d")

    lines = [line for line in result.out.splitlines() if "succeeded" in line]
    assert len(lines) == 153
    assert [line.split()[2] for line in lines[:3]] == ["60", "30", "1"]
    assert "retry 2" in lines[3]
    offsets = [request.parameters["Offset"] for request in api.requests.of("GetFunctionLogs")]
    assert offsets == [0, 0, 0, 100]


def test_logs_are_printed_escaped(project, api, scf):
    project.write(events=[])
    run_cli("deploy")
    deployed = get_deployed(scf)
    log = "a\x1b[2J\u2028b\n\x1b]52;c;aGk=\x07\n"
    write_log_entry(
        deployed, time.time() - 1, RequestId="one\x1b[2J", Log=log, RetCode=430, RetMsg="\x9b"
    )
    result = run_cli("logs")
    assert result.out.splitlines()[1:] == [
        "  a\\x1b[2J\\u2028b",
        "  \\x1b]52;c;aGk=\\x07",
        "  \\x9b",
    ]
    assert "one\\x1b[2J" in result.out
    assert "\x9b" not in run_cli("logs", "--json").out


def test_logs_command_follows_for_a_limited_time(project, api, scf):
    project.write(events=[])
    run_cli("deploy")
    write_log_entry(
        get_deployed(scf), time.time() - 1, RequestId="one", RetCode=430, RetMsg="why", RetryNum=1
    )

    result = run_cli("logs", "--follow", "--for", "1s")

    assert result.code == 0
    assert "one failed with 430" in result.out
    assert "  why" in result.out
