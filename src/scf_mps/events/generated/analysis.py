"""The results of ``AiAnalysisResultSet``, a class for each type.

Generated from tencentcloud-sdk-python-mps 3.1.194: change tools/generate_events.py, not this file.
"""

from __future__ import annotations

from ..base import Subtask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ClassVar

    from .callbacks import (
        OfAIAnalysis,
        OfAnalysisSubtask,
        OfClassification,
        OfCover,
        OfCutout,
        OfDeLogo,
        OfDescription,
        OfDubbing,
        OfFrameTag,
        OfGeneric,
        OfHeadTailRecognition,
        OfHighlight,
        OfHorizontalToVertical,
        OfReel,
        OfSegmentRecognition,
        OfTag,
        OfVideoComprehension,
        OfVideoRemake,
    )
    from .models import (
        AiAnalysisResult,
        AiAnalysisTaskClassificationInput,
        AiAnalysisTaskClassificationOutput,
        AiAnalysisTaskCoverInput,
        AiAnalysisTaskCoverOutput,
        AiAnalysisTaskCutoutInput,
        AiAnalysisTaskCutoutOutput,
        AiAnalysisTaskDelLogoInput,
        AiAnalysisTaskDelLogoOutput,
        AiAnalysisTaskDescriptionInput,
        AiAnalysisTaskDescriptionOutput,
        AiAnalysisTaskDubbingInput,
        AiAnalysisTaskDubbingOutput,
        AiAnalysisTaskFrameTagInput,
        AiAnalysisTaskFrameTagOutput,
        AiAnalysisTaskGenericInput,
        AiAnalysisTaskGenericOutput,
        AiAnalysisTaskHeadTailInput,
        AiAnalysisTaskHeadTailOutput,
        AiAnalysisTaskHighlightInput,
        AiAnalysisTaskHighlightOutput,
        AiAnalysisTaskHorizontalToVerticalInput,
        AiAnalysisTaskHorizontalToVerticalOutput,
        AiAnalysisTaskInput,
        AiAnalysisTaskReelInput,
        AiAnalysisTaskReelOutput,
        AiAnalysisTaskSegmentInput,
        AiAnalysisTaskSegmentOutput,
        AiAnalysisTaskTagInput,
        AiAnalysisTaskTagOutput,
        AiAnalysisTaskVideoComprehensionInput,
        AiAnalysisTaskVideoComprehensionOutput,
        AiAnalysisTaskVideoRemakeInput,
        AiAnalysisTaskVideoRemakeOutput,
    )


class AnalysisSubtask(Subtask):
    """Any result of ``AiAnalysisResultSet``, and of the activities that hold such results."""

    __slots__ = ()

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfAnalysisSubtask], OfAnalysisSubtask]: ...


class Classification(AnalysisSubtask):
    """``Classification``: a result of ``AiAnalysisResultSet`` (``AiAnalysisTaskClassificationResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "Classification"
    has_location: ClassVar[bool] = False

    err_code_ext: str
    err_code: int
    message: str
    input: AiAnalysisTaskClassificationInput
    output: AiAnalysisTaskClassificationOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfClassification], OfClassification]: ...


class Cover(AnalysisSubtask):
    """``Cover``: a result of ``AiAnalysisResultSet`` (``AiAnalysisTaskCoverResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "Cover"
    _files = {"Output.OutputStorage": ("Output.CoverSet[].CoverPath",)}

    err_code_ext: str
    err_code: int
    message: str
    input: AiAnalysisTaskCoverInput
    output: AiAnalysisTaskCoverOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfCover], OfCover]: ...


class Tag(AnalysisSubtask):
    """``Tag``: a result of ``AiAnalysisResultSet`` (``AiAnalysisTaskTagResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "Tag"
    has_location: ClassVar[bool] = False

    err_code_ext: str
    err_code: int
    message: str
    input: AiAnalysisTaskTagInput
    output: AiAnalysisTaskTagOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfTag], OfTag]: ...


class FrameTag(AnalysisSubtask):
    """``FrameTag``: a result of ``AiAnalysisResultSet`` (``AiAnalysisTaskFrameTagResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "FrameTag"
    has_location: ClassVar[bool] = False

    err_code_ext: str
    err_code: int
    message: str
    input: AiAnalysisTaskFrameTagInput
    output: AiAnalysisTaskFrameTagOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfFrameTag], OfFrameTag]: ...


class Highlight(AnalysisSubtask):
    """``Highlight``: a result of ``AiAnalysisResultSet`` (``AiAnalysisTaskHighlightResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "Highlight"
    _files = {
        "Output.OutputStorage": (
            "Output.HighlightSet[].HighlightPath",
            "Output.HighlightSet[].CovImgPath",
        )
    }

    err_code: int
    message: str
    input: AiAnalysisTaskHighlightInput
    output: AiAnalysisTaskHighlightOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfHighlight], OfHighlight]: ...


class DeLogo(AnalysisSubtask):
    """``DeLogo``: a result of ``AiAnalysisResultSet`` (``AiAnalysisTaskDelLogoResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "DeLogo"
    _files = {
        "Output.OutputStorage": (
            "Output.Path",
            "Output.OriginSubtitlePath",
            "Output.TranslateSubtitlePath",
            "Output.VoiceClonedVideo",
            "Output.VoiceClonedMarkFile",
            "Output.ErasedVideoPath",
        )
    }

    err_code: int
    message: str
    input: AiAnalysisTaskDelLogoInput
    output: AiAnalysisTaskDelLogoOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfDeLogo], OfDeLogo]: ...


