"""Middleware: hooks around events and callbacks, checked when they are declared."""

from __future__ import annotations

import json
import re
from typing import ClassVar

import pytest

from scf_mps import (
    App,
    CallbacksFailed,
    Context,
    Drop,
    ImageSprites,
    LedgerError,
    Middleware,
    RegistrationError,
    Transcode,
    WorkflowTask,
)
from scf_mps.ledger import MemoryLedger
from scf_mps.local.samples import sample


def create_event():
    return sample("WorkflowTask", Transcode="SUCCESS", ImageSprites="SUCCESS")


def raises_registration_error(message):
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


def test_first_middleware_is_the_outermost():
    steps = []
    app = App(middleware=[Recorder("a", steps), Recorder("b", steps)])

    @app.on(Transcode)
    def callback(transcode):
        steps.append("callback")
        return 5

    app.main_handler(create_event(), {"request_id": "r"})
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


def test_middleware_without_hooks_does_nothing():
    class Quiet(Middleware):
        pass

    app, ran = App(middleware=[Quiet()]), []
    app.on(Transcode)(lambda transcode: ran.append(1))

    app.main_handler(create_event(), {})
    assert ran == [1]
    assert Quiet().around_callback(None, lambda: 7) == 7
    quiet = Quiet()
    assert (quiet.before_event(0, 0), quiet.after_callback(0)) == (None, None)
    assert quiet.after_event(0, 0, 0) is None
    assert quiet.around_event(0, 0, lambda: 8) == 8


def test_callback_inside_middleware_gets_its_arguments():
    class Passing(Middleware):
        def around_callback(self, call, proceed):
            return proceed()

    app, found = App(middleware=[Passing()]), []

    @app.on(Transcode)
    async def callback(transcode, context: Context):
        found.append(context.request_id)

    app.main_handler(create_event(), {"request_id": "r"})
    assert found == ["r"]


def test_around_callback_may_replace_the_exception():
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

    summary = app.main_handler(create_event(), {})
    assert [call["outcome"] for call in summary["callbacks"]] == ["dropped"]


def test_around_callback_may_skip_the_callback():
    class Skipping(Middleware):
        def around_callback(self, call, proceed):
            return proceed() if isinstance(call.result, ImageSprites) else None

    app, ran = App(middleware=[Skipping()]), []
    app.on(Transcode, name="a")(lambda transcode: ran.append("transcode"))
    app.on(ImageSprites, name="b")(lambda sprites: ran.append("sprites"))

    app.main_handler(create_event(), {})
    assert ran == ["sprites"]


@pytest.mark.parametrize("hook", ["around_callback", "after_callback"])
def test_raising_callback_hook_fails_only_its_callback(hook):
    def raising(self, call, *more):
        if isinstance(call.result, Transcode):
            raise ValueError("in the hook")
        return more[0]() if more else None

    broken = type("Broken", (Middleware,), {hook: raising})
    app, ran = App(middleware=[broken()]), []
    app.on(Transcode, name="a")(lambda transcode: None)
    app.on(ImageSprites, name="b")(lambda sprites: ran.append("sprites"))

    with pytest.raises(CallbacksFailed) as failed:
        app.main_handler(create_event(), {})
    assert [(one.callback, one.reason) for one in failed.value.failures] == [
        ("a", "ValueError: in the hook")
    ]
    assert ran == ["sprites"]


@pytest.mark.parametrize("hook", ["before_event", "after_event"])
def test_raising_event_hook_fails_the_event(hook, caplog):
    def raising(self, *args):
        raise ValueError("in the hook")

    broken = type("Broken", (Middleware,), {hook: raising})

    with pytest.raises(ValueError, match="in the hook"):
        App(middleware=[broken()]).main_handler(create_event(), {})
    assert "event failed" not in caplog.text  # SCF logs the exception


