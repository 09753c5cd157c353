"""May this caller do this? The account's keys may do everything, strangers what an ACL grants."""

from __future__ import annotations

from .acl import strangers_may
from .call import Call, Cloud
from .errors import CosError
from .routes import Route


def check(cloud: Cloud, call: Call, route: Route) -> None:
    """Raises CosError AccessDenied for an anonymous call that no ACL allows."""
    if call.signed:
        return
    acl = call.bucket.acl
    if route.stranger != "WRITE" and call.key:
        version = cloud.store.find(call.bucket.name, call.key, call.query.get("versionId", ""))
        if version is not None and version.acl:
            acl = version.acl
    if not route.stranger or not strangers_may(acl, route.stranger):
        raise CosError("AccessDenied")
