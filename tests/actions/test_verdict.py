"""The verdict on an event: the fold of its reviews, whatever their order, shape and place."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps.actions import Verdict, compute_verdict
from scf_mps.actions.moderate.verdict import DECISIONS
from scf_mps.events.generated.type_tables import REVIEW
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample
from tests.support.sample_data import DATA, payload

Review = dict[str, Any]
FIELDS = {type_: field for type_, (_, _, field) in REVIEW.rows.items()}


def review(
    suggestion: object = "pass", status: object = "SUCCESS", type_: str = "Porn", **output: Any
) -> Review:
    body = {"Status": status, "Output": {"Suggestion": suggestion, "SegmentSet": [], **output}}
    return {"Type": type_, FIELDS.get(type_, "NewTask"): body}


def workflow(*reviews: Review, **payload: Any) -> dict[str, Any]:
    task = {"TaskId": "t", "Status": "FINISH", "AiContentReviewResultSet": list(reviews)}
    return {"EventType": "WorkflowTask", "WorkflowTaskEvent": {**task, **payload}}


def schedule(*reviews: Review, status: object = "SUCCESS") -> dict[str, Any]:
    activity = {"ReviewTask": {"Status": status, "Output": list(reviews)}}
    results = [{"ActivityType": "AiContentReview", "ActivityResItem": activity}]
    task = {"TaskId": "t", "Status": "FINISH", "ActivityResultSet": results}
    return {"EventType": "ScheduleTask", "ScheduleTaskEvent": task}


def live(*items: Any) -> dict[str, Any]:
    return {
        "NotificationType": "AiReviewResult",
        "TaskId": "live",
        "AiReviewResultInfo": {"ResultSet": list(items)},
    }


def verdict(notification: dict[str, Any]) -> Verdict:
    found = compute_verdict(parse_event(notification))
    assert found is not None
    return found


def decision(notification: dict[str, Any]) -> str:
    return verdict(notification).decision


segments = st.builds(
    lambda suggestion, confidence, start: {
        "Suggestion": suggestion,
        "Confidence": confidence,
        "StartTimeOffset": start,
    },
    st.sampled_from(["pass", "review", "block"]),
    st.one_of(st.none(), st.integers(0, 100), st.floats(0, 100)),
    st.one_of(st.none(), st.integers(0, 9000)),
)
passes = st.builds(review, type_=st.sampled_from(sorted(FIELDS)))
reviews = st.builds(
    lambda suggestion, status, type_, found: review(suggestion, status, type_, SegmentSet=found),
    st.sampled_from(["pass", "review", "block", "ban", "", None]),
    st.sampled_from(["SUCCESS", "FAIL", "PROCESSING", None]),
    st.sampled_from([*FIELDS, "Violence"]),
    st.lists(segments, max_size=3),
)


@given(st.lists(reviews, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_reviews_does_not_matter(found: list[Review], chance: random.Random) -> None:
    shuffled = found[:]
    chance.shuffle(shuffled)
    assert verdict(workflow(*shuffled)) == verdict(workflow(*found))
    assert str(verdict(workflow(*shuffled))) == str(verdict(workflow(*found)))


@given(st.lists(reviews, min_size=1, max_size=4), reviews)
def test_another_review_never_makes_a_verdict_better(found: list[Review], more: Review) -> None:
    before, after = decision(workflow(*found)), decision(workflow(*found, more))
    assert DECISIONS.index(after) >= DECISIONS.index(before)
    assert after in (before, decision(workflow(more)))


@given(st.lists(reviews, min_size=1, max_size=4), passes)
def test_another_pass_changes_nothing(found: list[Review], more: Review) -> None:
    assert verdict(workflow(*found, more)) == verdict(workflow(*found))


@given(st.lists(reviews, min_size=1, max_size=4))
def test_reviews_say_the_same_inside_an_activity_of_a_schedule(found: list[Review]) -> None:
    assert verdict(schedule(*found)) == verdict(workflow(*found))


@given(st.lists(reviews, max_size=4))
def test_only_what_passes_whole_passes(found: list[Review]) -> None:
    def is_pass(one: Review) -> bool:
        (body,) = (value for value in one.values() if isinstance(value, dict))
        suggestions = [body["Output"], *body["Output"]["SegmentSet"]]
        said = {one["Suggestion"] for one in suggestions}
        return body["Status"] in ("SUCCESS", None) and said == {"pass"}

    event = parse_event(workflow(*found))
    if found:
        told = compute_verdict(event)
        assert told is not None
        assert (told.decision == "pass") == all(map(is_pass, found)) == (not told.why)
    else:
        assert compute_verdict(event) is None


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([review("block"), review(status="FAIL")], "fail"),
        ([review("review"), review("block")], "block"),
        ([review("pass"), review("review")], "review"),
        ([review("pass"), review("pass")], "pass"),
        ([review("BLOCK")], "block"),
        ([review("Pass")], "pass"),
        ([review("ban")], "review"),
        ([review("")], "review"),
        ([review(None)], "review"),
        ([review(7)], "review"),
        ([review("pass", "PROCESSING")], "review"),
        ([review("pass", "ABORTED")], "review"),
        ([review("pass", type_="Violence")], "pass"),
        ([review("block", type_="Violence")], "block"),
        ([review("pass", SegmentSet=[{"Suggestion": "block"}])], "block"),
        ([review("pass", SegmentSet=[{"StartTimeOffset": 1}])], "review"),
        ([review("pass", SegmentSet=None)], "pass"),
        ([{"Type": "Porn", "PornTask": {"Status": "SUCCESS", "Output": None}}], "review"),
        ([{"Type": "Porn", "PornTask": None}], "review"),
        ([{"Type": "Violence"}], "review"),
    ],
)
def test_the_worst_word_is_the_verdict(found: list[Review], expected: str) -> None:
    assert decision(workflow(*found)) == expected


@pytest.mark.parametrize(
    ("notification", "expected"),
    [
        (schedule(review("pass")), "pass"),
        (schedule(review("pass"), review("block", type_="Violence")), "block"),
        (schedule(review("pass"), status="FAIL"), "fail"),
        (schedule(review("pass"), status=None), "pass"),
        (schedule(review("pass"), status="PROCESSING"), "review"),
        (schedule(), "review"),
        (schedule(status="FAIL"), "fail"),
        (sample("ScheduleTask", [("Porn", "FAIL"), ("Transcode", "SUCCESS")]), "fail"),
    ],
)
def test_an_activity_has_a_word_of_its_own_and_those_inside(
    notification: dict[str, Any], expected: str
) -> None:
    assert decision(notification) == expected


def test_an_activity_without_its_result_is_not_a_pass() -> None:
    notification = schedule()
    (activity,) = notification["ScheduleTaskEvent"]["ActivityResultSet"]
    activity["ActivityResItem"] = {"ReviewTask": None}
    assert decision(notification) == "review"


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([{"Type": "ImagePorn", "ImagePornResultSet": [{"Suggestion": "pass"}]}], "pass"),
        ([{"Type": "Smoke", "SmokeResultSet": [{"Suggestion": "block"}]}], "block"),
        ([{"Type": "ImagePorn", "ImagePornResultSet": []}], "review"),
        ([{"Type": None}], "review"),
    ],
)
def test_reviews_of_a_live_stream_count(items: list[Any], expected: str) -> None:
    assert decision(live(*items)) == expected


@pytest.mark.parametrize("notification", [live(), live(None, "x"), {"EventType": "AiReviewResult"}])
def test_a_notification_of_reviews_without_any_has_no_verdict(
    notification: dict[str, Any],
) -> None:
    assert compute_verdict(parse_event(notification)) is None


EXPECTED = {
    "mps_workflow_ai_content_review": "block",
    "live_ai_review_1": "block",
    "synth_schedule_all_activity_types": "pass",
}


@pytest.mark.parametrize("name", sorted(path.stem for path in DATA.glob("[lms]*.json")))
def test_each_published_event_has_the_verdict_of_its_reviews(name: str) -> None:
    found = compute_verdict(parse_event(payload(name)))
    assert (found and found.decision) == EXPECTED.get(name)


def test_why_is_told_worst_first_with_where_and_how_sure() -> None:
    found = verdict(payload("mps_workflow_ai_content_review"))
    told = [(one.suggestion, one.label, one.confidence, one.start, one.end) for one in found.why]
    assert told == [
        ("block", "sexy", 98, 9.5, 14),
        ("block", "sexy", 97, 41, 49),
        ("review", "sexy", 80, 16.5, 18),
    ]
    assert found.why[0].url == "http://xxx.vod2.myqcloud.com/xxx/xxx/xx1.jpg"
    assert str(found) == (
        "block: Porn sexy block 98% at 9.5-14 s; Porn sexy block 97% at 41-49 s; "
        "Porn sexy review 80% at 16.5-18 s"
    )


def test_of_two_findings_the_surer_one_is_told_first() -> None:
    found = [
        {"Suggestion": "block", "Confidence": confidence, "StartTimeOffset": start}
        for start, confidence in enumerate([None, 0, 70, 99.5])
    ]
    told = verdict(workflow(review("block", SegmentSet=found)))
    assert [one.confidence for one in told.why] == [99.5, 70, 0, None]


def test_a_live_review_tells_its_moment() -> None:
    assert str(verdict(payload("live_ai_review_1"))) == (
        "block: VoicePorn sexual_moan block 98% at 0.266-4.146 s"
    )


def test_a_failed_review_tells_why() -> None:
    notification = sample("WorkflowTask", Porn="FAIL", Terrorism="FAIL")
    bare = notification["WorkflowTaskEvent"]["AiContentReviewResultSet"][1]["TerrorismTask"]
    bare.update(ErrCode=0, ErrCodeExt="", Message="")
    assert str(verdict(notification)) == (
        "fail: Porn failed: InternalError 30010 (internal error); Terrorism failed"
    )


def test_more_reasons_than_a_line_holds_are_counted() -> None:
    found = [{"Suggestion": "block", "StartTimeOffset": second} for second in range(5)]
    told = str(verdict(workflow(review("block", SegmentSet=found))))
    assert told == ("block: Porn block at 0 s; Porn block at 1 s; Porn block at 2 s; and 2 more")


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({"KeywordSet": ["one", None, "two"]}, "review: Porn.Asr one, two without a suggestion"),
        ({"Name": "someone", "Suggestion": "review"}, "review: Porn.Asr someone review"),
        ({"Label": "a\nb\u202ec", "Suggestion": "block"}, "block: Porn.Asr a b c block"),
        ({"Label": "x" * 99, "Suggestion": "block"}, f"block: Porn.Asr {'x' * 59}… block"),
        ({"Confidence": float("nan"), "Suggestion": "block"}, "block: Porn.Asr block"),
        ({"Confidence": 10**400, "Suggestion": "block"}, "block: Porn.Asr block"),
        ({"Confidence": 1e9, "Suggestion": "block"}, "block: Porn.Asr block"),
        ({"Confidence": True, "Suggestion": "block"}, "block: Porn.Asr block"),
    ],
)
def test_a_reason_is_one_short_line_whatever_was_recognised(
    told: dict[str, Any], line: str
) -> None:
    assert str(verdict(workflow(review("pass", type_="Porn.Asr", SegmentSet=[told])))) == line


def test_a_pass_is_told_by_its_word() -> None:
    assert str(verdict(workflow(review()))) == "pass"


@given(st.recursive(st.none() | st.booleans() | st.text(max_size=5) | st.floats(), st.lists))
def test_no_shape_of_an_output_is_an_error(anything: object) -> None:
    body = {"Status": "SUCCESS", "Output": {"SegmentSet": anything, "Suggestion": anything}}
    found = verdict(workflow({"Type": "Porn", "PornTask": body}))
    assert found.decision in DECISIONS
    json.dumps(str(found))


def test_verdicts_are_values() -> None:
    one, same = verdict(workflow(review("block"))), verdict(schedule(review("block")))
    other = verdict(workflow(review("review")))
    assert one == same
    assert hash(one) == hash(same)
    assert {one.why[0]} == {same.why[0]}
    assert one != other
    assert one != "block"
    assert one.why[0] != "block"
    assert repr(one) == "<Verdict block: Porn block>"
    assert repr(one.why[0]) == "<Finding Porn block>"
