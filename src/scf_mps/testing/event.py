"""Builders of events and their results: `from scf_mps.testing import event as e`.

`event.pyi` has the signatures for editors and type checkers. `tools/generate_builders.py` writes it.
"""

from .builders import (
    batch,
    documentation,
    edit,
    find_part_builder,
    list_part_builders,
    live,
    part,
    schedule,
    watermark,
    workflow,
)

__all__ = [
    "batch",
    "documentation",
    "edit",
    "live",
    "part",
    "schedule",
    "watermark",
    "workflow",
]


def __getattr__(name):  # type: ignore[no-untyped-def]
    return find_part_builder(name)


def __dir__():  # type: ignore[no-untyped-def]
    return sorted([*__all__, *list_part_builders()])
