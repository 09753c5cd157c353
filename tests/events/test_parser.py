"""Reading an event: its results, their kinds, states, errors, places and keys."""

from __future__ import annotations

import copy
import json
import pickle
import re

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
from scf_mps.events.generated.media import MediaSubtask
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample


def body(status="SUCCESS", **fields):
    return {"Status": status, **fields}


def workflow(**payload):
    payload = {"TaskId": "t1", "Status": "FINISH", "ErrCode": 0, **payload}
    return {"EventType": "WorkflowTask", "WorkflowTaskEvent": payload}


def media(*items):
    return workflow(MediaProcessResultSet=list(items))


def test_the_documented_event_has_its_four_results_in_order(documented):
    event = parse_event(documented)

    assert type(event) is WorkflowTask
    assert [type(one) for one in event.subtasks] == [
        Transcode,
        AnimatedGraphics,
        SnapshotByTimeOffset,
        ImageSprites,
    ]
    assert [one.status for one in event.subtasks] == ["SUCCESS", "FAIL", "SUCCESS", "SUCCESS"]
    assert [one.verb for one in event.subtasks] == ["on", "on_failure", "on", "on"]
    assert [one.place for one in event.subtasks] == [
        f"MediaProcessResultSet[{index}]" for index in range(4)
    ]
    assert all(one.event is event for one in event.subtasks)


def test_the_class_hierarchy_goes_from_the_type_to_the_result():
    assert Transcode.__mro__[1:4] == (MediaSubtask, scf_mps.Subtask, scf_mps.Result)
    assert WorkflowTask.__mro__[1:3] == (scf_mps.Event, scf_mps.Result)
    assert LiveProcessEof.__mro__[1:3] == (scf_mps.LiveEvent, scf_mps.Event)


def test_an_event_tells_its_task_and_session():
    event = parse_event(workflow() | {"SessionId": "s", "SessionContext": "order-7"})

    assert (event.type, event.task_id, event.status) == ("WorkflowTask", "t1", "FINISH")
    assert (event.session_id, event.session_context) == ("s", "order-7")
    assert event.place == "WorkflowTaskEvent"


@pytest.mark.parametrize("value", [None, 7, {}])
def test_a_task_id_status_or_session_of_another_shape_reads_as_empty(value):
    raw = workflow(TaskId=value, Status=value) | {"SessionContext": value, "SessionId": value}
    event = parse_event(raw)

    assert (event.task_id, event.status) == ("", "")
    assert (event.session_context, event.session_id) == ("", "")


def test_raw_is_the_notification_as_it_came_and_the_result_as_it_came(documented):
    event = parse_event(documented)

    assert event.raw is documented
    item = documented["WorkflowTaskEvent"]["MediaProcessResultSet"][0]
    assert event.subtasks[0].item is item
    assert event.subtasks[0].raw is item["TranscodeTask"]


def test_fields_that_no_sdk_knows_stay_in_raw():
    raw = media({"Type": "Transcode", "New": 1, "TranscodeTask": body(Newer=2)}) | {"Newest": 3}
    event = parse_event(raw)

    assert event.raw["Newest"] == 3
    assert event.subtasks[0].item["New"] == 1
    assert event.subtasks[0].raw["Newer"] == 2


