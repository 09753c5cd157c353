"""The fixture `mps`: an application with its events, emulators, time and failures. It starts nothing until asked."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from scf_mps.app import App
from scf_mps.context import Context
from scf_mps.errors import CallbacksFailed
from scf_mps.local.variables import set_variables

from .application import DEFAULT_APPLICATION as DEFAULT_APPLICATION
from .application import Applications, prepare_application
from .builders import MpsEvent, reset_task_ids
from .clock import Clock
from .credentials import RoleCredentials
from .delivery import Deliveries, Delivery, Outcome
from .logs import record_logs
from .messages import REDIRECTED, Messages, MessageServers
from .watch import CallWatch, Crash, CrashableLedger, ErrorSource, Script, Spans

if TYPE_CHECKING:
    from logging import LogRecord

    from scf_mps.common.spans import Span
    from scf_mps.ledger.base import Ledger
    from scf_mps.local.cos import LoggedRequest
    from scf_mps.local.scf import LocalFunction

    from .api import ApiFixture
    from .cos import Bucket, CosFixture

T = TypeVar("T")

DEFAULT_TIME_LIMIT = 60.0
RETRIES = 2
"""Retries of SCF after a failure of the function (product page 583/41138)."""
RETRY_SECONDS = 60.0
MAX_EVENT_AGE = 21600.0
"""Seconds after which SCF gives up (MsgTTL)."""


class UnusedPreparation(AssertionError):
    """A test prepared a fault or an object that had no effect."""


@dataclass
class Session:
    """The resources that the tests of a session share.

    Attributes:
        application: ``module:name``.
        folder: of the project, for `MpsFixture.process`.
    """

    application: str = DEFAULT_APPLICATION
    folder: Path = field(default_factory=Path.cwd)
    applications: Applications = field(default_factory=Applications)

    @cached_property
    def message_servers(self) -> MessageServers:
        """The receivers of messages."""
        return MessageServers()

    def close(self) -> None:
        """Stop what was started."""
        if "message_servers" in vars(self):
            self.message_servers.close()


class MpsFixture:
    """The application under test, and the cloud around it.

    Args:
        session: of the tests.
        variables: of the function.
        time_limit: of an invocation, in seconds.
        application: ``module:name``, by default that of the session.

    Attributes:
        clock: the time of the function. Waits take no time.
        credentials: of the function's role. They expire and are renewed on demand.
        deliveries: all of the test, oldest first.
    """

    def __init__(
        self,
        session: Session,
        variables: Mapping[str, str] | None = None,
        time_limit: float = DEFAULT_TIME_LIMIT,
        application: str = "",
    ) -> None:
        reset_task_ids()
        self.clock = Clock()
        self.credentials = RoleCredentials()
        self.deliveries: list[Delivery] = []
        self._session = session
        self._variables = dict(variables or {})
        self._time_limit = time_limit
        self._application = application or session.application
        self._overrides: dict[type, object] = {}
        self._scripts: list[Script] = []
        self._spans = Spans()
        self._logs: list[LogRecord] = []
        self._watch = CallWatch(self._scripts, self._lose_ledger)
        self._base: App | None = None
        self._copy: App | None = None
        self._stack = ExitStack()
        self._numbers = count(1)
        if any(name in self._variables for name in REDIRECTED):
            self.messages  # noqa: B018 - starts the receivers
            session.message_servers.redirect(self._variables)

    def close(self) -> None:
        """Stop the emulators, and restore the modules of the application."""
        self._session.applications.restore()
        self._stack.close()

    # The cloud.

    @cached_property
    def cos(self) -> CosFixture:
        """COS, an emulator. From now on `deliver` stores the outputs of events."""
        from .cos import CosFixture

        cos = CosFixture(self.credentials.keys)
        self._stack.callback(cos.close)
        return cos

    @cached_property
    def api(self) -> ApiFixture:
        """The API of MPS, CDN and SES, an emulator."""
        from .api import ApiFixture

        api = ApiFixture(self.credentials.keys)
        self._stack.callback(api.close)
        return api

    @cached_property
    def messages(self) -> Messages:
        """The messages that ``MPS_NOTIFY`` and ``MPS_FORWARD`` sent, of all channels."""
        return self._session.message_servers.start_test()

    @cached_property
    def ledger(self) -> CrashableLedger:
        """The ledger, in memory. It is not used if ``MPS_LEDGER`` names another one, or ``none``."""
        return CrashableLedger(clock=self.clock)

    @property
    def logs(self) -> list[LogRecord]:
        """The log records of all deliveries, from INFO on."""
        return self._logs

    @property
    def spans(self) -> list[Span]:
        """The spans of all deliveries."""
        return self._spans.all

    def bucket(self, place: str) -> Bucket:
        """Return a bucket or a folder of `cos`, ``cos://bucket.region/``. It is created unless it exists."""
        return self.cos.bucket(place)

    # The application.

    @property
    def app(self) -> App:
        """The application under test. Assign another one to test that."""
        if self._base is None:
            self._base = self._session.applications.load(self._application, self._variables)
        return self._base

    @app.setter
    def app(self, app: App) -> None:
        self._base, self._copy = app, None

    def override(self, kind: type[T], value: T) -> T:
        """Let callbacks and providers get a value instead of the one of its provider. See `App.overridden`.

        Raises:
            RegistrationError: at the next event, if nothing needs the type, or the value is of another type.
        """
        self._overrides[kind] = value
        self._copy = None
        return value

    def fail(self, callback: str, error: ErrorSource, *, times: int | None = 1) -> None:
        """Let the next calls of a callback raise an error instead of running.

        Args:
            callback: its full name, or the last part of it.
            error: the exception or its class.
            times: how many calls, None for all.
        """
        self._scripts.append(Script(callback, error, times))

    def crash(self, after: str) -> None:
        """Let the process die after the next call of a callback, before the ledger records it.

        Code of the application after it, such as ``finally``, still runs. `process` kills a real process.
        """
        if self._find_ledger() is None:
            raise ValueError(
                "crash() needs the ledger in memory: remove MPS_LEDGER, or use process()"
            )
        self._scripts.append(Script(after, crashes=True))

    # Events.

    def deliver(
        self,
        event: Mapping[str, Any],
        *,
        remaining: float | None = None,
        force: tuple[str, ...] = (),
    ) -> Delivery:
        """Pass an event to `main_handler` in this process. With `cos`, its missing outputs are stored first.

        Args:
            event: of `scf_mps.testing.event`, or a dict.
            remaining: seconds that remain of the time limit, by default all.
            force: callbacks that run although they completed.
        """
        event = event if isinstance(event, MpsEvent) else MpsEvent(event)
        self._store(event)

        def handle(app: App, context: Context) -> dict[str, Any]:
            return app.replay(event, context, force)

        return self._run(event, handle, f"test-{next(self._numbers)}", remaining)

    def push(self, event: Mapping[str, Any], *, fails: ErrorSource | None = None) -> Deliveries:
        """Deliver an event as SCF's queue does: up to three times, a minute apart, then to the dead-letter queue.

        The minutes pass on `clock`.

        Args:
            event: see `deliver`.
            fails: an exception that every callback raises in each delivery.
        """
        event = event if isinstance(event, MpsEvent) else MpsEvent(event)
        self._store(event)
        if fails is not None:
            self._scripts.append(Script("", fails, None))
        deliveries = Deliveries()
        request_id, began = f"test-{next(self._numbers)}", self.clock()
        while True:
            deliveries.append(
                self._run(event, lambda app, context: app.main_handler(event, context), request_id)
            )
            if deliveries.last.ok:
                return deliveries
            if len(deliveries) > RETRIES or self.clock() + RETRY_SECONDS - began > MAX_EVENT_AGE:
                deliveries.dead_letter = {
                    "RequestId": request_id,
                    "ErrorCode": 430,
                    "ErrorMessage": str(deliveries.last.error),
                    "Body": {"ClientContext": json.dumps(event), "RetryNum": len(deliveries) - 1},
                }
                return deliveries
            self.clock.advance(RETRY_SECONDS)

    def post(self, event: Mapping[str, Any], *, sign: str = "") -> Delivery:
        """Send an event as an HTTP callback of MPS to a function URL.

        Args:
            event: see `deliver`.
            sign: the NotifyKey with which MPS signs it, ``""`` for none.
        """
        event = event if isinstance(event, MpsEvent) else MpsEvent(event)
        self._store(event)
        body = dict(event)
        if sign:
            timestamp = int(time.time()) + 600
            digest = hashlib.md5(f"{timestamp}{sign}".encode(), usedforsecurity=False).hexdigest()
            body |= {"Timestamp": timestamp, "Sign": digest}
        request = {"httpMethod": "POST", "path": "/", "headers": {}, "body": json.dumps(body)}
        return self._run(
            event,
            lambda app, context: app.main_handler(request, context),
            f"test-{next(self._numbers)}",
        )

    def unhandled(self, event: Mapping[str, Any]) -> list[str]:
        """Return the types of the results for which no callback would run. Nothing runs."""
        with self._environment():
            plan = self.app.plan(dict(event))
        return [result.type for result in plan.unhandled]

    def callbacks(self, event: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return (callback, type) of each call that an event would cause. Nothing runs."""
        with self._environment():
            plan = self.app.plan(dict(event))
        return [(call.route.name, call.result.type) for call in (*plan.calls, *plan.completing)]

    @contextmanager
    def process(self, source: str | Path | None = None, **settings: Any) -> Iterator[LocalFunction]:
        """Yield the function in separate processes: for crashes, memory and time limits.

        Args:
            source: the code, by default the project.
            settings: see `scf_mps.local.scf.Settings`.
        """
        from scf_mps.local.scf import LocalFunction

        ledger = self._stack.enter_context(_make_folder())
        variables = {"MPS_LEDGER": f"file://{ledger}", **self._variables, **self._endpoints()}
        settings = {
            "timeout": int(self._time_limit),
            "credentials": lambda: self.credentials.key,
            "speed": 1000,
            "dead_letter_queue": True,
            **settings,
            "environment": {**variables, **settings.get("environment", {})},
        }
        with self._serve(), LocalFunction(source or self._session.folder, **settings) as function:
            yield function

    # After the test.

    def find_unused(self) -> list[str]:
        """Return a line for each fault that was never hit, and each stored object that was never read."""
        unused = [f"no callback hit {script}" for script in self._scripts if not script.hits]
        for name in ("cos", "api"):
            if name in vars(self):
                unused += vars(self)[name].find_unused()
        return unused

    def check_unused(self) -> None:
        """Raise UnusedPreparation if `find_unused` finds something."""
        unused = self.find_unused()
        if unused:
            raise UnusedPreparation(
                "\n".join(
                    [*unused, "Correct the test, or mark it with @pytest.mark.mps(unused=True)"]
                )
            )

    def describe(self) -> str:
        """Return a table of callbacks, outcomes and causes for each delivery."""
        return "\n".join(
            f"Delivery {number}: {item}" for number, item in enumerate(self.deliveries, 1)
        )

    def _store(self, event: MpsEvent) -> None:
        if "cos" in vars(self):
            self.cos.store_outputs(event.files)
        if "api" in vars(self) and event.view.task_id:
            self.api.mps.add(event)

    def _run(
        self,
        event: MpsEvent,
        handle: Any,
        request_id: str,
        remaining: float | None = None,
    ) -> Delivery:
        """Run one invocation and return its delivery."""
        delivery = Delivery(event)
        ledger, watch = self._find_ledger(), self._watch
        if ledger is not None:
            ledger.is_lost = False
        watch.calls, watch.keys, watch.crashed = [], [], False
        spans = len(self._spans.all)
        with self._environment(), self._serve() as requests, record_logs() as logs:
            app = self._prepare(ledger)
            context = Context(self._build_context(request_id), self.clock, self.clock.sleep)
            if remaining is not None:
                context.deadline = context.clock() + remaining
            try:
                returned = handle(app, context)
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                delivery.error = error
                delivery.summary = error.summary if isinstance(error, CallbacksFailed) else {}
            else:
                is_response = "statusCode" in returned
                delivery.response = returned if is_response else {}
                delivery.summary = _read_body(returned) if is_response else returned
        if context.operations is not None:
            delivery.totals = context.operations.totals
        delivery.logs, delivery.requests = logs, requests
        delivery.spans = self._spans.all[spans:]
        delivery.idempotency_keys = watch.keys
        delivery.outcomes = self._list_outcomes(delivery.summary)
        self._logs += logs
        self.deliveries.append(delivery)
        return delivery

    def _list_outcomes(self, summary: Mapping[str, Any]) -> list[Outcome]:
        watch = self._watch
        causes = {(call.route.name, call.result.place): call.error for call in watch.calls}
        rows = summary.get("callbacks") or [
            {
                "callback": call.route.name,
                "type": call.result.type,
                "place": call.result.place,
                "outcome": call.outcome,
            }
            for call in watch.calls
        ]
        outcomes = [
            Outcome(
                row["callback"],
                row["type"],
                row["place"],
                row["outcome"],
                causes.get((row["callback"], row["place"])),
                row.get("reason", ""),
            )
            for row in rows
        ]
        if not watch.crashed:
            return outcomes
        # Nothing ran after the crash.
        index = next(index for index, item in enumerate(outcomes) if isinstance(item.cause, Crash))
        crashed = outcomes[index]
        last = Outcome(crashed.callback, crashed.type, crashed.place, "crashed", crashed.cause)
        return [*outcomes[:index], last]

    def _prepare(self, ledger: Ledger | None) -> App:
        if self._copy is None:
            self._copy = prepare_application(
                self.app, self._overrides, ledger, self._watch, self._spans
            )
        return self._copy

    def _find_ledger(self) -> CrashableLedger | None:
        """Return the ledger in memory, or None if the test names another one."""
        return None if self._variables.get("MPS_LEDGER") else self.ledger

    def _lose_ledger(self) -> None:
        self.ledger.is_lost = True

    def _environment(self) -> Any:
        role = self.credentials.variables
        return set_variables({**self._variables, **self._endpoints(), **role})

    def _endpoints(self) -> dict[str, str]:
        endpoints = {}
        if "cos" in vars(self):
            endpoints["MPS_COS_PROXY"] = self.cos.emulator.url
        if "api" in vars(self):
            endpoints["MPS_API_ENDPOINT"] = self.api.emulator.url
        return endpoints

    def _serve(self) -> Any:
        """Return a block in which COS serves the function. It yields the list of requests."""
        if "cos" in vars(self):
            return self.cos.serve_function()
        return nullcontext(cast("list[LoggedRequest]", []))

    def _build_context(self, request_id: str) -> dict[str, Any]:
        return {
            "request_id": request_id,
            "function_name": "test",
            "function_version": "$LATEST",
            "namespace": "default",
            "tencentcloud_region": "ap-guangzhou",
            "memory_limit_in_mb": 512,
            "time_limit_in_ms": int(self._time_limit * 1000),
        }


def _read_body(response: Mapping[str, Any]) -> dict[str, Any]:
    """Return the summary in a response, or an empty dict."""
    body: Any = json.loads(response["body"])
    return body if isinstance(body, dict) and "callbacks" in body else {}


def _make_folder() -> Any:
    import tempfile

    return tempfile.TemporaryDirectory(prefix="ledger-")
