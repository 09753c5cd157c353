"""Notify: what a channel is told of a task, when it is not, and what happens where it does not take it."""

from __future__ import annotations

import json
import logging
import re
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

import pytest
import trustme
from typing_extensions import Self

from scf_mps import CallbacksFailed, ConfigurationError, Context
from scf_mps.actions import Notify, NotifyError, Publish
from scf_mps.actions.notify.text import format_duration, format_size
from scf_mps.cos import Cos, Credentials
from scf_mps.events.parser import parse_event
from scf_mps.local.chat_webhooks import ChatWebhookStub, StubResponse
from scf_mps.local.cos import CosEmulator
from scf_mps.local.samples import sample
from tests.support.sample_data import ROOT, payload

from .notify_support import KEY, LOG, NOON, context_of, documented, public, tell

TOKEN = "0ff1ce-t0ken"
SECRET = "SEC-5ecret"
HOOK = "/hooks/ops"


@pytest.fixture
def robots() -> Iterator[ChatWebhookStub]:
    with ChatWebhookStub(
        secrets={TOKEN: SECRET, HOOK: SECRET}, words={TOKEN: "视频"}, clock=lambda: NOON
    ) as running:
        yield running


def address(channel: str, robots: ChatWebhookStub) -> str:
    """The address of a robot that wants all it can want."""
    return {
        "wecom": f"wecom://{TOKEN}?endpoint={robots.url}",
        "dingtalk": f"dingtalk://{TOKEN}?secret={SECRET}&word=视频&endpoint={robots.url}",
        "feishu": f"feishu://{TOKEN}?secret={SECRET}&word=视频&endpoint={robots.url}",
        "lark": f"lark://{TOKEN}?secret={SECRET}&word=视频&endpoint={robots.url}",
        "slack": f"slack://T0/B0/{TOKEN}?endpoint={robots.url}",
        "webhook": f"{robots.url}{HOOK}?secret={SECRET}",
    }[channel]


CHANNELS = ("wecom", "dingtalk", "feishu", "lark", "slack", "webhook")


def say(
    channel: str, robots: ChatWebhookStub, event: Any = None, *, options: str = "", **more: Any
) -> str:
    """What a robot has taken, as one text."""
    more.setdefault("clock", lambda: NOON)
    tell(f"{address(channel, robots)}{options}", event, **more)
    return json.dumps(robots.received[-1].message, ensure_ascii=False)


def test_wecom_is_told_in_a_table(robots: ChatWebhookStub) -> None:
    say("wecom", robots)
    cdn = "https://cdn.example.com/dasda"
    assert robots.received[0].message == {
        "msgtype": "markdown_v2",
        "markdown_v2": {
            "content": f"""\
## MPS 任务部分失败（1/4）：dianping2.mp4
> 任务：2450000654-WorkflowTask-f46dac7fe2436c470000＊＊d71946986t0
> 事件：WorkflowTask
> 源文件：cos://macgzptest-1250000654.ap-guangzhou/dianping2.mp4

| 结果 | 类型 | 文件 | 详情 | 链接 |
| :--- | :--- | :--- | :--- | :--- |
| ❌ | AnimatedGraphics 20000 |  | 30010 (TencentVodPlatErr Or Unkown) — MPS 未说明重新提交是否有用 |  |
| ✅ | Transcode 10 | dianping2_transcode_10.mp4 | 180×320 · 11.3 s · 402 KB | [打开]({cdn}/dianping2_transcode_10.mp4) |
| ✅ | SnapshotByTimeOffset 10 | dianping2_snapshotByOffset_10_0.jpg |  | [打开]({cdn}/dianping2_snapshotByOffset_10_0.jpg) |
| ✅ | ImageSprites 10 | dianping2_imageSprite_10_0.jpg | 142×80 · 共 2 个文件 | [打开1]({cdn}/imageSprite/dianping2_imageSprite_10_0.jpg) [打开2]({cdn}/imageSprite/dianping2_imageSprite_10.vtt) |

![dianping2_snapshotByOffset_10_0.jpg]({cdn}/dianping2_snapshotByOffset_10_0.jpg)

![dianping2_imageSprite_10_0.jpg]({cdn}/imageSprite/dianping2_imageSprite_10_0.jpg)
"""
        },
    }


def test_dingtalk_is_told_in_english_if_that_is_asked_for(robots: ChatWebhookStub) -> None:
    say("dingtalk", robots, options="&lang=en", event=documented(SessionContext="order-42"))
    cdn = "https://cdn.example.com/dasda"
    assert robots.received[0].message == {
        "msgtype": "markdown",
        "markdown": {
            "title": "MPS task partly failed (1 of 4): dianping2.mp4",
            "text": f"""\
视频

### MPS task partly failed (1 of 4): dianping2.mp4

> Task: 2450000654-WorkflowTask-f46dac7fe2436c470000＊＊d71946986t0
>
> Event: WorkflowTask
>
> Source: cos://macgzptest-1250000654.ap-guangzhou/dianping2.mp4
>
> SessionContext: order-42
>

- ❌ **AnimatedGraphics 20000** · 30010 (TencentVodPlatErr Or Unkown) — MPS does not say whether submitting it again helps
- ✅ **Transcode 10** · dianping2_transcode_10.mp4 · 180×320 · 11.3 s · 402 KB · [dianping2_transcode_10.mp4]({cdn}/dianping2_transcode_10.mp4)
- ✅ **SnapshotByTimeOffset 10** · dianping2_snapshotByOffset_10_0.jpg · [dianping2_snapshotByOffset_10_0.jpg]({cdn}/dianping2_snapshotByOffset_10_0.jpg)
- ✅ **ImageSprites 10** · dianping2_imageSprite_10_0.jpg · 142×80 · 2 files · [dianping2_imageSprite_10_0.jpg]({cdn}/imageSprite/dianping2_imageSprite_10_0.jpg) · [dianping2_imageSprite_10.vtt]({cdn}/imageSprite/dianping2_imageSprite_10.vtt)

![dianping2_snapshotByOffset_10_0.jpg]({cdn}/dianping2_snapshotByOffset_10_0.jpg)

![dianping2_imageSprite_10_0.jpg]({cdn}/imageSprite/dianping2_imageSprite_10_0.jpg)
""",
        },
        "at": {"atMobiles": [], "atUserIds": [], "isAtAll": False},
    }


def test_feishu_is_told_in_a_text_without_markup(robots: ChatWebhookStub) -> None:
    say("feishu", robots)
    post = robots.received[0].message["content"]["post"]["zh_cn"]
    assert post["title"] == "视频 MPS 任务部分失败（1/4）：dianping2.mp4"
    shown = ["".join(part["text"] for part in paragraph) for paragraph in post["content"]]
    assert shown == [
        "任务：2450000654-WorkflowTask-f46dac7fe2436c470000**d71946986t0",
        "事件：WorkflowTask",
        "源文件：cos://macgzptest-1250000654.ap-guangzhou/dianping2.mp4",
        "❌ AnimatedGraphics 20000  30010 (TencentVodPlatErr Or Unkown) — MPS 未说明重新提交是否有用",
        "✅ Transcode 10  dianping2_transcode_10.mp4  180×320 · 11.3 s · 402 KB  dianping2_transcode_10.mp4",
        "✅ SnapshotByTimeOffset 10  dianping2_snapshotByOffset_10_0.jpg  dianping2_snapshotByOffset_10_0.jpg",
        "✅ ImageSprites 10  dianping2_imageSprite_10_0.jpg  142×80 · 共 2 个文件  dianping2_imageSprite_10_0.jpg  "
        "dianping2_imageSprite_10.vtt",
    ]
    hrefs = [part.get("href") for paragraph in post["content"] for part in paragraph]
    assert "https://cdn.example.com/dasda/dianping2_transcode_10.mp4" in hrefs


