"""Parsing of notifications: subtasks, types, states, errors, places and keys."""

import copy
import json
import pickle

import pytest

import scf_mps
from scf_mps import (
    AiContentReview,
    AiDubbing,
    AiQualityControl,
    AnimatedGraphics,
    AsrFullTextRecognition,
    BatchSmartSubtitles,
    EditMediaTask,
    ExecRule,
    ImageSprites,
    InvalidEvent,
    LiveAiReviewResult,
    LiveProcessEof,
    MediaSubtask,
    MissingField,
    Porn,
    SmartErase,
    SmartSubtitlesAsrFullText,
    SnapshotByTimeOffset,
    Transcode,
    UnknownEvent,
    UnknownSubtask,
    VideoRemake,
    WorkflowTask,
)
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample

from .support import body, media, parse_subtasks, parse_transcode, workflow


def test_documented_event_has_four_results(documented):
    event = parse_event(documented)
    assert type(event) is WorkflowTask
    assert [type(subtask) for subtask in event.subtasks] == [
        Transcode,
        AnimatedGraphics,
        SnapshotByTimeOffset,
        ImageSprites,
    ]
    assert [subtask.status for subtask in event.subtasks] == [
        "SUCCESS",
        "FAIL",
        "SUCCESS",
        "SUCCESS",
    ]
    assert [subtask.verb for subtask in event.subtasks] == ["on", "on_failure", "on", "on"]
    assert [subtask.place for subtask in event.subtasks] == [
        f"MediaProcessResultSet[{index}]" for index in range(4)
    ]
    assert all(subtask.event is event for subtask in event.subtasks)


def test_class_hierarchy_ends_with_result():
    assert Transcode.__mro__[1:4] == (MediaSubtask, scf_mps.Subtask, scf_mps.Result)
    assert WorkflowTask.__mro__[1:3] == (scf_mps.Event, scf_mps.Result)
    assert LiveProcessEof.__mro__[1:3] == (scf_mps.LiveEvent, scf_mps.Event)


def test_event_has_task_and_session():
    event = parse_event(workflow() | {"SessionId": "s", "SessionContext": "order-7"})
    assert (event.type, event.task_id, event.status) == ("WorkflowTask", "t1", "FINISH")
    assert (event.session_id, event.session_context) == ("s", "order-7")
    assert event.place == "WorkflowTaskEvent"


@pytest.mark.parametrize("value", [None, 7, {}])
def test_text_of_another_type_reads_as_empty(value):
    raw = workflow(TaskId=value, Status=value) | {"SessionContext": value, "SessionId": value}
    event = parse_event(raw)
    assert (event.task_id, event.status) == ("", "")
    assert (event.session_context, event.session_id) == ("", "")


def test_raw_is_the_unchanged_notification(documented):
    event = parse_event(documented)
    assert event.raw is documented
    item = documented["WorkflowTaskEvent"]["MediaProcessResultSet"][0]
    assert event.subtasks[0].item is item
    assert event.subtasks[0].raw is item["TranscodeTask"]


def test_raw_contains_unknown_fields():
    raw = media({"Type": "Transcode", "New": 1, "TranscodeTask": body(Newer=2)}) | {"Newest": 3}
    event = parse_event(raw)
    assert event.raw["Newest"] == 3
    assert event.subtasks[0].item["New"] == 1
    assert event.subtasks[0].raw["Newer"] == 2


# States.


def test_finished_event_with_failure_is_not_successful(documented):
    event = parse_event(documented)
    assert (event.status, event.verb) == ("FINISH", "on_failure")


@pytest.mark.parametrize(
    ("statuses", "verb"),
    [(["SUCCESS"], "on"), (["FAIL", "SUCCESS"], "on_failure"), (["SUCCESS", "FAIL"], "on_failure")],
)
def test_any_failed_result_fails_the_event(statuses, verb):
    items = [{"Type": "Transcode", "TranscodeTask": body(status)} for status in statuses]
    assert parse_event(media(*items)).verb == verb


