"""Index, queries, alarm and dashboard for the log line of each event, in the terms of CLS's API 2020-10-16.

The fields are those of `scf_mps.telemetry.wide_line`, and those that SCF adds to each line (product page 583/60336).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from scf_mps.telemetry.wide_line import NUMBERS, TEXTS

TOKENIZER = "@&?|#()='\",;:<>[]{}/ \n\t\r\\"
"""Characters that separate words: those of CLS's console."""

ALARM_MINUTES = 5
"""Interval of the alarm, and the time span of its queries."""

ALARM_REPEAT_MINUTES = 60
CRITICAL, WARNING = 2, 0
"""Alarm levels (CreateAlarm, MultiConditions)."""

CQL = 1
"""Syntax of the queries (CreateAlarm, SyntaxRule)."""

_TEXTS = ("level", "logger", "message", "request_id", "task_id", "callback", *TEXTS)
_SCF_TYPES = {
    "SCF_FunctionName": "text",
    "SCF_Namespace": "text",
    "SCF_StartTime": "long",
    "SCF_LogTime": "long",
    "SCF_RequestId": "text",
    "SCF_Duration": "long",
    "SCF_Alias": "text",
    "SCF_Qualifier": "text",
    "SCF_MemUsage": "double",
    "SCF_Level": "text",
    "SCF_Message": "text",
    "SCF_Type": "text",
    "SCF_StatusCode": "long",
    "SCF_RetryNum": "long",
}
FIELD_TYPES: Mapping[str, str] = {
    **dict.fromkeys(_TEXTS, "text"),
    **{name: "double" if name.endswith("_ms") or name == "ms" else "long" for name in NUMBERS},
    "callback_ms": "double",
    **_SCF_TYPES,
}
"""Type of each indexed field."""

_REGION_IDS = {
    "ap-guangzhou": 1,
    "ap-shanghai": 4,
    "ap-hongkong": 5,
    "ap-shanghai-fsi": 7,
    "ap-beijing": 8,
    "ap-singapore": 9,
    "ap-shenzhen-fsi": 11,
    "na-siliconvalley": 15,
    "ap-chengdu": 16,
    "eu-frankfurt": 17,
    "ap-seoul": 18,
    "ap-chongqing": 19,
    "na-ashburn": 22,
    "ap-bangkok": 23,
    "ap-tokyo": 25,
    "ap-nanjing": 33,
    "ap-jakarta": 72,
    "sa-saopaulo": 74,
}
"""Numbers of regions (DescribeDashboards, TopicIdRegionFilter)."""

_TIME = "histogram(cast(__TIMESTAMP__ AS timestamp), interval 5 minute) AS time"
_BY_TIME = "GROUP BY time ORDER BY time LIMIT 1000"


class Panel(NamedTuple):
    """A query, and its chart in the dashboard: a table, or a graph over `x`."""

    title: str
    query: str
    x: str = ""
    y: str = ""

    @property
    def chart(self) -> str:
        """Type of the chart."""
        return "graph" if self.x else "table"


FAILED = "failed:>0 OR SCF_StatusCode:>=400 | SELECT count(DISTINCT SCF_RequestId) AS events"
"""Events with an attempt that failed: a callback, or the whole invocation."""

PANELS = (
    Panel(
        "Events",
        f"message:handled | SELECT {_TIME}, count(*) AS events {_BY_TIME}",
        "time",
        "events",
    ),
    Panel(
        "Failed callbacks",
        f"message:handled | SELECT {_TIME}, sum(failed) AS failed {_BY_TIME}",
        "time",
        "failed",
    ),
    Panel(
        "Duration, 95 %, in ms",
        f"message:handled | SELECT {_TIME}, approx_percentile(ms, 0.95) AS p95 {_BY_TIME}",
        "time",
        "p95",
    ),
    Panel(
        "COS retries",
        f"message:handled | SELECT {_TIME}, sum(cos_retries) AS retries {_BY_TIME}",
        "time",
        "retries",
    ),
    Panel(
        "Failed events",
        "message:handled AND failed:>0 | SELECT request_id, task_id, delivery, error "
        "ORDER BY __TIMESTAMP__ DESC LIMIT 50",
    ),
    Panel(
        "Slowest callbacks",
        "message:handled | SELECT slowest, count(*) AS events, avg(slowest_ms) AS average, "
        "max(slowest_ms) AS longest GROUP BY slowest ORDER BY longest DESC LIMIT 20",
    ),
    Panel(
        "Less than a second left",
        "message:handled AND left_ms:>=0 AND left_ms:<1000 | SELECT request_id, task_id, ms, left_ms, slowest "
        "ORDER BY left_ms LIMIT 50",
    ),
    Panel(
        "Invocations that SCF ended, by status code",
        "SCF_Type:Platform AND SCF_StatusCode:>=400 | SELECT SCF_StatusCode, count(*) AS attempts "
        "GROUP BY SCF_StatusCode ORDER BY attempts DESC",
    ),
    Panel(
        "Callbacks that ran until the time limit",
        "callback_ms:>0 | SELECT callback, count(*) AS attempts, max(callback_ms) AS longest "
        "GROUP BY callback ORDER BY attempts DESC",
    ),
    Panel(
        "Cold starts, in ms",
        "message:handled AND cold:1 | SELECT count(*) AS starts, approx_percentile(init_ms, 0.5) AS p50, "
        "approx_percentile(init_ms, 0.95) AS p95",
    ),
    Panel(
        "Waits, in ms per event",
        "message:handled | SELECT type, avg(cos_requests) AS cos_requests, avg(cos_wait_ms) AS cos_wait, "
        "avg(ledger_ms) AS ledger GROUP BY type",
    ),
)
"""The queries of docs/observability.md, and the charts of the dashboard."""


