"""CLS, product API 2020-10-16: logsets, topics, indexes, alarms, notice groups and dashboards. No logs are stored.

Fields, limits and codes follow the SDK's models and error codes. Guesses: the code for a query on a topic without an
index, and that a list without Limit has 20 entries.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..errors import ApiError
from ..service import Call, Service, action

MAX_KEYS = 300
"""Most keys of an index."""
MAX_PAGE = 100
MAX_TARGETS = 3
"""Most queries of an alarm (product page 614/39576)."""
MAX_OFFSET_MINUTES = 1440

_KEY = re.compile(r"[A-Za-z0-9./@-][A-Za-z0-9_./@-]*")
_RESERVED_TOPICS = (
    "cls_service_log",
    "loglistener_status",
    "loglistener_alarm",
    "loglistener_business",
    "cls_service_metric",
)


class _Kind(NamedTuple):
    """A kind of resource: its name in actions, its field with the name, its list, filters, and code of a conflict."""

    noun: str
    name: str
    entries: str
    filters: Mapping[str, str]
    conflict: str
    partial: frozenset[str] = frozenset()
    prefix: str = ""

    @property
    def id(self) -> str:
        return f"{self.noun}Id"


_LOGSETS = _Kind(
    "Logset",
    "LogsetName",
    "Logsets",
    {"logsetName": "LogsetName", "logsetId": "LogsetId"},
    "LogsetConflict",
)
_TOPICS = _Kind(
    "Topic",
    "TopicName",
    "Topics",
    {"topicName": "TopicName", "topicId": "TopicId", "logsetId": "LogsetId"},
    "TopicConflict",
    frozenset(["topicName"]),
)
_ALARMS = _Kind(
    "Alarm",
    "Name",
    "Alarms",
    {"name": "Name", "alarmId": "AlarmId", "topicId": "TopicIds"},
    "AlarmConflict",
    prefix="alarm-",
)
_NOTICES = _Kind(
    "AlarmNotice",
    "Name",
    "AlarmNotices",
    {"name": "Name", "alarmNoticeId": "AlarmNoticeId"},
    "AlarmNoticeConflict",
    prefix="notice-",
)
_DASHBOARDS = _Kind(
    "Dashboard",
    "DashboardName",
    "DashboardInfos",
    {"dashboardName": "DashboardName", "dashboardId": "DashboardId"},
    "DashboardNameConflict",
    frozenset(["dashboardName"]),
    prefix="dashboard-",
)

Record = dict[str, Any]


def _make_describe(kind: _Kind) -> Callable[..., Mapping[str, Any]]:
    @action(f"Describe{kind.noun}s")
    def describe(self: Cls, call: Call) -> Mapping[str, Any]:
        return self._list(kind, call)

    return describe


class Cls(Service):
    """The logs of an account: those of each region are separate, but dashboards share one list of names.

    Attributes:
        resources: created records by kind (``Logset``, ``Topic``, ``Alarm``, ``AlarmNotice``, ``Dashboard``), region and id.
        indexes: parameters of the index of each topic, by topic id.
    """

    name = "cls"
    version = "2020-10-16"

    def __init__(self) -> None:
        self.resources: dict[str, dict[tuple[str, str], Record]] = {
            kind.noun: {} for kind in (_LOGSETS, _TOPICS, _ALARMS, _NOTICES, _DASHBOARDS)
        }
        self.indexes: dict[str, Record] = {}
        self._lock = threading.RLock()

    describe_logsets = _make_describe(_LOGSETS)
    describe_topics = _make_describe(_TOPICS)
    describe_alarms = _make_describe(_ALARMS)
    describe_alarm_notices = _make_describe(_NOTICES)
    describe_dashboards = _make_describe(_DASHBOARDS)

    @action("CreateLogset")
    def create_logset(self, call: Call) -> Mapping[str, Any]:
        """Create a logset."""
        return self._create(_LOGSETS, call, {})

    @action("CreateTopic")
    def create_topic(self, call: Call) -> Mapping[str, Any]:
        """Create a topic in a logset."""
        logset = self._get(_LOGSETS, call, call.text("LogsetId"))
        days = call.integer("Period", 30)
        if not (1 <= days <= 3600 or days == 3640):
            raise ApiError("InvalidParameterValue", "Period is 1 to 3600, or 3640.")
        if call.text("TopicName") in _RESERVED_TOPICS:
            raise ApiError("InvalidParameterValue", "TopicName is reserved.")
        fields = {"LogsetId": logset["LogsetId"], "Period": days}
        return self._create(_TOPICS, call, {**fields, "Status": True, "Index": False})

    @action("CreateAlarmNotice")
    def create_alarm_notice(self, call: Call) -> Mapping[str, Any]:
        """Create a notice group."""
        if not (call.parameters.get("Type") or call.parameters.get("NoticeRules")):
            raise ApiError("InvalidParameter", "The request has neither Type nor NoticeRules.")
        return self._create(_NOTICES, call, {})

    @action("CreateIndex")
    def create_index(self, call: Call) -> Mapping[str, Any]:
        """Create the index of a topic."""
        with self._lock:
            topic = self._get(_TOPICS, call, call.text("TopicId"))
            if topic["TopicId"] in self.indexes:
                raise ApiError("InvalidParameter.IndexConflict", "The topic has an index.")
            self._put_index(topic, call)
        return {}

    @action("ModifyIndex")
    def modify_index(self, call: Call) -> Mapping[str, Any]:
        """Replace the rule of an index."""
        with self._lock:
            topic = self._get(_TOPICS, call, call.text("TopicId"))
            self._find_index(topic)
            self._put_index(topic, call)
        return {}

    @action("DescribeIndex")
    def describe_index(self, call: Call) -> Mapping[str, Any]:
        """Return the index of a topic."""
        with self._lock:
            return self._find_index(self._get(_TOPICS, call, call.text("TopicId")))

    @action("CreateAlarm")
    def create_alarm(self, call: Call) -> Mapping[str, Any]:
        """Create an alarm."""
        for name in ("AlarmTargets", "MonitorTime", "TriggerCount", "AlarmPeriod"):
            if name not in call.parameters:
                raise ApiError("MissingParameter", f"The request has no {name}.")
        return self._create(_ALARMS, call, {"Status": True, **self._parse_alarm(call)})

    @action("ModifyAlarm")
    def modify_alarm(self, call: Call) -> Mapping[str, Any]:
        """Change an alarm."""
        return self._modify(_ALARMS, call, self._parse_alarm(call))

    @action("CreateDashboard")
    def create_dashboard(self, call: Call) -> Mapping[str, Any]:
        """Create a dashboard."""
        return self._create(_DASHBOARDS, call, {"Data": call.text("Data", "")})

    @action("ModifyDashboard")
    def modify_dashboard(self, call: Call) -> Mapping[str, Any]:
        """Change a dashboard."""
        return self._modify(_DASHBOARDS, call, {})

    def _get(self, kind: _Kind, call: Call, id_: str) -> Record:
        with self._lock:
            record = self.resources[kind.noun].get((call.region, id_))
        if record is None:
            what = "DashboardRecord" if kind is _DASHBOARDS else kind.noun
            raise ApiError(f"ResourceNotFound.{what}NotExist", f"{kind.id} {id_} does not exist.")
        return record

    def _create(self, kind: _Kind, call: Call, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        name = call.text(kind.name)
        if "|" in name or len(name.encode()) > 255:
            raise ApiError("InvalidParameter", f"{kind.name} has | or more than 255 bytes.")
        id_ = kind.prefix + str(uuid.uuid4())
        with self._lock:
            for (region, _), record in self.resources[kind.noun].items():
                is_near = kind is _DASHBOARDS or region == call.region
                same_logset = record.get("LogsetId") == fields.get("LogsetId") or kind is _LOGSETS
                if is_near and same_logset and record[kind.name] == name:
                    raise ApiError(f"InvalidParameter.{kind.conflict}", f"{name} exists.")
            record = {**call.parameters, **fields, kind.id: id_}
            self.resources[kind.noun][call.region, id_] = record
        return {kind.id: id_}

    def _modify(self, kind: _Kind, call: Call, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        with self._lock:
            record = self._get(kind, call, call.text(kind.id))
            record.update({**call.parameters, **fields})
        return {}

    def _list(self, kind: _Kind, call: Call) -> Mapping[str, Any]:
        with self._lock:
            records = [
                dict(record)
                for (region, _), record in self.resources[kind.noun].items()
                if region == call.region
            ]
        for filter_ in call.parameters.get("Filters") or []:
            key, values = filter_.get("Key"), filter_.get("Values") or []
            if key not in kind.filters:
                raise ApiError("InvalidFilter", f"{key} is not a filter that is emulated.")
            is_partial = key in kind.partial and not call.integer("PreciseSearch", 0)
            records = [
                record
                for record in records
                if _matches(record.get(kind.filters[key], ""), values, is_partial)
            ]
        offset, limit = call.integer("Offset", 0), call.integer("Limit", 20)
        if not 0 <= limit <= MAX_PAGE:
            raise ApiError("InvalidParameterValue", f"Limit is at most {MAX_PAGE}.")
        for record in records:
            record.pop("TopicIds", None)
        return {kind.entries: records[offset : offset + limit], "TotalCount": len(records)}

    def _find_index(self, topic: Record) -> Record:
        if topic["TopicId"] not in self.indexes:
            raise ApiError("ResourceNotFound.IndexNotExist", "The topic has no index.")
        return self.indexes[topic["TopicId"]]

    def _put_index(self, topic: Record, call: Call) -> None:
        rule = call.parameters.get("Rule")
        if not isinstance(rule, Mapping):
            raise ApiError("MissingParameter", "The request has no Rule.")
        _check_keys((rule.get("KeyValue") or {}).get("KeyValues") or [])
        self.indexes[topic["TopicId"]] = {
            "TopicId": topic["TopicId"],
            "Status": call.boolean("Status") is not False,
            "Rule": rule,
        }
        topic["Index"] = True

    def _parse_alarm(self, call: Call) -> Mapping[str, Any]:
        """Return the derived fields of an alarm. Raises ApiError for invalid ones."""
        parameters = call.parameters
        if parameters.get("Condition") and parameters.get("MultiConditions"):
            raise ApiError("InvalidParameter", "Condition excludes MultiConditions.")
        for id_ in parameters.get("AlarmNoticeIds") or []:
            self._get(_NOTICES, call, id_)
        targets = parameters.get("AlarmTargets") or []
        if len(targets) > MAX_TARGETS:
            raise ApiError("InvalidParameter", f"AlarmTargets has at most {MAX_TARGETS} entries.")
        for number, target in enumerate(targets, 1):
            topic = self._get(_TOPICS, call, str(target.get("TopicId")))
            start, end = target.get("StartTimeOffset"), target.get("EndTimeOffset")
            if target.get("Number") != number or not -MAX_OFFSET_MINUTES <= start < end <= 0:
                raise ApiError("InvalidParameterValue", "Number or an offset is invalid.")
            if "|" in target.get("Query", "") and topic["TopicId"] not in self.indexes:
                raise ApiError("OperationDenied.AnalysisSwitchClose", "The topic has no index.")
        return {"TopicIds": [target["TopicId"] for target in targets]} if targets else {}


def _matches(value: str | list[str], wanted: list[str], is_partial: bool) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(text == one or (is_partial and one in text) for text in values for one in wanted)


def _check_keys(keys: list[Mapping[str, Any]]) -> None:
    """Check the keys of an index. Raises ApiError."""
    if len(keys) > MAX_KEYS:
        raise ApiError("LimitExceeded.IndexKeyOverLimit", f"At most {MAX_KEYS} keys.")
    for key in keys:
        name, value = str(key.get("Key")), key.get("Value") or {}
        type_ = value.get("Type")
        if not _KEY.fullmatch(name) or type_ not in ("text", "long", "double"):
            raise ApiError("InvalidParameterValue", f"The key {name!r} is invalid.")
        if type_ != "text" and (value.get("Tokenizer") or value.get("ContainZH")):
            raise ApiError("InvalidParameterValue", f"{name} is a number: it has no Tokenizer.")
