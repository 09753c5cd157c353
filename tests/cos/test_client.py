"""What comes over the wire, down to its bytes: whole answers, broken ones, slow ones, and ones that ask to wait."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
import time

import pytest

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
)
from scf_mps.cos.request import Request
from tests.support.optional_programs import require

from .conftest import QUICK, at, place, reply


def test_an_answer_may_come_in_chunks(wire, wired):
    wire.answers = [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5;x=y\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nTrailer: x\r\n\r\n"
    ]
    assert wired._client.call(Request(at("a"))).body == b"hello world"
    assert wired._client.call(Request(at("a"))).body == b"hello world", "the connection is kept"


def test_chunks_that_are_none_are_a_broken_answer(wire, wired):
    wire.answers = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"]
    with pytest.raises(Unavailable, match="chunk"):
        wired._client.call(Request(at("a")))


def test_an_empty_document_may_come_in_chunks(wire, wired):
    wire.answers = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]
    assert wired._client.call(Request(at("a"))).body == b""


def test_an_answer_of_unknown_length_ends_with_its_connection(wire, wired):
    wire.answers = [[b"HTTP/1.0 200 OK\r\n\r\n", b"hello", b" world" + wire.END]]
    assert wired._client.call(Request(at("a"))).body == b"hello world"
    wire.answers = [b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"]
    assert wired._client.call(Request(at("a"))).body == b"hi"


def test_an_interim_answer_is_passed_over(wire, wired):
    wire.answers = [b"HTTP/1.1 100 Continue\r\n\r\n" + reply(200, b"x")]
    assert wired._client.call(Request(at("a"), "PUT")).body == b"x"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"SSH-2.0-x\r\n", "response"),
        (b"HTTP/1.1 abc\r\n\r\n", "response"),
        (b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", "header"),
        (b"HTTP/1.1 200 OK\r\nName: cut", "header"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 300 + b"\r\n", "headers"),
        (b"", "response"),
        (reply(200, b"half", content_length=10), "early"),
    ],
)
def test_what_is_no_whole_answer_is_unavailable(wire, wired, answer, reason):
    wire.answers = [answer + wire.END]
    with pytest.raises(Unavailable, match=reason) as broken:
        wired._client.call(Request(at("a")))
    assert broken.value.code == "ConnectionBroken"
    assert len(wire.heads) == QUICK.attempts


def test_headers_that_come_twice_are_joined_and_bytes_that_are_no_utf8_kept(wire, wired):
    wire.answers = [
        b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nx-b: \xff\r\nContent-Length: 0\r\n\r\n"
    ]
    headers = wired._client.call(Request(at("a"))).headers
    assert headers["x-a"] == "1, 2"
    assert headers["x-b"].encode("utf-8", "surrogateescape") == b"\xff"


def test_a_refusal_may_come_before_the_body_was_sent(emulator, make_cos):
    """A server that answers and hangs up while the body is still on its way is heard all the same."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            connection.recv(1000)
            connection.sendall(reply(403, b"<Error><Code>AccessDenied</Code></Error>"))
            connection.close()  # with most of the body unread: a reset

    threading.Thread(target=serve, daemon=True).start()
    cos = make_cos(proxy=f"http://127.0.0.1:{listener.getsockname()[1]}", retry=Retry(attempts=1))
    with pytest.raises(Denied):
        cos.upload(b"x" * (20 << 20), at("a"), overwrite=True)
    listener.close()


def test_a_connection_that_breaks_while_the_body_is_sent_is_unavailable(make_cos):
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.recv(1000)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                connection.close()

    threading.Thread(target=serve, daemon=True).start()
    cos = make_cos(proxy=f"http://127.0.0.1:{listener.getsockname()[1]}")
    with pytest.raises(Unavailable):
        cos.upload(b"x" * (20 << 20), at("a"))
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_an_answer_that_breaks_off_in_its_head_is_asked_for_again(wire, wired):
    wire.answers = [
        b"HTTP/1.1 200" + wire.END,
        b"HTTP/1.1 200 OK\r\nConte" + wire.CUT,
        reply(200, b"x"),
    ]
    assert wired.read(at("a")) == b"x"


def test_an_error_in_a_200_without_a_known_code_is_unavailable(wire, wired):
    wire.answers = [
        reply(200, etag='"e"', x_cos_hash_crc64ecma="1"),
        reply(200, b"<Error><Code>Whatever</Code></Error>"),
    ]
    with pytest.raises(Unavailable) as failed:
        wired.copy(at("a"), to=place("b"))
    assert failed.value.code == "Whatever"


def test_the_time_limit_of_a_kept_connection_is_that_of_its_request(wire, make_cos):
    now = [0.0]
    context = Context({"time_limit_in_ms": 9000}, clock=lambda: now[0])
    cos = make_cos(proxy=wire.url, context=context)
    wire.answers = [reply(200)]
    for _ in range(2):
        cos.head(at("a"))
        now[0] += 1
    assert len(wire._open) == 1


