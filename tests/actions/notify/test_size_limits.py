"""Messages within the size limits of channels."""

import json
import re

import pytest

from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample

from .support import deliver, make_public_links


def make_many(count):
    """Return an event with `count` renditions, the last of which failed."""
    notification = sample("WorkflowTask", Transcode="SUCCESS", AnimatedGraphics="FAIL")
    good, bad = notification["WorkflowTaskEvent"]["MediaProcessResultSet"]
    notification["WorkflowTaskEvent"]["MediaProcessResultSet"] = [*[good] * (count - 1), bad]
    return parse_event(notification)


def make_long_links(result):
    """Return links as long as those presigned with the keys of a role."""
    return [f"https://cdn.example.com/{file.key}?x={'0' * 1000}" for file in result.files]


@pytest.mark.parametrize("channel", ["wecom", "dingtalk", "feishu", "slack"])
def test_rows_are_kept_before_links(channel, stub):
    text = deliver(channel, stub, event=make_many(25), links=make_long_links)
    assert text.count("✅") == 24
    assert text.count("❌") == 1
    assert 0 < text.count("0" * 1000) < 24
    assert "部分链接因长度限制未列出" in text


@pytest.mark.parametrize(("channel", "shown"), [("wecom", "!["), ("slack", "image_url")])
def test_picture_with_long_url_is_omitted(channel, shown, stub):
    assert shown in deliver(channel, stub)
    assert shown not in deliver(
        channel,
        stub,
        links=lambda result: [f"{url}?{'0' * 3000}.jpg" for url in make_public_links(result)],
    )


@pytest.mark.parametrize(("length", "shown"), [(3000, True), (3001, False)])
def test_slack_shows_picture_urls_up_to_3000_characters(length, shown, stub):
    start = "https://cdn.example.com/"
    link = f"{start}{'x' * (length - len(start) - 4)}.jpg"
    event = parse_event(sample("WorkflowTask", AnimatedGraphics="SUCCESS"))
    assert ("image_url" in deliver("slack", stub, event=event, links=lambda _: [link])) == shown


@pytest.mark.parametrize("channel", ["wecom", "dingtalk", "feishu", "lark", "slack", "webhook"])
def test_omitted_rows_are_counted(channel, stub):
    text = deliver(channel, stub, event=make_many(400), links=make_long_links, options="&lang=en")
    if channel == "webhook":
        text = stub.received[0].message["text"]
    (left_out,) = map(int, re.findall(r"… and (\d+) more", text))
    assert text.count("✅") + text.count("❌") + left_out == 400
    assert text.index("❌") < text.index("✅")
    assert "0" * 1000 not in text


def make_crowded(count):
    """Return an event of `count` renditions with long names, the last of which failed."""
    notification = sample("WorkflowTask", Transcode="SUCCESS")
    task = notification["WorkflowTaskEvent"]
    (result,) = task["MediaProcessResultSet"]
    results = [json.loads(json.dumps(result)) for _ in range(count)]
    for number, result in enumerate(results):
        result["TranscodeTask"]["Output"]["Path"] = f"/{'long' * 150}/{number}.mp4"
    results[-1]["TranscodeTask"] |= {"Status": "FAIL", "ErrCode": 1, "Message": "x" * 100_000}
    task["MediaProcessResultSet"] = results
    return notification


@pytest.mark.parametrize("links", [None, make_public_links])
def test_webhook_message_has_at_most_100_results(links, stub):
    deliver("webhook", stub, event=parse_event(make_crowded(1000)), links=links, options="&lang=en")
    received = stub.received[0]
    message = received.message
    assert len(received.body) < 500_000
    assert message["result_count"] == 1000
    assert len(message["results"]) == 100
    assert message["results"][0]["outcome"] == "failed"
    assert message["notes"][0] == "… and 900 more"
    assert "more" in message["text"]


def test_webhook_body_is_bounded(stub):
    notification = make_crowded(100)
    notification |= {"SessionContext": "\x01" * 100_000, "SessionId": '"' * 100_000}
    task = notification["WorkflowTaskEvent"]
    for result in task["MediaProcessResultSet"]:
        result["TranscodeTask"]["Message"] = "\x02" * 10_000
        result["TranscodeTask"]["Status"] = "\x03" * 10_000
        result["TranscodeTask"]["ErrCode"] = 1
    deliver("webhook", stub, event=parse_event(notification))
    received = stub.received[0]
    assert 400_000 < len(received.body) <= 500_000
    left_out = 100 - len(received.message["results"])
    assert left_out > 0
    assert f"{left_out} 项" in received.message["notes"][0]


def test_webhook_message_lists_files_that_fit(stub):
    notification = sample("WorkflowTask", SampleSnapshot="SUCCESS")
    (result,) = notification["WorkflowTaskEvent"]["MediaProcessResultSet"]
    paths = [f"/snapshots/{number}.jpg" for number in range(1650)]
    result["SampleSnapshotTask"]["Output"]["ImagePathSet"] = paths
    deliver("webhook", stub, event=parse_event(notification))
    (shown,) = stub.received[0].message["results"]
    assert 100 < len(shown["files"]) < 200
    assert "1650" in shown["details"]
    assert len(stub.received[0].body) < 50_000
