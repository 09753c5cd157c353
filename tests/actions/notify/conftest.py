"""Fixtures of the notify action."""

import pytest

from scf_mps.local.chat_webhooks import ChatWebhookStub

from .support import HOOK, NOON, SECRET, TOKEN


@pytest.fixture
def stub():
    with ChatWebhookStub(
        secrets={TOKEN: SECRET, HOOK: SECRET}, words={TOKEN: "视频"}, clock=lambda: NOON
    ) as running:
        yield running
