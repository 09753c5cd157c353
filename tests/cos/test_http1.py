"""Bodies in every framing: complete, truncated and malformed."""

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


def build_chunked_response(body, **headers):
    return build_open_response(body, transfer_encoding="chunked", **headers)


def build_part(value, body=DATA, **headers):
    return build_open_response(body, 206, content_range=f"bytes {value}", **headers)


CHUNKS = build_chunks(DATA)

WHOLE = {
    "length": build_open_response(DATA, content_length=24),
    "length, nothing to check": build_open_response(DATA, crc=None, content_length=24),
    "length, repeated": build_open_response(DATA, content_length="24, 24"),
    "chunks": build_chunked_response(CHUNKS),
    "chunks of one byte": build_chunked_response(build_chunks(DATA, 1)),
    "chunks, with trailers": build_chunked_response(build_chunks(DATA, end=b"0\r\na: b\r\n\r\n")),
    "chunks, checked by MD5": build_chunked_response(CHUNKS, crc=None, etag=f'"{MD5}"'),
    "chunks, nothing to check": build_chunked_response(CHUNKS, crc=None),
    "chunks and a length": build_chunked_response(CHUNKS, content_length=3),
    "until the connection ends": build_open_response(DATA),
    "until the connection ends, MD5": build_open_response(DATA, crc=None, etag=f'"{MD5}"'),
    "part of unknown size": build_part("0-23/*"),
    "part of known size": build_part("0-23/24"),
    "range in a 200": build_open_response(DATA, content_range="bytes 0-4/*"),
    "no bytes": build_open_response(b"", crc="0", content_length=0),
    "no chunks": build_chunked_response(b"0\r\n\r\n", crc="0"),
}

CORRUPT = {
    "length, another MD5": build_open_response(
        DATA, crc=None, etag=f'"{"0" * 32}"', content_length=24
    ),
    "length of 0, another checksum": build_open_response(b"", content_length=0),
    "length of 0, another MD5": build_open_response(
        b"", crc=None, etag=f'"{MD5}"', content_length=0
    ),
    "chunks, another checksum": build_chunked_response(CHUNKS, crc=OTHER_CRC),
    "no chunks, another checksum": build_chunked_response(b"0\r\n\r\n"),
    "cut by the connection's end": build_open_response(DATA[:9]),
    "length shorter than the body": build_open_response(DATA, content_length=20),
    "part of unknown size, cut": build_part("0-4/*", DATA[:5]),
}

