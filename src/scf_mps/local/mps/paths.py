"""Output paths: variables, defaults, folders, numbers and collisions (pages 862/37039 and 862/37578).

A name keeps the variables that only the outputs determine: `render` fills them. Braces of other text, such as the
name of the source, are doubled.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .errors import Refused
from .model import Location, OutputNames
from .presets import Kind

MAX_NUMBER_CHARACTERS = 100
"""Limit of ``ObjectNumberFormat.MinLength``, so that a request cannot ask for names of any length."""

DEFAULT_NUMBER_FORMAT: Mapping[str, Any] = {
    "InitialValue": 0,
    "Increment": 1,
    "MinLength": 1,
    "PlaceHolder": "0",
}

_LATE_VARIABLES = ("number", "subStreamNumber", "segmentNumber")
_KNOWN_VARIABLES = {"inputName", "inputFormat", "format", "definition", *_LATE_VARIABLES}
_VARIABLE = re.compile(r"\{\{|\}\}|\{(\w+)\}")
SUFFIX = ".{format}"
"""The end of every name."""


class _Field(NamedTuple):
    """A parameter that holds a name, and its default.

    Attributes:
        parameter: of the subtask.
        default: the template.
        variables: the template needs one variable of each group, or files replace each other.
    """

    parameter: str
    default: str
    variables: tuple[tuple[str, ...], ...] = ()


_MAIN = "OutputObjectPath"
FIELDS: Mapping[Kind, Mapping[str, _Field]] = {
    "Transcode": {
        "main": _Field(_MAIN, "{inputName}_transcode_{definition}.{format}"),
        "segment": _Field(
            "SegmentObjectName",
            "{inputName}_transcode_{definition}_{number}.{format}",
            (("number", "segmentNumber"),),
        ),
    },
    "AnimatedGraphics": {
        "main": _Field(_MAIN, "{inputName}_animatedGraphic_{definition}.{format}"),
    },
    "SnapshotByTimeOffset": {
        "main": _Field(
            _MAIN, "{inputName}_snapshotByTimeOffset_{definition}_{number}.{format}", (("number",),)
        ),
    },
    "SampleSnapshot": {
        "main": _Field(
            _MAIN, "{inputName}_sampleSnapshot_{definition}_{number}.{format}", (("number",),)
        ),
    },
    "ImageSprites": {
        "main": _Field(
            _MAIN, "{inputName}_imageSprite_{definition}_{number}.{format}", (("number",),)
        ),
        "vtt": _Field("WebVttObjectName", "{inputName}_imageSprite_{definition}.{format}"),
    },
    "AdaptiveDynamicStreaming": {
        "main": _Field(_MAIN, "{inputName}_adaptiveDynamicStreaming_{definition}.{format}"),
        "stream": _Field(
            "SubStreamObjectName",
            "{inputName}_adaptiveDynamicStreaming_{definition}_{subStreamNumber}.{format}",
            (("subStreamNumber",),),
        ),
        "segment": _Field(
            "SegmentObjectName",
            "{inputName}_adaptiveDynamicStreaming_{definition}_{subStreamNumber}_{segmentNumber}.{format}",
            (("subStreamNumber",), ("segmentNumber", "number")),
        ),
    },
}
"""The names of each kind of subtask (defaults: SDK 3.1.194). Keys are attributes of `OutputNames`."""

_NUMBERED = ("Transcode", "SnapshotByTimeOffset", "SampleSnapshot", "ImageSprites")


@dataclass(frozen=True, slots=True)
class PlannedNames:
    """The names of a subtask.

    Attributes:
        names: templates of the object keys.
        input: the fields of the result's ``Input`` in events.
    """

    names: OutputNames
    input: Mapping[str, Any]


def plan_names(
    kind: Kind,
    task: Mapping[str, Any],
    source: Location,
    folder: str,
    extensions: Mapping[str, str],
) -> PlannedNames:
    """Return the names of a subtask's files.

    Args:
        kind: of the subtask.
        task: the parameters of the subtask in ProcessMedia.
        source: the input, for ``{inputName}`` and ``{inputFormat}``.
        folder: that of relative paths, with slashes at both ends.
        extensions: value of ``{format}`` by file: main, segment, stream, vtt.

    Raises:
        Refused: InvalidParameterValue for a path or ``ObjectNumberFormat`` that MPS does not allow.
    """
    number_format = read_number_format(task) if kind in _NUMBERED else {}
    stem, extension = split_name(source.key)
    variables = {
        "inputName": stem,
        "inputFormat": extension,
        "definition": str(task.get("Definition") or 0),
    }
    names: dict[str, str] = {}
    shown: dict[str, Any] = {}
    for name, field in FIELDS[kind].items():
        template = _read_template(task, field)
        values = {**variables, "format": extensions.get(name, "")}
        path = _fill(template, values)
        # Segments, substreams and WebVTT files are in folders below that of the main file.
        parent = "/" + names["main"].rpartition("/")[0] + "/" if names else folder
        path = path if path.startswith("/") else parent.rstrip("/") + "/" + path
        names[name] = path.lstrip("/")
        shown[field.parameter] = _unescape(path.removesuffix(f".{_escape(values['format'])}"))
    if number_format:
        shown["ObjectNumberFormat"] = dict(number_format)
    used = {name: key for name, key in names.items() if name == "main" or name in extensions}
    return PlannedNames(OutputNames(**used, number_format=number_format), shown)


def find_problems(kind: Kind, task: Mapping[str, Any], files: Iterable[str]) -> list[str]:
    """Return a warning for each unknown variable in a name, and for names that several files share.

    Args:
        kind: of the subtask.
        task: the parameters of the subtask in ProcessMedia.
        files: main, segment, stream or vtt: the names of which the subtask makes several files.
    """
    problems = []
    for name, field in FIELDS[kind].items():
        used = set(_VARIABLE.findall(str(task.get(field.parameter) or field.default))) - {""}
        problems += [
            f"{field.parameter} has the unknown variable {{{variable}}}, which remains as it is"
            for variable in sorted(used - _KNOWN_VARIABLES)
        ]
        problems += [
            f"{field.parameter} has no {{{group[0]}}}, so several files replace each other"
            for group in field.variables
            if name in files and not used & set(group)
        ]
        template = str(task.get(field.parameter) or SUFFIX)
        if name == "main" and not template.endswith(SUFFIX):
            problems.append(f"{field.parameter} has no {SUFFIX}, which is added")
        if name != "main" and template.startswith("/"):
            problems.append(f"{field.parameter} is absolute, MPS documents relative names only")
    return problems


def read_output_dir(request: Mapping[str, Any], source: Location) -> str:
    """Return ``OutputDir`` of a request, by default the folder of the source, with slashes at both ends.

    Raises:
        Refused: InvalidParameterValue.
    """
    folder = request.get("OutputDir")
    if not folder:
        parent = source.key.rpartition("/")[0]
        return f"/{_escape(parent)}/" if parent else "/"
    if not (isinstance(folder, str) and folder.startswith("/") and folder.endswith("/")):
        raise Refused(
            "InvalidParameterValue",
            f"invalid OutputDir {folder!r}. It begins and ends with a slash, as /videos/",
        )
    return _escape(folder)


def read_number_format(task: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``ObjectNumberFormat`` of a subtask with its defaults.

    Raises:
        Refused: InvalidParameterValue.
    """
    given = task.get("ObjectNumberFormat") or {}
    known = isinstance(given, Mapping) and set(given) <= set(DEFAULT_NUMBER_FORMAT)
    values = {**DEFAULT_NUMBER_FORMAT, **given} if known else {}
    numbers = [values.get(name) for name in ("InitialValue", "Increment", "MinLength")]
    if not (
        all(type(number) is int and number >= 0 for number in numbers)
        and values["MinLength"] <= MAX_NUMBER_CHARACTERS
        and isinstance(values["PlaceHolder"], str)
    ):
        raise Refused(
            "InvalidParameterValue",
            f"invalid ObjectNumberFormat {given!r}. InitialValue, Increment and MinLength (at most "
            f"{MAX_NUMBER_CHARACTERS}) are integers from 0, PlaceHolder is text",
        )
    return values


