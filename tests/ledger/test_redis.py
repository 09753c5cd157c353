"""The ledger in Redis: round trips, expiry, failing servers, and foreign keys."""

import json
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from time import monotonic

import pytest
import trustme

from scf_mps.errors import DamagedRecord, EventHeld, LedgerError, MissingPackage
from scf_mps.ledger import RedisLedger, open_ledger
from scf_mps.ledger.base import hash_key
from tests.support.raw_server import Server
from tests.support.redis_server import RedisServer

from .support import (
    BUCKET,
    FOUR,
    LEASE,
    REGION,
    RedisStore,
    create_event,
    create_record,
    deliver,
    measure_delay_without_ledger,
)


@pytest.fixture
def store(redis_server):
    return RedisStore(redis_server)


@pytest.fixture
def client(redis_server):
    return redis_server.client


@pytest.fixture
def own_server(redis_server, tmp_path):
    """A server that tests may stop."""
    with RedisServer(tmp_path) as server:
        yield server


def get_key(store, kind, name=""):
    return f"{{{store.prefix}}}:{kind}{':' if name else ''}{name}"


def count_commands(client):
    """Return the number of calls of each command, by clients and scripts."""
    return {
        name.removeprefix("cmdstat_"): stats["calls"]
        for name, stats in client.info("commandstats").items()
    }


def test_each_call_is_one_round_trip(store, client):
    ledger = store.open()
    ledger.claim(create_event("before"), FOUR, LEASE)  # loads the scripts and connects
    ledger.close(ledger.claim(create_event("second"), FOUR, LEASE), [], True)
    client.config_resetstat()
    deliver(ledger)
    counts = count_commands(client)
    assert counts["evalsha"] == 1 + 4 + 1
    assert "script|load" not in counts
    client.config_resetstat()
    assert ledger.claim(create_event(), FOUR, LEASE).held is False
    counts = count_commands(client)
    assert {name: counts[name] for name in counts if name in ("evalsha", "hset", "expire")} == {
        "evalsha": 1
    }


def test_all_keys_of_event_expire(store, client):
    ledger = RedisLedger(store.server.url, store.prefix, keep=1000.9)
    names = [
        get_key(store, "event", hash_key(create_event().key)),
        get_key(store, "raw", hash_key(create_event().key)),
        get_key(store, "task", hash_key(create_event().task_id)),
    ]
    lease = ledger.claim(create_event(), FOUR, LEASE)
    for act in (
        lambda: None,
        lambda: ledger.record(lease, create_record(FOUR[0])),
        lambda: ledger.close(lease, [], False),
        lambda: ledger.claim(create_event(), FOUR, LEASE),
    ):
        act()
        for name in names:
            assert 990 < client.ttl(name) <= 1000
            client.expire(name, 10)
    others = set(client.scan_iter(get_key(store, "*"))) - {name.encode() for name in names}
    assert others == {get_key(store, "index").encode()}


def test_events_are_kept_30_days_by_default(store, client):
    store.open().claim(create_event(), FOUR, LEASE)
    assert (
        30 * 86400 - 10
        < client.ttl(get_key(store, "event", hash_key(create_event().key)))
        <= 30 * 86400
    )


def test_constructor_defaults_match_url_defaults():
    created, opened = RedisLedger("redis://h"), open_ledger("redis://h")
    assert (created.keep, created._names) == (opened.keep, opened._names) == (2592000.0, "{mps}:")


def test_lease_seconds_use_server_clock(store, client):
    ledger = store.open()
    ledger.claim(create_event(), FOUR, LEASE)
    until = int(client.hget(get_key(store, "event", hash_key(create_event().key)), "until")) / 1000
    before = client.time()
    (event,) = ledger.list_events()
    after = client.time()
    assert until - after[0] - after[1] / 1e6 - 1e-6 <= event.lease_seconds
    assert event.lease_seconds <= until - before[0] - before[1] / 1e6 + 1e-6


def test_new_events_remove_expired_ones_from_index(store, client):
    ledger = RedisLedger(store.server.url, store.prefix, keep=3600.0)
    for number in range(12):
        ledger.claim(create_event(f"task-{number}"), FOUR, LEASE)
    kept = get_key(store, "event", hash_key(create_event("task-0").key))
    for name in client.scan_iter(get_key(store, "event", "*")):
        if name.decode() != kept:
            client.delete(name)
    assert [event.task_id for event in ledger.list_events()] == ["task-0"]
    assert ledger.find(create_event("task-1").key) is None
    assert list(ledger.list_events("task-1")) == []
    ledger.claim(create_event("young"), FOUR, LEASE)
    assert client.zcard(get_key(store, "index")) == 13
    for member in client.zrange(get_key(store, "index"), 0, -1):
        client.zincrby(get_key(store, "index"), -3700, member)
    ledger.claim(create_event("new"), FOUR, LEASE)
    # Ten members are checked, and one of them has not expired.
    assert client.zcard(get_key(store, "index")) == 14 - 9
    ledger.claim(create_event("newer"), FOUR, LEASE)
    assert {event.task_id for event in ledger.list_events()} == {"task-0", "young", "new", "newer"}
    assert client.zcard(get_key(store, "index")) == 4


