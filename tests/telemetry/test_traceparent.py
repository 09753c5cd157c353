"""The current span in submitted tasks and forwarded events."""

import pytest

pytest.importorskip("aiohttp", reason="the emulator of the API needs it")
pytest.importorskip("tencentcloud.common", reason="Mps uses it")

from scf_mps import App, Mps, Observer, Transcode
from scf_mps.actions import Forward
from scf_mps.local import api
from scf_mps.local.chat_webhooks import ChatWebhookStub
from scf_mps.local.samples import sample

CONTEXT = {"request_id": "r-1", "time_limit_in_ms": 60000}
TASK = {
    "InputInfo": {"Type": "COS", "CosInputInfo": {"Bucket": "b-1", "Region": "r", "Object": "a"}},
    "OutputStorage": {"Type": "COS", "CosOutputStorage": {"Bucket": "b-1", "Region": "r"}},
    "MediaProcessTask": {"TranscodeTaskSet": [{"Definition": 100030}]},
}


class Callbacks(Observer):
    """Keeps the callbacks' spans as traceparents."""

    def __init__(self):
        self.all = []

    def ended(self, span):
        if span.kind == "callback":
            self.all.append(f"00-{span.trace_id}-{span.span_id}-01")


@pytest.fixture
def service(monkeypatch):
    service = api.Mps()
    with api.CloudApi([service]) as running:
        monkeypatch.setenv("MPS_API_ENDPOINT", running.url)
        monkeypatch.setenv("MPS_REGION", "ap-guangzhou")
        monkeypatch.setenv("TENCENTCLOUD_SECRETID", running.key.secret_id)
        monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", running.key.secret_key)
        yield service


def submit(service, *observers, **parameters):
    """Submit a task in a callback. Return its SessionContext."""
    app = App(observers=observers)

    @app.on(Transcode)
    def submit(transcode: Transcode, mps: Mps):
        mps.call("ProcessMedia", **TASK, **parameters)

    app.main_handler(sample("WorkflowTask", Transcode="SUCCESS"), CONTEXT)
    (request,) = service.submitted.values()
    return request.get("SessionContext", "")


def test_submitted_task_has_link_to_callback(service):
    callbacks = Callbacks()
    assert submit(service, callbacks) == f"traceparent={callbacks.all[0]}"


def test_own_session_context_is_unchanged(service):
    assert submit(service, Callbacks(), SessionContext='{"user": 1}') == '{"user": 1}'


def test_session_context_stays_empty_without_observers(service):
    assert submit(service) == ""


def test_session_context_stays_empty_outside_of_invocation(service):
    Mps().call("ProcessMedia", **TASK)
    (request,) = service.submitted.values()
    assert "SessionContext" not in request


@pytest.mark.parametrize("observed", [True, False])
def test_forwarded_event_is_unchanged_and_header_names_span(observed):
    callbacks = Callbacks()
    app = App(observers=[callbacks] * observed)
    event = sample("WorkflowTask", Transcode="SUCCESS")
    with ChatWebhookStub() as webhooks:
        Forward(f"{webhooks.url}/in?secret=0123456789abcdef").register(app)
        app.main_handler(event, CONTEXT)
        (received,) = webhooks.received
    assert received.message == event
    assert received.headers.get("traceparent") == (callbacks.all[0] if observed else None)
