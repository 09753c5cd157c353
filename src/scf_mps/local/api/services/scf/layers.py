"""SCF's layers: publishing a version of one, looking at it, and removing it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from ...errors import ApiError
from ...service import Call, action
from . import function_rules as rules
from .account import ScfService, in_beijing
from .functions import page


class Layers(ScfService):
    """The actions on layers."""

    objects: rules.Objects | None = None

    @action("PublishLayerVersion")
    def publish_layer_version(self, call: Call) -> Mapping[str, Any]:
        """A new version of a layer, which may be its first."""
        name = rules.check_text("LayerName", call.text("LayerName"))
        runtimes = call.parameters.get("CompatibleRuntimes") or []
        if not runtimes or any(one not in rules.RUNTIMES for one in runtimes):
            raise ApiError("InvalidParameterValue.CompatibleRuntimes", "They are SCF's names.")
        content = rules.package(
            call.parameters.get("Content") or {}, rules.LARGEST_CREATED, self.objects, call.region
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
                    "AddTime": in_beijing(self.account.clock()),
                    "Stamp": "",
                    "Tags": [],
                    "content": content,
                }
            )
        return {"LayerVersion": number}

    @action("GetLayerVersion")
    def get_layer_version(self, call: Call) -> Mapping[str, Any]:
        """Everything about a version of a layer."""
        name, number = call.text("LayerName"), call.integer("LayerVersion", 0)
        for one in self._versions(call, name):
            if one["LayerVersion"] == number:
                digest = hashlib.sha256(one["content"]).hexdigest()
                return {**_told(one), "CodeSha256": digest, "Location": ""}
        raise ApiError("ResourceNotFound.LayerVersion", f"There is no version {number} of {name}.")

    @action("ListLayerVersions")
    def list_layer_versions(self, call: Call) -> Mapping[str, Any]:
        """All versions of a layer, the newest first."""
        versions = self._versions(call, call.text("LayerName"))
        return {"LayerVersions": [_told(one) for one in reversed(versions)]}

    @action("ListLayers")
    def list_layers(self, call: Call) -> Mapping[str, Any]:
        """A page of the layers of a region, each with its newest version."""
        with self.account.lock:
            found = [
                _told(versions[-1])
                for (region, _), versions in sorted(self.account.layers.items())
                if region == call.region and versions
            ]
        return {"Layers": page(call, found), "TotalCount": len(found)}

    def _versions(self, call: Call, name: str) -> list[dict[str, Any]]:
        """Those there are. Raises ApiError ResourceNotFound.Layer."""
        with self.account.lock:
            versions = self.account.layers.get((call.region, name))
            if versions is None:
                raise ApiError("ResourceNotFound.Layer", f"There is no layer {name}.")
            return list(versions)


def _told(version: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in version.items() if name != "content"}
