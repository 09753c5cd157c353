"""Email by SES through the official SDK."""

import json
import re
from base64 import b64decode

import pytest

pytest.importorskip("aiohttp", reason="the API needs it")
pytest.importorskip("tencentcloud.common", reason="emails are sent through the SDK")

from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from scf_mps.actions import Notify, NotifyError
from scf_mps.events.parser import parse_event
from scf_mps.local.api import CloudApi, SentEmail, Ses
from scf_mps.local.samples import sample

from .support import KEY, make_documented, send

FROM = "ses://mps@mail.example.com"
TEMPLATE = "{{title}}|{{outcome}}|{{task_id}}|{{source}}|{{session_context}}|{{results}}|{{links}}"


@pytest.fixture
def ses():
    return Ses({123: TEMPLATE}, domains=["mail.example.com"])


@pytest.fixture
def api(ses, run_api):
    return run_api(ses)


def test_ses_fills_template_of_account(api, ses):
    send(
        f"{FROM}?to=a@example.com;b@example.com&template=123",
        make_documented(SessionContext="order"),
    )
    (email,) = ses.sent
    assert email.sender == "mps@mail.example.com"
    assert email.to == ("a@example.com", "b@example.com")
    assert email.subject == "MPS 任务部分失败（1/4）：dianping2.mp4"
    assert email.message_id == f"<{KEY}.mps@mail.example.com>"
    title, outcome, task, source, context, results, links = email.text.split("|")
    assert (title, outcome, context) == (email.subject, "partly", "order")
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


def test_file_name_cannot_become_tag_in_template(api, ses):
    event = sample("WorkflowTask", Transcode="SUCCESS")
    event["WorkflowTaskEvent"]["InputInfo"]["CosInputInfo"]["Object"] = "/<img src=x>.mp4"
    event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]["Output"]["Path"] = (
        "/a<b>.mp4"
    )
    send(
        f"{FROM}?to=a@example.com&template=123",
        parse_event({**event, "SessionContext": "</p><a href=x>"}),
    )
    (email,) = ses.sent
    assert not set(email.text) & set("<>")
    assert "＜img src=x＞.mp4" in email.text
    assert "a＜b＞.mp4" in email.text


def test_lone_surrogate_costs_only_its_link(api, ses):
    event = sample("WorkflowTask", Transcode="SUCCESS", session_context="a\ud800\u115fb")
    task = event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]
    task["Output"]["Path"] = "/\udcff.mp4"
    send(f"{FROM}?to=a@example.com&template=123", parse_event(event), links=None)
    (email,) = ses.sent
    assert "|a\ufffdb|" in email.text
    assert email.text.endswith("|")


def test_template_has_five_links_in_6000_bytes(api, ses):
    event = sample("WorkflowTask", Transcode="SUCCESS")
    event["WorkflowTaskEvent"]["MediaProcessResultSet"] *= 7
    for length, count in ((100, 5), (2000, 2)):
        link = "https://cdn.example.com/".ljust(length, "x")
        to = f"{FROM}?to=a@example.com&template=123"
        send(to, parse_event(event), links=lambda _, link=link: [link])
        assert ses.sent[-1].text.rpartition("|")[2].split() == [link] * count


def test_older_account_sends_free_content(run_api, monkeypatch):
    ses = Ses(simple=True)
    api = run_api(ses)
    monkeypatch.delenv("MPS_API_ENDPOINT")
    send(f"{FROM}?to=a@example.com&region=ap-hongkong&lang=en&endpoint={api.url}")
    simple = api.requests[0].parameters["Simple"]
    assert api.requests[0].region == "ap-hongkong"
    assert "<h2>MPS task partly failed" in b64decode(simple["Html"]).decode()
    assert b64decode(simple["Text"]).decode().startswith("MPS task partly failed")
    assert ses.sent[0].text == simple["Html"]


@pytest.mark.parametrize(
    ("to", "code"),
    [
        (f"{FROM}?to=a@example.com", "WithOutPermission"),
        (f"{FROM}?to=a@example.com&template=9", "InvalidTemplateID"),
        ("ses://m@other.com?to=a@b.cn&template=123", "NotAuthenticatedSender"),
    ],
)
def test_ses_refusal_raises_error_with_advice(to, code, api):
    with pytest.raises(NotifyError) as caught:
        send(to)
    assert caught.value.code == f"FailedOperation.{code}"
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
def test_temporary_ses_error_is_retryable(code, api):
    api.faults.add("SendEmail", code=code)
    with pytest.raises(NotifyError) as caught:
        send(f"{FROM}?to=a@example.com&template=123")
    assert (caught.value.code, caught.value.retryable) == (code, True)


@pytest.mark.parametrize(
    ("to", "word"),
    [
        ("ses://", "ses://"),
        ("ses://a@b.cn;c@d.cn?to=a@b.cn", "ses://"),
        (FROM, "to="),
        (f"{FROM}?to={';'.join(f'a{n}@b.cn' for n in range(51))}", "50"),
        (f"{FROM}?to=a@b.cn&template=handlers/x.txt", "template="),
        (f"{FROM}?to=a@b.cn&region=ap-beijing", "region="),
        (f"{FROM}?to=a@b.cn&endpoint=ftp://x", "http://host:port of an emulator"),
    ],
)
def test_ses_rejects_invalid_address(to, word):
    with pytest.raises(ValueError, match=re.escape(word)):
        Notify(to)


def call_send_email(api, **parameters):
    http_profile = HttpProfile(protocol="http", endpoint=api.endpoint)
    client = CommonClient(
        "ses",
        "2020-10-02",
        Credential(api.key.secret_id, api.key.secret_key),
        "ap-guangzhou",
        ClientProfile(httpProfile=http_profile),
    )
    defaults = {"FromEmailAddress": "x@mail.example.com", "Subject": "s", "Destination": ["a@b.cn"]}
    return client.call_json("SendEmail", {**defaults, **parameters})["Response"]


def test_emulator_fills_template_and_omits_missing_values(api, ses):
    template = {"TemplateID": 123, "TemplateData": json.dumps({"title": "t"})}
    assert call_send_email(api, Template=template)["MessageId"].startswith("qcloudses-")
    call_send_email(api, Template={"TemplateID": 123})
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
def test_emulator_refuses_invalid_requests(parameters, code, api):
    with pytest.raises(TencentCloudSDKException) as caught:
        call_send_email(api, **parameters)
    assert caught.value.code == code


def test_emulator_accepts_text_without_html():
    ses = Ses(simple=True)
    with CloudApi([ses]) as api:
        call_send_email(api, Simple={"Text": "dA=="})
    assert ses.sent[0].text == "dA=="
