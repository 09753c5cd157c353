"""Does what a plan says, call by call, and waits where SCF takes its time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from .cloud import Cloud
from .current_state import wait_until_settled
from .desired_state import DesiredState
from .errors import DeployError
from .plan import Deferred, Plan, Step


def apply_plan(
    plan: Plan,
    cloud: Cloud,
    wanted: DesiredState,
    later: Mapping[str, Callable[[], Any]],
    *,
    seconds: float = 300.0,
    tell: Callable[[str], object] = lambda _: None,
) -> None:
    """Take the steps of a plan.

    Args:
        plan: what to do.
        cloud: where.
        wanted: the function.
        later: what gives the values that are not in the plan; each is called when it is needed.
        seconds: to wait for the function after a step, at most.
        tell: is told each step, and the states of the function.

    Raises:
        DeployError: before the first step for what blocks the plan; else for the step that failed. What was done
            stays: the plan that is made then goes on from there.
    """
    if plan.blocked:
        raise DeployError(*plan.blocked)
    known = dict(later)
    for number, step in enumerate(plan.steps, 1):
        tell(f"{number}/{len(plan.steps)} {step.action}")
        try:
            answer = _take(step, cloud, known)
            if step.settles:
                wait_until_settled(cloud, wanted, seconds, tell)
        except DeployError as error:
            done = f"{number - 1} of {len(plan.steps)} steps were done before; repeat the command to go on from there"
            raise DeployError(
                *error.problems,
                done,
                action=error.action,
                code=error.code,
                request_id=error.request_id,
            ) from None
        if step.gives:
            what, field = step.gives
            known[what] = partial(answer.__getitem__, field)
            tell(f"{what} is {answer[field]}")


def _take(step: Step, cloud: Cloud, known: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    parameters = _filled(step.parameters, known)
    try:
        return cloud.call(step.action, parameters, step.product, step.region)
    except DeployError as error:
        if step.action == "BindTrigger":
            raise DeployError(
                *error.problems,
                "one MPS trigger serves the whole account, in all regions: if another function has it, name that with "
                "--take-trigger REGION/NAMESPACE/FUNCTION, or unbind it in the console",
                action=error.action,
                code=error.code,
                request_id=error.request_id,
            ) from None
        raise


def _filled(value: Any, known: Mapping[str, Callable[[], Any]]) -> Any:
    """The same, with what was to be known later."""
    if isinstance(value, Deferred):
        return known[value.what]()
    if isinstance(value, Mapping):
        return {name: _filled(one, known) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, known) for one in value]
    return value
