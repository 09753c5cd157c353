"""What a build refuses, with the file and the line: missing modules, secrets, names that would go wrong on SCF."""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps.build.archive import write_zip
from scf_mps.build.import_check import can_import, check_imports
from scf_mps.build.imports import Import, find_unresolved_imports
from scf_mps.build.interpreters import Interpreter, find_interpreter
from scf_mps.build.names import find_shadowing
from scf_mps.build.report import MB, ArchiveReport, check_limits
from scf_mps.build.secrets import find_secrets
from tests.support.build_projects import Project

OWN = "{}.{}".format(*sys.version_info)
OTHER = "3.12" if OWN != "3.12" else "3.13"


def test_a_missing_module_is_named_with_file_and_line(project: Project) -> None:
    project.write({"handlers/late.py": "def later():\n    import requests.auth\n"})
    assert project.problems() == [
        "handlers/late.py:2: no module 'requests.auth' in the zip; is it in requirements.txt?"
    ]


def test_a_part_of_the_package_that_is_for_the_desk_cannot_be_imported(project: Project) -> None:
    project.write({"handlers/late.py": "from scf_mps.local.samples import sample\n"})
    (problem,) = project.problems()
    assert problem.startswith("handlers/late.py:1: no module 'scf_mps.local.samples' in the zip")


def tried(folder: Path, files: Mapping[str, str], seconds: float = 30) -> list[str]:
    """What is said of a zip of these files, and of an index.py, by the running Python."""
    index = {"index.py": "from handlers import main_handler as main_handler\n"}
    Project(folder / "tree").write({**index, **files})
    write_zip(folder / "tree", folder / "tree.zip")
    python = Interpreter(Path(sys.executable), frozenset())
    return [*check_imports([folder / "tree.zip"], python, folder / "work", seconds)]


def test_every_module_of_handlers_is_imported(tmp_path: Path) -> None:
    assert tried(
        tmp_path,
        {
            "handlers/__init__.py": "def main_handler(event, context): ...\n",
            "handlers/forgotten.py": "import json\n\njson.no_such_name\n",
            "handlers/deep/__init__.py": "",
            "handlers/deep/__main__.py": "raise SystemExit",
            "handlers/deep/leaving.py": "raise SystemExit(3)\n",
            "handlers/loud.py": "print('hello')\n",
            "handlers/package.py": "import handlers.deep.leaving\n",
        },
    ) == [
        "handlers/deep/leaving.py:1: cannot be imported on its own: SystemExit: 3",
        "handlers/forgotten.py:3: cannot be imported on its own: "
        "AttributeError: module 'json' has no attribute 'no_such_name'",
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("app = 1\n", "index.py:1: cannot be imported on its own: ImportError: "),
        ("main_handler = 1\n", "handlers/__init__.py: cannot be imported on its own: main_handler"),
        ("from . import gone\n", "handlers/__init__.py:1: cannot be imported on its own: Import"),
        ("import os\nos._exit(7)\n", "importing the function ends its process, with 7: "),
    ],
)
def test_there_has_to_be_a_main_handler(tmp_path: Path, text: str, why: str) -> None:
    (problem,) = tried(tmp_path, {"handlers/__init__.py": text})
    assert problem.startswith(why)


def test_an_import_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    endless = {"handlers/__init__.py": "import threading\nthreading.Event().wait()\n"}
    assert tried(tmp_path, endless, seconds=0.3) == [
        "importing the function takes more than 0.3 s, SCF would give up"
    ]


def test_handlers_see_the_variables_of_the_desk_but_no_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", "do-not-show-me")
    monkeypatch.setenv("MPS_TABLE", "results")
    text = (
        "import os\n\nmain_handler = print\nassert os.environ['MPS_TABLE'] == 'results'\n"
        "assert 'TENCENTCLOUD_SECRETKEY' not in os.environ\n"
    )
    assert tried(tmp_path, {"handlers/__init__.py": text}) == []


