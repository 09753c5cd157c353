"""CLS topic of a function, with its index, alarm and dashboard: their current state, and the steps that create them.

The topic and the index follow the code. The alarm and the dashboard are created once: users change them in the console.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from scf_mps.build.errors import Problem

from .current_state import DeployTarget
from .desired_state import DesiredState
from .errors import DeployError
from .log_queries import find_missing_fields, make_alarm, make_dashboard, make_rule
from .plan import DEFAULT_RETRIES, NOTHING, Change, Deferred, DeferredJson, Step

LOGSET_NAME = "scf-mps"
KEPT_DAYS = 30
DEFAULT_TOPIC_PREFIX = "SCF_LogTopic_"
"""Names of SCF's own topics, whose index cannot be edited (product page 583/39778)."""


class LogResource(NamedTuple):
    """A kind of resource of CLS.

    Attributes:
        label: for the plan.
        noun: its name in actions and ids.
        name: parameter with the name of a resource.
        entries: field with the list in the response of ``Describe…``.
        filter: filter by name of ``Describe…``.
    """

    label: str
    noun: str
    name: str
    entries: str
    filter: str

    @property
    def id(self) -> str:
        """Parameter and field with the id, e.g. ``TopicId``."""
        return f"{self.noun}Id"

    def find(self, target: DeployTarget, value: str, filter: str = "") -> Mapping[str, Any] | None:
        """Return the resource with a name or id, or None. Raises DeployError."""
        filters = {"Filters": [{"Key": filter or self.filter, "Values": [value]}]}
        entries = target.cloud.pages(f"Describe{self.noun}s", filters, self.entries, product="cls")
        # CLS matches some names in part.
        return next(
            (entry for entry in entries if value in (entry[self.name], entry[self.id])), None
        )

    def create(self, parameters: Mapping[str, Any], change: str) -> Step:
        """Return the step that creates a resource and provides its id."""
        return Step(
            "cls",
            f"Create{self.noun}",
            parameters,
            (Change(self.label, NOTHING, change),),
            provides=(self.label, self.id),
        )


LOGSET = LogResource("CLS logset", "Logset", "LogsetName", "Logsets", "logsetName")
TOPIC = LogResource("CLS topic", "Topic", "TopicName", "Topics", "topicName")
ALARM = LogResource("CLS alarm", "Alarm", "Name", "Alarms", "name")
DASHBOARD = LogResource(
    "CLS dashboard", "Dashboard", "DashboardName", "DashboardInfos", "dashboardName"
)
NOTICE = LogResource("CLS notice group", "AlarmNotice", "Name", "AlarmNotices", "name")


class LogOptions(NamedTuple):
    """Options of a plan for logs.

    Attributes:
        notice: name or id of the notice group that the alarm notifies.
        retries: number of retries of an event.
        again: send the alarm and the dashboard even if they exist.
    """

    notice: str = ""
    retries: int = DEFAULT_RETRIES
    again: bool = False


@dataclass(frozen=True)
class LogState:
    """Current logs of a function.

    Attributes:
        logset: id of the logset. Empty without one.
        topic: id of the topic. Empty without one.
        rule: of the topic's index. None without an index.
        alarm: as CLS lists it. None without one.
        dashboard: id of the dashboard. Empty without one.
        notice: id of the requested notice group. Empty if it does not exist, or was not requested.
    """

    logset: str = ""
    topic: str = ""
    rule: Mapping[str, Any] | None = None
    alarm: Mapping[str, Any] | None = None
    dashboard: str = ""
    notice: str = ""


@dataclass(frozen=True)
class LogPlan:
    """Steps that come before those of the function.

    Attributes:
        desired: desired state of the function, with its topic.
        steps: in order.
        notes: information for the user.
        blocked: reasons not to run the steps.
    """

    desired: DesiredState
    steps: tuple[Step, ...] = ()
    notes: tuple[Problem, ...] = ()
    blocked: tuple[Problem, ...] = ()


def format_log_name(desired: DesiredState) -> str:
    """Return the name of the topic, the alarm and the dashboard. Dashboards share one list of names in all regions."""
    return f"scf-mps-{desired.region}-{desired.namespace}-{desired.name}"


def fetch_log_state(target: DeployTarget, notice: str = "") -> LogState:
    """Return the current logs of a function.

    Args:
        target: the function and its account.
        notice: name or id of a notice group.

    Raises:
        DeployError: if CLS cannot be read, or has no topic with the id in serverless.yml.
    """
    name = format_log_name(target.desired)
    logset = topic = ""
    written = str(target.desired.configuration.get("ClsTopicId") or "")
    found = TOPIC.find(target, written, "topicId") if written else TOPIC.find(target, name)
    if found:
        logset, topic = found["LogsetId"], found["TopicId"]
    elif written:
        advice = "Correct the id, or remove `cls` to have a topic created"
        message = f"CLS has no topic {written!r} in {target.desired.region}"
        raise DeployError(Problem("topic_missing", "inputs.cls.topicId", message, advice))
    return LogState(
        logset=logset or _find_id(target, LOGSET, LOGSET_NAME),
        topic=topic,
        rule=fetch_index_rule(target, topic) if topic else None,
        alarm=ALARM.find(target, name),
        dashboard=_find_id(target, DASHBOARD, name),
        notice=_find_id(target, NOTICE, notice) if notice else "",
    )


