"""Originals: retired after complete success, kept otherwise."""

import pytest

from scf_mps import CallbacksFailed
from scf_mps.actions import Publish
from scf_mps.actions.publish.originals import find_replaced, find_retirable
from scf_mps.actions.resubmit import make_session_id
from scf_mps.cos import CosObject
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample

from .support import LOG, SOURCE, VOD, copy_all, make_storage, make_task, make_transcode


def make_unfinished(status):
    """Return a rendition without output."""
    result = make_transcode("/a/y.mp4", 2)
    result["TranscodeTask"].update(Status=status, Output=None)
    return result


@pytest.mark.parametrize("originals", ["delete", "STANDARD_IA"])
def test_originals_are_retired_after_complete_success(application, cos, store, keys, originals):
    notification = make_task(make_transcode("/a/x.mp4"))
    store(*parse_event(notification).files, SOURCE)
    handlers = application(MPS_PUBLISH=f"{VOD}?originals={originals}")
    handlers.main_handler(notification, {})
    handlers.main_handler(notification, {})  # a redelivery
    assert keys("player-1250000000") == ["vod/x.mp4"]
    if originals == "delete":
        assert keys("source-1250000000") == []
    else:
        assert cos.head(SOURCE).storage_class == "STANDARD_IA"


HOLLOW = make_transcode("/a/y.mp4", 2)
HOLLOW["TranscodeTask"]["Output"] = None


@pytest.mark.parametrize(
    "notification",
    [
        make_task(make_transcode("/a/x.mp4", 1), make_unfinished("FAIL")),
        make_task(make_transcode("/a/x.mp4", 1), make_unfinished("PROCESSING")),
        make_task(make_transcode("/a/x.mp4", 1), make_unfinished("ABORTED")),
        make_task(make_transcode("/a/x.mp4", 1), HOLLOW),
        make_task(make_transcode("/a/x.mp4"), SessionId=make_session_id("first", 1, {})),
    ],
    ids=["failed", "processing", "aborted", "without file", "resubmitted"],
)
def test_originals_stay_without_complete_success(application, store, keys, notification):
    store(*parse_event(notification).files, SOURCE)
    application(MPS_PUBLISH=f"{VOD}?originals=delete").main_handler(notification, {})
    assert keys("player-1250000000") == ["vod/x.mp4"]
    assert keys("source-1250000000") == ["videos/demo.mp4"]


def test_originals_stay_until_everything_is_published(application, store, keys):
    notification = make_task(make_transcode("/a/x.mp4", 1), make_transcode("/a/gone.mp4", 2))
    store(parse_event(notification).files[0], SOURCE)
    with pytest.raises(CallbacksFailed):
        application(MPS_PUBLISH=f"{VOD}?originals=delete").main_handler(notification, {})
    assert keys("source-1250000000") == ["videos/demo.mp4"]


@pytest.mark.parametrize("originals", ["delete", "ARCHIVE"])
def test_originals_stay_if_replaced_since(cos, store, originals, caplog):
    event = parse_event(make_task(make_transcode("/a/x.mp4")))
    store(*event.files)
    cos.upload(b"another video, without a task yet", SOURCE)
    publish = Publish(f"{VOD}?originals={originals}")
    assert publish.retire_originals(event, cos, LOG) == []
    assert cos.head(SOURCE).storage_class == "STANDARD"
    (warning,) = caplog.records
    assert vars(warning)["files"] == [str(SOURCE)]


@pytest.mark.parametrize("size", [None, "28", {}])
def test_originals_of_unknown_size_are_retired(cos, store, keys, size):
    notification = make_task(make_transcode("/a/x.mp4"))
    notification["WorkflowTaskEvent"]["MetaData"] = size and {"Size": size}
    store(*parse_event(notification).files, SOURCE)
    Publish(f"{VOD}?originals=delete").retire_originals(parse_event(notification), cos, LOG)
    assert keys("source-1250000000") == []


@pytest.mark.parametrize("originals", ["delete", "ARCHIVE"])
def test_missing_original_counts_as_retired(cos, store, originals):
    event = parse_event(make_task(make_transcode("/a/x.mp4")))
    store(*event.files)
    assert Publish(f"{VOD}?originals={originals}").retire_originals(event, cos, LOG) == [SOURCE]


