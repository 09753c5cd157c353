"""A function in the foreground: what is shown, and that it stops."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from scf_mps.local.scf import LocalFunction, serve

from .conftest import APPLICATION, LAYER


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_function_is_served_until_a_signal_comes(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)

    @contextmanager
    def endpoint(function: LocalFunction) -> Iterator[str]:
        assert function.invoke({"do": "count"}).succeeded
        yield "events are taken nowhere"
        assert function.invoke({"do": "count"}).succeeded

    function = LocalFunction(APPLICATION, layer=LAYER)
    function.observe(lambda moment: os.kill(os.getpid(), number))
    serve(function, endpoint)
    lines = capsys.readouterr().out.splitlines()
    version = function.runtime.version
    assert f"SCF emulator: mps-events on CPython {version}" in lines
    assert "events are taken nowhere" in lines
    assert signal.getsignal(number) is before
    assert function.instances == []


def test_everything_that_happens_is_shown() -> None:
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
    called, pushed = request_ids
    version = lines.pop(-2 if "dropped" in lines[-1] else -1)
    assert version.startswith("SCF emulator: mps-events on CPython 3.")
    of_call = [line.split("  ", 1)[1] for line in lines if line.startswith(called)]
    assert of_call[:2] == ["started, cold instance 1", "loaded"]
    assert of_call[-2].startswith("ended with 200 after ")
    assert of_call[-1] == '"é"'
    of_push = [line.split("  ", 1)[1] for line in lines if line.startswith(pushed)]
    assert of_push[:2] == ["pushed", "started, warm instance 1"]
    assert of_push[2].startswith("ended with 430 after ")
    assert of_push[3] == "user code exception caught"
    assert "index.Left: not today" in of_push
    assert "to be retried in 0.06 s" in of_push
    assert "started, retry 1, warm instance 1" in of_push
    assert of_push[-2:] == ["dropped", "was dropped: it is in no dead-letter queue"]


def test_dead_letters_are_shown_and_an_endpoint_is_not_needed() -> None:
    lines: list[str] = []
    function = LocalFunction(APPLICATION, layer=LAYER, retries=0, dead_letter_queue=True)

    def show(line: str) -> None:
        lines.append(line)
        if line.startswith("SCF emulator"):
            function.push({"do": "fail"})
        elif line.endswith("is in the dead-letter queue"):
            os.kill(os.getpid(), signal.SIGTERM)

    serve(function, show=show)
    assert lines[-1].endswith("is in the dead-letter queue")
    assert len(function.dead_letters) == 1


def test_what_still_waits_in_the_end_is_told() -> None:
    lines: list[str] = []
    function = LocalFunction(APPLICATION, layer=LAYER)
    function.pause()

    def show(line: str) -> None:
        lines.append(line)
        if line.startswith("SCF emulator"):
            function.push({"do": "count"})
            os.kill(os.getpid(), signal.SIGTERM)

    serve(function, show=show)
    assert lines[-1] == "1 events still waited, and are lost"