def test_slack_is_told_in_blocks_with_pictures(robots: ChatWebhookStub) -> None:
    say("slack", robots, options="&lang=en")
    message = robots.received[0].message
    assert message["text"] == "MPS task partly failed (1 of 4): dianping2.mp4"
    kinds = [block["type"] for block in message["blocks"]]
    assert kinds == ["header", "rich_text", "rich_text", "image", "image"]
    (section,) = message["blocks"][2]["elements"]
    assert "".join(part["text"] for part in section["elements"]).splitlines()[:2] == [
        "❌ AnimatedGraphics 20000  30010 (TencentVodPlatErr Or Unkown) — MPS does not say whether submitting it again "
        "helps",
        "✅ Transcode 10  dianping2_transcode_10.mp4  180×320 · 11.3 s · 402 KB  dianping2_transcode_10.mp4",
    ]
    assert message["blocks"][3]["image_url"].endswith("snapshotByOffset_10_0.jpg")


def test_slack_is_told_without_pictures_where_it_cannot_fetch_one(robots: ChatWebhookStub) -> None:
    robots.respond_with(StubResponse(400, "invalid_blocks"))
    say("slack", robots)
    blocks = robots.received[0].message["blocks"]
    assert [block["type"] for block in blocks] == ["header", "rich_text", "rich_text"]
    assert robots.request_count == 2


def test_slack_is_not_asked_again_for_a_message_without_pictures(robots: ChatWebhookStub) -> None:
    robots.respond_with(StubResponse(400, "invalid_blocks"))
    event = parse_event(sample("WorkflowTask", Transcode="SUCCESS"))
    with pytest.raises(NotifyError, match="400: invalid_blocks"):
        say("slack", robots, event=event)
    assert robots.request_count == 1


def test_a_webhook_is_told_what_a_program_needs(robots: ChatWebhookStub) -> None:
    say("webhook", robots, event=documented(SessionContext='{"order": 42}', SessionId="s-1"))
    received = robots.received[0]
    assert received.headers["idempotency-key"] == KEY
    told = received.message
    assert (told["outcome"], told["event_type"], told["status"]) == (
        "partly",
        "WorkflowTask",
        "FINISH",
    )
    assert (told["session_context"], told["session_id"]) == ('{"order": 42}', "s-1")
    assert told["sources"] == ["cos://macgzptest-1250000654.ap-guangzhou/dianping2.mp4"]
    assert told["results"][0] == {
        "type": "AnimatedGraphics",
        "definition": 20000,
        "place": "MediaProcessResultSet[1]",
        "status": "FAIL",
        "outcome": "failed",
        "details": "30010 (TencentVodPlatErr Or Unkown) — MPS 未说明重新提交是否有用",
        "files": [],
        "links": [],
        "picture": None,
        "error": {
            "code": 30010,
            "name": "",
            "message": "TencentVodPlatErr Or Unkown",
            "retryable": None,
        },
    }
    assert told["results"][2]["picture"].endswith("snapshotByOffset_10_0.jpg")
    assert told["error"] is None
    assert told["text"].startswith("MPS 任务部分失败（1/4）：dianping2.mp4\n任务：245")


def test_the_receiver_in_the_documentation_believes_the_signature_and_no_other(
    robots: ChatWebhookStub,
) -> None:
    guide = (Path(ROOT) / "docs" / "actions.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(import hmac\n.*?)```", guide, re.DOTALL)
    receiver: dict[str, Any] = {}
    exec(code, receiver)
    say("webhook", robots)
    headers, body = robots.received[0].headers, robots.received[0].body
    moment, signature = headers["x-scf-mps-timestamp"], headers["x-scf-mps-signature"]
    assert receiver["is_genuine"](SECRET, moment, signature, body, NOON + 10)
    assert not receiver["is_genuine"](SECRET, moment, signature, body + b" ", NOON + 10)
    assert not receiver["is_genuine"]("another", moment, signature, body, NOON + 10)
    assert not receiver["is_genuine"](SECRET, moment, signature, body, NOON + 4000)


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_robot_takes_the_message_whatever_it_wants(
    channel: str, robots: ChatWebhookStub
) -> None:
    assert "MPS 任务部分失败" in say(channel, robots)
    assert robots.received[0].channel == {"lark": "feishu"}.get(channel, channel)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (
            f"dingtalk://{TOKEN}?word=视频",
            "310000: invalid timestamp (the robot's security settings",
        ),
        (f"dingtalk://{TOKEN}?word=视频&secret=SECother", "310000: sign not match"),
        (f"dingtalk://{TOKEN}?secret={SECRET}", "310000: keywords not in content"),
        (f"feishu://{TOKEN}?secret=other&word=视频", "19021: sign match fail"),
        (f"feishu://{TOKEN}?word=视频", "the bot wants a signature: secret= as in its settings"),
        (f"feishu://{TOKEN}?secret={SECRET}", "19024: Key Words Not Found (the bot wants a word"),
    ],
)
def test_what_a_robot_wants_is_said_where_it_is_missing(
    query: str, told: str, robots: ChatWebhookStub
) -> None:
    with pytest.raises(NotifyError) as caught:
        tell(f"{query}&endpoint={robots.url}", clock=lambda: NOON)
    assert told in str(caught.value)
    assert not caught.value.retryable
    assert robots.request_count == 1


def test_a_webhook_with_another_secret_is_refused(robots: ChatWebhookStub) -> None:
    with pytest.raises(NotifyError, match=r"401: the signature is wrong \(is secret= the receiver"):
        tell(f"{robots.url}{HOOK}?secret=other")


WECOM_93000 = json.dumps(
    {
        "errcode": 93000,
        "errmsg": f"invalid webhook url, hint: [1], from ip: 1.2.3.4, key {TOKEN}, more info at https://x",
    }
)


