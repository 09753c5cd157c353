"""Snapshots, sample snapshots, sprite sheets and their WebVTT."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import av
import pytest

from scf_mps.cos.hls import parse_document
from scf_mps.local.engine import EngineError
from scf_mps.local.engine.pictures import format_cue_time, list_samples
from scf_mps.local.engine.sample_clip import Rectangle

from .sources import Recipe, make_video, rotate
from .support import read_frames, read_time, run_job

SPRITES = {
    "kind": "sprites",
    "sample_type": "Percent",
    "interval": 10,
    "row_count": 2,
    "column_count": 3,
    "width": 142,
    "height": 80,
    "format": "jpg",
    "fill": "stretch",
}


@pytest.mark.parametrize(
    ("format_name", "codec"), [("jpg", "mjpeg"), ("png", "png"), ("webp", "webp")]
)
def test_snapshots_show_their_times(
    clip: Path, tmp_path: Path, format_name: str, codec: str
) -> None:
    offsets = [1.5, 0, {"percent": 50}, 2.0, 0.04]
    job = {"kind": "snapshots", "offsets": offsets, "format": format_name}
    result = run_job(clip, job, tmp_path)
    assert [item.number for item in result.files] == [0, 1, 2, 3, 4]
    assert [item.offset for item in result.files] == [1.5, 0, 1, 2, 0.04]
    assert {item.role for item in result.files} == {"picture"}
    for item, expected in zip(result.files, [1.48, 0, 1, 1.96, 0.04], strict=True):
        assert item.path.suffix == f".{format_name}"
        with av.open(str(item.path)) as container:
            assert container.streams.video[0].codec_context.name == codec
        (frame,) = read_frames(item.path)
        assert (frame.width, frame.height) == (320, 180)
        assert read_time(frame) == expected
    assert result.details == {"width": 320, "height": 180}


def test_snapshots_without_offsets_show_the_first_picture(clip: Path, tmp_path: Path) -> None:
    (item,) = run_job(clip, {"kind": "snapshots", "width": 240, "height": 0}, tmp_path).files
    (frame,) = read_frames(item.path)
    assert (frame.width, frame.height, read_time(frame)) == (240, 135, 0)


def test_snapshot_may_name_one_percentage(clip: Path, tmp_path: Path) -> None:
    job = {"kind": "snapshots", "offsets": {"percent": 75}}
    (item,) = run_job(clip, job, tmp_path).files
    assert item.offset == 1.5


def test_snapshot_of_a_phone_video_is_upright(tmp_path: Path) -> None:
    source = make_video(tmp_path / "source.mp4", Recipe(turn="transpose=cclock"))
    (item,) = run_job(rotate(source, 90), {"kind": "snapshots", "offsets": [1]}, tmp_path).files
    (frame,) = read_frames(item.path)
    assert (frame.width, frame.height, read_time(frame)) == (180, 320, 1)


@pytest.mark.parametrize("recipe", [{}, {"format": "mpegts"}, {"format": "flv", "codec": "flv"}])
def test_snapshots_far_apart_are_reached_by_seeking(tmp_path: Path, recipe: dict[str, Any]) -> None:
    source = make_video(
        tmp_path / "source",
        Recipe(frames=300, size=(160, 90), audio="", options={"g": "50"}, **recipe),
    )
    job = {"kind": "snapshots", "offsets": [0, 6.6, 7.2, 11.88]}
    pictures = [read_frames(item.path)[0] for item in run_job(source, job, tmp_path).files]
    assert [read_time(frame) for frame in pictures] == [0, 6.6, 7.2, 11.88]


@pytest.mark.parametrize("offset", [2.1, -1, {"percent": 101}])
def test_snapshot_outside_of_the_source_is_refused(clip: Path, tmp_path: Path, offset: Any) -> None:
    with pytest.raises(EngineError) as caught:
        run_job(clip, {"kind": "snapshots", "offsets": [0, offset]}, tmp_path)
    assert caught.value.code == "InvalidInput.InvalidTimeOffset"


@pytest.mark.parametrize(
    ("kind", "interval", "duration", "count", "second"),
    [
        ("Percent", 10, 20, 10, 2),
        ("Percent", 5, 20, 20, 1),
        ("Percent", 30, 10, 4, 3),
        ("Percent", 100, 10, 1, None),
        # The sample event of 583/39163: 11.26 s give two pictures.
        ("Time", 10, 11.26, 2, 10),
        ("Time", 10, 10, 1, None),
        ("Time", 30, 10, 1, None),
    ],
)
def test_samples_begin_at_the_first_picture(
    kind: str, interval: float, duration: float, count: int, second: float | None
) -> None:
    samples = list_samples({"sample_type": kind, "interval": interval}, duration)
    assert len(samples) == count
    assert samples[0] == 0
    assert second is None or samples[1] == second


@pytest.mark.parametrize(
    "change",
    [
        {"interval": 0},
        {"interval": 0.001},
        {"format": "bmp"},
        {"kind": "sprites", "width": 1000, "height": 1000, "column_count": 5},
    ],
)
def test_invalid_samples_are_refused(clip: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    job = {"kind": "sample_snapshots", "sample_type": "Percent", "interval": 10, **change}
    with pytest.raises(EngineError) as caught:
        run_job(clip, job, tmp_path)
    assert caught.value.code == "InvalidInput"


def test_sample_snapshots_show_equal_steps(clip: Path, tmp_path: Path) -> None:
    job = {"kind": "sample_snapshots", "sample_type": "Percent", "interval": 20, "width": 240}
    result = run_job(clip, job, tmp_path)
    times = [read_time(read_frames(item.path)[0]) for item in result.files]
    assert times == [0, 0.4, 0.8, 1.2, 1.6]


@pytest.mark.parametrize("format_name", ["jpg", "png", "webp"])
def test_vtt_points_to_the_pictures_of_the_sheets(
    clip: Path, tmp_path: Path, format_name: str
) -> None:
    result = run_job(clip, {**SPRITES, "format": format_name}, tmp_path)
    assert result.count == 10
    sheets = {item.path.name: item.path for item in result.files if item.role == "sheet"}
    (vtt,) = (item.path for item in result.files if item.role == "vtt")
    assert len(sheets) == 2
    document = parse_document(vtt.read_text())
    assert document.problems == []
    cues = re.findall(r"(\S+) --> (\S+)\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)", document.text)
    assert len(cues) == 10
    assert cues[0][0] == "00:00:00.000"
    assert cues[-1][1] == "00:00:02.000"
    assert [cue[1] for cue in cues[:-1]] == [cue[0] for cue in cues[1:]]
    pictures = {name: read_frames(path)[0] for name, path in sheets.items()}
    for number, (begin, _, name, *place) in enumerate(cues):
        frame = pictures[name]
        assert (frame.width, frame.height) == (3 * 142, 2 * 80)
        assert begin == format_cue_time(number * 0.2)
        assert read_time(frame, Rectangle(*map(float, place))) == round(number * 0.2, 2)
    # The places after the last picture are black.
    last = pictures["sheet_1." + format_name].reformat(format="gray").planes[0]
    assert bytes(last)[120 * last.line_size + 2 * 142 + 71] < 10


def test_cue_times_have_hours_and_milliseconds() -> None:
    assert format_cue_time(3723.4567) == "01:02:03.457"
    assert format_cue_time(59.9999) == "00:01:00.000"
