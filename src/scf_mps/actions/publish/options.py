"""Options of the publish action, parsed and checked at cold start."""

from __future__ import annotations

import re

from ...routing.filters import create_filters
from ..filter_options import GLOB_OPTIONS, find_type_classes, parse_filters, split_types
from ..key_template import DATE_FIELDS, EVENT_FIELDS, Template
from ..settings import parse_cos_address, split_options
from .destinations import Destinations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ...cos.metadata import WriteOptions
    from ...events.base import Result
    from ...routing.filters import Filters

_WRITE_OPTIONS = ("acl", "cache_control", "content_disposition", "storage_class")
_OPTIONS = (
    *GLOB_OPTIONS,
    *_WRITE_OPTIONS,
    "cdn",
    "cdn_do",
    "manifest",
    "originals",
    "overwrite",
    "types",
)
_IDENTITY_FIELDS = frozenset({"task_id", "session_id", "session_context", "source_name"})


class PublishOptions:
    """The parsed address of a `Publish`.

    Attributes:
        destinations: the keys of published files.
        kinds: classes of published results.
        names_types: True if ``types=`` is given.
        filters: further filters for `Router.on`.
        tests: the same filters as objects.
        headers: settings of the copies.
        overwrite: True if copies may replace other bytes.
        cdn: base URL of the site without a final slash, or ``""``.
        cdn_do: ``purge``, ``prefetch``, ``both`` or ``""``.
        manifest: key template of the manifest, or None.
        originals: ``delete``, a storage class or ``""``.

    Raises:
        ValueError: an option is invalid.
    """

    def __init__(self, text: str, when: Callable[[Result], object] | None) -> None:
        address, options = split_options(text, _OPTIONS)
        location = parse_cos_address(address)
        self.destinations = Destinations(location.bucket, location.region, location.prefix)
        if not (location.is_directory or self.destinations.template.fields):
            raise ValueError(
                f"{address} is a single object: end it with a slash, or add a field to the key"
            )
        self.kinds = _find_kinds(options)
        self.names_types = "types" in options
        self.filters: Filters = parse_filters(options)
        if when is not None:
            self.filters["when"] = when
        self.tests = create_filters(self.filters)
        headers: Any = {name: options[name] for name in _WRITE_OPTIONS if name in options}
        self.headers: WriteOptions = headers
        self.overwrite = _choose(options, "overwrite", "yes", "no") != "no"
        self.cdn = _parse_site(options["cdn"]) if "cdn" in options else ""
        self.cdn_do = _choose(options, "cdn_do", "purge", "prefetch", "both")
        if self.cdn_do and not self.cdn:
            raise ValueError("cdn_do= requires cdn=https://cdn.example.com")
        self.manifest = (
            _parse_manifest(options["manifest"], self.destinations.folder)
            if "manifest" in options
            else None
        )
        self.originals = options.get("originals", "")
        if self.originals and not re.fullmatch("delete|[A-Z][A-Z_]+", self.originals):
            raise ValueError("invalid originals=: use delete or a storage class such as ARCHIVE")


def _parse_manifest(text: str, folder: str) -> Template:
    """Return the whole key of ``manifest=``, below `folder` unless it begins with a slash.

    A name without a field goes into a folder per task. Raises ValueError if it is invalid.
    """
    if text.endswith("/"):
        raise ValueError("invalid manifest=: give a file name, e.g. manifest=manifest.json")
    if not text.startswith("/"):
        text = folder + ("" if "{" in text else "{task_id}/") + text
    template = Template(text.lstrip("/"), EVENT_FIELDS)
    if not template.fields & _IDENTITY_FIELDS:
        raise ValueError(f"missing {{task_id}} in manifest=: all tasks would share {text!r}")
    if template.fields & DATE_FIELDS:
        raise ValueError("invalid manifest=: remove the date, because not every event has one")
    return template


def _find_kinds(options: Mapping[str, str]) -> tuple[type[Result], ...]:
    """Return the classes of ``types=``, by default MediaSubtask. Raise ValueError for a type without files."""
    names = split_types(options)
    if not names:
        from ...events.generated.media import MediaSubtask

        return (MediaSubtask,)
    kinds: dict[type[Result], None] = {}
    for name in names:
        classes = find_type_classes(name)
        if not classes:
            raise ValueError(f"unknown type in types=: {name!r}. Use MPS's names, e.g. Transcode")
        with_files = [kind for kind in classes if kind._files]
        if not with_files:
            raise ValueError(f"invalid types=: results of type {name} have no files")
        kinds.update(dict.fromkeys(with_files))
    return tuple(kinds)


def _choose(options: Mapping[str, str], name: str, *allowed: str) -> str:
    value = options.get(name, "")
    if value and value not in allowed:
        raise ValueError(f"invalid {name}=: use {' or '.join(allowed)}")
    return value


def _parse_site(text: str) -> str:
    """Return the base URL of a site without a final slash. Raise ValueError if it is invalid."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.hostname and not parts.username
    except ValueError:
        valid = False
    if not valid or any(sign in text for sign in "?# "):
        raise ValueError("invalid cdn=: use the URL of a site, e.g. https://cdn.example.com")
    return text.rstrip("/")
