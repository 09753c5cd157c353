"""MP4 files of HLS streams: played length, ranges, kept files and errors."""

from __future__ import annotations

import io
import sys
from fractions import Fraction

import av
import pytest

from scf_mps.local.dev import remux
from scf_mps.local.engine import Engine, JobResult

from .forged_requests import BUCKET, OBJECTS
from .http_client import Page

AUDIO = {"codec": "aac", "bitrate": 64, "sample_rate": 44100, "channels": 2}


def build_stream(height: int, bitrate: int) -> dict[str, object]:
    video = {"codec": "h264", "height": height, "fps": 25, "bitrate": bitrate}
    return {"video": video, "audio": AUDIO}


@pytest.fixture(scope="module")
def stream(shared_page: Page, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of an adaptive stream of 2 s with heights of 120 and 180."""
    folder = tmp_path_factory.mktemp("hls")
    client = shared_page.console.stack.client
    streams = [build_stream(120, 150), build_stream(180, 400)]
    job = {"kind": "adaptive", "streams": streams, "segment": {"type": "ts", "seconds": 1}}
    with Engine(fast=True) as engine:
        engine.make_sample_clip(folder / "clip.mp4", seconds=2, width=320)
        results: list[object] = []
        (folder / "out").mkdir()
        engine.run(
            folder / "clip.mp4", [job], folder / "out", on_result=lambda _, r: results.append(r)
        )
    (result,) = results
    assert isinstance(result, JobResult)
    for file in result.files:
        name = "master.m3u8" if file.role == "main" else file.path.name
        client.upload(file.path, f"cos://{BUCKET}.ap-guangzhou/hls/{name}")
    return f"{OBJECTS}/hls"


OWN_NAMES = ("master.m3u8", "unordered.m3u8")


def list_streams(page: Page) -> list[str]:
    """Return the names of the playlists of both streams, the lower one first."""
    listed = page.read(f"/api/objects?bucket={BUCKET}&prefix=hls/")["objects"]
    names = [item["name"] for item in listed if item["name"].endswith(".m3u8")]
    return [name for name in names if name not in OWN_NAMES]


def read_video(content: bytes) -> tuple[int, float]:
    """Return the height of the pictures and the seconds of all of them, decoded."""
    with av.open(io.BytesIO(content)) as container:
        frames = list(container.decode(video=0))
    return frames[0].height, float(len(frames) / Fraction(25))


def test_remux_plays_the_best_stream_completely(shared_page: Page, stream: str) -> None:
    reply = shared_page.get(f"{stream}/master.m3u8?as=mp4")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "video/mp4")
    assert read_video(reply.body) == (180, 2.0)


def test_best_stream_needs_no_order(shared_page: Page, stream: str) -> None:
    low, high = list_streams(shared_page)
    lines = [
        "#EXTM3U",
        '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="s",URI="missing.m3u8"',
        "#EXT-X-STREAM-INF:BANDWIDTH=900",
        high,
        "#EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=9999,BANDWIDTH=100",
        low,
    ]
    put(shared_page, "hls/unordered.m3u8", "\n".join(lines).encode())
    assert read_video(shared_page.get(f"{stream}/unordered.m3u8?as=mp4").body)[0] == 180


def test_segments_may_be_ranges_of_one_file(shared_page: Page, stream: str) -> None:
    low, _ = list_streams(shared_page)
    lines = shared_page.get(f"{stream}/{low}").body.decode().splitlines()
    content = b""
    for index, line in enumerate(lines):
        if line and line[0] != "#":
            segment = shared_page.get(f"{stream}/{line}").body
            lines[index] = f"#EXT-X-BYTERANGE:{len(segment)}@{len(content)}\nall.ts"
            content += segment
    put(shared_page, "ranges/all.ts", content)
    path = put(shared_page, "ranges/a.m3u8", "\n".join(lines).encode())
    assert read_video(shared_page.get(f"{path}?as=mp4").body)[1] == 2.0


def test_remux_of_one_stream_has_ranges(shared_page: Page, stream: str) -> None:
    name, _ = list_streams(shared_page)
    whole = shared_page.get(f"{stream}/{name}?as=mp4")
    assert read_video(whole.body)[1] == 2.0
    part = shared_page.get(f"{stream}/{name}?as=mp4", Range="bytes=100-299")
    assert (part.status, part.body) == (206, whole.body[100:300])
    assert part.headers["Content-Range"] == f"bytes 100-299/{len(whole.body)}"
    after = shared_page.get(f"{stream}/{name}?as=mp4", Range=f"bytes={len(whole.body)}-")
    assert (after.status, after.headers["Content-Range"]) == (416, f"bytes */{len(whole.body)}")


def test_remux_is_kept_for_the_next_range(
    shared_page: Page, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remux, "MAX_FILES", 1)
    folder = shared_page.console.stack.folder / "remux"
    seen = []
    for name in ("master.m3u8", *list_streams(shared_page), "master.m3u8"):
        shared_page.get(f"{stream}/{name}?as=mp4")
        (path,) = folder.glob("*/stream.mp4")
        seen.append(path.parent.name)
    # The best stream of the master is the second one.
    best, low, high, again = seen
    assert len({best, low, high}) == 3
    assert again == high


def put(page: Page, key: str, content: bytes) -> str:
    """Store an object and return its path."""
    page.console.stack.client.upload(content, f"cos://{BUCKET}.ap-guangzhou/{key}")
    return f"/cos/{BUCKET}/ap-guangzhou/{key}"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("no playlist", 400),
        ("WEBVTT\n\n00:00.000 --> 00:01.000\na.jpg\n", 400),
        ("<MPD/>", 400),
        ("#EXTM3U\n#EXTINF:1,\nhttps://other.example/a.ts\n", 400),
        ("#EXTM3U\n#EXTINF:1,\nmissing.ts\n", 404),
        ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmissing.m3u8\n", 404),
        ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n", 400),
        ("#EXTM3U\n#EXTINF:1,\nbroken.ts\n#EXT-X-ENDLIST\n", 502),
        ("#EXTM3U\n" + "#" * remux.MAX_PLAYLIST_BYTES, 400),
    ],
)
def test_remux_of_a_broken_playlist_fails(shared_page: Page, text: str, status: int) -> None:
    put(shared_page, "broken/broken.ts", b"no video")
    path = put(shared_page, "broken/a.m3u8", text.encode())
    reply = shared_page.get(f"{path}?as=mp4")
    assert (reply.status, bool(reply.error)) == (status, True)


def test_remux_needs_the_engine(
    shared_page: Page, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(shared_page, "alone/a.m3u8", b"#EXTM3U\n#EXT-X-ENDLIST\n")
    monkeypatch.setitem(sys.modules, "av", None)
    reply = shared_page.get(f"{path}?as=mp4")
    assert reply.status == 503
    assert "scf-mps[media]" in reply.error
