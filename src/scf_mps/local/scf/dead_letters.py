"""Messages of SCF's dead-letter queue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .event_queue import Delivery
from .invocation import Invocation
from .settings import Settings
from .statuses import RESOURCE_LIMIT_REACHED


def build_dead_letter(
    settings: Settings, delivery: Delivery, failure: Invocation | None
) -> dict[str, Any]:
    """Build a message of the dead-letter queue. ``Body.ClientContext`` is the event.

    `failure` is the last invocation, if any.
    """
    error = (failure and failure.error) or {
        "statusCode": RESOURCE_LIMIT_REACHED,
        "errorMessage": f"no instance was free within {settings.ttl} s",
    }
    return {
        "RequestId": delivery.request_id,
        "ErrorCode": error["statusCode"],
        "ErrorMessage": error["errorMessage"],
        "Body": {
            "AppId": settings.appid,
            "Uin": settings.uin,
            "RequestSource": "MPS",
            "FunctionName": settings.name,
            "Namespace": settings.namespace,
            "Qualifier": settings.version,
            "InvocationType": "Event",
            "ClientContext": delivery.text,
            "TimeStampForInvoker": round(delivery.pushed * 1000),
            "PushTime": round(delivery.pushed * 1000),
            "RetryNum": delivery.retry,
            "Ttl": settings.ttl,
        },
    }


def append_dead_letter(message: dict[str, Any], path: str | Path) -> None:
    """Append a message to a file of JSON lines, in ASCII because an event may contain half of a surrogate pair."""
    with Path(path).open("a", encoding="ascii") as file:
        file.write(json.dumps(message) + "\n")
