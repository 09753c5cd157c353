"""Bringing, copying, moving, publishing, deleting, and changing what is stored with objects."""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scf_mps.cos import (
    Conflict,
    Corrupt,
    CosObject,
    Credentials,
    Denied,
    NotFound,
    SomeFailed,
    Unavailable,
    copy,
    upload,
)
from scf_mps.cos.copy import Copier, CopyOptions, CopyTask
from scf_mps.cos.metadata import ObjectSettings
from scf_mps.local.cos import CosEmulator, Fault

from .conftest import DESK, PLAYER, REGION, at, keys_of, place, put_hls, reply


def make(cos, key="v/a.mp4", bucket=DESK, data=b"film", **options):
    options.setdefault("cache_control", "max-age=9")
    options.setdefault("metadata", {"k": "v"})
    return cos.upload(data, at(key, bucket), **options)


def test_files_and_bytes_are_uploaded_with_a_type_by_their_name(cos, tmp_path):
    (tmp_path / "a.m3u8").write_text("#EXTM3U\n")
    (tmp_path / "b").write_bytes(b"")
    told = []
    made = cos.upload(str(tmp_path / "a.m3u8"), to=place("x/", DESK), progress=told.append)
    assert made == at("x/a.m3u8")
    assert cos.head(made).content_type == "application/vnd.apple.mpegurl"
    paths = [tmp_path / "a.m3u8", tmp_path / "b"]
    assert cos.upload(paths, to=place("y/", DESK)) == [at("y/a.m3u8"), at("y/b")]
    assert cos.head(at("y/b")).size == 0
    assert told[-1] == ("upload", 1, 1, 8)
    cos.upload(b"x", at("z"), content_type="text/x", acl="public-read", encryption="AES256")
    assert cos.head(at("z")).content_type == "text/x"
    assert cos.head(at("z")).encryption == "AES256"


@pytest.mark.parametrize("verb", ["upload", "copy", "move", "publish"])
def test_a_misspelt_keyword_is_refused_before_anything_is_asked(cos, emulator, verb):
    with pytest.raises(TypeError, match="unexpected keyword argument 'content_typ'"):
        getattr(cos, verb)("cos://a-1.ap-guangzhou/b", at("c"), content_typ="text/plain")
    assert list(emulator.requests) == []


@pytest.mark.parametrize(
    ("source", "to", "reason"),
    [
        (["a", "b"], place("x", DESK), "slash"),
        (["d/a", "e/a"], place("x/", DESK), "one object"),
        (b"x", place("x/", DESK), "name"),
    ],
)
def test_an_upload_that_cannot_be_is_refused(cos, source, to, reason):
    with pytest.raises(ValueError, match=reason):
        cos.upload(source, to)


def test_a_header_that_would_be_two_is_refused(cos):
    for metadata in ({"k": "a\r\nx-cos-acl: public-read"}, {"k": "a\rb"}, {"k": "\0"}):
        with pytest.raises(ValueError, match="NUL"):
            cos.upload(b"x", at("a"), metadata=metadata)
    with pytest.raises(ValueError, match="metadata"):
        cos.upload(b"x", at("a"), metadata={"k: v": "x"})


def test_a_damaged_upload_is_sent_again_and_never_stored(emulator, cos):
    emulator.faults.add(Fault("corrupt", operation="PutObject", count=2))
    cos.upload(b"right", at("a"))
    assert cos.read(at("a")) == b"right"
    assert emulator.requests.count("PutObject") == 3
    emulator.faults.add(Fault("corrupt", operation="PutObject"))
    with pytest.raises(Corrupt):
        cos.upload(b"never", at("b"))
    emulator.faults.clear()
    assert not cos.exists(at("b"))


def test_another_checksum_in_the_answer_is_said(wire, wired):
    wire.answers = [reply(200, etag='"e"', x_cos_hash_crc64ecma="1")]
    with pytest.raises(Corrupt):
        wired.upload(b"x", at("a"))


@pytest.mark.parametrize("kind", ["error_after", "reset_after"])
def test_an_upload_that_took_effect_unanswered_is_no_conflict_with_itself(emulator, cos, kind):
    emulator.faults.add(Fault(kind, operation="PutObject", count=1))
    assert cos.upload(b"mine", at("a"), overwrite=False) == at("a")
    assert cos.read(at("a")) == b"mine"


