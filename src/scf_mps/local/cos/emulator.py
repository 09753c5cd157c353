"""Start and stop of the COS emulator, in a thread of a test or as a process.

It listens on the loopback interface only.
"""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import final

from aiohttp import web

from ..background import BackgroundServer, print_line
from ..http_server import HOST, get_port, start_server, stop_server
from ..observers import Observers
from ..request_log import RequestLog
from .call import Cloud, StoredObject
from .database import Database
from .errors import CosError
from .faults import Faults
from .logged_request import LoggedRequest
from .names import check_bucket_name
from .server import MAX_HEAD_LINE, Server
from .signature import Key, KeyRing

DEFAULT_KEY = Key("AKIDlocal", "local-secret")
DEFAULT_REGION = "ap-guangzhou"

_CANCEL_SECONDS = 30
"""Time that a stop waits for cancelled requests that are moving bytes."""


@final
class CosEmulator(BackgroundServer):
    """COS in a directory, served by a background thread: `with CosEmulator(tmp_path) as cos:`.

    Official clients use it as an HTTP proxy (`Scheme='http', Proxies={'http': cos.url}` for the Python
    SDK), other clients send the bucket's host as Host header. Several emulators, also of other
    processes, may serve one directory at the same time.

    Args:
        directory: contains all data. It is created if missing and can be served again later.
        port: 0 for a free one.
        keys: the accepted key pairs. The first is `cos.key`.
        create_buckets: create an unknown bucket, in the region of its host, on a signed write to an
            object. By default the response is NoSuchBucket, as in COS.
        clock: returns the seconds since the epoch, for signatures, tokens, dates and limits.

    Attributes:
        key: the key for clients.
        keys: the accepted keys, which may be changed.
        faults: makes requests fail.
        requests: the request log.
        restore_seconds: duration of the restore of an archived object. Set it before the start.
    """

    _thread_name = "cos-emulator"

    def __init__(
        self,
        directory: str | Path,
        port: int = 0,
        keys: Sequence[Key] = (DEFAULT_KEY,),
        *,
        create_buckets: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.directory = Path(directory)
        self.port = port
        self.key = keys[0]
        self.keys = KeyRing(keys)
        self.faults = Faults()
        self.requests = RequestLog[LoggedRequest]()
        self._observers = Observers[StoredObject]()
        self._create_buckets = create_buckets
        self._clock = clock
        self.restore_seconds = 0.0
        self._cloud: Cloud | None = None
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, the proxy of clients."""
        return f"http://{HOST}:{self.port}"

    def observe(self, observer: Callable[[StoredObject], object]) -> None:
        """Call a function with every object that is written, after the commit and before the response.

        It runs in a worker thread. Its exceptions are logged.
        """
        self._observers.add(observer)

    async def start(self) -> None:
        """Listen in the running event loop. Raises OSError if the port is taken."""
        database = Database(self.directory)
        cloud = Cloud(database, self._clock, self.restore_seconds, self._observers)
        server = Server(
            cloud, self.keys, self.faults, self.requests, create_buckets=self._create_buckets
        )
        try:
            self._runner = await start_server(
                server.handle,
                self.port,
                backlog=1024,
                # Content-Encoding belongs to the object, whose bytes are stored as they come.
                auto_decompress=False,
                max_line_size=MAX_HEAD_LINE,
                max_field_size=MAX_HEAD_LINE,
                read_bufsize=256 * 1024,
                # Seconds for which a refused upload is read, so that its sender sees the refusal.
                lingering_time=1,
            )
        except OSError:
            database.close()
            raise
        self.port = get_port(self._runner)
        self._cloud = cloud

    async def stop(self) -> None:
        """Stop listening and close everything that `start` opened."""
        assert self._runner is not None
        assert self._cloud is not None
        await stop_server(self._runner)
        # Cancelled requests still have to close and remove their files.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=_CANCEL_SECONDS)
        self._cloud.database.close()

    def create_bucket(self, name: str, region: str = DEFAULT_REGION) -> None:
        """Create the bucket `<name>-<appid>` of a running emulator, from any thread.

        Raises:
            CosError: InvalidBucketName, BucketAlreadyOwnedByYou or BucketAlreadyExists.
        """
        check_bucket_name(name)
        loop, cloud = self._loop, self._cloud
        assert loop is not None
        assert cloud is not None

        async def create() -> None:
            cloud.store.create_bucket(name, region, "", cloud.clock())

        # Only the server's thread may use the database.
        asyncio.run_coroutine_threadsafe(create(), loop).result()

    def ensure_bucket(self, name: str, region: str) -> None:
        """Create a bucket unless it exists. Call it in the event loop that serves."""
        assert self._cloud is not None
        with contextlib.suppress(CosError):
            self._cloud.store.create_bucket(name, region, "", self._clock())


def format_exports(url: str, key: Key) -> list[str]:
    """Return shell commands that make `Cos` and the commands of scf-mps use an emulator."""
    variables = {
        "MPS_COS_PROXY": url,
        "TENCENTCLOUD_SECRET_ID": key.secret_id,
        "TENCENTCLOUD_SECRET_KEY": key.secret_key,
        **({"TENCENTCLOUD_TOKEN": key.token} if key.token else {}),
    }
    return [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]


def serve(
    emulator: CosEmulator,
    *,
    buckets: Sequence[tuple[str, str]] = (),
    prepare: Callable[[str], None] | None = None,
    announce: Callable[[str], None] = print_line,
) -> None:
    """Serve in the foreground until SIGINT or SIGTERM.

    Args:
        emulator: not yet started.
        buckets: (name, region) pairs to create unless they exist.
        prepare: called in a thread with the URL after the buckets were created.
        announce: called with one line when the emulator is ready, with its URL last. The lines of
            `format_exports` are printed after it.
    """

    async def run() -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        await emulator.start()
        try:
            for name, region in buckets:
                emulator.ensure_bucket(name, region)
            if prepare is not None:
                await asyncio.to_thread(prepare, emulator.url)
            announce(f"COS emulator: {emulator.directory.resolve()} at {emulator.url}")
            for line in format_exports(emulator.url, emulator.key):
                print_line(line)
            await stopped.wait()
        finally:
            await emulator.stop()

    asyncio.run(run())
