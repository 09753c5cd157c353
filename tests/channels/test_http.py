"""The verdict of a delivery over HTTP: a response, by which MPS can tell what to send again."""

from __future__ import annotations

import hashlib
import json
import logging
import time
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
from scf_mps.events.parser import VOD_EVENT_TYPES, parse_event
from scf_mps.ledger import MemoryLedger
from scf_mps.local.samples import sample

KEY = "my-notify-key"
VARIABLES = ("MPS_ALLOW_UNSIGNED", "MPS_NOTIFY_KEY", "MPS_REREAD")


@pytest.fixture(autouse=True)
def _signed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MPS_NOTIFY_KEY", KEY)


def signed(notification: dict[str, Any]) -> dict[str, Any]:
    timestamp = int(time.time()) + 600
    sign = hashlib.md5(f"{timestamp}{KEY}".encode()).hexdigest()
    return {**notification, "Timestamp": timestamp, "Sign": sign}


def http(body: object, **more: Any) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    return {"httpMethod": "POST", "path": "/", "headers": {}, "body": text, **more}


def a_transcode() -> dict[str, Any]:
    made: dict[str, Any] = sample("WorkflowTask", Transcode="SUCCESS")
    return made


def answer(app: App, request: dict[str, Any], **context: Any) -> tuple[int, Any, dict[str, str]]:
    """Status, content and headers of what `main_handler` returns."""
    response = app.main_handler(request, context)
    assert set(response) == {"statusCode", "headers", "body", "isBase64Encoded"}
    assert response["isBase64Encoded"] is False
    json.dumps(response)
    headers = response["headers"]
    assert headers["Content-Type"] == "application/json"
    return response["statusCode"], json.loads(response["body"]), headers


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]


def test_what_was_done_is_answered_with_its_summary() -> None:
    app = App()
    app.on(Transcode, name="keep")(lambda transcode: None)
    status, summary, _ = answer(app, http(signed(a_transcode())))
    assert status == 200
    assert summary == App.main_handler.fget(app)(a_transcode(), {})  # type: ignore[attr-defined]
    assert summary["callbacks"][0]["outcome"] == "done"


def test_a_callback_that_ended_for_good_is_nothing_to_send_again() -> None:
    app = App()

    @app.on(Transcode)
    def refuse(transcode: Transcode) -> None:
        raise Drop("never")

    status, summary, _ = answer(app, http(signed(a_transcode())))
    assert (status, summary["callbacks"][0]["outcome"]) == (200, "dropped")


def test_what_an_earlier_delivery_did_is_answered_as_done() -> None:
    app = App(ledger=MemoryLedger())
    app.on(Transcode)(lambda transcode: None)
    outcomes = [
        answer(app, http(signed(a_transcode())))[1]["callbacks"][0]["outcome"] for _ in range(2)
    ]
    assert outcomes == ["done", "skipped"]


def test_an_event_nobody_asked_for_is_nothing_to_send_again() -> None:
    assert answer(App(), http(signed(a_transcode())))[0] == 200


def test_of_callbacks_that_failed_the_names_are_told_and_the_reasons_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = App()

    @app.on(Transcode, name="bill")
    @app.on(WorkflowTask)
    def bill(result: object) -> None:
        raise LookupError("the password is hunter2")

    app.on(Transcode, name="keep")(lambda transcode: None)
    response = app.main_handler(http(signed(a_transcode())), {})
    assert response["statusCode"] == 500
    assert "hunter2" not in response["body"]
    names = sorted({"bill", f"{__name__}.{bill.__qualname__}"})
    assert json.loads(response["body"]) == {"error": "not all was done", "failed": names}
    assert sum("LookupError: the password is" in one for one in errors(caplog)) == 3
    assert "SCF" not in caplog.text  # which delivers nothing again that came over HTTP


def test_a_callback_there_was_no_time_for_is_a_failure_that_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = App()
    app.on(Transcode, name="slow", needs=1000)(lambda transcode: None)
    status, content, _ = answer(app, http(signed(a_transcode())), time_limit_in_ms=3000)
    assert (status, content["failed"]) == (500, ["slow"])
    (error,) = errors(caplog)
    assert "not started, too little time was left" in error
    assert "SCF" not in caplog.text


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no JSON",
        '{"a": 1, "a": 2}',
        signed({}),
        signed({"EventType": ""}),
        signed({"EventType": "WorkflowTask"}),
        signed(
            {"EventType": "WorkflowTask", "WorkflowTaskEvent": {"AiAnalysisResultSet": {"a": 1}}}
        ),
        signed({"Records": [{"CMQ": {"msgBody": json.dumps(sample("WorkflowTask"))}}]}),
        signed({"body": json.dumps(sample("WorkflowTask")), "headers": {}}),
        signed({"msgBody": json.dumps(sample("WorkflowTask"))}),
        signed({"TriggerName": "t", "Type": "Timer", "Message": "reconcile"}),
    ],
)
def test_what_is_no_notification_is_a_bad_request(
    body: Any, caplog: pytest.LogCaptureFixture
) -> None:
    status, content, _ = answer(App(), http(body))
    assert status == 400
    assert content["error"].startswith("expected ")
    assert errors(caplog) == [f"invalid event: {content['error']}"]


