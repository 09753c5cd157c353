"""Requests that other sites, other hosts and careless programs send, with the response that each gets."""

from __future__ import annotations

from typing import NamedTuple

from scf_mps.local.dev import default_workflow

JSON = "Content-Type: application/json"
CUSTOM = "X-Scf-Mps: 1"
BUCKET = default_workflow.BUCKET
OBJECTS = f"/cos/{BUCKET}/ap-guangzhou"


REFUSED_HOST = (400, 421)
"""Newer versions of aiohttp refuse the request before the guard."""


class Forged(NamedTuple):
    """A request and its response.

    `lines` are header lines. ``{host}`` in them and in the target is the console's host and port. Without a line
    ``Host: …`` the request has the console's, with ``Host:`` alone it has none.
    """

    name: str
    method: str
    target: str
    lines: tuple[str, ...]
    body: bytes
    status: int | tuple[int, ...]


def _get(
    name: str, status: int | tuple[int, ...], target: str = "/api/state", *lines: str
) -> Forged:
    return Forged(name, "GET", target, lines, b"", status)


def _post(
    name: str,
    status: int,
    *lines: str,
    body: bytes = b'{"paused": true}',
    target: str = "/api/queue",
    method: str = "POST",
) -> Forged:
    return Forged(name, method, target, lines, body, status)


