"""Metadata of media files, with the field names and rules of MPS's ``MediaMetaData``."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError

from .settings import Settings
from .source import FORMATS, Source

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
    """Bytes and time range of the packets of a stream."""

    bytes: int = 0
    start: float = 0.0
    end: float = 0.0

    @property
    def seconds(self) -> float:
        """The length."""
        return self.end - self.start

    def add(self, packet: av.Packet[Any]) -> None:
        """Add a packet."""
        base = packet.time_base
        if packet.pts is not None and base is not None:
            begin = float(packet.pts * base)
            self.start = min(self.start, begin) if self.bytes else begin
            self.end = max(self.end, begin + float((packet.duration or 0) * base))
        self.bytes += packet.size


def count_packets(source: Source, tick: Callable[[], None]) -> dict[int, StreamTotal]:
    """Return the totals of the streams by index, because not every format states bitrates."""
    totals = {stream.index: StreamTotal() for stream in (source.video, source.audio) if stream}
    source.rewind()
    try:
        for packet in source.container.demux(*filter(None, (source.video, source.audio))):
            if packet.size:
                totals[packet.stream_index].add(packet)
                tick()
    except FFmpegError:
        pass  # a truncated file counts up to here
    return totals


def probe(
    path: Path, settings: Settings, tick: Callable[[], None] = lambda: None, formats: str = FORMATS
) -> dict[str, Any]:
    """Return the ``MediaMetaData`` of a file, and its ``Md5``.

    Args:
        path: of the file.
        settings: the limits.
        tick: called now and then.
        formats: names of demuxers, joined by commas.

    Raises:
        EngineError: the file is no media, is damaged, or exceeds a limit.
    """
    with Source(path, settings, formats) as source:
        rotate = 0
        if source.video is not None:
            rotate = -source.shape.rotation % 360
        streams = [stream for stream in (source.video, source.audio) if stream is not None]
        totals = (
            {}
            if all(stream.bit_rate and stream.duration for stream in streams)
            else count_packets(source, tick)
        )
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
            "Md5": compute_md5(path, tick),
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
    rate = stream.average_rate or stream.guessed_rate or 0
    return {**values, "Fps": int(rate), "Height": stream.height, "Width": stream.width}
