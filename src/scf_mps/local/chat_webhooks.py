"""Stub of chat webhooks: WeCom, DingTalk, Feishu and Slack, and any other webhook.

Each channel responds as its documentation says, rejects invalid messages (a wrong signature, too long, without
the required keyword) and stores the accepted ones. It listens on the loopback interface and needs only the
standard library:

    with ChatWebhookStub() as webhooks:
        os.environ["MPS_NOTIFY"] = f"wecom://KEY?endpoint={webhooks.url}"
        main_handler(event, context)
        print(webhooks.received[0].message)

To add a channel, write its check and add it to `_match_channel` and `_ACCEPTED`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .background import ServerThread
from .observers import Observers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Self

HOST = "127.0.0.1"

_MAX_SIGNATURE_AGE_SECONDS = 3600.0
_MAX_BODY_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """An accepted message."""

    channel: str
    """``wecom``, ``dingtalk``, ``feishu`` (Lark too), ``slack`` or ``webhook``."""
    address: str
    """The key or token in the URL, or the path of another webhook."""
    message: Any
    """The body parsed as JSON, or None."""
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes


@dataclass(frozen=True, slots=True)
class StubResponse:
    """A response with status, headers and body, sent after `seconds`."""

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] | None = None
    seconds: float = 0.0


class ChatWebhookStub:
    """Webhooks of all channels in a background thread: `with ChatWebhookStub() as webhooks:`.

    Args:
        secrets: signing secrets by key or token, or by path for another webhook.
        words: required keywords by key or token.
        port: 0 for a free one.
        clock: returns the seconds since the epoch, for signatures.
    """

    def __init__(
        self,
        *,
        secrets: Mapping[str, str] | None = None,
        words: Mapping[str, str] | None = None,
        port: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.port = port
        self._secrets = dict(secrets or {})
        self._words = dict(words or {})
        self._clock = clock
        self._lock = threading.Lock()
        self._received: list[ReceivedMessage] = []
        self._observers = Observers[ReceivedMessage]()
        self._responses: deque[StubResponse] = deque()
        self._request_count = 0
        self._stopping = threading.Event()
        self._thread: ServerThread | None = None

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, for ``endpoint=``."""
        return f"http://{HOST}:{self.port}"

    @property
    def received(self) -> list[ReceivedMessage]:
        """The accepted messages, oldest first."""
        with self._lock:
            return list(self._received)

    @property
    def request_count(self) -> int:
        """The number of requests, including rejected ones."""
        with self._lock:
            return self._request_count

    def observe(self, observer: Callable[[ReceivedMessage], object]) -> None:
        """Call a function with every accepted message, before the response. Its exceptions are logged."""
        self._observers.add(observer)

    @property
    def pending(self) -> list[StubResponse]:
        """The responses of `respond_with` that were not sent yet."""
        with self._lock:
            return list(self._responses)

    def respond_with(self, *responses: StubResponse, replace: bool = False) -> None:
        """Send these responses to the next requests, whose messages are not accepted.

        Args:
            responses: in the order of the requests.
            replace: whether to drop the pending ones.
        """
        with self._lock:
            if replace:
                self._responses.clear()
            self._responses.extend(responses)

    def __enter__(self) -> Self:
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                stub._handle(self)

            def log_message(self, format: str, *args: object) -> None:
                """Log nothing, because URLs contain keys."""

        server = ThreadingHTTPServer((HOST, self.port), Handler)
        server.daemon_threads = True
        self.port = server.server_address[1]
        self._thread = ServerThread(server, "chat-webhooks")
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        assert self._thread is not None
        self._stopping.set()
        self._thread.stop()

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        length = min(int(request.headers.get("Content-Length") or 0), _MAX_BODY_BYTES)
        body = request.rfile.read(length)
        with self._lock:
            self._request_count += 1
            response = self._responses.popleft() if self._responses else None
        if response is None:
            response = self._process(request, body)
        elif response.seconds:
            self._stopping.wait(response.seconds)
        content = response.body.encode()
        try:
            request.send_response(response.status)
            for name, value in (response.headers or {}).items():
                request.send_header(name, value)
            request.send_header("Content-Length", str(len(content)))
            request.end_headers()
            request.wfile.write(content)
        except OSError:  # the client disconnected
            return

    def _process(self, request: BaseHTTPRequestHandler, body: bytes) -> StubResponse:
        """Return the channel's response to a message, and store the message if it is accepted."""
        url = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            message = json.loads(body)
        except ValueError:
            message = None
        channel, address = _match_channel(url.path, query)
        received = ReceivedMessage(channel, address, message, headers, body)
        if channel == "wecom":
            error = _check_wecom(received)
        elif channel == "dingtalk":
            error = self._check_dingtalk(received, query)
        elif channel == "feishu":
            error = self._check_feishu(received)
        elif channel == "slack":
            error = _check_slack(received)
        else:
            error = self._check_webhook(received)
        if error is not None:
            return error
        with self._lock:
            self._received.append(received)
        self._observers.notify(received)
        return _ACCEPTED[channel]

    def _check_dingtalk(
        self, received: ReceivedMessage, query: Mapping[str, str]
    ) -> StubResponse | None:
        token, word = received.address, self._words.get(received.address, "")
        secret = self._secrets.get(token)
        if not token:
            return _build_error(300001, "token is not exist")
        if secret:
            timestamp = query.get("timestamp", "")
            if not timestamp.isdecimal() or not self._is_fresh(int(timestamp) / 1000):
                return _build_error(310000, "invalid timestamp")
            signature = _sign(secret, f"{timestamp}\n{secret}")
            if not hmac.compare_digest(signature, query.get("sign", "")):
                return _build_error(310000, "sign not match")
        text = _get(received.message, "markdown", "text")
        if not isinstance(text, str) or not text:
            return _build_error(40035, "缺少参数 json")
        if word not in text:
            return _build_error(310000, "keywords not in content")
        if len(received.body) > 20_000:
            return _build_error(460101, "message too long, exceed 20000 bytes")
        return None

    def _check_feishu(self, received: ReceivedMessage) -> StubResponse | None:
        message, body = received.message, received.body
        secret = self._secrets.get(received.address)
        if secret:
            timestamp = str(_get(message, "timestamp"))
            signature = _sign(f"{timestamp}\n{secret}", "")
            is_fresh = timestamp.isdecimal() and self._is_fresh(int(timestamp))
            if not is_fresh or not hmac.compare_digest(signature, str(_get(message, "sign"))):
                return _build_feishu_error(
                    19021, "sign match fail or timestamp is not within one hour from current time"
                )
        if not isinstance(_get(message, "content", "post"), dict):
            return _build_feishu_error(9499, "Bad Request")
        if self._words.get(received.address, "") not in body.decode("utf-8", "replace"):
            return _build_feishu_error(19024, "Key Words Not Found")
        if len(body) > 20 * 1024:
            return _build_feishu_error(9499, "Bad Request: the body is larger than 20 KB")
        return None

    def _check_webhook(self, received: ReceivedMessage) -> StubResponse | None:
        secret = self._secrets.get(received.address)
        if secret:
            timestamp = received.headers.get("x-scf-mps-timestamp", "")
            content = timestamp.encode() + b"." + received.body
            signature = hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()
            header = received.headers.get("x-scf-mps-signature", "")
            if not hmac.compare_digest(f"sha256={signature}", header):
                return StubResponse(401, "the signature is wrong")
        return None if received.message is not None else StubResponse(400, "no JSON")

    def _is_fresh(self, seconds: float) -> bool:
        return abs(seconds - self._clock()) <= _MAX_SIGNATURE_AGE_SECONDS


