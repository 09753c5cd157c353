"""The quarantine: what is held is moved there whole, once, and from wherever an earlier delivery was cut off."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from scf_mps import CallbacksFailed
from scf_mps.actions import Moderate, Verdict, compute_verdict
from scf_mps.cos import Cos, CosObject, NotAPlaylist, NotFound, SomeFailed, UnknownManifest
from scf_mps.cos.operations import get_acl_headers
from scf_mps.events.base import Event
from scf_mps.events.parser import parse_event
from scf_mps.local.cos import CosEmulator, Fault
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


def at(key: str, bucket: str = OUT) -> CosObject:
    return CosObject(bucket, "ap-guangzhou", key)


def held(key: str, bucket: str = OUT) -> CosObject:
    return CosObject.parse(f"{HELD}{bucket}/{key}")


def notification(suggestion: str = "block", status: str = "SUCCESS") -> dict[str, Any]:
    """A rendition, an adaptive stream and a review."""
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


def event(suggestion: str = "block", status: str = "SUCCESS") -> Event:
    return parse_event(notification(suggestion, status))


@pytest.fixture
def stored(cos: Cos) -> None:
    """The outputs and the source of `notification`, and another task's file beside them."""
    for key, text in FILES.items():
        cos.upload(text.encode(), at(key))
    cos.upload(b"another's", at("videos/ads/another.ts"))
    cos.upload(b"the source", at("videos/demo.mp4", "source-1250000000"))


def is_held_whole(cos: Cos, keys: Keys) -> bool:
    copies = {key.removeprefix(f"held/{OUT}/") for key in keys("archive-1250000000")}
    return (
        keys(OUT) == ["videos/ads/another.ts"]
        and {key: cos.read_text(held(key)) for key in copies} == FILES
    )


@pytest.mark.usefixtures("stored")
def test_what_is_blocked_is_moved_whole_with_its_segments(cos: Cos, keys: Keys) -> None:
    moved = Moderate(HELD).quarantine(event(), cos)
    assert set(moved) == {held(key) for key in FILES}
    assert is_held_whole(cos, keys)
    assert keys("source-1250000000") == ["videos/demo.mp4"]


@pytest.mark.usefixtures("stored")
def test_a_redelivery_finds_everything_done(cos: Cos, keys: Keys, emulator: CosEmulator) -> None:
    moderate = Moderate(f"{HELD}?source=move")
    first = moderate.quarantine(event(), cos)
    assert held("videos/demo.mp4", "source-1250000000") in first
    emulator.requests.clear()
    assert set(moderate.quarantine(event(), cos)) == set(first)
    assert {one.method for one in emulator.requests} <= {"GET", "HEAD"}
    assert keys("source-1250000000") == []


def test_wherever_a_delivery_was_cut_off_the_next_one_ends_it(cos: Cos, keys: Keys) -> None:
    moderate = Moderate(HELD)
    cos.upload(b"another's", at("videos/ads/another.ts"))
    playlists = [key for key in FILES if key.endswith(".m3u8")]
    others = [set(FILES) - set(playlists), {"videos/ads/low/0.ts"}, {"videos/demo.mp4"}, set()]
    subsets = [
        some | set(itertools.compress(playlists, bits))
        for some in others
        for bits in itertools.product((0, 1), repeat=len(playlists))
    ]
    # A move copies everything before it deletes anything: so far it may have come.
    states: list[tuple[set[str], set[str]]] = [(copied, set()) for copied in subsets[::3]] + [
        (set(FILES), gone) for gone in subsets
    ]
    for copied, gone in states:
        for key, text in FILES.items():
            cos.upload(text.encode(), at(key)) if key not in gone else cos.delete(at(key))
            cos.upload(text.encode(), held(key)) if key in copied else cos.delete(held(key))
        moderate.quarantine(event(), cos)
        assert is_held_whole(cos, keys), (copied, gone)


@pytest.mark.usefixtures("stored")
def test_objects_that_cos_does_not_delete_are_moved_by_the_next_delivery(
    cos: Cos, keys: Keys, emulator: CosEmulator
) -> None:
    moderate = Moderate(HELD)
    number = emulator.faults.add(Fault("fail_keys", key="*.ts", code="AccessDenied"))
    with pytest.raises(SomeFailed, match="quarantine: 3 could not be moved"):
        moderate.quarantine(event(), cos)
    assert "videos/ads/demo.m3u8" not in keys(OUT)
    emulator.faults.remove(number)
    moderate.quarantine(event(), cos)
    assert is_held_whole(cos, keys)


