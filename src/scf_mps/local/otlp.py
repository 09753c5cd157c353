"""Receiver of OTLP/HTTP with JSON, for tests and the local stack.

It listens on the loopback interface, keeps the spans, and refuses what a strict receiver refuses:

    with Receiver() as receiver:
        os.environ["MPS_OTLP"] = receiver.url
        app.main_handler(event, context)
        print([span.name for span in receiver.spans])

``receiver.status = 503`` makes it refuse, ``receiver.seconds = 5`` makes it slow. After the block it refuses connections, and
another ``with receiver:`` listens on the same port.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from .background import BackgroundServer
from .http_server import HOST, get_port, start_server, stop_server
from .observers import Observers

PATH = "/v1/traces"
MAX_BODY_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """A span as it arrived.

    Attributes:
        kind: of scf-mps (the attribute ``mps.kind``), ``""`` for spans of others.
        parent_id: ``""`` without a parent.
        start: nanoseconds since the epoch.
        end: likewise.
        error: the status message of a failed span, else ``""``.
        attributes: by name.
        links: pairs of trace id and span id.
        resource: attributes of the process.
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: str
    start: int
    end: int
    error: str
    attributes: Mapping[str, Any]
    links: tuple[tuple[str, str], ...]
    resource: Mapping[str, Any]


class Receiver(BackgroundServer):
    """A receiver in a background thread.

    Args:
        port: 0 for a free one.

    Attributes:
        status: of all responses. Spans are kept only with 200.
        seconds: before each response.
    """

    _thread_name = "otlp"

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.status = 200
        self.seconds = 0.0
        self._lock = threading.Lock()
        self._spans: list[ReceivedSpan] = []
        self._requests = 0
        self._observers = Observers[list[ReceivedSpan]]()
        self._runner: web.ServerRunner | None = None
        self._stopping = asyncio.Event()

    @property
    def url(self) -> str:
        """The URL for ``MPS_OTLP``."""
        return f"http://{HOST}:{self.port}{PATH}"

    @property
    def spans(self) -> list[ReceivedSpan]:
        """The accepted spans, oldest first."""
        with self._lock:
            return list(self._spans)

    @property
    def request_count(self) -> int:
        """The number of requests, including refused ones."""
        with self._lock:
            return self._requests

    def observe(self, observer: Callable[[list[ReceivedSpan]], object]) -> None:
        """Call a function with the spans of every accepted request, before the response."""
        self._observers.add(observer)

    def clear(self) -> None:
        """Forget the spans."""
        with self._lock:
            self._spans.clear()

    async def start(self) -> None:
        """Listen in the running event loop. Raises OSError if the port is taken."""
        self._stopping = asyncio.Event()
        self._runner = await start_server(self._handle, self.port)
        self.port = get_port(self._runner)

    async def stop(self) -> None:
        """Stop listening. Requests that wait are answered."""
        assert self._runner is not None
        self._stopping.set()
        await stop_server(self._runner)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        with self._lock:
            self._requests += 1
        status, text = self._process(request, await request.read())
        if self.seconds:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self.seconds)
        return web.Response(status=status, text=text, content_type="application/json")

    def _process(self, request: web.BaseRequest, body: bytes) -> tuple[int, str]:
        """Keep the spans of a request. Return status and body of the response."""
        if request.method != "POST" or request.path != PATH:
            return 404, '{"message":"not found"}'
        if request.content_type != "application/json":
            return 415, '{"message":"unsupported content type"}'
        try:
            spans = list(parse_spans(json.loads(body)))
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            return 400, json.dumps({"message": f"{type(error).__name__}: {error}"})
        if self.status != 200:
            return self.status, '{"message":"refused"}'
        with self._lock:
            self._spans += spans
        self._observers.notify(spans)
        return 200, '{"partialSuccess":{}}'


def parse_spans(document: Any) -> Iterator[ReceivedSpan]:
    """Yield the spans of a request.

    Raises:
        ValueError, TypeError, LookupError, AttributeError: the document is not an ExportTraceServiceRequest.
    """
    for resource_spans in document["resourceSpans"]:
        resource = _parse_attributes(resource_spans["resource"]["attributes"])
        for scope_spans in resource_spans["scopeSpans"]:
            for span in scope_spans["spans"]:
                yield _parse_span(span, resource)


def _parse_span(span: Any, resource: Mapping[str, Any]) -> ReceivedSpan:
    attributes = _parse_attributes(span["attributes"])
    start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
    if not 0 < start <= end:
        raise ValueError(f"invalid times {start} and {end}")
    if not 1 <= span["kind"] <= 5:
        raise ValueError(f"invalid kind {span['kind']}")
    status = span.get("status", {})
    return ReceivedSpan(
        _check_id(span["traceId"], 32),
        _check_id(span["spanId"], 16),
        _check_id(span["parentSpanId"], 16) if "parentSpanId" in span else "",
        span["name"],
        attributes.get("mps.kind", ""),
        start,
        end,
        (status.get("message") or "error") if status.get("code") == 2 else "",
        attributes,
        tuple(
            (_check_id(link["traceId"], 32), _check_id(link["spanId"], 16))
            for link in span.get("links", ())
        ),
        resource,
    )


def _check_id(text: str, length: int) -> str:
    if not re.fullmatch(f"[0-9a-f]{{{length}}}", text) or not int(text, 16):
        raise ValueError(f"invalid id {text!r}")
    return text


_TYPES: dict[str, Callable[[Any], Any]] = {
    "stringValue": str,
    "boolValue": bool,
    "intValue": int,
    "doubleValue": float,
}


def _parse_attributes(attributes: Any) -> dict[str, Any]:
    parsed = {}
    for attribute in attributes:
        ((type_, value),) = attribute["value"].items()
        if attribute["key"] in parsed:
            raise ValueError(f"repeated attribute {attribute['key']!r}")
        parsed[attribute["key"]] = _TYPES[type_](value)
    return parsed
