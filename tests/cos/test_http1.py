"""Bodies of every framing, whole, cut and malformed: the bytes of the object, or an error of COS."""

from __future__ import annotations

import hashlib
import io

import pytest

from scf_mps.common.retry import parse_retry_after
from scf_mps.cos import Corrupt, NotFound, Retry, SomeFailed, Unavailable, crc64, operations
from scf_mps.cos.request import Target

from .conftest import at, place, reply

DATA = b"hello world, 24 bytes..."
CRC = str(crc64.update(DATA))
MD5 = hashlib.md5(DATA).hexdigest()
OTHER_CRC = str(crc64.update(b"something else"))


def chunks(data, size=5, end=b"0\r\n\r\n"):
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + end


def answer(body, status=200, crc=CRC, **headers):
    """A response without a length of its own; its connection ends behind it."""
    headers = {"content_length": None, "x_cos_hash_crc64ecma": crc, "etag": '"e-2"', **headers}
    return reply(status, body, **headers) + b"<end>"


CHUNKED = {"transfer_encoding": "chunked"}

WHOLE = {
    "length": answer(DATA, content_length=len(DATA)),
    "length, repeated": answer(DATA, content_length=f"{len(DATA)}, {len(DATA)}"),
    "chunks": answer(chunks(DATA), **CHUNKED),
    "chunks of one byte": answer(chunks(DATA, 1), **CHUNKED),
    "chunks, with trailers": answer(chunks(DATA, end=b"0\r\na: b\r\n\r\n"), **CHUNKED),
    "chunks, checked by MD5": answer(chunks(DATA), crc=None, etag=f'"{MD5}"', **CHUNKED),
    "chunks, nothing to check": answer(chunks(DATA), crc=None, **CHUNKED),
    "chunks beside a length": answer(chunks(DATA), content_length=3, **CHUNKED),
    "until the connection ends": answer(DATA),
    "until the connection ends, MD5": answer(DATA, crc=None, etag=f'"{MD5}"'),
    "part of unknown size": answer(DATA, 206, content_range=f"bytes 0-{len(DATA) - 1}/*"),
    "part of known size": answer(DATA, 206, content_range=f"bytes 0-{len(DATA) - 1}/{len(DATA)}"),
    "range in a 200": answer(DATA, content_range="bytes 0-4/*"),
    "no bytes": answer(b"", crc="0", content_length=0),
}

BROKEN = {
    "length of 0, another checksum": (answer(b"", content_length=0), Corrupt),
    "length of 0, another MD5": (
        answer(b"", crc=None, etag=f'"{MD5}"', content_length=0),
        Corrupt,
    ),
    "chunks, another checksum": (answer(chunks(DATA), crc=OTHER_CRC, **CHUNKED), Corrupt),
    "no chunks, another checksum": (answer(b"0\r\n\r\n", **CHUNKED), Corrupt),
    "cut by the connection's end": (answer(DATA[:9]), Corrupt),
    "cut by the connection's end, nothing to check": (answer(DATA[:9], crc=None), Unavailable),
    "nothing until the connection ends": (answer(b"", crc=None), Unavailable),
    "cut in a chunk": (answer(chunks(DATA)[:13], **CHUNKED), Unavailable),
    "cut before the last chunk": (answer(chunks(DATA, end=b""), **CHUNKED), Unavailable),
    "chunk without its end": (answer(b"5\r\nhelloworld", **CHUNKED), Unavailable),
    "negative chunk": (answer(b"-5\r\nhello\r\n", **CHUNKED), Unavailable),
    "chunk in Python's notation": (answer(b"0x5\r\nhello\r\n", **CHUNKED), Unavailable),
    "chunk of 20 digits": (answer(b"f" * 20 + b"\r\nhello\r\n", **CHUNKED), Unavailable),
    "endless trailers": (answer(b"0\r\n" + b"a: b\r\n" * 300, **CHUNKED), Unavailable),
    "another transfer encoding": (answer(DATA, transfer_encoding="gzip, chunked"), Unavailable),
    "length of 5,000 digits": (answer(DATA, content_length="9" * 5000), Unavailable),
    "length in other digits": (answer(DATA, content_length="٢٤"), Unavailable),
    "negative length": (answer(DATA, content_length=-24), Unavailable),
    "no number": (answer(DATA, content_length="many"), Unavailable),
    "empty length": (answer(DATA, content_length=""), Unavailable),
    "lengths that differ": (answer(DATA, content_length="24, 5"), Unavailable),
    "length longer than the body": (answer(DATA, content_length=30), Unavailable),
    "length shorter than the body": (answer(DATA, content_length=20), Corrupt),
    "range that is none": (answer(DATA, 206, content_range="bytes x-y/z"), Unavailable),
    "range of 5,000 digits": (
        answer(DATA, 206, content_range="bytes 0-4/" + "9" * 5000),
        Unavailable,
    ),
    "part without a range": (answer(DATA, 206), Unavailable),
    "part from another byte": (answer(DATA, 206, content_range="bytes 5-9/10"), Unavailable),
    "part of unknown size, cut": (
        answer(DATA[:5], 206, content_range="bytes 0-4/*"),
        Corrupt,
    ),
    "part of unknown size, nothing to check": (
        answer(DATA[:5], 206, crc=None, content_range="bytes 0-4/*", content_length=5),
        Unavailable,
    ),
}


