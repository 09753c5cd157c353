"""Copying of packets into another container: jobs with ``copy``, and MP4 of a playlist."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.container import OutputContainer
from av.error import FFmpegError

from .hls import Stream
from .outputs import find_span
from .probe import probe
from .results import SOURCE, EngineError, JobResult, MediaFile
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
        container, path = stream.open(), stream.playlist
    else:
        stream = None
        path = folder / f"main.{job['container']}"
        format_name, options = get_container(job["container"])
        container = av.open(str(path), "w", format=format_name, options=options)
    with container:
        copy_packets(source, container, kinds, span, lambda done: monitor.report([index], done))
    files = stream.list_files(None) if stream is not None else []
    return JobResult([*files, MediaFile(path, "main")], probe(path, monitor, trusted=True))


def copy_packets(
    source: Source,
    container: OutputContainer,
    kinds: Mapping[str, bool],
    span: tuple[float, float],
    report: Callable[[float], None],
) -> None:
    """Copy the packets of a span.

    Args:
        source: of the packets.
        container: to which to add the streams.
        kinds: ``video`` and ``audio``: False to leave the stream out.
        span: offsets of the beginning and the end in seconds.
        report: called with the progress, 0 to 1.

    Raises:
        EngineError: the source has no stream that is wanted, or the container cannot hold one.
    """
    source.rewind()
    if span[0]:
        source.seek(span[0])
    streams = source.list_streams(**kinds)
    if not streams:
        raise EngineError(SOURCE, f"{source.path.name} has no stream to copy")
    try:
        targets = {
            stream.index: _Target(container.add_stream_from_template(stream)) for stream in streams
        }
        container.start_encoding()
    except (FFmpegError, ValueError) as error:
        names = " and ".join(stream.codec_context.name for stream in streams)
        raise EngineError(
            SOURCE, f"{container.format.name} cannot hold {names} without encoding: {error}"
        ) from None
    origin: float | None = None
    for packet in source.demux(streams):
        if packet.dts is None or packet.time_base is None:
            continue
        time = float((packet.dts if packet.pts is None else packet.pts) * packet.time_base)
        seconds = time - source.start
        if origin is None:
            if source.video in streams and packet.stream_index != source.video.index:
                continue
            origin = seconds
        if seconds < origin or seconds >= span[1]:
            continue
        targets[packet.stream_index].mux(container, packet, origin + source.start)
        report((seconds - span[0]) / (span[1] - span[0]))


class _Target:
    """A stream of the copy."""

    def __init__(self, stream: av.VideoStream | av.AudioStream) -> None:
        self._stream = stream
        self._last: int | None = None

    def mux(self, container: OutputContainer, packet: av.Packet[Any], origin: float) -> None:
        """Write a packet, whose time is moved by `origin` seconds to the beginning."""
        assert packet.time_base is not None
        assert packet.dts is not None
        shift = round(origin / packet.time_base)
        # A damaged source may repeat a time, which muxers refuse.
        dts = packet.dts - shift
        if self._last is not None:
            dts = max(dts, self._last + 1)
        packet.pts = None if packet.pts is None else max(dts, packet.pts - shift)
        packet.dts = self._last = dts
        packet.stream = self._stream
        container.mux(packet)


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
