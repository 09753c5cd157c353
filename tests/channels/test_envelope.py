"""How a notification arrives: by the MPS trigger, over HTTP with a signature, in CMQ messages."""

from __future__ import annotations

import base64
import hashlib
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
from tests.support.sample_data import payload

NOTIFY_KEY = "my-notify-key"  # of synth_workflow_signed
EXPIRES = 1_633_046_400

NOT_SIGNED = "refused an HTTP request: its Sign is not MD5(Timestamp + MPS_NOTIFY_KEY)"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MPS_NOTIFY_KEY", raising=False)
    monkeypatch.delenv("MPS_ALLOW_UNSIGNED", raising=False)


@pytest.fixture
def notify_key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MPS_NOTIFY_KEY", NOTIFY_KEY)
    return NOTIFY_KEY


def http(body: Any, /, **more: Any) -> dict[str, Any]:
    """A request as a function URL passes it; a body that is no text is written as JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    return {"httpMethod": "POST", "path": "/", "headers": {}, "body": text, **more}


def cmq(*bodies: Any) -> dict[str, Any]:
    """Messages as a CMQ topic passes them."""
    texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    return {
        "Records": [{"CMQ": {"msgId": str(i), "msgBody": text}} for i, text in enumerate(texts)]
    }


def signed(timestamp: Any = EXPIRES, key: str = NOTIFY_KEY, **more: Any) -> dict[str, Any]:
    sign = hashlib.md5(f"{timestamp}{key}".encode()).hexdigest()
    return {"EventType": "WorkflowTask", "Timestamp": timestamp, "Sign": sign, **more}


def at(now: float) -> Any:
    return lambda: now


def refusal(event: object, now: float = EXPIRES) -> str:
    with pytest.raises(InvalidEvent) as refused:
        unwrap(event, at(now))
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return str(refused.value)


# The MPS trigger.


@pytest.mark.parametrize(
    "event", [{"EventType": "WorkflowTask"}, {"NotificationType": "ProcessEof"}]
)
def test_what_the_mps_trigger_passes_is_the_notification_itself(event: dict[str, Any]) -> None:
    (notification,) = unwrap(event)
    assert notification is event


def test_a_notification_is_never_taken_for_an_envelope_by_fields_of_that_name() -> None:
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
def test_what_is_no_envelope_is_left_to_the_reading_of_events(event: object) -> None:
    (notification,) = unwrap(event)
    assert notification is event
    with pytest.raises(InvalidEvent, match=r"^expected an MPS notification"):
        App().main_handler(event)


@pytest.mark.parametrize("wrap", [str, str.encode, lambda text: bytearray(text.encode())])
def test_a_raw_text_is_what_is_written_in_it(wrap: Any) -> None:
    for event in ({"EventType": "X"}, cmq({"EventType": "X"})):
        assert unwrap(wrap(json.dumps(event))) == [{"EventType": "X"}]
    summary = App().main_handler(wrap(json.dumps(sample("WorkflowTask"))), {})
    assert summary["event_type"] == "WorkflowTask"


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (
            "text",
            "a str of length 4 came that is no JSON: Expecting value: line 1 column 1 (char 0)",
        ),
        ("", "a str of length 0 came that is no JSON: Expecting value: line 1 column 1 (char 0)"),
        (
            b'"\xff"',
            "a bytes of length 3 came that is no JSON: 'utf-8' codec can't decode byte 0xff",
        ),
        (
            "[" * 101 + "]" * 101,
            "a str of length 202 came that is no JSON: it has more than 100 levels",
        ),
        ('{"EventType": NaN}', "a str of length 18 came that is no JSON: NaN is no JSON"),
        ('"\\"text\\""', "a str of length 4 came"),
        ("null", "null came"),
    ],
)
def test_a_raw_text_that_holds_no_notification_is_an_invalid_event(event: Any, why: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        App().main_handler(event)
    text = str(refused.value)
    assert text.startswith(f"expected an MPS notification, a JSON object, but {why}")


def test_a_text_of_a_hundred_levels_is_read() -> None:
    text = '{"EventType": "X", "a": ' + "[" * 98 + "1" + "]" * 98 + "}"
    assert App().main_handler(text)["event_type"] == "X"


def test_an_object_so_deep_that_it_has_no_key_is_an_invalid_event() -> None:
    event: Any = sample("WorkflowTask", status="PROCESSING")
    for _ in range(3000):
        event["Deep"] = [event.get("Deep")]
    with pytest.raises(InvalidEvent, match="an object of more than 100 levels came"):
        App(ledger=MemoryLedger()).main_handler(event)


def test_a_recursion_that_is_no_fault_of_the_event_is_told_as_what_it_is() -> None:
    class Endless(Middleware):
        def before_event(self, event: Any, context: Any) -> None:
            self.before_event(event, context)

    with pytest.raises(RecursionError):
        App(middleware=[Endless()]).main_handler(sample("WorkflowTask"))


# HTTP.


def test_a_request_mps_signed_is_opened(notify_key: str) -> None:
    notification = payload("synth_workflow_signed")
    assert unwrap(http(notification), at(EXPIRES)) == [notification]


def test_a_request_of_an_api_gateway_has_a_request_context_and_maybe_no_headers(
    notify_key: str,
) -> None:
    event = {"requestContext": {"stage": "release"}, "body": json.dumps(signed())}
    assert unwrap(event, at(EXPIRES)) == [signed()]


def test_a_body_in_base64_is_opened(notify_key: str) -> None:
    notification = payload("synth_workflow_signed")
    text = base64.b64encode(json.dumps(notification, ensure_ascii=False).encode()).decode()
    assert unwrap(http(text, isBase64Encoded=True), at(EXPIRES)) == [notification]
    assert unwrap(http(notification, isBase64Encoded=False), at(EXPIRES)) == [notification]


def test_the_documented_request_reaches_the_callbacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPS_ALLOW_UNSIGNED", "1")
    app = App()
    taken = []
    app.on(Transcode)(lambda transcode: taken.append(transcode.definition))
    response = app.main_handler(payload("env_http_function_url"), {})
    assert response["statusCode"] == 200
    assert json.loads(response["body"])["event_type"] == "WorkflowTask"
    assert taken == [10]


def test_a_signature_is_checked_by_the_real_clock_unless_another_is_given(notify_key: str) -> None:
    expired = http(payload("synth_workflow_signed"))  # in 2021
    assert App().main_handler(expired)["statusCode"] == 401
    soon = int(time.time()) + 600
    response = App().main_handler(http({**signed(soon), "WorkflowTaskEvent": {}}))
    assert response["statusCode"] == 200


@pytest.mark.parametrize("timestamp", [EXPIRES, str(EXPIRES)])
def test_a_signature_holds_up_to_its_timestamp_and_no_longer(
    notify_key: str, timestamp: Any
) -> None:
    event = http(signed(timestamp))
    assert unwrap(event, at(EXPIRES)) == [signed(timestamp)]
    assert refusal(event, EXPIRES + 0.5) == (
        f"refused an HTTP request: its signature expired at {EXPIRES}"
    )


def test_a_signature_may_be_in_upper_case(notify_key: str) -> None:
    notification = signed()
    notification["Sign"] = notification["Sign"].upper()
    assert unwrap(http(notification), at(EXPIRES)) == [notification]


@pytest.mark.parametrize(
    "notification",
    [
        signed(key="another-key"),
        {**signed(), "Timestamp": EXPIRES + 1},
        {**signed(), "Timestamp": None},
        {**signed(), "Timestamp": float(EXPIRES)},
        signed(float(EXPIRES)),
        {**signed(), "Timestamp": [[[EXPIRES]]]},
        {**signed(), "Timestamp": "\ud800"},
        {**signed(), "Sign": ""},
        {**signed(), "Sign": None},
        {**signed(), "Sign": ["a"]},
        {**signed(), "Sign": "签名"},
        {**signed(), "Sign": "\ud800"},
        {"EventType": "WorkflowTask", "Timestamp": EXPIRES},
        {"EventType": "WorkflowTask", "Sign": signed()["Sign"]},
        {"EventType": "WorkflowTask"},
        {},
        [],
        None,
        5,
        '"text"',
    ],
)
def test_what_mps_did_not_sign_with_this_key_is_refused(notify_key: str, notification: Any) -> None:
    assert refusal(http(notification), now=0) == NOT_SIGNED


@pytest.mark.parametrize(
    "timestamp", ["", "-5", "soon", "1e12", True, "１６３３０４６４００", "1" * 13, -5]
)
def test_what_is_signed_is_to_be_a_number_of_seconds(notify_key: str, timestamp: Any) -> None:
    assert refusal(http(signed(timestamp)), now=0) == NOT_SIGNED


def test_a_signature_of_no_timestamp_at_all_is_none(notify_key: str) -> None:
    assert refusal(http({**signed(""), "Timestamp": None}), now=0) == NOT_SIGNED


def test_a_signature_that_would_hold_for_years_is_refused(notify_key: str) -> None:
    assert unwrap(http(signed()), at(EXPIRES - 3600)) == [signed()]
    assert refusal(http(signed()), EXPIRES - 3600.5) == (
        f"refused an HTTP request: its signature is to expire at {EXPIRES} only, more than 3600 seconds ahead"
    )


def test_any_of_several_keys_will_do_so_that_one_can_be_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MPS_NOTIFY_KEY", " old-key , new-key,,")
    for key in ("old-key", "new-key"):
        assert unwrap(http(signed(key=key)), at(EXPIRES)) == [signed(key=key)]
    for key in ("", "old-key , new-key", " old-key ", "third-key", "old-key,new-key", ","):
        assert refusal(http(signed(key=key))) == NOT_SIGNED


def test_where_there_are_several_keys_none_of_them_is_logged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from scf_mps.logs import scrub

    monkeypatch.setenv("MPS_NOTIFY_KEY", "old-key, new-key,")
    assert scrub("old-key or new-key") == "*** or ***"


def test_a_request_is_refused_where_nothing_tells_who_sent_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    why = (
        "refused an HTTP request, as nothing tells whether MPS sent it: set MPS_NOTIFY_KEY to the "
        "NotifyKey of the task's TaskNotifyConfig (or MPS_ALLOW_UNSIGNED=1 where something else "
        "keeps others out)"
    )
    assert refusal(http(signed()), now=0) == why
    for value in ("0", "", "true"):
        monkeypatch.setenv("MPS_ALLOW_UNSIGNED", value)
        assert refusal(http(signed()), now=0) == why
    monkeypatch.setenv("MPS_NOTIFY_KEY", "")
    assert refusal(http(signed()), now=0) == why


def test_unsigned_requests_are_allowed_by_a_variable_but_not_where_there_is_a_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MPS_ALLOW_UNSIGNED", "1")
    notification = {"EventType": "WorkflowTask"}
    assert unwrap(http(notification)) == [notification]
    monkeypatch.setenv("MPS_NOTIFY_KEY", NOTIFY_KEY)
    assert refusal(http(notification)) == NOT_SIGNED


BODY = "the body of the HTTP request"


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (
            http("no JSON"),
            f"expected JSON text in {BODY}: Expecting value: line 1 column 1 (char 0)",
        ),
        (http(""), f"expected JSON text in {BODY}: Expecting value: line 1 column 1 (char 0)"),
        (http("", body=None), f"expected JSON text in {BODY}, but a NoneType came"),
        (http("", body={"a": 1}), f"expected JSON text in {BODY}, but a dict came"),
        (
            http('{"a": 1, "a": 1}'),
            f"expected JSON text in {BODY}: an object has the same key twice",
        ),
        (
            http('[{"b": {"a": 1, "a": 2}}]'),
            f"expected JSON text in {BODY}: an object has the same key twice",
        ),
        (http("[" * 101 + "]" * 101), f"expected JSON text in {BODY}: it has more than 100 levels"),
        (http("[Infinity]"), f"expected JSON text in {BODY}: Infinity is no JSON"),
        (
            {"httpMethod": "POST", "headers": {}},
            f"expected JSON text in {BODY}, but a NoneType came",
        ),
        (http("%%%", isBase64Encoded="TRUE"), f"expected {BODY} in base64, as it says"),
        (http("%%%", isBase64Encoded=True), f"expected {BODY} in base64, as it says"),
        (http("ab cd", isBase64Encoded=True), f"expected {BODY} in base64, as it says"),
        (http("中文", isBase64Encoded=True), f"expected {BODY} in base64, as it says"),
        (http("", body=5, isBase64Encoded=True), f"expected {BODY} in base64, as it says"),
    ],
)
def test_a_malformed_body_says_what_was_expected_and_what_came(
    notify_key: str, event: dict[str, Any], why: str
) -> None:
    assert refusal(event) == why


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "1" * 5000, base64.b64encode(b'"\xff\xfe\xff"').decode()]
)
def test_a_hostile_body_is_an_invalid_event_too(notify_key: str, text: str) -> None:
    event = http(text, isBase64Encoded=text.endswith("="))
    why = refusal(event)
    assert why == NOT_SIGNED or why.startswith(f"expected JSON text in {BODY}: ")


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
def test_nobody_without_the_key_gets_past_the_check_whatever_the_request_holds(
    body: Any, base64_encoded: Any
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPS_NOTIFY_KEY", NOTIFY_KEY)
        assert refusal({"headers": {}, "body": body, "isBase64Encoded": base64_encoded}, now=0)


def test_without_its_word_for_it_a_body_is_not_taken_for_base64(notify_key: str) -> None:
    text = base64.b64encode(json.dumps(signed()).encode()).decode()
    for word in (True, "true"):
        assert unwrap(http(text, isBase64Encoded=word), at(EXPIRES)) == [signed()]
    for word in (False, "false", None, 1, "yes", [True]):
        assert refusal(http(text, isBase64Encoded=word)).startswith(
            "expected JSON text in the body"
        )


@pytest.mark.parametrize("method", ["post", "Post", "POST", None])
def test_method_is_post_in_any_case(notify_key: str, method: Any) -> None:
    assert unwrap(http(signed(), httpMethod=method), at(EXPIRES)) == [signed()]


def test_text_may_begin_with_a_byte_order_mark(notify_key: str) -> None:
    text = b"\xef\xbb\xbf" + json.dumps(signed()).encode()
    body = base64.b64encode(text).decode()
    assert unwrap(http(body, isBase64Encoded=True), at(EXPIRES)) == [signed()]
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
def test_number_that_json_has_not_is_refused(number: str, wrap: Any) -> None:
    ran: list[object] = []
    app = App()
    app.on("WorkflowTask")(lambda event: ran.append(event))
    event = '{"EventType": "WorkflowTask", "WorkflowTaskEvent": {"A": [{"B": %s}]}}' % number  # noqa: UP031
    with pytest.raises(InvalidEvent):
        app.main_handler(wrap(event), {})
    assert ran == []


@pytest.mark.parametrize("number", NUMBERS)
def test_number_that_json_has_not_is_a_bad_request(
    monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    monkeypatch.setenv("MPS_ALLOW_UNSIGNED", "1")
    event = '{"EventType": "WorkflowTask", "WorkflowTaskEvent": {"A": %s}}' % number  # noqa: UP031
    assert App().main_handler(http(event), {})["statusCode"] == 400


def test_large_and_small_numbers_are_accepted() -> None:
    numbers = {"A": [1e308, -0.0, 5e-324, 10**400, True]}
    event = {"EventType": "WorkflowTask", "WorkflowTaskEvent": numbers}
    assert App().main_handler(event, {})["event_type"] == "WorkflowTask"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "", 5, "POST " * 9])
def test_another_method_than_post_is_refused(notify_key: str, method: Any) -> None:
    request = {"httpMethod": method, "headers": {}, "body": None}
    with pytest.raises(
        RequestRefused, match="expected a POST with a notification of MPS"
    ) as refused:
        unwrap(request, at(EXPIRES))
    assert refused.value.status == 405


# CMQ.


def test_a_message_of_a_queue_is_opened_alone_or_with_others() -> None:
    received = {"code": 0, "requestId": "r", "msgId": "1", "receiptHandle": "h"}
    first, second = {"EventType": "A"}, {"EventType": "B"}
    assert unwrap({**received, "msgBody": json.dumps(first)}) == [first]
    messages = [
        {"msgId": str(i), "msgBody": json.dumps(one)} for i, one in enumerate([first, second])
    ]
    assert unwrap({"code": 0, "msgInfoList": messages}) == [first, second]


def test_a_message_of_a_queue_that_cannot_be_read_is_named() -> None:
    with pytest.raises(InvalidEvent, match=r"^expected JSON text in msgBody, but a NoneType came$"):
        App().main_handler({"msgBody": None})
    with pytest.raises(CallbacksFailed) as failed:
        App().main_handler(
            {"msgInfoList": [{"msgBody": '{"EventType": "A"}'}, {"msgBody": "{"}, {}]}
        )
    assert [one.result for one in failed.value.failures] == ["msgInfoList[1]", "msgInfoList[2]"]
    assert "expected JSON text in msgInfoList[1].msgBody: " in str(failed.value)
    assert "expected a CMQ message with a msgBody at msgInfoList[2]" in str(failed.value)


def quote_path(text: str) -> str:
    """As url.PathEscape of Go does."""
    return quote(text, safe="$&+:=@")


@pytest.mark.parametrize("escape", [quote, quote_plus, quote_path])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@given(context=st.text(st.characters(exclude_categories=["Cs"])))
@example(context="1+1")
@example(context="1 + 1")
def test_a_message_that_is_escaped_as_for_a_url_is_what_it_was(
    escape: Any, separators: tuple[str, str], context: str
) -> None:
    notification = {"EventType": "A", "SessionContext": context}
    text = json.dumps(notification, ensure_ascii=False, separators=separators)
    for escaped in (escape(text), escape(text).replace("%7B", "%7b")):
        assert unwrap({"msgBody": escaped}) == [notification]
        assert unwrap({"Records": [{"CMQ": {"msgBody": escaped}}]}) == [notification]


@pytest.mark.parametrize(
    "text",
    [
        "%7B%FF%7D",
        "%7B%22a%22%3A%201%FF%7D",
        "%7B%22a%22:%22%FF%22%7D",
        "%7B\ud800",
        "%7B",
        "%7D",
        "%",
        "%7B%zz",
    ],
)
def test_a_message_that_is_escaped_wrongly_is_an_invalid_event(text: str) -> None:
    with pytest.raises(InvalidEvent, match=r"^expected JSON text in msgBody: "):
        App().main_handler({"msgBody": text})


def test_the_documented_message_reaches_the_callbacks() -> None:
    app = App()
    taken = []
    app.on(Transcode)(lambda transcode: taken.append(transcode.definition))
    summary = app.main_handler(payload("env_cmq_topic"), {})
    assert summary["event_type"] == "WorkflowTask"
    assert taken == [10]


def test_several_messages_are_several_notifications_in_order() -> None:
    first, second = {"EventType": "A"}, {"EventType": "B"}
    assert unwrap(cmq(first, second)) == [first, second]


def test_the_summary_of_several_messages_has_one_for_each() -> None:
    app = App()
    app.on(UnknownEvent)(lambda event: None)
    summary = app.main_handler(cmq({"EventType": "A"}, {"EventType": "B"}), {})
    assert [one["event_type"] for one in summary["events"]] == ["A", "B"]
    assert [one["callbacks"][0]["outcome"] for one in summary["events"]] == ["done", "done"]


def test_one_message_alone_has_the_summary_of_its_event() -> None:
    summary = App().main_handler(cmq({"EventType": "A"}), {})
    assert summary["event_type"] == "A"


NO_MESSAGE = "expected a CMQ message with a msgBody at Records[0]"
MSG_BODY = "Records[0].CMQ.msgBody"


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (None, NO_MESSAGE),
        ("text", NO_MESSAGE),
        ({}, NO_MESSAGE),
        ({"cos": {}}, NO_MESSAGE),
        ({"CMQ": "text"}, NO_MESSAGE),
        ({"CMQ": {"msgId": "1"}}, NO_MESSAGE),
        ({"CMQ": {"msgBody": None}}, f"expected JSON text in {MSG_BODY}, but a NoneType came"),
        (
            {"CMQ": {"msgBody": "{"}},
            f"expected JSON text in {MSG_BODY}: Expecting property name enclosed in double quotes: "
            "line 1 column 2 (char 1)",
        ),
        (
            {"CMQ": {"msgBody": "[1]"}},
            "expected an MPS notification, a JSON object, but a list of length 1 came",
        ),
    ],
)
def test_a_malformed_message_is_an_invalid_event(record: Any, why: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        App().main_handler({"Records": [record]})
    assert str(refused.value) == why


def app_of_two_minds() -> tuple[App, list[str]]:
    """An application with a callback that fails for template 20 and takes note of the others."""
    router = Router()
    taken: list[str] = []

    @router.on(Transcode, name="keep")
    def keep(transcode: Transcode) -> None:
        if transcode.event.session_context == "fail":
            raise LookupError("no such bucket")
        taken.append(transcode.event.session_context)

    return App(router), taken


def task(session_context: str) -> dict[str, Any]:
    return sample("WorkflowTask", Transcode="SUCCESS", session_context=session_context)


def test_a_message_that_is_invalid_or_fails_keeps_no_other_from_its_turn(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, taken = app_of_two_minds()
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
    assert (
        str(failed)
        .splitlines()[1]
        .startswith(
            "  - main_handler on Records[0]: InvalidEvent: expected JSON text in Records[0].CMQ.msgBody"
        )
    )
    outcomes = [one["callbacks"][0]["outcome"] for one in failed.summary["events"]]
    assert outcomes == ["done", "failed", "done"]
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert [text.partition(": ")[0] for text in errors] == [
        "invalid event",
        "failed",
        "invalid event",
        "invalid event",
    ]


def test_a_line_about_an_invalid_message_does_not_bear_the_task_id_of_another() -> None:
    from scf_mps import logs
    from tests.support.log_capture import Stream, loggers_put_back

    stream = Stream()
    with loggers_put_back():
        logs.configure(stream)
        with pytest.raises(CallbacksFailed, match="1 failures in 2 events"):
            App().main_handler(cmq(task("first"), "no JSON"), {"request_id": "r"})
    about_first, about_second = stream.lines
    assert about_first["task_id"] == task("")["WorkflowTaskEvent"]["TaskId"]
    assert about_second["message"].startswith("invalid event: ")
    assert about_second["request_id"] == "r"
    assert "task_id" not in about_second


def test_explaining_several_messages_says_which_is_invalid() -> None:
    app, _ = app_of_two_minds()
    assert len(app.explain(cmq(task("a"), task("b")))) == 4
    with pytest.raises(InvalidEvent, match=r"^expected JSON text in Records\[1\]\.CMQ\.msgBody: "):
        app.explain(cmq(task("a"), "no JSON"))


@given(st.lists(ANY_JSON, min_size=1, max_size=4))
def test_whatever_the_records_are_nothing_but_our_own_errors_is_raised(records: list[Any]) -> None:
    logging.disable(logging.CRITICAL)
    try:
        for wrapped in (records, [{"CMQ": {"msgBody": json.dumps(one)}} for one in records]):
            with pytest.raises((InvalidEvent, CallbacksFailed)):
                App().main_handler({"Records": wrapped})
    finally:
        logging.disable(logging.NOTSET)


class TestDeadLetters:
    """What SCF puts into a dead-letter queue (product page 583/39851)."""

    def letter(self, context: Any, **body: Any) -> dict[str, Any]:
        return {
            "RequestId": "4f57f4f5-3c4b-11eb-8dcd-5254005dbf9e",
            "ErrorCode": 430,
            "ErrorMessage": "user code exception caught",
            "Body": {"FunctionName": "mps-events", "ClientContext": context, "RetryNum": 2, **body},
        }

    def test_the_event_of_the_failed_delivery_is_in_it(self) -> None:
        notification = sample("WorkflowTask")
        assert unwrap(self.letter(json.dumps(notification))) == [notification]

    def test_its_body_may_be_a_text(self) -> None:
        letter = self.letter(json.dumps({"EventType": "X"}))
        assert unwrap({**letter, "Body": json.dumps(letter["Body"])}) == [{"EventType": "X"}]

    def test_its_body_may_come_alone(self) -> None:
        letter = self.letter(json.dumps({"EventType": "X"}), InvocationType="Event")
        assert unwrap(letter["Body"]) == [{"EventType": "X"}]

    def test_it_may_be_a_message_of_the_queue_it_was_put_into(self) -> None:
        letters = [self.letter(json.dumps({"EventType": name})) for name in "XY"]
        assert unwrap(cmq(*letters)) == [{"EventType": "X"}, {"EventType": "Y"}]

    def test_a_request_in_it_is_refused_as_its_signature_tells_nothing_any_more(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MPS_ALLOW_UNSIGNED", "1")
        request = http({"EventType": "X"})
        for event in (self.letter(json.dumps(request)), {"msgBody": json.dumps(request)}):
            with pytest.raises(InvalidEvent, match=r"^an HTTP request came inside of a message"):
                App().main_handler(event)

    def test_there_is_an_end_to_envelopes_in_envelopes(self) -> None:
        event: Any = {"EventType": "X"}
        for _ in range(4):
            event = {"msgBody": json.dumps(event)}
        assert unwrap(event) == [{"EventType": "X"}]
        with pytest.raises(InvalidEvent, match="there are more than 4 envelopes around it"):
            unwrap({"msgBody": json.dumps(event)})

    def test_of_an_event_of_another_channel_the_envelope_is_opened_too(self) -> None:
        inner = cmq({"EventType": "X"}, {"EventType": "Y"})
        assert len(unwrap(self.letter(json.dumps(inner)))) == 2

    @pytest.mark.parametrize("body", [None, "not JSON", [], {}, "[]"])
    def test_one_without_an_event_is_named(self, body: Any) -> None:
        with pytest.raises(InvalidEvent, match="dead letter"):
            unwrap({**self.letter("{}"), "Body": body})

    def test_one_whose_event_is_no_json_is_named(self) -> None:
        with pytest.raises(InvalidEvent, match=r"Body\.ClientContext of the dead letter"):
            unwrap(self.letter("{"))
