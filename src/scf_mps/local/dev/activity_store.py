"""Database of the console: tasks, deliveries, log lines and messages, and the numbered changes of them.

SQLite in WAL mode. A row of a task holds its documents as JSON, so that a list costs one query.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

Document = dict[str, Any]

MAX_TASKS = 1000
"""Tasks that are kept."""
_MAX_NOTE_SECONDS = 0.5
"""Seconds from the begin of an attempt until it is noted. Retries come later."""

MAX_RECORDS = 1000
"""Log lines of one attempt that are kept."""
MAX_BEHIND = 5000
"""Changes that a reader may be behind before it must read everything again."""
PAGE_SIZE = 50
"""Tasks of one list."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS task (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    own INTEGER NOT NULL,
    status TEXT NOT NULL,
    task_failed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    search TEXT NOT NULL,
    row TEXT NOT NULL,
    detail TEXT NOT NULL,
    event TEXT NOT NULL DEFAULT 'null'
);
CREATE TABLE IF NOT EXISTS delivery (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL UNIQUE,
    pushed REAL NOT NULL,
    event_status TEXT NOT NULL,
    state TEXT NOT NULL,
    manual INTEGER NOT NULL,
    event TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS target (
    task TEXT NOT NULL, request_id TEXT NOT NULL, PRIMARY KEY (task, request_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS target_request ON target (request_id);
CREATE TABLE IF NOT EXISTS attempt (
    request_id TEXT NOT NULL, number INTEGER NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (request_id, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS call (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL, attempt INTEGER NOT NULL, task TEXT NOT NULL,
    place TEXT NOT NULL, callback TEXT NOT NULL,
    type TEXT NOT NULL, outcome TEXT NOT NULL, ms REAL, error TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS call_name ON call (request_id, attempt, task, place, callback);
CREATE INDEX IF NOT EXISTS call_task ON call (task);
CREATE TABLE IF NOT EXISTS record (
    number INTEGER PRIMARY KEY, request_id TEXT NOT NULL, attempt INTEGER NOT NULL, document TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS record_attempt ON record (request_id, attempt);
CREATE TABLE IF NOT EXISTS message (
    number INTEGER PRIMARY KEY, task TEXT, document TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS message_task ON message (task);
CREATE TABLE IF NOT EXISTS change (
    number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, task TEXT
);
"""


class Change(NamedTuple):
    """A change of the activity.

    Attributes:
        number: counts all changes, over restarts.
        kind: ``task``, ``delivery``, ``message``, ``object`` or ``state``. ``reset``: read everything again.
        data: ``{"n": number, "task": id or None, "row": TaskRow or None}``.
    """

    number: int
    kind: str
    data: Document


class TaskState(NamedTuple):
    """The documents of a task without its deliveries.

    Attributes:
        task_id: the id.
        own: True for a task of the local MPS, False for one that only an event names.
        row: TaskRow, of which `summarize` fills the rest.
        failed: True if the task or a subtask failed.
        detail: what only the detail has.
    """

    task_id: str
    own: bool
    row: Document
    failed: bool
    detail: Document


def dump(value: object) -> str:
    """Return compact JSON in ASCII, because SQLite stores no half of a surrogate pair."""
    return json.dumps(value, separators=(",", ":"))


def clean_text(text: str) -> str:
    """Return a text that SQLite stores: halves of surrogate pairs are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


class ActivityStore:
    """The tables. All methods may be called from any thread.

    Args:
        path: of the database file, created if missing.

    Attributes:
        write_error: the error of a write that failed, such as on a full disk.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.execute = self._connection.execute
        self.execute("PRAGMA journal_mode=WAL")
        # History of a development tool: a power loss may cost the last changes.
        self.execute("PRAGMA synchronous=OFF")
        self._connection.executescript(_SCHEMA)
        self._changes: list[tuple[str, str | None]] = []
        self.write_error = ""

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def change(self) -> Iterator[None]:
        """Hold the lock and write everything in one transaction. Changes of `report` are written at its end."""
        with self._lock:
            self.execute("BEGIN IMMEDIATE")
            try:
                yield
                tasks = {task for _, task in self._changes if task is not None}
                for task in tasks:
                    self._summarize(task)
                self._connection.executemany(
                    "INSERT INTO change (kind, task) VALUES (?, ?)", dict.fromkeys(self._changes)
                )
                self.execute("DELETE FROM change WHERE number <= ?", (self.last_id - MAX_BEHIND,))
                self.execute("COMMIT")
            except BaseException as error:
                is_of_disk = isinstance(error, sqlite3.OperationalError)
                self.write_error = str(error) if is_of_disk else self.write_error
                with suppress(sqlite3.OperationalError):  # a full disk has ended the transaction
                    self.execute("ROLLBACK")
                raise
            finally:
                self._changes.clear()

    def report(self, kind: str, tasks: Iterable[str | None]) -> None:
        """Record a change of these tasks under the next number. Call it within `change`."""
        self._changes.extend((kind, task) for task in tasks)

    @property
    def last_id(self) -> int:
        """The number of the last change."""
        with self._lock:
            row = self.execute("SELECT seq FROM sqlite_sequence WHERE name='change'").fetchone()
        return row[0] if row else 0

    def read_changes(self, after: int) -> list[Change]:
        """Return the changes after a number, of each kind and task only the last. See `Change` for ``reset``."""
        with self._lock:
            last = self.last_id
            if after > last or last - after >= MAX_BEHIND:
                return [Change(last, "reset", {"n": last, "task": None, "row": None})]
            rows = self.execute(
                "SELECT max(change.number) AS n, kind, change.task, task.row FROM change"
                " LEFT JOIN task ON task.id = change.task"
                " WHERE change.number > ? GROUP BY kind, change.task ORDER BY n",
                (after,),
            ).fetchall()
        return [
            Change(n, kind, {"n": n, "task": task, "row": json.loads(row) if row else None})
            for n, kind, task, row in rows
        ]

    # Tasks

    def put_task(self, state: TaskState) -> None:
        """Insert or replace a task, and delete the oldest above the limit. Call it within `change`."""
        row = state.row
        texts = (row["id"], row["source"], row["session_id"], row["event_type"])
        search = clean_text("\n".join(map(str, texts)).casefold())
        self.execute(
            "INSERT INTO task (id, own, status, task_failed, failed, search, row, detail)"
            " VALUES (?,?,?,?,?,?,?,?)"
            " ON CONFLICT (id) DO UPDATE SET own=excluded.own, status=excluded.status,"
            " task_failed=excluded.task_failed, failed=excluded.failed, search=excluded.search, row=excluded.row, detail=excluded.detail",
            (
                state.task_id,
                state.own,
                row["status"],
                state.failed,
                state.failed,
                search,
                dump(row),
                dump(state.detail),
            ),
        )
        query = "SELECT id FROM task ORDER BY number DESC LIMIT -1 OFFSET ?"
        for (task,) in self.execute(query, (MAX_TASKS,)).fetchall():
            self._delete_task(task)

    def _delete_task(self, task: str) -> None:
        query = (
            "SELECT request_id FROM target AS mine WHERE task=? AND NOT EXISTS"
            " (SELECT 1 FROM target WHERE request_id=mine.request_id AND task!=mine.task)"
        )
        for (request_id,) in self.execute(query, (task,)).fetchall():
            for table in ("delivery", "attempt", "record"):
                self.execute(f"DELETE FROM {table} WHERE request_id=?", (request_id,))
        for table, column in (
            ("target", "task"),
            ("call", "task"),
            ("message", "task"),
            ("task", "id"),
        ):
            self.execute(f"DELETE FROM {table} WHERE {column}=?", (task,))

    def is_own(self, task: str) -> bool:
        """Return True for a task of the local MPS."""
        row = self.execute("SELECT own FROM task WHERE id=?", (task,)).fetchone()
        return bool(row and row[0])

    def list_own_tasks(self) -> list[tuple[str, str]]:
        """Return (id, status) of the tasks of the local MPS."""
        with self._lock:
            return self.execute("SELECT id, status FROM task WHERE own").fetchall()

    def _summarize(self, task: str) -> None:
        """Write what a row says about deliveries and callbacks."""
        found = self.execute("SELECT row, task_failed FROM task WHERE id=?", (task,)).fetchone()
        if found is None:
            return
        row = json.loads(found[0])
        states = [
            state
            for (state,) in self.execute(
                "SELECT state FROM delivery JOIN target USING (request_id) WHERE task=?"
                " ORDER BY delivery.number",
                (task,),
            )
        ]
        outcomes = [
            outcome
            for (outcome,) in self.execute(
                "SELECT outcome FROM call WHERE number IN"
                " (SELECT max(number) FROM call WHERE task=? GROUP BY place, callback)",
                (task,),
            )
        ]
        failures = sum(outcome in ("failed", "deferred") for outcome in outcomes)
        row["callbacks"] = {
            "done": len(outcomes) - failures,
            "failed": failures,
            "running": states.count("running"),
        }
        last = states[-1] if states else ""
        row["deliveries"] = len(states)
        row["dead_letter"] = last == "dead"
        row["retrying"] = "retrying" in states
        row["queued"] = "queued" in states
        row["failed"] = bool(found[1] or failures or last in ("dead", "lost", "failed"))
        self.execute("UPDATE task SET row=?, failed=? WHERE id=?", (dump(row), row["failed"], task))

    def list_tasks(
        self, status: str, failed: bool, query: str, before: str
    ) -> tuple[list[Document], str | None]:
        """Return at most `PAGE_SIZE` TaskRows, the newest first, and the cursor of the next ones."""
        conditions, values = ["1"], list[Any]()
        if status:
            conditions.append("status=?")
            values.append(status)
        if failed:
            conditions.append("failed")
        if query:
            conditions.append("instr(search, ?)")
            values.append(clean_text(query.casefold()))
        if before:
            conditions.append("number < ?")
            values.append(int(before))
        with self._lock:
            rows = self.execute(
                f"SELECT number, row FROM task WHERE {' AND '.join(conditions)}"
                " ORDER BY number DESC LIMIT ?",
                (*values, PAGE_SIZE + 1),
            ).fetchall()
        page = rows[:PAGE_SIZE]
        return [json.loads(row) for _, row in page], str(page[-1][0]) if len(
            rows
        ) > PAGE_SIZE else None

    def find_row(self, task: str) -> Document | None:
        """Return the TaskRow of a task."""
        with self._lock:
            found = self.execute("SELECT row FROM task WHERE id=?", (task,)).fetchone()
        return json.loads(found[0]) if found else None

    def find_event(self, task: str) -> Document | None:
        """Return the last event of a task."""
        with self._lock:
            found = self.execute("SELECT event FROM task WHERE id=?", (task,)).fetchone()
        return json.loads(found[0]) if found else None

    def read_task(self, task: str) -> Document | None:
        """Return the detail of a task."""
        with self._lock:
            found = self.execute(
                "SELECT row, detail, event FROM task WHERE id=?", (task,)
            ).fetchone()
            if found is None:
                return None
            row, detail, event = map(json.loads, found)
            deliveries = self.execute(
                "SELECT request_id, pushed, event_status, state, manual FROM delivery"
                " JOIN target USING (request_id) WHERE task=? ORDER BY delivery.number",
                (task,),
            ).fetchall()
            messages = self.execute(
                "SELECT document FROM message WHERE task=? ORDER BY number", (task,)
            ).fetchall()
            documents = [
                {
                    "request_id": request_id,
                    "pushed": pushed,
                    "event_status": event_status,
                    "state": state,
                    "manual": bool(manual),
                    "attempts": self._read_attempts(task, request_id),
                }
                for request_id, pushed, event_status, state, manual in deliveries
            ]
        return {
            **row,
            **detail,
            "event": event,
            "deliveries": documents,
            "messages": [json.loads(document) for (document,) in messages],
        }

    def _read_attempts(self, task: str, request_id: str) -> list[Document]:
        attempts = []
        query = "SELECT number, document FROM attempt WHERE request_id=? ORDER BY number"
        for number, document in self.execute(query, (request_id,)).fetchall():
            calls = self.execute(
                "SELECT place, type, callback, outcome, ms, error FROM call"
                " WHERE request_id=? AND attempt=? AND task=? ORDER BY number",
                (request_id, number, task),
            ).fetchall()
            records = self.execute(
                "SELECT document FROM record WHERE request_id=? AND attempt=? ORDER BY number",
                (request_id, number),
            ).fetchall()
            names = ("place", "type", "callback", "outcome", "ms", "error")
            attempts.append(
                {
                    "spans": [],
                    **json.loads(document),
                    "callbacks": [dict(zip(names, call, strict=True)) for call in calls],
                    "logs": [json.loads(record) for (record,) in records],
                }
            )
        return attempts

    # Deliveries

    def add_delivery(self, delivery: Document, tasks: Iterable[str], event: object) -> None:
        """Insert a delivery of an event with these tasks. Call it within `change`."""
        self.execute(
            "INSERT OR REPLACE INTO delivery (request_id, pushed, event_status, state, manual, event)"
            " VALUES (:request_id, :pushed, :event_status, :state, :manual, :event)",
            {**delivery, "event": dump(event)},
        )
        self._connection.executemany(
            "INSERT OR REPLACE INTO target VALUES (?, ?)",
            [(task, delivery["request_id"]) for task in tasks],
        )

    def set_event(self, task: str, event: object) -> None:
        """Set the last event of a task. Call it within `change`."""
        self.execute("UPDATE task SET event=? WHERE id=?", (dump(event), task))

    def set_delivery_state(self, request_id: str, state: str) -> None:
        """Set the state of a delivery. Call it within `change`."""
        self.execute("UPDATE delivery SET state=? WHERE request_id=?", (state, request_id))

    def list_targets(self, request_id: str) -> list[str]:
        """Return the ids of the tasks in a delivery, none for an unknown one."""
        query = "SELECT task FROM target WHERE request_id=?"
        return [task for (task,) in self.execute(query, (request_id,))]

    def list_running(self) -> list[str]:
        """Return the request ids of the running deliveries."""
        query = "SELECT request_id FROM delivery WHERE state='running'"
        return [request_id for (request_id,) in self.execute(query)]

    def find_dead_letter(self, request_id: str) -> Document:
        """Return the event of a dead letter. Raises KeyError."""
        with self._lock:
            query = "SELECT event FROM delivery WHERE request_id=? AND state='dead'"
            found = self.execute(query, (request_id,)).fetchone()
        if found is None:
            raise KeyError(request_id)
        event: Document = json.loads(found[0])
        return event

    def find_last_task(self) -> str | None:
        """Return the id of the task that was delivered last."""
        with self._lock:
            found = self.execute(
                "SELECT task FROM target JOIN delivery USING (request_id)"
                " WHERE state != 'lost' ORDER BY delivery.number DESC LIMIT 1"
            ).fetchone()
        return found[0] if found else None

    def put_attempt(self, request_id: str, number: int, **fields: Any) -> None:
        """Set fields of an attempt. Call it within `change`."""
        query = "SELECT document FROM attempt WHERE request_id=? AND number=?"
        found = self.execute(query, (request_id, number)).fetchone()
        document = {**(json.loads(found[0]) if found else {"number": number}), **fields}
        self.execute(
            "INSERT OR REPLACE INTO attempt VALUES (?,?,?)", (request_id, number, dump(document))
        )

    def find_attempt(self, request_id: str, started: float) -> int | None:
        """Return the number of the last attempt that was running at a time in seconds since the epoch."""
        query = "SELECT number, document FROM attempt WHERE request_id=? ORDER BY number"
        rows = self.execute(query, (request_id,)).fetchall()
        begun = [
            number
            for number, document in rows
            # The begin is noted after the instance received the event.
            if json.loads(document)["started"] <= started + _MAX_NOTE_SECONDS
        ]
        return begun[-1] if begun else None

    def put_call(self, request_id: str, attempt: int, task: str, call: Document) -> None:
        """Insert a callback's outcome, or complete that of an earlier log line. Call it within `change`."""
        self.execute(
            "INSERT INTO call (request_id, attempt, task, place, callback, type, outcome, ms, error)"
            " VALUES (:request_id, :attempt, :task, :place, :callback, :type, :outcome, :ms, :error)"
            " ON CONFLICT (request_id, attempt, task, place, callback) DO UPDATE SET"
            " outcome=excluded.outcome, ms=coalesce(excluded.ms, ms),"
            " error=CASE WHEN excluded.error='' THEN error ELSE excluded.error END",
            {
                **{name: clean_text(x) if isinstance(x, str) else x for name, x in call.items()},
                "request_id": request_id,
                "attempt": attempt,
                "task": task,
            },
        )

    def add_record(self, request_id: str, attempt: int, document: Document) -> None:
        """Append a log line. Call it within `change`."""
        self.execute(
            "INSERT INTO record (request_id, attempt, document) VALUES (?,?,?)",
            (request_id, attempt, dump(document)),
        )

    def add_message(self, task: str | None, document: Document) -> None:
        """Append a message. Call it within `change`."""
        self.execute("INSERT INTO message (task, document) VALUES (?,?)", (task, dump(document)))

    def end_interrupted(self) -> None:
        """End the deliveries and attempts that an earlier process left unfinished. Call it within `change`."""
        query = "SELECT request_id FROM delivery WHERE state IN ('queued', 'running', 'retrying')"
        for (request_id,) in self.execute(query).fetchall():
            self.set_delivery_state(request_id, "lost")
            numbers = self.execute(
                "SELECT number, document FROM attempt WHERE request_id=?", (request_id,)
            ).fetchall()
            for number, document in numbers:
                if json.loads(document).get("status") is None:
                    self.put_attempt(request_id, number, error="the console was stopped")
            self.report("delivery", self.list_targets(request_id))
