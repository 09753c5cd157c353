"""Base classes of everything a callback can receive: `Event`, one notification, and `Subtask`, one result in it.

`generated/` holds a class for each MPS type. `parser.py` finds the subtasks of an event.
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
    """The error of a failed task or result.

    Attributes:
        code: ``ErrCode``, e.g. 30010, or None if MPS sent none. MPS publishes no table of these codes.
        name: ``ErrCodeExt``, e.g. ``InvalidInput.DefinitionNotExist``, or ``""``.
        message: ``Message``, a text for people. Do not base decisions on it.
    """

    __slots__ = ("code", "message", "name")

    def __init__(self, code: int | None, name: str, message: str) -> None:
        self.code = code
        self.name = name
        self.message = message

    @property
    def retryable(self) -> bool | None:
        """True if submitting the task again may help. None if MPS does not document the error.

        Only ``InternalError`` is documented as transient, ``InvalidInput…`` and ``SourceFileError…`` as final
        (MPS error codes, product page 862/50369).
        """
        return {"InternalError": True, "InvalidInput": False, "SourceFileError": False}.get(
            self.name.partition(".")[0]
        )

    def __repr__(self) -> str:
        return f"TaskError(code={self.code!r}, name={self.name!r}, message={self.message!r})"

    def __str__(self) -> str:
        identity = " ".join(str(part) for part in (self.name, self.code) if part)
        return " ".join(part for part in (identity, self.message and f"({self.message})") if part)


class Result(View):
    """An event or a subtask: the value that a callback is registered for and receives."""

    __slots__ = ()

    _files: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Path of an output storage to the paths of its files in the raw data. ``[]`` steps into a list."""

    has_definition: ClassVar[bool] = True
    """True if results of this class can have a definition."""

    has_location: ClassVar[bool] = True
    """True if results of this class can have output files."""

    if TYPE_CHECKING:
        type: str
        """The type as MPS sent it: ``Type`` or ``ActivityType`` of a subtask, ``EventType`` of an event."""

        place: str
        """Its path in the notification, e.g. ``MediaProcessResultSet[0]``."""

        status: str
        """``Status``, or ``""`` if MPS sent none. FINISH of an event does not mean success."""

        verb: str
        """The verb of its callbacks: ``on``, ``on_failure``, ``on_progress``, or ``""`` for an unknown status."""

        @property
        def key(self) -> str:
            """The identity of the result. It stays the same when SCF delivers the event again."""
            ...

        @property
        def error(self) -> TaskError | None:
            """The error of MPS, or None unless it failed."""
            ...

        @staticmethod
        def _takes() -> Callable[[OfResult], OfResult]: ...

    mps_type: ClassVar[str] = ""
    """The type of this class, or ``""`` for a base class."""

    def _get_input(self) -> object:
        """Return ``Input`` of a subtask, with the requested definition and output location."""
        return None

    @property
    def files(self) -> tuple[CosObject, ...]:
        """The COS objects it produced. Of an HLS output only the playlist.

        Empty for a failed result. A URL of a COS bucket counts as its object. Outputs outside COS (AWS S3, VOD, other
        URLs) and outputs whose bucket is not in the event (``TransTextRecognition`` of AI recognition) are in `paths`
        only.
        """
        from .files import find_files

        return find_files(self)

    @property
    def paths(self) -> tuple[str, ...]:
        """Every output path as MPS sent it: with a leading slash, or a full URL."""
        from .files import find_paths

        return find_paths(self)


