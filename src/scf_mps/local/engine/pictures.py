"""Pictures of a source: snapshots, sample snapshots, and sprite sheets with their WebVTT."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.filter import Graph

from .results import INVALID, INVALID_TIME, EngineError, JobResult, MediaFile
from .scale import Scaler, Size, compute_size

if TYPE_CHECKING:
    from .monitor import Monitor
    from .source import Source

ENCODERS = {"jpg": ("mjpeg", "yuvj420p"), "png": ("png", "rgb24"), "webp": ("libwebp", "yuv420p")}
"""Encoder and pixel format by the ``format`` of a job."""

SEEK_SECONDS = 4.0
"""A picture further ahead is reached by seeking."""

TOLERANCE_SECONDS = 0.002
"""Rounding of the times in a file, such as the milliseconds of Matroska."""

MAX_SHEET_PIXELS = 4096
MAX_PICTURES = 10_000


def pick_frames(source: Source, times: Sequence[float]) -> Iterator[av.VideoFrame]:
    """Yield the picture that is shown at each of the ascending times in seconds."""
    frames: Iterator[tuple[float, Any]] = iter(())
    current: tuple[float, Any] | None = None
    following: tuple[float, Any] | None = None
    for target in times:
        if following is None or target - following[0] > SEEK_SECONDS:
            frames = source.decode_from(target)
            following = next(frames, None)
        while following is not None and following[0] <= target + TOLERANCE_SECONDS:
            current, following = following, next(frames, None)
        current = current or following
        assert current is not None  # `Source.shape` found a picture
        assert isinstance(current[1], av.VideoFrame)
        yield current[1]


def encode_picture(frame: av.VideoFrame, format_name: str) -> bytes:
    """Return a frame as a file of a format."""
    name, _ = ENCODERS[format_name]
    context = av.CodecContext.create(name, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height = frame.width, frame.height
    context.pix_fmt = frame.format.name
    context.time_base = Fraction(1, 25)
    if name == "mjpeg":
        context.qmin, context.qmax = 2, 5
    frame.pts, frame.time_base = 0, context.time_base
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])


def get_format(job: Mapping[str, Any]) -> str:
    """Return the format of a job's pictures. Raises EngineError for an unknown one."""
    name = job.get("format") or "jpg"
    if name not in ENCODERS:
        raise EngineError(INVALID, f"unknown picture format {name!r}: use {', '.join(ENCODERS)}")
    return str(name)


def list_offsets(job: Mapping[str, Any], duration: float) -> list[float]:
    """Return the offsets of snapshots in seconds: the first picture if the job names none.

    Raises:
        EngineError: an offset is behind the end.
    """
    wanted = job.get("offsets") or [0.0]
    values = wanted if isinstance(wanted, list) else [wanted]
    offsets = [
        value["percent"] * duration / 100 if isinstance(value, Mapping) else float(value)
        for value in values
    ]
    for offset in offsets:
        if not 0 <= offset <= duration:
            raise EngineError(
                INVALID_TIME,
                f"time offset {offset:g} s is outside of the {duration:g} s of the source",
            )
    return offsets


def list_samples(job: Mapping[str, Any], duration: float) -> list[float]:
    """Return the offsets of sampled pictures in seconds. The first is 0.

    Raises:
        EngineError: the interval is invalid.
    """
    interval = float(job.get("interval") or 0)
    step = interval * duration / 100 if job.get("sample_type") == "Percent" else interval
    if step <= 0:
        raise EngineError(INVALID, f"invalid interval {interval:g}: use a positive number")
    count = max(1, math.ceil(round(duration / step, 6)))
    if count > MAX_PICTURES:
        raise EngineError(INVALID, f"{count} pictures are too many: use a longer interval")
    return [number * step for number in range(count)]


