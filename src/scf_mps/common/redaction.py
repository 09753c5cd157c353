"""Secrets: where they are in events and variables, and events and texts without them.

MPS puts a customer's permanent AWS keys into events (``S3OutputStorage.S3SecretKey``), and ``Sign`` proves for ten
minutes that a callback is MPS's. Neither is needed to do a callback's work again. The variables of a function hold
its credentials, and passwords and keys inside of addresses.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from json.encoder import encode_basestring, encode_basestring_ascii

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

MASK = "***"

MIN_SECRET_CHARACTERS = 6
"""Characters of a value that is hidden wherever it stands. A shorter one would hide common words."""

_SECRET = ("S3SecretId", "S3SecretKey", "Sign", "NotifyKey")
_WHOLE = (
    "TENCENTCLOUD_SECRETID",
    "TENCENTCLOUD_SECRETKEY",
    "TENCENTCLOUD_SESSIONTOKEN",
    "TENCENTCLOUD_SECRET_ID",
    "TENCENTCLOUD_SECRET_KEY",
    "TENCENTCLOUD_TOKEN",
)
"""Variables of SCF's execution role, and of Tencent Cloud's own tools."""

_CHATS = ("wecom", "dingtalk", "feishu", "lark", "slack")
"""Schemes of addresses whose host and path are the key of a chat webhook."""

_ADDRESSES = re.compile(r"[\s,]+(?=[A-Za-z][A-Za-z0-9+-]*:)")
_KEY_PART = re.compile(r"(?=.*[0-9]|.*[a-z].*[A-Z]|.*[A-Z].*[a-z]|.{20}).{8,}")
"""A part of a webhook's path that is likely to be its key, and no word such as ``callbacks``."""


def redact(notification: Any) -> Any:
    """A copy of a notification in which every secret is ``***``; what is null or empty stays so.

    Of parts without secrets nothing is copied: it is to be written down, not to be changed.
    """
    if isinstance(notification, dict):
        return {
            name: MASK
            if name in _SECRET and isinstance(value, str) and value
            else redact(value)
            if isinstance(value, dict | list)
            else value
            for name, value in notification.items()
        }
    if isinstance(notification, list):
        return [redact(one) if isinstance(one, dict | list) else one for one in notification]
    return notification


def find_event_secrets(notification: Any) -> set[str]:
    """Return the secrets in a notification."""
    found: set[str] = set()
    level = [notification]
    for outer in level:
        for name, value in outer.items() if isinstance(outer, dict) else enumerate(outer):
            if isinstance(value, dict | list):
                level.append(value)
            elif name in _SECRET and isinstance(value, str):
                found.add(value)
    return found


def find_variable_secrets(variables: Mapping[str, str]) -> set[str]:
    """Return the secrets in environment variables: credentials, and parts of the addresses in ``MPS_…``."""
    found = {variables.get(name, "") for name in _WHOLE}
    for name, value in variables.items():
        if name == "MPS_NOTIFY_KEY":
            found.update([value, *map(str.strip, value.split(","))])
        elif name.startswith("MPS_") and ":" in value:
            for address in _ADDRESSES.split(value):
                found.update(_address_secrets(address))
    return found


def _address_secrets(address: str) -> Iterator[str]:
    """Yield the password, the key of a chat and the secret options of an address."""
    scheme, _, rest = address.partition(":")
    scheme = scheme.lower()
    if not rest.startswith("//") and scheme not in (*_CHATS, "mailto", "ses"):
        rest = address  # it has no scheme
    rest = rest.removeprefix("//")
    place, _, query = rest.partition("?")
    for text in (rest, place):  # a password may have a question mark in it
        yield text.rpartition("@")[0].partition(":")[2]
    if scheme in _CHATS:
        yield place
        yield place.rpartition("/")[2]
    elif scheme in ("http", "https"):
        yield from filter(_KEY_PART.fullmatch, place.split("/")[1:])
    for pair in re.split("[&;]", query):
        name, _, value = pair.partition("=")
        if name == "query":  # a webhook's own
            yield from (one.partition("=")[2] for one in _decoded(value).split("&"))
        elif is_secret_name(name):
            yield value


