"""Builders of events: every class of results, its fields, and distinct outputs."""

import json
import subprocess
import sys

import pytest

import scf_mps
from scf_mps import ImageSprites, Transcode, UnknownSubtask, parse_event
from scf_mps.events.generated.type_tables import LIVE_EVENTS, MODULES
from scf_mps.events.registry import get_class
from scf_mps.testing import MpsEvent, load_event
from scf_mps.testing import event as e
from scf_mps.testing.builders import list_part_builders, make_builder_name
from tests.support.sample_data import ROOT

BUILDERS = sorted(list_part_builders().items())
ACTIVITIES_ONLY = {"AIRecognition", "AiContentReview", "AIAnalysis", "ExecRule", "SmartSubtitles"}
OUT = "cos://out-1250000000.ap-guangzhou"


def wrap(name, part):
    """Return an event with a result of a class."""
    if name == "BatchSmartSubtitles":
        return e.batch(part)
    return e.schedule(part) if name in ACTIVITIES_ONLY else e.workflow(part)


def test_every_class_of_results_has_a_builder():
    results = ["media", "review", "analysis", "recognition", "subtitles", "single"]
    names = {name for module in results for name in MODULES[module].split()}
    assert set(list_part_builders().values()) == {
        name for name in names if get_class(name).mps_type
    }
    assert {make_builder_name("AIAnalysis"), make_builder_name("PornAsr")} == {
        "ai_analysis",
        "porn_asr",
    }
    assert {"workflow", "transcode"} <= set(dir(e))


@pytest.mark.parametrize(("builder", "name"), BUILDERS)
@pytest.mark.parametrize(
    ("options", "verb"),
    [({}, "on"), ({"fails": "X"}, "on_failure"), ({"progress": 7}, "on_progress")],
)
def test_result_is_of_its_class_and_status(builder, name, options, verb):
    part = getattr(e, builder)(**options)
    (subtask,) = wrap(name, part).view.subtasks
    assert (type(subtask), subtask.verb) == (
        get_class(name),
        verb if name != "BatchSmartSubtitles" else subtask.verb,
    )


def test_classes_with_the_type_of_another_one_are_distinct():
    for build in (e.workflow, e.schedule):
        event = build(e.dubbing(), e.ai_dubbing(), e.asr_full_text_recognition())
        names = [type(subtask).__name__ for subtask in event.view.subtasks]
        assert sorted(names) == ["AiDubbing", "AsrFullTextRecognition", "Dubbing"]


def test_fields_of_the_output_are_set():
    event = e.workflow(
        e.transcode(
            240,
            path="v/a_240.mp4",
            bucket="cos://b-1250000000.ap-beijing/",
            width=426,
            bitrate=None,
        ),
        source="cos://in-1250000000.ap-guangzhou/films/a.mov",
        session="order-7",
        context="c",
    )
    transcode = event.view.subtasks[0]
    assert isinstance(transcode, Transcode)
    assert (transcode.definition, transcode.output.width, transcode.output.raw["Bitrate"]) == (
        240,
        426,
        None,
    )
    assert [str(file) for file in event.files] == ["cos://b-1250000000.ap-beijing/v/a_240.mp4"]
    assert [str(file) for file in event.view.sources] == [
        "cos://in-1250000000.ap-guangzhou/films/a.mov"
    ]
    assert (event.view.session_id, event.view.session_context) == ("order-7", "c")


def test_outputs_are_named_after_the_source():
    event = e.workflow(e.image_sprites(), source="cos://in-1250000000.ap-guangzhou/films/a")
    assert isinstance(event.view.subtasks[0], ImageSprites)
    assert [str(file) for file in event.files] == [
        f"{OUT}/films/a_ImageSprites_10.jpg",
        f"{OUT}/films/a_ImageSprites_10.vtt",
    ]


def test_parts_of_one_type_are_distinct():
    event = e.workflow(
        e.transcode(), e.transcode(), e.transcode(7), e.transcode(7), e.transcode(path="/x.mp4")
    )
    assert [subtask.definition for subtask in event.view.subtasks] == [100030, 100040, 7, 7, 100050]
    keys = [file.key for file in event.files]
    assert len(set(keys)) == 5
    assert keys[2:] == ["videos/demo_Transcode_7.mp4", "videos/demo_Transcode_7_1.mp4", "x.mp4"]


