"""What the tests of notify share: an event to tell of, and telling it."""

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


def documented(**more: Any) -> Event:
    """The event of MPS's documentation, whose masked digits are zeros: three successes and a failure."""
    return parse_event({**json.loads(json.dumps(sample()).replace("****", "0000")), **more})


def public(result: Any) -> list[str]:
    """Links as if the results were published."""
    return [f"https://cdn.example.com/{file.key}" for file in result.files]


def context_of(seconds: float) -> Context:
    """An invocation that has this many seconds, less than a thousand."""
    return Context({"time_limit_in_ms": seconds})


def tell(
    to: str,
    event: Event | None = None,
    *,
    context: Context | None = None,
    cos: Cos | None = None,
    **more: Any,
) -> None:
    """Tell an address of an event, with public links by default."""
    more.setdefault("links", public)
    notify = Notify(to, **more)
    cos = cos or Cos(Credentials("AKIDlocal", "desk"))
    notify.tell(event or documented(), cos, context or context_of(30), KEY, LOG)
