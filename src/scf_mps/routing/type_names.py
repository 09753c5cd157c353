"""The types MPS has, by name, for registrations that give a name; nothing here is needed to handle an event."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from ..errors import RegistrationError
from ..events.generated.type_tables import ACTIVITIES, EVENTS, LIVE_EVENTS, SETS
from ..events.registry import get_class

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..events.base import Result

_CLOSE = 0.85
"""Names at least so alike are taken for a slip: ImageSprite is (0.96), HoloTranscode is not Transcode (0.82)."""


def list_types() -> dict[str, dict[str, str]]:
    """Each type as MPS writes it, with the names of its classes and the field that holds each."""
    found: dict[str, dict[str, str]] = {}
    for kinds in (*SETS.values(), ACTIVITIES, EVENTS, LIVE_EVENTS):
        for type_, (_, name, field) in kinds.rows.items():
            found.setdefault(type_, {})[name] = field
    return found


def find_classes(name: str) -> tuple[type[Result], ...]:
    """The classes of a type as MPS writes it; none for a name that is not like any there is.

    Raises:
        RegistrationError: for a name that is close to a type, or is a class's or a field's and no type's.
    """
    known = list_types()
    if name in known:
        return tuple(get_class(one) for one in known[name])
    near = _nearest(name, known)
    if near:
        kinds = ", ".join(known[near])
        raise RegistrationError(
            f"there is no type {name!r}; did you mean {near!r} (class {kinds})? If MPS does send {name!r}, register "
            f"for UnknownSubtask with when=lambda result: result.type == {name!r}"
        )
    return ()


def _nearest(name: str, known: dict[str, dict[str, str]]) -> str:
    plain = _plain(name)
    matcher = SequenceMatcher(b=plain)
    best, closeness = "", 0.0
    for type_, kinds in known.items():
        for other in map(_plain, (type_, *kinds, *kinds.values())):
            matcher.set_seq1(other)
            alike = 0.0
            # Most names are not alike at all, which is found out much faster than how alike they are.
            if matcher.real_quick_ratio() >= _CLOSE and matcher.quick_ratio() >= _CLOSE:
                alike = matcher.ratio()
            if len(plain) >= 4 and other.startswith(plain):  # "Face", "AsrFullText"
                alike = max(alike, _CLOSE)
            if alike > closeness:
                best, closeness = type_, alike
    return best if closeness >= _CLOSE else ""


def _plain(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return re.sub(r"(task|result|set|event)+$", "", plain) or plain
