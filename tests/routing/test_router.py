"""Registrations that could never work fail while the application is imported, and say what to write instead."""

from __future__ import annotations

import functools
import logging
import re
import sys
from typing import Any

import pytest

from scf_mps import (
    AIRecognition,
    AnimatedGraphics,
    App,
    Context,
    EditMediaTask,
    Event,
    ExecRule,
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
from scf_mps.routing.parameters import unwrap_function
from scf_mps.routing.type_names import find_classes, list_types


def refused(message: str):
    return pytest.raises(RegistrationError, match=re.escape(message))


def test_a_registration_error_is_a_type_error_of_ours():
    assert issubclass(RegistrationError, TypeError)
    assert issubclass(RegistrationError, ScfMpsError)


class TestKinds:
    @pytest.mark.parametrize("kind", [5, None, int, App, Transcode.__mro__[-2]])
    def test_what_is_no_class_of_results_and_no_name_is_refused(self, kind):
        with refused(
            "on() expects a class of results, e.g. on(Transcode), or the name of a type, not"
        ):
            Router().on(kind)

    @pytest.mark.parametrize(
        ("name", "near", "kinds"),
        [
            ("ImageSprite", "ImageSprites", "ImageSprites"),
            ("imagesprites", "ImageSprites", "ImageSprites"),
            ("AnimatedGraphic", "AnimatedGraphics", "AnimatedGraphics"),
            ("AnimatedGraphicTask", "AnimatedGraphics", "AnimatedGraphics"),
            ("ImageSpritesTask", "ImageSprites", "ImageSprites"),
            ("transcode", "Transcode", "Transcode"),
            ("PornAsr", "Porn.Asr", "PornAsr"),
            ("Face", "FaceRecognition", "FaceRecognition"),
            ("FaceTask", "FaceRecognition", "FaceRecognition"),
            (
                "AsrFullText",
                "AsrFullTextRecognition",
                "AsrFullTextRecognition, SmartSubtitlesAsrFullText",
            ),
            ("SmartSubtitlesTaskResultSet", "SmartSubtitles", "SmartSubtitles"),
            ("AiQualityControlTask", "AiQualityControl", "AiQualityControl"),
            ("EditMedia", "EditMediaTask", "EditMediaTask"),
            ("High", "Highlight", "Highlight"),
            ("Porn - Asr", "Porn.Asr", "PornAsr"),
            ("WorkflowTaskEvent", "WorkflowTask", "WorkflowTask"),
        ],
    )
    def test_a_misspelt_type_is_refused_with_the_nearest(self, name, near, kinds):
        with refused(f"there is no type {name!r}; did you mean {near!r} (class {kinds})?"):
            Router().on(name)

    def test_the_refusal_says_how_to_register_for_such_a_type_all_the_same(self):
        with refused(
            "If MPS does send 'ImageSprite', register for UnknownSubtask with "
            "when=lambda result: result.type == 'ImageSprite'"
        ):
            Router().on("ImageSprite")

    @pytest.mark.parametrize(
        "name",
        ["HoloTranscode", "CoverBySnapshot", "AudioExtract", "Smell", "HoloTask", "X", "Po", "Hig"],
    )
    def test_a_name_like_no_other_is_a_type_of_tomorrow(self, name):
        assert find_classes(name) == ()

    def test_every_type_names_its_classes(self):
        for name, kinds in list_types().items():
            assert [kind.__name__ for kind in find_classes(name)] == list(kinds)

    @pytest.mark.parametrize("kind", [Transcode, Subtask, "Transcode"])
    def test_on_complete_is_for_events(self, kind):
        name = kind if isinstance(kind, str) else kind.__name__
        with refused(
            f"on_complete() is for events, e.g. on_complete(WorkflowTask), not for {name}"
        ):
            Router().on_complete(kind)

    def test_on_complete_takes_every_class_of_events(self):
        for kind in (WorkflowTask, Event, UnknownEvent, "EditMediaTask", "HoloTask"):
            Router().on_complete(kind)


class TestFilters:
    def test_a_misspelt_filter_is_refused_with_the_nearest(self):
        with refused("there is no filter definitions=; did you mean definition=?"):
            Router().on(Transcode, definitions=10)
        with refused(
            "there is no filter zzz=; there are definition, bucket, path, source, session, when"
        ):
            Router(zzz=10)

    @pytest.mark.parametrize(
        ("filters", "message"),
        [
            ({"definition": "10"}, "definition= expects int, not '10'"),
            ({"definition": [10, "20"]}, "definition= expects int, not '20'"),
            ({"definition": True}, "definition= expects int, not True"),
            ({"definition": 1.5}, "definition= expects one or more int, not 1.5"),
            ({"definition": ()}, "definition= expects one or more int, not ()"),
            ({"bucket": 5}, "bucket= expects str, not 5"),
            ({"bucket": []}, "bucket= expects one or more str, not []"),
            (
                {"bucket": "media"},
                "bucket='media' can never match: a bucket's name ends with the APPID, "
                "e.g. media-1250000000",
            ),
            ({"bucket": "a.b-1250000000"}, "bucket='a.b-1250000000' can never match"),
            (
                {"path": "/videos/*"},
                "path='/videos/*' can never match: the keys of COS have no leading slash, "
                "write 'videos/*'",
            ),
            ({"source": ["a", "/b"]}, "source='/b' can never match"),
            ({"source": "//X/b"}, "write 'X/b'"),
            ({"session": 5}, "session= expects str, not 5"),
            (
                {"when": 5},
                "when= expects a function of the result, e.g. when=lambda result: …, not 5",
            ),
        ],
    )
    def test_a_filter_that_cannot_match_is_refused(self, filters, message):
        for register in (lambda: Router(**filters), lambda: Router().on(Subtask, **filters)):
            with refused(message):
                register()

    def test_a_session_may_begin_with_a_slash(self):
        Router().on(Transcode, session="/a")

    def test_a_filter_by_what_a_kind_never_has_is_refused(self):
        with refused("definition=10 can never match: a EditMediaTask has no definition"):
            Router().on(EditMediaTask, definition=10)
        with refused("definition=10 can never match: a ExecRule has no definition"):
            Router().on(ExecRule, definition=10)
        with refused("path='*.mp4' can never match: a PornAsr has no output files"):
            Router().on(PornAsr, path="*.mp4")
        with refused("bucket='a-1' can never match: a AIRecognition has no output files"):
            Router().on_failure(AIRecognition, bucket="a-1")
        with refused("path='a' can never match: a LiveAiReviewResult has no output files"):
            Router().on("AiReviewResult", path="a")

    def test_filters_of_what_a_kind_may_have_are_taken(self):
        Router().on(PornAsr, definition=10, source="a", session="b")
        Router().on(EditMediaTask, path="a", bucket="b-1")
        Router().on(AnimatedGraphics, path="a", bucket="b-1", definition=10)

    def test_filters_are_told_in_words(self):
        app = App()
        ask = functools.partial(bool)
        app.on(Transcode, definition=(100, 20), path=["b", "a"], when=ask)(lambda result: None)

        (route,) = app.routes
        assert str(route) == f"on(Transcode, definition=(20, 100), path=('a', 'b'), when={ask!r})"
        assert len({hash(one) for one in route.filters}) == 3

    def test_filters_that_exclude_each_other_are_refused(self):
        with refused("no result can have both definition=10 and definition=(20, 30)"):
            Router(definition=10).on(Transcode, definition=(20, 30))

        inner = Router(bucket="a-1")

        @inner.on(Transcode)
        def callback(result):
            pass

        with refused("no result can have both bucket='b-1' and bucket='a-1'"):
            _ = App(Router(inner, bucket="b-1")).routes

    def test_a_routers_filter_that_a_kind_never_has_is_refused(self):
        with refused("definition=10 can never match: a EditMediaTask has no definition"):
            Router(definition=10).on(EditMediaTask)


class TestCallbacks:
    def test_a_callback_takes_the_result(self):
        with refused(
            "callback() takes no argument, but it is given the result it is called for: "
            "def callback(result: Transcode): …"
        ):

            @App().on(Transcode)
            def callback():
                pass

    def test_a_callback_of_a_type_of_tomorrow_takes_an_unknown_subtask(self):
        with refused("def callback(result: UnknownSubtask): …"):

            @App().on("Holo")
            def callback():
                pass

    def test_the_first_parameter_is_of_a_class_of_the_kind(self):
        app = App()

        def wrong(result: ImageSprites):
            pass

        with refused(
            "TestCallbacks.test_the_first_parameter_is_of_a_class_of_the_kind.<locals>.wrong() is "
            "registered for Transcode but its first parameter is result: ImageSprites"
        ):
            app.on(Transcode)(wrong)
        with refused("is registered for Subtask but its first parameter is result: ImageSprites"):
            app.on(Subtask)(wrong)
        with refused("is registered for Result but its first parameter is result: ImageSprites"):
            app.fallback(wrong)

    def test_a_first_parameter_above_the_kind_will_do(self):
        def above(result: Subtask):
            pass

        def anything(result: object):
            pass

        def unknown(result: UnknownSubtask):
            pass

        def unknown_event(result: UnknownEvent):
            pass

        def untyped(result):
            pass

        def of_any_type(result: Any):
            pass

        def odd(result: NoSuchName):  # noqa: F821
            pass

        app = App()
        app.on(Transcode)(above)
        app.on(Transcode)(anything)
        app.on(Transcode)(untyped)
        app.on(Transcode)(of_any_type)
        app.on(Transcode)(odd)
        app.on("Holo")(unknown)
        app.on("Holo")(unknown_event)
        app.on("Holo")(above)
        with refused(
            "is registered for UnknownSubtask but its first parameter is result: Transcode"
        ):

            @app.on("Holo")
            def wrong(result: Transcode):
                pass

    @pytest.mark.parametrize("callback", [functools.partial(print), App, print, 5, "name"])
    def test_what_is_no_function_is_refused(self, callback):
        with refused("expected a function (def or async def), not "):
            App().on(Transcode)(callback)

    def test_a_method_of_an_object_is_a_callback(self):
        class Team:
            def __init__(self):
                self.heard = []

            def transcoded(self, transcode: Transcode, context: Context):
                self.heard.append(transcode.type)

        team, app = Team(), App()
        app.on(Transcode)(team.transcoded)
        from scf_mps.local.samples import sample

        app.main_handler(sample("WorkflowTask", Transcode="SUCCESS"), {})
        assert team.heard == ["Transcode"]

    def test_a_wrapped_function_is_asked_what_it_takes(self):
        def twice(function):
            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                function(*args, **kwargs)
                return function(*args, **kwargs)

            return wrapper

        heard = []
        app = App()

        @app.on(Transcode)
        @twice
        def callback(transcode: Transcode, *, context: Context):
            heard.append(type(context))

        from scf_mps.local.samples import sample

        app.main_handler(sample("WorkflowTask", Transcode="SUCCESS"), {})
        assert heard == [Context, Context]
        (route,) = app.routes
        assert route.where == f"{__file__}:{callback.__wrapped__.__code__.co_firstlineno}"

        with refused("is registered for ImageSprites but its first parameter is transcode"):
            app = App()
            app.on(ImageSprites)(callback)


class TestIdentities:
    def test_two_functions_of_one_name_are_refused(self):
        app = App()

        @app.on(Transcode)
        def callback(result):
            pass

        first = callback

        @app.on(ImageSprites)
        def callback(result):
            pass

        name = f"{__name__}.{callback.__qualname__}"
        with refused(
            f"two callbacks are called {name}, the other at {__file__}:{first.__code__.co_firstlineno}:"
        ):
            _ = app.main_handler

    def test_a_name_of_its_own_sets_a_function_apart(self):
        app = App()
        for index in range(2):
            app.on(Transcode, name=f"callback-{index}")(lambda result: None)

        assert [route.name for route in app.routes] == ["callback-0", "callback-1"]

    def test_the_same_registration_twice_is_refused(self):
        router = Router()

        @router.on(Transcode, definition=10)
        def callback(result):
            pass

        twice = App()
        for definition in (10, [10]):
            twice.on(Transcode, definition=definition)(callback)
        with refused("is registered twice as on(Transcode, definition=10): remove one"):
            _ = twice.routes
        with refused("is registered twice as on(Transcode, definition=10): remove one"):
            _ = App(router, router).routes
        with refused("is registered twice"):
            _ = App(Router(router), router).main_handler

    def test_registrations_that_differ_in_anything_are_not_the_same(self):
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

    def test_what_is_no_router_is_refused(self):
        with refused("expected a Router, not <function"):
            App(lambda result: None)


class TestCompletion:
    def test_a_callback_registered_after_main_handler_was_taken_is_refused(self):
        router = Router()
        app = App(router)
        _ = app.main_handler

        for late in (app, router):
            with refused(
                "late is registered after main_handler was taken from the application, and would "
                "never be called: import its module before that"
            ):
                late.on(Transcode, name="late")(lambda result: None)

    def test_a_type_provided_after_main_handler_was_taken_is_refused(self):
        app = App()
        _ = app.main_handler

        with refused("int is provided after main_handler was taken: move it before"):
            app.provide(int, lambda: 5)

    def test_main_handler_can_be_taken_again(self):
        app = App()

        assert app.main_handler == app.main_handler
        assert app.routes == ()


def test_a_parameter_that_nothing_provides_is_refused_with_what_there_is():
    class Database:
        pass

    app = App()
    app.provide(int, lambda: 5)

    def callback(result: Transcode, database: Database):
        pass

    callback.__annotations__["database"] = Database
    app.on(Transcode)(callback)
    with refused(
        "callback() asks for 'database': Database, which nothing provides: there are "
        "Context, Cos, Event, IdempotencyKey, Logger, Mps, int; add app.provide(Database, …)"
    ):
        _ = app.main_handler


def test_a_parameter_without_annotation_is_refused():
    app = App()

    @app.on(Transcode)
    def callback(result, cos):
        pass

    with refused(
        "callback() asks for 'cos' without saying what it is: annotate it with one of "
        "Context, Cos, Event, IdempotencyKey, Logger, Mps, or give it a default"
    ):
        _ = app.main_handler


def test_a_parameter_whose_annotation_names_nothing_is_refused():
    app = App()

    @app.on(Transcode)
    def callback(result, cos: NoSuchName):  # noqa: F821
        pass

    with refused(
        "callback() asks for 'cos': NoSuchName, a name that cannot be found when the function is "
        "called: import it at run time too, not under `if TYPE_CHECKING` alone"
    ):
        _ = app.main_handler


def test_a_parameter_whose_annotation_is_no_type_is_refused():
    app = App()

    def callback(result, sizes):
        pass

    callback.__annotations__["sizes"] = [1]
    app.on(Transcode)(callback)
    with refused("callback() asks for 'sizes': [1], which nothing provides"):
        _ = app.main_handler


@pytest.mark.parametrize("kind", [Transcode, WorkflowTask, Subtask])
def test_a_second_result_is_refused(kind):
    app = App()

    def callback(result: Transcode, other):
        pass

    callback.__annotations__["other"] = kind
    app.on(Transcode)(callback)
    with refused(
        f"callback() asks for 'other': {kind.__name__}, but a callback has one result, its first "
        "parameter; others are in .event"
    ):
        _ = app.main_handler


def test_a_parameter_that_nothing_provides_may_have_a_default():
    app = App()

    @app.on(Transcode)
    def callback(result, a: dict = {}, *, b: list = [], c=5, d: [1] = 7, log: logging.Logger):  # type: ignore[valid-type] # noqa: B006
        assert (a, b, c, d) == ({}, [], 5, 7)
        assert log.name.endswith("callback")

    from scf_mps.local.samples import sample

    app.main_handler(sample("WorkflowTask", Transcode="SUCCESS"), {})


class TestPlaces:
    """The error of a registration names the line to be corrected."""

    @staticmethod
    def here(offset: int = 0) -> str:
        return f"{__file__}:{sys._getframe(1).f_lineno + offset}"

    def test_wrong_decorator_names_its_own_line(self):
        with pytest.raises(RegistrationError) as raised:
            App().on("Transcod")
        assert raised.value.where == self.here(-1)
        assert str(raised.value).startswith(f"{raised.value.where}: there is no type")

    @pytest.mark.parametrize("verb", ["on", "on_failure", "on_progress", "on_complete"])
    def test_verb_refuses_several_classes(self, verb):
        with refused(f"@….{verb}(Transcode) and @….{verb}(PornAsr)") as raised:
            getattr(App(), verb)(Transcode, PornAsr)
        assert raised.value.where == self.here(-1)

    def test_missing_provider_names_the_callback(self):
        app = App()

        @app.on(Transcode)
        def callback(result, database: dict): ...

        place = self.here(-3)
        with pytest.raises(RegistrationError) as raised:
            _ = app.main_handler
        assert raised.value.where == place

    def test_missing_argument_of_a_provider_names_the_provider(self):
        app = App()

        def make(size: int) -> bytes: ...

        place = self.here(-2)
        app.provide(bytes, make)

        @app.on(Transcode)
        def callback(result, data: bytes): ...

        with pytest.raises(RegistrationError) as raised:
            _ = app.main_handler
        assert raised.value.where == place

    def test_unreachable_filter_of_a_router_names_the_callback(self):
        router = Router()

        @router.on(WorkflowTask)
        def callback(result): ...

        place = self.here(-3)
        with pytest.raises(RegistrationError) as raised:
            _ = App(Router(router, definition=10)).main_handler
        assert raised.value.where == place

    def test_circle_of_providers_names_the_callback(self):
        app = App()

        def make(data: bytes) -> bytes: ...

        app.provide(bytes, make)

        @app.on(Transcode)
        def callback(result, data: bytes): ...

        place = self.here(-3)
        with refused("circle") as raised:
            _ = app.main_handler
        assert raised.value.where == place

    def test_action_is_placed_at_its_registration(self):
        app = App()
        app.on(Transcode, name="get")(unwrap_function)
        assert [route.where for route in app.routes] == [self.here(-1)]

    def test_error_raised_while_the_application_closes_keeps_its_place(self):
        error = RegistrationError("x", "there:1")
        error.locate("elsewhere:2")
        assert error.where == "there:1"
