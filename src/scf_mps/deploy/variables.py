"""The function's environment variables: which text a value of serverless.yml becomes. What SCF takes is in `rules`."""

from __future__ import annotations


def format_variable(value: object) -> str:
    """A value as the serverless client sends it: that of JavaScript, `true` and `1` for `1.0`; empty for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
