"""Types of quality tasks.

Generated from tencentcloud-sdk-python-mps 3.1.194: change tools/generate_events.py, not this file.
"""

from __future__ import annotations

from ...view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .common import QualityControlResult


class ScheduleQualityControlTaskResult(View):
    """MPS type ``ScheduleQualityControlTaskResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiQualityControlTaskInput
    output: QualityControlData
    progress: int


class AiQualityControlTaskInput(View):
    """MPS type ``AiQualityControlTaskInput``."""

    __slots__ = ()

    definition: int
    channel_ext_para: str


class QualityControlData(View):
    """MPS type ``QualityControlData``."""

    __slots__ = ()
    _names = {"llm_detection_report": "LLMDetectionReport"}

    no_audio: bool
    no_video: bool
    quality_evaluation_score: int
    quality_evaluation_mean_opinion_score: float
    aesthetic_evaluation_score: int
    quality_control_result_set: list[QualityControlResult]
    container_diagnose_result_set: list[ContainerDiagnoseResultItem]
    llm_detection_report: LLMDetectionReport


class ContainerDiagnoseResultItem(View):
    """MPS type ``ContainerDiagnoseResultItem``."""

    __slots__ = ()

    category: str
    type: str
    severity_level: str
    date_time_set: list[str]
    timestamp_set: list[float]


class LLMDetectionReport(View):
    """MPS type ``LLMDetectionReport``."""

    __slots__ = ()

    result_count: int
    result_set: list[LLMDetectionResultItem]


class LLMDetectionResultItem(View):
    """MPS type ``LLMDetectionResultItem``."""

    __slots__ = ()

    category: str
    group: str
    type: str
    score: float
    confidence: float
    issue_set: list[LLMDetectionIssue]


class LLMDetectionIssue(View):
    """MPS type ``LLMDetectionIssue``."""

    __slots__ = ()

    tag: str
    description: str
    score: float
    confidence: float
    start_time_ms: int
    end_time_ms: int
    extra_data: str
