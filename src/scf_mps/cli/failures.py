"""Explanations of exceptions in the user's code: the user's frames and one line of advice."""

from __future__ import annotations

import linecache
import sys
import traceback
from textwrap import indent

from scf_mps import ConfigurationError, LedgerError, RegistrationError, Router
from scf_mps.common.printable import escape_controls
from scf_mps.errors import describe_error
from scf_mps.local.frames import describe_frames, find_error_frames, shorten_paths
from scf_mps.logs import scrub


def explain_import_error(app: str, error: BaseException) -> str:
    """Explain why an application cannot be imported.

    Args:
        app: ``module:name``.
        error: raised by the import or by the check of the whole application.
    """
    if isinstance(error, RegistrationError):
        path, _, line = error.where.rpartition(":")
        source = linecache.getline(path, int(line)).strip()
        text = f"{app} has an invalid registration: {error}"
        return shorten_paths(scrub(f"{text}\n    {source}" if source else text))
    return f"{explain_error(f'{app} cannot be imported', error)}\n{_advise(app, error)}"


def explain_error(title: str, error: BaseException, full: bool = False) -> str:
    """Explain an exception outside callbacks.

    Args:
        title: the first words, e.g. ``main_handler failed``.
        error: the exception.
        full: whether to show the full traceback.
    """
    trace = indent(scrub("".join(traceback.format_exception(error))).rstrip(), "  ") if full else ""
    frames = trace or scrub(describe_frames(find_error_frames(error)))
    keep = "\n" if isinstance(error, ConfigurationError) else ""  # one line per mistake
    text = escape_controls(shorten_paths(scrub(describe_error(error))), keep)
    root = _find_root(error)
    if root is not error:
        text += f", caused by {escape_controls(shorten_paths(scrub(describe_error(root))))}"
    return "\n".join(filter(None, [f"{title}: {text}", frames]))


def _advise(app: str, error: BaseException) -> str:
    """Return one line of advice for an import error."""
    module = app.partition(":")[0]
    match _find_root(error):
        case ModuleNotFoundError(name=str(name)) if f"{module}.".startswith(f"{name}."):
            return "Change to the project's folder, or name the application with --app MODULE:NAME"
        case ModuleNotFoundError(name=str(name)) if name.startswith(f"{module.partition('.')[0]}."):
            return f"Create {name.replace('.', '/')}.py, or correct the import"
        case ModuleNotFoundError(name=str(name)):
            top = name.partition(".")[0]
            return (
                f"Install the package that provides {top!r}, and add it to requirements.txt for SCF"
            )
        case ImportError():
            return "Check the name, and that the modules do not import each other"
        case SyntaxError():
            version = ".".join(map(str, sys.version_info[:2]))
            return f"Correct this line: Python {version} cannot parse it"
        case AttributeError(name=str(name), obj=Router()):
            return (
                f"There is no {name}(). Pass routers as arguments: app = App(router, other_router)"
            )
        case ConfigurationError():
            return "Correct these variables in serverless.yml, .env or the shell"
        case LedgerError():
            return "Correct MPS_LEDGER in serverless.yml, .env or the shell, or App(ledger=…)"
        case _:
            return "Correct this line: in SCF every event would fail with status 443"


def _find_root(error: BaseException) -> BaseException:
    """Return the first exception in the chain of causes."""
    while cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        error = cause
    return error
