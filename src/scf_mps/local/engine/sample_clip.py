"""Sample clip: moving test pictures with sound, and a clock that pictures of it show readably."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
from av.video.frame import VideoFrame

FPS = 25
SAMPLE_RATE = 44100

SCENES = (
    "mandelbrot=s={size}:r={fps}:end_scale=0.02:maxiter=300",
    "gradients=s={size}:r={fps}:seed=7:speed=0.02",
    "life=s=80x45:r={fps}:seed=7:mold=10:life_color=orange:death_color=teal,scale=s={size}:flags=neighbor",
    "testsrc2=s={size}:r={fps}",
    "smptehdbars=s={size}:r={fps}",
)
"""Sources of FFmpeg, each for the same time."""

#  0
# 5 1
#  6
# 4 2
#  3
SEGMENTS = {
    "0": "012345",
    "1": "12",
    "2": "01346",
    "3": "01236",
    "4": "1256",
    "5": "02356",
    "6": "023456",
    "7": "012",
    "8": "0123456",
    "9": "012356",
}
"""Lit segments of each digit."""

DARK, LIGHT, GREY = 20, 235, 128


class Rectangle(NamedTuple):
    """Part of a picture in units of the clock."""

    left: float
    top: float
    width: float
    height: float


SEGMENT_PLACES = {
    "0": Rectangle(1, 0, 2, 1),
    "1": Rectangle(3, 1, 1, 2),
    "2": Rectangle(3, 4, 1, 2),
    "3": Rectangle(1, 6, 2, 1),
    "4": Rectangle(0, 4, 1, 2),
    "5": Rectangle(0, 1, 1, 2),
    "6": Rectangle(1, 3, 2, 1),
}
DOTS = (Rectangle(0.5, 2, 1, 1), Rectangle(0.5, 5, 1, 1))
GLYPH_HEIGHT = 7
DIGIT_WIDTH, SEPARATOR_WIDTH = 5, 3
CLOCK_UNITS = 8 * DIGIT_WIDTH + 3 * SEPARATOR_WIDTH
"""Width of ``HH:MM:SS.FF``."""


class Clock:
    """Places of the clock's glyphs in pictures of a size.

    Attributes:
        unit: pixels of a unit. A digit is 4 units wide and 7 high.
        box: the dark background, in pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self.unit = width * 0.9 / CLOCK_UNITS
        left = (width - self.unit * CLOCK_UNITS) / 2
        top = height - self.unit * (GLYPH_HEIGHT + 2)
        self.left, self.top = left, top
        margin = self.unit
        self.box = Rectangle(
            left - margin, top - margin, width - 2 * (left - margin), margin * (GLYPH_HEIGHT + 2)
        )

    def list_places(self, text: str) -> Iterator[tuple[str, float]]:
        """Yield the characters of a time and the left of each in pixels."""
        left = self.left
        for character in text:
            yield character, left
            left += self.unit * (DIGIT_WIDTH if character.isdigit() else SEPARATOR_WIDTH)

    def scale(self, place: Rectangle, left: float) -> Rectangle:
        """Return a part of the glyph at `left`, in pixels."""
        unit = self.unit
        return Rectangle(
            left + place.left * unit,
            self.top + place.top * unit,
            place.width * unit,
            place.height * unit,
        )


def format_time(number: int) -> str:
    """Return the time of a picture as ``HH:MM:SS.FF``, FF being the picture in its second."""
    seconds, picture = divmod(number, FPS)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{picture:02}"


def draw_clock(frame: VideoFrame, number: int) -> None:
    """Draw the time of a picture into a frame of format yuv420p."""
    clock = Clock(frame.width, frame.height)
    _fill(frame, clock.box, DARK)
    for character, left in clock.list_places(format_time(number)):
        lit = SEGMENTS.get(character)
        places = DOTS[character == "." :] if lit is None else [SEGMENT_PLACES[name] for name in lit]
        for place in places:
            _fill(frame, clock.scale(place, left), LIGHT)


def _fill(frame: VideoFrame, place: Rectangle, value: int) -> None:
    """Fill a rectangle with a grey value."""
    for index, plane in enumerate(frame.planes):
        divisor, level = (2, GREY) if index else (1, value)
        left, right = (round(x / divisor) for x in (place.left, place.left + place.width))
        top, bottom = (round(y / divisor) for y in (place.top, place.top + place.height))
        view = memoryview(plane)
        row = bytes([level]) * (right - left)
        for y in range(max(0, top), min(bottom, plane.height)):
            start = y * plane.line_size + left
            view[start : start + len(row)] = row


def list_pictures(seconds: float, width: int) -> Iterator[VideoFrame]:
    """Yield the pictures of a clip, in the format yuv420p."""
    size = f"{width}x{round(width * 9 / 32) * 2}"
    total = round(seconds * FPS)
    number = 0
    for index, scene in enumerate(SCENES):
        end = round(total * (index + 1) / len(SCENES))
        with av.open(scene.format(size=size, fps=FPS), format="lavfi") as source:
            for frame in itertools.islice(source.decode(video=0), end - number):
                picture = frame.reformat(format="yuv420p")
                draw_clock(picture, number)
                picture.pts, picture.time_base = number, Fraction(1, FPS)
                yield picture
                number += 1


def make_sample_clip(
    path: Path, seconds: float = 20, width: int = 640, tick: Callable[[], None] = lambda: None
) -> None:
    """Write an MP4 of H.264 and AAC.

    Args:
        path: of the file.
        seconds: the length.
        width: in pixels. The height is 9/16 of it.
        tick: called after each picture.
    """
    with (
        av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as output,
        av.open(f"sine=f=330:b=4:r={SAMPLE_RATE}:d={seconds}", format="lavfi") as sine,
    ):
        video = output.add_stream("libx264", rate=FPS, options={"crf": "28", "preset": "veryfast"})
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = width, round(width * 9 / 32) * 2, "yuv420p"
        audio = output.add_stream("aac", rate=SAMPLE_RATE)
        assert isinstance(audio, av.AudioStream)
        sounds = sine.decode(audio=0)
        position = 0.0
        for picture in list_pictures(seconds, width):
            while position <= picture.time and (sound := next(sounds, None)) is not None:
                position = sound.time + sound.samples / SAMPLE_RATE
                output.mux(audio.encode(sound))
            output.mux(video.encode(picture))
            tick()
        output.mux(video.encode(None))
        for sound in sounds:
            output.mux(audio.encode(sound))
        output.mux(audio.encode(None))
