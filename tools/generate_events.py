"""Writes the typed views of `scf_mps.events` from the models of the installed MPS SDK (`make events`).

    python tools/generate_events.py [--check]

The SDK (tencentcloud-sdk-python-mps) tells every type, field and, in the notes of the fields, which ``Type`` fills
which field. What its notes get wrong or leave out is written down below, in the tables in capitals. A field that
appears in a later SDK and that neither the notes nor these tables explain stops the run with its name.

``--check`` writes nothing and fails if the files differ from what would be written.
"""

from __future__ import annotations

import keyword
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from tencentcloud.mps.v20190612 import models as sdk

EVENTS = Path(__file__).parent.parent / "src" / "scf_mps" / "events" / "generated"
HEADER = (
    "Generated from tencentcloud-sdk-python-mps {}: change tools/generate_events.py, not this file."
)

NOTIFICATION = "ParseNotificationResponse"
LIVE_NOTIFICATION = "ParseLiveStreamProcessNotificationResponse"

# Model modules, and the types whose trees they hold. A type of several trees goes to `common`, the rest to `notification`.
MODULES = {
    "media": ["MediaProcessTaskResult"],
    "review": ["AiContentReviewResult"],
    "analysis": ["AiAnalysisResult"],
    "recognition": ["AiRecognitionResult"],
    "subtitles": ["SmartSubtitlesResult", "BatchSubTaskResult", "SmartSubtitlesTaskInput"],
    "erase_and_dubbing": ["SmartEraseTaskResult", "AIDubbingTaskResult"],
    "quality": ["ScheduleQualityControlTaskResult"],
    "edit": ["EditMediaTask"],
    "watermark": ["ExtractBlindWatermarkTask"],
    "live": [LIVE_NOTIFICATION],
}

# The result sets: key in the payload, type of an item, the family of classes, the module of the family.
SETS = [
    ("MediaProcessResultSet", "MediaProcessTaskResult", "MediaSubtask", "media"),
    ("AiContentReviewResultSet", "AiContentReviewResult", "ReviewSubtask", "review"),
    ("AiAnalysisResultSet", "AiAnalysisResult", "AnalysisSubtask", "analysis"),
    ("AiRecognitionResultSet", "AiRecognitionResult", "RecognitionSubtask", "recognition"),
    ("SmartSubtitlesTaskResult", "SmartSubtitlesResult", "SubtitlesSubtask", "subtitles"),
]

# Types that the note of the field gets wrong (it says "ImageSprite") or does not put as the others do.
TYPE_OF_FIELD = {
    ("MediaProcessTaskResult", "ImageSpriteTask"): "ImageSprites",
    ("SmartSubtitlesResult", "PureSubtitleTransTask"): "PureSubtitleTrans",
}

# Class names where the Type cannot be one, or is used for another result as well.
CLASS_NAMES = {
    ("SmartSubtitlesResult", "AsrFullTextRecognition"): "SmartSubtitlesAsrFullText",
    ("SmartSubtitlesResult", "TransTextRecognition"): "SmartSubtitlesTransText",
    ("SmartSubtitlesResult", "OcrFullTextRecognition"): "SmartSubtitlesOcrFullText",
}

# Activities of a ScheduleTask whose results are no item of a set above: field, ActivityType, class, its base, module.
# ActivityType of ExecRuleTask is not documented; such an activity is known by its field.
ACTIVITIES = [
    ("RecognitionTask", "AIRecognition", "AIRecognition", "RecognitionSubtask", "recognition"),
    ("ReviewTask", "AiContentReview", "AiContentReview", "ReviewSubtask", "review"),
    ("AnalysisTask", "AIAnalysis", "AIAnalysis", "AnalysisSubtask", "analysis"),
    ("SmartSubtitlesTask", "SmartSubtitles", "SmartSubtitles", "SubtitlesSubtask", "subtitles"),
    ("QualityControlTask", "AiQualityControl", "AiQualityControl", "Subtask", "single"),
    ("SmartEraseTask", "SmartErase", "SmartErase", "Subtask", "single"),
    ("AIDubbingTask", "Dubbing", "AiDubbing", "Subtask", "single"),
    ("ExecRuleTask", "ExecRules", "ExecRule", "Subtask", "single"),
]

# Results that a WorkflowTask holds as a single object: key in the payload, class.
SINGLES = [
    ("AiQualityControlTaskResult", "AiQualityControl"),
    ("SmartEraseTaskResult", "SmartErase"),
    ("AiDubbingTaskResult", "AiDubbing"),
]

