"""Delivery of notifications: to the function or a URL, in order, under the faults in force."""

from __future__ import annotations

import hashlib
import heapq
import json
import logging
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scf_mps.local.scf.payload import MAX_ASYNCHRONOUS_EVENT

from .faults import Faults
from .model import MediaTask
from .notifications import build_event

_log = logging.getLogger(__name__)

SIGNATURE_SECONDS = 600
"""Seconds for which MPS signs a notification."""
REORDER_SECONDS = 5.0
"""Seconds after which a notification that waits for a following one is sent alone."""
POST_TIMEOUT_SECONDS = 10.0
_GAP_SECONDS = 0.001

Deliver = Callable[[dict[str, Any]], str]
"""Sends an event to the function and returns the id of the request. May raise."""

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class NotSent(Exception):
    """A notification was refused."""


@dataclass(order=True, slots=True)
class _Pending:
    due: float
    number: int
    task: MediaTask = field(compare=False)
    text: str = field(compare=False)
    is_held: bool = field(compare=False, default=False)


class Notifier:
    """Sends notifications in a thread.

    Args:
        deliver: sends an event to the function.
        faults: hit the notifications.
        report: called with the task and ``notified`` or ``lost`` after each.
        speed: divides the seconds of delays.
        clock: returns the seconds since the epoch, for signatures.
    """

    def __init__(
        self,
        deliver: Deliver,
        faults: Faults,
        report: Callable[[MediaTask, str], None],
        speed: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._deliver = deliver
        self._faults = faults
        self._report = report
        self._speed = speed
        self._clock = clock
        self._pending: list[_Pending] = []
        self._number = 0
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="mps-notifier", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Send what is due, drop what is delayed, and stop the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    def send(self, task: MediaTask) -> None:
        """Send the notification of a task's present state. A fault may delay, lose or repeat it."""
        text = json.dumps(build_event(task), ensure_ascii=False)
        fault = self._faults.take_notification()
        kind = fault.kind if fault else ""
        if kind == "lose":
            self._lose(task, "a fault lost it")
            return
        delay = fault.seconds / self._speed if fault and kind == "delay" else 0.0
        delay = REORDER_SECONDS if kind == "reorder" else delay
        with self._changed:
            for _ in range(2 if kind == "duplicate" else 1):
                self._push(_Pending(time.monotonic() + delay, 0, task, text, kind == "reorder"))
            if kind != "reorder":
                self._release()
            self._changed.notify_all()

    def _push(self, pending: _Pending) -> None:
        self._number += 1
        pending.number = self._number
        heapq.heappush(self._pending, pending)

    def _release(self) -> None:
        """Let notifications that wait for a following one come next."""
        for pending in self._pending:
            if pending.is_held:
                pending.is_held, pending.due = False, time.monotonic() + _GAP_SECONDS
        heapq.heapify(self._pending)

    def _run(self) -> None:
        while (pending := self._wait()) is not None:
            try:
                self._send(pending.task, pending.text)
            except Exception as error:
                self._lose(pending.task, str(error))
            else:
                self._report(pending.task, "notified")
        for pending in self._pending:
            self._lose(pending.task, "stopped before it was due")

    def _wait(self) -> _Pending | None:
        """Return the next notification when it is due, or None after `close`."""
        with self._changed:
            while True:
                wait = self._pending[0].due - time.monotonic() if self._pending else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._pending)
                if self._closed:
                    return None
                self._changed.wait(wait)

    def _send(self, task: MediaTask, text: str) -> None:
        """Send a notification. Raises an exception if it is refused."""
        config = task.request.get("TaskNotifyConfig") or {}
        if config.get("NotifyType") == "URL":
            body = sign(json.loads(text), config.get("NotifyKey") or "", self._clock())
            _post(config.get("NotifyUrl") or "", body)
            return
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > MAX_ASYNCHRONOUS_EVENT:
            raise NotSent(f"it has {size} bytes, and SCF accepts {MAX_ASYNCHRONOUS_EVENT}")
        self._deliver(json.loads(text))

    def _lose(self, task: MediaTask, reason: str) -> None:
        _log.warning("notification lost: %s", reason, extra={"task_id": task.task_id})
        task.warnings.append(f"notification lost: {reason}")
        self._report(task, "lost")


def sign(event: dict[str, Any], key: str, now: float) -> dict[str, Any]:
    """Return an event with ``Timestamp`` and ``Sign``, or as it is without a key.

    Args:
        event: the notification.
        key: ``NotifyKey``.
        now: seconds since the epoch.
    """
    if not key:
        return event
    expires = int(now) + SIGNATURE_SECONDS
    digest = hashlib.md5(f"{expires}{key}".encode(), usedforsecurity=False).hexdigest()
    return {**event, "Timestamp": expires, "Sign": digest}


def _post(url: str, body: Mapping[str, Any]) -> None:
    """Send JSON to an http or https URL. Raises an exception unless the response is a success."""
    if not url.startswith(("http://", "https://")):
        raise NotSent(f"invalid NotifyUrl {url!r}. Use http:// or https://")
    data = json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with _OPENER.open(request, timeout=POST_TIMEOUT_SECONDS):
        pass
