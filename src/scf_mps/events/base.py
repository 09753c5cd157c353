"""What a callback can receive: an `Event` (one notification) or a `Subtask` (one result inside it).

Both are views, with what every result has in common: its status, its error, its files, a stable key. The concrete
classes, one for each MPS type, are generated (`tasks.py`, `subtasks.py`); finding the subtasks of an event is
`reading.py`'s work, naming files is `files.py`'s.
"""

from __future__ import annotations

from .view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, ClassVar

    from .files import CosObject
    from .generated.callbacks import (
        OfEvent,
        OfLiveEvent,
        OfResult,
        OfSubtask,
        OfUnknownEvent,
        OfUnknownSubtask,
    )
    from .sources import Source


class TaskError:
    """Why MPS could not do a task.

    Attributes:
        code: ``ErrCode``, an int (e.g. 30010), or None where MPS sent none. There is no public table of them.
        name: ``ErrCodeExt``, e.g. ``InvalidInput.DefinitionNotExist``, or ``""``.
        message: ``Message``, for people: never a ground for a decision.
    """

    __slots__ = ("code", "message", "name")

    def __init__(self, code: int | None, name: str, message: str) -> None:
        self.code = code
        self.name = name
        self.message = message

    @property
    def retryable(self) -> bool | None:
        """Whether submitting the task again may help; None where MPS documents nothing about this error.

        Only ``InternalError`` is documented as transient, ``InvalidInput…`` and ``SourceFileError…`` as final
        (MPS error codes, product page 862/50369).
        """
        return {"InternalError": True, "InvalidInput": False, "SourceFileError": False}.get(
            self.name.partition(".")[0]
        )

    def __repr__(self) -> str:
        return f"TaskError(code={self.code!r}, name={self.name!r}, message={self.message!r})"

    def __str__(self) -> str:
        named = " ".join(str(part) for part in (self.name, self.code) if part)
        return " ".join(part for part in (named, self.message and f"({self.message})") if part)


class Result(View):
    """An event or a subtask: whatever a callback is registered for and receives."""

    __slots__ = ()

    _files: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Where the output files are: path of the storage to paths of the files; ``[]`` steps into a list."""

    has_definition: ClassVar[bool] = True
    has_location: ClassVar[bool] = True
    """Whether a result of this class can have a definition, and a place where it writes files."""

    if TYPE_CHECKING:
        type: str
        """The type as MPS wrote it: ``Type`` or ``ActivityType`` of a subtask, ``EventType`` of an event."""

        place: str
        """Where it stands in the notification, e.g. ``MediaProcessResultSet[0]``."""

        status: str
        """``Status`` as it came; ``""`` where MPS sends none. Of an event, FINISH does not mean success."""

        verb: str
        """Which callbacks it is for: ``on``, ``on_failure``, ``on_progress``; ``""`` if its status is unknown."""

        @property
        def key(self) -> str:
            """A text that names this result and stays the same when SCF delivers the event again."""
            ...

        @property
        def error(self) -> TaskError | None:
            """Why MPS could not do it; None unless it failed."""
            ...

        @staticmethod
        def _takes() -> Callable[[OfResult], OfResult]: ...

    mps_type: ClassVar[str] = ""
    """The type this class stands for; ``""`` for the classes above the types."""

    def _planned(self) -> object:
        """What was asked for: ``Input`` of a subtask, with its definition and where it was to write."""
        return None

    @property
    def files(self) -> tuple[CosObject, ...]:
        """The COS objects it produced, as the event names them (an HLS output by its playlist alone).

        A path that is a URL of a COS bucket is that object. Empty for a failed result. Outputs that are not in COS
        (AWS S3, VOD, other URLs) and outputs whose bucket the event does not name (``TransTextRecognition`` of AI
        recognition) are in `paths` only.
        """
        from .files import find_files

        return find_files(self)

    @property
    def paths(self) -> tuple[str, ...]:
        """Every output path as it came: with MPS's leading slash, and full URLs where MPS sent a URL."""
        from .files import find_paths

        return find_paths(self)


