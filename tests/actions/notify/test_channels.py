"""Messages of each chat channel and webhook."""

import re
from pathlib import Path

import pytest

from scf_mps.actions import Notify, NotifyError
from tests.support.sample_data import ROOT

from .support import CHANNELS, HOOK, KEY, NOON, SECRET, TOKEN, deliver, make_documented, send


def test_wecom_message_is_a_table(stub):
    deliver("wecom", stub)
    cdn = "https://cdn.example.com/dasda"
    assert stub.received[0].message == {
        "msgtype": "markdown_v2",
        "markdown_v2": {
            "content": f"""\
## MPS 任务部分失败（1/4）：dianping2.mp4
> 任务：2450000654-WorkflowTask-f46dac7fe2436c470000＊＊d71946986t0
> 事件：WorkflowTask
> 源文件：cos://macgzptest-1250000654.ap-guangzhou/dianping2.mp4

| 结果 | 类型 | 文件 | 详情 | 链接 |
| :--- | :--- | :--- | :--- | :--- |
| ❌ | AnimatedGraphics 20000 |  | 30010 (TencentVodPlatErr Or Unkown) — MPS 未说明重新提交是否有效 |  |
| ✅ | Transcode 10 | dianping2_transcode_10.mp4 | 180×320 · 11.3 s · 402 KB | [打开]({cdn}/dianping2_transcode_10.mp4) |
| ✅ | SnapshotByTimeOffset 10 | dianping2_snapshotByOffset_10_0.jpg |  | [打开]({cdn}/dianping2_snapshotByOffset_10_0.jpg) |
| ✅ | ImageSprites 10 | dianping2_imageSprite_10_0.jpg | 142×80 · 共 2 个文件 | [打开1]({cdn}/imageSprite/dianping2_imageSprite_10_0.jpg) [打开2]({cdn}/imageSprite/dianping2_imageSprite_10.vtt) |

![dianping2_snapshotByOffset_10_0.jpg]({cdn}/dianping2_snapshotByOffset_10_0.jpg)

![dianping2_imageSprite_10_0.jpg]({cdn}/imageSprite/dianping2_imageSprite_10_0.jpg)
"""
        },
    }