class TestStates:
    def test_finish_is_not_success(self, documented):
        assert parse_event(documented).status == "FINISH"
        assert parse_event(documented).verb == "on_failure"

    def test_an_event_whose_results_all_succeeded_is_for_on(self):
        event = parse_event(media({"Type": "Transcode", "TranscodeTask": body()}))

        assert event.verb == "on"

    def test_a_failed_result_fails_the_event_wherever_it_stands(self):
        for statuses in (["FAIL", "SUCCESS"], ["SUCCESS", "FAIL"]):
            items = [{"Type": "Transcode", "TranscodeTask": body(one)} for one in statuses]
            assert parse_event(media(*items)).verb == "on_failure"

    @pytest.mark.parametrize("code", [1, 30010, -1, "30010"])
    def test_an_error_code_of_its_own_fails_an_event(self, code):
        event = parse_event(workflow(ErrCode=code, Message="broken"))

        assert event.verb == "on_failure"
        assert event.error is not None
        assert event.error.message == "broken"
        assert event.error.code == (code if isinstance(code, int) else None)

    @pytest.mark.parametrize("code", [0, None, "", "0"])
    def test_no_error_code_is_no_error(self, code):
        event = parse_event(workflow(ErrCode=code, Message="whatever"))

        assert (event.verb, event.error) == ("on", None)

    def test_an_edit_succeeds_by_its_error_code_alone(self, payload):
        succeeded = parse_event(payload("synth_edit_media_success"))
        failed = parse_event(payload("synth_edit_media_fail"))

        assert (type(succeeded), succeeded.verb) == (EditMediaTask, "on")
        assert (failed.verb, failed.error.code) == ("on_failure", 40000)
        assert str(failed.error) == "40000 (invalid input)"

    @pytest.mark.parametrize("status", ["PROCESSING", "WAITING"])
    def test_all_of_an_event_that_is_not_finished_is_progress(self, status):
        items = [{"Type": "Transcode", "TranscodeTask": body(one)} for one in ("SUCCESS", "FAIL")]
        event = parse_event(workflow(Status=status, ErrCode=5, MediaProcessResultSet=items))

        assert event.in_progress
        assert event.verb == "on_progress"
        assert [one.verb for one in event.subtasks] == ["on_progress", "on_progress"]

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
    def test_a_result_is_for_the_verb_of_its_own_status(self, status, verb):
        (subtask,) = parse_event(
            media({"Type": "Transcode", "TranscodeTask": body(status)})
        ).subtasks

        assert subtask.verb == verb
        assert subtask.status == (status if isinstance(status, str) else "")

    @pytest.mark.parametrize("extended", ["", "SUCCESS", "0", "whatever"])
    def test_success_is_not_judged_by_the_extended_error_code(self, extended):
        result = body("SUCCESS", ErrCodeExt=extended, ErrCode=7, Message="FAIL")
        (subtask,) = parse_event(media({"Type": "Transcode", "TranscodeTask": result})).subtasks

        assert (subtask.verb, subtask.error) == ("on", None)


class TestErrors:
    def failed(self, **fields):
        item = {"Type": "Transcode", "TranscodeTask": body("FAIL", **fields)}
        return parse_event(media(item)).subtasks[0].error

    def test_an_error_has_a_code_a_name_and_a_message(self):
        error = self.failed(ErrCode=30010, ErrCodeExt="InternalError", Message="sorry")

        assert (error.code, error.name, error.message) == (30010, "InternalError", "sorry")
        assert str(error) == "InternalError 30010 (sorry)"
        assert repr(error) == "TaskError(code=30010, name='InternalError', message='sorry')"

    def test_an_error_of_which_nothing_is_told_is_an_error_still(self):
        error = self.failed(ErrCode=None, ErrCodeExt=None)

        assert (error.code, error.name, error.message) == (None, "", "")
        assert str(error) == ""

    @pytest.mark.parametrize(
        ("name", "retryable"),
        [
            ("InternalError", True),
            ("InternalError.Whatever", True),
            ("InvalidInput", False),
            ("InvalidInput.DefinitionNotExist", False),
            ("SourceFileError.NoVideoMedia", False),
            ("SourceFileError.NoVideoResolutio", False),
            ("1000", None),
            ("", None),
            ("InternalErrors", None),
        ],
    )
    def test_only_an_internal_error_is_worth_submitting_again(self, name, retryable):
        assert self.failed(ErrCodeExt=name).retryable is retryable


