"""Views: lazy, open to whatever comes, and clear about what is missing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps import CosObject, InvalidEvent, MissingField
from scf_mps.events import view as views
from scf_mps.events.base import Subtask
from scf_mps.events.generated import models
from scf_mps.events.parser import parse_event
from scf_mps.events.view import View, get_schema
from tests.support import mps_models


@pytest.fixture(autouse=True)
def _no_schema_is_known_before(monkeypatch):
    monkeypatch.setattr(views, "_SCHEMAS", {})


def meta(**fields):
    return models.MediaMetaData(fields)


def test_a_field_is_read_when_it_is_touched():
    raw: dict[str, Any] = {}
    view = models.MediaMetaData(raw)
    raw["Height"] = 720

    assert view.height == 720
    assert view.raw is raw


def test_a_scalar_is_returned_as_it_came():
    assert meta(Duration=60).duration == 60
    assert isinstance(meta(Duration=60).duration, int)
    assert meta(Height="720").height == "720"
    assert meta(Height=0).height == 0
    assert meta(Container="").container == ""


def test_a_null_and_an_absent_scalar_are_missing_fields_with_their_path():
    for view, state in ((meta(Height=None), "null"), (meta(), "absent")):
        with pytest.raises(MissingField) as error:
            _ = view.height
        assert str(error.value) == f"Height is {state}"


def test_a_missing_field_is_an_attribute_error_as_python_expects():
    assert getattr(meta(), "height", 5) == 5
    assert not hasattr(meta(), "height")
    assert issubclass(MissingField, AttributeError)


def test_an_object_is_a_view_that_knows_where_it_is(documented):
    event = parse_event(documented)
    stream = event.subtasks[0].output.video_stream_set[0]

    assert type(stream) is models.MediaVideoStreamItem
    assert repr(stream) == (
        "<MediaVideoStreamItem at "
        "WorkflowTaskEvent.MediaProcessResultSet[0].TranscodeTask.Output.VideoStreamSet[0]>"
    )
    with pytest.raises(MissingField) as error:
        _ = stream.color_space
    assert str(error.value) == (
        "WorkflowTaskEvent.MediaProcessResultSet[0].TranscodeTask.Output.VideoStreamSet[0]"
        ".ColorSpace is absent"
    )
    assert repr(meta()) == "<MediaMetaData at >"


@pytest.mark.parametrize("value", ["x", 5, [], [{}]])
def test_an_object_of_another_shape_is_a_missing_field(value):
    view = models.MediaInputInfo({"CosInputInfo": value})

    with pytest.raises(MissingField) as error:
        _ = view.cos_input_info
    came = type(value).__name__
    assert str(error.value) == f"CosInputInfo is not an object (CosInputInfo) but a {came}"


@pytest.mark.parametrize("raw", [{}, {"VideoStreamSet": None}, {"VideoStreamSet": []}])
def test_a_list_that_is_null_absent_or_empty_reads_as_empty(raw):
    assert models.MediaMetaData(raw).video_stream_set == []


def test_null_items_of_a_list_of_objects_are_passed_over():
    (stream,) = meta(VideoStreamSet=[None, {"Fps": 24}]).video_stream_set

    assert stream.fps == 24
    assert repr(stream) == "<MediaVideoStreamItem at VideoStreamSet[1]>"


@pytest.mark.parametrize("value", ["x", 5, {}])
def test_a_list_of_another_shape_is_a_missing_field(value):
    with pytest.raises(MissingField) as error:
        _ = meta(VideoStreamSet=value).video_stream_set
    assert str(error.value) == f"VideoStreamSet is not a list but a {type(value).__name__}"


def test_an_item_of_another_shape_is_a_missing_field_with_its_index():
    with pytest.raises(MissingField) as error:
        _ = meta(VideoStreamSet=[{}, "x"]).video_stream_set
    assert str(error.value) == (
        "VideoStreamSet[1] is not an object (MediaVideoStreamItem) but a str"
    )


def test_a_list_of_scalars_is_a_new_list_each_time():
    raw = {"ImagePathSet": ["/a.jpg", "/b.jpg"]}
    view = models.MediaImageSpriteItem(raw)
    view.image_path_set.append("/c.jpg")

    assert view.image_path_set == ["/a.jpg", "/b.jpg"]


def test_irregular_names_are_read_under_the_names_mps_gives_them():
    url = {"VODInputInfo": {"Id": "x"}, "S3InputInfo": {}, "UrlInputInfo": {"Url": "u"}}
    view = models.MediaInputInfo(url)

    assert view.vod_input_info.raw == {"Id": "x"}
    assert view.s3_input_info.raw == {}
    assert view.url_input_info.url == "u"
    assert models.MediaTranscodeItem({"Md5": "m"}).md5 == "m"


def test_a_misspelt_field_is_no_missing_field_and_names_the_nearest():
    with pytest.raises(AttributeError) as error:
        _ = meta(Height=1).hieght
    assert str(error.value) == "MediaMetaData has no field 'hieght'; did you mean 'height'?"
    assert not isinstance(error.value, MissingField)


def test_a_field_that_mps_sends_and_no_sdk_knows_is_pointed_to():
    with pytest.raises(AttributeError) as error:
        _ = meta(SmellRating=1).smell_rating
    assert str(error.value) == (
        "MediaMetaData has no field 'smell_rating' yet, but MPS sent one: read .raw['SmellRating']"
    )


def test_a_field_like_nothing_is_just_not_there():
    with pytest.raises(AttributeError) as error:
        _ = meta().zzz
    assert str(error.value) == "MediaMetaData has no field 'zzz'"


def test_a_view_cannot_be_given_attributes():
    with pytest.raises(AttributeError):
        meta().height = 5


def test_dir_lists_the_fields_and_the_methods():
    assert {"height", "video_stream_set", "raw"} <= set(dir(meta()))
    assert dir(meta()) == sorted(dir(meta()))


def test_class_variables_are_no_fields():
    names = [name for name, _, _ in get_schema(type(read_one())).values()]

    assert "MpsType" not in names
    assert names[0] == "ErrCodeExt"


def read_one():
    raw = {"MediaProcessResultSet": [{"Type": "Transcode", "TranscodeTask": {}}]}
    return parse_event({"EventType": "WorkflowTask", "WorkflowTaskEvent": raw}).subtasks[0]


# Random events of the SDK's schema.

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def scalars(kind: str) -> st.SearchStrategy[Any]:
    exact = {
        "str": st.text(max_size=12)
        | st.sampled_from(["SUCCESS", "FAIL", "PROCESSING", "/a/b.mp4"]),
        "int": st.integers(-5, 10**9) | st.floats(allow_nan=False, allow_infinity=False),
        "float": st.floats(allow_nan=False) | st.integers(),
        "bool": st.booleans(),
    }[kind]
    return st.none() | exact


def objects(name: str, depth: int) -> st.SearchStrategy[Any]:
    """A random object of an SDK type: any fields missing, null, or there, and fields no one knows."""
    if depth == 0:
        return st.just({})
    known = {}
    for field, (kind, many) in mps_models.read_fields(name).items():
        one = (
            scalars(kind)
            if kind in mps_models.SCALARS
            else st.none() | st.deferred(lambda kind=kind: objects(kind, depth - 1))
        )
        known[field] = st.none() | st.lists(one, max_size=2) if many else one
    return st.builds(
        lambda filled, unknown: {**unknown, **filled},
        st.fixed_dictionaries({}, optional=known),
        st.dictionaries(st.text("abcXYZ", min_size=1, max_size=6), JSON, max_size=1),
    )


def touch_everything(view: View, depth: int = 0) -> None:
    for attribute, (name, _, _) in get_schema(type(view)).items():
        try:
            value = getattr(view, attribute)
        except MissingField as error:
            assert name in str(error)  # noqa: PT017
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, View) and depth < 12:
                touch_everything(one, depth + 1)


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
    payload = draw(objects(model, 5))
    name = draw(st.sampled_from([type_, type_, type_, "HoloTask"]))
    return {"EventType": name, field: payload, "SessionContext": draw(scalars("str"))}


@given(notifications())
def test_a_random_event_of_the_schema_reads_without_an_error_but_missing_fields(raw):
    event = parse_event(raw)

    touch_everything(event)
    for result in (event, *event.subtasks):
        touch_everything(result)
        assert isinstance(result.key, str)
        assert result.verb in ("on", "on_failure", "on_progress", "")
        assert all(isinstance(file, CosObject) for file in result.files)
        assert all(isinstance(path, str) for path in result.paths)
        assert result.error is None or isinstance(str(result.error), str)
        repr(result)
    assert event.raw is raw
    assert len({one.key for one in event.subtasks}) == len(event.subtasks)


@given(st.dictionaries(st.sampled_from(["EventType", "WorkflowTaskEvent", "x"]), JSON) | JSON)
def test_whatever_comes_is_an_event_or_an_invalid_event(raw):
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
def test_whatever_a_payload_holds_it_is_read_or_refused_as_invalid(payload):
    try:
        event = parse_event({"EventType": "WorkflowTask", "WorkflowTaskEvent": payload})
    except InvalidEvent as error:
        assert "WorkflowTaskEvent." in str(error)  # noqa: PT017
    else:
        for subtask in event.subtasks:
            assert isinstance(subtask, Subtask)
            touch_everything(subtask)
