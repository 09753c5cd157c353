"""Projects of functions for the local stack."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from scf_mps.local.dev import default_workflow
from scf_mps.local.dev.stack import Stack
from tests.support.wait import wait_until

Start = Callable[..., Stack]

QUICK = {"port": 0, "watch": False, "has_console": False, "speed": 6000}
"""Options of a stack without its page and its watch, with a fast retry."""

TRANSCODE = {"TranscodeTaskSet": [{"Definition": 100010}]}
QUICK_WORKFLOW = {**default_workflow.PARAMETERS, "MediaProcessTask": TRANSCODE}
"""A workflow with one subtask."""

_TRIGGER = {
    "Bucket": default_workflow.BUCKET,
    "Region": default_workflow.REGION,
    "Dir": default_workflow.FOLDER,
    "Formats": [".film"],
}
IDLE = {
    **QUICK,
    "has_console": True,
    "allowed_hosts": ("dev.example",),
    "workflow": {
        **QUICK_WORKFLOW,
        "Trigger": {"Type": "CosFileUpload", "CosFileUploadTrigger": _TRIGGER},
    },
}
"""Options of a stack with its page that processes no uploads except ``*.film``."""

HANDLERS = '''\
"""Fails for videos while a file exists, and logs."""

import os
import urllib.request
from pathlib import Path

from scf_mps import App, Event, Transcode

app = App()


@app.on(Transcode, name="film")
def film(transcode: Transcode) -> None:
    print("one", "two")
    if os.environ.get("MPS_FAILS") and Path(os.environ["MPS_FAILS"]).exists():
        raise OSError("no route to host")


@app.on_complete(Event, name="send")
def send(event: Event) -> None:
    url = os.environ.get("MPS_HOOK")
    if url:
        body = b'{"text": "task %s"}' % event.task_id.encode()
        urllib.request.urlopen(urllib.request.Request(url, body)).close()


main_handler = app.main_handler
'''


def create_project(folder: Path, handlers: str = HANDLERS) -> Path:
    """Create a project and return its folder."""
    (folder / "handlers").mkdir(parents=True)
    (folder / "handlers" / "__init__.py").write_text(handlers)
    return folder


def wait_for_task(stack: Stack, task_id: str, seconds: float = 60) -> dict[str, Any]:
    """Return the detail of a task after its last delivery."""
    wait_until(lambda: stack.is_settled(task_id), seconds)
    stack.function.settle()
    return read_task(stack, task_id)


def read_task(stack: Stack, task_id: str) -> dict[str, Any]:
    """Return the detail of a task."""
    detail = stack.activity.read_task(task_id)
    assert detail is not None
    return detail


def list_outcomes(delivery: dict[str, Any]) -> list[list[tuple[str, str]]]:
    """Return (callback, outcome) of each attempt of a delivery."""
    return [
        [(call["callback"], call["outcome"]) for call in attempt["callbacks"]]
        for attempt in delivery["attempts"]
    ]
