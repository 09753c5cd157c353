"""Spans of invocations, as an observer of a user receives them."""

import json
import threading

import pytest

pytest.importorskip("aiohttp", reason="the emulators need it")
pytest.importorskip("tencentcloud.common", reason="Mps uses it")

from scf_mps import (
    App,
    CallbacksFailed,
    Context,
    Cos,
    Drop,
    EventHeld,
    ImageSprites,
    InvalidEvent,
    LedgerError,
    Mps,
    Observer,
    RegistrationError,
    Transcode,
    parse_event,
)
from scf_mps.actions.http_post import Address, choose_timeout, exchange
from scf_mps.common.spans import derive_trace_id
from scf_mps.cos.transport import SHARED_POOL
from scf_mps.ledger import MemoryLedger
from scf_mps.local import api
from scf_mps.local.cos import CosEmulator, Fault
from scf_mps.local.samples import sample
from scf_mps.testing.clock import Clock
from tests.support.raw_server import Server

BUCKET = "media-1250000000"
FOLDER = f"cos://{BUCKET}.ap-guangzhou/"


class Spans(Observer):
    """Keeps the spans, and the seconds of each flush."""

    def __init__(self):
        self.all = []
        self.flushes = []

    def ended(self, span):
        assert span.end >= span.start > 0
        assert len(span.trace_id) == 32
        self.all.append(span)

    def flush(self, seconds):
        self.flushes.append(seconds)

    def find(self, kind):
        return [span for span in self.all if span.kind == kind]

    def only(self, kind):
        (span,) = self.find(kind)
        return span

    def assert_complete(self):
        """Check that every parent has ended, later than its children, and that every span ended once."""
        by_id = {span.span_id: index for index, span in enumerate(self.all)}
        assert len(by_id) == len(self.all)
        for index, span in enumerate(self.all):
            if span.parent_id:
                assert by_id[span.parent_id] > index
                assert self.all[by_id[span.parent_id]].trace_id == span.trace_id


@pytest.fixture
def spans():
    spans = Spans()
    yield spans
    spans.assert_complete()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def emulator(tmp_path, monkeypatch):
    with CosEmulator(tmp_path / "cos") as running:
        running.create_bucket(BUCKET, "ap-guangzhou")
        monkeypatch.setenv("MPS_COS_PROXY", running.url)
        monkeypatch.setenv("TENCENTCLOUD_SECRETID", running.key.secret_id)
        monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", running.key.secret_key)
        yield running
        SHARED_POOL.clear()


def create_event(task_id="", session=""):
    event = sample("WorkflowTask", Transcode="SUCCESS", ImageSprites="SUCCESS")
    if task_id:
        event["WorkflowTaskEvent"]["TaskId"] = task_id
    event["SessionContext"] = session
    return event


def create_context(clock=None, seconds=60):
    raw = {"request_id": "r", "function_name": "media", "time_limit_in_ms": seconds * 1000}
    return Context(raw, clock, clock.sleep) if clock else Context(raw)


def test_callbacks_are_below_event_and_invocation(spans):
    app = App(observers=[spans])
    app.on(Transcode, name="a")(lambda transcode: None)
    app.on(ImageSprites, name="b")(lambda sprites: None)
    app.main_handler(create_event("task-1"), create_context())
    invocation, event = spans.only("invocation"), spans.only("event")
    assert (invocation.name, invocation["request_id"], invocation.parent_id) == ("media", "r", "")
    assert (event.name, event["task_id"], event["status"]) == ("WorkflowTask", "task-1", "FINISH")
    assert event.parent_id == invocation.span_id
    assert [span.parent_id for span in spans.find("callback")] == [event.span_id] * 2
    assert [(span.name, span["type"], span["outcome"]) for span in spans.find("callback")] == [
        ("a", "Transcode", "done"),
        ("b", "ImageSprites", "done"),
    ]
    assert spans.all[-1] is invocation
    assert {span.error for span in spans.all} == {""}
    assert invocation.get("missing", 5) == 5
    assert repr(event) == "<Span event WorkflowTask>"


def test_all_deliveries_of_a_task_are_one_trace(spans):
    app = App(observers=[spans])
    app.on(Transcode)(lambda transcode: None)
    for task in ("task-1", "task-2", "task-1"):
        app.main_handler(create_event(task), {})
    first, second, third = [span.trace_id for span in spans.find("invocation")]
    assert first == third == derive_trace_id("task-1") != second
    assert len({span.trace_id for span in spans.all}) == 2