@pytest.mark.usefixtures("stored")
def test_a_playlist_that_cannot_be_read_now_is_left_for_the_next_delivery(
    cos: Cos, keys: Keys, emulator: CosEmulator
) -> None:
    number = emulator.faults.add(
        Fault("error", operation="GetObject", key="*.m3u8", status=403, code="AccessDenied")
    )
    with pytest.raises(SomeFailed) as caught:
        Moderate(HELD).quarantine(event(), cos)
    assert "AccessDenied" in str(caught.value)
    assert "videos/demo.mp4" not in keys(OUT)
    assert "videos/ads/demo.m3u8" in keys(OUT)
    emulator.faults.remove(number)
    Moderate(HELD).quarantine(event(), cos)
    assert is_held_whole(cos, keys)


@pytest.mark.usefixtures("stored")
def test_a_file_that_is_nowhere_keeps_no_other_where_it_is(cos: Cos, keys: Keys) -> None:
    cos.delete(at("videos/ads/low/1.ts"))
    for _ in range(2):  # and is not forgotten by a redelivery
        with pytest.raises(SomeFailed, match="1 could not be moved") as caught:
            Moderate(HELD).quarantine(event(), cos)
        (error,) = caught.value.exceptions
        assert isinstance(error, NotFound)
        assert error.object == at("videos/ads/low/1.ts")
        assert keys(OUT) == ["videos/ads/another.ts"]


@pytest.mark.usefixtures("stored")
def test_a_playlist_that_is_nowhere_keeps_no_other_stream_where_it_is(cos: Cos, keys: Keys) -> None:
    cos.delete(at("videos/ads/low/index.m3u8"))
    for _ in range(2):
        with pytest.raises(SomeFailed, match="1 could not be moved") as caught:
            Moderate(HELD).quarantine(event(), cos)
        assert caught.value.objects == [at("videos/ads/low/index.m3u8")]
        assert not {"videos/ads/high.m3u8", "videos/ads/high-0.ts"} & set(keys(OUT))
    cos.upload(LOW.encode(), at("videos/ads/low/index.m3u8"))
    Moderate(HELD).quarantine(event(), cos)
    assert is_held_whole(cos, keys)


def test_playlists_that_name_each_other_come_to_an_end(cos: Cos, keys: Keys) -> None:
    made = notification()
    made["WorkflowTaskEvent"]["MediaProcessResultSet"].pop(0)
    master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n"
    cos.upload(f"{master}a.m3u8\ngone.m3u8\n".encode(), at("videos/ads/demo.m3u8"))
    cos.upload(f"{master}demo.m3u8\ngone.m3u8\n".encode(), at("videos/ads/a.m3u8"))
    with pytest.raises(SomeFailed, match="1 could not be moved"):
        Moderate(HELD).quarantine(parse_event(made), cos)
    assert keys(OUT) == []


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("name", ["demo.mp4", "0.ts", "demo.m3u8"])
def test_a_file_that_cannot_be_copied_keeps_no_other_where_it_is(
    cos: Cos, keys: Keys, emulator: CosEmulator, name: str
) -> None:
    number = emulator.faults.add(
        Fault("error", "CopyObject", key=f"*/{name}", status=403, code="AccessDenied")
    )
    with pytest.raises(SomeFailed, match="1 could not be moved") as caught:
        Moderate(HELD).quarantine(event(), cos)
    assert "AccessDenied" in str(caught.value)
    left = [key for key in FILES if key.endswith(f"/{name}")]
    assert keys(OUT) == sorted(["videos/ads/another.ts", *left])
    emulator.faults.remove(number)
    Moderate(HELD).quarantine(event(), cos)
    assert is_held_whole(cos, keys)


def test_a_task_of_which_nothing_is_there_says_what_is_missing(cos: Cos) -> None:
    with pytest.raises(SomeFailed, match="2 could not be moved") as caught:
        Moderate(HELD).quarantine(event(), cos)
    assert set(caught.value.objects) == {at("videos/demo.mp4"), at("videos/ads/demo.m3u8")}


