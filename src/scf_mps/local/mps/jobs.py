"""Engine jobs: the parameters of a template and of a subtask as the engine takes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import Refused
from .failures import SubtaskFailed
from .presets import Kind, Template
from .template_rules import (
    AUDIO_CONTAINERS,
    IGNORED_AUDIO_FIELDS,
    IGNORED_TRANSCODE_FIELDS,
    IGNORED_VIDEO_FIELDS,
)

DEFAULT_SEGMENT_SECONDS = 5
"""Length of HLS segments if the template does not say. MPS's is undocumented."""

DEFAULT_FPS = 25
"""Frame rate by which a GOP in seconds is converted if the template keeps that of the source."""

_CONTAINERS = ("mp4", "hls", "flv", "m4a", "mp3", "flac", "ogg")
_VIDEO_CODECS = ("h264", "h265")
_AUDIO_CODECS = ("aac", "mp3", "flac", "opus")
_MP4_SEGMENTS = (5, 7)
_BYTE_RANGES = (2, 5)
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)%")


@dataclass(slots=True)
class Job:
    """A planned job.

    Attributes:
        parameters: of the engine.
        extensions: value of ``{format}`` by file: main, segment, stream, vtt.
        several: the names that the job uses for several files.
        warnings: parameters without effect.
        assumptions: ids of `assumptions`.
    """

    parameters: dict[str, Any]
    extensions: dict[str, str]
    several: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])
    assumptions: list[str] = field(default_factory=list[str])


def build(template: Template, task: Mapping[str, Any]) -> Job:
    """Return the job of a subtask.

    Args:
        template: with the subtask's own parameters.
        task: the parameters of the subtask in ProcessMedia.

    Raises:
        SubtaskFailed: the engine cannot do it, or a time point is invalid.
        Refused: a parameter has the wrong type.
    """
    return _BUILDERS[template.kind](template, task)


def _build_transcode(template: Template, task: Mapping[str, Any]) -> Job:
    parameters = template.parameters
    container = parameters["Container"]
    if container not in _CONTAINERS:
        raise _explain_unavailable("container", container, _CONTAINERS)
    job = Job({"kind": "transcode", "container": container}, {"main": container})
    _warn_ignored(job, parameters, IGNORED_TRANSCODE_FIELDS)
    if (parameters.get("TEHDConfig") or {}).get("Type"):
        job.assumptions.append("teshd")
    video = None
    if container not in AUDIO_CONTAINERS and not parameters["RemoveVideo"]:
        video = parameters["VideoTemplate"]
    audio = None if parameters["RemoveAudio"] else parameters["AudioTemplate"]
    if video is not None and video["Codec"] == "copy":
        if audio is not None and audio["Codec"] != "copy":
            job.warnings.append("AudioTemplate has no effect while the video is copied")
        job.parameters |= {"copy": True, "video": {}, "audio": None if audio is None else {}}
    else:
        job.parameters["copy"] = False
        job.parameters["video"] = None if video is None else _convert_video(job, video)
        job.parameters["audio"] = None if audio is None else _convert_audio(job, audio)
    if container == "hls":
        settings = video or {}
        is_mp4 = settings.get("SegmentType") in _MP4_SEGMENTS
        if settings.get("SegmentType") in _BYTE_RANGES:
            job.warnings.append("SegmentType of byte ranges has no effect: segments are files")
        _add_segments(job, "mp4" if is_mp4 else "ts", settings.get("HlsTime"))
        job.assumptions.append("hls-size")
    _add_clip(job, task)
    return job


def _build_adaptive(template: Template, task: Mapping[str, Any]) -> Job:
    parameters = template.parameters
    if parameters["Format"] != "HLS":
        raise _explain_unavailable("Format", parameters["Format"], ("HLS",))
    job = Job({"kind": "adaptive"}, {"main": "hls", "stream": "m3u8"}, ["stream"])
    del task
    job.parameters["streams"] = [_convert_stream(job, item) for item in parameters["StreamInfos"]]
    first = job.parameters["streams"][0]["video"]
    for stream in job.parameters["streams"]:
        if first and stream["video"] and stream["video"]["fps"] != first["fps"]:
            job.warnings.append("all substreams have the frame rate of the first")
            stream["video"]["fps"] = first["fps"]
    segment_type = parameters["SegmentType"]
    if segment_type not in ("ts-segment", "mp4-segment"):
        job.warnings.append(f"SegmentType {segment_type} is made as separate segments")
    if parameters["DisableHigherVideoBitrate"]:
        job.warnings.append("DisableHigherVideoBitrate has no effect in the local MPS")
    _add_segments(job, "mp4" if segment_type.startswith("mp4") else "ts", None)
    job.parameters["higher_resolution"] = not parameters["DisableHigherVideoResolution"]
    if template.is_preset:
        job.assumptions.append("adaptive-bitrates")
    return job


