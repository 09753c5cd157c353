"""Robots of chats on the desk: WeCom, DingTalk, Feishu and Slack as far as a webhook is concerned, and any other one.

Each answers as its documentation says, refuses what it would refuse (a wrong signature, a message that is too long, one
without the word it wants) and writes down what it took. On the loopback interface, with nothing but the standard
library:

    with Robots() as robots:
        Notify(f"wecom://KEY?endpoint={robots.url}").tell(...)
        print(robots.received[0].message)
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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Self

HOST = "127.0.0.1"

_HOUR = 3600.0
_LARGEST = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message that was taken."""

    channel: str
    """``wecom``, ``dingtalk``, ``feishu`` (Lark too), ``slack`` or ``webhook``."""
    address: str
    """The robot's key or token; the path for another webhook."""
    message: Any
    """The body, read as JSON."""
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes


@dataclass(frozen=True, slots=True)
class StubResponse:
    """An answer on demand, in place of the robot's own: status, headers and body. With `seconds`, it comes late."""

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] | None = None
    seconds: float = 0.0


class ChatWebhookStub:
    """Robots of every kind in a background thread: `with Robots() as robots:`.

    - `secrets` are the keys by which messages are signed, by the robot's key or token (for another webhook: its path).
    - `words` are what a message must contain, by the same.
    - `clock` gives the time in seconds since the epoch, for signatures.

    Attributes: `received`, `port`, `url`.
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
        self._replies: deque[StubResponse] = deque()
        self._asked = 0
        self._stopping = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, for ``endpoint=``."""
        return f"http://{HOST}:{self.port}"

    @property
    def received(self) -> list[ReceivedMessage]:
        """What was taken, oldest first."""
        with self._lock:
            return list(self._received)

    @property
    def asked(self) -> int:
        """How many requests there were, refused ones included."""
        with self._lock:
            return self._asked

    def answer(self, *replies: StubResponse) -> None:
        """Have the next requests answered like this; none of them is taken."""
        with self._lock:
            self._replies.extend(replies)

    def __enter__(self) -> Self:
        robots = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                robots._handle(self)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: there are keys in the URLs."""

        server = self._server = ThreadingHTTPServer((HOST, self.port), Handler)
        server.daemon_threads = True
        self.port = server.server_address[1]
        self._thread = threading.Thread(
            target=server.serve_forever, args=(0.02,), name="robots", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        assert self._server is not None
        assert self._thread is not None
        self._stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        length = min(int(request.headers.get("Content-Length") or 0), _LARGEST)
        body = request.rfile.read(length)
        with self._lock:
            self._asked += 1
            reply = self._replies.popleft() if self._replies else None
        if reply is None:
            reply = self._judge(request, body)
        elif reply.seconds:
            self._stopping.wait(reply.seconds)
        content = reply.body.encode()
        try:
            request.send_response(reply.status)
            for name, value in (reply.headers or {}).items():
                request.send_header(name, value)
            request.send_header("Content-Length", str(len(content)))
            request.end_headers()
            request.wfile.write(content)
        except OSError:  # who asked has gone
            return

    def _judge(self, request: BaseHTTPRequestHandler, body: bytes) -> StubResponse:
        """What the robot of the URL says to a message; it is written down if it is taken."""
        url = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            message = json.loads(body)
        except ValueError:
            message = None
        folder, _, last = url.path.rpartition("/")
        if url.path == "/cgi-bin/webhook/send":
            channel, address = "wecom", query.get("key", "")
            reply = _wecom(message, address)
        elif url.path == "/robot/send":
            channel, address = "dingtalk", query.get("access_token", "")
            reply = self._dingtalk(message, body, address, query)
        elif folder == "/open-apis/bot/v2/hook":
            channel, address = "feishu", last
            reply = self._feishu(message, body, address)
        elif folder.startswith("/services/"):
            channel, address = "slack", url.path.removeprefix("/services/")
            reply = _slack(message, body)
        else:
            channel, address = "webhook", url.path
            reply = self._webhook(message, body, address, headers)
        if reply is None:
            with self._lock:
                self._received.append(ReceivedMessage(channel, address, message, headers, body))
            return _TAKEN[channel]
        return reply

    def _dingtalk(
        self, message: Any, body: bytes, token: str, query: Mapping[str, str]
    ) -> StubResponse | None:
        secret, word = self._secrets.get(token), self._words.get(token, "")
        if not token:
            return _coded(300001, "token is not exist")
        if secret:
            moment = query.get("timestamp", "")
            signed = b64encode(
                hmac.new(secret.encode(), f"{moment}\n{secret}".encode(), hashlib.sha256).digest()
            ).decode()
            if not moment.isdecimal() or abs(int(moment) / 1000 - self._clock()) > _HOUR:
                return _coded(310000, "invalid timestamp")
            if not hmac.compare_digest(signed, query.get("sign", "")):
                return _coded(310000, "sign not match")
        text = _at(message, "markdown", "text")
        if not isinstance(text, str) or not text:
            return _coded(40035, "缺少参数 json")
        if word not in text:
            return _coded(310000, "keywords not in content")
        if len(body) > 20_000:
            return _coded(460101, "message too long, exceed 20000 bytes")
        return None

    def _feishu(self, message: Any, body: bytes, token: str) -> StubResponse | None:
        secret, word = self._secrets.get(token), self._words.get(token, "")
        if secret:
            moment = str(_at(message, "timestamp"))
            key = f"{moment}\n{secret}".encode()
            signed = b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()
            fresh = moment.isdecimal() and abs(int(moment) - self._clock()) <= _HOUR
            if not fresh or not hmac.compare_digest(signed, str(_at(message, "sign"))):
                return _feishu_error(
                    19021, "sign match fail or timestamp is not within one hour from current time"
                )
        if not isinstance(_at(message, "content", "post"), dict):
            return _feishu_error(9499, "Bad Request")
        if word not in body.decode("utf-8", "replace"):
            return _feishu_error(19024, "Key Words Not Found")
        if len(body) > 20 * 1024:
            return _feishu_error(9499, "Bad Request: the body is larger than 20 KB")
        return None

    def _webhook(
        self, message: Any, body: bytes, path: str, headers: Mapping[str, str]
    ) -> StubResponse | None:
        secret = self._secrets.get(path)
        if secret:
            moment = headers.get("x-scf-mps-timestamp", "")
            signed = hmac.new(
                secret.encode(), moment.encode() + b"." + body, hashlib.sha256
            ).hexdigest()
            if not hmac.compare_digest(f"sha256={signed}", headers.get("x-scf-mps-signature", "")):
                return StubResponse(401, "the signature is wrong")
        return None if message is not None else StubResponse(400, "no JSON")


def _wecom(message: Any, key: str) -> StubResponse | None:
    content = _at(message, "markdown_v2", "content")
    if not key:
        return _coded(93000, "invalid webhook url, hint: [0], from ip: 127.0.0.1")
    if not isinstance(content, str) or not content:
        return _coded(40008, "invalid message type")
    if len(content.encode()) > 4096:
        return _coded(40058, "markdown_v2.content exceed max length 4096")
    return None


def _slack(message: Any, body: bytes) -> StubResponse | None:
    blocks = _at(message, "blocks")
    if not isinstance(message, dict):
        return StubResponse(400, "invalid_payload")
    if not message.get("text") and not blocks:
        return StubResponse(400, "no_text")
    if isinstance(blocks, list) and len(blocks) > 50:
        return StubResponse(400, "invalid_blocks")
    return StubResponse(400, "msg_blocks_too_long") if len(body) > 13_000 else None


def _at(message: Any, *way: str) -> Any:
    for name in way:
        message = message.get(name) if isinstance(message, dict) else None
    return message


def _coded(code: int, message: str) -> StubResponse:
    return StubResponse(200, json.dumps({"errcode": code, "errmsg": message}, ensure_ascii=False))


def _feishu_error(code: int, message: str) -> StubResponse:
    return StubResponse(200, json.dumps({"code": code, "data": {}, "msg": message}))


_TAKEN = {
    "wecom": _coded(0, "ok"),
    "dingtalk": _coded(0, "ok"),
    "feishu": StubResponse(
        200,
        json.dumps(
            {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"}
        ),
    ),
    "slack": StubResponse(200, "ok"),
    "webhook": StubResponse(204),
}
