"""Types of subtitles tasks.

Generated from tencentcloud-sdk-python-mps 3.1.194: change tools/generate_events.py, not this file.
"""

from __future__ import annotations

from ...view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .common import (
        MediaInputInfo,
        MediaMetaData,
        SelectingSubtitleAreasConfig,
        TaskOutputStorage,
        WordResult,
    )


class SmartSubtitlesResult(View):
    """MPS type ``SmartSubtitlesResult``."""

    __slots__ = ()

    type: str
    asr_full_text_task: SmartSubtitleTaskAsrFullTextResult
    trans_text_task: SmartSubtitleTaskTransTextResult
    pure_subtitle_trans_task: PureSubtitleTransResult
    ocr_full_text_task: SmartSubtitleTaskFullTextResult


class SmartSubtitleTaskAsrFullTextResult(View):
    """MPS type ``SmartSubtitleTaskAsrFullTextResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: SmartSubtitleTaskResultInput
    output: SmartSubtitleTaskAsrFullTextResultOutput
    progress: int


class SmartSubtitleTaskTransTextResult(View):
    """MPS type ``SmartSubtitleTaskTransTextResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: SmartSubtitleTaskResultInput
    output: SmartSubtitleTaskTransTextResultOutput
    progress: int


class PureSubtitleTransResult(View):
    """MPS type ``PureSubtitleTransResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: SmartSubtitleTaskResultInput
    output: PureSubtitleTransResultOutput
    progress: int


class SmartSubtitleTaskFullTextResult(View):
    """MPS type ``SmartSubtitleTaskFullTextResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: SmartSubtitleTaskResultInput
    output: SmartSubtitleTaskTextResultOutput
    progress: int


class SmartSubtitleTaskResultInput(View):
    """MPS type ``SmartSubtitleTaskResultInput``."""

    __slots__ = ()

    definition: int
    raw_parameter: RawSmartSubtitleParameter
    user_ext_para: str


class SmartSubtitleTaskAsrFullTextResultOutput(View):
    """MPS type ``SmartSubtitleTaskAsrFullTextResultOutput``."""

    __slots__ = ()

    segment_set: list[SmartSubtitleTaskAsrFullTextSegmentItem]
    path: str
    subtitle_path: str
    subtitle_info: SubtitleResult
    output_storage: TaskOutputStorage


class SmartSubtitleTaskTransTextResultOutput(View):
    """MPS type ``SmartSubtitleTaskTransTextResultOutput``."""

    __slots__ = ()

    segment_set: list[SmartSubtitleTaskTransTextSegmentItem]
    subtitle_path: str
    output_storage: TaskOutputStorage
    path: str
    subtitle_results: list[SubtitleTransResultItem]


class PureSubtitleTransResultOutput(View):
    """MPS type ``PureSubtitleTransResultOutput``."""

    __slots__ = ()

    output_storage: TaskOutputStorage
    subtitle_results: list[SubtitleTransResultItem]


class SmartSubtitleTaskTextResultOutput(View):
    """MPS type ``SmartSubtitleTaskTextResultOutput``."""

    __slots__ = ()

    segment_set: list[SmartSubtitleTaskFullTextSegmentItem]
    recognize_subtitle_result: list[SubtitleResult]
    trans_subtitle_result: list[SubtitleResult]
    output_storage: TaskOutputStorage


class RawSmartSubtitleParameter(View):
    """MPS type ``RawSmartSubtitleParameter``."""

    __slots__ = ()

    subtitle_type: int
    video_src_language: str
    subtitle_format: str
    translate_switch: str
    translate_dst_language: str
    asr_hot_words_configure: AsrHotWordsConfigure
    ext_info: str
    process_type: int
    selecting_subtitle_areas_config: SelectingSubtitleAreasConfig
    subtitle_embed_id: int
    speaker_mode: int
    speaker_label: int


class SmartSubtitleTaskAsrFullTextSegmentItem(View):
    """MPS type ``SmartSubtitleTaskAsrFullTextSegmentItem``."""

    __slots__ = ()

    confidence: float
    start_time_offset: float
    end_time_offset: float
    text: str
    wordlist: list[WordResult]
    speaker_id: str


class SubtitleResult(View):
    """MPS type ``SubtitleResult``."""

    __slots__ = ()

    language: str
    status: str
    path: str
    subtitle_embed_path: str
    subtitle_file_id: str


class SmartSubtitleTaskTransTextSegmentItem(View):
    """MPS type ``SmartSubtitleTaskTransTextSegmentItem``."""

    __slots__ = ()

    confidence: float
    start_time_offset: float
    end_time_offset: float
    text: str
    trans: str
    wordlist: list[WordResult]
    speaker_id: str


class SubtitleTransResultItem(View):
    """MPS type ``SubtitleTransResultItem``."""

    __slots__ = ()

    status: str
    trans_src: str
    trans_dst: str
    path: str
    subtitle_embed_path: str
    subtitle_file_id: str


class SmartSubtitleTaskFullTextSegmentItem(View):
    """MPS type ``SmartSubtitleTaskFullTextSegmentItem``."""

    __slots__ = ()

    confidence: float
    start_time_offset: float
    end_time_offset: float
    text: str
    trans: str
    speaker_id: str


class AsrHotWordsConfigure(View):
    """MPS type ``AsrHotWordsConfigure``."""

    __slots__ = ()

    switch: str
    library_id: str


class BatchSubTaskResult(View):
    """MPS type ``BatchSubTaskResult``."""

    __slots__ = ()

    input_infos: list[MediaInputInfo]
    metadatas: list[MediaMetaData]
    smart_subtitles_task_result: BatchSmartSubtitlesResult


class BatchSmartSubtitlesResult(View):
    """MPS type ``BatchSmartSubtitlesResult``."""

    __slots__ = ()

    input: SmartSubtitleTaskResultInput
    outputs: list[SmartSubtitleTaskBatchOutput]


class SmartSubtitleTaskBatchOutput(View):
    """MPS type ``SmartSubtitleTaskBatchOutput``."""

    __slots__ = ()

    progress: int
    status: str
    err_code_ext: str
    message: str
    trans_text_task: SmartSubtitleTaskTransTextResultOutput
    asr_full_text_task: SmartSubtitleTaskAsrFullTextResultOutput


class SmartSubtitlesTaskInput(View):
    """MPS type ``SmartSubtitlesTaskInput``."""

    __slots__ = ()

    definition: int
    user_ext_para: str
    raw_parameter: RawSmartSubtitleParameter
    output_storage: TaskOutputStorage
    output_object_path: str
