"""TDMQ for CMQ, product API 2020-02-17: PublishCmqMsg and SendCmqMsg.

The error codes are guesses from TDMQ's list (product page 1179/46090), which names none for these actions.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import ApiError
from ..service import Call, Service, action

MAX_MESSAGE_BYTES = 1024 * 1024
"""Most bytes of a message (product page 1179/55920)."""


class Tdmq(Service):
    """Topics and queues, the same in all regions.

    Attributes:
        sent: messages of ``(region, "topic/NAME")`` or ``(region, "queue/NAME")``, oldest first.
        answer: sent instead of accepting a message, if set.
    """

    name = "tdmq"
    version = "2020-02-17"

    def __init__(self, topics: Iterable[str] = (), queues: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._targets = {f"topic/{name}" for name in topics} | {f"queue/{name}" for name in queues}
        self.sent: dict[tuple[str, str], list[str]] = {}
        self.answer: Mapping[str, Any] | None = None

    @action("PublishCmqMsg")
    def publish(self, call: Call) -> Mapping[str, Any]:
        """Send a message to a topic."""
        return self._accept(call, f"topic/{call.text('TopicName')}")

    @action("SendCmqMsg")
    def send(self, call: Call) -> Mapping[str, Any]:
        """Send a message to a queue."""
        if "DelaySeconds" not in call.parameters:
            raise ApiError("MissingParameter", "The request has no DelaySeconds.")
        call.integer("DelaySeconds", 0)
        return self._accept(call, f"queue/{call.text('QueueName')}")

    def _accept(self, call: Call, name: str) -> Mapping[str, Any]:
        content = call.text("MsgContent")
        if len(content.encode("utf-8", "surrogatepass")) > MAX_MESSAGE_BYTES:
            raise ApiError(
                "InvalidParameterValue", f"MsgContent has more than {MAX_MESSAGE_BYTES} bytes."
            )
        if name not in self._targets:
            raise ApiError("ResourceNotFound", f"{name} does not exist in {call.region}.")
        if self.answer is not None:
            return self.answer
        with self._lock:
            self.sent.setdefault((call.region, name), []).append(content)
        return {"Result": True, "MsgId": uuid.uuid4().hex.upper()}
