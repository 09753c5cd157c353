"""Encoded streams of an output: constant frame rate, key frames, audio format, and bytes for exact bitrates."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import av
from av.audio.layout import AudioLayout
from av.container import OutputContainer
from av.error import BlockingIOError, EOFError
from av.filter import Graph
from av.video.frame import PictureType

from .results import INVALID, SOURCE, EngineError
from .scale import Scaler, Shape, compute_size
from .settings import Settings

VIDEO_CODECS = {"h264": "libx264", "h265": "libx265"}
AUDIO_CODECS = {"aac": "aac", "mp3": "libmp3lame", "flac": "flac", "opus": "libopus"}
CRF = {"h264": 23, "h265": 28}
"""Constant quality where a template sets no bitrate. They are the encoders' own values."""

SAMPLE_RATES = {"libopus": (48000,), "libmp3lame": (48000, 44100, 32000)}
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
DEFAULT_AUDIO_BITRATE_KBITS = 128
EXTRA_SECONDS = 60
"""Seconds by which timestamps may exceed the length that a source states."""


class FrameRate:
    """Conversion to a constant frame rate: each output picture is the nearest one that the source shows.

    Attributes:
        rate: pictures in a second.
    """

    def __init__(self, rate: Fraction, source_rate: Fraction, seconds: float) -> None:
        """Prepare.

        Args:
            rate: pictures in a second.
            source_rate: pictures of the source in a second.
            seconds: the length. Timestamps far behind it are an error.
        """
        self.rate = rate
        self._tolerance = float(0.5 / max(rate, source_rate))
        self._limit = math.ceil((seconds + EXTRA_SECONDS) * rate)
        self._frame: av.VideoFrame | None = None
        self._slot = 0
        self._next = 0
        self._step = 1

    def place(self, seconds: float, frame: av.VideoFrame) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield the numbers at which the picture before this one is shown, and that picture.

        The first picture is shown from the beginning, as a rendition without one would start with a pause.
        """
        slot = math.ceil(round((seconds - self._tolerance) * self.rate, 6))
        if slot > self._limit:
            raise EngineError(SOURCE, f"a picture has the time {seconds:.0f} s, behind the end")
        yield from self._repeat(slot)
        if frame.duration and frame.time_base:
            self._step = max(1, round(frame.duration * frame.time_base * self.rate))
        self._frame, self._slot = frame, slot

    def finish(self, seconds: float) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield the numbers of the last picture, which ends no later than `seconds`."""
        end = min(self._slot + self._step, round(seconds * self.rate))
        yield from self._repeat(max(end, 1))

    def _repeat(self, end: int) -> Iterator[tuple[int, av.VideoFrame]]:
        if self._frame is not None:
            for number in range(self._next, end):
                yield number, self._frame
            self._next = max(self._next, end)


