"""Uploads of bytes and files, in one request and in parts."""

import os

import pytest

from scf_mps.cos import Conflict, Corrupt, Denied, Unavailable
from scf_mps.local.cos import Fault

from .support import MEDIA, at, build_response, list_uploads, place, upload_in_parts


def test_upload_guesses_content_type(cos, tmp_path):
    (tmp_path / "a.m3u8").write_text("#EXTM3U\n")
    (tmp_path / "b").write_bytes(b"")
    progress = []
    item = cos.upload(str(tmp_path / "a.m3u8"), to=place("x/", MEDIA), progress=progress.append)
    assert item == at("x/a.m3u8")
    assert cos.head(item).content_type == "application/vnd.apple.mpegurl"
    paths = [tmp_path / "a.m3u8", tmp_path / "b"]
    assert cos.upload(paths, to=place("y/", MEDIA)) == [at("y/a.m3u8"), at("y/b")]
    assert cos.head(at("y/b")).size == 0
    assert progress[-1] == ("upload", 1, 1, 8)
    cos.upload(b"x", at("z"), content_type="text/x", acl="public-read", encryption="AES256")
    assert cos.head(at("z")).content_type == "text/x"
    assert cos.head(at("z")).encryption == "AES256"


@pytest.mark.parametrize("verb", ["upload", "copy", "move", "publish"])
def test_misspelt_keyword_is_refused_before_requests(cos, emulator, verb):
    with pytest.raises(TypeError, match="content_typ"):
        getattr(cos, verb)("cos://a-1.ap-guangzhou/b", at("c"), content_typ="text/plain")
    assert list(emulator.requests) == []


@pytest.mark.parametrize(
    ("source", "to", "reason"),
    [
        (["a", "b"], place("x", MEDIA), "slash"),
        (["d/a", "e/a"], place("x/", MEDIA), "one object"),
        (b"x", place("x/", MEDIA), "name"),
    ],
)
def test_upload_refuses_impossible_target(cos, source, to, reason):
    with pytest.raises(ValueError, match=reason):
        cos.upload(source, to)


def test_upload_refuses_header_with_line_break(cos):
    for metadata in ({"k": "a\r\nx-cos-acl: public-read"}, {"k": "a\rb"}, {"k": "\0"}):
        with pytest.raises(ValueError, match="NUL"):
            cos.upload(b"x", at("a"), metadata=metadata)
    with pytest.raises(ValueError, match="metadata"):
        cos.upload(b"x", at("a"), metadata={"k: v": "x"})


def test_damaged_upload_is_sent_again(emulator, cos):
    emulator.faults.add(Fault("corrupt", operation="PutObject", count=2))
    cos.upload(b"right", at("a"))
    assert cos.read(at("a")) == b"right"
    assert emulator.requests.count("PutObject") == 3
    emulator.faults.add(Fault("corrupt", operation="PutObject"))
    with pytest.raises(Corrupt):
        cos.upload(b"never", at("b"))
    emulator.faults.clear()
    assert not cos.exists(at("b"))


def test_upload_fails_for_other_checksum(server, scripted_cos):
    server.responses = [build_response(200, etag='"e"', x_cos_hash_crc64ecma="1")]
    with pytest.raises(Corrupt):
        scripted_cos.upload(b"x", at("a"))


@pytest.mark.parametrize("kind", ["error_after", "reset_after"])
def test_unanswered_upload_does_not_conflict_with_itself(emulator, cos, kind):
    emulator.faults.add(Fault(kind, operation="PutObject", count=1))
    assert cos.upload(b"mine", at("a"), overwrite=False) == at("a")
    assert cos.read(at("a")) == b"mine"


@pytest.mark.parametrize("is_response_lost", [False, True])
def test_upload_conflicts_with_concurrent_upload(
    emulator, make_cos, cos, recorder, is_response_lost
):
    def upload_other_bytes():
        cos.upload(b"theirs", at("a"))
        if is_response_lost:
            emulator.faults.add(Fault("error", operation="PutObject", count=1))

    recorder.run_once_before("PUT", upload_other_bytes)
    with pytest.raises(Conflict):
        make_cos(proxy=recorder.url).upload(b"mine", at("a"), overwrite=False)
    assert cos.read(at("a")) == b"theirs"


def test_large_file_is_uploaded_in_parts(emulator, cos, large_file):
    progress = []
    item = upload_in_parts(
        cos, large_file, headers={"x-cos-forbid-overwrite": "true"}, count_bytes=progress.append
    )
    assert cos.read(item) == large_file.read_bytes()
    assert sum(progress) == large_file.stat().st_size
    assert emulator.requests.count("UploadPart") == 4
    with pytest.raises(Conflict):
        upload_in_parts(cos, large_file, headers={"x-cos-forbid-overwrite": "true"})
    assert emulator.requests.count("AbortMultipartUpload") == 1


