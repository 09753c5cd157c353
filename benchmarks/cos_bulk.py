"""How fast many objects are copied and moved: `Cos` beside the official SDK, plain `http.client`, and coscmd.

    python benchmarks/cos_bulk.py [--objects 2000] [--rounds 3] [--skip-coscmd]

Every contender runs in a process of its own against a canned server, which answers at once or after 10 ms whatever it
is asked, so that the client's own limit is what is measured. All run in turns, the best of the rounds counts. Copies of
`Cos` are verified (by the ETags of a list); nobody else's are.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

BUCKET, TARGET, REGION = "desk-1250000000", "player-1250000000", "ap-guangzhou"
HOST = f"{BUCKET}.cos.{REGION}.myqcloud.com"
KEY = ("AKIDbench", "bench-secret")
ETAG = "0123456789abcdef0123456789abcdef"
WORKERS = 32


def key(number: int) -> str:
    return f"vod/hls/segment-{number:06}.ts"


# The canned server


class Canned:
    """Answers COS requests from memory; objects are `count` segments."""

    def __init__(self, count: int, latency: float) -> None:
        self.count = count
        self.latency = latency
        self.requests: dict[str, int] = {}

    def answer(self, method: str, target: str, copies: bool) -> bytes:
        kind, body = method, b""
        headers = f'ETag: "{ETAG}"\r\nx-cos-request-id: canned\r\nx-cos-hash-crc64ecma: 42\r\n'
        if copies:
            kind = "COPY"
            body = (
                f'<?xml version="1.0"?><CopyObjectResult><ETag>"{ETAG}"</ETag>'
                f"<LastModified>2026-01-01T00:00:00.000Z</LastModified><CRC64>42</CRC64>"
                f"</CopyObjectResult>"
            ).encode()
        elif method == "POST":
            kind, body = "DELETE BATCH", b"<DeleteResult></DeleteResult>"
        elif method == "GET" and "prefix=" in target:
            kind, body = "LIST", self.page(target)
        elif method == "HEAD":
            headers += "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
        self.requests[kind] = self.requests.get(kind, 0) + 1
        length = 1000 if method == "HEAD" else len(body)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: {length}\r\n"
        return f"{head}{headers}\r\n".encode() + body

    def page(self, target: str) -> bytes:
        if TARGET in target:
            return b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
        _, _, marker = target.partition("marker=")
        name = marker.partition("&")[0]
        start = int(name[-9:-3]) + 1 if name else 0
        end = min(start + 1000, self.count)
        contents = "".join(
            f"<Contents><Key>{key(number)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;{ETAG}&quot;</ETag><Size>1000</Size><StorageClass>STANDARD</StorageClass>"
            f"</Contents>"
            for number in range(start, end)
        )
        more = end < self.count
        following = f"<NextMarker>{key(end - 1)}</NextMarker>" if more else ""
        return (
            f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{following}"
            f"<Name>{BUCKET}</Name>{contents}</ListBucketResult>"
        ).encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                method, target, _ = head.split(" ", 2)
                lower = head.lower()
                if "content-length:" in lower:
                    await reader.readexactly(
                        int(lower.split("content-length:")[1].split("\r\n")[0])
                    )
                if target.startswith(("/counts", "http://127.0.0.1")):
                    body = json.dumps(self.requests).encode()
                    self.requests = {}
                    writer.write(
                        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
                    )
                    continue
                if self.latency:
                    await asyncio.sleep(self.latency)
                writer.write(self.answer(method, target, "x-cos-copy-source:" in lower))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def main(self) -> None:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=512)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


# The contenders: each copies or moves all objects


def run_cos(port: int, count: int, verb: str) -> None:
    from scf_mps.cos import Cos, CosObject, Credentials

    cos = Cos(Credentials(*KEY), proxy=f"http://127.0.0.1:{port}", concurrency=WORKERS)
    objects = [CosObject(BUCKET, REGION, key(number)) for number in range(count)]
    getattr(cos, verb)(objects, f"cos://{TARGET}.{REGION}/out/")


def run_sdk(port: int, count: int, verb: str) -> None:
    from qcloud_cos import CosConfig, CosS3Client

    config = CosConfig(
        Region=REGION,
        SecretId=KEY[0],
        SecretKey=KEY[1],
        Scheme="http",
        Proxies={"http": f"http://127.0.0.1:{port}"},
        PoolConnections=WORKERS,
        PoolMaxSize=WORKERS,
    )
    client = CosS3Client(config)

    def one(number: int) -> None:
        source = {"Bucket": BUCKET, "Region": REGION, "Key": key(number)}
        client.copy_object(Bucket=TARGET, Key=f"out/{key(number)}", CopySource=source)
        if verb == "move":
            client.delete_object(Bucket=BUCKET, Key=key(number))

    in_threads(count, lambda: one)


def run_http_client(port: int, count: int, verb: str) -> None:
    import hashlib
    import hmac
    from http.client import HTTPConnection
    from urllib.parse import quote

    target_host = f"{TARGET}.cos.{REGION}.myqcloud.com"
    now = int(time.time())
    times = f"{now - 60};{now + 3600}"
    sign_key = hmac.digest(KEY[1].encode(), times.encode(), "sha1").hex().encode()

    def sign(method: str, path: str, headers: dict[str, str]) -> str:
        pairs = sorted((name, quote(value, safe="-_.~")) for name, value in headers.items())
        text = "&".join(f"{name}={value}" for name, value in pairs)
        digest = hashlib.sha1(f"{method}\n{path}\n\n{text}\n".encode()).hexdigest()
        signature = hmac.digest(sign_key, f"sha1\n{times}\n{digest}\n".encode(), "sha1").hex()
        names = ";".join(name for name, _ in pairs)
        return (
            f"q-sign-algorithm=sha1&q-ak={KEY[0]}&q-sign-time={times}&q-key-time={times}"
            f"&q-header-list={names}&q-url-param-list=&q-signature={signature}"
        )

    def worker():  # type: ignore[no-untyped-def]
        connection = HTTPConnection("127.0.0.1", port)

        def ask(method: str, host: str, path: str, headers: dict[str, str]) -> None:
            signed = {"host": host, **headers}
            signed["Authorization"] = sign(method.lower(), path, signed)
            connection.request(method, f"http://{host}{path}", headers=signed)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200

        def one(number: int) -> None:
            source = {"x-cos-copy-source": f"{HOST}/{key(number)}"}
            ask("PUT", target_host, f"/out/{key(number)}", source)
            if verb == "move":
                ask("DELETE", HOST, f"/{key(number)}", {})

        return one

    in_threads(count, worker)


def in_threads(count: int, worker) -> None:  # type: ignore[no-untyped-def]
    numbers = iter(range(count))

    def work() -> None:
        one = worker()
        for number in numbers:
            one(number)

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def run_coscmd(port: int, count: int, verb: str) -> None:
    with tempfile.TemporaryDirectory() as home:
        config = Path(home, "cos.conf")
        config.write_text(
            f"[common]\nsecret_id = {KEY[0]}\nsecret_key = {KEY[1]}\nbucket = {TARGET}\n"
            f"region = {REGION}\nschema = http\nmax_thread = {WORKERS}\nverify = md5\nanonymous = False\n"
        )
        proxy = f"http://127.0.0.1:{port}"
        subprocess.run(
            [
                *(sys.executable, "-m", "coscmd.cos_cmd", "-c", str(config)),
                *(
                    "-l",
                    str(Path(home, "log")),
                    verb,
                    "-r",
                    "-y",
                    "--force",
                    f"{HOST}/vod/",
                    "out/",
                ),
            ],
            env={**os.environ, "http_proxy": proxy, "HTTP_PROXY": proxy, "HOME": home},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )


CONTENDERS = {
    "Cos (verified)": run_cos,
    "http.client + signer": run_http_client,
    "cos-python-sdk-v5": run_sdk,
    "coscmd": run_coscmd,
}


def measure(name: str, port: int, count: int, verb: str) -> None:
    """Run in a child: prints seconds, CPU seconds and peak memory in MB."""
    run = CONTENDERS[name]
    start = time.perf_counter()
    run(port, count, verb)
    seconds = time.perf_counter() - start
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(each.ru_utime + each.ru_stime for each in used)
    print(json.dumps([seconds, cpu, max(each.ru_maxrss for each in used) / 1024]))


def child(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True
    )


def one_run(name: str, port: int, count: int, verb: str) -> tuple[float, float, float, int]:
    from http.client import HTTPConnection

    output, _ = child("--measure", name, str(port), str(count), verb).communicate()
    connection = HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/counts")
    counts = json.loads(connection.getresponse().read())
    connection.close()
    seconds, cpu, memory = json.loads(output.splitlines()[-1])
    return seconds, cpu, memory, sum(counts.values())


def compare(count: int, latency: float, verb: str, rounds: int, names: list[str]) -> None:
    server = child("--serve", str(count), str(latency))
    assert server.stdout is not None
    port = int(server.stdout.readline())
    try:
        best: dict[str, tuple[float, float, float, int]] = {}
        empty = {name: one_run(name, port, 0, verb) for name in names if name != "coscmd"}
        for _ in range(rounds):
            for name in names:
                result = one_run(name, port, count, verb)
                best[name] = min(best.get(name, result), result)
    finally:
        server.kill()
        server.wait()
    report(f"{verb} of {count} objects, {WORKERS} workers, {latency * 1000:.0f} ms latency")
    rows = {}
    for name, (seconds, cpu, memory, requests) in best.items():
        idle = empty.get(name, (0.0, 0.0, 0.0, 0))
        rows[name] = (count / (seconds - idle[0]), (cpu - idle[1]) / count * 1000, memory, requests)
    rate, cpu, *_ = rows["Cos (verified)"]
    for name, (its_rate, its_cpu, memory, requests) in rows.items():
        report(
            f"{name:22} {its_rate:10.0f} {rate / its_rate:6.2f}x {its_cpu:14.3f} "
            f"{its_cpu / cpu:9.2f}x {memory:8.1f} {requests / count:16.4f}"
        )


def report(line: str) -> None:
    """A line of the table; a title gets the names of the columns."""
    if not line.endswith("latency"):
        print(line, flush=True)
        return
    print(
        f"\n{line}\n{'':22} {'objects/s':>10} {'Cos is':>7} {'CPU ms/object':>14} {'CPU of Cos':>10} "
        f"{'peak MB':>8} {'requests/object':>16}"
    )


def main() -> None:
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(Canned(int(sys.argv[2]), float(sys.argv[3])).main())
        return
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--objects", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--skip-coscmd", action="store_true")
    options = parser.parse_args()
    names = [name for name in CONTENDERS if not (options.skip_coscmd and name == "coscmd")]
    print(
        "Cos is: times as fast. CPU of Cos: times as much CPU as Cos, which a busy machine changes less."
    )
    print("Start-up is left out, but for coscmd.")
    for latency in (0.0, 0.010):
        compare(options.objects, latency, "copy", options.rounds, names)
    compare(10_000, 0.0, "move", 1, names[:1])


if __name__ == "__main__":
    main()
