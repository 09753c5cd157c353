"""Costs of handling one event on a warm instance, without the work of the callbacks themselves.

Measured: the documentation's event, already a dict as SCF passes it, through `main_handler` (parse, plan, inject, run each
callback, summarize) to four callbacks that do nothing. With 10, 100 and 1,000 routes, and with middleware, arguments and
filters. In turns with it, `json.loads` of the same event is the unit that makes machines comparable, and a dispatch
written by hand for this event is the minimum.

One case logs like users' functions: at INFO, one JSON line for each event, with credentials, a mail server and a chat
webhook in the environment, and with other ids in each event. Its two sides, with and without logging, take turns in one
process.

Not measured: cold starts (`cold_start.py`), COS, and SCF itself.
"""

from __future__ import annotations

import io
import itertools
import json
import logging
import os
import sys
from collections.abc import Callable
from platform import python_version
from typing import TYPE_CHECKING, Any

from measurement import (
    SAMPLE,
    SCF_CONTEXT,
    measure_in_processes,
    measure_in_turns,
    print_target,
    print_timings,
    sample_event,
)

from scf_mps import (
    AnimatedGraphics,
    App,
    Context,
    EditMediaTask,
    ImageSprites,
    Middleware,
    Porn,
    Router,
    SnapshotByTimeOffset,
    Subtask,
    Transcode,
    logs,
)

if TYPE_CHECKING:
    from scf_mps import Call

TARGET = 1.1
"""21 µs on a machine where `json.loads` of the event takes 19.3 µs. 9 µs of them search the 190 values of the event for
numbers that JSON does not have (1e999)."""

TARGET_GROWTH = 1.05
"""Constant, except for noise."""

TARGET_LOGGING = 1.5
"""Multiple of json.loads."""

VARIABLES = {
    "TENCENTCLOUD_SECRETID": "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE",
    "TENCENTCLOUD_SECRETKEY": "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE",
    "TENCENTCLOUD_SESSIONTOKEN": "a1b2c3d4e5f6/EXAMPLE+TOKEN=" * 10,
    "MPS_SMTP": "smtps://mps%40example.com:pass%2Fword@mail.example.com:465",
    "MPS_NOTIFY": "wecom://693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa?on=failure",
    "MPS_NOTIFY_KEY": "notify-key-of-the-example",
}
"""Secrets for which every log line is searched."""


def on_transcode(result: Transcode) -> None: ...
def on_animation(result: AnimatedGraphics) -> None: ...
def on_snapshots(result: SnapshotByTimeOffset) -> None: ...
def on_sprites(result: ImageSprites) -> None: ...
def on_anything(result: object) -> None: ...


class Database:
    """A dependency of callbacks."""


def with_arguments(
    result: Subtask, context: Context, log: logging.Logger, database: Database
) -> None: ...


class PassThrough(Middleware):
    """A middleware around every callback that adds nothing."""

    def around_callback(self, call: Call, proceed: Callable[[], Any]) -> Any:
        return proceed()


def create_app(routes: int, *middleware: Middleware) -> App:
    """Return an application with four callbacks for the event, and other routes up to a number.

    The others are for other definitions, other types, and types that MPS does not have.
    """
    app = App(middleware=middleware)
    app.on(Transcode)(on_transcode)
    app.on_failure(AnimatedGraphics)(on_animation)
    app.on(SnapshotByTimeOffset)(on_snapshots)
    app.on(ImageSprites)(on_sprites)
    for number in range(routes - 4):
        other = [
            app.on(Transcode, definition=100000 + number, name=f"other_{number}"),
            app.on(Porn, name=f"other_{number}"),
            app.on_failure(EditMediaTask, name=f"other_{number}"),
            app.on(f"Hologram{number}", name=f"other_{number}"),
        ][number % 4]
        other(on_anything)
    return app


def create_app_with_arguments() -> App:
    """Like `create_app(4)`, but each callback has three arguments besides its result."""
    app = App()
    app.provide(Database, Database)
    app.on(Transcode, name="on_transcode")(with_arguments)
    app.on_failure(AnimatedGraphics, name="on_animation")(with_arguments)
    app.on(SnapshotByTimeOffset, name="on_snapshots")(with_arguments)
    app.on(ImageSprites, name="on_sprites")(with_arguments)
    return app


def create_app_with_filters() -> App:
    """Like `create_app(4)`, but each callback has filters for a definition, bucket, path or source."""
    router = Router(source="*.mp4")
    router.on(Transcode, definition=10)(on_transcode)
    router.on_failure(AnimatedGraphics, definition=(20000, 20001))(on_animation)
    router.on(SnapshotByTimeOffset, path="dasda/*.jpg")(on_snapshots)
    router.on(ImageSprites, when=lambda sprites: sprites.output.total_count > 1)(on_sprites)
    return App(router)