class TestDefinitions:
    def definition(self, **fields):
        item = {"Type": "SnapshotByTimeOffset", "SnapshotByTimeOffsetTask": body(**fields)}
        return parse_event(media(item)).subtasks[0].definition

    def test_the_definition_is_the_one_that_was_asked_for(self):
        given = {"Input": {"Definition": 10}, "Output": {"Definition": 0}}

        assert self.definition(**given) == 10

    def test_without_an_input_the_output_tells_the_definition(self):
        assert self.definition(Input=None, Output={"Definition": 20}) == 20

    @pytest.mark.parametrize("odd", [[1], {}, {"a": 1}, "10", 1.5, True])
    def test_a_definition_of_another_shape_is_unknown(self, odd):
        assert self.definition(Input={"Definition": odd}, Output={"Definition": odd}) is None
        assert self.definition(Input={"Definition": odd}, Output={"Definition": 20}) == 20

    @pytest.mark.parametrize("nothing", [None, {}, {"Definition": 0}, {"Definition": None}, "x"])
    def test_a_definition_may_be_unknown(self, nothing):
        assert self.definition(Input=nothing, Output=nothing) is None

    def test_the_results_of_a_batch_have_the_definition_of_the_batch(self, payload):
        (subtask,) = parse_event(payload("synth_batch_task")).subtasks

        output = payload("synth_batch_task")["BatchTaskEvent"]["SmartSubtitlesTaskResult"]
        assert type(subtask) is BatchSmartSubtitles
        assert (subtask.type, subtask.definition) == ("BatchSmartSubtitles", 122)
        assert subtask.raw is subtask.item
        assert subtask.raw == output["Outputs"][0]
        with pytest.raises(MissingField) as error:
            _ = subtask.trans_text_task
        assert str(error.value) == (
            "BatchTaskEvent.SmartSubtitlesTaskResult.Outputs[0].TransTextTask is absent"
        )
        assert subtask.place == "SmartSubtitlesTaskResult.Outputs[0]"

    def test_a_batch_may_lack_its_input(self):
        raw = sample("BatchTask")
        raw["BatchTaskEvent"]["SmartSubtitlesTaskResult"]["Input"] = None

        assert parse_event(raw).subtasks[0].definition is None


class TestKeys:
    def test_a_key_names_task_status_place_type_and_definition(self, documented):
        event = parse_event(documented)
        task = documented["WorkflowTaskEvent"]["TaskId"]

        assert event.key == f"WorkflowTask/{task}/FINISH"
        assert event.subtasks[1].key == (
            f"WorkflowTask/{task}/FINISH/MediaProcessResultSet[1]/AnimatedGraphics/20000"
        )

    def test_keys_differ_between_all_results_of_an_event(self, payload):
        event = parse_event(payload("synth_schedule_all_activity_types"))
        keys = [one.key for one in event.subtasks]

        assert len(set(keys)) == len(keys) == 14

    def test_a_key_is_the_same_when_the_event_comes_again(self, documented):
        again = json.loads(json.dumps(documented, sort_keys=True))

        assert [one.key for one in parse_event(again).subtasks] == [
            one.key for one in parse_event(documented).subtasks
        ]

    def test_an_event_without_task_id_is_named_by_what_it_says(self):
        first, other = sample("BatchTask"), sample("BatchTask")
        other["BatchTaskEvent"]["InputInfos"] = []

        again = dict(reversed(sample("BatchTask").items()))
        assert parse_event(first).key == parse_event(again).key
        assert parse_event(first).key != parse_event(other).key
        assert [len(part) for part in parse_event(first).key.split("/")] == [
            len("BatchTask"),
            32,
            0,
        ]

    def test_notifications_of_one_live_stream_have_keys_of_their_own(self):
        first, other = sample("AiReviewResult"), sample("AiReviewResult")
        other["AiReviewResultInfo"]["ResultSet"] = []

        assert first["TaskId"] == other["TaskId"]
        assert parse_event(first).key != parse_event(other).key

    def test_a_result_without_definition_has_a_key_too(self):
        (subtask,) = parse_event(media({"Type": "Transcode", "TranscodeTask": body()})).subtasks

        assert subtask.key == "WorkflowTask/t1/FINISH/MediaProcessResultSet[0]/Transcode/"


