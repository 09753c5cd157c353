"""Explanations: the reason why each callback runs, or does not run, for each result."""

import pytest

from scf_mps import App, Event, ImageSprites, InvalidEvent, Subtask, Transcode, WorkflowTask
from scf_mps.local.samples import sample

TRANSCODE = sample("WorkflowTask", Transcode="SUCCESS")


def ignore(result):
    """A callback that does nothing."""


def explain(event, kind=Subtask, verb="on", **filters):
    """Return the reasons for an application with one callback."""
    app = App()
    getattr(app, verb)(kind, **filters)(ignore)
    return app.explain(event)


def test_explain_covers_every_callback_and_result(documented):
    app, calls = App(), []

    @app.on(Transcode, name="publish", definition=11)
    @app.on(ImageSprites, name="sprites", path="*.vtt")
    @app.on_failure(Subtask, name="failed")
    @app.on_complete(WorkflowTask, name="complete")
    @app.on_failure(WorkflowTask, name="whole", when=lambda event: not calls)
    @app.on_progress(WorkflowTask, name="progress")
    @app.on("Holo", name="holo")
    def callback(result):
        calls.append(result)

    app.fallback(ignore)
    reasons = app.explain(documented)
    assert calls == []
    assert len(reasons) == 5 * 8

    codes = {
        (reason.route.name.rpartition(".")[2], reason.result.place): reason.code
        for reason in reasons
    }
    first, second, third, fourth = (f"MediaProcessResultSet[{index}]" for index in range(4))
    event = "WorkflowTaskEvent"
    assert codes["publish", first] == "filtered"
    assert codes["publish", second] == "other_kind"
    assert codes["sprites", fourth] == "matches"
    assert codes["failed", second] == "matches"
    assert codes["failed", first] == "other_status"
    assert codes["ignore", first] == "matches"
    assert codes["ignore", second] == "handled"
    assert codes["ignore", event] == "handled"
    assert codes["complete", event] == "matches"
    assert codes["complete", first] == "other_kind"
    assert codes["progress", event] == "other_status"
    assert codes["holo", third] == "other_kind"
    assert codes["whole", event] == "matches"
    running = next(reason for reason in reasons if reason.runs)
    assert repr(reasons[6]).startswith("<publish does not run for MediaProcessResultSet[0]: ")
    assert repr(running) == f"<{__name__}.ignore runs for {first}: fallback matches>"


def test_matching_reason_has_the_text_of_the_route():
    (first, last) = explain(TRANSCODE, path="*.mp4")
    assert (first.code, first.why) == ("matches", "on(Subtask, path='*.mp4') matches")
    assert (last.code, last.runs) == ("other_kind", False)
    complete = explain(TRANSCODE, WorkflowTask, "on_complete")[-1]
    assert complete.why == (
        "on_complete(WorkflowTask) matches, after every other callback succeeded"
    )


def test_handled_reason_names_the_callbacks():
    app = App()
    app.on(Transcode, name="a")(ignore)
    app.on(Subtask, name="b")(lambda result: None)
    app.fallback(lambda result: None)
    reasons = [reason for reason in app.explain(TRANSCODE) if reason.code == "handled"]
    assert [reason.why for reason in reasons] == ["handled by a, b", "its results are handled"]


def test_filtered_reason_names_the_values_of_the_result(documented):
    reason = explain(documented, path="*.exe")[3]
    assert reason.code == "filtered"
    assert reason.why.startswith("path='*.exe' ")
    assert reason.why.endswith(
        "dasda/imageSprite/dianping2_imageSprite_10.vtt, dasda/imageSprite/dianping2_imageSprite_10_0.jpg"
    )


