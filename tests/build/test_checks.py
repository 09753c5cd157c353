"""Checks of a build: missing modules, secrets, names, limits, and the search for an interpreter."""

import json
import platform
import sys
import time
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


def test_missing_module_is_reported_with_file_and_line(project):
    project.write({"handlers/late.py": "def later():\n    import requests.auth\n"})
    [problem] = project.fail()
    assert (problem.code, problem.path) == ("missing_module", "handlers/late.py:2")
    assert "'requests.auth'" in problem.message


def test_tooling_cannot_be_imported_by_handlers(project):
    project.write({"handlers/late.py": "from scf_mps.local.samples import sample\n"})
    assert project.fail_once() == ("missing_module", "handlers/late.py:1")


def check_files(folder, files, seconds=30):
    """Return the problems of a zip of the files and an index.py under the running Python."""
    index = {"index.py": "from handlers import main_handler as main_handler\n"}
    Project(folder / "tree").write({**index, **files})
    write_zip(folder / "tree", folder / "tree.zip")
    python = Interpreter(Path(sys.executable), frozenset())
    return [*check_imports([folder / "tree.zip"], python, folder / "work", seconds)]


def test_every_module_of_handlers_is_imported(tmp_path):
    problems = check_files(
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
    )
    assert [problem.path for problem in problems] == [
        "handlers/deep/leaving.py:1",
        "handlers/forgotten.py:3",
    ]
    assert "SystemExit: 3" in problems[0].message
    assert "no_such_name" in problems[1].message


@pytest.mark.parametrize(
    ("text", "path", "word"),
    [
        ("app = 1\n", "index.py:1", "ImportError"),
        ("main_handler = 1\n", "handlers/__init__.py", "callable"),
        ("from . import gone\n", "handlers/__init__.py:1", "ImportError"),
        ("import os\nos._exit(7)\n", "", "7"),
    ],
)
def test_import_check_requires_main_handler(tmp_path, text, path, word):
    (problem,) = check_files(tmp_path, {"handlers/__init__.py": text})
    assert (problem.code, problem.path) == ("import_failed", path)
    assert word in problem.message


def test_import_check_times_out(tmp_path):
    endless = {"handlers/__init__.py": "import threading\nthreading.Event().wait()\n"}
    [problem] = check_files(tmp_path, endless, seconds=0.3)
    assert problem.code == "import_timeout"


def test_import_check_hides_credentials_but_no_variables(tmp_path, monkeypatch):
    monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", "do-not-show-me")
    monkeypatch.setenv("MPS_TABLE", "results")
    text = (
        "import os\n\nmain_handler = print\nassert os.environ['MPS_TABLE'] == 'results'\n"
        "assert 'TENCENTCLOUD_SECRETKEY' not in os.environ\n"
    )
    assert check_files(tmp_path, {"handlers/__init__.py": text}) == []


@pytest.mark.usefixtures("python310")
def test_failed_import_stops_build(project):
    project.write({"handlers/forgotten.py": "import json\n\njson.no_such_name\n"})
    assert project.fail_once() == ("import_failed", "handlers/forgotten.py:3")


@pytest.mark.usefixtures("python310")
def test_syntax_error_is_reported_with_line(project):
    project.write({"handlers/new.py": "x = 1\ntype Name = str\n"})
    [problem, *_] = project.fail()
    assert (problem.code, problem.path) == ("invalid_python", "handlers/new.py:2")


SECRET_ID = "AKID" + "z8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE"


@pytest.mark.parametrize(
    ("name", "text", "path"),
    [
        ("keys.py", f"\nKEY = '{SECRET_ID}'\n", "keys.py:2"),
        ("a.txt", "-----BEGIN RSA " + "PRIVATE KEY-----\nMII\n", "a.txt:1"),
        ("b.json", '{\n"SecretKey":\n "' + "x7" * 16 + '"}', "b.json:2"),
        ("tls.pem", "harmless", "tls.pem"),
        ("prod.env", "A=b", "prod.env"),
    ],
)
def test_apparent_secret_stops_build_without_being_shown(project, name, text, path):
    project.write({f"handlers/{name}": text})
    [problem] = project.fail()
    assert (problem.code, problem.path) == ("secret", f"handlers/{path}")
    assert problem.advice.endswith(f"--allow-secret handlers/{name}")
    assert SECRET_ID not in str(problem)
    assert "x7x7" not in str(problem)


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
        ("a.txt", "\nSECRET_KEY = Gu5t9xGAR" + "Npq86cd98joQYCN3EXAMPLE"),  # of the documentation
        ("a.py", f"\nSECRET_KEY = ('{KEY[:16]}'\n    + '{KEY[16:]}')\n"),
    ],
)
def test_secret_key_is_found_in_every_form(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text.format(KEY))

    problems = [*find_secrets({name: path})]

    assert problems
    assert problems[0].path in (f"{name}:2", f"{name}:3")
    assert KEY not in "".join(map(str, problems))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_secret_key_is_found_in_utf_16(tmp_path, encoding):
    path = tmp_path / "settings.ini"
    path.write_text(f"TENCENT_SECRET_KEY={KEY}\n", encoding)

    assert "settings.ini:1" in [problem.path for problem in find_secrets({"settings.ini": path})]


