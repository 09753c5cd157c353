"""The command `scf-mps`. It is never deployed.

The subcommands are in `capture`, `new`, `events`, `demo`, `dev`, `emulators`, `ledger`, `cloud`, `doctor` and `scf_mps.build.command`.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

try:
    import rich.console  # noqa: F401
    import typer
except ImportError:
    sys.exit("the command line needs typer and rich. Run: pip install 'scf-mps[cli]'")

from scf_mps import __version__
from scf_mps.build.command import build
from scf_mps.local.frames import find_error_frames

from . import capture, cloud, demo, dev, doctor, emulators, events, ledger, new
from .failures import explain_error
from .output import print_error

cli = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)


def _print_version(is_given: bool) -> None:
    if is_given:
        print(f"scf-mps {__version__}, Python {platform.python_version()}")
        raise typer.Exit


@cli.callback()
def main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Handle Tencent Cloud MPS events in one SCF function, with decorated callbacks."""


def _restore_environment(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command that restores the environment of the process. Commands set the function's variables in it."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        before = dict(os.environ)
        try:
            return command(*args, **kwargs)
        finally:
            os.environ.clear()
            os.environ.update(before)

    return run


for command in (
    new.new,
    events.routes,
    events.invoke,
    events.sample,
    demo.demo,
    dev.dev,
    emulators.cos,
    emulators.local,
    ledger.history,
    ledger.replay,
    ledger.reconcile,
    ledger.purge,
    capture.capture,
    build,
    cloud.deploy,
    cloud.remove,
    cloud.logs,
    doctor.doctor,
):
    cli.command()(_restore_environment(command))


def app() -> None:
    """Run the command `scf-mps`."""
    for stream in (sys.stdout, sys.stderr):  # escapes characters that the encoding lacks
        getattr(stream, "reconfigure", dict)(errors="backslashreplace")
    try:
        cli(prog_name="scf-mps")
    except Exception as error:
        if not find_error_frames(error):  # a defect of this package
            raise
        print_error(explain_error("the project's code failed", error))
        sys.exit(1)