@pytest.fixture
def impatient(wire, make_cos):
    """A `Cos` that tries twice."""
    return make_cos(proxy=wire.url, retry=Retry(attempts=2, base=0.001))


def read(cos, folder):
    return cos.read(at("a"))


def read_by_open(cos, folder):
    with cos.open(at("a")) as file:
        return file.read()


def read_by_download(cos, folder):
    return cos.download(at("a"), folder / "a").read_bytes()


WAYS = pytest.mark.parametrize("way", [read, read_by_open, read_by_download])


@WAYS
@pytest.mark.parametrize("kind", WHOLE)
def test_body_arrives_whole(wire, impatient, tmp_path, way, kind):
    wire.answers = [WHOLE[kind]]
    expected = b"" if kind == "no bytes" else DATA
    assert way(impatient, tmp_path) == expected


@WAYS
@pytest.mark.parametrize("kind", BROKEN)
def test_broken_body_is_an_error(wire, impatient, tmp_path, way, kind):
    content, error = BROKEN[kind]
    wire.answers = [content]
    with pytest.raises(error):
        way(impatient, tmp_path)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("body", [answer(chunks(DATA), **CHUNKED), answer(DATA)])
def test_content_is_verified_without_a_length(wire, impatient, body):
    head = reply(200, content_length=len(DATA), etag='"e-2"', x_cos_hash_crc64ecma=CRC)
    wire.answers = [lambda request: head if request.startswith("HEAD") else body]
    assert impatient.verify([at("a.ts")], content=True)
    wire.answers = [lambda request: head if request.startswith("HEAD") else answer(DATA[:5])]
    with pytest.raises(SomeFailed):
        impatient.verify(at("a.ts"), content=True)


def test_chunks_that_break_off_are_taken_up_again(wire, impatient):
    """The second response tells the size that the first did not."""
    rest = {"content_range": f"bytes 10-{len(DATA) - 1}/{len(DATA)}"}
    wire.answers = [
        answer(chunks(DATA)[:20], **CHUNKED),
        reply(206, DATA[10:], etag='"e-2"', **rest),
    ]
    assert impatient.read(at("a")) == DATA
    assert "range: bytes=10-" in wire.heads[1]


def test_size_that_changes_on_the_way_is_an_error(wire, impatient):
    wire.answers = [
        answer(DATA[:10], content_length=len(DATA)),
        reply(206, DATA[10:], content_range=f"bytes 10-{len(DATA) - 1}/999"),
    ]
    with pytest.raises(Unavailable):
        impatient.read(at("a"))


def test_limit_holds_without_a_length(wire, impatient):
    for body in (answer(chunks(DATA * 9), **CHUNKED), answer(DATA * 9)):
        wire.answers = [body]
        with pytest.raises(ValueError, match="limit"):
            impatient.read(at("a"), limit=30)


def test_open_finds_the_end_by_a_head(wire, impatient):
    wire.answers = [
        answer(chunks(DATA), **CHUNKED),
        reply(200, content_length=len(DATA), etag='"e-2"'),
        reply(206, DATA[-8:], content_range=f"bytes {len(DATA) - 8}-{len(DATA) - 1}/{len(DATA)}"),
    ]
    with impatient.open(at("a")) as file:
        assert file.seek(-8, io.SEEK_END) == len(DATA) - 8
        assert file.read() == DATA[-8:]
        assert file.seek(0, io.SEEK_END) == len(DATA)
        assert file.read() == b""
    assert wire.heads[1].startswith("HEAD")
    assert 'if-match: "e-2"' in wire.heads[1]


def test_part_of_unknown_size_is_no_end(wire, impatient):
    """Behind a seek there is no checksum: without a size nothing shows that all bytes came."""
    wire.answers = [
        answer(chunks(DATA), **CHUNKED),
        answer(DATA[5:], 206, content_range="bytes 5-9/*"),
    ]
    with impatient.open(at("a")) as file:
        file.seek(5)
        with pytest.raises(Unavailable):
            file.read()


