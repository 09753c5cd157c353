"""Scripted results of AI tasks, which need models that no local machine has.

Outputs have every field of the SDK's models. Lists are empty, except for one item where an empty list would leave
nothing to handle. Paths are empty: nothing is stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scf_mps.events.generated.type_tables import REVIEW
from scf_mps.events.view import get_model, get_schema

from .model import Subtask
from .result_fields import build_storage, find_place

SUGGESTIONS = ("pass", "review", "block")
"""Values of a review's ``Suggestion``."""

_CONFIDENCES = {"pass": 0, "review": 80, "block": 98}
_PICTURE_REVIEWS = ("Porn", "Terrorism", "Political")
_TASKS: Mapping[str, tuple[str, Mapping[int, tuple[str, ...]], tuple[str, ...]]] = {
    # field of the request: type of the task, results by preset, results of other templates
    "AiContentReviewTask": (
        "AiContentReview",
        {10: _PICTURE_REVIEWS, 20: tuple(REVIEW.rows)},
        _PICTURE_REVIEWS,
    ),
    "AiAnalysisTask": (
        "AiAnalysis",
        {
            10: ("Classification", "Cover", "Tag"),
            20: ("Classification", "Cover", "Tag", "FrameTag"),
        },
        ("Classification", "Cover", "Tag"),
    ),
    "AiRecognitionTask": (
        "AiRecognition",
        {10: ()},
        ("AsrFullTextRecognition", "OcrFullTextRecognition"),
    ),
    "AiQualityControlTask": ("AiQualityControl", {}, ("",)),
    "SmartSubtitlesTask": ("SmartSubtitles", {}, ("AsrFullTextRecognition",)),
    "SmartEraseTask": ("SmartErase", {}, ("",)),
    "AIDubbingTask": ("AiDubbing", {}, ("",)),
}
_ITEMS: Mapping[str, Mapping[str, Any]] = {
    "ClassificationSet": {"Classification": "sample", "Confidence": 90.0},
    "TagSet": {"Tag": "sample", "Confidence": 90.0},
}
"""The item of a list by its field."""


def list_types(request: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    """Yield (type, definition, warning or "") of each scripted subtask of a request."""
    for field, (task, presets, others) in _TASKS.items():
        parameters = request.get(field)
        if not parameters:
            continue
        definition = parameters.get("Definition") or 0
        names = presets.get(definition, others)
        problem = ""
        if presets and definition not in presets:
            problem = f"{task} {definition} is unknown: scripted as {', '.join(names)}"
        for name in names:
            yield f"{task}.{name}".rstrip("."), definition, problem


def check_choices(choices: Mapping[str, str]) -> None:
    """Check chosen results, such as ``{"Porn": "block"}``.

    Raises:
        ValueError: a type or suggestion is unknown.
    """
    for type_, suggestion in choices.items():
        if type_ not in REVIEW.rows:
            names = ", ".join(REVIEW.rows)
            raise ValueError(f"unknown type {type_!r} of a scripted result. Use one of {names}")
        if suggestion not in SUGGESTIONS:
            names = ", ".join(SUGGESTIONS)
            raise ValueError(f"invalid result {type_}={suggestion}. Use one of {names}")


def build(subtask: Subtask, choices: Mapping[str, str]) -> dict[str, Any]:
    """Return the ``Output`` of a scripted subtask.

    Args:
        subtask: of the result.
        choices: suggestion by type of review, by default ``pass``.
    """
    place = find_place(subtask.type)
    output = _build_object(place.schema["Output"] or "", subtask)
    if place.type in REVIEW.rows:
        _apply_suggestion(output, choices.get(place.type, "pass"), place.schema["Output"] or "")
    return output


def _apply_suggestion(output: dict[str, Any], suggestion: str, model: str) -> None:
    confidence = _CONFIDENCES[suggestion]
    verdict: dict[str, Any] = {"Confidence": confidence, "Suggestion": suggestion}
    output |= verdict
    if suggestion == "pass":
        output.pop("Label", None)
        return
    if "Label" in output:
        output["Label"] = verdict["Label"] = "sample"
    segment_model = next(
        item for name, _, item in get_schema(get_model(model)).values() if name == "SegmentSet"
    )
    segment = _build_object(segment_model or "", None)
    verdict |= {"StartTimeOffset": 0, "EndTimeOffset": 1}
    segment |= {name: value for name, value in verdict.items() if name in segment}
    output["SegmentSet"] = [segment]


def _build_object(model: str, subtask: Subtask | None) -> dict[str, Any]:
    """Return an object of a model with empty values."""
    view = get_model(model)
    values: dict[str, Any] = {}
    for attribute, (name, is_list, child) in get_schema(view).items():
        if is_list:
            values[name] = [dict(_ITEMS[name])] if name in _ITEMS else []
        elif child == "TaskOutputStorage":
            values[name] = build_storage(subtask.storage) if subtask else None
        elif child:
            values[name] = None
        else:
            values[name] = {"str": "", "bool": False}.get(view.__annotations__[attribute], 0)
    return values
