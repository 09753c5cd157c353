"""Rules of the parameters of each kind of template.

Ranges are those of SDK 3.1.194, error codes those that the official clients document for each action.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from .errors import Refused
from .parameters import Check, Choice, Fields, Integer, Invalid, Items, Number, Text, accept, merge
from .presets import Kind

MAX_SUBSTREAMS = 10
MAX_PICTURES_PER_SHEET = 100

AUDIO_CONTAINERS = ("mp3", "flac", "ogg", "m4a", "wav")
VIDEO_CONTAINERS = ("mp4", "flv", "hls", "ts", "webm", "mkv", "mxf", "mov")

_TEXTS = {"Name": Text(64), "Comment": Text(256)}
_VIDEO_CODECS = (
    "h264",
    "h265",
    "h266",
    "av1",
    "vp8",
    "vp9",
    "mpeg2",
    "dnxhd",
    "mv-hevc",
    "copy",
)
_AUDIO_CODECS: Mapping[str, tuple[str, ...]] = {
    "mp3": ("mp3",),
    "ogg": ("flac", "opus"),
    "flac": ("flac",),
    "m4a": ("aac", "ac3"),
    "mp4": ("aac", "mp3", "mp2"),
    "flv": ("aac", "mp3", "mp2"),
    "hls": ("aac", "mp3", "eac3"),
    "wav": ("pcm16", "pcm24"),
}
"""Audio codecs by container. Containers that the SDK does not list take any."""

_ANY_AUDIO_CODEC = ("copy", "aac", "mp3", "mp2", "flac", "opus", "ac3", "eac3", "pcm16", "pcm24")
_FILL_TYPES = ("stretch", "black", "white", "gauss")
_SIDE = Integer(128, 4096, zero=True)
_FLAG = Choice(0, 1)
_SIZE: Mapping[str, Check] = {
    "Width": _SIDE,
    "Height": _SIDE,
    "ResolutionAdaptive": Choice("open", "close"),
}
_SIZE_DEFAULTS: Mapping[str, Any] = {"Width": 0, "Height": 0, "ResolutionAdaptive": "open"}

IGNORED_VIDEO_FIELDS = (
    "Vcrf",
    "ContentAdaptStream",
    "FpsDenominator",
    "Stereo3dType",
    "VideoProfile",
    "VideoLevel",
    "Bframes",
    "Mode",
    "Sar",
    "NoScenecut",
    "BitDepth",
    "RawPts",
    "Compress",
    "SegmentSpecificInfo",
    "ScenarioBased",
    "SceneType",
    "CompressType",
)
"""Fields of a video that the local engine does not apply."""

IGNORED_TRANSCODE_FIELDS = (
    "EnhanceConfig",
    "StdExtInfo",
    "SubtitleTemplate",
    "AddonAudioStream",
    "AddOnSubtitles",
)
IGNORED_AUDIO_FIELDS = ("TrackChannelInfo", "AudioLanguage", "AudioName", "DefaultTrack")

_VIDEO_CHECKS: Mapping[str, Check] = {
    "Codec": Choice(*_VIDEO_CODECS),
    "Fps": Integer(0, 120),
    "Bitrate": Integer(128, 100_000, zero=True),
    **_SIZE,
    "Gop": Integer(1, 100_000, zero=True),
    "GopUnit": Choice("frame", "second"),
    "FillType": Choice(*_FILL_TYPES, "smarttailor"),
    "HlsTime": Integer(1, 10),
    "SegmentType": Choice(0, 2, 5, 7),
    **dict.fromkeys(IGNORED_VIDEO_FIELDS, accept),
}
_VIDEO_DEFAULTS: Mapping[str, Any] = {
    "Codec": "h264",
    "Fps": 0,
    "Bitrate": 0,
    **_SIZE_DEFAULTS,
    "Gop": 0,
    "FillType": "black",
}
_VIDEO = Fields(_VIDEO_CHECKS, _VIDEO_DEFAULTS)
_AUDIO_CHECKS: Mapping[str, Check] = {
    "Codec": Choice(*_ANY_AUDIO_CODEC),
    "Bitrate": Integer(26, 256, zero=True),
    "SampleRate": Integer(8000, 96_000, zero=True),
    "AudioChannel": Choice(0, 1, 2, 6),
    **dict.fromkeys(IGNORED_AUDIO_FIELDS, accept),
}
_AUDIO_DEFAULTS: Mapping[str, Any] = {
    "Codec": "aac",
    "Bitrate": 0,
    "SampleRate": 0,
    "AudioChannel": 2,
}
_AUDIO = Fields(_AUDIO_CHECKS, _AUDIO_DEFAULTS)
_TOP_SPEED = Fields(
    {
        "Type": Choice("TEHD-100", "TEHD-200", ""),
        "MaxVideoBitrate": Integer(0, 100_000),
    },
    {"MaxVideoBitrate": 0},
)
_STREAM = Fields(
    {
        "Audio": _AUDIO,
        "Video": _VIDEO,
        "RemoveAudio": _FLAG,
        "RemoveVideo": _FLAG,
        "AudioList": accept,
    },
    {"RemoveAudio": 0, "RemoveVideo": 0},
)
_PICTURE: Mapping[str, Check] = {
    **_SIZE,
    "Format": Choice("jpg", "png", "webp"),
    "FillType": Choice(*_FILL_TYPES),
}
_PICTURE_DEFAULTS: Mapping[str, Any] = {**_SIZE_DEFAULTS, "Format": "jpg", "FillType": "black"}
_SAMPLES: Mapping[str, Check] = {
    "SampleType": Choice("Percent", "Time"),
    "SampleInterval": Integer(1, 36_000),
}


class Rules(NamedTuple):
    """Rules of one kind.

    Attributes:
        check: of each parameter, with its default.
        required: parameters without a default.
        codes: the ``InvalidParameterValue.…`` of the kind's actions.
        check_whole: of parameters that depend on each other.
        maximum: the most custom templates.
    """

    check: Check
    required: tuple[str, ...]
    codes: str
    check_whole: Callable[[Mapping[str, Any]], None]
    maximum: int


def check_parameters(kind: Kind, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a template with defaults for missing ones.

    Raises:
        Refused: MissingParameter, UnknownParameter, or an InvalidParameterValue of the field.
    """
    rules = RULES[kind]
    with _refuse_invalid(kind):
        checked: dict[str, Any] = rules.check("", parameters)
        for name in rules.required:
            if name not in checked:
                raise Refused("MissingParameter", f"the template has no {name}")
        rules.check_whole(checked)
    return checked


