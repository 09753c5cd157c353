"""SCF's triggers: listing those of a function, and making, changing and removing timers.

MPS's own is bound and unbound in `fetch_other_triggers`, and removed here. CreateTrigger documents cos, cls, timer, ckafka and
http; of these only the timer is emulated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from scf_mps.deploy.naming_rules import TIMER_PATTERN

from ...errors import ApiError
from ...service import Call, action
from .account import LATEST, FunctionRecord, ScfService, in_beijing
from .functions import page

MOST_OF_A_TYPE = 10

_DOCUMENTED = ("cos", "cls", "timer", "ckafka", "http")
_FIELD = r"[0-9A-Za-z*/,?L#-]+"
_CRON = re.compile(rf"{_FIELD}(?: {_FIELD}){{6}}")
"""Second, minute, hour, day, month, weekday, year (product page 583/9708)."""


class Triggers(ScfService):
    """The actions on triggers."""

    @action("ListTriggers")
    def list_triggers(self, call: Call) -> Mapping[str, Any]:
        """A page of a function's triggers, filtered by Qualifier, TriggerName or Description."""
        with self.account.lock:
            found = [dict(one) for one in self.account.find(call).triggers]
        for given in call.parameters.get("Filters") or []:
            found = [one for one in found if one.get(given["Name"]) in given["Values"]]
        return {"Triggers": page(call, found), "TotalCount": len(found)}

    @action("CreateTrigger")
    def create_trigger(self, call: Call) -> Mapping[str, Any]:
        """A new timer."""
        name, kind = call.text("TriggerName"), call.text("Type")
        if kind not in _DOCUMENTED:
            raise ApiError("InvalidParameterValue.Type", f"There is no trigger of type {kind}.")
        if kind != "timer":
            raise ApiError("UnsupportedOperation.Trigger", f"{kind} is not emulated.")
        if not TIMER_PATTERN.fullmatch(name):
            raise ApiError("InvalidParameterValue.TriggerName", f"{name!r} is no timer's name.")
        with self.account.lock:
            function = self.account.find(call)
            qualifier = call.text("Qualifier", LATEST)
            function.version(qualifier)
            timers = [one for one in function.triggers if one["Type"] == "timer"]
            if name in [one["TriggerName"] for one in timers]:
                raise ApiError("ResourceInUse.Trigger", f"There is a timer {name}.")
            if len(timers) >= MOST_OF_A_TYPE:
                raise ApiError("LimitExceeded.Trigger", f"There are {MOST_OF_A_TYPE} timers.")
            now = self.account.clock()
            trigger = entry("timer", name, qualifier, _cron(call.text("TriggerDesc")), "", now)
            trigger["Enable"] = _enabled(call)
            trigger["CustomArgument"] = call.text("CustomArgument", "")
            trigger["Description"] = call.text("Description", "")
            function.triggers.append(trigger)
        return {"TriggerInfo": trigger}

    @action("UpdateTrigger")
    def update_trigger(self, call: Call) -> Mapping[str, Any]:
        """A timer's time, message or switch."""
        if call.text("Type") != "timer":
            raise ApiError("UnsupportedOperation.Trigger", "Only timers are emulated.")
        with self.account.lock:
            trigger = _find(self.account.find(call), call)
            if "TriggerDesc" in call.parameters:
                trigger["TriggerDesc"] = _cron(call.text("TriggerDesc"))
            if "CustomArgument" in call.parameters:
                trigger["CustomArgument"] = call.text("CustomArgument", "")
            if "Enable" in call.parameters:
                trigger["Enable"] = _enabled(call)
            trigger["ModTime"] = in_beijing(self.account.clock())
        return {}

    @action("DeleteTrigger")
    def delete_trigger(self, call: Call) -> Mapping[str, Any]:
        """A trigger is gone; one of MPS's is told by its TriggerDesc, since it has no name."""
        with self.account.lock:
            function = self.account.find(call)
            function.triggers.remove(_find(function, call))
        return {}


def entry(
    kind: str, name: str, qualifier: str, description: str, resource: str, now: float
) -> dict[str, Any]:
    """A trigger as ListTriggers tells it."""
    return {
        "Type": kind,
        "TriggerName": name,
        "TriggerDesc": description,
        "Qualifier": qualifier,
        "Enable": 1,
        "AvailableStatus": "Available",
        "CustomArgument": "",
        "Description": "",
        "ResourceId": resource,
        "BindStatus": "on",
        "TriggerAttribute": "",
        "BoundResources": "",
        "AddTime": in_beijing(now),
        "ModTime": in_beijing(now),
    }


def _find(function: FunctionRecord, call: Call) -> dict[str, Any]:
    """The trigger that a call is for. Raises ApiError ResourceNotFound.Trigger."""
    kind, name = call.text("Type"), call.text("TriggerName", "")
    qualifier, description = call.text("Qualifier", LATEST), call.text("TriggerDesc", "")
    for one in function.triggers:
        if (one["Type"], one["TriggerName"], one["Qualifier"]) == (kind, name, qualifier) and (
            kind != "mps" or one["TriggerDesc"] == description
        ):
            return one
    raise ApiError("ResourceNotFound.Trigger", f"There is no {kind} trigger {name!r}.")


def _cron(description: str) -> str:
    """The time as SCF tells it: sent bare or as an object, told as an object. Raises ApiError for no time."""
    try:
        parsed = json.loads(description)
    except ValueError:
        parsed = {"cron": description}
    cron = parsed.get("cron") if isinstance(parsed, dict) else None
    if not isinstance(cron, str) or not _CRON.fullmatch(cron):
        raise ApiError(
            "InvalidParameterValue.TriggerDesc", f"{description!r} is no time of seven fields."
        )
    return json.dumps({"cron": cron})


def _enabled(call: Call) -> int:
    switch = call.text("Enable", "OPEN")
    if switch not in ("OPEN", "CLOSE"):
        raise ApiError("InvalidParameterValue.Enable", "Enable is OPEN or CLOSE.")
    return int(switch == "OPEN")
