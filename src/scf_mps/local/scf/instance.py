"""One instance of a function: a process that handles one event at a time, watched for time and memory."""

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
"""Seconds between two looks at the memory of a busy instance."""


@dataclass(frozen=True, slots=True)
class InstanceResponse:
    """What an instance made of an event; `lost` if there is no instance any more."""

    status: int
    text: str
    stack: str | None
    seconds: float
    lost: bool


class _Lost(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Instance:
    """A process of the function's CPython, with a folder of its own to write to.

    Attributes:
        number: counted up from 1.
        pid: of the process, which leads a group of its own.
        request_id: of the event it is at; None while it waits for one.
        init_seconds: how long it took to load the function; None until it has.
    """

    def __init__(
        self,
        number: int,
        command: list[str],
        arguments: list[str],
        environment: Mapping[str, str],
        folder: Path,
        memory: int,
        freeze: bool,
    ) -> None:
        """Start a process: `command`, two descriptors, `arguments`. Raises OSError.

        With `freeze` it gets no CPU time between two events.
        """
        self.number = number
        self.request_id: str | None = None
        self.init_seconds: float | None = None
        self._memory = memory
        self._freeze = freeze
        self._folder = folder
        self._buffer = bytearray()
        self._lock = threading.Lock()
        self._ended = False
        for name in ("tmp", "home"):
            folder.joinpath(name).mkdir(parents=True)
        self._began = time.monotonic()
        self._socket, theirs = socket.socketpair()
        held, self._lifeline = os.pipe()
        try:
            self._process = subprocess.Popen(
                [*command, str(held), str(theirs.fileno()), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=environment["PWD"],
                env=environment,
                pass_fds=[held, theirs.fileno()],
                start_new_session=True,
            )
        except OSError:
            self._clear_up()
            raise
        finally:
            os.close(held)
            theirs.close()
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
    def peak(self) -> int:
        """The most memory it has used, in bytes."""
        return self._gauge.peak()

    def initialise(self, seconds: float, record: Callable[[str], None]) -> InstanceResponse | None:
        """Wait until the function is loaded; an answer only if the instance was lost over it."""
        try:
            self._wait(
                self._began + seconds, f"Initialization timed out after {seconds} seconds", record
            )
        except _Lost as lost:
            return InstanceResponse(lost.status, lost.message, None, 0, lost=True)
        finally:
            self.init_seconds = time.monotonic() - self._began
        return None

    def handle(
        self, event: str, context: dict[str, Any], seconds: float, record: Callable[[str], None]
    ) -> InstanceResponse:
        """Give it an event (JSON) and wait for what comes of it. `record` gets what it writes."""
        began = time.monotonic()
        try:
            if self._freeze:
                self._signal(signal.SIGCONT)
            self._send(encode_message({"event": event, "context": context}))
            told = self._wait(
                began + seconds, f"Invoking task timed out after {seconds} seconds", record
            )
        except _Lost as lost:
            return InstanceResponse(
                lost.status, lost.message, None, time.monotonic() - began, lost=True
            )
        if self._freeze:
            self._signal(signal.SIGSTOP)
        text = told["returned"] if told["status"] == statuses.SUCCESS else told["message"]
        taken = time.monotonic() - began
        return InstanceResponse(told["status"], text, told.get("stack"), taken, lost=False)

    def is_alive(self) -> bool:
        """Whether an idle instance is still there."""
        try:
            return self._receive(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True

    def kill(self) -> None:
        """SIGKILL for the process and whatever it has started, now."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        """Send a signal to the process and whatever it has started."""
        with self._lock:
            if not self._ended:
                # PermissionError: macOS, of a process that has ended.
                with contextlib.suppress(PermissionError):
                    os.killpg(self.pid, number)

    def close(self) -> None:
        """Kill it and take away all that was its own."""
        self.kill()
        with self._lock:
            # Until it is waited for, its number cannot become that of another process.
            self._process.wait()
            self._ended = True
        self._selector.close()
        self._output.close()
        self._clear_up()

    def _clear_up(self) -> None:
        self._socket.close()
        os.close(self._lifeline)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _send(self, message: bytes) -> None:
        try:
            self._socket.sendall(message)
        except OSError:
            raise _Lost(statuses.PROCESS_EXITED, _EXITED) from None

    def _wait(
        self, deadline: float, too_late: str, record: Callable[[str], None]
    ) -> dict[str, Any]:
        """The next message that is no record. Raises _Lost."""
        limit = self._memory * 1024 * 1024
        while True:
            for key, _ in self._selector.select(_TICK):
                if key.fileobj is self._socket:
                    data = self._receive()
                    if not data:
                        self._read_output(record)
                        raise _Lost(statuses.PROCESS_EXITED, _EXITED)
                    self._buffer += data
                else:
                    self._read_output(record)
            messages = decode_messages(self._buffer)
            for message in messages:
                if "record" in message:
                    record(message["record"])
            if self._gauge.peak() > limit:
                raise _Lost(
                    statuses.MEMORY_LIMIT_REACHED, f"Memory limit of {self._memory} MB exceeded"
                )
            for message in messages:
                if "record" not in message:
                    return message
            if time.monotonic() >= deadline:
                raise _Lost(statuses.TIME_LIMIT_REACHED, too_late)

    def _receive(self, size: int = 1 << 20, flags: int = 0) -> bytes:
        try:
            return self._socket.recv(size, flags)
        except ConnectionResetError:  # it went without reading what it was sent
            return b""

    def _read_output(self, record: Callable[[str], None]) -> None:
        """What came past `sys.stdout`: of other processes, and of an interpreter that breaks down."""
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._output.fileno(), 1 << 20)
            for line in data.decode(errors="replace").splitlines(keepends=True):
                record(line)
            if not data:  # all that had it open have closed it, now or before
                with contextlib.suppress(KeyError):
                    self._selector.unregister(self._output)


_EXITED = "Process exited before completing request"
