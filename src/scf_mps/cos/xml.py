"""XML documents of COS: parsing responses and building requests (pages 436/7734, 8289, 42997, 7744, 7742).

The few fields of the response to a copy are found without a parser, because copies are made by the thousand.
"""

from __future__ import annotations

import re

from .errors import Corrupt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from xml.etree.ElementTree import Element

_FIELDS = re.compile(rb"<(ETag|CRC64|Code|Message|RequestId|VersionId|UploadId)>([^<]*)</")
_ERROR = re.compile(rb"\s*(?:<\?[^>]*\?>)?\s*<Error[\s>]")
_INVALID_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ENTITIES = {"&quot;": '"', "&lt;": "<", "&gt;": ">", "&#34;": '"', "&amp;": "&"}


def is_error(body: bytes) -> bool:
    """Return True for an ``<Error>``. COS sends one with status 200 when a long copy fails at its end."""
    return _ERROR.match(body) is not None


def parse_fields(body: bytes) -> dict[str, str]:
    """Return the flat fields of a response to a copy, a completion, an initiation or an error; ETags without quotes."""
    fields = {
        name.decode(): _unescape(value.decode("utf-8", "replace"))
        for name, value in _FIELDS.findall(body)
    }
    if "ETag" in fields:
        fields["ETag"] = fields["ETag"].strip('"')
    return fields


def _unescape(value: str) -> str:
    if "&" in value:
        for entity, character in _ENTITIES.items():
            value = value.replace(entity, character)
    return value


def parse_document(body: bytes, name: str) -> Element:
    """Return the root of a document, with names without namespaces.

    Raises:
        Corrupt: the body is not XML, or the root has another name.
    """
    from xml.etree import ElementTree

    try:
        root = ElementTree.fromstring(body)
    # LookupError: an unknown encoding
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise Corrupt(f"COS sent invalid XML: {error}", code="MalformedXML") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if root.tag != name:
        raise Corrupt(f"COS sent a {root.tag[:40]!r} instead of a {name}", code="InvalidAnswer")
    return root


def find_text(element: Element, path: str) -> str:
    """Return the text at a path, ``""`` if it is missing."""
    return element.findtext(path) or ""


def is_valid_text(value: str) -> bool:
    """Return True if XML 1.0 can hold the value. It cannot hold most control characters, not even escaped."""
    return _INVALID_CHARACTER.search(value) is None


def escape(value: str) -> str:
    """Return the value as XML text. A carriage return is written by number, else it would become a line feed."""
    return (
        value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    )


def build_delete(keys: Iterable[str]) -> bytes:
    """Return the document of a batch delete whose response lists only failures."""
    objects = "".join([f"<Object><Key>{escape(key)}</Key></Object>" for key in keys])
    return f"<Delete><Quiet>true</Quiet>{objects}</Delete>".encode()


def build_complete(etags: Iterable[str]) -> bytes:
    """Return the document that completes a multipart upload from the ETags of its parts in order."""
    parts = "".join(
        f'<Part><PartNumber>{number}</PartNumber><ETag>"{escape(etag)}"</ETag></Part>'
        for number, etag in enumerate(etags, 1)
    )
    return f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()


def build_tagging(tags: Mapping[str, str]) -> bytes:
    """Return the document of an object's tags."""
    items = "".join(
        f"<Tag><Key>{escape(key)}</Key><Value>{escape(value)}</Value></Tag>"
        for key, value in tags.items()
    )
    return f"<Tagging><TagSet>{items}</TagSet></Tagging>".encode()


def parse_tags(body: bytes) -> dict[str, str]:
    """Return the tags in a Tagging document."""
    return {
        find_text(tag, "Key"): find_text(tag, "Value")
        for tag in parse_document(body, "Tagging").iterfind("TagSet/Tag")
    }


def build_restore(days: int, tier: str) -> bytes:
    """Return the document of a restore."""
    job = f"<CASJobParameters><Tier>{escape(tier)}</Tier></CASJobParameters>"
    return f"<RestoreRequest><Days>{days}</Days>{job}</RestoreRequest>".encode()


def parse_grants(body: bytes) -> dict[str, str]:
    """Return the ``x-cos-grant-*`` headers for the grants of an AccessControlPolicy, except the owner's."""
    root = parse_document(body, "AccessControlPolicy")
    owner = find_text(root, "Owner/ID")
    grantees: dict[str, list[str]] = {}
    for grant in root.iterfind("AccessControlList/Grant"):
        identity, group = find_text(grant, "Grantee/ID"), find_text(grant, "Grantee/URI")
        header = f"x-cos-grant-{find_text(grant, 'Permission').lower().replace('_', '-')}"
        if group:
            grantees.setdefault(header, []).append(f'uri="{group}"')
        elif identity != owner:
            grantees.setdefault(header, []).append(f'id="{identity}"')
    return {header: ",".join(values) for header, values in grantees.items()}
