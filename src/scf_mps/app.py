"""The application: routers, middleware and providers, checked as a whole, and `main_handler`."""

from __future__ import annotations

import logging
import os

from . import logs
from .context import convert_context
from .dispatch.dispatcher import Dispatcher
from .dispatch.injection import Providers
from .dispatch.runner import Hooks, Runner
from .errors import ConfigurationError, RegistrationError
from .routing.router import Router
from .routing.table import Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Any, TypeVar

    from .common.spans import Observer
    from .dispatch.injection import Arguments
    from .dispatch.middleware import Middleware
    from .ledger.base import Ledger
    from .ledger.session import LedgerCoordinator
    from .routing.plan import Plan, Reason, Route

    T = TypeVar("T")
    Handler = Callable[[Any, Any], dict[str, Any]]

log = logging.getLogger("scf_mps")


SWITCH_VARIABLES = ("MPS_ALLOW_UNSIGNED", "MPS_REREAD")
"""Variables that take 1, 0 or nothing."""

LIST_VARIABLES = {"MPS_BUCKETS": "bucket", "MPS_NOTIFY_KEY": "key"}
"""Variables with comma-separated values, and the name of a value. A list without values is a mistake: MPS_BUCKETS
without a bucket would allow every bucket."""


def find_mistakes(environment: Mapping[str, str]) -> list[str]:
    """Return the mistakes in the values of `SWITCH_VARIABLES`, `LIST_VARIABLES` and the variables of OTLP."""
    mistakes = [
        f"{name}: invalid value {environment[name]!r}. Use 1, 0 or nothing"
        for name in SWITCH_VARIABLES
        if environment.get(name, "") not in ("", "0", "1")
    ]
    lists = {name: item for name, item in LIST_VARIABLES.items() if environment.get(name)}
    if lists:
        from .common.lists import split_list

        mistakes += [
            f"{name}: missing {item}. Use one or several, separated by commas"
            for name, item in lists.items()
            if not split_list(environment[name])
        ]
    if environment.get("MPS_OTLP") or environment.get("MPS_OTLP_RESOURCE"):
        from .telemetry.otlp import find_setting_mistakes

        mistakes += find_setting_mistakes(environment)
    return mistakes


