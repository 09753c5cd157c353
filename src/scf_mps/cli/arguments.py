"""Shared options and arguments: the application, its configuration and the event."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scf_mps import App, ScfMpsError
from scf_mps.local import samples

from .failures import explain_import_error
from .output import fail, print_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scf_mps.deploy.configuration import Configuration


def complete_sample_name(incomplete: str) -> list[str]:
    """Return the sample names that begin with a text. The shell completes file names if there are none."""
    return [name for name in samples.list_samples() if name.startswith(incomplete)]


PythonOption = Annotated[
    str | None,
    typer.Option(
        help="The function's CPython: a version such as 3.10 or a path.",
        show_default="from serverless.yml",
    ),
]
TimeoutOption = Annotated[
    int | None,
    typer.Option(
        min=1, max=900, help="The timeout in seconds.", show_default="from serverless.yml"
    ),
]
MemoryOption = Annotated[
    int | None, typer.Option(help="The memory limit in MB.", show_default="from serverless.yml")
]
ConcurrencyOption = Annotated[int, typer.Option(min=1, help="The maximum number of instances.")]
SpeedOption = Annotated[
    float, typer.Option(help="Divide the minute before a retry by this factor.")
]
AppOption = Annotated[
    str, typer.Option("--app", metavar="MODULE:NAME", envvar="MPS_APP", help="The application.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
TracebackOption = Annotated[
    bool,
    typer.Option("--traceback", help="Show full tracebacks and all log lines of the framework."),
]
Results = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TYPE=STATUS]...",
        help="Results of a sample event: Transcode=SUCCESS ImageSprites=FAIL …",
    ),
]
StatusOption = Annotated[
    str,
    typer.Option(help="Status of a sample event: FINISH, PROCESSING, or FAIL for a failed task."),
]


EnvOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Set a variable of the function. Overrides serverless.yml. Repeatable.",
    ),
]


def read_project(
    app: str | None = None, env: list[str] | None = None, source: Path | None = None
) -> Configuration:
    """Return the configuration of the project that contains the working directory, and set its variables.

    Exits if the configuration is invalid or there is no application.

    Args:
        app: the application that this process imports, or None if the emulator runs the folder.
        env: values of ``--env``.
        source: the folder to start from, or a zip. Default: the working directory.
    """
    from scf_mps.deploy.configuration import find_folder, has_module, read_configuration
    from scf_mps.deploy.errors import DeployError

    for pair in env or []:
        if "=" not in pair:
            fail(f"invalid variable {pair!r}. Use NAME=VALUE")
    module = "handlers" if app is None else app.partition(":")[0]
    if not module or module.startswith("."):
        fail(f"invalid application {app!r}. Use MODULE:NAME, e.g. handlers:app")
    start = source if source and source.is_dir() else Path.cwd()
    folder = find_folder(start, module) or start.resolve()
    is_there = (
        has_module(folder, module)
        or ((start / "index.py").is_file() if app is None else _is_importable(module))
        or (source is not None and not source.is_dir())
    )
    if not is_there:
        name = module.partition(".")[0]
        fail(
            f"application {app or module} not found: no {name}/ in {start.resolve()} or its parents."
            " Change to the project's folder, "
            f"{'' if app is None else 'name the application with --app MODULE:NAME, '}"
            "or create a project: scf-mps new DIR"
        )
    try:
        options = dict(pair.split("=", 1) for pair in env or [])
        configuration = read_configuration(folder, options)
        variables = configuration.process_variables()
    except DeployError as error:
        fail(str(error))
    for warning in configuration.warnings:
        print_error(f"warning: {warning}", "yellow")
    os.environ.update(variables)
    return configuration


def _is_importable(module: str) -> bool:
    return find_spec(module.partition(".")[0]) is not None


def find_local_python(configuration: Configuration) -> str | None:
    """Return the CPython version of serverless.yml. Print a note and return None if it is not installed."""
    from scf_mps.local.scf.interpreters import find_interpreter

    version = configuration.python_version
    if not configuration.runtime:
        return None
    try:
        if version is not None:
            return find_interpreter(version).version
    except ValueError:
        pass
    print_error(
        f"{configuration.runtime}, the runtime of serverless.yml, is not installed:"
        f" using CPython {find_interpreter().version}",
        "yellow",
    )
    return None


def load_application(name: str, configuration: Configuration) -> App:
    """Import and return the application ``module:name``. The project's folder comes first on the path."""
    module, _, attribute = name.partition(":")
    sys.path.insert(0, str(configuration.folder))
    try:
        imported = import_module(module)
        application = getattr(imported, attribute or "app", None)
        if isinstance(application, App):
            application.main_handler  # noqa: B018 - checks the whole application
    except (Exception, SystemExit) as error:
        fail(explain_import_error(name, error))
    if not isinstance(application, App):
        names = [key for key, value in vars(imported).items() if isinstance(value, App)]
        hint = f". Use --app {module}:{names[0]}" if names else ""
        fail(f"{name} is not a scf_mps.App: {application!r}{hint}")
    return application


def read_event(name: str, results: list[str] | None, status: str) -> Any:
    """Return the event in a file or stdin, or a sample event."""
    path = Path(name)
    try:
        if name == "-":
            return _parse_json(sys.stdin.buffer.read(), "stdin", results, status)
        if path.suffix == ".json" or path.is_file():
            return _parse_json(path.read_bytes(), name, results, status)
    except OSError as error:
        fail(f"cannot read the event in {name}: {error.strerror}")
    task_id = samples.create_task_id(name)
    return run_or_fail(
        lambda: samples.sample(name, parse_results(results), status=status, task_id=task_id)
    )


def _parse_json(text: bytes, where: str, results: list[str] | None, status: str) -> Any:
    if results or status != "FINISH":
        fail(f"the event in {where} has its own results and status. Choose them for a sample")
    try:
        return json.loads(text)  # detects UTF-8, -16 and -32
    except (ValueError, RecursionError) as error:
        fail(f"the event in {where} is not JSON: {error}")


def parse_results(results: list[str] | None) -> list[tuple[str, str]]:
    """Return (type, status) of each ``TYPE=STATUS``. Raise ValueError for another text."""
    pairs = []
    for text in results or []:
        type_, equals, status = text.partition("=")
        if not (type_ and equals and status):
            raise ValueError(f"invalid result {text!r}. Use TYPE=STATUS, e.g. Transcode=SUCCESS")
        pairs.append((type_, status))
    return pairs


def run_or_fail(function: Callable[[], Any]) -> Any:
    """Call a function. Exit on an error of this package or a ValueError."""
    try:
        return function()
    except (ScfMpsError, ValueError) as error:
        fail(str(error))


@contextmanager
def require_local_extra() -> Iterator[None]:
    """Exit if an import in the block fails."""
    try:
        yield
    except ImportError as error:
        fail(
            f"the emulators need the extra 'local' ({error}). Run: pip install 'scf-mps[cli,local]'"
        )
