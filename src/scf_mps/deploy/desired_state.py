"""Desired state of a function: the keys of serverless.yml as one value, in the terms of the API.

All problems are reported together. A key that is missing leaves the setting in the cloud unchanged. A key that only the
serverless component supports is a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scf_mps.build.errors import Problem
from scf_mps.common.durations import parse_duration

from .errors import DeployError
from .naming_rules import (
    ALIAS_PATTERN,
    FUNCTION_PATTERN,
    HANDLER_PATTERN,
    MAX_ENVIRONMENT_BYTES,
    RESERVED_PREFIXES,
    TIMER_PATTERN,
    VARIABLE_PATTERN,
    format_variable,
    measure_variables,
)
from .template import Template

MAX_LAYERS = 5

_INPUTS = frozenset(
    [
        "name",
        "type",
        "src",
        "handler",
        "runtime",
        "region",
        "namespace",
        "description",
        "memorySize",
        "timeout",
        "initTimeout",
        "role",
        "publicAccess",
        "eip",
        "environment",
        "layers",
        "deadLetter",
        "cls",
        "vpcConfig",
        "retryNum",
        "msgTTL",
        "publish",
        "aliasName",
        "events",
    ]
)
_TOP_LEVEL = frozenset(["app", "stage", "component", "name", "inputs", "org"])
_EVENT_TYPES = ("WorkflowTask", "EditMediaTask")
_NESTED_SETTINGS = (
    (
        "deadLetter",
        "DeadLetterConfig",
        {"type": "Type", "name": "Name", "filterType": "FilterType"},
    ),
    ("vpcConfig", "VpcConfig", {"vpcId": "VpcId", "subnetId": "SubnetId"}),
)


@dataclass(frozen=True)
class Layer:
    """A layer of the function: an existing version, or a local zip to publish."""

    name: str
    version: int | None = None
    source: Path | None = None


@dataclass(frozen=True)
class MpsTrigger:
    """A trigger by which MPS pushes the account's events of one type."""

    event_type: str
    qualifier: str = "$DEFAULT"
    enabled: bool = True


@dataclass(frozen=True)
class Timer:
    """A timer trigger. `argument` is the Message of its event, e.g. ``reconcile 6h``."""

    name: str
    cron: str
    argument: str = ""
    qualifier: str = "$DEFAULT"
    enabled: bool = True


@dataclass(frozen=True)
class Source:
    """Source of the code, see `code`."""

    folder: Path
    hook: str = ""
    dist: Path | None = None
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True)
class DesiredState:
    """Desired state of a function.

    Attributes:
        region: of SCF.
        namespace: of the function.
        name: of the function.
        handler: ``file.function``.
        runtime: of a new function. SCF cannot change the runtime of an existing one.
        configuration: the settings in the file, with the names and types of UpdateFunctionConfiguration.
        layers: in order. None leaves them unchanged.
        retries: number of retries of an event. None leaves it unchanged.
        ttl: maximum age of an event, in seconds. None leaves it unchanged.
        publish: publish a version after every change.
        alias: points to the newest version. May be empty.
        mps: MPS triggers.
        timers: timer triggers.
        source: of the code.
    """

    region: str
    namespace: str
    name: str
    handler: str
    runtime: str
    configuration: Mapping[str, Any] = field(default_factory=dict[str, Any])
    layers: tuple[Layer, ...] | None = None
    retries: int | None = None
    ttl: int | None = None
    publish: bool = False
    alias: str = ""
    mps: tuple[MpsTrigger, ...] = ()
    timers: tuple[Timer, ...] = ()
    source: Source = Source(Path())

    @property
    def identity(self) -> dict[str, str]:
        """The parameters that identify the function."""
        return {"FunctionName": self.name, "Namespace": self.namespace}

    @property
    def place(self) -> str:
        """``region/namespace/name`` of the function."""
        return f"{self.region}/{self.namespace}/{self.name}"


def parse_desired_state(template: Template) -> tuple[DesiredState, list[Problem]]:
    """Return the desired state of a serverless.yml, and warnings.

    Raises:
        DeployError: with everything that SCF would refuse or interpret differently.
    """
    parser = _Parser(template)
    desired = parser.parse()
    if parser.problems:
        raise DeployError(*parser.problems)
    return desired, parser.warnings


