"""The ``Output`` of a result, from the files and metadata that the engine returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .model import Subtask
from .presets import Kind
from .result_fields import build_storage

Result = Any
"""A ``JobResult`` of the engine."""

Keys = Sequence[str]

_TRANSCODE_FIELDS = ("Bitrate", "Height", "Width", "Size", "Duration", "Container", "Md5")
_ANIMATION_FIELDS = ("Container", "Height", "Width", "Bitrate", "Size", "Md5")


def build(subtask: Subtask, result: Result, keys: Keys) -> dict[str, Any]:
    """Return the ``Output`` of a subtask that the engine processed.

    Args:
        subtask: of the result.
        result: of the engine.
        keys: the key of each of the result's files in COS.
    """
    return _BUILDERS[subtask.type](subtask, result, keys)


def _build_transcode(subtask: Subtask, result: Result, keys: Keys) -> dict[str, Any]:
    metadata = result.metadata or {}
    values = {name: metadata.get(name) for name in _TRANSCODE_FIELDS}
    return {
        "OutputStorage": build_storage(subtask.storage),
        "Path": _find_path(result, keys, "main", "playlist"),
        "Definition": subtask.definition,
        **values,
        "VideoStreamSet": metadata.get("VideoStreamSet") or [],
        "AudioStreamSet": metadata.get("AudioStreamSet") or [],
    }


def _build_animation(subtask: Subtask, result: Result, keys: Keys) -> dict[str, Any]:
    metadata = result.metadata or {}
    return {
        "Storage": build_storage(subtask.storage),
        "Path": _find_path(result, keys, "main"),
        "Definition": subtask.definition,
        **{name: metadata.get(name) for name in _ANIMATION_FIELDS},
        "StartTimeOffset": subtask.input["StartTimeOffset"],
        "EndTimeOffset": subtask.input["EndTimeOffset"],
    }


def _build_snapshots(subtask: Subtask, result: Result, keys: Keys) -> dict[str, Any]:
    pictures: list[dict[str, Any]] = [
        {"TimeOffset": file.offset or 0, "Path": f"/{key}", "WaterMarkDefinition": []}
        for file, key in zip(result.files, keys, strict=True)
    ]
    # Published events have the Definition 0 here.
    return {"Storage": build_storage(subtask.storage), "Definition": 0, "PicInfoSet": pictures}


def _build_sample_snapshots(subtask: Subtask, result: Result, keys: Keys) -> dict[str, Any]:
    job = subtask.job or {}
    return {
        "Storage": build_storage(subtask.storage),
        "Definition": subtask.definition,
        "SampleType": job["sample_type"],
        "Interval": job["interval"],
        "ImagePathSet": _list_paths(result, keys, "picture"),
        "WaterMarkDefinition": [],
    }


def _build_sprites(subtask: Subtask, result: Result, keys: Keys) -> dict[str, Any]:
    return {
        "Storage": build_storage(subtask.storage),
        "Definition": subtask.definition,
        "Height": result.details.get("height"),
        "Width": result.details.get("width"),
        "TotalCount": result.count,
        "ImagePathSet": _list_paths(result, keys, "sheet"),
        "WebVttPath": _find_path(result, keys, "vtt"),
    }


def _build_adaptive(subtask: Subtask, result: Result, keys: Keys) -> dict[str, Any]:
    return {
        "Definition": subtask.definition,
        "Package": "HLS",
        "Path": _find_path(result, keys, "main"),
        "Storage": build_storage(subtask.storage),
    }


_BUILDERS: Mapping[Kind | str, Callable[[Subtask, Result, Keys], dict[str, Any]]] = {
    "Transcode": _build_transcode,
    "AnimatedGraphics": _build_animation,
    "SnapshotByTimeOffset": _build_snapshots,
    "SampleSnapshot": _build_sample_snapshots,
    "ImageSprites": _build_sprites,
    "AdaptiveDynamicStreaming": _build_adaptive,
}


def _list_paths(result: Result, keys: Keys, role: str) -> list[str]:
    return [f"/{key}" for file, key in zip(result.files, keys, strict=True) if file.role == role]


def _find_path(result: Result, keys: Keys, *roles: str) -> str:
    """Return the path of the only file of the first role that occurs."""
    return next(path for role in roles for path in _list_paths(result, keys, role))
