"""MPS's system presets: one table of every preset with its parameters in the API's field names.

Pages: 862/37042 (= 1041/33476) transcoding, 862/77168 pictures, the English pages of 2020 (`LEGACY`) for the
presets that MPS's examples and sample event still use. A height alone means: the width in proportion.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

Kind = Literal[
    "Transcode",
    "AnimatedGraphics",
    "SnapshotByTimeOffset",
    "SampleSnapshot",
    "ImageSprites",
    "AdaptiveDynamicStreaming",
]
"""A kind of template: the ``Type`` of its results, in the order of results in events."""

CURRENT = "862/37042"
PICTURES = "862/77168"
LEGACY = "intlcloud-documents: product_new/视频产品中心/视频处理, 参数模板"


@dataclass(frozen=True, slots=True)
class Template:
    """A template.

    Attributes:
        kind: of the results.
        definition: the id.
        name: for people.
        parameters: as in the kind's Create…Template, without Name and Comment.
        source: the page of a preset, empty for a custom template.
        comment: of a custom template.
        created: seconds since the epoch, 0 for presets.
        updated: seconds since the epoch, 0 for presets.
    """

    kind: Kind
    definition: int
    name: str
    parameters: Mapping[str, Any]
    source: str = ""
    comment: str = ""
    created: float = 0.0
    updated: float = 0.0

    @property
    def is_preset(self) -> bool:
        """True for a system preset."""
        return bool(self.source)


def _build_video(
    size: tuple[int, int], bitrate: int, fps: int = 25, codec: str = "h264", gop: int = 0
) -> dict[str, Any]:
    width, height = size
    return {
        "Codec": codec,
        "Fps": fps,
        "Bitrate": bitrate,
        "ResolutionAdaptive": "open",
        "Width": width,
        "Height": height,
        "Gop": gop,
        "FillType": "black",
    }


def _build_audio(
    bitrate: int, codec: str = "aac", sample_rate: int = 44100, channels: int = 2
) -> dict[str, Any]:
    return {
        "Codec": codec,
        "Bitrate": bitrate,
        "SampleRate": sample_rate,
        "AudioChannel": channels,
    }


def _build_transcode(
    container: str, video: Mapping[str, Any] | None, audio: Mapping[str, Any], **more: Any
) -> dict[str, Any]:
    return {
        "Container": container,
        "RemoveVideo": 0 if video else 1,
        "RemoveAudio": 0,
        **({"VideoTemplate": video} if video else {}),
        "AudioTemplate": audio,
        **more,
    }


_VIDEOS = (
    # MP4, HLS, height, video kbit/s, audio kbit/s
    (100010, 100210, 360, 400, 64),
    (100020, 100220, 540, 1000, 64),
    (100030, 100230, 720, 1800, 128),
    (100040, 100240, 1080, 2500, 128),
    (100070, 100270, 1440, 3000, 160),
    (100080, 100280, 2160, 6000, 160),
)
_TOP_SPEED_VIDEOS = (
    # definition, height (0: of the source), audio kbit/s (0: of the source)
    (100800, 0, 0),
    (100810, 360, 64),
    (100820, 540, 64),
    (100830, 720, 128),
    (100840, 1080, 128),
)
_AUDIOS = (
    # definition, container, codec, kbit/s
    (1100, "m4a", "aac", 24),
    (1110, "m4a", "aac", 48),
    (1120, "m4a", "aac", 96),
    (1130, "m4a", "aac", 192),
    (1140, "m4a", "aac", 256),
    (1010, "mp3", "mp3", 128),
    (1020, "mp3", "mp3", 320),
)
_REMUXES = (
    (875, "mp4", CURRENT),
    (876, "hls", CURRENT),
    (9, "mp4", LEGACY),
    (6, "hls", LEGACY),
)
_LEGACY_CONTAINERS = ("mp4", "hls", "flv")
_LEGACY_H264 = (
    # level, MP4, HLS, FLV, long side, height, kbit/s, fps
    ("FLU", 10, 210, 10046, 320, 0, 256, 24),
    ("SD", 20, 220, 10047, 640, 0, 512, 24),
    ("HD", 30, 230, 10048, 1280, 0, 1024, 24),
    ("FHD", 40, 240, 10049, 1920, 0, 2500, 24),
    ("2K", 70, 270, 370, 0, 1440, 3072, 30),
    ("4K", 80, 280, 380, 0, 2160, 6144, 30),
)
_LEGACY_H265 = (
    ("FLU", 510, 610, 710, 0, 240, 250, 15),
    ("SD", 520, 620, 720, 0, 480, 600, 24),
    ("HD", 530, 630, 730, 0, 720, 800, 25),
    ("FHD", 540, 640, 740, 0, 1080, 1400, 30),
    ("2K", 570, 670, 770, 0, 1440, 2048, 30),
    ("4K", 580, 680, 780, 0, 2160, 4096, 30),
)
_SUBSTREAMS = (
    # height, kbit/s. VOD's page has 1,024 for 720 and 2,500 for 1080.
    (240, 256),
    (480, 512),
    (720, 512),
    (1080, 1024),
    (1440, 3072),
    (2160, 6144),
)


def _list_transcode() -> Iterator[Template]:
    for mp4, hls, height, bitrate, audio_bitrate in _VIDEOS:
        for container, definition in (("mp4", mp4), ("hls", hls)):
            video, audio = _build_video((0, height), bitrate), _build_audio(audio_bitrate)
            name = f"{container.upper()} {height}p"
            parameters = _build_transcode(container, video, audio)
            yield Template("Transcode", definition, name, parameters, CURRENT)
    for definition, height, audio_bitrate in _TOP_SPEED_VIDEOS:
        parameters = _build_transcode(
            "mp4",
            _build_video((0, height), 0),
            _build_audio(audio_bitrate),
            TEHDConfig={"Type": "TEHD-100", "MaxVideoBitrate": 0},
        )
        name = f"TESHD MP4 {height}p" if height else "TESHD MP4"
        yield Template("Transcode", definition, name, parameters, CURRENT)
    for definition, container, codec, bitrate in _AUDIOS:
        parameters = _build_transcode(container, None, _build_audio(bitrate, codec))
        name = f"{container.upper()} {bitrate}k"
        yield Template("Transcode", definition, name, parameters, CURRENT)
    for definition, container, source in _REMUXES:
        video, audio = _build_video((0, 0), 0, 0, "copy"), _build_audio(0, "copy", 0, 0)
        name = f"{'' if source == CURRENT else 'Old '}{container.upper()} remux"
        parameters = _build_transcode(container, video, audio)
        yield Template("Transcode", definition, name, parameters, source)


def _list_legacy() -> Iterator[Template]:
    for codec, rows in (("h264", _LEGACY_H264), ("h265", _LEGACY_H265)):
        for level, mp4, hls, flv, width, height, bitrate, fps in rows:
            for container, definition in zip(_LEGACY_CONTAINERS, (mp4, hls, flv), strict=True):
                audio_codec = "mp3" if container == "flv" and codec == "h264" else "aac"
                video = _build_video((width, height), bitrate, fps, codec, 240)
                parameters = _build_transcode(container, video, _build_audio(48, audio_codec))
                marked = " H.265" if codec == "h265" else ""
                name = f"Old {container.upper()}{marked} {level}"
                yield Template("Transcode", definition, name, parameters, LEGACY)


def _list_others() -> Iterator[Template]:
    streams = [
        {
            "Video": _build_video((0, height), bitrate, 24),
            "Audio": _build_audio(48),
            "RemoveAudio": 0,
            "RemoveVideo": 0,
        }
        for height, bitrate in _SUBSTREAMS
    ]
    adaptive = {
        "Format": "HLS",
        "StreamInfos": streams,
        "DisableHigherVideoBitrate": 0,
        "DisableHigherVideoResolution": 1,
        "PureAudio": 0,
        "SegmentType": "ts-segment",
    }
    size = {"Width": 0, "Height": 0, "ResolutionAdaptive": "open"}
    picture = {**size, "Format": "jpg", "FillType": "stretch"}
    percent = {"SampleType": "Percent", "SampleInterval": 10}
    grid = {"SampleType": "Time", "SampleInterval": 10, "RowCount": 10, "ColumnCount": 10}
    gif = {**size, "Format": "gif", "Fps": 2, "Quality": 75}
    # The list page has the size of the source, which the API refuses for WebP. The console page has 320.
    webp = {**gif, "Format": "webp", "Width": 320}
    yield Template("AnimatedGraphics", 20000, "GIF", gif, PICTURES)
    yield Template("AnimatedGraphics", 20001, "WebP", webp, PICTURES)
    yield Template("SnapshotByTimeOffset", 10, "JPG snapshots", picture, PICTURES)
    yield Template("SampleSnapshot", 10, "JPG every 10 %", {**picture, **percent}, PICTURES)
    # The sample event has 142x80 for a portrait source, so these are not the longer and the shorter side.
    sheet = {**picture, **grid, "Width": 142, "Height": 80, "ResolutionAdaptive": "close"}
    yield Template("ImageSprites", 10, "Sprites 142x80 every 10 s", sheet, PICTURES)
    yield Template("AdaptiveDynamicStreaming", 10, "Adaptive HLS", adaptive, CURRENT)


def _index(templates: Iterable[Template]) -> Mapping[tuple[str, int], Template]:
    return MappingProxyType(
        {(template.kind, template.definition): template for template in templates}
    )


TEMPLATES: Mapping[tuple[str, int], Template] = _index(
    [*_list_transcode(), *_list_legacy(), *_list_others()]
)
"""Every preset by kind and definition."""
