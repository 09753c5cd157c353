"""Secrets of a function and of an event, and checks that a text contains none of them."""

import traceback
from urllib.parse import quote

from scf_mps.errors import list_members
from scf_mps.local.samples import sample

KEY_ID = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE"
SECRET = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"
TOKEN = "a1b2c3d4e5f6/EXAMPLE+TOKEN="
PRESIGNED = (
    f"https://media-1250000000.cos.ap-guangzhou.myqcloud.com/a.mp4?q-sign-algorithm=sha1&q-ak={KEY_ID}"
    f"&q-sign-time=1;2&q-header-list=host&q-signature={SECRET}&x-cos-security-token={quote(TOKEN)}"
)
VARIABLES = {
    "TENCENTCLOUD_SECRETID": KEY_ID,
    "TENCENTCLOUD_SECRETKEY": SECRET,
    "TENCENTCLOUD_SESSIONTOKEN": TOKEN,
    "MPS_NOTIFY_KEY": "old-notify-key, new-notify-key",
    "MPS_SMTP": "smtps://user%40example.com:smtp%2Fpass%40word@mail.example.com:465",
    "MPS_LEDGER": "redis://:redis/pass?word@10.0.0.5:6379/0",
    "MPS_COS_PROXY": "http://proxyuser:proxypass@127.0.0.1:9",
    "MPS_NOTIFY": (
        "wecom://wecom-key-0001?on=failure, dingtalk://ding-token-0002?secret=SECding0003 "
        "feishu://feishu-hook-0004?secret=feishu-sec-0005&word=mps,slack://T00000000/B00000000/slack-part-0006,"
        "https://hooks.example.com/in/hook-path-0007?secret=hook-sec-0008&query=token%3Dquery-tok-0009,"
        "mailto:a@example.com"
    ),
    "MPS_FORWARD": (
        "scf://thumbnails.ap-guangzhou https://example.com/mps?secret=forward%20sec-0010&types=Transcode"
    ),
}
SECRETS = [
    KEY_ID,
    SECRET,
    TOKEN,
    quote(TOKEN, safe=""),
    "old-notify-key",
    "new-notify-key",
    "smtp%2Fpass%40word",
    "smtp/pass@word",
    "redis/pass?word",
    "proxypass",
    "wecom-key-0001",
    "ding-token-0002",
    "SECding0003",
    "feishu-hook-0004",
    "feishu-sec-0005",
    "slack-part-0006",
    "hook-path-0007",
    "hook-sec-0008",
    "query-tok-0009",
    "forward%20sec-0010",
    "forward sec-0010",
]
SIGN = "9f3c71d0b25e4a86c1d7e0f4a9b8325e"


def sign_event():
    """Return an event with secrets of a customer and a signature."""
    event = sample("WorkflowTask", Transcode="SUCCESS")
    storage = {"S3Bucket": "b", "S3SecretId": "AKIA4EXAMPLE", "S3SecretKey": "of-the-customer"}
    output = event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]["Output"]
    output["OutputStorage"] = {"Type": "AWS-S3", "S3OutputStorage": storage}
    event["Sign"] = SIGN
    return event


def render_chain(error):
    """Return every text of an exception and of its chain."""
    errors = {}
    stack = [error]
    while stack:
        link = stack.pop()
        if id(link) in errors:
            continue
        errors[id(link)] = link
        stack += [other for other in (link.__cause__, link.__context__) if other is not None]
        stack += list_members(link)
    texts = ["".join(traceback.format_exception(type(error), error, error.__traceback__))]
    for link in errors.values():
        texts += [str(link), repr(link), repr(link.args), repr(vars(link))]
        texts += traceback.format_exception(type(link), link, link.__traceback__)
    return "\n".join(texts)


def assert_no_secret(text, *more):
    """Assert that a text contains none of the secrets."""
    for secret in (*SECRETS, SIGN, "of-the-customer", "AKIA4EXAMPLE", *more):
        assert secret not in text
