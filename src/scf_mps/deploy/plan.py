"""From what is there to what is wanted: which calls of the API, in which order, and why. Pure: it asks and changes nothing.

Whatever is as it is wanted is not touched, so that doing a plan twice does nothing the second time, and a plan that
was interrupted is finished by the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .current_state import AccountState, BoundTrigger, CurrentState, Version
from .desired_state import DesiredState, MpsTrigger, Timer

MB = 1024 * 1024
MAX_CREATE_BYTES = 50 * MB
MAX_UPDATE_BYTES = 20 * MB
"""Bytes of a zip that comes with CreateFunction, and with UpdateFunctionCode (product page 583/11637)."""

NOTHING = "-"


@dataclass(frozen=True)
class Deferred:
    """A value that is known when the step is done: ``code``, ``version``, or ``layer NAME``."""

    what: str


@dataclass(frozen=True)
class Change:
    """What of the function changes. The value of an environment variable is never in it."""

    what: str
    live: str
    wanted: str


@dataclass(frozen=True)
class Step:
    """A call of the API.

    Attributes:
        product: ``scf`` or ``mps``.
        action: e.g. ``CreateFunction``.
        parameters: of the call; may hold `Deferred`.
        changes: what it is for.
        settles: whether SCF takes time for it, which is to be waited for.
        gives: what `Deferred` it makes known, and which field of the answer that is.
        region: if it is not that of the function.
    """

    product: str
    action: str
    parameters: Mapping[str, Any]
    changes: tuple[Change, ...]
    settles: bool = False
    gives: tuple[str, str] | None = None
    region: str = ""


@dataclass(frozen=True)
class Plan:
    """Steps to take.

    Attributes:
        steps: in order.
        notes: what is good to know.
        blocked: why the steps are not to be taken.
    """

    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()


@dataclass(frozen=True)
class ZipDigest:
    """What a plan knows of a zip."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class PlanOptions:
    """How to deploy.

    Attributes:
        code: the function's zip.
        layers: name of each layer that comes as a zip to that.
        by_cos: whether zips are sent by COS.
        take: ``region/namespace/function`` that the MPS trigger may be taken from.
        prune: whether to remove triggers that are not wanted.
        again: whether to send code and settings that are there.
    """

    code: ZipDigest
    layers: Mapping[str, ZipDigest] = field(default_factory=dict[str, ZipDigest])
    by_cos: bool = False
    take: str = ""
    prune: bool = False
    again: bool = False


def make_plan(
    live: CurrentState | None, wanted: DesiredState, around: AccountState, options: PlanOptions
) -> Plan:
    """How to get from `live` to `wanted`."""
    planner = _Planner(live, wanted, around, options)
    steps = tuple(planner.steps())
    return Plan(steps, tuple(dict.fromkeys(planner.notes)), tuple(planner.blocked))


def make_removal_plan(live: CurrentState | None, wanted: DesiredState) -> Plan:
    """How to be rid of the function: MPS is told first, so that it pushes to nobody."""
    if live is None:
        return Plan(notes=(f"there is no function {wanted.name}",))
    steps = [_unbind(one) for one in live.mps if one.trigger.enabled]
    gone = [Change("function", wanted.name, NOTHING)]
    gone += [Change(f"timer {one.name}", one.cron, NOTHING) for one in live.timers]
    steps.append(Step("scf", "DeleteFunction", wanted.identity, tuple(gone)))
    notes = [f"layer {one.name} stays: others may use it" for one in live.latest.layers]
    return Plan(tuple(steps), tuple(notes))