def render(
    name: str,
    *,
    number: int | str | None = None,
    stream: int = 0,
    segment: int | str | None = None,
    number_format: Mapping[str, Any] | None = None,
) -> str:
    """Return the object key of a file.

    Args:
        name: a template of `OutputNames`.
        number: index from 0 of a picture, sheet or segment, or a text such as ``init``. By default `segment`.
        stream: index from 0 of the substream.
        segment: index from 0 of the segment, or a text such as ``init``. By default `number`.
        number_format: ``ObjectNumberFormat`` with all its values, for ``{number}``.
    """
    number = segment if number is None else number
    number = 0 if number is None else number
    segment = number if segment is None else segment
    values = {
        "number": format_number(number, number_format or DEFAULT_NUMBER_FORMAT),
        "subStreamNumber": str(stream),
        "segmentNumber": str(segment),
    }
    return _VARIABLE.sub(lambda match: _render_match(match, values), name)


def format_number(index: int | str, number_format: Mapping[str, Any]) -> str:
    """Return the value of ``{number}``.

    Args:
        index: from 0. A text is returned as it is.
        number_format: ``ObjectNumberFormat`` with all its values.
    """
    if isinstance(index, str):
        return index
    text = str(number_format["InitialValue"] + index * number_format["Increment"])
    missing = max(0, number_format["MinLength"] - len(text))
    padding: str = number_format["PlaceHolder"] * missing
    return padding[:missing] + text


