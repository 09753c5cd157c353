"""The fixture `mps`: deliveries, emulators, time, failures and what stays unused."""

import logging
import os

import pytest

pytest.importorskip("aiohttp", reason="the emulators need it")

from scf_mps import (
    App,
    Context,
    Cos,
    Drop,
    Event,
    IdempotencyKey,
    Middleware,
    RegistrationError,
    Subtask,
    Transcode,
    actions,
)
from scf_mps.cos import Denied, NotFound
from scf_mps.local.cos import Fault
from scf_mps.testing import MpsFixture
from scf_mps.testing import event as e
from scf_mps.testing.fixture import Session, UnusedPreparation

PLAYER = "cos://player-1250000000.ap-guangzhou/"
OUT = "cos://out-1250000000.ap-guangzhou/"


class Database:
    """What a callback needs."""

    def mark(self, key):
        raise ConnectionError("there is no database here")


class Fake(Database):
    def __init__(self):
        self.keys = []

    def mark(self, key):
        self.keys.append(key)


@pytest.fixture
def app(mps):
    """An application that publishes, then bills."""
    app = App()
    app.provide(Database, Database)

    @app.on(Subtask, name="shop.publish", needs=5)
    def publish(result: Subtask, cos: Cos) -> None:
        cos.publish(result, to=f"{PLAYER}vod/")

    @app.on_complete(Event, name="shop.bill")
    def bill(event: Event, database: Database, key: IdempotencyKey, log: logging.Logger) -> None:
        database.mark(key)
        log.info("billed")

    mps.app = app
    return app


@pytest.fixture
def database(mps, app):
    return mps.override(Database, Fake())


# Deliveries.


def test_delivery_has_the_outcomes_of_callbacks(mps, app, database):
    mps.bucket(PLAYER)
    delivery = mps.deliver(e.workflow(e.transcode(), e.image_sprites(), e.porn(fails="X")))
    assert delivery["publish"] == delivery["shop.publish"] == ["done", "done"]
    assert (delivery.ok, delivery.done) == (True, ["publish", "publish", "bill"])
    assert delivery.unhandled == ["Porn"]
    assert delivery.keys("bill") == database.keys
    assert "billed" in [record.getMessage() for record in delivery.logs]
    assert delivery.logs == mps.logs
    assert delivery.spans == mps.spans
    assert {span.kind for span in delivery.spans} >= {"invocation", "event", "callback", "cos"}
    assert delivery.requests == mps.cos.requests
    assert delivery.cos.count == len(delivery.requests) > 0
    assert repr(delivery) == "<Delivery publish done, publish done, bill done>"
    with pytest.raises(KeyError, match="bill, publish"):
        delivery["nothing"]


def test_redelivery_skips_unless_forced(mps, app, database):
    mps.bucket(PLAYER)
    event = dict(e.workflow(e.transcode()))
    mps.deliver(event).assert_done()
    assert mps.deliver(event).skipped == ["publish", "bill"]
    assert mps.deliver(event, force=("shop.bill",))["bill"] == ["done"]
    assert mps.ledger.find(mps.deliveries[0].event.key).complete


@pytest.mark.mps(MPS_LEDGER="none")
def test_ledger_may_be_another_one(mps, app, database):
    mps.bucket(PLAYER)
    event = e.workflow(e.transcode())
    mps.deliver(event)
    mps.app = app
    assert mps.deliver(event).done == ["publish", "bill"]
    with pytest.raises(ValueError, match="process"):
        mps.crash(after="bill")


def test_table_shows_causes(mps, app):
    mps.bucket(PLAYER)
    delivery = mps.deliver(e.workflow(e.transcode()))
    assert (delivery.ok, delivery.failed) == (False, ["bill"])
    assert delivery.raised(ConnectionError)
    assert not delivery.raised(KeyError)
    with pytest.raises(AssertionError, match="ConnectionError: there is no database here"):
        delivery.assert_done()
    assert mps.describe().startswith("Delivery 1: <WorkflowTask")


def test_event_without_callbacks_is_not_done(mps):
    mps.app = App()
    delivery = mps.deliver(e.workflow(e.transcode()))
    assert (delivery.ok, delivery.unhandled) == (True, ["Transcode"])
    with pytest.raises(AssertionError, match="no callback ran"):
        delivery.assert_done()
    assert repr(delivery) == "<Delivery without callbacks>"