@pytest.mark.parametrize(
    ("kind", "verb", "filters", "mismatch", "value"),
    [
        (Subtask, "on", {"path": "*", "definition": 100030, "session": "x"}, "session='x'", "none"),
        (WorkflowTask, "on_complete", {"session": "x"}, "session='x'", "none"),
        # The predicate of another definition does not run.
        (
            Transcode,
            "on",
            {"when": lambda result: 1 / 0, "definition": 5},
            "definition=5",
            "100030",
        ),
        (Subtask, "on", {"when": ignore}, "when=ignore", "false"),
    ],
)
def test_filtered_reason_names_the_first_mismatch(kind, verb, filters, mismatch, value):
    reason = explain(TRANSCODE, kind, verb, **filters)[-1 if kind is WorkflowTask else 0]
    assert reason.code == "filtered"
    assert reason.why.startswith(mismatch)
    assert reason.why.endswith(f" {value}")


def test_event_does_not_match_a_definition():
    event = {"EventType": "BrandNewTask", "BrandNewTaskEvent": {"TaskId": "t", "Status": "FINISH"}}
    (reason,) = explain(event, "BrandNewTask", definition=10)
    assert (reason.code, reason.why) == ("filtered", "definition=10 does not match none")


def test_unfinished_event_has_another_status(payload):
    event = payload("mps_workflow_processing_querydoc")
    (*_, complete) = explain(event, Event, "on_complete")
    assert (complete.code, "PROCESSING" in complete.why) == ("other_status", True)
    (first, *_) = explain(event)
    assert first.code == "other_status"
    assert first.why.count("PROCESSING") == 2  # of the result and of its event


@pytest.mark.parametrize(
    ("task", "status"), [({"Status": "FAIL"}, "FAIL"), (None, "(none)"), ({"Status": ""}, "(none)")]
)
def test_other_status_names_the_status_of_a_result(task, status):
    event = sample("WorkflowTask", Transcode="SUCCESS")
    event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"] = task
    (first, _) = explain(event)
    assert first.code == "other_status"
    assert first.why.endswith(f"Status {status}")


def test_failed_event_has_another_status_with_failures():
    reason = explain(sample("WorkflowTask", Transcode="FAIL"), WorkflowTask)[-1]
    assert reason.code == "other_status"
    assert reason.why.endswith("FINISH with failures")


def test_handled_reason_names_every_callback():
    app = App()
    app.on(Transcode, name="a")(ignore)
    app.on(Transcode, name="b")(lambda result: None)
    app.fallback(ignore)
    reasons = app.explain(TRANSCODE)
    assert (reasons[2].code, reasons[2].why) == ("handled", "handled by a, b")
    assert (reasons[2].route.options, reasons[2].route.type) == ({}, "")
    assert str(reasons[2].route) == "fallback"
    assert (reasons[-1].code, reasons[-1].runs) == ("handled", False)


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        ({"Type": "", "XTask": {}}, "UnknownSubtask"),
        ({"Type": "Holo", "HoloTask": {}}, "UnknownSubtask (Holo)"),
    ],
)
def test_other_kind_names_class_and_unknown_type(item, shown):
    event = sample("WorkflowTask", Transcode="SUCCESS")
    event["WorkflowTaskEvent"]["MediaProcessResultSet"] = [item]
    (first, _) = explain(event, Transcode)
    assert first.code == "other_kind"
    assert first.why.endswith(f"this is {shown}")


def test_second_registration_of_a_callback_is_repeated():
    app = App()
    app.on(Transcode)(ignore)
    app.on(Subtask)(ignore)
    reasons = app.explain(TRANSCODE)
    assert [reason.code for reason in reasons[:2]] == ["matches", "repeated"]
    assert reasons[1].why == "another registration of the same callback matches"


def test_raising_predicate_is_a_reason_to_run():
    (first, _) = explain(TRANSCODE, Transcode, when=lambda result: 1 / 0)
    assert (first.code, first.runs) == ("raises", True)
    assert "ZeroDivisionError" in first.why


def test_invalid_event_has_no_explanation():
    with pytest.raises(InvalidEvent):
        App().explain({})
