"""Options and arguments of commands: the application, its configuration, the event."""

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
from .output import fail, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .configuration import Configuration


def sample_names(incomplete: str) -> list[str]:
    """Return completions of a name for the shell. Without any it completes files."""
    return [name for name in samples.names() if name.startswith(incomplete)]


AppOption = Annotated[
    str,
    typer.Option("--app", metavar="MODULE:NAME", envvar="MPS_APP", help="The application."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
TracebackOption = Annotated[
    bool,
    typer.Option("--traceback", help="Show full tracebacks and every log line of the framework."),
]
Results = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TYPE=STATUS]...",
        help="For an event type, its results: Transcode=SUCCESS ImageSprites=FAIL …",
    ),
]
StatusOption = Annotated[
    str,
    typer.Option(
        help="For an event type, its status: FINISH, PROCESSING, or FAIL for an error of the whole task."
    ),
]


EnvOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="A variable of the function, in place of serverless.yml's; may be repeated.",
    ),
]


def read_project(
    app: str | None = None, env: list[str] | None = None, source: Path | None = None
) -> Configuration:
    """Return the configuration of the project around the working directory, and set its variables for the command.

    An invalid configuration ends the command, as does a place without an application.

    Args:
        app: the application that this process is to import, or None if the emulator runs the folder.
        env: values of ``--env``.
        source: a folder to start from, or a zip, in place of the working directory.
    """
    from scf_mps.deploy.errors import DeployError

    from .configuration import find_folder, has_module, read_configuration

    for pair in env or []:
        if "=" not in pair:
            fail(f"{pair!r} is not a variable. Use NAME=VALUE")
    module = "handlers" if app is None else app.partition(":")[0]
    if not module or module.startswith("."):
        fail(f"{app!r} is not an application. Use MODULE:NAME, e.g. handlers:app")
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
            f"no application {app or module}: there is no {name}/ in {start.resolve()} or above."
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
        warn(f"warning: {warning}", "yellow")
    os.environ.update(variables)
    return configuration


def _is_importable(module: str) -> bool:
    return find_spec(module.partition(".")[0]) is not None


def local_python(configuration: Configuration) -> str | None:
    """Return the CPython version of serverless.yml, or None with a note if it is not installed here."""
    from scf_mps.local.scf.interpreters import find_interpreter

    version = configuration.python_version
    if not configuration.runtime:
        return None
    try:
        if version is not None:
            return find_interpreter(version).version
    except ValueError:
        pass
    warn(
        f"runtime {configuration.runtime} of serverless.yml is not installed here:"
        f" CPython {find_interpreter().version} is used",
        "yellow",
    )
    return None


def load_application(name: str, configuration: Configuration) -> App:
    """Return the application at ``module:name``, imported from the project's folder first."""
    module, _, attribute = name.partition(":")
    sys.path.insert(0, str(configuration.folder))
    try:
        imported = import_module(module)
        found = getattr(imported, attribute or "app", None)
        if isinstance(found, App):
            found.main_handler  # noqa: B018 - checks the application as a whole
    except (Exception, SystemExit) as error:
        fail(explain_import_error(name, error))
    if not isinstance(found, App):
        others = [other for other, value in vars(imported).items() if isinstance(value, App)]
        hint = f". Use --app {module}:{others[0]}" if others else ""
        fail(f"{name} is not a scf_mps.App: {found!r}{hint}")
    return found


def read_event(name: str, results: list[str] | None, status: str) -> Any:
    """Return the event of a file, of stdin or of a sample."""
    path = Path(name)
    try:
        if name == "-":
            return _parsed(sys.stdin.buffer.read(), "stdin", results, status)
        if path.suffix == ".json" or path.is_file():
            return _parsed(path.read_bytes(), name, results, status)
    except OSError as error:
        fail(f"cannot read the event in {name}: {error.strerror}")
    task_id = samples.new_task_id(name)
    return or_invalid(lambda: samples.sample(name, pairs(results), status=status, task_id=task_id))


def _parsed(text: bytes, where: str, results: list[str] | None, status: str) -> Any:
    if results or status != "FINISH":
        fail(f"results and status cannot be chosen for the event in {where}: name a sample instead")
    try:
        return json.loads(text)  # in UTF-8, -16 or -32, with or without a byte order mark
    except (ValueError, RecursionError) as error:
        fail(f"the event in {where} is not JSON: {error}")


def pairs(results: list[str] | None) -> list[tuple[str, str]]:
    pairs = []
    for one in results or []:
        type_, equals, outcome = one.partition("=")
        if not (type_ and equals and outcome):
            raise ValueError(f"{one!r} is not a result. Use TYPE=STATUS, e.g. Transcode=SUCCESS")
        pairs.append((type_, outcome))
    return pairs


def or_invalid(do: Callable[[], Any]) -> Any:
    try:
        return do()
    except (ScfMpsError, ValueError) as error:
        fail(str(error))


@contextmanager
def local() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        fail(f"the cloud on the desk needs more: pip install 'scf-mps[cli,local]' ({error})")
