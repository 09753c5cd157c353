"""A sample application, and runs of `scf-mps` in this process."""

import json
from pathlib import Path

from typer.testing import CliRunner

from scf_mps import cli

APPLICATION = '''\
"""An application with a callback for each outcome."""

from scf_mps import AnimatedGraphics, App, Drop, ImageSprites, SampleSnapshot, Transcode

app = App()


@app.on(Transcode)
def publish(transcode: Transcode) -> None:
    if transcode.event.session_context == "leave":
        raise SystemExit(3)


@app.on(AnimatedGraphics)
def fail(animation: AnimatedGraphics) -> None:
    raise LookupError("no such bucket")


@app.on(ImageSprites)
def drop(sprites: ImageSprites) -> None:
    raise Drop("not wanted")


@app.on(SampleSnapshot, needs=1000)
def wait(snapshots: SampleSnapshot) -> None:
    raise AssertionError("not to be started")
'''


class CommandResult:
    """The exit code and the output of a command."""

    def __init__(self, code, out, err):
        self.code = code
        self.out = out
        self.err = err

    @property
    def rows(self):
        """The cells of the printed lines."""
        return [line.split("\t") for line in self.out.splitlines()]

    @property
    def json(self):
        return json.loads(self.out)


def run(*arguments, stdin=None):
    """Run a command. Raise its exception unless it is SystemExit."""
    result = CliRunner().invoke(cli.cli, list(arguments), input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return CommandResult(result.exit_code, result.stdout, result.stderr)


def invoke(*arguments, stdin=None):
    """Run ``scf-mps invoke`` with `APPLICATION`."""
    return run("invoke", *arguments, "--app", "shop:app", stdin=stdin)


def write(name, content):
    """Write a file in the working directory. Return its name."""
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name
