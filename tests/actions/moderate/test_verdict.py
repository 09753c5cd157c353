"""The verdict on an event: worst decision over reviews of any order, form and place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps.actions import compute_verdict
from scf_mps.actions.moderate.verdict import DECISIONS
from scf_mps.events.generated.type_tables import REVIEW
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample
from tests.support.sample_data import DATA, payload

Review = dict[str, Any]
FIELDS = {type_: field for type_, (_, _, field) in REVIEW.rows.items()}


def review(suggestion="pass", status="SUCCESS", type_="Porn", **output):
    body = {"Status": status, "Output": {"Suggestion": suggestion, "SegmentSet": [], **output}}
    return {"Type": type_, FIELDS.get(type_, "NewTask"): body}


def workflow(*reviews, **payload):
    task = {"TaskId": "t", "Status": "FINISH", "AiContentReviewResultSet": list(reviews)}
    return {"EventType": "WorkflowTask", "WorkflowTaskEvent": {**task, **payload}}


def schedule(*reviews, status="SUCCESS"):
    activity = {"ReviewTask": {"Status": status, "Output": list(reviews)}}
    results = [{"ActivityType": "AiContentReview", "ActivityResItem": activity}]
    task = {"TaskId": "t", "Status": "FINISH", "ActivityResultSet": results}
    return {"EventType": "ScheduleTask", "ScheduleTaskEvent": task}


def live(*items):
    return {
        "NotificationType": "AiReviewResult",
        "TaskId": "live",
        "AiReviewResultInfo": {"ResultSet": list(items)},
    }


def verdict(notification):
    result = compute_verdict(parse_event(notification))
    assert result is not None
    return result


def decision(notification):
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
    lambda suggestion, status, type_, items: review(suggestion, status, type_, SegmentSet=items),
    st.sampled_from(["pass", "review", "block", "ban", "", None]),
    st.sampled_from(["SUCCESS", "FAIL", "PROCESSING", None]),
    st.sampled_from([*FIELDS, "Violence"]),
    st.lists(segments, max_size=3),
)


@given(st.lists(reviews, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_verdict_ignores_order_of_reviews(items, chance):
    shuffled = items[:]
    chance.shuffle(shuffled)
    assert verdict(workflow(*shuffled)) == verdict(workflow(*items))
    assert str(verdict(workflow(*shuffled))) == str(verdict(workflow(*items)))


@given(st.lists(reviews, min_size=1, max_size=4), reviews)
def test_verdict_never_improves_with_another_review(items, more):
    before, after = decision(workflow(*items)), decision(workflow(*items, more))
    assert DECISIONS.index(after) >= DECISIONS.index(before)
    assert after in (before, decision(workflow(more)))


@given(st.lists(reviews, min_size=1, max_size=4), passes)
def test_verdict_ignores_another_pass(items, more):
    assert verdict(workflow(*items, more)) == verdict(workflow(*items))


@given(st.lists(reviews, min_size=1, max_size=4))
def test_verdict_is_equal_inside_activity(items):
    assert verdict(schedule(*items)) == verdict(workflow(*items))


@given(st.lists(reviews, max_size=4))
def test_verdict_passes_only_if_everything_passes(items):
    def is_pass(review: Review) -> bool:
        (body,) = (value for value in review.values() if isinstance(value, dict))
        suggestions = [body["Output"], *body["Output"]["SegmentSet"]]
        values = {part["Suggestion"] for part in suggestions}
        return body["Status"] in ("SUCCESS", None) and values == {"pass"}

    event = parse_event(workflow(*items))
    if items:
        result = compute_verdict(event)
        assert result is not None
        assert (result.decision == "pass") == all(map(is_pass, items)) == (not result.why)
    else:
        assert compute_verdict(event) is None


@pytest.mark.parametrize(
    ("items", "expected"),
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
def test_verdict_is_worst_decision(items, expected):
    assert decision(workflow(*items)) == expected


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
def test_verdict_combines_activity_and_inner_reviews(notification, expected):
    assert decision(notification) == expected


def test_verdict_of_activity_without_result_is_review():
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
def test_verdict_covers_live_stream_reviews(items, expected):
    assert decision(live(*items)) == expected


@pytest.mark.parametrize("notification", [live(), live(None, "x"), {"EventType": "AiReviewResult"}])
def test_verdict_is_none_without_reviews(notification):
    assert compute_verdict(parse_event(notification)) is None


EXPECTED = {
    "mps_workflow_ai_content_review": "block",
    "live_ai_review_1": "block",
    "synth_schedule_all_activity_types": "pass",
}


@pytest.mark.parametrize("name", sorted(path.stem for path in DATA.glob("[lms]*.json")))
def test_verdict_of_each_sample_event(name):
    result = compute_verdict(parse_event(payload(name)))
    assert (result and result.decision) == EXPECTED.get(name)


def test_verdict_lists_findings_worst_first():
    result = verdict(payload("mps_workflow_ai_content_review"))
    findings = [
        (why.suggestion, why.label, why.confidence, why.start, why.end) for why in result.why
    ]
    assert findings == [
        ("block", "sexy", 98, 9.5, 14),
        ("block", "sexy", 97, 41, 49),
        ("review", "sexy", 80, 16.5, 18),
    ]
    assert result.why[0].url == "http://xxx.vod2.myqcloud.com/xxx/xxx/xx1.jpg"
    assert str(result) == (
        "block: Porn sexy block 98% at 9.5-14 s; Porn sexy block 97% at 41-49 s; "
        "Porn sexy review 80% at 16.5-18 s"
    )


def test_verdict_sorts_findings_by_confidence():
    items = [
        {"Suggestion": "block", "Confidence": confidence, "StartTimeOffset": start}
        for start, confidence in enumerate([None, 0, 70, 99.5])
    ]
    result = verdict(workflow(review("block", SegmentSet=items)))
    assert [why.confidence for why in result.why] == [99.5, 70, 0, None]


def test_verdict_of_live_review_has_time():
    assert str(verdict(payload("live_ai_review_1"))) == (
        "block: VoicePorn sexual_moan block 98% at 0.266-4.146 s"
    )


def test_verdict_of_failed_review_has_error():
    notification = sample("WorkflowTask", Porn="FAIL", Terrorism="FAIL")
    bare = notification["WorkflowTaskEvent"]["AiContentReviewResultSet"][1]["TerrorismTask"]
    bare.update(ErrCode=0, ErrCodeExt="", Message="")
    assert str(verdict(notification)) == (
        "fail: Porn failed: InternalError 30010 (internal error); Terrorism failed"
    )


def test_verdict_line_counts_further_findings():
    items = [{"Suggestion": "block", "StartTimeOffset": second} for second in range(5)]
    line = str(verdict(workflow(review("block", SegmentSet=items))))
    assert line == ("block: Porn block at 0 s; Porn block at 1 s; Porn block at 2 s; and 2 more")


@pytest.mark.parametrize(
    ("segment", "line"),
    [
        ({"KeywordSet": ["one", None, "two"]}, "review: Porn.Asr one, two without a suggestion"),
        ({"Name": "someone", "Suggestion": "review"}, "review: Porn.Asr someone review"),
        ({"Label": "a\nb\u202ec", "Suggestion": "block"}, "block: Porn.Asr a b c block"),
        ({"Label": "x" * 99, "Suggestion": "block"}, f"block: Porn.Asr {'x' * 60}… block"),
        ({"Confidence": float("nan"), "Suggestion": "block"}, "block: Porn.Asr block"),
        ({"Confidence": 10**400, "Suggestion": "block"}, "block: Porn.Asr block"),
        ({"Confidence": 1e9, "Suggestion": "block"}, "block: Porn.Asr block"),
        ({"Confidence": True, "Suggestion": "block"}, "block: Porn.Asr block"),
    ],
)
def test_finding_is_one_short_line(segment, line):
    assert str(verdict(workflow(review("pass", type_="Porn.Asr", SegmentSet=[segment])))) == line


def test_verdict_line_of_pass():
    assert str(verdict(workflow(review()))) == "pass"


@given(st.recursive(st.none() | st.booleans() | st.text(max_size=5) | st.floats(), st.lists))
def test_verdict_accepts_any_output(anything):
    body = {"Status": "SUCCESS", "Output": {"SegmentSet": anything, "Suggestion": anything}}
    result = verdict(workflow({"Type": "Porn", "PornTask": body}))
    assert result.decision in DECISIONS
    json.dumps(str(result))


def test_verdicts_compare_by_value():
    first, same = verdict(workflow(review("block"))), verdict(schedule(review("block")))
    other = verdict(workflow(review("review")))
    assert first == same
    assert hash(first) == hash(same)
    assert {first.why[0]} == {same.why[0]}
    assert first != other
    assert first != "block"
    assert first.why[0] != "block"
    assert repr(first) == "<Verdict block: Porn block>"
    assert repr(first.why[0]) == "<Finding Porn block>"
