"""Objects without CRC64, and multipart objects."""

import contextlib
import re

import pytest

from scf_mps.cos import Corrupt, Retry, Unavailable
from scf_mps.cos.copy import CopyOptions, CopyTask, move_objects
from scf_mps.cos.metadata import ObjectSettings
from scf_mps.cos.progress import ProgressReporter
from scf_mps.local.cos import Fault

from .support import (
    MEDIA,
    PART_BYTES,
    PLAYER,
    RecordingProxy,
    at,
    build_response,
    copy_in_parts,
    list_keys,
    place,
    upload_in_parts,
)


def build_copy_response(etag, crc64=""):
    checksum = f"<CRC64>{crc64}</CRC64>" if crc64 else ""
    body = f"<CopyObjectResult><ETag>&quot;{etag}&quot;</ETag>{checksum}</CopyObjectResult>"
    return build_response(200, body.encode())


class ChecksumRemover(RecordingProxy):
    """A proxy before the emulator that removes every CRC64 from its responses."""

    def change_response(self, request_head, head, body):
        head = re.sub(r"(?im)^x-cos-hash-crc64ecma:.*\r\n", "", head)
        body = re.sub(rb"<CRC64>\d+</CRC64>", b"", body)
        if not request_head.startswith("HEAD"):
            head = re.sub(r"(?im)^content-length:.*", f"content-length: {len(body)}", head)
        return head, body


@pytest.fixture
def checksum_remover(emulator):
    with ChecksumRemover(emulator) as server:
        yield server


@pytest.fixture
def plain_cos(checksum_remover, make_cos):
    """A `Cos` for which no object has a CRC64."""
    return make_cos(proxy=checksum_remover.url)


def test_multipart_copy_works_without_crc64(plain_cos, cos, large_file):
    source = upload_in_parts(plain_cos, large_file)
    copy = copy_in_parts(plain_cos, source, at("p/big", PLAYER))
    assert copy == at("p/big", PLAYER)
    assert cos.read(copy) == large_file.read_bytes()


def test_multipart_move_works_without_crc64(plain_cos, large_file):
    source = upload_in_parts(plain_cos, large_file)
    target = at("p/big", PLAYER)
    options = CopyOptions(ObjectSettings(), max_copy_bytes=PART_BYTES, part_bytes=PART_BYTES)
    report = ProgressReporter("move", 1, None)
    move_objects(plain_cos._client, [CopyTask(source, target)], options, report)
    assert list_keys(plain_cos, place("", MEDIA)) == []
    assert plain_cos.read(target) == large_file.read_bytes()


def test_every_write_works_without_crc64(plain_cos, cos, large_file, tmp_path):
    item = plain_cos.upload(b"small", at("v/small"))
    parts = upload_in_parts(plain_cos, large_file)
    assert plain_cos.copy([item, parts], place())
    assert plain_cos.move(item, place("q/")) == at("q/small", PLAYER)
    assert plain_cos.verify([parts], content=True)[0].size == large_file.stat().st_size
    assert plain_cos.set_metadata(parts, {"a": "1"}).metadata == {"a": "1"}
    assert plain_cos.download(parts, tmp_path / "copy").read_bytes() == large_file.read_bytes()
    assert cos.read(parts) == large_file.read_bytes()


def build_head(etag, size=7, crc64=None):
    return build_response(200, etag=f'"{etag}"', content_length=size, x_cos_hash_crc64ecma=crc64)


@pytest.mark.parametrize(
    ("source", "copied", "target", "is_right"),
    [
        (build_head("e-2"), "e-2", build_head("e-2"), True),
        (build_head("e-2"), "f", build_head("f"), True),
        (build_head("e-2"), "f", build_head("f", size=6), False),
        (build_head("e-2", crc64=42), "e-2", build_head("e-2", crc64=43), False),
    ],
    ids=["same ETag", "same size", "other size", "other CRC64"],
)
def test_copy_of_multipart_object_is_compared(
    server, scripted_cos, source, copied, target, is_right
):
    """By CRC64, or else by size. Its ETag is no MD5, and a copy in one request has another one."""

    def respond(head):
        if head.startswith("PUT"):
            return build_copy_response(copied)
        return source if head.startswith(f"HEAD http://{MEDIA}") else target

    server.responses = [respond]
    with contextlib.nullcontext() if is_right else pytest.raises(Corrupt):
        scripted_cos.copy(at("a"), to=place("b"))


def respond_with_multipart_objects(names, targets_exist):
    """Return a function that responds as a bucket of multipart objects."""
    entry = (
        "<Contents><Key>{}</Key><LastModified>2026-11-22T06:40:37.000Z</LastModified>"
        "<ETag>&quot;e-2&quot;</ETag><Size>7</Size></Contents>"
    )

    def respond(head):
        if head.startswith("HEAD"):
            return build_response(200, etag='"e-2"', content_length=7, x_cos_hash_crc64ecma="42")
        if head.startswith("PUT"):
            return build_copy_response("other", "42")
        is_source = head.startswith(f"GET http://{MEDIA}")
        keys = [name if is_source else f"p/{name}" for name in names]
        body = "".join(map(entry.format, keys)) if is_source or targets_exist else ""
        return build_response(200, f"<ListBucketResult>{body}</ListBucketResult>".encode())

    return respond


@pytest.mark.parametrize("targets_exist", [False, True])
def test_listed_multipart_objects_are_copied(server, scripted_cos, targets_exist):
    """Equal ETags do not show that a copy was made before. CRC64 shows that it is right."""
    names = [f"k{number:02}" for number in range(20)]
    server.responses = [respond_with_multipart_objects(names, targets_exist)]
    assert len(scripted_cos.copy([at(name) for name in names], to=place("p/"))) == 20
    assert sum(head.startswith("PUT") for head in server.heads) == 20


def test_unanswered_completion_is_found_without_crc64(
    emulator, checksum_remover, make_cos, large_file
):
    emulator.faults.add(Fault("reset_after", operation="CompleteMultipartUpload", count=1))
    cos = make_cos(proxy=checksum_remover.url)
    assert cos.read(upload_in_parts(cos, large_file)) == large_file.read_bytes()


def test_unanswered_completion_is_not_older_object(
    emulator, checksum_remover, make_cos, cos, large_file
):
    """The ETag of an older object of the same size shows that it has no parts."""
    cos.upload(b"x" * large_file.stat().st_size, at("big"))
    emulator.faults.add(Fault("reset_before", operation="CompleteMultipartUpload"))
    with pytest.raises(Unavailable):
        upload_in_parts(
            make_cos(proxy=checksum_remover.url, retry=Retry(attempts=2, base=0.001)), large_file
        )


def test_unanswered_upload_is_found_without_crc64(emulator, plain_cos):
    emulator.faults.add(Fault("reset_after", operation="PutObject", count=1))
    assert plain_cos.upload(b"x", at("a"), overwrite=False) == at("a")
