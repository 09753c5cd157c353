"""Requests to COS and their responses, as values."""

from __future__ import annotations

from typing import NamedTuple

from ..events.files import CosObject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .http1 import Body


class Target(NamedTuple):
    """The subject of a request: an object, or a bucket if ``key`` is empty."""

    bucket: str
    region: str
    key: str = ""


class Request(NamedTuple):
    """A request to COS.

    Attributes:
        target: the object or bucket.
        method: the HTTP method.
        params: query parameters, decoded.
        headers: by lower-case name. All of them are signed.
        body: the content, or pieces of it.
        kind: the rate of the bucket that it counts against: ``read``, ``write``, ``part`` (a write without a key rate)
            or ``batch`` (`operation_count` deletes).
        operation_count: operations that it counts for.
        is_repeatable: False if it must not be sent again while it may have taken effect.
        expects_document: True if a 200 may have an ``<Error>`` in its body.
        is_slow: True if COS may work for minutes before it responds, as on a copy.
    """

    target: CosObject | Target
    method: str = "GET"
    params: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    body: bytes | Body = b""
    kind: str = "read"
    operation_count: int = 1
    is_repeatable: bool = True
    expects_document: bool = False
    is_slow: bool = False

    @property
    def item(self) -> CosObject | None:
        """The object, or None for a request to a bucket."""
        return None if isinstance(self.target, Target) else self.target


class Response(NamedTuple):
    """A successful response with its body, and its headers by lower-case name."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def request_id(self) -> str:
        """``x-cos-request-id``, or ``""``."""
        return self.headers.get("x-cos-request-id", "")
