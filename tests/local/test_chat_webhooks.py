"""The stub of chat webhooks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from scf_mps.local.chat_webhooks import ChatWebhookStub, ReceivedMessage


@pytest.fixture
def stub() -> Iterator[ChatWebhookStub]:
    with ChatWebhookStub(secrets={"signed": "secret"}) as running:
        yield running


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("/cgi-bin/webhook/send", "{}", "93000"),
        ("/cgi-bin/webhook/send?key=x", '{"msgtype": "text"}', "40008"),
        (
            "/cgi-bin/webhook/send?key=x",
            json.dumps({"markdown_v2": {"content": "视" * 1366}}),
            "40058",
        ),
        ("/robot/send", "{}", "300001"),
        ("/robot/send?access_token=x", "[]", "40035"),
        (
            "/robot/send?access_token=x",
            json.dumps({"markdown": {"text": "x" * 20_000}}),
            "460101",
        ),
        ("/open-apis/bot/v2/hook/x", "?", "9499"),
        (
            "/open-apis/bot/v2/hook/x",
            json.dumps({"content": {"post": {"zh_cn": "x" * 20_480}}}),
            "20 KB",
        ),
        ("/open-apis/bot/v2/hook/signed", '{"timestamp": "1"}', "19021"),
        ("/services/T/B/X", "?", "invalid_payload"),
        ("/services/T/B/X", "{}", "no_text"),
        ("/services/T/B/X", json.dumps({"blocks": [{}] * 51}), "invalid_blocks"),
        ("/services/T/B/X", json.dumps({"text": "x" * 13_000}), "msg_blocks_too_long"),
        ("/anything", "?", "no JSON"),
    ],
)
def test_stub_refuses_like_the_vendors(
    path: str, body: str, text: str, stub: ChatWebhookStub
) -> None:
    try:
        with urlopen(Request(stub.url + path, body.encode(), method="POST")) as response:
            content = response.read().decode()
    except HTTPError as error:
        with error:
            content = error.read().decode()
    assert text in content
    assert stub.received == []


def test_observer_gets_accepted_messages(stub: ChatWebhookStub) -> None:
    messages: list[ReceivedMessage] = []
    stub.observe(messages.append)
    for body in ("{}", '{"text": "hello"}'):
        try:
            urlopen(Request(f"{stub.url}/services/T/B/X", body.encode(), method="POST")).close()
        except HTTPError as error:
            error.close()
    assert messages == stub.received
    assert [item.message for item in messages] == [{"text": "hello"}]
