"""`scf-mps deploy` and `remove` against an emulated cloud: the calls, their order, and none in a second run."""

import json
import socket
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scf_mps.deploy.deploy import DeployOptions, load_function, prepare_deployment
from scf_mps.deploy.errors import DeployError
from scf_mps.local.api import CloudApi, Mps, Scf
from tests.support.raw_server import Server
from tests.support.serverless_yml import MPS_TRIGGER, TIMER

from .support import (
    NAME,
    REGION,
    SECRET,
    Project,
    dry_run,
    fetch_plan,
    get_deployed,
    get_last,
    list_planned_changes,
    list_steps,
    list_writes,
    load_target,
    run_cli,
)


def test_deploy_creates_function_and_binds_trigger_once(project, api, scf):
    first = run_cli("deploy")

    assert first.code == 0, first.err
    assert list_writes(api) == ["CreateFunction", "BindTrigger"]
    bound = get_last(api, "BindTrigger")
    assert (bound.service, bound.version, bound.region) == ("mps", "2019-06-12", REGION)
    assert bound.parameters == {
        "ScfRegion": REGION,
        "EventType": "WorkflowTask",
        "Qualifier": "$DEFAULT",
        "FunctionName": NAME,
        "Namespace": "default",
    }
    created = dict(get_last(api, "CreateFunction").parameters)
    assert created.pop("Code").keys() == {"ZipFile"}
    assert created == {
        "FunctionName": NAME,
        "Namespace": "default",
        "Type": "Event",
        "Runtime": "Python3.10",
        "Handler": "index.main_handler",
        "MemorySize": 256,
        "Timeout": 60,
        "Role": "Mps_ScfRole",
        "PublicNetConfig": {"PublicNetStatus": "ENABLE"},
        "Environment": {"Variables": [{"Key": "MPS_LOG_LEVEL", "Value": "INFO"}]},
    }
    assert "none of the 0 other functions" in first.err

    api.requests.clear()
    second = run_cli("deploy")

    assert second.code == 0
    assert "no changes" in second.out
    assert list_writes(api) == []


def test_dry_run_shows_difference_without_changes(project, api, scf):
    result = run_cli("deploy", "--dry-run")

    assert result.code == 0
    assert list_writes(api) == []
    assert scf.account.functions == {}
    for cell in ("ap-guangzhou/default/shop-events", "Python3.10", "CreateFunction", "MPS trigger"):
        assert cell in result.out

    run_cli("deploy")
    api.requests.clear()
    project.write(memorySize=512, timeout=90)
    assert list_planned_changes() == {
        "memory": ("256", "512", "UpdateFunctionConfiguration"),
        "timeout": ("60", "90", "UpdateFunctionConfiguration"),
    }
    assert list_writes(api) == []
    assert get_deployed(scf).latest.settings["MemorySize"] == 256


@pytest.mark.parametrize(
    ("inputs", "what", "current", "desired"),
    [
        ({"memorySize": 384}, "memory", "256", "384"),
        ({"timeout": 900}, "timeout", "60", "900"),
        ({"initTimeout": 30}, "init timeout", "65", "30"),
        ({"description": "Events of MPS"}, "description", "-", "Events of MPS"),
        ({"role": "Other"}, "role", "Mps_ScfRole", "Other"),
        ({"publicAccess": False}, "public network PublicNetStatus", "ENABLE", "DISABLE"),
        ({"eip": True}, "public network EipStatus", "DISABLE", "ENABLE"),
        ({"cls": {"topicId": "t-1"}}, "CLS topic", "-", "t-1"),
        ({"cls": {"logsetId": "l-1"}}, "CLS logset", "-", "l-1"),
        ({"vpcConfig": {"vpcId": "vpc-1"}}, "VPC VpcId", "-", "vpc-1"),
        ({"deadLetter": {"type": "CMQ-QUEUE"}}, "dead-letter queue Type", "-", "CMQ-QUEUE"),
        ({"deadLetter": {"name": "dead"}}, "dead-letter queue Name", "-", "dead"),
    ],
)
def test_deploy_updates_different_setting(project, api, inputs, what, current, desired):
    run_cli("deploy")
    project.write(**inputs)

    assert list_planned_changes() == {what: (current, desired, "UpdateFunctionConfiguration")}

    api.requests.clear()
    assert run_cli("deploy").code == 0
    assert list_writes(api) == ["UpdateFunctionConfiguration"]
    assert list_steps() == []


