"""Projects of functions for the local stack."""

from __future__ import annotations

from pathlib import Path

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
