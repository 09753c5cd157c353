"""What commands are told: which application, which event, and how to answer."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scf_mps import App, ScfMpsError
from scf_mps.local import samples

from .failures import explain_import_error
from .output import fail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def sample_names(incomplete: str) -> list[str]:
    """What completes a name in the shell; without any, the shell completes files."""
    return [name for name in samples.names() if name.startswith(incomplete)]


AppOption = Annotated[
    str,
    typer.Option("--app", metavar="MODULE:NAME", envvar="MPS_APP", help="The application."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
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


def load_application(name: str) -> App:
    """The application at ``module:name``, imported from the current folder first."""
    module, _, attribute = name.partition(":")
    if not module or module.startswith("."):
        fail(f"expected an application as MODULE:NAME, e.g. handlers:app, not {name!r}")
    sys.path.insert(0, os.getcwd())
    try:
        found = getattr(import_module(module), attribute or "app", None)
        if isinstance(found, App):
            found.main_handler  # noqa: B018 - checks the application as a whole
    except (Exception, SystemExit) as error:
        fail(explain_import_error(name, error))
    if not isinstance(found, App):
        fail(f"expected a scf_mps.App at {name}, not {found!r}")
    return found


def read_event(name: str, results: list[str] | None, status: str) -> Any:
    """The event that is meant: a file's, stdin's, or a sample."""
    path = Path(name)
    try:
        if name == "-":
            return _parsed(sys.stdin.buffer.read(), "stdin", results, status)
        if path.suffix == ".json" or path.is_file():
            return _parsed(path.read_bytes(), name, results, status)
    except OSError as error:
        fail(f"expected an event in {name}: {error.strerror}")
    return or_invalid(lambda: samples.sample(name, pairs(results), status=status))


def _parsed(text: bytes, where: str, results: list[str] | None, status: str) -> Any:
    if results or status != "FINISH":
        fail(f"the event in {where} is as it is; name an event type to choose results")
    try:
        return json.loads(text)  # in UTF-8, -16 or -32, with or without a byte order mark
    except (ValueError, RecursionError) as error:
        fail(f"expected JSON in {where}: {error}")


def pairs(results: list[str] | None) -> list[tuple[str, str]]:
    pairs = []
    for one in results or []:
        type_, equals, outcome = one.partition("=")
        if not (type_ and equals and outcome):
            raise ValueError(f"expected TYPE=STATUS, e.g. Transcode=SUCCESS, not {one!r}")
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
