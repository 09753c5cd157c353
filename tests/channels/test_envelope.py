"""Envelopes of notifications: the MPS trigger, signed HTTP requests, CMQ messages, dead letters."""

from __future__ import annotations

import base64
import json
import logging
import time
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scf_mps import App, CallbacksFailed, InvalidEvent, Middleware, Router, Transcode, UnknownEvent
from scf_mps.channels.envelope import unwrap
from scf_mps.errors import RequestRefused
from scf_mps.ledger import MemoryLedger
from scf_mps.local.samples import sample
from tests.channels.support import KEY, create_request, sign
from tests.support.sample_data import payload

EXPIRES = 1_633_046_400

NOT_SIGNED = "HTTP request refused: Sign is not MD5(Timestamp + MPS_NOTIFY_KEY)"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    monkeypatch.delenv("MPS_NOTIFY_KEY", raising=False)
    monkeypatch.delenv("MPS_ALLOW_UNSIGNED", raising=False)


@pytest.fixture
def notify_key(monkeypatch):
    monkeypatch.setenv("MPS_NOTIFY_KEY", KEY)
    return KEY


def cmq(*bodies):
    """Return messages as a CMQ topic passes them."""
    texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    return {
        "Records": [{"CMQ": {"msgId": str(i), "msgBody": text}} for i, text in enumerate(texts)]
    }


def signed(timestamp=EXPIRES, key=KEY):
    """Return a signed notification without a payload."""
    return sign({"EventType": "WorkflowTask"}, timestamp, key)


def at(now):
    """Return a clock that stands still."""
    return lambda: now


def refuse(event, now=EXPIRES):
    """Return the error text of an event that cannot be unwrapped."""
    with pytest.raises(InvalidEvent) as refused:
        unwrap(event, at(now))
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return str(refused.value)


# The MPS trigger


@pytest.mark.parametrize(
    "event", [{"EventType": "WorkflowTask"}, {"NotificationType": "ProcessEof"}]
)
def test_unwrap_returns_notification_of_mps_trigger(event):
    (notification,) = unwrap(event)
    assert notification is event


def test_notification_with_envelope_fields_stays_whole():
    for event in (
        {"EventType": "New", "body": "{}", "headers": {}},
        {"NotificationType": "New", "Records": [{}]},
    ):
        assert unwrap(event) == [event]


@pytest.mark.parametrize(
    "event",
    [
        *(None, [], 5, {}),
        {"Records": []},
        {"Records": {}},
        {"Records": None},
        {"body": "{}"},
        {"headers": {}},
        {"requestContext": {}},
    ],
)
def test_unwrap_returns_anything_without_envelope(event):
    (notification,) = unwrap(event)
    assert notification is event
    with pytest.raises(InvalidEvent, match="MPS notification"):
        App().main_handler(event)


@pytest.mark.parametrize("wrap", [str, str.encode, lambda text: bytearray(text.encode())])
def test_text_is_parsed_as_json(wrap):
    for event in ({"EventType": "X"}, cmq({"EventType": "X"})):
        assert unwrap(wrap(json.dumps(event))) == [{"EventType": "X"}]
    summary = App().main_handler(wrap(json.dumps(sample("WorkflowTask"))), {})
    assert summary["event_type"] == "WorkflowTask"


@pytest.mark.parametrize(
    ("event", "detail"),
    [
        ("text", "str of length 4"),
        ("", "str of length 0"),
        (b'"\xff"', "bytes of length 3"),
        ("[" * 101 + "]" * 101, "100 levels"),
        ('{"EventType": NaN}', "NaN"),
        ('"\\"text\\""', "str of length 4"),
        ("null", "null"),
    ],
)
def test_text_without_notification_is_invalid(event, detail):
    with pytest.raises(InvalidEvent, match=detail):
        App().main_handler(event)


def test_text_may_have_a_hundred_levels():
    text = '{"EventType": "X", "a": ' + "[" * 98 + "1" + "]" * 98 + "}"
    assert App().main_handler(text)["event_type"] == "X"


