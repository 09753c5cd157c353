"""Types of analysis tasks.

Generated from tencentcloud-sdk-python-mps 3.1.194: change tools/generate_events.py, not this file.
"""

from __future__ import annotations

from ...view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .common import (
        AiAnalysisTaskDelLogoOutput,
        MediaAiAnalysisHighlightItem,
        SegmentRecognitionItem,
        TaskOutputStorage,
    )


class AiAnalysisResult(View):
    """MPS type ``AiAnalysisResult``."""

    __slots__ = ()

    type: str
    classification_task: AiAnalysisTaskClassificationResult
    cover_task: AiAnalysisTaskCoverResult
    tag_task: AiAnalysisTaskTagResult
    frame_tag_task: AiAnalysisTaskFrameTagResult
    highlight_task: AiAnalysisTaskHighlightResult
    de_logo_task: AiAnalysisTaskDelLogoResult
    segment_task: AiAnalysisTaskSegmentResult
    head_tail_task: AiAnalysisTaskHeadTailResult
    description_task: AiAnalysisTaskDescriptionResult
    horizontal_to_vertical_task: AiAnalysisTaskHorizontalToVerticalResult
    dubbing_task: AiAnalysisTaskDubbingResult
    video_remake_task: AiAnalysisTaskVideoRemakeResult
    video_comprehension_task: AiAnalysisTaskVideoComprehensionResult
    cutout_task: AiAnalysisTaskCutoutResult
    reel_task: AiAnalysisTaskReelResult
    generic_task: AiAnalysisTaskGenericResult


class AiAnalysisTaskClassificationResult(View):
    """MPS type ``AiAnalysisTaskClassificationResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiAnalysisTaskClassificationInput
    output: AiAnalysisTaskClassificationOutput


class AiAnalysisTaskCoverResult(View):
    """MPS type ``AiAnalysisTaskCoverResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiAnalysisTaskCoverInput
    output: AiAnalysisTaskCoverOutput


class AiAnalysisTaskTagResult(View):
    """MPS type ``AiAnalysisTaskTagResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiAnalysisTaskTagInput
    output: AiAnalysisTaskTagOutput


class AiAnalysisTaskFrameTagResult(View):
    """MPS type ``AiAnalysisTaskFrameTagResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiAnalysisTaskFrameTagInput
    output: AiAnalysisTaskFrameTagOutput


class AiAnalysisTaskHighlightResult(View):
    """MPS type ``AiAnalysisTaskHighlightResult``."""

    __slots__ = ()

    status: str
    err_code: int
    message: str
    input: AiAnalysisTaskHighlightInput
    output: AiAnalysisTaskHighlightOutput


class AiAnalysisTaskDelLogoResult(View):
    """MPS type ``AiAnalysisTaskDelLogoResult``."""

    __slots__ = ()

    status: str
    err_code: int
    message: str
    input: AiAnalysisTaskDelLogoInput
    output: AiAnalysisTaskDelLogoOutput


class AiAnalysisTaskSegmentResult(View):
    """MPS type ``AiAnalysisTaskSegmentResult``."""

    __slots__ = ()

    status: str
    err_code: int
    message: str
    input: AiAnalysisTaskSegmentInput
    output: AiAnalysisTaskSegmentOutput


class AiAnalysisTaskHeadTailResult(View):
    """MPS type ``AiAnalysisTaskHeadTailResult``."""

    __slots__ = ()

    status: str
    err_code: int
    message: str
    input: AiAnalysisTaskHeadTailInput
    output: AiAnalysisTaskHeadTailOutput


class AiAnalysisTaskDescriptionResult(View):
    """MPS type ``AiAnalysisTaskDescriptionResult``."""

    __slots__ = ()

    status: str
    err_code: int
    message: str
    input: AiAnalysisTaskDescriptionInput
    output: AiAnalysisTaskDescriptionOutput


class AiAnalysisTaskHorizontalToVerticalResult(View):
    """MPS type ``AiAnalysisTaskHorizontalToVerticalResult``."""

    __slots__ = ()

    status: str
    err_code: int
    message: str
    input: AiAnalysisTaskHorizontalToVerticalInput
    output: AiAnalysisTaskHorizontalToVerticalOutput


class AiAnalysisTaskDubbingResult(View):
    """MPS type ``AiAnalysisTaskDubbingResult``."""

    __slots__ = ()

    status: str
    err_code: int
    message: str
    input: AiAnalysisTaskDubbingInput
    output: AiAnalysisTaskDubbingOutput


class AiAnalysisTaskVideoRemakeResult(View):
    """MPS type ``AiAnalysisTaskVideoRemakeResult``."""

    __slots__ = ()

    status: str
    err_code: int
    message: str
    input: AiAnalysisTaskVideoRemakeInput
    output: AiAnalysisTaskVideoRemakeOutput


