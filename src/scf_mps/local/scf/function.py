"""Local function: synchronous calls, and the queue with retries and dead letters."""

from __future__ import annotations

import json
import logging
import random
import tempfile
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, final

from ..observers import Observers
from . import dead_letters, environment, memory, statuses
from .event_queue import Delivery, EventQueue
from .instance import Instance, InstanceConfig, InstanceResponse
from .instance_pool import InstancePool
from .invocation import Invocation
from .layout import FunctionPaths, create_layout
from .lifecycle import LifecycleEvent
from .payload import MAX_ASYNCHRONOUS_EVENT, MAX_EVENT, serialize_event
from .settings import KeyTriple, Settings, check_variables

_log = logging.getLogger(__name__)

MAX_RECORD = 8 * 1024
"""Bytes of a record that the log service keeps."""

_MAX_INVOCATIONS = 10_000


class ReloadError(ValueError):
    """The new code of a function could not be laid out or loaded. The old code stays."""


class _Code(NamedTuple):
    """The code and the variables of new instances."""

    source: str | Path
    environment: Mapping[str, str]
    paths: FunctionPaths


@final
class LocalFunction(Settings):
    """A function on this machine: ``with LocalFunction("build", timeout=60) as function:``.

    The arguments are those of `Settings`. All methods may be called from any thread.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self._lock = threading.Lock()
        self._observers = Observers[LifecycleEvent]()
        self._notify = self._observers.notify
        self._invocations: deque[Invocation] = deque(maxlen=_MAX_INVOCATIONS)
        self._dead_letters: list[dict[str, Any]] = []
        self._dropped: list[dict[str, Any]] = []
        self._random = random.Random(self.seed)
        self._pool = InstancePool()
        self._queue = EventQueue()
        self._threads: list[threading.Thread] = []
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._code: _Code | None = None
        self._layouts: list[tempfile.TemporaryDirectory[str]] = []
        self._reload_lock = threading.Lock()
        self._closed = False

    def __repr__(self) -> str:
        return f"<LocalFunction {self.namespace}/{self.name} on CPython {self.runtime.version}>"

    def __enter__(self) -> LocalFunction:
        """Start the function. Raises ValueError for an invalid source, OSError for an unwritable dead-letter file."""
        memory.warn_if_unlimited()
        if not isinstance(self.dead_letter_queue, bool):
            Path(self.dead_letter_queue).touch()
        self._scratch = tempfile.TemporaryDirectory(prefix="scf-")
        try:
            self._code = self._lay_out(self.source, self.environment)
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
        """Kill the instances, drop waiting events and delete the files. Waiting calls raise RuntimeError."""
        self._closed = True
        for caller in self._queue.close():
            caller.set_exception(_build_closed_error())
        self._pool.kill()
        for thread in self._threads:
            thread.join()
        with self._reload_lock:  # a reload ends now, because its instance was killed
            self._pool.close()
            for layout in self._layouts:
                layout.cleanup()
            if self._scratch is not None:
                self._scratch.cleanup()

    def invoke(self, event: object = None, *, text: str | bytes | None = None) -> Invocation:
        """Call the function with an event, or the JSON `text` of one, and wait for the result.

        A failure is not retried.

        Raises:
            InvocationRejected: if the event is not JSON (400) or has more than 6 MB (406).
            RuntimeError: if the function is not running, or is closed during the call.
        """
        caller: Future[Invocation] = Future()
        self._put(serialize_event(event, text, MAX_EVENT), caller)
        return caller.result()

    def push(self, event: object = None, *, text: str | bytes | None = None) -> str:
        """Put an event into the queue, as a trigger does, and return the request id of all its deliveries.

        Raises:
            InvocationRejected: if the event is not JSON (400) or has more than 128 KB (406).
            RuntimeError: if the function is not running.
        """
        return self._put(serialize_event(event, text, MAX_ASYNCHRONOUS_EVENT), None)

    def settle(self, timeout: float = 60) -> None:
        """Wait until no event waits, including retries, and all instances are idle. Raises TimeoutError."""
        self._queue.settle(timeout)

    def pause(self) -> None:
        """Stop the delivery of pushed events. Calls continue."""
        self._queue.pause(True)

    def resume(self) -> None:
        """Resume the delivery of pushed events."""
        self._queue.pause(False)

    @property
    def invocations(self) -> list[Invocation]:
        """The last 10,000 invocations, in the order in which they ended."""
        with self._lock:
            return list(self._invocations)

    @property
    def dead_letters(self) -> list[dict[str, Any]]:
        """The messages of the dead-letter queue."""
        with self._lock:
            return list(self._dead_letters)

    @property
    def dropped(self) -> list[dict[str, Any]]:
        """The events that failed without a dead-letter queue, in the form of its messages."""
        with self._lock:
            return list(self._dropped)

    @property
    def waiting(self) -> int:
        """The number of waiting events, including retries."""
        return len(self._queue)

    @property
    def instances(self) -> list[Instance]:
        """The instances, busy or idle. Their `kill()` simulates a crash."""
        return self._pool.live

    def observe(self, observer: Callable[[LifecycleEvent], object]) -> None:
        """Call a function with every `LifecycleEvent`. Its exceptions are logged."""
        self._observers.add(observer)

    def reload(
        self, source: str | Path | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        """Replace the code and the variables. Later events run in new instances.

        A new instance loads the code first. Idle instances end at once, busy ones after their event.

        Args:
            source: the new code, see `Settings`. Default: the current place, read again.
            environment: the new variables. Default: the current ones.

        Raises:
            ReloadError: if the code cannot be laid out or loaded. The old code stays.
            SettingError: for variables that SCF would refuse.
            RuntimeError: if the function is not running.
        """
        with self._reload_lock:
            if self._code is None or self._closed:
                raise RuntimeError("the function is not running: use it in `with`")
            environment = self._code.environment if environment is None else dict(environment)
            check_variables(environment)
            source = self._code.source if source is None else source
            try:
                code = self._lay_out(source, environment)
            except (ValueError, OSError) as error:
                raise ReloadError(str(error)) from None
            problem = self._find_load_problem(code)
            if problem:
                self._layouts.pop().cleanup()
                raise ReloadError(problem)
            self._code, self.source, self.environment = code, source, environment
            self._pool.retire()
            used = {instance.code for instance in self._pool.live}
            # A launch that began before may still use the previous code.
            for layout in self._layouts[:-2]:
                if not any(path.startswith(f"{layout.name}/") for path in used):
                    self._layouts.remove(layout)
                    layout.cleanup()

    def _lay_out(self, source: str | Path, variables: Mapping[str, str]) -> _Code:
        """Copy the code into a new folder. Raises ValueError for an invalid source."""
        assert self._scratch is not None
        layout = tempfile.TemporaryDirectory(dir=Path(self._scratch.name).resolve(), prefix="code-")
        entry_file = f"{self.handler.partition('.')[0]}.py"
        try:
            paths = create_layout(Path(layout.name), source, self.layer, entry_file)
        except BaseException:
            layout.cleanup()
            raise
        self._layouts.append(layout)
        return _Code(source, variables, paths)

    def _find_load_problem(self, code: _Code) -> str:
        """Load code in an extra instance. Return why that failed, or an empty text."""
        try:
            keys = self.keys()
            instance = self._pool.start(lambda number: self._launch_with(code, number, keys))
        except Exception as error:  # see `_run`
            return f"{type(error).__name__}: {error}"
        try:
            response = instance.initialise(self.init_timeout, lambda text: None)
            return response.text if response else instance.load_error
        finally:
            self._pool.discard(instance)

    def _put(self, text: str, caller: Future[Invocation] | None) -> str:
        delivery = Delivery(str(uuid.uuid4()), text, time.time(), caller=caller)
        deliveries = [delivery]
        if self._code is None:
            raise RuntimeError("the function is not running: use it in `with`")
        if caller is None:
            with self._lock:
                is_duplicated = self._random.random() < self.duplicates
            if is_duplicated:
                deliveries.append(replace(delivery, duplicate=True))
            self._notify(LifecycleEvent("pushed", delivery.request_id, event=text))
        self._queue.put(*deliveries)
        return delivery.request_id

    def _work(self) -> None:
        while (item := self._queue.take()) is not None:
            delivery, delay = item
            retry = None
            try:
                retry = self._deliver(delivery, delay)
            except Exception as error:  # a defect of this emulator must not block the caller
                _log.exception("delivery of %s failed", delivery.request_id)
                if delivery.caller is not None:
                    delivery.caller.set_exception(error)
            finally:
                self._queue.done(retry, self.retry_interval / self.speed)

    def _deliver(self, delivery: Delivery, delay: float) -> Delivery | None:
        """Deliver an event, and return its retry, if any."""
        age = delivery.age_before + delay
        if age > self.ttl:
            self._give_up(delivery, delivery.failure)
            return None
        started = time.monotonic()
        invocation = self._run(delivery)
        if delivery.caller is not None:
            if self._closed:
                delivery.caller.set_exception(_build_closed_error())
            else:
                delivery.caller.set_result(invocation)
            return None
        if invocation.succeeded or self._closed:
            return None
        if delivery.retry >= self.retries and invocation.status not in statuses.RETRIED_UNTIL_TTL:
            self._give_up(delivery, invocation)
            return None
        # `speed` shortens the wait but not the age.
        age += time.monotonic() - started + self.retry_interval
        self._notify(LifecycleEvent("retrying", delivery.request_id, delivery.retry + 1))
        return replace(delivery, retry=delivery.retry + 1, age_before=age, failure=invocation)

    def _run(self, delivery: Delivery) -> Invocation:
        """Run an event in an instance and store the invocation."""
        try:
            keys = self.keys()
            instance = self._pool.take(lambda number: self._launch(number, keys))
        except Exception as error:
            # Missing credentials or a process that cannot start are failures of the platform.
            message = f"{type(error).__name__}: {error}"
            response = InstanceResponse(statuses.INTERNAL_ERROR, message, None, 0, lost=True)
            invocation = self._build_invocation(delivery, response)
        else:
            invocation = self._run_in(instance, delivery, keys)
        with self._lock:
            self._invocations.append(invocation)
        self._notify(
            LifecycleEvent("ended", delivery.request_id, delivery.retry, invocation=invocation)
        )
        return invocation

    def _run_in(self, instance: Instance, delivery: Delivery, keys: KeyTriple | None) -> Invocation:
        """Run an event in this instance, and release or discard the instance."""
        records: list[str] = []

        def record(text: str) -> None:
            truncated = text.encode(errors="replace")[:MAX_RECORD].decode(errors="ignore")
            records.append(truncated)
            self._notify(
                LifecycleEvent("record", delivery.request_id, delivery.retry, instance, truncated)
            )

        instance.request_id = delivery.request_id
        self._notify(
            LifecycleEvent(
                "started", delivery.request_id, delivery.retry, instance, event=delivery.text
            )
        )
        failure = init_seconds = None
        if instance.init_seconds is None:
            failure = instance.initialise(self.init_timeout, record)
            init_seconds = instance.init_seconds
        context = environment.build_context(self, delivery.request_id, keys)
        response = failure or instance.handle(delivery.text, context, self.timeout, record)
        invocation = self._build_invocation(
            delivery,
            response,
            records=tuple(records),
            init_seconds=init_seconds,
            memory=instance.peak,
            instance=instance.number,
        )
        instance.request_id = None
        if response.lost:
            self._pool.discard(instance)
        else:
            self._pool.release(instance)
        return invocation

    def _build_invocation(
        self, delivery: Delivery, response: InstanceResponse, **fields: Any
    ) -> Invocation:
        text = response.text
        if response.status != statuses.SUCCESS:
            failure = statuses.build_failure(
                response.status, text, delivery.request_id, response.stack
            )
            text = json.dumps(failure, separators=(",", ":"))
        return Invocation(
            delivery.request_id,
            response.status,
            text,
            seconds=response.seconds,
            memory_limit=self.memory,
            retry=delivery.retry,
            asynchronous=delivery.caller is None,
            duplicate=delivery.duplicate,
            **fields,
        )

    def _launch(self, number: int, keys: KeyTriple | None) -> Instance:
        assert self._code is not None
        return self._launch_with(self._code, number, keys)

    def _launch_with(self, code: _Code, number: int, keys: KeyTriple | None) -> Instance:
        paths = code.paths
        folder = paths.instances / str(number)
        config = InstanceConfig(
            # -S: SCF has no third-party packages besides the function's.
            command=[self.runtime.executable, "-s", "-S", str(paths.bootstrap)],
            arguments=[self.handler, self.loader, str(paths.opt)],
            environment=environment.build_variables(self, code.environment, paths, folder, keys),
            folder=folder,
            memory=self.memory,
            freeze=self.freeze,
        )
        return Instance(number, config)

    def _give_up(self, delivery: Delivery, failure: Invocation | None) -> None:
        """Move an event to the dead-letter queue, or drop it without one."""
        message = dead_letters.build_dead_letter(self, delivery, failure)
        is_stored = self.dead_letter_queue is not False
        with self._lock:
            if not isinstance(self.dead_letter_queue, bool):
                try:
                    dead_letters.append_dead_letter(message, self.dead_letter_queue)
                except OSError:
                    is_stored = False  # SCF can lose a message here too
            (self._dead_letters if is_stored else self._dropped).append(message)
        kind: Literal["dead", "dropped"] = "dead" if is_stored else "dropped"
        self._notify(LifecycleEvent(kind, delivery.request_id, delivery.retry))


def _build_closed_error() -> RuntimeError:
    return RuntimeError("the function was closed during the call")
