"""Checks of the deployed function against serverless.yml, with the planner of `scf-mps deploy`. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from scf_mps.tencent.credentials import Credentials

from ..build.archive import write_zip
from ..build.errors import Problem
from .checks import Area
from .project import Project, Upload

if TYPE_CHECKING:
    from ..deploy.current_state import CurrentState, DeployTarget
    from ..deploy.desired_state import DesiredState
    from ..deploy.log_topic import FunctionLogs
    from ..deploy.plan import Plan, Step

CHECKS: Area[Account] = Area("Account")

MIN_TTL_SECONDS = 3600


@dataclass
class Account:
    """The function in the cloud.

    Attributes:
        unknown: reasons why it could not be read.
        desired: the desired state.
        current: the current state. None if the function does not exist.
        plan: the changes to the desired state, except code.
        built: the digest of the zip that a deployment would upload. Empty without a build.
        credentials: the local credentials.
        logs: the function's CLS topic. None if it has none, or could not be read.
    """

    unknown: list[str] = field(default_factory=list[str])
    desired: DesiredState | None = None
    current: CurrentState | None = None
    plan: Plan | None = None
    built: str = ""
    credentials: Credentials | None = None
    logs: FunctionLogs | None = None

    @property
    def topic(self) -> str:
        """Id of the function's CLS topic. Empty without one."""
        return (
            str(self.current.latest.configuration.get("ClsTopicId") or "") if self.current else ""
        )

    def find_steps(self, *actions: str) -> Iterator[Step]:
        """Yield the steps of a deployment with these actions if the function exists."""
        if self.current and self.plan:
            for step in self.plan.steps:
                if step.action in actions:
                    yield step

    def describe_changes(self, *actions: str) -> Iterator[str]:
        """Yield a text for each change of `find_steps`."""
        for step in self.find_steps(*actions):
            for change in step.changes:
                yield (
                    f"{change.what}: {change.current} in the cloud, "
                    f"{change.desired} in serverless.yml"
                )

    def find_blocked(self, code: str) -> list[Problem]:
        """Return the problems with a code that block a deployment."""
        blocked = self.plan.blocked if self.plan else ()
        return [problem for problem in blocked if problem.code == code]


def read_account(project: Project, pause: float = 1.0) -> Account:
    """Read the state of a project's function in the cloud.

    Args:
        project: the project.
        pause: seconds before the first retry of a throttled request.
    """
    if project.desired is None:
        return Account(["serverless.yml is invalid or could not be read"])
    from ..deploy import account
    from ..deploy.cloud import Cloud
    from ..deploy.code import read_layer_archives
    from ..deploy.current_state import DeployTarget, fetch_account_state, fetch_current_state
    from ..deploy.errors import DeployError
    from ..deploy.plan import PlanOptions, ZipDigest, make_plan

    desired = project.desired
    try:
        credentials = account.load_credentials(project.environment)
        endpoint = account.parse_endpoint(project.environment)
        target = DeployTarget(desired, Cloud(credentials, desired.region, endpoint, pause))
        current = fetch_current_state(target)
        layers = {
            name: archive.digest for name, archive in read_layer_archives(desired.layers).items()
        }
        account_state = fetch_account_state(target, current)
    except DeployError as error:
        return Account([*map(str, error.problems)])
    code = ZipDigest(current.latest.code_sha256 if current else "", 0)
    plan = make_plan(current, desired, account_state, PlanOptions(code, layers))
    if current:
        where = f"{desired.region}/{desired.namespace}/{desired.name}"
        triggers = ", ".join(f"{bound.trigger.event_type} for {bound}" for bound in current.mps)
        project.seen.append(f"{where} is {current.status}; MPS triggers: {triggers or 'none'}")
    project.seen += [str(note) for note in plan.notes if note.code != "trigger_not_in_file"]
    state = Account([], desired, current, plan, _compute_digest(project.upload), credentials)
    if state.topic:
        state.logs = _read_logs(project, target, state.topic)
    return state


def _read_logs(project: Project, target: DeployTarget, topic: str) -> FunctionLogs | None:
    """Return the function's topic, or None with a fact for the user if it cannot be read."""
    from ..deploy.errors import DeployError
    from ..deploy.log_topic import fetch_function_logs

    try:
        return fetch_function_logs(target, topic)
    except DeployError as error:
        project.seen.append(f"the CLS topic was not checked: {error}")
        return None


