"""An entry of the emulator's request log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class LoggedRequest(NamedTuple):
    """One request with its result. Unknown fields are empty. Secrets and tokens are not stored."""

    service: str
    action: str
    version: str
    region: str
    parameters: Mapping[str, Any]
    """The action's parameters as a tree, sent as JSON or flattened."""
    secret_id: str
    """The signing key. Empty if the signature was refused."""
    code: str
    """The error code, empty for a success. ``(hung up)`` or ``(503)`` for a fault without a response."""
    request_id: str
    seconds: float
    """Time from the parsed head to the response, in seconds."""

    @property
    def operation(self) -> str:
        """The action."""
        return self.action
