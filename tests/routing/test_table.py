"""The table: the callbacks that each result reaches, and their order."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps import (
    AiQualityControl,
    AnimatedGraphics,
    App,
    AsrFullTextRecognition,
    EditMediaTask,
    Event,
    ImageSprites,
    LiveEvent,
    MediaSubtask,
    Middleware,
    Result,
    Router,
    ScheduleTask,
    SmartSubtitlesAsrFullText,
    SnapshotByTimeOffset,
    Subtask,
    Transcode,
    UnknownEvent,
    UnknownSubtask,
    WorkflowTask,
)
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample

from .support import CallRecorder

TRANSCODE = sample("WorkflowTask", Transcode="SUCCESS")


def record(*registrations, **filters):
    """Return a recorder with a callback for each (verb, class or type, name)."""
    recorder = CallRecorder()
    for verb, kind, name in registrations:
        recorder.register(verb, kind, name, **filters)
    return recorder


def test_documented_results_reach_their_callbacks(documented):
    recorder = record(
        ("on", Transcode, "transcode"),
        ("on", AnimatedGraphics, "animation"),
        ("on_failure", AnimatedGraphics, "animation failed"),
        ("on", SnapshotByTimeOffset, "snapshots"),
        ("on", ImageSprites, "sprites"),
        ("on_failure", ImageSprites, "sprites failed"),
    )
    assert recorder.handle(documented) == [
        ("transcode", "MediaProcessResultSet[0]"),
        ("animation failed", "MediaProcessResultSet[1]"),
        ("snapshots", "MediaProcessResultSet[2]"),
        ("sprites", "MediaProcessResultSet[3]"),
    ]


def test_failed_result_reaches_no_success_callback(documented):
    kinds = (AnimatedGraphics, MediaSubtask, Subtask, Result, "AnimatedGraphics")
    recorder = record(*(("on", kind, str(kind)) for kind in kinds))
    assert "MediaProcessResultSet[1]" not in [place for _, place in recorder.handle(documented)]


# Classes.


@pytest.mark.parametrize("kind", [Transcode, MediaSubtask, Subtask, Result])
def test_base_class_receives_results_of_its_subclasses(kind):
    calls = record(("on", kind, "callback")).handle(TRANSCODE)
    assert ("callback", "MediaProcessResultSet[0]") in calls


def test_sibling_class_receives_nothing():
    recorder = record(("on", ImageSprites, "sprites"), ("on", AiQualityControl, "quality"))
    assert recorder.handle(TRANSCODE) == []


def test_event_reaches_its_class_and_event():
    recorder = record(
        ("on", EditMediaTask, "edit"),
        ("on", Event, "event"),
        ("on", ScheduleTask, "schedule"),
        ("on", LiveEvent, "live"),
    )
    assert recorder.handle_names(sample("EditMediaTask")) == ["edit", "event"]
    assert recorder.handle_names(sample("AiReviewResult")) == ["event", "live"]


def test_unknown_types_reach_their_own_classes():
    recorder = record(("on", UnknownSubtask, "subtask"), ("on", UnknownEvent, "event"))
    assert recorder.handle_names(sample("WorkflowTask", Holo="SUCCESS")) == ["subtask"]
    assert recorder.handle_names({"EventType": "Holo"}) == ["event"]


# Names of types.


def test_type_name_receives_its_results():
    recorder = record(
        ("on", "Porn.Asr", "review"),
        ("on", "EditMediaTask", "edit"),
        ("on", "AiReviewResult", "live"),
    )
    assert recorder.handle_names(sample("WorkflowTask", [("Porn.Asr", "SUCCESS")])) == ["review"]
    assert recorder.handle_names(sample("EditMediaTask")) == ["edit"]
    assert recorder.handle_names(sample("AiReviewResult")) == ["live"]


def test_type_name_of_two_classes_receives_both():
    recorder = record(
        ("on", "AsrFullTextRecognition", "both"),
        ("on", AsrFullTextRecognition, "recognition"),
        ("on", SmartSubtitlesAsrFullText, "subtitles"),
    )
    types = ("AsrFullTextRecognition", "SmartSubtitlesAsrFullText")
    assert recorder.handle(sample("WorkflowTask", [(type_, "SUCCESS") for type_ in types])) == [
        ("both", "AiRecognitionResultSet[0]"),
        ("recognition", "AiRecognitionResultSet[0]"),
        ("both", "SmartSubtitlesTaskResult[0]"),
        ("subtitles", "SmartSubtitlesTaskResult[0]"),
    ]


def test_unknown_type_name_receives_its_results():
    recorder = record(
        ("on", "HoloTranscode", "holo"),
        ("on_failure", "HoloTranscode", "holo failed"),
        ("on", Subtask, "any"),
    )
    event = sample("WorkflowTask", HoloTranscode="SUCCESS", Transcode="SUCCESS")
    assert recorder.handle(event) == [
        ("holo", "MediaProcessResultSet[0]"),
        ("any", "MediaProcessResultSet[0]"),
        ("any", "MediaProcessResultSet[1]"),
    ]


def test_unknown_event_type_name_receives_its_events():
    recorder = record(("on", "HoloTask", "holo"), ("on_complete", "HoloTask", "holo complete"))
    assert recorder.handle_names({"EventType": "HoloTask"}) == ["holo", "holo complete"]
    assert recorder.handle({"EventType": "OtherTask"}) == []


# Verbs.


def test_progress_reaches_on_progress_only(payload):
    verbs = ("on", "on_failure", "on_progress")
    recorder = record(
        *((verb, Transcode, verb) for verb in verbs),
        *((verb, WorkflowTask, f"{verb} event") for verb in verbs),
        ("on_complete", WorkflowTask, "complete"),
    )
    names = recorder.handle_names(payload("mps_workflow_processing_querydoc"))
    assert names == ["on_progress", "on_progress event"]


def test_finished_result_waits_for_its_event():
    recorder = record(("on", Transcode, "done"), ("on_progress", Transcode, "progress"))
    event = sample("WorkflowTask", status="PROCESSING", Transcode="SUCCESS")
    assert recorder.handle_names(event) == ["progress"]
    event["WorkflowTaskEvent"]["Status"] = "FINISH"
    assert recorder.handle_names(event) == ["done"]


def test_event_with_failures_reaches_on_failure(documented):
    verbs = ("on", "on_failure", "on_complete")
    recorder = record(*((verb, WorkflowTask, verb) for verb in verbs))
    assert recorder.handle_names(documented) == ["on_failure", "on_complete"]


def test_event_comes_after_its_results_and_completion_last():
    recorder = record(
        ("on_complete", WorkflowTask, "complete"),
        ("on", WorkflowTask, "event"),
        ("on", Transcode, "result"),
    )
    assert recorder.handle_names(TRANSCODE) == ["result", "event", "complete"]


def test_callbacks_of_a_result_keep_registration_order():
    recorder = record(("on", Subtask, "first"))
    recorder.register("on", Transcode, "second", definition=100030)
    recorder.register("on", MediaSubtask, "third")
    assert recorder.handle_names(TRANSCODE) == ["first", "second", "third"]


def test_unknown_status_reaches_no_verb():
    recorder = record(*((verb, Subtask, verb) for verb in ("on", "on_failure", "on_progress")))
    event = sample("WorkflowTask", Transcode="SUCCESS")
    event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]["Status"] = "ODD"
    assert recorder.handle(event) == []


# Fallbacks.


def record_fallback(**filters):
    """Return a recorder with a callback for transcodes and a fallback."""
    return record(("on", Transcode, "transcode"), ("fallback", None, "fallback"), **filters)


def test_fallback_receives_results_without_callback(documented):
    assert record_fallback().handle(documented) == [
        ("transcode", "MediaProcessResultSet[0]"),
        ("fallback", "MediaProcessResultSet[1]"),
        ("fallback", "MediaProcessResultSet[2]"),
        ("fallback", "MediaProcessResultSet[3]"),
    ]


def test_fallback_receives_filtered_results():
    assert record_fallback(definition=5).handle_names(TRANSCODE) == ["fallback"]


def test_fallback_receives_events_without_results():
    recorder = record_fallback()
    assert recorder.handle(sample("EditMediaTask")) == [("fallback", "EditMediaTaskEvent")]
    assert recorder.handle({"EventType": "Holo"}) == [("fallback", "")]


def test_fallback_receives_events_with_results_after_errors_only():
    event = sample("WorkflowTask", Transcode="SUCCESS")
    assert record_fallback().handle_names(event) == ["transcode"]
    event["WorkflowTaskEvent"]["ErrCode"] = 5
    assert record_fallback().handle_names(event) == ["transcode", "fallback"]


@pytest.mark.parametrize("verb", ["on", "on_complete"])
def test_fallback_skips_events_with_a_callback(verb):
    recorder = record_fallback()
    recorder.register(verb, EditMediaTask, verb)
    assert recorder.handle_names(sample("EditMediaTask")) == [verb]


def test_fallback_receives_progress(payload):
    event = payload("mps_workflow_processing_querydoc")
    assert record_fallback().handle_names(event) == ["fallback"]


def test_every_fallback_is_called_with_its_router_filters():
    calls = []
    router = Router(definition=100030)

    @router.fallback
    def narrowed(result):
        calls.append("narrowed")

    app = App(router)

    @app.fallback
    def unfiltered(result):
        calls.append("unfiltered")

    app.main_handler(sample("WorkflowTask", Transcode="SUCCESS", ImageSprites="SUCCESS"), {})
    assert calls == ["narrowed", "unfiltered", "unfiltered"]


# Routers.


def test_nested_routers_add_their_filters(documented):
    calls = []
    inner = Router(path="*.vtt")

    @inner.on(Subtask)
    def vtt(result):
        calls.append(("vtt", result.type))

    outer = Router(inner, bucket="gztest-125****654")

    @outer.on(Transcode)
    def transcode(result):
        calls.append(("transcode", result.type))

    app = App(Router(outer, definition=10))
    app.main_handler(documented, {})

    assert calls == [("transcode", "Transcode"), ("vtt", "ImageSprites")]
    assert [str(route) for route in app.routes] == [
        "on(Subtask, definition=10, bucket='gztest-125****654', path='*.vtt')",
        "on(Transcode, definition=10, bucket='gztest-125****654')",
    ]


def test_router_filter_excludes_results(documented):
    calls = []
    router = Router(bucket="other-1250000000")
    router.on(Subtask)(lambda result: calls.append(result))
    App(router).main_handler(documented, {})
    assert calls == []


def test_settings_of_a_route_survive_nested_routers():
    inner = Router()

    @inner.on("Holo", name="n", needs=5.0, blocking=False, options={"team": "video"}, when=print)
    def callback(result):
        pass

    class Paging(Middleware):
        options: ClassVar = {"team": str}

    (route,) = App(Router(inner, session="a"), middleware=[Paging()]).routes
    assert (route.name, route.verb, route.kinds, route.type) == ("n", "on", (), "Holo")
    assert (route.needs, route.options, route.callback) == (5.0, {"team": "video"}, callback)
    assert route.blocking is False
    assert route.where == f"{__file__}:{callback.__code__.co_firstlineno}"
    assert str(route) == "on(Holo, session='a', when=print)"


def test_definitions_of_router_and_callback_intersect():
    router = Router(definition=(10, 20))
    calls = []

    @router.on(ImageSprites, definition=(20, 10, 30))
    def sprites(result):
        calls.append(result.definition)

    app = App(router)
    event = sample("WorkflowTask", ImageSprites="SUCCESS")
    app.main_handler(event, {})
    body = event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["ImageSpriteTask"]
    body["Input"]["Definition"] = 30
    app.main_handler(event, {})
    assert calls == [10]


def test_function_can_be_registered_for_several_kinds():
    calls = []
    app = App()

    @app.on(Transcode)
    @app.on(ImageSprites)
    @app.on_failure(ImageSprites)
    def both(result: Subtask):
        calls.append((result.type, result.status))

    results = [("Transcode", "SUCCESS"), ("ImageSprites", "SUCCESS"), ("ImageSprites", "FAIL")]
    app.main_handler(sample("WorkflowTask", results), {})
    assert calls == results


def test_function_runs_once_for_each_result():
    calls = []
    app = App()

    @app.on(Transcode)
    @app.on(Subtask)
    @app.on("Transcode", definition=100030)
    def once(result: Subtask):
        calls.append(result.place)

    event = sample("WorkflowTask", [("Transcode", "SUCCESS"), ("Transcode", "SUCCESS")])
    app.main_handler(event, {})
    assert calls == ["MediaProcessResultSet[0]", "MediaProcessResultSet[1]"]


def test_decorators_return_the_function_unchanged():
    def plain(result: Result, log: object = None) -> str:
        return "returned"

    app = App()
    assert app.on(Transcode)(plain) is plain
    assert app.on_failure("Transcode")(plain) is plain
    assert app.fallback(plain) is plain
    assert plain(None) == "returned"


# The table against a direct implementation of the rules.

KINDS = [Transcode, ImageSprites, MediaSubtask, Subtask, Result, Event, WorkflowTask, EditMediaTask]
RESULTS = ["Transcode", "ImageSprites", "SampleSnapshot", "Porn", "Holo", "AiQualityControl"]

REGISTRATIONS = st.lists(
    st.tuples(
        st.sampled_from(["on", "on_failure", "on_progress", "fallback"]),
        st.sampled_from([*KINDS, "Holo"]),
        st.sampled_from([None, 10, 100030, (10, 11)]),
    ),
    max_size=8,
)


def register_all(app, registrations):
    """Register a callback for each. Return (verb, kind, definition) of each, as registered."""
    routes = []
    for index, (verb, kind, definition) in enumerate(registrations):

        def callback(result):
            pass

        callback.__qualname__ = f"callback{index}"
        if verb == "fallback":
            app.fallback(callback)
            routes.append((verb, Result, None))
        else:
            is_event = isinstance(kind, type) and issubclass(kind, Event)
            filters = {} if is_event else {"definition": definition}
            getattr(app, verb)(kind, **filters)(callback)
            routes.append((verb, kind, filters.get("definition")))
    return routes


def matches(result, kind, definition):
    matching = result.type == kind if isinstance(kind, str) else isinstance(result, kind)
    if definition is not None:
        definitions = definition if isinstance(definition, tuple) else (definition,)
        matching = matching and getattr(result, "definition", None) in definitions
    return matching


def select_calls(event, routes):
    """Return (index of the route, place of the result) of each expected call."""
    selected = set()
    for result in (*event.subtasks, event):
        calls = {
            (index, result.place)
            for index, (verb, kind, definition) in enumerate(routes)
            if verb == result.verb and matches(result, kind, definition)
        }
        if not calls and (result is not event or event.error):
            calls = {
                (index, result.place)
                for index, (verb, _, _) in enumerate(routes)
                if verb == "fallback"
            }
        selected |= calls
    return selected


def read_index(name):
    return int(name.rpartition("callback")[2])


@given(
    REGISTRATIONS,
    st.lists(
        st.tuples(st.sampled_from(RESULTS), st.sampled_from(["SUCCESS", "FAIL", "PROCESSING"])),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["FINISH", "PROCESSING", "FAIL"]),
)
def test_results_reach_the_callbacks_of_the_rules(registrations, results, status):
    app = App()
    routes = register_all(app, registrations)
    raw = sample("WorkflowTask", results, status=status)
    expected = select_calls(parse_event(raw), routes)

    summary = app.main_handler(raw, {})
    calls = [(read_index(call["callback"]), call["place"]) for call in summary["callbacks"]]
    assert len(calls) == len(set(calls))
    assert set(calls) == expected

    explained = {
        (read_index(reason.route.name), reason.result.place)
        for reason in app.explain(raw)
        if reason.runs
    }
    assert explained == expected