def test_event_too_deep_for_its_key_is_invalid():
    event = sample("WorkflowTask", status="PROCESSING")
    for _ in range(3000):
        event["Deep"] = [event.get("Deep")]
    with pytest.raises(InvalidEvent, match="100 levels"):
        App(ledger=MemoryLedger()).main_handler(event)


def test_recursion_in_middleware_is_raised():
    class Endless(Middleware):
        def before_event(self, event: Any, context: Any) -> None:
            self.before_event(event, context)

    with pytest.raises(RecursionError):
        App(middleware=[Endless()]).main_handler(sample("WorkflowTask"))


# HTTP


def test_signed_request_is_unwrapped(notify_key):
    notification = payload("synth_workflow_signed")
    assert unwrap(create_request(notification), at(EXPIRES)) == [notification]


def test_gateway_request_without_headers_is_unwrapped(notify_key):
    event = {"requestContext": {"stage": "release"}, "body": json.dumps(signed())}
    assert unwrap(event, at(EXPIRES)) == [signed()]


def test_base64_body_is_decoded(notify_key):
    notification = payload("synth_workflow_signed")
    text = base64.b64encode(json.dumps(notification, ensure_ascii=False).encode()).decode()
    assert unwrap(create_request(text, isBase64Encoded=True), at(EXPIRES)) == [notification]
    assert unwrap(create_request(notification, isBase64Encoded=False), at(EXPIRES)) == [
        notification
    ]


def test_documented_request_reaches_callback(monkeypatch):
    monkeypatch.setenv("MPS_ALLOW_UNSIGNED", "1")
    app = App()
    taken = []
    app.on(Transcode)(lambda transcode: taken.append(transcode.definition))
    response = app.main_handler(payload("env_http_function_url"), {})
    assert response["statusCode"] == 200
    assert json.loads(response["body"])["event_type"] == "WorkflowTask"
    assert taken == [10]


def test_signature_expires_by_the_real_clock(notify_key):
    expired = create_request(payload("synth_workflow_signed"))  # in 2021
    assert App().main_handler(expired)["statusCode"] == 401
    soon = int(time.time()) + 600
    response = App().main_handler(create_request({**signed(soon), "WorkflowTaskEvent": {}}))
    assert response["statusCode"] == 200


@pytest.mark.parametrize("timestamp", [EXPIRES, str(EXPIRES)])
def test_signature_is_valid_until_its_timestamp(notify_key, timestamp):
    event = create_request(signed(timestamp))
    assert unwrap(event, at(EXPIRES)) == [signed(timestamp)]
    assert "expired" in refuse(event, EXPIRES + 0.5)


def test_signature_too_far_ahead_is_refused(notify_key):
    assert unwrap(create_request(signed()), at(EXPIRES - 3600)) == [signed()]
    assert "3600 seconds" in refuse(create_request(signed()), EXPIRES - 3600.5)


def test_any_of_several_keys_is_accepted(monkeypatch):
    monkeypatch.setenv("MPS_NOTIFY_KEY", " old-key , new-key,,")
    for key in ("old-key", "new-key"):
        assert unwrap(create_request(signed(key=key)), at(EXPIRES)) == [signed(key=key)]
    for key in ("", "old-key , new-key", " old-key ", "third-key", "old-key,new-key", ","):
        assert refuse(create_request(signed(key=key))) == NOT_SIGNED


def test_scrub_hides_each_of_several_keys(monkeypatch):
    from scf_mps.logs import scrub

    monkeypatch.setenv("MPS_NOTIFY_KEY", "old-key, new-key,")
    assert scrub("old-key or new-key") == "*** or ***"


