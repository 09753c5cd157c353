"""Targets of forwarded events: a function, a topic or queue of TDMQ for CMQ, or a URL.

An event is sent unchanged. If it is too large for the target, a reference to its copy in the archive is sent:
``{"ArchivedEvent": "cos://bucket.region/key", "TaskId": "…"}``, which `main_handler` accepts.
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
"""Bytes of the event of an asynchronous invocation (product page 583/11637)."""

MAX_MESSAGE_BYTES = 1024 * 1024
"""Bytes of a message of TDMQ for CMQ (product page 1179/55920)."""

_COMPACT: dict[str, Any] = {"separators": (",", ":")}


class FunctionTarget:
    """A function of the account, invoked asynchronously (Invoke, product page 583/17243).

    SCF confirms only that it accepted the event. The result is in the log of the other function.
    """

    def __init__(
        self, name: str, region: str, namespace: str, qualifier: str, archive: Archive | None
    ) -> None:
        self._name = name
        self._region = region
        self._namespace = namespace
        self._qualifier = qualifier
        self._archive = archive
        self._loop_guard = LoopGuard()

    def __str__(self) -> str:
        return f"scf://{self._name}.{self._region}/{self._namespace}?qualifier={self._qualifier}"

    def send(self, event: Event, context: Context, cos: Cos, log: logging.Logger) -> str:
        """Invoke the function with the event. A callback for events.

        Returns:
            The request id of the invocation.

        Raises:
            ConfigurationError: the target is this function, the event loops, or it is too large and there is no
                archive.
            CosError: as for `Archive.keep`.
            ForwardFailed: SCF refuses the event.
        """
        from ...tencent.services import Scf, call_service

        here = (context.function, context.region, context.namespace or "default")
        if here == (self._name, self._region, self._namespace):
            raise ConfigurationError(
                f"{self} is this function: it would forward to itself forever. Remove it from MPS_FORWARD"
            )
        self._loop_guard.check(event, context)
        payload = serialize_event(event, MAX_INVOCATION_BYTES, str(self), self._archive, cos)
        response = call_service(
            Scf(context=context, region=self._region),
            "Invoke",
            str(self),
            "scf:InvokeFunction",
            {
                "FunctionName": self._name,
                "Namespace": self._namespace,
                "Qualifier": self._qualifier,
                "InvocationType": "Event",
                "ClientContext": payload,
            },
        )
        self._loop_guard.record(event, context)
        request_id = _find_text(response, "Result", "FunctionRequestId") or _find_text(
            response, "RequestId"
        )
        log.info("forwarded", extra={"to": str(self), "forwarded_request_id": request_id})
        return request_id


class MessageTarget:
    """A topic or queue of TDMQ for CMQ (PublishCmqMsg and SendCmqMsg, product pages 1179/55920 and 1179/55919).

    CMQ does not detect duplicates, so consumers may receive an event twice.
    """

    def __init__(self, kind: str, name: str, region: str, archive: Archive | None) -> None:
        self._kind = kind
        self._name = name
        self._region = region
        self._archive = archive
        self._loop_guard = LoopGuard()

    def __str__(self) -> str:
        return f"cmq-{self._kind}://{self._name}.{self._region}"

    def send(self, event: Event, context: Context, cos: Cos, log: logging.Logger) -> str:
        """Publish or enqueue the event. A callback for events.

        Returns:
            The id of the message.

        Raises:
            ConfigurationError: the event loops, or it is too large and there is no archive.
            CosError: as for `Archive.keep`.
            ForwardFailed: TDMQ refuses the event.
        """
        from ...tencent.services import ForwardFailed, Tdmq, call_service

        self._loop_guard.check(event, context)
        content = serialize_event(event, MAX_MESSAGE_BYTES, str(self), self._archive, cos)
        parameters: dict[str, Any] = {"MsgContent": content}
        if self._kind == "topic":
            action = "PublishCmqMsg"
            parameters["TopicName"] = self._name
        else:
            action = "SendCmqMsg"
            parameters |= {"QueueName": self._name, "DelaySeconds": 0}
        api = Tdmq(context=context, region=self._region)
        response = call_service(api, action, str(self), f"tdmq:{action}", parameters)
        if response.get("Result") is False:
            raise ForwardFailed(f"not forwarded to {self}: TDMQ did not send the message")
        self._loop_guard.record(event, context)
        message_id = _find_text(response, "MsgId")
        log.info("forwarded", extra={"to": str(self), "message_id": message_id})
        return message_id


class UrlTarget:
    """A URL that receives signed POSTs (`http_post.sign_content`) without the secrets of events."""

    def __init__(self, address: Address, secret: str) -> None:
        self._address = address
        self._secret = secret

    def __str__(self) -> str:
        return str(self._address)

    def send(
        self, event: Event, context: Context, key: IdempotencyKey, log: logging.Logger
    ) -> None:
        """Post the event. A callback for events. Retries have the same header ``Idempotency-Key``.

        Raises:
            PostFailed: no response, or an unsuccessful status.
        """
        import time

        from ...common.redaction import redact
        from ..http_post import choose_timeout, post, sign_content

        content = encode_json(redact(event.raw), **_COMPACT)
        headers = sign_content(content, self._secret, time.time())
        headers["Idempotency-Key"] = key
        if context.tracer is not None:
            headers["traceparent"] = context.tracer.format_traceparent()
        response = post(self._address, content, headers, choose_timeout(context))
        log.info("forwarded", extra={"to": str(self), "http_status": response.status})


def serialize_event(
    event: Event, max_bytes: int, target: str, archive: Archive | None, cos: Cos
) -> str:
    """Return the JSON of an event, or of a reference to its archived copy if it exceeds `max_bytes`.

    Raises:
        ConfigurationError: the event is too large, and there is no archive or one with a cold storage class.
        CosError: as for `Archive.keep`.
    """
    content = encode_json(event.raw, **_COMPACT)
    size = len(content)
    if size <= max_bytes:
        return content.decode()
    problem = f"event too large: {event.key} has {size} bytes, the limit of {target} is {max_bytes}"
    if archive is None:
        raise ConfigurationError(
            f"{problem}. Set MPS_ARCHIVE=cos://bucket.region/prefix/ to send it by reference"
        )
    if archive.is_cold:
        raise ConfigurationError(
            f"{problem}. Objects in the archive cannot be read immediately: remove storage_class= from MPS_ARCHIVE "
            f"and use a lifecycle rule of the bucket instead"
        )
    copy = archive.keep(event, cos)
    return encode_json({"ArchivedEvent": str(copy), "TaskId": event.task_id}, **_COMPACT).decode()


def _find_text(response: Any, *path: str) -> str:
    """Return the text at a path of a response, or ``""``."""
    for name in path:
        response = response.get(name) if isinstance(response, dict) else None
    return response if isinstance(response, str) else ""
