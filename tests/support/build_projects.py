"""Projects to build, and a local package index, so that only marked tests need the network."""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scf_mps.build.builder import BuildOptions, build
from scf_mps.build.errors import BuildError
from scf_mps.cli import cli
from tests.support.interpreters import find
from tests.support.optional_programs import skip_without_python
from tests.support.sample_data import ROOT

DEFAULTS = {"project": Path(), "folder": Path("build"), "archive": Path("dist/function.zip")}
"""Defaults of `scf-mps build`."""

BACKEND = '''\
"""A build backend whose wheel is for this machine if there is a C compiler, and otherwise has a fixed tag."""

import os, pathlib, subprocess, zipfile


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    try:
        subprocess.run([os.environ.get("CC", "cc"), "--version"], check=True, capture_output=True)
        tag = "cp39-cp39-plan9_vax"
    except OSError:
        tag = {tag!r}
    if not tag:
        raise SystemExit("no C compiler")
    name = "{name}-{version}-" + tag + ".whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory, name), "w") as wheel:
        wheel.writestr("{name}/__init__.py", "VERSION = {version!r}\\n")
        info = "{name}-{version}.dist-info/"
        wheel.writestr(info + "METADATA", {metadata!r})
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: " + tag + "\\n")
        wheel.writestr(info + "RECORD", "")
    return name


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = pathlib.Path(metadata_directory, "{name}-{version}.dist-info")
    folder.mkdir()
    (folder / "METADATA").write_text({metadata!r})
    return folder.name


build_editable, prepare_metadata_for_build_editable = build_wheel, prepare_metadata_for_build_wheel
'''


def metadata(name, version, *requires, more=""):
    needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}{needs}"