@pytest.mark.parametrize("hook", ["before_event", "after_event"])
def test_batch_continues_after_raising_hook(hook):
    handled = []

    def raising(self, one, *args):
        if one.task_id == "first":
            raise ValueError("in the hook")

    broken = type("Broken", (Middleware,), {hook: raising})
    app = App(middleware=[broken()])
    app.on(Transcode)(lambda transcode: handled.append(transcode.event.task_id))
    first, second = create_event(), create_event()
    for one, name in ((first, "first"), (second, "second")):
        one["WorkflowTaskEvent"]["TaskId"] = name
    records = [{"CMQ": {"msgBody": json.dumps(one)}} for one in (first, second)]

    with pytest.raises(CallbacksFailed) as failed:
        app.main_handler({"Records": records}, {})
    assert "main_handler on Records[0]: ValueError: in the hook" in str(failed.value)
    assert handled[-1] == "second"
    assert len(failed.value.summary["events"]) == 2


def test_exiting_hook_fails_only_its_callback():
    ran = []

    class Leaving(Middleware):
        def after_callback(self, call):
            if call.route.name == "a":
                raise SystemExit(3)

    app = App(middleware=[Leaving()])
    app.on(Transcode, name="a")(lambda transcode: ran.append("a"))
    app.on(Transcode, name="b")(lambda transcode: ran.append("b"))

    with pytest.raises(CallbacksFailed) as failed:
        app.main_handler(create_event(), {})
    assert [call["outcome"] for call in failed.value.summary["callbacks"]] == ["failed", "done"]
    assert ran == ["a", "b"]


def test_after_event_gets_summary_of_failed_event():
    steps = []

    class Watching(Middleware):
        def after_event(self, event, context, summary):
            steps.append([call["outcome"] for call in summary["callbacks"]])

    app = App(middleware=[Watching()])
    app.on(Transcode)(lambda transcode: 1 / 0)

    with pytest.raises(CallbacksFailed):
        app.main_handler(create_event(), {})
    assert steps == [["failed"]]


def test_after_callback_gets_the_outcome():
    seen = []

    class Watching(Middleware):
        def after_callback(self, call):
            seen.append((call.route.name, call.outcome, type(call.error), call.seconds >= 0))

    app = App(middleware=[Watching()])
    app.on(Transcode, name="a")(lambda transcode: 1 / 0)
    app.on(ImageSprites, name="b")(lambda sprites: None)

    with pytest.raises(CallbacksFailed):
        app.main_handler(create_event(), {})
    assert seen == [("a", "failed", ZeroDivisionError, True), ("b", "done", type(None), True)]


class Bracket(Middleware):
    """Logs the beginning and the end of each event, whatever happens in between."""

    def __init__(self, name, steps):
        self._name = name
        self._steps = steps

    def around_event(self, event, context, proceed):
        assert isinstance(context, Context)
        event.state[self._name] = "open"
        self._steps.append((self._name, "in"))
        try:
            return proceed()
        finally:
            self._steps.append((self._name, "out"))

    def around_callback(self, call, proceed):
        assert call.event.state == {"a": "open", "b": "open"}
        return proceed()


def test_around_event_encloses_all_other_hooks():
    steps = []
    app = App(middleware=[Bracket("a", steps), Bracket("b", steps), Recorder("c", steps)])
    app.on(Transcode)(lambda transcode: steps.append("callback"))
    app.on_complete(WorkflowTask, name="end")(lambda task: None)
    app.main_handler(create_event(), {"request_id": "r"})
    assert steps[:3] == [("a", "in"), ("b", "in"), ("c", "before", "WorkflowTask", "r")]
    assert steps[-3:] == [("c", "end", 2), ("b", "out"), ("a", "out")]


class HeldLedger(MemoryLedger):
    def claim(self, *arguments, **options):
        raise LedgerError("the store is away")


@pytest.mark.parametrize(
    ("ledger", "error"), [(HeldLedger(), LedgerError), ("none", CallbacksFailed)]
)
def test_around_event_ends_when_the_event_fails(ledger, error):
    steps = []
    app = App(middleware=[Bracket("a", steps), Bracket("b", steps)], ledger=ledger)
    app.on(Transcode)(lambda transcode: 1 / 0)
    with pytest.raises(error):
        app.main_handler(create_event(), {})
    assert steps == [("a", "in"), ("b", "in"), ("b", "out"), ("a", "out")]


