"""Resubmit action against the MPS emulator, through the official SDK."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("aiohttp", reason="the emulator of the API needs it")
pytest.importorskip("tencentcloud.common", reason="tasks are submitted through it")

from scf_mps.actions import Resubmit
from scf_mps.actions.resubmit import count_resubmissions, make_session_id
from scf_mps.common.redaction import redact
from scf_mps.errors import CallbacksFailed
from scf_mps.local.api import Mps
from scf_mps.local.samples import sample
from tests.support.sample_data import payload

CONTEXT = {"request_id": "r-1", "time_limit_in_ms": 60_000}
NAME = "handlers.resubmitting.submit"
Json = dict[str, Any]


@pytest.fixture
def mps():
    return Mps()


@pytest.fixture
def api(mps, run_api):
    return run_api(mps)


@pytest.fixture
def resubmit(application, api, mps):
    """Return a function that handles an event and returns the only request to MPS."""

    def handle(event: Json, options: str = "") -> Json:
        application(MPS_RESUBMIT=f"1{options}").main_handler(event, CONTEXT)
        (request,) = mps.submitted.values()
        return request

    return handle


def make_failed_event(**results):
    """Return an event whose results failed with InternalError."""
    event = sample("WorkflowTask", **(results or {"Transcode": "FAIL"}))
    event["SessionId"] = "the-users-own"
    event["SessionContext"] = "order-42"
    return event


def get_lines(caplog):
    return [(line.levelname, line.getMessage()) for line in caplog.records if line.name == NAME]


def fail_again(event, request, task_id):
    """Return the event of the resubmitted task, which failed again."""
    again = json.loads(json.dumps(event))
    again["WorkflowTaskEvent"]["TaskId"] = task_id
    again["SessionId"] = request["SessionId"]
    again["SessionContext"] = request["SessionContext"]
    return again


def test_resubmit_sends_original_parameters(application, api, mps, caplog):
    caplog.set_level(logging.INFO)
    event = make_failed_event(Transcode="FAIL", ImageSprites="SUCCESS")
    application(MPS_RESUBMIT="2").main_handler(event, CONTEXT)

    ((task_id, request),) = mps.submitted.items()
    session = request.pop("SessionId")
    assert request == {
        "InputInfo": {
            "Type": "COS",
            "CosInputInfo": event["WorkflowTaskEvent"]["InputInfo"]["CosInputInfo"],
        },
        "MediaProcessTask": {
            "TranscodeTaskSet": [
                event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]["Input"]
            ]
        },
        "TaskNotifyConfig": {"NotifyType": "SCF"},
        "SessionContext": "order-42",
    }
    assert len(session) <= 50
    assert count_resubmissions(session) == 1
    assert get_lines(caplog) == [("INFO", "Transcode resubmitted, attempt 1 of 2")]
    (line,) = [line for line in caplog.records if line.name == NAME]
    assert vars(line)["new_task_id"] == task_id


def test_resubmit_gives_up_after_configured_attempts(application, api, mps, caplog):
    caplog.set_level(logging.INFO)
    handlers = application(MPS_RESUBMIT="3")
    event = make_failed_event()
    for number in (1, 2, 3):
        handlers.main_handler(event, CONTEXT)
        assert len(mps.submitted) == number
        task_id, request = list(mps.submitted.items())[-1]
        assert count_resubmissions(request["SessionId"]) == number
        event = fail_again(event, request, task_id)
    handlers.main_handler(event, CONTEXT)
    assert len(mps.submitted) == 3
    level, message = get_lines(caplog)[-1]
    assert level == "ERROR"
    assert "after 3 resubmissions" in message
    assert "InternalError 30010 (internal error)" in message


@pytest.mark.parametrize("ledger", ["none", "memory://"])
def test_resubmit_submits_once_despite_redelivery(application, api, mps, ledger, caplog):
    caplog.set_level(logging.INFO)
    handlers = application(MPS_RESUBMIT="2", MPS_LEDGER=ledger)
    first = handlers.main_handler(make_failed_event(), CONTEXT)
    again = handlers.main_handler(make_failed_event(), CONTEXT)
    assert len(mps.submitted) == 1
    outcomes = {
        call["outcome"]
        for summary in (first, again)
        for call in summary["callbacks"]
        if call["callback"] == NAME
    }
    assert outcomes == ({"done"} if ledger == "none" else {"done", "skipped"})
    line = ("INFO", "Transcode was resubmitted by an earlier delivery")
    assert (line in get_lines(caplog)) is (ledger == "none")


def test_resubmit_submits_once_despite_lost_response(application, api, mps):
    handlers = application(MPS_RESUBMIT="2", MPS_LEDGER="memory://")
    api.faults.add("ProcessMedia", kind="lose_response")
    with pytest.raises(CallbacksFailed):
        handlers.main_handler(make_failed_event(), CONTEXT)
    handlers.main_handler(make_failed_event(), CONTEXT)
    assert len(mps.submitted) == 1


@pytest.mark.parametrize(
    ("review", "on", "submitted"),
    [
        ("SUCCESS", "block", []),
        ("SUCCESS", "fail", ["MediaProcessTask"]),
        ("FAIL", "fail", ["AiContentReviewTask"]),
        ("FAIL", "block", ["AiContentReviewTask", "MediaProcessTask"]),
    ],
)
def test_resubmit_submits_only_reviews_of_held_event(application, api, mps, review, on, submitted):
    event = make_failed_event(Transcode="FAIL", Porn=review)
    (porn,) = event["WorkflowTaskEvent"]["AiContentReviewResultSet"]
    if review == "SUCCESS":
        porn["PornTask"]["Output"] = {"Suggestion": "block"}
    held = f"cos://archive-1250000000.ap-guangzhou/held/?on={on}"
    application(MPS_RESUBMIT="2", MPS_MODERATE=held).main_handler(event, CONTEXT)
    asked = {name for request in mps.submitted.values() for name in request}
    assert sorted(name for name in asked if name.endswith("ProcessTask") or "Review" in name) == (
        submitted
    )


def test_resubmit_submits_same_failure_of_other_task(application, api, mps):
    handlers = application(MPS_RESUBMIT="2")
    handlers.main_handler(make_failed_event(), CONTEXT)
    other = make_failed_event()
    other["WorkflowTaskEvent"]["TaskId"] = "another"
    handlers.main_handler(other, CONTEXT)
    assert len(mps.submitted) == 2


@pytest.mark.parametrize(
    ("type_", "field"),
    [
        ("Transcode", "TranscodeTaskSet"),
        ("AnimatedGraphics", "AnimatedGraphicTaskSet"),
        ("SnapshotByTimeOffset", "SnapshotByTimeOffsetTaskSet"),
        ("SampleSnapshot", "SampleSnapshotTaskSet"),
        ("ImageSprites", "ImageSpriteTaskSet"),
        ("AdaptiveDynamicStreaming", "AdaptiveDynamicStreamingTaskSet"),
    ],
)
def test_resubmit_uses_list_of_media_type(resubmit, type_, field):
    request = resubmit(make_failed_event(**{type_: "FAIL"}))
    assert list(request["MediaProcessTask"]) == [field]


def fail_internally(result):
    result |= {"Status": "FAIL", "ErrCodeExt": "InternalError", "ErrCode": 30010, "Output": None}


def test_resubmit_submits_review_once_for_several_parts(resubmit):
    event = payload("mps_workflow_ai_content_review")
    for result in event["WorkflowTaskEvent"]["AiContentReviewResultSet"]:
        fail_internally(result[f"{result['Type']}Task"])
    request = resubmit(event)
    assert request["AiContentReviewTask"] == {"Definition": 10}
    assert "MediaProcessTask" not in request


@pytest.mark.parametrize(
    ("name", "place", "field"),
    [
        ("synth_workflow_delogo", ("AiAnalysisResultSet", 0, "DeLogoTask"), "AiAnalysisTask"),
        ("mps_workflow_quality_control", ("AiQualityControlTaskResult",), "AiQualityControlTask"),
    ],
)
def test_resubmit_submits_other_tasks_with_input(resubmit, name, place, field):
    event = payload(name)
    result = event["WorkflowTaskEvent"]
    for step in place:
        result = result[step]
    fail_internally(result)
    request = resubmit(event)
    assert request[field] == result["Input"]


def task(event):
    return event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]


@pytest.mark.parametrize(
    "change",
    [
        lambda event: task(event).update(ErrCodeExt="InvalidInput.DefinitionNotExist"),
        lambda event: task(event).update(ErrCodeExt="30010"),
        lambda event: event["WorkflowTaskEvent"].update(Status="PROCESSING"),
        lambda event: task(event).update(Status="SUCCESS"),
    ],
    ids=["user error", "unknown error", "progress", "success"],
)
def test_resubmit_ignores_other_failures_and_successes(application, api, change):
    event = make_failed_event()
    change(event)
    summary = application(MPS_RESUBMIT="1").main_handler(event, CONTEXT)
    assert NAME not in {call["callback"] for call in summary["callbacks"]}
    assert len(api.requests) == 0


def test_resubmit_callback_ignores_successful_result():
    import scf_mps

    router = scf_mps.Router()
    router.on(scf_mps.Transcode)(Resubmit("1").submit)
    summary = scf_mps.App(router).main_handler(sample("WorkflowTask", Transcode="SUCCESS"), {})
    assert [call["outcome"] for call in summary["callbacks"]] == ["done"]


def edit(change):
    """Return a failed event that is changed."""
    event = make_failed_event()
    change(event)
    return event


def make_subtitles_event():
    event = payload("mps_workflow_smart_subtitles_success")
    fail_internally(event["WorkflowTaskEvent"]["SmartSubtitlesTaskResult"][0]["AsrFullTextTask"])
    return event


def use_unknown_type(event):
    result = event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]
    result.update(Type="CoverBySnapshot", CoverBySnapshotTask=result.pop("TranscodeTask"))


def use_url_without_storage(event):
    event["WorkflowTaskEvent"]["InputInfo"] = URL
    task(event)["Input"]["OutputStorage"] = None


URL = {"Type": "URL", "UrlInputInfo": {"Url": "https://example.com/a.mp4"}}
VOD = {"Type": "VOD", "VODInputInfo": {}}
NO_DEFINITION = {"Definition": 0, "OutputObjectPath": "/a"}
S3 = {"Type": "AWS-S3", "S3OutputStorage": {"S3Bucket": "b", "S3SecretKey": "theirs"}}


@pytest.mark.parametrize(
    ("event", "word"),
    [
        (sample("ScheduleTask", Transcode="FAIL"), "ScheduleTask"),
        (edit(lambda event: event["WorkflowTaskEvent"].update(InputInfo=VOD)), "VOD"),
        (edit(lambda event: event["WorkflowTaskEvent"].pop("InputInfo")), "(missing)"),
        (edit(lambda event: task(event).update(Input=None)), "(Input)"),
        (edit(lambda event: task(event).update(Input=NO_DEFINITION)), "(Input)"),
        (make_subtitles_event(), "type"),
        (edit(use_unknown_type), "type"),
        (edit(use_url_without_storage), "storage"),
        (redact(edit(lambda event: task(event)["Input"].update(OutputStorage=S3))), "secrets"),
    ],
)
def test_resubmit_warns_about_incomplete_event(application, api, event, word, caplog):
    application(MPS_RESUBMIT="1").main_handler(event, CONTEXT)
    ((level, message),) = get_lines(caplog)
    assert level == "WARNING"
    assert word in message
    assert len(api.requests) == 0


def test_resubmit_accepts_url_source_with_storage(resubmit):
    event = make_failed_event()
    event["WorkflowTaskEvent"]["InputInfo"] = {**URL, "CosInputInfo": None}
    request = resubmit(event)
    assert request["InputInfo"] == URL
    assert "OutputStorage" not in request


@pytest.mark.parametrize(
    ("path", "folder"),
    [("/videos/demo_sprite", "/videos/"), ("/demo", "/"), ("demo_{number}", None), (None, None)],
)
def test_resubmit_uses_storage_of_other_result(resubmit, path, folder):
    event = make_failed_event(Transcode="FAIL", ImageSprites="SUCCESS")
    task(event)["Input"] = {"Definition": 100030, "OutputStorage": None, "WatermarkSet": []}
    sprites = event["WorkflowTaskEvent"]["MediaProcessResultSet"][1]["ImageSpriteTask"]["Input"]
    sprites["OutputObjectPath"] = path
    request = resubmit(event)
    assert request["OutputStorage"] == sprites["OutputStorage"]
    assert request.get("OutputDir") == folder
    assert request["MediaProcessTask"] == {
        "TranscodeTaskSet": [{"Definition": 100030, "WatermarkSet": []}]
    }


def test_resubmit_omits_unknown_storage(resubmit):
    event = payload("synth_workflow_all_failed")
    event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]["Input"] = None
    request = resubmit(event)
    assert request["MediaProcessTask"] == {"ImageSpriteTaskSet": [{"Definition": 10}]}
    assert "OutputStorage" not in request
    assert "TaskNotifyConfig" in request


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", {"NotifyType": "SCF"}),
        ("?notify=SCF", {"NotifyType": "SCF"}),
        ("?notify=none", None),
        (
            "?notify=https://example.com/hook?a=1%26b=2",
            {"NotifyType": "URL", "NotifyUrl": "https://example.com/hook?a=1&b=2"},
        ),
        (
            "?notify=https://example.com/hook&notify_key=k",
            {"NotifyType": "URL", "NotifyUrl": "https://example.com/hook", "NotifyKey": "k"},
        ),
        (
            "?notify=cmq-queue://media.gz",
            {
                "NotifyType": "TDMQ-CMQ",
                "CmqModel": "Queue",
                "CmqRegion": "gz",
                "QueueName": "media",
            },
        ),
        (
            "?notify=cmq-topic://media.sh",
            {
                "NotifyType": "TDMQ-CMQ",
                "CmqModel": "Topic",
                "CmqRegion": "sh",
                "TopicName": "media",
            },
        ),
    ],
)
def test_resubmit_sets_notification_of_new_task(resubmit, options, expected):
    request = resubmit(make_failed_event(), options)
    assert request.get("TaskNotifyConfig") == expected


def test_resubmit_omits_empty_session_context(resubmit):
    event = make_failed_event()
    event["SessionContext"] = ""
    request = resubmit(event)
    assert "SessionContext" not in request


@pytest.mark.parametrize(
    ("options", "number"),
    [("?types=ImageSprites", 1), ("?types=ImageSprites,Transcode&session=order-*", 2)],
)
def test_resubmit_limits_results_by_options(application, api, mps, options, number):
    event = make_failed_event(Transcode="FAIL", ImageSprites="FAIL")
    application(MPS_RESUBMIT=f"1{options}").main_handler(event, CONTEXT)
    assert len(mps.submitted) == number


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "attempts"),
        ("0", "attempts"),
        ("6", "attempts"),
        ("02", "attempts"),
        ("2?notify=scf", "notify="),
        ("2?notify=cmq-queue://media.ap-guangzhou", "gz, sh, bj"),
        ("2?notify=http://example.com/hidden", "notify="),
        ("2?notify=https://me:hidden@example.com/", "user:password@"),
        ("2?notify_key=hidden", "notify_key="),
        ("2?notify=none&notify_key=hidden", "notify_key="),
        ("2?type=Transcode", "types="),
        ("2?types=Transcodes", "'Transcode'"),
    ],
)
def test_resubmit_rejects_invalid_address(text, word):
    with pytest.raises(ValueError, match=re.escape(word)) as caught:
        Resubmit(text)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("UnauthorizedOperation", "mps:ProcessMedia"),
        ("AuthFailure.UnauthorizedOperation", "mps:ProcessMedia"),
        ("FailedOperation.InvalidMpsUser", "FailedOperation.InvalidMpsUser"),
    ],
)
def test_resubmit_fails_with_advice_on_refusal(application, api, code, word):
    api.faults.add("ProcessMedia", code=code)
    with pytest.raises(CallbacksFailed) as caught:
        application(MPS_RESUBMIT="1").main_handler(make_failed_event(), CONTEXT)
    assert word in str(caught.value)


def test_resubmit_retries_rate_limit(application, api, mps):
    api.faults.add("ProcessMedia", times=2)
    application(MPS_RESUBMIT="1").main_handler(make_failed_event(), CONTEXT)
    assert len(mps.submitted) == 1
    assert len(api.requests) == 3


@settings(max_examples=50)
@given(
    task_id=st.text(),
    other=st.text(),
    number=st.integers(1, 5),
    request=st.dictionaries(st.text(), st.none() | st.integers() | st.text()),
)
def test_session_id_is_unique_to_task_and_request(task_id, other, number, request):
    session = make_session_id(task_id, number, request)
    assert len(session) <= 50
    assert session.isascii()
    assert count_resubmissions(session) == number
    assert session == make_session_id(task_id, number, dict(reversed(request.items())))
    assert (session == make_session_id(other, number, request)) == (task_id == other)
    assert session != make_session_id(task_id, number, {**request, other: [1]})
    assert session != make_session_id(task_id, number % 5 + 1, request)


@given(st.text() | st.from_regex("resubmit-[0-9]{1,2}-[0-9a-f]{0,40}", fullmatch=True))
def test_foreign_session_id_counts_as_zero(session):
    ours = session[:9] == "resubmit-" and len(session) == 43 and session[9] in "123456789"
    assert count_resubmissions(session) == (int(session[9]) if ours and session[10] == "-" else 0)
