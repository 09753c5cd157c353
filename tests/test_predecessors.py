"""A test for each defect of the official templates and of public handlers: wrong there, right here, on one event.

The logic that is wrong is in `predecessors.py`. Where a defect was seen is the first line of each test. What ours does
is seen through `main_handler`, of the default application or of one with a callback or two.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest

from scf_mps import (
    AnimatedGraphics,
    App,
    CallbacksFailed,
    Cos,
    EditMediaTask,
    Event,
    ImageSprites,
    InvalidEvent,
    MissingField,
    RegistrationError,
    Subtask,
    Transcode,
    UnknownEvent,
    UnknownSubtask,
    WorkflowTask,
    logs,
)
from scf_mps.actions import Archive, compute_verdict
from scf_mps.cos import Credentials, Denied, NotFound
from scf_mps.deploy.desired_state import parse_desired_state
from scf_mps.deploy.template import read_template
from scf_mps.events.base import Result
from scf_mps.events.parser import parse_event
from scf_mps.ledger import MemoryLedger
from scf_mps.local.cos import CosEmulator, Key
from scf_mps.local.samples import sample
from tests import predecessors as theirs
from tests.actions import conftest as desk
from tests.support.log_capture import Stream
from tests.support.sample_data import ROOT, payload

application, cos, emulator, keys = desk.application, desk.cos, desk.emulator, desk.keys

ARCHIVE = "cos://archive-1250000000.ap-guangzhou/mps/"
BUCKET = "archive-1250000000"
OUT = "cos://out-1250000000.ap-guangzhou"
CONTEXT = {"request_id": "r", "time_limit_in_ms": 60_000}

Application = Callable[..., ModuleType]
Keys = Callable[[str], list[str]]


def received(event: dict[str, Any], kind: Any = Subtask, verb: str = "on") -> list[Any]:
    """What a callback that is registered for a kind is given."""
    app, found = App(ledger="none"), []

    def take(result: Result) -> None:
        found.append(result)

    getattr(app, verb)(kind)(take)
    app.main_handler(event, CONTEXT)
    return found


def item(event: dict[str, Any], index: int = 0) -> dict[str, Any]:
    """An entry of the results of a WorkflowTask."""
    found: dict[str, Any] = event["WorkflowTaskEvent"]["MediaProcessResultSet"][index]
    return found


@pytest.fixture
def documented() -> dict[str, Any]:
    """The event of the documentation: a transcode, a failed animation, snapshots, sprites."""
    event: dict[str, Any] = payload("mps_workflow_seed_mixed")
    return event


# The official template that keeps callbacks in COS


def test_a_template_for_python_2_is_no_python_any_more(application: Application) -> None:
    """Official MPS to COS template, 2020."""
    with pytest.raises(SyntaxError):
        compile(theirs.PYTHON_2, "index.py", "exec")
    for file in (ROOT / "handlers").glob("*.py"):
        compile(file.read_text("utf-8"), file.name, "exec")
    assert application().main_handler(sample(), CONTEXT)["task_id"]


def test_an_event_that_is_taken_for_a_list_of_messages_crashes_every_time(
    application: Application, documented: dict[str, Any], keys: Keys
) -> None:
    """Official MPS to COS template, 2020: `event[0]`, copied from a CKafka sample."""
    with pytest.raises(KeyError):
        theirs.text_of_message(documented)
    application(MPS_ARCHIVE=ARCHIVE).main_handler(documented, CONTEXT)
    assert len(keys(BUCKET)) == 1


def test_a_module_that_is_not_imported_crashes_at_the_first_event(cos: Cos) -> None:
    """Official MPS to COS template, 2020: `pytz`."""
    with pytest.raises(NameError, match="pytz"):
        theirs.folder_of(1_753_099_200.0)
    kept = Archive(ARCHIVE, lambda: 1_753_099_200.0).keep(parse_event(sample("EditMediaTask")), cos)
    assert "/2025-07-21/" in str(kept)


def test_keys_in_the_code_without_a_token_are_refused_where_the_role_gives_temporary_ones(
    application: Application,
    emulator: CosEmulator,
    keys: Keys,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Official MPS to COS template, 2020, and VOD's callback template, 2023."""
    role = Key("AKIDrole", "secret-of-the-role", token="token-of-the-role")
    emulator.keys.add(role)
    keeping = theirs.KeyInCode(emulator.url, role.secret_id, role.secret_key)
    with pytest.raises(Denied):
        keeping.keep(sample(), f"{ARCHIVE}theirs.json")
    handlers = application(MPS_ARCHIVE=ARCHIVE)
    monkeypatch.setenv("TENCENTCLOUD_SECRETID", role.secret_id)
    monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", role.secret_key)
    monkeypatch.setenv("TENCENTCLOUD_SESSIONTOKEN", str(role.token))
    handlers.main_handler(sample(), CONTEXT)
    assert len(keys(BUCKET)) == 1


