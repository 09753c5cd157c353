"""Activity of the local stack: everything that happens to tasks, as the documents of the console.

`Activity` observes the tasks, the function, the messages and the objects. It stores their changes and wakes
the subscribers, who read changes by number. So a slow subscriber costs no memory and sees the latest state.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from scf_mps.channels.envelope import unwrap
from scf_mps.common.redaction import redact
from scf_mps.errors import InvalidEvent
from scf_mps.events.base import Event
from scf_mps.events.parser import parse_event

from ..chat_webhooks import ReceivedMessage
from ..cos import StoredObject
from ..frames import shorten_paths
from ..mail_sink import ReceivedMail
from ..mps.model import Location, MediaTask
from ..otlp import ReceivedSpan
from ..scf import Invocation, LifecycleEvent
from . import documents
from .activity_store import MAX_RECORDS, ActivityStore, Change, Document, TaskState, clean_text
from .spans import group_spans

if TYPE_CHECKING:
    from typing_extensions import Self

_COALESCE_SECONDS = 0.02
"""Wait after the first of several changes, so that a burst is one read."""

_EMPTY_ROW: Document = {
    "callbacks": {"done": 0, "failed": 0, "running": 0},
    "deliveries": 0,
    "dead_letter": False,
    "retrying": False,
    "queued": False,
}


class Subscription:
    """Changes for one reader in an event loop: `with activity.subscribe(after) as subscription:`."""

    def __init__(self, activity: Activity, after: int) -> None:
        self._activity = activity
        self._after = after
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()

    def __enter__(self) -> Self:
        self._activity._add_subscription(self)
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._activity._remove_subscription(self)

    def wake(self) -> None:
        """Wake the reader. Callable from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._changed.set)

    async def read(self, timeout: float) -> list[Change]:
        """Wait for changes and return them, an empty list after `timeout` seconds."""
        changes = self._activity.read_changes(self._after)
        if not changes:
            try:
                await asyncio.wait_for(self._changed.wait(), timeout)
            except asyncio.TimeoutError:
                return []
            await asyncio.sleep(_COALESCE_SECONDS)
        self._changed.clear()
        changes = self._activity.read_changes(self._after)
        self._after = changes[-1].number if changes else self._after
        return changes


