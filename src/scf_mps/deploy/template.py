"""Reads serverless.yml as the serverless command line does, but for a variable that is not set: that is an error here.

What the keys mean is left to `wanted`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from dotenv import dotenv_values

from .account import KEY_NAMES, KEY_PAIR
from .errors import DeployError


class _Loader(yaml.SafeLoader):
    """Reads plain words as the serverless client's js-yaml does: `yes` and `on` are texts, `true` is a flag.

    A time, which the client would change to another way to write it, is a text too.
    """

    yaml_implicit_resolvers = {
        first: [
            (tag, pattern) for tag, pattern in found if not tag.endswith((":bool", ":timestamp"))
        ]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile("true|True|TRUE|false|False|FALSE"), [*"tTfF"]
)

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")


@dataclass(frozen=True)
class Template:
    """A serverless.yml.

    Attributes:
        path: where it is.
        values: what it says, variables resolved.
        environment: of the process, over that of ``.env.STAGE`` and ``.env`` beside the file; an account's key is
            that of one of them alone, whatever names it has.
    """

    path: Path
    values: Mapping[str, Any]
    environment: Mapping[str, str]

    @property
    def folder(self) -> Path:
        return self.path.resolve().parent


def read_template(
    path: Path, stage: str = "", environment: Mapping[str, str] | None = None
) -> Template:
    """Read the file with ``${env:NAME}``, ``${app}``, ``${stage}``, ``${name}`` and ``${org}`` resolved.

    Args:
        path: the file.
        stage: in place of the file's.
        environment: in place of the process's.

    Raises:
        DeployError: if it cannot be read, or names an unset variable.
    """
    template, missing = load_template(path, stage, environment)
    if missing:
        raise DeployError(*(f"{where}: {problem}" for where, problem in missing))
    return template


def load_template(
    path: Path, stage: str = "", environment: Mapping[str, str] | None = None
) -> tuple[Template, list[tuple[str, str]]]:
    """Read the file as `read_template` does. Return it with (key path, problem) of each unset variable.

    Raises:
        DeployError: if it cannot be read.
    """
    try:
        values = yaml.load(path.read_text("utf-8"), _Loader)
    except OSError as error:
        raise DeployError(f"expected a serverless.yml at {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DeployError(f"{path} is no UTF-8") from None
    except yaml.YAMLError as error:
        # Its own words quote the file, in which there may be a secret.
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise DeployError(f"{path} is no YAML{line}") from None
    if not isinstance(values, dict) or not isinstance(values.get("inputs"), dict):
        raise DeployError(f"expected `inputs:` with the function's settings in {path}")
    values["stage"] = stage or values.get("stage") or "dev"
    values.setdefault("app", values.get("name"))
    told = read_environment(path.resolve().parent, values["stage"], environment)
    known = {name: values.get(name) for name in ("app", "stage", "name", "org")}
    missing: list[tuple[str, str]] = []
    resolved = _resolved(values, known, told, missing, "")
    return Template(path, resolved, told), missing


def read_environment(
    folder: Path, stage: str = "", environment: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment of the process over that of ``.env.STAGE`` and ``.env`` in a folder.

    Args:
        folder: of serverless.yml.
        stage: whose ``.env.STAGE`` is read, if any.
        environment: in place of the process's.
    """
    told: dict[str, str] = {}
    for name in (".env", f".env.{stage}"):
        found = dotenv_values(folder / name, interpolate=False) if (folder / name).is_file() else {}
        told = _over({key: value for key, value in found.items() if value is not None}, told)
    return _over(os.environ if environment is None else environment, told)


def _over(first: Mapping[str, str], then: Mapping[str, str]) -> dict[str, str]:
    """Both, the first before the other; a key is whole that of one, with no half and no token of another's."""
    source = first if any(first.get(name) for name in KEY_PAIR) else then
    key = {name: source[name] for name in KEY_NAMES if name in source}
    return {name: value for name, value in {**then, **first}.items() if name not in KEY_NAMES} | key


def _resolved(
    value: Any,
    known: Mapping[str, Any],
    told: Mapping[str, str],
    missing: list[tuple[str, str]],
    where: str,
) -> Any:
    """A value with its variables replaced; what is not there is written down in `missing`."""
    if isinstance(value, dict):
        return {
            key: _resolved(one, known, told, missing, f"{where}.{key}".lstrip("."))
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [
            _resolved(one, known, told, missing, f"{where}[{index}]")
            for index, one in enumerate(value)
        ]
    if not isinstance(value, str):
        return value

    def replace(found: re.Match[str]) -> str:
        kind, colon, name = found[1].partition(":")
        if colon and kind == "env":
            if name not in told:
                missing.append((where, f"the variable {name} of ${{env:{name}}} is not set"))
            return told.get(name, "")
        if not colon and known.get(kind) is not None:
            # A variable in the name may itself be one of the environment.
            return str(_resolved(str(known[kind]), {}, told, missing, kind))
        missing.append((where, f"nothing here says what {found[0]} is"))
        return ""

    return _VARIABLE.sub(replace, value)