def test_a_client_that_is_made_at_import_holds_keys_that_end(
    application: Application, emulator: CosEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Official MPS to COS template, 2020; SCF renews the keys of a role while the instance is warm."""
    keeping = theirs.KeyInCode(emulator.url, emulator.key.secret_id, emulator.key.secret_key)
    handlers = application(MPS_ARCHIVE=ARCHIVE)
    handlers.main_handler(sample(), CONTEXT)
    keeping.keep(sample(), f"{ARCHIVE}theirs.json")

    renewed = Key("AKIDrenewed", "another-secret")
    emulator.keys.add(renewed)
    emulator.keys.remove(emulator.key.secret_id)
    monkeypatch.setenv("TENCENTCLOUD_SECRETID", renewed.secret_id)
    monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", renewed.secret_key)
    with pytest.raises(Denied):
        keeping.keep(sample("EditMediaTask"), f"{ARCHIVE}theirs.json")
    handlers.main_handler(sample("EditMediaTask"), CONTEXT)
    now = Cos(Credentials(renewed.secret_id, renewed.secret_key), proxy=emulator.url)
    kept = {now.read_json(entry)["EventType"] for entry in now.list(f"{ARCHIVE}20")}
    assert kept == {"WorkflowTask", "EditMediaTask"}


def test_a_random_name_makes_every_redelivery_another_object(
    application: Application, cos: Cos, keys: Keys, documented: dict[str, Any]
) -> None:
    """Official MPS to COS template, 2020."""
    chance = Random(1)
    theirs_made = {theirs.random_name(second, chance) for second in (0, 60, 120)}
    assert len(theirs_made) == 3, "one event, delivered three times"
    handlers = application(MPS_ARCHIVE=ARCHIVE)
    for _ in range(3):
        handlers.main_handler(documented, CONTEXT)
    assert len(keys(BUCKET)) == 1


def test_an_error_code_that_cos_does_not_have_is_waited_for_for_ever(cos: Cos) -> None:
    """Official MPS to COS template, 2020: a free name is told by NoSuchResource."""

    class SecondsOver(Exception):
        pass

    looks: list[str] = []

    def look(name: str) -> object:
        looks.append(name)
        if len(looks) == 50:
            raise SecondsOver
        return cos.head(f"{ARCHIVE}{name}")

    with pytest.raises(SecondsOver):
        theirs.free_name(0, Random(1), look)
    with pytest.raises(NotFound):
        cos.head(f"{ARCHIVE}{looks[0]}")
    assert not cos.exists(f"{ARCHIVE}{looks[0]}"), "the first name was free"


def test_one_file_of_the_instance_uploads_what_an_earlier_event_left(
    application: Application, cos: Cos, keys: Keys, tmp_path: Path
) -> None:
    """Official MPS to COS template, 2020: a fixed name in /tmp, opened for appending."""
    file = tmp_path / "mps.txt"

    def refuse(_: bytes) -> None:
        raise OSError("COS is away")

    uploaded: list[bytes] = []
    theirs.append_and_upload(sample(), file, refuse)
    theirs.append_and_upload(sample("EditMediaTask"), file, uploaded.append)
    assert b"WorkflowTask" in uploaded[0], "in the object of an EditMediaTask"
    assert len(uploaded[0].splitlines()) == 2

    handlers = application(MPS_ARCHIVE=ARCHIVE)
    for name in ("documentation", "EditMediaTask"):
        handlers.main_handler(sample(name), CONTEXT)
    for key in keys(BUCKET):
        kept = cos.read_json(f"cos://{BUCKET}.ap-guangzhou/{key}")
        assert kept["EventType"] == key.split("/")[2]


def test_a_failure_that_is_returned_as_a_text_is_never_tried_again(
    application: Application, emulator: CosEmulator, tmp_path: Path
) -> None:
    """Official MPS to COS template, 2020: for SCF whatever returns has succeeded."""

    def refuse(_: bytes) -> None:
        raise OSError("COS is away")

    assert theirs.append_and_upload(sample(), tmp_path / "mps.txt", refuse) == "upload failed"
    emulator.keys.remove(emulator.key.secret_id)
    with pytest.raises(CallbacksFailed, match="callbacks did not finish"):
        application(MPS_ARCHIVE=ARCHIVE).main_handler(sample(), CONTEXT)


def test_triggers_in_serverless_yml_bind_nothing(tmp_path: Path) -> None:
    """Official MPS webhook template: `triggers`, which the component ignores; the COS template has none at all."""
    (tmp_path / "serverless.yml").write_text(theirs.TRIGGERS)
    wanted, _ = parse_desired_state(read_template(tmp_path / "serverless.yml", "", {}))
    assert wanted.mps == ()
    ours, _ = parse_desired_state(read_template(ROOT / "serverless.yml", "", {}))
    assert [one.event_type for one in ours.mps] == ["WorkflowTask"]


# The official template that tells a group robot; what it sends is in test_predecessors_notify.py


@pytest.mark.parametrize(
    "event",
    [
        payload("synth_workflow_all_failed"),
        sample("WorkflowTask", ImageSprites="SUCCESS"),
        payload("synth_workflow_source_error"),
        payload("synth_workflow_nulls"),
        payload("synth_edit_media_success"),
        payload("synth_schedule_smart_erase"),
    ],
    ids=["failed", "sprites", "broken source", "nulls", "edit", "schedule"],
)
def test_the_first_result_is_no_transcode_that_succeeded(
    application: Application, event: dict[str, Any]
) -> None:
    """Official MPS webhook template, 2020, and a public handler in Go: MediaProcessResultSet[0].TranscodeTask."""
    with pytest.raises((TypeError, KeyError, IndexError)):
        theirs.announcement(event)
    summary = application().main_handler(event, CONTEXT)
    assert {one["outcome"] for one in summary["callbacks"]} <= {"done"}


def test_completion_is_announced_of_what_failed(
    application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    """Official MPS webhook template, 2020."""
    event = payload("synth_workflow_all_failed")
    assert theirs.announcement_of_any(event).startswith("completed: ")
    application().main_handler(event, CONTEXT)
    errors = [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]
    assert len(errors) == 3
    assert all(" failed: " in error for error in errors)
    assert received(event) == []


def test_the_top_level_message_tells_nothing_of_a_failure(documented: dict[str, Any]) -> None:
    """Official MPS webhook template, 2020: it shows the disused Message."""
    assert theirs.announcement_of_any(documented).endswith(" FINISH ")
    (failed,) = received(documented, Subtask, "on_failure")
    assert str(failed.error) == "30010 (TencentVodPlatErr Or Unkown)"


def test_the_key_of_a_robot_in_the_code_is_everybodys(application: Application) -> None:
    """Official MPS webhook template, 2020; the COS template has keys of the account."""
    assert "key=" in theirs.ROBOT
    for file in [*(ROOT / "handlers").glob("*.py"), ROOT / "serverless.yml"]:
        text = file.read_text("utf-8")
        assert "send?key=" not in text
        assert "AKID" not in text


def test_nothing_keeps_a_redelivery_from_being_told_again(documented: dict[str, Any]) -> None:
    """Official MPS webhook template, 2020: no memory of what was sent, and no retry of what was not."""
    told: list[str] = []

    def away(_: str) -> None:
        raise OSError("the robot is away")

    theirs.announce(documented, away)
    assert told == [], "and for SCF it has succeeded"
    for _ in range(2):
        theirs.announce(documented, told.append)
    assert len(told) == 2, "one event, delivered twice"

    told.clear()
    posts = iter([away])
    app = App(ledger=MemoryLedger())

    @app.on_failure(WorkflowTask)
    def tell(event: WorkflowTask) -> None:
        next(posts, told.append)(event.task_id)

    with pytest.raises(CallbacksFailed):
        app.main_handler(documented, CONTEXT)
    for _ in range(3):
        app.main_handler(documented, CONTEXT)
    assert len(told) == 1, "after the failure, and never again"


# VOD's official callback behind an API gateway; its answers are in test_predecessors_http.py


def test_an_error_that_is_swallowed_is_a_success_for_the_sender() -> None:
    """Official VOD callback template, 2023."""
    app = App(ledger="none")

    @app.on(Transcode)
    def store(transcode: Transcode) -> None:
        raise OSError("the database is away")

    event = sample("WorkflowTask", Transcode="SUCCESS")
    (transcode,) = parse_event(event).subtasks
    assert theirs.swallowing(lambda: store(transcode))["statusCode"] == 200  # type: ignore[arg-type]
    with pytest.raises(CallbacksFailed, match="the event is to be delivered again"):
        app.main_handler(event, CONTEXT)


def test_a_notification_of_vod_is_not_taken_for_one_of_mps() -> None:
    """Official VOD callback template, 2023: its outputs are URLs, and its payload is not below EventType + Event."""
    event = payload("vod_procedure_transcode_cover")
    with pytest.raises(KeyError):
        theirs.payload_by_rule(event)
    found = parse_event(event)
    assert isinstance(found, UnknownEvent)
    assert found.subtasks == ()


# What public handlers take for success


def test_an_events_status_is_never_success() -> None:
    """A public Flask handler of MPS callbacks."""
    event = payload("synth_workflow_all_six_types")
    assert not theirs.has_succeeded_by_status(event)
    assert len(received(event)) == 6
    assert len(received(event, WorkflowTask)) == 1


@pytest.mark.parametrize(
    "name", ["mps_workflow_seed_mixed", "synth_workflow_all_failed", "synth_workflow_source_error"]
)
def test_finish_is_not_success(name: str) -> None:
    """Public handlers; the documentation's own event is FINISH with a failure in it."""
    event = payload(name)
    assert theirs.has_finished_well(event)
    assert received(event, WorkflowTask) == []
    assert len(received(event, WorkflowTask, "on_failure")) == 1


def test_an_edit_that_failed_has_finished_too() -> None:
    """Public handlers: an EditMediaTask has no results, its ErrCode tells."""
    event = payload("synth_edit_media_fail")
    assert theirs.has_finished_well(event)
    assert received(event, EditMediaTask) == []
    (failed,) = received(event, EditMediaTask, "on_failure")
    assert failed.error.code == 40000


def test_an_empty_message_is_no_failure_and_success_is_no_success() -> None:
    """A public Flask handler of ScheduleTask callbacks: Message == "SUCCESS"."""
    well = payload("mps_workflow_finish_querydoc")
    assert not theirs.has_succeeded_by_message(well)
    assert len(received(well)) == 1
    badly = payload("synth_workflow_all_failed")
    assert theirs.has_succeeded_by_message(badly)
    assert received(badly) == []


@pytest.mark.parametrize("code", ["SUCCESS", "0"])
def test_a_result_with_a_code_of_success_has_not_failed(code: str) -> None:
    """Public handlers: ErrCodeExt == ""; official examples have SUCCESS there."""
    event = sample("WorkflowTask", Transcode="SUCCESS")
    result = item(event)["TranscodeTask"]
    result["ErrCodeExt"] = code
    assert not theirs.has_succeeded_by_code(result)
    assert len(received(event, Transcode)) == 1


def test_a_result_that_failed_without_a_code_has_not_succeeded() -> None:
    """Public handlers: ErrCodeExt == "", which a failure may have as well; ten types have no such field at all."""
    event = sample("WorkflowTask", Transcode="FAIL")
    result = item(event)["TranscodeTask"]
    result["ErrCodeExt"] = ""
    assert theirs.has_succeeded_by_code(result)
    assert received(event, Transcode) == []
    with pytest.raises(KeyError):
        theirs.has_succeeded_by_code(item(payload("mps_workflow_seed_mixed"))["TranscodeTask"])
    assert len(received(payload("mps_workflow_seed_mixed"), Transcode)) == 1


def test_progress_says_success_in_its_message() -> None:
    """A public Flask handler: a PROCESSING result has Message "SUCCESS" and no output."""
    event = payload("mps_workflow_processing_querydoc")
    result = item(event)["TranscodeTask"]
    assert result["Message"] == "SUCCESS"
    with pytest.raises(AttributeError):
        theirs.path_of(result)
    assert received(event) == []
    assert received(event, Transcode, "on_progress") != []


# What they make of results


def test_a_default_does_not_help_where_the_output_is_null() -> None:
    """Public Flask handlers: .get("Output", {}).get("Path")."""
    event = payload("synth_workflow_all_failed")
    with pytest.raises(AttributeError, match="NoneType"):
        theirs.path_of(item(event)["TranscodeTask"])
    (failed,) = received(event, Transcode, "on_failure")
    assert failed.files == ()
    with pytest.raises(MissingField, match="SourceFileError"):
        _ = failed.output.path


def test_what_comes_after_the_first_result_is_ignored() -> None:
    """Public handlers in Go and PHP."""
    event = payload("synth_workflow_all_six_types")
    assert theirs.first_path(event)
    assert len(event["WorkflowTaskEvent"]["MediaProcessResultSet"]) == 6
    found = received(event)
    assert len(found) == 6
    assert len([file for result in found for file in result.files]) > 6


def test_names_as_they_ought_to_be_find_nothing_and_say_nothing(
    documented: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """A family of public scripts: ImageSpritesTask, AnimatedGraphicsTask, SmartSubtitlesTaskResultSet."""
    found = theirs.results_by_name(documented)
    assert found == [item(documented)["TranscodeTask"]], "of four results"
    assert theirs.results_by_name(payload("mps_workflow_smart_subtitles_success")) == []
    assert caplog.messages == []

    assert [type(one) for one in received(documented, ImageSprites)] == [ImageSprites]
    assert [type(one) for one in received(documented, AnimatedGraphics, "on_failure")] == [
        AnimatedGraphics
    ]
    assert len(received(payload("mps_workflow_smart_subtitles_success"))) == 1


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ImageSprite", "ImageSprites"),
        ("ImageSpritesTask", "ImageSprites"),
        ("AnimatedGraphic", "AnimatedGraphics"),
        ("AnimatedGraphicsTask", "AnimatedGraphics"),
        ("Face", "FaceRecognition"),
        ("AsrFullText", "AsrFullTextRecognition"),
        ("DelLogo", "DeLogo"),
        ("AiContentReviewResult", "AiContentReview"),
        ("AIContentReview", "AiContentReview"),
        ("AiRecognition", "AIRecognition"),
    ],
)
def test_a_name_that_mps_does_not_use_is_refused_when_it_is_registered(
    name: str, meant: str
) -> None:
    """Public scripts, and notes of the SDK itself: a table with such a name matches nothing, for ever."""
    assert name not in {item["Type"] for item in _every_item()}
    with pytest.raises(RegistrationError, match=f"did you mean '{meant}'"):
        App().on(name)


