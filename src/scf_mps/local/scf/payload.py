"""Events as SCF accepts them: JSON text of a limited size."""

from __future__ import annotations

import json

from .statuses import INVALID_PARAMETER_VALUE, REQUEST_TOO_LARGE, InvocationRejected

MAX_EVENT = 6 * 1024 * 1024
"""Most bytes of a synchronous event (product page 583/11637)."""
MAX_ASYNCHRONOUS_EVENT = 128 * 1024
"""Most bytes of a pushed event. A larger one is rejected and not retried."""


def serialize_event(event: object, text: str | bytes | None, limit: int) -> str:
    """Return the JSON text of an event, or the validated `text`. Raises InvocationRejected."""
    try:
        if text is None:
            text = json.dumps(event, ensure_ascii=False)
        else:
            json.loads(text)
            text = text if isinstance(text, str) else text.decode(json.detect_encoding(text))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvocationRejected(
            INVALID_PARAMETER_VALUE, f"the event is not JSON: {error}"
        ) from None
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > limit:
        raise InvocationRejected(
            REQUEST_TOO_LARGE, f"the event has {size} bytes, more than {limit}"
        )
    return text
