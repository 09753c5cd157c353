"""`scf-mps doctor` on the desk: a project with exactly one trap gets exactly one finding, with what to do."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from scf_mps.cli import cli
from scf_mps.doctor import AREAS, DoctorOptions, examine_project
from scf_mps.doctor.configuration import KNOWN_VARIABLES
from tests.support.build_projects import Project
from tests.support.sample_data import ROOT
from tests.support.serverless_yml import MPS_TRIGGER, TIMER

from .projects import HANDLERS, Patient

Trap = Callable[[Patient], object]
CHECKS = {check.name: check for area in AREAS for check in area.checks}
KEY = "AKID" + "z8krbsJ5yKBZQpn74WFkmLPx3"


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    return Patient(tmp_path)


def run(patient: Patient, *options: str) -> Result:
    """`scf-mps doctor` in the project's folder."""
    before = Path.cwd()
    os.chdir(patient.folder)
    try:
        return CliRunner().invoke(cli, ["doctor", *options])
    finally:
        os.chdir(before)


def test_a_project_that_is_well_has_no_findings(patient: Patient) -> None:
    examination = patient.examined()

    assert examination.findings == ()
    assert not examination.has_errors
    [seen] = examination.seen
    assert re.match(r"(build|handlers) by CPython 3\.\d+: at most \d+ MB to load, \d+ MB", seen)
    assert any("NotifyType SCF" in one for one in examination.reminders)


