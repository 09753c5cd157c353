"""Publish action: options, copies, playlists and links."""

import logging
import re

import pytest

from scf_mps import CallbacksFailed, ConfigurationError
from scf_mps.actions import Publish
from scf_mps.cos import Conflict, CosObject
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample
from tests.support.sample_data import payload

from .support import (
    FAILED,
    LOG,
    OUT,
    OUTS,
    SITE,
    SUBTITLES,
    VOD,
    copy_all,
    get_target_keys,
    make_storage,
    make_task,
    make_transcode,
    subtitles,
)


def test_edit_is_published_if_type_is_named(application, store, keys):
    edit = sample("EditMediaTask")
    store(*parse_event(edit).files)
    handlers = application(
        MPS_PUBLISH=f"{VOD}{{height}}p{{suffix}}?types=EditMediaTask&manifest=manifest.json"
    )
    handlers.main_handler(edit, {})
    task_id = edit["EditMediaTaskEvent"]["TaskId"]
    assert keys("player-1250000000") == [f"vod/{task_id}/manifest.json", "vod/720p.mp4"]


def test_copies_have_configured_headers(cos, store):
    event = parse_event(make_task(make_transcode("/a/x.mp4")))
    store(*event.files)
    publish = Publish(
        f"{VOD}?cache_control=max-age=60&content_disposition=inline&storage_class=STANDARD_IA&acl=public-read"
    )
    copy_all(publish, event, cos)
    head = cos.head(f"{VOD}x.mp4")
    assert (head.cache_control, head.storage_class) == ("max-age=60", "STANDARD_IA")
    assert head.headers["content-disposition"] == "inline"


def test_overwrite_option_protects_other_bytes(cos, store):
    event = parse_event(make_task(make_transcode("/a/x.mp4")))
    store(*event.files)
    cos.upload(b"other", f"{VOD}x.mp4")
    with pytest.raises(Conflict):
        copy_all(Publish(f"{VOD}?overwrite=no"), event, cos)
    copy_all(Publish(f"{VOD}?overwrite=yes"), event, cos)
    copy_all(Publish(f"{VOD}?overwrite=no"), event, cos)  # equal bytes
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
def test_options_limit_published_results(application, emulator, store, keys, options, published):
    emulator.create_bucket("more-1250000000", "ap-guangzhou")
    other = make_transcode("/y/b.mp4", OutputStorage=make_storage("more-1250000000"))
    notification = make_task(make_transcode("/x/a.mp4"), other)
    notification["WorkflowTaskEvent"]["AiAnalysisResultSet"] = [
        {
            "Type": "DeLogo",
            "DeLogoTask": {
                "Status": "SUCCESS",
                "Output": {"OutputStorage": make_storage(), "Path": "/z/c.mp4"},
            },
        }
    ]
    store(*parse_event(notification).files)
    application(MPS_PUBLISH=f"{VOD}?{options}").main_handler(notification, {})
    assert keys("player-1250000000") == [f"vod/{name}" for name in published]


def test_only_successful_results_are_published(application, store, keys):
    notification = make_task(make_transcode("/a/x.mp4"), FAILED)
    store(*parse_event(notification).files)
    handlers = application(MPS_PUBLISH=f"{VOD}?manifest={{task_id}}.json&originals=delete")
    handlers.main_handler(notification, {})
    task_id = parse_event(notification).task_id
    assert keys("player-1250000000") == [f"vod/{task_id}.json", "vod/x.mp4"]


def test_when_predicate_excludes_result(cos, store):
    event = parse_event(make_task(make_transcode("/a/x.mp4", 1), make_transcode("/a/y.mp4", 2)))
    store(*event.files)
    publish = Publish(f"{VOD}?manifest=m.json", when=lambda result: result.definition == 1)
    assert copy_all(publish, event, cos) == ["vod/x.mp4"]
    manifest = publish.write_manifest(event, cos, LOG)
    assert manifest is not None
    assert [entry["definition"] for entry in cos.read_json(manifest)["renditions"]] == [1]


def test_links_are_urls_of_copies(cos):
    event = parse_event(make_task(make_transcode("/a/影片 1.mp4"), FAILED))
    good, bad = event.subtasks
    assert Publish(VOD).links(good) == [f"{SITE}/vod/%E5%BD%B1%E7%89%87%201.mp4"]
    assert Publish(VOD).links(bad) == []
    with_cdn = Publish(f"{VOD}{{definition}}{{suffix}}?cdn=https://cdn.example.com/")
    assert with_cdn.links(good) == ["https://cdn.example.com/vod/100030.mp4"]


