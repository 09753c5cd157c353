"""MPS's trigger: BindTrigger and UnbindTrigger of MPS, which no SDK wraps and no page documents.

Parameters are those that Tencent's deployment toolkit sends. The error codes are guesses. Product page
583/39163 says that an account has one MPS trigger in all regions, so a second function is refused. That one
function may have a trigger for each type of event follows the toolkit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import ApiError
from ...service import Call, Service, action
from ..scf.account import DEFAULT, Account, FunctionRecord
from ..scf.triggers import build_trigger

EVENT_TYPES = ("WorkflowTask", "EditMediaTask")


class MpsTriggers(Service):
    """The actions that bind MPS to a function."""

    functions: Account | None = None

    @action("BindTrigger")
    def bind_trigger(self, call: Call) -> Mapping[str, Any]:
        """Send the account's events of a type to a function."""
        kind = call.text("EventType")
        if kind not in EVENT_TYPES:
            raise ApiError("InvalidParameterValue", f"EventType is one of {EVENT_TYPES}.")
        qualifier = call.text("Qualifier", DEFAULT)
        account = self._get_account()
        with account.lock:
            region, namespace = call.text("ScfRegion"), call.text("Namespace", "default")
            function = account.get(region, namespace, call.text("FunctionName"))
            function.version(qualifier)
            for owner, bound in _iterate_bound(account):
                target = f"{owner.region}/{owner.namespace}/{owner.name} ({bound['Qualifier']})"
                if owner is not function:
                    raise ApiError(
                        "LimitExceeded.Trigger", f"The account's MPS trigger is bound to {target}."
                    )
                if _build_resource(kind) == bound["ResourceId"]:
                    raise ApiError("ResourceInUse.Trigger", f"The trigger is bound to {target}.")
            trigger = _find_trigger(function, _build_resource(kind))
            if trigger is None:
                description = json.dumps({"eventType": kind})
                now = account.clock()
                function.triggers.append(
                    build_trigger(
                        "mps", qualifier, description, now, ResourceId=_build_resource(kind)
                    )
                )
            else:
                trigger |= {"BindStatus": "on", "Qualifier": qualifier}
        return {"ResourceId": _build_resource(kind)}

    @action("UnbindTrigger")
    def unbind_trigger(self, call: Call) -> Mapping[str, Any]:
        """Stop sending events. SCF still lists the trigger as off."""
        resource = call.text("ResourceId")
        account = self._get_account()
        with account.lock:
            # The toolkit sends no ScfRegion here.
            region = call.text("ScfRegion", call.region)
            function = account.get(
                region, call.text("Namespace", "default"), call.text("FunctionName")
            )
            bound = [
                trigger
                for trigger in function.triggers
                if trigger["ResourceId"] == resource and trigger["BindStatus"] == "on"
            ]
            if not bound:
                raise ApiError("ResourceNotFound", f"{function.name} is not bound to {resource}.")
            qualifier = call.text("Qualifier", DEFAULT)
            trigger = next(
                (trigger for trigger in bound if trigger["Qualifier"] == qualifier), bound[0]
            )
            trigger["BindStatus"] = "off"
        return {}

    def _get_account(self) -> Account:
        if self.functions is None:
            raise ApiError(
                "InvalidAction",
                "This emulator has no functions. Pass functions=scf.account to Mps.",
            )
        return self.functions


def _build_resource(kind: str) -> str:
    return f"qcs::mps:::TriggerType/{kind}Event"


def _find_trigger(function: FunctionRecord, resource: str) -> dict[str, Any] | None:
    return next(
        (trigger for trigger in function.triggers if trigger["ResourceId"] == resource), None
    )


def _iterate_bound(account: Account) -> Iterator[tuple[FunctionRecord, dict[str, Any]]]:
    for function in account.functions.values():
        for trigger in function.triggers:
            if trigger["Type"] == "mps" and trigger["BindStatus"] == "on":
                yield function, trigger