@pytest.mark.parametrize("code", [1, 30010, -1, "30010"])
def test_error_code_fails_the_event(code):
    event = parse_event(workflow(ErrCode=code, Message="broken"))
    assert event.verb == "on_failure"
    assert event.error is not None
    assert event.error.message == "broken"
    assert event.error.code == (code if isinstance(code, int) else None)


@pytest.mark.parametrize("code", [0, None, "", "0"])
def test_empty_error_code_is_no_error(code):
    event = parse_event(workflow(ErrCode=code, Message="any"))
    assert (event.verb, event.error) == ("on", None)


def test_edit_fails_by_its_error_code(payload):
    succeeded = parse_event(payload("synth_edit_media_success"))
    failed = parse_event(payload("synth_edit_media_fail"))
    assert (type(succeeded), succeeded.verb) == (EditMediaTask, "on")
    assert (failed.verb, failed.error.code) == ("on_failure", 40000)
    assert str(failed.error) == "40000 (invalid input)"


@pytest.mark.parametrize("status", ["PROCESSING", "WAITING"])
def test_results_of_unfinished_event_are_progress(status):
    items = [
        {"Type": "Transcode", "TranscodeTask": body(result_status)}
        for result_status in ("SUCCESS", "FAIL")
    ]
    event = parse_event(workflow(Status=status, ErrCode=5, MediaProcessResultSet=items))
    assert event.in_progress
    assert event.verb == "on_progress"
    assert [subtask.verb for subtask in event.subtasks] == ["on_progress", "on_progress"]


@pytest.mark.parametrize(
    ("status", "verb"),
    [
        ("SUCCESS", "on"),
        ("FAIL", "on_failure"),
        ("PROCESSING", "on_progress"),
        ("WAITING", "on_progress"),
        ("ABORTED", ""),
        (None, ""),
        (3, ""),
        ({}, ""),
    ],
)
def test_status_of_a_result_determines_its_verb(status, verb):
    subtask = parse_transcode(body(status))
    assert subtask.verb == verb
    assert subtask.status == (status if isinstance(status, str) else "")


@pytest.mark.parametrize("extended", ["", "SUCCESS", "0", "any"])
def test_successful_result_has_no_error_despite_codes(extended):
    subtask = parse_transcode(body("SUCCESS", ErrCodeExt=extended, ErrCode=7, Message="FAIL"))
    assert (subtask.verb, subtask.error) == ("on", None)


# Errors.


def test_error_has_code_name_and_message():
    fields = {"ErrCode": 30010, "ErrCodeExt": "InternalError", "Message": "sorry"}
    error = parse_transcode(body("FAIL", **fields)).error
    assert (error.code, error.name, error.message) == (30010, "InternalError", "sorry")
    assert str(error) == "InternalError 30010 (sorry)"
    assert repr(error) == "TaskError(code=30010, name='InternalError', message='sorry')"


def test_failed_result_without_details_has_an_error():
    error = parse_transcode(body("FAIL", ErrCode=None, ErrCodeExt=None)).error
    assert (error.code, error.name, error.message) == (None, "", "")
    assert str(error) == ""


@pytest.mark.parametrize(
    ("name", "retryable"),
    [
        ("InternalError", True),
        ("InternalError.Any", True),
        ("InvalidInput", False),
        ("InvalidInput.DefinitionNotExist", False),
        ("SourceFileError.NoVideoMedia", False),
        ("SourceFileError.NoVideoResolutio", False),
        ("1000", None),
        ("", None),
        ("InternalErrors", None),
    ],
)
def test_only_documented_errors_are_known_retryable(name, retryable):
    assert parse_transcode(body("FAIL", ErrCodeExt=name)).error.retryable is retryable


# Definitions.


@pytest.mark.parametrize("odd", [[1], {}, {"a": 1}, "10", 1.5, True])
def test_definition_of_another_type_is_ignored(odd):
    def parse_definition(**fields):
        return parse_transcode(body(**fields)).definition

    assert parse_definition(Input={"Definition": odd}, Output={"Definition": odd}) is None
    assert parse_definition(Input={"Definition": odd}, Output={"Definition": 20}) == 20


