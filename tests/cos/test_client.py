"""Client: connections, retries, deadlines and the error of each response."""

import socket
import ssl
import time

import pytest
import trustme

from scf_mps.context import Context
from scf_mps.cos import (
    Conflict,
    CosError,
    Denied,
    NotFound,
    Pool,
    Retry,
    Throttled,
    Unavailable,
    connection_pool,
)
from scf_mps.cos.http1 import MinThroughput
from scf_mps.cos.request import Request
from tests.support.raw_server import Server

from .support import QUICK_RETRY, at, build_response, place


def test_chunked_response_keeps_connection(server, scripted_cos):
    server.responses = [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5;x=y\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nTrailer: x\r\n\r\n"
    ]
    for _ in range(2):
        assert scripted_cos._client.call(Request(at("a"))).body == b"hello world"
    assert server.connections == 1


@pytest.mark.parametrize(
    ("response", "connections"),
    [
        ([b"HTTP/1.0 200 OK\r\n\r\n", b"h", b"i<end>"], 2),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", 2),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", 2),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + build_response(200, b"hi"), 1),
    ],
)
def test_connection_is_kept_if_server_keeps_it(server, scripted_cos, response, connections):
    server.responses = [response]
    for _ in range(2):
        assert scripted_cos._client.call(Request(at("a"), "PUT")).body == b"hi"
    assert server.connections == connections


@pytest.mark.parametrize(
    ("response", "keyword"),
    [
        (b"SSH-2.0-x\r\n", "response"),
        (b"HTTP/1.1 abc\r\n\r\n", "response"),
        (b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", "header"),
        (b"HTTP/1.1 200 OK\r\nName: cut", "header"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 300 + b"\r\n", "headers"),
        (b"", "response"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 30, "interim"),
        (build_response(200, b"half", content_length=10), "early"),
    ],
)
def test_malformed_response_is_retried_then_unavailable(server, scripted_cos, response, keyword):
    server.responses = [response + server.END]
    with pytest.raises(Unavailable, match=keyword) as raised:
        scripted_cos._client.call(Request(at("a")))
    assert raised.value.code == "ConnectionBroken"
    assert len(server.heads) == QUICK_RETRY.attempts


def test_response_headers_are_joined_and_keep_bytes(server, scripted_cos):
    server.responses = [
        b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nx-b: \xff\r\nContent-Length: 0\r\n\r\n"
    ]
    headers = scripted_cos._client.call(Request(at("a"))).headers
    assert headers["x-a"] == "1, 2"
    assert headers["x-b"].encode("utf-8", "surrogateescape") == b"\xff"


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (build_response(403, b"<Error><Code>AccessDenied</Code></Error>"), Denied),
        (b"", Unavailable),
    ],
)
def test_upload_fails_when_server_ends_connection(make_cos, response, error):
    """The connection is reset while the body is being sent, possibly after a response."""

    def refuse(peer):
        peer.sock.recv(1000)
        peer.send(response)

    with Server(refuse) as server:
        cos = make_cos(proxy=server.url, retry=Retry(attempts=1))
        with pytest.raises(error):
            cos.upload(b"x" * (20 << 20), at("a"))


def test_request_is_repeated_after_truncated_head(server, scripted_cos):
    server.responses = [
        b"HTTP/1.1 200" + server.END,
        b"HTTP/1.1 200 OK\r\nConte" + server.RESET,
        build_response(200, b"x"),
    ]
    assert scripted_cos.read(at("a")) == b"x"


def test_unknown_error_in_200_is_unavailable(server, scripted_cos):
    server.responses = [
        build_response(200, etag='"e"', x_cos_hash_crc64ecma="1"),
        build_response(200, b"<Error><Code>Whatever</Code></Error>"),
    ]
    with pytest.raises(Unavailable) as raised:
        scripted_cos.copy(at("a"), to=place("b"))
    assert raised.value.code == "Whatever"


def test_kept_connection_takes_timeout_of_request(server, make_cos):
    now = [0.0]
    context = Context({"time_limit_in_ms": 9000}, clock=lambda: now[0])
    cos = make_cos(proxy=server.url, context=context)
    server.responses = [build_response(200)]
    for _ in range(2):
        cos.head(at("a"))
        now[0] += 1
    assert server.connections == 1


