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
from functools import cache, lru_cache
from time import gmtime, strftime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TextIO

LONGEST_LINE = 8192
"""Bytes of a line, its end included."""

CAPPED = ("urllib3", "requests", "qcloud_cos", "tencentcloud_sdk_common", "asyncio")
"""Libraries that log requests, tokens included, at DEBUG: held at WARNING."""


class _Bound(threading.local):
    def __init__(self) -> None:
        self.invocations: list[dict[str, str]] = []


_bound = _Bound()


def bind(request_id: str) -> dict[str, str]:
    """Put the fields of an invocation on every line that this thread logs, until `unbind`; returns the fields.

    A callback may itself call a `main_handler`: that one's fields are on the lines until it is over.
    """
    fields = {"request_id": request_id}
    _bound.invocations.append(fields)
    return fields


def unbind() -> None:
    """Take the fields of the invocation off again."""
    _bound.invocations.pop()


_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_OURS = (
    "time",
    "level",
    "logger",
    "message",
    "request_id",
    "task_id",
    "exception",
    "stack",
    "truncated",
)
_SECRET_VARIABLES = (
    "TENCENTCLOUD_SECRETID",
    "TENCENTCLOUD_SECRETKEY",
    "TENCENTCLOUD_SESSIONTOKEN",
    "MPS_NOTIFY_KEY",
)
_HIDDEN = "***"
_LEAST = 100  # bytes of a field on a line that is cut
_FROM_END = ("exception", "stack")


