"""SCF's logs: GetFunctionLogs and GetRequestStatus.

`Scf` writes an entry for every run of a deployed function. Tests use `write_log_entry`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ...errors import ApiError
from ...service import Call, action
from .account import BEIJING, FunctionRecord, ScfService, format_beijing_time

MAX_PERIOD_SECONDS = 24 * 3600
MAX_OFFSET = 10_000
DEFAULT_LOOKBACK_SECONDS = 15 * 60.0
"""Period of GetRequestStatus without a StartTime."""


class FunctionLogs(ScfService):
    """The actions on logs."""

    @action("GetFunctionLogs")
    def get_function_logs(self, call: Call) -> Mapping[str, Any]:
        """Return a page of the filtered runs of a function within at most a day."""
        offset, limit = call.integer("Offset", 0), call.integer("Limit", 20)
        if offset + limit > MAX_OFFSET:
            raise ApiError("LimitExceeded.Offset", f"Offset + Limit is at most {MAX_OFFSET}.")
        order = call.text("Order", "desc").lower()
        if order not in ("asc", "desc"):
            raise ApiError("InvalidParameterValue.Order", "Order is asc or desc.")
        ret_code = (call.parameters.get("Filter") or {}).get("RetCode") or ""
        if ret_code not in ("", "is0", "not0"):
            raise ApiError("InvalidParameterValue.RetCode", "RetCode is is0 or not0.")
        request_id = call.text("FunctionRequestId", "")
        entries = [
            entry
            for entry in self._select_entries(call, MAX_PERIOD_SECONDS)
            if (not request_id or entry["RequestId"] == request_id)
            and (not ret_code or (entry["RetCode"] == 0) is (ret_code == "is0"))
        ]
        entries.sort(key=lambda entry: float(entry["time"]), reverse=order == "desc")
        page = [{**entry} for entry in entries[offset : offset + limit]]
        for entry in page:
            del entry["time"]
        return {"Data": page, "TotalCount": len(entries), "SearchContext": None}

    @action("GetRequestStatus")
    def get_request_status(self, call: Call) -> Mapping[str, Any]:
        """Return every delivery of an invocation."""
        request_id = call.text("FunctionRequestId")
        entries = [
            {
                "FunctionName": entry["FunctionName"],
                "RetMsg": entry["RetMsg"],
                "RequestId": request_id,
                "StartTime": entry["StartTime"],
                "RetCode": 0 if entry["RetCode"] == 0 else -1,
                "Duration": entry["Duration"],
                "MemUsage": entry["MemUsage"] / 1024 / 1024,
                "RetryNum": entry["RetryNum"],
            }
            for entry in self._select_entries(call, DEFAULT_LOOKBACK_SECONDS)
            if entry["RequestId"] == request_id
        ]
        return {"Data": entries, "TotalCount": len(entries)}

    def _select_entries(self, call: Call, lookback: float) -> list[dict[str, Any]]:
        """Return the entries between StartTime and EndTime, by default of the last `lookback` seconds."""
        now = self.account.clock()
        end = _parse_time(call, "EndTime", now + 1)
        start = _parse_time(call, "StartTime", end - lookback)
        if end - start > MAX_PERIOD_SECONDS + 1:
            raise ApiError(
                "InvalidParameterValue.StartTimeOrEndTime", "They are more than a day apart."
            )
        with self.account.lock:
            logs = list(self.account.find(call).logs)
        return [entry for entry in logs if start <= int(entry["time"]) <= end]


def write_log_entry(function: FunctionRecord, at: float, **fields: Any) -> None:
    """Log a run of a function that started `at` seconds since the epoch.

    `fields` replace the default fields of the entry, such as ``RetCode=430``. ``Duration`` is in milliseconds.
    """
    function.logs.append(
        {
            "time": at,
            "FunctionName": function.name,
            "RequestId": str(uuid.uuid4()),
            "StartTime": format_beijing_time(at),
            "RetCode": 0,
            "RetMsg": "",
            "InvokeFinished": 1,
            "Duration": 0,
            "BillDuration": round(fields.get("Duration", 0)),
            "MemUsage": 0,
            "Log": "",
            "Level": "",
            "Source": "",
            "RetryNum": 0,
            **fields,
        }
    )


def _parse_time(call: Call, name: str, default: float) -> float:
    text = call.text(name, "")
    if not text:
        return default
    try:
        parsed = datetime.strptime(text, "%Y-%m-%d %H:%M:%S")
    except ValueError:
        raise ApiError("InvalidParameterValue.DateTime", f"{name} is not a time.") from None
    return parsed.replace(tzinfo=BEIJING).timestamp()
