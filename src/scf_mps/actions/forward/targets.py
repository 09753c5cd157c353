"""What an event is forwarded to: another function, a topic or queue of TDMQ for CMQ, a URL. Each has one callback, `send`.

An event is sent as it came. Where it is too large its copy in the archive is named instead:
``{"ArchivedEvent": "cos://bucket.region/key", "TaskId": "…"}``, which `main_handler` understands. Which events are sent
where is `forward`'s work.
"""

from __future__ import annotations

import logging

from ...context import Context
from ...cos import Cos
from ...dispatch.idempotency import IdempotencyKey
from ...errors import ConfigurationError
from ...events.base import Event
from ...logs import encode_json
from .loop_guard import LoopGuard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..archive import Archive
    from ..http_post import Address

MAX_INVOCATION_BYTES = 128 * 1024
"""Bytes of an event that a function is invoked with asynchronously (product page 583/11637)."""

MAX_MESSAGE_BYTES = 1024 * 1024
"""Bytes of a message of TDMQ for CMQ (product page 1179/55920)."""

_COMPACT: dict[str, Any] = {"separators": (",", ":")}


class FunctionTarget:
    """Another function of the account, invoked asynchronously (Invoke, product page 583/17243).

    SCF says only that it took the event, by a request id; what becomes of it is in the other function's log.
    """

    def __init__(
        self, name: str, region: str, namespace: str, qualifier: str, archive: Archive | None
    ) -> None:
        self._name = name
        self._region = region
        self._namespace = namespace
        self._qualifier = qualifier
        self._archive = archive
        self._circles = LoopGuard()

    def __str__(self) -> str:
        return f"scf://{self._name}.{self._region}/{self._namespace}?qualifier={self._qualifier}"

    def send(self, event: Event, context: Context, cos: Cos, log: logging.Logger) -> str:
        """Invoke it with the event; a callback for events.

        Returns:
            The request id of the invocation.

        Raises:
            ConfigurationError: if it is this very function, the event goes round in a circle, or it is too large and
                there is no archive.
            CosError: as `Archive.keep`.
            ForwardFailed: if SCF does not take it.
        """
        from ...tencent.services import Scf, call_service

        here = (context.function, context.region, context.namespace or "default")
        if here == (self._name, self._region, self._namespace):
            raise ConfigurationError(
                f"{self} is this function itself, which would forward the event to itself for ever: take it out of "
                f"MPS_FORWARD"
            )
        self._circles.check(event, context)
        text = serialize_event(event, MAX_INVOCATION_BYTES, str(self), self._archive, cos)
        answer = call_service(
            Scf(context=context, region=self._region),
            "Invoke",
            str(self),
            "scf:InvokeFunction",
            {
                "FunctionName": self._name,
                "Namespace": self._namespace,
                "Qualifier": self._qualifier,
                "InvocationType": "Event",
                "ClientContext": text,
            },
        )
        self._circles.sent(event, context)
        request_id = _word(answer, "Result", "FunctionRequestId") or _word(answer, "RequestId")
        log.info("forwarded", extra={"to": str(self), "forwarded_request_id": request_id})
        return request_id


class MessageTarget:
    """A topic or a queue of TDMQ for CMQ (PublishCmqMsg and SendCmqMsg, product pages 1179/55920 and 1179/55919).

    CMQ does not tell repetitions: its readers may get an event twice, as they may anyway.
    """

    def __init__(self, kind: str, name: str, region: str, archive: Archive | None) -> None:
        self._kind = kind
        self._name = name
        self._region = region
        self._archive = archive
        self._circles = LoopGuard()

    def __str__(self) -> str:
        return f"cmq-{self._kind}://{self._name}.{self._region}"

    def send(self, event: Event, context: Context, cos: Cos, log: logging.Logger) -> str:
        """Publish or queue the event; a callback for events.

        Returns:
            The id of the message.

        Raises:
            ConfigurationError: if the event goes round in a circle, or is too large and there is no archive.
            CosError: as `Archive.keep`.
            ForwardFailed: if TDMQ does not take it.
        """
        from ...tencent.services import ForwardFailed, Tdmq, call_service

        self._circles.check(event, context)
        content = serialize_event(event, MAX_MESSAGE_BYTES, str(self), self._archive, cos)
        parameters: dict[str, Any] = {"MsgContent": content}
        if self._kind == "topic":
            action = "PublishCmqMsg"
            parameters["TopicName"] = self._name
        else:
            action = "SendCmqMsg"
            parameters |= {"QueueName": self._name, "DelaySeconds": 0}
        api = Tdmq(context=context, region=self._region)
        answer = call_service(api, action, str(self), f"tdmq:{action}", parameters)
        if answer.get("Result") is False:
            raise ForwardFailed(f"not forwarded to {self}: TDMQ says that it was not sent")
        self._circles.sent(event, context)
        message_id = _word(answer, "MsgId")
        log.info("forwarded", extra={"to": str(self), "message_id": message_id})
        return message_id


class UrlTarget:
    """A URL, posted to with a signature (`posting.signed`). Secrets in an event are hidden from it."""

    def __init__(self, address: Address, secret: str) -> None:
        self._address = address
        self._secret = secret

    def __str__(self) -> str:
        return str(self._address)

    def send(
        self, event: Event, context: Context, key: IdempotencyKey, log: logging.Logger
    ) -> None:
        """Post the event; a callback for events. The header ``Idempotency-Key`` is the same in every repetition.

        Raises:
            PostFailed: if nobody answers, or with a status that is no success.
        """
        import time

        from ...common.redaction import redact
        from ..http_post import choose_timeout, post, signed

        content = encode_json(redact(event.raw), **_COMPACT)
        headers = signed(content, self._secret, time.time())
        headers["Idempotency-Key"] = key
        answer = post(self._address, content, headers, choose_timeout(context))
        log.info("forwarded", extra={"to": str(self), "http_status": answer.status})


def serialize_event(
    event: Event, largest: int, whom: str, archive: Archive | None, cos: Cos
) -> str:
    """What is sent of an event: its JSON as it came, or where its copy is if that has more bytes than are taken.

    Raises:
        ConfigurationError: if it is too large and there is no archive, or one that cannot be read at once.
        CosError: as `Archive.keep`.
    """
    content = encode_json(event.raw, **_COMPACT)
    size = len(content)
    if size <= largest:
        return content.decode()
    if archive is None:
        raise ConfigurationError(
            f"{event.key} has {size} bytes, and {whom} takes {largest}: set MPS_ARCHIVE=cos://bucket.region/prefix/, "
            f"so that it is kept there and sent by its address"
        )
    if archive.is_cold:
        raise ConfigurationError(
            f"{event.key} has {size} bytes, and {whom} takes {largest}: it would be sent by its address in the archive, "
            f"which cannot be read at once: take storage_class= out of MPS_ARCHIVE, a lifecycle of the bucket can do that"
        )
    kept = archive.keep(event, cos)
    return encode_json({"ArchivedEvent": str(kept), "TaskId": event.task_id}, **_COMPACT).decode()


def _word(answer: Any, *way: str) -> str:
    """A text in an answer, or ``""``."""
    for name in way:
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer if isinstance(answer, str) else ""
