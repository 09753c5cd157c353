"""COS's XML: reading answers and writing requests (documentation pages 436/7734, 8289, 42997, 7744, 7742).

Copies are answered by the thousand, so their few fields are found without a parser; everything else goes through
ElementTree, loaded on first use.
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
_NO_XML = "[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]"


def is_error(body: bytes) -> bool:
    """Whether a document is an ``<Error>``; COS sends one with status 200 when a long copy fails at its end."""
    return _ERROR.match(body) is not None


def fields(body: bytes) -> dict[str, str]:
    """The flat fields of an answer to a copy, a completion, an initiation or an error; ETags without quotes."""
    found = {
        name.decode(): _unescape(value.decode("utf-8", "replace"))
        for name, value in _FIELDS.findall(body)
    }
    if "ETag" in found:
        found["ETag"] = found["ETag"].strip('"')
    return found


def _unescape(text: str) -> str:
    if "&" in text:
        for name, character in (
            ("quot", '"'),
            ("lt", "<"),
            ("gt", ">"),
            ("#34", '"'),
            ("amp", "&"),
        ):
            text = text.replace(f"&{name};", character)
    return text


def parse(body: bytes, name: str) -> Element:
    """Return the root of a document, its names without namespaces.

    Raises:
        Corrupt: it is no XML, or the root has another name.
    """
    from xml.etree import ElementTree

    try:
        root = ElementTree.fromstring(body)
    except (
        ElementTree.ParseError,
        LookupError,
        ValueError,
    ) as error:  # also of an unknown encoding
        raise Corrupt(f"COS sent a document that is no XML: {error}", code="MalformedXML") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if root.tag != name:
        raise Corrupt(f"COS sent a {root.tag[:40]!r} in place of a {name}", code="InvalidAnswer")
    return root


def text(element: Element, path: str) -> str:
    """The text at a path, ``""`` if it is not there."""
    return element.findtext(path) or ""


def is_valid_text(key: str) -> bool:
    """Whether XML 1.0 can hold the key: most control characters it cannot, not even escaped."""
    return re.search(_NO_XML, key) is None


def escape(value: str) -> str:
    """The value as XML text. A carriage return would be read as a line feed, were it not written by number."""
    return (
        value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    )


def build_delete(keys: Iterable[str]) -> bytes:
    """The document of a batch delete that is answered with the failures alone."""
    objects = "".join([f"<Object><Key>{escape(key)}</Key></Object>" for key in keys])
    return f"<Delete><Quiet>true</Quiet>{objects}</Delete>".encode()


def build_complete(etags: Iterable[str]) -> bytes:
    """The document that completes a multipart upload, from the ETags of its parts in order."""
    parts = "".join(
        f'<Part><PartNumber>{number}</PartNumber><ETag>"{escape(etag)}"</ETag></Part>'
        for number, etag in enumerate(etags, 1)
    )
    return f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()


def build_tagging(tags: Mapping[str, str]) -> bytes:
    """The document of an object's tags."""
    items = "".join(
        f"<Tag><Key>{escape(key)}</Key><Value>{escape(value)}</Value></Tag>"
        for key, value in tags.items()
    )
    return f"<Tagging><TagSet>{items}</TagSet></Tagging>".encode()


def parse_tags(body: bytes) -> dict[str, str]:
    """The tags in a Tagging document."""
    return {
        text(tag, "Key"): text(tag, "Value")
        for tag in parse(body, "Tagging").iterfind("TagSet/Tag")
    }


def build_restore(days: int, tier: str) -> bytes:
    """The document of a restore."""
    job = f"<CASJobParameters><Tier>{escape(tier)}</Tier></CASJobParameters>"
    return f"<RestoreRequest><Days>{days}</Days>{job}</RestoreRequest>".encode()


def parse_grants(body: bytes) -> dict[str, str]:
    """The ``x-cos-grant-*`` headers that give what an AccessControlPolicy document gives beside the owner."""
    root = parse(body, "AccessControlPolicy")
    owner = text(root, "Owner/ID")
    found: dict[str, list[str]] = {}
    for grant in root.iterfind("AccessControlList/Grant"):
        identity, group = text(grant, "Grantee/ID"), text(grant, "Grantee/URI")
        name = f"x-cos-grant-{text(grant, 'Permission').lower().replace('_', '-')}"
        if group:
            found.setdefault(name, []).append(f'uri="{group}"')
        elif identity != owner:
            found.setdefault(name, []).append(f'id="{identity}"')
    return {name: ",".join(grantees) for name, grantees in found.items()}