# A BatchTask holds its results under SmartSubtitlesTaskResult.Outputs[].
BATCH = ("BatchSmartSubtitles", "SmartSubtitleTaskBatchOutput", "SubtitlesSubtask")

# Output fields that hold the path of a file without being called Path.
PATHS_OF_ANOTHER_NAME = {"VoiceClonedVideo", "VoiceClonedMarkFile", "ImagePathSet", "VideoPaths"}

# What `Subtask` and `Event` define themselves.
OWN_FIELDS = {"Status", "TaskId"}


class Model:
    """One type of the SDK: its fields, in order, with their types and notes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.notes: dict[str, str] = {}
        self.fields: dict[str, str] = {}  # MPS name -> annotation
        text = getattr(sdk, name).__init__.__doc__ or ""
        for block in re.split(r"\n\s*:param _", "\n" + text.strip())[1:]:
            field, _, rest = block.partition(":")
            note, _, type_ = rest.rpartition(":type ")
            self.notes[field] = " ".join(note.split())
            self.fields[field] = _annotation(type_.partition(":")[2].strip())

    def model_of(self, field: str) -> str | None:
        inner = self.fields[field].removeprefix("list[").removesuffix("]")
        return None if inner in {"str", "int", "float", "bool"} else inner


_SCALARS = {"str": "str", "int": "int", "float": "float", "bool": "bool"}
_models: dict[str, Model] = {}


def model(name: str) -> Model:
    if name not in _models:
        _models[name] = Model(name)
    return _models[name]


def _annotation(text: str) -> str:
    text = text.replace(":class:", "").replace("`", "").strip()
    is_list = text.startswith("list of ")
    inner = text.removeprefix("list of ").rpartition(".")[2]
    return f"list[{inner}]" if is_list else inner


def reachable(root: str) -> list[str]:
    """The type and all types below it, breadth first."""
    order = {root: None}
    queue = [root]
    while queue:
        one = model(queue.pop(0))
        for field in one.fields:
            below = one.model_of(field)
            if below and below not in order:
                order[below] = None
                queue.append(below)
    return list(order)


def snake(name: str) -> str:
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def camel(attribute: str) -> str:
    return "".join(word.capitalize() for word in attribute.split("_"))


def placed() -> dict[str, list[str]]:
    """Module to the types it holds."""
    trees = {
        module: list(dict.fromkeys(t for root in roots for t in reachable(root)))
        for module, roots in MODULES.items()
    }
    modules: dict[str, list[str]] = {
        "common": [],
        **{module: [] for module in MODULES},
        "notification": [],
    }
    for name in dict.fromkeys(
        [t for tree in trees.values() for t in tree] + reachable(NOTIFICATION)
    ):
        homes = [module for module, tree in trees.items() if name in tree]
        home = homes[0] if len(homes) == 1 else "common" if homes else "notification"
        modules[home].append(name)
    return modules


def class_lines(
    fields: dict[str, str], reserved: set[str] = frozenset()
) -> tuple[dict[str, str], list[str]]:
    """(irregular names, annotation lines) of a view class."""
    irregular, lines = {}, []
    for field, annotation in fields.items():
        attribute = snake(field)
        if keyword.iskeyword(attribute) or attribute in reserved:
            attribute += "_"
        if camel(attribute) != field:
            irregular[attribute] = field
        lines.append(f"    {attribute}: {annotation}")
    return irregular, lines


def names_lines(irregular: dict[str, str]) -> list[str]:
    return [f"    _names = {irregular!r}"] if irregular else []


def files_of(prefix: str, name: str) -> dict[str, list[str]]:
    """Storage to paths, as `Result._files` has them, of the output type `name` that sits at `prefix`."""
    storages = [field for field in ("OutputStorage", "Storage") if field in model(name).fields]
    storage = f"{prefix}.{storages[0]}" if storages else ""
    paths = list(_paths(prefix, name, 2))
    return {storage: paths} if paths else {}


def _paths(prefix: str, name: str, depth: int):
    for field, annotation in model(name).fields.items():
        is_list = annotation.startswith("list[")
        path = f"{prefix}.{field}{'[]' if is_list else ''}"
        below = model(name).model_of(field)
        if below is None:
            if field.endswith("Path") or field in PATHS_OF_ANOTHER_NAME:
                yield path
        elif depth and below not in {"TaskOutputStorage"}:
            yield from _paths(path, below, depth - 1)


def type_of(item: str, field: str) -> str:
    """The Type whose result the field of a set's item holds, from the field's note."""
    if (item, field) in TYPE_OF_FIELD:
        return TYPE_OF_FIELD[item, field]
    found = re.search(r"当\s*(?:任务类型|Type)\s*为\s*([\w.]+)\s*时有效", model(item).notes[field])
    if not found:
        sys.exit(f"{item}.{field} is new and its note names no Type: add it to TYPE_OF_FIELD")
    return found[1]


def set_items(item: str) -> list[tuple[str, str, str]]:
    """(Type, field, class) of each result that an item of a set can hold."""
    rows = []
    for field in model(item).fields:
        if field.endswith("Task") and model(item).model_of(field):
            type_ = type_of(item, field)
            rows.append((type_, field, CLASS_NAMES.get((item, type_), type_.replace(".", ""))))
    return rows


def callback_type(name: str) -> list[str]:
    """The member by which a checker knows what callbacks a class takes; see `callbacks.py`."""
    return [
        "    if TYPE_CHECKING:",
        "",
        "        @staticmethod",
        f"        def _takes() -> Callable[[Of{name}], Of{name}]: ...",
        "",
    ]


def callbacks_module(homes: dict[str, list[str]]) -> str:
    bases = ["Result", "Subtask", "UnknownSubtask", "Event", "LiveEvent", "UnknownEvent"]
    names = [name for module in homes.values() for name in module]
    return "\n".join(
        [
            '"""The callbacks each class takes, for type checkers alone: nothing here is loaded at run time.\n\n'
            "Each class of results has a static method ``_takes`` whose type is a decorator for functions that take\n"
            "an instance of the class first, and may take more. `Router.on` returns it, so a decorated function keeps its\n"
            "exact type, and one that takes something else is an error.\n\n"
            f'{HEADER.format(version("tencentcloud-sdk-python-mps"))}\n"""',
            "",
            "from __future__ import annotations",
            "",
            "from collections.abc import Callable",
            "from typing import Concatenate, TypeVar",
            "",
            f"from ..base import {', '.join(bases)}",
            *[f"from .{module} import {', '.join(classes)}" for module, classes in homes.items()],
            "",
            *[
                f'Of{n} = TypeVar("Of{n}", bound=Callable[Concatenate[{n}, ...], object])'
                for n in bases + names
            ],
            "",
        ]
    )