def test_missing_response_times_out(server, make_cos):
    server.responses = [b""]
    cos = make_cos(proxy=server.url, timeout=0.05, retry=Retry(attempts=2, base=0.001))
    with pytest.raises(Unavailable) as raised:
        cos.head(at("a"))
    assert raised.value.code == "TimedOut"
    assert len(server.heads) == 2


def test_slow_body_times_out():
    """Single bytes keep the timeout of a socket from ending it."""
    throughput = MinThroughput(0.0, min_bytes=10)
    throughput.count(20)
    with pytest.raises(TimeoutError, match="bytes"):
        throughput.count(5)
    MinThroughput(60.0).count(1)


def test_kept_connection_is_reused_and_replaced(server, make_cos):
    pool = Pool()
    server.responses = [build_response(200), build_response(200) + server.END, build_response(200)]
    cos = make_cos(proxy=server.url, pool=pool)
    for _ in range(2):
        cos.head(at("a"))
    assert server.connections == 1
    cos.head(at("a"))
    assert server.connections == 2
    assert len(server.heads) == 3


def test_bytes_after_response_are_discarded(server, make_cos):
    """A proxy may respond twice, or end an idle connection with a 408."""
    cos = make_cos(proxy=server.url, pool=Pool())
    server.responses = [
        build_response(200, b"first") + build_response(200, b"other"),
        build_response(200, b"second"),
    ]
    assert cos.read(at("a")) == b"first"
    assert cos.read(at("b")) == b"second"
    assert cos.read(at("b")) == b"second"
    assert server.connections == 2


def test_unrepeatable_request_uses_new_connection(server, scripted_cos):
    server.responses = [build_response(200)]
    scripted_cos.head(at("a"))
    scripted_cos._client.call(Request(at("a"), "POST", is_repeatable=False))
    assert server.connections == 2


def test_pool_closes_old_and_excess_connections(monkeypatch):
    class IdleConnection:
        busy, reusable, idle_since, closed = False, True, 0.0, False
        is_inherited = False

        def close(self):
            self.closed = True

    pool = Pool()
    where = ("h", 1, False)
    first, second = IdleConnection(), IdleConnection()
    pool.give(where, first)
    first.idle_since = time.monotonic() - 100
    assert pool.take(where) is None
    assert first.closed
    monkeypatch.setattr(connection_pool, "_MAX_IDLE_CONNECTIONS", 1)
    pool.give(where, IdleConnection())
    pool.give(where, second)
    assert second.closed
    pool.clear()
    assert pool.take(where) is None


def test_pools_are_separate(make_cos):
    pools = [Pool(), Pool()]
    for pool in pools:
        make_cos(pool=pool).exists(at("a"))
    assert [sum(map(len, pool._idle.values())) for pool in pools] == [1, 1]


def test_refused_connection_is_unavailable(make_cos):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(Unavailable, match="connect") as raised:
        make_cos(proxy=f"http://127.0.0.1:{port}").head(at("a"))
    assert not raised.value.maybe_applied
    assert raised.value.object == at("a")


@pytest.mark.parametrize(
    "proxy",
    ["a:80", "https://a:80", "http://a", "http://:80", "http://u:pass@a:1", "https://u:pass@a"],
)
def test_invalid_proxy_is_rejected_without_its_password(make_cos, proxy):
    with pytest.raises(ValueError, match="host:port") as raised:
        make_cos(proxy=proxy)
    assert "pass@" not in str(raised.value)


def resolve_to(monkeypatch, port):
    """Make every host resolve to a server on this machine."""
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **more: real("127.0.0.1", port, **more))


def test_connection_without_proxy_is_encrypted(server, make_cos, monkeypatch):
    """The server does not speak TLS."""
    resolve_to(monkeypatch, server.port)
    server.responses = [build_response(200)]
    with pytest.raises(Unavailable, match="media-1250000000"):
        make_cos(proxy="", retry=Retry(attempts=1), timeout=0.2).head(at("a"))
    assert not any("HTTP/1.1" in head for head in server.heads)


