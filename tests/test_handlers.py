"""The deployed application: the log lines for each result, through its `main_handler`."""

import importlib
import logging

import pytest

from scf_mps import ConfigurationError
from scf_mps.events.generated.type_tables import EVENTS, LIVE_EVENTS
from scf_mps.local.samples import list_samples, sample
from tests.support.handler_modules import reload_handlers
from tests.support.sample_data import ROOT, payload

OUT = "cos://out-1250000000.ap-guangzhou/videos"
CONTEXT = {"request_id": "r", "time_limit_in_ms": 60_000}


@pytest.fixture
def application(monkeypatch):
    monkeypatch.delenv("TENCENTCLOUD_RUNENV", raising=False)
    monkeypatch.delenv("SCF_FUNCTIONNAME", raising=False)
    monkeypatch.syspath_prepend(ROOT)
    with reload_handlers():
        import handlers

        yield handlers.app


@pytest.fixture
def handle(application, caplog):
    """The main_handler of the application. `caplog` captures its lines."""
    import handlers

    caplog.set_level(logging.INFO)
    return lambda event: handlers.main_handler(event, CONTEXT)


def lines(caplog):
    """Return (level, logger, message, extra fields) of each line that a callback logged."""
    plain = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
    return [
        (
            record.levelname,
            record.name,
            record.getMessage(),
            {name: value for name, value in vars(record).items() if name not in plain},
        )
        for record in caplog.records
        if record.name.startswith("handlers.")
    ]


def outcomes(summary):
    return [(call["callback"], call["type"], call["outcome"]) for call in summary["callbacks"]]


def test_invalid_switch_is_reported(application, monkeypatch):
    monkeypatch.setenv("MPS_PUBLIC", "yes")
    with reload_handlers(), pytest.raises(ConfigurationError, match="MPS_PUBLIC"):
        importlib.import_module("handlers")


def test_callbacks_have_module_and_function_as_names(application):
    assert [(route.name, str(route)) for route in application.routes] == [
        ("handlers.renditions.record_rendition", "on(Transcode)"),
        ("handlers.pictures.record_animation", "on(AnimatedGraphics)"),
        ("handlers.pictures.record_snapshots", "on(SnapshotByTimeOffset)"),
        ("handlers.pictures.record_sprites", "on(ImageSprites)"),
        ("handlers.edits.record_edit", "on(EditMediaTask)"),
        ("handlers.failures.report_result", "on_failure(Subtask)"),
        ("handlers.failures.report_task", str(application.routes[-1])),
    ]
    assert str(application.routes[-1]).startswith("on_failure(Event, when=")


def test_documented_event_reaches_the_callbacks_of_results(handle, caplog):
    summary = handle(payload("mps_workflow_seed_mixed"))
    assert outcomes(summary) == [
        ("handlers.renditions.record_rendition", "Transcode", "done"),
        ("handlers.failures.report_result", "AnimatedGraphics", "done"),
        ("handlers.pictures.record_snapshots", "SnapshotByTimeOffset", "done"),
        ("handlers.pictures.record_sprites", "ImageSprites", "done"),
    ]
    assert summary["unhandled"] == []
    bucket = "cos://gztest-125****654.ap-guangzhou/dasda"
    assert [(level, message) for level, _, message, _ in lines(caplog)] == [
        ("INFO", "rendition ready"),
        ("ERROR", "AnimatedGraphics failed: 30010 (TencentVodPlatErr Or Unkown)"),
        ("INFO", "snapshots ready"),
        ("INFO", "sprites ready"),
    ]
    files = [facts.get("files") for _, _, _, facts in lines(caplog)]
    assert files[0] == [f"{bucket}/dianping2_transcode_10.mp4"]
    assert files[1] is None