def test_request_is_refused_without_a_key(monkeypatch):
    assert "MPS_NOTIFY_KEY" in refuse(create_request(signed()), now=0)
    for value in ("0", "", "true"):
        monkeypatch.setenv("MPS_ALLOW_UNSIGNED", value)
        assert "MPS_NOTIFY_KEY" in refuse(create_request(signed()), now=0)
    monkeypatch.setenv("MPS_NOTIFY_KEY", "")
    assert "MPS_NOTIFY_KEY" in refuse(create_request(signed()), now=0)


def test_unsigned_request_is_accepted_only_without_a_key(monkeypatch):
    monkeypatch.setenv("MPS_ALLOW_UNSIGNED", "1")
    notification = {"EventType": "WorkflowTask"}
    assert unwrap(create_request(notification)) == [notification]
    monkeypatch.setenv("MPS_NOTIFY_KEY", KEY)
    assert refuse(create_request(notification)) == NOT_SIGNED


@pytest.mark.parametrize(
    ("event", "detail"),
    [
        (create_request("no JSON"), "Expecting value"),
        (create_request(""), "Expecting value"),
        (create_request("", body=None), "NoneType"),
        (create_request("", body={"a": 1}), "dict"),
        (create_request('{"a": 1, "a": 1}'), "same key twice"),
        (create_request('[{"b": {"a": 1, "a": 2}}]'), "same key twice"),
        (create_request("[" * 101 + "]" * 101), "100 levels"),
        (create_request("[Infinity]"), "Infinity"),
        ({"httpMethod": "POST", "headers": {}}, "NoneType"),
        (create_request("%%%", isBase64Encoded="TRUE"), "base64"),
        (create_request("%%%", isBase64Encoded=True), "base64"),
        (create_request("ab cd", isBase64Encoded=True), "base64"),
        (create_request("中文", isBase64Encoded=True), "base64"),
        (create_request("", body=5, isBase64Encoded=True), "base64"),
    ],
)
def test_malformed_body_is_invalid(notify_key, event, detail):
    text = refuse(event)
    assert detail in text
    assert "body of the HTTP request" in text


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(
    body=st.text(st.characters(), max_size=20)
    | st.fixed_dictionaries({}, optional={"Timestamp": ANY_JSON, "Sign": ANY_JSON}).map(json.dumps)
    | ANY_JSON,
    base64_encoded=ANY_JSON,
)
def test_any_request_without_the_key_is_refused(body, base64_encoded):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPS_NOTIFY_KEY", KEY)
        assert refuse({"headers": {}, "body": body, "isBase64Encoded": base64_encoded}, now=0)


def test_body_is_base64_only_if_flagged(notify_key):
    text = base64.b64encode(json.dumps(signed()).encode()).decode()
    for word in (True, "true"):
        assert unwrap(create_request(text, isBase64Encoded=word), at(EXPIRES)) == [signed()]
    for word in (False, "false", None, 1, "yes", [True]):
        assert "invalid JSON" in refuse(create_request(text, isBase64Encoded=word))


@pytest.mark.parametrize("method", ["post", "Post", "POST", None])
def test_method_may_be_in_any_case(notify_key, method):
    assert unwrap(create_request(signed(), httpMethod=method), at(EXPIRES)) == [signed()]


def test_text_may_begin_with_a_byte_order_mark(notify_key):
    text = b"\xef\xbb\xbf" + json.dumps(signed()).encode()
    body = base64.b64encode(text).decode()
    assert unwrap(create_request(body, isBase64Encoded=True), at(EXPIRES)) == [signed()]
    assert unwrap(text) == [signed()]


NUMBERS = ["1e999", "-1e999", "NaN", "Infinity", "-Infinity"]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: text,
        lambda text: text.encode(),
        lambda text: {"Records": [{"CMQ": {"msgBody": text}}]},
        lambda text: {"msgInfoList": [{"msgBody": text}]},
        lambda text: {"RequestId": "r", "Body": json.dumps({"ClientContext": text})},
        lambda text: {"InvocationType": "Event", "ClientContext": text},
        json.loads,
    ],
)
def test_number_that_is_not_json_is_invalid(number, wrap):
    ran = []
    app = App()
    app.on("WorkflowTask")(lambda event: ran.append(event))
    event = '{"EventType": "WorkflowTask", "WorkflowTaskEvent": {"A": [{"B": %s}]}}' % number  # noqa: UP031
    with pytest.raises(InvalidEvent):
        app.main_handler(wrap(event), {})
    assert ran == []


