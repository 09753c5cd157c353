"""Builders of events, from the schema of the views. `event` names them for tests."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache, cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scf_mps.events.base import Event
from scf_mps.events.files import CosObject
from scf_mps.events.generated.type_tables import ACTIVITIES, BATCH, NESTED, SETS, SINGLES
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import Task, create_event, sample
from scf_mps.local.samples.values import Part

if TYPE_CHECKING:
    PartBuilder = Callable[..., Part]

_TASK_ID_FORMAT = "1250000000-{}-{:032x}tt0"

_TASK_OPTIONS = {
    "source": "source",
    "bucket": "bucket",
    "session": "session_id",
    "context": "session_context",
    "task_id": "task_id",
    "status": "status",
    "fails": "error",
}
"""Options of events, and the fields of `Task`."""

_numbers: Iterator[int] = count(1)


class MpsEvent(dict[str, Any]):
    """A notification as MPS sends it."""

    @cached_property
    def view(self) -> Event:
        """The event as callbacks receive it."""
        return parse_event(self)

    @property
    def files(self) -> tuple[CosObject, ...]:
        """The outputs of the task."""
        return self.view.files

    @property
    def key(self) -> str:
        """The identity of the event. It stays the same when SCF delivers the event again."""
        return self.view.key

    def __repr__(self) -> str:
        return repr(self.view)


def load_event(path: str | Path) -> MpsEvent:
    """Return the event in a JSON file, such as one of `scf-mps capture`."""
    return MpsEvent(json.loads(Path(path).read_text("utf-8")))


def reset_task_ids() -> None:
    """Let the task ids of the next events begin again, so that those of a test are always the same."""
    global _numbers
    _numbers = count(1)


def workflow(*parts: Part, **options: str) -> MpsEvent:
    """Return a WorkflowTask with these results, by default one of each type of media processing.

    Args:
        parts: the results.
        options: ``source``, ``bucket`` of the outputs, ``session`` (SessionId), ``context`` (SessionContext),
            ``task_id``, ``status`` and ``fails``, the message of an error of the whole task.

    Raises:
        ValueError: the event has no results of a type.
        TypeError: an option is unknown.
    """
    return _build("WorkflowTask", parts, options)


def schedule(*parts: Part, **options: str) -> MpsEvent:
    """Return a ScheduleTask with these results. See `workflow`."""
    return _build("ScheduleTask", parts, options)


def batch(*parts: Part, **options: str) -> MpsEvent:
    """Return a BatchTask with these results. It has neither a task id nor a status. See `workflow`."""
    return _build("BatchTask", parts, options)


def edit(path: str = "", **options: Any) -> MpsEvent:
    """Return an EditMediaTask.

    Args:
        path: the output.
        options: those of `workflow`, and values of the output by attribute.
    """
    return _build("EditMediaTask", (), options, path)


def watermark(**options: Any) -> MpsEvent:
    """Return an ExtractBlindWatermark.

    Args:
        options: those of `workflow`, and values of the event by attribute.
    """
    return _build("ExtractBlindWatermark", (), options)


def live(type: str, **options: Any) -> MpsEvent:
    """Return a notification of a live stream.

    Args:
        type: ``NotificationType``, e.g. ``ProcessEof``.
        options: ``session``, ``context`` and ``task_id``, and values of the notification by attribute.
    """
    return _build(type, (), options)


def documentation() -> MpsEvent:
    """Return the example of MPS's documentation: three successes and a failure."""
    return MpsEvent(sample())


def part(type: str, **options: Any) -> Part:
    """Return a result of any type, e.g. of one that MPS may add.

    Args:
        type: as MPS sends it.
        options: ``definition``, ``path``, ``bucket``, ``fails``, ``progress``, and values of the output by attribute.
    """
    return _make_part(Part(type), options)


@cache
def list_part_builders() -> Mapping[str, str]:
    """Return the names of the builders of results, with the classes that they are for."""
    tables = [SINGLES, ACTIVITIES, BATCH, *SETS.values(), *NESTED.values()]
    classes = [row[1] for table in tables for row in table.rows.values()]
    return {make_builder_name(name): name for name in sorted(set(classes))}


def make_builder_name(class_name: str) -> str:
    """Return the name of a class in snake_case."""
    return re.sub("(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", class_name).lower()


@cache
def find_part_builder(name: str) -> PartBuilder:
    """Return the builder of a result. Raises AttributeError with the nearest name."""
    classes = list_part_builders()
    if name not in classes:
        near = get_close_matches(name, classes, 1)
        hint = f". Did you mean {near[0]}?" if near else ""
        raise AttributeError(f"scf_mps.testing.event has no {name!r}{hint}")

    def build(definition: int = 0, **options: Any) -> Part:
        return _make_part(Part(classes[name], definition=definition, is_class=True), options)

    build.__name__ = build.__qualname__ = name
    build.__doc__ = f"Return a result {classes[name]} for an event."
    return build


def _make_part(part: Part, options: dict[str, Any]) -> Part:
    for name in ("definition", "path", "bucket"):
        part = part._replace(**{name: options.pop(name, getattr(part, name))})
    fails, progress = options.pop("fails", ""), options.pop("progress", None)
    if fails and progress is not None:
        raise ValueError(f"{part.type} has both fails= and progress=. Use one of them")
    if fails:
        part = part._replace(outcome="FAIL", error=fails)
    elif progress is not None:
        part = part._replace(outcome="PROCESSING", progress=progress)
    return part._replace(fields=options)


def _build(name: str, parts: tuple[Part, ...], options: dict[str, Any], path: str = "") -> MpsEvent:
    task_id = "" if name == "BatchTask" else _TASK_ID_FORMAT.format(name, next(_numbers))
    status = "PROCESSING" if any(part.outcome == "PROCESSING" for part in parts) else "FINISH"
    values = {
        field: options.pop(option) for option, field in _TASK_OPTIONS.items() if option in options
    }
    if "error" in values:
        status = "FAIL"
    if options and name in ("WorkflowTask", "ScheduleTask", "BatchTask"):
        raise TypeError(
            f"a {name} has no option {next(iter(options))!r}. Use {', '.join(_TASK_OPTIONS)}"
        )
    own = Part(name, path=path, fields=options)
    task = Task(**{"task_id": task_id, "status": status, "own": own, **values})
    return MpsEvent(create_event(name, parts, task))
