"""Types of erase and dubbing tasks.

Generated from tencentcloud-sdk-python-mps 3.1.194: change tools/generate_events.py, not this file.
"""

from __future__ import annotations

from ...view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .common import (
        AiAnalysisTaskDelLogoOutput,
        EraseArea,
        MediaInputInfo,
        SelectingSubtitleAreasConfig,
        SubtitlePosition,
        TaskOutputStorage,
    )


class SmartEraseTaskResult(View):
    """MPS type ``SmartEraseTaskResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    message: str
    input: SmartEraseTaskInput
    output: AiAnalysisTaskDelLogoOutput
    progress: int
    begin_process_time: str
    finish_time: str


class SmartEraseTaskInput(View):
    """MPS type ``SmartEraseTaskInput``."""

    __slots__ = ()

    definition: int
    raw_parameter: RawSmartEraseParameter
    override_parameter: OverrideEraseParameter
    output_storage: TaskOutputStorage
    output_object_path: str


class RawSmartEraseParameter(View):
    """MPS type ``RawSmartEraseParameter``."""

    __slots__ = ()

    erase_type: str
    erase_subtitle_config: SmartEraseSubtitleConfig
    erase_watermark_config: SmartEraseWatermarkConfig
    erase_privacy_config: SmartErasePrivacyConfig
    subtitle_embed_id: int
    use_original_pos: int
    use_original_size: int


class OverrideEraseParameter(View):
    """MPS type ``OverrideEraseParameter``."""

    __slots__ = ()

    erase_type: str
    erase_subtitle_config: UpdateSmartEraseSubtitleConfig
    erase_watermark_config: UpdateSmartEraseWatermarkConfig
    erase_privacy_config: UpdateSmartErasePrivacyConfig
    subtitle_embed_id: int


class SmartEraseSubtitleConfig(View):
    """MPS type ``SmartEraseSubtitleConfig``."""

    __slots__ = ()

    subtitle_erase_method: str
    subtitle_model: str
    ocr_switch: str
    subtitle_lang: str
    subtitle_format: str
    trans_switch: str
    trans_dst_lang: str
    auto_areas: list[EraseArea]
    custom_areas: list[EraseTimeArea]
    subtitle_embed_id: int
    use_original_pos: int
    use_original_size: int


class SmartEraseWatermarkConfig(View):
    """MPS type ``SmartEraseWatermarkConfig``."""

    __slots__ = ()

    watermark_erase_method: str
    watermark_model: str
    auto_areas: list[EraseArea]
    custom_areas: list[EraseTimeArea]


class SmartErasePrivacyConfig(View):
    """MPS type ``SmartErasePrivacyConfig``."""

    __slots__ = ()

    privacy_model: str
    privacy_targets: list[str]


class UpdateSmartEraseSubtitleConfig(View):
    """MPS type ``UpdateSmartEraseSubtitleConfig``."""

    __slots__ = ()

    subtitle_erase_method: str
    subtitle_model: str
    ocr_switch: str
    subtitle_lang: str
    subtitle_format: str
    trans_switch: str
    trans_dst_lang: str
    auto_areas: list[EraseArea]
    custom_areas: list[EraseTimeArea]


class UpdateSmartEraseWatermarkConfig(View):
    """MPS type ``UpdateSmartEraseWatermarkConfig``."""

    __slots__ = ()

    watermark_erase_method: str
    watermark_model: str
    auto_areas: list[EraseArea]
    custom_areas: list[EraseTimeArea]


class UpdateSmartErasePrivacyConfig(View):
    """MPS type ``UpdateSmartErasePrivacyConfig``."""

    __slots__ = ()

    privacy_model: str
    privacy_targets: list[str]


class EraseTimeArea(View):
    """MPS type ``EraseTimeArea``."""

    __slots__ = ()

    begin_ms: int
    end_ms: int
    areas: list[EraseArea]


class AIDubbingTaskResult(View):
    """MPS type ``AIDubbingTaskResult``."""

    __slots__ = ()

    status: str
    err_code_ext: str
    message: str
    input: AIDubbingTaskInput
    output: AIDubbingTaskOutput
    progress: int
    begin_process_time: str
    finish_time: str


class AIDubbingTaskInput(View):
    """MPS type ``AIDubbingTaskInput``."""

    __slots__ = ()

    definition: int
    raw_parameter: RawAIDubbingParameter
    override_parameter: OverrideAIDubbingParameter
    output_storage: TaskOutputStorage
    src_subtitle_info: MediaInputInfo
    dst_subtitle_infos: list[DstSubtitleInput]
    output_object_path: str
    extended_parameter: str
    drama_id: str


class AIDubbingTaskOutput(View):
    """MPS type ``AIDubbingTaskOutput``."""

    __slots__ = ()

    origin_subtitle_path: str
    translate_subtitle_path: str
    voice_cloned_video: str
    voice_cloned_mark_file: str
    video_path: str
    origin_subtitle_file_id: str
    translate_subtitle_file_id: str
    speaker_path: str
    speaker_file_id: str
    erase_video_file_id: str
    erase_video_path: str
    dst_audio_path: str
    dst_audio_file_id: str
    dubbing_edit_info_url: str
    subtitle_pos: SubtitlePosition
    output_storage: TaskOutputStorage


class RawAIDubbingParameter(View):
    """MPS type ``RawAIDubbingParameter``."""

    __slots__ = ()

    translate_config: DubbingTranslateConfig
    subtitle_config: DubbingSubtitleConfig
    dubbing_config: DubbingConfig
    output_config: DubbingOutputConfig


class OverrideAIDubbingParameter(View):
    """MPS type ``OverrideAIDubbingParameter``."""

    __slots__ = ()

    translate_config: DubbingTranslateConfig
    subtitle_config: DubbingSubtitleConfig
    dubbing_config: DubbingConfig
    output_config: DubbingOutputConfig


class DstSubtitleInput(View):
    """MPS type ``DstSubtitleInput``."""

    __slots__ = ()

    dst_subtitle_info: MediaInputInfo


class DubbingTranslateConfig(View):
    """MPS type ``DubbingTranslateConfig``."""

    __slots__ = ()

    video_src_language: str
    translate_dst_language: str
    simplify_translation: str


class DubbingSubtitleConfig(View):
    """MPS type ``DubbingSubtitleConfig``."""

    __slots__ = ()

    subtitle_source: str
    asr_assist_ocr: str
    erase_original_subtitle: str
    selecting_subtitle_areas_config: SelectingSubtitleAreasConfig


class DubbingConfig(View):
    """MPS type ``DubbingConfig``."""

    __slots__ = ()

    dubbing_mode: str
    background_volume: int
    secondary_tuning: str
    voice_id: str
    dubbing_version: str


class DubbingOutputConfig(View):
    """MPS type ``DubbingOutputConfig``."""

    __slots__ = ()

    output_mode: str
    output_final_video: str
    output_subtitle: str
    output_dst_audio: str
    embed_subtitle_config: DubbingEmbedSubtitleConfig


class DubbingEmbedSubtitleConfig(View):
    """MPS type ``DubbingEmbedSubtitleConfig``."""

    __slots__ = ()

    subtitle_embed_id: int
    use_original_pos: int
    use_original_size: int
