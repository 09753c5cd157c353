"""The callbacks each class takes, for type checkers alone: nothing here is loaded at run time.

Each class of results has a static method ``_takes`` whose type is a decorator for functions that take
an instance of the class first, and may take more. `Router.on` returns it, so a decorated function keeps its
exact type, and one that takes something else is an error.

Generated from tencentcloud-sdk-python-mps 3.1.194: change tools/generate_events.py, not this file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, TypeVar

from ..base import Event, LiveEvent, Result, Subtask, UnknownEvent, UnknownSubtask
from .analysis import (
    AIAnalysis,
    AnalysisSubtask,
    Classification,
    Cover,
    Cutout,
    DeLogo,
    Description,
    Dubbing,
    FrameTag,
    Generic,
    HeadTailRecognition,
    Highlight,
    HorizontalToVertical,
    Reel,
    SegmentRecognition,
    Tag,
    VideoComprehension,
    VideoRemake,
)
from .live import (
    LiveAiAnalysisResult,
    LiveAiQualityControlResult,
    LiveAiRecognitionResult,
    LiveAiReviewResult,
    LiveAiSmartSubtitleResult,
    LiveProcessEof,
    LiveRecordResult,
)
from .media import (
    AdaptiveDynamicStreaming,
    AnimatedGraphics,
    ImageSprites,
    MediaSubtask,
    SampleSnapshot,
    SnapshotByTimeOffset,
    Transcode,
)
from .recognition import (
    AIRecognition,
    AsrFullTextRecognition,
    AsrWordsRecognition,
    FaceRecognition,
    ObjectRecognition,
    OcrFullTextRecognition,
    OcrWordsRecognition,
    RecognitionSubtask,
    TransTextRecognition,
)
from .review import (
    AiContentReview,
    Political,
    PoliticalAsr,
    PoliticalOcr,
    Porn,
    PornAsr,
    PornOcr,
    ProhibitedAsr,
    ProhibitedOcr,
    ReviewSubtask,
    Terrorism,
    TerrorismOcr,
)
from .single import AiDubbing, AiQualityControl, ExecRule, SmartErase
from .subtitles import (
    BatchSmartSubtitles,
    PureSubtitleTrans,
    SmartSubtitles,
    SmartSubtitlesAsrFullText,
    SmartSubtitlesOcrFullText,
    SmartSubtitlesTransText,
    SubtitlesSubtask,
)
from .tasks import BatchTask, EditMediaTask, ExtractBlindWatermark, ScheduleTask, WorkflowTask

OfResult = TypeVar("OfResult", bound=Callable[Concatenate[Result, ...], object])
OfSubtask = TypeVar("OfSubtask", bound=Callable[Concatenate[Subtask, ...], object])
OfUnknownSubtask = TypeVar(
    "OfUnknownSubtask", bound=Callable[Concatenate[UnknownSubtask, ...], object]
)
OfEvent = TypeVar("OfEvent", bound=Callable[Concatenate[Event, ...], object])
OfLiveEvent = TypeVar("OfLiveEvent", bound=Callable[Concatenate[LiveEvent, ...], object])
OfUnknownEvent = TypeVar("OfUnknownEvent", bound=Callable[Concatenate[UnknownEvent, ...], object])
OfMediaSubtask = TypeVar("OfMediaSubtask", bound=Callable[Concatenate[MediaSubtask, ...], object])
OfTranscode = TypeVar("OfTranscode", bound=Callable[Concatenate[Transcode, ...], object])
OfAnimatedGraphics = TypeVar(
    "OfAnimatedGraphics", bound=Callable[Concatenate[AnimatedGraphics, ...], object]
)
OfSnapshotByTimeOffset = TypeVar(
    "OfSnapshotByTimeOffset", bound=Callable[Concatenate[SnapshotByTimeOffset, ...], object]
)
OfSampleSnapshot = TypeVar(
    "OfSampleSnapshot", bound=Callable[Concatenate[SampleSnapshot, ...], object]
)
OfImageSprites = TypeVar("OfImageSprites", bound=Callable[Concatenate[ImageSprites, ...], object])
OfAdaptiveDynamicStreaming = TypeVar(
    "OfAdaptiveDynamicStreaming", bound=Callable[Concatenate[AdaptiveDynamicStreaming, ...], object]
)
OfReviewSubtask = TypeVar(
    "OfReviewSubtask", bound=Callable[Concatenate[ReviewSubtask, ...], object]
)
OfPorn = TypeVar("OfPorn", bound=Callable[Concatenate[Porn, ...], object])
OfTerrorism = TypeVar("OfTerrorism", bound=Callable[Concatenate[Terrorism, ...], object])
OfPolitical = TypeVar("OfPolitical", bound=Callable[Concatenate[Political, ...], object])
OfPornAsr = TypeVar("OfPornAsr", bound=Callable[Concatenate[PornAsr, ...], object])
OfPornOcr = TypeVar("OfPornOcr", bound=Callable[Concatenate[PornOcr, ...], object])
OfPoliticalAsr = TypeVar("OfPoliticalAsr", bound=Callable[Concatenate[PoliticalAsr, ...], object])
OfPoliticalOcr = TypeVar("OfPoliticalOcr", bound=Callable[Concatenate[PoliticalOcr, ...], object])
OfTerrorismOcr = TypeVar("OfTerrorismOcr", bound=Callable[Concatenate[TerrorismOcr, ...], object])
OfProhibitedAsr = TypeVar(
    "OfProhibitedAsr", bound=Callable[Concatenate[ProhibitedAsr, ...], object]
)
OfProhibitedOcr = TypeVar(
    "OfProhibitedOcr", bound=Callable[Concatenate[ProhibitedOcr, ...], object]
)
OfAiContentReview = TypeVar(
    "OfAiContentReview", bound=Callable[Concatenate[AiContentReview, ...], object]
)
OfAnalysisSubtask = TypeVar(
    "OfAnalysisSubtask", bound=Callable[Concatenate[AnalysisSubtask, ...], object]
)
OfClassification = TypeVar(
    "OfClassification", bound=Callable[Concatenate[Classification, ...], object]
)
OfCover = TypeVar("OfCover", bound=Callable[Concatenate[Cover, ...], object])
OfTag = TypeVar("OfTag", bound=Callable[Concatenate[Tag, ...], object])
OfFrameTag = TypeVar("OfFrameTag", bound=Callable[Concatenate[FrameTag, ...], object])
OfHighlight = TypeVar("OfHighlight", bound=Callable[Concatenate[Highlight, ...], object])
OfDeLogo = TypeVar("OfDeLogo", bound=Callable[Concatenate[DeLogo, ...], object])
OfSegmentRecognition = TypeVar(
    "OfSegmentRecognition", bound=Callable[Concatenate[SegmentRecognition, ...], object]
)
OfHeadTailRecognition = TypeVar(
    "OfHeadTailRecognition", bound=Callable[Concatenate[HeadTailRecognition, ...], object]
)
OfDescription = TypeVar("OfDescription", bound=Callable[Concatenate[Description, ...], object])
OfHorizontalToVertical = TypeVar(
    "OfHorizontalToVertical", bound=Callable[Concatenate[HorizontalToVertical, ...], object]
)
OfDubbing = TypeVar("OfDubbing", bound=Callable[Concatenate[Dubbing, ...], object])
OfVideoRemake = TypeVar("OfVideoRemake", bound=Callable[Concatenate[VideoRemake, ...], object])
OfVideoComprehension = TypeVar(
    "OfVideoComprehension", bound=Callable[Concatenate[VideoComprehension, ...], object]
)
OfCutout = TypeVar("OfCutout", bound=Callable[Concatenate[Cutout, ...], object])
OfReel = TypeVar("OfReel", bound=Callable[Concatenate[Reel, ...], object])
OfGeneric = TypeVar("OfGeneric", bound=Callable[Concatenate[Generic, ...], object])
OfAIAnalysis = TypeVar("OfAIAnalysis", bound=Callable[Concatenate[AIAnalysis, ...], object])
OfRecognitionSubtask = TypeVar(
    "OfRecognitionSubtask", bound=Callable[Concatenate[RecognitionSubtask, ...], object]
)
OfFaceRecognition = TypeVar(
    "OfFaceRecognition", bound=Callable[Concatenate[FaceRecognition, ...], object]
)
OfAsrWordsRecognition = TypeVar(
    "OfAsrWordsRecognition", bound=Callable[Concatenate[AsrWordsRecognition, ...], object]
)
OfAsrFullTextRecognition = TypeVar(
    "OfAsrFullTextRecognition", bound=Callable[Concatenate[AsrFullTextRecognition, ...], object]
)
OfOcrWordsRecognition = TypeVar(
    "OfOcrWordsRecognition", bound=Callable[Concatenate[OcrWordsRecognition, ...], object]
)
OfOcrFullTextRecognition = TypeVar(
    "OfOcrFullTextRecognition", bound=Callable[Concatenate[OcrFullTextRecognition, ...], object]
)
OfTransTextRecognition = TypeVar(
    "OfTransTextRecognition", bound=Callable[Concatenate[TransTextRecognition, ...], object]
)
OfObjectRecognition = TypeVar(
    "OfObjectRecognition", bound=Callable[Concatenate[ObjectRecognition, ...], object]
)
OfAIRecognition = TypeVar(
    "OfAIRecognition", bound=Callable[Concatenate[AIRecognition, ...], object]
)
OfSubtitlesSubtask = TypeVar(
    "OfSubtitlesSubtask", bound=Callable[Concatenate[SubtitlesSubtask, ...], object]
)
OfSmartSubtitlesAsrFullText = TypeVar(
    "OfSmartSubtitlesAsrFullText",
    bound=Callable[Concatenate[SmartSubtitlesAsrFullText, ...], object],
)
OfSmartSubtitlesTransText = TypeVar(
    "OfSmartSubtitlesTransText", bound=Callable[Concatenate[SmartSubtitlesTransText, ...], object]
)
OfPureSubtitleTrans = TypeVar(
    "OfPureSubtitleTrans", bound=Callable[Concatenate[PureSubtitleTrans, ...], object]
)
OfSmartSubtitlesOcrFullText = TypeVar(
    "OfSmartSubtitlesOcrFullText",
    bound=Callable[Concatenate[SmartSubtitlesOcrFullText, ...], object],
)
OfSmartSubtitles = TypeVar(
    "OfSmartSubtitles", bound=Callable[Concatenate[SmartSubtitles, ...], object]
)
OfBatchSmartSubtitles = TypeVar(
    "OfBatchSmartSubtitles", bound=Callable[Concatenate[BatchSmartSubtitles, ...], object]
)
OfAiQualityControl = TypeVar(
    "OfAiQualityControl", bound=Callable[Concatenate[AiQualityControl, ...], object]
)
OfSmartErase = TypeVar("OfSmartErase", bound=Callable[Concatenate[SmartErase, ...], object])
OfAiDubbing = TypeVar("OfAiDubbing", bound=Callable[Concatenate[AiDubbing, ...], object])
OfExecRule = TypeVar("OfExecRule", bound=Callable[Concatenate[ExecRule, ...], object])
OfWorkflowTask = TypeVar("OfWorkflowTask", bound=Callable[Concatenate[WorkflowTask, ...], object])
OfEditMediaTask = TypeVar(
    "OfEditMediaTask", bound=Callable[Concatenate[EditMediaTask, ...], object]
)
OfScheduleTask = TypeVar("OfScheduleTask", bound=Callable[Concatenate[ScheduleTask, ...], object])
OfBatchTask = TypeVar("OfBatchTask", bound=Callable[Concatenate[BatchTask, ...], object])
OfExtractBlindWatermark = TypeVar(
    "OfExtractBlindWatermark", bound=Callable[Concatenate[ExtractBlindWatermark, ...], object]
)
OfLiveProcessEof = TypeVar(
    "OfLiveProcessEof", bound=Callable[Concatenate[LiveProcessEof, ...], object]
)
OfLiveAiReviewResult = TypeVar(
    "OfLiveAiReviewResult", bound=Callable[Concatenate[LiveAiReviewResult, ...], object]
)
OfLiveAiRecognitionResult = TypeVar(
    "OfLiveAiRecognitionResult", bound=Callable[Concatenate[LiveAiRecognitionResult, ...], object]
)
OfLiveAiAnalysisResult = TypeVar(
    "OfLiveAiAnalysisResult", bound=Callable[Concatenate[LiveAiAnalysisResult, ...], object]
)
OfLiveAiQualityControlResult = TypeVar(
    "OfLiveAiQualityControlResult",
    bound=Callable[Concatenate[LiveAiQualityControlResult, ...], object],
)
OfLiveRecordResult = TypeVar(
    "OfLiveRecordResult", bound=Callable[Concatenate[LiveRecordResult, ...], object]
)
OfLiveAiSmartSubtitleResult = TypeVar(
    "OfLiveAiSmartSubtitleResult",
    bound=Callable[Concatenate[LiveAiSmartSubtitleResult, ...], object],
)
