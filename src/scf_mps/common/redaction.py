"""Redaction of secrets in notifications, environment variables and texts.

MPS puts permanent AWS keys of a customer into events (``S3OutputStorage.S3SecretKey``). ``Sign`` authenticates a
callback of MPS for ten minutes. Retrying a callback needs neither. The variables of a function hold its credentials,
and passwords and keys inside addresses.
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
"""Minimum length of a value that is hidden in every text. Shorter ones would hide common words."""

_SECRET_FIELDS = ("S3SecretId", "S3SecretKey", "Sign", "NotifyKey")
_CREDENTIAL_VARIABLES = (
    "TENCENTCLOUD_SECRETID",
    "TENCENTCLOUD_SECRETKEY",
    "TENCENTCLOUD_SESSIONTOKEN",
    "TENCENTCLOUD_SECRET_ID",
    "TENCENTCLOUD_SECRET_KEY",
    "TENCENTCLOUD_TOKEN",
)
"""Variables of SCF's execution role and of Tencent Cloud's tools."""

_CHAT_SCHEMES = ("wecom", "dingtalk", "feishu", "lark", "slack")
"""Schemes of addresses whose host and path are the key of a chat webhook."""

_SEPARATOR = r"[\s,]+(?=[A-Za-z][A-Za-z0-9+-]*:)"
"""Spaces and commas between addresses."""

_PATH_KEY = r"(?=.*[0-9]|.*[a-z].*[A-Z]|.*[A-Z].*[a-z]|.{20}).{8,}"
"""A part of a webhook's path that is probably its key, unlike words such as ``callbacks``."""


def redact(notification: Any) -> Any:
    """Return a copy of a notification with ``***`` for each secret. Null and empty values stay.

    Values without secrets are shared with the notification: do not change them.
    """
    if isinstance(notification, dict):
        return {
            name: MASK
            if name in _SECRET_FIELDS and isinstance(value, str) and value
            else redact(value)
            if isinstance(value, dict | list)
            else value
            for name, value in notification.items()
        }
    if isinstance(notification, list):
        return [redact(item) if isinstance(item, dict | list) else item for item in notification]
    return notification


def find_event_secrets(notification: Any) -> set[str]:
    """Return the secrets in a notification."""
    secrets: set[str] = set()
    containers = [notification]
    for container in containers:
        pairs = container.items() if isinstance(container, dict) else enumerate(container)
        for name, value in pairs:
            if isinstance(value, dict | list):
                containers.append(value)
            elif name in _SECRET_FIELDS and isinstance(value, str):
                secrets.add(value)
    return secrets


def find_variable_secrets(variables: Mapping[str, str]) -> set[str]:
    """Return the secrets in environment variables: credentials, and parts of the addresses in ``MPS_…``."""
    secrets = {variables.get(name, "") for name in _CREDENTIAL_VARIABLES}
    for name, value in variables.items():
        if name == "MPS_NOTIFY_KEY":
            secrets.update([value, *map(str.strip, value.split(","))])
        elif name == "MPS_OTLP_RESOURCE":  # attributes such as token=…,host.name=…
            pairs = [pair.partition("=") for pair in value.split(",")]
            secrets.update(
                [value, *(text.strip() for key, _, text in pairs if is_secret_name(key.strip()))]
            )
        elif name.startswith("MPS_") and ":" in value:
            for address in re.split(_SEPARATOR, value):
                secrets.update(_find_address_secrets(address))
            if name == "MPS_OTLP":  # path and query often contain a key
                secrets.update([value, *value.partition("?")[2].split("&")])
    return secrets


def _find_address_secrets(address: str) -> Iterator[str]:
    """Yield the password, the key of a chat and the secret options of an address."""
    scheme, _, location = address.partition(":")
    scheme = scheme.lower()
    if not location.startswith("//") and scheme not in (*_CHAT_SCHEMES, "mailto", "ses"):
        location = address  # it has no scheme
    location = location.removeprefix("//")
    path, _, query = location.partition("?")
    for text in (location, path):  # a password may contain a question mark
        yield text.rpartition("@")[0].partition(":")[2]
    if scheme in _CHAT_SCHEMES:
        yield path
        yield path.rpartition("/")[2]
    elif scheme in ("http", "https"):
        yield from (part for part in path.split("/")[1:] if re.fullmatch(_PATH_KEY, part))
    for option in re.split("[&;]", query):
        name, _, value = option.partition("=")
        if name == "query":  # the query of a webhook
            yield from (pair.partition("=")[2] for pair in _decode(value).split("&"))
        elif is_secret_name(name):
            yield value


