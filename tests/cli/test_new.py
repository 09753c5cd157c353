"""`scf-mps new`: what it writes and refuses; and a project that was started by an installed wheel, at work."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from scf_mps.cli import cli, project_template
from scf_mps.cli.project_template import function_name, project_files
from scf_mps.cli.wheel import build_wheel
from scf_mps.deploy.desired_state import DesiredState, parse_desired_state
from scf_mps.deploy.template import read_template
from tests.support.cli_commands import ours
from tests.support.sample_data import ROOT

OURS = yaml.safe_load((ROOT / "serverless.yml").read_text("utf-8"))
MATERIAL = "scf_mps/cli/material/"
[WHEEL] = [name for name in project_files("shop") if name.endswith(".whl")]


def new(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["new", *map(str, arguments)])


def files_in(folder: Path) -> dict[str, bytes]:
    """The files of a folder, but for what tools leave there."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def wanted_in(folder: Path) -> DesiredState:
    wanted, warnings = parse_desired_state(read_template(folder / "serverless.yml", environment={}))
    assert not warnings
    return wanted


# What it writes


def test_the_application_of_a_new_project_is_ours_file_by_file(tmp_path: Path) -> None:
    assert new(tmp_path / "shop").exit_code == 0
    assert files_in(tmp_path / "shop" / "handlers") == files_in(ROOT / "handlers")


def test_a_new_project_has_tests_settings_and_ci(tmp_path: Path) -> None:
    assert new(tmp_path / "shop").exit_code == 0
    beside = {name for name in files_in(tmp_path / "shop") if not name.startswith("handlers/")}
    assert beside == {
        ".github/workflows/ci.yml",
        ".gitignore",
        "README.md",
        "pyproject.toml",
        "requirements-dev.txt",
        "requirements.txt",
        "serverless.yml",
        "tests/conftest.py",
        "tests/test_function.py",
        WHEEL,
    }


def test_what_the_tools_of_a_checkout_leave_behind_is_no_part_of_a_project() -> None:
    assert not [name for name in project_files("shop") if "cache" in name]


def test_the_function_is_named_like_the_folder_and_runs_in_guangzhou(tmp_path: Path) -> None:
    assert new(tmp_path / "My shop (2)").exit_code == 0
    wanted = wanted_in(tmp_path / "My shop (2)")
    assert (wanted.name, wanted.region) == ("My-shop-2", "ap-guangzhou")


def test_name_and_region_may_be_given(tmp_path: Path) -> None:
    ran = new(tmp_path / "视频", "--name", "video", "--region", "ap-hongkong")
    assert ran.exit_code == 0
    wanted = wanted_in(tmp_path / "视频")
    assert (wanted.name, wanted.region) == ("video", "ap-hongkong")
    readme = (tmp_path / "视频" / "README.md").read_text("utf-8")
    assert readme.startswith("# video\n")


def test_serverless_yml_is_ours_but_for_names_region_and_hook(tmp_path: Path) -> None:
    assert new(tmp_path / "shop", "--region", "ap-beijing").exit_code == 0
    text = (tmp_path / "shop" / "serverless.yml").read_text("utf-8")
    src = {**OURS["inputs"]["src"], "hook": "scf-mps build"}
    inputs = {**OURS["inputs"], "name": "shop", "region": "ap-beijing", "src": src}
    assert yaml.safe_load(text) == {**OURS, "app": "shop", "inputs": inputs}


def test_serverless_yml_names_nothing_that_only_this_repository_has(tmp_path: Path) -> None:
    assert new(tmp_path / "shop").exit_code == 0
    text = (tmp_path / "shop" / "serverless.yml").read_text("utf-8")
    assert not re.search(r"tests/|make build|Makefile|docs/\w+\.md(?! of scf-mps)", text)


@pytest.mark.parametrize("name", ["on", "null", "No", "True", "e10"])
def test_a_name_that_yaml_would_take_for_something_else_stays_a_name(
    tmp_path: Path, name: str
) -> None:
    assert new(tmp_path / name).exit_code == 0
    assert wanted_in(tmp_path / name).name == name


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/")))
def test_a_name_that_is_made_of_a_folders_is_one_that_scf_takes(folder: str) -> None:
    try:
        name = function_name(Path("/home", folder))
    except ValueError:
        usable = re.compile("[^A-Za-z]*[A-Za-z].{0,58}[A-Za-z0-9]", re.DOTALL)
        assert not usable.match(folder)
        return
    assert re.fullmatch("[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z0-9]", name)


def test_a_name_of_a_folder_that_is_too_long_is_cut() -> None:
    assert function_name(Path("/home", "7" + "a" * 59 + "-b")) == "a" * 59


def test_an_empty_folder_is_taken_and_may_be_the_one_that_one_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "videos"
    (place / ".git").mkdir(parents=True)
    monkeypatch.chdir(place)
    assert new(".").exit_code == 0
    assert wanted_in(place).name == "videos"