@pytest.mark.parametrize("number", NUMBERS)
def test_number_that_is_not_json_is_400(monkeypatch, number):
    monkeypatch.setenv("MPS_ALLOW_UNSIGNED", "1")
    event = '{"EventType": "WorkflowTask", "WorkflowTaskEvent": {"A": %s}}' % number  # noqa: UP031
    assert App().main_handler(create_request(event), {})["statusCode"] == 400


def test_large_and_small_numbers_are_accepted():
    numbers = {"A": [1e308, -0.0, 5e-324, 10**400, True]}
    event = {"EventType": "WorkflowTask", "WorkflowTaskEvent": numbers}
    assert App().main_handler(event, {})["event_type"] == "WorkflowTask"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "", 5, "POST " * 9])
def test_other_method_than_post_is_405(notify_key, method):
    request = {"httpMethod": method, "headers": {}, "body": None}
    with pytest.raises(RequestRefused) as refused:
        unwrap(request, at(EXPIRES))
    assert refused.value.status == 405


# CMQ


def test_queue_messages_are_unwrapped():
    received = {"code": 0, "requestId": "r", "msgId": "1", "receiptHandle": "h"}
    first, second = {"EventType": "A"}, {"EventType": "B"}
    assert unwrap({**received, "msgBody": json.dumps(first)}) == [first]
    messages = [
        {"msgId": str(i), "msgBody": json.dumps(one)} for i, one in enumerate([first, second])
    ]
    assert unwrap({"code": 0, "msgInfoList": messages}) == [first, second]


BROKEN_ESCAPES = ["%7B%FF%7D", "%7B%22a%22%3A%201%FF%7D", "%7B%22a%22:%22%FF%22%7D", "%7B\ud800"]


@pytest.mark.parametrize("text", [None, *BROKEN_ESCAPES, "%7B", "%7D", "%", "%7B%zz"])
def test_unreadable_queue_message_is_invalid(text):
    with pytest.raises(InvalidEvent, match="msgBody"):
        App().main_handler({"msgBody": text})


def test_unreadable_queue_message_is_located():
    with pytest.raises(CallbacksFailed) as failed:
        App().main_handler(
            {"msgInfoList": [{"msgBody": '{"EventType": "A"}'}, {"msgBody": "{"}, {}]}
        )
    assert [one.result for one in failed.value.failures] == ["msgInfoList[1]", "msgInfoList[2]"]
    assert "msgInfoList[1].msgBody" in str(failed.value)
    assert "message at msgInfoList[2]" in str(failed.value)


def quote_path(text):
    """Escape a text as url.PathEscape of Go does."""
    return quote(text, safe="$&+:=@")


@pytest.mark.parametrize("escape", [quote, quote_plus, quote_path])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@given(context=st.text(st.characters(exclude_categories=["Cs"])))
@example(context="1+1")
@example(context="1 + 1")
def test_url_escapes_of_a_message_are_removed(escape, separators, context):
    notification = {"EventType": "A", "SessionContext": context}
    text = json.dumps(notification, ensure_ascii=False, separators=separators)
    for escaped in (escape(text), escape(text).replace("%7B", "%7b")):
        assert unwrap({"msgBody": escaped}) == [notification]
        assert unwrap({"Records": [{"CMQ": {"msgBody": escaped}}]}) == [notification]


def test_documented_message_reaches_callback():
    app = App()
    taken = []
    app.on(Transcode)(lambda transcode: taken.append(transcode.definition))
    summary = app.main_handler(payload("env_cmq_topic"), {})
    assert summary["event_type"] == "WorkflowTask"
    assert taken == [10]


