"""The results of ``SmartSubtitlesTaskResult``, a class for each type.

Generated from tencentcloud-sdk-python-mps 3.1.194: change tools/generate_events.py, not this file.
"""

from __future__ import annotations

from ..base import Subtask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ClassVar

    from .callbacks import (
        OfBatchSmartSubtitles,
        OfPureSubtitleTrans,
        OfSmartSubtitles,
        OfSmartSubtitlesAsrFullText,
        OfSmartSubtitlesOcrFullText,
        OfSmartSubtitlesTransText,
        OfSubtitlesSubtask,
    )
    from .models import (
        PureSubtitleTransResultOutput,
        SmartSubtitlesResult,
        SmartSubtitlesTaskInput,
        SmartSubtitleTaskAsrFullTextResultOutput,
        SmartSubtitleTaskResultInput,
        SmartSubtitleTaskTextResultOutput,
        SmartSubtitleTaskTransTextResultOutput,
    )


class SubtitlesSubtask(Subtask):
    """Any result of ``SmartSubtitlesTaskResult``, and of the activities that hold such results."""

    __slots__ = ()

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfSubtitlesSubtask], OfSubtitlesSubtask]: ...


class SmartSubtitlesAsrFullText(SubtitlesSubtask):
    """``AsrFullTextRecognition``: a result of ``SmartSubtitlesTaskResult`` (``SmartSubtitleTaskAsrFullTextResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "AsrFullTextRecognition"
    _files = {
        "Output.OutputStorage": (
            "Output.Path",
            "Output.SubtitlePath",
            "Output.SubtitleInfo.Path",
            "Output.SubtitleInfo.SubtitleEmbedPath",
        )
    }

    err_code_ext: str
    err_code: int
    message: str
    input: SmartSubtitleTaskResultInput
    output: SmartSubtitleTaskAsrFullTextResultOutput
    progress: int

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfSmartSubtitlesAsrFullText], OfSmartSubtitlesAsrFullText]: ...


class SmartSubtitlesTransText(SubtitlesSubtask):
    """``TransTextRecognition``: a result of ``SmartSubtitlesTaskResult`` (``SmartSubtitleTaskTransTextResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "TransTextRecognition"
    _files = {
        "Output.OutputStorage": (
            "Output.SubtitlePath",
            "Output.Path",
            "Output.SubtitleResults[].Path",
            "Output.SubtitleResults[].SubtitleEmbedPath",
        )
    }

    err_code_ext: str
    err_code: int
    message: str
    input: SmartSubtitleTaskResultInput
    output: SmartSubtitleTaskTransTextResultOutput
    progress: int

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfSmartSubtitlesTransText], OfSmartSubtitlesTransText]: ...


class PureSubtitleTrans(SubtitlesSubtask):
    """``PureSubtitleTrans``: a result of ``SmartSubtitlesTaskResult`` (``PureSubtitleTransResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "PureSubtitleTrans"
    _files = {
        "Output.OutputStorage": (
            "Output.SubtitleResults[].Path",
            "Output.SubtitleResults[].SubtitleEmbedPath",
        )
    }

    err_code_ext: str
    err_code: int
    message: str
    input: SmartSubtitleTaskResultInput
    output: PureSubtitleTransResultOutput
    progress: int

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfPureSubtitleTrans], OfPureSubtitleTrans]: ...


class SmartSubtitlesOcrFullText(SubtitlesSubtask):
    """``OcrFullTextRecognition``: a result of ``SmartSubtitlesTaskResult`` (``SmartSubtitleTaskFullTextResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "OcrFullTextRecognition"
    _files = {
        "Output.OutputStorage": (
            "Output.RecognizeSubtitleResult[].Path",
            "Output.RecognizeSubtitleResult[].SubtitleEmbedPath",
            "Output.TransSubtitleResult[].Path",
            "Output.TransSubtitleResult[].SubtitleEmbedPath",
        )
    }

    err_code_ext: str
    err_code: int
    message: str
    input: SmartSubtitleTaskResultInput
    output: SmartSubtitleTaskTextResultOutput
    progress: int

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfSmartSubtitlesOcrFullText], OfSmartSubtitlesOcrFullText]: ...


class SmartSubtitles(SubtitlesSubtask):
    """``SmartSubtitles``: an activity of a ScheduleTask (``ScheduleSmartSubtitleTaskResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "SmartSubtitles"

    err_code_ext: str
    err_code: int
    message: str
    input: SmartSubtitlesTaskInput
    output: list[SmartSubtitlesResult]
    begin_process_time: str
    finish_time: str

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfSmartSubtitles], OfSmartSubtitles]: ...


class BatchSmartSubtitles(SubtitlesSubtask):
    """``BatchSmartSubtitles``: a result of a BatchTask (``SmartSubtitleTaskBatchOutput``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "BatchSmartSubtitles"
    _files = {
        "TransTextTask.OutputStorage": (
            "TransTextTask.SubtitlePath",
            "TransTextTask.Path",
            "TransTextTask.SubtitleResults[].Path",
            "TransTextTask.SubtitleResults[].SubtitleEmbedPath",
        ),
        "AsrFullTextTask.OutputStorage": (
            "AsrFullTextTask.Path",
            "AsrFullTextTask.SubtitlePath",
            "AsrFullTextTask.SubtitleInfo.Path",
            "AsrFullTextTask.SubtitleInfo.SubtitleEmbedPath",
        ),
    }
    _input_of_event = "SmartSubtitlesTaskResult"

    progress: int
    err_code_ext: str
    message: str
    trans_text_task: SmartSubtitleTaskTransTextResultOutput
    asr_full_text_task: SmartSubtitleTaskAsrFullTextResultOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfBatchSmartSubtitles], OfBatchSmartSubtitles]: ...


__all__ = [
    "BatchSmartSubtitles",
    "PureSubtitleTrans",
    "SmartSubtitles",
    "SmartSubtitlesAsrFullText",
    "SmartSubtitlesOcrFullText",
    "SmartSubtitlesTransText",
    "SubtitlesSubtask",
]
