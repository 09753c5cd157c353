"""The ``Output`` of a result, from the files and metadata that the engine returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .model import Subtask
from .result_fields import build_storage

if TYPE_CHECKING:
    from ..engine import JobResult

Keys = Sequence[str]

_TRANSCODE_FIELDS = ("Bitrate", "Height", "Width", "Size", "Duration", "Container", "Md5")
_ANIMATION_FIELDS = ("Container", "Height", "Width", "Bitrate", "Size", "Md5")


def build(subtask: Subtask, result: JobResult, keys: Keys) -> dict[str, Any]:
    """Return the ``Output`` of a subtask that the engine processed.

    Args:
        subtask: of the result.
        result: of the engine.
        keys: the key of each of the result's files in COS.
    """
    return _BUILDERS[subtask.type](subtask, result, keys)


def _build_transcode(subtask: Subtask, result: JobResult, keys: Keys) -> dict[str, Any]:
    metadata = result.metadata or {}
    return {
        "OutputStorage": build_storage(subtask.storage),
        "Path": _find_path(result, keys, "main"),
        "Definition": subtask.definition,
        **{name: metadata[name] for name in _TRANSCODE_FIELDS},
        "VideoStreamSet": metadata["VideoStreamSet"],
        "AudioStreamSet": metadata["AudioStreamSet"],
    }


def _build_animation(subtask: Subtask, result: JobResult, keys: Keys) -> dict[str, Any]:
    metadata = result.metadata or {}
    return {
        "Storage": build_storage(subtask.storage),
        "Path": _find_path(result, keys, "main"),
        "Definition": subtask.definition,
        **{name: metadata[name] for name in _ANIMATION_FIELDS},
        "StartTimeOffset": result.details["start"],
        "EndTimeOffset": result.details["end"],
    }


def _build_snapshots(subtask: Subtask, result: JobResult, keys: Keys) -> dict[str, Any]:
    pictures: list[dict[str, Any]] = [
        {"TimeOffset": file.offset or 0, "Path": f"/{key}", "WaterMarkDefinition": []}
        for file, key in zip(result.files, keys, strict=True)
    ]
    # Published events have the Definition 0 here.
    return {"Storage": build_storage(subtask.storage), "Definition": 0, "PicInfoSet": pictures}


def _build_sample_snapshots(subtask: Subtask, result: JobResult, keys: Keys) -> dict[str, Any]:
    job = subtask.job or {}
    return {
        "Storage": build_storage(subtask.storage),
        "Definition": subtask.definition,
        "SampleType": job["sample_type"],
        "Interval": job["interval"],
        "ImagePathSet": _list_paths(result, keys, "picture"),
        "WaterMarkDefinition": [],
    }


def _build_sprites(subtask: Subtask, result: JobResult, keys: Keys) -> dict[str, Any]:
    return {
        "Storage": build_storage(subtask.storage),
        "Definition": subtask.definition,
        "Height": result.details["height"],
        "Width": result.details["width"],
        "TotalCount": result.count,
        "ImagePathSet": _list_paths(result, keys, "sheet"),
        "WebVttPath": _find_path(result, keys, "vtt"),
    }


def _build_adaptive(subtask: Subtask, result: JobResult, keys: Keys) -> dict[str, Any]:
    return {
        "Definition": subtask.definition,
        "Package": "HLS",
        "Path": _find_path(result, keys, "main"),
        "Storage": build_storage(subtask.storage),
    }


_BUILDERS: Mapping[str, Callable[[Subtask, JobResult, Keys], dict[str, Any]]] = {
    "Transcode": _build_transcode,
    "AnimatedGraphics": _build_animation,
    "SnapshotByTimeOffset": _build_snapshots,
    "SampleSnapshot": _build_sample_snapshots,
    "ImageSprites": _build_sprites,
    "AdaptiveDynamicStreaming": _build_adaptive,
}


def _list_paths(result: JobResult, keys: Keys, role: str) -> list[str]:
    return [f"/{key}" for file, key in zip(result.files, keys, strict=True) if file.role == role]


def _find_path(result: JobResult, keys: Keys, role: str) -> str:
    """Return the path of the only file with a role."""
    (path,) = _list_paths(result, keys, role)
    return path
