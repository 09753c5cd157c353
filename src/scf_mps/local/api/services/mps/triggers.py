"""MPS's trigger: BindTrigger and UnbindTrigger of MPS, which no SDK wraps and no page documents.

Their parameters are those that Tencent's own deployment toolkit sends. What is refused, and by which code, is a guess:
product page 583/39163 says that an account has one MPS trigger in all regions, so a second function is refused; that
one function may have a trigger for each type of event is what the toolkit does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import ApiError
from ...service import Call, Service, action
from ..scf.account import DEFAULT, Account, FunctionRecord
from ..scf.triggers import entry

EVENT_TYPES = ("WorkflowTask", "EditMediaTask")


class MpsTriggers(Service):
    """The actions that bind MPS to a function."""

    functions: Account | None = None

    @action("BindTrigger")
    def bind_trigger(self, call: Call) -> Mapping[str, Any]:
        """Send the account's events of a type to a function from now on."""
        kind = call.text("EventType")
        if kind not in EVENT_TYPES:
            raise ApiError("InvalidParameterValue", f"EventType is one of {EVENT_TYPES}.")
        qualifier = call.text("Qualifier", DEFAULT)
        account = self._account()
        with account.lock:
            region, namespace = call.text("ScfRegion"), call.text("Namespace", "default")
            function = account.get(region, namespace, call.text("FunctionName"))
            function.version(qualifier)
            for owner, trigger in _bound(account):
                where = f"{owner.region}/{owner.namespace}/{owner.name} ({trigger['Qualifier']})"
                if owner is not function:
                    raise ApiError(
                        "LimitExceeded.Trigger", f"The account's MPS trigger is bound to {where}."
                    )
                if _resource(kind) == trigger["ResourceId"]:
                    raise ApiError("ResourceInUse.Trigger", f"It is bound to {where}.")
            found = _of(function, _resource(kind))
            if found is None:
                description = json.dumps({"eventType": kind})
                now = account.clock()
                function.triggers.append(
                    entry("mps", "", qualifier, description, _resource(kind), now)
                )
            else:
                found |= {"BindStatus": "on", "Qualifier": qualifier}
        return {"ResourceId": _resource(kind)}

    @action("UnbindTrigger")
    def unbind_trigger(self, call: Call) -> Mapping[str, Any]:
        """Send it no more; SCF still lists the trigger, switched off."""
        resource = call.text("ResourceId")
        account = self._account()
        with account.lock:
            # The toolkit names no region but the request's own.
            region = call.text("ScfRegion", call.region)
            function = account.get(
                region, call.text("Namespace", "default"), call.text("FunctionName")
            )
            bound = [
                one
                for one in function.triggers
                if one["ResourceId"] == resource and one["BindStatus"] == "on"
            ]
            if not bound:
                raise ApiError("ResourceNotFound", f"{function.name} is not bound to {resource}.")
            qualifier = call.text("Qualifier", DEFAULT)
            trigger = next((one for one in bound if one["Qualifier"] == qualifier), bound[0])
            trigger["BindStatus"] = "off"
        return {}

    def _account(self) -> Account:
        if self.functions is None:
            raise ApiError("InvalidAction", "This MPS knows of no functions.")
        return self.functions


def _resource(kind: str) -> str:
    return f"qcs::mps:::TriggerType/{kind}Event"


def _of(function: FunctionRecord, resource: str) -> dict[str, Any] | None:
    return next((one for one in function.triggers if one["ResourceId"] == resource), None)


def _bound(account: Account) -> Iterator[tuple[FunctionRecord, dict[str, Any]]]:
    for function in account.functions.values():
        for trigger in function.triggers:
            if trigger["Type"] == "mps" and trigger["BindStatus"] == "on":
                yield function, trigger
