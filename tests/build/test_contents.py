"""Contents of the zip: the application, the package without tooling, bytecode, and no private files."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scf_mps.build.archive import write_zip
from scf_mps.build.contents import PACKAGE, TOOLING
from tests.support.build_projects import SMALL, Project
from tests.support.interpreters import find
from tests.support.optional_programs import skip_without_python
from tests.support.sample_data import ROOT, payload

RUNTIMES = ("3.10", "3.12", "3.13")

INVOKE = """
import json, sys
sys.path[:0] = sys.argv[3:]
import index
print(json.dumps(index.main_handler(json.loads(sys.argv[1]), json.loads(sys.argv[2]))), file=sys.stderr)
"""


def unpack(archive, folder):
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(folder)
    return folder


def invoke(python, *folders):
    """Return the callbacks that handle the documentation's event."""
    event = json.dumps(payload("mps_workflow_seed_mixed"))
    process = subprocess.run(
        [python, "-I", "-S", "-B", "-c", INVOKE, event, '{"time_limit_in_ms": 60000}', *folders],
        capture_output=True,
        text=True,
        timeout=60,
        env={"TENCENTCLOUD_RUNENV": "SCF"},
    )
    assert process.returncode == 0, process.stderr
    summary = json.loads(process.stderr.splitlines()[-1])
    return [call["callback"] for call in summary["callbacks"]]


@pytest.mark.usefixtures("python310")
def test_zip_has_byte_code_for_every_source(ours):
    names = ours.names()
    assert names == sorted(names)
    assert {name.split("/")[0] for name in names} == {
        "__pycache__",
        "handlers",
        "index.py",
        "scf_mps",
    }
    sources = {name for name in names if name.endswith(".py")}
    compiled = {
        name.replace("__pycache__/", "").replace(".cpython-310.pyc", ".py")
        for name in names
        if name not in sources
    }
    assert compiled == sources
    assert ours.text("index.py") == "from handlers import main_handler as main_handler\n"
    assert {name for name in sources if name.startswith("handlers/")} == {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "handlers").glob("*.py")
    }


def test_zip_has_the_package_without_tooling(ours):
    deployed = {name for name in ours.names() if name.startswith("scf_mps/")}
    package = {f"scf_mps/{path.relative_to(PACKAGE).as_posix()}" for path in PACKAGE.rglob("*.py")}
    left_out = package - deployed
    tooling = {name for name in left_out if name.split("/")[1] in TOOLING}
    assert left_out - tooling == {"scf_mps/__main__.py", "scf_mps/events/generated/callbacks.py"}
    assert {name.split("/")[1] for name in tooling} == TOOLING
    assert not [name for name in deployed if name.split("/")[1] in TOOLING]


def test_default_zip_is_small(ours):
    assert (ours.folder / "dist" / "function.zip").stat().st_size < 1024 * 1024


def test_folder_and_zip_have_the_same_files(ours, tmp_path):
    there = unpack(ours.folder / "dist" / "function.zip", tmp_path)
    built = ours.folder / "build"
    files = {path.relative_to(built).as_posix() for path in built.rglob("*") if path.is_file()}
    assert files == set(ours.names())
    assert all((there / name).read_bytes() == (built / name).read_bytes() for name in files)


def test_zip_entries_have_fixed_date_host_and_mode(ours):
    with zipfile.ZipFile(ours.folder / "dist" / "function.zip") as opened:
        assert {
            (info.date_time, info.create_system, info.external_attr >> 16)
            for info in opened.infolist()
        } == {((1980, 1, 1, 0, 0, 0), 3, 0o100644)}