def _build_animation(template: Template, task: Mapping[str, Any]) -> Job:
    parameters = template.parameters
    start, end = _read_time(task, "StartTimeOffset"), _read_time(task, "EndTimeOffset")
    if start < 0 or end < 0 or (end and end <= start):
        raise SubtaskFailed(
            "InvalidInput.InvalidTimeOffset",
            f"invalid time range {start:g} s to {end:g} s",
            "error-numbers",
        )
    job = Job(
        {
            "kind": "animation",
            "format": parameters["Format"],
            "width": parameters["Width"],
            "height": parameters["Height"],
            "adaptive": parameters["ResolutionAdaptive"] == "open",
            "fps": parameters["Fps"],
            "quality": parameters["Quality"],
            "start": start,
            "end": end,
        },
        {"main": parameters["Format"]},
    )
    if template.is_preset and parameters["Format"] == "webp":
        job.assumptions.append("webp-size")
    return job


def _build_snapshots(template: Template, task: Mapping[str, Any]) -> Job:
    offsets: list[Any] = [_parse_offset(text) for text in _read_list(task, "ExtTimeOffsetSet")]
    offsets = offsets or [_check_offset(offset) for offset in _read_list(task, "TimeOffsetSet")]
    job = _build_pictures("snapshots", template)
    if not offsets:
        job.assumptions.append("first-frame")
        offsets = [0.0]
    job.parameters["offsets"] = offsets
    job.several = ["main"] * (len(offsets) > 1)
    job.assumptions.append("snapshot-definition")
    return job


def _build_sample_snapshots(template: Template, task: Mapping[str, Any]) -> Job:
    del task
    job = _build_pictures("sample_snapshots", template)
    return _add_samples(job, template.parameters)


def _build_sprites(template: Template, task: Mapping[str, Any]) -> Job:
    del task
    parameters = template.parameters
    job = _build_pictures("sprites", template)
    job.parameters["row_count"] = parameters["RowCount"]
    job.parameters["column_count"] = parameters["ColumnCount"]
    job.extensions["vtt"] = "vtt"
    job.assumptions += ["sprite-count", "sprite-sheet"]
    return _add_samples(job, parameters)


def _build_pictures(kind: str, template: Template) -> Job:
    parameters = template.parameters
    values = {
        "kind": kind,
        "format": parameters["Format"],
        "width": parameters["Width"],
        "height": parameters["Height"],
        "adaptive": parameters["ResolutionAdaptive"] == "open",
        "fill": parameters["FillType"],
    }
    return Job(values, {"main": parameters["Format"]}, ["main"])


def _add_samples(job: Job, parameters: Mapping[str, Any]) -> Job:
    job.parameters["sample_type"] = parameters["SampleType"]
    job.parameters["interval"] = parameters["SampleInterval"]
    return job


_BUILDERS: Mapping[Kind, Callable[[Template, Mapping[str, Any]], Job]] = {
    "Transcode": _build_transcode,
    "AnimatedGraphics": _build_animation,
    "SnapshotByTimeOffset": _build_snapshots,
    "SampleSnapshot": _build_sample_snapshots,
    "ImageSprites": _build_sprites,
    "AdaptiveDynamicStreaming": _build_adaptive,
}


def _convert_stream(job: Job, stream: Mapping[str, Any]) -> dict[str, Any]:
    video = None if stream.get("RemoveVideo") else stream.get("Video")
    audio = None if stream.get("RemoveAudio") else stream.get("Audio")
    _warn_ignored(job, stream, ("AudioList",))
    return {
        "video": None if video is None else _convert_video(job, video),
        "audio": None if audio is None else _convert_audio(job, audio),
    }