class _Parser:
    """Parses the keys one by one, and collects problems and warnings."""

    def __init__(self, template: Template) -> None:
        self.template = template
        self.inputs: Mapping[str, Any] = template.values["inputs"]
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def parse(self) -> DesiredState:
        self._check_keys()
        self._check_type()
        alias, publish = self._parse_publishing()
        mps, timers = self._parse_events()
        default = "-".join(str(self.template.values.get(key)) for key in ("name", "stage", "app"))
        return DesiredState(
            region=self._get_text("region", "ap-guangzhou"),
            namespace=self._get_text("namespace", "default"),
            name=self._get_name(
                "name", default, FUNCTION_PATTERN, "2 to 60 letters, digits, - and _"
            ),
            handler=self._get_name(
                "handler", "", HANDLER_PATTERN, "file.function, without dots or slashes"
            ),
            runtime=self._parse_runtime(),
            configuration=dict(self._parse_configuration()),
            layers=self._parse_layers(),
            retries=self._get_number("retryNum", 0, 2),
            ttl=self._get_number("msgTTL", 60, 21600),
            publish=publish,
            alias=alias,
            mps=mps,
            timers=timers,
            source=self._parse_source(),
        )

    def _check_keys(self) -> None:
        values = self.template.values
        for key in sorted(map(str, values.keys() - _TOP_LEVEL)):
            self._warn("ignored_key", key, "ignored")
        for key in sorted(map(str, self.inputs.keys() - _INPUTS)):
            self._warn("ignored_key", f"inputs.{key}", "ignored by `scf-mps deploy`")
        if values.get("component", "scf").partition("@")[0] != "scf":
            self._reject("component", "scf", values["component"])

    def _check_type(self) -> None:
        if self._get_text("type", "event") != "event":
            self._reject(
                "inputs.type", "event, the only type that MPS can trigger", self.inputs["type"]
            )
        if self.inputs.get("asyncRunEnable"):
            self._add_problem(
                "async_execution",
                "inputs.asyncRunEnable",
                "SCF does not retry the events of async-execution functions",
                "Remove the key",
            )

    def _parse_publishing(self) -> tuple[str, bool]:
        alias = self._get_text("aliasName")
        if alias and not ALIAS_PATTERN.fullmatch(alias):
            self._reject("inputs.aliasName", "letters, digits, - and _, a letter first", alias)
        publish = self._get_flag(self.inputs, "publish", "inputs", False)
        if alias and not publish:
            self._add_problem(
                "alias_without_version",
                "inputs.aliasName",
                "an alias points to a published version",
                "Add publish: true",
            )
        return alias, publish

    def _parse_configuration(self) -> Iterator[tuple[str, Any]]:
        if "description" in self.inputs:
            yield "Description", self._get_text("description")
        memory = self._get_number("memorySize", 64, 3072)
        if memory is not None:
            if memory != 64 and memory % 128:
                self._reject("inputs.memorySize", "64, or a multiple of 128, in MB", memory)
            yield "MemorySize", memory
        for key, name, minimum, maximum in (
            ("timeout", "Timeout", 1, 900),
            ("initTimeout", "InitTimeout", 3, 300),
        ):
            seconds = self._get_number(key, minimum, maximum)
            if seconds is not None:
                yield name, seconds
        if "timeout" not in self.inputs:
            self._warn(
                "missing_timeout", "inputs.timeout", "missing: a new function gets 3 seconds"
            )
        role = self._get_text("role")
        if role:
            yield "Role", role
        else:
            message = "missing: the function gets no credentials and cannot use COS"
            self._warn("missing_role", "inputs.role", message)
        yield from self._parse_network()
        if "environment" in self.inputs:
            yield "Environment", {"Variables": self._parse_variables()}
        yield from self._parse_nested_settings()

    def _parse_network(self) -> Iterator[tuple[str, Any]]:
        network: dict[str, Any] = {}
        if "publicAccess" in self.inputs:
            public = self._get_flag(self.inputs, "publicAccess", "inputs", True)
            network["PublicNetStatus"] = "ENABLE" if public else "DISABLE"
        if "eip" in self.inputs:
            eip = self._get_flag(self.inputs, "eip", "inputs", False)
            network.setdefault("PublicNetStatus", "ENABLE")
            network["EipConfig"] = {"EipStatus": "ENABLE" if eip else "DISABLE"}
        if network:
            yield "PublicNetConfig", network

    def _parse_nested_settings(self) -> Iterator[tuple[str, Any]]:
        for key, name, fields in _NESTED_SETTINGS:
            values = self._get_mapping(self.inputs, key, "inputs")
            if values:
                yield name, {fields[key]: str(values[key]) for key in fields if key in values}
        logs = self._get_mapping(self.inputs, "cls", "inputs")
        for key, name in (("logsetId", "ClsLogsetId"), ("topicId", "ClsTopicId")):
            if key in logs:
                yield name, str(logs[key])

    def _parse_variables(self) -> list[dict[str, str]]:
        environment = self._get_mapping(self.inputs, "environment", "inputs")
        values = self._get_mapping(environment, "variables", "inputs.environment")
        path = "inputs.environment.variables"
        variables = sorted((str(name), format_variable(value)) for name, value in values.items())
        for name, text in variables:
            if not VARIABLE_PATTERN.fullmatch(name):
                self._reject(path, "names of letters, digits and _, a letter first", name)
            elif name.startswith(RESERVED_PREFIXES):
                message = f"reserved for SCF: {', '.join(RESERVED_PREFIXES)}"
                self._add_problem("reserved_variable", f"{path}.{name}", message, "Rename it")
            elif not text:
                message = "empty value, which SCF refuses"
                self._add_problem("empty_variable", f"{path}.{name}", message, "Remove it")
        size = measure_variables(variables)
        if size > MAX_ENVIRONMENT_BYTES:
            message = f"{size} bytes in total exceed SCF's limit of {MAX_ENVIRONMENT_BYTES}"
            self._add_problem("environment_too_large", path, message)
        return [{"Key": name, "Value": text} for name, text in variables]

    def _parse_layers(self) -> tuple[Layer, ...] | None:
        if "layers" not in self.inputs:
            return None
        layers = []
        for index, item in enumerate(self._get_list(self.inputs, "layers", "inputs")):
            path = f"inputs.layers[{index}]"
            values = item if isinstance(item, Mapping) else {}
            version, source = values.get("version"), values.get("src")
            if not values.get("name") or (version is None) is (source is None):
                message = "incomplete layer"
                advice = "Write name and version, or name and src (a zip)"
                self._add_problem("invalid_layer", path, message, advice)
                continue
            if version is not None and not (isinstance(version, int) and version > 0):
                self._reject(f"{path}.version", "the number of a version", version)
                continue
            file = self.template.folder / source if source else None
            layers.append(Layer(str(values["name"]), version, file))
        if len(layers) > MAX_LAYERS:
            self._reject("inputs.layers", f"at most {MAX_LAYERS} layers", len(layers))
        return tuple(layers)

    def _parse_events(self) -> tuple[tuple[MpsTrigger, ...], tuple[Timer, ...]]:
        mps: list[MpsTrigger] = []
        timers: list[Timer] = []
        for index, event in enumerate(self._get_list(self.inputs, "events", "inputs")):
            path = f"inputs.events[{index}]"
            if not isinstance(event, Mapping) or len(event) != 1:
                self._reject(path, "one trigger, such as `mps:`", event)
                continue
            [kind] = event
            trigger = self._get_mapping(event, kind, path)
            parameters = self._get_mapping(trigger, "parameters", f"{path}.{kind}")
            if kind == "mps":
                mps += self._parse_mps(parameters, f"{path}.mps.parameters")
            elif kind == "timer":
                timers.append(self._parse_timer(trigger, parameters, f"{path}.timer.parameters"))
            else:
                self._warn("ignored_trigger", path, f"{kind} triggers are left unchanged")
        for kind, keys in (
            ("mps trigger for the type", [trigger.event_type for trigger in mps]),
            ("timer of the name", [timer.name for timer in timers]),
        ):
            for key in {key for key in keys if keys.count(key) > 1}:
                message = f"more than one {kind} {key}"
                self._add_problem("duplicate_trigger", "inputs.events", message)
        return tuple(mps), tuple(timers)

    def _parse_mps(self, parameters: Mapping[str, Any], path: str) -> Iterator[MpsTrigger]:
        event_type = parameters.get("type")
        if not isinstance(event_type, str) or not event_type:
            self._reject(f"{path}.type", " or ".join(_EVENT_TYPES), event_type)
            return
        if event_type not in _EVENT_TYPES:
            message = f"unknown type {event_type!r}. Known types: {', '.join(_EVENT_TYPES)}"
            self._warn("unknown_trigger_type", f"{path}.type", message)
        if "enable" not in parameters:
            self._warn("missing_enable", f"{path}.enable", "missing: true by default", "Write it")
        yield MpsTrigger(
            event_type,
            str(parameters.get("qualifier") or "$DEFAULT"),
            self._get_flag(parameters, "enable", path, True),
        )

    def _parse_timer(
        self, trigger: Mapping[str, Any], parameters: Mapping[str, Any], path: str
    ) -> Timer:
        name = str(parameters.get("name") or trigger.get("name") or "timer")
        cron = str(parameters.get("cronExpression") or "")
        argument = str(parameters.get("argument") or "")
        if not TIMER_PATTERN.fullmatch(name):
            self._reject(f"{path}.name", "1 to 100 letters, digits, - and _", name)
        if len(cron.split()) != 7:
            form = "seven fields: second … year, e.g. '0 0 */6 * * * *'"
            self._reject(f"{path}.cronExpression", form, cron)
        self._check_timer_argument(argument, f"{path}.argument")
        return Timer(
            name,
            " ".join(cron.split()),
            argument,
            str(parameters.get("qualifier") or "$DEFAULT"),
            self._get_flag(parameters, "enable", path, True),
        )

    def _check_timer_argument(self, argument: str, path: str) -> None:
        words = argument.split()
        if words[:1] != ["reconcile"] or len(words) > 2:
            message = f"unknown argument {argument!r}"
            self._warn(
                "unknown_timer_argument", path, message, "Write 'reconcile' or 'reconcile 6h'"
            )
        elif words[1:]:
            try:
                parse_duration(words[1])
            except ValueError as error:
                self._add_problem("invalid_value", path, str(error))

    def _parse_source(self) -> Source:
        source = self.inputs.get("src", "./")
        if isinstance(source, Mapping) and "bucket" not in source:
            folder = self.template.folder / str(source.get("src", "./"))
            dist = self.template.folder / str(source["dist"]) if source.get("dist") else None
            if source.get("include"):
                self._add_problem(
                    "unsupported_include",
                    "inputs.src.include",
                    "`scf-mps deploy` does not support it",
                    "Put the files into `dist`",
                )
            exclude = source.get("exclude")
            if isinstance(exclude, str):  # as the npm client allows
                patterns = [exclude]
            else:
                patterns = self._get_list(source, "exclude", "inputs.src")
            # Without `dist` the serverless client does not run the hook either.
            hook = str(source.get("hook") or "") if dist else ""
            return Source(folder, hook, dist, tuple(map(str, patterns)))
        if not isinstance(source, str):
            self._reject(
                "inputs.src", "a folder, or src, hook and dist. For a zip use --zip", source
            )
            source = "./"
        return Source(self.template.folder / source)

    def _parse_runtime(self) -> str:
        runtime = self._get_text("runtime")
        if not runtime.startswith("Python3"):
            self._reject("inputs.runtime", "a Python runtime of SCF, e.g. Python3.10", runtime)
        return runtime

    def _get_name(self, key: str, default: str, pattern: re.Pattern[str], form: str) -> str:
        value = self._get_text(key, default)
        if not pattern.fullmatch(value):
            self._reject(f"inputs.{key}", form, value)
        return value

    def _get_text(self, key: str, default: str = "") -> str:
        value = self.inputs.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            self._reject(f"inputs.{key}", "a string", value)
            return default
        return value

    def _get_number(self, key: str, minimum: int, maximum: int) -> int | None:
        value = self.inputs.get(key)
        if isinstance(value, str) and value.isdecimal():
            value = int(value)  # from ${env:…}
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
            self._reject(f"inputs.{key}", f"a whole number from {minimum} to {maximum}", value)
            return None
        return value

    def _get_flag(self, parent: Mapping[str, Any], key: str, path: str, default: bool) -> bool:
        value = parent.get(key, default)
        if value in ("true", "false"):
            return bool(value == "true")  # from ${env:…}
        if not isinstance(value, bool):
            self._reject(f"{path}.{key}", "true or false", value)
            return default
        return value

    def _get_mapping(self, parent: Mapping[str, Any], key: str, path: str) -> Mapping[str, Any]:
        value = parent.get(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self._reject(f"{path}.{key}", "keys and values", type(value))
            return {}
        return value

    def _get_list(self, parent: Mapping[str, Any], key: str, path: str) -> list[Any]:
        value = parent.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self._reject(f"{path}.{key}", "a list", type(value))
            return []
        return value

    def _reject(self, path: str, expected: str, value: object) -> None:
        message = f"invalid value {_describe(value)}: expected {expected}"
        self._add_problem("invalid_value", path, message)

    def _add_problem(self, code: str, path: str, message: str, advice: str = "") -> None:
        self.problems.append(Problem(code, path, message, advice))

    def _warn(self, code: str, path: str, message: str, advice: str = "") -> None:
        self.warnings.append(Problem(code, path, message, advice))


def _describe(value: object) -> str:
    """Return the repr of a plain value, and only the type of a structure, which may contain a secret."""
    if isinstance(value, (str, int, float, type(None))):
        return repr(value)
    kind = value if isinstance(value, type) else type(value)
    names: dict[type, str] = {str: "(a string)", list: "(a list)", dict: "(keys and values)"}
    return names.get(kind, f"({kind.__name__})")
