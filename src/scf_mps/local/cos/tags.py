"""Object tags: up to ten names with values, in a header or a document (page 436/42993).

Tags of buckets are configuration documents. Only tags of objects are copied and counted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from . import xmlio
from .errors import CosError
from .names import parse_pairs

MAX_TAGS = 10
MAX_NAME = 128
MAX_VALUE = 256


def parse_headers(headers: Mapping[str, str]) -> str:
    """Return the tags of `x-cos-tagging: a=1&b=2` (percent-coded) as JSON text, "" if there are none.

    Raises:
        CosError: InvalidTag.
    """
    return _serialize_tags(parse_pairs(headers.get("x-cos-tagging", "")))


def parse_document(body: bytes) -> str:
    """Return the tags of a `<Tagging>` document as JSON text. Raises CosError MalformedXML or InvalidTag."""
    return _serialize_tags(parse_tag_set(body))


def parse_tag_set(document: bytes | None) -> list[tuple[str, str]]:
    """Return the (key, value) pairs of a `<Tagging>` document. Raises CosError MalformedXML."""
    root = xmlio.parse_document(document or b"<Tagging/>", "Tagging")
    return [
        (xmlio.get_text(tag, "Key"), xmlio.get_text(tag, "Value"))
        for tag in root.iterfind("TagSet/Tag")
    ]


def build_document(tags: str) -> bytes:
    """Build the `<Tagging>` document of an object's tags."""
    elements = (
        xmlio.group("Tag", xmlio.leaf("Key", name), xmlio.leaf("Value", value))
        for name, value in (json.loads(tags) if tags else [])
    )
    return xmlio.document(xmlio.group("Tagging", xmlio.group("TagSet", *elements)))


def count(tags: str) -> int:
    """Return the number of tags, for x-cos-tagging-count."""
    return len(json.loads(tags)) if tags else 0


def _serialize_tags(pairs: list[tuple[str, str]]) -> str:
    if len(pairs) > MAX_TAGS:
        raise CosError("InvalidTag", f"An object has at most {MAX_TAGS} tags.")
    if len({name for name, _ in pairs}) < len(pairs):
        raise CosError("InvalidTag", "Two tags have the same name.")
    for name, value in pairs:
        if not 1 <= len(name) <= MAX_NAME or len(value) > MAX_VALUE:
            raise CosError("InvalidTag", f"The tag {name!r} is too short or too long.")
    return json.dumps(pairs) if pairs else ""
