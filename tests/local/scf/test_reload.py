"""Reload: new code and variables for later events, while the function runs."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from scf_mps.local.scf import LifecycleEvent, LocalFunction, ReloadError, SettingError
from tests.support.wait import wait_for_end, wait_until

CODE = """\
import os, time
from pathlib import Path

def main_handler(event, context):
    if event:
        print("waiting", flush=True)
        while not Path(event["until"]).exists():
            time.sleep(0.005)
    return [{version!r}, os.environ.get("COLOR"), os.getpid()]
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    write(folder, "one")
    return folder


def write(folder: Path, version: str) -> None:
    (folder / "index.py").write_text(CODE.replace("{version!r}", repr(version)))


def list_layouts(function: LocalFunction) -> list[str]:
    (instance,) = function.instances
    return [path.name for path in Path(instance.code).parent.parent.iterdir()]


def test_reload_ends_idle_instance_and_runs_new_code(source: Path) -> None:
    with LocalFunction(source, environment={"COLOR": "red"}) as function:
        version, color, process = function.invoke().returned
        assert (version, color) == ("one", "red")
        write(source, "two")
        function.reload()
        wait_for_end(process)
        assert function.instances == []
        invocation = function.invoke()
        assert invocation.cold
        assert invocation.returned[:2] == ["two", "red"]
        function.reload(environment={"COLOR": "blue"})
        assert function.invoke().returned[:2] == ["two", "blue"]


def test_reload_replaces_source(source: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write(other, "elsewhere")
    with LocalFunction(source) as function:
        function.reload(other)
        assert function.invoke().returned[0] == "elsewhere"
        write(other, "again")
        function.reload()
        assert function.invoke().returned[0] == "again"


def test_busy_instance_ends_after_its_event(source: Path, tmp_path: Path) -> None:
    with LocalFunction(source, timeout=30, concurrency=2) as function:
        started = threading.Event()

        def watch(event: LifecycleEvent) -> None:
            if event.kind == "record" and event.record == "waiting":
                started.set()

        function.observe(watch)
        request_id = function.push({"until": str(tmp_path / "done")})
        assert started.wait(10)
        (busy,) = function.instances
        write(source, "two")
        function.reload()
        assert function.instances == [busy]
        assert function.invoke().returned[0] == "two"
        for _ in range(3):  # keeps the code of the busy instance
            function.reload()
        assert Path(busy.code, "index.py").exists()
        (tmp_path / "done").touch()
        function.settle()
        (first,) = [item for item in function.invocations if item.request_id == request_id]
        assert first.returned[0] == "one"
        wait_for_end(busy.pid)
        assert busy not in function.instances


def test_launch_during_reload_is_retired(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalFunction(source) as function:
        launch = function._launch
        launching, reloaded = threading.Event(), threading.Event()

        def launch_slowly(number: int, keys: None) -> object:
            instance = launch(number, keys)
            launching.set()
            assert reloaded.wait(10)
            return instance

        monkeypatch.setattr(function, "_launch", launch_slowly)
        function.push({})
        assert launching.wait(10)
        write(source, "two")
        function.reload()
        reloaded.set()
        function.settle()
        assert function.invocations[0].returned[0] == "one"
        assert function.invoke().returned[0] == "two"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("def main_handler(:", "SyntaxError"),
        ("import missing_module", "missing_module"),
        ("import os; os._exit(3)", "exited"),
    ],
)
def test_broken_source_keeps_old_code(source: Path, text: str, word: str) -> None:
    with LocalFunction(source) as function:
        process = function.invoke().returned[2]
        layouts = list_layouts(function)
        (source / "index.py").write_text(text)
        with pytest.raises(ReloadError, match=word):
            function.reload()
        assert function.invoke().returned[::2] == ["one", process]
        assert list_layouts(function) == layouts


def test_missing_source_keeps_old_code(source: Path, tmp_path: Path) -> None:
    with LocalFunction(source) as function:
        with pytest.raises(ReloadError, match="folder"):
            function.reload(tmp_path / "missing")
        assert function.invoke().returned[0] == "one"


def test_instance_that_cannot_start_keeps_old_code(source: Path) -> None:
    problems: list[str] = []

    def keys() -> tuple[str, str, str]:
        if problems:
            raise OSError(problems[0])
        return "id", "key", ""

    with LocalFunction(source, credentials=keys) as function:
        process = function.invoke().returned[2]
        problems.append("no role")
        with pytest.raises(ReloadError, match="no role"):
            function.reload()
        problems.clear()
        assert function.invoke().returned[2] == process


def test_refused_variables_keep_old_code(source: Path) -> None:
    with LocalFunction(source) as function:
        with pytest.raises(SettingError):
            function.reload(environment={"SCF_X": "reserved"})
        assert function.invoke().returned[0] == "one"


def test_old_layouts_are_deleted(source: Path) -> None:
    with LocalFunction(source) as function:
        for _ in range(5):
            function.reload()
        function.invoke()
        assert len([name for name in list_layouts(function) if name.startswith("code-")]) == 2
        scratch = Path(function.instances[0].code).parent.parent
    assert not scratch.exists()


def test_closed_function_cannot_reload(source: Path) -> None:
    with LocalFunction(source) as function:
        pass
    with pytest.raises(RuntimeError, match="not running"):
        function.reload()


def test_close_ends_reload(source: Path) -> None:
    (source / "index.py").write_text(
        "import os, time\nif os.environ.get('SLOW'): time.sleep(60)\ndef main_handler(event, context): pass\n"
    )
    errors: list[Exception] = []
    function = LocalFunction(source).__enter__()

    def reload() -> None:
        try:
            function.reload(environment={"SLOW": "1"})
        except ReloadError as error:
            errors.append(error)

    thread = threading.Thread(target=reload)
    thread.start()
    wait_until(lambda: len(function.instances) == 1)
    started = time.monotonic()
    function.close()
    thread.join(10)
    assert time.monotonic() - started < 5
    assert len(errors) == 1
