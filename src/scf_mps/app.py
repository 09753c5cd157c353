"""The application: routers, middleware and providers put together, checked as a whole, and made into `main_handler`.

What `main_handler` then does is in `dispatch/dispatcher.py`.
"""

from __future__ import annotations

import logging
import os

from . import logs
from .channels.signature import check_variables
from .context import Context
from .dispatch.dispatcher import Dispatcher
from .dispatch.injection import Providers
from .dispatch.runner import Hooks, Runner
from .errors import RegistrationError
from .routing.router import Router
from .routing.table import Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from typing import Any, TypeVar

    from .dispatch.injection import Arguments
    from .dispatch.middleware import Middleware
    from .ledger.base import Ledger
    from .ledger.session import LedgerCoordinator
    from .routing.plan import Reason, Route

    T = TypeVar("T")
    Handler = Callable[[Any, Any], dict[str, Any]]

log = logging.getLogger("scf_mps")


class App(Router):
    """An application: callbacks, what they can ask for, and `main_handler`.

    It is itself a router, so a small one needs no other: ``@app.on(Transcode)``.

    Args:
        routers: the routers it is made of.
        middleware: hooks around every event and callback, the first outermost.
        reserve: seconds that must be left of an invocation to start a callback; what is not started is left to
            SCF's retry.
        ledger: where is written down which callbacks ended, so that they do not run again when SCF delivers an
            event again: a `Ledger` or the URL of one; what ``MPS_LEDGER`` says by default. ``"none"`` for none.
        on_ledger_error: ``"fail"`` leaves an event to SCF's retry if the ledger fails; ``"run"`` runs the callbacks
            all the same.

    Raises:
        RegistrationError: if an argument is none of these.
    """

    def __init__(
        self,
        *routers: Router,
        middleware: Sequence[Middleware] = (),
        reserve: float = 1.0,
        ledger: Ledger | str | None = None,
        on_ledger_error: str = "fail",
    ) -> None:
        super().__init__(*routers)
        if on_ledger_error not in ("fail", "run"):
            raise RegistrationError(
                f'on_ledger_error= expects "fail" or "run", not {on_ledger_error!r}'
            )
        self._ledger_given = ledger
        self._on_ledger_error = on_ledger_error
        self._middleware = tuple(middleware)
        self._hooks = Hooks()
        if middleware:
            from .dispatch.middleware import collect_hooks

            self._hooks = collect_hooks(self._middleware)
        self._reserve = reserve
        self._providers = Providers()
        self._dispatcher: Dispatcher | None = None

    def provide(
        self,
        kind: type[T],
        factory: Callable[..., Any],
        *,
        per: str = "instance",
    ) -> None:
        """Let callbacks ask for a type: a parameter annotated with `kind` is given what `factory` makes.

        Args:
            kind: the type, as callbacks annotate it.
            factory: makes the value; its own parameters are provided in the same way. It may be ``async def``. A
                generator function, async or not, yields the value and cleans up afterwards, and so does a function
                decorated with `contextlib.contextmanager` or `asynccontextmanager`.
            per: ``"instance"``, once for as long as SCF keeps the instance warm, or ``"invocation"``. What is made for
                the instance cannot need what belongs to an invocation (`Context`, `Event`, `Cos`, …).

        Raises:
            RegistrationError: if the type is provided already, or a clean-up could never run.
        """
        if self._dispatcher is not None:
            raise RegistrationError(
                f"{kind.__name__} is provided after main_handler was taken: move it before"
            )
        self._providers.add(kind, factory, per)

    @property
    def main_handler(self) -> Handler:
        """The function SCF calls, with an event and a context, both plain dicts.

        It returns a summary, a small JSON object, if every callback was done or dropped; otherwise it raises
        `CallbacksFailed` so that SCF delivers the event again, and `InvalidEvent` for what is no notification.

        For an event that came over HTTP it raises nothing and returns a response, ``{"statusCode": …, "headers": …,
        "body": …}``, whose status tells MPS what to send again: 200 with the summary; 400 for what is no
        notification of MPS, 401 for what MPS did not sign, 403 for what MPS says otherwise (``MPS_REREAD=1``), 405
        for another method than POST; 500 with the names of the callbacks that failed; 503 if the ledger, MPS or COS
        cannot be reached, or another delivery is at work on the event.

        Taking it closes the application: it is checked as a whole, and nothing can be registered any more.

        Raises:
            RegistrationError: if a callback could never be called, or never be given what it asks for.
            ConfigurationError: if ``MPS_REREAD``, ``MPS_ALLOW_UNSIGNED``, ``MPS_NOTIFY_KEY`` or ``MPS_BUCKETS`` has a
                value that could not be meant.
            LedgerError: if there can be no ledger as it is asked for.
        """
        return self._complete().main_handler

    def replay(
        self, event: object, context: object = None, force: Collection[str] = ()
    ) -> dict[str, Any]:
        """`main_handler` once more for an event: what the ledger says ended is skipped, the rest runs.

        Args:
            event: the event, as SCF passed it or as the ledger keeps it.
            context: SCF's.
            force: the names of callbacks that run even if they ended.

        Raises:
            ValueError: if no callback has a name in `force`.
            CallbacksFailed, InvalidEvent, LedgerError: as `main_handler`.
        """
        dispatcher = self._complete()
        names = {route.name for route in dispatcher.table.routes}
        for name in force:
            if name not in names:
                from difflib import get_close_matches

                near = get_close_matches(name, names, 1) or sorted(names)
                raise ValueError(f"there is no callback {name!r}; there is {', '.join(near)}")
        return dispatcher.handle(event, Context(context), force)

    @property
    def routes(self) -> tuple[Route, ...]:
        """Every registration, in order. Closes the application, as `main_handler` does."""
        return self._complete().table.routes

    @property
    def ledger(self) -> Ledger | None:
        """The ledger, opened, or None. Closes the application, as `main_handler` does."""
        return self._complete().ledger

    @property
    def has_own_ledger(self) -> bool:
        """Whether it was given one, so that ``MPS_LEDGER`` plays no part."""
        return self._ledger_given is not None

    def reconcile(self, context: object = None, **how: Any) -> dict[str, Any]:
        """Dispatch the finished tasks that MPS knows and the ledger does not; see `scf_mps.ledger.reconcile.reconcile`."""
        from .ledger.reconcile import reconcile

        return reconcile(self._complete(), Context(context), **how)

    def explain(self, event: object) -> list[Reason]:
        """For every callback and every result of an event, whether it would run and why; nothing is run.

        (Predicates given with ``when=`` are asked, and COS or MPS for the event of a reference.)

        Raises:
            InvalidEvent: for what `main_handler` would not dispatch.
            CosError, MpsError: if the event of a reference cannot be read.
        """
        return self._complete().explain(event)

    def _complete(self) -> Dispatcher:
        """Check and close the application. An error holds no secret: SCF prints it with every event."""
        try:
            return self._dispatcher or self._close_and_check()
        except Exception as error:
            from .common.disclosure import redact_error

            leaving = redact_error(error)
        raise leaving

    def _close_and_check(self) -> Dispatcher:
        routes = tuple(self._close())
        if any(route.options for route in routes):
            from .dispatch.middleware import check_options

            check_options(routes, self._middleware)
        arguments = {route: self._arguments(route) for route in routes}
        self._providers.check()
        check_variables()
        runner = Runner(arguments, self._hooks, self._reserve)
        if logs.is_on_scf():
            logs.configure()
        self._dispatcher = Dispatcher(Table(routes), runner, self._hooks, self._keeper())
        return self._dispatcher

    def _arguments(self, route: Route) -> Arguments:
        try:
            return self._providers.arguments(route.callback, 1)
        except RegistrationError as error:
            error.locate(route.where)
            raise

    def _keeper(self) -> LedgerCoordinator | None:
        ledger = self._ledger_given or os.environ.get("MPS_LEDGER", "")
        if ledger == "none":
            return None
        if not ledger:
            if logs.is_on_scf():
                log.warning(
                    "MPS_LEDGER is not set: when SCF delivers an event again, callbacks that succeeded run again; "
                    "set it to cos://bucket.region/prefix/, redis://host or none"
                )
            return None
        from .ledger.session import LedgerCoordinator
        from .ledger.url import open_ledger

        return LedgerCoordinator(open_ledger(ledger), self._on_ledger_error, self._reserve)
