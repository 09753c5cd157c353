"""Where the function is to write, as its variables name it: MPS_LEDGER, MPS_PUBLISH and their like, MPS_BUCKETS.

Only the texts are looked at; the buckets themselves are `buckets`'s.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from scf_mps.cos.errors import Denied
from scf_mps.cos.locations import BucketAllowlist, Location
from scf_mps.errors import ConfigurationError, LedgerError
from scf_mps.ledger.url import open_ledger

from .checks import Area
from .configuration import is_deployed
from .project import PLACES, Project

storing: Area[Project] = Area("Ledger and publishing")

_REDIS = ("redis://", "rediss://")


@storing.check(
    "error",
    why="The function would raise LedgerError when it is loaded, with every event.",
    advice="Write `MPS_LEDGER: cos://bucket-appid.region/prefix/`.",
)
def ledger_malformed(desk: Project) -> Iterator[str]:
    """MPS_LEDGER is the URL of no ledger."""
    url = desk.variables.get("MPS_LEDGER", "none")
    if url != "none":
        try:
            open_ledger(url)
        except LedgerError as error:
            # That the desk has no client of Redis says nothing of the function.
            if "needs the redis package" not in str(error):
                yield f"MPS_LEDGER: {error}"


@storing.check(
    "warning",
    why="SCF delivers an event again as a whole: callbacks that succeeded run again with every retry.",
    advice="Write `MPS_LEDGER: cos://bucket-appid.region/prefix/`, unless nothing is done twice that matters.",
)
def ledger_none(desk: Project) -> Iterator[str]:
    """MPS_LEDGER is `none`."""
    if desk.variables.get("MPS_LEDGER") == "none":
        yield "MPS_LEDGER is none"


@storing.check(
    "error",
    why="An instance's memory and its /tmp end with it, and no other instance sees them (page 583/9694).",
    advice="Write `MPS_LEDGER: cos://bucket-appid.region/prefix/`, or mount a file system (`cfs`) for a file:// one.",
)
def ledger_of_one_instance(desk: Project) -> Iterator[str]:
    """The ledger is in the memory or the files of one instance."""
    scheme = desk.variables.get("MPS_LEDGER", "").partition("://")[0]
    if scheme == "memory" or (scheme == "file" and not desk.inputs.get("cfs")):
        yield f"MPS_LEDGER is {scheme}://"


@storing.check(
    "error",
    why="SCF's Pythons since 3.7 bring no library (page 583/40323): the function could not be loaded.",
    advice="Write scf-mps[redis] into requirements.txt, and build.",
)
def redis_not_required(desk: Project) -> Iterator[str]:
    """The ledger is in Redis, and its client is not deployed."""
    if _redis_host(desk) and not is_deployed(desk, "redis", "redis"):
        yield "neither requirements.txt nor the build has redis"


@storing.check(
    "error",
    why="A function outside of a VPC reaches public addresses alone: every event would be left to the retry.",
    advice="Write `vpcConfig: {vpcId: …, subnetId: …}` with the network of the Redis.",
)
def redis_out_of_reach(desk: Project) -> Iterator[str]:
    """The ledger's Redis has a private address, and the function is in no VPC."""
    host = _redis_host(desk)
    try:
        private = ipaddress.ip_address(host).is_private
    except ValueError:
        private = False
    if private and not desk.inputs.get("vpcConfig"):
        yield f"MPS_LEDGER is at {host}"


@storing.check(
    "note",
    why="Only in the function's own network can be told whether it answers; if not, events are left to the retry.",
    advice="After deploying, `scf-mps invoke --remote` with a sample, and look at `scf-mps logs`.",
)
def redis_unseen(desk: Project) -> Iterator[str]:
    """Whether the ledger's Redis can be reached was not tried."""
    if host := _redis_host(desk):
        yield f"MPS_LEDGER is at {host}"


@storing.check(
    "error",
    why="The function would end with the first event: every mistake in a variable is told when it is loaded.",
    advice="Write e.g. `MPS_PUBLISH: cos://bucket-appid.region/prefix/`.",
)
def place_malformed(desk: Project) -> Iterator[str]:
    """A variable names no place in COS where the function is to write."""
    for name, place in _places(desk):
        if isinstance(place, Exception):
            yield f"{name}: {place}"


@storing.check(
    "error",
    why="`Cos` refuses every bucket that MPS_BUCKETS does not name.",
    advice="Add the bucket to MPS_BUCKETS.",
)
def place_not_allowed(desk: Project) -> Iterator[str]:
    """MPS_BUCKETS does not let the function write where it is to."""
    try:
        allowed = BucketAllowlist(desk.variables.get("MPS_BUCKETS") or None)
    except ConfigurationError as error:
        yield str(error)
        return
    for name, place in _places(desk):
        if isinstance(place, Exception):
            continue
        try:
            allowed.check(place.bucket, place.region)
        except Denied:
            yield f"{place.bucket} of {name} is not among MPS_BUCKETS"


def _places(desk: Project) -> Iterator[tuple[str, Location | ValueError | Denied]]:
    """The variables that name a place in COS, with the place, or why it is none."""
    for name in PLACES:
        if text := desk.variables.get(name):
            try:
                place = Location.parse(text.partition("?")[0])
                BucketAllowlist(None).check(place.bucket, place.region)
            except (ValueError, Denied) as error:
                yield name, error
            else:
                yield name, place


def _redis_host(desk: Project) -> str:
    """The host of the ledger's Redis, without its password; empty if there is none."""
    url = desk.variables.get("MPS_LEDGER", "")
    found = re.fullmatch(r"rediss?://.*", url)
    return (urlsplit(url).hostname or "") if found else ""
