"""Names and types of a project's callbacks, listed by a process of the function's CPython."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import scf_mps

from .documents import explain_load_error

if TYPE_CHECKING:
    from typing_extensions import Self

_CODE = """
import json, sys
output, sys.stdout = sys.stdout, sys.stderr
from handlers import main_handler
table = getattr(getattr(main_handler, "__self__", None), "table", None)
routes = table.routes if table else ()
documents = {}
for route in routes:
    names = [kind.__name__ for kind in route.kinds] or [route.type]
    documents.setdefault(route.name, []).extend(name for name in names if name)
json.dump(documents, output)
"""


class CallbackList:
    """The callbacks of a project, listed in a thread: `with CallbackList(report) as callbacks:`.

    Args:
        report: called after each change of `documents`.

    Attributes:
        documents: name and types of each callback. Empty if the code does not load or has no `App`.
        problem: why the code does not load, or empty.
    """

    def __init__(self, report: Callable[[], object]) -> None:
        self._report = report
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
        self.documents: list[dict[str, Any]] = []
        self.problem = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()
        for thread in self._threads:
            thread.join()

    def refresh(self, project: Path, executable: str, variables: Mapping[str, str]) -> None:
        """List the callbacks of a project again.

        Args:
            project: the folder with `handlers`.
            executable: the CPython of the function.
            variables: of the function.
        """
        places = [str(project), str(Path(scf_mps.__file__).parents[1])]
        environment = {
            **variables,
            "PATH": os.defpath,
            "PYTHONPATH": os.pathsep.join(places),
            "PYTHONDONTWRITEBYTECODE": "x",
        }
        arguments = (project, [executable, "-s", "-S", "-c", _CODE], environment)
        thread = threading.Thread(target=self._list, args=arguments, name="callbacks", daemon=True)
        self._threads = [*filter(threading.Thread.is_alive, self._threads), thread]
        thread.start()

    def _list(self, project: Path, command: list[str], environment: Mapping[str, str]) -> None:
        with self._lock:
            if self._closed or not project.is_dir():
                return
            process = self._process = subprocess.Popen(
                command,
                cwd=project,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        output, errors = process.communicate()
        if self._closed:
            return
        failed = process.returncode != 0
        self.problem = explain_load_error(errors.decode("utf-8", "replace")) if failed else ""
        types: dict[str, list[str]] = {} if failed else json.loads(output)
        self.documents = [
            {"name": name, "types": list(dict.fromkeys(names))} for name, names in types.items()
        ]
        self._report()