def _compute_digest(upload: Upload | None) -> str:
    """Return the digest of the zip that a deployment would upload."""
    if upload is None or not upload.built:
        return ""
    import hashlib

    with TemporaryDirectory(prefix="scf-mps-doctor-") as scratch:
        path = Path(upload.where) if upload.zipped else Path(scratch, "function.zip")
        if not upload.zipped:
            write_zip(upload.folder, path)
        return hashlib.sha256(path.read_bytes()).hexdigest()


@CHECKS.check(
    "error",
    "The account could not be checked.",
    why="Only the project was checked.",
    advice="Correct the error, then repeat the command.",
)
def _account_unknown(account: Account) -> Iterator[str]:
    yield from account.unknown


@CHECKS.check(
    "note",
    "The function does not exist in the cloud.",
    why="Its settings cannot be checked yet.",
    advice="Run `scf-mps deploy` to create it.",
)
def _function_missing(account: Account) -> Iterator[str]:
    if account.desired and account.current is None:
        desired = account.desired
        yield f"{desired.region}/{desired.namespace}/{desired.name} does not exist"


@CHECKS.check(
    "error",
    "The function is not Active.",
    why="SCF runs only functions that are Active (page 583/115197).",
    advice="Wait if SCF is still changing it. After a failure run `scf-mps deploy --again`.",
)
def _function_not_active(account: Account) -> Iterator[str]:
    if account.current and account.current.status != "Active":
        reasons = account.current.latest.configuration.get("StatusReasons") or []
        errors = "; ".join(
            f"{item.get('ErrorCode')}: {item.get('ErrorMessage')}" for item in reasons
        )
        yield f"the status is {account.current.status}{f': {errors}' if errors else ''}"


@CHECKS.check(
    "warning",
    "The deployed code differs from the build.",
    why="The function runs other code. (Tencent's client packs the same files into another zip, which differs too.)",
    advice="Run `scf-mps deploy`.",
)
def _code_differs(account: Account) -> Iterator[str]:
    deployed = account.current.latest.code_sha256 if account.current else ""
    if deployed and account.built and deployed != account.built:
        yield f"sha256 {deployed[:12]} is deployed, {account.built[:12]} is built"


@CHECKS.check(
    "warning",
    "A setting of the function differs from serverless.yml.",
    why="It was changed in the console, or serverless.yml was changed and not deployed.",
    advice="Run `scf-mps deploy`, or write the deployed value into serverless.yml.",
)
def _settings_differ(account: Account) -> Iterator[str]:
    yield from account.describe_changes(
        "UpdateFunctionConfiguration", "UpdateFunctionCode", "PublishLayerVersion"
    )


@CHECKS.check(
    "error",
    "The function's runtime differs from serverless.yml.",
    why="SCF cannot change the runtime of a function, and Tencent's client does not report it.",
    advice="Write the deployed runtime or another name, or run `scf-mps remove` first.",
)
def _runtime_differs(account: Account) -> Iterator[str]:
    if account.current and account.desired and account.find_blocked("runtime_change"):
        yield f"{account.current.latest.runtime} in the cloud, {account.desired.runtime} in serverless.yml"


@CHECKS.check(
    "warning",
    "The retry settings differ from serverless.yml.",
    why="They decide how long events survive an outage (page 583/39851).",
    advice="Run `scf-mps deploy`: it applies `retryNum` and `msgTTL`.",
)
def _retries_differ(account: Account) -> Iterator[str]:
    yield from account.describe_changes("UpdateFunctionEventInvokeConfig")


@CHECKS.check(
    "warning",
    "SCF does not retry events.",
    why="An event that fails once is lost.",
    advice="Write `retryNum: 2`, then run `scf-mps deploy`.",
)
def _retries_off(account: Account) -> Iterator[str]:
    if account.current and account.current.retries == 0:
        yield "the number of retries is 0"


@CHECKS.check(
    "warning",
    "SCF keeps events for less than an hour.",
    why="SCF keeps an event for this time if concurrency limits or its own errors prevent the invocation (page 583/39851).",
    advice="Write `msgTTL: 21600` (SCF's default, six hours), then run `scf-mps deploy`.",
)
def _ttl_short(account: Account) -> Iterator[str]:
    if (
        account.current
        and account.current.ttl is not None
        and account.current.ttl < MIN_TTL_SECONDS
    ):
        yield f"SCF keeps events for {account.current.ttl} s"


