"""The notifications of live streams, a class for each type.

Generated from tencentcloud-sdk-python-mps 3.1.194: change tools/generate_events.py, not this file.
"""

from __future__ import annotations

from ..base import LiveEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ClassVar

    from .callbacks import (
        OfLiveAiAnalysisResult,
        OfLiveAiQualityControlResult,
        OfLiveAiRecognitionResult,
        OfLiveAiReviewResult,
        OfLiveAiSmartSubtitleResult,
        OfLiveProcessEof,
        OfLiveRecordResult,
    )
    from .models import (
        DiagnoseResult,
        LiveRecordFile,
        LiveSmartSubtitleResult,
        LiveStreamAiAnalysisResultItem,
        LiveStreamAiRecognitionResultItem,
        LiveStreamAiReviewResultItem,
        QualityControlResult,
    )


class LiveProcessEof(LiveEvent):
    """A notification of type ``ProcessEof`` (``LiveStreamProcessErrorInfo``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "ProcessEof"
    payload_field: ClassVar[str] = "ProcessEofInfo"
    has_location: ClassVar[bool] = False

    err_code: int
    message: str

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfLiveProcessEof], OfLiveProcessEof]: ...


class LiveAiReviewResult(LiveEvent):
    """A notification of type ``AiReviewResult`` (``LiveStreamAiReviewResultInfo``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "AiReviewResult"
    payload_field: ClassVar[str] = "AiReviewResultInfo"
    has_location: ClassVar[bool] = False

    result_set: list[LiveStreamAiReviewResultItem]

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfLiveAiReviewResult], OfLiveAiReviewResult]: ...


class LiveAiRecognitionResult(LiveEvent):
    """A notification of type ``AiRecognitionResult`` (``LiveStreamAiRecognitionResultInfo``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "AiRecognitionResult"
    payload_field: ClassVar[str] = "AiRecognitionResultInfo"
    has_location: ClassVar[bool] = False

    result_set: list[LiveStreamAiRecognitionResultItem]

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfLiveAiRecognitionResult], OfLiveAiRecognitionResult]: ...


class LiveAiAnalysisResult(LiveEvent):
    """A notification of type ``AiAnalysisResult`` (``LiveStreamAiAnalysisResultInfo``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "AiAnalysisResult"
    payload_field: ClassVar[str] = "AiAnalysisResultInfo"
    has_location: ClassVar[bool] = False

    result_set: list[LiveStreamAiAnalysisResultItem]

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfLiveAiAnalysisResult], OfLiveAiAnalysisResult]: ...


class LiveAiQualityControlResult(LiveEvent):
    """A notification of type ``AiQualityControlResult`` (``LiveStreamAiQualityControlResultInfo``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "AiQualityControlResult"
    payload_field: ClassVar[str] = "AiQualityControlResultInfo"
    has_location: ClassVar[bool] = False

    quality_control_results: list[QualityControlResult]
    diagnose_results: list[DiagnoseResult]
    quality_control_result_set: list[QualityControlResult]
    diagnose_result_set: list[DiagnoseResult]

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfLiveAiQualityControlResult], OfLiveAiQualityControlResult]: ...


class LiveRecordResult(LiveEvent):
    """A notification of type ``LiveRecordResult`` (``LiveStreamRecordResultInfo``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "LiveRecordResult"
    payload_field: ClassVar[str] = "LiveRecordResultInfo"
    has_location: ClassVar[bool] = False

    record_over: int
    file_results: list[LiveRecordFile]

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfLiveRecordResult], OfLiveRecordResult]: ...


class LiveAiSmartSubtitleResult(LiveEvent):
    """A notification of type ``AiSmartSubtitleResult`` (``LiveStreamAiSmartSubtitleResultInfo``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "AiSmartSubtitleResult"
    payload_field: ClassVar[str] = "AiSmartSubtitleResultInfo"
    has_location: ClassVar[bool] = False

    smart_subtitle_result: list[LiveSmartSubtitleResult]

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfLiveAiSmartSubtitleResult], OfLiveAiSmartSubtitleResult]: ...


__all__ = [
    "LiveAiAnalysisResult",
    "LiveAiQualityControlResult",
    "LiveAiRecognitionResult",
    "LiveAiReviewResult",
    "LiveAiSmartSubtitleResult",
    "LiveProcessEof",
    "LiveRecordResult",
]
