"""`exclude` in serverless.yml: the files that Tencent's npm client leaves out, and no file that the function needs."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from scf_mps.deploy.exclude import match_exclude
from scf_mps.doctor.project import open_project
from tests.support.sample_data import DATA

from .conftest import Ran, deployed

RECORDED = json.loads((DATA / "exclude_fast_glob.json").read_text("utf-8"))
INDEX = "from handlers import main_handler as main_handler\n"


@pytest.mark.parametrize("pattern", RECORDED["excluded"])
def test_exclude_matches_what_fast_glob_matches(pattern):
    names = RECORDED["files"]

    assert sorted(match_exclude(names, [pattern])[pattern]) == RECORDED["excluded"][pattern]


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def names(scf):
    with zipfile.ZipFile(io.BytesIO(deployed(scf).latest.code)) as archive:
        return archive.namelist()


@pytest.fixture
def built(project):
    write(
        project.folder / "build",
        {
            "index.py": INDEX,
            "handlers/__init__.py": "def main_handler(event, context):\n    from . import rules\n",
            "handlers/rules.py": "import shared.data\n",
            "handlers/__pycache__/rules.cpython-310.pyc": "",
            "handlers/unused.py": "this is no Python\n",
            "handlers/__pycache__/unused.cpython-310.pyc": "",
            "shared/__init__.py": "import native\ntry:\n    import fast\nexcept ImportError:\n    pass\n",
            "shared/old.py": "print 'this is no Python 3'\n",
            "shared/data.py": "import shared.old\n\n\ndef late():\n    import optional\n",
            "native.so": "",
            "fast.py": "",
            "optional.py": "",
            "tests/test_it.py": "",
        },
    )
    return project


def write_exclude(project, *patterns):
    project.write(src={"src": "./", "dist": "./build", "exclude": list(patterns)})


def test_exclude_leaves_out_whole_folders_and_bytecode(built, scf):
    write_exclude(built, "tests", "handlers/unused.py", "{fast,optional}.py")

    ran = Ran("deploy")

    assert ran.code == 0, ran.err
    assert names(scf) == [
        "handlers/__init__.py",
        "handlers/__pycache__/rules.cpython-310.pyc",
        "handlers/rules.py",
        "index.py",
        "native.so",
        "shared/__init__.py",
        "shared/data.py",
        "shared/old.py",
    ]
    assert "5 files are left out, in fast.py, handlers, optional.py, tests" in ran.err


def test_exclude_takes_one_pattern_without_a_list(built, scf):
    built.write(src={"src": "./", "dist": "./build", "exclude": "tests"})

    assert Ran("deploy").code == 0
    assert "tests/test_it.py" not in names(scf)
    built.write(src={"src": "./", "exclude": "build/tests"})
    with open_project(built.path) as desk:
        assert "build/index.py" in desk.upload.names
        assert "build/tests/test_it.py" not in desk.upload.names


def test_exclude_that_matches_nothing_is_a_warning(built):
    write_exclude(built, "tests/", "tests")

    ran = Ran("deploy", "--dry-run")

    assert ran.code == 0, ran.err
    assert "warning: inputs.src.exclude: 'tests/' matches nothing" in ran.err
    assert "'tests' matches nothing" not in ran.err


@pytest.mark.parametrize(
    ("pattern", "problems"),
    [
        ("!(handlers|index.py)/**", ["shared/__init__.py", "shared/data.py", "shared/old.py"]),
        ("handlers/rules.py", ["handlers/rules.py"]),
        ("**/__init__.py", ["handlers/__init__.py", "shared/__init__.py"]),
    ],
)
def test_exclude_of_an_imported_file_is_refused(built, pattern, problems):
    write_exclude(built, pattern)

    ran = Ran("deploy", "--dry-run")

    assert ran.code == 1
    assert [line.partition(":")[0] for line in ran.err.splitlines()[-len(problems) :]] == problems


def test_exclude_of_the_entry_file_is_refused(built):
    write_exclude(built, "*.py")

    ran = Ran("deploy", "--dry-run")

    assert (ran.code, "no index.py in its root" in ran.err) == (1, True)
