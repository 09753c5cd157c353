"""Animated pictures: GIF with a palette of its source, and WebP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.error import BlockingIOError, EOFError
from av.filter import Graph

from .outputs import Output, find_span
from .pictures import pick_frames
from .probe import compute_md5, round_float
from .results import INVALID, EngineError, JobResult, MediaFile
from .scale import Scaler, Size, compute_size
from .tracks import FrameRate
from .transcode import find_rate

if TYPE_CHECKING:
    from av import AudioFrame, VideoFrame

    from .monitor import Monitor
    from .source import Source

ENCODERS = {"gif": ("gif", "rgb24", "pal8"), "webp": ("libwebp_anim", "yuv420p", "yuv420p")}
"""Encoder, format of scaled pictures, and format of encoded pictures, by the ``format`` of a job."""

PALETTE_SAMPLES = 16
DEFAULT_FPS = 2


def open_animation(
    index: int, job: Mapping[str, Any], source: Source, folder: Path, monitor: Monitor
) -> Output:
    """Return the output of a job ``animation``.

    Raises:
        EngineError: the job or the source is invalid.
    """
    source.require_video()
    start, end = find_span(job, source.duration)
    name = job.get("format") or "gif"
    if name not in ENCODERS:
        raise EngineError(INVALID, f"unknown animation format {name!r}: use {', '.join(ENCODERS)}")
    path = folder / f"main.{name}"
    rendition = AnimatedRendition(path, job, source, (start, end))

    def describe() -> JobResult:
        size = path.stat().st_size
        metadata = {
            "Bitrate": round(size * 8 / (end - start)),
            "Container": name,
            "Duration": round_float(end - start),
            "Height": rendition.size.height,
            "Md5": compute_md5(path, monitor.tick),
            "Size": size,
            "Width": rendition.size.width,
        }
        return JobResult([MediaFile(path, "main")], metadata, details={"start": start, "end": end})

    return Output(index, (start, end), [rendition], describe)


class AnimatedRendition:
    """An animated picture of the source.

    Attributes:
        size: of its pictures.
    """

    has_video = True
    has_audio = False

    def __init__(
        self, path: Path, job: Mapping[str, Any], source: Source, span: tuple[float, float]
    ) -> None:
        """Begin a file.

        Args:
            path: of the file.
            job: of kind ``animation``.
            source: of the pictures.
            span: offsets of the beginning and the end, in seconds.
        """
        name = job.get("format") or "gif"
        encoder, scaled, encoded = ENCODERS[name]
        shape = source.shape
        self.size = compute_size(shape.shown, job, even=False)
        self._aspect = shape.pixel_aspect
        self._scaler = Scaler(self.size, job.get("fill") or "black", scaled)
        rate = find_rate({"fps": job.get("fps") or DEFAULT_FPS}, source)
        self._frames = FrameRate(rate, source.frame_rate, source.duration)
        self._palette = None
        if name == "gif":
            self._palette = PaletteFilter(self._make_palette(source, span), self.size, rate)
        options = {"loop": "0"} if name == "webp" else {}
        self._container = av.open(str(path), "w", format=name, options=options)
        quality = {"quality": str(job.get("quality") or 75)} if name == "webp" else {}
        stream = self._container.add_stream(encoder, rate=rate, options=quality)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = self.size
        stream.pix_fmt = encoded
        stream.codec_context.time_base = 1 / rate
        self._stream = stream

    def _make_palette(self, source: Source, span: tuple[float, float]) -> VideoFrame:
        """Return the palette of pictures from the whole span, which bounds the memory that it takes."""
        graph = Graph()
        buffer = graph.add_buffer(
            width=self.size.width,
            height=self.size.height,
            format=av.VideoFormat("rgb24"),
            time_base=Fraction(1, 25),
        )
        graph.link_nodes(buffer, graph.add("palettegen"), graph.add("buffersink")).configure()
        step = (span[1] - span[0]) / PALETTE_SAMPLES
        times = [span[0] + step * number for number in range(PALETTE_SAMPLES)]
        for number, frame in enumerate(pick_frames(source, times)):
            graph.vpush(_set_time(self._scaler.scale(frame, self._aspect), number, Fraction(25)))
        graph.vpush(None)
        return graph.vpull()

    def write_video(self, seconds: float, frame: VideoFrame) -> None:
        """Encode a picture as often as the frame rate demands."""
        for number, picture in self._frames.place(seconds, frame):
            self._encode(number, picture)

    def write_audio(self, seconds: float, frame: AudioFrame) -> None:
        """Ignore sound."""

    def finish(self, seconds: float, monitor: Monitor) -> None:
        """Encode the rest and complete the file."""
        for number, picture in self._frames.finish(seconds):
            self._encode(number, picture)
        if self._palette is not None:
            self._mux(self._palette.apply(None))
        monitor.tick()
        self._container.mux(self._stream.encode(None))
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _encode(self, number: int, picture: VideoFrame) -> None:
        scaled = _set_time(self._scaler.scale(picture, self._aspect), number, self._frames.rate)
        self._mux(iter([scaled]) if self._palette is None else self._palette.apply(scaled))

    def _mux(self, frames: Iterator[VideoFrame]) -> None:
        for frame in frames:
            self._container.mux(self._stream.encode(frame))


def _set_time(frame: VideoFrame, number: int, rate: Fraction) -> VideoFrame:
    frame.pts, frame.time_base = number, 1 / rate
    return frame


class PaletteFilter:
    """Conversion of pictures to the colors of a palette."""

    def __init__(self, palette: VideoFrame, size: Size, rate: Fraction) -> None:
        """Prepare for pictures of a size in the format rgb24, `rate` in a second."""
        self._graph = graph = Graph()
        pictures, colors = (
            graph.add_buffer(width=width, height=height, format=form, time_base=1 / rate)
            for width, height, form in (
                (size.width, size.height, av.VideoFormat("rgb24")),
                (palette.width, palette.height, palette.format),
            )
        )
        use = graph.add("paletteuse")
        pictures.link_to(use, 0, 0)
        colors.link_to(use, 0, 1)
        use.link_to(graph.add("buffersink"))
        graph.configure()
        palette.pts, palette.time_base = 0, 1 / rate
        colors.push(palette)
        colors.push(None)
        self._pictures = pictures

    def apply(self, frame: VideoFrame | None) -> Iterator[VideoFrame]:
        """Yield the converted pictures. None ends the conversion."""
        self._pictures.push(frame)
        while True:
            try:
                yield self._graph.vpull()
            except (BlockingIOError, EOFError):
                return
