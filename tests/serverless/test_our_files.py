"""serverless.yml as it stands: every trap of the deploy clients (`test_traps.py`) is avoided in it."""

from __future__ import annotations

import re
from typing import Any

import yaml

from scf_mps.build.names import HANDLER
from scf_mps.build.runtimes import parse_runtime
from tests.support.sample_data import ROOT

from .conftest import Cloud
from .test_traps import actions, bound

TEXT = (ROOT / "serverless.yml").read_text("utf-8")
INSTANCE: dict[str, Any] = yaml.safe_load(TEXT)
INPUTS: dict[str, Any] = INSTANCE["inputs"]


def without_comment_marks(first: str) -> str:
    """The file with the commented block that begins with this line taken in."""
    lines = TEXT.splitlines()
    start = lines.index(first)
    indent = first[: first.index("#")]
    for number in range(start, len(lines)):
        if not lines[number].startswith(f"{indent}# "):
            break
        lines[number] = indent + lines[number].removeprefix(f"{indent}# ")
    return "\n".join(lines)


def test_the_build_runs_as_a_hook_and_its_folder_alone_is_uploaded() -> None:
    assert INPUTS["src"] == {"src": "./", "hook": "make build", "dist": "./build"}
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"^build: .*\n\t@\$\(BIN\)/scf-mps build$", makefile, re.MULTILINE)


def test_the_function_is_one_that_the_build_makes() -> None:
    assert INPUTS["handler"] == HANDLER
    assert re.fullmatch(r"[A-Za-z][\w-]{1,59}\.[A-Za-z][\w-]{1,59}", INPUTS["handler"])
    assert parse_runtime(INPUTS["runtime"]).name == INPUTS["runtime"]


def test_the_name_is_one_that_scf_takes_and_that_only_this_file_decides() -> None:
    assert re.fullmatch(r"[A-Za-z][\w-]{0,58}[A-Za-z0-9]", INPUTS["name"])
    assert INPUTS["name"] == "-".join(INSTANCE[key] for key in ("app", "stage", "name"))


def test_no_value_is_filled_in_by_somebody_else() -> None:
    values = yaml.safe_dump(INSTANCE)
    assert "${" not in values


def test_nothing_is_left_to_a_default_that_harms() -> None:
    assert INPUTS["type"] == "event"
    assert 3 < INPUTS["timeout"] <= 900
    assert INPUTS["memorySize"] in range(256, 3073, 128)
    assert 3 < INPUTS["initTimeout"] <= 300
    assert INPUTS["role"]


def test_the_trigger_says_everything_it_can() -> None:
    assert INPUTS["events"] == [
        {"mps": {"parameters": {"type": "WorkflowTask", "qualifier": "$DEFAULT", "enable": True}}}
    ]


def test_nothing_is_set_that_would_be_ignored() -> None:
    assert not {"retryNum", "msgTTL", "asyncRunEnable"} & INPUTS.keys()


def test_there_are_variables_and_scf_takes_them() -> None:
    variables = INPUTS["environment"]["variables"]
    assert variables
    assert all(re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) for name in variables)
    assert not [name for name in variables if name.startswith(("SCF_", "QCLOUD_", "TENCENTCLOUD_"))]
    assert sum(len(f"{name}{value}".encode()) for name, value in variables.items()) <= 4096


def test_every_variable_of_ours_in_it_is_one_that_is_read() -> None:
    sources = [*(ROOT / "src" / "scf_mps").rglob("*.py"), *(ROOT / "handlers").glob("*.py")]
    code = "".join(path.read_text("utf-8") for path in sources)
    names = set(re.findall(r"\bMPS_[A-Z_]+(?=:)", TEXT))
    assert "MPS_LOG_LEVEL" in names
    assert not [name for name in names if f'"{name}"' not in code]


def test_the_line_for_editing_tasks_adds_their_trigger(cloud: Cloud) -> None:
    cloud.deploy(INPUTS)
    actions(cloud)
    both = yaml.safe_load(without_comment_marks("    # - mps:"))["inputs"]
    assert "error" not in cloud.deploy(both)
    assert actions(cloud) == ["UpdateFunctionCode", "UpdateFunctionConfiguration", "BindTrigger"]
    assert bound(cloud) == [("WorkflowTask", "on"), ("EditMediaTask", "on")]


def test_the_lines_for_a_dead_letter_queue_set_one(cloud: Cloud) -> None:
    inputs = yaml.safe_load(without_comment_marks("  # deadLetter:"))["inputs"]
    assert "error" not in cloud.deploy(inputs)
    queue = cloud.function(INPUTS["name"]).latest.settings["DeadLetterConfig"]
    assert (queue["Type"], queue["Name"]) == ("CMQ-QUEUE", "mps-events-failed")
