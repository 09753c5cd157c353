"""Types of media tasks.

Generated from tencentcloud-sdk-python-mps 3.1.194: change tools/generate_events.py, not this file.
"""

from __future__ import annotations

from ...view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .common import (
        MediaAudioStreamItem,
        MediaInputInfo,
        MediaVideoStreamItem,
        TaskOutputStorage,
    )


class MediaProcessTaskResult(View):
    """MPS type ``MediaProcessTaskResult``."""

    __slots__ = ()

    type: str
    transcode_task: MediaProcessTaskTranscodeResult
    animated_graphic_task: MediaProcessTaskAnimatedGraphicResult
    snapshot_by_time_offset_task: MediaProcessTaskSnapshotByTimeOffsetResult
    sample_snapshot_task: MediaProcessTaskSampleSnapshotResult
    image_sprite_task: MediaProcessTaskImageSpriteResult
    adaptive_dynamic_streaming_task: MediaProcessTaskAdaptiveDynamicStreamingResult


class MediaProcessTaskTranscodeResult(View):
    """MPS type ``MediaProcessTaskTranscodeResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: TranscodeTaskInput
    output: MediaTranscodeItem
    progress: int


class MediaProcessTaskAnimatedGraphicResult(View):
    """MPS type ``MediaProcessTaskAnimatedGraphicResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AnimatedGraphicTaskInput
    output: MediaAnimatedGraphicsItem
    begin_process_time: str
    finish_time: str


class MediaProcessTaskSnapshotByTimeOffsetResult(View):
    """MPS type ``MediaProcessTaskSnapshotByTimeOffsetResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: SnapshotByTimeOffsetTaskInput
    output: MediaSnapshotByTimeOffsetItem
    begin_process_time: str
    finish_time: str


class MediaProcessTaskSampleSnapshotResult(View):
    """MPS type ``MediaProcessTaskSampleSnapshotResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: SampleSnapshotTaskInput
    output: MediaSampleSnapshotItem
    begin_process_time: str
    finish_time: str


class MediaProcessTaskImageSpriteResult(View):
    """MPS type ``MediaProcessTaskImageSpriteResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: ImageSpriteTaskInput
    output: MediaImageSpriteItem
    begin_process_time: str
    finish_time: str


class MediaProcessTaskAdaptiveDynamicStreamingResult(View):
    """MPS type ``MediaProcessTaskAdaptiveDynamicStreamingResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    err_code: int
    message: str
    input: AdaptiveDynamicStreamingTaskInput
    output: AdaptiveDynamicStreamingInfoItem
    begin_process_time: str
    finish_time: str


class TranscodeTaskInput(View):
    """MPS type ``TranscodeTaskInput``."""

    __slots__ = ()

    definition: int
    raw_parameter: RawTranscodeParameter
    override_parameter: OverrideTranscodeParameter
    watermark_set: list[WatermarkInput]
    blind_watermark: BlindWatermarkInput
    mosaic_set: list[MosaicInput]
    start_time_offset: float
    end_time_offset: float
    output_storage: TaskOutputStorage
    output_object_path: str
    segment_object_name: str
    object_number_format: NumberFormat
    head_tail_parameter: HeadTailParameter


class MediaTranscodeItem(View):
    """MPS type ``MediaTranscodeItem``."""

    __slots__ = ()

    output_storage: TaskOutputStorage
    path: str
    definition: int
    bitrate: int
    height: int
    width: int
    size: int
    duration: float
    container: str
    md5: str
    audio_stream_set: list[MediaAudioStreamItem]
    video_stream_set: list[MediaVideoStreamItem]
    call_back_ext_info: str
    usage: MediaUsageItem


class AnimatedGraphicTaskInput(View):
    """MPS type ``AnimatedGraphicTaskInput``."""

    __slots__ = ()

    definition: int
    start_time_offset: float
    end_time_offset: float
    output_storage: TaskOutputStorage
    output_object_path: str
    ext_info: str


class MediaAnimatedGraphicsItem(View):
    """MPS type ``MediaAnimatedGraphicsItem``."""

    __slots__ = ()

    storage: TaskOutputStorage
    path: str
    definition: int
    container: str
    height: int
    width: int
    bitrate: int
    size: int
    md5: str
    start_time_offset: float
    end_time_offset: float


class SnapshotByTimeOffsetTaskInput(View):
    """MPS type ``SnapshotByTimeOffsetTaskInput``."""

    __slots__ = ()

    definition: int
    ext_time_offset_set: list[str]
    time_offset_set: list[float]
    watermark_set: list[WatermarkInput]
    output_storage: TaskOutputStorage
    output_object_path: str
    object_number_format: NumberFormat
    ext_info: str