@pytest.mark.parametrize(
    ("type_", "callback", "message", "facts"),
    [
        (
            "Transcode",
            "renditions.record_rendition",
            "rendition ready",
            {
                "files": [f"{OUT}/demo_Transcode_100030.mp4"],
                "definition": 100030,
                "width": 1280,
                "height": 720,
                "bitrate": 1_000_000,
                "duration_s": 11.26,
                "size_bytes": 401_637,
            },
        ),
        (
            "AnimatedGraphics",
            "pictures.record_animation",
            "animation ready",
            {"files": [f"{OUT}/demo_AnimatedGraphics_20000.gif"], "definition": 20000},
        ),
        (
            "ImageSprites",
            "pictures.record_sprites",
            "sprites ready",
            {
                "files": [f"{OUT}/demo_ImageSprites_10.jpg", f"{OUT}/demo_ImageSprites_10.vtt"],
                "definition": 10,
                "pictures": 1,
            },
        ),
        (
            "EditMediaTask",
            "edits.record_edit",
            "edit ready",
            {
                "files": [f"{OUT}/demo_EditMediaTask_10.mp4"],
                "sources": ["cos://in-1250000000.ap-guangzhou/videos/demo.mp4"],
            },
        ),
    ],
)
def test_successful_result_is_logged_with_its_facts(
    handle, caplog, type_, callback, message, facts
):
    if type_ == "EditMediaTask":
        event = sample("EditMediaTask", session_context="order-42")
    else:
        event = sample("WorkflowTask", [(type_, "SUCCESS")], session_context="order-42")
    summary = handle(event)
    assert outcomes(summary) == [(f"handlers.{callback}", type_, "done")]
    facts = {**facts, "session_context": "order-42"}
    assert lines(caplog) == [("INFO", f"handlers.{callback}", message, facts)]


def test_snapshots_are_logged_with_their_time_offsets(handle, caplog):
    event = sample("WorkflowTask", SnapshotByTimeOffset="SUCCESS", session_context="order-42")
    (item,) = event["WorkflowTaskEvent"]["MediaProcessResultSet"]
    picture = item["SnapshotByTimeOffsetTask"]["Output"]["PicInfoSet"][0]
    second = {**picture, "TimeOffset": 2.5, "Path": "/videos/2.jpg"}
    third = {"Path": "/videos/3.jpg"}
    item["SnapshotByTimeOffsetTask"]["Output"]["PicInfoSet"] = [picture, second, None, third]
    handle(event)
    assert lines(caplog) == [
        (
            "INFO",
            "handlers.pictures.record_snapshots",
            "snapshots ready",
            {
                "files": [
                    f"{OUT}/demo_SnapshotByTimeOffset_10.jpg",
                    f"{OUT}/2.jpg",
                    f"{OUT}/3.jpg",
                ],
                "definition": 10,
                "session_context": "order-42",
                "time_offsets_s": [1.0, 2.5, None],
            },
        )
    ]


def test_edit_is_logged_by_its_outcome(handle, caplog):
    handle(payload("synth_edit_media_success"))
    handle(payload("synth_edit_media_fail"))
    assert [(level, logger) for level, logger, _, _ in lines(caplog)] == [
        ("INFO", "handlers.edits.record_edit"),
        ("ERROR", "handlers.failures.report_task"),
    ]


@pytest.mark.parametrize(
    "name", ["EditMediaTask", "WorkflowTask", "ScheduleTask", "ExtractBlindWatermark"]
)
def test_failed_task_is_logged_as_one_error(handle, caplog, name):
    summary = handle(sample(name, status="FAIL"))
    assert outcomes(summary) == [("handlers.failures.report_task", name, "done")]
    assert summary["unhandled"] == []
    assert lines(caplog) == [
        (
            "ERROR",
            "handlers.failures.report_task",
            f"{name} failed: 30010 (source file error)",
            {"err_code": 30010, "err_code_ext": "", "retryable": None, "definition": None},
        )
    ]


def test_broken_source_is_logged_as_one_error(handle, caplog):
    event = payload("synth_workflow_source_error")
    summary = handle(event)
    assert outcomes(summary) == [("handlers.failures.report_task", "WorkflowTask", "done")]
    ((level, _, message, facts),) = lines(caplog)
    assert level == "ERROR"
    assert message.startswith("WorkflowTask failed: ")
    assert facts["err_code"] == event["WorkflowTaskEvent"]["ErrCode"]


def test_failed_results_are_logged_as_retryable_or_not(handle, caplog):
    handle(payload("synth_workflow_all_failed"))
    errors = lines(caplog)
    assert {(level, logger) for level, logger, _, _ in errors} == {
        ("ERROR", "handlers.failures.report_result")
    }
    shown = [
        (message.split()[0], facts["err_code_ext"], facts["retryable"])
        for _, _, message, facts in errors
    ]
    assert [type_ for type_, _, _ in shown] == ["Transcode", "SnapshotByTimeOffset", "ImageSprites"]
    for _, name, retryable in shown:
        family = name.partition(".")[0]
        expected = {"InternalError": True, "InvalidInput": False, "SourceFileError": False}
        assert retryable is expected.get(family)


