"""Types of watermark tasks.

Generated from tencentcloud-sdk-python-mps 3.1.194: change tools/generate_events.py, not this file.
"""

from __future__ import annotations

from ...view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .common import MediaInputInfo


class ExtractBlindWatermarkTask(View):
    """MPS type ``ExtractBlindWatermarkTask``."""

    __slots__ = ()

    task_id: str
    status: str
    err_code: int
    message: str
    input_info: MediaInputInfo
    type: str
    is_detected: bool
    result: str
    extract_blind_watermark_config: ExtractBlindWatermarkTaskConfig


class ExtractBlindWatermarkTaskConfig(View):
    """MPS type ``ExtractBlindWatermarkTaskConfig``."""

    __slots__ = ()

    segment_duration: int