def test_an_upload_that_somebody_else_was_before_is_a_conflict(emulator, make_cos, cos, tap):
    """The answer was lost, and what is there now are other bytes."""

    def race(head):
        if head.startswith("PUT"):
            tap.before = lambda head: None
            cos.upload(b"theirs", at("a"))

    tap.before = race
    with pytest.raises(Conflict):
        make_cos(proxy=tap.url).upload(b"mine", at("a"), overwrite=False)
    emulator.faults.add(Fault("error", operation="PutObject", count=1))
    cos.delete(at("a"))
    tap.before = race
    with pytest.raises(Conflict):
        make_cos(proxy=tap.url).upload(b"mine", at("a"), overwrite=False)
    assert cos.read(at("a")) == b"theirs"


def parts(cos, path, key="big", headers=None, told=None):
    count = told.append if told is not None else (lambda _: None)
    upload.Uploader(cos._client, count, 1 << 20).upload(path, at(key), headers or {})
    return at(key)


@pytest.fixture
def big(tmp_path):
    path = tmp_path / "big"
    path.write_bytes(os.urandom((3 << 20) + 5))
    return path


def test_a_large_file_goes_up_in_parts_and_is_one_object(emulator, cos, big):
    told = []
    item = parts(cos, big, headers={"x-cos-forbid-overwrite": "true"}, told=told)
    assert cos.read(item) == big.read_bytes()
    assert sum(told) == big.stat().st_size
    assert emulator.requests.count("UploadPart") == 4
    with pytest.raises(Conflict):
        parts(cos, big, headers={"x-cos-forbid-overwrite": "true"})
    assert emulator.requests.count("AbortMultipartUpload") == 1


@pytest.mark.parametrize(
    "kind", ["error", "error_after", "reset_before", "reset_after", "slow_down"]
)
@pytest.mark.parametrize("operation", ["UploadPart", "CompleteMultipartUpload"])
def test_an_upload_in_parts_survives_a_fault_or_leaves_nothing(
    emulator, cos, sdk, big, kind, operation
):
    emulator.faults.add(Fault(kind, operation=operation, count=1, retry_after=None))
    try:
        parts(cos, big)
    except Unavailable:
        assert operation == "CompleteMultipartUpload"
        assert kind in ("error", "reset_before")
        assert not cos.exists(at("big"))
    else:
        assert cos.read(at("big")) == big.read_bytes()
    assert "Upload" not in sdk.list_multipart_uploads(Bucket=DESK)


def test_a_part_that_is_damaged_on_its_way_is_sent_again(emulator, cos, big):
    emulator.faults.add(Fault("corrupt", operation="UploadPart", count=1))
    assert cos.read(parts(cos, big)) == big.read_bytes()
    assert emulator.requests.count("UploadPart") == 5


def test_beginning_an_upload_is_not_repeated_when_nobody_knows(emulator, cos, big):
    emulator.faults.add(Fault("error_after", operation="InitiateMultipartUpload", count=1))
    with pytest.raises(Unavailable) as failed:
        parts(cos, big)
    assert failed.value.maybe_applied
    assert emulator.requests.count("InitiateMultipartUpload") == 1


def test_a_file_that_changes_meanwhile_is_not_completed(emulator, make_cos, tap, big):
    def change(head):
        if "partNumber=2" in head:
            os.utime(big, ns=(1, 1))

    tap.before = change
    with pytest.raises(Conflict) as raised:
        parts(make_cos(proxy=tap.url), big)
    assert raised.value.code == "FileChanged"

    def cut(head):
        if "uploads" in head.split(" HTTP/")[0]:  # before a part is read
            os.truncate(big, 10)

    tap.before = cut
    # What was read before the cut may be whole: then the end tells.
    with pytest.raises((Unavailable, Conflict, OSError)):
        parts(make_cos(proxy=tap.url), big)


def test_a_completion_with_another_checksum_is_corrupt(wire, wired, big):
    def answer(head):
        if "uploads=" in head:
            body = b"<R><UploadId>u</UploadId></R>"
            return reply(200, body)
        if head.startswith("POST"):
            return reply(200, b"<R><ETag>e</ETag></R>")
        if head.startswith("HEAD"):
            return reply(404, content_length=0)
        return reply(200, etag='"e"')

    wire.answers = [answer]
    with pytest.raises(Corrupt):
        parts(wired, big)


