"""The results of ``AiRecognitionResultSet``, a class for each type.

Generated from tencentcloud-sdk-python-mps 3.1.194: change tools/generate_events.py, not this file.
"""

from __future__ import annotations

from ..base import Subtask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ClassVar

    from .callbacks import (
        OfAIRecognition,
        OfAsrFullTextRecognition,
        OfAsrWordsRecognition,
        OfFaceRecognition,
        OfObjectRecognition,
        OfOcrFullTextRecognition,
        OfOcrWordsRecognition,
        OfRecognitionSubtask,
        OfTransTextRecognition,
    )
    from .models import (
        AiRecognitionResult,
        AiRecognitionTaskAsrFullTextResultInput,
        AiRecognitionTaskAsrFullTextResultOutput,
        AiRecognitionTaskAsrWordsResultInput,
        AiRecognitionTaskAsrWordsResultOutput,
        AiRecognitionTaskFaceResultInput,
        AiRecognitionTaskFaceResultOutput,
        AiRecognitionTaskInput,
        AiRecognitionTaskObjectResultInput,
        AiRecognitionTaskObjectResultOutput,
        AiRecognitionTaskOcrFullTextResultInput,
        AiRecognitionTaskOcrFullTextResultOutput,
        AiRecognitionTaskOcrWordsResultInput,
        AiRecognitionTaskOcrWordsResultOutput,
        AiRecognitionTaskTransTextResultInput,
        AiRecognitionTaskTransTextResultOutput,
    )


class RecognitionSubtask(Subtask):
    """Any result of ``AiRecognitionResultSet``, and of the activities that hold such results."""

    __slots__ = ()

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfRecognitionSubtask], OfRecognitionSubtask]: ...


class FaceRecognition(RecognitionSubtask):
    """``FaceRecognition``: a result of ``AiRecognitionResultSet`` (``AiRecognitionTaskFaceResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "FaceRecognition"
    has_location: ClassVar[bool] = False

    err_code_ext: str
    err_code: int
    message: str
    input: AiRecognitionTaskFaceResultInput
    output: AiRecognitionTaskFaceResultOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfFaceRecognition], OfFaceRecognition]: ...


class AsrWordsRecognition(RecognitionSubtask):
    """``AsrWordsRecognition``: a result of ``AiRecognitionResultSet`` (``AiRecognitionTaskAsrWordsResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "AsrWordsRecognition"
    has_location: ClassVar[bool] = False

    err_code_ext: str
    err_code: int
    message: str
    input: AiRecognitionTaskAsrWordsResultInput
    output: AiRecognitionTaskAsrWordsResultOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfAsrWordsRecognition], OfAsrWordsRecognition]: ...


class AsrFullTextRecognition(RecognitionSubtask):
    """``AsrFullTextRecognition``: a result of ``AiRecognitionResultSet`` (``AiRecognitionTaskAsrFullTextResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "AsrFullTextRecognition"
    _files = {"Output.OutputStorage": ("Output.SubtitlePath",)}

    err_code_ext: str
    err_code: int
    message: str
    input: AiRecognitionTaskAsrFullTextResultInput
    output: AiRecognitionTaskAsrFullTextResultOutput
    progress: int

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfAsrFullTextRecognition], OfAsrFullTextRecognition]: ...


class OcrWordsRecognition(RecognitionSubtask):
    """``OcrWordsRecognition``: a result of ``AiRecognitionResultSet`` (``AiRecognitionTaskOcrWordsResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "OcrWordsRecognition"
    has_location: ClassVar[bool] = False

    err_code_ext: str
    err_code: int
    message: str
    input: AiRecognitionTaskOcrWordsResultInput
    output: AiRecognitionTaskOcrWordsResultOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfOcrWordsRecognition], OfOcrWordsRecognition]: ...


class OcrFullTextRecognition(RecognitionSubtask):
    """``OcrFullTextRecognition``: a result of ``AiRecognitionResultSet`` (``AiRecognitionTaskOcrFullTextResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "OcrFullTextRecognition"
    has_location: ClassVar[bool] = False

    err_code_ext: str
    err_code: int
    message: str
    input: AiRecognitionTaskOcrFullTextResultInput
    output: AiRecognitionTaskOcrFullTextResultOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfOcrFullTextRecognition], OfOcrFullTextRecognition]: ...


class TransTextRecognition(RecognitionSubtask):
    """``TransTextRecognition``: a result of ``AiRecognitionResultSet`` (``AiRecognitionTaskTransTextResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "TransTextRecognition"
    _files = {"": ("Output.SubtitlePath",)}

    err_code_ext: str
    err_code: int
    message: str
    input: AiRecognitionTaskTransTextResultInput
    output: AiRecognitionTaskTransTextResultOutput
    progress: int

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfTransTextRecognition], OfTransTextRecognition]: ...


class ObjectRecognition(RecognitionSubtask):
    """``ObjectRecognition``: a result of ``AiRecognitionResultSet`` (``AiRecognitionTaskObjectResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "ObjectRecognition"
    has_location: ClassVar[bool] = False

    err_code: int
    message: str
    input: AiRecognitionTaskObjectResultInput
    output: AiRecognitionTaskObjectResultOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfObjectRecognition], OfObjectRecognition]: ...


class AIRecognition(RecognitionSubtask):
    """``AIRecognition``: an activity of a ScheduleTask (``ScheduleRecognitionTaskResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "AIRecognition"
    has_location: ClassVar[bool] = False

    err_code_ext: str
    err_code: int
    message: str
    input: AiRecognitionTaskInput
    output: list[AiRecognitionResult]
    begin_process_time: str
    finish_time: str

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfAIRecognition], OfAIRecognition]: ...


__all__ = [
    "AIRecognition",
    "AsrFullTextRecognition",
    "AsrWordsRecognition",
    "FaceRecognition",
    "ObjectRecognition",
    "OcrFullTextRecognition",
    "OcrWordsRecognition",
    "RecognitionSubtask",
    "TransTextRecognition",
]
