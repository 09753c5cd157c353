"""Export of spans with `MPS_OTLP`, to a real receiver over HTTP."""

import json
import logging
import os
import socket
import ssl
import subprocess
import sys
import time
from contextlib import closing

import pytest

pytest.importorskip("aiohttp", reason="the receiver needs it")

from scf_mps import (
    App,
    CallbacksFailed,
    ConfigurationError,
    Context,
    ImageSprites,
    Observer,
    Span,
    Transcode,
    logs,
)
from scf_mps.actions.settings import Settings
from scf_mps.common.spans import Tracer
from scf_mps.cos.transport import SHARED_POOL
from scf_mps.local.otlp import Receiver
from scf_mps.local.samples import sample
from scf_mps.telemetry import otlp
from scf_mps.telemetry.otlp import Endpoint, OtlpExporter, parse_resource
from tests.support.raw_server import Server

CONTEXT = {"request_id": "r-1", "function_name": "media", "time_limit_in_ms": 60000}


@pytest.fixture
def receiver(monkeypatch):
    with Receiver() as running:
        monkeypatch.setenv("MPS_OTLP", running.url)
        yield running
        SHARED_POOL.clear()


@pytest.fixture
def warnings(caplog):
    caplog.set_level(logging.WARNING, "scf_mps")
    return lambda: [
        record.getMessage() for record in caplog.records if record.levelname == "WARNING"
    ]


def create_app():
    app = App(reserve=0.1)
    app.on(Transcode, name="publish")(lambda transcode: None)

    @app.on(ImageSprites, name="broken")
    def broken(sprites):
        raise OSError("no space")

    return app


def handle(app, seconds=60, **results):
    event = sample("WorkflowTask", **(results or {"Transcode": "SUCCESS"}))
    app.main_handler(event, {**CONTEXT, "time_limit_in_ms": int(seconds * 1000)})


def create_spans(count, kind="cos", text="x"):
    """Return spans of an invocation, in the order in which they end, its own last."""
    tracer = Tracer((), Context(CONTEXT))
    tracer.settle()
    spans = [tracer.begin(kind, "PUT", attributes={"key": text}) for _ in range(count)]
    for span in (*spans, tracer.root):
        tracer.report(span)
    tracer.root.leave()
    return [*spans, tracer.root]


def test_spans_arrive_with_parents_and_attributes(receiver, monkeypatch):
    monkeypatch.setenv("SCF_FUNCTIONNAME", "media")
    monkeypatch.setenv("MPS_OTLP_RESOURCE", "token=s3cr%2Cet, host.name=scf")
    app = create_app()
    with pytest.raises(CallbacksFailed):
        handle(app, Transcode="SUCCESS", ImageSprites="SUCCESS")
    spans = {span.name: span for span in receiver.spans}
    root, event = spans["media"], spans["event WorkflowTask"]
    assert set(spans) == {"media", "event WorkflowTask", "publish", "broken"}
    assert (root.kind, root.parent_id, event.parent_id) == ("invocation", "", root.span_id)
    assert spans["publish"].parent_id == spans["broken"].parent_id == event.span_id
    assert {span.trace_id for span in spans.values()} == {root.trace_id}
    assert root.attributes["faas.invocation_id"] == "r-1"
    assert root.attributes["faas.coldstart"] is True
    assert event.attributes["messaging.system"] == "tencent_mps"
    assert event.attributes["messaging.message.id"].startswith("1250000000-WorkflowTask-")
    assert spans["publish"].attributes["mps.outcome"] == "done"
    assert "no space" in spans["broken"].error
    assert spans["publish"].error == ""
    resource = root.resource
    assert (resource["service.name"], resource["token"]) == ("media", "s3cr,et")
    assert (resource["host.name"], resource["process.pid"]) == ("scf", os.getpid())


def test_second_invocation_is_warm_and_reuses_connection(monkeypatch):
    bodies = []

    def answer(peer):
        while head := peer.read_request():
            bodies.append(head)
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with Server(answer) as server:
        server.on_exit.append(SHARED_POOL.clear)
        monkeypatch.setenv("MPS_OTLP", f"http://127.0.0.1:{server.port}/v1/traces")
        app = create_app()
        handle(app)
        handle(app)
    assert (len(bodies), server.connections) == (2, 1)


def test_connection_that_ended_while_frozen_is_replaced(monkeypatch, warnings):
    def answer(peer):
        if peer.read_request():
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            peer.read_request()  # and end without a response

    with Server(answer) as server:
        server.on_exit.append(SHARED_POOL.clear)
        monkeypatch.setenv("MPS_OTLP", f"http://127.0.0.1:{server.port}/v1/traces")
        app = create_app()
        handle(app)
        handle(app)
        assert server.connections == 2
    assert warnings() == []