def test_messages_are_unwrapped_in_order():
    first, second = {"EventType": "A"}, {"EventType": "B"}
    assert unwrap(cmq(first, second)) == [first, second]


def test_batch_summary_has_every_event():
    app = App()
    app.on(UnknownEvent)(lambda event: None)
    summary = app.main_handler(cmq({"EventType": "A"}, {"EventType": "B"}), {})
    assert [one["event_type"] for one in summary["events"]] == ["A", "B"]
    assert [one["callbacks"][0]["outcome"] for one in summary["events"]] == ["done", "done"]


def test_single_message_has_plain_summary():
    summary = App().main_handler(cmq({"EventType": "A"}), {})
    assert summary["event_type"] == "A"


@pytest.mark.parametrize(
    ("record", "detail"),
    [
        (None, r"at Records\[0\]"),
        ("text", r"at Records\[0\]"),
        ({}, r"at Records\[0\]"),
        ({"cos": {}}, r"at Records\[0\]"),
        ({"CMQ": "text"}, r"at Records\[0\]"),
        ({"CMQ": {"msgId": "1"}}, r"at Records\[0\]"),
        ({"CMQ": {"msgBody": None}}, r"Records\[0\]\.CMQ\.msgBody"),
        ({"CMQ": {"msgBody": "{"}}, r"Records\[0\]\.CMQ\.msgBody"),
        ({"CMQ": {"msgBody": "[1]"}}, "list of length 1"),
    ],
)
def test_malformed_message_is_invalid(record, detail):
    with pytest.raises(InvalidEvent, match=detail):
        App().main_handler({"Records": [record]})


def create_failing_app():
    """Return an application whose callback fails for one session context, and the contexts of the others."""
    router = Router()
    taken = []

    @router.on(Transcode, name="keep")
    def keep(transcode: Transcode) -> None:
        if transcode.event.session_context == "fail":
            raise LookupError("no such bucket")
        taken.append(transcode.event.session_context)

    return App(router), taken


def task(session_context):
    return sample("WorkflowTask", Transcode="SUCCESS", session_context=session_context)


def test_batch_continues_after_failed_message(caplog):
    app, taken = create_failing_app()
    event = cmq("no JSON", task("first"), task("fail"), {"EventType": ""}, task("last"))
    event["Records"].append({"CMQ": {}})
    with pytest.raises(CallbacksFailed) as raised:
        app.main_handler(event, {"request_id": "r"})
    assert taken == ["first", "last"]
    failed = raised.value
    assert failed.message == "4 failures in 6 events"
    task_id = task("")["WorkflowTaskEvent"]["TaskId"]
    key = f"WorkflowTask/{task_id}/FINISH/MediaProcessResultSet[0]/Transcode/100030"
    assert [(one.callback, one.result) for one in failed.failures] == [
        ("main_handler", "Records[0]"),
        ("keep", key),
        ("main_handler", "Records[3]"),
        ("main_handler", "Records[5]"),
    ]
    assert [type(one.__cause__) for one in failed.failures] == [
        InvalidEvent,
        LookupError,
        InvalidEvent,
        InvalidEvent,
    ]
    first = str(failed).splitlines()[1]
    assert first.startswith("  - main_handler on Records[0]: InvalidEvent: ")
    outcomes = [one["callbacks"][0]["outcome"] for one in failed.summary["events"]]
    assert outcomes == ["done", "failed", "done"]
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert errors[0] == f"invalid event: {failed.failures[0].__cause__}"
    assert [text.partition(": ")[0] for text in errors] == [
        "invalid event",
        "failed",
        "invalid event",
        "invalid event",
    ]