@pytest.mark.parametrize("length", [None, "9" * 5000, "-1", "x"])
def test_head_without_a_size_is_an_error(wire, impatient, length):
    wire.answers = [reply(200, content_length=length, etag='"e"')]
    with pytest.raises(Unavailable):
        impatient.head(at("a"))


def test_head_of_a_missing_object_needs_no_length(wire, impatient):
    wire.answers = [reply(404, content_length=None)]
    with pytest.raises(NotFound):
        impatient.head(at("a"))


def page(*entries, more=""):
    body = "".join(f"<Contents>{entry}</Contents>" for entry in entries)
    return reply(200, f"<ListBucketResult>{body}{more}</ListBucketResult>".encode())


@pytest.mark.parametrize(
    "entry",
    [
        "<Key>a</Key>",
        "<Size>1</Size>",
        "<Key>a</Key><Size>x</Size>",
        "<Key>a</Key><Size>-1</Size>",
        f"<Key>a</Key><Size>{'9' * 5000}</Size>",
        "<Key></Key><Size>1</Size>",
    ],
)
def test_list_entry_without_key_or_size_is_corrupt(wire, impatient, entry):
    wire.answers = [page(entry)]
    with pytest.raises(Corrupt):
        list(impatient.list(place()))


@pytest.mark.parametrize("markers", [["m", "m"], ["m", "n", "m"], [""]])
def test_list_that_does_not_go_on_is_corrupt(wire, impatient, markers):
    wire.answers = [
        page(more=f"<IsTruncated>true</IsTruncated><NextMarker>{marker}</NextMarker>")
        for marker in markers
    ]
    with pytest.raises(Corrupt):
        list(impatient.list(place()))


def test_list_ends_after_the_pages_that_are_wanted(wire, impatient):
    """Of objects in a large directory a few pages are read; then HEADs are cheaper."""
    more = "<IsTruncated>true</IsTruncated><NextMarker>{}</NextMarker>"
    wire.answers = [page("<Key>a</Key><Size>1</Size>", more=more.format(n)) for n in range(9)]
    target = Target(at("a").bucket, at("a").region)
    assert len(list(operations.list_objects(impatient._client, target, max_pages=2))) == 2
    assert len(wire.heads) == 2


@pytest.mark.parametrize(
    "body", [b"", b"<a", b"<?xml version='1.0' encoding='none'?><a/>", b"\xff\xfe<\0a\0"]
)
def test_list_that_is_no_xml_is_corrupt(wire, impatient, body):
    wire.answers = [reply(200, body)]
    with pytest.raises(Corrupt):
        list(impatient.list(place()))


def test_document_without_end_is_refused(wire, impatient, monkeypatch):
    from scf_mps.cos import http1

    monkeypatch.setattr(http1.StreamedResponse.read, "__defaults__", (1000,))
    wire.answers = [answer(b" " * 2000)]
    with pytest.raises(Unavailable):
        list(impatient.list(place()))


def test_upload_without_an_id_is_an_error(wire, impatient, tmp_path):
    from scf_mps.cos import upload

    (tmp_path / "file").write_bytes(b"x" * 3_000_000)
    wire.answers = [reply(200, b"<InitiateMultipartUploadResult/>")]
    with pytest.raises(Unavailable):
        upload.Uploader(impatient._client, lambda _: None, 1 << 20).upload(
            tmp_path / "file", at("a"), {}
        )


PAGE = b"<html><body>log in</body></html>"

FOREIGN = {
    "list": lambda cos: list(cos.list(place())),
    "batch delete": lambda cos: cos.delete([at("a"), at("b")]),
    "tags": lambda cos: cos.tag(at("a"), {"name": "value"}),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_page_of_a_proxy_is_no_answer(wire, impatient, kind):
    wire.answers = [reply(200, PAGE)]
    with pytest.raises((Corrupt, SomeFailed)):
        FOREIGN[kind](impatient)


@pytest.mark.parametrize("status", [201, 202, 203, 204, 205])
@WAYS
def test_get_of_another_success_is_an_error(wire, impatient, tmp_path, way, status):
    wire.answers = [reply(status, etag='"e-2"', content_length=0)]
    with pytest.raises(Unavailable):
        way(impatient, tmp_path)


@pytest.mark.parametrize(
    "value",
    ["Mon, 01 Jan 2020 00:00:00 +99999999999999999", "Fri, 31 Dec 9999 23:59:59 -2300", "9" * 400],
)
def test_retry_after_of_centuries_overflows_nothing(value):
    assert 0 <= parse_retry_after(value) <= 86400
