"""A request that is tried until it is answered, refused for good, or out of time.

A client belongs to one snapshot of credentials and to one invocation's time. Which requests there are is in
`operations.py`; many of them at once are `bulk.py`'s.
"""

from __future__ import annotations

from typing import NamedTuple

from ..common.certificates import explain_distrust
from ..common.retry import parse_retry_after
from . import xml
from .errors import Corrupt, CosError, Denied, Unavailable, find_error_class, is_retryable
from .locations import check_key
from .transport import NotConnected, StaleConnection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..common.deadline import Deadline
    from ..common.retry import Retry
    from ..events.files import CosObject
    from ..tencent.credentials import Credentials
    from .http1 import Body, StreamedResponse
    from .locations import BucketAllowlist
    from .rate_limit import AdaptiveConcurrency, RateLimiter
    from .transport import Exchange, Transport


_PATIENCE = 600.0
"""Seconds without a byte that end a try of what COS may work on for minutes."""


class Target(NamedTuple):
    """What a request is about: an object, or a bucket (``key`` is empty)."""

    bucket: str
    region: str
    key: str = ""


class Response(NamedTuple):
    """A successful answer, its body read."""

    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """Sends requests for one invocation. Safe for threads.

    Args:
        credentials: None if there are none: every request is refused then.
        timeout: seconds without a byte that end a try.
    """

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials | None,
        deadline: Deadline,
        retry: Retry,
        rates: RateLimiter,
        window: AdaptiveConcurrency,
        allowed: BucketAllowlist,
        timeout: float = 15.0,
    ) -> None:
        self.transport = transport
        self.allowed = allowed
        self.window = window
        self.deadline = deadline
        self.retry = retry
        self.rates = rates
        self.timeout = timeout
        self._credentials = credentials
        self._known: set[tuple[str, str]] = set()

    @property
    def credentials(self) -> Credentials:
        """The credentials. Raises `Denied` if there are none."""
        if self._credentials is None:
            raise Denied(
                "there are no credentials: give the function an execution role with a COS policy, "
                "or outside SCF set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY",
                code="NoCredentials",
            )
        return self._credentials

    def call(
        self,
        target: CosObject | Target,
        method: str,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        body: bytes | Body = b"",
        *,
        kind: str = "read",
        count: int = 1,
        repeatable: bool = True,
        document: bool = False,
        patient: bool = False,
    ) -> Response:
        """Make a request and read its answer.

        Args:
            kind: which of a bucket's rates it takes from; ``write`` and ``batch`` (of `count` keys) are writes.
            repeatable: whether it may be sent again when nobody knows if it took effect.
            document: look for an ``<Error>`` in the body of a 200.
            patient: COS may work for minutes before it answers, on a copy or a completion.

        Raises:
            CosError: of the class that says why.
        """
        tries = self._tries(target, method, params, headers, body, kind, count, repeatable, patient)
        exchange, answer = self._answered(target, tries, document=document)
        return Response(exchange.response.status, exchange.response.headers, answer)

    def stream(self, target: CosObject | Target, headers: dict[str, str]) -> Exchange:
        """Start a GET: the exchange's response is a 200 or 206 whose body is still to be read, then `end` it.

        Raises:
            CosError: of the class that says why.
        """
        tries = self._tries(target, "GET", None, headers, b"", "read", 1, True, False)
        return self._answered(target, tries, streamed=True)[0]

    def _answered(
        self,
        target: CosObject | Target,
        tries: _Tries,
        *,
        document: bool = False,
        streamed: bool = False,
    ) -> tuple[Exchange, bytes]:
        """The exchange that succeeded, and its body; empty where it is to be streamed."""
        failure: CosError | None = None
        attempt = 0
        maybe_applied = False
        while True:
            attempt += 1
            try:
                exchange = tries.send(failure)
                response = exchange.response
                body = b"" if streamed and response.status in (200, 206) else exchange.rest()
            except OSError as error:
                failure = _broken(target, error, self.deadline)
            except CosError as error:
                failure = error
                failure.object = failure.object or _object(target)
            else:
                failure = _refusal(target, response, body, document)
                if failure is None:
                    self.window.succeed()
                    return exchange, body
            maybe_applied = maybe_applied or failure.maybe_applied or tries.uncertain
            if not tries.again(attempt, failure):
                failure.maybe_applied = maybe_applied
                raise failure

    def _tries(
        self,
        target: CosObject | Target,
        method: str,
        params: dict[str, str] | None,
        headers: dict[str, str] | None,
        body: bytes | Body,
        kind: str,
        count: int,
        repeatable: bool,
        patient: bool,
    ) -> _Tries:
        if (target.bucket, target.region) not in self._known:
            self.allowed.check(target.bucket, target.region)
            self._known.add((target.bucket, target.region))
        if target.key:
            check_key(target)  # type: ignore[arg-type]
        return _Tries(
            self,
            target,
            method,
            params or {},
            headers or {},
            body,
            kind,
            count,
            repeatable,
            max(self.timeout, _PATIENCE) if patient else self.timeout,
        )