class _Planner:
    """Makes the steps one after the other, and writes down what is good to know."""

    def __init__(
        self,
        live: CurrentState | None,
        wanted: DesiredState,
        around: AccountState,
        options: PlanOptions,
    ) -> None:
        self.live = live
        self.wanted = wanted
        self.around = around
        self.options = options
        self.notes: list[str] = []
        self.blocked: list[str] = []
        self._new_layers = {
            name
            for name, one in options.layers.items()
            if around.layers.get(name, (0, ""))[1] != one.sha256
        }

    def steps(self) -> Iterator[Step]:
        yield from self._layers()
        if self.live is None:
            yield self._create()
        else:
            yield from self._update(self.live)
        yield from self._retries()
        yield from self._publish()
        yield from self._mps()
        yield from self._timers()

    def _layers(self) -> Iterator[Step]:
        for name, archive in self.options.layers.items():
            self._check_size(f"layer {name}", archive, MAX_CREATE_BYTES)
            if name in self._new_layers:
                version = self.around.layers.get(name)
                yield Step(
                    "scf",
                    "PublishLayerVersion",
                    {
                        "LayerName": name,
                        "CompatibleRuntimes": [self.wanted.runtime],
                        "Content": Deferred(f"content {name}"),
                    },
                    (
                        Change(
                            f"layer {name}",
                            f"version {version[0]}" if version else NOTHING,
                            f"a new version, {_size(archive)}",
                        ),
                    ),
                    gives=(f"layer {name}", "LayerVersion"),
                )

    def _create(self) -> Step:
        wanted, code = self.wanted, self.options.code
        self._check_size("code", code, MAX_CREATE_BYTES)
        parameters = {
            **wanted.identity,
            "Type": "Event",
            "Runtime": wanted.runtime,
            "Handler": wanted.handler,
            "Code": Deferred("code"),
            "PublicNetConfig": {"PublicNetStatus": "ENABLE"},
            **wanted.configuration,
        }
        if wanted.layers:
            parameters["Layers"] = self._layer_versions()
        changes = [
            Change("function", NOTHING, f"{wanted.region}/{wanted.namespace}/{wanted.name}"),
            Change("runtime", NOTHING, wanted.runtime),
            Change("handler", NOTHING, wanted.handler),
            Change("code", NOTHING, f"{_size(code)}, sha256 {code.sha256[:12]}"),
        ]
        return Step(
            "scf",
            "CreateFunction",
            parameters,
            (*changes, *self._configuration_changes(None)),
            settles=True,
        )

    def _update(self, live: CurrentState) -> Iterator[Step]:
        wanted, code = self.wanted, self.options.code
        if live.latest.runtime != wanted.runtime:
            self.blocked.append(
                f"runtime: SCF changes that of no function, and it is {live.latest.runtime}: write that, another name, "
                "or `scf-mps remove` first"
            )
        changes = tuple(self._configuration_changes(live.latest))
        if self.options.again:
            changes = changes or (Change("settings", "as wanted", "sent again"),)
        if changes:
            # Before the code: what is new to it is there when it begins.
            parameters = {**wanted.identity, **wanted.configuration}
            if parameters.get("Environment") == {"Variables": []}:
                # As Tencent's own toolkit removes the last variable, and the last layer.
                parameters["Environment"] = {"Variables": [{"Key": "", "Value": ""}]}
            if wanted.layers is not None:
                none = [{"LayerName": "", "LayerVersion": 0}]
                parameters["Layers"] = self._layer_versions() or none
            yield Step("scf", "UpdateFunctionConfiguration", parameters, changes, settles=True)
        changes = tuple(self._code_changes(live.latest))
        if self.options.again:
            changes = changes or (Change("code", "as wanted", "sent again"),)
        if changes:
            self._check_size("code", code, MAX_UPDATE_BYTES)
            yield Step(
                "scf",
                "UpdateFunctionCode",
                {**wanted.identity, "Handler": wanted.handler, "Code": Deferred("code")},
                changes,
                settles=True,
            )

    def _retries(self) -> Iterator[Step]:
        wanted, live = self.wanted, self.live
        if wanted.retries is None and wanted.ttl is None:
            return
        retries, ttl = (live.retries, live.ttl) if live else (None, None)
        # Both are told, as the action takes them together; SCF's own are 2 and six hours.
        new = (
            wanted.retries if wanted.retries is not None else retries if retries is not None else 2,
            wanted.ttl or ttl or 21600,
        )
        changes = [
            Change(what, NOTHING if before is None else str(before), str(after))
            for what, before, after in (("retries", retries, new[0]), ("message TTL", ttl, new[1]))
            if before != after
        ]
        if changes:
            yield Step(
                "scf",
                "UpdateFunctionEventInvokeConfig",
                {
                    **wanted.identity,
                    "AsyncTriggerConfig": {
                        "RetryConfig": [{"RetryNum": new[0]}],
                        "MsgTTL": new[1],
                    },
                },
                tuple(changes),
            )

    def _publish(self) -> Iterator[Step]:
        """A version, if the newest, or the alias's, is not what is wanted."""
        wanted, live = self.wanted, self.live
        if not wanted.publish:
            return
        known = live.published if live else None
        if known:
            changes = [*self._configuration_changes(known), *self._code_changes(known)]
            # A version has a description of its own.
            if not [one for one in changes if one.what != _WORDS["Description"]]:
                return
        before = live.version if live and live.version else NOTHING
        yield Step(
            "scf",
            "PublishVersion",
            wanted.identity,
            (Change("version", before, "a new one"),),
            settles=True,
            gives=("version", "FunctionVersion"),
        )
        if wanted.alias:
            yield Step(
                "scf",
                "UpdateAlias" if before != NOTHING else "CreateAlias",
                {**wanted.identity, "Name": wanted.alias, "FunctionVersion": Deferred("version")},
                (Change(f"alias {wanted.alias}", before, "the new version"),),
            )

    def _mps(self) -> Iterator[Step]:
        # SCF lists unbound ones too, and a type may be there once for each qualifier.
        bound = [one for one in self.live.mps if one.trigger.enabled] if self.live else []
        for trigger in self.wanted.mps:
            there = [one for one in bound if one.trigger == trigger]
            if there:
                self.notes.append(
                    f"MPS trigger {trigger.event_type}, which serves the whole account, is bound to this function"
                )
            else:
                there = [one for one in bound if one.trigger.event_type == trigger.event_type]
                yield from map(_unbind, there)
                if trigger.enabled:
                    yield from self._take(trigger)
                    yield self._bind(trigger, there)
            bound = [one for one in bound if one not in there]
        for one in bound:
            if self.options.prune:
                yield _unbind(one)
            else:
                self.notes.append(
                    f"MPS trigger {one.trigger.event_type} ({one.trigger.qualifier}) is not in serverless.yml: "
                    "--prune unbinds it"
                )

    def _bind(self, trigger: MpsTrigger, before: Sequence[BoundTrigger]) -> Step:
        return Step(
            "mps",
            "BindTrigger",
            {
                "ScfRegion": self.wanted.region,
                "EventType": trigger.event_type,
                "Qualifier": trigger.qualifier,
                **self.wanted.identity,
            },
            (
                Change(
                    f"MPS trigger {trigger.event_type}",
                    ", ".join(one.trigger.qualifier for one in before) or NOTHING,
                    trigger.qualifier,
                ),
            ),
        )

    def _take(self, trigger: MpsTrigger) -> Iterator[Step]:
        """What is to be done about the functions that have the account's trigger now."""
        for other in self.around.others:
            where = f"{other.region}/{other.namespace}/{other.function}"
            if other.trigger.event_type != trigger.event_type:
                self.notes.append(
                    f"{other} has the MPS trigger {other.trigger.event_type}; whether two functions may have one each, "
                    "MPS's documentation does not say clearly"
                )
            elif where == self.options.take:
                yield _unbind(other)
            else:
                self.blocked.append(
                    f"MPS trigger {trigger.event_type}: the account has one, and it is bound to {other}; that function "
                    f"would get no more events. If that is meant: --take-trigger {where}"
                )
        if self.options.take and not self.around.others:
            self.notes.append(f"{self.options.take} has no MPS trigger to be taken")
        if self.around.looked is None:
            self.notes.append(
                "whether another function has the account's MPS trigger could not be looked up"
            )
        elif not self.around.others:
            self.notes.append(
                f"one MPS trigger serves the whole account, all regions: none is bound to the {self.around.looked} "
                f"other functions in {self.wanted.region}; those of other regions were not looked at"
            )

    def _timers(self) -> Iterator[Step]:
        live = [*self.live.timers] if self.live else []
        for timer in self.wanted.timers:
            same = [one for one in live if one.name == timer.name]
            before = next((one for one in same if one.qualifier == timer.qualifier), None)
            if before is None:
                yield from map(self._delete, same)  # none can be moved
            else:
                same = [before]
            if before != timer:
                yield self._put(timer, before)
            live = [one for one in live if one not in same]
        for timer in live:
            if self.options.prune:
                yield self._delete(timer)
            else:
                self.notes.append(
                    f"timer {timer.name} ({timer.cron}, {timer.qualifier}) is not in serverless.yml: --prune removes it"
                )

    def _put(self, timer: Timer, before: Timer | None) -> Step:
        change = Change(f"timer {timer.name}", _timer(before) if before else NOTHING, _timer(timer))
        return Step(
            "scf",
            "UpdateTrigger" if before else "CreateTrigger",
            {
                **self.wanted.identity,
                "TriggerName": timer.name,
                "Type": "timer",
                "TriggerDesc": timer.cron,
                "Qualifier": timer.qualifier,
                "Enable": "OPEN" if timer.enabled else "CLOSE",
                "CustomArgument": timer.argument,
            },
            (change,),
        )

    def _delete(self, timer: Timer) -> Step:
        return Step(
            "scf",
            "DeleteTrigger",
            {
                **self.wanted.identity,
                "TriggerName": timer.name,
                "Type": "timer",
                "Qualifier": timer.qualifier,
            },
            (Change(f"timer {timer.name}", _timer(timer), NOTHING),),
        )

    def _layer_versions(self) -> list[dict[str, Any]]:
        return [
            {
                "LayerName": one.name,
                "LayerVersion": Deferred(f"layer {one.name}")
                if one.name in self._new_layers
                else one.version or self.around.layers[one.name][0],
            }
            for one in self.wanted.layers or ()
        ]

    def _code_changes(self, version: Version) -> Iterator[Change]:
        code = self.options.code
        if version.handler != self.wanted.handler:
            yield Change("handler", version.handler, self.wanted.handler)
        if version.code_sha256 != code.sha256:
            yield Change(
                "code",
                f"sha256 {version.code_sha256[:12]}",
                f"sha256 {code.sha256[:12]}, {_size(code)}",
            )

    def _configuration_changes(self, version: Version | None) -> Iterator[Change]:
        configuration = version.configuration if version else {}
        for name, value in self.wanted.configuration.items():
            if name == "Environment":
                yield from _variables(configuration.get(name), value)
            else:
                yield from _differences(_WORDS[name], configuration.get(name), value)
        if self.wanted.layers is not None:
            before = [f"{one.name} {one.version}" for one in version.layers] if version else []
            after = [
                f"{one['LayerName']} {'new' if isinstance(one['LayerVersion'], Deferred) else one['LayerVersion']}"
                for one in self._layer_versions()
            ]
            if before != after:
                yield Change("layers", ", ".join(before) or NOTHING, ", ".join(after) or NOTHING)

    def _check_size(self, what: str, archive: ZipDigest, largest: int) -> None:
        if archive.bytes > largest and not self.options.by_cos:
            self.blocked.append(
                f"{what}: {_size(archive)}, but SCF takes {largest // MB} MB with the request: send it by COS with "
                "--code-bucket BUCKET-APPID.REGION"
            )


