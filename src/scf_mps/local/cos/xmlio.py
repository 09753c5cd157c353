"""XML of COS's documents.

Writing is text with escaping. Reading uses ElementTree and ignores namespaces, which clients may send
or omit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from .errors import CosError

CONTENT_TYPE = "application/xml"

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")


def leaf(name: str, value: str | int) -> str:
    """Build `<name>value</name>`, escaped.

    Control characters become references: a carriage return survives that way, and `encoding-type=url`
    exists for the others, which are not legal XML in any form.
    """
    text = escape(str(value))
    if _CONTROL.search(text):
        text = _CONTROL.sub(lambda match: f"&#x{ord(match[0]):X};", text)
    return f"<{name}>{text}</{name}>"


def group(name: str, *children: str, attributes: str = "") -> str:
    """Build `<name>` around children that are XML already."""
    return f"<{name}{attributes}>{''.join(children)}</{name}>"


def document(root: str) -> bytes:
    """Build a whole document around its root element."""
    # Bytes of a request that are not UTF-8 arrive as surrogates and are sent escaped.
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{root}'
    return text.encode("utf-8", "backslashreplace")


def error_document(code: str, message: str, fields: Mapping[str, str]) -> bytes:
    """Build COS's `<Error>`: code, message, then fields such as Resource, RequestId and TraceId."""
    others = (leaf(name, value) for name, value in fields.items())
    return document(group("Error", leaf("Code", code), leaf("Message", message), *others))


def parse_document(body: bytes, root: str) -> ElementTree.Element:
    """Return the root element of a request body, without namespaces.

    Raises:
        CosError: MalformedXML if the body is not XML or its root is not `root`.
    """
    try:
        element = ElementTree.fromstring(body)
    except (ElementTree.ParseError, ValueError, LookupError):
        raise CosError("MalformedXML") from None
    for each in element.iter():
        each.tag = each.tag.rpartition("}")[2]
    if element.tag != root:
        raise CosError("MalformedXML", f"Expected <{root}>, got <{element.tag}>.")
    return element


def get_text(element: ElementTree.Element, path: str, default: str | None = None) -> str:
    """Return the text at `path` below `element`.

    Raises:
        CosError: MalformedXML if it is missing and there is no default.
    """
    child = element.find(path)
    if child is None:
        if default is None:
            raise CosError("MalformedXML", f"<{path}> is missing.")
        return default
    return child.text or ""
