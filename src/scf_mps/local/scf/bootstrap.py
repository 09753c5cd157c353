"""Runtime in an instance: loads the function as SCF's runtimes do and passes it one event after another.

The CPython of the function (3.10 to 3.13) runs this file by its path, so it uses the standard library
only. The process at the other end of the socket enforces limits, collects records and handles results.
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
"""Most bytes of JSON that a function may return (product page 583/35311, status 407)."""

_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CHANGE_EVENTS = frozenset(
    f"os.{name}"
    for name in ("mkdir", "remove", "rmdir", "rename", "link", "symlink", "truncate", "chmod")
)


def encode_message(message: Message) -> bytes:
    """Encode a message for the socket: four bytes of length, then JSON."""
    body = json.dumps(message).encode()
    return len(body).to_bytes(4, "big") + body


def decode_messages(buffer: bytearray) -> list[Message]:
    """Remove the complete messages from the start of a buffer and return them."""
    messages: list[Message] = []
    while len(buffer) >= 4:
        end = 4 + int.from_bytes(buffer[:4], "big")
        if len(buffer) < end:
            break
        messages.append(json.loads(buffer[4:end]))
        del buffer[:end]
    return messages


class ParentConnection:  # pragma: no cover (runs in the processes of instances)
    """Connection to the process that started this one."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._socket: socket.socket | None = socket.socket(fileno=descriptor)
        self._buffer = bytearray()
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._close_in_fork)

    def send(self, message: Message) -> bool:
        """Send a message, or return False in a fork of the function, which may not send."""
        if self._socket is None:
            return False
        try:
            with self._lock:
                self._socket.sendall(encode_message(message))
        except OSError:
            os._exit(1)
        return True

    def receive(self) -> Message:
        """Return the next event."""
        assert self._socket is not None
        while not (messages := decode_messages(self._buffer)):
            data = self._socket.recv(65536)
            if not data:
                os._exit(0)
            self._buffer += data
        return messages[0]

    def _close_in_fork(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def die_with_parent(lifeline: int) -> None:  # pragma: no cover (as above)
    """Make the kernel kill this process when the other end of a pipe is closed.

    A thread could wait for that, but SCF has no such thread. The signal is SIGKILL where the system has
    F_SETSIG (Linux), because a frozen process handles no other. Elsewhere it is SIGIO, or the process ends
    after its current event (macOS).
    """
    os.set_inheritable(lifeline, False)
    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_NONBLOCK | fcntl.FASYNC)
    try:
        os.read(lifeline, 1)
    except BlockingIOError:
        return  # the pipe is open and empty
    os._exit(0)


class RecordStream:  # pragma: no cover (runs in the processes of instances)
    """Replacement of stdout and stderr: every `write` is a record, as in Tencent's runtime (PyPI scf 0.2.8)."""

    def __init__(self, parent: ParentConnection, stream: Any) -> None:
        self._parent = parent
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Send a text as a record."""
        if not self._parent.send({"record": str(text)}):
            self._stream.write(text)
        return len(text)

    def writelines(self, texts: Iterable[str]) -> None:
        """Send each text as a record."""
        for text in texts:
            self.write(text)


def load(module: str, function: str, loader: str) -> Handler:  # pragma: no cover (as above)
    """Load the handler in one of the two ways that are known of SCF.

    ``imp`` is the cloud's (seen for 3.6 and 3.7): the module is in `sys.modules` under its name. ``path`` is that of
    Tencent's published runtime: the module has no name and is not in `sys.modules`.
    """
    if loader == "imp" and sys.version_info < (3, 12):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            import imp
        location: Any = imp.find_module(module)
        loaded_module: Any = imp.load_module(module, *location)
    else:
        name = module if loader == "imp" else ""
        path = os.path.join(os.environ["USER_CODE_ROOT"], f"{module}.py")
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        loaded_module = importlib.util.module_from_spec(spec)
        if name:
            sys.modules[name] = loaded_module
        spec.loader.exec_module(loaded_module)
    handler: Handler = getattr(loaded_module, function)
    return handler


def build_failure(status: int, message: str) -> Message:  # pragma: no cover (as above)
    """Build the response to every event of a function that could not be loaded."""
    return {"status": status, "message": message}


def run_handler(
    handler: Handler, event: str, context: Message
) -> Message:  # pragma: no cover (as above)
    """Run the handler with an event.

    `SystemExit` and similar exceptions are not caught, as in SCF's runtime.
    """
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
        return build_failure(407, "The size of response exceeds the upper limit (6MB)")
    return {"status": 200, "returned": text}


def make_read_only(*folders: str) -> None:  # pragma: no cover (as above)
    """Make folders read-only for this process, because file modes do not restrict root."""
    prefixes = tuple(folder.rstrip(os.sep) + os.sep for folder in folders)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            paths: tuple[Any, ...] = (
                (path,) if isinstance(flags, int) and flags & _WRITE_FLAGS else ()
            )
        else:
            paths = arguments[:2] if event in _CHANGE_EVENTS else ()
        for path in paths:
            if isinstance(path, str | bytes | os.PathLike):
                absolute = os.path.abspath(os.fsdecode(path))
                if f"{absolute}{os.sep}".startswith(prefixes):
                    raise OSError(errno.EROFS, os.strerror(errno.EROFS), absolute)

    sys.addaudithook(hook)


def main() -> None:  # pragma: no cover (as above)
    """Load the function, then handle events until the connection is closed."""
    lifeline, descriptor, handler, loader, opt = sys.argv[1:]
    del sys.argv[1:]
    die_with_parent(int(lifeline))
    parent = ParentConnection(int(descriptor))
    sys.stdout = RecordStream(parent, sys.stdout)
    sys.stderr = RecordStream(parent, sys.stderr)
    logging.getLogger().setLevel(logging.DEBUG)
    logging.getLogger().addHandler(logging.StreamHandler(sys.stdout))
    if sys.flags.no_site:
        # -S keeps this machine's packages out of sys.path, but `exit` and `help` must exist.
        import site

        site.setquit()
        site.setcopyright()
        site.sethelper()
    root = os.environ["USER_CODE_ROOT"]
    make_read_only(root, opt)
    module, _, function = handler.rpartition(".")
    handle, failure = None, None
    started = time.perf_counter()
    if not os.path.isfile(os.path.join(root, f"{module}.py")):
        failure = build_failure(437, f"entry file {module}.py is missing in the root of the code")
    else:
        try:
            handle = load(module, function, loader)
        except Exception:
            failure = build_failure(443, traceback.format_exc().rstrip("\n"))
    parent.send({"ready": time.perf_counter() - started, "failure": failure})
    while True:
        request = parent.receive()
        for pair in request["context"]["environ"].split(";"):
            name, _, value = pair.partition("=")
            os.environ[name] = value
        if handle is not None:
            parent.send(run_handler(handle, request["event"], request["context"]))
        else:
            assert failure is not None
            parent.send(failure)


if __name__ == "__main__":  # pragma: no cover (as above)
    main()
