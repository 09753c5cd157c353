"""Log records for SCF's log service: one flat JSON object per line, one write per line, no secrets.

CLS parses a one-line JSON record into fields, first level only, and cuts a record over 8 KB. SCF's runtime makes a
record of every `write()` and may set the root logger to DEBUG, where SDKs log tokens (product page 583/39778 and the
published runtime of PyPI scf 0.2.8). On a terminal the same records are readable text.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from contextvars import ContextVar
from json.encoder import encode_basestring
from time import gmtime, monotonic, strftime, time

from .common import redaction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, TextIO

    from .context import Context

MAX_LINE_BYTES = 8192
"""Maximum bytes of a line, including its end."""

CALLBACK_LEVEL = "INFO,scf_mps=DEBUG"
"""The ``MPS_LOG_LEVEL`` at which there is a line for each callback."""

CAPPED_LOGGERS = ("urllib3", "requests", "qcloud_cos", "tencentcloud_sdk_common", "asyncio")
"""Libraries that log requests with tokens at DEBUG. Their level is WARNING."""


class _Scope:
    """The fields and secrets of the log lines of one invocation. A context manager: they apply inside the block.

    Attributes:
        fields: the fields of every line.
        secrets: texts that every line hides, in all their forms.
        event: the notification, whose secrets are not in `secrets` yet. None if they are.
        context: of the invocation.
        outer: the scope of the invocation that called this one, from a callback.
    """

    __slots__ = ("context", "event", "fields", "outer", "secrets")

    def __init__(
        self, fields: dict[str, str], secrets: tuple[str, ...], context: Context | None
    ) -> None:
        self.context = context
        self.fields = fields
        self.secrets = secrets
        self.event: object = None

    def __enter__(self) -> None:
        self.outer = _bound.get()
        _running.append(self)
        _bound.set(self)

    def __exit__(self, *_: object) -> None:
        _running.remove(self)
        _bound.set(self.outer)

    def list_secrets(self) -> tuple[str, ...]:
        """Return the secrets, including those of the event."""
        if self.event is not None:
            secrets, self.event = redaction.find_event_secrets(self.event), None
            if secrets:
                self.secrets = redaction.list_secret_forms(secrets, self.secrets)
        return self.secrets


_loaded_at = monotonic()
_init_seconds = 0.0


def end_init() -> None:
    """Note that the application is ready."""
    global _init_seconds
    _init_seconds = _init_seconds or monotonic() - _loaded_at


def get_init_seconds() -> float:
    """Return the seconds from the import of this package until the application was ready."""
    return _init_seconds


_bound: ContextVar[_Scope | None] = ContextVar("scf_mps_invocation", default=None)
_running: list[_Scope] = []


def bind(request_id: str, context: Context | None = None) -> _Scope:
    """Return a context manager that adds the request id of an invocation to every line, and hides its secrets.

    The fields follow async callbacks and `asyncio.to_thread` (context variables). A thread without an invocation, such
    as one of a pool, logs for the running invocation. If several are running its lines have no fields. A callback may
    call another `main_handler`, whose fields apply until it returns.

    Args:
        request_id: SCF's request id.
        context: SCF's context. The variables in its ``environ`` hold secrets as those of the process do.
    """
    secrets = _read_process_secrets() if context is None else _read_context_secrets(context)
    return _Scope({"request_id": request_id}, secrets, context)


def bind_task(task_id: str) -> None:
    """Add a task id to the lines of the invocation."""
    scope = _bound.get()
    if scope is not None:
        scope.fields["task_id"] = task_id


def unbind_task() -> None:
    """Remove the task id from the lines of the invocation."""
    scope = _bound.get()
    if scope is not None:
        scope.fields.pop("task_id", None)


def bind_event(task_id: str, notification: object) -> None:
    """Add an event's task id to the lines of the invocation, and hide the event's secrets."""
    scope = _bound.get()
    if scope is not None:
        scope.fields["task_id"] = task_id
        if scope.event is not None:
            scope.list_secrets()
        scope.event = notification


watched_until = float("inf")
"""An invocation with an earlier deadline calls `telemetry.watcher.watch`."""


def list_running() -> list[_Scope]:
    """Return the scopes of the running invocations."""
    return _running[:]


def adopt(context: Context) -> None:
    """Log for an invocation of another thread from now on."""
    _bound.set(next((scope for scope in list_running() if scope.context is context), None))


def get_context() -> Context | None:
    """Return the context of the invocation, None outside of one."""
    scope = _get_scope()
    return None if scope is None else scope.context


def _get_scope() -> _Scope | None:
    scope = _bound.get()
    if scope is None:
        running = _running[:]
        return running[0] if len(running) == 1 else None
    return scope


_known: tuple[object, tuple[str, ...]] = (None, ())
"""The environment of the last call, and its secrets."""


def _read_process_secrets() -> tuple[str, ...]:
    """Return the secrets of the environment. Read it again after a change, because SCF renews the token."""
    global _known
    # Comparing the dict below os.environ takes 0.2 µs, reading twenty variables 20 µs.
    raw = getattr(os.environ, "_data", os.environ)
    before, secrets = _known
    if raw != before:
        secrets = redaction.list_secret_forms(redaction.find_variable_secrets(os.environ))
        _known = dict(raw), secrets
    return secrets


_known_context: tuple[object, tuple[str, ...], tuple[str, ...]] = (None, (), ())
"""The ``environ`` of the last context, the secrets of the process then, and all secrets."""


def _read_context_secrets(context: Context) -> tuple[str, ...]:
    global _known_context
    process, raw = _read_process_secrets(), context.raw.get("environ")
    if not raw:
        return process
    before, known_process, secrets = _known_context
    if raw != before or known_process is not process:
        secrets = redaction.list_secret_forms(
            redaction.find_variable_secrets(context.environ), process
        )
        _known_context = raw, process, secrets
    return secrets


_RECORD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_MAX_NUMBER = 2**63
_OUR_FIELDS = (
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
_MIN_FIELD_BYTES = 100
"""Bytes that a field keeps on a truncated line."""
_KEPT_AT_END = ("exception", "stack")
"""Fields of which the end is kept."""


def configure(stream: TextIO | None = None, level: str | int | None = None) -> None:
    """Configure the root logger with one handler.

    Other handlers are removed: SCF's runtime installs one at DEBUG. Lines are JSON, or text on a terminal and with
    ``MPS_LOG_FORMAT=text``. ``MPS_LOG_LEVEL`` is a level, and levels of loggers may follow: ``INFO,scf_mps=DEBUG``. An
    invalid one means INFO, so that no event is lost.

    Args:
        stream: the handler's stream, by default stdout.
        level: the level, by default ``MPS_LOG_LEVEL`` or INFO.
    """
    output = stream or sys.stdout
    isatty = getattr(output, "isatty", None)  # a runtime may replace stdout by an object without it
    choice = os.environ.get("MPS_LOG_FORMAT") or ("text" if isatty and isatty() else "json")
    handler = LineHandler(output)
    handler.setFormatter(TextFormatter() if choice.lower() == "text" else JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    for name in CAPPED_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    if level is not None:
        root.setLevel(level)
        return
    root.setLevel(logging.INFO)
    choices = os.environ.get("MPS_LOG_LEVEL") or "INFO"
    for choice in choices.split(","):
        name, _, chosen = choice.rpartition("=")
        try:
            logging.getLogger(name.strip() or None).setLevel(chosen.strip().upper())
        except ValueError:
            logging.getLogger("scf_mps").warning(
                "invalid MPS_LOG_LEVEL %r, using INFO. Use DEBUG, INFO, WARNING, ERROR or CRITICAL",
                choices,
            )


def is_on_scf() -> bool:
    """Return True if this process is an SCF function, or an emulator that sets SCF's variables."""
    return os.environ.get("TENCENTCLOUD_RUNENV") == "SCF" or "SCF_FUNCTIONNAME" in os.environ