def result_class(
    name: str,
    base: str,
    doc: str,
    attributes: list[str],
    fields: dict[str, str],
    reserved: set[str],
) -> list[str]:
    irregular, lines = class_lines(fields, reserved)
    return [
        f"class {name}({base}):",
        f'    """{doc}"""',
        "",
        "    __slots__ = ()",
        *names_lines(irregular),
        *attributes,
        "",
        *lines,
        "",
        *callback_type(name),
        "",
    ]


def reach_attributes(definition: bool, location: bool) -> list[str]:
    """What a result of the class can never have, for the filters that could then never match."""
    return [
        f"    {name}: ClassVar[bool] = False"
        for name, has in (("has_definition", definition), ("has_location", location))
        if not has
    ]


def files_attribute(files: dict[str, list[str]]) -> list[str]:
    return [f"    _files = { ({k: tuple(v) for k, v in files.items()})!r}"] if files else []


RESERVED = {
    "raw",
    "key",
    "verb",
    "files",
    "paths",
    "error",
    "event",
    "item",
    "place",
    "type",
    "subtasks",
    "sources",
    "inputs",
    "definition",
}


def subtask_class(name: str, base: str, type_: str, result: str, where: str) -> list[str]:
    fields = {f: a for f, a in model(result).fields.items() if f not in OWN_FIELDS}
    files: dict[str, list[str]] = {}
    for field, annotation in fields.items():
        below = model(result).model_of(field)
        if field != "Input" and below and not annotation.startswith("list["):
            files.update(files_of(field, below))
    given = [
        model(below).fields
        for below in map(model(result).model_of, fields)
        if below and not annotation_is_list(result, below)
    ]
    definition = name == BATCH[0] or any("Definition" in one for one in given)
    location = bool(files) or any("OutputObjectPath" in one for one in given)
    attributes = [
        f'    mps_type: ClassVar[str] = "{type_}"',
        *reach_attributes(definition, location),
        *files_attribute(files),
    ]
    if name == BATCH[0]:
        attributes.append('    _input_of_event = "SmartSubtitlesTaskResult"')
    return result_class(
        name, base, f"``{type_}``: {where} (``{result}``).", attributes, fields, RESERVED
    )


