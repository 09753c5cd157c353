"""Local configuration: the project's folder, serverless.yml, .env files and the shell.

Precedence of the function's variables, highest first: ``--env``, the shell, ``.env.STAGE``, ``.env``, serverless.yml.
The shell and .env files set only ``MPS_*`` and the variables that serverless.yml declares. Others would work locally and
be missing in SCF. Options such as ``--timeout`` override serverless.yml, and serverless.yml overrides the defaults.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scf_mps.build.errors import Problem
from scf_mps.tencent.credentials import SDK_NAMES, Credentials

from .account import KEY_PAIR_VARIABLES, load_credentials
from .errors import DeployError
from .naming_rules import format_variable

FILE_NAME = "serverless.yml"
STATE_FOLDER = ".scf-mps"
"""The folder of the local ledger and dead letters, in the project."""

DEFAULT_TIMEOUT_SECONDS = 60
DEFAULT_MEMORY_MB = 256
"""Defaults without a serverless.yml."""
SCF_TIMEOUT_SECONDS = 3
SCF_MEMORY_MB = 128
"""SCF's defaults if serverless.yml does not set them (CreateFunction)."""

_VARIABLES = "inputs.environment.variables"

_SHELL_NAMES = frozenset(
    [
        "HOME",
        "LANG",
        "LC_ALL",
        "LD_LIBRARY_PATH",
        "PATH",
        "PWD",
        "PYTHONPATH",
        "SHELL",
        "TERM",
        "TMPDIR",
        "TZ",
        "USER",
    ]
)
"""Variables of the shell itself. They never override serverless.yml."""


@dataclass(frozen=True)
class Configuration:
    """The configuration of a project.

    Attributes:
        folder: the project's folder.
        path: its serverless.yml, or None.
        variables: the function's environment variables.
        environment: the variables of the process, merged over those of the .env files.
        runtime: SCF's name of the Python, e.g. ``Python3.10``. ``""`` without a serverless.yml.
        timeout: timeout of an invocation, in seconds.
        memory: memory limit, in MB.
        warnings: the variables without a value.
    """

    folder: Path
    path: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    runtime: str = ""
    timeout: int = DEFAULT_TIMEOUT_SECONDS
    memory: int = DEFAULT_MEMORY_MB
    warnings: tuple[str, ...] = ()

    @property
    def state_folder(self) -> Path:
        """The folder of the local ledger and dead letters."""
        return self.folder / STATE_FOLDER

    @property
    def local_ledger(self) -> str:
        """The URL of the local ledger."""
        return (self.state_folder.resolve() / "ledger").as_uri()

    @property
    def python_version(self) -> str | None:
        """The version of `runtime`, e.g. ``3.10``, or None."""
        match = re.fullmatch(r"Python(3\.\d+)", self.runtime)
        return match[1] if match else None

    def credentials(self) -> Credentials | None:
        """Return the key of the shell or the .env files, or None.

        Raises:
            DeployError: if only half of a key is set.
        """
        if any(self.environment.get(name) for name in KEY_PAIR_VARIABLES):
            return load_credentials(self.environment)
        return None

    def process_variables(self) -> dict[str, str]:
        """Return the variables and the key that the function would see in SCF.

        Raises:
            DeployError: see `credentials`.
        """
        key = self.credentials()
        names = (
            dict(zip(SDK_NAMES, (key.secret_id, key.secret_key, key.token), strict=True))
            if key
            else {}
        )
        return {**self.variables, **names}


def find_folder(start: Path, module: str = "handlers") -> Path | None:
    """Return the nearest folder with a serverless.yml or the module, or None. Search upwards.

    Args:
        start: the folder to start from.
        module: the module of the application, e.g. ``handlers``.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file() or has_module(folder, module):
            return folder
    return None


def has_module(folder: Path, module: str) -> bool:
    """Return True if a folder contains the top-level package or file of a module."""
    top = folder / module.partition(".")[0]
    return top.is_dir() or top.with_suffix(".py").is_file()


def find_config_file(path: Path) -> Path:
    """Return the path unchanged, or the nearest serverless.yml upwards if it is the default name and missing."""
    if path == Path(FILE_NAME) and not path.exists():
        for folder in Path.cwd().parents:
            if (folder / FILE_NAME).is_file():
                return folder / FILE_NAME
    return path


def read_configuration(folder: Path, options: Mapping[str, str] = {}) -> Configuration:
    """Read the configuration of a project.

    Args:
        folder: the project's folder, see `find_folder`.
        options: variables of ``--env``.

    Raises:
        DeployError: if serverless.yml cannot be read, or holds an invalid timeout or memorySize.
    """
    from scf_mps.deploy.template import load_template, read_environment

    path = folder / FILE_NAME
    if not path.is_file():
        environment = read_environment(folder)
        return Configuration(folder, None, _merge_variables({}, environment, options), environment)
    template, unset = load_template(path)
    inputs = template.values["inputs"]
    unresolved = {problem.path for problem in unset}
    declared = {
        name: value
        for name, value in _read_declared(inputs).items()
        if f"{_VARIABLES}.{name}" not in unresolved
    }
    variables = _merge_variables(declared, template.environment, options)
    return Configuration(
        folder,
        path,
        variables,
        template.environment,
        format_variable(inputs.get("runtime")) or "Python3.10",
        _parse_number(inputs, "timeout", SCF_TIMEOUT_SECONDS),
        _parse_number(inputs, "memorySize", SCF_MEMORY_MB),
        tuple(
            f"{path.name}: {name} is not set: {problem.message}"
            for problem in unset
            for name in [problem.path.removeprefix(f"{_VARIABLES}.")]
            if problem.path != name and name not in variables
        ),
    )


def _read_declared(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that serverless.yml declares."""
    environment = inputs.get("environment")
    variables = environment.get("variables") if isinstance(environment, dict) else None
    items = variables.items() if isinstance(variables, dict) else ()
    return {str(name): format_variable(value) for name, value in items}


def _merge_variables(
    declared: Mapping[str, str], environment: Mapping[str, str], options: Mapping[str, str]
) -> dict[str, str]:
    """Merge the variables of serverless.yml, the .env files, the shell and ``--env``."""
    own = {
        name: value
        for name, value in environment.items()
        if name.startswith("MPS_") or (name in declared and name not in _SHELL_NAMES)
    }
    return {**declared, **own, **options}


def _parse_number(inputs: Mapping[str, Any], key: str, default: int) -> int:
    value = inputs.get(key)
    try:
        return default if value is None else int(format_variable(value))
    except ValueError:
        message = f"{value!r} is not a whole number"
        raise DeployError(Problem("invalid_value", f"inputs.{key}", message)) from None
