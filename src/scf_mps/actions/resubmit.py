"""Resubmit: a subtask that MPS could not do by its own fault (``InternalError``) is submitted again, a few times.

What was asked for stands in the event, so that `ProcessMedia` can be asked for it once more. How often that was done is
told by the SessionId of the new task, and by nothing else: its own failure brings it back, and MPS refuses a SessionId
that it was given within three days. No store is needed, and none can disagree.
"""

from __future__ import annotations

import logging
import re

from ..events.base import Subtask
from ..tencent.mps import Mps, MpsError
from .filter_options import FILTER_OPTIONS, parse_filters, parse_types
from .settings import split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..events.base import Event
    from ..routing.filters import Filters
    from ..routing.router import Router

MAX_RESUBMISSIONS = 5
"""Times that may be asked for."""

REPEATED_SESSION_CODE = "InvalidParameterValue.SessionId"
"""MPS's code for a SessionId that it was given before (``errorcodes`` of tencentcloud-sdk-python-mps)."""

_MEDIA = {
    "Transcode": "TranscodeTaskSet",
    "AnimatedGraphics": "AnimatedGraphicTaskSet",
    "SnapshotByTimeOffset": "SnapshotByTimeOffsetTaskSet",
    "SampleSnapshot": "SampleSnapshotTaskSet",
    "ImageSprites": "ImageSpriteTaskSet",
    "AdaptiveDynamicStreaming": "AdaptiveDynamicStreamingTaskSet",
}
"""Type of a result to the list of MediaProcessTask that asks for it."""

_OTHERS = {
    "AiContentReviewResultSet": "AiContentReviewTask",
    "AiAnalysisResultSet": "AiAnalysisTask",
    "AiRecognitionResultSet": "AiRecognitionTask",
    "AiQualityControlTaskResult": "AiQualityControlTask",
    "SmartEraseTaskResult": "SmartEraseTask",
    "AiDubbingTaskResult": "AIDubbingTask",
}
"""Result set to the parameter of ProcessMedia that asks for what is in it. Subtitles are not among them: their results
do not tell where they were to be written."""

_SESSION = re.compile("resubmit-([1-9])-[0-9a-f]{32}")
_QUEUE = re.compile(r"cmq-(queue|topic)://([A-Za-z][\w-]*)\.([a-z]+)/?", re.ASCII)


class Resubmit:
    """Submits again what failed by MPS's own fault.

        resubmit = Resubmit("2")
        resubmit.register(router)

    Args:
        given: how many times at most, 1 to `MAX_INVOCATIONS`. Options behind a ``?``: ``notify=`` says how MPS is to tell of the
            new task: ``SCF`` (the default: by the account's trigger, as the event came), ``none``, an ``https://`` URL
            (with ``notify_key=`` to sign it), ``cmq-queue://NAME.REGION`` or ``cmq-topic://NAME.REGION``, whose region
            is short as MPS writes it (``gz``, ``sh``). ``types=`` (with commas between), ``session=``, ``bucket=``,
            ``path=`` and ``source=`` narrow it to some results as `Router.on_failure` does.
        when: a function of a result that says whether it may be submitted, beside what the options say.

    Raises:
        ValueError: if `given` is none of this.
    """

    def __init__(self, given: str, when: Callable[[Subtask], object] | None = None) -> None:
        times, options = split(given, (*FILTER_OPTIONS, "notify", "notify_key"))
        if times not in map(str, range(1, MAX_RESUBMISSIONS + 1)):
            raise ValueError(f"expected how many times, 1 to {MAX_RESUBMISSIONS}, not {times!r}")
        self._times = int(times)
        self._notify = _notify(options)
        self._types = parse_types(options)
        self._filters = parse_filters(options)
        self._when = when

    def wants(self, result: Subtask) -> bool:
        """Whether a result is one to be submitted again: it failed for good, and MPS says that trying again may help."""
        error = result.error
        return (
            result.verb == "on_failure"
            and error is not None
            and error.retryable is True
            and (not self._types or result.type in self._types)
            and (self._when is None or bool(self._when(result)))
        )

    def register(self, router: Router, name: str = "resubmit.submit") -> None:
        """Have the router's failed results submitted again.

        Args:
            router: whose.
            name: the callback's.
        """
        filters: Filters = {**self._filters, "when": self.wants}
        router.on_failure(Subtask, name=name, **filters)(self.submit)

    def submit(self, result: Subtask, mps: Mps, log: logging.Logger) -> str:
        """Ask MPS for it again; a callback for failed results.

        Returns:
            The id of the new task; ``""`` if there is none, which is logged.

        Raises:
            MpsError: if MPS refuses, or cannot be asked.
        """
        if not self.wants(result):
            return ""
        event = result.event
        before = count_resubmissions(event.session_id)
        if before >= self._times:
            log.error(
                "%s failed although it was submitted again %d times, and is given up: %s",
                result.type,
                before,
                result.error,
                extra=_fields(result),
            )
            return ""
        request, why_not = _request(result)
        if why_not:
            log.warning(
                "%s cannot be submitted again: %s", result.type, why_not, extra=_fields(result)
            )
            return ""
        session = session_id(event.task_id, before + 1, request)
        if self._notify:
            request["TaskNotifyConfig"] = self._notify
        if event.session_context:
            request["SessionContext"] = event.session_context
        try:
            answer = mps.call("ProcessMedia", **request, SessionId=session)
        except MpsError as error:
            if error.code == REPEATED_SESSION_CODE:
                log.info(
                    "%s was submitted again already", result.type, extra=_fields(result, session)
                )
                return ""
            if "Unauthorized" not in error.code:
                raise
            message = f"{error.message}: the function's execution role needs mps:ProcessMedia"
            raise MpsError(message, error.code, error.request_id) from error
        task_id = str(answer.get("TaskId") or "")
        log.info(
            "%s was submitted again, %d of %d times",
            result.type,
            before + 1,
            self._times,
            extra={**_fields(result, session), "new_task_id": task_id},
        )
        return task_id


