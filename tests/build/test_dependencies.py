"""Dependencies of requirements.txt: wheels for SCF's Python, and never silently an older version."""

import os
import subprocess
import sys
import tarfile
import zipfile
from base64 import b64encode
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which
from threading import Thread

import pytest
from packaging.version import Version

from scf_mps.build.errors import BuildError
from scf_mps.build.prune import prune
from scf_mps.build.requirements import Requirements
from scf_mps.build.resolve import Distribution, Resolver, find_uv
from scf_mps.build.runtimes import parse_runtime
from scf_mps.build.wheels import unpack_wheels
from tests.support.build_projects import Project, make_wheel
from tests.support.optional_programs import require

RUNTIME = parse_runtime("Python3.10")


def resolve(project, text, work):
    """Resolve the lines of a requirements file."""
    project.write({"requirements.txt": text})
    path = project.folder / "requirements.txt"
    work.mkdir(exist_ok=True)
    resolver = Resolver(RUNTIME, project.folder, work, Path(sys.executable))
    return resolver.resolve(path, Requirements().read(path))


def resolve_versions(project, text, work):
    """Return the resolved versions by name."""
    return {item.name: item.version for item in resolve(project, text, work)}


@pytest.mark.usefixtures("python310")
def test_dependencies_are_those_of_the_runtime(project, offline):
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
        "checksums": "2.0, built from source",
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
    unpinned, disputed, invalid = report["warnings"]
    assert unpinned.endswith(
        "requirements.txt: aaa==1.0 checksums==2.0 cos==1.9 loud-voice==1.0 native==1.0 "
        "pycryptodome==3.0 python2==1.0 sdk-common==3.1 sdk-mps==3.2"
    )
    assert disputed.startswith("sdk/__init__.py: ")
    assert "aaa" in disputed
    assert invalid.startswith("python2.py:1: ")
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


@pytest.mark.usefixtures("python310")
def test_shared_file_comes_from_required_distribution(project, offline):
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
        ({"handlers/a.py": "load('Crypto.Cipher')"}, [], False),
        ({"handlers/a.py": "print 'x'\nimport qcloud_cos.crypto"}, [], False),
    ],
)
def test_unused_crypto_is_pruned(tmp_path, files, keep, pruned):
    sdk = {
        "qcloud_cos/crypto.py": "from Crypto import Cipher",
        "Crypto/__init__.py": "import Crypto.x",
    }
    Project(tmp_path / "layer").write(sdk)
    Project(tmp_path / "code").write(files)
    pruning = prune([tmp_path / "code", tmp_path / "layer"], keep)
    assert pruning.removed == ({"Crypto": len("import Crypto.x")} if pruned else {})
    assert (tmp_path / "layer" / "Crypto").exists() is not pruned


def test_shared_file_is_independent_of_order(tmp_path):
    shared = [
        make_wheel(tmp_path, name, "1.0", {"shared/": "", "shared/__init__.py": name})
        for name in ("early", "late")
    ]
    chosen = [
        Distribution(name, "1.0", f"{name}==1.0", None, True, needs)
        for name, needs in (("early", ("late>=1",)), ("late", ()))
    ]
    unpacked = unpack_wheels(
        dict(zip(("early", "late"), shared, strict=True)), chosen, tmp_path / "to"
    )
    assert (tmp_path / "to" / "shared" / "__init__.py").read_text() == "late"
    assert unpacked.owners["shared/__init__.py"] == "late"
    assert unpacked.disputed == {}


def test_wheel_without_digest_is_fetched(project, offline, tmp_path):
    distribution = Distribution("oldpython", "1.0", "oldpython==1.0", None, True, ())
    resolver = Resolver(RUNTIME, project.folder, tmp_path, Path(sys.executable))
    assert resolver.fetch([distribution])["oldpython"].is_file()


def test_commit_is_pinned_by_its_hash(project, offline, tmp_path):
    require("git")
    unpack_source(offline, tmp_path)
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
    (distribution,) = resolve(project, f"checksums @ {url}\n", tmp_path)
    assert distribution.requirement == f"checksums @ {url}@{head.stdout.strip()}"
    assert not distribution.is_wheel


def test_crypto_is_kept_without_cos_sdk(tmp_path):
    Project(tmp_path).write({"Crypto/__init__.py": ""})
    assert prune([tmp_path]).removed == {}


