"""The results of ``AiContentReviewResultSet``, a class for each type.

Generated from tencentcloud-sdk-python-mps 3.1.194: change tools/generate_events.py, not this file.
"""

from __future__ import annotations

from ..base import Subtask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ClassVar

    from .callbacks import (
        OfAiContentReview,
        OfPolitical,
        OfPoliticalAsr,
        OfPoliticalOcr,
        OfPorn,
        OfPornAsr,
        OfPornOcr,
        OfProhibitedAsr,
        OfProhibitedOcr,
        OfReviewSubtask,
        OfTerrorism,
        OfTerrorismOcr,
    )
    from .models import (
        AiContentReviewResult,
        AiContentReviewTaskInput,
        AiReviewPoliticalAsrTaskInput,
        AiReviewPoliticalAsrTaskOutput,
        AiReviewPoliticalOcrTaskInput,
        AiReviewPoliticalOcrTaskOutput,
        AiReviewPoliticalTaskInput,
        AiReviewPoliticalTaskOutput,
        AiReviewPornAsrTaskInput,
        AiReviewPornAsrTaskOutput,
        AiReviewPornOcrTaskInput,
        AiReviewPornOcrTaskOutput,
        AiReviewPornTaskInput,
        AiReviewPornTaskOutput,
        AiReviewProhibitedAsrTaskInput,
        AiReviewProhibitedAsrTaskOutput,
        AiReviewProhibitedOcrTaskInput,
        AiReviewProhibitedOcrTaskOutput,
        AiReviewTerrorismOcrTaskInput,
        AiReviewTerrorismOcrTaskOutput,
        AiReviewTerrorismTaskInput,
        AiReviewTerrorismTaskOutput,
    )


class ReviewSubtask(Subtask):
    """Any result of ``AiContentReviewResultSet``, and of the activities that hold such results."""

    __slots__ = ()

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfReviewSubtask], OfReviewSubtask]: ...


class Porn(ReviewSubtask):
    """``Porn``: a result of ``AiContentReviewResultSet`` (``AiReviewTaskPornResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "Porn"
    has_location: ClassVar[bool] = False

    err_code_ext: str
    err_code: int
    message: str
    input: AiReviewPornTaskInput
    output: AiReviewPornTaskOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfPorn], OfPorn]: ...


class Terrorism(ReviewSubtask):
    """``Terrorism``: a result of ``AiContentReviewResultSet`` (``AiReviewTaskTerrorismResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "Terrorism"
    has_location: ClassVar[bool] = False

    err_code_ext: str
    err_code: int
    message: str
    input: AiReviewTerrorismTaskInput
    output: AiReviewTerrorismTaskOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfTerrorism], OfTerrorism]: ...


class Political(ReviewSubtask):
    """``Political``: a result of ``AiContentReviewResultSet`` (``AiReviewTaskPoliticalResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "Political"
    has_location: ClassVar[bool] = False

    err_code_ext: str
    err_code: int
    message: str
    input: AiReviewPoliticalTaskInput
    output: AiReviewPoliticalTaskOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfPolitical], OfPolitical]: ...


class PornAsr(ReviewSubtask):
    """``Porn.Asr``: a result of ``AiContentReviewResultSet`` (``AiReviewTaskPornAsrResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "Porn.Asr"
    has_location: ClassVar[bool] = False

    err_code_ext: str
    err_code: int
    message: str
    input: AiReviewPornAsrTaskInput
    output: AiReviewPornAsrTaskOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfPornAsr], OfPornAsr]: ...


class PornOcr(ReviewSubtask):
    """``Porn.Ocr``: a result of ``AiContentReviewResultSet`` (``AiReviewTaskPornOcrResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "Porn.Ocr"
    has_location: ClassVar[bool] = False

    err_code_ext: str
    err_code: int
    message: str
    input: AiReviewPornOcrTaskInput
    output: AiReviewPornOcrTaskOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfPornOcr], OfPornOcr]: ...


class PoliticalAsr(ReviewSubtask):
    """``Political.Asr``: a result of ``AiContentReviewResultSet`` (``AiReviewTaskPoliticalAsrResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "Political.Asr"
    has_location: ClassVar[bool] = False

    err_code_ext: str
    err_code: int
    message: str
    input: AiReviewPoliticalAsrTaskInput
    output: AiReviewPoliticalAsrTaskOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfPoliticalAsr], OfPoliticalAsr]: ...


class PoliticalOcr(ReviewSubtask):
    """``Political.Ocr``: a result of ``AiContentReviewResultSet`` (``AiReviewTaskPoliticalOcrResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "Political.Ocr"
    has_location: ClassVar[bool] = False

    err_code_ext: str
    err_code: int
    message: str
    input: AiReviewPoliticalOcrTaskInput
    output: AiReviewPoliticalOcrTaskOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfPoliticalOcr], OfPoliticalOcr]: ...


class TerrorismOcr(ReviewSubtask):
    """``Terrorism.Ocr``: a result of ``AiContentReviewResultSet`` (``AiReviewTaskTerrorismOcrResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "Terrorism.Ocr"
    has_location: ClassVar[bool] = False

    err_code_ext: str
    err_code: int
    message: str
    input: AiReviewTerrorismOcrTaskInput
    output: AiReviewTerrorismOcrTaskOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfTerrorismOcr], OfTerrorismOcr]: ...


class ProhibitedAsr(ReviewSubtask):
    """``Prohibited.Asr``: a result of ``AiContentReviewResultSet`` (``AiReviewTaskProhibitedAsrResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "Prohibited.Asr"
    has_location: ClassVar[bool] = False

    err_code_ext: str
    err_code: int
    message: str
    input: AiReviewProhibitedAsrTaskInput
    output: AiReviewProhibitedAsrTaskOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfProhibitedAsr], OfProhibitedAsr]: ...


class ProhibitedOcr(ReviewSubtask):
    """``Prohibited.Ocr``: a result of ``AiContentReviewResultSet`` (``AiReviewTaskProhibitedOcrResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "Prohibited.Ocr"
    has_location: ClassVar[bool] = False

    err_code_ext: str
    err_code: int
    message: str
    input: AiReviewProhibitedOcrTaskInput
    output: AiReviewProhibitedOcrTaskOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfProhibitedOcr], OfProhibitedOcr]: ...


class AiContentReview(ReviewSubtask):
    """``AiContentReview``: an activity of a ScheduleTask (``ScheduleReviewTaskResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "AiContentReview"
    has_location: ClassVar[bool] = False

    err_code_ext: str
    err_code: int
    message: str
    input: AiContentReviewTaskInput
    output: list[AiContentReviewResult]
    begin_process_time: str
    finish_time: str

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfAiContentReview], OfAiContentReview]: ...


__all__ = [
    "AiContentReview",
    "Political",
    "PoliticalAsr",
    "PoliticalOcr",
    "Porn",
    "PornAsr",
    "PornOcr",
    "ProhibitedAsr",
    "ProhibitedOcr",
    "ReviewSubtask",
    "Terrorism",
    "TerrorismOcr",
]
