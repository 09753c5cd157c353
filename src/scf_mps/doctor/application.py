"""Checks of the imported application: its callbacks, time and memory."""

from __future__ import annotations

from collections.abc import Iterator

from ..context import RESERVE_SECONDS
from .checks import Area
from .import_probe import Application

CHECKS: Area[Application] = Area("Application")

MB = 2**20
EXPORT_SECONDS = 1 + RESERVE_SECONDS
"""Time for the export of spans: at most 1 s, which ends before the time limit."""

_WARNING_RATIO = 3 / 4


@CHECKS.check(
    "error",
    "The application cannot be imported.",
    why="Every event would fail with status 443 and be retried twice in vain (page 583/35311).",
    advice="Correct the error. `scf-mps routes` shows it too.",
)
def _application_broken(app: Application) -> Iterator[str]:
    if app.failure:
        yield app.failure


@CHECKS.check(
    "warning",
    "The application has no callbacks.",
    why="scf-mps would only log the events.",
    advice="Pass the routers of your callbacks to `App`.",
)
def _callbacks_missing(app: Application) -> Iterator[str]:
    if app.routes == []:
        yield f"{app.source} registers no callbacks"


@CHECKS.check(
    "warning",
    "No ledger is configured.",
    why="SCF redelivers a whole event: callbacks that succeeded run again on every retry.",
    advice="Write `MPS_LEDGER: cos://bucket-appid.region/prefix/` under `environment: variables:`, or `none` if running callbacks twice is harmless.",
)
def _ledger_unset(app: Application) -> Iterator[str]:
    is_known = app.project.inputs and app.routes is not None
    if is_known and not app.ledger and not app.project.variables.get("MPS_LEDGER"):
        yield "neither App(ledger=) nor MPS_LEDGER is set"


@CHECKS.check(
    "error",
    "A callback needs more time than the function has.",
    why="A callback starts only if the time it needs is left. This one would never start, and its event would fail.",
    advice="Increase `timeout`, or reduce `needs` of the callback.",
)
def _time_too_short(app: Application) -> Iterator[str]:
    for route in app.routes or [] if app.project.inputs else []:
        needs = app.reserve if route.needs is None else route.needs
        if needs >= app.project.timeout:
            yield f"{route.name} needs {needs:g} s of {app.project.timeout} s"


@CHECKS.check(
    "warning",
    "A callback leaves no time to export spans.",
    why="The spans of MPS_OTLP are exported after the callbacks, in at most 1 s that ends 0.3 s before the time limit. Without time they wait for the next invocation, or are lost.",
    advice="Increase `timeout`, or reduce `needs` of the callback.",
)
def _telemetry_without_time(app: Application) -> Iterator[str]:
    if not app.project.inputs or not app.project.variables.get("MPS_OTLP"):
        return
    for route in app.routes or []:
        needs = app.reserve if route.needs is None else route.needs
        if 0 < app.project.timeout - needs < EXPORT_SECONDS:
            left = app.project.timeout - needs
            yield f"{route.name} needs {needs:g} s of {app.project.timeout} s, which leaves {left:g} s"


@CHECKS.check(
    "error",
    "Importing the application takes more memory than the function has.",
    why="SCF kills a function that exceeds its memory (status 434) and retries the event twice.",
    advice="Increase `memorySize`, or import large modules in the callbacks that need them.",
)
def _memory_too_small(app: Application) -> Iterator[str]:
    if app.project.inputs and app.handled > app.project.memory * MB:
        yield f"{app.source} uses {app.handled / MB:.0f} MB of {app.project.memory} MB"


@CHECKS.check(
    "warning",
    "Importing the application takes most of the function's memory.",
    why="Callbacks need more memory. SCF kills a function that exceeds its limit (status 434).",
    advice="Increase `memorySize`.",
)
def _memory_small(app: Application) -> Iterator[str]:
    limit = app.project.memory * MB
    if app.project.inputs and _WARNING_RATIO * limit < app.handled <= limit:
        yield f"{app.source} uses {app.handled / MB:.0f} MB of {app.project.memory} MB"


@CHECKS.check(
    "note",
    "The application imports an official SDK at module level.",
    why="The import takes 60 to 110 ms and 10 to 24 MB at every cold start.",
    advice="Declare `sdk: Sdk` of `scf_mps.sdk`, or import the SDK in the callback that needs it.",
)
def _sdk_at_module_level(app: Application) -> Iterator[str]:
    if app.sdks:
        yield f"{app.source} loads {' and '.join(app.sdks)} with the import"


@CHECKS.check(
    "note",
    "A callback handles editing tasks, but no trigger delivers them.",
    why="Editing tasks have their own MPS trigger. The WorkflowTask trigger does not deliver them.",
    advice="Add an mps trigger with `type: EditMediaTask`. Tencent's pages disagree whether an account can have both.",
)
def _edit_trigger_missing(app: Application) -> Iterator[str]:
    desired = app.project.desired
    if (
        desired
        and desired.mps
        and "EditMediaTask" not in {trigger.event_type for trigger in desired.mps}
    ):
        for route in app.routes or []:
            if "EditMediaTask" in route.kinds:
                yield f"{route.name} would receive no events"


@CHECKS.check(
    "warning",
    "The sample event failed.",
    why="`--dispatch` ran it here, without credentials and without a ledger.",
    advice="Run it with `scf-mps invoke` or, on files, with `scf-mps local`.",
)
def _sample_failed(app: Application) -> Iterator[str]:
    if app.dispatch_error:
        yield app.dispatch_error
