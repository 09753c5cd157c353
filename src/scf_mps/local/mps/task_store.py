"""Tasks, workflows and templates of the local MPS in SQLite, in a file or in memory."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import Refused
from .failures import build_failure
from .model import Failure, Location, MediaTask, OutputNames, Subtask, SubtaskState

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_TASKS = 1000
"""Tasks that a store keeps. A new one replaces the oldest finished one."""

STOPPED = build_failure("InternalError", "stopped")
"""The failure of tasks that a stop of the local MPS interrupted."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS task (
    number INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, status TEXT NOT NULL,
    failed INTEGER NOT NULL, created REAL NOT NULL, begun REAL NOT NULL, finished REAL NOT NULL,
    session_id TEXT NOT NULL, session_context TEXT NOT NULL, priority INTEGER NOT NULL, source TEXT NOT NULL,
    types TEXT NOT NULL, media TEXT NOT NULL, field TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS task_status ON task (status);
CREATE TABLE IF NOT EXISTS document (
    kind TEXT NOT NULL, number INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS session (session_id TEXT PRIMARY KEY, used REAL NOT NULL) WITHOUT ROWID;
"""

_ROW = "task_id, type, status, failed, created, begun, finished, session_id, session_context, types"


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task as lists show it. Times are seconds since the epoch, 0 if not reached."""

    task_id: str
    type: str
    status: str
    failed: bool
    created: float
    begun: float
    finished: float
    session_id: str
    session_context: str
    types: tuple[str, ...] = ()
    """Types of the subtasks."""


class TaskStore:
    """A store, usable from any thread. Tasks that it returns are copies.

    Opening a file ends the tasks that were in progress with InternalError "stopped".

    Args:
        path: of the database, by default in memory.
        max_tasks: tasks to keep.
        clock: returns the seconds since the epoch.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        max_tasks: int = MAX_TASKS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._max_tasks = max_tasks
        self._clock = clock
        self._lock = threading.RLock()
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(
            path or ":memory:", check_same_thread=False, isolation_level=None
        )
        # Stores in memory have no owner that closes them, and CPython 3.13 warns.
        weakref.finalize(self, self._connection.close)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)
        for task in self._read("status = 'PROCESSING' AND media != ''", ()):
            self.save(end_task(task, self._clock(), STOPPED))

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    # Tasks

    def insert(self, task: MediaTask) -> None:
        """Add a new task.

        Raises:
            Refused: LimitExceeded.CreateTask if as many tasks as the store keeps are unfinished.
        """
        with self._change():
            excess = self._count() + 1 - self._max_tasks
            if excess > 0:
                self._execute(
                    "DELETE FROM task WHERE number IN "
                    "(SELECT number FROM task WHERE status = 'FINISH' ORDER BY number LIMIT ?)",
                    (excess,),
                )
            if self._count() >= self._max_tasks:
                raise Refused(
                    "LimitExceeded.CreateTask", f"{self._max_tasks} tasks are unfinished."
                )
            self._write(task)

    def save(self, task: MediaTask) -> None:
        """Store the state of a task. A task that was removed meanwhile stays removed."""
        with self._change():
            if self._find_number(task.task_id) is not None:
                self._write(task)

    def put(self, row: TaskRow, field: str, body: Mapping[str, Any]) -> None:
        """Add or replace a task that has a fixed body, such as that of a notification.

        Args:
            row: the task.
            field: of the detail that contains `body`.
            body: the task's document.
        """
        with self._change():
            fields = {**asdict(row), "types": json.dumps(row.types)}
            fields |= {"field": field, "body": json.dumps(body)}
            self._upsert(fields)

    def get(self, task_id: str) -> MediaTask | None:
        """Return a task that was submitted, or None."""
        return next(iter(self._read("task_id = ? AND media != ''", (task_id,))), None)

    def find_row(self, task_id: str) -> TaskRow | None:
        """Return the row of any task, or None."""
        rows = self._select(f"SELECT {_ROW} FROM task WHERE task_id = ?", (task_id,))
        return _parse_row(rows[0]) if rows else None

    def find_body(self, task_id: str) -> tuple[str, dict[str, Any]] | None:
        """Return field and body of a task that has a fixed one, or None."""
        rows = self._select(
            "SELECT field, body FROM task WHERE task_id = ? AND body != ''", (task_id,)
        )
        return (rows[0][0], json.loads(rows[0][1])) if rows else None

    def list_tasks(
        self,
        *,
        status: str = "",
        failed: bool | None = None,
        query: str = "",
        before: str = "",
        limit: int = 50,
    ) -> list[MediaTask]:
        """Return submitted tasks, newest first.

        Args:
            status: of the tasks.
            failed: True for tasks with a failure only, False for those without.
            query: part of the id, the source's path or the session id.
            before: id of the last task of the page before.
            limit: maximum number.
        """
        where, values = ["media != ''"], list[Any]()
        if status:
            where.append("status = ?")
            values.append(status)
        if failed is not None:
            where.append("failed = ?")
            values.append(failed)
        if query:
            where.append(
                "instr(lower(task_id || ' ' || source || ' ' || session_id), lower(?)) > 0"
            )
            values.append(query)
        if before:
            where.append("number < (SELECT number FROM task WHERE task_id = ?)")
            values.append(before)
        return self._read(" AND ".join(where), values, f"number DESC LIMIT {limit:d}")

    def list_rows(self, created_since: float) -> list[TaskRow]:
        """Return the rows of all tasks created at or after a time."""
        rows = self._select(f"SELECT {_ROW} FROM task WHERE created >= ?", (created_since,))
        return [_parse_row(row) for row in rows]

    def list_requests(self) -> dict[str, dict[str, Any]]:
        """Return the requests of submitted tasks by id, oldest first."""
        rows = self._select("SELECT task_id, media FROM task WHERE media != '' ORDER BY number")
        return {task_id: json.loads(media)["request"] for task_id, media in rows}

    def claim(self) -> MediaTask | None:
        """Begin the next WAITING task by priority and age, and return it as PROCESSING."""
        with self._change():
            tasks = self._read(
                "status = 'WAITING' AND media != '' AND body = ''",
                (),
                "priority DESC, number LIMIT 1",
            )
            if not tasks:
                return None
            task = replace(tasks[0], status="PROCESSING", begun=self._clock())
            self._write(task)
            return task

    def abort(self, task_id: str) -> MediaTask | None:
        """End a WAITING task as aborted and return it. Return None for another status or task."""
        with self._change():
            task = self.get(task_id)
            if task is None or task.status != "WAITING":
                return None
            task = end_task(task, self._clock(), build_failure("InternalError", "aborted"))
            task.add_assumptions("abort", "error-numbers")
            self._write(task)
            return task

    def remove(self, task_id: str) -> None:
        """Remove a task. Raises KeyError if it does not exist."""
        with self._change():
            if self._find_number(task_id) is None:
                raise KeyError(task_id)
            self._execute("DELETE FROM task WHERE task_id = ?", (task_id,))

    # Documents and sessions

    def read_documents(self, kind: str) -> dict[int, dict[str, Any]]:
        """Return the documents of a kind by number, in their order."""
        rows = self._select(
            "SELECT number, body FROM document WHERE kind = ? ORDER BY number", (kind,)
        )
        return {number: json.loads(body) for number, body in rows}

    def write_document(self, kind: str, number: int, document: Mapping[str, Any] | None) -> None:
        """Store a document, or remove it if it is None."""
        with self._change():
            self._execute("DELETE FROM document WHERE kind = ? AND number = ?", (kind, number))
            if document is not None:
                values = (kind, number, json.dumps(document))
                self._execute("INSERT INTO document VALUES (?, ?, ?)", values)

    def use_session(self, session_id: str, seconds: float) -> bool:
        """Record the use of a session id. Return False if it was used in the last `seconds`."""
        now = self._clock()
        with self._change():
            self._execute("DELETE FROM session WHERE used <= ?", (now - seconds,))
            cursor = self._execute("INSERT OR IGNORE INTO session VALUES (?, ?)", (session_id, now))
            return cursor.rowcount == 1

    # Parts

    @contextmanager
    def _change(self) -> Iterator[None]:
        """Run a block as one transaction."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _execute(self, statement: str, values: Iterable[Any] = ()) -> sqlite3.Cursor:
        """Run a statement. SQLite accepts no lone surrogates, which JSON may hold: they become question marks."""
        return self._connection.execute(
            statement,
            [
                value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
                for value in values
            ],
        )

    def _select(self, statement: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._execute(statement, values).fetchall()

    def _read(self, where: str, values: Iterable[Any], order: str = "number") -> list[MediaTask]:
        rows = self._select(f"SELECT media FROM task WHERE {where} ORDER BY {order}", values)
        return [parse_task(row[0]) for row in rows]

    def _count(self) -> int:
        return int(self._select("SELECT count(*) FROM task")[0][0])

    def _find_number(self, task_id: str) -> int | None:
        rows = self._select("SELECT number FROM task WHERE task_id = ?", (task_id,))
        return rows[0][0] if rows else None

    def _write(self, task: MediaTask) -> None:
        source = task.source
        fields = {
            "task_id": task.task_id,
            "type": "WorkflowTask",
            "status": task.status,
            "failed": has_failed(task),
            "created": task.created,
            "begun": task.begun,
            "finished": task.finished,
            "session_id": task.session_id,
            "session_context": task.session_context,
            "priority": int(task.request.get("TasksPriority") or 0),
            "source": f"cos://{source.bucket}.{source.region}/{source.key}",
            "types": json.dumps([state.plan.type for state in task.subtasks]),
            "media": json.dumps(task, default=_get_fields),
        }
        self._upsert(fields)

    def _upsert(self, fields: Mapping[str, Any]) -> None:
        defaults = {"priority": 0, "source": "", "media": "", "field": "", "body": ""}
        changes = ", ".join(f"{name} = excluded.{name}" for name in fields)
        row = {**defaults, **fields}
        self._execute(
            f"INSERT INTO task ({', '.join(row)}) VALUES ({', '.join('?' * len(row))}) "
            f"ON CONFLICT (task_id) DO UPDATE SET {changes}",
            row.values(),
        )


def _get_fields(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass for JSON, faster than `asdict`, which copies deeply."""
    return {name: getattr(value, name) for name in value.__slots__}


def has_failed(task: MediaTask) -> bool:
    """Return True if the task or one of its subtasks failed."""
    return task.failure is not None or any(state.status == "FAIL" for state in task.subtasks)


def parse_task(text: str) -> MediaTask:
    """Return the task of its JSON text."""
    fields: dict[str, Any] = json.loads(text)
    fields["source"] = Location(**fields["source"])
    fields["failure"] = _parse_failure(fields["failure"])
    fields["subtasks"] = [_parse_subtask(state) for state in fields["subtasks"]]
    return MediaTask(**fields)


def _parse_subtask(fields: dict[str, Any]) -> SubtaskState:
    plan = fields["plan"]
    plan["storage"] = Location(**plan["storage"])
    plan["names"] = OutputNames(**plan["names"]) if plan["names"] else None
    plan["failure"] = _parse_failure(plan["failure"])
    fields["plan"] = Subtask(**plan)
    fields["failure"] = _parse_failure(fields["failure"])
    fields["files"] = [(role, Location(**place), size) for role, place, size in fields["files"]]
    return SubtaskState(**fields)


def _parse_failure(fields: Mapping[str, Any] | None) -> Failure | None:
    return Failure(**fields) if fields else None


def _parse_row(row: tuple[Any, ...]) -> TaskRow:
    *fields, types = row
    task = TaskRow(*fields)
    return replace(task, failed=bool(task.failed), types=tuple(json.loads(types)))


def end_task(task: MediaTask, now: float, failure: Failure) -> MediaTask:
    """Return the task as finished at a time with a failure. Its unfinished subtasks fail."""
    for state in task.subtasks:
        if state.status not in ("SUCCESS", "FAIL"):
            state.status, state.failure, state.ended = "FAIL", failure, now
    return replace(task, status="FINISH", finished=now, failure=task.failure or failure)
