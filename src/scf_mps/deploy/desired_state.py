"""What is to be in the cloud: the keys of serverless.yml as one value, in the names of the API.

Everything that is wrong is told at once. A key that is not there is not touched in the cloud; what the serverless
component knows and we do not is a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
    measure_variables,
)
from .template import Template
from .variables import format_variable

_KNOWN = frozenset(
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
_TOP = frozenset(["app", "stage", "component", "name", "inputs", "org"])
_EVENT_TYPES = ("WorkflowTask", "EditMediaTask")


@dataclass(frozen=True)
class Layer:
    """A layer of the function: an existing version, or a zip of ours that becomes one."""

    name: str
    version: int | None = None
    source: Path | None = None


@dataclass(frozen=True)
class MpsTrigger:
    """MPS pushes the account's events of a type."""

    event_type: str
    qualifier: str = "$DEFAULT"
    enabled: bool = True


@dataclass(frozen=True)
class Timer:
    """SCF invokes the function by the clock; `argument` is the event's Message, e.g. ``reconcile 6h``."""

    name: str
    cron: str
    argument: str = ""
    qualifier: str = "$DEFAULT"
    enabled: bool = True


@dataclass(frozen=True)
class Source:
    """Where the code comes from, see `code`."""

    folder: Path
    hook: str = ""
    dist: Path | None = None
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True)
class DesiredState:
    """A function as it is to be.

    Attributes:
        region: of SCF.
        namespace: of the function.
        name: of the function.
        handler: ``file.function``.
        runtime: of a new function; SCF changes that of none.
        configuration: settings, in the names and shapes of UpdateFunctionConfiguration; those that were given.
        layers: in order, or None if nothing is said of them.
        retries: how often an event is tried again, or None.
        ttl: how long an event is kept, in seconds, or None.
        publish: whether every change becomes a version.
        alias: the name that is to point to the newest version; empty for none.
        mps: MPS triggers.
        timers: timer triggers.
        source: where the code is.
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
        """The parameters that name the function."""
        return {"FunctionName": self.name, "Namespace": self.namespace}


def parse_desired_state(template: Template) -> tuple[DesiredState, list[str]]:
    """What a serverless.yml asks for, and warnings.

    Raises:
        DeployError: with everything that SCF would refuse, or would do otherwise than it reads.
    """
    reader = _Reader(template)
    wanted = reader.wanted()
    if reader.problems:
        raise DeployError(*reader.problems)
    return wanted, reader.warnings


class _Reader:
    """Reads the keys one by one, and writes down what is wrong with them."""

    def __init__(self, template: Template) -> None:
        self.template = template
        self.inputs: Mapping[str, Any] = template.values["inputs"]
        self.problems: list[str] = []
        self.warnings: list[str] = []

    def wanted(self) -> DesiredState:
        values = self.template.values
        for key in sorted(map(str, values.keys() - _TOP)):
            self.warnings.append(f"{key} is not read")
        for key in sorted(map(str, self.inputs.keys() - _KNOWN)):
            self.warnings.append(f"inputs.{key} is not read by `scf-mps deploy`")
        if values.get("component", "scf").partition("@")[0] != "scf":
            self._wrong("component", "scf", values["component"])
        if self._text("type", "event") != "event":
            self._wrong("inputs.type", "event: MPS triggers no other function", self.inputs["type"])
        if self.inputs.get("asyncRunEnable"):
            self.problems.append(
                "inputs.asyncRunEnable: SCF does not retry the events of async-execution functions; leave it out"
            )
        default = "-".join(str(values.get(key)) for key in ("name", "stage", "app"))
        alias = self._text("aliasName")
        if alias and not ALIAS_PATTERN.fullmatch(alias):
            self._wrong("inputs.aliasName", "letters, digits, - and _, a letter first", alias)
        publish = self._flag(self.inputs, "publish", "inputs", False)
        if alias and not publish:
            self.problems.append(
                "inputs.aliasName: an alias points to a version: write publish: true"
            )
        mps, timers = self._events()
        return DesiredState(
            region=self._text("region", "ap-guangzhou"),
            namespace=self._text("namespace", "default"),
            name=self._matching(
                "name", default, FUNCTION_PATTERN, "2 to 60 letters, digits, - and _"
            ),
            handler=self._matching(
                "handler", "", HANDLER_PATTERN, "file.function, without dots or slashes"
            ),
            runtime=self._runtime(),
            configuration=dict(self._configuration()),
            layers=self._layers(),
            retries=self._number("retryNum", 0, 2),
            ttl=self._number("msgTTL", 60, 21600),
            publish=publish,
            alias=alias,
            mps=mps,
            timers=timers,
            source=self._source(),
        )

    def _configuration(self) -> Iterator[tuple[str, Any]]:
        if "description" in self.inputs:
            yield "Description", self._text("description")
        memory = self._number("memorySize", 64, 3072)
        if memory is not None:
            if memory != 64 and memory % 128:
                self._wrong("inputs.memorySize", "64, or a multiple of 128, in MB", memory)
            yield "MemorySize", memory
        for key, name, least, most in (
            ("timeout", "Timeout", 1, 900),
            ("initTimeout", "InitTimeout", 3, 300),
        ):
            seconds = self._number(key, least, most)
            if seconds is not None:
                yield name, seconds
        if "timeout" not in self.inputs:
            self.warnings.append("inputs.timeout: without it a new function has 3 seconds")
        role = self._text("role")
        if role:
            yield "Role", role
        else:
            self.warnings.append(
                "inputs.role: without it a function gets no keys, and cannot use COS"
            )
        network: dict[str, Any] = {}
        if "publicAccess" in self.inputs:
            public = self._flag(self.inputs, "publicAccess", "inputs", True)
            network["PublicNetStatus"] = "ENABLE" if public else "DISABLE"
        if "eip" in self.inputs:
            eip = self._flag(self.inputs, "eip", "inputs", False)
            network.setdefault("PublicNetStatus", "ENABLE")
            network["EipConfig"] = {"EipStatus": "ENABLE" if eip else "DISABLE"}
        if network:
            yield "PublicNetConfig", network
        if "environment" in self.inputs:
            yield "Environment", {"Variables": self._variables()}
        for key, name, names in (
            (
                "deadLetter",
                "DeadLetterConfig",
                {"type": "Type", "name": "Name", "filterType": "FilterType"},
            ),
            ("vpcConfig", "VpcConfig", {"vpcId": "VpcId", "subnetId": "SubnetId"}),
        ):
            given = self._mapping(self.inputs, key, "inputs")
            if given:
                yield name, {to: str(given[of]) for of, to in names.items() if of in given}
        logs = self._mapping(self.inputs, "cls", "inputs")
        for key, name in (("logsetId", "ClsLogsetId"), ("topicId", "ClsTopicId")):
            if key in logs:
                yield name, str(logs[key])

    def _variables(self) -> list[dict[str, str]]:
        environment = self._mapping(self.inputs, "environment", "inputs")
        variables = self._mapping(environment, "variables", "inputs.environment")
        where = "inputs.environment.variables"
        told = []
        for name, text in sorted(
            (str(name), format_variable(value)) for name, value in variables.items()
        ):
            if not VARIABLE_PATTERN.fullmatch(name):
                self._wrong(where, "names of letters, digits and _, a letter first", name)
            elif name.startswith(RESERVED_PREFIXES):
                self.problems.append(
                    f"{where}.{name}: {', '.join(RESERVED_PREFIXES)} are reserved for SCF"
                )
            elif not text:
                self.problems.append(f"{where}.{name}: SCF takes no empty value; leave it out")
            told.append({"Key": name, "Value": text})
        size = measure_variables((one["Key"], one["Value"]) for one in told)
        if size > MAX_ENVIRONMENT_BYTES:
            most = f"SCF takes {MAX_ENVIRONMENT_BYTES} at most"
            self.problems.append(f"{where}: {size} bytes in all, but {most}")
        return told

    def _layers(self) -> tuple[Layer, ...] | None:
        if "layers" not in self.inputs:
            return None
        found = []
        for index, one in enumerate(self._list(self.inputs, "layers", "inputs")):
            where = f"inputs.layers[{index}]"
            given = one if isinstance(one, Mapping) else {}
            version, source = given.get("version"), given.get("src")
            if not given.get("name") or (version is None) is (source is None):
                self.problems.append(f"{where}: expected name and version, or name and src (a zip)")
                continue
            if version is not None and not (isinstance(version, int) and version > 0):
                self._wrong(f"{where}.version", "a version's number", version)
                continue
            path = self.template.folder / source if source else None
            found.append(Layer(str(given["name"]), version, path))
        if len(found) > 5:
            self._wrong("inputs.layers", "5 layers at most", len(found))
        return tuple(found)

    def _events(self) -> tuple[tuple[MpsTrigger, ...], tuple[Timer, ...]]:
        mps: list[MpsTrigger] = []
        timers: list[Timer] = []
        for index, event in enumerate(self._list(self.inputs, "events", "inputs")):
            where = f"inputs.events[{index}]"
            if not isinstance(event, Mapping) or len(event) != 1:
                self._wrong(where, "one trigger, such as `mps:`", event)
                continue
            [kind] = event
            where = f"{where}.{kind}"
            trigger = self._mapping(event, kind, f"inputs.events[{index}]")
            parameters = self._mapping(trigger, "parameters", where)
            where = f"{where}.parameters"
            if kind == "mps":
                mps += self._mps(parameters, where)
            elif kind == "timer":
                timers += self._timer(trigger, parameters, where)
            else:
                self.warnings.append(f"inputs.events[{index}]: {kind} triggers are left alone")
        for what, keys in (
            ("an mps trigger for this type", [one.event_type for one in mps]),
            ("a timer of this name", [one.name for one in timers]),
        ):
            for key in {key for key in keys if keys.count(key) > 1}:
                self.problems.append(f"inputs.events: {what} more than once: {key}")
        return tuple(mps), tuple(timers)

    def _mps(self, parameters: Mapping[str, Any], where: str) -> Iterator[MpsTrigger]:
        kind = parameters.get("type")
        if not isinstance(kind, str) or not kind:
            self._wrong(f"{where}.type", " or ".join(_EVENT_TYPES), kind)
            return
        if kind not in _EVENT_TYPES:
            self.warnings.append(f"{where}.type: {kind} is none of {', '.join(_EVENT_TYPES)}")
        if "enable" not in parameters:
            self.warnings.append(f"{where}.enable: taken for true; write it")
        yield MpsTrigger(
            kind,
            str(parameters.get("qualifier") or "$DEFAULT"),
            self._flag(parameters, "enable", where, True),
        )

    def _timer(
        self, trigger: Mapping[str, Any], parameters: Mapping[str, Any], where: str
    ) -> Iterator[Timer]:
        name = str(parameters.get("name") or trigger.get("name") or "timer")
        cron = str(parameters.get("cronExpression") or "")
        argument = str(parameters.get("argument") or "")
        if not TIMER_PATTERN.fullmatch(name):
            self._wrong(f"{where}.name", "1 to 100 letters, digits, - and _", name)
        if len(cron.split()) != 7:
            self._wrong(
                f"{where}.cronExpression",
                "seven fields: second … year, e.g. '0 0 */6 * * * *'",
                cron,
            )
        words = argument.split()
        if words[:1] != ["reconcile"] or len(words) > 2:
            self.warnings.append(
                f"{where}.argument: the framework takes 'reconcile' or 'reconcile 6h', not {argument!r}"
            )
        elif words[1:]:
            try:
                parse_duration(words[1])
            except ValueError as error:
                self.problems.append(f"{where}.argument: {error}")
        yield Timer(
            name,
            " ".join(cron.split()),
            argument,
            str(parameters.get("qualifier") or "$DEFAULT"),
            self._flag(parameters, "enable", where, True),
        )

    def _source(self) -> Source:
        given = self.inputs.get("src", "./")
        if isinstance(given, Mapping) and "bucket" not in given:
            folder = self.template.folder / str(given.get("src", "./"))
            dist = self.template.folder / str(given["dist"]) if given.get("dist") else None
            if given.get("include"):
                self.problems.append(
                    "inputs.src.include: `scf-mps deploy` does not read it; put the files into `dist`"
                )
            exclude = given.get("exclude")  # the npm client takes one pattern too
            patterns = (
                [exclude]
                if isinstance(exclude, str)
                else self._list(given, "exclude", "inputs.src")
            )
            # Without `dist` the serverless client does not run the hook either.
            hook = str(given.get("hook") or "") if dist else ""
            return Source(folder, hook, dist, tuple(map(str, patterns)))
        if not isinstance(given, str):
            self._wrong("inputs.src", "a folder, or src, hook and dist; for a zip use --zip", given)
            given = "./"
        return Source(self.template.folder / given)

    def _runtime(self) -> str:
        runtime = self._text("runtime")
        if not runtime.startswith("Python3"):
            self._wrong("inputs.runtime", "a Python of SCF, e.g. Python3.10", runtime)
        return runtime

    def _matching(self, key: str, default: str, pattern: re.Pattern[str], form: str) -> str:
        value = self._text(key, default)
        if not pattern.fullmatch(value):
            self._wrong(f"inputs.{key}", form, value)
        return value

    def _text(self, key: str, default: str = "") -> str:
        value = self.inputs.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            self._wrong(f"inputs.{key}", "a text", value)
            return default
        return value

    def _number(self, key: str, least: int, most: int) -> int | None:
        value = self.inputs.get(key)
        if isinstance(value, str) and value.isdecimal():
            value = int(value)  # as of ${env:…}
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self._wrong(f"inputs.{key}", f"a whole number from {least} to {most}", value)
            return None
        return value

    def _flag(self, of: Mapping[str, Any], key: str, where: str, default: bool) -> bool:
        value = of.get(key, default)
        if value in ("true", "false"):
            return bool(value == "true")  # as of ${env:…}
        if not isinstance(value, bool):
            self._wrong(f"{where}.{key}", "true or false", value)
            return default
        return value

    def _mapping(self, of: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
        value = of.get(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self._wrong(f"{where}.{key}", "keys and values", type(value))
            return {}
        return value

    def _list(self, of: Mapping[str, Any], key: str, where: str) -> list[Any]:
        value = of.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self._wrong(f"{where}.{key}", "a list", type(value))
            return []
        return value

    def _wrong(self, where: str, expected: str, came: object) -> None:
        self.problems.append(f"{where}: expected {expected}, not {_shown(came)}")


def _shown(came: object) -> str:
    """A value as it can be told; of a structure, and where only a type is given, the type: a secret may be in it."""
    if isinstance(came, (str, int, float, type(None))):
        return repr(came)
    kind = came if isinstance(came, type) else type(came)
    names: dict[type, str] = {str: "a text", list: "a list", dict: "keys and values"}
    return names.get(kind, kind.__name__)
