"""The results that stand alone in a WorkflowTask or a ScheduleTask, a class for each.

Generated from tencentcloud-sdk-python-mps 3.1.194: change tools/generate_events.py, not this file.
"""

from __future__ import annotations

from ..base import Subtask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ClassVar

    from .callbacks import OfAiDubbing, OfAiQualityControl, OfExecRule, OfSmartErase
    from .models import (
        AiAnalysisTaskDelLogoOutput,
        AIDubbingTaskInput,
        AIDubbingTaskOutput,
        AiQualityControlTaskInput,
        ExecRulesTask,
        ExecRuleTaskData,
        QualityControlData,
        SmartEraseTaskInput,
    )


class AiQualityControl(Subtask):
    """``AiQualityControl``: an activity of a ScheduleTask or a result of a WorkflowTask (``ScheduleQualityControlTaskResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "AiQualityControl"
    has_location: ClassVar[bool] = False

    err_code_ext: str
    err_code: int
    message: str
    input: AiQualityControlTaskInput
    output: QualityControlData
    progress: int

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfAiQualityControl], OfAiQualityControl]: ...


class SmartErase(Subtask):
    """``SmartErase``: an activity of a ScheduleTask or a result of a WorkflowTask (``SmartEraseTaskResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "SmartErase"
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

    err_code_ext: str
    message: str
    input: SmartEraseTaskInput
    output: AiAnalysisTaskDelLogoOutput
    progress: int
    begin_process_time: str
    finish_time: str

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfSmartErase], OfSmartErase]: ...


class AiDubbing(Subtask):
    """``Dubbing``: an activity of a ScheduleTask or a result of a WorkflowTask (``AIDubbingTaskResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "Dubbing"
    _files = {
        "Output.OutputStorage": (
            "Output.OriginSubtitlePath",
            "Output.TranslateSubtitlePath",
            "Output.VoiceClonedVideo",
            "Output.VoiceClonedMarkFile",
            "Output.VideoPath",
            "Output.SpeakerPath",
            "Output.EraseVideoPath",
            "Output.DstAudioPath",
        )
    }

    err_code_ext: str
    message: str
    input: AIDubbingTaskInput
    output: AIDubbingTaskOutput
    progress: int
    begin_process_time: str
    finish_time: str

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfAiDubbing], OfAiDubbing]: ...


class ExecRule(Subtask):
    """``ExecRules``: an activity of a ScheduleTask (``ScheduleExecRuleTaskResult``)."""

    __slots__ = ()
    mps_type: ClassVar[str] = "ExecRules"
    has_definition: ClassVar[bool] = False
    has_location: ClassVar[bool] = False

    err_code_ext: str
    message: str
    input: ExecRulesTask
    output: ExecRuleTaskData

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfExecRule], OfExecRule]: ...


__all__ = [
    "AiDubbing",
    "AiQualityControl",
    "ExecRule",
    "SmartErase",
]
