"""SCF's functions, their versions, aliases and asynchronous retries.

Fields and limits follow the SDK's models, the order of states product page 583/115197. A change takes as
many responses of GetFunction as `Account.polls`. Until then the function cannot be changed.
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
    format_beijing_time,
)

MAX_FUNCTIONS = 50
"""Most functions of a namespace (product page 583/11637)."""

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
    """The actions on functions."""

    objects: rules.Objects | None = None

    @action("CreateFunction")
    def create_function(self, call: Call) -> Mapping[str, Any]:
        """Create a function. Its first status is Creating."""
        name = rules.check_text("FunctionName", call.text("FunctionName"))
        namespace = call.text("Namespace", "default")
        runtime = call.text("Runtime", "Python2.7")
        if runtime not in rules.RUNTIMES:
            raise ApiError("InvalidParameterValue.Runtime", f"Runtime {runtime} does not exist.")
        handler = rules.check_text("Handler", call.text("Handler"))
        settings_given = rules.parse_settings(call)
        code = rules.read_package(
            call.parameters.get("Code") or {}, rules.MAX_ZIP_BYTES, self.objects, call.region
        )
        with self.account.lock:
            if namespace not in self.account.namespaces:
                raise ApiError(
                    "ResourceNotFound.Namespace", f"Namespace {namespace} does not exist."
                )
            existing = [
                key for key in self.account.functions if key[:2] == (call.region, namespace)
            ]
            if (call.region, namespace, name) in existing:
                raise ApiError("ResourceInUse.FunctionName", f"Function {name} exists.")
            if len(existing) >= MAX_FUNCTIONS:
                raise ApiError("LimitExceeded.Function", f"{MAX_FUNCTIONS} functions exist.")
            settings_given["Layers"] = _parse_layers(call, self.account)
            settings = {
                **_merge_settings(_DEFAULTS, settings_given),
                "Handler": handler,
                "Runtime": runtime,
            }
            latest = FunctionVersion(LATEST, settings, code)
            now = self.account.clock()
            function = FunctionRecord(call.region, namespace, name, latest, now, now)
            function.aliases[DEFAULT] = _build_alias(DEFAULT, LATEST, "", now)
            function.invoke_config = {"RetryConfig": [{"RetryNum": 2}], "MsgTTL": 21600}
            self.account.functions[call.region, namespace, name] = function
            self.account.begin(function, "Creating")
        return {}

    @action("UpdateFunctionCode")
    def update_function_code(self, call: Call) -> Mapping[str, Any]:
        """Replace the code, in ``Code`` or, as older clients send it, in the same object as the function's name."""
        source = call.parameters.get("Code") or {
            name: call.parameters.get(name)
            for name in ("ZipFile", "CosBucketName", "CosObjectName", "CosBucketRegion")
        }
        code = rules.read_package(source, rules.MAX_UPDATE_ZIP_BYTES, self.objects, call.region)
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
        """Change settings. Another runtime is ignored, as in SCF."""
        changes = rules.parse_settings(call)
        with self.account.lock:
            function = self.account.find(call)
            function.check_active()
            if "Layers" in call.parameters:
                changes["Layers"] = _parse_layers(call, self.account)
            settings = _merge_settings(function.latest.settings, changes)
            function.latest = FunctionVersion(LATEST, settings, function.latest.code)
            self.account.begin(function, "Updating")
        return {}

    @action("GetFunction")
    def get_function(self, call: Call) -> Mapping[str, Any]:
        """Return everything about a version of a function except its code."""
        with self.account.lock:
            function = self.account.find(call)
            function.settle()
            version = function.version(call.text("Qualifier", LATEST))
            layers = [
                {
                    **self.account.layers[function.region, layer["LayerName"]][
                        layer["LayerVersion"] - 1
                    ]
                }
                for layer in version.settings["Layers"]
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
                "AddTime": format_beijing_time(function.added),
                "ModTime": format_beijing_time(function.modified),
            }

    @action("GetFunctionAddress")
    def get_function_address(self, call: Call) -> Mapping[str, Any]:
        """Return the digest of a version's zip.

        That it is the hexadecimal digest of the zip as sent is a guess.
        """
        with self.account.lock:
            version = self.account.find(call).version(call.text("Qualifier", LATEST))
        return {"Url": "", "CodeSha256": version.sha256}

    @action("ListFunctions")
    def list_functions(self, call: Call) -> Mapping[str, Any]:
        """Return a page of the functions of a namespace."""
        namespace = call.text("Namespace", "default")
        with self.account.lock:
            functions = [
                {
                    "FunctionName": function.name,
                    "FunctionId": function.id,
                    "Namespace": namespace,
                    "Runtime": function.latest.settings["Runtime"],
                    "Status": function.status,
                    "Type": function.latest.settings["Type"],
                    "AddTime": format_beijing_time(function.added),
                    "ModTime": format_beijing_time(function.modified),
                }
                for (region, function_namespace, _), function in sorted(
                    self.account.functions.items()
                )
                if (region, function_namespace) == (call.region, namespace)
            ]
        return {"Functions": select_page(call, functions), "TotalCount": len(functions)}

    @action("ListNamespaces")
    def list_namespaces(self, call: Call) -> Mapping[str, Any]:
        """Return a page of the namespaces."""
        with self.account.lock:
            namespaces = [{"Name": name, "Type": "default"} for name in self.account.namespaces]
        return {"Namespaces": select_page(call, namespaces), "TotalCount": len(namespaces)}

    @action("DeleteFunction")
    def delete_function(self, call: Call) -> Mapping[str, Any]:
        """Delete a function with its triggers, or with a Qualifier one version."""
        with self.account.lock:
            function = self.account.find(call)
            qualifier = call.text("Qualifier", "")
            if qualifier:
                if function.versions.pop(qualifier, None) is None:
                    raise ApiError(
                        "ResourceNotFound.Qualifier", f"Version {qualifier} does not exist."
                    )
            else:
                del self.account.functions[function.region, function.namespace, function.name]
        return {}

    @action("PublishVersion")
    def publish_version(self, call: Call) -> Mapping[str, Any]:
        """Copy $LATEST to a numbered version."""
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
        """Return a page of the versions, $LATEST first."""
        with self.account.lock:
            function = self.account.find(call)
            numbers = [LATEST, *sorted(function.versions, key=int, reverse=True)]
        versions = [{"Version": number, "Status": "Active"} for number in numbers]
        page = select_page(call, versions)
        return {
            "FunctionVersion": [version["Version"] for version in page],
            "Versions": page,
            "TotalCount": len(versions),
        }

    @action("CreateAlias")
    def create_alias(self, call: Call) -> Mapping[str, Any]:
        """Create an alias of a version."""
        name, number = call.text("Name"), call.text("FunctionVersion")
        if not ALIAS_PATTERN.fullmatch(name):
            raise ApiError("InvalidParameterValue.Alias", f"{name!r} is not a valid alias.")
        with self.account.lock:
            function = self.account.find(call)
            if name in function.aliases:
                raise ApiError("ResourceInUse.Alias", f"Alias {name} exists.")
            self._set_alias(function, call, name, number)
        return {}

    @action("UpdateAlias")
    def update_alias(self, call: Call) -> Mapping[str, Any]:
        """Point an alias to another version."""
        name, number = call.text("Name"), call.text("FunctionVersion")
        with self.account.lock:
            function = self.account.find(call)
            if name not in function.aliases:
                raise ApiError("ResourceNotFound.Alias", f"Alias {name} does not exist.")
            self._set_alias(function, call, name, number)
        return {}

    def _set_alias(self, function: FunctionRecord, call: Call, name: str, number: str) -> None:
        if number != LATEST and number not in function.versions:
            raise ApiError("ResourceNotFound.FunctionVersion", f"Version {number} does not exist.")
        description = call.text("Description", "")
        function.aliases[name] = _build_alias(name, number, description, self.account.clock())

    @action("GetAlias")
    def get_alias(self, call: Call) -> Mapping[str, Any]:
        """Return the version of an alias."""
        name = call.text("Name")
        with self.account.lock:
            alias = self.account.find(call).aliases.get(name)
        if alias is None:
            raise ApiError("ResourceNotFound.Alias", f"Alias {name} does not exist.")
        return alias

    @action("UpdateFunctionEventInvokeConfig")
    def update_event_invoke_config(self, call: Call) -> Mapping[str, Any]:
        """Set the retries and the retention of asynchronous events."""
        requested = call.parameters.get("AsyncTriggerConfig")
        if not isinstance(requested, Mapping):
            raise ApiError("InvalidParameterValue.AsyncTriggerConfig", "It is not an object.")
        retries = [int(retry["RetryNum"]) for retry in requested.get("RetryConfig") or []]
        seconds = int(requested.get("MsgTTL", 21600))
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
        """Return the retries and the retention of asynchronous events."""
        with self.account.lock:
            return {"AsyncTriggerConfig": self.account.find(call).invoke_config}


