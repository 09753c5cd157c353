"""Checks of the buckets that the ledger, the variables and the handlers name, with the local credentials.

Only the credentials of the function's role can verify its permissions. The only change is a small object below the
ledger's prefix, which is removed again.
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

CHECKS: Area[Buckets] = Area("Buckets")

PROBE_PREFIX = "doctor/"


@dataclass
class Buckets:
    """The inspected buckets.

    Attributes:
        missing: buckets that do not exist, with the names that use them.
        denied: requests that the credentials may not send.
        unreachable: other errors.
        versioned: the versioning state of the ledger's bucket. Empty if it never had versioning.
        unwritable: reasons why the ledger cannot be written.
        rule: the missing lifecycle rule of the ledger. Empty if there is a rule.
    """

    missing: list[str] = field(default_factory=list[str])
    denied: list[str] = field(default_factory=list[str])
    unreachable: list[str] = field(default_factory=list[str])
    versioned: str = ""
    unwritable: list[str] = field(default_factory=list[str])
    rule: str = ""


def inspect_buckets(
    project: Project, credentials: Credentials, write: bool = True, retry: Retry | None = None
) -> Buckets:
    """Inspect every bucket that a project names.

    Args:
        project: the project. MPS_COS_PROXY in its environment selects an emulator.
        credentials: the credentials of the requests.
        write: whether to write and remove a small object below the ledger's prefix.
        retry: the retries of failed requests.
    """
    buckets = Buckets()
    pool = Pool()
    cos = Cos(
        credentials,
        proxy=project.environment.get("MPS_COS_PROXY", ""),
        buckets="*",
        retry=retry or Retry(attempts=3),
        pool=pool,
    )
    try:
        _inspect_all(buckets, project, cos._client, write)
    finally:
        pool.clear()
    return buckets


def _inspect_all(buckets: Buckets, project: Project, client: Client, write: bool) -> None:
    ledger = _open_cos_ledger(project)
    for (bucket, region), name in project.find_places().items():
        where = f"{bucket} in {region}, named by {name}"
        try:
            client.call(Request(Target(bucket, region), "HEAD"))
            project.seen.append(f"{where}: exists")
            if name == "MPS_LEDGER" and ledger:
                _inspect_ledger(buckets, project, client, ledger, write)
        except NotFound:
            buckets.missing.append(where)
        except Denied as error:
            buckets.denied.append(f"{where}: {error}")
        except CosError as error:
            buckets.unreachable.append(f"{where}: {error}")


def _open_cos_ledger(project: Project) -> CosLedger | None:
    """Return the ledger if it is in COS."""
    try:
        ledger = open_ledger(project.variables.get("MPS_LEDGER", ""))
    except LedgerError:
        return None
    return ledger if isinstance(ledger, CosLedger) else None


def _inspect_ledger(
    buckets: Buckets, project: Project, client: Client, ledger: CosLedger, write: bool
) -> None:
    """Inspect the ledger's bucket. Raise CosError if a request fails."""
    place = Location.parse(project.variables["MPS_LEDGER"].partition("?")[0])
    buckets.versioned = operations.get_versioning(client, place.bucket, place.region)
    prefix = place.prefix.strip("/") + "/"
    if not _has_expiration(client, place, prefix):
        buckets.rule = ledger.lifecycle_rule
    if write and not buckets.versioned:
        buckets.unwritable += _probe_writing(
            client,
            CosObject(place.bucket, place.region, f"{prefix}{PROBE_PREFIX}{uuid.uuid4().hex}"),
        )


def _has_expiration(client: Client, place: Location, prefix: str) -> bool:
    """Return True if a rule of the bucket expires the prefix (GET Bucket lifecycle, page 436/8278)."""
    target = Target(place.bucket, place.region)
    try:
        response = client.call(Request(target, params={"lifecycle": ""}))
    except NotFound:
        return False
    for rule in xml.parse_document(response.body, "LifecycleConfiguration").iterfind("Rule"):
        prefixes = [element.text or "" for element in rule.findall(".//Prefix")]
        covers_all = prefix.startswith(tuple(prefixes or [""])) and rule.find(".//Tag") is None
        is_enabled = xml.find_text(rule, "Status") == "Enabled"
        if is_enabled and covers_all and rule.find("Expiration") is not None:
            return True
    return False


def _probe_writing(client: Client, item: CosObject) -> Iterator[str]:
    """Write an object twice, which COS must refuse, and remove it. Yield the problems."""
    forbid = {operations.FORBID_OVERWRITE: "true"}
    try:
        operations.put(client, item, b"", forbid)
        try:
            operations.put(client, item, b"again", forbid)
            yield f"{item} was overwritten despite {operations.FORBID_OVERWRITE}"
        except Conflict:
            pass
        operations.delete(client, item)
    except CosError as error:
        yield str(error)


@CHECKS.check(
    "error",
    "A bucket does not exist.",
    why="A callback or the ledger would fail on every event.",
    advice="Create the bucket, or correct its name: bucket-appid.region.",
)
def _bucket_missing(buckets: Buckets) -> Iterator[str]:
    yield from buckets.missing


@CHECKS.check(
    "warning",
    "The local credentials may not read a bucket's settings.",
    why="The function's role needs the same permissions, which other credentials cannot verify.",
    advice="Allow them for the local user and the function's role: name/cos:HeadBucket, name/cos:GetBucketVersioning, name/cos:GetBucketLifecycle.",
)
def _bucket_denied(buckets: Buckets) -> Iterator[str]:
    yield from buckets.denied


@CHECKS.check(
    "warning",
    "COS did not answer for a bucket.",
    why="The bucket could not be checked.",
    advice="Repeat the command. If it fails again, check this machine's network.",
)
def _bucket_unreachable(buckets: Buckets) -> Iterator[str]:
    yield from buckets.unreachable


@CHECKS.check(
    "error",
    "Versioning is or was enabled in the ledger's bucket.",
    why="COS honours x-cos-forbid-overwrite only in a bucket that never had versioning (page 436/7749): the ledger refuses the bucket.",
    advice="Use another bucket. Suspending versioning is not enough.",
)
def _ledger_versioned(buckets: Buckets) -> Iterator[str]:
    if buckets.versioned:
        yield f"versioning is {buckets.versioned}"


@CHECKS.check(
    "error",
    "The ledger cannot be written.",
    why="Every invocation would fail, and its event would be lost after the retries.",
    advice="Allow name/cos:PutObject, GetObject, HeadObject and DeleteObject below the prefix, for the role too.",
)
def _ledger_unwritable(buckets: Buckets) -> Iterator[str]:
    yield from buckets.unwritable


@CHECKS.check(
    "warning",
    "No lifecycle rule of the bucket expires the ledger's objects.",
    why="COS never expires objects by default: the ledger grows with every event.",
    advice="Add this rule to the bucket's rules, in the console or with PUT Bucket lifecycle (page 436/8280).",
)
def _ledger_expiry_missing(buckets: Buckets) -> Iterator[str]:
    if buckets.rule:
        yield f"missing rule: {buckets.rule}"
