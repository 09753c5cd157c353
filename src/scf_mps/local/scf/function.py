"""A function as SCF would run it: called, or given events through its queue, retried, given up.

Puts the pieces together: `queue` says what is next, `fleet` has an instance for it, `statuses` tells what a failure
means; here is decided what becomes of the event.
"""

from __future__ import annotations

import json
import logging
import random
import tempfile
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, final

from . import dead_letters, environment, memory, statuses
from .event_queue import Delivery, EventQueue
from .instance import Instance, InstanceResponse
from .instance_pool import InstancePool
from .invocation import Invocation
from .layout import FunctionPaths, create_layout
from .lifecycle import LifecycleEvent, Observers
from .payload import MAX_ASYNCHRONOUS_EVENT, MAX_EVENT, serialize_event
from .settings import KeyTriple, Settings

_log = logging.getLogger(__name__)

MAX_RECORD = 8 * 1024
"""Bytes after which the log service cuts a record."""

_KEPT = 10_000


@final
class LocalFunction(Settings):
    """A function on this machine: ``with LocalFunction("build", timeout=60) as function:``.

    Takes what `Settings` names. All methods may be called from any thread.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self._lock = threading.Lock()
        self._observers = Observers()
        self._tell = self._observers.tell
        self._invocations: deque[Invocation] = deque(maxlen=_KEPT)
        self._dead_letters: list[dict[str, Any]] = []
        self._dropped: list[dict[str, Any]] = []
        self._random = random.Random(self.seed)
        self._fleet = InstancePool()
        self._queue = EventQueue()
        self._threads: list[threading.Thread] = []
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._places: FunctionPaths | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"<LocalFunction {self.namespace}/{self.name} on CPython {self.runtime.version}>"

    def __enter__(self) -> LocalFunction:
        """Lay out the code. Raises ValueError if there is none, OSError if dead letters cannot be written."""
        memory.warn_if_unlimited()
        if not isinstance(self.dead_letter_queue, bool):
            Path(self.dead_letter_queue).touch()
        self._scratch = tempfile.TemporaryDirectory(prefix="scf-")
        try:
            entry_file = f"{self.handler.partition('.')[0]}.py"
            top = Path(self._scratch.name).resolve()
            self._places = create_layout(top, self.source, self.layer, entry_file)
        except BaseException:
            self._scratch.cleanup()
            raise
        for number in range(self.concurrency):
            thread = threading.Thread(target=self._work, name=f"{self.name}-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(
        self,
        _: type[BaseException] | None = None,
        __: BaseException | None = None,
        ___: TracebackType | None = None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill what runs, forget what waits, remove what was laid out. Whoever waits for a call gets RuntimeError."""
        self._closed = True
        for caller in self._queue.close():
            caller.set_exception(_closed())
        self._fleet.kill()
        for thread in self._threads:
            thread.join()
        self._fleet.close()
        if self._scratch is not None:
            self._scratch.cleanup()

    # What is given to it

    def invoke(self, event: object = None, *, text: str | bytes | None = None) -> Invocation:
        """Call the function with an event, or with the JSON `text` of one, and wait for what comes of it.

        A failure is in the result and is not retried.

        Raises:
            Refused: if the event is not JSON (400) or has more than 6 MB (406).
            RuntimeError: if the function is not running, or closed meanwhile.
        """
        caller: Future[Invocation] = Future()
        self._put(serialize_event(event, text, MAX_EVENT), caller)
        return caller.result()

    def push(self, event: object = None, *, text: str | bytes | None = None) -> str:
        """Put an event into the queue, as a trigger does; returns the request id that all its tries have.

        Raises:
            Refused: if the event is not JSON (400) or has more than 128 KB (406): it is not queued then.
            RuntimeError: if the function is not running.
        """
        return self._put(serialize_event(event, text, MAX_ASYNCHRONOUS_EVENT), None)

    def settle(self, timeout: float = 60) -> None:
        """Wait until the queue is empty, retries included, and all instances are idle. Raises TimeoutError."""
        self._queue.settle(timeout)

    def pause(self) -> None:
        """Hold back what is pushed; calls go on."""
        self._queue.pause(True)

    def resume(self) -> None:
        """Deliver what was held back."""
        self._queue.pause(False)

    # What came of it

    @property
    def invocations(self) -> list[Invocation]:
        """The last 10,000, in the order in which they ended."""
        with self._lock:
            return list(self._invocations)

    @property
    def dead_letters(self) -> list[dict[str, Any]]:
        """What is in the dead-letter queue, in its shape."""
        with self._lock:
            return list(self._dead_letters)

    @property
    def dropped(self) -> list[dict[str, Any]]:
        """What was given up and is in no dead-letter queue, in the shape it would have had there."""
        with self._lock:
            return list(self._dropped)

    @property
    def waiting(self) -> int:
        """How many events are in the queue, those that wait for a retry included."""
        return len(self._queue)

    @property
    def instances(self) -> list[Instance]:
        """Those there are, with their process and the event they are at; `kill()` ends one as a crash would."""
        return self._fleet.live

    def observe(self, observer: Callable[[LifecycleEvent], object]) -> None:
        """Have every `LifecycleEvent` told to a function. What it raises is logged, and changes nothing."""
        self._observers.add(observer)

    # How it is done

    def _put(self, text: str, caller: Future[Invocation] | None) -> str:
        delivery = Delivery(str(uuid.uuid4()), text, time.time(), caller=caller)
        deliveries = [delivery]
        if self._places is None:
            raise RuntimeError("expected a function that runs: use it in `with`")
        if caller is None:
            with self._lock:
                twice = self._random.random() < self.duplicates
            if twice:
                deliveries.append(replace(delivery, duplicate=True))
            self._tell(LifecycleEvent("pushed", delivery.request_id))
        self._queue.put(*deliveries)
        return delivery.request_id

    def _work(self) -> None:
        while (taken := self._queue.take()) is not None:
            delivery, late = taken
            again = None
            try:
                again = self._deliver(delivery, late)
            except Exception as error:  # a defect of this emulator: nobody is to wait for ever
                _log.exception("%s could not be delivered", delivery.request_id)
                if delivery.caller is not None:
                    delivery.caller.set_exception(error)
            finally:
                self._queue.done(again, self.retry_interval / self.speed)

    def _deliver(self, delivery: Delivery, late: float) -> Delivery | None:
        """Give an event its try; returns it as it is to be tried again, if it is."""
        age = delivery.age_before + late
        if age > self.ttl:
            self._give_up(delivery, delivery.failure)
            return None
        began = time.monotonic()
        invocation = self._run(delivery)
        if delivery.caller is not None:
            if self._closed:
                delivery.caller.set_exception(_closed())
            else:
                delivery.caller.set_result(invocation)
            return None
        if invocation.succeeded or self._closed:
            return None
        if delivery.retry >= self.retries and invocation.status not in statuses.RETRIED_UNTIL_TTL:
            self._give_up(delivery, invocation)
            return None
        # As old as if it had waited in full when it is due again.
        age += time.monotonic() - began + self.retry_interval
        self._tell(LifecycleEvent("retrying", delivery.request_id, delivery.retry + 1))
        return replace(delivery, retry=delivery.retry + 1, age_before=age, failure=invocation)

    def _run(self, delivery: Delivery) -> Invocation:
        """Give an event to an instance, and write down what came of it."""
        records: list[str] = []
        told: dict[str, Any] = {
            "memory_limit": self.memory,
            "retry": delivery.retry,
            "asynchronous": delivery.caller is None,
            "duplicate": delivery.duplicate,
        }
        try:
            keys = self.keys()
            instance = self._fleet.take(lambda number: self._launch(number, keys))
        except Exception as error:
            # No credentials were given, or no process could be started: the platform's failure, not the function's.
            message = f"{type(error).__name__}: {error}"
            answer = InstanceResponse(statuses.INTERNAL_ERROR, message, None, 0, lost=True)
        else:

            def record(text: str) -> None:
                cut = text.encode(errors="replace")[:MAX_RECORD].decode(errors="ignore")
                records.append(cut)
                self._tell(
                    LifecycleEvent("record", delivery.request_id, delivery.retry, instance, cut)
                )

            instance.request_id = delivery.request_id
            self._tell(LifecycleEvent("started", delivery.request_id, delivery.retry, instance))
            lost = None
            if instance.init_seconds is None:
                lost = instance.initialise(self.init_timeout, record)
                told["init_seconds"] = instance.init_seconds
            context = environment.build_context(self, delivery.request_id, keys)
            answer = lost or instance.handle(delivery.text, context, self.timeout, record)
            told["memory"] = instance.peak
            told["instance"] = instance.number
            instance.request_id = None
            if answer.lost:
                self._fleet.discard(instance)
            else:
                self._fleet.give_back(instance)
        text = answer.text
        if answer.status != statuses.SUCCESS:
            text = json.dumps(
                statuses.build_failure(answer.status, text, delivery.request_id, answer.stack),
                separators=(",", ":"),
            )
        invocation = Invocation(
            delivery.request_id, answer.status, text, tuple(records), answer.seconds, **told
        )
        with self._lock:
            self._invocations.append(invocation)
        self._tell(
            LifecycleEvent("ended", delivery.request_id, delivery.retry, invocation=invocation)
        )
        return invocation

    def _launch(self, number: int, keys: KeyTriple | None) -> Instance:
        places = self._places
        assert places is not None
        folder = places.instances / str(number)
        variables = environment.build_variables(self, places, folder, keys)
        # -S: on SCF there are no third-party packages but the function's own.
        command = [self.runtime.executable, "-s", "-S", str(places.bootstrap)]
        arguments = [self.handler, self.loader, str(places.opt)]
        return Instance(number, command, arguments, variables, folder, self.memory, self.freeze)

    def _give_up(self, delivery: Delivery, failure: Invocation | None) -> None:
        message = dead_letters.build_dead_letter(self, delivery, failure)
        kept = self.dead_letter_queue is not False
        with self._lock:
            if not isinstance(self.dead_letter_queue, bool):
                try:
                    dead_letters.append_dead_letter(message, self.dead_letter_queue)
                except OSError:
                    kept = False  # on SCF a message can get lost on this way as well
            (self._dead_letters if kept else self._dropped).append(message)
        self._tell(
            LifecycleEvent("dead" if kept else "dropped", delivery.request_id, delivery.retry)
        )


def _closed() -> RuntimeError:
    return RuntimeError("the function was closed before it was done")
