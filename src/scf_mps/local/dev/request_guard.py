"""Guard of the console: refuses requests of other sites and other hosts, and protects every response.

A page of another site can make the developer's browser send requests to this machine, and with a rebound name it
can read the responses too. So every request must name a local host, and a request that changes something must
come from the console's own page or from a program.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from aiohttp import hdrs, web

LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})

CUSTOM_HEADER = "X-Scf-Mps"
"""Other sites cannot send it without a CORS preflight, which is refused."""

CONTENT_TYPES = frozenset({"application/json", "application/octet-stream"})
"""Types that a form cannot send."""

SAFE_METHODS = frozenset({"GET", "HEAD"})

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::[0-9]{1,5})?")

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

_SECURITY_HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}


class Refusal(Exception):
    """An error response.

    Attributes:
        status: the HTTP status.
        headers: additional headers.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


class GuardedRequest(web.BaseRequest):
    """A request whose response has the security headers, also if the request is not valid HTTP."""

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        for name, value in _SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)


def make_request(*parts: Any) -> GuardedRequest:
    """Return the request of aiohttp's parts: the factory of a server."""
    arguments: tuple[Any, ...] = (*parts, asyncio.get_running_loop())
    return GuardedRequest(*arguments)


def check_request(request: web.BaseRequest, hosts: Collection[str]) -> None:
    """Raise Refusal for a request that another site may have sent.

    Args:
        request: with its head only.
        hosts: additional names of this machine, lower-case.

    Raises:
        Refusal: 421 for a foreign host, 403 for a request of another site or without the required headers.
    """
    host = _check_host(request, hosts)
    headers = request.headers
    origin, site = headers.get(hdrs.ORIGIN), headers.get("Sec-Fetch-Site")
    if origin is not None and origin.lower() != f"http://{host}":
        raise Refusal(403, f"the origin {origin!r} is not this page. Open http://{host}/")
    is_safe = request.method in SAFE_METHODS
    if site not in (None, "same-origin") and not (
        is_safe and (site == "none" or _is_link(headers))
    ):
        raise Refusal(403, f"a page of another site sent this request (Sec-Fetch-Site: {site})")
    if is_safe:
        return
    if CUSTOM_HEADER not in headers:
        raise Refusal(403, f"missing header {CUSTOM_HEADER}. Send '{CUSTOM_HEADER}: 1'")
    content_type = headers.get(hdrs.CONTENT_TYPE, "").partition(";")[0].strip().lower()
    if content_type not in CONTENT_TYPES:
        raise Refusal(
            403, f"invalid Content-Type {content_type!r}. Use {' or '.join(sorted(CONTENT_TYPES))}"
        )


def _check_host(request: web.BaseRequest, hosts: Collection[str]) -> str:
    """Return the Host header in lower case. Raise Refusal for another machine's."""
    values = request.headers.getall(hdrs.HOST, [])
    host = values[0].lower() if len(values) == 1 else ""
    match = _HOST.fullmatch(host)
    if match is None or (match["name"] not in LOCAL_HOSTS and match["name"] not in hosts):
        raise Refusal(
            421,
            f"the host {', '.join(values)!r} is not this machine. Use 127.0.0.1, or --allow-host",
        )
    return host


def _is_link(headers: Mapping[str, str]) -> bool:
    """Return True if the user follows a link of another site, whose scripts cannot read the response."""
    return (
        headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest") == "document"
    )


def split_target(target: str) -> tuple[list[str], str]:
    """Return the decoded segments of the path of a request target, and its raw query.

    Paths are not normalised. Browsers normalise them before sending, so a dot segment comes from another program.

    Raises:
        Refusal: 400 for a URL of a proxy, a dot segment in any encoding, NUL, or bytes that are not UTF-8.
    """
    path, _, query = target.partition("?")
    if not path.startswith("/"):
        raise Refusal(400, f"the target {target[:80]!r} is not a path: this server is no proxy")
    try:
        text = unquote_to_bytes(path.encode("utf-8", "surrogateescape")).decode()
    except UnicodeError:
        raise Refusal(400, "the path is not UTF-8") from None
    if "\0" in text:
        raise Refusal(400, "the path contains NUL")
    if not {".", ".."}.isdisjoint(text.split("/")):
        raise Refusal(400, f"the path {text[:80]!r} contains a dot segment. Send it without")
    # An encoded slash belongs to its segment.
    return [unquote_to_bytes(part).decode() for part in path[1:].split("/")], query
