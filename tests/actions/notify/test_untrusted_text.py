"""Untrusted text in messages: no markup, no mentions, within the limits of each channel."""

from __future__ import annotations

import copy
import json
import re
from html.parser import HTMLParser
from typing import Any
from unicodedata import category

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scf_mps.actions.notify.delivery import SendContext
from scf_mps.actions.notify.dingtalk import DingTalk
from scf_mps.actions.notify.email_body import render_html, render_text
from scf_mps.actions.notify.feishu import Feishu
from scf_mps.actions.notify.locale import LOCALES
from scf_mps.actions.notify.message import CustomText, Message, make_link
from scf_mps.actions.notify.size_limit import choose_rows, take_within
from scf_mps.actions.notify.slack import Slack
from scf_mps.actions.notify.text import clean, escape_markdown, sanitize_url
from scf_mps.actions.notify.webhook import Webhook
from scf_mps.actions.notify.wecom import WeCom
from scf_mps.events.parser import parse_event
from scf_mps.local.chat_webhooks import ChatWebhookStub
from scf_mps.local.samples import sample

from .support import KEY, NOON, make_context

EVIL = (
    "*bold*_x_",
    "[a](http://evil)",
    "![a](http://evil)",
    '<at user_id="all">all</at>',
    "<!channel> <@U123> <!here>",
    "<@all>@all @13800000000",
    "</td></tr><script>alert(1)</script>",
    "line\nbreak\r\n# head\u2028> quote",
    "| cell | `code` ~~x~~ \\",
    "\u202emp4.exe\u2066\u200b",
    "视频" * 200,
    "\ud800half",
    '"quotes"' * 40,
    "&lt;at&gt;&#42;",
    "😀" * 100,
    "{title}{results}",
    '@\u200ball <\u2060at user_id="all">\u3164</at> <\ufe0f!channel>',
)
few = settings(max_examples=min(20, settings().max_examples))
untrusted = st.one_of(st.sampled_from(EVIL), st.text(max_size=300), st.text(max_size=3))


THREE = sample("WorkflowTask", Transcode="SUCCESS", ImageSprites="FAIL", AnimatedGraphics="SUCCESS")


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """Draw a message whose user-controlled values are untrusted."""
    notification = copy.deepcopy(THREE)
    event = notification["WorkflowTaskEvent"]
    event |= {
        "TaskId": draw(untrusted),
        "ErrCode": draw(st.sampled_from([0, 1])),
        "Message": draw(untrusted),
    }
    event["InputInfo"]["CosInputInfo"] = {
        **event["InputInfo"]["CosInputInfo"],
        "Object": draw(untrusted),
    }
    notification |= {"SessionContext": draw(untrusted), "SessionId": draw(untrusted)}
    good, bad, picture = event["MediaProcessResultSet"]
    good["TranscodeTask"]["Output"]["Path"] = f"/{draw(untrusted)}"
    picture["AnimatedGraphicTask"]["Output"]["Path"] = f"/{draw(untrusted)}.gif"
    bad["ImageSpriteTask"] |= {"Message": draw(untrusted), "ErrCodeExt": draw(untrusted)}
    event["MediaProcessResultSet"] = [good, bad, picture] * draw(st.sampled_from([1, 1, 3, 25]))
    length = draw(st.sampled_from([0, 0, 1500]))

    def links(result: Any) -> list[Any]:
        query = f"?q-sign={'0' * length}&x={draw(untrusted) if length == 0 else ''}"
        made = [make_link(path, f"https://cdn.example.com{path}{query}") for path in result.paths]
        return [link for link in made if link]

    own = draw(
        st.sampled_from(
            [
                None,
                "",
                "{title}\n",
                "{session_context} {task_id}\n{results}",
                "x\n" * 2500 + "{results}y{source}",
            ]
        )
    )
    locale = LOCALES[draw(st.sampled_from(["zh", "en"]))]
    read_event = parse_event(notification)
    message = Message(read_event, read_event.subtasks, locale, links)
    message.custom_text = None if own is None else CustomText(own)
    message.notes.append(locale.expires.format(span=locale.format_span(5400)))
    return message


@pytest.fixture(scope="module")
def stub():
    with ChatWebhookStub() as running:
        yield running


def send_to_stub(channel, message, stub):
    """Send a message to a stub, which refuses messages that are too long. Return what it received."""
    channel.send(message, SendContext(KEY, make_context(30), lambda: NOON))
    return stub.received[-1]