class VideoTrack:
    """A video stream that is encoded.

    Attributes:
        codec: name in jobs.
        size: of the pictures.
        rate: pictures in a second.
        packets: number of written packets.
    """

    def __init__(
        self,
        container: OutputContainer,
        spec: Mapping[str, Any],
        shape: Shape,
        rate: Fraction,
        settings: Settings,
    ) -> None:
        """Add the stream to a container. `spec` is the ``video`` of a job."""
        codec = self.codec = spec["codec"]
        self.rate = rate
        self.size = compute_size(shape.shown, spec)
        self.packets = 0
        self._container = container
        self._scaler = Scaler(self.size, spec.get("fill") or "black")
        self._aspect = shape.pixel_aspect
        options = {"preset": "ultrafast" if settings.fast else "veryfast", "forced-idr": "1"}
        if bitrate := int(spec.get("bitrate") or 0):
            peak, buffer = bitrate * 3 // 2, bitrate * 2
            options |= {"b": f"{bitrate}k", "maxrate": f"{peak}k", "bufsize": f"{buffer}k"}
        else:
            options["crf"] = str(CRF[codec])
        if spec.get("gop"):
            options["g"] = str(spec["gop"])
        if codec == "h265":
            options["x265-params"] = "log-level=none:open-gop=0"
        stream = container.add_stream(VIDEO_CODECS[codec], rate=rate, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = self.size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = 1 / rate
        if codec == "h265" and container.format.name in ("mp4", "hls"):
            stream.codec_context.codec_tag = "hvc1"
        self.stream = stream

    def write(self, number: int, frame: av.VideoFrame, is_key: bool) -> None:
        """Encode a picture at a position, on demand as a key frame."""
        scaled = self._scaler.scale(frame, self._aspect)
        scaled.pts = number
        scaled.time_base = 1 / self.rate
        # A decoded frame has the type that it had in the source, which the encoder would follow.
        scaled.pict_type = PictureType.I if is_key else PictureType.NONE
        for packet in self.stream.encode(scaled):
            self._mux(packet)

    def finish(self) -> Iterator[None]:
        """Encode what the encoder holds. Yield after each packet, because this takes a while."""
        for packet in self.stream.codec_context.encode_lazy(None):
            packet.stream = self.stream
            self._mux(packet)
            yield

    def _mux(self, packet: av.Packet[av.VideoStream]) -> None:
        self.packets += bool(packet.size)
        self._container.mux(packet)


class AudioTrack:
    """An audio stream that is encoded.

    Attributes:
        codec: name in jobs.
        packets: number of written packets.
    """

    def __init__(
        self,
        container: OutputContainer,
        spec: Mapping[str, Any],
        source: av.AudioStream,
    ) -> None:
        """Add the stream to a container. `spec` is the ``audio`` of a job."""
        context = source.codec_context
        self.codec = spec["codec"]
        name = AUDIO_CODECS[self.codec]
        wanted = int(spec.get("sample_rate") or context.sample_rate or 44100)
        rates = SAMPLE_RATES.get(name) or av.Codec(name, "w").audio_rates or (wanted,)
        if container.format.name == "flv" and name == "libmp3lame":
            rates = (44100,)
        self.sample_rate = min(rates, key=lambda rate: (abs(rate - wanted), -rate))
        channels = int(spec.get("channels") or min(2, context.layout.nb_channels))
        if channels not in LAYOUTS:
            raise EngineError(
                INVALID, f"unknown number of audio channels {channels}: use 1, 2 or 6"
            )
        if name == "libmp3lame":
            channels = min(2, channels)
        self._layout = LAYOUTS[channels]
        stream = container.add_stream(name, rate=self.sample_rate)
        assert isinstance(stream, av.AudioStream)
        stream.layout = AudioLayout(self._layout).name
        bitrate = int(spec.get("bitrate") or 0) or DEFAULT_AUDIO_BITRATE_KBITS
        stream.bit_rate = bitrate * 1000
        formats = av.Codec(name, "w").audio_formats
        self._format = formats[0].name if formats else "fltp"
        stream.format = self._format
        self.stream = stream
        self.packets = 0
        self._samples = 0
        self._container = container
        self._graph: Graph | None = None
        self._key: object = None

    def write(self, seconds: float, frame: av.AudioFrame) -> None:
        """Encode the sound at a position in seconds."""
        key = (frame.format.name, frame.layout.name, frame.sample_rate)
        if key != self._key:
            self._drain()
            self._graph, self._key = self._build_graph(frame, first=self._key is None), key
        assert self._graph is not None
        frame.pts = round(seconds * frame.sample_rate)
        frame.time_base = Fraction(1, frame.sample_rate)
        self._graph.push(frame)
        self._pull()

    def finish(self) -> None:
        """Encode what the filters and the encoder hold."""
        self._drain()
        self._mux(None)

    def _build_graph(self, frame: av.AudioFrame, first: bool) -> Graph:
        graph = Graph()
        source = graph.add_abuffer(
            sample_rate=frame.sample_rate,
            format=frame.format.name,
            layout=frame.layout.name,
            time_base=Fraction(1, frame.sample_rate),
        )
        # Fill gaps and a late beginning with silence, or sound and picture drift apart.
        resample = graph.add("aresample", "async=1:first_pts=0" if first else "async=1")
        target = graph.add(
            "aformat",
            f"sample_fmts={self._format}:sample_rates={self.sample_rate}:channel_layouts={self._layout}",
        )
        graph.link_nodes(source, resample, target, graph.add("abuffersink"))
        graph.configure()
        return graph

    def _drain(self) -> None:
        if self._graph is not None:
            self._graph.push(None)
            self._pull()
            self._graph = None

    def _pull(self) -> None:
        assert self._graph is not None
        while True:
            try:
                frame = self._graph.pull()
            except (BlockingIOError, EOFError):
                return
            assert isinstance(frame, av.AudioFrame)
            # The filters leave no gap, and joined sources may begin again at an earlier time.
            frame.pts, frame.time_base = self._samples, Fraction(1, self.sample_rate)
            self._samples += frame.samples
            self._mux(frame)

    def _mux(self, frame: av.AudioFrame | None) -> None:
        for packet in self.stream.encode(frame):
            self.packets += bool(packet.size)
            self._container.mux(packet)
