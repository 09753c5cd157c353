"""Plans: subtasks, jobs of the engine, storages, failures, and warnings for what is ignored."""

from __future__ import annotations

from typing import Any

import pytest

from scf_mps.local.mps.assumptions import ASSUMPTIONS
from scf_mps.local.mps.errors import Refused
from scf_mps.local.mps.model import Location
from scf_mps.local.mps.presets import TEMPLATES
from scf_mps.local.mps.templates import Templates

from .support import ALL_AI, ALL_MEDIA, REGION, STORAGE, plan, plan_one

AUDIO = {"codec": "aac", "bitrate": 64, "sample_rate": 44100, "channels": 2}
VIDEO = {
    "codec": "h264",
    "width": 0,
    "height": 360,
    "adaptive": True,
    "fps": 25,
    "bitrate": 400,
    "gop": 0,
    "fill": "black",
}
SETS = {
    "Transcode": "TranscodeTaskSet",
    "AnimatedGraphics": "AnimatedGraphicTaskSet",
    "SnapshotByTimeOffset": "SnapshotByTimeOffsetTaskSet",
    "SampleSnapshot": "SampleSnapshotTaskSet",
    "ImageSprites": "ImageSpriteTaskSet",
    "AdaptiveDynamicStreaming": "AdaptiveDynamicStreamingTaskSet",
}


def get_job(set_: str, /, **task: Any) -> dict[str, Any]:
    subtask = plan_one(set_, **task)
    assert subtask.failure is None
    assert subtask.job is not None
    return dict(subtask.job)


def test_subtasks_have_order_of_events() -> None:
    planned = plan(dict(reversed(ALL_MEDIA.items())), **ALL_AI)
    assert [subtask.type for subtask in planned.subtasks[:7]] == [
        "Transcode",
        "Transcode",
        "AnimatedGraphics",
        "SnapshotByTimeOffset",
        "SampleSnapshot",
        "ImageSprites",
        "AdaptiveDynamicStreaming",
    ]
    assert not any(subtask.is_scripted for subtask in planned.subtasks[:7])
    assert all(subtask.is_scripted for subtask in planned.subtasks[7:])


@pytest.mark.parametrize(("kind", "definition"), list(TEMPLATES))
def test_every_preset_is_planned(kind: str, definition: int) -> None:
    subtask = plan_one(SETS[kind], Definition=definition)
    assert (subtask.type, subtask.definition, subtask.failure) == (kind, definition, None)
    assert subtask.job is not None
    assert subtask.names is not None
    assert subtask.names.main.startswith(f"videos/demo_{kind[:4].lower()}"[:12])
    assert "{format}" not in str(subtask.names)


def test_mp4_preset_becomes_job() -> None:
    assert get_job("TranscodeTaskSet", Definition=100010) == {
        "kind": "transcode",
        "container": "mp4",
        "copy": False,
        "video": VIDEO,
        "audio": AUDIO,
    }


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (100210, {"container": "hls", "segment": {"type": "ts", "seconds": 5}, "video": VIDEO}),
        (875, {"container": "mp4", "copy": True, "video": {}, "audio": {}}),
        (1010, {"container": "mp3", "video": None, "audio": AUDIO | {"codec": "mp3", "bitrate": 128}}),
        (510, {"video": VIDEO | {"codec": "h265", "height": 240, "bitrate": 250, "fps": 15, "gop": 240}}),
        (100800, {"video": VIDEO | {"height": 0, "bitrate": 0}}),
        (10046, {"container": "flv", "audio": AUDIO | {"codec": "mp3", "bitrate": 48}}),
    ],
)  # fmt: skip
def test_transcode_preset_becomes_job(definition: int, expected: dict[str, Any]) -> None:
    job = get_job("TranscodeTaskSet", Definition=definition)
    assert {name: job[name] for name in expected} == expected


def test_adaptive_preset_becomes_job() -> None:
    job = get_job("AdaptiveDynamicStreamingTaskSet", Definition=10)
    assert [stream["video"]["height"] for stream in job.pop("streams")] == [
        240,
        480,
        720,
        1080,
        1440,
        2160,
    ]
    assert job == {
        "kind": "adaptive",
        "segment": {"type": "ts", "seconds": 5},
        "higher_resolution": False,
    }


