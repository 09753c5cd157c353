"""Client that sends a request to COS until it succeeds, is refused or runs out of time.

A client belongs to the credentials and the deadline of one invocation.
"""

from __future__ import annotations

from typing import NamedTuple

from ..common.certificates import explain_distrust
from ..common.operations import Operation
from ..common.retry import call_with_retry, parse_retry_after
from . import xml
from .errors import Corrupt, CosError, Denied, Unavailable, find_error_class, is_retryable
from .locations import check_key
from .request import Request, Response
from .transport import NotConnected, StaleConnection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..common.deadline import Deadline
    from ..common.retry import Retry
    from ..events.files import CosObject
    from ..tencent.credentials import Credentials
    from .http1 import StreamedResponse
    from .locations import BucketAllowlist
    from .rate_limit import AdaptiveConcurrency, RateLimiter
    from .request import Target
    from .transport import Exchange, Transport


_SLOW_TIMEOUT = 600.0
"""Seconds without a byte after which an attempt of a slow request ends."""


class Limits(NamedTuple):
    """Limits of a client. An attempt ends after `timeout` seconds without a byte."""

    deadline: Deadline
    retry: Retry
    rates: RateLimiter
    concurrency: AdaptiveConcurrency
    timeout: float = 15.0


class Client:
    """Sends the requests of one invocation. Safe for threads. Without credentials every request is refused."""

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials | None,
        allowlist: BucketAllowlist,
        limits: Limits,
    ) -> None:
        self.transport = transport
        self.allowlist = allowlist
        self.deadline = limits.deadline
        self.retry = limits.retry
        self.rates = limits.rates
        self.concurrency = limits.concurrency
        self.timeout = limits.timeout
        self._credentials = credentials
        self._checked: set[tuple[str, str]] = set()

    @property
    def credentials(self) -> Credentials:
        """The credentials. Raises `Denied` if there are none."""
        if self._credentials is None:
            raise Denied(
                "no credentials. Give the function an execution role with a COS policy, "
                "or outside SCF set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY",
                code="NoCredentials",
            )
        return self._credentials

    def call(self, request: Request) -> Response:
        """Send a request and return its response. Raises `CosError`, whose subclass names the reason."""
        exchange, body = self._send_with_retry(request)
        return Response(exchange.response.status, exchange.response.headers, body)

    def stream(self, item: CosObject, headers: Mapping[str, str]) -> Exchange:
        """Start a GET of an object. Read the body of the response, then `end` the exchange. Raises `CosError`."""
        return self._send_with_retry(Request(item, headers=headers), is_streamed=True)[0]

    def _send_with_retry(
        self, request: Request, *, is_streamed: bool = False
    ) -> tuple[Exchange, bytes]:
        """Return the successful exchange and its body, which is empty if it is streamed."""
        self._check(request.target)
        attempts = _Attempts(self, request, is_streamed)
        return call_with_retry(attempts.send, self.deadline, attempts.compute_wait)

    def _check(self, target: CosObject | Target) -> None:
        bucket = target.bucket, target.region
        if bucket not in self._checked:
            self.allowlist.check(*bucket)
            self._checked.add(bucket)
        if target.key:
            check_key(target.key)


