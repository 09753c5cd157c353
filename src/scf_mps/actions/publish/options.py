"""What the text of a publication says: where to, of what, and what is done beside copying.

Every option is checked when the text is read, at cold start. Doing what it says is `publish.py`'s.
"""

from __future__ import annotations

import re

from ...errors import RegistrationError
from ...routing.filters import create_filters
from ..filter_options import GLOB_OPTIONS, parse_filters
from ..key_template import DATE_FIELDS, EVENT_FIELDS, Template
from ..settings import parse_cos_address, split
from .destinations import Destinations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...cos.metadata import WriteOptions
    from ...events.base import Result
    from ...routing.filters import Filters

_STORED = ("acl", "cache_control", "content_disposition", "storage_class")
"""What copies are given."""

_KNOWN = (
    *GLOB_OPTIONS,
    *_STORED,
    "cdn",
    "cdn_do",
    "manifest",
    "originals",
    "overwrite",
    "types",
)
_IDENTITIES = frozenset({"task_id", "session_id", "session_context", "source_name"})


class PublishOptions:
    """A text, read.

    Attributes:
        places: where files go.
        kinds: the classes of the results that are published.
        names_types: whether ``types=`` names them.
        filters: what else narrows them, as for `Router.on`.
        tests: the same, to ask.
        headers: what the copies are given.
        overwrite: whether they may replace other bytes.
        cdn: the address of the site in front of the bucket, without a slash at its end; or ``""``.
        cdn_do: ``purge``, ``prefetch``, ``both``, or ``""``.
        manifest: the key of manifests, if they are asked for.
        originals: ``delete``, a storage class, or ``""``.

    Raises:
        ValueError: for anything else.
    """

    def __init__(self, text: str, when: Callable[[Result], object] | None) -> None:
        address, given = split(text, _KNOWN)
        place = parse_cos_address(address)
        self.places = Destinations(place.bucket, place.region, place.prefix)
        if not (place.is_directory or self.places.template.fields):
            raise ValueError(
                f"expected a slash at the end, or a field in the key, or all files are one object: {address}"
            )
        self.kinds = _kinds(given.get("types"))
        self.names_types = "types" in given
        self.filters: Filters = parse_filters(given)
        if when is not None:
            self.filters["when"] = when
        self.tests = create_filters(self.filters)
        said: Any = {name: given[name] for name in _STORED if name in given}
        self.headers: WriteOptions = said
        self.overwrite = _one_of(given, "overwrite", "yes", "no") != "no"
        self.cdn = _site(given["cdn"]) if "cdn" in given else ""
        self.cdn_do = _one_of(given, "cdn_do", "purge", "prefetch", "both")
        if self.cdn_do and not self.cdn:
            raise ValueError("cdn_do= expects cdn=https://cdn.example.com beside it")
        self.manifest = _manifest(given["manifest"], self.places) if "manifest" in given else None
        self.originals = given.get("originals", "")
        if self.originals and not re.fullmatch("delete|[A-Z][A-Z_]+", self.originals):
            raise ValueError(
                "originals= expects delete, or a storage class as COS names it: ARCHIVE"
            )


def _manifest(text: str, places: Destinations) -> Template:
    """``manifest=`` as a whole key: below the folder of the places, unless it begins with a slash.

    A name without a field is put into a folder for each task. Raises ValueError.
    """
    if text.endswith("/"):
        raise ValueError("manifest= expects the name of a file, e.g. manifest=manifest.json")
    if not text.startswith("/"):
        text = places.folder + ("" if "{" in text else "{task_id}/") + text
    template = Template(text.lstrip("/"), EVENT_FIELDS)
    if not template.fields & _IDENTITIES:
        raise ValueError(f"expected {{task_id}} in manifest=, or all tasks have one: {text!r}")
    if template.fields & DATE_FIELDS:
        raise ValueError("manifest= expects no day: not every event tells one")
    return template


def _kinds(types: str | None) -> tuple[type[Result], ...]:
    """The classes of ``types=``; every result of MediaProcessResultSet without it. Raises ValueError."""
    if types is None:
        from ...events.generated.media import MediaSubtask

        return (MediaSubtask,)
    from ...routing.type_names import find_classes

    found: dict[type[Result], None] = {}
    for name in types.split(","):
        try:
            kinds = find_classes(name)
        except RegistrationError as error:
            raise ValueError(f"types=: {error.args[0]}") from None
        if not kinds:
            raise ValueError(f"types=: there is no type {name!r}; expected MPS's names: Transcode")
        writing = [kind for kind in kinds if kind._files]
        if not writing:
            raise ValueError(f"types=: a result of type {name} has no files of its own")
        found.update(dict.fromkeys(writing))
    return tuple(found)


def _one_of(given: dict[str, str], name: str, *allowed: str) -> str:
    value = given.get(name, "")
    if value and value not in allowed:
        raise ValueError(f"{name}= expects {' or '.join(allowed)}")
    return value


def _site(text: str) -> str:
    """The address of a site, without a slash at its end. Raises ValueError."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        plain = parts.scheme in ("http", "https") and parts.hostname and not parts.username
    except ValueError:
        plain = False
    if not plain or any(sign in text for sign in "?# "):
        raise ValueError("cdn= expects the address of a site, e.g. https://cdn.example.com")
    return text.rstrip("/")