def select_page(call: Call, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries between Offset and Offset + Limit."""
    offset, limit = call.integer("Offset", 0), call.integer("Limit", 20)
    return entries[offset : offset + limit]


def _merge_settings(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings updated by others. The network and dead-letter settings are merged."""
    merged = {
        name: {**settings[name], **changes[name]}
        for name in ("DeadLetterConfig", "PublicNetConfig")
        if name in changes
    }
    return {**settings, **changes, **merged}


def _build_alias(name: str, number: str, description: str, now: float) -> dict[str, Any]:
    return {
        "Name": name,
        "FunctionVersion": number,
        "Description": description,
        "RoutingConfig": {"AdditionalVersionWeights": [], "AddtionVersionMatchs": []},
        "AddTime": format_beijing_time(now),
        "ModTime": format_beijing_time(now),
    }


def _parse_layers(call: Call, account: Account) -> list[dict[str, Any]]:
    """Return the layers of a call. One with an empty name removes all.

    Raises:
        ApiError: LimitExceeded.Layers or ResourceNotFound.LayerVersion.
    """
    layers: list[dict[str, Any]] = [
        {"LayerName": str(layer["LayerName"]), "LayerVersion": int(layer["LayerVersion"])}
        for layer in call.parameters.get("Layers") or []
        if layer["LayerName"]
    ]
    if len(layers) > rules.MAX_LAYERS:
        raise ApiError("LimitExceeded.Layers", f"A version has at most {rules.MAX_LAYERS} layers.")
    for layer in layers:
        versions = account.layers.get((call.region, layer["LayerName"]), [])
        if not 1 <= layer["LayerVersion"] <= len(versions):
            raise ApiError(
                "ResourceNotFound.LayerVersion",
                f"Version {layer['LayerVersion']} of {layer['LayerName']} does not exist.",
            )
    return layers
