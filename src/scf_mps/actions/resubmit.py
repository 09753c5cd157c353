"""Resubmit action: submit a subtask again that failed by an internal error of MPS, a limited number of times.

The event contains the parameters, so `ProcessMedia` can be called again. The SessionId of the new task carries the
number of attempts: its own failure brings it back, and MPS refuses a repeated SessionId for three days. No store is
needed.
"""

from __future__ import annotations

import logging
import re

from ..events.base import Subtask
from ..tencent.mps import Mps, MpsError
from .filter_options import FILTER_OPTIONS, parse_filters, parse_types
from .settings import split_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..events.base import Event
    from ..routing.filters import Filters
    from ..routing.router import Router

MAX_RESUBMISSIONS = 5
"""Highest number of resubmissions that can be configured."""

REPEATED_SESSION_CODE = "InvalidParameterValue.SessionId"
"""MPS's error code for a repeated SessionId (``errorcodes`` of tencentcloud-sdk-python-mps)."""

_MEDIA_TASKS = {
    "Transcode": "TranscodeTaskSet",
    "AnimatedGraphics": "AnimatedGraphicTaskSet",
    "SnapshotByTimeOffset": "SnapshotByTimeOffsetTaskSet",
    "SampleSnapshot": "SampleSnapshotTaskSet",
    "ImageSprites": "ImageSpriteTaskSet",
    "AdaptiveDynamicStreaming": "AdaptiveDynamicStreamingTaskSet",
}
"""Result type to its list in MediaProcessTask."""

_OTHER_TASKS = {
    "AiContentReviewResultSet": "AiContentReviewTask",
    "AiAnalysisResultSet": "AiAnalysisTask",
    "AiRecognitionResultSet": "AiRecognitionTask",
    "AiQualityControlTaskResult": "AiQualityControlTask",
    "SmartEraseTaskResult": "SmartEraseTask",
    "AiDubbingTaskResult": "AIDubbingTask",
}
"""Result set to its parameter of ProcessMedia. Subtitles are missing: their results do not name the output folder."""

_SESSION_ID = re.compile("resubmit-([1-9])-[0-9a-f]{32}")
_CMQ_ADDRESS = re.compile(r"cmq-(queue|topic)://([A-Za-z][\w-]*)\.([a-z]+)/?", re.ASCII)


class _IncompleteEvent(Exception):
    """An event that lacks parameters of its task."""


class Resubmit:
    """Submits subtasks again that failed by an internal error of MPS.

        resubmit = Resubmit("2")
        resubmit.register(router)

    Args:
        attempts: maximum number of resubmissions, 1 to `MAX_RESUBMISSIONS`. Options after a ``?``: ``notify=`` selects
            the notification of the new task: ``SCF`` (default: the account's trigger), ``none``, an ``https://`` URL
            (``notify_key=`` signs it), ``cmq-queue://NAME.REGION`` or ``cmq-topic://NAME.REGION`` with MPS's short
            region (``gz``, ``sh``). ``types=`` (separated by commas), ``session=``, ``bucket=``, ``path=`` and
            ``source=`` limit it to some results, as in `Router.on_failure`.
        when: returns True for results that may be submitted, in addition to the options.

    Raises:
        ValueError: `attempts` is invalid.
    """

    def __init__(self, attempts: str, when: Callable[[Subtask], object] | None = None) -> None:
        times, options = split_options(attempts, (*FILTER_OPTIONS, "notify", "notify_key"))
        if times not in map(str, range(1, MAX_RESUBMISSIONS + 1)):
            raise ValueError(f"invalid number of attempts {times!r}: use 1 to {MAX_RESUBMISSIONS}")
        self._times = int(times)
        self._notify_config = _parse_notify(options)
        self._types = parse_types(options)
        self._filters = parse_filters(options)
        self._when = when

    def wants(self, result: Subtask) -> bool:
        """Return True for a failed result whose error MPS calls temporary."""
        error = result.error
        return (
            result.verb == "on_failure"
            and error is not None
            and error.retryable is True
            and (not self._types or result.type in self._types)
            and (self._when is None or bool(self._when(result)))
        )

    def register(self, router: Router, name: str = "resubmit.submit") -> None:
        """Register `submit` for failed results.

        Args:
            router: the router.
            name: name of the callback.
        """
        filters: Filters = {**self._filters, "when": self.wants}
        router.on_failure(Subtask, name=name, **filters)(self.submit)

    def submit(self, result: Subtask, mps: Mps, log: logging.Logger) -> str:
        """Submit a failed result to MPS again. A callback for failed results.

        Returns:
            The id of the new task, or ``""`` if none was submitted. The reason is logged.

        Raises:
            MpsError: MPS refuses the request or cannot be reached.
        """
        if not self.wants(result):
            return ""
        event = result.event
        fields: dict[str, object] = {"task_id": event.task_id, "place": result.place}
        previous = count_resubmissions(event.session_id)
        if previous >= self._times:
            log.error(
                "%s failed after %d resubmissions, giving up: %s",
                result.type,
                previous,
                result.error,
                extra=fields,
            )
            return ""
        try:
            request = _build_request(result)
        except _IncompleteEvent as error:
            log.warning("%s cannot be resubmitted: %s", result.type, error, extra=fields)
            return ""
        session_id = make_session_id(event.task_id, previous + 1, request)
        fields["session_id"] = session_id
        if self._notify_config:
            request["TaskNotifyConfig"] = self._notify_config
        if event.session_context:
            request["SessionContext"] = event.session_context
        try:
            response = mps.call("ProcessMedia", **request, SessionId=session_id)
        except MpsError as error:
            if error.code == REPEATED_SESSION_CODE:
                log.info("%s was resubmitted by an earlier delivery", result.type, extra=fields)
                return ""
            if "Unauthorized" not in error.code:
                raise
            message = f"{error.message}: the function's execution role needs mps:ProcessMedia"
            raise MpsError(message, error.code, error.request_id) from error
        task_id = str(response.get("TaskId") or "")
        log.info(
            "%s resubmitted, attempt %d of %d",
            result.type,
            previous + 1,
            self._times,
            extra={**fields, "new_task_id": task_id},
        )
        return task_id


