"""The option --app and the import of an application."""

import pytest

from tests.support.sample_data import ROOT

from .support import run, write

pytestmark = pytest.mark.usefixtures("shop")


def test_default_application_is_handlers(monkeypatch):
    monkeypatch.chdir(ROOT)
    result = run("invoke", "--json")
    assert result.code == 0
    assert [one["outcome"] for one in result.json["callbacks"]] == ["done"] * 4
    assert run("routes").rows[0][1] == "handlers.renditions.record_rendition"


def test_application_is_read_from_environment(monkeypatch):
    monkeypatch.setenv("MPS_APP", "shop:app")
    assert len(run("routes", "--json").json) == 4


def test_application_name_defaults_to_app():
    assert len(run("routes", "--app", "shop", "--json").json) == 4
    assert len(run("routes", "--app", "shop:", "--json").json) == 4


@pytest.mark.parametrize("command", ["routes", "invoke"])
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nowhere:app", "nowhere/"),
        ("shop:nothing", "--app shop:app"),
        ("shop:fail", "<function fail at "),
        (":app", "':app'"),
        ("", "''"),
        (".shop:app", "'.shop:app'"),
    ],
)
def test_invalid_application_is_rejected(command, name, why):
    result = run(command, "--app", name)
    assert (result.code, result.out) == (2, "")
    assert why in result.err
    assert result.err.count("\n") == 1


IMPORTS = {
    "registration": (
        "from scf_mps import App\napp = App()\n@app.on('Transcod')\ndef f(one): ...\n",
        "@app.on('Transcod')",
        "'Transcode'",
    ),
    "missing provider": (
        "from scf_mps import App\napp = App()\n\n@app.on('Transcode')\ndef f(one, database: int): ...\n",
        "@app.on('Transcode')",
        "app.provide(int",
    ),
    "several classes": (
        "from scf_mps import App, Porn, Transcode\napp = App()\n@app.on(Transcode, Porn)\ndef f(one): ...\n",
        "@app.on(Transcode, Porn)",
        "Stack",
    ),
    "missing method": (
        "from scf_mps import App, Router\napp = App()\napp.include(Router())\n",
        "app.include(Router())",
        "App(router",
    ),
    "missing package": (
        "import json\n\nimport not_installed\n",
        "import not_installed",
        "requirements.txt",
    ),
    "missing module": ("import wrong.below\n", "import wrong.below", "wrong/below.py"),
    "missing name": ("from json import nothing\n", "from json import nothing", "import each other"),
    "syntax": ("a = 1\ndef f(:\n", "def f(:", "parse"),
    "wrapped": (
        "try:\n    import not_installed\nexcept ImportError:\n    raise RuntimeError('no')\n",
        "    import not_installed",
        "requirements.txt",
    ),
    "attribute": ("import json\njson.nothing\n", "json.nothing", "443"),
    "value": ("import json\njson.loads('[')\n", "json.loads('[')", "443"),
    "exit": ("import sys\nsys.exit('no')\n", "sys.exit('no')", "443"),
    "configuration": (
        "from scf_mps.actions import Settings\nsettings = Settings()\n"
        "settings.read('MPS_X', int)\nsettings.check()\n",
        "settings.check()",
        "serverless.yml",
    ),
    "ledger": (
        "from scf_mps import App\napp = App(ledger='nothing://')\nmain_handler = app.main_handler\n",
        "main_handler = app.main_handler",
        "MPS_LEDGER",
    ),
}
"""A module that cannot be imported, the line that is printed, and a word of the advice."""


@pytest.mark.parametrize("kind", IMPORTS)
@pytest.mark.parametrize("command", ["routes", "invoke", "history"])
def test_failed_import_prints_line_and_advice(command, kind, monkeypatch):
    code, source, advice = IMPORTS[kind]
    monkeypatch.setenv("MPS_X", "x")
    write("wrong.py", code)
    result = run(command, "--app", "wrong:app")
    assert (result.code, result.out) == (2, "")
    line = code.splitlines().index(source) + 1
    assert f"wrong.py:{line}" in result.err
    assert f"    {source.strip()}\n" in result.err
    assert advice in result.err
    assert "scf_mps/" not in result.err
    assert len(result.err.splitlines()) <= 6


def test_failed_import_prints_every_user_frame():
    write("below.py", "def f():\n    return {}['key']\n\nx = f()\n")
    write("wrong.py", "import below\n")
    result = run("routes", "--app", "wrong:app")
    assert result.err.splitlines() == [
        "wrong:app cannot be imported: KeyError: 'key'",
        "  wrong.py:1",
        "      import below",
        "  below.py:4",
        "      x = f()",
        "  below.py:2 in f",
        "      return {}['key']",
        "Correct this line: in SCF every event would fail with status 443",
    ]


def test_missing_application_suggests_app_option():
    for name in ("nowhere:app", "shop.nothing:app"):
        result = run("routes", "--app", name)
        assert result.code == 2
        assert "--app" in result.err
