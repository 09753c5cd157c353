"""Access checks: the account's keys may do everything, anonymous requests what an ACL grants."""

from __future__ import annotations

from .acl import allows_anonymous
from .call import Call, Cloud
from .errors import CosError
from .routes import Route


def check_access(cloud: Cloud, call: Call, route: Route) -> None:
    """Raise CosError AccessDenied for an anonymous call that no ACL allows."""
    if call.signed:
        return
    acl = call.bucket.acl
    if route.anonymous != "WRITE" and call.key:
        version = cloud.store.find(call.bucket.name, call.key, call.query.get("versionId", ""))
        if version is not None and version.acl:
            acl = version.acl
    if not route.anonymous or not allows_anonymous(acl, route.anonymous):
        raise CosError("AccessDenied")
