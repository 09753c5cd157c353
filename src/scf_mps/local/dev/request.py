"""A request of the console's API: path and query parameters, and a JSON body of limited size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import hdrs, web

from .request_guard import Refusal

MAX_JSON_BYTES = 1024 * 1024

_MAX_QUERY_FIELDS = 20


@dataclass(frozen=True, slots=True)
class Request:
    """A request that the guard accepted.

    Attributes:
        raw: the request of aiohttp.
        parameters: decoded parts of the path by the names in the route.
        query: decoded query parameters by name. The last of equal names wins.
    """

    raw: web.BaseRequest
    parameters: Mapping[str, str]
    query: Mapping[str, str]

    async def read_json(self) -> Any:
        """Return the JSON body.

        Raises:
            Refusal: 413 for more than 1 MiB, 415 for another content type, 400 for other text.
        """
        if not self.raw.headers[hdrs.CONTENT_TYPE].lower().startswith("application/json"):
            raise Refusal(415, "the body is not JSON. Send Content-Type: application/json")
        body = bytearray()
        announced = self.raw.content_length or 0
        while max(announced, len(body)) <= MAX_JSON_BYTES:
            chunk = await self.raw.content.readany()
            if not chunk:
                break
            body += chunk
        else:
            raise Refusal(413, f"the body has more than {MAX_JSON_BYTES} bytes")
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Refusal(400, f"the body is not JSON: {error}") from None

    async def read_fields(self, *names: str) -> dict[str, Any]:
        """Return the JSON object in the body, ``{}`` for an empty body.

        Args:
            names: of the known fields. Without names any field is accepted.

        Raises:
            Refusal: as `read_json`, and 400 for an unknown field.
        """
        if not self.raw.body_exists:
            return {}
        fields = await self.read_json()
        if not isinstance(fields, dict):
            raise Refusal(400, "the body is not a JSON object")
        unknown = [name for name in fields if names and name not in names]
        if unknown:
            raise Refusal(400, f"unknown fields {', '.join(unknown)}. Use {', '.join(names)}")
        return fields


def parse_query(text: str) -> dict[str, str]:
    """Return the parameters of a raw query. Raises Refusal 400 for more than 20."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS)
    except ValueError:
        raise Refusal(400, f"the query has more than {_MAX_QUERY_FIELDS} fields") from None
    return dict(pairs)
