# mypy: ignore-errors
"""Handlers of the documentation's event with a log line and spans by other libraries, for `telemetry.py`.

Each routes the results with a dict of callbacks, as `powertools_peer.raw_main_handler`, which is less than scf-mps does.
Spans: one of the invocation, one of the event, and one for each of its four results, with the attributes of ours.
"""

from __future__ import annotations

import os

FIELDS = {
    "Transcode": "TranscodeTask",
    "AnimatedGraphics": "AnimatedGraphicTask",
    "SnapshotByTimeOffset": "SnapshotByTimeOffsetTask",
    "ImageSprites": "ImageSpriteTask",
}


def on_result(result): ...


CALLBACKS = {
    ("Transcode", "SUCCESS"): on_result,
    ("AnimatedGraphics", "FAIL"): on_result,
    ("SnapshotByTimeOffset", "SUCCESS"): on_result,
    ("ImageSprites", "SUCCESS"): on_result,
}


def run_callback(item):
    result = item[FIELDS[item["Type"]]]
    CALLBACKS[item["Type"], result["Status"]](result)


def get_facts(event, context):
    """Return the fields of a line per event."""
    payload = event["WorkflowTaskEvent"]
    return {
        "request_id": context["request_id"],
        "task_id": payload["TaskId"],
        "type": event["EventType"],
        "status": payload["Status"],
        "done": len(payload["MediaProcessResultSet"]),
        "failed": 0,
    }


def create_powertools_logger():
    """Return a logger of Powertools that writes to the null device."""
    from aws_lambda_powertools import Logger

    stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    return Logger(service="mps", level="INFO", stream=stream)


def handle_with_powertools(event, context):
    """Return a function that handles the event with a line of Logger and segments of Tracer (X-Ray, over UDP)."""
    os.environ["POWERTOOLS_SERVICE_NAME"] = "mps"
    from aws_lambda_powertools import Tracer
    from aws_xray_sdk.core import xray_recorder

    logger = create_powertools_logger()
    tracer = Tracer(service="mps", disabled=False, auto_patch=False)
    xray_recorder.configure(sampling=False, context_missing="IGNORE_ERROR", service="mps")

    def handle():
        with (
            xray_recorder.in_segment("mps") as segment,
            tracer.provider.in_subsegment("event") as event_segment,
        ):
            for name, value in get_facts(event, context).items():
                event_segment.put_annotation(name, value)
            for item in event["WorkflowTaskEvent"]["MediaProcessResultSet"]:
                with tracer.provider.in_subsegment("callback") as subsegment:
                    run_callback(item)
                    subsegment.put_annotation("type", item["Type"])
                    subsegment.put_annotation("outcome", "done")
            segment.put_annotation("request_id", context["request_id"])
            logger.info("handled", extra=get_facts(event, context))

    return handle


def create_provider(url):
    """Return a provider of the OpenTelemetry SDK that exports to a URL."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource({"service.name": "mps"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(url)))
    return provider


def handle_with_opentelemetry(event, context, url):
    """Return a function that handles the event with spans of the SDK, exported before it returns, and a line of Logger."""
    logger = create_powertools_logger()
    provider = create_provider(url)
    tracer = provider.get_tracer("mps")

    def handle():
        with tracer.start_as_current_span("mps") as span:
            span.set_attribute("request_id", context["request_id"])
            with tracer.start_as_current_span("event") as event_span:
                event_span.set_attributes(get_facts(event, context))
                for item in event["WorkflowTaskEvent"]["MediaProcessResultSet"]:
                    with tracer.start_as_current_span("callback") as callback_span:
                        run_callback(item)
                        callback_span.set_attributes({"type": item["Type"], "outcome": "done"})
            logger.info("handled", extra=get_facts(event, context))
        provider.force_flush()

    return handle


def main_handler_with_opentelemetry(event, context, url):
    """Handle one event, as the first one of a cold start."""
    handle_with_opentelemetry(event, context, url)()


def main_handler_with_powertools(event, context):
    """Likewise."""
    handle_with_powertools(event, context)()
