"""Fields of keys: what each result fills in, and that no value ever becomes a path of its own."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import payload

from scf_mps.actions.templates import OF_EVENT, OF_RESULT, Template, safe, values_of_result
from scf_mps.events.reading import read
from scf_mps.events.result import Subtask
from scf_mps.local.samples import sample

NOON = 1_753_099_200.0  # 2025-07-21T12:00:00Z


def transcode(notification: dict[str, Any]) -> Subtask:
    return read(notification).subtasks[0]


def test_a_rendition_fills_in_what_a_player_tells_renditions_apart_by() -> None:
    notification = sample("WorkflowTask", Transcode="SUCCESS", session_context="order-42")
    output = notification["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"][
        "Output"
    ]
    output["VideoStreamSet"][0].update(Codec="h264", Fps=25)
    values = values_of_result(transcode(notification), NOON)
    assert set(values) == set(OF_RESULT)
    text = "{source_dir}/{source_name}/{height}x{width}-{codec}-{fps}-{definition}-{type}-{index}"
    assert (
        Template(text, OF_RESULT).fill(values) == "videos/demo/720x1280-h264-25-100030-Transcode-0"
    )
    assert values["session_context"] == "order-42"
    assert values["outcome"] == "succeeded"


def test_what_a_result_does_not_tell_is_unknown() -> None:
    values = values_of_result(read(payload("synth_workflow_all_failed")).subtasks[0], NOON)
    assert (values["codec"], values["height"], values["outcome"]) == (
        "unknown",
        "unknown",
        "failed",
    )


@pytest.mark.parametrize("streams", [None, [], ["h264"], {"Codec": "h264"}])
def test_streams_of_another_shape_tell_no_codec(streams: object) -> None:
    notification = copy.deepcopy(sample("WorkflowTask", Transcode="SUCCESS"))
    result = notification["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]
    result["Output"]["VideoStreamSet"] = streams
    assert values_of_result(transcode(notification), NOON)["codec"] == "unknown"


def test_the_fields_of_an_event_are_among_those_of_a_result() -> None:
    assert set(OF_EVENT) < set(OF_RESULT)


@given(st.one_of(st.none(), st.integers(), st.text()))
def test_no_value_brings_a_slash_or_a_step_upwards(value: object) -> None:
    made = safe(value)
    assert made
    assert "/" not in made
    assert made not in (".", "..")
    made.encode()


@given(st.text(alphabet="ab{}", max_size=12))
def test_a_template_is_filled_whole_or_refused_at_once(text: str) -> None:
    filled = text.replace("{a}", "1").replace("{b}", "2")
    if set("{}") & set(filled):
        with pytest.raises(ValueError, match="field"):
            Template(text, ("a", "b"))
    else:
        template = Template(text, ("a", "b"))
        assert (template.fill({"a": "1", "b": "2"}), str(template)) == (filled, text)
