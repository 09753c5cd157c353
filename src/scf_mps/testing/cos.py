"""COS of a test: an emulator with faults, and buckets."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from scf_mps.cos import Cos, Credentials
from scf_mps.cos.transport import SHARED_POOL, Pool
from scf_mps.events.files import CosObject
from scf_mps.local.cos import CosEmulator, CosError, Fault, Key, LoggedRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scf_mps.local.cos import KeyRing

_TEST_KEY = Key("AKIDtest", "secret-of-the-test")
"""Of the test's own requests, which neither faults nor expired credentials hit."""


class Bucket:
    """A bucket, or a folder in it.

    Args:
        cos: of the test.
        place: bucket, region and the folder.
    """

    def __init__(self, cos: CosFixture, place: CosObject | str) -> None:
        self._cos = cos
        self._place = str(place)

    @property
    def keys(self) -> list[str]:
        """The keys of its objects, sorted."""
        return sorted(entry.object.key for entry in self._cos.client.list(self._place))

    def read(self, key: str) -> bytes:
        """Return the bytes of an object. Raises NotFound."""
        return self._cos.client.read(f"{self._place}{key}")

    def store(self, key: str, content: bytes | str = "") -> CosObject:
        """Store an object that the application must read. See `CosFixture.store`."""
        return self._cos.store(f"{self._place}{key}", content)

    def assert_same(self, files: Iterable[CosObject], under: str = "") -> None:
        """Raise AssertionError unless each file has a copy: an object of the same name, size and CRC64.

        Args:
            files: the originals.
            under: the folder of the copies. They may be in folders below it.
        """
        client = self._cos.client
        copies = [entry.object for entry in client.list(f"{self._place}{under}")]
        problems = []
        originals = list(files)
        assert originals, "there are no files to compare"
        for original in originals:
            name = original.key.rpartition("/")[2]
            wanted = client.head(original)
            same_name = [item for item in copies if item.key.rpartition("/")[2] == name]
            heads = client.head(same_name)
            if not heads:
                problems.append(f"{original} has no copy")
            elif not any((head.size, head.crc64) == (wanted.size, wanted.crc64) for head in heads):
                problems.append(f"{', '.join(map(str, same_name))} differs from {original}")
        if problems:
            shown = "\n".join(
                [
                    *problems,
                    f"in {self._place}{under}: {', '.join(i.key for i in copies) or 'nothing'}",
                ]
            )
            raise AssertionError(shown)

    def __repr__(self) -> str:
        return f"<Bucket {self._place}>"


class CosFixture:
    """COS of a test.

    Args:
        keys: the accepted keys.

    Attributes:
        emulator: the server, with all its faults.
        client: a client of the test.
        requests: those of the function so far.
    """

    def __init__(self, keys: KeyRing) -> None:
        self._stack = ExitStack()
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="cos-"))
        keys.add(_TEST_KEY)
        self.emulator = CosEmulator(folder)
        self.emulator.keys = keys
        self._stack.enter_context(self.emulator)
        self._pool = Pool()
        for pool in (self._pool, SHARED_POOL):
            self._stack.callback(pool.clear)
        credentials = Credentials(_TEST_KEY.secret_id, _TEST_KEY.secret_key)
        self.client = Cos(credentials, proxy=self.emulator.url, buckets="*", pool=self._pool)
        self.requests: list[LoggedRequest] = []
        self._faults: dict[int, str] = {}
        self.emulator.faults.paused = True
        self._stored: list[CosObject] = []

    def close(self) -> None:
        """Stop the server and delete the files."""
        self._stack.close()

    def bucket(self, place: str) -> Bucket:
        """Return a bucket or a folder, ``cos://bucket.region/folder/``. The bucket is created unless it exists."""
        item = CosObject.parse(f"{place}-")
        self._create(item)
        return Bucket(self, place)

    def store(self, place: str | CosObject, content: bytes | str = "") -> CosObject:
        """Store an object. The test fails if the application does not read it.

        Args:
            place: ``cos://bucket.region/key``. The bucket is created unless it exists.
            content: by default bytes made of the address.
        """
        item = place if isinstance(place, CosObject) else CosObject.parse(place)
        self._put(item, content)
        self._stored.append(item)
        return item

    def store_outputs(self, files: Iterable[CosObject]) -> None:
        """Store outputs of MPS that do not exist: bytes made of the address, and playlists with a segment."""
        for item in files:
            self._create(item)
            if self.client.exists(item):
                continue
            if item.key.endswith((".m3u8", ".m3u")):
                stem = item.key.rpartition("/")[2].rpartition(".")[0]
                segment = f"{stem}_0.ts"
                folder = item.key.rpartition("/")[0]
                key = f"{folder}/{segment}" if folder else segment
                self._put(CosObject(item.bucket, item.region, key), "")
                self._put(item, _PLAYLIST.format(segment))
            else:
                self._put(item, "")

    def read(self, place: str | CosObject) -> bytes:
        """Return the bytes of an object. Raises NotFound."""
        return self.client.read(place)

    def refuse(
        self,
        key: str = "*",
        operation: str = "*",
        *,
        times: int | None = 1,
        code: str = "AccessDenied",
    ) -> None:
        """Let COS refuse requests with 403.

        Args:
            key: a glob.
            operation: a glob of COS's names, e.g. ``CopyObject``.
            times: how many requests, None for all.
            code: of the error.
        """
        self.fail(Fault("error", operation, key=key, count=times, status=403, code=code))

    def throttle(
        self, operation: str = "*", *, times: int | None = 1, retry_after: int = 1
    ) -> None:
        """Let COS answer 503 SlowDown, so that requests are retried after some seconds."""
        self.fail(Fault("slow_down", operation, count=times, retry_after=retry_after))

    def fail(self, fault: Fault) -> None:
        """Add any fault of the emulator. The test fails if no request hits it."""
        self._faults[self.emulator.faults.add(fault)] = str(fault)

    @contextmanager
    def serve_function(self) -> Iterator[list[LoggedRequest]]:
        """Let the faults hit requests inside the block. Yield a list, to which its requests are added at the end."""
        requests: list[LoggedRequest] = []
        self.emulator.requests.clear()
        self.emulator.faults.paused = False
        try:
            yield requests
        finally:
            self.emulator.faults.paused = True
            requests.extend(self.emulator.requests)
            self.requests += requests

    def find_unused(self) -> list[str]:
        """Return a line for each fault that no request hit, and each stored object that was not read."""
        faults = self.emulator.faults
        unused = [
            f"no request hit the {text}"
            for number, text in self._faults.items()
            if not faults.hits(number)
        ]
        read = {
            name
            for request in self.requests
            if request.status < 400
            for name in (f"{request.bucket}/{request.key}", request.source)
        }
        unused += [
            f"nothing read {item}"
            for item in self._stored
            if f"{item.bucket}/{item.key}" not in read
        ]
        return unused

    def _create(self, item: CosObject) -> None:
        with suppress(CosError):  # exists
            self.emulator.create_bucket(item.bucket, item.region)

    def _put(self, item: CosObject, content: bytes | str) -> None:
        self._create(item)
        data: Any = content.encode() if isinstance(content, str) else content
        self.client.upload(data or f"content of {item}\n".encode() * 20, item)


_PLAYLIST = """\
#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:5
#EXTINF:5.0,
{}
#EXT-X-ENDLIST
"""
