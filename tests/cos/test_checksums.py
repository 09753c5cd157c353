"""Objects without CRC64 and objects of several parts: compared by what there is, never by what is missing."""

from __future__ import annotations

import re
import socket
from contextlib import suppress

import pytest

from scf_mps.cos import Corrupt, NotFound, Retry, SomeFailed, Unavailable, upload
from scf_mps.cos.copy import Copier, CopyOptions, CopyTask, move_objects
from scf_mps.cos.metadata import ObjectSettings
from scf_mps.cos.progress import ProgressReporter
from scf_mps.local.cos import Fault

from .conftest import DESK, PLAYER, Tap, _header, _read_head, at, keys_of, place, reply

IN_PARTS = CopyOptions(ObjectSettings(), max_copy_bytes=1 << 20, part_bytes=1 << 20)


class Bare(Tap):
    """Stands before the emulator, and takes every CRC64 out of its answers."""

    def _pass_on(self, connection):
        client = connection.makefile("rb")
        with suppress(OSError), socket.create_connection(self._target) as server:
            answers = server.makefile("rb")
            while head := _read_head(client):
                body = client.read(int(_header(head, "content-length") or 0))
                self.heads.append(head)
                server.sendall(f"{head}\r\n".encode("latin-1") + body)
                if not (answer := _read_head(answers)):
                    return
                length = _header(answer, "content-length")
                answer = re.sub(r"(?im)^x-cos-hash-crc64ecma:.*\r\n", "", answer)
                content = b""
                if not head.startswith("HEAD"):
                    content = answers.read(int(length or 0))
                    content = re.sub(rb"<CRC64>\d+</CRC64>", b"", content)
                    answer = re.sub(
                        r"(?im)^content-length:.*", f"content-length: {len(content)}", answer
                    )
                connection.sendall(f"{answer}\r\n".encode("latin-1") + content)


@pytest.fixture
def bare(emulator):
    server = Bare(emulator)
    yield server
    server.close()


@pytest.fixture
def plain(bare, make_cos):
    """A `Cos` for which no object has a CRC64."""
    return make_cos(proxy=bare.url)


@pytest.fixture
def big(tmp_path):
    path = tmp_path / "big"
    path.write_bytes(bytes(range(256)) * 10_000)
    return path


def upload_in_parts(cos, path, key="v/big"):
    upload.Uploader(cos._client, lambda _: None, 1 << 20).upload(path, at(key), {})
    return at(key)


def test_copy_in_parts_is_right_without_crc64(plain, cos, big):
    source = upload_in_parts(plain, big)
    copier = Copier(plain._client, IN_PARTS)
    pair = CopyTask(source, at("p/big", PLAYER))
    copier.prepare([pair])
    assert copier.copy(pair) == pair.target
    assert cos.read(pair.target) == big.read_bytes()


def test_move_in_parts_ends_without_crc64(plain, big):
    source = upload_in_parts(plain, big)
    target = at("p/big", PLAYER)
    move_objects(
        plain._client, [CopyTask(source, target)], IN_PARTS, ProgressReporter("move", 1, None)
    )
    assert keys_of(plain, place("", DESK)) == []
    assert plain.read(target) == big.read_bytes()


def test_every_way_of_writing_works_without_crc64(plain, cos, big, tmp_path):
    item = plain.upload(b"small", at("v/small"))
    parts = upload_in_parts(plain, big)
    assert plain.copy([item, parts], place())
    assert plain.move(item, place("q/")) == at("q/small", PLAYER)
    assert plain.verify([parts], content=True)[0].size == 2_560_000
    assert plain.set_metadata(parts, {"a": "1"}).metadata == {"a": "1"}
    assert plain.download(parts, tmp_path / "copy").read_bytes() == big.read_bytes()
    assert cos.read(parts) == big.read_bytes()


def test_small_copy_of_parts_is_right_by_its_size(wire, wired):
    """Neither side has a CRC64, and a copy in one request has another ETag than an object of parts."""
    heads = [reply(200, etag='"e-2"', content_length=7), reply(200, etag='"f"', content_length=7)]
    done = reply(200, b"<CopyObjectResult><ETag>&quot;f&quot;</ETag></CopyObjectResult>")
    wire.answers = [heads[0], done, heads[1]]
    assert wired.copy(at("a"), to=place("b"))
    shorter = reply(200, etag='"f"', content_length=6)
    wire.answers = [heads[0], done, shorter, done, shorter, done, shorter]
    with pytest.raises(Corrupt):
        wired.copy(at("a"), to=place("b"))