@pytest.mark.parametrize(
    ("channel", "reply", "told"),
    [
        ("wecom", StubResponse(200, WECOM_93000), "93000: invalid webhook url, hint: [1], from ip"),
        ("wecom", StubResponse(200, '{"errcode": 60020}'), "60020: this address may not use it"),
        ("wecom", StubResponse(200, '{"errcode": "x", "errmsg": "?"}'), "wecom: x: ?"),
        ("wecom", StubResponse(200, "<html>"), "200: the answer has no errcode"),
        ("wecom", StubResponse(200, "[]"), "200: the answer has no errcode"),
        ("wecom", StubResponse(404), "404: without a word"),
        ("dingtalk", StubResponse(200, '{"errcode": 300001}'), "there is no such robot"),
        (
            "feishu",
            StubResponse(400, '{"code": 19001, "msg": "param invalid"}'),
            "19001: param invalid",
        ),
        ("feishu", StubResponse(200, '{"StatusCode": 9499, "StatusMessage": "Bad"}'), "9499: Bad"),
        (
            "feishu",
            StubResponse(400, '{"code": 9499, "msg": "Bad Request"}'),
            "9499: Bad Request (Feishu does",
        ),
        ("wecom", StubResponse(200, '{"errcode": false}'), "wecom: False: without a word"),
        ("wecom", StubResponse(200, '{"errcode": 93004}'), "93004: the robot is switched off"),
        (
            "dingtalk",
            StubResponse(200, '{"errcode": 430102, "errmsg": "x"}'),
            "430102: x (DingTalk does not take",
        ),
        (
            "webhook",
            StubResponse(413, ""),
            "413: the receiver does not take a message of this length",
        ),
        (
            "slack",
            StubResponse(404, "no_service"),
            "404: no_service (there is no such webhook any more",
        ),
        ("slack", StubResponse(403, "action_prohibited"), "an administrator of the workspace"),
        (
            "slack",
            StubResponse(200, "invalid_payload"),
            "200: invalid_payload (Slack does not take",
        ),
        ("slack", StubResponse(400, "what_is_this"), "400: what_is_this"),
        ("webhook", StubResponse(410, "x" * 1000), "…"),
        (
            "webhook",
            StubResponse(302, "", {"Location": "http://evil"}),
            "302: the answer is a redirect",
        ),
        (
            "slack",
            StubResponse(307, "", {"Location": "http://evil"}),
            "307: the answer is a redirect",
        ),
    ],
)
def test_a_refusal_is_an_error_that_says_what_to_do(
    channel: str, reply: StubResponse, told: str, robots: ChatWebhookStub
) -> None:
    robots.respond_with(reply)
    with pytest.raises(NotifyError) as caught:
        say(channel, robots)
    assert told in str(caught.value)
    assert not caught.value.retryable
    assert (robots.request_count, robots.received) == (1, [])
    for text in (str(caught.value), repr(caught.value)):
        assert TOKEN not in text
        assert SECRET not in text
        assert len(text) < 800


@pytest.mark.parametrize(
    ("channel", "reply"),
    [
        ("wecom", StubResponse(200, '{"errcode": -1}', {"Retry-After": "0"})),
        ("feishu", StubResponse(429, '{"code": 11232}')),
        ("slack", StubResponse(429, "rate_limited", {"Retry-After": "1"})),
        ("webhook", StubResponse(503, "soon", {"Retry-After": "0"})),
        ("feishu", StubResponse(400, '{"code": 9499, "msg": "too many request"}')),
        ("lark", StubResponse(400, '{"StatusCode": 9499, "StatusMessage": "Too Many Request"}')),
        ("feishu", StubResponse(200, '{"code": 11232, "msg": "frequency limited psm"}')),
        (
            "feishu",
            StubResponse(400, '{"code": 99991400, "msg": "request trigger frequency limit"}'),
        ),
        ("feishu", StubResponse(503, '{"code": 2200, "msg": "internal error"}')),
        ("wecom", StubResponse(200, '{"errcode": 45033, "errmsg": "concurrent limit"}')),
        ("dingtalk", StubResponse(200, '{"errcode": 410100, "errmsg": "发送速度太快而限流"}')),
        ("dingtalk", StubResponse(200, '{"errcode": 1, "errmsg": "send too fast"}')),
        ("slack", StubResponse(200, "rate_limited")),
        ("slack", StubResponse(400, "ratelimited")),
        ("slack", StubResponse(500, "rollup_error")),
        ("webhook", StubResponse(403, "Rate limit exceeded")),
    ],
)
def test_a_channel_that_is_busy_is_asked_again_in_a_moment(
    channel: str, reply: StubResponse, robots: ChatWebhookStub
) -> None:
    robots.respond_with(reply)
    say(channel, robots)
    assert (robots.request_count, len(robots.received)) == (2, 1)


@pytest.mark.parametrize(
    ("channel", "reply", "seconds"),
    [
        (
            "slack",
            StubResponse(429, "rate_limited", {"Retry-After": "30"}),
            60,
        ),  # longer than we wait
        (
            "slack",
            StubResponse(429, "rate_limited", {"Retry-After": "5"}),
            2,
        ),  # longer than there is
        ("dingtalk", StubResponse(200, '{"errcode": 130101}'), 60),  # for ten minutes
        ("dingtalk", StubResponse(200, '{"errcode": 660026}'), 60),
        ("wecom", StubResponse(200, '{"errcode": 45009, "errmsg": "api freq out of limit"}'), 4),
        ("feishu", StubResponse(429, '{"code": 11232}', {"Retry-After": "20"}), 60),
    ],
)
def test_a_channel_that_is_busy_for_longer_is_left_to_the_next_delivery(
    channel: str, reply: StubResponse, seconds: float, robots: ChatWebhookStub
) -> None:
    robots.respond_with(reply)
    with pytest.raises(NotifyError) as caught:
        say(channel, robots, context=context_of(seconds))
    assert caught.value.retryable
    assert robots.request_count == 1


def test_a_channel_that_stays_busy_is_asked_three_times(robots: ChatWebhookStub) -> None:
    robots.respond_with(*[StubResponse(500, "", {"Retry-After": "0"})] * 3)
    with pytest.raises(NotifyError, match="500: without a word"):
        say("webhook", robots)
    assert robots.request_count == 3


def test_a_message_whose_answer_does_not_come_in_time_is_not_sent_twice(
    robots: ChatWebhookStub,
) -> None:
    robots.respond_with(StubResponse(seconds=20))
    with pytest.raises(NotifyError, match=r"no whole answer within 0\.") as caught:
        say("wecom", robots, context=context_of(1.2))
    assert caught.value.retryable
    assert robots.request_count == 1


def test_without_time_nothing_is_sent(robots: ChatWebhookStub) -> None:
    with pytest.raises(NotifyError, match="no time is left") as caught:
        say("wecom", robots, context=Context({"time_limit_in_ms": 5}, clock=iter([0, 9]).__next__))
    assert caught.value.retryable
    assert robots.request_count == 0


class Raw(socketserver.ThreadingTCPServer):
    """A server that sends some bytes to whoever connects, again and again until it is stopped."""

    daemon_threads = True

    def __init__(self, content: bytes, repeat: bool = False) -> None:
        self.content = content
        self.repeat = repeat
        self.over = threading.Event()
        self.asked = 0
        super().__init__(("127.0.0.1", 0), _Raw)

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.shutdown()
        self.server_close()


class _Raw(socketserver.BaseRequestHandler):
    server: Raw

    def handle(self) -> None:
        self.server.asked += 1
        self.request.recv(65536)
        try:
            self.request.sendall(self.server.content)
            while self.server.repeat and not self.server.over.wait(0.05):
                self.request.sendall(b"x")
        except OSError:
            return


@pytest.mark.parametrize(
    "content", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", b"??\r\n"]
)
def test_an_answer_that_breaks_off_may_have_arrived_and_is_not_repeated(content: bytes) -> None:
    with Raw(content) as server:
        port = server.server_address[1]
        with pytest.raises(NotifyError, match=r"127\.0\.0\.1:\d+ did not answer: ") as caught:
            tell(f"wecom://{TOKEN}?endpoint=http://127.0.0.1:{port}")
    assert caught.value.retryable
    assert server.asked == 1


def test_an_answer_that_drips_is_ended() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
    with Raw(head, repeat=True) as server:
        to = f"wecom://{TOKEN}?endpoint=http://127.0.0.1:{server.server_address[1]}"
        with pytest.raises(NotifyError, match=r"no whole answer within 0\."):
            tell(to, context=context_of(1.2))


