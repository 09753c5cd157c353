"""Plan of the API calls that bring a function from its current to its desired state. Pure: it sends no requests.

Equal parts are left unchanged. Therefore a second deployment has no steps, and the next one completes an interrupted
one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from scf_mps.build.errors import Problem

from .current_state import AccountState, BoundTrigger, CurrentState, Version
from .desired_state import DesiredState, MpsTrigger, Timer

MB = 1024 * 1024
MAX_CREATE_BYTES = 50 * MB
MAX_UPDATE_BYTES = 20 * MB
"""Maximum size of a zip in CreateFunction, and in UpdateFunctionCode (product page 583/11637)."""

DEFAULT_RETRIES = 2
DEFAULT_TTL_SECONDS = 21600
"""SCF's own settings of a new function."""

NOTHING = "-"


@dataclass(frozen=True)
class Deferred:
    """A value that becomes known while the plan is applied, such as ``code``, ``version`` or ``layer NAME``."""

    name: str

    def __str__(self) -> str:
        return "a new one"


@dataclass(frozen=True)
class DeferredJson:
    """A value that is sent as JSON text. It may contain `Deferred`."""

    value: Any


@dataclass(frozen=True)
class Change:
    """A change of one part of the function. It never contains the value of an environment variable."""

    what: str
    current: str
    desired: str


@dataclass(frozen=True)
class Step:
    """A call of the API.

    Attributes:
        product: ``scf``, ``mps`` or ``cls``.
        action: e.g. ``CreateFunction``.
        parameters: of the call. May contain `Deferred` and `DeferredJson`.
        changes: made by the call.
        must_settle: wait for SCF to finish after the call.
        provides: name of the `Deferred` that the response provides, and the field with its value.
        region: empty for that of the function.
    """

    product: str
    action: str
    parameters: Mapping[str, Any]
    changes: tuple[Change, ...]
    must_settle: bool = False
    provides: tuple[str, str] | None = None
    region: str = ""


