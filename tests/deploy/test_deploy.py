"""`scf-mps deploy` and `remove` against a cloud on the loopback: which calls, in which order, and none the second time."""

from __future__ import annotations

import json
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scf_mps.deploy.deploy import DeployOptions, load_function, prepare_deployment
from scf_mps.deploy.errors import DeployError
from scf_mps.local.api import CloudApi, Mps, Scf
from tests.support.serverless_yml import MPS_TRIGGER, TIMER

from .conftest import NAME, REGION, SECRET, Project, Ran, changing, deployed, last, quick


def rows(ran):
    """What changes, from what to what, by which action."""
    return {
        change["what"]: (change["current"], change["desired"], step["action"])
        for step in ran.json["steps"]
        for change in step["changes"]
    }


def plan_of(project, *options):
    ran = Ran("deploy", "--dry-run", "--json", *options)
    assert ran.code == (1 if ran.json["blocked"] else 0), ran.err
    return ran


def test_the_first_deployment_creates_the_function_and_binds_mps_and_the_second_does_nothing(
    project, api, scf
):
    first = Ran("deploy")

    assert first.code == 0, first.err
    assert changing(api) == ["CreateFunction", "BindTrigger"]
    bound = last(api, "BindTrigger")
    assert (bound.service, bound.version, bound.region) == ("mps", "2019-06-12", REGION)
    assert bound.parameters == {
        "ScfRegion": REGION,
        "EventType": "WorkflowTask",
        "Qualifier": "$DEFAULT",
        "FunctionName": NAME,
        "Namespace": "default",
    }
    made = dict(last(api, "CreateFunction").parameters)
    assert made.pop("Code").keys() == {"ZipFile"}
    assert made == {
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
    assert "none is bound to the 0 other functions in ap-guangzhou" in first.err

    api.requests.clear()
    second = Ran("deploy")

    assert second.code == 0
    assert "nothing to do" in second.out
    assert changing(api) == []


def test_a_dry_run_shows_the_difference_and_changes_nothing(project, api, scf):
    ran = Ran("deploy", "--dry-run")

    assert ran.code == 0
    assert changing(api) == []
    assert scf.account.functions == {}
    for cell in ("ap-guangzhou/default/shop-events", "Python3.10", "CreateFunction", "MPS trigger"):
        assert cell in ran.out

    Ran("deploy")
    api.requests.clear()
    project.write(memorySize=512, timeout=90)
    ran = plan_of(project)

    assert rows(ran) == {
        "memory": ("256", "512", "UpdateFunctionConfiguration"),
        "timeout": ("60", "90", "UpdateFunctionConfiguration"),
    }
    assert changing(api) == []
    assert deployed(scf).latest.settings["MemorySize"] == 256


@pytest.mark.parametrize(
    ("inputs", "what", "live", "wanted"),
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
def test_a_setting_that_differs_is_updated_and_then_is_as_wanted(
    project, api, inputs, what, live, wanted
):
    Ran("deploy")
    project.write(**inputs)

    assert rows(plan_of(project)) == {what: (live, wanted, "UpdateFunctionConfiguration")}

    api.requests.clear()
    assert Ran("deploy").code == 0
    assert changing(api) == ["UpdateFunctionConfiguration"]
    assert plan_of(project).json["steps"] == []


def test_variables_are_set_changed_and_removed_and_their_values_are_never_shown(project, api, scf):
    project.variables(KEPT="k", CHANGED="hush-1", GONE="hush-2")
    Ran("deploy")
    project.variables(KEPT="k", CHANGED="hush-3", NEW="hush-4")

    ran = plan_of(project)
    assert rows(ran) == {
        "variable CHANGED": ("set", "set to another value", "UpdateFunctionConfiguration"),
        "variable GONE": ("set", "-", "UpdateFunctionConfiguration"),
        "variable NEW": ("-", "set", "UpdateFunctionConfiguration"),
    }
    ran = Ran("deploy")
    assert "hush" not in ran.out + ran.err
    told = {
        one["Key"]: one["Value"]
        for one in deployed(scf).latest.settings["Environment"]["Variables"]
    }
    assert told == {"KEPT": "k", "CHANGED": "hush-3", "NEW": "hush-4"}


def test_the_last_variable_is_removed_as_the_api_wants_it(project, api, scf):
    Ran("deploy")
    project.variables()

    assert Ran("deploy").code == 0

    sent = last(api, "UpdateFunctionConfiguration").parameters["Environment"]
    assert sent == {"Variables": [{"Key": "", "Value": ""}]}
    assert deployed(scf).latest.settings["Environment"] == {"Variables": []}
    assert plan_of(project).json["steps"] == []


def test_what_serverless_yml_does_not_say_is_not_touched(project, api, scf):
    project.write(description="kept", layers=[])
    Ran("deploy")
    project.write(description=None, environment=None, role=None, memorySize=None, layers=None)

    ran = plan_of(project)

    assert ran.json["steps"] == []
    assert "inputs.role: without it a function gets no keys" in ran.err


def test_other_code_is_sent_and_the_same_code_is_not(project, api, scf):
    Ran("deploy")
    api.requests.clear()
    project.code("def main_handler(event, context):\n    return 2\n")

    live, wanted, action = rows(plan_of(project))["code"]
    assert (live[:7], wanted[:7], action) == ("sha256 ", "sha256 ", "UpdateFunctionCode")
    assert Ran("deploy").code == 0
    assert changing(api) == ["UpdateFunctionCode"]
    assert plan_of(project).json["steps"] == []


def test_another_handler_goes_with_the_code(project, api, scf):
    Ran("deploy")
    api.requests.clear()
    project.write(handler="index.other_handler")

    assert Ran("deploy").code == 0

    assert changing(api) == ["UpdateFunctionCode"]
    assert deployed(scf).latest.settings["Handler"] == "index.other_handler"


def test_settings_come_before_the_code_that_may_need_them_and_each_is_waited_for(project, api, scf):
    Ran("deploy")
    scf.account.polls = 2
    api.requests.clear()
    project.write(memorySize=512)
    project.code("def main_handler(event, context):\n    return 3\n")
    told: list[str] = []

    with prepare_deployment(quick(project), DeployOptions(), told.append) as ready:
        ready.apply(told.append)

    assert changing(api) == ["UpdateFunctionConfiguration", "UpdateFunctionCode"]
    assert told == [
        "1/2 UpdateFunctionConfiguration",
        "Updating",
        "Active",
        "2/2 UpdateFunctionCode",
        "Updating",
        "Active",
    ]


def test_a_deployment_waits_for_what_somebody_else_has_begun(project, api, scf):
    Ran("deploy")
    function = deployed(scf)
    scf.account.polls = 3
    scf.account.begin(function, "Updating")

    with prepare_deployment(quick(project), DeployOptions(), lambda _: None) as ready:
        assert ready.plan.steps == ()
    assert function.status == "Active"


def test_waiting_has_an_end(project, api, scf):
    scf.account.polls = 1_000_000

    with (
        prepare_deployment(quick(project), DeployOptions(timeout=0.05), lambda _: None) as ready,
        pytest.raises(DeployError, match="still Creating after 0 seconds"),
    ):
        ready.apply(lambda _: None)


def test_a_function_that_could_not_be_created_says_why_and_what_to_do(project, api, scf):
    scf.account.failures.append("no such role")

    ran = Ran("deploy")

    assert ran.code == 1
    assert "shop-events is CreateFailed: InternalError.System: no such role" in ran.err
    assert "`scf-mps remove`, then deploy again" in ran.err
    assert changing(api) == ["CreateFunction"]
    assert Ran("deploy").code == 1

    assert Ran("remove", "--yes").code == 0
    assert Ran("deploy").code == 0


def test_a_failed_update_can_be_sent_again(project, api, scf):
    Ran("deploy")
    scf.account.failures.append("disk full")
    project.code("def main_handler(event, context):\n    return 4\n")
    ran = Ran("deploy")
    assert (ran.code, "UpdateFailed: InternalError.System: disk full" in ran.err) == (1, True)
    assert "deploy --again" in ran.err
    api.requests.clear()

    assert Ran("deploy").code == 1
    assert changing(api) == []
    assert Ran("deploy", "--again").code == 0
    assert changing(api) == ["UpdateFunctionConfiguration", "UpdateFunctionCode"]
    assert deployed(scf).status == "Active"


def test_a_failure_without_a_reason_says_so(project, api, scf):
    Ran("deploy")
    function = deployed(scf)
    function.status = function.next_status = "CreateFailed"

    assert "SCF does not say why" in Ran("deploy").err


def test_a_deployment_that_was_interrupted_is_finished_by_the_next(project, api):
    api.faults.add("BindTrigger", kind="error", code="InternalError")
    ran = Ran("deploy")
    assert ran.code == 1
    assert "BindTrigger was refused with InternalError" in ran.err
    assert "1 of 2 steps were done before; repeat the command" in ran.err
    api.requests.clear()

    assert Ran("deploy").code == 0

    assert changing(api) == ["BindTrigger"]


def test_a_lost_answer_is_told_and_what_was_done_is_not_done_again(project, api):
    api.faults.add("CreateFunction", kind="lose_response")
    ran = Ran("deploy")
    assert ran.code == 1
    assert "outcome is unknown" in ran.err
    api.requests.clear()

    assert Ran("deploy").code == 0

    assert changing(api) == ["BindTrigger"]


def test_throttling_is_waited_out_and_reading_survives_a_bad_network(project, api):
    api.faults.add("CreateFunction", times=1)
    api.faults.add("CreateFunction", code="RequestLimitExceeded.UinLimitExceeded")
    api.faults.add("GetFunction", kind="hang_up")
    with prepare_deployment(quick(project), DeployOptions(), lambda _: None) as ready:
        ready.apply(lambda _: None)

    assert changing(api) == [
        "CreateFunction RequestLimitExceeded",
        "CreateFunction RequestLimitExceeded.UinLimitExceeded",
        "CreateFunction",
        "BindTrigger",
    ]

    api.faults.add("GetFunction", times=9)
    with pytest.raises(DeployError, match="wait a little, and repeat"):
        prepare_deployment(quick(project), DeployOptions(), lambda _: None).__enter__()


def test_an_answer_that_is_none_is_an_error_of_the_server(project, api):
    api.faults.add("CreateFunction", kind="status", status=503)

    ran = Ran("deploy")

    assert ran.code == 1
    assert "ServerNetworkError" in ran.err


@pytest.mark.parametrize(
    ("action", "code", "advice"),
    [
        (
            "CreateFunction",
            "UnauthorizedOperation.CAM",
            "scf:CreateFunction and, for the function's role, cam:PassRole",
        ),
        (
            "BindTrigger",
            "AuthFailure.UnauthorizedOperation",
            "allow the key's user mps:BindTrigger in CAM",
        ),
        ("CreateFunction", "ResourceNotFound.Role", "make the role in CAM"),
        ("GetFunction", "AuthFailure.TokenFailure", "the temporary key is over"),
        ("CreateFunction", "RequestSizeLimitExceeded", "--code-bucket"),
    ],
)
def test_a_refusal_names_action_code_and_request_and_what_to_do(project, api, action, code, advice):
    api.faults.add(action, code=code)

    ran = Ran("deploy")

    assert ran.code == 1
    assert f"{action} was refused with {code}" in ran.err
    assert f"[request {api.requests.of(action)[-1].request_id}]" in ran.err
    assert advice in ran.err


def test_no_secret_is_printed_whatever_happens(project, api):
    project.variables(MPS_NOTIFY_KEY="hush-hush", MPS_LOG_LEVEL="INFO")
    said = []
    for arguments in (["--dry-run"], ["--dry-run", "--json"], [], ["--again"]):
        ran = Ran("deploy", *arguments)
        said.append(ran.out + ran.err)
    api.faults.add("GetFunction", code="AuthFailure.SignatureFailure")
    ran = Ran("deploy")
    said += [ran.out, ran.err]

    assert "look at TENCENTCLOUD_SECRET_KEY" in ran.err
    for text in said:
        assert SECRET not in text
        assert "hush" not in text


def test_the_runtime_of_a_function_is_never_changed_and_that_is_said(project, api):
    Ran("deploy")
    api.requests.clear()
    project.write(runtime="Python3.9", memorySize=512)

    dry = plan_of(project)
    ran = Ran("deploy")

    assert "it is Python3.10" in dry.json["blocked"][0]
    assert ran.code == 1
    assert Ran("deploy", "--dry-run").code == 1
    assert "SCF changes that of no function" in ran.err
    assert changing(api) == []


def test_a_name_without_one_is_that_of_the_component(project, api, scf):
    project.write(name=None)

    assert Ran("deploy", "--stage", "test").code == 0

    assert [name for _, _, name in scf.account.functions] == ["events-test-shop"]


def test_a_namespace_that_is_not_there_is_told(project, api):
    project.write(namespace="dark")

    ran = Ran("deploy")

    assert ran.code == 1
    assert "make the namespace in the SCF console" in ran.err


def test_retries_and_ttl_are_set_although_the_function_is_no_async_execution_one(project, api, scf):
    project.write(retryNum=1, msgTTL=3600)

    assert Ran("deploy").code == 0

    assert changing(api) == ["CreateFunction", "UpdateFunctionEventInvokeConfig", "BindTrigger"]
    assert deployed(scf).invoke_config == {"RetryConfig": [{"RetryNum": 1}], "MsgTTL": 3600}
    api.requests.clear()
    project.write(retryNum=0, msgTTL=None)
    assert rows(plan_of(project)) == {"retries": ("1", "0", "UpdateFunctionEventInvokeConfig")}
    Ran("deploy")
    assert deployed(scf).invoke_config == {"RetryConfig": [{"RetryNum": 0}], "MsgTTL": 3600}
    project.write(retryNum=None, msgTTL=7200)
    Ran("deploy")
    assert deployed(scf).invoke_config == {"RetryConfig": [{"RetryNum": 0}], "MsgTTL": 7200}
    assert plan_of(project).json["steps"] == []


def test_the_first_deployment_with_only_a_ttl_says_the_retries_of_scf(project, api, scf):
    project.write(msgTTL=3600)

    Ran("deploy")

    assert deployed(scf).invoke_config == {"RetryConfig": [{"RetryNum": 2}], "MsgTTL": 3600}


def test_a_version_is_published_with_each_change_and_the_alias_points_to_it(project, api, scf):
    trigger = {"mps": {"parameters": {"type": "WorkflowTask", "qualifier": "live", "enable": True}}}
    project.write(publish=True, aliasName="live", events=[trigger])

    assert Ran("deploy").code == 0

    assert changing(api) == ["CreateFunction", "PublishVersion", "CreateAlias", "BindTrigger"]
    assert deployed(scf).aliases["live"]["FunctionVersion"] == "1"
    api.requests.clear()
    assert Ran("deploy").code == 0
    assert changing(api) == []
    project.code("def main_handler(event, context):\n    return 5\n")
    ran = Ran("deploy")
    assert changing(api) == ["UpdateFunctionCode", "PublishVersion", "UpdateAlias"]
    assert "version is 2" in ran.err
    assert deployed(scf).aliases["live"]["FunctionVersion"] == "2"


def test_a_version_that_an_interruption_kept_from_being_published_is_published_by_the_next_run(
    project, api, scf
):
    project.write(publish=True, aliasName="live")
    Ran("deploy")
    project.write(timeout=90)
    api.faults.add("PublishVersion", kind="error", code="InternalError")
    assert Ran("deploy").code == 1
    api.requests.clear()

    assert Ran("deploy").code == 0

    assert changing(api) == ["PublishVersion", "UpdateAlias"]
    assert deployed(scf).version("live").settings["Timeout"] == 90


def test_an_alias_that_points_to_latest_is_moved_to_a_version(project, api, scf):
    project.write(publish=True, aliasName="live")
    Ran("deploy")
    deployed(scf).aliases["live"]["FunctionVersion"] = "$LATEST"
    api.requests.clear()

    Ran("deploy")

    assert changing(api) == ["PublishVersion", "UpdateAlias"]


def test_versions_are_published_without_an_alias_too(project, api, scf):
    project.write(publish=True)
    Ran("deploy")
    Ran("deploy")
    project.write(description="a version has its own, so this is no new one")
    Ran("deploy")
    assert list(deployed(scf).versions) == ["1"]
    project.write(memorySize=512)
    Ran("deploy")
    assert list(deployed(scf).versions) == ["1", "2"]


def test_an_alias_is_made_for_a_function_that_has_none(project, api, scf):
    Ran("deploy")
    project.write(publish=True, aliasName="live")
    api.requests.clear()

    assert Ran("deploy").code == 0

    assert changing(api) == ["PublishVersion", "CreateAlias"]


def test_scripts_read_what_was_done_as_json(project, api):
    ran = Ran("deploy", "--json")

    assert [step["action"] for step in ran.json["steps"]] == ["CreateFunction", "BindTrigger"]
    assert Ran("deploy", "--json").json["steps"] == []


class NoApi(BaseHTTPRequestHandler):
    """Answers as a portal does that is in the way to the cloud."""

    def do_POST(self):
        body = b"{}" if self.headers["X-TC-Action"] == "GetFunction" else b"<html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_an_answer_that_is_none_of_the_api_is_told(project, monkeypatch):
    with ThreadingHTTPServer(("127.0.0.1", 0), NoApi) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            monkeypatch.setenv(
                "TENCENTCLOUD_API_ENDPOINT", f"http://127.0.0.1:{server.server_port}"
            )
            told = [Ran("deploy").err]
            told.append(Ran("invoke", "WorkflowTask", "--remote").err)
        finally:
            server.shutdown()
            thread.join()

    assert "GetFunction got no valid response (InvalidResponse)" in told[0]
    assert "nothing was changed" in told[0]
    assert "Invoke got no valid response (InvalidResponse)" in told[1]
    assert "outcome is unknown" in told[1]
    assert "safe" not in told[1]  # the function would handle the event once more


@pytest.fixture
def offline(api, monkeypatch):
    """An endpoint at which nothing listens, and no pauses between tries."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("TENCENTCLOUD_API_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setattr("scf_mps.deploy.cloud.MAX_ATTEMPTS", 1)


def test_dry_run_offline_shows_desired_state(project, offline):
    ran = Ran("deploy", "--dry-run", "--json")
    assert ran.code == 0
    actions = [step["action"] for step in ran.json["steps"]]
    assert actions[0] == "CreateFunction"
    assert "BindTrigger" in actions
    assert "not compared with the cloud" in ran.json["notes"][0]
    assert "nothing was changed" in Ran("deploy", "--dry-run").err


@pytest.mark.parametrize("command", [["deploy"], ["logs"], ["remove", "--dry-run"]])
def test_unreachable_network_is_said_to_change_nothing(project, offline, command):
    ran = Ran(*command)
    assert (ran.code, ran.out) == (1, "")
    assert "unreachable" in ran.err
    assert "nothing was changed" in ran.err
    assert "unknown" not in ran.err


def test_an_alias_that_may_not_be_read_is_no_alias_to_be_made(project, api):
    project.write(publish=True, aliasName="live")
    Ran("deploy")
    api.faults.add("GetAlias", code="UnauthorizedOperation")

    ran = Ran("deploy")

    assert ran.code == 1
    assert "allow the key's user scf:GetAlias" in ran.err


def test_removing_unbinds_mps_first_and_asks_before(project, api, scf):
    project.write(events=[MPS_TRIGGER, TIMER])
    Ran("deploy")
    api.requests.clear()

    dry = Ran("remove", "--dry-run", "--json")
    assert [step["action"] for step in dry.json["steps"]] == ["UnbindTrigger", "DeleteFunction"]
    assert {"what": "timer reconcile", "current": "0 0 */6 * * * *", "desired": "-"} in dry.json[
        "steps"
    ][1]["changes"]
    assert Ran("remove", stdin="n\n").code == 1
    assert changing(api) == []

    assert Ran("remove", stdin="y\n").code == 0

    assert changing(api) == ["UnbindTrigger", "DeleteFunction"]
    assert scf.account.functions == {}
    ran = Ran("remove")
    assert (ran.code, "there is no function shop-events" in ran.err) == (0, True)


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
            st.sampled_from([MPS_TRIGGER, TIMER]), unique_by=lambda one: next(iter(one))
        ),
    },
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(SETTINGS, min_size=1, max_size=3))
def test_whatever_is_wanted_in_turn_is_there_after_one_deployment_and_the_next_has_nothing_to_do(
    turns,
):
    scf = Scf()
    with (
        CloudApi([scf, Mps(functions=scf.account)]) as api,
        TemporaryDirectory() as folder,
    ):
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
            with prepare_deployment(function, DeployOptions(prune=True), lambda _: None) as ready:
                ready.apply(lambda _: None)
            with prepare_deployment(function, DeployOptions(prune=True), lambda _: None) as ready:
                assert ready.plan.steps == ()
