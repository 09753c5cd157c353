"""Checks of the variables for storage: MPS_LEDGER, MPS_PUBLISH and similar, MPS_BUCKETS.

`buckets` checks the buckets themselves.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from scf_mps.cos.errors import Denied
from scf_mps.cos.locations import BucketAllowlist, Location
from scf_mps.errors import ConfigurationError, LedgerError, MissingPackage
from scf_mps.ledger.url import open_ledger

from .checks import Area
from .configuration import is_deployed
from .project import PLACE_VARIABLES, Project

CHECKS: Area[Project] = Area("Ledger and publishing")


@CHECKS.check(
    "error",
    "MPS_LEDGER is not the URL of a ledger.",
    why="The import of the function would raise LedgerError for every event.",
    advice="Write `MPS_LEDGER: cos://bucket-appid.region/prefix/`.",
)
def _ledger_malformed(project: Project) -> Iterator[str]:
    url = project.variables.get("MPS_LEDGER", "none")
    if url != "none":
        try:
            open_ledger(url)
        except MissingPackage:
            pass  # the function may have it
        except LedgerError as error:
            yield f"MPS_LEDGER: {error}"


@CHECKS.check(
    "warning",
    "MPS_LEDGER is `none`.",
    why="SCF redelivers a whole event: callbacks that succeeded run again on every retry.",
    advice="Write `MPS_LEDGER: cos://bucket-appid.region/prefix/`, unless running callbacks twice is harmless.",
)
def _ledger_none(project: Project) -> Iterator[str]:
    if project.variables.get("MPS_LEDGER") == "none":
        yield "MPS_LEDGER=none disables the ledger"


@CHECKS.check(
    "error",
    "The ledger is in the memory or the files of one instance.",
    why="The memory and /tmp of an instance end with it, and other instances cannot see them (page 583/9694).",
    advice="Write `MPS_LEDGER: cos://bucket-appid.region/prefix/`, or mount a file system (`cfs`) for a file:// ledger.",
)
def _ledger_of_one_instance(project: Project) -> Iterator[str]:
    scheme = project.variables.get("MPS_LEDGER", "").partition("://")[0]
    if scheme == "memory" or (scheme == "file" and not project.inputs.get("cfs")):
        yield f"MPS_LEDGER begins with {scheme}://"


@CHECKS.check(
    "error",
    "The ledger is in Redis, but its client is not deployed.",
    why="SCF's Pythons since 3.7 include no libraries (page 583/40323): the import of the function would fail.",
    advice="Add scf-mps[redis] to requirements.txt, and build.",
)
def _redis_not_required(project: Project) -> Iterator[str]:
    if _parse_redis_host(project) and not is_deployed(project, "redis", "redis"):
        yield "redis is in neither requirements.txt nor the build"


@CHECKS.check(
    "error",
    "The ledger's Redis has a private address, but the function is in no VPC.",
    why="A function outside a VPC reaches only public addresses: every invocation would fail and be retried.",
    advice="Write `vpcConfig: {vpcId: …, subnetId: …}` with the network of the Redis.",
)
def _redis_needs_vpc(project: Project) -> Iterator[str]:
    host = _parse_redis_host(project)
    try:
        is_private = ipaddress.ip_address(host).is_private
    except ValueError:
        is_private = False
    if is_private and not project.inputs.get("vpcConfig"):
        yield f"MPS_LEDGER uses {host}"


@CHECKS.check(
    "note",
    "The ledger's Redis was not contacted.",
    why="Only the function's own network can reach it. If it is unreachable, invocations fail and SCF retries them.",
    advice="After deploying, run `scf-mps invoke --remote` with a sample, then `scf-mps logs`.",
)
def _redis_unchecked(project: Project) -> Iterator[str]:
    if host := _parse_redis_host(project):
        yield f"MPS_LEDGER uses {host}"


@CHECKS.check(
    "error",
    "A variable does not name a place in COS.",
    why="The function checks its variables on import: every event would fail.",
    advice="Write e.g. `MPS_PUBLISH: cos://bucket-appid.region/prefix/`.",
)
def _place_malformed(project: Project) -> Iterator[str]:
    for name, place in _parse_places(project):
        if isinstance(place, Exception):
            yield f"{name}: {place}"


@CHECKS.check(
    "error",
    "MPS_BUCKETS excludes a bucket that the function writes to.",
    why="`Cos` refuses every bucket that MPS_BUCKETS does not list.",
    advice="Add the bucket to MPS_BUCKETS.",
)
def _place_not_allowed(project: Project) -> Iterator[str]:
    try:
        allowed = BucketAllowlist(project.variables.get("MPS_BUCKETS") or None)
    except ConfigurationError as error:
        yield str(error)
        return
    for name, place in _parse_places(project):
        if isinstance(place, Exception):
            continue
        try:
            allowed.check(place.bucket, place.region)
        except Denied:
            yield f"{place.bucket} of {name} is not in MPS_BUCKETS"


def _parse_places(project: Project) -> Iterator[tuple[str, Location | ValueError | Denied]]:
    """Yield (variable, place) for each place in COS, or its error instead of the place."""
    for name in PLACE_VARIABLES:
        if text := project.variables.get(name):
            try:
                place = Location.parse(text.partition("?")[0])
                BucketAllowlist(None).check(place.bucket, place.region)
            except (ValueError, Denied) as error:
                yield name, error
            else:
                yield name, place


def _parse_redis_host(project: Project) -> str:
    """Return the host of the ledger's Redis, or ""."""
    url = project.variables.get("MPS_LEDGER", "")
    is_redis = url.startswith(("redis://", "rediss://"))
    return (urlsplit(url).hostname or "") if is_redis else ""
