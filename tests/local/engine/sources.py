"""Sources with unusual properties: codecs, sizes, rates, rotation, sound, and damage."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.filter import Graph

from scf_mps.local.engine.sample_clip import FPS, draw_clock

TURNS = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}
"""Matrix of a track by the clockwise rotation that players apply."""


@dataclass(frozen=True)
class Recipe:
    """Properties of a video.

    Attributes:
        frames: number of pictures, 0 for sound alone.
        size: width and height of the stored pictures.
        rate: pictures in a second.
        codec: encoder of the pictures.
        pixel_format: of the stored pictures.
        audio: encoder of the sound, empty for none.
        layout: channels of the sound.
        turn: filter applied to the pictures before they are stored.
        format: of the muxer.
        options: of the encoder.
        aspect: width by height of a pixel.
        is_live: True for a file that does not state its length.
    """

    frames: int = 50
    size: tuple[int, int] = (320, 180)
    rate: Fraction = Fraction(FPS)
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    audio: str = "aac"
    layout: str = "stereo"
    turn: str = ""
    format: str = "mp4"
    options: dict[str, str] = field(default_factory=dict)
    aspect: Fraction | None = None
    is_live: bool = False


def draw_pictures(recipe: Recipe) -> Iterator[av.VideoFrame]:
    """Yield grey pictures with the clock, as they are stored."""
    width, height = recipe.size
    if recipe.turn.startswith("transpose"):
        width, height = height, width
    graph = Graph()
    buffer = graph.add_buffer(
        width=width, height=height, format=av.VideoFormat("yuv420p"), time_base=1 / recipe.rate
    )
    turn = graph.add(*recipe.turn.split("=")) if recipe.turn else graph.add("null")
    target = graph.add("format", recipe.pixel_format)
    graph.link_nodes(buffer, turn, target, graph.add("buffersink")).configure()
    for number in range(recipe.frames):
        frame = av.VideoFrame(width, height, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([100]) * plane.buffer_size)
        draw_clock(frame, number)
        frame.pts, frame.time_base = number, 1 / recipe.rate
        graph.vpush(frame)
        yield graph.vpull()


def make_video(path: Path, recipe: Recipe) -> Path:
    """Write a video and return its path."""
    seconds = float(recipe.frames / recipe.rate) if recipe.frames else 2.0
    options = {"movflags": "+faststart"} if recipe.format == "mp4" else {}
    if recipe.is_live:
        options["live"] = "1"
    with av.open(str(path), "w", format=recipe.format, options=options) as output:
        video: Any = None
        if recipe.frames:
            video = output.add_stream(recipe.codec, rate=recipe.rate, options=recipe.options)
            video.width, video.height = recipe.size
            video.pix_fmt = recipe.pixel_format
            if recipe.aspect:
                video.codec_context.sample_aspect_ratio = recipe.aspect
        audio: Any = None
        if recipe.audio:
            rate = 48000 if recipe.audio == "libopus" else 44100
            audio = output.add_stream(recipe.audio, rate=rate, layout=recipe.layout)
        for frame in draw_pictures(recipe):
            output.mux(video.encode(frame))
        if video is not None:
            output.mux(video.encode(None))
        if audio is not None:
            for sound in make_sound(seconds, recipe.layout):
                output.mux(audio.encode(sound))
            output.mux(audio.encode(None))
    return path


def make_sound(seconds: float, layout: str) -> Iterator[av.AudioFrame]:
    """Yield frames of a beep."""
    source = f"aevalsrc=exprs=0.2*sin(2000*t):c=mono:s=44100:d={seconds}"
    with av.open(source, format="lavfi") as container:
        resampler = av.AudioResampler("fltp", layout, 44100)
        for frame in container.decode(audio=0):
            yield from resampler.resample(frame)


def rotate(path: Path, degrees: int) -> Path:
    """Set the clockwise rotation in the first track of an MP4, as phones do."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    a, b, c, d = (value << 16 for value in TURNS[degrees])
    struct.pack_into(">9i", data, at, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def damage(path: Path, count: int, seed: int = 7, first: float = 0.5) -> Path:
    """Change random bytes of a file after a part of its length."""
    data = bytearray(path.read_bytes())
    chance = random.Random(seed)
    for _ in range(count):
        data[chance.randrange(int(len(data) * first), len(data))] = chance.randrange(256)
    path.write_bytes(data)
    return path


def cut(path: Path, part: float) -> Path:
    """Cut a file after a part of its length."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    return path


def write(content: bytes) -> Callable[[Path], Path]:
    """Return a function that writes a content."""

    def make(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return make
