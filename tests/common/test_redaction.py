"""Secrets of variables and events, and values like secrets, are hidden in texts."""

from __future__ import annotations

import copy
import gc
import json
import logging
import time
from urllib.parse import quote

import pytest

from scf_mps import App, Transcode, logs
from scf_mps.common import redaction

from .secret_samples import SECRETS, SIGN, VARIABLES, assert_no_secret, sign_event


def test_lines_contain_no_secret_of_the_context(stream):
    app = App(ledger="none")
    context = {
        "request_id": "r",
        "environ": ";".join(f"{name}={value}" for name, value in VARIABLES.items()),
    }
    texts = [*SECRETS, *map(quote, SECRETS), json.dumps(SECRETS)]

    @app.on(Transcode)
    def callback(transcode: Transcode, log: logging.Logger) -> None:
        log.info("context %s", context)
        log.info("values %s", texts, extra={"texts": texts, "one": texts[5]})

    app.main_handler(sign_event(), context)
    assert_no_secret("".join(stream.writes))
    assert "SCF" not in "".join(stream.writes)
    assert "10.0.0.5" in stream.lines[0]["message"]
    assert "thumbnails.ap-guangzhou" in stream.lines[0]["message"]


def test_lines_contain_no_secret_of_the_environment(stream, monkeypatch):
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    for secret in SECRETS:
        logging.getLogger("tests").info("<%s>", secret, extra={secret: 1})
    assert {line["message"] for line in stream.lines} == {"<***>"}
    assert_no_secret("".join(stream.writes))


def test_renewed_token_is_hidden_in_the_next_invocation(stream, monkeypatch):
    app = App(ledger="none")

    @app.on(Transcode)
    def callback(transcode: Transcode, log: logging.Logger) -> None:
        log.info("first-token-1 second-token-2")

    handler = app.main_handler
    for token in ("first-token-1", "second-token-2"):
        monkeypatch.setenv("TENCENTCLOUD_SESSIONTOKEN", token)
        handler(sign_event(), {})
    messages = [line["message"] for line in stream.lines if "token" in line["message"]]
    assert messages == ["*** second-token-2", "first-token-1 ***"]


def test_lines_contain_no_secret_of_the_event(stream):
    app = App(ledger="none")
    first, second = sign_event(), copy.deepcopy(sign_event())
    second["Sign"] = "f" * 32

    @app.on(Transcode)
    def callback(transcode: Transcode, log: logging.Logger) -> None:
        log.info("%s %s %s", SIGN, "of-the-customer", "f" * 32)

    records = [{"CMQ": {"msgBody": json.dumps(item)}} for item in (first, second)]
    app.main_handler({"Records": records}, {})
    messages = [line["message"] for line in stream.lines if line["logger"] != "scf_mps"]
    assert messages == ["*** *** " + "f" * 32, "*** *** ***"]


def test_short_values_are_not_hidden(stream, monkeypatch):
    values = {"SECRETID": "a", "SECRETKEY": "12345", "SESSIONTOKEN": "123456"}
    for name, value in values.items():
        monkeypatch.setenv(f"TENCENTCLOUD_{name}", value)
    monkeypatch.setenv("MPS_NOTIFY_KEY", "x,y")
    assert logs.scrub("a 12345 x, y 123456") == "a 12345 x, y ***"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MPS_NOTIFY", "WeCom://chat-key-0001?on=failure"),
        ("MPS_NOTIFY", "wecom:chat-key-0001?on=failure"),
        ("MPS_NOTIFY", "mailto:a@example.com, SLACK:T0/B0/chat-key-0001"),
        ("MPS_FORWARD", "HTTPS://example.com/a?secret=chat-key-0001"),
        ("MPS_COS_PROXY", "user:chat-key-0001@127.0.0.1:9"),
        ("MPS_COS_PROXY", "http://user@corp:chat-key-0001@127.0.0.1:9"),
    ],
)
def test_address_secret_is_hidden_for_any_spelling(name, value, stream, monkeypatch):
    monkeypatch.setenv(name, value)
    assert "chat-key-0001" not in logs.scrub("<chat-key-0001>")


def test_words_of_a_webhook_path_are_not_hidden(stream, monkeypatch):
    keys = ("0123abcd", "AbCdEfGh", "abcdefghijklmnopqrst")
    monkeypatch.setenv(
        "MPS_NOTIFY", f"https://h.example.com/handlers/callbacks/done/{'/'.join(keys)}?on=failure"
    )
    assert logs.scrub("handlers.a: 1 of 2 callbacks, done") == "handlers.a: 1 of 2 callbacks, done"
    assert logs.scrub(" ".join(keys)) == "*** *** ***"


