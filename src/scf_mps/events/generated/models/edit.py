"""Types of edit tasks.

Generated from tencentcloud-sdk-python-mps 3.1.194: change tools/generate_events.py, not this file.
"""

from __future__ import annotations

from ...view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .common import MediaInputInfo, MediaMetaData, TaskOutputStorage


class EditMediaTask(View):
    """MPS type ``EditMediaTask``."""

    __slots__ = ()

    task_id: str
    status: str
    err_code: int
    message: str
    input: EditMediaTaskInput
    output: EditMediaTaskOutput


class EditMediaTaskInput(View):
    """MPS type ``EditMediaTaskInput``."""

    __slots__ = ()

    file_info_set: list[EditMediaFileInfo]


class EditMediaTaskOutput(View):
    """MPS type ``EditMediaTaskOutput``."""

    __slots__ = ()

    output_storage: TaskOutputStorage
    path: str
    meta_data: MediaMetaData


class EditMediaFileInfo(View):
    """MPS type ``EditMediaFileInfo``."""

    __slots__ = ()

    input_info: MediaInputInfo
    start_time_offset: float
    end_time_offset: float
    id: str