@pytest.mark.parametrize(
    ("source", "template"),
    [
        ("player-1250000000:vod/uploads/demo.mp4", "vod/"),  # in a published folder
        ("player-1250000000:uploads/demo.mp4", ""),
        ("out-1250000000:a/x.mp4", "vod/"),  # an output
        ("source-1250000000:hls/index.m3u8", "vod/"),  # a playlist
        ("player-1250000000:vod/demo/x.mp4", "{source_dir}/{name}"),
    ],
)
def test_originals_stay_if_published_output_or_playlist(cos, store, caplog, source, template):
    bucket, _, key = source.partition(":")
    notification = make_task(make_transcode("/a/x.mp4"))
    info = notification["WorkflowTaskEvent"]["InputInfo"]["CosInputInfo"]
    info.update(Bucket=bucket, Object=f"/{key}")
    original = CosObject(bucket, "ap-guangzhou", key)
    store(original)
    publish = Publish(f"cos://player-1250000000.ap-guangzhou/{template}?originals=delete")
    assert publish.retire_originals(parse_event(notification), cos, LOG) == []
    assert cos.exists(original)
    (warning,) = caplog.records
    assert vars(warning)["files"] == [str(original)]


def test_originals_stay_if_output_is_outside_cos(cos, store, keys):
    output = {
        "OutputStorage": make_storage(),
        "VideoPath": "/a.mp4",
        "ScriptPath": "https://h/s.json",
    }
    reel = {"Type": "Reel", "ReelTask": {"Status": "SUCCESS", "Output": output}}
    notification = make_task()
    notification["WorkflowTaskEvent"]["AiAnalysisResultSet"] = [reel]
    event = parse_event(notification)
    store(*event.files, *event.sources)
    publish = Publish(f"{VOD}?types=Reel&manifest=m.json&originals=delete")
    assert copy_all(publish, event, cos) == ["vod/a.mp4"]
    manifest = publish.write_manifest(event, cos, LOG)
    assert manifest is not None
    assert "https://h/s.json" in cos.read_json(manifest)["unpublished"][0]["reason"]
    assert publish.retire_originals(event, cos, LOG) == []
    assert keys("source-1250000000") == ["videos/demo.mp4"]


@pytest.mark.parametrize(
    ("key", "content"),
    [
        ("in/film.m3u8", b"anything"),
        ("in/film.mpd", b"anything"),
        ("in/Manifest", b"#EXTM3U\n#EXTINF:1,\na.ts\n"),
        ("in/film", b"a video"),
        ("in/film.vtt", b"WEBVTT\n"),
        ("in/gone", None),
    ],
)
def test_originals_that_are_playlists_stay(cos, store, key, content):
    notification = make_task(make_transcode("/a/x.mp4"))
    notification["WorkflowTaskEvent"]["InputInfo"]["CosInputInfo"]["Object"] = f"/{key}"
    notification["WorkflowTaskEvent"]["MetaData"] = None
    event = parse_event(notification)
    store(*event.files)
    (source,) = event.sources
    if content is not None:
        cos.upload(content, source)
    retired = Publish(f"{VOD}?originals=delete").retire_originals(event, cos, LOG)
    assert (retired == []) == (key not in ("in/film", "in/film.vtt", "in/gone"))
    assert cos.exists(source) == (retired == [])


COPY = CosObject("player-1250000000", "ap-guangzhou", "vod/demo.mp4")


def test_overwritten_source_is_not_retirable(cos):
    notification = sample("WorkflowTask", Transcode="SUCCESS")
    task = notification["WorkflowTaskEvent"]
    output = task["MediaProcessResultSet"][0]["TranscodeTask"]["Output"]
    output["Path"] = "/videos/demo.mp4"
    output["OutputStorage"]["CosOutputStorage"] = {
        "Bucket": "source-1250000000",
        "Region": "ap-guangzhou",
    }
    task["InputInfo"]["CosInputInfo"]["Bucket"] = "source-1250000000"
    event = parse_event(notification)
    assert event.files == event.sources
    assert find_retirable(event, [COPY], cos) == []
    del task["MediaProcessResultSet"][0]
    assert find_retirable(parse_event(notification), [COPY], cos) == list(event.sources)


def test_replacement_is_undetected_for_several_sources(cos):
    notification = sample("EditMediaTask")
    task = notification["EditMediaTaskEvent"]
    task["MetaData"] = {"Size": 1}
    (info,) = task["Input"]["FileInfoSet"][:1]
    second = {"InputInfo": {**info["InputInfo"]}}
    second["InputInfo"]["CosInputInfo"] = {
        "Bucket": "source-1250000000",
        "Region": "ap-guangzhou",
        "Object": "/b.mp4",
    }
    task["Input"]["FileInfoSet"] = [info, second]
    event = parse_event(notification)
    assert len(event.sources) == 2
    cos.upload(b"more than one byte", event.sources[1])
    assert find_replaced(event, [event.sources[1]], cos) == []
    task["Input"]["FileInfoSet"] = [second]
    event = parse_event(notification)
    assert find_replaced(event, list(event.sources), cos) == list(event.sources)
