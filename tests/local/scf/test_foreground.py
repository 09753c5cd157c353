"""Functions in the foreground: output and stop."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from scf_mps.local.scf import LocalFunction, serve

from .support import APPLICATION, LAYER


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_with_signal(number: signal.Signals, capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(number)

    @contextmanager
    def endpoint(function: LocalFunction) -> Iterator[str]:
        assert function.invoke({"do": "count"}).succeeded
        yield "no endpoint"
        assert function.invoke({"do": "count"}).succeeded

    function = LocalFunction(APPLICATION, layer=LAYER)
    function.observe(lambda event: os.kill(os.getpid(), number))
    serve(function, endpoint)
    lines = capsys.readouterr().out.splitlines()
    version = function.runtime.version
    assert f"SCF emulator: mps-events on CPython {version}" in lines
    assert "no endpoint" in lines
    assert signal.getsignal(number) is before
    assert function.instances == []


def test_serve_shows_all_lifecycle_events() -> None:
    lines: list[str] = []
    request_ids: list[str] = []

    @contextmanager
    def endpoint(function: LocalFunction) -> Iterator[str]:
        request_ids.append(function.invoke({"do": "give", "value": "é"}).request_id)
        request_ids.append(function.push({"do": "fail"}))
        function.settle()
        os.kill(os.getpid(), signal.SIGTERM)
        yield ""

    settings = {"layer": LAYER, "retries": 1, "speed": 1000}
    serve(LocalFunction(APPLICATION, **settings), endpoint, lines.append)
    call_id, push_id = request_ids
    version = lines.pop(-2 if "dropped" in lines[-1] else -1)
    assert version.startswith("SCF emulator: mps-events on CPython 3.")
    call_lines = [line.split("  ", 1)[1] for line in lines if line.startswith(call_id)]
    assert call_lines[:2] == ["started, cold instance 1", "loaded"]
    assert call_lines[-2].startswith("ended with 200 after ")
    assert call_lines[-1] == '"é"'
    push_lines = [line.split("  ", 1)[1] for line in lines if line.startswith(push_id)]
    assert push_lines[:2] == ["pushed", "started, warm instance 1"]
    assert push_lines[2].startswith("ended with 430 after ")
    assert push_lines[3] == "user code exception caught"
    assert "index.Left: not today" in push_lines
    assert "retry in 0.06 s" in push_lines
    assert "started, retry 1, warm instance 1" in push_lines
    assert push_lines[-2:] == ["dropped", "dropped: the function has no dead-letter queue"]


def test_serve_shows_dead_letters_without_endpoint() -> None:
    lines: list[str] = []
    function = LocalFunction(APPLICATION, layer=LAYER, retries=0, dead_letter_queue=True)

    def show(line: str) -> None:
        lines.append(line)
        if line.startswith("SCF emulator"):
            function.push({"do": "fail"})
        elif line.endswith("moved to the dead-letter queue"):
            os.kill(os.getpid(), signal.SIGTERM)

    serve(function, show=show)
    assert lines[-1].endswith("moved to the dead-letter queue")
    assert len(function.dead_letters) == 1


def test_serve_shows_lost_events() -> None:
    lines: list[str] = []
    function = LocalFunction(APPLICATION, layer=LAYER)
    function.pause()

    def show(line: str) -> None:
        lines.append(line)
        if line.startswith("SCF emulator"):
            function.push({"do": "count"})
            os.kill(os.getpid(), signal.SIGTERM)

    serve(function, show=show)
    assert lines[-1] == "lost 1 waiting events"
