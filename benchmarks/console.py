"""Times and memory of the local stack and its console, from a sample clip to what the page shows.

    python benchmarks/console.py [--tasks 1000]

Measured: `scf-mps dev` as a process, with the handlers of this checkout, over HTTP. Times of the page are measured in
Chromium if there is one. The ratio compares a task with the engine's work alone, in one run. Not measured: large videos.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import Request, urlopen

from measurement import ROOT, print_table

from scf_mps.local import dev
from scf_mps.local.dev import default_workflow
from scf_mps.local.engine import Engine
from scf_mps.local.mps.model import Location
from scf_mps.local.mps.planner import plan
from scf_mps.local.mps.templates import Templates
from scf_mps.local.samples import create_task_id, sample

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
HANDLER = """
@router.on(Transcode, name="bench")
def bench(transcode: Transcode) -> None:
    print("version", {number})
"""


class Console:
    """A running `scf-mps dev`."""

    def __init__(self, process: subprocess.Popen[str], url: str, ready: float) -> None:
        self.process = process
        self.url = url
        self.ready = ready

    def call(self, method: str, path: str, document: object = None) -> Any:
        headers = {"X-Scf-Mps": "1", "Content-Type": "application/json", "Origin": self.url}
        data = None if method == "GET" else json.dumps(document or {}).encode()
        with urlopen(
            Request(self.url + path, data, headers, method=method), timeout=60
        ) as response:
            return json.load(response)

    def wait_for(self, path: str, condition: Callable[[Any], object], seconds: float = 120) -> Any:
        end = time.monotonic() + seconds
        while not condition(document := self.call("GET", path)):
            if time.monotonic() > end:
                raise SystemExit(f"{path} did not change in {seconds:g} s")
            time.sleep(0.01)
        return document

    def run_clip(self) -> dict[str, Any]:
        """Process the sample clip, and return its task after the delivery of the event."""
        task = self.call("POST", "/api/sample-clip")["task"]
        detail: dict[str, Any] = self.wait_for(f"/api/tasks/{task}", is_delivered)
        return detail

    def stop(self) -> float:
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)
        return time.monotonic() - began


def is_delivered(detail: dict[str, Any]) -> bool:
    return any(delivery["state"] == "done" for delivery in detail["deliveries"])


@contextmanager
def run_console(project: Path) -> Iterator[Console]:
    command = [sys.executable, "-m", "scf_mps.cli", "dev", "--port", "0"]
    began = time.monotonic()
    process = subprocess.Popen(
        command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    try:
        found = re.match(r"console +(http://\S+)", process.stdout.readline())
        if not found:
            raise SystemExit("scf-mps dev did not start")
        console = Console(process, found[1], 0)
        console.call("GET", "/api/state")
        console.ready = time.monotonic() - began
        yield console
    finally:
        if process.poll() is None:
            console.stop()


def read_memory(pid: int, field: str) -> int:
    """Return a field of /proc/PID/status in MB."""
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{field}:\s+(\d+) kB", text, re.M)
    return int(found[1]) // 1024 if found else 0


def find_engine(parent: int) -> int:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if b"scf_mps.local.engine" in command and int(stat[1]) == parent:
            return int(folder.name)
    return 0


def measure_engine(clip: Path) -> float:
    """Return the seconds of the engine's work for the default workflow, without MPS and COS."""
    request = {"MediaProcessTask": default_workflow.MEDIA_TASKS}
    source = Location("b-1250000000", "ap-guangzhou", "videos/sample.mp4")
    jobs = [item.job for item in plan(request, source, None, Templates()).subtasks if item.job]
    with TemporaryDirectory() as folder, Engine() as engine:
        engine.probe(clip)
        began = time.monotonic()
        engine.run(clip, jobs, Path(folder), lambda *_: None, lambda *_: None)
        return time.monotonic() - began


def measure_save(console: Console, project: Path, task: str) -> float:
    """Return the seconds from a save to the end of the redelivered event."""
    console.call("POST", "/api/queue", {"again_after_save": True})
    path = project / "handlers" / "renditions.py"
    original = path.read_text()
    seconds = []
    for number in range(3):
        count = len(console.call("GET", f"/api/tasks/{task}")["deliveries"])
        began = time.monotonic()
        path.write_text(original + HANDLER.format(number=number))
        console.wait_for(
            f"/api/tasks/{task}",
            lambda detail, count=count: (
                len(detail["deliveries"]) > count and detail["deliveries"][-1]["state"] == "done"
            ),
        )
        seconds.append(time.monotonic() - began)
    console.call("POST", "/api/queue", {"again_after_save": False})
    return min(seconds)


