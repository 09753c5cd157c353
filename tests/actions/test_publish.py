"""Publishing: where results go, what they become there, and what follows when all of an event is out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scf_mps import CallbacksFailed, ConfigurationError
from scf_mps.actions import Cdn, Publish
from scf_mps.actions.publish.destinations import Destinations
from scf_mps.actions.resubmit import session_id
from scf_mps.cos import Conflict, Cos, CosObject, Credentials, SomeFailed
from scf_mps.events.base import Event
from scf_mps.events.files import find_files
from scf_mps.events.parser import parse_event
from scf_mps.local.api import Cdn as CdnService
from scf_mps.local.api import CloudApi
from scf_mps.local.cos import CosEmulator
from scf_mps.local.cos.faults import Fault
from scf_mps.local.samples import sample
from scf_mps.tencent.client import ApiError
from tests.support.sample_data import payload

VOD = "cos://player-1250000000.ap-guangzhou/vod/"
OUT = "cos://out-1250000000.ap-guangzhou/"
OUTS = "https://out-1250000000.cos.ap-guangzhou.myqcloud.com"
SITE = "https://player-1250000000.cos.ap-guangzhou.myqcloud.com"
LOG = logging.getLogger("tests.publish")
NOWHERE = Cos(Credentials("id", "key"), proxy="http://127.0.0.1:9")

Keys = Callable[[str], list[str]]
Load = Callable[..., ModuleType]
Store = Callable[..., None]


def storage(bucket: str = "out-1250000000") -> dict[str, Any]:
    return {"Type": "COS", "CosOutputStorage": {"Bucket": bucket, "Region": "ap-guangzhou"}}


def transcode(path: str, definition: int = 100030, **output: Any) -> dict[str, Any]:
    """A rendition at a path."""
    made = {
        "OutputStorage": storage(),
        "Path": path,
        "Height": 720,
        "VideoStreamSet": [{"Codec": "h264", "Fps": 25}],
        **output,
    }
    task = {"Status": "SUCCESS", "ErrCode": 0, "Input": {"Definition": definition}, "Output": made}
    return {"Type": "Transcode", "TranscodeTask": task}


def task(*results: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A notification with these results."""
    notification = sample("WorkflowTask", session_context="order-42")
    body = notification["WorkflowTaskEvent"]
    body["MediaProcessResultSet"] = list(results)
    body["InputInfo"] = {
        "Type": "COS",
        "CosInputInfo": {
            "Bucket": "source-1250000000",
            "Region": "ap-guangzhou",
            "Object": "/videos/demo.mp4",
        },
    }
    body["MetaData"]["Size"] = len("the bytes of videos/demo.mp4")
    return {**notification, **more}


FAILED = {
    "Type": "AnimatedGraphics",
    "AnimatedGraphicTask": {
        "Status": "FAIL",
        "ErrCode": 30010,
        "ErrCodeExt": "InternalError",
        "Message": "internal error",
        "Input": {"Definition": 20000},
        "Output": None,
    },
}


def targets(publish: Publish, event: Event) -> list[str]:
    """The keys of what an event's results become, as their links tell them."""
    return [
        link.removeprefix(f"{SITE}/")
        for result in (*event.subtasks, event)
        for link in publish.links(result)
    ]


def copies(publish: Publish, event: Event, cos: Cos) -> list[str]:
    """Copies all results of an event; the keys."""
    every = [result for result in event.subtasks if publish.links(result)]
    return [copy.key for result in every for copy in publish.copy(result, cos, LOG)]


@pytest.fixture
def hls(cos: Cos) -> Callable[..., CosObject]:
    """Stores an HLS output of one rendition and one segment below a folder of the bucket of outputs."""

    def store(folder: str, name: str = "index") -> CosObject:
        cos.upload(
            b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv0.m3u8\n", f"{OUT}{folder}{name}.m3u8"
        )
        cos.upload(b"#EXTM3U\n#EXTINF:1,\nv0_0.ts\n#EXT-X-ENDLIST\n", f"{OUT}{folder}v0.m3u8")
        cos.upload(f"the segment of {folder}".encode(), f"{OUT}{folder}v0_0.ts")
        return CosObject.parse(f"{OUT}{folder}{name}.m3u8")

    return store


@pytest.fixture
def cdn() -> CdnService:
    return CdnService(["cdn.example.com"])


