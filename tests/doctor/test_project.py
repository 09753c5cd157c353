"""`scf-mps doctor` without an account: each problem of a project is one finding."""

import json
import os
import re
import runpy
import shutil
import sys
import zipfile
from functools import partial
from operator import methodcaller
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scf_mps.cli import cli
from scf_mps.doctor import AREAS, DoctorOptions, examine_project
from scf_mps.doctor.configuration import KNOWN_VARIABLES
from tests.support.sample_data import ROOT
from tests.support.serverless_yml import MPS_TRIGGER, TIMER

from .projects import CHECKS, HANDLERS, SampleProject

KEY = "AKID" + "z8krbsJ5yKBZQpn74WFkmLPx3"


@pytest.fixture
def project(tmp_path):
    return SampleProject(tmp_path)


def run(project, *options):
    """Run `scf-mps doctor` in the project's folder."""
    before = Path.cwd()
    os.chdir(project.folder)
    try:
        return CliRunner().invoke(cli, ["doctor", *options])
    finally:
        os.chdir(before)


def test_valid_project_has_no_findings(project):
    examination = project.examine()

    assert examination.findings == ()
    assert not examination.has_errors
    [seen] = examination.seen
    assert re.match(r"(build|handlers) with CPython 3\.\d+: \d+ MB .*, \d+ MB ", seen)
    assert any("NotifyType SCF" in one for one in examination.reminders)


# Edits of a project.
files, handlers, inputs, trigger, variables = (
    partial(methodcaller, name)
    for name in ("write_files", "write_handlers", "write_inputs", "set_trigger", "set_variables")
)


def edits(*several):
    """Return an edit that makes several."""
    return lambda project: [edit(project) for edit in several]


