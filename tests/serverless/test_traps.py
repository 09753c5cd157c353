"""Traps of Tencent's deploy clients, which explain the settings of serverless.yml.

`test_serverless_yml.py` checks that the file avoids them.
"""

import copy
import io
import zipfile

import pytest
import yaml

from tests.support.sample_data import ROOT

from .support import create_checkout, list_triggers, take_actions

OURS = yaml.safe_load((ROOT / "serverless.yml").read_text("utf-8"))["inputs"]
NAME = OURS["name"]


def inputs(**changed):
    """Return the inputs of serverless.yml with other values. None removes a key."""
    merged = {**copy.deepcopy(OURS), **changed}
    return {key: value for key, value in merged.items() if value is not None}


def mps(**parameters):
    return [
        {"mps": {"parameters": {"type": "WorkflowTask", "qualifier": "$DEFAULT", **parameters}}}
    ]


@pytest.fixture
def deploy(cloud):
    """Deploys the inputs with other values and returns the client's result."""
    return lambda **changed: cloud.deploy(inputs(**changed))


UPDATE = ["UpdateFunctionCode", "UpdateFunctionConfiguration"]


def test_enable_false_binds_first_and_unbinds_second(cloud, deploy):
    deploy(events=mps(enable=False))
    assert take_actions(cloud) == ["CreateFunction", "BindTrigger"]
    assert list_triggers(cloud, NAME) == [("WorkflowTask", "on")]
    deploy(events=mps(enable=False))
    assert take_actions(cloud) == [*UPDATE, "UnbindTrigger"]
    assert list_triggers(cloud, NAME) == [("WorkflowTask", "off")]


def test_enable_left_out_binds(cloud, deploy):
    deploy(events=mps())
    assert list_triggers(cloud, NAME) == [("WorkflowTask", "on")]


def test_enable_true_binds_again(cloud, deploy):
    deploy()
    deploy(events=mps(enable=False))
    take_actions(cloud)
    deploy()
    assert take_actions(cloud) == [*UPDATE, "BindTrigger"]
    assert list_triggers(cloud, NAME) == [("WorkflowTask", "on")]


def test_trigger_without_type_deletes_existing_trigger(cloud, deploy):
    deploy()
    result = deploy(events=[{"mps": {"parameters": {"enable": True}}}])
    assert "BindTrigger" in result["error"]
    assert list_triggers(cloud, NAME) == []


def test_another_type_replaces_trigger(cloud, deploy):
    deploy()
    take_actions(cloud)
    deploy(events=mps(type="EditMediaTask", enable=True))
    assert take_actions(cloud) == [*UPDATE, "DeleteTrigger", "BindTrigger"]
    assert list_triggers(cloud, NAME) == [("EditMediaTask", "on")]


def test_second_function_gets_no_mps_trigger(cloud, deploy):
    deploy()
    result = deploy(name="another-function")
    assert "MPS trigger" in result["error"]
    assert cloud.function("another-function").triggers == []


@pytest.mark.parametrize(
    ("settings", "called"),
    [
        ({}, False),
        ({"asyncRunEnable": True, "type": None}, False),
        ({"asyncRunEnable": True}, True),
    ],
)
def test_retries_need_type_and_async_execution(cloud, deploy, settings, called):
    result = deploy(retryNum=1, msgTTL=3600, namespace="default", **settings)
    assert "error" not in result
    assert ("UpdateFunctionEventInvokeConfig" in take_actions(cloud)) is called
    config = cloud.function(NAME).invoke_config
    assert config["MsgTTL"] == (3600 if called else 21600)
    assert config["RetryConfig"] == [{"RetryNum": 1 if called else 2}]


def test_retries_without_namespace_fail_first_deployment(cloud, deploy):
    result = deploy(retryNum=1, asyncRunEnable=True)
    assert "Cannot read properties of null (reading 'Namespace')" in result["error"]
    assert take_actions(cloud) == ["CreateFunction"]


def test_runtime_of_existing_function_is_not_changed(cloud, deploy):
    deploy()
    assert "error" not in deploy(runtime="Python3.12")
    assert cloud.function(NAME).latest.settings["Runtime"] == "Python3.10"


def test_trigger_without_resource_fails_deployment(cloud, deploy):
    deploy(events=[])
    other = {"Type": "eb", "TriggerName": "rule", "TriggerDesc": "", "ResourceId": None}
    cloud.function(NAME).triggers.append({**other, "Qualifier": "$DEFAULT", "BindStatus": ""})
    result = deploy()
    assert "Cannot read properties of null (reading 'indexOf')" in result["error"]


