"""Types of recognition tasks.

Generated from tencentcloud-sdk-python-mps 3.1.194: change tools/generate_events.py, not this file.
"""

from __future__ import annotations

from ...view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .common import TaskOutputStorage, WordResult


class AiRecognitionResult(View):
    """MPS type ``AiRecognitionResult``."""

    __slots__ = ()

    type: str
    face_task: AiRecognitionTaskFaceResult
    asr_words_task: AiRecognitionTaskAsrWordsResult
    asr_full_text_task: AiRecognitionTaskAsrFullTextResult
    ocr_words_task: AiRecognitionTaskOcrWordsResult
    ocr_full_text_task: AiRecognitionTaskOcrFullTextResult
    trans_text_task: AiRecognitionTaskTransTextResult
    object_task: AiRecognitionTaskObjectResult


class AiRecognitionTaskFaceResult(View):
    """MPS type ``AiRecognitionTaskFaceResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiRecognitionTaskFaceResultInput
    output: AiRecognitionTaskFaceResultOutput


class AiRecognitionTaskAsrWordsResult(View):
    """MPS type ``AiRecognitionTaskAsrWordsResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiRecognitionTaskAsrWordsResultInput
    output: AiRecognitionTaskAsrWordsResultOutput


class AiRecognitionTaskAsrFullTextResult(View):
    """MPS type ``AiRecognitionTaskAsrFullTextResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiRecognitionTaskAsrFullTextResultInput
    output: AiRecognitionTaskAsrFullTextResultOutput
    progress: int


class AiRecognitionTaskOcrWordsResult(View):
    """MPS type ``AiRecognitionTaskOcrWordsResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiRecognitionTaskOcrWordsResultInput
    output: AiRecognitionTaskOcrWordsResultOutput


class AiRecognitionTaskOcrFullTextResult(View):
    """MPS type ``AiRecognitionTaskOcrFullTextResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiRecognitionTaskOcrFullTextResultInput
    output: AiRecognitionTaskOcrFullTextResultOutput


class AiRecognitionTaskTransTextResult(View):
    """MPS type ``AiRecognitionTaskTransTextResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AiRecognitionTaskTransTextResultInput
    output: AiRecognitionTaskTransTextResultOutput
    progress: int


class AiRecognitionTaskObjectResult(View):
    """MPS type ``AiRecognitionTaskObjectResult``."""

    __slots__ = ()

    status: str
    err_code: int
    message: str
    input: AiRecognitionTaskObjectResultInput
    output: AiRecognitionTaskObjectResultOutput


class AiRecognitionTaskFaceResultInput(View):
    """MPS type ``AiRecognitionTaskFaceResultInput``."""

    __slots__ = ()

    definition: int


class AiRecognitionTaskFaceResultOutput(View):
    """MPS type ``AiRecognitionTaskFaceResultOutput``."""

    __slots__ = ()

    result_set: list[AiRecognitionTaskFaceResultItem]


class AiRecognitionTaskAsrWordsResultInput(View):
    """MPS type ``AiRecognitionTaskAsrWordsResultInput``."""

    __slots__ = ()

    definition: int


class AiRecognitionTaskAsrWordsResultOutput(View):
    """MPS type ``AiRecognitionTaskAsrWordsResultOutput``."""

    __slots__ = ()

    result_set: list[AiRecognitionTaskAsrWordsResultItem]


class AiRecognitionTaskAsrFullTextResultInput(View):
    """MPS type ``AiRecognitionTaskAsrFullTextResultInput``."""

    __slots__ = ()

    definition: int


class AiRecognitionTaskAsrFullTextResultOutput(View):
    """MPS type ``AiRecognitionTaskAsrFullTextResultOutput``."""

    __slots__ = ()

    segment_set: list[AiRecognitionTaskAsrFullTextSegmentItem]
    subtitle_path: str
    output_storage: TaskOutputStorage


class AiRecognitionTaskOcrWordsResultInput(View):
    """MPS type ``AiRecognitionTaskOcrWordsResultInput``."""

    __slots__ = ()

    definition: int


class AiRecognitionTaskOcrWordsResultOutput(View):
    """MPS type ``AiRecognitionTaskOcrWordsResultOutput``."""

    __slots__ = ()

    result_set: list[AiRecognitionTaskOcrWordsResultItem]


class AiRecognitionTaskOcrFullTextResultInput(View):
    """MPS type ``AiRecognitionTaskOcrFullTextResultInput``."""

    __slots__ = ()

    definition: int


