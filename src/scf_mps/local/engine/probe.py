"""Metadata of media files, with the field names and rules of MPS's ``MediaMetaData``."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av

from .source import Source, make_fraction

if TYPE_CHECKING:
    from .monitor import Monitor

CONTAINER_NAMES = {"hls": "hls,applehttp"}
"""Names of ffmpeg before version 5, which MPS shows."""

_BLOCK = 2**20


def round_float(value: float) -> float:
    """Return the nearest float of 32 bits: MPS's durations are such (11.26200008392334)."""
    return float(struct.unpack("f", struct.pack("f", value))[0])


def compute_md5(path: Path, tick: Callable[[], None]) -> str:
    """Return the MD5 of a file in hexadecimal. `tick` is called after each block."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            tick()
    return digest.hexdigest()


@dataclass(slots=True)
class StreamTotal:
    """Number, bytes and time range of the packets of a stream."""

    packets: int = 0
    bytes: int = 0
    start: float = 0.0
    end: float = 0.0

    @property
    def seconds(self) -> float:
        """The length."""
        return self.end - self.start

    def add(self, begin: float, length: float, size: int) -> None:
        """Add a packet that begins at a time and lasts for a length, in seconds."""
        self.start = min(self.start, begin) if self.packets else begin
        self.end = max(self.end, begin + length)
        self.packets += 1
        self.bytes += size


def count_packets(source: Source) -> dict[int, StreamTotal]:
    """Return the totals of the streams by index, because not every format states bitrates."""
    source.rewind()
    streams = source.list_streams()
    totals = {stream.index: StreamTotal() for stream in streams}
    for packet in source.demux(streams):
        begin = source.find_time(packet)
        if begin is not None:
            length = float((packet.duration or 0) * make_fraction(packet.time_base))
            totals[packet.stream_index].add(begin, length, packet.size)
    return totals


def probe(path: Path, monitor: Monitor, trusted: bool = False) -> dict[str, Any]:
    """Return the ``MediaMetaData`` of a file, and its ``Md5``.

    Args:
        path: of the file.
        monitor: has the limits, and takes signs of life.
        trusted: True for a file or playlist that the engine wrote: it has no limits.

    Raises:
        EngineError: the file is no media, is damaged, or exceeds a limit.
    """
    with Source(path, monitor, trusted) as source:
        rotate = 0
        if source.video is not None:
            rotate = -source.shape.rotation % 360
        is_complete = all(stream.bit_rate and stream.duration for stream in source.list_streams())
        totals = {} if is_complete else count_packets(source)
        video, audio = (
            _describe_stream(stream, totals, source) for stream in (source.video, source.audio)
        )
        size = (source.video.width, source.video.height) if source.video is not None else (0, 0)
        name = source.container.format.name
        return {
            "AudioDuration": audio.pop("Duration", 0.0),
            "AudioStreamSet": [audio] if audio else [],
            "Bitrate": video.get("Bitrate", 0) + audio.get("Bitrate", 0),
            "Container": CONTAINER_NAMES.get(name, name),
            "Duration": round_float(source.duration),
            "Height": size[1],
            "Md5": compute_md5(path, monitor.tick),
            "Rotate": rotate,
            "Size": path.stat().st_size,
            "VideoDuration": video.pop("Duration", 0.0),
            "VideoStreamSet": [video] if video else [],
            "Width": size[0],
        }


def _describe_stream(
    stream: av.VideoStream | av.AudioStream | None, totals: dict[int, StreamTotal], source: Source
) -> dict[str, Any]:
    if stream is None:
        return {}
    total = totals.get(stream.index)
    seconds = (
        float(stream.duration * stream.time_base)
        if stream.duration and stream.time_base
        else total.seconds
        if total
        else source.duration
    )
    bitrate = stream.bit_rate or (round(total.bytes * 8 / seconds) if total and seconds else 0)
    values: dict[str, Any] = {
        "Bitrate": bitrate,
        "Codec": stream.codec_context.codec.canonical_name,
        "Duration": round_float(seconds),
    }
    if isinstance(stream, av.AudioStream):
        return {**values, "SamplingRate": stream.sample_rate}
    # MPS cuts the fraction: 29 for 29.97.
    rate = make_fraction(stream.average_rate or stream.guessed_rate)
    return {**values, "Fps": int(rate), "Height": stream.height, "Width": stream.width}
