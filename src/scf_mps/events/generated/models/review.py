"""Types of review tasks.

Generated from tencentcloud-sdk-python-mps 3.1.194: change tools/generate_events.py, not this file.
"""

from __future__ import annotations

from ...view import View


class AiContentReviewResult(View):
    """MPS type ``AiContentReviewResult``."""

    __slots__ = ()

    type: str
    sample_rate: float
    duration: float
    porn_task: AiReviewTaskPornResult
    terrorism_task: AiReviewTaskTerrorismResult
    political_task: AiReviewTaskPoliticalResult
    porn_asr_task: AiReviewTaskPornAsrResult
    porn_ocr_task: AiReviewTaskPornOcrResult
    political_asr_task: AiReviewTaskPoliticalAsrResult
    political_ocr_task: AiReviewTaskPoliticalOcrResult
    terrorism_ocr_task: AiReviewTaskTerrorismOcrResult
    prohibited_asr_task: AiReviewTaskProhibitedAsrResult
    prohibited_ocr_task: AiReviewTaskProhibitedOcrResult


class AiReviewTaskPornResult(View):
    """MPS type ``AiReviewTaskPornResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiReviewPornTaskInput
    output: AiReviewPornTaskOutput


class AiReviewTaskTerrorismResult(View):
    """MPS type ``AiReviewTaskTerrorismResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiReviewTerrorismTaskInput
    output: AiReviewTerrorismTaskOutput


class AiReviewTaskPoliticalResult(View):
    """MPS type ``AiReviewTaskPoliticalResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiReviewPoliticalTaskInput
    output: AiReviewPoliticalTaskOutput


class AiReviewTaskPornAsrResult(View):
    """MPS type ``AiReviewTaskPornAsrResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiReviewPornAsrTaskInput
    output: AiReviewPornAsrTaskOutput


class AiReviewTaskPornOcrResult(View):
    """MPS type ``AiReviewTaskPornOcrResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiReviewPornOcrTaskInput
    output: AiReviewPornOcrTaskOutput


class AiReviewTaskPoliticalAsrResult(View):
    """MPS type ``AiReviewTaskPoliticalAsrResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiReviewPoliticalAsrTaskInput
    output: AiReviewPoliticalAsrTaskOutput


class AiReviewTaskPoliticalOcrResult(View):
    """MPS type ``AiReviewTaskPoliticalOcrResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiReviewPoliticalOcrTaskInput
    output: AiReviewPoliticalOcrTaskOutput


class AiReviewTaskTerrorismOcrResult(View):
    """MPS type ``AiReviewTaskTerrorismOcrResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiReviewTerrorismOcrTaskInput
    output: AiReviewTerrorismOcrTaskOutput


class AiReviewTaskProhibitedAsrResult(View):
    """MPS type ``AiReviewTaskProhibitedAsrResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiReviewProhibitedAsrTaskInput
    output: AiReviewProhibitedAsrTaskOutput


class AiReviewTaskProhibitedOcrResult(View):
    """MPS type ``AiReviewTaskProhibitedOcrResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiReviewProhibitedOcrTaskInput
    output: AiReviewProhibitedOcrTaskOutput


class AiReviewPornTaskInput(View):
    """MPS type ``AiReviewPornTaskInput``."""

    __slots__ = ()

    definition: int


class AiReviewPornTaskOutput(View):
    """MPS type ``AiReviewPornTaskOutput``."""

    __slots__ = ()

    confidence: float
    suggestion: str
    label: str
    segment_set: list[MediaContentReviewSegmentItem]


class AiReviewTerrorismTaskInput(View):
    """MPS type ``AiReviewTerrorismTaskInput``."""

    __slots__ = ()

    definition: int


class AiReviewTerrorismTaskOutput(View):
    """MPS type ``AiReviewTerrorismTaskOutput``."""

    __slots__ = ()

    confidence: float
    suggestion: str
    label: str
    segment_set: list[MediaContentReviewSegmentItem]


class AiReviewPoliticalTaskInput(View):
    """MPS type ``AiReviewPoliticalTaskInput``."""

    __slots__ = ()

    definition: int


class AiReviewPoliticalTaskOutput(View):
    """MPS type ``AiReviewPoliticalTaskOutput``."""

    __slots__ = ()

    confidence: float
    suggestion: str
    label: str
    segment_set: list[MediaContentReviewPoliticalSegmentItem]


