"""`exclude` in serverless.yml: the same files as Tencent's npm client, but no file that the function imports."""

import json

import pytest

from scf_mps.deploy.exclude import match_exclude
from scf_mps.doctor.project import open_project
from tests.support.sample_data import DATA

from .support import list_deployed_files, run_cli

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

    result = run_cli("deploy")

    assert result.code == 0, result.err
    assert list_deployed_files(scf) == [
        "handlers/__init__.py",
        "handlers/__pycache__/rules.cpython-310.pyc",
        "handlers/rules.py",
        "index.py",
        "native.so",
        "shared/__init__.py",
        "shared/data.py",
        "shared/old.py",
    ]
    assert "left out: 5 files, in fast.py, handlers, optional.py, tests" in result.err


def test_exclude_takes_one_pattern_without_a_list(built, scf):
    built.write(src={"src": "./", "dist": "./build", "exclude": "tests"})

    assert run_cli("deploy").code == 0
    assert "tests/test_it.py" not in list_deployed_files(scf)
    built.write(src={"src": "./", "exclude": "build/tests"})
    with open_project(built.path) as project:
        assert "build/index.py" in project.upload.names
        assert "build/tests/test_it.py" not in project.upload.names


def test_exclude_without_match_is_a_warning(built):
    write_exclude(built, "tests/", "tests")

    result = run_cli("deploy", "--dry-run")

    assert result.code == 0, result.err
    assert "warning: inputs.src.exclude: 'tests/' matches nothing" in result.err
    assert "'tests' matches nothing" not in result.err


@pytest.mark.parametrize(
    ("pattern", "problems"),
    [
        ("!(handlers|index.py)/**", ["shared/__init__.py", "shared/data.py", "shared/old.py"]),
        ("handlers/rules.py", ["handlers/rules.py"]),
        ("**/__init__.py", ["handlers/__init__.py", "shared/__init__.py"]),
    ],
)
def test_exclude_of_imported_file_is_rejected(built, pattern, problems):
    write_exclude(built, pattern)

    result = run_cli("deploy", "--dry-run")

    assert result.code == 1
    assert [
        line.partition(":")[0] for line in result.err.splitlines()[-len(problems) :]
    ] == problems


def test_exclude_of_entry_file_is_rejected(built):
    write_exclude(built, "*.py")

    result = run_cli("deploy", "--dry-run")

    assert (result.code, "index.py is not in the root" in result.err) == (1, True)