def test_equal_etags_of_parts_prove_no_copy(wire, wired):
    """The ETag of an object of several parts is no MD5: CRC64 decides."""
    source = reply(200, etag='"e-2"', content_length=7, x_cos_hash_crc64ecma="42")
    target = reply(200, etag='"e-2"', content_length=7, x_cos_hash_crc64ecma="43")
    done = reply(200, b"<CopyObjectResult><ETag>&quot;e-2&quot;</ETag></CopyObjectResult>")
    wire.answers = [source, done, target, done, target, done, target]
    with pytest.raises(Corrupt):
        wired.copy(at("a"), to=place("b"))


def test_resume_copies_again_where_only_etags_of_parts_agree(wire, wired):
    names = [f"k{number:02}" for number in range(20)]
    entry = (
        "<Contents><Key>{}</Key><LastModified>2026-11-22T06:40:37.000Z</LastModified>"
        "<ETag>&quot;e-2&quot;</ETag><Size>7</Size></Contents>"
    )

    def answer(head):
        if head.startswith("HEAD"):
            return reply(200, etag='"e-2"', content_length=7, x_cos_hash_crc64ecma="42")
        if head.startswith("GET"):
            prefix = "" if head.startswith("GET http://desk") else "p/"
            body = "".join(entry.format(prefix + name) for name in names)
            return reply(200, f"<ListBucketResult>{body}</ListBucketResult>".encode())
        body = b"<CopyObjectResult><ETag>&quot;x-1&quot;</ETag><CRC64>42</CRC64></CopyObjectResult>"
        return reply(200, body)

    wire.answers = [answer]
    wired.copy([at(name) for name in names], to=place("p/"))
    assert sum(head.startswith("PUT") for head in wire.heads) == 20


def test_unanswered_completion_is_found_without_crc64(emulator, bare, make_cos, big):
    emulator.faults.add(Fault("reset_after", operation="CompleteMultipartUpload", count=1))
    cos = make_cos(proxy=bare.url)
    assert cos.read(upload_in_parts(cos, big)) == big.read_bytes()


def test_unanswered_completion_is_no_older_object(emulator, bare, make_cos, cos, big):
    """An object of the same size was there before: without CRC64 its ETag shows that it has no parts."""
    cos.upload(b"x" * 2_560_000, at("v/big"))
    emulator.faults.add(Fault("reset_before", operation="CompleteMultipartUpload"))
    with pytest.raises(Unavailable):
        upload_in_parts(make_cos(proxy=bare.url, retry=Retry(attempts=2, base=0.001)), big)


def test_unanswered_upload_is_found_without_crc64(emulator, plain):
    emulator.faults.add(Fault("reset_after", operation="PutObject", count=1))
    assert plain.upload(b"x", at("a"), overwrite=False) == at("a")


def test_part_without_etag_is_an_error(wire, wired, big):
    wire.answers = [
        reply(200, b"<R><UploadId>u</UploadId></R>"),
        lambda head: reply(200) if head.startswith("PUT") else reply(204),
    ]
    with pytest.raises(Unavailable):
        upload_in_parts(wired, big)


def test_move_again_is_done_when_the_source_is_gone(cos):
    target = cos.upload(b"x", at("p/a", PLAYER))
    assert cos.move(at("a"), target) == target
    with pytest.raises(SomeFailed) as failed:
        cos.move(at("b"), at("p/b", PLAYER))
    assert isinstance(failed.value.exceptions[0], NotFound)


def test_move_from_a_missing_bucket_is_not_done(cos):
    cos.upload(b"x", at("p/a", PLAYER))
    with pytest.raises(SomeFailed) as failed:
        cos.move(at("a", "nothere-1250000000"), at("p/a", PLAYER))
    assert isinstance(failed.value.exceptions[0], NotFound)


def test_move_again_needs_no_right_to_list(wire, wired):
    def answer(head):
        if head.startswith("GET"):
            return reply(403, b"<Error><Code>AccessDenied</Code></Error>")
        is_copy = "myqcloud.com/b " in head
        return reply(200, etag='"e"', content_length=1) if is_copy else reply(404)

    wire.answers = [answer]
    assert wired.move(at("a"), at("b")) == at("b")


def test_batch_is_tried_as_often_as_any_request(emulator, make_cos, cos):
    items = [cos.upload(b"x", at(key)) for key in "abc"]
    emulator.faults.add(Fault("fail_keys", key="b"))
    emulator.requests.clear()
    with pytest.raises(SomeFailed) as failed:
        make_cos(retry=Retry(attempts=3, base=0.001)).delete(items)
    asked = [one for one in emulator.requests if one.operation == "DeleteMultipleObjects"]
    assert len(asked) == 3
    assert failed.value.objects == [at("b")]
    assert failed.value.done == 2