@pytest.mark.parametrize(
    "text", ["secret_key{}", "secret_key: {}", "secret_key,{}", "secret_key a{}"]
)
def test_secret_search_of_blanks_is_linear(tmp_path, text):
    path = tmp_path / "blank.txt"
    path.write_text(text.format(" \n" * 100_000))
    start = time.monotonic()

    assert [*find_secrets({"blank.txt": path})] == []
    assert time.monotonic() - start < 30


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
def test_placeholders_and_lookups_are_not_secrets(tmp_path, text):
    path = tmp_path / "a.py"
    path.write_text(text)

    assert [*find_secrets({"a.py": path, "a.yaml": path})] == []


def test_env_file_without_values_is_not_secret(tmp_path):
    path = tmp_path / ".env.example"
    path.write_text("TENCENT_SECRET_KEY=your-key\n")

    assert [*find_secrets({".env.example": path})] == []
    assert [*find_secrets({".env.local": path})] != []


def test_apparent_secret_is_allowed_by_file(project):
    project.write({"handlers/sample.py": f"KEY = '{SECRET_ID}'\n", "handlers/ca.pem": ""})
    assert project.fail_once(allow_secret=["handlers/sample.py"]) == ("secret", "handlers/ca.pem")
    allow_both = ["--allow-secret", "handlers/sample.py", "--allow-secret", "handlers/ca.pem"]
    project.build(*allow_both)
    assert {"handlers/sample.py", "handlers/ca.pem"} < set(project.names())


def test_overlapping_outputs_are_rejected(project):
    for archive, layer in (
        ("build/function.zip", None),
        ("build/deep/../function.zip", Path("dist/layer.zip")),
        ("dist/layer.zip", Path("dist/layer.zip")),
    ):
        code = project.fail_once(archive=Path(archive), layer=layer)
        assert code == ("invalid_output", "--zip")


def test_public_certificates_are_not_secrets(project):
    code = "HEAD = b'-----BEGIN RSA " + "PRIVATE KEY-----'\n_END = 1\n"
    public = "-----BEGIN CERTIFICATE-----\nMII\n"
    project.write({"handlers/ca.pem": public, "handlers/keys.py": code})
    project.build()
    project.write({"handlers/ca.pem": public + "-----BEGIN " + "PRIVATE KEY-----\nMII\n"})

    result = project.run()

    assert (result.exit_code, result.stderr.startswith("handlers/ca.pem:3: ")) == (1, True)


@given(st.text("abcYZ019", min_size=13, max_size=40), st.binary(max_size=40))
def test_secret_id_is_found_in_any_context(tmp_path_factory, tail, around):
    path = tmp_path_factory.getbasetemp() / "around"
    path.write_bytes(around + f"AKID{tail}".encode() + around)
    (problem,) = find_secrets({"a": path})
    assert problem.path == f"a:{around.count(b'%c' % 10) + 1}"
    assert tail not in str(problem)


def test_all_problems_are_reported_together(project):
    project.write({"handlers/one.py": "import requests\n", "handlers/two.pem": "", "email.py": ""})
    assert [problem.path for problem in project.fail(include=["email.py"])] == [
        "handlers/two.pem",
        "email.py",
        "handlers/one.py:1",
    ]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("email.py", "shadowing_module"),
        ("runtime.py", "shadowed_module"),
        ("bootstrap/x.py", "shadowed_module"),
        ("index.py", "reserved_name"),
    ],
)
def test_shadowing_module_is_rejected(project, name, code):
    project.write({name: ""})
    [problem, *_] = project.fail(include=[name.split("/")[0]])
    assert (problem.code, problem.path) == (code, name)


def test_shadowing_ignores_files_that_are_not_modules():
    names = ["json.txt", "handlers/json.py", "email.cpython-310-x86_64-linux-gnu.so"]
    assert [problem.path for problem in find_shadowing(names, {"json", "email"})] == [names[2]]


@pytest.mark.usefixtures("python310")
def test_mismatch_with_serverless_yml_is_a_warning(project):
    project.write(
        {
            "serverless.yml": "inputs:\n  handler: handlers.main_handler # wrong\n"
            "  runtime: 'Python3.12'\n  region: ap-guangzhou\n"
        }
    )
    result = project.run("--layer", "--runtime", "Python3.10")
    assert result.exit_code == 0
    assert [line[:26] for line in result.stderr.splitlines()] == [
        "warning: serverless.yml:2:",
        "warning: serverless.yml:3:",
    ]
    assert "\ndist/layer.zip: " in result.stdout


def test_own_serverless_yml_matches_build():
    from scf_mps.build.names import find_serverless_mismatches
    from scf_mps.build.runtimes import parse_runtime
    from tests.support.sample_data import ROOT

    assert [*find_serverless_mismatches(ROOT, parse_runtime("python3.10"))] == []


@pytest.mark.parametrize("runtime", ["Python3.9", "Node"])
def test_unsupported_runtime_is_rejected(project, runtime):
    [problem] = project.fail(runtime=runtime)
    assert problem.code == "unsupported_runtime"
    assert runtime in problem.message


