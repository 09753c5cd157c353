"""MPS types by name, for registrations by name and for suggestions. Handling an event does not load it."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from ..errors import RegistrationError
from ..events.generated.type_tables import ACTIVITIES, EVENTS, LIVE_EVENTS, SETS
from ..events.registry import get_class

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..events.base import Result

MIN_SIMILARITY = 0.85
"""The ratio from which a name counts as a misspelling: ImageSprite of ImageSprites (0.96), not HoloTranscode of
Transcode (0.82)."""

_MIN_PREFIX_CHARACTERS = 4


def list_types() -> dict[str, dict[str, str]]:
    """Return each type as MPS sends it, with the names of its classes and the field of each."""
    types: dict[str, dict[str, str]] = {}
    for table in (*SETS.values(), ACTIVITIES, EVENTS, LIVE_EVENTS):
        for type_, (_, name, field) in table.rows.items():
            types.setdefault(type_, {})[name] = field
    return types


def find_classes(name: str) -> tuple[type[Result], ...]:
    """Return the classes of a type as MPS sends it. Return none for a name that resembles no type.

    Raises:
        RegistrationError: the name resembles a type, or is the name of a class or field.
    """
    types = list_types()
    if name in types:
        return tuple(get_class(class_name) for class_name in types[name])
    nearest = _find_nearest(name, types)
    if nearest:
        classes = ", ".join(types[nearest])
        raise RegistrationError(
            f"unknown type {name!r}. Did you mean {nearest!r} (class {classes})? If MPS sends {name!r}, register "
            f"UnknownSubtask with when=lambda result: result.type == {name!r}"
        )
    return ()


def _find_nearest(name: str, types: dict[str, dict[str, str]]) -> str:
    plain = _normalize(name)
    matcher = SequenceMatcher(b=plain)
    nearest, best_ratio = "", 0.0
    for type_, classes in types.items():
        for candidate in map(_normalize, (type_, *classes, *classes.values())):
            matcher.set_seq1(candidate)
            ratio = 0.0
            # The quick ratios are upper bounds. They rule out most names.
            if (
                matcher.real_quick_ratio() >= MIN_SIMILARITY
                and matcher.quick_ratio() >= MIN_SIMILARITY
            ):
                ratio = matcher.ratio()
            if len(plain) >= _MIN_PREFIX_CHARACTERS and candidate.startswith(plain):  # "Face"
                ratio = max(ratio, MIN_SIMILARITY)
            if ratio > best_ratio:
                nearest, best_ratio = type_, ratio
    return nearest if best_ratio >= MIN_SIMILARITY else ""


def _normalize(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return re.sub(r"(task|result|set|event)+$", "", plain) or plain
