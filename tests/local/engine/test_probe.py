"""Metadata of sources, by the rules that published payloads of MPS follow."""

from __future__ import annotations

import hashlib
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from scf_mps.events.generated.models import MediaMetaData
from scf_mps.local.engine.probe import probe

from .sources import Recipe, make_video, rotate
from .support import make_monitor


def probe_recipe(path: Path, **fields: Any) -> dict[str, Any]:
    """Return the metadata of a made video."""
    return probe(make_video(path / "source", Recipe(**fields)), make_monitor())


def test_metadata_has_the_fields_and_values_of_mps(clip: Path, documented: dict[str, Any]) -> None:
    metadata = probe(clip, make_monitor())
    assert metadata.pop("Md5") == hashlib.md5(clip.read_bytes()).hexdigest()
    published = documented["WorkflowTaskEvent"]["MetaData"]
    (video,), (audio,) = metadata["VideoStreamSet"], metadata["AudioStreamSet"]
    assert metadata.keys() == published.keys()
    assert video.keys() == published["VideoStreamSet"][0].keys()
    assert audio.keys() == published["AudioStreamSet"][0].keys()
    view = MediaMetaData(metadata)
    assert (view.width, view.height, view.rotate) == (320, 180, 0)
    assert (video["Codec"], video["Fps"], video["Width"], video["Height"]) == ("h264", 25, 320, 180)
    assert (audio["Codec"], audio["SamplingRate"]) == ("aac", 44100)
    assert view.bitrate == video["Bitrate"] + audio["Bitrate"]
    assert view.container == published["Container"]
    assert view.duration == view.video_duration == view.audio_duration == 2.0
    assert view.size == clip.stat().st_size
    assert 0.9 * view.size * 8 / 2 < view.bitrate < view.size * 8 / 2


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_metadata_has_unrotated_sizes(tmp_path: Path, degrees: int) -> None:
    source = rotate(make_video(tmp_path / "source", Recipe(frames=5)), degrees)
    metadata = probe(source, make_monitor())
    assert (metadata["Width"], metadata["Height"], metadata["Rotate"]) == (320, 180, degrees)


def test_frame_rate_is_cut_and_durations_are_float32(tmp_path: Path) -> None:
    metadata = probe_recipe(tmp_path, rate=Fraction(30000, 1001))
    assert metadata["VideoStreamSet"][0]["Fps"] == 29
    for name in ("Duration", "VideoDuration", "AudioDuration"):
        value = metadata[name]
        assert value == struct.unpack("f", struct.pack("f", value))[0]
        assert value == pytest.approx(50 * 1001 / 30000, abs=0.05)
        assert value != round(value, 4)


@pytest.mark.parametrize(
    ("fields", "container", "codecs"),
    [
        ({"format": "matroska"}, "matroska,webm", ("h264", "aac")),
        ({"format": "flv", "codec": "flv"}, "flv", ("flv1", "aac")),
        ({"format": "mpegts"}, "mpegts", ("h264", "aac")),
        ({"format": "avi", "codec": "mpeg4", "audio": "libmp3lame"}, "avi", ("mpeg4", "mp3")),
        ({"format": "mp4", "audio": "libmp3lame"}, "mov,mp4,m4a,3gp,3g2,mj2", ("h264", "mp3")),
    ],
)
def test_metadata_has_bitrates_where_the_format_has_none(
    tmp_path: Path, fields: dict[str, Any], container: str, codecs: tuple[str, str]
) -> None:
    metadata = probe_recipe(tmp_path, **fields)
    (video,), (audio,) = metadata["VideoStreamSet"], metadata["AudioStreamSet"]
    assert metadata["Container"] == container
    assert (video["Codec"], audio["Codec"]) == codecs
    total = metadata["Size"] * 8 / 2
    assert 0.5 * total < metadata["Bitrate"] <= total
    assert metadata["VideoDuration"] == pytest.approx(2, abs=0.05)
    assert metadata["AudioDuration"] == pytest.approx(2, abs=0.1)


def test_metadata_of_sound_has_no_video(tmp_path: Path) -> None:
    metadata = probe_recipe(tmp_path, frames=0, audio="libmp3lame", format="mp3")
    assert metadata["VideoStreamSet"] == []
    assert (metadata["Width"], metadata["Height"], metadata["VideoDuration"]) == (0, 0, 0.0)
    assert metadata["AudioStreamSet"][0]["Codec"] == "mp3"
