"""Asking for `Cos` costs a cold start nothing; the helper is loaded when the first one is made."""

from __future__ import annotations

import subprocess
import sys

from scf_mps import Cos
from scf_mps.cos import Credentials, cos

LOADED = """
import sys
from scf_mps import App, Cos, Transcode
from scf_mps.local.samples import sample

app, given = App(), []

@app.on(Transcode)
def callback(transcode: Transcode, cos: Cos) -> None:
    given.append(cos)

handler = app.main_handler
before = {name for name in sys.modules if name.startswith("scf_mps.cos")}
print(sorted(before), "socket" in sys.modules, "ssl" in sys.modules)
handler(sample("WorkflowTask", [("Transcode", "SUCCESS"), ("Transcode", "SUCCESS")]), {})
print("scf_mps.cos.cos" in sys.modules, given[0] is given[1], isinstance(given[0], Cos))
foreign = [name for name in sys.modules if name.split(".")[0] in ("qcloud_cos", "urllib3", "requests")]
print(foreign)
"""


def test_the_helper_is_loaded_by_the_first_callback_that_asks_for_it():
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True)

    assert done.stdout.splitlines() == [
        "['scf_mps.cos'] False False",
        "True True True",
        "[]",
    ], done.stderr


def test_one_is_made_by_calling_the_class_that_is_asked_for():
    made = Cos(Credentials("AKIDone", "secret"), proxy="http://127.0.0.1:9")

    assert type(made) is cos.Cos
    assert isinstance(made, Cos)
    assert isinstance(cos.Cos(Credentials("AKIDone", "secret")), Cos)
