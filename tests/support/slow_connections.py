"""Connections that are slow in every way, and the time that each client gives them before the invocation ends.

`python -m tests.support.slow_connections` prints the table of kind, limit and time taken.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
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
"""The time limit of each invocation, of which 0.3 seconds are kept for reporting."""

BUCKET = "desk-1250000000"
OBJECT = CosObject(BUCKET, "ap-guangzhou", "a")
COPY = CosObject(BUCKET, "ap-guangzhou", "b")
KEYS = Credentials("AKIDslow", "slow")
OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = b"content-length: 0\r\n\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"


class Case(NamedTuple):
    """One way to be slow.

    Attributes:
        kind: the row's name.
        handle: the server's side of each connection.
        use: the client's side, given the server and an invocation.
    """

    kind: str
    handle: Callable[[Peer], object]
    use: Callable[[Server, Context], object]


class Timing(NamedTuple):
    """One row of the table."""

    kind: str
    seconds: float
    error: str


def cos_of(server: Server, context: Context) -> Cos:
    pool = Pool()
    server.on_exit.append(pool.clear)
    return Cos(KEYS, context=context, proxy=server.url, pool=pool)


def reading(server: Server, context: Context) -> object:
    return cos_of(server, context).read(OBJECT)


def opening(server: Server, context: Context) -> object:
    with cos_of(server, context).open(OBJECT) as file:
        return file.read()


def downloading(server: Server, context: Context) -> object:
    with tempfile.TemporaryDirectory() as folder:
        return cos_of(server, context).download(OBJECT, f"{folder}/a")


def looking(server: Server, context: Context) -> object:
    return cos_of(server, context).head(OBJECT)


def listing(server: Server, context: Context) -> object:
    return list(cos_of(server, context).list(f"cos://{BUCKET}.ap-guangzhou/"))


def copying(server: Server, context: Context) -> object:
    return cos_of(server, context).copy(OBJECT, COPY)


def deleting(server: Server, context: Context) -> object:
    return cos_of(server, context).delete([OBJECT, COPY])


def uploading(size: int) -> Callable[[Server, Context], object]:
    def use(server: Server, context: Context) -> object:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "a")
            with path.open("wb") as file:
                file.truncate(size)
            return cos_of(server, context).upload(path, OBJECT)

    return use


def over_tls(server: Server, context: Context) -> object:
    cos = cos_of(server, context)
    cos._client.transport._proxy = ("127.0.0.1", server.port, True)
    return cos.read(OBJECT)


def asking(scheme: str) -> Callable[[Server, Context], object]:
    def use(server: Server, context: Context) -> object:
        endpoint = f"{scheme}://127.0.0.1:{server.port}"
        return Mps(KEYS, context=context, region="ap-guangzhou", endpoint=endpoint).call("ListX")

    return use


def posting(server: Server, context: Context) -> object:
    return post(Address(f"{server.url}/hook"), b"{}", {}, context.remaining() - 0.3)


def telling(server: Server, context: Context) -> object:
    return send(f"{server.url}/?secret=s3cret", context=context)


def mailing(scheme: str, query: str = "") -> Callable[[Server, Context], object]:
    def use(server: Server, context: Context) -> object:
        to = "mailto:a@example.com?from=mps@example.com"
        return send(to, context=context, smtp=f"{scheme}://127.0.0.1:{server.port}{query}")

    return use


# -- what servers do


def silent(peer: Peer) -> None:
    peer.wait()


def answers(*pieces: bytes, seconds: float = 0.1) -> Callable[[Peer], None]:
    """Read the request, send the first piece, drip the others, and say no more."""

    def handle(peer: Peer) -> None:
        peer.read_request()
        peer.send(pieces[0])
        peer.drip(pieces[1:], seconds)
        peer.wait()

    return handle


def drips(head: bytes, piece: bytes, seconds: float = 0.1) -> Callable[[Peer], None]:
    """Read the request, send the head, and drip one piece again and again."""

    def handle(peer: Peer) -> None:
        peer.read_request()
        peer.send(head)
        peer.drip(repeat(piece), seconds)

    return handle


def reads_slowly(peer: Peer) -> None:
    """Take 16 KB each tenth of a second, after an answer to what begins and ends an upload in parts."""
    while head := peer.read_head():
        if head.startswith(b"POST"):
            body = b"<R><UploadId>u</UploadId></R>"
            peer.send(OK + b"content-length: %d\r\n\r\n" % len(body) + body)
            continue
        while peer.sock.recv(16 * 1024) and not peer.wait(0.1):
            pass


def copies_slowly(peer: Peer) -> None:
    """Answer HEAD, and keep a copy alive by a space now and then, as COS does (page 436/10881)."""
    while head := peer.read_request():
        if head.startswith(b"HEAD"):
            peer.send(OK + b'content-length: 5\r\netag: "e"\r\n\r\n')
        else:
            peer.send(OK + CHUNKED)
            peer.drip(repeat(b"1\r\n \r\n"))


def interim(peer: Peer) -> None:
    peer.read_request()
    peer.drip(repeat(b"HTTP/1.1 100 Continue\r\n\r\n"))


def lists_without_end(peer: Peer) -> None:
    """Answer each request for a list at once: the next page begins where this one did."""
    body = b"<ListBucketResult><IsTruncated>true</IsTruncated><NextMarker>m</NextMarker></ListBucketResult>"
    while peer.read_request():
        peer.send(OK + b"content-length: %d\r\n\r\n" % len(body) + body)


def banner(peer: Peer) -> None:
    peer.drip(repeat(b"2"))


def greets(peer: Peer) -> Iterator[bytes]:
    """Greet as an SMTP server, and return the lines of the client."""
    peer.send(b"220 slow\r\n")
    with peer.sock.makefile("rb") as lines:
        yield from lines


def stalls_at_tls(peer: Peer) -> None:
    for line in greets(peer):
        if line.startswith(b"STARTTLS"):
            peer.send(b"220 go\r\n")
            peer.wait()
            return
        peer.send(b"250-slow\r\n250 STARTTLS\r\n")


def drips_at_data(peer: Peer) -> None:
    for line in greets(peer):
        if line.upper().startswith(b"DATA"):
            peer.drip(repeat(b"3"))
            return
        peer.send(b"250 ok\r\n")


CASES = [
    Case("COS: accepted, never answered", silent, reading),
    Case("COS: TLS handshake stalls", silent, over_tls),
    Case("COS: header lines drip", drips(OK, b"x-a: 1\r\n"), reading),
    Case("COS: bytes of a header drip", drips(OK, b"x"), looking),
    Case("COS: endless 100 Continue", interim, reading),
    Case(
        "COS: body drips, length known", drips(OK + b"content-length: 99999\r\n\r\n", b"x"), reading
    ),
    Case("COS: body drips, no length", drips(OK + b"\r\n", b"x"), reading),
    Case("COS: open(), body drips, no length", drips(OK + b"\r\n", b"x" * 999), opening),
    Case("COS: download(), chunks drip", drips(OK + CHUNKED, b"1\r\nx\r\n"), downloading),
    Case(
        "COS: body, then silence",
        answers(OK + b"content-length: 999999\r\n\r\n", *[b"x" * 4096] * 8),
        reading,
    ),
    Case("COS: size of a chunk drips", drips(OK + CHUNKED, b"0"), reading),
    Case("COS: endless trailers", drips(OK + CHUNKED + b"0\r\n", b"x: 1\r\n", 0.02), reading),
    Case("COS: copy kept alive by spaces", copies_slowly, copying),
    Case("COS: upload, slow reader", reads_slowly, uploading(8_000_000)),
    Case("COS: upload in parts, slow reader", reads_slowly, uploading(17_000_000)),
    Case("COS: list drips", drips(OK + b"content-length: 99999\r\n\r\n", b"<a/>"), listing),
    Case("COS: list without length", drips(OK + b"\r\n", b" " * 20_000), listing),
    Case("COS: NextMarker repeats", lists_without_end, listing),
    Case("COS: batch delete drips", drips(OK + CHUNKED, b"1\r\n \r\n"), deleting),
    Case("API: accepted, never answered", silent, asking("http")),
    Case("API: TLS handshake stalls", silent, asking("https")),
    Case("API: header lines drip", drips(OK, b"x-a: 1\r\n"), asking("http")),
    Case("API: body drips", drips(OK + b"content-length: 99999\r\n\r\n", b" "), asking("http")),
    Case("API: body drips, no length", drips(OK + b"\r\n", b" "), asking("http")),
    Case("webhook: header lines drip", drips(OK, b"x-a: 1\r\n"), posting),
    Case("webhook: body drips", drips(OK + b"content-length: 999\r\n\r\n", b" "), posting),
    Case("webhook: notify, body drips, no length", drips(OK + b"\r\n", b" "), telling),
    Case("SMTP: accepted, never answered", silent, mailing("smtp", "?tls=no")),
    Case("SMTP: banner drips", banner, mailing("smtp", "?tls=no")),
    Case("SMTP: TLS handshake stalls", silent, mailing("smtps")),
    Case("SMTP: STARTTLS stalls", stalls_at_tls, mailing("smtp")),
    Case("SMTP: answer to DATA drips", drips_at_data, mailing("smtp", "?tls=no")),
]

ERRORS = (CosError, SomeFailed, ApiError, PostFailed, OSError)


def measure(case: Case, limit: float = LIMIT_SECONDS) -> Timing:
    """Run a case in an invocation of `limit` seconds. Its error is that of the client; any other than the clients' own is raised."""
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


def measure_all() -> dict[str, Timing]:
    """Run all cases, eight at a time: nearly all of their time is waiting."""
    for case in CASES:
        if "never answered" in case.kind:  # what is imported on first use is no part of the time
            measure(case, 0.4)
    with ThreadPoolExecutor(8) as pool:
        return {timing.kind: timing for timing in pool.map(measure, CASES)}


def main() -> None:
    for timing in measure_all().values():
        print(
            f"{timing.kind:42} limit {LIMIT_SECONDS} s  took {timing.seconds:.2f} s  {timing.error:.60}"
        )


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "default")
    main()
