"""Lazy, typed views over the dicts that MPS sends; what the types are is left to the generated modules.

A view class is a list of annotations (``path: str``, ``picture_set: list[MediaPicture]``) and nothing else. Reading
an attribute looks the field up in the raw dict at that moment, so building a view costs nothing, nothing is
validated before it is touched, and what no one knew of stays reachable in `View.raw`.
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

    Fields are the MPS fields in snake_case. A list that is null or absent reads as empty. A scalar or an object that
    is null, absent or of another shape raises `MissingField` with its full path. Scalars are returned as they came:
    MPS sends ints where its documentation says float.
    """

    __slots__ = ("_data", "_name", "_parent")

    _names: ClassVar[Mapping[str, str]] = {}
    """MPS names that their snake_case form does not tell, e.g. ``{"vod_input_info": "VODInputInfo"}``."""

    def __init__(self, data: dict[str, Any], parent: View | None = None, name: str = "") -> None:
        self._data = data
        self._parent = parent
        self._name = name

    @property
    def raw(self) -> dict[str, Any]:
        """The object as it came, unknown fields included."""
        return self._data

    # A checker must see the annotated fields alone, or no misspelling is an error.
    if not TYPE_CHECKING:  # pragma: no branch - the other side is what checkers see

        def __getattr__(self, attribute):
            if attribute.startswith("_"):  # copy and pickle ask for such before there is any data
                raise AttributeError(attribute)
            try:
                name, is_list, model = get_schema(type(self))[attribute]
            except KeyError:
                raise AttributeError(_no_such_field(self, attribute)) from None
            value = self._data.get(name)
            if is_list:
                return _read_list(self, name, value, model)
            if value is None:
                raise MissingField(_missing(self, name))
            if model is None:
                return value
            if not isinstance(value, dict):
                raise MissingField(_missing_object(self, name, value, model))
            return get_model(model)(value, self, name)

    def _path(self) -> str:
        """Where the view sits in the notification, e.g. ``WorkflowTaskEvent.MetaData.VideoStreamSet[0]``."""
        above = self._parent._path() if self._parent is not None else ""
        return f"{above}.{self._name}" if above else self._name

    def _why_missing(self) -> str:
        """Why a field below this view may be missing; a failed result knows."""
        return ""

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *get_schema(type(self))})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self._path()}>"


def get_schema(view: type[View]) -> Schema:
    """The fields of a view class: attribute to (MPS name, whether a list, the model's name or None for scalars)."""
    found = _SCHEMAS.get(view)
    if found is None:
        found = {}
        for base in reversed(view.__mro__):
            for attribute, annotation in base.__dict__.get("__annotations__", {}).items():
                if annotation.startswith("ClassVar"):
                    continue
                is_list = annotation.startswith("list[")
                item = annotation[5:-1] if is_list else annotation
                name = view._names.get(attribute) or _camel(attribute)
                found[attribute] = (name, is_list, None if item in _SCALARS else item)
        _SCHEMAS[view] = found
    return found


_SCHEMAS: dict[type[View], Schema] = {}


def _camel(attribute: str) -> str:
    return "".join(word.capitalize() for word in attribute.split("_"))


def get_model(name: str) -> type[View]:
    """The view class of an MPS type, e.g. ``MediaTranscodeItem``; its module is loaded on first use."""
    from .generated import models

    model: type[View] = getattr(models, name)
    return model


def _read_list(view: View, name: str, value: object, model: str | None) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise MissingField(f"{_at(view, name)} is not a list but a {type(value).__name__}")
    if model is None:
        return list(value)
    items = []
    for index, item in enumerate(value):
        if item is not None:
            place = f"{name}[{index}]"
            if not isinstance(item, dict):
                raise MissingField(_missing_object(view, place, item, model))
            items.append(get_model(model)(item, view, place))
    return items


def _at(view: View, name: str) -> str:
    above = view._path()
    return f"{above}.{name}" if above else name


def _missing(view: View, name: str) -> str:
    state = f"{_at(view, name)} is {'null' if name in view._data else 'absent'}"
    ancestor: View | None = view
    while ancestor is not None:
        why = ancestor._why_missing()
        if why:
            return f"{state}: {why}"
        ancestor = ancestor._parent
    return state


def _missing_object(view: View, name: str, value: object, model: str) -> str:
    return f"{_at(view, name)} is not an object ({model}) but a {type(value).__name__}"


def _no_such_field(view: View, attribute: str) -> str:
    from difflib import get_close_matches

    message = f"{type(view).__name__} has no field {attribute!r}"
    near = get_close_matches(attribute, get_schema(type(view)))
    if near:
        return f"{message}; did you mean {near[0]!r}?"
    if _camel(attribute) in view._data:
        return f"{message} yet, but MPS sent one: read .raw[{_camel(attribute)!r}]"
    return message
