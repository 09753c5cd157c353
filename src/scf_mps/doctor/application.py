"""The application itself: whether it loads, what it is made of, and whether it has the time and memory it needs."""

from __future__ import annotations

from collections.abc import Iterator

from .checks import Area
from .import_probe import Application

application: Area[Application] = Area("Application")

MB = 2**20
NEAR = 3 / 4


@application.check(
    "error",
    why="SCF would answer every event with status 443 and try it twice again, in vain (page 583/35311).",
    advice="Correct what is said; `scf-mps routes` says it too, with the callbacks once it works.",
)
def application_broken(app: Application) -> Iterator[str]:
    """The application cannot be loaded, or does not close."""
    if app.failure:
        yield app.failure


@application.check(
    "warning",
    why="Nothing would be done with any event, beyond a line of log.",
    advice="Give `App` the routers of your callbacks.",
)
def callbacks_missing(app: Application) -> Iterator[str]:
    """The application has no callback."""
    if app.routes == []:
        yield f"{app.of} registers nothing"


@application.check(
    "warning",
    why="SCF delivers an event again as a whole: callbacks that succeeded run again with every retry.",
    advice="Write `MPS_LEDGER: cos://bucket-appid.region/prefix/` under `environment: variables:`, or `none` if "
    "nothing is done twice that matters.",
)
def ledger_unset(app: Application) -> Iterator[str]:
    """There is no ledger, and nobody said that there is to be none."""
    is_known = app.desk.inputs and app.routes is not None
    if is_known and not app.ledger and not app.desk.variables.get("MPS_LEDGER"):
        yield "neither App(ledger=) nor MPS_LEDGER says where it is"


@application.check(
    "error",
    why="A callback starts only with the time it needs left; this one never would, and its event ends as failed.",
    advice="Write a longer `timeout`, or let the callback need less.",
)
def time_too_short(app: Application) -> Iterator[str]:
    """A callback needs more time than the function has."""
    for route in app.routes or [] if app.desk.inputs else []:
        needs = app.reserve if route.needs is None else route.needs
        if needs >= app.desk.timeout:
            yield f"{route.name} needs {needs:g} s of {app.desk.timeout} s"


@application.check(
    "error",
    why="SCF kills a function that goes beyond its memory, with status 434, and tries it twice again.",
    advice="Write a larger `memorySize`, or import what is large in the callback that needs it.",
)
def memory_too_small(app: Application) -> Iterator[str]:
    """Loading the application takes more memory than the function has."""
    if app.desk.inputs and app.handled > app.desk.memory * MB:
        yield f"{app.of} took {app.handled / MB:.0f} MB of {app.desk.memory} MB"


@application.check(
    "warning",
    why="What callbacks do comes on top; SCF kills a function beyond its memory, with status 434.",
    advice="Write a larger `memorySize`.",
)
def memory_small(app: Application) -> Iterator[str]:
    """Loading the application takes most of the function's memory."""
    limit = app.desk.memory * MB
    if app.desk.inputs and NEAR * limit < app.handled <= limit:
        yield f"{app.of} took {app.handled / MB:.0f} MB of {app.desk.memory} MB"


@application.check(
    "note",
    why="Editing tasks have an MPS trigger of their own; that of WorkflowTask does not bring them.",
    advice="Add an mps trigger with `type: EditMediaTask`; whether an account may have both, Tencent's pages differ.",
)
def edit_trigger_missing(app: Application) -> Iterator[str]:
    """A callback is for editing tasks, and no trigger is."""
    wanted = app.desk.wanted
    if wanted and wanted.mps and "EditMediaTask" not in {one.event_type for one in wanted.mps}:
        for route in app.routes or []:
            if "EditMediaTask" in route.kinds:
                yield f"{route.name} would receive nothing"


@application.check(
    "warning",
    why="It was run here, without keys and without a ledger, as --dispatch asked for.",
    advice="Look at it with `scf-mps invoke` or, on files, with `scf-mps local`.",
)
def sample_failed(app: Application) -> Iterator[str]:
    """The sample event was dispatched, and failed."""
    if app.dispatched not in ("", "well"):
        yield app.dispatched
