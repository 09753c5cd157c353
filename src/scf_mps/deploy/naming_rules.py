"""Rules of SCF for names and environment variables, for the deployment and the emulators.

Sources: the models of SCF's SDK (2018-04-16) and product pages 583/11637 and 583/32748.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_PART = "[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z]"
HANDLER_PATTERN = re.compile(rf"{_PART}\.{_PART}")
"""``file.function``, the file in the root of the code."""
FUNCTION_PATTERN = re.compile("[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z0-9]")
ALIAS_PATTERN = re.compile("[A-Za-z][A-Za-z0-9_-]{0,63}")
TIMER_PATTERN = re.compile("[A-Za-z0-9_-]{1,100}")
VARIABLE_PATTERN = re.compile("[A-Za-z][A-Za-z0-9_]*")
RESERVED_PREFIXES = ("SCF_", "QCLOUD_", "TENCENTCLOUD_")
"""Prefixes of environment variables that are reserved for SCF."""
MAX_ENVIRONMENT_BYTES = 4096
"""Maximum size of all environment variables, as `measure_variables` counts it."""


def measure_variables(variables: Iterable[tuple[str, str]]) -> int:
    """Return the bytes of the names and values of environment variables."""
    return sum(len(f"{name}{value}".encode()) for name, value in variables)


def format_variable(value: object) -> str:
    """Return a value of serverless.yml as the serverless client sends it.

    The client formats values as JavaScript does: `true`, and `1` for `1.0`. None becomes an empty string.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