def test_failed_result_is_logged_with_its_definition(handle, caplog):
    handle(sample("ScheduleTask", Transcode="FAIL", Cover="FAIL", Hologram="FAIL"))
    assert [(message, facts) for _, _, message, facts in lines(caplog)] == [
        (
            f"{type_} failed: InternalError 30010 (internal error)",
            {
                "err_code": 30010,
                "err_code_ext": "InternalError",
                "retryable": True,
                "definition": definition,
            },
        )
        for type_, definition in [("Transcode", 100030), ("Cover", 10), ("Hologram", None)]
    ]


def test_failed_result_and_task_are_both_logged(handle, caplog):
    summary = handle(sample("WorkflowTask", Transcode="FAIL", status="FAIL"))
    assert [callback for callback, _, _ in outcomes(summary)] == [
        "handlers.failures.report_result",
        "handlers.failures.report_task",
    ]
    assert len(lines(caplog)) == 2


@pytest.mark.parametrize(
    "output", [{}, None, "absent", [], "text", {"PicInfoSet": None}, {"PicInfoSet": 5}]
)
def test_results_are_logged_without_output_fields(handle, caplog, output):
    types = ("Transcode", "AnimatedGraphics", "SnapshotByTimeOffset", "ImageSprites")
    event = sample("WorkflowTask", [(type_, "SUCCESS") for type_ in types])
    for item in event["WorkflowTaskEvent"]["MediaProcessResultSet"]:
        (task,) = [value for value in item.values() if isinstance(value, dict)]
        task["Output"] = output
        if output == "absent":
            del task["Output"]
    summary = handle(event)
    assert [outcome for _, _, outcome in outcomes(summary)] == ["done"] * 4
    rendition, animation, snapshots, sprites = (facts for _, _, _, facts in lines(caplog))
    assert rendition == {
        "files": [],
        "definition": 100030,
        "width": None,
        "height": None,
        "bitrate": None,
        "duration_s": None,
        "size_bytes": None,
        "session_context": "",
    }
    assert animation == {"files": [], "definition": 20000, "session_context": ""}
    assert snapshots == {**animation, "definition": 10, "time_offsets_s": []}
    assert sprites == {**animation, "definition": 10, "pictures": None}


def test_edit_is_logged_without_input_and_output(handle, caplog):
    handle({"EventType": "EditMediaTask", "EditMediaTaskEvent": {"Status": "FINISH"}})
    ((_, _, message, facts),) = lines(caplog)
    assert message == "edit ready"
    assert facts == {"files": [], "sources": [], "session_context": ""}


@pytest.mark.parametrize("name", [name for name in list_samples() if name != "documentation"])
def test_every_event_is_handled_or_logged_as_unhandled(handle, caplog, name):
    summary = handle(sample(name))
    assert [outcome for _, _, outcome in outcomes(summary) if outcome != "done"] == []
    unhandled = [call["type"] for call in summary["unhandled"]]
    warned = [
        record.getMessage().removeprefix("unhandled: no callback for ")
        for record in caplog.records
        if record.levelname == "WARNING"
    ]
    assert warned == unhandled
    assert outcomes(summary) or unhandled
    assert name in {*EVENTS.rows, *LIVE_EVENTS.rows}


def test_progress_calls_no_callback_and_logs_no_warning(handle, caplog):
    summary = handle(payload("mps_workflow_processing_querydoc"))
    assert summary["callbacks"] == []
    assert lines(caplog) == []
    assert {record.levelname for record in caplog.records} == {"INFO"}


@pytest.mark.parametrize(
    "name",
    [
        "synth_schedule_all_activity_types",
        "synth_workflow_all_six_types",
        "synth_workflow_nulls",
        "live_process_eof",
    ],
)
def test_published_payloads_are_handled_without_failure(handle, name):
    summary = handle(payload(name))
    assert all(outcome == "done" for _, _, outcome in outcomes(summary))