def make_lost_query(retries: int) -> str:
    """Return the query for events that failed in their last attempt: SCF drops them, or moves them to the dead letters."""
    return (
        f"SCF_StatusCode:>=400 AND SCF_RetryNum:>={retries} | "
        "SELECT count(DISTINCT SCF_RequestId) AS events"
    )


def make_rule(existing: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the index rule with all fields. Other fields and settings of an existing rule are kept."""
    rule: dict[str, Any] = {
        "FullText": {"CaseSensitive": False, "Tokenizer": TOKENIZER, "ContainZH": True},
        **{name: value for name, value in (existing or {}).items() if value is not None},
    }
    keys = {key["Key"]: key["Value"] for key in _list_keys(existing)}
    keys |= {name: _make_value(FIELD_TYPES[name]) for name in find_missing_fields(existing)}
    rule["KeyValue"] = {
        "CaseSensitive": False,
        **(rule.get("KeyValue") or {}),
        "KeyValues": [{"Key": name, "Value": value} for name, value in keys.items()],
    }
    return rule


def find_missing_fields(existing: Mapping[str, Any] | None) -> list[str]:
    """Return the fields that a rule does not index with their type and for analysis."""
    indexed = {
        key["Key"]: key["Value"]["Type"]
        for key in _list_keys(existing)
        if key["Value"].get("SqlFlag")
    }
    return [name for name, type_ in FIELD_TYPES.items() if indexed.get(name) != type_]


def make_alarm(name: str, logset: Any, topic: Any, retries: int) -> dict[str, Any]:
    """Return the parameters of the alarm: critical for a lost event, a warning for a failed attempt."""
    return {
        "Name": name,
        "AlarmTargets": [
            {
                "LogsetId": logset,
                "TopicId": topic,
                "Query": query,
                "Number": number,
                "StartTimeOffset": -ALARM_MINUTES,
                "EndTimeOffset": 0,
                "SyntaxRule": CQL,
            }
            for number, query in enumerate((make_lost_query(retries), FAILED), 1)
        ],
        "MultiConditions": [
            {"Condition": "$1.events > 0", "AlarmLevel": CRITICAL},
            {"Condition": "$2.events > 0", "AlarmLevel": WARNING},
        ],
        "MonitorTime": {"Type": "Period", "Time": ALARM_MINUTES},
        "TriggerCount": 1,
        "AlarmPeriod": ALARM_REPEAT_MINUTES,
        "Status": True,
    }


def make_dashboard(region: str, logset: Any, topic: Any) -> dict[str, Any]:
    """Return the content of the dashboard. CLS does not document it: the form is that of Tencent's own toolkit."""
    place = {"RegionId": _REGION_IDS.get(region), "LogsetId": logset, "TopicId": topic}
    return {"panels": list(_make_panels(place))}


def _make_panels(place: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for number, panel in enumerate(PANELS):
        axes = {"xAxisKey": panel.x, "yAxisKey": panel.y, "aggregateKey": ""} if panel.x else {}
        yield {
            "id": f"chart-{number + 1}",
            "title": panel.title,
            "description": "",
            "type": panel.chart,
            "gridPos": {"x": 12 * (number % 2), "y": 8 * (number // 2), "w": 12, "h": 8},
            "target": {**place, "Query": panel.query, "SyntaxRule": CQL, "ChartAxis": axes},
        }


def _list_keys(rule: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    return ((rule or {}).get("KeyValue") or {}).get("KeyValues") or []


def _make_value(type_: str) -> dict[str, Any]:
    is_text = type_ == "text"
    return {
        "Type": type_,
        "SqlFlag": True,
        "Tokenizer": TOKENIZER if is_text else "",
        "ContainZH": is_text,
    }