def find_collisions(files: Iterable[tuple[str, Location]], source: Location) -> list[str]:
    """Return a warning for each two files with one name, and for a file that replaces the source.

    Args:
        files: (description, storage with the template of the key) of each file.
        source: the input.
    """
    owners: dict[tuple[str, str, str], str] = {}
    warnings = []
    for description, file in files:
        address = f"cos://{file.bucket}.{file.region}/{_unescape(file.key)}"
        # Any variable may have the same value as any other.
        place = (file.bucket, file.region, _VARIABLE.sub("\0", file.key))
        owner = owners.setdefault(place, description)
        if owner != description:
            warnings.append(f"{description} and {owner} have one name: {address}")
        if Location(file.bucket, file.region, _unescape(file.key)) == source:
            warnings.append(f"{description} replaces the source {address}")
    return warnings


def split_name(key: str) -> tuple[str, str]:
    """Return name and extension of a key's file, the extension without its dot."""
    name = key.rpartition("/")[2]
    stem, dot, extension = name.rpartition(".")
    return (stem, extension) if dot and stem else (name, "")


def _read_template(task: Mapping[str, Any], field: _Field) -> str:
    """Return the template of a name. Raise Refused.

    An event shows its paths absolute and without extension, and a request may repeat them.
    """
    template = task.get(field.parameter)
    if not template:
        return field.default
    if not isinstance(template, str):
        raise Refused("InvalidParameterValue", f"{field.parameter} is not a string")
    return template if template.endswith(SUFFIX) else template + SUFFIX


def _fill(template: str, values: Mapping[str, str]) -> str:
    """Fill variables and keep the others. Double the braces of values."""

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if name is None or name in _LATE_VARIABLES:
            return match[0]
        return _escape(values[name]) if name in values else _escape(match[0])

    return _VARIABLE.sub(fill, _escape_unmatched(template))


def _escape_unmatched(template: str) -> str:
    """Double the braces of a user's template that belong to no variable."""
    parts = re.split(r"(\{\w+\})", template)
    return "".join(part if index % 2 else _escape(part) for index, part in enumerate(parts))


def _render_match(match: re.Match[str], values: Mapping[str, str]) -> str:
    return match[0][0] if match[1] is None else values.get(match[1], match[0])


def _escape(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _unescape(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}")