def fetch_index_rule(target: DeployTarget, topic: str) -> Mapping[str, Any] | None:
    """Return the rule of a topic's index, or None without an index. Raises DeployError."""
    try:
        response = target.cloud.call("DescribeIndex", {"TopicId": topic}, "cls")
    except DeployError as error:
        if error.code == "ResourceNotFound.IndexNotExist":
            return None
        raise
    rule: Mapping[str, Any] | None = response.get("Rule")
    return rule


class FunctionLogs(NamedTuple):
    """Topic and alarms of a deployed function, as CLS lists them. The topic is None if CLS does not have it."""

    topic: Mapping[str, Any] | None = None
    alarms: tuple[Mapping[str, Any], ...] = ()


def fetch_function_logs(target: DeployTarget, topic: str) -> FunctionLogs:
    """Return a topic by its id, and its alarms. Raises DeployError."""
    filters = {"Filters": [{"Key": "topicId", "Values": [topic]}]}
    alarms = target.cloud.pages("DescribeAlarms", filters, ALARM.entries, product="cls")
    return FunctionLogs(TOPIC.find(target, topic, "topicId"), tuple(alarms))


def _find_id(target: DeployTarget, resource: LogResource, name: str) -> str:
    is_notice_id = resource is NOTICE and name.startswith("notice-")
    found = resource.find(target, name, "alarmNoticeId" if is_notice_id else "")
    return str(found[resource.id]) if found else ""


def plan_logs(state: LogState, desired: DesiredState, options: LogOptions) -> LogPlan:
    """Return the plan for the logs of a function. Pure: it sends no requests."""
    name = format_log_name(desired)
    logset = state.logset or Deferred(LOGSET.label)
    topic = state.topic or Deferred(TOPIC.label)
    binding = {"ClsLogsetId": logset, "ClsTopicId": topic}
    alarm = make_alarm(name, logset, topic, options.retries)
    data = DeferredJson(make_dashboard(desired.region, logset, topic))
    steps = (
        *_plan_topic(state, name, logset),
        *_plan_index(state, topic),
        *_plan_alarm(state, alarm, options.again),
        *_plan_dashboard(state, {"DashboardName": name, "Data": data}, options.again),
    )
    notes: list[Problem] = []
    blocked: list[Problem] = []
    if options.notice and not state.notice:
        message = f"CLS has no notice group {options.notice!r} in {desired.region}"
        advice = "Create it in the CLS console under Monitoring Alarm, or correct the name"
        blocked.append(Problem("notice_missing", "--alarm-notice", message, advice))
    elif not (options.notice or (state.alarm or {}).get("AlarmNoticeIds")):
        message = "notifies nobody"
        advice = "Create a notice group in the CLS console, then add --alarm-notice NAME"
        notes.append(Problem("alarm_silent", ALARM.label, message, advice))
    bound = replace(desired, configuration={**desired.configuration, **binding})
    return LogPlan(bound, steps, tuple(notes), tuple(blocked))


def _plan_topic(state: LogState, name: str, logset: str | Deferred) -> Iterator[Step]:
    if not state.logset:
        yield LOGSET.create({"LogsetName": LOGSET_NAME}, LOGSET_NAME)
    if not state.topic:
        parameters = {"LogsetId": logset, "TopicName": name, "Period": KEPT_DAYS}
        yield TOPIC.create(parameters, f"{name}, {KEPT_DAYS} days")


def _plan_index(state: LogState, topic: str | Deferred) -> Iterator[Step]:
    missing = find_missing_fields(state.rule)
    if missing:
        before = NOTHING if state.rule is None else f"without {', '.join(missing)}"
        after = f"{len(missing)} fields" if state.rule is None else "with these"
        yield Step(
            "cls",
            "CreateIndex" if state.rule is None else "ModifyIndex",
            {"TopicId": topic, "Rule": make_rule(state.rule), "Status": True},
            (Change("CLS index", before, after),),
        )


def _plan_alarm(state: LogState, alarm: Mapping[str, Any], again: bool) -> Iterator[Step]:
    known = (state.alarm or {}).get("AlarmNoticeIds") or []
    notices = [*known, *([state.notice] if state.notice and state.notice not in known else [])]
    with_notices = {"AlarmNoticeIds": notices} if notices else {}
    if state.alarm is None:
        yield ALARM.create({**alarm, **with_notices}, "lost events and failed attempts")
    elif again or notices != known:
        identity = {"AlarmId": state.alarm["AlarmId"]}
        before, after = ", ".join(known) or NOTHING, ", ".join(notices) or NOTHING
        change = Change("CLS alarm", "exists", "sent again") if again else None
        change = change or Change("CLS alarm's notice groups", before, after)
        parameters = {**identity, **(alarm if again else {}), **with_notices}
        yield Step("cls", "ModifyAlarm", parameters, (change,))


def _plan_dashboard(state: LogState, dashboard: Mapping[str, Any], again: bool) -> Iterator[Step]:
    if not state.dashboard:
        yield DASHBOARD.create(dashboard, str(dashboard["DashboardName"]))
    elif again:
        parameters = {"DashboardId": state.dashboard, **dashboard}
        change = Change(DASHBOARD.label, "exists", "sent again")
        yield Step("cls", "ModifyDashboard", parameters, (change,))
