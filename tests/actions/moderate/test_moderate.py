"""Moderate action: complete moves into the quarantine, redelivery, and events that are not held."""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Callable

import pytest

from scf_mps import CallbacksFailed
from scf_mps.actions import Moderate, Verdict, compute_verdict
from scf_mps.cos import Cos, CosObject, Denied, NotAPlaylist, NotFound, SomeFailed, UnknownManifest
from scf_mps.cos.operations import get_acl_headers
from scf_mps.errors import NotInCos
from scf_mps.events.base import Event
from scf_mps.events.parser import parse_event
from scf_mps.local.cos import Fault
from scf_mps.local.samples import sample
from tests.support.sample_data import payload

HELD = "cos://archive-1250000000.ap-guangzhou/held/"
OUT = "out-1250000000"
PLAYER = "cos://player-1250000000.ap-guangzhou/vod/"
Keys = Callable[[str], list[str]]

MASTER = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow/index.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nhigh.m3u8\n"
LOW = "#EXTM3U\n#EXTINF:2,\n0.ts\n#EXTINF:2,\n1.ts\n"
HIGH = "#EXTM3U\n#EXTINF:2,\nhigh-0.ts\n"
FILES = {
    "videos/demo.mp4": "a rendition",
    "videos/ads/low/0.ts": "zero",
    "videos/ads/low/1.ts": "one",
    "videos/ads/high-0.ts": "high zero",
    "videos/ads/low/index.m3u8": LOW,
    "videos/ads/high.m3u8": HIGH,
    "videos/ads/demo.m3u8": MASTER,
}


def at(key, bucket=OUT):
    return CosObject(bucket, "ap-guangzhou", key)


def held(key, bucket=OUT):
    return CosObject.parse(f"{HELD}{bucket}/{key}")


def notification(suggestion="block", status="SUCCESS"):
    """Return an event with a rendition, an adaptive stream and a review."""
    made = sample(
        "WorkflowTask",
        Transcode="SUCCESS",
        AdaptiveDynamicStreaming="SUCCESS",
        session_context="order-42",
    )
    task = made["WorkflowTaskEvent"]
    rendition, stream = task["MediaProcessResultSet"]
    rendition["TranscodeTask"]["Output"]["Path"] = "/videos/demo.mp4"
    stream["AdaptiveDynamicStreamingTask"]["Output"]["Path"] = "/videos/ads/demo.m3u8"
    review = {"Status": status, "Output": {"Suggestion": suggestion}}
    task["AiContentReviewResultSet"] = [{"Type": "Porn", "PornTask": review}]
    task["InputInfo"]["CosInputInfo"].update(Bucket="source-1250000000")
    return made


def event(suggestion="block", status="SUCCESS"):
    return parse_event(notification(suggestion, status))


@pytest.fixture
def stored(cos):
    """Store the outputs and the source of `notification`, and a file of another task."""
    for key, text in FILES.items():
        cos.upload(text.encode(), at(key))
    cos.upload(b"another's", at("videos/ads/another.ts"))
    cos.upload(b"the source", at("videos/demo.mp4", "source-1250000000"))


def fail_to_quarantine(event: Event, cos: Cos) -> tuple[Exception, ...]:
    """Return the errors of a quarantine that fails."""
    with pytest.raises(SomeFailed) as caught:
        Moderate(HELD).quarantine(event, cos)
    return tuple(caught.value.exceptions)


def is_held_whole(cos: Cos, keys: Keys) -> bool:
    copies = {key.removeprefix(f"held/{OUT}/") for key in keys("archive-1250000000")}
    return (
        keys(OUT) == ["videos/ads/another.ts"]
        and {key: cos.read_text(held(key)) for key in copies} == FILES
    )


@pytest.mark.usefixtures("stored")
def test_quarantine_moves_blocked_outputs_with_segments(cos, keys):
    moved = Moderate(HELD).quarantine(event(), cos)
    assert set(moved) == {held(key) for key in FILES}
    assert is_held_whole(cos, keys)
    assert keys("source-1250000000") == ["videos/demo.mp4"]


