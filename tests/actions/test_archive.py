"""Archive action: keys, content and redelivery."""

import json
import re

import pytest

from scf_mps.actions import Archive
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample
from tests.support.sample_data import payload

ARCHIVE = "cos://archive-1250000000.ap-guangzhou/mps/"
NOON = 1_753_099_200.0  # 2025-07-21T12:00:00Z


@pytest.fixture(autouse=True)
def _utc(monkeypatch):
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def test_archive_keeps_notification_unchanged_under_default_key(cos):
    notification = payload("mps_workflow_seed_mixed")
    results = notification["WorkflowTaskEvent"]["MediaProcessResultSet"]
    results[2]["SnapshotByTimeOffsetTask"]["FinishTime"] = "2025-07-20T23:59:59Z"
    results[3]["ImageSpriteTask"]["FinishTime"] = "0000-00-00T00:00:00Z"
    event = parse_event(notification)
    kept = Archive(ARCHIVE, lambda: NOON).keep(event, cos)
    assert str(kept) == f"{ARCHIVE}2025-07-20/WorkflowTask/{event.task_id}/FINISH.json"
    assert cos.read_json(kept) == event.raw
    assert cos.head(kept).content_type == "application/json"


def test_archive_holds_no_secret(cos):
    event = parse_event(payload("synth_workflow_signed"))
    kept = Archive(ARCHIVE).keep(event, cos)
    assert event.raw["Sign"] not in cos.read_text(kept)
    assert cos.read_json(kept)["Sign"] == "***"


def test_archive_overwrites_its_object_on_redelivery(cos, keys):
    event = parse_event(sample())
    archive = Archive(ARCHIVE, lambda: NOON)
    assert archive.keep(event, cos) == archive.keep(event, cos)
    assert len(keys("archive-1250000000")) == 1


def test_archive_finds_undated_object_after_midnight(cos, keys):
    event = parse_event(sample("EditMediaTask"))  # without a date
    midnight = NOON + 12 * 3600
    before = Archive(ARCHIVE, lambda: midnight - 60).keep(event, cos)
    assert "/2025-07-21/" in str(before)
    assert Archive(ARCHIVE, lambda: midnight + 60).keep(event, cos) == before
    another = sample("EditMediaTask")
    another["EditMediaTaskEvent"]["TaskId"] = "another"
    other = parse_event(another)
    assert "/2025-07-22/" in str(Archive(ARCHIVE, lambda: midnight + 60).keep(other, cos))


def test_archive_finds_object_of_last_six_hours(cos):
    event = parse_event(sample("EditMediaTask"))
    midnight = NOON + 12 * 3600
    late = midnight + 6 * 3600 - 120
    before = Archive(ARCHIVE, lambda: midnight - 60).keep(event, cos)
    assert Archive(ARCHIVE, lambda: late).keep(event, cos) == before


def test_archive_keeps_each_progress_notification(cos, keys):
    archive = Archive(f"{ARCHIVE}{{task_id}}-{{status}}-{{outcome}}.json")
    for progress in (10, 20):
        notification = sample("WorkflowTask", status="PROCESSING", Transcode="PROCESSING")
        notification["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"][
            "Progress"
        ] = progress
        archive.keep(parse_event(notification), cos)
    assert len(keys("archive-1250000000")) == 2
    assert all(
        "-PROCESSING-" in key and key.endswith("-progress.json")
        for key in keys("archive-1250000000")
    )


def test_archive_key_has_digest_without_task_id(cos):
    kept = Archive(ARCHIVE).keep(parse_event(payload("synth_batch_task")), cos)
    assert kept.key.count("/") == 4
    assert "unknown" not in kept.key.rpartition("/")[0]


def test_archive_escapes_lone_surrogates(cos):
    notification = sample("EditMediaTask")
    notification["SessionContext"] = json.loads('"\\ud800 视频"')
    kept = Archive(ARCHIVE).keep(parse_event(notification), cos)
    assert cos.read_json(kept) == notification
    assert "视频" in cos.read_text(kept)


def test_archive_sets_storage_class(cos):
    kept = Archive(f"{ARCHIVE}?storage_class=STANDARD_IA").keep(parse_event(sample()), cos)
    assert cos.head(kept).storage_class == "STANDARD_IA"


@pytest.mark.parametrize(
    ("to", "word"),
    [
        ("s3://bucket/", "cos://"),
        ("cos://archive-1250000000.ap-guangzhou", "{task_id}"),
        ("cos://archive.ap-guangzhou/mps/", "'archive'"),
        (f"{ARCHIVE}{{taskid}}.json", "{task_id}?"),
        (f"{ARCHIVE}{{zzz}}.json", "event_type"),
        (f"{ARCHIVE}{{task_id.json", "brace"),
        (f"{ARCHIVE}{{task_id}}.json", "notifications"),
        (f"{ARCHIVE}{{session_id}}-{{status}}.json", "notifications"),
        (f"{ARCHIVE}?storage=IA", "storage_class=?"),
    ],
)
def test_archive_rejects_invalid_address(to, word):
    with pytest.raises(ValueError, match=re.escape(word)):
        Archive(to)


def test_application_archives_events_of_every_outcome(application, keys):
    handlers = application(MPS_ARCHIVE=ARCHIVE)
    for name in (
        "mps_workflow_seed_mixed",
        "synth_edit_media_success",
        "synth_workflow_all_failed",
    ):
        summary = handlers.main_handler(payload(name), {})
        assert ("handlers.archiving.keep", "done") in {
            (call["callback"], call["outcome"]) for call in summary["callbacks"]
        }
    progress = handlers.main_handler(payload("mps_workflow_processing_querydoc"), {})
    assert "handlers.archiving.keep" in {call["callback"] for call in progress["callbacks"]}
    assert len(keys("archive-1250000000")) == 4
