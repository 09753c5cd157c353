"""Which callback gets which result."""

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
from scf_mps.events.generated.media import MediaSubtask
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample


class Heard:
    """An application whose callbacks write down what they were given."""

    def __init__(self, *routers, **options):
        self.app = App(*routers, **options)
        self.calls: list[tuple[str, str]] = []

    def listen(self, verb, kind, name, **filters):
        def callback(result):
            self.calls.append((name, result.place))

        callback.__qualname__ = name
        getattr(self.app, verb)(kind, **filters)(callback)
        return callback

    def __call__(self, event):
        self.calls = []
        self.app.main_handler(event, {})
        return self.calls


def names(calls):
    return [name for name, _ in calls]


class TestTheDocumentedEvent:
    def test_each_result_reaches_exactly_the_callback_registered_for_it(self, documented):
        heard = Heard()
        heard.listen("on", Transcode, "transcode")
        heard.listen("on", AnimatedGraphics, "animation")
        heard.listen("on_failure", AnimatedGraphics, "animation failed")
        heard.listen("on", SnapshotByTimeOffset, "snapshots")
        heard.listen("on", ImageSprites, "sprites")
        heard.listen("on_failure", ImageSprites, "sprites failed")

        assert heard(documented) == [
            ("transcode", "MediaProcessResultSet[0]"),
            ("animation failed", "MediaProcessResultSet[1]"),
            ("snapshots", "MediaProcessResultSet[2]"),
            ("sprites", "MediaProcessResultSet[3]"),
        ]

    def test_a_failed_result_never_reaches_a_success_callback(self, documented):
        heard = Heard()
        for kind in (AnimatedGraphics, MediaSubtask, Subtask, Result, "AnimatedGraphics"):
            heard.listen("on", kind, str(kind))

        assert "MediaProcessResultSet[1]" not in [place for _, place in heard(documented)]


class TestHierarchy:
    @pytest.mark.parametrize("kind", [Transcode, MediaSubtask, Subtask, Result])
    def test_a_class_receives_the_results_of_the_classes_below_it(self, kind):
        heard = Heard()
        heard.listen("on", kind, "it")

        assert ("it", "MediaProcessResultSet[0]") in heard(
            sample("WorkflowTask", Transcode="SUCCESS")
        )

    def test_a_class_does_not_receive_the_results_beside_it(self):
        heard = Heard()
        heard.listen("on", ImageSprites, "it")
        heard.listen("on", AiQualityControl, "other")

        assert heard(sample("WorkflowTask", Transcode="SUCCESS")) == []

    def test_an_event_is_received_by_its_class_and_by_event(self):
        heard = Heard()
        heard.listen("on", EditMediaTask, "edit")
        heard.listen("on", Event, "event")
        heard.listen("on", ScheduleTask, "schedule")
        heard.listen("on", LiveEvent, "live")

        assert names(heard(sample("EditMediaTask"))) == ["edit", "event"]
        assert names(heard(sample("AiReviewResult"))) == ["event", "live"]

    def test_what_is_unknown_has_classes_of_its_own(self):
        heard = Heard()
        heard.listen("on", UnknownSubtask, "subtask")
        heard.listen("on", UnknownEvent, "event")

        assert names(heard(sample("WorkflowTask", Holo="SUCCESS"))) == ["subtask"]
        assert names(heard({"EventType": "Holo"})) == ["event"]


