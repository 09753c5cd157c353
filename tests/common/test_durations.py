"""Spans of time as people write them."""

from __future__ import annotations

import pytest

from scf_mps.common.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), (" 6H ", 21600), ("7d", 604800)]
)
def test_a_span_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "h", "6", "6 h", "-6h", "0h", "1.5h", "6w", "²h", "６h", "six hours"]
)
def test_anything_else_is_told_what_one_looks_like(text: str) -> None:
    with pytest.raises(ValueError, match="expected a span of time such as 90s, 15m, 6h or 7d"):
        parse_duration(text)