def _every_item() -> list[dict[str, Any]]:
    return [
        one
        for name in ("mps_workflow_seed_mixed", "synth_workflow_all_six_types")
        for one in payload(name)["WorkflowTaskEvent"]["MediaProcessResultSet"]
    ]


def _irregular() -> list[Any]:
    """The rows of the verified table whose field is not the type and ``Task``."""
    return [
        pytest.param(row, id=f"{row['container'].split('.')[1].rstrip('[]')}-{row['type']}")
        for row in payload("type_table")
        if row["field"] != f"{row['type']}Task" and row["type"][0].isalpha()
    ]


@pytest.mark.parametrize("row", _irregular())
def test_the_field_of_a_result_does_not_follow_from_its_type(row: dict[str, Any]) -> None:
    """Public scripts: Type + "Task"; of some sixty types this is wrong for half."""
    container, type_, field = row["container"], row["type"], row["field"]
    result = {"Status": "SUCCESS", "Input": {"Definition": 10}, "Output": {}}
    set_ = container.split(".")[1].removesuffix("[]")
    entry: dict[str, Any] = {"Type": type_, field: result}
    assert theirs.result_by_rule(entry) is None
    event = sample("ScheduleTask" if set_ == "ActivityResultSet" else "WorkflowTask")
    (task,) = (value for name, value in event.items() if name.endswith("Event"))
    if set_ == "ActivityResultSet":
        entry = {"ActivityType": type_, "ActivityResItem": {field: result}}
    for name in [name for name in task if name.endswith("ResultSet")]:
        del task[name]
    task[set_] = [entry]
    (found,) = received(event)
    assert not isinstance(found, UnknownSubtask)
    assert found.raw is result
    assert (found.type, found.status) == (type_, "SUCCESS")


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("AiDubbingTaskResult", "AiDubbing"),
        ("SmartEraseTaskResult", "SmartErase"),
        ("AiQualityControlTaskResult", "AiQualityControl"),
    ],
)
def test_a_single_result_is_no_list_and_its_activity_has_another_name(
    name: str, field: str
) -> None:
    """Public handlers: AiDubbingTaskResult in a WorkflowTask is AIDubbingTask in a ScheduleTask."""
    event = sample("WorkflowTask", [(name, "SUCCESS")])
    assert theirs.results_by_name(event) == []
    assert [type(one).__name__ for one in received(event)] == [field]
    activity = sample("ScheduleTask", [(field, "SUCCESS")])
    assert [type(one).__name__ for one in received(activity)] == [field]


