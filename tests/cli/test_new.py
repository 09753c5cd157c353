"""The command new: its files and errors, and a project created by an installed wheel."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from scf_mps.cli import cli, project_template
from scf_mps.cli.project_template import make_files, make_function_name
from scf_mps.cli.wheel import build_wheel
from scf_mps.deploy.desired_state import parse_desired_state
from scf_mps.deploy.template import read_template
from tests.support.cli_commands import count_commands
from tests.support.sample_data import ROOT

OURS = yaml.safe_load((ROOT / "serverless.yml").read_text("utf-8"))
MATERIAL = "scf_mps/cli/material/"
[WHEEL] = [name for name in make_files("shop") if name.endswith(".whl")]


def new(*arguments):
    return CliRunner().invoke(cli, ["new", *map(str, arguments)])


def read_files(folder):
    """Return the files of a folder without bytecode."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def read_desired_state(folder):
    desired, warnings = parse_desired_state(
        read_template(folder / "serverless.yml", environment={})
    )
    assert not warnings
    return desired


# files


def test_new_copies_handlers(tmp_path):
    assert new(tmp_path / "shop").exit_code == 0
    assert read_files(tmp_path / "shop" / "handlers") == read_files(ROOT / "handlers")


def test_new_writes_tests_settings_and_ci(tmp_path):
    assert new(tmp_path / "shop").exit_code == 0
    names = {name for name in read_files(tmp_path / "shop") if not name.startswith("handlers/")}
    assert names == {
        ".github/workflows/ci.yml",
        ".gitignore",
        "README.md",
        "pyproject.toml",
        "requirements-dev.txt",
        "requirements.txt",
        "serverless.yml",
        "tests/test_function.py",
        WHEEL,
    }


def test_files_exclude_caches():
    assert not [name for name in make_files("shop") if "cache" in name]


def test_new_names_function_after_folder(tmp_path):
    assert new(tmp_path / "My shop (2)").exit_code == 0
    desired = read_desired_state(tmp_path / "My shop (2)")
    assert (desired.name, desired.region) == ("My-shop-2", "ap-guangzhou")


def test_new_uses_name_and_region_options(tmp_path):
    result = new(tmp_path / "视频", "--name", "video", "--region", "ap-hongkong")
    assert result.exit_code == 0
    desired = read_desired_state(tmp_path / "视频")
    assert (desired.name, desired.region) == ("video", "ap-hongkong")
    readme = (tmp_path / "视频" / "README.md").read_text("utf-8")
    assert readme.startswith("# video\n")


def test_serverless_yml_differs_in_names_region_and_hook(tmp_path):
    assert new(tmp_path / "shop", "--region", "ap-beijing").exit_code == 0
    text = (tmp_path / "shop" / "serverless.yml").read_text("utf-8")
    src = {**OURS["inputs"]["src"], "hook": "scf-mps build"}
    inputs = {**OURS["inputs"], "name": "shop", "region": "ap-beijing", "src": src}
    assert yaml.safe_load(text) == {**OURS, "app": "shop", "inputs": inputs}


def test_serverless_yml_omits_files_of_repository(tmp_path):
    assert new(tmp_path / "shop").exit_code == 0
    text = (tmp_path / "shop" / "serverless.yml").read_text("utf-8")
    assert not re.search(r"tests/|make build|Makefile|docs/\w+\.md(?! of scf-mps)", text)


@pytest.mark.parametrize("name", ["on", "null", "No", "True", "e10"])
def test_name_is_quoted_in_yaml(tmp_path, name):
    assert new(tmp_path / name).exit_code == 0
    assert read_desired_state(tmp_path / name).name == name


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/")))
def test_function_name_is_valid_for_scf(folder):
    try:
        name = make_function_name(Path("/home", folder))
    except ValueError:
        usable = re.compile("[^A-Za-z]*[A-Za-z].{0,58}[A-Za-z0-9]", re.DOTALL)
        assert not usable.match(folder)
        return
    assert re.fullmatch("[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z0-9]", name)


def test_function_name_is_truncated():
    assert make_function_name(Path("/home", "7" + "a" * 59 + "-b")) == "a" * 59


def test_new_accepts_empty_working_directory(tmp_path, monkeypatch):
    place = tmp_path / "videos"
    (place / ".git").mkdir(parents=True)
    monkeypatch.chdir(place)
    assert new(".").exit_code == 0
    assert read_desired_state(place).name == "videos"


def test_requirements_pin_wheel_of_project(tmp_path):
    assert new(tmp_path / "shop").exit_code == 0
    lines = (tmp_path / "shop" / "requirements-dev.txt").read_text().splitlines()
    version = WHEEL.split("-")[1]
    assert version.startswith(f"{distribution('scf-mps').version}+h")
    assert (
        lines[lines.index("--find-links wheels") + 1]
        == f"scf-mps[cli,deploy,media,testing]=={version}"
    )


