"""Multipart uploads, with COS's limits and errors."""

from __future__ import annotations

import hashlib
import http.client
import os
import threading
from contextlib import suppress
from urllib.parse import quote

import pytest
from fastcrc import crc64

from scf_mps.local.cos import CosEmulator

from .support import blobs, complete, initiate, put_parts, upload, waiting_upload
from .wire import BUCKET, HOST, REGION, Wire

MB = 1024 * 1024


def test_complete_joins_parts_with_crc64_of_object(wire):
    upload_id = initiate(wire, Content_Type="video/mp4", x_cos_storage_class="STANDARD_IA")
    bodies = (b"a" * MB, b"b" * MB, b"end")
    parts = put_parts(wire, upload_id, *bodies)
    assert wire.head("m").status == 404
    completed = complete(wire, upload_id, parts)
    digests = b"".join(hashlib.md5(body).digest() for body in bodies)
    assert completed.text("ETag") == f'"{hashlib.md5(digests).hexdigest()}-3"'
    assert completed.text("Location") == f"http://{HOST}/m"
    response = wire.get("m")
    assert response.body == b"".join(bodies)
    assert response.headers["x-cos-hash-crc64ecma"] == str(crc64.xz(response.body))
    assert completed.headers["x-cos-hash-crc64ecma"] == response.headers["x-cos-hash-crc64ecma"]
    assert response.headers["Content-Type"] == "video/mp4"
    assert response.headers["x-cos-storage-class"] == "STANDARD_IA"


def test_upload_part_returns_crc64_of_part(wire):
    reply = upload(wire, initiate(wire), 1, b"123456789")
    assert reply.headers["x-cos-hash-crc64ecma"] == "11051210869376104954"


def test_replaced_part_releases_its_bytes(cos, wire):
    upload_id = initiate(wire)
    upload(wire, upload_id, 1, b"old")
    etag = upload(wire, upload_id, 1, b"new").headers["ETag"]
    assert len(blobs(cos.directory)) == 1
    assert complete(wire, upload_id, [(1, etag.strip('"'))]).status == 200
    assert wire.get("m").body == b"new"
    assert len(blobs(cos.directory)) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda parts: [parts[1], parts[0]], "InvalidPartOrder"),
        (lambda parts: [parts[0], parts[0]], "InvalidPartOrder"),
        (lambda parts: [parts[0], (2, '"other"')], "InvalidPart"),
        (lambda parts: [*parts, (3, '"other"')], "InvalidPart"),
        (lambda parts: [parts[1]], "InvalidPart"),
        (lambda parts: [], "InvalidPart"),
        (lambda parts: parts, "EntityTooSmall"),
    ],
)
def test_complete_refuses_invalid_part_list(wire, change, code):
    upload_id = initiate(wire)
    parts = put_parts(wire, upload_id, b"a" * (MB - 1), b"b")
    assert complete(wire, upload_id, change(parts)).error == f"400 {code}"
    assert wire.head("m").status == 404


@pytest.mark.parametrize(
    "body",
    [
        "no xml",
        "<Other/>",
        "<CompleteMultipartUpload><Part><ETag>x</ETag></Part></CompleteMultipartUpload>",
        "<CompleteMultipartUpload><Part><PartNumber>x</PartNumber><ETag>x</ETag></Part>"
        "</CompleteMultipartUpload>",
    ],
)
def test_complete_refuses_malformed_part_list(wire, body):
    reply = wire.request("POST", "m", {"uploadId": initiate(wire)}, body=body.encode())
    assert reply.error == "400 MalformedXML"


@pytest.mark.parametrize("number", ["0", "10001", "x", ""])
def test_part_number_is_from_1_to_10000(wire, number):
    assert upload(wire, initiate(wire), number, b"x").error == "400 InvalidArgument"


def test_completed_upload_does_not_exist(wire):
    upload_id = initiate(wire)
    parts = put_parts(wire, upload_id, b"x")
    assert complete(wire, upload_id, parts).status == 200
    for reply in (
        complete(wire, upload_id, parts),
        upload(wire, upload_id, 1, b"x"),
        wire.request("DELETE", "m", {"uploadId": upload_id}),
        wire.request("GET", "m", {"uploadId": upload_id}),
    ):
        assert reply.error == "404 NoSuchUpload"


def test_upload_belongs_to_its_key(wire):
    assert upload(wire, initiate(wire, "m"), 1, b"x", key="other").code == "NoSuchUpload"


def test_aborted_upload_releases_its_bytes(cos, wire):
    upload_id = initiate(wire)
    put_parts(wire, upload_id, b"x", b"y")
    assert wire.request("DELETE", "m", {"uploadId": upload_id}).status == 204
    assert blobs(cos.directory) == []


def test_complete_can_forbid_overwrite_and_keeps_upload(wire):
    wire.put("m", b"old")
    upload_id = initiate(wire)
    parts = put_parts(wire, upload_id, b"new")
    reply = complete(wire, upload_id, parts, x_cos_forbid_overwrite="true")
    assert reply.error == "409 FileAlreadyExists"
    assert wire.get("m").body == b"old"
    assert complete(wire, upload_id, parts).status == 200


def test_parts_are_listed_in_pages(wire):
    upload_id = initiate(wire, "m ü")
    for number in (3, 1, 2):
        upload(wire, upload_id, number, b"x" * number, key="m ü")
    query = {"uploadId": upload_id, "max-parts": "2", "encoding-type": "url"}
    page = wire.get("m ü", query)
    assert page.texts("Part/PartNumber") == ["1", "2"]
    assert page.texts("Part/Size") == ["1", "2"]
    assert page.text("Key") == quote("m ü")
    assert (page.text("IsTruncated"), page.text("NextPartNumberMarker")) == ("true", "2")
    second_page = wire.get("m ü", {"uploadId": upload_id, "part-number-marker": "2"})
    assert second_page.texts("Part/PartNumber") == ["3"]
    assert (second_page.text("IsTruncated"), second_page.text("Key")) == ("false", "m ü")


