"""Costs of a ledger for one event: time and requests for each store.

Measured: the documentation's event with four callbacks that do nothing, as in `dispatch.py`, through an application without
a ledger and with each store. Once as a first delivery (a new event each time), once as a full redelivery (nothing is left
to do). In turns with them, `json.loads` of the same event is the unit that makes machines comparable. COS and Redis are on
the loopback interface: COS as the emulator, whose own Python is part of the time, Redis as a real redis-server. A network
adds its round trips, one per request.

Not measured: cold starts, log lines, SCF itself.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from platform import python_version
from tempfile import TemporaryDirectory
from typing import Any

from measurement import (
    ROOT,
    SAMPLE,
    SCF_CONTEXT,
    Timing,
    measure_in_turns,
    print_target,
    sample_event,
)

from scf_mps import AnimatedGraphics, App, ImageSprites, SnapshotByTimeOffset, Transcode
from scf_mps.local.cos import CosEmulator

sys.path.append(str(ROOT))

from tests.support.redis_server import RedisServer

TARGET = 2.07
"""40 µs on a machine where `json.loads` of the event takes 19.3 µs."""

BUCKET, REGION = "ledger-1250000000", "ap-guangzhou"
STORES = ("none", "memory", "files", "cos", "redis")


def create_application(url: str) -> App:
    """Return an application with four callbacks for the event that do nothing."""
    app = App(ledger=url)
    app.on(Transcode, name="transcode")(lambda result: None)
    app.on_failure(AnimatedGraphics, name="animation")(lambda result: None)
    app.on(SnapshotByTimeOffset, name="snapshots")(lambda result: None)
    app.on(ImageSprites, name="sprites")(lambda result: None)
    return app


def prepare_first_delivery(url: str) -> Callable[[], object]:
    """Return a function that delivers a new event each time."""
    main_handler = create_application(url).main_handler
    event, numbers = sample_event(), count()

    def deliver() -> object:
        event["WorkflowTaskEvent"]["TaskId"] = (
            f"1250000000-WorkflowTask-{os.getpid()}-{next(numbers)}"
        )
        return main_handler(event, SCF_CONTEXT)

    assert get_outcomes(deliver()) == {"done"}
    return deliver


def prepare_redelivery(url: str) -> Callable[[], object]:
    """Return a function that delivers an event that is done."""
    main_handler = create_application(url).main_handler
    event = sample_event()
    main_handler(event, SCF_CONTEXT)
    expected = {"done"} if url == "none" else {"skipped"}
    assert get_outcomes(main_handler(event, SCF_CONTEXT)) == expected
    return lambda: main_handler(event, SCF_CONTEXT)


def get_outcomes(summary: Any) -> set[str]:
    return {call["outcome"] for call in summary["callbacks"]}


@contextmanager
def start_store(store: str) -> Iterator[tuple[str, Callable[[], int]]]:
    """Start a store. Yield the URL of a ledger and a function that counts requests."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        if store == "cos":
            emulator = stack.enter_context(CosEmulator(folder))
            emulator.create_bucket(BUCKET, REGION)
            os.environ["MPS_COS_PROXY"] = emulator.url
            os.environ["TENCENTCLOUD_SECRETID"] = emulator.key.secret_id
            os.environ["TENCENTCLOUD_SECRETKEY"] = emulator.key.secret_key
            yield f"cos://{BUCKET}.{REGION}/ledger/", lambda: len(list(emulator.requests))
        elif store == "redis":
            server = stack.enter_context(RedisServer(folder))
            yield server.url, lambda: count_scripts(server.client)
        elif store == "files":
            yield f"file://{folder}", lambda: 0
        else:
            yield ("none" if store == "none" else "memory://"), lambda: 0


def count_scripts(client: Any) -> int:
    """Return the number of scripts that redis-server ran. A delivery makes no other requests."""
    stats = client.info("commandstats")
    return sum(
        stats[name]["calls"] for name in ("cmdstat_evalsha", "cmdstat_eval") if name in stats
    )


def measure(store: str) -> None:
    """Print the times and requests of one store as JSON."""
    logging.disable()
    text = SAMPLE.read_text(encoding="utf-8")
    is_slow = store in ("files", "cos", "redis")
    with start_store(store) as (url, count_requests):
        sides: dict[str, Callable[[], object]] = {
            "json.loads": lambda: json.loads(text),
            "first": prepare_first_delivery(url),
            "again": prepare_redelivery(url),
        }
        requests = {}
        for name in ("first", "again"):
            before = count_requests()
            sides[name]()
            requests[name] = count_requests() - before
        turns, batch = (60, 5) if is_slow else (250, 20)
        times = measure_in_turns(sides, turns, batch)
    print(json.dumps({"times": times, "requests": requests}))


def main() -> None:
    print(
        f"One event with 4 callbacks, CPython {python_version()}: times of json.loads, minimum (median)\n"
    )
    print(f"{'store':8} {'first delivery':>24} {'redelivery':>24} {'requests':>12}")
    for store in STORES:
        if store == "redis" and shutil.which("redis-server") is None:
            print("redis    NOT MEASURED: redis-server is not installed")
            continue
        done = subprocess.run(
            [sys.executable, __file__, store], stdout=subprocess.PIPE, text=True, check=True
        )
        printed = json.loads(done.stdout)
        timings = {name: Timing(times) for name, times in printed["times"].items()}
        cells = []
        for name in ("first", "again"):
            minimum, median = timings[name].ratios(timings["json.loads"])
            cells.append(f"{minimum} ({median})")
        requests = (
            ""
            if store not in ("cos", "redis")
            else "{first} / {again}".format(**printed["requests"])
        )
        print(f"{store:8} {cells[0]:>24} {cells[1]:>24} {requests:>12}")
        if store == "memory":
            target = timings["first"].minimum / timings["json.loads"].minimum
    print()
    print_target("in memory, a first delivery as a multiple of json.loads", target, TARGET)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1])
    else:
        main()
