"""Spans in the SDK of OpenTelemetry, with real processors and exporters."""

import threading
import time

import pytest

pytest.importorskip("opentelemetry.sdk", reason="the bridge needs it")

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from scf_mps import App, CallbacksFailed, Context, ImageSprites, Transcode
from scf_mps.common.spans import Tracer, derive_trace_id
from scf_mps.local.samples import sample
from scf_mps.telemetry.otel import OpenTelemetryBridge

CONTEXT = {"request_id": "r-1", "function_name": "media", "time_limit_in_ms": 60000}


class HangingExporter(SpanExporter):
    """An exporter that waits until `release` is set."""

    def __init__(self):
        self.release = threading.Event()
        self.exports = 0

    def export(self, spans):
        self.exports += 1
        self.release.wait(30)
        return SpanExportResult.SUCCESS

    def shutdown(self):
        self.release.set()


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter):
    provider = TracerProvider(resource=Resource({"service.name": "media"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    yield provider
    provider.shutdown()


def create_app(*observers):
    app = App(observers=observers)
    app.on(Transcode, name="publish")(lambda transcode: None)

    @app.on(ImageSprites, name="broken")
    def broken(sprites):
        raise OSError("no space")

    return app


def test_spans_have_own_ids_parents_and_links(provider, exporter):
    event = sample("WorkflowTask", Transcode="SUCCESS", ImageSprites="SUCCESS")
    event["SessionContext"] = f"traceparent=00-{'a' * 32}-{'b' * 16}-01"
    with pytest.raises(CallbacksFailed):
        create_app(OpenTelemetryBridge(provider)).main_handler(event, CONTEXT)
    spans = {span.name: span for span in exporter.get_finished_spans()}
    root, child = spans["media"], spans["event WorkflowTask"]
    trace_id = int(derive_trace_id(event["WorkflowTaskEvent"]["TaskId"]), 16)
    assert {span.context.trace_id for span in spans.values()} == {trace_id}
    assert root.parent is None
    assert child.parent.span_id == root.context.span_id
    assert spans["publish"].parent.span_id == child.context.span_id
    assert [link.context.trace_id for link in child.links] == [int("a" * 32, 16)]
    assert (root.kind, child.kind) == (SpanKind.SERVER, SpanKind.CONSUMER)
    assert root.attributes["faas.coldstart"] is True
    assert root.resource.attributes["service.name"] == "media"
    assert child.attributes["messaging.system"] == "tencent_mps"
    assert spans["publish"].status.status_code == StatusCode.UNSET
    assert spans["broken"].status.status_code == StatusCode.ERROR
    assert "no space" in spans["broken"].status.description
    assert child.start_time <= spans["publish"].start_time <= spans["publish"].end_time


def test_attributes_are_plain(provider, exporter):
    bridge = OpenTelemetryBridge(provider)
    tracer = Tracer((bridge,), Context(CONTEXT))
    span = tracer.begin("api", "DescribeTasks", 2, {"code": "", "ids": ["a"], "n": 1})
    span.finish()
    tracer.close(None)
    (call, _) = exporter.get_finished_spans()
    assert dict(call.attributes) == {
        "mps.kind": "api",
        "mps.ids": "['a']",
        "mps.n": 1,
        "mps.attempt": 2,
    }


def test_global_provider_is_used_once_it_is_set(exporter, monkeypatch, caplog):
    app = create_app(OpenTelemetryBridge())
    event = sample("WorkflowTask", Transcode="SUCCESS")
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", trace.Once())
    app.main_handler(event, CONTEXT)
    assert [line for line in caplog.messages if "set_tracer_provider" in line] != []
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    app.main_handler(event, CONTEXT)
    assert len(exporter.get_finished_spans()) == 3
    assert len([line for line in caplog.messages if "set_tracer_provider" in line]) == 1
    provider.shutdown()


def test_hanging_exporter_does_not_delay_invocation(caplog):
    exporter = HangingExporter()
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    app = create_app(OpenTelemetryBridge(provider))
    event = sample("WorkflowTask", Transcode="SUCCESS")
    began = time.monotonic()
    app.main_handler(event, CONTEXT)
    assert 0.9 < time.monotonic() - began < 3
    assert "not exported by OpenTelemetry within 1.0 s" in caplog.text
    began = time.monotonic()
    app.main_handler(event, CONTEXT)  # the first export is still running
    assert time.monotonic() - began < 0.9
    assert exporter.exports == 1
    exporter.release.set()
    provider.shutdown()
