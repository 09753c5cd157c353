"""Tasks of the local MPS: planned subtasks, their states, and the task that contains them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["WAITING", "PROCESSING", "FINISH"]
SubtaskStatus = Literal["WAITING", "PROCESSING", "SUCCESS", "FAIL"]


@dataclass(frozen=True, slots=True)
class Location:
    """An object in COS, or with an empty key a bucket. A key has no leading slash."""

    bucket: str
    region: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Error of a task or subtask: MPS's ``ErrCode``, ``ErrCodeExt`` and ``Message`` (page 862/50369)."""

    code: int
    name: str
    message: str


@dataclass(frozen=True, slots=True)
class OutputNames:
    """Object keys of a subtask's files, without a leading slash. `paths.render` fills the remaining variables.

    Attributes:
        main: the only or first file: ``{number}`` remains in names of pictures and sprites.
        segment: of HLS segments, with ``{number}``, ``{segmentNumber}`` or ``{subStreamNumber}``.
        stream: of the playlists of an adaptive stream's substreams, with ``{subStreamNumber}``.
        vtt: of the WebVTT file of sprites.
        number_format: ``ObjectNumberFormat`` of the request.
    """

    main: str
    segment: str = ""
    stream: str = ""
    vtt: str = ""
    number_format: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Subtask:
    """One planned subtask.

    Attributes:
        type: of the result, such as ``Transcode`` or ``AiContentReview.Porn``.
        definition: of the template, 0 for `RawParameter`.
        input: the result's ``Input`` in events: rendered absolute path, ``{number}`` kept, extension removed.
        storage: the bucket of the outputs.
        names: the names of the outputs. None for scripted results.
        job: the engine's job, see `local.engine`. None for scripted results and failed plans.
        failure: why the subtask fails without processing.
    """

    type: str
    definition: int
    input: Mapping[str, Any]
    storage: Location
    names: OutputNames | None = None
    job: Mapping[str, Any] | None = None
    failure: Failure | None = None

    @property
    def is_scripted(self) -> bool:
        """True if the result is scripted, as no engine computes it."""
        return self.names is None


@dataclass(slots=True)
class SubtaskState:
    """The state of a subtask.

    Attributes:
        plan: the planned subtask.
        status: ``Status`` of the result.
        progress: 0 to 1.
        output: the result's ``Output`` in events, once it succeeded.
        failure: the error of a failed subtask.
        files: (role, location, bytes) of the stored files. Roles are those of the engine.
        begun: seconds since the epoch, 0 before.
        ended: seconds since the epoch, 0 before.
    """

    plan: Subtask
    status: SubtaskStatus = "WAITING"
    progress: float = 0.0
    output: Mapping[str, Any] | None = None
    failure: Failure | None = None
    files: list[tuple[str, Location, int]] = field(default_factory=list[tuple[str, Location, int]])
    begun: float = 0.0
    ended: float = 0.0


@dataclass(slots=True)
class MediaTask:
    """A WorkflowTask. Times are seconds since the epoch, 0 if not reached.

    Attributes:
        request: the parameters of ProcessMedia, or the workflow's in that form.
        source: the input object.
        workflow_id: of the workflow that created the task, else empty.
        subtasks: in the order of the results in events.
        metadata: ``MetaData`` of the source, once it was probed.
        failure: the error of the whole task.
        warnings: texts for the developer, such as two outputs of one name.
        assumptions: the ids of `assumptions` that had an effect.
    """

    task_id: str
    request: Mapping[str, Any]
    source: Location
    created: float
    workflow_id: str = ""
    status: Status = "WAITING"
    subtasks: list[SubtaskState] = field(default_factory=list[SubtaskState])
    metadata: Mapping[str, Any] | None = None
    failure: Failure | None = None
    begun: float = 0.0
    finished: float = 0.0
    warnings: list[str] = field(default_factory=list[str])
    assumptions: list[str] = field(default_factory=list[str])

    @property
    def session_id(self) -> str:
        """``SessionId`` of the request."""
        return str(self.request.get("SessionId") or "")

    @property
    def session_context(self) -> str:
        """``SessionContext`` of the request."""
        return str(self.request.get("SessionContext") or "")

    def add_assumptions(self, *names: str) -> None:
        """Record ids of `assumptions` that have an effect, each once."""
        self.assumptions += [name for name in names if name not in self.assumptions]