@pytest.mark.parametrize(
    ("set_", "task", "expected"),
    [
        (
            "AnimatedGraphicTaskSet",
            {"Definition": 20001, "StartTimeOffset": 1, "EndTimeOffset": 2.5},
            {
                "kind": "animation",
                "format": "webp",
                "width": 320,
                "height": 0,
                "adaptive": True,
                "fps": 2,
                "quality": 75,
                "start": 1.0,
                "end": 2.5,
            },
        ),
        (
            "SnapshotByTimeOffsetTaskSet",
            {"Definition": 10, "ExtTimeOffsetSet": ["3.5s", "10%", "0s"]},
            {
                "kind": "snapshots",
                "format": "jpg",
                "width": 0,
                "height": 0,
                "adaptive": True,
                "fill": "stretch",
                "offsets": [3.5, {"percent": 10.0}, 0.0],
            },
        ),
        (
            "SampleSnapshotTaskSet",
            {"Definition": 10},
            {
                "kind": "sample_snapshots",
                "format": "jpg",
                "width": 0,
                "height": 0,
                "adaptive": True,
                "fill": "stretch",
                "sample_type": "Percent",
                "interval": 10,
            },
        ),
        (
            "ImageSpriteTaskSet",
            {"Definition": 10},
            {
                "kind": "sprites",
                "format": "jpg",
                "width": 142,
                "height": 80,
                "adaptive": False,
                "fill": "stretch",
                "row_count": 10,
                "column_count": 10,
                "sample_type": "Time",
                "interval": 10,
            },
        ),
    ],
)
def test_picture_preset_becomes_job(
    set_: str, task: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert get_job(set_, **task) == expected


@pytest.mark.parametrize(
    ("task", "offsets"),
    [
        ({}, [0.0]),
        ({"TimeOffsetSet": []}, [0.0]),
        ({"TimeOffsetSet": [1, 2.5]}, [1.0, 2.5]),
        ({"TimeOffsetSet": [1], "ExtTimeOffsetSet": ["2s"]}, [2.0]),
    ],
)
def test_time_points_default_to_first_frame(task: dict[str, Any], offsets: list[float]) -> None:
    planned = plan({"SnapshotByTimeOffsetTaskSet": [{"Definition": 10, **task}]})
    job = planned.subtasks[0].job
    assert job is not None
    assert job["offsets"] == offsets
    assert ("first-frame" in planned.assumptions) is (offsets == [0.0])


@pytest.mark.parametrize(
    ("set_", "task"),
    [
        ("SnapshotByTimeOffsetTaskSet", {"ExtTimeOffsetSet": ["101%"]}),
        ("SnapshotByTimeOffsetTaskSet", {"ExtTimeOffsetSet": ["-1s"]}),
        ("SnapshotByTimeOffsetTaskSet", {"ExtTimeOffsetSet": ["5"]}),
        ("SnapshotByTimeOffsetTaskSet", {"ExtTimeOffsetSet": [5]}),
        ("SnapshotByTimeOffsetTaskSet", {"TimeOffsetSet": [-1]}),
        ("SnapshotByTimeOffsetTaskSet", {"TimeOffsetSet": ["1"]}),
        ("SnapshotByTimeOffsetTaskSet", {"TimeOffsetSet": [float("inf")]}),
        ("AnimatedGraphicTaskSet", {"StartTimeOffset": 2, "EndTimeOffset": 2}),
        ("AnimatedGraphicTaskSet", {"StartTimeOffset": -1}),
        ("AnimatedGraphicTaskSet", {"EndTimeOffset": -1}),
        ("TranscodeTaskSet", {"StartTimeOffset": 3, "EndTimeOffset": 2}),
        ("TranscodeTaskSet", {"StartTimeOffset": -2, "EndTimeOffset": -3}),
    ],
)
def test_invalid_time_fails_subtask(set_: str, task: dict[str, Any]) -> None:
    definition = {"TranscodeTaskSet": 100010, "AnimatedGraphicTaskSet": 20000}.get(set_, 10)
    subtask = plan_one(set_, Definition=definition, **task)
    assert subtask.job is None
    assert subtask.failure is not None
    assert (subtask.failure.code, subtask.failure.name) == (
        40000,
        "InvalidInput.InvalidTimeOffset",
    )


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ({}, {}),
        ({"StartTimeOffset": 0, "EndTimeOffset": 0}, {}),
        ({"StartTimeOffset": 1, "EndTimeOffset": 2}, {"start": 1.0, "end": 2.0}),
        ({"StartTimeOffset": 1, "EndTimeOffset": -2}, {"start": 1.0, "end": -2.0}),
        ({"StartTimeOffset": -3, "EndTimeOffset": -2}, {"start": -3.0, "end": -2.0}),
    ],
)
def test_part_of_source_is_in_job(task: dict[str, Any], expected: dict[str, float]) -> None:
    job = get_job("TranscodeTaskSet", Definition=100010, **task)
    assert {name: job[name] for name in ("start", "end") if name in job} == expected