def override_parameters(parameters: Mapping[str, Any], override: Any) -> dict[str, Any]:
    """Return the parameters of a Transcode template with the values of an ``OverrideParameter``.

    Raises:
        Refused: UnknownParameter, MissingParameter, or an InvalidParameterValue of the field.
    """
    defaults = {"VideoTemplate": _VIDEO_DEFAULTS, "AudioTemplate": _AUDIO_DEFAULTS}
    with _refuse_invalid("Transcode"):
        # Presets have values that custom templates cannot have, such as 320 kbit/s for MP3.
        merged = merge(parameters, _OVERRIDE("OverrideParameter", override))
        for field, values in defaults.items():
            if field in merged:
                merged[field] = {**values, **merged[field]}
        _check_transcode(merged)
    return merged


def check_streams(streams: Any) -> list[dict[str, Any]]:
    """Return the substreams of a ``StdExtStreamInfos`` with defaults for missing parameters.

    Raises:
        Refused: UnknownParameter, or an InvalidParameterValue of the field.
    """
    with _refuse_invalid("AdaptiveDynamicStreaming"):
        checked: list[dict[str, Any]] = _ADAPTIVE["StreamInfos"]("StdExtStreamInfos", streams)
        _check_adaptive({"StreamInfos": checked})
    return checked


