"""Filters of registrations: their checks, and the results they select."""

import functools

import pytest

from scf_mps import (
    AIRecognition,
    AnimatedGraphics,
    App,
    EditMediaTask,
    Event,
    ExecRule,
    PornAsr,
    RegistrationError,
    Router,
    Subtask,
    Transcode,
    WorkflowTask,
)
from scf_mps.local.samples import sample

from .support import CallRecorder, rejected

ALL = sample("WorkflowTask", Transcode="SUCCESS", ImageSprites="SUCCESS", Porn="SUCCESS")


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"definitions": 10}, "Did you mean definition=?"),
        ({"zzz": 10}, "definition, bucket, path, source, session, when"),
        ({"definition": "10"}, "int, got '10'"),
        ({"definition": [10, "20"]}, "int, got '20'"),
        ({"definition": True}, "int, got True"),
        ({"definition": 1.5}, "got 1.5"),
        ({"definition": ()}, "got ()"),
        ({"bucket": 5}, "str, got 5"),
        ({"bucket": []}, "got []"),
        ({"bucket": "media"}, "APPID"),
        ({"bucket": "a.b-1250000000"}, "APPID"),
        ({"path": "/videos/*"}, "Use 'videos/*'"),
        ({"source": ["a", "/b"]}, "Use 'b'"),
        ({"source": "//X/b"}, "Use 'X/b'"),
        ({"session": 5}, "str, got 5"),
        ({"when": 5}, "lambda"),
    ],
)
def test_invalid_filter_is_rejected(filters, words):
    for register in (lambda: Router(**filters), lambda: Router().on(Subtask, **filters)):
        with pytest.raises(RegistrationError) as raised:
            register()
        assert f"{next(iter(filters))}=" in raised.value.args[0]
        assert words in raised.value.args[0]


def test_session_may_begin_with_a_slash():
    Router().on(Transcode, session="/a")


@pytest.mark.parametrize(
    ("kind", "filters", "name", "lacking"),
    [
        (EditMediaTask, {"definition": 10}, "EditMediaTask", "definition"),
        (ExecRule, {"definition": 10}, "ExecRule", "definition"),
        (PornAsr, {"path": "*.mp4"}, "PornAsr", "files"),
        (AIRecognition, {"bucket": "a-1"}, "AIRecognition", "files"),
        ("AiReviewResult", {"path": "a"}, "LiveAiReviewResult", "files"),
    ],
)
def test_filter_is_rejected_when_no_result_can_match(kind, filters, name, lacking):
    for register in (
        lambda: Router().on_failure(kind, **filters),
        lambda: Router(**filters).on(kind),
    ):
        with rejected(lacking) as raised:
            register()
        assert f" {name} has no " in raised.value.args[0]


def test_filters_are_accepted_when_results_can_match():
    Router().on(PornAsr, definition=10, source="a", session="b")
    Router().on(EditMediaTask, path="a", bucket="b-1")
    Router().on(AnimatedGraphics, path="a", bucket="b-1", definition=10)


def test_text_of_a_route_contains_its_filters():
    app = App()
    predicate = functools.partial(bool)
    app.on(Transcode, definition=(100, 20), path=["b", "a"], when=predicate)(lambda result: None)
    (route,) = app.routes
    assert str(route) == f"on(Transcode, definition=(20, 100), path=('a', 'b'), when={predicate!r})"
    assert len({hash(item) for item in route.filters}) == 3


def test_filters_are_equal_by_name_and_values():
    app = App()
    for number, definition in enumerate((10, (10,), 20)):
        app.on(Transcode, name=f"{number}", definition=definition)(lambda result: None)
    same, equal, other = (route.filters[0] for route in app.routes)
    assert same == equal
    assert same != other
    assert same != "definition=10"


def test_contradicting_filters_of_routers_are_rejected():
    with rejected("definition=10 and definition=(20, 30)"):
        Router(definition=10).on(Transcode, definition=(20, 30))
    inner = Router(bucket="a-1")
    inner.on(Transcode)(lambda result: None)
    with rejected("bucket='b-1' and bucket='a-1'"):
        _ = App(Router(inner, bucket="b-1")).routes


