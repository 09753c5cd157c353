"""The command demo, and handlers/ on its files."""

import importlib
import os
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scf_mps import CallbacksFailed, logs
from scf_mps.cli import cli
from scf_mps.cos.transport import SHARED_POOL
from scf_mps.local.demo import MEDIA, PUBLISH_PREFIX, DemoResult, list_events, start_demo_cloud
from tests.support.handler_modules import reload_handlers

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _close_connections():
    with reload_handlers():
        yield
    SHARED_POOL.clear()


@pytest.fixture
def cloud(tmp_path):
    with start_demo_cloud(tmp_path) as cloud:
        yield cloud


@pytest.fixture
def handlers(cloud, monkeypatch):
    """Import handlers/ with the variables of the demo."""
    monkeypatch.syspath_prepend(ROOT)
    return importlib.import_module("handlers")


def list_published(cloud):
    place = f"cos://{PUBLISH_PREFIX.bucket}.{PUBLISH_PREFIX.region}/"
    return {entry.object.key: entry.size for entry in cloud.cos.list(place)}


def test_demo_event_files_are_published_unchanged(cloud, handlers):
    documented, _ = list_events()
    cloud.store(documented)
    handlers.main_handler(documented, {})

    place, manifest = cloud.read_manifest(documented)
    assert [one["definition"] for one in manifest["renditions"]] == [10]
    sizes = list_published(cloud)
    del sizes[place.key]
    assert sizes == {
        "published/dianping2_imageSprite_10.vtt": 153,
        "published/dianping2_imageSprite_10_0.jpg": 3704,
        "published/dianping2_snapshotByOffset_10_0.jpg": 4085,
        "published/dianping2_transcode_10.mp4": 9117,
    }
    copy = f"{PUBLISH_PREFIX}/dianping2_transcode_10.mp4"
    assert cloud.cos.read(copy) == (MEDIA / "rendition.mp4").read_bytes()
    assert cloud.cos.head(copy).content_type == "video/mp4"


def test_hls_stream_is_published_with_segments(cloud, handlers):
    _, streamed = list_events()
    cloud.store(streamed)
    handlers.main_handler(streamed, {})
    handlers.main_handler(streamed, {})  # a redelivery

    place, manifest = cloud.read_manifest(streamed)
    assert [one["package"] for one in manifest["adaptive_streams"]] == ["HLS"]
    assert set(list_published(cloud)) - {place.key} == {
        "published/demo_AdaptiveDynamicStreaming_12.m3u8",
        "published/demo_AnimatedGraphics_20000.gif",
        "published/stream_0.m3u8",
        "published/stream_0_0.ts",
        "published/stream_0_1.ts",
    }


def test_missing_file_fails_only_its_publishing(cloud, handlers):
    documented, _ = list_events()
    cloud.store(documented)
    gone = "cos://gztest-1250000654.ap-guangzhou/dasda/dianping2_transcode_10.mp4"
    cloud.cos.delete(gone)

    with pytest.raises(CallbacksFailed) as failed:
        handlers.main_handler(documented, {})
    (failure,) = failed.value.failures
    assert failure.callback == "handlers.publishing.publish"
    assert gone in str(failed.value)
    assert len(list_published(cloud)) == 3


def test_demo_cloud_restores_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MPS_PUBLISH", "cos://mine-1250000000.ap-guangzhou/")
    monkeypatch.delenv("MPS_COS_PROXY", raising=False)
    with start_demo_cloud(tmp_path):
        assert os.environ["MPS_PUBLISH"] == f"{PUBLISH_PREFIX}/?manifest=manifest.json"
        assert os.environ["MPS_COS_PROXY"].startswith("http://127.0.0.1:")

    assert os.environ["MPS_PUBLISH"] == "cos://mine-1250000000.ap-guangzhou/"
    assert "MPS_COS_PROXY" not in os.environ


def run_demo(monkeypatch, *options, folder=ROOT):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(logs, "configure", lambda *args: None)
    return CliRunner().invoke(cli, ["demo", *options])


