"""The receiver of OTLP: what it keeps and refuses."""

import copy
import json
import time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

pytest.importorskip("aiohttp", reason="the receiver needs it")

from scf_mps.local.otlp import Receiver

SPAN = {
    "traceId": "a" * 32,
    "spanId": "b" * 16,
    "name": "publish",
    "kind": 1,
    "startTimeUnixNano": "1000",
    "endTimeUnixNano": 2000,
    "attributes": [{"key": "n", "value": {"intValue": "5"}}],
    "status": {"code": 2},
}


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


def post(url, document, content_type="application/json"):
    """Return the status of the response."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    request = Request(url, body, {"Content-Type": content_type})
    try:
        with urlopen(request, timeout=10) as response:
            return response.status
    except HTTPError as error:
        error.close()
        return error.code


def build_request(**changes):
    span = {**copy.deepcopy(SPAN), **changes}
    resource = {"attributes": []}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}


def test_span_of_another_library_is_kept(receiver):
    batches = []
    receiver.observe(batches.append)
    assert post(receiver.url, build_request()) == 200
    (span,) = receiver.spans
    assert batches == [[span]]
    assert (span.name, span.kind, span.error, span.attributes) == ("publish", "", "error", {"n": 5})
    assert (span.parent_id, span.start, span.end) == ("", 1000, 2000)
    receiver.clear()
    assert (receiver.spans, receiver.request_count) == ([], 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"traceId": "x" * 32},
        {"spanId": "0" * 16},
        {"parentSpanId": ""},
        {"kind": 0},
        {"endTimeUnixNano": "999"},
        {"attributes": [{"key": "n", "value": {"textValue": "5"}}]},
        {"attributes": SPAN["attributes"] * 2},
    ],
)
def test_invalid_span_is_refused(receiver, changes):
    assert post(receiver.url, build_request(**changes)) == 400
    assert receiver.spans == []


def test_other_requests_are_refused(receiver):
    assert post(receiver.url, b"{", "application/json") == 400
    assert post(receiver.url, build_request(), "application/x-protobuf") == 415
    assert post(receiver.url + "x", build_request()) == 404


def test_receiver_refuses_waits_and_goes_away(receiver):
    receiver.status = 503
    assert post(receiver.url, build_request()) == 503
    receiver.status, receiver.seconds = 200, 0.2
    began = time.monotonic()
    assert post(receiver.url, build_request()) == 200
    assert time.monotonic() - began >= 0.2
    other = Receiver()
    with other:
        url = other.url
    with pytest.raises(OSError, match="refused"):
        post(url, build_request())
    with other:
        assert post(url, build_request()) == 200
    assert len(other.spans) == 1
