"""Mail by SES: what the official SDK sends, and what is said where SES does not take it."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("aiohttp", reason="the API needs it")
pytest.importorskip("tencentcloud.common", reason="the SDK is who asks")

from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from scf_mps.actions import Notify, NotifyError
from scf_mps.events.parser import parse_event
from scf_mps.local.api import CloudApi, SentEmail, Ses
from scf_mps.local.samples import sample

from .notify_support import KEY, documented, tell

FROM = "ses://mps@mail.example.com"
TEMPLATE = "{{title}}|{{outcome}}|{{task_id}}|{{source}}|{{session_context}}|{{results}}|{{links}}"


@pytest.fixture
def ses() -> Ses:
    return Ses({123: TEMPLATE}, domains=["mail.example.com"])


@pytest.fixture
def api(ses: Ses, monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudApi]:
    with CloudApi([ses]) as running:
        monkeypatch.setenv("TENCENTCLOUD_SECRETID", running.key.secret_id)
        monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", running.key.secret_key)
        monkeypatch.setenv("MPS_API_ENDPOINT", running.url)
        yield running


def test_a_template_of_the_account_is_filled_in(api: CloudApi, ses: Ses) -> None:
    tell(f"{FROM}?to=a@example.com;b@example.com&template=123", documented(SessionContext="order"))
    (letter,) = ses.sent
    assert letter.sender == "mps@mail.example.com"
    assert letter.to == ("a@example.com", "b@example.com")
    assert letter.subject == "MPS 任务部分失败（1/4）：dianping2.mp4"
    assert letter.message_id == f"<{KEY}.mps@mail.example.com>"
    title, outcome, task, source, context, results, links = letter.text.split("|")
    assert (title, outcome, context) == (letter.subject, "partly", "order")
    assert task.startswith("2450000654-WorkflowTask-")
    assert source == "cos://macgzptest-1250000654.ap-guangzhou/dianping2.mp4"
    assert "❌ AnimatedGraphics 20000" in results
    assert "http" not in results
    assert links.split() == [
        "https://cdn.example.com/dasda/dianping2_transcode_10.mp4",
        "https://cdn.example.com/dasda/dianping2_snapshotByOffset_10_0.jpg",
        "https://cdn.example.com/dasda/imageSprite/dianping2_imageSprite_10_0.jpg",
    ]
    (request,) = api.requests
    assert (request.region, request.parameters["TriggerType"]) == ("ap-guangzhou", 1)


def test_a_name_cannot_become_a_tag_in_a_template(api: CloudApi, ses: Ses) -> None:
    event = sample("WorkflowTask", Transcode="SUCCESS")
    event["WorkflowTaskEvent"]["InputInfo"]["CosInputInfo"]["Object"] = "/<img src=x>.mp4"
    event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]["Output"]["Path"] = (
        "/a<b>.mp4"
    )
    tell(
        f"{FROM}?to=a@example.com&template=123",
        parse_event({**event, "SessionContext": "</p><a href=x>"}),
    )
    (letter,) = ses.sent
    assert not set(letter.text) & set("<>")
    assert "＜img src=x＞.mp4" in letter.text
    assert "a＜b＞.mp4" in letter.text


def test_half_a_character_costs_its_link_alone(api: CloudApi, ses: Ses) -> None:
    event = sample("WorkflowTask", Transcode="SUCCESS", session_context="a\ud800\u115fb")
    task = event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]
    task["Output"]["Path"] = "/\udcff.mp4"
    tell(f"{FROM}?to=a@example.com&template=123", parse_event(event), links=None)
    (letter,) = ses.sent
    assert "|a\ufffdb|" in letter.text
    assert letter.text.endswith("|")


def test_template_has_five_links_in_6000_bytes(api: CloudApi, ses: Ses) -> None:
    event = sample("WorkflowTask", Transcode="SUCCESS")
    event["WorkflowTaskEvent"]["MediaProcessResultSet"] *= 7
    for length, count in ((100, 5), (2000, 2)):
        link = "https://cdn.example.com/".ljust(length, "x")
        to = f"{FROM}?to=a@example.com&template=123"
        tell(to, parse_event(event), links=lambda _, link=link: [link])
        assert ses.sent[-1].text.rpartition("|")[2].split() == [link] * count


def test_an_old_account_sends_the_letter_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    ses = Ses(simple=True)
    with CloudApi([ses]) as api:
        monkeypatch.setenv("TENCENTCLOUD_SECRETID", api.key.secret_id)
        monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", api.key.secret_key)
        tell(f"{FROM}?to=a@example.com&region=ap-hongkong&lang=en&endpoint={api.url}")
        simple = api.requests[0].parameters["Simple"]
        assert api.requests[0].region == "ap-hongkong"
    assert "<h2>MPS task partly failed" in b64decode(simple["Html"]).decode()
    assert b64decode(simple["Text"]).decode().startswith("MPS task partly failed")
    assert ses.sent[0].text == simple["Html"]


@pytest.mark.parametrize(
    ("to", "told"),
    [
        (f"{FROM}?to=a@example.com", "FailedOperation.WithOutPermission: .*template= is needed"),
        (f"{FROM}?to=a@example.com&template=9", "InvalidTemplateID: .*or not approved"),
        ("ses://m@other.com?to=a@b.cn&template=123", "the domain of the sender is not verified"),
    ],
)
def test_what_ses_does_not_take_says_what_to_do(to: str, told: str, api: CloudApi) -> None:
    with pytest.raises(NotifyError, match=told) as caught:
        tell(to)
    assert not caught.value.retryable


@pytest.mark.parametrize(
    "code",
    [
        "FailedOperation.FrequencyLimit",
        "FailedOperation.ServiceNotAvailable",
        "FailedOperation.TemporaryBlocked",
        "InternalError",
    ],
)
def test_what_ses_may_take_later_is_left_to_the_next_delivery(code: str, api: CloudApi) -> None:
    api.faults.add("SendEmail", code=code)
    with pytest.raises(NotifyError, match=code) as caught:
        tell(f"{FROM}?to=a@example.com&template=123")
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("ses://", "expected an address behind ses://"),
        ("ses://a@b.cn;c@d.cn?to=a@b.cn", "expected one address behind ses://"),
        (FROM, "expected addresses in to=, such as"),
        (f"{FROM}?to={';'.join(f'a{n}@b.cn' for n in range(51))}", "50 addresses in to= at most"),
        (f"{FROM}?to=a@b.cn&template=handlers/x.txt", "the number of a template of SES"),
        (f"{FROM}?to=a@b.cn&region=ap-beijing", "SES is in ap-guangzhou, ap-hongkong"),
        (f"{FROM}?to=a@b.cn&endpoint=ftp://x", "http://host:port of an emulator"),
    ],
)
def test_an_address_of_ses_that_cannot_be_meant_is_a_mistake(to: str, told: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        Notify(to)
    assert told in str(caught.value)


# The stand-in of SES, asked by the official client.


def send(api: CloudApi, **parameters: Any) -> Any:
    http_profile = HttpProfile(protocol="http", endpoint=api.endpoint)
    client = CommonClient(
        "ses",
        "2020-10-02",
        Credential(api.key.secret_id, api.key.secret_key),
        "ap-guangzhou",
        ClientProfile(httpProfile=http_profile),
    )
    given = {"FromEmailAddress": "x@mail.example.com", "Subject": "s", "Destination": ["a@b.cn"]}
    return client.call_json("SendEmail", {**given, **parameters})["Response"]


def test_ses_fills_in_a_template_and_leaves_out_what_is_not_given(api: CloudApi, ses: Ses) -> None:
    template = {"TemplateID": 123, "TemplateData": json.dumps({"title": "t"})}
    assert send(api, Template=template)["MessageId"].startswith("qcloudses-")
    send(api, Template={"TemplateID": 123})
    assert ses.sent == [
        SentEmail("x@mail.example.com", ("a@b.cn",), "s", "t||||||", ""),
        SentEmail("x@mail.example.com", ("a@b.cn",), "s", "||||||", ""),
    ]


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, "FailedOperation.MissingEmailContent"),
        ({"Simple": {}}, "FailedOperation.MissingEmailContent"),
        (
            {"Template": {"TemplateID": 123, "TemplateData": "{"}},
            "FailedOperation.WrongContentJson",
        ),
        (
            {"Template": {"TemplateID": 123, "TemplateData": "[]"}},
            "FailedOperation.WrongContentJson",
        ),
        ({"Destination": []}, "FailedOperation.IncorrectEmail"),
        ({"Destination": ["nobody"]}, "FailedOperation.IncorrectEmail"),
        ({"Destination": ["a@b.cn"] * 51}, "FailedOperation.TooManyRecipients"),
    ],
)
def test_ses_refuses_what_it_would_refuse(
    parameters: dict[str, Any], code: str, api: CloudApi
) -> None:
    with pytest.raises(TencentCloudSDKException) as caught:
        send(api, **parameters)
    assert caught.value.code == code


def test_ses_takes_the_text_of_an_old_account_that_sends_no_html() -> None:
    ses = Ses(simple=True)
    with CloudApi([ses]) as api:
        send(api, Simple={"Text": "dA=="})
    assert ses.sent[0].text == "dA=="
