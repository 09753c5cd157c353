"""Fixtures of the notify action."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scf_mps.local.chat_webhooks import ChatWebhookStub

from .support import HOOK, NOON, SECRET, TOKEN


@pytest.fixture
def stub() -> Iterator[ChatWebhookStub]:
    with ChatWebhookStub(
        secrets={TOKEN: SECRET, HOOK: SECRET}, words={TOKEN: "视频"}, clock=lambda: NOON
    ) as running:
        yield running