LONG = "x" * 3100
PROBLEMS = [
    # serverless.yml
    ("file_unreadable", lambda p: p.path.unlink(), "serverless.yml"),
    ("file_unreadable", lambda p: p.path.write_text("a: [\n"), "line 2"),
    ("variable_unset", variables(A="${env:NOWHERE}"), "${env:NOWHERE}"),
    ("variable_unset", variables(A="${file:x}"), "${file:x}"),
    ("name_misspelt", inputs(name="a" * 61), "inputs.name"),
    ("runtime_unusable", inputs(runtime="Python3.9"), "Python3.9"),
    ("runtime_unusable", inputs(runtime="Nodejs18.15"), "Nodejs18.15"),
    ("type_not_event", inputs(type="web"), "inputs.type"),
    ("type_missing", inputs(type=None), "inputs.type"),
    ("async_execution", inputs(asyncRunEnable=True), "inputs.asyncRunEnable"),
    ("retries_without_effect", inputs(retryNum=1, msgTTL=60), "retryNum and msgTTL"),
    ("timeout_short", inputs(timeout=3), "3 s (serverless.yml)"),
    ("timeout_short", inputs(timeout=None), "3 s (SCF's default)"),
    ("role_missing", inputs(role=None), "inputs.role"),
    ("environment_too_large", variables(A=LONG, B=LONG), "bytes"),
    ("environment_large", variables(A=LONG), "of 4096 bytes"),
    ("variable_reserved", variables(SCF_MODE="1"), "variables.SCF_MODE"),
    ("environment_absent", inputs(environment=None), "environment.variables"),
    ("credentials_in_configuration", variables(USER_ID=KEY), "serverless.yml:"),
    ("credentials_in_configuration", variables(COS_SECRET_KEY="k"), "COS_SECRET_KEY"),
    ("emulator_named", variables(MPS_COS_PROXY="http://127.0.0.1:1"), "MPS_COS_PROXY"),
    ("unsigned_allowed", variables(MPS_ALLOW_UNSIGNED="1"), "MPS_ALLOW_UNSIGNED"),
    ("variable_unknown", variables(MPS_BUCKET="a"), "MPS_BUCKET: did you mean MPS_BUCKETS"),
    ("variable_unknown", variables(MPS_QQQQQQ="a"), "MPS_QQQQQQ"),
    ("mps_trigger_missing", inputs(events=[TIMER]), "inputs.events"),
    ("trigger_type_missing", trigger(type=None), ".mps.parameters.type"),
    ("trigger_type_unknown", trigger(type="LiveTask"), "LiveTask"),
    ("trigger_enable_missing", trigger(enable=None), "enable"),
    ("trigger_disabled", trigger(enable=False), "enable: false"),
    ("mps_trigger_not_first", inputs(events=[TIMER, MPS_TRIGGER]), "timer"),
    ("reconcile_timer_missing", inputs(events=[MPS_TRIGGER]), "reconcile"),
    (
        "sdk_not_required",
        files({"requirements.txt": "# scf-mps[mps]\nscf-mps[redis]\n"}),
        "tencentcloud-sdk-python-common",
    ),
    ("sdk_not_required", files({"requirements.txt": None}), "by a timer"),
    (
        "sdk_not_required",
        edits(
            files({"requirements.txt": None}),
            variables(
                MPS_FORWARD="https://a.example/,scf://f.ap-guangzhou",
                MPS_NOTIFY="wecom://KEY",
                MPS_RESUBMIT="2",
            ),
        ),
        "by a timer, MPS_FORWARD, MPS_RESUBMIT",
    ),
    (
        "sdk_all_services",
        files({"requirements.txt": "scf-mps[mps]\ntencentcloud-sdk-python==3.1\n"}),
        "tencentcloud-sdk-python",
    ),
    ("dead_letters_missing", inputs(deadLetter=None), "inputs.deadLetter"),
    ("setting_refused", inputs(memorySize=200), "inputs.memorySize"),
    ("key_not_read", inputs(traceEnable=True), "inputs.traceEnable"),
    # files
    ("build_missing", lambda p: shutil.rmtree(p.folder / "build"), "./build"),
    ("build_stale", files({"handlers/__init__.py": HANDLERS + "\n"}), "handlers/__init__.py"),
    (
        "build_stale",
        files({f"handlers/{name}.py": "" for name in "abcde"}),
        "handlers/a.py, handlers/b.py, handlers/c.py and 2 more",
    ),
    ("build_stale", files({"build/handlers/gone.py": ""}), "handlers/gone.py"),
    ("source_unbuilt", inputs(src="./"), "uploads . "),
    (
        "source_unbuilt",
        edits(
            files({".env": "x", "tests/deep/x.key": "", "node_modules/y.key": ""}),
            inputs(src={"src": "./", "exclude": [".en?", "./tests/**"]}),
        ),
        "uploads . ",
    ),
    ("entry_file_missing", files({"build/index.py": None}), "index.py"),
    ("entry_function_missing", inputs(handler="index.main"), "build/index.py"),
    ("module_shadows", files({"build/json.py": ""}), "json.py"),
    ("module_shadows", files({"build/runtime.py": ""}), "runtime.py"),
    (
        "extension_of_another_python",
        files({"build/n.cpython-311-x86_64-linux-gnu.so": ""}),
        "n.cpython-311-x86_64-linux-gnu.so",
    ),
    ("extension_of_another_python", files({"build/n.cp310-win_amd64.pyd": ""}), "pyd"),
    (
        "extension_of_another_python",
        files({"build/n.cpython-310-aarch64-linux-gnu.so": ""}),
        "aarch64",
    ),
    (
        "bytecode_of_another_python",
        files({"build/__pycache__/a.cpython-312.opt-1.pyc": ""}),
        "CPython 3.12, but the runtime is Python3.10",
    ),
    ("bytecode_missing", files({"build/__pycache__/index.cpython-310.pyc": None}), "build"),
    ("secrets_uploaded", files({"build/.env": "x"}), "build/.env"),
    # storage
    ("ledger_malformed", variables(MPS_LEDGER="cos://ledger/x/"), "region"),
    ("ledger_malformed", variables(MPS_LEDGER="coss://ledger/x/"), "cos"),
    ("ledger_none", variables(MPS_LEDGER="none"), "none"),
    ("ledger_of_one_instance", variables(MPS_LEDGER="memory://"), "memory://"),
    ("ledger_of_one_instance", variables(MPS_LEDGER="file:///srv/l"), "file://"),
    ("place_malformed", variables(MPS_PUBLISH="/vod/"), "cos://bucket.region"),
    ("place_malformed", variables(MPS_PUBLISH="cos://vod.gz/"), "COS bucket"),
    ("place_malformed", variables(MPS_ARCHIVE="vod-1"), "MPS_ARCHIVE"),
    (
        "place_not_allowed",
        variables(MPS_PUBLISH="cos://vod-1.ap-guangzhou/", MPS_BUCKETS="media-*"),
        "vod-1 of MPS_PUBLISH",
    ),
    ("place_not_allowed", variables(MPS_BUCKETS=" , "), "MPS_BUCKETS"),
]


