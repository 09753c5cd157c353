"""`scf-mps deploy` and `scf-mps remove`, but for what is said at the terminal: read, plan, do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scf_mps.cos.errors import CosError

from .account import credentials, endpoint
from .carrying_out import carry_out
from .cloud import Cloud
from .code import Archive, Bucket, content, layer_archives, make
from .errors import NETWORK_ERRORS, DeployError
from .live import Live, Surroundings, read_live, read_surroundings, wait_until_settled
from .plan import Options, Plan, plan, plan_removal
from .template import Template, read_template
from .wanted import Wanted, wanted_of

Tell = Callable[[str], object]


@dataclass(frozen=True)
class Request:
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
class Function:
    """A function of a serverless.yml, and the cloud it is or is to be in."""

    wanted: Wanted
    cloud: Cloud
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prepared:
    """A plan, and what it takes to carry it out."""

    function: Function
    live: Live | None
    plan: Plan
    request: Request
    later: Mapping[str, Callable[[], Any]]

    def carry_out(self, tell: Tell) -> None:
        """Do it. Raises DeployError."""
        carry_out(
            self.plan,
            self.function.cloud,
            self.function.wanted,
            self.later,
            seconds=self.request.seconds,
            tell=tell,
        )


def function_of(
    path: Path,
    stage: str = "",
    environment: Mapping[str, str] | None = None,
    *,
    pause: float = 1.0,
) -> Function:
    """The function of a serverless.yml, and the cloud as the environment says.

    Raises:
        DeployError: if either is not in order.
    """
    template: Template = read_template(path, stage, environment)
    wanted, warnings = wanted_of(template)
    told = template.environment
    cloud = Cloud(credentials(told), wanted.region, endpoint(told), pause)
    return Function(wanted, cloud, tuple(warnings))


@contextmanager
def prepared(
    function: Function, request: Request, tell: Tell, *, offline: bool = False
) -> Iterator[Prepared]:
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
        code = make(wanted, request.archive, Path(scratch), tell, request.allow_secret)
        layers = layer_archives(wanted.layers, request.allow_secret)
        take = _full(request.take, wanted)
        live, around = None, Surroundings()
        notes: tuple[str, ...] = ()
        try:
            live, around = _read(function, request, take)
        except DeployError as error:
            if not (offline and error.code in NETWORK_ERRORS):
                raise
            notes = (f"desired state, not compared with the cloud: {error}",)
        options = Options(
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
                    return content(archive, bucket, cloud.credentials, name)
                except CosError as error:
                    raise DeployError(f"the code could not be put into COS: {error}") from None

            return send

        later = {"code": sent(code, wanted.name)}
        later |= {f"content {name}": sent(one, name) for name, one in layers.items()}
        made = plan(live, wanted, around, options)
        yield Prepared(function, live, replace(made, notes=notes + made.notes), request, later)


def _read(function: Function, request: Request, take: str) -> tuple[Live | None, Surroundings]:
    """Read the cloud's current state, once the function has settled. Raises DeployError."""
    cloud, wanted = function.cloud, function.wanted
    failed = ("UpdateFailed",) if request.again else ()
    wait_until_settled(cloud, wanted, request.seconds, lambda _: None, failed)
    live = read_live(cloud, wanted)
    return live, read_surroundings(cloud, wanted, live, take)


def removal(function: Function) -> Prepared:
    """The plan for a removal. Raises DeployError if the cloud cannot be read."""
    live = read_live(function.cloud, function.wanted)
    return Prepared(function, live, plan_removal(live, function.wanted), Request(), {})


def _full(take: str, wanted: Wanted) -> str:
    """``region/namespace/function`` of what may be shorter; empty for nothing."""
    if not take:
        return ""
    parts = take.split("/")
    if len(parts) > 3 or not all(parts):
        raise DeployError(f"expected --take-trigger [[REGION/]NAMESPACE/]FUNCTION, not {take!r}")
    return "/".join([wanted.region, "default"][: 3 - len(parts)] + parts)
