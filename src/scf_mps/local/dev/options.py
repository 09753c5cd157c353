"""Options of the local stack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class StackOptions:
    """Options of a stack.

    Attributes:
        folder: of the project, whose configuration is read again for each reload.
        variables: further variables of the function.
        source: the code of the function, by default the project's folder.
        port: of the console. COS and the API take the next two ports if they are free. 0: any free port.
        workflow: the parameters of CreateWorkflow for uploads. None: `default_workflow`.
        python: the function's CPython, by default the running one.
        timeout: of the function in seconds, by default the project's.
        memory: of the function in MB, by default the project's.
        concurrency: the most instances.
        speed: divides the minute before a retry.
        fast: whether to encode faster, with larger files.
        workers: tasks in progress at a time.
        results: choices of scripted results, such as ``{"Porn": "block"}``.
        fresh: whether to delete the state of earlier runs.
        watch: whether changes of the project's files reload the function.
        has_console: whether to serve the page.
        show: called with a line about each reload.
        allowed_hosts: further names of this machine in the address of the page.
    """

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    source: Path | None = None
    port: int = 8790
    workflow: Mapping[str, Any] | None = None
    python: str | None = None
    timeout: int | None = None
    memory: int | None = None
    concurrency: int = 1
    speed: float = 60
    fast: bool = False
    workers: int = 1
    results: Mapping[str, str] = field(default_factory=dict[str, str])
    fresh: bool = False
    watch: bool = True
    has_console: bool = True
    show: Callable[[str], object] = lambda line: None
    allowed_hosts: tuple[str, ...] = ()
