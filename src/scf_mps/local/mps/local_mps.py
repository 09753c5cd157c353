"""The local MPS: processes submitted tasks with an engine, in worker threads."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from scf_mps.cos import Cos, CosError, NotFound

from .errors import Refused
from .faults import Faults
from .model import MediaTask
from .notifier import Deliver, Notifier
from .service import TaskService
from .task_store import TaskStore
from .worker import Change, Tools, process_task
from .workflows import build_request

if TYPE_CHECKING:
    from typing_extensions import Self

    from .worker import MediaEngine

_log = logging.getLogger(__name__)

_RETRY_SECONDS = 0.5
"""Time between a failure of the database, such as a full disk, and the next attempt."""


@dataclass(frozen=True, slots=True)
class MpsSettings:
    """Settings of a local MPS.

    Attributes:
        workers: tasks in progress at a time. The engine processes one source at a time.
        max_source_bytes: larger sources fail.
        speed: divides the delays of faults.
        results: choices of scripted results, such as ``{"Porn": "block"}``.
    """

    workers: int = 1
    max_source_bytes: int = 2 * 2**30
    speed: float = 1.0
    results: Mapping[str, str] = field(default_factory=dict[str, str])


class LocalMps(TaskService):
    """Tasks, workflows and templates whose tasks are processed: ``with LocalMps(…) as mps:``.

    A restart with the same folder continues the tasks that are WAITING.

    Args:
        folder: of the database and temporary files.
        cos: a client with a key that only MPS uses. Its objects never trigger workflows.
        engine: an `Engine` or a `CannedEngine`. It is not closed.
        deliver: sends an event to the function and returns the id of the request.
        settings: of the work.
        clock: returns the seconds since the epoch.

    Attributes:
        faults: make subtasks and notifications fail.
        results: choices of scripted results, which may be changed.
    """

    def __init__(  # noqa: PLR0913
        self,
        folder: Path,
        cos: Cos,
        engine: MediaEngine,
        *,
        deliver: Deliver,
        settings: MpsSettings | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        settings = settings or MpsSettings()
        super().__init__(TaskStore(folder / "tasks.db", clock=clock), clock)
        self.faults = Faults()
        self.results = dict(settings.results)
        self._cos = cos
        self._engine = engine
        self._scratch = folder / "scratch"
        self._notifier = Notifier(
            deliver, self.faults, self._report_notification, settings.speed, clock
        )
        self._tools = Tools(
            self.store,
            cos,
            engine,
            self.faults,
            self._scratch,
            self._report,
            lambda: self._is_stopping,
            self.results,
            settings.max_source_bytes,
            clock,
        )
        self._is_stopping = False
        self._submitted = threading.Condition()
        self._threads = [
            threading.Thread(target=self._work, name=f"mps-worker-{number}", daemon=True)
            for number in range(settings.workers)
        ]

    def start(self) -> None:
        """Start the workers."""
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True)
        self._notifier.start()
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop. Tasks in progress fail, and temporary files are removed."""
        with self._submitted:
            self._is_stopping = True
            self._submitted.notify_all()
        started = [thread for thread in self._threads if thread.ident is not None]
        while any(thread.is_alive() for thread in started):
            self._engine.cancel()
            for thread in started:
                thread.join(0.1)
        self._notifier.close()
        shutil.rmtree(self._scratch, ignore_errors=True)
        self.store.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.close()

    def object_created(
        self, bucket: str, region: str, key: str, size: int, secret_id: str
    ) -> list[str]:
        """Create the tasks that a new object triggers and return their ids.

        Args:
            bucket: of the object.
            region: of the bucket.
            key: of the object.
            size: in bytes. Markers of folders, which are empty, trigger nothing.
            secret_id: of the key pair that wrote the object.
        """
        own = self._cos._client.credentials.secret_id
        if secret_id == own or (key.endswith("/") and not size):
            return []
        tasks = []
        for workflow in self.workflows.find_matching(bucket, region, key):
            number = workflow["WorkflowId"]
            try:
                request = build_request(workflow, bucket, region, key)
                task = self._plan(request, str(number))
                task.add_assumptions("trigger")
                tasks.append(self._add(task))
            except Refused as refusal:
                _log.warning("workflow %s created no task: %s", number, refusal)
        return tasks

    def has_bucket(self, bucket: str, region: str) -> bool:
        """Return False for a bucket that does not exist."""
        if not super().has_bucket(bucket, region):
            return False
        try:
            next(self._cos.list(f"cos://{bucket}.{region}/"), None)
        except NotFound:
            return False
        except CosError:
            _log.warning("cannot look for the bucket %s", bucket, exc_info=True)
        return True

    def _add(self, task: MediaTask) -> str:
        # Under the lock, so that observers see a task before a worker begins it.
        with self._submitted:
            task_id = super()._add(task)
            self._submitted.notify()
        return task_id

    def _work(self) -> None:
        while not self._is_stopping:
            try:
                task = self._wait()
                if task is not None:
                    process_task(task, self._tools)
            except sqlite3.Error:
                _log.exception("the database of tasks failed")
                time.sleep(_RETRY_SECONDS)

    def _wait(self) -> MediaTask | None:
        """Return the next task, or None once the work must end."""
        with self._submitted:
            while not self._is_stopping:
                task = self.store.claim()
                if task is not None:
                    return task
                self._submitted.wait()
        return None

    def _report(self, task: MediaTask, kind: Change) -> None:
        self._notify_observers(task, kind)
        config = task.request.get("TaskNotifyConfig") or {}
        is_change = kind == "subtask" and config.get("NotifyMode") == "Change"
        if is_change:
            task.add_assumptions("change-order", "waiting-subtask")
        if is_change or kind == "finished":
            self._notifier.send(task)

    def _report_notification(self, task: MediaTask, kind: str) -> None:
        if task.status == "FINISH":
            self.store.save(task)
        self._notify_observers(task, kind)
