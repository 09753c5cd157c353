"""Where things are: the root of the repository, and the payloads the tests read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "data"


def payload(name: str) -> Any:
    """A payload of ``tests/data``, read anew each time."""
    return json.loads((DATA / f"{name}.json").read_text("utf-8"))
