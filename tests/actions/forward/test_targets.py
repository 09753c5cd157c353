"""Forwarding to functions, topics, queues and URLs, through the official SDK."""

from __future__ import annotations

import json
import logging

import pytest

pytest.importorskip("aiohttp", reason="the emulator of the API needs it")
pytest.importorskip("tencentcloud.common", reason="events are forwarded through it")
from scf_mps import Context
from scf_mps.actions.forward.targets import MAX_INVOCATION_BYTES, MAX_MESSAGE_BYTES, FunctionTarget
from scf_mps.actions.http_post import sign_content
from scf_mps.errors import CallbacksFailed
from scf_mps.events.parser import parse_event
from scf_mps.local.api import CloudApi, Scf
from scf_mps.local.samples import sample
from scf_mps.local.scf import LocalFunction
from scf_mps.tencent.services import ForwardFailed
from tests.support.sample_data import payload

from .support import ARCHIVE, CONTEXT, Recorder, forward_and_fail, get_outcomes

OTHER_TEAM = """
import json, os
from scf_mps import App, Event, Router

router = Router()

def record(event: Event) -> None:
    with open(os.environ["RECORD"], "a") as file:
        file.write(json.dumps(event.raw) + "\\n")

for verb in (router.on, router.on_failure, router.on_progress):
    verb(Event, name="record")(record)

main_handler = App(router).main_handler
"""


def dump_compact(notification):
    return json.dumps(notification, ensure_ascii=False, separators=(",", ":"))