@pytest.mark.parametrize(
    ("input_", "output", "definition"),
    [
        ({"Definition": 10}, {"Definition": 0}, 10),
        (None, {"Definition": 20}, 20),
        *(
            (empty, empty, None)
            for empty in (None, {}, {"Definition": 0}, {"Definition": None}, "x")
        ),
    ],
)
def test_definition_comes_from_input_before_output(input_, output, definition):
    assert parse_transcode(body(Input=input_, Output=output)).definition == definition


def test_results_of_a_batch_share_its_definition(payload):
    raw = payload("synth_batch_task")
    (subtask,) = parse_subtasks(raw)
    output = raw["BatchTaskEvent"]["SmartSubtitlesTaskResult"]
    assert type(subtask) is BatchSmartSubtitles
    assert (subtask.type, subtask.definition) == ("BatchSmartSubtitles", 122)
    assert subtask.raw is subtask.item
    assert subtask.raw == output["Outputs"][0]
    place = "SmartSubtitlesTaskResult.Outputs[0]"
    assert subtask.place == place
    with pytest.raises(MissingField) as error:
        _ = subtask.trans_text_task
    assert str(error.value).startswith(f"BatchTaskEvent.{place}.TransTextTask ")


def test_batch_without_input_has_no_definition():
    raw = sample("BatchTask")
    raw["BatchTaskEvent"]["SmartSubtitlesTaskResult"]["Input"] = None
    assert parse_subtasks(raw)[0].definition is None


# Keys.


def test_key_consists_of_task_place_type_and_definition(documented):
    event = parse_event(documented)
    task = documented["WorkflowTaskEvent"]["TaskId"]
    assert event.key == f"WorkflowTask/{task}/FINISH"
    place = "MediaProcessResultSet[1]"
    assert event.subtasks[1].key == f"{event.key}/{place}/AnimatedGraphics/20000"
    assert parse_transcode(body()).key.endswith("/MediaProcessResultSet[0]/Transcode/")


def test_keys_of_an_event_are_unique(payload):
    event = parse_event(payload("synth_schedule_all_activity_types"))
    keys = [subtask.key for subtask in event.subtasks]
    assert len(set(keys)) == len(keys) == 14


def test_keys_are_the_same_in_every_delivery(documented):
    again = json.loads(json.dumps(documented, sort_keys=True))
    assert [subtask.key for subtask in parse_subtasks(again)] == [
        subtask.key for subtask in parse_subtasks(documented)
    ]


def test_key_of_a_task_id_is_never_that_of_a_digest():
    status = {"Status": "FINISH"}
    digested = parse_event({"EventType": "WorkflowTask", "WorkflowTaskEvent": status})
    digest = digested.key.split("/")[1]
    named = {"EventType": "WorkflowTask", "WorkflowTaskEvent": {**status, "TaskId": digest}}
    assert (len(digest), digested.key) == (32, f"WorkflowTask/{digest}/FINISH")
    assert parse_event(named).key == f"WorkflowTask/{digest}/FINISH/"


def test_key_without_task_id_is_a_digest():
    first, other = sample("BatchTask"), sample("BatchTask")
    other["BatchTaskEvent"]["InputInfos"] = []
    again = dict(reversed(sample("BatchTask").items()))
    key = parse_event(first).key
    assert key == parse_event(again).key
    assert key != parse_event(other).key
    assert [len(part) for part in key.split("/")] == [len("BatchTask"), 32, 0]


def test_keys_of_one_live_stream_differ():
    first, other = sample("AiReviewResult"), sample("AiReviewResult")
    other["AiReviewResultInfo"]["ResultSet"] = []
    assert first["TaskId"] == other["TaskId"]
    assert parse_event(first).key != parse_event(other).key


# Schedules.