def list_secret_forms(secrets: Iterable[str], known: Iterable[str] = ()) -> tuple[str, ...]:
    """Return each secret in all forms that a text may have it in, the longest first.

    These are percent-encoded, decoded, and escaped as in JSON and in Python source. Forms that are known already are
    among the result.
    """
    found = set(known)
    for secret in secrets:
        if len(secret) >= MIN_SECRET_CHARACTERS:
            found.add(secret)
            if not (secret.isascii() and secret.isalnum()):
                found.update(_other_forms(secret))
    return tuple(
        sorted((one for one in found if len(one) >= MIN_SECRET_CHARACTERS), key=len, reverse=True)
    )


def _other_forms(secret: str) -> Iterator[str]:
    from urllib.parse import quote, quote_plus

    for one in (secret, _decoded(secret)):
        encoded = one.encode("utf-8", "surrogateescape")
        yield one
        yield quote(encoded)
        yield quote(encoded, safe="")
        yield quote_plus(encoded)
        yield encode_basestring(one)[1:-1]
        yield encode_basestring_ascii(one)[1:-1]
        yield repr(one)[1:-1]


def _decoded(text: str) -> str:
    from urllib.parse import unquote

    return unquote(text, errors="surrogateescape")


def hide_secrets(text: str, secrets: Sequence[str]) -> str:
    """Return a text without these secrets, and without what looks like any secret. Takes linear time."""
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, MASK)
    return _patterns().sub(_hide, text) if _may_match(text) else text


def _may_match(text: str) -> bool:
    lowered = text.lower()
    for word in _WORDS:
        if word in lowered:
            return True
    return "@" in lowered and "://" in lowered


_WORDS = (
    "secret",
    "token",
    "key",
    "passw",
    "passph",
    "sign",
    "q-ak",
    "authori",
    "bearer",
    "basic ",
    "akid",
    "akia",
    "asia",
    "/hook",
    "hooks.slack",
)
"""One of these is in every text that the pattern matches, but for passwords in URLs."""

_TELLING = r"""
    (?: secret (?:[_-]?(?:id|key))? | token | (?:notify|api|access|auth|private)[_-]?key (?:[_-]?id)? | passw(?:or)?d
      | passphrase | signature
      | (?<![A-Za-z0-9_-]) sign | q-ak | (?P<whole>authorization) )
    """


@cache
def _patterns() -> re.Pattern[str]:
    """What looks like a secret: a value after a telling name, a key, a password in a URL. Compiled by the first use.

    The name may be a key of JSON or of a repr, with its quotes escaped where the JSON is itself a text in JSON. Of
    an Authorization header all is hidden, other values that are not quoted end with the word ("expected" is a word of
    our own errors, behind the name of a variable). No part repeats without
    a bound before something that may fail, so that the time is linear.
    """
    return re.compile(
        rf"""
        (?P<name> (?: {_TELLING} | (?<=[?&]) key ) \\{{0,64}}["']? \s{{0,64}}
          (?: [:=] | %(?:25){{0,4}}3[ad] ) \s{{0,64}} )
        (?: b? (?P<quote> \\{{0,64}}["'] ) (?: (?!(?P=quote)) (?: \\. | . ) )*
          | (?(whole) [^"'\r\n]+ | (?!expected\b) [^\s"'&;,}}{{]+ ) )
        | (?<![A-Za-z0-9]) (?: AKID [A-Za-z0-9_-]{{13,}} | (?-i: A[KS]IA [A-Z0-9]{{16}} ) (?![A-Za-z0-9]) )
        | (?P<before> bearer\s{{1,8}} | (?-i: Basic \s{{1,8}} (?=[a-z]{{0,40}}[A-Z0-9]) ) ) [A-Za-z0-9+/._~=-]{{16,}}
        | (?P<url> :// ) (?! user:password@ ) [^\s"'<>/?\#]{{1,1024}} (?=@)
        | (?P<hook> /hook/ | hooks\.slack\.com/(?:services|workflows|triggers)/ ) [^\s"'<>?]{{8,}}
        """,
        re.VERBOSE | re.IGNORECASE,
    )


@lru_cache(1000)
def is_secret_name(name: str) -> bool:
    """Return True if the name of a field tells that its value is a secret."""
    return re.search(rf"{_TELLING}\Z", name, re.VERBOSE | re.IGNORECASE) is not None


def _hide(found: re.Match[str]) -> str:
    before = found["name"] or found["before"] or found["url"] or found["hook"] or ""
    return before + (found["quote"] or "") + MASK
