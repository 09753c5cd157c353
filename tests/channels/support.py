"""HTTP requests, and notifications with the signature of MPS."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

KEY = "my-notify-key"


def compute_sign(timestamp: Any, key: str = KEY) -> str:
    """Return the signature of a timestamp."""
    return hashlib.md5(f"{timestamp}{key}".encode()).hexdigest()


def compute_timestamp(seconds: float) -> int:
    """Return the timestamp that many seconds ahead."""
    return int(time.time() + seconds)


def sign(notification: Any, timestamp: Any = None, key: str = KEY) -> dict[str, Any]:
    """Return a signed notification. Its signature is valid for ten minutes, or until `timestamp`."""
    timestamp = compute_timestamp(600) if timestamp is None else timestamp
    return {**notification, "Timestamp": timestamp, "Sign": compute_sign(timestamp, key)}


def create_request(body: object, /, **more: Any) -> dict[str, Any]:
    """Return a request as a function URL passes it."""
    text = body if isinstance(body, str) else json.dumps(body)
    return {"httpMethod": "POST", "path": "/", "headers": {}, "body": text, **more}