@pytest.mark.parametrize(
    ("replace", "outcomes"),
    [
        (lambda proceed: {"callbacks": [], "mine": proceed()}, []),
        (lambda proceed: print(proceed()), ["done"]),
        (lambda proceed: None, []),
    ],
    ids=["own summary", "no return value", "no call"],
)
def test_around_event_may_replace_the_summary(replace, outcomes):
    class Replacing(Middleware):
        def around_event(self, event, context, proceed):
            return replace(proceed)

    app = App(middleware=[Replacing()])
    app.on(Transcode)(lambda transcode: None)
    summary = app.main_handler(create_event(), {})
    assert [call["outcome"] for call in summary["callbacks"]] == outcomes


def test_around_event_may_handle_the_failure():
    class Forgiving(Middleware):
        def around_event(self, event, context, proceed):
            try:
                return proceed()
            except CallbacksFailed:
                return None

    app = App(middleware=[Forgiving()])
    app.on(Transcode)(lambda transcode: 1 / 0)
    summary = app.main_handler(create_event(), {})
    assert [call["outcome"] for call in summary["callbacks"]] == ["failed"]


class TestDeclarations:
    def test_misspelt_hook_is_refused_with_the_nearest(self):
        with raises_registration_error("before_event?"):

            class Misspelt(Middleware):
                def befor_event(self, event, context):
                    pass

    def test_unknown_method_is_refused_with_all_hooks(self):
        with raises_registration_error(
            "before_event, around_callback, after_callback, after_event"
        ):

            class Odd(Middleware):
                def zzz(self):
                    pass

    def test_private_methods_and_attributes_are_accepted(self):
        class Fine(Middleware):
            limit = 5

            def _own(self):
                pass

        App(middleware=[Fine()])

    @pytest.mark.parametrize("middleware", [Recorder, print, 5])
    def test_argument_must_be_middleware(self, middleware):
        with raises_registration_error("Middleware"):
            App(middleware=[middleware])


class TestOptions:
    class Paging(Middleware):
        options: ClassVar = {"team": str, "urgent": bool}

        def __init__(self):
            self.paged = []

        def after_callback(self, call):
            self.paged.append(call.route.options.get("team"))

    def test_middleware_gets_options_of_a_registration(self):
        paging = self.Paging()
        app = App(middleware=[paging])
        app.on(Transcode, name="a", options={"team": "video", "urgent": True})(lambda result: None)
        app.on(ImageSprites, name="b")(lambda result: None)

        app.main_handler(create_event(), {})
        assert paging.paged == ["video", None]

    @pytest.mark.parametrize(
        ("middleware", "options", "message"),
        [
            ([Paging()], {"taem": "video"}, "unknown option 'taem'. Use team, urgent"),
            ([Paging()], {"team": 5}, "takes str, not 5"),
            ([], {"team": "video"}, "'team'. Is a middleware missing in App(middleware=[…])?"),
        ],
    )
    def test_invalid_option_is_refused(self, middleware, options, message):
        app = App(middleware=middleware)
        app.on(Transcode, name="a", options=options)(lambda result: None)

        with raises_registration_error(message):
            _ = app.main_handler


def test_async_hook_is_named_in_the_error():
    class Late(Middleware):
        async def before_event(self, event, context): ...

    with raises_registration_error("hook") as refused:
        App(middleware=[Late()]).main_handler  # noqa: B018
    assert "before_event" in str(refused.value)


@pytest.mark.parametrize(("name", "value"), [("other", 1), ("timeout", "1")])
def test_refused_option_has_the_place_of_its_callback(name, value):
    class Timed(Middleware):
        options: ClassVar = {"timeout": int}

    app = App(middleware=[Timed()])
    app.on(Transcode, options={name: value})(lambda result: None)
    with raises_registration_error(f"{__file__}:"):
        app.main_handler  # noqa: B018