def test_deploy_changes_variables_without_showing_values(project, api, scf):
    project.write_variables(KEPT="k", CHANGED="hush-1", GONE="hush-2")
    run_cli("deploy")
    project.write_variables(KEPT="k", CHANGED="hush-3", NEW="hush-4")

    assert list_planned_changes() == {
        "variable CHANGED": ("set", "set to another value", "UpdateFunctionConfiguration"),
        "variable GONE": ("set", "-", "UpdateFunctionConfiguration"),
        "variable NEW": ("-", "set", "UpdateFunctionConfiguration"),
    }
    result = run_cli("deploy")
    assert "hush" not in result.out + result.err
    variables = {
        variable["Key"]: variable["Value"]
        for variable in get_deployed(scf).latest.settings["Environment"]["Variables"]
    }
    assert variables == {"KEPT": "k", "CHANGED": "hush-3", "NEW": "hush-4"}


def test_deploy_replaces_last_variable_by_empty_one(project, api, scf):
    run_cli("deploy")
    project.write_variables()

    assert run_cli("deploy").code == 0

    sent = get_last(api, "UpdateFunctionConfiguration").parameters["Environment"]
    assert sent == {"Variables": [{"Key": "", "Value": ""}]}
    assert get_deployed(scf).latest.settings["Environment"] == {"Variables": []}
    assert list_steps() == []


def test_deploy_keeps_settings_missing_from_file(project, api, scf):
    project.write(description="kept", layers=[])
    run_cli("deploy")
    project.write(description=None, environment=None, role=None, memorySize=None, layers=None)

    result = dry_run()

    assert result.json["steps"] == []
    assert "warning: serverless.yml: inputs.role: " in result.err


def test_deploy_sends_only_changed_code(project, api, scf):
    run_cli("deploy")
    api.requests.clear()
    project.write_code("def main_handler(event, context):\n    return 2\n")

    current, desired, action = list_planned_changes()["code"]
    assert (current[:7], desired[:7], action) == ("sha256 ", "sha256 ", "UpdateFunctionCode")
    assert run_cli("deploy").code == 0
    assert list_writes(api) == ["UpdateFunctionCode"]
    assert list_steps() == []


def test_deploy_sends_changed_handler_with_code(project, api, scf):
    run_cli("deploy")
    api.requests.clear()
    project.write(handler="index.other_handler")

    assert run_cli("deploy").code == 0

    assert list_writes(api) == ["UpdateFunctionCode"]
    assert get_deployed(scf).latest.settings["Handler"] == "index.other_handler"


def test_deploy_updates_settings_before_code_and_waits(project, api, scf):
    run_cli("deploy")
    scf.account.polls = 2
    api.requests.clear()
    project.write(memorySize=512)
    project.write_code("def main_handler(event, context):\n    return 3\n")
    lines = []

    with prepare_deployment(load_target(project), DeployOptions(), lines.append) as deployment:
        deployment.apply(lines.append)

    assert list_writes(api) == ["UpdateFunctionConfiguration", "UpdateFunctionCode"]
    assert lines == [
        "1/2 UpdateFunctionConfiguration",
        "Updating",
        "Active",
        "2/2 UpdateFunctionCode",
        "Updating",
        "Active",
    ]


def test_deploy_waits_for_update_in_progress(project, api, scf):
    run_cli("deploy")
    function = get_deployed(scf)
    scf.account.polls = 3
    scf.account.begin(function, "Updating")

    with prepare_deployment(load_target(project), DeployOptions(), lambda _: None) as deployment:
        assert deployment.plan.steps == ()
    assert function.status == "Active"


def test_deploy_times_out_when_function_stays_busy(project, api, scf):
    scf.account.polls = 1_000_000

    with (
        prepare_deployment(
            load_target(project), DeployOptions(timeout=0.05), lambda _: None
        ) as deployment,
        pytest.raises(DeployError, match="Creating"),
    ):
        deployment.apply(lambda _: None)


def test_deploy_reports_reason_of_failed_creation(project, api, scf):
    scf.account.failures.append("no such role")

    result = run_cli("deploy")

    assert result.code == 1
    assert "shop-events: CreateFailed: InternalError.System: no such role" in result.err
    assert "`scf-mps remove`" in result.err
    assert list_writes(api) == ["CreateFunction"]
    assert run_cli("deploy").code == 1

    assert run_cli("remove", "--yes").code == 0
    assert run_cli("deploy").code == 0


