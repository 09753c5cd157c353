"""The results of ``MediaProcessResultSet``, a class for each type.

Generated from tencentcloud-sdk-python-mps 3.1.194: change tools/generate_events.py, not this file.
"""

from __future__ import annotations

from ..base import Subtask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ClassVar

    from .callbacks import (
        OfAdaptiveDynamicStreaming,
        OfAnimatedGraphics,
        OfImageSprites,
        OfMediaSubtask,
        OfSampleSnapshot,
        OfSnapshotByTimeOffset,
        OfTranscode,
    )
    from .models import (
        AdaptiveDynamicStreamingInfoItem,
        AdaptiveDynamicStreamingTaskInput,
        AnimatedGraphicTaskInput,
        ImageSpriteTaskInput,
        MediaAnimatedGraphicsItem,
        MediaImageSpriteItem,
        MediaSampleSnapshotItem,
        MediaSnapshotByTimeOffsetItem,
        MediaTranscodeItem,
        SampleSnapshotTaskInput,
        SnapshotByTimeOffsetTaskInput,
        TranscodeTaskInput,
    )


class MediaSubtask(Subtask):
    """Any result of ``MediaProcessResultSet``, and of the activities that hold such results."""

    __slots__ = ()

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfMediaSubtask], OfMediaSubtask]: ...


class Transcode(MediaSubtask):
    """``Transcode``: a result of ``MediaProcessResultSet`` (``MediaProcessTaskTranscodeResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "Transcode"
    _files = {"Output.OutputStorage": ("Output.Path",)}

    err_code_ext: str
    err_code: int
    message: str
    input: TranscodeTaskInput
    output: MediaTranscodeItem
    progress: int

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfTranscode], OfTranscode]: ...


class AnimatedGraphics(MediaSubtask):
    """``AnimatedGraphics``: a result of ``MediaProcessResultSet`` (``MediaProcessTaskAnimatedGraphicResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "AnimatedGraphics"
    _files = {"Output.Storage": ("Output.Path",)}

    err_code_ext: str
    err_code: int
    message: str
    input: AnimatedGraphicTaskInput
    output: MediaAnimatedGraphicsItem
    begin_process_time: str
    finish_time: str

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfAnimatedGraphics], OfAnimatedGraphics]: ...


class SnapshotByTimeOffset(MediaSubtask):
    """``SnapshotByTimeOffset``: a result of ``MediaProcessResultSet`` (``MediaProcessTaskSnapshotByTimeOffsetResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "SnapshotByTimeOffset"
    _files = {"Output.Storage": ("Output.PicInfoSet[].Path",)}

    err_code_ext: str
    err_code: int
    message: str
    input: SnapshotByTimeOffsetTaskInput
    output: MediaSnapshotByTimeOffsetItem
    begin_process_time: str
    finish_time: str

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfSnapshotByTimeOffset], OfSnapshotByTimeOffset]: ...


class SampleSnapshot(MediaSubtask):
    """``SampleSnapshot``: a result of ``MediaProcessResultSet`` (``MediaProcessTaskSampleSnapshotResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "SampleSnapshot"
    _files = {"Output.Storage": ("Output.ImagePathSet[]",)}

    err_code_ext: str
    err_code: int
    message: str
    input: SampleSnapshotTaskInput
    output: MediaSampleSnapshotItem
    begin_process_time: str
    finish_time: str

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfSampleSnapshot], OfSampleSnapshot]: ...


class ImageSprites(MediaSubtask):
    """``ImageSprites``: a result of ``MediaProcessResultSet`` (``MediaProcessTaskImageSpriteResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "ImageSprites"
    _files = {"Output.Storage": ("Output.ImagePathSet[]", "Output.WebVttPath")}

    err_code_ext: str
    err_code: int
    message: str
    input: ImageSpriteTaskInput
    output: MediaImageSpriteItem
    begin_process_time: str
    finish_time: str

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfImageSprites], OfImageSprites]: ...


class AdaptiveDynamicStreaming(MediaSubtask):
    """``AdaptiveDynamicStreaming``: a result of ``MediaProcessResultSet`` (``MediaProcessTaskAdaptiveDynamicStreamingResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "AdaptiveDynamicStreaming"
    _files = {"Output.Storage": ("Output.Path",)}

    err_code_ext: str
    err_code: int
    message: str
    input: AdaptiveDynamicStreamingTaskInput
    output: AdaptiveDynamicStreamingInfoItem
    begin_process_time: str
    finish_time: str

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfAdaptiveDynamicStreaming], OfAdaptiveDynamicStreaming]: ...


__all__ = [
    "AdaptiveDynamicStreaming",
    "AnimatedGraphics",
    "ImageSprites",
    "MediaSubtask",
    "SampleSnapshot",
    "SnapshotByTimeOffset",
    "Transcode",
]