@pytest.fixture
def api(
    cdn: CdnService, emulator: CosEmulator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[CloudApi]:
    """Tencent Cloud's API with a CDN, which the application asks with its own keys."""
    pytest.importorskip("tencentcloud.common", reason="the CDN is asked through the official SDK")
    with CloudApi([cdn], keys=[emulator.key]) as running:
        monkeypatch.setenv("MPS_API_ENDPOINT", running.url)
        yield running


# Where results go


def test_a_place_that_ends_in_a_slash_takes_all_files_by_their_names(
    application: Load, cos: Cos, store: Store, hls: Callable[..., CosObject], keys: Keys
) -> None:
    notification = payload("synth_workflow_all_six_types")
    event = parse_event(notification)
    store(*event.files)
    hls("videos/ads/", "demo")
    application(MPS_PUBLISH=VOD).main_handler(notification, {})
    named = {f"vod/{file.key.rpartition('/')[2]}" for file in event.files}
    assert set(keys("player-1250000000")) == named | {"vod/v0.m3u8", "vod/v0_0.ts"}
    assert cos.read_text(f"{VOD}demo_transcode_100030.mp4").endswith("transcode_100030.mp4")


def test_a_key_template_names_a_result_of_one_file_and_the_folder_of_several(
    cos: Cos, store: Store, hls: Callable[..., CosObject]
) -> None:
    notification = payload("synth_workflow_all_six_types")
    event = parse_event(notification)
    store(*event.files)
    hls("videos/ads/", "demo")
    publish = Publish(f"{VOD}{{source_name}}/{{height}}p-{{definition}}{{suffix}}")
    made = copies(publish, event, cos)
    assert made[:2] == ["vod/demo/720p-100030.mp4", "vod/demo/240p-20000.gif"]
    assert made[-1] == "vod/demo/demo.m3u8"
    assert {"vod/demo/v0_0.ts", "vod/demo/demo_imageSprite_10.vtt"} < set(made)
    assert {"vod/demo/demo_snapshotByTimeOffset_10_1.jpg"} < set(made)
    assert set(targets(publish, event)) == set(made) - {"vod/demo/v0.m3u8", "vod/demo/v0_0.ts"}


@pytest.mark.parametrize(
    ("template", "path", "key"),
    [
        ("{stem}-{definition}{suffix}", "/a/b.tar.mp4", "b.tar-100030.mp4"),
        ("{name}", "/a/b", "b"),
        ("{stem}{suffix}", "/a/b", "b"),
        ("{stem}{suffix}", "/a/.hidden", ".hidden"),
        ("{codec}/{stem}/", "/a/b.mp4", "h264/b/b.mp4"),
        ("", "/a/b.mp4", "b.mp4"),
        ("{stem}/{definition}/", "/a/hls.m3u8", "hls/100030/hls.m3u8"),
        ("{stem}.m3u8", "/a/hls.m3u8", "hls.m3u8"),
        ("{stem}{suffix}", "/a/b\\c.m\\p4", "b-c-0040c6d8.m-p4"),
    ],
)
def test_a_template_is_filled_in_by_a_result_and_its_file(
    template: str, path: str, key: str
) -> None:
    publish = Publish(f"cos://player-1250000000.ap-guangzhou/{template}")
    assert targets(publish, parse_event(task(transcode(path)))) == [key]


def test_tasks_without_a_value_are_published_apart(
    cos: Cos, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """The day too: that of a redelivery would be another one."""
    publish = Publish(f"{VOD}{{source_name}}/{{date}}/{{height}}p{{suffix}}")
    keys = []
    for number in range(2):
        notification = task(transcode(f"/{number}/a.mp4", Height=None))
        notification["WorkflowTaskEvent"].update(TaskId=f"task-{number}", InputInfo=None)
        event = parse_event(notification)
        store(*event.files)
        keys += copies(publish, event, cos)
        assert targets(publish, event) == keys[-1:]
    for first, second in zip(
        *(key.removesuffix("p.mp4").split("/")[1:] for key in keys), strict=True
    ):
        assert first.startswith("unknown-")
        assert first != second
    assert "{date}, {height}, {source_name}" in caplog.text


def test_a_day_that_an_event_tells_is_that_of_every_delivery() -> None:
    finished = transcode("/b.mp4")
    finished["TranscodeTask"]["FinishTime"] = "2025-07-20T12:00:00Z"
    assert targets(Publish(f"{VOD}{{date}}/"), parse_event(task(finished))) == [
        "vod/2025-07-20/b.mp4"
    ]


def test_an_edit_is_published_if_its_type_is_named(
    application: Load, store: Store, keys: Keys
) -> None:
    edit = sample("EditMediaTask")
    store(*parse_event(edit).files)
    handlers = application(
        MPS_PUBLISH=f"{VOD}{{height}}p{{suffix}}?types=EditMediaTask&manifest=manifest.json"
    )
    handlers.main_handler(edit, {})
    task_id = edit["EditMediaTaskEvent"]["TaskId"]
    assert keys("player-1250000000") == [f"vod/{task_id}/manifest.json", "vod/720p.mp4"]


def test_two_results_that_would_be_one_object_are_refused_before_anything_is_written(
    application: Load, store: Store, keys: Keys
) -> None:
    notification = task(transcode("/a/high.mp4", 1), transcode("/a/low.mp4", 2))
    store(*parse_event(notification).files)
    handlers = application(MPS_PUBLISH=f"{VOD}{{source_name}}{{suffix}}")
    with pytest.raises(CallbacksFailed) as caught:
        handlers.main_handler(notification, {})
    assert len(caught.value.failures) == 2
    assert (
        f"{OUT}a/high.mp4 and {OUT}a/low.mp4 would both become {VOD}demo.mp4: add {{definition}} to "
        f"the key template 'vod/{{source_name}}{{suffix}}'"
    ) in str(caught.value)
    assert keys("player-1250000000") == []


def test_what_tells_two_results_apart_is_what_is_told(cos: Cos) -> None:
    names = [("Height", 360), ("Bitrate", 5), ("VideoStreamSet", [{"Codec": "h265"}])]
    for (field, value), told in zip(names, ("{height}", "{bitrate}", "{codec}"), strict=True):
        event = parse_event(task(transcode("/a/x.mp4"), transcode("/b/x.mp4", **{field: value})))
        with pytest.raises(ConfigurationError, match=f"add {told} "):
            Publish(VOD).copy(event.subtasks[0], cos, LOG)
    notification = task()
    for name, item in (("AiRecognitionResultSet", {}), ("SmartSubtitlesTaskResult", {})):
        output = {"OutputStorage": storage(), "SubtitlePath": f"/{name}/x.vtt"}
        item = {"Status": "SUCCESS", "Output": output}
        notification["WorkflowTaskEvent"][name] = [
            {"Type": "AsrFullTextRecognition", "AsrFullTextTask": item}
        ]
    publish = Publish(f"{VOD}{{stem}}.vtt?types=AsrFullTextRecognition")
    with pytest.raises(ConfigurationError, match=r"leave one out by types= or path="):
        publish.copy(parse_event(notification).subtasks[0], cos, LOG)


def test_one_file_of_two_results_is_no_collision(cos: Cos, store: Store) -> None:
    event = parse_event(task(transcode("/a/x.mp4", 1), transcode("/a/x.mp4", 2)))
    store(*event.files)
    assert copies(Publish(VOD), event, cos) == ["vod/x.mp4"] * 2


def test_segments_of_two_streams_that_would_be_one_object_are_refused(
    cos: Cos, hls: Callable[..., CosObject], keys: Keys
) -> None:
    hls("one/", "a")
    hls("two/", "b")
    event = parse_event(task(transcode("/one/a.m3u8", 1), transcode("/two/b.m3u8", 2)))
    with pytest.raises(ConfigurationError, match=r"v0.* would both become .*: add \{definition\}"):
        copies(Publish(VOD), event, cos)
    assert keys("player-1250000000") == []
    assert len(copies(Publish(f"{VOD}{{definition}}/"), event, cos)) == 6


@pytest.mark.parametrize(
    "template", ["{definition}{suffix}", "{definition}-{index}-{name}", "{type}/{name}"]
)
def test_the_field_that_is_told_for_streams_is_one_that_helps(
    cos: Cos, hls: Callable[..., CosObject], template: str
) -> None:
    hls("one/", "a")
    hls("two/", "b")
    event = parse_event(task(transcode("/one/a.m3u8", 1), transcode("/two/b.m3u8", 2)))
    with pytest.raises(ConfigurationError, match=r"add \{definition\} to the folder of the key"):
        copies(Publish(f"{VOD}{template}"), event, cos)
    assert len(set(copies(Publish(f"{VOD}{{definition}}/{template}"), event, cos))) == 6


def test_streams_of_one_folder_share_what_they_share(
    cos: Cos, hls: Callable[..., CosObject]
) -> None:
    hls("one/", "a")
    hls("one/", "b")
    event = parse_event(task(transcode("/one/a.m3u8", 1), transcode("/one/b.m3u8", 2)))
    assert len(set(copies(Publish(VOD), event, cos))) == 4


def test_a_result_that_would_be_the_manifest_is_refused(cos: Cos) -> None:
    event = parse_event(task(transcode("/a/x.json")))
    with pytest.raises(ConfigurationError, match="which is the manifest: name that otherwise"):
        Publish(f"{VOD}{{task_id}}/?manifest={{task_id}}/x.json").copy(event.subtasks[0], cos, LOG)


@pytest.mark.parametrize(
    ("to", "other", "told"),
    [
        ("source-1250000000.ap-guangzhou/videos/", "other", "a source of the task"),
        ("out-1250000000.ap-guangzhou/{definition}/", "demo", "an output of the task"),
    ],
)
def test_a_copy_never_takes_the_place_of_a_source_or_of_another_output(
    cos: Cos, store: Store, to: str, other: str, told: str
) -> None:
    event = parse_event(task(transcode("/1/demo.mp4", 2), transcode(f"/2/{other}.mp4", 1)))
    store(*event.files, SOURCE)
    with pytest.raises(ConfigurationError, match=f"demo.mp4, which is {told}: publish to another"):
        copies(Publish(f"cos://{to}"), event, cos)
    for one in (*event.files, SOURCE):
        assert cos.read(one) == f"the bytes of {one.key}".encode()


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["x.mp4", "y.mp4"]), st.integers(1, 3)),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(["", "{definition}/", "{name}", "{stem}-{definition}{suffix}", "{index}.mp4"]),
)
def test_no_two_files_ever_become_one(results: list[tuple[str, str, int]], template: str) -> None:
    event = parse_event(
        task(*(transcode(f"/{folder}/{name}", number) for folder, name, number in results))
    )
    publish = Publish(f"{VOD}{template}")
    sources: dict[str, set[str]] = {}
    for result, (folder, name, _) in zip(event.subtasks, results, strict=True):
        (link,) = publish.links(result)
        sources.setdefault(link, set()).add(f"{folder}/{name}")
    if any(len(those) > 1 for those in sources.values()):
        with pytest.raises(ConfigurationError, match="would both become"):
            publish._places.check(event.subtasks, find_files)
    else:
        publish._places.check(event.subtasks, find_files)


