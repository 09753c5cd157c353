"""Templates of MPS, as the official client manages them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from tencentcloud.mps.v20190612 import models
from tencentcloud.mps.v20190612.mps_client import MpsClient

from scf_mps.local.api import CloudApi, Mps

from .support import REGION, credential, get_error_code, profile

VIDEO = {"Codec": "h264", "Fps": 25, "Bitrate": 500, "Height": 480}
AUDIO = {"Codec": "aac", "Bitrate": 64, "SampleRate": 44100}
SAMPLES = {"SampleType": "Time", "SampleInterval": 5}
PARAMETERS: dict[str, dict[str, Any]] = {
    "Transcode": {"Container": "mp4", "VideoTemplate": VIDEO, "AudioTemplate": AUDIO},
    "AnimatedGraphics": {"Fps": 5, "Width": 320},
    "SnapshotByTimeOffset": {"Width": 640},
    "SampleSnapshot": {**SAMPLES, "Width": 640},
    "ImageSprite": {**SAMPLES, "RowCount": 4, "ColumnCount": 5, "Width": 128, "Height": 128},
    "AdaptiveDynamicStreaming": {
        "Format": "HLS",
        "StreamInfos": [{"Video": VIDEO, "Audio": AUDIO, "RemoveAudio": 0}],
    },
}
PRESETS = {
    "Transcode": 64,
    "AnimatedGraphics": 2,
    "SnapshotByTimeOffset": 1,
    "SampleSnapshot": 1,
    "ImageSprite": 1,
    "AdaptiveDynamicStreaming": 1,
}


@pytest.fixture
def mps_client(mps: Mps) -> Iterator[MpsClient]:
    with CloudApi([mps]) as api:
        yield MpsClient(credential(api), REGION, profile(api))


def send(mps_client: MpsClient, action: str, **parameters: Any) -> dict[str, Any]:
    """Send a request of the official client, which warns of fields that it does not know."""
    request = getattr(models, f"{action}Request")()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        request.from_json_string(json.dumps(parameters))
        response = getattr(mps_client, action)(request)
    result: dict[str, Any] = json.loads(response.to_json_string())
    return result


def describe(mps_client: MpsClient, kind: str, **parameters: Any) -> list[dict[str, Any]]:
    response = send(mps_client, f"Describe{kind}Templates", **parameters)
    items: list[dict[str, Any]] = response[f"{kind}TemplateSet"]
    return items


@pytest.mark.parametrize("kind", list(PARAMETERS))
def test_template_is_created_changed_and_deleted(mps_client: MpsClient, kind: str) -> None:
    created = send(mps_client, f"Create{kind}Template", Name="mine", **PARAMETERS[kind])
    definition = created["Definition"]
    (item,) = describe(mps_client, kind, Definitions=[definition])
    assert (int(item["Definition"]), item["Name"], item["Type"]) == (definition, "mine", "Custom")
    assert item["CreateTime"] == item["UpdateTime"] > "2025"
    for name, value in PARAMETERS[kind].items():
        if isinstance(value, dict):
            assert value.items() <= item[name].items()
        elif not isinstance(value, list):
            assert item[name] == value
    send(mps_client, f"Modify{kind}Template", Definition=definition, Comment="changed")
    (item,) = describe(mps_client, kind, Definitions=[definition])
    assert item["Comment"] == "changed"
    assert item["UpdateTime"] >= item["CreateTime"]
    send(mps_client, f"Delete{kind}Template", Definition=definition)
    assert describe(mps_client, kind, Definitions=[definition]) == []


@pytest.mark.parametrize(("kind", "count"), list(PRESETS.items()))
def test_presets_are_described(mps_client: MpsClient, kind: str, count: int) -> None:
    response = send(mps_client, f"Describe{kind}Templates", Type="Preset", Limit=100)
    items = response[f"{kind}TemplateSet"]
    assert response["TotalCount"] == len(items) == count
    assert {item["Type"] for item in items} == {"Preset"}
    ids = [int(item["Definition"]) for item in items]
    assert ids == sorted(ids)
    assert describe(mps_client, kind, Type="Custom") == []


def test_page_of_templates_is_described(mps_client: MpsClient) -> None:
    everything = describe(mps_client, "Transcode", Limit=100)
    assert len(describe(mps_client, "Transcode")) == 10
    assert describe(mps_client, "Transcode", Offset=60, Limit=2) == everything[60:62]


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({"Definitions": [100010, 4711, 10]}, ["10", "100010"]),
        ({"ContainerType": "PureAudio", "Name": "MP3"}, ["1010", "1020"]),
        ({"ContainerType": "Video", "Name": "MP3"}, []),
        ({"TEHDType": "TEHD", "Name": "1080"}, ["100840"]),
        ({"TranscodeType": "TEHD-100", "Name": "720"}, ["100830"]),
        ({"TranscodeType": "TEHD-200"}, []),
        ({"TEHDType": "Common", "Name": "MP4 360p"}, ["100010"]),
        ({"TranscodeType": "Common", "Name": "TESHD"}, []),
    ],
)
def test_templates_are_filtered(
    mps_client: MpsClient, filters: dict[str, Any], ids: list[str]
) -> None:
    assert [item["Definition"] for item in describe(mps_client, "Transcode", **filters)] == ids


def test_custom_template_is_processed(mps_client: MpsClient, mps: Mps) -> None:
    parameters = {"Fps": 9, "Format": "webp", "Width": 200}
    definition = send(mps_client, "CreateAnimatedGraphicsTemplate", **parameters)["Definition"]
    task = {"Definition": definition, "StartTimeOffset": 0, "EndTimeOffset": 1}
    source = {"Bucket": "in-1250000000", "Region": REGION, "Object": "/a.mp4"}
    task_id = send(
        mps_client,
        "ProcessMedia",
        InputInfo={"Type": "COS", "CosInputInfo": source},
        MediaProcessTask={"AnimatedGraphicTaskSet": [task]},
    )["TaskId"]
    stored = mps.tasks.store.get(task_id)
    assert stored is not None
    job = stored.subtasks[0].plan.job
    assert job is not None
    assert (job["format"], job["fps"], job["width"]) == ("webp", 9, 200)


@pytest.mark.parametrize(
    ("action", "parameters", "code"),
    [
        ("CreateTranscodeTemplate", {"Container": "avi"}, "InvalidParameterValue.Container"),
        ("CreateTranscodeTemplate", {}, "MissingParameter"),
        (
            "CreateTranscodeTemplate",
            {**PARAMETERS["Transcode"], "VideoTemplate": {**VIDEO, "Bitrate": 1}},
            "InvalidParameterValue.VideoBitrate",
        ),
        ("CreateAnimatedGraphicsTemplate", {"Fps": 99}, "InvalidParameterValue.Fps"),
        ("ModifyTranscodeTemplate", {"Name": "a"}, "MissingParameter"),
        (
            "ModifyTranscodeTemplate",
            {"Definition": 100010, "Name": "a"},
            "ResourceNotFound.TemplateNotExist",
        ),
        ("DeleteTranscodeTemplate", {"Definition": 100010}, "ResourceNotFound.TemplateNotExist"),
        ("DeleteImageSpriteTemplate", {"Definition": 7}, "ResourceNotFound.TemplateNotExist"),
        ("DescribeTranscodeTemplates", {"Limit": 101}, "InvalidParameterValue.Limit"),
        ("DescribeTranscodeTemplates", {"Offset": -1}, "InvalidParameterValue.Limit"),
        ("DescribeTranscodeTemplates", {"Type": "Own"}, "InvalidParameterValue.Type"),
        ("DescribeTranscodeTemplates", {"TEHDType": "x"}, "InvalidParameterValue.Type"),
        (
            "DescribeTranscodeTemplates",
            {"Definitions": [1] * 101},
            "InvalidParameterValue.Definitions",
        ),
    ],
)
def test_invalid_request_is_refused(
    mps_client: MpsClient, action: str, parameters: dict[str, Any], code: str
) -> None:
    assert get_error_code(send, mps_client, action, **parameters) == code


def test_number_of_templates_is_limited(mps_client: MpsClient) -> None:
    for _ in range(16):
        send(mps_client, "CreateSampleSnapshotTemplate", **SAMPLES)
    code = get_error_code(send, mps_client, "CreateSampleSnapshotTemplate", **SAMPLES)
    assert code == "LimitExceeded.TooMuchTemplate"