def test_a_task_of_which_nothing_failed_and_not_all_succeeded_is_not_told_as_a_success(
    robots: ChatWebhookStub,
) -> None:
    event = sample("WorkflowTask", Transcode="SUCCESS", ImageSprites="SUCCESS")
    event["WorkflowTaskEvent"]["MediaProcessResultSet"][1]["ImageSpriteTask"]["Status"] = "ABORTED"
    say("wecom", robots, parse_event(event), options="&lang=en&on=failure")
    content = robots.received[0].message["markdown_v2"]["content"]
    assert "MPS task ended" in content
    assert "ABORTED" in content


def test_a_channel_that_cannot_be_reached_is_tried_again_and_then_an_error() -> None:
    with Raw(b"") as gone:
        port = gone.server_address[1]
    with pytest.raises(NotifyError, match=r"did not answer: ConnectionRefused") as caught:
        tell(f"wecom://{TOKEN}?endpoint=http://127.0.0.1:{port}")
    assert caught.value.retryable
    assert gone.asked == 0


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[int]:
    """The port of a webhook over TLS that takes everything."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            try:
                with context.wrap_socket(self.request, server_side=True) as stream:
                    while not stream.recv(65536).endswith(b"}"):
                        pass
                    stream.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            except OSError:
                return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()


def test_tls_is_verified_by_the_certificates_that_are_given(
    secure: int, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = f"https://127.0.0.1:{secure}/"
    with pytest.raises(NotifyError, match=r"is not trusted: .*SSL_CERT_FILE") as caught:
        tell(to)
    assert caught.value.retryable is False
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    tell(to, cafile=str(trusted))
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    tell(to)


# What is told, and when.


def links_of(robots: ChatWebhookStub) -> list[str]:
    return [link for result in robots.received[-1].message["results"] for link in result["links"]]


def test_links_are_presigned_for_as_long_as_is_asked(robots: ChatWebhookStub) -> None:
    say("webhook", robots, options="&expires=2h", links=None)
    assert len(links_of(robots)) == 4
    for link in links_of(robots):
        begin, end = re.findall(r"q-sign-time=(\d+)(?:%3B|;)(\d+)", link)[0]
        assert int(end) - int(begin) == 2 * 3600 + 60
    assert robots.received[0].message["notes"] == ["链接 2 小时内有效"]


def test_a_link_opens_the_file_whatever_its_name(
    robots: ChatWebhookStub, emulator: CosEmulator, cos: Cos, store: Callable[..., None]
) -> None:
    from urllib.request import ProxyHandler, build_opener

    notification = sample("WorkflowTask", Transcode="SUCCESS")
    result = notification["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]
    result["Output"]["Path"] = "/视频 (1)/a*b_[c]!'|d<e>+f%20g&h=i?j#k.mp4"
    event = parse_event(notification)
    store(*event.files)
    say("webhook", robots, event=event, links=None, cos=cos, clock=time.time)
    (link,) = links_of(robots)
    assert not set(link) & set("()[]<>|*! '")
    opener = build_opener(ProxyHandler({"http": emulator.url}))
    with opener.open(link.replace("https://", "http://")) as answer:
        assert answer.read().decode() == f"the bytes of {event.files[0].key}"


def test_links_that_are_signed_with_temporary_keys_are_told_to_end_with_them(
    robots: ChatWebhookStub,
) -> None:
    temporary = Cos(Credentials("AKIDrole", "desk", "t0ken"))
    say("webhook", robots, options="&expires=1d&lang=en", links=None, cos=temporary)
    for link in links_of(robots):
        begin, end = re.findall(r"q-sign-time=(\d+)(?:%3B|;)(\d+)", link)[0]
        assert int(end) - int(begin) == 6 * 3600 + 60
    assert robots.received[0].message["notes"] == [
        "links work for at most 6 h (they end with the function's temporary keys)"
    ]


def test_without_credentials_the_message_comes_without_links(
    robots: ChatWebhookStub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("SECRETID", "SECRETKEY", "SECRET_ID", "SECRET_KEY"):
        monkeypatch.delenv(f"TENCENTCLOUD_{name}", raising=False)
    with caplog.at_level(logging.WARNING, LOG.name):
        say("webhook", robots, links=None, cos=Cos())
    assert links_of(robots) == []
    assert robots.received[0].message["notes"] == []
    [text] = [record.getMessage() for record in caplog.records if record.name == LOG.name]
    assert "NoCredentials" in text


@pytest.mark.parametrize("path", [f"/{'x' * 851}.jpg", "/\ud800.jpg"])
def test_a_key_that_cannot_be_leaves_the_links_to_the_others(
    path: str, robots: ChatWebhookStub
) -> None:
    notification = sample("WorkflowTask", Transcode="SUCCESS", Cover="SUCCESS")
    (result,) = notification["WorkflowTaskEvent"]["AiAnalysisResultSet"]
    (cover,) = result["CoverTask"]["Output"]["CoverSet"]
    cover["CoverPath"] = path
    say("webhook", robots, event=parse_event(notification), links=None)
    assert ["demo_Transcode" in link for link in links_of(robots)] == [True]


def test_results_that_were_published_are_linked_where_they_are_and_the_others_are_presigned(
    robots: ChatWebhookStub,
) -> None:
    def links(result: Any) -> list[str]:
        many = [f"https://cdn.example.com/{n}.mp4" for n in range(9)]
        return ["ftp://no", *many] if result.type == "Transcode" else []

    say("webhook", robots, links=links)
    first, *others = links_of(robots)[:2], *links_of(robots)[2:]
    assert first == ["https://cdn.example.com/0.mp4", "https://cdn.example.com/1.mp4"]
    assert all(".myqcloud.com/" in other for other in others)


def test_an_output_that_is_a_url_is_linked_as_it_is(robots: ChatWebhookStub) -> None:
    notification = payload("mps_workflow_ai_content_review")
    say("webhook", robots, event=parse_event(notification), links=None)
    urls = [link for link in links_of(robots) if "myqcloud" not in link or "sign" not in link]
    assert urls == links_of(robots)
    assert all(result["picture"] is None for result in robots.received[0].message["results"])


def pictured(path: str) -> Any:
    """A task whose cover is at some path."""
    notification = sample("WorkflowTask", Cover="SUCCESS")
    (result,) = notification["WorkflowTaskEvent"]["AiAnalysisResultSet"]
    (cover,) = result["CoverTask"]["Output"]["CoverSet"]
    cover["CoverPath"] = path
    notification["WorkflowTaskEvent"]["InputInfo"]["CosInputInfo"]["Object"] = path
    return parse_event(notification)


def test_a_name_is_told_whole_with_a_question_mark_in_it(robots: ChatWebhookStub) -> None:
    text = say("wecom", robots, event=pictured("/封面/真的？ok? 100%.jpg"))
    assert "MPS 任务成功：真的？ok? 100%.jpg" in text
    assert "| 真的？ok? 100%.jpg |" in text


def quoted(result: Any) -> list[str]:
    """Links as a publisher gives them."""
    return [f"https://cdn.example.com/{quote(file.key)}" for file in result.files]


@pytest.mark.parametrize("links", [None, quoted])
def test_a_link_is_called_as_its_file_is(links: Any, robots: ChatWebhookStub) -> None:
    say("dingtalk", robots, event=pictured("/封面/甲 1?.jpg"), links=links)
    assert "[甲 1?.jpg](" in robots.received[0].message["markdown"]["text"]


@pytest.mark.parametrize("links", [None, quoted])
def test_a_picture_is_shown_however_long_its_name(links: Any, robots: ChatWebhookStub) -> None:
    say("webhook", robots, event=pictured(f"/{'很' * 40}.JPG"), links=links)
    (result,) = robots.received[0].message["results"]
    assert result["picture"] == result["links"][0]


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
def test_an_address_is_told_of_what_it_asks_for(options: str, wanted: tuple[str, ...]) -> None:
    events = {
        "mixed": documented(),
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


def test_the_message_has_the_results_that_were_asked_for_alone(robots: ChatWebhookStub) -> None:
    say("webhook", robots, options="&types=ImageSprites")
    assert [result["type"] for result in robots.received[0].message["results"]] == ["ImageSprites"]
    assert robots.received[0].message["outcome"] == "succeeded"


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ("synth_edit_media_success", ["MPS 任务成功", "✅ EditMediaTask"]),
        ("synth_edit_media_fail", ["MPS 任务失败", "❌ EditMediaTask"]),
        (
            "synth_workflow_source_error",
            ["MPS 任务失败：demo.mp4", "❌ WorkflowTask  30010 (source"],
        ),
        ("synth_workflow_all_failed", ["MPS 任务失败", "InternalError", "重新提交任务可能成功"]),
        ("mps_workflow_ai_content_review", ["Porn", "pass"]),
        ("synth_extract_blind_watermark", ["ExtractBlindWatermark"]),
        ("synth_workflow_nulls", ["MPS 任务"]),
        ("synth_batch_task", ["BatchTask"]),
        ("synth_schedule_all_activity_types", ["ScheduleTask", "❔ Dubbing  PROCESSING"]),
    ],
)
def test_every_kind_of_event_can_be_told(
    event: str, told: list[str], robots: ChatWebhookStub
) -> None:
    say("webhook", robots, event=parse_event(payload(event)))
    text = robots.received[0].message["text"]
    assert [part for part in told if part not in text] == []


def test_the_error_of_a_whole_task_is_told_beside_its_results(robots: ChatWebhookStub) -> None:
    notification = sample("WorkflowTask", Transcode="SUCCESS", ImageSprites="FAIL")
    notification["WorkflowTaskEvent"] |= {"ErrCode": 1, "Message": "*odd*"}
    results = notification["WorkflowTaskEvent"]["MediaProcessResultSet"]
    results[1]["ImageSpriteTask"]["ErrCodeExt"] = "SourceFileError.NoVideoMedia"
    text = say("wecom", robots, event=parse_event(notification))
    assert "MPS 任务部分失败（1/2）" in text
    assert "> 错误：1 (＊odd＊) — MPS 未说明重新提交是否有用" in text
    assert "重新提交无用，请先改正输入或参数" in text


@pytest.mark.parametrize(
    ("lang", "told"),
    [("zh", "## MPS 任务部分失败：demo.mp4"), ("en", "## MPS task partly failed: demo.mp4")],
)
def test_a_task_that_failed_after_all_its_results_is_not_told_to_have_none_that_failed(
    lang: str, told: str, robots: ChatWebhookStub
) -> None:
    notification = sample("WorkflowTask", Transcode="SUCCESS", ImageSprites="SUCCESS")
    notification["WorkflowTaskEvent"]["ErrCode"] = 60000
    say("wecom", robots, event=parse_event(notification), options=f"&lang={lang}")
    text = robots.received[0].message["markdown_v2"]["content"]
    assert text.splitlines()[0] == told


def many(count: int) -> Any:
    """A task with many renditions, of which the last failed."""
    notification = sample("WorkflowTask", Transcode="SUCCESS", AnimatedGraphics="FAIL")
    good, bad = notification["WorkflowTaskEvent"]["MediaProcessResultSet"]
    notification["WorkflowTaskEvent"]["MediaProcessResultSet"] = [*[good] * (count - 1), bad]
    return parse_event(notification)


def long(result: Any) -> list[str]:
    """Links as long as those that are presigned with a role's keys."""
    return [f"https://cdn.example.com/{file.key}?x={'0' * 1000}" for file in result.files]


