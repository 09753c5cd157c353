"""The control API: faults, limits, keys and the request log over HTTP, as JSON.

It answers where no COS host was asked: `http://127.0.0.1:PORT/-/…`. In-process users have the same
controls as Python objects. Nothing here is part of COS. Bodies are JSON and say so (`Content-Type: application/json`).

    GET /-/faults                 rules with their hits, and limits
    POST /-/faults                add a rule: the fields of `Fault`
    DELETE /-/faults[/NUMBER]     take back all rules and limits, or one rule
    POST /-/limits                add a limit: the fields of `Limit`
    POST /-/keys                  add or replace a key: the fields of `Key`
    DELETE /-/keys/SECRET_ID      forget a key
    GET /-/requests               counts per operation and the last requests
    DELETE /-/requests            forget them
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar, get_origin, get_type_hints

from .call import Response
from .faults import Fault, Faults
from .limits import Limit
from .request_log import RequestLog
from .signature import Key, KeyRing

T = TypeVar("T")

_FOREIGN = ("cross-site", "same-site")


@dataclass(frozen=True, slots=True)
class Control:
    """What the control API steers."""

    faults: Faults
    keys: KeyRing
    requests: RequestLog

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Carry out one control request, with headers by lower-case name.

        Returns 400 for invalid fields, 404 for what does not exist, 403 and 415 for requests that a page of another
        site can make a browser send.
        """
        origin = headers.get("origin", f"http://{headers.get('host', '')}")
        if (
            origin != f"http://{headers.get('host', '')}"
            or headers.get("sec-fetch-site") in _FOREIGN
        ):
            return _json(403, {"error": "The control API refuses requests of other sites."})
        content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if method == "POST" and content_type != "application/json":
            # The types that a page can send without asking (CORS) are not JSON's.
            return _json(415, {"error": "Send Content-Type: application/json."})
        head, _, name = path.removeprefix("/-/").partition("/")
        actions: dict[tuple[str, str, bool], Callable[[], object]] = {
            ("GET", "faults", False): self.faults.describe,
            ("POST", "faults", False): lambda: self._add_fault(_parse(Fault, body)),
            ("DELETE", "faults", False): self.faults.clear,
            ("DELETE", "faults", True): lambda: self.faults.remove(int(name)),
            ("POST", "limits", False): lambda: self.faults.limit(_parse(Limit, body)),
            ("POST", "keys", False): lambda: self.keys.add(_parse(Key, body)),
            ("DELETE", "keys", True): lambda: self.keys.remove(name),
            ("GET", "requests", False): self._describe_requests,
            ("DELETE", "requests", False): self.requests.clear,
        }
        action = actions.get((method, head, bool(name)))
        if action is None or not path.startswith("/-/"):
            return _json(404, {"error": f"There is no {method} {path} in the control API."})
        try:
            return _json(200, action())
        except KeyError as error:
            return _json(404, {"error": f"There is no {error}."})
        except (TypeError, ValueError) as error:
            return _json(400, {"error": str(error)})

    def _add_fault(self, fault: Fault) -> object:
        return {"number": self.faults.add(fault)}

    def _describe_requests(self) -> object:
        recent = [request._asdict() for request in self.requests]
        return {"counts": self.requests.counts(), "recent": recent}


def _parse(kind: Callable[..., T], body: bytes) -> T:
    """Return the object of a JSON body. Raise TypeError or ValueError for invalid fields."""
    try:
        fields: object = json.loads(body)
    except RecursionError:
        raise ValueError("The JSON has too many levels.") from None
    if not isinstance(fields, dict):
        raise ValueError("Expected a JSON object.")
    hints = get_type_hints(kind)
    for name, value in fields.items():
        hint = hints.get(name, object)
        # The classes check their literals themselves.
        if get_origin(hint) is Literal or isinstance(value, hint):
            continue
        if not (isinstance(value, int) and isinstance(0.0, hint)):
            raise TypeError(f"{name} cannot be {json.dumps(value)}.")
    return kind(**fields)


def _json(status: int, value: object) -> Response:
    return Response(status, {"Content-Type": "application/json"}, json.dumps(value).encode())
