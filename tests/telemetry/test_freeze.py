"""Spans of an instance that SCF freezes between two events: the export must end before the response."""

import json
from pathlib import Path

import pytest

pytest.importorskip("aiohttp", reason="the receiver needs it")

from scf_mps.local.otlp import Receiver
from scf_mps.local.samples import sample
from scf_mps.local.scf import LocalFunction
from tests.support.wait import wait_until

APPLICATION = '''
import copy, threading, time, urllib.request
from scf_mps import App, Observer, Transcode
from scf_mps.telemetry.otlp import OtlpExporter


class Background(OtlpExporter):
    """An exporter that sends from a thread, a moment after the invocation."""

    def flush(self, seconds):
        threading.Thread(target=self.send, daemon=True).start()

    def send(self):
        time.sleep(1)
        super().flush(1.0)


background = {"MPS_OTLP": BACKGROUND}
app = App(observers=[Background(background)])
app.on(Transcode, name="publish")(lambda transcode: None)
main_handler = app.main_handler
'''


def read_state(pid):
    """Return the state letter of a process: ``T`` when it is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_spans_arrive_before_the_freeze_and_those_of_a_thread_do_not(tmp_path):
    with Receiver() as receiver, Receiver() as background:
        (tmp_path / "handlers").mkdir()
        code = APPLICATION.replace("BACKGROUND", json.dumps(background.url))
        (tmp_path / "handlers" / "__init__.py").write_text(code)
        variables = {"MPS_OTLP": receiver.url, "MPS_LEDGER": "none"}
        with LocalFunction(tmp_path, timeout=10, environment=variables) as function:
            done = function.invoke(sample("WorkflowTask", Transcode="SUCCESS"))
            assert done.status == 200, done.text
            arrived = [span.kind for span in receiver.spans]
            (instance,) = function.instances
            wait_until(lambda: read_state(instance.pid) == "T")
            assert background.request_count == 0
        assert arrived == ["callback", "event", "invocation"]
        assert background.spans == []
