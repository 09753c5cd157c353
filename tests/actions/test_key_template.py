"""Key templates: values of fields, and safe segments."""

import copy
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps.actions.key_template import (
    EVENT_FIELDS,
    RESULT_FIELDS,
    Template,
    collect_event_values,
    collect_result_values,
    make_segment,
)
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample
from tests.support.sample_data import payload

NOON = 1_753_099_200.0  # 2025-07-21T12:00:00Z


def transcode(notification):
    return parse_event(notification).subtasks[0]


def test_template_takes_all_fields_of_rendition():
    notification = sample("WorkflowTask", Transcode="SUCCESS", session_context="order-42")
    output = notification["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"][
        "Output"
    ]
    output["VideoStreamSet"][0].update(Codec="h264", Fps=25)
    values = collect_result_values(transcode(notification), NOON)
    assert set(values) == set(RESULT_FIELDS)
    text = "{source_dir}/{source_name}/{height}x{width}-{codec}-{fps}-{definition}-{type}-{index}"
    assert (
        Template(text, RESULT_FIELDS).fill(values)
        == "videos/demo/720x1280-h264-25-100030-Transcode-0"
    )
    assert values["session_context"] == "order-42"
    assert values["outcome"] == "succeeded"


def test_missing_values_are_unique_to_result():
    first, second, *_ = parse_event(payload("synth_workflow_all_failed")).subtasks
    values, others = collect_result_values(first, NOON), collect_result_values(second, NOON)
    assert re.fullmatch("unknown-[0-9a-f]{8}", values["codec"])
    assert values["codec"] == values["height"] == collect_result_values(first, 0.0)["codec"]
    assert values["codec"] != others["codec"]
    assert values["session_id"] == others["session_id"] != values["codec"]
    assert collect_result_values(first, NOON, "none")["codec"] == "none"


@pytest.mark.parametrize("field", ["session_context", "session_id", "source_name", "source_dir"])
def test_missing_values_differ_between_tasks(field):
    notifications = [sample("WorkflowTask", Transcode="SUCCESS") for _ in range(2)]
    for number, notification in enumerate(notifications):
        notification["WorkflowTaskEvent"].update(TaskId=f"task-{number}", InputInfo=None)
        notification.pop("SessionId", None)
        notification.pop("SessionContext", None)
    first, second = [collect_event_values(parse_event(item), NOON)[field] for item in notifications]
    assert first != second
    assert first.startswith("unknown-")


def test_source_name_comes_from_url():
    notification = sample("WorkflowTask", Transcode="SUCCESS")
    url = "https://cdn.example.com/a/first%20film.mp4?sign=1"
    notification["WorkflowTaskEvent"]["InputInfo"] = {"Type": "URL", "UrlInputInfo": {"Url": url}}
    values = collect_event_values(parse_event(notification), NOON)
    assert (values["source_dir"], values["source_name"]) == ("a", "first film")


def test_template_drops_empty_source_dir():
    notification = sample("WorkflowTask", Transcode="SUCCESS")
    notification["WorkflowTaskEvent"]["InputInfo"]["CosInputInfo"]["Object"] = "/demo.mp4"
    values = collect_event_values(parse_event(notification), NOON)
    fill = [
        Template(text, EVENT_FIELDS).fill(values)
        for text in ("{source_dir}/x", "vod/{source_dir}/x")
    ]
    assert fill == ["x", "vod/x"]


@pytest.mark.parametrize("value", ["..", " ", "."])
def test_segment_of_dots_and_blanks_has_digest(value):
    assert re.fullmatch("unknown-[0-9a-f]{8}", make_segment(value, ""))


@pytest.mark.parametrize("value", ["a/b", "a\\b", "a\nb", "a\ud800b"])
def test_changed_segment_has_digest(value):
    assert re.fullmatch("a-b-[0-9a-f]{8}", make_segment(value, ""))


@pytest.mark.parametrize("streams", [None, [], ["h264"], {"Codec": "h264"}])
def test_codec_is_missing_for_invalid_streams(streams):
    notification = copy.deepcopy(sample("WorkflowTask", Transcode="SUCCESS"))
    result = notification["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]
    result["Output"]["VideoStreamSet"] = streams
    assert collect_result_values(transcode(notification), NOON)["codec"].startswith("unknown-")


def test_result_fields_include_event_fields():
    assert set(EVENT_FIELDS) < set(RESULT_FIELDS)


@given(st.one_of(st.none(), st.integers(), st.text()))
def test_segment_never_is_a_path(value):
    made = make_segment(value, "missing")
    assert made.strip(". ")
    assert "\\" not in made
    assert "/" not in made
    assert made not in (".", "..")
    made.encode()


@given(st.text(alphabet="ab{}", max_size=12))
def test_template_fills_all_fields_or_is_invalid(text):
    filled = text.replace("{a}", "1").replace("{b}", "2")
    if set("{}") & set(filled):
        with pytest.raises(ValueError, match="field"):
            Template(text, ("a", "b"))
    else:
        template = Template(text, ("a", "b"))
        assert (template.fill({"a": "1", "b": "2"}), str(template)) == (filled, text)
