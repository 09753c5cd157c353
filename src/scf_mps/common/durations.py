"""Spans of time as people write them: ``90s``, ``15m``, ``6h``, ``7d``."""

from __future__ import annotations

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(text: str) -> float:
    """The seconds of a span, e.g. 21600.0 of ``6h``.

    Raises:
        ValueError: if it is none, or not longer than nothing.
    """
    word = text.strip().lower()
    number, unit = word[:-1], word[-1:]
    if unit in _UNITS and number.isascii() and number.isdecimal() and int(number) > 0:
        return int(number) * _UNITS[unit]
    raise ValueError(f"expected a span of time such as 90s, 15m, 6h or 7d, not {text!r}")
