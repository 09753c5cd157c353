"""SCF's layers: publish, get and list versions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from ...errors import ApiError
from ...service import Call, action
from . import function_rules as rules
from .account import ScfService, format_beijing_time
from .functions import select_page


class Layers(ScfService):
    """The actions on layers."""

    objects: rules.Objects | None = None

    @action("PublishLayerVersion")
    def publish_layer_version(self, call: Call) -> Mapping[str, Any]:
        """Publish a version of a layer, which may be its first."""
        name = rules.check_text("LayerName", call.text("LayerName"))
        runtimes = call.parameters.get("CompatibleRuntimes") or []
        if not runtimes or any(runtime not in rules.RUNTIMES for runtime in runtimes):
            raise ApiError(
                "InvalidParameterValue.CompatibleRuntimes", "They are names of SCF's runtimes."
            )
        content = rules.read_package(
            call.parameters.get("Content") or {}, rules.MAX_ZIP_BYTES, self.objects, call.region
        )
        with self.account.lock:
            versions = self.account.layers.setdefault((call.region, name), [])
            number = len(versions) + 1
            versions.append(
                {
                    "LayerName": name,
                    "LayerVersion": number,
                    "CompatibleRuntimes": list(runtimes),
                    "Description": call.text("Description", ""),
                    "LicenseInfo": call.text("LicenseInfo", ""),
                    "Status": "Active",
                    "AddTime": format_beijing_time(self.account.clock()),
                    "Stamp": "",
                    "Tags": [],
                    "content": content,
                }
            )
        return {"LayerVersion": number}

    @action("GetLayerVersion")
    def get_layer_version(self, call: Call) -> Mapping[str, Any]:
        """Return everything about a version of a layer."""
        name, number = call.text("LayerName"), call.integer("LayerVersion", 0)
        for version in self._get_versions(call, name):
            if version["LayerVersion"] == number:
                digest = hashlib.sha256(version["content"]).hexdigest()
                return {**_hide_content(version), "CodeSha256": digest, "Location": ""}
        raise ApiError(
            "ResourceNotFound.LayerVersion", f"Version {number} of {name} does not exist."
        )

    @action("ListLayerVersions")
    def list_layer_versions(self, call: Call) -> Mapping[str, Any]:
        """Return all versions of a layer, newest first."""
        versions = self._get_versions(call, call.text("LayerName"))
        return {"LayerVersions": [_hide_content(version) for version in reversed(versions)]}

    @action("ListLayers")
    def list_layers(self, call: Call) -> Mapping[str, Any]:
        """Return a page of the layers of a region, each with its newest version."""
        with self.account.lock:
            layers = [
                _hide_content(versions[-1])
                for (region, _), versions in sorted(self.account.layers.items())
                if region == call.region and versions
            ]
        return {"Layers": select_page(call, layers), "TotalCount": len(layers)}

    def _get_versions(self, call: Call, name: str) -> list[dict[str, Any]]:
        """Return the versions of a layer. Raises ApiError ResourceNotFound.Layer."""
        with self.account.lock:
            versions = self.account.layers.get((call.region, name))
            if versions is None:
                raise ApiError("ResourceNotFound.Layer", f"Layer {name} does not exist.")
            return list(versions)


def _hide_content(version: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in version.items() if name != "content"}
