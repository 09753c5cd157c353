"""Check of the scf-mps commands in documents."""

import typer

from scf_mps.cli import cli


def count_commands(lines):
    """Return how many of the lines, each a list of words, are scf-mps commands.

    Raises click's errors for an invalid command.
    """
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
