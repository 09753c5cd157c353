"""The user's own text of a message."""

from __future__ import annotations

import json
import re

import pytest

from scf_mps.actions import Notify
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample

from .support import CHANNELS, TOKEN, deliver, make_documented


@pytest.fixture
def write_template(tmp_path, monkeypatch):
    """Return a function that writes a custom text into the project and returns its name."""
    monkeypatch.syspath_prepend(tmp_path)

    def put(text: str | bytes) -> str:
        content = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "notice.txt").write_bytes(content)
        return "notice.txt"

    return put


CUSTOM = "**{title}**\n客户 {session_context}（{outcome}）\n{results}\n有问题请联系 {event_type}\n"


@pytest.mark.parametrize("channel", CHANNELS)
def test_custom_text_surrounds_results(channel, stub, write_template):
    path = write_template(CUSTOM)
    text = deliver(
        channel,
        stub,
        options=f"&template={path}",
        event=make_documented(SessionContext="*order*"),
        links=None,
    )
    order = "＊order＊" if channel in ("wecom", "dingtalk") else "*order*"
    shown = [f"客户 {order}（partly）", "Transcode 10", "6 小时", "有问题请联系 WorkflowTask"]
    places = [text.find(part) for part in shown]
    assert -1 not in places
    if channel != "webhook":  # its JSON has the results elsewhere, too
        assert sorted(places) == places
    assert "任务：" not in text


def test_custom_text_may_begin_with_bom(stub, write_template):
    deliver("wecom", stub, options=f"&template={write_template('# {outcome}'.encode('utf-8-sig'))}")
    assert stub.received[0].message["markdown_v2"]["content"] == "# partly"


@pytest.mark.parametrize("channel", CHANNELS)
def test_custom_text_may_be_results_alone(channel, stub, write_template):
    text = deliver(channel, stub, options=f"&template={write_template('{results}')}")
    assert "Transcode 10" in text
    assert "任务：" not in text


@pytest.mark.parametrize("channel", CHANNELS)
def test_custom_text_may_omit_results(channel, stub, write_template):
    path = write_template("{task_id}: {error}{source}\n")
    deliver(channel, stub, options=f"&template={path}")
    message = stub.received[0].message
    message.pop("results", None)
    text = json.dumps(message, ensure_ascii=False)
    assert "2450000654-WorkflowTask-f46dac7fe2436c470000" in text
    assert "Transcode" not in text


def test_empty_custom_text_falls_back_to_title(stub, write_template):
    event = parse_event(sample("WorkflowTask", Transcode="SUCCESS"))
    deliver("wecom", stub, event=event, options=f"&template={write_template(' {error} ')}")
    content = stub.received[0].message["markdown_v2"]["content"]
    assert content == "## MPS 任务成功：demo.mp4\n"


@pytest.mark.parametrize("channel", CHANNELS)
def test_long_custom_text_is_truncated_by_lines(channel, stub, write_template):
    path = write_template("行 {task_id}\n" * 300 + "{results}\n" + "尾\n" * 1000)
    text = deliver(channel, stub, options=f"&template={path}")
    assert "…" in text
    assert "AnimatedGraphics 20000" in text


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("{task}", "{task_id}?"),
        ("{results}{results}", "{results}"),
        ("x" * 20_000, "16384"),
        (b"\xff", "UTF-8"),
    ],
)
def test_custom_text_rejects_invalid_file(content, word, write_template):
    path = write_template(content)
    with pytest.raises(ValueError, match=re.escape(word)) as caught:
        Notify(f"wecom://{TOKEN}?template={path}")
    assert "notice.txt" in str(caught.value)
