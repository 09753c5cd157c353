"""Servers, objects and events for tests of the COS helpers."""

from __future__ import annotations

import socket
import threading
import urllib.error
import urllib.request

import pytest

from scf_mps.cos import Cos, CosObject, Retry, SomeFailed, bulk, operations
from scf_mps.cos.copy import Copier, CopyOptions, CopyTask
from scf_mps.cos.metadata import ObjectSettings
from scf_mps.cos.upload import Uploader
from scf_mps.events.parser import parse_event
from tests.support.raw_server import Server

REGION = "ap-guangzhou"
MEDIA = "media-1250000000"
PLAYER = "player-1250000000"

MANIFEST = CosObject(MEDIA, REGION, "vod/show/index.m3u8")

QUICK_RETRY = Retry(base=0.001, cap=0.01)
PART_BYTES = 1 << 20


def at(key, bucket=MEDIA):
    """Return an object."""
    return CosObject(bucket, REGION, key)


def place(prefix="", bucket=PLAYER):
    """Return the URL of a prefix."""
    return f"cos://{bucket}.{REGION}/{prefix}"


def catch_only_error(operation, *args, **options):
    """Return the error of the only object for which an operation fails."""
    with pytest.raises(SomeFailed) as raised:
        operation(*args, **options)
    (error,) = raised.value.exceptions
    return error


def list_keys(cos: Cos, where) -> list[str]:
    return [entry.object.key for entry in cos.list(where)]


def upload_film(cos: Cos, key="v/a.mp4", bucket=MEDIA, data=b"film", **options) -> CosObject:
    """Upload an object with metadata."""
    options.setdefault("cache_control", "max-age=9")
    options.setdefault("metadata", {"k": "v"})
    return cos.upload(data, at(key, bucket), **options)


def upload_many(cos: Cos, count=25, prefix="m/", **options) -> list[CosObject]:
    """Upload objects whose content is their key."""
    items = [at(f"{prefix}{number:03}") for number in range(count)]
    bulk.run_each(
        cos._client, items, lambda item: cos.upload(item.key.encode(), item, **options), "upload"
    )
    return items


def upload_in_parts(cos: Cos, path, key="big", headers=None, count_bytes=None) -> CosObject:
    """Upload a file in parts of `PART_BYTES`, so that small files have several."""
    uploader = Uploader(cos._client, count_bytes or (lambda length: None), PART_BYTES)
    uploader.upload(path, at(key), headers or {})
    return at(key)


def copy_in_parts(cos: Cos, source, target, settings=None, **options) -> CosObject:
    """Copy an object in parts of `PART_BYTES`."""
    settings = settings or ObjectSettings()
    sizes = {"max_copy_bytes": PART_BYTES, "part_bytes": PART_BYTES}
    copier = Copier(cos._client, CopyOptions(settings, **sizes, **options))
    task = CopyTask(source, target)
    copier.prepare([task])
    return copier.copy(task)