class MediaSnapshotByTimeOffsetItem(View):
    """MPS type ``MediaSnapshotByTimeOffsetItem``."""

    __slots__ = ()

    definition: int
    pic_info_set: list[MediaSnapshotByTimePicInfoItem]
    storage: TaskOutputStorage


class SampleSnapshotTaskInput(View):
    """MPS type ``SampleSnapshotTaskInput``."""

    __slots__ = ()

    definition: int
    watermark_set: list[WatermarkInput]
    output_storage: TaskOutputStorage
    output_object_path: str
    object_number_format: NumberFormat
    ext_info: str


class MediaSampleSnapshotItem(View):
    """MPS type ``MediaSampleSnapshotItem``."""

    __slots__ = ()

    definition: int
    sample_type: str
    interval: int
    storage: TaskOutputStorage
    image_path_set: list[str]
    water_mark_definition: list[int]


class ImageSpriteTaskInput(View):
    """MPS type ``ImageSpriteTaskInput``."""

    __slots__ = ()

    definition: int
    output_storage: TaskOutputStorage
    output_object_path: str
    web_vtt_object_name: str
    object_number_format: NumberFormat
    ext_info: str


class MediaImageSpriteItem(View):
    """MPS type ``MediaImageSpriteItem``."""

    __slots__ = ()

    definition: int
    height: int
    width: int
    total_count: int
    image_path_set: list[str]
    web_vtt_path: str
    storage: TaskOutputStorage


class AdaptiveDynamicStreamingTaskInput(View):
    """MPS type ``AdaptiveDynamicStreamingTaskInput``."""

    __slots__ = ()
    _names = {"key_pts_list": "KeyPTSList"}

    definition: int
    watermark_set: list[WatermarkInput]
    blind_watermark: BlindWatermarkInput
    output_storage: TaskOutputStorage
    output_object_path: str
    sub_stream_object_name: str
    segment_object_name: str
    add_on_subtitles: list[AddOnSubtitle]
    drm_info: DrmInfo
    definition_type: str
    subtitle_template: SubtitleTemplate
    std_ext_info: str
    key_pts_list: list[int]
    add_on_audios: list[AddOnAudio]
    std_ext_stream_infos: list[AdaptiveStreamTemplate]


class AdaptiveDynamicStreamingInfoItem(View):
    """MPS type ``AdaptiveDynamicStreamingInfoItem``."""

    __slots__ = ()

    definition: int
    package: str
    path: str
    storage: TaskOutputStorage


class RawTranscodeParameter(View):
    """MPS type ``RawTranscodeParameter``."""

    __slots__ = ()
    _names = {"tehd_config": "TEHDConfig"}

    container: str
    remove_video: int
    remove_audio: int
    video_template: VideoTemplateInfo
    audio_template: AudioTemplateInfo
    tehd_config: TEHDConfig
    std_ext_info: str
    enhance_config: EnhanceConfig
    subtitle_template: SubtitleTemplate


class OverrideTranscodeParameter(View):
    """MPS type ``OverrideTranscodeParameter``."""

    __slots__ = ()
    _names = {"tehd_config": "TEHDConfig"}

    container: str
    remove_video: int
    remove_audio: int
    video_template: VideoTemplateInfoForUpdate
    audio_template: AudioTemplateInfoForUpdate
    tehd_config: TEHDConfigForUpdate
    subtitle_template: SubtitleTemplate
    addon_audio_stream: list[MediaInputInfo]
    std_ext_info: str
    add_on_subtitles: list[AddOnSubtitle]


class WatermarkInput(View):
    """MPS type ``WatermarkInput``."""

    __slots__ = ()

    definition: int
    raw_parameter: RawWatermarkParameter
    text_content: str
    svg_content: str
    start_time_offset: float
    end_time_offset: float


class BlindWatermarkInput(View):
    """MPS type ``BlindWatermarkInput``."""

    __slots__ = ()

    definition: int


class MosaicInput(View):
    """MPS type ``MosaicInput``."""

    __slots__ = ()

    coordinate_origin: str
    x_pos: str
    y_pos: str
    width: str
    height: str
    start_time_offset: float
    end_time_offset: float


class NumberFormat(View):
    """MPS type ``NumberFormat``."""

    __slots__ = ()

    initial_value: int
    increment: int
    min_length: int
    place_holder: str


class HeadTailParameter(View):
    """MPS type ``HeadTailParameter``."""

    __slots__ = ()

    head_set: list[MediaInputInfo]
    tail_set: list[MediaInputInfo]


class MediaUsageItem(View):
    """MPS type ``MediaUsageItem``."""

    __slots__ = ()

    input_image_count: int
    input_seconds: int
    output_seconds: int
    total_seconds: int


class MediaSnapshotByTimePicInfoItem(View):
    """MPS type ``MediaSnapshotByTimePicInfoItem``."""

    __slots__ = ()

    time_offset: float
    path: str
    water_mark_definition: list[int]


