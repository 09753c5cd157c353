"""The configuration of commands: serverless.yml, .env, the shell and ``--env``."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.support.handler_modules import reload_handlers, unload_handlers
from tests.support.interpreters import VERSIONS, find
from tests.support.log_capture import restore_loggers
from tests.support.optional_programs import skip_without_python
from tests.support.sample_data import ROOT

pytest.importorskip("aiohttp", reason="`local` needs it")

from scf_mps.cli import cli

HANDLERS = '''\
"""An application that prints its variables and limits."""

import os
import sys

from scf_mps import App, Context, Transcode

TITLE = os.environ["TITLE"]  # fails without the variable
app = App()


@app.on(Transcode)
def show(transcode: Transcode, context: Context) -> None:
    keys = [os.environ.get(f"TENCENTCLOUD_SECRET{end}", "") for end in ("ID", "_ID")]
    seconds = round(context.remaining())
    memory = context.raw["memory_limit_in_mb"]
    version = "%d.%d" % sys.version_info[:2]
    sys.stderr.write(f"output: {TITLE} {os.environ.get('MPS_X')} {seconds} s {memory} MB {version} {keys}\\n")


main_handler = app.main_handler
'''

TEMPLATE = """\
component: scf
name: shop
inputs:
  handler: index.main_handler
  runtime: Python{version}
  memorySize: 512
  timeout: 7
  environment:
    variables:
      TITLE: {title}
