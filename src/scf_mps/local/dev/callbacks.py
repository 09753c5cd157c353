"""Names and types of a project's callbacks, listed by a process of the function's CPython."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import scf_mps

_TIMEOUT_SECONDS = 20.0

_CODE = """
import json, sys
output, sys.stdout = sys.stdout, sys.stderr
from handlers import main_handler
routes = main_handler.__self__.table.routes
documents = {}
for route in routes:
    names = [kind.__name__ for kind in route.kinds] or [route.type]
    documents.setdefault(route.name, []).extend(name for name in names if name)
json.dump(documents, output)
"""


def list_callbacks(
    project: Path, executable: str, variables: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return name and types of each callback of a project. Empty if its code does not load or is no `App`.

    Args:
        project: the folder with `handlers`.
        executable: the CPython.
        variables: of the function.
    """
    places = [str(project), str(Path(scf_mps.__file__).parents[1])]
    environment = {
        **variables,
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(places),
        "PYTHONDONTWRITEBYTECODE": "x",
    }
    try:
        result = subprocess.run(
            [executable, "-s", "-S", "-c", _CODE],
            cwd=project,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    documents: dict[str, list[str]] = json.loads(result.stdout)
    return [
        {"name": name, "types": list(dict.fromkeys(types))} for name, types in documents.items()
    ]
