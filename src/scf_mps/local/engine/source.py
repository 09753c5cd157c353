"""Sources: opening within the limits, and decoding that survives damaged packets."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition

from .results import NO_SIZE, NO_VIDEO, SOURCE, EngineError
from .scale import Shape, round_turn

if TYPE_CHECKING:
    from typing_extensions import Self

    from .monitor import Monitor

FORMATS = (
    "mov,mp4,matroska,webm,avi,flv,live_flv,mpegts,mpeg,mpegvideo,asf,rm,ogg,wav,mp3,aac,flac,amr,amrnb,"
    "amrwb,gif,dv,mxf,nut,ivf,h264,hevc,m4v,ac3,eac3,w64,aiff,caf,swf,wtv,3gp"
)
"""Formats of sources. None of them can name other files: ``hls``, ``concat`` and ``dash`` can."""

METADATA_OPTIONS: dict[str, Any] = (
    {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
)
"""Before version 19 PyAV raises UnicodeDecodeError for a title in another encoding."""

MAX_FRAME_RATE = 120
DEFAULT_FRAME_RATE = 25


def make_fraction(value: Any) -> Fraction:
    """Return a rational number of PyAV, whose class is another one since version 19. 0 if unknown."""
    known = value and value.denominator
    return Fraction(value.numerator, value.denominator) if known else Fraction(0)


EARLIER_SECONDS = (0.0, 5.0)
"""Seconds by which a seek goes further back while it ends behind its target, as in MPEG-TS."""


class Source:
    """An open source.

    Attributes:
        path: of the file.
        container: of PyAV.
        video: the largest video stream except cover pictures, or None.
        audio: the first audio stream, or None.
        duration: seconds.
    """

    def __init__(self, path: Path, monitor: Monitor, trusted: bool = False) -> None:
        """Open a file.

        Args:
            path: of the file.
            monitor: has the limits, and takes a sign of life with each packet.
            trusted: True for a file or playlist that the engine wrote: it has no limits.

        Raises:
            EngineError: it cannot be opened, or exceeds a limit.
        """
        self.path = path
        self._monitor = monitor
        self._trusted = trusted
        self._shape: Shape | None = None
        self.container = self._open()
        try:
            self._find_streams()
            self.duration = self._measure_duration()
            self._check()
        except BaseException:
            self.container.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.container.close()

    def rewind(self) -> None:
        """Continue at the beginning."""
        self.container.close()
        self.container = self._open()
        self._find_streams()

    def _find_streams(self) -> None:
        # A stream without a context has a codec that FFmpeg does not know, as newer phones add.
        streams = self.container.streams
        audios = [stream for stream in streams.audio if stream.codec_context is not None]
        videos = [
            stream
            for stream in streams.video
            if stream.codec_context is not None
            and not stream.disposition & Disposition.attached_pic
        ]
        self.audio = audios[0] if audios else None
        self.video = max(videos, key=lambda s: s.width * s.height) if videos else None
        if self.video is not None:
            self.video.thread_type = "AUTO"

    def _open(self) -> InputContainer:
        settings = self._monitor.settings
        formats = f"{FORMATS},hls" if self._trusted else FORMATS
        try:
            self._check_limit("bytes", self.path.stat().st_size, settings.input_bytes)
            container: InputContainer = av.open(
                os.fspath(self.path),
                # With `options`, PyAV before 17 crashes on streams that appear later, as in FLV.
                container_options={"protocol_whitelist": "file", "format_whitelist": formats},
                **METADATA_OPTIONS,
            )
            return container
        except (OSError, ValueError, FFmpegError) as error:
            is_refused = getattr(error, "errno", None) == errno.EINVAL
            reason = "unsupported format" if is_refused else getattr(error, "strerror", error)
            raise EngineError(
                SOURCE, f"cannot read the source as a video or audio file: {reason}"
            ) from None

    def _check(self) -> None:
        settings = self._monitor.settings
        if not self.duration or not self.list_streams():
            raise EngineError(
                SOURCE, "the source has no video and sound with times: it may be a picture"
            )
        self._check_limit("seconds", self.duration, settings.input_seconds)
        if self.video is not None:
            longer = max(self.video.width, self.video.height)
            self._check_limit("pixels on its longer side", longer, settings.input_pixels)

    def _check_limit(self, subject: str, value: float, limit: float) -> None:
        if value > limit and not self._trusted:
            raise EngineError(
                SOURCE, f"the source has {value:g} {subject}, the local engine takes {limit:g}"
            )

    def _measure_duration(self) -> float:
        """Return the seconds of the source. A recording of a browser does not state them: its packets do."""
        if self.container.duration:
            return self.container.duration / 1e6
        found = (self.find_time(packet) for packet in self.demux(self.list_streams()))
        times = [time for time in found if time is not None]
        self.rewind()
        return max(times) + float(1 / self.frame_rate) if times else 0.0

    @property
    def start(self) -> float:
        """Seconds of the first picture or sound, from which offsets count."""
        return (self.container.start_time or 0) / 1e6

    @property
    def pixel_aspect(self) -> Fraction:
        """Width by height of a pixel. Some files and versions of PyAV say 0/1 or nothing for 1."""
        aspect = make_fraction(self.video and self.video.sample_aspect_ratio)
        return aspect if aspect > 0 else Fraction(1)

    @property
    def frame_rate(self) -> Fraction:
        """Pictures in a second."""
        rate = make_fraction(self.video and (self.video.average_rate or self.video.guessed_rate))
        return rate if 0 < rate <= MAX_FRAME_RATE else Fraction(DEFAULT_FRAME_RATE)

    def require_video(self) -> av.VideoStream:
        """Return the video stream. Raises EngineError without one."""
        if self.video is None:
            raise EngineError(NO_VIDEO, "the source has no video stream")
        if not (self.video.width and self.video.height):
            raise EngineError(NO_SIZE, "the video stream of the source has no size")
        return self.video

    def decode_from(
        self, seconds: float, *, video: bool = True, audio: bool = False
    ) -> Iterator[tuple[float, av.VideoFrame | av.AudioFrame]]:
        """Return the frames from the last key frame before an offset. See `decode`."""
        for earlier in EARLIER_SECONDS if seconds > 0 else ():
            if not self.seek(seconds - earlier):
                break  # pragma: no cover - see `seek`
            frames = self.decode(video=video, audio=audio)
            first: list[tuple[float, av.VideoFrame | av.AudioFrame]] = []
            for item in frames:
                first.append(item)
                if not video or isinstance(item[1], av.VideoFrame):
                    break
            if first and first[-1][0] <= seconds:
                return itertools.chain(first, frames)
        self.rewind()
        return self.decode(video=video, audio=audio)

    def find_time(self, packet: av.Packet[Any]) -> float | None:
        """Return the seconds of a packet from `start`, None if unknown."""
        pts = packet.dts if packet.pts is None else packet.pts
        if pts is None or packet.time_base is None or not packet.size:
            return None
        return float(pts * packet.time_base) - self.start

    def decode(
        self, *, video: bool = True, audio: bool = False
    ) -> Iterator[tuple[float, av.VideoFrame | av.AudioFrame]]:
        """Yield frames and their seconds from `start`. Damaged packets and frames without a time are skipped."""
        for packet in self.demux(self.list_streams(video, audio)):
            try:
                frames = packet.decode()
            except FFmpegError:
                continue
            yield from (
                (float(frame.pts * frame.time_base) - self.start, frame)
                for frame in frames
                if frame.pts is not None and frame.time_base is not None
            )

    def list_streams(
        self, video: bool = True, audio: bool = True
    ) -> list[av.VideoStream | av.AudioStream]:
        """Return the streams of the wanted kinds."""
        pairs = ((self.video, video), (self.audio, audio))
        return [stream for stream, wanted in pairs if stream is not None and wanted]

    def demux(self, streams: Sequence[av.VideoStream | av.AudioStream]) -> Iterator[av.Packet[Any]]:
        """Yield the packets of streams. A truncated source ends where it was cut."""
        while True:
            try:
                for packet in self.container.demux(*streams):
                    yield packet
                    self._monitor.tick()
                return
            except FFmpegError:  # pragma: no cover - damage that differs by the version of FFmpeg
                return
            except (
                IndexError
            ):  # pragma: no cover - as above: a damaged packet begins another stream
                continue

    def seek(self, seconds: float) -> bool:
        """Continue at the last key frame before an offset. Return False if the source cannot."""
        try:
            self.container.seek(int(max(0.0, seconds + self.start) * 1e6))
        except FFmpegError:  # pragma: no cover - FLV of some versions of FFmpeg
            return False
        return True

    @property
    def shape(self) -> Shape:
        """Shape of the video by its first frame.

        Raises:
            EngineError: there is no video, or none of its packets can be decoded.
        """
        if self._shape is None:
            self.require_video()
            self.rewind()
            first = next(self.decode(), None)
            if first is None:
                raise EngineError(SOURCE, "no picture of the source can be decoded")
            stream, frame = self.require_video(), first[1]
            assert isinstance(frame, av.VideoFrame)
            turn = round_turn(frame.rotation)
            self._shape = Shape(stream.width, stream.height, turn, self.pixel_aspect)
        return self._shape
