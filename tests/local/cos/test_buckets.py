"""Buckets and their configuration."""

from __future__ import annotations

from datetime import datetime

import pytest

from scf_mps.local.cos import CosEmulator, CosError

from .wire import BUCKET, REGION, Wire


def test_service_lists_buckets_of_all_or_one_region(cos, wire):
    cos.create_bucket("far-1250000000", "ap-beijing")
    for host, names in (
        ("service.cos.myqcloud.com", [BUCKET, "far-1250000000"]),
        ("service.cos.tencentcos.cn", [BUCKET, "far-1250000000"]),
        (f"cos.{REGION}.myqcloud.com", [BUCKET]),
    ):
        wire.host = host
        reply = wire.request("GET")
        assert reply.texts("Buckets/Bucket/Name") == names
    assert reply.texts("Buckets/Bucket/Location") == [REGION]
    assert reply.text("Owner/ID")
    wire.host = "service.cos.myqcloud.com"
    assert wire.request("GET", signed=False).status == 403
    assert wire.request("PUT").code == "MethodNotAllowed"


def test_service_list_filters_by_tag_and_time(tmp_path, clock):
    with CosEmulator(tmp_path / "cos", clock=clock) as cos:
        wire = Wire(cos, now=clock.now)
        for name in ("old-1250000000", "new-1250000000"):
            cos.create_bucket(name)
            wire.host = f"{name}.cos.{REGION}.myqcloud.com"
            tag = f"<Tag><Key>k</Key><Value>{name[:3]}</Value></Tag>"
            other = "<Tag><Key>o</Key><Value>v</Value></Tag>"
            body = f"<Tagging><TagSet>{other}{tag}</TagSet></Tagging>"
            assert wire.document("PUT", "", "tagging", body).status == 200
            created = int(clock.now)
            clock.now += 60
            wire.now = clock.now
        cos.create_bucket("untagged-1250000000", "ap-beijing")
        wire.host = "service.cos.myqcloud.com"

        def names(**query: str) -> list[str]:
            reply = wire.request("GET", query={k.replace("_", "-"): v for k, v in query.items()})
            assert reply.status == 200, reply.body
            return [name.partition("-")[0] for name in reply.texts("Buckets/Bucket/Name")]

        assert names(tagkey="k", tagvalue="old") == ["old"]
        assert names(tagkey="o", tagvalue="v") == ["new", "old"]
        assert names(tagkey="k", tagvalue="other") == []
        assert names(region="ap-beijing") == ["untagged"]
        at = str(created)
        assert names(create_time=at, range="lt") == ["old"]
        assert names(create_time=at, range="lte") == ["new", "old"]
        assert names(create_time=at, range="gt") == ["untagged"]
        assert names(create_time=at, range="gte") == ["new", "untagged"]


def test_service_list_has_pages(cos, wire):
    for name in "cab":
        cos.create_bucket(f"{name}-1250000000")
    wire.host = "service.cos.myqcloud.com"
    marker, names = "", []
    for _ in range(4):
        page = wire.request("GET", query={"marker": marker, "max-keys": "1"})
        assert page.text("Marker") == marker
        names += page.texts("Buckets/Bucket/Name")
        marker = page.text("NextMarker")
        assert page.text("IsTruncated") == ("true" if marker else "false")
    assert names == ["a-1250000000", "b-1250000000", "c-1250000000", BUCKET]
    assert not marker


@pytest.mark.parametrize(
    "query",
    [
        {"tagkey": "k"},
        {"tagvalue": "v"},
        {"create-time": "1"},
        {"range": "gt"},
        {"create-time": "1", "range": "around"},
        {"create-time": "soon", "range": "gt"},
        {"max-keys": "many"},
    ],
)
def test_service_list_refuses_invalid_filters(wire, query):
    wire.host = "service.cos.myqcloud.com"
    assert wire.request("GET", query=query).error == "400 InvalidArgument"


def test_service_list_works_with_official_client(cos, sdk):
    tagging = {"TagSet": {"Tag": [{"Key": "k", "Value": "v"}]}}
    client = sdk()
    client.put_bucket_tagging(Bucket=BUCKET, Tagging=tagging)
    cos.create_bucket("other-1250000000")
    listed = client.list_buckets(Region=REGION, TagKey="k", TagValue="v")
    assert [bucket["Name"] for bucket in listed["Buckets"]["Bucket"]] == [BUCKET]
    datetime.strptime(listed["Buckets"]["Bucket"][0]["CreationDate"], "%Y-%m-%dT%H:%M:%SZ")
    since = client.list_buckets(CreateTime=1514736000, Range="lt", Marker="a", MaxKeys=1)
    assert (since["IsTruncated"], since["Marker"]) == ("false", "a")


