"""The function in the cloud, compared with serverless.yml by the planner of `scf-mps deploy`. It is read, never changed."""

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
    from ..deploy.current_state import CurrentState
    from ..deploy.desired_state import DesiredState
    from ..deploy.plan import Change, Plan

account: Area[Account] = Area("Account")

SHORT_TTL = 3600


@dataclass
class Account:
    """What the cloud has.

    Attributes:
        unknown: why that could not be read; empty if it could.
        wanted: the function as it is to be.
        live: as it is; None if there is none.
        plan: from one to the other, the code aside.
        built: digest of the zip that a deployment would send; empty if there is no build.
        credentials: of the desk.
    """

    unknown: list[str] = field(default_factory=list[str])
    wanted: DesiredState | None = None
    live: CurrentState | None = None
    plan: Plan | None = None
    built: str = ""
    credentials: Credentials | None = None

    def changes(self, *actions: str) -> Iterator[Change]:
        """What a deployment would change by these calls, if the function is there."""
        if self.live and self.plan:
            for step in self.plan.steps:
                if step.action in actions:
                    yield from step.changes

    def blocked(self, code: str) -> Iterator[Problem]:
        """Yield the reasons with a code that block a deployment."""
        for problem in self.plan.blocked if self.plan else ():
            if problem.code == code:
                yield problem


def read_account(desk: Project, pause: float = 1.0) -> Account:
    """What the cloud has of a project's function.

    Args:
        desk: the project.
        pause: seconds before the first repetition of what was throttled.
    """
    if desk.wanted is None:
        return Account(["what serverless.yml says is not in order, or could not be read"])
    from ..deploy import account as desk_account
    from ..deploy.cloud import Cloud
    from ..deploy.code import read_layer_archives
    from ..deploy.current_state import DeployTarget, fetch_account_state, fetch_current_state
    from ..deploy.errors import DeployError
    from ..deploy.plan import PlanOptions, ZipDigest, make_plan

    wanted = desk.wanted
    try:
        keys = desk_account.load_credentials(desk.environment)
        address = desk_account.parse_endpoint(desk.environment)
        target = DeployTarget(wanted, Cloud(keys, wanted.region, address, pause))
        live = fetch_current_state(target)
        layers = {name: one.digest for name, one in read_layer_archives(wanted.layers).items()}
        around = fetch_account_state(target, live)
    except DeployError as error:
        return Account([*map(str, error.problems)])
    code = ZipDigest(live.latest.code_sha256 if live else "", 0)
    made = make_plan(live, wanted, around, PlanOptions(code, layers))
    where = f"{wanted.region}/{wanted.namespace}/{wanted.name}"
    if live:
        triggers = ", ".join(f"{one.trigger.event_type} for {one}" for one in live.mps) or "none"
        desk.seen.append(f"{where} is {live.status}; MPS triggers: {triggers}")
    desk.seen += [str(note) for note in made.notes if note.code != "trigger_not_in_file"]
    return Account([], wanted, live, made, _digest(desk.upload), keys)


def _digest(upload: Upload | None) -> str:
    """The digest of the zip that a deployment would send."""
    if upload is None or not upload.built:
        return ""
    import hashlib

    with TemporaryDirectory(prefix="scf-mps-doctor-") as scratch:
        path = Path(upload.where) if upload.zipped else Path(scratch, "function.zip")
        if not upload.zipped:
            write_zip(upload.folder, path)
        return hashlib.sha256(path.read_bytes()).hexdigest()


@account.check(
    "error",
    why="Only the project was checked.",
    advice="Correct it, then run the command again.",
)
def account_unknown(found: Account) -> Iterator[str]:
    """The account could not be looked at."""
    yield from found.unknown


@account.check(
    "note",
    why="Nothing of it could be looked at yet.",
    advice="`scf-mps deploy` makes it.",
)
def function_missing(found: Account) -> Iterator[str]:
    """The function is not in the cloud."""
    if found.wanted and found.live is None:
        wanted = found.wanted
        yield f"there is no {wanted.region}/{wanted.namespace}/{wanted.name}"


@account.check(
    "error",
    why="SCF runs a function that is Active (page 583/115197).",
    advice="Wait if something is being done to it; after a failure `scf-mps deploy --again` sends it once more.",
)
def function_not_active(found: Account) -> Iterator[str]:
    """The function is not Active."""
    if found.live and found.live.status != "Active":
        reasons = found.live.latest.configuration.get("StatusReasons") or []
        why = "; ".join(f"{one.get('ErrorCode')}: {one.get('ErrorMessage')}" for one in reasons)
        yield f"it is {found.live.status}{f': {why}' if why else ''}"


@account.check(
    "warning",
    why="What runs is not what is here. (Tencent's client packs another zip of the same files: then it differs as well.)",
    advice="`scf-mps deploy`.",
)
def code_differs(found: Account) -> Iterator[str]:
    """The function's code is not the build's."""
    live = found.live.latest.code_sha256 if found.live else ""
    if live and found.built and live != found.built:
        yield f"sha256 {live[:12]} runs, {found.built[:12]} is built"


