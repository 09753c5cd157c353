"""What a requirements.txt brings into the zip: wheels for SCF's Python on any machine, and never an older version in silence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from packaging.version import Version

from scf_mps.deploy.packing.problems import BuildFailed
from scf_mps.deploy.packing.requirements import read_requirements
from scf_mps.deploy.packing.resolving import choose, fetch
from scf_mps.deploy.packing.runtimes import runtime_named

from .conftest import Project, make_wheel

RUNTIME = runtime_named("Python3.10")


def chosen(project: Project, requirements: str, work: Path) -> dict[str, str]:
    """What is chosen for these lines, by name, without a build."""
    project.write({"requirements.txt": requirements})
    wanted = read_requirements(project.folder / "requirements.txt", RUNTIME.markers)
    work.mkdir(exist_ok=True)
    return {one.name: one.version for one in choose(wanted, RUNTIME, project.folder, work)}


def test_dependencies_are_those_of_scf_s_python_and_system(project: Project, offline: Path) -> None:
    project.write(
        {
            "requirements.txt": "greeting[loud]==1.0 # says hello\n"
            'oldpython==1.0; python_version < "3.11"\n'
            'windows; sys_platform == "win32"\n'
            "client==1.9\nsdk_mps\naaa\npython2\ncos\n",
            "handlers/late.py": "import client, checksums, loud_voice, greeting_more, qcloud_cos\n"
            "assert checksums.VERSION == '2.0'\n",
        }
    )
    report = project.build()
    assert report["dependencies"] == {
        "aaa": "1.0",
        "checksums": "2.0, built",
        "client": "1.9",
        "cos": "1.9",
        "greeting": "1.0",
        "loud-voice": "1.0",
        "native": "1.0",
        "oldpython": "1.0",
        "pycryptodome": "3.0",
        "python2": "1.0",
        "sdk-common": "3.1",
        "sdk-mps": "3.2",
    }
    pinned, disputed, old = report["warnings"]
    assert pinned == (
        "not pinned, so that a later build may differ; for requirements.txt: aaa==1.0 "
        "checksums==2.0 cos==1.9 loud-voice==1.0 native==1.0 pycryptodome==3.0 python2==1.0 "
        "sdk-common==3.1 sdk-mps==3.2"
    )
    assert disputed == (
        "sdk/__init__.py: in several distributions and not the same; that of aaa was taken"
    )
    assert old.startswith("python2.py:1: no Python 3.10: ")
    names = {name for name in project.names() if not name.startswith(("scf_mps", "handlers"))}
    assert {name for name in names if name.startswith(("greeting", "tests"))} == {
        "greeting-1.0.dist-info/METADATA",
        "greeting/__init__.py",
        "greeting/__pycache__/__init__.cpython-310.pyc",
        "greeting_more.py",
    }
    assert "checksums/__init__.py" in names
    assert report["pruned"].keys() == {"Crypto", "stubs, tests, metadata"}
    assert not [name for name in names if name.startswith("Crypto")]
    parts = {part["name"]: part["version"] for part in report["code"]["parts"]}
    assert parts["sdk"] == "aaa 1.0"
    assert parts["*.dist-info"] == ""
    printed = project.run().stdout
    assert f"sha256 {report['code']['sha256']}\n" in printed
    assert "left out: Crypto, " in printed
    assert "dependencies: aaa 1.0, checksums 2.0, built, client 1.9, " in printed


def test_of_a_file_that_two_have_that_of_the_one_the_other_needs_is_taken(
    project: Project, offline: Path
) -> None:
    project.write({"requirements.txt": "sdk_mps==3.2\nsdk_common==3.1\n"})
    report = project.build("--layer")
    assert project.text("sdk/__init__.py", "dist/layer.zip") == "V = 'common'\n"
    assert report["warnings"] == []
    assert {part["name"]: part["version"] for part in report["layer"]["parts"]}["sdk"] == (
        "sdk-common 3.1"
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--keep", "Crypto", "--keep", "greeting/*"], ""),
        ([], "def later():\n    from qcloud_cos import cos_encryption_client\n"),
    ],
)
def test_what_is_used_or_to_be_kept_is_not_pruned(
    project: Project, offline: Path, options: list[str], text: str
) -> None:
    lines = "cos==1.9\npycryptodome==3.0\n" + ("" if text else "greeting==1.0\n")
    project.write({"requirements.txt": lines, "handlers/late.py": text})
    report = project.build(*options)
    assert "Crypto" not in report["pruned"]
    assert "Crypto/__init__.py" in project.names()
    assert ("greeting/tests/__init__.py" in project.names()) is not bool(text)


def test_nothing_older_is_taken_in_silence(project: Project, offline: Path, tmp_path: Path) -> None:
    """pip itself takes the old client here: the new one needs what has a wheel in an old version alone, or in none."""
    (tmp_path / "more").mkdir()
    make_wheel(offline, "sdkv5", "1.8", {"sdkv5.py": ""})
    make_wheel(offline, "sdkv5", "1.9", {"sdkv5.py": ""}, "stubborn")
    usual = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "sdkv5"]
    confined = ["--only-binary=:all:", "--python-version=3.10", f"--target={tmp_path / 'x'}"]
    ended = subprocess.run([*usual, *confined], capture_output=True, text=True, check=True)
    assert "Would install sdkv5-1.8" in ended.stdout
    project.write({"requirements.txt": "sdkv5\n"})
    told, said = project.problems()[:2]
    assert told.startswith(
        "stubborn 1.0 has no wheel for Python3.10 on x86_64 Linux, and needs a C compiler: pin"
    )
    assert said.startswith("pip: ")


def test_a_wheel_that_came_to_be_for_this_machine_is_refused(
    project: Project, offline: Path
) -> None:
    project.write({"requirements.txt": "foreign\n"})
    (problem, *_) = project.problems()
    assert problem.startswith(
        "foreign 1.0 has no wheel for Python3.10 on x86_64 Linux, and what is built of it is for"
    )


def test_versions_that_others_ask_for_are_kept_to(
    project: Project, offline: Path, tmp_path: Path
) -> None:
    assert chosen(project, "checksums\ncapped\n", tmp_path / "work") == {
        "capped": "1.0",
        "checksums": "1.0",
    }


def test_what_a_version_needed_that_is_not_taken_in_the_end_is_forgotten(
    project: Project, offline: Path, tmp_path: Path
) -> None:
    make_wheel(offline, "shrinking", "1.0", {"shrinking.py": ""})
    make_wheel(offline, "shrinking", "2.0", {"shrinking.py": ""}, "oldpython")
    make_wheel(offline, "holder", "1.0", {"holder.py": ""}, "shrinking<2")
    assert chosen(project, "shrinking\nholder\n", tmp_path / "work") == {
        "holder": "1.0",
        "shrinking": "1.0",
    }


def test_versions_that_never_settle_are_given_up(
    project: Project, offline: Path, tmp_path: Path
) -> None:
    """Each version of one forbids the version of the other by which it was chosen."""
    make_wheel(offline, "spin", "1.0", {"spin.py": ""})
    make_wheel(offline, "spin", "2.0", {"spin.py": ""}, "weight")
    make_wheel(offline, "weight", "1.0", {"weight.py": ""}, "spin<2")
    with pytest.raises(BuildFailed, match="no versions fit together: pin them"):
        chosen(project, "spin\n", tmp_path / "work")


def test_constraints_hashes_and_further_files_are_kept_to(
    project: Project, offline: Path, tmp_path: Path
) -> None:
    project.write(
        {
            "more/base.txt": "-c held.txt\n",
            "more/held.txt": 'checksums==1.0 # why not\nnative==9; python_version > "3.10"\n',
        }
    )
    assert chosen(project, "--requirement more/base.txt\nchecksums\n", tmp_path / "work") == {
        "checksums": "1.0"
    }
    digest = "0" * 64
    with pytest.raises(BuildFailed, match=r"(?s)pip: .*HASH") as caught:
        chosen(project, f"oldpython==1.0 \\\n  --hash=sha256:{digest}\n", tmp_path / "work")
    assert len(caught.value.problems) == 1


def test_a_wheel_of_the_project_s_own_and_one_that_this_needs_are_taken(
    project: Project, offline: Path
) -> None:
    (project.folder / "vendor").mkdir()
    make_wheel(project.folder / "vendor", "vendored", "1.0", {"vendored.py": ""}, "oldpython")
    project.write({"requirements.txt": "./vendor/vendored-1.0-py3-none-any.whl\noldpython==1.0\n"})
    report = project.build()
    assert report["dependencies"] == {"oldpython": "1.0", "vendored": "1.0"}


def test_the_package_itself_is_the_one_that_builds_with_the_extras_that_are_asked_for(
    project: Project, offline: Path
) -> None:
    project.write({"requirements.txt": "scf-mps\nplugin==1.0\nfastcrc==0.5.0\n"})
    report = project.build()
    assert report["dependencies"] == {"fastcrc": "0.5.0", "plugin": "1.0"}
    assert "fastcrc.py" in project.names()
    (project.folder / "dist" / "function.zip").unlink()
    (project.folder / "dist").rmdir()
    project.write({"requirements.txt": "demanding\n"})
    (problem,) = project.problems()
    assert problem.startswith("expected scf-mps>=99, but this is scf-mps ")


def test_a_requirements_file_without_requirements_brings_nothing(
    project: Project, offline: Path
) -> None:
    project.write({"requirements.txt": "# nothing yet\n\nscf-mps\n"})
    assert project.build()["dependencies"] == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("-e .\n", "requirements.txt:1: -e .: a function cannot hold what is editable"),
        ("\n-r requirements.txt\n", "requirements.txt: refers to itself"),
        ("-r gone.txt\n", "gone.txt: No such file or directory"),
        ("nowhere-to-be-found\n", "pip: ERROR: Could not find a version that satisfies"),
        ("typing_backport\n", "runtime.py: SCF's runtime has a module 'runtime' of its own"),
        ("climber\n", "climber-1.0-py3-none-any.whl: a file that leads out of the folder"),
        ("https://me:s3cret@127.0.0.1:9/x-1-py3-none-any.whl", "pip: "),
    ],
)
def test_what_cannot_be_fulfilled_is_named(
    project: Project, offline: Path, monkeypatch: pytest.MonkeyPatch, text: str, why: str
) -> None:
    monkeypatch.setenv("PIP_RETRIES", "0")
    project.write({"requirements.txt": text})
    problems = project.problems()
    assert problems[0].startswith(why)
    assert "s3cret" not in "".join(problems)


def test_a_module_of_the_project_and_of_a_dependency_cannot_both_be(
    project: Project, offline: Path
) -> None:
    project.write({"requirements.txt": "oldpython==1.0\n", "oldpython.py": ""})
    (problem,) = project.problems("--include", "oldpython.py")
    assert problem == "oldpython.py: is in the project and in oldpython; rename the project's"


def test_the_cos_sdk_is_the_current_one(project: Project, tmp_path: Path) -> None:
    """With the index of this machine's pip: the recipe everybody uses gets version 1.8.3 instead."""
    project.write({"requirements.txt": "cos-python-sdk-v5\n"})
    wanted = read_requirements(project.folder / "requirements.txt", RUNTIME.markers)
    try:
        found = choose(wanted, RUNTIME, project.folder, tmp_path)
    except BuildFailed as failed:
        pytest.skip(f"NOT TESTED with the real COS SDK, it cannot be had from here: {failed}")
    by_name = {one.name: one for one in found}
    assert Version(by_name["cos-python-sdk-v5"].version) >= Version("1.9.44")
    crcmod = by_name["crcmod"]
    assert not crcmod.is_wheel
    wheels = fetch([crcmod], RUNTIME, project.folder, tmp_path)
    assert wheels["crcmod"].name == "crcmod-1.7-py3-none-any.whl"
