"""The project's serverless.yml avoids every trap of the deploy clients (see `test_traps.py`)."""

import re

import yaml

from scf_mps.build.names import HANDLER
from scf_mps.build.runtimes import parse_runtime
from tests.support.sample_data import ROOT

from .support import list_triggers, take_actions

TEXT = (ROOT / "serverless.yml").read_text("utf-8")
INSTANCE = yaml.safe_load(TEXT)
INPUTS = INSTANCE["inputs"]


def uncomment(first):
    """Return the file with the comment marks of the block removed that begins with this line."""
    lines = TEXT.splitlines()
    start = lines.index(first)
    indent = first[: first.index("#")]
    for number in range(start, len(lines)):
        if not lines[number].startswith(f"{indent}# "):
            break
        lines[number] = indent + lines[number].removeprefix(f"{indent}# ")
    return "\n".join(lines)


def test_hook_builds_and_uploads_build_folder_only():
    assert INPUTS["src"] == {"src": "./", "hook": "make build", "dist": "./build"}
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"^build: .*\n\t@\$\(BIN\)/scf-mps build$", makefile, re.MULTILINE)


def test_handler_and_runtime_match_build():
    assert INPUTS["handler"] == HANDLER
    assert re.fullmatch(r"[A-Za-z][\w-]{1,59}\.[A-Za-z][\w-]{1,59}", INPUTS["handler"])
    assert parse_runtime(INPUTS["runtime"]).name == INPUTS["runtime"]


def test_name_is_valid_and_set_in_file():
    assert re.fullmatch(r"[A-Za-z][\w-]{0,58}[A-Za-z0-9]", INPUTS["name"])
    assert INPUTS["name"] == "-".join(INSTANCE[key] for key in ("app", "stage", "name"))


def test_no_value_is_interpolated():
    values = yaml.safe_dump(INSTANCE)
    assert "${" not in values


def test_settings_avoid_harmful_defaults():
    assert INPUTS["type"] == "event"
    assert 3 < INPUTS["timeout"] <= 900
    assert INPUTS["memorySize"] in range(256, 3073, 128)
    assert 3 < INPUTS["initTimeout"] <= 300
    assert INPUTS["role"]


def test_trigger_sets_every_parameter():
    assert INPUTS["events"] == [
        {"mps": {"parameters": {"type": "WorkflowTask", "qualifier": "$DEFAULT", "enable": True}}}
    ]


def test_ignored_settings_are_absent():
    assert not {"retryNum", "msgTTL", "asyncRunEnable"} & INPUTS.keys()


def test_variables_are_valid_for_scf():
    variables = INPUTS["environment"]["variables"]
    assert variables
    assert all(re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) for name in variables)
    assert not [name for name in variables if name.startswith(("SCF_", "QCLOUD_", "TENCENTCLOUD_"))]
    assert sum(len(f"{name}{value}".encode()) for name, value in variables.items()) <= 4096


def test_documented_variables_are_read():
    sources = [*(ROOT / "src" / "scf_mps").rglob("*.py"), *(ROOT / "handlers").glob("*.py")]
    code = "".join(path.read_text("utf-8") for path in sources)
    names = set(re.findall(r"\bMPS_[A-Z_]+(?=:)", TEXT))
    assert "MPS_LOG_LEVEL" in names
    assert not [name for name in names if f'"{name}"' not in code]


def test_commented_edit_trigger_works(cloud):
    cloud.deploy(INPUTS)
    take_actions(cloud)
    both = yaml.safe_load(uncomment("    # - mps:"))["inputs"]
    assert "error" not in cloud.deploy(both)
    assert take_actions(cloud) == [
        "UpdateFunctionCode",
        "UpdateFunctionConfiguration",
        "BindTrigger",
    ]
    assert list_triggers(cloud, INPUTS["name"]) == [("WorkflowTask", "on"), ("EditMediaTask", "on")]


def test_commented_dead_letter_queue_works(cloud):
    inputs = yaml.safe_load(uncomment("  # deadLetter:"))["inputs"]
    assert "error" not in cloud.deploy(inputs)
    queue = cloud.function(INPUTS["name"]).latest.settings["DeadLetterConfig"]
    assert (queue["Type"], queue["Name"]) == ("CMQ-QUEUE", "mps-events-failed")