def test_tls_verifies_certificate_of_host(tmp_path, make_cos, monkeypatch):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    host = "media-1250000000.cos.ap-guangzhou.myqcloud.com"
    authority.issue_cert(host).configure_cert(context)

    def respond(peer):  # to two requests, then the connection ends silently
        for _ in range(2):
            peer.read_request()
            peer.send(build_response(200, b"secret"))

    pool = Pool()
    with Server(respond, context) as server:
        server.on_exit.append(pool.clear)
        resolve_to(monkeypatch, server.port)
        cos = make_cos(proxy="", retry=Retry(attempts=1), pool=pool)
        assert [cos.read(at("a")) for _ in range(3)] == [b"secret"] * 3
        assert server.connections == 2
        with pytest.raises(Unavailable, match="certificate"):
            cos.read(at("a", "other-1250000000"))


def test_retry_waits_at_least_retry_after(server, make_cos):
    from email.utils import formatdate

    for value in ("60", formatdate(time.time() + 60, usegmt=True)):
        server.responses = [build_response(503, retry_after=value)]
        context = Context({"time_limit_in_ms": 3000})
        with pytest.raises(Throttled):
            make_cos(proxy=server.url, context=context).head(at("a"))
    assert len(server.heads) == 2
    server.responses = [
        build_response(503, retry_after="soon"),
        build_response(503, retry_after="0"),
        build_response(200),
    ]
    make_cos(proxy=server.url).head(at("a"))


def test_no_request_is_sent_without_time(server, make_cos):
    server.responses = [build_response(200)]
    late = make_cos(proxy=server.url, context=Context({"time_limit_in_ms": 1}, clock=lambda: 0.0))
    ended = make_cos(proxy=server.url, context=create_expired_context())
    assert late.exists(at("a"))
    with pytest.raises(Unavailable) as raised:
        ended.head(at("a"))
    assert raised.value.code == "DeadlineExceeded"
    with pytest.raises(CosError):
        ended.read(at("a"))
    assert len(server.heads) == 1


def create_expired_context():
    now = [0.0]
    context = Context({"time_limit_in_ms": 5000}, clock=lambda: now[0])
    now[0] = 5.0
    return context


def test_request_fails_when_rate_leaves_no_time(make_cos):
    cos = make_cos(context=Context({"time_limit_in_ms": 3000}), rate=0.000001)
    with pytest.raises(Unavailable) as raised:
        any(cos.exists(at(key)) for key in "abc")
    assert raised.value.code == "DeadlineExceeded"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "NoSuchKey", NotFound),
        (403, "AccessDenied", Denied),
        (401, "", Denied),
        (409, "PathConflict", Conflict),
        (412, "PreconditionFailed", Conflict),
        (403, "InvalidObjectState", Conflict),
        (503, "SlowDown", Throttled),
        (503, "ServiceUnavailable", Unavailable),
        (429, "", Throttled),
        (500, "InternalError", Unavailable),
        (418, "Else", CosError),
        (304, "", Conflict),
        (301, "PermanentRedirect", CosError),
        (301, "", CosError),
    ],
)
def test_each_refusal_has_its_error_class(server, make_cos, status, code, kind):
    body = f"<?xml version='1.0'?>\n<Error><Code>{code}</Code><Message>&quot;why&quot;</Message><RequestId>r</RequestId></Error>"
    server.responses = [build_response(status, body.encode() if code else b"")]
    cos = make_cos(proxy=server.url, retry=Retry(attempts=1))
    for call in (lambda: cos.read(at("a")), lambda: cos._client.call(Request(at("a"), "DELETE"))):
        with pytest.raises(CosError) as raised:
            call()
        error = raised.value
        assert type(error) is kind
        assert (error.status, error.code, error.object) == (status, code, at("a"))
        assert error.request_id == ("r" if code and status != 304 else "")
        assert str(status) in str(error)


def test_bucket_error_has_no_object(server, make_cos):
    server.responses = [build_response(404, b"<Error><Code>NoSuchBucket</Code></Error>")]
    cos = make_cos(proxy=server.url)
    with pytest.raises(NotFound) as raised:
        list(cos.list(place()))
    assert raised.value.object is None
    with pytest.raises(NotFound):
        cos.delete(at("a"))
    server.responses = [build_response(404, b"<Error><Code>NoSuchKey</Code></Error>")]
    cos.delete(at("a"))
