"""Signatures: those of official clients are accepted, forged and changed requests are refused."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlencode

import pytest
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception import TencentCloudSDKException
from tencentcloud.common.http.request import RequestInternal

from scf_mps.local.api import CloudApi, Key, KeyRing, Mps

from .support import REGION, TASK, credential, notification, profile, send

TC3, SHA1, SHA256 = "TC3-HMAC-SHA256", "HmacSHA1", "HmacSHA256"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("sign", [TC3, SHA1, SHA256])
def test_official_client_is_accepted_with_every_signature(api, mps, method, sign):
    mps.add(notification("a 任务/+&=~*'\"%", SessionContext="者"))
    client = CommonClient("mps", "2019-06-12", credential(api), REGION, profile(api, method, sign))

    response = client.call_json("DescribeTaskDetail", {"TaskId": "a 任务/+&=~*'\"%"})

    assert response["Response"]["WorkflowTask"]["TaskId"] == "a 任务/+&=~*'\"%"
    assert response["Response"]["SessionContext"] == "者"
    assert api.requests[-1].secret_id == api.key.secret_id
    assert api.requests[-1].region == REGION
    assert api.requests[-1].request_id == response["Response"]["RequestId"]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("sign", [TC3, SHA1])
def test_temporary_key_is_accepted_with_token(api, mps, method, sign):
    api.keys.add(Key("AKIDtemporary", "secret", token="the-token", expires_at=time.time() + 60))
    mps.add(notification())
    key = Credential("AKIDtemporary", "secret", "the-token")
    client = CommonClient("mps", "2019-06-12", key, REGION, profile(api, method, sign))

    response = client.call_json("DescribeTaskDetail", {"TaskId": TASK})

    assert response["Response"]["Status"] == "FINISH"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_host_may_be_signed_without_port(api, mps, built, method):
    mps.add(notification())
    request = built(method=method, host="127.0.0.1")
    request.header["Host"] = api.endpoint

    assert send(api, request).code == ""


def set_header(name, value):
    def change(request: RequestInternal) -> None:
        request.header[name] = value

    return change


def replace_authorization(old, new):
    def change(request: RequestInternal) -> None:
        value = request.header["Authorization"]
        assert old in value
        request.header["Authorization"] = value.replace(old, new)

    return change


def change_body(request):
    request.data = request.data.replace(TASK, TASK[:-1] + "9")


def zero_signature(request):
    request.header["Authorization"] = request.header["Authorization"][:-64] + "0" * 64


def remove_header(name):
    return lambda request: request.header.pop(name)


def set_target(method, path):
    def change(request: RequestInternal) -> None:
        request.method, request.uri = method, path

    return change


def set_time(seconds):
    def change(request: RequestInternal) -> None:
        request.header["X-TC-Timestamp"] = str(int(time.time() + seconds))

    return change


TC3_FORGERIES = {
    "a changed signature": (
        replace_authorization("Signature=", "Signature=0"),
        "AuthFailure.InvalidAuthorization",
    ),
    "another signature": (zero_signature, "AuthFailure.SignatureFailure"),
    "a changed body": (change_body, "AuthFailure.SignatureFailure"),
    "another path": (set_target("POST", "/other"), "AuthFailure.SignatureFailure"),
    "another query": (set_target("POST", "/?TaskId=2"), "AuthFailure.SignatureFailure"),
    "another host": (set_header("Host", "localhost"), "AuthFailure.SignatureFailure"),
    "another type of body": (
        set_header("Content-Type", "text/plain"),
        "AuthFailure.SignatureFailure",
    ),
    "another time": (set_time(5), "AuthFailure.SignatureFailure"),
    "a time long ago": (set_time(-310), "AuthFailure.SignatureExpire"),
    "a time to come": (set_time(310), "AuthFailure.SignatureExpire"),
    "no time": (remove_header("X-TC-Timestamp"), "AuthFailure.SignatureExpire"),
    "an invalid time": (set_header("X-TC-Timestamp", "-1"), "AuthFailure.SignatureExpire"),
    "another service in the scope": (
        replace_authorization("/mps/", "/scf/"),
        "AuthFailure.SignatureFailure",
    ),
    "another end of the scope": (
        replace_authorization("tc3_request", "tc4_request"),
        "AuthFailure.InvalidAuthorization",
    ),
    "another date in the scope": (
        replace_authorization(time.strftime("%Y-", time.gmtime()), "2001-"),
        "AuthFailure.SignatureFailure",
    ),
    "another key": (
        replace_authorization("Credential=AKIDlocal", "Credential=AKIDnobody"),
        "AuthFailure.SecretIdNotFound",
    ),
    "no host among the signed headers": (
        replace_authorization("content-type;host", "content-type"),
        "AuthFailure.InvalidAuthorization",
    ),
    "signed headers out of order": (
        replace_authorization("content-type;host", "host;content-type"),
        "AuthFailure.InvalidAuthorization",
    ),
    "a signed header that is not there": (
        replace_authorization("content-type;host", "content-type;host;x-other"),
        "AuthFailure.SignatureFailure",
    ),
    "a payload that is said not to be signed": (
        set_header("X-TC-Content-SHA256", "UNSIGNED-PAYLOAD"),
        "AuthFailure.SignatureFailure",
    ),
    "a token that the key has not": (set_header("X-TC-Token", "one"), "AuthFailure.TokenFailure"),
    "the word to skip signing": (
        set_header("Authorization", "SKIP"),
        "AuthFailure.InvalidAuthorization",
    ),
    "no authorization": (remove_header("Authorization"), "AuthFailure.InvalidAuthorization"),
    "no version": (remove_header("X-TC-Version"), "MissingParameter"),
    "no action": (remove_header("X-TC-Action"), "MissingParameter"),
}


@pytest.mark.parametrize(("change", "code"), TC3_FORGERIES.values(), ids=TC3_FORGERIES.keys())
def test_forged_or_incomplete_request_is_refused(api, mps, built, change, code):
    mps.add(notification())
    request = built()
    assert send(api, request).code == ""

    change(request)
    reply = send(api, request)

    assert (reply.status, reply.content_type, reply.code) == (200, "application/json", code)
    assert reply.response.keys() == {"Error", "RequestId"}
    assert reply.response["Error"]["Message"]
    assert api.requests[-1].code == code


def test_unsigned_payload_is_refused(api, mps):
    mps.add(notification())
    unsigned = profile(api)
    unsigned.unsignedPayload = True
    client = CommonClient("mps", "2019-06-12", credential(api), REGION, unsigned)

    with pytest.raises(TencentCloudSDKException) as caught:
        client.call_json("DescribeTaskDetail", {"TaskId": TASK})

    assert caught.value.code == "AuthFailure.SignatureFailure"


def set_form(**changes):
    def change(request: RequestInternal) -> None:
        fields = {name: values[0] for name, values in parse_qs(request.data).items()} | changes
        request.data = urlencode({name: value for name, value in fields.items() if value})

    return change


V1_FORGERIES = {
    "another signature": (set_form(Signature="AAAA"), "AuthFailure.SignatureFailure"),
    "a changed parameter": (set_form(TaskId="other"), "AuthFailure.SignatureFailure"),
    "one parameter more": (set_form(Limit="1"), "AuthFailure.SignatureFailure"),
    "another action": (set_form(Action="DescribeTasks"), "AuthFailure.SignatureFailure"),
    "a time long ago": (set_form(Timestamp="1600000000"), "AuthFailure.SignatureExpire"),
    "another key": (set_form(SecretId="AKIDnobody"), "AuthFailure.SecretIdNotFound"),
    "another method of signing": (
        set_form(SignatureMethod="HmacSHA1"),
        "AuthFailure.SignatureFailure",
    ),
    "an unknown method of signing": (set_form(SignatureMethod="HmacMD5"), "InvalidParameter"),
    "another host": (set_header("Host", "localhost"), "AuthFailure.SignatureFailure"),
    "no signature": (set_form(Signature=""), "MissingParameter"),
    "no key": (set_form(SecretId=""), "MissingParameter"),
    "no nonce": (set_form(Nonce=""), "MissingParameter"),
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("change", "code"), V1_FORGERIES.values(), ids=V1_FORGERIES.keys())
def test_forged_request_with_older_signature_is_refused(api, mps, built, method, change, code):
    mps.add(notification())
    request = built(sign=SHA256, method=method)
    assert send(api, request).code == ""

    change(request)

    assert send(api, request).code == code


@pytest.mark.parametrize("sign", [TC3, SHA1])
@pytest.mark.parametrize(
    ("secret", "token", "code"),
    [
        ("secret", None, "AuthFailure.SecretIdNotFound"),
        ("secret", "another", "AuthFailure.TokenFailure"),
        ("another", "the-token", "AuthFailure.SignatureFailure"),
    ],
)
def test_temporary_key_needs_token_and_secret(api, built, sign, secret, token, code):
    api.keys.add(Key("AKIDtemporary", "secret", token="the-token"))

    reply = send(api, built(sign=sign, key=Credential("AKIDtemporary", secret, token)))

    assert reply.code == code


@pytest.mark.parametrize("sign", [TC3, SHA1])
def test_expired_temporary_key_is_refused(api, built, sign):
    api.keys.add(Key("AKIDtemporary", "secret", token="t", expires_at=time.time() - 1))

    reply = send(api, built(sign=sign, key=Credential("AKIDtemporary", "secret", "t")))

    assert reply.code == "AuthFailure.TokenFailure"


def test_signatures_use_given_clock(built, api):
    with CloudApi([Mps()], clock=lambda: time.time() + 400) as late:
        reply = send(late, built(host=late.endpoint))

    assert reply.code == "AuthFailure.SignatureExpire"


def test_key_ring_is_shared_and_not_empty():
    keys = KeyRing([Key("AKIDshared", "secret")])

    with CloudApi(keys=keys) as api:
        assert api.keys is keys
        assert api.key.secret_id == "AKIDshared"
    with pytest.raises(ValueError, match="keys"):
        CloudApi(keys=[])