def test_a_copy_keeps_headers_class_and_tags(cos, sdk):
    source = make(cos, storage_class="STANDARD_IA")
    cos.tag(source, {"t": 1})
    told = []
    copy = cos.copy(source, to=place("p/"), progress=told.append)
    assert copy == at("p/a.mp4", PLAYER)
    head = cos.head(copy)
    assert (head.content_type, head.cache_control) == ("video/mp4", "max-age=9")
    assert (head.metadata, head.storage_class) == ({"k": "v"}, "STANDARD_IA")
    assert cos.tag(copy, {}) == {"t": "1"}
    assert told == [("copy", 1, 1, 0)]


def test_a_copy_is_given_what_is_asked_for_and_keeps_the_rest(cos, sdk):
    source = make(cos, encryption="AES256", storage_class="STANDARD_IA")
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


def test_grants_are_kept_one_by_one_where_no_name_says_them(cos, sdk):
    source = make(cos)
    grantee = 'id="qcs::cam::uin/100000000002:uin/100000000002"'
    sdk.put_object_acl(Bucket=DESK, Key="v/a.mp4", GrantRead=grantee, GrantFullControl=grantee)
    changed = cos.set_metadata(source, {"n": "1"})
    assert changed.metadata == {"k": "v", "n": "1"}
    grants = sdk.get_object_acl(Bucket=DESK, Key="v/a.mp4")["AccessControlList"]["Grant"]
    assert {grant["Permission"] for grant in grants} == {"READ", "FULL_CONTROL"}
    assert len(grants) == 3
    sdk.put_object_acl(
        Bucket=DESK,
        Key="v/a.mp4",
        GrantRead='uri="http://cam.qcloud.com/groups/global/AllUsers"',
        GrantWrite=grantee,
    )
    cos.set_storage_class(source, "STANDARD_IA")
    grants = sdk.get_object_acl(Bucket=DESK, Key="v/a.mp4")["AccessControlList"]["Grant"]
    assert {grant["Permission"] for grant in grants} == {"READ", "WRITE", "FULL_CONTROL"}


def test_a_copy_that_is_damaged_is_made_again_and_otherwise_said(emulator, cos):
    source = make(cos)
    emulator.faults.add(Fault("corrupt", operation="CopyObject", count=2))
    copy = cos.copy(source, to=place("p/"))
    assert cos.read(copy) == b"film"
    emulator.faults.add(Fault("corrupt", operation="CopyObject"))
    with pytest.raises(Corrupt) as failed:
        cos.copy(source, to=place("q/"))
    assert failed.value.object == source
    with pytest.raises(SomeFailed):
        cos.move(source, to=place("r/"))
    assert cos.exists(source)


def test_a_copy_of_a_source_that_is_replaced_meanwhile_is_a_conflict(make_cos, cos, tap):
    source = make(cos)

    def replace(head):
        if head.startswith("PUT"):
            tap.before = lambda head: None
            make(cos, data=b"other")

    tap.before = replace
    with pytest.raises(Conflict) as failed:
        make_cos(proxy=tap.url).copy(source, to=place("p/"))
    assert failed.value.status == 412
    assert failed.value.object == source
    assert "p/a.mp4" in str(failed.value)


def test_a_copy_may_not_replace_other_bytes_if_so_asked(emulator, cos):
    source = make(cos)
    copy = cos.copy(source, to=place("p/"), overwrite=False)
    emulator.requests.clear()
    assert cos.copy(source, to=place("p/"), overwrite=False) == copy
    assert emulator.requests.count("CopyObject") == 0, "the same bytes are there"
    make(cos, "p/a.mp4", PLAYER, data=b"else")
    with pytest.raises(Conflict, match="other bytes"):
        cos.copy(source, to=place("p/"), overwrite=False)
    assert cos.read(copy) == b"else"


def test_a_copy_that_took_effect_unanswered_is_no_conflict_with_itself(
    emulator, cos, make_cos, tap
):
    source = make(cos)
    emulator.faults.add(Fault("error_after", operation="CopyObject", count=1))
    cos.copy(source, to=place("p/"), overwrite=False)
    assert emulator.requests.count("CopyObject") == 2

    def race(head):
        if head.startswith("PUT"):
            tap.before = lambda head: None
            make(cos, "q/a.mp4", PLAYER, data=b"else")
            emulator.faults.add(Fault("error", operation="CopyObject", count=1))

    tap.before = race
    with pytest.raises(Conflict) as failed:
        make_cos(proxy=tap.url).copy(source, to=place("q/"), overwrite=False)
    assert failed.value.code == "FileAlreadyExists"


