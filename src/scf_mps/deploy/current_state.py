"""Current state of a function in the cloud, and of the account around it. Reads only."""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scf_mps.build.errors import Problem

from .cloud import Cloud
from .desired_state import DesiredState, Layer, MpsTrigger, Timer
from .errors import FUNCTION_MISSING_CODES, DeployError

TRANSIENT_STATUSES = ("Creating", "Updating", "Publishing", "Deleting")
"""Statuses of a function that change by themselves (product page 583/115197)."""


@dataclass(frozen=True)
class DeployTarget:
    """A function of a serverless.yml, and the account to deploy it to.

    Attributes:
        desired: its desired state.
        cloud: the account.
        warnings: about serverless.yml.
    """

    desired: DesiredState
    cloud: Cloud
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Version:
    """A version of a function, or $LATEST. Settings have the names of GetFunction."""

    runtime: str
    handler: str
    configuration: Mapping[str, Any]
    layers: tuple[Layer, ...]
    code_sha256: str


@dataclass(frozen=True)
class BoundTrigger:
    """An MPS trigger as SCF lists it. `resource_id` and `description` identify it.

    The SDK's models declare the resource id and the binding status deprecated: they may be empty.
    """

    region: str
    namespace: str
    function: str
    trigger: MpsTrigger
    resource_id: str
    description: str

    @property
    def place(self) -> str:
        """``region/namespace/name`` of the function."""
        return f"{self.region}/{self.namespace}/{self.function}"

    def __str__(self) -> str:
        return f"{self.place} ({self.trigger.qualifier})"


@dataclass(frozen=True)
class CurrentState:
    """Current state of a function.

    Attributes:
        status: e.g. ``Active``.
        latest: $LATEST.
        retries: number of retries of an event.
        ttl: maximum age of an event, in seconds.
        mps: its MPS triggers, including unbound ones.
        timers: its timers.
        version: target of the desired alias, or without an alias the newest version. Empty without one.
        published: that version, unless it is $LATEST.
    """

    status: str
    latest: Version
    retries: int | None = None
    ttl: int | None = None
    mps: tuple[BoundTrigger, ...] = ()
    timers: tuple[Timer, ...] = ()
    version: str = ""
    published: Version | None = None


