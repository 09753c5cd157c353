"""Responses to HTTP requests, whose status says what MPS should send again."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from scf_mps import (
    App,
    CallbacksFailed,
    ConfigurationError,
    Drop,
    Event,
    EventHeld,
    InvalidEvent,
    LedgerError,
    Middleware,
    Transcode,
    UnknownEvent,
    WorkflowTask,
)
from scf_mps.events.parser import parse_event
from scf_mps.events.vod import VOD_EVENT_TYPES
from scf_mps.ledger import MemoryLedger
from scf_mps.local.samples import sample
from tests.channels.support import KEY, create_request, sign

VARIABLES = ("MPS_ALLOW_UNSIGNED", "MPS_NOTIFY_KEY", "MPS_REREAD")


@pytest.fixture(autouse=True)
def _signed(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MPS_NOTIFY_KEY", KEY)


def create_transcode():
    return sample("WorkflowTask", Transcode="SUCCESS")


def answer(app: App, request: dict[str, Any], **context: Any) -> tuple[int, Any, dict[str, str]]:
    """Return the status, content and headers of the response."""
    response = app.main_handler(request, context)
    assert set(response) == {"statusCode", "headers", "body", "isBase64Encoded"}
    assert response["isBase64Encoded"] is False
    json.dumps(response)
    headers = response["headers"]
    assert headers["Content-Type"] == "application/json"
    return response["statusCode"], json.loads(response["body"]), headers


def errors(caplog):
    return [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]


def test_success_returns_200_with_summary():
    app = App()
    app.on(Transcode, name="keep")(lambda transcode: None)
    status, summary, _ = answer(app, create_request(sign(create_transcode())))
    assert status == 200
    assert summary == App.main_handler.fget(app)(create_transcode(), {})
    assert summary["callbacks"][0]["outcome"] == "done"


def test_dropped_callback_returns_200():
    app = App()

    @app.on(Transcode)
    def refuse(transcode: Transcode) -> None:
        raise Drop("never")

    status, summary, _ = answer(app, create_request(sign(create_transcode())))
    assert (status, summary["callbacks"][0]["outcome"]) == (200, "dropped")


def test_skipped_callback_returns_200():
    app = App(ledger=MemoryLedger())
    app.on(Transcode)(lambda transcode: None)
    outcomes = [
        answer(app, create_request(sign(create_transcode())))[1]["callbacks"][0]["outcome"]
        for _ in range(2)
    ]
    assert outcomes == ["done", "skipped"]


def test_unhandled_event_returns_200():
    assert answer(App(), create_request(sign(create_transcode())))[0] == 200


def test_failed_callbacks_return_500_with_names(caplog):
    app = App()

    @app.on(Transcode, name="bill")
    @app.on(WorkflowTask)
    def bill(result: object) -> None:
        raise LookupError("the password is hunter2")

    app.on(Transcode, name="keep")(lambda transcode: None)
    response = app.main_handler(create_request(sign(create_transcode())), {})
    assert response["statusCode"] == 500
    assert "hunter2" not in response["body"]
    names = sorted({"bill", f"{__name__}.{bill.__qualname__}"})
    assert json.loads(response["body"]) == {"error": "callbacks failed", "failed": names}
    assert sum("LookupError: the password is" in one for one in errors(caplog)) == 3


def test_deferred_callback_returns_500(caplog):
    app = App()
    app.on(Transcode, name="slow", needs=1000)(lambda transcode: None)
    status, content, _ = answer(
        app, create_request(sign(create_transcode())), time_limit_in_ms=3000
    )
    assert (status, content["failed"]) == (500, ["slow"])
    (error,) = errors(caplog)
    assert "not started, too little time was left" in error


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no JSON",
        '{"a": 1, "a": 2}',
        sign({}),
        sign({"EventType": ""}),
        sign({"EventType": "WorkflowTask"}),
        sign({"EventType": "WorkflowTask", "WorkflowTaskEvent": {"AiAnalysisResultSet": {"a": 1}}}),
        sign({"Records": [{"CMQ": {"msgBody": json.dumps(sample("WorkflowTask"))}}]}),
        sign({"body": json.dumps(sample("WorkflowTask")), "headers": {}}),
        sign({"msgBody": json.dumps(sample("WorkflowTask"))}),
        sign({"TriggerName": "t", "Type": "Timer", "Message": "reconcile"}),
    ],
)
def test_invalid_notification_returns_400(body, caplog):
    status, content, _ = answer(App(), create_request(body))
    assert status == 400
    assert errors(caplog) == [f"invalid event: {content['error']}"]


def test_response_hides_secrets():
    status, content, _ = answer(App(), create_request(sign({KEY: 1})))
    assert (status, KEY in content["error"]) == (400, False)


def test_unsigned_request_returns_401(caplog):
    status, content, _ = answer(App(), create_request(create_transcode()))
    assert status == 401
    assert errors(caplog) == [f"invalid event: {content['error']}"]


def test_explain_does_not_ask_mps(monkeypatch):
    monkeypatch.setenv("MPS_REREAD", "1")
    app = App()
    app.on(Transcode)(lambda transcode: None)
    reasons = app.explain(create_request(sign(create_transcode())))
    assert [reason.code for reason in reasons] == ["matches", "other_kind"]


def test_health_probe_returns_405_and_logs_info(caplog):
    caplog.set_level(logging.INFO)
    for probe in (
        {"httpMethod": "GET", "headers": {}},
        {**create_request(""), "httpMethod": "HEAD"},
    ):
        status, _, headers = answer(App(), probe)
        assert (status, headers["Allow"]) == (405, "POST")
    assert [one.levelname for one in caplog.records] == ["INFO"] * 4


def test_held_event_returns_503_with_retry_after(caplog):
    ledger = MemoryLedger()
    app = App(ledger=ledger)
    app.on(Transcode)(lambda transcode: None)
    ledger.claim(parse_event(create_transcode()), ["x"], 100)
    status, content, headers = answer(
        app, create_request(sign(create_transcode())), time_limit_in_ms=2000
    )
    assert (status, content) == (503, {"error": "try again later"})
    assert 98 <= int(headers["Retry-After"]) <= 100
    assert "EventHeld" in errors(caplog)[-1]


class FailingMiddleware(Middleware):
    """Raises an error before every event."""

    def __init__(self, error):
        self.error = error

    def before_event(self, event, context):
        raise self.error


@pytest.mark.parametrize(
    ("error", "status", "wait"),
    [
        (LedgerError("the store is unreachable"), 503, "60"),
        (EventHeld("held", 0.2), 503, "1"),
        (EventHeld("held", 7.2), 503, "8"),
        (InvalidEvent("expected another"), 400, None),
        (LookupError("a slip"), 500, None),
        (UnicodeError("a slip"), 500, None),
    ],
)
def test_other_errors_are_answered_and_logged(error, status, wait, caplog):
    app = App(middleware=[FailingMiddleware(error)])
    returned, content, headers = answer(app, create_request(sign(create_transcode())))
    assert (returned, headers.get("Retry-After")) == (status, wait)
    assert ("slip" in content["error"], "unreachable" in content["error"]) == (False, False)
    (logged,) = errors(caplog)
    assert str(error) in logged
    with pytest.raises(type(error)):
        app.main_handler(create_transcode(), {})


@pytest.mark.parametrize(
    ("error", "traced"), [(KeyError("TaskId"), True), (LedgerError("away"), False)]
)
def test_batch_logs_error_of_each_message(error, traced, caplog):
    app = App(middleware=[FailingMiddleware(error)])
    with pytest.raises(CallbacksFailed):
        app.main_handler({"msgInfoList": [{"msgBody": json.dumps(create_transcode())}] * 2}, {})
    assert errors(caplog) == [f"event failed: {type(error).__name__}: {error}"] * 2
    assert [bool(one.exc_info) for one in caplog.records] == [traced] * 2


def test_failures_are_raised_by_other_channels():
    app = App()

    @app.on(Transcode)
    def fail(transcode: Transcode) -> None:
        raise LookupError("gone")

    text = json.dumps(create_transcode())
    for event in (create_transcode(), text, {"Records": [{"CMQ": {"msgBody": text}}]}):
        with pytest.raises(CallbacksFailed):
            app.main_handler(event, {})


class TestVariables:
    """Checks of variables, which run when `main_handler` is read."""

    @pytest.mark.parametrize("value", ["", "0", "1"])
    @pytest.mark.parametrize("name", ["MPS_ALLOW_UNSIGNED", "MPS_REREAD"])
    def test_switch_takes_1_0_or_empty(self, monkeypatch, name, value):
        monkeypatch.setenv(name, value)
        assert callable(App().main_handler)

    def test_every_invalid_variable_is_listed(self, monkeypatch):
        for name, value in zip(VARIABLES, ("true", ", ,", "yes"), strict=True):
            monkeypatch.setenv(name, value)
        with pytest.raises(ConfigurationError) as wrong:
            App().main_handler  # noqa: B018
        mistakes = str(wrong.value).splitlines()[1:]
        names = [mistake.partition(":")[0].strip() for mistake in mistakes]
        assert names == ["MPS_ALLOW_UNSIGNED", "MPS_REREAD", "MPS_NOTIFY_KEY"]

    def test_key_emptied_later_refuses_everything(self, monkeypatch):
        app = App()
        assert callable(app.main_handler)
        monkeypatch.setenv("MPS_NOTIFY_KEY", ",")
        monkeypatch.setenv("MPS_ALLOW_UNSIGNED", "1")
        assert answer(app, create_request(sign(create_transcode())))[0] == 401
        assert answer(app, create_request(create_transcode()))[0] == 401


class TestVod:
    """Notifications of VOD, which only callbacks registered by the name of a type receive."""

    def create_catch_all(self):
        app = App()

        @app.on(UnknownEvent)
        @app.on(Event)
        @app.on_failure(Event)
        @app.fallback
        def anything(event: object) -> None:
            raise AssertionError("never reached")

        return app

    def test_vod_event_is_invalid_and_logged(self, payload, caplog):
        with pytest.raises(InvalidEvent) as refused:
            self.create_catch_all().main_handler(payload("vod_procedure_transcode_cover"), {})
        assert "on('ProcedureStateChanged')" in str(refused.value)
        assert errors(caplog) == [f"invalid event: {refused.value}"]

    def test_vod_event_is_not_explained(self, payload):
        with pytest.raises(InvalidEvent, match="VOD"):
            self.create_catch_all().explain(payload("vod_procedure_transcode_cover"))

    def test_vod_event_is_received_raw_by_name(self, payload):
        app = App()
        taken = []
        app.on("ProcedureStateChanged")(lambda event: taken.append(event))
        app.main_handler(payload("vod_procedure_transcode_cover"), {})
        assert taken[0].raw == payload("vod_procedure_transcode_cover")
        assert taken[0].subtasks == ()

    def test_named_vod_event_admits_no_other(self):
        app = App()
        app.on("FileDeleted")(lambda event: None)
        assert app.main_handler({"EventType": "FileDeleted"}, {})["callbacks"]
        with pytest.raises(InvalidEvent, match="PullComplete"):
            app.main_handler({"EventType": "PullComplete"}, {})

    @pytest.mark.parametrize("type_", sorted(VOD_EVENT_TYPES))
    def test_every_vod_type_needs_its_name(self, type_):
        event = {"EventType": type_, f"{type_}Event": {"Status": "FINISH"}}
        with pytest.raises(InvalidEvent, match=type_):
            App().main_handler(event, {})
        app = App()
        app.on(type_)(lambda event: None)
        assert app.main_handler(event, {})["callbacks"][0]["outcome"] == "done"

    def test_vod_event_over_http_returns_400(self, payload, monkeypatch):
        notification = payload("vod_procedure_transcode_cover")
        status, content, _ = answer(App(), create_request(sign(notification)))
        assert (status, "VOD" in content["error"]) == (400, True)
        status, content, _ = answer(App(), create_request(notification))
        assert (status, "VOD" in content["error"]) == (401, True)
        monkeypatch.delenv("MPS_NOTIFY_KEY")
        monkeypatch.setenv("MPS_ALLOW_UNSIGNED", "1")
        assert answer(App(), create_request(notification))[0] == 400

    def test_batch_continues_after_vod_event(self, payload):
        app = App()
        taken = []
        app.on(Transcode)(lambda transcode: taken.append(transcode.type))
        bodies = [payload("vod_procedure_transcode_cover"), create_transcode()]
        with pytest.raises(CallbacksFailed, match="1 failures"):
            app.main_handler({"msgInfoList": [{"msgBody": json.dumps(one)} for one in bodies]}, {})
        assert taken == ["Transcode"]
