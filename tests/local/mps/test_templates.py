"""Custom templates: rules of parameters, ids, changes and their JSON form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scf_mps.local.mps.errors import Refused
from scf_mps.local.mps.presets import TEMPLATES
from scf_mps.local.mps.template_rules import RULES, check_parameters
from scf_mps.local.mps.templates import FIRST_CUSTOM_DEFINITION, KINDS, Templates

VIDEO = {"Codec": "h264", "Fps": 25, "Bitrate": 500, "Height": 480}
AUDIO = {"Codec": "aac", "Bitrate": 64, "SampleRate": 44100}
SAMPLES = {"SampleType": "Time", "SampleInterval": 5}
MINIMAL: dict[str, dict[str, Any]] = {
    "Transcode": {"Container": "mp4", "VideoTemplate": VIDEO, "AudioTemplate": AUDIO},
    "AnimatedGraphics": {"Fps": 5},
    "SnapshotByTimeOffset": {},
    "SampleSnapshot": SAMPLES,
    "ImageSprites": {**SAMPLES, "RowCount": 4, "ColumnCount": 5},
    "AdaptiveDynamicStreaming": {
        "Format": "HLS",
        "StreamInfos": [{"Video": VIDEO, "Audio": AUDIO}],
    },
}


def get_refusal(kind: Any, parameters: Any) -> str:
    with pytest.raises(Refused) as caught:
        Templates().create(kind, parameters)
    return caught.value.code.removeprefix("InvalidParameterValue")


def with_video(**video: Any) -> dict[str, Any]:
    return {**MINIMAL["Transcode"], "VideoTemplate": {**VIDEO, **video}}


def with_audio(**audio: Any) -> dict[str, Any]:
    return {**MINIMAL["Transcode"], "AudioTemplate": {**AUDIO, **audio}}


def with_stream(**stream: Any) -> dict[str, Any]:
    return {"Format": "HLS", "StreamInfos": [{"Video": VIDEO, "Audio": AUDIO, **stream}]}


@pytest.mark.parametrize("kind", KINDS)
def test_template_gets_id_and_defaults(kind: Any) -> None:
    templates = Templates(clock=lambda: 7.0)
    definition = templates.create(kind, {**MINIMAL[kind], "Comment": "mine"})
    template = templates.get(kind, definition)
    assert template is not None
    assert definition == FIRST_CUSTOM_DEFINITION
    assert (template.name, template.comment) == (f"{kind} {definition}", "mine")
    assert (template.created, template.updated, template.is_preset) == (7.0, 7.0, False)
    required = [key for key in TEMPLATES if key[0] == kind]
    assert set(MINIMAL[kind]) <= set(template.parameters)
    assert set(template.parameters) <= set().union(
        *(TEMPLATES[key].parameters for key in required), ("TEHDConfig",)
    )


def test_defaults_are_those_of_sdk() -> None:
    checked = check_parameters(
        "Transcode", {"Container": "mp4", "VideoTemplate": {}, "AudioTemplate": {}}
    )
    assert checked["VideoTemplate"] == {
        "Codec": "h264",
        "Fps": 0,
        "Bitrate": 0,
        "Width": 0,
        "Height": 0,
        "ResolutionAdaptive": "open",
        "Gop": 0,
        "FillType": "black",
    }
    assert checked["AudioTemplate"]["AudioChannel"] == 2
    assert (checked["RemoveVideo"], checked["RemoveAudio"]) == (0, 0)
    assert check_parameters("SnapshotByTimeOffset", {"Width": None}) == {
        "Width": 0,
        "Height": 0,
        "ResolutionAdaptive": "open",
        "Format": "jpg",
        "FillType": "black",
    }
    animation = check_parameters("AnimatedGraphics", {"Fps": 2})
    assert (animation["Format"], animation["Quality"]) == ("gif", 75.0)


@pytest.mark.parametrize(
    ("kind", "parameters", "code"),
    [
        ("Transcode", {}, "MissingParameter"),
        ("Transcode", {"Container": "mp4", "AudioTemplate": AUDIO}, "MissingParameter"),
        ("Transcode", {"Container": "mp4", "VideoTemplate": VIDEO}, "MissingParameter"),
        ("Transcode", {"Container": "mp3", "RemoveVideo": 1}, "MissingParameter"),
        ("Transcode", {**MINIMAL["Transcode"], "Container": "avi"}, ".Container"),
        ("Transcode", {**MINIMAL["Transcode"], "Colour": 1}, "UnknownParameter"),
        ("Transcode", {**MINIMAL["Transcode"], "Name": "n" * 65}, ".Name"),
        ("Transcode", {**MINIMAL["Transcode"], "Comment": "n" * 257}, ""),
        ("Transcode", {**MINIMAL["Transcode"], "RemoveAudio": 2}, ".RemoveAudio"),
        ("Transcode", {**MINIMAL["Transcode"], "RemoveVideo": True}, ".RemoveVideo"),
        (
            "Transcode",
            {**MINIMAL["Transcode"], "RemoveVideo": 1, "RemoveAudio": 1},
            ".RemoveAudio",
        ),
        ("Transcode", {**MINIMAL["Transcode"], "TEHDConfig": {"Type": "TEHD-1"}}, ".TEHDType"),
        ("Transcode", {**MINIMAL["Transcode"], "VideoTemplate": 7}, ""),
        ("Transcode", with_video(Codec="mpeg4"), ".VideoCodec"),
        ("Transcode", with_video(Bitrate=127), ".VideoBitrate"),
        ("Transcode", with_video(Bitrate=100_001), ".VideoBitrate"),
        ("Transcode", with_video(Fps=121), ".Fps"),
        ("Transcode", with_video(Width=127), ".Resolution"),
        ("Transcode", with_video(Height=4097), ".Resolution"),
        ("Transcode", with_video(Width=320, Height=640), ".Resolution"),
        ("Transcode", with_video(Gop=100_001), ""),
        ("Transcode", with_video(FillType="blue"), ""),
        ("Transcode", with_video(HlsTime=11), ""),
        ("Transcode", with_video(SegmentType=1), ""),
        ("Transcode", with_video(Shape="round"), "UnknownParameter"),
        ("Transcode", with_audio(Codec="wma"), ".AudioCodec"),
        ("Transcode", with_audio(Codec="flac"), ".AudioCodec"),
        ("Transcode", with_audio(Bitrate=25), ".AudioBitrate"),
        ("Transcode", with_audio(SampleRate=7999), ".AudioSampleRate"),
        ("Transcode", with_audio(AudioChannel=3), ".AudioChannel"),
        ("AnimatedGraphics", {}, "MissingParameter"),
        ("AnimatedGraphics", {"Fps": 31}, ".Fps"),
        ("AnimatedGraphics", {"Fps": 5, "Quality": 0}, ".Quality"),
        ("AnimatedGraphics", {"Fps": 5, "Format": "png"}, ".Format"),
        ("AnimatedGraphics", {"Fps": 5, "Width": 1}, ".Resolution"),
        (
            "AnimatedGraphics",
            {"Fps": 5, "Format": "webp"},
            ".FormatWebpWidthAndHeightBothZero",
        ),
        ("SnapshotByTimeOffset", {"Format": "gif"}, ".Format"),
        ("SnapshotByTimeOffset", {"Width": 1}, ".Width"),
        ("SnapshotByTimeOffset", {"FillType": "smarttailor"}, ".FillType"),
        ("SnapshotByTimeOffset", {"Comment": "n" * 257}, ".Comment"),
        ("SampleSnapshot", {"SampleType": "Time"}, "MissingParameter"),
        ("SampleSnapshot", {**SAMPLES, "SampleType": "Frames"}, ".SampleType"),
        ("SampleSnapshot", {**SAMPLES, "SampleInterval": 0}, ".SampleInterval"),
        (
            "SampleSnapshot",
            {"SampleType": "Percent", "SampleInterval": 101},
            ".SampleInterval",
        ),
        ("ImageSprites", {**SAMPLES, "RowCount": 0, "ColumnCount": 1}, ".RowCount"),
        ("ImageSprites", {**SAMPLES, "RowCount": 1, "ColumnCount": 101}, ".ColumnCount"),
        ("ImageSprites", {**SAMPLES, "RowCount": 10, "ColumnCount": 11}, ".RowCount"),
        ("AdaptiveDynamicStreaming", with_stream(RemoveAudio=3), ".RemoveAudio"),
        ("AdaptiveDynamicStreaming", with_stream(Video={"Bitrate": 1}), ".Bitrate"),
        ("AdaptiveDynamicStreaming", with_stream(Video={"Codec": "x"}), ".Codec"),
        ("AdaptiveDynamicStreaming", with_stream(Audio={"SampleRate": 1}), ".SampleRate"),
        ("AdaptiveDynamicStreaming", with_stream(Audio={"AudioChannel": 9}), ".SoundSystem"),
        ("AdaptiveDynamicStreaming", with_stream(Video={"Width": 200, "Height": 300}), ".Width"),
        ("AdaptiveDynamicStreaming", {**with_stream(), "Format": "CMAF"}, ".Format"),
        ("AdaptiveDynamicStreaming", {"Format": "HLS", "StreamInfos": []}, ""),
        ("AdaptiveDynamicStreaming", {"Format": "HLS", "StreamInfos": [{}] * 11}, ""),
        ("AdaptiveDynamicStreaming", {"Format": "HLS"}, "MissingParameter"),
    ],
)
def test_invalid_template_is_refused(kind: str, parameters: Any, code: str) -> None:
    assert get_refusal(kind, parameters) == code


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("Transcode", with_video(Width=0, Height=0, Fps=0, Bitrate=0, GopUnit="second")),
        ("Transcode", with_video(Width=4096, Height=128, SegmentType=7, HlsTime=10)),
        ("Transcode", with_video(Width=128, Height=4096, ResolutionAdaptive="close")),
        ("Transcode", with_video(Vcrf=23, SceneType="normal")),
        ("Transcode", {"Container": "mp3", "AudioTemplate": {"Codec": "mp3"}}),
        ("Transcode", {"Container": "ogg", "AudioTemplate": {"Codec": "opus"}}),
        ("Transcode", {**MINIMAL["Transcode"], "Container": "webm"}),
        ("Transcode", {"Container": "mp4", "VideoTemplate": VIDEO, "RemoveAudio": 1}),
        ("AnimatedGraphics", {"Fps": 1, "Format": "webp", "Height": 128}),
        ("SampleSnapshot", {"SampleType": "Percent", "SampleInterval": 100}),
    ],
)
def test_values_at_limits_are_accepted(kind: Any, parameters: dict[str, Any]) -> None:
    assert Templates().create(kind, parameters) == FIRST_CUSTOM_DEFINITION


def test_modification_replaces_single_values() -> None:
    now = [1.0]
    templates = Templates(clock=lambda: now[0])
    definition = templates.create("Transcode", {**MINIMAL["Transcode"], "Name": "one"})
    now[0] = 2.0
    templates.modify(
        "Transcode", definition, {"VideoTemplate": {"Bitrate": 900, "Height": None}, "Comment": "c"}
    )
    template = templates.get("Transcode", definition)
    assert template is not None
    assert (template.name, template.comment, template.created, template.updated) == (
        "one",
        "c",
        1.0,
        2.0,
    )
    video = template.parameters["VideoTemplate"]
    assert (video["Bitrate"], video["Height"]) == (900, 480)
    with pytest.raises(Refused) as caught:
        templates.modify("Transcode", definition, {"VideoTemplate": {"Bitrate": 1}})
    assert caught.value.code == "InvalidParameterValue.VideoBitrate"


@pytest.mark.parametrize("definition", [100010, 77])
def test_preset_and_unknown_template_cannot_change(definition: int) -> None:
    templates = Templates()
    for change in (
        lambda: templates.modify("Transcode", definition, {"Name": "mine"}),
        lambda: templates.delete("Transcode", definition),
    ):
        with pytest.raises(Refused) as caught:
            change()
        assert caught.value.code == "ResourceNotFound.TemplateNotExist"


def test_deleted_template_id_is_not_reused() -> None:
    templates = Templates()
    first = templates.create("AnimatedGraphics", {"Fps": 5})
    templates.delete("AnimatedGraphics", first)
    assert templates.get("AnimatedGraphics", first) is None
    assert templates.create("AnimatedGraphics", {"Fps": 5}) == first + 1


def test_number_of_templates_is_limited_by_kind() -> None:
    templates = Templates()
    for _ in range(RULES["ImageSprites"].maximum):
        templates.create("ImageSprites", MINIMAL["ImageSprites"])
    with pytest.raises(Refused) as caught:
        templates.create("ImageSprites", MINIMAL["ImageSprites"])
    assert caught.value.code == "LimitExceeded.TooMuchTemplate"
    templates.create("SampleSnapshot", SAMPLES)


def test_templates_survive_json_and_report_changes() -> None:
    changes: list[int] = []
    templates = Templates(on_change=lambda: changes.append(len(templates.to_json()["templates"])))
    for kind in KINDS:
        templates.create(kind, MINIMAL[kind])
    first = FIRST_CUSTOM_DEFINITION
    templates.modify("Transcode", first, {"Name": "new"})
    templates.delete("AnimatedGraphics", first + 1)
    assert changes == [1, 2, 3, 4, 5, 6, 6, 5]
    copy = Templates.from_json(json.loads(json.dumps(templates.to_json())))
    assert copy.list_templates("Transcode") == templates.list_templates("Transcode")
    assert copy.to_json() == templates.to_json()
    assert copy.create("SnapshotByTimeOffset", {}) == first + 6
    assert Templates.from_json({}).to_json()["templates"] == []
