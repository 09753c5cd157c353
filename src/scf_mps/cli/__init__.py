"""The command line: what the framework offers at the desk; never deployed.

The commands are in `starting.py`, `desk.py`, `emulators.py`, `records.py`, `cloud.py` and `doctoring.py`; here they are
put together.
"""

from __future__ import annotations

import sys

try:
    import rich.console  # noqa: F401
    import typer
except ImportError:
    sys.exit("the command line needs more than a function does: pip install 'scf-mps[cli]'")

from scf_mps.deploy.packing.command import build

from . import cloud, desk, doctoring, emulators, records, starting

cli = typer.Typer(
    help="Handle what Tencent Cloud MPS finishes, with decorated functions in one SCF function.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

for command in (
    starting.new,
    desk.routes,
    desk.invoke,
    desk.sample,
    desk.demo,
    emulators.cos,
    emulators.local,
    records.history,
    records.replay,
    records.reconcile,
    records.purge,
    build,
    cloud.deploy,
    cloud.remove,
    cloud.logs,
    doctoring.doctor,
):
    cli.command()(command)


def app() -> None:
    """The entry point of the command `scf-mps`."""
    cli()
