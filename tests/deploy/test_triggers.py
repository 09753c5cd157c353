"""Triggers: the account's MPS trigger, which is never taken by accident, and timers."""

import json

import pytest

from tests.support.serverless_yml import MPS_TRIGGER, TIMER

from .support import (
    NAME,
    REGION,
    add_other_function,
    dry_run,
    fetch_plan,
    get_deployed,
    get_last,
    list_planned_changes,
    list_steps,
    list_writes,
    run_cli,
)


def bind(api, function, kind="WorkflowTask", region=REGION):
    """Bind the trigger to another function by the API."""
    from tencentcloud.common.common_client import CommonClient
    from tencentcloud.common.credential import Credential
    from tencentcloud.common.profile.client_profile import ClientProfile
    from tencentcloud.common.profile.http_profile import HttpProfile

    profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=api.endpoint))
    credential = Credential(api.key.secret_id, api.key.secret_key)
    client = CommonClient("mps", "2019-06-12", credential, region, profile)
    parameters = {"ScfRegion": region, "EventType": kind, "FunctionName": function.name}
    client.call_json("BindTrigger", {**parameters, "Namespace": "default", "Qualifier": "$DEFAULT"})
    api.requests.clear()


def list_bindings(function):
    return {
        json.loads(trigger["TriggerDesc"])["eventType"]: (
            trigger["BindStatus"],
            trigger["Qualifier"],
        )
        for trigger in function.triggers
        if trigger["Type"] == "mps"
    }


def mps_trigger(**parameters):
    return [{"mps": {"parameters": {"type": "WorkflowTask", **parameters}}}]


def test_trigger_of_another_function_blocks_deployment(project, api, scf):
    other = add_other_function(scf)
    bind(api, other)

    [problem] = fetch_plan(project).blocked
    result = run_cli("deploy")

    assert (problem.code, problem.path) == ("trigger_taken", "MPS trigger WorkflowTask")
    assert "ap-guangzhou/default/other ($DEFAULT)" in problem.message
    assert "--take-trigger ap-guangzhou/default/other" in problem.advice
    assert result.code == 1
    assert list_writes(api) == []
    assert list_bindings(other) == {"WorkflowTask": ("on", "$DEFAULT")}


@pytest.mark.parametrize("named", ["other", "default/other", "ap-guangzhou/default/other"])
def test_take_trigger_unbinds_named_function(project, api, scf, named):
    other = add_other_function(scf)
    bind(api, other)

    result = run_cli("deploy", "--take-trigger", named)

    assert result.code == 0, result.err
    assert list_writes(api) == ["CreateFunction", "UnbindTrigger", "BindTrigger"]
    assert list_bindings(other) == {"WorkflowTask": ("off", "$DEFAULT")}
    assert list_bindings(get_deployed(scf)) == {"WorkflowTask": ("on", "$DEFAULT")}


def test_take_trigger_keeps_trigger_of_unnamed_function(project, api, scf):
    bind(api, add_other_function(scf))
    add_other_function(scf, "third")

    result = run_cli("deploy", "--take-trigger", "third")

    assert result.code == 1
    assert list_writes(api) == []


def test_take_trigger_works_across_regions(project, api, scf):
    other = add_other_function(scf, region="ap-shanghai")
    bind(api, other, region="ap-shanghai")

    result = run_cli("deploy")
    assert result.code == 1
    assert "Other regions were not searched" in result.err
    assert "bound to ap-shanghai/default/other ($DEFAULT)" in result.err
    assert "--take-trigger REGION/NAMESPACE/FUNCTION" in result.err

    result = run_cli("deploy", "--take-trigger", "ap-shanghai/default/other")
    assert result.code == 0, result.err
    assert get_last(api, "UnbindTrigger").region == "ap-shanghai"
    assert list_bindings(other) == {"WorkflowTask": ("off", "$DEFAULT")}


def test_take_trigger_notes_function_without_trigger(project, api, scf):
    add_other_function(scf, region="ap-shanghai")

    plan = fetch_plan(project, take="ap-shanghai/default/other")

    assert plan.blocked == ()
    assert plan.notes[0].code == "nothing_to_take"


@pytest.mark.parametrize("named", ["a/b/c/d", "default/", "/other"])
def test_take_trigger_rejects_invalid_function(project, api, named):
    result = run_cli("deploy", "--take-trigger", named)

    assert (result.code, "--take-trigger: " in result.err) == (1, True)


