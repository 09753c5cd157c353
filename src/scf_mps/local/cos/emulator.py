"""The emulator as a thing to start and stop: in a thread of a test, or as a process.

Puts the pieces together and owns thread, event loop and socket. Everything listens on the loopback
interface only.
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

from .. import http_log
from ..background import BackgroundServer
from .call import Cloud
from .database import Database
from .errors import CosError
from .faults import Faults
from .names import check_bucket_name
from .request_log import RequestLog
from .server import MAX_HEAD_LINE, Server
from .signature import Key, KeyRing

HOST = "127.0.0.1"
DEFAULT_KEY = Key("AKIDdesk", "desk-secret")
DEFAULT_REGION = "ap-guangzhou"

_STOP_SECONDS = 0.5
"""How long a stop waits for requests in progress before it cancels them."""
_LAST_SECONDS = 30
"""How long a stop waits for cancelled requests that are moving bytes."""


@final
class CosEmulator(BackgroundServer):
    """COS in a directory, served by a background thread: `with CosEmulator(tmp_path) as cos:`.

    Official clients reach it unchanged as an HTTP proxy (`Scheme='http', Proxies={'http':
    cos.url}` for the Python SDK), any other by sending the bucket's host as Host header. Several
    emulators, also of other processes, may serve one directory at the same time.

    - `directory` holds everything; it is created when missing and can be served again later.
    - `port` 0 takes a free one.
    - `keys` are the accepted key pairs; the first is `cos.key`.
    - `create_buckets`: a signed write to an object of an unknown bucket creates the bucket in the
      region of its host. By default that is NoSuchBucket, as in COS.
    - `clock` gives the time in seconds since the epoch, for signatures, tokens, dates and limits.
    - `restore_seconds` is how long restoring an archived object takes.

    Attributes: `port`, `url`, `key`, `keys` (change them at will), `faults` (make requests fail),
    `requests` (what was asked).
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
        restore_seconds: float = 0.0,
    ) -> None:
        self.directory = Path(directory)
        self.port = port
        self.key = keys[0]
        self.keys = KeyRing(keys)
        self.faults = Faults()
        self.requests = RequestLog()
        self._create_buckets = create_buckets
        self._clock = clock
        self._restore_seconds = restore_seconds
        self._cloud: Cloud | None = None
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, to be given to clients as their proxy."""
        return f"http://{HOST}:{self.port}"

    async def start(self) -> None:
        """Listen, in the running event loop. Raises OSError if the port is taken."""
        database = Database(self.directory)
        cloud = Cloud(database, self._clock, self._restore_seconds)
        server = Server(
            cloud, self.keys, self.faults, self.requests, create_buckets=self._create_buckets
        )
        self._runner = web.ServerRunner(
            web.Server(
                server.handle,
                access_log=None,
                logger=http_log.logger,
                # Content-Encoding belongs to the object: its bytes are stored as they come.
                auto_decompress=False,
                max_line_size=MAX_HEAD_LINE,
                max_field_size=MAX_HEAD_LINE,
                read_bufsize=256 * 1024,
                # How long a refused upload is still read, so that its sender sees the refusal.
                lingering_time=1,
            ),
            shutdown_timeout=_STOP_SECONDS,
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, HOST, self.port, backlog=1024).start()
        except OSError:
            await self._runner.cleanup()
            database.close()
            raise
        self.port = self._runner.addresses[0][1]
        self._cloud = cloud

    async def stop(self) -> None:
        """Stop listening and close everything `start` opened."""
        assert self._runner is not None
        assert self._cloud is not None
        await self._runner.cleanup()
        # What was cancelled still has to put its files away.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=_LAST_SECONDS)
        self._cloud.database.close()

    def create_bucket(self, name: str, region: str = DEFAULT_REGION) -> None:
        """Create the bucket `<name>-<appid>` of a running emulator, from any thread.

        Raises CosError InvalidBucketName, BucketAlreadyOwnedByYou or BucketAlreadyExists.
        """
        check_bucket_name(name)
        loop, cloud = self._loop, self._cloud
        assert loop is not None
        assert cloud is not None

        async def create() -> None:
            cloud.store.create_bucket(name, region, "", cloud.clock())

        # In the server's thread, which alone uses the database.
        asyncio.run_coroutine_threadsafe(create(), loop).result()

    def ensure_bucket(self, name: str, region: str) -> None:
        """Create a bucket unless it exists; from within the event loop that serves."""
        assert self._cloud is not None
        with contextlib.suppress(CosError):
            self._cloud.store.create_bucket(name, region, "", self._clock())


def print_at_once(line: str) -> None:
    """Whoever started us in a pipe waits for this line."""
    print(line, flush=True)


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
    directory: str | Path,
    port: int,
    keys: Sequence[Key] = (DEFAULT_KEY,),
    *,
    create_buckets: bool = False,
    buckets: Sequence[tuple[str, str]] = (),
    prepare: Callable[[str], None] | None = None,
    announce: Callable[[str], None] = print_at_once,
) -> None:
    """Serve in the foreground until SIGINT or SIGTERM.

    `buckets` are (name, region) pairs to create unless they exist. `prepare` is called in a thread
    with the URL once they exist. `announce` gets one line when the emulator is ready, with its URL
    last; the lines of `exports` are printed after it.
    """
    emulator = CosEmulator(directory, port, keys, create_buckets=create_buckets)

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
            announce(f"COS emulator: {Path(directory).resolve()} at {emulator.url}")
            for line in format_exports(emulator.url, keys[0]):
                print_at_once(line)
            await stopped.wait()
        finally:
            await emulator.stop()

    asyncio.run(run())
