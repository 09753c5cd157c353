"""Versioned buckets: overwriting and deleting."""

import pytest

from .support import batch_delete, set_versioning


def versions(wire, **query):
    """Return (tag, key, latest) of each entry of a version list."""
    names = {name.replace("_", "-"): value for name, value in query.items()}
    reply = wire.request("GET", query={"versions": "", **names})
    return [
        (each.tag, each.findtext("Key") or "", each.findtext("IsLatest") or "")
        for each in reply.xml()
        if each.tag in ("Version", "DeleteMarker")
    ]


def test_versioning_is_off_until_enabled(wire):
    status = wire.request("GET", query={"versioning": ""})
    assert status.xml().find("Status") is None
    assert "x-cos-version-id" not in wire.put("a").headers
    for state in ("Enabled", "Suspended"):
        set_versioning(wire, state)
        assert wire.request("GET", query={"versioning": ""}).text("Status") == state


def test_versioning_refuses_unknown_status(wire):
    body = "<VersioningConfiguration><Status>Off</Status></VersioningConfiguration>"
    assert wire.document("PUT", "", "versioning", body).code == "MalformedXML"


def test_put_creates_version(versioned):
    ids = [versioned.put("a", body).headers["x-cos-version-id"] for body in (b"1", b"2")]
    assert len(set(ids)) == 2
    assert versioned.get("a").body == b"2"
    assert versioned.get("a").headers["x-cos-version-id"] == ids[1]
    assert versioned.get("a", {"versionId": ids[0]}).body == b"1"
    assert versioned.get("a", {"versionId": "none"}).code == "NoSuchVersion"


def test_delete_leaves_marker_that_can_be_deleted(versioned):
    versioned.put("a", b"1")
    deleted = versioned.request("DELETE", "a")
    marker = deleted.headers["x-cos-version-id"]
    assert deleted.headers["x-cos-delete-marker"] == "true"
    response = versioned.get("a")
    assert (response.status, response.headers["x-cos-delete-marker"]) == (404, "true")
    assert versioned.get("a", {"versionId": marker}).error == "405 MethodNotAllowed"
    assert versioned.request("GET").texts("Contents/Key") == []
    assert versions(versioned) == [("DeleteMarker", "a", "true"), ("Version", "a", "false")]
    undeleted = versioned.request("DELETE", "a", {"versionId": marker})
    assert undeleted.headers["x-cos-delete-marker"] == "true"
    assert versioned.get("a").body == b"1"


def test_deleting_latest_version_restores_previous(versioned):
    versioned.put("a", b"1")
    second = versioned.put("a", b"2").headers["x-cos-version-id"]
    deleted = versioned.request("DELETE", "a", {"versionId": second})
    assert deleted.headers["x-cos-version-id"] == second
    assert "x-cos-delete-marker" not in deleted.headers
    assert versioned.get("a").body == b"1"


def test_deleting_older_version_keeps_latest(versioned):
    first = versioned.put("a", b"1").headers["x-cos-version-id"]
    versioned.put("a", b"2")
    assert versioned.request("DELETE", "a", {"versionId": first}).status == 204
    assert versioned.request("DELETE", "a", {"versionId": first}).status == 204
    assert versions(versioned) == [("Version", "a", "true")]


def test_suspended_bucket_overwrites_null_version_only(wire):
    wire.put("a", b"before")
    set_versioning(wire, "Enabled")
    kept = wire.put("a", b"kept").headers["x-cos-version-id"]
    set_versioning(wire, "Suspended")
    assert wire.put("a", b"null").headers["x-cos-version-id"] == "null"
    assert len(versions(wire)) == 2
    assert wire.get("a", {"versionId": kept}).body == b"kept"
    deleted = wire.request("DELETE", "a")
    assert deleted.headers["x-cos-version-id"] == "null"
    assert versions(wire) == [("DeleteMarker", "a", "true"), ("Version", "a", "false")]


@pytest.mark.parametrize("state", ["Enabled", "Suspended"])
def test_forbid_overwrite_has_no_effect_with_versioning(versioned, state):
    set_versioning(versioned, state)
    versioned.put("a", b"1")
    versioned.put("a", b"2", x_cos_forbid_overwrite="true")
    assert versioned.get("a").body == b"2"


def test_versions_are_listed_newest_first_in_pages(versioned):
    ids = {key: [versioned.put(key).headers["x-cos-version-id"] for _ in "12"] for key in "ab"}
    page = versioned.request("GET", query={"versions": "", "max-keys": "3"})
    assert page.texts("Version/VersionId") == [*reversed(ids["a"]), ids["b"][1]]
    second_page = versioned.request(
        "GET",
        query={
            "versions": "",
            "key-marker": page.text("NextKeyMarker"),
            "version-id-marker": page.text("NextVersionIdMarker"),
        },
    )
    assert second_page.texts("Version/VersionId") == [ids["b"][0]]
    after_key = versioned.request("GET", query={"versions": "", "key-marker": "a"})
    assert after_key.texts("Version/VersionId") == ids["b"][::-1]


def test_versions_fold_below_delimiter(versioned):
    for key in ("a/1", "a/2", "b"):
        versioned.put(key)
    query = {"versions": "", "delimiter": "/", "encoding-type": "url", "max-keys": "1"}
    page = versioned.request("GET", query=query)
    assert page.texts("CommonPrefixes/Prefix") == ["a/"]
    assert page.text("NextKeyMarker") == "a/"
    assert versions(versioned, delimiter="/", prefix="a/") == [
        ("Version", "a/1", "true"),
        ("Version", "a/2", "true"),
    ]


def test_batch_delete_reports_markers_and_versions(versioned):
    first = versioned.put("a").headers["x-cos-version-id"]
    versioned.put("b")
    body = (
        f"<Delete><Object><Key>a</Key><VersionId>{first}</VersionId></Object>"
        "<Object><Key>b</Key></Object></Delete>"
    )
    reply = batch_delete(versioned, body)
    assert reply.texts("Deleted/VersionId") == [first]
    assert reply.texts("Deleted/DeleteMarker") == ["true"]
    assert versions(versioned) == [("DeleteMarker", "b", "true"), ("Version", "b", "false")]


def test_bucket_with_marker_is_not_empty(versioned):
    versioned.put("a")
    versioned.request("DELETE", "a")
    assert versioned.request("DELETE").code == "BucketNotEmpty"


def test_append_after_marker_creates_object(versioned):
    versioned.put("a", b"1")
    versioned.request("DELETE", "a")
    reply = versioned.request("POST", "a", {"append": "", "position": "0"}, body=b"new")
    assert reply.status == 200
    assert versioned.get("a").body == b"new"
