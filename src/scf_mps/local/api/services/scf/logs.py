"""What SCF wrote down of its functions' runs: GetFunctionLogs and GetRequestStatus.

Entries are written by `Scf` when it runs a deployed function, and by a test with `write`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ...errors import ApiError
from ...service import Call, action
from .account import BEIJING, FunctionRecord, ScfService, in_beijing

DAY = 24 * 3600
LARGEST_OFFSET = 10_000
QUARTER = 15 * 60.0
"""Seconds that GetRequestStatus looks back by default."""


class FunctionLogs(ScfService):
    """The actions on logs."""

    @action("GetFunctionLogs")
    def get_function_logs(self, call: Call) -> Mapping[str, Any]:
        """A page of the runs of a function in a span of at most a day, filtered."""
        offset, limit = call.integer("Offset", 0), call.integer("Limit", 20)
        if offset + limit > LARGEST_OFFSET:
            raise ApiError("LimitExceeded.Offset", f"Offset + Limit is {LARGEST_OFFSET} at most.")
        order = call.text("Order", "desc").lower()
        if order not in ("asc", "desc"):
            raise ApiError("InvalidParameterValue.Order", "Order is asc or desc.")
        wanted = (call.parameters.get("Filter") or {}).get("RetCode") or ""
        if wanted not in ("", "is0", "not0"):
            raise ApiError("InvalidParameterValue.RetCode", "RetCode is is0 or not0 here.")
        request = call.text("FunctionRequestId", "")
        found = [
            one
            for one in self._written(call, DAY)
            if (not request or one["RequestId"] == request)
            and (not wanted or (one["RetCode"] == 0) is (wanted == "is0"))
        ]
        found.sort(key=lambda one: float(one["time"]), reverse=order == "desc")
        told = [{**one} for one in found[offset : offset + limit]]
        for one in told:
            del one["time"]
        return {"Data": told, "TotalCount": len(found), "SearchContext": None}

    @action("GetRequestStatus")
    def get_request_status(self, call: Call) -> Mapping[str, Any]:
        """What came of an invocation, try by try."""
        request = call.text("FunctionRequestId")
        told = [
            {
                "FunctionName": one["FunctionName"],
                "RetMsg": one["RetMsg"],
                "RequestId": request,
                "StartTime": one["StartTime"],
                "RetCode": 0 if one["RetCode"] == 0 else -1,
                "Duration": one["Duration"],
                "MemUsage": one["MemUsage"] / 1024 / 1024,
                "RetryNum": one["RetryNum"],
            }
            for one in self._written(call, QUARTER)
            if one["RequestId"] == request
        ]
        return {"Data": told, "TotalCount": len(told)}

    def _written(self, call: Call, back: float) -> list[dict[str, Any]]:
        """The entries between StartTime and EndTime; without them, of the last `back` seconds."""
        now = self.account.clock()
        end = _seconds(call, "EndTime", now + 1)
        start = _seconds(call, "StartTime", end - back)
        if end - start > DAY + 1:
            raise ApiError("InvalidParameterValue.StartTimeOrEndTime", "They are a day apart.")
        with self.account.lock:
            logs = list(self.account.find(call).logs)
        return [one for one in logs if start <= int(one["time"]) <= end]


def write_log_entry(
    function: FunctionRecord,
    at: float,
    *,
    request_id: str = "",
    log: str = "",
    returned: str = "",
    status: int = 0,
    seconds: float = 0.0,
    memory: int = 0,
    retry: int = 0,
) -> None:
    """Write a run of a function down, that began `at` seconds since the epoch."""
    function.logs.append(
        {
            "time": at,
            "FunctionName": function.name,
            "RequestId": request_id or str(uuid.uuid4()),
            "StartTime": in_beijing(at),
            "RetCode": status,
            "RetMsg": returned,
            "InvokeFinished": 1,
            "Duration": seconds * 1000,
            "BillDuration": round(seconds * 1000),
            "MemUsage": memory,
            "Log": log,
            "Level": "",
            "Source": "",
            "RetryNum": retry,
        }
    )


def _seconds(call: Call, name: str, default: float) -> float:
    text = call.text(name, "")
    if not text:
        return default
    try:
        parsed = datetime.strptime(text, "%Y-%m-%d %H:%M:%S")
    except ValueError:
        raise ApiError("InvalidParameterValue.DateTime", f"{name} is no time.") from None
    return parsed.replace(tzinfo=BEIJING).timestamp()
