"""The demo, the default application at work on files, and the emulator from the command line."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scf_mps import CallbacksFailed, logs
from scf_mps.cli import cli
from scf_mps.cos import Cos, Credentials, Denied
from scf_mps.cos.transport import SHARED
from scf_mps.local.cos import CosEmulator, Key
from scf_mps.local.cos.emulator import exports
from scf_mps.local.demo import ARCHIVE, DELIVERY, MEDIA, Desk, desk, events

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _no_connection_is_left():
    yield
    SHARED.clear()


@pytest.fixture
def prepared(tmp_path):
    with desk(tmp_path) as made:
        yield made


@pytest.fixture
def handlers(prepared, monkeypatch):
    """The default application, loaded under the variables of the desk."""
    monkeypatch.syspath_prepend(ROOT)
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if is_ours(name)}
    yield importlib.import_module("handlers")
    for name in [name for name in sys.modules if is_ours(name)]:
        del sys.modules[name]
    sys.modules.update(before)


def is_ours(name):
    return name == "handlers" or name.startswith("handlers.")


def published(prepared: Desk) -> dict[str, int]:
    place = f"cos://{DELIVERY.bucket}.{DELIVERY.region}/"
    return {entry.object.key: entry.size for entry in prepared.cos.list(place)}


def test_the_documented_events_files_are_published_as_they_were(prepared, handlers):
    documented, _ = events()
    prepared.store(documented)
    handlers.main_handler(documented, {})

    place, manifest = prepared.manifest(documented)
    assert [one["definition"] for one in manifest["renditions"]] == [10]
    found = published(prepared)
    del found[place.key]
    assert found == {
        "published/dianping2_imageSprite_10.vtt": 153,
        "published/dianping2_imageSprite_10_0.jpg": 3704,
        "published/dianping2_snapshotByOffset_10_0.jpg": 4085,
        "published/dianping2_transcode_10.mp4": 9117,
    }
    copy = f"{DELIVERY}/dianping2_transcode_10.mp4"
    assert prepared.cos.read(copy) == (MEDIA / "rendition.mp4").read_bytes()
    assert prepared.cos.head(copy).content_type == "video/mp4"


def test_an_hls_stream_is_published_with_all_its_segments(prepared, handlers):
    _, streamed = events()
    prepared.store(streamed)
    handlers.main_handler(streamed, {})
    handlers.main_handler(streamed, {})  # a redelivery changes nothing

    place, manifest = prepared.manifest(streamed)
    assert [one["package"] for one in manifest["adaptive_streams"]] == ["HLS"]
    assert set(published(prepared)) - {place.key} == {
        "published/demo_AdaptiveDynamicStreaming_12.m3u8",
        "published/demo_AnimatedGraphics_20000.gif",
        "published/stream_0.m3u8",
        "published/stream_0_0.ts",
        "published/stream_0_1.ts",
    }


def test_a_file_that_is_not_there_fails_its_publishing_alone(prepared, handlers):
    documented, _ = events()
    prepared.store(documented)
    gone = "cos://gztest-1250000654.ap-guangzhou/dasda/dianping2_transcode_10.mp4"
    prepared.cos.delete(gone)

    with pytest.raises(CallbacksFailed) as failed:
        handlers.main_handler(documented, {})
    (failure,) = failed.value.failures
    assert failure.callback == "handlers.publishing.publish"
    assert gone in str(failed.value)
    assert len(published(prepared)) == 3


def test_the_desk_leaves_the_environment_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setenv("MPS_PUBLISH", "cos://mine-1250000000.ap-guangzhou/")
    monkeypatch.delenv("MPS_COS_PROXY", raising=False)
    with desk(tmp_path):
        assert os.environ["MPS_PUBLISH"] == f"{DELIVERY}/?manifest=manifest.json"
        assert os.environ["MPS_COS_PROXY"].startswith("http://127.0.0.1:")

    assert os.environ["MPS_PUBLISH"] == "cos://mine-1250000000.ap-guangzhou/"
    assert "MPS_COS_PROXY" not in os.environ


def test_the_demo_shows_the_objects_before_and_after_and_what_the_retry_did(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(logs, "configure", lambda *args: None)
    monkeypatch.setenv("COLUMNS", "200")
    done = CliRunner().invoke(cli, ["demo"])

    assert done.exit_code == 0, done.output
    shown = done.output
    assert shown.count("In COS before the event") == shown.count("New in COS after it") == 2
    before, after = shown.split("New in COS after it")[:2]
    assert "cos://gztest-1250000654.ap-guangzhou/dasda/dianping2_transcode_10.mp4" in before
    assert "cos://player-1250000000.ap-guangzhou/published/" not in before
    assert "published/dianping2_transcode_10.mp4" in after
    assert "published/stream_0_1.ts" in shown
    assert f"{ARCHIVE}/" in after
    assert shown.count("/manifest.json says") == 2
    assert "time_offset_s 0, size_bytes 4085" in shown
    assert "dianping2_imageSprite_10.vtt" in after.partition("/manifest.json says")[2]

    rows = [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in before.splitlines()
        if line.startswith("│")
    ]
    tries = {(row[0], row[2].rpartition(".")[2]): row[3:] for row in rows if len(row) == 5}
    assert tries.pop(("Transcode 10", "publish")) == ["failed", "done"]
    # What follows the publishing waited for the retry.
    assert tries.pop(("WorkflowTask", "write_manifest")) == ["", "done"]
    assert tries.pop(("WorkflowTask", "wecom")) == ["", "done"]
    assert "MPS task partly failed (1 of 4): dianping2.mp4" in after
    assert shown.count("What the chat was told") == 2
    assert len(tries) == 7
    assert all(outcomes == ["done", "skipped"] for outcomes in tries.values())


def test_without_what_it_needs_the_desk_says_what_to_install(monkeypatch):
    for module in ("scf_mps.local.demo", "scf_mps.local.cos.__main__"):
        monkeypatch.setitem(sys.modules, module, None)
    for command in (["demo"], ["cos", "--dir", "x"]):
        done = CliRunner().invoke(cli, command)
        assert done.exit_code == 2
        assert "pip install 'scf-mps[cli,local]'" in done.output


def test_the_emulator_can_be_started_from_the_command_line(tmp_path):
    command = [Path(sys.executable).parent / "scf-mps", "cos", "--dir", tmp_path]
    options = ["--key", "AKIDone:secret", "--bucket", "desk-1250000000", "--create-buckets"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        request = urllib.request.Request(
            f"{url}/", headers={"Host": "desk-1250000000.cos.ap-guangzhou.myqcloud.com"}
        )
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(request)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


@pytest.mark.parametrize("one_bucket", [True, False])
def test_emulator_is_seeded_and_prints_what_to_export(tmp_path, one_bucket):
    seed = tmp_path / "seed"
    top = seed if one_bucket else seed / "desk-1250000000.ap-beijing"
    (top / "vod").mkdir(parents=True)
    (top / "vod" / "film 1.mp4").write_bytes(b"film")
    bucket = ["--bucket", "desk-1250000000.ap-beijing"] if one_bucket else []
    command = [Path(sys.executable).parent / "scf-mps", "cos", "--dir", tmp_path / "kept"]
    options = ["--seed", seed, *bucket]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        assert all(line.startswith("export ") for line in lines[1:])
        code = "from scf_mps import Cos; print(Cos().read_text('cos://desk-1250000000.ap-beijing/vod/film 1.mp4'))"
        done = subprocess.run(
            ["sh", "-c", f'{"".join(lines[1:])}\nexec "$0" -c "$1"', sys.executable, code],
            env={"PATH": os.defpath},
            capture_output=True,
            text=True,
            timeout=60,
        )
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert done.stdout == "film\n", done.stderr


@pytest.mark.parametrize("buckets", [[], ["--bucket", "desk-1250000000"]])
def test_seed_without_files_is_refused(tmp_path, buckets):
    (tmp_path / "seed").mkdir()
    (tmp_path / "seed" / ".git").mkdir()
    for folder in ("seed", "nowhere"):
        done = CliRunner().invoke(
            cli, ["cos", "--dir", str(tmp_path), "--seed", str(tmp_path / folder), *buckets]
        )
        assert done.exit_code == 2
        assert "--seed" in done.stderr


def test_emulator_with_a_temporary_key_exports_its_token():
    lines = exports("http://127.0.0.1:1", Key("AKIDx", "a b", "t"))
    assert "export TENCENTCLOUD_SECRET_KEY='a b'" in lines
    assert "export TENCENTCLOUD_TOKEN=t" in lines


@pytest.mark.parametrize("action", ["read", "head"])
def test_denied_request_says_which_variables_to_check(tmp_path, action):
    with CosEmulator(tmp_path) as emulator:
        emulator.create_bucket("desk-1250000000")
        cos = Cos(Credentials("AKIDother", "key"), proxy=emulator.url)
        with pytest.raises(Denied, match="TENCENTCLOUD_SECRET_ID"):
            getattr(cos, action)("cos://desk-1250000000.ap-guangzhou/x")


def test_the_demos_events_are_real_ones():
    documented, streamed = events()

    assert "****" not in json.dumps(documented)
    assert documented["EventType"] == streamed["EventType"] == "WorkflowTask"
