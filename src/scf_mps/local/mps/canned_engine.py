"""Engine without PyAV: every job yields the same small files."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scf_mps.local.engine import EngineError, JobResult, MediaFile

_MEDIA = Path(__file__).parents[1] / "media"

_VIDEO = {"Bitrate": 18256, "Codec": "h264", "Fps": 12, "Height": 320, "Width": 180}
_AUDIO = {"Bitrate": 9186, "Codec": "aac", "SamplingRate": 16000}
_METADATA: Mapping[str, Any] = {
    "Container": "mov,mp4,m4a,3gp,3g2,mj2",
    "Bitrate": 27442,
    "Height": 320,
    "Width": 180,
    "Duration": 2.0,
    "VideoDuration": 2.0,
    "AudioDuration": 2.0,
    "Rotate": 0,
    "VideoStreamSet": [_VIDEO],
    "AudioStreamSet": [_AUDIO],
}
"""Of ``rendition.mp4``."""

_ANIMATION = {"Container": "gif", "Bitrate": 48372, "Height": 160, "Width": 90}
_SHEET_NAME = "dianping2_imageSprite_10_0.jpg"
"""The name in ``sprite.vtt``."""
_SAMPLES = 10


class CannedEngine:
    """A stand-in for `Engine` on a machine without PyAV. Sources are not read, and jobs are not followed."""

    available = False
    pid = None

    def probe(self, path: Path) -> dict[str, Any]:
        """Return the metadata of the canned video, with size and MD5 of a file."""
        return {**_METADATA, **_measure(path)}

    def run(
        self,
        source: Path,
        jobs: Sequence[Mapping[str, Any]],
        folder: Path,
        on_progress: Callable[[int, float], None],
        on_result: Callable[[int, JobResult | EngineError], None],
    ) -> None:
        """Copy the files of each job. See `Engine.run`."""
        for index, job in enumerate(jobs):
            on_progress(index, 0.0)
            target = folder / str(index)
            target.mkdir()
            on_result(index, _BUILDERS[job["kind"]](job, target))

    def cancel(self) -> None:
        """Do nothing: no job takes time."""


def _measure(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return {"Size": len(data), "Md5": hashlib.md5(data, usedforsecurity=False).hexdigest()}


def _copy(name: str, folder: Path, new_name: str = "") -> Path:
    return Path(shutil.copyfile(_MEDIA / name, folder / (new_name or name)))


def _build_transcode(job: Mapping[str, Any], folder: Path) -> JobResult:
    if job["container"] == "hls":
        *segments, playlist = _copy_stream(folder, None)
        metadata = {**_METADATA, "Container": "hls,applehttp", **_measure(playlist.path)}
        return JobResult([*segments, replace(playlist, role="main")], metadata)
    path = _copy("rendition.mp4", folder, f"main.{job['container']}")
    return JobResult([MediaFile(path, "main")], {**_METADATA, **_measure(path)})


def _build_adaptive(job: Mapping[str, Any], folder: Path) -> JobResult:
    master = MediaFile(_copy("master.m3u8", folder), "main")
    return JobResult([*_copy_stream(folder, 0), master], {**_METADATA, **_measure(master.path)})


def _copy_stream(folder: Path, stream: int | None) -> list[MediaFile]:
    segments = [
        MediaFile(_copy(f"stream_0_{number}.ts", folder), "segment", stream, number)
        for number in range(2)
    ]
    return [*segments, MediaFile(_copy("stream_0.m3u8", folder), "playlist", stream)]


def _build_animation(job: Mapping[str, Any], folder: Path) -> JobResult:
    path = _copy("animation.gif", folder)
    metadata = {**_ANIMATION, **_measure(path)}
    return JobResult([MediaFile(path, "main")], metadata, details={"start": 0, "end": 2})


def _build_snapshots(job: Mapping[str, Any], folder: Path) -> JobResult:
    offsets = job.get("offsets") or [0.0]
    times = [
        offset["percent"] * _METADATA["Duration"] / 100 if isinstance(offset, Mapping) else offset
        for offset in offsets
    ]
    return JobResult(_copy_pictures(folder, times))


def _build_samples(job: Mapping[str, Any], folder: Path) -> JobResult:
    step = _METADATA["Duration"] / _SAMPLES
    return JobResult(_copy_pictures(folder, [number * step for number in range(_SAMPLES)]))


def _copy_pictures(folder: Path, offsets: Sequence[float]) -> list[MediaFile]:
    return [
        MediaFile(_copy("snapshot.jpg", folder, f"{number}.jpg"), "picture", None, number, offset)
        for number, offset in enumerate(offsets)
    ]


def _build_sprites(job: Mapping[str, Any], folder: Path) -> JobResult:
    sheet = MediaFile(_copy("sprite.jpg", folder, _SHEET_NAME), "sheet", None, 0)
    vtt = MediaFile(_copy("sprite.vtt", folder), "vtt")
    return JobResult([sheet, vtt], count=2, details={"width": 142, "height": 80})


_BUILDERS: Mapping[str, Callable[[Mapping[str, Any], Path], JobResult]] = {
    "transcode": _build_transcode,
    "adaptive": _build_adaptive,
    "animation": _build_animation,
    "snapshots": _build_snapshots,
    "sample_snapshots": _build_samples,
    "sprites": _build_sprites,
}
