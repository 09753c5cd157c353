"""The runtime inside an instance: loads the function as SCF's runtimes do, and gives it one event after another.

Run by its path by the CPython of the function, 3.10 to 3.13, so that the standard library is all it has. Time and
memory limits, records and what becomes of an event are left to the process that started it, at the other end of a
socket.
"""

from __future__ import annotations

import errno
import fcntl
import importlib.util
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
import traceback
import warnings
from decimal import Decimal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Handler = Callable[[Any, Any], Any]
    Message = dict[str, Any]

MAX_RETURN = 6 * 1024 * 1024
"""Bytes of JSON a function may return (product page 583/35311, status 407)."""

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CHANGES = frozenset(
    f"os.{name}"
    for name in ("mkdir", "remove", "rmdir", "rename", "link", "symlink", "truncate", "chmod")
)


def encode_message(message: Message) -> bytes:
    """A message as it goes over the socket: four bytes of length, then JSON."""
    body = json.dumps(message).encode()
    return len(body).to_bytes(4, "big") + body


def decode_messages(buffer: bytearray) -> list[Message]:
    """Take the messages that are complete off the front of a buffer."""
    messages: list[Message] = []
    while len(buffer) >= 4:
        end = 4 + int.from_bytes(buffer[:4], "big")
        if len(buffer) < end:
            break
        messages.append(json.loads(buffer[4:end]))
        del buffer[:end]
    return messages


class Starter:  # pragma: no cover (runs in the processes of instances)
    """The process that started this one."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._socket: socket.socket | None = socket.socket(fileno=descriptor)
        self._buffer = bytearray()
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._forget)

    def tell(self, message: Message) -> bool:
        """Send a message; False in a process that the function forked, which is not to speak for it."""
        if self._socket is None:
            return False
        try:
            with self._lock:
                self._socket.sendall(encode_message(message))
        except OSError:
            os._exit(1)
        return True

    def wait(self) -> Message:
        """The next event."""
        assert self._socket is not None
        while not (messages := decode_messages(self._buffer)):
            data = self._socket.recv(65536)
            if not data:
                os._exit(0)
            self._buffer += data
        return messages[0]

    def _forget(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def hold(lifeline: int) -> None:  # pragma: no cover (as above)
    """Have the system kill this process when the other end of a pipe is closed, whatever it is doing then.

    A thread could wait for that, but the function would find one that it does not have on SCF. The signal is SIGKILL
    where the system has F_SETSIG (Linux), as a frozen process handles no other. Elsewhere it is SIGIO, or this process
    ends after the event that it handles (macOS).
    """
    os.set_inheritable(lifeline, False)
    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_NONBLOCK | fcntl.FASYNC)
    try:
        os.read(lifeline, 1)
    except BlockingIOError:
        return  # nothing is ever written to it
    os._exit(0)


class Records:  # pragma: no cover (runs in the processes of instances)
    """Stands for stdout and stderr: every `write` is a record of its own, as in Tencent's runtime (PyPI scf 0.2.8)."""

    def __init__(self, starter: Starter, stream: Any) -> None:
        self._starter = starter
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        if not self._starter.tell({"record": str(text)}):
            self._stream.write(text)
        return len(text)

    def writelines(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.write(text)


def load(module: str, function: str, loader: str) -> Handler:  # pragma: no cover (as above)
    """The handler, loaded in one of the two ways that are known of SCF.

    ``imp`` is the cloud's (seen for 3.6 and 3.7): the module is in `sys.modules` under its name. ``path`` is that of
    Tencent's published runtime: it has no name, and is in no list.
    """
    if loader == "imp" and sys.version_info < (3, 12):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            import imp
        found: Any = imp.find_module(module)
        loaded: Any = imp.load_module(module, *found)
    else:
        name = module if loader == "imp" else ""
        path = os.path.join(os.environ["USER_CODE_ROOT"], f"{module}.py")
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        loaded = importlib.util.module_from_spec(spec)
        if name:
            sys.modules[name] = loaded
        spec.loader.exec_module(loaded)
    handler: Handler = getattr(loaded, function)
    return handler


def faulty(status: int, message: str) -> Message:  # pragma: no cover (as above)
    """What every event is answered if the function could not be loaded."""
    return {"status": status, "message": message}


def answer(
    handler: Handler, event: str, context: Message
) -> Message:  # pragma: no cover (as above)
    """Give the function an event. What leaves a process (`SystemExit`) is not caught: SCF's runtime does not."""
    try:
        returned = handler(json.loads(event), context)
        if type(returned) is Decimal:
            returned = str(returned)
        text = json.dumps(returned, ensure_ascii=False)
    except Exception as error:
        place = error.__traceback__.tb_next if error.__traceback__ else None
        stack = "".join(traceback.format_exception(type(error), error, place)).rstrip("\n")
        return {"status": 430, "message": "user code exception caught", "stack": stack}
    if len(text.encode("utf-8", "surrogatepass")) > MAX_RETURN:
        return faulty(407, "The size of response exceeds the upper limit (6MB)")
    return {"status": 200, "returned": text}


def protect(*folders: str) -> None:  # pragma: no cover (as above)
    """Make folders read-only for this process: the modes of files do not stop an emulator that runs as root."""
    tops = tuple(folder.rstrip(os.sep) + os.sep for folder in folders)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            paths: tuple[Any, ...] = (path,) if isinstance(flags, int) and flags & _WRITES else ()
        else:
            paths = arguments[:2] if event in _CHANGES else ()
        for path in paths:
            if isinstance(path, str | bytes | os.PathLike):
                where = os.path.abspath(os.fsdecode(path))
                if f"{where}{os.sep}".startswith(tops):
                    raise OSError(errno.EROFS, os.strerror(errno.EROFS), where)

    sys.addaudithook(hook)


def main() -> None:  # pragma: no cover (as above)
    """Load the function, then handle events until there is nobody left to give any."""
    lifeline, descriptor, handler, loader, opt = sys.argv[1:]
    del sys.argv[1:]
    hold(int(lifeline))
    starter = Starter(int(descriptor))
    sys.stdout = Records(starter, sys.stdout)
    sys.stderr = Records(starter, sys.stderr)
    logging.getLogger().setLevel(logging.DEBUG)
    logging.getLogger().addHandler(logging.StreamHandler(sys.stdout))
    if (
        sys.flags.no_site
    ):  # third-party packages of this machine are not in sys.path; `exit` and `help` are wanted
        import site

        site.setquit()
        site.setcopyright()
        site.sethelper()
    root = os.environ["USER_CODE_ROOT"]
    protect(root, opt)
    module, _, function = handler.rpartition(".")
    call, fault = None, None
    began = time.perf_counter()
    if not os.path.isfile(os.path.join(root, f"{module}.py")):
        fault = faulty(437, f"expected the entry file {module}.py in the root of the code")
    else:
        try:
            call = load(module, function, loader)
        except Exception:
            fault = faulty(443, traceback.format_exc().rstrip("\n"))
    starter.tell({"ready": time.perf_counter() - began})
    while True:
        request = starter.wait()
        for pair in request["context"]["environ"].split(";"):
            name, _, value = pair.partition("=")
            os.environ[name] = value
        if call is not None:
            starter.tell(answer(call, request["event"], request["context"]))
        else:
            assert fault is not None
            starter.tell(fault)


if __name__ == "__main__":  # pragma: no cover (as above)
    main()