class _Tries:
    """The tries of one request."""

    __slots__ = (
        "_body",
        "_client",
        "_count",
        "_headers",
        "_kind",
        "_method",
        "_params",
        "_repeatable",
        "_target",
        "_timeout",
        "uncertain",
    )

    def __init__(
        self,
        client: Client,
        target: CosObject | Target,
        method: str,
        params: dict[str, str],
        headers: dict[str, str],
        body: bytes | Body,
        kind: str,
        count: int,
        repeatable: bool,
        timeout: float,
    ) -> None:
        self._timeout = timeout
        self._client = client
        self._target = target
        self._method = method
        self._params = params
        self._headers = headers
        self._body = body
        self._kind = kind
        self._count = count
        self._repeatable = repeatable
        self.uncertain = False

    def send(self, before: CosError | None) -> Exchange:
        """Send it once, when the rates and the time that is left allow it."""
        client, target = self._client, self._target
        wait = client.rates.take(
            target.bucket, target.region, "read" if self._kind == "read" else "write", self._count
        )
        if self._kind == "batch":
            wait = max(wait, client.rates.take(target.bucket, target.region, "batch"))
        elif self._kind == "write" and target.key:
            wait = max(wait, client.rates.take_key(target))  # type: ignore[arg-type]
        if wait and not client.deadline.sleep(wait):
            raise _out_of_time(before)
        if client.deadline.left() <= 0:
            raise _out_of_time(before)
        # What must not be sent twice must not meet a connection that ended while it was kept.
        fresh = not self._repeatable
        while True:
            try:
                return client.transport.send(
                    client.credentials,
                    self._method,
                    client.transport.host(target.bucket, target.region),
                    target.key,
                    self._params,
                    self._headers,
                    self._body,
                    self._timeout,
                    client.deadline,
                    fresh,
                )
            except StaleConnection:
                # As a rule it had ended before the request came; nobody knows.
                fresh = self.uncertain = True

    def again(self, attempt: int, failure: CosError) -> bool:
        """Whether to try again after `failure`; waits first."""
        client = self._client
        throttled = failure.status == 503 or failure.status == 429
        if throttled:
            client.window.slow_down()
        if attempt >= client.retry.attempts or not is_retryable(failure):
            return False
        if failure.maybe_applied and not self._repeatable:
            return False
        return client.deadline.sleep(client.retry.wait(attempt, failure.retry_after))


_REASONS = {
    304: "it is not modified",
    403: "these credentials may not do that",
    404: "there is no such object or bucket",
    412: "it is not the version that was asked for",
    503: "COS asks for fewer requests",
}
"""What an answer without a document (a HEAD's) means."""

_CHECK_KEY = (
    "Check the COS policy of the function's role, or outside SCF TENCENTCLOUD_SECRET_ID and"
    " TENCENTCLOUD_SECRET_KEY: `scf-mps cos` prints those of its emulator"
)


def _refusal(
    target: CosObject | Target, response: StreamedResponse, body: bytes, document: bool
) -> CosError | None:
    status = response.status
    if 200 <= status < 300 and not (document and xml.is_error(body)):
        return None
    told = xml.fields(body) if xml.is_error(body) else {}
    code = told.get("Code", "")
    kind = find_error_class(status, code)
    if status < 300 and kind is CosError:
        kind = Unavailable
    message = told.get("Message", "")
    if kind is Denied:
        message = f"{message.rstrip('.') or _REASONS[403]}. {_CHECK_KEY}"
    elif status // 100 == 3:
        message = message or f"an unexpected redirection to {response.headers.get('location', '?')}"
    failure = kind(
        message or _REASONS.get(status, "COS gave no reason"),
        code=code,
        status=status,
        request_id=response.headers.get("x-cos-request-id", told.get("RequestId", "")),
        object=_object(target),
    )
    failure.retry_after = parse_retry_after(response.headers.get("retry-after"))
    failure.maybe_applied = status >= 500 and code != "SlowDown"
    return failure


def _broken(target: CosObject | Target, error: OSError, deadline: Deadline) -> CosError:
    sent = not isinstance(error, NotConnected)
    message = f"the connection broke: {type(error).__name__}: {error}" if sent else str(error)
    refusal = explain_distrust(error)
    if refusal:
        code, message = "CertificateNotTrusted", f"{message}: {refusal}"
    elif deadline.left() <= 0:
        code = "DeadlineExceeded"
    elif any(isinstance(one, TimeoutError) for one in (error, error.__cause__)):
        code = "TimedOut"
    else:
        code = "ConnectionBroken"
    failure = Unavailable(message, code=code, object=_object(target))
    failure.__cause__ = error
    failure.maybe_applied = sent
    return failure


def _out_of_time(before: CosError | None) -> CosError:
    failure = Unavailable("the invocation has no time left for it", code="DeadlineExceeded")
    failure.__cause__ = before
    return failure


def _object(target: CosObject | Target) -> CosObject | None:
    return None if isinstance(target, Target) else target


def build_corrupt_error(item: CosObject, message: str, request_id: str = "") -> Corrupt:
    """The error for bytes that are not what they should be."""
    return Corrupt(message, code="ChecksumDiffers", request_id=request_id, object=item)
