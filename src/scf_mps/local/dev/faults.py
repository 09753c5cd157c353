"""Faults of the stack as one JSON document: of MPS, COS, the API, the function's instances and chat webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ..api import Fault as ApiFault
from ..chat_webhooks import StubResponse
from ..cos.control import parse_fields
from ..cos.faults import Fault
from .request_guard import Refusal

if TYPE_CHECKING:
    from .stack import Stack

MAX_WEBHOOK_RESPONSES = 1000

_STATE_OF_RULE = ("number", "hits")
"""Fields of a described COS rule that are not fields of a new one."""

KEYS = ("mps", "cos", "api", "webhooks", "kill_instance")


@dataclass(frozen=True, slots=True)
class _ApiRule(ApiFault):
    """The fault of the next requests to the API whose action matches a glob."""

    action: str = "*"
    times: int = 1


@dataclass(frozen=True, slots=True)
class _WebhookRule:
    """The response to the next requests to chat webhooks."""

    status: int = 500
    body: str = ""
    headers: object = None
    seconds: float = 0.0
    times: int = 1

    def build_responses(self) -> list[StubResponse]:
        """Return a response per request. Raises ValueError."""
        if not 200 <= self.status <= 599:
            raise ValueError(f"status {self.status} is not from 200 to 599")
        if not 1 <= self.times <= MAX_WEBHOOK_RESPONSES:
            raise ValueError(f"times {self.times} is not from 1 to {MAX_WEBHOOK_RESPONSES}")
        if not isinstance(self.headers, dict | None):
            raise ValueError(f"headers {self.headers!r} is not an object")
        headers = {name: str(value) for name, value in (self.headers or {}).items()}
        return [StubResponse(self.status, self.body, headers, self.seconds)] * self.times


def describe_faults(stack: Stack) -> dict[str, Any]:
    """Return the rules that can still hit something."""
    return {
        "mps": stack.mps.faults.list_rules(),
        "cos": [rule for rule in stack.cos.faults.describe()["faults"] if not _is_used_up(rule)],
        "api": [
            {**asdict(fault), "action": action, "times": times}
            for action, fault, times in stack.api.faults.active
        ],
        "webhooks": [
            {**asdict(response), "times": len(list(equal))}
            for response, equal in groupby(stack.chat.pending)
        ],
    }


def apply_faults(stack: Stack, document: Mapping[str, Any]) -> None:
    """Replace the lists of rules that a document has, and kill the instances if it says so.

    Args:
        stack: the running stack.
        document: lists ``mps``, ``cos`` and ``api`` (fields of their `Fault`), ``webhooks``,
            and ``kill_instance``, all optional.

    Raises:
        Refusal: 400 for an invalid document. Nothing has changed then.
    """
    try:
        cos_faults = [parse_fields(Fault, _drop_state(rule)) for rule in _list(document, "cos")]
        api_rules = [parse_fields(_ApiRule, rule) for rule in _list(document, "api")]
        responses = [
            response
            for rule in _list(document, "webhooks")
            for response in parse_fields(_WebhookRule, rule).build_responses()
        ]
        if "mps" in document:
            stack.mps.faults.replace_rules(_list(document, "mps"))
    except (TypeError, ValueError) as error:
        raise Refusal(400, f"invalid fault: {error}") from None
    if "cos" in document:
        _replace_cos_faults(stack, cos_faults)
    if "api" in document:
        stack.api.faults.clear()
        for fields in map(asdict, api_rules):
            stack.api.faults.add(**fields)
    if "webhooks" in document:
        stack.chat.respond_with(*responses, replace=True)
    if document.get("kill_instance"):
        for instance in stack.function.instances:
            instance.kill()


def _replace_cos_faults(stack: Stack, new: list[Fault]) -> None:
    faults = stack.cos.faults
    for rule in faults.describe()["faults"]:
        faults.remove(int(str(rule["number"])))
    for fault in new:
        faults.add(fault)


def _is_used_up(rule: Mapping[str, Any]) -> bool:
    return rule["count"] is not None and rule["hits"] >= rule["count"]


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    rules = document.get(name, [])
    if not isinstance(rules, list):
        raise ValueError(f"{name} is not a list")
    return rules


def _drop_state(rule: object) -> object:
    if not isinstance(rule, dict):
        return rule
    return {name: value for name, value in rule.items() if name not in _STATE_OF_RULE}
