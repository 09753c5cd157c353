"""State of the stack for the page: the document of ``GET /api/state``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scf_mps import __version__

from .. import samples
from ..mps.assumptions import ASSUMPTIONS
from ..mps.presets import TEMPLATES
from .faults import describe_faults
from .objects import Objects

if TYPE_CHECKING:
    from .stack import Stack


def build_state(stack: Stack, objects: Objects) -> dict[str, Any]:
    """Return everything that the page shows besides tasks."""
    return {
        "version": __version__,
        **stack.describe(),
        "presets": [
            {"kind": template.kind, "definition": template.definition, "name": template.name}
            for template in TEMPLATES.values()
        ],
        "faults": describe_faults(stack),
        "assumptions": [{"id": id_, "text": item.text} for id_, item in ASSUMPTIONS.items()],
        "buckets": objects.list_buckets(),
        "samples": list(samples.list_samples()),
        "last_id": stack.activity.last_id,
    }