@pytest.mark.parametrize(
    ("session", "links"),
    [
        (
            f"order-7 traceparent=00-{'ab' * 16}-{'cd' * 8}-01",
            [("ab" * 16, "cd" * 8)],
        ),
        ("traceparent=00-short-01", []),
        ("", []),
    ],
)
def test_traceparent_of_the_submitter_becomes_a_link(spans, session, links):
    App(observers=[spans]).main_handler(create_event(session=session), {})
    assert [(link.trace_id, link.span_id) for link in spans.only("event").links] == links


def test_outcomes_of_callbacks_are_attributes(spans):
    class Denied(Exception):
        pass

    app = App(observers=[spans], ledger=MemoryLedger())

    @app.on(Transcode, name="a")
    def fail(transcode: Transcode) -> None:
        raise Denied("no entry")

    @app.on(Transcode, name="b")
    def drop(transcode: Transcode) -> None:
        raise Drop("not wanted")

    app.on(Transcode, name="c", needs=1e6)(lambda transcode: None)
    for _ in range(2):
        with pytest.raises(CallbacksFailed):
            app.main_handler(create_event(), create_context())
    failed, dropped = ("a", "failed", "Denied: no entry"), ("b", "dropped", "Drop: not wanted")
    assert [(span.name, span["outcome"], span.error) for span in spans.find("callback")] == [
        *(failed, dropped, ("c", "deferred", "")),
        *(failed, ("b", "skipped", ""), ("c", "deferred", "")),
    ]
    assert [span["delivery"] for span in spans.find("event")] == [1, 2]
    assert all(span.error.startswith("CallbacksFailed") for span in spans.find("event"))
    assert all(
        "reason" in span.attributes for span in spans.all if span.get("outcome") == "deferred"
    )


def test_callback_ends_as_failed_when_its_cleanup_fails(spans):
    class Session:
        pass

    def open_session():
        yield Session()
        raise ConnectionError("commit failed")

    app = App(observers=[spans])
    app.provide(Session, open_session, per="invocation")

    @app.on(Transcode)
    def use(transcode: Transcode, session: Session) -> None: ...

    with pytest.raises(CallbacksFailed):
        app.main_handler(create_event(), {})
    callback = spans.only("callback")
    assert (callback["outcome"], callback.error) == ("failed", "ConnectionError: commit failed")


HTTP = {"httpMethod": "POST", "headers": {}, "body": "{}", "path": "/", "requestContext": {}}


@pytest.mark.parametrize(
    ("event", "error"),
    [({"EventType": 5}, InvalidEvent), ("no event", InvalidEvent)],
)
def test_invalid_event_ends_its_invocation_with_an_error(spans, event, error):
    with pytest.raises(error):
        App(observers=[spans]).main_handler(event, {})
    assert spans.only("invocation").error.startswith("InvalidEvent")
    assert len(spans.all) == len(spans.flushes) == 1


def test_refused_request_ends_its_invocation_with_an_error(spans):
    response = App(observers=[spans]).main_handler({**HTTP, "body": json.dumps(create_event())}, {})
    assert response["statusCode"] == 401
    assert spans.only("invocation").error.startswith("RequestRefused")


def test_ledger_error_ends_the_event(spans):
    class Away(MemoryLedger):
        def claim(self, *arguments, **options):
            raise LedgerError("the store is away")

    app = App(observers=[spans], ledger=Away())
    app.on(Transcode)(lambda transcode: None)
    with pytest.raises(LedgerError):
        app.main_handler(create_event(), create_context())
    errors = {span.kind: span.error for span in spans.all}
    away = "LedgerError: the store is away"
    assert errors == {"ledger": away, "event": away, "invocation": away}


def test_ledger_calls_and_waits_have_spans(spans, clock):
    ledger = MemoryLedger()
    app = App(observers=[spans], ledger=ledger)
    app.on(Transcode)(lambda transcode: None)
    app.main_handler(create_event("task-1"), create_context(clock))
    assert [span.name for span in spans.find("ledger")] == ["claim", "record", "close"]
    ledger.claim(parse_event(create_event("task-2")), [], 600.0, owner="another delivery")
    with pytest.raises(EventHeld):
        app.main_handler(create_event("task-2"), create_context(clock))
    waits = spans.find("wait")
    assert {span.name for span in waits} == {"ledger"}
    assert sum(span.end - span.start for span in waits) == pytest.approx(59e9, rel=0.01)


