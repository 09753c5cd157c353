"""Output paths: variables, defaults, folders, numbers and collisions."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps.local.mps import paths
from scf_mps.local.mps.errors import Refused
from scf_mps.local.mps.model import Location

SOURCE = Location("in-1250000000", "ap-guangzhou", "movie/2026/demo.mov")
FILES = {"main": "m3u8", "segment": "ts", "stream": "m3u8", "vtt": "vtt"}
DEFAULTS = {
    "Transcode": {
        "main": "movie/2026/demo_transcode_10.m3u8",
        "segment": "movie/2026/demo_transcode_10_{number}.ts",
    },
    "AnimatedGraphics": {"main": "movie/2026/demo_animatedGraphic_10.m3u8"},
    "SnapshotByTimeOffset": {"main": "movie/2026/demo_snapshotByTimeOffset_10_{number}.m3u8"},
    "SampleSnapshot": {"main": "movie/2026/demo_sampleSnapshot_10_{number}.m3u8"},
    "ImageSprites": {
        "main": "movie/2026/demo_imageSprite_10_{number}.m3u8",
        "vtt": "movie/2026/demo_imageSprite_10.vtt",
    },
    "AdaptiveDynamicStreaming": {
        "main": "movie/2026/demo_adaptiveDynamicStreaming_10.m3u8",
        "stream": "movie/2026/demo_adaptiveDynamicStreaming_10_{subStreamNumber}.m3u8",
        "segment": "movie/2026/demo_adaptiveDynamicStreaming_10_{subStreamNumber}_{segmentNumber}.ts",
    },
}


def plan(kind: Any, source: Location = SOURCE, folder: str | None = None, **task: Any) -> Any:
    folder = paths.read_output_dir({}, source) if folder is None else folder
    return paths.plan_names(kind, {"Definition": 10, **task}, source, folder, FILES)


def read_names(planned: Any) -> dict[str, str]:
    names = {name: getattr(planned.names, name) for name in ("main", "segment", "stream", "vtt")}
    return {name: value for name, value in names.items() if value}


@pytest.mark.parametrize("kind", list(DEFAULTS))
def test_names_have_documented_defaults(kind: str) -> None:
    assert read_names(plan(kind)) == DEFAULTS[kind]
    assert set(paths.FIELDS) == set(DEFAULTS)


@pytest.mark.parametrize(
    ("template", "key"),
    [
        ("{inputName}.{format}", "movie/2026/demo.m3u8"),
        ("{inputName}.{inputFormat}.{format}", "movie/2026/demo.mov.m3u8"),
        ("{definition}/{inputName}.{format}", "movie/2026/10/demo.m3u8"),
        ("/out/{inputName}_{number}.{format}", "out/demo_7.m3u8"),
        ("/out/{subStreamNumber}-{segmentNumber}.{format}", "out/2-7.m3u8"),
        ("/{taskId}/{rand}.{format}", "{taskId}/{rand}.m3u8"),
        ("{{inputName}}{}.{format}", "movie/2026/{demo}{}.m3u8"),
    ],
)
def test_variables_of_main_path_are_filled(template: str, key: str) -> None:
    planned = plan("Transcode", OutputObjectPath=template)
    assert paths.render(planned.names.main, number=7, stream=2) == key


def test_paths_of_second_files_follow_main_file() -> None:
    planned = plan(
        "AdaptiveDynamicStreaming",
        OutputObjectPath="/play/{inputName}.{format}",
        SubStreamObjectName="sub/{subStreamNumber}.{format}",
        SegmentObjectName="sub/{subStreamNumber}/{segmentNumber}",
    )
    assert read_names(planned) == {
        "main": "play/demo.m3u8",
        "stream": "play/sub/{subStreamNumber}.m3u8",
        "segment": "play/sub/{subStreamNumber}/{segmentNumber}.ts",
    }


@pytest.mark.parametrize(
    ("request_", "folder"),
    [({}, "/movie/2026/"), ({"OutputDir": "/out/"}, "/out/"), ({"OutputDir": "/"}, "/")],
)
def test_relative_path_is_below_output_dir(request_: dict[str, Any], folder: str) -> None:
    assert paths.read_output_dir(request_, SOURCE) == folder
    planned = plan("AnimatedGraphics", folder=folder)
    assert f"/{planned.names.main}" == f"{folder}demo_animatedGraphic_10.m3u8"


def test_source_without_folder_and_extension_is_named() -> None:
    source = Location("in-1250000000", "ap-guangzhou", "demo")
    assert paths.read_output_dir({}, source) == "/"
    planned = plan("AnimatedGraphics", source, OutputObjectPath="{inputName}{inputFormat}.{format}")
    assert planned.names.main == "demo.m3u8"
    assert paths.split_name("a/.hidden") == (".hidden", "")


@pytest.mark.parametrize("folder", ["out/", "/out", "out", 7])
def test_output_dir_without_slashes_is_refused(folder: object) -> None:
    with pytest.raises(Refused) as caught:
        paths.read_output_dir({"OutputDir": folder}, SOURCE)
    assert caught.value.code == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("kind", "task"),
    [
        ("Transcode", {"OutputObjectPath": 7}),
        ("Transcode", {"ObjectNumberFormat": {"MinLength": -1}}),
        ("Transcode", {"ObjectNumberFormat": {"MinLength": 101}}),
        ("Transcode", {"ObjectNumberFormat": {"InitialValue": "1"}}),
        ("Transcode", {"ObjectNumberFormat": {"Increment": True}}),
        ("Transcode", {"ObjectNumberFormat": {"PlaceHolder": 0}}),
        ("Transcode", {"ObjectNumberFormat": {"Step": 1}}),
        ("Transcode", {"ObjectNumberFormat": [1]}),
    ],
)
def test_undocumented_name_is_refused(kind: str, task: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        plan(kind, **task)
    assert caught.value.code == "InvalidParameterValue"


def test_paths_of_an_event_are_accepted() -> None:
    first = plan("Transcode", folder="/out/")
    task = {name: first.input[name] for name in ("OutputObjectPath", "SegmentObjectName")}

    again = plan("Transcode", folder="/elsewhere/", **task)

    assert again == first
    assert paths.find_problems("Transcode", task, ["segment"]) == [
        "OutputObjectPath has no .{format}, which is added",
        "SegmentObjectName is absolute, MPS documents relative names only",
    ]


def test_input_of_event_is_rendered_without_extension() -> None:
    assert plan("Transcode").input == {
        "OutputObjectPath": "/movie/2026/demo_transcode_10",
        "SegmentObjectName": "/movie/2026/demo_transcode_10_{number}",
        "ObjectNumberFormat": {
            "InitialValue": 0,
            "Increment": 1,
            "MinLength": 1,
            "PlaceHolder": "0",
        },
    }
    assert plan("ImageSprites").input["WebVttObjectName"] == "/movie/2026/demo_imageSprite_10"


@pytest.mark.parametrize(
    ("number_format", "index", "text"),
    [
        ({}, 0, "0"),
        ({}, 12, "12"),
        ({"InitialValue": 2, "Increment": 3}, 2, "8"),
        ({"MinLength": 4}, 12, "0012"),
        ({"MinLength": 4, "PlaceHolder": "x"}, 1, "xxx1"),
        ({"MinLength": 4, "PlaceHolder": "ab"}, 1, "aba1"),
        ({"MinLength": 4, "PlaceHolder": ""}, 1, "1"),
        ({"MinLength": 4}, "init", "init"),
    ],
)
def test_number_has_its_format(number_format: dict[str, Any], index: Any, text: str) -> None:
    task = {"ObjectNumberFormat": number_format} if number_format else {}
    planned = plan("SampleSnapshot", OutputObjectPath="/{number}.{format}", **task)
    values = planned.names.number_format
    assert paths.render(planned.names.main, number=index, number_format=values) == f"{text}.m3u8"


def test_segment_and_number_stand_for_each_other() -> None:
    name = "{number}-{segmentNumber}"
    assert paths.render(name) == "0-0"
    assert paths.render(name, number=3) == paths.render(name, segment=3) == "3-3"
    assert paths.render(name, number="init") == "init-init"
    assert paths.render(name, number=1, segment=2) == "1-2"


@given(
    initial=st.integers(0, 10**6),
    increment=st.integers(0, 1000),
    length=st.integers(0, 100),
    filler=st.text(max_size=3),
    index=st.integers(0, 10**6),
)
def test_number_ends_with_its_value(
    initial: int, increment: int, length: int, filler: str, index: int
) -> None:
    given_format = {"InitialValue": initial, "Increment": increment, "MinLength": length}
    task = {"ObjectNumberFormat": {**given_format, "PlaceHolder": filler}}
    text = paths.format_number(index, paths.read_number_format(task))
    value = str(initial + index * increment)
    assert text.endswith(value)
    assert len(text) == max(length, len(value)) if filler else text == value
    assert set(text.removesuffix(value)) <= set(filler)


def _replace(template: str, parts: dict[str, str]) -> str:
    """Replace parts in one pass, and variables by 0."""
    return re.sub(r"movie/2026|demo|\{\w+\}", lambda match: parts.get(match[0], "0"), template)


KEYS = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=30)


@given(name=KEYS, folder=KEYS)
def test_any_source_name_remains_in_keys(name: str, folder: str) -> None:
    source = Location("in-1250000000", "ap-guangzhou", f"{folder}/{name}")
    stem, _ = paths.split_name(source.key)
    for kind, files in DEFAULTS.items():
        planned = plan(kind, source)
        rendered = {key: paths.render(value) for key, value in read_names(planned).items()}
        assert rendered == {
            key: _replace(value, {"movie/2026": folder, "demo": stem})
            for key, value in files.items()
        }
        assert planned.input["OutputObjectPath"].startswith(f"/{folder}/{stem}_")


@given(template=st.text("{}abn/._", max_size=20))
def test_braces_without_variable_remain(template: str) -> None:
    planned = plan("AnimatedGraphics", OutputObjectPath="/" + template + ".{format}")
    assert paths.render(planned.names.main) == f"{template}.m3u8".lstrip("/")


def place(key: str, bucket: str = "out-1250000000") -> Location:
    return Location(bucket, "ap-guangzhou", key)


def test_files_with_one_name_are_reported() -> None:
    files = [
        ("first", place("a_{number}.ts")),
        ("second", place("a_{segmentNumber}.ts")),
        ("third", place("a_{number}.ts", "other-1250000000")),
        ("first", place("a_{number}.ts")),
        ("fourth", SOURCE),
    ]
    first, second = paths.find_collisions(files, SOURCE)
    assert "second and first" in first
    assert "cos://out-1250000000.ap-guangzhou/a_{segmentNumber}.ts" in first
    assert "fourth replaces the source" in second


@pytest.mark.parametrize(
    ("kind", "task", "files", "words"),
    [
        ("Transcode", {"SegmentObjectName": "{inputName}"}, ["segment"], ["{number}"]),
        ("Transcode", {"SegmentObjectName": "{segmentNumber}"}, ["segment"], []),
        ("Transcode", {"SegmentObjectName": "{inputName}"}, [], []),
        ("SampleSnapshot", {"OutputObjectPath": "/{inputName}.{format}"}, ["main"], ["{number}"]),
        ("SampleSnapshot", {"OutputObjectPath": "/{inputName}.{format}"}, [], []),
        (
            "AdaptiveDynamicStreaming",
            {"SegmentObjectName": "{number}", "SubStreamObjectName": "a"},
            ["stream", "segment"],
            ["SubStreamObjectName has no", "SegmentObjectName has no {subStreamNumber}"],
        ),
        ("AnimatedGraphics", {"OutputObjectPath": "{x}{y}.{format}"}, [], ["{x}", "{y}"]),
        ("AnimatedGraphics", {}, ["main"], []),
    ],
)
def test_doubtful_names_are_reported(
    kind: Any, task: dict[str, Any], files: list[str], words: list[str]
) -> None:
    problems = paths.find_problems(kind, task, files)
    assert len(problems) == len(words)
    assert all(word in problem for word, problem in zip(words, problems, strict=True))
