"""Export of spans as OTLP/HTTP with JSON, with the standard library alone.

Loaded only with ``MPS_OTLP``. The export is synchronous, because SCF freezes the instance after the invocation: what a
thread sends later may never arrive. The format is that of opentelemetry-proto 1.x, "JSON Protobuf Encoding".
"""

from __future__ import annotations

import logging
import os
import re
import threading
from functools import cache
from json.encoder import encode_basestring_ascii
from time import monotonic

from ..common.locks import free_in_child
from ..common.spans import Observer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..common.spans import Span

log = logging.getLogger("scf_mps")

MAX_DETAIL_SPANS = 1000
"""Spans that are held, after which requests and waits are dropped."""

MAX_SPANS = 2000
"""Spans that are held, after which all are dropped."""

MAX_KEPT_SPANS = 500
"""Spans of a failed export that are sent again with the next invocation."""

MIN_EXPORT_SECONDS = 0.02
"""Seconds below which no export begins."""

PAUSE_SECONDS = 10.0
"""Seconds after a failure without an export, so that an unreachable receiver does not delay every event."""

MAX_TEXT_CHARACTERS = 1000
MAX_RESPONSE_BYTES = 64 * 1024

_DETAILS = frozenset({"cos", "api", "post", "wait"})
"""Kinds of spans without children."""

_KINDS = {"invocation": 2, "event": 5, "cos": 3, "api": 3, "post": 3}
"""SpanKind: server, consumer, client. The default is 1, internal."""

_NAMED_BY_KIND = frozenset({*_DETAILS, "event", "ledger"})

_NAMES = {
    ("invocation", "request_id"): "faas.invocation_id",
    ("invocation", "function"): "faas.name",
    ("invocation", "version"): "faas.version",
    ("invocation", "region"): "cloud.region",
    ("event", "task_id"): "messaging.message.id",
    ("cos", "status"): "http.response.status_code",
    ("post", "status"): "http.response.status_code",
}
"""Names of attributes in OpenTelemetry's conventions. Those of all others begin with ``mps.``."""

_FIXED_ATTRIBUTES = {
    "invocation": {"faas.trigger": "pubsub"},
    "event": {"messaging.system": "tencent_mps", "messaging.operation.type": "process"},
}

# urllib.parse takes longer to import than this module.
_URL = re.compile(
    r"(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?((?:/[!-\"$-~]*)?)"
)
_INVALID_URL = (
    "invalid URL: use https://host/v1/traces, without user, password and #, percent-encoded"
)


class Endpoint:
    """The URL of a receiver. ``str()`` shows only its host. ``http://`` is allowed, for receivers in a private network.

    Raises:
        ValueError: the URL is invalid. The message does not show it.
    """

    __slots__ = ("host", "port", "secure", "target")

    def __init__(self, url: str) -> None:
        parts = _URL.fullmatch(url)
        if parts is None:
            raise ValueError(_INVALID_URL)
        scheme, host, port, target = parts.groups()
        if target in ("", "/"):
            raise ValueError("missing path: use https://host/v1/traces")
        self.host = host.strip("[]")
        self.secure = scheme == "https"
        self.port = int(port or (443 if self.secure else 80))
        self.target = target

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __repr__(self) -> str:
        return f"<Endpoint {self}>"


def parse_resource(text: str) -> dict[str, str]:
    """Return the attributes in ``name=value,name=value``. Values are percent-decoded, as in OTEL_RESOURCE_ATTRIBUTES.

    Raises:
        ValueError: an attribute has no name or value. The message does not show it.
    """
    attributes = {}
    for number, pair in enumerate(filter(None, map(str.strip, text.split(","))), 1):
        name, _, value = pair.partition("=")
        name, value = name.strip(), value.strip()
        if not name or not value:
            raise ValueError(f"invalid attribute number {number}: use name=value,name=value")
        if "%" in value:
            from urllib.parse import unquote

            value = unquote(value)
        attributes[name] = value
    return attributes


def find_setting_mistakes(environment: Mapping[str, str]) -> list[str]:
    """Return the mistakes in ``MPS_OTLP`` and ``MPS_OTLP_RESOURCE``, without their values."""
    mistakes = []
    for name, parse in (("MPS_OTLP", Endpoint), ("MPS_OTLP_RESOURCE", parse_resource)):
        value = environment.get(name, "").strip()
        try:
            if value:
                parse(value)
        except ValueError as error:
            mistakes.append(f"{name}: {error}")
    return mistakes