LONG = "x" * 3100
TRAPS: list[tuple[str, Trap, str]] = [
    # serverless.yml
    ("file_unreadable", lambda p: p.path.unlink(), "No such file"),
    ("file_unreadable", lambda p: p.path.write_text("a: [\n"), "not valid YAML, line 2"),
    ("variable_unset", lambda p: p.variables(A="${env:NOWHERE}"), "NOWHERE of ${env:NOWHERE} is"),
    ("variable_unset", lambda p: p.variables(A="${file:x}"), "${file:x}"),
    ("name_misspelt", lambda p: p.write(name="a" * 61), "inputs.name: "),
    ("runtime_unusable", lambda p: p.write(runtime="Python3.9"), "Python3.9 is too old"),
    ("runtime_unusable", lambda p: p.write(runtime="Nodejs18.15"), "inputs.runtime: "),
    ("type_not_event", lambda p: p.write(type="web"), "inputs.type: "),
    ("type_missing", lambda p: p.write(type=None), "inputs.type is not there"),
    ("async_execution", lambda p: p.write(asyncRunEnable=True), "SCF does not retry the events"),
    ("retries_without_effect", lambda p: p.write(retryNum=1, msgTTL=60), "retryNum and msgTTL"),
    ("timeout_short", lambda p: p.write(timeout=3), "the function has 3 seconds (written)"),
    ("timeout_short", lambda p: p.write(timeout=None), "has 3 seconds (SCF's default)"),
    ("role_missing", lambda p: p.write(role=None), "inputs.role is not there"),
    ("environment_too_large", lambda p: p.variables(A=LONG, B=LONG), "bytes"),
    ("environment_large", lambda p: p.variables(A=LONG), "of 4096 bytes"),
    ("variable_reserved", lambda p: p.variables(SCF_MODE="1"), "variables.SCF_MODE: "),
    ("environment_absent", lambda p: p.write(environment=None), "environment.variables has noth"),
    ("credentials_in_configuration", lambda p: p.variables(USER_ID=KEY), "serverless.yml:"),
    ("credentials_in_configuration", lambda p: p.variables(COS_SECRET_KEY="k"), "COS_SECRET_KEY"),
    ("emulator_named", lambda p: p.variables(MPS_COS_PROXY="http://127.0.0.1:1"), "MPS_COS_PROXY"),
    ("unsigned_allowed", lambda p: p.variables(MPS_ALLOW_UNSIGNED="1"), "MPS_ALLOW_UNSIGNED is"),
    ("variable_unknown", lambda p: p.variables(MPS_BUCKET="a"), "MPS_BUCKET: did you mean MPS_BUC"),
    ("variable_unknown", lambda p: p.variables(MPS_QQQQQQ="a"), "MPS_QQQQQQ: not known"),
    ("mps_trigger_missing", lambda p: p.write(events=[TIMER]), "inputs.events has no mps"),
    ("trigger_type_missing", lambda p: p.trigger(type=None), "parameters.type: "),
    ("trigger_type_unknown", lambda p: p.trigger(type="LiveTask"), "LiveTask"),
    ("trigger_enable_missing", lambda p: p.trigger(enable=None), "parameters.enable: "),
    ("trigger_disabled", lambda p: p.trigger(enable=False), "WorkflowTask has enable: false"),
    (
        "trigger_behind_others",
        lambda p: p.write(events=[TIMER, MPS_TRIGGER]),
        "timer stands before mps",
    ),
    ("reconcile_timer_missing", lambda p: p.write(events=[MPS_TRIGGER]), "no timer for reconcile"),
    (
        "sdk_not_required",
        lambda p: p.files({"requirements.txt": "# scf-mps[mps]\nscf-mps[redis]\n"}),
        "neither requirements.txt nor the build",
    ),
    ("sdk_not_required", lambda p: p.files({"requirements.txt": None}), "for a timer"),
    (
        "sdk_not_required",
        lambda p: (
            p.files({"requirements.txt": None}),
            p.variables(
                MPS_FORWARD="https://a.example/,scf://f.ap-guangzhou",
                MPS_NOTIFY="wecom://KEY",
                MPS_RESUBMIT="2",
            ),
        ),
        "for a timer, MPS_FORWARD, MPS_RESUBMIT",
    ),
    ("dead_letters_missing", lambda p: p.write(deadLetter=None), "inputs.deadLetter is not there"),
    ("setting_refused", lambda p: p.write(memorySize=200), "expected 64, or a multiple of 128"),
    ("key_not_read", lambda p: p.write(traceEnable=True), "inputs.traceEnable: "),
    # Files
    (
        "build_missing",
        lambda p: shutil.rmtree(p.folder / "build"),
        "./build is not there, or empty",
    ),
    (
        "build_stale",
        lambda p: p.files({"handlers/__init__.py": HANDLERS + "\n"}),
        "build differs from the sources: handlers/__init__.py",
    ),
    (
        "build_stale",
        lambda p: p.files({f"handlers/{name}.py": "" for name in "abcde"}),
        "handlers/a.py, handlers/b.py, handlers/c.py and 2 more",
    ),
    ("build_stale", lambda p: p.files({"build/handlers/gone.py": ""}), "handlers/gone.py"),
    ("source_unbuilt", lambda p: p.write(src="./"), "serverless.yml uploads . as it is"),
    (
        "source_unbuilt",
        lambda p: (
            p.files({".env": "x", "tests/deep/x.key": "", "node_modules/y.key": ""}),
            p.write(src={"src": "./", "exclude": [".en?", "./tests/**"]}),
        ),
        "uploads . as it is",
    ),
    ("entry_file_missing", lambda p: p.files({"build/index.py": None}), "not in the root of build"),
    (
        "entry_function_missing",
        lambda p: p.write(handler="index.main"),
        "build/index.py has no main",
    ),
    (
        "module_shadows",
        lambda p: p.files({"build/json.py": ""}),
        "json.py: ",
    ),
    ("module_shadows", lambda p: p.files({"build/runtime.py": ""}), "runtime.py: "),
    (
        "extension_of_another_python",
        lambda p: p.files({"build/n.cpython-311-x86_64-linux-gnu.so": ""}),
        "n.cpython-311-x86_64-linux-gnu.so is not for Python3.10",
    ),
    ("extension_of_another_python", lambda p: p.files({"build/n.cp310-win_amd64.pyd": ""}), "pyd"),
    (
        "extension_of_another_python",
        lambda p: p.files({"build/n.cpython-310-aarch64-linux-gnu.so": ""}),
        "aarch64",
    ),
    (
        "bytecode_of_another_python",
        lambda p: p.files({"build/__pycache__/a.cpython-312.opt-1.pyc": ""}),
        "byte code of CPython 3.12, but the runtime is Python3.10",
    ),
    (
        "bytecode_missing",
        lambda p: p.files({"build/__pycache__/index.cpython-310.pyc": None}),
        "build has no __pycache__",
    ),
    ("secrets_uploaded", lambda p: p.files({"build/.env": "x"}), "build/.env: "),
    # Ledger and publishing
    ("ledger_malformed", lambda p: p.variables(MPS_LEDGER="cos://ledger/x/"), "region is missing"),
    ("ledger_malformed", lambda p: p.variables(MPS_LEDGER="coss://ledger/x/"), "did you mean cos"),
    ("ledger_none", lambda p: p.variables(MPS_LEDGER="none"), "MPS_LEDGER is none"),
    ("ledger_of_one_instance", lambda p: p.variables(MPS_LEDGER="memory://"), "is memory://"),
    ("ledger_of_one_instance", lambda p: p.variables(MPS_LEDGER="file:///srv/l"), "is file://"),
    ("place_malformed", lambda p: p.variables(MPS_PUBLISH="/vod/"), "cos://bucket.region"),
    ("place_malformed", lambda p: p.variables(MPS_PUBLISH="cos://vod.gz/"), "COS bucket"),
    ("place_malformed", lambda p: p.variables(MPS_ARCHIVE="vod-1"), "MPS_ARCHIVE"),
    (
        "place_not_allowed",
        lambda p: p.variables(MPS_PUBLISH="cos://vod-1.ap-guangzhou/", MPS_BUCKETS="media-*"),
        "vod-1 of MPS_PUBLISH is not among MPS_BUCKETS",
    ),
    ("place_not_allowed", lambda p: p.variables(MPS_BUCKETS=" , "), "in MPS_BUCKETS"),
]