def test_trigger_of_another_type_is_noted(project, api, scf):
    other = add_other_function(scf)
    bind(api, other, kind="EditMediaTask")

    plan = fetch_plan(project)

    assert plan.blocked == ()
    assert plan.notes[0].code == "trigger_elsewhere"
    assert "EditMediaTask" in plan.notes[0].message


def test_deploy_works_without_permission_to_list_functions(project, api):
    api.faults.add("ListNamespaces", code="UnauthorizedOperation.CAM")

    result = run_cli("deploy")

    assert result.code == 0, result.err
    assert "not searched" in result.err
    assert list_writes(api) == ["CreateFunction", "BindTrigger"]


def test_deploy_fails_when_functions_cannot_be_listed(project, api):
    api.faults.add("ListNamespaces", code="FailedOperation")

    result = run_cli("deploy")

    assert (result.code, list_writes(api)) == (1, [])


def test_deploy_binds_both_event_types(project, api, scf):
    edit = {"mps": {"parameters": {"type": "EditMediaTask", "enable": True}}}
    project.write(events=[MPS_TRIGGER, edit])

    assert run_cli("deploy").code == 0

    assert set(list_bindings(get_deployed(scf))) == {"WorkflowTask", "EditMediaTask"}
    assert list_steps() == []


def test_deploy_unbinds_disabled_trigger(project, api, scf):
    project.write(events=mps_trigger(enable=False))
    run_cli("deploy")
    assert list_writes(api) == ["CreateFunction"]

    project.write(events=[MPS_TRIGGER])
    run_cli("deploy")
    project.write(events=mps_trigger(enable=False))
    api.requests.clear()
    run_cli("deploy")

    assert list_writes(api) == ["UnbindTrigger"]
    sent = get_last(api, "UnbindTrigger").parameters
    assert sent["ResourceId"].endswith("TriggerType/WorkflowTaskEvent")
    assert list_bindings(get_deployed(scf)) == {"WorkflowTask": ("off", "$DEFAULT")}
    assert list_steps() == []
    project.write(events=[MPS_TRIGGER])
    assert list_planned_changes()["MPS trigger WorkflowTask"] == ("-", "$DEFAULT", "BindTrigger")


def test_deploy_rebinds_trigger_to_another_qualifier(project, api, scf):
    run_cli("deploy")
    api.requests.clear()
    project.write(events=mps_trigger(enable=True, qualifier="$LATEST"))

    run_cli("deploy")

    assert list_writes(api) == ["UnbindTrigger", "BindTrigger"]
    assert list_bindings(get_deployed(scf)) == {"WorkflowTask": ("on", "$LATEST")}


def test_prune_removes_triggers_missing_from_file(project, api, scf):
    project.write(events=[MPS_TRIGGER, TIMER])
    run_cli("deploy")
    api.requests.clear()
    project.write(events=[])

    plan = fetch_plan(project)
    assert plan.steps == ()
    assert [(note.code, note.path) for note in plan.notes] == [
        ("trigger_not_in_file", "MPS trigger WorkflowTask ($DEFAULT)"),
        ("trigger_not_in_file", "timer reconcile (0 0 */6 * * * *, $DEFAULT)"),
    ]

    assert run_cli("deploy", "--prune").code == 0
    assert list_writes(api) == ["UnbindTrigger", "DeleteTrigger"]
    assert run_cli("deploy", "--prune").code == 0
    assert dry_run().json == {"steps": [], "notes": [], "blocked": []}


@pytest.mark.parametrize("first", [0, -1])
def test_disabled_second_binding_is_no_difference(project, api, scf, first):
    run_cli("deploy")
    triggers = get_deployed(scf).triggers
    triggers.insert(first, {**triggers[0], "Qualifier": "$LATEST", "BindStatus": "off"})

    assert list_steps() == []
    triggers.reverse()
    assert list_steps() == []


@pytest.mark.parametrize("first", [False, True])
def test_prune_unbinds_second_binding_in_any_order(project, api, scf, first):
    run_cli("deploy")
    triggers = get_deployed(scf).triggers
    triggers.insert(0 if first else 1, {**triggers[0], "Qualifier": "$LATEST"})

    plan = fetch_plan(project)
    assert plan.steps == ()
    assert "MPS trigger WorkflowTask ($LATEST)" in [note.path for note in plan.notes]
    api.requests.clear()
    assert run_cli("deploy", "--prune").code == 0
    assert list_writes(api) == ["UnbindTrigger"]
    assert {trigger["Qualifier"]: trigger["BindStatus"] for trigger in triggers} == {
        "$DEFAULT": "on",
        "$LATEST": "off",
    }
    assert dry_run("--prune").json["steps"] == []


