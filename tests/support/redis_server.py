"""A redis-server for tests and benchmarks."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any, final


@final
class RedisServer:
    """A `redis-server` on a free port of the loopback interface, in memory only.

    Attributes:
        client: a client of the package `redis`, after the start.
    """

    def __init__(self, folder: str | Path, *options: str) -> None:
        self.command = [
            shutil.which("redis-server"),
            *("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)),
            *("--daemonize", "no", *options),
        ]
        self.port = 0
        self.process: Any = None
        self.client: Any = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        import redis

        self.process = subprocess.Popen(
            [*self.command, "--port", str(self.port)], stdout=subprocess.PIPE, text=True
        )
        # Clients that connect earlier fail.
        for line in self.process.stdout:
            if "Ready to accept connections" in line:
                break
        else:
            self.process.stdout.close()
            self.process.wait(timeout=10)
            raise AssertionError("redis-server did not start")
        self.client = redis.Redis(port=self.port, socket_timeout=10)

    def stop(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.stdout.close()
        self.process.wait(timeout=10)

    def __enter__(self) -> RedisServer:
        for is_last in (False, False, False, True):
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
            try:
                self.start()
                break
            except AssertionError:  # another process took the port
                if is_last:
                    raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
