"""What Tencent's deploy clients do with settings that look harmless: why serverless.yml says each thing as it does.

The names of the tests are theirs; what our file says instead is in `test_our_files.py`.
"""

from __future__ import annotations

import copy
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.sample_data import ROOT

from .conftest import Client, Cloud, check_out

OURS: dict[str, Any] = yaml.safe_load((ROOT / "serverless.yml").read_text("utf-8"))["inputs"]
NAME = OURS["name"]


def inputs(**changed: Any) -> dict[str, Any]:
    """Ours with other values; None leaves a key out."""
    merged = {**copy.deepcopy(OURS), **changed}
    return {key: value for key, value in merged.items() if value is not None}


def mps(**parameters: Any) -> list[dict[str, Any]]:
    return [
        {"mps": {"parameters": {"type": "WorkflowTask", "qualifier": "$DEFAULT", **parameters}}}
    ]


@pytest.fixture
def deploy(cloud: Cloud) -> Callable[..., dict[str, Any]]:
    """Deploys ours with other values; the result is what the client says."""
    return lambda **changed: cloud.deploy(inputs(**changed))


def actions(cloud: Cloud) -> list[str]:
    """The changes since this was last asked."""
    found = [action for action, _ in cloud.changes]
    cloud.api.requests.clear()
    return found


def bound(cloud: Cloud) -> list[tuple[str, str]]:
    """Which of MPS's triggers there are, and whether they are on."""
    return [
        (json.loads(one["TriggerDesc"])["eventType"], one["BindStatus"])
        for one in cloud.function(NAME).triggers
    ]


UPDATE = ["UpdateFunctionCode", "UpdateFunctionConfiguration"]


def test_enable_false_binds_at_the_first_deployment_and_unbinds_at_the_second(
    cloud: Cloud, deploy: Callable[..., Any]
) -> None:
    deploy(events=mps(enable=False))
    assert actions(cloud) == ["CreateFunction", "BindTrigger"]
    assert bound(cloud) == [("WorkflowTask", "on")]
    deploy(events=mps(enable=False))
    assert actions(cloud) == [*UPDATE, "UnbindTrigger"]
    assert bound(cloud) == [("WorkflowTask", "off")]


def test_enable_left_out_binds(cloud: Cloud, deploy: Callable[..., Any]) -> None:
    deploy(events=mps())
    assert bound(cloud) == [("WorkflowTask", "on")]


def test_enable_true_binds_again_what_was_unbound(cloud: Cloud, deploy: Callable[..., Any]) -> None:
    deploy()
    deploy(events=mps(enable=False))
    actions(cloud)
    deploy()
    assert actions(cloud) == [*UPDATE, "BindTrigger"]
    assert bound(cloud) == [("WorkflowTask", "on")]


def test_a_trigger_whose_type_is_left_out_deletes_the_one_there_is(
    cloud: Cloud, deploy: Callable[..., Any]
) -> None:
    deploy()
    answer = deploy(events=[{"mps": {"parameters": {"enable": True}}}])
    assert "BindTrigger" in answer["error"]
    assert bound(cloud) == []


def test_another_type_deletes_the_trigger_before_it_binds_the_new_one(
    cloud: Cloud, deploy: Callable[..., Any]
) -> None:
    deploy()
    actions(cloud)
    deploy(events=mps(type="EditMediaTask", enable=True))
    assert actions(cloud) == [*UPDATE, "DeleteTrigger", "BindTrigger"]
    assert bound(cloud) == [("EditMediaTask", "on")]


def test_a_second_function_is_not_given_the_accounts_mps_trigger(
    cloud: Cloud, deploy: Callable[..., Any]
) -> None:
    deploy()
    answer = deploy(name="another-function")
    assert "The account's MPS trigger is bound to" in answer["error"]
    assert cloud.function("another-function").triggers == []


@pytest.mark.parametrize(
    ("settings", "called"),
    [
        ({}, False),
        ({"asyncRunEnable": True, "type": None}, False),
        ({"asyncRunEnable": True}, True),
    ],
)
def test_retries_are_set_of_an_asynchronous_function_with_a_type_alone(
    cloud: Cloud, deploy: Callable[..., Any], settings: Mapping[str, Any], called: bool
) -> None:
    answer = deploy(retryNum=1, msgTTL=3600, namespace="default", **settings)
    assert "error" not in answer
    assert ("UpdateFunctionEventInvokeConfig" in actions(cloud)) is called
    config = cloud.function(NAME).invoke_config
    assert config["MsgTTL"] == (3600 if called else 21600)
    assert config["RetryConfig"] == [{"RetryNum": 1 if called else 2}]


def test_retries_without_a_namespace_fail_the_first_deployment(
    cloud: Cloud, deploy: Callable[..., Any]
) -> None:
    answer = deploy(retryNum=1, asyncRunEnable=True)
    assert "Cannot read properties of null (reading 'Namespace')" in answer["error"]
    assert actions(cloud) == ["CreateFunction"]


def test_the_runtime_of_a_function_that_exists_stays_as_it_is_and_nobody_says_so(
    cloud: Cloud, deploy: Callable[..., Any]
) -> None:
    deploy()
    assert "error" not in deploy(runtime="Python3.12")
    assert cloud.function(NAME).latest.settings["Runtime"] == "Python3.10"


