"""Which type is found where: the tables that `reading.py` walks an event by.

Generated from tencentcloud-sdk-python-mps 3.1.194: change tools/generate_events.py, not this file.
"""

from __future__ import annotations

from ..registry import TypeTable

MEDIA = TypeTable(
    {
        "Transcode": ("media", "Transcode", "TranscodeTask"),
        "AnimatedGraphics": ("media", "AnimatedGraphics", "AnimatedGraphicTask"),
        "SnapshotByTimeOffset": ("media", "SnapshotByTimeOffset", "SnapshotByTimeOffsetTask"),
        "SampleSnapshot": ("media", "SampleSnapshot", "SampleSnapshotTask"),
        "ImageSprites": ("media", "ImageSprites", "ImageSpriteTask"),
        "AdaptiveDynamicStreaming": (
            "media",
            "AdaptiveDynamicStreaming",
            "AdaptiveDynamicStreamingTask",
        ),
    }
)
"""The results of ``MediaProcessResultSet``."""

REVIEW = TypeTable(
    {
        "Porn": ("review", "Porn", "PornTask"),
        "Terrorism": ("review", "Terrorism", "TerrorismTask"),
        "Political": ("review", "Political", "PoliticalTask"),
        "Porn.Asr": ("review", "PornAsr", "PornAsrTask"),
        "Porn.Ocr": ("review", "PornOcr", "PornOcrTask"),
        "Political.Asr": ("review", "PoliticalAsr", "PoliticalAsrTask"),
        "Political.Ocr": ("review", "PoliticalOcr", "PoliticalOcrTask"),
        "Terrorism.Ocr": ("review", "TerrorismOcr", "TerrorismOcrTask"),
        "Prohibited.Asr": ("review", "ProhibitedAsr", "ProhibitedAsrTask"),
        "Prohibited.Ocr": ("review", "ProhibitedOcr", "ProhibitedOcrTask"),
    }
)
"""The results of ``AiContentReviewResultSet``."""

ANALYSIS = TypeTable(
    {
        "Classification": ("analysis", "Classification", "ClassificationTask"),
        "Cover": ("analysis", "Cover", "CoverTask"),
        "Tag": ("analysis", "Tag", "TagTask"),
        "FrameTag": ("analysis", "FrameTag", "FrameTagTask"),
        "Highlight": ("analysis", "Highlight", "HighlightTask"),
        "DeLogo": ("analysis", "DeLogo", "DeLogoTask"),
        "SegmentRecognition": ("analysis", "SegmentRecognition", "SegmentTask"),
        "HeadTailRecognition": ("analysis", "HeadTailRecognition", "HeadTailTask"),
        "Description": ("analysis", "Description", "DescriptionTask"),
        "HorizontalToVertical": ("analysis", "HorizontalToVertical", "HorizontalToVerticalTask"),
        "Dubbing": ("analysis", "Dubbing", "DubbingTask"),
        "VideoRemake": ("analysis", "VideoRemake", "VideoRemakeTask"),
        "VideoComprehension": ("analysis", "VideoComprehension", "VideoComprehensionTask"),
        "Cutout": ("analysis", "Cutout", "CutoutTask"),
        "Reel": ("analysis", "Reel", "ReelTask"),
        "Generic": ("analysis", "Generic", "GenericTask"),
    }
)
"""The results of ``AiAnalysisResultSet``."""

RECOGNITION = TypeTable(
    {
        "FaceRecognition": ("recognition", "FaceRecognition", "FaceTask"),
        "AsrWordsRecognition": ("recognition", "AsrWordsRecognition", "AsrWordsTask"),
        "AsrFullTextRecognition": ("recognition", "AsrFullTextRecognition", "AsrFullTextTask"),
        "OcrWordsRecognition": ("recognition", "OcrWordsRecognition", "OcrWordsTask"),
        "OcrFullTextRecognition": ("recognition", "OcrFullTextRecognition", "OcrFullTextTask"),
        "TransTextRecognition": ("recognition", "TransTextRecognition", "TransTextTask"),
        "ObjectRecognition": ("recognition", "ObjectRecognition", "ObjectTask"),
    }
)
"""The results of ``AiRecognitionResultSet``."""

SUBTITLES = TypeTable(
    {
        "AsrFullTextRecognition": ("subtitles", "SmartSubtitlesAsrFullText", "AsrFullTextTask"),
        "TransTextRecognition": ("subtitles", "SmartSubtitlesTransText", "TransTextTask"),
        "PureSubtitleTrans": ("subtitles", "PureSubtitleTrans", "PureSubtitleTransTask"),
        "OcrFullTextRecognition": ("subtitles", "SmartSubtitlesOcrFullText", "OcrFullTextTask"),
    }
)
"""The results of ``SmartSubtitlesTaskResult``."""

ACTIVITIES = TypeTable(
    {
        "Transcode": ("media", "Transcode", "TranscodeTask"),
        "AnimatedGraphics": ("media", "AnimatedGraphics", "AnimatedGraphicTask"),
        "SnapshotByTimeOffset": ("media", "SnapshotByTimeOffset", "SnapshotByTimeOffsetTask"),
        "SampleSnapshot": ("media", "SampleSnapshot", "SampleSnapshotTask"),
        "ImageSprites": ("media", "ImageSprites", "ImageSpriteTask"),
        "AdaptiveDynamicStreaming": (
            "media",
            "AdaptiveDynamicStreaming",
            "AdaptiveDynamicStreamingTask",
        ),
        "AIRecognition": ("recognition", "AIRecognition", "RecognitionTask"),
        "AiContentReview": ("review", "AiContentReview", "ReviewTask"),
        "AIAnalysis": ("analysis", "AIAnalysis", "AnalysisTask"),
        "AiQualityControl": ("single", "AiQualityControl", "QualityControlTask"),
        "ExecRules": ("single", "ExecRule", "ExecRuleTask"),
        "SmartSubtitles": ("subtitles", "SmartSubtitles", "SmartSubtitlesTask"),
        "SmartErase": ("single", "SmartErase", "SmartEraseTask"),
        "Dubbing": ("single", "AiDubbing", "AIDubbingTask"),
    }
)
"""The activities of a ScheduleTask; their fields are those of ``ActivityResItem``."""