"""

OWN = "{}.{}".format(*sys.version_info)


@pytest.fixture(autouse=True)
def project(monkeypatch, tmp_path):
    """Create a project that can only be imported with the variables of its serverless.yml."""
    folder = tmp_path / "project"
    (folder / "handlers").mkdir(parents=True)
    (folder / "handlers" / "__init__.py").write_text(HANDLERS)
    (folder / "serverless.yml").write_text(TEMPLATE.format(version=OWN, title="from-the-file"))
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setenv("COLUMNS", "250")
    for name in [name for name in os.environ if name.startswith(("MPS_", "TENCENT", "TITLE"))]:
        monkeypatch.delenv(name)
    with reload_handlers(), restore_loggers():
        yield folder


def run(*arguments):
    before = dict(os.environ)
    unload_handlers()
    result = CliRunner().invoke(cli, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert dict(os.environ) == before
    return result


def run_and_read_line(*arguments):
    """Run a command that succeeds. Return the line of the application without its first word."""
    result = run(*arguments, "--env", "MPS_LEDGER=none")  # skip nothing
    assert result.exit_code == 0, result.output
    [line] = [line for line in result.output.splitlines() if "output: " in line]
    return line.partition("output: ")[2]


COMMANDS = [("invoke",), ("local", "documentation")]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_read_serverless_yml(command):
    assert run_and_read_line(*command) == f"from-the-file None 7 s 512 MB {OWN} ['', '']"


@pytest.mark.parametrize("command", COMMANDS)
def test_options_override_serverless_yml(command):
    line = run_and_read_line(*command, "--timeout", "9", "--env", "TITLE=a=b", "--env", "MPS_X=1")
    assert line.startswith("a=b 1 9 s")


@pytest.mark.parametrize("command", COMMANDS)
def test_variables_follow_documented_precedence(command, project, monkeypatch):
    (project / ".env").write_text("TITLE=from-dotenv\nMPS_X=from-dotenv\nOTHER=1\n")
    assert run_and_read_line(*command).startswith("from-dotenv from-dotenv 7 s")
    (project / ".env.dev").write_text("TITLE=from-stage\n")
    assert run_and_read_line(*command).startswith("from-stage from-dotenv 7 s")
    monkeypatch.setenv("TITLE", "from-the-shell")
    assert run_and_read_line(*command).startswith("from-the-shell from-dotenv 7 s")
    assert run_and_read_line(*command, "--env", "TITLE=given").startswith("given from-dotenv 7 s")


@pytest.mark.parametrize("command", COMMANDS)
def test_environment_references_are_resolved(command, project, monkeypatch):
    text = TEMPLATE.format(version=OWN, title="${env:WHO}-${app}")
    (project / "serverless.yml").write_text(text)
    (project / ".env").write_text("WHO=you\n")
    assert run_and_read_line(*command).startswith("you-shop ")
    monkeypatch.setenv("WHO", "me")
    assert run_and_read_line(*command).startswith("me-shop ")


def test_unset_reference_omits_its_variable(project):
    with (project / "serverless.yml").open("a") as file:
        file.write("      MPS_X: x-${env:NOWHERE}\n      MPS_Y: ${env:NOWHERE}\n")
    result = run("invoke", "--env", "MPS_Y=given")
    assert result.exit_code == 0
    assert "output: from-the-file None" in result.stderr
    [warning] = [line for line in result.stderr.splitlines() if "warning" in line]
    assert "MPS_X" in warning
    assert "NOWHERE" in warning


def test_shell_variables_do_not_override_serverless_yml(project, monkeypatch):
    with (project / "serverless.yml").open("a") as file:
        file.write("      TZ: Asia/Shanghai\n")
    monkeypatch.setenv("TZ", "Europe/Paris")
    handlers = project / "handlers" / "__init__.py"
    handlers.write_text(
        handlers.read_text().replace('get("MPS_X")', 'get("TZ")').replace("'MPS_X'", "'TZ'")
    )
    assert run_and_read_line("local", "documentation").startswith("from-the-file Asia/Shanghai")


@pytest.mark.parametrize("names", [("SECRETID", "SECRETKEY"), ("SECRET_ID", "SECRET_KEY")])
def test_credentials_have_same_names_everywhere(names, project, monkeypatch):
    for name in names:
        monkeypatch.setenv(f"TENCENTCLOUD_{name}", f"AKID-{name}")
    assert run_and_read_line("local", "documentation").endswith(f"['AKID-{names[0]}', '']")
    assert f"AKID-{names[0]}" in run_and_read_line("invoke")


def test_dotenv_credentials_reach_application(project):
    (project / ".env").write_text("TENCENT_SECRET_ID=AKIDenv\nTENCENT_SECRET_KEY=hush\n")
    assert run_and_read_line("local", "documentation").endswith("['AKIDenv', '']")
    assert run_and_read_line("invoke").endswith("['', 'AKIDenv']")


def test_command_fails_when_half_of_key_is_set(monkeypatch):
    monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", "AKIDhalf")
    for command in COMMANDS:
        result = run(*command)
        assert result.exit_code == 2
        assert "TENCENTCLOUD_SECRET_KEY" in result.stderr


def test_local_uses_runtime_of_serverless_yml(project):
    others = [version for version in VERSIONS if version != OWN and find(version)]
    if not others:
        skip_without_python("3.10")
    (project / "serverless.yml").write_text(TEMPLATE.format(version=others[0], title="x"))
    assert f" {others[0]} [" in run_and_read_line("local", "documentation")


@pytest.mark.parametrize("runtime", ["Python3.99", "Python2.7", "Nodejs16.13"])
def test_local_reports_missing_runtime(project, runtime):
    text = TEMPLATE.format(version=OWN, title="x").replace(f"Python{OWN}", runtime)
    (project / "serverless.yml").write_text(text)
    result = run("local", "documentation")
    assert result.exit_code == 0, result.output
    [note] = [line for line in result.stderr.splitlines() if runtime in line]
    assert f"CPython {OWN}" in note


def test_limits_default_to_those_of_scf(project):
    text = "name: shop\ninputs:\n  environment: {variables: {TITLE: x}}\n"
    (project / "serverless.yml").write_text(text)
    assert run_and_read_line("invoke").startswith("x None 3 s 128 MB")


@pytest.mark.parametrize("text", ["inputs: [", "name: shop", "inputs: {timeout: soon}"])
def test_command_fails_when_serverless_yml_is_invalid(project, text):
    (project / "serverless.yml").write_text(text)
    for command in (*COMMANDS, ("routes",), ("history",)):
        assert run(*command).exit_code == 2


def test_timeout_is_read_from_variable(project, monkeypatch):
    text = TEMPLATE.format(version=OWN, title="x").replace("timeout: 7", "timeout: ${env:SECONDS}")
    (project / "serverless.yml").write_text(text)
    monkeypatch.setenv("SECONDS", "8")
    assert " 8 s " in run_and_read_line("invoke")


def test_history_reads_ledger_of_serverless_yml(project, tmp_path):
    with (project / "serverless.yml").open("a") as file:
        file.write(f"      MPS_LEDGER: file://{tmp_path}/kept\n")
    assert run("local", "documentation").exit_code == 0
    [entry] = json.loads(run("history", "--json").stdout)
    assert entry["state"] == "done"
    assert (tmp_path / "kept").is_dir()
    assert not (project / ".scf-mps" / "ledger").exists()


def test_demo_sets_variables_of_project(project):
    with (project / "serverless.yml").open("a") as file:
        file.write("      MPS_NOTIFY: nonsense\n")  # the demo overrides it
    shutil.copytree(ROOT / "handlers", project / "handlers", dirs_exist_ok=True)
    with (project / "handlers" / "edits.py").open("a") as file:
        file.write("import os\nTITLE = os.environ['TITLE']  # fails without the variable\n")
    result = run("demo")
    assert result.exit_code == 0, result.output


@pytest.fixture
def below(project, monkeypatch):
    """Change to a subfolder of the project."""
    folder = project / "docs" / "deep"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_find_project_upwards(command, below):
    assert run_and_read_line(*command).startswith("from-the-file None 7 s")
    assert not (below / ".scf-mps").exists()


def test_history_finds_local_ledger_upwards(below):
    run("local", "documentation")
    assert len(json.loads(run("history", "--json").stdout)) == 1


def test_project_without_serverless_yml_is_found_upwards(project, below):
    (project / "serverless.yml").unlink()
    (project / ".env").write_text("MPS_X=from-dotenv\n")
    line = run_and_read_line("invoke", "--env", "TITLE=x")
    assert line.startswith("x from-dotenv 60 s 256 MB")
    assert json.loads(run("routes", "--json", "--env", "TITLE=x").stdout)


def test_deploy_fails_without_serverless_yml(project, below):
    (project / "serverless.yml").unlink()
    result = run("deploy", "--dry-run")
    assert result.exit_code == 2
    assert "serverless.yml" in result.stderr


def test_doctor_and_deploy_find_serverless_yml_upwards(below):
    result = run("doctor", "--json")
    assert "serverless.yml" not in "".join(
        one["what"] for one in json.loads(result.stdout)["findings"] if one["level"] == "error"
    )
    result = run("deploy", "--dry-run")
    assert "no credentials" in result.stderr


def test_build_finds_project_and_runtime_upwards(project, below):
    (project / "serverless.yml").write_text(TEMPLATE.format(version="3.12", title="x"))
    result = run("build", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["runtime"] == "Python3.12"
    assert (project / "dist" / "function.zip").is_file()
    assert not [*below.iterdir()]


def test_build_fails_when_serverless_yml_is_invalid(project):
    (project / "serverless.yml").write_text("inputs: [")
    assert run("build").exit_code == 1


@pytest.mark.parametrize(
    "command", [("local", "documentation"), ("invoke", "--app", "nowhere:app"), ("demo",)]
)
def test_command_suggests_new_without_handlers(command, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    result = run(*command)
    assert result.exit_code == 2
    assert "scf-mps new" in result.stderr
    assert not [*Path().iterdir()]