@account.check(
    "warning",
    why="Somebody changed it in the console, or serverless.yml was changed and not deployed.",
    advice="`scf-mps deploy`, or write into serverless.yml what is there.",
)
def settings_differ(found: Account) -> Iterator[str]:
    """A setting of the function is not as serverless.yml says."""
    for one in found.changes(
        "UpdateFunctionConfiguration", "UpdateFunctionCode", "PublishLayerVersion"
    ):
        yield f"{one.what}: {one.current} in the cloud, {one.desired} in serverless.yml"


@account.check(
    "error",
    why="SCF changes the runtime of no function, and Tencent's client says nothing of it.",
    advice="Write the runtime that it has, another name, or `scf-mps remove` first.",
)
def runtime_differs(found: Account) -> Iterator[str]:
    """The function has another runtime than serverless.yml says."""
    if found.live and found.wanted and any(found.blocked("runtime_change")):
        yield f"{found.live.latest.runtime} in the cloud, {found.wanted.runtime} in serverless.yml"


@account.check(
    "warning",
    why="How often and how long SCF tries again decides what an outage costs (page 583/39851).",
    advice="`scf-mps deploy`: it sets what `retryNum` and `msgTTL` say.",
)
def retries_differ(found: Account) -> Iterator[str]:
    """SCF tries events again in another way than serverless.yml says."""
    for one in found.changes("UpdateFunctionEventInvokeConfig"):
        yield f"{one.what}: {one.current} in the cloud, {one.desired} in serverless.yml"


@account.check(
    "warning",
    why="What a callback could not do at once is lost: an event that failed is not delivered again.",
    advice="Write `retryNum: 2` and `scf-mps deploy`.",
)
def retries_off(found: Account) -> Iterator[str]:
    """SCF does not try an event again."""
    if found.live and found.live.retries == 0:
        yield "retries are 0"


@account.check(
    "warning",
    why="For so long SCF keeps an event that it cannot run, for lack of room or by its own fault (page 583/39851).",
    advice="Write `msgTTL: 21600`, SCF's default of six hours, and `scf-mps deploy`.",
)
def ttl_short(found: Account) -> Iterator[str]:
    """SCF keeps events for less than an hour."""
    if found.live and found.live.ttl is not None and found.live.ttl < SHORT_TTL:
        yield f"events are kept for {found.live.ttl} s"


@account.check(
    "error",
    why="MPS reaches the function through this trigger alone.",
    advice="`scf-mps deploy` binds it.",
)
def trigger_not_bound(found: Account) -> Iterator[str]:
    """The MPS trigger is not bound, is switched off, or leads to another version."""
    taken = [one.path for one in found.blocked("trigger_taken")]
    off = {one.trigger.event_type for one in found.live.mps} if found.live else set()
    for one in found.changes("BindTrigger"):
        if one.what in taken:
            continue
        if one.current != "-":
            yield f"{one.what} leads to {one.current}, in serverless.yml to {one.desired}"
        elif one.what.rpartition(" ")[2] in off:
            yield f"{one.what} is switched off"
        else:
            yield f"{one.what} is not there"


@account.check(
    "error",
    why="One MPS trigger serves the whole account, in all regions (page 583/39163): who has it gets all events.",
    advice="Put your callbacks into that function, or take the trigger with `scf-mps deploy --take-trigger`.",
)
def trigger_taken(found: Account) -> Iterator[str]:
    """Another function has the account's MPS trigger."""
    for problem in found.blocked("trigger_taken"):
        yield problem.summary


@account.check(
    "warning",
    why="A timer for reconcile finds what never arrived, if it is there and as it should be.",
    advice="`scf-mps deploy`.",
)
def timer_differs(found: Account) -> Iterator[str]:
    """A timer is not as serverless.yml says."""
    for one in found.changes("CreateTrigger", "UpdateTrigger"):
        yield f"{one.what}: {one.current} in the cloud, {one.desired} in serverless.yml"


@account.check(
    "note",
    why="Tencent's client deletes it with the next deployment; `scf-mps deploy` leaves it alone.",
    advice="Write it down under `events:`, or remove it with `scf-mps deploy --prune`.",
)
def trigger_not_written(found: Account) -> Iterator[str]:
    """The function has a trigger that is not in serverless.yml."""
    for note in found.plan.notes if found.live and found.plan else ():
        if note.code == "trigger_not_in_file":
            yield note.summary


@account.check(
    "warning",
    why="What a trigger with this alias runs is not what was deployed last.",
    advice="`scf-mps deploy` publishes a version and moves the alias.",
)
def version_behind(found: Account) -> Iterator[str]:
    """The published version, or the alias, is behind."""
    for one in found.changes("PublishVersion"):
        yield f"version {one.current} is not what serverless.yml and $LATEST are"
