"""The warning before SCF kills an invocation."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import scf_mps
from scf_mps import App, Context, Observer, Transcode, logs
from scf_mps.common.operations import Operation
from scf_mps.local.samples import sample
from scf_mps.local.scf import LocalFunction
from tests.support.log_capture import Stream, restore_loggers
from tests.support.wait import wait_until

PACKAGE = Path(scf_mps.__file__).parent
EVENT = sample("WorkflowTask", Transcode="SUCCESS")
LIMIT = {"request_id": "r", "time_limit_in_ms": 2000}


@pytest.fixture
def warnings():
    """Return a function that reads the warnings so far."""
    with restore_loggers():
        logs.configure(stream := Stream())
        yield lambda: [line for line in stream.lines if "killed" in line["message"]]


def hang_until(warnings):
    """Wait for the warning, inside of a callback."""
    wait_until(warnings, seconds=10)


def test_warning_names_callback_operation_and_stack(warnings, monkeypatch):
    monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", "s3cr3t-of-the-function")
    app = App()

    @app.on(Transcode, name="send")
    def send(transcode: Transcode) -> None:
        with Operation("post", "s3cr3t-of-the-function"):
            hang_until(warnings)

    app.main_handler(EVENT, LIMIT)
    (line,) = warnings()
    assert line["level"] == "WARNING"
    assert (line["request_id"], line["task_id"]) == ("r", EVENT["WorkflowTaskEvent"]["TaskId"])
    assert line["callback"] == "send"
    assert 1000 < line["callback_ms"] < 3000
    assert 0 < line["left_ms"] <= 500 or line["left_ms"] < 0  # a busy machine is late
    assert line["operations"].startswith("post ***, 1.")
    assert "in hang_until" in line["stack"]


def test_warning_shows_what_happens_outside_of_callbacks(warnings):
    app = App()

    class Waiting:
        pass

    def open_waiting():
        yield Waiting()
        hang_until(warnings)

    app.provide(Waiting, open_waiting, per="invocation")

    @app.on(Transcode)
    def use(transcode: Transcode, waiting: Waiting) -> None: ...

    app.main_handler(EVENT, LIMIT)
    (line,) = warnings()
    assert "callback" not in line
    assert "in open_waiting" in line["stack"]


@pytest.mark.parametrize("blocks", [False, True])
def test_warning_shows_the_stack_of_async_callbacks(warnings, blocks):
    import asyncio

    app = App()

    async def ask_service():
        while not warnings():
            if blocks:
                time.sleep(0.01)
            else:
                await asyncio.sleep(0.01)

    @app.on(Transcode)
    async def ask(transcode: Transcode) -> None:
        await ask_service()

    app.main_handler(EVENT, LIMIT)
    assert "in ask_service" in warnings()[0]["stack"]


class Spans(Observer):
    def __init__(self):
        self.ends = []
        self.flushes = []

    def ended(self, span):
        self.ends.append((span.kind, span.error))

    def flush(self, seconds):
        self.flushes.append(seconds)


def test_open_spans_end_as_errors_and_are_flushed(warnings):
    spans = Spans()
    app = App(observers=[spans])
    app.on(Transcode, name="quick")(lambda transcode: None)

    @app.on(Transcode, name="hanging")
    def send(transcode: Transcode) -> None:
        with Operation("post", "example.com"):
            wait_until(lambda: spans.flushes, seconds=10)
            assert spans.flushes == [pytest.approx(0.2)]

    app.main_handler(EVENT, LIMIT)
    reason = "about to be killed at the time limit"
    # The callback that had ended is no error, and no span ends twice.
    assert spans.ends == [
        ("callback", ""),
        *((kind, reason) for kind in ("post", "callback", "event", "invocation")),
    ]
    assert len(spans.flushes) == 2


def test_failure_to_read_the_state_does_not_end_the_watch(warnings):
    class Unreadable:
        def __str__(self):
            raise ValueError

    app = App()

    @app.on(Transcode)
    def send(transcode: Transcode) -> None:
        with Operation("post", "example.com", proxy=Unreadable()):
            hang_until(warnings)

    app.main_handler(EVENT, LIMIT)
    assert "ValueError" in warnings()[0]["exception"]
    quiet = App()
    quiet.on(Transcode)(lambda transcode: wait_until(lambda: len(warnings()) == 2, seconds=10))
    quiet.main_handler(EVENT, LIMIT)
    assert len(warnings()) == 2


def test_invocations_in_time_are_not_warned_about(warnings):
    quick, slow = App(), App()
    quick.on(Transcode, name="quick")(lambda transcode: None)
    slow.on(Transcode, name="slow")(lambda transcode: hang_until(warnings))
    for limit in (60_000, 2000, 3000):
        quick.main_handler(EVENT, LIMIT | {"time_limit_in_ms": limit})
    # The thread expects nothing before the shortest limit has passed, and this invocation is due earlier than that.
    slow.main_handler(EVENT, LIMIT)
    assert [line["callback"] for line in warnings()] == ["slow"]


@pytest.mark.parametrize(
    "context",
    [{}, {"time_limit_in_ms": 1000}, Context(LIMIT, clock=lambda: 0.0)],
    ids=["no limit", "short limit", "own clock"],
)
def test_some_invocations_need_no_thread(context):
    code = (
        "import json, sys, threading; from scf_mps import App, Context;"
        "App(ledger='none').main_handler(json.loads(sys.argv[1]), {});"
        "print([thread.name for thread in threading.enumerate()])"
    )
    if isinstance(context, Context):
        code = code.replace("{})", "Context({'time_limit_in_ms': 2000}, lambda: 0.0))")
    else:
        code = code.replace("{})", f"{context})")
    shown = subprocess.run(
        [sys.executable, "-c", code, json.dumps(EVENT)], capture_output=True, text=True, check=True
    ).stdout
    assert shown == "['MainThread']\n"


FROZEN = """
import json, sys
from scf_mps import App, logs
logs.configure(sys.stdout)
handler = App(ledger="none").main_handler
for line in sys.stdin:
    handler(json.loads(line), {"request_id": "r", "time_limit_in_ms": 2000})
    print("handled", flush=True)
