"""Topics, indexes, alarms and dashboards of CLS, with the official client of any product."""

import pytest
from tencentcloud.common.common_client import CommonClient

from scf_mps.local.api import CloudApi, Cls

from .support import REGION, assert_error, credential, profile

TARGET = {
    "Query": "failed:>0 | SELECT count(*) AS events",
    "Number": 1,
    "StartTimeOffset": -5,
    "EndTimeOffset": 0,
}
ALARM = {
    "Name": "failures",
    "MonitorTime": {"Type": "Period", "Time": 5},
    "TriggerCount": 1,
    "AlarmPeriod": 60,
    "Condition": "$1.events > 0",
}


@pytest.fixture
def api():
    with CloudApi([Cls()]) as api:
        yield api


@pytest.fixture
def client(api):
    return CommonClient("cls", "2020-10-16", credential(api), REGION, profile(api))


def call(client, action, **parameters):
    return client.call_json(action, parameters)["Response"]


@pytest.fixture
def topic(client):
    """The id of a topic without an index."""
    logset = call(client, "CreateLogset", LogsetName="events")["LogsetId"]
    return call(client, "CreateTopic", LogsetId=logset, TopicName="events-1")["TopicId"]


def make_rule(name="failed", **value):
    return {"KeyValue": {"KeyValues": [{"Key": name, "Value": {"Type": "long", **value}}]}}


def create_alarm(client, topic, **changed):
    targets = [{**TARGET, "TopicId": topic}]
    return call(client, "CreateAlarm", **{**ALARM, "AlarmTargets": targets, **changed})


def test_resources_are_listed_by_filters(client, topic):
    call(client, "CreateIndex", TopicId=topic, Rule=make_rule())
    alarm = create_alarm(client, topic)["AlarmId"]
    notice = call(client, "CreateAlarmNotice", Name="on call", Type="All")["AlarmNoticeId"]
    call(client, "ModifyAlarm", AlarmId=alarm, AlarmNoticeIds=[notice])
    dashboard = call(client, "CreateDashboard", DashboardName="events of shop", Data="{}")
    call(client, "ModifyDashboard", DashboardId=dashboard["DashboardId"], Data="[]")

    def find(noun, entries, key, *values, **more):
        filters = [{"Key": key, "Values": list(values)}]
        return call(client, f"Describe{noun}s", Filters=filters, **more)[entries]

    [found] = find("Topic", "Topics", "topicName", "events")
    assert (found["TopicId"], found["Index"], found["Period"]) == (topic, True, 30)
    assert find("Topic", "Topics", "topicName", "events", PreciseSearch=1) == []
    assert find("Topic", "Topics", "topicName", "events-1", PreciseSearch=1) == [found]
    assert find("Topic", "Topics", "logsetId", found["LogsetId"]) == [found]
    assert find("Logset", "Logsets", "logsetName", "event") == []
    assert len(find("Logset", "Logsets", "logsetName", "event", "events")) == 1
    [found] = find("Alarm", "Alarms", "topicId", topic)
    assert found == find("Alarm", "Alarms", "name", "failures")[0]
    assert (found["AlarmNoticeIds"], found["Status"]) == ([notice], True)
    assert "TopicIds" not in found
    assert find("AlarmNotice", "AlarmNotices", "alarmNoticeId", notice)[0]["Name"] == "on call"
    [found] = find("Dashboard", "DashboardInfos", "dashboardName", "shop")
    assert found["Data"] == "[]"
    assert call(client, "DescribeIndex", TopicId=topic)["Rule"] == make_rule()
    assert_error("InvalidFilter", find, "Topic", "Topics", "colour", "red")


def test_lists_are_paginated(client):
    for number in range(3):
        call(client, "CreateLogset", LogsetName=f"logset {number}")

    page = call(client, "DescribeLogsets", Offset=1, Limit=1)

    assert [logset["LogsetName"] for logset in page["Logsets"]] == ["logset 1"]
    assert page["TotalCount"] == 3
    assert_error("InvalidParameterValue", call, client, "DescribeLogsets", Limit=101)


def test_regions_are_separate_but_dashboard_names_are_not(api, client, topic):
    other = CommonClient("cls", "2020-10-16", credential(api), "ap-beijing", profile(api))
    call(client, "CreateDashboard", DashboardName="events")

    assert call(other, "DescribeLogsets")["Logsets"] == []
    call(other, "CreateLogset", LogsetName="events")
    code = "InvalidParameter.DashboardNameConflict"
    assert_error(code, call, other, "CreateDashboard", DashboardName="events")
    assert_error("ResourceNotFound.TopicNotExist", call, other, "DescribeIndex", TopicId=topic)


