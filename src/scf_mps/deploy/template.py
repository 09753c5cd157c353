"""Reader of serverless.yml.

It follows the serverless command line, except that an unset variable is an error. `desired_state` interprets the keys.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from dotenv import dotenv_values

from scf_mps.build.errors import Problem

from .account import KEY_PAIR_VARIABLES, KEY_VARIABLES
from .errors import DeployError

MAX_BYTES = 1024 * 1024
MAX_LEVELS = 50
MAX_NODES = 20_000
"""Limits of a serverless.yml. Nodes are counted after aliases are expanded."""

_TYPES = ("bool", "float", "int", "map", "merge", "null", "seq", "str")


class _Loader(yaml.SafeLoader):
    """A loader that reads plain words as the serverless client's js-yaml does: `yes` and `on` are strings.

    Times are strings too, which the client would reformat. Errors: duplicate keys, aliases inside their anchor, other
    tags, and more than MAX_LEVELS or MAX_NODES.
    """

    yaml_constructors = {
        tag: function
        for tag, function in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag.rpartition(":")[2] in _TYPES
    }
    yaml_implicit_resolvers = {
        first: [
            (tag, pattern)
            for tag, pattern in resolvers
            if not tag.endswith((":bool", ":timestamp"))
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
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


@dataclass(frozen=True)
class Template:
    """A serverless.yml.

    Attributes:
        path: of the file.
        values: its content, with variables replaced.
        environment: of the process over that of ``.env.STAGE`` and ``.env`` in the same folder. All parts of a key
            come from one of these sources.
    """

    path: Path
    values: Mapping[str, Any]
    environment: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """The folder of the file."""
        return self.path.resolve().parent


def read_template(
    path: Path, stage: str = "", environment: Mapping[str, str] | None = None
) -> Template:
    """Read the file with ``${env:NAME}``, ``${app}``, ``${stage}``, ``${name}`` and ``${org}`` replaced.

    Args:
        path: of the file.
        stage: overrides the stage in the file.
        environment: default: the environment of the process.

    Raises:
        DeployError: if it cannot be read, or names an unset variable.
    """
    template, problems = load_template(path, stage, environment)
    if problems:
        raise DeployError(*problems)
    return template


def load_template(
    path: Path, stage: str = "", environment: Mapping[str, str] | None = None
) -> tuple[Template, list[Problem]]:
    """Read the file as `read_template` does, and return it with a problem for each unset variable.

    Raises:
        DeployError: if it cannot be read.
    """
    values = _load(path)
    values["stage"] = stage or values.get("stage") or "dev"
    values.setdefault("app", values.get("name"))
    variables = read_environment(path.resolve().parent, values["stage"], environment)
    resolver = _Resolver(
        {name: values.get(name) for name in ("app", "stage", "name", "org")}, variables, []
    )
    resolved = resolver.resolve(values, "")
    return Template(path, resolved, variables), resolver.problems


def read_environment(
    folder: Path, stage: str = "", environment: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment of the process over that of ``.env.STAGE`` and ``.env`` in a folder.

    Args:
        folder: of serverless.yml.
        stage: selects ``.env.STAGE``.
        environment: default: the environment of the process.

    Raises:
        DeployError: if a file is not UTF-8.
    """
    merged: dict[str, str] = {}
    for name in (".env", f".env.{stage}"):
        file = folder / name
        try:
            values = dotenv_values(file, interpolate=False) if file.is_file() else {}
        except UnicodeDecodeError:
            raise DeployError(Problem("not_utf8", str(file), "not UTF-8")) from None
        merged = _merge({key: value for key, value in values.items() if value is not None}, merged)
    return _merge(os.environ if environment is None else environment, merged)


def _load(path: Path) -> dict[str, Any]:
    """Return the content of the file, which has a mapping `inputs`."""
    text = ""
    try:
        content = path.read_bytes()
        if len(content) > MAX_BYTES:
            raise DeployError(
                Problem("file_too_large", str(path), f"larger than {MAX_BYTES} bytes")
            )
        text = content.decode("utf-8")
        values = yaml.load(text, _Loader)
    except OSError as error:
        raise DeployError(Problem("unreadable_file", str(path), str(error.strerror))) from None
    except UnicodeDecodeError:
        raise DeployError(Problem("not_utf8", str(path), "not UTF-8")) from None
    except yaml.YAMLError as error:
        raise DeployError(_describe_yaml_error(path, text, error)) from None
    if not isinstance(values, dict) or not isinstance(values.get("inputs"), dict):
        message = "missing `inputs:` with the function's settings"
        raise DeployError(Problem("missing_inputs", str(path), message))
    return values


def _describe_yaml_error(path: Path, text: str, error: yaml.YAMLError) -> Problem:
    """Describe an error without PyYAML's own message, which quotes the file and may contain a secret."""
    mark = getattr(error, "problem_mark", None)
    position = getattr(error, "position", 0)  # of a character that YAML does not allow
    line = mark.line if mark else text.count("\n", 0, position)
    reason = f": {error.problem}" if type(error) is yaml.MarkedYAMLError else ""
    return Problem("invalid_yaml", str(path), f"not valid YAML, line {line + 1}{reason}")


def _merge(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, str]:
    """Merge two environments. The first takes precedence. All parts of a key come from the same one."""
    source = first if any(first.get(name) for name in KEY_PAIR_VARIABLES) else second
    key = {name: source[name] for name in KEY_VARIABLES if name in source}
    merged = {**second, **first}
    return {name: value for name, value in merged.items() if name not in KEY_VARIABLES} | key


_VARIABLE = re.compile(r"\$\{([^{}]*)\}")


class _Resolver(NamedTuple):
    """Replaces variables in values, and collects a problem for each unset one."""

    own: Mapping[str, Any]
    environment: Mapping[str, str]
    problems: list[Problem]

    def resolve(self, value: Any, path: str) -> Any:
        """Return a value with its variables replaced."""
        if isinstance(value, dict):
            return {
                key: self.resolve(child, f"{path}.{key}".lstrip("."))
                for key, child in value.items()
            }
        if isinstance(value, list):
            return [self.resolve(child, f"{path}[{index}]") for index, child in enumerate(value)]
        if not isinstance(value, str):
            return value
        return _VARIABLE.sub(lambda match: self._substitute(match, path), value)

    def _substitute(self, match: re.Match[str], path: str) -> str:
        kind, colon, name = match[1].partition(":")
        if colon and kind == "env":
            if name not in self.environment:
                message = f"the variable {name} of ${{env:{name}}} is not set"
                self.problems.append(Problem("unset_variable", path, message))
            return self.environment.get(name, "")
        if not colon and self.own.get(kind) is not None:
            # A variable in the name may itself be one of the environment.
            return str(
                _Resolver({}, self.environment, self.problems).resolve(str(self.own[kind]), kind)
            )
        message = f"unknown variable {match[0]}"
        self.problems.append(Problem("unknown_variable", path, message))
        return ""