def test_link_of_submitter_arrives(receiver):
    event = sample("WorkflowTask", Transcode="SUCCESS")
    event["SessionContext"] = f"user=1 traceparent=00-{'a' * 32}-{'b' * 16}-01"
    create_app().main_handler(event, CONTEXT)
    (span,) = [span for span in receiver.spans if span.kind == "event"]
    assert span.links == (("a" * 32, "b" * 16),)


@pytest.mark.parametrize("status", [400, 401, 404, 418, 429, 500, 503])
def test_refusal_is_one_warning(receiver, warnings, status):
    receiver.status = status
    app = create_app()
    handle(app)
    handle(app)  # pauses
    assert (receiver.request_count, receiver.spans) == (1, [])
    (warning,) = warnings()
    assert f"HTTP {status}" in warning
    assert ("sent later" in warning) == (status in (429, 500, 503))


def test_spans_of_failed_export_are_sent_after_pause(receiver, monkeypatch, warnings):
    receiver.status = 503
    app = create_app()
    handle(app)
    receiver.status = 200
    monkeypatch.setattr(otlp, "monotonic", lambda: time.monotonic() + otlp.PAUSE_SECONDS)
    handle(app)
    kinds = [span.kind for span in receiver.spans]
    assert kinds == ["callback", "event", "invocation"] * 2
    assert [
        span.attributes["faas.coldstart"] for span in receiver.spans if span.kind == "invocation"
    ] == [True, False]
    assert len(warnings()) == 1


def test_slow_receiver_takes_at_most_one_second(receiver, warnings):
    receiver.seconds = 30
    app = create_app()
    began = time.monotonic()
    handle(app)
    assert 0.9 < time.monotonic() - began < 3
    assert "no response within 1.0 s" in warnings()[0]


def test_export_ends_before_time_limit(receiver, warnings):
    receiver.seconds = 30
    app = create_app()
    began = time.monotonic()
    handle(app, seconds=1)
    assert time.monotonic() - began < 1
    assert "no response within 0." in warnings()[0]


def test_nothing_is_sent_without_time(receiver, warnings):
    exporter = OtlpExporter(os.environ)
    for span in create_spans(1):
        exporter.ended(span)
    exporter.flush(0.0)
    assert receiver.request_count == 0
    exporter.flush(1.0)
    assert len(receiver.spans) == 2
    exporter.flush(1.0)
    assert receiver.request_count == 1
    assert warnings() == ["spans not exported: no time remains. They are sent later"]


def test_absent_receiver_is_one_warning_without_url(monkeypatch, warnings):
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MPS_OTLP", f"http://127.0.0.1:{unused.getsockname()[1]}/v1/s3cret?k=v")
        handle(create_app())
    (warning,) = warnings()
    assert "ConnectionRefusedError" in warning
    assert "s3cret" not in warning


def test_untrusted_certificate_names_remedy(monkeypatch, warnings):
    trustme = pytest.importorskip("trustme")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(tls)
    with Server(lambda peer: None, tls) as server:
        monkeypatch.setenv("MPS_OTLP", f"https://localhost:{server.port}/v1/traces")
        handle(create_app())
    assert "certificate is not trusted" in warnings()[0]


def test_broken_response_is_one_warning(monkeypatch, warnings):
    with Server(lambda peer: peer.send(b"nonsense\r\n\r\n")) as server:
        monkeypatch.setenv("MPS_OTLP", f"http://127.0.0.1:{server.port}/v1/traces")
        handle(create_app())
    assert "MalformedResponse" in warnings()[0]


@pytest.mark.parametrize(
    ("body", "warning"),
    [
        ({"partialSuccess": {"rejectedSpans": "2"}}, "2 of 3 spans rejected"),
        ({"partialSuccess": {"rejectedSpans": 0}}, ""),
        ({"partialSuccess": None, "rejectedSpans": 1}, ""),
    ],
)
def test_rejected_spans_are_counted(monkeypatch, warnings, body, warning):
    content = json.dumps(body).encode()

    def answer(peer):
        while peer.read_request():
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content)

    with Server(answer) as server:
        server.on_exit.append(SHARED_POOL.clear)
        monkeypatch.setenv("MPS_OTLP", f"http://127.0.0.1:{server.port}/v1/traces")
        handle(create_app())
    assert [line.split(" by ")[0] for line in warnings()] == [warning] * bool(warning)


