"""Loads the application as SCF would, in a process of its own, and measures what it takes.

If there is a build of the sources as they are, and a CPython of the function's version, they are taken; else the
sources and the running Python. The sample event is planned: which callbacks it would reach. They run only if that is
asked for, with neither keys nor a ledger.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from scf_mps.local import samples

from ..build.contents import PACKAGE
from ..build.interpreters import find_interpreter
from ..build.runtimes import CODE_FOLDER
from .project import DEFAULT_HANDLER, Project

"""How long SCF lets a function load by default (CreateFunction, InitTimeout)."""

_CHILD = """
import sys

report, module, function, dispatch, *folders = sys.argv[1:]
sys.path[:0] = folders
import importlib, json, os, traceback


def peak():
    # The kernel's own memory of this process alone; where there is no /proc nothing is told.
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return 0


def failed(error):
    place = module
    for frame in traceback.extract_tb(error.__traceback__):
        for folder in folders:
            if frame.filename.startswith(folder + os.sep):
                place = "%s:%s" % (frame.filename[len(folder) + 1:].replace(os.sep, "/"), frame.lineno)
    return "%s: %s: %s" % (place, type(error).__name__, error)


def tell():
    told = {"python": "%d.%d" % sys.version_info[:2]}
    try:
        handler = getattr(importlib.import_module(module), function)
        if not callable(handler):
            raise TypeError("%s is no function: %r" % (function, handler))
    except BaseException as error:
        told["failure"] = failed(error)
        return told
    told["imported"] = peak()
    application = getattr(handler, "__self__", None)
    event = json.load(sys.stdin)
    if dispatch:
        context = {"request_id": "doctor", "time_limit_in_ms": int(dispatch) * 1000, "function_name": "doctor"}
        try:
            handler(event, context)
            told["dispatched"] = "well"
        except BaseException as error:
            told["dispatched"] = failed(error)
    if hasattr(application, "table"):
        try:
            application.explain(event)
        except Exception as error:  # a predicate's
            told["unplanned"] = failed(error)
        told["reserve"] = application._runner._reserve
        told["ledger"] = application.ledger is not None
        told["routes"] = [
            [route.name, route.where, route.needs, [kind.__name__ for kind in route.kinds]]
            for route in application.table.routes
        ]
    told["handled"] = peak()
    return told


told = tell()
with open(report, "w", encoding="utf-8") as file:
    json.dump(told, file)
"""


@dataclass(frozen=True)
class Route:
    """A registration: `where` is ``file:line``, `needs` seconds, `kinds` the names of its classes."""

    name: str
    where: str
    needs: float | None
    kinds: tuple[str, ...]


@dataclass
class Application:
    """What loading the application told.

    Attributes:
        desk: the project.
        of: what was loaded, in words; empty if nothing could be.
        failure: why it could not be loaded; empty if it could.
        imported: bytes at most, once it was loaded; 0 where that cannot be told.
        handled: the same after the sample event.
        routes: what is registered; None if `main_handler` is not that of an `App`.
        reserve: seconds that the application keeps.
        ledger: whether it was given a ledger by its author.
        dispatched: how the sample event ended, if it was to run.
    """

    desk: Project
    of: str = ""
    failure: str = ""
    imported: int = 0
    handled: int = 0
    routes: list[Route] | None = None
    reserve: float = 0.0
    ledger: bool = False
    dispatched: str = ""


def load_application(
    desk: Project, dispatch: bool = False, seconds: float | None = None
) -> Application:
    """Load the application of a project.

    Args:
        desk: the project.
        dispatch: whether the sample event is to run its callbacks.
        seconds: how long it may take; ``initTimeout`` by default.
    """
    found = _Way.to(desk)
    if found is None:
        return Application(desk)
    limit = seconds or desk.init_timeout
    with TemporaryDirectory(prefix="scf-mps-doctor-") as work:
        report = Path(work, "report.json")
        words = [str(report), found.module, found.function, str(desk.timeout) if dispatch else ""]
        try:
            ended = subprocess.run(
                [found.python, "-s", "-B", "-c", _CHILD, *words, *map(str, found.folders)],
                cwd=work,
                env=_environment(desk, work),
                input=json.dumps(samples.sample()),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=limit,
            )
        except subprocess.TimeoutExpired:
            return Application(desk, found.of, f"it takes more than {limit} s")
        if not report.exists():
            last = ended.stderr.strip()[-300:]
            return Application(
                desk, found.of, f"it ends its process with {ended.returncode}: {last}"
            )
        told = json.loads(report.read_text("utf-8"))
    routes = told.get("routes")
    application = Application(
        desk,
        f"{found.of} by CPython {told['python']}",
        told.get("failure", ""),
        told.get("imported", 0),
        told.get("handled", 0),
        None if routes is None else [Route(*one) for one in routes],
        told.get("reserve", 0.0),
        told.get("ledger", False),
        told.get("dispatched", ""),
    )
    if application.handled:
        imported, handled = (size / 2**20 for size in (application.imported, application.handled))
        desk.seen.append(
            f"{application.of}: at most {imported:.0f} MB to load, {handled:.0f} MB with the sample event"
        )
    return application


@dataclass(frozen=True)
class _Way:
    """What to load, and by which Python."""

    of: str
    python: Path
    folders: tuple[Path, ...]
    module: str
    function: str

    @staticmethod
    def to(desk: Project) -> _Way | None:
        """The way to a project's application; None if there is none."""
        upload, runtime = desk.upload, desk.runtime
        module, _, function = desk.handler.partition(".")
        is_whole = upload and upload.built and not desk.stale and not desk.inputs.get("layers")
        if upload and is_whole and runtime and f"{module}.py" in upload.names:
            found = find_interpreter(runtime.version)
            if found:
                ours = () if "scf_mps/__init__.py" in upload.names else (PACKAGE.parent,)
                return _Way(upload.where, found.path, (upload.folder, *ours), module, function)
        if not desk.sources:
            return None
        folders = (desk.source.resolve(), PACKAGE.parent)
        own = DEFAULT_HANDLER.partition(".")[2]
        return _Way("handlers", Path(sys.executable), folders, "handlers", own)


def _environment(desk: Project, work: str) -> dict[str, str]:
    """As SCF's, with the function's variables, without the desk's keys; what would reach other services is away."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("PYTHON", "TENCENT", "COS_", "PIP_", "MPS_"))
    }
    scf = {
        "HOME": work,
        "TENCENTCLOUD_RUNENV": "SCF",
        "USER_CODE_ROOT": f"{CODE_FOLDER}/",
        "MPS_LEDGER": "none",
    }
    variables = {name: value for name, value in desk.variables.items() if "\0" not in name + value}
    return {**kept, **variables, **scf}