def upload_hls(cos: Cos, segments=10, prefix="vod/show", bucket=MEDIA, size=200) -> CosObject:
    """Upload an HLS output: a master, two media playlists in directories, their segments. Return the master."""
    files = {}
    for name in ("high", "low"):
        lines = ["#EXTM3U", '#EXT-X-KEY:METHOD=AES-128,URI="../enc.key"']
        for number in range(segments // 2):
            lines += ["#EXTINF:2.0,", f"seg-{number:05}.ts"]
            files[f"{name}/seg-{number:05}.ts"] = f"{name} {number} ".encode() * (size // 8)
        files[f"{name}/index.m3u8"] = "\n".join([*lines, "#EXT-X-ENDLIST", ""]).encode()
    files["enc.key"] = b"0123456789abcdef"
    files["master.m3u8"] = build_master_playlist("high/index.m3u8", "low/index.m3u8").encode()
    bulk.run_each(
        cos._client,
        list(files.items()),
        lambda item: cos.upload(item[1], at(f"{prefix}/{item[0]}", bucket)),
        "upload",
    )
    return at(f"{prefix}/master.m3u8", bucket)


def build_media_playlist(*names):
    return "\n".join(["#EXTM3U", *(f"#EXTINF:1,\n{name}" for name in names), "#EXT-X-ENDLIST\n"])


def build_master_playlist(*names):
    return "\n".join(["#EXTM3U", *(f"#EXT-X-STREAM-INF:BANDWIDTH=1\n{name}" for name in names)])


def upload_texts(cos: Cos, **texts: str) -> None:
    """Upload texts below vod/show/, by name; "__" stands for a slash, "_" for a dot."""
    for name, text in texts.items():
        key = name.replace("__", "/").replace("_", ".")
        cos.upload(text.encode(), at(f"vod/show/{key}"))


def upload_encoded(cos: Cos, item: CosObject, data: bytes, encoding: str) -> None:
    """Upload bytes with a Content-Encoding, for which `Cos` has no option."""
    operations.put(cos._client, item, data, {"content-encoding": encoding})


def list_uploads(sdk, bucket=MEDIA):
    """Return the keys of unfinished multipart uploads."""
    uploads = sdk.list_multipart_uploads(Bucket=bucket).get("Upload", [])
    return [upload["Key"] for upload in uploads]


def build_storage(kind="COS", **fields):
    """Return the storage of an output in an event."""
    return {"Type": kind, "CosOutputStorage": {"Bucket": MEDIA, "Region": REGION}, **fields}


def build_workflow(*results, field="MediaProcessResultSet"):
    """Return a workflow event with results: (type, field, output)."""
    return parse_event(
        {
            "EventType": "WorkflowTask",
            "WorkflowTaskEvent": {
                "TaskId": "1",
                "Status": "FINISH",
                "ErrCode": 0,
                field: [
                    {"Type": kind, name: {"Status": "SUCCESS", "Output": output}}
                    for kind, name, output in results
                ],
            },
        }
    )


def build_transcode(path="/out/a.mp4", **output):
    """Return a workflow event with one transcoding."""
    output.setdefault("OutputStorage", build_storage())
    return build_workflow(("Transcode", "TranscodeTask", {"Path": path, **output}))


def fetch_url(url, proxy):
    """Return status and body of a GET through a proxy."""
    handler = urllib.request.ProxyHandler({"http": proxy})
    try:
        with urllib.request.build_opener(handler).open(url) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, b""


def build_response(status=200, body=b"", **headers):
    """Return a response. Header names are written with underscores. None leaves a header out."""
    lines = "".join(
        f"{name.replace('_', '-')}: {value}\r\n"
        for name, value in {"content_length": len(body), **headers}.items()
        if value is not None
    )
    return f"HTTP/1.1 {status} Reason\r\n{lines}\r\n".encode() + body


def read_head(reader):
    lines = []
    while (line := reader.readline()) not in (b"\r\n", b""):
        lines.append(line.decode("latin-1"))
    return "".join(lines)


def find_header(head, name):
    for line in head.splitlines():
        key, _, value = line.partition(":")
        if key.lower() == name:
            return value.strip()
    return None


class ScriptedServer(Server):
    """A server with scripted responses.

    Each request takes the next response. The last one is repeated. A response is bytes, a list of bytes (sent one by
    one), or a function from the request's head to one of these. `RESET` after the bytes resets the connection, `END`
    ends it.
    """

    RESET = b"<reset>"
    END = b"<end>"

    def __init__(self):
        super().__init__(self._respond)
        self.responses = []
        self.heads = []
        self._lock = threading.Lock()

    def _respond(self, peer):
        while head := peer.read_request().decode("latin-1"):
            with self._lock:
                self.heads.append(head)
                is_last = len(self.responses) == 1
                response = self.responses[0] if is_last else self.responses.pop(0)
            if callable(response):
                response = response(head)
            for piece in response if isinstance(response, list) else [response]:
                data = piece.removesuffix(self.RESET).removesuffix(self.END)
                peer.send(data)
                if piece.endswith(self.RESET):
                    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                if data != piece:
                    return


class RecordingProxy(ScriptedServer):
    """A proxy before the emulator. It records the head of each request and calls `before` with it."""

    def __init__(self, emulator):
        super().__init__()
        self.before = lambda head: None
        self._target = ("127.0.0.1", emulator.port)

    def run_once_before(self, start, action):
        """Run an action once, before a request whose head begins with a text."""

        def before(head):
            if head.startswith(start):
                self.before = lambda head: None
                action()

        self.before = before

    def change_response(self, request_head, head, body):
        """Return the head and body to pass on."""
        return head, body

    def _respond(self, peer):
        client = peer.sock.makefile("rb")
        with client, socket.create_connection(self._target) as server:
            responses = server.makefile("rb")
            while head := read_head(client):
                body = client.read(int(find_header(head, "content-length") or 0))
                with self._lock:
                    self.heads.append(head)
                self.before(head)
                server.sendall(f"{head}\r\n".encode("latin-1") + body)
                response_head = read_head(responses)
                if not response_head:  # the emulator ended the connection
                    return
                length = int(find_header(response_head, "content-length") or 0)
                content = b"" if head.startswith("HEAD") else responses.read(length)
                response_head, content = self.change_response(head, response_head, content)
                peer.send(f"{response_head}\r\n".encode("latin-1") + content)
