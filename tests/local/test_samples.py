"""Sample events: each has the chosen results and the structure that MPS sends."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps import App, Subtask, Transcode, UnknownSubtask
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
from scf_mps.events.view import get_schema
from scf_mps.local.samples import DOCUMENTATION, list_samples, sample
from tests.events.support import read_all_fields
from tests.support.sample_data import payload

OUTCOMES = ("SUCCESS", "FAIL", "PROCESSING")
VERBS = {"SUCCESS": "on", "FAIL": "on_failure", "PROCESSING": "on_progress"}

# Names of two types. The first of the tables has priority.
AMBIGUOUS = {
    ("WorkflowTask", "SmartSubtitlesTaskResult", "AsrFullTextRecognition"),
    ("WorkflowTask", "SmartSubtitlesTaskResult", "TransTextRecognition"),
    ("WorkflowTask", "SmartSubtitlesTaskResult", "OcrFullTextRecognition"),
    ("ScheduleTask", "SmartSubtitlesTask", "AsrFullTextRecognition"),
    ("ScheduleTask", "SmartSubtitlesTask", "TransTextRecognition"),
    ("ScheduleTask", "SmartSubtitlesTask", "OcrFullTextRecognition"),
    ("ScheduleTask", "AnalysisTask", "Dubbing"),
}


def list_rows():
    """Yield (event type, a name of a result, its MPS type, its class) for every row of the tables."""
    sets = {("WorkflowTask", key): kinds for key, kinds in SETS.items()}
    sets |= {("ScheduleTask", ""): ACTIVITIES}
    sets |= {("ScheduleTask", key): kinds for key, kinds in NESTED.items()}
    for (event, key), kinds in sets.items():
        for type_, (_, name, _) in kinds.rows.items():
            for requested in {type_, name}:
                if (event, key, requested) not in AMBIGUOUS:
                    yield event, requested, type_, name
    for key, (_, name, _) in SINGLES.rows.items():
        for requested in (key, name):
            yield "WorkflowTask", requested, get_class(name).mps_type, name


ROWS = sorted(list_rows())


# Names.


def test_every_event_type_has_a_sample():
    assert list(list_samples()) == [DOCUMENTATION, *EVENTS.rows, *LIVE_EVENTS.rows]
    assert all(list_samples().values())


@pytest.mark.parametrize("name", list(list_samples()))
def test_sample_is_an_event_of_its_type(name):
    event = parse_event(sample(name))
    assert event.type == ("WorkflowTask" if name == DOCUMENTATION else name)
    assert type(event) is get_class(type(event).__name__)
    assert event.error is None
    assert (event.verb == "on") == (name != DOCUMENTATION)
    assert event.session_context == ""


@pytest.mark.parametrize("name", list(list_samples()))
def test_sample_is_json_with_readable_fields(name):
    notification = sample(name)
    assert json.loads(json.dumps(notification)) == notification
    event = parse_event(notification)
    for result in (event, *event.subtasks):
        read_all_fields(result)


@pytest.mark.parametrize("name", list(list_samples()))
def test_sample_has_only_fields_of_mps(name):
    event = parse_event(sample(name))
    known = {field for field, _, _ in get_schema(type(event)).values()} - {"Place", "Verb"}
    assert set(event.raw.get(event.place, {})) <= known | {"TaskId", "Status"}
    for subtask in event.subtasks:
        assert set(subtask.raw) <= {
            "Status",
            *(field for field, _, _ in get_schema(type(subtask)).values()),
        }


@pytest.mark.parametrize("name", list(list_samples()))
def test_sample_is_a_new_equal_dict_each_time(name):
    first = sample(name)
    text = json.dumps(first)
    clear_all(first)
    assert json.dumps(sample(name)) == text


def clear_all(value):
    """Empty every object and list below a value."""
    if isinstance(value, dict | list):
        for child in list(value.values()) if isinstance(value, dict) else value:
            clear_all(child)
        value.clear()


def test_default_sample_is_the_documented_event():
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
@pytest.mark.parametrize(("event", "requested", "type_", "name"), ROWS)
def test_requested_result_is_in_its_field(event, requested, type_, name, outcome):
    (subtask,) = parse_event(sample(event, [(requested, outcome)])).subtasks
    assert (subtask.type, type(subtask).__name__, subtask.status) == (type_, name, outcome)
    assert subtask.verb == VERBS[outcome]
    read_all_fields(subtask)
    assert (subtask.error is not None) == (outcome == "FAIL")
    if subtask.error is not None:
        assert subtask.error.name in ("InternalError", "")
        assert subtask.error.message == "internal error"
        assert subtask.error.code in (30010, None)
    if outcome != "SUCCESS":
        assert subtask.files == ()
        assert not subtask.raw.get("Output")


@pytest.mark.parametrize(("event", "requested", "type_", "name"), ROWS)
def test_successful_result_has_files_in_output_bucket(event, requested, type_, name):
    (subtask,) = parse_event(sample(event, [(requested, "SUCCESS")])).subtasks
    if type(subtask)._files and all(type(subtask)._files) and subtask.raw.get("Output"):
        assert subtask.files
    for file in subtask.files:
        assert (file.bucket, file.region) == ("out-1250000000", "ap-guangzhou")
        assert file.key.startswith("videos/demo")


@pytest.mark.parametrize(
    ("requested", "first"),
    [
        ("AsrFullTextRecognition", "AsrFullTextRecognition"),
        ("SmartSubtitlesAsrFullText", "SmartSubtitlesAsrFullText"),
        ("Dubbing", "Dubbing"),
        ("AiDubbing", "AiDubbing"),
    ],
)
def test_class_name_selects_between_equal_types(requested, first):
    (subtask,) = parse_event(sample("WorkflowTask", [(requested, "SUCCESS")])).subtasks
    assert type(subtask).__name__ == first


def test_results_keep_their_order_and_may_repeat():
    pairs = [("Transcode", "SUCCESS"), ("ImageSprites", "FAIL"), ("Transcode", "FAIL")]
    for event in ("WorkflowTask", "ScheduleTask"):
        results = [
            (subtask.type, subtask.status) for subtask in parse_event(sample(event, pairs)).subtasks
        ]
        assert results == pairs


def test_results_by_keyword_follow_the_others():
    event = sample("WorkflowTask", [("Transcode", "SUCCESS")], ImageSprites="FAIL", Porn="SUCCESS")
    assert [(subtask.type, subtask.status) for subtask in parse_event(event).subtasks] == [
        ("Transcode", "SUCCESS"),
        ("ImageSprites", "FAIL"),
        ("Porn", "SUCCESS"),
    ]


@pytest.mark.parametrize("event", ["WorkflowTask", "ScheduleTask"])
@pytest.mark.parametrize(
    ("status", "outcome"),
    [("FINISH", "SUCCESS"), ("PROCESSING", "PROCESSING"), ("WAITING", "PROCESSING")],
)
def test_default_results_have_the_status_of_event(event, status, outcome):
    notification = parse_event(sample(event, status=status))
    assert notification.status == status
    assert [(subtask.type, subtask.status) for subtask in notification.subtasks] == [
        (type_, outcome) for type_ in MEDIA.rows
    ]


def test_failed_event_has_an_error_and_no_results():
    for name in ("WorkflowTask", "ScheduleTask", "EditMediaTask", "ExtractBlindWatermark"):
        event = parse_event(sample(name, status="FAIL"))
        assert event.status == "FINISH"
        assert event.verb == "on_failure"
        assert event.error is not None
        assert (event.error.code, event.error.message) == (30010, "source file error")
        assert event.subtasks == ()
        assert event.files == ()
    assert sample("WorkflowTask", status="FAIL")["WorkflowTaskEvent"]["MetaData"] is None


def test_failed_event_may_have_results():
    event = parse_event(sample("WorkflowTask", Transcode="SUCCESS", status="FAIL"))
    assert [subtask.status for subtask in event.subtasks] == ["SUCCESS"]
    assert event.error is not None


@pytest.mark.parametrize("status", ["PROCESSING", "WAITING"])
def test_unfinished_task_has_no_output(status):
    edit = parse_event(sample("EditMediaTask", status=status))
    assert (edit.status, edit.verb, edit.files) == (status, "on_progress", ())
    watermark = sample("ExtractBlindWatermark", status=status)["ExtractBlindWatermarkTask"]
    assert (watermark["IsDetected"], watermark["Result"]) == (False, "")


def test_successful_task_has_its_output():
    edit = parse_event(sample("EditMediaTask"))
    assert [str(file) for file in edit.files] == [
        "cos://out-1250000000.ap-guangzhou/videos/demo_EditMediaTask_10.mp4"
    ]
    assert [str(file) for file in edit.sources] == [
        "cos://in-1250000000.ap-guangzhou/videos/demo.mp4"
    ]
    watermark = sample("ExtractBlindWatermark")["ExtractBlindWatermarkTask"]
    assert (watermark["IsDetected"], watermark["Result"]) == (True, "sample")


def test_batch_task_has_results_of_one_type():
    (kind,) = [row[1] for row in BATCH.rows.values()]
    assert [type(subtask).__name__ for subtask in parse_event(sample("BatchTask")).subtasks] == [
        kind
    ]
    pairs = [(kind, "SUCCESS"), (kind, "FAIL")]
    event = parse_event(sample("BatchTask", pairs))
    assert [subtask.status for subtask in event.subtasks] == ["SUCCESS", "FAIL"]
    assert [subtask.definition for subtask in event.subtasks] == [122, 122]
    assert event.task_id == ""


def test_session_context_is_in_the_event():
    for name in ("WorkflowTask", "EditMediaTask", "ProcessEof"):
        assert parse_event(sample(name, session_context="订单 42")).session_context == "订单 42"


def test_transcode_has_plausible_values():
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
def test_file_has_the_extension_of_its_type(type_, file):
    event = parse_event(sample("WorkflowTask", [(type_, "SUCCESS")]))
    assert file in [subtask.key for subtask in event.files]


def test_progress_depends_on_the_outcome():
    percent = {
        outcome: parse_event(sample("WorkflowTask", Transcode=outcome)).subtasks[0].raw["Progress"]
        for outcome in OUTCOMES
    }
    assert percent == {"SUCCESS": 100, "FAIL": 100, "PROCESSING": 42}


def test_live_sample_has_scalars_of_their_types():
    assert sample("ProcessEof")["ProcessEofInfo"] == {"ErrCode": 0, "Message": "sample"}
    assert sample("LiveRecordResult")["LiveRecordResultInfo"]["RecordOver"] == 0


# Unknown types and invalid choices.


@pytest.mark.parametrize("event", ["WorkflowTask", "ScheduleTask"])
@pytest.mark.parametrize("type_", ["HoloTranscode", "Holo.Porn", "Hologram"])
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_unknown_type_is_an_unknown_subtask(event, type_, outcome):
    (subtask,) = parse_event(sample(event, [(type_, outcome)])).subtasks
    assert type(subtask) is UnknownSubtask
    assert (subtask.type, subtask.status) == (type_, outcome)
    assert subtask.raw["Output"] == {}


@pytest.mark.parametrize(
    ("event", "requested", "near"),
    [
        ("WorkflowTask", "Transcod", "Transcode"),
        ("WorkflowTask", "transcode", "Transcode"),
        ("WorkflowTask", "ImageSprite", "ImageSprites"),
        ("WorkflowTask", "PornAsr_", "PornAsr"),
        ("WorkflowTask", "AIAnalysis", None),
        ("WorkflowTask", "ScheduleTask", None),
        ("ScheduleTask", "Covers", "Cover"),
        ("ScheduleTask", "EditMediaTask", None),
    ],
)
def test_misspelled_or_misplaced_type_is_rejected(event, requested, near):
    with pytest.raises(ValueError, match=event) as error:
        sample(event, [(requested, "SUCCESS")])
    assert str(error.value).endswith(repr(requested) if near is None else f"{near!r}?")


@pytest.mark.parametrize(
    ("name", "choice", "word"),
    [
        ("Workflow", {}, "documentation, WorkflowTask"),
        ("", {}, "documentation, WorkflowTask"),
        ("documentation", {"Transcode": "FAIL"}, "fixed"),
        ("documentation", {"status": "FAIL"}, "fixed"),
        ("documentation", {"session_context": "x"}, "fixed"),
        ("WorkflowTask", {"Transcode": "FINISH"}, "SUCCESS, FAIL, PROCESSING"),
        ("ScheduleTask", {"Transcode": "fail"}, "SUCCESS, FAIL, PROCESSING"),
        ("WorkflowTask", {"status": "SUCCESS"}, "FINISH, PROCESSING, WAITING, FAIL"),
        ("EditMediaTask", {"Transcode": "SUCCESS"}, "EditMediaTask"),
        ("ExtractBlindWatermark", {"Transcode": "SUCCESS"}, "ExtractBlindWatermark"),
        ("BatchTask", {"Transcode": "SUCCESS"}, "BatchSmartSubtitles"),
        ("BatchTask", {"status": "FAIL"}, "status"),
        ("ProcessEof", {"Transcode": "SUCCESS"}, "live stream"),
        ("ProcessEof", {"status": "FAIL"}, "live stream"),
    ],
)
def test_invalid_choice_is_rejected(name, choice, word):
    with pytest.raises(ValueError, match=word):
        sample(name, **choice)


CHOICES = st.lists(
    st.tuples(
        st.sampled_from([*MEDIA.rows, "Porn.Asr", "Cover", "Hologram"]), st.sampled_from(OUTCOMES)
    ),
    max_size=6,
)


@given(event=st.sampled_from(["WorkflowTask", "ScheduleTask"]), pairs=CHOICES)
def test_any_results_are_dispatched(event, pairs):
    seen = []
    app = App()
    for verb in (app.on, app.on_failure, app.on_progress):
        verb(Subtask, name=f"see{len(app._routes)}")(
            lambda subtask: seen.append((subtask.type, subtask.status))
        )
    app.main_handler(sample(event, pairs))
    requested = pairs or [(type_, "SUCCESS") for type_ in MEDIA.rows]
    assert sorted(seen) == sorted(requested)


def test_files_of_a_result_have_different_names():
    (dubbing,) = parse_event(sample("WorkflowTask", AiDubbing="SUCCESS")).subtasks
    assert [file.key.removeprefix("videos/demo_Dubbing_10_") for file in dubbing.files] == [
        *("OriginSubtitle.vtt", "TranslateSubtitle.vtt", "VoiceClonedVideo.mp4"),
        *("VoiceClonedMarkFile.mp4", "Video.mp4", "Speaker.mp4", "EraseVideo.mp4", "DstAudio.mp4"),
    ]