def test_invalid_event_is_an_error(mps):
    mps.app = App()
    delivery = mps.post({"EventType": 7})
    assert delivery.status == 401
    assert "HTTP 401" in str(mps.post(e.workflow()))


def test_dropped_callback_is_complete(mps):
    mps.app = app = App()

    @app.on(Transcode, name="a.work")
    def work(result: Transcode) -> None:
        raise Drop("too short")

    @app.on(Transcode, name="b.work")
    def other(result: Transcode) -> None:
        pass

    delivery = mps.deliver(e.workflow(e.transcode())).assert_done()
    assert (delivery.dropped, delivery.done) == (["a.work"], ["b.work"])
    assert delivery["work"] == ["dropped", "done"]


@pytest.mark.mps(MPS_LEDGER="file:///proc/no-ledger")
def test_error_of_the_event_is_the_cause(mps):
    mps.app = App(ledger="file:///proc/no-ledger")
    mps.app.on(Transcode, name="work")(lambda result: None)
    delivery = mps.deliver(e.workflow(e.transcode()))
    assert not delivery.ok
    assert delivery.causes == [delivery.error]
    assert type(delivery.error).__name__ in str(delivery)


def test_keyboard_interrupt_ends_the_test(mps):
    class Stop(Middleware):
        def before_event(self, event: Event, context: Context) -> None:
            raise KeyboardInterrupt

    mps.app = App(middleware=[Stop()])
    with pytest.raises(KeyboardInterrupt):
        mps.deliver(e.workflow(e.transcode()))


# Retries.


def test_push_retries_only_what_failed(mps, app, database):
    mps.bucket(PLAYER)
    mps.cos.refuse("*_100040.mp4", "CopyObject")
    before = mps.clock()
    deliveries = mps.push(e.workflow(e.transcode(), e.transcode())).assert_done()
    assert [delivery["publish"] for delivery in deliveries] == [
        ["done", "failed"],
        ["skipped", "done"],
    ]
    assert deliveries[0].raised(Denied)
    assert mps.clock() - before == 60
    assert deliveries.dead_letter is None
    assert len(deliveries.keys("publish")) == 3


def test_push_ends_in_the_dead_letter_queue(mps, app, database):
    mps.bucket(PLAYER)
    mps.fail("publish", ConnectionError("gone"), times=None)
    deliveries = mps.push(dict(e.workflow(e.transcode())))
    assert len(deliveries) == 3
    assert deliveries.dead_letter["Body"]["RetryNum"] == 2
    with pytest.raises(AssertionError, match="dead letter"):
        deliveries.assert_done()


def test_push_lets_every_callback_fail(mps, app):
    deliveries = mps.push(e.workflow(e.transcode()), fails=ConnectionError)
    assert deliveries.dead_letter
    assert all(delivery.raised(ConnectionError) for delivery in deliveries)


def test_push_gives_up_after_the_lifetime_of_the_event(mps):
    mps.app = slow = App()
    slow.on(Transcode, name="work")(lambda result: mps.clock.advance(21600) or 1 / 0)
    assert len(mps.push(e.workflow(e.transcode()))) == 1


def test_crash_repeats_the_callback_with_its_key(mps, app, database):
    mps.bucket(PLAYER)
    mps.crash(after="publish")
    crashed, repeated = deliveries = mps.push(e.workflow(e.transcode(), e.transcode()))
    assert crashed["publish"] == ["crashed"]
    assert repeated["publish"] == ["done", "done"]
    first, again, _ = deliveries.keys("publish")
    assert first == again
    assert len(database.keys) == 1


# Time.


@pytest.mark.mps(time_limit=30)
def test_late_callbacks_are_deferred(mps):
    limits = []
    mps.app = late = App()
    late.on(Transcode, name="work", needs=5)(lambda result: limits.append(1))
    delivery = mps.deliver(e.workflow(e.transcode()), remaining=4)
    assert (delivery.deferred, limits) == (["work"], [])
    assert "too little time was left" in str(delivery)