def test_nothing_secret_is_in_an_answer() -> None:
    status, content, _ = answer(App(), http(signed({KEY: 1})))
    assert (status, KEY in content["error"]) == (400, False)


def test_what_is_not_signed_is_unauthorized(caplog: pytest.LogCaptureFixture) -> None:
    status, content, _ = answer(App(), http(a_transcode()))
    assert status == 401
    assert errors(caplog) == [f"invalid event: {content['error']}"]


def test_a_health_probe_is_answered_and_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for probe in ({"httpMethod": "GET", "headers": {}}, {**http(""), "httpMethod": "HEAD"}):
        status, content, headers = answer(App(), probe)
        assert (status, headers["Allow"]) == (405, "POST")
        assert content["error"].startswith("expected a POST with a notification of MPS, but a ")
    assert [one.levelname for one in caplog.records] == ["INFO", "INFO"]


def test_an_event_another_delivery_is_at_work_on_is_to_be_sent_again_when_that_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ledger = MemoryLedger()
    app = App(ledger=ledger)
    app.on(Transcode)(lambda transcode: None)
    ledger.claim(parse_event(a_transcode()), ["x"], 100)
    status, content, headers = answer(app, http(signed(a_transcode())), time_limit_in_ms=2000)
    assert (status, content) == (503, {"error": "not now"})
    assert 98 <= int(headers["Retry-After"]) <= 100
    assert "EventHeld" in errors(caplog)[-1]
    assert "SCF" not in caplog.text


