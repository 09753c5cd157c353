"""Server-Sent Events: the changes of the activity, live, to any number of pages.

A stream has no buffer: a slow client reads the rows of the activity later, and one that is too far behind gets
``reset`` instead of them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import hdrs, web

from .request import Request

if TYPE_CHECKING:
    from .activity import Activity

COMMENT_SECONDS = 15.0
"""Time without a change after which a comment shows that the connection lives."""

RECONNECT_MILLISECONDS = 500

MAX_WRITE_SECONDS = 60.0
"""Time that a client may take for one write before the connection is closed."""

_HEADERS = {hdrs.CONTENT_TYPE: "text/event-stream; charset=utf-8"}


class EventStreams:
    """The open streams of a server, in its event loop.

    Args:
        activity: the changes.
    """

    def __init__(self, activity: Activity) -> None:
        self._activity = activity
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """The number of open streams."""
        return len(self._tasks)

    def close(self) -> None:
        """End all streams. Pages connect again."""
        for task in self._tasks:
            task.cancel()

    async def serve(self, request: Request) -> web.StreamResponse:
        """Send changes until the client disconnects or the server stops.

        The first change is the one after the header ``Last-Event-ID`` or the parameter ``after``. Without either, the
        stream begins now.
        """
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request.raw)
        if request.raw.method == hdrs.METH_HEAD:
            return response
        after = _parse_number(request.raw.headers.get("Last-Event-ID", request.query.get("after")))
        task = asyncio.ensure_future(self._send(response, request.raw, after))
        self._tasks.add(task)
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
            self._tasks.discard(task)
        return response

    async def _send(
        self, response: web.StreamResponse, raw: web.BaseRequest, after: int | None
    ) -> None:
        try:
            with self._activity.subscribe(after) as subscription:
                await response.write(f"retry: {RECONNECT_MILLISECONDS}\n\n".encode())
                while True:
                    changes = await subscription.read(timeout=COMMENT_SECONDS)
                    text = "".join(
                        format_event(change.number, change.kind, change.data) for change in changes
                    )
                    write = response.write((text or ": alive\n\n").encode())
                    await asyncio.wait_for(write, MAX_WRITE_SECONDS)
        except (ConnectionError, TimeoutError, asyncio.TimeoutError):
            if raw.transport is not None:
                raw.transport.abort()


def format_event(number: int, kind: str, data: Mapping[str, Any]) -> str:
    """Return one event in the format of Server-Sent Events. JSON in ASCII has no line breaks."""
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"


def _parse_number(text: str | None) -> int | None:
    """Return the number of a change, or None for any other text."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 16 else None