def _convert_video(job: Job, video: Mapping[str, Any]) -> dict[str, Any]:
    _warn_ignored(job, video, IGNORED_VIDEO_FIELDS)
    codec = video["Codec"]
    if codec not in _VIDEO_CODECS:
        raise _explain_unavailable("video codec", codec, _VIDEO_CODECS)
    fill = video["FillType"]
    if fill == "smarttailor":
        job.warnings.append("FillType smarttailor is made as black")
        fill = "black"
    gop = video["Gop"]
    if video.get("GopUnit") == "second":
        gop *= video["Fps"] or DEFAULT_FPS
    return {
        "codec": codec,
        "width": video["Width"],
        "height": video["Height"],
        "adaptive": video["ResolutionAdaptive"] == "open",
        "fps": video["Fps"],
        "bitrate": video["Bitrate"],
        "gop": gop,
        "fill": fill,
    }


def _convert_audio(job: Job, audio: Mapping[str, Any]) -> dict[str, Any]:
    _warn_ignored(job, audio, IGNORED_AUDIO_FIELDS)
    codec = audio["Codec"]
    if codec == "copy":
        job.warnings.append("audio codec copy is made as AAC while the video is encoded")
        codec = "aac"
    if codec not in _AUDIO_CODECS:
        raise _explain_unavailable("audio codec", codec, _AUDIO_CODECS)
    return {
        "codec": codec,
        "bitrate": audio["Bitrate"],
        "sample_rate": audio["SampleRate"],
        "channels": audio["AudioChannel"],
    }


def _add_segments(job: Job, type_: str, seconds: int | None) -> None:
    job.parameters["segment"] = {"type": type_, "seconds": seconds or DEFAULT_SEGMENT_SECONDS}
    job.extensions |= {"main": "m3u8", "segment": type_}
    job.several.append("segment")
    if not seconds:
        job.assumptions.append("segment-seconds")
    if type_ == "mp4":
        job.assumptions.append("segment-extension")


def _add_clip(job: Job, task: Mapping[str, Any]) -> None:
    """Add the part of the source. Negative times count from its end."""
    start, end = _read_time(task, "StartTimeOffset"), _read_time(task, "EndTimeOffset")
    if start * end > 0 and end <= start:
        raise SubtaskFailed(
            "InvalidInput.InvalidTimeOffset",
            f"invalid time range {start:g} s to {end:g} s",
            "error-numbers",
        )
    job.parameters |= {name: time for name, time in (("start", start), ("end", end)) if time}


def _read_time(task: Mapping[str, Any], name: str) -> float:
    value = task.get(name) or 0
    return _check_number(value, f"{name} {value!r} is not a number of seconds")


def _read_list(task: Mapping[str, Any], name: str) -> list[Any]:
    values = task.get(name) or []
    if not isinstance(values, list):
        raise Refused("InvalidParameter", f"{name} is not a list")
    return values


def _check_offset(offset: Any) -> float:
    message = f"time point {offset!r} is not a number of seconds from 0"
    if _check_number(offset, message) < 0:
        raise SubtaskFailed("InvalidInput.InvalidTimeOffset", message, "error-numbers")
    return float(offset)


def _check_number(value: Any, message: str) -> float:
    if type(value) in (int, float) and abs(value) < float("inf"):
        return float(value)
    raise SubtaskFailed("InvalidInput.InvalidTimeOffset", message, "error-numbers")


def _parse_offset(text: Any) -> float | dict[str, float]:
    """Return seconds, or a percentage, of an item of ``ExtTimeOffsetSet``."""
    if isinstance(text, str):
        seconds, percent = _SECONDS.fullmatch(text), _PERCENT.fullmatch(text)
        if seconds:
            return float(seconds[1])
        if percent and float(percent[1]) <= 100:
            return {"percent": float(percent[1])}
    raise SubtaskFailed(
        "InvalidInput.InvalidTimeOffset",
        f"time point {text!r} is neither seconds such as 3.5s nor a percentage such as 10%",
        "error-numbers",
    )


def _warn_ignored(job: Job, parameters: Mapping[str, Any], names: tuple[str, ...]) -> None:
    """Warn about parameters that are set but have no effect. Zero and texts that mean default are not set."""
    job.warnings += [
        f"{name} has no effect in the local MPS"
        for name in names
        if parameters.get(name) not in (None, "", 0, False, [], {}, "default")
    ]


def _explain_unavailable(what: str, value: str, known: tuple[str, ...]) -> SubtaskFailed:
    message = f"the local engine has no {what} {value}, only {', '.join(known)}"
    return SubtaskFailed("InternalError", message, "engine-limits")