def test_build_is_reproducible(ours, tmp_path):
    other = Project(tmp_path / "elsewhere" / "and deeper")
    shutil.copytree(ROOT / "handlers", other.folder / "handlers", copy_function=shutil.copyfile)
    for path in other.folder.rglob("*.py"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    other.build()
    first = (ours.folder / "dist" / "function.zip").read_bytes()
    assert (other.folder / "dist" / "function.zip").read_bytes() == first
    assert str(tmp_path).encode() not in b"".join(
        path.read_bytes() for path in (other.folder / "build").rglob("*.pyc")
    )


@settings(max_examples=15, deadline=None)
@given(
    files=st.dictionaries(
        st.from_regex(r"[a-cé]{1,3}(/[a-cé]{4}){0,2}", fullmatch=True), st.binary(max_size=99)
    )
)
def test_zip_is_independent_of_file_creation_order(tmp_path_factory, files):
    written = []
    for names in (sorted(files), sorted(files, reverse=True)):
        top = tmp_path_factory.mktemp("tree")
        for name in names:
            path = top / "files" / f"{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files[name])
        (top / "files").mkdir(exist_ok=True)
        write_zip(top / "files", top / "made.zip")
        written.append((top / "made.zip").read_bytes())
    assert written[0] == written[1]


def test_byte_code_is_loaded_without_checking_source(python310, ours, tmp_path):
    folder = unpack(ours.folder / "dist" / "function.zip", tmp_path)
    for path in folder.rglob("*.pyc"):
        assert path.read_bytes()[4:8] == b"\x01\0\0\0"  # PEP 552: by hash, unchecked
    for path in folder.rglob("*.py"):
        path.write_text("raise SystemExit('compiled anew')")
    assert "handlers.renditions.record_rendition" in invoke(python310, folder)


@pytest.mark.usefixtures("python310")
def test_byte_code_contains_path_in_cloud(project, tmp_path):
    project.build()
    (compiled,) = (project.folder / "build" / "handlers").rglob("*.pyc")
    assert b"/var/user/handlers/__init__.py" in compiled.read_bytes()


@pytest.mark.parametrize("version", RUNTIMES)
def test_zip_handles_sample_event_under_each_runtime(version, tmp_path):
    python = find(version)
    if python is None:
        skip_without_python(version)
    made = Project(tmp_path / "made")
    shutil.copytree(ROOT / "handlers", made.folder / "handlers")
    report = made.build("--runtime", f"Python{version}")
    assert (report["bytecode"], report["imported"], report["warnings"]) == (True, True, [])
    folder = unpack(made.folder / "dist" / "function.zip", tmp_path / "user")
    assert invoke(python, folder) == [
        "handlers.renditions.record_rendition",
        "handlers.failures.report_result",
        "handlers.pictures.record_snapshots",
        "handlers.pictures.record_sprites",
    ]


def test_layer_contains_the_package(python310, tmp_path):
    made = Project(tmp_path / "made")
    shutil.copytree(ROOT / "handlers", made.folder / "handlers")
    report = made.build("--layer")
    assert {name.split("/")[0] for name in made.names()} == {"__pycache__", "handlers", "index.py"}
    assert {name.split("/")[0] for name in made.names("dist/layer.zip")} == {"scf_mps"}
    assert report["code"]["bytes"] < 20_000 < report["layer"]["bytes"]
    code = unpack(made.folder / "dist" / "function.zip", tmp_path / "user")
    layer = unpack(made.folder / "dist" / "layer.zip", tmp_path / "opt")
    assert b"/opt/scf_mps/app.py" in next(layer.glob("scf_mps/__pycache__/app.*")).read_bytes()
    assert invoke(python310, code, layer)


@pytest.mark.usefixtures("python310")
def test_zip_has_no_private_files(project):
    project.write(
        {
            ".env": "TENCENT_SECRET_KEY=x",
            "handlers/.env": "TENCENT_SECRET_KEY=x",
            "handlers/.env.local": "x",
            "handlers/.git/config": "",
            "handlers/.idea/workspace.xml": "",
            "handlers/__pycache__/old.cpython-311.pyc": "",
            "handlers/tests/test_it.py": "",
            "handlers/test_more.py": "",
            "handlers/mine.py~": "",
            "handlers/.mine.py.swp": "",
            "handlers/template.html": "<p>",
            "handlers/deep/__init__.py": "",
            "tests/test_it.py": "",
            "README.md": "",
        }
    )
    os.mkfifo(project.folder / "handlers" / "pipe")
    project.build()
    users = [name for name in project.names() if not name.startswith("scf_mps/")]
    assert users == [
        "__pycache__/index.cpython-310.pyc",
        "handlers/__init__.py",
        "handlers/__pycache__/__init__.cpython-310.pyc",
        "handlers/deep/__init__.py",
        "handlers/deep/__pycache__/__init__.cpython-310.pyc",
        "handlers/template.html",
        "index.py",
    ]


def test_include_adds_files_of_the_project(project):
    project.write({"shared/rules.py": "RULES = ()\n", "data/sizes.json": "{}", "one.py": ""})
    project.write({"handlers/__init__.py": f"import shared.rules\n{SMALL}"})
    (project.folder / "one.py").chmod(0o755)
    project.build("--include", "shared", "--include", "data/sizes.json", "--include", "one.py")
    assert {"shared/rules.py", "data/sizes.json", "one.py"} < set(project.names())
    with zipfile.ZipFile(project.folder / "dist" / "function.zip") as opened:
        assert opened.getinfo("one.py").external_attr >> 16 == 0o100755


@pytest.mark.parametrize(
    "name",
    [
        *("nothing", "../outside", ".", "", "..", "handlers/..", "shared/../shared"),
        *("./../project", "/etc", "{folder}/handlers"),
    ],
)
def test_include_rejects_paths_outside_the_project(project, name):
    (project.folder.parent / "outside").write_text("")
    name = name.format(folder=project.folder)
    assert project.fail_once(include=[name]) == ("invalid_include", "--include")


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (".", "link"),
        ("..", "link"),
        ("/etc", "link"),
        (".git", "link"),
        ("link", "link"),
        ("gone", "link"),
        ("..", "link/outside"),
    ],
)
def test_include_rejects_invalid_link(project, target, name):
    project.write({"../outside/secret.txt": "", ".git/config": ""})
    (project.folder / "link").symlink_to(target)
    assert project.fail_once(include=[name]) == ("invalid_link", "link")


