"""Events, links and sending for tests of the notify action."""

from __future__ import annotations

import json
import logging
from typing import Any

from scf_mps import Context, IdempotencyKey
from scf_mps.actions import Notify
from scf_mps.cos import Cos, Credentials
from scf_mps.events.base import Event
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample

NOON = 1_753_099_200.0  # 2025-07-21T12:00:00Z


KEY = IdempotencyKey("0123456789abcdef0123456789abcdef")


LOG = logging.getLogger("tests.notify")


def make_documented(**more):
    """Return the event of MPS's documentation: three successes and a failure. Masked digits are zeros."""
    return parse_event({**json.loads(json.dumps(sample()).replace("****", "0000")), **more})


def make_public_links(result):
    """Return links as if the results were published."""
    return [f"https://cdn.example.com/{file.key}" for file in result.files]


def make_context(seconds):
    """Return the context of an invocation with this many seconds, less than a thousand."""
    return Context({"time_limit_in_ms": seconds})


def send(
    to: str,
    event: Event | None = None,
    *,
    context: Context | None = None,
    cos: Cos | None = None,
    **more: Any,
) -> None:
    """Send an event to an address, with public links by default."""
    more.setdefault("links", make_public_links)
    notify = Notify(to, **more)
    cos = cos or Cos(Credentials("AKIDlocal", "key"))
    notify.send(event or make_documented(), cos, context or make_context(30), KEY, LOG)


TOKEN = "0ff1ce-t0ken"


SECRET = "SEC-5ecret"


HOOK = "/hooks/ops"


def make_address(channel, stub):
    """Return the address of a webhook with all checks of its channel."""
    return {
        "wecom": f"wecom://{TOKEN}?endpoint={stub.url}",
        "dingtalk": f"dingtalk://{TOKEN}?secret={SECRET}&word=视频&endpoint={stub.url}",
        "feishu": f"feishu://{TOKEN}?secret={SECRET}&word=视频&endpoint={stub.url}",
        "lark": f"lark://{TOKEN}?secret={SECRET}&word=视频&endpoint={stub.url}",
        "slack": f"slack://T0/B0/{TOKEN}?endpoint={stub.url}",
        "webhook": f"{stub.url}{HOOK}?secret={SECRET}",
    }[channel]


CHANNELS = ("wecom", "dingtalk", "feishu", "lark", "slack", "webhook")


def deliver(channel, stub, event=None, *, options="", **more):
    """Send an event to a stub. Return the received message as one text."""
    more.setdefault("clock", lambda: NOON)
    send(f"{make_address(channel, stub)}{options}", event, **more)
    return json.dumps(stub.received[-1].message, ensure_ascii=False)