class Failing(Middleware):
    """Raises what it is told to before every event."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def before_event(self, event: object, context: object) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "status", "wait"),
    [
        (LedgerError("the store is away"), 503, "60"),
        (EventHeld("held", 0.2), 503, "1"),
        (EventHeld("held", 7.2), 503, "8"),
        (InvalidEvent("expected another"), 400, None),
        (LookupError("a slip"), 500, None),
        (UnicodeError("a slip"), 500, None),
    ],
)
def test_whatever_goes_wrong_beside_the_callbacks_is_answered_and_logged(
    error: Exception, status: int, wait: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    app = App(middleware=[Failing(error)])
    told, content, headers = answer(app, http(signed(a_transcode())))
    assert (told, headers.get("Retry-After")) == (status, wait)
    assert ("slip" in content["error"], "away" in content["error"]) == (False, False)
    (logged,) = errors(caplog)
    assert str(error) in logged
    with pytest.raises(type(error)):
        app.main_handler(a_transcode(), {})


@pytest.mark.parametrize(
    ("error", "traced"), [(KeyError("TaskId"), True), (LedgerError("away"), False)]
)
def test_of_several_messages_it_is_logged_where_one_went_wrong(
    error: Exception, traced: bool, caplog: pytest.LogCaptureFixture
) -> None:
    app = App(middleware=[Failing(error)])
    with pytest.raises(CallbacksFailed):
        app.main_handler({"msgInfoList": [{"msgBody": json.dumps(a_transcode())}] * 2}, {})
    assert errors(caplog) == [f"not handled: {type(error).__name__}: {error}"] * 2
    assert [bool(one.exc_info) for one in caplog.records] == [traced] * 2


def test_by_other_channels_failures_are_raised_as_before() -> None:
    app = App()

    @app.on(Transcode)
    def fail(transcode: Transcode) -> None:
        raise LookupError("gone")

    text = json.dumps(a_transcode())
    for event in (a_transcode(), text, {"Records": [{"CMQ": {"msgBody": text}}]}):
        with pytest.raises(CallbacksFailed):
            app.main_handler(event, {})


class TestVariables:
    """Their values are looked at when `main_handler` is taken, i.e. at cold start."""

    @pytest.mark.parametrize("value", ["", "0", "1"])
    @pytest.mark.parametrize("name", ["MPS_ALLOW_UNSIGNED", "MPS_REREAD"])
    def test_a_switch_is_1_or_0_or_empty(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        monkeypatch.setenv(name, value)
        assert callable(App().main_handler)

    def test_all_that_is_wrong_is_told_at_once_without_a_key(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in zip(VARIABLES, ("true", ", ,", "yes"), strict=True):
            monkeypatch.setenv(name, value)
        with pytest.raises(ConfigurationError) as wrong:
            App().main_handler  # noqa: B018
        assert str(wrong.value).splitlines()[1:] == [
            "  MPS_ALLOW_UNSIGNED: expected 1, 0 or nothing, not 'true'",
            "  MPS_REREAD: expected 1, 0 or nothing, not 'yes'",
            "  MPS_NOTIFY_KEY: expected a key, or several with commas between",
        ]

    def test_a_key_that_became_none_lets_nothing_through(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app = App()
        assert callable(app.main_handler)
        monkeypatch.setenv("MPS_NOTIFY_KEY", ",")
        monkeypatch.setenv("MPS_ALLOW_UNSIGNED", "1")
        assert answer(app, http(signed(a_transcode())))[0] == 401
        assert answer(app, http(a_transcode()))[0] == 401


class TestVod:
    """Notifications of VOD, alike to look at; `on` with the very name of a type takes them, and nothing else."""

    def all_but_named(self) -> App:
        app = App()

        @app.on(UnknownEvent)
        @app.on(Event)
        @app.on_failure(Event)
        @app.fallback
        def anything(event: object) -> None:
            raise AssertionError("never reached")

        return app

    def test_one_is_an_invalid_event_that_says_what_to_do(
        self, payload: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        with pytest.raises(InvalidEvent) as refused:
            self.all_but_named().main_handler(payload("vod_procedure_transcode_cover"), {})
        assert str(refused.value) == (
            "ProcedureStateChanged is a notification of VOD (product 266), not of MPS: its outputs are URLs, not in "
            "COS; take it with VOD's own SDK (PullEvents), or raw, with a callback that is registered for it by "
            "name: on('ProcedureStateChanged')"
        )
        assert errors(caplog) == [f"invalid event: {refused.value}"]

    def test_it_is_explained_to_nobody_it_would_not_reach(self, payload: Any) -> None:
        with pytest.raises(InvalidEvent, match="is a notification of VOD"):
            self.all_but_named().explain(payload("vod_procedure_transcode_cover"))

    def test_one_named_is_received_raw(self, payload: Any) -> None:
        app = App()
        taken: list[UnknownEvent] = []
        app.on("ProcedureStateChanged")(lambda event: taken.append(event))
        app.main_handler(payload("vod_procedure_transcode_cover"), {})
        assert taken[0].raw == payload("vod_procedure_transcode_cover")
        assert taken[0].subtasks == ()

    def test_naming_one_names_no_other(self) -> None:
        app = App()
        app.on("FileDeleted")(lambda event: None)
        assert app.main_handler({"EventType": "FileDeleted"}, {})["callbacks"]
        with pytest.raises(InvalidEvent, match=r"^PullComplete is a notification of VOD"):
            app.main_handler({"EventType": "PullComplete"}, {})

    @pytest.mark.parametrize("type_", sorted(VOD_EVENT_TYPES))
    def test_every_type_can_be_named_and_is_refused_otherwise(self, type_: str) -> None:
        event = {"EventType": type_, f"{type_}Event": {"Status": "FINISH"}}
        with pytest.raises(InvalidEvent, match=f"^{type_} is a notification of VOD"):
            App().main_handler(event, {})
        app = App()
        app.on(type_)(lambda event: None)
        assert app.main_handler(event, {})["callbacks"][0]["outcome"] == "done"

    def test_over_http_it_is_a_bad_request(
        self, payload: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        notification = payload("vod_procedure_transcode_cover")
        status, content, _ = answer(App(), http(signed(notification)))
        assert (status, "is a notification of VOD" in content["error"]) == (400, True)
        status, content, _ = answer(App(), http(notification))
        assert (status, "is a notification of VOD" in content["error"]) == (401, True)
        monkeypatch.delenv("MPS_NOTIFY_KEY")
        monkeypatch.setenv("MPS_ALLOW_UNSIGNED", "1")
        assert answer(App(), http(notification))[0] == 400

    def test_of_several_messages_it_keeps_no_other_from_its_turn(self, payload: Any) -> None:
        app = App()
        taken: list[str] = []
        app.on(Transcode)(lambda transcode: taken.append(transcode.type))
        bodies = [payload("vod_procedure_transcode_cover"), a_transcode()]
        with pytest.raises(CallbacksFailed, match="1 failures in 2 events"):
            app.main_handler({"msgInfoList": [{"msgBody": json.dumps(one)} for one in bodies]}, {})
        assert taken == ["Transcode"]
