"""Pictures of a source: snapshots, sample snapshots, and sprite sheets with their WebVTT."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av

from .results import INVALID, INVALID_TIME, SOURCE, EngineError, JobResult, MediaFile
from .scale import Scaler, compute_size

if TYPE_CHECKING:
    from .monitor import Monitor
    from .source import Source

ENCODERS = {"jpg": ("mjpeg", "yuvj420p"), "png": ("png", "rgb24"), "webp": ("libwebp", "yuv420p")}
"""Encoder and pixel format by the ``format`` of a job."""

SEEK_SECONDS = 4.0
"""A picture further ahead is reached by seeking."""

EARLIER_SECONDS = (0.0, 5.0, math.inf)
"""Seconds by which a seek goes further back while it ends behind its target (MPEG-TS)."""

MAX_SHEET_PIXELS = 4096
MAX_PICTURES = 10_000


def pick_frames(source: Source, times: Sequence[float]) -> Iterator[av.VideoFrame]:
    """Yield the picture that is shown at each of the ascending times in seconds.

    Raises:
        EngineError: no picture can be decoded.
    """
    half = float(0.5 / source.frame_rate)
    frames: Iterator[tuple[float, Any]] = iter(())
    current: tuple[float, Any] | None = None
    following: tuple[float, Any] | None = None
    for target in times:
        if following is None or target - following[0] > SEEK_SECONDS:
            frames, following = _seek(source, target)
        while following is not None and following[0] <= target + half:
            current, following = following, next(frames, None)
        current = current or following
        if current is None:
            raise EngineError(SOURCE, f"no picture of {source.path.name} can be decoded")
        yield current[1]


def _seek(
    source: Source, target: float
) -> tuple[Iterator[tuple[float, Any]], tuple[float, Any] | None]:
    """Return the frames from the last key frame before a time, and the first of them."""
    frames: Iterator[tuple[float, Any]] = iter(())
    first = None
    for earlier in EARLIER_SECONDS:
        if not source.seek(max(0.0, target - earlier)):
            source.rewind()
        frames = source.decode()
        first = next(frames, None)
        if first is not None and first[0] <= target:
            break
    return frames, first


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
    source: Source, job: Mapping[str, Any], folder: Path, monitor: Monitor
) -> JobResult:
    """Write a picture for each offset of a job ``snapshots`` or ``sample_snapshots``."""
    is_sample = job["kind"] == "sample_snapshots"
    offsets = (list_samples if is_sample else list_offsets)(job, source.duration)
    name = get_format(job)
    shape = source.shape
    size = compute_size(shape.shown, job, even=False)
    scaler = Scaler(size, job.get("fill") or "black", ENCODERS[name][1])
    order = sorted(range(len(offsets)), key=offsets.__getitem__)
    frames = pick_frames(source, [offsets[index] for index in order])
    paths: dict[int, Path] = {}
    for index, frame in zip(order, frames, strict=True):
        paths[index] = folder / f"picture_{index}.{name}"
        paths[index].write_bytes(encode_picture(scaler.scale(frame, shape.pixel_aspect), name))
        monitor.report((), 0.0)
    files = [
        MediaFile(paths[index], "picture", number=index, offset=offset)
        for index, offset in enumerate(offsets)
    ]
    return JobResult(files, details={"width": size.width, "height": size.height})