def test_a_copy_of_an_object_without_checksums_is_compared_by_size_and_etag(wire, wired):
    known = reply(200, etag='"e-2"', content_length=7)

    def answer(head):
        if head.startswith("HEAD"):
            return known
        return reply(200, b"<CopyObjectResult><ETag>&quot;e-2&quot;</ETag></CopyObjectResult>")

    wire.answers = [answer]
    assert wired.copy(at("a"), to=place("b")) == at("b", "player-1250000000")


def test_a_listed_object_of_several_parts_is_compared_by_the_crc64_of_its_source(wire, wired):
    names = [f"k{number:02}" for number in range(20)]
    page = "".join(
        f"<Contents><Key>{name}</Key><LastModified>2026-11-22T06:40:37.000Z</LastModified>"
        f"<ETag>&quot;e-2&quot;</ETag><Size>7</Size></Contents>"
        for name in names
    )

    def answer(head):
        if head.startswith("HEAD"):
            return reply(200, etag='"e-2"', content_length=7, x_cos_hash_crc64ecma="42")
        if head.startswith("GET"):
            body = page if "desk" in head else ""
            return reply(200, f"<ListBucketResult>{body}</ListBucketResult>".encode())
        return reply(
            200,
            b"<CopyObjectResult><ETag>&quot;other&quot;</ETag><CRC64>42</CRC64></CopyObjectResult>",
        )

    wire.answers = [answer]
    assert len(wired.copy([at(name) for name in names], to=place("p/"))) == 20


def test_an_answer_that_does_not_come_ends_with_the_time_limit(wire, make_cos):
    wire.answers = [b""]
    cos = make_cos(proxy=wire.url, timeout=0.05, retry=Retry(attempts=2, base=0.001))
    with pytest.raises(Unavailable) as late:
        cos.head(at("a"))
    assert late.value.code == "TimedOut"
    assert len(wire.heads) == 2


def test_a_body_that_drips_ends_with_the_time_limit(wire, make_cos):
    """A byte now and then keeps a socket's own limit from ever ending it."""
    from scf_mps.cos.http1 import MinThroughput

    pace = MinThroughput(0.0, min_bytes=10)
    pace.count(20)
    with pytest.raises(TimeoutError, match="only 5 bytes"):
        pace.count(5)
    slow = MinThroughput(60.0)
    slow.count(1)


def test_kept_connections_are_used_again_and_ended_ones_replaced(wire, make_cos):
    pool = Pool()
    wire.answers = [reply(200), reply(200) + wire.END, reply(200)]
    cos = make_cos(proxy=wire.url, pool=pool)
    for _ in range(2):
        cos.head(at("a"))
    assert len(wire._open) == 1
    cos.head(at("a"))
    assert len(wire._open) == 2, "the kept one had ended: another was made, no attempt was lost"
    assert len(wire.heads) == 3


def test_bytes_after_a_response_are_not_the_next_one(wire, make_cos):
    """Of a proxy that answers twice, or of a 408 that ends an idle connection."""
    cos = make_cos(proxy=wire.url, pool=Pool())
    wire.answers = [reply(200, b"first") + reply(200, b"other"), reply(200, b"second")]
    assert cos.read(at("a")) == b"first"
    assert cos.read(at("b")) == b"second"
    assert cos.read(at("b")) == b"second"
    assert len(wire._open) == 2


def test_what_must_not_be_sent_twice_gets_a_connection_of_its_own(wire, wired):
    wire.answers = [reply(200)]
    wired.head(at("a"))
    wired._client.call(Request(at("a"), "POST", is_repeatable=False))
    assert len(wire._open) == 2


def test_idle_connections_grow_old_and_are_not_kept_without_end(monkeypatch):
    from scf_mps.cos import transport

    class Still:
        busy, reusable, idle_since, closed = False, True, 0.0, False
        is_inherited = False

        def close(self):
            self.closed = True

    pool = Pool()
    where = ("h", 1, False)
    first, second = Still(), Still()
    pool.give(where, first)
    first.idle_since = time.monotonic() - 100
    assert pool.take(where) is None
    assert first.closed
    monkeypatch.setattr(transport, "_MAX_IDLE_CONNECTIONS", 1)
    pool.give(where, Still())
    pool.give(where, second)
    assert second.closed
    pool.clear()
    assert pool.take(where) is None


def test_a_place_where_nobody_listens_is_unavailable(make_cos):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(Unavailable, match="cannot connect") as failed:
        make_cos(proxy=f"http://127.0.0.1:{port}").head(at("a"))
    assert not failed.value.maybe_applied
    assert failed.value.object == at("a")


def test_a_proxy_is_an_address(make_cos):
    for proxy in ("127.0.0.1:80", "https://127.0.0.1:80", "http://127.0.0.1", "http://:80"):
        with pytest.raises(ValueError, match="http://host:port"):
            make_cos(proxy=proxy)


def lead_to(monkeypatch, port):
    """Have every host resolve to a server on this machine."""
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **more: real("127.0.0.1", port, **more))