def parse_activity(type_, field, result):
    item = {"ActivityType": type_, "ActivityResItem": {field: result}}
    payload = {"TaskId": "t", "Status": "FINISH", "ActivityResultSet": [item]}
    return parse_subtasks({"EventType": "ScheduleTask", "ScheduleTaskEvent": payload})


def test_schedule_has_results_of_every_activity(payload):
    event = parse_event(payload("synth_schedule_all_activity_types"))
    assert [type(subtask).__name__ for subtask in event.subtasks] == [
        *("Transcode", "AnimatedGraphics", "SnapshotByTimeOffset", "SampleSnapshot"),
        *("ImageSprites", "AdaptiveDynamicStreaming", "Porn", "AsrFullTextRecognition", "Cover"),
        *("AiQualityControl", "SmartSubtitlesAsrFullText", "SmartErase", "AiDubbing", "ExecRule"),
    ]
    assert event.subtasks[0].place == "ActivityResultSet[0]"
    activities = event.raw["ScheduleTaskEvent"]["ActivityResultSet"]
    assert event.subtasks[0].item is activities[0]
    place = "ActivityResultSet[6].ActivityResItem.ReviewTask.Output[0]"
    assert event.subtasks[6].place == place


@pytest.mark.parametrize("output", [None, []])
def test_activity_without_nested_results_is_a_result(output):
    (subtask,) = parse_activity("AiContentReview", "ReviewTask", body(Output=output))
    assert (type(subtask), subtask.verb) == (AiContentReview, "on")


def test_failed_activity_precedes_its_nested_results():
    nested = [{"Type": "Porn", "PornTask": body()}]
    subtasks = parse_activity("AiContentReview", "ReviewTask", body("FAIL", Output=nested))
    assert [(type(subtask), subtask.verb) for subtask in subtasks] == [
        (AiContentReview, "on_failure"),
        (Porn, "on"),
    ]


@pytest.mark.parametrize("type_", ["ExecRules", "Other", None])
def test_activity_of_undocumented_type_is_found_by_field(type_):
    (subtask,) = parse_activity(type_, "ExecRuleTask", body())
    assert (type(subtask), subtask.type) == (ExecRule, type_ or "ExecRules")


def test_dubbing_differs_between_schedule_and_analysis():
    (activity,) = parse_activity("Dubbing", "AIDubbingTask", body())
    (analysis,) = parse_subtasks(
        workflow(AiAnalysisResultSet=[{"Type": "Dubbing", "DubbingTask": body()}])
    )
    assert (type(activity), activity.type) == (AiDubbing, "Dubbing")
    assert (type(analysis), analysis.type) == (scf_mps.Dubbing, "Dubbing")


def test_activity_without_result_has_no_status():
    item = {"ActivityType": "Transcode", "ActivityResItem": None}
    raw = {"EventType": "ScheduleTask", "ScheduleTaskEvent": {"ActivityResultSet": [None, item]}}
    (subtask,) = parse_subtasks(raw)
    assert (type(subtask), subtask.status, subtask.verb) == (Transcode, "", "")
    assert subtask.place == "ActivityResultSet[1]"


# Unknown types and fields.


def test_unknown_type_is_an_unknown_subtask():
    result = body("FAIL", ErrCodeExt="InternalError")
    (subtask,) = parse_subtasks(media({"Type": "HoloTranscode", "HoloTask": result}))
    assert type(subtask) is UnknownSubtask
    assert (subtask.type, subtask.verb) == ("HoloTranscode", "on_failure")
    assert subtask.raw is result
    assert subtask.error.retryable


def test_unknown_type_in_known_field_has_its_class():
    raw = workflow(AiAnalysisResultSet=[{"Type": "VRemake", "VideoRemakeTask": body()}])
    (subtask,) = parse_subtasks(raw)
    assert (type(subtask), subtask.type) == (VideoRemake, "VRemake")


@pytest.mark.parametrize("type_", [None, 3, [], {}])
def test_missing_type_is_that_of_the_field(type_):
    (subtask,) = parse_subtasks(media({"Type": type_, "TranscodeTask": body()}))
    assert (type(subtask), subtask.type) == (Transcode, "Transcode")


