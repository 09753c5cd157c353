"""Execution of a plan: one API call after the other, waiting where SCF takes time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from scf_mps.build.errors import Problem

from .cloud import Cloud
from .current_state import DeployTarget, wait_until_settled
from .errors import DeployError
from .plan import Deferred, DeferredJson, Plan, Step

Values = Mapping[str, Callable[[], Any]]
"""Functions that return the values of `Deferred` parameters, by name."""

_BIND_REFUSED = Problem(
    "bind_refused",
    "",
    "one MPS trigger serves the whole account, in all regions",
    "If another function has it, name that function with --take-trigger REGION/NAMESPACE/FUNCTION, or unbind it in the "
    "console",
)


def apply_plan(
    plan: Plan,
    target: DeployTarget,
    values: Values,
    report: Callable[[str], object] = lambda _: None,
    *,
    timeout: float = 300.0,
) -> None:
    """Run the steps of a plan.

    Args:
        plan: the steps.
        target: the function and its account.
        values: return the values that are not in the plan. Each is called when its step starts.
        report: receives a line for each step and for each status of the function.
        timeout: maximum wait for the function after a step, in seconds.

    Raises:
        DeployError: if the plan is blocked (before the first step), or if a step fails. Completed steps are kept: the
            next plan continues from there.
    """
    if plan.blocked:
        raise DeployError(*plan.blocked)
    known = dict(values)
    for number, step in enumerate(plan.steps, 1):
        report(f"{number}/{len(plan.steps)} {step.action}")
        try:
            response = _run_step(step, target.cloud, known)
            if step.must_settle:
                wait_until_settled(target, timeout, report)
        except DeployError as error:
            message = f"{number - 1} of {len(plan.steps)} steps completed"
            problem = Problem("interrupted", "", message, "Rerun the command to continue")
            raise error.extend(problem) from None
        if step.provides:
            name, field = step.provides
            known[name] = partial(response.__getitem__, field)
            report(f"{name} is {response[field]}")


def _run_step(step: Step, cloud: Cloud, values: Values) -> dict[str, Any]:
    parameters = _fill_in(step.parameters, values)
    try:
        return cloud.call(step.action, parameters, step.product, step.region)
    except DeployError as error:
        if step.action == "BindTrigger":
            raise error.extend(_BIND_REFUSED) from None
        raise


def _fill_in(parameter: Any, values: Values) -> Any:
    """Return a parameter with its deferred values."""
    if isinstance(parameter, Deferred):
        return values[parameter.name]()
    if isinstance(parameter, DeferredJson):
        return json.dumps(_fill_in(parameter.value, values))
    if isinstance(parameter, Mapping):
        return {name: _fill_in(value, values) for name, value in parameter.items()}
    if isinstance(parameter, list):
        return [_fill_in(value, values) for value in parameter]
    return parameter