class AddOnSubtitle(View):
    """MPS type ``AddOnSubtitle``."""

    __slots__ = ()

    type: str
    subtitle: MediaInputInfo
    subtitle_name: str
    subtitle_language: str
    output_format: str
    default_track: bool


class DrmInfo(View):
    """MPS type ``DrmInfo``."""

    __slots__ = ()

    type: str
    simple_aes_drm: SimpleAesDrm
    speke_drm: SpekeDrm


class SubtitleTemplate(View):
    """MPS type ``SubtitleTemplate``."""

    __slots__ = ()

    path: str
    stream_index: int
    subtitle_file_input: MediaInputInfo
    font_file_input: MediaInputInfo
    font_type: str
    font_size: str
    font_color: str
    font_alpha: float
    y_pos: str
    board_y: str
    board_width: int
    board_height: int
    board_color: str
    board_alpha: float
    outline_width: float
    outline_color: str
    outline_alpha: float
    shadow_width: float
    shadow_color: str
    shadow_alpha: float
    line_spacing: int
    alignment: str
    board_width_unit: int
    board_height_unit: int
    outline_width_unit: int
    shadow_width_unit: int
    line_spacing_unit: int


class AddOnAudio(View):
    """MPS type ``AddOnAudio``."""

    __slots__ = ()

    input_info: MediaInputInfo
    audio_name: str
    audio_language: str
    default_track: bool


class AdaptiveStreamTemplate(View):
    """MPS type ``AdaptiveStreamTemplate``."""

    __slots__ = ()

    audio: AudioTemplateInfo
    video: VideoTemplateInfo
    remove_audio: int
    remove_video: int
    audio_list: list[AudioTemplateInfo]


class VideoTemplateInfo(View):
    """MPS type ``VideoTemplateInfo``."""

    __slots__ = ()

    codec: str
    fps: int
    bitrate: int
    resolution_adaptive: str
    width: int
    height: int
    gop: int
    gop_unit: str
    fill_type: str
    vcrf: int
    hls_time: int
    segment_type: int
    fps_denominator: int
    stereo3d_type: str
    video_profile: str
    video_level: str
    bframes: int
    mode: str
    sar: str
    no_scenecut: int
    bit_depth: int
    raw_pts: int
    compress: int
    segment_specific_info: SegmentSpecificInfo
    scenario_based: int
    scene_type: str
    compress_type: str


class AudioTemplateInfo(View):
    """MPS type ``AudioTemplateInfo``."""

    __slots__ = ()

    codec: str
    bitrate: int
    sample_rate: int
    audio_channel: int
    track_channel_info: AudioTrackChannelInfo
    audio_language: str
    audio_name: str
    default_track: bool


class TEHDConfig(View):
    """MPS type ``TEHDConfig``."""

    __slots__ = ()

    type: str
    max_video_bitrate: int


class EnhanceConfig(View):
    """MPS type ``EnhanceConfig``."""

    __slots__ = ()

    video_enhance: VideoEnhanceConfig
    audio_enhance: AudioEnhanceConfig


class VideoTemplateInfoForUpdate(View):
    """MPS type ``VideoTemplateInfoForUpdate``."""

    __slots__ = ()

    codec: str
    fps: int
    bitrate: int
    resolution_adaptive: str
    width: int
    height: int
    gop: int
    gop_unit: str
    fill_type: str
    vcrf: int
    content_adapt_stream: int
    hls_time: int
    segment_type: int
    fps_denominator: int
    stereo3d_type: str
    video_profile: str
    video_level: str
    bframes: int
    mode: str
    sar: str
    no_scenecut: int
    bit_depth: int
    raw_pts: int
    compress: int
    segment_specific_info: SegmentSpecificInfo
    scenario_based: int
    scene_type: str
    compress_type: str


class AudioTemplateInfoForUpdate(View):
    """MPS type ``AudioTemplateInfoForUpdate``."""

    __slots__ = ()

    codec: str
    bitrate: int
    sample_rate: int
    audio_channel: int
    stream_selects: list[int]


class TEHDConfigForUpdate(View):
    """MPS type ``TEHDConfigForUpdate``."""

    __slots__ = ()

    type: str
    max_video_bitrate: int


class RawWatermarkParameter(View):
    """MPS type ``RawWatermarkParameter``."""

    __slots__ = ()

    type: str
    coordinate_origin: str
    x_pos: str
    y_pos: str
    image_template: RawImageWatermarkInput


class SimpleAesDrm(View):
    """MPS type ``SimpleAesDrm``."""

    __slots__ = ()

    uri: str
    key: str
    vector: str


class SpekeDrm(View):
    """MPS type ``SpekeDrm``."""

    __slots__ = ()

    resource_id: str
    key_server_url: str
    vector: str
    encryption_method: str
    encryption_preset: str


