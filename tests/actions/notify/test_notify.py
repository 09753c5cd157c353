"""Notify action: addresses, selection of events, and the application."""

import re

import pytest

from scf_mps import CallbacksFailed
from scf_mps.actions import Notify
from scf_mps.events.parser import parse_event
from scf_mps.local.chat_webhooks import StubResponse
from scf_mps.local.samples import sample
from tests.support.sample_data import payload

from .support import TOKEN, deliver, make_address, make_documented


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ("", ("mixed", "good", "bad", "edit", "failed edit", "broken source")),
        ("?on=success", ("good", "edit")),
        ("?on=failure", ("mixed", "bad", "failed edit", "broken source")),
        ("?types=ImageSprites", ("mixed", "good", "bad", "broken source", "failed edit")),
        ("?types=ImageSprites&on=success", ("mixed", "good")),
        ("?types=Transcode,EditMediaTask&on=failure", ("bad", "failed edit", "broken source")),
        ("?types=MediaSubtask&on=failure", ("mixed", "bad", "broken source", "failed edit")),
        ("?types=WorkflowTask&on=success", ("good",)),
        ("?types=EditMediaTask", ("edit", "failed edit", "broken source")),
        ("?types=HoloTranscode", ("failed edit", "broken source")),
    ],
)
def test_options_select_events(options, wanted):
    events = {
        "mixed": make_documented(),
        "good": parse_event(sample("WorkflowTask", Transcode="SUCCESS", ImageSprites="SUCCESS")),
        "bad": parse_event(payload("synth_workflow_all_failed")),
        "edit": parse_event(payload("synth_edit_media_success")),
        "failed edit": parse_event(payload("synth_edit_media_fail")),
        "broken source": parse_event(payload("synth_workflow_source_error")),
        "live": parse_event(payload("live_ai_review_1")),
        "end of a stream": parse_event(payload("live_process_eof")),
    }
    notify = Notify(f"wecom://{TOKEN}{options}")
    assert {name for name, event in events.items() if notify.wants(event)} == set(wanted)


def test_types_option_selects_results(stub):
    deliver("webhook", stub, options="&types=ImageSprites")
    assert [result["type"] for result in stub.received[0].message["results"]] == ["ImageSprites"]
    assert stub.received[0].message["outcome"] == "succeeded"


@pytest.mark.parametrize(
    ("to", "word"),
    [
        (f"telegram://{TOKEN}", "scheme"),
        ("wecom://", "wecom://KEY"),
        (f"wecom://x/{TOKEN}", "wecom://KEY"),
        ("dingtalk://", "dingtalk://TOKEN"),
        (f"dingtalk://x?secret={TOKEN}", "SEC"),
        ("feishu://", "feishu://TOKEN"),
        ("lark://", "lark://TOKEN"),
        (f"slack://T0/{TOKEN}", "slack://T…/B…/X…"),
        (f"http://example.com/{TOKEN}", "https://"),
        (f"https://me:{TOKEN}@example.com/", "user:password@"),
        (f"https://example.com/?token={TOKEN}", "'token'"),
        (f"wecom://{TOKEN}?endpoint=http://example.com", "endpoint="),
        (f"wecom://{TOKEN}?endpoint=https://example.com/{TOKEN}", "endpoint="),
        (f"wecom://{TOKEN}?endpoint=https://example.com:{TOKEN}", "endpoint="),
        (f"wecom://{TOKEN}?endpoint=https://h:65536", "endpoint="),
        (f"wecom://{TOKEN}?endpoint=https://{'h' * 64}.com", "endpoint="),
        (f"wecom://{TOKEN}?endpoint={TOKEN}", "endpoint="),
        (f"wecom://{TOKEN}?endpoint=https://h/", "endpoint="),
        (f"wecom://{TOKEN}?on=failed", "on="),
        (f"wecom://{TOKEN}?lang=fr", "lang="),
        (f"wecom://{TOKEN}?expires=soon", "expires="),
        (f"wecom://{TOKEN}?expires=31d", "expires="),
        (f"wecom://{TOKEN}?template=handlers/no.txt", "'handlers/no.txt'"),
        (f"wecom://{TOKEN}?types=ImageSprite", "'ImageSprites'"),
        (f"wecom://{TOKEN}?types=,", "types="),
        (f"wecom://{TOKEN}?types= , ", "types="),
        (f"wecom://{TOKEN}?types=%2C", "types="),
        (f"wecom://{TOKEN}?bucket=media", "APPID"),
        (f"wecom://{TOKEN}?colour=red", "'colour'"),
    ],
)
def test_notify_rejects_invalid_address_without_secrets(to, word):
    with pytest.raises(ValueError, match=re.escape(word)) as caught:
        Notify(to)
    assert TOKEN not in str(caught.value)