def test_without_a_proxy_the_way_to_cos_is_encrypted(wire, make_cos, monkeypatch):
    """The wire does not speak TLS: the client says hello and gets nonsense."""
    port = int(wire.url.rpartition(":")[2])
    lead_to(monkeypatch, port)
    wire.answers = [reply(200)]
    with pytest.raises(Unavailable, match="cannot connect to desk-1250000000"):
        make_cos(proxy="", retry=Retry(attempts=1), timeout=0.2).head(at("a"))
    assert not any("HTTP/1.1" in head for head in wire.heads)


def test_over_tls_the_certificate_of_the_host_is_asked_for(tmp_path, make_cos, monkeypatch):
    require("openssl")
    host = "desk-1250000000.cos.ap-guangzhou.myqcloud.com"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key -out cert -subj /CN=cos"
    )
    subprocess.run(
        [*command.split(), "-addext", f"subjectAltName=DNS:{host}"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    settings.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    listener = socket.create_server(("127.0.0.1", 0))
    connections = []

    def answer(accepted):  # two requests, then the connection ends without a word
        connections.append(accepted)
        with (
            contextlib.suppress(OSError),
            settings.wrap_socket(accepted, server_side=True) as connection,
        ):
            for _ in range(2):
                connection.recv(10_000)
                connection.sendall(reply(200, b"secret"))

    def serve():
        with contextlib.suppress(OSError):  # of the listener that is closed
            while True:
                threading.Thread(target=answer, args=listener.accept()[:1], daemon=True).start()

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    lead_to(monkeypatch, listener.getsockname()[1])
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert"))
    try:
        cos = make_cos(proxy="", retry=Retry(attempts=1))
        assert [cos.read(at("a")) for _ in range(3)] == [b"secret"] * 3
        assert len(connections) == 2
        with pytest.raises(Unavailable, match=r"cannot connect.*(?s:.*)certificate"):
            cos.read(at("a", "other-1250000000"))
    finally:
        listener.close()


def test_retry_after_is_the_least_wait(wire, make_cos):
    from email.utils import formatdate

    for value in ("60", formatdate(time.time() + 60, usegmt=True)):
        wire.answers = [reply(503, retry_after=value)]
        context = Context({"time_limit_in_ms": 3000})
        with pytest.raises(Throttled):
            make_cos(proxy=wire.url, context=context).head(at("a"))
    assert len(wire.heads) == 2
    wire.answers = [reply(503, retry_after="soon"), reply(503, retry_after="0"), reply(200)]
    make_cos(proxy=wire.url).head(at("a"))


def test_there_is_no_request_without_time(wire, make_cos):
    wire.answers = [reply(200)]
    late = make_cos(proxy=wire.url, context=Context({"time_limit_in_ms": 1}, clock=lambda: 0.0))
    ended = make_cos(proxy=wire.url, context=_ended())
    assert late.exists(at("a"))
    with pytest.raises(Unavailable) as failed:
        ended.head(at("a"))
    assert failed.value.code == "DeadlineExceeded"
    with pytest.raises(CosError):
        ended.read(at("a"))
    assert len(wire.heads) == 1


def _ended():
    now = [0.0]
    context = Context({"time_limit_in_ms": 5000}, clock=lambda: now[0])
    now[0] = 5.0
    return context


def test_rates_that_leave_no_time_are_said(emulator, make_cos):
    context = Context({"time_limit_in_ms": 3000})
    cos = make_cos(context=context, rate=0.000001)
    with pytest.raises(Unavailable, match="no time left"):
        cos.exists(at("a")) or cos.exists(at("b")) or cos.exists(at("c"))


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
    ],
)
def test_every_refusal_has_its_class(wire, make_cos, status, code, kind):
    body = f"<?xml version='1.0'?>\n<Error><Code>{code}</Code><Message>&quot;why&quot;</Message><RequestId>r</RequestId></Error>"
    wire.answers = [reply(status, body.encode() if code else b"")]
    cos = make_cos(proxy=wire.url, retry=Retry(attempts=1))
    for ask in (lambda: cos.read(at("a")), lambda: cos._client.call(Request(at("a"), "DELETE"))):
        with pytest.raises(CosError) as refused:
            ask()
        error = refused.value
        assert type(error) is kind
        assert (error.status, error.code, error.object) == (status, code, at("a"))
        assert error.request_id == ("r" if code and status != 304 else "")
        assert str(status) in str(error)


def test_an_error_of_a_bucket_names_no_object(wire, make_cos):
    wire.answers = [reply(404, b"<Error><Code>NoSuchBucket</Code></Error>")]
    cos = make_cos(proxy=wire.url)
    with pytest.raises(NotFound) as refused:
        list(cos.list(place()))
    assert refused.value.object is None
    with pytest.raises(NotFound):
        cos.delete(at("a"))
    wire.answers = [reply(404, b"<Error><Code>NoSuchKey</Code></Error>")]
    cos.delete(at("a"))