@pytest.mark.usefixtures("python310")
def test_what_cannot_be_imported_stops_the_build(project: Project) -> None:
    project.write({"handlers/forgotten.py": "import json\n\njson.no_such_name\n"})
    (problem,) = project.problems()
    assert problem.startswith("handlers/forgotten.py:3: cannot be imported on its own: Attribute")


@pytest.mark.usefixtures("python310")
def test_a_file_that_is_no_python_of_this_version_is_named_with_its_line(project: Project) -> None:
    project.write({"handlers/new.py": "x = 1\ntype Name = str\n"})
    (problem, *_) = project.problems()
    assert problem.startswith("handlers/new.py:2: no Python 3.10: ")


SECRET_ID = "AKID" + "z8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE"


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("keys.py", f"\nKEY = '{SECRET_ID}'\n", "keys.py:2: what looks like a SecretId"),
        ("a.txt", "-----BEGIN RSA " + "PRIVATE KEY-----\nMII\n", "a.txt:1: what looks like a priv"),
        ("b.json", '{\n"SecretKey":\n "' + "x7" * 16 + '"}', "b.json:2: what looks like a SecretK"),
        ("tls.pem", "harmless", "tls.pem: a file of keys by its name"),
        ("prod.env", "A=b", "prod.env: a file of keys by its name"),
    ],
)
def test_what_looks_like_a_secret_stops_the_build_and_is_not_shown(
    project: Project, name: str, text: str, where: str
) -> None:
    project.write({f"handlers/{name}": text})
    (problem,) = project.problems()
    assert problem.startswith(f"handlers/{where}")
    assert problem.endswith(f"(if it is none: --allow-secret handlers/{name})")
    assert SECRET_ID not in problem
    assert "x7x7" not in problem