@CHECKS.check(
    "error",
    "The MPS trigger is missing, disabled or points to another version.",
    why="MPS reaches the function only through this trigger.",
    advice="Run `scf-mps deploy` to bind it.",
)
def _trigger_not_bound(account: Account) -> Iterator[str]:
    from ..deploy.plan import NOTHING

    taken = [problem.path for problem in account.find_blocked("trigger_taken")]
    listed = [bound.trigger.event_type for bound in account.current.mps] if account.current else []
    for step in account.find_steps("BindTrigger"):
        [change] = step.changes
        if change.what in taken:
            continue
        if change.current != NOTHING:
            yield (
                f"{change.what} points to {change.current} in the cloud, "
                f"to {change.desired} in serverless.yml"
            )
        elif step.parameters["EventType"] in listed:
            yield f"{change.what} is disabled"
        else:
            yield f"{change.what} is missing"


@CHECKS.check(
    "error",
    "Another function has the account's MPS trigger.",
    why="One MPS trigger serves the whole account in all regions (page 583/39163). Its function receives all events.",
    advice="Move your callbacks into that function, or take the trigger with `scf-mps deploy --take-trigger`.",
)
def _trigger_taken(account: Account) -> Iterator[str]:
    for problem in account.find_blocked("trigger_taken"):
        yield problem.summary


@CHECKS.check(
    "warning",
    "A timer differs from serverless.yml.",
    why="The timer for reconcile finds events that never arrived.",
    advice="Run `scf-mps deploy`.",
)
def _timer_differs(account: Account) -> Iterator[str]:
    yield from account.describe_changes("CreateTrigger", "UpdateTrigger")


@CHECKS.check(
    "note",
    "The function has a trigger that is not in serverless.yml.",
    why="Tencent's client deletes it in the next deployment. `scf-mps deploy` keeps it.",
    advice="Add it under `events:`, or remove it with `scf-mps deploy --prune`.",
)
def _trigger_not_written(account: Account) -> Iterator[str]:
    for note in account.plan.notes if account.current and account.plan else ():
        if note.code == "trigger_not_in_file":
            yield note.summary


@CHECKS.check(
    "warning",
    "The published version or the alias is outdated.",
    why="A trigger with this alias runs an older version.",
    advice="Run `scf-mps deploy` to publish a version and move the alias.",
)
def _version_behind(account: Account) -> Iterator[str]:
    for step in account.find_steps("PublishVersion"):
        version = step.changes[0].current
        yield f"version {version} differs from serverless.yml or $LATEST"


@CHECKS.check(
    "note",
    "The function's logs go to SCF's default topic.",
    why="Its index cannot be edited (page 583/39778): the fields of the log lines cannot be queried, and logs are kept for seven days.",
    advice="Run `scf-mps deploy --logs`, or write a topic of yours as `cls: {logsetId: …, topicId: …}`.",
)
def _log_topic_default(account: Account) -> Iterator[str]:
    from ..deploy.log_topic import DEFAULT_TOPIC_PREFIX

    if account.current and not account.topic:
        yield "the function sets no CLS topic"
    elif account.logs and account.logs.topic is None:
        yield f"CLS has no topic {account.topic}"
    elif account.logs and account.logs.topic:
        name = str(account.logs.topic["TopicName"])
        if name.startswith(DEFAULT_TOPIC_PREFIX):
            yield f"the function's topic is {name}"


@CHECKS.check(
    "warning",
    "No alarm watches the function's logs.",
    why="An event that failed in its last attempt is lost, and nobody is notified.",
    advice="Run `scf-mps deploy --logs --alarm-notice NAME` with a notice group of the CLS console.",
)
def _alarm_missing(account: Account) -> Iterator[str]:
    if account.logs is None or account.logs.topic is None:
        return
    alarms = [alarm for alarm in account.logs.alarms if alarm.get("Status")]
    if any(alarm.get("AlarmNoticeIds") or alarm.get("MonitorNotice") for alarm in alarms):
        return
    topic = account.logs.topic["TopicName"]
    if alarms:
        names = ", ".join(str(alarm["Name"]) for alarm in alarms)
        yield f"the alarms of {topic} notify nobody: {names}"
    else:
        disabled = ", ".join(str(alarm["Name"]) for alarm in account.logs.alarms)
        yield f"{topic} has no enabled alarm{f', only {disabled}' if disabled else ''}"
