"""`scf-mps deploy --logs`: topic, index, alarm and dashboard in an emulated CLS, once, and kept by `remove`."""

import json
import re

import pytest

from scf_mps.deploy.deploy import DeployOptions, prepare_deployment
from scf_mps.deploy.errors import DeployError
from scf_mps.deploy.log_queries import FAILED, FIELD_TYPES, PANELS, make_lost_query
from scf_mps.telemetry.wide_line import NUMBERS, TEXTS
from tests.support.sample_data import ROOT

from .support import (
    REGION,
    dry_run,
    fetch_plan,
    get_deployed,
    get_last,
    list_writes,
    load_target,
    run_cli,
)

NAME = "scf-mps-ap-guangzhou-default-shop-events"
CREATED = ["CreateLogset", "CreateTopic", "CreateIndex", "CreateAlarm", "CreateDashboard"]


@pytest.fixture
def notice(project):
    """The id of the notice group `on call`."""
    parameters = {"Name": "on call", "Type": "All"}
    response = load_target(project).cloud.call("CreateAlarmNotice", parameters, "cls")
    return response["AlarmNoticeId"]


def get_only(cls, noun):
    [record] = cls.resources[noun].values()
    return record


def test_logs_creates_and_binds_topic_once(project, api, scf, cls):
    first = run_cli("deploy", "--logs")

    assert first.code == 0, first.err
    assert list_writes(api) == [*CREATED, "CreateFunction", "BindTrigger"]
    logset, topic = get_only(cls, "Logset"), get_only(cls, "Topic")
    assert (logset["LogsetName"], topic["TopicName"], topic["Period"]) == ("scf-mps", NAME, 30)
    assert topic["LogsetId"] == logset["LogsetId"]
    settings = get_deployed(scf).latest.settings
    assert settings["ClsLogsetId"] == logset["LogsetId"]
    assert settings["ClsTopicId"] == topic["TopicId"]
    assert "notifies nobody" in first.err
    assert "a new one" in first.out

    api.requests.clear()
    second = run_cli("deploy", "--logs")

    assert (second.code, list_writes(api)) == (0, [])
    assert "no changes" in second.out
    assert run_cli("deploy").code == 0
    assert list_writes(api) == []


def test_index_has_all_fields_of_the_line(project, api, cls):
    assert run_cli("deploy", "--logs").code == 0

    [index] = cls.indexes.values()
    types = {key["Key"]: key["Value"]["Type"] for key in index["Rule"]["KeyValue"]["KeyValues"]}
    assert types == FIELD_TYPES
    assert {*TEXTS, *NUMBERS, "task_id", "SCF_RetryNum"} <= types.keys()
    assert (types["ms"], types["failed"], types["error"]) == ("double", "long", "text")
    assert all(key["Value"]["SqlFlag"] for key in index["Rule"]["KeyValue"]["KeyValues"])


def test_index_is_extended_and_keeps_own_fields(project, api, cls):
    assert run_cli("deploy", "--logs").code == 0
    [index] = cls.indexes.values()
    keys = index["Rule"]["KeyValue"]["KeyValues"]
    own = {"Key": "shop", "Value": {"Type": "text", "SqlFlag": True, "Tokenizer": "/"}}
    keys[:] = [own, *(key for key in keys if key["Key"] not in ("ms", "failed"))]
    keys[1]["Value"]["Type"] = "long"
    index["Rule"]["Tag"] = None
    api.requests.clear()

    [step] = dry_run("--logs").json["steps"]
    assert step["changes"] == [
        {
            "what": "CLS index",
            "current": "without level, ms, failed",
            "desired": "with these",
        }
    ]
    assert run_cli("deploy", "--logs").code == 0

    assert list_writes(api) == ["ModifyIndex"]
    [index] = cls.indexes.values()
    values = {key["Key"]: key["Value"] for key in index["Rule"]["KeyValue"]["KeyValues"]}
    assert values.pop("shop") == own["Value"]
    assert {name: value["Type"] for name, value in values.items()} == FIELD_TYPES


