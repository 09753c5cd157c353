"""Client of the engine: starts its process, sends requests, watches it and restarts it."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .results import INTERNAL, EngineCancelled, EngineError, JobResult
from .settings import GIB, Settings

if TYPE_CHECKING:
    from typing_extensions import Self

DEFAULT_STALL_SECONDS = 30.0
_PACKAGE = __name__.rpartition(".")[0]
_ROOT = Path(__file__).parents[3]
"""The folder of the package, from which the process imports the same code."""

Message = Mapping[str, Any]
OnProgress = Callable[[int, float], None]
OnResult = Callable[[int, "JobResult | EngineError"], None]


class _ProcessLost(Exception):
    """The process ended, or was silent for too long and was killed."""


class _EngineProcess:
    """A process of the engine, and the connection to it."""

    def __init__(self, stall_seconds: float) -> None:
        """Start the process. Raises OSError."""
        self._socket, theirs = socket.socketpair()
        self._stall_seconds = stall_seconds
        self._buffer = bytearray()
        self._is_killed = False
        self._is_ready = False
        lifeline, self._lifeline = os.pipe()
        descriptors = (theirs.fileno(), lifeline)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", _PACKAGE, *map(str, descriptors)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=_ROOT,
                pass_fds=descriptors,
                start_new_session=True,
            )
        except BaseException:
            self._close_descriptors()
            raise
        finally:
            os.close(lifeline)
            theirs.close()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def request(self, message: Message) -> Iterator[dict[str, Any]]:
        """Send a request and yield the messages of the response, the last of which is ``done`` or ``failed``.

        Raises:
            _ProcessLost: the process ended or was silent for too long.
        """
        try:
            if not self._is_ready:
                # On a busy machine the start of a process with low priority takes seconds.
                self._socket.settimeout(max(self._stall_seconds, DEFAULT_STALL_SECONDS))
                self._is_ready = "ready" in self._read_line()
                self._socket.settimeout(self._stall_seconds)
            self._socket.sendall(json.dumps(message).encode() + b"\n")
            while True:
                response = self._read_line()
                yield response
                if "done" in response or "failed" in response:
                    return
        except TimeoutError:
            raise _ProcessLost(f"was silent for {self._stall_seconds:g} s") from None
        except ConnectionError:
            raise _ProcessLost(self._describe_exit()) from None

    def _read_line(self) -> dict[str, Any]:
        while (end := self._buffer.find(b"\n")) < 0:
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionResetError
            self._buffer += data
        line: dict[str, Any] = json.loads(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _describe_exit(self) -> str:
        self._process.kill()  # without effect on one that exits, but nothing waits for one that hangs
        code = self._process.wait()
        return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"

    @property
    def is_over(self) -> bool:
        """True if the process was killed or ended."""
        return self._is_killed or self._process.poll() is not None

    def kill(self) -> None:
        """Kill the process. Thread-safe."""
        self._is_killed = True
        self._process.kill()

    def close(self) -> None:
        """Kill the process, wait for it and close the connection."""
        self._process.kill()
        self._process.wait()
        self._close_descriptors()

    def _close_descriptors(self) -> None:
        os.close(self._lifeline)
        self._socket.close()


class _Batch:
    """The jobs of a request.

    Attributes:
        pending: jobs without a result, by their index.
    """

    def __init__(
        self, jobs: Sequence[Mapping[str, Any]], on_progress: OnProgress, on_result: OnResult
    ) -> None:
        self.pending = dict(enumerate(jobs))
        self._begun: set[int] = set()
        self._on_progress = on_progress
        self._on_result = on_result

    def read(self, message: Message) -> None:
        """Process a message of the response."""
        for index in message.get("begun", ()):
            self._begun.add(index)
            self._on_progress(index, 0.0)
        if "progress" in message:
            for index in message["jobs"]:
                self._on_progress(index, message["progress"])
        elif "error" in message:
            self._end(message["index"], EngineError(*message["error"]))
        elif "result" in message:
            self._end(message["index"], JobResult.from_json(message["result"]))

    def fail(self, error: EngineError) -> None:
        """End the current jobs, or all if none has begun or they were cancelled. The others are sent again."""
        is_partial = self._begun and not isinstance(error, EngineCancelled)
        for index in sorted(self._begun if is_partial else self.pending):
            self._end(index, error)

    def _end(self, index: int, result: JobResult | EngineError) -> None:
        del self.pending[index]
        self._begun.discard(index)
        self._on_result(index, result)


class Engine:
    """Media engine in a separate process, which starts on first use.

    It processes one request at a time. Threads wait for each other. A process that dies or is silent for too long
    is replaced, and only its current jobs fail.
    """

    def __init__(
        self,
        fast: bool = False,
        scratch_limit: int = 4 * GIB,
        stall_seconds: float = DEFAULT_STALL_SECONDS,
    ) -> None:
        """Configure the engine.

        Args:
            fast: encode in a third of the time, with files that are about a tenth larger.
            scratch_limit: bytes that the files of one request may have.
            stall_seconds: seconds without a sign of life after which the process is killed.
        """
        self._settings = Settings(fast=fast, scratch_bytes=scratch_limit)
        self._stall_seconds = stall_seconds
        self._process: _EngineProcess | None = None
        self._turn = threading.Lock()
        self._state = threading.Lock()
        self._is_busy = False
        self._is_cancelled = False
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.close()

    @staticmethod
    def find_problem() -> str:
        """Return why the engine cannot work here, or ``""``."""
        if importlib.util.find_spec("av") is None:
            return "the media engine needs PyAV: run pip install 'scf-mps[media]'"
        return ""

    @property
    def available(self) -> bool:
        """True if the engine can work here."""
        return not self.find_problem()

    @property
    def pid(self) -> int | None:
        """The id of the process, None before its first use."""
        process = self._process
        return process.pid if process is not None else None

    def probe(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """Return the ``MediaMetaData`` of a file with the field names of MPS, and its ``Md5``.

        Raises:
            EngineError: the file is no media, is damaged or exceeds a limit.
        """
        metadata: dict[str, Any] = self._call("probe", path=_make_absolute(path))
        return metadata

    def remux(self, path: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
        """Copy an HLS stream into an MP4 without encoding it.

        Args:
            path: of a playlist whose segments are in its folder.
            target: path of the MP4.

        Raises:
            EngineError: the playlist is damaged, or names files elsewhere.
        """
        self._call("remux", path=_make_absolute(path), target=_make_absolute(target))

    def make_sample_clip(
        self, path: str | os.PathLike[str], seconds: float = 20, width: int = 640
    ) -> None:
        """Write an MP4 with moving test pictures, a clock and sound.

        Args:
            path: of the file.
            seconds: the length.
            width: in pixels. The height is 9/16 of it.

        Raises:
            EngineError: the file cannot be written.
        """
        self._call("make_sample_clip", path=_make_absolute(path), seconds=seconds, width=width)

    def run(
        self,
        source: str | os.PathLike[str],
        jobs: Sequence[Mapping[str, Any]],
        folder: str | os.PathLike[str],
        on_progress: OnProgress = lambda _, __: None,
        on_result: OnResult = lambda _, __: None,
    ) -> None:
        """Process jobs in one decode of the source. Each job fails alone.

        Args:
            source: path of the source.
            jobs: descriptions of the outputs.
            folder: an existing folder, which receives a folder for each job.
            on_progress: called with the index of a job and its progress, 0 to 1. The first call says that it begins.
            on_result: called with the index of a job and its result or error, in the calling thread.
        """
        request = {
            "operation": "run",
            "source": _make_absolute(source),
            "folder": _make_absolute(folder),
        }
        batch = _Batch(jobs, on_progress, on_result)
        with self._take_turn():
            while batch.pending:
                try:
                    self._exchange({**request, "jobs": batch.pending}, batch.read)
                except EngineError as error:
                    batch.fail(error)
                else:
                    return

    def cancel(self) -> None:
        """End the current request: its jobs fail with `EngineCancelled`. Thread-safe."""
        with self._state:
            self._is_cancelled = self._is_busy
            if self._is_busy and self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """Cancel the current request and end the process. Later and waiting requests are refused."""
        self._is_closed = True
        self.cancel()
        with self._turn:
            self._drop_process()

    @contextlib.contextmanager
    def _take_turn(self) -> Iterator[None]:
        """Wait until other threads are done. Until the end, `cancel` has an effect."""
        with self._turn:
            with self._state:
                self._is_busy, self._is_cancelled = True, False
            try:
                yield
            finally:
                with self._state:
                    self._is_busy = False

    def _call(self, operation: str, **values: Any) -> Any:
        """Return the value of a request with one result."""
        last: Message = {}

        def read(message: Message) -> None:
            nonlocal last
            last = message

        with self._take_turn():
            self._exchange({"operation": operation, **values}, read)
        return last["done"]

    def _exchange(self, request: Message, read: Callable[[Message], None]) -> None:
        """Send a request and pass each message of the response to `read`.

        Raises:
            EngineError: the request failed, or the process ended, or it was cancelled.
        """
        process = self._get_process()
        message: Message = {}
        try:
            for message in process.request({**request, "settings": asdict(self._settings)}):
                read(message)
        except _ProcessLost as error:
            self._drop_process()
            if self._is_cancelled:
                raise EngineCancelled(INTERNAL, "the job was cancelled") from None
            text = f"the media engine (process {process.pid}) {error}"
            raise EngineError(INTERNAL, text) from None
        except BaseException:
            self._drop_process()  # the rest of the response is unread
            raise
        if "failed" in message:
            raise EngineError(*message["failed"])

    def _get_process(self) -> _EngineProcess:
        """Return the process, which is started if needed. Raises EngineError."""
        with self._state:
            if self._is_closed or self._is_cancelled:
                raise EngineCancelled(INTERNAL, "the media engine is closed, or was cancelled")
            if self._process is not None and self._process.is_over:
                self._process.close()
                self._process = None
            if self._process is None:
                if problem := self.find_problem():
                    raise EngineError(INTERNAL, problem)
                try:
                    self._process = _EngineProcess(self._stall_seconds)
                except OSError as error:
                    text = f"cannot start the media engine: {error}"
                    raise EngineError(INTERNAL, text) from None
            return self._process

    def _drop_process(self) -> None:
        with self._state:
            process, self._process = self._process, None
        if process is not None:
            process.close()


def _make_absolute(path: str | os.PathLike[str]) -> str:
    """Return an absolute path, as the process has another working directory."""
    return os.path.abspath(path)
