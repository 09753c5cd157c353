"""Handlers of a user, for type checkers. `test_typing.py` runs mypy and pyright on this file.

They must report the lines marked ``# error``, and no others.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from scf_mps import (
    App,
    Context,
    EditMediaTask,
    Event,
    ImageSprites,
    Middleware,
    Result,
    Router,
    Subtask,
    Transcode,
    WorkflowTask,
)
from scf_mps.sdk import Sdk

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import assert_type

    from scf_mps import Call


class Database:
    """A type that the user provides."""


router = Router(bucket="media-1250000000")


@router.on(Transcode, definition=100030, path="videos/*.mp4")
def publish(transcode: Transcode, database: Database, *, log: logging.Logger) -> str:
    """Read typed fields. The decorated callback keeps its type."""
    width: int = transcode.output.width
    duration: float = transcode.output.duration
    codecs: list[str] = [stream.codec for stream in transcode.output.video_stream_set]
    keys: list[str] = [file.key for file in transcode.files]
    log.info("%s %s %s %s", width, duration, codecs, keys)
    return transcode.event.task_id


@router.on(Transcode)
def probe(transcode: Transcode, sdk: Sdk) -> None:
    """Official clients keep their types."""
    file = transcode.files[0]
    sdk.cos(file).head_object(**file.sdk)
    sdk.client(Database).missing()  # error: Database has no such method


@router.on_failure(Transcode)
@router.on(ImageSprites)
@router.on_progress("HoloTranscode")
def report(result: Subtask) -> None:
    """Receive several kinds by their base class."""
    if result.error is not None:
        retryable: bool | None = result.error.retryable
        print(retryable)


@router.on_complete(WorkflowTask)
async def complete(event: Event, context: Context) -> None:
    """Run as an async callback."""
    print(event.task_id, context.remaining())


@router.on(EditMediaTask, when=lambda edit: edit.session_context != "")
def record_edit(edit: EditMediaTask) -> None:
    """Receive an event."""
    print(edit.output.meta_data.duration)


@router.fallback
def handle_other(result: Result) -> None:
    """Receive results without another callback."""
    print(result.type)


class Timing(Middleware):
    """Middleware with a typed hook."""

    def around_callback(self, call: Call, proceed: Callable[[], object]) -> object:
        return proceed()


def open_database() -> Database:
    """Create a value for each instance."""
    return Database()


app = App(router, middleware=[Timing()])
app.provide(Database, open_database)
main_handler = app.main_handler

if TYPE_CHECKING:
    # A decorated function keeps its type, including parameter names.
    assert_type(publish(transcode=next(iter([])), database=Database(), log=logging.root), str)
    report(result=next(iter([])))

    @router.on(Transcode)  # error: another result
    def wrong_result(sprites: ImageSprites) -> None: ...

    @router.on_complete(WorkflowTask)  # error: another event
    def wrong_event(event: EditMediaTask) -> None: ...

    @router.on(Transcode)  # error: no parameter
    def no_result() -> None: ...

    @router.on("HoloTranscode")  # error: no parameter
    def no_unknown_result() -> None: ...

    @router.fallback  # error: only one kind
    def narrow(result: Transcode) -> None: ...

    router.on(Transcode, definitions=5)  # error: no such filter
    router.on(Transcode, definition="5")  # error: a definition is a number
    router.on(5)  # error: no kind of result
    app.provide("Database", open_database)  # error: no type
    router.on(Transcode)(5)  # error: no function

    def misspelled(transcode: Transcode) -> None:
        print(transcode.output.witdh)  # error: no such field
        print(transcode.outputs)  # error: no such field
