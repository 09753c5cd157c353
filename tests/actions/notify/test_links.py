"""Links and pictures of messages."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Any
from urllib.parse import quote

import pytest

from scf_mps.actions import Publish
from scf_mps.cos import Cos, Credentials
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample
from tests.support.sample_data import payload

from .support import CHANNELS, LOG, deliver


def get_links(stub):
    return [link for result in stub.received[-1].message["results"] for link in result["links"]]


def test_links_are_presigned_for_configured_time(stub):
    deliver("webhook", stub, options="&expires=2h", links=None)
    assert len(get_links(stub)) == 4
    for link in get_links(stub):
        begin, end = re.findall(r"q-sign-time=(\d+)(?:%3B|;)(\d+)", link)[0]
        assert int(end) - int(begin) == 2 * 3600 + 60
    assert stub.received[0].message["notes"] == ["链接 2 小时内有效"]


def test_presigned_link_opens_file_of_any_name(stub, emulator, cos, store):
    from urllib.request import ProxyHandler, build_opener

    notification = sample("WorkflowTask", Transcode="SUCCESS")
    result = notification["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]
    result["Output"]["Path"] = "/视频 (1)/a*b_[c]!'|d<e>+f%20g&h=i?j#k.mp4"
    event = parse_event(notification)
    store(*event.files)
    deliver("webhook", stub, event=event, links=None, cos=cos, clock=time.time)
    (link,) = get_links(stub)
    assert not set(link) & set("()[]<>|*! '")
    opener = build_opener(ProxyHandler({"http": emulator.url}))
    with opener.open(link.replace("https://", "http://")) as answer:
        assert answer.read().decode() == f"the bytes of {event.files[0].key}"


def test_links_with_temporary_keys_expire_after_six_hours(stub):
    temporary = Cos(Credentials("AKIDrole", "key", "t0ken"))
    deliver("webhook", stub, options="&expires=1d&lang=en", links=None, cos=temporary)
    for link in get_links(stub):
        begin, end = re.findall(r"q-sign-time=(\d+)(?:%3B|;)(\d+)", link)[0]
        assert int(end) - int(begin) == 6 * 3600 + 60
    [note] = stub.received[0].message["notes"]
    assert "6 h" in note


def test_message_has_no_links_without_credentials(stub, monkeypatch, caplog):
    for name in ("SECRETID", "SECRETKEY", "SECRET_ID", "SECRET_KEY"):
        monkeypatch.delenv(f"TENCENTCLOUD_{name}", raising=False)
    with caplog.at_level(logging.WARNING, LOG.name):
        deliver("webhook", stub, links=None, cos=Cos())
    assert get_links(stub) == []
    assert stub.received[0].message["notes"] == []
    [text] = [record.getMessage() for record in caplog.records if record.name == LOG.name]
    assert "NoCredentials" in text


@pytest.mark.parametrize("path", [f"/{'x' * 851}.jpg", "/\ud800.jpg"])
def test_invalid_key_costs_only_its_link(path, stub):
    notification = sample("WorkflowTask", Transcode="SUCCESS", Cover="SUCCESS")
    (result,) = notification["WorkflowTaskEvent"]["AiAnalysisResultSet"]
    (cover,) = result["CoverTask"]["Output"]["CoverSet"]
    cover["CoverPath"] = path
    deliver("webhook", stub, event=parse_event(notification), links=None)
    assert ["demo_Transcode" in link for link in get_links(stub)] == [True]


def test_published_results_link_copies_and_others_are_presigned(stub):
    def links(result: Any) -> list[str]:
        urls = [f"https://cdn.example.com/{n}.mp4" for n in range(9)]
        return ["ftp://no", *urls] if result.type == "Transcode" else []

    deliver("webhook", stub, links=links)
    first, *others = get_links(stub)[:2], *get_links(stub)[2:]
    assert first == ["https://cdn.example.com/0.mp4", "https://cdn.example.com/1.mp4"]
    assert all(".myqcloud.com/" in other for other in others)


def test_output_at_url_is_linked_unchanged(stub):
    notification = payload("mps_workflow_ai_content_review")
    deliver("webhook", stub, event=parse_event(notification), links=None)
    urls = [link for link in get_links(stub) if "myqcloud" not in link or "sign" not in link]
    assert urls == get_links(stub)
    assert all(result["picture"] is None for result in stub.received[0].message["results"])


def make_cover_event(path):
    """Return an event with a cover at a path."""
    notification = sample("WorkflowTask", Cover="SUCCESS")
    (result,) = notification["WorkflowTaskEvent"]["AiAnalysisResultSet"]
    (cover,) = result["CoverTask"]["Output"]["CoverSet"]
    cover["CoverPath"] = path
    notification["WorkflowTaskEvent"]["InputInfo"]["CosInputInfo"]["Object"] = path
    return parse_event(notification)


def test_file_name_may_contain_question_mark(stub):
    text = deliver("wecom", stub, event=make_cover_event("/封面/真的？ok? 100%.jpg"))
    assert "MPS 任务成功：真的？ok? 100%.jpg" in text
    assert "| 真的？ok? 100%.jpg |" in text


def make_quoted_links(result):
    """Return quoted links, as the publish action does."""
    return [f"https://cdn.example.com/{quote(file.key)}" for file in result.files]


@pytest.mark.parametrize("links", [None, make_quoted_links])
def test_link_has_name_of_file(links, stub):
    deliver("dingtalk", stub, event=make_cover_event("/封面/甲 1?.jpg"), links=links)
    assert "[甲 1?.jpg](" in stub.received[0].message["markdown"]["text"]


@pytest.mark.parametrize("links", [None, make_quoted_links])
def test_picture_with_long_name_is_shown(links, stub):
    deliver("webhook", stub, event=make_cover_event(f"/{'很' * 40}.JPG"), links=links)
    (result,) = stub.received[0].message["results"]
    assert result["picture"] == result["links"][0]


def test_denied_bucket_costs_only_its_links(stub):
    notification = json.loads(
        json.dumps(sample("WorkflowTask", Transcode="SUCCESS", ImageSprites="SUCCESS"))
    )
    results = notification["WorkflowTaskEvent"]["MediaProcessResultSet"]
    results[0]["TranscodeTask"]["Output"]["OutputStorage"]["CosOutputStorage"]["Bucket"] = "no-1"
    only = Cos(Credentials("AKIDlocal", "key"), buckets=["out-1250000000"])
    deliver("webhook", stub, event=parse_event(notification), links=None, cos=only)
    assert ["out-1250000000" in link for link in get_links(stub)] == [True] * len(get_links(stub))
    assert len(get_links(stub)) > 0


def test_links_may_expire_after_thirty_days(stub):
    deliver("webhook", stub, options="&expires=30d&lang=en", links=None)
    [note] = stub.received[0].message["notes"]
    assert "30 d" in note


@pytest.mark.parametrize("channel", CHANNELS)
def test_lone_surrogate_in_key_costs_its_link(channel, stub, caplog):
    publish = Publish("cos://player-1250000000.ap-guangzhou/vod/?types=Transcode,Cover")
    notification = sample("WorkflowTask", Transcode="SUCCESS", Cover="SUCCESS")
    result = notification["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]
    result["Output"]["Path"] = "/films/half\ud800.mp4"
    text = deliver(channel, stub, event=parse_event(notification), links=publish.links)
    assert "half\ufffd.mp4" in text
    assert "half%" not in text
    assert "player-1250000000" in text
    assert "links omitted" in caplog.text


@pytest.mark.parametrize("channel", CHANNELS)
def test_overlong_link_is_omitted(channel, stub):
    text = deliver(channel, stub, links=lambda _: [f"https://cdn.example.com/{'x' * 9000}"])
    assert "cdn.example.com" not in text