@pytest.mark.parametrize("channel", ["wecom", "dingtalk", "feishu", "slack"])
def test_where_not_all_links_fit_the_rows_come_first(channel: str, robots: ChatWebhookStub) -> None:
    text = say(channel, robots, event=many(25), links=long)
    assert text.count("✅") == 24
    assert text.count("❌") == 1
    assert 0 < text.count("0" * 1000) < 24
    assert "部分链接因长度限制未列出" in text


@pytest.mark.parametrize(("channel", "shown"), [("wecom", "!["), ("slack", "image_url")])
def test_a_picture_whose_url_is_too_long_is_not_shown(
    channel: str, shown: str, robots: ChatWebhookStub
) -> None:
    assert shown in say(channel, robots)
    assert shown not in say(
        channel,
        robots,
        links=lambda result: [f"{url}?{'0' * 3000}.jpg" for url in public(result)],
    )


@pytest.mark.parametrize(("length", "shown"), [(3000, True), (3001, False)])
def test_slack_shows_picture_by_a_url_of_3000(
    length: int, shown: bool, robots: ChatWebhookStub
) -> None:
    start = "https://cdn.example.com/"
    link = f"{start}{'x' * (length - len(start) - 4)}.jpg"
    event = parse_event(sample("WorkflowTask", AnimatedGraphics="SUCCESS"))
    assert ("image_url" in say("slack", robots, event=event, links=lambda _: [link])) == shown


@pytest.mark.parametrize("channel", ["wecom", "dingtalk", "feishu", "lark", "slack", "webhook"])
def test_where_not_all_rows_fit_the_last_are_counted(channel: str, robots: ChatWebhookStub) -> None:
    text = say(channel, robots, event=many(400), links=long, options="&lang=en")
    if channel == "webhook":
        text = robots.received[0].message["text"]
    (left_out,) = map(int, re.findall(r"… and (\d+) more", text))
    assert text.count("✅") + text.count("❌") + left_out == 400
    assert text.index("❌") < text.index("✅")
    assert "0" * 1000 not in text


