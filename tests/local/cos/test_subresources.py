"""Sub-resources of objects: ACL, tags, restore, symlinks."""

import pytest

from scf_mps.local.cos import CosEmulator

from .support import grant, restore, tagging
from .wire import BUCKET, REGION, Wire


def test_tags_are_put_read_counted_and_deleted(wire):
    wire.put("a")
    assert wire.get("a", {"tagging": ""}).texts("TagSet/Tag/Key") == []
    assert wire.document("PUT", "a", "tagging", tagging(x="1", y="")).status == 200
    response = wire.get("a", {"tagging": ""})
    assert response.texts("TagSet/Tag/Key") == ["x", "y"]
    assert response.texts("TagSet/Tag/Value") == ["1", ""]
    assert wire.head("a").headers["x-cos-tagging-count"] == "2"
    assert wire.request("DELETE", "a", {"tagging": ""}).status == 204
    assert "x-cos-tagging-count" not in wire.head("a").headers


def test_tags_are_put_with_object(wire):
    wire.put("a", b"", x_cos_tagging="x=1&y%20z=%C3%BC")
    response = wire.get("a", {"tagging": ""})
    assert response.texts("TagSet/Tag/Key") == ["x", "y z"]
    assert response.texts("TagSet/Tag/Value") == ["1", "ü"]


def test_acl_is_put_by_name(wire):
    wire.put("a")
    assert wire.get("a", {"acl": ""}).headers["x-cos-acl"] == "default"
    for name in ("private", "public-read", "public-read-write"):
        assert wire.request("PUT", "a", {"acl": ""}, {"x-cos-acl": name}).status == 200
        response = wire.get("a", {"acl": ""})
        assert response.headers["x-cos-acl"] == name
        assert response.texts("AccessControlList/Grant/Permission")[0] == "FULL_CONTROL"


def test_acl_is_put_by_grants(wire):
    wire.put("a", b"", x_cos_grant_read='id="someone", uri="http://x/AllUsers"')
    response = wire.get("a", {"acl": ""})
    assert response.texts("AccessControlList/Grant/Grantee/ID")[1:] == ["someone"]
    assert response.texts("AccessControlList/Grant/Grantee/URI") == ["http://x/AllUsers"]
    assert "x-cos-acl" not in response.headers
    assert wire.request("GET", "a", signed=False).status == 200


def test_acl_is_put_as_document(wire):
    wire.put("a")
    owner = "<ID>qcs::cam::uin/100000000001:uin/100000000001</ID>"
    for grantee, permission, status in (
        ("<URI>http://cam.qcloud.com/groups/global/AllUsers</URI>", "READ", 200),
        ("<ID>qcs::cam::uin/2:uin/2</ID>", "FULL_CONTROL", 403),
        (owner, "FULL_CONTROL", 403),
    ):
        assert wire.document("PUT", "a", "acl", grant(grantee, permission)).status == 200
        assert wire.request("GET", "a", signed=False).status == status


@pytest.mark.parametrize("name", ["ARCHIVE", "DEEP_ARCHIVE"])
def test_archived_object_is_readable_after_restore(wire, name):
    wire.put("a", b"abc", x_cos_storage_class=name)
    assert wire.get("a").error == "403 InvalidObjectState"
    head = wire.head("a")
    assert (head.status, head.headers["x-cos-storage-class"]) == (200, name)
    assert "x-cos-restore" not in head.headers
    assert wire.document("POST", "a", "restore", restore()).status == 202
    assert wire.get("a").body == b"abc"
    assert wire.head("a").headers["x-cos-restore"].startswith('ongoing-request="false", expiry')


def test_restore_takes_time_and_ends(tmp_path, clock):
    cos = CosEmulator(tmp_path, clock=clock)
    cos.restore_seconds = 100
    with cos:
        cos.create_bucket(BUCKET, REGION)
        wire = Wire(cos, now=clock.now)
        wire.put("a", b"abc", x_cos_storage_class="ARCHIVE")
        assert wire.document("POST", "a", "restore", restore()).status == 202
        assert wire.get("a").status == 403
        assert wire.head("a").headers["x-cos-restore"] == 'ongoing-request="true"'
        second = wire.document("POST", "a", "restore", restore())
        assert second.error == "409 RestoreAlreadyInProgress"
        clock.now += 100
        assert wire.get("a").status == 200
        assert wire.document("POST", "a", "restore", restore(2)).status == 200
        clock.now = wire.now = clock.now + 86_400
        assert wire.get("a").status == 200
        clock.now = wire.now = clock.now + 86_400
        assert wire.get("a").status == 403


def symlink(wire, key, target):
    headers = {"x-cos-symlink-target": target}
    return wire.request("PUT", key, {"symlink": ""}, headers).status


def test_symlink_reads_as_its_target(wire):
    wire.put("target ü", b"abc", Content_Type="text/plain")
    assert symlink(wire, "link", "target%20%C3%BC") == 200
    response = wire.get("link")
    assert (response.body, response.headers["Content-Type"]) == (b"abc", "text/plain")
    assert response.headers["x-cos-object-type"] == "symlink"
    response = wire.get("link", {"symlink": ""})
    assert response.headers["x-cos-symlink-target"] == "target%20%C3%BC"
    assert wire.copy("link", "b").status == 200
    assert "x-cos-object-type" not in wire.head("b").headers


def test_symlink_without_object_has_no_target(versioned):
    symlink(versioned, "link", "nope")
    assert versioned.get("link").code == "SymlinkTargetNotExist"
    symlink(versioned, "link2", "link")
    assert versioned.get("link2").code == "SymlinkTargetNotExist"
    versioned.put("nope")
    versioned.request("DELETE", "nope")
    assert versioned.get("link").code == "SymlinkTargetNotExist"
