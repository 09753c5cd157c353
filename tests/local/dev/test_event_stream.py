"""Streams of changes: order, resumption, slow and closed clients."""

from __future__ import annotations

import itertools
import socket
import time

import pytest

from scf_mps.local.dev import activity_store, event_stream
from scf_mps.local.dev.server import Console
from scf_mps.local.mps.model import Location, MediaTask
from tests.support.wait import wait_until

from .http_client import Page, ServerEvent, Stream, open_stream

NUMBERS = itertools.count()


def add_tasks(console: Console, count: int, name: str = "a.mp4") -> set[str]:
    """Report new tasks, and return their ids."""
    ids = [f"1250000000-WorkflowTask-{next(NUMBERS)}" for _ in range(count)]
    source = Location("in-1250000000", "ap-guangzhou", name)
    for id_ in ids:
        console.stack.activity.update_task(MediaTask(id_, {}, source, time.time()), "submitted")
    return set(ids)


def read_tasks(stream: Stream, ids: set[str]) -> list[ServerEvent]:
    """Read events until each task occurred."""
    events, missing = [], set(ids)
    while missing:
        event = stream.read()
        events.append(event)
        missing.discard(event.data["task"])
    return events


def test_stream_has_rows_of_changed_tasks(shared_console: Console) -> None:
    with open_stream(shared_console) as stream:
        assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        (id_,) = ids = add_tasks(shared_console, 1)
        event = read_tasks(stream, ids)[-1]
    row = shared_console.stack.activity.find_row(id_)
    assert event == ServerEvent(event.id, "task", {"n": event.id, "task": id_, "row": row})


def test_stream_begins_now_without_a_number(shared_console: Console) -> None:
    earlier = add_tasks(shared_console, 3)
    with open_stream(shared_console) as stream:
        events = read_tasks(stream, add_tasks(shared_console, 1))
    assert earlier.isdisjoint(event.data["task"] for event in events)


@pytest.mark.parametrize("text", ["", "x", "-1", "9" * 16, "1.5"])
def test_stream_begins_now_with_an_invalid_number(shared_console: Console, text: str) -> None:
    earlier = add_tasks(shared_console, 3)
    with open_stream(shared_console, last=text) as stream:
        events = read_tasks(stream, add_tasks(shared_console, 1))
    assert earlier.isdisjoint(event.data["task"] for event in events)


@pytest.mark.parametrize("by", ["after", "last"])
def test_cut_stream_resumes_without_loss(shared_console: Console, by: str) -> None:
    before = shared_console.stack.activity.last_id
    first = add_tasks(shared_console, 20)
    with open_stream(shared_console, after=before) as stream:
        events = read_tasks(stream, first)[:7]
    # The client saw seven changes, and others happen while it is away.
    second = add_tasks(shared_console, 20)
    with open_stream(shared_console, **{by: events[-1].id}) as stream:
        events += read_tasks(stream, (first | second) - {event.data["task"] for event in events})
    assert [event.id for event in events] == sorted({event.id for event in events})
    assert {event.data["task"] for event in events} >= first | second


def test_two_clients_get_the_same_changes(shared_console: Console) -> None:
    with open_stream(shared_console) as one, open_stream(shared_console) as two:
        ids = add_tasks(shared_console, 30)
        seen = [
            {event.data["task"]: event for event in read_tasks(stream, ids)}
            for stream in (one, two)
        ]
    assert [seen[0][id_] for id_ in ids] == [seen[1][id_] for id_ in ids]


def test_stream_too_far_behind_is_reset(
    shared_console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity_store, "MAX_BEHIND", 50)
    add_tasks(shared_console, 60)
    last = shared_console.stack.activity.last_id
    with open_stream(shared_console, last=last - 60) as stream:
        event = stream.read()
        assert (event.event, event.data["row"]) == ("reset", None)
        assert event.id == event.data["n"] >= last
        read_tasks(stream, add_tasks(shared_console, 1))


def test_number_of_another_history_is_reset(shared_console: Console) -> None:
    with open_stream(shared_console, last=10**9) as stream:
        assert stream.read().event == "reset"


def test_silent_stream_has_comments(
    shared_console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "COMMENT_SECONDS", 0.02)
    with open_stream(shared_console) as stream:
        assert stream.read_block() == [": alive"]
        assert stream.read_block() == [": alive"]


def test_closed_stream_is_released(console: Console, page: Page) -> None:
    with open_stream(console), open_stream(console):
        wait_until(lambda: console.streams.count == 2)
    wait_until(lambda: console.streams.count == 0)
    assert page.request("HEAD", "/events").body == b""
    assert console.streams.count == 0


def test_slow_client_stops_no_other(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "MAX_WRITE_SECONDS", 1)
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", console.port))
    with slow, open_stream(console, after=0) as quick:
        slow.sendall(b"GET /events?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(lambda: console.streams.count == 2)
        # More than the buffers of the connection hold.
        for _ in range(20):
            read_tasks(quick, add_tasks(console, 50, "long" * 500))
        wait_until(lambda: console.streams.count == 1)
        read_tasks(quick, add_tasks(console, 1))


def test_stop_ends_streams(console: Console) -> None:
    with open_stream(console) as stream:
        wait_until(lambda: console.streams.count == 1)
        console.stack.close()
        with pytest.raises(EOFError):
            stream.read()
