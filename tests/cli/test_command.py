"""The entry point, completion and missing extras."""

import functools
import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scf_mps import cli
from scf_mps.local.samples import sample

from .support import run, write

pytestmark = pytest.mark.usefixtures("shop")

COMMAND = Path(sysconfig.get_path("scripts")) / "scf-mps"


def command(*arguments, **variables):
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


def test_installed_command_handles_documentation_event():
    done = command("invoke", "documentation", "--app", "shop:app", "--json")
    assert done.returncode == 1
    outcomes = [one["outcome"] for one in json.loads(done.stdout)["callbacks"]]
    assert outcomes == ["done", "dropped"]
    assert all(json.loads(line)["request_id"] for line in done.stderr.splitlines())


def test_entry_point_runs_command(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["scf-mps", "sample", "documentation"])
    with pytest.raises(SystemExit) as left:
        cli.app()
    assert left.value.code == 0


def test_entry_point_prints_user_frames(monkeypatch, capsys):
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


def test_entry_point_reraises_package_defects(monkeypatch):
    monkeypatch.setattr(cli, "cli", functools.partial(json.JSONDecoder, _=None))
    with pytest.raises(TypeError):
        cli.app()


def test_command_without_arguments_prints_help():
    result = run()
    assert all(name in result.out + result.err for name in ("routes", "invoke", "sample"))


def test_completion_script_is_printed():
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
def test_completion_completes_commands_and_samples(typed, completed):
    protocol = {
        "_SCF_MPS_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(typed.count(" ")),
    }
    done = CliRunner().invoke(cli.cli, [], prog_name="scf-mps", env=protocol)
    assert (done.exit_code, done.stdout.strip()) == (0, completed)


def without(module, monkeypatch):
    """Return a function that loads the command line without a module of its extra."""
    monkeypatch.setitem(sys.modules, module, None)
    spec = importlib.util.spec_from_file_location("cli_without", cli.__file__)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    load = spec.loader.exec_module
    return lambda: [load(loaded), loaded][1]


@pytest.mark.parametrize("module", ["typer", "rich.console"])
def test_import_suggests_missing_extra(monkeypatch, module):
    load = without(module, monkeypatch)
    with pytest.raises(SystemExit) as left:
        load()
    assert "pip install 'scf-mps[cli]'" in str(left.value.code)
