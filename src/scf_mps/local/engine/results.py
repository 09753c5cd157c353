"""Results and errors of the engine, and their form in JSON."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

SOURCE = "SourceFileError"
NO_VIDEO = "SourceFileError.NoVideoMedia"
NO_SIZE = "SourceFileError.NoVideoResolution"
INVALID = "InvalidInput"
INVALID_TIME = "InvalidInput.InvalidTimeOffset"
INTERNAL = "InternalError"

Role = Literal["main", "playlist", "segment", "init", "picture", "sheet", "vtt"]


FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def is_full(error: Exception) -> bool:
    """Return True if a disk cannot take more."""
    return getattr(error, "errno", None) in FULL


class EngineError(Exception):
    """A job failed.

    Attributes:
        code: an ``ErrCodeExt`` of MPS (page 862/50369).
        message: the cause and the fix.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class EngineCancelled(EngineError):
    """`Engine.cancel` ended the job."""


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file that a job wrote.

    Attributes:
        path: the absolute path.
        role: ``main`` is the only file of a job or the master playlist of an adaptive stream.
        stream: the substream of an adaptive stream, from 0.
        number: of a segment, picture or sheet, from 0.
        offset: the position of a picture in seconds.
    """

    path: Path
    role: Role
    stream: int | None = None
    number: int | None = None
    offset: float | None = None


@dataclass(slots=True)
class JobResult:
    """The result of a job.

    Attributes:
        files: in the order in which to upload them: a playlist follows what it names.
        metadata: of the main file, with the field names of MPS. None for pictures.
        count: pictures in sprite sheets, else None.
        details: values of single kinds, in snake_case.
    """

    files: list[MediaFile]
    metadata: dict[str, Any] | None = None
    count: int | None = None
    details: dict[str, Any] = field(default_factory=dict[str, Any])

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        values = asdict(self)
        for item in values["files"]:
            item["path"] = str(item["path"])
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> JobResult:
        """Return the result of the fields that `to_json` returned."""
        files = [MediaFile(**{**item, "path": Path(item["path"])}) for item in values["files"]]
        return cls(files, values["metadata"], values["count"], values["details"])