class TestSchedules:
    def activity(self, type_, field, result):
        item = {"ActivityType": type_, "ActivityResItem": {field: result}}
        payload = {"TaskId": "t", "Status": "FINISH", "ActivityResultSet": [item]}
        return parse_event({"EventType": "ScheduleTask", "ScheduleTaskEvent": payload}).subtasks

    def test_every_activity_is_walked_and_nested_results_stand_for_theirs(self, payload):
        event = parse_event(payload("synth_schedule_all_activity_types"))

        assert [type(one).__name__ for one in event.subtasks] == [
            "Transcode",
            "AnimatedGraphics",
            "SnapshotByTimeOffset",
            "SampleSnapshot",
            "ImageSprites",
            "AdaptiveDynamicStreaming",
            "Porn",
            "AsrFullTextRecognition",
            "Cover",
            "AiQualityControl",
            "SmartSubtitlesAsrFullText",
            "SmartErase",
            "AiDubbing",
            "ExecRule",
        ]
        assert event.subtasks[0].place == "ActivityResultSet[0]"
        activities = event.raw["ScheduleTaskEvent"]["ActivityResultSet"]
        assert event.subtasks[0].item is activities[0]
        assert event.subtasks[6].place == (
            "ActivityResultSet[6].ActivityResItem.ReviewTask.Output[0]"
        )

    def test_an_activity_without_nested_results_stands_for_itself(self):
        for output in (None, []):
            (subtask,) = self.activity("AiContentReview", "ReviewTask", body(Output=output))
            assert type(subtask) is AiContentReview
            assert subtask.verb == "on"

    def test_a_failed_activity_stands_beside_its_nested_results(self):
        nested = [{"Type": "Porn", "PornTask": body()}]
        subtasks = self.activity("AiContentReview", "ReviewTask", body("FAIL", Output=nested))

        assert [(type(one), one.verb) for one in subtasks] == [
            (AiContentReview, "on_failure"),
            (Porn, "on"),
        ]

    def test_an_activity_of_undocumented_type_is_known_by_its_field(self):
        for type_ in ("ExecRules", "Whatever", None):
            (subtask,) = self.activity(type_, "ExecRuleTask", body())
            assert type(subtask) is ExecRule
            assert subtask.type == (type_ or "ExecRules")

    def test_dubbing_is_another_result_in_a_schedule_than_in_an_analysis(self):
        (activity,) = self.activity("Dubbing", "AIDubbingTask", body())
        analysis = workflow(AiAnalysisResultSet=[{"Type": "Dubbing", "DubbingTask": body()}])

        assert type(activity) is AiDubbing
        assert type(parse_event(analysis).subtasks[0]) is scf_mps.Dubbing
        assert activity.type == "Dubbing"

    def test_an_activity_without_result_has_no_status(self):
        item = {"ActivityType": "Transcode", "ActivityResItem": None}
        raw = {"ActivityResultSet": [None, item]}
        event = parse_event({"EventType": "ScheduleTask", "ScheduleTaskEvent": raw})

        assert [(type(one), one.status, one.verb) for one in event.subtasks] == [
            (Transcode, "", "")
        ]
        assert event.subtasks[0].place == "ActivityResultSet[1]"