def make_event_of_size(size):
    """Return an event whose JSON has `size` bytes, most of them in characters of three bytes."""
    event = {**sample("WorkflowTask", Transcode="SUCCESS"), "Note": ""}
    missing = size - len(dump_compact(event).encode())
    event["Note"] = "视" * (missing // 3) + "x" * (missing % 3)
    assert len(dump_compact(event).encode()) == size
    return event


def test_forwarded_event_arrives_unchanged_in_other_function(
    application, emulator, tmp_path, monkeypatch
):
    (tmp_path / "handlers").mkdir()
    (tmp_path / "handlers" / "__init__.py").write_text(OTHER_TEAM)
    record = tmp_path / "record"
    with (
        LocalFunction(
            tmp_path, name="thumbnails", timeout=20, environment={"RECORD": str(record)}
        ) as other,
        CloudApi([Scf([other])], keys=emulator.keys) as api,
    ):
        monkeypatch.setenv("MPS_API_ENDPOINT", api.url)
        handlers = application(MPS_FORWARD="scf://thumbnails.ap-guangzhou")
        events = [
            payload("mps_workflow_seed_mixed"),
            payload("mps_workflow_processing_querydoc"),
            payload("synth_edit_media_success"),
        ]
        for event in events:
            summary = handlers.main_handler(event, CONTEXT)
            assert get_outcomes(summary) == {"scf-thumbnails.ap-guangzhou": "done"}
        other.settle()
        assert [invocation.succeeded for invocation in other.invocations] == [True] * 3
        assert {request.region for request in api.requests} == {"ap-guangzhou"}
    assert [json.loads(line) for line in record.read_text().splitlines()] == events


def test_invocation_uses_namespace_qualifier_and_region(application, api, caplog):
    handlers = application(
        MPS_FORWARD="scf://thumbnails.ap-shanghai/default?qualifier=$LATEST&name=theirs"
    )
    caplog.set_level(logging.INFO)
    assert get_outcomes(handlers.main_handler(sample(), CONTEXT)) == {"theirs": "done"}
    (request,) = api.requests.of("Invoke")
    assert request.region == "ap-shanghai"
    assert request.parameters["Namespace"] == "default"
    assert request.parameters["Qualifier"] == "$LATEST"
    assert request.parameters["InvocationType"] == "Event"
    (line,) = [line for line in caplog.records if line.name == "handlers.forwarding.theirs"]
    assert vars(line)["forwarded_request_id"] == "request-1"


def test_function_gets_reference_above_128_kilobytes(application, api, function, cos):
    handlers = application(MPS_FORWARD="scf://thumbnails.ap-guangzhou", MPS_ARCHIVE=ARCHIVE)
    largest, too_large = (
        make_event_of_size(MAX_INVOCATION_BYTES),
        make_event_of_size(MAX_INVOCATION_BYTES + 1),
    )
    handlers.main_handler(largest, CONTEXT)
    assert [json.loads(text) for text in function.pushed] == [largest]
    assert len(function.pushed[0].encode()) == 128 * 1024

    handlers.main_handler(too_large, CONTEXT)
    reference = json.loads(function.pushed[1])
    assert reference.keys() == {"ArchivedEvent", "TaskId"}
    assert reference["TaskId"] == parse_event(too_large).task_id
    assert reference["ArchivedEvent"].startswith(ARCHIVE)
    assert cos.read_json(reference["ArchivedEvent"]) == too_large
    assert {request.code for request in api.requests} == {""}


@pytest.mark.parametrize(
    ("archive", "words"),
    [
        ("", ["131073", "MPS_ARCHIVE="]),
        (f"{ARCHIVE}?storage_class=ARCHIVE", ["storage_class="]),
        (f"{ARCHIVE}?storage_class=DEEP_ARCHIVE", ["storage_class="]),
    ],
)
def test_large_event_fails_without_readable_archive(application, api, function, archive, words):
    handlers = application(MPS_FORWARD="scf://thumbnails.ap-guangzhou", MPS_ARCHIVE=archive)
    failure = forward_and_fail(handlers, make_event_of_size(MAX_INVOCATION_BYTES + 1))
    assert all(word in failure for word in words)
    assert function.pushed == []


def test_lone_surrogate_is_sent_as_escape(application, api, function):
    event = {**sample("EditMediaTask"), "SessionContext": json.loads('"\\ud800 视频 \\\\"')}
    application(MPS_FORWARD="scf://thumbnails.ap-guangzhou").main_handler(event, CONTEXT)
    assert json.loads(function.pushed[0]) == event
    assert "视频" in function.pushed[0]


def test_secrets_are_sent_to_functions_but_not_urls(application, api, function, tdmq, receiver):
    event = sample("WorkflowTask", Transcode="SUCCESS")
    event["WorkflowTaskEvent"]["InputInfo"]["S3InputInfo"] = {"S3SecretKey": "their-aws-key"}
    application(
        MPS_FORWARD=f"scf://thumbnails.ap-guangzhou,cmq-queue://media.ap-guangzhou "
        f"{receiver.url}?secret=0123456789"
    ).main_handler(event, CONTEXT)
    assert json.loads(function.pushed[0]) == event
    assert [json.loads(text) for text in tdmq.sent["ap-guangzhou", "queue/media"]] == [event]
    assert b"their-aws-key" not in receiver.requests[0].body
    assert b'"S3SecretKey":"***"' in receiver.requests[0].body


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("ResourceNotFound.Namespace", "no such namespace"),
        ("ResourceNotFound.Qualifier", "check qualifier="),
        ("AuthFailure.UnauthorizedOperation", "Allow scf:InvokeFunction"),
        ("UnauthorizedOperation.CAM", "Allow scf:InvokeFunction"),
        ("ResourceInsufficient.COS", "quota"),
        ("LimitExceeded.Quota", "quota"),
        ("FailedOperation.FunctionStatusError", "being updated"),
        ("InvalidParameter.Odd", "InvalidParameter.Odd"),
    ],
)
def test_refusal_names_target_code_and_advice(application, api, code, word):
    api.faults.add("Invoke", code=code)
    failure = forward_and_fail(application(MPS_FORWARD="scf://thumbnails.ap-guangzhou"), sample())
    assert "scf://thumbnails.ap-guangzhou/default?qualifier=$DEFAULT" in failure
    assert code in failure
    assert word in failure
    assert len(api.requests) == 1


def test_missing_function_is_named(application, api):
    handlers = application(MPS_FORWARD="scf://missing.ap-guangzhou/live")
    (route,) = [
        route.name
        for route in handlers.app.routes
        if "forward" in route.name and route.verb == "on"
    ]
    assert route == "handlers.forwarding.scf-missing.ap-guangzhou/live"
    failure = forward_and_fail(handlers, sample())
    assert "ResourceNotFound.Function" in failure
    assert "scf://missing.ap-guangzhou/live" in failure


def test_wrong_key_is_refused_without_showing_it(application, api, function, monkeypatch):
    handlers = application(MPS_FORWARD="scf://thumbnails.ap-guangzhou")
    monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", "not-the-key")
    failure = forward_and_fail(handlers, sample())
    assert "AuthFailure.SignatureFailure" in failure
    assert "not-the-key" not in failure
    assert function.pushed == []


def test_rate_limit_is_retried(application, api, function):
    api.faults.add("Invoke", times=2, code="RequestLimitExceeded.UinLimitExceeded")
    application(MPS_FORWARD="scf://thumbnails.ap-guangzhou").main_handler(sample(), CONTEXT)
    assert len(function.pushed) == 1
    assert len(api.requests) == 3