class Subtask(Result):
    """One result of an event: a transcode, a sprite, a review …

    Attributes:
        type: ``Type`` (or ``ActivityType``) as it came.
        item: the entry of the result set as it came; `raw` is the result inside it.
    """

    __slots__ = ("item", "place", "status", "type", "verb")

    _input_of_event: ClassVar[str] = ""
    """The field of the payload that holds ``Input`` for all results of the event (BatchTask), if one does."""

    if TYPE_CHECKING:
        item: dict[str, Any]

        @staticmethod
        def _takes() -> Callable[[OfSubtask], OfSubtask]: ...

    def __init__(
        self,
        data: dict[str, Any],
        event: Event,
        place: str,
        field: str,
        item: dict[str, Any],
        type: str,
    ) -> None:
        self._data = data
        self._parent = event
        self._name = field
        self.item = item
        self.place = place
        self.type = type
        status = data.get("Status")
        self.status = status = status if isinstance(status, str) else ""
        # Before an event is finished all it holds is progress: the event of its end repeats it.
        self.verb = "on_progress" if event.in_progress else _VERBS.get(status, "")

    @property
    def event(self) -> Event:
        """The event it belongs to."""
        return self._parent  # type: ignore[return-value]

    @property
    def error(self) -> TaskError | None:
        """Why MPS could not do it; None unless ``Status`` is FAIL."""
        return _error_of(self._data) if self.status == "FAIL" else None

    @property
    def definition(self) -> int | None:
        """The template id that was asked for (``Input.Definition``; ``Output.Definition`` may be 0), or None."""
        for part in (self._planned(), self._data.get("Output")):
            if isinstance(part, dict):
                definition = part.get("Definition")
                if type(definition) is int and definition:
                    return definition
        return None

    @property
    def key(self) -> str:
        """See `Result.key`: made of the event's key, the place in it, the type and the definition."""
        return f"{self.event.key}/{self.place}/{self.type}/{self.definition or ''}"

    def _planned(self) -> object:
        if self._input_of_event:
            return self.event._data[self._input_of_event].get("Input")
        return self._data.get("Input")

    def _path(self) -> str:
        return f"{self.event._name}.{self.place}{'.' if self._name else ''}{self._name}"

    def _why_missing(self) -> str:
        if self.error is not None:
            return f"{self.type} failed: {self.error}"
        if self.verb == "on_progress":
            return f"{self.type} is not finished (Status {self.status})"
        return ""

    def __repr__(self) -> str:
        definition = "" if self.definition is None else f" {self.definition}"
        return f"<{type(self).__name__} {self.type}{definition} {self.status or 'without status'}>"


class UnknownSubtask(Subtask):
    """A result of a type that this version of the package does not know; read it through `raw` and `item`."""

    __slots__ = ()

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfUnknownSubtask], OfUnknownSubtask]: ...