OURS = re.compile(r"!?\[([^\[\]<>*`|~@#\n]*)\]\(https://[^\s()\[\]<>|*`]*\)|\*\*([^*\n]*)\*\*")


def remove_our_markup(text):
    """Return a text without our links, pictures and bold words."""
    return OURS.sub(lambda match: match[1] or match[2] or "", text)


@few
@given(message=messages())
def test_wecom_message_has_only_our_markup(message, stub):
    options = {"endpoint": stub.url}
    content = send_to_stub(WeCom("k", options), message, stub).message["markdown_v2"]["content"]
    assert len(content.encode()) <= 4096
    for line in content.splitlines():
        rest = remove_our_markup(line)
        if rest.startswith("| "):
            assert rest.count("|") == 6
        rest = rest.removeprefix("## ").removeprefix("> ").replace("|", "").replace("---", "")
        assert not set(rest) & set("*`[]<>#~@\\|")


@few
@given(message=messages())
def test_dingtalk_message_has_only_our_markup(message, stub):
    received = send_to_stub(DingTalk("k", {"endpoint": stub.url, "word": "x"}), message, stub)
    assert len(received.body) <= 20_000
    assert received.message["at"] == {"atMobiles": [], "atUserIds": [], "isAtAll": False}
    markdown = received.message["markdown"]
    assert not set(markdown["title"]) & set("*`[]<>#|~@\\")
    for line in markdown["text"].splitlines():
        rest = remove_our_markup(line).removeprefix("### ").removeprefix(">")
        assert not set(rest) & set("*`[]<>#|~@\\")


@few
@given(message=messages())
def test_feishu_message_has_only_texts_and_links(message, stub):
    received = send_to_stub(Feishu("k", {"endpoint": stub.url, "secret": "s"}), message, stub)
    assert len(received.body) <= 20_000
    (post,) = received.message["content"]["post"].values()
    assert "<" not in post["title"]
    for part in (part for paragraph in post["content"] for part in paragraph):
        assert part.keys() == {"text": {"tag", "text"}, "a": {"tag", "text", "href"}}[part["tag"]]
        assert "<" not in part["text"]
        assert part.get("href", "https://").startswith("https://")


@few
@given(message=messages())
def test_slack_message_has_only_texts_links_and_pictures(message, stub):
    received = send_to_stub(Slack("T/B/X", {"endpoint": stub.url}), message, stub).message
    assert len(json.dumps(received["blocks"], ensure_ascii=False).encode()) <= 12_000
    assert len(received["blocks"]) <= 50
    assert not set(received["text"]) & set("<>*`~@")
    for block in received["blocks"]:
        if block["type"] == "header":
            assert block["text"]["type"] == "plain_text"
            assert len(block["text"]["text"]) <= 150
        elif block["type"] == "image":
            assert len(block["image_url"]) <= 3000
            assert block["image_url"].startswith("https://")
            assert block["alt_text"]
        else:
            (section,) = block["elements"]
            assert {part["type"] for part in section["elements"]} <= {"text", "link"}
            assert all(part["text"] for part in section["elements"])


@few
@given(message=messages())
def test_webhook_body_is_bounded_and_printable(message, stub):
    received = send_to_stub(Webhook(f"{stub.url}/hook", {}), message, stub)
    assert len(received.body) <= 500_000
    for text in (received.message["title"], *received.message["text"].splitlines()):
        assert text.isprintable()
    for result in received.message["results"]:
        assert all(link.startswith("https://cdn.example.com/") for link in result["links"])


class Page(HTMLParser):
    """The tags of a page with their attribute names, and its URLs."""

    def __init__(self, text):
        super().__init__()
        self.tags = set()
        self.open = []
        self.addresses = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add((tag, *(name for name, _ in attrs)))
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@few
@given(message=messages())
def test_email_is_complete_with_only_our_tags(message):
    html, text = render_html(message, NOON), render_text(message, NOON)
    assert len(html.encode()) <= 91_000
    assert len(text.encode()) <= 90_000
    page = Page(html)
    assert page.open == []
    assert page.tags <= {
        ("html", "lang"),
        ("body",),
        ("h2",),
        ("p",),
        ("b",),
        ("table", "style"),
        ("tr",),
        ("th", "style"),
        ("td", "style"),
        ("a", "href"),
        ("img", "src", "alt", "width"),
    }
    assert all(url.startswith("https://cdn.example.com/") for url in page.addresses)