def test_requirements_use_index_when_published(monkeypatch):
    monkeypatch.setattr(project_template, "PUBLISHED", True)
    files = make_files("shop")
    assert WHEEL not in files
    assert b"\nscf-mps[cli,deploy,media,testing]\n" in files["requirements-dev.txt"]


def test_wheel_of_installed_wheel_is_equal():
    class Installed:
        version = "1.0+h1"

        def __init__(self, metadata: str) -> None:
            self.metadata = {"Name": "scf-mps"}
            self.texts = {"METADATA": metadata, "WHEEL": "w", "entry_points.txt": "e"}

        def read_text(self, name: str) -> str | None:
            return self.texts.get(name)

    first = Installed("Name: scf-mps\nVersion: 1.0\nx\n")
    first.version = "1.0"
    second = Installed("Name: scf-mps\nVersion: 1.0+h1\nx\n")
    code = {"scf_mps/a.py": b"a"}
    assert build_wheel(first, code) == build_wheel(second, code)
    assert build_wheel(first, code)[0] != build_wheel(first, {"scf_mps/a.py": b"b"})[0]


def test_new_fails_without_installed_metadata(tmp_path, monkeypatch):
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(project_template, "distribution", missing)
    assert "not installed" in expect_rejection(new(tmp_path / "shop"))


UNPUBLISHED = re.compile(r"pip install [^\n]*'scf-mps\[")


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "README.zh-CN.md",
        *(
            f"docs/{name}.md"
            for name in ("ci", "deployment", "getting-started", "ledger", "terraform")
        ),
    ]
    + [f"starter/{name}" for name in ("README.md", ".github/workflows/ci.yml")],
)
def test_docs_install_from_checkout_until_published(path):
    text = (ROOT / path).read_text("utf-8")
    assert project_template.PUBLISHED or not UNPUBLISHED.search(text)


def test_new_prints_next_commands(tmp_path):
    result = new(tmp_path / "below" / "shop")
    where, *commands = result.stdout.splitlines()[1:]
    assert where == f"Next, in {tmp_path / 'below' / 'shop'}:"
    assert [line.partition("#")[0].strip() for line in commands] == [
        "pip install -r requirements-dev.txt",
        "pytest",
        "scf-mps dev --open",
        "scf-mps doctor",
    ]


# errors


def expect_rejection(result: Result) -> str:
    assert (result.exit_code, result.stdout) == (2, "")
    return result.stderr


def test_new_rejects_folder_with_files(tmp_path):
    (tmp_path / "serverless.yml").write_text("mine")
    (tmp_path / "handlers").mkdir()
    message = expect_rejection(new(tmp_path))
    assert "handlers, serverless.yml" in message
    assert read_files(tmp_path) == {"serverless.yml": b"mine"}


def test_new_counts_files_when_there_are_many(tmp_path):
    for number in range(8):
        (tmp_path / f"{number}.mp4").touch()
    assert "0.mp4, 1.mp4, 2.mp4, 3.mp4, 4.mp4 and 3 more" in expect_rejection(new(tmp_path))


def test_new_rejects_file(tmp_path):
    (tmp_path / "shop").write_text("mine")
    assert f"{tmp_path / 'shop'} is a file" in expect_rejection(new(tmp_path / "shop"))
    assert "Not a directory" in expect_rejection(new(tmp_path / "shop" / "below"))
    assert read_files(tmp_path) == {"shop": b"mine"}


@pytest.mark.parametrize(
    ("folder", "options", "words"),
    [
        *(
            ("shop", ("--name", name), ("2 to 60 letters", repr(name)))
            for name in ("a", "1st", "shop-", "my shop", "a" * 61, "shop\n")
        ),
        ("视频", (), ("'视频'", "--name")),
        *(
            ("shop", ("--region", region), (repr(region),))
            for region in ("Guangzhou", "guangzhou", "ap-guangzhou # x", "")
        ),
    ],
)
def test_new_rejects_invalid_name_or_region(tmp_path, folder, options, words):
    message = expect_rejection(new(tmp_path / folder, *options))
    assert all(word in message for word in words)
    assert not (tmp_path / folder).exists()


# docs


