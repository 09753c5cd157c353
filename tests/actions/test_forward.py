"""Events that are sent on: to functions in the SCF emulator by the official SDK, to topics and queues, to URLs."""

from __future__ import annotations

import http.server
import json
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("aiohttp", reason="the emulator of the API needs it")
pytest.importorskip("tencentcloud.common", reason="events are forwarded by it")

from scf_mps import Context
from scf_mps.actions import Archive, Forward
from scf_mps.actions.forward.loop_guard import MAX_EVENTS, MAX_INVOCATIONS, LoopGuard
from scf_mps.actions.forward.targets import MAX_INVOCATION_BYTES, MAX_MESSAGE_BYTES, FunctionTarget
from scf_mps.actions.http_post import signed
from scf_mps.cos import Cos
from scf_mps.errors import CallbacksFailed, ConfigurationError, RegistrationError
from scf_mps.events.base import Event
from scf_mps.events.parser import parse_event
from scf_mps.local.api import CloudApi, EmulatedFunction, Mps, Scf, Tdmq
from scf_mps.local.cos import CosEmulator
from scf_mps.local.samples import sample
from scf_mps.local.scf import LocalFunction
from scf_mps.tencent.services import ForwardFailed
from tests.support.sample_data import payload

ARCHIVE = "cos://archive-1250000000.ap-guangzhou/mps/"
CONTEXT = {
    "request_id": "r-1",
    "function_name": "events",
    "namespace": "default",
    "tencentcloud_region": "ap-guangzhou",
    "time_limit_in_ms": 60_000,
}
Application = Callable[..., ModuleType]

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


class Recorder:
    """A function that remembers what it is given."""

    def __init__(self, name: str = "thumbnails", namespace: str = "default") -> None:
        self.name = name
        self.namespace = namespace
        self.pushed: list[str] = []

    def push(self, payload: str) -> str:
        self.pushed.append(payload)
        return f"request-{len(self.pushed)}"

    def invoke(self, payload: str) -> Any:
        raise AssertionError("an event is not to be waited for")


@pytest.fixture
def function() -> Recorder:
    return Recorder()


@pytest.fixture
def tdmq() -> Tdmq:
    return Tdmq(topics=["media"], queues=["media"])