class SegmentSpecificInfo(View):
    """MPS type ``SegmentSpecificInfo``."""

    __slots__ = ()

    switch: str
    fragment_time: int
    fragment_end_num: int


class AudioTrackChannelInfo(View):
    """MPS type ``AudioTrackChannelInfo``."""

    __slots__ = ()

    channels_remix: int
    select_type: str
    input_track_info: list[TrackInfo]


class VideoEnhanceConfig(View):
    """MPS type ``VideoEnhanceConfig``."""

    __slots__ = ()

    frame_rate: FrameRateConfig
    super_resolution: SuperResolutionConfig
    hdr: HdrConfig
    denoise: VideoDenoiseConfig
    image_quality_enhance: ImageQualityEnhanceConfig
    color_enhance: ColorEnhanceConfig
    low_light_enhance: LowLightEnhanceConfig
    scratch_repair: ScratchRepairConfig
    artifact_repair: ArtifactRepairConfig
    enhance_scene_type: str
    diffusion_enhance: DiffusionEnhanceConfig
    frame_rate_with_den: FrameRateWithDenConfig
    ai_restoration: AiRestorationConfig
    diffusion_enhance_v2: DiffusionEnhanceV2Config


class AudioEnhanceConfig(View):
    """MPS type ``AudioEnhanceConfig``."""

    __slots__ = ()

    denoise: AudioDenoiseConfig
    separate: AudioSeparateConfig
    volume_balance: VolumeBalanceConfig
    beautify: AudioBeautifyConfig
    audio_enhance_edit: AudioEnhanceEditConfig


class RawImageWatermarkInput(View):
    """MPS type ``RawImageWatermarkInput``."""

    __slots__ = ()

    image_content: MediaInputInfo
    width: str
    height: str
    repeat_type: str


class TrackInfo(View):
    """MPS type ``TrackInfo``."""

    __slots__ = ()

    track_num: str
    channel_volume: list[float]


class FrameRateConfig(View):
    """MPS type ``FrameRateConfig``."""

    __slots__ = ()

    switch: str
    fps: int


class SuperResolutionConfig(View):
    """MPS type ``SuperResolutionConfig``."""

    __slots__ = ()

    switch: str
    type: str
    size: int


class HdrConfig(View):
    """MPS type ``HdrConfig``."""

    __slots__ = ()

    switch: str
    type: str


class VideoDenoiseConfig(View):
    """MPS type ``VideoDenoiseConfig``."""

    __slots__ = ()

    switch: str
    type: str


class ImageQualityEnhanceConfig(View):
    """MPS type ``ImageQualityEnhanceConfig``."""

    __slots__ = ()

    switch: str
    type: str


class ColorEnhanceConfig(View):
    """MPS type ``ColorEnhanceConfig``."""

    __slots__ = ()

    switch: str
    type: str


class LowLightEnhanceConfig(View):
    """MPS type ``LowLightEnhanceConfig``."""

    __slots__ = ()

    switch: str
    type: str


class ScratchRepairConfig(View):
    """MPS type ``ScratchRepairConfig``."""

    __slots__ = ()

    switch: str
    intensity: float


class ArtifactRepairConfig(View):
    """MPS type ``ArtifactRepairConfig``."""

    __slots__ = ()

    switch: str
    type: str


class DiffusionEnhanceConfig(View):
    """MPS type ``DiffusionEnhanceConfig``."""

    __slots__ = ()

    switch: str
    type: str


class FrameRateWithDenConfig(View):
    """MPS type ``FrameRateWithDenConfig``."""

    __slots__ = ()

    switch: str
    fps_num: int
    fps_den: int


class AiRestorationConfig(View):
    """MPS type ``AiRestorationConfig``."""

    __slots__ = ()

    switch: str
    type: str


class DiffusionEnhanceV2Config(View):
    """MPS type ``DiffusionEnhanceV2Config``."""

    __slots__ = ()

    switch: str
    type: str


class AudioDenoiseConfig(View):
    """MPS type ``AudioDenoiseConfig``."""

    __slots__ = ()

    switch: str


class AudioSeparateConfig(View):
    """MPS type ``AudioSeparateConfig``."""

    __slots__ = ()

    switch: str
    type: str
    track: str


class VolumeBalanceConfig(View):
    """MPS type ``VolumeBalanceConfig``."""

    __slots__ = ()

    switch: str
    type: str


class AudioBeautifyConfig(View):
    """MPS type ``AudioBeautifyConfig``."""

    __slots__ = ()

    switch: str
    types: list[str]


class AudioEnhanceEditConfig(View):
    """MPS type ``AudioEnhanceEditConfig``."""

    __slots__ = ()

    switch: str
    type: str