def select(event, kind=Subtask, verb="on", **filters):
    """Return the index in its set of each result that a callback with the filters receives."""
    recorder = CallRecorder()
    recorder.register(verb, kind, "callback", **filters)
    return [place.partition("[")[2][:-1] for _, place in recorder.handle(event)]


@pytest.mark.parametrize(
    ("filters", "selected"),
    [
        ({"definition": 100030}, ["0"]),
        ({"definition": (100030, 10)}, ["0", "1", "0"]),
        ({"definition": {11}}, []),
    ],
)
def test_definition_selects_one_or_several_templates(filters, selected):
    assert select(ALL, **filters) == selected


@pytest.mark.parametrize(
    ("filters", "selected"),
    [
        ({"bucket": "gztest-125****654"}, ["0", "2", "3"]),
        ({"bucket": ["a-1", "gztest-125****654"]}, ["0", "2", "3"]),
        ({"bucket": "macgzptest-125****654"}, []),  # the bucket of the source
        ({"bucket": "gztest-125*"}, []),  # buckets are no globs
        ({"path": "dasda/*"}, ["0", "2", "3"]),
        ({"path": "*.vtt"}, ["3"]),
        ({"path": "dasda/dianping2_transcode_10.mp4"}, ["0"]),
        ({"path": "dasda"}, []),
        ({"path": ("*.mp4", "*_0.jpg")}, ["0", "2", "3"]),
        ({"path": "dasda/dianping2_transcode_?0.mp[34]"}, ["0"]),
        ({"source": "dianping*"}, ["0", "2", "3"]),
        ({"source": "other*"}, []),
        ({"when": lambda result: result.definition == 10}, ["0", "2", "3"]),
        ({"when": lambda result: 0}, []),
        ({"path": "*.vtt", "definition": 10}, ["3"]),
        ({"path": "*.vtt", "definition": 11}, []),
        ({"path": None, "definition": None}, ["0", "2", "3"]),
    ],
)
def test_filters_select_results_of_documented_event(documented, filters, selected):
    assert select(documented, **filters) == selected


@pytest.mark.parametrize(
    ("kind", "filters", "selected"),
    [
        (Subtask, {"bucket": "gztest-125****654"}, ["1"]),
        (Subtask, {"path": "dasda/*_animatedGraphic_*"}, ["1"]),
        (Subtask, {"path": "other/*"}, []),
        (WorkflowTask, {"path": "*.vtt"}, [""]),
        (WorkflowTask, {"bucket": "gztest-125****654"}, [""]),
        (WorkflowTask, {"path": "*.exe"}, []),
    ],
)
def test_failure_matches_by_planned_or_nested_files(documented, kind, filters, selected):
    assert select(documented, kind, "on_failure", **filters) == selected


def test_source_matches_decoded_path_of_url(documented):
    url = {"Type": "URL", "UrlInputInfo": {"Url": "https://h/in/first%20film.mp4?sign=1"}}
    documented["WorkflowTaskEvent"]["InputInfo"] = url
    assert select(documented, source="in/first film.mp4") == ["0", "2", "3"]
    assert select(sample("EditMediaTask"), kind=Event, source="videos/*") == [""]


def test_session_matches_session_context():
    event = sample("WorkflowTask", session_context="team-a/7", Transcode="SUCCESS")
    assert select(event, session="team-a/*") == ["0"]
    assert select(event, session="team-b/*") == []
    assert select(sample("WorkflowTask", Transcode="SUCCESS"), session="") == ["0"]


def test_definition_matches_results_of_unknown_type():
    event = sample("WorkflowTask", Holo="SUCCESS")
    entry = event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]
    entry["HoloTask"]["Input"] = {"Definition": 7}
    assert select(event, kind="Holo", definition=7) == ["0"]
    assert select(event, kind="Holo", definition=8) == []


def test_definition_matches_no_event_of_unknown_type():
    recorder = CallRecorder()
    recorder.register("on", "BrandNewTask", "with definition", definition=10)
    recorder.register("on", "BrandNewTask", "other")
    event = {"EventType": "BrandNewTask", "BrandNewTaskEvent": {"TaskId": "t", "Status": "FINISH"}}
    assert recorder.handle_names(event) == ["other"]