def session_id(task_id: str, number: int, request: dict[str, Any]) -> str:
    """The SessionId (43 characters; MPS takes 50) under which something is submitted for the `number`-th time.

    Made of the failed task and of what is asked for: the same in every delivery of its event, another for every other.
    """
    import hashlib
    import json

    content = json.dumps([task_id, request], sort_keys=True)
    return f"resubmit-{number}-{hashlib.sha256(content.encode()).hexdigest()[:32]}"


def count_resubmissions(session: str) -> int:
    """How many times a task of this SessionId was submitted again before; 0 for every other SessionId."""
    found = _SESSION.fullmatch(session)
    return int(found[1]) if found else 0


def _request(result: Subtask) -> tuple[dict[str, Any], str]:
    """What to ask ProcessMedia for, or why that cannot be told."""
    from ..common.redaction import MASK

    event = result.event
    if event.type != "WorkflowTask":
        return {}, f"of a {event.type} the event does not tell how it was asked for"
    info = getattr(event, "input_info", None)
    source = info.raw if info is not None else {}
    kind = source.get("Type")
    if kind not in ("COS", "URL"):
        return {}, f"its source is {kind or 'not told'}, not in COS or at a URL"
    place = result.place.partition("[")[0]
    planned = result.raw.get("Input")
    known = _MEDIA if place == "MediaProcessResultSet" else _OTHERS
    task = known.get(result.type if known is _MEDIA else place)
    if task is None:
        return {}, "the event does not tell all that ProcessMedia has to be told of it"
    if not isinstance(planned, dict) or not (
        planned.get("Definition") or planned.get("RawParameter")
    ):
        return {}, "the event does not tell what was asked for (Input)"
    asked = {"MediaProcessTask": {task: [planned]}} if known is _MEDIA else {task: planned}
    request: dict[str, Any] = _told({"InputInfo": source, **asked})
    if not isinstance(planned.get("OutputStorage"), dict):
        request |= _told(_outputs(event))
    if kind == "URL" and known is _MEDIA and not {"OutputStorage"} & {*request, *_told(planned)}:
        return {}, "its source is at a URL and the event does not tell where outputs are to be"
    if MASK in _texts(request):
        return {}, "its secrets were hidden when the event was kept"
    return request, ""


def _outputs(event: Event) -> dict[str, Any]:
    """Where outputs are to be by what another result of the event was asked for; nothing if none tells."""
    for other in event.subtasks:
        planned = other.raw.get("Input")
        storage = planned.get("OutputStorage") if isinstance(planned, dict) else None
        if isinstance(planned, dict) and isinstance(storage, dict):
            path = planned.get("OutputObjectPath")
            if not isinstance(path, str) or not path.startswith("/"):
                return {"OutputStorage": storage}
            return {"OutputStorage": storage, "OutputDir": f"{path.rpartition('/')[0]}/"}
    return {}


def _told(value: Any) -> Any:
    """The same without what is null, which the API takes for a parameter of no type."""
    if isinstance(value, dict):
        return {name: _told(part) for name, part in value.items() if part is not None}
    return [_told(part) for part in value] if isinstance(value, list) else value


def _texts(value: Any) -> list[Any]:
    """Everything in it that is neither an object nor a list."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return [value]


def _notify(options: dict[str, str]) -> dict[str, str]:
    """TaskNotifyConfig as ``notify=`` says; empty for none. Raises ValueError."""
    how = options.get("notify", "SCF")
    found: dict[str, str]
    queue = _QUEUE.fullmatch(how)
    if how == "SCF":
        found = {"NotifyType": "SCF"}
    elif how == "none":
        found = {}
    elif queue is not None:
        model, name, region = queue.groups()
        found = {
            "NotifyType": "TDMQ-CMQ",
            "CmqModel": model.capitalize(),
            "CmqRegion": region,
            f"{model.capitalize()}Name": name,
        }
    elif how.startswith("https://"):
        from .http_post import Address

        Address(how)
        found = {"NotifyType": "URL", "NotifyUrl": how}
    else:
        raise ValueError(
            "notify= expects SCF, none, an https:// URL, cmq-queue://NAME.REGION or cmq-topic://NAME.REGION, with a "
            "region as MPS writes it there: gz, sh, bj"
        )
    if "notify_key" in options:
        if found.get("NotifyType") != "URL":
            raise ValueError("notify_key= is for a notify= that is a URL")
        found["NotifyKey"] = options["notify_key"]
    return found


def _fields(result: Subtask, session: str = "") -> dict[str, object]:
    """What a log line says beside the result's type."""
    fields: dict[str, object] = {"task_id": result.event.task_id, "place": result.place}
    if session:
        fields["session_id"] = session
    return fields
