"""The event as SCF takes it: JSON text of a limited size."""

from __future__ import annotations

import json

from .statuses import INVALID_PARAMETER_VALUE, REQUEST_TOO_LARGE, InvocationRejected

MAX_EVENT = 6 * 1024 * 1024
"""Bytes of a synchronous event (product page 583/11637)."""
MAX_ASYNCHRONOUS_EVENT = 128 * 1024
"""Bytes of an event that is pushed; what is larger is refused, and not retried."""


def serialize_event(event: object, text: str | bytes | None, limit: int) -> str:
    """The JSON text of an event, or of `text` if that is given, which is checked. Raises Refused."""
    try:
        if text is None:
            text = json.dumps(event, ensure_ascii=False)
        else:
            json.loads(text)
            text = text if isinstance(text, str) else text.decode(json.detect_encoding(text))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvocationRejected(
            INVALID_PARAMETER_VALUE, f"expected an event in JSON: {error}"
        ) from None
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > limit:
        raise InvocationRejected(
            REQUEST_TOO_LARGE, f"expected an event of at most {limit} bytes, not {size}"
        )
    return text
