"""Runner of deployed functions in the SCF emulator, which is loaded for the first run.

with LocalRunner() as run:
    scf = Scf(run=run)
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Any, final

from .account import Account, FunctionRecord, FunctionVersion

if TYPE_CHECKING:
    from ....scf import LocalFunction


@final
class LocalRunner:
    """Runs each version of a function in an emulator that lasts until the end of the `with`.

    Args:
        python: the CPython of all functions, by default that of each runtime.
        options: settings of every emulator, by the names of `LocalFunction`.
    """

    def __init__(self, python: str | None = None, options: Mapping[str, Any] | None = None) -> None:
        self._python = python
        self._options = options or {}
        self._lock = threading.Lock()
        self._running: dict[str, LocalFunction] = {}
        self._stack = ExitStack()

    def __enter__(self) -> LocalRunner:
        self._scratch = Path(self._stack.enter_context(TemporaryDirectory(prefix="scf-deployed-")))
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._stack.close()

    def __call__(
        self, account: Account, function: FunctionRecord, version: FunctionVersion
    ) -> LocalFunction:
        """Return the running function of a version. Raises ValueError if its CPython is missing."""
        from ....scf import LocalFunction

        settings = version.settings
        key = json.dumps([function.id, version.number, version.sha256, settings], sort_keys=True)
        with self._lock:
            if key not in self._running:
                number = len(self._running)
                source = self._scratch / f"code-{number}.zip"
                source.write_bytes(version.code)
                layer = self._write_layer(account, function, settings["Layers"], number)
                local = LocalFunction(
                    source,
                    handler=settings["Handler"],
                    python=self._python or settings["Runtime"].removeprefix("Python"),
                    timeout=settings["Timeout"],
                    memory=settings["MemorySize"],
                    init_timeout=settings["InitTimeout"],
                    environment={
                        variable["Key"]: variable["Value"]
                        for variable in settings["Environment"]["Variables"]
                    },
                    layer=layer,
                    retries=function.invoke_config["RetryConfig"][0]["RetryNum"],
                    ttl=function.invoke_config["MsgTTL"],
                    name=function.name,
                    namespace=function.namespace,
                    version=version.number,
                    region=function.region,
                    **self._options,
                )
                self._running[key] = self._stack.enter_context(local)
            return self._running[key]

    def _write_layer(
        self, account: Account, function: FunctionRecord, layers: list[dict[str, Any]], number: int
    ) -> Path | None:
        """Return the function's layer as a file. The emulator supports one layer."""
        if not layers:
            return None
        first = layers[0]
        path = self._scratch / f"layer-{number}.zip"
        versions = account.layers[function.region, first["LayerName"]]
        path.write_bytes(versions[first["LayerVersion"] - 1]["content"])
        return path
