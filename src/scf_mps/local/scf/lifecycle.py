"""Lifecycle events of a function, for output and for tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .instance import Instance
from .invocation import Invocation


@dataclass(frozen=True, slots=True)
class LifecycleEvent:
    """A lifecycle event.

    Attributes:
        kind: ``pushed`` into the queue, ``started`` in an instance, ``record`` written, ``ended``, ``retrying``,
            ``dead`` (moved to the dead-letter queue) or ``dropped``.
        request_id: of the function's event.
        retry: the number of the retry, 0 for the first delivery.
        instance: for ``started`` and ``record``.
        record: the written text.
        invocation: the result, for ``ended``.
        event: the function's event as JSON text, for ``pushed`` and ``started``.
    """

    kind: Literal["pushed", "started", "record", "ended", "retrying", "dead", "dropped"]
    request_id: str
    retry: int = 0
    instance: Instance | None = None
    record: str = ""
    invocation: Invocation | None = None
    event: str = ""
