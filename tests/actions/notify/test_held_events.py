"""Messages about tasks that content moderation holds."""

from __future__ import annotations

import json
import logging

import pytest

from scf_mps import App, CallbacksFailed, Event, Router
from scf_mps.actions import Moderate, Notify, Publish
from scf_mps.actions.notify.email_body import render_html, render_text
from scf_mps.actions.notify.locale import LOCALES
from scf_mps.actions.notify.message import Message
from scf_mps.cos import Cos, CosObject
from scf_mps.events.parser import parse_event
from scf_mps.local.cos import Fault
from scf_mps.local.samples import sample
from tests.support.sample_data import payload

HELD = "cos://archive-1250000000.ap-guangzhou/held/"
PUBLISHED = "cos://player-1250000000.ap-guangzhou/vod/?manifest=manifest.json"
WORDS = {"zh": "内容审核拦截", "en": "held by content review"}
SUCCEEDED = {"zh": "成功", "en": "succeeded"}


def make_reviewed(*suggestions, **results):
    """Return an event with results and a review of each suggestion."""
    results = results or {
        "Transcode": "SUCCESS",
        "ImageSprites": "SUCCESS",
        "SampleSnapshot": "SUCCESS",
    }
    notification = sample("WorkflowTask", **results)
    output = [{"Suggestion": suggestion, "Label": "sexy"} for suggestion in suggestions]
    notification["WorkflowTaskEvent"]["AiContentReviewResultSet"] = [
        {"Type": type_, f"{type_}Task": {"Status": "SUCCESS", "Output": content}}
        for type_, content in zip(("Porn", "Terrorism", "Political"), output, strict=False)
    ]
    return notification


def make_address(channel, stub):
    return {
        "wecom": f"wecom://k?endpoint={stub.url}",
        "dingtalk": f"dingtalk://k?endpoint={stub.url}",
        "feishu": f"feishu://k?endpoint={stub.url}",
        "slack": f"slack://T/B/X?endpoint={stub.url}",
        "webhook": f"{stub.url}/hook?on=all",
    }[channel]


def get_rows(channel, message):
    """Return the parts of a message for results."""
    if channel == "webhook":
        return [result["details"] for result in message["results"]]
    text = json.dumps(message, ensure_ascii=False)
    return text.split("Transcode ")[1:] + text.split("ImageSprites ")[1:]


def store(event: Event, cos: Cos) -> None:
    for file in event.files:
        cos.upload(b"WEBVTT\n" if file.key.endswith(".vtt") else b"bytes", file)


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("channel", ["wecom", "dingtalk", "feishu", "slack", "webhook"])
def test_message_reports_held_task(channel, lang, application, stub, cos, keys):
    notification = make_reviewed("pass", "block")
    store(parse_event(notification), cos)
    handlers = application(
        MPS_MODERATE=f"{HELD}?on=block",
        MPS_PUBLISH=PUBLISHED,
        MPS_NOTIFY=f"{make_address(channel, stub)}&lang={lang}",
    )
    handlers.main_handler(notification, {})
    (received,) = stub.received
    text = json.dumps(received.message, ensure_ascii=False)
    assert text.count(WORDS[lang]) >= 4  # the title and three rows
    assert all(WORDS[lang] in row for row in get_rows(channel, received.message)[:3])
    assert f"MPS task {SUCCEEDED['en']}" not in text
    assert f"任务{SUCCEEDED['zh']}" not in text
    assert "://" not in text.replace("cos://in-1250000000.ap-guangzhou/videos/demo.mp4", "")
    assert keys("player-1250000000") == []


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_email_reports_held_task(lang):
    event = parse_event(make_reviewed("block"))
    message = Message(event, event.subtasks, LOCALES[lang], lambda _: [], held=True)
    assert WORDS[lang] in message.title
    for text in (render_text(message, 0.0), render_html(message, 0.0)):
        assert text.count(WORDS[lang]) >= 4
        assert text.count("⛔") == 4  # three results, and the review
        assert "✅" not in text
        assert "<a " not in text
        assert "<img" not in text


