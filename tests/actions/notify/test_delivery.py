"""Delivery over HTTP: refusals, retries, timeouts and TLS."""

import json
import ssl

import pytest
import trustme

from scf_mps import Context
from scf_mps.actions import NotifyError
from scf_mps.events.parser import parse_event
from scf_mps.local.chat_webhooks import StubResponse
from scf_mps.local.samples import sample
from tests.support.raw_server import Server

from .support import SECRET, TOKEN, deliver, make_context, send


def test_slack_resends_without_pictures_it_cannot_fetch(stub):
    stub.respond_with(StubResponse(400, "invalid_blocks"))
    deliver("slack", stub)
    blocks = stub.received[0].message["blocks"]
    assert [block["type"] for block in blocks] == ["header", "rich_text", "rich_text"]
    assert stub.request_count == 2


def test_slack_does_not_resend_message_without_pictures(stub):
    stub.respond_with(StubResponse(400, "invalid_blocks"))
    event = parse_event(sample("WorkflowTask", Transcode="SUCCESS"))
    with pytest.raises(NotifyError) as caught:
        deliver("slack", stub, event=event)
    assert (caught.value.code, caught.value.key) == ("400", "invalid_blocks")
    assert stub.request_count == 1


WECOM_93000 = json.dumps(
    {
        "errcode": 93000,
        "errmsg": f"invalid webhook url, hint: [1], from ip: 1.2.3.4, key {TOKEN}, more info at https://x",
    }
)