def test_dingtalk_message_in_english(stub):
    deliver("dingtalk", stub, options="&lang=en", event=make_documented(SessionContext="order-42"))
    cdn = "https://cdn.example.com/dasda"
    assert stub.received[0].message == {
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

- ❌ **AnimatedGraphics 20000** · 30010 (TencentVodPlatErr Or Unkown) — MPS does not document whether a new submission can succeed
- ✅ **Transcode 10** · dianping2_transcode_10.mp4 · 180×320 · 11.3 s · 402 KB · [dianping2_transcode_10.mp4]({cdn}/dianping2_transcode_10.mp4)
- ✅ **SnapshotByTimeOffset 10** · dianping2_snapshotByOffset_10_0.jpg · [dianping2_snapshotByOffset_10_0.jpg]({cdn}/dianping2_snapshotByOffset_10_0.jpg)
- ✅ **ImageSprites 10** · dianping2_imageSprite_10_0.jpg · 142×80 · 2 files · [dianping2_imageSprite_10_0.jpg]({cdn}/imageSprite/dianping2_imageSprite_10_0.jpg) · [dianping2_imageSprite_10.vtt]({cdn}/imageSprite/dianping2_imageSprite_10.vtt)

![dianping2_snapshotByOffset_10_0.jpg]({cdn}/dianping2_snapshotByOffset_10_0.jpg)

![dianping2_imageSprite_10_0.jpg]({cdn}/imageSprite/dianping2_imageSprite_10_0.jpg)
""",
        },
        "at": {"atMobiles": [], "atUserIds": [], "isAtAll": False},
    }


def test_feishu_message_has_text_without_markup(stub):
    deliver("feishu", stub)
    post = stub.received[0].message["content"]["post"]["zh_cn"]
    assert post["title"] == "视频 MPS 任务部分失败（1/4）：dianping2.mp4"
    shown = ["".join(part["text"] for part in paragraph) for paragraph in post["content"]]
    assert shown == [
        "任务：2450000654-WorkflowTask-f46dac7fe2436c470000**d71946986t0",
        "事件：WorkflowTask",
        "源文件：cos://macgzptest-1250000654.ap-guangzhou/dianping2.mp4",
        "❌ AnimatedGraphics 20000  30010 (TencentVodPlatErr Or Unkown) — MPS 未说明重新提交是否有效",
        "✅ Transcode 10  dianping2_transcode_10.mp4  180×320 · 11.3 s · 402 KB  dianping2_transcode_10.mp4",
        "✅ SnapshotByTimeOffset 10  dianping2_snapshotByOffset_10_0.jpg  dianping2_snapshotByOffset_10_0.jpg",
        "✅ ImageSprites 10  dianping2_imageSprite_10_0.jpg  142×80 · 共 2 个文件  dianping2_imageSprite_10_0.jpg  "
        "dianping2_imageSprite_10.vtt",
    ]
    hrefs = [part.get("href") for paragraph in post["content"] for part in paragraph]
    assert "https://cdn.example.com/dasda/dianping2_transcode_10.mp4" in hrefs


def test_slack_message_has_blocks_with_pictures(stub):
    deliver("slack", stub, options="&lang=en")
    message = stub.received[0].message
    assert message["text"] == "MPS task partly failed (1 of 4): dianping2.mp4"
    kinds = [block["type"] for block in message["blocks"]]
    assert kinds == ["header", "rich_text", "rich_text", "image", "image"]
    (section,) = message["blocks"][2]["elements"]
    assert "".join(part["text"] for part in section["elements"]).splitlines()[:2] == [
        "❌ AnimatedGraphics 20000  30010 (TencentVodPlatErr Or Unkown) — MPS does not document whether a new "
        "submission can succeed",
        "✅ Transcode 10  dianping2_transcode_10.mp4  180×320 · 11.3 s · 402 KB  dianping2_transcode_10.mp4",
    ]
    assert message["blocks"][3]["image_url"].endswith("snapshotByOffset_10_0.jpg")


def test_webhook_message_has_fields_for_programs(stub):
    deliver("webhook", stub, event=make_documented(SessionContext='{"order": 42}', SessionId="s-1"))
    received = stub.received[0]
    assert received.headers["idempotency-key"] == KEY
    message = received.message
    assert (message["outcome"], message["event_type"]) == ("partly", "WorkflowTask")
    assert message["status"] == "FINISH"
    assert (message["session_context"], message["session_id"]) == ('{"order": 42}', "s-1")
    assert message["sources"] == ["cos://macgzptest-1250000654.ap-guangzhou/dianping2.mp4"]
    assert message["results"][0] == {
        "type": "AnimatedGraphics",
        "definition": 20000,
        "place": "MediaProcessResultSet[1]",
        "status": "FAIL",
        "outcome": "failed",
        "details": "30010 (TencentVodPlatErr Or Unkown) — MPS 未说明重新提交是否有效",
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
    assert message["results"][2]["picture"].endswith("snapshotByOffset_10_0.jpg")
    assert message["error"] is None
    assert message["text"].startswith("MPS 任务部分失败（1/4）：dianping2.mp4\n任务：245")


def test_documented_receiver_accepts_only_valid_signature(stub):
    guide = (Path(ROOT) / "docs" / "actions.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(import hmac\n.*?)```", guide, re.DOTALL)
    receiver = {}
    exec(code, receiver)
    deliver("webhook", stub)
    headers, body = stub.received[0].headers, stub.received[0].body
    moment, signature = headers["x-scf-mps-timestamp"], headers["x-scf-mps-signature"]
    assert receiver["is_genuine"](SECRET, moment, signature, body, NOON + 10)
    assert not receiver["is_genuine"](SECRET, moment, signature, body + b" ", NOON + 10)
    assert not receiver["is_genuine"]("another", moment, signature, body, NOON + 10)
    assert not receiver["is_genuine"](SECRET, moment, signature, body, NOON + 4000)


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_channel_accepts_message_with_its_checks(channel, stub):
    assert "MPS 任务部分失败" in deliver(channel, stub)
    assert stub.received[0].channel == {"lark": "feishu"}.get(channel, channel)


@pytest.mark.parametrize(
    ("query", "code", "option"),
    [
        (f"dingtalk://{TOKEN}?word=视频", "310000", "secret="),
        (f"dingtalk://{TOKEN}?word=视频&secret=SECother", "310000", "secret="),
        (f"dingtalk://{TOKEN}?secret={SECRET}", "310000", "word="),
        (f"feishu://{TOKEN}?secret=other&word=视频", "19021", "secret="),
        (f"feishu://{TOKEN}?word=视频", "19021", "secret="),
        (f"feishu://{TOKEN}?secret={SECRET}", "19024", "word="),
    ],
)
def test_missing_signature_or_keyword_is_explained(query, code, option, stub):
    with pytest.raises(NotifyError, match=option) as caught:
        send(f"{query}&endpoint={stub.url}", clock=lambda: NOON)
    assert (caught.value.code, caught.value.retryable) == (code, False)
    assert stub.request_count == 1


def test_webhook_with_wrong_secret_is_refused(stub):
    with pytest.raises(NotifyError, match="secret=") as caught:
        send(f"{stub.url}{HOOK}?secret=other")
    assert caught.value.code == "401"


def test_webhook_url_may_have_query(stub):
    send(f"{stub.url}/hooks/x?query=a=b%2520c%26d=e&on=failure")
    assert stub.received[0].channel == "webhook"
    assert repr(Notify(f"https://[::1]:8443/{TOKEN}?secret={SECRET}")) == "<Notify webhook>"


def test_channels_need_no_endpoint():
    for channel in ("wecom", "feishu", "lark", "dingtalk"):
        assert Notify(f"{channel}://k").channel == channel
    assert Notify("slack://T/B/X").channel == "slack"


def test_keyword_and_secret_are_optional(stub):
    send(f"dingtalk://free?endpoint={stub.url}")
    send(f"feishu://free?endpoint={stub.url}")
    send(f"{stub.url}/free")
    assert [received.address for received in stub.received] == ["free", "free", "/free"]
    assert "x-scf-mps-signature" not in stub.received[-1].headers


def test_webhook_message_keeps_texts_unchanged(stub):
    context = "\u200b\ud800order\n\u202e"
    deliver("webhook", stub, event=make_documented(SessionContext=context))
    assert stub.received[0].message["session_context"] == context