# fmt: off
FORGED = (
    # Hosts
    _get("host of another site", 421, "/api/state", "Host: evil.example"),
    _get("rebound name on our port", 421, "/api/state", "Host: evil.example:8790"),
    _get("name that begins like ours", 421, "/api/state", "Host: localhost.evil.example"),
    _get("name that begins with our address", 421, "/api/state", "Host: 127.0.0.1.evil.example"),
    _get("user before the address", 421, "/api/state", "Host: 127.0.0.1@evil.example"),
    _get("address after a user", 421, "/api/state", "Host: evil.example@127.0.0.1"),
    _get("another loopback address", 421, "/api/state", "Host: 127.0.0.2"),
    _get("address of all interfaces", 421, "/api/state", "Host: 0.0.0.0"),
    _get("address as one number", 421, "/api/state", "Host: 2130706433"),
    _get("trailing dot", 421, "/api/state", "Host: localhost."),
    _get("letters as the port", 421, "/api/state", "Host: localhost:http"),
    _get("empty host", 421, "/api/state", "Host: "),
    _get("no host", REFUSED_HOST, "/api/state", "Host:"),
    _get("mapped IPv6 address", 421, "/api/state", "Host: [::ffff:127.0.0.1]"),
    _get("object on a rebound name", 421, f"{OBJECTS}/clip.mp4", "Host: evil.example"),
    _get("stream of changes on a rebound name", 421, "/events", "Host: evil.example"),
    _get("localhost", 200, "/api/state", "Host: localhost:8790"),
    _get("localhost in capitals, any port", 200, "/api/state", "Host: LOCALHOST:1"),
    _get("IPv6 loopback", 200, "/api/state", "Host: [::1]:8790"),
    _get("name of --allow-host", 200, "/api/state", "Host: dev.example:8790"),
    _get("other name next to --allow-host", 421, "/api/state", "Host: a.dev.example"),
    # Reading by other sites
    _get("read by a script of another site", 403, "/api/state", "Origin: http://evil.example"),
    _get("read from another port", 403, "/api/state", "Origin: http://127.0.0.1:3000"),
    _get("read from a file or a sandbox", 403, "/api/state", "Origin: null"),
    _get("picture in a page of another site", 403, f"{OBJECTS}/clip.mp4",
         "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"),
    _get("script from a page of another port", 403, "/api/state",
         "Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: script"),
    _get("frame in another site", 403, "/",
         "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"),
    _get("link of another site", 200, "/",
         "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"),
    _get("entered address", 200, "/", "Sec-Fetch-Site: none"),
    # Changes by other sites
    _post("form of another site", 403, "Origin: http://evil.example", "Sec-Fetch-Site: cross-site",
          "Content-Type: application/x-www-form-urlencoded", body=b"paused=true"),
    _post("form with a file", 403, "Content-Type: multipart/form-data; boundary=x"),
    _post("text/plain", 403, CUSTOM, "Content-Type: text/plain"),
    _post("no content type", 403, CUSTOM),
    _post("content type that begins like JSON", 403, CUSTOM, "Content-Type: application/jsonx"),
    _post("no custom header", 403, JSON, "Origin: http://{host}"),
    _post("foreign origin with all headers", 403, JSON, CUSTOM, "Origin: http://evil.example"),
    _post("origin null", 403, JSON, CUSTOM, "Origin: null"),
    _post("origin of another port", 403, JSON, CUSTOM, "Origin: http://127.0.0.1:1"),
    _post("origin with https", 403, JSON, CUSTOM, "Origin: https://{host}"),
    _post("origin that begins like ours", 403, JSON, CUSTOM, "Origin: http://{host}.evil.example"),
    _post("cross-site without an origin", 403, JSON, CUSTOM, "Sec-Fetch-Site: cross-site"),
    _post("same-site without an origin", 403, JSON, CUSTOM, "Sec-Fetch-Site: same-site"),
    _post("site none", 403, JSON, CUSTOM, "Sec-Fetch-Site: none"),
    _post("rebound name with all headers", 421, JSON, CUSTOM, "Host: evil.example",
          "Origin: http://evil.example", "Sec-Fetch-Site: same-origin"),
    Forged("CORS preflight", "OPTIONS", "/api/queue",
           ("Origin: http://evil.example", "Access-Control-Request-Method: POST",
            "Access-Control-Request-Headers: x-scf-mps"), b"", 403),
    _post("faults by a form", 403, "Content-Type: text/plain", target="/api/faults", method="PUT"),
    _post("upload by another site", 403, "Origin: http://evil.example", "Content-Type: video/mp4",
          target="/api/videos?name=a.mp4", body=b"video"),
    _post("own page", 200, JSON, CUSTOM, "Origin: http://{host}", "Sec-Fetch-Site: same-origin",
          body=b'{"paused": false}'),
    _post("program without an origin", 200, JSON, CUSTOM, body=b'{"paused": false}'),
    # Paths
    _get("dot segments", 400, "/static/../stack.py"),
    _get("encoded dot segments", 400, "/static/%2e%2e/stack.py"),
    _get("half encoded dot segments", 400, "/static/.%2E/stack.py"),
    _get("encoded slash", 400, "/static/..%2fstack.py"),
    _get("dot segments in a key", 400, f"{OBJECTS}/a/../../../etc/passwd"),
    _get("encoded dot segments in a key", 400, f"{OBJECTS}/%2e%2e/%2e%2e/etc/passwd"),
    _get("encoded slashes in a key", 400, f"{OBJECTS}/a%2f..%2f..%2fetc%2fpasswd"),
    _get("doubly encoded dots are a name", 404, f"{OBJECTS}/%252e%252e/passwd"),
    _get("backslashes are a name", 404, "/static/..%5cstack.py"),
    _get("absolute path of a file", 404, "/static//etc/passwd"),
    _get("source of the console", 404, "/static/request_guard.py"),
    _get("hidden file", 404, "/static/.env"),
    _get("two slashes", 404, "//evil.example/"),
    _get("two slashes before a route", 404, "//api/state"),
    _get("NUL", 400, "/static/index.html%00.js"),
    _get("NUL in a key", 400, f"{OBJECTS}/clip.mp4%00"),
    _get("bytes that are not UTF-8", 400, f"{OBJECTS}/%ff%fe"),
    _get("bucket that is a path", 404, "/cos/..%2e/ap-guangzhou/clip.mp4"),
    _get("line break in a name", 404, "/api/tasks/a%0d%0aSet-Cookie:%20a=b"),
    _get("absolute URI of ours", 400, "http://{host}/api/state"),
    _get("absolute URI of another host", 400, "http://evil.example/"),
    Forged("CONNECT", "CONNECT", "evil.example:443", ("Host: evil.example:443",), b"", 421),
    Forged("CONNECT to this machine", "CONNECT", "127.0.0.1:22", ("Host: 127.0.0.1:22",), b"", 403),
    Forged("asterisk form", "OPTIONS", "*", (), b"", 403),
    Forged("TRACE", "TRACE", "/api/state", (), b"", 403),
    Forged("unknown method", "BREW", "/api/queue", (JSON, CUSTOM), b"{}", 400),
    Forged("method that no route has", "PATCH", "/api/queue", (JSON, CUSTOM), b"{}", 405),
    Forged("DELETE of an object", "DELETE", f"{OBJECTS}/clip.mp4", (JSON, CUSTOM), b"", 405),
    Forged("POST to the page", "POST", "/", (JSON, CUSTOM), b"{}", 405),
    # Bodies
    _post("JSON over 1 MiB", 413, JSON, CUSTOM, body=b'"' + b"x" * (1024 * 1024) + b'"'),
    _post("JSON over 1 MiB by its length", 413, JSON, CUSTOM, "Content-Length: 1048577", body=b""),
    _post("octet-stream where JSON belongs", 415, "Content-Type: application/octet-stream", CUSTOM),
    _post("deeply nested JSON", 400, JSON, CUSTOM, body=b"[" * 200_000),
    _post("no JSON", 400, JSON, CUSTOM, body=b"paused"),
    _post("JSON of another type", 400, JSON, CUSTOM, body=b"[1]"),
    _post("empty video", 400, "Content-Type: application/octet-stream", CUSTOM,
          target="/api/videos?name=a.mp4", body=b""),
    _post("video over 2 GiB", 413, "Content-Type: application/octet-stream", CUSTOM,
          "Content-Length: 2147483649", target="/api/videos?name=a.mp4", body=b""),
    # HTTP
    _get("two hosts", REFUSED_HOST, "/api/state", "Host: 127.0.0.1", "Host: evil.example"),
    _get("folded header", 400, "/api/state", "X-A: b", " folded: c"),
    _post("length and chunks", 400, JSON, CUSTOM, "Content-Length: 2", "Transfer-Encoding: chunked", body=b"{}"),
    _get("21 query fields", 400, "/api/tasks?" + "&".join(f"a{n}=1" for n in range(21))),
)
# fmt: on


def build_request(forged: Forged, host: str) -> bytes:
    """Return the bytes of a request, which asks the server to close the connection."""
    lines = [line.replace("{host}", host) for line in forged.lines if line != "Host:"]
    if not any(line.startswith("Host:") for line in forged.lines):
        lines.insert(0, f"Host: {host}")
    if not any(line.startswith("Content-Length:") for line in lines) and forged.body:
        lines.append(f"Content-Length: {len(forged.body)}")
    target = forged.target.replace("{host}", host)
    head = [f"{forged.method} {target} HTTP/1.1", *lines, "Connection: close", "", ""]
    return "\r\n".join(head).encode() + forged.body
