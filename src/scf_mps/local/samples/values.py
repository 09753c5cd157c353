"""Results and objects with plausible values, from the schema of the views."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from scf_mps.events.files import CosObject
from scf_mps.events.view import View, get_model, get_schema

DEFAULT_SOURCE = "cos://in-1250000000.ap-guangzhou/videos/demo.mp4"
DEFAULT_OUTPUT = "cos://out-1250000000.ap-guangzhou/"

_MAX_OBJECT_DEPTH = 4
_DEFINITION_STEP = 10
"""Between the templates of results that have the same type."""


class Part(NamedTuple):
    """One result of an event.

    Attributes:
        type: as MPS sends it, or the name of a class.
        outcome: ``SUCCESS``, ``FAIL`` or ``PROCESSING``.
        definition: the template, 0 for a usual one. Results of one type get different ones.
        path: the output, ``""`` for one made of source, type and definition. Other outputs have names made of it.
        bucket: bucket and region of the outputs, ``cos://bucket.region/``. ``""`` for those of the task.
        error: ``ErrCodeExt`` of a failure.
        progress: percent of a running one.
        fields: values of the output by attribute, or of the result if it has no output.
        is_class: whether `type` is the name of a class, because some types have the name of another class.
    """

    type: str
    outcome: str = "SUCCESS"
    definition: int = 0
    path: str = ""
    bucket: str = ""
    error: str = "InternalError"
    progress: int = 42
    fields: Mapping[str, object] = {}
    is_class: bool = False

    def names(self, mps_type: str, class_name: str) -> bool:
        """Return True if it is a result of this type and class."""
        return self.type == class_name or (self.type == mps_type and not self.is_class)


def number_parts(parts: Iterable[Part], source: str) -> Iterator[Part]:
    """Yield the parts with their definitions and paths, which differ among parts of one type."""
    name = f"/{CosObject.parse(source).key}"
    folder, _, file = name.rpartition("/")
    stem = f"{folder}/{file.rpartition('.')[0] or file}"
    types, paths = Counter[str](), Counter[str]()
    for part in parts:
        definition = part.definition
        if not definition:
            definition = get_definition(part.type) + _DEFINITION_STEP * types[part.type]
            types[part.type] += 1
        path = f"/{part.path.lstrip('/')}" if part.path else f"{stem}_{{type}}_{definition}"
        key = f"{part.type} {path}"
        if not part.path and paths[key]:
            path = f"{path}_{paths[key]}"
        paths[key] += 1
        yield part._replace(definition=definition, path=path)


def create_result(kind: type[Any], part: Part) -> dict[str, Any]:
    """Return a result of a class: its input and, after a success, its output.

    Raises:
        TypeError: a field of the part is unknown or of another type.
        ValueError: the part has fields of an output, but none.
    """
    body: dict[str, Any] = create_fields(part)
    writer = Writer(kind.mps_type, part)
    schema = get_schema(kind)
    for name, is_list, model in schema.values():
        if name == "Input" and model:
            body[name] = writer.create_input(model)
        elif model and not is_list:
            body[name] = writer.create_object(model) if part.outcome == "SUCCESS" else None
        elif is_list:
            body[name] = [] if part.outcome == "SUCCESS" else None
        elif name in ("BeginProcessTime", "FinishTime"):
            body[name] = "2026-01-01T00:00:09Z"
    known = {name for name, _, _ in schema.values()} | {"Status"}
    result = {name: value for name, value in body.items() if name in known}
    if part.fields:
        _, is_list, model = schema.get("output", ("", True, None))
        has_output = bool(model) and not is_list
        fields = check_fields(get_model(str(model)) if has_output else kind, part.fields)
        if has_output and part.outcome != "SUCCESS":
            raise ValueError(
                f"{part.type} has no output that could have {', '.join(part.fields)}: it is {part.outcome}"
            )
        (result["Output"] if has_output else result).update(fields)
    return result


def check_fields(view: type[View], fields: Mapping[str, object]) -> dict[str, object]:
    """Return fields by the names of MPS.

    Raises:
        TypeError: a field is unknown, or its value has another type.
    """
    schema = get_schema(view)
    checked: dict[str, object] = {}
    for attribute, value in fields.items():
        if attribute not in schema:
            near = get_close_matches(attribute, schema, 1)
            hint = f"Did you mean {near[0]}?" if near else f"Use {', '.join(schema)}"
            raise TypeError(f"{view.__name__} has no field {attribute!r}. {hint}")
        name, is_list, model = schema[attribute]
        kind = list if is_list else dict if model else _SCALARS[_read_annotation(view, attribute)]
        if value is not None and (
            not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
        ):
            wanted = kind.__name__ if isinstance(kind, type) else "int or float"
            raise TypeError(f"{view.__name__}.{attribute} takes {wanted}, not {value!r}")
        checked[name] = value
    return checked


_SCALARS: Mapping[str, Any] = {"str": str, "int": int, "bool": bool, "float": (int, float)}


def create_fields(part: Part) -> dict[str, Any]:
    """Return the fields that all results have."""
    failed = part.outcome == "FAIL"
    return {
        "Status": part.outcome,
        "ErrCode": 30010 if failed else 0,
        "ErrCodeExt": part.error if failed else "",
        "Message": "internal error" if failed else "SUCCESS",
        "Progress": part.progress if part.outcome == "PROCESSING" else 100,
    }


class Writer:
    """Writes the objects of one result.

    Args:
        type: the MPS type of the result, or of the event.
        part: definition, path and bucket of the outputs.
    """

    def __init__(self, type: str, part: Part) -> None:
        self._type = type
        self._definition = part.definition or get_definition(type)
        path = (part.path or f"/videos/demo_{{type}}_{self._definition}").replace("{type}", type)
        folder, _, name = path.rpartition("/")
        stem, dot, extension = name.rpartition(".")
        self._stem, self._extension = f"{folder}/{stem if dot else name}", extension if dot else ""
        self.storage = create_storage(part.bucket or DEFAULT_OUTPUT)

    def create_input(self, model: str) -> dict[str, Any]:
        """Return the input of a result."""
        known = {name for name, _, _ in get_schema(get_model(model)).values()}
        folder, _, name = self._stem.rpartition("/")
        prefix = name.removesuffix(f"_{self._definition}")
        fields = {
            "Definition": self._definition,
            "OutputStorage": self.storage,
            "OutputObjectPath": f"{folder}/{prefix}_{{number}}",
        }
        return {name: value for name, value in fields.items() if name in known}

    def create_object(self, model: str, depth: int = _MAX_OBJECT_DEPTH) -> dict[str, Any]:
        """Return an object of a model with every field. Lists have one item."""
        if model == "TaskOutputStorage":
            return self.storage
        fields: dict[str, Any] = {}
        view = get_model(model)
        for attribute, (name, is_list, child) in get_schema(view).items():
            value: object
            if child:
                value = self.create_object(child, depth - 1) if depth else None
            else:
                value = self._create_scalar(_read_annotation(view, attribute), name)
            fields[name] = [value] if is_list and value is not None else [] if is_list else value
        return fields

    def create_scalars(self, kind: type[View]) -> dict[str, Any]:
        """Return the fields of a notification of a live stream."""
        fields: dict[str, Any] = {}
        for attribute, (name, is_list, model) in get_schema(kind).items():
            if model:
                value = self.create_object(model)
                fields[name] = [value] if is_list else value
            else:
                fields[name] = 0 if _read_annotation(kind, attribute) == "int" else "sample"
        return fields

    def _create_scalar(self, annotation: str, name: str) -> object:
        if annotation == "bool":
            return True
        if annotation in ("int", "float"):
            number = self._definition if name == "Definition" else _NUMBERS.get(name, 1)
            return float(number) if annotation == "float" else number
        if name.endswith(_PATHS):
            # Each file of a result has another name.
            suffix = "" if name in _MAIN_PATHS else f"_{name.removesuffix('Path')}"
            return f"{self._stem}{suffix}.{self._get_extension(name)}"
        if name.endswith("Url"):
            return "https://out-1250000000.cos.ap-guangzhou.myqcloud.com/videos/demo"
        return _STRINGS.get(name, "sample")

    def _get_extension(self, name: str) -> str:
        if "Vtt" in name or "Subtitle" in name:
            return "vtt"
        if name in _MAIN_PATHS and self._extension:
            return self._extension
        return _EXTENSIONS.get(self._type, "mp4")


def create_storage(location: str) -> dict[str, Any]:
    """Return the storage of outputs at ``cos://bucket.region/``."""
    place = CosObject.parse(f"{location.rstrip('/')}/-")
    return {
        "Type": "COS",
        "CosOutputStorage": {"Bucket": place.bucket, "Region": place.region},
    }