@pytest.mark.usefixtures("stored")
def test_redelivery_finds_everything_moved(cos, keys, emulator):
    moderate = Moderate(f"{HELD}?source=move")
    first = moderate.quarantine(event(), cos)
    assert held("videos/demo.mp4", "source-1250000000") in first
    emulator.requests.clear()
    assert set(moderate.quarantine(event(), cos)) == set(first)
    assert {request.method for request in emulator.requests} <= {"GET", "HEAD"}
    assert keys("source-1250000000") == []


def test_redelivery_completes_any_interrupted_move(cos, keys):
    moderate = Moderate(HELD)
    cos.upload(b"another's", at("videos/ads/another.ts"))
    playlists = [key for key in FILES if key.endswith(".m3u8")]
    others = [set(FILES) - set(playlists), {"videos/ads/low/0.ts"}, {"videos/demo.mp4"}, set()]
    subsets = [
        some | set(itertools.compress(playlists, bits))
        for some in others
        for bits in itertools.product((0, 1), repeat=len(playlists))
    ]
    # A move copies everything before it deletes anything.
    states = [(copied, set()) for copied in subsets[::3]] + [(set(FILES), gone) for gone in subsets]
    for copied, gone in states:
        for key, text in FILES.items():
            cos.upload(text.encode(), at(key)) if key not in gone else cos.delete(at(key))
            cos.upload(text.encode(), held(key)) if key in copied else cos.delete(held(key))
        moderate.quarantine(event(), cos)
        assert is_held_whole(cos, keys), (copied, gone)


@pytest.mark.usefixtures("stored")
def test_redelivery_moves_undeleted_objects(cos, keys, emulator):
    number = emulator.faults.add(Fault("fail_keys", key="*.ts", code="AccessDenied"))
    assert len(fail_to_quarantine(event(), cos)) == 3
    assert "videos/ads/demo.m3u8" not in keys(OUT)
    emulator.faults.remove(number)
    Moderate(HELD).quarantine(event(), cos)
    assert is_held_whole(cos, keys)


@pytest.mark.usefixtures("stored")
def test_redelivery_moves_stream_with_unreadable_playlist(cos, keys, emulator):
    number = emulator.faults.add(
        Fault("error", operation="GetObject", key="*.m3u8", status=403, code="AccessDenied")
    )
    (error,) = fail_to_quarantine(event(), cos)
    assert isinstance(error, Denied)
    assert "videos/demo.mp4" not in keys(OUT)
    assert "videos/ads/demo.m3u8" in keys(OUT)
    emulator.faults.remove(number)
    Moderate(HELD).quarantine(event(), cos)
    assert is_held_whole(cos, keys)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("name", ["low/1.ts", "low/index.m3u8"])
def test_missing_file_does_not_stop_others(cos, keys, name):
    missing = at(f"videos/ads/{name}")
    cos.delete(missing)
    for _ in range(2):  # the redelivery fails as well
        (error,) = fail_to_quarantine(event(), cos)
        assert isinstance(error, NotFound)
        assert error.object == missing
        assert not {"videos/ads/high.m3u8", "videos/ads/high-0.ts"} & set(keys(OUT))
        assert name != "low/1.ts" or keys(OUT) == ["videos/ads/another.ts"]
    cos.upload(FILES[missing.key].encode(), missing)
    Moderate(HELD).quarantine(event(), cos)
    assert is_held_whole(cos, keys)


def test_circular_playlists_are_moved(cos, keys):
    made = notification()
    made["WorkflowTaskEvent"]["MediaProcessResultSet"].pop(0)
    master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n"
    cos.upload(f"{master}a.m3u8\ngone.m3u8\n".encode(), at("videos/ads/demo.m3u8"))
    cos.upload(f"{master}demo.m3u8\ngone.m3u8\n".encode(), at("videos/ads/a.m3u8"))
    assert len(fail_to_quarantine(parse_event(made), cos)) == 1
    assert keys(OUT) == []


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("name", ["demo.mp4", "0.ts", "demo.m3u8"])
def test_failed_copy_does_not_stop_others(cos, keys, emulator, name):
    number = emulator.faults.add(
        Fault("error", "CopyObject", key=f"*/{name}", status=403, code="AccessDenied")
    )
    (error,) = fail_to_quarantine(event(), cos)
    assert isinstance(error, Denied)
    left = [key for key in FILES if key.endswith(f"/{name}")]
    assert keys(OUT) == sorted(["videos/ads/another.ts", *left])
    emulator.faults.remove(number)
    Moderate(HELD).quarantine(event(), cos)
    assert is_held_whole(cos, keys)