def test_every_cos_attempt_has_a_span(spans, clock, emulator):
    app = App(observers=[spans])

    @app.on(Transcode)
    def write(transcode: Transcode, cos: Cos) -> None:
        cos.upload(b"done", f"{FOLDER}done")

    emulator.faults.add(Fault("slow_down", retry_after=7, count=1))
    app.main_handler(create_event(), create_context(clock))
    first, second = spans.find("cos")
    assert (first.name, first["bucket"], first["key"]) == ("PUT", BUCKET, "done")
    assert (first.attempt, first["status"], first["code"]) == (1, 503, "SlowDown")
    assert first.error.startswith("Throttled")
    assert (second.attempt, second["status"], second.error) == (2, 200, "")
    assert second["wait"] >= 7
    assert first["request_id"] != second["request_id"]
    callback, wait = spans.only("callback"), spans.only("wait")
    assert {span.parent_id for span in (first, second, wait)} == {callback.span_id}
    assert (wait.end - wait.start) / 1e9 == pytest.approx(second["wait"])


def test_spans_of_worker_threads_have_the_callback_as_parent(spans, emulator):
    app = App(observers=[spans])
    keys = [f"{FOLDER}{number}" for number in range(40)]

    @app.on(Transcode)
    def look_up(transcode: Transcode, cos: Cos) -> None:
        cos.exists(keys)

    @app.on(ImageSprites)
    def use_own_thread(sprites: ImageSprites, cos: Cos) -> None:
        thread = threading.Thread(target=cos.exists, args=(keys[0],))
        thread.start()
        thread.join()

    app.main_handler(create_event(), create_context())
    parents = [span.parent_id for span in spans.find("cos")]
    first, second = spans.find("callback")
    assert [parents.count(span.span_id) for span in (first, second)] == [40, 1]


def test_async_callback_is_the_parent_of_its_requests(spans, emulator):
    import asyncio

    app = App(observers=[spans])

    @app.on(Transcode)
    async def look(transcode: Transcode, cos: Cos) -> None:
        await asyncio.to_thread(cos.exists, f"{FOLDER}a")

    app.main_handler(create_event(), create_context())
    assert spans.only("cos").parent_id == spans.only("callback").span_id


def test_every_api_attempt_has_a_span(spans, clock, monkeypatch):
    app = App(observers=[spans])

    @app.on(Transcode)
    def look(transcode: Transcode, mps: Mps) -> None:
        mps.call("DescribeTasks", Status="FINISH")

    with api.CloudApi([api.Mps()]) as cloud:
        monkeypatch.setenv("MPS_API_ENDPOINT", cloud.url)
        monkeypatch.setenv("TENCENTCLOUD_REGION", "ap-guangzhou")
        monkeypatch.setenv("TENCENTCLOUD_SECRETID", cloud.key.secret_id)
        monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", cloud.key.secret_key)
        cloud.faults.add("DescribeTasks")
        app.main_handler(create_event(), create_context(clock))
    first, second = spans.find("api")
    assert (first.name, first["service"], first["code"]) == (
        *("DescribeTasks", "mps"),
        "RequestLimitExceeded",
    )
    assert (first.attempt, second.attempt) == (1, 2)
    assert (bool(first.error), second.error) == (True, "")
    assert first["request_id"] != second["request_id"]
    assert spans.only("wait").name == "api"


@pytest.mark.parametrize("status", [200, 500])
def test_outgoing_post_has_a_span(spans, status):
    app = App(observers=[spans])

    @app.on(Transcode)
    def send(transcode: Transcode, context: Context) -> None:
        exchange(Address(f"{server.url}/hook"), b"{}", {}, choose_timeout(context))

    response = f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n".encode()
    with Server(lambda peer: (peer.read_request(), peer.send(response))) as server:
        app.main_handler(create_event(), create_context())
    post = spans.only("post")
    assert (post.name, post["status"]) == (f"127.0.0.1:{server.port}", status)


def test_batch_has_a_trace_for_each_task(spans):
    app = App(observers=[spans])
    app.on(Transcode)(lambda transcode: None)
    tasks = ["task-1", "task-2"]
    records = [{"CMQ": {"msgBody": json.dumps(create_event(task))}} for task in tasks]
    app.main_handler({"Records": records}, {})
    invocation, events = spans.only("invocation"), spans.find("event")
    assert [span.trace_id for span in events] == [derive_trace_id(task) for task in tasks]
    assert [span.parent_id for span in events] == ["", ""]
    for span in events:
        assert [link.span_id for link in span.links] == [invocation.span_id]
        assert span.links[0].trace_id == invocation.trace_id


