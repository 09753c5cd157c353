"""Triggers: one of MPS for the whole account, never taken from anybody by accident; timers for reconcile."""

from __future__ import annotations

import json

import pytest

from tests.support.serverless_yml import MPS_TRIGGER, TIMER

from .conftest import NAME, REGION, Ran, changing, deployed, last, other_function
from .test_deploy import plan_of, rows


def bind(api, function, kind="WorkflowTask", region=REGION):
    """Somebody else's function gets the trigger, by the API."""
    from tencentcloud.common.common_client import CommonClient
    from tencentcloud.common.credential import Credential
    from tencentcloud.common.profile.client_profile import ClientProfile
    from tencentcloud.common.profile.http_profile import HttpProfile

    profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=api.endpoint))
    credential = Credential(api.key.secret_id, api.key.secret_key)
    client = CommonClient("mps", "2019-06-12", credential, region, profile)
    asked = {"ScfRegion": region, "EventType": kind, "FunctionName": function.name}
    client.call_json("BindTrigger", {**asked, "Namespace": "default", "Qualifier": "$DEFAULT"})
    api.requests.clear()


def mps_of(function):
    return {
        json.loads(one["TriggerDesc"])["eventType"]: (one["BindStatus"], one["Qualifier"])
        for one in function.triggers
        if one["Type"] == "mps"
    }


def with_parameters(**parameters):
    return [{"mps": {"parameters": {"type": "WorkflowTask", **parameters}}}]


def test_a_trigger_of_another_function_is_never_taken_silently(project, api, scf):
    other = other_function(scf)
    bind(api, other)

    dry = plan_of(project)
    ran = Ran("deploy")

    [blocked] = dry.json["blocked"]
    assert "bound to ap-guangzhou/default/other ($DEFAULT)" in blocked
    assert "--take-trigger ap-guangzhou/default/other" in blocked
    assert ran.code == 1
    assert changing(api) == []
    assert mps_of(other) == {"WorkflowTask": ("on", "$DEFAULT")}


@pytest.mark.parametrize("named", ["other", "default/other", "ap-guangzhou/default/other"])
def test_the_trigger_is_taken_from_the_function_that_is_named(project, api, scf, named):
    other = other_function(scf)
    bind(api, other)

    ran = Ran("deploy", "--take-trigger", named)

    assert ran.code == 0, ran.err
    assert changing(api) == ["CreateFunction", "UnbindTrigger", "BindTrigger"]
    assert mps_of(other) == {"WorkflowTask": ("off", "$DEFAULT")}
    assert mps_of(deployed(scf)) == {"WorkflowTask": ("on", "$DEFAULT")}


def test_the_trigger_is_not_taken_from_a_function_that_was_not_named(project, api, scf):
    bind(api, other_function(scf))
    other_function(scf, "third")

    ran = Ran("deploy", "--take-trigger", "third")

    assert ran.code == 1
    assert changing(api) == []


def test_a_trigger_in_another_region_is_found_by_its_refusal_and_taken_by_its_name(
    project, api, scf
):
    other = other_function(scf, region="ap-shanghai")
    bind(api, other, region="ap-shanghai")

    ran = Ran("deploy")
    assert ran.code == 1
    assert "those of other regions were not looked at" in ran.err
    assert "bound to ap-shanghai/default/other ($DEFAULT)" in ran.err
    assert "--take-trigger REGION/NAMESPACE/FUNCTION" in ran.err

    ran = Ran("deploy", "--take-trigger", "ap-shanghai/default/other")
    assert ran.code == 0, ran.err
    assert last(api, "UnbindTrigger").region == "ap-shanghai"
    assert mps_of(other) == {"WorkflowTask": ("off", "$DEFAULT")}


def test_naming_a_function_that_has_no_trigger_is_told(project, api, scf):
    other_function(scf, region="ap-shanghai")

    ran = Ran("deploy", "--take-trigger", "ap-shanghai/default/other")

    assert ran.code == 0
    assert "ap-shanghai/default/other has no MPS trigger to be taken" in ran.err


@pytest.mark.parametrize("named", ["a/b/c/d", "default/", "/other"])
def test_what_names_no_function_is_refused(project, api, named):
    ran = Ran("deploy", "--take-trigger", named)

    assert (ran.code, "expected --take-trigger" in ran.err) == (1, True)


