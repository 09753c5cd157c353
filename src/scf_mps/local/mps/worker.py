"""Processing of one task: download, probe, engine, upload, and the states of its subtasks."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal, Protocol

from scf_mps.cos import CosError, Denied, NotFound
from scf_mps.events.files import CosObject
from scf_mps.local.engine import EngineError

from . import outputs, scripted_results
from .failures import build_failure
from .model import Failure, MediaTask, SubtaskState
from .output_files import upload_files
from .task_store import STOPPED, TaskStore, end_task

if TYPE_CHECKING:
    from scf_mps.cos import Cos
    from scf_mps.local.engine import JobResult

    from .faults import Faults

_log = logging.getLogger(__name__)

PROGRESS_SECONDS = 0.2
"""Time between two reports of progress."""

Change = Literal["begun", "progress", "subtask", "finished"]


class MediaEngine(Protocol):
    """The methods of an `Engine` that process tasks."""

    def probe(self, path: Path) -> dict[str, Any]:
        """Return the metadata of a file. Raises EngineError."""
        ...

    def run(
        self,
        source: Path,
        jobs: Sequence[Mapping[str, Any]],
        folder: Path,
        on_progress: Callable[[int, float], None],
        on_result: Callable[[int, JobResult | EngineError], None],
    ) -> None:
        """Process jobs. See `Engine.run`."""

    def cancel(self) -> None:
        """End the current request. Thread-safe."""


class Stopped(Exception):
    """The local MPS is stopping."""


@dataclass(frozen=True, slots=True)
class Tools:
    """The parts that process tasks.

    Attributes:
        store: of the tasks.
        cos: the client with the key of MPS.
        engine: of media.
        faults: make subtasks fail.
        scratch: the folder of temporary files.
        report: called after each change of a task, which is stored.
        is_stopping: returns True once the work must end.
        results: choices of scripted results.
        max_source_bytes: larger sources fail.
        clock: returns the seconds since the epoch.
    """

    store: TaskStore
    cos: Cos
    engine: MediaEngine
    faults: Faults
    scratch: Path
    report: Callable[[MediaTask, Change], None]
    is_stopping: Callable[[], bool]
    results: Mapping[str, str]
    max_source_bytes: int
    clock: Callable[[], float]


def process_task(task: MediaTask, tools: Tools) -> None:
    """Process a task until it is FINISH. Failures of any kind become its errors."""
    run = _Run(task, tools)
    try:
        with TemporaryDirectory(dir=tools.scratch, ignore_cleanup_errors=True) as folder:
            run.process(Path(folder))
    except Stopped:
        tools.store.save(end_task(task, tools.clock(), STOPPED))
        return
    except Exception as error:
        _log.exception("a task failed", extra={"task_id": task.task_id})
        run.fail_unfinished(build_failure("InternalError", f"{type(error).__name__}: {error}"))
    task.status, task.finished = "FINISH", tools.clock()
    run.save("finished")


class _Run:
    """A task in progress."""

    def __init__(self, task: MediaTask, tools: Tools) -> None:
        self._task = task
        self._tools = tools
        self._saved = 0.0

    def process(self, folder: Path) -> None:
        """Process the subtasks in an empty folder. Raises Stopped."""
        self.save("begun")
        for state in self._task.subtasks:
            if state.plan.failure is not None:
                self._end(state, state.plan.failure)
        source = self._load_source(folder) if self._list_waiting() else None
        if source is None:
            return
        for state in self._list_waiting():
            self._end_early(state)
        if states := self._list_waiting():
            self._run_engine(source, states, folder / "outputs")

    def save(self, kind: Change) -> None:
        """Store the task and report a change."""
        self._tools.store.save(self._task)
        self._saved = time.monotonic()
        self._tools.report(self._task, kind)

    def fail_unfinished(self, failure: Failure) -> None:
        """Fail every subtask that has not ended."""
        for state in self._task.subtasks:
            if state.status not in ("SUCCESS", "FAIL"):
                self._end(state, failure)

    def _list_waiting(self) -> list[SubtaskState]:
        return [state for state in self._task.subtasks if state.status == "WAITING"]

    def _load_source(self, folder: Path) -> Path | None:
        """Download and probe the source. Return None after the task failed. Raises Stopped."""
        source = self._task.source
        if not source.bucket:
            text = "the local MPS reads sources in COS only"
            self.fail_unfinished(build_failure("InternalError", text))
            return None
        item = CosObject.exact(source.bucket, source.region, source.key)
        path = folder / f"source{PurePosixPath(source.key).suffix[:20]}"
        try:
            size = self._tools.cos.head(item).size
            limit = self._tools.max_source_bytes
            if size > limit:
                text = f"{item} has {size} bytes. The local MPS reads up to {limit}"
                self.fail_unfinished(build_failure("InternalError", text))
                return None
            self._tools.cos.download(item, path, progress=lambda _: self._check())
            self._check()
            self._task.metadata = self._tools.engine.probe(path)
        except (NotFound, Denied) as error:
            self._task.failure = build_failure("SourceFileError", str(error))
            self._task.subtasks.clear()
            self._task.add_assumptions("source-missing", "error-numbers")
        except (CosError, OSError) as error:
            self.fail_unfinished(build_failure("InternalError", f"cannot read the source: {error}"))
        except EngineError as error:
            self._check()
            failure = build_failure(error.code, error.message)
            if error.code.startswith("SourceFileError"):
                self._task.failure = failure
            self.fail_unfinished(failure)
        else:
            return path
        return None

    def _end_early(self, state: SubtaskState) -> None:
        """End a subtask that fails by a fault, or whose result is scripted."""
        plan = state.plan
        failure = self._tools.faults.take_failure(plan.type)
        if failure is None and plan.is_scripted:
            state.output = scripted_results.build(plan, self._tools.results)
        elif failure is None:
            return
        self._end(state, failure)

    def _run_engine(self, source: Path, states: list[SubtaskState], folder: Path) -> None:
        """Run the jobs of subtasks. Raises Stopped."""
        jobs = [dict(state.plan.job or {}) for state in states]
        folder.mkdir()

        def advance(index: int, progress: float) -> None:
            self._advance(states[index], progress)

        def finish(index: int, result: JobResult | EngineError) -> None:
            self._finish(states[index], result)

        self._tools.engine.run(source, jobs, folder, advance, finish)

    def _advance(self, state: SubtaskState, progress: float) -> None:
        """Report the progress of a subtask, its first one at once."""
        self._check()
        state.progress = progress
        if state.status == "WAITING":
            state.status, state.begun = "PROCESSING", self._tools.clock()
            self.save("subtask")
        elif time.monotonic() - self._saved >= PROGRESS_SECONDS:
            self.save("progress")

    def _finish(self, state: SubtaskState, result: JobResult | EngineError) -> None:
        """Store the files of a result and end its subtask. Raises Stopped."""
        self._check()
        if isinstance(result, EngineError):
            self._end(state, build_failure(result.code, result.message))
            return
        try:
            result, state.files = upload_files(self._tools.cos, state.plan, result, self._check)
        except (CosError, OSError) as error:
            self._end(state, build_failure("InternalError", f"cannot store the output: {error}"))
            return
        keys = [place.key for _, place, _ in state.files]
        state.output = outputs.build(state.plan, result, keys)
        self._end(state, None)

    def _end(self, state: SubtaskState, failure: Failure | None) -> None:
        now = self._tools.clock()
        state.status = "FAIL" if failure else "SUCCESS"
        if failure is not None:
            self._task.add_assumptions("error-numbers")
        state.failure, state.progress = failure, 1.0
        state.begun, state.ended = state.begun or now, now
        self.save("subtask")

    def _check(self, *_: Any) -> None:
        if self._tools.is_stopping():
            raise Stopped
