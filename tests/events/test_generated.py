"""The generated views against the SDK and against a handwritten table of the types."""

import json
import subprocess
import sys
import warnings

import pytest

import scf_mps
from scf_mps import MissingField
from scf_mps.events import registry
from scf_mps.events.generated import models
from scf_mps.events.generated.type_tables import (
    ACTIVITIES,
    ANALYSIS,
    MEDIA,
    MODULES,
    NESTED,
    RECOGNITION,
    REVIEW,
    SINGLES,
    SUBTITLES,
)
from scf_mps.events.parser import parse_event
from scf_mps.events.view import get_schema
from tests.support import mps_models
from tests.support.sample_data import DATA, ROOT

TABLE = json.loads((DATA / "type_table.json").read_text("utf-8"))
NOTIFICATIONS = mps_models.find_types("ParseNotificationResponse")
LIVE = mps_models.find_types("ParseLiveStreamProcessNotificationResponse")
EVENT_FILES = sorted(
    path.stem
    for path in DATA.glob("*.json")
    if path.stem.startswith(("mps_", "synth_", "live_", "vod_"))
)


def list_attributes(view):
    """Return MPS name to attribute of a view class."""
    return {mps_name: attribute for attribute, (mps_name, _, _) in get_schema(view).items()}


def test_every_type_of_a_notification_has_a_view():
    assert len(NOTIFICATIONS) == 287
    assert sum(len(mps_models.read_fields(name)) for name in NOTIFICATIONS) == 1393
    assert set(models.__all__) == NOTIFICATIONS | LIVE


@pytest.mark.parametrize("name", sorted(NOTIFICATIONS | LIVE))
def test_view_has_the_fields_of_the_sdk(name):
    view = getattr(models, name)
    fields = {
        mps_name: (model or view.__annotations__[attribute].removeprefix("list[").rstrip("]"), many)
        for attribute, (mps_name, many, model) in get_schema(view).items()
    }

    assert fields == mps_models.read_fields(name), f"{name} differs from the SDK: run `make events`"


def test_generated_modules_match_the_installed_sdk():
    process = subprocess.run(
        [sys.executable, ROOT / "tools" / "generate_events.py", "--check"],
        capture_output=True,
        text=True,
    )

    assert process.returncode == 0, process.stderr


def test_unknown_model_is_an_attribute_error():
    with pytest.raises(AttributeError, match="NoSuchType"):
        _ = models.NoSuchType


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row['container']}.{row['field']}")
def test_type_tables_match_the_handwritten_table(row):
    container = row["container"].rpartition(".")[2]
    table = {
        "MediaProcessResultSet[]": MEDIA,
        "AiContentReviewResultSet[]": REVIEW,
        "AiAnalysisResultSet[]": ANALYSIS,
        "AiRecognitionResultSet[]": RECOGNITION,
        "SmartSubtitlesTaskResult[]": SUBTITLES,
        "ActivityResItem": ACTIVITIES,
        "WorkflowTaskEvent": SINGLES,
    }[container]
    type_ = row["field"] if table is SINGLES else row["type"]
    if row["type"].startswith("(none"):  # an activity without documented type
        type_ = "ExecRules"

    view, field = table[type_]

    assert field == ("" if table is SINGLES else row["field"])
    fields = {name: model for name, _, model in get_schema(view).values()}
    assert set(fields) == set(mps_models.read_fields(row["result_type"])) - {"Status"}
    assert fields.get("Input", row["input_type"]) == row["input_type"]
    if not row["output_type"].startswith("list of"):
        assert fields["Output"] == row["output_type"]
        check_files(view, row)
    else:
        assert field in NESTED
        assert view._files == {}


def check_files(view, row):
    """Compare paths and storage of a class with the table, which counts URLs and FileIds of VOD as paths."""
    files = [path for path in row["output_paths"] if not path.endswith(("Url", "FileId"))]
    paths = {path.removeprefix("Output.") for paths in view._files.values() for path in paths}
    assert paths == set(files)
    if paths:
        assert list(view._files) == [f"Output.{name}" for name in row["storage_fields"]] or [""]


def test_package_exports_every_type():
    for names in MODULES.values():
        for name in names.split():
            assert getattr(scf_mps, name) is registry.get_class(name)
            assert name in dir(scf_mps)
    with pytest.raises(AttributeError, match="Transcod"):
        _ = scf_mps.Transcod


@pytest.mark.parametrize("name", EVENT_FILES)
def test_fields_of_published_event_equal_those_of_sdk(payload, name):
    raw = payload(name)
    root = "ParseLiveStreamProcessNotificationResponse" if "live" in name else NOTIFICATION
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the SDK warns about fields
        theirs = mps_models.deserialize(root, raw)
        assert compare(getattr(models, root)(raw), theirs) > 0


NOTIFICATION = "ParseNotificationResponse"


def compare(ours, theirs):
    """Compare each field of a view with that of an SDK object. Return their number."""
    count = 0
    for mps_name, attribute in list_attributes(type(ours)).items():
        expected = getattr(theirs, mps_name)
        count += 1
        if expected is None:
            if get_schema(type(ours))[attribute][1]:
                assert getattr(ours, attribute) == []
            else:
                with pytest.raises(MissingField):
                    getattr(ours, attribute)
            continue
        value = getattr(ours, attribute)
        if isinstance(expected, list):
            assert len(value) == len(expected)
            for item, other in zip(value, expected, strict=True):
                if hasattr(other, "_deserialize"):
                    count += compare(item, other)
                else:
                    assert item == other
        elif hasattr(expected, "_deserialize"):
            count += compare(value, expected)
        else:
            assert (value, type(value)) == (expected, type(expected))
    return count


@pytest.mark.parametrize("name", EVENT_FILES)
def test_fields_of_published_result_equal_those_of_sdk(payload, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for subtask in parse_event(payload(name)).subtasks:
            outputs = {name: model for name, _, model in get_schema(type(subtask)).values()}
            rows = [
                row
                for row in TABLE
                if row["output_type"].removeprefix("list of ") == outputs.get("Output")
                and set(mps_models.read_fields(row["result_type"])) - {"Status"} == set(outputs)
            ]
            if rows:
                theirs = mps_models.deserialize(rows[0]["result_type"], subtask.raw)
                assert compare(subtask, theirs) > 0
