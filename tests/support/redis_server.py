"""A redis-server for tests and benchmarks."""

import shutil
import socket
import subprocess
from typing import final


@final
class RedisServer:
    """A `redis-server` on a free port of the loopback interface, in memory only.

    Attributes:
        client: a client of the package `redis`, after the start.
    """

    def __init__(self, folder, *options):
        self.command = [
            shutil.which("redis-server"),
            *("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)),
            *("--daemonize", "no", *options),
        ]
        self.port = 0
        self.process = None
        self.client = None

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self):
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

    def stop(self):
        self.client.close()
        self.process.kill()
        self.process.stdout.close()
        self.process.wait(timeout=10)

    def __enter__(self):
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

    def __exit__(self, *_):
        self.stop()