@pytest.mark.parametrize(
    "kind", ["error", "error_after", "reset_before", "reset_after", "slow_down"]
)
@pytest.mark.parametrize("operation", ["UploadPart", "CompleteMultipartUpload"])
def test_multipart_upload_survives_fault_or_leaves_nothing(
    emulator, cos, sdk, large_file, kind, operation
):
    emulator.faults.add(Fault(kind, operation=operation, count=1, retry_after=None))
    try:
        upload_in_parts(cos, large_file)
    except Unavailable:
        assert operation == "CompleteMultipartUpload"
        assert kind in ("error", "reset_before")
        assert not cos.exists(at("big"))
    else:
        assert cos.read(at("big")) == large_file.read_bytes()
    is_repeated = operation == "CompleteMultipartUpload" and kind == "slow_down"
    assert emulator.requests.count("CompleteMultipartUpload") == (2 if is_repeated else 1)
    assert list_uploads(sdk) == []


def test_damaged_part_is_sent_again(emulator, cos, large_file):
    emulator.faults.add(Fault("corrupt", operation="UploadPart", count=1))
    assert cos.read(upload_in_parts(cos, large_file)) == large_file.read_bytes()
    assert emulator.requests.count("UploadPart") == 5


def test_initiate_is_not_repeated_when_outcome_is_unknown(emulator, cos, large_file):
    emulator.faults.add(Fault("error_after", operation="InitiateMultipartUpload", count=1))
    with pytest.raises(Unavailable) as raised:
        upload_in_parts(cos, large_file)
    assert raised.value.maybe_applied
    assert emulator.requests.count("InitiateMultipartUpload") == 1


def test_upload_fails_when_file_changes(emulator, make_cos, recorder, large_file):
    def change(head):
        if "partNumber=2" in head:
            os.utime(large_file, ns=(1, 1))

    recorder.before = change
    with pytest.raises(Conflict) as raised:
        upload_in_parts(make_cos(proxy=recorder.url), large_file)
    assert raised.value.code == "FileChanged"

    def cut(head):
        if "uploads" in head.split(" HTTP/")[0]:  # before a part is read
            os.truncate(large_file, 10)

    recorder.before = cut
    # The parts that were read before the cut may be complete. The completion detects it then.
    with pytest.raises((Unavailable, Conflict, OSError)):
        upload_in_parts(make_cos(proxy=recorder.url), large_file)


def test_completion_with_other_checksum_is_corrupt(server, scripted_cos, large_file):
    def respond(head):
        if "uploads=" in head:
            return build_response(200, b"<R><UploadId>u</UploadId></R>")
        if head.startswith("POST"):
            return build_response(200, b"<R><ETag>e</ETag></R>")
        if head.startswith("HEAD"):
            return build_response(404, content_length=0)
        return build_response(200, etag='"e"')

    server.responses = [respond]
    with pytest.raises(Corrupt):
        upload_in_parts(scripted_cos, large_file)


@pytest.mark.parametrize(
    ("body", "missing"), [(b"<R/>", "upload"), (b"<R><UploadId>u</UploadId></R>", "ETag")]
)
def test_upload_fails_without_upload_id_or_etag(server, hasty_cos, large_file, body, missing):
    server.responses = [
        build_response(200, body),
        lambda head: build_response(200 if head.startswith("PUT") else 204),
    ]
    with pytest.raises(Unavailable, match=missing):
        upload_in_parts(hasty_cos, large_file)


def test_refused_part_aborts_upload(emulator, sdk, cos, large_file):
    emulator.faults.add(Fault("error", operation="UploadPart", status=403, code="AccessDenied"))
    with pytest.raises(Denied) as raised:
        upload_in_parts(cos, large_file)
    assert raised.value.code == "AccessDenied"
    assert list_uploads(sdk) == []


def test_unfinished_upload_of_others_is_not_continued(sdk, cos, large_file):
    other = sdk.create_multipart_upload(Bucket=MEDIA, Key="big", CacheControl="other")
    upload_in_parts(cos, large_file, headers={"cache-control": "mine"})
    assert cos.head(at("big")).cache_control == "mine"
    assert list_uploads(sdk) == ["big"]
    sdk.abort_multipart_upload(Bucket=MEDIA, Key="big", UploadId=other["UploadId"])