class Subtask(Result):
    """One result of an event, e.g. a transcode or a review.

    Attributes:
        type: ``Type`` or ``ActivityType``.
        item: the raw entry of the result set. `raw` is the result inside it.
    """

    __slots__ = ("item", "place", "status", "type", "verb")

    _input_of_event: ClassVar[str] = ""
    """The field of the payload with the common ``Input`` of all results (BatchTask), or ``""``."""

    if TYPE_CHECKING:
        item: dict[str, Any]

        @staticmethod
        def _takes() -> Callable[[OfSubtask], OfSubtask]: ...

    def __init__(
        self,
        data: dict[str, Any],
        event: Event,
        path: tuple[str, str],
        item: dict[str, Any],
        type: str,
    ) -> None:
        self._data = data
        self._parent = event
        self.place, self._name = path
        self.item = item
        self.type = type
        status = data.get("Status")
        self.status = status = status if isinstance(status, str) else ""
        # Results of an unfinished event are progress. The final event contains them again.
        self.verb = "on_progress" if event.in_progress else _VERBS.get(status, "")

    @property
    def event(self) -> Event:
        """The event that contains it."""
        return self._parent  # type: ignore[return-value]

    @property
    def error(self) -> TaskError | None:
        """The error of MPS, or None unless ``Status`` is FAIL."""
        return _read_error(self._data) if self.status == "FAIL" else None

    @property
    def definition(self) -> int | None:
        """The template id of the task (``Input.Definition``, as ``Output.Definition`` may be 0), or None."""
        for part in (self._get_input(), self._data.get("Output")):
            if isinstance(part, dict):
                definition = part.get("Definition")
                if type(definition) is int and definition:
                    return definition
        return None

    @property
    def key(self) -> str:
        """See `Result.key`. It consists of the event's key, the place, the type and the definition."""
        return f"{self.event.key}/{self.place}/{self.type}/{self.definition or ''}"

    def _get_input(self) -> object:
        if self._input_of_event:
            return self.event._data[self._input_of_event].get("Input")
        return self._data.get("Input")

    def _path(self) -> str:
        return f"{self.event._name}.{self.place}{'.' if self._name else ''}{self._name}"

    def _explain_missing(self) -> str:
        if self.error is not None:
            return f"{self.type} failed: {self.error}"
        if self.verb == "on_progress":
            return f"{self.type} is not finished (Status {self.status})"
        return ""

    def __repr__(self) -> str:
        definition = "" if self.definition is None else f" {self.definition}"
        return f"<{type(self).__name__} {self.type}{definition} {self.status or 'without status'}>"


class UnknownSubtask(Subtask):
    """A result of a type that this version of the package does not know. Read it through `raw` and `item`."""

    __slots__ = ()

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfUnknownSubtask], OfUnknownSubtask]: ...