def test_purge_removes_expired_event_from_index(store, client):
    ledger = store.open()
    deliver(ledger)
    client.delete(get_key(store, "event", hash_key(create_event().key)))
    assert ledger.purge(2e9) == 0
    assert client.zcard(get_key(store, "index")) == 0


def test_events_without_task_id_have_no_task_key(store, client):
    ledger = store.open()
    for number in range(3):
        event = create_event("", SessionId=str(number))
        ledger.close(ledger.claim(event, FOUR, LEASE), [create_record(FOUR[0])], True)
    assert len(list(ledger.list_events())) == 3
    assert list(client.scan_iter(get_key(store, "task", "*"))) == []


def test_purge_deletes_all_keys(store, client):
    ledger = store.open()
    tasks = ["", "one", "two"]
    for task in tasks:
        for status in ("FINISH", "PROCESSING"):
            ledger.close(ledger.claim(create_event(task, status), FOUR, LEASE), [], True)
    held = ledger.claim(create_event("one", "FINISH"), FOUR, LEASE)
    assert ledger.purge(4e9) == 5
    assert client.smembers(get_key(store, "task", hash_key("one"))) == {
        hash_key(held.event).encode()
    }
    ledger.close(held, [], True)
    assert ledger.purge(4e9) == 1
    assert list(client.scan_iter(get_key(store, "*"))) == []


def test_entries_return_more_than_one_batch(store):
    ledger = store.open()
    for number in range(201):
        ledger.claim(create_event(f"task-{number}"), [], LEASE)
    assert len({event.key for event in ledger.list_events()}) == 201


# Failing servers


class CuttingProxy(Server):
    """A proxy that cuts the connection instead of forwarding the next `cut` responses."""

    def __init__(self, port):
        super().__init__(self._forward)
        self.cut = 0
        self._target = ("127.0.0.1", port)

    def _forward(self, peer):
        with socket.create_connection(self._target) as server:
            self._start(self._forward_requests, peer.sock, server)
            while (data := server.recv(65536)) and not self.cut:
                peer.send(data)
            self.cut -= bool(data)
            for side in (peer.sock, server):
                side.shutdown(socket.SHUT_RDWR)

    def _forward_requests(self, client, server):
        with suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)
            server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(redis_server):
    with CuttingProxy(redis_server.port) as proxy:
        yield proxy


def test_repeated_requests_apply_once(store, proxy):
    """The response to each first attempt is lost after it took effect."""
    ledger = RedisLedger(f"redis://127.0.0.1:{proxy.port}/0", store.prefix)
    assert ledger.find("x") is None  # connects
    proxy.cut = 1
    lease = ledger.claim(create_event(), FOUR, LEASE, owner="first")
    assert (proxy.cut, lease.held, lease.delivery, lease.final_records) == (0, True, 1, {})
    with pytest.raises(EventHeld, match="first"):
        store.open().claim(create_event(), FOUR, LEASE)
    proxy.cut = 1
    ledger.record(lease, create_record(FOUR[0]))
    proxy.cut = 1
    ledger.close(lease, [create_record(FOUR[0]), create_record(FOUR[1], "failed")], False)
    assert proxy.cut == 0
    proxy.cut = 1
    lease = ledger.claim(create_event(), FOUR, LEASE)
    assert (lease.delivery, list(lease.final_records)) == (2, FOUR[:1])
    proxy.cut = 1
    assert len(list(ledger.list_events())) == 1


def test_broken_connections_are_ledger_error(store, proxy):
    ledger = RedisLedger(f"redis://127.0.0.1:{proxy.port}/0", store.prefix)
    assert ledger.find("x") is None
    proxy.cut = 99
    with pytest.raises(LedgerError, match="ConnectionError"):
        ledger.claim(create_event(), FOUR, LEASE)


def test_restarted_server_is_used_again(own_server):
    ledger = open_ledger(own_server.url)
    deliver(ledger)
    own_server.stop()
    own_server.start()
    lease = ledger.claim(create_event(), FOUR, LEASE)
    assert lease.delivery == 1  # the server stores nothing on disk
    ledger.record(lease, create_record(FOUR[0]))