# What is copied, and how


def test_copies_are_given_what_the_options_say(cos: Cos, store: Store) -> None:
    event = parse_event(task(transcode("/a/x.mp4")))
    store(*event.files)
    publish = Publish(
        f"{VOD}?cache_control=max-age=60&content_disposition=inline&storage_class=STANDARD_IA&acl=public-read"
    )
    copies(publish, event, cos)
    head = cos.head(f"{VOD}x.mp4")
    assert (head.cache_control, head.storage_class) == ("max-age=60", "STANDARD_IA")
    assert head.headers["content-disposition"] == "inline"


def test_other_bytes_are_replaced_unless_that_is_forbidden(cos: Cos, store: Store) -> None:
    event = parse_event(task(transcode("/a/x.mp4")))
    store(*event.files)
    cos.upload(b"other", f"{VOD}x.mp4")
    with pytest.raises(Conflict) as caught:
        copies(Publish(f"{VOD}?overwrite=no"), event, cos)
    assert "FileAlreadyExists" in str(caught.value)
    copies(Publish(f"{VOD}?overwrite=yes"), event, cos)
    copies(Publish(f"{VOD}?overwrite=no"), event, cos)  # the same bytes are no other ones
    assert cos.read(f"{VOD}x.mp4") == b"the bytes of a/x.mp4"


@pytest.mark.parametrize(
    ("options", "published"),
    [
        ("types=Transcode", ["a.mp4", "b.mp4"]),
        ("types=Transcode,DeLogo", ["a.mp4", "b.mp4", "c.mp4"]),
        ("bucket=out-1250000000&types=Transcode", ["a.mp4"]),
        ("bucket=out-1250000000,more-1250000000&types=Transcode", ["a.mp4", "b.mp4"]),
        ("path=x/*", ["a.mp4"]),
        ("session=order-*", ["a.mp4", "b.mp4"]),
        ("session=ticket-*", []),
    ],
)
def test_options_narrow_what_is_published(
    application: Load,
    emulator: CosEmulator,
    store: Store,
    keys: Keys,
    options: str,
    published: list[str],
) -> None:
    emulator.create_bucket("more-1250000000", "ap-guangzhou")
    other = transcode("/y/b.mp4", OutputStorage=storage("more-1250000000"))
    notification = task(transcode("/x/a.mp4"), other)
    notification["WorkflowTaskEvent"]["AiAnalysisResultSet"] = [
        {
            "Type": "DeLogo",
            "DeLogoTask": {
                "Status": "SUCCESS",
                "Output": {"OutputStorage": storage(), "Path": "/z/c.mp4"},
            },
        }
    ]
    store(*parse_event(notification).files)
    application(MPS_PUBLISH=f"{VOD}?{options}").main_handler(notification, {})
    assert keys("player-1250000000") == [f"vod/{name}" for name in published]


