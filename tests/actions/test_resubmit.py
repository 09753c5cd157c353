"""Results that failed by MPS's own fault, submitted again to MPS's emulator by the official SDK."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("aiohttp", reason="the emulator of the API needs it")
pytest.importorskip("tencentcloud.common", reason="tasks are submitted by it")

from scf_mps.actions import Resubmit
from scf_mps.actions.resubmit import count_resubmissions, session_id
from scf_mps.common.redaction import redact
from scf_mps.errors import CallbacksFailed
from scf_mps.local.api import CloudApi, Mps
from scf_mps.local.cos import CosEmulator
from scf_mps.local.samples import sample
from tests.support.sample_data import payload

CONTEXT = {"request_id": "r-1", "time_limit_in_ms": 60_000}
NAME = "handlers.resubmitting.submit"
Application = Callable[..., ModuleType]
Json = dict[str, Any]


@pytest.fixture
def books() -> Mps:
    return Mps()


@pytest.fixture
def api(books: Mps, emulator: CosEmulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudApi]:
    with CloudApi([books], keys=emulator.keys) as running:
        monkeypatch.setenv("MPS_API_ENDPOINT", running.url)
        monkeypatch.setenv("TENCENTCLOUD_SECRETID", running.key.secret_id)
        monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", running.key.secret_key)
        yield running


def failed(**results: str) -> Json:
    """A task of which results failed with InternalError."""
    event = sample("WorkflowTask", **(results or {"Transcode": "FAIL"}))
    event["SessionId"] = "the-users-own"
    event["SessionContext"] = "order-42"
    return event


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(line.levelname, line.getMessage()) for line in caplog.records if line.name == NAME]


def outcome_of(event: Json, request: Json, task_id: str) -> Json:
    """The notification of the new task, which failed as the one before."""
    again: Json = json.loads(json.dumps(event))
    again["WorkflowTaskEvent"]["TaskId"] = task_id
    again["SessionId"] = request["SessionId"]
    again["SessionContext"] = request["SessionContext"]
    return again


def test_a_failed_transcode_is_submitted_as_it_was_asked_for(
    application: Application, api: CloudApi, books: Mps, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    event = failed(Transcode="FAIL", ImageSprites="SUCCESS")
    application(MPS_RESUBMIT="2").main_handler(event, CONTEXT)

    ((task_id, request),) = books.submitted.items()
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
    assert lines(caplog) == [("INFO", "Transcode was submitted again, 1 of 2 times")]
    (line,) = [line for line in caplog.records if line.name == NAME]
    assert vars(line)["new_task_id"] == task_id


def test_a_task_that_fails_again_and_again_is_given_up_after_as_many_times_as_were_asked_for(
    application: Application, api: CloudApi, books: Mps, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    handlers = application(MPS_RESUBMIT="3")
    event = failed()
    for number in (1, 2, 3):
        handlers.main_handler(event, CONTEXT)
        assert len(books.submitted) == number
        task_id, request = list(books.submitted.items())[-1]
        assert count_resubmissions(request["SessionId"]) == number
        event = outcome_of(event, request, task_id)
    handlers.main_handler(event, CONTEXT)
    assert len(books.submitted) == 3
    assert lines(caplog)[-1] == (
        "ERROR",
        "Transcode failed although it was submitted again 3 times, and is given up: "
        "InternalError 30010 (internal error)",
    )


@pytest.mark.parametrize("ledger", ["none", "memory://"])
def test_a_redelivery_submits_nothing_twice(
    application: Application,
    api: CloudApi,
    books: Mps,
    ledger: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    handlers = application(MPS_RESUBMIT="2", MPS_LEDGER=ledger)
    first = handlers.main_handler(failed(), CONTEXT)
    again = handlers.main_handler(failed(), CONTEXT)
    assert len(books.submitted) == 1
    found = {
        one["outcome"]
        for summary in (first, again)
        for one in summary["callbacks"]
        if one["callback"] == NAME
    }
    assert found == ({"done"} if ledger == "none" else {"done", "skipped"})
    told = ("INFO", "Transcode was submitted again already")
    assert (told in lines(caplog)) is (ledger == "none")


def test_an_answer_that_is_lost_leads_to_no_second_task(
    application: Application, api: CloudApi, books: Mps
) -> None:
    handlers = application(MPS_RESUBMIT="2", MPS_LEDGER="memory://")
    api.faults.add("ProcessMedia", kind="lose_response")
    with pytest.raises(CallbacksFailed):
        handlers.main_handler(failed(), CONTEXT)
    handlers.main_handler(failed(), CONTEXT)
    assert len(books.submitted) == 1


@pytest.mark.parametrize(
    ("review", "on", "submitted"),
    [
        ("SUCCESS", "block", []),
        ("SUCCESS", "fail", ["MediaProcessTask"]),
        ("FAIL", "fail", ["AiContentReviewTask"]),
        ("FAIL", "block", ["AiContentReviewTask", "MediaProcessTask"]),
    ],
)
def test_what_is_held_is_not_made_by_a_task_without_reviews(
    application: Application,
    api: CloudApi,
    books: Mps,
    review: str,
    on: str,
    submitted: list[str],
) -> None:
    event = failed(Transcode="FAIL", Porn=review)
    (porn,) = event["WorkflowTaskEvent"]["AiContentReviewResultSet"]
    if review == "SUCCESS":
        porn["PornTask"]["Output"] = {"Suggestion": "block"}
    held = f"cos://archive-1250000000.ap-guangzhou/held/?on={on}"
    application(MPS_RESUBMIT="2", MPS_MODERATE=held).main_handler(event, CONTEXT)
    asked = {name for request in books.submitted.values() for name in request}
    assert sorted(name for name in asked if name.endswith("ProcessTask") or "Review" in name) == (
        submitted
    )


def test_the_same_failure_of_another_task_is_submitted(
    application: Application, api: CloudApi, books: Mps
) -> None:
    handlers = application(MPS_RESUBMIT="2")
    handlers.main_handler(failed(), CONTEXT)
    other = failed()
    other["WorkflowTaskEvent"]["TaskId"] = "another"
    handlers.main_handler(other, CONTEXT)
    assert len(books.submitted) == 2


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
def test_each_type_of_media_processing_is_in_its_own_list(
    application: Application, api: CloudApi, books: Mps, type_: str, field: str
) -> None:
    application(MPS_RESUBMIT="1").main_handler(failed(**{type_: "FAIL"}), CONTEXT)
    (request,) = books.submitted.values()
    assert list(request["MediaProcessTask"]) == [field]


def internal(result: Json) -> None:
    result |= {"Status": "FAIL", "ErrCodeExt": "InternalError", "ErrCode": 30010, "Output": None}


def test_a_review_of_which_several_parts_failed_is_submitted_once(
    application: Application, api: CloudApi, books: Mps
) -> None:
    event = payload("mps_workflow_ai_content_review")
    for result in event["WorkflowTaskEvent"]["AiContentReviewResultSet"]:
        internal(result[f"{result['Type']}Task"])
    application(MPS_RESUBMIT="1").main_handler(event, CONTEXT)
    (request,) = books.submitted.values()
    assert request["AiContentReviewTask"] == {"Definition": 10}
    assert "MediaProcessTask" not in request


@pytest.mark.parametrize(
    ("name", "place", "field"),
    [
        ("synth_workflow_delogo", ("AiAnalysisResultSet", 0, "DeLogoTask"), "AiAnalysisTask"),
        (
            "mps_workflow_quality_control",
            ("AiQualityControlTaskResult",),
            "AiQualityControlTask",
        ),
    ],
)
def test_other_tasks_are_submitted_as_far_as_their_input_tells(
    application: Application,
    api: CloudApi,
    books: Mps,
    name: str,
    place: tuple[str | int, ...],
    field: str,
) -> None:
    event = payload(name)
    result: Any = event["WorkflowTaskEvent"]
    for step in place:
        result = result[step]
    internal(result)
    application(MPS_RESUBMIT="1").main_handler(event, CONTEXT)
    (request,) = books.submitted.values()
    assert request[field] == result["Input"]


# -- what is not submitted


def fault_of_the_user(event: Json) -> None:
    task(event)["ErrCodeExt"] = "InvalidInput.DefinitionNotExist"


def unknown_error(event: Json) -> None:
    task(event)["ErrCodeExt"] = "30010"


def progress(event: Json) -> None:
    event["WorkflowTaskEvent"]["Status"] = "PROCESSING"


def success(event: Json) -> None:
    task(event)["Status"] = "SUCCESS"


def task(event: Json) -> Json:
    found: Json = event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]
    return found


@pytest.mark.parametrize("change", [fault_of_the_user, unknown_error, progress, success])
def test_nothing_is_submitted_that_failed_for_another_reason_or_not_at_all(
    application: Application, api: CloudApi, change: Callable[[Json], None]
) -> None:
    event = failed()
    change(event)
    summary = application(MPS_RESUBMIT="1").main_handler(event, CONTEXT)
    assert NAME not in {one["callback"] for one in summary["callbacks"]}
    assert len(api.requests) == 0


def test_a_callback_of_ones_own_registration_looks_at_the_result_itself() -> None:
    import scf_mps

    router = scf_mps.Router()
    router.on(scf_mps.Transcode)(Resubmit("1").submit)
    summary = scf_mps.App(router).main_handler(sample("WorkflowTask", Transcode="SUCCESS"), {})
    assert [one["outcome"] for one in summary["callbacks"]] == ["done"]


def of_a_scheme(event: Json) -> Json:
    return sample("ScheduleTask", Transcode="FAIL")


def from_vod(event: Json) -> Json:
    event["WorkflowTaskEvent"]["InputInfo"] = {"Type": "VOD", "VODInputInfo": {}}
    return event


def without_source(event: Json) -> Json:
    del event["WorkflowTaskEvent"]["InputInfo"]
    return event


def without_input(event: Json) -> Json:
    task(event)["Input"] = None
    return event


def without_definition(event: Json) -> Json:
    task(event)["Input"] = {"Definition": 0, "OutputObjectPath": "/a"}
    return event


def subtitles(event: Json) -> Json:
    found: Json = payload("mps_workflow_smart_subtitles_success")
    internal(found["WorkflowTaskEvent"]["SmartSubtitlesTaskResult"][0]["AsrFullTextTask"])
    return found


def unknown_type(event: Json) -> Json:
    result = event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]
    result["Type"] = "CoverBySnapshot"
    result["CoverBySnapshotTask"] = result.pop("TranscodeTask")
    return event


def url_without_storage(event: Json) -> Json:
    url = {"Type": "URL", "UrlInputInfo": {"Url": "https://example.com/a.mp4"}}
    event["WorkflowTaskEvent"]["InputInfo"] = url
    task(event)["Input"]["OutputStorage"] = None
    return event


def archived(event: Json) -> Json:
    task(event)["Input"]["OutputStorage"] = {
        "Type": "AWS-S3",
        "S3OutputStorage": {"S3Bucket": "b", "S3SecretKey": "theirs"},
    }
    found: Json = redact(event)
    return found


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (of_a_scheme, "of a ScheduleTask the event does not tell how it was asked for"),
        (from_vod, "its source is VOD, not in COS or at a URL"),
        (without_source, "its source is not told, not in COS or at a URL"),
        (without_input, "does not tell what was asked for (Input)"),
        (without_definition, "does not tell what was asked for (Input)"),
        (subtitles, "does not tell all that ProcessMedia has to be told of it"),
        (unknown_type, "does not tell all that ProcessMedia has to be told of it"),
        (url_without_storage, "the event does not tell where outputs are to be"),
        (archived, "its secrets were hidden when the event was kept"),
    ],
)
def test_what_the_event_does_not_tell_enough_of_is_a_warning_and_nothing_is_submitted(
    application: Application,
    api: CloudApi,
    change: Callable[[Json], Json],
    told: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    application(MPS_RESUBMIT="1").main_handler(change(failed()), CONTEXT)
    ((level, message),) = lines(caplog)
    assert level == "WARNING"
    assert "cannot be submitted again: " in message
    assert told in message
    assert len(api.requests) == 0


# -- what the event tells of outputs


def test_a_source_at_a_url_is_submitted_where_the_event_tells_a_storage(
    application: Application, api: CloudApi, books: Mps
) -> None:
    event = failed()
    url = {"Type": "URL", "UrlInputInfo": {"Url": "https://example.com/a.mp4"}}
    event["WorkflowTaskEvent"]["InputInfo"] = {**url, "CosInputInfo": None}
    application(MPS_RESUBMIT="1").main_handler(event, CONTEXT)
    (request,) = books.submitted.values()
    assert request["InputInfo"] == url
    assert "OutputStorage" not in request


@pytest.mark.parametrize(
    ("path", "folder"),
    [("/videos/demo_sprite", "/videos/"), ("/demo", "/"), ("demo_{number}", None), (None, None)],
)
def test_outputs_are_put_where_another_result_was_if_their_own_input_does_not_say(
    application: Application, api: CloudApi, books: Mps, path: str | None, folder: str | None
) -> None:
    event = failed(Transcode="FAIL", ImageSprites="SUCCESS")
    task(event)["Input"] = {"Definition": 100030, "OutputStorage": None, "WatermarkSet": []}
    sprites = event["WorkflowTaskEvent"]["MediaProcessResultSet"][1]["ImageSpriteTask"]["Input"]
    sprites["OutputObjectPath"] = path
    application(MPS_RESUBMIT="1").main_handler(event, CONTEXT)
    (request,) = books.submitted.values()
    assert request["OutputStorage"] == sprites["OutputStorage"]
    assert request.get("OutputDir") == folder
    assert request["MediaProcessTask"] == {
        "TranscodeTaskSet": [{"Definition": 100030, "WatermarkSet": []}]
    }


def test_where_no_result_tells_a_storage_it_is_left_to_mps(
    application: Application, api: CloudApi, books: Mps
) -> None:
    event = payload("synth_workflow_all_failed")
    event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]["Input"] = None
    application(MPS_RESUBMIT="1").main_handler(event, CONTEXT)
    (request,) = books.submitted.values()
    assert request["MediaProcessTask"] == {"ImageSpriteTaskSet": [{"Definition": 10}]}
    assert "OutputStorage" not in request
    assert "TaskNotifyConfig" in request


# -- how MPS is to tell


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
def test_the_new_task_is_told_of_as_is_asked_for(
    application: Application, api: CloudApi, books: Mps, options: str, expected: Json | None
) -> None:
    application(MPS_RESUBMIT=f"1{options}").main_handler(failed(), CONTEXT)
    (request,) = books.submitted.values()
    assert request.get("TaskNotifyConfig") == expected


def test_a_task_without_a_session_context_gets_none(
    application: Application, api: CloudApi, books: Mps
) -> None:
    event = failed()
    event["SessionContext"] = ""
    application(MPS_RESUBMIT="1").main_handler(event, CONTEXT)
    (request,) = books.submitted.values()
    assert "SessionContext" not in request


@pytest.mark.parametrize(
    ("options", "number"),
    [("?types=ImageSprites", 1), ("?types=ImageSprites,Transcode&session=order-*", 2)],
)
def test_results_can_be_chosen(
    application: Application, api: CloudApi, books: Mps, options: str, number: int
) -> None:
    event = failed(Transcode="FAIL", ImageSprites="FAIL")
    application(MPS_RESUBMIT=f"1{options}").main_handler(event, CONTEXT)
    assert len(books.submitted) == number


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", "expected how many times, 1 to 5, not ''"),
        ("0", "expected how many times"),
        ("6", "expected how many times"),
        ("02", "expected how many times"),
        ("2?notify=scf", "notify= expects SCF, none"),
        ("2?notify=cmq-queue://media.ap-guangzhou", "gz, sh, bj"),
        ("2?notify=http://example.com/hidden", "notify= expects SCF, none"),
        ("2?notify=https://me:hidden@example.com/", "without user:password@"),
        ("2?notify_key=hidden", "notify_key= is for a notify= that is a URL"),
        ("2?notify=none&notify_key=hidden", "notify_key= is for a notify= that is a URL"),
        ("2?type=Transcode", "did you mean types=?"),
        ("2?types=Transcodes", "'Transcode'"),
    ],
)
def test_what_cannot_be_meant_is_a_mistake(given: str, told: str) -> None:
    with pytest.raises(ValueError, match=r"expect|option|type|without|is for") as caught:
        Resubmit(given)
    assert told in str(caught.value)
    assert "hidden" not in str(caught.value)


# -- refusals


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("UnauthorizedOperation", "execution role needs mps:ProcessMedia"),
        ("AuthFailure.UnauthorizedOperation", "execution role needs mps:ProcessMedia"),
        ("FailedOperation.InvalidMpsUser", "FailedOperation.InvalidMpsUser: An injected fault."),
    ],
)
def test_a_refusal_is_a_failure_that_says_what_to_do(
    application: Application, api: CloudApi, code: str, told: str
) -> None:
    api.faults.add("ProcessMedia", code=code)
    with pytest.raises(CallbacksFailed) as caught:
        application(MPS_RESUBMIT="1").main_handler(failed(), CONTEXT)
    assert told in str(caught.value)


def test_too_many_submissions_a_second_are_sent_again(
    application: Application, api: CloudApi, books: Mps
) -> None:
    api.faults.add("ProcessMedia", times=2)
    application(MPS_RESUBMIT="1").main_handler(failed(), CONTEXT)
    assert len(books.submitted) == 1
    assert len(api.requests) == 3


# -- the SessionId


@settings(max_examples=50)
@given(
    task_id=st.text(),
    other=st.text(),
    number=st.integers(1, 5),
    request=st.dictionaries(st.text(), st.none() | st.integers() | st.text()),
)
def test_a_session_id_fits_tells_the_number_and_differs_by_task_and_request(
    task_id: str, other: str, number: int, request: Json
) -> None:
    session = session_id(task_id, number, request)
    assert len(session) <= 50
    assert session.isascii()
    assert count_resubmissions(session) == number
    assert session == session_id(task_id, number, dict(reversed(request.items())))
    assert (session == session_id(other, number, request)) == (task_id == other)
    assert session != session_id(task_id, number, {**request, other: [1]})
    assert session != session_id(task_id, number % 5 + 1, request)


@given(st.text() | st.from_regex("resubmit-[0-9]{1,2}-[0-9a-f]{0,40}", fullmatch=True))
def test_a_session_id_of_somebody_else_counts_for_nothing(session: str) -> None:
    ours = session[:9] == "resubmit-" and len(session) == 43 and session[9] in "123456789"
    assert count_resubmissions(session) == (int(session[9]) if ours and session[10] == "-" else 0)
