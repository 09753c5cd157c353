"""Application under test: loaded anew only for other variables, and prepared for a test."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from scf_mps.app import App
from scf_mps.dispatch.middleware import collect_hooks
from scf_mps.local.variables import set_variables

if TYPE_CHECKING:
    from scf_mps.common.spans import Observer
    from scf_mps.dispatch.middleware import Middleware
    from scf_mps.ledger.base import Ledger

DEFAULT_APPLICATION = "handlers:app"


class ApplicationNotFound(Exception):
    """There is no application by the name of ``mps_app``."""


class _Loaded(NamedTuple):
    app: App
    modules: dict[str, ModuleType]


class Applications:
    """The applications of a session, by name and variables.

    Without variables it is the application that the tests import. Other variables need other modules, which replace
    those of its package until `restore`.
    """

    def __init__(self) -> None:
        self._loaded: dict[tuple[str, frozenset[tuple[str, str]]], _Loaded] = {}
        self._replaced: dict[str, dict[str, ModuleType]] = {}

    def load(self, name: str, variables: Mapping[str, str]) -> App:
        """Return the application ``module:name``, loaded with these variables.

        Raises:
            ApplicationNotFound: the module or the name is missing.
        """
        if not variables:
            return _import_application(name)
        package = name.partition(":")[0].partition(".")[0]
        before = _take_modules(package)
        self._replaced.setdefault(package, before)
        key = name, frozenset(variables.items())
        if key not in self._loaded:
            with set_variables(variables):
                app = _import_application(name)
                app.main_handler  # noqa: B018 - reads variables
            self._loaded[key] = _Loaded(app, _find_modules(package))
        sys.modules.update(self._loaded[key].modules)
        return self._loaded[key].app

    def restore(self) -> None:
        """Restore the modules that `load` replaced."""
        while self._replaced:
            package, modules = self._replaced.popitem()
            _take_modules(package)
            sys.modules.update(modules)


def _find_modules(package: str) -> dict[str, ModuleType]:
    return {
        name: module
        for name, module in sys.modules.items()
        if name == package or name.startswith(f"{package}.")
    }


def _take_modules(package: str) -> dict[str, ModuleType]:
    modules = _find_modules(package)
    for name in modules:
        del sys.modules[name]
    return modules


def _import_application(name: str) -> App:
    module, _, attribute = name.partition(":")
    try:
        app = getattr(import_module(module), attribute or "app", None)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise ApplicationNotFound(_explain(name, f"no module {error.name}")) from None
    if not isinstance(app, App):
        raise ApplicationNotFound(_explain(name, f"{attribute or 'app'} is {app!r}, not an App"))
    return app


def _explain(name: str, problem: str) -> str:
    return f"no application {name!r}: {problem}. Set the ini option mps_app = module:name, or assign mps.app"


def prepare_application(
    app: App,
    overrides: Mapping[type, object],
    ledger: Ledger | None,
    middleware: Middleware,
    observer: Observer,
) -> App:
    """Return a copy for one test.

    Args:
        app: the application.
        overrides: values by type, see `App.overridden`.
        ledger: replaces its ledger, unless it is None.
        middleware: is the innermost.
        observer: receives the spans, besides those that it has.
    """
    copy = app.overridden(overrides)
    if ledger is not None:
        copy._own_ledger = ledger
    copy._middleware = (*copy._middleware, middleware)
    copy._hooks = collect_hooks(copy._middleware)
    copy._observers = (*copy._observers, observer)
    return copy
