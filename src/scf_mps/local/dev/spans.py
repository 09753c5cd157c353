"""Spans of invocations, as the documents of the console."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ..otlp import ReceivedSpan

MAX_SPANS = 500
"""Spans of one attempt that are kept."""

Document = dict[str, Any]


class InvocationSpans(NamedTuple):
    """The spans of one invocation.

    Attributes:
        request_id: of SCF.
        started: seconds since the epoch.
        spans: parents before their children, in the order in which they began.
    """

    request_id: str
    started: float
    spans: list[Document]


def group_spans(spans: Iterable[ReceivedSpan]) -> list[InvocationSpans]:
    """Return the invocations in the spans of one export. Spans without their invocation are left out."""
    children: dict[str, list[ReceivedSpan]] = {}
    for span in spans:
        # The events of a batch are in the traces of their tasks, with a link to the invocation.
        linked = [id for _, id in span.links] if span.kind == "event" else []
        for parent in [span.parent_id] if span.parent_id else linked or [""]:
            children.setdefault(parent, []).append(span)
    return [
        InvocationSpans(
            str(root.attributes.get("faas.invocation_id", "")),
            root.start / 1e9,
            list(_list_below(root, root.start, children, 0))[:MAX_SPANS],
        )
        for root in children.get("", ())
        if root.kind == "invocation"
    ]


def _list_below(
    span: ReceivedSpan, began: int, children: dict[str, list[ReceivedSpan]], depth: int
) -> Iterator[Document]:
    """Yield the document of a span, and those of the spans below it."""
    yield {
        "name": span.name,
        "kind": span.kind,
        "depth": depth,
        "start": round((span.start - began) / 1e6, 2),
        "ms": round((span.end - span.start) / 1e6, 2),
        "error": span.error,
        "attributes": {
            name.removeprefix("mps."): value
            for name, value in span.attributes.items()
            if name != "mps.kind"
        },
    }
    for child in sorted(children.get(span.span_id, ()), key=lambda child: child.start):
        yield from _list_below(child, began, children, depth + 1)