def configure(stream: TextIO | None = None, level: str | int | None = None) -> None:
    """Take over the root logger: one handler on `stream` (stdout), at `level` (``MPS_LOG_LEVEL``, INFO).

    Handlers that are there are removed: SCF's runtime installs one at DEBUG. Lines are JSON; on a terminal, or with
    ``MPS_LOG_FORMAT=text``, they are text. A level that there is not is no reason to lose events: it is taken for INFO.
    """
    output = stream or sys.stdout
    isatty = getattr(output, "isatty", None)  # what a runtime puts in place of stdout may have none
    choice = os.environ.get("MPS_LOG_FORMAT") or ("text" if isatty and isatty() else "json")
    handler = LineHandler(output)
    handler.setFormatter(TextFormatter() if choice.lower() == "text" else JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    for name in CAPPED:
        logging.getLogger(name).setLevel(logging.WARNING)
    if level is not None:
        root.setLevel(level)
        return
    wanted = os.environ.get("MPS_LOG_LEVEL") or "INFO"
    try:
        root.setLevel(wanted.upper())
    except ValueError:
        root.setLevel(logging.INFO)
        logging.getLogger("scf_mps").warning(
            "MPS_LOG_LEVEL expects DEBUG, INFO, WARNING, ERROR or CRITICAL, not %r: taken for INFO",
            wanted,
        )


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
            if hasattr(self.stream, "flush"):
                self.stream.flush()
        except Exception as error:
            _lost(record, error)


def _lost(record: logging.LogRecord, error: Exception) -> None:
    """Say so on stderr, without the record's text: logging's own report would show it, secrets included."""
    try:
        sys.stderr.write(f"a log line of {record.name} is lost: {type(error).__name__}\n")
    except Exception:
        return


class JsonFormatter(logging.Formatter):
    """A record as one flat JSON object of at most `LONGEST_LINE` bytes, its end of line included."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "time": strftime("%Y-%m-%dT%H:%M:%S", gmtime(record.created))
            + f".{record.msecs:03.0f}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": scrub(_message(record)),
        }
        if _bound.invocations:
            fields |= _bound.invocations[-1]
        for name, value in _extras(record):
            while name in _OURS or name in fields:
                name += "_"
            fields[name] = _flat(name, value)
        if record.exc_info:
            fields["exception"] = scrub(self.formatException(record.exc_info))
        if record.stack_info:
            fields["stack"] = scrub(record.stack_info)
        return _bounded(fields)


class TextFormatter(logging.Formatter):
    """A record for people: time, level, message and extra fields in one line, an exception indented below it.

    Control characters are escaped: a terminal would execute them.
    """

    def format(self, record: logging.LogRecord) -> str:
        from .printable import escape_controls

        time = strftime("%H:%M:%S", gmtime(record.created))
        extras = " ".join(f"{name}={_flat(name, value)}" for name, value in _extras(record))
        line = f"{time} {record.levelname:<7} {_message(record)}" + (extras and f"  [{extras}]")
        below = [self.formatException(record.exc_info)] if record.exc_info else []
        below += [record.stack_info] if record.stack_info else []
        text = "\n".join([escape_controls(scrub(line)), *map(scrub, below)])
        return escape_controls(text, keep="\n\t").replace("\n", "\n  ")


def scrub(text: str) -> str:
    """The text without this function's credentials, and without what looks like any secret of Tencent Cloud."""
    for variable in _SECRET_VARIABLES:
        secret = os.environ.get(variable)
        if secret:
            text = text.replace(secret, _HIDDEN)
            if variable == "MPS_NOTIFY_KEY" and "," in secret:  # several keys
                for key in filter(None, map(str.strip, secret.split(","))):
                    text = text.replace(key, _HIDDEN)
    return _secrets().sub(_hide, text)


_TELLING = r"""
    (?: secret[_-]?(?:id|key) | token | notify[_-]?key | password | signature | q-ak
      | (?P<whole>authorization) )
    """


@cache
def _secrets() -> re.Pattern[str]:
    """What looks like a secret: a value after a telling name, or a SecretId. Compiled by the first line.

    The name may be a key of JSON or of a repr, with its quotes escaped where the JSON is itself a text in JSON. Of
    an Authorization header all is hidden, other values that are not quoted end with the word.
    """
    return re.compile(
        rf"""
        (?P<name> {_TELLING} \\*["']? \s* [:=] \s* )
        (?: b? (?P<quote> \\*["'] ) (?: (?!(?P=quote)) (?: \\. | . ) )*
          | (?(whole) [^"'\r\n]+ | [^\s"'&;,}}{{]+ ) )
        | (?<![A-Za-z0-9]) AKID [A-Za-z0-9_-]{{13,}}
        """,
        re.VERBOSE | re.IGNORECASE,
    )


@lru_cache(1000)
def _tells(name: str) -> bool:
    """Whether the name of a field tells that its value is a secret."""
    return re.search(rf"{_TELLING}\Z", name, re.VERBOSE | re.IGNORECASE) is not None


def _hide(found: re.Match[str]) -> str:
    return (found["name"] or "") + (found["quote"] or "") + _HIDDEN


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # a slip in the call, e.g. more arguments than the text has places for
        return f"{record.msg if isinstance(record.msg, str) else _text(record.msg)} {_text(record.args)}"


def _extras(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    return ((str(name), value) for name, value in vars(record).items() if name not in _PLAIN)


def _flat(name: str, value: object) -> object:
    """The value as a first-level field: numbers as they are, the rest as text, secrets hidden."""
    if value is None or isinstance(value, bool):
        return value
    if _tells(name):
        return _HIDDEN
    # JSON has neither infinity nor NaN, and CLS no longer integers.
    if isinstance(value, int | float) and abs(value) < 2**63:
        return value
    return scrub(value if isinstance(value, str) else _text(value))


def _text(value: object) -> str:
    """The value as JSON if it has such a form; a line is not lost for a value that has no form at all."""
    for form in (_as_json, repr):
        try:
            return form(value)
        except Exception:
            continue
    return f"<{type(value).__name__}>"


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _bounded(fields: dict[str, Any]) -> str:
    """The fields as JSON in `LONGEST_LINE` bytes: long texts are cut, and the line says so.

    Each field has an equal share of the line, and what one does not need is the others'. Of more fields than there
    is room for, extra ones are left out.
    """
    line = as_json(fields)
    if len(line) >= LONGEST_LINE:
        line = as_json(_cut_down(fields | {"truncated": True}))
    return line.decode()


def _cut_down(fields: dict[str, Any]) -> dict[str, Any]:
    left = LONGEST_LINE - 1  # for the end of the line
    room = left
    kept = {}  # field to the size of its value
    for name in sorted(fields, key=lambda name: name not in _OURS):  # ours first
        size = len(as_json(fields[name]))
        around = len(as_json({name: 0})) - 1
        if around + min(size, _LEAST) <= room:
            room -= around + min(size, _LEAST)
            left -= around
            kept[name] = size
    cut: dict[str, Any] = {}
    for name in sorted(kept, key=kept.__getitem__):  # the shortest first
        share = left // (len(kept) - len(cut))
        cut[name] = fields[name] if kept[name] <= share else _cut(fields[name], share, name)
        left -= len(as_json(cut[name]))
    return {name: cut[name] for name in fields if name in cut}


def _cut(text: str, size: int, name: str) -> str:
    """As much of the text as has its JSON in `size` bytes: of a traceback the end, where it says what happened."""
    from bisect import bisect_right

    def part(length: int) -> str:
        return (
            "…" + text[max(0, len(text) - length) :] if name in _FROM_END else text[:length] + "…"
        )

    return part(bisect_right(range(1, size), size, key=lambda length: len(as_json(part(length)))))


def as_json(value: object, **layout: Any) -> bytes:
    """JSON in UTF-8, of any text there is; `layout` is for `json.dumps`."""
    # A lone surrogate (of a broken file name) has no UTF-8 form; what replaces it is its escape in JSON.
    return json.dumps(value, ensure_ascii=False, **layout).encode("utf-8", "backslashreplace")