def make_session_id(task_id: str, number: int, request: dict[str, Any]) -> str:
    """Return the SessionId of the `number`-th resubmission (43 characters, MPS allows 50).

    It is derived from the failed task and the request: equal in every delivery of the event, different for any other.
    """
    import hashlib
    import json

    content = json.dumps([task_id, request], sort_keys=True)
    return f"resubmit-{number}-{hashlib.sha256(content.encode()).hexdigest()[:32]}"


def count_resubmissions(session_id: str) -> int:
    """Return how often a task with this SessionId was resubmitted, 0 for any other SessionId."""
    match = _SESSION_ID.fullmatch(session_id)
    return int(match[1]) if match else 0


def _build_request(result: Subtask) -> dict[str, Any]:
    """Build the parameters of ProcessMedia. Raise _IncompleteEvent if the event lacks some."""
    from ..common.redaction import MASK

    event = result.event
    if event.type != "WorkflowTask":
        raise _IncompleteEvent(f"the event of a {event.type} lacks its parameters")
    info = getattr(event, "input_info", None)
    source = info.raw if info is not None else {}
    kind = source.get("Type")
    if kind not in ("COS", "URL"):
        raise _IncompleteEvent(f"unsupported source {kind or '(missing)'}: COS or URL required")
    place = result.place.partition("[")[0]
    is_media = place == "MediaProcessResultSet"
    task = _MEDIA_TASKS.get(result.type) if is_media else _OTHER_TASKS.get(place)
    if task is None:
        raise _IncompleteEvent("the event lacks parameters of this type")
    planned = result.raw.get("Input")
    if not isinstance(planned, dict) or not (
        planned.get("Definition") or planned.get("RawParameter")
    ):
        raise _IncompleteEvent("the event lacks the parameters of the subtask (Input)")
    parameters = {"MediaProcessTask": {task: [planned]}} if is_media else {task: planned}
    request: dict[str, Any] = _remove_nulls({"InputInfo": source, **parameters})
    if not isinstance(planned.get("OutputStorage"), dict):
        request |= _remove_nulls(_find_output_storage(event))
    has_storage = "OutputStorage" in {*request, *_remove_nulls(planned)}
    if kind == "URL" and is_media and not has_storage:
        raise _IncompleteEvent("the event lacks an output storage, which a source at a URL needs")
    if MASK in _list_values(request):
        raise _IncompleteEvent("secrets were replaced when the event was archived")
    return request


def _find_output_storage(event: Event) -> dict[str, Any]:
    """Return the output storage of another result of the event, or an empty dict."""
    for other in event.subtasks:
        planned = other.raw.get("Input")
        storage = planned.get("OutputStorage") if isinstance(planned, dict) else None
        if isinstance(planned, dict) and isinstance(storage, dict):
            path = planned.get("OutputObjectPath")
            if not isinstance(path, str) or not path.startswith("/"):
                return {"OutputStorage": storage}
            return {"OutputStorage": storage, "OutputDir": f"{path.rpartition('/')[0]}/"}
    return {}


def _remove_nulls(value: Any) -> Any:
    """Return a copy without nulls, which the API rejects as parameters of unknown type."""
    if isinstance(value, dict):
        return {name: _remove_nulls(part) for name, part in value.items() if part is not None}
    return [_remove_nulls(part) for part in value] if isinstance(value, list) else value


def _list_values(value: Any) -> list[Any]:
    """Return all values inside an object that are neither objects nor lists."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [leaf for part in value for leaf in _list_values(part)]
    return [value]


def _parse_notify(options: dict[str, str]) -> dict[str, str]:
    """Return the TaskNotifyConfig of ``notify=``, empty for ``none``. Raise ValueError if it is invalid."""
    target = options.get("notify", "SCF")
    config: dict[str, str]
    queue = _CMQ_ADDRESS.fullmatch(target)
    if target == "SCF":
        config = {"NotifyType": "SCF"}
    elif target == "none":
        config = {}
    elif queue is not None:
        model, name, region = queue.groups()
        config = {
            "NotifyType": "TDMQ-CMQ",
            "CmqModel": model.capitalize(),
            "CmqRegion": region,
            f"{model.capitalize()}Name": name,
        }
    elif target.startswith("https://"):
        from .http_post import Address

        Address(target)
        config = {"NotifyType": "URL", "NotifyUrl": target}
    else:
        raise ValueError(
            "invalid notify=: use SCF, none, an https:// URL, cmq-queue://NAME.REGION or cmq-topic://NAME.REGION, "
            "with MPS's short region: gz, sh, bj"
        )
    if "notify_key" in options:
        if config.get("NotifyType") != "URL":
            raise ValueError("unexpected notify_key=: it requires a URL in notify=")
        config["NotifyKey"] = options["notify_key"]
    return config
