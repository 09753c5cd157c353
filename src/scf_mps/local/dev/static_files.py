"""Files of the console's page, from a list of names that is made at the start."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from aiohttp import hdrs, web

from .request_guard import Refusal

FOLDER = Path(__file__).with_name("static")

INDEX = "index.html"

_CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


class StaticFiles:
    """The files of a folder by name. A name is looked up in the list, never in the file system.

    Args:
        folder: its files with a known suffix are served.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._paths = {
            path.name: path
            for path in sorted(folder.iterdir())
            if path.suffix in _CONTENT_TYPES and path.is_file()
        }

    def respond(self, name: str, headers: Mapping[str, str]) -> web.Response:
        """Return a file, compressed for a client that accepts gzip, or 304 if the client has it.

        Raises:
            Refusal: 404 for a name that is not in the list.
        """
        path = self._paths.get(name)
        if path is None:
            raise Refusal(404, f"no file {name[:80]!r} in the page")
        content = path.read_bytes()  # read each time, so that a change needs no restart
        caching = {hdrs.CACHE_CONTROL: "no-cache", hdrs.VARY: hdrs.ACCEPT_ENCODING}
        if "gzip" in headers.get(hdrs.ACCEPT_ENCODING, ""):
            content = _compress(content)
            caching[hdrs.CONTENT_ENCODING] = "gzip"
        caching[hdrs.ETAG] = etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        if headers.get(hdrs.IF_NONE_MATCH) == etag:
            return web.Response(status=304, headers=caching)
        content_type = _CONTENT_TYPES[path.suffix]
        return web.Response(body=content, headers={**caching, hdrs.CONTENT_TYPE: content_type})


@lru_cache(maxsize=64)
def _compress(content: bytes) -> bytes:
    """Return the content in gzip, the same bytes each time."""
    return gzip.compress(content, mtime=0)
