"""What a requirements.txt brings into the zip: wheels for SCF's Python on any machine, and never an older version in silence."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path
from shutil import which

import pytest
from packaging.version import Version

from scf_mps.deploy.packing.problems import BuildFailed
from scf_mps.deploy.packing.pruning import prune
from scf_mps.deploy.packing.requirements import read_requirements
from scf_mps.deploy.packing.resolving import Chosen, choose, fetch
from scf_mps.deploy.packing.runtimes import runtime_named
from scf_mps.deploy.packing.wheels import unpack

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


def test_of_a_file_that_two_have_that_of_the_one_the_other_needs_is_taken(
    project: Project, offline: Path
) -> None:
    project.write(
        {"requirements.txt": "sdk_mps==3.2\nsdk_common==3.1\ncos==1.9\npycryptodome==3.0\n"}
    )
    report = project.build("--layer")
    assert project.text("sdk/__init__.py", "dist/layer.zip") == "V = 'common'\n"
    assert report["warnings"] == []
    parts = {part["name"]: part["version"] for part in report["layer"]["parts"]}
    assert parts["sdk"] == "sdk-common 3.1"
    printed = project.run("--layer").stdout
    assert f"sha256 {report['layer']['sha256']}\n" in printed  # the same bytes again
    assert "dependencies: cos 1.9, pycryptodome 3.0, sdk-common 3.1, sdk-mps 3.2\n" in printed
    assert "left out: Crypto, " in printed


@pytest.mark.parametrize(
    ("files", "keep", "pruned"),
    [
        ({"handlers/a.py": "import qcloud_cos"}, [], True),
        ({"handlers/a.py": "import qcloud_cos"}, ["Crypto"], False),
        ({"handlers/a.py": "def f():\n  from qcloud_cos import cos_encryption_client"}, [], False),
        ({"other/deep/a.py": "import os, Crypto.Cipher"}, [], False),
        ({"handlers/a.py": "CryptoBox = 'import Crypto'"}, [], True),
    ],
)
def test_crypto_is_pruned_only_if_nothing_uses_it(
    tmp_path: Path, files: dict[str, str], keep: list[str], pruned: bool
) -> None:
    sdk = {
        "qcloud_cos/crypto.py": "from Crypto import Cipher",
        "Crypto/__init__.py": "import Crypto.x",
    }
    Project(tmp_path / "layer").write(sdk)
    Project(tmp_path / "code").write(files)
    told = prune([tmp_path / "code", tmp_path / "layer"], keep)
    assert told == ({"Crypto": len("import Crypto.x")} if pruned else {})
    assert (tmp_path / "layer" / "Crypto").exists() is not pruned


def test_the_order_of_names_does_not_decide_whose_file_is_taken(tmp_path: Path) -> None:
    shared = [
        make_wheel(tmp_path, name, "1.0", {"shared/": "", "shared/__init__.py": name})
        for name in ("early", "late")
    ]
    chosen = [
        Chosen(name, "1.0", f"{name}==1.0", None, True, needs, frozenset())
        for name, needs in (("early", ("late>=1",)), ("late", ()))
    ]
    found = unpack(dict(zip(("early", "late"), shared, strict=True)), chosen, tmp_path / "to")
    assert (tmp_path / "to" / "shared" / "__init__.py").read_text() == "late"
    assert found.owners["shared/__init__.py"] == "late"
    assert found.disputed == {}


def test_a_wheel_whose_digest_no_index_tells_is_fetched(
    project: Project, offline: Path, tmp_path: Path
) -> None:
    one = Chosen("oldpython", "1.0", "oldpython==1.0", None, True, (), frozenset())
    assert fetch([one], RUNTIME, project.folder, tmp_path)["oldpython"].is_file()


def test_a_commit_of_a_repository_is_taken_by_its_hash(
    project: Project, offline: Path, tmp_path: Path
) -> None:
    if which("git") is None:
        pytest.skip("NOT TESTED with a repository: there is no git on this machine")
    with tarfile.open(offline / "checksums-2.0.tar.gz") as archive:
        archive.extractall(tmp_path)
    git = [
        "git",
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b.example",
        "-C",
        tmp_path / "checksums-2.0",
    ]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "all"]):
        subprocess.run([*git, *command], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    url = f"git+file://{tmp_path}/checksums-2.0"
    project.write({"requirements.txt": f"checksums @ {url}\n"})
    wanted = read_requirements(project.folder / "requirements.txt", RUNTIME.markers)
    (one,) = choose(wanted, RUNTIME, project.folder, tmp_path)
    assert one.requirement == f"checksums @ {url}@{head.stdout.strip()}"
    assert not one.is_wheel


def test_crypto_of_somebody_who_has_no_cos_sdk_is_not_pruned(tmp_path: Path) -> None:
    Project(tmp_path).write({"Crypto/__init__.py": ""})
    assert prune([tmp_path], []) == {}


def test_what_is_left_out_of_wheels_can_be_kept(index: Path, tmp_path: Path) -> None:
    wheels = {"greeting": index / "greeting-1.0-py3-none-any.whl"}
    one = Chosen("greeting", "1.0", "greeting==1.0", None, True, (), frozenset())
    found = unpack(wheels, [one], tmp_path, ["greeting/*"])
    assert set(found.owners) == {
        "greeting-1.0.dist-info/METADATA",
        "greeting/__init__.py",
        "greeting/__init__.pyi",
        "greeting/py.typed",
        "greeting/tests/__init__.py",
        "greeting_more.py",
    }


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
    project: Project, offline: Path, tmp_path: Path
) -> None:
    assert chosen(project, "scf-mps\nplugin\n", tmp_path / "work") == {
        "fastcrc": "0.5.0",
        "plugin": "1.0",
    }
    with pytest.raises(BuildFailed, match=r"expected scf-mps>=99, but this is scf-mps \d"):
        chosen(project, "demanding\n", tmp_path / "work")


def test_a_requirements_file_without_requirements_brings_nothing(
    project: Project, tmp_path: Path
) -> None:
    assert chosen(project, "# nothing yet\n\nscf-mps\n", tmp_path / "work") == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("-e .\n", "requirements.txt:1: -e .: a function cannot hold what is editable"),
        ("\n-r requirements.txt\n", "requirements.txt: refers to itself"),
        ("-r gone.txt\n", "gone.txt: No such file or directory"),
        ("nowhere-to-be-found\n", "pip: ERROR: Could not find a version that satisfies"),
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


def test_names_of_dependencies_are_checked_too(project: Project, offline: Path) -> None:
    project.write({"requirements.txt": "typing_backport==1.0\n", "typing.py": ""})
    conflict, runtime, typing = project.problems("--include", "typing.py")
    assert conflict == "typing.py: is in the project and in typing-backport; rename the project's"
    assert runtime.startswith("runtime.py: SCF's runtime has a module 'runtime' of its own")
    assert typing.startswith("typing.py: would be imported in place of 'typing'")


def test_a_file_that_leads_out_of_the_folder_is_refused(index: Path, tmp_path: Path) -> None:
    wheels = {"climber": index / "climber-1.0-py3-none-any.whl"}
    with pytest.raises(BuildFailed, match=r"climber-1.0-py3-none-any.whl: a file that leads out"):
        unpack(wheels, [], tmp_path)


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
    assert not by_name["crcmod"].is_wheel
