"""How a notification arrives: by the MPS trigger, over HTTP with a signature, in CMQ messages."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import payload

from scf_mps import App, CallbacksFailed, InvalidEvent, Router, Transcode, UnknownEvent
from scf_mps.envelope import open_envelope
from scf_mps.local.samples import sample

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
        open_envelope(event, at(now))
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return str(refused.value)


# The MPS trigger.


@pytest.mark.parametrize(
    "event", [{"EventType": "WorkflowTask"}, {"NotificationType": "ProcessEof"}]
)
def test_what_the_mps_trigger_passes_is_the_notification_itself(event: dict[str, Any]) -> None:
    (notification,) = open_envelope(event)
    assert notification is event


def test_a_notification_is_never_taken_for_an_envelope_by_fields_of_that_name() -> None:
    for event in (
        {"EventType": "New", "body": "{}", "headers": {}},
        {"NotificationType": "New", "Records": [{}]},
    ):
        assert open_envelope(event) == [event]


@pytest.mark.parametrize(
    "event",
    [
        *(None, [], "text", b"bytes", 5, {}),
        {"Records": []},
        {"Records": {}},
        {"Records": None},
        {"body": "{}"},
        {"headers": {}},
        {"requestContext": {}},
    ],
)
def test_what_is_no_envelope_is_left_to_the_reading_of_events(event: object) -> None:
    (notification,) = open_envelope(event)
    assert notification is event
    with pytest.raises(InvalidEvent, match=r"^expected an MPS notification"):
        App().main_handler(event)


# HTTP.


def test_a_request_mps_signed_is_opened(notify_key: str) -> None:
    notification = payload("synth_workflow_signed")
    assert open_envelope(http(notification), at(EXPIRES)) == [notification]


def test_a_request_of_an_api_gateway_has_a_request_context_and_maybe_no_headers(
    notify_key: str,
) -> None:
    event = {"requestContext": {"stage": "release"}, "body": json.dumps(signed())}
    assert open_envelope(event, at(0)) == [signed()]


def test_a_body_in_base64_is_opened(notify_key: str) -> None:
    notification = payload("synth_workflow_signed")
    text = base64.b64encode(json.dumps(notification, ensure_ascii=False).encode()).decode()
    assert open_envelope(http(text, isBase64Encoded=True), at(0)) == [notification]
    assert open_envelope(http(notification, isBase64Encoded=False), at(0)) == [notification]


def test_the_documented_request_reaches_the_callbacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPS_ALLOW_UNSIGNED", "1")
    app = App()
    taken = []
    app.on(Transcode)(lambda transcode: taken.append(transcode.definition))
    summary = app.main_handler(payload("env_http_function_url"), {})
    assert summary["event_type"] == "WorkflowTask"
    assert taken == [10]


def test_a_signature_is_checked_by_the_real_clock_unless_another_is_given(notify_key: str) -> None:
    expired = http(payload("synth_workflow_signed"))  # in 2021
    with pytest.raises(InvalidEvent, match=f"its signature expired at {EXPIRES}$"):
        App().main_handler(expired)
    in_2100 = 4_102_444_800
    summary = App().main_handler(http({**signed(in_2100), "WorkflowTaskEvent": {}}))
    assert summary["event_type"] == "WorkflowTask"


@pytest.mark.parametrize("timestamp", [EXPIRES, str(EXPIRES)])
def test_a_signature_holds_up_to_its_timestamp_and_no_longer(
    notify_key: str, timestamp: Any
) -> None:
    event = http(signed(timestamp))
    assert open_envelope(event, at(EXPIRES)) == [signed(timestamp)]
    assert refusal(event, EXPIRES + 0.5) == (
        f"refused an HTTP request: its signature expired at {EXPIRES}"
    )


def test_a_signature_may_be_in_upper_case(notify_key: str) -> None:
    notification = signed()
    notification["Sign"] = notification["Sign"].upper()
    assert open_envelope(http(notification), at(0)) == [notification]


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


@pytest.mark.parametrize("timestamp", ["", "-5", "soon", "1e12", True])
def test_a_signed_timestamp_that_is_no_number_of_seconds_is_expired(
    notify_key: str, timestamp: Any
) -> None:
    assert refusal(http(signed(timestamp)), now=0) == (
        f"refused an HTTP request: its signature expired at {timestamp}"
    )


def test_a_signature_of_no_timestamp_at_all_is_expired(notify_key: str) -> None:
    notification = {**signed(""), "Timestamp": None}
    assert refusal(http(notification), now=0) == (
        "refused an HTTP request: its signature expired at "
    )


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
    assert open_envelope(http(notification)) == [notification]
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


# CMQ.


def test_the_documented_message_reaches_the_callbacks() -> None:
    app = App()
    taken = []
    app.on(Transcode)(lambda transcode: taken.append(transcode.definition))
    summary = app.main_handler(payload("env_cmq_topic"), {})
    assert summary["event_type"] == "WorkflowTask"
    assert taken == [10]


def test_several_messages_are_several_notifications_in_order() -> None:
    first, second = {"EventType": "A"}, {"EventType": "B"}
    assert open_envelope(cmq(first, second)) == [first, second]


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
    from capture import Stream, loggers_put_back

    from scf_mps import logs

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
        assert open_envelope(self.letter(json.dumps(notification))) == [notification]

    def test_its_body_may_be_a_text(self) -> None:
        letter = self.letter(json.dumps({"EventType": "X"}))
        assert open_envelope({**letter, "Body": json.dumps(letter["Body"])}) == [{"EventType": "X"}]

    def test_of_an_event_of_another_channel_the_envelope_is_opened_too(self) -> None:
        inner = cmq({"EventType": "X"}, {"EventType": "Y"})
        assert len(open_envelope(self.letter(json.dumps(inner)))) == 2

    @pytest.mark.parametrize("body", [None, "not JSON", [], {}, "[]"])
    def test_one_without_an_event_is_named(self, body: Any) -> None:
        with pytest.raises(InvalidEvent, match="dead letter"):
            open_envelope({**self.letter("{}"), "Body": body})

    def test_one_whose_event_is_no_json_is_named(self) -> None:
        with pytest.raises(InvalidEvent, match=r"Body\.ClientContext of the dead letter"):
            open_envelope(self.letter("{"))