def annotation_is_list(name: str, below: str) -> bool:
    return f"list[{below}]" in model(name).fields.values()


def family_class(name: str, doc: str) -> list[str]:
    return [
        f"class {name}(Subtask):",
        f'    """{doc}"""',
        "",
        "    __slots__ = ()",
        "",
        *callback_type(name),
        "",
    ]


def result_module(doc: str, names: list[str], base_import: str, body: list[str]) -> str:
    """A module of classes for results; what only checkers need is imported for them alone."""
    known = {name for module in placed().values() for name in module}
    words = dict.fromkeys(
        re.findall(r"\w+", "\n".join(line for line in body if re.match(r"    \w+: ", line)))
    )
    models = [word for word in words if word in known and word not in names]
    return "\n".join(
        [
            f'"""{doc}\n\n{HEADER.format(version("tencentcloud-sdk-python-mps"))}\n"""',
            "",
            "from __future__ import annotations",
            "",
            base_import,
            "",
            "TYPE_CHECKING = False",
            "if TYPE_CHECKING:",
            "    from collections.abc import Callable",
            "    from typing import ClassVar",
            "",
            f"    from .callbacks import {', '.join(f'Of{name}' for name in names)}",
            *([f"    from .models import {', '.join(models)}"] if models else []),
            "",
            *body,
            "__all__ = [",
            *[f'    "{name}",' for name in sorted(names)],
            "]",
            "",
        ]
    )


def subtask_modules() -> dict[str, tuple[str, list[str]]]:
    """Module to its text and the names of its classes."""
    bodies: dict[str, list[str]] = {}
    names: dict[str, list[str]] = {}

    def add(module: str, name: str, lines: list[str]) -> None:
        bodies.setdefault(module, []).extend(lines)
        names.setdefault(module, []).append(name)

    for key, item, family, module in SETS:
        add(
            module,
            family,
            family_class(
                family, f"Any result of ``{key}``, and of the activities that hold such results."
            ),
        )
        for type_, field, name in set_items(item):
            add(
                module,
                name,
                subtask_class(
                    name, family, type_, model(item).model_of(field) or "", f"a result of ``{key}``"
                ),
            )
    for field, type_, name, base, module in ACTIVITIES:
        result = model("ActivityResItem").model_of(field) or ""
        where = "an activity of a ScheduleTask"
        if name in [single for _, single in SINGLES]:
            where += " or a result of a WorkflowTask"
        add(module, name, subtask_class(name, base, type_, result, where))
    add(
        "subtitles",
        BATCH[0],
        subtask_class(BATCH[0], BATCH[2], BATCH[0], BATCH[1], "a result of a BatchTask"),
    )
    docs = {
        module: f"The results of ``{key}``, a class for each type." for key, _, _, module in SETS
    }
    docs["single"] = (
        "The results that stand alone in a WorkflowTask or a ScheduleTask, a class for each."
    )
    return {
        module: (
            result_module(docs[module], names[module], "from ..base import Subtask", body),
            names[module],
        )
        for module, body in bodies.items()
    }


def live_rows() -> list[tuple[str, str, str]]:
    """(NotificationType, payload field, class) of each live-stream notification."""
    rows = []
    for field in model(LIVE_NOTIFICATION).fields:
        if model(LIVE_NOTIFICATION).model_of(field):
            type_ = field.removesuffix("Info")
            rows.append((type_, field, f"Live{type_.removeprefix('Live')}"))
    return rows


def event_rows() -> list[tuple[str, str, str]]:
    """(EventType, payload field, class) of each notification."""
    rows = []
    for field in model(NOTIFICATION).fields:
        if model(NOTIFICATION).model_of(field):
            type_ = field.removesuffix("Event")
            if field == "ExtractBlindWatermarkTask":  # the one payload not named <EventType>Event
                type_ = "ExtractBlindWatermark"
            rows.append((type_, field, type_))
    return rows


def event_module(
    doc: str, base: str, root: str, rows: list[tuple[str, str, str]]
) -> tuple[str, list[str]]:
    body: list[str] = []
    results = {key for key, *_ in SETS} | {key for key, _ in SINGLES} | {"ActivityResultSet"}
    for type_, field, name in rows:
        payload = model(root).model_of(field) or ""
        fields = {f: a for f, a in model(payload).fields.items() if f not in OWN_FIELDS}
        files = (
            files_of("Output", model(payload).model_of("Output") or "")
            if "Output" in fields
            else {}
        )
        attributes = [
            f'    mps_type: ClassVar[str] = "{type_}"',
            f'    payload_field: ClassVar[str] = "{field}"',
            *reach_attributes(True, bool(files or results & set(fields))),
            *files_attribute(files),
        ]
        body += result_class(
            name,
            base,
            f"A notification of type ``{type_}`` (``{payload}``).",
            attributes,
            fields,
            RESERVED,
        )
    names = [name for _, _, name in rows]
    return result_module(doc, names, f"from ..base import {base}", body), names