def test_again_repeats_failed_update(project, api, scf):
    run_cli("deploy")
    scf.account.failures.append("disk full")
    project.write_code("def main_handler(event, context):\n    return 4\n")
    result = run_cli("deploy")
    assert (result.code, "UpdateFailed: InternalError.System: disk full" in result.err) == (1, True)
    assert "deploy --again" in result.err
    api.requests.clear()

    assert run_cli("deploy").code == 1
    assert list_writes(api) == []
    assert run_cli("deploy", "--again").code == 0
    assert list_writes(api) == ["UpdateFunctionConfiguration", "UpdateFunctionCode"]
    assert get_deployed(scf).status == "Active"


def test_deploy_reports_failure_without_reason(project, api, scf):
    run_cli("deploy")
    function = get_deployed(scf)
    function.status = function.next_status = "CreateFailed"

    assert "CreateFailed" in run_cli("deploy").err


@pytest.mark.parametrize(
    ("action", "fault", "texts"),
    [
        (
            "BindTrigger",
            {"kind": "error", "code": "InternalError"},
            ["BindTrigger was refused with InternalError", "1 of 2 steps completed"],
        ),
        ("CreateFunction", {"kind": "lose_response"}, ["outcome is unknown"]),
    ],
)
def test_deploy_completes_interrupted_deployment(project, api, action, fault, texts):
    api.faults.add(action, **fault)
    result = run_cli("deploy")
    assert result.code == 1
    assert all(text in result.err for text in texts)
    api.requests.clear()

    assert run_cli("deploy").code == 0

    assert list_writes(api) == ["BindTrigger"]


def test_deploy_retries_throttled_calls_and_failed_reads(project, api):
    api.faults.add("CreateFunction", times=1)
    api.faults.add("CreateFunction", code="RequestLimitExceeded.UinLimitExceeded")
    api.faults.add("GetFunction", kind="hang_up")
    with prepare_deployment(load_target(project), DeployOptions(), lambda _: None) as deployment:
        deployment.apply(lambda _: None)

    assert list_writes(api) == [
        "CreateFunction RequestLimitExceeded",
        "CreateFunction RequestLimitExceeded.UinLimitExceeded",
        "CreateFunction",
        "BindTrigger",
    ]

    api.faults.add("GetFunction", times=9)
    with pytest.raises(DeployError, match="RequestLimitExceeded"):
        prepare_deployment(load_target(project), DeployOptions(), lambda _: None).__enter__()


def test_deploy_reports_http_error_of_service(project, api):
    api.faults.add("CreateFunction", kind="status", status=503)

    result = run_cli("deploy")

    assert result.code == 1
    assert "ServerNetworkError" in result.err


@pytest.mark.parametrize(
    ("action", "code", "advice"),
    [
        ("CreateFunction", "UnauthorizedOperation.CAM", "cam:PassRole"),
        ("BindTrigger", "AuthFailure.UnauthorizedOperation", "mps:BindTrigger in CAM"),
        ("CreateFunction", "ResourceNotFound.Role", "Create the role"),
        ("GetFunction", "AuthFailure.TokenFailure", "expired"),
        ("CreateFunction", "RequestSizeLimitExceeded", "--code-bucket"),
    ],
)
def test_api_error_names_code_request_and_advice(project, api, action, code, advice):
    api.faults.add(action, code=code)

    result = run_cli("deploy")

    assert result.code == 1
    assert f"{action} was refused with {code}" in result.err
    assert f"[request {api.requests.of(action)[-1].request_id}]" in result.err
    assert advice in result.err


def test_deploy_never_prints_secrets(project, api):
    project.write_variables(MPS_NOTIFY_KEY="hush-hush", MPS_LOG_LEVEL="INFO")
    outputs = []
    for arguments in (["--dry-run"], ["--dry-run", "--json"], [], ["--again"]):
        result = run_cli("deploy", *arguments)
        outputs.append(result.out + result.err)
    api.faults.add("GetFunction", code="AuthFailure.SignatureFailure")
    result = run_cli("deploy")
    outputs += [result.out, result.err]

    assert "TENCENTCLOUD_SECRET_KEY" in result.err
    for text in outputs:
        assert SECRET not in text
        assert "hush" not in text


def test_runtime_change_blocks_deployment(project, api):
    run_cli("deploy")
    api.requests.clear()
    project.write(runtime="Python3.9", memorySize=512)

    dry = dry_run()
    result = run_cli("deploy")

    assert "Python3.10" in dry.json["blocked"][0]
    assert result.code == 1
    assert run_cli("deploy", "--dry-run").code == 1
    assert [problem.code for problem in fetch_plan(project).blocked] == ["runtime_change"]
    assert list_writes(api) == []


def test_function_name_defaults_to_name_stage_app(project, api, scf):
    project.write(name=None)

    assert run_cli("deploy", "--stage", "test").code == 0

    assert [name for _, _, name in scf.account.functions] == ["events-test-shop"]


