"""A COS emulator for each test, a client of it, the official SDK beside it, and a wire one can listen to and cut."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

import pytest

pytest.importorskip("aiohttp", reason="the COS emulator needs it")

from scf_mps.cos import Cos, CosObject, Credentials, Pool, Retry
from scf_mps.local.cos import CosEmulator

REGION = "ap-guangzhou"
DESK = "desk-1250000000"
PLAYER = "player-1250000000"

QUICK = Retry(base=0.001, cap=0.01)


def at(key: str, bucket: str = DESK) -> CosObject:
    return CosObject(bucket, REGION, key)


def place(prefix: str = "", bucket: str = PLAYER) -> str:
    return f"cos://{bucket}.{REGION}/{prefix}"


@pytest.fixture
def emulator(tmp_path):
    with CosEmulator(tmp_path / "cos") as running:
        for bucket in (DESK, PLAYER):
            running.create_bucket(bucket, REGION)
        yield running


@pytest.fixture
def credentials(emulator):
    return Credentials(emulator.key.secret_id, emulator.key.secret_key)


@pytest.fixture
def make_cos(emulator, credentials):
    """Makes a `Cos` of the emulator, with quick retries and connections of its own."""
    pools = []

    def make(keys=None, **options):
        pools.append(options.setdefault("pool", Pool()))
        options.setdefault("retry", QUICK)
        options.setdefault("proxy", emulator.url)
        return Cos(keys or credentials, **options)

    yield make
    for pool in pools:
        pool.clear()


@pytest.fixture
def cos(make_cos):
    return make_cos()


@pytest.fixture
def make_sdk(emulator):
    """Makes a client of the official SDK for the emulator."""
    qcloud_cos = pytest.importorskip("qcloud_cos", reason="the SDK is what Cos is compared with")

    def make(proxy="", retry=1, **options):
        options.setdefault("SecretId", emulator.key.secret_id)
        options.setdefault("SecretKey", emulator.key.secret_key)
        options.setdefault("Proxies", {"http": proxy or emulator.url})
        config = qcloud_cos.CosConfig(Region=REGION, Scheme="http", **options)
        return qcloud_cos.CosS3Client(config, retry=retry)

    return make


@pytest.fixture
def sdk(make_sdk):
    return make_sdk()


class Wire:
    """A server whose every answer is given: bytes are sent, then the connection is kept, ended or cut.

    Each request takes the next answer; the last one is repeated. An answer is bytes, a list of bytes (sent one by one),
    or a function from the request's head to one of these. ``CUT`` behind the bytes resets the connection, ``END`` ends it.
    """

    CUT = b"<cut>"
    END = b"<end>"

    def __init__(self):
        self.answers = []
        self.heads = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()
        for connection in self._open:
            connection.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        reader = connection.makefile("rb")
        with suppress(OSError):
            while head := _read_head(reader):
                length = _header(head, "content-length")
                reader.read(int(length or 0))
                with self._lock:
                    self.heads.append(head)
                    answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if callable(answer):
                    answer = answer(head)
                for piece in answer if isinstance(answer, list) else [answer]:
                    for end in (self.CUT, self.END):
                        if piece.endswith(end):
                            connection.sendall(piece.removesuffix(end))
                            _end(connection, reset=end == self.CUT)
                            return
                    connection.sendall(piece)


def _end(connection, reset):
    if reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        # The reader holds the socket open as well: shutting down would send an end, not a reset.
        socket.socket(fileno=connection.detach()).close()
    else:
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()


def _read_head(reader):
    lines = []
    while (line := reader.readline()) not in (b"\r\n", b""):
        lines.append(line.decode("latin-1"))
    return "".join(lines)


def _header(head, name):
    for line in head.splitlines():
        key, _, value = line.partition(":")
        if key.lower() == name:
            return value.strip()
    return None


@pytest.fixture
def wire():
    server = Wire()
    yield server
    server.close()


@pytest.fixture
def wired(wire, make_cos):
    """A `Cos` that talks to the wire."""
    return make_cos(proxy=wire.url)


def reply(status=200, body=b"", **headers):
    """The bytes of an answer; header names are written with underscores."""
    lines = "".join(
        f"{name.replace('_', '-')}: {value}\r\n"
        for name, value in {"content_length": len(body), **headers}.items()
        if value is not None
    )
    return f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n".encode() + body


class Tap(Wire):
    """Stands before the emulator: passes everything on, and calls `before` with the head of each request."""

    def __init__(self, emulator):
        self._target = ("127.0.0.1", emulator.port)
        self.before = lambda head: None
        super().__init__()

    def _serve(self, connection):
        try:
            self._pass_on(connection)
        finally:  # whoever waits for an answer must see that none comes
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, connection):
        client = connection.makefile("rb")
        with suppress(OSError), socket.create_connection(self._target) as server:
            answers = server.makefile("rb")
            while head := _read_head(client):
                body = client.read(int(_header(head, "content-length") or 0))
                with self._lock:
                    self.heads.append(head)
                self.before(head)
                server.sendall(f"{head}\r\n".encode("latin-1") + body)
                answer = _read_head(answers)
                if not answer:  # the emulator ended the connection
                    return
                connection.sendall(f"{answer}\r\n".encode("latin-1"))
                if not head.startswith("HEAD"):
                    connection.sendall(answers.read(int(_header(answer, "content-length") or 0)))


@pytest.fixture
def tap(emulator):
    """See `Tap`."""
    server = Tap(emulator)
    yield server
    server.close()


def put_hls(cos, segments=10, prefix="vod/show", bucket=DESK, size=200):
    """An HLS output: a master, two media playlists in directories, their segments; returns the master."""
    files = {}
    for name in ("high", "low"):
        lines = ["#EXTM3U", '#EXT-X-KEY:METHOD=AES-128,URI="../enc.key"']
        for number in range(segments // 2):
            lines += ["#EXTINF:2.0,", f"seg-{number:05}.ts"]
            files[f"{name}/seg-{number:05}.ts"] = f"{name} {number} ".encode() * (size // 8)
        files[f"{name}/index.m3u8"] = "\n".join([*lines, "#EXT-X-ENDLIST", ""]).encode()
    files["enc.key"] = b"0123456789abcdef"
    files["master.m3u8"] = (
        b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=2000000\nhigh/index.m3u8\n"
        b"#EXT-X-STREAM-INF:BANDWIDTH=200000\nlow/index.m3u8\n"
    )
    from scf_mps.cos import bulk

    bulk.run_each(
        cos._client,
        list(files.items()),
        lambda item: cos.upload(item[1], at(f"{prefix}/{item[0]}", bucket)),
        "put",
    )
    return at(f"{prefix}/master.m3u8", bucket)


def keys_of(cos, where):
    return [entry.object.key for entry in cos.list(where)]


@pytest.fixture
def fault_counts(record_property):
    """Keeps what happened under a fault for the report at the end; with the test, whichever process runs it."""

    def keep(name, total, failed):
        record_property("faults", (name, total, failed))

    return keep


def pytest_terminal_summary(terminalreporter):
    rows = [
        value
        for report in terminalreporter.stats.get("passed", [])
        for key, value in report.user_properties
        if key == "faults"
    ]
    if rows:
        terminalreporter.section("COS under faults: objects that failed at first, of so many")
    for name, total, failed in rows:
        counts = "  ".join(f"{verb} {count:3}" for verb, count in failed.items())
        terminalreporter.line(
            f"{name:28} of {total}: {counts}; lost 0, wrong 0, left after resuming 0"
        )
