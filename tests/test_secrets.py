"""Nothing that leaves the function holds a secret: no line, no return value, no exception and none of its causes."""

from __future__ import annotations

import asyncio
import copy
import gc
import io
import json
import logging
import sys
import time
import traceback
from email.message import Message
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote

import pytest

from scf_mps import (
    App,
    CallbackFailed,
    CallbacksFailed,
    ConfigurationError,
    Context,
    Cos,
    InvalidEvent,
    LedgerError,
    Middleware,
    RegistrationError,
    Transcode,
    logs,
)
from scf_mps.actions.settings import Settings
from scf_mps.common import redaction
from scf_mps.common.disclosure import create_failure, redact_error
from scf_mps.cos import Credentials
from scf_mps.errors import list_members
from scf_mps.local.samples import sample
from tests.support.log_capture import Stream, loggers_put_back

KEY_ID = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE"
SECRET = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"
TOKEN = "a1b2c3d4e5f6/EXAMPLE+TOKEN="
PRESIGNED = (
    f"https://media-1250000000.cos.ap-guangzhou.myqcloud.com/a.mp4?q-sign-algorithm=sha1&q-ak={KEY_ID}"
    f"&q-sign-time=1;2&q-header-list=host&q-signature={SECRET}&x-cos-security-token={quote(TOKEN)}"
)
VARIABLES = {
    "TENCENTCLOUD_SECRETID": KEY_ID,
    "TENCENTCLOUD_SECRETKEY": SECRET,
    "TENCENTCLOUD_SESSIONTOKEN": TOKEN,
    "MPS_NOTIFY_KEY": "old-notify-key, new-notify-key",
    "MPS_SMTP": "smtps://user%40example.com:smtp%2Fpass%40word@mail.example.com:465",
    "MPS_LEDGER": "redis://:redis/pass?word@10.0.0.5:6379/0",
    "MPS_COS_PROXY": "http://proxyuser:proxypass@127.0.0.1:9",
    "MPS_NOTIFY": (
        "wecom://wecom-key-0001?on=failure, dingtalk://ding-token-0002?secret=SECding0003 "
        "feishu://feishu-hook-0004?secret=feishu-sec-0005&word=mps,slack://T00000000/B00000000/slack-part-0006,"
        "https://hooks.example.com/in/hook-path-0007?secret=hook-sec-0008&query=token%3Dquery-tok-0009,"
        "mailto:a@example.com"
    ),
    "MPS_FORWARD": (
        "scf://thumbnails.ap-guangzhou https://example.com/mps?secret=forward%20sec-0010&types=Transcode"
    ),
}
SECRETS = [
    KEY_ID,
    SECRET,
    TOKEN,
    quote(TOKEN, safe=""),
    "old-notify-key",
    "new-notify-key",
    "smtp%2Fpass%40word",
    "smtp/pass@word",
    "redis/pass?word",
    "proxypass",
    "wecom-key-0001",
    "ding-token-0002",
    "SECding0003",
    "feishu-hook-0004",
    "feishu-sec-0005",
    "slack-part-0006",
    "hook-path-0007",
    "hook-sec-0008",
    "query-tok-0009",
    "forward%20sec-0010",
    "forward sec-0010",
]
SIGN = "9f3c71d0b25e4a86c1d7e0f4a9b8325e"


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch):
    """What the lines go to. No secret is in the environment."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with loggers_put_back():
        stream = Stream()
        logs.configure(stream)
        yield stream


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN"):
        monkeypatch.setenv(name, VARIABLES[name])


def signed_event() -> dict[str, Any]:
    event: dict[str, Any] = sample("WorkflowTask", Transcode="SUCCESS")
    storage = {"S3Bucket": "b", "S3SecretId": "AKIA4EXAMPLE", "S3SecretKey": "of-the-customer"}
    output = event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]["Output"]
    output["OutputStorage"] = {"Type": "AWS-S3", "S3OutputStorage": storage}
    event["Sign"] = SIGN
    return event


def everything_of(error: BaseException) -> str:
    """All that the exception and its chain say, however it is looked at."""
    seen: dict[int, BaseException] = {}
    stack = [error]
    while stack:
        one = stack.pop()
        if id(one) in seen:
            continue
        seen[id(one)] = one
        stack += [other for other in (one.__cause__, one.__context__) if other is not None]
        stack += list_members(one)
    texts = ["".join(traceback.format_exception(type(error), error, error.__traceback__))]
    for one in seen.values():
        texts += [str(one), repr(one), repr(one.args), repr(vars(one))]
        texts += traceback.format_exception(type(one), one, one.__traceback__)
    return "\n".join(texts)


def assert_no_secret(text: str, *more: str) -> None:
    for secret in (*SECRETS, SIGN, "of-the-customer", "AKIA4EXAMPLE", *more):
        assert secret not in text


class TestWhatLeaves:
    """As SCF's runtime prints it: the exception with its causes."""

    class Refused(Exception):
        def __init__(self, code: int, response: object) -> None:
            super().__init__("refused")
            self.code = code
            self.response = response

    def error(self, kind: str, transcode: Any) -> BaseException:
        text = f"Max retries exceeded with url: {PRESIGNED}"
        noted = ValueError("boom")
        if sys.version_info >= (3, 11):
            noted.add_note(text)
        chained = ValueError("boom")
        chained.__cause__ = OSError(5, "no answer", PRESIGNED)
        hidden = ValueError("boom")
        hidden.__context__ = KeyError(PRESIGNED)
        hidden.__suppress_context__ = True
        errors: dict[str, BaseException] = {
            "text": ConnectionError(text),
            "event": ValueError(f"cannot read {transcode.event.raw}"),
            "value": KeyError(transcode.event.raw["Sign"]),
            "exit": SystemExit(text),
            "bytes": ValueError(text.encode(), 5),
            "decoding": UnicodeDecodeError("utf-8", text.encode(), 0, 1, "invalid start byte"),
            "json": json.JSONDecodeError("bad", json.dumps(transcode.event.raw), 0),
            "attribute": self.Refused(
                403, {"url": PRESIGNED, "tries": [1, (2, b"x")], 5: object()}
            ),
            "note": noted,
            "cause": chained,
            "context": hidden,
        }
        return errors[kind]

    @pytest.mark.parametrize(
        "kind",
        [
            "text",
            "event",
            "value",
            "exit",
            "bytes",
            "decoding",
            "json",
            "attribute",
            "note",
            "cause",
            "context",
        ],
    )
    def test_callback_failure_holds_no_secret(
        self, kind: str, variables: None, stream: Stream
    ) -> None:
        app = App()

        @app.on(Transcode, name="failing")
        def failing(transcode: Transcode) -> None:
            raise self.error(kind, transcode)

        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(signed_event(), {"environ": "MPS_X=1"})
        assert_no_secret(everything_of(failed.value))
        assert_no_secret(json.dumps(failed.value.summary))
        assert_no_secret("".join(stream.writes))
        name = type(self.error(kind, Event(signed_event()))).__name__
        (failure,) = failed.value.failures
        assert type(failure.__cause__).__name__ == name
        assert name in failure.reason
        (line,) = [line for line in stream.lines if "exception" in line]
        assert "in failing" in line["exception"]

    def test_clean_cause_is_the_original_exception(self) -> None:
        app, error = App(), ValueError("boom")

        @app.on(Transcode)
        def failing(transcode: Transcode) -> None:
            raise error

        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(signed_event(), {})
        assert failed.value.failures[0].__cause__ is error

    def test_cause_keeps_its_class_and_attributes(self, variables: None) -> None:
        app = App()

        @app.on(Transcode)
        def failing(transcode: Transcode) -> None:
            raise self.error("attribute", transcode)

        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(signed_event(), {})
        cause: Any = failed.value.failures[0].__cause__
        assert isinstance(cause, self.Refused)
        assert cause.code == 403
        assert cause.response["tries"] == [1, (2, b"x")]
        assert str(cause) == "refused"

    def test_cause_keeps_its_class_whatever_makes_it(self, variables: None) -> None:
        class Made(Exception):
            def __new__(cls, one: str, other: int) -> Any:
                return super().__new__(cls, one, other)

        for error in (
            Made(SECRET, 5),
            FileNotFoundError(2, "missing", SECRET),
            ImportError(SECRET),
        ):
            cause = create_failure("a", "b", error).__cause__
            assert isinstance(cause, type(error))
            assert_no_secret(everything_of(cause))

    def test_cause_that_cannot_be_derived_from_is_replaced(self, variables: None) -> None:
        class Final(Exception):
            def __init_subclass__(cls) -> None:
                raise TypeError("final")

            def __str__(self) -> str:
                return SECRET

        app = App()

        @app.on(Transcode)
        def failing(transcode: Transcode) -> None:
            raise Final

        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(signed_event(), {})
        assert type(failed.value.failures[0].__cause__).__name__ == "Final"
        assert_no_secret(everything_of(failed.value))

    def test_copy_of_an_http_error_can_be_printed(self, variables: None) -> None:
        for body in (None, io.BytesIO(b"no")):
            error = HTTPError(PRESIGNED, 403, f"refused {SECRET}", Message(), body)
            cause = create_failure("a", "b", error).__cause__
            assert type(cause).__name__ == "HTTPError"
            assert_no_secret(everything_of(cause))

    def test_exception_whose_attributes_raise_fails_alone(
        self, stream: Stream, variables: None
    ) -> None:
        class Answer(Exception):
            def __getattr__(self, name: str) -> object:
                raise KeyError(name)

        logs.configure(stream)  # without pytest's handlers, which cannot print it
        app = App()

        @app.on(Transcode, name="a")
        def failing(transcode: Transcode) -> None:
            raise Answer(SECRET)

        app.on(Transcode, name="b")(lambda transcode: None)
        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(signed_event(), {})
        outcomes = [call["outcome"] for call in failed.value.summary["callbacks"]]
        assert outcomes == ["failed", "done"]
        assert type(failed.value.failures[0].__cause__).__name__ == "Answer"
        assert "Answer: plain" in everything_of(create_failure("a", "b", Answer("plain")))
        assert_no_secret(everything_of(failed.value))
        assert_no_secret("".join(stream.writes))
        logging.getLogger().handlers[0].setFormatter(logs.TextFormatter())
        logging.error("again", exc_info=Answer())
        (first, last) = [text for text in stream.writes if "ERROR" in text]
        assert "in failing" in first
        assert "Answer\n" in last

    def test_exception_without_settable_arguments_is_replaced(self, variables: None) -> None:
        class Fixed(Exception):
            @property
            def args(self) -> tuple[str, ...]:  # type: ignore[override]
                return (SECRET,)

        failure = create_failure("a", "b", Fixed())
        assert type(failure.__cause__).__name__ == "Fixed"
        assert_no_secret(everything_of(failure))

    def test_names_and_notes_of_an_exception_hold_no_secret(self, variables: None) -> None:
        class Shown:
            def __repr__(self) -> str:
                return SECRET

        noted = ValueError("boom")
        noted.__notes__ = Shown()  # type: ignore[assignment]
        named = type(KEY_ID, (Exception,), {"__module__": SECRET, "__qualname__": TOKEN})("boom")
        for error in (noted, named, SyntaxError("bad", ("f", 1, 1, f"x = {SECRET!r}"))):
            failure = create_failure("a", "b", error)
            assert_no_secret(everything_of(failure))

    def test_short_circle_of_causes_ends(self, variables: None) -> None:
        first, second = ValueError(SECRET), KeyError(SECRET)
        first.__cause__, second.__context__ = second, first
        first.client = object()  # type: ignore[attr-defined]
        failure = create_failure("a", "b", first)
        assert_no_secret(everything_of(failure))
        assert failure.__cause__ is not None
        assert isinstance(failure.__cause__.__cause__, KeyError)
        assert not hasattr(failure.__cause__, "client")

    def test_arguments_without_a_text_are_no_reason_to_fail(self, variables: None) -> None:
        class Silent:
            def __repr__(self) -> str:
                raise ValueError

        failure = create_failure("a", "b", OSError(5, Silent()))
        assert failure.__cause__ is not None

    def test_long_and_circular_chains_end(self, variables: None) -> None:
        app = App()

        @app.on(Transcode)
        def failing(transcode: Transcode) -> None:
            error: BaseException = ValueError(SECRET)
            first = error
            for number in range(2000):
                following = ValueError(number)
                following.__cause__ = error
                error = following
            first.__cause__ = error
            raise error

        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(signed_event(), {})
        assert_no_secret(everything_of(failed.value))

    def test_members_of_failures_are_exceptions_when_copied(self, variables: None) -> None:
        failure = CallbackFailed("a", "b", "c")
        leaking = CallbacksFailed(SECRET, [failure])
        copied = redact_error(leaking)
        assert copied is not leaking
        assert isinstance(copied, CallbacksFailed)
        assert [type(one).__name__ for one in copied.exceptions] == ["CallbackFailed"]
        assert_no_secret(everything_of(copied))

    @pytest.mark.skipif(sys.version_info < (3, 11), reason="groups came with Python 3.11")
    def test_deeply_nested_group_holds_no_secret(self, variables: None) -> None:
        error: Exception = ConnectionError(PRESIGNED)
        for _ in range(60):
            error = ExceptionGroup("outer", [error])  # noqa: F821
        assert_no_secret(everything_of(redact_error(error)))

    @pytest.mark.skipif(sys.version_info < (3, 11), reason="groups came with Python 3.11")
    def test_members_of_a_group_hold_no_secret(self, variables: None) -> None:
        async def task() -> None:
            raise ConnectionError(PRESIGNED)

        app = App()

        @app.on(Transcode)
        async def failing(transcode: Transcode) -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(task())

        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(signed_event(), {})
        assert_no_secret(everything_of(failed.value))
        cause = failed.value.failures[0].__cause__
        assert isinstance(cause, ExceptionGroup)  # noqa: F821
        assert isinstance(cause.exceptions[0], ConnectionError)

    @pytest.mark.parametrize("hook", ["before_event", "after_event", "around_callback"])
    @pytest.mark.parametrize("messages", [1, 2])
    def test_hook_failure_holds_no_secret(
        self, hook: str, messages: int, variables: None, stream: Stream
    ) -> None:
        def failing(self: object, *args: object) -> None:
            raise ConnectionError(PRESIGNED)

        app = App(middleware=[type("Failing", (Middleware,), {hook: failing})()])
        app.on(Transcode, name="a")(lambda transcode: None)
        record = {"CMQ": {"msgBody": json.dumps(signed_event())}}
        event = {"Records": [record] * messages}
        with pytest.raises((CallbacksFailed, ConnectionError)) as failed:
            app.main_handler(event, {})
        assert_no_secret(everything_of(failed.value))
        assert_no_secret("".join(stream.writes))
        assert "in failing" in "".join(stream.writes)

    def test_cleanup_failure_holds_no_secret(self, variables: None, stream: Stream) -> None:
        def open_session():
            yield 5
            raise ConnectionError(PRESIGNED)

        app = App()
        app.provide(int, open_session, per="invocation")

        @app.on(Transcode)
        def callback(transcode: Transcode, session: int) -> None: ...

        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(signed_event(), {})
        assert_no_secret(everything_of(failed.value))
        assert "in open_session" in "".join(stream.writes)

    @pytest.mark.parametrize(
        "event",
        [
            {"Type": "Timer", "TriggerName": "t", "Message": f"reconcile Sign={SIGN}"},
            {"Records": [{"CMQ": {"msgBody": json.dumps({"Sign": SIGN})[:-1]}}]},
            json.dumps(signed_event())[:-1],
            {"EventType": {"Sign": SIGN}},
            {"EventType": "WorkflowTask", "WorkflowTaskEvent": [f"Sign={SIGN}"]},
        ],
    )
    def test_invalid_event_holds_no_secret(self, event: object, stream: Stream) -> None:
        with pytest.raises(InvalidEvent) as invalid:
            App().main_handler(event, {})
        assert_no_secret(everything_of(invalid.value))
        assert_no_secret("".join(stream.writes))

    def test_http_response_holds_no_secret(
        self, variables: None, stream: Stream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MPS_ALLOW_UNSIGNED", "1")
        app = App(middleware=[type("M", (Middleware,), {"before_event": self.leaving})()])
        request = {"httpMethod": "POST", "headers": {}, "body": json.dumps(signed_event())}
        assert_no_secret(json.dumps(app.main_handler(request, {})))
        assert_no_secret("".join(stream.writes))

    @staticmethod
    def leaving(*args: object) -> None:
        raise InvalidEvent(f"not {PRESIGNED}")

    def test_ledger_error_holds_no_secret(
        self, monkeypatch: pytest.MonkeyPatch, stream: Stream
    ) -> None:
        monkeypatch.setenv("MPS_LEDGER", "redis://:redispassword@127.0.0.1:1/0")
        app = App()
        app.on(Transcode)(lambda transcode: None)
        with pytest.raises(LedgerError) as failed:
            app.main_handler(signed_event(), {"time_limit_in_ms": 3000})
        assert_no_secret(everything_of(failed.value), "redispassword")
        assert_no_secret("".join(stream.writes), "redispassword")

    def test_error_of_the_import_holds_no_secret(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MPS_LEDGER", "rediss:/:redispassword@127.0.0.1:1/0")
        with pytest.raises(LedgerError) as failed:
            _ = App().main_handler
        assert_no_secret(everything_of(failed.value), "redispassword")

        settings = Settings({"MPS_X": "x"})
        settings.read("MPS_X", lambda text: int(f"redis://:redispassword@{text}"))
        with pytest.raises(ConfigurationError) as wrong:
            settings.check()
        assert_no_secret(everything_of(wrong.value), "redispassword")

    def test_registration_error_of_the_import_holds_no_secret(self, variables: None) -> None:
        app = App()

        def callback(transcode, value):
            pass

        callback.__qualname__ = f"callback of {SECRET}"
        app.on(Transcode)(callback)
        with pytest.raises(RegistrationError) as wrong:
            _ = app.main_handler
        assert_no_secret(everything_of(wrong.value))

    @pytest.mark.parametrize(
        "register",
        [
            lambda app: app.provide(SECRET, int),
            lambda app: app.on(Transcode, bucket=SECRET),
            lambda app: app.on(SECRET.encode()),
            lambda app: App(SECRET),  # type: ignore[arg-type]
            lambda app: App(middleware=[SECRET]),  # type: ignore[list-item]
        ],
    )
    def test_registration_error_of_a_value_holds_no_secret(
        self, register: Any, variables: None
    ) -> None:
        with pytest.raises(RegistrationError) as wrong:
            register(App())
        assert_no_secret(everything_of(wrong.value))

    def test_explanation_of_a_predicate_holds_no_secret(self, variables: None) -> None:
        def asking(transcode: Transcode) -> bool:
            raise ConnectionError(PRESIGNED)

        app = App()
        app.on(Transcode, when=asking)(lambda transcode: None)
        whys = [one.why for one in app.explain(sample("WorkflowTask", Transcode="SUCCESS"))]
        assert any("ConnectionError" in why for why in whys)
        assert_no_secret("".join(whys))

    @pytest.mark.parametrize(
        "proxy", ["http://proxyuser:proxypass@host:1", "https://proxyuser:proxypass@host"]
    )
    def test_proxy_with_a_password_is_refused_without_it(self, proxy: str) -> None:
        with pytest.raises(ValueError, match="COS proxy") as wrong:
            Cos(Credentials("a", "b"), proxy=proxy)
        assert "proxypass" not in everything_of(wrong.value)

    def test_nested_failure_is_safe_by_itself(self, variables: None) -> None:
        failure = create_failure("a", "b", ConnectionError(PRESIGNED))
        assert_no_secret(everything_of(failure))
        assert str(create_failure("a", "b", ValueError())) == "a on b: ValueError"


class Event:
    """As much of an event as `TestWhatLeaves.error` reads."""

    def __init__(self, raw: object) -> None:
        self.raw = raw
        self.event = self


class TestVariables:
    def test_secrets_of_the_context_are_on_no_line(self, stream: Stream) -> None:
        app = App(ledger="none")
        context = {
            "request_id": "r",
            "environ": ";".join(f"{name}={value}" for name, value in VARIABLES.items()),
        }
        texts = [*SECRETS, *map(quote, SECRETS), json.dumps(SECRETS)]

        @app.on(Transcode)
        def callback(transcode: Transcode, log: logging.Logger) -> None:
            log.info("context %s", context)
            log.info("values %s", texts, extra={"texts": texts, "one": texts[5]})

        app.main_handler(signed_event(), context)
        assert_no_secret("".join(stream.writes))
        assert "SCF" not in "".join(stream.writes)
        assert "10.0.0.5" in stream.lines[0]["message"]
        assert "thumbnails.ap-guangzhou" in stream.lines[0]["message"]

    def test_secrets_of_the_environment_are_on_no_line(
        self, stream: Stream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in VARIABLES.items():
            monkeypatch.setenv(name, value)
        for secret in SECRETS:
            logging.getLogger("tests").info("<%s>", secret, extra={secret: 1})
        assert {line["message"] for line in stream.lines} == {"<***>"}
        assert_no_secret("".join(stream.writes))

    def test_renewed_token_is_hidden_in_the_next_invocation(
        self, stream: Stream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app = App(ledger="none")

        @app.on(Transcode)
        def callback(transcode: Transcode, log: logging.Logger) -> None:
            log.info("first-token-1 second-token-2")

        handler = app.main_handler
        for token in ("first-token-1", "second-token-2"):
            monkeypatch.setenv("TENCENTCLOUD_SESSIONTOKEN", token)
            handler(signed_event(), {})
        messages = [line["message"] for line in stream.lines if "token" in line["message"]]
        assert messages == ["*** second-token-2", "first-token-1 ***"]

    def test_values_of_an_event_are_on_no_line(self, stream: Stream) -> None:
        app = App(ledger="none")
        first, second = signed_event(), copy.deepcopy(signed_event())
        second["Sign"] = "f" * 32

        @app.on(Transcode)
        def callback(transcode: Transcode, log: logging.Logger) -> None:
            log.info("%s %s %s", SIGN, "of-the-customer", "f" * 32)

        records = [{"CMQ": {"msgBody": json.dumps(one)}} for one in (first, second)]
        app.main_handler({"Records": records}, {})
        messages = [line["message"] for line in stream.lines if line["logger"] != "scf_mps"]
        assert messages == ["*** *** " + "f" * 32, "*** *** ***"]

    def test_short_values_hide_no_letters(
        self, stream: Stream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in (
            ("TENCENTCLOUD_SECRETID", "a"),
            ("TENCENTCLOUD_SECRETKEY", "12345"),
            ("TENCENTCLOUD_SESSIONTOKEN", "123456"),
            ("MPS_NOTIFY_KEY", "x,y"),
        ):
            monkeypatch.setenv(name, value)
        assert logs.scrub("a 12345 x, y 123456") == "a 12345 x, y ***"

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("MPS_NOTIFY", "WeCom://chat-key-0001?on=failure"),
            ("MPS_NOTIFY", "wecom:chat-key-0001?on=failure"),
            ("MPS_NOTIFY", "mailto:a@example.com, SLACK:T0/B0/chat-key-0001"),
            ("MPS_FORWARD", "HTTPS://example.com/a?secret=chat-key-0001"),
            ("MPS_COS_PROXY", "user:chat-key-0001@127.0.0.1:9"),
        ],
    )
    def test_secret_is_known_however_the_scheme_is_written(
        self, name: str, value: str, stream: Stream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(name, value)
        assert "chat-key-0001" not in logs.scrub("<chat-key-0001>")

    def test_words_in_a_webhooks_path_stay(
        self, stream: Stream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        keys = ("0123abcd", "AbCdEfGh", "abcdefghijklmnopqrst")
        monkeypatch.setenv(
            "MPS_NOTIFY",
            f"https://h.example.com/handlers/callbacks/done/{'/'.join(keys)}?on=failure",
        )
        assert (
            logs.scrub("handlers.a: 1 of 2 callbacks, done") == "handlers.a: 1 of 2 callbacks, done"
        )
        assert logs.scrub(" ".join(keys)) == "*** *** ***"

    def test_every_channel_of_notify_is_known(self) -> None:
        from scf_mps.actions import notify

        plain = {"http", "https", "mailto", "ses"}
        assert set(notify._CHANNELS) - plain == set(redaction._CHAT_SCHEMES)


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("redis://:pw@host:6379/0", "redis://***@host:6379/0"),
        ("https://user:p@ss@host/a@b", "https://***@host/a@b"),
        ("https://ghp_token@host/", "https://***@host/"),
        ("smtps://user:password@host:465", "smtps://user:password@host:465"),
        ("https://host/a@b", "https://host/a@b"),
        ("https://h/send?key=abc-1&b=2", "https://h/send?key=***&b=2"),
        ("https://h/send?a=1&access_token=abc&b=2", "https://h/send?a=1&access_token=***&b=2"),
        ("https://h/?secret=abc", "https://h/?secret=***"),
        ("https://h/a.mp4?sign=abc&t=1", "https://h/a.mp4?sign=***&t=1"),
        ("u=https%3A%2F%2Fh%3Fq-signature%3Dabc&b=2", "u=https%3A%2F%2Fh%3Fq-signature%3D***&b=2"),
        ("'Sign': 'abc', 'a': 1", "'Sign': '***', 'a': 1"),
        ("design: blue, key: C", "design: blue, key: C"),
        ("X-Amz-Credential=AKIAIOSFODNN7EXAMPLE/x", "X-Amz-Credential=***/x"),
        ("asiapacificsoutheast1", "asiapacificsoutheast1"),
        ("Bearer abcdefghijklmnop.x", "Bearer ***"),
        ("sent Basic dXNlcjpwYXNzd29yZA== to h", "sent Basic *** to h"),
        ("Basic internationalization texts", "Basic internationalization texts"),
        ('{"secret": "abc", "app_secret": "def"}', '{"secret": "***", "app_secret": "***"}'),
        ("corpsecret=abc&client_secret=def", "corpsecret=***&client_secret=***"),
        ("passphrase='abc' auth_key=def", "passphrase='***' auth_key=***"),
        ("a secret that is not one", "a secret that is not one"),
        ("MaxTokens: 5, TokenCount: 7", "MaxTokens: 5, TokenCount: 7"),
        ("bearer of news", "bearer of news"),
        (
            "https://open.feishu.cn/open-apis/bot/v2/hook/1234-5678",
            "https://open.feishu.cn/open-apis/bot/v2/hook/***",
        ),
        ("https://hooks.slack.com/services/T0/B0/xyz", "https://hooks.slack.com/services/***"),
        ("https://hooks.slack.com/workflows/T0/A0/xyz", "https://hooks.slack.com/workflows/***"),
        ("https://hooks.slack.com/triggers/T0/1/xyz", "https://hooks.slack.com/triggers/***"),
        ("api_key=abc AccessKeyId: def", "api_key=*** AccessKeyId: ***"),
        ("MPS_NOTIFY_KEY: missing key", "MPS_NOTIFY_KEY: missing key"),
        ("MPS_NOTIFY_KEY=abc", "MPS_NOTIFY_KEY=***"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, scrubbed: str) -> None:
    assert logs.scrub(text) == scrubbed
    assert logs.scrub(scrubbed) == scrubbed


@pytest.mark.parametrize(
    "make",
    [
        lambda size: "token:" + "\\" * size + '"' + "\\" * size,
        lambda size: "token:" + '\\"' * size,
        lambda size: "token" * size,
        lambda size: "token: " + " " * size,
        lambda size: "token=" * size,
        lambda size: "://" * size + "@",
        lambda size: "://" + "a" * size + "@",
        lambda size: "key%25" + "25" * size,
        lambda size: "AKID" * size,
        lambda size: "authorization:'" * size,
        lambda size: "bearer " * size,
        lambda size: "Basic " + "a" * size,
        lambda size: "/hook/" * size,
    ],
)
def test_hiding_takes_linear_time(make: Any) -> None:
    """Eight times the text takes about eight times as long, not sixty-four times."""
    logs.scrub(make(10))

    def seconds(text: str) -> float:
        times = []
        for _ in range(3):
            began = time.process_time()
            logs.scrub(text)
            times.append(time.process_time() - began)
        return min(times)

    gc.collect()
    small, large = make(12_500), make(100_000)
    assert seconds(large) < 24 * seconds(small) + 0.01


def test_context_environ_keeps_values_with_semicolons() -> None:
    context = Context({"environ": "junk;A=1;MPS_NOTIFY=mailto:a@b.c;d@e.f;x?y=1;B=2;junk"})
    assert dict(context.environ) == {
        "A": "1",
        "MPS_NOTIFY": "mailto:a@b.c;d@e.f;x?y=1",
        "B": "2;junk",
    }
    assert dict(Context({"environ": {"A": "1", "B": 2}}).environ) == {"A": "1"}
    assert dict(Context({"environ": 5}).environ) == {}