def test_uploads_are_listed_in_pages_and_below_prefixes(wire):
    ids = [initiate(wire, key) for key in ("a/1", "a/2", "b", "b", "c d")]
    everything = wire.request("GET", query={"uploads": ""})
    assert everything.texts("Upload/UploadId") == ids
    page = wire.request("GET", query={"uploads": "", "max-uploads": "3"})
    assert page.text("IsTruncated") == "true"
    assert page.text("NextUploadIdMarker") == ids[2]
    second_page = wire.request(
        "GET",
        query={
            "uploads": "",
            "key-marker": page.text("NextKeyMarker"),
            "upload-id-marker": page.text("NextUploadIdMarker"),
            "encoding-type": "url",
        },
    )
    assert second_page.texts("Upload/UploadId") == ids[3:]
    assert second_page.texts("Upload/Key") == ["b", "c%20d"]
    folded = wire.request("GET", query={"uploads": "", "delimiter": "/", "max-uploads": "1"})
    assert folded.texts("CommonPrefixes/Prefix") == ["a/"]
    assert (folded.text("NextKeyMarker"), folded.text("NextUploadIdMarker")) == ("a/", "")
    below = wire.request("GET", query={"uploads": "", "prefix": "a/"})
    assert below.texts("Upload/Key") == ["a/1", "a/2"]


def test_part_is_copied_from_object_or_range(wire):
    wire.put("source", b"x" * MB + b"0123456789")
    upload_id = initiate(wire)
    parts = []
    for number, text in ((1, ""), (2, "bytes=1048576-1048579")):
        headers = {"x-cos-copy-source": f"{HOST}/source"}
        headers["x-cos-copy-source-range"] = text
        query = {"partNumber": str(number), "uploadId": upload_id}
        reply = wire.request("PUT", "m", query, headers)
        assert reply.status == 200
        assert reply.text("CRC64") == reply.headers["x-cos-hash-crc64ecma"]
        parts.append((number, reply.text("ETag")))
    assert complete(wire, upload_id, parts).status == 200
    assert wire.get("m").body == b"x" * MB + b"01234567890123"


@pytest.mark.parametrize(
    ("text", "status"), [("bytes=0-", 400), ("bytes=-5", 400), ("0-5", 400), ("bytes=20-30", 416)]
)
def test_part_copy_refuses_open_range(wire, text, status):
    wire.put("source", b"0123456789")
    headers = {"x-cos-copy-source": f"{HOST}/source", "x-cos-copy-source-range": text}
    query = {"partNumber": "1", "uploadId": initiate(wire)}
    assert wire.request("PUT", "m", query, headers).status == status


def test_part_is_refused_after_abort(cos, wire):
    upload_id = initiate(wire)
    with waiting_upload(cos, "PUT", "m", {"partNumber": "1", "uploadId": upload_id}) as slow:
        assert wire.request("DELETE", "m", {"uploadId": upload_id}).status == 204
        slow.sendall(b"slow")
        assert b"NoSuchUpload" in slow.recv(4096)
    assert blobs(cos.directory) == []


def test_complete_and_abort_have_one_winner(cos, wire):
    upload_id = initiate(wire)
    parts = put_parts(wire, upload_id, b"four")
    # A pipe in place of the part's bytes blocks the completion.
    (part,) = blobs(cos.directory)
    part.unlink()
    os.mkfifo(part)
    replies = []
    completion = threading.Thread(target=lambda: replies.append(complete(wire, upload_id, parts)))
    completion.start()
    with part.open("wb") as pipe:
        assert wire.request("DELETE", "m", {"uploadId": upload_id}).status == 204
        pipe.write(b"four")
    completion.join()
    assert replies[0].error == "404 NoSuchUpload"
    assert blobs(cos.directory) == []
    assert wire.head("m").status == 404


def test_stop_waits_for_bytes_being_moved(tmp_path):
    with CosEmulator(tmp_path) as cos:
        cos.create_bucket(BUCKET, REGION)
        wire = Wire(cos)
        upload_id = initiate(wire)
        parts = put_parts(wire, upload_id, b"four")
    (part,) = blobs(tmp_path)
    part.unlink()
    os.mkfifo(part)
    cos = CosEmulator(tmp_path)
    cos.__enter__()

    def attempt() -> None:
        with suppress(OSError, http.client.HTTPException):
            complete(Wire(cos), upload_id, parts)

    completion = threading.Thread(target=attempt)
    completion.start()
    stop = threading.Thread(target=cos.__exit__, args=(None, None, None))
    with part.open("wb") as pipe:
        stop.start()
        stop.join(1)
        assert stop.is_alive()
        pipe.write(b"four")
    stop.join()
    completion.join()
    # The completion is either finished or cancelled.
    (left,) = blobs(tmp_path)
    with CosEmulator(tmp_path) as cos:
        assert (Wire(cos).head("m").status == 200) is (left != part)


def test_complete_fails_when_bytes_are_missing(cos, wire):
    upload_id = initiate(wire)
    parts = put_parts(wire, upload_id, b"x")
    blobs(cos.directory)[0].unlink()
    assert complete(wire, upload_id, parts).error == "500 InternalError"
