"""Durations as people write them: ``90s``, ``15m``, ``6h``, ``7d``."""

from __future__ import annotations

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(text: str) -> float:
    """Return the seconds of a duration, e.g. 21600.0 for ``6h``.

    Raises:
        ValueError: it is not a duration, or zero.
    """
    word = text.strip().lower()
    number, unit = word[:-1], word[-1:]
    if unit in _UNITS and number.isascii() and number.isdecimal() and int(number) > 0:
        return int(number) * _UNITS[unit]
    raise ValueError(f"invalid duration {text!r}. Use e.g. 90s, 15m, 6h or 7d")
