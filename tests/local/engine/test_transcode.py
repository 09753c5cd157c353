"""Transcoding to files, parts of a source, and copies without encoding."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from scf_mps.local.engine import EngineError
from scf_mps.local.engine.outputs import find_span
from scf_mps.local.engine.probe import probe
from scf_mps.local.engine.settings import Settings
from scf_mps.local.engine.tracks import FrameRate

from .sources import Recipe, make_video, rotate
from .support import (
    AUDIO,
    MP4,
    VIDEO,
    count_key_frames,
    make_monitor,
    read_frames,
    read_time,
    run_job,
)

COPY = {"kind": "transcode", "container": "mp4", "copy": True, "video": {}, "audio": {}}
MOV = "mov,mp4,m4a,3gp,3g2,mj2"


@pytest.mark.parametrize(
    ("container", "video", "audio", "expected"),
    [
        ("mp4", "h264", {"codec": "aac"}, (MOV, "h264", "aac", 44100)),
        ("mp4", "h265", {"codec": "aac", "sample_rate": 48000}, (MOV, "hevc", "aac", 48000)),
        ("mp4", "h264", {"codec": "aac", "channels": 6}, (MOV, "h264", "aac", 44100)),
        ("flv", "h264", {"codec": "aac", "channels": 1}, ("flv", "h264", "aac", 44100)),
        ("flv", "h264", {"codec": "mp3", "sample_rate": 48000}, ("flv", "h264", "mp3", 44100)),
        ("flv", "h265", {"codec": "aac"}, ("flv", "hevc", "aac", 44100)),
        ("m4a", None, {"codec": "aac", "bitrate": 96}, (MOV, None, "aac", 44100)),
        ("mp3", None, {"codec": "mp3", "bitrate": 96, "channels": 6}, ("mp3", None, "mp3", 44100)),
        ("flac", None, {"codec": "flac"}, ("flac", None, "flac", 44100)),
        ("ogg", None, {"codec": "opus", "bitrate": 48}, ("ogg", None, "opus", 48000)),
        ("mp4", "h264", None, (MOV, "h264", None, 0)),
    ],
)
def test_transcode_writes_the_container_and_codecs(
    clip: Path,
    tmp_path: Path,
    container: str,
    video: str | None,
    audio: dict[str, Any] | None,
    expected: tuple[str, str | None, str | None, int],
) -> None:
    job = {
        "kind": "transcode",
        "container": container,
        "video": video and {**VIDEO, "codec": video},
        "audio": audio,
    }
    result = run_job(clip, job, tmp_path)
    ((path, role),) = ((item.path, item.role) for item in result.files)
    assert (path.suffix, role) == (f".{container}", "main")
    metadata = result.metadata
    assert metadata is not None
    videos, audios = metadata["VideoStreamSet"], metadata["AudioStreamSet"]
    assert metadata["Container"] == expected[0]
    assert [item["Codec"] for item in videos] == [expected[1]] * bool(expected[1])
    assert [item["Codec"] for item in audios] == [expected[2]] * bool(expected[2])
    assert [item["SamplingRate"] for item in audios] == [expected[3]] * bool(expected[2])
    assert metadata["Duration"] == pytest.approx(2, abs=0.11)
    if audio and audio.get("channels"):
        wanted = 2 if container == "mp3" else audio["channels"]
        with av.open(str(path)) as opened:
            assert opened.streams.audio[0].codec_context.layout.nb_channels == wanted
    if video == "h265" and container == "mp4":
        assert b"hvc1" in path.read_bytes()


@pytest.mark.parametrize(
    ("fps", "pictures", "rate"),
    [(0, 50, 25), (25, 50, 25), (50, 100, 50), (10, 20, 10), (29.97, 60, Fraction(2997, 100))],
)
def test_frame_rate_repeats_or_skips_pictures(
    clip: Path, tmp_path: Path, fps: float, pictures: int, rate: Fraction
) -> None:
    result = run_job(clip, {**MP4, "video": {**VIDEO, "fps": fps}}, tmp_path)
    frames = read_frames(result.files[0].path)
    assert len(frames) == pytest.approx(pictures, abs=1)
    for number, frame in enumerate(frames):
        assert read_time(frame) == pytest.approx(number / rate, abs=0.5 / 25 + 0.5 / rate + 0.01)


def test_bitrate_gop_and_constant_quality_are_followed(long_clip: Path, tmp_path: Path) -> None:
    def run(name: str, **video: Any) -> tuple[int, Path]:
        job = {**MP4, "video": {"codec": "h264", "height": 180, **video}, "audio": None}
        result = run_job(long_clip, job, tmp_path / name, Settings())
        assert result.metadata is not None
        return result.metadata["Bitrate"], result.files[0].path

    low, path = run("low", bitrate=200, gop=25)
    assert low == pytest.approx(200_000, rel=0.25)
    assert count_key_frames(path) >= 5
    high, path = run("high", bitrate=400)
    assert high == pytest.approx(400_000, rel=0.25)
    # A constant quality takes what the pictures need.
    assert run("free", bitrate=0)[0] > 1.5 * run("small", bitrate=0, height=90)[0]


def test_sound_stays_with_the_pictures(tmp_path: Path) -> None:
    # The source begins at 1.4 s, as MPEG-TS does, and its parts are cut from there.
    source = make_video(tmp_path / "source.ts", Recipe(format="mpegts"))
    result = run_job(source, {**MP4, "start": 0.8, "end": 1.6}, tmp_path / "out")
    with av.open(str(result.files[0].path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.start_time, audio.start_time) == (0, 0)
    frames = read_frames(result.files[0].path)
    # Its sound begins 23 ms before the first picture.
    assert [read_time(frames[0]), read_time(frames[-1])] == [0.76, 1.52]
    assert result.metadata is not None
    assert result.metadata["AudioDuration"] == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ({}, (0, 10)),
        ({"start": 2}, (2, 10)),
        ({"end": 4}, (0, 4)),
        ({"start": 2, "end": 4}, (2, 4)),
        ({"start": -3}, (7, 10)),
        ({"start": -30}, (0, 10)),
        ({"end": -3}, (0, 7)),
        ({"end": 30}, (0, 10)),
    ],
)
def test_span_counts_from_both_ends(span: dict[str, float], expected: tuple[float, float]) -> None:
    assert find_span(span, 10) == expected


@pytest.mark.parametrize(
    "span",
    [{"start": 10}, {"start": 11}, {"start": 4, "end": 4}, {"start": 5, "end": 4}, {"end": -10}],
)
def test_empty_span_is_an_invalid_time_offset(span: dict[str, float]) -> None:
    with pytest.raises(EngineError) as caught:
        find_span(span, 10)
    assert caught.value.code == "InvalidInput.InvalidTimeOffset"


@pytest.mark.parametrize(
    "change",
    [
        {"video": {"codec": "av1"}},
        {"audio": {"codec": "wma"}},
        {"container": "exe"},
        {"container": "exe", "copy": True},
        {"audio": {**AUDIO, "channels": 3}},
        {"kind": "dream"},
        {"container": "hls", "audio": {"codec": "flac"}},
    ],
)
def test_invalid_job_is_refused(clip: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(EngineError) as caught:
        run_job(clip, {**MP4, **change}, tmp_path)
    assert caught.value.code == "InvalidInput"


def test_fill_keeps_the_proportions_of_the_picture(tmp_path: Path) -> None:
    source = make_video(tmp_path / "source.mp4", Recipe(frames=5, audio=""))
    video = {**VIDEO, "width": 240, "height": 240, "fill": "black"}
    frames = read_frames(run_job(source, {**MP4, "video": video}, tmp_path / "out").files[0].path)
    assert (frames[0].width, frames[0].height) == (240, 240)
    grey = frames[0].reformat(format="gray").planes[0]
    column = bytes(grey)[10 :: grey.line_size]
    # 240x134 in the middle, black above and below.
    assert max(column[:50]) < 10
    assert max(column[-50:]) < 10
    assert column[60] > 80


def test_late_first_picture_and_short_sources_give_pictures() -> None:
    frame = av.VideoFrame(2, 2)
    rate = FrameRate(Fraction(25), Fraction(25), 1)
    assert list(rate.place(0.2, frame)) == []
    assert [number for number, _ in rate.finish(0.1)] == [0, 1]
    rate = FrameRate(Fraction(25), Fraction(25), 1)
    assert list(rate.finish(1)) == []


def test_picture_far_behind_the_end_is_a_source_error() -> None:
    rate = FrameRate(Fraction(25), Fraction(25), 1)
    with pytest.raises(EngineError) as caught:
        list(rate.place(100, av.VideoFrame(2, 2)))
    assert caught.value.code == "SourceFileError"


def test_change_of_the_sound_is_followed(tmp_path: Path) -> None:
    parts = [
        make_video(tmp_path / f"{layout}.ts", Recipe(frames=0, format="mpegts", layout=layout))
        for layout in ("stereo", "mono")
    ]
    source = tmp_path / "both.ts"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    job = {"kind": "transcode", "container": "m4a", "video": None, "audio": AUDIO}
    result = run_job(source, job, tmp_path / "out")
    assert result.metadata is not None
    assert result.metadata["AudioStreamSet"][0]["SamplingRate"] == 44100
    assert result.metadata["AudioDuration"] > 1.9


@pytest.mark.parametrize("container", ["mp4", "hls"])
@pytest.mark.parametrize("source_format", ["mp4", "mpegts"])
@pytest.mark.parametrize("segment", ["ts", "mp4"])
def test_copy_keeps_every_packet(
    tmp_path: Path, container: str, source_format: str, segment: str
) -> None:
    source = make_video(tmp_path / "source", Recipe(format=source_format))
    job = {**COPY, "container": container, "segment": {"type": segment}}
    result = run_job(source, job, tmp_path / "out")
    metadata = result.metadata
    assert metadata is not None
    assert [item["Codec"] for item in metadata["VideoStreamSet"]] == ["h264"]
    assert [item["Codec"] for item in metadata["AudioStreamSet"]] == ["aac"]
    assert (metadata["Width"], metadata["Height"]) == (320, 180)
    times = [read_time(frame) for frame in read_frames(result.files[-1].path)]
    assert times == [number / 25 for number in range(50)]


def test_copy_keeps_the_rotation(tmp_path: Path) -> None:
    source = rotate(make_video(tmp_path / "source.mp4", Recipe(frames=5)), 90)
    path = run_job(source, COPY, tmp_path / "out").files[0].path
    assert probe(path, make_monitor())["Rotate"] == 90


def test_copy_of_a_part_begins_at_a_key_frame(tmp_path: Path) -> None:
    source = make_video(tmp_path / "source.mp4", Recipe(options={"g": "10", "bf": "2"}))
    result = run_job(source, {**COPY, "start": 1.0, "end": 1.6, "audio": None}, tmp_path / "out")
    frames = read_frames(result.files[0].path)
    assert frames[0].key_frame
    assert read_time(frames[0]) == 0.8
    assert read_time(frames[-1]) == 1.56
    assert result.metadata is not None
    assert result.metadata["AudioStreamSet"] == []


def test_copy_of_sound_leaves_the_pictures_out(clip: Path, tmp_path: Path) -> None:
    job = {**COPY, "container": "m4a", "video": None, "start": 1}
    metadata = run_job(clip, job, tmp_path).metadata
    assert metadata is not None
    assert metadata["VideoStreamSet"] == []
    assert metadata["AudioDuration"] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("recipe", "job", "code"),
    [
        (Recipe(codec="mpeg4"), {"container": "flv"}, "SourceFileError"),
        (Recipe(codec="mpeg4"), {"container": "hls"}, "InvalidInput"),
        (Recipe(audio=""), {"video": None}, "SourceFileError"),
    ],
)
def test_copy_into_a_container_that_cannot_hold_it_fails(
    tmp_path: Path, recipe: Recipe, job: dict[str, Any], code: str
) -> None:
    source = make_video(tmp_path / "source.mp4", recipe)
    with pytest.raises(EngineError) as caught:
        run_job(source, {**COPY, **job}, tmp_path / "out")
    assert caught.value.code == code