def test_a_status_that_nobody_knows_is_told_as_it_is(robots: ChatWebhookStub) -> None:
    notification = sample("WorkflowTask", Transcode="SUCCESS")
    result = notification["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]
    result["Status"] = "ABORTED"
    result["Output"] |= {"Size": True, "Duration": float("inf"), "Width": "x", "Height": -1}
    assert "❔ Transcode 100030  demo_Transcode_100030.mp4  ABORTED" in say(
        "webhook", robots, event=parse_event(notification)
    )
    assert robots.received[0].message["results"][0]["outcome"] == "unknown"


def test_a_notification_of_a_type_that_nobody_knows_is_told_as_far_as_it_goes(
    robots: ChatWebhookStub,
) -> None:
    event = parse_event(
        {"EventType": "HoloTask", "HoloTaskEvent": {"TaskId": "t", "Status": "FINISH"}}
    )
    say("webhook", robots, event=event)
    assert robots.received[0].message["text"].splitlines() == [
        "MPS 任务成功",
        "任务：t",
        "事件：HoloTask",
        "",
        "✅ HoloTask",
    ]


def test_a_bucket_that_may_not_be_touched_leaves_the_links_to_the_others(
    robots: ChatWebhookStub,
) -> None:
    notification = json.loads(
        json.dumps(sample("WorkflowTask", Transcode="SUCCESS", ImageSprites="SUCCESS"))
    )
    results = notification["WorkflowTaskEvent"]["MediaProcessResultSet"]
    results[0]["TranscodeTask"]["Output"]["OutputStorage"]["CosOutputStorage"]["Bucket"] = "no-1"
    only = Cos(Credentials("AKIDlocal", "desk"), buckets=["out-1250000000"])
    say("webhook", robots, event=parse_event(notification), links=None, cos=only)
    assert ["out-1250000000" in link for link in links_of(robots)] == [True] * len(links_of(robots))
    assert len(links_of(robots)) > 0


def test_a_source_that_is_a_url_is_told_without_what_may_be_secret_in_it(
    robots: ChatWebhookStub,
) -> None:
    notification = sample("WorkflowTask", Transcode="SUCCESS")
    notification["WorkflowTaskEvent"]["InputInfo"] = {
        "Type": "URL",
        "UrlInputInfo": {"Url": "https://me:pass@example.com/a/video.mp4?token=hush"},
    }
    text = say("wecom", robots, event=parse_event(notification))
    assert "源文件：https://example.com/a/video.mp4" in text
    assert "MPS 任务成功：video.mp4" in text
    assert "hush" not in text


def test_a_span_and_a_size_are_told_as_people_write_them() -> None:
    assert [format_duration(seconds) for seconds in (0.5, 59.96, 61, 3723.9)] == [
        "0.5 s",
        "60 s",
        "1:01",
        "1:02:03",
    ]
    assert [format_size(count) for count in (1, 1023, 401_637, 999_500, 1.25e9, 2e12)] == [
        "1 B",
        "1.02 KB",
        "402 KB",
        "1 MB",
        "1.25 GB",
        "2 TB",
    ]


# A text of one's own.


@pytest.fixture
def notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str | bytes], str]:
    """Puts a text into the project, and tells its name there."""
    monkeypatch.syspath_prepend(tmp_path)

    def put(text: str | bytes) -> str:
        content = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "notice.txt").write_bytes(content)
        return "notice.txt"

    return put


OWN = "**{title}**\n客户 {session_context}（{outcome}）\n{results}\n有问题请联系 {event_type}\n"


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_text_of_ones_own_stands_around_the_results(
    channel: str, robots: ChatWebhookStub, notice: Callable[[str], str]
) -> None:
    path = notice(OWN)
    text = say(
        channel,
        robots,
        options=f"&template={path}",
        event=documented(SessionContext="*order*"),
        links=None,
    )
    order = "＊order＊" if channel in ("wecom", "dingtalk") else "*order*"
    shown = [f"客户 {order}（partly）", "Transcode 10", "有效", "有问题请联系 WorkflowTask"]
    places = [text.find(one) for one in shown]
    assert -1 not in places
    if channel != "webhook":  # its JSON has the results elsewhere, too
        assert sorted(places) == places
    assert "任务：" not in text


def test_a_text_of_ones_own_may_have_been_written_on_windows(
    robots: ChatWebhookStub, notice: Callable[[bytes], str]
) -> None:
    say("wecom", robots, options=f"&template={notice('# {outcome}'.encode('utf-8-sig'))}")
    assert robots.received[0].message["markdown_v2"]["content"] == "# partly"


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_text_of_ones_own_may_be_the_results_alone(
    channel: str, robots: ChatWebhookStub, notice: Callable[[str], str]
) -> None:
    text = say(channel, robots, options=f"&template={notice('{results}')}")
    assert "Transcode 10" in text
    assert "任务：" not in text


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_text_of_ones_own_need_not_tell_the_results(
    channel: str, robots: ChatWebhookStub, notice: Callable[[str], str]
) -> None:
    path = notice("{task_id}: {error}{source}\n")
    say(channel, robots, options=f"&template={path}")
    message = robots.received[0].message
    message.pop("results", None)
    text = json.dumps(message, ensure_ascii=False)
    assert "2450000654-WorkflowTask-f46dac7fe2436c470000" in text
    assert "Transcode" not in text


def test_own_text_of_empty_fields_is_the_title(
    robots: ChatWebhookStub, notice: Callable[[str], str]
) -> None:
    event = parse_event(sample("WorkflowTask", Transcode="SUCCESS"))
    say("wecom", robots, event=event, options=f"&template={notice(' {error} ')}")
    content = robots.received[0].message["markdown_v2"]["content"]
    assert content == "## MPS 任务成功：demo.mp4\n"


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_long_text_of_ones_own_is_cut_by_lines(
    channel: str, robots: ChatWebhookStub, notice: Callable[[str], str]
) -> None:
    path = notice("行 {task_id}\n" * 300 + "{results}\n" + "尾\n" * 1000)
    text = say(channel, robots, options=f"&template={path}")
    assert "…" in text
    assert "AnimatedGraphics 20000" in text


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{task}", "there is no field {task}: did you mean {task_id}?"),
        ("{results}{results}", "expected {results} once"),
        ("x" * 20_000, "is larger than 16384 bytes"),
        (b"\xff", "is no text in UTF-8"),
    ],
)
def test_a_text_of_ones_own_that_cannot_be_meant_is_a_mistake(
    content: str | bytes, told: str, notice: Callable[[str | bytes], str]
) -> None:
    path = notice(content)
    with pytest.raises(ValueError, match=r"template=: .notice\.txt.") as caught:
        Notify(f"wecom://{TOKEN}?template={path}")
    assert told in str(caught.value)


# Addresses.


@pytest.mark.parametrize(
    ("to", "told"),
    [
        (f"telegram://{TOKEN}", "expected an address that begins with one of dingtalk, feishu"),
        ("wecom://", "expected wecom://KEY"),
        (f"wecom://x/{TOKEN}", "expected wecom://KEY"),
        ("dingtalk://", "expected dingtalk://TOKEN"),
        (f"dingtalk://x?secret={TOKEN}", "expected a secret= that begins with SEC"),
        ("feishu://", "expected feishu://TOKEN"),
        ("lark://", "expected lark://TOKEN"),
        (f"slack://T0/{TOKEN}", "expected slack://T…/B…/X…"),
        (
            f"http://example.com/{TOKEN}",
            "expected an address that begins with https:// (http:// for this machine)",
        ),
        (f"https://me:{TOKEN}@example.com/", "expected an address without user:password@"),
        (f"https://example.com/?token={TOKEN}", "there is no option 'token'"),
        (f"wecom://{TOKEN}?endpoint=http://example.com", "or http:// on 127.0.0.1"),
        (f"wecom://{TOKEN}?endpoint=https://example.com/{TOKEN}", "expects https://host:port"),
        (f"wecom://{TOKEN}?endpoint=https://example.com:{TOKEN}", "expects https://host:port"),
        (f"wecom://{TOKEN}?endpoint=https://h:65536", "expects https://host:port"),
        (f"wecom://{TOKEN}?endpoint=https://{'h' * 64}.com", "expects https://host:port"),
        (f"wecom://{TOKEN}?endpoint={TOKEN}", "expects https://host:port"),
        (f"wecom://{TOKEN}?on=failed", "expected on= one of all, failure, success"),
        (f"wecom://{TOKEN}?lang=fr", "expected lang= one of zh, en"),
        (f"wecom://{TOKEN}?expires=soon", "expires=: expected a span of time such as 90s"),
        (f"wecom://{TOKEN}?expires=31d", "expected expires= of at most 30d"),
        (f"wecom://{TOKEN}?template=handlers/no.txt", "there is no file 'handlers/no.txt'"),
        (f"wecom://{TOKEN}?types=ImageSprite", "'ImageSprites'"),
        (f"wecom://{TOKEN}?bucket=media", "APPID"),
        (f"wecom://{TOKEN}?colour=red", "there is no option 'colour'"),
    ],
)
def test_an_address_that_cannot_be_meant_is_a_mistake_without_its_secrets(
    to: str, told: str
) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        Notify(to)
    assert told in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_links_may_work_for_thirty_days(robots: ChatWebhookStub) -> None:
    say("webhook", robots, options="&expires=30d&lang=en", links=None)
    assert robots.received[0].message["notes"] == ["links work for 30 d"]


