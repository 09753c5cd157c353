"""Destinations of published files: key templates and collisions."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scf_mps import CallbacksFailed, ConfigurationError
from scf_mps.actions import Publish
from scf_mps.actions.publish.destinations import Destinations
from scf_mps.events.files import find_files
from scf_mps.events.parser import parse_event
from tests.support.sample_data import payload

from .support import (
    LOG,
    OUT,
    SOURCE,
    VOD,
    copy_all,
    get_target_keys,
    make_storage,
    make_task,
    make_transcode,
)


def test_folder_takes_all_files_under_their_names(application, cos, store, hls, keys):
    notification = payload("synth_workflow_all_six_types")
    event = parse_event(notification)
    store(*event.files)
    hls("videos/ads/", "demo")
    application(MPS_PUBLISH=VOD).main_handler(notification, {})
    named = {f"vod/{file.key.rpartition('/')[2]}" for file in event.files}
    assert set(keys("player-1250000000")) == named | {"vod/v0.m3u8", "vod/v0_0.ts"}
    assert cos.read_text(f"{VOD}demo_transcode_100030.mp4").endswith("transcode_100030.mp4")


def test_key_template_names_single_file_or_folder(cos, store, hls):
    notification = payload("synth_workflow_all_six_types")
    event = parse_event(notification)
    store(*event.files)
    hls("videos/ads/", "demo")
    publish = Publish(f"{VOD}{{source_name}}/{{height}}p-{{definition}}{{suffix}}")
    made = copy_all(publish, event, cos)
    assert made[:2] == ["vod/demo/720p-100030.mp4", "vod/demo/240p-20000.gif"]
    assert made[-1] == "vod/demo/demo.m3u8"
    assert {"vod/demo/v0_0.ts", "vod/demo/demo_imageSprite_10.vtt"} < set(made)
    assert {"vod/demo/demo_snapshotByTimeOffset_10_1.jpg"} < set(made)
    assert set(get_target_keys(publish, event)) == set(made) - {
        "vod/demo/v0.m3u8",
        "vod/demo/v0_0.ts",
    }


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
def test_template_uses_result_and_file_name(template, path, key):
    publish = Publish(f"cos://player-1250000000.ap-guangzhou/{template}")
    assert get_target_keys(publish, parse_event(make_task(make_transcode(path)))) == [key]


def test_tasks_with_missing_values_have_separate_keys(cos, store, caplog):
    publish = Publish(f"{VOD}{{source_name}}/{{date}}/{{height}}p{{suffix}}")
    keys = []
    for number in range(2):
        notification = make_task(make_transcode(f"/{number}/a.mp4", Height=None))
        notification["WorkflowTaskEvent"].update(TaskId=f"task-{number}", InputInfo=None)
        event = parse_event(notification)
        store(*event.files)
        keys += copy_all(publish, event, cos)
        assert get_target_keys(publish, event) == keys[-1:]
    for first, second in zip(
        *(key.removesuffix("p.mp4").split("/")[1:] for key in keys), strict=True
    ):
        assert first.startswith("unknown-")
        assert first != second
    assert "{date}, {height}, {source_name}" in caplog.text


def test_date_field_uses_finish_time():
    finished = make_transcode("/b.mp4")
    finished["TranscodeTask"]["FinishTime"] = "2025-07-20T12:00:00Z"
    assert get_target_keys(Publish(f"{VOD}{{date}}/"), parse_event(make_task(finished))) == [
        "vod/2025-07-20/b.mp4"
    ]


def test_colliding_results_fail_before_any_copy(application, store, keys):
    notification = make_task(make_transcode("/a/high.mp4", 1), make_transcode("/a/low.mp4", 2))
    store(*parse_event(notification).files)
    handlers = application(MPS_PUBLISH=f"{VOD}{{source_name}}{{suffix}}")
    with pytest.raises(CallbacksFailed) as caught:
        handlers.main_handler(notification, {})
    assert len(caught.value.failures) == 2
    assert "{definition}" in str(caught.value)
    assert keys("player-1250000000") == []


def test_collision_suggests_field_that_differs(cos):
    changes = [("Height", 360), ("Bitrate", 5), ("VideoStreamSet", [{"Codec": "h265"}])]
    fields = ("{height}", "{bitrate}", "{codec}")
    for (name, value), field in zip(changes, fields, strict=True):
        event = parse_event(
            make_task(make_transcode("/a/x.mp4"), make_transcode("/b/x.mp4", **{name: value}))
        )
        with pytest.raises(ConfigurationError, match=re.escape(field)):
            Publish(VOD).copy(event.subtasks[0], cos, LOG)
    notification = make_task()
    for name, item in (("AiRecognitionResultSet", {}), ("SmartSubtitlesTaskResult", {})):
        output = {"OutputStorage": make_storage(), "SubtitlePath": f"/{name}/x.vtt"}
        item = {"Status": "SUCCESS", "Output": output}
        notification["WorkflowTaskEvent"][name] = [
            {"Type": "AsrFullTextRecognition", "AsrFullTextTask": item}
        ]
    publish = Publish(f"{VOD}{{stem}}.vtt?types=AsrFullTextRecognition")
    with pytest.raises(ConfigurationError, match="no field"):
        publish.copy(parse_event(notification).subtasks[0], cos, LOG)


def test_shared_file_of_two_results_is_no_collision(cos, store):
    event = parse_event(make_task(make_transcode("/a/x.mp4", 1), make_transcode("/a/x.mp4", 2)))
    store(*event.files)
    assert copy_all(Publish(VOD), event, cos) == ["vod/x.mp4"] * 2


@pytest.mark.parametrize(
    ("template", "advice"),
    [
        ("", r"\{definition\}"),
        ("{definition}{suffix}", r"\{definition\} to the folder"),
        ("{definition}-{index}-{name}", r"\{definition\} to the folder"),
        ("{type}/{name}", r"\{definition\} to the folder"),
    ],
)
def test_colliding_streams_fail_before_any_copy(cos, hls, keys, template, advice):
    hls("one/", "a")
    hls("two/", "b")
    event = parse_event(
        make_task(make_transcode("/one/a.m3u8", 1), make_transcode("/two/b.m3u8", 2))
    )
    with pytest.raises(ConfigurationError, match=advice):
        copy_all(Publish(f"{VOD}{template}"), event, cos)
    assert keys("player-1250000000") == []
    assert len(set(copy_all(Publish(f"{VOD}{{definition}}/{template}"), event, cos))) == 6


def test_streams_of_one_folder_share_segments(cos, hls):
    hls("one/", "a")
    hls("one/", "b")
    event = parse_event(
        make_task(make_transcode("/one/a.m3u8", 1), make_transcode("/one/b.m3u8", 2))
    )
    assert len(set(copy_all(Publish(VOD), event, cos))) == 4


def test_result_with_key_of_manifest_fails(cos):
    event = parse_event(make_task(make_transcode("/a/x.json")))
    with pytest.raises(ConfigurationError, match="manifest"):
        Publish(f"{VOD}{{task_id}}/?manifest={{task_id}}/x.json").copy(event.subtasks[0], cos, LOG)


@pytest.mark.parametrize(
    ("to", "other", "word"),
    [
        ("source-1250000000.ap-guangzhou/videos/", "other", "source"),
        ("out-1250000000.ap-guangzhou/{definition}/", "demo", "output"),
    ],
)
def test_copy_never_replaces_source_or_output(cos, store, to, other, word):
    event = parse_event(
        make_task(make_transcode("/1/demo.mp4", 2), make_transcode(f"/2/{other}.mp4", 1))
    )
    store(*event.files, SOURCE)
    with pytest.raises(ConfigurationError, match=word):
        copy_all(Publish(f"cos://{to}"), event, cos)
    for item in (*event.files, SOURCE):
        assert cos.read(item) == f"the bytes of {item.key}".encode()


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["x.mp4", "y.mp4"]), st.integers(1, 3)),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(["", "{definition}/", "{name}", "{stem}-{definition}{suffix}", "{index}.mp4"]),
)
def test_check_finds_every_collision(results, template):
    event = parse_event(
        make_task(
            *(make_transcode(f"/{folder}/{name}", number) for folder, name, number in results)
        )
    )
    publish = Publish(f"{VOD}{template}")
    sources = {}
    for result, (folder, name, _) in zip(event.subtasks, results, strict=True):
        (link,) = publish.links(result)
        sources.setdefault(link, set()).add(f"{folder}/{name}")
    if any(len(those) > 1 for those in sources.values()):
        with pytest.raises(ConfigurationError, match="both"):
            publish._destinations.check(event.subtasks, find_files)
    else:
        publish._destinations.check(event.subtasks, find_files)


def test_files_colliding_below_folder_fail(cos):
    cos.upload(b"#EXTM3U\n#EXTINF:1,\n../s/0.ts\n#EXTINF:1,\na/s/0.ts\n", f"{OUT}a/h/x.m3u8")
    for key in ("a/s/0.ts", "a/h/a/s/0.ts"):
        cos.upload(key.encode(), f"{OUT}{key}")
    with pytest.raises(ValueError, match="two files"):
        copy_all(Publish(VOD), parse_event(make_task(make_transcode("/a/h/x.m3u8"))), cos)


@pytest.mark.parametrize("fails", [False, True])
def test_event_is_checked_once_for_many_results(cos, store, monkeypatch, fails):
    # Counted, not timed: the work per result must not grow with the number of results.
    calls = 0
    map_files = Destinations.map_files

    def count(self: Destinations, *args: Any) -> Any:
        nonlocal calls
        calls += 1
        return map_files(self, *args)

    monkeypatch.setattr(Destinations, "map_files", count)
    for number in (5, 50):
        calls = 0
        event = parse_event(
            make_task(*(make_transcode(f"/{index}/x.mp4", index) for index in range(1, number + 1)))
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