KEY = "Gu5t9xGAR" + "Npq86cd98joQYCN3tz4dkwE"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", "\nSECRET_KEY = b'{}'\n"),
        ("a.py", "\nSECRET_KEY: str = '{}'\n"),
        ("a.py", "\nSECRET_KEY: Final[bytes] = rb'{}'\n"),
        ("a.py", "import os\nos.environ['TENCENT_SECRET_KEY'] = '{}'\n"),
        ("a.py", "import os\nos.environ.setdefault('TENCENT_SECRET_KEY', '{}')\n"),
        ("a.py", "import os\nkey = os.getenv('TENCENTCLOUD_SECRET_KEY', '{}')\n"),
        ("a.py", "\nKEYS = {{'secret_key': '{}'}}\n"),
        ("a.py", "\nKEYS = {{**others, 'SecretKey': b'{}'}}\n"),
        ("a.py", "\nKEYS = dict([('secretKey', '{}')])\n"),
        ("a.py", "\nCredential(secret_key='{}')\n"),
        ("a.py", "\nself.secret_key = f'{}'\n"),
        ("a.py", "\nSECRET_KEY = f'{{prefix}}{}'\n"),
        ("a.py", "\nSECRET_KEY = os.environ.get('X') or '{}'\n"),
        ("a.py", "\nif (secret_key := '{}'): pass\n"),
        ("a.py", "\nif secret_key == '{}': pass\n"),
        ("a.py", "\ndef f(a, secret_key='{}', *, b): pass\n"),
        ("a.py", "\ndef f(secret_key='{}', /): pass\n"),
        ("a.py", "\ndef f(a, secret_key='{}', /, b=1): pass\n"),
        ("a.py", "\ndef f(a, *, b, secret_key='{}'): pass\n"),
        ("a.py", "\n# SECRET_KEY = '{}'\n"),
        ("a.py", "\nprint 'SECRET_KEY = {}'\n"),
        ("a.json", '{{\n"SecretKey": "{}"}}'),
        ("a.json", '{{\n"Key": "SECRET_KEY", "Value": "{}"}}'),
        ("a.yaml", "\nsecret_key: {}\n"),
        ("a.yaml", "\nTENCENT_SECRET_KEY: '{}' # mine\n"),
        ("a.yaml", "\nsecret-key: |\n  {}\n"),
        ("a.toml", '\nsecret_key = "{}"\n'),
        ("a.ini", "\nsecretkey={}\n"),
        ("a.xml", "\n<secretKey>{}</secretKey>"),
        ("a.sh", "\nexport TENCENT_SECRET_KEY={}\n"),
    ],
)
def test_secret_key_is_found_in_every_form(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text.format(KEY))

    findings = [*find_secrets({name: path})]

    assert findings
    assert findings[0].startswith((f"{name}:2: what looks like a SecretKey", f"{name}:3: "))
    assert KEY not in "".join(findings)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_secret_key_is_found_in_utf_16(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "settings.ini"
    path.write_text(f"TENCENT_SECRET_KEY={KEY}\n", encoding)

    assert any("SecretKey" in one for one in find_secrets({"settings.ini": path}))


@pytest.mark.parametrize(
    "text", ["secret_key{}", "secret_key: {}", "secret_key,{}", "secret_key a{}"]
)
def test_secret_search_of_blanks_is_linear(tmp_path: Path, text: str) -> None:
    path = tmp_path / "blank.txt"
    path.write_text(text.format(" \n" * 100_000))
    began = time.monotonic()

    assert [*find_secrets({"blank.txt": path})] == []
    assert time.monotonic() - began < 30


def test_secret_key_of_the_documentation_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("SECRET_KEY = Gu5t9xGAR" + "Npq86cd98joQYCN3EXAMPLE")

    assert len([*find_secrets({"a.txt": path})]) == 1


def test_secret_key_is_found_when_it_is_put_together(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(f"SECRET_KEY = ('{KEY[:8]}'\n    + '{KEY[8:]}')\n")

    assert len([*find_secrets({"a.py": path})]) == 1


@pytest.mark.parametrize(
    "text",
    [
        "SECRET_KEY = os.environ['TENCENT_SECRET_KEY']",
        "SECRET_KEY = os.environ.get('TENCENT_SECRET_KEY', '')",
        "SECRET_KEY = os.getenv('TENCENTCLOUD_SECRETKEY_2')",
        "SECRET_KEY = 'your-secret-key-1A'",
        "SECRET_KEY = 'YOURSECRETKEYYOURSECRETKEYYOURKE'",
        "SECRET_KEY = '<SecretKey>'",
        "SECRET_KEY = 'changeMe1234567890'",
        "SECRET_KEY = '${env:TENCENT_SECRET_KEY}'",
        "SECRET_KEY = '********************************'",
        "SECRET_KEY = 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'",
        "SECRET_ID = 'AKIDxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'",
        "SECRET_KEY = 'placeholderForTheKey123'",
        "SECRET_KEY = ''",
        "SECRET_KEY = 5",
        "SECRET_KEY = 'name-of-the-account'",
        "load(secret_key, name, 'x')",
        "SECRET_KEY = secret_key or settings.secret_key_of_the_account",
        "def f(secret_key: str = DEFAULT_SECRET_KEY_0, **rest): ...",
        "NAME = 'secret_key'; DIGEST = '9f86d081884c7d659a2feaa0c55ad015'",
        "f(**{'secret_key': key}, **others)",
    ],
)
def test_placeholders_and_lookups_are_no_secrets(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.py"
    path.write_text(text)

    assert [*find_secrets({"a.py": path, "a.yaml": path})] == []


def test_environment_file_without_values_is_no_secret(tmp_path: Path) -> None:
    path = tmp_path / ".env.example"
    path.write_text("TENCENT_SECRET_KEY=your-key\n")

    assert [*find_secrets({".env.example": path})] == []
    assert [*find_secrets({".env.local": path})] != []


def test_what_only_looks_like_a_secret_can_be_allowed_file_by_file(project: Project) -> None:
    project.write({"handlers/sample.py": f"KEY = '{SECRET_ID}'\n", "handlers/ca.pem": ""})
    allowed = ["--allow-secret", "handlers/sample.py"]
    assert [line.split(":")[0] for line in project.problems(*allowed)] == ["handlers/ca.pem"]
    project.build(*allowed, "--allow-secret", "handlers/ca.pem")
    assert {"handlers/sample.py", "handlers/ca.pem"} < set(project.names())


def test_a_zip_that_the_folder_or_the_layer_would_replace_is_refused(project: Project) -> None:
    assert project.problems("--zip", "build/function.zip") == [
        "expected a zip outside of build, not build/function.zip"
    ]
    assert project.problems("--zip", "build/deep/../function.zip", "--layer")[0].startswith(
        "expected a zip outside of build"
    )
    assert project.problems("--layer", "--zip", "dist/layer.zip") == [
        "expected another name for the zip: dist/layer.zip is the layer's"
    ]


def test_public_certificates_and_code_that_reads_keys_are_no_secrets(project: Project) -> None:
    code = "HEAD = b'-----BEGIN RSA " + "PRIVATE KEY-----'\n_END = 1\n"
    public = "-----BEGIN CERTIFICATE-----\nMII\n"
    project.write({"handlers/ca.pem": public, "handlers/keys.py": code})
    project.build()
    project.write({"handlers/ca.pem": public + "-----BEGIN " + "PRIVATE KEY-----\nMII\n"})

    ran = project.run()

    assert (ran.exit_code, ran.stderr.startswith("handlers/ca.pem:3: what looks like a pr")) == (
        1,
        True,
    )


@given(st.text("abcYZ019", min_size=13, max_size=40), st.binary(max_size=40))
def test_no_secret_id_goes_by_whatever_is_around_it(
    tmp_path_factory: pytest.TempPathFactory, tail: str, around: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "around"
    path.write_bytes(around + f"AKID{tail}".encode() + around)
    (sentence,) = find_secrets({"a": path})
    assert sentence.startswith(f"a:{around.count(b'%c' % 10) + 1}: what looks like a SecretId")
    assert tail not in sentence


def test_everything_that_is_wrong_is_told_at_once(project: Project) -> None:
    project.write({"handlers/one.py": "import requests\n", "handlers/two.pem": "", "email.py": ""})
    assert [line.split(" ")[0] for line in project.problems("--include", "email.py")] == [
        "handlers/two.pem:",
        "email.py:",
        "handlers/one.py:1:",
    ]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (
            "email.py",
            "would be imported in place of 'email' of the standard library, by everything",
        ),
        ("runtime.py", "SCF's runtime has a module 'runtime' of its own, which would be imported"),
        ("bootstrap/x.py", "SCF's runtime has a module 'bootstrap' of its own, which would be"),
        ("index.py", "the build makes this one itself; rename it"),
    ],
)
def test_a_module_with_a_name_that_is_taken_is_refused(
    project: Project, name: str, why: str
) -> None:
    project.write({name: ""})
    (problem, *_) = project.problems("--include", name.split("/")[0])
    assert problem.startswith(f"{name}: {why}")


def test_files_that_are_no_modules_shadow_nothing() -> None:
    names = ["json.txt", "handlers/json.py", "email.cpython-310-x86_64-linux-gnu.so"]
    assert [one.split(":")[0] for one in find_shadowing(names, {"json", "email"})] == [names[2]]


@pytest.mark.usefixtures("python310")
def test_a_serverless_yml_that_does_not_fit_is_a_warning(project: Project) -> None:
    project.write(
        {
            "serverless.yml": "inputs:\n  handler: handlers.main_handler # wrong\n"
            "  runtime: 'Python3.12'\n  region: ap-guangzhou\n"
        }
    )
    ran = project.run("--layer", "--runtime", "Python3.10")
    assert ran.exit_code == 0
    assert ran.stderr.splitlines() == [
        "warning: serverless.yml:2: expected handler: index.main_handler, not handlers.main_handler",
        "warning: serverless.yml:3: expected runtime: Python3.10, not Python3.12",
    ]
    assert "\ndist/layer.zip: " in ran.stdout


def test_the_repository_s_own_serverless_yml_fits() -> None:
    from scf_mps.build.names import find_serverless_mismatches
    from scf_mps.build.runtimes import parse_runtime
    from tests.support.sample_data import ROOT

    assert [*find_serverless_mismatches(ROOT, parse_runtime("python3.10"))] == []


@pytest.mark.parametrize(
    ("runtime", "why"),
    [
        ("Python3.9", "scf-mps needs Python 3.10 or later: Python3.9 is too old, use Python3.10"),
        (
            "Node",
            "expected a runtime of SCF, one of Python3.10, Python3.12, Python3.13, not 'Node'",
        ),
    ],
)
def test_a_runtime_that_cannot_be_is_refused(project: Project, runtime: str, why: str) -> None:
    assert project.problems("--runtime", runtime) == [why]


def sizes(zip_: float, unpacked: float, path: str = "function.zip") -> ArchiveReport:
    return ArchiveReport(path, "", int(zip_ * MB), int(unpacked * MB), [])


@pytest.mark.parametrize(
    ("archives", "told"),
    [
        ([sizes(14, 300)], []),
        (
            [sizes(16, 300)],
            ["function.zip is 16.0 MB: an update by the API takes no zip beyond 20"],
        ),
        (
            [sizes(38, 300)],
            ["function.zip is 38.0 MB: an update", "function.zip is 38.0 MB: SCF creates no"],
        ),
        ([sizes(1, 200), sizes(1, 190, "layer.zip")], ["unpacked is 390.0 MB: SCF runs no"]),
    ],
)
def test_limits_are_told_before_they_are_reached(
    archives: list[ArchiveReport], told: list[str]
) -> None:
    found = [*check_limits(archives)]
    assert len(found) == len(told)
    assert all(one.startswith(start) for one, start in zip(found, told, strict=True))


# --- imports by their statements ---------------------------------------------------------------


def missing(source: str, name: str = "handlers/one.py", *files: str) -> list[str]:
    there = {"handlers/__init__.py", "handlers/one.py", "six.py", "native/_x.so", *files}
    return [
        one.module
        for one in find_unresolved_imports(name, source.encode(), there, {"json", "tomllib", "os"})
    ]


@pytest.mark.parametrize(
    "source",
    [
        "import json, os.path",
        "import six.moves.urllib.parse",
        "import native",
        "from . import two",
        "from .. import handlers",
        "from handlers import main_handler",
        "try:\n    import orjson\nexcept ImportError:\n    import json",
        "try:\n    import a\nexcept (ValueError, ModuleNotFoundError):\n    pass",
        "try:\n    import a\nexcept:\n    pass",
        "if TYPE_CHECKING:\n    import a",
        "if sys.version_info < (3, 11):\n    import tomli",
        "if typing.TYPE_CHECKING:\n    import a",
    ],
)
def test_imports_that_are_there_or_provided_for_are_fine(source: str) -> None:
    name = "handlers/deep/one.py" if ".. import" in source else "handlers/one.py"
    assert missing(source, name) == []


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("import boto3", "boto3"),
        ("def f():\n    from boto3.session import Session", "boto3.session"),
        ("from .missing import x", "handlers.missing"),
        ("import handlers.missing", "handlers.missing"),
        ("try:\n    import a\nexcept ValueError:\n    pass", "a"),
        ("try:\n    import json\nexcept ImportError:\n    import a", "a"),
        ("if os.name:\n    import a", "a"),
    ],
)
def test_imports_that_lead_nowhere_are_found(source: str, module: str) -> None:
    assert missing(source) == [module]