def create_input_info(source: str) -> dict[str, Any]:
    """Return the input of a task, ``cos://bucket.region/key``."""
    item = CosObject.parse(source)
    location = {"Bucket": item.bucket, "Region": item.region, "Object": f"/{item.key}"}
    return {"Type": "COS", "CosInputInfo": location, "UrlInputInfo": None, "S3InputInfo": None}


def get_definition(type_: str) -> int:
    """Return a usual template of a type."""
    return _DEFINITIONS.get(type_, 10)


def _read_annotation(view: type[View], attribute: str) -> str:
    """Return the scalar type of a field or of its items."""
    return str(view.__annotations__[attribute]).removeprefix("list[").removesuffix("]")


_EXTENSIONS = {
    "AnimatedGraphics": "gif",
    "SnapshotByTimeOffset": "jpg",
    "SampleSnapshot": "jpg",
    "ImageSprites": "jpg",
    "Cover": "jpg",
    "AdaptiveDynamicStreaming": "m3u8",
}

_PATHS = ("Path", "PathSet", "Paths", "VoiceClonedVideo", "VoiceClonedMarkFile")
_MAIN_PATHS = ("Path", "ImagePathSet", "WebVttPath")

_DEFINITIONS = {"Transcode": 100030, "AnimatedGraphics": 20000, "AdaptiveDynamicStreaming": 12}

_STRINGS = {
    "Status": "SUCCESS",
    "Suggestion": "pass",
    "Codec": "h264",
    "Md5": "31dcf904c03d0cd78346a12c25c0acc9",
    "Package": "HLS",
    "Container": "mov,mp4,m4a,3gp,3g2,mj2",
}

_NUMBERS = {"Width": 1280, "Height": 720, "Bitrate": 1_000_000, "Size": 401_637, "Duration": 11.26}