@pytest.mark.parametrize("uri", ["../segments/0.ts", "/a/segments/0.ts", f"{OUTS}/a/segments/0.ts"])
def test_published_stream_references_its_segments(cos, uri):
    text = "#EXTM3U\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"
    cos.upload(text.format(uri).encode(), f"{OUT}a/hls/x.m3u8")
    cos.upload(b"segment", f"{OUT}a/segments/0.ts")
    event = parse_event(make_task(make_transcode("/a/hls/x.m3u8")))
    publish = Publish(f"{VOD}?manifest=manifest.json")
    for _ in range(2):
        assert copy_all(publish, event, cos) == ["vod/a/segments/0.ts", "vod/x.m3u8"]
        assert cos.read_text(f"{VOD}x.m3u8") == text.format("a/segments/0.ts")
    assert get_target_keys(publish, event) == ["vod/x.m3u8"]
    cos.verify(f"{VOD}x.m3u8")
    manifest = publish.write_manifest(event, cos, LOG)
    assert manifest is not None
    assert cos.read_json(manifest)["renditions"][0]["object"] == f"{VOD}x.m3u8"


@pytest.mark.parametrize("container", [None, "hls,applehttp"])
def test_playlist_without_suffix_is_a_stream(cos, hls, container):
    master = hls("a/")
    cos.move(cos.files(master), f"{OUT}b/")
    cos.copy(f"{OUT}b/index.m3u8", f"{OUT}b/Manifest")
    event = parse_event(make_task(make_transcode("/b/Manifest", Container=container)))
    assert len(copy_all(Publish(f"{VOD}{{definition}}/"), event, cos)) == 3
    renaming = Publish(f"{VOD}{{stem}}.bin")
    if container:
        assert copy_all(renaming, event, cos)[-1] == "vod/Manifest"
    else:
        with pytest.raises(ConfigurationError, match="other files"):
            copy_all(renaming, event, cos)


@pytest.mark.parametrize("scheme", ["https:", "http:", ""])
def test_urls_of_cdn_site_are_files_of_bucket(cos, scheme):
    player = "cos://player-1250000000.ap-guangzhou/"
    urls = [f"{scheme}//cdn.example.com/raw/0.ts?x=1", f"{scheme}//other.example.com/0.ts"]
    cos.upload(f"#EXTM3U\n{urls[0]}\n{urls[1]}\n1.ts\n".encode(), f"{player}raw/x.m3u8")
    for key in ("raw/0.ts", "raw/1.ts"):
        cos.upload(b"segment", f"{player}{key}")
    stream = make_transcode("/raw/x.m3u8", OutputStorage=make_storage("player-1250000000"))
    publish = Publish(f"{VOD}?cdn=https://CDN.example.com")
    assert copy_all(publish, parse_event(make_task(stream)), cos) == [
        "vod/0.ts",
        "vod/1.ts",
        "vod/x.m3u8",
    ]
    assert cos.read_text(f"{VOD}x.m3u8") == f"#EXTM3U\n0.ts\n{urls[1]}\n1.ts\n"
    assert copy_all(Publish(f"{VOD}2/"), parse_event(make_task(stream)), cos) == [
        "vod/2/1.ts",
        "vod/2/x.m3u8",
    ]


def test_playlists_are_read_once_per_event(emulator, cos, hls):
    paths = [f"/{number}/x{number}.m3u8" for number in range(3)]
    for number in range(3):
        hls(f"{number}/", f"x{number}")
    event = parse_event(
        make_task(*(make_transcode(path, number) for number, path in enumerate(paths, 1)))
    )
    publish = Publish(f"{VOD}{{definition}}/?manifest=m.json")
    before = len(emulator.requests)
    assert len(copy_all(publish, event, cos)) == 9
    publish.write_manifest(event, cos, LOG)
    reads = [
        request for request in list(emulator.requests)[before:] if request.operation == "GetObject"
    ]
    assert len(reads) == 6


