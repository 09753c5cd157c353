"""HTTP control API of the emulator: faults, limits, keys and the request log, as JSON.

It responds to requests without a COS host: `http://127.0.0.1:PORT/-/…`. In the same process use the
attributes of `CosEmulator` instead. COS has no such API. Bodies need `Content-Type: application/json`.

    GET /-/faults                 rules with their hits, and limits
    POST /-/faults                add a rule: the fields of `Fault`
    DELETE /-/faults[/NUMBER]     remove all rules and limits, or one rule
    POST /-/limits                add a limit: the fields of `Limit`
    POST /-/keys                  add or replace a key: the fields of `Key`
    DELETE /-/keys/SECRET_ID      remove a key
    GET /-/requests               counts per operation and the last requests
    DELETE /-/requests            clear the request log
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar, get_origin, get_type_hints

from ..request_log import RequestLog
from .call import Response
from .faults import Fault, Faults
from .limits import Limit
from .logged_request import LoggedRequest
from .signature import Key, KeyRing

T = TypeVar("T")

_OTHER_SITES = ("cross-site", "same-site")


@dataclass(frozen=True, slots=True)
class Control:
    """The objects that the control API changes."""

    faults: Faults
    keys: KeyRing
    requests: RequestLog[LoggedRequest]

    def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Run one control request. `headers` are by lower-case name.

        The status is 400 for invalid fields, 404 for an unknown resource, and 403 or 415 for requests that a
        page of another site can make a browser send.
        """
        origin = headers.get("origin", f"http://{headers.get('host', '')}")
        if (
            origin != f"http://{headers.get('host', '')}"
            or headers.get("sec-fetch-site") in _OTHER_SITES
        ):
            return _build_json_response(
                403, {"error": "Requests from other sites are not allowed."}
            )
        content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if method == "POST" and content_type != "application/json":
            # A page of another site can send other types without a CORS preflight.
            return _build_json_response(415, {"error": "Send Content-Type: application/json."})
        head, _, name = path.removeprefix("/-/").partition("/")
        actions: dict[tuple[str, str, bool], Callable[[], object]] = {
            ("GET", "faults", False): self.faults.describe,
            ("POST", "faults", False): lambda: self._add_fault(parse_fields(Fault, _load(body))),
            ("DELETE", "faults", False): self.faults.clear,
            ("DELETE", "faults", True): lambda: self.faults.remove(int(name)),
            ("POST", "limits", False): lambda: self.faults.limit(parse_fields(Limit, _load(body))),
            ("POST", "keys", False): lambda: self.keys.add(parse_fields(Key, _load(body))),
            ("DELETE", "keys", True): lambda: self.keys.remove(name),
            ("GET", "requests", False): self._describe_requests,
            ("DELETE", "requests", False): self.requests.clear,
        }
        action = actions.get((method, head, bool(name)))
        if action is None or not path.startswith("/-/"):
            return _build_json_response(404, {"error": f"The control API has no {method} {path}."})
        try:
            return _build_json_response(200, action())
        except KeyError as error:
            return _build_json_response(404, {"error": f"{error} does not exist."})
        except (TypeError, ValueError) as error:
            return _build_json_response(400, {"error": str(error)})

    def _add_fault(self, fault: Fault) -> object:
        return {"number": self.faults.add(fault)}

    def _describe_requests(self) -> object:
        recent = [request._asdict() for request in self.requests]
        return {"counts": self.requests.counts(), "recent": recent}


def _load(body: bytes) -> object:
    """Return the JSON of a body. Raise ValueError for other text."""
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("The JSON is nested too deeply.") from None


def parse_fields(kind: Callable[..., T], fields: object) -> T:
    """Return the object with these fields, which come from JSON. Raise TypeError or ValueError for invalid ones."""
    if not isinstance(fields, dict):
        raise ValueError("The body is not a JSON object.")
    hints = get_type_hints(kind)
    for name, value in fields.items():
        hint = hints.get(name, object)
        # The classes check their literals.
        if get_origin(hint) is Literal or isinstance(value, hint):
            continue
        if not (isinstance(value, int) and isinstance(0.0, hint)):
            raise TypeError(f"{name} cannot be {json.dumps(value)}.")
    return kind(**fields)


def _build_json_response(status: int, value: object) -> Response:
    return Response(status, {"Content-Type": "application/json"}, json.dumps(value).encode())