@pytest.mark.mps(time_limit=30)
def test_time_limit_is_that_of_the_marker(mps):
    mps.app = app = App()
    seen = []

    @app.on(Transcode, name="work")
    def work(result: Transcode, context: Context) -> None:
        seen.append(context.remaining())
        mps.clock.advance(10)
        seen.append(context.remaining())

    mps.deliver(e.workflow(e.transcode()))
    assert seen == [30, 20]


def test_waits_take_no_time(mps, app, database):
    mps.bucket(PLAYER)
    mps.cos.throttle("CopyObject", times=2, retry_after=3)
    assert mps.deliver(e.workflow(e.transcode())).assert_done().cos.retries == 2
    assert sum(mps.clock.waits) >= 6


# The cloud.


def test_expired_credentials_are_denied_until_renewed(mps, app, database):
    mps.bucket(PLAYER)
    event = e.workflow(e.transcode())
    mps.credentials.expire()
    assert mps.deliver(event).raised(Denied)
    mps.credentials.renew()
    mps.deliver(event).assert_done()
    assert mps.cos.client.exists(f"{PLAYER}vod/demo_Transcode_100030.mp4")


def test_missing_copy_is_reported(mps, app, database):
    player = mps.bucket(PLAYER)
    event = e.workflow(e.transcode(), e.adaptive_dynamic_streaming())
    mps.deliver(event).assert_done()
    player.assert_same(event.files, under="vod/")
    assert player.keys == [
        f"vod/demo_{name}"
        for name in (
            "AdaptiveDynamicStreaming_12.m3u8",
            "AdaptiveDynamicStreaming_12_0.ts",
            "Transcode_100030.mp4",
        )
    ]
    mps.cos.client.upload(b"other", f"{PLAYER}vod/demo_Transcode_100030.mp4", overwrite=True)
    with pytest.raises(AssertionError, match="differs"):
        player.assert_same(event.files)
    with pytest.raises(AssertionError, match="no copy"):
        mps.bucket(f"{PLAYER}other/").assert_same(event.files)
    assert player.read("vod/demo_Transcode_100030.mp4") == b"other"
    assert repr(player) == f"<Bucket {PLAYER}>"


def test_files_at_the_top_of_a_bucket_are_stored(mps):
    mps.app = app = App()

    @app.on(Subtask, name="read")
    def read(result: Subtask, cos: Cos) -> None:
        for file in cos.files(result):
            assert cos.read(file)

    assert mps.cos
    mps.deliver(e.workflow(e.adaptive_dynamic_streaming(path="/a.m3u8"))).assert_done()
    assert mps.cos.read(f"{OUT}a_0.ts").startswith(b"content of")


def test_stored_object_is_read(mps):
    mps.app = app = App()

    @app.on(Transcode, name="read")
    def read(result: Transcode, cos: Cos) -> None:
        assert cos.read_text(f"{OUT}prices.txt") == "42"

    stored = mps.bucket(OUT).store("prices.txt", "42")
    assert mps.find_unused() == [f"nothing read {stored}"]
    mps.deliver(e.workflow(e.transcode())).assert_done()
    assert mps.find_unused() == []


def test_copied_object_counts_as_read(mps, app, database):
    mps.bucket(PLAYER)
    mps.cos.store(f"{OUT}videos/demo_Transcode_100030.mp4", b"mine")
    mps.deliver(e.workflow(e.transcode())).assert_done()
    assert mps.bucket(PLAYER).read("vod/demo_Transcode_100030.mp4") == b"mine"


@pytest.mark.mps(unused=True)
def test_unused_preparations_are_found(mps, app, database):
    mps.cos.fail(Fault("error", "PutObject"))
    mps.cos.store(f"{OUT}x")
    mps.api.fail("DescribeTask*")
    mps.fail("nothing", KeyError)
    mps.crash(after="bill")
    unused = mps.find_unused()
    assert len(unused) == 5
    with pytest.raises(UnusedPreparation, match="unused=True"):
        mps.check_unused()


def test_faults_do_not_hit_the_test_itself(mps, app, database):
    player = mps.bucket(PLAYER)
    mps.cos.refuse(times=None)
    assert mps.deliver(e.workflow(e.transcode())).raised(Denied)
    with pytest.raises(NotFound):
        player.read("nothing")


