"""Rules for the parameters of ProcessMedia and CreateWorkflow, as in the SDK's models.

Codes are those of the SDK's ``errorcodes``. For some errors the code is a guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .errors import Refused
from .model import Location

MAX_SESSION_ID_CHARACTERS = 50
MAX_SESSION_CONTEXT_CHARACTERS = 1000
MAX_PRIORITY = 10

_SOURCES = {
    "COS": ("CosInputInfo", ("Bucket", "Region", "Object")),
    "URL": ("UrlInputInfo", ("Url",)),
    "AWS-S3": ("S3InputInfo", ("S3Bucket", "S3Region", "S3Object")),
}
_MEDIA_TASKS = (
    "TranscodeTaskSet",
    "AnimatedGraphicTaskSet",
    "SnapshotByTimeOffsetTaskSet",
    "SampleSnapshotTaskSet",
    "ImageSpriteTaskSet",
    "AdaptiveDynamicStreamingTaskSet",
)
_AI_TASKS = (
    "AiContentReviewTask",
    "AiAnalysisTask",
    "AiRecognitionTask",
    "AiQualityControlTask",
    "SmartSubtitlesTask",
    "SmartEraseTask",
    "AIDubbingTask",
)


def check_request(request: Mapping[str, Any]) -> None:
    """Check the parameters of ProcessMedia. Raises Refused."""
    if len(request.get("SessionId") or "") > MAX_SESSION_ID_CHARACTERS:
        raise Refused(
            "InvalidParameterValue.SessionIdTooLong",
            f"SessionId has more than {MAX_SESSION_ID_CHARACTERS} characters.",
        )
    if len(request.get("SessionContext") or "") > MAX_SESSION_CONTEXT_CHARACTERS:
        raise Refused(
            "InvalidParameterValue.SessionContextTooLong",
            f"SessionContext has more than {MAX_SESSION_CONTEXT_CHARACTERS} characters.",
        )
    kind = _check_source(request.get("InputInfo"))
    check_tasks(request, "TasksPriority")
    if kind == "URL" and "MediaProcessTask" in request and not _has_storage(request):
        raise Refused("InvalidParameterValue.OutputStorage", "A URL source needs OutputStorage.")


def check_tasks(parameters: Mapping[str, Any], priority_name: str) -> None:
    """Check the subtasks and the priority of a request or workflow. Raises Refused."""
    if not list(_iterate_tasks(parameters)):
        raise Refused("InvalidParameter", "The request has no task.")
    priority = parameters.get(priority_name) or 0
    if type(priority) is not int or not -MAX_PRIORITY <= priority <= MAX_PRIORITY:
        raise Refused(
            "InvalidParameterValue", f"{priority_name} is from -{MAX_PRIORITY} to {MAX_PRIORITY}."
        )


def iterate_buckets(request: Mapping[str, Any]) -> Iterator[Location]:
    """Yield the buckets of the source and the outputs, each once."""
    holders = [request, *_iterate_tasks(request)]
    infos = [(request["InputInfo"], "CosInputInfo")]
    infos += [(holder.get("OutputStorage"), "CosOutputStorage") for holder in holders]
    cos = [(info or {}).get(field) for info, field in infos]
    yield from dict.fromkeys(
        Location(each.get("Bucket") or "", each.get("Region") or "") for each in cos if each
    )


def _check_source(info: object) -> str:
    """Return the type of a source. Raises Refused."""
    if not isinstance(info, Mapping):
        raise Refused("MissingParameter", "The request has no InputInfo.")
    kind = info.get("Type")
    if kind not in _SOURCES:
        raise Refused("InvalidParameterValue.Type", f"Type is one of {', '.join(_SOURCES)}.")
    field, needed = _SOURCES[kind]
    source = info.get(field)
    missing = [name for name in needed if not (isinstance(source, Mapping) and source.get(name))]
    if missing:
        raise Refused("InvalidParameterValue", f"{field} has no {', '.join(missing)}.")
    return str(kind)


def _iterate_tasks(request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield each subtask of the request. Raises Refused for an invalid one."""
    sets = request.get("MediaProcessTask") or {}
    unknown = sorted(set(sets) - set(_MEDIA_TASKS))
    if unknown:
        raise Refused("UnknownParameter", f"MediaProcessTask has no {', '.join(unknown)}.")
    tasks = [task for name in _MEDIA_TASKS for task in sets.get(name) or ()]
    tasks += [request[name] for name in _AI_TASKS if request.get(name)]
    for task in tasks:
        definition = task.get("Definition") if isinstance(task, Mapping) else None
        if type(definition) is not int or (definition <= 0 and not task.get("RawParameter")):
            raise Refused(
                "InvalidParameterValue.Definition", "Definition is not the id of a template."
            )
        if any(value is None for value in task.values()):
            raise Refused("InvalidParameter", "A parameter is null.")
        yield task


def _has_storage(request: Mapping[str, Any]) -> bool:
    return bool(request.get("OutputStorage")) or all(
        task.get("OutputStorage") for task in _iterate_tasks(request)
    )