class App(Router):
    """An application: callbacks, the providers of their parameters, and `main_handler`.

    It is a router itself, so that a small application needs no other: ``@app.on(Transcode)``.

    Args:
        routers: the routers whose callbacks it has.
        middleware: hooks around every event and callback, the first outermost.
        reserve: seconds of an invocation that must remain to start a callback. SCF's retry runs the callbacks that
            were not started.
        ledger: records which callbacks completed, so that they do not run again when SCF retries an event. A `Ledger`
            or its URL. The default is ``MPS_LEDGER``, ``"none"`` disables it.
        on_ledger_error: ``"fail"`` leaves an event to SCF's retry if the ledger fails. ``"run"`` runs the callbacks,
            which may then run twice.

        observers: receive the spans of each invocation. See `Observer`.

    Raises:
        RegistrationError: an argument is invalid.
    """

    def __init__(
        self,
        *routers: Router,
        middleware: Sequence[Middleware] = (),
        reserve: float = 1.0,
        ledger: Ledger | str | None = None,
        on_ledger_error: str = "fail",
        observers: Sequence[Observer] = (),
    ) -> None:
        super().__init__(*routers)
        if on_ledger_error not in ("fail", "run"):
            raise RegistrationError(
                f'on_ledger_error= takes "fail" or "run", not {on_ledger_error!r}'
            )
        self._own_ledger = ledger
        self._on_ledger_error = on_ledger_error
        self._middleware = tuple(middleware)
        self._hooks = Hooks()
        if middleware:
            from .dispatch.middleware import collect_hooks

            self._hooks = collect_hooks(self._middleware)
        self._observers: tuple[Observer, ...] = ()
        if observers:
            from .common.spans import check_observers

            self._observers = check_observers(observers)
        self._reserve = reserve
        self._providers = Providers()
        self._overrides: dict[type, object] = {}
        self._dispatcher: Dispatcher | None = None

    @property
    def main_handler(self) -> Handler:
        """The function that SCF calls, with an event and a context, both plain dicts. It also takes a `Context`.

        It returns a summary, a small JSON object, if every callback succeeded or was dropped. Otherwise it raises
        `CallbacksFailed`, so that SCF retries the event, or `InvalidEvent` if the event is not a notification.

        For an HTTP request it returns a response, ``{"statusCode": …, "headers": …, "body": …}``, and raises nothing:

        * 200 with the summary
        * 400: not a notification of MPS
        * 401: not signed by MPS
        * 403: not confirmed by MPS (``MPS_REREAD=1``)
        * 405: another method than POST
        * 500 with the names of the callbacks that failed
        * 503: the ledger, MPS or COS cannot be reached, or another delivery of the event is running

        Reading it closes the application: everything is checked, and nothing can be registered afterwards.

        Raises:
            RegistrationError: a callback could never be called, or a parameter has no provider.
            ConfigurationError: ``MPS_REREAD``, ``MPS_ALLOW_UNSIGNED``, ``MPS_NOTIFY_KEY``, ``MPS_BUCKETS``,
                ``MPS_OTLP`` or ``MPS_OTLP_RESOURCE`` has an invalid value.
            LedgerError: the ledger cannot be created.
        """
        return self._complete().main_handler

    def replay(
        self, event: object, context: object = None, force: Collection[str] = ()
    ) -> dict[str, Any]:
        """Handle an event again. Callbacks recorded as completed are skipped.

        Args:
            event: the event, as SCF passed it or as the ledger keeps it.
            context: SCF's context.
            force: names of callbacks that run even if they completed.

        Raises:
            ValueError: no callback has a name in `force`.
            CallbacksFailed, InvalidEvent, LedgerError: as `main_handler`.
        """
        dispatcher = self._complete()
        names = {route.name for route in dispatcher.table.routes}
        for name in force:
            if name not in names:
                from difflib import get_close_matches

                known = get_close_matches(name, names, 1) or sorted(names)
                raise ValueError(f"unknown callback {name!r}. Use {', '.join(known)}")
        return dispatcher.handle(event, convert_context(context), force)

    def overridden(self, values: Mapping[type, Any], *, observers: Sequence[Observer] = ()) -> App:
        """Return a copy whose callbacks and providers get these values instead of those of their providers.

        It is meant for tests: ``app.overridden({Database: fake}).main_handler(event, {})``. It closes the application,
        which stays as it is.

        Args:
            values: by type. Each is an instance of its type, and is used as it is: nothing opens or closes it.
            observers: receive the spans, besides those of the application.

        Raises:
            RegistrationError: no callback or provider needs a type, or a value is not an instance of its type.
        """
        self._complete()
        from .dispatch.injection import check_overrides

        checked = check_overrides(values, self._providers.requested)
        copy: App = object.__new__(type(self))
        vars(copy).update(vars(self))
        copy._providers = Providers()
        copy._overrides = {**self._overrides, **checked}
        if observers:
            from .common.spans import check_observers

            copy._observers = self._observers + check_observers(observers)
        copy._dispatcher = None
        return copy

    @property
    def routes(self) -> tuple[Route, ...]:
        """All registrations, in order. Reading it closes the application, as `main_handler` does."""
        return self._complete().table.routes

    @property
    def ledger(self) -> Ledger | None:
        """The ledger, or None. Reading it closes the application, as `main_handler` does."""
        return self._complete().ledger

    @property
    def has_own_ledger(self) -> bool:
        """True if the ledger was passed as an argument, so that ``MPS_LEDGER`` has no effect."""
        return self._own_ledger is not None

    def reconcile(self, context: object = None, **options: Any) -> dict[str, Any]:
        """Dispatch the finished tasks of MPS that the ledger does not have. See `scf_mps.ledger.reconcile`."""
        from .ledger.reconcile import reconcile

        return reconcile(self._complete(), convert_context(context), **options)

    def explain(self, event: object) -> list[Reason]:
        """Return for every callback and result of an event whether it would run, and why. No callback runs.

        Predicates (``when=``) are called. The event of a reference is fetched from COS or MPS.

        Raises:
            InvalidEvent: `main_handler` would not dispatch the event.
            CosError, MpsError: the event of a reference cannot be fetched.
        """
        return self._complete().explain(event)

    def plan(self, notification: dict[str, Any]) -> Plan:
        """Return the calls that a notification would cause, and the results without one. No callback runs.

        Predicates (``when=``) are called.

        Raises:
            InvalidEvent: it is not a notification of MPS.
        """
        from .events.parser import parse_event

        return self._complete().table.plan(parse_event(notification))

    def _complete(self) -> Dispatcher:
        """Close and check the application. Errors have no secrets: SCF prints them with every event."""
        try:
            return self._dispatcher or self._close_and_check()
        except Exception as error:
            from .common.error_redaction import redact_error

            outgoing = redact_error(error)
        raise outgoing

    def _close_and_check(self) -> Dispatcher:
        routes = tuple(self._close())
        for provision in self._list_provisions():
            self._providers.add(provision)
        self._providers.replace(self._overrides)
        if any(route.options for route in routes):
            from .dispatch.middleware import check_options

            check_options(routes, self._middleware)
        arguments = {route: self._resolve_arguments(route) for route in routes}
        self._providers.check()
        mistakes = find_mistakes(os.environ)
        if mistakes:
            raise ConfigurationError.listing(mistakes)
        runner = Runner(arguments, self._hooks, self._reserve)
        if logs.is_on_scf():
            logs.configure()
        observers = self._observers
        if os.environ.get("MPS_OTLP"):
            from .telemetry.otlp import OtlpExporter

            observers += (OtlpExporter(os.environ),)
        self._dispatcher = Dispatcher(
            Table(routes), runner, self._hooks, self._create_coordinator(), observers
        )
        logs.end_init()
        return self._dispatcher

    def _resolve_arguments(self, route: Route) -> Arguments:
        try:
            return self._providers.resolve_arguments(route.callback, 1)
        except RegistrationError as error:
            error.locate(route.where)
            raise

    def _create_coordinator(self) -> LedgerCoordinator | None:
        ledger = self._own_ledger or os.environ.get("MPS_LEDGER", "")
        if ledger == "none":
            return None
        if not ledger:
            if logs.is_on_scf():
                log.warning(
                    "MPS_LEDGER is not set: callbacks that succeeded run again when SCF retries an event. "
                    "Set it to cos://bucket.region/prefix/, redis://host or none"
                )
            return None
        from .ledger.session import LedgerCoordinator
        from .ledger.url import open_ledger

        return LedgerCoordinator(open_ledger(ledger), self._on_ledger_error, self._reserve)
