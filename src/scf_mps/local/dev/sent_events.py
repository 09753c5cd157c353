"""Events that the page sends: samples, and edited or foreign ones with warnings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scf_mps.channels.envelope import unwrap
from scf_mps.errors import InvalidEvent
from scf_mps.events.base import Event, UnknownEvent, UnknownSubtask
from scf_mps.events.parser import parse_event

from .. import samples
from ..scf import InvocationRejected
from .request_guard import Refusal

if TYPE_CHECKING:
    from .stack import Stack

MAX_EVENTS = 1000


def send_events(stack: Stack, body: object) -> dict[str, Any]:
    """Push an event, or each event of a list, and return the request ids and warnings.

    An event that the function will not understand is sent all the same: that may be the test.

    Raises:
        Refusal: 413 if SCF refuses all events, 400 for an empty list or a long one.
    """
    events = body if isinstance(body, list) else [body]
    if not 1 <= len(events) <= MAX_EVENTS:
        raise Refusal(400, f"the list has {len(events)} events. Send 1 to {MAX_EVENTS}")
    request_ids: list[str] = []
    warnings: list[str] = []
    for number, event in enumerate(events, 1):
        where = f"event {number}: " if len(events) > 1 else ""
        warnings += [f"{where}{warning}" for warning in find_warnings(event)]
        try:
            request_ids.append(stack.push(event))
        except InvocationRejected as error:
            warnings.append(f"{where}refused by SCF with {error.status}: {error}")
    if not request_ids:
        raise Refusal(413, "; ".join(warnings))
    return {"request_ids": request_ids, "warnings": warnings}


def find_warnings(event: object) -> list[str]:
    """Return the reasons for which callbacks may not get the results of an event."""
    try:
        notifications = unwrap(event)
    except InvalidEvent as error:
        return [str(error)]
    return [warning for each in notifications for warning in _find_unknown(each)]


def _find_unknown(notification: object) -> list[str]:
    try:
        event: Event = parse_event(notification)
    except InvalidEvent as error:
        return [str(error)]
    if isinstance(event, UnknownEvent):
        return [f"unknown event type {event.type!r}: only a fallback gets it"]
    return [
        f"{subtask.place}: unknown type {subtask.type!r}"
        for subtask in event.subtasks
        if isinstance(subtask, UnknownSubtask)
    ]


def build_sample(name: str, query: Mapping[str, str]) -> dict[str, Any]:
    """Return a sample event with a new task id.

    Args:
        name: of the sample.
        query: optional ``results`` (``Transcode=SUCCESS,ImageSprites=FAIL``), ``status`` and ``session_context``.

    Raises:
        Refusal: 404 for an unknown sample, 400 for results or a status that it does not have.
    """
    if name not in samples.list_samples():
        raise Refusal(404, f"no sample {name!r}. Use one of {', '.join(samples.list_samples())}")
    pairs = []
    for text in filter(None, query.get("results", "").split(",")):
        type_, equals, status = text.partition("=")
        if not (type_ and equals and status):
            raise Refusal(400, f"invalid result {text!r}. Use TYPE=STATUS, e.g. Transcode=SUCCESS")
        pairs.append((type_, status))
    try:
        return samples.sample(
            name,
            pairs,
            status=query.get("status", "FINISH"),
            session_context=query.get("session_context", ""),
            task_id=samples.create_task_id(name),
        )
    except ValueError as error:
        raise Refusal(400, str(error)) from None
