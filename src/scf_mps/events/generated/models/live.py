"""Notifications of live streams.

Generated from tencentcloud-sdk-python-mps 3.1.194: change tools/generate_events.py, not this file.
"""

from __future__ import annotations

from ...view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .common import MediaAiAnalysisHighlightItem, QualityControlResult, SegmentRecognitionItem


class ParseLiveStreamProcessNotificationResponse(View):
    """MPS type ``ParseLiveStreamProcessNotificationResponse``."""

    __slots__ = ()

    notification_type: str
    task_id: str
    process_eof_info: LiveStreamProcessErrorInfo
    ai_review_result_info: LiveStreamAiReviewResultInfo
    ai_recognition_result_info: LiveStreamAiRecognitionResultInfo
    ai_analysis_result_info: LiveStreamAiAnalysisResultInfo
    ai_quality_control_result_info: LiveStreamAiQualityControlResultInfo
    live_record_result_info: LiveStreamRecordResultInfo
    ai_smart_subtitle_result_info: LiveStreamAiSmartSubtitleResultInfo
    session_id: str
    session_context: str
    timestamp: int
    sign: str
    request_id: str


class LiveStreamProcessErrorInfo(View):
    """MPS type ``LiveStreamProcessErrorInfo``."""

    __slots__ = ()

    err_code: int
    message: str


class LiveStreamAiReviewResultInfo(View):
    """MPS type ``LiveStreamAiReviewResultInfo``."""

    __slots__ = ()

    result_set: list[LiveStreamAiReviewResultItem]


class LiveStreamAiRecognitionResultInfo(View):
    """MPS type ``LiveStreamAiRecognitionResultInfo``."""

    __slots__ = ()

    result_set: list[LiveStreamAiRecognitionResultItem]


class LiveStreamAiAnalysisResultInfo(View):
    """MPS type ``LiveStreamAiAnalysisResultInfo``."""

    __slots__ = ()

    result_set: list[LiveStreamAiAnalysisResultItem]


class LiveStreamAiQualityControlResultInfo(View):
    """MPS type ``LiveStreamAiQualityControlResultInfo``."""

    __slots__ = ()

    quality_control_results: list[QualityControlResult]
    diagnose_results: list[DiagnoseResult]
    quality_control_result_set: list[QualityControlResult]
    diagnose_result_set: list[DiagnoseResult]


class LiveStreamRecordResultInfo(View):
    """MPS type ``LiveStreamRecordResultInfo``."""

    __slots__ = ()

    record_over: int
    file_results: list[LiveRecordFile]


class LiveStreamAiSmartSubtitleResultInfo(View):
    """MPS type ``LiveStreamAiSmartSubtitleResultInfo``."""

    __slots__ = ()

    smart_subtitle_result: list[LiveSmartSubtitleResult]


class LiveStreamAiReviewResultItem(View):
    """MPS type ``LiveStreamAiReviewResultItem``."""

    __slots__ = ()

    type: str
    image_porn_result_set: list[LiveStreamAiReviewImagePornResult]
    image_terrorism_result_set: list[LiveStreamAiReviewImageTerrorismResult]
    image_political_result_set: list[LiveStreamAiReviewImagePoliticalResult]
    voice_porn_result_set: list[LiveStreamAiReviewVoicePornResult]


class LiveStreamAiRecognitionResultItem(View):
    """MPS type ``LiveStreamAiRecognitionResultItem``."""

    __slots__ = ()

    type: str
    face_recognition_result_set: list[LiveStreamFaceRecognitionResult]
    asr_words_recognition_result_set: list[LiveStreamAsrWordsRecognitionResult]
    ocr_words_recognition_result_set: list[LiveStreamOcrWordsRecognitionResult]
    asr_full_text_recognition_result_set: list[LiveStreamAsrFullTextRecognitionResult]
    ocr_full_text_recognition_result_set: list[LiveStreamOcrFullTextRecognitionResult]
    trans_text_recognition_result_set: list[LiveStreamTransTextRecognitionResult]
    object_recognition_result_set: list[LiveStreamObjectRecognitionResult]
    tag_recognition_result_set: list[LiveStreamTagRecognitionResult]


class LiveStreamAiAnalysisResultItem(View):
    """MPS type ``LiveStreamAiAnalysisResultItem``."""

    __slots__ = ()

    type: str
    segment_result_set: list[SegmentRecognitionItem]
    highlight_result_set: list[MediaAiAnalysisHighlightItem]
    description_result: LiveAiAnalysisDescriptionItem


class DiagnoseResult(View):
    """MPS type ``DiagnoseResult``."""

    __slots__ = ()

    category: str
    type: str
    timestamp: float
    description: str
    date_time: str
    severity_level: str