def test_a_trigger_for_other_events_elsewhere_is_told_and_left(project, api, scf):
    other = other_function(scf)
    bind(api, other, kind="EditMediaTask")

    ran = plan_of(project)

    assert ran.json["blocked"] == []
    assert "has the MPS trigger EditMediaTask" in ran.json["notes"][0]


def test_functions_that_may_not_be_listed_are_no_hindrance(project, api):
    api.faults.add("ListNamespaces", code="UnauthorizedOperation.CAM")

    ran = Ran("deploy")

    assert ran.code == 0, ran.err
    assert "could not be looked up" in ran.err
    assert changing(api) == ["CreateFunction", "BindTrigger"]


def test_a_failure_to_list_functions_is_one(project, api):
    api.faults.add("ListNamespaces", code="FailedOperation")

    ran = Ran("deploy")

    assert (ran.code, changing(api)) == (1, [])


def test_both_types_of_events_are_bound(project, api, scf):
    edit = {"mps": {"parameters": {"type": "EditMediaTask", "enable": True}}}
    project.write(events=[MPS_TRIGGER, edit])

    assert Ran("deploy").code == 0

    assert set(mps_of(deployed(scf))) == {"WorkflowTask", "EditMediaTask"}
    assert plan_of(project).json["steps"] == []


def test_a_trigger_that_is_switched_off_is_not_bound_and_one_that_was_is_unbound(project, api, scf):
    project.write(events=with_parameters(enable=False))
    Ran("deploy")
    assert changing(api) == ["CreateFunction"]

    project.write(events=[MPS_TRIGGER])
    Ran("deploy")
    project.write(events=with_parameters(enable=False))
    api.requests.clear()
    Ran("deploy")

    assert changing(api) == ["UnbindTrigger"]
    sent = last(api, "UnbindTrigger").parameters
    assert sent["ResourceId"].endswith("TriggerType/WorkflowTaskEvent")
    assert mps_of(deployed(scf)) == {"WorkflowTask": ("off", "$DEFAULT")}
    assert plan_of(project).json["steps"] == []
    project.write(events=[MPS_TRIGGER])
    assert rows(plan_of(project))["MPS trigger WorkflowTask"] == ("-", "$DEFAULT", "BindTrigger")


def test_another_qualifier_is_bound_anew(project, api, scf):
    Ran("deploy")
    api.requests.clear()
    project.write(events=with_parameters(enable=True, qualifier="$LATEST"))

    Ran("deploy")

    assert changing(api) == ["UnbindTrigger", "BindTrigger"]
    assert mps_of(deployed(scf)) == {"WorkflowTask": ("on", "$LATEST")}


def test_triggers_that_the_file_does_not_name_stay_unless_told(project, api, scf):
    project.write(events=[MPS_TRIGGER, TIMER])
    Ran("deploy")
    api.requests.clear()
    project.write(events=[])

    ran = plan_of(project)
    assert ran.json["steps"] == []
    assert [note.partition(" is not")[0] for note in ran.json["notes"]] == [
        "MPS trigger WorkflowTask ($DEFAULT)",
        "timer reconcile (0 0 */6 * * * *, $DEFAULT)",
    ]

    assert Ran("deploy", "--prune").code == 0
    assert changing(api) == ["UnbindTrigger", "DeleteTrigger"]
    assert Ran("deploy", "--prune").code == 0
    assert plan_of(project).json == {"steps": [], "notes": [], "blocked": []}


@pytest.mark.parametrize("first", [0, -1])
def test_a_binding_that_is_off_beside_the_wanted_one_is_no_difference(project, api, scf, first):
    Ran("deploy")
    triggers = deployed(scf).triggers
    triggers.insert(first, {**triggers[0], "Qualifier": "$LATEST", "BindStatus": "off"})

    assert plan_of(project).json["steps"] == []
    triggers.reverse()
    assert plan_of(project).json["steps"] == []


@pytest.mark.parametrize("first", [False, True])
def test_a_second_binding_of_the_same_type_is_told_and_pruned_in_whatever_order_scf_lists(
    project, api, scf, first
):
    Ran("deploy")
    triggers = deployed(scf).triggers
    triggers.insert(0 if first else 1, {**triggers[0], "Qualifier": "$LATEST"})

    ran = plan_of(project)
    assert ran.json["steps"] == []
    assert (
        "MPS trigger WorkflowTask ($LATEST) is not in serverless.yml: --prune unbinds it"
        in ran.json["notes"]
    )
    api.requests.clear()
    assert Ran("deploy", "--prune").code == 0
    assert changing(api) == ["UnbindTrigger"]
    assert {one["Qualifier"]: one["BindStatus"] for one in triggers} == {
        "$DEFAULT": "on",
        "$LATEST": "off",
    }
    assert plan_of(project, "--prune").json["steps"] == []