def test_alarm_watches_lost_events_and_failures(project, api, cls, notice):
    project.write(retryNum=1)
    assert run_cli("deploy", "--alarm-notice", "on call").code == 0

    alarm = get_only(cls, "Alarm")
    assert [target["Query"] for target in alarm["AlarmTargets"]] == [make_lost_query(1), FAILED]
    assert "SCF_RetryNum:>=1 " in make_lost_query(1)
    assert [one["AlarmLevel"] for one in alarm["MultiConditions"]] == [2, 0]
    assert alarm["AlarmNoticeIds"] == [notice]
    topics = {target["TopicId"] for target in alarm["AlarmTargets"]}
    assert topics == {get_only(cls, "Topic")["TopicId"]}


def test_alarm_uses_current_retries_of_function(project, api, cls):
    project.write(retryNum=0)
    assert run_cli("deploy").code == 0
    project.write(retryNum=None)
    assert run_cli("deploy", "--logs").code == 0

    [target, _] = get_only(cls, "Alarm")["AlarmTargets"]
    assert target["Query"] == make_lost_query(0)


@pytest.mark.parametrize("by_id", [False, True])
def test_notice_group_is_added_to_existing_alarm(project, api, cls, notice, by_id):
    assert run_cli("deploy", "--logs").code == 0
    get_only(cls, "Alarm")["AlarmNoticeIds"] = ["notice-of-team"]
    cls.resources["AlarmNotice"][REGION, "notice-of-team"] = {
        "Name": "team",
        "AlarmNoticeId": "notice-of-team",
    }
    api.requests.clear()

    name = notice if by_id else "on call"
    assert run_cli("deploy", "--alarm-notice", name).code == 0
    assert run_cli("deploy", "--alarm-notice", name).code == 0

    assert list_writes(api) == ["ModifyAlarm"]
    assert get_last(api, "ModifyAlarm").parameters.keys() == {"AlarmId", "AlarmNoticeIds"}
    assert get_only(cls, "Alarm")["AlarmNoticeIds"] == ["notice-of-team", notice]


def test_unknown_notice_group_blocks_deployment(project, api):
    result = run_cli("deploy", "--alarm-notice", "on cal")

    assert result.code == 1
    assert "CLS has no notice group 'on cal' in ap-guangzhou" in result.err
    assert list_writes(api) == []


def test_again_resets_alarm_and_dashboard(project, api, cls, notice):
    assert run_cli("deploy", "--alarm-notice", "on call").code == 0
    get_only(cls, "Alarm")["MultiConditions"] = []
    get_only(cls, "Dashboard")["Data"] = "{}"
    assert dry_run("--logs").json["steps"] == []
    api.requests.clear()

    assert run_cli("deploy", "--logs", "--again").code == 0

    assert list_writes(api)[:2] == ["ModifyAlarm", "ModifyDashboard"]
    assert len(get_only(cls, "Alarm")["MultiConditions"]) == 2
    assert get_only(cls, "Alarm")["AlarmNoticeIds"] == [notice]
    assert json.loads(get_only(cls, "Dashboard")["Data"])["panels"]


def test_dashboard_queries_own_topic(project, api, cls):
    assert run_cli("deploy", "--logs").code == 0

    panels = json.loads(get_only(cls, "Dashboard")["Data"])["panels"]
    assert [panel["title"] for panel in panels] == [panel.title for panel in PANELS]
    topic = get_only(cls, "Topic")
    for panel in panels:
        assert panel["target"]["TopicId"] == topic["TopicId"]
        assert panel["target"]["LogsetId"] == topic["LogsetId"]
        assert panel["target"]["RegionId"] == 1
        assert bool(panel["target"]["ChartAxis"]) == (panel["type"] == "graph")


def test_topic_in_serverless_yml_is_used(project, api, scf, cls):
    cloud = load_target(project).cloud
    logset = cloud.call("CreateLogset", {"LogsetName": "ours"}, "cls")["LogsetId"]
    parameters = {"LogsetId": logset, "TopicName": "events", "Period": 90}
    topic = cloud.call("CreateTopic", parameters, "cls")["TopicId"]
    project.write(cls={"topicId": topic})
    api.requests.clear()

    assert run_cli("deploy", "--logs").code == 0

    assert list_writes(api)[:3] == ["CreateIndex", "CreateAlarm", "CreateDashboard"]
    settings = get_deployed(scf).latest.settings
    assert (settings["ClsLogsetId"], settings["ClsTopicId"]) == (logset, topic)