@pytest.mark.parametrize("type_", ["CoverBySnapshot", "AudioExtract", "HoloTranscode"])
def test_a_type_that_no_table_has_goes_by_in_silence(
    type_: str, application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    """Public scripts; MPS documents CoverBySnapshot without a field, and adds types every year."""
    event = sample("WorkflowTask", [(type_, "SUCCESS")])
    assert theirs.results_by_name(event) == []
    (found,) = received(event)
    assert isinstance(found, UnknownSubtask)
    assert received(event, type_) != []
    summary = application().main_handler(event, CONTEXT)
    assert [one["type"] for one in summary["unhandled"]] == [type_]
    assert f"no callback is for {type_}" in caplog.text


@pytest.mark.parametrize("name", ["action-trans", "action-image-sprite", "action-AIAnalysis"])
def test_an_orchestration_is_made_of_other_names_than_it_tells(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Public scripts: names for creating an orchestration, or of DescribeTasks, looked for in its events."""
    event = payload("synth_schedule_all_activity_types")
    told = [one["ActivityType"] for one in event["ScheduleTaskEvent"]["ActivityResultSet"]]
    assert name not in told
    assert received(event, name) == []
    assert "no callback is for Transcode" in caplog.text, "and this is said"


def test_the_reviews_of_an_activity_are_a_list() -> None:
    """Public handlers of ScheduleTask callbacks: one level too few."""
    event = payload("synth_schedule_all_activity_types")
    (activity,) = (
        one
        for one in event["ScheduleTaskEvent"]["ActivityResultSet"]
        if one["ActivityType"] == "AiContentReview"
    )
    with pytest.raises(TypeError):
        theirs.suggestion_of(activity)
    (review,) = received(event, "Porn")
    assert review.output.suggestion == "pass"
    verdict = compute_verdict(review.event)
    assert verdict is not None
    assert verdict.decision == "pass"


def test_an_events_payload_is_not_always_below_its_type_and_event() -> None:
    """Public handlers: EventType + "Event"."""
    event = payload("synth_extract_blind_watermark")
    with pytest.raises(KeyError):
        theirs.payload_by_rule(event)
    assert [one.is_detected for one in received(event, "ExtractBlindWatermark")] == [True]


def test_a_task_id_does_not_tell_the_type_of_its_event() -> None:
    """Public scripts; old workflow tasks have ids with Procedure in them."""
    event = payload("mps_workflow_seed_mixed")
    event["WorkflowTaskEvent"]["TaskId"] = "1250000000-Procedure-475b72t1"
    assert theirs.type_by_task_id("1250000000-Procedure-475b72t1") == "Procedure"
    assert [one.type for one in received(event, WorkflowTask, "on_failure")] == ["WorkflowTask"]


def test_lists_that_are_null_are_empty() -> None:
    """Public handlers: MPS sends null where it has nothing."""
    event = payload("synth_workflow_nulls")
    with pytest.raises(TypeError):
        theirs.count_of_results(event)
    (found,) = received(event, WorkflowTask)
    assert found.media_process_result_set == []
    assert found.subtasks == ()


def test_a_null_among_results_is_none() -> None:
    """Public handlers, and the official SDK: one null in a list and the whole event is lost."""
    event = sample("WorkflowTask", Transcode="SUCCESS")
    event["WorkflowTaskEvent"]["MediaProcessResultSet"].insert(0, None)
    with pytest.raises(TypeError):
        theirs.results_by_name(event)
    assert len(received(event, Transcode)) == 1


def test_a_duration_without_a_fraction_is_an_int(documented: dict[str, Any]) -> None:
    """Strict models: one field of 1,400 that is an int loses the whole event."""
    output = item(documented)["TranscodeTask"]["Output"]
    output["Duration"] = 60
    with pytest.raises(TypeError):
        theirs.strict_duration(output)
    (transcode,) = received(documented, Transcode)
    assert transcode.output.duration == 60


def test_a_time_of_zeros_is_no_time(cos: Cos) -> None:
    """Public handlers: MPS writes 0000-00-00T00:00:00Z for what is not finished."""
    event = sample("WorkflowTask", ImageSprites="SUCCESS")
    item(event)["ImageSpriteTask"]["FinishTime"] = "0000-00-00T00:00:00Z"
    with pytest.raises(ValueError, match="does not match format"):
        theirs.moment_of("0000-00-00T00:00:00Z")
    assert str(Archive(ARCHIVE).keep(parse_event(event), cos)).startswith(f"{ARCHIVE}20")


def test_the_template_of_an_output_may_be_0(documented: dict[str, Any]) -> None:
    """Public handlers: in the documentation's own event the snapshots have Output.Definition 0."""
    assert theirs.definition_of(item(documented, 2)["SnapshotByTimeOffsetTask"]) == 0
    (snapshots,) = received(documented, "SnapshotByTimeOffset")
    assert snapshots.definition == 10


def test_fields_that_a_model_does_not_know_are_lost() -> None:
    """Handlers that read events into fixed models, as the official SDK does: real events have further fields."""
    event = sample("WorkflowTask", Transcode="SUCCESS")
    item(event)["TranscodeTask"]["NewScore"] = 98
    assert "NewScore" not in theirs.modelled(item(event)["TranscodeTask"])
    (transcode,) = received(event, Transcode)
    assert transcode.raw["NewScore"] == 98


# What they make of files


def test_a_bucket_in_the_code_is_not_where_the_output_is(documented: dict[str, Any]) -> None:
    """Public handlers: a URL of a fixed bucket in front of Path."""
    path = item(documented)["TranscodeTask"]["Output"]["Path"]
    assert "gztest" not in theirs.url_of(path)
    (transcode,) = received(documented, Transcode)
    assert transcode.files[0].bucket == "gztest-125****654"


def test_each_kind_of_output_has_its_storage_elsewhere() -> None:
    """Public handlers: OutputStorage, which only some types have; others have Storage."""
    event = payload("synth_workflow_all_six_types")
    items = event["WorkflowTaskEvent"]["MediaProcessResultSet"]
    results = [next(value for value in one.values() if isinstance(value, dict)) for one in items]
    assert [theirs.bucket_of(result) for result in results].count(None) == 5
    assert {file.bucket for result in received(event) for file in result.files} == {
        "out-1250000000"
    }


def test_the_region_of_an_output_is_not_that_of_the_input() -> None:
    """Public handlers; seen in the documentation, where an input of ap-beijing goes to ap-guangzhou."""
    event = payload("mps_workflow_finish_querydoc")
    assert theirs.region_of(event) == "ap-beijing"
    (transcode,) = received(event, Transcode)
    assert transcode.files[0].region == "ap-guangzhou"


def test_a_path_with_its_slash_is_no_key(cos: Cos) -> None:
    """Public handlers: a listing of "/videos/" is empty, and a deletion of "/videos/a" deletes nothing."""
    cos.upload(b"bytes", f"{OUT}/videos/demo.mp4")
    path = "/videos/demo.mp4"
    assert theirs.key_of(path) not in [entry.object.key for entry in cos.list(f"{OUT}/")]
    event = sample("WorkflowTask", Transcode="SUCCESS")
    item(event)["TranscodeTask"]["Output"]["Path"] = path
    (transcode,) = received(event, Transcode)
    assert cos.exists(transcode.files[0])


def test_a_path_may_be_a_url() -> None:
    """A public test of a script: SubtitlePath with https:// in front."""
    event = payload("mps_workflow_smart_subtitles_success")
    (found,) = received(event)
    assert theirs.key_of(found.paths[0]).startswith("https://"), "taken for a key"
    assert found.files == ()


def test_an_hls_output_is_more_than_its_path(cos: Cos, application: Application) -> None:
    """Public handlers: only the playlist is copied, and the player finds no segments."""
    event = sample("WorkflowTask", AdaptiveDynamicStreaming="SUCCESS")
    output = item(event)["AdaptiveDynamicStreamingTask"]["Output"]
    output["Path"] = "/hls/index.m3u8"
    for name, text in (("index.m3u8", "#EXTM3U\n#EXTINF:2,\n0.ts\n"), ("0.ts", "segment")):
        cos.upload(text.encode(), f"{OUT}/hls/{name}")
    assert theirs.path_of({"Output": output}) == "/hls/index.m3u8", "and nothing of 0.ts"

    app = App(ledger="none")

    @app.on("AdaptiveDynamicStreaming")
    def publish(stream: Subtask, files: Cos) -> None:
        files.publish(stream, to="cos://player-1250000000.ap-guangzhou/vod/")

    application()  # whose variables are those of the emulator
    app.main_handler(event, CONTEXT)
    assert cos.read("cos://player-1250000000.ap-guangzhou/vod/0.ts") == b"segment"


# What they show


def test_an_event_that_is_logged_as_it_came_shows_a_customers_keys(cos: Cos) -> None:
    """Public handlers and the official example itself: S3SecretKey is inside the event."""
    secret = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"
    event = sample("WorkflowTask", Transcode="SUCCESS")
    item(event)["TranscodeTask"]["Output"]["OutputStorage"] = {
        "Type": "AWS-S3",
        "S3OutputStorage": {"S3Bucket": "b", "S3SecretId": "AKIA4EXAMPLE", "S3SecretKey": secret},
    }
    assert secret in theirs.log_line(event)
    stream = Stream()
    logs.configure(stream)
    logging.getLogger("tests").warning("came: %s", json.dumps(event))
    assert secret not in stream.getvalue()
    assert "came: " in stream.getvalue()
    assert secret not in cos.read_text(Archive(ARCHIVE).keep(parse_event(event), cos))


def test_a_context_that_is_logged_as_it_came_shows_the_functions_keys() -> None:
    """Official hello-world template: it prints the context, whose environ may hold live keys."""
    secret = "TENCENTCLOUD_SECRETKEY=Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"
    context = {"request_id": "r", "environ": f"A=1;{secret}"}
    assert secret in theirs.log_context(context)
    app = App(ledger="none")

    @app.on(Event)
    def show(event: Event, told: logging.Logger) -> None:
        told.warning("context: %s", json.dumps(context))

    stream = Stream()
    logs.configure(stream)
    app.main_handler(sample("EditMediaTask"), context)
    assert "context: " in stream.getvalue()
    assert secret.partition("=")[2] not in stream.getvalue()


# What they do with what is no event


@pytest.mark.parametrize("event", [{}, [], "text", None, {"EventType": "WorkflowTask"}])
def test_what_is_no_event_is_told_clearly(event: object) -> None:
    """Official templates: a KeyError or a TypeError from wherever it was noticed."""
    with pytest.raises((TypeError, KeyError)):
        theirs.announcement(event)  # type: ignore[arg-type]
    with pytest.raises(InvalidEvent, match="expected"):
        App(ledger="none").main_handler(event, CONTEXT)
