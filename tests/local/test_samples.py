"""The events to try an application with: each is what was asked for, and what MPS would send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps import App, Event, Subtask, Transcode, UnknownSubtask
from scf_mps.events.generated.type_tables import (
    ACTIVITIES,
    BATCH,
    EVENTS,
    LIVE_EVENTS,
    MEDIA,
    NESTED,
    SETS,
    SINGLES,
)
from scf_mps.events.parser import parse_event
from scf_mps.events.registry import get_class
from scf_mps.events.view import View, get_schema
from scf_mps.local.samples import DOCUMENTATION, names, sample
from tests.support.sample_data import payload

OUTCOMES = ("SUCCESS", "FAIL", "PROCESSING")
VERBS = {"SUCCESS": "on", "FAIL": "on_failure", "PROCESSING": "on_progress"}

# Names that stand for two types; the first of the tables is meant.
AMBIGUOUS = {
    ("WorkflowTask", "SmartSubtitlesTaskResult", "AsrFullTextRecognition"),
    ("WorkflowTask", "SmartSubtitlesTaskResult", "TransTextRecognition"),
    ("WorkflowTask", "SmartSubtitlesTaskResult", "OcrFullTextRecognition"),
    ("ScheduleTask", "SmartSubtitlesTask", "AsrFullTextRecognition"),
    ("ScheduleTask", "SmartSubtitlesTask", "TransTextRecognition"),
    ("ScheduleTask", "SmartSubtitlesTask", "OcrFullTextRecognition"),
    ("ScheduleTask", "AnalysisTask", "Dubbing"),
}


def rows() -> Iterator[tuple[str, str, str, str]]:
    """(event type, a name of a result, its type as MPS writes it, its class) for every row of the tables."""
    sets = {("WorkflowTask", key): kinds for key, kinds in SETS.items()}
    sets |= {("ScheduleTask", ""): ACTIVITIES}
    sets |= {("ScheduleTask", key): kinds for key, kinds in NESTED.items()}
    for (event, key), kinds in sets.items():
        for type_, (_, name, _) in kinds.rows.items():
            for asked in {type_, name}:
                if (event, key, asked) not in AMBIGUOUS:
                    yield event, asked, type_, name
    for key, (_, name, _) in SINGLES.rows.items():
        for asked in (key, name):
            yield "WorkflowTask", asked, get_class(name).mps_type, name


ROWS = sorted(rows())


def touch(view: View) -> None:
    """Read every field of a view, and of the views below it."""
    for attribute, (name, is_list, model) in get_schema(type(view)).items():
        if view is not None and name not in view.raw:
            continue
        value = getattr(view, attribute, None)
        for below in value if is_list else [value]:
            if model and below is not None:
                touch(below)


# The names.


def test_every_type_of_event_has_a_sample_and_a_line_about_it() -> None:
    found = names()
    assert list(found) == [DOCUMENTATION, *EVENTS.rows, *LIVE_EVENTS.rows]
    assert found["documentation"] == (
        "the sample event of MPS's documentation: three successes and a failure"
    )
    assert found["ScheduleTask"] == "the notification ScheduleTask, with the results you name"
    assert found["BatchTask"] == "the notification BatchTask, with the results you name"
    assert found["EditMediaTask"] == "the notification EditMediaTask, as one task"
    assert found["ProcessEof"] == "the notification ProcessEof of a live stream"


@pytest.mark.parametrize("name", list(names()))
def test_every_sample_reads_back_as_what_it_is_called(name: str) -> None:
    event = parse_event(sample(name))
    assert event.type == ("WorkflowTask" if name == DOCUMENTATION else name)
    assert type(event) is get_class(type(event).__name__)
    assert event.error is None
    assert (event.verb == "on") == (name != DOCUMENTATION)
    assert event.session_context == ""


@pytest.mark.parametrize("name", list(names()))
def test_every_sample_can_be_sent_as_json_and_every_field_of_it_be_read(name: str) -> None:
    notification = sample(name)
    assert json.loads(json.dumps(notification)) == notification
    event = parse_event(notification)
    for result in (event, *event.subtasks):
        touch(result)


@pytest.mark.parametrize("name", list(names()))
def test_no_sample_has_a_field_that_mps_does_not_send(name: str) -> None:
    event = parse_event(sample(name))
    known = {field for field, _, _ in get_schema(type(event)).values()} - {"Place", "Verb"}
    assert set(event.raw.get(event.place, {})) <= known | {"TaskId", "Status"}
    for subtask in event.subtasks:
        assert set(subtask.raw) <= {
            "Status",
            *(field for field, _, _ in get_schema(type(subtask)).values()),
        }


@pytest.mark.parametrize("name", list(names()))
def test_a_sample_is_the_same_each_time_and_a_new_dict(name: str) -> None:
    first = sample(name)
    text = json.dumps(first)
    spoil(first)
    assert json.dumps(sample(name)) == text


def spoil(value: Any) -> None:
    """Change every object and list below a value."""
    below = list(value.values()) if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        for one in below:
            spoil(one)
        value.clear()


def test_without_a_name_it_is_the_event_of_the_documentation_to_the_letter() -> None:
    assert sample() == sample("documentation") == payload("mps_workflow_seed_mixed")
    statuses = [(subtask.type, subtask.status) for subtask in parse_event(sample()).subtasks]
    assert statuses == [
        ("Transcode", "SUCCESS"),
        ("AnimatedGraphics", "FAIL"),
        ("SnapshotByTimeOffset", "SUCCESS"),
        ("ImageSprites", "SUCCESS"),
    ]


# Results.


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize(("event", "asked", "type_", "name"), ROWS)
def test_a_result_that_is_asked_for_is_where_mps_puts_it(
    event: str, asked: str, type_: str, name: str, outcome: str
) -> None:
    (subtask,) = parse_event(sample(event, [(asked, outcome)])).subtasks
    assert (subtask.type, type(subtask).__name__, subtask.status) == (type_, name, outcome)
    assert subtask.verb == VERBS[outcome]
    touch(subtask)
    assert (subtask.error is not None) == (outcome == "FAIL")
    if subtask.error is not None:
        assert subtask.error.name in ("InternalError", "")
        assert subtask.error.message == "internal error"
        assert subtask.error.code in (30010, None)
    if outcome != "SUCCESS":
        assert subtask.files == ()
        assert not subtask.raw.get("Output")


@pytest.mark.parametrize(("event", "asked", "type_", "name"), ROWS)
def test_a_success_whose_type_has_files_names_one_in_the_output_bucket(
    event: str, asked: str, type_: str, name: str
) -> None:
    (subtask,) = parse_event(sample(event, [(asked, "SUCCESS")])).subtasks
    if type(subtask)._files and all(type(subtask)._files) and subtask.raw.get("Output"):
        assert subtask.files
    for file in subtask.files:
        assert (file.bucket, file.region) == ("out-1250000000", "ap-guangzhou")
        assert file.key.startswith("videos/demo")


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("AsrFullTextRecognition", "AsrFullTextRecognition"),
        ("SmartSubtitlesAsrFullText", "SmartSubtitlesAsrFullText"),
        ("Dubbing", "Dubbing"),
        ("AiDubbing", "AiDubbing"),
    ],
)
def test_of_a_type_that_two_sets_have_a_class_name_tells_which_is_meant(
    asked: str, first: str
) -> None:
    (subtask,) = parse_event(sample("WorkflowTask", [(asked, "SUCCESS")])).subtasks
    assert type(subtask).__name__ == first


def test_results_come_in_the_order_asked_for_and_may_repeat() -> None:
    pairs = [("Transcode", "SUCCESS"), ("ImageSprites", "FAIL"), ("Transcode", "FAIL")]
    for event in ("WorkflowTask", "ScheduleTask"):
        found = [(one.type, one.status) for one in parse_event(sample(event, pairs)).subtasks]
        assert found == pairs


def test_results_may_be_given_by_keyword_behind_the_others() -> None:
    event = sample("WorkflowTask", [("Transcode", "SUCCESS")], ImageSprites="FAIL", Porn="SUCCESS")
    assert [(one.type, one.status) for one in parse_event(event).subtasks] == [
        ("Transcode", "SUCCESS"),
        ("ImageSprites", "FAIL"),
        ("Porn", "SUCCESS"),
    ]


@pytest.mark.parametrize("event", ["WorkflowTask", "ScheduleTask"])
@pytest.mark.parametrize(
    ("status", "outcome"),
    [("FINISH", "SUCCESS"), ("PROCESSING", "PROCESSING"), ("WAITING", "PROCESSING")],
)
def test_without_results_every_type_of_media_processing_is_as_the_event(
    event: str, status: str, outcome: str
) -> None:
    found = parse_event(sample(event, status=status))
    assert found.status == status
    assert [(one.type, one.status) for one in found.subtasks] == [
        (type_, outcome) for type_ in MEDIA.rows
    ]


def test_an_event_that_fails_as_a_whole_has_an_error_and_no_results() -> None:
    for name in ("WorkflowTask", "ScheduleTask", "EditMediaTask", "ExtractBlindWatermark"):
        event = parse_event(sample(name, status="FAIL"))
        assert event.status == "FINISH"
        assert event.verb == "on_failure"
        assert event.error is not None
        assert (event.error.code, event.error.message) == (30010, "source file error")
        assert event.subtasks == ()
        assert event.files == ()
    assert sample("WorkflowTask", status="FAIL")["WorkflowTaskEvent"]["MetaData"] is None


def test_results_may_stand_beside_the_error_of_a_whole_task() -> None:
    event = parse_event(sample("WorkflowTask", Transcode="SUCCESS", status="FAIL"))
    assert [one.status for one in event.subtasks] == ["SUCCESS"]
    assert event.error is not None


@pytest.mark.parametrize("status", ["PROCESSING", "WAITING"])
def test_a_task_that_still_runs_has_no_output(status: str) -> None:
    edit = parse_event(sample("EditMediaTask", status=status))
    assert (edit.status, edit.verb, edit.files) == (status, "on_progress", ())
    watermark = sample("ExtractBlindWatermark", status=status)["ExtractBlindWatermarkTask"]
    assert (watermark["IsDetected"], watermark["Result"]) == (False, "")


def test_one_task_that_went_well_has_its_output() -> None:
    edit = parse_event(sample("EditMediaTask"))
    assert [str(file) for file in edit.files] == [
        "cos://out-1250000000.ap-guangzhou/videos/demo_EditMediaTask_10.mp4"
    ]
    assert [str(file) for file in edit.sources] == [
        "cos://in-1250000000.ap-guangzhou/videos/demo.mp4"
    ]
    watermark = sample("ExtractBlindWatermark")["ExtractBlindWatermarkTask"]
    assert (watermark["IsDetected"], watermark["Result"]) == (True, "sample")


def test_a_batch_task_has_the_results_of_its_only_kind() -> None:
    (kind,) = [row[1] for row in BATCH.rows.values()]
    assert [type(one).__name__ for one in parse_event(sample("BatchTask")).subtasks] == [kind]
    pairs = [(kind, "SUCCESS"), (kind, "FAIL")]
    event = parse_event(sample("BatchTask", pairs))
    assert [one.status for one in event.subtasks] == ["SUCCESS", "FAIL"]
    assert [one.definition for one in event.subtasks] == [122, 122]
    assert event.task_id == ""


def test_what_the_submitter_wanted_echoed_is_in_the_event() -> None:
    for name in ("WorkflowTask", "EditMediaTask", "ProcessEof"):
        assert parse_event(sample(name, session_context="订单 42")).session_context == "订单 42"


def test_a_transcode_looks_like_one() -> None:
    (transcode,) = parse_event(sample("WorkflowTask", Transcode="SUCCESS")).subtasks
    assert isinstance(transcode, Transcode)
    assert transcode.definition == 100030
    output = transcode.output
    assert (output.width, output.height, output.bitrate) == (1280, 720, 1_000_000)
    assert (output.size, output.duration) == (401_637, 11.26)
    assert [str(file) for file in transcode.files] == [
        "cos://out-1250000000.ap-guangzhou/videos/demo_Transcode_100030.mp4"
    ]
    assert transcode.raw["Input"]["OutputObjectPath"] == "/videos/demo_Transcode_{number}"


@pytest.mark.parametrize(
    ("type_", "file"),
    [
        ("AnimatedGraphics", "videos/demo_AnimatedGraphics_20000.gif"),
        ("SampleSnapshot", "videos/demo_SampleSnapshot_10.jpg"),
        ("AdaptiveDynamicStreaming", "videos/demo_AdaptiveDynamicStreaming_12.m3u8"),
        ("ImageSprites", "videos/demo_ImageSprites_10.vtt"),
    ],
)
def test_a_file_has_the_extension_of_its_type(type_: str, file: str) -> None:
    event: Event = parse_event(sample("WorkflowTask", [(type_, "SUCCESS")]))
    assert file in [one.key for one in event.files]


def test_a_result_that_runs_says_how_far_it_is() -> None:
    percent = {
        outcome: parse_event(sample("WorkflowTask", Transcode=outcome)).subtasks[0].raw["Progress"]
        for outcome in OUTCOMES
    }
    assert percent == {"SUCCESS": 100, "FAIL": 100, "PROCESSING": 42}


def test_what_a_live_stream_sends_has_fields_of_their_type() -> None:
    assert sample("ProcessEof")["ProcessEofInfo"] == {"ErrCode": 0, "Message": "sample"}
    assert sample("LiveRecordResult")["LiveRecordResultInfo"]["RecordOver"] == 0


# Types that there are not.


@pytest.mark.parametrize("event", ["WorkflowTask", "ScheduleTask"])
@pytest.mark.parametrize("type_", ["HoloTranscode", "Holo.Porn", "Hologram"])
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_type_mps_may_add_one_day_is_an_unknown_subtask(
    event: str, type_: str, outcome: str
) -> None:
    (subtask,) = parse_event(sample(event, [(type_, outcome)])).subtasks
    assert type(subtask) is UnknownSubtask
    assert (subtask.type, subtask.status) == (type_, outcome)
    assert subtask.raw["Output"] == {}


@pytest.mark.parametrize(
    ("event", "asked", "why"),
    [
        ("WorkflowTask", "Transcod", "'Transcod'; did you mean 'Transcode'?"),
        ("WorkflowTask", "transcode", "'transcode'; did you mean 'Transcode'?"),
        ("WorkflowTask", "ImageSprite", "'ImageSprite'; did you mean 'ImageSprites'?"),
        ("WorkflowTask", "PornAsr_", "'PornAsr_'; did you mean 'PornAsr'?"),
        ("WorkflowTask", "AIAnalysis", "'AIAnalysis'"),
        ("WorkflowTask", "ScheduleTask", "'ScheduleTask'"),
        ("ScheduleTask", "Covers", "'Covers'; did you mean 'Cover'?"),
        ("ScheduleTask", "EditMediaTask", "'EditMediaTask'"),
    ],
)
def test_a_slip_or_a_type_of_other_events_is_refused(event: str, asked: str, why: str) -> None:
    with pytest.raises(ValueError, match="has no results of type") as refused:
        sample(event, [(asked, "SUCCESS")])
    assert str(refused.value) == f"a {event} has no results of type {why}"


@pytest.mark.parametrize(
    ("name", "given", "why"),
    [
        ("Workflow", {}, "there is no sample 'Workflow'; there are documentation, WorkflowTask, "),
        ("", {}, "there is no sample ''; there are documentation, "),
        (
            "documentation",
            {"Transcode": "FAIL"},
            "the documentation's event is as it is; name an event type to choose results",
        ),
        (
            "documentation",
            {"status": "FAIL"},
            "the documentation's event is as it is; name an event type to choose results",
        ),
        (
            "documentation",
            {"session_context": "x"},
            "the documentation's event is as it is; name an event type to choose results",
        ),
        (
            "WorkflowTask",
            {"Transcode": "FINISH"},
            "Transcode=FINISH: a result is one of SUCCESS, FAIL, PROCESSING",
        ),
        (
            "ScheduleTask",
            {"Transcode": "fail"},
            "Transcode=fail: a result is one of SUCCESS, FAIL, PROCESSING",
        ),
        (
            "WorkflowTask",
            {"status": "SUCCESS"},
            "the status of an event is one of FINISH, PROCESSING, WAITING, FAIL, not 'SUCCESS'",
        ),
        (
            "EditMediaTask",
            {"Transcode": "SUCCESS"},
            "EditMediaTask is one task and has no results to choose: use its status",
        ),
        (
            "ExtractBlindWatermark",
            {"Transcode": "SUCCESS"},
            "ExtractBlindWatermark is one task and has no results to choose: use its status",
        ),
        (
            "BatchTask",
            {"Transcode": "SUCCESS"},
            "the results of a BatchTask are BatchSmartSubtitles, not Transcode",
        ),
        (
            "BatchTask",
            {"status": "FAIL"},
            "a BatchTask has no status of its own: choose those of its results",
        ),
        (
            "ProcessEof",
            {"Transcode": "SUCCESS"},
            "ProcessEof is of a live stream: it has no results and no status to choose",
        ),
        (
            "ProcessEof",
            {"status": "FAIL"},
            "ProcessEof is of a live stream: it has no results and no status to choose",
        ),
    ],
)
def test_a_choice_there_is_not_says_what_there_is(name: str, given: Any, why: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        sample(name, **given)
    text = str(refused.value)
    assert text.startswith(why) if why.endswith(" ") else text == why


CHOICES = st.lists(
    st.tuples(
        st.sampled_from([*MEDIA.rows, "Porn.Asr", "Cover", "Hologram"]), st.sampled_from(OUTCOMES)
    ),
    max_size=6,
)


@given(event=st.sampled_from(["WorkflowTask", "ScheduleTask"]), pairs=CHOICES)
def test_any_mix_of_results_reads_back_and_is_dispatched(
    event: str, pairs: list[tuple[str, str]]
) -> None:
    seen: list[tuple[str, str]] = []
    app = App()
    for verb in (app.on, app.on_failure, app.on_progress):
        verb(Subtask, name=f"see{len(app._routes)}")(
            lambda one: seen.append((one.type, one.status))
        )
    app.main_handler(sample(event, pairs))
    asked = pairs or [(type_, "SUCCESS") for type_ in MEDIA.rows]
    assert sorted(seen) == sorted(asked)


def test_each_file_of_a_result_has_a_name_of_its_own() -> None:
    (dubbing,) = parse_event(sample("WorkflowTask", AiDubbing="SUCCESS")).subtasks
    assert [file.key.removeprefix("videos/demo_Dubbing_10_") for file in dubbing.files] == [
        "OriginSubtitle.vtt",
        "TranslateSubtitle.vtt",
        "VoiceClonedVideo.mp4",
        "VoiceClonedMarkFile.mp4",
        "Video.mp4",
        "Speaker.mp4",
        "EraseVideo.mp4",
        "DstAudio.mp4",
    ]