def test_unknown_topic_in_serverless_yml_is_refused(project, api):
    project.write(cls={"topicId": "gone"})

    with pytest.raises(DeployError) as caught:
        fetch_plan(project, logs=True)

    [problem] = caught.value.problems
    assert (problem.code, problem.path) == ("topic_missing", "inputs.cls.topicId")
    assert list_writes(api) == []


def test_interrupted_creation_is_continued(project, api, cls):
    api.faults.add("CreateAlarm", code="LimitExceeded")
    first = run_cli("deploy", "--logs")

    assert first.code == 1
    assert "3 of 7 steps completed" in first.err
    api.requests.clear()
    assert run_cli("deploy", "--logs").code == 0
    assert list_writes(api)[:2] == ["CreateAlarm", "CreateDashboard"]


def test_names_are_compared_in_full(project, api, cls):
    cloud = load_target(project).cloud
    logset = cloud.call("CreateLogset", {"LogsetName": "scf-mps"}, "cls")["LogsetId"]
    parameters = {"LogsetId": logset, "TopicName": f"{NAME}-2"}
    cloud.call("CreateTopic", parameters, "cls")
    cloud.call("CreateDashboard", {"DashboardName": f"{NAME}-2"}, "cls")
    api.requests.clear()

    assert run_cli("deploy", "--logs").code == 0

    assert list_writes(api)[:4] == CREATED[1:]


def test_refused_index_is_an_error(project, api):
    assert run_cli("deploy", "--logs").code == 0
    api.faults.add("DescribeIndex", code="UnauthorizedOperation")

    result = run_cli("deploy", "--logs")

    assert result.code == 1
    assert "cls:DescribeIndex" in result.err


def test_offline_plan_shows_logs(project, monkeypatch):
    monkeypatch.setenv("TENCENTCLOUD_API_ENDPOINT", "http://127.0.0.1:1")
    options = DeployOptions(logs=True, timeout=0.1)
    with prepare_deployment(
        load_target(project), options, lambda _: None, offline=True
    ) as deployment:
        actions = [step.action for step in deployment.plan.steps]

    assert actions[: len(CREATED)] == CREATED
    assert any(note.code == "offline" for note in deployment.plan.notes)


def test_remove_keeps_logs_with_note(project, api, cls):
    assert run_cli("deploy", "--logs").code == 0
    api.requests.clear()

    result = run_cli("remove", "--yes")

    assert result.code == 0
    assert list_writes(api) == ["UnbindTrigger", "DeleteFunction"]
    assert f"CLS topic {get_only(cls, 'Topic')['TopicId']}" in result.err
    assert "kept with its logs, alarm and dashboard" in result.err


def test_documented_policy_allows_exactly_the_used_cls_actions(project, api, cls, notice):
    page = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    allowed = set(re.findall(r'"cls:([A-Za-z]+)"', page))
    api.requests.clear()
    assert run_cli("deploy", "--alarm-notice", "on call").code == 0
    [index] = cls.indexes.values()
    del index["Rule"]["KeyValue"]["KeyValues"][0]
    assert run_cli("deploy", "--logs", "--again").code == 0

    assert {request.action for request in api.requests if request.service == "cls"} == allowed


def test_documented_queries_are_those_of_dashboard_and_alarm():
    page = (ROOT / "docs" / "observability.md").read_text("utf-8")
    text = re.sub(r"\s+", " ", page)
    for panel in PANELS:
        assert panel.title in text
        assert panel.query in text
    assert make_lost_query(2) in text
    assert FAILED in text


def test_queries_use_indexed_fields():
    words = {
        word
        for query in (*(panel.query for panel in PANELS), FAILED, make_lost_query(2))
        for word in re.findall(
            r"\b([a-zA-Z_]+):|\((\w+)(?:, 0\.\d+)?\)|SELECT ([a-z_, ]+) ORDER", query
        )
    }
    fields = {name for group in words for part in group for name in part.split(", ") if name}

    assert fields
    assert fields <= FIELD_TYPES.keys()