@pytest.mark.parametrize(
    "notification",
    [
        make_task(FAILED),
        make_task(),
        make_task(make_transcode("", 1)),
        sample("ExtractBlindWatermark"),
    ],
)
def test_event_without_files_publishes_nothing(application, cos, keys, notification):
    options = "manifest=manifest.json&originals=delete&cdn=https://cdn.example.com&cdn_do=purge"
    cos.upload(b"source", "cos://source-1250000000.ap-guangzhou/videos/demo.mp4")
    summary = application(MPS_PUBLISH=f"{VOD}?{options}").main_handler(notification, {})
    assert keys("player-1250000000") == []
    assert keys("source-1250000000") == ["videos/demo.mp4"]
    followed = [
        call["callback"] for call in summary["callbacks"] if "publishing" in call["callback"]
    ]
    assert followed in ([], ["handlers.publishing.publish"])
    publish = Publish(f"{VOD}?{options}")
    event = parse_event(notification)
    assert publish.write_manifest(event, cos, LOG) is None
    assert publish.retire_originals(event, cos, LOG) == []


@pytest.mark.parametrize(
    ("to", "word"),
    [
        ("s3://bucket/", "cos://"),
        ("cos://player.ap-guangzhou/vod/", "'player'"),
        (VOD.rstrip("/"), "slash"),
        (f"{VOD}{{hight}}p.mp4", "{height}?"),
        (f"{VOD}?type=Transcode", "types=?"),
        (f"{VOD}?types=Transcodes", "'Transcode'"),
        (f"{VOD}?types=ImageSprite", "'ImageSprites'"),
        (f"{VOD}?types=Hologram", "'Hologram'"),
        (f"{VOD}?types=,", "types="),
        (f"{VOD}?types=Porn", "Porn"),
        (f"{VOD}?types=WorkflowTask", "WorkflowTask"),
        (f"{VOD}?overwrite=maybe", "overwrite="),
        (f"{VOD}?cdn=cdn.example.com", "cdn="),
        (f"{VOD}?cdn=https://a:b@cdn.example.com", "cdn="),
        (f"{VOD}?cdn=https://[", "cdn="),
        (f"{VOD}?cdn=https://a.example/%3Fx", "cdn="),
        (f"{VOD}?cdn=https://a.example&cdn_do=all", "cdn_do="),
        (f"{VOD}?cdn_do=purge", "cdn="),
        (f"{VOD}?manifest=lists/", "manifest="),
        (f"{VOD}?manifest=/manifest.json", "{task_id}"),
        (f"{VOD}?manifest={{date}}/{{task_id}}.json", "date"),
        (f"{VOD}?manifest={{height}}.json", "{height}"),
        (f"{VOD}?originals=delet", "originals="),
        (f"{VOD}?bucket=media", "bucket="),
        (f"{VOD}?path=/a/*", "path="),
    ],
)
def test_publish_rejects_invalid_address(to, word):
    with pytest.raises(ValueError, match=re.escape(word)):
        Publish(to)


def test_each_step_is_a_separate_callback(application):
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


def test_copy_is_logged(cos, store, caplog):
    event = parse_event(make_task(make_transcode("/a/x.mp4")))
    store(*event.files)
    caplog.set_level(logging.INFO)
    copy_all(Publish(VOD), event, cos)
    (record,) = caplog.records
    assert (record.getMessage(), vars(record)["files"]) == ("published", [f"{VOD}x.mp4"])


def test_subtitles_at_cos_url_are_published(application, cos, store, keys):
    url = "https://out-1250000000.cos.ap-guangzhou.myqcloud.com/out/a%20b.vtt?q-ak=x"
    store(CosObject.parse(f"{OUT}out/a b.vtt"))
    application(MPS_PUBLISH=SUBTITLES).main_handler(subtitles(url), {})
    assert keys("player-1250000000") == ["vod/mps-1/a b.vtt", "vod/mps-1/m.json"]
    (entry,) = cos.read_json(f"{VOD}mps-1/m.json")["subtitles"]
    assert entry["object"] == f"{VOD}mps-1/a b.vtt"


def test_output_at_other_url_fails(application, keys):
    handlers = application(MPS_PUBLISH=SUBTITLES)
    with pytest.raises(CallbacksFailed) as caught:
        handlers.main_handler(payload("mps_workflow_smart_subtitles_success"), {})
    assert "URL" in str(caught.value)
    assert keys("player-1250000000") == []