@dataclass(frozen=True)
class AccountState:
    """Current state of the account around the function.

    Attributes:
        layers: newest version and digest of each layer that is deployed from a zip, by name.
        triggers: bound MPS triggers of other functions, as far as they were searched.
        searched: number of functions searched for MPS triggers. None if the search was skipped or not permitted.
    """

    layers: Mapping[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    triggers: tuple[BoundTrigger, ...] = ()
    searched: int | None = None


def fetch_current_state(target: DeployTarget) -> CurrentState | None:
    """Return the current state of the function, or None if it does not exist. Raises DeployError."""
    cloud, desired = target.cloud, target.desired
    function = find_function(target)
    if function is None:
        return None
    latest = _fetch_version(target, function, "$LATEST")
    config = cloud.call("GetFunctionEventInvokeConfig", desired.identity).get("AsyncTriggerConfig")
    retries = (config or {}).get("RetryConfig") or [{}]
    triggers = list(cloud.pages("ListTriggers", desired.identity, "Triggers"))
    number = _find_version(target)
    published = None
    if number and number != "$LATEST":
        response = cloud.call("GetFunction", {**desired.identity, "Qualifier": number})
        published = _fetch_version(target, response, number)
    return CurrentState(
        status=str(function.get("Status")),
        latest=latest,
        retries=retries[0].get("RetryNum"),
        ttl=(config or {}).get("MsgTTL"),
        mps=tuple(_parse_mps(triggers, cloud.region, desired.namespace, desired.name)),
        timers=tuple(_parse_timer(item) for item in triggers if item.get("Type") == "timer"),
        version=number,
        published=published,
    )


def fetch_account_state(
    target: DeployTarget, current: CurrentState | None, take: str = ""
) -> AccountState:
    """Return what a plan needs to know about the account.

    Args:
        target: the function and its account.
        current: its current state.
        take: ``region/namespace/function`` to search for MPS triggers too.

    Raises:
        DeployError: if the state cannot be read.
    """
    cloud, desired = target.cloud, target.desired
    layers = {
        layer.name: newest
        for layer in desired.layers or ()
        if layer.source and (newest := _fetch_newest_layer(cloud, layer.name))
    }
    bound = (
        {own.trigger.event_type for own in current.mps if own.trigger.enabled} if current else set()
    )
    if {trigger.event_type for trigger in desired.mps if trigger.enabled} <= bound:
        return AccountState(layers)
    try:
        searched, triggers = fetch_other_triggers(target)
        region, _, place = take.partition("/")
        if take and region != cloud.region:
            namespace, _, name = place.partition("/")
            triggers += tuple(fetch_bound_triggers(cloud, region, namespace, name))
    except DeployError as error:
        if "Unauthorized" in error.code:
            return AccountState(layers)  # BindTrigger will fail if another function has the trigger
        raise
    return AccountState(layers, triggers, searched)


def find_function(target: DeployTarget) -> dict[str, Any] | None:
    """Return the response of GetFunction, or None if the function does not exist. Raises DeployError."""
    try:
        return target.cloud.call("GetFunction", target.desired.identity)
    except DeployError as error:
        if error.code in FUNCTION_MISSING_CODES:
            return None
        raise


def wait_until_settled(
    target: DeployTarget,
    timeout: float,
    report: Callable[[str], object],
    ignored: tuple[str, ...] = (),
) -> None:
    """Wait until SCF has finished its work on the function, if it exists.

    Args:
        target: the function and its account.
        timeout: maximum wait in seconds.
        report: receives each new status.
        ignored: failed statuses that are not raised.

    Raises:
        DeployError: if the wait times out, or if creating or changing the function failed.
    """
    deadline = time.monotonic() + timeout
    previous = ""
    while (function := find_function(target)) is not None:
        status = str(function.get("Status"))
        if status != previous:
            report(status)
            previous = status
        if status.endswith("Failed") and status not in ignored:
            raise _make_status_error(target.desired, function)
        if status not in TRANSIENT_STATUSES:
            return
        if time.monotonic() > deadline:
            message = f"still {status} after {timeout:.0f} seconds"
            advice = "Check the function in the console, then rerun the command"
            raise DeployError(Problem("timeout", target.desired.name, message, advice))
        time.sleep(target.cloud.pause)


def fetch_other_triggers(target: DeployTarget) -> tuple[int, tuple[BoundTrigger, ...]]:
    """Return the number of other functions in the region, and their bound MPS triggers. Raises DeployError."""
    cloud, desired = target.cloud, target.desired
    count, triggers = 0, list[BoundTrigger]()
    for item in cloud.pages("ListNamespaces", {}, "Namespaces"):
        namespace = item["Name"]
        for function in cloud.pages("ListFunctions", {"Namespace": namespace}, "Functions"):
            name = function["FunctionName"]
            if (namespace, name) != (desired.namespace, desired.name):
                count += 1
                triggers += fetch_bound_triggers(cloud, cloud.region, namespace, name)
    return count, tuple(triggers)


def fetch_bound_triggers(
    cloud: Cloud, region: str, namespace: str, function: str
) -> list[BoundTrigger]:
    """Return the MPS triggers that are bound to a function. Raises DeployError."""
    identity = {"FunctionName": function, "Namespace": namespace}
    items = cloud.pages("ListTriggers", identity, "Triggers", region)
    triggers = _parse_mps(items, region, namespace, function)
    return [bound for bound in triggers if bound.trigger.enabled]


def parse_layers(function: Mapping[str, Any]) -> tuple[Layer, ...]:
    """Return the layers in a response of GetFunction."""
    return tuple(
        Layer(item["LayerName"], int(item["LayerVersion"])) for item in function.get("Layers") or []
    )


def normalize_digest(digest: str) -> str:
    """Return a SHA-256 digest as 64 hexadecimal digits. SCF does not document whether it sends Base64."""
    if len(digest) == 44:
        try:
            return base64.b64decode(digest, validate=True).hex()
        except binascii.Error:
            return ""
    return digest.lower()


def _make_status_error(desired: DesiredState, function: Mapping[str, Any]) -> DeployError:
    status = str(function["Status"])
    reasons = [
        f"{item.get('ErrorCode')}: {item.get('ErrorMessage')}"
        for item in function.get("StatusReasons") or []
    ]
    reason = ", ".join(reasons) or function.get("StatusDesc") or "SCF gives no reason"
    advice = (
        "Run `scf-mps remove`, then deploy again"
        if status == "CreateFailed"
        else "`scf-mps deploy --again` sends code and settings again"
    )
    problem = Problem("function_failed", desired.name, f"{status}: {reason}", advice)
    return DeployError(problem, code=status)


def _fetch_version(target: DeployTarget, function: Mapping[str, Any], qualifier: str) -> Version:
    identity = {**target.desired.identity, "Qualifier": qualifier}
    address = target.cloud.call("GetFunctionAddress", identity)
    return Version(
        runtime=str(function.get("Runtime")),
        handler=str(function.get("Handler")),
        configuration=function,
        layers=parse_layers(function),
        code_sha256=normalize_digest(str(address.get("CodeSha256") or "")),
    )


def _find_version(target: DeployTarget) -> str:
    """Return the version that the desired alias points to, or without an alias the newest published one."""
    cloud, desired = target.cloud, target.desired
    if not desired.publish:
        return ""
    if not desired.alias:
        versions = cloud.pages("ListVersionByFunction", desired.identity, "Versions")
        numbers = [int(item["Version"]) for item in versions if str(item["Version"]).isdecimal()]
        return str(max(numbers)) if numbers else ""
    try:
        alias = cloud.call("GetAlias", {**desired.identity, "Name": desired.alias})
    except DeployError as error:
        if error.code.startswith("ResourceNotFound."):
            return ""
        raise
    return str(alias["FunctionVersion"])


def _fetch_newest_layer(cloud: Cloud, name: str) -> tuple[int, str] | None:
    """Return the newest version of a layer and the digest of its zip, or None if there is no such layer."""
    try:
        versions = cloud.call("ListLayerVersions", {"LayerName": name}).get("LayerVersions") or []
    except DeployError as error:
        if error.code.startswith("ResourceNotFound."):
            return None
        raise
    if not versions:
        return None
    number = max(int(item["LayerVersion"]) for item in versions)
    response = cloud.call("GetLayerVersion", {"LayerName": name, "LayerVersion": number})
    return number, normalize_digest(str(response.get("CodeSha256") or ""))


def _parse_mps(
    items: Iterable[dict[str, Any]], region: str, namespace: str, function: str
) -> Iterator[BoundTrigger]:
    for item in items:
        if item.get("Type") == "mps":
            resource = str(item.get("ResourceId") or "")
            event_type = resource.rpartition("/")[2].removesuffix("Event")
            if not event_type:
                event_type = str(_parse_object(item.get("TriggerDesc")).get("eventType") or "")
            enabled = item.get("BindStatus") != "off" and item.get("Enable") not in (0, "0")
            trigger = MpsTrigger(event_type, str(item.get("Qualifier") or "$DEFAULT"), enabled)
            description = str(item.get("TriggerDesc") or "")
            yield BoundTrigger(region, namespace, function, trigger, resource, description)


def _parse_timer(item: Mapping[str, Any]) -> Timer:
    description = item.get("TriggerDesc")
    return Timer(
        name=str(item.get("TriggerName")),
        cron=str(_parse_object(description).get("cron") or description),
        argument=str(item.get("CustomArgument") or ""),
        qualifier=str(item.get("Qualifier") or "$LATEST"),
        enabled=item.get("Enable") in (1, "1", None),
    )


def _parse_object(text: object) -> Mapping[str, Any]:
    """Return the JSON object in a string, or an empty mapping."""
    try:
        parsed = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        parsed = None
    return parsed if isinstance(parsed, dict) else {}
