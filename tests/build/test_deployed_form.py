"""The deployed application: a flat, read-only folder, loaded and called as by SCF's runtime.

Each CPython runs a child process that behaves like the published runtime (PyPI scf 0.2.8): stdout records every `write`,
the root logger is at DEBUG, and the handler is loaded from its file.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from scf_mps.build.contents import INDEX, list_package_files, list_project_files
from scf_mps.local.scf import bootstrap
from tests.support.interpreters import VERSIONS, find
from tests.support.optional_programs import skip_without_python
from tests.support.sample_data import ROOT, SUMMARY, payload

EXITING = """\
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

# SCF's runtime in a few lines. The "bare" loader imports the handler first, to find out which modules the import loads.
RUNTIME = '''\
import sys

loader, event, report = sys.argv[1:]


class Records:
    """A stdout that records every write."""

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

outcome = {"registered": "index" in sys.modules}
if loader == "bare":
    outcome["loaded"] = loaded
context = {
    "request_id": "4f57f4f5-3c4b-11eb-8dcd-5254005dbf9e",
    "time_limit_in_ms": 60000,
    "memory_limit_in_mb": 256,
    "function_name": "mps-events",
    "environ": "SCF_NAMESPACE=default;TENCENTCLOUD_SECRETKEY=do-not-show-me",
}
logging.getLogger("urllib3.connectionpool").debug("a token")
try:
    outcome["returned"] = json.dumps(main_handler(json.loads(event), context), ensure_ascii=False)
except Exception as error:
    outcome["raised"] = [type(error).__name__, str(error)]
    outcome["traceback"] = traceback.format_exc()
outcome["modules"] = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
outcome["records"] = records.texts
with open(report, "w", encoding="utf-8") as file:
    json.dump(outcome, file)
'''


@pytest.fixture(scope="module", params=VERSIONS)
def python(request):
    """Each supported CPython that is installed."""
    path = find(request.param)
    if path is None:
        skip_without_python(request.param)
    return path


def deploy(folder, handlers=None):
    """Write the read-only folder of a function, with the handlers of the repository or others."""
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
def folders(tmp_path_factory):
    """Deployed folders: the repository's application, and one that exits the process."""
    top = tmp_path_factory.mktemp("scf")
    (top / "runtime").mkdir()
    (top / "runtime" / "main.py").write_text(RUNTIME)
    shutil.copy(bootstrap.__file__, top / "runtime")
    (top / "opt").mkdir()
    yield {"ours": deploy(top / "ours"), "exiting": deploy(top / "exiting", EXITING)}
    for path in top.rglob("*"):
        path.chmod(0o755)


def call(python, folder, loader, event, report):
    """Return the report of a runtime that loaded the handler and called it once."""
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
    process = subprocess.run(
        [python, "-s", top / "runtime" / "main.py", loader, json.dumps(event), report],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")
    return json.loads(report.read_text("utf-8"))


@pytest.fixture(scope="module", params=["imp", "path"])
def outcome(python, folders, request, tmp_path_factory):
    """Report of the repository's application handling the documentation's event under each loader."""
    report = tmp_path_factory.mktemp("report") / "outcome.json"
    event = payload("mps_workflow_seed_mixed")
    result = call(python, folders["ours"], request.param, event, report)
    assert result["registered"] is (request.param == "imp")
    return result


def test_main_handler_works_under_both_loaders(outcome):
    assert "raised" not in outcome
    assert json.loads(outcome["returned"]) == SUMMARY


def test_each_record_is_one_line_of_json(outcome):
    records = outcome["records"]
    assert all(text.endswith("\n") and text.count("\n") == 1 for text in records)
    lines = [json.loads(text) for text in records]
    assert [(line["level"], line["message"]) for line in lines] == [
        ("INFO", "rendition ready"),
        ("ERROR", "AnimatedGraphics failed: 30010 (TencentVodPlatErr Or Unkown)"),
        ("INFO", "snapshots ready"),
        ("INFO", "sprites ready"),
        ("INFO", "handled"),
    ]
    task_id = payload("mps_workflow_seed_mixed")["WorkflowTaskEvent"]["TaskId"]
    request_id = "4f57f4f5-3c4b-11eb-8dcd-5254005dbf9e"
    assert {(line["request_id"], line["task_id"]) for line in lines} == {(request_id, task_id)}
    assert "do-not-show-me" not in "".join(records)


def test_modules_come_only_from_the_folder(outcome, folders):
    for name, file in outcome["modules"].items():
        if name.partition(".")[0] in ("scf_mps", "handlers", "index"):
            assert Path(file).is_relative_to(folders["ours"])


def test_nothing_is_written_into_the_folder(outcome, folders):
    there = {path.relative_to(folders["ours"]) for path in folders["ours"].rglob("*")}
    assert not [path for path in there if path.name == "__pycache__"]
    assert {path.parts[0] for path in there} == {"index.py", "handlers", "scf_mps"}


def test_handling_an_event_loads_no_slow_module(python, folders, tmp_path):
    event = payload("mps_workflow_seed_mixed")
    outcome = call(python, folders["ours"], "bare", event, tmp_path / "outcome.json")
    assert json.loads(outcome["returned"])["unhandled"] == []
    slow = {"asyncio", "dataclasses", "inspect", "typing", "unittest", "http", "urllib.request"}
    assert not slow & set(outcome["loaded"])
    assert "logging" in outcome["loaded"]
    library = Path(os.path.dirname(outcome["modules"]["json"])).parent
    for name, file in outcome["loaded"].items():
        if file is not None and not Path(file).is_relative_to(folders["ours"]):
            assert Path(file).is_relative_to(library), name
            assert "site-packages" not in file, name
    assert not {"asyncio", "dataclasses", "inspect"} & set(outcome["modules"])
    assert not {"scf_mps.cli", "scf_mps.local", "scf_mps.channels.envelope"} & set(
        outcome["modules"]
    )


def test_exit_in_callback_does_not_end_process(python, folders, tmp_path):
    event = payload("mps_workflow_seed_mixed")
    outcome = call(python, folders["exiting"], "imp", event, tmp_path / "outcome.json")
    kind, text = outcome["raised"]
    assert kind == "CallbacksFailed"
    first, second = text.splitlines()
    assert first.startswith("1 of 2 callbacks")
    assert second.startswith("  - handlers.leave on WorkflowTask/")
    assert second.endswith("/FINISH/MediaProcessResultSet[0]/Transcode/10: SystemExit: 3")
    assert "still here" in outcome["records"]
    assert second in outcome["traceback"]


def test_invalid_event_is_raised_for_dead_letter_queue(python, folders, tmp_path):
    outcome = call(python, folders["ours"], "path", {"hello": "scf"}, tmp_path / "outcome.json")
    kind, text = outcome["raised"]
    assert kind == "InvalidEvent"
    assert "EventType" in text
    record, handled = map(json.loads, outcome["records"])
    assert text in record["message"]
    assert text in handled["error"]