def test_keep_unpacks_files_left_out_by_default(index, tmp_path):
    wheels = {"greeting": index / "greeting-1.0-py3-none-any.whl"}
    distribution = Distribution("greeting", "1.0", "greeting==1.0", None, True, ())
    unpacked = unpack_wheels(wheels, [distribution], tmp_path, ["greeting/*"])
    assert set(unpacked.owners) == {
        "greeting-1.0.dist-info/METADATA",
        "greeting/__init__.py",
        "greeting/__init__.pyi",
        "greeting/py.typed",
        "greeting/tests/__init__.py",
        "greeting_more.py",
    }


def test_resolution_never_selects_older_version_silently(project, offline, tmp_path):
    """A pip restricted to wheels selects the old version, because a requirement of the new one has no wheel."""
    (tmp_path / "more").mkdir()
    make_wheel(offline, "sdkv5", "1.8", {"sdkv5.py": ""})
    make_wheel(offline, "sdkv5", "1.9", {"sdkv5.py": ""}, "stubborn")
    usual = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "sdkv5"]
    confined = ["--only-binary=:all:", "--python-version=3.10", f"--target={tmp_path / 'x'}"]
    process = subprocess.run([*usual, *confined], capture_output=True, text=True, check=True)
    assert "Would install sdkv5-1.8" in process.stdout
    project.write({"requirements.txt": "sdkv5\n"})
    codes = [(problem.code, problem.path) for problem in project.fail()]
    assert codes == [("needs_compiler", "stubborn 1.0"), ("resolution_failed", "pip")]


def test_wheel_built_for_this_machine_is_rejected(project, offline):
    project.write({"requirements.txt": "foreign\n"})
    assert project.fail_once() == ("platform_wheel", "foreign 1.0")


def test_resolution_drops_requirements_of_rejected_version(project, offline, tmp_path):
    make_wheel(offline, "shrinking", "1.0", {"shrinking.py": ""})
    make_wheel(offline, "shrinking", "2.0", {"shrinking.py": ""}, "oldpython")
    make_wheel(offline, "holder", "1.0", {"holder.py": ""}, "shrinking<2")
    assert resolve_versions(project, "shrinking\nholder\n", tmp_path / "work") == {
        "holder": "1.0",
        "shrinking": "1.0",
    }


@pytest.fixture(params=["uv", "pip"])
def resolver(request, offline, monkeypatch):
    """Resolve with uv, and with pip on a machine without uv."""
    if request.param == "pip":
        monkeypatch.setitem(sys.modules, "uv", None)
        git = which("git") or "/git"
        monkeypatch.setenv("PATH", str(Path(git).parent))
        assert find_uv() is None
    return str(request.param)


def test_resolution_backtracks_when_the_newest_conflict(project, resolver, offline, tmp_path):
    make_wheel(offline, "model", "2.0", {"model.py": ""}, "core==2.0")
    make_wheel(offline, "model", "1.0", {"model.py": ""}, "core==1.0")
    for version in ("1.0", "2.0"):
        make_wheel(offline, "core", version, {"core.py": ""})
    make_wheel(offline, "spin", "1.0", {"spin.py": ""})
    make_wheel(offline, "spin", "2.0", {"spin.py": ""}, "weight")
    make_wheel(offline, "weight", "1.0", {"weight.py": ""}, "spin<2")

    assert resolve_versions(project, "model\ncore==1.0\nspin\n", tmp_path / "work") == {
        "core": "1.0",
        "model": "1.0",
        "spin": "1.0",
    }
    with pytest.raises(BuildError, match="core"):
        resolve_versions(project, "model==2.0\ncore==1.0\n", tmp_path / "work")


def test_resolution_takes_the_running_package(project, resolver, offline, tmp_path):
    make_wheel(offline, "scf_mps", "98.0", {"scf_mps.py": ""})

    assert resolve_versions(project, "scf-mps\nplugin\n", tmp_path / "work") == {
        "fastcrc": "0.5.0",
        "plugin": "1.0",
    }
    with pytest.raises(BuildError, match=resolver):
        resolve_versions(project, "demanding\n", tmp_path / "work")


@pytest.mark.usefixtures("resolver")
def test_markers_are_those_of_the_runtime(project, python310, tmp_path):
    text = 'oldpython; python_version < "3.11"\nnewpython; python_version >= "3.11"\n'
    project.write({"requirements.txt": f'{text}windows; sys_platform == "win32"\n'})
    path = project.folder / "requirements.txt"
    resolver = Resolver(RUNTIME, project.folder, tmp_path, python310)

    assert [item.name for item in resolver.resolve(path, Requirements().read(path))] == [
        "oldpython"
    ]


def test_foreign_markers_without_uv_are_a_warning(project, offline, no_pythons, monkeypatch):
    monkeypatch.setitem(sys.modules, "uv", None)
    project.write({"requirements.txt": "oldpython==1.0\n"})
    other = "Python3.13" if sys.version_info[:2] != (3, 13) else "Python3.12"

    first, *_ = project.build("--runtime", other)["warnings"]

    assert "uv" in first


