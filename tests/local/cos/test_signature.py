"""Signatures in headers and URLs, tokens, expiry, changing keys and anonymous requests."""

from urllib.parse import urlencode

import pytest

from scf_mps.local.cos import CosEmulator, Key

from .wire import BUCKET, HOST, REGION, Wire, authorization

OTHER = Key("AKIDother", "secret")


def get_signed(wire, auth, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return wire.request("GET", "a", headers={"Authorization": auth, **names}, signed=False)


def sign(cos, key=None, host=HOST, **options):
    start, seconds = options.get("start"), int(options.get("seconds", 600))
    return authorization(
        key or cos.key, "GET", "/a", {}, {"host": host}, start=start, seconds=seconds
    )


@pytest.fixture(autouse=True)
def _object(wire):
    wire.put("a", b"abc")


def test_wrong_secret_is_refused(cos, wire):
    reply = get_signed(wire, sign(cos, Key(cos.key.secret_id, "wrong")))
    assert reply.error == "403 SignatureDoesNotMatch"
    assert reply.text("FormatString").startswith("get\n/a\n")
    assert reply.text("StringToSign").startswith("sha1\n")


def test_unknown_key_is_refused(cos, wire):
    assert get_signed(wire, sign(cos, OTHER)).error == "403 InvalidAccessKeyId"


def test_host_may_be_signed_with_or_without_port(cos, wire):
    wire.host = f"{HOST}:8080"
    assert get_signed(wire, sign(cos, host=f"{HOST}:8080")).status == 200
    assert get_signed(wire, sign(cos, host=HOST)).status == 200
    assert get_signed(wire, sign(cos, host="elsewhere")).code == "SignatureDoesNotMatch"


def test_signed_parts_must_not_change(cos, wire):
    query, headers = {"response-content-type": "a/b"}, {"host": HOST, "range": "bytes=0-0"}
    auth = authorization(cos.key, "GET", "/a", query, headers)
    request_headers = {"Authorization": auth, "Range": "bytes=0-0"}
    assert wire.request("GET", "a", query, request_headers, signed=False).body == b"a"
    for changed_query, changed_range in (
        ({"response-content-type": "x/y"}, "bytes=0-0"),
        (query, "bytes=0-1"),
        ({}, "bytes=0-0"),
    ):
        request_headers["Range"] = changed_range
        reply = wire.request("GET", "a", changed_query, request_headers, signed=False)
        assert reply.code == "SignatureDoesNotMatch"


def test_presigned_url_needs_no_header(cos, wire):
    query = dict(pair.split("=", 1) for pair in sign(cos).split("&"))
    assert wire.request("GET", "a", query, signed=False).body == b"abc"
    assert wire.request("PUT", "a", query, signed=False).code == "SignatureDoesNotMatch"


def test_signature_has_start_and_end(cos, wire):
    past = get_signed(wire, sign(cos, start=1_000_000, seconds=60))
    assert (past.status, past.code) == (403, "AccessDenied")
    assert past.text("Message") == "Request has expired"
    assert get_signed(wire, sign(cos, start=9_000_000_000)).error == "403 RequestTimeTooSkewed"


@pytest.mark.parametrize(
    "auth",
    [
        "q-ak=only",
        "AWS4-HMAC-SHA256 Credential=x",
        "q-sign-algorithm=md5&q-ak=a&q-sign-time=1;2&q-key-time=1;2&q-header-list="
        "&q-url-param-list=&q-signature=0",
        "q-sign-algorithm=sha1&q-ak=a&q-sign-time=now&q-key-time=1;2&q-header-list="
        "&q-url-param-list=&q-signature=0",
    ],
)
def test_malformed_authorization_is_denied(wire, auth):
    assert get_signed(wire, auth).error == "403 AccessDenied"


def test_temporary_key_needs_its_token(cos, wire):
    key = Key("AKIDtmp", "secret", token="token")
    cos.keys.add(key)
    auth = sign(cos, key)
    assert get_signed(wire, auth, x_cos_security_token="token").status == 200
    assert get_signed(wire, auth).code == "InvalidAccessKeyId"
    assert get_signed(wire, auth, x_cos_security_token="wrong").code == "InvalidToken"
    query = dict(pair.split("=", 1) for pair in auth.split("&"))
    query["x-cos-security-token"] = "token"
    assert wire.request("GET", "a", query, signed=False).status == 200


def test_permanent_key_refuses_token(cos, wire):
    assert get_signed(wire, sign(cos), x_cos_security_token="t").code == "InvalidToken"


def test_expired_key_is_refused(tmp_path, clock):
    key = Key("AKIDtmp", "secret", token="token", expires_at=clock.now + 100)
    with CosEmulator(tmp_path, keys=[key], clock=clock) as cos:
        cos.create_bucket(BUCKET, REGION)
        wire = Wire(cos, now=clock.now)
        wire.put("a")
        clock.now += 100
        assert wire.get("a").error == "403 ExpiredToken"


def test_keys_can_be_rotated_and_removed(cos, wire):
    cos.keys.add(OTHER)
    assert get_signed(wire, sign(cos, OTHER)).status == 200
    cos.keys.add(Key(OTHER.secret_id, "new"))
    assert get_signed(wire, sign(cos, OTHER)).code == "SignatureDoesNotMatch"
    cos.keys.remove(OTHER.secret_id)
    assert get_signed(wire, sign(cos, OTHER)).code == "InvalidAccessKeyId"
    assert [key.secret_id for key in cos.keys] == [cos.key.secret_id]


def test_anonymous_request_is_denied_by_default(wire):
    for method, key in (("GET", "a"), ("GET", ""), ("PUT", "b"), ("DELETE", "a"), ("GET", "no")):
        assert wire.request(method, key, signed=False).error == "403 AccessDenied"
    assert wire.request("PUT", "", {"acl": ""}, signed=False).code == "AccessDenied"


def test_anonymous_request_may_read_public_object(wire):
    wire.put("public", b"abc", x_cos_acl="public-read")
    assert wire.request("GET", "public", signed=False).body == b"abc"
    assert wire.request("GET", "a", signed=False).status == 403
    assert wire.request("PUT", "public", signed=False).status == 403


def test_objects_inherit_access_of_bucket(wire):
    headers = {"x-cos-acl": "public-read-write"}
    assert wire.request("PUT", "", {"acl": ""}, headers).status == 200
    wire.put("private", b"", x_cos_acl="private")
    assert wire.request("GET", "a", signed=False).status == 200
    assert wire.request("GET", "private", signed=False).status == 403
    assert wire.request("GET", signed=False).texts("Contents/Key") == ["a", "private"]
    assert wire.request("GET", "none", signed=False).code == "NoSuchKey"
    assert wire.request("PUT", "b", body=b"x", signed=False).status == 200
    assert wire.request("DELETE", "b", signed=False).status == 204


def test_empty_authorization_is_anonymous(wire):
    assert get_signed(wire, "").code == "AccessDenied"


def test_signed_parameters_may_contain_spaces_and_slashes(cos, wire):
    query = {"prefix": "a b/c+d", "x/y": "1"}
    auth = authorization(cos.key, "GET", "/", query, {})
    path = "/?" + urlencode(query)
    reply = wire.request("GET", headers={"Authorization": auth}, path=path, signed=False)
    assert reply.text("Prefix") == "a b/c+d"