def kinds_lines(name: str, rows: list[tuple[str, str, str, str]]) -> list[str]:
    """A table of `TypeTable`, from rows of (Type, field, class, module)."""
    return [
        f"{name} = TypeTable({{",
        *[
            f'    "{type_}": ("{module}", "{cls}", "{field}"),'
            for type_, field, cls, module in rows
        ],
        "})",
    ]


def sets_module(homes: dict[str, list[str]]) -> str:
    lines: list[str] = []
    constant = {module: key for key, _, _, module in SETS}
    rows_of = {module: [(*row, module) for row in set_items(item)] for _, item, _, module in SETS}
    for module, rows in rows_of.items():
        lines += [
            *kinds_lines(module.upper(), rows),
            f'"""The results of ``{constant[module]}``."""',
            "",
        ]
    explained = {
        field: (type_, field, cls, module) for type_, field, cls, module in rows_of["media"]
    }
    explained |= {field: (type_, field, cls, module) for field, type_, cls, _, module in ACTIVITIES}
    for field in model("ActivityResItem").fields:
        if field not in explained:
            sys.exit(f"ActivityResItem.{field} is new: add it to ACTIVITIES")
    lines += [
        *kinds_lines("ACTIVITIES", [explained[field] for field in model("ActivityResItem").fields]),
        '"""The activities of a ScheduleTask; their fields are those of ``ActivityResItem``."""',
        "",
    ]
    nested = []
    for field, _, _, _, module in ACTIVITIES:
        output = model(model("ActivityResItem").model_of(field) or "").fields["Output"]
        if output.startswith("list["):
            nested.append(f'    "{field}": {module.upper()},')
    lines += [
        "NESTED = {",
        *nested,
        "}",
        '"""The activities whose ``Output`` is itself a list of results, and of which kinds."""',
        "",
    ]
    lines += [
        "SETS = {",
        *[f'    "{key}": {module.upper()},' for key, _, _, module in SETS],
        "}",
        '"""Key of a list of results in a payload to the kinds it holds."""',
        "",
    ]
    lines += [
        *kinds_lines("SINGLES", [(key, "", cls, "single") for key, cls in SINGLES]),
        '"""Key of a single result in a payload to its kind."""',
        "",
    ]
    lines += [
        *kinds_lines("BATCH", [("SmartSubtitlesTaskResult", "Outputs", BATCH[0], "subtitles")]),
        '"""Key in the payload of a BatchTask to the kind of the results below it."""',
        "",
    ]
    known = {
        f
        for _, field, _ in event_rows()
        for f in model(model(NOTIFICATION).model_of(field) or "").fields
    }
    known |= {
        f
        for _, field, _ in live_rows()
        for f in model(model(LIVE_NOTIFICATION).model_of(field) or "").fields
    }
    known -= {key for key, *_ in SETS} | {key for key, _ in SINGLES} | {"ActivityResultSet"}
    lines += [
        "OTHER_FIELDS = frozenset({",
        *[f'    "{field}",' for field in sorted(known)],
        "})",
        '"""The fields of payloads that hold no results."""',
        "",
    ]
    for name, rows, module, doc in [
        ("EVENTS", event_rows(), "tasks", "``EventType`` to class and payload field."),
        ("LIVE_EVENTS", live_rows(), "live", "``NotificationType`` to class and payload field."),
    ]:
        lines += [*kinds_lines(name, [(*row, module) for row in rows]), f'"""{doc}"""', ""]
    lines += [
        "MODULES = {",
        *[f'    "{module}": "{" ".join(sorted(names))}",' for module, names in homes.items()],
        "}",
        '"""Module to the classes of results in it."""',
        "",
    ]
    return "\n".join(
        [
            f'"""Which type is found where: the tables that `reading.py` walks an event by.\n\n'
            f'{HEADER.format(version("tencentcloud-sdk-python-mps"))}\n"""',
            "",
            "from __future__ import annotations",
            "",
            "from ..registry import TypeTable",
            "",
            *lines,
        ]
    )


