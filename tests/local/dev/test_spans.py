"""Spans of one export as documents of invocations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scf_mps.local.dev.activity import Activity
from scf_mps.local.dev.spans import MAX_SPANS, group_spans
from scf_mps.local.otlp import ReceivedSpan


def make_span(id: str, parent: str = "", kind: str = "callback", **fields: Any) -> ReceivedSpan:
    values: dict[str, Any] = {
        "trace_id": "t",
        "span_id": id,
        "parent_id": parent,
        "name": f"{kind} {id}",
        "kind": kind,
        "start": 1_000_000_000,
        "end": 1_500_000_000,
        "error": "",
        "attributes": {"mps.kind": kind},
        "links": (),
        "resource": {},
        **fields,
    }
    return ReceivedSpan(**values)


def make_invocation(id: str, request_id: str) -> ReceivedSpan:
    return make_span(id, kind="invocation", attributes={"faas.invocation_id": request_id})


def test_invocations_are_separated_and_in_order() -> None:
    groups = group_spans(
        [
            make_span("d", "b", start=1_200_000_000),
            make_span("c", "b", start=1_100_000_000, attributes={"mps.key": "k", "other": 1}),
            make_span("b", "a", "event"),
            make_invocation("a", "r-1"),
            # An event of a batch is in the trace of its task, with a link to the invocation.
            make_span("y", kind="event", links=(("u", "x"), ("v", "submitter"))),
            make_invocation("x", "r-2"),
            make_span("lost", "unknown"),
            make_span("other", kind=""),
        ]
    )
    first, second = groups
    assert (first.request_id, first.started) == ("r-1", 1.0)
    assert [(span["name"], span["depth"], span["start"]) for span in first.spans] == [
        ("invocation a", 0, 0.0),
        ("event b", 1, 0.0),
        ("callback c", 2, 100.0),
        ("callback d", 2, 200.0),
    ]
    assert first.spans[2]["attributes"] == {"key": "k", "other": 1}
    assert first.spans[2]["ms"] == 400.0
    assert [span["name"] for span in second.spans] == ["invocation x", "event y"]


def test_spans_of_an_attempt_are_limited() -> None:
    spans = [make_span(str(number), "a") for number in range(MAX_SPANS + 5)]
    (group,) = group_spans([*spans, make_invocation("a", "r-1")])
    assert len(group.spans) == MAX_SPANS


def test_spans_of_another_function_are_ignored(tmp_path: Path) -> None:
    activity = Activity(tmp_path / "activity.sqlite")
    activity.add_spans([make_invocation("a", "unknown")])
    assert activity.last_id == 0
    activity.close()
