"""Timestamps of MPS: ISO 8601 in UTC, and ``0000-00-00T00:00:00Z`` for anything that has not happened."""

from __future__ import annotations


def parse_timestamp(text: object) -> float | None:
    """Return the seconds since the epoch, None for a text that is not a time."""
    from datetime import datetime, timezone

    try:
        time = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=timezone.utc)).timestamp()