def make_wheel(folder, name, version, files, *requires, tag="py3-none-any", more=""):
    """Write a wheel. `more` are further lines of its metadata."""
    path = folder / f"{name}-{version}-{tag}.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, content in files.items():
            wheel.writestr(file, content)
        wheel.writestr(f"{info}/METADATA", metadata(name, version, *requires, more=more))
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def make_source(folder, name, version, tag="py3-none-any"):
    """Write a source distribution. Without a C compiler its wheel has the tag, or cannot be built (``""``)."""
    path = folder / f"{name}-{version}.tar.gz"
    package = metadata(name, version)
    files = {
        "PKG-INFO": package,
        "backend.py": BACKEND.format(name=name, version=version, tag=tag, metadata=package),
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    }
    with tarfile.open(path, "w:gz") as archive:
        for file, text in files.items():
            info = tarfile.TarInfo(f"{name}-{version}/{file}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


@pytest.fixture(scope="session")
def index(tmp_path_factory):
    """A folder with distributions of every kind, for pip's --find-links."""
    folder = tmp_path_factory.mktemp("index")
    make_wheel(
        folder,
        "greeting",
        "1.0",
        {
            "greeting/__init__.py": "from native import fast\n",
            "greeting/py.typed": "",
            "greeting/__init__.pyi": "fast: int\n",
            "greeting/tests/__init__.py": "import nothing_that_exists\n",
            "greeting-1.0.data/purelib/greeting_more.py": "",
            "greeting-1.0.data/scripts/greet": "#!python\n",
            "greeting-1.0.dist-info/LICENSE": "Do what you want.\n",
            "tests/__init__.py": "",
        },
        "native>=1",
        'oldpython; python_version < "3.11"',
        'newpython; python_version >= "3.11"',
        'windows; sys_platform == "win32"',
        'loud-voice; extra == "loud"',
    )
    tag = "cp310-cp310-manylinux2014_x86_64"
    make_wheel(folder, "native", "1.0", {"native/__init__.py": "fast = 1\n"}, tag=tag)
    make_wheel(folder, "native", "2.0", {"native/__init__.py": ""}, tag=tag.replace("310", "311"))
    make_wheel(folder, "oldpython", "1.0", {"oldpython.py": ""})
    make_wheel(folder, "loud_voice", "1.0", {"loud_voice.py": ""})
    make_wheel(folder, "checksums", "1.0", {"checksums/__init__.py": "VERSION = '1.0'\n"})
    make_source(folder, "checksums", "2.0")
    make_wheel(folder, "client", "1.8", {"client.py": "VERSION = '1.8'\n"})
    make_wheel(folder, "client", "1.9", {"client.py": "import checksums\n"}, "checksums")
    make_source(folder, "stubborn", "1.0", tag="")
    make_source(folder, "foreign", "1.0", tag="cp38-cp38-plan9_vax")
    make_wheel(folder, "sdk_common", "3.1", {"sdk/__init__.py": "V = 'common'\n"})
    make_wheel(folder, "sdk_mps", "3.2", {"sdk/__init__.py": "V = 'mps'\n"}, "sdk-common>=3")
    make_wheel(folder, "aaa", "1.0", {"sdk/__init__.py": "V = 'aaa'\n"})
    make_wheel(folder, "plugin", "1.0", {"plugin.py": "import scf_mps\n"}, "scf-mps[fast]>=0.1")
    make_wheel(folder, "demanding", "1.0", {"demanding.py": ""}, "scf-mps>=99")
    make_wheel(folder, "fastcrc", "0.5.0", {"fastcrc.py": ""})
    make_wheel(folder, "typing_backport", "1.0", {"typing.py": "", "runtime.py": ""})
    make_wheel(folder, "capped", "1.0", {"capped.py": ""}, "checksums<2")
    make_wheel(folder, "python2", "1.0", {"python2.py": "print 'hello'\n"})
    make_wheel(folder, "climber", "1.0", {"../climber.py": ""})
    # As in the COS SDK: importing it does not load the part that needs pycryptodome.
    make_wheel(
        folder,
        "cos",
        "1.9",
        {
            "qcloud_cos/__init__.py": "",
            "qcloud_cos/crypto.py": "from Crypto import Cipher\n",
            "qcloud_cos/cos_encryption_client.py": "from qcloud_cos.crypto import Cipher\n",
        },
        "pycryptodome",
    )
    make_wheel(folder, "pycryptodome", "3.0", {"Crypto/__init__.py": "Cipher = 'x' * 9\n"})
    return folder


@pytest.fixture
def offline(index, monkeypatch):
    """Restrict pip to the local index."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    return index


@dataclass
class Project:
    """A folder with `handlers/`, and its build."""

    folder: Path

    def write(self, files):
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return self

    def run(self, *options):
        """Run `scf-mps build` in the folder."""
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            return CliRunner().invoke(cli, ["build", *options])
        finally:
            os.chdir(before)

    def build(self, *options):
        """Build the project and return the report."""
        ran = self.run("--json", *options)
        assert ran.exit_code == 0, ran.output
        return json.loads(ran.stdout)

    def fail(self, **options):
        """Return the problems of a build that fails and writes nothing."""
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            with pytest.raises(BuildError) as caught:
                build(BuildOptions(**{**DEFAULTS, **options}))
        finally:
            os.chdir(before)
        assert not (self.folder / "dist").exists()
        return list(caught.value.problems)

    def fail_once(self, **options):
        """Return code and path of the only problem of a build."""
        [problem] = self.fail(**options)
        return problem.code, problem.path

    def names(self, archive="dist/function.zip"):
        with zipfile.ZipFile(self.folder / archive) as archive_file:
            return archive_file.namelist()

    def text(self, name, archive="dist/function.zip"):
        with zipfile.ZipFile(self.folder / archive) as archive_file:
            return archive_file.read(name).decode()


SMALL = """\
from scf_mps import App, Transcode

app = App()


@app.on(Transcode)
def note(transcode: Transcode) -> None:
    print(transcode.definition)


main_handler = app.main_handler
"""


@pytest.fixture
def project(tmp_path):
    """A project with one callback."""
    return Project(tmp_path / "project").write({"handlers/__init__.py": SMALL})


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """The repository's own application, built."""
    folder = tmp_path_factory.mktemp("ours")
    shutil.copytree(ROOT / "handlers", folder / "handlers")
    built = Project(folder)
    built.build()
    return built


@pytest.fixture(scope="session")
def python310():
    path = find("3.10")
    if path is None:
        skip_without_python("3.10")
    return path


@pytest.fixture
def no_pythons(tmp_path, monkeypatch):
    """Hide other CPythons. The folder is the only one on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "no-pyenv"))
    return folder