@pytest.mark.parametrize(
    ("item", "type_"),
    [
        ({"Type": "CoverBySnapshot", "TranscodeTask": None}, "CoverBySnapshot"),
        ({"Type": "Holo", "ATask": body(), "BTask": body("FAIL")}, "Holo"),
    ],
)
def test_unknown_type_without_one_result_keeps_the_entry(item, type_):
    (subtask,) = parse_subtasks(media(item))
    assert (type(subtask), subtask.type, subtask.verb) == (UnknownSubtask, type_, "")
    assert subtask.raw is subtask.item is item


def test_known_type_without_result_has_no_status():
    subtask = parse_transcode(None)
    assert (type(subtask), subtask.status, subtask.raw) == (Transcode, "", {})
    with pytest.raises(MissingField) as error:
        _ = subtask.output
    assert str(error.value).startswith("WorkflowTaskEvent.MediaProcessResultSet[0].Output ")


def test_unknown_result_set_has_results():
    items = [{"Type": "Smell", "SmellTask": body()}, {"NoType": 1}, 5]
    (subtask,) = parse_subtasks(workflow(AiSmellResultSet=items))
    assert (type(subtask), subtask.type) == (UnknownSubtask, "Smell")
    assert (subtask.verb, subtask.place) == ("on", "AiSmellResultSet[0]")


def test_unknown_single_result_is_a_subtask():
    (subtask,) = parse_subtasks(workflow(AiSmellTaskResult=body("FAIL"), Other={"a": 1}))
    assert (subtask.type, subtask.verb) == ("AiSmellTaskResult", "on_failure")
    assert subtask.place == "AiSmellTaskResult"
    assert subtask._path() == "WorkflowTaskEvent.AiSmellTaskResult"
    assert subtask.item is subtask.raw


def test_unknown_event_type_has_known_results():
    result = {"Type": "Transcode", "TranscodeTask": body()}
    payload = {"TaskId": "t", "Status": "FINISH", "MediaProcessResultSet": [result]}
    event = parse_event({"EventType": "HoloTask", "HoloTaskEvent": payload, "Other": {}})
    assert (type(event), event.type, event.task_id) == (UnknownEvent, "HoloTask", "t")
    assert type(event.subtasks[0]) is Transcode


@pytest.mark.parametrize("odd", ["x", [5], {"Type": "Transcode"}])
def test_unknown_event_with_invalid_results_has_none(odd):
    event = parse_event({"EventType": "Holo", "HoloEvent": {"MediaProcessResultSet": odd}})
    assert (type(event), event.subtasks) == (UnknownEvent, ())


@pytest.mark.parametrize(
    ("fields", "place", "task_id"),
    [
        ({"HoloResult": {"TaskId": "t"}, "SessionId": ""}, "HoloResult", "t"),
        ({}, "", ""),
        ({"A": {}, "B": {}}, "", ""),
    ],
)
def test_payload_of_unknown_event_is_its_only_object(fields, place, task_id):
    event = parse_event({"EventType": "Holo", **fields})
    assert (event.place, event.task_id, event.subtasks) == (place, task_id, ())


@pytest.mark.parametrize("empty", [None, []])
def test_empty_result_set_has_no_results(empty):
    raw = workflow(
        MediaProcessResultSet=empty,
        AiContentReviewResultSet=empty,
        SmartEraseTaskResult=None,
        ActivityResultSet=empty,
    )
    assert parse_subtasks(raw) == ()


def test_null_entries_are_skipped_but_counted():
    (subtask,) = parse_subtasks(media(None, {"Type": "Transcode", "TranscodeTask": body()}))
    assert subtask.place == "MediaProcessResultSet[1]"