@pytest.mark.parametrize("set_", list(SETS.values()))
def test_unknown_definition_fails_subtask(set_: str) -> None:
    planned = plan({set_: [{"Definition": 4711}]})
    (subtask,) = planned.subtasks
    assert subtask.failure is not None
    assert subtask.failure.name == "InvalidInput.DefinitionNotExist"
    assert subtask.job is None
    assert not subtask.is_scripted
    assert subtask.input["OutputObjectPath"].startswith("/videos/demo_")
    assert "definition-not-exist" in planned.assumptions


def test_custom_template_is_planned() -> None:
    templates = Templates()
    definition = templates.create("AnimatedGraphics", {"Fps": 7, "Width": 200})
    subtask = plan_one("AnimatedGraphicTaskSet", templates, Definition=definition)
    assert subtask.job is not None
    assert (subtask.job["fps"], subtask.job["width"]) == (7, 200)


def test_override_replaces_single_values() -> None:
    override = {
        "Container": "flv",
        "VideoTemplate": {"Bitrate": 900, "Width": None},
        "AudioTemplate": {"Codec": "mp3"},
    }
    planned = plan({"TranscodeTaskSet": [{"Definition": 100010, "OverrideParameter": override}]})
    (subtask,) = planned.subtasks
    assert subtask.job is not None
    assert subtask.job["container"] == "flv"
    assert subtask.job["video"] == VIDEO | {"bitrate": 900}
    assert subtask.job["audio"] == AUDIO | {"codec": "mp3"}
    assert subtask.names is not None
    assert subtask.names.main == "videos/demo_transcode_100010.flv"
    assert subtask.input["OverrideParameter"] == override
    assert planned.warnings == []


def test_override_of_audio_preset_adds_video() -> None:
    override = {"Container": "mp4", "RemoveVideo": 0, "VideoTemplate": {"Height": 360}}
    job = get_job("TranscodeTaskSet", Definition=1110, OverrideParameter=override)
    assert job["video"] == VIDEO | {"bitrate": 0, "fps": 0}
    with pytest.raises(Refused) as caught:
        plan_one(
            "TranscodeTaskSet",
            Definition=1110,
            OverrideParameter={"Container": "mp4", "RemoveVideo": 0},
        )
    assert caught.value.code == "MissingParameter"


def test_raw_parameter_replaces_template() -> None:
    raw = {"Container": "mp4", "VideoTemplate": {"Codec": "h264"}, "RemoveAudio": 1}
    subtask = plan_one("TranscodeTaskSet", Definition=0, RawParameter=raw)
    assert subtask.job is not None
    assert subtask.job["video"] == VIDEO | {"height": 0, "bitrate": 0, "fps": 0}
    assert subtask.job["audio"] is None
    assert subtask.definition == subtask.input["Definition"] == 0
    assert subtask.names is not None
    assert subtask.names.main == "videos/demo_transcode_0.mp4"