class _Attempts:
    """The attempts of one request."""

    __slots__ = (
        "_client",
        "_failure",
        "_is_streamed",
        "_maybe_applied",
        "_number",
        "_request",
        "_wait",
    )

    def __init__(self, client: Client, request: Request, is_streamed: bool) -> None:
        self._client = client
        self._request = request
        self._is_streamed = is_streamed
        self._failure: CosError | None = None
        self._maybe_applied = False
        self._number = 0
        self._wait = 0.0

    def send(self) -> tuple[Exchange, bytes]:
        """Send the request once. Return the exchange and its body. Raises CosError."""
        self._number += 1
        target = self._request.target
        place = {"bucket": target.bucket, "region": target.region, "key": target.key}
        with Operation(
            "cos", self._request.method, self._number, **place, wait=self._wait
        ) as operation:
            try:
                exchange, body = self._send_once()
            except CosError as error:
                operation["code"] = error.code
                operation["status"], operation["request_id"] = error.status, error.request_id
                raise
            response = exchange.response
            operation["status"] = response.status
            operation["request_id"] = response.headers.get("x-cos-request-id", "")
        return exchange, body

    def _send_once(self) -> tuple[Exchange, bytes]:
        try:
            exchange = self._send()
            response = exchange.response
            is_open = self._is_streamed and response.status in (200, 206)
            body = b"" if is_open else exchange.read_rest()
        except OSError as error:
            raise _build_connection_error(self._request, error, self._client.deadline) from error
        except CosError as error:
            error.object = error.object or self._request.item
            raise
        refusal = _find_refusal(self._request, response, body)
        if refusal is not None:
            raise refusal
        self._client.concurrency.succeed()
        return exchange, body

    def compute_wait(self, error: Exception, attempt: int) -> float | None:
        """Return the seconds to wait after an error, or None if the request is not repeated."""
        if not isinstance(error, CosError):
            return None
        client = self._client
        if error.status in (429, 503):
            client.concurrency.slow_down()
        is_final = error.maybe_applied and not self._request.is_repeatable
        self._maybe_applied = error.maybe_applied = self._maybe_applied or error.maybe_applied
        self._failure = error
        if is_final or not is_retryable(error):
            return None
        wait = client.retry.next_wait(attempt, error.retry_after)
        self._wait = wait or 0.0
        return wait

    def _send(self) -> Exchange:
        """Send the request after the wait that its rates demand. Return when its response begins.

        Raises:
            CosError: no time is left, or there are no credentials.
            OSError: the connection broke.
        """
        client, request = self._client, self._request
        wait = client.rates.take_request(request)
        if (wait and not client.deadline.sleep(wait)) or client.deadline.remaining() <= 0:
            raise Unavailable(
                "the invocation has no time left", code="DeadlineExceeded"
            ) from self._failure
        timeout = max(client.timeout, _SLOW_TIMEOUT) if request.is_slow else client.timeout
        # A request that must not be sent twice must not meet a kept connection that has ended.
        is_fresh = not request.is_repeatable
        while True:
            try:
                return client.transport.send(
                    request, client.credentials, timeout, client.deadline, is_fresh
                )
            except StaleConnection:
                # The connection had probably ended before the request arrived.
                is_fresh = self._maybe_applied = True


_REASONS = {
    304: "not modified",
    403: "access denied",
    404: "no such object or bucket",
    412: "the object has another version",
    503: "COS demands fewer requests",
}
"""Messages for responses without a document, as those to HEAD."""

_CHECK_CREDENTIALS = (
    "Check the COS policy of the function's role, or outside SCF TENCENTCLOUD_SECRET_ID and"
    " TENCENTCLOUD_SECRET_KEY: `scf-mps cos` prints those of its emulator"
)


def _find_refusal(request: Request, response: StreamedResponse, body: bytes) -> CosError | None:
    """Return the error in a response, or None if the request succeeded."""
    status = response.status
    is_success = 200 <= status < 300
    if is_success and not (request.expects_document and xml.is_error(body)):
        return None
    fields = xml.parse_fields(body) if xml.is_error(body) else {}
    code = fields.get("Code", "")
    error_class = find_error_class(status, code)
    if is_success and error_class is CosError:
        error_class = Unavailable
    failure = error_class(
        _describe_refusal(response, fields.get("Message", ""), error_class is Denied),
        code=code,
        status=status,
        request_id=response.headers.get("x-cos-request-id", fields.get("RequestId", "")),
        object=request.item,
    )
    failure.retry_after = parse_retry_after(response.headers.get("retry-after"))
    failure.maybe_applied = status >= 500 and code != "SlowDown"
    return failure


def _describe_refusal(response: StreamedResponse, message: str, is_denied: bool) -> str:
    if is_denied:
        return f"{message.rstrip('.') or _REASONS[403]}. {_CHECK_CREDENTIALS}"
    if not message and response.status // 100 == 3 and response.status != 304:
        return f"unexpected redirect to {response.headers.get('location', '?')}"
    return message or _REASONS.get(response.status, "COS gave no reason")


def _build_connection_error(request: Request, error: OSError, deadline: Deadline) -> CosError:
    is_sent = not isinstance(error, NotConnected)
    message = f"the connection broke: {type(error).__name__}: {error}" if is_sent else str(error)
    distrust = explain_distrust(error)
    if distrust:
        code, message = "CertificateNotTrusted", f"{message}: {distrust}"
    elif deadline.remaining() <= 0:
        code = "DeadlineExceeded"
    elif any(isinstance(cause, TimeoutError) for cause in (error, error.__cause__)):
        code = "TimedOut"
    else:
        code = "ConnectionBroken"
    failure = Unavailable(message, code=code, object=request.item)
    failure.maybe_applied = is_sent
    return failure


def build_corrupt_error(item: CosObject, message: str, request_id: str = "") -> Corrupt:
    """Return the error for bytes of an object that differ from what they should be."""
    return Corrupt(message, code="ChecksumDiffers", request_id=request_id, object=item)