class Event(Result):
    """One notification of MPS. Its fields are those of its payload (``task_id``, ``input_info``, …).

    Attributes:
        type: ``EventType``, or ``NotificationType`` of a live stream.
        task_id: ``TaskId``, or ``""`` for a BatchTask, which has none.
        subtasks: every result in it, in order, including those of nested AI activities.
        in_progress: True if the task is running (``Status`` PROCESSING or WAITING).
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
    """The key of the payload in the notification."""

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

    def _set_subtasks(self, subtasks: tuple[Subtask, ...]) -> None:
        """Set the subtasks and the verb: ``on_failure`` if the event or any subtask failed."""
        self.subtasks = subtasks
        failed = self._data.get("ErrCode") not in _NO_ERROR
        for subtask in subtasks:
            failed = failed or subtask.status == "FAIL"
        self.verb = "on_progress" if self.in_progress else "on_failure" if failed else "on"

    @property
    def raw(self) -> dict[str, Any]:
        """The whole notification."""
        return self._notification

    @property
    def state(self) -> dict[Any, Any]:
        """Values that middleware and callbacks share while the event is handled. Empty at first."""
        state: dict[Any, Any] = self._memo.setdefault("state", {})
        return state

    @property
    def session_id(self) -> str:
        """``SessionId`` of the task (at most 50 characters), or ``""``."""
        return _read_text(self._notification.get("SessionId"))

    @property
    def session_context(self) -> str:
        """``SessionContext`` of the task (at most 1,000 characters), or ``""``. MPS returns it unchanged."""
        return _read_text(self._notification.get("SessionContext"))

    @property
    def inputs(self) -> tuple[Source, ...]:
        """The input files of the task: in COS, at a URL, in AWS S3 or in VOD."""
        from .sources import find_sources

        return find_sources(self._data)

    @property
    def sources(self) -> tuple[CosObject, ...]:
        """The input files of the task in COS, given by bucket and key. See `inputs` for all kinds."""
        objects = [source.object for source in self.inputs if source.kind == "COS"]
        return tuple(item for item in objects if item is not None)

    @property
    def error(self) -> TaskError | None:
        """The error of the whole task, e.g. a broken source file. None if ``ErrCode`` is 0 or missing."""
        return _read_error(self._data) if self._data.get("ErrCode") not in _NO_ERROR else None

    @property
    def key(self) -> str:
        """See `Result.key`. It consists of type, task id and status.

        It includes a digest of the content if MPS sends no task id (BatchTask), or several notifications with one
        (progress, live streams).
        """
        if not self._key:
            self._key = self._create_key()
        return self._key

    def _create_key(self) -> str:
        if not (self.task_id and self._data.get("TaskId")):
            return _join_key(self.type, _compute_digest(self._notification), self.status)
        key = _join_key(self.type, self.task_id, self.status)
        if self.in_progress:
            return f"{key}/{_compute_digest(self._notification)}"
        # A fourth part distinguishes a task id of this length from a digest.
        return f"{key}/" if len(self.task_id) == _DIGEST_CHARACTERS else key

    @property
    def files(self) -> tuple[CosObject, ...]:
        """The COS objects that the event and all its subtasks produced. See `Result.files`."""
        own = super().files
        return own + tuple(file for subtask in self.subtasks for file in subtask.files)

    def _explain_missing(self) -> str:
        return f"the task failed: {self.error}" if self.error else ""

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.type} {self.task_id} {self.status} "
            f"with {len(self.subtasks)} subtasks>"
        )


class LiveEvent(Event):
    """A notification of a live stream. MPS delivers it over HTTP or CMQ, never by the MPS trigger."""

    __slots__ = ()

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfLiveEvent], OfLiveEvent]: ...


class UnknownEvent(Event):
    """A notification of a type that this version of the package does not know. Read it through `raw`."""

    __slots__ = ()

    if TYPE_CHECKING:

        @staticmethod
        def _takes() -> Callable[[OfUnknownEvent], OfUnknownEvent]: ...


def get_event(result: Result) -> Event:
    """Return the event of a subtask, or the event itself."""
    return result.event if isinstance(result, Subtask) else result  # type: ignore[return-value]


_UNFINISHED = ("PROCESSING", "WAITING")
_NO_ERROR = (None, 0, "", "0")
_SIGNATURE_FIELDS = ("Timestamp", "Sign")
_DIGEST_CHARACTERS = 32

_VERBS = {
    "SUCCESS": "on",
    "FAIL": "on_failure",
    "PROCESSING": "on_progress",
    "WAITING": "on_progress",
}


def _read_text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _read_error(data: dict[str, Any]) -> TaskError:
    code = data.get("ErrCode")
    return TaskError(
        code if isinstance(code, int) else None,
        _read_text(data.get("ErrCodeExt")),
        _read_text(data.get("Message")),
    )


def _join_key(*parts: str) -> str:
    """Return a key that is unique to the parts. Slashes and percent signs in them are percent-encoded."""
    key = "/".join(parts)
    if key.count("/") == len(parts) - 1 and "%" not in key:
        return key
    return "/".join(part.replace("%", "%25").replace("/", "%2F") for part in parts)


def _compute_digest(notification: dict[str, Any]) -> str:
    """Return a digest of the content without its signature and secrets.

    A signature differs between deliveries, and a ledger stores events without secrets: the key must be the same for
    each of these.
    """
    import hashlib
    import json

    from ..common.redaction import redact

    content = {name: part for name, part in notification.items() if name not in _SIGNATURE_FIELDS}
    text = json.dumps(redact(content), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]