def test_what_failed_is_not_published_and_what_succeeded_beside_it_is(
    application: Load, store: Store, keys: Keys
) -> None:
    notification = task(transcode("/a/x.mp4"), FAILED)
    store(*parse_event(notification).files)
    handlers = application(MPS_PUBLISH=f"{VOD}?manifest={{task_id}}.json&originals=delete")
    handlers.main_handler(notification, {})
    task_id = parse_event(notification).task_id
    assert keys("player-1250000000") == [f"vod/{task_id}.json", "vod/x.mp4"]


def test_a_predicate_of_ones_own_keeps_a_result_back(cos: Cos, store: Store) -> None:
    event = parse_event(task(transcode("/a/x.mp4", 1), transcode("/a/y.mp4", 2)))
    store(*event.files)
    publish = Publish(f"{VOD}?manifest=m.json", when=lambda result: result.definition == 1)
    assert copies(publish, event, cos) == ["vod/x.mp4"]
    manifest = publish.write_manifest(event, cos, LOG)
    assert manifest is not None
    assert [one["definition"] for one in cos.read_json(manifest)["renditions"]] == [1]


def test_links_are_the_urls_of_the_copies(cos: Cos) -> None:
    event = parse_event(task(transcode("/a/影片 1.mp4"), FAILED))
    good, bad = event.subtasks
    assert Publish(VOD).links(good) == [f"{SITE}/vod/%E5%BD%B1%E7%89%87%201.mp4"]
    assert Publish(VOD).links(bad) == []
    with_cdn = Publish(f"{VOD}{{definition}}{{suffix}}?cdn=https://cdn.example.com/")
    assert with_cdn.links(good) == ["https://cdn.example.com/vod/100030.mp4"]


# The manifest