def test_demo_shows_code_table_and_counts(monkeypatch):
    done = run_demo(monkeypatch)

    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert "@router.on(ImageSprites)" in lines
    rows = [line.split("\t") for line in lines if "\t" in line]
    tries = {(result, callback): outcomes for result, callback, *outcomes in rows}
    assert tries.pop(("Transcode 10", "publishing.publish")) == ["failed", "done"]
    # These callbacks wait for the publishing.
    assert tries.pop(("WorkflowTask", "publishing.write_manifest")) == ["waits", "done"]
    assert tries.pop(("WorkflowTask", "notifying.wecom")) == ["waits", "done"]
    assert len(tries) == 7
    assert all(outcomes == ["done", "skipped"] for outcomes in tries.values())
    assert "1 event, 10 callbacks, 1 failed: COS refused a copy." in lines
    assert (
        "SCF retried the event. The retry ran only that one and the 2 that waited for it." in lines
    )
    assert "5 files published and verified in COS, 1 event archived, 1 chat message sent." in lines
    assert "scf-mps new" in lines[-2]
    assert "scf-mps dev" in lines[-1]


def test_demo_verbose_shows_objects_manifests_and_messages(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    done = run_demo(monkeypatch, "--verbose")

    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == "Your own videos: make dev"
    output = done.output
    assert (
        output.count("In COS before the event") == output.count("New in COS after the event") == 2
    )
    assert "published/dianping2_transcode_10.mp4" in output
    assert "published/stream_0_1.ts" in output
    assert "time_offset_s 0, size_bytes 4085" in output
    assert "MPS task partly failed (1 of 4): dianping2.mp4" in output
    assert output.count("The chat message") == 2


BROKEN = {
    "nothing is published": (
        "app = App()\n@app.on(Transcode, name='publish')\ndef f(one): ...\n",
        "is missing",
    ),
    "a callback fails": (
        "app = App()\n@app.on(Transcode)\ndef f(one): raise OSError\n",
        "handlers.f failed",
    ),
    "no ledger": ("app = App(ledger='none')\n@app.on(Transcode)\ndef f(one): ...\n", "did not run"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_demo_fails_with_broken_application(kind, monkeypatch, tmp_path):
    code, problem = BROKEN[kind]
    (tmp_path / "handlers").mkdir()
    code = f"from scf_mps import App, Transcode\n{code}main_handler = app.main_handler\n"
    (tmp_path / "handlers" / "__init__.py").write_text(code)
    done = run_demo(monkeypatch, folder=tmp_path)
    assert done.exit_code == 1
    assert problem in done.stderr


def test_demo_result_reports_repeated_callback():
    first, again = (
        {("a", "f"): "done", ("a", "g"): "failed"},
        {("a", "f"): "done", ("a", "g"): "done"},
    )
    assert list(DemoResult({}, [first, again]).find_problems()) == ["f ran again"]


def test_demo_finds_missing_and_different_copies(cloud, monkeypatch):
    documented, _ = list_events()
    cloud.store(documented)
    one = DemoResult(documented, [{("MediaProcessResultSet[0]", "publish"): "done"}])
    copy = f"{PUBLISH_PREFIX}/dianping2_transcode_10.mp4"
    cloud.cos.upload(MEDIA / "sprite.vtt", copy)
    one.published = [copy, f"{PUBLISH_PREFIX}/gone"]
    problems = list(cloud._verify(documented, one))
    assert f"{PUBLISH_PREFIX}/gone is listed but missing" in problems
    assert any(problem.startswith(f"{copy} differs") for problem in problems)
    assert f"{PUBLISH_PREFIX}/dianping2_imageSprite_10.vtt is missing" in problems


def test_demo_and_cos_suggest_missing_extra(monkeypatch):
    for module in ("scf_mps.local.demo", "scf_mps.local.cos.__main__"):
        monkeypatch.setitem(sys.modules, module, None)
    for command in (["demo"], ["cos", "--dir", "x"]):
        done = CliRunner().invoke(cli, command)
        assert done.exit_code == 2
        assert "pip install 'scf-mps[cli,local]'" in done.output