class LiveRecordFile(View):
    """MPS type ``LiveRecordFile``."""

    __slots__ = ()

    url: str
    size: int
    duration: int
    start_time: str
    end_time: str


class LiveSmartSubtitleResult(View):
    """MPS type ``LiveSmartSubtitleResult``."""

    __slots__ = ()
    _names = {"start_pts_time": "StartPTSTime", "end_pts_time": "EndPTSTime"}

    text: str
    start_pts_time: float
    end_pts_time: float
    trans: str
    start_time: str
    end_time: str
    steady_state: bool
    user_id: str


class LiveStreamAiReviewImagePornResult(View):
    """MPS type ``LiveStreamAiReviewImagePornResult``."""

    __slots__ = ()

    start_pts_time: float
    end_pts_time: float
    confidence: float
    suggestion: str
    label: str
    url: str
    pic_url_expire_time: str


class LiveStreamAiReviewImageTerrorismResult(View):
    """MPS type ``LiveStreamAiReviewImageTerrorismResult``."""

    __slots__ = ()

    start_pts_time: float
    end_pts_time: float
    confidence: float
    suggestion: str
    label: str
    url: str
    pic_url_expire_time: str


class LiveStreamAiReviewImagePoliticalResult(View):
    """MPS type ``LiveStreamAiReviewImagePoliticalResult``."""

    __slots__ = ()

    start_pts_time: float
    end_pts_time: float
    confidence: float
    suggestion: str
    label: str
    name: str
    area_coord_set: list[int]
    url: str
    pic_url_expire_time: str


class LiveStreamAiReviewVoicePornResult(View):
    """MPS type ``LiveStreamAiReviewVoicePornResult``."""

    __slots__ = ()

    start_pts_time: float
    end_pts_time: float
    confidence: float
    suggestion: str
    label: str


class LiveStreamFaceRecognitionResult(View):
    """MPS type ``LiveStreamFaceRecognitionResult``."""

    __slots__ = ()

    id: str
    name: str
    type: str
    start_pts_time: float
    end_pts_time: float
    confidence: float
    area_coord_set: list[int]


class LiveStreamAsrWordsRecognitionResult(View):
    """MPS type ``LiveStreamAsrWordsRecognitionResult``."""

    __slots__ = ()

    word: str
    start_pts_time: float
    end_pts_time: float
    confidence: float


class LiveStreamOcrWordsRecognitionResult(View):
    """MPS type ``LiveStreamOcrWordsRecognitionResult``."""

    __slots__ = ()

    word: str
    start_pts_time: float
    end_pts_time: float
    confidence: float
    area_coords: list[int]


class LiveStreamAsrFullTextRecognitionResult(View):
    """MPS type ``LiveStreamAsrFullTextRecognitionResult``."""

    __slots__ = ()

    text: str
    start_pts_time: float
    end_pts_time: float
    confidence: float
    start_time: str
    end_time: str
    steady_state: bool
    user_id: str


class LiveStreamOcrFullTextRecognitionResult(View):
    """MPS type ``LiveStreamOcrFullTextRecognitionResult``."""

    __slots__ = ()

    text: str
    start_pts_time: float
    end_pts_time: float
    confidence: float
    area_coord_set: list[int]


class LiveStreamTransTextRecognitionResult(View):
    """MPS type ``LiveStreamTransTextRecognitionResult``."""

    __slots__ = ()

    text: str
    start_pts_time: float
    end_pts_time: float
    confidence: float
    trans: str
    start_time: str
    end_time: str
    steady_state: bool
    user_id: str


class LiveStreamObjectRecognitionResult(View):
    """MPS type ``LiveStreamObjectRecognitionResult``."""

    __slots__ = ()

    name: str
    start_pts_offset: float
    end_pts_offset: float
    confidence: float
    area_coord_set: list[int]
    url: str


class LiveStreamTagRecognitionResult(View):
    """MPS type ``LiveStreamTagRecognitionResult``."""

    __slots__ = ()

    id: str
    start_pts_time: float
    end_pts_time: float
    confidence: float


class LiveAiAnalysisDescriptionItem(View):
    """MPS type ``LiveAiAnalysisDescriptionItem``."""

    __slots__ = ()

    paragraphs: list[LiveAiParagraphInfo]


class LiveAiParagraphInfo(View):
    """MPS type ``LiveAiParagraphInfo``."""

    __slots__ = ()

    summary: str
    title: str
    keywords: list[str]
    start_time_offset: float
    end_time_offset: float
    begin_time: str
    end_time: str
