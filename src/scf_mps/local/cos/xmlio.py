"""XML in and out, as small as COS's documents are.

Writing is plain text with escaping; reading goes through ElementTree and ignores namespaces, which
clients send or omit as they like. What the elements mean is known to the operations alone.
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
    """`<name>value</name>`, escaped.

    Control characters become references: a carriage return survives that way, and the others are
    no legal XML in any form, which is what `encoding-type=url` exists for.
    """
    text = escape(str(value))
    if _CONTROL.search(text):
        text = _CONTROL.sub(lambda match: f"&#x{ord(match[0]):X};", text)
    return f"<{name}>{text}</{name}>"


def group(name: str, *children: str, attributes: str = "") -> str:
    """`<name>` around children that are XML already."""
    return f"<{name}{attributes}>{''.join(children)}</{name}>"


def document(root: str) -> bytes:
    """A whole document around its root element."""
    # Bytes of a request that are not UTF-8 arrive as surrogates, and return escaped.
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{root}'
    return text.encode("utf-8", "backslashreplace")


def error_document(code: str, message: str, fields: Mapping[str, str]) -> bytes:
    """COS's `<Error>`: code, message, then fields such as Resource, RequestId, TraceId."""
    others = (leaf(name, value) for name, value in fields.items())
    return document(group("Error", leaf("Code", code), leaf("Message", message), *others))


def parse(body: bytes, root: str) -> ElementTree.Element:
    """The root element of a request body, namespaces removed from every tag.

    Raises CosError MalformedXML when the body is no XML or its root is not `root`.
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


def text_of(element: ElementTree.Element, path: str, default: str | None = None) -> str:
    """The text at `path` below `element`; CosError MalformedXML if absent without default."""
    found = element.find(path)
    if found is None:
        if default is None:
            raise CosError("MalformedXML", f"<{path}> is missing.")
        return default
    return found.text or ""
