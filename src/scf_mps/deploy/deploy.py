"""Deployment and removal of a function: read both states, make a plan, apply it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from scf_mps.build.errors import Problem
from scf_mps.cos.errors import CosError
from scf_mps.tencent.client import NO_RESPONSE_CODES

from .account import load_credentials, parse_endpoint
from .apply import Values, apply_plan
from .cloud import Cloud
from .code import Archive, Bucket, make_archive, read_layer_archives, send_archive
from .current_state import (
    AccountState,
    CurrentState,
    DeployTarget,
    fetch_account_state,
    fetch_current_state,
    wait_until_settled,
)
from .desired_state import DesiredState, parse_desired_state
from .errors import DeployError
from .log_topic import LogOptions, LogPlan, LogState, fetch_log_state, plan_logs
from .plan import DEFAULT_RETRIES, Plan, PlanOptions, make_plan, make_removal_plan
from .template import read_template

Report = Callable[[str], object]


@dataclass(frozen=True)
class DeployOptions:
    """Options of a deployment.

    Attributes:
        archive: zip to deploy instead of `src`.
        bucket: URL of the bucket that zips are sent through. Empty to send them in the request.
        take: ``[[region/]namespace/]function`` that the MPS trigger may be taken from.
        prune: remove triggers that are not in serverless.yml.
        again: send equal code and settings too.
        timeout: maximum wait for SCF, in seconds.
        allow_secret: paths in zips that are not searched for secrets.
        logs: send the function's logs to a separate CLS topic, with an alarm and a dashboard.
        alarm_notice: name or id of the notice group that the alarm notifies. Implies `logs`.
    """

    archive: Path | None = None
    bucket: str = ""
    take: str = ""
    prune: bool = False
    again: bool = False
    timeout: float = 300.0
    allow_secret: Collection[str] = ()
    logs: bool = False
    alarm_notice: str = ""


@dataclass(frozen=True)
class Deployment:
    """A plan, and everything needed to apply it.

    Attributes:
        target: the function and its account.
        current: state of the function. None if it does not exist.
        plan: to the desired state.
        options: of the deployment.
        values: see `apply.apply_plan`.
    """

    target: DeployTarget
    current: CurrentState | None
    plan: Plan
    options: DeployOptions
    values: Values

    def apply(self, report: Report) -> None:
        """Apply the plan. `report` receives a line for each step. Raises DeployError."""
        apply_plan(self.plan, self.target, self.values, report, timeout=self.options.timeout)


def load_function(
    path: Path, stage: str = "", environment: Mapping[str, str] | None = None, *, pause: float = 1.0
) -> DeployTarget:
    """Return the function of a serverless.yml, and the account that the environment selects.

    Args:
        path: of serverless.yml.
        stage: overrides the stage in the file.
        environment: default: the environment of the process.
        pause: before the first retry of a throttled request, in seconds.

    Raises:
        DeployError: if the file or the credentials are invalid.
    """
    template = read_template(path, stage, environment)
    desired, warnings = parse_desired_state(template)
    variables = template.environment
    cloud = Cloud(load_credentials(variables), desired.region, parse_endpoint(variables), pause)
    return DeployTarget(desired, cloud, tuple(warnings))


@contextmanager
def prepare_deployment(
    target: DeployTarget, options: DeployOptions, report: Report, *, offline: bool = False
) -> Iterator[Deployment]:
    """Plan a deployment. Its zips exist until the end of the `with`. Changes nothing in the cloud.

    Args:
        target: the function and its account.
        options: of the deployment.
        report: receives lines about the build.
        offline: plan for an empty account, with a note, if the cloud is unreachable.

    Raises:
        DeployError: if the zip cannot be made, or the cloud cannot be read.
    """
    desired = target.desired
    bucket = Bucket.parse(options.bucket, desired.region) if options.bucket else None
    with TemporaryDirectory(prefix="scf-mps-deploy-") as scratch:
        code = make_archive(desired, options.archive, Path(scratch), report, options.allow_secret)
        layers = read_layer_archives(desired.layers, options.allow_secret)
        take = _complete_place(options.take, desired)
        current, account, log_state = None, AccountState(), LogState()
        notes: tuple[Problem, ...] = ()
        try:
            current, account = _fetch_states(target, options, take)
            if _wants_logs(options):
                log_state = fetch_log_state(target, options.alarm_notice)
        except DeployError as error:
            if not (offline and error.code in NO_RESPONSE_CODES):
                raise
            message = f"desired state, not compared with the cloud: {error}"
            notes = (Problem("offline", "", message),)
        plan_options = PlanOptions(
            code=code.digest,
            layers={name: archive.digest for name, archive in layers.items()},
            by_cos=bucket is not None,
            take=take,
            prune=options.prune,
            again=options.again,
        )
        logs = LogPlan(desired)
        if _wants_logs(options):
            logs = plan_logs(log_state, desired, _make_log_options(options, desired, current))
        plan = make_plan(current, logs.desired, account, plan_options)
        plan = Plan(
            logs.steps + plan.steps, notes + logs.notes + plan.notes, logs.blocked + plan.blocked
        )
        values = {"code": partial(_send, target, bucket, desired.name, code)}
        for name, archive in layers.items():
            values[f"content {name}"] = partial(_send, target, bucket, name, archive)
        yield Deployment(target, current, plan, options, values)


def prepare_removal(target: DeployTarget) -> Deployment:
    """Plan the removal of a function. Raises DeployError if the cloud cannot be read."""
    current = fetch_current_state(target)
    return Deployment(
        target, current, make_removal_plan(current, target.desired), DeployOptions(), {}
    )


def _wants_logs(options: DeployOptions) -> bool:
    return options.logs or bool(options.alarm_notice)


def _make_log_options(
    options: DeployOptions, desired: DesiredState, current: CurrentState | None
) -> LogOptions:
    """Return the options for logs, with the retries that the function has after the deployment."""
    known = (desired.retries, current.retries if current else None, DEFAULT_RETRIES)
    retries = next(value for value in known if value is not None)
    return LogOptions(options.alarm_notice, retries, options.again)


def _fetch_states(
    target: DeployTarget, options: DeployOptions, take: str
) -> tuple[CurrentState | None, AccountState]:
    """Return the current states, after SCF has finished its work on the function. Raises DeployError."""
    ignored = ("UpdateFailed",) if options.again else ()
    wait_until_settled(target, options.timeout, lambda _: None, ignored)
    current = fetch_current_state(target)
    return current, fetch_account_state(target, current, take)


def _send(
    target: DeployTarget, bucket: Bucket | None, name: str, archive: Archive
) -> Mapping[str, str]:
    try:
        return send_archive(archive, bucket, target.cloud.credentials, name)
    except CosError as error:
        raise DeployError(
            Problem("upload_failed", "", f"cannot upload the code to COS: {error}")
        ) from None


def _complete_place(take: str, desired: DesiredState) -> str:
    """Return ``region/namespace/function`` for a shorter form, and an empty string for an empty one."""
    if not take:
        return ""
    parts = take.split("/")
    if len(parts) > 3 or not all(parts):
        message = f"invalid function {take!r}"
        advice = "Use [[REGION/]NAMESPACE/]FUNCTION"
        raise DeployError(Problem("invalid_option", "--take-trigger", message, advice))
    return "/".join([desired.region, "default"][: 3 - len(parts)] + parts)
