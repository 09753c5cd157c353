"""Exceptions, responses and lines that leave the function contain no secrets."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
from collections.abc import Callable
from email.message import Message
from typing import Any
from urllib.error import HTTPError

import pytest

from scf_mps import (
    App,
    CallbackFailed,
    CallbacksFailed,
    ConfigurationError,
    InvalidEvent,
    LedgerError,
    Middleware,
    RegistrationError,
    Transcode,
    logs,
)
from scf_mps.actions.settings import Settings
from scf_mps.common.error_redaction import create_failure, redact_error
from scf_mps.local.samples import sample

from .secret_samples import (
    KEY_ID,
    PRESIGNED,
    SECRET,
    SIGN,
    TOKEN,
    assert_no_secret,
    render_chain,
    sign_event,
)


class Refused(Exception):
    def __init__(self, code, response):
        super().__init__("refused")
        self.code = code
        self.response = response


def run_failing(callback: Callable[[Transcode], object]) -> CallbacksFailed:
    """Return the error of an event whose only callback fails."""
    app = App()
    app.on(Transcode, name="failing")(callback)
    with pytest.raises(CallbacksFailed) as failed:
        app.main_handler(sign_event(), {"environ": "MPS_X=1"})
    return failed.value


def raise_presigned(*args):
    raise ConnectionError(f"Max retries exceeded with url: {PRESIGNED}")


def create_error(kind, raw):
    text = f"Max retries exceeded with url: {PRESIGNED}"
    noted = ValueError("boom")
    if sys.version_info >= (3, 11):
        noted.add_note(text)
    chained = ValueError("boom")
    chained.__cause__ = OSError(5, "no answer", PRESIGNED)
    hidden = ValueError("boom")
    hidden.__context__ = KeyError(PRESIGNED)
    hidden.__suppress_context__ = True
    errors = {
        "text": ConnectionError(text),
        "event": ValueError(f"cannot read {raw}"),
        "value": KeyError(raw["Sign"]),
        "exit": SystemExit(text),
        "bytes": ValueError(text.encode(), 5),
        "decoding": UnicodeDecodeError("utf-8", text.encode(), 0, 1, "invalid start byte"),
        "json": json.JSONDecodeError("bad", json.dumps(raw), 0),
        "attribute": Refused(403, {"url": PRESIGNED, "tries": [1, (2, b"x")], 5: object()}),
        "note": noted,
        "cause": chained,
        "context": hidden,
    }
    return errors[kind]


@pytest.mark.parametrize(
    "kind",
    [
        *("text", "event", "value", "exit", "bytes", "decoding", "json", "attribute", "note"),
        *("cause", "context"),
    ],
)
def test_callback_failure_contains_no_secret(kind, variables, stream):
    def raise_error(transcode: Transcode) -> None:
        raise create_error(kind, transcode.event.raw)

    error = run_failing(raise_error)
    assert_no_secret(render_chain(error))
    assert_no_secret(json.dumps(error.summary))
    assert_no_secret("".join(stream.writes))
    name = type(create_error(kind, sign_event())).__name__
    (failure,) = error.failures
    assert type(failure.__cause__).__name__ == name
    assert name in failure.reason
    (line,) = [line for line in stream.lines if "exception" in line]
    assert "in raise_error" in line["exception"]


def test_clean_cause_is_the_original_exception():
    error = ValueError("boom")

    def callback(transcode: Transcode) -> None:
        raise error

    assert run_failing(callback).failures[0].__cause__ is error


def test_cause_keeps_its_class_and_attributes(variables):
    cause = create_failure("a", "b", create_error("attribute", sign_event())).__cause__
    assert isinstance(cause, Refused)
    assert cause.code == 403
    assert cause.response["tries"] == [1, (2, b"x")]
    assert str(cause) == "refused"


def test_cause_keeps_its_class_despite_constructor(variables):
    class Made(Exception):
        def __new__(cls, one: str, other: int) -> Any:
            return super().__new__(cls, one, other)

    for error in (Made(SECRET, 5), FileNotFoundError(2, "missing", SECRET), ImportError(SECRET)):
        cause = create_failure("a", "b", error).__cause__
        assert isinstance(cause, type(error))
        assert_no_secret(render_chain(cause))


def test_cause_of_a_final_class_is_replaced(variables):
    class Final(Exception):
        def __init_subclass__(cls) -> None:
            raise TypeError("final")

        def __str__(self) -> str:
            return SECRET

    failure = create_failure("a", "b", Final())
    assert type(failure.__cause__).__name__ == "Final"
    assert_no_secret(render_chain(failure))


def test_copy_of_an_http_error_can_be_printed(variables):
    for body in (None, io.BytesIO(b"no")):
        error = HTTPError(PRESIGNED, 403, f"refused {SECRET}", Message(), body)
        cause = create_failure("a", "b", error).__cause__
        assert type(cause).__name__ == "HTTPError"
        assert_no_secret(render_chain(cause))


def test_exception_with_raising_attributes_fails_alone(stream, variables):
    class RaisingError(Exception):
        def __getattr__(self, name: str) -> object:
            raise KeyError(name)

    logs.configure(stream)  # without pytest's handlers, which cannot print it
    app = App()

    @app.on(Transcode, name="a")
    def failing(transcode: Transcode) -> None:
        raise RaisingError(SECRET)

    app.on(Transcode, name="b")(lambda transcode: None)
    with pytest.raises(CallbacksFailed) as failed:
        app.main_handler(sign_event(), {})
    outcomes = [call["outcome"] for call in failed.value.summary["callbacks"]]
    assert outcomes == ["failed", "done"]
    assert type(failed.value.failures[0].__cause__).__name__ == "RaisingError"
    assert "RaisingError: plain" in render_chain(create_failure("a", "b", RaisingError("plain")))
    assert_no_secret(render_chain(failed.value))
    assert_no_secret("".join(stream.writes))
    logging.getLogger().handlers[0].setFormatter(logs.TextFormatter())
    logging.error("again", exc_info=RaisingError())
    (first, last) = [text for text in stream.writes if "ERROR" in text]
    assert "in failing" in first
    assert "RaisingError\n" in last


def test_exception_without_settable_arguments_is_replaced(variables):
    class Fixed(Exception):
        @property
        def args(self) -> tuple[str, ...]:
            return (SECRET,)

    failure = create_failure("a", "b", Fixed())
    assert type(failure.__cause__).__name__ == "Fixed"
    assert_no_secret(render_chain(failure))


def test_names_and_notes_contain_no_secret(variables):
    class Shown:
        def __repr__(self) -> str:
            return SECRET

    noted = ValueError("boom")
    noted.__notes__ = Shown()
    named = type(KEY_ID, (Exception,), {"__module__": SECRET, "__qualname__": TOKEN})("boom")
    for error in (noted, named, SyntaxError("bad", ("f", 1, 1, f"x = {SECRET!r}"))):
        failure = create_failure("a", "b", error)
        assert_no_secret(render_chain(failure))


def test_circular_causes_are_copied_once(variables):
    first, second = ValueError(SECRET), KeyError(SECRET)
    first.__cause__, second.__context__ = second, first
    first.client = object()
    failure = create_failure("a", "b", first)
    assert_no_secret(render_chain(failure))
    assert failure.__cause__ is not None
    assert isinstance(failure.__cause__.__cause__, KeyError)
    assert not hasattr(failure.__cause__, "client")


def test_arguments_without_a_text_are_accepted(variables):
    class Silent:
        def __repr__(self) -> str:
            raise ValueError

    assert create_failure("a", "b", OSError(5, Silent())).__cause__ is not None
    assert str(create_failure("a", "b", ValueError())) == "a on b: ValueError"


def test_long_circular_chain_contains_no_secret(variables):
    def callback(transcode: Transcode) -> None:
        error = ValueError(SECRET)
        first = error
        for number in range(2000):
            following = ValueError(number)
            following.__cause__ = error
            error = following
        first.__cause__ = error
        raise error

    assert_no_secret(render_chain(run_failing(callback)))


def test_copied_failures_contain_exceptions(variables):
    failure = CallbackFailed("a", "b", "c")
    leaking = CallbacksFailed(SECRET, [failure])
    copied = redact_error(leaking)
    assert copied is not leaking
    assert isinstance(copied, CallbacksFailed)
    assert [type(item).__name__ for item in copied.exceptions] == ["CallbackFailed"]
    assert_no_secret(render_chain(copied))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups came with Python 3.11")
def test_deeply_nested_group_contains_no_secret(variables):
    error = ConnectionError(PRESIGNED)
    for _ in range(60):
        error = ExceptionGroup("outer", [error])  # noqa: F821
    assert_no_secret(render_chain(redact_error(error)))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups came with Python 3.11")
def test_members_of_a_group_contain_no_secret(variables):
    async def task() -> None:
        raise_presigned()

    async def callback(transcode: Transcode) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(task())

    error = run_failing(callback)
    assert_no_secret(render_chain(error))
    cause = error.failures[0].__cause__
    assert isinstance(cause, ExceptionGroup)  # noqa: F821
    assert isinstance(cause.exceptions[0], ConnectionError)


@pytest.mark.parametrize("hook", ["before_event", "after_event", "around_callback"])
@pytest.mark.parametrize("messages", [1, 2])
def test_hook_failure_contains_no_secret(hook, messages, variables, stream):
    app = App(middleware=[type("Failing", (Middleware,), {hook: raise_presigned})()])
    app.on(Transcode, name="a")(lambda transcode: None)
    record = {"CMQ": {"msgBody": json.dumps(sign_event())}}
    event = {"Records": [record] * messages}
    with pytest.raises((CallbacksFailed, ConnectionError)) as failed:
        app.main_handler(event, {})
    assert_no_secret(render_chain(failed.value))
    assert_no_secret("".join(stream.writes))
    assert "in raise_presigned" in "".join(stream.writes)


def test_cleanup_failure_contains_no_secret(variables, stream):
    def open_session():
        yield 5
        raise ConnectionError(PRESIGNED)

    app = App()
    app.provide(int, open_session, per="invocation")

    @app.on(Transcode)
    def callback(transcode: Transcode, session: int) -> None: ...

    with pytest.raises(CallbacksFailed) as failed:
        app.main_handler(sign_event(), {})
    assert_no_secret(render_chain(failed.value))
    assert "in open_session" in "".join(stream.writes)


@pytest.mark.parametrize(
    "event",
    [
        {"Type": "Timer", "TriggerName": "t", "Message": f"reconcile Sign={SIGN}"},
        {"Records": [{"CMQ": {"msgBody": json.dumps({"Sign": SIGN})[:-1]}}]},
        json.dumps(sign_event())[:-1],
        {"EventType": {"Sign": SIGN}},
        {"EventType": "WorkflowTask", "WorkflowTaskEvent": [f"Sign={SIGN}"]},
    ],
)
def test_invalid_event_contains_no_secret(event, stream):
    with pytest.raises(InvalidEvent) as invalid:
        App().main_handler(event, {})
    assert_no_secret(render_chain(invalid.value))
    assert_no_secret("".join(stream.writes))


def test_http_response_contains_no_secret(variables, stream, monkeypatch):
    monkeypatch.setenv("MPS_ALLOW_UNSIGNED", "1")
    app = App(middleware=[type("M", (Middleware,), {"before_event": raise_invalid_event})()])
    request = {"httpMethod": "POST", "headers": {}, "body": json.dumps(sign_event())}
    assert_no_secret(json.dumps(app.main_handler(request, {})))
    assert_no_secret("".join(stream.writes))


def raise_invalid_event(*args):
    raise InvalidEvent(f"not {PRESIGNED}")


def test_ledger_error_contains_no_secret(monkeypatch, stream):
    monkeypatch.setenv("MPS_LEDGER", "redis://:redispassword@127.0.0.1:1/0")
    app = App()
    app.on(Transcode)(lambda transcode: None)
    with pytest.raises(LedgerError) as failed:
        app.main_handler(sign_event(), {"time_limit_in_ms": 3000})
    assert_no_secret(render_chain(failed.value), "redispassword")
    assert_no_secret("".join(stream.writes), "redispassword")


def test_configuration_error_contains_no_secret(monkeypatch):
    monkeypatch.setenv("MPS_LEDGER", "rediss:/:redispassword@127.0.0.1:1/0")
    with pytest.raises(LedgerError) as failed:
        _ = App().main_handler
    assert_no_secret(render_chain(failed.value), "redispassword")

    settings = Settings({"MPS_X": "x"})
    settings.read("MPS_X", lambda text: int(f"redis://:redispassword@{text}"))
    with pytest.raises(ConfigurationError) as wrong:
        settings.check()
    assert_no_secret(render_chain(wrong.value), "redispassword")


def test_registration_error_of_a_name_contains_no_secret(variables):
    app = App()

    def callback(transcode, value):
        pass

    callback.__qualname__ = f"callback of {SECRET}"
    app.on(Transcode)(callback)
    with pytest.raises(RegistrationError) as wrong:
        _ = app.main_handler
    assert_no_secret(render_chain(wrong.value))


@pytest.mark.parametrize(
    "register",
    [
        lambda app: app.provide(SECRET, int),
        lambda app: app.on(Transcode, bucket=SECRET),
        lambda app: app.on(SECRET.encode()),
        lambda app: App(SECRET),
        lambda app: App(middleware=[SECRET]),
    ],
)
def test_registration_error_of_a_value_contains_no_secret(register, variables):
    with pytest.raises(RegistrationError) as wrong:
        register(App())
    assert_no_secret(render_chain(wrong.value))


def test_explanation_of_a_predicate_contains_no_secret(variables):
    app = App()
    app.on(Transcode, when=raise_presigned)(lambda transcode: None)
    reasons = [item.why for item in app.explain(sample("WorkflowTask", Transcode="SUCCESS"))]
    assert any("ConnectionError" in reason for reason in reasons)
    assert_no_secret("".join(reasons))