@pytest.mark.parametrize(
    ("name", "edit", "what"), PROBLEMS, ids=lambda one: one if isinstance(one, str) else ""
)
def test_problem_is_one_finding(project, name, edit, what):
    edit(project)

    [finding] = project.check_offline()

    check = CHECKS[name]
    assert what in finding.what
    assert (finding.name, finding.level, finding.advice) == (name, check.level, check.advice)
    assert KEY not in finding.what


COMBINATIONS = [
    (
        {"build_stale", "fastcrc_missing"},
        files({"handlers/files.py": "def f(cos):\n    cos.download('cos://…')\n"}),
    ),
    # a problem with consequences
    ({"handler_misspelt", "entry_file_missing"}, inputs(handler="a.b.c")),
    ({"events_missing", "reconcile_timer_missing"}, inputs(events=None)),
    ({"hook_without_dist", "source_unbuilt"}, inputs(src={"src": "./", "hook": "make build"})),
    ({"source_unbuilt", "secrets_uploaded"}, edits(files({".env": "x"}), inputs(src="./"))),
    (
        {"timer_argument_unknown", "reconcile_timer_missing"},
        inputs(
            events=[
                MPS_TRIGGER,
                {"timer": {"parameters": {**TIMER["timer"]["parameters"], "argument": "x"}}},
            ]
        ),
    ),
    (
        {"sources_unusable", "build_missing"},
        lambda p: (shutil.rmtree(p.folder / "build"), shutil.rmtree(p.folder / "handlers")),
    ),
    (
        {"redis_not_required", "redis_needs_vpc", "redis_unchecked"},
        variables(MPS_LEDGER="redis://:hush-hush@10.0.0.5:6379/0"),
    ),
    (
        {"redis_unchecked"},
        edits(
            variables(MPS_LEDGER="redis://cache.example:6379/0"),
            files({"requirements.txt": "scf-mps[mps, redis]\n"}),
        ),
    ),
    (
        {"redis_unchecked"},
        edits(
            variables(MPS_LEDGER="redis://10.0.0.5:6379/0"),
            inputs(vpcConfig={"vpcId": "vpc-1", "subnetId": "subnet-1"}),
            files({"build/redis/__init__.py": ""}),
        ),
    ),
    # no problem
    (
        set(),
        lambda p: (
            p.write_inputs(events=None, ignoreTriggers=True)
            or p.write_inputs(events=[MPS_TRIGGER, TIMER], ignoreTriggers=None)
        ),
    ),
    (set(), files({"build/n.abi3.so": "", "build/n.cpython-310-x86_64-linux-gnu.so": ""})),
    (set(), files({"build/index.py": "def main_handler(event, context): ...\n"})),
    (set(), files({"build/index.py": "main_handler = None\n"})),
    (set(), files({"build/index.py": "from handlers import *\n"})),
    (set(), files({"build/index.py": "def main_handler(:\n"})),
    (set(), variables(MPS_PUBLISH="cos://vod-1.ap-guangzhou/", MPS_BUCKETS="vod-*")),
    (
        {"key_not_read"},
        edits(variables(MPS_LEDGER="file:///mnt/l"), inputs(cfs=[{"localMountDir": "/mnt"}])),
    ),
    (
        set(),
        edits(
            inputs(layers=[{"name": "libraries", "version": 3}]), files({"requirements.txt": None})
        ),
    ),
    # a folder without handlers/ is deployed unchanged
    (
        {"entry_file_missing", "sources_unusable"},
        lambda p: (shutil.rmtree(p.folder / "handlers"), p.write_inputs(src="./")),
    ),
    (
        set(),
        edits(
            files({"own/index.py": "def main_handler(event, context): ...\n"}),
            inputs(src={"src": "own"}),
            files({"own/requirements.txt": "tencentcloud-sdk-python-common\n"}),
        ),
    ),
    # invalid values
    ({"setting_refused", "mps_trigger_missing", "reconcile_timer_missing"}, inputs(events="mps")),
    ({"setting_refused", "environment_absent"}, inputs(environment=["A=1"])),
    (
        {"setting_refused"},
        lambda p: (
            p.write_inputs(timeout="a minute", memorySize=[1]) or p.write_inputs(memorySize=256)
        ),
    ),
]


