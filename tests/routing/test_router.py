"""Registrations: the errors of those that could never work, and the place each error names."""

from __future__ import annotations

import functools
import logging
import sys
from typing import Any

import pytest

from scf_mps import (
    App,
    Context,
    Event,
    ImageSprites,
    PornAsr,
    RegistrationError,
    Router,
    ScfMpsError,
    Subtask,
    Transcode,
    UnknownEvent,
    UnknownSubtask,
    WorkflowTask,
)
from scf_mps.local.samples import sample
from scf_mps.routing.parameters import unwrap_function

from .support import rejected


def ignore(result):
    """A callback that does nothing."""


def test_registration_error_is_a_type_error():
    assert issubclass(RegistrationError, TypeError)
    assert issubclass(RegistrationError, ScfMpsError)


@pytest.mark.parametrize("kind", [5, None, int, App, Transcode.__mro__[-2]])
def test_on_rejects_other_objects_than_kinds(kind):
    with rejected("on(Transcode)"):
        Router().on(kind)


@pytest.mark.parametrize("kind", [Transcode, Subtask, "Transcode"])
def test_on_complete_rejects_subtasks(kind):
    with rejected(f"got {kind if isinstance(kind, str) else kind.__name__}"):
        Router().on_complete(kind)


def test_on_complete_accepts_every_class_of_events():
    for kind in (WorkflowTask, Event, UnknownEvent, "EditMediaTask", "HoloTask"):
        Router().on_complete(kind)


def test_app_rejects_other_objects_than_routers():
    with rejected("Router"):
        App(lambda result: None)


# The first parameter.


@pytest.mark.parametrize(("kind", "name"), [(Transcode, "Transcode"), ("Holo", "UnknownSubtask")])
def test_callback_without_parameters_is_rejected(kind, name):
    with rejected(f"def callback(result: {name}): …"):

        @App().on(kind)
        def callback():
            pass


def test_first_parameter_of_another_class_is_rejected():
    app = App()

    def wrong(result: ImageSprites):
        pass

    for register in (app.on(Transcode), app.on(Subtask), app.fallback):
        with rejected("result: ImageSprites"):
            register(wrong)

    with rejected("UnknownSubtask"):

        @app.on("Holo")
        def transcode(result: Transcode):
            pass


def test_first_parameter_of_a_base_class_is_accepted():
    def base(result: Subtask):
        pass

    def anything(result: object):
        pass

    def unknown(result: UnknownSubtask):
        pass

    def unknown_event(result: UnknownEvent):
        pass

    def of_any_type(result: Any):
        pass

    def unresolved(result: NoSuchName):  # noqa: F821
        pass

    app = App()
    for callback in (base, anything, ignore, of_any_type, unresolved):
        app.on(Transcode)(callback)
    for callback in (unknown, unknown_event, base):
        app.on("Holo")(callback)


@pytest.mark.parametrize("callback", [functools.partial(print), App, print, 5, "name"])
def test_callback_that_is_no_function_is_rejected(callback):
    with rejected("function"):
        App().on(Transcode)(callback)


def test_bound_method_is_a_callback():
    class Team:
        def __init__(self):
            self.types = []

        def record(self, transcode: Transcode, context: Context):
            self.types.append(transcode.type)

    team, app = Team(), App()
    app.on(Transcode)(team.record)
    app.main_handler(sample("WorkflowTask", Transcode="SUCCESS"), {})
    assert team.types == ["Transcode"]