def test_api_has_the_delivered_tasks(mps):
    pytest.importorskip("tencentcloud.common", reason="Mps uses it")
    from scf_mps import Mps

    mps.app = app = App()

    @app.on(Event, name="look")
    def look(event: Event, api: Mps) -> None:
        assert api.notification(event.task_id)["EventType"] == "WorkflowTask"

    mps.api.fail("DescribeTaskDetail", code="InternalError")
    mps.deliver(e.workflow(e.transcode())).assert_done()
    mps.deliver(e.batch())
    assert len(mps.api.requests) > 1
    assert mps.clock.waits


@pytest.mark.mps(MPS_NOTIFY="slack://T/B/KEY")
def test_single_message_is_the_only_one(mps):
    mps.app = app = App()
    notify = actions.Notify(mps._variables["MPS_NOTIFY"])
    app.on_complete(Event, name="tell", **notify.filters)(notify.send)
    mps.deliver(e.workflow(e.transcode())).assert_done()
    assert "demo.mp4" in mps.messages.only.text


def test_session_without_messages_closes():
    session = Session()
    MpsFixture(session).close()
    session.close()


def test_event_may_be_a_dict(mps):
    mps.app = App()
    assert mps.push(dict(e.workflow())).last.ok


@pytest.mark.mps(MPS_NOTIFY="wecom://KEY?lang=en,mailto:you@example.com?lang=en", MPS_FORWARD="")
def test_messages_of_all_channels_arrive(mps):
    mps.app = app = App()
    for index, address in enumerate(mps._variables["MPS_NOTIFY"].split(",")):
        notify = actions.Notify(address, smtp=mps._variables["MPS_SMTP"])
        app.on_complete(Event, name=f"tell{index}", **notify.filters)(notify.send)
    mps.deliver(e.workflow(e.transcode(fails="InternalError"))).assert_done()
    assert {message.channel for message in mps.messages} == {"wecom", "mail"}
    assert all("InternalError" in message.text for message in mps.messages)
    assert mps.messages[0].lines
    with pytest.raises(AssertionError, match="2 messages"):
        mps.messages.only  # noqa: B018


def test_address_that_cannot_be_redirected_is_rejected():
    session = Session()
    try:
        with pytest.raises(ValueError, match="MPS_NOTIFY"):
            MpsFixture(session, {"MPS_NOTIFY": "ses://1/a@example.com"})
    finally:
        session.close()


# HTTP.


@pytest.mark.mps(MPS_NOTIFY_KEY="secret")
def test_only_signed_requests_are_accepted(mps, app, database):
    mps.bucket(PLAYER)
    event = e.workflow(e.transcode())
    assert mps.post(event).status == 401
    assert mps.post(event, sign="other").status == 401
    delivery = mps.post(event, sign="secret")
    assert (delivery.status, delivery.done) == (200, ["publish", "bill"])
    assert "MPS_NOTIFY_KEY" not in os.environ


@pytest.mark.mps(MPS_NOTIFY_KEY="secret")
def test_failed_request_has_the_outcomes_of_callbacks(mps, app):
    mps.bucket(PLAYER)
    delivery = mps.post(e.workflow(e.transcode()), sign="secret")
    assert (delivery.status, delivery.failed, delivery.ok) == (500, ["bill"], False)


# The application.


def test_calls_of_an_event_are_listed(mps, app):
    event = e.workflow(e.transcode(), e.porn(fails="X"))
    assert mps.unhandled(event) == ["Porn"]
    assert mps.callbacks(event) == [("shop.publish", "Transcode"), ("shop.bill", "WorkflowTask")]


@pytest.mark.parametrize(("kind", "value"), [(Database, "text"), (dict, {})])
def test_override_is_checked(mps, app, kind, value):
    mps.override(kind, value)
    with pytest.raises(RegistrationError, match=kind.__name__):
        mps.deliver(e.workflow(e.transcode()))


def test_function_runs_in_processes(mps):
    event = e.workflow(e.transcode())
    mps.cos.store_outputs(event.files)
    with mps.process(timeout=20, environment={"MPS_PUBLISH": f"{PLAYER}vod/"}) as function:
        mps.bucket(PLAYER)
        function.push(event)
        function.push(event)
        function.settle()
    first, second = function.invocations
    assert (first.status, second.status) == (200, 200)
    assert {call["outcome"] for call in second.returned["callbacks"]} == {"skipped"}
    mps.bucket(PLAYER).assert_same(event.files)
    assert mps.cos.requests