def test_ci_workflow_is_in_docs():
    page = (ROOT / "docs" / "ci.md").read_text("utf-8")
    path = ".github/workflows/ci.yml"
    block = re.search(rf"`{path}`:\n\n```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert block is not None
    assert make_files("shop")[path].decode() == block[1]


def test_readme_names_existing_commands():
    text = make_files("shop")["README.md"].decode()
    block = re.search(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    lines = [shlex.split(line, comments=True) for line in block[1].splitlines()]
    assert count_commands(lines) == 9


# installed wheel

Run = Callable[..., str]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """Build the wheel from the checkout and from the source distribution."""
    folder = tmp_path_factory.mktemp("distributions")
    hatchling = ("-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", folder)
    run_command(sys.executable, *hatchling, where=ROOT)
    (source,) = folder.glob("*.tar.gz")
    (checkout,) = folder.glob("*.whl")
    pip("wheel", "--no-build-isolation", "--wheel-dir", folder / "sdist", source, where=folder)
    (sdist,) = (folder / "sdist").glob("*.whl")
    return {"checkout": checkout, "sdist": sdist}


@pytest.fixture(scope="module")
def site(wheels, tmp_path_factory):
    """Install the wheel into a folder."""
    folder = tmp_path_factory.mktemp("installed") / "site"
    pip("install", "--no-index", "--target", folder, wheels["sdist"], where=folder.parent)
    return folder


@pytest.fixture(scope="module")
def shop(site):
    """Create a project with the installed wheel."""

    def python(*arguments: str) -> str:
        return run_command(sys.executable, *arguments, where=site.parent, PYTHONPATH=str(site))

    used = python("-c", "import scf_mps; print(scf_mps.__file__)")
    assert Path(used.strip()).is_relative_to(site)
    python("-m", "scf_mps.cli", "new", "shop")
    return site.parent / "shop"


@pytest.fixture(scope="module")
def run(site, shop):
    """Run Python with the wheel in the project's folder."""
    return lambda *arguments: run_command(
        sys.executable, *arguments, where=shop, PYTHONPATH=str(site)
    )


def pip(command, *arguments, where):
    quiet = ("--quiet", "--disable-pip-version-check", "--no-cache-dir", "--no-deps")
    run_command(sys.executable, "-m", "pip", command, *quiet, *arguments, where=where)


def run_command(*command, where, **variables):
    """Run a command without MPS_ variables. Return its output. It must succeed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MPS_")}
    done = subprocess.run(
        list(map(str, command)),
        cwd=where,
        env={**kept, "COLUMNS": "300", **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def read_members(archive):
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            yield name, opened.read(name)


def test_wheel_contains_material_without_caches(wheels):
    material = {
        name.removeprefix(MATERIAL): content
        for name, content in read_members(wheels["checkout"])
        if name.startswith(MATERIAL)
    }
    expected = {"serverless.yml": (ROOT / "serverless.yml").read_bytes()}
    for folder in ("handlers", "starter"):
        expected |= {
            f"{folder}/{name}": content
            for name, content in read_files(ROOT / folder).items()
            if "_cache/" not in name
        }
    assert material == expected


def test_wheel_of_sdist_is_equal(wheels):
    assert dict(read_members(wheels["sdist"])) == dict(read_members(wheels["checkout"]))


def test_wheel_creates_same_project_as_checkout(shop):
    expected = make_files("shop")
    for name in (WHEEL, "requirements-dev.txt"):  # with the metadata of the installation
        del expected[name]
    assert read_files(shop).items() >= expected.items()


def test_wheel_of_project_equals_backend_wheel(wheels, shop):
    [path] = shop.glob("wheels/*.whl")
    version = path.name.split("-")[1].encode()
    label = version[version.index(b"+") :]
    built, own = (dict(read_members(wheel)) for wheel in (wheels["sdist"], path))
    own = {
        name.replace(label.decode(), ""): content.replace(version, version.removesuffix(label))
        for name, content in own.items()
    }
    records = [
        {line.partition(",")[0] for line in archive.pop(name).decode().splitlines()}
        for archive in (built, own)
        for name in [*archive]
        if name.endswith("/RECORD")
    ]
    assert own == built
    assert {name.replace(label.decode(), "") for name in records[1]} == records[0]


def test_tests_of_project_pass(run):
    output = run("-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert re.search(r"^\d\d passed in ", output, re.MULTILINE)


def test_routes_of_project_show_files(run):
    data = json.loads(run("-m", "scf_mps.cli", "routes", "--json"))
    assert "handlers/renditions.py" in {row["where"].partition(":")[0] for row in data}


def test_build_of_project_excludes_material(run, shop):
    run("-m", "scf_mps.cli", "build")
    names = {name for name, _ in read_members(shop / "dist" / "function.zip")}
    assert {"index.py", "handlers/__init__.py", "scf_mps/app.py"} <= names
    assert {name.partition("/")[0] for name in names} <= {
        "__pycache__",
        "fastcrc",
        "fastcrc-0.5.0.dist-info",
        "handlers",
        "index.py",
        "scf_mps",
    }
    assert not [name for name in names if "/cli/" in name or "test" in name]


def test_doctor_finds_no_error_in_project(run):
    data = json.loads(run("-m", "scf_mps.cli", "doctor", "--json"))
    assert data["findings"]
    assert "error" not in {one["level"] for one in data["findings"]}


def test_project_has_desired_state(shop):
    desired = read_desired_state(shop)
    assert (desired.name, desired.region) == ("shop", "ap-guangzhou")
    assert desired.source.hook == "scf-mps build"
    assert [trigger.event_type for trigger in desired.mps] == ["WorkflowTask"]


def test_ruff_accepts_project(run):
    assert run("-m", "ruff", "check", "--no-cache", ".") == "All checks passed!\n"
    assert "already formatted" in run("-m", "ruff", "format", "--no-cache", "--check", ".")
