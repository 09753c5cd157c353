"""The manifest of a task."""

import pytest

from scf_mps import CallbacksFailed
from scf_mps.actions import Publish
from scf_mps.cos import SomeFailed
from scf_mps.events.parser import parse_event
from scf_mps.local.cos.faults import Fault
from tests.support.sample_data import payload

from .support import (
    FAILED,
    LOG,
    OUT,
    SUBTITLES,
    VOD,
    copy_all,
    make_storage,
    make_task,
    make_transcode,
    subtitles,
)


def test_manifest_lists_all_published_files(application, cos, store, hls):
    notification = payload("synth_workflow_all_six_types")
    notification["WorkflowTaskEvent"]["SmartSubtitlesTaskResult"] = [
        {
            "Type": "PureSubtitleTrans",
            "PureSubtitleTransTask": {
                "Status": "SUCCESS",
                "Output": {
                    "OutputStorage": make_storage(),
                    "SubtitleResults": [
                        {"TransDst": "en", "Path": "/videos/en.srt", "SubtitleEmbedPath": "/e.mp4"}
                    ],
                },
            },
        }
    ]
    body = notification["WorkflowTaskEvent"]
    body["MetaData"] = {"Duration": 60, "Container": None}
    body["MediaProcessResultSet"][0]["TranscodeTask"]["Output"].update(
        VideoStreamSet=[{"Codec": "h264", "Fps": 25}], AudioStreamSet=[{"Codec": "aac"}]
    )
    event = parse_event(notification)
    store(*event.files)
    hls("videos/ads/", "demo")
    types = "Transcode,AnimatedGraphics,SnapshotByTimeOffset,SampleSnapshot,ImageSprites,AdaptiveDynamicStreaming"
    handlers = application(
        MPS_PUBLISH=f"{VOD}?types={types},PureSubtitleTrans&manifest=manifest.json&cdn=https://cdn.example.com"
    )
    handlers.main_handler(notification, {})
    place = f"{VOD}{event.task_id}/manifest.json"
    content = cos.read_json(place)
    assert (content["version"], content["task_id"]) == (1, event.task_id)
    assert (content["event_type"], content["outcome"]) == ("WorkflowTask", "succeeded")
    assert content["source"] == {
        "objects": [str(source) for source in event.sources],
        "duration_s": 60,
    }
    size = len(b"the bytes of videos/demo_transcode_100030.mp4")
    assert content["renditions"] == [
        {
            "type": "Transcode",
            "definition": 100030,
            "container": "mov,mp4,m4a,3gp,3g2,mj2",
            "width": 1280,
            "height": 720,
            "bitrate": 1000000,
            "duration_s": 11.26,
            "codec": "h264",
            "fps": 25,
            "audio_codec": "aac",
            "size_bytes": size,
            "object": f"{VOD}demo_transcode_100030.mp4",
            "url": "https://cdn.example.com/vod/demo_transcode_100030.mp4",
        }
    ]
    assert content["adaptive_streams"] == [
        {
            "type": "AdaptiveDynamicStreaming",
            "definition": 12,
            "package": "HLS",
            "object": f"{VOD}demo.m3u8",
            "url": "https://cdn.example.com/vod/demo.m3u8",
        }
    ]
    assert [entry.get("time_offset_s") for entry in content["pictures"]][:3] == [1, 5.63, None]
    (sprites,) = content["sprites"]
    assert (sprites["total"], len(sprites["images"])) == (100, 2)
    assert sprites["vtt"]["object"] == f"{VOD}demo_imageSprite_10.vtt"
    (animation,) = content["animations"]
    assert (animation["width"], animation["end_time_offset_s"]) == (426, 3)
    assert [(entry["language"], entry["object"]) for entry in content["subtitles"]] == [
        ("en", f"{VOD}videos/en.srt")
    ]
    assert [entry["object"] for entry in content["files"]] == [f"{VOD}e.mp4"]
    assert content["failed"] == []
    before = cos.read(place)
    handlers.main_handler(notification, {})  # a redelivery
    assert cos.read(place) == before
    assert cos.head(place).content_type == "application/json"