def test_unreachable_server_is_reported_without_password():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ledger = open_ledger(f"redis://:s%3Acret@127.0.0.1:{port}/0")
    with pytest.raises(LedgerError, match="ConnectionError") as raised:
        ledger.claim(create_event(), FOUR, LEASE)
    assert raised.value.__cause__ is not None
    assert "cret" not in str(raised.value)


def test_password_is_sent_and_never_shown(redis_server, tmp_path):
    with RedisServer(tmp_path, "--requirepass", "s:cret/@") as server:
        good = open_ledger(f"redis://:s%3Acret%2F%40@127.0.0.1:{server.port}")
        assert good.claim(create_event(), FOUR, LEASE).held
        for url in (server.url, f"redis://:wrong-cret@127.0.0.1:{server.port}"):
            with pytest.raises(LedgerError, match=r"AuthenticationError|unauthenticated") as raised:
                open_ledger(url).claim(create_event(), FOUR, LEASE)
            assert "cret" not in str(raised.value)
            with pytest.raises(LedgerError) as raised:
                open_ledger(url).find(create_event().key)
            assert "cret" not in str(raised.value)


def test_forbidden_command_is_reported(store, client, redis_server):
    client.acl_setuser("reader", enabled=True, nopass=True, keys="*", commands=["+@all", "-time"])
    try:
        ledger = open_ledger(
            f"redis://reader:x@127.0.0.1:{redis_server.port}?prefix={store.prefix}"
        )
        with pytest.raises(LedgerError, match="permission"):
            ledger.find(create_event().key)
    finally:
        client.acl_deluser("reader")


def test_password_in_error_is_hidden(store, redis_server):
    from scf_mps.ledger.redis import _RedisConnections

    connections = _RedisConnections(f"redis://:pa%20ss@127.0.0.1:{redis_server.port}/0")

    def refuse(_):
        raise OSError("AUTH pa ss was refused")

    with pytest.raises(LedgerError, match=r"AUTH \*\*\* was refused"):
        connections.request(refuse, 1.0)


@pytest.mark.parametrize(("limit", "max_delay"), [(3, 1.3), (5, 2.2)])
def test_silent_server_leaves_time_for_callbacks(silent_port, limit, max_delay):
    pytest.importorskip("redis", reason="loading it would be measured")
    assert measure_delay_without_ledger(f"redis://127.0.0.1:{silent_port}/0", limit) < max_delay


def test_server_that_stops_leaves_time_for_callbacks(own_server):
    """An established connection does not wait longer than a new one."""
    ledger = open_ledger(own_server.url)
    ledger.claim(create_event("before"), FOUR, 5.0)
    own_server.process.send_signal(signal.SIGSTOP)
    began = monotonic()
    try:
        with pytest.raises(LedgerError, match="TimeoutError"):
            ledger.claim(create_event(), FOUR, 5.0)
    finally:
        own_server.process.send_signal(signal.SIGCONT)
    assert monotonic() - began < 1.5


def test_eviction_during_lease_is_reported(store, client):
    ledger = store.open()
    lease = ledger.claim(create_event(), FOUR, LEASE)
    client.delete(get_key(store, "event", hash_key(create_event().key)))
    for act in (
        lambda: ledger.record(lease, create_record(FOUR[0])),
        lambda: ledger.close(lease, [], True),
    ):
        with pytest.raises(LedgerError, match="noeviction"):
            act()
    assert client.exists(get_key(store, "event", hash_key(create_event().key))) == 0


# Foreign keys


def test_key_of_other_type_is_ledger_error(store, client):
    client.set(get_key(store, "event", hash_key(create_event().key)), "mine")
    with pytest.raises(LedgerError, match="WRONGTYPE"):
        store.open().claim(create_event(), FOUR, LEASE)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("told", "{"),
        ("told", "[]"),
        ("told", '{"key": 1}'),
        ("delivery", "many"),
        ("record x", "1 1 {}"),
        ("record x", "1"),
        ("record x", "1 1 []"),
        ("record r/0 make", "nonsense"),
        ("until", "soon"),
        ("until", "1e999"),
    ],
)
def test_damaged_event_is_named(store, client, field, value):
    """Some values already fail in the scripts."""
    ledger = store.open()
    deliver(ledger, complete=False)
    name = get_key(store, "event", hash_key(create_event().key))
    client.hset(name, field, value)
    for act in (
        lambda: ledger.claim(create_event(), FOUR, LEASE),
        lambda: ledger.find(create_event().key),
        lambda: list(ledger.list_events()),
    ):
        with pytest.raises(DamagedRecord) as raised:
            act()
        assert name in str(raised.value)


@pytest.mark.parametrize("text", [b"{", b"[]", b"null", b"[" * 100_000, b"\xff"])
def test_damaged_notification_is_named(store, client, text):
    ledger = store.open()
    deliver(ledger)
    name = get_key(store, "raw", hash_key(create_event().key))
    client.set(name, text)
    with pytest.raises(DamagedRecord) as raised:
        ledger.find(create_event().key)
    assert f"the key {name} in Redis is damaged, or not the ledger's. Restore" in str(raised.value)