def test_bucket_is_created_and_deleted(wire):
    wire.host = "new-1250000000.cos.ap-beijing.myqcloud.com"
    assert wire.request("HEAD").status == 404
    assert wire.request("PUT", headers={"x-cos-acl": "public-read"}).status == 200
    head = wire.request("HEAD")
    assert (head.status, head.headers["x-cos-bucket-region"]) == (200, "ap-beijing")
    assert wire.request("GET", query={"location": ""}).xml().text == "ap-beijing"
    assert wire.request("PUT").error == "409 BucketAlreadyOwnedByYou"
    wire.host = "new-1250000000.cos.ap-shanghai.myqcloud.com"
    assert wire.request("PUT").code == "BucketAlreadyExists"
    wire.host = "new-1250000000.cos.ap-beijing.myqcloud.com"
    assert wire.request("DELETE").status == 204
    assert wire.request("DELETE").status == 404


def test_bucket_with_objects_or_uploads_is_not_deleted(wire):
    wire.put("a")
    assert wire.request("DELETE").error == "409 BucketNotEmpty"
    wire.request("DELETE", "a")
    wire.request("POST", "a", {"uploads": ""})
    assert wire.request("DELETE").code == "BucketNotEmpty"


def test_bucket_name_requires_appid(cos):
    for name in ("demo", "demo-", "Demo-1", "-demo-1", "x" * 60 + "-1"):
        with pytest.raises(CosError, match="InvalidBucketName"):
            cos.create_bucket(name)


def test_bucket_acl_is_private_by_default(wire):
    assert wire.request("GET", query={"acl": ""}).headers["x-cos-acl"] == "private"
    assert wire.request("PUT", "", {"acl": ""}, {"x-cos-acl": "public-read"}).status == 200
    assert wire.request("GET", query={"acl": ""}).headers["x-cos-acl"] == "public-read"
    headers = {"x-cos-grant-read": 'id="someone"'}
    assert wire.request("PUT", "", {"acl": ""}, headers).status == 200
    reply = wire.request("GET", query={"acl": ""})
    assert "x-cos-acl" not in reply.headers
    body = "<AccessControlPolicy><AccessControlList/></AccessControlPolicy>"
    assert wire.document("PUT", "", "acl", body).status == 200
    assert wire.request("GET", query={"acl": ""}).headers["x-cos-acl"] == "private"


@pytest.mark.parametrize(
    ("name", "body", "missing"),
    [
        ("tagging", "<Tagging/>", "NoSuchTagSet"),
        ("lifecycle", "<LifecycleConfiguration/>", "NoSuchLifecycleConfiguration"),
        ("cors", "<CORSConfiguration/>", "NoSuchCORSConfiguration"),
        ("policy", '{"version": "2.0"}', "NoSuchBucketPolicy"),
    ],
)
def test_configuration_documents_are_returned_unchanged(wire, name, body, missing):
    absent = wire.request("GET", query={name: ""})
    assert (absent.status, absent.code) == (404, missing)
    assert wire.document("PUT", "", name, body).status in (200, 204)
    assert wire.request("GET", query={name: ""}).body == body.encode()
    assert wire.request("DELETE", query={name: ""}).status == 204
    assert wire.request("GET", query={name: ""}).status == 404


def test_missing_configuration_is_empty_document(wire):
    reply = wire.request("GET", query={"logging": ""})
    assert (reply.status, reply.xml().tag) == (200, "BucketLoggingStatus")


def test_inventories_have_ids(wire):
    body = b"<InventoryConfiguration><Id>1</Id></InventoryConfiguration>"
    query = {"inventory": "", "id": "1"}
    assert wire.request("PUT", query=query, body=body).status == 200
    assert wire.request("GET", query=query).body == body
    assert wire.request("GET", query={"inventory": "", "id": "2"}).status == 404


def test_document_namespaces_are_ignored(wire):
    body = '<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet/></Tagging>'
    assert wire.document("PUT", "", "tagging", body).status == 200