UNAVAILABLE = {
    "cut by the connection's end, nothing to check": build_open_response(DATA[:9], crc=None),
    "nothing until the connection ends": build_open_response(b"", crc=None),
    "cut in a chunk": build_chunked_response(CHUNKS[:13]),
    "cut before the last chunk": build_chunked_response(build_chunks(DATA, end=b"")),
    "chunk without its end": build_chunked_response(b"5\r\nhelloworld"),
    "negative chunk": build_chunked_response(b"-5\r\nhello\r\n"),
    "chunk in Python's notation": build_chunked_response(b"0x5\r\nhello\r\n"),
    "chunk of 20 digits": build_chunked_response(b"f" * 20 + b"\r\nhello\r\n"),
    "endless trailers": build_chunked_response(b"0\r\n" + b"a: b\r\n" * 300),
    "another transfer encoding": build_open_response(DATA, transfer_encoding="gzip, chunked"),
    "length of 5,000 digits": build_open_response(DATA, content_length="9" * 5000),
    "length in other digits": build_open_response(DATA, content_length="٢٤"),
    "negative length": build_open_response(DATA, content_length=-24),
    "no number": build_open_response(DATA, content_length="many"),
    "empty length": build_open_response(DATA, content_length=""),
    "lengths that differ": build_open_response(DATA, content_length="24, 5"),
    "length longer than the body": build_open_response(DATA, content_length=30),
    "range that is none": build_part("x-y/z"),
    "range of 5,000 digits": build_part("0-4/" + "9" * 5000),
    "part without a range": build_open_response(DATA, 206),
    "part from another byte": build_part("5-9/10"),
    "part of unknown size, nothing to check": build_part(
        "0-4/*", DATA[:5], crc=None, content_length=5
    ),
    **{
        f"status {status}": build_response(status, etag='"e-2"', content_length=0)
        for status in (201, 202, 203, 204, 205)
    },
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
    expected = b"" if kind in ("no bytes", "no chunks") else DATA
    assert way(hasty_cos, tmp_path) == expected


@READERS
@pytest.mark.parametrize("kind", [*CORRUPT, *UNAVAILABLE])
def test_broken_body_raises(server, hasty_cos, tmp_path, way, kind):
    server.responses = [CORRUPT.get(kind) or UNAVAILABLE[kind]]
    with pytest.raises(Corrupt if kind in CORRUPT else Unavailable):
        way(hasty_cos, tmp_path)
    assert not (tmp_path / "a").exists()


def test_verify_checks_content_without_length(server, hasty_cos):
    head = build_response(200, content_length=24, etag='"e-2"', x_cos_hash_crc64ecma=CRC)
    for body in (build_chunked_response(CHUNKS), build_open_response(DATA)):
        server.responses = [head, body, head]
        assert hasty_cos.verify([at("a.ts")], content=True)
    cut = build_open_response(DATA[:5])
    server.responses = [lambda request: head if request.startswith("HEAD") else cut]
    with pytest.raises(SomeFailed):
        hasty_cos.verify(at("a.ts"), content=True)


def test_truncated_chunks_are_resumed(server, hasty_cos):
    """Only the second response has the size."""
    rest = build_response(206, DATA[10:], etag='"e-2"', content_range="bytes 10-23/24")
    server.responses = [build_chunked_response(CHUNKS[:20]), rest]
    assert hasty_cos.read(at("a")) == DATA
    assert "range: bytes=10-" in server.heads[1]


def test_read_fails_when_size_changes(server, hasty_cos):
    server.responses = [
        build_open_response(DATA[:10], content_length=24),
        build_response(206, DATA[10:], content_range="bytes 10-23/999"),
    ]
    with pytest.raises(Unavailable):
        hasty_cos.read(at("a"))


@pytest.mark.parametrize("kind", ["length", "chunks", "until the connection ends"])
def test_read_refuses_object_over_limit(server, hasty_cos, kind):
    server.responses = [WHOLE[kind]]
    with pytest.raises(ValueError, match="limit"):
        hasty_cos.read(at("a"), limit=23)


def test_seek_from_end_sends_head(server, hasty_cos):
    server.responses = [
        build_chunked_response(CHUNKS),
        build_response(200, content_length=24, etag='"e-2"'),
        build_response(206, DATA[-8:], content_range="bytes 16-23/24"),
    ]
    with hasty_cos.open(at("a")) as file:
        assert file.seek(-8, io.SEEK_END) == 16
        assert file.read() == DATA[-8:]
        assert file.seek(0, io.SEEK_END) == 24
        assert file.read() == b""
    assert server.heads[1].startswith("HEAD")
    assert 'if-match: "e-2"' in server.heads[1]


def test_read_fails_after_seek_without_size(server, hasty_cos):
    """After a seek there is no checksum. Without a size nothing shows that all bytes arrived."""
    server.responses = [build_chunked_response(CHUNKS), build_part("5-9/*", DATA[5:])]
    with hasty_cos.open(at("a")) as file:
        file.seek(5)
        with pytest.raises(Unavailable):
            file.read()


def test_endless_document_raises(server, hasty_cos, monkeypatch):
    monkeypatch.setattr(http1.StreamedResponse.read, "__defaults__", (1000,))
    server.responses = [build_open_response(b" " * 2000)]
    with pytest.raises(Unavailable):
        list(hasty_cos.list(place()))