NESTED = {
    "RecognitionTask": RECOGNITION,
    "ReviewTask": REVIEW,
    "AnalysisTask": ANALYSIS,
    "SmartSubtitlesTask": SUBTITLES,
}
"""The activities whose ``Output`` is itself a list of results, and of which kinds."""

SETS = {
    "MediaProcessResultSet": MEDIA,
    "AiContentReviewResultSet": REVIEW,
    "AiAnalysisResultSet": ANALYSIS,
    "AiRecognitionResultSet": RECOGNITION,
    "SmartSubtitlesTaskResult": SUBTITLES,
}
"""Key of a list of results in a payload to the kinds it holds."""

SINGLES = TypeTable(
    {
        "AiQualityControlTaskResult": ("single", "AiQualityControl", ""),
        "SmartEraseTaskResult": ("single", "SmartErase", ""),
        "AiDubbingTaskResult": ("single", "AiDubbing", ""),
    }
)
"""Key of a single result in a payload to its kind."""

BATCH = TypeTable(
    {
        "SmartSubtitlesTaskResult": ("subtitles", "BatchSmartSubtitles", "Outputs"),
    }
)
"""Key in the payload of a BatchTask to the kind of the results below it."""

OTHER_FIELDS = frozenset(
    {
        "DiagnoseResultSet",
        "DiagnoseResults",
        "ErrCode",
        "ExtractBlindWatermarkConfig",
        "FileResults",
        "Input",
        "InputInfo",
        "InputInfos",
        "IsDetected",
        "Message",
        "MetaData",
        "Metadatas",
        "Output",
        "QualityControlResultSet",
        "QualityControlResults",
        "RecordOver",
        "Result",
        "ResultSet",
        "SmartSubtitleResult",
        "Status",
        "TaskId",
        "Type",
    }
)
"""The fields of payloads that hold no results."""

EVENTS = TypeTable(
    {
        "WorkflowTask": ("tasks", "WorkflowTask", "WorkflowTaskEvent"),
        "EditMediaTask": ("tasks", "EditMediaTask", "EditMediaTaskEvent"),
        "ScheduleTask": ("tasks", "ScheduleTask", "ScheduleTaskEvent"),
        "BatchTask": ("tasks", "BatchTask", "BatchTaskEvent"),
        "ExtractBlindWatermark": ("tasks", "ExtractBlindWatermark", "ExtractBlindWatermarkTask"),
    }
)
"""``EventType`` to class and payload field."""

LIVE_EVENTS = TypeTable(
    {
        "ProcessEof": ("live", "LiveProcessEof", "ProcessEofInfo"),
        "AiReviewResult": ("live", "LiveAiReviewResult", "AiReviewResultInfo"),
        "AiRecognitionResult": ("live", "LiveAiRecognitionResult", "AiRecognitionResultInfo"),
        "AiAnalysisResult": ("live", "LiveAiAnalysisResult", "AiAnalysisResultInfo"),
        "AiQualityControlResult": (
            "live",
            "LiveAiQualityControlResult",
            "AiQualityControlResultInfo",
        ),
        "LiveRecordResult": ("live", "LiveRecordResult", "LiveRecordResultInfo"),
        "AiSmartSubtitleResult": ("live", "LiveAiSmartSubtitleResult", "AiSmartSubtitleResultInfo"),
    }
)
"""``NotificationType`` to class and payload field."""

MODULES = {
    "media": "AdaptiveDynamicStreaming AnimatedGraphics ImageSprites MediaSubtask SampleSnapshot SnapshotByTimeOffset Transcode",
    "review": "AiContentReview Political PoliticalAsr PoliticalOcr Porn PornAsr PornOcr ProhibitedAsr ProhibitedOcr ReviewSubtask Terrorism TerrorismOcr",
    "analysis": "AIAnalysis AnalysisSubtask Classification Cover Cutout DeLogo Description Dubbing FrameTag Generic HeadTailRecognition Highlight HorizontalToVertical Reel SegmentRecognition Tag VideoComprehension VideoRemake",
    "recognition": "AIRecognition AsrFullTextRecognition AsrWordsRecognition FaceRecognition ObjectRecognition OcrFullTextRecognition OcrWordsRecognition RecognitionSubtask TransTextRecognition",
    "subtitles": "BatchSmartSubtitles PureSubtitleTrans SmartSubtitles SmartSubtitlesAsrFullText SmartSubtitlesOcrFullText SmartSubtitlesTransText SubtitlesSubtask",
    "single": "AiDubbing AiQualityControl ExecRule SmartErase",
    "tasks": "BatchTask EditMediaTask ExtractBlindWatermark ScheduleTask WorkflowTask",
    "live": "LiveAiAnalysisResult LiveAiQualityControlResult LiveAiRecognitionResult LiveAiReviewResult LiveAiSmartSubtitleResult LiveProcessEof LiveRecordResult",
}
"""Module to the classes of results in it."""
