"""MPS's actions for the templates of the six kinds of media processing: Create, Modify, Describe and Delete.

A row of a table makes the four actions of a kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from scf_mps.local.mps.presets import Kind, Template
from scf_mps.local.mps.result_fields import format_time
from scf_mps.local.mps.service import TaskService
from scf_mps.local.mps.template_rules import AUDIO_CONTAINERS, IGNORED_TRANSCODE_FIELDS

from ...errors import ApiError
from ...service import Call, Service, action

MAX_DEFINITIONS = 100
"""Most ids in the filter of a Describe action."""

_NAMES: Mapping[str, Kind] = {
    "Transcode": "Transcode",
    "AnimatedGraphics": "AnimatedGraphics",
    "SnapshotByTimeOffset": "SnapshotByTimeOffset",
    "SampleSnapshot": "SampleSnapshot",
    "ImageSprite": "ImageSprites",
    "AdaptiveDynamicStreaming": "AdaptiveDynamicStreaming",
}
"""Names in actions to kinds."""

_NO_FIELDS = tuple(name for name in IGNORED_TRANSCODE_FIELDS if name != "EnhanceConfig")
"""Parameters that descriptions of templates do not have."""


class _Filter(NamedTuple):
    """A filter of a Describe action: its values, and the value of a template."""

    values: tuple[Any, ...]
    get: Callable[[Template], Any]


def _get_speed_type(template: Template) -> str:
    return (template.parameters.get("TEHDConfig") or {}).get("Type") or "Common"


def _get_container_type(template: Template) -> str:
    is_audio = template.parameters.get("Container") in AUDIO_CONTAINERS
    return "PureAudio" if is_audio else "Video"


_FILTERS: Mapping[str, _Filter] = {
    "Type": _Filter(("Preset", "Custom"), lambda item: "Preset" if item.is_preset else "Custom"),
    "ContainerType": _Filter(("Video", "PureAudio"), _get_container_type),
    "TEHDType": _Filter(("Common", "TEHD"), lambda item: _get_speed_type(item).partition("-")[0]),
    "TranscodeType": _Filter(("Common", "TEHD-100", "TEHD-200"), _get_speed_type),
}


def _select(call: Call, templates: list[Template]) -> list[Template]:
    """Return the templates that match the filters of a call. Raise ApiError."""
    definitions = call.parameters.get("Definitions")
    if definitions is not None:
        if not isinstance(definitions, list) or len(definitions) > MAX_DEFINITIONS:
            raise ApiError(
                "InvalidParameterValue.Definitions",
                f"Definitions is not a list of at most {MAX_DEFINITIONS} ids.",
            )
        # Official examples and every GET send ids as strings.
        wanted = {str(definition) for definition in definitions}
        templates = [item for item in templates if str(item.definition) in wanted]
    for name, condition in _FILTERS.items():
        value = call.text(name, "")
        if value and value not in condition.values:
            values = ", ".join(condition.values)
            raise ApiError("InvalidParameterValue.Type", f"{name} is one of {values}.")
        templates = [item for item in templates if value in ("", condition.get(item))]
    name = call.text("Name", "")
    return [item for item in templates if name in item.name]


def _describe(template: Template) -> dict[str, Any]:
    """Return a template as MPS describes it."""
    values = {name: value for name, value in template.parameters.items() if name not in _NO_FIELDS}
    is_transcode = template.kind == "Transcode"
    more = {"ContainerType": _get_container_type(template)} if is_transcode else {}
    return {
        # The SDK has the ids of transcoding templates as strings.
        "Definition": str(template.definition) if is_transcode else template.definition,
        "Type": "Preset" if template.is_preset else "Custom",
        "Name": template.name,
        "Comment": template.comment,
        **values,
        **more,
        "CreateTime": format_time(template.created),
        "UpdateTime": format_time(template.updated),
    }


def _read_definition(call: Call) -> int:
    if "Definition" not in call.parameters:
        raise ApiError("MissingParameter", "The request has no Definition.")
    return call.integer("Definition", 0)


def _read_changes(call: Call) -> dict[str, Any]:
    return {name: value for name, value in call.parameters.items() if name != "Definition"}


class MpsTemplates(Service):
    """The actions that manage templates."""

    tasks: TaskService


def _build_actions(name: str, kind: Kind) -> dict[str, Callable[..., Mapping[str, Any]]]:
    """Return the actions of a kind by the names of their methods."""

    @action(f"Create{name}Template")
    def create(self: MpsTemplates, call: Call) -> Mapping[str, Any]:
        return {"Definition": self.tasks.templates.create(kind, call.parameters)}

    @action(f"Modify{name}Template")
    def modify(self: MpsTemplates, call: Call) -> Mapping[str, Any]:
        self.tasks.templates.modify(kind, _read_definition(call), _read_changes(call))
        return {}

    @action(f"Delete{name}Template")
    def delete(self: MpsTemplates, call: Call) -> Mapping[str, Any]:
        self.tasks.templates.delete(kind, _read_definition(call))
        return {}

    @action(f"Describe{name}Templates")
    def describe(self: MpsTemplates, call: Call) -> Mapping[str, Any]:
        templates = _select(call, self.tasks.templates.list_templates(kind))
        offset, limit = call.integer("Offset", 0), call.integer("Limit", 10)
        if not 1 <= limit <= 100 or offset < 0:
            raise ApiError("InvalidParameterValue.Limit", "Limit is from 1 to 100.")
        page = templates[offset : offset + limit]
        return {"TotalCount": len(templates), f"{name}TemplateSet": list(map(_describe, page))}

    methods = {"create": create, "modify": modify, "delete": delete, "describe": describe}
    return {f"{verb}_{name}": method for verb, method in methods.items()}


for _name, _kind in _NAMES.items():
    for _method_name, _method in _build_actions(_name, _kind).items():
        setattr(MpsTemplates, _method_name, _method)
