"""``scf-mps local``: runs the project's function as SCF does."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.support.handler_modules import reload_handlers

pytest.importorskip("aiohttp", reason="the API needs it")

from scf_mps import cli
from scf_mps.local.samples import sample

HANDLERS = '''\
"""An application that fails while a file exists."""

import os
from pathlib import Path

from scf_mps import App, Transcode

app = App()


@app.on(Transcode, name="film")
def film(transcode: Transcode) -> None:
    if Path(os.environ["MPS_FAILS"]).exists():
        raise OSError("no route to host")
    print(f"a film {os.environ.get('TENCENTCLOUD_SECRETID')} {os.environ.get('MPS_GREETING')}")


main_handler = app.main_handler
'''


@pytest.fixture(autouse=True)
def project(monkeypatch, tmp_path):
    folder = tmp_path / "project"
    (folder / "handlers").mkdir(parents=True)
    (folder / "handlers" / "__init__.py").write_text(HANDLERS)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setenv("COLUMNS", "250")
    for name in [name for name in os.environ if name.startswith(("MPS_", "TENCENTCLOUD_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MPS_FAILS", str(tmp_path / "fails"))
    with reload_handlers():
        yield folder


def run(*arguments):
    result = CliRunner().invoke(cli.cli, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_event_is_pushed_and_its_log_shown(monkeypatch):
    monkeypatch.setenv("TENCENTCLOUD_SECRETID", "AKIDlocal")
    monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", "local-secret")
    code, output = run("local", "documentation", "--env", "MPS_GREETING=hello=you")
    assert code == 0, output
    assert "started, cold instance 1" in output
    assert "a film AKIDlocal hello=you" in output
    assert "slowest_ms=" not in output
    _, history = run("history", "--json")
    (entry,) = json.loads(history)
    assert entry["state"] == "done"


def test_failed_event_is_dead_lettered_and_replayed(tmp_path):
    (tmp_path / "fails").touch()
    code, output = run("local", "documentation", "--speed", "6000")
    assert code == 1
    assert output.count("no route to host") >= 3
    assert "1 event moved to .scf-mps/dead-letters.jsonl" in output
    (tmp_path / "fails").unlink()
    code, output = run("replay", "--dead-letter", ".scf-mps/dead-letters.jsonl")
    assert code == 0
    assert "1 done" in output


def test_failing_callback_shows_reason_and_own_frames_once(tmp_path):
    (tmp_path / "fails").touch()
    code, output = run("local", "documentation", "--speed", "6000")
    assert code == 1
    assert output.count('raise OSError("no route to host")') == 1
    assert "handlers/__init__.py:14 in film" in output
    assert "scf_mps/" not in output
    assert "Traceback" not in output
    row = next(line for line in output.splitlines() if "\tfilm\t" in line)
    assert row.split("\t")[2:4] == ["failed", "delivery 3"]
    assert row.endswith("OSError: no route to host")


def test_traceback_option_shows_framework_frames_and_log_lines(tmp_path):
    (tmp_path / "fails").touch()
    code, output = run("local", "documentation", "--retries", "0", "--traceback")
    assert code == 1
    assert "scf_mps/" in output
    assert "Traceback" in output
    assert "duration_ms=" in output
    assert "slowest_ms=" in output
    (tmp_path / "fails").unlink()
    code, output = run("local", "documentation", "--traceback")
    assert '"outcome": "done"' in output


def test_failed_import_shows_own_frames(project):
    code_with_error = "from scf_mps import App\napp = App()\napp.on('Transcod')\n"
    for text, error in (
        ("import json\n\njson.nothing\n", "AttributeError"),
        (code_with_error, "RegistrationError"),
    ):
        (project / "handlers" / "__init__.py").write_text(text)
        code, output = run("local", "documentation", "--retries", "0")
        assert code == 1
        assert "status 443" in output
        assert error in output
        assert "  handlers/__init__.py:3\n" in output
        for foreign in ("bootstrap", "index.py", "/user/", "scf_mps/"):
            assert foreign not in output


def test_repeated_event_is_skipped_with_hint():
    _, first = run("local", "WorkflowTask")
    _, second = run("local", "WorkflowTask")
    assert "skipped" not in first + second
    assert len(json.loads(run("history", "--json")[1])) == 2
    Path("event.json").write_text(json.dumps(sample("WorkflowTask", Transcode="SUCCESS")))
    assert "--fresh" not in run("local", "event.json")[1]
    code, output = run("local", "event.json")
    assert code == 0
    assert "\tskipped\t" in output
    assert "--fresh" in output
    assert "a film" in run("local", "--fresh", "event.json")[1]
    assert len(json.loads(run("history", "--json")[1])) == 1


def test_success_and_failure_sample_are_two_events():
    for outcome in ("SUCCESS", "FAIL"):
        event = run("sample", "WorkflowTask", f"Transcode={outcome}")[1]
        Path("event.json").write_text(event)
        run("local", "event.json")
    assert len(json.loads(run("history", "--json")[1])) == 2


def test_fresh_refuses_another_ledger(tmp_path):
    code, output = run(
        "local", "documentation", "--fresh", "--env", f"MPS_LEDGER=file://{tmp_path}/x"
    )
    assert code == 2
    assert "MPS_LEDGER" in output


def test_event_over_http_and_foreign_results_are_shown(project):
    body = json.dumps(sample("WorkflowTask", Transcode="SUCCESS"))
    request = {"httpMethod": "POST", "headers": {}, "body": body}
    Path("event.json").write_text(json.dumps(request))
    code, output = run("local", "event.json", "--env", "MPS_ALLOW_UNSIGNED=1")
    assert code == 0
    assert "a film" in output
    (project / "handlers" / "__init__.py").write_text(
        "print({'level': 1})\n"
        "def main_handler(event, context):\n"
        '    print(\'{"level": "x"}\')\n'
        "    if 'fail' in event:\n"
        "        raise OSError('of no callback')\n"
        "    return []\n"
    )
    Path("event.json").write_text(json.dumps(sample("EditMediaTask")))
    code, output = run("local", "event.json")
    assert code == 0
    assert '{"level": "x"}' in output
    Path("event.json").write_text('{"fail": 1}')
    code, output = run("local", "event.json", "--retries", "0", "--env", "MPS_LEDGER=none")
    assert code == 1
    assert "OSError: of no callback" in output
    assert "handlers/__init__.py:5 in main_handler" in output


def test_print_of_several_values_is_one_line(project):
    (project / "handlers" / "__init__.py").write_text(
        "import sys\n"
        "def main_handler(event, context):\n"
        "    print('film', 1, [2])\n"
        "    sys.stdout.write('part ')\n"
        '    sys.stdout.write(\'{"level": "INFO", "logger": "x", "message": "whole"}\\n\')\n'
        "    print('unfinished', end='')\n"
        "    return {}\n"
    )
    code, output = run("local", "documentation")
    assert code == 0
    lines = [line.partition("  ")[2] for line in output.splitlines()]
    assert lines[1:5] == ["film 1 [2]", "part ", "INFO    whole", "unfinished"]


def test_local_ends_quietly_when_reader_left(project):
    command = [sys.executable, "-m", "scf_mps.cli", "local", "documentation"]
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            command,
            stdout=writing,
            stderr=subprocess.PIPE,
            cwd=project,
            env=environment,
            timeout=60,
        )
    finally:
        os.close(writing)
    assert done.stderr == b""


def test_dropped_event_is_shown_as_lost():
    from scf_mps.cli.local_output import LocalOutput
    from scf_mps.local.scf import LifecycleEvent, LocalFunction

    lines = LocalOutput(LocalFunction("."), full=False, brief=True)
    assert list(lines._describe(LifecycleEvent("pushed", "id"))) == []
    assert "lost" in next(iter(lines._describe(LifecycleEvent("dropped", "id"))))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--env", "MPS_GREETING"], "invalid variable 'MPS_GREETING'"),
        (["--env", "SCF_X=1"], "SCF_X"),
        (["--port", "99999"], "65535"),
        (["--memory", "100"], "64 MB"),
        (["--python", "2.7.18.1"], "2.7.18.1"),
        (["--source", "nowhere"], "nowhere"),
    ],
)
def test_invalid_option_is_refused(arguments, reason):
    code, output = run("local", "documentation", *arguments)
    assert (code, reason in output) == (2, True), output


def test_too_large_event_is_refused(tmp_path):
    Path("big.json").write_text(json.dumps({"EventType": "X", "text": "x" * 128 * 1024}))
    code, output = run("local", "big.json")
    assert code == 2
    assert "131072" in output


def test_local_serves_api_without_events(project):
    pytest.importorskip("tencentcloud.scf", reason="the SDK is who calls")
    command = [sys.executable, "-m", "scf_mps.cli", "local"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=project) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("SCF emulator: mps-events on CPython")
        endpoint = process.stdout.readline().split()[3].rstrip(",")
        history = invoke(endpoint.removeprefix("http://"))
        assert json.loads(history)["callbacks"][0]["outcome"] == "done"
        process.send_signal(signal.SIGINT)
        output_after, _ = process.communicate(timeout=20)
        assert "a film" in output_after
        assert "callback=film" in output_after
        assert "slowest_ms=" not in output_after
        assert process.returncode == 0


def invoke(endpoint):
    """Return the response to the official SDK."""
    from tencentcloud.common.credential import Credential
    from tencentcloud.common.profile.client_profile import ClientProfile
    from tencentcloud.common.profile.http_profile import HttpProfile
    from tencentcloud.scf.v20180416 import models
    from tencentcloud.scf.v20180416.scf_client import ScfClient

    profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=endpoint))
    client = ScfClient(Credential("AKIDlocal", "local-secret"), "ap-guangzhou", profile)
    request = models.InvokeRequest()
    request.FunctionName = "mps-events"
    request.ClientContext = json.dumps(sample("WorkflowTask", Transcode="SUCCESS"))
    return client.Invoke(request).Result.RetMsg
