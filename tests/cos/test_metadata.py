"""Metadata, storage classes and tags."""

import pytest

from scf_mps.cos import Conflict, Corrupt, copy
from scf_mps.cos.metadata import parse_date
from scf_mps.local.cos import Fault

from .support import MEDIA, at, build_response, upload_film


def test_unchanged_settings_send_no_copy(emulator, cos):
    item = upload_film(cos)
    emulator.requests.clear()
    cos.set_metadata(item, {"k": "v"})
    cos.set_storage_class([item], "STANDARD_IA")
    assert cos.tag([item], {"a": "1"}) == [{"a": "1"}]
    assert cos.tag(item, {"a": "1"}) == {"a": "1"}
    assert cos.tag(item, {"a": None, "b": 2}) == {"b": "2"}
    assert emulator.requests.count("CopyObject") == 1
    assert emulator.requests.count("PutObjectTagging") == 2
    assert cos.set_metadata([item], content_type="text/x", content_disposition="inline")
    head = cos.head(item)
    assert (head.content_type, head.storage_class) == ("text/x", "STANDARD_IA")
    assert cos.tag(item, {}) == {"b": "2"}


def test_change_that_damages_bytes_is_corrupt(emulator, cos):
    item = upload_film(cos)
    emulator.faults.add(Fault("corrupt", operation="CopyObject"))
    with pytest.raises(Corrupt):
        cos.set_metadata(item, {"n": "1"})


def test_change_of_object_over_5_gb_conflicts(server, scripted_cos):
    server.responses = [build_response(200, content_length=6 << 30, etag='"e-2"')]
    with pytest.raises(Conflict, match="GB"):
        scripted_cos.set_metadata(at("a"), {"n": "1"})
    assert copy.MAX_COPY_BYTES == 5 << 30


def test_parse_date_reads_both_formats():
    assert parse_date("Sun, 22 Nov 2026 06:40:37 GMT") == 1795329637
    assert parse_date("2026-11-22T06:40:37.000Z") == 1795329637
    for wrong in ("", "yesterday", "2026-11-22T", "Sun, 22 Xxx 2026 06:40:37 GMT"):
        assert parse_date(wrong) == 0


def test_change_keeps_other_settings(cos):
    item = upload_film(cos)
    cos.set_storage_class(item, "STANDARD_IA")
    head = cos.set_metadata(item, {"more": "1"})
    assert head.storage_class == "STANDARD_IA"
    assert (head.content_type, head.cache_control) == ("video/mp4", "max-age=9")
    assert head.metadata == {"k": "v", "more": "1"}


def test_change_keeps_individual_grants(cos, sdk):
    source = upload_film(cos)
    grantee = 'id="qcs::cam::uin/100000000002:uin/100000000002"'
    sdk.put_object_acl(Bucket=MEDIA, Key="v/a.mp4", GrantRead=grantee, GrantFullControl=grantee)
    changed = cos.set_metadata(source, {"n": "1"})
    assert changed.metadata == {"k": "v", "n": "1"}
    grants = sdk.get_object_acl(Bucket=MEDIA, Key="v/a.mp4")["AccessControlList"]["Grant"]
    assert {grant["Permission"] for grant in grants} == {"READ", "FULL_CONTROL"}
    assert len(grants) == 3
    everyone = 'uri="http://cam.qcloud.com/groups/global/AllUsers"'
    sdk.put_object_acl(Bucket=MEDIA, Key="v/a.mp4", GrantRead=everyone, GrantWrite=grantee)
    cos.set_storage_class(source, "STANDARD_IA")
    grants = sdk.get_object_acl(Bucket=MEDIA, Key="v/a.mp4")["AccessControlList"]["Grant"]
    assert {grant["Permission"] for grant in grants} == {"READ", "WRITE", "FULL_CONTROL"}