def test_error_hides_secret_that_begins_as_another(robots: ChatWebhookStub) -> None:
    robots.respond_with(StubResponse(400, "no such hook: /hooks/long-token/long-token-2"))
    with pytest.raises(NotifyError) as caught:
        tell(f"{robots.url}/long-token/long-token-2")
    assert str(caught.value) == "webhook: 400: no such hook: /hooks/***/***"


def test_error_hides_path_parts_of_eight_characters(robots: ChatWebhookStub) -> None:
    robots.respond_with(StubResponse(400, "no such hook: abcdefgh of hooks"))
    with pytest.raises(NotifyError) as caught:
        tell(f"{robots.url}/hooks/abcdefgh")
    assert str(caught.value) == "webhook: 400: no such hook: *** of hooks"


def test_a_webhook_may_have_a_query_of_its_own(robots: ChatWebhookStub) -> None:
    tell(f"{robots.url}/hooks/x?query=a=b%2520c%26d=e&on=failure")
    assert robots.received[0].channel == "webhook"
    assert repr(Notify(f"https://[::1]:8443/{TOKEN}?secret={SECRET}")) == "<Notify webhook>"


def test_the_robots_of_the_vendors_are_the_default() -> None:
    assert Notify("wecom://k").channel == "wecom"
    assert Notify("feishu://k").channel == "feishu"
    assert Notify("lark://k").channel == "lark"
    assert Notify("slack://T/B/X").channel == "slack"
    assert Notify("dingtalk://k").channel == "dingtalk"


def test_a_word_or_a_secret_is_not_needed_where_a_robot_wants_none(robots: ChatWebhookStub) -> None:
    tell(f"dingtalk://free?endpoint={robots.url}")
    tell(f"feishu://free?endpoint={robots.url}")
    tell(f"{robots.url}/free")
    assert [received.address for received in robots.received] == ["free", "free", "/free"]
    assert "x-scf-mps-signature" not in robots.received[-1].headers


# The application.


def names(handlers: ModuleType) -> list[str]:
    return [
        route.name for route in handlers.app.routes if route.name.startswith("handlers.notifying.")
    ]


def test_without_its_variable_the_application_tells_nobody(
    application: Callable[..., ModuleType],
) -> None:
    assert names(application()) == []


def test_each_address_is_a_callback_with_a_name_of_its_own_and_no_secret_in_it(
    application: Callable[..., ModuleType], robots: ChatWebhookStub
) -> None:
    handlers = application(
        MPS_NOTIFY=f"wecom://{TOKEN}, {address('slack', robots)}&on=failure,wecom://x?session=a,b*\n"
        f"mailto:a@example.com?from=m@example.com https://example.com/h?bucket=out-1250000000",
        MPS_SMTP="smtp://127.0.0.1?tls=no",
    )
    assert names(handlers) == [
        "handlers.notifying.wecom",
        "handlers.notifying.slack",
        "handlers.notifying.wecom-2",
        "handlers.notifying.mailto",
        "handlers.notifying.webhook",
    ]
    assert TOKEN not in "".join(map(str, handlers.app.routes))


def test_a_retry_tells_only_those_that_were_not_told(
    application: Callable[..., ModuleType], robots: ChatWebhookStub, tmp_path: Path
) -> None:
    handlers = application(
        MPS_LEDGER=f"file://{tmp_path}",
        MPS_NOTIFY=f"wecom://one?endpoint={robots.url},wecom://two?endpoint={robots.url},"
        f"{robots.url}/three",
    )
    robots.respond_with(
        StubResponse(200, '{"errcode": 0}'),
        StubResponse(200, '{"errcode": 93000, "errmsg": "invalid"}'),
    )
    with pytest.raises(CallbacksFailed) as caught:
        handlers.main_handler(payload("synth_edit_media_success"), {})
    (failure,) = caught.value.failures
    assert failure.callback == "handlers.notifying.wecom-2"
    assert "93000: invalid" in failure.reason
    assert [received.address for received in robots.received] == ["/three"]
    summary = handlers.main_handler(payload("synth_edit_media_success"), {})
    assert {call["callback"]: call["outcome"] for call in summary["callbacks"]} == {
        "handlers.edits.record_edit": "skipped",
        "handlers.notifying.wecom": "skipped",
        "handlers.notifying.wecom-2": "done",
        "handlers.notifying.webhook": "skipped",
    }
    assert [received.address for received in robots.received] == ["/three", "two"]


def test_a_message_that_is_sent_again_has_the_same_key(
    application: Callable[..., ModuleType], robots: ChatWebhookStub
) -> None:
    handlers = application(MPS_NOTIFY=f"{robots.url}/three")
    for _ in range(2):
        handlers.main_handler(payload("synth_edit_media_success"), {})
    keys = [received.headers["idempotency-key"] for received in robots.received]
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_an_address_that_wants_other_buckets_or_sessions_is_not_told(
    application: Callable[..., ModuleType], robots: ChatWebhookStub
) -> None:
    handlers = application(
        MPS_NOTIFY=f"wecom://one?endpoint={robots.url}&session=other-*,"
        f"wecom://two?endpoint={robots.url}&bucket=other-1250000000,"
        f"wecom://three?endpoint={robots.url}&bucket=out-1250000000&session=order-*,x"
    )
    handlers.main_handler(
        sample("WorkflowTask", Transcode="SUCCESS", session_context="order-42"), {}
    )
    assert [received.address for received in robots.received] == ["three"]


def test_mistakes_of_addresses_are_told_by_their_numbers(
    application: Callable[..., ModuleType],
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        application(MPS_NOTIFY=f"wecom://,mailto:a@b.cn,wecom://x?secret={TOKEN}")
    assert str(caught.value).splitlines()[1:] == [
        "  MPS_NOTIFY (number 1 of 3): expected wecom://KEY, the key at the end of the robot's webhook URL",
        "  MPS_NOTIFY (number 2 of 3): mail needs a server: MPS_SMTP=smtps://user:password@host:465",
        "  MPS_NOTIFY (number 3 of 3): there is no option 'secret', expected bucket=, endpoint=, expires=, lang=, on=, "
        "path=, session=, source=, template=, types= (write an & in a value as %26)",
    ]


def test_the_actions_are_found_by_their_names() -> None:
    from scf_mps import actions

    assert {"Archive", "Notify", "NotifyError", "Settings"} <= set(dir(actions))
    assert actions.Notify is Notify
    with pytest.raises(AttributeError, match="has no attribute 'Notifier'"):
        _ = actions.Notifier


# The robots themselves.


@pytest.mark.parametrize(
    ("path", "body", "told"),
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
        (f"/open-apis/bot/v2/hook/{TOKEN}", '{"timestamp": "1"}', "19021"),
        ("/services/T/B/X", "?", "invalid_payload"),
        ("/services/T/B/X", "{}", "no_text"),
        ("/services/T/B/X", json.dumps({"blocks": [{}] * 51}), "invalid_blocks"),
        ("/services/T/B/X", json.dumps({"text": "x" * 13_000}), "msg_blocks_too_long"),
        ("/anything", "?", "no JSON"),
    ],
)
def test_robots_refuse_what_the_vendors_refuse(
    path: str, body: str, told: str, robots: ChatWebhookStub
) -> None:
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    try:
        with urlopen(Request(robots.url + path, body.encode(), method="POST")) as answer:
            said = answer.read().decode()
    except HTTPError as error:
        with error:
            said = error.read().decode()
    assert told in said
    assert robots.received == []


