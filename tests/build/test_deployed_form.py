"""The application as SCF has it: a flat, read-only folder, loaded and called by a runtime that is not ours.

Each CPython that is found runs a child process that does what the published runtime (PyPI scf 0.2.8) does: stdout is
an object that makes a record of every `write`, the root logger is at DEBUG, the handler is loaded from its file, as the
SCF emulator does.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scf_mps.build.contents import INDEX, list_package_files, list_project_files
from scf_mps.local.scf import bootstrap
from tests.support.interpreters import VERSIONS, find
from tests.support.optional_programs import skip_without_python
from tests.support.sample_data import ROOT, SUMMARY, payload

LEAVING = """\
import sys

from scf_mps import AnimatedGraphics, App, Transcode

app = App()


@app.on(Transcode)
def leave(transcode: Transcode) -> None:
    sys.exit(3)


@app.on_failure(AnimatedGraphics)
def stay(animation: AnimatedGraphics) -> None:
    print("still here")


main_handler = app.main_handler
"""

# What SCF's runtime does, in a few lines. A "bare" one imports the handler before anything else, so that what the
# import loads can be told.
RUNTIME = '''\
import sys

loader, event, report = sys.argv[1:]


class Records:
    """Stands for stdout; every write is a record of its own."""

    def __init__(self, stdout):
        self.stdout = stdout
        self.texts = []

    def __getattr__(self, name):
        return getattr(self.stdout, name)

    def write(self, text):
        self.texts.append(text)


sys.stdout = records = Records(sys.stdout)
before = set(sys.modules)
if loader == "bare":
    import index

    loaded = {name: getattr(sys.modules[name], "__file__", None) for name in set(sys.modules) - before}
    main_handler = index.main_handler

import json
import logging
import traceback

if loader != "bare":
    logging.getLogger().setLevel(logging.DEBUG)
    logging.getLogger().addHandler(logging.StreamHandler(sys.stdout))
    from bootstrap import load

    main_handler = load("index", "main_handler", loader)

told = {"registered": "index" in sys.modules}
if loader == "bare":
    told["loaded"] = loaded
context = {
    "request_id": "4f57f4f5-3c4b-11eb-8dcd-5254005dbf9e",
    "time_limit_in_ms": 60000,
    "memory_limit_in_mb": 256,
    "function_name": "mps-events",
    "environ": "SCF_NAMESPACE=default;TENCENTCLOUD_SECRETKEY=do-not-show-me",
}
logging.getLogger("urllib3.connectionpool").debug("a token")
try:
    told["returned"] = json.dumps(main_handler(json.loads(event), context), ensure_ascii=False)
except Exception as error:
    told["raised"] = [type(error).__name__, str(error)]
    told["traceback"] = traceback.format_exc()
told["modules"] = {name: getattr(one, "__file__", None) for name, one in sys.modules.items()}
told["records"] = records.texts
with open(report, "w", encoding="utf-8") as file:
    json.dump(told, file)
'''


@pytest.fixture(scope="module", params=VERSIONS)
def python(request: pytest.FixtureRequest) -> Path:
    """Each CPython the package is to work on, where there is one."""
    found = find(request.param)
    if found is None:
        skip_without_python(request.param)
    return found


def deploy(folder: Path, handlers: str | None = None) -> Path:
    """Make the folder that is deployed, with the handlers of the repository or with others; read-only, as on SCF."""
    for name, path in (
        list_package_files() | ({} if handlers else list_project_files(ROOT))
    ).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / name)
    if handlers is not None:
        (folder / "handlers").mkdir()
        (folder / "handlers" / "__init__.py").write_text(handlers)
    (folder / "index.py").write_text(INDEX)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """The folders that are deployed: the repository's application, and one that leaves the process."""
    top = tmp_path_factory.mktemp("scf")
    (top / "runtime").mkdir()
    (top / "runtime" / "main.py").write_text(RUNTIME)
    shutil.copy(bootstrap.__file__, top / "runtime")
    (top / "opt").mkdir()
    yield {
        "ours": deploy(top / "ours"),
        "leaving": deploy(top / "leaving", LEAVING),
    }
    for path in top.rglob("*"):
        path.chmod(0o755)


