"""Times as MPS writes them: ISO 8601 in UTC, and ``0000-00-00T00:00:00Z`` for what has not happened."""

from __future__ import annotations


def parse_timestamp(text: object) -> float | None:
    """Seconds since the epoch; None for what is no time."""
    from datetime import datetime, timezone

    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()
