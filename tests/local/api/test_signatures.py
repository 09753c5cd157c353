"""Who may come in: the signatures of official clients are believed, and whatever was forged or changed is refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception import TencentCloudSDKException
from tencentcloud.common.http.request import RequestInternal

from scf_mps.local.api import CloudApi, Key, KeyRing, Mps

from .conftest import REGION, TASK, Built, credential, notification, profile, send

TC3, SHA1, SHA256 = "TC3-HMAC-SHA256", "HmacSHA1", "HmacSHA256"
Change = Callable[[RequestInternal], None]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("sign", [TC3, SHA1, SHA256])
def test_the_official_client_is_believed_with_every_signature(api, mps, method, sign):
    mps.add(notification("a 任务/+&=~*'\"%", SessionContext="者"))
    client = CommonClient("mps", "2019-06-12", credential(api), REGION, profile(api, method, sign))

    answer = client.call_json("DescribeTaskDetail", {"TaskId": "a 任务/+&=~*'\"%"})

    assert answer["Response"]["WorkflowTask"]["TaskId"] == "a 任务/+&=~*'\"%"
    assert answer["Response"]["SessionContext"] == "者"
    assert api.requests[-1].secret_id == api.key.secret_id
    assert api.requests[-1].region == REGION
    assert api.requests[-1].request_id == answer["Response"]["RequestId"]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("sign", [TC3, SHA1])
def test_a_temporary_key_is_believed_with_its_token(api, mps, method, sign):
    api.keys.add(Key("AKIDtemporary", "secret", token="the-token", expires_at=time.time() + 60))
    mps.add(notification())
    key = Credential("AKIDtemporary", "secret", "the-token")
    client = CommonClient("mps", "2019-06-12", key, REGION, profile(api, method, sign))

    answer = client.call_json("DescribeTaskDetail", {"TaskId": TASK})

    assert answer["Response"]["Status"] == "FINISH"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_client_may_sign_the_host_without_its_port(api, mps, built: Built, method):
    mps.add(notification())
    request = built(method=method, host="127.0.0.1")
    request.header["Host"] = api.endpoint

    assert send(api, request).code == ""


def header(name: str, value: str) -> Change:
    def change(request: RequestInternal) -> None:
        request.header[name] = value

    return change


def authorization(old: str, new: str) -> Change:
    def change(request: RequestInternal) -> None:
        whole = request.header["Authorization"]
        assert old in whole
        request.header["Authorization"] = whole.replace(old, new)

    return change


def body(request: RequestInternal) -> None:
    request.data = request.data.replace(TASK, TASK[:-1] + "9")


def zeros(request: RequestInternal) -> None:
    request.header["Authorization"] = request.header["Authorization"][:-64] + "0" * 64


def without(name: str) -> Change:
    return lambda request: request.header.pop(name)


def again_as(method: str, path: str) -> Change:
    def change(request: RequestInternal) -> None:
        request.method, request.uri = method, path

    return change


def at(seconds: float) -> Change:
    def change(request: RequestInternal) -> None:
        request.header["X-TC-Timestamp"] = str(int(time.time() + seconds))

    return change


TC3_FORGERIES: dict[str, tuple[Change, str]] = {
    "a changed signature": (
        authorization("Signature=", "Signature=0"),
        "AuthFailure.InvalidAuthorization",
    ),
    "another signature": (
        zeros,
        "AuthFailure.SignatureFailure",
    ),
    "a changed body": (body, "AuthFailure.SignatureFailure"),
    "another path": (again_as("POST", "/other"), "AuthFailure.SignatureFailure"),
    "another query": (again_as("POST", "/?TaskId=2"), "AuthFailure.SignatureFailure"),
    "another host": (header("Host", "localhost"), "AuthFailure.SignatureFailure"),
    "another type of body": (
        header("Content-Type", "text/plain"),
        "AuthFailure.SignatureFailure",
    ),
    "another time": (at(5), "AuthFailure.SignatureFailure"),
    "a time long ago": (at(-310), "AuthFailure.SignatureExpire"),
    "a time to come": (at(310), "AuthFailure.SignatureExpire"),
    "no time": (without("X-TC-Timestamp"), "AuthFailure.SignatureExpire"),
    "a time that is none": (header("X-TC-Timestamp", "-1"), "AuthFailure.SignatureExpire"),
    "another service in the scope": (
        authorization("/mps/", "/scf/"),
        "AuthFailure.SignatureFailure",
    ),
    "another end of the scope": (
        authorization("tc3_request", "tc4_request"),
        "AuthFailure.InvalidAuthorization",
    ),
    "another date in the scope": (
        authorization(time.strftime("%Y-", time.gmtime()), "2001-"),
        "AuthFailure.SignatureFailure",
    ),
    "another key": (
        authorization("Credential=AKIDdesk", "Credential=AKIDnobody"),
        "AuthFailure.SecretIdNotFound",
    ),
    "no host among the signed headers": (
        authorization("content-type;host", "content-type"),
        "AuthFailure.InvalidAuthorization",
    ),
    "signed headers out of order": (
        authorization("content-type;host", "host;content-type"),
        "AuthFailure.InvalidAuthorization",
    ),
    "a signed header that is not there": (
        authorization("content-type;host", "content-type;host;x-other"),
        "AuthFailure.SignatureFailure",
    ),
    "a payload that is said not to be signed": (
        header("X-TC-Content-SHA256", "UNSIGNED-PAYLOAD"),
        "AuthFailure.SignatureFailure",
    ),
    "a token that the key has not": (header("X-TC-Token", "one"), "AuthFailure.TokenFailure"),
    "the word to skip signing": (
        header("Authorization", "SKIP"),
        "AuthFailure.InvalidAuthorization",
    ),
    "no authorization": (without("Authorization"), "AuthFailure.InvalidAuthorization"),
    "no version": (without("X-TC-Version"), "MissingParameter"),
    "no action": (without("X-TC-Action"), "MissingParameter"),
}


@pytest.mark.parametrize(("change", "code"), TC3_FORGERIES.values(), ids=TC3_FORGERIES.keys())
def test_a_forged_or_incomplete_request_is_refused(api, mps, built: Built, change, code):
    mps.add(notification())
    request = built()
    assert send(api, request).code == ""

    change(request)
    reply = send(api, request)

    assert (reply.status, reply.content_type, reply.code) == (200, "application/json", code)
    assert reply.response.keys() == {"Error", "RequestId"}
    assert reply.response["Error"]["Message"]
    assert api.requests[-1].code == code


def test_a_body_that_was_signed_as_not_signed_is_refused(api, mps):
    mps.add(notification())
    unsigned = profile(api)
    unsigned.unsignedPayload = True
    client = CommonClient("mps", "2019-06-12", credential(api), REGION, unsigned)

    with pytest.raises(TencentCloudSDKException) as caught:
        client.call_json("DescribeTaskDetail", {"TaskId": TASK})

    assert caught.value.code == "AuthFailure.SignatureFailure"


def form(**changes: Any) -> Change:
    def change(request: RequestInternal) -> None:
        fields = {name: values[0] for name, values in parse_qs(request.data).items()} | changes
        request.data = urlencode({name: value for name, value in fields.items() if value})

    return change


V1_FORGERIES: dict[str, tuple[Change, str]] = {
    "another signature": (form(Signature="AAAA"), "AuthFailure.SignatureFailure"),
    "a changed parameter": (form(TaskId="other"), "AuthFailure.SignatureFailure"),
    "one parameter more": (form(Limit="1"), "AuthFailure.SignatureFailure"),
    "another action": (form(Action="DescribeTasks"), "AuthFailure.SignatureFailure"),
    "a time long ago": (form(Timestamp="1600000000"), "AuthFailure.SignatureExpire"),
    "another key": (form(SecretId="AKIDnobody"), "AuthFailure.SecretIdNotFound"),
    "another method of signing": (form(SignatureMethod="HmacSHA1"), "AuthFailure.SignatureFailure"),
    "an unknown method of signing": (form(SignatureMethod="HmacMD5"), "InvalidParameter"),
    "another host": (header("Host", "localhost"), "AuthFailure.SignatureFailure"),
    "no signature": (form(Signature=""), "MissingParameter"),
    "no key": (form(SecretId=""), "MissingParameter"),
    "no nonce": (form(Nonce=""), "MissingParameter"),
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("change", "code"), V1_FORGERIES.values(), ids=V1_FORGERIES.keys())
def test_a_forged_request_with_an_older_signature_is_refused(
    api, mps, built: Built, method, change, code
):
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
def test_a_temporary_key_is_refused_without_its_token_or_its_secret(
    api, built: Built, sign, secret, token, code
):
    api.keys.add(Key("AKIDtemporary", "secret", token="the-token"))

    reply = send(api, built(sign=sign, key=Credential("AKIDtemporary", secret, token)))

    assert reply.code == code


@pytest.mark.parametrize("sign", [TC3, SHA1])
def test_a_temporary_key_is_refused_when_it_is_over(api, built: Built, sign):
    api.keys.add(Key("AKIDtemporary", "secret", token="t", expires_at=time.time() - 1))

    reply = send(api, built(sign=sign, key=Credential("AKIDtemporary", "secret", "t")))

    assert reply.code == "AuthFailure.TokenFailure"


def test_the_server_has_the_time_that_it_is_given(built: Built, api):
    with CloudApi([Mps()], clock=lambda: time.time() + 400) as late:
        reply = send(late, built(host=late.endpoint))

    assert reply.code == "AuthFailure.SignatureExpire"


def test_keys_may_be_those_of_another_emulator_and_there_must_be_one():
    ring = KeyRing([Key("AKIDshared", "secret")])

    with CloudApi(keys=ring) as api:
        assert api.keys is ring
        assert api.key.secret_id == "AKIDshared"
    with pytest.raises(ValueError, match="keys"):
        CloudApi(keys=[])
