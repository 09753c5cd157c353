"""How a request of Tencent Cloud API 3.0 is written: in headers and JSON, or flattened into a query or a form.

Everything here is a pure function from text to values; whether to believe a request is settled in `signature`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from .errors import ApiError

LARGEST_BODY = 10 * 1024 * 1024
LARGEST_FORM = 1024 * 1024
LARGEST_QUERY = 32 * 1024
"""Bytes of a request: with TC3-HMAC-SHA256, of a form with the older signatures, of a GET (page 1278/46710)."""

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_DOMAIN = ".tencentcloudapi.com"
_COMMON = frozenset(
    [
        "Action",
        "Version",
        "Region",
        "Timestamp",
        "Nonce",
        "SecretId",
        "Signature",
        "SignatureMethod",
        "Token",
        "Language",
        "RequestClient",
    ]
)
"""Parameters of every action, when they are not headers."""


def split_target(target: str) -> tuple[str, str]:
    """Raw path and raw query of a request target, which may be in the absolute form that proxies get."""
    if "://" in target.partition("?")[0]:
        rest = target.partition("://")[2]
        target = rest[min((at for at in map(rest.find, "/?") if at >= 0), default=len(rest)) :]
    path, _, query = target.partition("?")
    return path or "/", query


def product_of(host: str) -> str:
    """The product that a host is of, as in ``mps.ap-guangzhou.tencentcloudapi.com``; empty for another host."""
    name = host.partition(":")[0].lower()
    return name.partition(".")[0] if name.endswith(_DOMAIN) else ""


def fields_of(method: str, content_type: str, query: str, body: bytes) -> dict[str, str]:
    """What a query or a form says, as it is signed by the older methods.

    The client in npm's @serverless/utils-china 1.1.7 calls its forms JSON, and is served.

    Raises:
        ApiError: RequestSizeLimitExceeded, UnsupportedProtocol for a body that is no form.
    """
    if method == "GET":
        return _pairs(query)
    if not content_type.startswith((_FORM, _JSON)):
        raise ApiError("UnsupportedProtocol")
    if len(body) > LARGEST_FORM:
        raise ApiError("RequestSizeLimitExceeded")
    return _pairs(body.decode("utf-8", "surrogateescape"))


def own_parameters(fields: Mapping[str, str]) -> dict[str, Any]:
    """The action's own parameters among the fields, as a tree.

    Raises:
        ApiError: InvalidParameter, see `tree`.
    """
    return tree({name: value for name, value in fields.items() if name not in _COMMON})


def tc3_parameters(method: str, content_type: str, query: str, body: bytes) -> dict[str, Any]:
    """The parameters of a request signed with TC3-HMAC-SHA256.

    Raises:
        ApiError: UnsupportedProtocol for a body that is no JSON by its type, InvalidParameter for one that is not an
            object.
    """
    if method == "GET":
        return tree(_pairs(query))
    if content_type.partition(";")[0].strip() != _JSON:
        raise ApiError("UnsupportedProtocol")
    try:
        parameters = json.loads(body)
    except (ValueError, RecursionError):
        parameters = None
    if not isinstance(parameters, dict):
        raise ApiError("InvalidParameter", "The body is to be a JSON object.")
    return parameters


def tree(fields: Mapping[str, str]) -> dict[str, Any]:
    """Flattened parameters as the tree they are of: ``Filters.0.Name`` is in an object in a list.

    Raises:
        ApiError: InvalidParameter for names that contradict each other.
    """
    root: dict[str, Any] = {}
    for name, value in fields.items():
        *way, last = name.split(".")
        node = root
        for step in way:
            node = node.setdefault(step, {})
            if not isinstance(node, dict):
                raise ApiError("InvalidParameter", f"{name} is below a value.")
        if last in node:
            raise ApiError("InvalidParameter", f"{name} is given twice.")
        node[last] = value
    return {name: _lists(value) for name, value in root.items()}


def _lists(node: Any) -> Any:
    """The same with a list for every object whose names are numbers."""
    if not isinstance(node, dict):
        return node
    if all(name.isdecimal() for name in node):
        return [_lists(node[name]) for name in sorted(node, key=int)]
    return {name: _lists(value) for name, value in node.items()}


def _pairs(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True, errors="surrogateescape"))
