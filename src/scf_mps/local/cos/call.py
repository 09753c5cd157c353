"""Interface of the operations: `Call` in, `Response` out, and the `Cloud` they act on.

Operations have no access to the socket, so the server can wrap any of them with faults. The server
parses HTTP into calls and sends responses.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import ParamSpec, Protocol

from ..observers import Observers
from .blobs import Blobs, OpenSlice, Writer
from .checksums import check_content_md5, parse_content_md5
from .database import Database, Transaction
from .errors import CosError
from .names import Address, parse_number
from .records import Bucket, Version
from .store import Store
from .uploads import Uploads
from .xmlio import CONTENT_TYPE

P = ParamSpec("P")

MAX_OBJECT_SIZE = 5 * 1024**3
"""Largest body of one PUT and largest source of one copy, in bytes (page 436/14518)."""
MAX_DOCUMENT_SIZE = 8 * 1024**2
"""Largest XML body that is read, in bytes. A batch delete of 1,000 long keys is well below it."""


class Body(Protocol):
    """The bytes of a request body."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body in pieces.

        Raises:
            ConnectionError: if the client disconnects.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that was written: `size` in bytes, `secret_id` of the caller, the name of the operation."""

    bucket: str
    region: str
    key: str
    size: int
    secret_id: str
    operation: str


@dataclass(slots=True)
class Call:
    """One parsed request. `bucket` is a placeholder for GetService and PutBucket."""

    method: str
    address: Address
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By lower-case name."""
    body: Body
    secret_id: str = ""
    """Of the key that signed the request. Empty for an anonymous one."""
    operation: str = ""
    bucket: Bucket = field(default_factory=lambda: Bucket("", "", 0.0, "", ""))
    damage_copy: bool = False
    """Set by a fault: store the copied bytes with one bit changed."""
    admit_key: Callable[[str], None] = field(default=lambda key: None)
    """Called with every key of a batch delete. Raises CosError if a fault or limit hits the key."""
    stored: StoredObject | None = None
    """The object that the operation wrote, once it is committed."""

    @property
    def signed(self) -> bool:
        """True if the request has a valid signature."""
        return bool(self.secret_id)

    @property
    def resource(self) -> str:
        """The Resource of an error document: host and key."""
        host = self.address.bucket or "service"
        region = f".{self.address.region}" if self.address.region else ""
        return f"{host}.cos{region}.myqcloud.com/{self.key}"

    def number(
        self, name: str, default: int, *, minimum: int = 0, maximum: int | None = None
    ) -> int:
        """Return an integer query parameter, clipped to `maximum`.

        Raises:
            CosError: InvalidArgument if it is not a number or below `minimum`.
        """
        text = self.query.get(name, "")
        if not text:
            return default
        number = parse_number(text)
        if number is None or number < minimum:
            raise CosError("InvalidArgument", f"{name} must be a number from {minimum} up.")
        return number if maximum is None else min(number, maximum)

    async def document(self) -> bytes:
        """Read the whole body of an operation that takes a small document, and check its Content-MD5.

        Raises:
            CosError: EntityTooLarge over 8 MB, BadDigest or InvalidDigest.
        """
        body = bytearray()
        async for chunk in self.body.chunks():
            body += chunk
            if len(body) > MAX_DOCUMENT_SIZE:
                raise CosError("EntityTooLarge", "The document is too long.")
        expected = parse_content_md5(self.headers.get("content-md5"))
        check_content_md5(expected, hashlib.md5(body, usedforsecurity=False).digest())
        return bytes(body)

    async def receive(self, writer: Writer) -> None:
        """Stream the body into a blob and check its Content-MD5.

        Raises:
            CosError: MissingContentLength, EntityTooLarge over 5 GB, BadDigest or InvalidDigest.
        """
        expected = parse_content_md5(self.headers.get("content-md5"))
        length = self.headers.get("content-length")
        if length is None and "transfer-encoding" not in self.headers:
            raise CosError("MissingContentLength")
        if int(length or 0) > MAX_OBJECT_SIZE:
            raise CosError("EntityTooLarge")
        async for chunk in self.body.chunks():
            writer.write(chunk)
        check_content_md5(expected, writer.sums.md5)


@dataclass(slots=True)
class Response:
    """A response with a small `body`, or the bytes of a larger object in `content`.

    `length` is the Content-Length where it differs from the body's length, as for HEAD.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    content: OpenSlice | None = None
    length: int | None = None
    truncated: bool = False
    """Set by a fault: send half of the body and close the connection."""
    damaged: bool = False
    """Set by a fault: send the body with one bit changed."""

    def close(self) -> None:
        """Close the open content of a response that is not sent."""
        if self.content is not None:
            self.content.close()
            self.content = None


def build_xml_response(body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    """Build a 200 response with an XML document."""
    return Response(200, {"Content-Type": CONTENT_TYPE, **(headers or {})}, body)


@dataclass(slots=True)
class Cloud:
    """The state that operations act on."""

    database: Database
    clock: Callable[[], float]
    """Seconds since the epoch. Tests pass a clock to make signatures and restores expire."""
    restore_seconds: float = 0.0
    """Duration of the restore of an archived object, in seconds."""
    observers: Observers[StoredObject] = field(default_factory=Observers[StoredObject])
    """Called with every written object."""
    store: Store = field(init=False)
    uploads: Uploads = field(init=False)
    blobs: Blobs = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store(self.database)
        self.uploads = Uploads(self.database)
        self.blobs = self.database.blobs

    def put(
        self, change: Transaction, call: Call, version: Version, *, forbid_overwrite: bool = False
    ) -> str:
        """Make `version` the current one of the call's key, and return its version id. See `Store.put`.

        All operations that write the bytes of an object end here. After the commit it is the call's `stored` object.
        """
        version_id = self.store.put(change, call.bucket, version, forbid_overwrite=forbid_overwrite)
        bucket, size = call.bucket, version.size
        stored = StoredObject(
            bucket.name, bucket.region, call.key, size, call.secret_id, call.operation
        )
        change.after_commit = partial(setattr, call, "stored", stored)
        return version_id


async def run_in_thread(work: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
    """Run work that may move gigabytes outside the event loop, which has one thread for all requests.

    Even when cancelled it returns only after the work has ended, because the work uses the caller's
    files.
    """
    future = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        await asyncio.shield(future)
    finally:
        await asyncio.wait([future])
