"""Slow connections of every kind, and the time that each client takes.

`python -m tests.support.slow_connections` prints the table of kind, limit and time taken.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

from scf_mps.actions.http_post import Address, PostFailed, post
from scf_mps.context import Context
from scf_mps.cos import Cos, CosError, CosObject, Credentials, Pool, SomeFailed
from scf_mps.tencent.client import ApiError
from scf_mps.tencent.mps import Mps
from tests.actions.notify.support import send
from tests.support.raw_server import Peer, Server

LIMIT_SECONDS = 2.5
"""The time limit of each invocation, of which 0.3 seconds are reserved for reporting."""

BUCKET = "media-1250000000"
OBJECT = CosObject(BUCKET, "ap-guangzhou", "a")
COPY = CosObject(BUCKET, "ap-guangzhou", "b")
KEYS = Credentials("AKIDslow", "slow")
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"


class Case(NamedTuple):
    """A kind of slow connection.

    Attributes:
        kind: its name.
        handle: the server's side of each connection.
        use: the client's side, which gets the server and the context.
    """

    kind: str
    handle: Callable[[Peer], object]
    use: Callable[[Server, Context], object]


class Timing(NamedTuple):
    """One row of the table."""

    kind: str
    seconds: float
    error: str


def create_cos(server: Server, context: Context) -> Cos:
    pool = Pool()
    server.on_exit.append(pool.clear)
    return Cos(KEYS, context=context, proxy=server.url, pool=pool)


def read(server: Server, context: Context) -> object:
    return create_cos(server, context).read(OBJECT)


def open_and_read(server: Server, context: Context) -> object:
    with create_cos(server, context).open(OBJECT) as file:
        return file.read()


def download(server: Server, context: Context) -> object:
    with tempfile.TemporaryDirectory() as folder:
        return create_cos(server, context).download(OBJECT, f"{folder}/a")


def head(server: Server, context: Context) -> object:
    return create_cos(server, context).head(OBJECT)


def list_objects(server: Server, context: Context) -> object:
    return list(create_cos(server, context).list(f"cos://{BUCKET}.ap-guangzhou/"))


def copy(server: Server, context: Context) -> object:
    return create_cos(server, context).copy(OBJECT, COPY)


def delete(server: Server, context: Context) -> object:
    return create_cos(server, context).delete([OBJECT, COPY])


def upload(size):
    def use(server: Server, context: Context) -> object:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "a")
            with path.open("wb") as file:
                file.truncate(size)
            return create_cos(server, context).upload(path, OBJECT)

    return use


def read_over_tls(server: Server, context: Context) -> object:
    cos = create_cos(server, context)
    cos._client.transport._proxy = ("127.0.0.1", server.port, True)
    return cos.read(OBJECT)


def call_api(scheme):
    def use(server: Server, context: Context) -> object:
        endpoint = f"{scheme}://127.0.0.1:{server.port}"
        return Mps(KEYS, context=context, region="ap-guangzhou", endpoint=endpoint).call("ListX")

    return use


def post_webhook(server: Server, context: Context) -> object:
    return post(Address(f"{server.url}/hook"), b"{}", {}, context.remaining() - 0.3)


def notify(server: Server, context: Context) -> object:
    return send(f"{server.url}/?secret=s3cret", context=context)


def send_mail(scheme, query=""):
    def use(server: Server, context: Context) -> object:
        to = "mailto:a@example.com?from=mps@example.com"
        return send(to, context=context, smtp=f"{scheme}://127.0.0.1:{server.port}{query}")

    return use


# Servers


def stay_silent(peer):
    peer.wait()


def answer_then_wait(*pieces, seconds=0.1):
    """Return a handler that reads the request, sends the first piece, drips the others, then waits."""

    def handle(peer: Peer) -> None:
        peer.read_request()
        peer.send(pieces[0])
        peer.drip(pieces[1:], seconds)
        peer.wait()

    return handle


def drip_forever(head, piece, seconds=0.1):
    """Return a handler that reads the request, sends the head, and drips one piece repeatedly."""

    def handle(peer: Peer) -> None:
        peer.read_request()
        peer.send(head)
        peer.drip(repeat(piece), seconds)

    return handle


def read_slowly(peer):
    """Read 16 KB each tenth of a second. Answer the requests that begin and end a multipart upload."""
    while head := peer.read_head():
        if head.startswith(b"POST"):
            body = b"<R><UploadId>u</UploadId></R>"
            peer.send(OK + b"content-length: %d\r\n\r\n" % len(body) + body)
            continue
        while peer.sock.recv(16 * 1024) and not peer.wait(0.1):
            pass


def copy_slowly(peer):
    """Answer HEAD, and keep a copy alive by spaces, as COS does (page 436/10881)."""
    while head := peer.read_request():
        if head.startswith(b"HEAD"):
            peer.send(OK + b'content-length: 5\r\netag: "e"\r\n\r\n')
        else:
            peer.send(OK + CHUNKED)
            peer.drip(repeat(b"1\r\n \r\n"))


def send_interim_responses(peer):
    peer.read_request()
    peer.drip(repeat(b"HTTP/1.1 100 Continue\r\n\r\n"))


def list_endlessly(peer):
    """Answer each request for a list at once with the same marker of the next page."""
    body = b"<ListBucketResult><IsTruncated>true</IsTruncated><NextMarker>m</NextMarker></ListBucketResult>"
    while peer.read_request():
        peer.send(OK + b"content-length: %d\r\n\r\n" % len(body) + body)


def drip_banner(peer):
    peer.drip(repeat(b"2"))


def read_smtp_lines(peer):
    """Greet as an SMTP server, and yield the lines of the client."""
    peer.send(b"220 slow\r\n")
    with peer.sock.makefile("rb") as lines:
        yield from lines


def stall_at_tls(peer):
    for line in read_smtp_lines(peer):
        if line.startswith(b"STARTTLS"):
            peer.send(b"220 go\r\n")
            peer.wait()
            return
        peer.send(b"250-slow\r\n250 STARTTLS\r\n")


def drip_at_data(peer):
    for line in read_smtp_lines(peer):
        if line.upper().startswith(b"DATA"):
            peer.drip(repeat(b"3"))
            return
        peer.send(b"250 ok\r\n")


CASES = [
    Case("COS: accepted, never answered", stay_silent, read),
    Case("COS: TLS handshake stalls", stay_silent, read_over_tls),
    Case("COS: header lines drip", drip_forever(OK, b"x-a: 1\r\n"), read),
    Case("COS: bytes of a header drip", drip_forever(OK, b"x"), head),
    Case("COS: endless 100 Continue", send_interim_responses, read),
    Case(
        "COS: body drips, length known",
        drip_forever(OK + b"content-length: 99999\r\n\r\n", b"x"),
        read,
    ),
    Case("COS: body drips, no length", drip_forever(OK + b"\r\n", b"x"), read),
    Case(
        "COS: open(), body drips, no length", drip_forever(OK + b"\r\n", b"x" * 999), open_and_read
    ),
    Case("COS: download(), chunks drip", drip_forever(OK + CHUNKED, b"1\r\nx\r\n"), download),
    Case(
        "COS: body, then silence",
        answer_then_wait(OK + b"content-length: 999999\r\n\r\n", *[b"x" * 4096] * 8),
        read,
    ),
    Case("COS: size of a chunk drips", drip_forever(OK + CHUNKED, b"0"), read),
    Case("COS: endless trailers", drip_forever(OK + CHUNKED + b"0\r\n", b"x: 1\r\n", 0.02), read),
    Case("COS: copy kept alive by spaces", copy_slowly, copy),
    Case("COS: upload, slow reader", read_slowly, upload(8_000_000)),
    Case("COS: upload in parts, slow reader", read_slowly, upload(17_000_000)),
    Case(
        "COS: list drips",
        drip_forever(OK + b"content-length: 99999\r\n\r\n", b"<a/>"),
        list_objects,
    ),
    Case("COS: list without length", drip_forever(OK + b"\r\n", b" " * 20_000), list_objects),
    Case("COS: NextMarker repeats", list_endlessly, list_objects),
    Case("COS: batch delete drips", drip_forever(OK + CHUNKED, b"1\r\n \r\n"), delete),
    Case("API: accepted, never answered", stay_silent, call_api("http")),
    Case("API: TLS handshake stalls", stay_silent, call_api("https")),
    Case("API: header lines drip", drip_forever(OK, b"x-a: 1\r\n"), call_api("http")),
    Case(
        "API: body drips",
        drip_forever(OK + b"content-length: 99999\r\n\r\n", b" "),
        call_api("http"),
    ),
    Case("API: body drips, no length", drip_forever(OK + b"\r\n", b" "), call_api("http")),
    Case("webhook: header lines drip", drip_forever(OK, b"x-a: 1\r\n"), post_webhook),
    Case(
        "webhook: body drips", drip_forever(OK + b"content-length: 999\r\n\r\n", b" "), post_webhook
    ),
    Case("webhook: notify, body drips, no length", drip_forever(OK + b"\r\n", b" "), notify),
    Case("SMTP: accepted, never answered", stay_silent, send_mail("smtp", "?tls=no")),
    Case("SMTP: banner drips", drip_banner, send_mail("smtp", "?tls=no")),
    Case("SMTP: TLS handshake stalls", stay_silent, send_mail("smtps")),
    Case("SMTP: STARTTLS stalls", stall_at_tls, send_mail("smtp")),
    Case("SMTP: answer to DATA drips", drip_at_data, send_mail("smtp", "?tls=no")),
]

ERRORS = (CosError, SomeFailed, ApiError, PostFailed, OSError)


def measure(case, limit=LIMIT_SECONDS):
    """Run a case in an invocation of `limit` seconds, and return its time and the client's error. Raise any other error."""
    from scf_mps.actions.notify.errors import NotifyError

    with Server(case.handle) as server:
        begun = time.monotonic()
        context = Context({"time_limit_in_ms": limit * 1000 if limit >= 1 else limit})
        try:
            case.use(server, context)
            error = ""
        except (*ERRORS, NotifyError) as raised:
            error = repr(raised)
        return Timing(case.kind, time.monotonic() - begun, error)


def measure_all():
    """Run all cases, eight at a time, because they mostly wait."""
    for case in CASES:
        if "never answered" in case.kind:  # imports at first use do not count
            measure(case, 0.4)
    with ThreadPoolExecutor(8) as pool:
        return {timing.kind: timing for timing in pool.map(measure, CASES)}


def main():
    for timing in measure_all().values():
        print(
            f"{timing.kind:42} limit {LIMIT_SECONDS} s  took {timing.seconds:.2f} s  {timing.error:.60}"
        )


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "default")
    main()
