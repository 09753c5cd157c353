"""The pytest plugin: the fixture `mps`, its marker, and the isolation of tests.

It changes nothing in projects that neither set ``mps_app`` nor use the fixture.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from .isolation import drop_variables, refuse_network

if TYPE_CHECKING:
    from .fixture import MpsFixture, Session

_OPTIONS = ("app", "time_limit", "unused")

_MARKER = (
    "mps(NAME=value, time_limit=60, unused=False, app=''): variables of the function, its time limit in seconds, "
    "whether faults and stored files may stay unused, and another application than mps_app"
)

_cleanups = pytest.StashKey[ExitStack]()
_session = pytest.StashKey["Session"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini option ``mps_app``."""
    parser.addini(
        "mps_app",
        "the application of the fixture mps, module:name. Setting it isolates all tests from the cloud",
        default="",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Remove variables of this machine before a test module imports the application."""
    if early_config.getini("mps_app"):
        stack = early_config.stash.setdefault(_cleanups, ExitStack())
        stack.enter_context(drop_variables())


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", _MARKER)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers of the session, and restore the variables."""
    session = config.stash.get(_session, None)
    if session is not None:
        session.close()
    config.stash.get(_cleanups, ExitStack()).close()


@pytest.fixture
def _isolated_from_cloud() -> Iterator[None]:
    """Remove variables and refuse connections to other machines."""
    with drop_variables(), refuse_network():
        yield


@pytest.fixture(autouse=True)
def _isolated_project(request: pytest.FixtureRequest) -> None:
    """Isolate all tests of a project that names its application."""
    if request.config.getini("mps_app"):  # pragma: no cover - tests run it in a subprocess
        request.getfixturevalue("_isolated_from_cloud")


@pytest.fixture
def mps(request: pytest.FixtureRequest, _isolated_from_cloud: None) -> Iterator[MpsFixture]:
    """Yield the application under test and the cloud around it. It starts nothing until asked."""
    from .fixture import DEFAULT_TIME_LIMIT, MpsFixture

    marked = read_markers(request.node)
    variables = {name: value for name, value in marked.items() if name not in _OPTIONS}
    session = get_session(request.config)
    time_limit = float(marked.get("time_limit", DEFAULT_TIME_LIMIT))
    fixture = MpsFixture(session, variables, time_limit, marked.get("app", ""))
    try:
        yield fixture
    finally:
        fixture.close()


def read_markers(item: pytest.Item) -> dict[str, Any]:
    """Return the values of all markers ``mps`` of a test. The nearest one wins.

    Raises:
        UsageError: a marker is invalid.
    """
    marked: dict[str, Any] = {}
    for marker in reversed([*item.iter_markers("mps")]):
        marked |= marker.kwargs
        if marker.args:
            raise pytest.UsageError(f"{item.nodeid}: the marker mps takes NAME=value only")
    for name, value in marked.items():
        if name not in _OPTIONS and not (name.isupper() and isinstance(value, str)):
            raise pytest.UsageError(
                f"{item.nodeid}: invalid {name}={value!r} in the marker mps. Use variables in capitals with texts, "
                f"or {', '.join(_OPTIONS)}"
            )
    return marked


def get_session(config: pytest.Config) -> Session:
    """Return what the tests of a session share."""
    from .fixture import DEFAULT_APPLICATION, Session

    if _session not in config.stash:
        name = config.getini("mps_app") or DEFAULT_APPLICATION
        config.stash[_session] = Session(name, config.rootpath)
    return config.stash[_session]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test whose faults and stored files had no effect."""
    yield
    fixture = _find_fixture(item)
    if fixture is not None and not read_markers(item).get("unused"):
        fixture.check_unused()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the deliveries of a failed test to its report."""
    report = yield
    add_deliveries(report, item)
    return report


def add_deliveries(report: pytest.TestReport, item: pytest.Item) -> None:
    """Add a table of the deliveries to the report of a test that failed."""
    fixture = _find_fixture(item)
    if report.when == "call" and report.failed and fixture is not None and fixture.deliveries:
        report.sections.append(("MPS deliveries", fixture.describe()))


def _find_fixture(item: pytest.Item) -> MpsFixture | None:
    """Return the fixture of a test, or None."""
    module = sys.modules.get("scf_mps.testing.fixture")
    fixture: MpsFixture | None = getattr(item, "funcargs", {}).get("mps")
    is_ours = module is not None and isinstance(fixture, module.MpsFixture)
    return fixture if is_ours else None  # a project may have another one of this name