def test_two_bindings_that_are_both_not_the_wanted_one_give_way_to_it(project, api, scf):
    Ran("deploy")
    triggers = deployed(scf).triggers
    triggers.append({**triggers[0], "Qualifier": "$LATEST"})
    project.write(events=with_parameters(enable=False))
    api.requests.clear()

    assert Ran("deploy").code == 0

    assert changing(api) == ["UnbindTrigger", "UnbindTrigger"]
    assert plan_of(project).json["steps"] == []


@pytest.mark.parametrize("first", [False, True])
def test_a_second_timer_of_the_same_name_is_told_and_pruned(project, api, scf, first):
    project.write(events=[TIMER])
    Ran("deploy")
    triggers = deployed(scf).triggers
    triggers.insert(0 if first else 1, {**triggers[0], "Qualifier": "$LATEST"})

    ran = plan_of(project)

    assert ran.json["steps"] == []
    assert ran.json["notes"] == [
        "timer reconcile (0 0 */6 * * * *, $LATEST) is not in serverless.yml: --prune removes it"
    ]
    [step] = plan_of(project, "--prune").json["steps"]
    assert step["action"] == "DeleteTrigger"
    assert step["changes"][0]["live"].endswith("$LATEST")


def test_a_timer_is_made_for_reconcile_changed_and_moved(project, api, scf):
    project.write(events=[TIMER])
    assert Ran("deploy").code == 0
    assert dict(last(api, "CreateTrigger").parameters) == {
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

    assert rows(plan_of(project)) == {
        "timer reconcile": (
            "0 0 */6 * * * * 'reconcile 6h' $DEFAULT",
            "0 30 */12 * * * * 'reconcile 12h' $DEFAULT, off",
            "UpdateTrigger",
        )
    }
    Ran("deploy")
    assert changing(api) == ["UpdateTrigger"]
    assert plan_of(project).json["steps"] == []
    parameters["qualifier"] = "$LATEST"
    project.write(events=[changed])
    api.requests.clear()
    Ran("deploy")
    assert changing(api) == ["DeleteTrigger", "CreateTrigger"]


def test_what_scf_lists_in_other_words_is_understood(project, api, scf):
    Ran("deploy")
    function = deployed(scf)
    [mps] = function.triggers
    mps |= {"ResourceId": "", "Enable": 1}  # then the description tells the type
    function.triggers.append({"Type": "cos", "TriggerName": "b", "ResourceId": None})
    function.triggers.append(
        {"Type": "timer", "TriggerName": "old", "TriggerDesc": "* * * * * * *"}
    )
    api.requests.clear()

    ran = plan_of(project)

    assert ran.json["steps"] == []
    assert ran.json["notes"] == [
        "MPS trigger WorkflowTask, which serves the whole account, is bound to this function",
        "timer old (* * * * * * *, $LATEST) is not in serverless.yml: --prune removes it",
    ]
    mps["TriggerDesc"] = "?"
    assert rows(plan_of(project))["MPS trigger WorkflowTask"][2] == "BindTrigger"


def test_functions_of_all_namespaces_are_looked_at_page_by_page(project, api, scf):
    for number in range(130):
        other_function(scf, f"one-{number:03}")
    bind(api, other_function(scf, "zulu"))

    assert "ap-guangzhou/default/zulu" in plan_of(project).json["blocked"][0]
    offsets = [one.parameters["Offset"] for one in api.requests.of("ListFunctions")]
    assert offsets == [0, 100, 0]


def test_a_trigger_of_which_scf_does_not_tell_the_resource_is_deleted_by_its_description(
    project, api, scf
):
    Ran("deploy")
    [mps] = deployed(scf).triggers
    mps |= {"ResourceId": "", "BindStatus": None}
    api.requests.clear()
    project.write(events=with_parameters(enable=False))

    assert Ran("deploy").code == 0

    assert changing(api) == ["DeleteTrigger"]
    assert deployed(scf).triggers == []