def test_single_results_of_a_workflow_are_subtasks():
    subtasks = parse_subtasks(
        workflow(
            AiQualityControlTaskResult=body(),
            SmartEraseTaskResult=body("FAIL"),
            AiDubbingTaskResult=body("PROCESSING"),
        )
    )
    assert [(type(subtask), subtask.type, subtask.verb, subtask.place) for subtask in subtasks] == [
        (AiQualityControl, "AiQualityControl", "on", "AiQualityControlTaskResult"),
        (SmartErase, "SmartErase", "on_failure", "SmartEraseTaskResult"),
        (AiDubbing, "Dubbing", "on_progress", "AiDubbingTaskResult"),
    ]


def test_one_type_in_two_sets_has_two_classes():
    result = {"Type": "AsrFullTextRecognition", "AsrFullTextTask": body()}
    subtasks = parse_subtasks(
        workflow(AiRecognitionResultSet=[result], SmartSubtitlesTaskResult=[result])
    )
    assert [type(subtask) for subtask in subtasks] == [
        AsrFullTextRecognition,
        SmartSubtitlesAsrFullText,
    ]


def test_vod_notification_is_an_unknown_event(payload):
    event = parse_event(payload("vod_procedure_transcode_cover"))
    assert (type(event), event.type) == (UnknownEvent, "ProcedureStateChanged")
    assert event.subtasks == ()
    assert event.task_id == "1256768367-Procedure-475b72xxxcb177t1"


def test_invalid_result_of_a_batch_is_located():
    raw = sample("BatchTask")
    raw["BatchTaskEvent"]["SmartSubtitlesTaskResult"]["Outputs"] = [{}, [1]]
    assert read_error(raw) == (
        "expected an object at BatchTaskEvent.SmartSubtitlesTaskResult.Outputs[1], "
        "got a list of length 1"
    )


def test_entry_with_several_results_is_a_subtask_without_one():
    item = {"FirstTask": body("SUCCESS"), "SecondTask": body("FAIL"), "XXXX": body("FAIL")}
    (subtask,) = parse_subtasks(media(item))
    assert (type(subtask), subtask.raw, subtask.verb) == (UnknownSubtask, item, "")


def test_batch_includes_results_of_unknown_fields():
    raw = sample("BatchTask")
    raw["BatchTaskEvent"]["SmartVoices"] = {"Outputs": [None, body()]}
    raw["BatchTaskEvent"]["SmartSubtitlesTaskResult"]["Outputs"].insert(0, None)
    raw["BatchTaskEvent"]["Odd"] = True
    known, unknown = parse_subtasks(raw)
    assert type(known) is BatchSmartSubtitles
    assert known.place == "SmartSubtitlesTaskResult.Outputs[1]"
    assert (type(unknown), unknown.type) == (UnknownSubtask, "SmartVoices")
    assert unknown.place == "SmartVoices.Outputs[1]"
    assert unknown._path() == "BatchTaskEvent.SmartVoices.Outputs[1]"
    assert unknown.item is unknown.raw


def test_batch_without_outputs_has_no_results():
    raw = sample("BatchTask")
    raw["BatchTaskEvent"]["SmartSubtitlesTaskResult"]["Outputs"] = None
    assert parse_subtasks(raw) == ()


# Live streams.


def test_live_notification_has_its_class_and_fields(payload):
    event = parse_event(payload("live_ai_review_1"))
    assert (type(event), event.type) == (LiveAiReviewResult, "AiReviewResult")
    assert event.task_id == "2459149217-procedure-live-xxx51da009t0"
    assert event.result_set[0].type == "VoicePorn"
    assert event.result_set[0].voice_porn_result_set[0].label == "sexual_moan"


def test_end_of_live_stream_may_be_an_error(payload):
    raw = payload("live_process_eof")
    assert parse_event(raw).verb == "on"
    raw["ProcessEofInfo"] = {"ErrCode": 4, "Message": "cut off"}
    event = parse_event(raw)
    assert (event.verb, str(event.error)) == ("on_failure", "4 (cut off)")


def test_unknown_live_notification_is_an_unknown_event():
    event = parse_event({"NotificationType": "AiSmell", "TaskId": "t", "AiSmellInfo": {"x": 1}})
    assert (type(event), event.type, event.task_id) == (UnknownEvent, "AiSmell", "t")


