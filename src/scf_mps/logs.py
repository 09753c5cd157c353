"""Log records as SCF's log service wants them: one flat JSON object a line, one write a line, no secrets.

CLS parses a one-line JSON record into fields, first level only, and cuts a record over 8 KB; SCF's runtime makes a
record of every `write()` and may set the root logger to DEBUG, where SDKs log tokens (product page 583/39778 and the
published runtime of PyPI scf 0.2.8). On a terminal the same records are readable text.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
from functools import cache
from time import gmtime, strftime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, TextIO

LONGEST_LINE = 8192
"""Bytes of a line, its end included."""

CAPPED = ("urllib3", "requests", "qcloud_cos", "tencentcloud_sdk_common", "asyncio")
"""Libraries that log requests, tokens included, at DEBUG: held at WARNING."""

_bound = threading.local()


def bind(request_id: str) -> dict[str, str]:
    """Put the fields of an invocation on every line that this thread logs, until `unbind`; returns the fields."""
    fields = _bound.fields = {"request_id": request_id}
    return fields


def unbind() -> None:
    """Take the fields of the invocation off again."""
    del _bound.fields


_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_SECRET_VARIABLES = (
    "TENCENTCLOUD_SECRETID",
    "TENCENTCLOUD_SECRETKEY",
    "TENCENTCLOUD_SESSIONTOKEN",
)
_HIDDEN = "***"


def configure(stream: TextIO | None = None, level: str | int | None = None) -> None:
    """Take over the root logger: one handler on `stream` (stdout), at `level` (``MPS_LOG_LEVEL``, INFO).

    Handlers that are there are removed: SCF's runtime installs one at DEBUG. Lines are JSON; on a terminal, or with
    ``MPS_LOG_FORMAT=text``, they are text.
    """
    output = stream or sys.stdout
    choice = os.environ.get("MPS_LOG_FORMAT") or ("text" if output.isatty() else "json")
    handler = LineHandler(output)
    handler.setFormatter(TextFormatter() if choice == "text" else JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level or os.environ.get("MPS_LOG_LEVEL", "INFO").upper())
    for name in CAPPED:
        logging.getLogger(name).setLevel(logging.WARNING)


def on_scf() -> bool:
    """Whether this process is an SCF function (or an emulator that sets SCF's variables)."""
    return os.environ.get("TENCENTCLOUD_RUNENV") == "SCF" or "SCF_FUNCTIONNAME" in os.environ


class LineHandler(logging.Handler):
    """Writes each record with a single `write`, as SCF makes a log record of every one."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.stream.write(self.format(record) + "\n")
            self.stream.flush()
        except Exception:
            self.handleError(record)


class JsonFormatter(logging.Formatter):
    """A record as one flat JSON object of at most `LONGEST_LINE` bytes, its end of line included."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "time": strftime("%Y-%m-%dT%H:%M:%S", gmtime(record.created))
            + f".{record.msecs:03.0f}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": scrub(record.getMessage()),
        }
        for name, value in (*_invocation().items(), *_extras(record)):
            fields[name] = _flat(name, value)
        if record.exc_info:
            fields["exception"] = scrub(self.formatException(record.exc_info))
        if record.stack_info:
            fields["stack"] = scrub(record.stack_info)
        return _bounded(fields)


class TextFormatter(logging.Formatter):
    """A record for people: time, level, message, then the extra fields; an exception below it."""

    def format(self, record: logging.LogRecord) -> str:
        time = strftime("%H:%M:%S", gmtime(record.created))
        extras = " ".join(f"{name}={_flat(name, value)}" for name, value in _extras(record))
        text = f"{time} {record.levelname:<7} {record.getMessage()}" + (extras and f"  [{extras}]")
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return scrub(text)


def scrub(text: str) -> str:
    """The text without this function's credentials, and without what looks like any secret of Tencent Cloud."""
    for variable in _SECRET_VARIABLES:
        secret = os.environ.get(variable)
        if secret:
            text = text.replace(secret, _HIDDEN)
    return _secrets().sub(_hide, text)


@cache
def _secrets() -> re.Pattern[str]:
    """What looks like a secret: a value after a telling name, or a SecretId. Compiled by the first line."""
    return re.compile(
        r"""
        (?P<name> ["']? [\w-]* (?: secret_?(?:id|key) | session_?token | security-token
                                | notify_?key | password | q-signature | q-ak | authorization ) ["']?
                  \s* [:=] \s* ["']? )
        [^\s"'&;,}{]+
        | \b AKID [A-Za-z0-9]{13,}
        """,
        re.VERBOSE | re.IGNORECASE,
    )


def _hide(found: re.Match[str]) -> str:
    return (found["name"] or "") + _HIDDEN


def _invocation() -> Mapping[str, str]:
    return getattr(_bound, "fields", {})


def _extras(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in vars(record).items() if name not in _PLAIN)


def _flat(name: str, value: object) -> object:
    """The value as a first-level field: numbers as they are, the rest as text, secrets hidden."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if not isinstance(value, str):
        try:
            value = json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError):
            value = repr(value)
    # With its name in front, as the name may be what tells a secret.
    return scrub(f"{name}={value}").partition("=")[2]


def _bounded(fields: dict[str, Any]) -> str:
    """The fields as JSON in `LONGEST_LINE` bytes: the longest texts are cut, and the line says so."""
    line = _json(fields)
    while len(line.encode()) >= LONGEST_LINE:
        name = max(fields, key=lambda field: len(_json(fields[field])))
        text = str(fields[name])
        if len(text) > 100:
            excess = len(line.encode()) - LONGEST_LINE
            fields[name] = text[: max(50, len(text) - excess - 50)] + "…"
        else:  # very many fields
            del fields[name]
        fields["truncated"] = True
        line = _json(fields)
    return line


def _json(value: object) -> str:
    # Lone surrogates (a broken file name) have no UTF-8 form: such a line is escaped as a whole.
    text = json.dumps(value, ensure_ascii=False, default=str)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, default=str)
    return text
