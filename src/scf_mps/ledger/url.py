"""From what ``MPS_LEDGER`` says to the ledger it means; a store's code is loaded for its own URLs alone."""

from __future__ import annotations

import re

from ..common.durations import parse_duration
from ..errors import LedgerError
from .base import Ledger

_EXPECTED = "cos://bucket.region/prefix/, redis://host:6379/0, file:///folder, memory:// or none"
_SCHEMES = ("cos", "redis", "rediss", "file", "memory")
_REDIS = ("redis", "rediss")
_SHORTEST = 6 * 3600.0
_LONGEST = 3650 * 86400.0
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?").fullmatch
_PLACE = re.compile(r"([a-z0-9][a-z0-9-]*-[0-9]+)\.([a-z0-9][a-z0-9-]*)").fullmatch


def open_ledger(url: Ledger | str) -> Ledger:
    """The ledger at a URL; nothing is asked of it yet.

    ``?keep=30d`` says for how long events are kept, 6 hours at least and 30 days by default.

    Raises:
        LedgerError: if no ledger can be there.
    """
    if isinstance(url, Ledger):
        return url
    if not isinstance(url, str):
        raise LedgerError(f"expected a Ledger or the URL of one ({_EXPECTED}), not {url!r}")
    scheme, colon, rest = url.strip().partition("://")
    if not colon or scheme not in _SCHEMES:
        raise LedgerError(_no_scheme(scheme, bool(colon)))
    # What is in front of the last @ is a password, whatever signs are in it.
    who, at, where = rest.rpartition("@") if scheme in _REDIS else ("", "", rest)
    place, _, query = where.partition("?")
    options = _options(scheme, query)
    keep = _seconds(options.get("keep", "30d"))
    if scheme == "cos":
        return _cos(place, keep)
    if scheme == "file":
        return _file(place, keep)
    if scheme == "memory":
        from .memory import MemoryLedger

        return MemoryLedger(keep=keep)
    return _redis(scheme, who + at, place, options.get("prefix", "mps"), keep)


def _no_scheme(scheme: str, is_url: bool) -> str:
    """Why there is no such ledger; a text that is no URL may be a password, and is not shown."""
    if not is_url:
        return f"expected the URL of a ledger: {_EXPECTED}"
    from difflib import get_close_matches

    close = get_close_matches(scheme, _SCHEMES, 1)
    meant = f": did you mean {close[0]}://?" if close else ""
    return f"expected the URL of a ledger, {_EXPECTED}, not one of {scheme}:{meant}"


def _options(scheme: str, query: str) -> dict[str, str]:
    from urllib.parse import unquote

    known = ("keep", "prefix") if scheme in _REDIS else ("keep",)
    options = {}
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        if name not in known:
            raise LedgerError(
                f"{scheme}:// of a ledger has no option {name!r}, expected {' or '.join(known)}"
            )
        options[name] = unquote(value)
    return options


def _seconds(keep: str) -> float:
    try:
        seconds = parse_duration(keep)
    except ValueError as error:
        raise LedgerError(f"keep= of a ledger: {error}") from None
    if not _SHORTEST <= seconds <= _LONGEST:
        raise LedgerError(
            f"keep= of a ledger expects 6h, for so long an event may come again, to 3650d, not {keep!r}"
        )
    return seconds


def _cos(place: str, keep: float) -> Ledger:
    host, _, prefix = place.partition("/")
    found = _PLACE(host)
    expected = "expected cos://bucket-appid.region/prefix/"
    if found is None:
        bucket, _, region = host.partition(".")
        lacking = (
            "the region is missing"
            if not region
            else "the bucket's name does not end in its APPID"
            if not re.search("-[0-9]+$", bucket)
            else "these are no names of a bucket and a region"
        )
        raise LedgerError(
            f"{expected}, e.g. cos://ledger-1250000000.ap-guangzhou/mps/, not cos://{place}: {lacking}"
        )
    if not prefix.strip("/"):
        raise LedgerError(
            f"{expected}, not cos://{place}: give the ledger a prefix of its own, where nothing else is"
        )
    from .cos import CosLedger

    return CosLedger(found[1], found[2], prefix, keep)


def _file(place: str, keep: float) -> Ledger:
    from urllib.parse import unquote

    if not place.startswith("/") or not place.strip("/"):
        raise LedgerError(
            f"expected file:///folder, with an absolute path behind two slashes, not file://{place}"
        )
    from .file import FileLedger

    return FileLedger(unquote(place), keep)


def _redis(scheme: str, who: str, place: str, prefix: str, keep: float) -> Ledger:
    if re.search("[/?#]", who):
        raise LedgerError(
            f"the user or password of {scheme}:// holds one of / ? #: write it as %2F, %3F or %23"
        )
    host, _, database = place.partition("/")
    if not _HOST(host):
        raise LedgerError(
            f"expected {scheme}://host:port/0, with user:password@ in front if need be, and this names no host"
        )
    if database and not database.isdecimal():
        raise LedgerError(
            f"expected the number of a database behind the host of {scheme}://, not {database!r}"
        )
    if not re.fullmatch(r"[A-Za-z0-9._:-]{1,100}", prefix):
        raise LedgerError(f"prefix= expects letters, digits and the signs . _ : -, not {prefix!r}")
    from .redis import RedisLedger

    return RedisLedger(f"{scheme}://{who}{place}", prefix, keep)