@dataclass(frozen=True)
class Plan:
    """Steps of a deployment.

    Attributes:
        steps: in order.
        notes: information for the user.
        blocked: reasons not to run the steps.
    """

    steps: tuple[Step, ...] = ()
    notes: tuple[Problem, ...] = ()
    blocked: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class ZipDigest:
    """Digest and size of a zip."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class PlanOptions:
    """Options of a plan.

    Attributes:
        code: the function's zip.
        layers: zip of each layer that is deployed from one, by name.
        by_cos: send zips through COS.
        take: ``region/namespace/function`` that the MPS trigger may be taken from.
        prune: remove triggers that are not in serverless.yml.
        again: send equal code and settings too.
    """

    code: ZipDigest
    layers: Mapping[str, ZipDigest] = field(default_factory=dict[str, ZipDigest])
    by_cos: bool = False
    take: str = ""
    prune: bool = False
    again: bool = False


def make_plan(
    current: CurrentState | None, desired: DesiredState, account: AccountState, options: PlanOptions
) -> Plan:
    """Return the plan from the current to the desired state."""
    planner = _Planner(current, desired, account, options)
    steps = tuple(planner.plan_steps())
    return Plan(steps, tuple(dict.fromkeys(planner.notes)), tuple(planner.blocked))


def make_removal_plan(current: CurrentState | None, desired: DesiredState) -> Plan:
    """Return the plan to remove the function. MPS triggers come first, so that MPS never pushes to a missing one."""
    if current is None:
        return Plan(
            notes=(Problem("function_missing", desired.name, "the function does not exist"),)
        )
    steps = [_unbind(bound) for bound in current.mps if bound.trigger.enabled]
    changes = [Change("function", desired.name, NOTHING)]
    changes += [Change(f"timer {timer.name}", timer.cron, NOTHING) for timer in current.timers]
    steps.append(Step("scf", "DeleteFunction", desired.identity, tuple(changes)))
    notes = [
        Problem("layer_kept", f"layer {layer.name}", "kept, because other functions may use it")
        for layer in current.latest.layers
    ]
    topic = current.latest.configuration.get("ClsTopicId")
    if topic:
        message = "kept with its logs, alarm and dashboard"
        advice = "Delete them in the CLS console if nobody needs them"
        notes.append(Problem("logs_kept", f"CLS topic {topic}", message, advice))
    return Plan(tuple(steps), tuple(notes))


@dataclass
class _Planner:
    """Plans the steps one after the other, and collects notes and reasons to block the plan."""

    current: CurrentState | None
    desired: DesiredState
    account: AccountState
    options: PlanOptions
    notes: list[Problem] = field(default_factory=list[Problem])
    blocked: list[Problem] = field(default_factory=list[Problem])

    @cached_property
    def _new_layers(self) -> set[str]:
        return {
            name
            for name, digest in self.options.layers.items()
            if self.account.layers.get(name, (0, ""))[1] != digest.sha256
        }

    def plan_steps(self) -> Iterator[Step]:
        yield from self._plan_layers()
        if self.current is None:
            yield self._create()
        else:
            yield from self._update(self.current)
        yield from self._plan_retries()
        yield from self._plan_version()
        yield from self._plan_mps()
        yield from self._plan_timers()

    def _plan_layers(self) -> Iterator[Step]:
        for name, digest in self.options.layers.items():
            self._check_size(f"layer {name}", digest, MAX_CREATE_BYTES)
            if name in self._new_layers:
                newest = self.account.layers.get(name)
                before = f"version {newest[0]}" if newest else NOTHING
                after = f"a new version, {_format_size(digest)}"
                yield Step(
                    "scf",
                    "PublishLayerVersion",
                    {
                        "LayerName": name,
                        "CompatibleRuntimes": [self.desired.runtime],
                        "Content": Deferred(f"content {name}"),
                    },
                    (Change(f"layer {name}", before, after),),
                    provides=(f"layer {name}", "LayerVersion"),
                )

    def _create(self) -> Step:
        desired, code = self.desired, self.options.code
        self._check_size("code", code, MAX_CREATE_BYTES)
        parameters = {
            **desired.identity,
            "Type": "Event",
            "Runtime": desired.runtime,
            "Handler": desired.handler,
            "Code": Deferred("code"),
            "PublicNetConfig": {"PublicNetStatus": "ENABLE"},
            **desired.configuration,
        }
        if desired.layers:
            parameters["Layers"] = self._list_layer_versions()
        changes = (
            Change("function", NOTHING, desired.place),
            Change("runtime", NOTHING, desired.runtime),
            Change("handler", NOTHING, desired.handler),
            Change("code", NOTHING, f"{_format_size(code)}, sha256 {code.sha256[:12]}"),
            *self._compare_configuration(None),
        )
        return Step("scf", "CreateFunction", parameters, changes, must_settle=True)

    def _update(self, current: CurrentState) -> Iterator[Step]:
        desired, latest = self.desired, current.latest
        if latest.runtime != desired.runtime:
            self.blocked.append(
                Problem(
                    "runtime_change",
                    "runtime",
                    f"SCF cannot change the runtime of a function from {latest.runtime}",
                    f"Write {latest.runtime} or another name, or run `scf-mps remove` first",
                )
            )
        # Settings come first: the new code may need them at its start.
        changes = tuple(self._compare_configuration(latest))
        if self.options.again:
            changes = changes or (Change("settings", "equal", "sent again"),)
        if changes:
            parameters = self._make_configuration()
            yield Step("scf", "UpdateFunctionConfiguration", parameters, changes, must_settle=True)
        changes = tuple(self._compare_code(latest))
        if self.options.again:
            changes = changes or (Change("code", "equal", "sent again"),)
        if changes:
            self._check_size("code", self.options.code, MAX_UPDATE_BYTES)
            yield Step(
                "scf",
                "UpdateFunctionCode",
                {**desired.identity, "Handler": desired.handler, "Code": Deferred("code")},
                changes,
                must_settle=True,
            )

    def _make_configuration(self) -> dict[str, Any]:
        """Return the parameters of UpdateFunctionConfiguration.

        The last variable and the last layer are removed by empty ones, as Tencent's own toolkit does.
        """
        parameters = {**self.desired.identity, **self.desired.configuration}
        if parameters.get("Environment") == {"Variables": []}:
            parameters["Environment"] = {"Variables": [{"Key": "", "Value": ""}]}
        if self.desired.layers is not None:
            empty = [{"LayerName": "", "LayerVersion": 0}]
            parameters["Layers"] = self._list_layer_versions() or empty
        return parameters

    def _plan_retries(self) -> Iterator[Step]:
        desired, current = self.desired, self.current
        if desired.retries is None and desired.ttl is None:
            return
        # The action sets both values, so a missing one is sent as it is now.
        retries, ttl = (current.retries, current.ttl) if current else (None, None)
        new_retries = next(
            value for value in (desired.retries, retries, DEFAULT_RETRIES) if value is not None
        )
        new_ttl = desired.ttl or ttl or DEFAULT_TTL_SECONDS
        changes = tuple(
            Change(what, NOTHING if before is None else str(before), str(after))
            for what, before, after in (
                ("retries", retries, new_retries),
                ("message TTL", ttl, new_ttl),
            )
            if before != after
        )
        if changes:
            config = {"RetryConfig": [{"RetryNum": new_retries}], "MsgTTL": new_ttl}
            parameters = {**desired.identity, "AsyncTriggerConfig": config}
            yield Step("scf", "UpdateFunctionEventInvokeConfig", parameters, changes)

    def _plan_version(self) -> Iterator[Step]:
        """Publish a version if the newest one, or that of the alias, is outdated."""
        desired, current = self.desired, self.current
        if not desired.publish:
            return
        published = current.published if current else None
        if published:
            changes = [*self._compare_configuration(published), *self._compare_code(published)]
            # A version has its own description.
            if all(change.what == _LABELS["Description"] for change in changes):
                return
        before = current.version if current and current.version else NOTHING
        yield Step(
            "scf",
            "PublishVersion",
            desired.identity,
            (Change("version", before, "a new one"),),
            must_settle=True,
            provides=("version", "FunctionVersion"),
        )
        if desired.alias:
            yield Step(
                "scf",
                "UpdateAlias" if before != NOTHING else "CreateAlias",
                {**desired.identity, "Name": desired.alias, "FunctionVersion": Deferred("version")},
                (Change(f"alias {desired.alias}", before, "the new version"),),
            )

    def _plan_mps(self) -> Iterator[Step]:
        # SCF also lists unbound triggers, and may list a type once for each qualifier.
        remaining = (
            [bound for bound in self.current.mps if bound.trigger.enabled] if self.current else []
        )
        for trigger in self.desired.mps:
            name = f"MPS trigger {trigger.event_type}"
            matching = [bound for bound in remaining if bound.trigger == trigger]
            if matching:
                message = "bound to this function. It serves the whole account"
                self.notes.append(Problem("trigger_bound", name, message))
            else:
                matching = [
                    bound for bound in remaining if bound.trigger.event_type == trigger.event_type
                ]
                yield from map(_unbind, matching)
                if trigger.enabled:
                    yield from self._take(trigger)
                    yield self._bind(trigger, matching)
            remaining = [bound for bound in remaining if bound not in matching]
        for bound in remaining:
            if self.options.prune:
                yield _unbind(bound)
            else:
                trigger = bound.trigger
                name = f"MPS trigger {trigger.event_type} ({trigger.qualifier})"
                self._note_unlisted(name, "--prune unbinds it")

    def _bind(self, trigger: MpsTrigger, before: Sequence[BoundTrigger]) -> Step:
        qualifiers = ", ".join(bound.trigger.qualifier for bound in before) or NOTHING
        return Step(
            "mps",
            "BindTrigger",
            {
                "ScfRegion": self.desired.region,
                "EventType": trigger.event_type,
                "Qualifier": trigger.qualifier,
                **self.desired.identity,
            },
            (Change(f"MPS trigger {trigger.event_type}", qualifiers, trigger.qualifier),),
        )

    def _take(self, trigger: MpsTrigger) -> Iterator[Step]:
        """Plan for the other functions that have the account's trigger now."""
        name = f"MPS trigger {trigger.event_type}"
        for other in self.account.triggers:
            if other.trigger.event_type != trigger.event_type:
                message = (
                    f"{other} has the MPS trigger {other.trigger.event_type}. MPS does not document whether two "
                    "functions may have one trigger each"
                )
                self.notes.append(Problem("trigger_elsewhere", name, message))
            elif other.place == self.options.take:
                yield _unbind(other)
            else:
                self.blocked.append(
                    Problem(
                        "trigger_taken",
                        name,
                        f"the account has one, and it is bound to {other}",
                        f"That function would get no more events. To take it: --take-trigger {other.place}",
                    )
                )
        self._note_search(name)

    def _note_search(self, name: str) -> None:
        """Note how far the account was searched for the trigger."""
        if self.options.take and not self.account.triggers:
            message = f"{self.options.take} has no MPS trigger"
            self.notes.append(Problem("nothing_to_take", name, message))
        if self.account.searched is None:
            message = "other functions were not searched for the account's trigger"
            self.notes.append(Problem("not_searched", name, message))
        elif not self.account.triggers:
            message = (
                f"none of the {self.account.searched} other functions in {self.desired.region} has the account's "
                "trigger. Other regions were not searched"
            )
            self.notes.append(Problem("trigger_free", name, message))

    def _plan_timers(self) -> Iterator[Step]:
        remaining = [*self.current.timers] if self.current else []
        for timer in self.desired.timers:
            same = [other for other in remaining if other.name == timer.name]
            before = next((other for other in same if other.qualifier == timer.qualifier), None)
            if before is None:
                yield from map(
                    self._delete_timer, same
                )  # the qualifier of a timer cannot be changed
            else:
                same = [before]
            if before != timer:
                yield self._put_timer(timer, before)
            remaining = [other for other in remaining if other not in same]
        for timer in remaining:
            if self.options.prune:
                yield self._delete_timer(timer)
            else:
                name = f"timer {timer.name} ({timer.cron}, {timer.qualifier})"
                self._note_unlisted(name, "--prune removes it")

    def _put_timer(self, timer: Timer, before: Timer | None) -> Step:
        current = _format_timer(before) if before else NOTHING
        return Step(
            "scf",
            "UpdateTrigger" if before else "CreateTrigger",
            {
                **self.desired.identity,
                "TriggerName": timer.name,
                "Type": "timer",
                "TriggerDesc": timer.cron,
                "Qualifier": timer.qualifier,
                "Enable": "OPEN" if timer.enabled else "CLOSE",
                "CustomArgument": timer.argument,
            },
            (Change(f"timer {timer.name}", current, _format_timer(timer)),),
        )

    def _delete_timer(self, timer: Timer) -> Step:
        return Step(
            "scf",
            "DeleteTrigger",
            {
                **self.desired.identity,
                "TriggerName": timer.name,
                "Type": "timer",
                "Qualifier": timer.qualifier,
            },
            (Change(f"timer {timer.name}", _format_timer(timer), NOTHING),),
        )

    def _note_unlisted(self, name: str, advice: str) -> None:
        self.notes.append(Problem("trigger_not_in_file", name, "not in serverless.yml", advice))

    def _list_layer_versions(self) -> list[dict[str, Any]]:
        return [
            {
                "LayerName": layer.name,
                "LayerVersion": Deferred(f"layer {layer.name}")
                if layer.name in self._new_layers
                else layer.version or self.account.layers[layer.name][0],
            }
            for layer in self.desired.layers or ()
        ]

    def _compare_code(self, version: Version) -> Iterator[Change]:
        code = self.options.code
        if version.handler != self.desired.handler:
            yield Change("handler", version.handler, self.desired.handler)
        if version.code_sha256 != code.sha256:
            before = f"sha256 {version.code_sha256[:12]}"
            yield Change("code", before, f"sha256 {code.sha256[:12]}, {_format_size(code)}")

    def _compare_configuration(self, version: Version | None) -> Iterator[Change]:
        configuration = version.configuration if version else {}
        for name, value in self.desired.configuration.items():
            if name == "Environment":
                yield from _compare_variables(configuration.get(name), value)
            else:
                yield from _compare_setting(_LABELS[name], configuration.get(name), value)
        if self.desired.layers is not None:
            before = (
                [f"{layer.name} {layer.version}" for layer in version.layers] if version else []
            )
            after = []
            for layer in self._list_layer_versions():
                number = layer["LayerVersion"]
                after.append(
                    f"{layer['LayerName']} {'new' if isinstance(number, Deferred) else number}"
                )
            if before != after:
                yield Change("layers", ", ".join(before) or NOTHING, ", ".join(after) or NOTHING)

    def _check_size(self, name: str, digest: ZipDigest, maximum: int) -> None:
        if digest.bytes > maximum and not self.options.by_cos:
            self.blocked.append(
                Problem(
                    "zip_too_large",
                    name,
                    f"{_format_size(digest)}, but SCF accepts {maximum // MB} MB in the request",
                    "Send it through COS with --code-bucket BUCKET-APPID.REGION",
                )
            )


