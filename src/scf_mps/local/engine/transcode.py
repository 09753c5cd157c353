"""Transcoding to one file: MP4, FLV, and audio formats."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.container import OutputContainer

from .outputs import Output, find_span
from .probe import probe
from .results import INVALID, SOURCE, EngineError, JobResult, MediaFile
from .tracks import AUDIO_CODECS, VIDEO_CODECS, AudioTrack, FrameRate, VideoTrack

if TYPE_CHECKING:
    from .monitor import Monitor
    from .settings import Settings
    from .source import Source

_MP4 = ("mp4", {"movflags": "+faststart"})
CONTAINERS: dict[str, tuple[str, dict[str, str]]] = {
    "mp4": _MP4,
    "m4a": _MP4,
    "flv": ("flv", {}),
    "mp3": ("mp3", {}),
    "flac": ("flac", {}),
    "ogg": ("ogg", {}),
}
"""Format and options of the muxer by the ``container`` of a job."""


def find_rate(spec: Mapping[str, Any], source: Source) -> Fraction:
    """Return the frame rate of a job's ``video``, that of the source for 0."""
    return Fraction(str(spec.get("fps") or 0)).limit_denominator(1001) or source.frame_rate


def get_container(name: str) -> tuple[str, dict[str, str]]:
    """Return the format and the options of a muxer. Raises EngineError for an unknown container."""
    if name not in CONTAINERS:
        raise EngineError(INVALID, f"unknown container {name!r}: use hls, {', '.join(CONTAINERS)}")
    return CONTAINERS[name]


def list_codecs(spec: Mapping[str, Any]) -> list[str]:
    """Return the codecs of ``video`` and ``audio``. Raises EngineError for an unknown one."""
    codecs: list[str] = []
    for kind, names in (("video", VIDEO_CODECS), ("audio", AUDIO_CODECS)):
        part = spec.get(kind)
        if part is None:
            continue
        if part.get("codec") not in names:
            raise EngineError(
                INVALID, f"unknown {kind} codec {part.get('codec')!r}: use {', '.join(names)}"
            )
        codecs.append(part["codec"])
    return codecs


class EncodedRendition:
    """An encoded version of the source in a separate container.

    Attributes:
        video: the video track or None.
        audio: the audio track or None.
    """

    def __init__(
        self,
        container: OutputContainer,
        spec: Mapping[str, Any],
        source: Source,
        settings: Settings,
        key_seconds: float = 0,
    ) -> None:
        """Add the tracks to a container.

        Args:
            container: closed with the rendition.
            spec: has ``video`` and ``audio`` as a job.
            source: of the pictures and the sound.
            settings: the speed.
            key_seconds: distance of forced key frames, 0 for none.

        Raises:
            EngineError: the source lacks what the job needs, or a codec is unknown.
        """
        self._container = container
        self._key_seconds = Fraction(str(key_seconds))
        self._key_next = Fraction(0)
        self.video: VideoTrack | None = None
        self.audio: AudioTrack | None = None
        try:
            self._add_tracks(spec, source, settings)
        except BaseException:
            self.close()
            raise

    def _add_tracks(self, spec: Mapping[str, Any], source: Source, settings: Settings) -> None:
        list_codecs(spec)
        if (video := spec.get("video")) is not None:
            rate = find_rate(video, source)
            self.video = VideoTrack(self._container, video, source.shape, rate, settings)
            self._frames = FrameRate(rate, source.frame_rate, source.duration)
        if (audio := spec.get("audio")) is not None and source.audio is not None:
            self.audio = AudioTrack(self._container, audio, source.audio)
        if self.video is None and self.audio is None:
            raise EngineError(SOURCE, "the source has no audio stream")

    @property
    def has_video(self) -> bool:
        """False if pictures are not part of it."""
        return self.video is not None

    @property
    def has_audio(self) -> bool:
        """False if sound is not part of it."""
        return self.audio is not None

    @property
    def packets(self) -> int:
        """Number of packets that were written."""
        return sum(track.packets for track in (self.video, self.audio) if track is not None)

    def write_video(self, seconds: float, frame: av.VideoFrame) -> None:
        """Encode a picture as often as the frame rate demands."""
        if self.video is not None:
            for number, picture in self._frames.place(seconds, frame):
                self._encode(self.video, number, picture)

    def write_audio(self, seconds: float, frame: av.AudioFrame) -> None:
        """Encode sound."""
        if self.audio is not None:
            self.audio.write(seconds, frame)

    def finish(self, seconds: float, monitor: Monitor) -> None:
        """Encode the rest of a rendition of a length, and complete the file."""
        if self.video is not None:
            for number, picture in self._frames.finish(seconds):
                self._encode(self.video, number, picture)
            for _ in self.video.finish():
                monitor.tick()
        if self.audio is not None:
            self.audio.finish()
        self.close()

    def close(self) -> None:
        """Close the container."""
        self._container.close()

    def _encode(self, track: VideoTrack, number: int, picture: av.VideoFrame) -> None:
        time = number / track.rate
        is_key = self._key_seconds > 0 and time >= self._key_next
        while is_key and self._key_next <= time:
            self._key_next += self._key_seconds
        track.write(number, picture, is_key)


def open_file(
    index: int, job: Mapping[str, Any], source: Source, folder: Path, monitor: Monitor
) -> Output:
    """Return the output of a job ``transcode`` that writes one file.

    Raises:
        EngineError: the job or the source is invalid.
    """
    span = find_span(job, source.duration)
    format_name, options = get_container(job["container"])
    path = folder / f"main.{job['container']}"
    container = av.open(str(path), "w", format=format_name, options=options)
    rendition = EncodedRendition(container, job, source, monitor.settings)

    def describe() -> JobResult:
        return JobResult([MediaFile(path, "main")], probe(path, monitor, trusted=True))

    return Output(index, span, [rendition], describe)