def handle(app: App) -> Callable[[], object]:
    """Check that each result of the event reaches one callback. Return a function that handles the event."""
    main_handler = app.main_handler
    event = sample_event()
    summary = main_handler(event, SCF_CONTEXT)
    outcomes = [callback["outcome"] for callback in summary["callbacks"]]
    assert outcomes == ["done"] * 4, summary
    assert not summary["unhandled"], summary
    return lambda: main_handler(event, SCF_CONTEXT)


def handle_with_logging() -> Callable[[], object]:
    """Like `handle`, with log lines at INFO written to the null device."""
    app = create_app(4)
    main_handler = app.main_handler
    event = sample_event()
    context = {**SCF_CONTEXT}
    numbers = itertools.count()
    os.environ.update(VARIABLES)
    lines = io.StringIO()
    logs.configure(lines, logging.INFO)
    logging.disable(logging.NOTSET)
    main_handler(event, SCF_CONTEXT)
    records = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [line["done"] for line in records] == [4], records
    logs.configure(open(os.devnull, "w", encoding="utf-8"), logging.INFO)  # noqa: SIM115

    def deliver() -> object:
        number = next(numbers)
        event["WorkflowTaskEvent"]["TaskId"] = f"1250000000-WorkflowTask-{number:032x}tt0"
        context["request_id"] = f"8c1b9d1e-0f5e-4c53-9d0a-{number:012x}"
        return main_handler(event, context)

    return deliver


def switch_logging(side: str) -> None:
    """Enable logging in one side only."""
    logging.disable(logging.NOTSET if side == LOGGING else logging.CRITICAL)


def handle_by_hand() -> Callable[[], object]:
    """Return the minimal equivalent: a dict of functions, each called in its own try."""
    event = sample_event()
    functions: dict[tuple[str, str], Callable[[dict[str, Any]], None]] = {
        ("Transcode", "SUCCESS"): on_anything,
        ("AnimatedGraphics", "FAIL"): on_anything,
        ("SnapshotByTimeOffset", "SUCCESS"): on_anything,
        ("ImageSprites", "SUCCESS"): on_anything,
    }
    fields = {
        "Transcode": "TranscodeTask",
        "AnimatedGraphics": "AnimatedGraphicTask",
        "SnapshotByTimeOffset": "SnapshotByTimeOffsetTask",
        "ImageSprites": "ImageSpriteTask",
    }

    def main_handler() -> list[str]:
        outcomes = []
        for item in event["WorkflowTaskEvent"]["MediaProcessResultSet"]:
            result = item[fields[item["Type"]]]
            try:
                functions[item["Type"], result["Status"]](result)
                outcomes.append("done")
            except Exception as error:
                outcomes.append(f"failed: {error}")
        return outcomes

    assert main_handler() == ["done"] * 4
    return main_handler


REFERENCE = "json.loads of the event"
FEW, MANY = "main_handler, 10 routes", "main_handler, 1,000 routes"
LOGGING, SILENT = "main_handler, 4 routes, logging", "the same without logging"
CASES: dict[str, Callable[[], Callable[[], object]]] = {
    "dispatch by hand, 4 routes": handle_by_hand,
    "main_handler, 4 routes": lambda: handle(create_app(4)),
    FEW: lambda: handle(create_app(10)),
    "main_handler, 100 routes": lambda: handle(create_app(100)),
    MANY: lambda: handle(create_app(1000)),
    "main_handler, 4 routes and a middleware": lambda: handle(create_app(4, PassThrough())),
    "main_handler, 4 routes with 3 arguments each": lambda: handle(create_app_with_arguments()),
    "main_handler, 4 routes with 2 filters each": lambda: handle(create_app_with_filters()),
    LOGGING: handle_with_logging,
}


def measure(case: str) -> None:
    """Print the times that `measure_in_processes` collects."""
    logging.disable()
    text = SAMPLE.read_text(encoding="utf-8")
    sides = {REFERENCE: lambda: json.loads(text), case: CASES[case]()}
    if case == LOGGING:
        sides[SILENT] = handle(create_app(4))
    times = measure_in_turns(sides, prepare=switch_logging)
    print(json.dumps(times))


def main() -> None:
    timings = measure_in_processes(sys.executable, __file__, CASES)
    print_timings(f"One event with 4 results, CPython {python_version()}", REFERENCE, timings)
    ratio = timings[FEW].minimum / timings[REFERENCE].minimum
    growth = timings[MANY].minimum / timings[FEW].minimum
    print()
    print_target("10 routes, as a part of json.loads", ratio, TARGET)
    print_target("1,000 routes, as a multiple of 10 routes", growth, TARGET_GROWTH)
    logging_ratio = timings[LOGGING].minimum / timings[REFERENCE].minimum
    print_target("4 routes and logging, as a part of json.loads", logging_ratio, TARGET_LOGGING)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1])
    else:
        main()
