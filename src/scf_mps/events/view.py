"""Lazy, typed views of the dicts that MPS sends.

A view class consists of annotations (``path: str``, ``picture_set: list[MediaPicture]``). Reading an attribute looks
up the field in the raw dict, so creating a view takes no time, only fields that are read are validated, and unknown
fields remain available in `View.raw`.
"""

from __future__ import annotations

from ..errors import MissingField

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, ClassVar

    Schema = dict[str, tuple[str, bool, str | None]]

_SCALARS = frozenset({"str", "int", "float", "bool"})


class View:
    """A typed view of one JSON object of a notification.

    Fields are the MPS fields in snake_case. A null or missing list reads as empty. A scalar or an object that is null,
    missing or of another structure raises `MissingField` with its full path. Scalars are returned unchanged: MPS sends
    ints where its documentation says float.
    """

    __slots__ = ("_data", "_name", "_parent")

    _names: ClassVar[Mapping[str, str]] = {}
    """Attributes of irregular MPS names, e.g. ``{"vod_input_info": "VODInputInfo"}``."""

    def __init__(self, data: dict[str, Any], parent: View | None = None, name: str = "") -> None:
        self._data = data
        self._parent = parent
        self._name = name

    @property
    def raw(self) -> dict[str, Any]:
        """The raw object, including unknown fields."""
        return self._data

    # Hidden from type checkers, so that they report misspelled fields.
    if not TYPE_CHECKING:  # pragma: no branch - type checkers read the other branch

        def __getattr__(self, attribute):
            if attribute.startswith("_"):  # copy and pickle read such before the data is set
                raise AttributeError(attribute)
            try:
                name, is_list, model = get_schema(type(self))[attribute]
            except KeyError:
                raise AttributeError(_explain_unknown(self, attribute)) from None
            value = self._data.get(name)
            if is_list:
                return _read_list(self, name, value, model)
            if value is None:
                raise MissingField(_explain_value(self, name))
            if model is None:
                return value
            if not isinstance(value, dict):
                raise MissingField(_explain_structure(self, name, value, model))
            return get_model(model)(value, self, name)

    def _path(self) -> str:
        """Return the path in the notification, e.g. ``WorkflowTaskEvent.MetaData.VideoStreamSet[0]``."""
        parent = self._parent._path() if self._parent is not None else ""
        return f"{parent}.{self._name}" if parent else self._name

    def _explain_missing(self) -> str:
        """Return a reason why fields below this view are missing, e.g. a failed task, or ``""``."""
        return ""

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *get_schema(type(self))})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self._path()}>"


def get_schema(view: type[View]) -> Schema:
    """Return the fields of a view class: attribute to (MPS name, whether a list, name of the model or None)."""
    fields = _SCHEMAS.get(view)
    if fields is None:
        fields = {}
        for base in reversed(view.__mro__):
            for attribute, annotation in base.__dict__.get("__annotations__", {}).items():
                if annotation.startswith("ClassVar"):
                    continue
                is_list = annotation.startswith("list[")
                item = annotation[5:-1] if is_list else annotation
                name = view._names.get(attribute) or _to_camel_case(attribute)
                fields[attribute] = (name, is_list, None if item in _SCALARS else item)
        _SCHEMAS[view] = fields
    return fields


_SCHEMAS: dict[type[View], Schema] = {}


def _to_camel_case(attribute: str) -> str:
    return "".join(word.capitalize() for word in attribute.split("_"))


def get_model(name: str) -> type[View]:
    """Return the view class of an MPS type, e.g. ``MediaTranscodeItem``."""
    from .generated import models

    model: type[View] = getattr(models, name)
    return model


def _read_list(view: View, name: str, value: object, model: str | None) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise MissingField(f"{_join_path(view, name)} is not a list but a {type(value).__name__}")
    if model is None:
        return list(value)
    items = []
    for index, item in enumerate(value):
        if item is not None:
            place = f"{name}[{index}]"
            if not isinstance(item, dict):
                raise MissingField(_explain_structure(view, place, item, model))
            items.append(get_model(model)(item, view, place))
    return items


def _join_path(view: View, name: str) -> str:
    path = view._path()
    return f"{path}.{name}" if path else name


def _explain_value(view: View, name: str) -> str:
    state = f"{_join_path(view, name)} is {'null' if name in view._data else 'missing'}"
    ancestor: View | None = view
    while ancestor is not None:
        reason = ancestor._explain_missing()
        if reason:
            return f"{state}: {reason}"
        ancestor = ancestor._parent
    return state


def _explain_structure(view: View, name: str, value: object, model: str) -> str:
    return f"{_join_path(view, name)} is not an object ({model}) but a {type(value).__name__}"


def _explain_unknown(view: View, attribute: str) -> str:
    from difflib import get_close_matches

    message = f"{type(view).__name__} has no field {attribute!r}"
    near = get_close_matches(attribute, get_schema(type(view)))
    if near:
        return f"{message}. Did you mean {near[0]!r}?"
    name = _to_camel_case(attribute)
    if name in view._data:
        return f"{message}, but MPS sent it. Read .raw[{name!r}]"
    return message