def get_names(handlers):
    return [
        route.name for route in handlers.app.routes if route.name.startswith("handlers.notifying.")
    ]


def test_each_address_is_a_callback_without_secrets(application, stub):
    handlers = application(
        MPS_NOTIFY=f"wecom://{TOKEN}, {make_address('slack', stub)}&on=failure,wecom://x?session=a,b*\n"
        f"mailto:a@example.com?from=m@example.com https://example.com/h?bucket=out-1250000000",
        MPS_SMTP="smtp://127.0.0.1?tls=no",
    )
    assert get_names(handlers) == [
        "handlers.notifying.wecom",
        "handlers.notifying.slack",
        "handlers.notifying.wecom-2",
        "handlers.notifying.mailto",
        "handlers.notifying.webhook",
    ]
    assert TOKEN not in "".join(map(str, handlers.app.routes))


def test_retry_sends_only_failed_messages(application, stub, tmp_path):
    handlers = application(
        MPS_LEDGER=f"file://{tmp_path}",
        MPS_NOTIFY=f"wecom://one?endpoint={stub.url},wecom://two?endpoint={stub.url},"
        f"{stub.url}/three",
    )
    stub.respond_with(
        StubResponse(200, '{"errcode": 0}'),
        StubResponse(200, '{"errcode": 93000, "errmsg": "invalid"}'),
    )
    with pytest.raises(CallbacksFailed) as caught:
        handlers.main_handler(payload("synth_edit_media_success"), {})
    (failure,) = caught.value.failures
    assert failure.callback == "handlers.notifying.wecom-2"
    assert "93000: invalid" in failure.reason
    assert [received.address for received in stub.received] == ["/three"]
    summary = handlers.main_handler(payload("synth_edit_media_success"), {})
    assert {call["callback"]: call["outcome"] for call in summary["callbacks"]} == {
        "handlers.edits.record_edit": "skipped",
        "handlers.notifying.wecom": "skipped",
        "handlers.notifying.wecom-2": "done",
        "handlers.notifying.webhook": "skipped",
    }
    assert [received.address for received in stub.received] == ["/three", "two"]


def test_repeated_message_has_same_idempotency_key(application, stub):
    handlers = application(MPS_NOTIFY=f"{stub.url}/three")
    for _ in range(2):
        handlers.main_handler(payload("synth_edit_media_success"), {})
    keys = [received.headers["idempotency-key"] for received in stub.received]
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_filter_options_select_addresses(application, stub):
    handlers = application(
        MPS_NOTIFY=f"wecom://one?endpoint={stub.url}&session=other-*,"
        f"wecom://two?endpoint={stub.url}&bucket=other-1250000000,"
        f"wecom://three?endpoint={stub.url}&bucket=out-1250000000&session=order-*,x"
    )
    handlers.main_handler(
        sample("WorkflowTask", Transcode="SUCCESS", session_context="order-42"), {}
    )
    assert [received.address for received in stub.received] == ["three"]


def test_types_option_may_contain_blanks():
    notify = Notify(f"wecom://{TOKEN}?types=Cover, ImageSprites")
    assert notify.wants(parse_event(sample("WorkflowTask", ImageSprites="SUCCESS")))
    assert not notify.wants(parse_event(sample("WorkflowTask", Transcode="SUCCESS")))
