"""Middleware: hooks around events and callbacks, checked when they are declared."""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar

import pytest

from scf_mps import (
    App,
    CallbacksFailed,
    Context,
    Drop,
    ImageSprites,
    Middleware,
    RegistrationError,
    Transcode,
)
from scf_mps.local.samples import sample


def event():
    return sample("WorkflowTask", Transcode="SUCCESS", ImageSprites="SUCCESS")


def refused(message: str):
    return pytest.raises(RegistrationError, match=re.escape(message))


class Recorder(Middleware):
    def __init__(self, name, steps):
        self._name = name
        self._steps = steps

    def before_event(self, event, context):
        self._steps.append((self._name, "before", event.type, context.request_id))

    def around_callback(self, call, proceed):
        self._steps.append((self._name, "in", call.result.type))
        returned = proceed()
        self._steps.append((self._name, "out", returned))
        return returned

    def after_callback(self, call):
        self._steps.append((self._name, "after", call.outcome))

    def after_event(self, event, context, summary):
        assert (event.type, context.request_id) == ("WorkflowTask", "r")
        self._steps.append((self._name, "end", len(summary["callbacks"])))


def test_hooks_run_around_everything_the_first_outermost():
    steps: list[Any] = []
    app = App(middleware=[Recorder("a", steps), Recorder("b", steps)])

    @app.on(Transcode)
    def callback(transcode):
        steps.append("callback")
        return 5

    app.main_handler(event(), {"request_id": "r"})
    assert steps == [
        ("a", "before", "WorkflowTask", "r"),
        ("b", "before", "WorkflowTask", "r"),
        ("a", "in", "Transcode"),
        ("b", "in", "Transcode"),
        "callback",
        ("b", "out", 5),
        ("a", "out", 5),
        ("b", "after", "done"),
        ("a", "after", "done"),
        ("b", "end", 1),
        ("a", "end", 1),
    ]


def test_a_middleware_that_overrides_nothing_does_nothing():
    class Quiet(Middleware):
        pass

    app, ran = App(middleware=[Quiet()]), []
    app.on(Transcode)(lambda transcode: ran.append(1))

    app.main_handler(event(), {})
    assert ran == [1]
    assert Quiet().around_callback(None, lambda: 7) == 7  # type: ignore[arg-type]
    quiet: Any = Quiet()
    assert (quiet.before_event(0, 0), quiet.after_callback(0), quiet.after_event(0, 0, 0)) == (
        None,
        None,
        None,
    )


def test_a_callback_inside_middleware_is_given_what_it_asks_for():
    class Passing(Middleware):
        def around_callback(self, call, proceed):
            return proceed()

    app, found = App(middleware=[Passing()]), []

    @app.on(Transcode)
    async def callback(transcode, context: Context):
        found.append(context.request_id)

    app.main_handler(event(), {"request_id": "r"})
    assert found == ["r"]


def test_around_may_replace_what_the_callback_raises():
    class Forgiving(Middleware):
        def around_callback(self, call, proceed):
            try:
                return proceed()
            except ValueError as error:
                raise Drop(str(error)) from error

    app = App(middleware=[Forgiving()])

    @app.on(Transcode)
    def failing(transcode):
        raise ValueError("never mind")

    summary = app.main_handler(event(), {})
    assert [call["outcome"] for call in summary["callbacks"]] == ["dropped"]


def test_around_may_leave_the_callback_out():
    class Skipping(Middleware):
        def around_callback(self, call, proceed):
            return proceed() if isinstance(call.result, ImageSprites) else None

    app, ran = App(middleware=[Skipping()]), []
    app.on(Transcode, name="a")(lambda transcode: ran.append("transcode"))
    app.on(ImageSprites, name="b")(lambda sprites: ran.append("sprites"))

    app.main_handler(event(), {})
    assert ran == ["sprites"]


@pytest.mark.parametrize("hook", ["around_callback", "after_callback"])
def test_a_hook_around_a_callback_that_raises_fails_that_callback_alone(hook):
    def raising(self, call, *more):
        if isinstance(call.result, Transcode):
            raise ValueError("in the hook")
        return more[0]() if more else None

    broken = type("Broken", (Middleware,), {hook: raising})
    app, ran = App(middleware=[broken()]), []
    app.on(Transcode, name="a")(lambda transcode: None)
    app.on(ImageSprites, name="b")(lambda sprites: ran.append("sprites"))

    with pytest.raises(CallbacksFailed) as failed:
        app.main_handler(event(), {})
    assert [(one.callback, one.reason) for one in failed.value.failures] == [
        ("a", "ValueError: in the hook")
    ]
    assert ran == ["sprites"]


@pytest.mark.parametrize("hook", ["before_event", "after_event"])
def test_a_hook_around_an_event_that_raises_fails_the_event(hook):
    def raising(self, *args):
        raise ValueError("in the hook")

    broken = type("Broken", (Middleware,), {hook: raising})

    with pytest.raises(ValueError, match="in the hook"):
        App(middleware=[broken()]).main_handler(event(), {})


