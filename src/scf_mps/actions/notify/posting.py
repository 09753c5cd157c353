"""One message over HTTP: sent, judged by what was answered, and sent again where the channel asks for a moment.

Python's own `http.client`, with TLS verified. A redirect is not followed, since what is sent has secrets in it; a
try ends within seconds whatever the other side does. What an answer means is left to the channels.
"""

from __future__ import annotations

from .errors import NotifyError, scrubbed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Any

    from typing_extensions import Self

    from ...context import Context

TRY = 10.0
"""Seconds that a try may take."""

_ATTEMPTS = 3
_LONGEST_ANSWER = 64 * 1024
_LONGEST_WAIT = 10.0
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Sending:
    """What belongs to the sending of one message.

    Attributes:
        key: names the message; the same when it is sent again.
        context: the invocation's.
        clock: the time that is left for it.
        now: tells the seconds since the epoch.
        cafile: certificates to trust, in place of the system's.
    """

    __slots__ = ("cafile", "clock", "context", "key", "now")

    def __init__(
        self,
        key: str,
        context: Context,
        now: Callable[[], float],
        cafile: str | None = None,
    ) -> None:
        from ...cos.retry import Clock

        self.key = key
        self.context = context
        self.clock = Clock(context.remaining)
        self.now = now
        self.cafile = cafile


class Request:
    """What is posted: to which URL, with which headers and body."""

    __slots__ = ("body", "headers", "url")

    def __init__(self, url: str, body: Any, headers: Mapping[str, str] | None = None) -> None:
        self.url = url
        self.body = body if isinstance(body, bytes) else as_json(body)
        self.headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "scf-mps",
            **(headers or {}),
        }


class Answer:
    """What came back: status, headers by lower-case name, and the first 64 KB of the body."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    @property
    def json(self) -> dict[str, Any]:
        """The body as an object of JSON; an empty one if it is none."""
        import json

        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def retry_after(self) -> float:
        """Seconds of its ``Retry-After``, or 0."""
        from ...cos.retry import retry_after

        return retry_after(self.headers.get("retry-after"))


class Limit:
    """Ends what is done with a socket when its seconds are over, however it drips."""

    def __init__(self, seconds: float, find: Callable[[], socket.socket | None]) -> None:
        from threading import Timer

        self._find = find
        self._timer = Timer(seconds, self._end)
        self._timer.daemon = True
        self.over = False

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._timer.cancel()

    def _end(self) -> None:
        import contextlib
        import socket

        self.over = True
        found = self._find()
        if found is not None:
            with contextlib.suppress(OSError):  # it is closed
                found.shutdown(socket.SHUT_RDWR)


def as_json(body: object) -> bytes:
    """JSON in UTF-8. Texts of messages have no halves of characters; what else has, has them as escapes."""
    import json

    return json.dumps(body, ensure_ascii=False).encode("utf-8", "backslashreplace")


def base_of(endpoint: str) -> str:
    """Where requests go: ``https://host``, or ``http://`` on this machine alone, as there are secrets in them.

    Raises:
        ValueError: for anything else. It is not shown: there may be a password in it.
    """
    scheme, _, host = endpoint.partition("://")
    name, colon, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    name = name if colon else host
    if not is_host(name.strip("[]")) or (colon and not (port.isdecimal() and int(port) < 65536)):
        raise ValueError("endpoint= expects https://host:port and no more")
    if scheme == "https" or (scheme == "http" and name in _LOOPBACK):
        return f"{scheme}://{host}"
    raise ValueError(
        "endpoint= expects https://, or http:// on 127.0.0.1: what is sent has secrets in it"
    )


def is_host(name: str) -> bool:
    """Whether a text is the name of a host, or its address."""
    import re

    label = "[A-Za-z0-9_-]{1,63}"
    return re.fullmatch(rf"(?:{label}\.)*{label}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*", name) is not None


def deliver(
    channel: str,
    make: Callable[[], Request],
    judge: Callable[[Answer], NotifyError | None],
    sending: Sending,
    secrets: tuple[str, ...],
) -> None:
    """Post a message until it is taken.

    It is sent again only if the channel said that it did not take it and for how long to wait, or could not be
    connected to: a request without an answer may have arrived.

    Args:
        make: makes the request, for each try (signatures have a time in them).
        judge: what is wrong with an answer; None if the message was taken.
        secrets: are in no error.

    Raises:
        NotifyError: it was not taken, or nobody knows.
    """
    attempt = 0
    while True:
        attempt += 1
        left = sending.clock.left()
        if left <= 0:
            raise NotifyError(channel, "no time is left to send the message", retryable=True)
        try:
            error = judge(exchange(make(), min(TRY, left), sending.cafile))
        except Unreachable as reason:
            error = NotifyError(
                channel, scrubbed(str(reason), secrets), retryable=True, wait=reason.wait
            )
        if error is None:
            return
        wait = error.wait
        if wait is None or wait > _LONGEST_WAIT or attempt == _ATTEMPTS:
            raise error
        if not sending.clock.sleep(wait):
            raise error


class Unreachable(Exception):
    """There was no answer. `wait`: seconds until another try, if nothing was sent in this one."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


