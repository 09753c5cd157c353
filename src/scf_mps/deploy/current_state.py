"""What is in the cloud now: a function as SCF tells of it, read and never changed; and who has the MPS trigger."""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .cloud import Cloud
from .desired_state import DesiredState, Layer, MpsTrigger, Timer
from .errors import FUNCTION_MISSING_CODES, DeployError

TRANSIENT_STATUSES = ("Creating", "Updating", "Publishing", "Deleting")
"""States of a function that pass (product page 583/115197)."""


@dataclass(frozen=True)
class Version:
    """A version of a function, or $LATEST: settings in the names of GetFunction."""

    runtime: str
    handler: str
    configuration: Mapping[str, Any]
    layers: tuple[Layer, ...]
    code_sha256: str


@dataclass(frozen=True)
class BoundTrigger:
    """An MPS trigger that SCF lists; `resource_id` and `description` are how it tells it from others.

    The SDK's models call the resource's id and the state of binding deprecated: they may come empty.
    """

    region: str
    namespace: str
    function: str
    trigger: MpsTrigger
    resource_id: str
    description: str

    def __str__(self) -> str:
        return f"{self.region}/{self.namespace}/{self.function} ({self.trigger.qualifier})"


@dataclass(frozen=True)
class CurrentState:
    """A function as it is.

    Attributes:
        status: e.g. ``Active``.
        latest: $LATEST.
        retries: how often an event is tried again.
        ttl: how long an event is kept, in seconds.
        mps: its MPS triggers, unbound ones too.
        timers: its timers.
        version: the one that the wanted alias points to, or without an alias the newest; empty if there is none.
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
    """What else there is.

    Attributes:
        layers: name of each layer that comes as a zip to its newest version and that zip's digest.
        others: MPS triggers of other functions of the region, as far as they were looked for.
        looked: at how many functions; None if they were not looked for, or could not be.
    """

    layers: Mapping[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    others: tuple[BoundTrigger, ...] = ()
    looked: int | None = None


def fetch_current_state(cloud: Cloud, wanted: DesiredState) -> CurrentState | None:
    """The function that is wanted, as it is; None if there is none. Raises DeployError."""
    function = find_function(cloud, wanted)
    if function is None:
        return None
    latest = _version(cloud, wanted, function, "$LATEST")
    config = cloud.call("GetFunctionEventInvokeConfig", wanted.identity).get("AsyncTriggerConfig")
    retries = (config or {}).get("RetryConfig") or [{}]
    triggers = list(cloud.pages("ListTriggers", wanted.identity, "Triggers"))
    number = _published(cloud, wanted)
    published = None
    if number and number != "$LATEST":
        told = cloud.call("GetFunction", {**wanted.identity, "Qualifier": number})
        published = _version(cloud, wanted, told, number)
    return CurrentState(
        status=str(function.get("Status")),
        latest=latest,
        retries=retries[0].get("RetryNum"),
        ttl=(config or {}).get("MsgTTL"),
        mps=tuple(_bound(triggers, cloud.region, wanted.namespace, wanted.name)),
        timers=tuple(_timer(one) for one in triggers if one.get("Type") == "timer"),
        version=number,
        published=published,
    )


def fetch_account_state(
    cloud: Cloud, wanted: DesiredState, live: CurrentState | None, take: str = ""
) -> AccountState:
    """What else a plan must know of.

    Args:
        cloud: where to look.
        wanted: what is to be.
        live: what is.
        take: ``region/namespace/function`` of a function to look at too.

    Raises:
        DeployError: if it cannot be read.
    """
    layers = {
        one.name: newest
        for one in wanted.layers or ()
        if one.source and (newest := _newest(cloud, one.name))
    }
    bound = {one.trigger.event_type for one in live.mps if one.trigger.enabled} if live else set()
    if {one.event_type for one in wanted.mps if one.enabled} <= bound:
        return AccountState(layers)
    try:
        looked, others = fetch_other_triggers(cloud, wanted)
        region, _, rest = take.partition("/")
        if take and region != cloud.region:
            namespace, _, name = rest.partition("/")
            others += tuple(fetch_bound_triggers(cloud, region, namespace, name))
    except DeployError as error:
        if "Unauthorized" in error.code:
            return AccountState(layers)  # BindTrigger will tell
        raise
    return AccountState(layers, others, looked)


def find_function(cloud: Cloud, wanted: DesiredState) -> dict[str, Any] | None:
    """What GetFunction tells of it; None if there is none. Raises DeployError."""
    try:
        return cloud.call("GetFunction", wanted.identity)
    except DeployError as error:
        if error.code in FUNCTION_MISSING_CODES:
            return None
        raise


def wait_until_settled(
    cloud: Cloud,
    wanted: DesiredState,
    seconds: float,
    tell: Callable[[str], object],
    failed: tuple[str, ...] = (),
) -> None:
    """Wait until nothing is done to the function any more.

    Args:
        cloud: where it is.
        wanted: the function; there may be none.
        seconds: how long, at most.
        tell: is told each state that the function is in, when it changes.
        failed: failures that are not to be raised.

    Raises:
        DeployError: if it takes longer, or if making or changing the function failed.
    """
    deadline = time.monotonic() + seconds
    told = ""
    while (function := find_function(cloud, wanted)) is not None:
        status = str(function.get("Status"))
        if status != told:
            tell(status)
            told = status
        if status.endswith("Failed") and status not in failed:
            raise _failed(wanted, function)
        if status not in TRANSIENT_STATUSES:
            return
        if time.monotonic() > deadline:
            raise DeployError(
                f"{wanted.name} is still {status} after {seconds:.0f} seconds: look at it in the console, then repeat"
            )
        time.sleep(cloud.pause)


def fetch_other_triggers(
    cloud: Cloud, wanted: DesiredState
) -> tuple[int, tuple[BoundTrigger, ...]]:
    """How many other functions there are in the region, and the MPS triggers that are bound to them."""
    looked, found = 0, list[BoundTrigger]()
    for namespace in cloud.pages("ListNamespaces", {}, "Namespaces"):
        name = namespace["Name"]
        for function in cloud.pages("ListFunctions", {"Namespace": name}, "Functions"):
            if (name, function["FunctionName"]) == (wanted.namespace, wanted.name):
                continue
            looked += 1
            found += fetch_bound_triggers(cloud, cloud.region, name, function["FunctionName"])
    return looked, tuple(found)


def fetch_bound_triggers(
    cloud: Cloud, region: str, namespace: str, function: str
) -> list[BoundTrigger]:
    """The MPS triggers that are bound to a function. Raises DeployError."""
    identity = {"FunctionName": function, "Namespace": namespace}
    triggers = cloud.pages("ListTriggers", identity, "Triggers", region)
    return [
        one for one in _bound(list(triggers), region, namespace, function) if one.trigger.enabled
    ]


def parse_layers(function: Mapping[str, Any]) -> tuple[Layer, ...]:
    """The layers that GetFunction tells."""
    return tuple(
        Layer(one["LayerName"], int(one["LayerVersion"])) for one in function.get("Layers") or []
    )


def _failed(wanted: DesiredState, function: Mapping[str, Any]) -> DeployError:
    reasons = [
        f"{one.get('ErrorCode')}: {one.get('ErrorMessage')}"
        for one in function.get("StatusReasons") or []
    ]
    why = "; ".join(reasons) or function.get("StatusDesc") or "SCF does not say why"
    advice = (
        "`scf-mps remove`, then deploy again"
        if function["Status"] == "CreateFailed"
        else "`scf-mps deploy --again` sends it once more"
    )
    return DeployError(
        f"{wanted.name} is {function['Status']}: {why}\n{advice}", code=str(function["Status"])
    )


def _version(
    cloud: Cloud, wanted: DesiredState, function: Mapping[str, Any], qualifier: str
) -> Version:
    address = cloud.call("GetFunctionAddress", {**wanted.identity, "Qualifier": qualifier})
    return Version(
        runtime=str(function.get("Runtime")),
        handler=str(function.get("Handler")),
        configuration=function,
        layers=parse_layers(function),
        code_sha256=normalize_digest(str(address.get("CodeSha256") or "")),
    )


def _published(cloud: Cloud, wanted: DesiredState) -> str:
    """Which version the wanted alias points to; without an alias, the newest that was published."""
    if not wanted.publish:
        return ""
    if not wanted.alias:
        versions = cloud.pages("ListVersionByFunction", wanted.identity, "Versions")
        numbers = [int(one["Version"]) for one in versions if str(one["Version"]).isdecimal()]
        return str(max(numbers)) if numbers else ""
    try:
        alias = cloud.call("GetAlias", {**wanted.identity, "Name": wanted.alias})
    except DeployError as error:
        if error.code.startswith("ResourceNotFound."):
            return ""
        raise
    return str(alias["FunctionVersion"])


def _newest(cloud: Cloud, name: str) -> tuple[int, str] | None:
    """The newest version of a layer, and the digest of its zip; None if there is no such layer."""
    try:
        versions = cloud.call("ListLayerVersions", {"LayerName": name}).get("LayerVersions") or []
    except DeployError as error:
        if error.code.startswith("ResourceNotFound."):
            return None
        raise
    if not versions:
        return None
    number = max(int(one["LayerVersion"]) for one in versions)
    told = cloud.call("GetLayerVersion", {"LayerName": name, "LayerVersion": number})
    return number, normalize_digest(str(told.get("CodeSha256") or ""))


def _bound(
    triggers: list[dict[str, Any]], region: str, namespace: str, function: str
) -> Iterator[BoundTrigger]:
    for one in triggers:
        if one.get("Type") == "mps":
            resource = str(one.get("ResourceId") or "")
            kind = resource.rpartition("/")[2].removesuffix("Event")
            if not kind:
                kind = str(_parsed(one.get("TriggerDesc")).get("eventType") or "")
            enabled = one.get("BindStatus") != "off" and one.get("Enable") not in (0, "0")
            trigger = MpsTrigger(kind, str(one.get("Qualifier") or "$DEFAULT"), enabled)
            description = str(one.get("TriggerDesc") or "")
            yield BoundTrigger(region, namespace, function, trigger, resource, description)


def _timer(told: Mapping[str, Any]) -> Timer:
    description = told.get("TriggerDesc")
    return Timer(
        name=str(told.get("TriggerName")),
        cron=str(_parsed(description).get("cron") or description),
        argument=str(told.get("CustomArgument") or ""),
        qualifier=str(told.get("Qualifier") or "$LATEST"),
        enabled=told.get("Enable") in (1, "1", None),
    )


def _parsed(text: object) -> Mapping[str, Any]:
    """An object that is written in a text; empty for anything else."""
    try:
        parsed = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        parsed = None
    return parsed if isinstance(parsed, dict) else {}


def normalize_digest(digest: str) -> str:
    """A SHA-256 as 64 digits; SCF does not document in which form it tells one."""
    if len(digest) == 44:
        try:
            return base64.b64decode(digest, validate=True).hex()
        except binascii.Error:
            return ""
    return digest.lower()
