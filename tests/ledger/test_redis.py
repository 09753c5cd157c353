"""The ledger in Redis beside what all ledgers do: what it sends, how it expires, servers that fail, keys of others."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from time import monotonic

import pytest
import trustme

from scf_mps.errors import DamagedRecord, EventHeld, LedgerError
from scf_mps.ledger import RedisLedger, open_ledger
from scf_mps.ledger.base import hash_key
from tests.support.redis_server import RedisServer

from .conftest import BUCKET, LEASE, REGION, Server, event, record, run_without_ledger

FOUR = [f"r/{number} make" for number in range(4)]


@pytest.fixture
def store(redis_server):
    return Server(redis_server)


@pytest.fixture
def client(redis_server):
    return redis_server.client


@pytest.fixture
def own_server(redis_server, tmp_path):
    """A server that may be stopped."""
    with RedisServer(tmp_path) as server:
        yield server


def deliver(ledger, calls=FOUR, complete=True):
    claim = ledger.claim(event(), calls, LEASE)
    for call in calls:
        ledger.record(claim, record(call))
    ledger.close(claim, [record(call) for call in calls], complete)


def key(store, kind, name=""):
    return f"{{{store.prefix}}}:{kind}{':' if name else ''}{name}"


def commands(client):
    """How often each command was called by a client, scripts included."""
    return {
        name.removeprefix("cmdstat_"): told["calls"]
        for name, told in client.info("commandstats").items()
    }


def test_each_call_is_one_round_trip(store, client):
    ledger = store.open()
    ledger.claim(event("before"), FOUR, LEASE)  # loads the scripts and connects
    ledger.close(ledger.claim(event("before, too"), FOUR, LEASE), [], True)
    client.config_resetstat()
    deliver(ledger)
    told = commands(client)
    assert told["evalsha"] == 1 + 4 + 1
    assert "script|load" not in told
    client.config_resetstat()
    assert ledger.claim(event(), FOUR, LEASE).held is False
    told = commands(client)
    assert {name: told[name] for name in told if name in ("evalsha", "hset", "expire")} == {
        "evalsha": 1
    }


def test_all_keys_of_an_event_expire_when_it_was_not_touched_for_so_long(store, client):
    ledger = RedisLedger(store.server.url, store.prefix, keep=1000.9)
    names = [
        key(store, "event", hash_key(event().key)),
        key(store, "raw", hash_key(event().key)),
        key(store, "task", hash_key(event().task_id)),
    ]
    claim = ledger.claim(event(), FOUR, LEASE)
    for act in (
        lambda: None,
        lambda: ledger.record(claim, record(FOUR[0])),
        lambda: ledger.close(claim, [], False),
        lambda: ledger.claim(event(), FOUR, LEASE),
    ):
        act()
        for name in names:
            assert 990 < client.ttl(name) <= 1000
            client.expire(name, 10)
    others = set(client.scan_iter(key(store, "*"))) - {name.encode() for name in names}
    assert others == {key(store, "index").encode()}


def test_it_keeps_for_thirty_days_unless_told_otherwise(store, client):
    store.open().claim(event(), FOUR, LEASE)
    assert 30 * 86400 - 10 < client.ttl(key(store, "event", hash_key(event().key))) <= 30 * 86400


def test_a_ledger_made_with_its_url_alone_is_the_one_that_its_url_opens():
    made, opened = RedisLedger("redis://h"), open_ledger("redis://h")
    assert (made.keep, made._names) == (opened.keep, opened._names) == (2592000.0, "{mps}:")


def test_what_is_left_of_a_hold_is_told_by_the_server_s_clock(store, client):
    ledger = store.open()
    ledger.claim(event(), FOUR, LEASE)
    until = int(client.hget(key(store, "event", hash_key(event().key)), "until")) / 1000
    before = client.time()
    (entry,) = ledger.entries()
    after = client.time()
    assert until - after[0] - after[1] / 1e6 - 1e-6 <= entry.held
    assert entry.held <= until - before[0] - before[1] / 1e6 + 1e-6


def test_events_that_expired_leave_the_index_with_the_next_new_ones(store, client):
    ledger = RedisLedger(store.server.url, store.prefix, keep=3600.0)
    for number in range(12):
        ledger.claim(event(f"task-{number}"), FOUR, LEASE)
    kept = key(store, "event", hash_key(event("task-0").key))
    for name in client.scan_iter(key(store, "event", "*")):
        if name.decode() != kept:
            client.delete(name)
    assert [entry.task_id for entry in ledger.entries()] == ["task-0"]
    assert ledger.find(event("task-1").key) is None
    assert list(ledger.entries("task-1")) == []
    ledger.claim(event("young"), FOUR, LEASE)
    assert client.zcard(key(store, "index")) == 13
    for member in client.zrange(key(store, "index"), 0, -1):
        client.zincrby(key(store, "index"), -3700, member)
    ledger.claim(event("new"), FOUR, LEASE)
    # Ten are looked at, of which one has not expired.
    assert client.zcard(key(store, "index")) == 14 - 9
    ledger.claim(event("newer"), FOUR, LEASE)
    assert {entry.task_id for entry in ledger.entries()} == {"task-0", "young", "new", "newer"}
    assert client.zcard(key(store, "index")) == 4


def test_an_event_that_expired_can_be_purged_from_the_index(store, client):
    ledger = store.open()
    deliver(ledger)
    client.delete(key(store, "event", hash_key(event().key)))
    assert ledger.purge(2e9) == 0
    assert client.zcard(key(store, "index")) == 0


def test_events_without_a_task_id_are_no_task_s(store, client):
    ledger = store.open()
    for number in range(3):
        told = event("", SessionId=str(number))
        ledger.close(ledger.claim(told, FOUR, LEASE), [record(FOUR[0])], True)
    assert len(list(ledger.entries())) == 3
    assert list(client.scan_iter(key(store, "task", "*"))) == []


def test_nothing_is_left_of_what_was_purged(store, client):
    ledger = store.open()
    tasks = ["", "one", "two"]
    for task in tasks:
        for status in ("FINISH", "PROCESSING"):
            ledger.close(ledger.claim(event(task, status), FOUR, LEASE), [], True)
    held = ledger.claim(event("one", "FINISH"), FOUR, LEASE)
    assert ledger.purge(4e9) == 5
    assert client.smembers(key(store, "task", hash_key("one"))) == {hash_key(held.event).encode()}
    ledger.close(held, [], True)
    assert ledger.purge(4e9) == 1
    assert list(client.scan_iter(key(store, "*"))) == []


def test_more_events_than_are_asked_for_at_once_are_all_told(store):
    ledger = store.open()
    for number in range(201):
        ledger.claim(event(f"task-{number}"), [], LEASE)
    assert len({entry.key for entry in ledger.entries()}) == 201


# Servers that fail


class Cutting:
    """Passes on what is said between a client and a server, and cuts the connection instead of the next answer."""

    def __init__(self, port):
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.cut = 0
        self._open = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._port))
            self._open += [client, server]
            threading.Thread(target=self._pass, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, True), daemon=True).start()

    def _pass(self, source, sink, answers):
        try:
            while data := source.recv(65536):
                if answers and self.cut:
                    self.cut -= 1
                    break
                sink.sendall(data)
        except OSError:
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        for one in self._open:
            one.close()


@pytest.fixture
def cutting(redis_server):
    made = Cutting(redis_server.port)
    yield made
    made.close()


def test_whatever_is_sent_twice_is_done_once(store, cutting):
    """The answer to each first try is lost, after it took effect."""
    ledger = RedisLedger(f"redis://127.0.0.1:{cutting.port}/0", store.prefix)
    assert ledger.find("x") is None  # connects
    cutting.cut = 1
    claim = ledger.claim(event(), FOUR, LEASE, owner="we")
    assert (cutting.cut, claim.held, claim.delivery, claim.ended) == (0, True, 1, {})
    with pytest.raises(EventHeld, match="request we"):
        store.open().claim(event(), FOUR, LEASE)
    cutting.cut = 1
    ledger.record(claim, record(FOUR[0]))
    cutting.cut = 1
    ledger.close(claim, [record(FOUR[0]), record(FOUR[1], "failed")], False)
    assert cutting.cut == 0
    cutting.cut = 1
    claim = ledger.claim(event(), FOUR, LEASE)
    assert (claim.delivery, list(claim.ended)) == (2, FOUR[:1])
    cutting.cut = 1
    assert len(list(ledger.entries())) == 1


def test_a_connection_that_breaks_again_and_again_is_the_ledger_s_error(store, cutting):
    ledger = RedisLedger(f"redis://127.0.0.1:{cutting.port}/0", store.prefix)
    assert ledger.find("x") is None
    cutting.cut = 99
    with pytest.raises(LedgerError, match="the ledger failed in Redis: ConnectionError"):
        ledger.claim(event(), FOUR, LEASE)


def test_a_server_that_was_started_again_is_used_again(own_server):
    ledger = open_ledger(own_server.url)
    deliver(ledger)
    own_server.stop()
    own_server.start()
    claim = ledger.claim(event(), FOUR, LEASE)
    assert claim.delivery == 1  # it kept nothing, as it was told to
    ledger.record(claim, record(FOUR[0]))


def test_a_server_that_is_not_there_is_the_ledger_s_error_without_its_password():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ledger = open_ledger(f"redis://:s%3Acret@127.0.0.1:{port}/0")
    with pytest.raises(LedgerError, match="ConnectionError") as raised:
        ledger.claim(event(), FOUR, LEASE)
    assert raised.value.__cause__ is not None
    assert "cret" not in str(raised.value)


def test_a_server_that_wants_a_password_gets_it_and_never_tells_it(redis_server, tmp_path):
    with RedisServer(tmp_path, "--requirepass", "s:cret/@") as server:
        good = open_ledger(f"redis://:s%3Acret%2F%40@127.0.0.1:{server.port}")
        assert good.claim(event(), FOUR, LEASE).held
        for url in (server.url, f"redis://:wrong-cret@127.0.0.1:{server.port}"):
            with pytest.raises(LedgerError, match=r"AuthenticationError|unauthenticated") as raised:
                open_ledger(url).claim(event(), FOUR, LEASE)
            assert "cret" not in str(raised.value)
            with pytest.raises(LedgerError) as raised:
                open_ledger(url).find(event().key)
            assert "cret" not in str(raised.value)


def test_command_that_is_not_allowed_is_named(store, client, redis_server):
    client.acl_setuser("reader", enabled=True, nopass=True, keys="*", commands=["+@all", "-time"])
    try:
        ledger = open_ledger(
            f"redis://reader:x@127.0.0.1:{redis_server.port}?prefix={store.prefix}"
        )
        with pytest.raises(LedgerError, match="permission"):
            ledger.find(event().key)
    finally:
        client.acl_deluser("reader")


def test_a_password_that_an_error_repeats_is_hidden(store, redis_server):
    from scf_mps.ledger.redis import _RedisConnections

    server = _RedisConnections(f"redis://:pa%20ss@127.0.0.1:{redis_server.port}/0")

    def refuse(_):
        raise OSError("AUTH pa ss was refused")

    with pytest.raises(
        LedgerError, match=r"^the ledger failed in Redis: OSError: AUTH \*\*\* was refused$"
    ):
        server.ask(refuse, 1.0)


@pytest.mark.parametrize(("limit", "most"), [(3, 1.3), (5, 2.2)])
def test_a_server_that_never_answers_leaves_time_for_the_callbacks(silent, limit, most):
    pytest.importorskip("redis", reason="its loading is not to be measured")
    assert run_without_ledger(f"redis://127.0.0.1:{silent}/0", limit) < most


def test_a_server_that_falls_silent_leaves_time_for_the_callbacks(own_server):
    """A connection that was good is not asked for longer than a new one."""
    ledger = open_ledger(own_server.url)
    ledger.claim(event("before"), FOUR, 5.0)
    own_server.process.send_signal(signal.SIGSTOP)
    began = monotonic()
    try:
        with pytest.raises(LedgerError, match="TimeoutError"):
            ledger.claim(event(), FOUR, 5.0)
    finally:
        own_server.process.send_signal(signal.SIGCONT)
    assert monotonic() - began < 1.5


def test_an_event_that_redis_evicted_while_it_was_held_is_told(store, client):
    ledger = store.open()
    claim = ledger.claim(event(), FOUR, LEASE)
    client.delete(key(store, "event", hash_key(event().key)))
    for act in (
        lambda: ledger.record(claim, record(FOUR[0])),
        lambda: ledger.close(claim, [], True),
    ):
        with pytest.raises(LedgerError, match="needs maxmemory-policy noeviction"):
            act()
    assert client.exists(key(store, "event", hash_key(event().key))) == 0


# Keys of others


def test_a_key_of_another_kind_is_told(store, client):
    client.set(key(store, "event", hash_key(event().key)), "mine")
    with pytest.raises(LedgerError, match="WRONGTYPE"):
        store.open().claim(event(), FOUR, LEASE)


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
    ],
)
def test_a_damaged_event_is_named(store, client, field, value):
    ledger = store.open()
    deliver(ledger)
    name = key(store, "event", hash_key(event().key))
    client.hset(name, field, value)
    for act in (
        lambda: ledger.claim(event(), FOUR, LEASE),
        lambda: ledger.find(event().key),
        lambda: list(ledger.entries()),
    ):
        with pytest.raises(DamagedRecord) as raised:
            act()
        assert str(raised.value).startswith(f"the key {name} in Redis is damaged")


def test_a_damaged_notification_is_named(store, client):
    ledger = store.open()
    deliver(ledger)
    name = key(store, "raw", hash_key(event().key))
    client.set(name, b"{")
    with pytest.raises(DamagedRecord, match="delete it") as raised:
        ledger.find(event().key)
    assert name in str(raised.value)
    client.delete(name)
    assert ledger.find(event().key).notification is None


def test_another_event_in_its_place_is_told(store, client):
    ledger = store.open()
    deliver(ledger)
    name = key(store, "event", hash_key(event().key))
    told = json.loads(client.hget(name, "told"))
    client.hset(name, "told", json.dumps({**told, "key": "another"}))
    with pytest.raises(DamagedRecord):
        ledger.claim(event(), FOUR, LEASE)
    assert ledger.find(event().key) is None


def test_two_prefixes_are_two_ledgers(redis_server):
    one, other = Server(redis_server), Server(redis_server)
    deliver(one.open())
    assert other.open().claim(event(), FOUR, LEASE).delivery == 1
    assert one.open().claim(event(), FOUR, LEASE).held is False


@pytest.mark.parametrize(
    ("field", "value"),
    [("until", "soon"), ("until", "1e999"), ("record r/0 make", "nonsense"), ("delivery", "x")],
)
def test_field_that_a_script_cannot_read_is_named(store, client, field, value):
    ledger = store.open()
    deliver(ledger, complete=False)
    client.hset(key(store, "event", hash_key(event().key)), field, value)
    with pytest.raises(DamagedRecord, match="delete it"):
        ledger.claim(event(), FOUR, LEASE)
    with pytest.raises(DamagedRecord, match="delete it"):
        list(ledger.entries())


def test_key_of_another_kind_is_named_and_others_listed(store, client):
    ledger = store.open()
    ledger.close(ledger.claim(event("good"), [], LEASE), [], True)
    ledger.close(ledger.claim(event("bad"), [], LEASE), [], True)
    name = key(store, "event", hash_key(event("bad").key))
    client.delete(name)
    client.set(name, "mine")
    client.zadd(key(store, "index"), {b"\xff\xfe": 1e9})
    listed = []
    with pytest.raises(DamagedRecord, match="WRONGTYPE"):
        listed.extend(entry.task_id for entry in ledger.entries())
    assert listed == ["good"]
    with pytest.raises(DamagedRecord, match="WRONGTYPE"):
        ledger.find(event("bad").key)


@pytest.mark.parametrize("notification", [b"[]", b"null", b"[" * 100_000, b"\xff"])
def test_notification_of_another_shape_is_named(store, client, notification):
    ledger = store.open()
    deliver(ledger)
    client.set(key(store, "raw", hash_key(event().key)), notification)
    with pytest.raises(DamagedRecord, match="delete it"):
        ledger.find(event().key)


@pytest.fixture
def secure_server(redis_server, tmp_path, monkeypatch):
    """A server that speaks TLS alone, with a certificate of its own for localhost."""
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


def test_ledger_works_over_tls_within_its_time(secure_server, monkeypatch):
    url, authority, server = secure_server
    with pytest.raises(LedgerError, match="CERTIFICATE_VERIFY_FAILED"):
        open_ledger(url).claim(event(), FOUR, LEASE)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    ledger = open_ledger(url)
    claim = ledger.claim(event(), FOUR, LEASE)
    ledger.record(claim, record(FOUR[0]))
    server.process.send_signal(signal.SIGSTOP)
    claim.timeout = 0.5
    began = monotonic()
    try:
        for act in (
            lambda: ledger.record(claim, record(FOUR[1])),
            lambda: open_ledger(url).claim(event("new"), FOUR, 4.0),
        ):
            with pytest.raises(LedgerError):
                act()
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert monotonic() - began < 2.5


# Loading


def test_a_function_without_the_package_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(LedgerError, match=r"pip install 'scf-mps\[redis\]'"):
        open_ledger("redis://127.0.0.1")


def test_the_package_is_loaded_when_the_ledger_is_first_used():
    code = "import sys; from scf_mps import App; App(ledger='redis://127.0.0.1').main_handler; print('redis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


@pytest.mark.parametrize(
    ("url", "module"),
    [("redis://127.0.0.1", "redis"), (f"cos://{BUCKET}.{REGION}/x/", "scf_mps.cos.client")],
)
def test_instance_loads_client_when_it_starts(url, module, monkeypatch):
    """SCF limits the start of an instance on its own: loading takes no time of the first invocation."""
    monkeypatch.setenv("TENCENTCLOUD_RUNENV", "SCF")
    assert open_ledger(url) is not None
    code = f"import sys; from scf_mps import App; App(ledger={url!r}).main_handler; print({module!r} in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
    )
    assert done.stdout == "True\n", done.stderr