def test_what_content_review_came_to_is_told_in_one_line(robots: ChatWebhookStub) -> None:
    event = sample("WorkflowTask", Transcode="SUCCESS")
    output = {"Suggestion": "block", "Label": "sexy", "Confidence": 98}
    review = {"Type": "Porn", "PornTask": {"Status": "SUCCESS", "Output": output}}
    event["WorkflowTaskEvent"]["AiContentReviewResultSet"] = [review]
    say("wecom", robots, parse_event(event), options="&lang=en")
    assert (
        "Review: block: Porn sexy block 98%" in robots.received[0].message["markdown_v2"]["content"]
    )


def test_url_source_is_named_as_its_file(robots: ChatWebhookStub) -> None:
    notification = sample("WorkflowTask", Transcode="SUCCESS")
    url = "https://cdn.example.com/a/first%20film.mp4?sign=1"
    notification["WorkflowTaskEvent"]["InputInfo"] = {"Type": "URL", "UrlInputInfo": {"Url": url}}
    say("webhook", robots, event=parse_event(notification))
    message = robots.received[0].message
    assert message["title"] == "MPS 任务成功：first film.mp4"
    assert message["sources"] == ["https://cdn.example.com/a/first%20film.mp4"]


@pytest.mark.parametrize(
    ("info", "name", "source"),
    [
        (
            {"Type": "AWS-S3", "S3InputInfo": {"S3Bucket": "films", "S3Object": "/a/b.mp4"}},
            "b.mp4",
            "s3://films/a/b.mp4",
        ),
        ({"Type": "VOD", "VODInputInfo": {"FileId": "5285"}}, "5285", "vod://5285"),
    ],
)
def test_source_outside_cos_is_named(
    info: dict[str, Any], name: str, source: str, robots: ChatWebhookStub
) -> None:
    notification = sample("WorkflowTask", Transcode="SUCCESS")
    notification["WorkflowTaskEvent"]["InputInfo"] = info
    text = say("wecom", robots, event=parse_event(notification), options="&lang=en")
    assert f"MPS task succeeded: {name}" in text
    assert f"> Source: {source}" in text


@pytest.mark.parametrize("types", [",", " , ", "%2C"])
def test_types_that_name_none_are_a_mistake(types: str) -> None:
    with pytest.raises(ValueError, match="types="):
        Notify(f"wecom://{TOKEN}?types={types}")


def test_types_may_have_blanks_between() -> None:
    notify = Notify(f"wecom://{TOKEN}?types=Cover, ImageSprites")
    assert notify.wants(parse_event(sample("WorkflowTask", ImageSprites="SUCCESS")))
    assert not notify.wants(parse_event(sample("WorkflowTask", Transcode="SUCCESS")))


# What a webhook takes.


def crowded(count: int) -> dict[str, Any]:
    """Return an event of many transcodes with long names, whose last result failed."""
    notification = sample("WorkflowTask", Transcode="SUCCESS")
    task = notification["WorkflowTaskEvent"]
    (result,) = task["MediaProcessResultSet"]
    results = [json.loads(json.dumps(result)) for _ in range(count)]
    for number, one in enumerate(results):
        one["TranscodeTask"]["Output"]["Path"] = f"/{'long' * 150}/{number}.mp4"
    results[-1]["TranscodeTask"] |= {"Status": "FAIL", "ErrCode": 1, "Message": "x" * 100_000}
    task["MediaProcessResultSet"] = results
    return notification


@pytest.mark.parametrize("links", [None, public])
def test_webhook_is_told_of_100_results_at_most(links: Any, robots: ChatWebhookStub) -> None:
    say("webhook", robots, event=parse_event(crowded(1000)), links=links, options="&lang=en")
    received = robots.received[0]
    message = received.message
    assert len(received.body) < 500_000
    assert message["result_count"] == 1000
    assert len(message["results"]) == 100
    assert message["results"][0]["outcome"] == "failed"
    assert message["notes"][0] == "… and 900 more"
    assert "more" in message["text"]


def test_webhook_body_is_bounded_whatever_is_in_it(robots: ChatWebhookStub) -> None:
    notification = crowded(100)
    notification |= {"SessionContext": "\x01" * 100_000, "SessionId": '"' * 100_000}
    task = notification["WorkflowTaskEvent"]
    for one in task["MediaProcessResultSet"]:
        one["TranscodeTask"]["Message"] = "\x02" * 10_000
        one["TranscodeTask"]["Status"] = "\x03" * 10_000
        one["TranscodeTask"]["ErrCode"] = 1
    say("webhook", robots, event=parse_event(notification))
    received = robots.received[0]
    assert 400_000 < len(received.body) <= 500_000
    left_out = 100 - len(received.message["results"])
    assert left_out > 0
    assert f"{left_out} 项" in received.message["notes"][0]


def test_webhook_is_told_of_as_many_files_as_fit(robots: ChatWebhookStub) -> None:
    notification = sample("WorkflowTask", SampleSnapshot="SUCCESS")
    (result,) = notification["WorkflowTaskEvent"]["MediaProcessResultSet"]
    paths = [f"/snapshots/{number}.jpg" for number in range(1650)]
    result["SampleSnapshotTask"]["Output"]["ImagePathSet"] = paths
    say("webhook", robots, event=parse_event(notification))
    (shown,) = robots.received[0].message["results"]
    assert 100 < len(shown["files"]) < 200
    assert "1650" in shown["details"]
    assert len(robots.received[0].body) < 50_000


def test_webhook_is_told_texts_for_programs_as_they_came(robots: ChatWebhookStub) -> None:
    context = "\u200b\ud800order\n\u202e"
    say("webhook", robots, event=documented(SessionContext=context))
    assert robots.received[0].message["session_context"] == context


@pytest.mark.parametrize("channel", CHANNELS)
def test_half_a_character_in_a_key_costs_its_link_alone(
    channel: str, robots: ChatWebhookStub, caplog: pytest.LogCaptureFixture
) -> None:
    publish = Publish("cos://player-1250000000.ap-guangzhou/vod/?types=Transcode,Cover")
    notification = sample("WorkflowTask", Transcode="SUCCESS", Cover="SUCCESS")
    result = notification["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]
    result["Output"]["Path"] = "/films/half\ud800.mp4"
    text = say(channel, robots, event=parse_event(notification), links=publish.links)
    assert "half\ufffd.mp4" in text
    assert "half%" not in text
    assert "player-1250000000" in text
    assert "lacks links" in caplog.text


@pytest.mark.parametrize("channel", CHANNELS)
def test_link_of_unusual_length_is_left_out(channel: str, robots: ChatWebhookStub) -> None:
    text = say(channel, robots, links=lambda _: [f"https://cdn.example.com/{'x' * 9000}"])
    assert "cdn.example.com" not in text