class AiRecognitionTaskOcrFullTextResultOutput(View):
    """MPS type ``AiRecognitionTaskOcrFullTextResultOutput``."""

    __slots__ = ()

    segment_set: list[AiRecognitionTaskOcrFullTextSegmentItem]


class AiRecognitionTaskTransTextResultInput(View):
    """MPS type ``AiRecognitionTaskTransTextResultInput``."""

    __slots__ = ()

    definition: int


class AiRecognitionTaskTransTextResultOutput(View):
    """MPS type ``AiRecognitionTaskTransTextResultOutput``."""

    __slots__ = ()

    segment_set: list[AiRecognitionTaskTransTextSegmentItem]
    subtitle_path: str


class AiRecognitionTaskObjectResultInput(View):
    """MPS type ``AiRecognitionTaskObjectResultInput``."""

    __slots__ = ()

    definition: int


class AiRecognitionTaskObjectResultOutput(View):
    """MPS type ``AiRecognitionTaskObjectResultOutput``."""

    __slots__ = ()

    result_set: list[AiRecognitionTaskObjectResultItem]


class AiRecognitionTaskFaceResultItem(View):
    """MPS type ``AiRecognitionTaskFaceResultItem``."""

    __slots__ = ()

    id: str
    type: str
    name: str
    segment_set: list[AiRecognitionTaskFaceSegmentItem]
    gender: str
    birthday: str
    profession: str
    school_of_graduation: str
    abstract: str
    place_of_birth: str
    person_type: str
    remark: str
    url: str


class AiRecognitionTaskAsrWordsResultItem(View):
    """MPS type ``AiRecognitionTaskAsrWordsResultItem``."""

    __slots__ = ()

    word: str
    segment_set: list[AiRecognitionTaskAsrWordsSegmentItem]


class AiRecognitionTaskAsrFullTextSegmentItem(View):
    """MPS type ``AiRecognitionTaskAsrFullTextSegmentItem``."""

    __slots__ = ()

    confidence: float
    start_time_offset: float
    end_time_offset: float
    text: str
    wordlist: list[WordResult]


class AiRecognitionTaskOcrWordsResultItem(View):
    """MPS type ``AiRecognitionTaskOcrWordsResultItem``."""

    __slots__ = ()

    word: str
    segment_set: list[AiRecognitionTaskOcrWordsSegmentItem]


class AiRecognitionTaskOcrFullTextSegmentItem(View):
    """MPS type ``AiRecognitionTaskOcrFullTextSegmentItem``."""

    __slots__ = ()

    start_time_offset: float
    end_time_offset: float
    text_set: list[AiRecognitionTaskOcrFullTextSegmentTextItem]


class AiRecognitionTaskTransTextSegmentItem(View):
    """MPS type ``AiRecognitionTaskTransTextSegmentItem``."""

    __slots__ = ()

    confidence: float
    start_time_offset: float
    end_time_offset: float
    text: str
    trans: str
    wordlist: list[WordResult]


class AiRecognitionTaskObjectResultItem(View):
    """MPS type ``AiRecognitionTaskObjectResultItem``."""

    __slots__ = ()

    name: str
    segment_set: list[AiRecognitionTaskObjectSeqmentItem]


class AiRecognitionTaskFaceSegmentItem(View):
    """MPS type ``AiRecognitionTaskFaceSegmentItem``."""

    __slots__ = ()

    start_time_offset: float
    end_time_offset: float
    confidence: float
    area_coord_set: list[int]


class AiRecognitionTaskAsrWordsSegmentItem(View):
    """MPS type ``AiRecognitionTaskAsrWordsSegmentItem``."""

    __slots__ = ()

    start_time_offset: float
    end_time_offset: float
    confidence: float


class AiRecognitionTaskOcrWordsSegmentItem(View):
    """MPS type ``AiRecognitionTaskOcrWordsSegmentItem``."""

    __slots__ = ()

    start_time_offset: float
    end_time_offset: float
    confidence: float
    area_coord_set: list[int]


class AiRecognitionTaskOcrFullTextSegmentTextItem(View):
    """MPS type ``AiRecognitionTaskOcrFullTextSegmentTextItem``."""

    __slots__ = ()

    confidence: float
    area_coord_set: list[int]
    text: str


class AiRecognitionTaskObjectSeqmentItem(View):
    """MPS type ``AiRecognitionTaskObjectSeqmentItem``."""

    __slots__ = ()

    start_time_offset: float
    end_time_offset: float
    confidence: float
    area_coord_set: list[int]
