"""GIF and WebP animations."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import av
import pytest

from scf_mps.local.engine import EngineError

from .support import read_time, run_job


def read_webp_delays(path: Path) -> tuple[tuple[int, int], int, list[int]]:
    """Return the size, the loops (0 is endless) and the milliseconds of each picture of a WebP.

    Container format: developers.google.com/speed/webp/docs/riff_container.
    """
    data = path.read_bytes()
    assert (data[:4], data[8:12]) == (b"RIFF", b"WEBP")
    at, size, loops, delays = 12, (0, 0), -1, []
    while at < len(data):
        name, length = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        body = data[at + 8 : at + 8 + length]
        if name == b"VP8X":
            width, height = body[4:7], body[7:10]
            size = (int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1)
        elif name == b"ANIM":
            loops = int.from_bytes(body[4:6], "little")
        elif name == b"ANMF":
            delays.append(int.from_bytes(body[12:15], "little"))
        at += 8 + length + length % 2
    return size, loops, delays


@pytest.mark.parametrize(("fps", "times"), [(2, [0, 0.5, 1, 1.5]), (5, [n / 5 for n in range(10)])])
def test_gif_has_a_picture_for_each_step(
    clip: Path, tmp_path: Path, fps: int, times: list[float]
) -> None:
    job = {"kind": "animation", "format": "gif", "width": 240, "fps": fps}
    result = run_job(clip, job, tmp_path)
    path = result.files[0].path
    with av.open(str(path)) as container:
        assert container.format.name == "gif"
        assert container.streams.video[0].average_rate == fps
        frames = list(container.decode(video=0))
    assert {(frame.width, frame.height) for frame in frames} == {(240, 135)}
    assert [read_time(frame) for frame in frames] == pytest.approx(times, abs=0.021)
    # The palette has the colors of the source: testsrc2 is colorful.
    pixels = bytes(frames[0].reformat(format="rgb24").planes[0])
    colors = {pixels[at : at + 3] for at in range(0, len(pixels), 3)}
    assert 30 < len(colors) <= 256
    metadata = result.metadata
    assert metadata is not None
    assert (metadata["Container"], metadata["Width"], metadata["Height"]) == ("gif", 240, 135)
    assert metadata["Size"] == path.stat().st_size
    assert metadata["Bitrate"] == round(metadata["Size"] * 8 / 2)
    assert result.details == {"start": 0, "end": 2}


def test_gif_of_a_part_shows_it(clip: Path, tmp_path: Path) -> None:
    job = {"kind": "animation", "width": 240, "fps": 5, "start": 0.8, "end": 1.6}
    result = run_job(clip, job, tmp_path)
    with av.open(str(result.files[0].path)) as container:
        times = [read_time(frame) for frame in container.decode(video=0)]
    assert times == [0.8, 1.0, 1.2, 1.4]


def test_gif_of_an_instant_has_one_picture(clip: Path, tmp_path: Path) -> None:
    job = {"kind": "animation", "width": 240, "start": 1.2, "end": 1.24}
    with av.open(str(run_job(clip, job, tmp_path).files[0].path)) as container:
        assert [read_time(frame) for frame in container.decode(video=0)] == [1.2]


@pytest.mark.parametrize("quality", [10, 90])
def test_webp_is_animated(clip: Path, tmp_path: Path, quality: int) -> None:
    job = {"kind": "animation", "format": "webp", "width": 160, "fps": 5, "quality": quality}
    result = run_job(clip, job, tmp_path)
    size, loops, delays = read_webp_delays(result.files[0].path)
    assert (size, loops) == ((160, 90), 0)
    assert sum(delays) == pytest.approx(2000, abs=200)
    assert len(delays) == pytest.approx(10, abs=1)


def test_quality_of_webp_decides_about_its_size(clip: Path, tmp_path: Path) -> None:
    job = {"kind": "animation", "format": "webp", "width": 160, "fps": 2}
    sizes = [
        run_job(clip, {**job, "quality": quality}, tmp_path / str(quality))
        .files[0]
        .path.stat()
        .st_size
        for quality in (10, 90)
    ]
    assert sizes[0] < sizes[1] / 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"format": "apng"}, "InvalidInput"),
        ({"start": 3}, "InvalidInput.InvalidTimeOffset"),
        ({"start": 1, "end": 1}, "InvalidInput.InvalidTimeOffset"),
    ],
)
def test_invalid_animation_is_refused(
    clip: Path, tmp_path: Path, change: dict[str, Any], code: str
) -> None:
    with pytest.raises(EngineError) as caught:
        run_job(clip, {"kind": "animation", **change}, tmp_path)
    assert caught.value.code == code