@pytest.mark.parametrize("hook", ["before_event", "after_event"])
def test_of_several_messages_a_hook_that_raises_for_one_keeps_no_other_from_its_turn(hook):
    handled: list[str] = []

    def raising(self, one, *args):
        if one.task_id == "first":
            raise ValueError("in the hook")

    broken = type("Broken", (Middleware,), {hook: raising})
    app = App(middleware=[broken()])
    app.on(Transcode)(lambda transcode: handled.append(transcode.event.task_id))
    first, second = event(), event()
    for one, name in ((first, "first"), (second, "second")):
        one["WorkflowTaskEvent"]["TaskId"] = name
    records = [{"CMQ": {"msgBody": json.dumps(one)}} for one in (first, second)]

    with pytest.raises(CallbacksFailed) as failed:
        app.main_handler({"Records": records}, {})
    assert "main_handler on Records[0]: ValueError: in the hook" in str(failed.value)
    assert handled[-1] == "second"
    assert len(failed.value.summary["events"]) == 2


def test_a_hook_that_leaves_the_process_fails_its_callback_alone():
    ran: list[str] = []

    class Leaving(Middleware):
        def after_callback(self, call):
            if call.route.name == "a":
                raise SystemExit(3)

    app = App(middleware=[Leaving()])
    app.on(Transcode, name="a")(lambda transcode: ran.append("a"))
    app.on(Transcode, name="b")(lambda transcode: ran.append("b"))

    with pytest.raises(CallbacksFailed) as failed:
        app.main_handler(event(), {})
    assert [call["outcome"] for call in failed.value.summary["callbacks"]] == ["failed", "done"]
    assert ran == ["a", "b"]


def test_after_event_sees_the_summary_of_an_event_that_failed():
    steps: list[Any] = []

    class Watching(Middleware):
        def after_event(self, event, context, summary):
            steps.append([call["outcome"] for call in summary["callbacks"]])

    app = App(middleware=[Watching()])
    app.on(Transcode)(lambda transcode: 1 / 0)

    with pytest.raises(CallbacksFailed):
        app.main_handler(event(), {})
    assert steps == [["failed"]]


def test_after_callback_sees_what_came_of_the_call():
    seen: list[Any] = []

    class Watching(Middleware):
        def after_callback(self, call):
            seen.append((call.route.name, call.outcome, type(call.error), call.seconds >= 0))

    app = App(middleware=[Watching()])
    app.on(Transcode, name="a")(lambda transcode: 1 / 0)
    app.on(ImageSprites, name="b")(lambda sprites: None)

    with pytest.raises(CallbacksFailed):
        app.main_handler(event(), {})
    assert seen == [("a", "failed", ZeroDivisionError, True), ("b", "done", type(None), True)]


class TestDeclarations:
    def test_a_misspelt_hook_is_refused_with_the_nearest(self):
        with refused(
            "Misspelt.befor_event is no hook of Middleware and would never be called; "
            "did you mean before_event? (methods of your own begin with an underscore)"
        ):

            class Misspelt(Middleware):
                def befor_event(self, event, context):
                    pass

    def test_a_method_like_no_hook_is_refused_with_the_hooks_there_are(self):
        with refused(
            "hooks are before_event, around_callback, after_callback, after_event "
            "(methods of your own begin with an underscore)"
        ):

            class Odd(Middleware):
                def zzz(self):
                    pass

    def test_methods_of_ones_own_and_attributes_are_fine(self):
        class Fine(Middleware):
            limit = 5

            def _own(self):
                pass

        App(middleware=[Fine()])

    @pytest.mark.parametrize("middleware", [Recorder, print, 5])
    def test_what_is_no_middleware_is_refused(self, middleware):
        with refused("expected an instance of a subclass of Middleware, not"):
            App(middleware=[middleware])


class TestOptions:
    class Paging(Middleware):
        options: ClassVar = {"team": str, "urgent": bool}

        def __init__(self):
            self.paged = []

        def after_callback(self, call):
            self.paged.append(call.route.options.get("team"))

    def test_a_registration_tells_middleware_what_it_asks_for(self):
        paging = self.Paging()
        app = App(middleware=[paging])
        app.on(Transcode, name="a", options={"team": "video", "urgent": True})(lambda result: None)
        app.on(ImageSprites, name="b")(lambda result: None)

        app.main_handler(event(), {})
        assert paging.paged == ["video", None]

    def test_an_option_that_no_middleware_has_is_refused(self):
        app = App(middleware=[self.Paging()])
        app.on(Transcode, name="a", options={"taem": "video"})(lambda result: None)

        with refused("a has an unknown option 'taem'") as error:
            _ = app.main_handler
        assert str(error.value).endswith("has an unknown option 'taem'; there are team, urgent")

    def test_without_middleware_the_refusal_asks_for_it(self):
        app = App()
        app.on(Transcode, name="a", options={"team": "video"})(lambda result: None)

        with refused("there are none: is a middleware missing from App(middleware=[…])?"):
            _ = app.main_handler

    def test_an_option_of_another_type_is_refused(self):
        app = App(middleware=[self.Paging()])
        app.on(Transcode, name="a", options={"team": 5})(lambda result: None)

        with refused("option 'team' of a expects") as error:
            _ = app.main_handler
        assert str(error.value).endswith("expects str, not 5")
