"""`scf-mps deploy` and `scf-mps remove`, but for what is said at the terminal: read, plan, do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scf_mps.cos.errors import CosError
from scf_mps.tencent.client import NO_RESPONSE_CODES

from .account import load_credentials, parse_endpoint
from .apply import apply_plan
from .cloud import Cloud
from .code import Archive, Bucket, make_archive, read_layer_archives, send_archive
from .current_state import (
    AccountState,
    CurrentState,
    fetch_account_state,
    fetch_current_state,
    wait_until_settled,
)
from .desired_state import DesiredState, parse_desired_state
from .errors import DeployError
from .plan import Plan, PlanOptions, make_plan, make_removal_plan
from .template import Template, read_template

Report = Callable[[str], object]


@dataclass(frozen=True)
class DeployOptions:
    """What the command line asks for.

    Attributes:
        archive: a zip to deploy as it is.
        bucket: where zips are put for SCF, as text; empty to send them with the request.
        take: ``[[region/]namespace/]function`` that the MPS trigger may be taken from.
        prune: whether to remove triggers that are not in serverless.yml.
        again: whether to send code and settings that are there.
        seconds: to wait for SCF, at most.
        allow_secret: paths in zips that may look like secrets.
    """

    archive: Path | None = None
    bucket: str = ""
    take: str = ""
    prune: bool = False
    again: bool = False
    seconds: float = 300.0
    allow_secret: Collection[str] = ()


@dataclass(frozen=True)
class FunctionTarget:
    """A function of a serverless.yml, and the cloud it is or is to be in."""

    wanted: DesiredState
    cloud: Cloud
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Deployment:
    """A plan, and what it takes to carry it out."""

    function: FunctionTarget
    live: CurrentState | None
    plan: Plan
    request: DeployOptions
    later: Mapping[str, Callable[[], Any]]

    def carry_out(self, tell: Report) -> None:
        """Do it. Raises DeployError."""
        apply_plan(
            self.plan,
            self.function.cloud,
            self.function.wanted,
            self.later,
            seconds=self.request.seconds,
            tell=tell,
        )


def load_function(
    path: Path,
    stage: str = "",
    environment: Mapping[str, str] | None = None,
    *,
    pause: float = 1.0,
) -> FunctionTarget:
    """The function of a serverless.yml, and the cloud as the environment says.

    Raises:
        DeployError: if either is not in order.
    """
    template: Template = read_template(path, stage, environment)
    wanted, warnings = parse_desired_state(template)
    told = template.environment
    cloud = Cloud(load_credentials(told), wanted.region, parse_endpoint(told), pause)
    return FunctionTarget(wanted, cloud, tuple(warnings))


@contextmanager
def prepare_deployment(
    function: FunctionTarget, request: DeployOptions, tell: Report, *, offline: bool = False
) -> Iterator[Deployment]:
    """The plan for a deployment; zips that were made for it are there until the end of the `with`.

    Nothing is changed in the cloud.

    Args:
        function: what is wanted.
        request: how.
        tell: gets each line about the build.
        offline: plan as for an empty account, with a note, if the cloud is unreachable.

    Raises:
        DeployError: if the code cannot be made, or the cloud not be read.
    """
    wanted, cloud = function.wanted, function.cloud
    bucket = Bucket.parsed(request.bucket, wanted.region) if request.bucket else None
    with TemporaryDirectory(prefix="scf-mps-deploy-") as scratch:
        code = make_archive(wanted, request.archive, Path(scratch), tell, request.allow_secret)
        layers = read_layer_archives(wanted.layers, request.allow_secret)
        take = _full(request.take, wanted)
        live, around = None, AccountState()
        notes: tuple[str, ...] = ()
        try:
            live, around = _read(function, request, take)
        except DeployError as error:
            if not (offline and error.code in NO_RESPONSE_CODES):
                raise
            notes = (f"desired state, not compared with the cloud: {error}",)
        options = PlanOptions(
            code=code.known,
            layers={name: one.known for name, one in layers.items()},
            by_cos=bucket is not None,
            take=take,
            prune=request.prune,
            again=request.again,
        )

        def sent(archive: Archive, name: str) -> Callable[[], Any]:
            def send() -> Mapping[str, Any]:
                try:
                    return send_archive(archive, bucket, cloud.credentials, name)
                except CosError as error:
                    raise DeployError(f"the code could not be put into COS: {error}") from None

            return send

        later = {"code": sent(code, wanted.name)}
        later |= {f"content {name}": sent(one, name) for name, one in layers.items()}
        made = make_plan(live, wanted, around, options)
        yield Deployment(function, live, replace(made, notes=notes + made.notes), request, later)


def _read(
    function: FunctionTarget, request: DeployOptions, take: str
) -> tuple[CurrentState | None, AccountState]:
    """Read the cloud's current state, once the function has settled. Raises DeployError."""
    cloud, wanted = function.cloud, function.wanted
    failed = ("UpdateFailed",) if request.again else ()
    wait_until_settled(cloud, wanted, request.seconds, lambda _: None, failed)
    live = fetch_current_state(cloud, wanted)
    return live, fetch_account_state(cloud, wanted, live, take)


def prepare_removal(function: FunctionTarget) -> Deployment:
    """The plan for a removal. Raises DeployError if the cloud cannot be read."""
    live = fetch_current_state(function.cloud, function.wanted)
    return Deployment(function, live, make_removal_plan(live, function.wanted), DeployOptions(), {})


def _full(take: str, wanted: DesiredState) -> str:
    """``region/namespace/function`` of what may be shorter; empty for nothing."""
    if not take:
        return ""
    parts = take.split("/")
    if len(parts) > 3 or not all(parts):
        raise DeployError(f"expected --take-trigger [[REGION/]NAMESPACE/]FUNCTION, not {take!r}")
    return "/".join([wanted.region, "default"][: 3 - len(parts)] + parts)
