"""A ledger in a COS bucket: no further service, for any number of instances.

A PUT that forbids overwriting creates an object once. COS ignores that header in a bucket that ever had versioning, so
such a bucket is rejected. Ages are the difference of two headers of one response: no instance's clock matters.
`object_store.py` explains the objects. Each call of the ledger reads the credentials, as SCF renews them.
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
    from .object_layout import StoredObject

    T = TypeVar("T")

_IDLE_TIMEOUT = 5.0
"""Seconds without a byte that end an attempt: responses are small."""
_MAX_PARALLEL_REQUESTS = 16
_MAX_PREFIX_BYTES = 600
"""A key has at most 850 bytes."""
_MAX_READS = 3
"""Attempts to read an object whose bytes arrive damaged."""


class CosLedger(ObjectLedger):
    """A ledger in a bucket. COS deletes expired events by the bucket's `lifecycle_rule`. See `Ledger`.

    Args:
        bucket: with its APPID, e.g. ``media-1250000000``.
        region: e.g. ``ap-guangzhou``.
        prefix: of all keys. Nothing else may use it.
        keep: seconds for which events are kept.
        retry: of requests.
        clocks: see `ObjectLedger`.
    """

    def __init__(  # noqa: PLR0913
        self,
        bucket: str,
        region: str,
        prefix: str,
        keep: float = 30 * 86400.0,
        retry: Retry | None = None,
        clocks: Collection[Callable[[], float]] = (monotonic, time),
    ) -> None:
        self._bucket = bucket
        self._region = region
        self._prefix = prefix.strip("/") + "/"
        if len(prefix.encode()) > _MAX_PREFIX_BYTES:
            raise LedgerError(
                f"invalid prefix of a ledger '{prefix[:80]}…': it has more than {_MAX_PREFIX_BYTES} bytes"
            )
        super().__init__(f"in cos://{bucket}.{region}/{self._prefix}", keep, clocks)
        self._retry = retry
        self._checked = False
        if is_on_scf():
            # Loading the client is slow. SCF limits the start of an instance separately.
            from ..cos import client  # noqa: F401

    @property
    def lifecycle_rule(self) -> str:
        """The rule by which COS deletes expired events, for PUT Bucket lifecycle (page 436/8280), in whole days."""
        days = max(1, -int(-self.keep // 86400))
        return (
            "<LifecycleConfiguration><Rule><ID>scf-mps-ledger</ID><Status>Enabled</Status>"
            f"<Filter><Prefix>{self._prefix}</Prefix></Filter>"
            f"<Expiration><Days>{days}</Days></Expiration></Rule></LifecycleConfiguration>"
        )

    def _open_store(self, timeout: float) -> ObjectStore:
        until = monotonic() + timeout
        from ..common.deadline import Deadline
        from ..common.retry import Retry
        from ..cos.client import Client, Limits
        from ..cos.locations import BucketAllowlist
        from ..cos.rate_limit import AdaptiveConcurrency, RateLimiter
        from ..cos.transport import Transport
        from ..tencent.credentials import load_credentials

        try:
            transport = Transport(os.environ.get("MPS_COS_PROXY", ""))
        except ValueError as error:
            raise LedgerError(f"MPS_COS_PROXY: {error}") from error
        client = Client(
            transport,
            load_credentials(),
            BucketAllowlist(None),
            Limits(
                Deadline(until),
                self._retry or Retry(attempts=5, base=0.05, cap=1.0),
                RateLimiter(),
                AdaptiveConcurrency(_MAX_PARALLEL_REQUESTS),
                _IDLE_TIMEOUT,
            ),
        )
        store = CosStore(client, self._bucket, self._region, self._prefix)
        if not self._checked:
            store.check_versioning()
            self._checked = True
        return store


class CosStore(ObjectStore):
    """An `ObjectStore` in a bucket."""

    resolution = 1.0

    def __init__(self, client: Client, bucket: str, region: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._region = region
        self._prefix = prefix

    def check_versioning(self) -> None:
        """Raise `LedgerError` if the bucket ever had versioning."""
        from ..cos import Denied, operations

        def request() -> str:
            try:
                return operations.get_versioning(self._client, self._bucket, self._region)
            except Denied as error:
                if error.code != "AccessDenied":
                    raise
                raise LedgerError(
                    f"cannot read the versioning of the ledger's bucket {self._bucket}. Allow the function's role "
                    f"name/cos:GetBucketVersioning on it ({error})"
                ) from error

        status = self._call(request)
        if status:
            raise LedgerError(
                f"the bucket {self._bucket} cannot hold a ledger: its versioning is {status}. COS ignores "
                f"x-cos-forbid-overwrite in a bucket that ever had versioning. Use another bucket"
            )

    def create(self, name: str, data: bytes) -> bool:
        from ..cos import Conflict, operations

        def request() -> bool:
            try:
                operations.put(
                    self._client,
                    self._get_object(name),
                    data,
                    {operations.FORBID_OVERWRITE: "true"},
                )
            except Conflict as error:
                if error.code != "FileAlreadyExists":
                    raise
                return False
            return True

        return self._call(request)

    def put(self, name: str, data: bytes) -> None:
        from ..cos import operations

        self._call(lambda: operations.put(self._client, self._get_object(name), data, {}))

    def get(self, name: str) -> StoredObject | None:
        from ..cos import Corrupt

        try:
            return self._call(lambda: self._read(name))
        except LedgerError as error:
            cause = error.__cause__
            if isinstance(cause, Corrupt) or getattr(cause, "code", "") == "InvalidObjectState":
                raise DamagedRecord(
                    f"cannot read {self._get_object(name)} in the ledger. Restore or delete it ({cause})"
                ) from cause
            raise

    def get_all(self, names: Sequence[str]) -> list[StoredObject | DamagedRecord | None]:
        from ..cos import bulk

        return self._call(lambda: bulk.run_all(self._client, names, self._get_or_damage))

    def list_names(self, prefix: str) -> Iterator[tuple[str, float]]:
        from ..cos import operations
        from ..cos.request import Target

        target = Target(self._bucket, self._region, self._prefix + prefix)
        entries = operations.list_objects(self._client, target)
        while (entry := self._call(lambda: next(entries, None))) is not None:
            yield entry.object.key[len(self._prefix) :], entry.last_modified

    def delete(self, names: Sequence[str]) -> None:
        from ..cos.delete import delete_objects

        objects = [self._get_object(name) for name in names]
        self._call(lambda: delete_objects(self._client, objects, None))

    def _get_object(self, name: str) -> CosObject:
        from ..events.files import CosObject

        return CosObject(self._bucket, self._region, self._prefix + name)

    def _read(self, name: str) -> StoredObject | None:
        from ..cos import NotFound, Unavailable, crc64
        from ..cos.client import build_corrupt_error
        from ..cos.metadata import parse_date
        from ..cos.request import Request

        object = self._get_object(name)
        for _ in range(_MAX_READS):
            try:
                response = self._client.call(Request(object))
            except NotFound as error:
                if error.code == "NoSuchBucket":
                    raise
                return None
            headers = response.headers
            checksum = headers.get("x-cos-hash-crc64ecma", "")
            if checksum in ("", str(crc64.update(response.body))):
                modified, now = (
                    parse_date(headers.get(header, "")) for header in ("last-modified", "date")
                )
                if not (modified and now):
                    raise Unavailable(
                        "the response has no Date or no Last-Modified",
                        code="MissingHeader",
                        object=object,
                    )
                return response.body, lambda age=now - modified: age
        raise build_corrupt_error(object, "every response had a wrong checksum")

    @staticmethod
    def _call(request: Callable[[], T]) -> T:
        """Return the result of a request. Raises its error as LedgerError."""
        from ..cos import CosError, SomeFailed

        try:
            return request()
        except (CosError, SomeFailed) as error:
            raise LedgerError(f"the ledger failed at COS: {error}") from error