def _match_channel(path: str, query: Mapping[str, str]) -> tuple[str, str]:
    """Return the channel and the address of a URL."""
    folder, _, last = path.rpartition("/")
    if path == "/cgi-bin/webhook/send":
        return "wecom", query.get("key", "")
    if path == "/robot/send":
        return "dingtalk", query.get("access_token", "")
    if folder == "/open-apis/bot/v2/hook":
        return "feishu", last
    if folder.startswith("/services/"):
        return "slack", path.removeprefix("/services/")
    return "webhook", path


def _check_wecom(received: ReceivedMessage) -> StubResponse | None:
    content = _get(received.message, "markdown_v2", "content")
    if not received.address:
        return _build_error(93000, "invalid webhook url, hint: [0], from ip: 127.0.0.1")
    if not isinstance(content, str) or not content:
        return _build_error(40008, "invalid message type")
    if len(content.encode()) > 4096:
        return _build_error(40058, "markdown_v2.content exceed max length 4096")
    return None


def _check_slack(received: ReceivedMessage) -> StubResponse | None:
    message = received.message
    if not isinstance(message, dict):
        return StubResponse(400, "invalid_payload")
    blocks = message.get("blocks")
    if not message.get("text") and not blocks:
        return StubResponse(400, "no_text")
    if isinstance(blocks, list) and len(blocks) > 50:
        return StubResponse(400, "invalid_blocks")
    return StubResponse(400, "msg_blocks_too_long") if len(received.body) > 13_000 else None


def _sign(key: str, text: str) -> str:
    return b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def _get(message: Any, *names: str) -> Any:
    for name in names:
        message = message.get(name) if isinstance(message, dict) else None
    return message


def _build_error(code: int, message: str) -> StubResponse:
    return StubResponse(200, json.dumps({"errcode": code, "errmsg": message}, ensure_ascii=False))


def _build_feishu_error(code: int, message: str) -> StubResponse:
    return StubResponse(200, json.dumps({"code": code, "data": {}, "msg": message}))


_ACCEPTED = {
    "wecom": _build_error(0, "ok"),
    "dingtalk": _build_error(0, "ok"),
    "feishu": StubResponse(
        200,
        json.dumps(
            {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"}
        ),
    ),
    "slack": StubResponse(200, "ok"),
    "webhook": StubResponse(204),
}
