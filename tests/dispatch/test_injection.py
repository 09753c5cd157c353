"""Injection of values into annotated parameters."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import threading
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Annotated, Protocol

import pytest

from scf_mps import (
    App,
    CallbacksFailed,
    Context,
    Cos,
    Event,
    Mps,
    RegistrationError,
    Router,
    Transcode,
)
from scf_mps.local.samples import sample


class Database:
    def __init__(self, name="database"):
        self.name = name


class Session:
    def __init__(self, database=None):
        self.database = database


def create_two_results():
    return sample("WorkflowTask", [("Transcode", "SUCCESS"), ("Transcode", "SUCCESS")])


def raises_registration_error(message):
    return pytest.raises(RegistrationError, match=re.escape(message))


def collect_values(app: App, kind: type, verb="on"):
    """Return the list of values of a type that a callback receives."""
    given = []

    @getattr(app, verb)(Transcode)
    def callback(transcode, value):
        given.append(value)

    callback.__annotations__["value"] = kind
    return given


def test_event_context_and_logger_are_built_in():
    app, found = App(), []

    @app.on(Transcode)
    def callback(transcode: Transcode, context: Context, *, log: logging.Logger, event: Event):
        found.append((context.request_id, event is transcode.event, log.name))

    app.main_handler(sample("WorkflowTask", Transcode="SUCCESS"), {"request_id": "r"})
    assert found == [("r", True, f"{__name__}.{callback.__qualname__}")]


@pytest.mark.parametrize("is_async", [False, True])
def test_value_is_made_once_per_instance(is_async):
    app = App()
    made = []
    app.provide(Database, lambda: made.append(1) or (made_async() if is_async else Database()))
    given = collect_values(app, Database)

    app.main_handler(create_two_results(), {})
    app.main_handler(create_two_results(), {})

    assert len(given) == 4
    assert len({id(one) for one in given}) == len(made) == 1
    assert type(given[0]) is Database


def test_value_is_not_made_without_a_callback():
    app, made = App(), []
    app.provide(Database, lambda: made.append(1))
    app.on(Transcode)(lambda transcode: None)

    app.main_handler(create_two_results(), {})
    assert made == []


def test_value_is_made_once_per_invocation():
    app = App()
    app.provide(Database, Database, per="invocation")
    given = collect_values(app, Database)

    app.main_handler(create_two_results(), {})
    app.main_handler(create_two_results(), {})

    assert given[0] is given[1]
    assert given[2] is given[3]
    assert given[0] is not given[2]


def test_provider_may_depend_on_others():
    def open_session(database: Database, context: Context, event: Event, extra: int = 5) -> Session:
        return Session((database.name, context.request_id, event.type, extra))

    app = App()
    app.provide(Session, open_session, per="invocation")
    app.provide(Database, lambda: Database("main"))
    given = collect_values(app, Session)

    app.main_handler(sample("WorkflowTask", Transcode="SUCCESS"), {"request_id": "r"})
    assert given[0].database == ("main", "r", "WorkflowTask", 5)


def test_value_may_be_falsy_or_none():
    for value in (0, None, ""):
        app, made = App(), []
        app.provide(Database, lambda value=value, made=made: made.append(1) or value)
        given = collect_values(app, Database)

        app.main_handler(create_two_results(), {})
        assert (given, made) == ([value, value], [1])


def test_generators_clean_up_in_reverse_order():
    app, steps = App(), []

    def open_database():
        steps.append("open database")
        yield Database()
        steps.append("close database")

    def open_session(database: Database):
        steps.append("open session")
        try:
            yield Session(database)
        finally:
            steps.append("close session")

    app.provide(Database, open_database, per="invocation")
    app.provide(Session, open_session, per="invocation")
    given = collect_values(app, Session)

    @app.on_complete(Event)
    def complete(event, session: Session):
        steps.append("complete")

    app.main_handler(create_two_results(), {})
    assert len(given) == 2
    assert steps == [
        "open database",
        "open session",
        "close session",
        "close database",
        "open database",  # another one for on_complete, which runs when the first is committed
        "open session",
        "complete",
        "close session",
        "close database",
    ]


def test_value_without_cleanup_outlives_cleanups_of_others():
    app, made = App(), []

    def open_session():
        yield Session()

    app.provide(Database, lambda: made.append("database") or Database(), per="invocation")
    app.provide(Session, open_session, per="invocation")

    @app.on(Transcode)
    def callback(transcode, database: Database, session: Session): ...

    @app.on_complete(Event)
    def complete(event, database: Database): ...

    app.main_handler(create_two_results(), {})
    assert made == ["database"]


def test_cleanup_runs_after_failed_callback():
    app, steps = App(), []

    def open_database():
        yield Database()
        steps.append("closed")

    app.provide(Database, open_database, per="invocation")

    @app.on(Transcode)
    def callback(transcode, database: Database):
        raise ValueError

    with pytest.raises(CallbacksFailed):
        app.main_handler(create_two_results(), {})
    assert steps == ["closed"]


def test_failed_cleanup_fails_event_but_stops_no_other(caplog):
    app, steps = App(), []

    def open_database():
        yield Database()
        steps.append("closed")

    def open_session(database: Database):
        yield Session()
        raise ValueError("cannot commit")

    app.provide(Database, open_database, per="invocation")
    app.provide(Session, open_session, per="invocation")
    collect_values(app, Session)

    with pytest.raises(CallbacksFailed) as failed:
        app.main_handler(sample("WorkflowTask", Transcode="SUCCESS"), {})
    callback, failure = failed.value.failures
    assert callback.callback.endswith("<locals>.callback")
    assert (failure.callback, str(failure.__cause__)) == ("provider cleanup", "cannot commit")
    assert failure.result.startswith("WorkflowTask/1250000000-WorkflowTask-")
    assert failure.reason == callback.reason == "ValueError: cannot commit"
    (record,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert record.getMessage() == "provider cleanup failed: ValueError: cannot commit"
    assert record.exc_info is not None
    assert steps == ["closed"]
    assert [call["outcome"] for call in failed.value.summary["callbacks"]] == ["failed"]


def test_generator_that_yields_twice_fails():
    app, steps = App(), []

    def open_database():
        try:
            yield Database()
            yield "again"
        finally:
            steps.append("closed")

    app.provide(Database, open_database, per="invocation")
    collect_values(app, Database)

    with pytest.raises(CallbacksFailed):
        app.main_handler(create_two_results(), {})
    assert steps == ["closed"]


def test_failed_provider_fails_only_its_callback():
    app, ran = App(), []
    app.provide(Database, lambda: 1 / 0)

    @app.on(Transcode, name="asking")
    def asking(transcode, database: Database):
        ran.append("asking")

    @app.on(Transcode, name="other")
    def other(transcode):
        ran.append("other")

    with pytest.raises(CallbacksFailed) as failed:
        app.main_handler(sample("WorkflowTask", Transcode="SUCCESS"), {})
    assert ran == ["other"]
    assert [one.callback for one in failed.value.failures] == ["asking"]


def test_failed_provider_is_retried():
    app, attempts = App(), []

    def open_database():
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError
        return Database()

    app.provide(Database, open_database)
    given = collect_values(app, Database)

    with pytest.raises(CallbacksFailed):
        app.main_handler(create_two_results(), {})
    assert len(attempts) == 2
    assert len(given) == 1


def test_threads_share_value_of_the_instance():
    app, made, barrier = App(), [], threading.Barrier(4)

    def open_database():
        made.append(1)
        return Database()

    app.provide(Database, open_database)
    given = []

    @app.on(Transcode)
    def callback(transcode, context: Context, database: Database):
        given.append(database)

    handler = app.main_handler

    def dispatch():
        barrier.wait()
        handler(create_two_results(), {})

    threads = [threading.Thread(target=dispatch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len({id(one) for one in given}) == 1


def test_instance_provider_may_depend_on_others():
    def open_database(log: logging.Logger) -> Database:
        return Database(log.name)

    def open_session(database: Database) -> Session:
        return Session(database)

    app = App()
    app.provide(Database, open_database)
    app.provide(Session, open_session)
    databases, found = [], []

    @app.on(Transcode, name="asking")
    def asking(transcode, session: Session, database: Database):
        databases.append(database)
        found.append(session.database)

    app.main_handler(create_two_results(), {"request_id": "r"})
    assert databases[0].name == "asking"
    assert len({id(one) for one in databases + found}) == 1


def test_class_provider_gets_its_init_arguments():
    class Repository:
        def __init__(self, database: Database, log: logging.Logger):
            self.parts = (database.name, log.name)

    Repository.__init__.__annotations__ = {"database": Database, "log": logging.Logger}
    app = App()
    app.provide(Database, lambda: Database("d"), per="invocation")
    app.provide(Repository, Repository, per="invocation")
    app.provide(dict, dict)
    found = []

    def asking(transcode, database, repository, more):
        found.append((database.name, repository.parts, more))

    asking.__annotations__ = {"database": Database, "repository": Repository, "more": dict}
    app.on(Transcode, name="asking")(asking)

    app.main_handler(sample("WorkflowTask", Transcode="SUCCESS"), {})
    assert found == [("d", ("d", "asking"), {})]


def test_value_with_send_is_no_generator():
    class Socket:
        def send(self):
            raise AssertionError

    app = App()
    app.provide(Socket, Socket, per="invocation")
    given = collect_values(app, Socket)

    app.main_handler(create_two_results(), {})
    assert type(given[0]) is Socket


def test_class_with_provide_method_makes_itself():
    class Helper:
        @classmethod
        def __provide__(cls, invocation):
            made = cls()
            made.task_id = invocation.event.task_id
            return made

    app = App()
    given = collect_values(app, Helper)

    app.main_handler(create_two_results(), {})
    assert given[0].task_id == create_two_results()["WorkflowTaskEvent"]["TaskId"]


async def made_async():
    return Database("async")


@asynccontextmanager
async def database_async_context():
    yield Database("async context")


def database_generator():
    yield Database("generator")


@contextmanager
def database_context():
    yield Database("context")


async def database_async_generator():
    yield Database("async generator")


class TestProvidersThatOpen:
    @pytest.mark.parametrize(
        ("factory", "name"),
        [
            (made_async, "async"),
            (lambda: made_async(), "async"),
            (database_context, "context"),
            (database_async_context, "async context"),
            (database_async_generator, "async generator"),
            (lambda: database_context(), "context"),
            (lambda: contextlib.nullcontext(Database("null")), "null"),
        ],
    )
    def test_provider_of_any_kind_gives_its_value(self, factory, name):
        app = App()
        app.provide(Database, factory, per="invocation")
        given = collect_values(app, Database)

        app.main_handler(create_two_results(), {})
        assert [one.name for one in given] == [name, name]
        assert given[0] is given[1]

    @pytest.mark.parametrize("decorate", [contextmanager, asynccontextmanager, None])
    def test_failed_cleanup_fails_the_callback_after_it_ran(self, decorate):
        steps = []
        if decorate is contextmanager:

            @contextmanager
            def open_database():
                yield Database()
                steps.append("closed")
                raise ValueError("cannot commit")
        else:

            async def open_database():
                yield Database()
                await asyncio.sleep(0)
                steps.append("closed")
                raise ValueError("cannot commit")

            if decorate is not None:
                open_database = decorate(open_database)

        app = App()
        app.provide(Database, open_database, per="invocation")

        @app.on(Transcode)
        def callback(transcode, database: Database):
            steps.append("ran")

        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(sample("WorkflowTask", Transcode="SUCCESS"), {})
        assert steps == ["ran", "closed"]
        assert [call["outcome"] for call in failed.value.summary["callbacks"]] == ["failed"]

    @pytest.mark.parametrize("factory", [database_context, database_async_generator])
    def test_cleanup_of_the_instance_fails_when_hidden(self, factory):
        app = App()
        app.provide(Database, lambda: factory())
        given = collect_values(app, Database)

        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(create_two_results(), {})
        assert "cleanup" in str(failed.value)
        assert given == []

    def test_value_of_the_provided_type_is_not_opened(self):
        class Later(Database):
            def __await__(self):
                raise AssertionError

        for kind in (Later, contextlib.ExitStack):
            app = App()
            app.provide(kind, kind)
            given = collect_values(app, kind)
            app.main_handler(create_two_results(), {})
            assert [type(one) for one in given] == [kind, kind]

    def test_value_of_a_protocol_is_its_value(self):
        class Named(Protocol):
            name: str

        app = App()
        app.provide(Named, made_async)
        given = collect_values(app, Named)
        app.main_handler(sample("WorkflowTask", Transcode="SUCCESS"), {})
        assert given[0].name == "async"


class Special(Database):
    pass


class One:
    def __init__(self, other: Other):
        pass


class Other:
    def __init__(self, one: One):
        pass


class Store:
    def __init__(self, *, context: Context | None = None, cos=None):
        pass


def need_database(database: Database):
    return Session(database)


def need_session(session: Session):
    return Database(session)


def need_cos(cos: Cos):
    return Database(cos)


def need(kind):
    """Return a provider that needs a value of a type."""

    def provider(value):
        return Database(value)

    provider.__annotations__["value"] = kind
    return provider


@pytest.mark.parametrize(
    ("kind", "factory", "per", "message"),
    [
        ("Database", Database, "instance", "provide()"),
        (Database, 5, "instance", "provide()"),
        (Database, Database, "request", "per="),
        (Database, database_generator, "instance", "database_generator yields"),
        (Database, partial(database_generator), "instance", "functools.partial("),
        (Database, database_context, "instance", "yields"),
        (Database, database_async_context, "instance", "yields"),
        (Database, database_async_generator, "instance", "yields"),
    ],
)
def test_provider_is_refused_at_once(kind, factory, per, message):
    with raises_registration_error(message):
        App().provide(kind, factory, per=per)


ONCE = "is made once per instance"


@pytest.mark.parametrize(
    ("needed", "providers", "message"),
    [
        (Context, {Context: Context}, "Context is provided already"),
        (Special, {Database: Database}, "Special, which has no provider"),
        (Session, {Session: need_database}, "need_database() needs 'database': Database"),
        (
            Database,
            {Database: need_session, Session: need_database},
            "Database -> Session -> Database",
        ),
        (One, {One: One, Other: Other}, "One -> Other -> One"),
        (Store, {Store: Store}, f"Store {ONCE}"),
        (Session, {Session: need_database, Database: (need_cos, "invocation")}, f"Session {ONCE}"),
        *(
            (Database, {Database: need(k)}, f"needs {k.__name__}")
            for k in (Context, Event, Cos, Mps)
        ),
    ],
)
def test_provider_is_refused_when_the_application_closes(needed, providers, message):
    app = App()
    for kind, provider in providers.items():
        factory, per = provider if isinstance(provider, tuple) else (provider, "instance")
        app.provide(kind, factory, per=per)
    collect_values(app, needed)
    with raises_registration_error(message):
        _ = app.main_handler


class TestScopes:
    def test_invocation_provider_may_need_the_instances(self):
        def make_session(database: Database, context: Context):
            return Session((database, context.request_id))

        app = App()
        app.provide(Database, Database)
        app.provide(Session, make_session, per="invocation")
        given = collect_values(app, Session)
        app.main_handler(create_two_results(), {"request_id": "1"})
        app.main_handler(create_two_results(), {"request_id": "2"})
        assert [one.database[1] for one in given] == ["1", "1", "2", "2"]
        assert given[0].database[0] is given[2].database[0]


def test_hint_names_parameter_and_every_provided_class():
    import scf_mps

    app = App()

    @app.on(Transcode)
    def callback(result, what):
        pass

    with pytest.raises(RegistrationError) as error:
        _ = app.main_handler
    assert "'what'" in str(error.value)
    public = {name: getattr(scf_mps, name) for name in dir(scf_mps) if name[0].isupper()}
    provided = (name for name, value in public.items() if hasattr(value, "__provide__"))
    for name in ("Context", "Event", *provided):
        assert name in str(error.value)


class TestDeclarations:
    def test_type_has_one_provider(self):
        app = App()
        app.provide(Database, Database)
        with raises_registration_error("Database is provided already"):
            app.provide(Database, Database)

    def test_router_provides_for_the_whole_application(self):
        router = Router()
        router.provide(Database, Database)
        app = App(Router(router))
        given = collect_values(app, Database)
        app.main_handler(create_two_results(), {})
        assert [value.name for value in given] == ["database", "database"]

    def test_two_routers_cannot_provide_one_type(self):
        routers = Router(), Router()
        for router in routers:
            router.provide(Database, Database)
        with raises_registration_error("Database is provided already"):
            _ = App(*routers).main_handler

    def test_closed_application_takes_no_provider(self):
        app = App()
        _ = app.main_handler
        with raises_registration_error("after main_handler"):
            app.provide(Database, Database)

    @pytest.mark.parametrize("per", ["instance", "invocation"])
    def test_provider_of_a_base_class_makes_subclasses(self, per):
        def create(kind: type, log: logging.Logger) -> Database:
            return kind(log.name)

        app = App()
        app.provide(Database, create, per=per, subclasses=True)
        given = collect_values(app, Special)
        app.main_handler(create_two_results(), {})
        assert [type(value) for value in given] == [Special, Special]
        assert given[0] is given[1]

    @pytest.mark.parametrize(
        "annotation",
        [Database | None, None | Database, Annotated[Database, "x"], Annotated[Database | None, 5]],
    )
    def test_optional_and_annotated_types_are_provided(self, annotation):
        app = App()
        app.provide(Database, Database)
        given = collect_values(app, annotation)
        app.main_handler(create_two_results(), {})
        assert {type(value) for value in given} == {Database}

    def test_class_may_be_its_own_provider(self):
        app = App()
        app.provide(Database, Database)
        given = collect_values(app, Database)

        app.main_handler(create_two_results(), {})
        assert given[0].name == "database"


class SharedClient:
    @classmethod
    def __provide__(cls, invocation):
        return invocation.share(cls, cls)


def test_shared_value_is_made_once_per_invocation():
    app, clients = App(), []

    @app.on(Transcode)
    def use(transcode, client: SharedClient):
        clients.append(client)

    for _ in range(2):
        app.main_handler(create_two_results(), {})
    assert {type(client) for client in clients} == {SharedClient}
    assert [client is clients[0] for client in clients] == [True, True, False, False]
