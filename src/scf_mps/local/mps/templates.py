"""The templates of an account: system presets and custom templates of the six kinds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any, get_args

from .errors import Refused
from .parameters import merge
from .presets import TEMPLATES, Kind, Template
from .template_rules import RULES, check_parameters, check_texts

KINDS: tuple[Kind, ...] = get_args(Kind)

FIRST_CUSTOM_DEFINITION = 2_000_001
"""The id of the first custom template: above those of all presets."""


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

    def list_templates(self, kind: str) -> list[Template]:
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
        texts = check_texts(kind, parameters)
        checked = check_parameters(kind, _remove_texts(parameters))
        maximum = RULES[kind].maximum
        with self._lock:
            if sum(key[0] == kind for key in self._custom) >= maximum:
                raise Refused(
                    "LimitExceeded.TooMuchTemplate",
                    f"{maximum} custom templates of {kind} are the limit. Delete some",
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
            Refused: as `create`, or ResourceNotFound.TemplateNotExist, which presets have too.
        """
        texts = check_texts(kind, parameters)
        with self._lock:
            template = self._get_custom(kind, definition)
            merged = merge(template.parameters, _remove_texts(parameters))
            checked = check_parameters(kind, merged)
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
            Refused: ResourceNotFound.TemplateNotExist, which presets have too.
        """
        with self._lock:
            self._get_custom(kind, definition)
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
        """Replace the custom templates by those of `to_json`, by none if it is empty."""
        rows: Iterable[Mapping[str, Any]] = data.get("templates", ())
        with self._lock:
            self._next = data.get("next", FIRST_CUSTOM_DEFINITION)
            self._custom = {(row["kind"], row["definition"]): Template(**row) for row in rows}

    @classmethod
    def from_json(
        cls,
        data: Mapping[str, Any],
        on_change: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> Templates:
        """Return the templates of a `to_json`."""
        templates = cls(on_change, clock)
        templates.load(data)
        return templates

    def _get_custom(self, kind: Kind, definition: int) -> Template:
        """Return a custom template. The caller holds the lock. Raise Refused."""
        template = self._custom.get((kind, definition))
        if template is None:
            hint = " that can be changed" if (kind, definition) in TEMPLATES else ""
            raise Refused(
                "ResourceNotFound.TemplateNotExist", f"{kind} has no template {definition}{hint}"
            )
        return template

    def _notify(self) -> None:
        if self._on_change is not None:
            self._on_change()


def _remove_texts(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if name not in ("Name", "Comment")}