def test_quarantine_lists_missing_outputs(cos):
    errors = fail_to_quarantine(event(), cos)
    missing = {error.object for error in errors if isinstance(error, NotFound)}
    assert missing == {at("videos/demo.mp4"), at("videos/ads/demo.m3u8")}


@pytest.mark.usefixtures("stored")
def test_quarantine_moves_dash_manifest_and_fails(cos, keys):
    made = notification()
    stream = made["WorkflowTaskEvent"]["MediaProcessResultSet"][1]
    stream["AdaptiveDynamicStreamingTask"]["Output"]["Path"] = "/videos/dash.mpd"
    cos.upload(b"<MPD/>", at("videos/dash.mpd"))
    (error,) = fail_to_quarantine(parse_event(made), cos)
    assert isinstance(error, UnknownManifest)
    assert {f"held/{OUT}/videos/dash.mpd", f"held/{OUT}/videos/demo.mp4"} == set(
        keys("archive-1250000000")
    )


@pytest.mark.usefixtures("stored")
def test_output_outside_cos_fails_after_others_moved(cos, keys):
    made = notification()
    rendition = made["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]
    rendition["Output"]["OutputStorage"] = {"Type": "AWS-S3", "S3OutputStorage": {}}
    (error,) = fail_to_quarantine(parse_event(made), cos)
    assert isinstance(error, NotInCos)
    assert keys(OUT) == ["videos/ads/another.ts", "videos/demo.mp4"]


def test_key_too_long_for_quarantine_fails(cos):
    made = notification()
    made["WorkflowTaskEvent"]["MediaProcessResultSet"].pop()
    rendition = made["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]
    rendition["Output"]["Path"] = f"/{'x' * 850}"
    (error,) = fail_to_quarantine(parse_event(made), cos)
    assert "850 bytes" in str(error)


@pytest.mark.parametrize("name", ["demo.m3u8", "Manifest"])
def test_redelivery_finds_files_named_from_root(cos, keys, name):
    made = notification()
    results = made["WorkflowTaskEvent"]["MediaProcessResultSet"]
    results.pop(0)
    results[0]["AdaptiveDynamicStreamingTask"]["Output"]["Path"] = f"/videos/ads/{name}"
    text = "#EXTM3U\n#EXTINF:2,\n/videos/0.ts\n#EXT-X-GAP\n#EXTINF:2,\ngap.ts\n"
    cos.upload(text.encode(), at(f"videos/ads/{name}"))
    for _ in range(2):
        cos.upload(b"zero", at("videos/0.ts"))  # again, as if it could not be deleted
        Moderate(HELD).quarantine(parse_event(made), cos)
        assert keys(OUT) == []
        assert len(keys("archive-1250000000")) == 2


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("option", "headers"), [("", {}), ("?acl=private", {"x-cos-acl": "private"})]
)
def test_moved_objects_have_configured_acl(cos, option, headers):
    for moved in Moderate(f"{HELD}{option}").quarantine(event(), cos):
        assert get_acl_headers(cos._client, moved) == headers


@pytest.mark.usefixtures("stored")
def test_source_at_cos_url_is_moved(cos, keys):
    made = notification()
    url = "https://source-1250000000.cos.ap-guangzhou.myqcloud.com/videos/demo.mp4?q-sign=1"
    made["WorkflowTaskEvent"]["InputInfo"] = {"Type": "URL", "UrlInputInfo": {"Url": url}}
    Moderate(f"{HELD}?source=move").quarantine(parse_event(made), cos)
    assert keys("source-1250000000") == []
    assert "held/source-1250000000/videos/demo.mp4" in keys("archive-1250000000")


@pytest.mark.usefixtures("stored")
def test_source_outside_cos_stays_with_warning(cos, keys, caplog):
    made = notification()
    made["WorkflowTaskEvent"]["InputInfo"] = {
        "Type": "URL",
        "UrlInputInfo": {"Url": "https://example.com/demo.mp4?token=hush"},
    }
    Moderate(f"{HELD}?source=move").quarantine(parse_event(made), cos)
    assert is_held_whole(cos, keys)
    assert "https://example.com/demo.mp4" in caplog.text
    assert "hush" not in caplog.text


@pytest.mark.usefixtures("stored")
def test_playlist_source_moves_alone(cos, keys):
    made = notification()
    made["WorkflowTaskEvent"]["InputInfo"]["CosInputInfo"]["Object"] = "/mine.m3u8"
    cos.upload(b"#EXTM3U\n#EXTINF:2,\nvideos/demo.mp4\n", at("mine.m3u8", "source-1250000000"))
    Moderate(f"{HELD}?source=move").quarantine(parse_event(made), cos)
    assert keys("source-1250000000") == ["videos/demo.mp4"]


@pytest.mark.usefixtures("stored")
def test_source_in_quarantine_stays(cos, keys):
    Moderate(HELD).quarantine(event(), cos)
    again = notification()
    info = again["WorkflowTaskEvent"]["InputInfo"]["CosInputInfo"]
    info.update(Bucket="archive-1250000000", Object=f"/held/{OUT}/videos/demo.mp4")
    again["WorkflowTaskEvent"]["MediaProcessResultSet"] = []
    assert Moderate(f"{HELD}?source=move").quarantine(parse_event(again), cos) == []
    assert f"held/{OUT}/videos/demo.mp4" in keys("archive-1250000000")


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("to", "suggestion", "status"),
    [
        (HELD, "pass", "SUCCESS"),
        (f"{HELD}?on=block,fail", "review", "SUCCESS"),
        (f"{HELD}?on=fail", "block", "SUCCESS"),
        (f"{HELD}?on=review,block", "pass", "FAIL"),
    ],
)
def test_quarantine_ignores_unselected_decisions(cos, keys, to, suggestion, status):
    moderate = Moderate(to)
    assert moderate.quarantine(event(suggestion, status), cos) == []
    assert len(keys(OUT)) == len(FILES) + 1
    assert all(map(moderate.permits, event(suggestion, status).subtasks))