def take_snapshots(
    index: int, job: Mapping[str, Any], source: Source, folder: Path, monitor: Monitor
) -> JobResult:
    """Process a job ``snapshots`` or ``sample_snapshots``: a picture for each offset."""
    is_sample = job["kind"] == "sample_snapshots"
    offsets = (list_samples if is_sample else list_offsets)(job, source.duration)
    name = get_format(job)
    shape = source.shape
    size = compute_size(shape.shown, job, even=False)
    scaler = Scaler(size, job.get("fill") or "black", ENCODERS[name][1])
    order = sorted(range(len(offsets)), key=offsets.__getitem__)
    frames = pick_frames(source, [offsets[number] for number in order])
    paths: dict[int, Path] = {}
    for number, frame in zip(order, frames, strict=True):
        paths[number] = folder / f"picture_{number}.{name}"
        paths[number].write_bytes(encode_picture(scaler.scale(frame, shape.pixel_aspect), name))
        monitor.report([index], len(paths) / len(offsets))
    files = [
        MediaFile(paths[number], "picture", number=number, offset=offset)
        for number, offset in enumerate(offsets)
    ]
    return JobResult(files, details={"width": size.width, "height": size.height})


def make_sprites(
    index: int, job: Mapping[str, Any], source: Source, folder: Path, monitor: Monitor
) -> JobResult:
    """Process a job ``sprites``: sheets of small pictures, and a WebVTT with the place of each."""
    name = get_format(job)
    columns, rows = (int(job.get(key) or 10) for key in ("column_count", "row_count"))
    size = compute_size(source.shape.shown, job, even=False)
    sheet = Size(size.width * columns, size.height * rows)
    if max(sheet) > MAX_SHEET_PIXELS:
        raise EngineError(
            INVALID, f"sheets of {sheet.width}x{sheet.height} are larger than {MAX_SHEET_PIXELS}"
        )
    times = list_samples(job, source.duration)
    scaler = Scaler(size, job.get("fill") or "black", "rgb24")
    tiles = _Tiles(columns, rows)
    lines = ["WEBVTT", ""]
    files: list[MediaFile] = []
    for number, frame in enumerate(pick_frames(source, times)):
        monitor.report([index], number / len(times))
        tiles.add(scaler.scale(frame, source.pixel_aspect))
        place = number % (columns * rows)
        path = folder / f"sheet_{number // (columns * rows)}.{name}"
        end = times[number + 1] if number + 1 < len(times) else source.duration
        x, y = place % columns * size.width, place // columns * size.height
        lines += [
            f"{format_cue_time(times[number])} --> {format_cue_time(end)}",
            f"{path.name}#xywh={x},{y},{size.width},{size.height}",
            "",
        ]
        if place + 1 == columns * rows or number + 1 == len(times):
            picture = tiles.finish().reformat(format=ENCODERS[name][1])
            path.write_bytes(encode_picture(picture, name))
            files.append(MediaFile(path, "sheet", number=len(files)))
    vtt = folder / "sprites.vtt"
    vtt.write_text("\n".join(lines), "utf-8")
    details = {"width": size.width, "height": size.height, "sheets": len(files)}
    return JobResult([*files, MediaFile(vtt, "vtt")], count=len(times), details=details)


def format_cue_time(seconds: float) -> str:
    """Return a time of WebVTT: ``HH:MM:SS.mmm``."""
    total = round(seconds * 1000)
    return (
        f"{total // 3600000:02}:{total // 60000 % 60:02}:{total // 1000 % 60:02}.{total % 1000:03}"
    )


class _Tiles:
    """Pictures of one size in rows and columns. Places without a picture are black."""

    def __init__(self, columns: int, rows: int) -> None:
        self._layout = f"{columns}x{rows}"
        self._graph: Graph | None = None

    def add(self, frame: av.VideoFrame) -> None:
        """Add a picture."""
        if self._graph is None:
            self._graph = Graph()
            buffer = self._graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format,
                time_base=Fraction(1, 25),
            )
            self._graph.link_nodes(
                buffer, self._graph.add("tile", self._layout), self._graph.add("buffersink")
            ).configure()
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        self._graph.vpush(frame)

    def finish(self) -> av.VideoFrame:
        """Return the sheet, and begin another one."""
        assert self._graph is not None
        graph, self._graph = self._graph, None
        graph.vpush(None)
        return graph.vpull()