class TestOpenWorld:
    def test_a_type_of_tomorrow_is_an_unknown_subtask_with_its_status(self):
        result = body("FAIL", ErrCodeExt="InternalError")
        (subtask,) = parse_event(media({"Type": "HoloTranscode", "HoloTask": result})).subtasks

        assert type(subtask) is UnknownSubtask
        assert (subtask.type, subtask.verb) == ("HoloTranscode", "on_failure")
        assert subtask.raw is result
        assert subtask.error.retryable

    def test_an_unknown_type_in_a_field_that_is_known_is_the_fields_type(self):
        raw = workflow(AiAnalysisResultSet=[{"Type": "VRemake", "VideoRemakeTask": body()}])
        (subtask,) = parse_event(raw).subtasks

        assert (type(subtask), subtask.type) == (VideoRemake, "VRemake")

    @pytest.mark.parametrize("type_", [None, 3, [], {}])
    def test_a_missing_type_is_told_by_the_field(self, type_):
        (subtask,) = parse_event(media({"Type": type_, "TranscodeTask": body()})).subtasks

        assert (type(subtask), subtask.type) == (Transcode, "Transcode")

    def test_a_documented_type_that_has_no_field_is_unknown(self):
        (subtask,) = parse_event(media({"Type": "CoverBySnapshot", "TranscodeTask": None})).subtasks

        assert (type(subtask), subtask.type, subtask.verb) == (
            UnknownSubtask,
            "CoverBySnapshot",
            "",
        )
        assert subtask.raw is subtask.item

    def test_two_unknown_fields_leave_it_open_which_is_the_result(self):
        item = {"Type": "Holo", "ATask": body(), "BTask": body("FAIL")}
        (subtask,) = parse_event(media(item)).subtasks

        assert subtask.raw is item

    def test_a_known_type_without_result_has_no_status(self):
        (subtask,) = parse_event(media({"Type": "Transcode", "TranscodeTask": None})).subtasks

        assert (type(subtask), subtask.status, subtask.raw) == (Transcode, "", {})
        with pytest.raises(MissingField) as error:
            _ = subtask.output
        assert str(error.value) == ("WorkflowTaskEvent.MediaProcessResultSet[0].Output is absent")

    def test_a_result_set_of_tomorrow_is_walked(self):
        items = [{"Type": "Smell", "SmellTask": body()}, {"NoType": 1}, 5]
        subtasks = parse_event(workflow(AiSmellResultSet=items)).subtasks

        assert [(type(one), one.type, one.verb, one.place) for one in subtasks] == [
            (UnknownSubtask, "Smell", "on", "AiSmellResultSet[0]")
        ]

    def test_a_single_result_of_tomorrow_is_a_subtask(self):
        subtasks = parse_event(workflow(AiSmellTaskResult=body("FAIL"), Other={"a": 1})).subtasks

        (subtask,) = subtasks
        assert (subtask.type, subtask.verb) == ("AiSmellTaskResult", "on_failure")
        assert subtask.place == "AiSmellTaskResult"
        assert subtask._path() == "WorkflowTaskEvent.AiSmellTaskResult"
        assert subtask.item is subtask.raw

    def test_an_event_type_of_tomorrow_is_an_unknown_event_with_its_results(self):
        result = {"Type": "Transcode", "TranscodeTask": body()}
        payload = {"TaskId": "t", "Status": "FINISH", "MediaProcessResultSet": [result]}
        event = parse_event({"EventType": "HoloTask", "HoloTaskEvent": payload, "Other": {}})

        assert (type(event), event.type, event.task_id) == (UnknownEvent, "HoloTask", "t")
        assert type(event.subtasks[0]) is Transcode

    def test_an_unknown_event_of_odd_shape_has_no_results_and_is_there_itself(self):
        for odd in ("x", [5], {"Type": "Transcode"}):
            event = parse_event({"EventType": "Holo", "HoloEvent": {"MediaProcessResultSet": odd}})
            assert (type(event), event.subtasks) == (UnknownEvent, ())

    def test_an_unknown_events_payload_is_the_only_object_there_is(self):
        event = parse_event({"EventType": "Holo", "HoloResult": {"TaskId": "t"}, "SessionId": ""})

        assert (event.task_id, event.place) == ("t", "HoloResult")

    def test_an_unknown_event_may_have_no_payload(self):
        for raw in ({"EventType": "Holo"}, {"EventType": "Holo", "A": {}, "B": {}}):
            event = parse_event(raw)
            assert (event.task_id, event.subtasks, event.place) == ("", (), "")

    @pytest.mark.parametrize("nothing", [None, []])
    def test_a_result_set_that_is_null_or_empty_holds_nothing(self, nothing):
        raw = workflow(
            MediaProcessResultSet=nothing,
            AiContentReviewResultSet=nothing,
            SmartEraseTaskResult=None,
            ActivityResultSet=nothing,
        )
        assert parse_event(raw).subtasks == ()

    def test_null_entries_are_passed_over_and_places_stay_true(self):
        (subtask,) = parse_event(
            media(None, {"Type": "Transcode", "TranscodeTask": body()})
        ).subtasks

        assert subtask.place == "MediaProcessResultSet[1]"

    def test_the_single_results_of_a_workflow_are_results(self):
        subtasks = parse_event(
            workflow(
                AiQualityControlTaskResult=body(),
                SmartEraseTaskResult=body("FAIL"),
                AiDubbingTaskResult=body("PROCESSING"),
            )
        ).subtasks

        assert [(type(one), one.type, one.verb, one.place) for one in subtasks] == [
            (AiQualityControl, "AiQualityControl", "on", "AiQualityControlTaskResult"),
            (SmartErase, "SmartErase", "on_failure", "SmartEraseTaskResult"),
            (AiDubbing, "Dubbing", "on_progress", "AiDubbingTaskResult"),
        ]

    def test_one_type_in_two_sets_is_two_classes(self):
        result = {"Type": "AsrFullTextRecognition", "AsrFullTextTask": body()}
        event = parse_event(
            workflow(AiRecognitionResultSet=[result], SmartSubtitlesTaskResult=[result])
        )

        assert [type(one) for one in event.subtasks] == [
            AsrFullTextRecognition,
            SmartSubtitlesAsrFullText,
        ]

    def test_a_notification_of_vod_is_not_taken_for_one_of_mps(self, payload):
        event = parse_event(payload("vod_procedure_transcode_cover"))

        assert (type(event), event.type) == (UnknownEvent, "ProcedureStateChanged")
        assert event.subtasks == ()
        assert event.task_id == "1256768367-Procedure-475b72xxxcb177t1"

    def test_a_batch_with_a_field_of_tomorrow_loses_nothing(self):
        raw = sample("BatchTask")
        raw["BatchTaskEvent"]["SmartVoices"] = {"Outputs": [None, body()]}
        raw["BatchTaskEvent"]["SmartSubtitlesTaskResult"]["Outputs"].insert(0, None)
        raw["BatchTaskEvent"]["Odd"] = True

        assert [(type(one), one.place) for one in parse_event(raw).subtasks] == [
            (BatchSmartSubtitles, "SmartSubtitlesTaskResult.Outputs[1]"),
            (UnknownSubtask, "SmartVoices.Outputs[1]"),
        ]
        unknown = parse_event(raw).subtasks[1]
        assert (unknown.type, unknown._path()) == (
            "SmartVoices",
            "BatchTaskEvent.SmartVoices.Outputs[1]",
        )
        assert unknown.item is unknown.raw

    def test_a_batch_may_have_no_outputs(self):
        raw = sample("BatchTask")
        raw["BatchTaskEvent"]["SmartSubtitlesTaskResult"]["Outputs"] = None

        assert parse_event(raw).subtasks == ()


