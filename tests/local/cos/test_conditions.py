"""Conditional GET and HEAD, and conditions on the source of a copy."""

import hashlib
from email.utils import formatdate

import pytest

ETAG = f'"{hashlib.md5(b"abc").hexdigest()}"'
PAST, FUTURE = formatdate(1, usegmt=True), formatdate(4_000_000_000, usegmt=True)

HOLDING = [
    {"If_Match": ETAG},
    {"If_Match": f'"other", {ETAG}'},
    {"If_Match": "*"},
    {"If_None_Match": '"other"'},
    {"If_Modified_Since": PAST},
    {"If_Modified_Since": "no date"},
    {"If_Unmodified_Since": FUTURE},
    {"If_Match": ETAG, "If_Unmodified_Since": PAST},
    {"If_None_Match": '"other"', "If_Modified_Since": FUTURE},
]
FAILING = [
    ({"If_Match": '"other"'}, 412),
    ({"If_Unmodified_Since": PAST}, 412),
    ({"If_None_Match": ETAG}, 304),
    ({"If_None_Match": f"W/{ETAG}"}, 304),
    ({"If_Modified_Since": FUTURE}, 304),
]


@pytest.mark.parametrize("headers", HOLDING)
def test_read_and_copy_succeed_when_condition_holds(wire, headers):
    wire.put("a", b"abc")
    assert wire.get("a", None, **headers).body == b"abc"
    assert wire.head("a", **headers).status == 200
    copied = wire.copy("a", "b", **{f"x-cos-copy-source-{n}": v for n, v in headers.items()})
    assert copied.status == 200


@pytest.mark.parametrize(("headers", "status"), FAILING)
def test_read_fails_when_condition_fails(wire, headers, status):
    wire.put("a", b"abc")
    response = wire.get("a", None, **headers)
    assert response.status == status
    assert wire.head("a", **headers).status == status
    if status == 304:
        assert (response.body, response.headers["ETag"]) == (b"", ETAG)
    else:
        assert response.code == "PreconditionFailed"


@pytest.mark.parametrize("headers", [headers for headers, _ in FAILING])
def test_copy_fails_when_condition_fails(wire, headers):
    wire.put("a", b"abc")
    copied = wire.copy("a", "b", **{f"x-cos-copy-source-{n}": v for n, v in headers.items()})
    assert copied.error == "412 PreconditionFailed"
    assert wire.head("b").status == 404