class AiAnalysisTaskVideoComprehensionResult(View):
    """MPS type ``AiAnalysisTaskVideoComprehensionResult``."""

    __slots__ = ()

    status: str
    err_code: int
    message: str
    input: AiAnalysisTaskVideoComprehensionInput
    output: AiAnalysisTaskVideoComprehensionOutput
    err_code_ext: str
    progress: int
    begin_process_time: str
    finish_time: str


class AiAnalysisTaskCutoutResult(View):
    """MPS type ``AiAnalysisTaskCutoutResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    message: str
    input: AiAnalysisTaskCutoutInput
    output: AiAnalysisTaskCutoutOutput
    progress: int
    begin_process_time: str
    finish_time: str


class AiAnalysisTaskReelResult(View):
    """MPS type ``AiAnalysisTaskReelResult``."""

    __slots__ = ()

    status: str
    err_code: int
    message: str
    input: AiAnalysisTaskReelInput
    output: AiAnalysisTaskReelOutput
    err_code_ext: str
    progress: int
    begin_process_time: str
    finish_time: str


class AiAnalysisTaskGenericResult(View):
    """MPS type ``AiAnalysisTaskGenericResult``."""

    __slots__ = ()

    status: str
    err_code: int
    message: str
    input: AiAnalysisTaskGenericInput
    output: AiAnalysisTaskGenericOutput


class AiAnalysisTaskClassificationInput(View):
    """MPS type ``AiAnalysisTaskClassificationInput``."""

    __slots__ = ()

    definition: int
    extended_parameter: str


class AiAnalysisTaskClassificationOutput(View):
    """MPS type ``AiAnalysisTaskClassificationOutput``."""

    __slots__ = ()

    classification_set: list[MediaAiAnalysisClassificationItem]


class AiAnalysisTaskCoverInput(View):
    """MPS type ``AiAnalysisTaskCoverInput``."""

    __slots__ = ()

    definition: int
    extended_parameter: str


class AiAnalysisTaskCoverOutput(View):
    """MPS type ``AiAnalysisTaskCoverOutput``."""

    __slots__ = ()

    cover_set: list[MediaAiAnalysisCoverItem]
    output_storage: TaskOutputStorage


class AiAnalysisTaskTagInput(View):
    """MPS type ``AiAnalysisTaskTagInput``."""

    __slots__ = ()

    definition: int
    extended_parameter: str


class AiAnalysisTaskTagOutput(View):
    """MPS type ``AiAnalysisTaskTagOutput``."""

    __slots__ = ()

    tag_set: list[MediaAiAnalysisTagItem]


class AiAnalysisTaskFrameTagInput(View):
    """MPS type ``AiAnalysisTaskFrameTagInput``."""

    __slots__ = ()

    definition: int
    extended_parameter: str


class AiAnalysisTaskFrameTagOutput(View):
    """MPS type ``AiAnalysisTaskFrameTagOutput``."""

    __slots__ = ()

    segment_set: list[MediaAiAnalysisFrameTagSegmentItem]


class AiAnalysisTaskHighlightInput(View):
    """MPS type ``AiAnalysisTaskHighlightInput``."""

    __slots__ = ()

    definition: int
    extended_parameter: str


class AiAnalysisTaskHighlightOutput(View):
    """MPS type ``AiAnalysisTaskHighlightOutput``."""

    __slots__ = ()

    highlight_set: list[MediaAiAnalysisHighlightItem]
    output_storage: TaskOutputStorage


class AiAnalysisTaskDelLogoInput(View):
    """MPS type ``AiAnalysisTaskDelLogoInput``."""

    __slots__ = ()

    definition: int
    extended_parameter: str


class AiAnalysisTaskSegmentInput(View):
    """MPS type ``AiAnalysisTaskSegmentInput``."""

    __slots__ = ()

    definition: int
    extended_parameter: str


class AiAnalysisTaskSegmentOutput(View):
    """MPS type ``AiAnalysisTaskSegmentOutput``."""

    __slots__ = ()

    segment_set: list[SegmentRecognitionItem]
    abstract: str


class AiAnalysisTaskHeadTailInput(View):
    """MPS type ``AiAnalysisTaskHeadTailInput``."""

    __slots__ = ()

    definition: int
    extended_parameter: str


class AiAnalysisTaskHeadTailOutput(View):
    """MPS type ``AiAnalysisTaskHeadTailOutput``."""

    __slots__ = ()

    head_time_offset: float
    tail_time_offset: float


class AiAnalysisTaskDescriptionInput(View):
    """MPS type ``AiAnalysisTaskDescriptionInput``."""

    __slots__ = ()

    definition: int
    extended_parameter: str


class AiAnalysisTaskDescriptionOutput(View):
    """MPS type ``AiAnalysisTaskDescriptionOutput``."""

    __slots__ = ()

    description_set: list[MediaAiAnalysisDescriptionItem]


class AiAnalysisTaskHorizontalToVerticalInput(View):
    """MPS type ``AiAnalysisTaskHorizontalToVerticalInput``."""

    __slots__ = ()

    definition: int
    extended_parameter: str


class AiAnalysisTaskHorizontalToVerticalOutput(View):
    """MPS type ``AiAnalysisTaskHorizontalToVerticalOutput``."""

    __slots__ = ()

    path: str
    output_storage: TaskOutputStorage
    confidence: float


class AiAnalysisTaskDubbingInput(View):
    """MPS type ``AiAnalysisTaskDubbingInput``."""

    __slots__ = ()

    definition: int
    extended_parameter: str


class AiAnalysisTaskDubbingOutput(View):
    """MPS type ``AiAnalysisTaskDubbingOutput``."""

    __slots__ = ()

    video_path: str
    speaker_path: str
    voice_id: str
    output_storage: TaskOutputStorage
    extra_output: str
    video_file_id: str
    speaker_file_id: str


class AiAnalysisTaskVideoRemakeInput(View):
    """MPS type ``AiAnalysisTaskVideoRemakeInput``."""

    __slots__ = ()

    definition: int
    extended_parameter: str


class AiAnalysisTaskVideoRemakeOutput(View):
    """MPS type ``AiAnalysisTaskVideoRemakeOutput``."""

    __slots__ = ()

    path: str
    output_storage: TaskOutputStorage


class AiAnalysisTaskVideoComprehensionInput(View):
    """MPS type ``AiAnalysisTaskVideoComprehensionInput``."""

    __slots__ = ()

    definition: int
    extended_parameter: str


class AiAnalysisTaskVideoComprehensionOutput(View):
    """MPS type ``AiAnalysisTaskVideoComprehensionOutput``."""

    __slots__ = ()

    video_comprehension_analysis_result: str
    video_comprehension_ext_info: str
    video_comprehension_result_list: list[VideoComprehensionResultItem]


class AiAnalysisTaskCutoutInput(View):
    """MPS type ``AiAnalysisTaskCutoutInput``."""

    __slots__ = ()

    definition: int
    extended_parameter: str


class AiAnalysisTaskCutoutOutput(View):
    """MPS type ``AiAnalysisTaskCutoutOutput``."""

    __slots__ = ()

    path: str
    output_storage: TaskOutputStorage


class AiAnalysisTaskReelInput(View):
    """MPS type ``AiAnalysisTaskReelInput``."""

    __slots__ = ()

    definition: int
    extended_parameter: str


class AiAnalysisTaskReelOutput(View):
    """MPS type ``AiAnalysisTaskReelOutput``."""

    __slots__ = ()

    video_path: str
    video_paths: list[str]
    script_path: str
    output_storage: TaskOutputStorage


class AiAnalysisTaskGenericInput(View):
    """MPS type ``AiAnalysisTaskGenericInput``."""

    __slots__ = ()

    definition: int
    extended_parameter: str


class AiAnalysisTaskGenericOutput(View):
    """MPS type ``AiAnalysisTaskGenericOutput``."""

    __slots__ = ()

    output_storage: TaskOutputStorage
    result: str


class MediaAiAnalysisClassificationItem(View):
    """MPS type ``MediaAiAnalysisClassificationItem``."""

    __slots__ = ()

    classification: str
    confidence: float


class MediaAiAnalysisCoverItem(View):
    """MPS type ``MediaAiAnalysisCoverItem``."""

    __slots__ = ()

    cover_path: str
    confidence: float


class MediaAiAnalysisTagItem(View):
    """MPS type ``MediaAiAnalysisTagItem``."""

    __slots__ = ()

    tag: str
    confidence: float
    special_info: str


class MediaAiAnalysisFrameTagSegmentItem(View):
    """MPS type ``MediaAiAnalysisFrameTagSegmentItem``."""

    __slots__ = ()

    start_time_offset: float
    end_time_offset: float
    tag_set: list[MediaAiAnalysisFrameTagItem]


class MediaAiAnalysisDescriptionItem(View):
    """MPS type ``MediaAiAnalysisDescriptionItem``."""

    __slots__ = ()

    description: str
    confidence: float
    title: str
    keywords: list[str]
    paragraphs: list[AiParagraphInfo]
    mind_map_url: str
    mind_map_path: str
    subtitle_path: str
    output_storage: TaskOutputStorage


class VideoComprehensionResultItem(View):
    """MPS type ``VideoComprehensionResultItem``."""

    __slots__ = ()

    start_time: float
    end_time: float
    title: str
    description: str
    keywords: list[str]


class MediaAiAnalysisFrameTagItem(View):
    """MPS type ``MediaAiAnalysisFrameTagItem``."""

    __slots__ = ()

    tag: str
    category_set: list[str]
    confidence: float


class AiParagraphInfo(View):
    """MPS type ``AiParagraphInfo``."""

    __slots__ = ()

    summary: str
    title: str
    keywords: list[str]
    start_time_offset: float
    end_time_offset: float
