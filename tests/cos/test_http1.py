"""Bodies in every framing: complete, truncated and malformed."""

from __future__ import annotations

import hashlib
import io

import pytest

from scf_mps.cos import Corrupt, SomeFailed, Unavailable, crc64, http1

from .support import at, build_response, place

DATA = b"hello world, 24 bytes..."

CRC = str(crc64.update(DATA))

MD5 = hashlib.md5(DATA).hexdigest()

OTHER_CRC = str(crc64.update(b"something else"))


def build_chunks(data, size=5, end=b"0\r\n\r\n"):
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + end


def build_open_response(body, status=200, crc=CRC, **headers):
    """Return a response without a length, after which the connection ends."""
    headers = {"content_length": None, "x_cos_hash_crc64ecma": crc, "etag": '"e-2"', **headers}
    return build_response(status, body, **headers) + b"<end>"


CHUNKED = {"transfer_encoding": "chunked"}

WHOLE = {
    "length": build_open_response(DATA, content_length=len(DATA)),
    "length, repeated": build_open_response(DATA, content_length=f"{len(DATA)}, {len(DATA)}"),
    "chunks": build_open_response(build_chunks(DATA), **CHUNKED),
    "chunks of one byte": build_open_response(build_chunks(DATA, 1), **CHUNKED),
    "chunks, with trailers": build_open_response(
        build_chunks(DATA, end=b"0\r\na: b\r\n\r\n"), **CHUNKED
    ),
    "chunks, checked by MD5": build_open_response(
        build_chunks(DATA), crc=None, etag=f'"{MD5}"', **CHUNKED
    ),
    "chunks, nothing to check": build_open_response(build_chunks(DATA), crc=None, **CHUNKED),
    "chunks and a length": build_open_response(build_chunks(DATA), content_length=3, **CHUNKED),
    "until the connection ends": build_open_response(DATA),
    "until the connection ends, MD5": build_open_response(DATA, crc=None, etag=f'"{MD5}"'),
    "part of unknown size": build_open_response(
        DATA, 206, content_range=f"bytes 0-{len(DATA) - 1}/*"
    ),
    "part of known size": build_open_response(
        DATA, 206, content_range=f"bytes 0-{len(DATA) - 1}/{len(DATA)}"
    ),
    "range in a 200": build_open_response(DATA, content_range="bytes 0-4/*"),
    "no bytes": build_open_response(b"", crc="0", content_length=0),
}

BROKEN = {
    "length of 0, another checksum": (build_open_response(b"", content_length=0), Corrupt),
    "length of 0, another MD5": (
        build_open_response(b"", crc=None, etag=f'"{MD5}"', content_length=0),
        Corrupt,
    ),
    "chunks, another checksum": (
        build_open_response(build_chunks(DATA), crc=OTHER_CRC, **CHUNKED),
        Corrupt,
    ),
    "no chunks, another checksum": (build_open_response(b"0\r\n\r\n", **CHUNKED), Corrupt),
    "cut by the connection's end": (build_open_response(DATA[:9]), Corrupt),
    "cut by the connection's end, nothing to check": (
        build_open_response(DATA[:9], crc=None),
        Unavailable,
    ),
    "nothing until the connection ends": (build_open_response(b"", crc=None), Unavailable),
    "cut in a chunk": (build_open_response(build_chunks(DATA)[:13], **CHUNKED), Unavailable),
    "cut before the last chunk": (
        build_open_response(build_chunks(DATA, end=b""), **CHUNKED),
        Unavailable,
    ),
    "chunk without its end": (build_open_response(b"5\r\nhelloworld", **CHUNKED), Unavailable),
    "negative chunk": (build_open_response(b"-5\r\nhello\r\n", **CHUNKED), Unavailable),
    "chunk in Python's notation": (
        build_open_response(b"0x5\r\nhello\r\n", **CHUNKED),
        Unavailable,
    ),
    "chunk of 20 digits": (
        build_open_response(b"f" * 20 + b"\r\nhello\r\n", **CHUNKED),
        Unavailable,
    ),
    "endless trailers": (build_open_response(b"0\r\n" + b"a: b\r\n" * 300, **CHUNKED), Unavailable),
    "another transfer encoding": (
        build_open_response(DATA, transfer_encoding="gzip, chunked"),
        Unavailable,
    ),
    "length of 5,000 digits": (build_open_response(DATA, content_length="9" * 5000), Unavailable),
    "length in other digits": (build_open_response(DATA, content_length="٢٤"), Unavailable),
    "negative length": (build_open_response(DATA, content_length=-24), Unavailable),
    "no number": (build_open_response(DATA, content_length="many"), Unavailable),
    "empty length": (build_open_response(DATA, content_length=""), Unavailable),
    "lengths that differ": (build_open_response(DATA, content_length="24, 5"), Unavailable),
    "length longer than the body": (build_open_response(DATA, content_length=30), Unavailable),
    "length shorter than the body": (build_open_response(DATA, content_length=20), Corrupt),
    "range that is none": (
        build_open_response(DATA, 206, content_range="bytes x-y/z"),
        Unavailable,
    ),
    "range of 5,000 digits": (
        build_open_response(DATA, 206, content_range="bytes 0-4/" + "9" * 5000),
        Unavailable,
    ),
    "part without a range": (build_open_response(DATA, 206), Unavailable),
    "part from another byte": (
        build_open_response(DATA, 206, content_range="bytes 5-9/10"),
        Unavailable,
    ),
    "part of unknown size, cut": (
        build_open_response(DATA[:5], 206, content_range="bytes 0-4/*"),
        Corrupt,
    ),
    "part of unknown size, nothing to check": (
        build_open_response(DATA[:5], 206, crc=None, content_range="bytes 0-4/*", content_length=5),
        Unavailable,
    ),
}


