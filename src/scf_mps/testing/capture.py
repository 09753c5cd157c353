"""Capture of an event of production: without secrets and account numbers, with a test that passes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from scf_mps.channels.envelope import unwrap
from scf_mps.common.redaction import hide_secrets, redact
from scf_mps.errors import InvalidEvent
from scf_mps.events.base import Event
from scf_mps.events.parser import parse_event
from scf_mps.tencent.mps import convert_detail

SAMPLE_APPID = "1250000000"
"""Replaces the number of the account."""

_APPID_PATTERNS = {"Bucket": re.compile(r"-(\d{5,})$"), "TaskId": re.compile(r"^(\d{5,})-")}
"""The number of an account in fields of an event: at the end of a bucket, and at the beginning of a task id."""

_MAX_NAME_CHARACTERS = 60


class CapturedTest(NamedTuple):
    """The files of a captured event.

    Attributes:
        name: of the test, without ``test_`` and suffix.
        event: the content of the data file.
        code: the content of the test file.
    """

    name: str
    event: str
    code: str


def parse_captured(content: Any) -> dict[str, Any]:
    """Return the notification in a file: of the archive, of a dead letter, or a response of DescribeTaskDetail.

    Raises:
        InvalidEvent: it has not exactly one.
    """
    content = content.get("Response", content) if isinstance(content, dict) else content
    if isinstance(content, dict) and "TaskType" in content and "EventType" not in content:
        return convert_detail(content)
    notifications = unwrap(content)
    if len(notifications) != 1 or not isinstance(notifications[0], dict):
        raise InvalidEvent(f"expected one notification, not {len(notifications)}")
    return notifications[0]


def redact_event(notification: Mapping[str, Any]) -> dict[str, Any]:
    """Return a notification without secrets, its account replaced by `SAMPLE_APPID`.

    Names of buckets and files, and the session of the task, stay: tests depend on them.
    """
    redacted: dict[str, Any] = redact(dict(notification))
    accounts = set(_find_accounts(redacted))

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: clean(item) for name, item in value.items()}
        if isinstance(value, list):
            return [clean(item) for item in value]
        if isinstance(value, str):
            for account in accounts:
                value = value.replace(account, SAMPLE_APPID)
            return hide_secrets(value, ())
        return value

    cleaned: dict[str, Any] = clean(redacted)
    for name in ("Timestamp", "Sign"):
        cleaned.pop(name, None)
    return cleaned


def _find_accounts(value: Any) -> Iterator[str]:
    for name, item in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(item, dict | list):
            yield from _find_accounts(item)
        elif isinstance(item, str) and name in _APPID_PATTERNS:
            yield from _APPID_PATTERNS[name].findall(item)


def create_test(
    notification: Mapping[str, Any], calls: Iterable[tuple[str, str]], unhandled: Iterable[str]
) -> CapturedTest:
    """Return the files of a captured event.

    Args:
        notification: see `redact_event`.
        calls: what it causes, see `MpsFixture.callbacks`.
        unhandled: see `MpsFixture.unhandled`.
    """
    event = parse_event(dict(notification))
    name = _make_name(event)
    lines = "".join(
        f"        ({json.dumps(callback)}, {json.dumps(type_)}),\n" for callback, type_ in calls
    )
    code = _TEST.format(
        event=" ".join(filter(None, [event.type, event.task_id, event.status])),
        name=name,
        expected=f"[\n{lines}    ]" if lines else "[]",
        unhandled=json.dumps(list(unhandled)),
    )
    return CapturedTest(name, json.dumps(notification, indent=1, ensure_ascii=False) + "\n", code)


def write_test(captured: CapturedTest, folder: Path) -> list[Path]:
    """Write the files of a captured event. Return their paths.

    Raises:
        FileExistsError: one of them exists.
        OSError: a file cannot be written.
    """
    data = folder / "data"
    paths = [data / f"{captured.name}.json", folder / f"test_{captured.name}.py"]
    existing = [str(path) for path in paths if path.exists()]
    if existing:
        raise FileExistsError(f"{', '.join(existing)} exists. Remove it first")
    data.mkdir(parents=True, exist_ok=True)
    for path, content in zip(paths, (captured.event, captured.code), strict=True):
        path.write_text(content, "utf-8")
    return paths


def _make_name(event: Event) -> str:
    """Return a name for the files of an event, of small letters, digits and underscores."""
    identity = event.task_id or event.session_id or event.key
    words = re.sub("[^a-z0-9]+", "_", f"{identity}_{event.status}".lower()).strip("_")
    return f"event_{words[-_MAX_NAME_CHARACTERS:].strip('_')}"


_TEST = '''"""The event {event}, captured from production."""

from pathlib import Path

from scf_mps.testing import load_event

EVENT = load_event(Path(__file__).parent / "data" / "{name}.json")


def test_{name}_has_its_callbacks(mps):
    assert mps.callbacks(EVENT) == {expected}
    assert mps.unhandled(EVENT) == {unhandled}
    # To run them: mps.bucket("cos://…"), mps.override(…), then mps.deliver(EVENT).assert_done()
'''
