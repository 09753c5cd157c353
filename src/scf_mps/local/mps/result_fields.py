"""The places of results in a WorkflowTask: set, ``Type``, field and class of each type of subtask.

The type of a scripted subtask is that of its task with the ``Type`` of the result: ``AiContentReview.Porn.Asr``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

from scf_mps.events.generated.type_tables import MEDIA, SETS, SINGLES
from scf_mps.events.registry import get_class
from scf_mps.events.view import get_model, get_schema

from .model import Location

MEDIA_SET = "MediaProcessResultSet"
AI_SETS: Mapping[str, str] = {
    "AiContentReview": "AiContentReviewResultSet",
    "AiAnalysis": "AiAnalysisResultSet",
    "AiRecognition": "AiRecognitionResultSet",
    "SmartSubtitles": "SmartSubtitlesTaskResult",
}
"""Type of a task to its list of results."""

AI_SINGLES: Mapping[str, str] = {
    "AiQualityControl": "AiQualityControlTaskResult",
    "SmartErase": "SmartEraseTaskResult",
    "AiDubbing": "AiDubbingTaskResult",
}
"""Type of a task to the field of its only result."""

_ZERO_TIME = "0000-00-00T00:00:00Z"


class Place(NamedTuple):
    """The place of a result.

    Attributes:
        set: the field of the payload.
        type: ``Type`` of the item, empty for a single result.
        field: of the item, empty for a single result.
        schema: the fields of the result: name to the model of its value, None for scalars.
    """

    set: str
    type: str
    field: str
    schema: Mapping[str, str | None]


def find_place(type_: str) -> Place:
    """Return the place of the results of a type of subtask.

    Raises:
        KeyError: the type is unknown.
    """
    task, _, name = type_.partition(".")
    if task in AI_SINGLES:
        _, class_name, _ = SINGLES.rows[AI_SINGLES[task]]
        return Place(AI_SINGLES[task], "", "", _read_schema(class_name))
    table, set_ = (SETS[AI_SETS[task]], AI_SETS[task]) if name else (MEDIA, MEDIA_SET)
    _, class_name, field = table.rows[name or type_]
    return Place(set_, name or type_, field, _read_schema(class_name))


def list_input_fields(type_: str) -> frozenset[str]:
    """Return the parameters of a subtask in ProcessMedia, which are those of its result's ``Input``."""
    model = get_model(find_place(type_).schema["Input"] or "")
    return frozenset(name for name, _, _ in get_schema(model).values())


def build_storage(storage: Location) -> dict[str, Any]:
    """Return a bucket as MPS sends it."""
    place = {"Bucket": storage.bucket, "Region": storage.region}
    return {"Type": "COS", "CosOutputStorage": place}


def format_time(seconds: float) -> str:
    """Return a time as MPS sends it, zeros for 0."""
    if not seconds:
        return _ZERO_TIME
    return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_schema(class_name: str) -> dict[str, str | None]:
    return {name: model for name, _, model in get_schema(get_class(class_name)).values()}