def unpack_source(index, folder):
    with tarfile.open(index / "checksums-2.0.tar.gz") as archive:
        archive.extractall(folder)
    return folder / "checksums-2.0"


@pytest.mark.parametrize("line", ["-e ./checksums-2.0", "./checksums-2.0"])
def test_local_folder_is_built_and_packed(project, offline, line):
    unpack_source(offline, project.folder)
    project.write({"requirements.txt": f"{line}\n"})

    assert project.build()["dependencies"] == {"checksums": "2.0, built from source"}
    assert project.text("checksums/__init__.py") == "VERSION = '2.0'\n"


class Index(SimpleHTTPRequestHandler):
    """A package index that requires a password."""

    def do_GET(self):
        if self.headers.get("Authorization") == f"Basic {b64encode(b'me:s3cret').decode()}":
            super().do_GET()
        else:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()

    def log_message(self, *_): ...


@pytest.fixture
def mirror(index, offline, tmp_path, monkeypatch):
    """URL of an index with `lonely`, and a configuration without other indexes."""
    folder = tmp_path / "mirror"
    (folder / "simple" / "lonely").mkdir(parents=True)
    make_wheel(folder / "simple" / "lonely", "lonely", "1.0", {"lonely.py": ""})
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name)
    for name in [name for name in os.environ if name.startswith("UV_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Index, directory=str(folder)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://me:s3cret@127.0.0.1:{server.server_port}/simple"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("where", ["PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "file"])
def test_index_comes_from_configuration(project, mirror, monkeypatch, where):
    text = "lonely==1.0\n"
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    if where == "file":
        text = f"--index-url {mirror}\n{text}"
    else:
        monkeypatch.setenv(where, mirror)
    project.write({"requirements.txt": text})

    assert project.build()["dependencies"] == {"lonely": "1.0"}


def test_pip_configuration_file_is_read(project, mirror, offline, tmp_path, monkeypatch):
    (tmp_path / "held.txt").write_text("checksums<2\n")
    (tmp_path / "pip.conf").write_text(
        f"[global]\nindex-url = {mirror}\nfind-links = {offline}\nretries = 0\n"
        f"[install]\nconstraint = {tmp_path / 'held.txt'}\nno-index = false\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))

    assert resolve_versions(project, "lonely\nchecksums\n", tmp_path / "work") == {
        "checksums": "1.0",
        "lonely": "1.0",
    }


def test_constraints_hashes_and_included_files_are_respected(project, offline, tmp_path):
    project.write(
        {
            "more/base.txt": "-c held.txt\n",
            "more/held.txt": 'checksums==1.0 # why not\nnative==9; python_version > "3.10"\n',
        }
    )
    assert resolve_versions(
        project, "--requirement more/base.txt\nchecksums\n", tmp_path / "work"
    ) == {"checksums": "1.0"}
    digest = "0" * 64
    with pytest.raises(BuildError, match="HASH") as caught:
        resolve_versions(
            project, f"oldpython==1.0 \\\n  --hash=sha256:{digest}\n", tmp_path / "work"
        )
    assert len(caught.value.problems) == 1


def test_local_wheel_is_packed_with_its_requirements(project, offline):
    (project.folder / "vendor").mkdir()
    make_wheel(project.folder / "vendor", "vendored", "1.0", {"vendored.py": ""}, "oldpython")
    project.write({"requirements.txt": "./vendor/vendored-1.0-py3-none-any.whl\noldpython==1.0\n"})
    report = project.build()
    assert report["dependencies"] == {"oldpython": "1.0", "vendored": "1.0"}


def test_empty_requirements_add_nothing(project, tmp_path):
    assert resolve_versions(project, "# nothing yet\n\nscf-mps\n", tmp_path / "work") == {}


def test_hashes_are_read_from_utf_16(project, offline, tmp_path):
    text = f"checksums==1.0 --hash=sha256:{'0' * 64}\n"
    path = project.folder / "requirements.txt"
    path.write_text(text, "utf-16")  # `pip freeze > requirements.txt` in PowerShell

    requirements = Requirements().read(path)

    assert (requirements.pinned, [*requirements.hashes]) == ({"checksums"}, ["checksums"])


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_build_rejects_requirements_that_are_not_a_file(project, kind):
    path = project.folder / "requirements.txt"
    path.mkdir() if kind == "folder" else path.symlink_to("gone.txt")

    assert project.fail_once() == ("not_a_file", "requirements.txt")


@pytest.mark.parametrize(
    "text",
    [
        "-r gone.txt\n",
        "nowhere-to-be-found\n",
        "https://me:s3cret@127.0.0.1:9/x-1-py3-none-any.whl",
    ],
)
def test_unsatisfiable_requirements_are_reported_without_password(
    project, offline, monkeypatch, text
):
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    project.write({"requirements.txt": text})
    [problem] = project.fail()
    assert (problem.code, problem.path) == ("resolution_failed", "uv")
    assert "s3cret" not in problem.message


def test_names_of_dependencies_are_checked(project, offline):
    project.write({"requirements.txt": "typing_backport==1.0\n", "typing.py": ""})
    problems = project.fail(include=["typing.py"])
    assert [(problem.code, problem.path) for problem in problems] == [
        ("duplicate_file", "typing.py"),
        ("shadowed_module", "runtime.py"),
        ("shadowing_module", "typing.py"),
    ]
    assert "typing-backport" in problems[0].message


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"../climber.py": ""}, "leads out"),
        ({"/etc/passwd": ""}, "leads out"),
        ({"a/../../b.py": ""}, "leads out"),
        ({"C:/b.py": ""}, "leads out"),
        ({"a\\b.py": ""}, "backslashes"),
        ({"a\nb.py": ""}, "control"),
        ({"n" * 300: ""}, "255 bytes"),
        ({"a/" * 2000 + "b.py": ""}, "levels"),
        ({"": ""}, "without a name"),
        ({"x.data": ""}, "x.data/"),
        ({"x-1.data/purelib": ""}, "x-1.data/"),
        ({"x": "", "x/y.py": ""}, "a file and a folder"),
        ({"x/y/z.py": "", "x/y": ""}, "a file and a folder"),
        ({"x-1.dist-info/RECORD": "../../evil.py,,\n"}, "leads out"),
        ({"x-1.dist-info/RECORD": "/evil.py,,\n"}, "leads out"),
        ({"x-1.dist-info/RECORD": "a" * 200_000}, "field"),
    ],
)
def test_wheel_with_invalid_paths_is_rejected(tmp_path, files, reason):
    wheel = tmp_path / "x-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as opened:
        for name, text in files.items():
            opened.writestr(zipfile.ZipInfo(name), text)

    with pytest.raises(BuildError, match=reason) as caught:
        unpack_wheels({"x": wheel}, [], tmp_path / "to")

    [problem, *_] = caught.value.problems
    assert (problem.code, problem.path) == ("invalid_wheel", "x-1-py3-none-any.whl")


def test_wheel_with_duplicate_file_is_rejected(tmp_path):
    wheel = tmp_path / "x-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as opened:
        opened.writestr("x.py", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            opened.writestr("x.py", "2")

    with pytest.raises(BuildError, match="twice"):
        unpack_wheels({"x": wheel}, [], tmp_path / "to")


def test_damaged_wheel_is_rejected(tmp_path):
    wheel = tmp_path / "x-1-py3-none-any.whl"
    wheel.write_bytes(b"not a zip")

    with pytest.raises(BuildError, match="valid"):
        unpack_wheels({"x": wheel}, [], tmp_path / "to")


def test_wheels_with_file_and_folder_conflict_are_rejected(tmp_path):
    wheels = {
        "a": make_wheel(tmp_path, "a", "1", {"shared": ""}),
        "b": make_wheel(tmp_path, "b", "1", {"shared/x.py": ""}),
    }

    with pytest.raises(BuildError, match="b-1-py3-none-any"):
        unpack_wheels(wheels, [], tmp_path / "to")


@pytest.mark.parametrize("name", ["sdk", "sdk/__init__.py/x", "sdk/__init__.py"])
def test_dependency_and_project_cannot_share_a_path(project, offline, name):
    project.write({"requirements.txt": "aaa==1.0\n", name: ""})

    [problem, *_] = project.fail(include=["sdk"])

    assert (problem.code, problem.path) == ("duplicate_file", "sdk/__init__.py")
    assert "aaa" in problem.message


def test_current_cos_sdk_is_resolved(project, tmp_path):
    """With the real index. The usual restriction to wheels selects version 1.8.3 instead."""
    try:
        distributions = resolve(project, "cos-python-sdk-v5\n", tmp_path)
    except BuildError as error:
        pytest.skip(f"NOT TESTED with the real COS SDK, it is not available: {error}")
    by_name = {item.name: item for item in distributions}
    assert Version(by_name["cos-python-sdk-v5"].version) >= Version("1.9.44")
    assert not by_name["crcmod"].is_wheel
