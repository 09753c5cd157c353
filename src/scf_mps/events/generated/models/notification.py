"""The notification, its payloads and the activities of a ScheduleTask.

Generated from tencentcloud-sdk-python-mps 3.1.194: change tools/generate_events.py, not this file.
"""

from __future__ import annotations

from ...view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .analysis import AiAnalysisResult
    from .common import MediaInputInfo, MediaMetaData
    from .edit import EditMediaTask
    from .erase_and_dubbing import AIDubbingTaskResult, SmartEraseTaskResult
    from .media import (
        MediaProcessTaskAdaptiveDynamicStreamingResult,
        MediaProcessTaskAnimatedGraphicResult,
        MediaProcessTaskImageSpriteResult,
        MediaProcessTaskResult,
        MediaProcessTaskSampleSnapshotResult,
        MediaProcessTaskSnapshotByTimeOffsetResult,
        MediaProcessTaskTranscodeResult,
    )
    from .quality import ScheduleQualityControlTaskResult
    from .recognition import AiRecognitionResult
    from .review import AiContentReviewResult
    from .subtitles import BatchSubTaskResult, SmartSubtitlesResult, SmartSubtitlesTaskInput
    from .watermark import ExtractBlindWatermarkTask


class ParseNotificationResponse(View):
    """MPS type ``ParseNotificationResponse``."""

    __slots__ = ()

    event_type: str
    workflow_task_event: WorkflowTask
    edit_media_task_event: EditMediaTask
    session_id: str
    session_context: str
    schedule_task_event: ScheduleTask
    timestamp: int
    sign: str
    batch_task_event: BatchSubTaskResult
    extract_blind_watermark_task: ExtractBlindWatermarkTask
    request_id: str


class WorkflowTask(View):
    """MPS type ``WorkflowTask``."""

    __slots__ = ()

    task_id: str
    status: str
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


class ScheduleTask(View):
    """MPS type ``ScheduleTask``."""

    __slots__ = ()

    task_id: str
    status: str
    err_code: int
    message: str
    input_info: MediaInputInfo
    meta_data: MediaMetaData
    activity_result_set: list[ActivityResult]


class ActivityResult(View):
    """MPS type ``ActivityResult``."""

    __slots__ = ()

    activity_type: str
    activity_res_item: ActivityResItem


class ActivityResItem(View):
    """MPS type ``ActivityResItem``."""

    __slots__ = ()
    _names = {"ai_dubbing_task": "AIDubbingTask"}

    transcode_task: MediaProcessTaskTranscodeResult
    animated_graphic_task: MediaProcessTaskAnimatedGraphicResult
    snapshot_by_time_offset_task: MediaProcessTaskSnapshotByTimeOffsetResult
    sample_snapshot_task: MediaProcessTaskSampleSnapshotResult
    image_sprite_task: MediaProcessTaskImageSpriteResult
    adaptive_dynamic_streaming_task: MediaProcessTaskAdaptiveDynamicStreamingResult
    recognition_task: ScheduleRecognitionTaskResult
    review_task: ScheduleReviewTaskResult
    analysis_task: ScheduleAnalysisTaskResult
    quality_control_task: ScheduleQualityControlTaskResult
    exec_rule_task: ScheduleExecRuleTaskResult
    smart_subtitles_task: ScheduleSmartSubtitleTaskResult
    smart_erase_task: SmartEraseTaskResult
    ai_dubbing_task: AIDubbingTaskResult


class ScheduleRecognitionTaskResult(View):
    """MPS type ``ScheduleRecognitionTaskResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiRecognitionTaskInput
    output: list[AiRecognitionResult]
    begin_process_time: str
    finish_time: str


class ScheduleReviewTaskResult(View):
    """MPS type ``ScheduleReviewTaskResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiContentReviewTaskInput
    output: list[AiContentReviewResult]
    begin_process_time: str
    finish_time: str


class ScheduleAnalysisTaskResult(View):
    """MPS type ``ScheduleAnalysisTaskResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiAnalysisTaskInput
    output: list[AiAnalysisResult]
    begin_process_time: str
    finish_time: str


class ScheduleExecRuleTaskResult(View):
    """MPS type ``ScheduleExecRuleTaskResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    message: str
    input: ExecRulesTask
    output: ExecRuleTaskData


class ScheduleSmartSubtitleTaskResult(View):
    """MPS type ``ScheduleSmartSubtitleTaskResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: SmartSubtitlesTaskInput
    output: list[SmartSubtitlesResult]
    begin_process_time: str
    finish_time: str


class AiRecognitionTaskInput(View):
    """MPS type ``AiRecognitionTaskInput``."""

    __slots__ = ()

    definition: int
    user_ext_para: str


class AiContentReviewTaskInput(View):
    """MPS type ``AiContentReviewTaskInput``."""

    __slots__ = ()

    definition: int


class AiAnalysisTaskInput(View):
    """MPS type ``AiAnalysisTaskInput``."""

    __slots__ = ()

    definition: int
    extended_parameter: str


class ExecRulesTask(View):
    """MPS type ``ExecRulesTask``."""

    __slots__ = ()

    rules: list[Rules]


class ExecRuleTaskData(View):
    """MPS type ``ExecRuleTaskData``."""

    __slots__ = ()

    rear_drive_index: list[int]


class Rules(View):
    """MPS type ``Rules``."""

    __slots__ = ()

    id: str
    conditions: list[RuleConditionItem]
    linker: str
    rear_drive_indexs: list[int]


class RuleConditionItem(View):
    """MPS type ``RuleConditionItem``."""

    __slots__ = ()

    key: str
    value: str