def measure_page(console: Console, task: str, tasks: int) -> Iterator[tuple[str, str, str]]:
    """Yield rows of what a browser shows."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        print("!!! SKIPPED: no chromium, so the times of the page are not measured")
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{console.url}/#/tasks/{task}/deliveries")
        page.locator("section.delivery").first.wait_for()
        delays = []
        for _ in range(3):
            count = page.locator("section.delivery").count()
            console.call("POST", f"/api/tasks/{task}/redeliver")
            page.wait_for_function(
                "count => document.querySelectorAll('section.delivery.done').length > count",
                arg=count,
                polling=10,
            )
            shown = time.time()
            attempt = console.call("GET", f"/api/tasks/{task}")["deliveries"][-1]["attempts"][-1]
            delays.append(shown - attempt["started"] - (attempt["ms"] or 0) / 1000)
        yield "outcome of a callback visible", f"{min(delays) * 1000:.0f} ms", "300 ms"
        page.close()
        rows = fill(console, tasks)
        page = browser.new_page()
        began = time.monotonic()
        page.goto(console.url)
        page.locator("#list img, #list button, #list a").nth(20).wait_for()
        name = f"first paint with {tasks:,} tasks, {rows:,} rows"
        yield name, f"{time.monotonic() - began:.2f} s", "1 s"
        browser.close()


def fill(console: Console, tasks: int) -> int:
    """Send events of other tasks until there are this many. Return the number of rows of the activity."""
    sent = 0
    while sent < tasks:
        events = [sample("WorkflowTask", task_id=create_task_id("WorkflowTask")) for _ in range(20)]
        sent += len(console.call("POST", "/api/events", events)["request_ids"])
        console.wait_for("/api/state", lambda state: state["function"]["waiting"] == 0)
    return int(console.call("GET", "/api/state")["last_id"])


def measure_page_size() -> tuple[int, int]:
    """Return the bytes of the page's files, plain and compressed."""
    contents = [path.read_bytes() for path in Path(dev.__file__).with_name("static").iterdir()]
    return sum(map(len, contents)), sum(len(gzip.compress(content, 9)) for content in contents)


def main() -> None:
    """Run the stack and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=1000)
    tasks = parser.parse_args().tasks
    for name in [name for name in os.environ if name.startswith("MPS_")]:
        del os.environ[name]
    rows: list[tuple[str, str, str]] = []
    with TemporaryDirectory() as folder:
        project = Path(folder)
        shutil.copytree(ROOT / "handlers", project / "handlers")
        shutil.copy(ROOT / "serverless.yml", project)
        with run_console(project) as console:  # compiles byte code and makes the clip
            console.run_clip()
        with run_console(project) as console:
            rows.append(("ready", f"{console.ready:.2f} s", "1 s"))
            detail = console.run_clip()
            took = detail["finished"] - detail["created"]
            rows.append(("sample clip to FINISH", f"{took:.1f} s", "10 s"))
            pushed = (detail["deliveries"][0]["pushed"] - detail["finished"]) * 1000
            rows.append(("FINISH to pushed event", f"{pushed:.0f} ms", "50 ms"))
            engine = find_engine(console.process.pid)
            memory = read_memory(console.process.pid, "VmHWM"), read_memory(engine, "VmHWM")
            saved = measure_save(console, project, detail["id"])
            rows.append(("save to redelivered", f"{saved:.2f} s", "1 s"))
            rows += measure_page(console, detail["id"], tasks)
            rows.append(("peak memory of the server", f"{memory[0]} MB", "150 MB"))
            rows.append(("peak memory of the engine", f"{memory[1]} MB", "500 MB"))
            rows.append(("stop", f"{console.stop():.2f} s", "1 s"))
        with run_console(project) as console:
            console.call("POST", "/api/sample-clip")
            console.wait_for("/api/tasks", lambda page: page["tasks"][0]["progress"] > 0)
            rows.append(("stop during a job", f"{console.stop():.2f} s", "1 s"))
        alone = measure_engine(project / ".scf-mps" / "dev" / "sample.mp4")
    plain, compressed = measure_page_size()
    rows.append(("page, compressed", f"{compressed / 1000:.0f} KB of {plain / 1000:.0f}", "100 KB"))
    rows.append(("task / engine's work alone", f"{took / alone:.2f}", ""))
    print_table("scf-mps dev", ["figure", "measured", "target"], rows)


if __name__ == "__main__":
    main()
