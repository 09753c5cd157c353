"""Copies and publications inside COS."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scf_mps.cos import Conflict, Corrupt, Credentials, NotFound, SomeFailed, Unavailable
from scf_mps.cos.metadata import ObjectSettings
from scf_mps.local.cos import CosEmulator, Fault

from .support import (
    MEDIA,
    PLAYER,
    REGION,
    at,
    catch_only_error,
    copy_in_parts,
    list_keys,
    list_uploads,
    place,
    upload_film,
    upload_hls,
    upload_in_parts,
    upload_many,
)


def test_copy_keeps_headers_class_and_tags(cos, sdk):
    source = upload_film(cos, storage_class="STANDARD_IA")
    cos.tag(source, {"t": 1})
    progress = []
    copy = cos.copy(source, to=place("p/"), progress=progress.append)
    assert copy == at("p/a.mp4", PLAYER)
    head = cos.head(copy)
    assert (head.content_type, head.cache_control) == ("video/mp4", "max-age=9")
    assert (head.metadata, head.storage_class) == ({"k": "v"}, "STANDARD_IA")
    assert cos.tag(copy, {}) == {"t": "1"}
    assert progress == [("copy", 1, 1, 0)]


def test_copy_replaces_given_settings_only(cos, sdk):
    source = upload_film(cos, encryption="AES256", storage_class="STANDARD_IA")
    copy = cos.copy(
        source,
        to=place("p/x.mp4"),
        cache_control="no-cache",
        metadata={"k": None, "new": "1"},
        storage_class="STANDARD",
        acl="public-read",
    )
    head = cos.head(copy)
    assert (head.content_type, head.cache_control) == ("video/mp4", "no-cache")
    assert (head.metadata, head.storage_class) == ({"new": "1"}, "STANDARD")
    assert head.encryption == "AES256"
    assert sdk.get_object_acl(Bucket=PLAYER, Key="p/x.mp4")["CannedACL"] == "public-read"
    cos.copy(copy, to=place("p/y.mp4"), acl="keep")
    assert sdk.get_object_acl(Bucket=PLAYER, Key="p/y.mp4")["CannedACL"] == "public-read"
    cos.copy(copy, to=place("p/z.mp4"))
    assert sdk.get_object_acl(Bucket=PLAYER, Key="p/z.mp4")["CannedACL"] == "default"


def test_damaged_copy_is_repeated(emulator, cos):
    source = upload_film(cos)
    emulator.faults.add(Fault("corrupt", operation="CopyObject", count=2))
    copy = cos.copy(source, to=place("p/"))
    assert cos.read(copy) == b"film"
    emulator.faults.add(Fault("corrupt", operation="CopyObject"))
    with pytest.raises(Corrupt) as raised:
        cos.copy(source, to=place("q/"))
    assert raised.value.object == source
    with pytest.raises(SomeFailed):
        cos.move(source, to=place("r/"))
    assert cos.exists(source)


def test_copy_conflicts_when_source_is_replaced(make_cos, cos, recorder):
    source = upload_film(cos)
    recorder.run_once_before("PUT", lambda: upload_film(cos, data=b"other"))
    with pytest.raises(Conflict) as raised:
        make_cos(proxy=recorder.url).copy(source, to=place("p/"))
    assert (raised.value.status, raised.value.object) == (412, source)
    assert "p/a.mp4" in str(raised.value)


def test_copy_does_not_overwrite_other_bytes(emulator, cos):
    source = upload_film(cos)
    copy = cos.copy(source, to=place("p/"), overwrite=False)
    emulator.requests.clear()
    assert cos.copy(source, to=place("p/"), overwrite=False) == copy
    assert emulator.requests.count("CopyObject") == 0
    upload_film(cos, "p/a.mp4", PLAYER, data=b"else")
    with pytest.raises(Conflict) as raised:
        cos.copy(source, to=place("p/"), overwrite=False)
    assert raised.value.code == "FileAlreadyExists"
    assert cos.read(copy) == b"else"


def test_unanswered_copy_does_not_conflict_with_itself(emulator, cos):
    source = upload_film(cos)
    emulator.faults.add(Fault("error_after", operation="CopyObject", count=1))
    cos.copy(source, to=place("p/"), overwrite=False)
    assert emulator.requests.count("CopyObject") == 2


def test_unanswered_copy_conflicts_with_other_bytes(emulator, cos, make_cos, recorder):
    source = upload_film(cos)

    def upload_other_bytes():
        upload_film(cos, "q/a.mp4", PLAYER, data=b"else")
        emulator.faults.add(Fault("error", operation="CopyObject", count=1))

    recorder.run_once_before("PUT", upload_other_bytes)
    with pytest.raises(Conflict) as raised:
        make_cos(proxy=recorder.url).copy(source, to=place("q/"), overwrite=False)
    assert raised.value.code == "FileAlreadyExists"


def test_overwriting_is_refused_in_versioned_bucket(cos, sdk):
    """COS ignores x-cos-forbid-overwrite there, so a HEAD is sent first."""
    sdk.put_bucket_versioning(Bucket=PLAYER, Status="Enabled")
    source = upload_film(cos)
    upload_film(cos, "p/a.mp4", PLAYER, data=b"else")
    with pytest.raises(Conflict):
        cos.copy(source, to=place("p/"), overwrite=False)
    with pytest.raises(Conflict):
        cos.upload(b"x", at("p/a.mp4", PLAYER), overwrite=False)


def test_large_object_is_copied_in_parts(emulator, cos, sdk, large_file):
    headers = {"cache-control": "max-age=9", "x-cos-acl": "public-read"}
    source = upload_in_parts(cos, large_file, headers=headers)
    changes = ObjectSettings(acl="keep", metadata={"n": 1})
    copy = copy_in_parts(cos, source, at("p/big", PLAYER), changes, overwrite=False)
    assert cos.read(copy) == large_file.read_bytes()
    assert emulator.requests.count("UploadPartCopy") == 4
    head = cos.head(copy)
    assert (head.cache_control, head.metadata) == ("max-age=9", {"n": "1"})
    assert sdk.get_object_acl(Bucket=PLAYER, Key="p/big")["CannedACL"] == "public-read"
    copy_in_parts(cos, source, at("p/big2", PLAYER))
    emulator.faults.add(Fault("error_in_200", operation="UploadPartCopy"))
    with pytest.raises(Unavailable):
        copy_in_parts(cos, source, at("p/big3", PLAYER))
    assert list_uploads(sdk, PLAYER) == []


def test_many_copies_use_list_instead_of_heads(emulator, cos):
    items = upload_many(cos)
    emulator.requests.clear()
    cos.copy(items, to=place("p/"))
    assert emulator.requests.counts() == {"ListObjects": 2, "HeadObject": 1, "CopyObject": 25}
    assert list_keys(cos, place("p/")) == [f"p/{number:03}" for number in range(25)]


def test_unrelated_objects_are_not_copied(cos):
    items = upload_many(cos)
    cos.upload(b"x", at("m/005-other"))
    cos.copy(items, to=place("p/"))
    assert len(list_keys(cos, place("p/"))) == 25


def test_damaged_copy_without_overwrite_is_deleted(emulator, cos):
    source = upload_film(cos)
    emulator.faults.add(Fault("corrupt", operation="CopyObject"))
    with pytest.raises(Corrupt):
        cos.copy(source, to=place("p/"), overwrite=False)
    emulator.faults.clear()
    assert not cos.exists(at("p/a.mp4", PLAYER))
    assert cos.read(cos.copy(source, to=place("p/"), overwrite=False)) == b"film"


def test_encrypted_objects_stay_encrypted(emulator, cos):
    items = upload_many(cos, encryption="AES256")
    copies = cos.copy(items, to=place("p/"))
    assert {head.encryption for head in cos.head(copies)} == {"AES256"}


def test_resumed_copy_skips_identical_targets(emulator, cos):
    items = upload_many(cos)

    def count_copies(**options):
        emulator.requests.clear()
        cos.copy(items, to=place("p/"), **options)
        return emulator.requests.count("CopyObject")

    assert count_copies() == 25
    assert count_copies() == 0
    assert count_copies(resume=False) == 25
    assert count_copies(cache_control="no-cache") == 25
    assert count_copies(cache_control="no-cache") == 0
    assert count_copies(acl="public-read") == 25
    assert count_copies(storage_class="STANDARD_IA") == 25
    assert count_copies(storage_class="STANDARD_IA") == 0
    assert count_copies(cache_control="no-cache", storage_class="STANDARD") == 25
    assert count_copies(overwrite=False) == 0
    cos.upload(b"other", at("p/007", PLAYER))
    assert count_copies() == 1
    cos.upload(b"other", at("p/007", PLAYER))
    assert catch_only_error(count_copies, overwrite=False).object == items[7]


def test_copy_older_than_source_is_repeated(make_cos, tmp_path):
    now = [time.time()]
    with CosEmulator(tmp_path / "other", clock=lambda: now[0]) as other:
        other.create_bucket(MEDIA, REGION)
        keys = Credentials(other.key.secret_id, other.key.secret_key)
        cos = make_cos(keys, proxy=other.url)
        items = upload_many(cos)
        cos.copy(items, to=place("p/", MEDIA))
        now[0] += 10
        upload_many(cos, cache_control="new")
        other.requests.clear()
        copies = cos.copy(items, to=place("p/", MEDIA))
        assert other.requests.count("CopyObject") == 25
        assert cos.head(copies[0]).cache_control == "new"


def test_missing_source_is_reported_others_copied(cos):
    items = upload_many(cos)
    with pytest.raises(SomeFailed) as raised:
        cos.copy([*items, at("m/no")], to=place("p/"))
    assert raised.value.objects == [at("m/no")]
    assert raised.value.done == 25
    with pytest.raises(NotFound):
        cos.copy(at("m/no"), to=place("p/"))


def test_source_deleted_after_list_is_reported(make_cos, cos, recorder):
    items = upload_many(cos)
    recorder.run_once_before("HEAD", lambda: cos.delete(items[0]))
    error = catch_only_error(make_cos(proxy=recorder.url).copy, items, to=place("p/"))
    assert error.object == items[0]


def test_publish_keeps_directories_and_ends_with_manifest(emulator, cos, make_cos, recorder):
    master = upload_hls(cos, segments=6)
    copies = make_cos(proxy=recorder.url).publish(
        master, to=place("pub/"), cache_control="max-age=5", acl="public-read"
    )
    written = [head.split()[1].partition("pub/")[2] for head in recorder.heads if head[:3] == "PUT"]
    assert written[-1] == "master.m3u8"
    assert sorted(written[-3:-1]) == ["high/index.m3u8", "low/index.m3u8"]
    assert len(written) == 10
    assert copies[-1] == at("pub/master.m3u8", PLAYER)
    assert {head.cache_control for head in cos.head(copies)} == {"max-age=5"}
    assert len(cos.verify(copies[-1])) == 10


def test_manifest_is_not_published_without_segments(emulator, cos):
    master = upload_hls(cos, segments=6)
    emulator.faults.add(Fault("error", operation="CopyObject", key="*seg-00001.ts", status=403))
    with pytest.raises(SomeFailed, match="3"):
        cos.publish(master, to=place("pub/"))
    assert not [key for key in list_keys(cos, place("pub/")) if key.endswith("m3u8")]


VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF), max_size=20).map(str.strip)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None
)
@given(st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=60), VALUES)
def test_any_key_and_metadata_round_trips(cos, key, value):
    if key.endswith("/"):
        with pytest.raises(ValueError, match="name"):  # a folder, not a key
            cos.upload(b"", at(key) if key.strip("/") else place(""))
        return
    if "\x7f" in value or any(c in value for c in "\x85\u2028\u2029\xa0"):
        return
    item = at(key)
    cos.upload(key.encode(), item, metadata={"v": value})
    assert cos.read(item) == key.encode()
    assert cos.head(item).metadata["v"] == value
    copy = cos.copy(item, to=place("c/x"))
    assert cos.read(copy) == key.encode()
    assert item in [entry.object for entry in cos.list(f"cos://{MEDIA}.{REGION}/")]
    cos.delete([item, at("other")])
    assert not cos.exists(item)
