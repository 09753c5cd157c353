"""Timestamps of MPS."""

import pytest

from scf_mps.common.timestamps import parse_timestamp


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:01:00Z", 60.0),
        ("1970-01-01T08:01:00+08:00", 60.0),
        ("1970-01-01T00:01:00", 60.0),
        ("0000-00-00T00:00:00Z", None),
        ("", None),
        (None, None),
    ],
)
def test_timestamp_is_seconds_since_the_epoch(text, seconds):
    assert parse_timestamp(text) == seconds
