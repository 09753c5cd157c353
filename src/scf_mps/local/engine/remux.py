"""Copying of packets into another container: jobs with ``copy``, and MP4 of a playlist."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.bitstream import BitStreamFilterContext
from av.container import OutputContainer
from av.error import FFmpegError

from .hls import Stream
from .outputs import find_span
from .probe import probe
from .results import SOURCE, EngineError, JobResult, MediaFile, is_full
from .source import Source
from .transcode import get_container

if TYPE_CHECKING:
    from .monitor import Monitor

_URI = re.compile(r'^([^#\s][^\n]*)$|URI="([^"]*)"', re.MULTILINE)


def copy_job(
    index: int, job: Mapping[str, Any], source: Source, folder: Path, monitor: Monitor
) -> JobResult:
    """Process a job ``transcode`` with ``copy``. A part of the source begins at the key frame before it."""
    span = find_span(job, source.duration)
    kinds = {"video": job.get("video") is not None, "audio": job.get("audio") is not None}
    if job["container"] == "hls":
        stream = Stream(folder / "main.m3u8", "segment_", job.get("segment") or {})
        codecs = [item.codec_context.codec.canonical_name for item in source.list_streams(**kinds)]
        container, path = stream.open(codecs), stream.playlist
    else:
        stream = None
        path = folder / f"main.{job['container']}"
        format_name, options = get_container(job["container"])
        container = av.open(str(path), "w", format=format_name, options=options)
    with container:
        packets = copy_packets(
            source, container, kinds, span, lambda done: monitor.report([index], done)
        )
    files = []
    if stream is not None:
        stream.check(packets, monitor)
        files = stream.list_files(None)
    return JobResult([*files, MediaFile(path, "main")], probe(path, monitor, trusted=True))


def copy_packets(
    source: Source,
    container: OutputContainer,
    kinds: Mapping[str, bool],
    span: tuple[float, float],
    report: Callable[[float], None],
) -> int:
    """Copy the packets of a span, which begins at the key frame before it. Return their number.

    Args:
        source: of the packets.
        container: to which to add the streams.
        kinds: ``video`` and ``audio``: False to leave the stream out.
        span: offsets of the beginning and the end in seconds.
        report: called with the progress, 0 to 1.

    Raises:
        EngineError: the source has no stream that is wanted, or the container cannot hold one.
    """
    origin = find_key_time(source, span[0]) if kinds["video"] else span[0]
    source.rewind()
    streams = source.list_streams(**kinds)
    if not streams:
        raise EngineError(SOURCE, "the source has no stream to copy")
    count = 0
    try:
        targets = {stream.index: _Target(container, stream, source) for stream in streams}
        for packet in source.demux(streams):
            seconds = source.find_time(packet)
            if seconds is not None and origin <= seconds < span[1]:
                count += targets[packet.stream_index].mux(packet, origin)
                report((seconds - origin) / (span[1] - origin))
    except (FFmpegError, ValueError) as error:
        if is_full(error):
            raise
        names = " and ".join(stream.codec_context.name for stream in streams)
        raise EngineError(
            SOURCE,
            f"{container.format.name} cannot hold {names} of the source without encoding: {error}",
        ) from None
    return count


def find_key_time(source: Source, seconds: float) -> float:
    """Return the time of the last key frame before an offset, in seconds."""
    time = 0.0
    if seconds:
        source.rewind()
        for packet in source.demux(source.list_streams(audio=False)):
            found = source.find_time(packet)
            if packet.is_keyframe and found is not None and time < found <= seconds:
                time = found
    return time


class _Target:
    """A stream of the copy."""

    def __init__(
        self, container: OutputContainer, stream: av.VideoStream | av.AudioStream, source: Source
    ) -> None:
        self._container = container
        self._stream = container.add_stream_from_template(stream)
        self._start = source.start
        self._last: int | None = None
        self._filter = None
        # AAC of MPEG-TS has headers. FFmpeg removes them for MP4, but not for segments of that type.
        is_plain = stream.codec_context.name == "aac" and not stream.codec_context.extradata
        if is_plain and container.options.get("hls_segment_type") == "fmp4":
            self._filter = BitStreamFilterContext("aac_adtstoasc", stream, self._stream)

    def mux(self, packet: av.Packet[Any], origin: float) -> int:
        """Write a packet, whose time is moved by `origin` seconds to the beginning. Return 1."""
        assert packet.time_base is not None
        shift = round((origin + self._start) / packet.time_base)
        # A damaged source may repeat a time, which muxers refuse.
        dts = (packet.pts if packet.dts is None else packet.dts) or 0
        dts = max(dts - shift, dts - shift if self._last is None else self._last + 1)
        packet.pts = dts if packet.pts is None else max(dts, packet.pts - shift)
        packet.dts = self._last = dts
        for item in [packet] if self._filter is None else self._filter.filter(packet):
            item.stream = self._stream
            self._container.mux(item)
        return 1


def check_playlist(path: Path, depth: int = 2) -> None:
    """Raise EngineError unless a playlist, and those it names, name only files of its folder."""
    text = path.read_text("utf-8", "replace")
    for match in _URI.finditer(text):
        uri = (match[1] or match[2] or "").strip()
        target = path.parent / uri
        if "/" in uri or ":" in uri or not target.is_file():
            raise EngineError(
                SOURCE, f"{path.name} names {uri[:80]!r}, which is no file in its folder"
            )
        if depth and target.suffix == ".m3u8":
            check_playlist(target, depth - 1)


def make_mp4(path: Path, target: Path, monitor: Monitor) -> None:
    """Copy a stream, such as that of an HLS playlist, into an MP4.

    Args:
        path: of a playlist whose segments are in its folder, or of a video.
        target: path of the MP4.
        monitor: takes signs of life.

    Raises:
        EngineError: the playlist is damaged, or names files elsewhere.
    """
    try:
        check_playlist(path)
    except OSError as error:
        raise EngineError(SOURCE, f"cannot read {path.name}: {error.strerror}") from None
    format_name, options = get_container("mp4")
    with (
        Source(path, monitor, trusted=True) as source,
        av.open(str(target), "w", format=format_name, options=options) as container,
    ):
        kinds = {"video": True, "audio": True}
        copy_packets(source, container, kinds, (0.0, source.duration + 1), lambda _: None)