def test_overwriting_is_also_refused_in_a_bucket_with_versions(cos, sdk):
    """COS ignores x-cos-forbid-overwrite there: only the look beforehand protects."""
    sdk.put_bucket_versioning(Bucket=PLAYER, Status="Enabled")
    source = make(cos)
    make(cos, "p/a.mp4", PLAYER, data=b"else")
    with pytest.raises(Conflict):
        cos.copy(source, to=place("p/"), overwrite=False)
    with pytest.raises(Conflict):
        cos.upload(b"x", at("p/a.mp4", PLAYER), overwrite=False)


def test_an_object_of_several_parts_is_compared_by_crc64(cos, big):
    source = parts(cos, big)
    copy = cos.copy(source, to=place("p/"))
    assert cos.read(copy) == big.read_bytes()


def in_parts(cos, source, target, **options):
    rules = CopyOptions(
        ObjectSettings(**options.pop("given", {})),
        max_copy_bytes=1 << 20,
        part_bytes=1 << 20,
        **options,
    )
    copier = Copier(cos._client, rules)
    pair = CopyTask(source, target)
    copier.prepare([pair])
    return copier.copy(pair)


def test_an_object_too_large_for_one_copy_is_copied_in_parts(emulator, cos, sdk, big):
    source = parts(cos, big, headers={"cache-control": "max-age=9", "x-cos-acl": "public-read"})
    copy = in_parts(
        cos,
        source,
        at("p/big", PLAYER),
        overwrite=False,
        given={"acl": "keep", "metadata": {"n": 1}},
    )
    assert cos.read(copy) == big.read_bytes()
    assert emulator.requests.count("UploadPartCopy") == 4
    head = cos.head(copy)
    assert (head.cache_control, head.metadata) == ("max-age=9", {"n": "1"})
    assert sdk.get_object_acl(Bucket=PLAYER, Key="p/big")["CannedACL"] == "public-read"
    in_parts(cos, source, at("p/big2", PLAYER))
    emulator.faults.add(Fault("error_in_200", operation="UploadPartCopy"))
    with pytest.raises(Unavailable):
        in_parts(cos, source, at("p/big3", PLAYER))
    assert "Upload" not in sdk.list_multipart_uploads(Bucket=PLAYER)


def many(cos, count=25, prefix="m/", **options):
    from scf_mps.cos import bulk

    items = [at(f"{prefix}{number:03}") for number in range(count)]
    bulk.run_each(
        cos._client, items, lambda item: cos.upload(item.key.encode(), item, **options), "put"
    )
    return items


def test_many_copies_take_a_list_instead_of_a_head_each(emulator, cos):
    items = many(cos)
    emulator.requests.clear()
    cos.copy(items, to=place("p/"))
    assert emulator.requests.counts() == {"ListObjects": 2, "HeadObject": 1, "CopyObject": 25}
    assert keys_of(cos, place("p/")) == [f"p/{number:03}" for number in range(25)]


def test_strangers_in_the_same_directory_are_left_alone(cos):
    items = many(cos)
    cos.upload(b"x", at("m/005-stranger"))
    cos.copy(items, to=place("p/"))
    assert len(keys_of(cos, place("p/"))) == 25


def test_a_damaged_copy_that_may_not_overwrite_leaves_nothing_in_its_own_way(emulator, cos):
    source = make(cos)
    emulator.faults.add(Fault("corrupt", operation="CopyObject"))
    with pytest.raises(Corrupt):
        cos.copy(source, to=place("p/"), overwrite=False)
    emulator.faults.clear()
    assert not cos.exists(at("p/a.mp4", PLAYER))
    assert cos.read(cos.copy(source, to=place("p/"), overwrite=False)) == b"film"


def test_encrypted_objects_are_looked_at_one_by_one_and_stay_encrypted(emulator, cos):
    items = many(cos, encryption="AES256")
    copies = cos.copy(items, to=place("p/"))
    assert {head.encryption for head in cos.head(copies)} == {"AES256"}


def test_what_a_resumed_run_leaves_out_is_what_it_would_have_made(emulator, cos):
    items = many(cos)

    def again(**options):
        emulator.requests.clear()
        cos.copy(items, to=place("p/"), **options)
        return emulator.requests.count("CopyObject")

    assert again() == 25
    assert again() == 0
    assert again(resume=False) == 25
    assert again(cache_control="no-cache") == 25
    assert again(cache_control="no-cache") == 0
    assert again(acl="public-read") == 25
    assert again(storage_class="STANDARD_IA") == 25
    assert again(storage_class="STANDARD_IA") == 0
    assert again(cache_control="no-cache", storage_class="STANDARD") == 25
    assert again(overwrite=False) == 0
    cos.upload(b"other", at("p/007", PLAYER))
    assert again() == 1
    cos.upload(b"other", at("p/007", PLAYER))
    with pytest.raises(SomeFailed) as failed:
        again(overwrite=False)
    assert failed.value.objects == [items[7]]


