"""Types that several kinds of tasks use.

Generated from tencentcloud-sdk-python-mps 3.1.194: change tools/generate_events.py, not this file.
"""

from __future__ import annotations

from ...view import View


class TaskOutputStorage(View):
    """MPS type ``TaskOutputStorage``."""

    __slots__ = ()
    _names = {"vod_output_storage": "VODOutputStorage"}

    type: str
    cos_output_storage: CosOutputStorage
    s3_output_storage: S3OutputStorage
    vod_output_storage: VODOutputStorage


class MediaAudioStreamItem(View):
    """MPS type ``MediaAudioStreamItem``."""

    __slots__ = ()

    bitrate: int
    sampling_rate: int
    codec: str
    channel: int
    codecs: str
    loudness: float


class MediaVideoStreamItem(View):
    """MPS type ``MediaVideoStreamItem``."""

    __slots__ = ()

    bitrate: int
    height: int
    width: int
    codec: str
    fps: int
    color_primaries: str
    color_space: str
    color_transfer: str
    hdr_type: str
    codecs: str
    fps_numerator: int
    fps_denominator: int


class MediaInputInfo(View):
    """MPS type ``MediaInputInfo``."""

    __slots__ = ()
    _names = {"vod_input_info": "VODInputInfo"}

    type: str
    cos_input_info: CosInputInfo
    url_input_info: UrlInputInfo
    s3_input_info: S3InputInfo
    vod_input_info: VODInputInfo


class CosOutputStorage(View):
    """MPS type ``CosOutputStorage``."""

    __slots__ = ()

    bucket: str
    region: str


class S3OutputStorage(View):
    """MPS type ``S3OutputStorage``."""

    __slots__ = ()

    s3_bucket: str
    s3_region: str
    s3_secret_id: str
    s3_secret_key: str


class VODOutputStorage(View):
    """MPS type ``VODOutputStorage``."""

    __slots__ = ()

    bucket: str
    region: str
    sub_app_id: int
    vod_basic: int


class CosInputInfo(View):
    """MPS type ``CosInputInfo``."""

    __slots__ = ()

    bucket: str
    region: str
    object: str


class UrlInputInfo(View):
    """MPS type ``UrlInputInfo``."""

    __slots__ = ()

    url: str


class S3InputInfo(View):
    """MPS type ``S3InputInfo``."""

    __slots__ = ()

    s3_bucket: str
    s3_region: str
    s3_object: str
    s3_secret_id: str
    s3_secret_key: str


class VODInputInfo(View):
    """MPS type ``VODInputInfo``."""

    __slots__ = ()

    bucket: str
    region: str
    object: str
    sub_app_id: int
    vod_basic: int
    file_id: str


class AiAnalysisTaskDelLogoOutput(View):
    """MPS type ``AiAnalysisTaskDelLogoOutput``."""

    __slots__ = ()

    path: str
    output_storage: TaskOutputStorage
    origin_subtitle_path: str
    translate_subtitle_path: str
    subtitle_pos: SubtitlePosition
    voice_cloned_video: str
    voice_cloned_mark_file: str
    erased_video_path: str
    dubbing_edit_info_url: str
    file_id: str
    origin_subtitle_file_id: str
    translate_subtitle_file_id: str


class MediaAiAnalysisHighlightItem(View):
    """MPS type ``MediaAiAnalysisHighlightItem``."""

    __slots__ = ()

    highlight_path: str
    cov_img_path: str
    confidence: float
    duration: float
    segment_set: list[HighlightSegmentItem]
    highlight_url: str
    cov_img_url: str


class SubtitlePosition(View):
    """MPS type ``SubtitlePosition``."""

    __slots__ = ()

    center_y: int


class SegmentRecognitionItem(View):
    """MPS type ``SegmentRecognitionItem``."""

    __slots__ = ()

    confidence: float
    start_time_offset: float
    end_time_offset: float
    segment_url: str
    cov_img_url: str
    title: str
    summary: str
    keywords: list[str]
    begin_time: str
    end_time: str
    audio_url: str
    audio_begin_time: float
    audio_end_time: float
    person_position_url: str
    person_id: str


class HighlightSegmentItem(View):
    """MPS type ``HighlightSegmentItem``."""

    __slots__ = ()

    confidence: float
    start_time_offset: float
    end_time_offset: float
    segment_tags: list[str]
    begin_time: str
    end_time: str
    title: str
    summary: str


class WordResult(View):
    """MPS type ``WordResult``."""

    __slots__ = ()

    word: str
    start: float
    end: float
    trans: str


class SelectingSubtitleAreasConfig(View):
    """MPS type ``SelectingSubtitleAreasConfig``."""

    __slots__ = ()

    auto_areas: list[EraseArea]
    sample_width: int
    sample_height: int


class EraseArea(View):
    """MPS type ``EraseArea``."""

    __slots__ = ()

    left_top_x: float
    left_top_y: float
    right_bottom_x: float
    right_bottom_y: float
    unit: int


class MediaMetaData(View):
    """MPS type ``MediaMetaData``."""

    __slots__ = ()

    size: int
    container: str
    bitrate: int
    height: int
    width: int
    duration: float
    rotate: int
    video_stream_set: list[MediaVideoStreamItem]
    audio_stream_set: list[MediaAudioStreamItem]
    video_duration: float
    audio_duration: float


class QualityControlResult(View):
    """MPS type ``QualityControlResult``."""

    __slots__ = ()

    type: str
    quality_control_items: list[QualityControlItem]


class QualityControlItem(View):
    """MPS type ``QualityControlItem``."""

    __slots__ = ()

    confidence: int
    start_time_offset: float
    end_time_offset: float
    area_coord_set: list[int]
