"""Requests of the engine's process: one JSON object in a line, answered by lines of progress and results."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .jobs import describe_error, run_jobs
from .monitor import Monitor, Send
from .probe import probe
from .remux import make_mp4
from .results import EngineError, JobResult
from .sample_clip import make_sample_clip
from .settings import Settings

Request = Mapping[str, Any]


def _probe(request: Request, monitor: Monitor) -> dict[str, Any]:
    return probe(Path(request["path"]), monitor)


def _make_sample_clip(request: Request, monitor: Monitor) -> None:
    make_sample_clip(Path(request["path"]), request["seconds"], request["width"], monitor.tick)


def _remux(request: Request, monitor: Monitor) -> None:
    make_mp4(Path(request["path"]), Path(request["target"]), monitor)


def _run(request: Request, monitor: Monitor) -> None:
    def finish(index: int, result: JobResult | EngineError) -> None:
        if isinstance(result, EngineError):
            monitor.send({"index": index, "error": [result.code, result.message]})
        else:
            monitor.send({"index": index, "result": result.to_json()})

    jobs = {int(index): job for index, job in request["jobs"].items()}
    run_jobs(Path(request["source"]), jobs, Path(request["folder"]), monitor, finish)


OPERATIONS: dict[str, Callable[[Request, Monitor], Any]] = {
    "probe": _probe,
    "remux": _remux,
    "run": _run,
    "make_sample_clip": _make_sample_clip,
}


def process(request: Request, send: Send) -> None:
    """Process a request and send its messages. The last is ``{"done": value}`` or ``{"failed": [code, message]}``."""
    folder = Path(request["folder"]) if "folder" in request else None
    monitor = Monitor(send, Settings(**request["settings"]), folder)
    try:
        value = OPERATIONS[request["operation"]](request, monitor)
    except Exception as error:
        failure = describe_error(error)
        send({"failed": [failure.code, failure.message]})
    else:
        send({"done": value})


def serve(connection: socket.socket) -> None:
    """Process the requests of a connection until its other end is closed."""
    with connection, connection.makefile("rb") as lines:

        def send(message: Mapping[str, Any]) -> None:
            connection.sendall(json.dumps(message).encode() + b"\n")

        send({"ready": True})
        for line in lines:
            process(json.loads(line), send)