def test_a_copy_older_than_its_source_is_made_again(make_cos, tmp_path):
    now = [time.time()]
    with CosEmulator(tmp_path / "other", clock=lambda: now[0]) as other:
        other.create_bucket(DESK, REGION)
        keys = Credentials(other.key.secret_id, other.key.secret_key)
        cos = make_cos(keys, proxy=other.url)
        items = many(cos)
        cos.copy(items, to=place("p/", DESK))
        now[0] += 10
        many(cos, cache_control="new")
        other.requests.clear()
        copies = cos.copy(items, to=place("p/", DESK))
        assert other.requests.count("CopyObject") == 25
        assert cos.head(copies[0]).cache_control == "new"


def test_missing_sources_are_reported_and_the_others_copied(cos):
    items = many(cos)
    with pytest.raises(SomeFailed) as failed:
        cos.copy([*items, at("m/no")], to=place("p/"))
    assert failed.value.objects == [at("m/no")]
    assert failed.value.done == 25
    with pytest.raises(NotFound):
        cos.copy(at("m/no"), to=place("p/"))


def test_a_source_that_is_deleted_behind_the_list_is_reported(make_cos, cos, tap):
    items = many(cos)

    def delete(head):
        if head.startswith("HEAD"):
            tap.before = lambda head: None
            cos.delete(items[0])

    tap.before = delete
    with pytest.raises(SomeFailed) as failed:
        make_cos(proxy=tap.url).copy(items, to=place("p/"))
    assert failed.value.objects == items[:1]


def test_a_move_of_many_deletes_by_the_thousand(emulator, cos):
    items = many(cos)
    emulator.requests.clear()
    told = []
    moved = cos.move(items, to=place("p/"), progress=told.append)
    assert emulator.requests.count("DeleteMultipleObjects") == 1
    assert emulator.requests.count("DeleteObject") == 0
    assert not any(cos.exists(items))
    assert all(cos.exists(moved))
    assert told[-1].done == 25


def test_one_object_is_moved_and_moving_it_again_is_no_error(cos):
    source = make(cos)
    moved = cos.move(source, to=place("p/"))
    assert (cos.exists(source), cos.exists(moved)) == (False, True)
    assert cos.move(source, to=place("p/")) == moved
    with pytest.raises(SomeFailed) as failed:
        cos.move(at("never"), to=place("p/"))
    assert isinstance(failed.value.exceptions[0], NotFound)


def test_a_move_continues_where_a_deletion_stopped(emulator, cos):
    items = many(cos)
    emulator.faults.add(Fault("fail_keys", key="m/01*", code="AccessDenied"))
    with pytest.raises(SomeFailed) as failed:
        cos.move(items, to=place("p/"))
    assert {type(error) for error in failed.value.exceptions} == {Denied}
    assert failed.value.objects == items[10:20]
    emulator.faults.clear()
    cos.move(items, to=place("p/"))
    assert keys_of(cos, place("m/", DESK)) == []
    assert len(keys_of(cos, place("p/"))) == 25


def test_publishing_keeps_the_directories_and_ends_with_the_manifest(emulator, cos, make_cos, tap):
    master = put_hls(cos, segments=6)
    tapped = make_cos(proxy=tap.url)
    copies = tapped.publish(
        master,
        to=place("pub/"),
        cache_control="max-age=5",
        acl="public-read",
        progress=lambda p: None,
    )
    written = [head.split()[1].partition("pub/")[2] for head in tap.heads if head[:3] == "PUT"]
    assert written[-1] == "master.m3u8"
    assert sorted(written[-3:-1]) == ["high/index.m3u8", "low/index.m3u8"]
    assert len(written) == 10
    assert copies[-1] == at("pub/master.m3u8", PLAYER)
    assert {head.cache_control for head in cos.head(copies)} == {"max-age=5"}
    assert len(cos.verify(copies[-1])) == 10


def test_a_manifest_is_not_published_without_its_segments(emulator, cos):
    master = put_hls(cos, segments=6)
    emulator.faults.add(Fault("error", operation="CopyObject", key="*seg-00001.ts", status=403))
    with pytest.raises(SomeFailed, match="3 were not begun"):
        cos.publish(master, to=place("pub/"))
    assert not [key for key in keys_of(cos, place("pub/")) if key.endswith("m3u8")]