class TestNames:
    def test_a_type_can_be_named_as_mps_writes_it(self):
        heard = Heard()
        heard.listen("on", "Porn.Asr", "review")
        heard.listen("on", "EditMediaTask", "edit")
        heard.listen("on", "AiReviewResult", "live")

        assert names(heard(sample("WorkflowTask", [("Porn.Asr", "SUCCESS")]))) == ["review"]
        assert names(heard(sample("EditMediaTask"))) == ["edit"]
        assert names(heard(sample("AiReviewResult"))) == ["live"]

    def test_a_name_of_two_classes_is_both(self):
        heard = Heard()
        heard.listen("on", "AsrFullTextRecognition", "both")
        heard.listen("on", AsrFullTextRecognition, "recognition")
        heard.listen("on", SmartSubtitlesAsrFullText, "subtitles")
        event = sample(
            "WorkflowTask",
            [("AsrFullTextRecognition", "SUCCESS"), ("SmartSubtitlesAsrFullText", "SUCCESS")],
        )

        assert heard(event) == [
            ("both", "AiRecognitionResultSet[0]"),
            ("recognition", "AiRecognitionResultSet[0]"),
            ("both", "SmartSubtitlesTaskResult[0]"),
            ("subtitles", "SmartSubtitlesTaskResult[0]"),
        ]

    def test_a_type_of_tomorrow_can_be_named_today(self):
        heard = Heard()
        heard.listen("on", "HoloTranscode", "holo")
        heard.listen("on_failure", "HoloTranscode", "holo failed")
        heard.listen("on", Subtask, "any")
        event = sample("WorkflowTask", HoloTranscode="SUCCESS", Transcode="SUCCESS")

        assert heard(event) == [
            ("holo", "MediaProcessResultSet[0]"),
            ("any", "MediaProcessResultSet[0]"),
            ("any", "MediaProcessResultSet[1]"),
        ]

    def test_an_event_type_of_tomorrow_can_be_named_today(self):
        heard = Heard()
        heard.listen("on", "HoloTask", "holo")
        heard.listen("on_complete", "HoloTask", "holo complete")

        assert names(heard({"EventType": "HoloTask"})) == ["holo", "holo complete"]
        assert heard({"EventType": "OtherTask"}) == []


class TestVerbs:
    def test_progress_reaches_on_progress_alone(self, payload):
        heard = Heard()
        for verb in ("on", "on_failure", "on_progress"):
            heard.listen(verb, Transcode, verb)
            heard.listen(verb, WorkflowTask, f"{verb} event")
        heard.listen("on_complete", WorkflowTask, "complete")

        calls = heard(payload("mps_workflow_processing_querydoc"))
        assert names(calls) == ["on_progress", "on_progress event"]

    def test_a_finished_result_in_an_unfinished_event_waits_for_the_end(self):
        heard = Heard()
        heard.listen("on", Transcode, "done")
        heard.listen("on_progress", Transcode, "progress")

        event = sample("WorkflowTask", status="PROCESSING", Transcode="SUCCESS")
        assert names(heard(event)) == ["progress"]
        event["WorkflowTaskEvent"]["Status"] = "FINISH"
        assert names(heard(event)) == ["done"]

    def test_an_event_with_failures_is_for_on_failure(self, documented):
        heard = Heard()
        heard.listen("on", WorkflowTask, "on")
        heard.listen("on_failure", WorkflowTask, "on_failure")
        heard.listen("on_complete", WorkflowTask, "on_complete")

        assert names(heard(documented)) == ["on_failure", "on_complete"]

    def test_results_come_before_their_event_and_completion_last(self):
        heard = Heard()
        heard.listen("on_complete", WorkflowTask, "complete")
        heard.listen("on", WorkflowTask, "event")
        heard.listen("on", Transcode, "result")

        calls = heard(sample("WorkflowTask", Transcode="SUCCESS"))
        assert names(calls) == ["result", "event", "complete"]

    def test_callbacks_of_a_result_run_in_the_order_of_registration(self):
        heard = Heard()
        heard.listen("on", Subtask, "first")
        heard.listen("on", Transcode, "second", definition=100030)
        heard.listen("on", MediaSubtask, "third")

        calls = heard(sample("WorkflowTask", Transcode="SUCCESS"))
        assert names(calls) == ["first", "second", "third"]

    def test_an_unknown_status_reaches_no_verb(self):
        heard = Heard()
        for verb in ("on", "on_failure", "on_progress"):
            heard.listen(verb, Subtask, verb)
        event = sample("WorkflowTask", Transcode="SUCCESS")
        event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]["Status"] = "ODD"

        assert heard(event) == []