def read(cos, folder):
    return cos.read(at("a"))


def read_by_open(cos, folder):
    with cos.open(at("a")) as file:
        return file.read()


def read_by_download(cos, folder):
    return cos.download(at("a"), folder / "a").read_bytes()


READERS = pytest.mark.parametrize("way", [read, read_by_open, read_by_download])


@READERS
@pytest.mark.parametrize("kind", WHOLE)
def test_body_is_read_in_every_framing(server, hasty_cos, tmp_path, way, kind):
    server.responses = [WHOLE[kind]]
    expected = b"" if kind == "no bytes" else DATA
    assert way(hasty_cos, tmp_path) == expected


@READERS
@pytest.mark.parametrize("kind", BROKEN)
def test_broken_body_raises(server, hasty_cos, tmp_path, way, kind):
    content, error = BROKEN[kind]
    server.responses = [content]
    with pytest.raises(error):
        way(hasty_cos, tmp_path)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    "body", [build_open_response(build_chunks(DATA), **CHUNKED), build_open_response(DATA)]
)
def test_verify_checks_content_without_length(server, hasty_cos, body):
    head = build_response(200, content_length=len(DATA), etag='"e-2"', x_cos_hash_crc64ecma=CRC)
    server.responses = [lambda request: head if request.startswith("HEAD") else body]
    assert hasty_cos.verify([at("a.ts")], content=True)
    server.responses = [
        lambda request: head if request.startswith("HEAD") else build_open_response(DATA[:5])
    ]
    with pytest.raises(SomeFailed):
        hasty_cos.verify(at("a.ts"), content=True)


def test_truncated_chunks_are_resumed(server, hasty_cos):
    """Only the second response has the size."""
    rest = {"content_range": f"bytes 10-{len(DATA) - 1}/{len(DATA)}"}
    server.responses = [
        build_open_response(build_chunks(DATA)[:20], **CHUNKED),
        build_response(206, DATA[10:], etag='"e-2"', **rest),
    ]
    assert hasty_cos.read(at("a")) == DATA
    assert "range: bytes=10-" in server.heads[1]


def test_read_fails_when_size_changes(server, hasty_cos):
    server.responses = [
        build_open_response(DATA[:10], content_length=len(DATA)),
        build_response(206, DATA[10:], content_range=f"bytes 10-{len(DATA) - 1}/999"),
    ]
    with pytest.raises(Unavailable):
        hasty_cos.read(at("a"))


def test_read_limit_applies_without_length(server, hasty_cos):
    for body in (
        build_open_response(build_chunks(DATA * 9), **CHUNKED),
        build_open_response(DATA * 9),
    ):
        server.responses = [body]
        with pytest.raises(ValueError, match="limit"):
            hasty_cos.read(at("a"), limit=30)


def test_seek_from_end_sends_head(server, hasty_cos):
    server.responses = [
        build_open_response(build_chunks(DATA), **CHUNKED),
        build_response(200, content_length=len(DATA), etag='"e-2"'),
        build_response(
            206, DATA[-8:], content_range=f"bytes {len(DATA) - 8}-{len(DATA) - 1}/{len(DATA)}"
        ),
    ]
    with hasty_cos.open(at("a")) as file:
        assert file.seek(-8, io.SEEK_END) == len(DATA) - 8
        assert file.read() == DATA[-8:]
        assert file.seek(0, io.SEEK_END) == len(DATA)
        assert file.read() == b""
    assert server.heads[1].startswith("HEAD")
    assert 'if-match: "e-2"' in server.heads[1]


def test_read_fails_after_seek_without_size(server, hasty_cos):
    """Behind a seek there is no checksum: without a size nothing shows that all bytes came."""
    server.responses = [
        build_open_response(build_chunks(DATA), **CHUNKED),
        build_open_response(DATA[5:], 206, content_range="bytes 5-9/*"),
    ]
    with hasty_cos.open(at("a")) as file:
        file.seek(5)
        with pytest.raises(Unavailable):
            file.read()


def test_endless_document_raises(server, hasty_cos, monkeypatch):
    monkeypatch.setattr(http1.StreamedResponse.read, "__defaults__", (1000,))
    server.responses = [build_open_response(b" " * 2000)]
    with pytest.raises(Unavailable):
        list(hasty_cos.list(place()))


@pytest.mark.parametrize("status", [201, 202, 203, 204, 205])
@READERS
def test_get_fails_for_other_success_status(server, hasty_cos, tmp_path, way, status):
    server.responses = [build_response(status, etag='"e-2"', content_length=0)]
    with pytest.raises(Unavailable):
        way(hasty_cos, tmp_path)