@pytest.mark.usefixtures("stored")
def test_a_dash_manifest_is_moved_and_its_segments_are_said_to_be_left(
    cos: Cos, keys: Keys
) -> None:
    made = notification()
    stream = made["WorkflowTaskEvent"]["MediaProcessResultSet"][1]
    stream["AdaptiveDynamicStreamingTask"]["Output"]["Path"] = "/videos/dash.mpd"
    cos.upload(b"<MPD/>", at("videos/dash.mpd"))
    with pytest.raises(SomeFailed) as caught:
        Moderate(HELD).quarantine(parse_event(made), cos)
    (error,) = caught.value.exceptions
    assert isinstance(error, UnknownManifest)
    assert {f"held/{OUT}/videos/dash.mpd", f"held/{OUT}/videos/demo.mp4"} == set(
        keys("archive-1250000000")
    )


@pytest.mark.usefixtures("stored")
def test_an_output_outside_cos_is_told_after_all_others_are_moved(cos: Cos, keys: Keys) -> None:
    made = notification()
    rendition = made["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]
    rendition["Output"]["OutputStorage"] = {"Type": "AWS-S3", "S3OutputStorage": {}}
    with pytest.raises(SomeFailed) as caught:
        Moderate(HELD).quarantine(parse_event(made), cos)
    assert "/videos/demo.mp4 is in AWS-S3" in str(caught.value)
    assert keys(OUT) == ["videos/ads/another.ts", "videos/demo.mp4"]


def test_a_key_that_does_not_fit_below_the_quarantine_is_told(cos: Cos) -> None:
    made = notification()
    made["WorkflowTaskEvent"]["MediaProcessResultSet"].pop()
    rendition = made["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]
    rendition["Output"]["Path"] = f"/{'x' * 850}"
    with pytest.raises(SomeFailed) as caught:
        Moderate(HELD).quarantine(parse_event(made), cos)
    assert "850 bytes" in str(caught.value)


@pytest.mark.parametrize("name", ["demo.m3u8", "Manifest"])
def test_what_a_playlist_names_from_the_root_is_found_by_a_redelivery_too(
    cos: Cos, keys: Keys, name: str
) -> None:
    made = notification()
    results = made["WorkflowTaskEvent"]["MediaProcessResultSet"]
    results.pop(0)
    results[0]["AdaptiveDynamicStreamingTask"]["Output"]["Path"] = f"/videos/ads/{name}"
    text = "#EXTM3U\n#EXTINF:2,\n/videos/0.ts\n#EXT-X-GAP\n#EXTINF:2,\ngap.ts\n"
    cos.upload(text.encode(), at(f"videos/ads/{name}"))
    for _ in range(2):
        cos.upload(b"zero", at("videos/0.ts"))  # the second time, as if it could not be deleted
        Moderate(HELD).quarantine(parse_event(made), cos)
        assert keys(OUT) == []
        assert len(keys("archive-1250000000")) == 2


def test_a_stream_that_cannot_be_read_now_is_all_that_is_told(
    cos: Cos, emulator: CosEmulator
) -> None:
    made = notification()
    made["WorkflowTaskEvent"]["MediaProcessResultSet"].pop(0)
    emulator.faults.add(Fault("error", operation="GetObject", status=403, code="AccessDenied"))
    with pytest.raises(SomeFailed, match="1 could not be moved") as caught:
        Moderate(HELD).quarantine(parse_event(made), cos)
    assert "AccessDenied" in str(caught.value)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(("option", "told"), [("", {}), ("?acl=private", {"x-cos-acl": "private"})])
def test_what_is_held_may_have_an_acl_of_its_own(
    cos: Cos, option: str, told: dict[str, str]
) -> None:
    for moved in Moderate(f"{HELD}{option}").quarantine(event(), cos):
        assert get_acl_headers(cos._client, moved) == told


@pytest.mark.usefixtures("stored")
def test_source_at_a_url_of_cos_is_moved(cos: Cos, keys: Keys) -> None:
    made = notification()
    url = "https://source-1250000000.cos.ap-guangzhou.myqcloud.com/videos/demo.mp4?q-sign=1"
    made["WorkflowTaskEvent"]["InputInfo"] = {"Type": "URL", "UrlInputInfo": {"Url": url}}
    Moderate(f"{HELD}?source=move").quarantine(parse_event(made), cos)
    assert keys("source-1250000000") == []
    assert "held/source-1250000000/videos/demo.mp4" in keys("archive-1250000000")


@pytest.mark.usefixtures("stored")
def test_source_elsewhere_is_said_to_stay(
    cos: Cos, keys: Keys, caplog: pytest.LogCaptureFixture
) -> None:
    made = notification()
    made["WorkflowTaskEvent"]["InputInfo"] = {
        "Type": "URL",
        "UrlInputInfo": {"Url": "https://example.com/demo.mp4?token=hush"},
    }
    Moderate(f"{HELD}?source=move").quarantine(parse_event(made), cos)
    assert is_held_whole(cos, keys)
    assert "stays where it is: https://example.com/demo.mp4" in caplog.text
    assert "hush" not in caplog.text


@pytest.mark.usefixtures("stored")
def test_a_source_that_is_a_playlist_moves_nothing_but_itself(cos: Cos, keys: Keys) -> None:
    made = notification()
    made["WorkflowTaskEvent"]["InputInfo"]["CosInputInfo"]["Object"] = "/mine.m3u8"
    cos.upload(b"#EXTM3U\n#EXTINF:2,\nvideos/demo.mp4\n", at("mine.m3u8", "source-1250000000"))
    Moderate(f"{HELD}?source=move").quarantine(parse_event(made), cos)
    assert keys("source-1250000000") == ["videos/demo.mp4"]


@pytest.mark.usefixtures("stored")
def test_what_lies_in_the_quarantine_stays_there(cos: Cos, keys: Keys) -> None:
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
def test_nothing_is_moved_for_a_verdict_that_is_not_acted_on(
    cos: Cos, keys: Keys, to: str, suggestion: str, status: str
) -> None:
    moderate = Moderate(to)
    assert moderate.quarantine(event(suggestion, status), cos) == []
    assert len(keys(OUT)) == len(FILES) + 1
    assert all(map(moderate.permits, event(suggestion, status).subtasks))


@pytest.mark.usefixtures("stored")
def test_outputs_beside_the_quarantine_are_moved_into_it(cos: Cos, keys: Keys) -> None:
    Moderate("cos://out-1250000000.ap-guangzhou/held/").quarantine(event(), cos)
    left = [key for key in keys(OUT) if not key.startswith("held/")]
    assert left == ["videos/ads/another.ts"]
    assert len(keys(OUT)) == len(FILES) + 1


@pytest.mark.usefixtures("stored")
def test_stream_that_is_no_playlist_is_moved_all_the_same(cos: Cos, keys: Keys) -> None:
    cos.upload(b"no playlist", at("videos/ads/demo.m3u8"))
    with pytest.raises(SomeFailed, match="1 could not be moved") as caught:
        Moderate(HELD).quarantine(event(), cos)
    (error,) = caught.value.exceptions
    assert isinstance(error, NotAPlaylist)
    assert "videos/ads/demo.m3u8" not in keys(OUT)


def test_an_event_without_a_review_is_none_of_its_business(cos: Cos) -> None:
    documented = parse_event(sample())
    assert Moderate(HELD).quarantine(documented, cos) == []
    assert Moderate(HELD).permits(documented)


def test_what_is_held_is_not_permitted_to_any_callback() -> None:
    blocked = event()
    moderate = Moderate(f"{HELD}?on=block")
    assert moderate.holds(blocked)
    assert not any(map(moderate.permits, blocked.subtasks))
    assert moderate.permits(event("review"))


@pytest.mark.parametrize("option", ["block", "fail", "block,fail", "review,block"])
def test_block_is_held_although_another_review_failed(option: str) -> None:
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
def test_quarantine_is_narrowed_by_options(
    option: str, held: bool, application: Callable[..., ModuleType], keys: Keys
) -> None:
    handlers = application(MPS_MODERATE=f"{HELD}?{option}", MPS_PUBLISH=PLAYER)
    summary = handlers.main_handler(notification(), {})
    names = {one["callback"] for one in summary["callbacks"]}
    assert ("handlers.moderation.quarantine" in names) == held
    assert ("handlers.moderation.record" in names) == held
    assert bool(keys("archive-1250000000")) == held
    assert bool(keys("player-1250000000")) != held


def test_verdict_is_found_once_for_all_results(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def find(one: Event) -> Verdict | None:
        asked.append(one)
        return compute_verdict(one)

    monkeypatch.setattr("scf_mps.actions.moderate.compute_verdict", find)
    moderate = Moderate(HELD)
    blocked, passed = event(), event("pass")
    for one in (blocked, passed, blocked):
        assert {moderate.holds(result) for result in one.subtasks} == {one is blocked}
    assert asked == [blocked, passed, blocked]


@pytest.mark.usefixtures("stored")
def test_the_folder_may_tell_the_task(cos: Cos, keys: Keys) -> None:
    Moderate("cos://archive-1250000000.ap-guangzhou/{session_context}/?acl=private").quarantine(
        event(), cos
    )
    assert f"order-42/{OUT}/videos/demo.mp4" in keys("archive-1250000000")


@pytest.mark.usefixtures("stored")
def test_one_warning_says_what_was_held_and_why(cos: Cos, caplog: pytest.LogCaptureFixture) -> None:
    Moderate(HELD).quarantine(event(), cos)
    (line,) = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert line.getMessage() == "block: Porn block: what MPS made goes to quarantine"
    told = vars(line)
    assert (told["verdict"], told["why"], told["pictures"]) == ("block", ["Porn block"], [])
    assert (told["quarantine"], told["session_context"]) == (HELD, "order-42")


def test_pictures_of_a_finding_are_told(cos: Cos, caplog: pytest.LogCaptureFixture) -> None:
    Moderate(HELD).quarantine(parse_event(payload("mps_workflow_ai_content_review")), cos)
    (line,) = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert [url[-7:] for url in vars(line)["pictures"]] == ["xx1.jpg", "xx3.jpg", "xx2.jpg"]


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("s3://held/", "cos://bucket.region"),
        ("cos://held.ap-guangzhou/held/", "COS bucket"),
        (HELD.rstrip("/"), "ending in a slash"),
        (f"{HELD}{{date}}/", "there is no field {date}"),
        (f"{HELD}{{taskid}}/", "did you mean {task_id}?"),
        (f"{HELD}?on=pass", "on= expects some of block,review,fail, not 'pass'"),
        (f"{HELD}?on=blocked", "not 'blocked'"),
        (f"{HELD}?on=block,", "not 'block,'"),
        (f"{HELD}?source=copy", "source= expects move, not 'copy'"),
        (f"{HELD}?session=,", "session="),
        (f"{HELD}?bucket=media", "APPID"),
        (f"{HELD}?sources=move", "did you mean source=?"),
    ],
)
def test_a_quarantine_that_cannot_be_meant_is_a_mistake(to: str, told: str) -> None:
    with pytest.raises(ValueError, match=r"expect|field|option|name|location") as caught:
        Moderate(to)
    assert told in str(caught.value)


@pytest.mark.usefixtures("stored")
def test_the_application_holds_what_is_blocked_and_nothing_else(
    application: Callable[..., ModuleType], cos: Cos, keys: Keys
) -> None:
    handlers = application(MPS_MODERATE=HELD)
    calls = handlers.main_handler(notification("pass"), {})["callbacks"]
    assert "handlers.moderation.quarantine" not in {one["callback"] for one in calls}
    for made in (notification("block"), notification("pass", "FAIL")):
        calls = handlers.main_handler(made, {})["callbacks"]
        assert ("handlers.moderation.quarantine", "done") in {
            (one["callback"], one["outcome"]) for one in calls
        }
        assert is_held_whole(cos, keys)


@pytest.mark.usefixtures("stored")
def test_what_is_held_is_neither_published_nor_in_a_manifest(
    application: Callable[..., ModuleType], keys: Keys
) -> None:
    handlers = application(
        MPS_MODERATE=HELD,
        MPS_PUBLISH="cos://player-1250000000.ap-guangzhou/vod/?manifest=manifest.json",
    )
    handlers.main_handler(notification("block"), {})
    assert keys("player-1250000000") == []


@pytest.mark.usefixtures("stored")
def test_what_passes_review_is_published(
    application: Callable[..., ModuleType], keys: Keys
) -> None:
    handlers = application(
        MPS_MODERATE=HELD, MPS_PUBLISH="cos://player-1250000000.ap-guangzhou/vod/"
    )
    handlers.main_handler(notification("pass"), {})
    assert len(keys("player-1250000000")) == len(FILES)


def test_a_quarantine_that_could_not_be_filled_is_delivered_again(
    application: Callable[..., ModuleType],
) -> None:
    with pytest.raises(CallbacksFailed) as caught:
        application(MPS_MODERATE=HELD).main_handler(notification("block"), {})
    assert "quarantine: 2 could not be moved" in str(caught.value)


def test_without_its_variable_the_application_holds_nothing(
    application: Callable[..., ModuleType],
) -> None:
    names = {route.name for route in application().app.routes}
    assert "handlers.moderation.quarantine" not in names