class AiReviewPornAsrTaskInput(View):
    """MPS type ``AiReviewPornAsrTaskInput``."""

    __slots__ = ()

    definition: int


class AiReviewPornAsrTaskOutput(View):
    """MPS type ``AiReviewPornAsrTaskOutput``."""

    __slots__ = ()

    confidence: float
    suggestion: str
    segment_set: list[MediaContentReviewAsrTextSegmentItem]


class AiReviewPornOcrTaskInput(View):
    """MPS type ``AiReviewPornOcrTaskInput``."""

    __slots__ = ()

    definition: int


class AiReviewPornOcrTaskOutput(View):
    """MPS type ``AiReviewPornOcrTaskOutput``."""

    __slots__ = ()

    confidence: float
    suggestion: str
    segment_set: list[MediaContentReviewOcrTextSegmentItem]


class AiReviewPoliticalAsrTaskInput(View):
    """MPS type ``AiReviewPoliticalAsrTaskInput``."""

    __slots__ = ()

    definition: int


class AiReviewPoliticalAsrTaskOutput(View):
    """MPS type ``AiReviewPoliticalAsrTaskOutput``."""

    __slots__ = ()

    confidence: float
    suggestion: str
    segment_set: list[MediaContentReviewAsrTextSegmentItem]


class AiReviewPoliticalOcrTaskInput(View):
    """MPS type ``AiReviewPoliticalOcrTaskInput``."""

    __slots__ = ()

    definition: int


class AiReviewPoliticalOcrTaskOutput(View):
    """MPS type ``AiReviewPoliticalOcrTaskOutput``."""

    __slots__ = ()

    confidence: float
    suggestion: str
    segment_set: list[MediaContentReviewOcrTextSegmentItem]


class AiReviewTerrorismOcrTaskInput(View):
    """MPS type ``AiReviewTerrorismOcrTaskInput``."""

    __slots__ = ()

    definition: int


class AiReviewTerrorismOcrTaskOutput(View):
    """MPS type ``AiReviewTerrorismOcrTaskOutput``."""

    __slots__ = ()

    confidence: float
    suggestion: str
    segment_set: list[MediaContentReviewOcrTextSegmentItem]


class AiReviewProhibitedAsrTaskInput(View):
    """MPS type ``AiReviewProhibitedAsrTaskInput``."""

    __slots__ = ()

    definition: int


class AiReviewProhibitedAsrTaskOutput(View):
    """MPS type ``AiReviewProhibitedAsrTaskOutput``."""

    __slots__ = ()

    confidence: float
    suggestion: str
    segment_set: list[MediaContentReviewAsrTextSegmentItem]


class AiReviewProhibitedOcrTaskInput(View):
    """MPS type ``AiReviewProhibitedOcrTaskInput``."""

    __slots__ = ()

    definition: int


class AiReviewProhibitedOcrTaskOutput(View):
    """MPS type ``AiReviewProhibitedOcrTaskOutput``."""

    __slots__ = ()

    confidence: float
    suggestion: str
    segment_set: list[MediaContentReviewOcrTextSegmentItem]


class MediaContentReviewSegmentItem(View):
    """MPS type ``MediaContentReviewSegmentItem``."""

    __slots__ = ()

    start_time_offset: float
    end_time_offset: float
    confidence: float
    label: str
    suggestion: str
    url: str
    pic_url_expire_time: str


class MediaContentReviewPoliticalSegmentItem(View):
    """MPS type ``MediaContentReviewPoliticalSegmentItem``."""

    __slots__ = ()

    start_time_offset: float
    end_time_offset: float
    confidence: float
    suggestion: str
    name: str
    label: str
    url: str
    area_coord_set: list[int]
    pic_url_expire_time: str


class MediaContentReviewAsrTextSegmentItem(View):
    """MPS type ``MediaContentReviewAsrTextSegmentItem``."""

    __slots__ = ()

    start_time_offset: float
    end_time_offset: float
    confidence: float
    suggestion: str
    keyword_set: list[str]


class MediaContentReviewOcrTextSegmentItem(View):
    """MPS type ``MediaContentReviewOcrTextSegmentItem``."""

    __slots__ = ()

    start_time_offset: float
    end_time_offset: float
    confidence: float
    suggestion: str
    keyword_set: list[str]
    area_coord_set: list[int]
    url: str
    pic_url_expire_time: str
