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

from .account import KEY_PAIR_VARIABLES, KEY_VARIABLES
from .errors import DeployError

MAX_BYTES = 1024 * 1024
MAX_LEVELS = 50
MAX_NODES = 20_000
"""Limits of a serverless.yml; of nodes after aliases are replaced by what they stand for."""

_TYPES = ("bool", "float", "int", "map", "merge", "null", "seq", "str")


class _Loader(yaml.SafeLoader):
    """A loader that reads plain words as the serverless client's js-yaml does: `yes` and `on` are texts.

    A time, which the client would change to another way to write it, is a text too. Duplicate keys, aliases of a node
    inside it, other tags, and more than MAX_LEVELS or MAX_NODES are errors.
    """

    yaml_constructors = {
        tag: function
        for tag, function in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag.rpartition(":")[2] in _TYPES
    }
    yaml_implicit_resolvers = {
        first: [
            (tag, pattern) for tag, pattern in found if not tag.endswith((":bool", ":timestamp"))
        ]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._sizes: dict[yaml.Node | None, int] = {}
        self._open: list[int] = []

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        is_alias = self.check_event(yaml.AliasEvent)
        self._open.append(1)
        if len(self._open) > MAX_LEVELS:
            raise yaml.MarkedYAMLError(problem="too many levels", problem_mark=mark)
        node = super().compose_node(parent, index)
        size = self._open.pop()
        if is_alias:
            if node not in self._sizes:
                raise yaml.MarkedYAMLError(problem="an alias inside its anchor", problem_mark=mark)
            size = self._sizes[node]
        else:
            self._sizes[node] = size
        if self._open:
            self._open[-1] += size
            size = self._open[-1]
        if size > MAX_NODES:
            raise yaml.MarkedYAMLError(problem="too many nodes", problem_mark=mark)
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    raise yaml.MarkedYAMLError(
                        problem="a duplicate key", problem_mark=key.start_mark
                    )
                seen.add((key.tag, key.value))
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
            if isinstance(value, str):
                value.encode()
        except ValueError:  # a number that int() does not take, a lone surrogate
            problem = "an invalid number or text"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from None
        return value


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
    text = ""
    try:
        content = path.read_bytes()
        if len(content) > MAX_BYTES:
            raise DeployError(f"{path} has more than {MAX_BYTES} bytes")
        text = content.decode("utf-8")
        values = yaml.load(text, _Loader)
    except OSError as error:
        raise DeployError(f"expected a serverless.yml at {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DeployError(f"{path} is not UTF-8") from None
    except yaml.YAMLError as error:
        # Its own words quote the file, in which there may be a secret.
        mark = getattr(error, "problem_mark", None)
        position = getattr(error, "position", 0)  # of a character that YAML does not allow
        line = mark.line if mark else text.count("\n", 0, position)
        reason = f": {error.problem}" if type(error) is yaml.MarkedYAMLError else ""
        raise DeployError(f"{path} is not valid YAML, line {line + 1}{reason}") from None
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
        try:
            found = (
                dotenv_values(folder / name, interpolate=False) if (folder / name).is_file() else {}
            )
        except UnicodeDecodeError:
            raise DeployError(f"{folder / name} is not UTF-8") from None
        told = _over({key: value for key, value in found.items() if value is not None}, told)
    return _over(os.environ if environment is None else environment, told)


def _over(first: Mapping[str, str], then: Mapping[str, str]) -> dict[str, str]:
    """Both, the first before the other; a key is whole that of one, with no half and no token of another's."""
    source = first if any(first.get(name) for name in KEY_PAIR_VARIABLES) else then
    key = {name: source[name] for name in KEY_VARIABLES if name in source}
    return {
        name: value for name, value in {**then, **first}.items() if name not in KEY_VARIABLES
    } | key


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
