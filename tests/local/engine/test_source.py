"""Sources: odd and damaged files, each with what a video, a sound and a picture job give."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import pytest

from scf_mps.local.engine import EngineError
from scf_mps.local.engine.probe import probe
from scf_mps.local.engine.settings import Settings
from scf_mps.local.engine.source import Source

from .sources import Recipe, cut, damage, draw_pictures, make_sound, make_video, rotate, write
from .support import AUDIO, MP4, make_monitor, read_frames, read_time, run_all, run_job

M4A = {"kind": "transcode", "container": "m4a", "video": None, "audio": AUDIO}
PICTURE = {"kind": "snapshots", "offsets": [{"percent": 50}]}

PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n/etc/passwd\n#EXT-X-ENDLIST\n"
CONCAT = b"ffconcat version 1.0\nfile /etc/passwd\n"
DASH = (
    b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
    b'<Representation id="0" bandwidth="1"><BaseURL>/etc/passwd</BaseURL></Representation></AdaptationSet>'
    b"</Period></MPD>"
)
SOURCE, NO_VIDEO = "SourceFileError", "SourceFileError.NoVideoMedia"
NO_SIZE = "SourceFileError.NoVideoResolution"


def make(**fields: Any) -> Callable[[Path], Path]:
    """Return a function that makes a video."""
    return lambda path: make_video(path, Recipe(**fields))


def make_song(path: Path) -> Path:
    """Write an MP3 with a cover picture."""
    with av.open(str(path), "w", format="mp3") as output:
        audio = output.add_stream("libmp3lame", rate=44100)
        cover: Any = output.add_stream("mjpeg", rate=25)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
        recipe = Recipe(frames=1, size=(32, 32), pixel_format="yuvj420p")
        for frame in draw_pictures(recipe):
            output.mux(cover.encode(frame))
        output.mux(cover.encode(None))
        for sound in make_sound(2, "stereo"):
            output.mux(audio.encode(sound))
        output.mux(audio.encode(None))
    return path


def strip_parameters(path: Path) -> Path:
    """Write an MPEG-TS whose pictures have no parameters, so their size is unknown."""
    data = make_video(path, Recipe(format="mpegts")).read_bytes()
    path.write_bytes(data.replace(b"\0\0\1\x67", b"\0\0\1\x6c"))
    return path


class Case(NamedTuple):
    """A source and what jobs give: a code, or the size of the video, and whether it has sound."""

    make: Callable[[Path], Path]
    video: str | tuple[int, int]
    audio: str = ""
    last: float | None = 1.96


X265 = {"x265-params": "log-level=none"}
WEBM: dict[str, Any] = {
    "codec": "libvpx-vp9",
    "audio": "libopus",
    "format": "webm",
    "options": {"deadline": "realtime", "cpu-used": "8"},
}
IVF = {**WEBM, "audio": "", "format": "ivf"}
PNG: dict[str, Any] = {
    "frames": 1,
    "codec": "png",
    "pixel_format": "rgb24",
    "format": "image2",
    "audio": "",
}
NTSC = Fraction(30000, 1001)
CASES = {
    "text": Case(write(b"no video\n" * 100), SOURCE, SOURCE),
    "empty": Case(write(b""), SOURCE, SOURCE),
    "random bytes": Case(write(random.Random(1).randbytes(50_000)), SOURCE, SOURCE),
    "missing": Case(lambda path: path, SOURCE, SOURCE),
    "folder": Case(lambda path: path.mkdir() or path, SOURCE, SOURCE),
    "cut before its index": Case(lambda path: cut(make()(path), 0.02), SOURCE, SOURCE),
    "playlist": Case(write(PLAYLIST), SOURCE, SOURCE),
    "ffconcat": Case(write(CONCAT), SOURCE, SOURCE),
    "DASH": Case(write(DASH), SOURCE, SOURCE),
    "picture": Case(make(**PNG), SOURCE, SOURCE),
    "sound alone": Case(make(frames=0), NO_VIDEO),
    "WAV": Case(make(frames=0, audio="pcm_s16le", format="wav"), NO_VIDEO),
    "song with a cover": Case(make_song, NO_VIDEO),
    "no sound": Case(make(audio=""), (214, 120), SOURCE),
    "cut in the middle": Case(lambda path: cut(make()(path), 0.6), (214, 120), last=None),
    "damaged": Case(lambda path: damage(make()(path), 300), (214, 120), last=None),
    "one picture": Case(make(frames=1, audio=""), (214, 120), SOURCE, last=0),
    "FLV": Case(make(codec="flv", format="flv"), (214, 120)),
    "10 bit H.265": Case(
        make(codec="libx265", pixel_format="yuv420p10le", options=X265), (214, 120)
    ),
    "VP9 and Opus": Case(make(**WEBM), (214, 120)),
    "4:4:4 in odd sizes": Case(make(size=(321, 181), pixel_format="yuv444p"), (212, 120)),
    "MPEG-4 in AVI": Case(
        make(codec="mpeg4", audio="libmp3lame", format="avi", options={"bf": "2"}), (214, 120)
    ),
    "MPEG-TS": Case(make(format="mpegts"), (214, 120)),
    "5.1": Case(make(layout="5.1"), (214, 120)),
    "GIF": Case(make(codec="gif", pixel_format="rgb8", format="gif", audio=""), (214, 120), SOURCE),
    "Matroska": Case(make(format="matroska"), (214, 120)),
    "recording of a browser": Case(make(format="matroska", is_live=True), (214, 120)),
    "H.264 without times": Case(make(format="h264", audio=""), SOURCE, SOURCE),
    "H.264 without its parameters": Case(strip_parameters, NO_SIZE),
    "29.97 pictures": Case(make(rate=NTSC), (214, 120)),
    "wide pixels": Case(make(aspect=Fraction(4, 3)), (284, 120), last=None),
    "upright phone": Case(lambda path: rotate(make(turn="transpose=cclock")(path), 90), (120, 214)),
    "phone, turned left": Case(
        lambda path: rotate(make(turn="transpose=clock")(path), 270), (120, 214)
    ),
    "phone upside down": Case(lambda path: rotate(make(turn="rotate=PI")(path), 180), (214, 120)),
}


@pytest.mark.parametrize("name", CASES)
def test_source_gives_outputs_or_the_right_error(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    source = case.make(tmp_path / "source.mp4")
    video, audio, picture = run_all(source, [MP4, M4A, PICTURE], tmp_path / "out")
    if isinstance(case.video, str):
        assert isinstance(video, EngineError)
        assert isinstance(picture, EngineError)
        assert video.code == picture.code == case.video
    else:
        assert not isinstance(video, EngineError), video
        frames = read_frames(video.files[0].path)
        assert {(frame.width, frame.height) for frame in frames} == {case.video}
        assert not isinstance(picture, EngineError), picture
        (shot,) = read_frames(picture.files[0].path)
        if case.last is not None:
            # The clock is upright and shows the time of each picture.
            assert read_time(frames[0]) == 0
            assert read_time(frames[-1]) == case.last
            # Half of a sound that lasts longer is a little later.
            assert read_time(shot) == pytest.approx(1 if case.last else 0, abs=0.041)
    if case.audio:
        assert isinstance(audio, EngineError)
        assert audio.code == case.audio
    else:
        assert not isinstance(audio, EngineError), audio
        assert audio.metadata is not None
        assert audio.metadata["AudioStreamSet"][0]["Codec"] == "aac"
        assert audio.metadata["AudioDuration"] > (1 if case.last is None else 1.6)


@pytest.mark.parametrize("fields", [{}, {"format": "mpegts"}, {"format": "flv"}, IVF])
def test_random_damage_gives_frames_or_an_error(tmp_path: Path, fields: dict[str, Any]) -> None:
    path = make_video(tmp_path / "source", Recipe(frames=10, size=(64, 36), **fields))
    content = path.read_bytes()
    for seed in range(20):
        path.write_bytes(content)
        damage(path, 40, seed, first=0)
        with contextlib.suppress(EngineError), Source(path, make_monitor()) as source:
            for seconds in (0.0, 0.2):
                for _ in source.decode_from(seconds, audio=True):
                    pass


@pytest.mark.parametrize("name", ["text", "playlist", "picture", "missing"])
def test_probe_refuses_what_is_no_media(tmp_path: Path, name: str) -> None:
    source = CASES[name].make(tmp_path / "source.mp4")
    with pytest.raises(EngineError) as caught:
        probe(source, make_monitor())
    assert caught.value.code == SOURCE


@pytest.mark.parametrize(
    ("limit", "word"),
    [
        ({"input_bytes": 1000}, "bytes"),
        ({"input_seconds": 1}, "seconds"),
        ({"input_pixels": 300}, "pixels"),
    ],
)
def test_source_over_a_limit_is_refused(
    clip: Path, tmp_path: Path, limit: dict[str, Any], word: str
) -> None:
    with pytest.raises(EngineError, match=word) as caught:
        run_job(clip, MP4, tmp_path, replace(Settings(), **limit))
    assert caught.value.code == SOURCE


def test_video_without_a_decodable_picture_is_a_source_error(tmp_path: Path) -> None:
    source = make_video(tmp_path / "source.mp4", Recipe(audio=""))
    data = bytearray(source.read_bytes())
    start = data.index(b"mdat") + 4
    data[start:] = b"\xff" * (len(data) - start)
    source.write_bytes(data)
    results = run_all(source, [MP4, PICTURE], tmp_path / "out")
    assert [getattr(result, "code", None) for result in results] == [SOURCE, SOURCE]


def test_metadata_of_a_title_in_another_encoding_is_read(tmp_path: Path) -> None:
    source = make_video(tmp_path / "source.mkv", Recipe(format="matroska", frames=5))
    data = source.read_bytes()
    assert b"Lavf" in data
    source.write_bytes(data.replace(b"Lavf", b"\xe9\xe8\xff\xfe"))
    assert probe(source, make_monitor())["VideoStreamSet"][0]["Width"] == 320