@pytest.mark.parametrize(
    ("task", "code"),
    [
        ({"Definition": 0, "RawParameter": {"Container": "avi"}}, ".Container"),
        ({"Definition": 0, "RawParameter": [1]}, ""),
        ({"Definition": 100010, "OverrideParameter": {"Container": "avi"}}, ".Container"),
        ({"Definition": 100010, "OverrideParameter": {"VideoTemplate": {"Fps": 999}}}, ".Fps"),
        ({"Definition": 100010, "OverrideParameter": [1]}, ""),
    ],
)
def test_invalid_parameters_of_subtask_are_refused(task: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as caught:
        plan_one("TranscodeTaskSet", **task)
    assert caught.value.code == f"InvalidParameterValue{code}"


def test_substreams_of_request_replace_template() -> None:
    streams = [{"Video": {"Height": 240, "Fps": 25}, "Audio": {}}, {"Video": {"Fps": 30}}]
    planned = plan(
        {"AdaptiveDynamicStreamingTaskSet": [{"Definition": 10, "StdExtStreamInfos": streams}]}
    )
    job = planned.subtasks[0].job
    assert job is not None
    assert [stream["video"]["fps"] for stream in job["streams"]] == [25, 25]
    assert job["streams"][1]["audio"] is None
    assert any("frame rate" in warning for warning in planned.warnings)
    with pytest.raises(Refused):
        plan_one("AdaptiveDynamicStreamingTaskSet", Definition=10, StdExtStreamInfos=[{"V": 1}])


@pytest.mark.parametrize(
    ("request_", "task", "trigger", "bucket"),
    [
        ({}, {}, None, "in-1250000000"),
        ({}, {}, Location("trigger-1250000000", REGION), "trigger-1250000000"),
        ({"OutputStorage": STORAGE}, {}, Location("trigger-1250000000", REGION), "out-1250000000"),
        (
            {"OutputStorage": STORAGE},
            {"OutputStorage": {"CosOutputStorage": {"Bucket": "own-1250000000", "Region": REGION}}},
            None,
            "own-1250000000",
        ),
    ],
)
def test_nearest_output_storage_is_used(
    request_: dict[str, Any], task: dict[str, Any], trigger: Location | None, bucket: str
) -> None:
    media = {"TranscodeTaskSet": [{"Definition": 100010, **task}]}
    (subtask,) = plan(media, trigger=trigger, **request_).subtasks
    assert subtask.storage == Location(bucket, REGION)
    place = subtask.input["OutputStorage"]
    assert place == {"Type": "COS", "CosOutputStorage": {"Bucket": bucket, "Region": REGION}}


@pytest.mark.parametrize(
    ("storage", "code"),
    [
        ({"Type": "AWS-S3", "S3OutputStorage": {}}, "UnsupportedOperation"),
        ("out", "UnsupportedOperation"),
        ({"Type": "COS"}, "InvalidParameterValue"),
        ({"CosOutputStorage": {"Bucket": "a"}}, "InvalidParameterValue"),
        ({"CosOutputStorage": ["a"]}, "InvalidParameterValue"),
    ],
)
def test_storage_outside_cos_is_refused(storage: Any, code: str) -> None:
    with pytest.raises(Refused) as caught:
        plan(ALL_MEDIA, OutputStorage=storage)
    assert caught.value.code == code


def test_output_dir_applies_to_relative_paths() -> None:
    task = {"Definition": 100010, "OutputObjectPath": "/absolute/{inputName}.{format}"}
    media = {"TranscodeTaskSet": [{"Definition": 100020}, task]}
    first, second = plan(media, OutputDir="/out/").subtasks
    assert first.names is not None
    assert first.names.main == "out/demo_transcode_100020.mp4"
    assert second.names is not None
    assert second.names.main == "absolute/demo.mp4"


def test_names_of_unused_files_are_empty() -> None:
    mp4 = plan_one("TranscodeTaskSet", Definition=100010).names
    hls = plan_one("TranscodeTaskSet", Definition=100210).names
    assert mp4 is not None
    assert hls is not None
    assert (mp4.segment, hls.segment) == ("", "videos/demo_transcode_100210_{number}.ts")


@pytest.mark.parametrize(
    ("set_", "task", "word"),
    [
        ("TranscodeTaskSet", {"WatermarkSet": [{"Definition": 1}]}, "WatermarkSet"),
        ("TranscodeTaskSet", {"MosaicSet": [{}]}, "MosaicSet"),
        ("TranscodeTaskSet", {"HeadTailParameter": {"a": 1}}, "HeadTailParameter"),
        ("TranscodeTaskSet", {"RawParameter": {"Container": "mp4"}}, "RawParameter"),
        ("TranscodeTaskSet", {"OverrideParameter": {"StdExtInfo": "{}"}}, "StdExtInfo"),
        ("TranscodeTaskSet", {"OverrideParameter": {"VideoTemplate": {"Vcrf": 20}}}, "Vcrf"),
        (
            "TranscodeTaskSet",
            {"OverrideParameter": {"AudioTemplate": {"AudioName": "a"}}},
            "AudioName",
        ),
        (
            "TranscodeTaskSet",
            {"OverrideParameter": {"VideoTemplate": {"FillType": "smarttailor"}}},
            "smarttailor",
        ),
        (
            "TranscodeTaskSet",
            {"OverrideParameter": {"VideoTemplate": {"Codec": "copy"}}},
            "AudioTemplate",
        ),
        (
            "TranscodeTaskSet",
            {"OverrideParameter": {"AudioTemplate": {"Codec": "copy"}}},
            "copy",
        ),
        (
            "TranscodeTaskSet",
            {"OverrideParameter": {"Container": "hls", "VideoTemplate": {"SegmentType": 5}}},
            "byte range",
        ),
        ("AdaptiveDynamicStreamingTaskSet", {"DrmInfo": {"Type": "x"}}, "DrmInfo"),
        (
            "AdaptiveDynamicStreamingTaskSet",
            {"SegmentObjectName": "{subStreamNumber}{number}{x}"},
            "{x}",
        ),
    ],
)
def test_ignored_parameter_gives_warning(set_: str, task: dict[str, Any], word: str) -> None:
    definition = 100010 if set_ == "TranscodeTaskSet" else 10
    planned = plan({set_: [{"Definition": definition, **task}]})
    (warning,) = planned.warnings
    assert word in warning
    assert f" {definition}: " in warning
    assert planned.subtasks[0].failure is None


@pytest.mark.parametrize("name", ["ScheduleId", "Activities", "SkipMateData"])
def test_ignored_parameter_of_request_gives_warning(name: str) -> None:
    planned = plan(ALL_MEDIA, **{name: 1})
    assert [name in warning for warning in planned.warnings] == [True]


def test_override_without_effect_gives_warning() -> None:
    raw = {"Container": "mp3", "AudioTemplate": {"Codec": "mp3"}}
    task = {"Definition": 0, "RawParameter": raw, "OverrideParameter": {"Container": "flv"}}
    planned = plan({"TranscodeTaskSet": [task]})
    assert ["OverrideParameter" in warning for warning in planned.warnings] == [True]
    assert planned.subtasks[0].job is not None
    assert planned.subtasks[0].job["container"] == "mp3"


@pytest.mark.parametrize(
    "override",
    [
        {"Container": "webm"},
        {"VideoTemplate": {"Codec": "av1"}},
        {"AudioTemplate": {"Codec": "mp2"}},
    ],
)
def test_subtask_beyond_engine_fails(override: dict[str, Any]) -> None:
    planned = plan({"TranscodeTaskSet": [{"Definition": 100010, "OverrideParameter": override}]})
    (subtask,) = planned.subtasks
    assert subtask.failure is not None
    assert (subtask.failure.code, subtask.failure.name) == (30010, "InternalError")
    assert "engine-limits" in planned.assumptions
    assert len(planned.warnings) == 1


def test_dash_and_sources_outside_cos_fail() -> None:
    templates = Templates()
    dash = {"Format": "MPEG-DASH", "StreamInfos": [{"Video": {}}]}
    definition = templates.create("AdaptiveDynamicStreaming", dash)
    subtask = plan_one("AdaptiveDynamicStreamingTaskSet", templates, Definition=definition)
    source = Location("", "", "https://example.com/a.mp4")
    failed = [subtask, *plan(ALL_MEDIA, source=source, OutputStorage=STORAGE).subtasks]
    assert {item.failure.name for item in failed if item.failure} == {"InternalError"}
    assert all(item.failure for item in failed)


def test_mp4_segments_and_hls_time_are_planned() -> None:
    video = {"SegmentType": 7, "HlsTime": 2, "Gop": 2, "GopUnit": "second"}
    override = {"VideoTemplate": video}
    planned = plan({"TranscodeTaskSet": [{"Definition": 100210, "OverrideParameter": override}]})
    (subtask,) = planned.subtasks
    assert subtask.job is not None
    assert subtask.job["segment"] == {"type": "mp4", "seconds": 2}
    assert subtask.job["video"]["gop"] == 50
    assert subtask.names is not None
    assert subtask.names.segment == "videos/demo_transcode_100210_{number}.mp4"
    assert "segment-extension" in planned.assumptions
    assert "segment-seconds" not in planned.assumptions


def test_adaptive_template_options_are_planned() -> None:
    templates = Templates()
    audio = {"RemoveVideo": 1, "Audio": {}}
    parameters = {
        "Format": "HLS",
        "StreamInfos": [audio, {"Video": {"Fps": 30}, "RemoveAudio": 1}],
        "SegmentType": "mp4-byterange",
        "DisableHigherVideoBitrate": 1,
    }
    definition = templates.create("AdaptiveDynamicStreaming", parameters)
    media = {"AdaptiveDynamicStreamingTaskSet": [{"Definition": definition}]}
    planned = plan(media, templates=templates)
    job = planned.subtasks[0].job
    assert job is not None
    assert job["segment"]["type"] == "mp4"
    assert job["higher_resolution"] is True
    assert [stream["video"] is None for stream in job["streams"]] == [True, False]
    assert job["streams"][1]["audio"] is None
    assert len(planned.warnings) == 2
    assert "adaptive-bitrates" not in planned.assumptions


def test_outputs_with_one_name_give_warning() -> None:
    path = {"OutputObjectPath": "/out/{inputName}.{format}"}
    media = {
        "TranscodeTaskSet": [{"Definition": 100010, **path}, {"Definition": 100020, **path}],
        "AdaptiveDynamicStreamingTaskSet": [{"Definition": 10, **path}],
    }
    planned = plan(media)
    assert len(planned.warnings) == 1
    assert "cos://in-1250000000.ap-guangzhou/out/demo.mp4" in planned.warnings[0]
    assert "collision" in planned.assumptions
    assert plan(ALL_MEDIA).warnings == []


def test_assumptions_about_names_are_noted() -> None:
    names = {"SegmentObjectName": "s/{number}", "OutputObjectPath": "/o/{inputName}.{format}"}
    planned = plan({"TranscodeTaskSet": [{"Definition": 100210, **names}]})
    assert {"relative-names", "name-extension"} <= set(planned.assumptions)


@pytest.mark.parametrize("set_", list(SETS.values()))
def test_unknown_parameter_of_subtask_is_refused(set_: str) -> None:
    with pytest.raises(Refused) as caught:
        plan_one(set_, Definition=10, OutputObjectPth="/a.{format}")
    assert caught.value.code == "UnknownParameter"


def test_wrong_type_of_time_list_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        plan_one("SnapshotByTimeOffsetTaskSet", Definition=10, ExtTimeOffsetSet=5)
    assert caught.value.code == "InvalidParameter"


def test_noted_assumptions_are_documented_once() -> None:
    templates = Templates()
    custom = templates.create("SampleSnapshot", {"SampleType": "Time", "SampleInterval": 1})
    media = {
        **ALL_MEDIA,
        "TranscodeTaskSet": [{"Definition": 100800}, {"Definition": 100210}, {"Definition": 7}],
        "AnimatedGraphicTaskSet": [{"Definition": 20001, "EndTimeOffset": 1}],
        "SampleSnapshotTaskSet": [{"Definition": custom}],
    }
    notify = {"TaskNotifyConfig": {"NotifyMode": "Change"}}
    trigger = Location("in-1250000000", REGION)
    noted = plan(media, trigger=trigger, templates=templates, **notify, **ALL_AI).assumptions
    assert {"teshd", "hls-size", "webp-size", "scripted", "ai-definition"} <= set(noted)
    assert {"trigger", "change-order", "waiting-subtask", "custom-definition"} <= set(noted)
    assert len(noted) == len(set(noted))
    assert set(noted) <= set(ASSUMPTIONS)
    for text, effect in ASSUMPTIONS.values():
        assert text.endswith(".")
        assert effect.endswith(".")
