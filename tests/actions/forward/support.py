"""A recorded function and helpers for tests of the forward action."""

import pytest

from scf_mps.errors import CallbacksFailed

ARCHIVE = "cos://archive-1250000000.ap-guangzhou/mps/"


CONTEXT = {
    "request_id": "r-1",
    "function_name": "events",
    "namespace": "default",
    "tencentcloud_region": "ap-guangzhou",
    "time_limit_in_ms": 60_000,
}


class Recorder:
    """A function that records its payloads."""

    def __init__(self, name="thumbnails", namespace="default"):
        self.name = name
        self.namespace = namespace
        self.pushed = []

    def push(self, *, text):
        self.pushed.append(text)
        return f"request-{len(self.pushed)}"

    def invoke(self, *, text):
        raise AssertionError("events must be invoked asynchronously")


def get_outcomes(summary, prefix="handlers.forwarding."):
    return {
        call["callback"].removeprefix(prefix): call["outcome"]
        for call in summary["callbacks"]
        if call["callback"].startswith(prefix)
    }


def forward_and_fail(handlers, event, **context):
    """Return the text of the failed forwarding of an event."""
    with pytest.raises(CallbacksFailed) as caught:
        handlers.main_handler(event, {**CONTEXT, **context})
    (failure,) = caught.value.failures
    return str(failure)