"""


def test_frozen_instance_warns_about_nothing():
    """SCF freezes an instance after an invocation. Its time limit passes meanwhile."""
    with subprocess.Popen(
        [sys.executable, "-c", FROZEN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        output = ""
        for _ in range(2):
            process.stdin.write(json.dumps(EVENT) + "\n")
            process.stdin.flush()
            while not output.endswith("handled\n"):
                output += process.stdout.readline()
            output += "."
            os.kill(process.pid, signal.SIGSTOP)
            frozen = time.monotonic()
            wait_until(lambda: time.monotonic() - frozen > 2.0)  # the time limit  # noqa: B023
            os.kill(process.pid, signal.SIGCONT)
        rest, _ = process.communicate(timeout=10)
    assert "killed" not in output + rest


HANGING = """
import socket
from scf_mps import App, Cos, Transcode

app = App(ledger="none")

@app.on(Transcode, name="publish")
def publish(transcode: Transcode, cos: Cos) -> None:
    {code}

main_handler = app.main_handler
"""


@pytest.mark.parametrize(
    ("code", "operation", "killed"),
    [
        ('socket.create_connection(("127.0.0.1", {port})).recv(1)', "", True),
        ('cos.exists("cos://media-1250000000.ap-guangzhou/film.mp4")', "cos HEAD", False),
    ],
    ids=["own socket", "COS"],
)
def test_hanging_callback_of_a_user_is_named(tmp_path, code, operation, killed):
    """A callback waits for a server that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        source = HANGING.format(code=code.format(port=port))
        (tmp_path / "index.py").write_text(source)
        (tmp_path / "scf_mps").symlink_to(PACKAGE)
        with LocalFunction(
            tmp_path,
            timeout=3,
            retries=0,
            credentials=("AKIDlocal", "local-secret", ""),
            environment={"MPS_COS_PROXY": f"http://127.0.0.1:{port}"},
        ) as function:
            function.push(EVENT)
            function.settle()
            (invocation,) = function.invocations
    assert invocation.status == (433 if killed else 430)
    lines = [json.loads(text) for text in invocation.records if "about to be killed" in text]
    (line,) = lines
    assert line["callback"] == "publish"
    assert line.get("operations", "").startswith(operation)
    assert "in publish" in line["stack"]
    assert 2000 < line["callback_ms"] < 3000