def test_email_has_at_most_90000_bytes():
    notification = sample("WorkflowTask", Transcode="SUCCESS")
    notification["WorkflowTaskEvent"]["MediaProcessResultSet"] *= 2000
    event = parse_event(notification)
    message = Message(event, event.subtasks, LOCALES["en"], lambda _: [])
    assert 89_500 < len(render_text(message, NOON).encode()) <= 90_000
    assert (
        89_500 < len(render_html(message, NOON).encode()) <= 90_100
    )  # with its opening and closing tags


@few
@given(message=messages())
def test_title_and_facts_are_visible_single_lines(message):
    for text in (message.title, *(value for _, value in message.facts)):
        assert not re.search(
            "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text
        )
        assert len(text.encode()) <= 600


@given(st.text(max_size=100), st.integers(3, 60))
def test_clean_text_is_truncated_between_characters(text, most):
    made = clean(text, most)
    assert len(made.encode()) <= most
    whole = clean(text, 10_000)
    assert made == whole or (made.endswith("…") and whole.startswith(made[:-1]))


INVISIBLE = "".join(
    [
        *map(chr, (0x34F, 0x115F, 0x1160, 0x17B4, 0x180E, 0x2800, 0x3164, 0xFFA0, 0xAD, 0xFEFF)),
        *map(chr, range(0x180B, 0x1810)),
        *map(chr, range(0x200B, 0x2010)),
        *map(chr, range(0x202A, 0x202F)),
        *map(chr, range(0x2060, 0x2070)),
        *map(chr, range(0xFE00, 0xFE10)),
        *map(chr, range(0xFFF0, 0xFFFC)),
        *map(chr, range(0x1D173, 0x1D17B)),
        *map(chr, range(0xE0000, 0xE1000)),
    ]
)


@pytest.mark.parametrize("text", [*INVISIBLE[:80], INVISIBLE, "\ue000", "\U000f0000", "\uffff"])
def test_clean_text_has_no_invisible_characters(text):
    assert clean(f"{text}a{text}b{text}") == "ab"


@given(st.text())
def test_clean_text_is_printable(text):
    made = clean(text, 10_000)
    assert made.isprintable()
    assert all(category(char) not in ("Cc", "Cf", "Cn", "Co", "Cs") for char in made)
    assert clean(made, 10_000) == made


def test_clean_text_keeps_one_space_for_blanks():
    assert clean("\u3000a\t\x00\u2028\x1bb\xa0c\x85") == "a b c"
    assert clean("视频 é ا 😀") == "视频 é ا 😀"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a_b_c", "a_b_c"),
        ("_a_ __b__", "＿a＿ ＿＿b＿＿"),
        (
            "*a* [b](c) `d` <e> #f |g| ~h~ @i \\",
            "＊a＊ ［b］(c) ｀d｀ ＜e＞ ＃f ｜g｜ ～h～ ＠i ＼",
        ),
    ],
)
def test_markdown_is_replaced_by_lookalikes(text, shown):
    assert escape_markdown(text) == shown


@given(st.text(max_size=60))
@example("javascript:alert(1)")
@example("HTTPS://a/b c|(d)[e]<f>'\"\\*\ud800")
def test_sanitized_url_cannot_end_a_link(text):
    for url in (sanitize_url(text), sanitize_url(f"https://{text}")):
        assert re.fullmatch(r"(?i:https?://[A-Za-z0-9#$%&+,/:;=?@~_.\-]*)?", url)


def test_link_has_at_most_8192_bytes():
    longest = "https://cdn.example.com/".ljust(8192, "x")
    link = make_link("a.mp4", longest)
    assert link is not None
    assert (link.name, link.url) == ("a.mp4", longest)
    assert make_link("a.mp4", f"{longest}x") is None


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda two: (sum(two), two[0])),
        max_size=12,
    ),
    st.integers(-10, 400),
    st.integers(0, 20),
)
def test_chosen_rows_fit_the_room(rows, room, more):
    chosen = choose_rows(rows, room, more)
    taken = sum(rows[at][0] if whole else rows[at][1] for at, whole in enumerate(chosen))
    if len(chosen) == len(rows):
        assert taken <= max(room, 0)
    else:
        assert taken == 0 or taken + more <= room
        assert not any(chosen)


def test_rows_that_fit_exactly_are_kept():
    rows = [(3, 2), (3, 2)]
    assert choose_rows(rows, 6, 1) == [True, True]
    assert choose_rows(rows, 5, 1) == [True, False]
    assert choose_rows(rows, 4, 1) == [False, False]
    assert choose_rows(rows, 3, 1) == [False]
    assert take_within([1, 2], 3, int) == [1, 2]
    assert take_within([1, 2], 2, int) == [1]