def test_manifest_lists_failures(cos, store):
    hollow = make_transcode(
        "/a/x.mp4", Duration=None, VideoStreamSet=None, MetaData=5, Container=""
    )
    event = parse_event(make_task(hollow, FAILED, SessionContext="\ud800 视频"))
    store(*event.files)
    publish = Publish(f"{VOD}?manifest=manifest.json&acl=public-read")
    copy_all(publish, event, cos)
    manifest = publish.write_manifest(event, cos, LOG)
    assert manifest is not None
    content = cos.read_json(manifest)
    assert (content["outcome"], content["session_context"]) == ("failed", "\ud800 视频")
    assert set(content["renditions"][0]) == {
        *("type", "definition", "height", "size_bytes", "object", "url")
    }
    assert content["failed"] == [
        {
            "type": "AnimatedGraphics",
            "definition": 20000,
            "code": 30010,
            "name": "InternalError",
            "message": "internal error",
        }
    ]


def test_manifest_handles_sprites_without_vtt_and_sized_stream(cos, hls):
    output = {"Storage": make_storage(), "ImagePathSet": ["/a/1.jpg"]}
    sprite = {"Type": "ImageSprites", "ImageSpriteTask": {"Status": "SUCCESS", "Output": output}}
    hls("a/", "x")
    cos.upload(b"picture", f"{OUT}a/1.jpg")
    event = parse_event(make_task(make_transcode("/a/x.m3u8", Size=1234), sprite))
    publish = Publish(f"{VOD}{{height}}p.jpg?manifest=manifest.json")
    copy_all(publish, event, cos)
    manifest = publish.write_manifest(event, cos, LOG)
    assert manifest is not None
    content = cos.read_json(manifest)
    assert content["renditions"][0]["size_bytes"] == 1234
    (sprites,) = content["sprites"]
    assert "vtt" not in sprites
    assert sprites["images"][0]["object"] == f"{VOD}1.jpg"


def test_manifest_is_written_after_all_copies(application, emulator, store, keys):
    notification = make_task(make_transcode("/a/x.mp4", 1), make_transcode("/a/y.mp4", 2))
    store(*parse_event(notification).files)
    emulator.faults.add(
        Fault("error", "CopyObject", key="*y.mp4", count=1, status=403, code="AccessDenied")
    )
    handlers = application(MPS_PUBLISH=f"{VOD}?manifest=manifest.json")
    with pytest.raises(CallbacksFailed):
        handlers.main_handler(notification, {})
    assert keys("player-1250000000") == ["vod/x.mp4"]
    summary = handlers.main_handler(notification, {})
    assert len(keys("player-1250000000")) == 3
    assert summary["callbacks"][-1]["callback"] == "handlers.publishing.write_manifest"


def test_manifest_fails_if_copy_is_missing(cos, store):
    event = parse_event(make_task(make_transcode("/a/x.mp4")))
    store(*event.files)
    with pytest.raises(SomeFailed) as caught:
        Publish(f"{VOD}?manifest=manifest.json").write_manifest(event, cos, LOG)
    assert [str(missing) for missing in caught.value.objects] == [f"{VOD}x.mp4"]


@pytest.mark.parametrize(
    ("manifest", "key"),
    [
        ("manifest.json", "vod/TASK/manifest.json"),
        ("{task_id}.json", "vod/TASK.json"),
        ("{source_name}/{outcome}.json", "vod/demo/succeeded.json"),
        ("/lists/{task_id}.json", "lists/TASK.json"),
    ],
)
def test_manifest_key_follows_its_template(cos, store, manifest, key):
    event = parse_event(make_task(make_transcode("/a/x.mp4")))
    store(*event.files)
    publish = Publish(f"{VOD}{{definition}}/?manifest={manifest}")
    copy_all(publish, event, cos)
    written = publish.write_manifest(event, cos, LOG)
    assert written is not None
    assert written.key == key.replace("TASK", event.task_id)


def test_manifest_lists_success_without_file(application, cos, keys, caplog):
    application(MPS_PUBLISH=SUBTITLES).main_handler(subtitles(None), {})
    assert keys("player-1250000000") == ["vod/mps-1/m.json"]
    (entry,) = cos.read_json(f"{VOD}mps-1/m.json")["unpublished"]
    assert entry["type"] == "AsrFullTextRecognition"
    assert entry["reason"] == "the result has no output file"
    assert "no file" in caplog.text