def test_deleting_takes_one_or_many_in_any_bucket(emulator, cos):
    items = [*many(cos, 3), make(cos, "x", PLAYER), make(cos, "y", PLAYER)]
    told = []
    cos.delete(items[0])
    cos.delete(items, progress=told.append)
    assert cos.exists(items) == [False] * 5
    assert told[-1] == ("delete", 5, 5, 0)
    cos.delete([])
    cos.delete(iter([items[0]]))


def test_a_key_that_no_xml_can_hold_is_deleted_by_itself(emulator, cos):
    items = [make(cos, key) for key in ("a\1", "b & <c>\r", "d\ue000", "e")]
    emulator.requests.clear()
    cos.delete(items)
    assert cos.exists(items) == [False] * 4
    assert emulator.requests.count("DeleteObject") == 1
    assert emulator.requests.count("DeleteMultipleObjects") == 1
    with pytest.raises(SomeFailed):
        cos.delete([CosObject("none-1250000000", REGION, "a\1"), items[0]])


def test_keys_that_failed_for_a_time_are_deleted_in_the_next_try(emulator, cos):
    items = many(cos, 5)
    emulator.faults.add(Fault("fail_keys", key="m/00[12]", count=3, code="InternalError"))
    cos.delete(items)
    assert cos.exists(items) == [False] * 5
    assert emulator.requests.count("DeleteMultipleObjects") == 3


def test_more_than_a_thousand_go_in_several_batches(emulator, cos):
    cos.delete([at(f"n/{number}") for number in range(1001)])
    assert emulator.requests.counts() == {"DeleteMultipleObjects": 1, "DeleteObject": 1}


def test_a_key_that_is_said_to_be_not_there_is_deleted(emulator, cos):
    emulator.faults.add(Fault("fail_keys", code="NoSuchKey"))
    cos.delete([at("a"), at("b")])


def test_a_batch_that_fails_as_a_whole_is_said_for_each_key(emulator, cos):
    items = many(cos, 3)
    emulator.faults.add(Fault("error", operation="DeleteMultipleObjects", status=403))
    with pytest.raises(SomeFailed) as failed:
        cos.delete(items)
    assert failed.value.objects == items
    with pytest.raises(NotFound):
        cos.delete(CosObject("none-1250000000", REGION, "a"))


def test_there_is_no_time_for_another_try_of_some_keys(emulator, make_cos, cos):
    from scf_mps.context import Context
    from scf_mps.cos import Retry

    items = many(cos, 3)
    emulator.faults.add(Fault("fail_keys", code="InternalError"))
    context = Context({"time_limit_in_ms": 5000})
    with pytest.raises(SomeFailed):
        make_cos(context=context, retry=Retry(base=10**6, cap=10**6)).delete(items)
    assert emulator.requests.count("DeleteMultipleObjects") == 1


def test_metadata_changes_leave_alone_what_is_so_already(emulator, cos):
    item = make(cos)
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


def test_an_object_without_tags_has_none(wire, wired):
    wire.answers = [reply(404, b"<Error><Code>NoSuchTagSet</Code></Error>")]
    assert wired.tag(at("a"), {}) == {}
    wire.answers = [reply(404, b"<Error><Code>NoSuchKey</Code></Error>")]
    with pytest.raises(NotFound):
        wired.tag(at("a"), {})


def test_a_change_that_damages_the_bytes_is_said(emulator, cos):
    item = make(cos)
    emulator.faults.add(Fault("corrupt", operation="CopyObject"))
    with pytest.raises(Corrupt):
        cos.set_metadata(item, {"n": "1"})


def test_an_object_over_5_gb_is_not_copied_onto_itself(wire, wired):
    wire.answers = [reply(200, content_length=6 << 30, etag='"e-2"')]
    with pytest.raises(Conflict, match="5 GB"):
        wired.set_metadata(at("a"), {"n": "1"})
    assert copy.MAX_COPY_BYTES == 5 << 30


VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF), max_size=20).map(str.strip)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None
)
@given(st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=60), VALUES)
def test_any_key_and_any_metadata_comes_back_as_it_was(cos, key, value):
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
    assert item in [entry.object for entry in cos.list(f"cos://{DESK}.{REGION}/")]
    cos.delete([item, at("other")])
    assert not cos.exists(item)