class TestFallback:
    def heard(self, **filters):
        heard = Heard()
        heard.listen("on", Transcode, "transcode", **filters)

        @heard.app.fallback
        def rest(result):
            heard.calls.append(("rest", result.place))

        return heard

    def test_it_receives_what_no_other_callback_is_for(self, documented):
        assert self.heard()(documented) == [
            ("transcode", "MediaProcessResultSet[0]"),
            ("rest", "MediaProcessResultSet[1]"),
            ("rest", "MediaProcessResultSet[2]"),
            ("rest", "MediaProcessResultSet[3]"),
        ]

    def test_what_a_filter_keeps_away_from_a_callback_falls_back(self):
        event = sample("WorkflowTask", Transcode="SUCCESS")

        assert names(self.heard(definition=5)(event)) == ["rest"]

    def test_it_receives_an_event_that_has_no_results(self):
        assert self.heard()(sample("EditMediaTask")) == [("rest", "EditMediaTaskEvent")]
        assert self.heard()({"EventType": "Holo"}) == [("rest", "")]

    def test_it_does_not_receive_an_event_for_the_sake_of_its_results(self):
        event = sample("WorkflowTask", Transcode="SUCCESS")

        assert names(self.heard()(event)) == ["transcode"]

    def test_it_receives_an_event_with_an_error_of_its_own(self):
        event = sample("WorkflowTask", Transcode="SUCCESS")
        event["WorkflowTaskEvent"]["ErrCode"] = 5

        assert names(self.heard()(event)) == ["transcode", "rest"]

    def test_an_event_that_any_verb_took_does_not_fall_back(self):
        for verb in ("on", "on_complete"):
            heard = self.heard()
            heard.listen(verb, EditMediaTask, verb)
            assert names(heard(sample("EditMediaTask"))) == [verb]

    def test_it_receives_progress_that_nobody_asked_for(self, payload):
        assert names(self.heard()(payload("mps_workflow_processing_querydoc"))) == ["rest"]

    def test_every_fallback_is_called_and_a_router_narrows_its_own(self):
        calls = []
        router = Router(definition=100030)

        @router.fallback
        def narrowed(result):
            calls.append("narrowed")

        app = App(router)

        @app.fallback
        def all_of_it(result):
            calls.append("all")

        app.main_handler(sample("WorkflowTask", Transcode="SUCCESS", ImageSprites="SUCCESS"), {})
        assert calls == ["narrowed", "all", "all"]