def check_texts(kind: Kind, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given Name and Comment of a template.

    Raises:
        Refused: an InvalidParameterValue.
    """
    given = {name: parameters[name] for name in _TEXTS if name in parameters}
    with _refuse_invalid(kind):
        checked: dict[str, Any] = Fields(_TEXTS)("", given)
    return checked


@contextmanager
def _refuse_invalid(kind: Kind) -> Iterator[None]:
    """Raise Refused for Invalid, with a code that the kind's actions document."""
    try:
        yield
    except Invalid as error:
        raise Refused(error.find_code(RULES[kind].codes.split()), error.message) from None


def _check_transcode(parameters: Mapping[str, Any]) -> None:
    container = parameters["Container"]
    for flag, field in (("RemoveVideo", "VideoTemplate"), ("RemoveAudio", "AudioTemplate")):
        needed = not parameters[flag] and not (
            field == "VideoTemplate" and container in AUDIO_CONTAINERS
        )
        if needed and field not in parameters:
            raise Refused("MissingParameter", f"a template with {flag} 0 needs {field}")
    if parameters["RemoveVideo"] and parameters["RemoveAudio"]:
        raise Invalid("RemoveAudio", "RemoveVideo and RemoveAudio are both 1. Keep one stream")
    _check_sides("VideoTemplate", parameters.get("VideoTemplate", {}))
    audio = parameters.get("AudioTemplate", {}).get("Codec", "copy")
    allowed = _AUDIO_CODECS.get(container, _ANY_AUDIO_CODEC)
    if audio not in (*allowed, "copy"):
        names = ", ".join(allowed)
        raise Invalid("AudioTemplate.Codec", f"{container} has no audio codec {audio}. Use {names}")


def _check_adaptive(parameters: Mapping[str, Any]) -> None:
    for index, stream in enumerate(parameters["StreamInfos"]):
        _check_sides(f"StreamInfos.{index}.Video", stream.get("Video", {}))


def _check_sides(path: str, video: Mapping[str, Any]) -> None:
    """Raise Invalid for a longer side that is shorter."""
    width, height = video.get("Width", 0), video.get("Height", 0)
    if width and width < height and video["ResolutionAdaptive"] == "open":
        message = f"Width {width} is the longer side and less than Height {height}. Swap them"
        raise Invalid(f"{path}.Width", message)


def _check_animation(parameters: Mapping[str, Any]) -> None:
    if parameters["Format"] == "webp" and not parameters["Width"] and not parameters["Height"]:
        code = "FormatWebpWidthAndHeightBothZero"
        raise Invalid(code, "a WebP animation needs a Width or a Height")


def _check_sprites(parameters: Mapping[str, Any]) -> None:
    rows, columns = parameters["RowCount"], parameters["ColumnCount"]
    if rows * columns > MAX_PICTURES_PER_SHEET:
        raise Invalid(
            "RowCount",
            f"{rows} rows of {columns} are over {MAX_PICTURES_PER_SHEET} pictures in a sheet",
        )
    _check_samples(parameters)


def _check_samples(parameters: Mapping[str, Any]) -> None:
    if parameters["SampleType"] == "Percent" and parameters["SampleInterval"] > 100:
        raise Invalid("SampleInterval", "a SampleInterval in percent is at most 100")


def _check_nothing(parameters: Mapping[str, Any]) -> None:
    del parameters


_TRANSCODE: Mapping[str, Check] = {
    "Container": Choice(*VIDEO_CONTAINERS, *AUDIO_CONTAINERS),
    "RemoveVideo": _FLAG,
    "RemoveAudio": _FLAG,
    "VideoTemplate": _VIDEO,
    "AudioTemplate": _AUDIO,
    "TEHDConfig": _TOP_SPEED,
    **dict.fromkeys(IGNORED_TRANSCODE_FIELDS, accept),
}
_OVERRIDE = Fields(
    {
        **_TRANSCODE,
        "VideoTemplate": Fields(_VIDEO_CHECKS),
        "AudioTemplate": Fields(_AUDIO_CHECKS),
    },
    {},
)

_SEGMENT_TYPES = (
    "ts-segment",
    "ts-byterange",
    "mp4-segment",
    "mp4-byterange",
    "ts-packed-audio",
    "mp4-packed-audio",
    "ts-ts-segment",
    "ts-ts-byterange",
    "mp4-mp4-segment",
    "mp4-mp4-byterange",
    "ts-packed-audio-byterange",
    "mp4-packed-audio-byterange",
)
_ANIMATION: Mapping[str, Check] = {
    **_SIZE,
    "Format": Choice("gif", "webp"),
    "Fps": Integer(1, 30),
    "Quality": Number(1, 100),
}
_SPRITES: Mapping[str, Check] = {
    **_PICTURE,
    **_SAMPLES,
    "RowCount": Integer(1, MAX_PICTURES_PER_SHEET),
    "ColumnCount": Integer(1, MAX_PICTURES_PER_SHEET),
}
_ADAPTIVE: Mapping[str, Check] = {
    "Format": Choice("HLS", "MPEG-DASH"),
    "StreamInfos": Items(_STREAM, MAX_SUBSTREAMS),
    "DisableHigherVideoBitrate": _FLAG,
    "DisableHigherVideoResolution": _FLAG,
    "PureAudio": _FLAG,
    "SegmentType": Choice(*_SEGMENT_TYPES),
}
_ADAPTIVE_DEFAULTS = {
    "DisableHigherVideoBitrate": 0,
    "DisableHigherVideoResolution": 0,
    "PureAudio": 0,
    "SegmentType": "ts-segment",
}
RULES: Mapping[Kind, Rules] = {
    "Transcode": Rules(
        check=Fields(_TRANSCODE, {"RemoveVideo": 0, "RemoveAudio": 0}),
        required=("Container",),
        codes="AudioBitrate AudioChannel AudioCodec AudioSampleRate Container Fps Name RemoveAudio RemoveVideo"
        " Resolution TEHDType VideoBitrate VideoCodec",
        check_whole=_check_transcode,
        maximum=1000,
    ),
    "AnimatedGraphics": Rules(
        check=Fields(_ANIMATION, {**_SIZE_DEFAULTS, "Format": "gif", "Quality": 75}),
        required=("Fps",),
        codes="Comment Format FormatWebpWidthAndHeightBothZero Fps Name Quality Resolution",
        check_whole=_check_animation,
        maximum=16,
    ),
    "SnapshotByTimeOffset": Rules(
        check=Fields(_PICTURE, _PICTURE_DEFAULTS),
        required=(),
        codes="Comment FillType Format Height Name Width",
        check_whole=_check_nothing,
        maximum=16,
    ),
    "SampleSnapshot": Rules(
        check=Fields({**_PICTURE, **_SAMPLES}, _PICTURE_DEFAULTS),
        required=("SampleType", "SampleInterval"),
        codes="Comment FillType Format Height Name SampleInterval SampleType Width",
        check_whole=_check_samples,
        maximum=16,
    ),
    "ImageSprites": Rules(
        check=Fields(_SPRITES, _PICTURE_DEFAULTS),
        required=("SampleType", "SampleInterval", "RowCount", "ColumnCount"),
        codes="ColumnCount Height Name RowCount SampleInterval SampleType Width",
        check_whole=_check_sprites,
        maximum=16,
    ),
    "AdaptiveDynamicStreaming": Rules(
        check=Fields(_ADAPTIVE, _ADAPTIVE_DEFAULTS),
        required=("Format", "StreamInfos"),
        codes="Bitrate Codec DisableHigherVideoBitrate DisableHigherVideoResolution FillType Format Fps Gop"
        " Height Name RemoveAudio RemoveVideo SampleRate SoundSystem Width",
        check_whole=_check_adaptive,
        maximum=100,
    ),
}
"""The rules of each kind of template."""
