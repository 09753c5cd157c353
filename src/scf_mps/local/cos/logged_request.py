"""An entry of the emulator's request log."""

from __future__ import annotations

from typing import NamedTuple


class LoggedRequest(NamedTuple):
    """One finished request. `status` is 0 if the connection was reset without a response."""

    operation: str
    method: str
    bucket: str
    key: str
    status: int
    code: str
    """COS error code, empty for a success."""
    seconds: float
    """Time from the parsed head to the response, in seconds."""
    source: str = ""
    """``bucket/key`` of the object that was copied, empty for other requests."""