class SegmentRecognition(AnalysisSubtask):
    """``SegmentRecognition``: a result of ``AiAnalysisResultSet`` (``AiAnalysisTaskSegmentResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "SegmentRecognition"
    has_location: ClassVar[bool] = False

    err_code: int
    message: str
    input: AiAnalysisTaskSegmentInput
    output: AiAnalysisTaskSegmentOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfSegmentRecognition], OfSegmentRecognition]: ...


class HeadTailRecognition(AnalysisSubtask):
    """``HeadTailRecognition``: a result of ``AiAnalysisResultSet`` (``AiAnalysisTaskHeadTailResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "HeadTailRecognition"
    has_location: ClassVar[bool] = False

    err_code: int
    message: str
    input: AiAnalysisTaskHeadTailInput
    output: AiAnalysisTaskHeadTailOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfHeadTailRecognition], OfHeadTailRecognition]: ...


class Description(AnalysisSubtask):
    """``Description``: a result of ``AiAnalysisResultSet`` (``AiAnalysisTaskDescriptionResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "Description"
    _files = {"": ("Output.DescriptionSet[].MindMapPath", "Output.DescriptionSet[].SubtitlePath")}

    err_code: int
    message: str
    input: AiAnalysisTaskDescriptionInput
    output: AiAnalysisTaskDescriptionOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfDescription], OfDescription]: ...


class HorizontalToVertical(AnalysisSubtask):
    """``HorizontalToVertical``: a result of ``AiAnalysisResultSet`` (``AiAnalysisTaskHorizontalToVerticalResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "HorizontalToVertical"
    _files = {"Output.OutputStorage": ("Output.Path",)}

    err_code: int
    message: str
    input: AiAnalysisTaskHorizontalToVerticalInput
    output: AiAnalysisTaskHorizontalToVerticalOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfHorizontalToVertical], OfHorizontalToVertical]: ...


class Dubbing(AnalysisSubtask):
    """``Dubbing``: a result of ``AiAnalysisResultSet`` (``AiAnalysisTaskDubbingResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "Dubbing"
    _files = {"Output.OutputStorage": ("Output.VideoPath", "Output.SpeakerPath")}

    err_code: int
    message: str
    input: AiAnalysisTaskDubbingInput
    output: AiAnalysisTaskDubbingOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfDubbing], OfDubbing]: ...


class VideoRemake(AnalysisSubtask):
    """``VideoRemake``: a result of ``AiAnalysisResultSet`` (``AiAnalysisTaskVideoRemakeResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "VideoRemake"
    _files = {"Output.OutputStorage": ("Output.Path",)}

    err_code: int
    message: str
    input: AiAnalysisTaskVideoRemakeInput
    output: AiAnalysisTaskVideoRemakeOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfVideoRemake], OfVideoRemake]: ...


class VideoComprehension(AnalysisSubtask):
    """``VideoComprehension``: a result of ``AiAnalysisResultSet`` (``AiAnalysisTaskVideoComprehensionResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "VideoComprehension"
    has_location: ClassVar[bool] = False

    err_code: int
    message: str
    input: AiAnalysisTaskVideoComprehensionInput
    output: AiAnalysisTaskVideoComprehensionOutput
    err_code_ext: str
    progress: int
    begin_process_time: str
    finish_time: str

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfVideoComprehension], OfVideoComprehension]: ...


class Cutout(AnalysisSubtask):
    """``Cutout``: a result of ``AiAnalysisResultSet`` (``AiAnalysisTaskCutoutResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "Cutout"
    _files = {"Output.OutputStorage": ("Output.Path",)}

    err_code_ext: str
    message: str
    input: AiAnalysisTaskCutoutInput
    output: AiAnalysisTaskCutoutOutput
    progress: int
    begin_process_time: str
    finish_time: str

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfCutout], OfCutout]: ...


class Reel(AnalysisSubtask):
    """``Reel``: a result of ``AiAnalysisResultSet`` (``AiAnalysisTaskReelResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "Reel"
    _files = {
        "Output.OutputStorage": ("Output.VideoPath", "Output.VideoPaths[]", "Output.ScriptPath")
    }

    err_code: int
    message: str
    input: AiAnalysisTaskReelInput
    output: AiAnalysisTaskReelOutput
    err_code_ext: str
    progress: int
    begin_process_time: str
    finish_time: str

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfReel], OfReel]: ...


class Generic(AnalysisSubtask):
    """``Generic``: a result of ``AiAnalysisResultSet`` (``AiAnalysisTaskGenericResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "Generic"
    has_location: ClassVar[bool] = False

    err_code: int
    message: str
    input: AiAnalysisTaskGenericInput
    output: AiAnalysisTaskGenericOutput

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfGeneric], OfGeneric]: ...


class AIAnalysis(AnalysisSubtask):
    """``AIAnalysis``: an activity of a ScheduleTask (``ScheduleAnalysisTaskResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "AIAnalysis"
    has_location: ClassVar[bool] = False

    err_code_ext: str
    err_code: int
    message: str
    input: AiAnalysisTaskInput
    output: list[AiAnalysisResult]
    begin_process_time: str
    finish_time: str

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfAIAnalysis], OfAIAnalysis]: ...


__all__ = [
    "AIAnalysis",
    "AnalysisSubtask",
    "Classification",
    "Cover",
    "Cutout",
    "DeLogo",
    "Description",
    "Dubbing",
    "FrameTag",
    "Generic",
    "HeadTailRecognition",
    "Highlight",
    "HorizontalToVertical",
    "Reel",
    "SegmentRecognition",
    "Tag",
    "VideoComprehension",
    "VideoRemake",
]
