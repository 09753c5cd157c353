"""TDMQ for CMQ, product API 2020-02-17, as far as messages are sent: PublishCmqMsg to a topic, SendCmqMsg to a queue.

Which topics and queues there are is said when it is made; a test reads what they were sent. Which codes TDMQ refuses by
is a guess from its list of error codes (product page 1179/46090), which names none for these actions.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import ApiError
from ..service import Call, Service, action

LARGEST_MESSAGE = 1024 * 1024
"""Bytes of a message (product page 1179/55920)."""


class Tdmq(Service):
    """Topics and queues, in all regions alike.

    Attributes: `sent`, by region and name: the messages of ``(region, "topic/NAME")`` or ``(region, "queue/NAME")``,
    oldest first; `answer`, given in place of a message's id once it is set, with nothing sent.
    """

    name = "tdmq"
    version = "2020-02-17"

    def __init__(self, topics: Iterable[str] = (), queues: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._known = {f"topic/{name}" for name in topics} | {f"queue/{name}" for name in queues}
        self.sent: dict[tuple[str, str], list[str]] = {}
        self.answer: Mapping[str, Any] | None = None

    @action("PublishCmqMsg")
    def publish(self, call: Call) -> Mapping[str, Any]:
        """Send a message to a topic."""
        return self._take(call, f"topic/{call.text('TopicName')}")

    @action("SendCmqMsg")
    def send(self, call: Call) -> Mapping[str, Any]:
        """Send a message to a queue."""
        if "DelaySeconds" not in call.parameters:
            raise ApiError("MissingParameter", "The request has no DelaySeconds.")
        call.integer("DelaySeconds", 0)
        return self._take(call, f"queue/{call.text('QueueName')}")

    def _take(self, call: Call, name: str) -> Mapping[str, Any]:
        content = call.text("MsgContent")
        if len(content.encode("utf-8", "surrogatepass")) > LARGEST_MESSAGE:
            raise ApiError(
                "InvalidParameterValue", f"MsgContent has more than {LARGEST_MESSAGE} bytes."
            )
        if name not in self._known:
            raise ApiError("ResourceNotFound", f"There is no {name} in {call.region}.")
        if self.answer is not None:
            return self.answer
        with self._lock:
            self.sent.setdefault((call.region, name), []).append(content)
        return {"Result": True, "MsgId": uuid.uuid4().hex.upper()}