def test_memory_is_bounded_and_no_span_is_an_orphan(receiver, warnings):
    exporter = OtlpExporter(os.environ)
    tracer = Tracer((exporter,), Context(CONTEXT))
    tracer.settle()
    for number in range(otlp.MAX_DETAIL_SPANS + 200):
        ledger = tracer.begin("ledger", "record").enter()
        tracer.begin("cos", "PUT", attributes={"key": "k" * 5000, "number": number}).finish()
        ledger.leave()
        ledger.finish()
    tracer.root.leave()
    tracer.root.finish()
    exporter.flush(1.0)
    spans = receiver.spans
    ids = {span.span_id for span in spans}
    assert all(span.parent_id in ids for span in spans if span.parent_id)
    assert spans[-1].kind == "invocation"
    dropped = 2 * (otlp.MAX_DETAIL_SPANS + 200) + 1 - len(spans)
    assert dropped > 0
    assert warnings() == [f"{dropped} spans dropped: too many until the export"]
    longest = max(len(span.attributes.get("mps.key", "")) for span in spans)
    assert longest == otlp.MAX_TEXT_CHARACTERS


def test_unreachable_receiver_does_not_fill_memory(receiver, warnings):
    receiver.status = 503
    exporter = OtlpExporter(os.environ)
    for _ in range(3):
        for span in create_spans(otlp.MAX_SPANS, "ledger"):
            exporter.ended(span)
        exporter.flush(1.0)
    assert len(exporter._spans) <= otlp.MAX_SPANS
    assert any("are lost" in line for line in warnings())


@pytest.mark.parametrize(
    ("value", "received"),
    [("text", "text"), (3, 3), (True, True), (False, False), (0.5, 0.5), (["a"], "['a']")],
)
def test_attribute_keeps_its_type(receiver, value, received):
    exporter = OtlpExporter(os.environ)
    (span, _) = create_spans(1, "api", value)
    span.attempt = 2
    span["empty"], span["missing"] = "", None
    exporter.ended(span)
    exporter.flush(1.0)
    (arrived,) = receiver.spans
    attributes = dict(arrived.attributes)
    assert attributes.pop("mps.key") == received
    assert type(arrived.attributes["mps.key"]) is type(received)
    assert attributes == {"mps.kind": "api", "mps.attempt": 2}


@pytest.mark.parametrize(
    "url",
    [
        "collector",
        "ftp://host/v1/traces",
        "https://user:pass@host/v1/traces",
        "https://host/v1/traces#x",
        "https://host/v1 traces",
        "https://host/v1\ntraces",
        "https://host:port/v1/traces",
        "https://host/ü",
        "https://host",
        "https://host/",
    ],
)
def test_invalid_url_is_refused_without_showing_it(monkeypatch, url):
    monkeypatch.setenv("MPS_OTLP", url)
    with pytest.raises(ConfigurationError) as caught:
        App().main_handler  # noqa: B018
    assert "MPS_OTLP: " in str(caught.value)
    assert url not in str(caught.value)


def test_invalid_resource_is_refused_without_showing_it():
    with pytest.raises(ConfigurationError, match="MPS_OTLP_RESOURCE") as caught:
        Settings({"MPS_OTLP_RESOURCE": "host.name=a,s3cret"}).check()
    assert "s3cret" not in str(caught.value)


def test_valid_settings_have_no_mistakes():
    Settings({"MPS_OTLP": "https://host/v1/traces", "MPS_OTLP_RESOURCE": "a=b,"}).check()
    assert parse_resource("a=b%20c, d = e,") == {"a": "b c", "d": "e"}


def test_endpoint_shows_only_host():
    endpoint = Endpoint("https://[::1]/v1/s3cret?key=%C3%BC")
    assert (str(endpoint), repr(endpoint)) == ("[::1]:443", "<Endpoint [::1]:443>")
    assert endpoint.target == "/v1/s3cret?key=%C3%BC"
    assert Endpoint("http://host/x").port == 80


def test_settings_are_hidden_in_texts(monkeypatch):
    url = "https://collector.example.com/p/0123abcd4567?hidden-key&x=qwertyuiop"
    monkeypatch.setenv("MPS_OTLP", url)
    monkeypatch.setenv("MPS_OTLP_RESOURCE", "token=tok-123456,host.name=media-host")
    text = logs.scrub(f"{url} 0123abcd4567 hidden-key x=qwertyuiop tok-123456 media-host")
    assert text == "*** *** *** *** *** media-host"


def test_exporter_is_loaded_only_with_variable(monkeypatch):
    code = (
        "import sys; from scf_mps import App; App().main_handler; "
        "print('scf_mps.telemetry.otlp' in sys.modules, 'scf_mps.common.spans' in sys.modules)"
    )
    monkeypatch.delenv("MPS_OTLP", raising=False)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_own_observers_get_spans_too(receiver):
    class Kinds(Observer):
        def __init__(self):
            self.all = []

        def ended(self, span: Span):
            self.all.append(span.kind)

    kinds = Kinds()
    app = App(observers=[kinds])
    app.on(Transcode)(lambda transcode: None)
    handle(app)
    assert kinds.all == [span.kind for span in receiver.spans]