class TestLiveStreams:
    def test_a_live_notification_is_known_by_its_notification_type(self, payload):
        event = parse_event(payload("live_ai_review_1"))

        assert (type(event), event.type) == (LiveAiReviewResult, "AiReviewResult")
        assert event.task_id == "2459149217-procedure-live-xxx51da009t0"
        assert event.result_set[0].type == "VoicePorn"
        assert event.result_set[0].voice_porn_result_set[0].label == "sexual_moan"

    def test_the_end_of_a_stream_may_be_an_error(self, payload):
        raw = payload("live_process_eof")
        assert parse_event(raw).verb == "on"

        raw["ProcessEofInfo"] = {"ErrCode": 4, "Message": "cut off"}
        assert (parse_event(raw).verb, str(parse_event(raw).error)) == ("on_failure", "4 (cut off)")

    def test_an_unknown_live_notification_is_an_unknown_event(self):
        event = parse_event({"NotificationType": "AiSmell", "TaskId": "t", "AiSmellInfo": {"x": 1}})

        assert (type(event), event.type, event.task_id) == (UnknownEvent, "AiSmell", "t")


class TestInvalidEvents:
    @pytest.mark.parametrize(
        ("raw", "came"),
        [
            (None, "null came"),
            ([], "an empty list came"),
            ([1, 2], "a list of length 2 came"),
            ("", "an empty str came"),
            ("x" * 10_000_000, "a str of length 10000000 came"),
            (b"{}", "a bytes of length 2 came"),
            (7, "an int came"),
        ],
    )
    def test_what_is_no_object_is_refused_with_what_came(self, raw, came):
        with pytest.raises(InvalidEvent) as error:
            parse_event(raw)

        assert str(error.value) == f"expected an MPS notification, a JSON object, but {came}"

    @pytest.mark.parametrize(
        ("raw", "came"),
        [
            ({}, "but an object with these keys came: none"),
            ({"a": 1, "b": 2}, "but an object with these keys came: 'a', 'b'"),
            ({"EventType": None}, "but an object with these keys came: 'EventType'"),
            ({"EventType": ""}, "but it is an empty str"),
            ({"EventType": 5}, "but it is an int"),
            ({"EventType": ["x"]}, "but it is a list of length 1"),
            ({"NotificationType": None}, "but an object with these keys came: 'NotificationType'"),
            ({"EventType": "x" * 101}, "but it is '" + "x" * 40 + "'…"),
        ],
    )
    def test_without_an_event_type_the_keys_are_told(self, raw, came):
        with pytest.raises(InvalidEvent) as error:
            parse_event(raw)

        assert str(error.value) == (
            f'expected an MPS notification with an "EventType" such as "WorkflowTask", {came}'
        )

    def test_an_event_type_may_be_a_hundred_characters_long(self):
        assert parse_event({"EventType": "x" * 100}).type == "x" * 100

    def test_a_payload_without_its_envelope_is_recognised(self):
        with pytest.raises(InvalidEvent) as error:
            parse_event({"TaskId": "t", "Status": "FINISH"})
        assert str(error.value) == (
            'expected an MPS notification with an "EventType" such as "WorkflowTask", but an object '
            "with these keys came: 'TaskId', 'Status'; this looks like a payload without its "
            'envelope: {"EventType": …, "<EventType>Event": {…}}'
        )
        for one in ("TaskId", "Status"):
            with pytest.raises(InvalidEvent, match=r"these keys came: '[A-Za-z]+'$"):
                parse_event({one: "x"})

    def test_long_keys_and_many_keys_are_cut(self):
        with pytest.raises(InvalidEvent) as error:
            parse_event({"x" * 41: 1, **{str(number): 1 for number in range(8)}})
        shown = ", ".join(repr(key) for key in ["x" * 40, *"0123456"])
        assert str(error.value).endswith(f"these keys came: {shown}")

    def test_the_message_stays_short_whatever_came(self):
        deep: dict = {}
        for _ in range(100_000):
            deep = {"x" * 50: deep}
        wide = {str(index) * 100: "x" * 1000 for index in range(10_000)}

        for raw in (deep, wide, {"EventType": "x" * 10_000_000}):
            with pytest.raises(InvalidEvent) as error:
                parse_event(raw)
            assert len(str(error.value)) < 500

        while deep:  # 100,000 levels are more than the interpreter can free at once
            (deep,) = deep.values()

    @pytest.mark.parametrize("payload", [None, [], "x", 5])
    def test_a_known_event_needs_its_payload(self, payload):
        with pytest.raises(
            InvalidEvent, match="an object under 'WorkflowTaskEvent' of a WorkflowTask"
        ):
            parse_event({"EventType": "WorkflowTask", "WorkflowTaskEvent": payload})

    @pytest.mark.parametrize(
        ("payload", "message"),
        [
            (
                {"MediaProcessResultSet": {"Type": "Transcode"}},
                "expected a list at WorkflowTaskEvent.MediaProcessResultSet, but a dict came",
            ),
            (
                {"MediaProcessResultSet": ["x"]},
                "expected an object at WorkflowTaskEvent.MediaProcessResultSet[0], "
                "but a str of length 1 came",
            ),
            (
                {"MediaProcessResultSet": [{"Type": "Transcode", "TranscodeTask": "x"}]},
                "expected an object at WorkflowTaskEvent.MediaProcessResultSet[0].TranscodeTask, "
                "but a str of length 1 came",
            ),
            (
                {"SmartEraseTaskResult": [1]},
                "expected an object at WorkflowTaskEvent.SmartEraseTaskResult, "
                "but a list of length 1 came",
            ),
            (
                {"ActivityResultSet": [{"ActivityResItem": "x"}]},
                "expected an object at WorkflowTaskEvent.ActivityResultSet[0].ActivityResItem, "
                "but a str of length 1 came",
            ),
            (
                {"ActivityResultSet": [5]},
                "expected an object at WorkflowTaskEvent.ActivityResultSet[0], but an int came",
            ),
            (
                {"ActivityResultSet": 5},
                "expected a list at WorkflowTaskEvent.ActivityResultSet, but an int came",
            ),
            (
                {
                    "ActivityResultSet": [
                        {
                            "ActivityType": "AiContentReview",
                            "ActivityResItem": {"ReviewTask": {"Output": {"Type": "Porn"}}},
                        }
                    ]
                },
                "expected a list at WorkflowTaskEvent.ActivityResultSet[0].ActivityResItem."
                "ReviewTask.Output, but a dict came",
            ),
            (
                {
                    "ActivityResultSet": [
                        {"ActivityResItem": {"TranscodeTask": 5}, "ActivityType": "Transcode"}
                    ]
                },
                "expected an object at WorkflowTaskEvent.ActivityResultSet[0].ActivityResItem."
                "TranscodeTask, but an int came",
            ),
        ],
    )
    def test_results_that_cannot_be_told_apart_are_refused_with_their_place(self, payload, message):
        with pytest.raises(InvalidEvent) as error:
            parse_event({"EventType": "WorkflowTask", "WorkflowTaskEvent": payload})

        assert str(error.value) == message

    def test_a_batch_of_another_shape_is_refused(self):
        for value, message in [
            ("x", "an object at BatchTaskEvent.SmartSubtitlesTaskResult, but a str of length 1"),
            (
                {"Outputs": 5},
                "a list at BatchTaskEvent.SmartSubtitlesTaskResult.Outputs, but an int",
            ),
        ]:
            with pytest.raises(InvalidEvent, match=re.escape(f"expected {message} came")):
                parse_event(
                    {
                        "EventType": "BatchTask",
                        "BatchTaskEvent": {"SmartSubtitlesTaskResult": value},
                    }
                )