def test_the_line_of_an_import_is_told() -> None:
    found = find_unresolved_imports(
        "handlers/a.py", b"x = 1\n\nimport gone\n", {"handlers/a.py"}, set()
    )
    assert [*found] == [Import("gone", 3)]


# --- interpreters ------------------------------------------------------------------------------


def fake_python(path: Path, version: str, implementation: str = "cpython") -> Path:
    """What answers as an interpreter does."""
    told = json.dumps([implementation, version, str(path), ["json"]])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{told}'\n")
    path.chmod(0o755)
    return path


def test_the_running_interpreter_is_taken_if_it_is_of_the_version(no_pythons: Path) -> None:
    found = find_interpreter(OWN)
    assert found is not None
    assert found.path == Path(sys.executable)
    assert found.library == sys.stdlib_module_names
    assert find_interpreter("3.99") is None


@pytest.mark.parametrize("place", ["bin/python3.99", "no-pyenv/versions/3.99.1/bin/python"])
def test_an_interpreter_is_found_on_the_path_and_with_pyenv(
    no_pythons: Path, tmp_path: Path, place: str
) -> None:
    python = fake_python(tmp_path / place, "3.99")
    assert find_interpreter("3.99") == Interpreter(python, frozenset({"json"}))


def test_an_interpreter_is_found_with_uv(no_pythons: Path, tmp_path: Path) -> None:
    python = fake_python(tmp_path / "uv-pythons" / "python", "3.99")
    uv = no_pythons / "uv"
    uv.write_text(f'#!/bin/sh\n[ "$4" = 3.99 ] || exit 2\necho {python}\n')
    uv.chmod(0o755)
    assert find_interpreter("3.99") == Interpreter(python, frozenset({"json"}))
    assert find_interpreter("3.98") is None