def exchange(request: Request, seconds: float, cafile: str | None = None) -> Answer:
    """One request and its answer.

    Raises:
        Unreachable: without an answer.
    """
    import socket
    import ssl
    from http.client import HTTPConnection, HTTPException, IncompleteRead
    from urllib.parse import urlsplit

    url = urlsplit(request.url)
    host = url.hostname or ""
    tls = url.scheme == "https"
    connection = HTTPConnection(host, url.port or (443 if tls else 80), timeout=seconds)
    sent = False
    with Limit(seconds, lambda: connection.sock) as limit:
        try:
            plain = socket.create_connection((connection.host, connection.port), seconds)
            connection.sock = plain
            if tls:
                context = ssl.create_default_context(cafile=cafile)
                secure = context.wrap_socket(
                    plain, server_hostname=host, do_handshake_on_connect=False
                )
                connection.sock = secure
                secure.do_handshake()
            target = f"{url.path or '/'}{f'?{url.query}' if url.query else ''}"
            sent = True
            connection.request("POST", target, request.body, request.headers)
            answer = connection.getresponse()
            body = answer.read(_LONGEST_ANSWER)
            if answer.length and len(body) < _LONGEST_ANSWER:
                raise IncompleteRead(body, answer.length)
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, headers, body)
        except ssl.SSLCertVerificationError as error:
            raise Unreachable(
                f"the certificate of {host} is not trusted ({error.verify_message}): behind a proxy of your own, "
                f"name its certificates in SSL_CERT_FILE"
            ) from None
        except (OSError, HTTPException) as error:
            if limit.over or isinstance(error, TimeoutError):
                raise Unreachable(f"{host} did not answer within {seconds:.3g} s") from None
            why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise Unreachable(f"no answer from {host}: {why}", None if sent else 0.3) from None
        finally:
            connection.close()


def refusal(
    channel: str, answer: Answer, secrets: tuple[str, ...], advice: Mapping[int, str] | None = None
) -> NotifyError | None:
    """What is wrong with an answer by its HTTP status alone; None for 2xx."""
    status = answer.status
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return NotifyError(
            channel,
            "the answer is a redirect, which is not followed as there are secrets in the request: is the address right?",
            status,
        )
    retryable = status in (408, 425, 429) or status >= 500
    what = scrubbed(answer.text, secrets) or "without a word"
    told = (advice or {}).get(status)
    message = f"{what} ({told})" if told else what
    wait = (answer.retry_after or 0.5) if retryable else None
    return NotifyError(channel, message, status, retryable=retryable, wait=wait)


def judged(
    channel: str,
    answer: Answer,
    fields: tuple[tuple[str, str], ...],
    advice: Mapping[int, tuple[str, float | None]],
    secrets: tuple[str, ...],
) -> NotifyError | None:
    """What is wrong with an answer that has an error code in its body, whatever its HTTP status; None for code 0.

    Args:
        fields: names of the code and of the message that goes with it, the first that is there counts.
        advice: what to do by code; with the seconds to wait where trying again helps, else None.
    """
    said = answer.json
    code, message = next(
        ((said[code], said.get(message)) for code, message in fields if code in said), (None, None)
    )
    if code == 0:
        return None
    if code is None:
        nothing = NotifyError(channel, f"the answer has no {fields[0][0]}", answer.status)
        return refusal(channel, answer, secrets) or nothing
    told, wait = advice.get(code, ("", None)) if isinstance(code, int) else ("", None)
    what = scrubbed(str(message or ""), secrets)
    text = f"{what} ({told})" if what and told else told or what
    if wait is not None:
        wait = max(wait, answer.retry_after)
    return NotifyError(
        channel, text, scrubbed(str(code), secrets), retryable=wait is not None, wait=wait
    )
