"""Streams of changes: order, resumption, slow and closed clients."""

from __future__ import annotations

import json
import socket
import time

import pytest

from scf_mps.local.dev import activity_store, event_stream
from scf_mps.local.dev.server import Console
from scf_mps.local.mps.model import Location, MediaTask
from tests.support.wait import wait_until

from .http_client import Page, ServerEvent, Stream, open_stream


def add_tasks(console: Console, numbers: range, name: str = "a.mp4") -> set[str]:
    """Report new tasks, and return their ids."""
    ids = {f"1250000000-WorkflowTask-{number}" for number in numbers}
    source = Location("in-1250000000", "ap-guangzhou", name)
    for id_ in sorted(ids):
        console.stack.activity.update_task(MediaTask(id_, {}, source, time.time()), "submitted")
    return ids


def read_tasks(stream: Stream, ids: set[str]) -> list[ServerEvent]:
    """Read events until each task occurred."""
    events, missing = [], set(ids)
    while missing:
        event = stream.read()
        events.append(event)
        missing.discard(event.data["task"])
    return events


def test_stream_has_rows_of_changed_tasks(console: Console) -> None:
    with open_stream(console) as stream:
        assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        (id_,) = add_tasks(console, range(1))
        event = stream.read()
    row = console.stack.activity.find_row(id_)
    assert event == ServerEvent(event.id, "task", {"n": event.id, "task": id_, "row": row})


def test_stream_begins_now_without_a_number(console: Console) -> None:
    add_tasks(console, range(3))
    with open_stream(console) as stream:
        ids = add_tasks(console, range(3, 4))
        assert {stream.read().data["task"]} == ids


@pytest.mark.parametrize("text", ["", "x", "-1", "9" * 16, "1.5"])
def test_stream_begins_now_with_an_invalid_number(console: Console, text: str) -> None:
    add_tasks(console, range(3))
    connection = socket.create_connection(("127.0.0.1", console.port), timeout=10)
    with connection:
        head = f"GET /events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: {text}\r\n\r\n"
        connection.sendall(head.encode())
        reader = connection.makefile("rb")
        while reader.readline() != b"retry: 500\n":
            pass
        add_tasks(console, range(3, 4))
        while not (line := reader.readline()).startswith(b"data"):
            pass
        assert json.loads(line[6:])["task"] == "1250000000-WorkflowTask-3"


@pytest.mark.parametrize("by", ["after", "last"])
def test_cut_stream_resumes_without_loss(console: Console, by: str) -> None:
    first = add_tasks(console, range(20))
    with open_stream(console, after=0) as stream:
        events = read_tasks(stream, first)[:7]
    # The client saw seven changes, and others happen while it is away.
    second = add_tasks(console, range(20, 40))
    with open_stream(console, **{by: events[-1].id}) as stream:
        events += read_tasks(stream, (first | second) - {event.data["task"] for event in events})
    assert [event.id for event in events] == sorted({event.id for event in events})
    assert {event.data["task"] for event in events} == first | second


def test_two_clients_get_the_same_changes(console: Console) -> None:
    with open_stream(console) as one, open_stream(console) as two:
        ids = add_tasks(console, range(30))
        seen = [read_tasks(stream, ids) for stream in (one, two)]
    assert [{event.data["task"] for event in events} for events in seen] == [ids, ids]


def test_stream_too_far_behind_is_reset(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity_store, "MAX_BEHIND", 50)
    add_tasks(console, range(60))
    last = console.stack.activity.last_id
    with open_stream(console, last=1) as stream:
        assert stream.read() == ServerEvent(last, "reset", {"n": last, "task": None, "row": None})
        ids = add_tasks(console, range(60, 61))
        assert {stream.read().data["task"]} == ids


def test_number_of_another_history_is_reset(console: Console) -> None:
    with open_stream(console, last=1000) as stream:
        assert stream.read().event == "reset"


def test_silent_stream_has_comments(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "COMMENT_SECONDS", 0.02)
    with open_stream(console) as stream:
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
        for first in range(0, 1000, 50):
            read_tasks(quick, add_tasks(console, range(first, first + 50), "long" * 500))
        wait_until(lambda: console.streams.count == 1)
        assert add_tasks(console, range(1000, 1001)) == {quick.read().data["task"]}


def test_stop_ends_streams(console: Console) -> None:
    with open_stream(console) as stream:
        wait_until(lambda: console.streams.count == 1)
        console.stack.close()
        with pytest.raises(EOFError):
            stream.read()