def model_module(module: str, names: list[str], home: dict[str, str]) -> str:
    own = set(names)
    imports: dict[str, set[str]] = {}
    body: list[str] = []
    for name in names:
        one = model(name)
        for field in one.fields:
            below = one.model_of(field)
            if below and below not in own:
                imports.setdefault(home[below], set()).add(below)
        irregular, lines = class_lines(one.fields, {"raw"})
        body += [
            f"class {name}(View):",
            f'    """MPS type ``{name}``."""',
            "",
            "    __slots__ = ()",
            *names_lines(irregular),
            *([""] if lines else []),
            *lines,
            "",
            "",
        ]
    what = {
        "common": "Types that several kinds of tasks use",
        "notification": "The notification, its payloads and the activities of a ScheduleTask",
        "live": "Notifications of live streams",
    }.get(module, f"Types of {module.replace('_', ' ')} tasks")
    head = [
        f'"""{what}.\n\n{HEADER.format(version("tencentcloud-sdk-python-mps"))}\n"""',
        "",
        "from __future__ import annotations",
        "",
    ]
    head += ["from ...view import View", ""]
    if imports:
        head += [
            "TYPE_CHECKING = False",
            "if TYPE_CHECKING:",
            *[f"    from .{m} import {', '.join(sorted(ns))}" for m, ns in sorted(imports.items())],
            "",
        ]
    return "\n".join([*head, *body])


def models_index(modules: dict[str, list[str]]) -> str:
    everything = sorted(name for names in modules.values() for name in names)
    return "\n".join(
        [
            '"""Every type of the MPS SDK that a notification can hold, as a view; a module is loaded on first use.\n\n'
            f'{HEADER.format(version("tencentcloud-sdk-python-mps"))}\n"""',
            "",
            "from __future__ import annotations",
            "",
            "TYPE_CHECKING = False",
            "if TYPE_CHECKING:",
            *[
                f"    from .{module} import {', '.join(sorted(names))}"
                for module, names in sorted(modules.items())
            ],
            "",
            "_MODULES = {",
            *[
                f'    "{module}": "{" ".join(sorted(names))}",'
                for module, names in sorted(modules.items())
            ],
            "}",
            "",
            "if not TYPE_CHECKING:  # pragma: no branch - the other side is what checkers see",
            "",
            "    def __getattr__(name):",
            "        for module, names in _MODULES.items():",
            "            if name in names.split():",
            "                from ...registry import load_module",
            "",
            '                found = load_module(f"models.{module}")',
            "                globals().update((name, found[name]) for name in names.split())",
            "                return found[name]",
            '        raise AttributeError(f"{name} is not an MPS type that a notification holds")',
            "",
            "__all__ = [",
            *[f'    "{name}",' for name in everything],
            "]",
            "",
        ]
    )


def generated() -> dict[Path, str]:
    modules = placed()
    home = {name: module for module, names in modules.items() for name in names}
    results = subtask_modules()
    results["tasks"] = event_module(
        "The notifications of tasks, a class for each type.", "Event", NOTIFICATION, event_rows()
    )
    results["live"] = event_module(
        "The notifications of live streams, a class for each type.",
        "LiveEvent",
        LIVE_NOTIFICATION,
        live_rows(),
    )
    files = {
        EVENTS / "models" / f"{module}.py": model_module(module, names, home)
        for module, names in modules.items()
    }
    files[EVENTS / "models" / "__init__.py"] = models_index(modules)
    files |= {EVENTS / f"{module}.py": text for module, (text, _) in results.items()}
    homes = {module: names for module, (_, names) in results.items()}
    files[EVENTS / "callbacks.py"] = callbacks_module(homes)
    files[EVENTS / "type_tables.py"] = sets_module(homes)
    return {path: formatted(text, path) for path, text in files.items()}


def formatted(text: str, path: Path) -> str:
    for command in (["check", "--fix", "--quiet", "--exit-zero"], ["format", "--quiet"]):
        text = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(path), "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    return text


def main() -> None:
    files = generated()
    changed = [
        path for path, text in files.items() if not path.exists() or path.read_text() != text
    ]
    if "--check" in sys.argv:
        if changed:
            sys.exit(
                "differ from the installed SDK, run `make events`: "
                + ", ".join(p.name for p in changed)
            )
    else:
        for path in changed:
            path.write_text(files[path])
    print(
        f"{len(files)} files, {len(changed)} changed, {len(_models)} types, "
        f"{sum(len(m.fields) for m in _models.values())} fields"
    )


if __name__ == "__main__":
    main()
