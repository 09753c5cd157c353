"""Views: lazy reading, unknown fields, and errors for missing fields."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps import CosObject, InvalidEvent, MissingField, Transcode
from scf_mps.events import view as views
from scf_mps.events.base import Subtask
from scf_mps.events.generated import models
from scf_mps.events.parser import parse_event
from scf_mps.events.view import get_schema
from tests.support import mps_models

from .support import read_all_fields


@pytest.fixture(autouse=True)
def _clear_schemas(monkeypatch):
    monkeypatch.setattr(views, "_SCHEMAS", {})


def meta(**fields):
    return models.MediaMetaData(fields)


def test_field_is_read_on_access():
    raw = {}
    view = models.MediaMetaData(raw)
    raw["Height"] = 720
    assert view.height == 720
    assert view.raw is raw


def test_scalars_are_returned_unchanged():
    assert meta(Duration=60).duration == 60
    assert isinstance(meta(Duration=60).duration, int)
    assert meta(Height="720").height == "720"
    assert meta(Height=0).height == 0
    assert meta(Container="").container == ""


def read_missing(view, attribute):
    """Return the text of the MissingField that reading an attribute raises."""
    with pytest.raises(MissingField) as error:
        getattr(view, attribute)
    return str(error.value)


@pytest.mark.parametrize(("fields", "state"), [({"Height": None}, "null"), ({}, "missing")])
def test_null_or_missing_scalar_raises_missing_field(fields, state):
    assert read_missing(meta(**fields), "height") == f"Height is {state}"


def test_missing_field_is_an_attribute_error():
    assert getattr(meta(), "height", 5) == 5
    assert not hasattr(meta(), "height")
    assert issubclass(MissingField, AttributeError)


def test_nested_view_has_its_path(documented):
    stream = parse_event(documented).subtasks[0].output.video_stream_set[0]
    path = "WorkflowTaskEvent.MediaProcessResultSet[0].TranscodeTask.Output.VideoStreamSet[0]"
    assert type(stream) is models.MediaVideoStreamItem
    assert repr(stream) == f"<MediaVideoStreamItem at {path}>"
    assert read_missing(stream, "color_space").startswith(f"{path}.ColorSpace ")
    assert repr(meta()) == "<MediaMetaData at >"


@pytest.mark.parametrize("value", ["x", 5, [], [{}]])
def test_object_of_another_type_raises_missing_field(value):
    text = read_missing(models.MediaInputInfo({"CosInputInfo": value}), "cos_input_info")
    assert text.startswith("CosInputInfo ")
    assert text.endswith(f" {type(value).__name__}")


@pytest.mark.parametrize("raw", [{}, {"VideoStreamSet": None}, {"VideoStreamSet": []}])
def test_null_or_missing_list_reads_as_empty(raw):
    assert models.MediaMetaData(raw).video_stream_set == []


def test_null_items_of_a_list_are_skipped():
    (stream,) = meta(VideoStreamSet=[None, {"Fps": 24}]).video_stream_set
    assert stream.fps == 24
    assert repr(stream) == "<MediaVideoStreamItem at VideoStreamSet[1]>"


@pytest.mark.parametrize("value", ["x", 5, {}])
def test_list_of_another_type_raises_missing_field(value):
    text = read_missing(meta(VideoStreamSet=value), "video_stream_set")
    assert text.startswith("VideoStreamSet ")
    assert text.endswith(f" {type(value).__name__}")


def test_item_of_another_type_raises_missing_field():
    text = read_missing(meta(VideoStreamSet=[{}, "x"]), "video_stream_set")
    assert text.startswith("VideoStreamSet[1] ")
    assert text.endswith("(MediaVideoStreamItem) but a str")


def test_list_of_scalars_is_a_copy():
    view = models.MediaImageSpriteItem({"ImagePathSet": ["/a.jpg", "/b.jpg"]})
    view.image_path_set.append("/c.jpg")
    assert view.image_path_set == ["/a.jpg", "/b.jpg"]


def test_irregular_names_are_read_as_mps_sends_them():
    url = {"VODInputInfo": {"Id": "x"}, "S3InputInfo": {}, "UrlInputInfo": {"Url": "u"}}
    view = models.MediaInputInfo(url)
    assert view.vod_input_info.raw == {"Id": "x"}
    assert view.s3_input_info.raw == {}
    assert view.url_input_info.url == "u"
    assert models.MediaTranscodeItem({"Md5": "m"}).md5 == "m"


@pytest.mark.parametrize(
    ("fields", "attribute", "ending"),
    [
        ({"Height": 1}, "hieght", "'height'?"),
        ({"SmellRating": 1}, "smell_rating", ".raw['SmellRating']"),
        ({}, "zzz", "MediaMetaData has no field 'zzz'"),
    ],
)
def test_unknown_field_is_no_missing_field(fields, attribute, ending):
    with pytest.raises(AttributeError) as error:
        getattr(meta(**fields), attribute)
    assert str(error.value).startswith(f"MediaMetaData has no field {attribute!r}")
    assert str(error.value).endswith(ending)
    assert not isinstance(error.value, MissingField)


def test_attributes_of_a_view_cannot_be_set():
    with pytest.raises(AttributeError):
        meta().height = 5


def test_dir_lists_fields_and_methods():
    assert {"height", "video_stream_set", "raw"} <= set(dir(meta()))
    assert dir(meta()) == sorted(dir(meta()))


def test_class_variables_are_no_fields():
    names = [name for name, _, _ in get_schema(Transcode).values()]
    assert "MpsType" not in names
    assert names[0] == "ErrCodeExt"


# Random events of the SDK schema.

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def build_scalars(kind):
    exact = {
        "str": st.text(max_size=12)
        | st.sampled_from(["SUCCESS", "FAIL", "PROCESSING", "/a/b.mp4"]),
        "int": st.integers(-5, 10**9) | st.floats(allow_nan=False, allow_infinity=False),
        "float": st.floats(allow_nan=False) | st.integers(),
        "bool": st.booleans(),
    }[kind]
    return st.none() | exact


def build_objects(name, depth):
    """Return a strategy for objects of an SDK type, with missing, null and unknown fields."""
    if depth == 0:
        return st.just({})
    known = {}
    for field, (kind, many) in mps_models.read_fields(name).items():
        value = (
            build_scalars(kind)
            if kind in mps_models.SCALARS
            else st.none() | st.deferred(lambda kind=kind: build_objects(kind, depth - 1))
        )
        known[field] = st.none() | st.lists(value, max_size=2) if many else value
    return st.builds(
        lambda filled, unknown: {**unknown, **filled},
        st.fixed_dictionaries({}, optional=known),
        st.dictionaries(st.text("abcXYZ", min_size=1, max_size=6), JSON, max_size=1),
    )


EVENT_TYPES = [
    ("WorkflowTask", "WorkflowTaskEvent", "WorkflowTask"),
    ("EditMediaTask", "EditMediaTaskEvent", "EditMediaTask"),
    ("ScheduleTask", "ScheduleTaskEvent", "ScheduleTask"),
    ("BatchTask", "BatchTaskEvent", "BatchSubTaskResult"),
    ("ExtractBlindWatermark", "ExtractBlindWatermarkTask", "ExtractBlindWatermarkTask"),
]


@st.composite
def notifications(draw) -> dict[str, Any]:
    type_, field, model = draw(st.sampled_from(EVENT_TYPES))
    payload = draw(build_objects(model, 5))
    name = draw(st.sampled_from([type_, type_, type_, "HoloTask"]))
    return {"EventType": name, field: payload, "SessionContext": draw(build_scalars("str"))}


@given(notifications())
def test_random_event_raises_only_missing_fields(raw):
    event = parse_event(raw)

    read_all_fields(event)
    for result in (event, *event.subtasks):
        read_all_fields(result)
        assert isinstance(result.key, str)
        assert result.verb in ("on", "on_failure", "on_progress", "")
        assert all(isinstance(file, CosObject) for file in result.files)
        assert all(isinstance(path, str) for path in result.paths)
        assert result.error is None or isinstance(str(result.error), str)
        repr(result)
    assert event.raw is raw
    assert len({subtask.key for subtask in event.subtasks}) == len(event.subtasks)


@given(st.dictionaries(st.sampled_from(["EventType", "WorkflowTaskEvent", "x"]), JSON) | JSON)
def test_any_json_is_an_event_or_invalid(raw):
    try:
        event = parse_event(raw)
    except InvalidEvent as error:
        assert len(str(error)) < 1000  # noqa: PT017
    else:
        assert event.raw is raw


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "TaskId",
                "Status",
                "MediaProcessResultSet",
                "ActivityResultSet",
                "SmartEraseTaskResult",
                "New",
            ]
        ),
        JSON
        | st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "Type": JSON,
                    "TranscodeTask": JSON,
                    "ActivityResItem": JSON,
                    "XTask": JSON,
                },
            ),
            max_size=3,
        ),
    )
)
def test_any_payload_is_parsed_or_invalid(payload):
    try:
        event = parse_event({"EventType": "WorkflowTask", "WorkflowTaskEvent": payload})
    except InvalidEvent as error:
        assert "WorkflowTaskEvent." in str(error)  # noqa: PT017
    else:
        for subtask in event.subtasks:
            assert isinstance(subtask, Subtask)
            read_all_fields(subtask)
