"""Spans in the SDK of OpenTelemetry, for applications that have it: ``pip install 'scf-mps[otel]'``."""

from __future__ import annotations

import logging
import threading

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from ..common.spans import Observer
from .otlp import find_kind_number, format_name, list_constants, rename_attribute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..common.spans import Span

log = logging.getLogger("scf_mps")

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_SCOPE = InstrumentationScope("scf_mps")


class OpenTelemetryBridge(Observer):
    """Passes spans to the processors of a `TracerProvider`, with the ids, parents and links that they have.

        trace.set_tracer_provider(provider)
        app = App(images.router, observers=[OpenTelemetryBridge()])

    Args:
        provider: by default the global one, read at each invocation.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._provider = provider
        self._flushing: threading.Thread | None = None
        self._is_cold = True
        self._has_warned = False

    def ended(self, span: Span) -> None:
        """Pass a span to the processors."""
        provider = self._find_provider()
        if provider is None:
            return
        attributes: dict[str, Any] = dict(list_constants(span.kind))
        for name, value in span.attributes.items():
            if value is not None and value != "":
                plain = value if isinstance(value, str | bool | int | float) else str(value)
                attributes[rename_attribute(span.kind, name)] = plain
        if span.kind == "invocation":
            attributes["faas.coldstart"], self._is_cold = self._is_cold, False
        if span.attempt > 1:
            attributes["mps.attempt"] = span.attempt
        ended = ReadableSpan(
            format_name(span),
            _create_context(span.trace_id, span.span_id),
            _create_context(span.trace_id, span.parent_id) if span.parent_id else None,
            provider.resource,
            attributes,
            links=[Link(_create_context(link.trace_id, link.span_id)) for link in span.links],
            kind=SpanKind(find_kind_number(span.kind) - 1),
            status=Status(StatusCode.ERROR, span.error) if span.error else Status(),
            start_time=span.start,
            end_time=span.end,
            instrumentation_scope=_SCOPE,
        )
        # The SDK has no public way to pass a span that it did not start.
        provider._active_span_processor.on_end(ended)

    def flush(self, seconds: float) -> None:
        """Let the processors export, in at most `seconds`. Their own limits are longer than an invocation.

        An export that takes longer goes on in its thread, frozen between invocations. No other begins meanwhile.
        """
        provider = self._find_provider()
        if provider is None or (self._flushing is not None and self._flushing.is_alive()):
            return
        milliseconds = int(seconds * 1000)
        self._flushing = threading.Thread(
            target=provider.force_flush, args=(milliseconds,), name="otel-flush", daemon=True
        )
        self._flushing.start()
        self._flushing.join(seconds)
        if self._flushing.is_alive():
            log.warning("spans not exported by OpenTelemetry within %.1f s", seconds)

    def _find_provider(self) -> TracerProvider | None:
        """Return the provider, or None before the global one is set."""
        provider = self._provider or trace.get_tracer_provider()
        if isinstance(provider, TracerProvider):
            return provider
        if not self._has_warned:
            self._has_warned = True
            log.warning("no spans: call opentelemetry.trace.set_tracer_provider(TracerProvider())")
        return None


def _create_context(trace_id: str, span_id: str) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), False, _SAMPLED)
