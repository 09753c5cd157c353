"""Content of messages."""

import pytest

from scf_mps.actions.notify.text import format_duration, format_size
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample
from tests.support.sample_data import payload

from .support import deliver


def test_aborted_result_is_not_reported_as_success(stub):
    event = sample("WorkflowTask", Transcode="SUCCESS", ImageSprites="SUCCESS")
    event["WorkflowTaskEvent"]["MediaProcessResultSet"][1]["ImageSpriteTask"]["Status"] = "ABORTED"
    deliver("wecom", stub, parse_event(event), options="&lang=en&on=failure")
    content = stub.received[0].message["markdown_v2"]["content"]
    assert "MPS task ended" in content
    assert "ABORTED" in content


@pytest.mark.parametrize(
    ("event", "parts"),
    [
        ("synth_edit_media_success", ["MPS 任务成功", "✅ EditMediaTask"]),
        ("synth_edit_media_fail", ["MPS 任务失败", "❌ EditMediaTask"]),
        (
            "synth_workflow_source_error",
            ["MPS 任务失败：demo.mp4", "❌ WorkflowTask  30010 (source"],
        ),
        ("synth_workflow_all_failed", ["MPS 任务失败", "InternalError", "重新提交任务可能成功"]),
        ("mps_workflow_ai_content_review", ["Porn", "pass"]),
        ("synth_extract_blind_watermark", ["ExtractBlindWatermark"]),
        ("synth_workflow_nulls", ["MPS 任务"]),
        ("synth_batch_task", ["BatchTask"]),
        ("synth_schedule_all_activity_types", ["ScheduleTask", "❔ Dubbing  PROCESSING"]),
    ],
)
def test_message_covers_every_kind_of_event(event, parts, stub):
    deliver("webhook", stub, event=parse_event(payload(event)))
    text = stub.received[0].message["text"]
    assert [part for part in parts if part not in text] == []


def test_message_shows_error_of_task_and_results(stub):
    notification = sample("WorkflowTask", Transcode="SUCCESS", ImageSprites="FAIL")
    notification["WorkflowTaskEvent"] |= {"ErrCode": 1, "Message": "*odd*"}
    results = notification["WorkflowTaskEvent"]["MediaProcessResultSet"]
    results[1]["ImageSpriteTask"]["ErrCodeExt"] = "SourceFileError.NoVideoMedia"
    text = deliver("wecom", stub, event=parse_event(notification))
    assert "MPS 任务部分失败（1/2）" in text
    assert "> 错误：1 (＊odd＊) — MPS 未说明重新提交是否有效" in text
    assert "重新提交无效，请先修正输入或参数" in text


@pytest.mark.parametrize(
    ("lang", "title"),
    [("zh", "## MPS 任务部分失败：demo.mp4"), ("en", "## MPS task partly failed: demo.mp4")],
)
def test_title_omits_count_if_only_task_failed(lang, title, stub):
    notification = sample("WorkflowTask", Transcode="SUCCESS", ImageSprites="SUCCESS")
    notification["WorkflowTaskEvent"]["ErrCode"] = 60000
    deliver("wecom", stub, event=parse_event(notification), options=f"&lang={lang}")
    text = stub.received[0].message["markdown_v2"]["content"]
    assert text.splitlines()[0] == title


def test_unknown_status_is_shown_unchanged(stub):
    notification = sample("WorkflowTask", Transcode="SUCCESS")
    result = notification["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]
    result["Status"] = "ABORTED"
    result["Output"] |= {"Size": True, "Duration": float("inf"), "Width": "x", "Height": -1}
    assert "❔ Transcode 100030  demo_Transcode_100030.mp4  ABORTED" in deliver(
        "webhook", stub, event=parse_event(notification)
    )
    assert stub.received[0].message["results"][0]["outcome"] == "unknown"


def test_unknown_event_type_is_reported(stub):
    event = parse_event(
        {"EventType": "HoloTask", "HoloTaskEvent": {"TaskId": "t", "Status": "FINISH"}}
    )
    deliver("webhook", stub, event=event)
    assert stub.received[0].message["text"].splitlines() == [
        "MPS 任务成功",
        "任务：t",
        "事件：HoloTask",
        "",
        "✅ HoloTask",
    ]


def test_duration_and_size_formats():
    assert [format_duration(seconds) for seconds in (0.5, 59.96, 61, 3723.9)] == [
        "0.5 s",
        "60 s",
        "1:01",
        "1:02:03",
    ]
    assert [format_size(count) for count in (1, 1023, 401_637, 999_500, 1.25e9, 2e12)] == [
        "1 B",
        "1.02 KB",
        "402 KB",
        "1 MB",
        "1.25 GB",
        "2 TB",
    ]


def test_message_shows_verdict_in_one_line(stub):
    event = sample("WorkflowTask", Transcode="SUCCESS")
    output = {"Suggestion": "block", "Label": "sexy", "Confidence": 98}
    review = {"Type": "Porn", "PornTask": {"Status": "SUCCESS", "Output": output}}
    event["WorkflowTaskEvent"]["AiContentReviewResultSet"] = [review]
    deliver("wecom", stub, parse_event(event), options="&lang=en")
    assert (
        "Review: block: Porn sexy block 98%" in stub.received[0].message["markdown_v2"]["content"]
    )


@pytest.mark.parametrize(
    ("info", "name", "source"),
    [
        (
            {
                "Type": "URL",
                "UrlInputInfo": {"Url": "https://me:hush@a.cn/b/a%20film.mp4?token=hush"},
            },
            "a film.mp4",
            "https://a.cn/b/a%20film.mp4",
        ),
        (
            {"Type": "AWS-S3", "S3InputInfo": {"S3Bucket": "films", "S3Object": "/a/b.mp4"}},
            "b.mp4",
            "s3://films/a/b.mp4",
        ),
        ({"Type": "VOD", "VODInputInfo": {"FileId": "5285"}}, "5285", "vod://5285"),
    ],
)
def test_message_names_source_outside_cos(info, name, source, stub):
    notification = sample("WorkflowTask", Transcode="SUCCESS")
    notification["WorkflowTaskEvent"]["InputInfo"] = info
    text = deliver("wecom", stub, event=parse_event(notification), options="&lang=en")
    assert f"MPS task succeeded: {name}" in text
    assert f"> Source: {source}" in text
    assert "hush" not in text
