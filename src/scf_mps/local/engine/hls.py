"""HLS: one stream, and adaptive streams with their master playlist (RFC 8216)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.container import OutputContainer

from .outputs import Output, find_span
from .probe import compute_md5, count_packets, probe
from .results import INTERNAL, INVALID, EngineError, JobResult, MediaFile
from .scale import compute_size
from .source import Source
from .transcode import EncodedRendition, list_codecs

if TYPE_CHECKING:
    from .monitor import Monitor
    from .tracks import VideoTrack

DEFAULT_SEGMENT_SECONDS = 5
SEGMENT_TYPES = {"ts": ("mpegts", "ts"), "mp4": ("fmp4", "m4s")}
"""Segment type of FFmpeg and extension, by the ``type`` of a job's ``segment``."""

AUDIO_NAMES = {"aac": "mp4a.40.2", "mp3": "mp4a.40.34", "flac": "fLaC", "opus": "Opus"}
"""Codecs in the attribute CODECS (RFC 6381)."""

TS_CODECS = frozenset(
    {"h264", "h265", "hevc", "mpeg2video", "aac", "mp3", "mp2", "ac3", "eac3", "opus"}
)
"""Names of codecs that MPEG-TS defines, also those of jobs."""

_ENTRY = re.compile(r"#EXTINF:([0-9.]+),[^\n]*\n(?:#[^\n]*\n)*([^#\n]+)")


@dataclass(frozen=True, slots=True)
class Stream:
    """Files of a media playlist that is being written.

    Attributes:
        playlist: path of the playlist.
        prefix: of the names of its segments.
        segment: ``type`` and ``seconds`` of a job.
    """

    playlist: Path
    prefix: str
    segment: Mapping[str, Any]

    @property
    def seconds(self) -> float:
        """Length of a segment."""
        return float(self.segment.get("seconds") or DEFAULT_SEGMENT_SECONDS)

    @property
    def init(self) -> Path:
        """The initialization section of fMP4."""
        return self.playlist.with_name(f"{self.prefix}init.mp4")

    def open(self, codecs: Iterable[str]) -> OutputContainer:
        """Return the container that writes the files.

        Args:
            codecs: what it has to hold. FFmpeg would write any of them, in a form that nothing reads.

        Raises:
            EngineError: the type of the segments is unknown, or does not define a codec.
        """
        name = self.segment.get("type") or "ts"
        if name not in SEGMENT_TYPES:
            raise EngineError(
                INVALID, f"unknown type of segments {name!r}: use {', '.join(SEGMENT_TYPES)}"
            )
        unknown = sorted(set(codecs) - TS_CODECS)
        if name == "ts" and unknown:
            raise EngineError(
                INVALID, f"segments of type ts cannot hold {unknown[0]}: encode it, or use type mp4"
            )
        kind, extension = SEGMENT_TYPES[name]
        folder = str(self.playlist.parent).replace("%", "%%")
        options = {
            "hls_time": str(self.seconds),
            "hls_list_size": "0",
            "hls_playlist_type": "vod",
            "hls_flags": "independent_segments",
            "hls_segment_type": kind,
            "hls_segment_filename": f"{folder}/{self.prefix}%d.{extension}",
            "hls_fmp4_init_filename": self.init.name,
        }
        return av.open(str(self.playlist), "w", format="hls", options=options)

    def list_entries(self) -> list[tuple[Path, float]]:
        """Return the segments and their seconds."""
        text = self.playlist.read_text("utf-8")
        return [
            (self.playlist.with_name(name), float(seconds))
            for seconds, name in _ENTRY.findall(text)
        ]

    def list_files(self, stream: int | None) -> list[MediaFile]:
        """Return the files but for the playlist."""
        files = [MediaFile(self.init, "init", stream)] if self.init.exists() else []
        return files + [
            MediaFile(path, "segment", stream, number)
            for number, (path, _) in enumerate(self.list_entries())
        ]

    def check(self, packets: int, monitor: Monitor) -> None:
        """Raise EngineError unless all packets are in the segments: FFmpeg ignores errors of writing them."""
        try:
            with Source(self.playlist, monitor, trusted=True) as source:
                count = sum(total.packets for total in count_packets(source).values())
        except EngineError:
            count = 0
        if count < packets:
            raise EngineError(
                INTERNAL,
                f"{packets - count} of {packets} packets are missing in the segments of"
                f" {self.playlist.name}: the disk of the scratch folder may be full",
            )

    def compute_bandwidths(self) -> tuple[int, int]:
        """Return the highest and the average bit/s of the segments."""
        sizes = [(path.stat().st_size * 8, seconds) for path, seconds in self.list_entries()]
        total = sum(seconds for _, seconds in sizes)
        peak = max(bits / max(seconds, 0.5) for bits, seconds in sizes)
        return round(peak), round(sum(bits for bits, _ in sizes) / total)


