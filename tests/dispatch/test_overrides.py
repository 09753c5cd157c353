"""Copies of an application with other values for the parameters of its callbacks, as tests use them."""

import contextlib
from typing import Protocol
from unittest.mock import create_autospec

import pytest

from scf_mps import App, CallbacksFailed, Context, Cos, IdempotencyKey, RegistrationError, Transcode
from scf_mps.local.samples import sample

EVENT = sample("WorkflowTask", Transcode="SUCCESS")


class Settings:
    pass


class Database:
    def __init__(self, settings: Settings) -> None:
        raise ConnectionError("the real database is not reachable from a test")


class Session:
    pass


class FakeDatabase(Database):
    def __init__(self) -> None:
        self.rows: list[str] = []


@pytest.fixture
def app():
    app = App(ledger="none")
    app.provide(Settings, Settings)
    app.provide(Database, Database)

    @app.on(Transcode)
    def insert(transcode: Transcode, database: Database, cos: Cos, context: Context) -> None:
        database.rows.append(transcode.type)

    return app


def run(app):
    (callback,) = app.main_handler(EVENT, {})["callbacks"]
    return callback["outcome"]


def test_override_replaces_the_value_of_a_provider(app):
    fake = FakeDatabase()
    assert run(app.overridden({Database: fake})) == "done"
    assert fake.rows == ["Transcode"]


def test_override_leaves_the_application_as_it_is(app):
    first, second = FakeDatabase(), FakeDatabase()
    assert app.main_handler  # closed
    overridden = app.overridden({Database: first})
    run(overridden.overridden({Database: second}))
    run(overridden)
    assert (len(first.rows), len(second.rows)) == (1, 1)
    with pytest.raises(CallbacksFailed) as failed:
        app.main_handler(EVENT, {})
    assert isinstance(failed.value.failures[0].__cause__, ConnectionError)


def test_override_keeps_the_dependencies_of_other_providers(app):
    """A value replaced deep in the graph reaches the provider that needs it."""
    received = []

    class Report:
        def __init__(self, database: Database) -> None:
            received.append(database)

    app.provide(Report, Report)

    @app.on(Transcode, name="report")
    def report(transcode: Transcode, report: Report) -> None: ...

    fake = FakeDatabase()
    app.overridden({Database: fake}).main_handler(EVENT, {})
    assert received == [fake]


def test_override_replaces_classes_that_provide_themselves():
    app = App(ledger="none")
    found = []

    @app.on(Transcode)
    def look(transcode: Transcode, cos: Cos, key: IdempotencyKey) -> None:
        found.append((cos, key))

    cos, key = create_autospec(Cos, instance=True), IdempotencyKey("fixed")
    run(app.overridden({Cos: cos, IdempotencyKey: key}))
    assert found == [(cos, key)]


def test_override_is_not_opened_or_closed():
    app = App(ledger="none")

    def open_session():
        raise AssertionError("the provider must not run")
        yield Session()

    app.provide(Session, open_session, per="invocation")
    found = []

    @app.on(Transcode)
    def use(transcode: Transcode, session: Session) -> None:
        found.append(session)

    class Managed(Session, contextlib.ExitStack):
        pass

    managed = Managed()
    managed.callback(found.clear)
    run(app.overridden({Session: managed}))
    assert found == [managed]


def test_override_of_a_base_keeps_its_subclasses():
    class Bucket:
        pass

    class Videos(Bucket):
        pass

    app = App(ledger="none")

    def create(kind: type) -> Bucket:
        return kind()

    app.provide(Bucket, create, subclasses=True)
    found = []

    @app.on(Transcode)
    def use(transcode: Transcode, bucket: Bucket, videos: Videos) -> None:
        found.append((bucket, type(videos)))

    bucket = Bucket()
    run(app.overridden({Bucket: bucket}))
    assert found == [(bucket, Videos)]


def test_any_value_fits_a_protocol():
    class Clock(Protocol):
        def now(self) -> float: ...

    app = App(ledger="none")
    app.provide(Clock, lambda: 5)
    found = []

    @app.on(Transcode)
    def use(transcode: Transcode, clock: Clock) -> None:
        found.append(clock)

    run(app.overridden({Clock: 7}))
    assert found == [7]


class Databse:
    pass


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({Databse: Databse()}, "Did you mean Database"),
        ({Session: Session()}, "They need Cos, Database, Settings"),
        ({"Database": Database}, "'Database'"),
        ({Database: "a text"}, "'a text'"),
        ({Database: Database}, "not an instance"),
        ({Context: Context()}, "Pass another event or Context"),
    ],
)
def test_invalid_override_is_refused(app, values, named):
    with pytest.raises(RegistrationError, match=named):
        app.overridden(values)


def test_override_is_refused_when_no_callback_has_parameters():
    with pytest.raises(RegistrationError, match=r"\. They need none$"):
        App(ledger="none").overridden({Session: Session()})