def list_secret_forms(secrets: Iterable[str], known: Iterable[str] = ()) -> tuple[str, ...]:
    """Return each secret in all forms that a text may contain, the longest first.

    These are percent-encoded, decoded, and escaped as in JSON and in Python source. `known` forms are included.
    """
    forms = set(known)
    for secret in secrets:
        if len(secret) >= MIN_SECRET_CHARACTERS:
            forms.add(secret)
            if not (secret.isascii() and secret.isalnum()):
                forms.update(_list_encoded_forms(secret))
    long_forms = (form for form in forms if len(form) >= MIN_SECRET_CHARACTERS)
    return tuple(sorted(long_forms, key=len, reverse=True))


def _list_encoded_forms(secret: str) -> Iterator[str]:
    from urllib.parse import quote, quote_plus

    for text in (secret, _decode(secret)):
        encoded = text.encode("utf-8", "surrogateescape")
        yield text
        yield quote(encoded)
        yield quote(encoded, safe="")
        yield quote_plus(encoded)
        yield encode_basestring(text)[1:-1]
        yield encode_basestring_ascii(text)[1:-1]
        yield repr(text)[1:-1]


def _decode(text: str) -> str:
    from urllib.parse import unquote

    return unquote(text, errors="surrogateescape")


def hide_secrets(text: str, secrets: Sequence[str]) -> str:
    """Return a text without these secrets and without values that look like secrets, in linear time."""
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, MASK)
    return _compile_pattern().sub(_mask_match, text) if _may_match(text) else text


def _may_match(text: str) -> bool:
    lowered = text.lower()
    for hint in _HINTS:
        if hint in lowered:
            return True
    return "@" in lowered and "://" in lowered


_HINTS = (
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
"""Every text that the pattern matches contains one of these, except passwords in URLs."""

_SECRET_NAME = r"""
    (?: secret (?:[_-]?(?:id|key))? | token | (?:notify|api|access|auth|private)[_-]?key (?:[_-]?id)? | passw(?:or)?d
      | passphrase | signature
      | (?<![A-Za-z0-9_-]) sign | q-ak | (?P<whole>authorization) )
    """


@cache
def _compile_pattern() -> re.Pattern[str]:
    """Return the pattern of values that look like secrets: after a secret name, keys, passwords in URLs.

    The name may be a key of JSON or of a repr, with escaped quotes if the JSON is a text in JSON. An Authorization
    header is hidden completely. Other values without quotes end with the word. After ``MPS_NOTIFY_KEY:`` with a space
    follows an error about the variable, whose value is a known secret. Every repetition before a part that may fail
    has a bound, so matching takes linear time.
    """
    return re.compile(
        rf"""
        (?P<name> (?: {_SECRET_NAME} | (?<=[?&]) key ) \\{{0,64}}["']? \s{{0,64}}
          (?: [:=] | %(?:25){{0,4}}3[ad] ) \s{{0,64}} )
        (?: b? (?P<quote> \\{{0,64}}["'] ) (?: (?!(?P=quote)) (?: \\. | . ) )*
          | (?(whole) [^"'\r\n]+ | (?<!MPS_NOTIFY_KEY:\ ) [^\s"'&;,}}{{]+ ) )
        | (?<![A-Za-z0-9]) (?: AKID [A-Za-z0-9_-]{{13,}} | (?-i: A[KS]IA [A-Z0-9]{{16}} ) (?![A-Za-z0-9]) )
        | (?P<before> bearer\s{{1,8}} | (?-i: Basic \s{{1,8}} (?=[a-z]{{0,40}}[A-Z0-9]) ) ) [A-Za-z0-9+/._~=-]{{16,}}
        | (?P<url> :// ) (?! user:password@ ) [^\s"'<>/?\#]{{1,1024}} (?=@)
        | (?P<hook> /hook/ | hooks\.slack\.com/(?:services|workflows|triggers)/ ) [^\s"'<>?]{{8,}}
        """,
        re.VERBOSE | re.IGNORECASE,
    )


@lru_cache(1000)
def is_secret_name(name: str) -> bool:
    """Return True if a field with this name holds a secret."""
    # Compiling the pattern takes as long as importing ten modules, and few names have a hint.
    return _may_match(name) and bool(
        re.search(rf"{_SECRET_NAME}\Z", name, re.VERBOSE | re.IGNORECASE)
    )


def _mask_match(match: re.Match[str]) -> str:
    before = match["name"] or match["before"] or match["url"] or match["hook"] or ""
    return before + (match["quote"] or "") + MASK
