"""The templates of an account: system presets and custom templates of the six kinds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any, cast, get_args

from .errors import Refused
from .parameters import MAX_COMMENT_CHARACTERS, MAX_NAME_CHARACTERS, refuse, text
from .presets import TEMPLATES, Kind, Template
from .template_rules import check_parameters

KINDS: tuple[Kind, ...] = get_args(Kind)

FIRST_CUSTOM_DEFINITION = 2_000_001
"""The id of the first custom template: above those of all presets."""

MAX_CUSTOM_TEMPLATES = 1000
"""Limit of custom templates of all kinds. MPS's own limit is undocumented."""

_TEXTS = (("Name", MAX_NAME_CHARACTERS), ("Comment", MAX_COMMENT_CHARACTERS))


class Templates:
    """The presets, and custom templates that can be created, changed and deleted. Thread-safe.

    Args:
        on_change: called after each change, outside the lock.
        clock: returns the seconds since the epoch.
    """

    def __init__(
        self,
        on_change: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._on_change = on_change
        self._clock = clock
        self._lock = threading.Lock()
        self._custom: dict[tuple[str, int], Template] = {}
        self._next = FIRST_CUSTOM_DEFINITION

    def get(self, kind: str, definition: int) -> Template | None:
        """Return a template, or None if it does not exist."""
        with self._lock:
            custom = self._custom.get((kind, definition))
        return custom or TEMPLATES.get((kind, definition))

    def list(self, kind: str) -> list[Template]:
        """Return the templates of a kind by id, custom ones last."""
        with self._lock:
            templates = [*TEMPLATES.values(), *self._custom.values()]
        chosen = [template for template in templates if template.kind == kind]
        return sorted(chosen, key=lambda template: template.definition)

    def create(self, kind: Kind, parameters: Mapping[str, Any]) -> int:
        """Create a custom template and return its id.

        Args:
            kind: of the template.
            parameters: as in the kind's Create…Template.

        Raises:
            Refused: InvalidParameterValue.…, MissingParameter, UnknownParameter or LimitExceeded.TooMuchTemplate.
        """
        texts, remaining = _split_texts(parameters)
        checked = check_parameters(kind, remaining)
        with self._lock:
            if len(self._custom) >= MAX_CUSTOM_TEMPLATES:
                raise Refused(
                    "LimitExceeded.TooMuchTemplate",
                    f"there are {MAX_CUSTOM_TEMPLATES} custom templates. Delete some",
                )
            definition, self._next = self._next, self._next + 1
            now = self._clock()
            self._custom[kind, definition] = Template(
                kind,
                definition,
                texts.get("Name") or f"{kind} {definition}",
                checked,
                comment=texts.get("Comment", ""),
                created=now,
                updated=now,
            )
        self._notify()
        return definition

    def modify(self, kind: Kind, definition: int, parameters: Mapping[str, Any]) -> None:
        """Change the given parameters of a custom template, also single ones inside objects.

        Raises:
            Refused: as `create`, ResourceNotFound.TemplateNotExist, InvalidParameterValue.ModifyDefaultTemplate.
        """
        texts, remaining = _split_texts(parameters)
        with self._lock:
            template = self._get_custom(kind, definition, "ModifyDefaultTemplate")
            checked = check_parameters(kind, merge(template.parameters, remaining))
            self._custom[kind, definition] = replace(
                template,
                name=texts.get("Name", template.name),
                comment=texts.get("Comment", template.comment),
                parameters=checked,
                updated=self._clock(),
            )
        self._notify()

    def delete(self, kind: Kind, definition: int) -> None:
        """Delete a custom template.

        Raises:
            Refused: ResourceNotFound.TemplateNotExist, InvalidParameterValue.DeleteDefaultTemplate.
        """
        with self._lock:
            self._get_custom(kind, definition, "DeleteDefaultTemplate")
            del self._custom[kind, definition]
        self._notify()

    def to_json(self) -> dict[str, Any]:
        """Return the custom templates as JSON."""
        with self._lock:
            return {
                "next": self._next,
                "templates": [asdict(template) for template in self._custom.values()],
            }

    def load(self, data: Mapping[str, Any]) -> None:
        """Replace the custom templates by those of `to_json`."""
        rows: Iterable[Mapping[str, Any]] = data["templates"]
        with self._lock:
            self._next = data["next"]
            self._custom = {(row["kind"], row["definition"]): Template(**row) for row in rows}

    @classmethod
    def from_json(
        cls, data: Mapping[str, Any], on_change: Callable[[], None] | None = None
    ) -> Templates:
        """Return the templates of a `to_json`."""
        templates = cls(on_change)
        templates.load(data)
        return templates

    def _get_custom(self, kind: Kind, definition: int, code: str) -> Template:
        """Return a custom template. The caller holds the lock. Raise Refused."""
        template = self._custom.get((kind, definition))
        if template is not None:
            return template
        if (kind, definition) in TEMPLATES:
            raise refuse(code, f"{kind} {definition} is a system preset. Create a custom template")
        raise Refused("ResourceNotFound.TemplateNotExist", f"no template {kind} {definition}")

    def _notify(self) -> None:
        if self._on_change is not None:
            self._on_change()


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters of which single values are replaced, also inside objects. Null changes nothing."""
    merged = dict(base)
    for name, value in changes.items():
        if isinstance(value, Mapping) and isinstance(merged.get(name), Mapping):
            merged[name] = merge(merged[name], value)
        elif value is not None:
            merged[name] = value
    return merged


def _split_texts(parameters: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """Return Name and Comment apart from the other parameters. Raise Refused."""
    texts = {
        name: cast("str", text(maximum)(name, parameters[name]))
        for name, maximum in _TEXTS
        if parameters.get(name) is not None
    }
    return texts, {
        name: value for name, value in parameters.items() if name not in ("Name", "Comment")
    }
