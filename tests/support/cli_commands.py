"""Commands that documents name: each is one of ours, with options that it has."""

from __future__ import annotations

from collections.abc import Iterable

import typer

from scf_mps.cli import cli


def ours(lines: Iterable[list[str]]) -> int:
    """How many of the lines, each a list of words, are commands of ours. Raises click's errors for a wrong one."""
    group = typer.main.get_command(cli)
    context = group.make_context("scf-mps", [], resilient_parsing=True)
    count = 0
    for first, *words in lines:
        if first == "scf-mps":
            name, *arguments = words
            command = group.get_command(context, name)
            assert command is not None, name
            command.make_context(name, list(arguments), parent=context)
            count += 1
    return count