def test_line_about_invalid_message_has_no_task_id():
    from scf_mps import logs
    from tests.support.log_capture import Stream, restore_loggers

    stream = Stream()
    with restore_loggers():
        logs.configure(stream)
        with pytest.raises(CallbacksFailed, match="1 failures"):
            App().main_handler(cmq(task("first"), "no JSON"), {"request_id": "r"})
    about_first, handled, about_second = stream.lines
    assert handled["task_id"] == about_first["task_id"]
    assert about_first["task_id"] == task("")["WorkflowTaskEvent"]["TaskId"]
    assert about_second["message"].startswith("invalid event: ")
    assert about_second["request_id"] == "r"
    assert "task_id" not in about_second


def test_explain_locates_invalid_message():
    app, _ = create_failing_app()
    assert len(app.explain(cmq(task("a"), task("b")))) == 4
    with pytest.raises(InvalidEvent, match=r"Records\[1\]\.CMQ\.msgBody"):
        app.explain(cmq(task("a"), "no JSON"))


@given(st.lists(ANY_JSON, min_size=1, max_size=4))
def test_any_records_raise_only_our_errors(records):
    logging.disable(logging.CRITICAL)
    try:
        for wrapped in (records, [{"CMQ": {"msgBody": json.dumps(one)}} for one in records]):
            with pytest.raises((InvalidEvent, CallbacksFailed)):
                App().main_handler({"Records": wrapped})
    finally:
        logging.disable(logging.NOTSET)


class TestDeadLetters:
    """Messages of SCF's dead-letter queue (product page 583/39851)."""

    def letter(self, context, **body):
        return {
            "RequestId": "4f57f4f5-3c4b-11eb-8dcd-5254005dbf9e",
            "ErrorCode": 430,
            "ErrorMessage": "user code exception caught",
            "Body": {"FunctionName": "mps-events", "ClientContext": context, "RetryNum": 2, **body},
        }

    def test_dead_letter_holds_the_event(self):
        notification = sample("WorkflowTask")
        assert unwrap(self.letter(json.dumps(notification))) == [notification]

    def test_dead_letter_body_may_be_text(self):
        letter = self.letter(json.dumps({"EventType": "X"}))
        assert unwrap({**letter, "Body": json.dumps(letter["Body"])}) == [{"EventType": "X"}]

    def test_dead_letter_body_may_come_alone(self):
        letter = self.letter(json.dumps({"EventType": "X"}), InvocationType="Event")
        assert unwrap(letter["Body"]) == [{"EventType": "X"}]

    def test_dead_letter_may_be_a_message(self):
        letters = [self.letter(json.dumps({"EventType": name})) for name in "XY"]
        assert unwrap(cmq(*letters)) == [{"EventType": "X"}, {"EventType": "Y"}]

    def test_request_in_dead_letter_or_message_is_invalid(self, monkeypatch):
        monkeypatch.setenv("MPS_ALLOW_UNSIGNED", "1")
        request = create_request({"EventType": "X"})
        for event in (self.letter(json.dumps(request)), {"msgBody": json.dumps(request)}):
            with pytest.raises(InvalidEvent, match="HTTP request"):
                App().main_handler(event)

    def test_envelopes_are_limited(self):
        event = {"EventType": "X"}
        for _ in range(4):
            event = {"msgBody": json.dumps(event)}
        assert unwrap(event) == [{"EventType": "X"}]
        with pytest.raises(InvalidEvent, match="4 envelopes"):
            unwrap({"msgBody": json.dumps(event)})

    def test_dead_letter_may_hold_messages(self):
        inner = cmq({"EventType": "X"}, {"EventType": "Y"})
        assert len(unwrap(self.letter(json.dumps(inner)))) == 2

    @pytest.mark.parametrize("body", [None, "not JSON", [], {}, "[]"])
    def test_dead_letter_without_event_is_invalid(self, body):
        with pytest.raises(InvalidEvent, match="dead letter"):
            unwrap({**self.letter("{}"), "Body": body})

    def test_dead_letter_with_invalid_json_is_located(self):
        with pytest.raises(InvalidEvent, match=r"Body\.ClientContext of the dead letter"):
            unwrap(self.letter("{"))