def test_project_installs_the_wheel_that_it_brings(tmp_path: Path) -> None:
    assert new(tmp_path / "shop").exit_code == 0
    lines = (tmp_path / "shop" / "requirements-dev.txt").read_text().splitlines()
    version = WHEEL.split("-")[1]
    assert version.startswith(f"{distribution('scf-mps').version}+h")
    assert lines[lines.index("--find-links wheels") + 1] == f"scf-mps[cli,deploy,local]=={version}"


def test_published_version_is_installed_from_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_template, "PUBLISHED", True)
    files = project_files("shop")
    assert WHEEL not in files
    assert b"\nscf-mps[cli,deploy,local]\n" in files["requirements-dev.txt"]


def test_wheel_of_a_wheel_is_the_same() -> None:
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


def test_new_fails_without_installed_metadata(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(project_template, "distribution", missing)
    assert "not installed" in refused(new(tmp_path / "shop"))


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
def test_documents_install_from_a_checkout_until_it_is_published(path: str) -> None:
    text = (ROOT / path).read_text("utf-8")
    assert project_template.PUBLISHED or not UNPUBLISHED.search(text)


def test_the_next_commands_are_told_and_where_to_run_them(tmp_path: Path) -> None:
    ran = new(tmp_path / "below" / "shop")
    where, *commands = ran.stdout.splitlines()[1:]
    assert where == f"Next, in {tmp_path / 'below' / 'shop'}:"
    assert [line.partition("#")[0].strip() for line in commands] == [
        "pip install -r requirements-dev.txt",
        "pytest",
        "scf-mps doctor",
    ]


# What it refuses


def refused(ran: Result) -> str:
    assert ran.exit_code == 2
    assert not ran.stdout
    return str(ran.stderr)


def test_a_folder_that_is_not_empty_is_left_as_it_is_and_what_is_in_the_way_is_named(
    tmp_path: Path,
) -> None:
    (tmp_path / "serverless.yml").write_text("mine")
    (tmp_path / "handlers").mkdir()
    told = refused(new(tmp_path))
    assert f"in {tmp_path} there is handlers, serverless.yml:" in told
    assert files_in(tmp_path) == {"serverless.yml": b"mine"}


def test_of_much_that_is_in_the_way_the_first_is_named_and_the_rest_counted(tmp_path: Path) -> None:
    for number in range(8):
        (tmp_path / f"{number}.mp4").touch()
    assert "0.mp4, 1.mp4, 2.mp4, 3.mp4, 4.mp4 and 3 more" in refused(new(tmp_path))


def test_a_file_in_the_place_of_the_folder_is_told_and_stays(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("mine")
    assert f"{tmp_path / 'shop'} is a file" in refused(new(tmp_path / "shop"))
    told = refused(new(tmp_path / "shop" / "below"))
    assert "Not a directory" in told
    assert files_in(tmp_path) == {"shop": b"mine"}


@pytest.mark.parametrize("name", ["a", "1st", "shop-", "my shop", "a" * 61, "shop\n"])
def test_a_name_that_scf_does_not_take_is_refused_and_nothing_is_written(
    tmp_path: Path, name: str
) -> None:
    told = refused(new(tmp_path / "shop", "--name", name))
    assert "2 to 60 letters" in told
    assert repr(name) in told
    assert not (tmp_path / "shop").exists()


def test_a_folder_whose_name_makes_none_asks_for_one(tmp_path: Path) -> None:
    told = refused(new(tmp_path / "视频"))
    assert "'视频': give the function a name with --name" in told
    assert not (tmp_path / "视频").exists()


@pytest.mark.parametrize("region", ["Guangzhou", "guangzhou", "ap-guangzhou # x", ""])
def test_what_cannot_be_a_region_is_refused(tmp_path: Path, region: str) -> None:
    told = refused(new(tmp_path / "shop", "--region", region))
    assert f"expected a region such as ap-guangzhou, not {region!r}" in told
    assert not (tmp_path / "shop").exists()


# What it says elsewhere


def test_the_pipeline_of_a_project_is_the_one_that_docs_ci_md_shows() -> None:
    page = (ROOT / "docs" / "ci.md").read_text("utf-8")
    path = ".github/workflows/ci.yml"
    shown = re.search(rf"`{path}`:\n\n```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert shown is not None
    assert project_files("shop")[path].decode() == shown[1]


def test_every_command_that_the_readme_of_a_project_names_is_one_of_ours() -> None:
    text = project_files("shop")["README.md"].decode()
    found = re.search(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    lines = [shlex.split(line, comments=True) for line in found[1].splitlines()]
    assert ours(lines) == 8


# From a wheel

Run = Callable[..., str]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel as it is built of the checkout, and as it is built of the source distribution."""
    folder = tmp_path_factory.mktemp("distributions")
    hatchling = ("-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", folder)
    ran(sys.executable, *hatchling, where=ROOT)
    (source,) = folder.glob("*.tar.gz")
    (checkout,) = folder.glob("*.whl")
    pip("wheel", "--no-build-isolation", "--wheel-dir", folder / "sdist", source, where=folder)
    (sdist,) = (folder / "sdist").glob("*.whl")
    return {"checkout": checkout, "sdist": sdist}


@pytest.fixture(scope="module")
def site(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wheel is installed, beside what this Python has else."""
    folder = tmp_path_factory.mktemp("installed") / "site"
    pip("install", "--no-index", "--target", folder, wheels["sdist"], where=folder.parent)
    return folder


@pytest.fixture(scope="module")
def shop(site: Path) -> Path:
    """A project that was started by the wheel."""

    def python(*arguments: str) -> str:
        return ran(sys.executable, *arguments, where=site.parent, PYTHONPATH=str(site))

    used = python("-c", "import scf_mps; print(scf_mps.__file__)")
    assert Path(used.strip()).is_relative_to(site)
    python("-m", "scf_mps.cli", "new", "shop")
    return site.parent / "shop"


@pytest.fixture(scope="module")
def run(site: Path, shop: Path) -> Run:
    """Runs the Python that has the wheel, in the project's folder."""
    return lambda *arguments: ran(sys.executable, *arguments, where=shop, PYTHONPATH=str(site))


def pip(command: str, *arguments: str | Path, where: Path) -> None:
    quiet = ("--quiet", "--disable-pip-version-check", "--no-cache-dir", "--no-deps")
    ran(sys.executable, "-m", "pip", command, *quiet, *arguments, where=where)


def ran(*command: str | Path, where: Path, **variables: str) -> str:
    """What a command printed that had to succeed; it is told no variable of ours."""
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


def members(archive: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            yield name, opened.read(name)


def test_the_wheel_has_the_roots_own_files_and_nothing_that_tools_left(
    wheels: dict[str, Path],
) -> None:
    there = {
        name.removeprefix(MATERIAL): content
        for name, content in members(wheels["checkout"])
        if name.startswith(MATERIAL)
    }
    expected = {"serverless.yml": (ROOT / "serverless.yml").read_bytes()}
    for folder in ("handlers", "starter"):
        expected |= {
            f"{folder}/{name}": content
            for name, content in files_in(ROOT / folder).items()
            if "_cache/" not in name
        }
    assert there == expected


def test_the_wheel_of_the_source_distribution_is_the_same(wheels: dict[str, Path]) -> None:
    assert dict(members(wheels["sdist"])) == dict(members(wheels["checkout"]))


def test_a_wheel_starts_the_project_that_the_checkout_starts(shop: Path) -> None:
    ours = project_files("shop")
    for name in (WHEEL, "requirements-dev.txt"):  # the metadata are those of the installation
        del ours[name]
    assert files_in(shop).items() >= ours.items()


def test_wheel_of_a_project_is_the_one_that_the_backend_builds(
    wheels: dict[str, Path], shop: Path
) -> None:
    [path] = shop.glob("wheels/*.whl")
    version = path.name.split("-")[1].encode()
    label = version[version.index(b"+") :]
    built, own = (dict(members(wheel)) for wheel in (wheels["sdist"], path))
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


def test_the_projects_own_tests_pass(run: Run) -> None:
    told = run("-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert re.search(r"^\d\d passed in ", told, re.MULTILINE)


def test_the_projects_routes_are_shown_with_their_files(run: Run) -> None:
    told = json.loads(run("-m", "scf_mps.cli", "routes", "--json"))
    assert "handlers/renditions.py" in {row["where"].partition(":")[0] for row in told}


def test_the_project_is_built_without_the_material(run: Run, shop: Path) -> None:
    run("-m", "scf_mps.cli", "build")
    names = {name for name, _ in members(shop / "dist" / "function.zip")}
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


def test_the_doctor_finds_no_error_in_the_project(run: Run) -> None:
    told = json.loads(run("-m", "scf_mps.cli", "doctor", "--json"))
    assert told["findings"]
    assert "error" not in {one["level"] for one in told["findings"]}


def test_the_project_can_be_deployed_as_its_serverless_yml_says(shop: Path) -> None:
    wanted = wanted_in(shop)
    assert (wanted.name, wanted.region) == ("shop", "ap-guangzhou")
    assert wanted.source.hook == "scf-mps build"
    assert [trigger.event_type for trigger in wanted.mps] == ["WorkflowTask"]


def test_ruff_finds_nothing_in_the_project_and_would_write_it_the_same(run: Run) -> None:
    assert run("-m", "ruff", "check", "--no-cache", ".") == "All checks passed!\n"
    assert "already formatted" in run("-m", "ruff", "format", "--no-cache", "--check", ".")