def test_timer_after_mps_trigger_is_created(cloud, deploy):
    timer = {"name": "reconcile", "parameters": {"cronExpression": "0 0 3 * * * *", "enable": True}}
    assert "error" not in deploy(events=[*mps(enable=True), {"timer": timer}])
    assert take_actions(cloud) == ["CreateFunction", "BindTrigger", "CreateTrigger"]


def test_unknown_trigger_fails_after_code_change(cloud, deploy):
    deploy()
    take_actions(cloud)
    result = deploy(events=[{"mpss": {"parameters": {}}}])
    assert "TriggerClass is not a constructor" in result["error"]
    assert take_actions(cloud) == UPDATE


def test_missing_events_delete_all_triggers(cloud, deploy):
    deploy()
    deploy(events=None, ignoreTriggers=True)
    assert list_triggers(cloud, NAME) == [("WorkflowTask", "on")]
    deploy(events=None)
    assert list_triggers(cloud, NAME) == []


def test_update_sets_exactly_given_variables(cloud, deploy):
    deploy(environment={"variables": {"MADE_IN_THE_CONSOLE": "1"}})
    deploy()
    variables = cloud.function(NAME).latest.settings["Environment"]["Variables"]
    assert variables == [{"Key": "MPS_LOG_LEVEL", "Value": "INFO"}]


def test_update_without_variables_removes_all(cloud, deploy):
    deploy()
    assert cloud.function(NAME).latest.settings["Environment"]["Variables"]
    deploy(environment=None)
    assert cloud.function(NAME).latest.settings["Environment"]["Variables"] == []


def test_defaults_are_small_and_without_role(cloud, deploy):
    deploy(timeout=None, memorySize=None, role=None)
    settings = cloud.function(NAME).latest.settings
    assert (settings["Timeout"], settings["MemorySize"], settings["Role"]) == (3, 128, "")


def test_dead_letter_queue_is_set(cloud, deploy):
    deploy(deadLetter={"type": "CMQ-QUEUE", "name": "mps-events-failed"})
    queue = cloud.function(NAME).latest.settings["DeadLetterConfig"]
    assert (queue["Type"], queue["Name"]) == ("CMQ-QUEUE", "mps-events-failed")


def test_hook_without_dist_uploads_checkout(components, cloud, tmp_path):
    folder = create_checkout(tmp_path)
    path = folder / "serverless.yml"
    configuration = yaml.safe_load(path.read_text("utf-8"))
    configuration["inputs"]["src"] = {"src": "./", "hook": "touch was-run"}
    variables = configuration["inputs"]["environment"]["variables"]
    variables |= {"MPS_INSIDE": "cos://${env:UNSET}/vod/", "MPS_ALONE": "${env:UNSET}"}
    variables["MPS_SET"] = "${env:A_VALUE}"
    path.write_text(yaml.safe_dump(configuration))
    completed = components(folder, "deploy", "--stage", "prod", A_VALUE="here")
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert not (folder / "was-run").exists()
    with zipfile.ZipFile(io.BytesIO(cloud.platform.uploads[0])) as archive:
        names = archive.namelist()
        assert b"not-to-be-uploaded" in archive.read(".env")
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}
    assert "tests/serverless/proxy.py" in names
    assert not [name for name in names if name.startswith(".git/")]
    # An unset variable causes no error.
    (run,) = cloud.platform.runs
    assert run["instance"]["inputs"]["environment"]["variables"] == {
        "MPS_LOG_LEVEL": "INFO",
        "MPS_INSIDE": "cos://undefined/vod/",
        "MPS_SET": "here",
    }
    # The function's name does not depend on the stage.
    assert run["instance"]["stageName"] == "prod"
    assert [action for action, _ in cloud.changes] == ["CreateFunction", "BindTrigger"]
    assert cloud.changes[0][1]["FunctionName"] == NAME
    # The platform receives the secret key.
    assert run["credentials"]["tencent"]["SecretKey"] == cloud.api.key.secret_key


def test_failing_hook_deploys_nothing(components, cloud, small):
    path = small / "serverless.yml"
    configuration = yaml.safe_load(path.read_text("utf-8"))
    configuration["inputs"]["src"] = {"src": "./", "hook": "exit 3", "dist": "./code"}
    path.write_text(yaml.safe_dump(configuration))
    completed = components(small)
    assert completed.returncode == 1
    assert "exit 3" in completed.stdout
    assert cloud.platform.runs == []
    assert cloud.changes == []