class TestFilters:
    def places(self, event, kind=Subtask, verb="on", **filters):
        heard = Heard()
        heard.listen(verb, kind, "it", **filters)
        return [place.partition("[")[2][:-1] for _, place in heard(event)]

    def test_definition_takes_one_or_several(self):
        event = sample("WorkflowTask", Transcode="SUCCESS", ImageSprites="SUCCESS", Porn="SUCCESS")

        assert self.places(event, definition=100030) == ["0"]
        assert self.places(event, definition=(100030, 10)) == ["0", "1", "0"]
        assert self.places(event, definition={11}) == []

    def test_bucket_is_where_a_result_was_written(self, documented):
        assert self.places(documented, bucket="gztest-125****654") == ["0", "2", "3"]
        assert self.places(documented, bucket=["a-1", "gztest-125****654"]) == ["0", "2", "3"]
        assert self.places(documented, bucket="macgzptest-125****654") == []

    def test_bucket_and_path_of_a_failed_result_are_where_it_was_to_go(self, documented):
        def failed(**filters):
            return self.places(documented, verb="on_failure", **filters)

        assert failed(bucket="gztest-125****654") == ["1"]
        assert failed(path="dasda/*_animatedGraphic_*") == ["1"]
        assert failed(path="other/*") == []

    def test_path_is_a_glob_over_the_keys_that_crosses_slashes(self, documented):
        assert self.places(documented, path="dasda/*") == ["0", "2", "3"]
        assert self.places(documented, path="*.vtt") == ["3"]
        assert self.places(documented, path="dasda/dianping2_transcode_10.mp4") == ["0"]
        assert self.places(documented, path="dasda") == []
        assert self.places(documented, path=("*.mp4", "*_0.jpg")) == ["0", "2", "3"]
        assert self.places(documented, path="dasda/dianping2_transcode_?0.mp[34]") == ["0"]

    def test_source_is_a_glob_over_the_keys_of_the_sources(self, documented):
        assert self.places(documented, source="dianping*") == ["0", "2", "3"]
        assert self.places(documented, source="other*") == []
        url = {"Type": "URL", "UrlInputInfo": {"Url": "https://h/in/first%20film.mp4?sign=1"}}
        documented["WorkflowTaskEvent"]["InputInfo"] = url
        assert self.places(documented, source="in/first film.mp4") == ["0", "2", "3"]
        assert self.places(sample("EditMediaTask"), kind=Event, source="videos/*") == [""]

    def test_session_is_a_glob_over_the_session_context(self):
        event = sample("WorkflowTask", session_context="team-a/7", Transcode="SUCCESS")

        assert self.places(event, session="team-a/*") == ["0"]
        assert self.places(event, session="team-b/*") == []
        assert self.places(sample("WorkflowTask", Transcode="SUCCESS"), session="") == ["0"]

    def test_when_is_any_predicate(self, documented):
        assert self.places(documented, when=lambda result: result.definition == 10) == [
            "0",
            "2",
            "3",
        ]
        assert self.places(documented, when=lambda result: 0) == []

    def test_all_filters_must_pass(self, documented):
        assert self.places(documented, path="*.vtt", definition=10) == ["3"]
        assert self.places(documented, path="*.vtt", definition=11) == []

    def test_none_is_no_filter(self, documented):
        assert self.places(documented, path=None, definition=None) == ["0", "2", "3"]

    def test_an_event_can_be_filtered_by_the_files_of_its_results(self, documented):
        def event(**filters):
            return self.places(documented, kind=WorkflowTask, verb="on_failure", **filters)

        assert event(path="*.vtt") == [""]
        assert event(bucket="gztest-125****654") == [""]
        assert event(path="*.exe") == []

    def test_a_type_of_tomorrow_can_be_filtered_by_definition(self):
        event = sample("WorkflowTask", Holo="SUCCESS")
        entry = event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]
        entry["HoloTask"]["Input"] = {"Definition": 7}

        assert self.places(event, kind="Holo", definition=7) == ["0"]
        assert self.places(event, kind="Holo", definition=8) == []


class TestRouters:
    def test_routers_within_routers_share_filters(self, documented):
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

    def test_a_routers_filter_keeps_results_away(self, documented):
        router = Router(bucket="other-1250000000")
        calls = []

        @router.on(Subtask)
        def any_of_them(result):
            calls.append(result)

        App(router).main_handler(documented, {})
        assert calls == []

    def test_what_a_registration_says_holds_in_every_router(self):
        inner = Router()

        @inner.on("Holo", name="n", needs=5.0, options={"team": "video"}, when=print)
        def callback(result):
            pass

        class Paging(Middleware):
            options: ClassVar = {"team": str}

        (route,) = App(Router(inner, session="a"), middleware=[Paging()]).routes
        assert (route.name, route.verb, route.kinds, route.type) == ("n", "on", (), "Holo")
        assert (route.needs, route.options, route.callback) == (5.0, {"team": "video"}, callback)
        assert str(route) == "on(Holo, session='a', when=print)"

    def test_definitions_of_router_and_callback_must_both_match(self):
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

    def test_one_function_can_be_registered_for_several_kinds(self):
        calls = []
        app = App()

        @app.on(Transcode)
        @app.on(ImageSprites)
        @app.on_failure(ImageSprites)
        def both(result: Subtask):
            calls.append((result.type, result.status))

        app.main_handler(
            sample(
                "WorkflowTask",
                [("Transcode", "SUCCESS"), ("ImageSprites", "SUCCESS"), ("ImageSprites", "FAIL")],
            ),
            {},
        )
        assert calls == [
            ("Transcode", "SUCCESS"),
            ("ImageSprites", "SUCCESS"),
            ("ImageSprites", "FAIL"),
        ]

    def test_a_function_runs_once_for_a_result_however_often_it_is_registered_for_it(self):
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

    def test_a_decorated_function_is_the_function_it_was(self):
        def plain(result: Result, log: object = None) -> str:
            return "returned"

        app = App()
        assert app.on(Transcode)(plain) is plain
        assert app.on_failure("Transcode")(plain) is plain
        assert app.fallback(plain) is plain
        assert plain(None) == "returned"  # type: ignore[arg-type]


