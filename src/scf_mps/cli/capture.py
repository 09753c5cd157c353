"""The command `capture`: turn an event of production into a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from scf_mps import ScfMpsError
from scf_mps.ledger import open_ledger
from scf_mps.tencent.mps import Mps
from scf_mps.testing.capture import create_test, parse_captured, redact_event, write_test
from scf_mps.testing.isolation import drop_variables

from .arguments import AppOption, load_application, read_project, run_or_fail
from .ledger import LedgerOption
from .output import fail, out, print_error


def capture(
    task: Annotated[
        str,
        typer.Argument(
            help="The id of a task, or a file: of the archive, a dead letter, or DescribeTaskDetail."
        ),
    ],
    folder: Annotated[
        Path, typer.Option(help="The folder of the test. The event is written to data/ in it.")
    ] = Path("tests"),
    ledger: LedgerOption = "",
    app: AppOption = "handlers:app",
) -> None:
    """Turn an event of production into a test: without secrets and account numbers, and passing."""
    configuration = read_project(app)
    url = ledger or configuration.variables.get("MPS_LEDGER", "")
    if not url and (configuration.state_folder / "ledger").is_dir():
        url = configuration.local_ledger
    notification = run_or_fail(lambda: redact_event(_find_notification(task, url)))
    with drop_variables():  # as in the test
        application = load_application(app, configuration)
        plan = run_or_fail(lambda: application.plan(notification))
    captured = create_test(
        notification,
        [(call.route.name, call.result.type) for call in (*plan.calls, *plan.completing)],
        [result.type for result in plan.unhandled],
    )
    try:
        paths = write_test(captured, folder)
    except OSError as error:
        fail(str(error))
    for path in paths:
        out.print(f"Created {path}", style="green", markup=False, soft_wrap=True)
    print_error(
        f"Check {paths[0]} before you commit it: names of files and sessions are in it", "yellow"
    )


def _find_notification(task: str, ledger: str) -> dict[str, Any]:
    """Return the notification in a file, in the ledger, or of MPS. Raises ScfMpsError or ValueError."""
    path = Path(task)
    if path.suffix == ".json" or path.is_file():
        try:
            return parse_captured(json.loads(path.read_bytes()))
        except OSError as error:
            raise ValueError(f"cannot read {task}: {error.strerror}") from None
    if ledger and ledger != "none":
        store = open_ledger(ledger)
        events = sorted(store.list_events(task), key=lambda event: event.received)
        stored = store.find(events[-1].key) if events else None
        if stored is not None and stored.notification is not None:
            return stored.notification
    try:
        return Mps().notification(task)
    except ScfMpsError as error:
        known = f"the ledger has no task {task}" if ledger else "there is no ledger (MPS_LEDGER)"
        raise ValueError(f"{known}, and MPS has no notification of it: {error}") from None
