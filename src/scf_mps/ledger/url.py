"""Create a ledger from its URL. The code of a store is only loaded for its own URLs."""

from __future__ import annotations

import re

from ..common.durations import parse_duration
from ..errors import LedgerError
from .base import Ledger

_EXAMPLES = (
    "cos://bucket-appid.region/prefix/, redis://host:6379/0, file:///folder, memory:// or none"
)
_SCHEMES = ("cos", "redis", "rediss", "file", "memory")
_REDIS_SCHEMES = ("redis", "rediss")
_MIN_KEEP_SECONDS = 6 * 3600.0
"""SCF may retry an event for six hours."""
_MAX_KEEP_SECONDS = 3650 * 86400.0
_is_host = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?").fullmatch
_parse_bucket = re.compile(r"([a-z0-9][a-z0-9-]*-[0-9]+)\.([a-z0-9][a-z0-9-]*)").fullmatch


def open_ledger(url: Ledger | str) -> Ledger:
    """Return the ledger at a URL, without a request to it.

    ``?keep=30d`` is the time for which events are kept: at least 6 hours, by default 30 days.

    Args:
        url: a URL, or a ledger to return as it is.

    Raises:
        LedgerError: the URL is invalid.
    """
    if isinstance(url, Ledger):
        return url
    if not isinstance(url, str):
        raise LedgerError(f"invalid ledger {url!r}: use a Ledger or its URL ({_EXAMPLES})")
    scheme, separator, rest = url.strip().partition("://")
    if not separator or scheme not in _SCHEMES:
        raise LedgerError(_explain_scheme(scheme, bool(separator)))
    # Everything before the last @ is a password, whatever characters it has.
    user, at, rest = rest.rpartition("@") if scheme in _REDIS_SCHEMES else ("", "", rest)
    location, _, query = rest.partition("?")
    options = _parse_options(scheme, query)
    keep = _parse_keep(options.get("keep", "30d"))
    if scheme == "cos":
        return _open_cos(location, keep)
    if scheme == "file":
        return _open_file(location, keep)
    if scheme == "memory":
        from .memory import MemoryLedger

        return MemoryLedger(keep=keep)
    return _open_redis(scheme, user + at, location, options.get("prefix", "mps"), keep)


def _explain_scheme(scheme: str, is_url: bool) -> str:
    """Return the error for an unknown scheme. A text that is not a URL may be a password, and is not shown."""
    if not is_url:
        return f"invalid ledger URL: missing scheme. Use {_EXAMPLES}"
    from difflib import get_close_matches

    close = get_close_matches(scheme, _SCHEMES, 1)
    hint = f"Did you mean {close[0]}://?" if close else f"Use {_EXAMPLES}"
    return f"invalid ledger URL: unknown scheme {scheme}://. {hint}"


def _parse_options(scheme: str, query: str) -> dict[str, str]:
    from urllib.parse import unquote

    names = ("keep", "prefix") if scheme in _REDIS_SCHEMES else ("keep",)
    options = {}
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        if name not in names:
            raise LedgerError(
                f"invalid {scheme}:// ledger URL: unknown option {name!r}. Use {' or '.join(names)}"
            )
        options[name] = unquote(value)
    return options


def _parse_keep(text: str) -> float:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise LedgerError(f"invalid keep= of a ledger: {error}") from None
    if not _MIN_KEEP_SECONDS <= seconds <= _MAX_KEEP_SECONDS:
        raise LedgerError(
            f"invalid keep= of a ledger {text!r}: use 6h (SCF may retry an event for so long) to 3650d"
        )
    return seconds


def _open_cos(location: str, keep: float) -> Ledger:
    host, _, prefix = location.partition("/")
    match = _parse_bucket(host)
    if match is None:
        bucket, _, region = host.partition(".")
        if not region:
            problem = "missing region"
        elif not re.search("-[0-9]+$", bucket):
            problem = "the bucket's name does not end in its APPID"
        else:
            problem = "invalid name of a bucket or a region"
        raise LedgerError(
            f"invalid ledger URL 'cos://{location}': {problem}. Use cos://bucket-appid.region/prefix/, "
            f"e.g. cos://ledger-1250000000.ap-guangzhou/mps/"
        )
    if not prefix.strip("/"):
        raise LedgerError(
            f"invalid ledger URL 'cos://{location}': missing prefix. Use one that nothing else uses: "
            f"cos://bucket-appid.region/prefix/"
        )
    from .cos import CosLedger

    return CosLedger(match[1], match[2], prefix, keep)


def _open_file(location: str, keep: float) -> Ledger:
    from urllib.parse import unquote

    if not location.startswith("/") or not location.strip("/"):
        raise LedgerError(
            f"invalid ledger URL 'file://{location}': missing absolute path. Use file:///folder"
        )
    from .file import FileLedger

    return FileLedger(unquote(location), keep)


def _open_redis(scheme: str, user: str, location: str, prefix: str, keep: float) -> Ledger:
    """Return a ledger in Redis. No error shows the user or the password."""
    if re.search("[/?#]", user):
        raise LedgerError(
            f"invalid {scheme}:// ledger URL: / ? or # in the user or password. Use %2F, %3F or %23"
        )
    host, _, database = location.partition("/")
    if not _is_host(host):
        raise LedgerError(
            f"invalid {scheme}:// ledger URL: missing or invalid host. Use {scheme}://user:password@host:port/0"
        )
    if database and not database.isdecimal():
        raise LedgerError(
            f"invalid database {database!r} in a {scheme}:// ledger URL: use a number, e.g. {scheme}://host:port/0"
        )
    if not re.fullmatch(r"[A-Za-z0-9._:-]{1,100}", prefix):
        raise LedgerError(
            f"invalid prefix= of a ledger {prefix!r}: use up to 100 letters, digits and . _ : -"
        )
    from .redis import RedisLedger

    return RedisLedger(f"{scheme}://{user}{location}", prefix, keep)
