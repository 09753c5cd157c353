"""SCF's functions: making, changing, looking at and removing them, their versions, aliases and asynchronous retries.

Fields and limits are those of the SDK's models; how states follow each other is that of product page 583/115197. A
change takes as many answers of GetFunction as `Account.polls` says, and whatever would change a function meanwhile is
refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scf_mps.deploy.naming_rules import ALIAS_PATTERN

from ...errors import ApiError
from ...service import Call, action
from . import function_rules as rules
from .account import (
    DEFAULT,
    LATEST,
    Account,
    FunctionRecord,
    FunctionVersion,
    ScfService,
    in_beijing,
)

MOST_FUNCTIONS = 50
"""In a namespace (product page 583/11637)."""

_DEFAULTS: Mapping[str, Any] = {
    "AsyncRunEnable": "FALSE",
    "ClsLogsetId": "",
    "ClsTopicId": "",
    "DeadLetterConfig": {"Type": "", "Name": "", "FilterType": ""},
    "Description": "",
    "Environment": {"Variables": []},
    "InitTimeout": 65,
    "InstallDependency": "FALSE",
    "L5Enable": "FALSE",
    "Layers": [],
    "MemorySize": 128,
    "PublicNetConfig": {"PublicNetStatus": "ENABLE", "EipConfig": {"EipStatus": "DISABLE"}},
    "Role": "",
    "Runtime": "Python2.7",
    "Tags": [],
    "Timeout": 3,
    "TraceEnable": "FALSE",
    "Type": "Event",
    "VpcConfig": {"VpcId": "", "SubnetId": ""},
}


class Functions(ScfService):
    """The actions on functions themselves."""

    objects: rules.Objects | None = None

    @action("CreateFunction")
    def create_function(self, call: Call) -> Mapping[str, Any]:
        """A new function, which is Creating first."""
        name = rules.check_text("FunctionName", call.text("FunctionName"))
        namespace = call.text("Namespace", "default")
        runtime = call.text("Runtime", "Python2.7")
        if runtime not in rules.RUNTIMES:
            raise ApiError("InvalidParameterValue.Runtime", f"There is no runtime {runtime}.")
        handler = rules.check_text("Handler", call.text("Handler"))
        given = rules.settings(call)
        code = rules.package(
            call.parameters.get("Code") or {}, rules.LARGEST_CREATED, self.objects, call.region
        )
        with self.account.lock:
            if namespace not in self.account.namespaces:
                raise ApiError("ResourceNotFound.Namespace", f"There is no namespace {namespace}.")
            here = [key for key in self.account.functions if key[:2] == (call.region, namespace)]
            if (call.region, namespace, name) in here:
                raise ApiError("ResourceInUse.FunctionName", f"There is a function {name}.")
            if len(here) >= MOST_FUNCTIONS:
                raise ApiError("LimitExceeded.Function", f"There are {MOST_FUNCTIONS} functions.")
            given["Layers"] = _layers(call, self.account)
            settings = {**_over(_DEFAULTS, given), "Handler": handler, "Runtime": runtime}
            latest = FunctionVersion(LATEST, settings, code)
            now = self.account.clock()
            function = FunctionRecord(call.region, namespace, name, latest, now, now)
            function.aliases[DEFAULT] = _alias(DEFAULT, LATEST, "", now)
            function.invoke_config = {"RetryConfig": [{"RetryNum": 2}], "MsgTTL": 21600}
            self.account.functions[call.region, namespace, name] = function
            self.account.begin(function, "Creating")
        return {}

    @action("UpdateFunctionCode")
    def update_function_code(self, call: Call) -> Mapping[str, Any]:
        """Other code, in ``Code`` or, as older clients send it, beside the function's name."""
        given = call.parameters.get("Code") or {
            name: call.parameters.get(name)
            for name in ("ZipFile", "CosBucketName", "CosObjectName", "CosBucketRegion")
        }
        code = rules.package(given, rules.LARGEST_UPDATED, self.objects, call.region)
        with self.account.lock:
            function = self.account.find(call)
            function.check_active()
            handler = call.text("Handler", function.latest.settings["Handler"])
            rules.check_text("Handler", handler)
            settings = {**function.latest.settings, "Handler": handler}
            function.latest = FunctionVersion(LATEST, settings, code)
            self.account.begin(function, "Updating")
        return {}

    @action("UpdateFunctionConfiguration")
    def update_function_configuration(self, call: Call) -> Mapping[str, Any]:
        """Other settings; a runtime that is not the function's is passed over, as SCF does not change it."""
        given = rules.settings(call)
        with self.account.lock:
            function = self.account.find(call)
            function.check_active()
            if "Layers" in call.parameters:
                given["Layers"] = _layers(call, self.account)
            settings = _over(function.latest.settings, given)
            function.latest = FunctionVersion(LATEST, settings, function.latest.code)
            self.account.begin(function, "Updating")
        return {}

    @action("GetFunction")
    def get_function(self, call: Call) -> Mapping[str, Any]:
        """Everything about a version of a function but its code."""
        with self.account.lock:
            function = self.account.find(call)
            function.settle()
            version = function.version(call.text("Qualifier", LATEST))
            layers = [
                {**self.account.layers[function.region, one["LayerName"]][one["LayerVersion"] - 1]}
                for one in version.settings["Layers"]
            ]
            for layer in layers:
                layer.pop("content")
            return {
                **version.settings,
                "Layers": layers,
                "FunctionName": function.name,
                "FunctionId": function.id,
                "FunctionVersion": version.number,
                "Qualifier": version.number,
                "Namespace": function.namespace,
                "Status": function.status,
                "StatusDesc": "",
                "StatusReasons": function.reasons,
                "AvailableStatus": "Available",
                "CodeSize": len(version.code),
                "CodeInfo": "",
                "CodeResult": "success",
                "CodeError": "",
                "ErrNo": 0,
                "Triggers": function.triggers,
                "AddTime": in_beijing(function.added),
                "ModTime": in_beijing(function.modified),
            }

    @action("GetFunctionAddress")
    def get_function_address(self, call: Call) -> Mapping[str, Any]:
        """The digest of a version's zip. That it is the zip's as it was sent, in hexadecimal, is a guess."""
        with self.account.lock:
            version = self.account.find(call).version(call.text("Qualifier", LATEST))
        return {"Url": "", "CodeSha256": version.sha256}

    @action("ListFunctions")
    def list_functions(self, call: Call) -> Mapping[str, Any]:
        """A page of the functions of a namespace."""
        namespace = call.text("Namespace", "default")
        with self.account.lock:
            found = [
                {
                    "FunctionName": function.name,
                    "FunctionId": function.id,
                    "Namespace": namespace,
                    "Runtime": function.latest.settings["Runtime"],
                    "Status": function.status,
                    "Type": function.latest.settings["Type"],
                    "AddTime": in_beijing(function.added),
                    "ModTime": in_beijing(function.modified),
                }
                for (region, within, _), function in sorted(self.account.functions.items())
                if (region, within) == (call.region, namespace)
            ]
        return {"Functions": page(call, found), "TotalCount": len(found)}

    @action("ListNamespaces")
    def list_namespaces(self, call: Call) -> Mapping[str, Any]:
        """A page of the namespaces."""
        with self.account.lock:
            found = [{"Name": name, "Type": "default"} for name in self.account.namespaces]
        return {"Namespaces": page(call, found), "TotalCount": len(found)}

    @action("DeleteFunction")
    def delete_function(self, call: Call) -> Mapping[str, Any]:
        """A function is gone, with its triggers; or, with a Qualifier, one version."""
        with self.account.lock:
            function = self.account.find(call)
            qualifier = call.text("Qualifier", "")
            if qualifier:
                if function.versions.pop(qualifier, None) is None:
                    raise ApiError("ResourceNotFound.Qualifier", f"There is no {qualifier}.")
            else:
                del self.account.functions[function.region, function.namespace, function.name]
        return {}

    @action("PublishVersion")
    def publish_version(self, call: Call) -> Mapping[str, Any]:
        """$LATEST as it is now, by a number."""
        with self.account.lock:
            function = self.account.find(call)
            function.check_active()
            number = str(max(map(int, function.versions), default=0) + 1)
            version = function.copy_latest(number, call.text("Description", ""))
            function.versions[number] = version
        names = ("MemorySize", "Description", "Handler", "Timeout", "Runtime")
        return {
            "FunctionVersion": number,
            "CodeSize": len(version.code),
            "Namespace": function.namespace,
            **{name: version.settings[name] for name in names},
        }

    @action("ListVersionByFunction")
    def list_versions(self, call: Call) -> Mapping[str, Any]:
        """A page of the versions, $LATEST first."""
        with self.account.lock:
            function = self.account.find(call)
            numbers = [LATEST, *sorted(function.versions, key=int, reverse=True)]
        found = [{"Version": number, "Status": "Active"} for number in numbers]
        shown = page(call, found)
        return {
            "FunctionVersion": [one["Version"] for one in shown],
            "Versions": shown,
            "TotalCount": len(found),
        }

    @action("CreateAlias")
    def create_alias(self, call: Call) -> Mapping[str, Any]:
        """A name for a version."""
        name, number = call.text("Name"), call.text("FunctionVersion")
        if not ALIAS_PATTERN.fullmatch(name):
            raise ApiError("InvalidParameterValue.Alias", f"{name!r} is no name of an alias.")
        with self.account.lock:
            function = self.account.find(call)
            if name in function.aliases:
                raise ApiError("ResourceInUse.Alias", f"There is an alias {name}.")
            self._point(function, call, name, number)
        return {}

    @action("UpdateAlias")
    def update_alias(self, call: Call) -> Mapping[str, Any]:
        """Another version for a name."""
        name, number = call.text("Name"), call.text("FunctionVersion")
        with self.account.lock:
            function = self.account.find(call)
            if name not in function.aliases:
                raise ApiError("ResourceNotFound.Alias", f"The alias {name} is not found.")
            self._point(function, call, name, number)
        return {}

    def _point(self, function: FunctionRecord, call: Call, name: str, number: str) -> None:
        if number != LATEST and number not in function.versions:
            raise ApiError("ResourceNotFound.FunctionVersion", f"There is no version {number}.")
        description = call.text("Description", "")
        function.aliases[name] = _alias(name, number, description, self.account.clock())

    @action("GetAlias")
    def get_alias(self, call: Call) -> Mapping[str, Any]:
        """Which version a name is for."""
        name = call.text("Name")
        with self.account.lock:
            alias = self.account.find(call).aliases.get(name)
        if alias is None:
            raise ApiError("ResourceNotFound.Alias", f"The alias {name} is not found.")
        return alias

    @action("UpdateFunctionEventInvokeConfig")
    def update_event_invoke_config(self, call: Call) -> Mapping[str, Any]:
        """How often and for how long an event is tried again."""
        given = call.parameters.get("AsyncTriggerConfig")
        if not isinstance(given, Mapping):
            raise ApiError("InvalidParameterValue.AsyncTriggerConfig", "There is none.")
        retries = [int(one["RetryNum"]) for one in given.get("RetryConfig") or []]
        seconds = int(given.get("MsgTTL", 21600))
        if len(retries) != 1 or not 0 <= retries[0] <= 2:
            raise ApiError("LimitExceeded.RetryNum", "RetryConfig has one RetryNum, 0 to 2.")
        if not 60 <= seconds <= 21600:
            raise ApiError("LimitExceeded.MsgTTL", "MsgTTL is from 60 to 21600.")
        with self.account.lock:
            config = {"RetryConfig": [{"RetryNum": retries[0]}], "MsgTTL": seconds}
            self.account.find(call).invoke_config = config
        return {}

    @action("GetFunctionEventInvokeConfig")
    def get_event_invoke_config(self, call: Call) -> Mapping[str, Any]:
        """The same, as it is."""
        with self.account.lock:
            return {"AsyncTriggerConfig": self.account.find(call).invoke_config}