_LABELS = {
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


def _compare_setting(label: str, current: Any, desired: Any) -> Iterator[Change]:
    """Yield the differences of a setting. Keys of an object that are not desired are ignored."""
    if isinstance(desired, Mapping):
        for name, value in desired.items():
            before = current.get(name) if isinstance(current, Mapping) else None
            child = label if isinstance(value, Mapping) else f"{label} {name}"
            yield from _compare_setting(child, before, value)
    elif current != desired:
        yield Change(label, NOTHING if current in (None, "") else str(current), str(desired))


def _compare_variables(current: Any, desired: Mapping[str, Any]) -> Iterator[Change]:
    """Yield the environment variables that change, without their values."""
    before = _map_variables((current or {}).get("Variables") or [])
    after = _map_variables(desired["Variables"])
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            old = "set" if name in before else NOTHING
            new = "set" if name in after else NOTHING
            if old == new:
                new = "set to another value"
            yield Change(f"variable {name}", old, new)


def _map_variables(variables: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {variable["Key"]: variable["Value"] for variable in variables}


def _unbind(bound: BoundTrigger) -> Step:
    """Return the step that unbinds an MPS trigger.

    Both ways are those of Tencent's own toolkit. MPS requires the resource id, which SCF does not always return.
    """
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


def _format_timer(timer: Timer) -> str:
    disabled = "" if timer.enabled else ", disabled"
    return f"{timer.cron} {timer.argument!r} {timer.qualifier}{disabled}"


def _format_size(digest: ZipDigest) -> str:
    return f"{digest.bytes / MB:.1f} MB" if digest.bytes >= MB else f"{digest.bytes} bytes"