@pytest.mark.parametrize(("names", "edit"), COMBINATIONS)
def test_edit_yields_exactly_expected_findings(project, names, edit):
    edit(project)

    findings = project.check_offline()

    assert {finding.name for finding in findings} - {"timeout_short"} == names
    assert not any("hush" in finding.what for finding in findings)


def test_missing_local_redis_is_no_finding(project, monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    project.write_files({"build/redis/__init__.py": ""})
    project.set_variables(MPS_LEDGER="redis://cache.example:6379/0")

    assert [finding.name for finding in project.check_offline()] == ["redis_unchecked"]

    project.set_variables(MPS_LEDGER="redis://cache.example:port/0")
    assert "ledger_malformed" in [finding.name for finding in project.check_offline()]


def test_zip_is_checked_instead_of_build(project):
    path = project.folder / "function.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("index.py", "handlers/__init__.py", "__pycache__/index.cpython-310.pyc"):
            archive.write(project.folder / "build" / name, f"function/{name}")

    [finding] = project.check_offline(path)

    assert finding.name == "entry_file_missing"
    assert "function/index.py" in finding.what


def test_zip_is_reported_when_invalid_or_large(project):
    path = project.folder / "function.zip"
    path.write_text("no zip")
    assert [one.name for one in project.check_offline(path)] == ["zip_unreadable"]

    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("film.mp4", os.urandom(16 * 2**20))
        for name in ("index.py", "handlers/__init__.py", "__pycache__/index.cpython-310.pyc"):
            archive.write(project.folder / "build" / name, name)
    [finding] = project.check_offline(path)
    assert finding.name == "code_large"
    assert "16.0 MB" in finding.what


def test_build_outside_project_has_absolute_path(project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "build"
    shutil.move(project.folder / "build", elsewhere)
    (elsewhere / "index.py").unlink()
    project.write_inputs(src={"src": "./", "hook": "scf-mps build", "dist": str(elsewhere)})

    [finding] = project.check_offline()

    assert str(elsewhere) in finding.what


def test_missing_extra_is_a_note(project, monkeypatch):
    monkeypatch.setitem(sys.modules, "scf_mps.deploy.template", None)

    [finding] = project.examine().findings

    assert (finding.name, finding.level) == ("extra_missing", "note")
    assert "pip install 'scf-mps[cli,deploy]'" in finding.advice


PROC = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="NOT TESTED: no /proc to measure memory"
)
APPLICATIONS = [
    (
        "application_broken",
        handlers("import missing_module\n"),
        "handlers/__init__.py:1: ModuleNotFoundError",
    ),
    (
        "application_broken",
        handlers(HANDLERS.replace("transcode: Transcode", "*transcode: Transcode")),
        "RegistrationError",
    ),
    ("application_broken", handlers("main_handler = 7\n"), "TypeError"),
    ("application_broken", handlers("import os\nos._exit(7)\n"), " with 7"),
    (
        "callbacks_missing",
        handlers("from scf_mps import App\n\nmain_handler = App().main_handler\n"),
        "registers",
    ),
    ("ledger_unset", variables(MPS_LEDGER=None, A="1"), "MPS_LEDGER"),
    (
        "time_too_short",
        handlers(HANDLERS.replace("needs=5", "needs=60")),
        "handlers.note needs 60 s of 60 s",
    ),
    (
        "time_too_short",
        handlers(HANDLERS.replace(", needs=5", "").replace("App()", "App(reserve=70)")),
        "handlers.note needs 70 s of 60 s",
    ),
    (
        "telemetry_without_time",
        edits(
            handlers(
                HANDLERS.replace("needs=5", "needs=59").replace(
                    "main_handler =",
                    "app.on(Transcode, needs=58)(lambda transcode: None)\nmain_handler =",
                )
            ),
            variables(MPS_OTLP="https://127.0.0.1:1/v1/traces"),
        ),
        "handlers.note needs 59 s of 60 s, which leaves 1 s",
    ),
    pytest.param(
        "memory_too_small",
        edits(handlers(HANDLERS + "held = b'x' * 70_000_000\n"), inputs(memorySize=64)),
        " MB of 64 MB",
        marks=PROC,
    ),
    pytest.param(
        "memory_small",
        edits(handlers(HANDLERS + "held = b'x' * 95_000_000\n"), inputs(memorySize=128)),
        " MB of 128 MB",
        marks=PROC,
    ),
    (
        "sdk_at_module_level",
        handlers(HANDLERS + "import sys\nsys.modules['tencentcloud'] = sys\n"),
        "loads tencentcloud",
    ),
    (
        "edit_trigger_missing",
        handlers(HANDLERS.replace("Transcode", "EditMediaTask")),
        "handlers.note",
    ),
]


@pytest.mark.parametrize(("name", "edit", "what"), APPLICATIONS)
def test_application_problem_is_one_finding(project, name, edit, what):
    edit(project)

    [finding] = project.examine().findings

    check = CHECKS[name]
    assert what in finding.what
    assert (finding.name, finding.level, finding.advice) == (name, check.level, check.advice)


def test_empty_project_is_not_imported(project):
    shutil.rmtree(project.folder / "build")
    shutil.rmtree(project.folder / "handlers")

    examination = project.examine()

    assert [one.name for one in examination.findings] == ["sources_unusable", "build_missing"]
    assert examination.seen == ()


def test_import_has_timeout(project):
    project.write_handlers("import threading\nthreading.Event().wait()\n")

    [finding] = project.examine(seconds=0.5).findings

    assert finding.name == "application_broken"
    assert "0.5 s" in finding.what


@pytest.mark.parametrize("limit", ["abc", float("inf"), [1]])
def test_invalid_init_timeout_is_a_finding(project, limit):
    project.write_handlers("def main_handler(event, context): ...\n")
    project.write_inputs(initTimeout=limit)

    [finding] = project.examine().findings

    assert finding.name == "setting_refused"
    assert "inputs.initTimeout" in finding.what


def test_plain_handler_is_only_imported(project):
    project.write_handlers("def main_handler(event, context): ...\n")

    assert project.examine().findings == ()


def test_sources_are_imported_when_build_is_stale(project):
    own = "{}.{}".format(*sys.version_info)
    project.write_files({"handlers/__init__.py": HANDLERS + "\n"})
    seen = project.examine().seen[0]
    assert seen.startswith(f"handlers with CPython {own}")

    project.write_inputs(runtime="Python3.9")
    assert project.examine().seen[0].startswith(f"handlers with CPython {own}")


def test_sources_are_imported_when_runtime_is_missing(project, no_pythons):
    other = "Python3.13" if sys.version_info[:2] != (3, 13) else "Python3.12"
    project.write_inputs(runtime=other)
    project.write_files({f"build/__pycache__/index.cpython-{other[6]}{other[8:]}.pyc": ""})
    project.write_files({"build/__pycache__/index.cpython-310.pyc": None})

    examination = project.examine()

    assert examination.findings == ()
    assert examination.seen[0].startswith("handlers with ")


def test_callbacks_run_only_with_dispatch(project):
    witness = project.folder / "witness"
    project.write_handlers(
        HANDLERS.replace("print(transcode.definition)", f"open({str(witness)!r}, 'w').close()")
        + "\n\n@app.on(Transcode, when=lambda one: 1 / 0)\n"
        "def never(transcode: Transcode) -> None:\n    print('not reached')\n"
    )
    text = (project.folder / "handlers/__init__.py").read_text()
    main = "main_handler = app.main_handler\n"
    project.write_handlers(text.replace(main, "") + "\n" + main)

    assert project.examine().findings == ()
    assert not witness.exists()

    [finding] = project.examine(dispatch=True).findings
    assert witness.exists()
    assert finding.name == "sample_failed"
    assert "CallbacksFailed" in finding.what


def test_successful_dispatch_is_no_finding(project):
    assert project.examine(dispatch=True).findings == ()


def test_import_gets_variables_without_local_credentials(project, monkeypatch):
    monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", "hush")
    monkeypatch.setenv("MPS_PUBLISH", "local")
    project.set_variables(COLOUR="blue")
    project.write_handlers(
        "import os\n"
        "values = [os.environ.get(name) for name in ('COLOUR', 'MPS_PUBLISH', 'TENCENTCLOUD_SECRETKEY')]\n"
        "assert values == ['blue', None, None], values\n" + HANDLERS
    )

    assert project.examine().findings == ()


def test_command_prints_findings_with_advice(project):
    assert run(project).exit_code == 0
    assert run(project).stdout.splitlines()[-1] == "no findings"
    project.write_inputs(timeout=3, role=None)
    project.set_trigger(type=None)

    ran = run(project)

    assert ran.exit_code == 1
    lines = ran.stdout.splitlines()
    assert lines[0].startswith("error: inputs.events[0].mps.parameters.type")
    assert lines[0].endswith("(trigger_type_missing)")
    assert lines[2] == f"  → {CHECKS['trigger_type_missing'].advice}"
    assert lines[-1].startswith("2 errors, 2 warnings")


def test_command_prints_json(project):
    project.write_inputs(role=None)

    ran = run(project, "--json")

    data = json.loads(ran.stdout)
    assert ran.exit_code == 0
    assert [(one["name"], one["level"]) for one in data["findings"]] == [
        ("role_missing", "warning")
    ]
    assert data["reminders"]


def test_this_repository_has_no_errors(ours):
    shutil.copyfile(ROOT / "serverless.yml", ours.folder / "serverless.yml")

    examination = examine_project(DoctorOptions(ours.folder / "serverless.yml", environment={}))

    assert not examination.has_errors, examination.findings
    names = {finding.name for finding in examination.findings}
    assert not names & {"build_stale", "build_missing", "bytecode_of_another_python"}
    (ours.folder / "build" / "scf_mps" / "app.py").write_text("")
    assert "build_stale" in {
        one.name
        for one in examine_project(
            DoctorOptions(ours.folder / "serverless.yml", environment={})
        ).findings
    }


def test_docs_contain_tables(capsys):
    text = (ROOT / "docs" / "doctor.md").read_text("utf-8")
    runpy.run_module("scf_mps.doctor", run_name="__main__")
    assert capsys.readouterr().out in text, (
        "docs/doctor.md: insert the output of python -m scf_mps.doctor"
    )


def test_checks_have_complete_texts():
    for check in CHECKS.values():
        assert check.about.endswith("."), check.name
        assert check.why, check.name
        assert check.advice.endswith("."), check.name
    assert len(CHECKS) == sum(len(area.checks) for area in AREAS)


def test_known_variables_equal_those_in_code():
    text = "".join(
        path.read_text("utf-8")
        for top in ("src/scf_mps", "handlers")
        for path in (ROOT / top).rglob("*.py")
        if "doctor" not in path.relative_to(ROOT).parts
    )
    assert set(re.findall(r"\bMPS_[A-Z_]{3,}\b", text)) == set(KNOWN_VARIABLES)