def test_a_manifest_tells_everything_that_is_published_of_a_task(
    application: Load, cos: Cos, store: Store, hls: Callable[..., CosObject]
) -> None:
    notification = payload("synth_workflow_all_six_types")
    notification["WorkflowTaskEvent"]["SmartSubtitlesTaskResult"] = [
        {
            "Type": "PureSubtitleTrans",
            "PureSubtitleTransTask": {
                "Status": "SUCCESS",
                "Output": {
                    "OutputStorage": storage(),
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
    told = cos.read_json(place)
    assert (told["version"], told["task_id"], told["event_type"], told["outcome"]) == (
        1,
        event.task_id,
        "WorkflowTask",
        "succeeded",
    )
    assert told["source"] == {
        "objects": [str(source) for source in event.sources],
        "duration_s": 60,
    }
    size = len(b"the bytes of videos/demo_transcode_100030.mp4")
    assert told["renditions"] == [
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
    assert told["adaptive_streams"] == [
        {
            "type": "AdaptiveDynamicStreaming",
            "definition": 12,
            "package": "HLS",
            "object": f"{VOD}demo.m3u8",
            "url": "https://cdn.example.com/vod/demo.m3u8",
        }
    ]
    assert [one.get("time_offset_s") for one in told["pictures"]][:3] == [1, 5.63, None]
    (sprites,) = told["sprites"]
    assert (sprites["total"], len(sprites["images"])) == (100, 2)
    assert sprites["vtt"]["object"] == f"{VOD}demo_imageSprite_10.vtt"
    (animation,) = told["animations"]
    assert (animation["width"], animation["end_time_offset_s"]) == (426, 3)
    assert [(one["language"], one["object"]) for one in told["subtitles"]] == [
        ("en", f"{VOD}videos/en.srt")
    ]
    assert [one["object"] for one in told["files"]] == [f"{VOD}e.mp4"]
    assert told["failed"] == []
    before = cos.read(place)
    handlers.main_handler(notification, {})  # a redelivery
    assert cos.read(place) == before
    assert cos.head(place).content_type == "application/json"


def test_a_manifest_tells_what_failed(cos: Cos, store: Store) -> None:
    hollow = transcode("/a/x.mp4", Duration=None, VideoStreamSet=None, MetaData=5, Container="")
    event = parse_event(task(hollow, FAILED, SessionContext="\ud800 视频"))
    store(*event.files)
    publish = Publish(f"{VOD}?manifest=manifest.json&acl=public-read")
    copies(publish, event, cos)
    manifest = publish.write_manifest(event, cos, LOG)
    assert manifest is not None
    told = cos.read_json(manifest)
    assert (told["outcome"], told["session_context"]) == ("failed", "\ud800 视频")
    assert set(told["renditions"][0]) == {
        *("type", "definition", "height", "size_bytes", "object", "url")
    }
    assert told["failed"] == [
        {
            "type": "AnimatedGraphics",
            "definition": 20000,
            "code": 30010,
            "name": "InternalError",
            "message": "internal error",
        }
    ]


def test_sprites_without_a_vtt_and_a_stream_of_known_size(
    cos: Cos, hls: Callable[..., CosObject]
) -> None:
    output = {"Storage": storage(), "ImagePathSet": ["/a/1.jpg"]}
    sprite = {"Type": "ImageSprites", "ImageSpriteTask": {"Status": "SUCCESS", "Output": output}}
    hls("a/", "x")
    cos.upload(b"picture", f"{OUT}a/1.jpg")
    event = parse_event(task(transcode("/a/x.m3u8", Size=1234), sprite))
    publish = Publish(f"{VOD}{{height}}p.jpg?manifest=manifest.json")
    copies(publish, event, cos)
    manifest = publish.write_manifest(event, cos, LOG)
    assert manifest is not None
    told = cos.read_json(manifest)
    assert told["renditions"][0]["size_bytes"] == 1234
    (sprites,) = told["sprites"]
    assert "vtt" not in sprites
    assert sprites["images"][0]["object"] == f"{VOD}1.jpg"


@pytest.mark.parametrize("uri", ["../segments/0.ts", "/a/segments/0.ts", f"{OUTS}/a/segments/0.ts"])
def test_a_stream_is_where_its_link_says_and_finds_its_segments(cos: Cos, uri: str) -> None:
    text = "#EXTM3U\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"
    cos.upload(text.format(uri).encode(), f"{OUT}a/hls/x.m3u8")
    cos.upload(b"segment", f"{OUT}a/segments/0.ts")
    event = parse_event(task(transcode("/a/hls/x.m3u8")))
    publish = Publish(f"{VOD}?manifest=manifest.json")
    for _ in range(2):
        assert copies(publish, event, cos) == ["vod/a/segments/0.ts", "vod/x.m3u8"]
        assert cos.read_text(f"{VOD}x.m3u8") == text.format("a/segments/0.ts")
    assert targets(publish, event) == ["vod/x.m3u8"]
    cos.verify(f"{VOD}x.m3u8")
    manifest = publish.write_manifest(event, cos, LOG)
    assert manifest is not None
    assert cos.read_json(manifest)["renditions"][0]["object"] == f"{VOD}x.m3u8"


@pytest.mark.parametrize("container", [None, "hls,applehttp"])
def test_a_playlist_without_its_suffix_is_a_stream(
    cos: Cos, hls: Callable[..., CosObject], container: str | None
) -> None:
    master = hls("a/")
    cos.move(cos.files(master), f"{OUT}b/")
    cos.copy(f"{OUT}b/index.m3u8", f"{OUT}b/Manifest")
    event = parse_event(task(transcode("/b/Manifest", Container=container)))
    assert len(copies(Publish(f"{VOD}{{definition}}/"), event, cos)) == 3
    renaming = Publish(f"{VOD}{{stem}}.bin")
    if container:
        assert copies(renaming, event, cos)[-1] == "vod/Manifest"
    else:
        with pytest.raises(ConfigurationError, match="names other files"):
            copies(renaming, event, cos)


@pytest.mark.parametrize("scheme", ["https:", "http:", ""])
def test_urls_of_the_site_of_the_bucket_are_its_files(cos: Cos, scheme: str) -> None:
    player = "cos://player-1250000000.ap-guangzhou/"
    urls = [f"{scheme}//cdn.example.com/raw/0.ts?x=1", f"{scheme}//other.example.com/0.ts"]
    cos.upload(f"#EXTM3U\n{urls[0]}\n{urls[1]}\n1.ts\n".encode(), f"{player}raw/x.m3u8")
    for key in ("raw/0.ts", "raw/1.ts"):
        cos.upload(b"segment", f"{player}{key}")
    stream = transcode("/raw/x.m3u8", OutputStorage=storage("player-1250000000"))
    publish = Publish(f"{VOD}?cdn=https://CDN.example.com")
    assert copies(publish, parse_event(task(stream)), cos) == ["vod/0.ts", "vod/1.ts", "vod/x.m3u8"]
    assert cos.read_text(f"{VOD}x.m3u8") == f"#EXTM3U\n0.ts\n{urls[1]}\n1.ts\n"
    assert copies(Publish(f"{VOD}2/"), parse_event(task(stream)), cos) == [
        "vod/2/1.ts",
        "vod/2/x.m3u8",
    ]


def test_files_that_would_meet_below_a_folder_are_refused(cos: Cos) -> None:
    cos.upload(b"#EXTM3U\n#EXTINF:1,\n../s/0.ts\n#EXTINF:1,\na/s/0.ts\n", f"{OUT}a/h/x.m3u8")
    for key in ("a/s/0.ts", "a/h/a/s/0.ts"):
        cos.upload(key.encode(), f"{OUT}{key}")
    with pytest.raises(ValueError, match="two files"):
        copies(Publish(VOD), parse_event(task(transcode("/a/h/x.m3u8"))), cos)


def test_playlists_of_an_event_are_read_once(
    emulator: CosEmulator, cos: Cos, hls: Callable[..., CosObject]
) -> None:
    paths = [f"/{number}/x{number}.m3u8" for number in range(3)]
    for number in range(3):
        hls(f"{number}/", f"x{number}")
    event = parse_event(task(*(transcode(path, number) for number, path in enumerate(paths, 1))))
    publish = Publish(f"{VOD}{{definition}}/?manifest=m.json")
    before = len(emulator.requests)
    assert len(copies(publish, event, cos)) == 9
    publish.write_manifest(event, cos, LOG)
    reads = [one for one in list(emulator.requests)[before:] if one.operation == "GetObject"]
    assert len(reads) == 6


@pytest.mark.parametrize("fails", [False, True])
def test_an_event_of_many_results_is_checked_once(
    cos: Cos, store: Store, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """Counted, not timed: the places that are worked out for each result do not grow with their number."""
    calls = 0
    of = Destinations.of

    def count(self: Destinations, *args: Any) -> Any:
        nonlocal calls
        calls += 1
        return of(self, *args)

    monkeypatch.setattr(Destinations, "of", count)
    for number in (5, 50):
        calls = 0
        event = parse_event(
            task(*(transcode(f"/{one}/x.mp4", one) for one in range(1, number + 1)))
        )
        store(*event.files)
        publish = Publish(VOD if fails else f"{VOD}{{definition}}/")
        for result in event.subtasks:
            if fails:
                with pytest.raises(ConfigurationError):
                    publish.copy(result, cos, LOG)
            else:
                publish.copy(result, cos, LOG)
        assert calls <= 2 * number


def test_a_manifest_is_written_when_all_parts_are_out_and_not_before(
    application: Load, emulator: CosEmulator, store: Store, keys: Keys
) -> None:
    notification = task(transcode("/a/x.mp4", 1), transcode("/a/y.mp4", 2))
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


def test_a_manifest_names_nothing_that_is_not_there(cos: Cos, store: Store) -> None:
    event = parse_event(task(transcode("/a/x.mp4")))
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
def test_a_manifest_is_where_its_template_says(
    cos: Cos, store: Store, manifest: str, key: str
) -> None:
    event = parse_event(task(transcode("/a/x.mp4")))
    store(*event.files)
    publish = Publish(f"{VOD}{{definition}}/?manifest={manifest}")
    copies(publish, event, cos)
    written = publish.write_manifest(event, cos, LOG)
    assert written is not None
    assert written.key == key.replace("TASK", event.task_id)


@pytest.mark.parametrize(
    "notification",
    [task(FAILED), task(), task(transcode("", 1)), sample("ExtractBlindWatermark")],
)
def test_of_an_event_without_anything_to_publish_there_is_nothing(
    application: Load, cos: Cos, keys: Keys, notification: dict[str, Any]
) -> None:
    options = "manifest=manifest.json&originals=delete&cdn=https://cdn.example.com&cdn_do=purge"
    cos.upload(b"source", "cos://source-1250000000.ap-guangzhou/videos/demo.mp4")
    summary = application(MPS_PUBLISH=f"{VOD}?{options}").main_handler(notification, {})
    assert keys("player-1250000000") == []
    assert keys("source-1250000000") == ["videos/demo.mp4"]
    followed = [one["callback"] for one in summary["callbacks"] if "publishing" in one["callback"]]
    assert followed in ([], ["handlers.publishing.publish"])
    publish = Publish(f"{VOD}?{options}")
    event = parse_event(notification)
    assert publish.write_manifest(event, cos, LOG) is None
    assert publish.retire_originals(event, cos, LOG) == []


# The CDN


def test_the_cdn_is_told_of_every_file_when_all_are_out(
    application: Load,
    api: CloudApi,
    cdn: CdnService,
    emulator: CosEmulator,
    store: Store,
    hls: Callable[..., CosObject],
) -> None:
    notification = task(transcode("/a/x.m3u8", 1), transcode("/a/影.mp4", 2))
    store(*parse_event(notification).files)
    hls("a/", "x")
    emulator.faults.add(
        Fault("error", "CopyObject", key="*.mp4", count=1, status=403, code="AccessDenied")
    )
    handlers = application(
        MPS_PUBLISH=f"{VOD}?manifest={{task_id}}.json&cdn=https://cdn.example.com&cdn_do=both"
    )
    with pytest.raises(CallbacksFailed):
        handlers.main_handler(notification, {})
    assert len(api.requests) == 0
    handlers.main_handler(notification, {})
    names = {
        "x.m3u8",
        "v0.m3u8",
        "v0_0.ts",
        "%E5%BD%B1.mp4",
        f"{parse_event(notification).task_id}.json",
    }
    (urls,) = cdn.purged
    assert set(urls) == {f"https://cdn.example.com/vod/{name}" for name in names}
    assert cdn.pushed == [urls]
    assert [request.action for request in api.requests] == ["PurgeUrlsCache", "PushUrlsCache"]


@pytest.mark.parametrize("what", ["purge", "prefetch"])
def test_the_cdn_does_what_it_is_asked_for_alone(
    application: Load, api: CloudApi, cdn: CdnService, store: Store, what: str
) -> None:
    notification = task(transcode("/a/x.mp4"))
    store(*parse_event(notification).files)
    options = f"cdn=https://cdn.example.com&cdn_do={what}"
    application(MPS_PUBLISH=f"{VOD}?{options}").main_handler(notification, {})
    urls = [["https://cdn.example.com/vod/x.mp4"]]
    assert (cdn.purged, cdn.pushed) == ((urls, []) if what == "purge" else ([], urls))


def test_urls_go_to_the_cdn_in_the_batches_of_its_api(
    emulator: CosEmulator, api: CloudApi, cdn: CdnService
) -> None:
    asked = Cdn(Credentials(emulator.key.secret_id, emulator.key.secret_key), endpoint=api.url)
    urls = [f"https://cdn.example.com/{number}.ts" for number in range(1001)]
    assert len(set(asked.purge(urls))) == 2
    assert len(asked.prefetch(urls[:501])) == 2
    assert [len(batch) for batch in cdn.purged + cdn.pushed] == [1000, 1, 500, 1]


def test_a_refusal_of_the_cdn_leaves_that_step_to_the_retry(
    application: Load, api: CloudApi, store: Store, keys: Keys
) -> None:
    notification = task(transcode("/a/x.mp4"))
    store(*parse_event(notification).files)
    handlers = application(
        MPS_PUBLISH=f"{VOD}?manifest={{task_id}}.json&cdn=https://other.example.com&cdn_do=purge"
    )
    with pytest.raises(CallbacksFailed) as caught:
        handlers.main_handler(notification, {})
    (failure,) = caught.value.failures
    assert failure.callback == "handlers.publishing.refresh_cdn"
    assert isinstance(failure.__cause__, ApiError)
    assert failure.__cause__.code == "ResourceNotFound.CdnHostNotExists"
    assert len(keys("player-1250000000")) == 2


# The originals

SOURCE = CosObject("source-1250000000", "ap-guangzhou", "videos/demo.mp4")


@pytest.mark.parametrize("originals", ["delete", "STANDARD_IA"])
def test_originals_are_put_away_when_all_of_a_task_went_well_and_is_out(
    application: Load, cos: Cos, store: Store, keys: Keys, originals: str
) -> None:
    notification = task(transcode("/a/x.mp4"))
    store(*parse_event(notification).files, SOURCE)
    handlers = application(MPS_PUBLISH=f"{VOD}?originals={originals}")
    handlers.main_handler(notification, {})
    handlers.main_handler(notification, {})  # a redelivery
    assert keys("player-1250000000") == ["vod/x.mp4"]
    if originals == "delete":
        assert keys("source-1250000000") == []
    else:
        assert cos.head(SOURCE).storage_class == "STANDARD_IA"


@pytest.mark.parametrize("status", ["FAIL", "PROCESSING", "ABORTED"])
def test_originals_stay_where_they_are_if_any_result_did_not_succeed(
    application: Load, store: Store, keys: Keys, status: str
) -> None:
    other = transcode("/a/y.mp4", 2)
    other["TranscodeTask"].update(Status=status, Output=None)
    notification = task(transcode("/a/x.mp4", 1), other)
    store(*parse_event(notification).files, SOURCE)
    application(MPS_PUBLISH=f"{VOD}?originals=delete").main_handler(notification, {})
    assert keys("player-1250000000") == ["vod/x.mp4"]
    assert keys("source-1250000000") == ["videos/demo.mp4"]


def test_originals_stay_if_a_result_that_succeeded_names_no_file(
    application: Load, store: Store, keys: Keys
) -> None:
    hollow = transcode("/a/y.mp4", 2)
    hollow["TranscodeTask"]["Output"] = None
    notification = task(transcode("/a/x.mp4", 1), hollow)
    store(*parse_event(notification).files, SOURCE)
    application(MPS_PUBLISH=f"{VOD}?originals=delete").main_handler(notification, {})
    assert keys("player-1250000000") == ["vod/x.mp4"]
    assert keys("source-1250000000") == ["videos/demo.mp4"]


def test_originals_of_a_task_that_was_submitted_again_stay_as_its_event_tells_a_part_alone(
    application: Load, store: Store, keys: Keys
) -> None:
    notification = task(transcode("/a/x.mp4"), SessionId=session_id("first", 1, {}))
    store(*parse_event(notification).files, SOURCE)
    application(MPS_PUBLISH=f"{VOD}?originals=delete").main_handler(notification, {})
    assert keys("player-1250000000") == ["vod/x.mp4"]
    assert keys("source-1250000000") == ["videos/demo.mp4"]


def test_originals_stay_until_everything_is_out(
    application: Load, store: Store, keys: Keys
) -> None:
    notification = task(transcode("/a/x.mp4", 1), transcode("/a/gone.mp4", 2))
    store(parse_event(notification).files[0], SOURCE)
    with pytest.raises(CallbacksFailed):
        application(MPS_PUBLISH=f"{VOD}?originals=delete").main_handler(notification, {})
    assert keys("source-1250000000") == ["videos/demo.mp4"]


@pytest.mark.parametrize("originals", ["delete", "ARCHIVE"])
def test_what_was_uploaded_since_under_the_same_key_is_no_original(
    cos: Cos, store: Store, originals: str, caplog: pytest.LogCaptureFixture
) -> None:
    event = parse_event(task(transcode("/a/x.mp4")))
    store(*event.files)
    cos.upload(b"another video, of which no task has made anything yet", SOURCE)
    publish = Publish(f"{VOD}?originals={originals}")
    assert publish.retire_originals(event, cos, LOG) == []
    assert cos.head(SOURCE).storage_class == "STANDARD"
    (warning,) = caplog.records
    assert "or were replaced" in warning.getMessage()


@pytest.mark.parametrize("size", [None, "28", {}])
def test_an_original_whose_size_is_not_told_is_put_away(
    cos: Cos, store: Store, keys: Keys, size: object
) -> None:
    notification = task(transcode("/a/x.mp4"))
    notification["WorkflowTaskEvent"]["MetaData"] = size and {"Size": size}
    store(*parse_event(notification).files, SOURCE)
    Publish(f"{VOD}?originals=delete").retire_originals(parse_event(notification), cos, LOG)
    assert keys("source-1250000000") == []


@pytest.mark.parametrize("originals", ["delete", "ARCHIVE"])
def test_an_original_that_is_gone_is_done(cos: Cos, store: Store, originals: str) -> None:
    event = parse_event(task(transcode("/a/x.mp4")))
    store(*event.files)
    assert Publish(f"{VOD}?originals={originals}").retire_originals(event, cos, LOG) == [SOURCE]


@pytest.mark.parametrize(
    ("source", "template"),
    [
        ("player-1250000000:vod/uploads/demo.mp4", "vod/"),  # below what was published to
        ("player-1250000000:uploads/demo.mp4", ""),
        ("out-1250000000:a/x.mp4", "vod/"),  # an output
        ("source-1250000000:hls/index.m3u8", "vod/"),  # whose segments would be left
        ("player-1250000000:vod/demo/x.mp4", "{source_dir}/{name}"),
    ],
)
def test_what_was_published_what_is_beside_it_and_a_playlist_are_no_originals_to_put_away(
    cos: Cos,
    store: Store,
    caplog: pytest.LogCaptureFixture,
    source: str,
    template: str,
) -> None:
    bucket, _, key = source.partition(":")
    notification = task(transcode("/a/x.mp4"))
    info = notification["WorkflowTaskEvent"]["InputInfo"]["CosInputInfo"]
    info.update(Bucket=bucket, Object=f"/{key}")
    original = CosObject(bucket, "ap-guangzhou", key)
    store(original)
    publish = Publish(f"cos://player-1250000000.ap-guangzhou/{template}?originals=delete")
    assert publish.retire_originals(parse_event(notification), cos, LOG) == []
    assert cos.exists(original)
    (warning,) = caplog.records
    assert "originals are left" in warning.getMessage()


# What is said


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("s3://bucket/", "cos://bucket.region"),
        ("cos://player.ap-guangzhou/vod/", "COS bucket"),
        (VOD.rstrip("/"), "expected a slash at the end, or a field in the key"),
        (f"{VOD}{{hight}}p.mp4", "did you mean {height}?"),
        (f"{VOD}?type=Transcode", "did you mean types=?"),
        (f"{VOD}?types=Transcodes", "'Transcode'"),
        (f"{VOD}?types=ImageSprite", "'ImageSprites'"),
        (f"{VOD}?types=Hologram", "there is no type 'Hologram'"),
        (f"{VOD}?types=Transcode,", "there is no type ''"),
        (f"{VOD}?types=Porn", "a result of type Porn has no files of its own"),
        (f"{VOD}?types=WorkflowTask", "a result of type WorkflowTask has no files of its own"),
        (f"{VOD}?overwrite=maybe", "overwrite= expects yes or no"),
        (f"{VOD}?cdn=cdn.example.com", "cdn= expects the address of a site"),
        (f"{VOD}?cdn=https://a:b@cdn.example.com", "cdn= expects the address of a site"),
        (f"{VOD}?cdn=https://[", "cdn= expects the address of a site"),
        (f"{VOD}?cdn=https://a.example/%3Fx", "cdn= expects the address of a site"),
        (f"{VOD}?cdn=https://a.example&cdn_do=all", "cdn_do= expects purge or prefetch or both"),
        (f"{VOD}?cdn_do=purge", "cdn_do= expects cdn="),
        (f"{VOD}?manifest=lists/", "manifest= expects the name of a file"),
        (f"{VOD}?manifest=/manifest.json", "expected {task_id} in manifest="),
        (f"{VOD}?manifest={{date}}/{{task_id}}.json", "manifest= expects no day"),
        (f"{VOD}?manifest={{height}}.json", "there is no field {height}"),
        (f"{VOD}?originals=delet", "originals= expects delete, or a storage class"),
        (f"{VOD}?bucket=media", "bucket='media' can never match"),
        (f"{VOD}?path=/a/*", "can never match"),
    ],
)
def test_a_publication_that_cannot_be_meant_is_a_mistake(to: str, told: str) -> None:
    with pytest.raises(ValueError, match=r"expect|field|option|type|match|COS|location") as caught:
        Publish(to)
    assert told in str(caught.value)


def test_the_application_publishes_nothing_without_its_variable(application: Load) -> None:
    assert [one.name for one in application().app.routes if "publishing" in one.name] == []


def test_each_step_is_a_callback_of_its_own(application: Load) -> None:
    options = "manifest=m.json&originals=delete&cdn=https://a.example&cdn_do=purge&path=a/*"
    handlers = application(MPS_PUBLISH=f"{VOD}?types=Transcode,DeLogo&{options}")
    assert [
        (route.name.removeprefix("handlers.publishing."), route.verb)
        for route in handlers.app.routes
        if "publishing" in route.name
    ] == [
        ("publish", "on"),
        ("publish", "on"),
        ("write_manifest", "on_complete"),
        ("refresh_cdn", "on_complete"),
        ("retire_originals", "on_complete"),
    ]


def test_a_copy_is_told_in_the_log(
    cos: Cos, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    event = parse_event(task(transcode("/a/x.mp4")))
    store(*event.files)
    caplog.set_level(logging.INFO)
    copies(Publish(VOD), event, cos)
    (record,) = caplog.records
    assert (record.getMessage(), vars(record)["files"]) == ("published", [f"{VOD}x.mp4"])


SUBTITLES = f"{VOD}{{task_id}}/?types=AsrFullTextRecognition,TransTextRecognition&manifest=m.json"


def subtitles(path: str | None) -> dict[str, Any]:
    """The documented event of subtitles, at a path."""
    notification: dict[str, Any] = payload("mps_workflow_smart_subtitles_success")
    (item,) = notification["WorkflowTaskEvent"]["SmartSubtitlesTaskResult"]
    item["AsrFullTextTask"]["Output"]["SubtitlePath"] = path
    return notification


def test_subtitles_at_a_url_of_cos_are_published(
    application: Load, cos: Cos, store: Store, keys: Keys
) -> None:
    url = "https://out-1250000000.cos.ap-guangzhou.myqcloud.com/out/a%20b.vtt?q-ak=x"
    store(CosObject.parse(f"{OUT}out/a b.vtt"))
    application(MPS_PUBLISH=SUBTITLES).main_handler(subtitles(url), {})
    assert keys("player-1250000000") == ["vod/mps-1/a b.vtt", "vod/mps-1/m.json"]
    (entry,) = cos.read_json(f"{VOD}mps-1/m.json")["subtitles"]
    assert entry["object"] == f"{VOD}mps-1/a b.vtt"


def test_an_output_at_a_url_elsewhere_fails(application: Load, keys: Keys) -> None:
    handlers = application(MPS_PUBLISH=SUBTITLES)
    with pytest.raises(CallbacksFailed) as caught:
        handlers.main_handler(payload("mps_workflow_smart_subtitles_success"), {})
    assert "URL" in str(caught.value)
    assert keys("player-1250000000") == []


def test_a_success_without_a_file_is_in_the_manifest(
    application: Load, cos: Cos, keys: Keys, caplog: pytest.LogCaptureFixture
) -> None:
    application(MPS_PUBLISH=SUBTITLES).main_handler(subtitles(None), {})
    assert keys("player-1250000000") == ["vod/mps-1/m.json"]
    (entry,) = cos.read_json(f"{VOD}mps-1/m.json")["unpublished"]
    assert (entry["type"], entry["reason"]) == (
        "AsrFullTextRecognition",
        "the result has no output file",
    )
    assert "no file" in caplog.text


def test_originals_stay_when_an_output_is_elsewhere(cos: Cos, store: Store, keys: Keys) -> None:
    output = {"OutputStorage": storage(), "VideoPath": "/a.mp4", "ScriptPath": "https://h/s.json"}
    reel = {"Type": "Reel", "ReelTask": {"Status": "SUCCESS", "Output": output}}
    notification = task()
    notification["WorkflowTaskEvent"]["AiAnalysisResultSet"] = [reel]
    event = parse_event(notification)
    store(*event.files, *event.sources)
    publish = Publish(f"{VOD}?types=Reel&manifest=m.json&originals=delete")
    assert copies(publish, event, cos) == ["vod/a.mp4"]
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
def test_a_source_that_is_a_playlist_stays(
    cos: Cos, store: Store, key: str, content: bytes | None
) -> None:
    notification = task(transcode("/a/x.mp4"))
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