def test_lost_response_fails_callback(application, api, function):
    api.faults.add("Invoke", kind="lose_response")
    failure = forward_and_fail(application(MPS_FORWARD="scf://thumbnails.ap-guangzhou"), sample())
    assert "ClientNetworkError" in failure
    assert len(function.pushed) == 1


def test_send_falls_back_to_request_id_of_api(cos, run_api, emulator):
    class Terse(Recorder):
        def push(self, *, text: str) -> str:
            return ""

    api = run_api(Scf([Terse()]))
    target = FunctionTarget("thumbnails", "ap-guangzhou", "default", "$DEFAULT", None)
    request_id = target.send(parse_event(sample()), Context(), cos, logging.getLogger("t"))
    assert request_id == api.requests[-1].request_id


def test_topics_and_queues_get_event_as_message(application, api, tdmq):
    handlers = application(
        MPS_FORWARD="cmq-topic://media.ap-shanghai,cmq-queue://media.ap-guangzhou"
    )
    summary = handlers.main_handler(sample(), CONTEXT)
    assert get_outcomes(summary) == {
        "cmq-topic-media.ap-shanghai": "done",
        "cmq-queue-media.ap-guangzhou": "done",
    }
    assert {place: [json.loads(text) for text in texts] for place, texts in tdmq.sent.items()} == {
        ("ap-shanghai", "topic/media"): [sample()],
        ("ap-guangzhou", "queue/media"): [sample()],
    }


def test_topic_gets_reference_above_one_megabyte(application, api, tdmq, cos):
    handlers = application(MPS_FORWARD="cmq-topic://media.ap-guangzhou", MPS_ARCHIVE=ARCHIVE)
    largest, too_large = (
        make_event_of_size(MAX_MESSAGE_BYTES),
        make_event_of_size(MAX_MESSAGE_BYTES + 1),
    )
    handlers.main_handler(largest, CONTEXT)
    handlers.main_handler(too_large, CONTEXT)
    first, second = tdmq.sent["ap-guangzhou", "topic/media"]
    assert json.loads(first) == largest
    assert len(first.encode()) == 1024 * 1024
    assert cos.read_json(json.loads(second)["ArchivedEvent"]) == too_large


def test_refusal_of_queue_and_missing_topic_fail(application, api):
    api.faults.add("SendCmqMsg", code="UnauthorizedOperation")
    failure = forward_and_fail(application(MPS_FORWARD="cmq-queue://media.ap-guangzhou"), sample())
    assert "tdmq:SendCmqMsg" in failure
    failure = forward_and_fail(
        application(MPS_FORWARD="cmq-topic://missing.ap-guangzhou"), sample()
    )
    assert "cmq-topic://missing.ap-guangzhou" in failure


def test_unsent_message_fails_callback(application, api, tdmq):
    tdmq.answer = {"Result": False}
    with pytest.raises(CallbacksFailed) as caught:
        application(MPS_FORWARD="cmq-queue://media.ap-guangzhou").main_handler(sample(), CONTEXT)
    (failure,) = caught.value.failures
    assert isinstance(failure.__cause__, ForwardFailed)
    assert failure.__cause__.code == ""


def test_url_gets_signed_event_with_idempotency_key(application, receiver, caplog):
    caplog.set_level(logging.INFO)
    url = f"{receiver.url}/hook/secret-path?secret=a%26b&query=team%3Da%26x%3D1"
    handlers = application(MPS_FORWARD=url)
    for _ in range(2):
        summary = handlers.main_handler(sample(), CONTEXT)
    assert get_outcomes(summary) == {f"https-127.0.0.1:{receiver.server_port}": "done"}
    first, second = receiver.requests
    assert json.loads(first.body) == sample()
    assert first.path == "/hook/secret-path?team=a&x=1"
    headers = first.headers
    moment = int(headers["X-Scf-Mps-Timestamp"])
    assert sign_content(first.body, "a&b", moment).items() <= headers.items()
    assert len(headers["Idempotency-Key"]) == 32
    assert headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert "secret-path" not in caplog.text
    assert "a&b" not in caplog.text


def test_url_refusal_shows_only_host(application, receiver):
    receiver.response = (403, b"", {})
    handlers = application(MPS_FORWARD=f"{receiver.url}/secret-path?secret=hidden")
    failure = forward_and_fail(handlers, sample())
    assert "403" in failure
    assert "secret-path" not in failure
    assert "hidden" not in failure