def test_failure_has_its_error():
    task = e.workflow(e.transcode(fails="SourceFileError"))
    assert task.view.subtasks[0].error.name == "SourceFileError"
    whole = e.workflow(fails="cannot be read")
    assert (whole.view.error.message, whole.view.verb) == ("cannot be read", "on_failure")
    assert e.edit(fails="x").view.files == ()


def test_running_part_makes_the_event_running():
    event = e.schedule(e.transcode(), e.cover(progress=30))
    assert event.view.in_progress
    assert event.view.subtasks[1].raw.get("Progress", 30) == 30
    assert e.batch(e.batch_smart_subtitles(progress=3)).view.subtasks[0].status == "PROCESSING"


def test_single_tasks_have_their_fields():
    edit = e.edit("/films/cut.mp4", meta_data=None)
    assert [file.key for file in edit.files] == ["films/cut.mp4"]
    assert e.watermark(result="mine").view.result == "mine"
    assert e.documentation() == e.documentation()


@pytest.mark.parametrize("name", LIVE_EVENTS.rows)
def test_live_notification_is_of_its_type(name):
    event = e.live(name, context="c")
    assert (event.view.type, event.view.session_context) == (name, "c")
    assert e.live("ProcessEof", message="bye").view.message == "bye"


def test_part_of_an_unknown_type_is_unknown():
    (subtask,) = e.workflow(e.part("Hologram", progress=5)).view.subtasks
    assert type(subtask) is UnknownSubtask


def test_events_have_different_task_ids():
    first, second = e.workflow(), e.workflow()
    assert first.key != second.key
    assert e.workflow(task_id="mine").view.task_id == "mine"
    assert len({e.batch().key, e.batch(session="x").key}) == 2


def test_event_is_json_and_can_be_loaded(tmp_path):
    event = e.workflow(e.transcode())
    (tmp_path / "event.json").write_text(json.dumps(event))
    assert load_event(tmp_path / "event.json") == event
    assert isinstance(parse_event(event), scf_mps.WorkflowTask)
    assert repr(MpsEvent(event)) == repr(event.view)


@pytest.mark.parametrize(
    ("build", "error", "word"),
    [
        (lambda: e.transcod, AttributeError, "transcode"),
        (lambda: e.xyz, AttributeError, "xyz"),
        (lambda: e.workflow(e.transcode(widht=1)), TypeError, "width"),
        (lambda: e.workflow(e.transcode(zzz=1)), TypeError, "bitrate"),
        (lambda: e.workflow(e.transcode(width="1")), TypeError, "int"),
        (lambda: e.workflow(e.transcode(width=True)), TypeError, "int"),
        (lambda: e.workflow(e.transcode(duration="1")), TypeError, "float"),
        (lambda: e.workflow(e.cover(cover_set={})), TypeError, "list"),
        (lambda: e.workflow(e.ai_analysis(output={})), ValueError, "AIAnalysis"),
        (lambda: e.schedule(e.ai_analysis(output={})), TypeError, "list"),
        (lambda: e.workflow(e.transcode(fails="x", progress=1)), ValueError, "progress"),
        (lambda: e.workflow(e.transcode(fails="x", width=1)), ValueError, "FAIL"),
        (lambda: e.workflow(sorce="cos://a-1.b/c"), TypeError, "source"),
        (lambda: e.workflow(source="a.mp4"), ValueError, "cos://"),
        (lambda: e.edit(zzz=1), TypeError, "zzz"),
        (lambda: e.live("Nothing"), ValueError, "Nothing"),
    ],
)
def test_invalid_event_is_rejected(build, error, word):
    with pytest.raises(error, match=word):
        build()


def test_nested_results_may_be_set():
    event = e.schedule(e.ai_analysis(output=[], message="m"))
    assert (
        event["ScheduleTaskEvent"]["ActivityResultSet"][0]["ActivityResItem"]["AnalysisTask"][
            "Message"
        ]
        == "m"
    )


def test_stub_is_generated():
    subprocess.run([sys.executable, ROOT / "tools" / "generate_builders.py", "--check"], check=True)
