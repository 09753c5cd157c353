"""Instance of a function: a process that handles one event at a time, with time and memory limits."""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import statuses
from .bootstrap import decode_messages, encode_message
from .memory import MemoryGauge

_TICK = 0.02
"""Seconds between two measurements of the memory of a busy instance."""


@dataclass(frozen=True, slots=True)
class InstanceResponse:
    """Result of an event. `lost` means that the instance ended."""

    status: int
    text: str
    stack: str | None
    seconds: float
    lost: bool


class _InstanceLost(Exception):
    """The instance exited or exceeded a limit."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class InstanceConfig:
    """Configuration of an instance.

    Attributes:
        command: the start of the command line.
        arguments: its end, after two descriptors.
        environment: the variables of the process.
        folder: the writable folder.
        memory: limit in MB.
        freeze: whether to stop the process between two events.
    """

    command: list[str]
    arguments: list[str]
    environment: Mapping[str, str]
    folder: Path
    memory: int
    freeze: bool


class Instance:
    """A process of the function's CPython with its own writable folder.

    Attributes:
        number: counted from 1.
        pid: the process id, also of its process group.
        request_id: of the current event, None while idle.
        init_seconds: the time until the function was loaded, None before.
        load_error: why the function could not be loaded, empty if it was.
    """

    def __init__(self, number: int, config: InstanceConfig) -> None:
        """Start the process. Raises OSError."""
        self.number = number
        self.request_id: str | None = None
        self.init_seconds: float | None = None
        self.load_error = ""
        self._config = config
        self._buffer = bytearray()
        self._lock = threading.Lock()
        self._ended = False
        for name in ("tmp", "home"):
            config.folder.joinpath(name).mkdir(parents=True)
        self._started = time.monotonic()
        self._socket, child_socket = socket.socketpair()
        child_pipe, self._lifeline = os.pipe()
        descriptors = [child_pipe, child_socket.fileno()]
        try:
            self._process = subprocess.Popen(
                [*config.command, *map(str, descriptors), *config.arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=config.environment["PWD"],
                env=config.environment,
                pass_fds=descriptors,
                start_new_session=True,
            )
        except OSError:
            self._clean_up()
            raise
        finally:
            os.close(child_pipe)
            child_socket.close()
        self.pid = self._process.pid
        assert self._process.stdout is not None
        self._output = self._process.stdout
        os.set_blocking(self._output.fileno(), False)
        self._gauge = MemoryGauge(self.pid)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._selector.register(self._output, selectors.EVENT_READ)

    def __repr__(self) -> str:
        return f"<Instance {self.number}: process {self.pid}, {self.request_id or 'idle'}>"

    @property
    def code(self) -> str:
        """The folder of the code."""
        return self._config.environment["PWD"]

    @property
    def peak(self) -> int:
        """The peak memory in bytes."""
        return self._gauge.peak()

    def initialise(self, seconds: float, record: Callable[[str], None]) -> InstanceResponse | None:
        """Wait until the function is loaded. Return a response only if the instance ended.

        Args:
            seconds: the limit.
            record: called with every written text.
        """
        try:
            message = self._wait(
                self._started + seconds, f"Initialization timed out after {seconds} seconds", record
            )
            self.load_error = (message["failure"] or {}).get("message", "")
        except _InstanceLost as lost:
            return InstanceResponse(lost.status, lost.message, None, 0, lost=True)
        finally:
            self.init_seconds = time.monotonic() - self._started
        return None

    def handle(
        self, event: str, context: dict[str, Any], seconds: float, record: Callable[[str], None]
    ) -> InstanceResponse:
        """Process an event (JSON) and wait for the result.

        Args:
            event: JSON text.
            context: the handler's second argument.
            seconds: the limit.
            record: called with every written text.
        """
        started = time.monotonic()
        try:
            if self._config.freeze:
                self._signal(signal.SIGCONT)
            self._send(encode_message({"event": event, "context": context}))
            message = self._wait(
                started + seconds, f"Invoking task timed out after {seconds} seconds", record
            )
        except _InstanceLost as lost:
            return InstanceResponse(
                lost.status, lost.message, None, time.monotonic() - started, lost=True
            )
        if self._config.freeze:
            self._signal(signal.SIGSTOP)
        text = message["returned"] if message["status"] == statuses.SUCCESS else message["message"]
        taken = time.monotonic() - started
        return InstanceResponse(message["status"], text, message.get("stack"), taken, lost=False)

    def is_alive(self) -> bool:
        """Return True if an idle instance still runs."""
        try:
            return self._receive(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True

    def kill(self) -> None:
        """Kill the process group."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        """Send a signal to the process group."""
        with self._lock:
            if not self._ended:
                # macOS raises PermissionError for an ended process.
                with contextlib.suppress(PermissionError):
                    os.killpg(self.pid, number)

    def close(self) -> None:
        """Kill the process and remove its folder."""
        self.kill()
        with self._lock:
            # The process id is not reused before this wait.
            self._process.wait()
            self._ended = True
        self._selector.close()
        self._output.close()
        self._clean_up()

    def _clean_up(self) -> None:
        self._socket.close()
        os.close(self._lifeline)
        shutil.rmtree(self._config.folder, ignore_errors=True)

    def _send(self, message: bytes) -> None:
        try:
            self._socket.sendall(message)
        except OSError:
            raise _InstanceLost(statuses.PROCESS_EXITED, _EXITED) from None

    def _wait(
        self, deadline: float, timeout_message: str, record: Callable[[str], None]
    ) -> dict[str, Any]:
        """Return the next message that is not a record. Raises _InstanceLost."""
        max_bytes = self._config.memory * 1024 * 1024
        while True:
            results = self._read_messages(record)
            if self._gauge.peak() > max_bytes:
                raise _InstanceLost(
                    statuses.MEMORY_LIMIT_REACHED,
                    f"Memory limit of {self._config.memory} MB exceeded",
                )
            if results:
                return results[0]
            if time.monotonic() >= deadline:
                raise _InstanceLost(statuses.TIME_LIMIT_REACHED, timeout_message)

    def _read_messages(self, record: Callable[[str], None]) -> list[dict[str, Any]]:
        """Read the available messages and output. Pass records on and return the other messages."""
        for key, _ in self._selector.select(_TICK):
            if key.fileobj is not self._socket:
                self._read_output(record)
                continue
            data = self._receive()
            if not data:
                self._read_output(record)
                raise _InstanceLost(statuses.PROCESS_EXITED, _EXITED)
            self._buffer += data
        results: list[dict[str, Any]] = []
        for message in decode_messages(self._buffer):
            if "record" in message:
                record(message["record"])
            else:
                results.append(message)
        return results

    def _receive(self, size: int = 1 << 20, flags: int = 0) -> bytes:
        try:
            return self._socket.recv(size, flags)
        except ConnectionResetError:  # it exited without reading
            return b""

    def _read_output(self, record: Callable[[str], None]) -> None:
        """Read output that bypasses `sys.stdout`: of child processes and of a crashing interpreter."""
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._output.fileno(), 1 << 20)
            for line in data.decode(errors="replace").splitlines(keepends=True):
                record(line)
            if not data:  # closed by all processes
                with contextlib.suppress(KeyError):
                    self._selector.unregister(self._output)


_EXITED = "Process exited before completing request"