def test_second_resource_with_a_name_is_refused(client, topic):
    call(client, "CreateIndex", TopicId=topic, Rule=make_rule())
    create_alarm(client, topic)
    [found] = call(client, "DescribeTopics")["Topics"]
    same = {"LogsetId": found["LogsetId"], "TopicName": "events-1"}
    notice = {"Name": "on call", "Type": "All"}
    call(client, "CreateAlarmNotice", **notice)

    assert_error(
        "InvalidParameter.LogsetConflict", call, client, "CreateLogset", LogsetName="events"
    )
    assert_error("InvalidParameter.TopicConflict", call, client, "CreateTopic", **same)
    code = "InvalidParameter.IndexConflict"
    assert_error(code, call, client, "CreateIndex", TopicId=topic, Rule=make_rule())
    assert_error("InvalidParameter.AlarmConflict", create_alarm, client, topic)
    assert_error(
        "InvalidParameter.AlarmNoticeConflict", call, client, "CreateAlarmNotice", **notice
    )
    other = call(client, "CreateLogset", LogsetName="other")["LogsetId"]
    call(client, "CreateTopic", **{**same, "LogsetId": other})


@pytest.mark.parametrize(
    ("code", "action", "parameters"),
    [
        ("MissingParameter", "CreateLogset", {}),
        ("InvalidParameter", "CreateLogset", {"LogsetName": "a|b"}),
        ("InvalidParameter", "CreateLogset", {"LogsetName": "日" * 86}),
        ("ResourceNotFound.LogsetNotExist", "CreateTopic", {"LogsetId": "x", "TopicName": "a"}),
        ("ResourceNotFound.TopicNotExist", "CreateIndex", {"TopicId": "x", "Rule": {}}),
        ("ResourceNotFound.AlarmNotExist", "ModifyAlarm", {"AlarmId": "x"}),
        ("ResourceNotFound.DashboardRecordNotExist", "ModifyDashboard", {"DashboardId": "x"}),
        ("InvalidParameter", "CreateAlarmNotice", {"Name": "a"}),
        ("MissingParameter", "CreateAlarm", {"Name": "a"}),
    ],
)
def test_invalid_request_is_refused(client, code, action, parameters):
    assert_error(code, call, client, action, **parameters)


@pytest.mark.parametrize("changed", [{"Period": 3601}, {"TopicName": "cls_service_log"}])
def test_invalid_topic_is_refused(client, changed):
    logset = call(client, "CreateLogset", LogsetName="events")["LogsetId"]
    parameters = {"LogsetId": logset, "TopicName": "a", **changed}

    assert_error("InvalidParameterValue", call, client, "CreateTopic", **parameters)
    call(client, "CreateTopic", LogsetId=logset, TopicName="a", Period=3640)


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("MissingParameter", None),
        ("InvalidParameterValue", make_rule(name="_private")),
        ("InvalidParameterValue", make_rule(Type="number")),
        ("InvalidParameterValue", make_rule(Tokenizer="/")),
        ("InvalidParameterValue", make_rule(ContainZH=True)),
        (
            "LimitExceeded.IndexKeyOverLimit",
            {"KeyValue": {"KeyValues": make_rule()["KeyValue"]["KeyValues"] * 301}},
        ),
    ],
)
def test_invalid_index_is_refused(client, topic, code, rule):
    assert_error(code, call, client, "CreateIndex", TopicId=topic, Rule=rule)
    code = "ResourceNotFound.IndexNotExist"
    assert_error(code, call, client, "DescribeIndex", TopicId=topic)
    assert_error(code, call, client, "ModifyIndex", TopicId=topic, Rule=make_rule())


def test_index_without_keys_is_replaced(client, topic):
    call(client, "CreateIndex", TopicId=topic, Rule={"FullText": {"Tokenizer": " "}}, Status=False)
    assert call(client, "DescribeIndex", TopicId=topic)["Status"] is False
    call(client, "ModifyIndex", TopicId=topic, Rule=make_rule())

    index = call(client, "DescribeIndex", TopicId=topic)
    assert (index["Status"], index["Rule"]) == (True, make_rule())


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("InvalidParameter", {"MultiConditions": [{"Condition": "$1.events > 0"}]}),
        ("InvalidParameter", {"AlarmTargets": [TARGET] * 4}),
        ("InvalidParameterValue", {"Number": 2}),
        ("InvalidParameterValue", {"StartTimeOffset": -1441}),
        ("InvalidParameterValue", {"EndTimeOffset": -5}),
        ("ResourceNotFound.TopicNotExist", {"TopicId": "x"}),
        ("ResourceNotFound.AlarmNoticeNotExist", {"AlarmNoticeIds": ["x"]}),
    ],
)
def test_invalid_alarm_is_refused(client, topic, code, changed):
    call(client, "CreateIndex", TopicId=topic, Rule=make_rule())
    of_alarm = {name: value for name, value in changed.items() if name.startswith(("A", "M"))}
    of_target = {name: value for name, value in changed.items() if name not in of_alarm}
    targets = {"AlarmTargets": [{**TARGET, "TopicId": topic, **of_target}]}

    assert_error(code, create_alarm, client, topic, **{**targets, **of_alarm})
    assert call(client, "DescribeAlarms")["Alarms"] == []


def test_alarm_with_analysis_needs_index(client, topic):
    assert_error("OperationDenied.AnalysisSwitchClose", create_alarm, client, topic)
    search = [{**TARGET, "TopicId": topic, "Query": "failed:>0"}]

    assert create_alarm(client, topic, AlarmTargets=search)["AlarmId"].startswith("alarm-")