class OtlpExporter(Observer):
    """Sends the spans of each invocation to the receiver in ``MPS_OTLP``.

    It never fails an event. A failed export is one WARNING, after which it pauses for `PAUSE_SECONDS`. Memory is
    bounded: spans over the limits are dropped and counted.

    Args:
        environment: with ``MPS_OTLP`` and ``MPS_OTLP_RESOURCE``.

    Raises:
        ValueError: a variable is invalid.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._endpoint = Endpoint(environment["MPS_OTLP"].strip())
        attributes = {
            **_describe_function(environment),
            **parse_resource(environment.get("MPS_OTLP_RESOURCE", "")),
        }
        self._resource = "".join(
            [_encode_attribute(_build_key(n), v) for n, v in attributes.items()]
        )
        self._spans: list[str] = []
        self._lock = free_in_child(threading.Lock())
        self._dropped = 0
        self._paused_until = 0.0
        self._is_cold = True

    def ended(self, span: Span) -> None:
        """Keep the JSON of a span until the end of the invocation, unless there are too many."""
        held = len(self._spans)
        if held >= MAX_SPANS or (held >= MAX_DETAIL_SPANS and span.kind in _DETAILS):
            with self._lock:
                self._dropped += 1
        elif span.kind == "invocation":
            cold, self._is_cold = self._is_cold, False
            self._spans.append(encode_span(span, _COLD if cold else _WARM))
        else:
            self._spans.append(encode_span(span))

    def flush(self, seconds: float) -> None:
        """Send the spans, in at most `seconds`. They are kept if there is no time, or during the pause."""
        began = monotonic()
        batch = self._spans[:]
        if not batch or began < self._paused_until:
            return
        if seconds < MIN_EXPORT_SECONDS:
            log.warning("spans not exported: no time remains. They are sent later")
            return
        del self._spans[: len(batch)]
        content = _BODY % (self._resource[:-1], ",".join(batch))
        try:
            status, body = self._post(content.encode(), seconds - (monotonic() - began))
        except (OSError, ValueError) as error:
            self._report_failure(batch, _describe_failure(error, seconds), True)
        else:
            if status != 200:
                advice = _ADVICE.get(status, "")
                may_succeed = status in (408, 429) or status >= 500
                self._report_failure(batch, f"HTTP {status}{advice}", may_succeed)
            elif rejected := _count_rejected(body):
                log.warning("%s of %s spans rejected by %s", rejected, len(batch), self._endpoint)
        if self._dropped:
            with self._lock:
                dropped, self._dropped = self._dropped, 0
            log.warning("%s spans dropped: too many until the export", dropped)

    def _report_failure(self, batch: list[str], problem: str, may_succeed: bool) -> None:
        """Log a failure, pause, and keep the spans if they can be sent later."""
        is_kept = may_succeed and len(batch) <= MAX_KEPT_SPANS
        if is_kept:
            self._spans[:0] = batch
        self._paused_until = monotonic() + PAUSE_SECONDS
        effect = "sent later" if is_kept else "lost"
        log.warning(
            "spans not exported to %s: %s. %s are %s", self._endpoint, problem, len(batch), effect
        )

    def _post(self, content: bytes, seconds: float) -> tuple[int, bytes]:
        """Post over a kept connection. Return the status and the body. Raises OSError, ValueError."""
        from ..common.certificates import get_ssl_context
        from ..common.deadline import Deadline
        from ..cos.connection_pool import SHARED_POOL
        from ..cos.http1 import Connection, build_head

        endpoint = self._endpoint
        address = (endpoint.host, endpoint.port, endpoint.secure)
        headers = {
            "Host": str(endpoint),
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            "User-Agent": "scf-mps",
        }
        head = build_head("POST", endpoint.target, headers)
        deadline = Deadline().within(seconds)
        while True:
            kept = SHARED_POOL.take(address)
            tls = get_ssl_context() if endpoint.secure else None
            connection = kept or Connection(*address[:2], tls, seconds, deadline)
            try:
                response = connection.send("POST", head, content, seconds, deadline)
                body = response.read(MAX_RESPONSE_BYTES)
            except BaseException as error:
                connection.close()
                if kept and isinstance(error, OSError) and not isinstance(error, TimeoutError):
                    continue  # the connection had ended while the instance was frozen
                raise
            SHARED_POOL.give(address, connection)
            return response.status, body


def _describe_function(environment: Mapping[str, str]) -> dict[str, object]:
    """Return the attributes of the resource: the function and this process."""
    from .. import __version__

    name = environment.get("SCF_FUNCTIONNAME", "")
    attributes = {
        "service.name": name or "scf-mps",
        "service.instance.id": os.urandom(8).hex(),
        "process.pid": os.getpid(),
        "cloud.provider": "tencent_cloud",
        "cloud.platform": "tencent_cloud_scf",
        "cloud.region": environment.get("TENCENTCLOUD_REGION", ""),
        "faas.name": name,
        "telemetry.sdk.name": "scf-mps",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.version": __version__,
    }
    return {name: value for name, value in attributes.items() if value}


_BODY = (
    '{"resourceSpans":[{"resource":{"attributes":[%s]},'
    '"scopeSpans":[{"scope":{"name":"scf_mps"},"spans":[%s]}]}]}'
)


def encode_span(span: Span, more: str = "") -> str:
    """Return a span as JSON.

    Args:
        span: one that has ended.
        more: encoded attributes, each with a comma after it.
    """
    kind = span.kind
    attributes = [_encode_constants(kind), more]
    for name, value in span.attributes.items():
        attributes.append(_encode_attribute(_get_key(kind, name), value))
    if span.attempt > 1:
        attributes.append(_encode_attribute(_build_key("mps.attempt"), span.attempt))
    name = encode_basestring_ascii(format_name(span))
    parent = f'"parentSpanId":"{span.parent_id}",' if span.parent_id else ""
    links = ""
    if span.links:
        ids = [f'{{"traceId":"{it.trace_id}","spanId":"{it.span_id}"}}' for it in span.links]
        links = f',"links":[{",".join(ids)}]'
    status = ""
    if span.error:
        message = encode_basestring_ascii(span.error[:MAX_TEXT_CHARACTERS])
        status = f',"status":{{"code":2,"message":{message}}}'
    return (
        f'{{"traceId":"{span.trace_id}","spanId":"{span.span_id}",{parent}'
        f'"name":{name},"kind":{find_kind_number(kind)},'
        f'"startTimeUnixNano":"{span.start}","endTimeUnixNano":"{span.end}",'
        f'"attributes":[{"".join(attributes)[:-1]}]{links}{status}}}'
    )


def format_name(span: Span) -> str:
    """Return the name of a span in OpenTelemetry."""
    return f"{span.kind} {span.name}" if span.kind in _NAMED_BY_KIND else span.name


def find_kind_number(kind: str) -> int:
    """Return the SpanKind of OTLP."""
    return _KINDS.get(kind, 1)


def rename_attribute(kind: str, name: str) -> str:
    """Return the name of an attribute in OpenTelemetry."""
    return _NAMES.get((kind, name)) or f"mps.{name}"


def list_constants(kind: str) -> dict[str, str]:
    """Return the attributes that all spans of a kind have."""
    return {"mps.kind": kind, **_FIXED_ATTRIBUTES.get(kind, {})}


@cache
def _encode_constants(kind: str) -> str:
    return "".join(
        [_encode_attribute(_build_key(n), value) for n, value in list_constants(kind).items()]
    )


@cache
def _get_key(kind: str, name: str) -> str:
    return _build_key(rename_attribute(kind, name))


@cache
def _build_key(name: str) -> str:
    """Return the begin of the JSON of an attribute."""
    return f'{{"key":{encode_basestring_ascii(name)},"value":{{'


def _encode_attribute(key: str, value: object) -> str:
    """Return the JSON of an attribute and a comma, or an empty text if it has no value."""
    if type(value) is str and 0 < len(value) <= MAX_TEXT_CHARACTERS:
        return f'{key}"stringValue":{encode_basestring_ascii(value)}}}}},'
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        encoded = '"boolValue":true' if value else '"boolValue":false'
    elif isinstance(value, int):
        encoded = f'"intValue":"{value}"'
    elif isinstance(value, float):
        encoded = f'"doubleValue":{value!r}'
    else:
        encoded = f'"stringValue":{encode_basestring_ascii(str(value)[:MAX_TEXT_CHARACTERS])}'
    return f"{key}{encoded}}}}},"


_COLD, _WARM = (_encode_attribute(_build_key("faas.coldstart"), cold) for cold in (True, False))


def _count_rejected(body: bytes) -> int:
    """Return the number of rejected spans in a response (ExportTraceServiceResponse)."""
    if b"rejectedSpans" not in body:
        return 0
    import json

    try:
        return int(json.loads(body)["partialSuccess"]["rejectedSpans"])
    except (ValueError, TypeError, LookupError, RecursionError):
        return 0


_CHECK_TOKEN = ". Check the token in MPS_OTLP_RESOURCE"
_CHECK_URL = ". Check that MPS_OTLP takes OTLP/HTTP with JSON, e.g. at /v1/traces"
_ADVICE = {
    401: _CHECK_TOKEN,
    403: _CHECK_TOKEN,
    **dict.fromkeys([400, 404, 405, 415], _CHECK_URL),
}


def _describe_failure(error: Exception, seconds: float) -> str:
    """Return the reason from parts that cannot contain the URL."""
    from ..common.certificates import explain_distrust

    distrust = explain_distrust(error)
    if distrust:
        return distrust
    if isinstance(error, TimeoutError):
        return f"no response within {seconds:.1f} s"
    reason = getattr(error, "strerror", None)
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__