def test_deploy_reports_missing_namespace(project, api):
    project.write(namespace="dark")

    result = run_cli("deploy")

    assert result.code == 1
    assert "Create the namespace" in result.err


def test_deploy_sets_retries_and_ttl(project, api, scf):
    project.write(retryNum=1, msgTTL=3600)

    assert run_cli("deploy").code == 0

    assert list_writes(api) == ["CreateFunction", "UpdateFunctionEventInvokeConfig", "BindTrigger"]
    assert get_deployed(scf).invoke_config == {"RetryConfig": [{"RetryNum": 1}], "MsgTTL": 3600}
    api.requests.clear()
    project.write(retryNum=0, msgTTL=None)
    assert list_planned_changes() == {"retries": ("1", "0", "UpdateFunctionEventInvokeConfig")}
    run_cli("deploy")
    assert get_deployed(scf).invoke_config == {"RetryConfig": [{"RetryNum": 0}], "MsgTTL": 3600}
    project.write(retryNum=None, msgTTL=7200)
    run_cli("deploy")
    assert get_deployed(scf).invoke_config == {"RetryConfig": [{"RetryNum": 0}], "MsgTTL": 7200}
    assert list_steps() == []


def test_deploy_sends_default_retries_with_ttl(project, api, scf):
    project.write(msgTTL=3600)

    run_cli("deploy")

    assert get_deployed(scf).invoke_config == {"RetryConfig": [{"RetryNum": 2}], "MsgTTL": 3600}


def test_deploy_publishes_version_and_moves_alias(project, api, scf):
    trigger = {"mps": {"parameters": {"type": "WorkflowTask", "qualifier": "live", "enable": True}}}
    project.write(publish=True, aliasName="live", events=[trigger])

    assert run_cli("deploy").code == 0

    assert list_writes(api) == ["CreateFunction", "PublishVersion", "CreateAlias", "BindTrigger"]
    assert get_deployed(scf).aliases["live"]["FunctionVersion"] == "1"
    api.requests.clear()
    assert run_cli("deploy").code == 0
    assert list_writes(api) == []
    project.write_code("def main_handler(event, context):\n    return 5\n")
    result = run_cli("deploy")
    assert list_writes(api) == ["UpdateFunctionCode", "PublishVersion", "UpdateAlias"]
    assert "version is 2" in result.err
    assert get_deployed(scf).aliases["live"]["FunctionVersion"] == "2"


def test_deploy_publishes_version_after_interruption(project, api, scf):
    project.write(publish=True, aliasName="live")
    run_cli("deploy")
    project.write(timeout=90)
    api.faults.add("PublishVersion", kind="error", code="InternalError")
    assert run_cli("deploy").code == 1
    api.requests.clear()

    assert run_cli("deploy").code == 0

    assert list_writes(api) == ["PublishVersion", "UpdateAlias"]
    assert get_deployed(scf).version("live").settings["Timeout"] == 90


def test_deploy_moves_alias_from_latest_to_version(project, api, scf):
    project.write(publish=True, aliasName="live")
    run_cli("deploy")
    get_deployed(scf).aliases["live"]["FunctionVersion"] = "$LATEST"
    api.requests.clear()

    run_cli("deploy")

    assert list_writes(api) == ["PublishVersion", "UpdateAlias"]


def test_deploy_publishes_versions_without_alias(project, api, scf):
    project.write(publish=True)
    run_cli("deploy")
    run_cli("deploy")
    project.write(description="a version has its own, so this is no new one")
    run_cli("deploy")
    assert list(get_deployed(scf).versions) == ["1"]
    project.write(memorySize=512)
    run_cli("deploy")
    assert list(get_deployed(scf).versions) == ["1", "2"]


def test_deploy_creates_missing_alias(project, api, scf):
    run_cli("deploy")
    project.write(publish=True, aliasName="live")
    api.requests.clear()

    assert run_cli("deploy").code == 0

    assert list_writes(api) == ["PublishVersion", "CreateAlias"]


def test_deploy_prints_steps_as_json(project, api):
    result = run_cli("deploy", "--json")

    assert [step["action"] for step in result.json["steps"]] == ["CreateFunction", "BindTrigger"]
    assert run_cli("deploy", "--json").json["steps"] == []