def test_webhook_message_marks_held_results(application, stub, cos):
    notification = make_reviewed("block", Transcode="SUCCESS", ImageSprites="FAIL", Tag="SUCCESS")
    store(parse_event(notification), cos)
    handlers = application(MPS_MODERATE=HELD, MPS_NOTIFY=f"{stub.url}/hook")
    handlers.main_handler(notification, {})
    message = stub.received[0].message
    assert (message["outcome"], message["held"]) == ("held", True)
    assert {result["type"]: result["outcome"] for result in message["results"]} == {
        "ImageSprites": "failed",
        "Transcode": "held",
        "Tag": "succeeded",  # it has no output that could be moved
        "Porn": "succeeded",
    }
    assert all(result["files"] == result["links"] == [] for result in message["results"])
    assert all(result["picture"] is None for result in message["results"])


@pytest.mark.parametrize(
    ("option", "suggestions", "outcome"),
    [
        ("?on=review", ("review",), "held"),
        ("?on=review", ("block", "review"), "held"),
        ("?on=review", ("block",), "succeeded"),
        ("?on=block", ("review",), "succeeded"),
        ("?on=block", ("pass", "review", "block"), "held"),
        ("", ("pass", "pass"), "succeeded"),
        ("", ("later",), "held"),
    ],
)
def test_outcome_follows_decisions_to_act_on(option, suggestions, outcome, application, stub, cos):
    notification = make_reviewed(*suggestions)
    store(parse_event(notification), cos)
    handlers = application(MPS_MODERATE=HELD + option, MPS_NOTIFY=f"{stub.url}/hook")
    handlers.main_handler(notification, {})
    message = stub.received[0].message
    assert message["outcome"] == outcome
    assert message["held"] == (outcome == "held")
    linked = [result["type"] for result in message["results"] if result["links"]]
    assert ("Transcode" in linked) == (outcome != "held")


def test_separate_review_is_reported_as_rejected(application, stub, caplog):
    notification = payload("mps_workflow_ai_content_review")
    handlers = application(MPS_MODERATE=HELD, MPS_NOTIFY=f"{stub.url}/hook")
    handlers.main_handler(notification, {})
    message = stub.received[0].message
    assert (message["outcome"], message["held"]) == ("rejected", False)
    assert message["title"].startswith("MPS 任务未通过内容审核")
    assert not any(result["outcome"] == "held" for result in message["results"])
    assert "未受影响" in message["notes"][0]
    assert "names no file to move" in caplog.text


def test_failed_task_holds_nothing(stub):
    notification = make_reviewed("block", Transcode="FAIL")
    notification["WorkflowTaskEvent"]["AiContentReviewResultSet"][0]["PornTask"] = {
        "Status": "FAIL",
        "ErrCode": 1,
    }
    event = parse_event(notification)
    message = Message(event, event.subtasks, LOCALES["en"], lambda _: [], held=True)
    assert message.outcome == "failed"
    assert not any(row.held for row in message.rows)


@pytest.mark.parametrize(("on", "count"), [("failure", 1), ("success", 0), ("all", 1)])
def test_held_task_is_no_success(on, count, application, stub, cos):
    notification = make_reviewed("block", Transcode="SUCCESS")
    store(parse_event(notification), cos)
    handlers = application(MPS_MODERATE=HELD, MPS_NOTIFY=f"{stub.url}/hook?on={on}")
    handlers.main_handler(notification, {})
    assert len(stub.received) == count