def test_every_notify_channel_has_its_scheme():
    from scf_mps.actions import notify

    plain = {"http", "https", "mailto", "ses"}
    assert set(notify._CHANNELS) - plain == set(redaction._CHAT_SCHEMES)


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("redis://:pw@host:6379/0", "redis://***@host:6379/0"),
        ("https://user:p@ss@host/a@b", "https://***@host/a@b"),
        ("https://ghp_token@host/", "https://***@host/"),
        ("smtps://user:password@host:465", "smtps://user:password@host:465"),
        ("https://host/a@b", "https://host/a@b"),
        ("https://h/send?key=abc-1&b=2", "https://h/send?key=***&b=2"),
        ("https://h/send?a=1&access_token=abc&b=2", "https://h/send?a=1&access_token=***&b=2"),
        ("https://h/?secret=abc", "https://h/?secret=***"),
        ("https://h/a.mp4?sign=abc&t=1", "https://h/a.mp4?sign=***&t=1"),
        ("u=https%3A%2F%2Fh%3Fq-signature%3Dabc&b=2", "u=https%3A%2F%2Fh%3Fq-signature%3D***&b=2"),
        ("'Sign': 'abc', 'a': 1", "'Sign': '***', 'a': 1"),
        ("design: blue, key: C", "design: blue, key: C"),
        ("X-Amz-Credential=AKIAIOSFODNN7EXAMPLE/x", "X-Amz-Credential=***/x"),
        ("asiapacificsoutheast1", "asiapacificsoutheast1"),
        ("Bearer abcdefghijklmnop.x", "Bearer ***"),
        ("sent Basic dXNlcjpwYXNzd29yZA== to h", "sent Basic *** to h"),
        ("Basic internationalization texts", "Basic internationalization texts"),
        ('{"secret": "abc", "app_secret": "def"}', '{"secret": "***", "app_secret": "***"}'),
        ("corpsecret=abc&client_secret=def", "corpsecret=***&client_secret=***"),
        ("passphrase='abc' auth_key=def", "passphrase='***' auth_key=***"),
        ("a secret that is not one", "a secret that is not one"),
        ("MaxTokens: 5, TokenCount: 7", "MaxTokens: 5, TokenCount: 7"),
        ("bearer of news", "bearer of news"),
        (
            "https://open.feishu.cn/open-apis/bot/v2/hook/1234-5678",
            "https://open.feishu.cn/open-apis/bot/v2/hook/***",
        ),
        ("https://hooks.slack.com/services/T0/B0/xyz", "https://hooks.slack.com/services/***"),
        ("https://hooks.slack.com/workflows/T0/A0/xyz", "https://hooks.slack.com/workflows/***"),
        ("https://hooks.slack.com/triggers/T0/1/xyz", "https://hooks.slack.com/triggers/***"),
        ("api_key=abc AccessKeyId: def", "api_key=*** AccessKeyId: ***"),
        ("MPS_NOTIFY_KEY: missing key", "MPS_NOTIFY_KEY: missing key"),
        ("MPS_NOTIFY_KEY=abc", "MPS_NOTIFY_KEY=***"),
    ],
)
def test_value_like_a_secret_is_hidden(text, scrubbed):
    assert logs.scrub(text) == scrubbed
    assert logs.scrub(scrubbed) == scrubbed


@pytest.mark.parametrize(
    "make",
    [
        lambda size: "token:" + "\\" * size + '"' + "\\" * size,
        lambda size: "token:" + '\\"' * size,
        lambda size: "token" * size,
        lambda size: "token: " + " " * size,
        lambda size: "token=" * size,
        lambda size: "://" * size + "@",
        lambda size: "://" + "a" * size + "@",
        lambda size: "key%25" + "25" * size,
        lambda size: "AKID" * size,
        lambda size: "authorization:'" * size,
        lambda size: "bearer " * size,
        lambda size: "Basic " + "a" * size,
        lambda size: "/hook/" * size,
    ],
)
def test_hiding_takes_linear_time(make):
    """Eight times the text takes about eight times as long, not sixty-four times."""
    logs.scrub(make(10))

    def seconds(text: str) -> float:
        times = []
        for _ in range(3):
            began = time.process_time()
            logs.scrub(text)
            times.append(time.process_time() - began)
        return min(times)

    gc.collect()
    small, large = make(12_500), make(100_000)
    assert seconds(large) < 24 * seconds(small) + 0.01


def test_redact_hides_secrets_of_events():
    event = {
        "S3SecretId": "id",
        "S3SecretKey": "key",
        "Sign": "sign",
        "NotifyKey": "key",
        "Signature": "not a secret",
        "List": [{"Sign": "sign"}, [{"Sign": "sign"}], "Sign", 1, None],
        "Empty": {"Sign": "", "S3SecretKey": None, "NotifyKey": 7},
    }
    assert redaction.redact(event) == {
        "S3SecretId": "***",
        "S3SecretKey": "***",
        "Sign": "***",
        "NotifyKey": "***",
        "Signature": "not a secret",
        "List": [{"Sign": "***"}, [{"Sign": "***"}], "Sign", 1, None],
        "Empty": {"Sign": "", "S3SecretKey": None, "NotifyKey": 7},
    }
    assert event["Sign"] == "sign"
    assert redaction.redact("Sign") == "Sign"
