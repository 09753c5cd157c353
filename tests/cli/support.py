"""Runs of `scf-mps` in this process."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner

from scf_mps import cli


class CommandResult:
    """The exit code and the output of a command."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def rows(self) -> list[list[str]]:
        """The cells of the printed lines."""
        return [line.split("\t") for line in self.out.splitlines()]

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(*arguments: str, stdin: str | bytes | None = None) -> CommandResult:
    """Run a command. Raise its exception unless it is SystemExit."""
    result = CliRunner().invoke(cli.cli, list(arguments), input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return CommandResult(result.exit_code, result.stdout, result.stderr)
