"""Durations as people write them."""

import pytest

from scf_mps.common.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), (" 6H ", 21600), ("7d", 604800)]
)
def test_duration_is_a_number_and_a_unit(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "h", "6", "6 h", "-6h", "0h", "1.5h", "6w", "²h", "６h", "six hours"]
)
def test_other_text_is_no_duration(text):
    with pytest.raises(ValueError, match="6h"):
        parse_duration(text)