@pytest.mark.usefixtures("stored")
def test_outputs_in_quarantine_bucket_are_moved(cos, keys):
    Moderate("cos://out-1250000000.ap-guangzhou/held/").quarantine(event(), cos)
    left = [key for key in keys(OUT) if not key.startswith("held/")]
    assert left == ["videos/ads/another.ts"]
    assert len(keys(OUT)) == len(FILES) + 1


@pytest.mark.usefixtures("stored")
def test_invalid_playlist_is_moved_and_fails(cos, keys):
    cos.upload(b"no playlist", at("videos/ads/demo.m3u8"))
    (error,) = fail_to_quarantine(event(), cos)
    assert isinstance(error, NotAPlaylist)
    assert "videos/ads/demo.m3u8" not in keys(OUT)


def test_moderate_ignores_event_without_review(cos):
    documented = parse_event(sample())
    assert Moderate(HELD).quarantine(documented, cos) == []
    assert Moderate(HELD).permits(documented)


def test_permits_is_false_for_results_of_held_event():
    blocked = event()
    moderate = Moderate(f"{HELD}?on=block")
    assert moderate.holds(blocked)
    assert not any(map(moderate.permits, blocked.subtasks))
    assert moderate.permits(event("review"))


@pytest.mark.parametrize("option", ["block", "fail", "block,fail", "review,block"])
def test_block_is_held_despite_failed_review(option):
    notified = notification("block")
    failed = {"Type": "Political", "PoliticalTask": {"Status": "FAIL", "ErrCode": 30000}}
    notified["WorkflowTaskEvent"]["AiContentReviewResultSet"].append(failed)
    moderate = Moderate(f"{HELD}?on={option}")
    assert moderate.holds(parse_event(notified))
    assert not moderate.permits(parse_event(notified))


@pytest.mark.parametrize(
    ("option", "held"),
    [
        ("session=order-*", True),
        ("session=invoice-*,order-42", True),
        ("session=invoice-*", False),
        ("bucket=out-1250000000", True),
        ("bucket=other-1250000000", False),
        ("path=videos/*&session=order-*", True),
        ("path=pictures/*", False),
    ],
)
@pytest.mark.usefixtures("stored")
def test_quarantine_is_limited_by_filter_options(option, held, application, keys):
    handlers = application(MPS_MODERATE=f"{HELD}?{option}", MPS_PUBLISH=PLAYER)
    summary = handlers.main_handler(notification(), {})
    names = {call["callback"] for call in summary["callbacks"]}
    assert ("handlers.moderation.quarantine" in names) == held
    assert ("handlers.moderation.record" in names) == held
    assert bool(keys("archive-1250000000")) == held
    assert bool(keys("player-1250000000")) != held