# Invalid events.


def read_error(raw):
    """Return the text of the InvalidEvent for a notification."""
    with pytest.raises(InvalidEvent) as error:
        parse_event(raw)
    return str(error.value)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (None, "null"),
        ([], "an empty list"),
        ([1, 2], "a list of length 2"),
        ("", "an empty str"),
        ("x" * 10_000_000, "a str of length 10000000"),
        (b"{}", "a bytes of length 2"),
        (7, " an int"),
        (1.5, " a float"),
        ({}, "keys (none)"),
        ({"a": 1, "b": 2}, "keys 'a', 'b'"),
        ({"EventType": None}, "keys 'EventType'"),
        ({"NotificationType": None}, "keys 'NotificationType'"),
        ({"EventType": ""}, "an empty str"),
        ({"EventType": 5}, "an int"),
        ({"EventType": ["x"]}, "a list of length 1"),
        ({"EventType": "x" * 101}, "'" + "x" * 40 + "'…"),
    ],
)
def test_invalid_notification_is_described_in_short(raw, shown):
    error = read_error(raw)
    assert error.startswith("expected an MPS notification")
    assert error.endswith(shown)


@pytest.mark.parametrize("characters", [1, 100])
def test_event_type_may_have_a_hundred_characters(characters):
    assert parse_event({"EventType": "x" * characters}).type == "x" * characters


def test_payload_without_envelope_gets_a_hint():
    assert read_error({"TaskId": "t", "Status": "FINISH"}).endswith(
        '\'Status\'. Send the payload in its envelope: {"EventType": …, "<EventType>Event": {…}}'
    )
    for key in ("TaskId", "Status"):
        assert read_error({key: "x"}).endswith(f"'{key}'")


def test_keys_of_invalid_notification_are_truncated():
    error = read_error({"x" * 41: 1, **{str(number): 1 for number in range(8)}})
    assert error.endswith(", ".join(repr(key) for key in ["x" * 40, *"0123456"]))


def test_error_of_a_huge_notification_is_short():
    deep = {}
    for _ in range(100_000):
        deep = {"x" * 50: deep}
    wide = {str(index) * 100: "x" * 1000 for index in range(10_000)}
    for raw in (deep, wide, {"EventType": "x" * 10_000_000}):
        assert len(read_error(raw)) < 500
    while deep:  # the interpreter cannot free 100,000 levels at once
        (deep,) = deep.values()


@pytest.mark.parametrize("payload", [None, [], "x", 5])
def test_known_event_without_payload_is_invalid(payload):
    error = read_error({"EventType": "WorkflowTask", "WorkflowTaskEvent": payload})
    assert "'WorkflowTaskEvent'" in error


def activities(**item):
    return {"ActivityResultSet": [item]}


REVIEW = {"ReviewTask": {"Output": {"Type": "Porn"}}}
INVALID_RESULTS = [
    ({"MediaProcessResultSet": {"Type": "Transcode"}}, "list", "MediaProcessResultSet"),
    ({"MediaProcessResultSet": ["x"]}, "object", "MediaProcessResultSet[0]"),
    (
        {"MediaProcessResultSet": [{"Type": "Transcode", "TranscodeTask": "x"}]},
        "object",
        "MediaProcessResultSet[0].TranscodeTask",
    ),
    ({"SmartEraseTaskResult": [1]}, "object", "SmartEraseTaskResult"),
    (activities(ActivityResItem="x"), "object", "ActivityResultSet[0].ActivityResItem"),
    ({"ActivityResultSet": [5]}, "object", "ActivityResultSet[0]"),
    ({"ActivityResultSet": 5}, "list", "ActivityResultSet"),
    (
        activities(ActivityType="AiContentReview", ActivityResItem=REVIEW),
        "list",
        "ActivityResultSet[0].ActivityResItem.ReviewTask.Output",
    ),
    (
        activities(ActivityType="Transcode", ActivityResItem={"TranscodeTask": 5}),
        "object",
        "ActivityResultSet[0].ActivityResItem.TranscodeTask",
    ),
]
INVALID_BATCHES = [
    ({"SmartSubtitlesTaskResult": "x"}, "object", "SmartSubtitlesTaskResult"),
    ({"SmartSubtitlesTaskResult": {"Outputs": 5}}, "list", "SmartSubtitlesTaskResult.Outputs"),
]