class Activity:
    """The activity in a database file. All methods may be called from any thread.

    Args:
        path: of the file, created if missing.
        clock: returns the seconds since the epoch.
        name_template: returns the name of a template by result type and definition, e.g. ``MP4 360p``, or "".
        describe_assumption: returns the text of an assumption by its id.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = time.time,
        name_template: Callable[[str, int], str] = lambda type_, definition: "",
        describe_assumption: Callable[[str], str] = lambda name: name,
    ) -> None:
        self._clock = clock
        self._name_template = name_template
        self._describe_assumption = describe_assumption
        self._subscriptions: set[Subscription] = set()
        self._lock = threading.Lock()
        self._local = threading.local()
        self._unfinished: dict[str, str] = {}
        self._record_counts: dict[tuple[str, int], int] = {}
        self._store = ActivityStore(path)
        with self._store.change():
            self._store.end_interrupted()
        self.read_changes = self._store.read_changes
        self.read_task = self._store.read_task
        self.read_event = self._store.find_event
        self.find_row = self._store.find_row
        self.find_dead_letter = self._store.find_dead_letter
        self.find_last_task = self._store.find_last_task
        self.list_own_tasks = self._store.list_own_tasks

    def check_writable(self) -> None:
        """Raise OSError if a change could not be written: the activity is incomplete from then on."""
        if self._store.write_error:
            raise OSError(f"cannot write the activity: {self._store.write_error}")

    def close(self) -> None:
        """Close the file, after the last call."""
        self._store.close()

    @property
    def last_id(self) -> int:
        """The number of the last change."""
        return self._store.last_id

    def list_tasks(
        self, status: str = "", failed: bool = False, query: str = "", before: str = ""
    ) -> tuple[list[Document], str | None]:
        """Return at most 50 TaskRows, the newest first, and the cursor of the next ones.

        Args:
            status: WAITING, PROCESSING or FINISH.
            failed: only tasks that failed or have a failed callback.
            query: a part of the id, the source, the session id or the event type.
            before: the cursor of the page before.

        Raises:
            ValueError: if the cursor is invalid.
        """
        return self._store.list_tasks(status, failed, query, before)

    def subscribe(self, after: int | None = None) -> Subscription:
        """Return the changes after a number, by default after now. Call it in the reader's event loop."""
        return Subscription(self, self.last_id if after is None else after)

    def _add_subscription(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions.add(subscription)

    def _remove_subscription(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions.discard(subscription)

    def _wake(self) -> None:
        with self._lock:
            subscriptions = list(self._subscriptions)
        for subscription in subscriptions:
            subscription.wake()

    @contextlib.contextmanager
    def _change(self) -> Iterator[ActivityStore]:
        with self._store.change():
            yield self._store
        self._wake()

    def report_state(self) -> None:
        """Report that something else of the stack changed, such as the queue or the code."""
        with self._change() as store:
            store.report("state", [None])

    def add_object(self, stored: StoredObject) -> None:
        """Report a written object."""
        with self._change() as store:
            store.report("object", [None])

    # Tasks of the local MPS

    def update_task(self, task: MediaTask, kind: str) -> None:
        """Store a change of a task. An observer of `LocalMps`."""
        state = self._describe_task(task)
        with self._change() as store:
            store.put_task(state)
            if kind == "lost":
                now = self._clock()
                delivery = {
                    "request_id": f"lost-{task.task_id}-{now:.6f}",
                    "pushed": now,
                    "event_status": task.status,
                    "state": "lost",
                    "manual": False,
                }
                store.add_delivery(delivery, [task.task_id], None)
            store.report("task", [task.task_id])

    def _describe_task(self, task: MediaTask) -> TaskState:
        results = documents.build_task_results(task)
        self._name_results(results)
        address, name = documents.build_source(task.source)
        counts = _count(results)
        failed = task.failure is not None or counts["failed"] > 0
        row = {
            "id": task.task_id,
            "event_type": "WorkflowTask",
            "status": task.status,
            "failed": failed,
            "created": task.created,
            "finished": task.finished or None,
            "source": address,
            "name": name,
            "session_id": task.session_id,
            "poster": documents.find_poster(results),
            "progress": _average(results, task.status),
            "subtasks": counts,
            **_EMPTY_ROW,
        }
        detail = {
            "results": results,
            "warnings": list(task.warnings),
            "assumptions": [
                {"id": name, "text": self._describe_assumption(name)} for name in task.assumptions
            ],
            "metadata": task.metadata,
            "source_file": documents.build_source_file(task.source, task.metadata),
            "error": documents.build_failure(task.failure),
        }
        return TaskState(task.task_id, True, row, failed, detail)

    def _name_results(self, results: list[Document]) -> None:
        for result in results:
            name = self._name_template(result["type"], result["definition"] or 0)
            result["name"] = name or result["name"]

    # Deliveries of the function

    @contextlib.contextmanager
    def deliver_for_mps(self) -> Iterator[None]:
        """Mark the events that this thread pushes in the block as sent by the local MPS."""
        self._local.is_mps = True
        try:
            yield
        finally:
            self._local.is_mps = False

    def add_lifecycle_event(self, event: LifecycleEvent) -> None:
        """Store a lifecycle event of the function. An observer of `LocalFunction`."""
        with self._change() as store:
            self._end_record(event)
            if event.kind == "pushed":
                self._add_delivery(event, "queued")
            elif event.kind == "started":
                self._start(event)
            elif event.invocation is not None:
                self._end(event, event.invocation)
            elif event.kind in _STATES:
                store.set_delivery_state(event.request_id, _STATES[event.kind])
            store.report("delivery", store.list_targets(event.request_id))

    def _add_delivery(self, event: LifecycleEvent, state: str) -> None:
        store = self._store
        notification = json.loads(event.event)
        events = _parse_notifications(notification)
        redacted = redact(notification)
        tasks: dict[str, Event | None] = {
            clean_text(item.task_id) or event.request_id: item for item in events
        }
        tasks = tasks or {event.request_id: None}
        for task_id, item in tasks.items():
            if not store.is_own(task_id):
                store.put_task(self._describe_foreign(task_id, item))
            store.set_event(task_id, redact(item.raw) if item is not None else redacted)
        delivery = {
            "request_id": event.request_id,
            "pushed": self._clock(),
            "event_status": clean_text(events[0].status) if events else "",
            "state": state,
            "manual": not getattr(self._local, "is_mps", False),
        }
        store.add_delivery(delivery, tasks, redacted)

    def _describe_foreign(self, task_id: str, event: Event | None) -> TaskState:
        """Describe a task that only an event names. An event that is not MPS's has no type."""
        now = self._clock()
        before = self._store.find_row(task_id)
        results = documents.build_event_results(event) if event is not None else []
        self._name_results(results)
        sources = event.sources if event is not None else ()
        source = sources[0] if sources else None
        location = (
            Location(source.bucket, source.region, source.key) if source else Location("", "")
        )
        address, name = documents.build_source(location)
        metadata = event.raw.get(event.place, {}).get("MetaData") if event is not None else None
        status = event.status if event is not None and event.in_progress else "FINISH"
        failed = event is not None and event.verb == "on_failure"
        row = {
            "id": task_id,
            "event_type": event.type if event is not None else "",
            "status": status,
            "failed": failed,
            "created": before["created"] if before else now,
            "finished": now if status == "FINISH" else None,
            "source": address,
            "name": name or (event.type if event is not None else "event"),
            "session_id": event.session_id if event is not None else "",
            "poster": documents.find_poster(results),
            "progress": _average(results, status),
            "subtasks": _count(results),
            **_EMPTY_ROW,
        }
        detail = {
            "results": results,
            "warnings": [],
            "assumptions": [],
            "metadata": metadata,
            "source_file": documents.build_source_file(location, metadata),
            "error": None,
        }
        return TaskState(task_id, False, row, failed, detail)

    def _start(self, event: LifecycleEvent) -> None:
        store, instance = self._store, event.instance
        if not store.list_targets(event.request_id):  # a synchronous call
            self._add_delivery(event, "running")
        store.set_delivery_state(event.request_id, "running")
        store.put_attempt(
            event.request_id,
            event.retry,
            cold=instance is not None and instance.init_seconds is None,
            instance=instance.number if instance is not None else 0,
            started=self._clock(),
            ms=None,
            init_ms=None,
            memory=None,
            status=None,
            error="",
        )

    def _end(self, event: LifecycleEvent, invocation: Invocation) -> None:
        store = self._store
        error = invocation.error or {}
        text = "\n".join(filter(None, [error.get("errorMessage"), error.get("stackTrace")]))
        init = invocation.init_seconds
        store.put_attempt(
            event.request_id,
            event.retry,
            ms=round(invocation.seconds * 1000, 1),
            init_ms=None if init is None else round(init * 1000, 1),
            memory=invocation.memory,
            status=invocation.status,
            error=shorten_paths(text),
        )
        self._record_counts.pop((event.request_id, event.retry), None)
        # The next lifecycle event of a pushed event that failed says what becomes of it.
        store.set_delivery_state(event.request_id, "done" if invocation.succeeded else "failed")

    def _end_record(self, event: LifecycleEvent) -> None:
        """Store the log lines that a lifecycle event completes. SCF records each write: print(a, b) writes four times."""
        key = (event.request_id, event.retry)
        text = self._unfinished.pop(event.request_id, "")
        is_whole = event.record.startswith("{") and event.record.endswith("\n")
        if text and (is_whole or event.kind != "record"):
            self._add_record(*key, text)
            text = ""
        text += event.record
        if text.endswith("\n"):
            self._add_record(*key, text)
        elif text:
            self._unfinished[event.request_id] = text

    def _add_record(self, request_id: str, attempt: int, text: str) -> None:
        store, now = self._store, self._clock()
        document, fields = documents.parse_log_record(text, now)
        call = documents.read_call(fields)
        targets = store.list_targets(request_id)
        if call is not None and targets:
            task = clean_text(str(fields.get("task_id")))
            store.put_call(request_id, attempt, task if task in targets else targets[0], call)
        count = self._record_counts.get((request_id, attempt), 0) + 1
        self._record_counts[request_id, attempt] = count
        if count == MAX_RECORDS:
            line = f"more than {MAX_RECORDS} log lines: the others are not shown"
            document = {"at": now, "level": "WARNING", "message": line, "text": line, "fields": {}}
        if count <= MAX_RECORDS:
            store.add_record(request_id, attempt, document)

    # Messages

    def add_message(self, received: ReceivedMessage) -> None:
        """Store a message of the function. An observer of `ChatWebhookStub`."""
        document = documents.build_message(received, self._clock())
        self._add_message(document, received.body.decode("utf-8", "replace"))

    def add_mail(self, received: ReceivedMail) -> None:
        """Store a mail of the function. An observer of `MailSink`."""
        document = documents.build_mail(received, self._clock())
        self._add_message(document, document["text"])

    def add_spans(self, spans: list[ReceivedSpan]) -> None:
        """Store the spans of invocations of the function. An observer of `Receiver`."""
        for invocation in group_spans(spans):
            with self._change() as store:
                number = store.find_attempt(invocation.request_id, invocation.started)
                if number is not None:
                    store.put_attempt(invocation.request_id, number, spans=invocation.spans)
                    store.report("delivery", store.list_targets(invocation.request_id))

    def _add_message(self, document: Document, text: str) -> None:
        with self._change() as store:
            running = [
                task
                for request_id in store.list_running()
                for task in store.list_targets(request_id)
            ]
            named = [task for task in running if task in text]
            task = next(iter(named or running), None)
            store.add_message(task, document)
            store.report("message", [task])


_STATES: Mapping[str, str] = {"retrying": "retrying", "dead": "dead", "dropped": "lost"}
"""States of a delivery by the lifecycle event that sets them."""


def _parse_notifications(value: object) -> list[Event]:
    """Return the valid MPS events in an event of SCF."""
    try:
        notifications = unwrap(value)
    except InvalidEvent:  # only the function verifies an HTTP request
        return []
    events = []
    for notification in notifications:
        with contextlib.suppress(InvalidEvent):
            events.append(parse_event(notification))
    return events


def _count(results: list[Document]) -> dict[str, int]:
    statuses = [result["status"] for result in results]
    return {
        "total": len(statuses),
        "done": statuses.count("SUCCESS"),
        "failed": statuses.count("FAIL"),
    }


def _average(results: list[Document], status: str) -> float:
    """Return the progress of a task, 0 to 1."""
    if status == "FINISH":
        return 1.0
    values = [
        1.0 if result["status"] in ("SUCCESS", "FAIL") else result["progress"] for result in results
    ]
    return round(sum(values) / len(values), 3) if values else 0.0