def test_wrapped_function_receives_its_own_parameters():
    def twice(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            function(*args, **kwargs)
            return function(*args, **kwargs)

        return wrapper

    received = []
    app = App()

    @app.on(Transcode)
    @twice
    def callback(transcode: Transcode, *, context: Context):
        received.append(type(context))

    app.main_handler(sample("WorkflowTask", Transcode="SUCCESS"), {})
    assert received == [Context, Context]
    (route,) = app.routes
    assert route.where == f"{__file__}:{callback.__wrapped__.__code__.co_firstlineno}"

    with rejected("ImageSprites"):
        App().on(ImageSprites)(callback)


# Identities.


def test_two_functions_with_one_name_are_rejected():
    app = App()

    @app.on(Transcode)
    def callback(result):
        pass

    first = callback

    @app.on(ImageSprites)
    def callback(result):
        pass

    with rejected(f"{__file__}:{first.__code__.co_firstlineno}.") as raised:
        _ = app.main_handler
    assert f"{__name__}.{callback.__qualname__}" in raised.value.args[0]
    assert raised.value.where == f"{__file__}:{callback.__code__.co_firstlineno}"


def test_explicit_names_distinguish_functions():
    app = App()
    for index in range(2):
        app.on(Transcode, name=f"callback-{index}")(lambda result: None)
    assert [route.name for route in app.routes] == ["callback-0", "callback-1"]


def test_repeated_registration_is_rejected():
    router = Router()
    router.on(Transcode, definition=10)(ignore)
    twice = App()
    for definition in (10, [10]):
        twice.on(Transcode, definition=definition)(ignore)
    for app in (twice, App(router, router), App(Router(router), router)):
        with rejected("twice as on(Transcode, definition=10)") as raised:
            _ = app.main_handler
        assert raised.value.where == f"{__file__}:{ignore.__code__.co_firstlineno}"


def test_registrations_that_differ_are_accepted():
    app = App()

    @app.on(Transcode, definition=10)
    @app.on(Transcode, definition=20)
    @app.on(Transcode, path="a")
    @app.on(Transcode)
    @app.on_failure(Transcode)
    @app.on("Holo")
    @app.on("HoloHolo")
    @app.fallback
    def callback(result):
        pass

    assert len(app.routes) == 8


# After main_handler was created.


def test_late_callback_is_rejected():
    router = Router()
    app = App(router)
    _ = app.main_handler
    for late in (app, router):
        with rejected("late"):
            late.on(Transcode, name="late")(lambda result: None)


def test_main_handler_can_be_taken_again():
    app = App()
    assert app.main_handler == app.main_handler
    assert app.routes == ()


# The other parameters.

BUILT_IN = "Context, Cos, Event, IdempotencyKey, Logger, Mps, Sdk"


def test_parameter_without_provider_is_rejected():
    class Database:
        pass

    app = App()
    app.provide(int, lambda: 5)

    def callback(result: Transcode, database: Database):
        pass

    callback.__annotations__["database"] = Database
    app.on(Transcode)(callback)
    with rejected("app.provide(Database") as raised:
        _ = app.main_handler
    assert f"{BUILT_IN}, int" in raised.value.args[0]


def test_parameter_with_unresolved_annotation_is_rejected():
    app = App()

    @app.on(Transcode)
    def callback(result, cos: NoSuchName):  # noqa: F821
        pass

    with rejected("'cos': NoSuchName"):
        _ = app.main_handler


@pytest.mark.parametrize(
    ("annotation", "shown"),
    [([1], "[1]"), (Transcode, "Transcode"), (WorkflowTask, "WorkflowTask"), (Subtask, "Subtask")],
)
def test_parameter_of_a_wrong_type_is_rejected(annotation, shown):
    app = App()

    def callback(result: Transcode, other):
        pass

    callback.__annotations__["other"] = annotation
    app.on(Transcode)(callback)
    with rejected(f"'other': {shown}"):
        _ = app.main_handler


def test_parameter_with_default_needs_no_provider():
    app = App()

    @app.on(Transcode)
    def callback(result, a: dict = {}, *, b: list = [], c=5, d: [1] = 7, log: logging.Logger):  # type: ignore[valid-type] # noqa: B006
        assert (a, b, c, d) == ({}, [], 5, 7)
        assert log.name.endswith("callback")

    app.main_handler(sample("WorkflowTask", Transcode="SUCCESS"), {})


# The place of an error.


def here(offset=0):
    """Return ``file:line`` of the caller."""
    return f"{__file__}:{sys._getframe(1).f_lineno + offset}"


def test_error_of_a_decorator_names_its_line():
    with pytest.raises(RegistrationError) as raised:
        App().on("Transcod")
    assert raised.value.where == here(-1)
    assert str(raised.value).startswith(f"{raised.value.where}: ")


@pytest.mark.parametrize("verb", ["on", "on_failure", "on_progress", "on_complete"])
def test_verb_rejects_several_classes(verb):
    with rejected(f"@….{verb}(Transcode) and @….{verb}(PornAsr)") as raised:
        getattr(App(), verb)(Transcode, PornAsr)
    assert raised.value.where == here(-1)


def test_error_of_a_parameter_names_the_callback():
    app = App()

    @app.on(Transcode)
    def callback(result, database: dict): ...

    where = here(-3)
    with pytest.raises(RegistrationError) as raised:
        _ = app.main_handler
    assert raised.value.where == where


def test_error_of_a_provider_names_the_provider():
    app = App()

    def make(size: int) -> bytes: ...

    where = here(-2)
    app.provide(bytes, make)

    @app.on(Transcode)
    def callback(result, data: bytes): ...

    with pytest.raises(RegistrationError) as raised:
        _ = app.main_handler
    assert raised.value.where == where


def test_error_of_a_router_names_the_callback():
    router = Router()

    @router.on(WorkflowTask)
    def callback(result): ...

    where = here(-3)
    with pytest.raises(RegistrationError) as raised:
        _ = App(Router(router, definition=10)).main_handler
    assert raised.value.where == where


def test_error_of_circular_providers_names_the_callback():
    app = App()

    def make(data: bytes) -> bytes: ...

    app.provide(bytes, make)

    @app.on(Transcode)
    def callback(result, data: bytes): ...

    where = here(-3)
    with rejected("bytes -> bytes") as raised:
        _ = app.main_handler
    assert raised.value.where == where


def test_route_of_a_package_function_names_the_registration():
    app = App()
    app.on(Transcode, name="get")(unwrap_function)
    assert [route.where for route in app.routes] == [here(-1)]


def test_route_of_a_filtered_router_keeps_its_place():
    inner = Router()
    inner.on(Transcode, name="get")(unwrap_function)
    (plain,), (filtered,) = App(inner).routes, App(Router(inner, source="*")).routes
    assert filtered.where == plain.where


def test_error_keeps_its_place_when_the_application_closes():
    error = RegistrationError("x", "there:1")
    error.locate("elsewhere:2")
    assert error.where == "there:1"