def test_verdict_is_computed_once_per_event(monkeypatch):
    events = []

    def compute(event: Event) -> Verdict | None:
        events.append(event)
        return compute_verdict(event)

    monkeypatch.setattr("scf_mps.actions.moderate.compute_verdict", compute)
    moderate = Moderate(HELD)
    blocked, passed = event(), event("pass")
    for event_ in (blocked, passed, blocked):
        assert {moderate.holds(result) for result in event_.subtasks} == {event_ is blocked}
    assert events == [blocked, passed, blocked]


@pytest.mark.usefixtures("stored")
def test_folder_may_contain_fields(cos, keys):
    Moderate("cos://archive-1250000000.ap-guangzhou/{session_context}/?acl=private").quarantine(
        event(), cos
    )
    assert f"order-42/{OUT}/videos/demo.mp4" in keys("archive-1250000000")


@pytest.mark.usefixtures("stored")
def test_quarantine_logs_one_warning_with_reasons(cos, caplog):
    Moderate(HELD).quarantine(event(), cos)
    (line,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert line.getMessage().startswith("block: Porn block: ")
    fields = vars(line)
    assert (fields["verdict"], fields["why"], fields["pictures"]) == ("block", ["Porn block"], [])
    assert (fields["quarantine"], fields["session_context"]) == (HELD, "order-42")


def test_quarantine_logs_pictures_of_findings(cos, caplog):
    Moderate(HELD).quarantine(parse_event(payload("mps_workflow_ai_content_review")), cos)
    (line,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [url[-7:] for url in vars(line)["pictures"]] == ["xx1.jpg", "xx3.jpg", "xx2.jpg"]


@pytest.mark.parametrize(
    ("to", "word"),
    [
        ("s3://held/", "cos://"),
        ("cos://held.ap-guangzhou/held/", "'held'"),
        (HELD.rstrip("/"), "slash"),
        (f"{HELD}{{date}}/", "{date}"),
        (f"{HELD}{{taskid}}/", "{task_id}?"),
        (f"{HELD}?on=pass", "on=pass"),
        (f"{HELD}?on=blocked", "on=blocked"),
        (f"{HELD}?on=block,", "on=block,:"),
        (f"{HELD}?source=copy", "source=copy"),
        (f"{HELD}?session=,", "session="),
        (f"{HELD}?bucket=media", "APPID"),
        (f"{HELD}?sources=move", "source=?"),
    ],
)
def test_moderate_rejects_invalid_address(to, word):
    with pytest.raises(ValueError, match=re.escape(word)):
        Moderate(to)


@pytest.mark.usefixtures("stored")
def test_application_holds_only_blocked_events(application, cos, keys):
    handlers = application(MPS_MODERATE=HELD)
    calls = handlers.main_handler(notification("pass"), {})["callbacks"]
    assert "handlers.moderation.quarantine" not in {call["callback"] for call in calls}
    for made in (notification("block"), notification("pass", "FAIL")):
        calls = handlers.main_handler(made, {})["callbacks"]
        assert ("handlers.moderation.quarantine", "done") in {
            (call["callback"], call["outcome"]) for call in calls
        }
        assert is_held_whole(cos, keys)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("suggestion", "option", "published"),
    [("block", "?manifest=manifest.json", 0), ("pass", "", len(FILES))],
)
def test_only_passed_event_is_published(application, keys, suggestion, option, published):
    handlers = application(MPS_MODERATE=HELD, MPS_PUBLISH=f"{PLAYER}{option}")
    handlers.main_handler(notification(suggestion), {})
    assert len(keys("player-1250000000")) == published


def test_failed_quarantine_fails_invocation(application):
    with pytest.raises(CallbacksFailed) as caught:
        application(MPS_MODERATE=HELD).main_handler(notification("block"), {})
    (failure,) = caught.value.failures
    assert isinstance(failure.__cause__, SomeFailed)
