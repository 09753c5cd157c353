"""HLS streams: segments, key frames at their borders, playlists, and the copy into an MP4."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import av
import pytest

from scf_mps.cos.hls import FILE, PLAYLIST, Document, parse_document
from scf_mps.local.engine import EngineError, JobResult

from .support import AUDIO, VIDEO, count_key_frames, make_mp4, read_time, run_job

HLS = {"kind": "transcode", "container": "hls", "video": VIDEO, "audio": AUDIO}


def read_playlist(path: Path) -> tuple[Document, list[float]]:
    """Return a playlist as the package reads it, and the seconds of its segments."""
    text = path.read_text("utf-8")
    document = parse_document(text)
    assert document.problems == []
    return document, [float(value) for value in re.findall(r"#EXTINF:([0-9.]+)", text)]


def get_playlist(result: JobResult, role: str = "main", stream: int | None = None) -> Path:
    """Return the path of a playlist."""
    (path,) = (f.path for f in result.files if f.role == role and f.stream == stream)
    return path


@pytest.mark.parametrize(
    ("codec", "segment", "expected"),
    [
        ("h264", {}, "h264"),
        ("h264", {"type": "mp4"}, "h264"),
        ("h265", {"type": "mp4"}, "hevc"),
        ("h265", {"type": "ts"}, "hevc"),
    ],
)
def test_hls_has_segments_of_one_length(
    long_clip: Path, tmp_path: Path, codec: str, segment: dict[str, Any], expected: str
) -> None:
    job = {**HLS, "video": {**VIDEO, "codec": codec}, "segment": {**segment, "seconds": 2}}
    result = run_job(long_clip, job, tmp_path)
    path = get_playlist(result)
    document, seconds = read_playlist(path)
    assert seconds == [2, 2, 1]
    segments = [item.path for item in result.files if item.role == "segment"]
    names = [path.name for path in segments]
    assert [r.uri for r in document.references if r.uri in names] == names
    assert all(reference.kind == FILE for reference in document.references)
    init = [item.path for item in result.files if item.role == "init"]
    assert len(init) == (segment.get("type") == "mp4")
    assert [r.uri for r in document.references if r.uri not in names] == [p.name for p in init]
    for number, segment_path in enumerate(segments):
        alone = tmp_path / f"alone{number}"
        alone.write_bytes(b"".join(part.read_bytes() for part in [*init, segment_path]))
        with av.open(str(alone)) as container:
            frames = list(container.decode(video=0))
            assert len(frames) == (50, 50, 25)[number]
            assert frames[0].key_frame
            assert read_time(frames[0]) == 2 * number
    assert result.metadata is not None
    assert result.metadata["VideoStreamSet"][0]["Codec"] == expected
    assert result.metadata["Container"] == "hls,applehttp"
    if init and codec == "h265":
        assert b"hvc1" in init[0].read_bytes()


def test_adaptive_stream_has_a_master_playlist(long_clip: Path, tmp_path: Path) -> None:
    streams = [
        {"video": {**VIDEO, "height": height, "bitrate": rate}, "audio": AUDIO}
        for height, rate in ((90, 128), (120, 200), (180, 400), (360, 800))
    ]
    result = run_job(long_clip, {"kind": "adaptive", "streams": streams}, tmp_path)
    master = get_playlist(result)
    assert result.files[-1].path == master
    document, _ = read_playlist(master)
    assert [r.uri for r in document.references] == [f"stream_{n}.m3u8" for n in range(3)]
    assert all(reference.kind == PLAYLIST for reference in document.references)
    text = master.read_text()
    assert re.findall(r"RESOLUTION=(\w+)", text) == ["160x90", "214x120", "320x180"]
    assert set(re.findall(r"FRAME-RATE=([0-9.]+)", text)) == {"25.000"}
    assert len(re.findall(r'CODECS="avc1\.[0-9a-f]{6},mp4a\.40\.2"', text)) == 3
    peaks = [int(value) for value in re.findall(r"[:,]BANDWIDTH=(\d+)", text)]
    averages = [int(value) for value in re.findall(r"AVERAGE-BANDWIDTH=(\d+)", text)]
    assert averages == sorted(averages)
    assert all(peak >= average for peak, average in zip(peaks, averages, strict=True))
    borders = []
    for number in range(3):
        playlist = get_playlist(result, "playlist", number)
        borders.append(read_playlist(playlist)[1])
        assert count_key_frames(make_mp4(playlist, tmp_path / f"{number}.mp4")) >= 1
    assert borders == [[5.0]] * 3
    assert result.details["skipped"] == 1
    assert [item["Height"] for item in result.details["streams"]] == [90, 120, 180]
    assert result.metadata is not None
    assert result.metadata["Height"] == 180
    assert result.metadata["Size"] == master.stat().st_size


def test_adaptive_stream_of_h265_names_its_codec(clip: Path, tmp_path: Path) -> None:
    stream = {"video": {**VIDEO, "codec": "h265"}, "audio": None}
    job = {"kind": "adaptive", "streams": [stream], "segment": {"type": "mp4"}}
    text = get_playlist(run_job(clip, job, tmp_path)).read_text()
    # Profile Main, compatible with Main and Main 10, tier Main, level 2.
    assert re.search(r'CODECS="hvc1\.1\.6\.L\d+\.90"', text)


@pytest.mark.parametrize(
    ("wanted", "higher", "expected"),
    [((90, 720), True, [90, 720]), ((720, 360), False, [360]), ((90, 180), False, [90, 180])],
)
def test_adaptive_stream_skips_sizes_above_the_source(
    clip: Path, tmp_path: Path, wanted: tuple[int, ...], higher: bool, expected: list[int]
) -> None:
    streams = [{"video": {**VIDEO, "height": height}, "audio": None} for height in wanted]
    job = {"kind": "adaptive", "streams": streams, "higher_resolution": higher}
    result = run_job(clip, job, tmp_path)
    assert [item["Height"] for item in result.details["streams"]] == expected


@pytest.mark.parametrize("segment", ["ts", "mp4"])
def test_remux_of_a_playlist_gives_the_whole_video(
    long_clip: Path, tmp_path: Path, segment: str
) -> None:
    job = {**HLS, "segment": {"type": segment, "seconds": 2}}
    playlist = get_playlist(run_job(long_clip, job, tmp_path))
    movie = make_mp4(playlist, tmp_path / "movie.mp4")
    with av.open(str(movie)) as container:
        times = [read_time(frame) for frame in container.decode(video=0)]
        assert times == [number / 25 for number in range(125)]
        assert len(container.streams.audio) == 1


@pytest.mark.parametrize(
    "uri",
    ["/etc/passwd", "../secret.ts", "file:secret.ts", "missing.ts", "http://127.0.0.1:1/a.ts"],
)
@pytest.mark.parametrize(
    "line", ["{}", '#EXT-X-MAP:URI="{}"', '#EXT-X-KEY:METHOD=AES-128,URI="{}"']
)
def test_remux_refuses_files_outside_of_the_folder(tmp_path: Path, uri: str, line: str) -> None:
    tmp_path.joinpath("main.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nother.m3u8\n")
    text = f"#EXTM3U\n{line.format(uri)}\n#EXT-X-ENDLIST\n"
    tmp_path.joinpath("other.m3u8").write_text(text)
    with pytest.raises(EngineError) as caught:
        make_mp4(tmp_path / "main.m3u8", tmp_path / "out.mp4")
    assert caught.value.code == "SourceFileError"


def test_remux_of_a_missing_playlist_is_a_source_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        make_mp4(tmp_path / "main.m3u8", tmp_path / "out.mp4")
    assert caught.value.code == "SourceFileError"


@pytest.mark.parametrize(
    "job",
    [
        {**HLS, "segment": {"type": "flv"}},
        {"kind": "adaptive"},
        {"kind": "adaptive", "streams": [{"video": None, "audio": AUDIO}]},
    ],
)
def test_invalid_streams_are_refused(clip: Path, tmp_path: Path, job: dict[str, Any]) -> None:
    with pytest.raises(EngineError) as caught:
        run_job(clip, job, tmp_path)
    assert caught.value.code == "InvalidInput"


def test_failed_substream_closes_the_others(clip: Path, tmp_path: Path) -> None:
    streams = [
        {"video": VIDEO, "audio": AUDIO},
        {"video": VIDEO, "audio": {**AUDIO, "channels": 5}},
    ]
    with pytest.raises(EngineError) as caught:
        run_job(clip, {"kind": "adaptive", "streams": streams}, tmp_path)
    assert caught.value.code == "InvalidInput"