def sizes(zip_, unpacked, path="function.zip"):
    return ArchiveReport(path, "", int(zip_ * MB), int(unpacked * MB), [])


@pytest.mark.parametrize(
    ("archives", "paths"),
    [
        ([sizes(14, 300)], []),
        ([sizes(16, 300)], ["function.zip"]),
        ([sizes(38, 300)], ["function.zip", "function.zip"]),
        ([sizes(1, 200), sizes(1, 190, "layer.zip")], ["unpacked"]),
    ],
)
def test_near_limits_are_reported(archives, paths):
    assert [problem.path for problem in check_limits(archives)] == paths


def find_missing(source, name="handlers/one.py", *files):
    names = {"handlers/__init__.py", "handlers/one.py", "six.py", "native/_x.so", *files}
    return [
        imported.module
        for imported in find_unresolved_imports(
            name, source.encode(), names, {"json", "tomllib", "os"}
        )
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
def test_resolvable_imports_are_accepted(source):
    name = "handlers/deep/one.py" if ".. import" in source else "handlers/one.py"
    assert find_missing(source, name) == []


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
def test_unresolved_imports_are_found(source, module):
    assert find_missing(source) == [module]


def test_unresolved_import_has_line():
    imports = find_unresolved_imports(
        "handlers/a.py", b"x = 1\n\nimport gone\n", {"handlers/a.py"}, set()
    )
    assert [*imports] == [Import("gone", 3)]


def fake_python(path, version, implementation="cpython"):
    """Write a script that responds like an interpreter."""
    response = json.dumps([implementation, version, str(path), ["json"]])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{response}'\n")
    path.chmod(0o755)
    return path


def test_running_interpreter_is_found_for_its_version(no_pythons):
    interpreter = find_interpreter(OWN)
    assert interpreter is not None
    assert interpreter.path == Path(sys.executable)
    assert interpreter.library == sys.stdlib_module_names
    assert find_interpreter("3.99") is None


@pytest.mark.parametrize("place", ["bin/python3.99", "no-pyenv/versions/3.99.1/bin/python"])
def test_interpreter_is_found_on_path_and_in_pyenv(no_pythons, tmp_path, place):
    python = fake_python(tmp_path / place, "3.99")
    assert find_interpreter("3.99") == Interpreter(python, frozenset({"json"}))


def test_interpreter_is_found_by_uv(no_pythons, tmp_path):
    python = fake_python(tmp_path / "uv-pythons" / "python", "3.99")
    uv = no_pythons / "uv"
    uv.write_text(f'#!/bin/sh\n[ "$4" = 3.99 ] || exit 2\necho {python}\n')
    uv.chmod(0o755)
    assert find_interpreter("3.99") == Interpreter(python, frozenset({"json"}))
    assert find_interpreter("3.98") is None


def test_interpreter_is_found_by_windows_launcher(no_pythons):
    fake_python(no_pythons / "py", "3.99")
    assert find_interpreter("3.99") == Interpreter(no_pythons / "py", frozenset({"json"}))


def test_other_interpreters_are_skipped(no_pythons):
    fake_python(no_pythons / "python3.99", "3.99", "pypy")
    assert find_interpreter("3.99") is None
    fake_python(no_pythons / "python3.99", "3.98")
    assert find_interpreter("3.99") is None
    (no_pythons / "python3.99").write_text("#!/bin/sh\nexit 1\n")
    assert find_interpreter("3.99") is None


def test_missing_interpreter_is_a_warning(project, no_pythons):
    project.write({"handlers/odd.py": "this is no Python\n", "handlers/late.py": "import json\n"})
    result = project.run("--runtime", f"Python{OTHER}")
    assert result.exit_code == 0
    assert "not imported" in result.stdout
    unparsed, missing = result.stderr.splitlines()
    assert unparsed.startswith("warning: handlers/odd.py: ")
    assert missing.startswith(f"warning: no CPython {OTHER}")
    assert not [name for name in project.names() if name.endswith(".pyc")]


def test_byte_code_can_be_required(project, no_pythons):
    code, _ = project.fail_once(runtime=f"Python{OTHER}", require_bytecode=True)
    assert code == "missing_bytecode"


def test_interpreter_can_be_given(python310, project, no_pythons):
    code = project.fail_once(python=Path("/no/python"))
    assert code == ("missing_interpreter", "--python")
    assert project.build("--python", str(python310))["bytecode"]


def test_extension_modules_are_imported_on_linux():
    here = (sys.platform, platform.machine()) == ("linux", "x86_64")
    assert can_import(["a.py"])
    assert can_import(["a.so"]) is here


def test_requirements_need_the_deploy_extra(project, monkeypatch):
    monkeypatch.setitem(sys.modules, "scf_mps.build.requirements", None)
    project.write({"requirements.txt": "requests\n"})
    assert project.fail_once() == ("missing_extra", "requirements.txt")
    (project.folder / "requirements.txt").unlink()
    assert project.build()["dependencies"] == {}