def test_requests_before_the_event_is_known_are_in_its_trace(spans, emulator):
    """A reference to an archived event is fetched from COS first."""
    with_object = Cos()
    archived = f"{FOLDER}event.json"
    with_object.upload(json.dumps(create_event("task-1")).encode(), archived)
    app = App(observers=[spans])
    app.main_handler({"TaskId": "task-1", "ArchivedEvent": archived}, create_context())
    assert spans.only("cos").parent_id == spans.only("invocation").span_id
    assert {span.trace_id for span in spans.all} == {derive_trace_id("task-1")}


def test_nested_main_handler_links_to_its_caller():
    inner, outer = Spans(), Spans()
    nested = App(observers=[inner])
    app = App(observers=[outer])

    @app.on(Transcode)
    def call(transcode: Transcode) -> None:
        nested.main_handler(create_event("task-2"), {})

    app.main_handler(create_event("task-1"), {})
    (link,) = inner.only("invocation").links
    assert link.span_id == outer.only("callback").span_id
    inner.assert_complete()
    outer.assert_complete()


@pytest.mark.parametrize(
    ("seconds", "flushed"), [(60, pytest.approx(1.0)), (1, pytest.approx(0.7)), (None, 1.0)]
)
def test_flush_is_last_and_bounded_by_the_deadline(spans, clock, seconds, flushed):
    raw = {"time_limit_in_ms": seconds * 1000} if seconds else {}
    App(observers=[spans]).main_handler(create_event(), Context(raw, clock, clock.sleep))
    assert spans.flushes == [flushed]


def test_flush_gets_no_time_after_the_deadline(spans, clock):
    app = App(observers=[spans])
    app.on(Transcode)(lambda transcode: clock.sleep(70))
    app.main_handler(create_event(), create_context(clock))
    assert spans.flushes == [0.0]


def test_failing_observer_is_logged_and_never_the_events(spans, caplog, emulator):
    class Broken(Observer):
        def ended(self, span):
            Cos().exists(f"{FOLDER}a")  # has no span, and so does not call the observer again
            raise SystemExit(span.kind)

        def flush(self, seconds):
            raise ValueError("in flush")

    app = App(observers=[Broken(), spans])
    app.on(Transcode)(lambda transcode: None)
    app.main_handler(create_event(), {})
    assert [span.kind for span in spans.all] == ["callback", "event", "invocation"]
    assert [record.exc_info[0] for record in caplog.records if record.levelname == "ERROR"] == [
        SystemExit,
        SystemExit,
        SystemExit,
        ValueError,
    ]


def test_events_that_an_observer_handles_have_no_spans(spans):
    class Nested(Observer):
        def ended(self, span):
            app.main_handler(create_event("task-2"), {})

    app = App(observers=[Nested(), spans])
    app.main_handler(create_event("task-1"), {})
    assert [span.kind for span in spans.all] == ["event", "invocation"]


def test_observer_without_methods_does_nothing():
    App(observers=[Observer()]).main_handler(create_event(), {})


def test_errors_of_spans_have_no_secrets(spans, monkeypatch):
    monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", "s3cr3t-of-the-function")
    app = App(observers=[spans])

    @app.on(Transcode)
    def leak(transcode: Transcode) -> None:
        raise ValueError("s3cr3t-of-the-function")

    with pytest.raises(CallbacksFailed):
        app.main_handler(create_event(), {})
    assert "s3cr3t" not in " ".join(span.error for span in spans.all)


def test_copy_of_an_application_has_more_observers(spans):
    own = Spans()
    app = App(observers=[own])
    app.overridden({}, observers=[spans]).main_handler(create_event(), {})
    app.main_handler(create_event(), {})
    assert (len(own.find("invocation")), len(spans.find("invocation"))) == (2, 1)


@pytest.mark.parametrize("observers", [[5], [Observer], [print]])
def test_other_objects_are_not_observers(observers):
    with pytest.raises(RegistrationError, match="Observer"):
        App(observers=observers)
    with pytest.raises(RegistrationError, match="Observer"):
        App().overridden({}, observers=observers)