def respond_like_portal(peer):
    """Respond as a captive portal between here and the cloud."""
    while head := peer.read_request():
        body = b"{}" if b"X-TC-Action: GetFunction" in head else b"<html>"
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def test_invalid_response_is_reported_with_outcome(project, monkeypatch):
    with Server(respond_like_portal) as portal:
        monkeypatch.setenv("TENCENTCLOUD_API_ENDPOINT", portal.url)
        read = run_cli("deploy").err
        invoked = run_cli("invoke", "WorkflowTask", "--remote").err

    assert "GetFunction got no valid response (InvalidResponse)" in read
    assert "changed nothing" in read
    assert "Invoke got no valid response (InvalidResponse)" in invoked
    assert "outcome is unknown" in invoked
    assert "safe" not in invoked  # the function would handle the event once more


@pytest.fixture
def offline(api, monkeypatch):
    """An endpoint without a server, and no pauses between attempts."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("TENCENTCLOUD_API_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setattr("scf_mps.deploy.cloud.MAX_ATTEMPTS", 1)


def test_dry_run_offline_shows_desired_state(project, offline):
    result = run_cli("deploy", "--dry-run", "--json")
    assert result.code == 0
    actions = [step["action"] for step in result.json["steps"]]
    assert actions[0] == "CreateFunction"
    assert "BindTrigger" in actions
    assert "not compared with the cloud" in result.json["notes"][0]
    assert "changed nothing" in run_cli("deploy", "--dry-run").err


@pytest.mark.parametrize("command", [["deploy"], ["logs"], ["remove", "--dry-run"]])
def test_unreachable_network_changes_nothing(project, offline, command):
    result = run_cli(*command)
    assert (result.code, result.out) == (1, "")
    assert "unreachable" in result.err
    assert "changed nothing" in result.err
    assert "unknown" not in result.err


def test_deploy_reports_unauthorized_read_of_alias(project, api):
    project.write(publish=True, aliasName="live")
    run_cli("deploy")
    api.faults.add("GetAlias", code="UnauthorizedOperation")

    result = run_cli("deploy")

    assert result.code == 1
    assert "scf:GetAlias in CAM" in result.err


def test_remove_asks_and_unbinds_trigger_first(project, api, scf):
    project.write(events=[MPS_TRIGGER, TIMER])
    run_cli("deploy")
    api.requests.clear()

    dry = run_cli("remove", "--dry-run", "--json")
    assert [step["action"] for step in dry.json["steps"]] == ["UnbindTrigger", "DeleteFunction"]
    assert {"what": "timer reconcile", "current": "0 0 */6 * * * *", "desired": "-"} in dry.json[
        "steps"
    ][1]["changes"]
    assert run_cli("remove", stdin="n\n").code == 1
    assert list_writes(api) == []

    assert run_cli("remove", stdin="y\n").code == 0

    assert list_writes(api) == ["UnbindTrigger", "DeleteFunction"]
    assert scf.account.functions == {}
    result = run_cli("remove")
    assert (result.code, "shop-events: the function does not exist" in result.err) == (0, True)


SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "memorySize": st.sampled_from([64, 128, 3072]),
        "timeout": st.integers(1, 900),
        "initTimeout": st.integers(3, 300),
        "description": st.sampled_from(["", "one", "说明"]),
        "publicAccess": st.booleans(),
        "eip": st.booleans(),
        "retryNum": st.integers(0, 2),
        "msgTTL": st.integers(60, 21600),
        "publish": st.booleans(),
        "environment": st.fixed_dictionaries(
            {
                "variables": st.dictionaries(
                    st.sampled_from(["A", "B", "C"]), st.sampled_from(["1", "x", True, 2.5])
                )
            }
        ),
        "events": st.lists(
            st.sampled_from([MPS_TRIGGER, TIMER]), unique_by=lambda event: next(iter(event))
        ),
    },
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(SETTINGS, min_size=1, max_size=3))
def test_second_deployment_has_no_steps_for_any_settings(turns):
    scf = Scf()
    with CloudApi([scf, Mps(functions=scf.account)]) as api, TemporaryDirectory() as folder:
        project = Project(Path(folder))
        base = dict(project.inputs)
        environment = {
            "TENCENT_SECRET_ID": api.key.secret_id,
            "TENCENT_SECRET_KEY": api.key.secret_key,
            "TENCENTCLOUD_API_ENDPOINT": api.url,
        }
        for turn in turns:
            project.inputs = json.loads(json.dumps({**base, **turn}))
            project.write()
            function = load_function(project.path, environment=environment, pause=0.001)
            with prepare_deployment(
                function, DeployOptions(prune=True), lambda _: None
            ) as deployment:
                deployment.apply(lambda _: None)
            with prepare_deployment(
                function, DeployOptions(prune=True), lambda _: None
            ) as deployment:
                assert deployment.plan.steps == ()
