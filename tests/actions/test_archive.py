"""The archive: which object an event becomes, what is in it, and that a redelivery changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType

import pytest

from scf_mps.actions import Archive
from scf_mps.cos import Cos
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample
from tests.support.sample_data import payload

ARCHIVE = "cos://archive-1250000000.ap-guangzhou/mps/"
NOON = 1_753_099_200.0  # 2025-07-21T12:00:00Z
Keys = Callable[[str], list[str]]


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def test_a_notification_is_kept_as_it_came_under_its_day_type_task_and_status(cos: Cos) -> None:
    notification = payload("mps_workflow_seed_mixed")
    results = notification["WorkflowTaskEvent"]["MediaProcessResultSet"]
    results[2]["SnapshotByTimeOffsetTask"]["FinishTime"] = "2025-07-20T23:59:59Z"
    results[3]["ImageSpriteTask"]["FinishTime"] = "0000-00-00T00:00:00Z"
    event = parse_event(notification)
    kept = Archive(ARCHIVE, lambda: NOON).keep(event, cos)
    assert str(kept) == f"{ARCHIVE}2025-07-20/WorkflowTask/{event.task_id}/FINISH.json"
    assert cos.read_json(kept) == event.raw
    assert cos.head(kept).content_type == "application/json"


def test_the_archive_holds_no_secret(cos: Cos) -> None:
    event = parse_event(payload("synth_workflow_signed"))
    kept = Archive(ARCHIVE).keep(event, cos)
    assert event.raw["Sign"] not in cos.read_text(kept)
    assert cos.read_json(kept)["Sign"] == "***"


def test_a_redelivery_writes_the_same_object(cos: Cos, keys: Keys) -> None:
    event = parse_event(sample())
    archive = Archive(ARCHIVE, lambda: NOON)
    assert archive.keep(event, cos) == archive.keep(event, cos)
    assert len(keys("archive-1250000000")) == 1


def test_a_redelivery_after_midnight_finds_what_the_one_before_wrote(cos: Cos, keys: Keys) -> None:
    event = parse_event(sample("EditMediaTask"))  # nothing in it tells its day
    midnight = NOON + 12 * 3600
    before = Archive(ARCHIVE, lambda: midnight - 60).keep(event, cos)
    assert "/2025-07-21/" in str(before)
    assert Archive(ARCHIVE, lambda: midnight + 60).keep(event, cos) == before
    another = sample("EditMediaTask")
    another["EditMediaTaskEvent"]["TaskId"] = "another"
    other = parse_event(another)
    assert "/2025-07-22/" in str(Archive(ARCHIVE, lambda: midnight + 60).keep(other, cos))


def test_redelivery_within_six_hours_finds_yesterdays_object(cos: Cos) -> None:
    event = parse_event(sample("EditMediaTask"))
    midnight = NOON + 12 * 3600
    late = midnight + 6 * 3600 - 120
    before = Archive(ARCHIVE, lambda: midnight - 60).keep(event, cos)
    assert Archive(ARCHIVE, lambda: late).keep(event, cos) == before


def test_each_notification_of_progress_is_an_object_of_its_own(cos: Cos, keys: Keys) -> None:
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


def test_a_notification_without_a_task_has_a_key_of_its_content(cos: Cos) -> None:
    kept = Archive(ARCHIVE).keep(parse_event(payload("synth_batch_task")), cos)
    assert kept.key.count("/") == 4
    assert "unknown" not in kept.key.rpartition("/")[0]


def test_a_text_of_an_event_that_is_no_unicode_is_kept_as_an_escape(cos: Cos) -> None:
    notification = sample("EditMediaTask")
    notification["SessionContext"] = json.loads('"\\ud800 视频"')
    kept = Archive(ARCHIVE).keep(parse_event(notification), cos)
    assert cos.read_json(kept) == notification
    assert "视频" in cos.read_text(kept)


def test_an_archive_says_how_its_objects_are_kept(cos: Cos) -> None:
    kept = Archive(f"{ARCHIVE}?storage_class=STANDARD_IA").keep(parse_event(sample()), cos)
    assert cos.head(kept).storage_class == "STANDARD_IA"


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("s3://bucket/", "cos://bucket.region"),
        ("cos://archive-1250000000.ap-guangzhou", "expected {task_id} and {status} in the key"),
        ("cos://archive.ap-guangzhou/mps/", "COS bucket"),
        (f"{ARCHIVE}{{taskid}}.json", "did you mean {task_id}?"),
        (f"{ARCHIVE}{{zzz}}.json", "there are date, day, event_type"),
        (f"{ARCHIVE}{{task_id.json", "no other braces"),
        (f"{ARCHIVE}{{task_id}}.json", "or notifications replace each other"),
        (f"{ARCHIVE}{{session_id}}-{{status}}.json", "or notifications replace each other"),
        (f"{ARCHIVE}?storage=IA", "did you mean storage_class=?"),
    ],
)
def test_a_place_that_cannot_be_meant_is_a_mistake(to: str, told: str) -> None:
    with pytest.raises(ValueError, match=r"expected|field|location|bucket") as caught:
        Archive(to)
    assert told in str(caught.value)


def test_the_application_archives_every_event_well_or_not(
    application: Callable[..., ModuleType], keys: Keys
) -> None:
    handlers = application(MPS_ARCHIVE=ARCHIVE)
    for name in (
        "mps_workflow_seed_mixed",
        "synth_edit_media_success",
        "synth_workflow_all_failed",
    ):
        summary = handlers.main_handler(payload(name), {})
        assert ("handlers.archiving.keep", "done") in {
            (one["callback"], one["outcome"]) for one in summary["callbacks"]
        }
    progress = handlers.main_handler(payload("mps_workflow_processing_querydoc"), {})
    assert "handlers.archiving.keep" in {one["callback"] for one in progress["callbacks"]}
    assert len(keys("archive-1250000000")) == 4


def test_without_its_variable_the_application_archives_nothing(
    application: Callable[..., ModuleType],
) -> None:
    assert "handlers.archiving.keep" not in {route.name for route in application().app.routes}
