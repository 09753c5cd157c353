"""A ledger in a bucket of COS: no further service, and as many instances as there are.

An object is created by a PUT that forbids overwriting, which COS does not heed once a bucket had versions: such a
bucket is refused. Ages are the difference of two headers of one answer, so that no instance's clock matters. What the
objects mean is in `objects.py`. Each call of the ledger reads the credentials anew, as SCF renews them.
"""

from __future__ import annotations

import os
from time import monotonic, time

from ..errors import DamagedRecord, LedgerError
from ..logs import is_on_scf
from .object_store import ObjectLedger, ObjectStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from typing import TypeVar

    from ..common.retry import Retry
    from ..cos.client import Client
    from ..events.files import CosObject
    from .object_store import StoredObject

    T = TypeVar("T")

_TIMEOUT = 5.0
"""Seconds without a byte that end a try: what is asked for is small."""
_PARALLEL = 16
_LONGEST_PREFIX = 600
"""Bytes, of the 850 of a key."""
_READS = 3
"""How often an object is read whose bytes came damaged."""


class CosLedger(ObjectLedger):
    """See `Ledger`. COS forgets by a rule of the bucket: `lifecycle_rule`.

    Args:
        bucket: with its APPID, e.g. ``media-1250000000``.
        region: e.g. ``ap-guangzhou``.
        prefix: what the keys begin with; nothing else may be there.
        keep: seconds for which events are kept.
        retry: how often and how patiently a request is tried.
        clocks: see `ObjectLedger`.
    """

    def __init__(
        self,
        bucket: str,
        region: str,
        prefix: str,
        keep: float = 30 * 86400.0,
        retry: Retry | None = None,
        clocks: Collection[Callable[[], float]] = (monotonic, time),
    ) -> None:
        self._place = (bucket, region, prefix.strip("/") + "/")
        if len(prefix.encode()) > _LONGEST_PREFIX:
            raise LedgerError(
                f"a ledger's prefix has at most {_LONGEST_PREFIX} bytes: {prefix[:80]}…"
            )
        super().__init__(f"in cos://{bucket}.{region}/{self._place[2]}", keep, clocks)
        self._retry = retry
        self._checked = False
        if is_on_scf():
            # Loading the client takes long. SCF gives the start of an instance a time limit of its own.
            from ..cos import client  # noqa: F401

    @property
    def lifecycle_rule(self) -> str:
        """The rule by which COS forgets, for PUT Bucket lifecycle (page 436/8280), in whole days."""
        days = max(1, -int(-self.keep // 86400))
        return (
            "<LifecycleConfiguration><Rule><ID>scf-mps-ledger</ID><Status>Enabled</Status>"
            f"<Filter><Prefix>{self._place[2]}</Prefix></Filter>"
            f"<Expiration><Days>{days}</Days></Expiration></Rule></LifecycleConfiguration>"
        )

    def _objects(self, timeout: float) -> ObjectStore:
        until = monotonic() + timeout
        from ..common import retry
        from ..common.deadline import Deadline
        from ..cos import client, locations, rate_limit, transport
        from ..tencent import credentials

        bucket, region, prefix = self._place
        try:
            way = transport.Transport(os.environ.get("MPS_COS_PROXY", ""))
        except ValueError as error:
            raise LedgerError(f"MPS_COS_PROXY: {error}") from error
        asking = client.Client(
            way,
            credentials.load_credentials(),
            locations.BucketAllowlist(None),
            client.Limits(
                Deadline(until),
                self._retry or retry.Retry(attempts=5, base=0.05, cap=1.0),
                rate_limit.RateLimiter(),
                rate_limit.AdaptiveConcurrency(_PARALLEL),
                _TIMEOUT,
            ),
        )
        objects = CosStore(asking, bucket, region, prefix)
        if not self._checked:
            objects.check()
            self._checked = True
        return objects


class CosStore(ObjectStore):
    """`ObjectStore` in a bucket."""

    resolution = 1.0

    def __init__(self, client: Client, bucket: str, region: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._region = region
        self._prefix = prefix

    def check(self) -> None:
        """Raises `LedgerError` unless an object can be created once alone."""
        from ..cos import Denied, operations

        def ask() -> str:
            try:
                return operations.get_versioning(self._client, self._bucket, self._region)
            except Denied as error:
                if error.code != "AccessDenied":
                    raise
                raise LedgerError(
                    f"the ledger may not ask whether {self._bucket} has versions, as it must: allow the function's "
                    f"role name/cos:GetBucketVersioning on it ({error})"
                ) from error

        status = self._told(ask)
        if status:
            raise LedgerError(
                f"the bucket {self._bucket} cannot hold a ledger: its versioning is {status}, and COS heeds "
                f"x-cos-forbid-overwrite only in a bucket that never had versions; use another bucket"
            )

    def create(self, name: str, data: bytes) -> bool:
        from ..cos import Conflict, operations

        def ask() -> bool:
            try:
                operations.put(
                    self._client, self._item(name), data, {operations.FORBID_OVERWRITE: "true"}
                )
            except Conflict as error:
                if error.code != "FileAlreadyExists":
                    raise
                return False
            return True

        return self._told(ask)

    def put(self, name: str, data: bytes) -> None:
        from ..cos import operations

        self._told(lambda: operations.put(self._client, self._item(name), data, {}))

    def get(self, name: str) -> StoredObject | None:
        from ..cos import Corrupt

        try:
            return self._told(lambda: self._get(name))
        except LedgerError as error:
            cause = error.__cause__
            if isinstance(cause, Corrupt) or getattr(cause, "code", "") == "InvalidObjectState":
                raise DamagedRecord(
                    f"{self._item(name)} in the ledger cannot be read. Restore or delete it ({cause})"
                ) from cause
            raise

    def get_all(self, names: Sequence[str]) -> list[StoredObject | DamagedRecord | None]:
        from ..cos import bulk

        return self._told(lambda: bulk.run_all(self._client, names, self._get_or_damage))

    def names(self, prefix: str) -> Iterator[tuple[str, float]]:
        from ..cos import operations
        from ..cos.request import Target

        target = Target(self._bucket, self._region, self._prefix + prefix)
        entries = operations.list_objects(self._client, target)
        while (entry := self._told(lambda: next(entries, None))) is not None:
            yield entry.object.key[len(self._prefix) :], entry.last_modified

    def delete(self, names: Sequence[str]) -> None:
        from ..cos import delete

        items = [self._item(name) for name in names]
        self._told(lambda: delete.delete_objects(self._client, items, None))

    def _item(self, name: str) -> CosObject:
        from ..events.files import CosObject

        return CosObject(self._bucket, self._region, self._prefix + name)

    def _get(self, name: str) -> StoredObject | None:
        from ..cos import NotFound, Unavailable, crc64
        from ..cos.client import build_corrupt_error
        from ..cos.metadata import parse_date
        from ..cos.request import Request

        item = self._item(name)
        for _ in range(_READS):
            try:
                answer = self._client.call(Request(item))
            except NotFound as error:
                if error.code == "NoSuchBucket":
                    raise
                return None
            headers = answer.headers
            checksum = headers.get("x-cos-hash-crc64ecma", "")
            if checksum in ("", str(crc64.update(answer.body))):
                written, told = (
                    parse_date(headers.get(header, "")) for header in ("last-modified", "date")
                )
                if not (written and told):
                    raise Unavailable(
                        "the response has no Date or no Last-Modified",
                        code="MissingHeader",
                        object=item,
                    )
                return answer.body, lambda age=told - written: age
        raise build_corrupt_error(item, "its bytes came damaged every time")

    def _told(self, ask: Callable[[], T]) -> T:
        from ..cos import CosError, SomeFailed

        try:
            return ask()
        except (CosError, SomeFailed) as error:
            raise LedgerError(f"the ledger failed at COS: {error}") from error