def test_what_is_shown_of_results_is_short_and_holds_no_payload(documented):
    event = parse_event(documented)

    assert repr(event.subtasks[0]) == "<Transcode Transcode 10 SUCCESS>"
    assert repr(event) == (f"<WorkflowTask WorkflowTask {event.task_id} FINISH with 4 subtasks>")
    (unknown,) = parse_event(media({"Type": "Holo"})).subtasks
    assert repr(unknown) == "<UnknownSubtask Holo without status>"


def test_events_and_results_can_be_copied_and_pickled(documented):
    event = parse_event(documented)

    for again in (copy.deepcopy(event), pickle.loads(pickle.dumps(event))):
        assert again.raw == documented
        assert again.subtasks[0].output.path == event.subtasks[0].output.path
        assert again.subtasks[1].event is again


def test_a_failed_results_output_says_why_it_is_missing(documented):
    animation = parse_event(documented).subtasks[1]

    with pytest.raises(MissingField) as error:
        _ = animation.output.path
    assert str(error.value) == (
        "WorkflowTaskEvent.MediaProcessResultSet[1].AnimatedGraphicTask.Output is null: "
        "AnimatedGraphics failed: 30010 (TencentVodPlatErr Or Unkown)"
    )


def test_an_unfinished_results_output_says_that_it_is_not_finished(payload):
    (transcode, *_) = parse_event(payload("mps_workflow_processing_querydoc")).subtasks

    with pytest.raises(MissingField, match=r"Transcode is not finished \(Status PROCESSING\)"):
        _ = transcode.output


def test_a_failed_tasks_fields_say_why_they_are_missing(payload):
    event = parse_event(payload("synth_workflow_source_error"))

    with pytest.raises(MissingField, match=r"MetaData is (null|absent): the task failed: "):
        _ = event.meta_data
    edit = parse_event(payload("synth_edit_media_fail"))
    with pytest.raises(MissingField) as error:
        _ = edit.output
    assert str(error.value) == (
        "EditMediaTaskEvent.Output is null: the task failed: 40000 (invalid input)"
    )


def test_what_is_missing_below_a_failed_result_says_why_too():
    (subtask,) = parse_event(
        workflow(SmartEraseTaskResult=body("FAIL", Input={"OutputStorage": {}}, Message="no"))
    ).subtasks

    with pytest.raises(MissingField) as error:
        _ = subtask.input.output_storage.cos_output_storage
    assert str(error.value) == (
        "WorkflowTaskEvent.SmartEraseTaskResult.Input.OutputStorage.CosOutputStorage is absent: "
        "SmartErase failed: (no)"
    )