def test_include_follows_a_link_inside_the_project(project):
    project.write({"shared/deep/a.txt": "x", "./one.txt": ""})
    (project.folder / "alias").symlink_to("shared")
    project.build("--include", "alias/deep", "--include", "./one.txt")
    assert {"alias/deep/a.txt", "one.txt"} < set(project.names())


@pytest.mark.parametrize(
    ("option", "value"),
    [("folder", "data/build"), ("archive", "data/f.zip"), ("archive", "handlers/f")],
)
def test_build_rejects_output_in_packed_folder(project, option, value):
    project.write({"data/a.txt": ""})
    code = project.fail_once(include=["data"], **{option: Path(value)})
    assert code == ("invalid_output", value)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"caf\xe9.txt", r"caf\xe9.txt"),
        (b"two\nlines.py", r"two\nlines.py"),
        (b"bell\x07", r"bell\x07"),
        ("line\u2028separator".encode(), r"line\u2028separator"),
        (b"back\\slash.txt", "back\\slash.txt"),
        (b"\xff\xfe/inner.txt", r"\xff\xfe/inner.txt"),
    ],
)
def test_build_rejects_invalid_names(project, name, shown):
    path = project.folder / "handlers" / os.fsdecode(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    assert project.fail_once() == ("invalid_name", f"handlers/{shown}")


def test_build_rejects_too_deep_folders(project):
    (project.folder / "handlers" / Path(*["d"] * 200)).mkdir(parents=True)
    code, path = project.fail_once()
    assert (code, path[:3]) == ("too_many_levels", "d/d")


def test_build_accepts_names_in_other_alphabets(project):
    project.write({"handlers/模板　一.html": "", "handlers/é ü.txt": ""})
    project.build()
    assert {"handlers/模板　一.html", "handlers/é ü.txt"} < set(project.names())


def test_build_names_unreadable_folder(project, monkeypatch):
    with monkeypatch.context() as patch:
        patch.chdir(project.folder / "handlers")
        for _ in range(20):  # deeper than a path may be long
            Path("d" * 250).mkdir()
            os.chdir("d" * 250)
    code, path = project.fail_once()
    assert code == "unreadable_file"
    assert path.startswith(f"{project.folder}/handlers/ddd")


def test_build_names_unreadable_file(project, monkeypatch):
    project.write({"handlers/locked.txt": ""})
    copy = shutil.copyfile

    def refuse(path: Path, to: Path) -> None:
        if path.name == "locked.txt":
            raise PermissionError(13, "Permission denied")
        copy(path, to)

    monkeypatch.setattr("shutil.copyfile", refuse)
    assert project.fail_once() == ("unreadable_file", "handlers/locked.txt")


@pytest.mark.usefixtures("python310")
def test_build_warns_about_names_differing_in_case(project):
    project.write({"handlers/Page.html": "", "handlers/page.html": ""})
    (warning,) = project.build()["warnings"]
    assert warning.startswith("handlers/Page.html, handlers/page.html: ")


def test_build_packs_files_older_than_zip(project):
    project.write({"handlers/old.txt": ""})
    os.utime(project.folder / "handlers" / "old.txt", (0, 0))
    project.build()
    assert "handlers/old.txt" in project.names()


def test_build_leaves_out_local_files(project, monkeypatch):
    project.write(
        {
            "handlers/node_modules/x/index.js": "",
            "handlers/.venv/pyvenv.cfg": "",
            "handlers/environment/pyvenv.cfg": "",
            "handlers/environment/lib/x.py": "",
            "handlers/.git/config": "",
            "handlers/.mypy_cache/x.json": "",
            "handlers/.DS_Store": "",
            "handlers/deep/__pycache__/a.cpython-311.pyc": "",
            "handlers/old.pyc": "",
            "handlers/deep/kept.txt": "",
        }
    )
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(project.folder / "handlers")  # the name of a socket is short
        listener.bind("pipe.sock")
        result = project.run()
    assert result.exit_code == 0
    assert (
        "left out: from the project: .DS_Store, .git, .mypy_cache, .venv, __pycache__, environment, "
        "node_modules, old.pyc, pipe.sock\n"
    ) in result.stdout
    handlers = {name for name in project.names() if name.startswith("handlers/")}
    assert {name for name in handlers if not name.endswith(".pyc")} == {
        "handlers/__init__.py",
        "handlers/deep/kept.txt",
    }
    project.write({f"handlers/test_{number}.py": "" for number in range(20)})
    assert "more\n" in project.run().stdout


def test_build_follows_link_inside_the_project(project):
    project.write({"shared/rules.py": "RULES = ()\n"})
    (project.folder / "handlers" / "shared").symlink_to("../shared")
    (project.folder / "handlers" / ".venv").symlink_to("/nowhere")
    project.build()
    assert project.text("handlers/shared/rules.py") == "RULES = ()\n"


@pytest.mark.parametrize(
    ("target", "word"),
    [
        ("/etc/hostname", "out"),
        ("nowhere", "missing"),
        ("link", "missing"),
        ("../handlers", "contains"),
        ("../.env", ".env"),
    ],
)
def test_build_rejects_other_links(project, target, word):
    project.write({".env": "x"})
    (project.folder / "handlers" / "link").symlink_to(target)
    [problem] = project.fail()
    assert (problem.code, problem.path) == ("invalid_link", "handlers/link")
    assert word in problem.message


def test_build_rejects_loop_of_links(project):
    project.write({"a/one.py": "", "b/two.py": ""})
    (project.folder / "a" / "b").symlink_to("../b")
    (project.folder / "b" / "a").symlink_to("../a")
    assert project.fail_once(include=["a"]) == ("invalid_link", "a/b/a")


def test_build_rejects_project_without_handlers(tmp_path):
    assert Project(tmp_path).fail_once() == ("missing_handlers", str(tmp_path))


def test_build_replaces_only_output_of_a_build(project):
    project.write({"build/precious.txt": "x"})
    assert project.fail_once() == ("invalid_output", "--out")
    (project.folder / "empty").mkdir()
    project.build("--out", "empty")
    (project.folder / "empty" / "stale.py").write_text("")
    project.build("--out", "empty")
    assert not (project.folder / "empty" / "stale.py").exists()
    assert (project.folder / "build" / "precious.txt").exists()


@pytest.mark.parametrize("folder", [".", "..", "handlers/build"])
def test_build_never_replaces_the_project(project, folder):
    assert project.fail_once(folder=Path(folder)) == ("invalid_output", "--out")


def test_module_runs_as_a_command(project, monkeypatch, capsys):
    monkeypatch.chdir(project.folder)
    monkeypatch.setattr(sys, "argv", ["build", "--json"])
    with pytest.raises(SystemExit) as left:
        runpy.run_module("scf_mps.build", run_name="__main__")
    assert not left.value.code
    assert json.loads(capsys.readouterr().out)["code"]["path"] == "dist/function.zip"


@pytest.mark.usefixtures("python310")
def test_report_has_sizes_of_parts(ours):
    printed = ours.run().stdout
    first = printed.splitlines()[0]
    assert first.startswith("dist/function.zip: ")
    assert " KB, unpacked " in first
    for what in ("scf_mps", "handlers", "index.py", "sha256 "):
        assert what in printed
    assert printed.splitlines()[-1] == (
        "for Python3.10: imported by its own Python, unpacked in build"
    )
    report = ours.build()
    parts = {part["name"]: part for part in report["code"]["parts"]}
    assert list(parts) == ["scf_mps", "handlers", "index.py"]
    assert parts["scf_mps"]["version"].startswith("scf-mps ")
    assert parts["index.py"]["files"] == 2
    assert sum(part["zipped"] for part in parts.values()) < report["code"]["bytes"]
    sizes = sum(part["source"] + part["bytecode"] + part["other"] for part in parts.values())
    assert sizes == report["code"]["unpacked"]