def test_notification_of_another_type_is_damage(store, client):
    ledger = store.open()
    deliver(ledger)
    name = get_key(store, "raw", hash_key(create_event().key))
    client.delete(name)
    client.rpush(name, "mine")
    with pytest.raises(DamagedRecord) as raised:
        ledger.find(create_event().key)
    assert f"the key {name} in Redis is damaged, or not the ledger's (WRONGTYPE " in str(
        raised.value
    )


def test_expired_notification_is_none(store, client):
    ledger = store.open()
    deliver(ledger)
    client.delete(get_key(store, "raw", hash_key(create_event().key)))
    assert ledger.find(create_event().key).notification is None


def test_claim_fails_when_key_has_other_event(store, client):
    ledger = store.open()
    deliver(ledger)
    name = get_key(store, "event", hash_key(create_event().key))
    description = json.loads(client.hget(name, "told"))
    client.hset(name, "told", json.dumps({**description, "key": "another"}))
    with pytest.raises(DamagedRecord):
        ledger.claim(create_event(), FOUR, LEASE)
    assert ledger.find(create_event().key) is None


def test_prefixes_separate_ledgers(redis_server):
    first, second = RedisStore(redis_server), RedisStore(redis_server)
    deliver(first.open())
    assert second.open().claim(create_event(), FOUR, LEASE).delivery == 1
    assert first.open().claim(create_event(), FOUR, LEASE).held is False


def test_key_of_other_type_is_damage_in_history(store, client):
    ledger = store.open()
    ledger.close(ledger.claim(create_event("good"), [], LEASE), [], True)
    ledger.close(ledger.claim(create_event("bad"), [], LEASE), [], True)
    name = get_key(store, "event", hash_key(create_event("bad").key))
    client.delete(name)
    client.set(name, "mine")
    client.zadd(get_key(store, "index"), {b"\xff\xfe": 1e9})
    listed = []
    with pytest.raises(DamagedRecord, match="WRONGTYPE"):
        listed.extend(event.task_id for event in ledger.list_events())
    assert listed == ["good"]
    with pytest.raises(DamagedRecord, match="WRONGTYPE"):
        ledger.find(create_event("bad").key)


@pytest.fixture
def secure_server(redis_server, tmp_path, monkeypatch):
    """A server with TLS and a private CA for localhost."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(
        str(tmp_path / "server.pem")
    )
    server = RedisServer(tmp_path)
    files = [
        *("--tls-cert-file", str(tmp_path / "server.pem")),
        *("--tls-key-file", str(tmp_path / "server.pem")),
        *("--tls-auth-clients", "no"),
    ]
    server.command += [*files, "--tls-ca-cert-file", str(tmp_path / "ca.pem")]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server.command += ["--tls-port", str(port)]
    with server:
        yield f"rediss://localhost:{port}/0", tmp_path / "ca.pem", server


def test_tls_connection_respects_timeouts(secure_server, monkeypatch):
    url, authority, server = secure_server
    with pytest.raises(LedgerError, match="CERTIFICATE_VERIFY_FAILED"):
        open_ledger(url).claim(create_event(), FOUR, LEASE)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    ledger = open_ledger(url)
    lease = ledger.claim(create_event(), FOUR, LEASE)
    ledger.record(lease, create_record(FOUR[0]))
    server.process.send_signal(signal.SIGSTOP)
    lease.timeout = 0.5
    began = monotonic()
    try:
        for act in (
            lambda: ledger.record(lease, create_record(FOUR[1])),
            lambda: open_ledger(url).claim(create_event("new"), FOUR, 4.0),
        ):
            with pytest.raises(LedgerError):
                act()
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert monotonic() - began < 2.5


# Loading


def test_missing_package_is_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(MissingPackage):
        open_ledger("redis://127.0.0.1")


def test_package_is_loaded_on_first_use():
    code = "import sys; from scf_mps import App; App(ledger='redis://127.0.0.1').main_handler; print('redis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


@pytest.mark.parametrize(
    ("url", "module"),
    [("redis://127.0.0.1", "redis"), (f"cos://{BUCKET}.{REGION}/x/", "scf_mps.cos.client")],
)
def test_client_is_loaded_at_start_on_scf(url, module, monkeypatch):
    """SCF limits the start of an instance separately: loading takes no time of the first invocation."""
    monkeypatch.setenv("TENCENTCLOUD_RUNENV", "SCF")
    assert open_ledger(url) is not None
    code = f"import sys; from scf_mps import App; App(ledger={url!r}).main_handler; print({module!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr
