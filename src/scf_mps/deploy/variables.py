"""The function's environment variables: what SCF takes, and which text a value of serverless.yml becomes."""

from __future__ import annotations

RESERVED = ("SCF_", "QCLOUD_", "TENCENTCLOUD_")
"""Beginnings of names that SCF keeps for itself (product page 583/32748)."""
LARGEST = 4096
"""Bytes of all variables (product pages 583/32748 and 583/11637)."""


def text_of(value: object) -> str:
    """A value as the serverless client sends it: that of JavaScript, `true` and `1` for `1.0`; empty for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
