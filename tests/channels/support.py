"""HTTP requests, and notifications with the signature of MPS."""

import hashlib
import json
import time

KEY = "my-notify-key"


def compute_sign(timestamp, key=KEY):
    """Return the signature of a timestamp."""
    return hashlib.md5(f"{timestamp}{key}".encode()).hexdigest()


def compute_timestamp(seconds):
    """Return the timestamp that many seconds ahead."""
    return int(time.time() + seconds)


def sign(notification, timestamp=None, key=KEY):
    """Return a signed notification. Its signature is valid for ten minutes, or until `timestamp`."""
    timestamp = compute_timestamp(600) if timestamp is None else timestamp
    return {**notification, "Timestamp": timestamp, "Sign": compute_sign(timestamp, key)}


def create_request(body, /, **more):
    """Return a request as a function URL passes it."""
    text = body if isinstance(body, str) else json.dumps(body)
    return {"httpMethod": "POST", "path": "/", "headers": {}, "body": text, **more}