class Event(Result):
    """One notification of MPS. Its fields are those of its payload (``task_id``, ``input_info``, …).

    Attributes:
        type: ``EventType``, or ``NotificationType`` of a live stream.
        task_id: ``TaskId``; ``""`` for a BatchTask, which has none.
        subtasks: every result in it, in order, those of nested AI activities included.
        in_progress: whether the task still runs (``Status`` PROCESSING or WAITING).
    """

    __slots__ = (
        "_key",
        "_memo",
        "_notification",
        "in_progress",
        "place",
        "status",
        "subtasks",
        "task_id",
        "type",
        "verb",
    )

    payload_field: ClassVar[str] = ""
    """The key of the notification that holds the payload."""

    if TYPE_CHECKING:
        in_progress: bool
        subtasks: tuple[Subtask, ...]
        task_id: str

        @staticmethod
        def _takes() -> Callable[[OfEvent], OfEvent]: ...

    def __init__(
        self, notification: dict[str, Any], payload: dict[str, Any], type: str, field: str
    ) -> None:
        self._data = payload
        self._parent = None
        self._name = field
        self._notification = notification
        self._key = ""
        self._memo: dict[object, Any] = {}
        self.place = field
        self.type = type
        task_id = payload.get("TaskId") or notification.get("TaskId")
        self.task_id = task_id if isinstance(task_id, str) else ""
        status = payload.get("Status")
        self.status = status = status if isinstance(status, str) else ""
        self.in_progress = status in _UNFINISHED

    def _hold(self, subtasks: tuple[Subtask, ...]) -> None:
        """Take in the subtasks; a finished event is for ``on_failure`` if it or any of them failed."""
        self.subtasks = subtasks
        failed = self._data.get("ErrCode") not in _NO_ERROR
        for subtask in subtasks:
            failed = failed or subtask.status == "FAIL"
        self.verb = "on_progress" if self.in_progress else "on_failure" if failed else "on"

    @property
    def raw(self) -> dict[str, Any]:
        """The whole notification as it came."""
        return self._notification

    @property
    def session_id(self) -> str:
        """``SessionId`` (at most 50 characters) given with the task, or ``""``."""
        return _text(self._notification.get("SessionId"))

    @property
    def session_context(self) -> str:
        """``SessionContext`` (at most 1,000 characters): what the submitter of the task wanted echoed, or ``""``."""
        return _text(self._notification.get("SessionContext"))

    @property
    def inputs(self) -> tuple[Source, ...]:
        """The files the task was made from, wherever they are: in COS, at a URL, in AWS S3 or in VOD."""
        from .sources import find_sources

        return find_sources(self)

    @property
    def sources(self) -> tuple[CosObject, ...]:
        """The COS objects the task was made from, given by bucket and key. See `inputs` for all kinds."""
        objects = [source.object for source in self.inputs if source.kind == "COS"]
        return tuple(item for item in objects if item is not None)

    @property
    def error(self) -> TaskError | None:
        """The task's own error, e.g. a broken source file; None where ``ErrCode`` is 0 or absent."""
        return _error_of(self._data) if self._data.get("ErrCode") not in _NO_ERROR else None

    @property
    def key(self) -> str:
        """See `Result.key`: made of type, task id and status; of the content too where MPS sends no task id
        (BatchTask) or many notifications for one (progress, live streams).
        """
        if not self._key:
            if not (self.task_id and self._data.get("TaskId")):
                self._key = _join(self.type, _digest(self._notification), self.status)
            else:
                self._key = _join(self.type, self.task_id, self.status)
                if self.in_progress:
                    self._key += f"/{_digest(self._notification)}"
                elif (
                    len(self.task_id) == 32
                ):  # A digest has this length: a fourth part sets the task id apart.
                    self._key += "/"
        return self._key

    @property
    def files(self) -> tuple[CosObject, ...]:
        """The COS objects the event and all its subtasks produced, as `Result.files`."""
        own = super().files
        return own + tuple(file for subtask in self.subtasks for file in subtask.files)

    def _why_missing(self) -> str:
        return f"the task failed: {self.error}" if self.error else ""

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.type} {self.task_id} {self.status} "
            f"with {len(self.subtasks)} subtasks>"
        )


class LiveEvent(Event):
    """A notification of a live stream; it reaches a function over HTTP or CMQ, never by the MPS trigger."""

    __slots__ = ()

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfLiveEvent], OfLiveEvent]: ...


class UnknownEvent(Event):
    """A notification of a type that this version of the package does not know; read it through `raw`."""

    __slots__ = ()

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfUnknownEvent], OfUnknownEvent]: ...


def get_event(result: Result) -> Event:
    """The event of a subtask; an event itself."""
    return result.event if isinstance(result, Subtask) else result  # type: ignore[return-value]


_UNFINISHED = ("PROCESSING", "WAITING")
_NO_ERROR = (None, 0, "", "0")
_SIGNATURE = ("Timestamp", "Sign")

_VERBS = {
    "SUCCESS": "on",
    "FAIL": "on_failure",
    "PROCESSING": "on_progress",
    "WAITING": "on_progress",
}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _error_of(data: dict[str, Any]) -> TaskError:
    code = data.get("ErrCode")
    return TaskError(
        code if isinstance(code, int) else None,
        _text(data.get("ErrCodeExt")),
        _text(data.get("Message")),
    )


def _join(*parts: str) -> str:
    """Return a key that no other parts have: a slash or a percent sign in one of them is percent-encoded."""
    key = "/".join(parts)
    if key.count("/") == len(parts) - 1 and "%" not in key:
        return key
    return "/".join(part.replace("%", "%25").replace("/", "%2F") for part in parts)


def _digest(notification: dict[str, Any]) -> str:
    """Of the content without what a signature adds, which differs from one delivery to the next, and without the
    secrets, so that the event has the same key when a ledger that keeps none of them gives it back.
    """
    import hashlib
    import json

    from ..common.redaction import redact

    content = {name: part for name, part in notification.items() if name not in _SIGNATURE}
    text = json.dumps(redact(content), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
