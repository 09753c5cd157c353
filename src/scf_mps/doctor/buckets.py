"""The buckets that the ledger, MPS_PUBLISH and the handlers name, asked with the keys of the desk.

What the function's role may do cannot be told from a desk, whose keys are others; with the role's own keys in the
environment it can. The only thing that is written is a small object below the ledger's prefix, which is removed again.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from scf_mps.cos import Conflict, Cos, CosError, Denied, NotFound, Pool, Retry, operations, xml
from scf_mps.cos.client import Client
from scf_mps.cos.locations import Location
from scf_mps.cos.request import Request, Target
from scf_mps.errors import LedgerError
from scf_mps.events.files import CosObject
from scf_mps.ledger.cos import CosLedger
from scf_mps.ledger.url import open_ledger
from scf_mps.tencent.credentials import Credentials

from .checks import Area
from .project import Project

buckets: Area[Buckets] = Area("Buckets")

PROBE = "doctor/"


@dataclass
class Buckets:
    """What was asked of COS.

    Attributes:
        missing: buckets that are not there, each with who names it.
        denied: what the keys may not do.
        unreachable: what else went wrong.
        versioned: the state of the ledger's versioning, if it ever had versions.
        unwritable: why nothing can be written, or not as a ledger must.
        rule: the rule by which the ledger's bucket would forget, if it has none.
    """

    missing: list[str] = field(default_factory=list[str])
    denied: list[str] = field(default_factory=list[str])
    unreachable: list[str] = field(default_factory=list[str])
    versioned: str = ""
    unwritable: list[str] = field(default_factory=list[str])
    rule: str = ""


def ask_buckets(
    desk: Project, credentials: Credentials, write: bool = True, retry: Retry | None = None
) -> Buckets:
    """Ask COS about every bucket that is named.

    Args:
        desk: the project; its environment's MPS_COS_PROXY leads to an emulator.
        credentials: to ask with.
        write: whether a small object may be written below the ledger's prefix, and removed.
        retry: how patiently.
    """
    found = Buckets()
    pool = Pool()
    cos = Cos(
        credentials,
        proxy=desk.environment.get("MPS_COS_PROXY", ""),
        buckets="*",
        retry=retry or Retry(attempts=3),
        pool=pool,
    )
    try:
        _ask(found, desk, cos, write)
    finally:
        pool.clear()
    return found


def _ask(found: Buckets, desk: Project, cos: Cos, write: bool) -> None:
    client = cos._client
    ledger = _ledger(desk)
    for (bucket, region), who in desk.places().items():
        where = f"{bucket} in {region}, which {who} names"
        try:
            client.call(Request(Target(bucket, region), "HEAD"))
            desk.seen.append(f"{where}: is there")
            if who == "MPS_LEDGER" and ledger:
                _ask_ledger(found, client, desk, ledger, write)
        except NotFound:
            found.missing.append(where)
        except Denied as error:
            found.denied.append(f"{where}: {error}")
        except CosError as error:
            found.unreachable.append(f"{where}: {error}")


def _ledger(desk: Project) -> CosLedger | None:
    """The ledger, if it is to be in COS."""
    try:
        found = open_ledger(desk.variables.get("MPS_LEDGER", ""))
    except LedgerError:
        return None
    return found if isinstance(found, CosLedger) else None


def _ask_ledger(
    found: Buckets, client: Client, desk: Project, ledger: CosLedger, write: bool
) -> None:
    """Raises CosError."""
    place = Location.parse(desk.variables["MPS_LEDGER"].partition("?")[0])
    found.versioned = operations.get_versioning(client, place.bucket, place.region)
    prefix = place.prefix.strip("/") + "/"
    if not _forgets(client, place, prefix):
        found.rule = ledger.lifecycle_rule
    if write and not found.versioned:
        found.unwritable += _try_to_write(
            client, CosObject(place.bucket, place.region, f"{prefix}{PROBE}{uuid.uuid4().hex}")
        )


def _forgets(client: Client, place: Location, prefix: str) -> bool:
    """Whether a rule of the bucket removes what is below the prefix (GET Bucket lifecycle, page 436/8278)."""
    try:
        answer = client.call(Request(Target(place.bucket, place.region), params={"lifecycle": ""}))
    except NotFound:
        return False
    for rule in xml.parse_document(answer.body, "LifecycleConfiguration").iterfind("Rule"):
        told = [one.text or "" for one in rule.findall(".//Prefix")]
        is_for_all = prefix.startswith(tuple(told or [""])) and rule.find(".//Tag") is None
        is_on = xml.find_text(rule, "Status") == "Enabled"
        if is_on and rule.find("Expiration") is not None and is_for_all:
            return True
    return False


def _try_to_write(client: Client, item: CosObject) -> Iterator[str]:
    """Write an object, see that it cannot be written twice, and remove it."""
    forbid = {operations.FORBID_OVERWRITE: "true"}
    try:
        operations.put(client, item, b"", forbid)
        try:
            operations.put(client, item, b"again", forbid)
            yield f"{item} could be written twice, although {operations.FORBID_OVERWRITE} was sent"
        except Conflict:
            pass
        operations.delete(client, item)
    except CosError as error:
        yield str(error)


@buckets.check(
    "error",
    why="A callback, or the ledger, would fail with every event.",
    advice="Make the bucket, or correct its name: bucket-appid.region.",
)
def bucket_missing(found: Buckets) -> Iterator[str]:
    """A bucket that is named is not there."""
    yield from found.missing


@buckets.check(
    "warning",
    why="The function's role needs this as well; that the role has it cannot be told with other keys.",
    advice="Allow the desk's user, and the function's role, what was refused: name/cos:HeadBucket, "
    "name/cos:GetBucketVersioning, name/cos:GetBucketLifecycle.",
)
def bucket_denied(found: Buckets) -> Iterator[str]:
    """The keys of the desk may not look at a bucket."""
    yield from found.denied


@buckets.check(
    "warning",
    why="Nothing can be said of it.",
    advice="Ask again; if it stays so, look at this machine's network.",
)
def bucket_unreachable(found: Buckets) -> Iterator[str]:
    """COS did not answer for a bucket."""
    yield from found.unreachable


@buckets.check(
    "error",
    why="COS heeds x-cos-forbid-overwrite only in a bucket that never had versions (page 436/7749): the ledger refuses.",
    advice="Use another bucket; suspending the versions is not enough.",
)
def ledger_versioned(found: Buckets) -> Iterator[str]:
    """The ledger's bucket has, or had, versions."""
    if found.versioned:
        yield f"versioning is {found.versioned}"


@buckets.check(
    "error",
    why="Every event would be left to SCF's retry, and then be lost.",
    advice="Allow name/cos:PutObject, GetObject, HeadObject and DeleteObject below the prefix, to the role as well.",
)
def ledger_unwritable(found: Buckets) -> Iterator[str]:
    """The ledger cannot be written as it must be."""
    yield from found.unwritable


@buckets.check(
    "warning",
    why="COS forgets nothing of itself: the ledger grows with every event.",
    advice="Put this rule beside the bucket's others, in the console or by PUT Bucket lifecycle (page 436/8280).",
)
def ledger_never_forgets(found: Buckets) -> Iterator[str]:
    """No lifecycle rule of the bucket is for the ledger."""
    if found.rule:
        yield f"there is no {found.rule}"