@pytest.mark.parametrize(
    ("name", "trap", "what"), TRAPS, ids=lambda one: one if isinstance(one, str) else ""
)
def test_one_trap_is_one_finding(patient: Patient, name: str, trap: Trap, what: str) -> None:
    trap(patient)

    [finding] = patient.on_the_desk()

    check = CHECKS[name]
    assert what in finding.what
    assert (finding.name, finding.level, finding.advice) == (name, check.level, check.advice)
    assert KEY not in finding.what


TOGETHER: list[tuple[set[str], Trap]] = [
    # A trap whose consequences are traps of their own.
    ({"handler_misspelt", "entry_file_missing"}, lambda p: p.write(handler="a.b.c")),
    ({"events_missing", "reconcile_timer_missing"}, lambda p: p.write(events=None)),
    (
        {"hook_without_dist", "source_unbuilt"},
        lambda p: p.write(src={"src": "./", "hook": "make build"}),
    ),
    (
        {"source_unbuilt", "secrets_uploaded"},
        lambda p: (p.files({".env": "x"}), p.write(src="./")),
    ),
    (
        {"timer_argument_unknown", "reconcile_timer_missing"},
        lambda p: p.write(
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
        {"redis_not_required", "redis_out_of_reach", "redis_unseen"},
        lambda p: p.variables(MPS_LEDGER="redis://:hush-hush@10.0.0.5:6379/0"),
    ),
    (
        {"redis_unseen"},
        lambda p: (
            p.variables(MPS_LEDGER="redis://cache.example:6379/0"),
            p.files({"requirements.txt": "scf-mps[mps, redis]\n"}),
        ),
    ),
    (
        {"redis_unseen"},
        lambda p: (
            p.variables(MPS_LEDGER="redis://10.0.0.5:6379/0"),
            p.write(vpcConfig={"vpcId": "vpc-1", "subnetId": "subnet-1"}),
            p.files({"build/redis/__init__.py": ""}),
        ),
    ),
    # What looks like a trap and is none.
    (
        set(),
        lambda p: (
            p.write(events=None, ignoreTriggers=True)
            or p.write(events=[MPS_TRIGGER, TIMER], ignoreTriggers=None)
        ),
    ),
    (
        set(),
        lambda p: p.files({"build/n.abi3.so": "", "build/n.cpython-310-x86_64-linux-gnu.so": ""}),
    ),
    (set(), lambda p: p.files({"build/index.py": "def main_handler(event, context): ...\n"})),
    (set(), lambda p: p.files({"build/index.py": "main_handler = None\n"})),
    (set(), lambda p: p.files({"build/index.py": "from handlers import *\n"})),
    (set(), lambda p: p.files({"build/index.py": "def main_handler(:\n"})),
    (set(), lambda p: p.variables(MPS_PUBLISH="cos://vod-1.ap-guangzhou/", MPS_BUCKETS="vod-*")),
    (
        {"key_not_read"},
        lambda p: (
            p.variables(MPS_LEDGER="file:///mnt/l"),
            p.write(cfs=[{"localMountDir": "/mnt"}]),
        ),
    ),
    (
        set(),
        lambda p: (
            p.write(layers=[{"name": "libraries", "version": 3}]),
            p.files({"requirements.txt": None}),
        ),
    ),
    # A folder that has nothing to be built is what runs.
    (
        {"entry_file_missing", "sources_unusable"},
        lambda p: (shutil.rmtree(p.folder / "handlers"), p.write(src="./")),
    ),
    (
        set(),
        lambda p: (
            p.files({"own/index.py": "def main_handler(event, context): ...\n"}),
            p.write(src={"src": "own"}),
            p.files({"own/requirements.txt": "tencentcloud-sdk-python-common\n"}),
        ),
    ),
    # What is of no use at all.
    (
        {"setting_refused", "mps_trigger_missing", "reconcile_timer_missing"},
        lambda p: p.write(events="mps"),
    ),
    ({"setting_refused", "environment_absent"}, lambda p: p.write(environment=["A=1"])),
    (
        {"setting_refused"},
        lambda p: p.write(timeout="a minute", memorySize=[1]) or p.write(memorySize=256),
    ),
]


@pytest.mark.parametrize(("names", "trap"), TOGETHER)
def test_what_comes_together_and_what_is_no_trap(
    patient: Patient, names: set[str], trap: Trap
) -> None:
    trap(patient)

    found = patient.on_the_desk()

    assert {finding.name for finding in found} - {"timeout_short"} == names
    assert not any("hush" in finding.what for finding in found)


def test_a_desk_without_redis_says_nothing_of_the_function(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    patient.files({"build/redis/__init__.py": ""})
    patient.variables(MPS_LEDGER="redis://cache.example:6379/0")

    assert [finding.name for finding in patient.on_the_desk()] == ["redis_unseen"]

    patient.variables(MPS_LEDGER="redis://cache.example:port/0")
    assert "ledger_malformed" in [finding.name for finding in patient.on_the_desk()]


def test_a_zip_is_looked_at_in_place_of_the_build(patient: Patient) -> None:
    path = patient.folder / "function.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("index.py", "handlers/__init__.py", "__pycache__/index.cpython-310.pyc"):
            archive.write(patient.folder / "build" / name, f"function/{name}")

    [finding] = patient.on_the_desk(path)

    assert finding.name == "entry_file_missing"
    assert finding.what.endswith("function.zip, but function/index.py is there")


def test_a_zip_that_is_none_and_one_that_is_large(patient: Patient) -> None:
    path = patient.folder / "function.zip"
    path.write_text("no zip")
    assert [one.name for one in patient.on_the_desk(path)] == ["zip_unreadable"]

    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("film.mp4", os.urandom(16 * 2**20))
        for name in ("index.py", "handlers/__init__.py", "__pycache__/index.cpython-310.pyc"):
            archive.write(patient.folder / "build" / name, name)
    [finding] = patient.on_the_desk(path)
    assert finding.name == "code_large"
    assert "function.zip: 16.0 MB" in finding.what


def test_a_build_somewhere_else_is_shown_by_its_whole_path(
    patient: Patient, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "build"
    shutil.move(patient.folder / "build", elsewhere)
    (elsewhere / "index.py").unlink()
    patient.write(src={"src": "./", "hook": "scf-mps build", "dist": str(elsewhere)})

    [finding] = patient.on_the_desk()

    assert finding.what == f"index.py is not in the root of {elsewhere}"


def test_without_the_extra_that_reads_it_serverless_yml_is_not_looked_at(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "scf_mps.deploy.template", None)

    [finding] = patient.examined().findings

    assert (finding.name, finding.level) == ("extra_missing", "note")
    assert finding.what.startswith("serverless.yml was not looked at: ")
    assert finding.advice == "pip install 'scf-mps[cli,deploy]'."


PROC = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="NOT TESTED: nothing tells what a process uses"
)
APPLICATIONS: list[Any] = [
    (
        "application_broken",
        lambda p: p.handlers("import gone_for_good\n"),
        "handlers/__init__.py:1: ModuleNotFoundError: No module named 'gone_for_good'",
    ),
    (
        "application_broken",
        lambda p: p.handlers(HANDLERS.replace("transcode: Transcode", "*transcode: Transcode")),
        "RegistrationError",
    ),
    (
        "application_broken",
        lambda p: p.handlers("main_handler = 7\n"),
        "main_handler is no function",
    ),
    (
        "application_broken",
        lambda p: p.handlers("import os\nos._exit(7)\n"),
        "ends its process with 7",
    ),
    (
        "callbacks_missing",
        lambda p: p.handlers("from scf_mps import App\n\nmain_handler = App().main_handler\n"),
        "registers nothing",
    ),
    ("ledger_unset", lambda p: p.variables(MPS_LEDGER=None, A="1"), "neither App(ledger=) nor MPS"),
    (
        "time_too_short",
        lambda p: p.handlers(HANDLERS.replace("needs=5", "needs=60")),
        "handlers.note needs 60 s of 60 s",
    ),
    (
        "time_too_short",
        lambda p: p.handlers(HANDLERS.replace(", needs=5", "").replace("App()", "App(reserve=70)")),
        "handlers.note needs 70 s of 60 s",
    ),
    pytest.param(
        "memory_too_small",
        lambda p: (p.handlers(HANDLERS + "held = b'x' * 70_000_000\n"), p.write(memorySize=64)),
        " MB of 64 MB",
        marks=PROC,
    ),
    pytest.param(
        "memory_small",
        lambda p: (p.handlers(HANDLERS + "held = b'x' * 95_000_000\n"), p.write(memorySize=128)),
        " MB of 128 MB",
        marks=PROC,
    ),
    (
        "edit_trigger_missing",
        lambda p: p.handlers(HANDLERS.replace("Transcode", "EditMediaTask")),
        "handlers.note would receive nothing",
    ),
]


@pytest.mark.parametrize(("name", "trap", "what"), APPLICATIONS)
def test_one_trap_of_the_application_is_one_finding(
    patient: Patient, name: str, trap: Trap, what: str
) -> None:
    trap(patient)

    [finding] = patient.examined().findings

    check = CHECKS[name]
    assert what in finding.what
    assert (finding.name, finding.level, finding.advice) == (name, check.level, check.advice)


def test_where_there_is_nothing_nothing_is_loaded(patient: Patient) -> None:
    shutil.rmtree(patient.folder / "build")
    shutil.rmtree(patient.folder / "handlers")

    examination = patient.examined()

    assert [one.name for one in examination.findings] == ["sources_unusable", "build_missing"]
    assert examination.seen == ()


def test_the_time_for_loading_has_an_end(patient: Patient) -> None:
    patient.handlers("import threading\nthreading.Event().wait()\n")

    [finding] = patient.examined(seconds=0.5).findings

    assert finding.name == "application_broken"
    assert finding.what == "it takes more than 0.5 s"


@pytest.mark.parametrize("limit", ["abc", float("inf"), [1]])
def test_a_time_for_loading_that_is_none_is_a_finding(patient: Patient, limit: object) -> None:
    patient.handlers("def main_handler(event, context): ...\n")
    patient.write(initTimeout=limit)

    [finding] = patient.examined().findings

    assert finding.name == "setting_refused"
    assert "inputs.initTimeout: " in finding.what


def test_a_handler_that_is_no_application_s_is_only_loaded(patient: Patient) -> None:
    patient.handlers("def main_handler(event, context): ...\n")

    assert patient.examined().findings == ()


def test_the_sources_are_loaded_where_there_is_no_build_of_them(patient: Patient) -> None:
    own = "{}.{}".format(*sys.version_info)
    patient.files({"handlers/__init__.py": HANDLERS + "\n"})
    seen = patient.examined().seen[0]
    assert seen.startswith(f"handlers by CPython {own}")

    patient.write(runtime="Python3.9")
    assert patient.examined().seen[0].startswith(f"handlers by CPython {own}")


def test_where_no_such_python_is_found_the_sources_are_loaded_by_the_running_one(
    patient: Patient, no_pythons: Path
) -> None:
    other = "Python3.13" if sys.version_info[:2] != (3, 13) else "Python3.12"
    patient.write(runtime=other)
    patient.files({f"build/__pycache__/index.cpython-{other[6]}{other[8:]}.pyc": ""})
    patient.files({"build/__pycache__/index.cpython-310.pyc": None})

    examination = patient.examined()

    assert examination.findings == ()
    assert examination.seen[0].startswith("handlers by ")


def test_callbacks_do_not_run_unless_that_is_asked_for(patient: Patient) -> None:
    witness = patient.folder / "witness"
    patient.handlers(
        HANDLERS.replace("print(transcode.definition)", f"open({str(witness)!r}, 'w').close()")
        + "\n\n@app.on(Transcode, when=lambda one: 1 / 0)\n"
        "def never(transcode: Transcode) -> None:\n    print('not reached')\n"
    )
    text = (patient.folder / "handlers/__init__.py").read_text()
    main = "main_handler = app.main_handler\n"
    patient.handlers(text.replace(main, "") + "\n" + main)

    assert patient.examined().findings == ()
    assert not witness.exists()

    [finding] = patient.examined(dispatch=True).findings
    assert witness.exists()
    assert finding.name == "sample_failed"
    assert "CallbacksFailed" in finding.what


def test_a_sample_that_is_handled_well_is_no_finding(patient: Patient) -> None:
    assert patient.examined(dispatch=True).findings == ()


def test_the_application_gets_its_own_variables_and_none_of_the_desk_s_keys(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", "hush")
    monkeypatch.setenv("MPS_PUBLISH", "of the desk")
    patient.variables(COLOUR="blue")
    patient.handlers(
        "import os\n"
        "told = [os.environ.get(name) for name in ('COLOUR', 'MPS_PUBLISH', 'TENCENTCLOUD_SECRETKEY')]\n"
        "assert told == ['blue', None, None], told\n" + HANDLERS
    )

    assert patient.examined().findings == ()


def test_the_command_prints_findings_with_advice_and_ends_with_1_for_an_error(
    patient: Patient,
) -> None:
    assert run(patient).exit_code == 0
    assert "no findings" in run(patient).stdout
    patient.write(timeout=3, role=None)
    patient.trigger(type=None)

    ran = run(patient)

    assert ran.exit_code == 1
    lines = ran.stdout.splitlines()
    assert lines[0].startswith("error: inputs.events[0].mps.parameters.type: ")
    assert lines[0].endswith("(trigger_type_missing)")
    assert lines[2] == f"  → {CHECKS['trigger_type_missing'].advice}"
    assert lines[-1].startswith("2 errors, 2 warnings")


def test_the_command_prints_json_too(patient: Patient) -> None:
    patient.write(role=None)

    ran = run(patient, "--json")

    told = json.loads(ran.stdout)
    assert ran.exit_code == 0
    assert [(one["name"], one["level"]) for one in told["findings"]] == [
        ("role_missing", "warning")
    ]
    assert told["reminders"]


def test_this_repository_has_no_error(ours: Project) -> None:
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


def test_the_documentation_has_every_finding(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs" / "doctor.md").read_text("utf-8")
    runpy.run_module("scf_mps.doctor", run_name="__main__")
    assert capsys.readouterr().out in text, (
        "docs/doctor.md: put in what python -m scf_mps.doctor prints"
    )


def test_every_check_says_what_it_finds_why_and_what_to_do() -> None:
    for check in CHECKS.values():
        assert check.about.endswith("."), check.name
        assert check.why, check.name
        assert check.advice.endswith("."), check.name
    assert len(CHECKS) == sum(len(area.checks) for area in AREAS)


def test_the_known_variables_are_those_that_the_code_reads() -> None:
    text = "".join(
        path.read_text("utf-8")
        for top in ("src/scf_mps", "handlers")
        for path in (ROOT / top).rglob("*.py")
        if "doctor" not in path.relative_to(ROOT).parts
    )
    assert set(re.findall(r"\bMPS_[A-Z_]{3,}\b", text)) == set(KNOWN_VARIABLES)
