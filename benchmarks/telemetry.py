"""Costs of the line per event and of spans, compared with Powertools' Logger and Tracer and with OpenTelemetry's SDK.

The same interpreter, event and run for all sides, with logging on. `json.loads` of the event is the unit. "Encoded" is our
export without the request. "Sent" and the SDK export each event to a server in another process on this machine.
Powertools' Tracer sends segments of X-Ray over UDP. The first run installs the peers into `.cache/`.

Cold starts: fresh interpreters, the import and the first event, with and without ``MPS_OTLP``.

Not measured: network, TLS, and a receiver's own work.
"""

from __future__ import annotations

import asyncio
import compileall
import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from platform import python_version
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cold_start import FIRST_EVENT, IMPORT, SIDES, build, print_cold_starts, start_in_turns
from measurement import (
    ROOT,
    SAMPLE,
    SCF_CONTEXT,
    measure_in_processes,
    measure_in_turns,
    print_target,
    print_timings,
    sample_event,
)
from peers import install

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGES = (
    "aws-lambda-powertools[tracer]==3.37.0",
    "opentelemetry-sdk==1.45.2",
    "opentelemetry-exporter-otlp-proto-http==1.45.2",
)
ENVIRONMENT = ROOT / ".cache" / f"telemetry-{python_version()}"

TARGET_LINE, TARGET_ENCODED = 1.5, 3.0
"""Multiples of json.loads of the event."""
TARGET_START_MS, TARGET_START_MB = 10.0, 1.0

REFERENCE = "json.loads of the event"
LINE, ENCODED, SENT = "scf-mps, the line per event", "…and spans as OTLP, encoded", "…and sent"
SILENT = "scf-mps, no line and no spans"
POWERTOOLS, SDK = "Powertools' Logger and Tracer", "Powertools' Logger, OpenTelemetry SDK, exported"
OUR_LINE, PEER_LINE = (
    "a line of scf-mps with six extras",
    "a line of Powertools' Logger with the same",
)

OTLP_IMPORT = f"{IMPORT}, MPS_OTLP"
OTLP_EVENT = f"{FIRST_EVENT}, MPS_OTLP, sent"
EXTRAS = {"bucket": "b-1250000000", "key": "a/b.mp4", "bytes": 1234, "ms": 12.5, "n": 3, "ok": True}


async def serve() -> None:
    """Answer every POST with 200, until stdin ends. Print the port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
                await reader.readexactly(int(length))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def prepare(case: str) -> Callable[[], object]:
    """Return the function of a case."""
    from dispatch import create_app

    from scf_mps import logs

    devnull = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    event = sample_event()
    if case in (POWERTOOLS, SDK):
        import telemetry_peers

        if case == SDK:
            return telemetry_peers.handle_with_opentelemetry(event, SCF_CONTEXT, os.environ["SINK"])
        return telemetry_peers.handle_with_powertools(event, SCF_CONTEXT)
    if case == PEER_LINE:
        import telemetry_peers

        logger = telemetry_peers.create_powertools_logger()
        return lambda: logger.info("published", extra=EXTRAS)
    logs.configure(devnull, logging.CRITICAL if case == SILENT else logging.INFO)
    if case == OUR_LINE:
        log = logging.getLogger("handlers.images")
        return lambda: log.info("published", extra=EXTRAS)
    if case in (ENCODED, SENT):
        os.environ["MPS_OTLP"] = os.environ["SINK"]
    if case == ENCODED:
        from scf_mps.telemetry.otlp import OtlpExporter

        OtlpExporter._post = lambda self, content, seconds: (200, b"")
    main_handler = create_app(4).main_handler
    main_handler(event, SCF_CONTEXT)
    return lambda: main_handler(event, SCF_CONTEXT)


def measure(case: str) -> None:
    """Print the times that `measure_in_processes` collects. Runs in the peers' interpreter."""
    sys.path.insert(0, str(ROOT / "src"))
    text = SAMPLE.read_text(encoding="utf-8")
    sides = {REFERENCE: lambda: json.loads(text), case: prepare(case)}
    print(json.dumps(measure_in_turns(sides, 100 if case in (SENT, SDK) else 250)))


def measure_cold_starts(python: Path, packages: Path, url: str) -> None:
    """Print the cold starts."""
    variable = f"import os; os.environ['MPS_OTLP'] = {url!r}; "
    sides = {
        **SIDES,
        OTLP_IMPORT: variable + SIDES[IMPORT],
        OTLP_EVENT: variable + SIDES[FIRST_EVENT],
        "Powertools' Logger and Tracer; first event": (
            "import telemetry_peers; telemetry_peers.main_handler_with_powertools(event, context)"
        ),
        "OpenTelemetry SDK; first event, exported": (
            "import telemetry_peers; "
            f"telemetry_peers.main_handler_with_opentelemetry(event, context, {url!r})"
        ),
    }
    with TemporaryDirectory() as folder:
        function = Path(folder)
        build(function)
        shutil.copy(ROOT / "benchmarks" / "telemetry_peers.py", function)
        compileall.compile_dir(function, quiet=1)
        starts = start_in_turns(python, [function, packages], sides)
    print_cold_starts(f"Cold starts with telemetry, CPython {python_version()}", starts)
    print()
    for name, side, base in (
        ("the import", OTLP_IMPORT, IMPORT),
        ("the first event", OTLP_EVENT, FIRST_EVENT),
    ):
        milliseconds = starts[side].times.minimum - starts[base].times.minimum
        memory = starts[side].memory - starts[base].memory
        print_target(f"MPS_OTLP at {name}, ms more", milliseconds, TARGET_START_MS)
        print_target(f"MPS_OTLP at {name}, MB more", memory, TARGET_START_MB)


def main() -> None:
    python, packages = install(PACKAGES, ENVIRONMENT)
    with subprocess.Popen(
        [sys.executable, __file__, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1/traces"
        os.environ["SINK"] = url
        measure_cold_starts(python, packages, url)
        cases = (SILENT, LINE, ENCODED, SENT, POWERTOOLS, SDK, OUR_LINE, PEER_LINE)
        timings = measure_in_processes(str(python), __file__, cases, 3)
        server.communicate()
    print_timings("One event with 4 results, with logging", REFERENCE, timings)
    unit = timings[REFERENCE].minimum
    print()
    print_target("the line per event, x json.loads", timings[LINE].minimum / unit, TARGET_LINE)
    print_target("spans encoded, x json.loads", timings[ENCODED].minimum / unit, TARGET_ENCODED)
    lines = timings[OUR_LINE].minimum / timings[PEER_LINE].minimum
    print_target("a log line, x that of Powertools' Logger", lines, 1.0)


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
    elif len(sys.argv) > 1:
        measure(sys.argv[1])
    else:
        main()