@pytest.mark.parametrize(
    ("type_", "payload", "expected", "place"),
    [
        *(("WorkflowTask", *row) for row in INVALID_RESULTS),
        *(("BatchTask", *row) for row in INVALID_BATCHES),
    ],
)
def test_invalid_result_is_rejected_with_its_place(type_, payload, expected, place):
    error = read_error({"EventType": type_, f"{type_}Event": payload})
    assert f" {expected} at {type_}Event.{place}, " in error


# Text forms and copies.


def test_repr_is_short_and_contains_no_payload(documented):
    event = parse_event(documented)
    assert repr(event.subtasks[0]) == "<Transcode Transcode 10 SUCCESS>"
    assert repr(event) == f"<WorkflowTask WorkflowTask {event.task_id} FINISH with 4 subtasks>"
    (unknown,) = parse_subtasks(media({"Type": "Holo"}))
    assert repr(unknown) == "<UnknownSubtask Holo without status>"


def test_events_can_be_copied_and_pickled(documented):
    event = parse_event(documented)
    for again in (copy.deepcopy(event), pickle.loads(pickle.dumps(event))):
        assert again.raw == documented
        assert again.subtasks[0].output.path == event.subtasks[0].output.path
        assert again.subtasks[1].event is again


# Reasons of missing fields.


def test_missing_field_of_failed_result_has_its_error(documented):
    animation = parse_subtasks(documented)[1]
    with pytest.raises(MissingField) as error:
        _ = animation.output.path
    place = "WorkflowTaskEvent.MediaProcessResultSet[1].AnimatedGraphicTask.Output"
    assert str(error.value).startswith(f"{place} is null: ")
    assert str(error.value).endswith("AnimatedGraphics failed: 30010 (TencentVodPlatErr Or Unkown)")


def test_missing_field_of_unfinished_result_has_its_status(payload):
    (transcode, *_) = parse_subtasks(payload("mps_workflow_processing_querydoc"))
    with pytest.raises(MissingField, match="PROCESSING"):
        _ = transcode.output


@pytest.mark.parametrize(
    ("name", "field", "reason"),
    [
        ("synth_workflow_source_error", "meta_data", "failed"),
        ("synth_edit_media_fail", "output", r"failed: 40000 \(invalid input\)"),
    ],
)
def test_missing_field_of_failed_event_has_its_error(payload, name, field, reason):
    event = parse_event(payload(name))
    with pytest.raises(MissingField, match=reason):
        getattr(event, field)


def test_missing_field_of_success_has_no_reason():
    event = parse_event(workflow(SmartEraseTaskResult=body(Input={})))
    for view, field, text in (
        (event, "meta_data", "WorkflowTaskEvent.MetaData is missing"),
        (
            event.subtasks[0],
            "output",
            "WorkflowTaskEvent.SmartEraseTaskResult.Output is missing",
        ),
    ):
        with pytest.raises(MissingField) as error:
            getattr(view, field)
        assert str(error.value) == text


def test_missing_nested_field_has_the_error_of_result():
    result = body("FAIL", Input={"OutputStorage": {}}, Message="no")
    (subtask,) = parse_subtasks(workflow(SmartEraseTaskResult=result))
    with pytest.raises(MissingField) as error:
        _ = subtask.input.output_storage.cos_output_storage
    place = "WorkflowTaskEvent.SmartEraseTaskResult.Input.OutputStorage.CosOutputStorage"
    assert str(error.value).startswith(f"{place} is missing: ")
    assert str(error.value).endswith("SmartErase failed: (no)")