def test_an_interpreter_is_found_with_the_launcher_of_windows(no_pythons: Path) -> None:
    fake_python(no_pythons / "py", "3.99")
    assert find_interpreter("3.99") == Interpreter(no_pythons / "py", frozenset({"json"}))


def test_what_is_no_cpython_of_the_version_is_passed_over(no_pythons: Path) -> None:
    fake_python(no_pythons / "python3.99", "3.99", "pypy")
    assert find_interpreter("3.99") is None
    fake_python(no_pythons / "python3.99", "3.98")
    assert find_interpreter("3.99") is None
    (no_pythons / "python3.99").write_text("#!/bin/sh\nexit 1\n")
    assert find_interpreter("3.99") is None


def test_without_an_interpreter_the_zip_has_no_byte_code_and_that_is_said_aloud(
    project: Project, no_pythons: Path
) -> None:
    project.write({"handlers/odd.py": "this is no Python\n", "handlers/late.py": "import json\n"})
    ran = project.run("--runtime", f"Python{OTHER}")
    assert ran.exit_code == 0
    assert "not imported" in ran.stdout
    odd, loud = [line.removeprefix("warning: ") for line in ran.stderr.splitlines()]
    assert odd.startswith("handlers/odd.py: this Python cannot read it: ")
    assert loud.startswith(f"no CPython {OTHER} was found here: the zip holds NO BYTE CODE")
    assert not [name for name in project.names() if name.endswith(".pyc")]


def test_byte_code_can_be_required(project: Project, no_pythons: Path) -> None:
    (problem,) = project.problems("--runtime", f"Python{OTHER}", "--require-bytecode")
    assert problem.startswith(f"no CPython {OTHER} was found here")


def test_an_interpreter_can_be_named(python310: Path, project: Project, no_pythons: Path) -> None:
    assert project.problems("--python", "/no/python") == ["expected a CPython 3.10 at /no/python"]
    assert project.build("--python", str(python310))["bytecode"]


def test_extension_modules_are_tried_where_they_can_be() -> None:
    here = (sys.platform, platform.machine()) == ("linux", "x86_64")
    assert can_import(["a.py"])
    assert can_import(["a.so"]) is here


def test_without_requirements_no_more_is_needed_than_for_the_command_line(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "scf_mps.build.requirements", None)
    project.write({"requirements.txt": "requests\n"})
    (problem,) = project.problems()
    assert "pip install 'scf-mps[cli,deploy]'" in problem
    (project.folder / "requirements.txt").unlink()
    assert project.build()["dependencies"] == {}
