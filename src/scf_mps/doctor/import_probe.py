"""A probe that imports the application in a subprocess like SCF, and measures its memory.

It uses an up-to-date build with a CPython of the function's version if both exist, else the sources with this Python.
The sample event is planned, and only dispatched on request, without credentials and without a ledger.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from scf_mps.local import samples

from ..build.contents import PACKAGE
from ..build.interpreters import find_interpreter
from ..build.runtimes import CODE_FOLDER
from .project import DEFAULT_HANDLER, Project

_CHILD = """
import sys

path, module, function, dispatch, *folders = sys.argv[1:]
sys.path[:0] = folders
import importlib, json, os, traceback


def measure_peak():
    # The peak memory of this process alone, or 0 without /proc.
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return 0


def describe(error):
    place = module
    for frame in traceback.extract_tb(error.__traceback__):
        for folder in folders:
            if frame.filename.startswith(folder + os.sep):
                place = "%s:%s" % (frame.filename[len(folder) + 1:].replace(os.sep, "/"), frame.lineno)
    return "%s: %s: %s" % (place, type(error).__name__, error)


def probe():
    report = {"python": "%d.%d" % sys.version_info[:2]}
    try:
        handler = getattr(importlib.import_module(module), function)
        if not callable(handler):
            raise TypeError("%s is not callable: %r" % (function, handler))
    except BaseException as error:
        report["failure"] = describe(error)
        return report
    report["imported"] = measure_peak()
    report["sdks"] = sorted({"qcloud_cos", "tencentcloud"} & set(sys.modules))
    application = getattr(handler, "__self__", None)
    event = json.load(sys.stdin)
    if dispatch:
        context = {"request_id": "doctor", "time_limit_in_ms": int(dispatch) * 1000, "function_name": "doctor"}
        try:
            handler(event, context)
        except BaseException as error:
            report["dispatch_error"] = describe(error)
    if hasattr(application, "table"):
        try:
            application.explain(event)
        except Exception:  # of a predicate
            pass
        report["reserve"] = application._runner._reserve
        report["ledger"] = application.ledger is not None
        report["routes"] = [
            [route.name, route.where, route.needs, [kind.__name__ for kind in route.kinds]]
            for route in application.table.routes
        ]
    report["handled"] = measure_peak()
    return report


report = probe()
with open(path, "w", encoding="utf-8") as file:
    json.dump(report, file)
"""


@dataclass(frozen=True)
class Route:
    """A registered callback.

    Attributes:
        name: its name.
        where: its place, ``file:line``.
        needs: the seconds that it needs, or None.
        kinds: the names of its result classes.
    """

    name: str
    where: str
    needs: float | None
    kinds: tuple[str, ...]


@dataclass
class Application:
    """An imported application.

    Attributes:
        project: the project.
        source: the imported build or package, for messages. Empty without one.
        failure: the error of the import. Empty if it succeeded.
        imported: peak memory after the import in bytes, or 0 if unknown.
        handled: peak memory after the sample event in bytes, or 0 if unknown.
        sdks: the packages of official SDKs that the import loads.
        routes: the callbacks, or None if `main_handler` does not belong to an `App`.
        reserve: the seconds that the application reserves for each callback.
        ledger: whether the application has its own ledger.
        dispatch_error: the error of the sample event. Empty if it succeeded or did not run.
    """

    project: Project
    source: str = ""
    failure: str = ""
    imported: int = 0
    handled: int = 0
    sdks: list[str] = field(default_factory=list)
    routes: list[Route] | None = None
    reserve: float = 0.0
    ledger: bool = False
    dispatch_error: str = ""


def load_application(
    project: Project, dispatch: bool = False, seconds: float | None = None
) -> Application:
    """Import the application of a project.

    Args:
        project: the project.
        dispatch: whether to run the callbacks of the sample event.
        seconds: timeout. Default: ``initTimeout``.
    """
    target = _find_target(project)
    if target is None:
        return Application(project)
    limit = seconds or project.init_timeout
    with TemporaryDirectory(prefix="scf-mps-doctor-") as work:
        path = Path(work, "report.json")
        arguments = [path, target.module, target.function, project.timeout if dispatch else ""]
        try:
            child = subprocess.run(
                [target.python, "-s", "-B", "-c", _CHILD, *map(str, [*arguments, *target.folders])],
                cwd=work,
                env=_make_environment(project, work),
                input=json.dumps(samples.sample()),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=limit,
            )
        except subprocess.TimeoutExpired:
            return Application(project, target.name, f"the import takes more than {limit} s")
        if not path.exists():
            output = child.stderr.strip()[-300:]
            failure = f"the import exits the process with {child.returncode}: {output}"
            return Application(project, target.name, failure)
        report = json.loads(path.read_text("utf-8"))
    routes = report.pop("routes", None)
    application = Application(
        project,
        f"{target.name} with CPython {report.pop('python')}",
        routes=None if routes is None else [Route(*route) for route in routes],
        **report,
    )
    if application.handled:
        imported, handled = (size / 2**20 for size in (application.imported, application.handled))
        project.seen.append(
            f"{application.source}: {imported:.0f} MB after the import, "
            f"{handled:.0f} MB after the sample event"
        )
    return application


@dataclass(frozen=True)
class _Target:
    """A function to import, and its Python."""

    name: str
    python: Path
    folders: tuple[Path, ...]
    module: str
    function: str


def _find_target(project: Project) -> _Target | None:
    """Return the function of the build or of the sources, or None."""
    upload, runtime = project.upload, project.runtime
    module, _, function = project.handler.partition(".")
    is_current = upload and upload.built and not project.stale and not project.inputs.get("layers")
    if upload and is_current and runtime and f"{module}.py" in upload.names:
        interpreter = find_interpreter(runtime.version)
        if interpreter:
            package = () if "scf_mps/__init__.py" in upload.names else (PACKAGE.parent,)
            folders = (upload.folder, *package)
            return _Target(upload.where, interpreter.path, folders, module, function)
    if not project.sources:
        return None
    folders = (project.source.resolve(), PACKAGE.parent)
    function = DEFAULT_HANDLER.partition(".")[2]
    return _Target("handlers", Path(sys.executable), folders, "handlers", function)


def _make_environment(project: Project, work: str) -> dict[str, str]:
    """Return the environment of SCF with the function's variables, without local credentials and settings."""
    inherited = {
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
    variables = {
        name: value for name, value in project.variables.items() if "\0" not in name + value
    }
    return {**inherited, **variables, **scf}
