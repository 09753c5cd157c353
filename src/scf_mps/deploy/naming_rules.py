"""What SCF takes for names and variables. The deployment and the emulators read it here; each says in its own words what is wrong.

By the models of SCF's SDK (2018-04-16) and product pages 583/11637 and 583/32748.
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
"""Beginnings of variables' names that SCF keeps for itself."""
MAX_ENVIRONMENT_BYTES = 4096
"""Bytes of all variables, as `format_size` counts them."""


def measure_variables(variables: Iterable[tuple[str, str]]) -> int:
    """Bytes of the names and values of variables."""
    return sum(len(f"{name}{value}".encode()) for name, value in variables)