def page(call: Call, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What Offset and Limit leave of a list."""
    offset, limit = call.integer("Offset", 0), call.integer("Limit", 20)
    return found[offset : offset + limit]


def _over(settings: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with others over them; of the network and the dead letters, what is not given stays."""
    merged = {
        name: {**settings[name], **given[name]}
        for name in ("DeadLetterConfig", "PublicNetConfig")
        if name in given
    }
    return {**settings, **given, **merged}


def _alias(name: str, number: str, description: str, now: float) -> dict[str, Any]:
    return {
        "Name": name,
        "FunctionVersion": number,
        "Description": description,
        "RoutingConfig": {"AdditionalVersionWeights": [], "AddtionVersionMatchs": []},
        "AddTime": in_beijing(now),
        "ModTime": in_beijing(now),
    }


def _layers(call: Call, account: Account) -> list[dict[str, Any]]:
    """The layers a call names; an empty name means that there are to be none.

    Raises:
        ApiError: LimitExceeded.Layers or ResourceNotFound.LayerVersion.
    """
    given: list[dict[str, Any]] = [
        {"LayerName": str(one["LayerName"]), "LayerVersion": int(one["LayerVersion"])}
        for one in call.parameters.get("Layers") or []
        if one["LayerName"]
    ]
    if len(given) > rules.MOST_LAYERS:
        raise ApiError("LimitExceeded.Layers", f"A version has at most {rules.MOST_LAYERS} layers.")
    for one in given:
        versions = account.layers.get((call.region, one["LayerName"]), [])
        if not 1 <= one["LayerVersion"] <= len(versions):
            raise ApiError(
                "ResourceNotFound.LayerVersion",
                f"There is no version {one['LayerVersion']} of {one['LayerName']}.",
            )
    return given
