"""The notifications of tasks, a class for each type.

Generated from tencentcloud-sdk-python-mps 3.1.194: change tools/generate_events.py, not this file.
"""

from __future__ import annotations

from ..base import Event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ClassVar

    from .callbacks import (
        OfBatchTask,
        OfEditMediaTask,
        OfExtractBlindWatermark,
        OfScheduleTask,
        OfWorkflowTask,
    )
    from .models import (
        ActivityResult,
        AiAnalysisResult,
        AiContentReviewResult,
        AIDubbingTaskResult,
        AiRecognitionResult,
        BatchSmartSubtitlesResult,
        EditMediaTaskInput,
        EditMediaTaskOutput,
        ExtractBlindWatermarkTaskConfig,
        MediaInputInfo,
        MediaMetaData,
        MediaProcessTaskResult,
        ScheduleQualityControlTaskResult,
        SmartEraseTaskResult,
        SmartSubtitlesResult,
    )


class WorkflowTask(Event):
    """A notification of type ``WorkflowTask`` (``WorkflowTask``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "WorkflowTask"
    payload_field: ClassVar[str] = "WorkflowTaskEvent"

    err_code: int
    message: str
    input_info: MediaInputInfo
    meta_data: MediaMetaData
    media_process_result_set: list[MediaProcessTaskResult]
    ai_content_review_result_set: list[AiContentReviewResult]
    ai_analysis_result_set: list[AiAnalysisResult]
    ai_recognition_result_set: list[AiRecognitionResult]
    ai_quality_control_task_result: ScheduleQualityControlTaskResult
    smart_subtitles_task_result: list[SmartSubtitlesResult]
    smart_erase_task_result: SmartEraseTaskResult
    ai_dubbing_task_result: AIDubbingTaskResult

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfWorkflowTask], OfWorkflowTask]: ...


class EditMediaTask(Event):
    """A notification of type ``EditMediaTask`` (``EditMediaTask``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "EditMediaTask"
    payload_field: ClassVar[str] = "EditMediaTaskEvent"
    _files = {"Output.OutputStorage": ("Output.Path",)}

    err_code: int
    message: str
    input: EditMediaTaskInput
    output: EditMediaTaskOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfEditMediaTask], OfEditMediaTask]: ...


class ScheduleTask(Event):
    """A notification of type ``ScheduleTask`` (``ScheduleTask``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "ScheduleTask"
    payload_field: ClassVar[str] = "ScheduleTaskEvent"

    err_code: int
    message: str
    input_info: MediaInputInfo
    meta_data: MediaMetaData
    activity_result_set: list[ActivityResult]

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfScheduleTask], OfScheduleTask]: ...


class BatchTask(Event):
    """A notification of type ``BatchTask`` (``BatchSubTaskResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "BatchTask"
    payload_field: ClassVar[str] = "BatchTaskEvent"

    input_infos: list[MediaInputInfo]
    metadatas: list[MediaMetaData]
    smart_subtitles_task_result: BatchSmartSubtitlesResult

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfBatchTask], OfBatchTask]: ...


class ExtractBlindWatermark(Event):
    """A notification of type ``ExtractBlindWatermark`` (``ExtractBlindWatermarkTask``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "ExtractBlindWatermark"
    payload_field: ClassVar[str] = "ExtractBlindWatermarkTask"
    has_location: ClassVar[bool] = False

    err_code: int
    message: str
    input_info: MediaInputInfo
    type_: str
    is_detected: bool
    result: str
    extract_blind_watermark_config: ExtractBlindWatermarkTaskConfig

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfExtractBlindWatermark], OfExtractBlindWatermark]: ...


__all__ = [
    "BatchTask",
    "EditMediaTask",
    "ExtractBlindWatermark",
    "ScheduleTask",
    "WorkflowTask",
]