def call(python: Path, folder: Path, loader: str, event: Any, report: Path) -> dict[str, Any]:
    """What the runtime tells after it loaded the handler in this way and called it once."""
    top = folder.parent
    environment = {
        "PATH": os.defpath,
        "HOME": str(top),
        "LANG": "C.UTF-8",
        "PYTHONPATH": f"{folder}:{top / 'opt'}",
        "PYTHONDONTWRITEBYTECODE": "x",
        "USER_CODE_ROOT": f"{folder}/",
        "TENCENTCLOUD_RUNENV": "SCF",
        "MPS_LEDGER": "none",
        "TENCENTCLOUD_SECRETID": "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE",
        "TENCENTCLOUD_SECRETKEY": "do-not-show-me",
    }
    ended = subprocess.run(
        [python, "-s", top / "runtime" / "main.py", loader, json.dumps(event), report],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    told: dict[str, Any] = json.loads(report.read_text("utf-8"))
    return told


@pytest.fixture(scope="module", params=["imp", "path"])
def told(
    python: Path,
    folders: dict[str, Path],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """The documentation's event, handled by the repository's application under each loader."""
    report = tmp_path_factory.mktemp("report") / "told.json"
    event = payload("mps_workflow_seed_mixed")
    result = call(python, folders["ours"], request.param, event, report)
    assert result["registered"] is (request.param == "imp")
    return result


def test_main_handler_works_under_both_loaders_of_scf(told: dict[str, Any]) -> None:
    assert "raised" not in told
    assert json.loads(told["returned"]) == SUMMARY


def test_each_record_on_scf_is_one_line_of_json_although_a_debug_handler_was_there(
    told: dict[str, Any],
) -> None:
    records = told["records"]
    assert all(text.endswith("\n") and text.count("\n") == 1 for text in records)
    lines = [json.loads(text) for text in records]
    assert [(line["level"], line["message"]) for line in lines] == [
        ("INFO", "rendition ready"),
        ("INFO", "done"),
        ("ERROR", "AnimatedGraphics failed: 30010 (TencentVodPlatErr Or Unkown)"),
        ("INFO", "done"),
        ("INFO", "snapshots ready"),
        ("INFO", "done"),
        ("INFO", "sprites ready"),
        ("INFO", "done"),
    ]
    task_id = payload("mps_workflow_seed_mixed")["WorkflowTaskEvent"]["TaskId"]
    request_id = "4f57f4f5-3c4b-11eb-8dcd-5254005dbf9e"
    assert {(line["request_id"], line["task_id"]) for line in lines} == {(request_id, task_id)}
    assert "do-not-show-me" not in "".join(records)


def test_what_is_handled_comes_from_the_folder_alone(
    told: dict[str, Any], folders: dict[str, Path]
) -> None:
    for name, file in told["modules"].items():
        if name.partition(".")[0] in ("scf_mps", "handlers", "index"):
            assert Path(file).is_relative_to(folders["ours"])


def test_nothing_is_written_into_the_folder(told: dict[str, Any], folders: dict[str, Path]) -> None:
    there = {path.relative_to(folders["ours"]) for path in folders["ours"].rglob("*")}
    assert not [path for path in there if path.name == "__pycache__"]
    assert {path.parts[0] for path in there} == {"index.py", "handlers", "scf_mps"}


def test_no_slow_or_foreign_module_is_loaded_by_importing_or_by_handling_an_event(
    python: Path, folders: dict[str, Path], tmp_path: Path
) -> None:
    event = payload("mps_workflow_seed_mixed")
    told = call(python, folders["ours"], "bare", event, tmp_path / "told.json")
    assert json.loads(told["returned"])["unhandled"] == []
    slow = {"asyncio", "dataclasses", "inspect", "typing", "unittest", "http", "urllib.request"}
    assert not slow & set(told["loaded"])
    assert "logging" in told["loaded"]
    library = Path(os.path.dirname(told["modules"]["json"])).parent
    for name, file in told["loaded"].items():
        if file is not None and not Path(file).is_relative_to(folders["ours"]):
            assert Path(file).is_relative_to(library), name
            assert "site-packages" not in file, name
    assert not {"asyncio", "dataclasses", "inspect"} & set(told["modules"])
    assert not {"scf_mps.cli", "scf_mps.local", "scf_mps.channels.envelope"} & set(told["modules"])


def test_a_callback_that_leaves_the_process_fails_alone_and_the_process_goes_on(
    python: Path, folders: dict[str, Path], tmp_path: Path
) -> None:
    event = payload("mps_workflow_seed_mixed")
    told = call(python, folders["leaving"], "imp", event, tmp_path / "told.json")
    kind, text = told["raised"]
    assert kind == "CallbacksFailed"
    first, second = text.splitlines()
    assert first.startswith("1 of 2 callbacks failed")
    assert second.startswith("  - handlers.leave on WorkflowTask/")
    assert second.endswith("/FINISH/MediaProcessResultSet[0]/Transcode/10: SystemExit: 3")
    assert "still here" in told["records"]
    assert second in told["traceback"]


def test_what_is_no_event_is_raised_for_the_dead_letter_queue(
    python: Path, folders: dict[str, Path], tmp_path: Path
) -> None:
    told = call(python, folders["ours"], "path", {"hello": "scf"}, tmp_path / "told.json")
    kind, text = told["raised"]
    assert kind == "InvalidEvent"
    assert text == (
        'expected an MPS notification with an "EventType" such as "WorkflowTask", but an object '
        "with these keys came: 'hello'"
    )
    (record,) = told["records"]
    assert json.loads(record)["message"] == f"invalid event: {text}"
