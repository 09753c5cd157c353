"""SCF's triggers: list triggers, create, change and delete timers.

MPS's trigger is bound and unbound in `mps.triggers` and deleted here. CreateTrigger documents cos, cls,
timer, ckafka and http. Only timer is emulated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from scf_mps.deploy.naming_rules import TIMER_PATTERN

from ...errors import ApiError
from ...service import Call, action
from .account import LATEST, FunctionRecord, ScfService, format_beijing_time
from .functions import select_page

MAX_TIMERS = 10

_DOCUMENTED_TYPES = ("cos", "cls", "timer", "ckafka", "http")
_FIELD = r"[0-9A-Za-z*/,?L#-]+"
_CRON = re.compile(rf"{_FIELD}(?: {_FIELD}){{6}}")
"""Second, minute, hour, day, month, weekday, year (product page 583/9708)."""


class Triggers(ScfService):
    """The actions on triggers."""

    @action("ListTriggers")
    def list_triggers(self, call: Call) -> Mapping[str, Any]:
        """Return a page of a function's triggers, filtered by Qualifier, TriggerName or Description."""
        with self.account.lock:
            triggers = [dict(trigger) for trigger in self.account.find(call).triggers]
        for filter_ in call.parameters.get("Filters") or []:
            triggers = [
                trigger for trigger in triggers if trigger.get(filter_["Name"]) in filter_["Values"]
            ]
        return {"Triggers": select_page(call, triggers), "TotalCount": len(triggers)}

    @action("CreateTrigger")
    def create_trigger(self, call: Call) -> Mapping[str, Any]:
        """Create a timer."""
        name, kind = call.text("TriggerName"), call.text("Type")
        if kind not in _DOCUMENTED_TYPES:
            raise ApiError("InvalidParameterValue.Type", f"Trigger type {kind} does not exist.")
        if kind != "timer":
            raise ApiError("UnsupportedOperation.Trigger", f"Trigger type {kind} is not emulated.")
        if not TIMER_PATTERN.fullmatch(name):
            raise ApiError(
                "InvalidParameterValue.TriggerName", f"{name!r} is not a valid timer name."
            )
        with self.account.lock:
            function = self.account.find(call)
            qualifier = call.text("Qualifier", LATEST)
            function.version(qualifier)
            timers = [timer for timer in function.triggers if timer["Type"] == "timer"]
            if name in [timer["TriggerName"] for timer in timers]:
                raise ApiError("ResourceInUse.Trigger", f"Timer {name} exists.")
            if len(timers) >= MAX_TIMERS:
                raise ApiError("LimitExceeded.Trigger", f"The function has {MAX_TIMERS} timers.")
            now = self.account.clock()
            trigger = build_trigger(
                "timer",
                qualifier,
                _parse_cron(call.text("TriggerDesc")),
                now,
                TriggerName=name,
                Enable=_parse_switch(call),
                CustomArgument=call.text("CustomArgument", ""),
                Description=call.text("Description", ""),
            )
            function.triggers.append(trigger)
        return {"TriggerInfo": trigger}

    @action("UpdateTrigger")
    def update_trigger(self, call: Call) -> Mapping[str, Any]:
        """Change a timer's time, message or switch."""
        if call.text("Type") != "timer":
            raise ApiError("UnsupportedOperation.Trigger", "Only timers are emulated.")
        with self.account.lock:
            trigger = _find_trigger(self.account.find(call), call)
            if "TriggerDesc" in call.parameters:
                trigger["TriggerDesc"] = _parse_cron(call.text("TriggerDesc"))
            if "CustomArgument" in call.parameters:
                trigger["CustomArgument"] = call.text("CustomArgument", "")
            if "Enable" in call.parameters:
                trigger["Enable"] = _parse_switch(call)
            trigger["ModTime"] = format_beijing_time(self.account.clock())
        return {}

    @action("DeleteTrigger")
    def delete_trigger(self, call: Call) -> Mapping[str, Any]:
        """Delete a trigger. One of MPS's is identified by its TriggerDesc, because it has no name."""
        with self.account.lock:
            function = self.account.find(call)
            function.triggers.remove(_find_trigger(function, call))
        return {}


def build_trigger(
    kind: str, qualifier: str, description: str, now: float, **fields: str | int
) -> dict[str, Any]:
    """Build a trigger as in ListTriggers. `fields` replace the defaults."""
    return {
        "Type": kind,
        "TriggerName": "",
        "TriggerDesc": description,
        "Qualifier": qualifier,
        "Enable": 1,
        "AvailableStatus": "Available",
        "CustomArgument": "",
        "Description": "",
        "ResourceId": "",
        "BindStatus": "on",
        "TriggerAttribute": "",
        "BoundResources": "",
        "AddTime": format_beijing_time(now),
        "ModTime": format_beijing_time(now),
        **fields,
    }


def _find_trigger(function: FunctionRecord, call: Call) -> dict[str, Any]:
    """Return the trigger that a call names. Raises ApiError ResourceNotFound.Trigger."""
    kind, name = call.text("Type"), call.text("TriggerName", "")
    qualifier, description = call.text("Qualifier", LATEST), call.text("TriggerDesc", "")
    for trigger in function.triggers:
        if (trigger["Type"], trigger["TriggerName"], trigger["Qualifier"]) == (
            kind,
            name,
            qualifier,
        ) and (kind != "mps" or trigger["TriggerDesc"] == description):
            return trigger
    raise ApiError("ResourceNotFound.Trigger", f"{kind} trigger {name!r} does not exist.")


def _parse_cron(description: str) -> str:
    """Return the time as an object, as SCF does for a plain text too. Raises ApiError if it is invalid."""
    try:
        parsed = json.loads(description)
    except ValueError:
        parsed = {"cron": description}
    cron = parsed.get("cron") if isinstance(parsed, dict) else None
    if not isinstance(cron, str) or not _CRON.fullmatch(cron):
        raise ApiError(
            "InvalidParameterValue.TriggerDesc",
            f"{description!r} is not a cron expression of seven fields.",
        )
    return json.dumps({"cron": cron})


def _parse_switch(call: Call) -> int:
    switch = call.text("Enable", "OPEN")
    if switch not in ("OPEN", "CLOSE"):
        raise ApiError("InvalidParameterValue.Enable", "Enable is OPEN or CLOSE.")
    return int(switch == "OPEN")
