"""Copies of an event: each one works where it is pasted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scf_mps.local.dev.copies import Source, build_copy
from scf_mps.local.dev.options import StackOptions
from scf_mps.local.dev.request_guard import Refusal
from scf_mps.local.dev.stack import Stack
from scf_mps.local.samples import sample

from .http_client import Page
from .projects import IDLE, create_project

TASK = "1250000000-WorkflowTask-copy"
HANDLERS = '''\
from scf_mps import App, Transcode

app = App()


@app.on(Transcode)
def film(transcode: Transcode) -> None:
    """Accept everything."""


main_handler = app.main_handler
'''


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = create_project(tmp_path_factory.mktemp("copies") / "project", HANDLERS)
    with Stack(StackOptions(folder, **IDLE)) as stack:
        event = sample("WorkflowTask", [("Transcode", "SUCCESS")], task_id=TASK)
        event["SessionContext"] = 'it\'s\nEOF\n"片"'
        event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]["Input"]["Sign"] = (
            "secret-sign"
        )
        stack.push(event)
        stack.function.settle()
        yield stack


@pytest.fixture(scope="module")
def page(stack: Stack) -> Page:
    return Page(stack.console)


def copy(page: Page, form: str, task: str = TASK) -> str:
    reply = page.get(f"/api/tasks/{task}/copy?as={form}")
    assert reply.status == 200, reply.body
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    return reply.body.decode()


def run(stack: Stack, command: list[str]) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command,
        cwd=stack.options.folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_json_is_the_redacted_event(stack: Stack, page: Page) -> None:
    event = json.loads(copy(page, "json"))
    assert event == stack.activity.read_event(TASK)
    assert event["SessionContext"] == 'it\'s\nEOF\n"片"'
    assert "secret-sign" not in copy(page, "json")


def test_invoke_runs_the_application(stack: Stack, page: Page) -> None:
    result = run(stack, ["bash", "-c", copy(page, "invoke")])
    assert result.returncode == 0, result.stderr
    assert "film" in result.stdout


def test_curl_sends_the_event(stack: Stack, page: Page) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    result = run(stack, ["bash", "-c", copy(page, "curl")])
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    stack.function.settle()
    deliveries = page.read(f"/api/tasks/{TASK}")["deliveries"]
    assert answer["request_ids"][0] in [delivery["request_id"] for delivery in deliveries]


def test_pytest_copy_passes(stack: Stack, page: Page) -> None:
    text = copy(page, "pytest")
    assert "def test_workflow_task_is_handled" in text
    path = stack.options.folder / "test_copy.py"
    path.write_text(text, "utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir=.",
        path.name,
    ]
    result = run(stack, command)
    assert result.returncode == 0, result.stdout
    assert "1 passed" in result.stdout


def test_sdk_copy_submits_the_task_again(stack: Stack, page: Page, tmp_path: Path) -> None:
    source: dict[str, Any] = {
        "Bucket": "none-1250000000",
        "Region": "ap-guangzhou",
        "Object": "/a.mp4",
    }
    stack.cos.create_bucket(source["Bucket"], source["Region"])
    request = {
        "InputInfo": {"Type": "COS", "CosInputInfo": source},
        "MediaProcessTask": {"TranscodeTaskSet": [{"Definition": 100010}]},
        "TasksPriority": 3,
    }
    task = page.post("/api/tasks", request)["task"]
    again = submit_copy(stack, page, task, tmp_path / "submit.py")
    assert again == stack.mps.store.get(task).request


def test_sdk_copy_submits_a_workflow_task_without_workflow(
    stack: Stack, page: Page, tmp_path: Path
) -> None:
    task = json.loads(page.request("POST", "/api/videos?name=a.film", b"no video").body)["task"]
    again = submit_copy(stack, page, task, tmp_path / "submit.py")
    assert again == stack.mps.store.get(task).request


def submit_copy(stack: Stack, page: Page, task: str, path: Path) -> Any:
    """Run the copy of a task for the SDK, and return the request that it submitted."""
    path.write_text(copy(page, "sdk", task), "utf-8")
    result = run(stack, [sys.executable, str(path)])
    assert result.returncode == 0, result.stderr
    again = stack.mps.store.get(result.stdout.strip())
    assert again is not None
    return again.request


def test_copy_that_is_impossible_is_refused(page: Page) -> None:
    assert page.get(f"/api/tasks/{TASK}/copy?as=sdk").status == 409
    assert page.get(f"/api/tasks/{TASK}/copy?as=yaml").status == 404
    unfinished = Source("1", None, {}, "", "", ("", ""))
    with pytest.raises(Refusal) as caught:
        build_copy(unfinished, "json")
    assert caught.value.status == 409