def open_hls(
    index: int, job: Mapping[str, Any], source: Source, folder: Path, monitor: Monitor
) -> Output:
    """Return the output of a job ``transcode`` that writes an HLS stream.

    Raises:
        EngineError: the job or the source is invalid.
    """
    span = find_span(job, source.duration)
    stream = Stream(folder / "main.m3u8", "segment_", job.get("segment") or {})
    rendition = EncodedRendition(
        stream.open(list_codecs(job)), job, source, monitor.settings, stream.seconds
    )

    def describe() -> JobResult:
        stream.check(rendition.packets, monitor)
        metadata = probe(stream.playlist, monitor, trusted=True)
        return JobResult([*stream.list_files(None), MediaFile(stream.playlist, "main")], metadata)

    return Output(index, span, [rendition], describe)


def choose_streams(job: Mapping[str, Any], source: Source) -> list[Mapping[str, Any]]:
    """Return the substreams of a job: without those that exceed the source, unless the job wants them.

    At least the lowest remains. All have the frame rate of the first.

    Raises:
        EngineError: the job has no substreams, or the source no video.
    """
    streams: list[Mapping[str, Any]] = list(job.get("streams") or ())
    source.require_video()
    if not streams or not all(stream.get("video") for stream in streams):
        raise EngineError(INVALID, "an adaptive stream needs substreams with video")
    if not job.get("higher_resolution"):
        shown = source.shape.shown
        sides = [min(compute_size(shown, stream["video"])) for stream in streams]
        limit = max(min(shown), min(sides))
        streams = [stream for stream, side in zip(streams, sides, strict=True) if side <= limit]
    fps = streams[0]["video"].get("fps")
    return [{**stream, "video": {**stream["video"], "fps": fps}} for stream in streams]


def open_adaptive(
    index: int, job: Mapping[str, Any], source: Source, folder: Path, monitor: Monitor
) -> Output:
    """Return the output of a job ``adaptive``.

    Raises:
        EngineError: the job or the source is invalid.
    """
    span = find_span(job, source.duration)
    specs = choose_streams(job, source)
    segment = job.get("segment") or {}
    streams = [
        Stream(folder / f"stream_{number}.m3u8", f"stream_{number}_", segment)
        for number in range(len(specs))
    ]
    renditions: list[EncodedRendition] = []
    try:
        for stream, spec in zip(streams, specs, strict=True):
            renditions.append(
                EncodedRendition(
                    stream.open(list_codecs(spec)), spec, source, monitor.settings, stream.seconds
                )
            )
    except BaseException:
        for rendition in renditions:
            rendition.close()
        raise

    def describe() -> JobResult:
        files: list[MediaFile] = []
        for number, stream in enumerate(streams):
            stream.check(renditions[number].packets, monitor)
            files += [*stream.list_files(number), MediaFile(stream.playlist, "playlist", number)]
        master = folder / "main.m3u8"
        master.write_text(build_master(streams, renditions), "utf-8")
        details = [probe(stream.playlist, monitor, trusted=True) for stream in streams]
        best = max(details, key=lambda item: item["Width"] * item["Height"])
        metadata = {**best, "Size": master.stat().st_size, "Md5": compute_md5(master, monitor.tick)}
        return JobResult(
            [*files, MediaFile(master, "main")],
            metadata,
            details={"streams": details, "skipped": len(job["streams"]) - len(streams)},
        )

    return Output(index, span, renditions, describe)


def build_master(streams: list[Stream], renditions: list[EncodedRendition]) -> str:
    """Return the text of a master playlist."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for stream, rendition in zip(streams, renditions, strict=True):
        video = rendition.video
        assert video is not None
        codecs = [build_codec_name(video)]
        if rendition.audio is not None:
            codecs.append(AUDIO_NAMES[rendition.audio.codec])
        peak, average = stream.compute_bandwidths()
        lines += [
            f"#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},"
            f"RESOLUTION={video.size.width}x{video.size.height},FRAME-RATE={float(video.rate):.3f},"
            f'CODECS="{",".join(codecs)}"',
            stream.playlist.name,
        ]
    return "\n".join([*lines, ""])


def build_codec_name(video: VideoTrack) -> str:
    """Return the codec of a track as in CODECS (RFC 6381; ISO 14496-15, annex E for H.265)."""
    header = bytes(video.stream.codec_context.extradata or b"")
    if video.codec == "h264":
        profile = header[header.index(b"\0\0\1\x67") + 4 :][:3]
        return f"avc1.{profile.hex()}"
    # The parameter set has a header of 2 bytes and 1 byte of numbers before the profile.
    level = header[header.index(b"\0\0\1\x42") + 6 :].replace(b"\0\0\3", b"\0\0")[:12]
    compatibility = int(f"{int.from_bytes(level[1:5], 'big'):032b}"[::-1], 2)
    constraints = [f"{byte:x}" for byte in level[5:11].rstrip(b"\0")]
    tier = "H" if level[0] & 0x20 else "L"
    return ".".join(
        ["hvc1", str(level[0] & 0x1F), f"{compatibility:x}", f"{tier}{level[11]}", *constraints]
    )