# The table against a plain reading of the rules.

KINDS = [Transcode, ImageSprites, MediaSubtask, Subtask, Result, Event, WorkflowTask, EditMediaTask]
RESULTS = ["Transcode", "ImageSprites", "SampleSnapshot", "Porn", "Holo", "AiQualityControl"]

registrations = st.lists(
    st.tuples(
        st.sampled_from(["on", "on_failure", "on_progress", "fallback"]),
        st.sampled_from([*KINDS, "Holo"]),
        st.sampled_from([None, 10, 100030, (10, 11)]),
    ),
    max_size=8,
)


@given(
    registrations,
    st.lists(
        st.tuples(st.sampled_from(RESULTS), st.sampled_from(["SUCCESS", "FAIL", "PROCESSING"])),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["FINISH", "PROCESSING", "FAIL"]),
)
def test_every_result_reaches_the_callbacks_that_the_rules_tell(registered, results, status):
    app = App()
    routes = []
    for index, (verb, kind, definition) in enumerate(registered):

        def callback(result):
            pass

        callback.__qualname__ = f"callback{index}"
        if verb == "fallback":
            app.fallback(callback)
            routes.append((verb, Result, None))
        else:
            of_event = isinstance(kind, type) and issubclass(kind, Event)
            filters = {} if of_event else {"definition": definition}
            getattr(app, verb)(kind, **filters)(callback)
            routes.append((verb, kind, filters.get("definition")))

    raw = sample("WorkflowTask", results, status=status)
    event = parse_event(raw)
    expected = set()
    for result in (*event.subtasks, event):
        takers = set()
        for index, (verb, kind, definition) in enumerate(routes):
            fits = result.type == kind if isinstance(kind, str) else isinstance(result, kind)
            if definition is not None:
                wanted = definition if isinstance(definition, tuple) else (definition,)
                fits = fits and getattr(result, "definition", None) in wanted
            if fits and verb == result.verb:
                takers.add((index, result.place))
        if not takers and (result is not event or event.error):
            takers = {
                (index, result.place)
                for index, (verb, _, _) in enumerate(routes)
                if verb == "fallback"
            }
        expected |= takers

    summary = app.main_handler(raw, {})
    found = [
        (int(call["callback"].rpartition("callback")[2]), call["place"])
        for call in summary["callbacks"]
    ]
    assert len(found) == len(set(found))
    assert set(found) == expected

    explained = {
        (int(reason.route.name.rpartition("callback")[2]), reason.result.place)
        for reason in app.explain(raw)
        if reason.runs
    }
    assert explained == expected


def test_definition_matches_no_event_of_an_unknown_type() -> None:
    app, ran = App(), []
    app.on("BrandNewTask", definition=10)(lambda event: ran.append("with a definition"))
    app.on("BrandNewTask", name="other")(lambda event: ran.append("other"))
    event = {"EventType": "BrandNewTask", "BrandNewTaskEvent": {"TaskId": "t", "Status": "FINISH"}}
    app.main_handler(event, {})
    assert ran == ["other"]