class LineHandler(logging.Handler):
    """Writes each record with a single `write`, because SCF makes a log record of each."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.stream = stream
        self._flush = getattr(
            stream, "flush", None
        )  # a runtime may replace stdout by an object without it

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record. An error does not reach the caller."""
        try:
            self._write(self.format(record))
        except Exception as error:
            _report_lost_line(record.name, error)

    def write(self, line: str) -> None:
        """Write a line."""
        self.acquire()
        try:
            self._write(line)
        except Exception as error:
            _report_lost_line("scf_mps", error)
        finally:
            self.release()

    def _write(self, line: str) -> None:
        self.stream.write(line + "\n")
        if self._flush is not None:
            self._flush()


def _report_lost_line(logger: str, error: Exception) -> None:
    """Report a lost line on stderr, without its text. logging's own report would show its secrets."""
    try:
        sys.stderr.write(f"lost a log line of {logger}: {type(error).__name__}\n")
    except Exception:
        return


class JsonFormatter(logging.Formatter):
    """Formats a record as one flat JSON object of at most `MAX_LINE_BYTES`, including the end of its line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        scope = _get_scope()
        fields: dict[str, Any] = {
            "time": f"{_format_second(int(record.created))}.{record.msecs:03.0f}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": _format_message(record),
        }
        # Our own lines below WARNING have no more of the event than types and places.
        if scope is not None and record.name == "scf_mps" and record.levelno < logging.WARNING:
            secrets = scope.secrets
        else:
            secrets = _list_secrets()
        if scope is not None:
            fields |= scope.fields
        for name, value in _list_extras(record):
            name = redaction.hide_secrets(name, secrets)
            while name in _OUR_FIELDS or name in fields:
                name += "_"
            fields[name] = _flatten(value)
        if record.exc_info:
            fields["exception"] = _format_trace(self, record.exc_info)
        if record.stack_info:
            fields["stack"] = record.stack_info
        scrubbed = {name: _scrub_value(name, value, secrets) for name, value in fields.items()}
        return _encode_line(scrubbed)


class TextFormatter(logging.Formatter):
    """Formats a record for people: time, level, message and extra fields in one line, an exception below it.

    Control characters are escaped, because a terminal would execute them.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record."""
        from .common.printable import escape_controls

        time = strftime("%H:%M:%S", gmtime(record.created))
        secrets = _list_secrets()
        extras = " ".join(
            f"{name}={_scrub_value(name, _flatten(value), secrets)}"
            for name, value in _list_extras(record)
        )
        line = f"{time} {record.levelname:<7} {_format_message(record)}" + (
            extras and f"  [{extras}]"
        )
        below = [_format_trace(self, record.exc_info)] if record.exc_info else []
        below += [record.stack_info] if record.stack_info else []
        text = "\n".join([escape_controls(scrub(line)), *map(scrub, below)])
        return escape_controls(text, keep="\n\t").replace("\n", "\n  ")


def scrub(text: str) -> str:
    """Return a text without the secrets of this function and invocation, and anything that looks like a secret."""
    return redaction.hide_secrets(text, _list_secrets())


def _list_secrets() -> tuple[str, ...]:
    """Return the current secrets. A thread without an invocation hides those of all running ones."""
    scope = _get_scope()
    if scope is not None:
        return scope.list_secrets()
    secrets = _read_process_secrets()
    for scope in _running[:]:
        secrets += scope.list_secrets()
    return secrets


class LineTemplate:
    """A message that always has the same fields. Its JSON line is built several times faster than by a formatter.

    Args:
        log: the logger.
        message: the message, without a secret. Its level is INFO.
        texts: the names of fields with a text.
        numbers: the names of fields with a number, which follow. Those that end in ``ms`` have one decimal place, the
            others none.
    """

    def __init__(
        self, log: logging.Logger, message: str, texts: Sequence[str], numbers: Sequence[str]
    ) -> None:
        self._log = log
        self._message = message
        self._names = (*texts, *numbers)
        parts = [
            *(f'"{name}": %s' for name in texts),
            *(f'"{name}": %{".1f" if name.endswith("ms") else "d"}' for name in numbers),
        ]
        ours = f'"level": "INFO", "logger": "{log.name}", "message": "{message}"'
        self._format = f'{{"time": "%s.%03dZ", {ours}, %s, {", ".join(parts)}}}'

    def emit(self, texts: tuple[str, ...], numbers: tuple[float, ...]) -> None:
        """Log the message with a value for each field."""
        handlers, scope = logging.root.handlers, _bound.get()
        if scope is not None and len(handlers) == 1:
            handler = handlers[0]
            if isinstance(handler, LineHandler) and _is_bare(self._log, handler):
                line = self._build_line(scope, texts, numbers)
                if len(line) < MAX_LINE_BYTES and line.isascii():
                    handler.write(line)
                    return
        create = logging.getLogRecordFactory()
        record = create(self._log.name, logging.INFO, __file__, 0, self._message, (), None)
        figures = [round(number, 1) for number in numbers]
        vars(record).update(zip(self._names, (*texts, *figures), strict=True))
        self._log.handle(record)

    def _build_line(self, scope: _Scope, texts: tuple[str, ...], numbers: tuple[float, ...]) -> str:
        secrets = scope.secrets
        known = _get_texts(secrets)
        encoded = tuple(map(known.get, texts))
        if None in encoded:
            encoded = tuple([_encode_text(text, secrets, known) for text in texts])
        fields = [f'"{name}": {encode_basestring(text)}' for name, text in scope.fields.items()]
        ids = redaction.hide_secrets(", ".join(fields), secrets)
        now = time()
        head = (_format_second(int(now)), now % 1 * 1000, ids)
        return self._format % (head + encoded + numbers)


def _encode_text(text: str, secrets: tuple[str, ...], known: dict[str, str]) -> str:
    """Return a text without secrets as JSON. A short one is kept in `known`."""
    encoded = encode_basestring(redaction.hide_secrets(text, secrets))
    if len(text) <= _MAX_TEXT_LENGTH:
        known[text] = encoded
    return encoded


def _is_bare(log: logging.Logger, handler: logging.Handler) -> bool:
    """Return True if no filter, handler or factory of a user gets the records of a logger."""
    return (
        log.propagate
        and not (log.handlers or log.filters or handler.filters or handler.level)
        and handler.formatter.__class__ is JsonFormatter
        and logging.getLogRecordFactory() is logging.LogRecord
    )


_last_second: tuple[int, str] = (0, "1970-01-01T00:00:00")


def _format_second(moment: int) -> str:
    global _last_second
    second, text = _last_second
    if second != moment:
        text = strftime("%Y-%m-%dT%H:%M:%S", gmtime(moment))
        _last_second = moment, text
    return text


def _format_message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # a mistake in the call, e.g. too many arguments
        return f"{record.msg if isinstance(record.msg, str) else _convert_to_text(record.msg)} {_convert_to_text(record.args)}"


def _format_trace(formatter: logging.Formatter, exc_info: Any) -> str:
    try:
        return formatter.formatException(exc_info)
    except (
        Exception
    ):  # its class may have a __getattr__ that raises another error than AttributeError
        from traceback import format_tb

        return "".join([*format_tb(exc_info[2]), exc_info[0].__name__])


def _list_extras(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    return (
        (str(name), value) for name, value in vars(record).items() if name not in _RECORD_ATTRIBUTES
    )


def _flatten(value: object) -> object:
    """Return a value for a first-level field: a number, or else a text."""
    if value is None or isinstance(value, bool | str):
        return value
    # JSON has neither infinity nor NaN, and CLS has no longer integers.
    if isinstance(value, int | float) and abs(value) < _MAX_NUMBER:
        return value
    return _convert_to_text(value)


def _scrub_value(name: str, value: Any, secrets: tuple[str, ...]) -> Any:
    """Return a flat value without secrets."""
    if (
        name not in _OUR_FIELDS
        and not (value is None or isinstance(value, bool))
        and redaction.is_secret_name(name)
    ):
        return redaction.MASK
    return redaction.hide_secrets(value, secrets) if isinstance(value, str) else value


_texts: tuple[tuple[str, ...], dict[str, str]] = ((), {})
"""Short texts of earlier lines as JSON, without these secrets. Types, places and callbacks are repeated often."""

_MAX_TEXTS = 1000
_MAX_TEXT_LENGTH = 100


def _get_texts(secrets: tuple[str, ...]) -> dict[str, str]:
    global _texts
    if _texts[0] is not secrets or len(_texts[1]) > _MAX_TEXTS:
        _texts = secrets, {}
    return _texts[1]


def _convert_to_text(value: object) -> str:
    """Return a value as JSON, else its repr, else its class. A line is not lost for a value without any."""
    for convert in (_dump_json, repr):
        try:
            return convert(value)
        except Exception:
            continue
    return f"<{type(value).__name__}>"


def _dump_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _encode_line(fields: dict[str, Any]) -> str:
    """Return the fields as JSON in `MAX_LINE_BYTES`. Long texts are truncated, with a field ``truncated``.

    Each field has an equal share of the line, and the others get what it does not need. If there are too many fields,
    extra ones are omitted.
    """
    line = encode_json(fields)
    if len(line) >= MAX_LINE_BYTES:
        line = encode_json(_truncate_fields(fields | {"truncated": True}))
    return line.decode()


def _truncate_fields(fields: dict[str, Any]) -> dict[str, Any]:
    available = MAX_LINE_BYTES - 1  # without the end of the line
    unreserved = available
    sizes = {}  # of the values of kept fields
    for name in sorted(fields, key=lambda name: name not in _OUR_FIELDS):  # ours first
        size = len(encode_json(fields[name]))
        overhead = len(encode_json({name: 0})) - 1
        if overhead + min(size, _MIN_FIELD_BYTES) <= unreserved:
            unreserved -= overhead + min(size, _MIN_FIELD_BYTES)
            available -= overhead
            sizes[name] = size
    kept: dict[str, Any] = {}
    for name in sorted(sizes, key=sizes.__getitem__):  # the shortest first
        share = available // (len(sizes) - len(kept))
        value = fields[name]
        kept[name] = value if sizes[name] <= share else _truncate(value, share, name)
        available -= len(encode_json(kept[name]))
    return {name: kept[name] for name in fields if name in kept}


def _truncate(text: str, size: int, name: str) -> str:
    """Return as much of a text as fits into `size` bytes of JSON. A traceback keeps its end, with the error."""
    from bisect import bisect_right

    def part(length: int) -> str:
        return (
            "…" + text[max(0, len(text) - length) :]
            if name in _KEPT_AT_END
            else text[:length] + "…"
        )

    return part(
        bisect_right(range(1, size), size, key=lambda length: len(encode_json(part(length))))
    )


def encode_json(value: object, **layout: Any) -> bytes:
    """Return a value as JSON in UTF-8. `layout` is for `json.dumps`. Raise ValueError for infinity and NaN."""
    # A lone surrogate, e.g. of a broken file name, has no UTF-8 form. Its escape in JSON replaces it.
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, **layout)
    return text.encode("utf-8", "backslashreplace")