def respond(status, body="", **headers):
    """Return a response, with the body as text or JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    return StubResponse(status, text, {k.replace("_", "-"): v for k, v in headers.items()})


REDIRECT = {"Location": "http://evil"}


@pytest.mark.parametrize(
    ("channel", "response", "code", "word"),
    [
        ("wecom", StubResponse(200, WECOM_93000), "93000", "invalid webhook url"),
        ("wecom", respond(200, {"errcode": 60020}), "60020", "IP"),
        ("wecom", respond(200, {"errcode": "x", "errmsg": "?"}), "x", "?"),
        ("wecom", respond(200, "<html>"), "200", "errcode"),
        ("wecom", respond(200, "[]"), "200", "errcode"),
        ("wecom", respond(404), "404", "no message"),
        ("dingtalk", respond(200, {"errcode": 300001}), "300001", "access_token"),
        ("feishu", respond(400, {"code": 19001, "msg": "param invalid"}), "19001", "param invalid"),
        ("feishu", respond(200, {"StatusCode": 9499, "StatusMessage": "Bad"}), "9499", "Bad"),
        ("feishu", respond(400, {"code": 9499, "msg": "Bad Request"}), "9499", "Bad Request"),
        ("wecom", respond(200, {"errcode": False}), "False", "no message"),
        ("wecom", respond(200, {"errcode": 93004}), "93004", "disabled"),
        ("dingtalk", respond(200, {"errcode": 430102, "errmsg": "x"}), "430102", "word"),
        ("webhook", respond(413), "413", "too long"),
        ("slack", respond(404, "no_service"), "404", "no_service"),
        ("slack", respond(403, "action_prohibited"), "403", "administrator"),
        ("slack", respond(200, "invalid_payload"), "200", "invalid_payload"),
        ("slack", respond(400, "what_is_this"), "400", "what_is_this"),
        ("webhook", respond(410, "x" * 1000), "410", "…"),
        ("webhook", respond(302, **REDIRECT), "302", "redirects"),
        ("slack", respond(307, **REDIRECT), "307", "redirects"),
    ],
)
def test_refusal_raises_error_with_code_and_advice(channel, response, code, word, stub):
    stub.respond_with(response)
    with pytest.raises(NotifyError) as caught:
        deliver(channel, stub)
    assert (caught.value.code, caught.value.retryable) == (code, False)
    assert word in str(caught.value)
    assert (stub.request_count, stub.received) == (1, [])
    for text in (str(caught.value), repr(caught.value)):
        assert TOKEN not in text
        assert SECRET not in text
        assert len(text) < 800


@pytest.mark.parametrize(
    ("channel", "response"),
    [
        ("wecom", respond(200, {"errcode": -1}, Retry_After="0")),
        ("feishu", respond(429, {"code": 11232})),
        ("slack", respond(429, "rate_limited", Retry_After="1")),
        ("webhook", respond(503, "soon", Retry_After="0")),
        ("feishu", respond(400, {"code": 9499, "msg": "too many request"})),
        ("lark", respond(400, {"StatusCode": 9499, "StatusMessage": "Too Many Request"})),
        ("feishu", respond(200, {"code": 11232, "msg": "frequency limited psm"})),
        ("feishu", respond(400, {"code": 99991400, "msg": "request trigger frequency limit"})),
        ("feishu", respond(503, {"code": 2200, "msg": "internal error"})),
        ("wecom", respond(200, {"errcode": 45033, "errmsg": "concurrent limit"})),
        ("dingtalk", respond(200, {"errcode": 410100, "errmsg": "发送速度太快而限流"})),
        ("dingtalk", respond(200, {"errcode": 1, "errmsg": "send too fast"})),
        ("slack", respond(200, "rate_limited")),
        ("slack", respond(400, "ratelimited")),
        ("slack", respond(500, "rollup_error")),
        ("webhook", respond(403, "Rate limit exceeded")),
    ],
)
def test_busy_channel_is_retried(channel, response, stub):
    stub.respond_with(response)
    deliver(channel, stub)
    assert (stub.request_count, len(stub.received)) == (2, 1)


@pytest.mark.parametrize(
    ("channel", "response", "seconds"),
    [
        ("slack", respond(429, "rate_limited", Retry_After="30"), 60),  # over the maximum wait
        ("slack", respond(429, "rate_limited", Retry_After="5"), 2),  # over the remaining time
        ("dingtalk", respond(200, {"errcode": 130101}), 60),  # ten minutes
        ("dingtalk", respond(200, {"errcode": 660026}), 60),
        ("wecom", respond(200, {"errcode": 45009, "errmsg": "api freq out of limit"}), 4),
        ("feishu", respond(429, {"code": 11232}, Retry_After="20"), 60),
    ],
)
def test_long_wait_is_left_to_next_delivery(channel, response, seconds, stub):
    stub.respond_with(response)
    with pytest.raises(NotifyError) as caught:
        deliver(channel, stub, context=make_context(seconds))
    assert caught.value.retryable
    assert stub.request_count == 1


def test_busy_channel_gets_three_attempts(stub):
    stub.respond_with(*[StubResponse(500, "", {"Retry-After": "0"})] * 3)
    with pytest.raises(NotifyError, match="500"):
        deliver("webhook", stub)
    assert stub.request_count == 3


def test_message_is_not_repeated_after_timeout(stub):
    stub.respond_with(StubResponse(seconds=20))
    with pytest.raises(NotifyError, match="within") as caught:
        deliver("wecom", stub, context=make_context(1.2))
    assert caught.value.retryable
    assert stub.request_count == 1


def test_message_is_not_sent_without_time(stub):
    with pytest.raises(NotifyError, match="time") as caught:
        deliver(
            "wecom", stub, context=Context({"time_limit_in_ms": 5}, clock=iter([0, 9]).__next__)
        )
    assert caught.value.retryable
    assert stub.request_count == 0


@pytest.mark.parametrize(
    "content", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", b"??\r\n"]
)
def test_message_is_not_repeated_after_incomplete_response(content):
    with (
        Server(lambda peer: (peer.read_request(), peer.send(content))) as server,
        pytest.raises(NotifyError, match="response") as caught,
    ):
        send(f"wecom://{TOKEN}?endpoint={server.url}")
    assert caught.value.retryable
    assert server.connections == 1


def test_unreachable_channel_raises_retryable_error():
    with Server(lambda _: None) as server:
        url = server.url
    with pytest.raises(NotifyError, match="ConnectionRefused") as caught:
        send(f"wecom://{TOKEN}?endpoint={url}")
    assert caught.value.retryable


def test_tls_uses_given_certificates(tmp_path, monkeypatch):
    authority = trustme.CA()
    trusted = str(tmp_path / "authority.pem")
    authority.cert_pem.write_to_path(trusted)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    response = b"HTTP/1.1 204 No Content\r\n\r\n"
    with Server(lambda peer: (peer.read_request(), peer.send(response)), context) as server:
        to = f"https://127.0.0.1:{server.port}/"
        with pytest.raises(NotifyError, match="SSL_CERT_FILE") as caught:
            send(to)
        assert caught.value.retryable is False
        send(to, cafile=trusted)
        monkeypatch.setenv("SSL_CERT_FILE", trusted)
        send(to)


@pytest.mark.parametrize(
    ("path", "text", "shown"),
    [
        ("/long-token/long-token-2", "/hooks/long-token/long-token-2", "/hooks/***/***"),
        ("/hooks/abcdefgh", "abcdefgh of hooks", "*** of hooks"),
    ],
)
def test_error_hides_parts_of_path(path, text, shown, stub):
    stub.respond_with(StubResponse(400, f"no such hook: {text}"))
    with pytest.raises(NotifyError) as caught:
        send(f"{stub.url}{path}")
    assert str(caught.value) == f"webhook: 400: no such hook: {shown}"
