"""Parsing of Tencent Cloud API 3.0 requests: headers and JSON, or flattened into a query or form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from .errors import ApiError

MAX_BODY_BYTES = 10 * 1024 * 1024
MAX_FORM_BYTES = 1024 * 1024
MAX_QUERY_BYTES = 32 * 1024
"""Most bytes of a request: with TC3-HMAC-SHA256, of a form with the older signatures, of a GET (page 1278/46710)."""

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_DOMAIN = ".tencentcloudapi.com"
_COMMON_PARAMETERS = frozenset(
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
"""Parameters of every action, if they are not headers."""


def split_target(target: str) -> tuple[str, str]:
    """Split a request target, possibly in the absolute form for proxies, into raw path and raw query."""
    if "://" in target.partition("?")[0]:
        remainder = target.partition("://")[2]
        target = remainder[
            min((at for at in map(remainder.find, "/?") if at >= 0), default=len(remainder)) :
        ]
    path, _, query = target.partition("?")
    return path or "/", query


def parse_product(host: str) -> str:
    """Return the product of a host such as ``mps.ap-guangzhou.tencentcloudapi.com``, or ""."""
    name = host.partition(":")[0].lower()
    return name.partition(".")[0] if name.endswith(_DOMAIN) else ""


def parse_fields(method: str, content_type: str, query: str, body: bytes) -> dict[str, str]:
    """Return the fields of a query or form, as the older methods sign them.

    The client in npm's @serverless/utils-china 1.1.7 calls its forms JSON, and is accepted.

    Raises:
        ApiError: RequestSizeLimitExceeded, UnsupportedProtocol for a body that is not a form.
    """
    if method == "GET":
        return _parse_pairs(query)
    if not content_type.startswith((_FORM, _JSON)):
        raise ApiError("UnsupportedProtocol")
    if len(body) > MAX_FORM_BYTES:
        raise ApiError("RequestSizeLimitExceeded")
    return _parse_pairs(body.decode("utf-8", "surrogateescape"))


def parse_parameters(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the action's parameters among the fields, as a tree.

    Raises:
        ApiError: InvalidParameter, see `build_tree`.
    """
    return build_tree(
        {name: value for name, value in fields.items() if name not in _COMMON_PARAMETERS}
    )


def parse_tc3_parameters(method: str, content_type: str, query: str, body: bytes) -> dict[str, Any]:
    """Return the parameters of a request signed with TC3-HMAC-SHA256.

    Raises:
        ApiError: UnsupportedProtocol for another content type than JSON, InvalidParameter for a body that is
            not an object.
    """
    if method == "GET":
        return build_tree(_parse_pairs(query))
    if content_type.partition(";")[0].strip() != _JSON:
        raise ApiError("UnsupportedProtocol")
    try:
        parameters = json.loads(body)
    except (ValueError, RecursionError):
        parameters = None
    if not isinstance(parameters, dict):
        raise ApiError("InvalidParameter", "The body is not a JSON object.")
    return parameters


def build_tree(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the tree of flattened parameters: ``Filters.0.Name`` is in an object in a list.

    Raises:
        ApiError: InvalidParameter for contradictory names.
    """
    root: dict[str, Any] = {}
    for name, value in fields.items():
        *path, leaf = name.split(".")
        node = root
        for part in path:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise ApiError("InvalidParameter", f"{name} contradicts another parameter.")
        if leaf in node:
            raise ApiError("InvalidParameter", f"{name} is duplicate.")
        node[leaf] = value
    return {name: _build_lists(value) for name, value in root.items()}


def _build_lists(node: Any) -> Any:
    """Replace every object whose names are numbers by a list."""
    if not isinstance(node, dict):
        return node
    if all(name.isdecimal() for name in node):
        return [_build_lists(node[name]) for name in sorted(node, key=int)]
    return {name: _build_lists(value) for name, value in node.items()}


def _parse_pairs(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True, errors="surrogateescape"))