def test_deploy_replaces_two_undesired_bindings(project, api, scf):
    run_cli("deploy")
    triggers = get_deployed(scf).triggers
    triggers.append({**triggers[0], "Qualifier": "$LATEST"})
    project.write(events=mps_trigger(enable=False))
    api.requests.clear()

    assert run_cli("deploy").code == 0

    assert list_writes(api) == ["UnbindTrigger", "UnbindTrigger"]
    assert list_steps() == []


@pytest.mark.parametrize("first", [False, True])
def test_prune_removes_second_timer_of_same_name(project, api, scf, first):
    project.write(events=[TIMER])
    run_cli("deploy")
    triggers = get_deployed(scf).triggers
    triggers.insert(0 if first else 1, {**triggers[0], "Qualifier": "$LATEST"})

    plan = fetch_plan(project)

    assert plan.steps == ()
    assert [note.path for note in plan.notes] == ["timer reconcile (0 0 */6 * * * *, $LATEST)"]
    [step] = dry_run("--prune").json["steps"]
    assert step["action"] == "DeleteTrigger"
    assert step["changes"][0]["current"].endswith("$LATEST")


def test_deploy_creates_changes_and_moves_timer(project, api, scf):
    project.write(events=[TIMER])
    assert run_cli("deploy").code == 0
    assert dict(get_last(api, "CreateTrigger").parameters) == {
        "FunctionName": NAME,
        "Namespace": "default",
        "TriggerName": "reconcile",
        "Type": "timer",
        "TriggerDesc": "0 0 */6 * * * *",
        "Qualifier": "$DEFAULT",
        "Enable": "OPEN",
        "CustomArgument": "reconcile 6h",
    }
    api.requests.clear()
    changed = json.loads(json.dumps(TIMER))
    parameters = changed["timer"]["parameters"]
    parameters |= {"cronExpression": "0 30 */12 * * * *", "argument": "reconcile 12h"}
    parameters["enable"] = False
    project.write(events=[changed])

    assert list_planned_changes() == {
        "timer reconcile": (
            "0 0 */6 * * * * 'reconcile 6h' $DEFAULT",
            "0 30 */12 * * * * 'reconcile 12h' $DEFAULT, disabled",
            "UpdateTrigger",
        )
    }
    run_cli("deploy")
    assert list_writes(api) == ["UpdateTrigger"]
    assert list_steps() == []
    parameters["qualifier"] = "$LATEST"
    project.write(events=[changed])
    api.requests.clear()
    run_cli("deploy")
    assert list_writes(api) == ["DeleteTrigger", "CreateTrigger"]


def test_deploy_reads_triggers_without_resource_id(project, api, scf):
    run_cli("deploy")
    function = get_deployed(scf)
    [mps] = function.triggers
    mps |= {"ResourceId": "", "Enable": 1}  # then the type is in the description
    function.triggers.append({"Type": "cos", "TriggerName": "b", "ResourceId": None})
    function.triggers.append(
        {"Type": "timer", "TriggerName": "old", "TriggerDesc": "* * * * * * *"}
    )
    api.requests.clear()

    plan = fetch_plan(project)

    assert plan.steps == ()
    assert [(note.code, note.path) for note in plan.notes] == [
        ("trigger_bound", "MPS trigger WorkflowTask"),
        ("trigger_not_in_file", "timer old (* * * * * * *, $LATEST)"),
    ]
    mps["TriggerDesc"] = "?"
    assert list_planned_changes()["MPS trigger WorkflowTask"][2] == "BindTrigger"


def test_deploy_searches_all_pages_of_all_namespaces(project, api, scf):
    for number in range(130):
        add_other_function(scf, f"one-{number:03}")
    bind(api, add_other_function(scf, "zulu"))

    assert "ap-guangzhou/default/zulu" in dry_run().json["blocked"][0]
    offsets = [request.parameters["Offset"] for request in api.requests.of("ListFunctions")]
    assert offsets == [0, 100, 0]


def test_trigger_without_resource_is_deleted_by_description(project, api, scf):
    run_cli("deploy")
    [mps] = get_deployed(scf).triggers
    mps |= {"ResourceId": "", "BindStatus": None}
    api.requests.clear()
    project.write(events=mps_trigger(enable=False))

    assert run_cli("deploy").code == 0

    assert list_writes(api) == ["DeleteTrigger"]
    assert get_deployed(scf).triggers == []