@pytest.mark.parametrize("order", [1, -1])
def test_held_message_ignores_order_of_registration(order, stub, cos, emulator):
    moderate = Moderate(HELD)
    notify = Notify(f"{stub.url}/hook", held=moderate.holds)
    publish = Publish(PUBLISHED, when=moderate.permits)
    event = parse_event(make_reviewed("block"))
    store(event, cos)
    quarantining, notifying, publishing = Router(), Router(), Router()
    for verb in (quarantining.on, quarantining.on_failure):
        verb(Event, name="quarantine", when=moderate.holds)(moderate.quarantine)
    for kind in publish.kinds:
        publishing.on(kind, name="publish", **publish.filters)(publish.copy)
    # Also immediately, before or after the quarantine.
    notifying.on(Event, name="notify", **notify.filters)(notify.send)
    notifying.on_complete(Event, name="complete", **notify.filters)(notify.send)
    app = App(*(quarantining, notifying, publishing)[::order])
    app.provide(Cos, lambda: cos)
    app.main_handler(make_reviewed("block"), {})
    first, second = (received.message for received in stub.received)
    assert first["outcome"] == second["outcome"] == "held"
    assert not any(result["links"] for result in first["results"])


def test_failed_quarantine_sends_no_message(application, stub, cos, emulator):
    notification = make_reviewed("block")
    store(parse_event(notification), cos)
    number = emulator.faults.add(Fault("error", "CopyObject", status=403, code="AccessDenied"))
    handlers = application(MPS_MODERATE=HELD, MPS_NOTIFY=f"{stub.url}/hook")
    with pytest.raises(CallbacksFailed):
        handlers.main_handler(notification, {})
    assert stub.received == []
    emulator.faults.remove(number)
    handlers.main_handler(notification, {})
    assert [received.message["outcome"] for received in stub.received] == ["held"]


def test_held_text_claims_no_move():
    for locale in LOCALES.values():
        text = f"{locale.titles['held']} {locale.held} {locale.review_notes['held']}"
        assert not any(
            claim in text for claim in ("moved", "quarantine", "移", "隔离", "published")
        )


def test_refused_overwrite_sends_no_message(application, stub, cos):
    notification = sample("WorkflowTask", Transcode="SUCCESS")
    event = parse_event(notification)
    store(event, cos)
    (file,) = event.files
    name = file.key.rpartition("/")[2]
    cos.upload(b"another film", CosObject("player-1250000000", "ap-guangzhou", f"vod/{name}"))
    handlers = application(
        MPS_PUBLISH="cos://player-1250000000.ap-guangzhou/vod/?overwrite=no",
        MPS_NOTIFY=f"{stub.url}/hook",
    )
    with pytest.raises(CallbacksFailed):
        handlers.main_handler(notification, {})
    assert stub.received == []


@pytest.mark.parametrize("suggestion", ["pass", "block"])
def test_moderation_handles_every_result_of_held_event(suggestion, application, cos, caplog):
    notification = make_reviewed(suggestion, "pass")
    reviews = notification["WorkflowTaskEvent"]["AiContentReviewResultSet"]
    reviews.append(
        {"Type": "Gore", "GoreTask": {"Status": "SUCCESS", "Output": {"Suggestion": "pass"}}}
    )
    store(parse_event(notification), cos)
    handlers = application(MPS_MODERATE=HELD)
    with caplog.at_level(logging.INFO):
        summary = handlers.main_handler(notification, {})
    left = {result["type"] for result in summary["unhandled"]}
    assert left == (set() if suggestion == "block" else {"SampleSnapshot"})
    taken = {
        call["type"]
        for call in summary["callbacks"]
        if call["callback"] == "handlers.moderation.record"
    }
    assert {"Porn", "Terrorism", "Gore"} <= taken
    lines = [record.getMessage() for record in caplog.records]
    assert not any("no callback for Porn" in line for line in lines)
    assert f"reviewed: {'block: Porn sexy block' if suggestion == 'block' else 'pass'}" in lines


def test_result_without_callback_stays_unhandled(application, stub, caplog):
    handlers = application(MPS_NOTIFY=f"{stub.url}/hook")
    summary = handlers.main_handler(make_reviewed("pass", Transcode="SUCCESS"), {})
    assert [result["type"] for result in summary["unhandled"]] == ["Porn"]
    assert "no callback for Porn" in caplog.text