def test_a_trigger_without_a_resource_makes_the_deployment_fail(
    cloud: Cloud, deploy: Callable[..., Any]
) -> None:
    deploy(events=[])
    other = {"Type": "eb", "TriggerName": "rule", "TriggerDesc": "", "ResourceId": None}
    cloud.function(NAME).triggers.append({**other, "Qualifier": "$DEFAULT", "BindStatus": ""})
    answer = deploy()
    assert "Cannot read properties of null (reading 'indexOf')" in answer["error"]


def test_a_timer_behind_the_mps_trigger_is_made_after_it(
    cloud: Cloud, deploy: Callable[..., Any]
) -> None:
    timer = {"name": "reconcile", "parameters": {"cronExpression": "0 0 3 * * * *", "enable": True}}
    assert "error" not in deploy(events=[*mps(enable=True), {"timer": timer}])
    assert actions(cloud) == ["CreateFunction", "BindTrigger", "CreateTrigger"]


def test_an_unknown_trigger_fails_after_the_code_was_changed(
    cloud: Cloud, deploy: Callable[..., Any]
) -> None:
    deploy()
    actions(cloud)
    answer = deploy(events=[{"mpss": {"parameters": {}}}])
    assert "TriggerClass is not a constructor" in answer["error"]
    assert actions(cloud) == UPDATE


def test_without_events_all_triggers_are_deleted_and_ignore_triggers_leaves_them(
    cloud: Cloud, deploy: Callable[..., Any]
) -> None:
    deploy()
    deploy(events=None, ignoreTriggers=True)
    assert bound(cloud) == [("WorkflowTask", "on")]
    deploy(events=None)
    assert bound(cloud) == []


def test_an_update_sets_exactly_the_variables_of_the_file(
    cloud: Cloud, deploy: Callable[..., Any]
) -> None:
    deploy(environment={"variables": {"MADE_IN_THE_CONSOLE": "1"}})
    deploy()
    variables = cloud.function(NAME).latest.settings["Environment"]["Variables"]
    assert variables == [{"Key": "MPS_LOG_LEVEL", "Value": "INFO"}]


def test_an_update_without_variables_removes_all(cloud: Cloud, deploy: Callable[..., Any]) -> None:
    deploy()
    assert cloud.function(NAME).latest.settings["Environment"]["Variables"]
    deploy(environment=None)
    assert cloud.function(NAME).latest.settings["Environment"]["Variables"] == []


def test_the_defaults_are_three_seconds_and_128_megabytes_and_no_role(
    cloud: Cloud, deploy: Callable[..., Any]
) -> None:
    deploy(timeout=None, memorySize=None, role=None)
    settings = cloud.function(NAME).latest.settings
    assert (settings["Timeout"], settings["MemorySize"], settings["Role"]) == (3, 128, "")


def test_a_dead_letter_queue_is_set_by_serverless_yml(
    cloud: Cloud, deploy: Callable[..., Any]
) -> None:
    deploy(deadLetter={"type": "CMQ-QUEUE", "name": "mps-events-failed"})
    queue = cloud.function(NAME).latest.settings["DeadLetterConfig"]
    assert (queue["Type"], queue["Name"]) == ("CMQ-QUEUE", "mps-events-failed")


def test_a_hook_without_dist_does_not_run_and_everything_but_git_is_uploaded(
    components: Client, cloud: Cloud, tmp_path: Path
) -> None:
    folder = check_out(tmp_path)
    path = folder / "serverless.yml"
    configuration = yaml.safe_load(path.read_text("utf-8"))
    configuration["inputs"]["src"] = {"src": "./", "hook": "touch was-run"}
    variables = configuration["inputs"]["environment"]["variables"]
    variables |= {"MPS_INSIDE": "cos://${env:UNSET}/vod/", "MPS_ALONE": "${env:UNSET}"}
    variables["MPS_SET"] = "${env:A_VALUE}"
    path.write_text(yaml.safe_dump(configuration))
    done = components(folder, "deploy", "--stage", "prod", A_VALUE="here")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (folder / "was-run").exists()
    with zipfile.ZipFile(io.BytesIO(cloud.platform.uploads[0])) as archive:
        names = archive.namelist()
        assert b"not-to-be-uploaded" in archive.read(".env")
        assert {one.compress_type for one in archive.infolist()} == {zipfile.ZIP_STORED}
    assert "tests/serverless/proxy.py" in names
    assert not [name for name in names if name.startswith(".git/")]
    # An unset variable: nothing is said of it.
    (run,) = cloud.platform.runs
    assert run["instance"]["inputs"]["environment"]["variables"] == {
        "MPS_LOG_LEVEL": "INFO",
        "MPS_INSIDE": "cos://undefined/vod/",
        "MPS_SET": "here",
    }
    # Another stage: the function's name does not follow.
    assert run["instance"]["stageName"] == "prod"
    assert [action for action, _ in cloud.changes] == ["CreateFunction", "BindTrigger"]
    assert cloud.changes[0][1]["FunctionName"] == NAME
    # The platform is given the keys themselves.
    assert run["credentials"]["tencent"]["SecretKey"] == cloud.api.key.secret_key


def test_a_hook_that_fails_deploys_nothing(components: Client, cloud: Cloud, small: Path) -> None:
    path = small / "serverless.yml"
    configuration = yaml.safe_load(path.read_text("utf-8"))
    configuration["inputs"]["src"] = {"src": "./", "hook": "exit 3", "dist": "./code"}
    path.write_text(yaml.safe_dump(configuration))
    done = components(small)
    assert done.returncode == 1
    assert "exit 3" in done.stdout
    assert cloud.platform.runs == []
    assert cloud.changes == []
