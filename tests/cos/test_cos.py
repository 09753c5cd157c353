"""`Cos` as a parameter of callbacks, and its lazy import."""

from __future__ import annotations

import subprocess
import sys

import pytest

import scf_mps.cos
from scf_mps import App, Cos, Transcode
from scf_mps.cos import Credentials, Denied

from .support import at, build_transcode

LAZY_APPLICATION = """
import sys
started = set(sys.modules)
import scf_mps
print("scf_mps.cos" in sys.modules)
from scf_mps import App, Cos, Transcode
from scf_mps.local.samples import sample

app, received = App(), []

@app.on(Transcode)
def callback(transcode: Transcode, cos: Cos) -> None:
    received.append(cos)

handler = app.main_handler
before = {name for name in sys.modules if name.startswith("scf_mps.cos")}
print(sorted(before), "socket" in sys.modules, "ssl" in sys.modules)
handler(sample("WorkflowTask", [("Transcode", "SUCCESS"), ("Transcode", "SUCCESS")]), {})
print("scf_mps.cos.cos" in sys.modules, received[0] is received[1], isinstance(received[0], Cos))
from scf_mps.cos import *
import scf_mps.cos
dir(scf_mps.cos)
roots = {name.partition(".")[0] for name in set(sys.modules) - started}
print(roots - set(sys.stdlib_module_names) - {"scf_mps"}, "ssl" in sys.modules)
"""


def test_cos_is_loaded_by_first_callback():
    done = subprocess.run([sys.executable, "-c", LAZY_APPLICATION], capture_output=True, text=True)

    assert done.stdout.splitlines() == [
        "False",
        "['scf_mps.cos'] False False",
        "True True True",
        "set() False",
    ], done.stderr


def test_public_class_creates_full_class():
    created = Cos(Credentials("AKIDone", "secret"), proxy="http://127.0.0.1:9")

    assert type(created) is scf_mps.cos.cos.Cos
    assert isinstance(created, Cos)
    assert isinstance(scf_mps.cos.cos.Cos(Credentials("AKIDone", "secret")), Cos)


def test_missing_credentials_are_denied_without_request(emulator, monkeypatch):
    for name in ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SECRET_ID"):
        monkeypatch.delenv(name, raising=False)
    cos = Cos(proxy=emulator.url)
    with pytest.raises(Denied) as raised:
        cos.head(at("a"))
    assert raised.value.code == "NoCredentials"
    assert len(emulator.requests) == 0


def test_callbacks_of_invocation_share_cos(emulator, monkeypatch):
    monkeypatch.setenv("MPS_COS_PROXY", emulator.url)
    app = App()
    seen = []

    @app.on(Transcode)
    def first(transcode: Transcode, cos: Cos) -> None:
        cos.upload(b"x", at("a"))
        seen.append(cos)

    @app.on(Transcode)
    def second(transcode: Transcode, cos: Cos) -> None:
        seen.append(cos)

    key = emulator.key
    environ = f"TENCENTCLOUD_SECRETID={key.secret_id};TENCENTCLOUD_SECRETKEY={key.secret_key}"
    for _ in range(2):
        app.main_handler(build_transcode().raw, {"environ": environ, "time_limit_in_ms": 60000})
    assert seen[0] is seen[1]
    assert seen[0] is not seen[2]
    assert emulator.requests.count("PutObject") == 2


def test_public_names_exist():
    for name in dir(scf_mps.cos):
        assert getattr(scf_mps.cos, name) is not None or name.startswith("__")
    with pytest.raises(AttributeError, match="Nothing"):
        scf_mps.cos.Nothing  # noqa: B018
