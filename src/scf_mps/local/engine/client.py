"""Client of the engine: starts its process, sends requests, watches it and restarts it."""

from __future__ import annotations

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


class _ProcessLost(Exception):
    """The process ended, or was silent for too long and was killed."""


class _EngineProcess:
    """A process of the engine, and the connection to it."""

    def __init__(self, stall_seconds: float) -> None:
        """Start the process. Raises OSError."""
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(stall_seconds)
        self._stall_seconds = stall_seconds
        self._buffer = bytearray()
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
        code = self._process.wait()
        return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"

    def kill(self) -> None:
        """Kill the process. Thread-safe."""
        self._process.kill()

    def close(self) -> None:
        """Kill the process, wait for it and close the connection."""
        self._process.kill()
        self._process.wait()
        self._close_descriptors()

    def _close_descriptors(self) -> None:
        os.close(self._lifeline)
        self._socket.close()


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
        self._busy = False
        self._cancelled = False

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
        on_progress: Callable[[int, float], None] = lambda _, __: None,
        on_result: Callable[[int, JobResult | EngineError], None] = lambda _, __: None,
    ) -> None:
        """Process jobs in one decode of the source. Each job fails alone.

        Args:
            source: path of the source.
            jobs: descriptions of the outputs.
            folder: an existing folder, which receives a folder for each job.
            on_progress: called with the index of a job and its progress, 0 to 1.
            on_result: called with the index of a job and its result or error, in the calling thread.
        """
        pending = dict(enumerate(jobs))
        begun: set[int] = set()
        values = {"source": _make_absolute(source), "folder": _make_absolute(folder)}

        def read(message: Message) -> None:
            if "begun" in message:
                begun.update(message["begun"])
            elif "progress" in message:
                for index in message["jobs"]:
                    on_progress(index, message["progress"])
            elif "index" in message:
                end(message["index"], _read_result(message))

        def end(index: int, result: JobResult | EngineError) -> None:
            del pending[index]
            begun.discard(index)
            on_result(index, result)

        with self._turn:
            while pending:
                try:
                    self._exchange({"operation": "run", "jobs": pending, **values}, read)
                except EngineError as error:
                    # Jobs that had not begun are processed again, unless the request itself failed.
                    is_partial = begun and not isinstance(error, EngineCancelled)
                    for index in sorted(begun if is_partial else pending):
                        end(index, error)

    def cancel(self) -> None:
        """End the current request: its jobs fail with `EngineCancelled`. Thread-safe."""
        with self._state:
            if self._busy:
                self._cancelled = True
                if self._process is not None:
                    self._process.kill()

    def close(self) -> None:
        """Cancel the current request and end the process. The next use starts another one."""
        self.cancel()
        with self._turn:
            self._drop_process()

    def _call(self, operation: str, **values: Any) -> Any:
        """Return the value of a request with one result."""
        last: Message = {}

        def read(message: Message) -> None:
            nonlocal last
            last = message

        with self._turn:
            self._exchange({"operation": operation, **values}, read)
        return last["done"]

    def _exchange(self, request: Message, read: Callable[[Message], None]) -> None:
        """Send a request and pass each message of the response to `read`.

        Raises:
            EngineError: the request failed, or the process ended, or it was cancelled.
        """
        if problem := self.find_problem():
            raise EngineError(INTERNAL, problem)
        process = self._begin()
        try:
            message: Message = {}
            for message in process.request({**request, "settings": asdict(self._settings)}):
                read(message)
            if "failed" in message:
                raise EngineError(*message["failed"])
        except _ProcessLost as error:
            text = f"the engine (process {process.pid}) {error}"
            self._drop_process()
            if self._cancelled:
                raise EngineCancelled(INTERNAL, "the job was cancelled") from None
            raise EngineError(INTERNAL, text) from None
        except EngineError:
            raise
        except BaseException:
            self._drop_process()  # the response was not read to its end
            raise
        finally:
            with self._state:
                self._busy = self._cancelled = False

    def _begin(self) -> _EngineProcess:
        with self._state:
            self._busy, self._cancelled = True, False
            if self._process is None:
                self._process = _EngineProcess(self._stall_seconds)
            return self._process

    def _drop_process(self) -> None:
        with self._state:
            process, self._process = self._process, None
        if process is not None:
            process.close()


def _make_absolute(path: str | os.PathLike[str]) -> str:
    """Return an absolute path, as the process has another working directory."""
    return os.path.abspath(path)


def _read_result(message: Message) -> JobResult | EngineError:
    if "error" in message:
        return EngineError(*message["error"])
    return JobResult.from_json(message["result"])