_WORDS = {
    "Description": "description",
    "MemorySize": "memory",
    "Timeout": "timeout",
    "InitTimeout": "init timeout",
    "Role": "role",
    "DeadLetterConfig": "dead-letter queue",
    "PublicNetConfig": "public network",
    "VpcConfig": "VPC",
    "ClsLogsetId": "CLS logset",
    "ClsTopicId": "CLS topic",
}


def _differences(what: str, live: Any, wanted: Any) -> Iterator[Change]:
    """What is not as it is wanted; of an object only what is wanted is looked at."""
    if isinstance(wanted, Mapping):
        for name, value in wanted.items():
            before = live.get(name) if isinstance(live, Mapping) else None
            yield from _differences(
                f"{what} {name}" if not isinstance(value, Mapping) else what, before, value
            )
    elif live != wanted:
        yield Change(what, NOTHING if live in (None, "") else str(live), str(wanted))


def _variables(live: Any, wanted: Mapping[str, Any]) -> Iterator[Change]:
    """Which variables change; never to what."""
    before = _values((live or {}).get("Variables") or [])
    after = _values(wanted["Variables"])
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            now = "set" if name in after else NOTHING
            then = "set" if name in before else NOTHING
            if now == then:
                now = "set to another value"
            yield Change(f"variable {name}", then, now)


def _values(variables: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {one["Key"]: one["Value"] for one in variables}


def _unbind(bound: BoundTrigger) -> Step:
    """Both ways are those of Tencent's own toolkit; MPS takes the resource's id, and SCF may not tell it."""
    parameters = {
        "Type": "mps",
        "Qualifier": bound.trigger.qualifier,
        "FunctionName": bound.function,
        "Namespace": bound.namespace,
    }
    change = Change(f"MPS trigger {bound.trigger.event_type}", str(bound), NOTHING)
    if not bound.resource_id:
        parameters |= {"TriggerName": "", "TriggerDesc": bound.description}
        return Step("scf", "DeleteTrigger", parameters, (change,), region=bound.region)
    parameters["ResourceId"] = bound.resource_id
    return Step("mps", "UnbindTrigger", parameters, (change,), region=bound.region)


def _timer(timer: Timer) -> str:
    off = "" if timer.enabled else ", off"
    return f"{timer.cron} {timer.argument!r} {timer.qualifier}{off}"


def _size(archive: ZipDigest) -> str:
    return f"{archive.bytes / MB:.1f} MB" if archive.bytes >= MB else f"{archive.bytes} bytes"