@pytest.fixture
def api(
    function: Recorder, tdmq: Tdmq, emulator: CosEmulator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[CloudApi]:
    """The API, by whose keys the application signs."""
    monkeypatch.delenv("MPS_REGION", raising=False)
    with CloudApi([Scf([function]), tdmq, Mps()], keys=emulator.keys) as running:
        monkeypatch.setenv("MPS_API_ENDPOINT", running.url)
        monkeypatch.setenv("TENCENTCLOUD_SECRETID", running.key.secret_id)
        monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", running.key.secret_key)
        yield running


def compact(notification: dict[str, Any]) -> str:
    return json.dumps(notification, ensure_ascii=False, separators=(",", ":"))


def of_size(size: int) -> dict[str, Any]:
    """An event whose JSON has so many bytes, most of them in characters of three."""
    event = {**sample("WorkflowTask", Transcode="SUCCESS"), "Note": ""}
    missing = size - len(compact(event).encode())
    event["Note"] = "视" * (missing // 3) + "x" * (missing % 3)
    assert len(compact(event).encode()) == size
    return event


def outcomes(summary: dict[str, Any], prefix: str = "handlers.forwarding.") -> dict[str, str]:
    return {
        one["callback"].removeprefix(prefix): one["outcome"]
        for one in summary["callbacks"]
        if one["callback"].startswith(prefix)
    }


def refused(handlers: ModuleType, event: dict[str, Any], **context: str) -> str:
    """Why the forwarding of an event failed."""
    with pytest.raises(CallbacksFailed) as caught:
        handlers.main_handler(event, {**CONTEXT, **context})
    (failure,) = caught.value.failures
    return str(failure)


# -- another function


def test_another_teams_function_sees_the_event_as_mps_sent_it(
    application: Application, emulator: CosEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "handlers").mkdir()
    (tmp_path / "handlers" / "__init__.py").write_text(OTHER_TEAM)
    record = tmp_path / "record"
    with (
        LocalFunction(
            tmp_path, name="thumbnails", timeout=20, environment={"RECORD": str(record)}
        ) as other,
        CloudApi([Scf([EmulatedFunction(other)])], keys=emulator.keys) as api,
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
            assert outcomes(summary) == {"scf-thumbnails.ap-guangzhou": "done"}
        other.settle()
        assert [one.succeeded for one in other.invocations] == [True] * 3
        assert {request.region for request in api.requests} == {"ap-guangzhou"}
    assert [json.loads(line) for line in record.read_text().splitlines()] == events


def test_the_namespace_the_qualifier_and_the_region_are_those_of_the_address(
    application: Application, api: CloudApi, caplog: pytest.LogCaptureFixture
) -> None:
    handlers = application(
        MPS_FORWARD="scf://thumbnails.ap-shanghai/default?qualifier=$LATEST&name=theirs"
    )
    caplog.set_level(logging.INFO)
    assert outcomes(handlers.main_handler(sample(), CONTEXT)) == {"theirs": "done"}
    (request,) = api.requests.of("Invoke")
    assert request.region == "ap-shanghai"
    assert request.parameters["Namespace"] == "default"
    assert request.parameters["Qualifier"] == "$LATEST"
    assert request.parameters["InvocationType"] == "Event"
    (line,) = [line for line in caplog.records if line.name == "handlers.forwarding.theirs"]
    assert vars(line)["forwarded_request_id"] == "request-1"


def test_an_event_of_128_kilobytes_is_sent_itself_and_one_of_a_byte_more_by_its_address(
    application: Application, api: CloudApi, function: Recorder, cos: Cos
) -> None:
    handlers = application(MPS_FORWARD="scf://thumbnails.ap-guangzhou", MPS_ARCHIVE=ARCHIVE)
    largest, too_large = of_size(MAX_INVOCATION_BYTES), of_size(MAX_INVOCATION_BYTES + 1)
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


def test_what_is_too_large_and_has_no_archive_says_which_variable_is_missing(
    application: Application, api: CloudApi, function: Recorder
) -> None:
    handlers = application(MPS_FORWARD="scf://thumbnails.ap-guangzhou")
    told = refused(handlers, of_size(MAX_INVOCATION_BYTES + 1))
    assert "has 131073 bytes" in told
    assert "set MPS_ARCHIVE=cos://bucket.region/prefix/" in told
    assert function.pushed == []


@pytest.mark.parametrize("storage_class", ["ARCHIVE", "DEEP_ARCHIVE"])
def test_what_nobody_could_read_in_the_archive_is_not_sent_by_its_address(
    application: Application, api: CloudApi, function: Recorder, storage_class: str
) -> None:
    cold = f"{ARCHIVE}?storage_class={storage_class}"
    handlers = application(MPS_FORWARD="scf://thumbnails.ap-guangzhou", MPS_ARCHIVE=cold)
    told = refused(handlers, of_size(MAX_INVOCATION_BYTES + 1))
    assert "take storage_class= out of MPS_ARCHIVE" in told
    assert function.pushed == []


def test_a_lone_surrogate_is_sent_as_the_escape_that_stands_for_it(
    application: Application, api: CloudApi, function: Recorder
) -> None:
    event = {**sample("EditMediaTask"), "SessionContext": json.loads('"\\ud800 视频 \\\\"')}
    application(MPS_FORWARD="scf://thumbnails.ap-guangzhou").main_handler(event, CONTEXT)
    assert json.loads(function.pushed[0]) == event
    assert "视频" in function.pushed[0]


def test_secrets_of_an_event_go_to_other_functions_and_channels_and_to_no_url(
    application: Application,
    api: CloudApi,
    function: Recorder,
    tdmq: Tdmq,
    receiver: Receiver,
) -> None:
    event = sample("WorkflowTask", Transcode="SUCCESS")
    event["WorkflowTaskEvent"]["InputInfo"]["S3InputInfo"] = {"S3SecretKey": "their-aws-key"}
    application(
        MPS_FORWARD=f"scf://thumbnails.ap-guangzhou,cmq-queue://media.ap-guangzhou "
        f"{receiver.url}?secret=0123456789"
    ).main_handler(event, CONTEXT)
    assert json.loads(function.pushed[0]) == event
    assert [json.loads(text) for text in tdmq.sent["ap-guangzhou", "queue/media"]] == [event]
    assert b"their-aws-key" not in receiver.bodies[0]
    assert b'"S3SecretKey":"***"' in receiver.bodies[0]


@pytest.mark.parametrize(
    "to", ["scf://events.ap-guangzhou", "scf://events.ap-guangzhou/default?qualifier=2"]
)
@pytest.mark.parametrize("namespace", ["default", ""])
def test_a_function_never_forwards_to_itself(
    application: Application, api: CloudApi, to: str, namespace: str
) -> None:
    told = refused(application(MPS_FORWARD=to), sample(), namespace=namespace)
    assert "is this function itself" in told
    assert len(api.requests) == 0


@pytest.mark.parametrize(
    ("to", "context"),
    [
        ("scf://thumbnails.ap-guangzhou", {"function_name": "thumbnails", "namespace": "other"}),
        (
            "scf://thumbnails.ap-guangzhou",
            {"function_name": "thumbnails", "tencentcloud_region": "ap-shanghai"},
        ),
    ],
)
def test_a_function_of_the_same_name_elsewhere_is_another_one(
    application: Application,
    api: CloudApi,
    function: Recorder,
    to: str,
    context: dict[str, str],
) -> None:
    application(MPS_FORWARD=to).main_handler(sample(), {**CONTEXT, **context})
    assert len(function.pushed) == 1


def test_two_functions_that_forward_to_each_other_come_to_an_end(
    application: Application, api: CloudApi, function: Recorder
) -> None:
    handlers = application(MPS_FORWARD="scf://thumbnails.ap-guangzhou")
    for number in range(MAX_INVOCATIONS):
        handlers.main_handler(sample(), {**CONTEXT, "request_id": f"round-{number}"})
        handlers.main_handler(sample(), {**CONTEXT, "request_id": f"round-{number}"})  # SCF's retry
    for number in range(MAX_INVOCATIONS, MAX_INVOCATIONS + 2):
        told = refused(handlers, sample(), request_id=f"round-{number}")
        assert "does what MPS_FORWARD names forward it back" in told
    assert len(function.pushed) == 2 * MAX_INVOCATIONS
    handlers.main_handler(sample("EditMediaTask"), CONTEXT)
    handlers.main_handler(sample(), {**CONTEXT, "request_id": ""})


def test_a_circle_by_way_of_a_queue_comes_to_an_end_too(
    application: Application, api: CloudApi, tdmq: Tdmq
) -> None:
    handlers = application(MPS_FORWARD="cmq-queue://media.ap-guangzhou")
    for number in range(MAX_INVOCATIONS):
        handlers.main_handler(sample(), {**CONTEXT, "request_id": f"round-{number}"})
    assert "forward it back" in refused(handlers, sample())
    assert len(tdmq.sent["ap-guangzhou", "queue/media"]) == MAX_INVOCATIONS


def test_what_was_refused_however_often_is_no_circle(
    application: Application, api: CloudApi, function: Recorder
) -> None:
    handlers = application(MPS_FORWARD="scf://thumbnails.ap-guangzhou")
    api.faults.add("Invoke", times=MAX_INVOCATIONS + 1, code="ResourceUnavailable")
    for number in range(MAX_INVOCATIONS + 1):
        told = refused(handlers, sample(), request_id=f"redelivery-{number}")
        assert "ResourceUnavailable" in told
    handlers.main_handler(sample(), CONTEXT)
    assert len(function.pushed) == 1


def test_with_a_ledger_a_circle_ends_with_its_first_round(
    application: Application, api: CloudApi, function: Recorder, tmp_path: Path
) -> None:
    handlers = application(
        MPS_FORWARD="scf://thumbnails.ap-guangzhou", MPS_LEDGER=f"file://{tmp_path}/ledger"
    )
    handlers.main_handler(sample(), CONTEXT)
    again = handlers.main_handler(json.loads(function.pushed[0]), {**CONTEXT, "request_id": "r-2"})
    assert outcomes(again) == {"scf-thumbnails.ap-guangzhou": "skipped"}
    assert len(function.pushed) == 1


def test_of_the_events_that_are_remembered_the_longest_unseen_is_forgotten() -> None:
    circles = LoopGuard()

    def event(number: int) -> Event:
        made = sample("EditMediaTask")
        made["EditMediaTaskEvent"]["TaskId"] = f"task-{number}"
        return parse_event(made)

    for request in range(MAX_INVOCATIONS):
        for number in (1, 0):  # 1 was seen before 0, and is again below
            circles.sent(event(number), Context({"request_id": f"r-{request}"}))
    circles.sent(event(1), Context({"request_id": "r-0"}))
    for number in range(2, MAX_EVENTS + 1):
        circles.sent(event(number), Context({"request_id": "r"}))
    circles.check(event(0), Context({"request_id": "r"}))
    with pytest.raises(ConfigurationError):
        circles.check(event(1), Context({"request_id": "r"}))


# -- refusals


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("ResourceNotFound.Namespace", "no such namespace"),
        ("ResourceNotFound.Qualifier", "check qualifier="),
        ("AuthFailure.UnauthorizedOperation", "Allow scf:InvokeFunction"),
        ("UnauthorizedOperation.CAM", "Allow scf:InvokeFunction"),
        ("ResourceInsufficient.COS", "quota"),
        ("LimitExceeded.Quota", "quota"),
        ("FailedOperation.FunctionStatusError", "being updated"),
        ("InvalidParameter.Odd", "InvalidParameter.Odd: An injected fault."),
    ],
)
def test_a_refusal_says_what_to_do(
    application: Application, api: CloudApi, code: str, told: str
) -> None:
    api.faults.add("Invoke", code=code)
    failure = refused(application(MPS_FORWARD="scf://thumbnails.ap-guangzhou"), sample())
    assert "not forwarded to scf://thumbnails.ap-guangzhou/default?qualifier=$DEFAULT" in failure
    assert code in failure
    assert told in failure
    assert len(api.requests) == 1


def test_a_function_that_is_not_there_is_named(application: Application, api: CloudApi) -> None:
    handlers = application(MPS_FORWARD="scf://nobody.ap-guangzhou/live")
    (route,) = [
        one.name for one in handlers.app.routes if "forward" in one.name and one.verb == "on"
    ]
    assert route == "handlers.forwarding.scf-nobody.ap-guangzhou/live"
    told = refused(handlers, sample())
    assert "ResourceNotFound.Function" in told
    assert "check scf://nobody.ap-guangzhou/live" in told


def test_a_wrong_key_is_refused(
    application: Application,
    api: CloudApi,
    function: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handlers = application(MPS_FORWARD="scf://thumbnails.ap-guangzhou")
    monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", "not-the-key")
    told = refused(handlers, sample())
    assert "AuthFailure.SignatureFailure" in told
    assert "credentials are invalid" in told
    assert "not-the-key" not in told
    assert function.pushed == []


def test_what_is_refused_for_its_rate_is_sent_again(
    application: Application, api: CloudApi, function: Recorder
) -> None:
    api.faults.add("Invoke", times=2, code="RequestLimitExceeded.UinLimitExceeded")
    application(MPS_FORWARD="scf://thumbnails.ap-guangzhou").main_handler(sample(), CONTEXT)
    assert len(function.pushed) == 1
    assert len(api.requests) == 3


def test_an_answer_that_is_lost_is_left_to_scfs_retry(
    application: Application, api: CloudApi, function: Recorder
) -> None:
    api.faults.add("Invoke", kind="lose_response")
    told = refused(application(MPS_FORWARD="scf://thumbnails.ap-guangzhou"), sample())
    assert "ClientNetworkError" in told
    assert len(function.pushed) == 1


def test_one_target_that_fails_keeps_no_other_from_its_event(
    application: Application, api: CloudApi, function: Recorder
) -> None:
    handlers = application(MPS_FORWARD="scf://nobody.ap-guangzhou, scf://thumbnails.ap-guangzhou")
    with pytest.raises(CallbacksFailed) as caught:
        handlers.main_handler(sample(), CONTEXT)
    assert outcomes(caught.value.summary) == {
        "scf-nobody.ap-guangzhou": "failed",
        "scf-thumbnails.ap-guangzhou": "done",
    }
    assert len(function.pushed) == 1


def test_an_answer_without_a_request_id_of_the_function_has_that_of_the_api(
    cos: Cos, monkeypatch: pytest.MonkeyPatch, emulator: CosEmulator
) -> None:
    class Terse(Recorder):
        def push(self, payload: str) -> str:
            return ""

    with CloudApi([Scf([Terse()])], keys=emulator.keys) as api:
        monkeypatch.setenv("MPS_API_ENDPOINT", api.url)
        monkeypatch.setenv("TENCENTCLOUD_SECRETID", api.key.secret_id)
        monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", api.key.secret_key)
        target = FunctionTarget("thumbnails", "ap-guangzhou", "default", "$DEFAULT", None)
        found = target.send(parse_event(sample()), Context(), cos, logging.getLogger("t"))
        assert found == api.requests[-1].request_id


# -- topics and queues


def test_topics_and_queues_get_the_event_as_the_text_of_a_message(
    application: Application, api: CloudApi, tdmq: Tdmq
) -> None:
    handlers = application(
        MPS_FORWARD="cmq-topic://media.ap-shanghai,cmq-queue://media.ap-guangzhou"
    )
    summary = handlers.main_handler(sample(), CONTEXT)
    assert outcomes(summary) == {
        "cmq-topic-media.ap-shanghai": "done",
        "cmq-queue-media.ap-guangzhou": "done",
    }
    assert {place: [json.loads(text) for text in texts] for place, texts in tdmq.sent.items()} == {
        ("ap-shanghai", "topic/media"): [sample()],
        ("ap-guangzhou", "queue/media"): [sample()],
    }


def test_a_message_has_at_most_a_megabyte(
    application: Application, api: CloudApi, tdmq: Tdmq, cos: Cos
) -> None:
    handlers = application(MPS_FORWARD="cmq-topic://media.ap-guangzhou", MPS_ARCHIVE=ARCHIVE)
    largest, too_large = of_size(MAX_MESSAGE_BYTES), of_size(MAX_MESSAGE_BYTES + 1)
    handlers.main_handler(largest, CONTEXT)
    handlers.main_handler(too_large, CONTEXT)
    first, second = tdmq.sent["ap-guangzhou", "topic/media"]
    assert json.loads(first) == largest
    assert len(first.encode()) == 1024 * 1024
    assert cos.read_json(json.loads(second)["ArchivedEvent"]) == too_large


def test_a_topic_that_refuses_or_is_not_there_is_told(
    application: Application, api: CloudApi
) -> None:
    api.faults.add("SendCmqMsg", code="UnauthorizedOperation")
    told = refused(application(MPS_FORWARD="cmq-queue://media.ap-guangzhou"), sample())
    assert "Allow tdmq:SendCmqMsg" in told
    told = refused(application(MPS_FORWARD="cmq-topic://nobody.ap-guangzhou"), sample())
    assert "check cmq-topic://nobody.ap-guangzhou" in told


def test_an_answer_that_says_not_sent_is_a_failure(
    application: Application, api: CloudApi, tdmq: Tdmq
) -> None:
    tdmq.answer = {"Result": False}
    with pytest.raises(CallbacksFailed) as caught:
        application(MPS_FORWARD="cmq-queue://media.ap-guangzhou").main_handler(sample(), CONTEXT)
    (failure,) = caught.value.failures
    assert isinstance(failure.__cause__, ForwardFailed)
    assert failure.__cause__.code == ""
    assert "TDMQ says that it was not sent" in str(failure)


# -- URLs


class Receiver:
    """A URL on this machine; keeps what it was sent, and answers as told."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.status = 200
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.headers.append(dict(self.headers))
                receiver.paths.append(self.path)
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook/secret-path"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_a_url_gets_the_event_signed_with_a_key_that_names_repetitions(
    application: Application, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    handlers = application(MPS_FORWARD=f"{receiver.url}?secret=a%26b&query=team%3Da%26x%3D1")
    for _ in range(2):
        summary = handlers.main_handler(sample(), CONTEXT)
    assert outcomes(summary) == {f"https-127.0.0.1:{receiver.server.server_port}": "done"}
    assert json.loads(receiver.bodies[0]) == sample()
    assert receiver.paths[0] == "/hook/secret-path?team=a&x=1"
    headers = receiver.headers[0]
    moment = int(headers["X-Scf-Mps-Timestamp"])
    assert signed(receiver.bodies[0], "a&b", moment).items() <= headers.items()
    assert len(headers["Idempotency-Key"]) == 32
    assert headers["Idempotency-Key"] == receiver.headers[1]["Idempotency-Key"]
    assert "secret-path" not in caplog.text
    assert "a&b" not in caplog.text


def test_a_url_that_refuses_is_a_failure_that_shows_nothing_of_it_but_its_host(
    application: Application, receiver: Receiver
) -> None:
    receiver.status = 403
    told = refused(application(MPS_FORWARD=f"{receiver.url}?secret=hidden"), sample())
    assert "answered with HTTP 403: it refuses who posts" in told
    assert "secret-path" not in told
    assert "hidden" not in told


# -- which events


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ("", {"Edit", "Sprites", "Transcode"}),
        ("?types=EditMediaTask", {"Edit"}),
        ("?types=ImageSprites,EditMediaTask", {"Edit", "Sprites"}),
        ("?types=HoloTranscode", set[str]()),
        ("?session=order-*", {"Transcode"}),
        ("?session=nothing, order-4?", {"Transcode"}),
        ("?types=EditMediaTask, ImageSprites", {"Edit", "Sprites"}),
        ("?bucket=out-1250000000&types=Transcode", {"Transcode"}),
        ("?bucket=other-1250000000", set[str]()),
        ("?path=*Sprites*", {"Sprites"}),
        ("?source=videos/*&types=ImageSprites,Transcode", {"Sprites", "Transcode"}),
    ],
)
def test_a_target_gets_the_events_it_asks_for(
    application: Application,
    api: CloudApi,
    function: Recorder,
    options: str,
    wanted: set[str],
) -> None:
    handlers = application(MPS_FORWARD=f"scf://thumbnails.ap-guangzhou{options}")
    events = {
        "Edit": sample("EditMediaTask"),
        "Sprites": sample("WorkflowTask", ImageSprites="SUCCESS"),
        "Transcode": sample("WorkflowTask", Transcode="FAIL", session_context="order-42"),
    }
    got = set()
    for name, event in events.items():
        if outcomes(handlers.main_handler(event, CONTEXT)):
            got.add(name)
    assert got == wanted
    assert len(function.pushed) == len(wanted)


def test_without_its_variable_nothing_is_forwarded(application: Application) -> None:
    assert not [one for one in application().app.routes if "forward" in one.name]


def test_two_targets_of_one_name_are_told_apart_by_another_name(application: Application) -> None:
    one = "scf://thumbnails.ap-guangzhou?types=Transcode"
    with pytest.raises(RegistrationError, match="name="):
        application(MPS_FORWARD=f"{one},scf://thumbnails.ap-guangzhou?types=ImageSprites")
    both = f"{one},scf://thumbnails.ap-guangzhou?types=ImageSprites&name=sprites"
    assert "handlers.forwarding.sprites" in {
        route.name for route in application(MPS_FORWARD=both).app.routes
    }


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("ftp://host/hidden", "expected an address that begins with scf://"),
        ("hidden", "expected an address that begins with scf://"),
        ("scf://thumbnails", "expected scf://FUNCTION.REGION/NAMESPACE"),
        ("scf://thumbnails.guangzhou", "expected scf://FUNCTION.REGION/NAMESPACE"),
        ("scf://2.ap-guangzhou", "expected scf://FUNCTION.REGION/NAMESPACE"),
        ("cmq-topic://media", "expected cmq-topic://NAME.REGION"),
        ("cmq-queue://a/b.ap-guangzhou", "expected cmq-queue://NAME.REGION"),
        ("https://host/hidden", "expected secret="),
        ("http://host/hidden?secret=hidden", "begins with https://"),
        ("https://me:hidden@host/?secret=hidden", "without user:password@"),
        ("https://host:x/?secret=hidden", "expected an address as https://host/path"),
        ("https:///hidden?secret=hidden", "expected an address as https://host/path"),
        ("scf://thumbnails.ap-guangzhou?qualifer=2", "did you mean qualifier=?"),
        ("cmq-topic://media.ap-guangzhou?secret=hidden", "there is no option 'secret'"),
        ("scf://thumbnails.ap-guangzhou?types=ImageSprite", "'ImageSprites'"),
        ("scf://thumbnails.ap-guangzhou?bucket=media", "APPID"),
        ("scf://thumbnails.ap-guangzhou?path=/a/*", "no leading slash"),
        ("scf://thumbnails.ap-guangzhou?session=,", "session="),
        ("scf://thumbnails.ap-guangzhou?types=,", "types= expects one or more"),
    ],
)
def test_a_target_that_cannot_be_meant_is_a_mistake_that_shows_no_secret(
    to: str, told: str
) -> None:
    with pytest.raises(ValueError, match=r"expect|option|type|match") as caught:
        Forward(to)
    assert told in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_all_mistakes_are_told_with_the_variable_and_the_number(application: Application) -> None:
    with pytest.raises(ConfigurationError) as caught:
        application(MPS_FORWARD="scf://a,cmq-topic://b", MPS_RESUBMIT="many")
    assert "MPS_FORWARD (number 1 of 2): expected scf://" in str(caught.value)
    assert "MPS_FORWARD (number 2 of 2): expected cmq-topic://" in str(caught.value)
    assert "MPS_RESUBMIT: expected how many times" in str(caught.value)


def test_a_target_is_an_object_of_ones_own_as_well(
    api: CloudApi, function: Recorder, cos: Cos
) -> None:
    forward = Forward("scf://thumbnails.ap-guangzhou/", Archive(ARCHIVE))
    assert forward.name == "scf-thumbnails.ap-guangzhou"
    event = parse_event(sample())
    assert forward.wants(event)
    assert forward.target.send(event, Context(), cos, logging.getLogger("t")) == "request-1"  # type: ignore[call-arg,arg-type]
    assert repr(Forward("https://hooks.example.com/x?secret=s").target._address) == (  # type: ignore[union-attr]
        "<Address hooks.example.com>"
    )
