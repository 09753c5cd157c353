"""A client of Tencent Cloud's API: one service, the credentials and the deadline of one invocation.

The official SDK (`pip install 'scf-mps[mps]'`) is loaded by the first call. Only its `CommonClient` is used: compiling
the SDK's models of MPS takes 158 MB.
"""

from __future__ import annotations

import os

from ..errors import ScfMpsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar, TypeVar

    from typing_extensions import Self

    from ..common.retry import Retry
    from ..context import Context
    from ..dispatch.invocation import Invocation
    from .credentials import Credentials

    C = TypeVar("C")

NO_RESPONSE_CODES = (
    "CertificateNotTrusted",
    "ClientNetworkError",
    "InvalidResponse",
    "ServerNetworkError",
)
"""Error codes of a call without a valid response: it may have taken effect."""

_TRANSIENT_CODES = frozenset(
    {
        "ClientNetworkError",
        "InternalError",
        "InvalidResponse",
        "RequestLimitExceeded",
        "ServerNetworkError",
        "ServiceUnavailable",
    }
)
_READ_PREFIXES = ("Describe", "Get", "List", "ParseNotification", "Search")
_MAX_MESSAGE_CHARACTERS = 300
"""A proxy on the way may answer with a whole page."""


class ApiError(ScfMpsError):
    """A service refused a call, or there was no valid response.

    Attributes:
        message: of the service, at most 300 characters.
        code: the API's error code, e.g. ``AuthFailure.TokenFailure``; or the SDK's ``ClientNetworkError`` or
            ``ServerNetworkError``; or ``NoCredentials``, ``DeadlineExceeded``, ``CertificateNotTrusted`` or
            ``InvalidResponse``.
        request_id: of the API, for Tencent's support. Empty without a response.
        retryable: True if the same call may succeed later.
    """

    def __init__(self, message: str, code: str = "", request_id: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.request_id = request_id
        self.retryable = code.partition(".")[0] in _TRANSIENT_CODES

    def __str__(self) -> str:
        suffix = f" [request {self.request_id}]" if self.request_id else ""
        return f"{self.code}: {self.message}{suffix}" if self.code else f"{self.message}{suffix}"


class SdkMissing(ApiError, ImportError):
    """The official SDK is not installed, or was not built into the function."""


def is_read_action(action: str) -> bool:
    """Return True if an action of the API changes nothing."""
    return action.startswith(_READ_PREFIXES)


class ApiClient:
    """A client of one service. A callback declares a parameter of a subclass to get one.

    Args:
        credentials: by default those of the function's role (see `load_credentials`). Outside SCF those of
            ``TENCENTCLOUD_SECRET_ID`` and ``TENCENTCLOUD_SECRET_KEY``.
        context: of the invocation. Its deadline bounds every wait, attempt and socket operation.
        region: of the service. Defaults to ``MPS_REGION``, then to the function's own region.
        endpoint: ``http://host:port`` of an emulator, or ``https://`` and another host of MPS, such as
            ``mps.intl.tencentcloudapi.com``. Other services are then expected next to it, e.g. at
            ``scf.intl.tencentcloudapi.com``. Defaults to ``MPS_API_ENDPOINT``, then to Tencent Cloud.
        retry: of calls that may be repeated.
        timeout: seconds without a byte that end an attempt.

    Raises:
        ValueError: the endpoint has another form.
    """

    service: str
    """Name of the service in the API, e.g. ``mps``."""

    version: ClassVar[str]
    """Version of the service's API, e.g. ``2019-06-12``."""

    error_class: ClassVar[type[ApiError]] = ApiError
    """Class of the errors that calls raise."""

    def __init__(  # noqa: PLR0913
        self,
        credentials: Credentials | None = None,
        *,
        context: Context | None = None,
        region: str | None = None,
        endpoint: str | None = None,
        retry: Retry | None = None,
        timeout: float = 10.0,
    ) -> None:
        from ..common.deadline import Deadline
        from ..common.retry import Retry
        from .credentials import load_credentials

        self._credentials = credentials or load_credentials(context)
        self._deadline = Deadline.before_end(context, "api")
        own_region = context.region if context else os.environ.get("TENCENTCLOUD_REGION", "")
        self.region: str = region or os.environ.get("MPS_REGION") or own_region
        self._scheme, host = _parse_endpoint(endpoint or os.environ.get("MPS_API_ENDPOINT") or "")
        is_mps_host = self._scheme == "https" and host.startswith("mps.")
        self._host = f"{self.service}.{host[4:]}" if is_mps_host else host
        self._retry = retry or Retry(attempts=4, base=0.2, cap=3.0)
        self._timeout = timeout
        self._client: Any = None
        self._process = 0

    @classmethod
    def __provide__(cls, invocation: Invocation) -> Self:
        """Return the client of an invocation."""
        return invocation.share(cls, lambda: cls(context=invocation.context))

    def call(self, action: str, **parameters: Any) -> dict[str, Any]:
        """Call an action of the service.

        An action that only reads is repeated when it was throttled, the service failed or the connection broke. Any
        other action is repeated only when it was throttled, since a call without a response may have taken effect.
        All attempts end before the invocation does.

        Args:
            action: e.g. ``DescribeTasks``.
            parameters: by the names of the API.

        Returns:
            The ``Response`` as received.

        Raises:
            ApiError: the service refused, there was no valid response, no time is left, or there are no credentials.
                Subclasses raise their `error_class`.
            SdkMissing: the official SDK is not installed.
            TypeError: a parameter is not JSON.
        """
        import json

        from ..common.operations import Operation
        from ..common.retry import call_with_retry

        json.dumps(parameters)

        def compute_wait(error: Exception, attempt: int) -> float | None:
            may_retry = isinstance(error, ApiError) and (
                error.code.startswith("RequestLimitExceeded")
                or (error.retryable and is_read_action(action))
            )
            return self._retry.next_wait(attempt) if may_retry else None

        attempts = 0

        def call_once() -> dict[str, Any]:
            nonlocal attempts
            attempts += 1
            with Operation("api", action, attempts, service=self.service) as operation:
                try:
                    response = self._call_once(action, parameters)
                except ApiError as error:
                    operation["code"], operation["request_id"] = error.code, error.request_id
                    raise
                operation["request_id"] = response.get("RequestId", "")
                return response

        return call_with_retry(call_once, self._deadline, compute_wait)

    def _call_once(self, action: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Make one attempt. Raises `error_class`."""
        from ..common.certificates import explain_distrust

        client, sdk_error = self._get_client(action)
        try:
            response: dict[str, Any] = client.call_json(action, parameters)["Response"]
            # The SDK looks for errors only in responses of the content type it expects.
            refusal = response.get("Error")
            details = refusal and (
                refusal.get("Code"),
                refusal.get("Message"),
                response.get("RequestId"),
            )
        except sdk_error as error:
            distrust = explain_distrust(error)
            if distrust:
                raise self.error_class(f"{action}: {distrust}", "CertificateNotTrusted") from error
            raise self._create_error(error.code, error.message, error.requestId) from error
        except OSError as error:  # the response broke off: the SDK lets that through
            raise self.error_class(f"{action}: {error}", "ClientNetworkError") from error
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise self.error_class(
                f"{action}: the response is invalid", "InvalidResponse"
            ) from error
        if details:
            raise self._create_error(*details)
        return response

    def _get_client(self, action: str) -> tuple[Any, Any]:
        """Return the SDK's client of this process, and the SDK's exception. A fork must not share connections."""
        self._require_credentials(action)
        if self._deadline.remaining() <= 0:
            raise self.error_class(f"{action}: no time is left", "DeadlineExceeded")
        if self._client is None or self._process != os.getpid():
            common_client = _import_sdk("common_client").CommonClient
            self._client = self.create_sdk_client(
                lambda *arguments: common_client(self.service, self.version, *arguments)
            )
            self._process = os.getpid()
        return self._client, _import_sdk("exception").TencentCloudSDKException

    def _require_credentials(self, purpose: str) -> Credentials:
        if self._credentials is None:
            raise self.error_class(
                f"{purpose}: no credentials. Give the function an execution role, or outside SCF set "
                f"TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY",
                "NoCredentials",
            )
        return self._credentials

    def create_sdk_client(self, client_class: Callable[[Any, str, Any], C]) -> C:
        """Return a client of the SDK with the credentials, region, endpoint and deadline of this one.

        Args:
            client_class: takes credential, region and profile of the SDK, as its ``MpsClient`` and the like do.

        Raises:
            ApiError: there are no credentials.
            SdkMissing: the official SDK is not installed.
        """
        from .session import bind_connection, hide_debug_logs

        credentials = self._require_credentials(self.service)
        http_profile = _import_sdk("profile.http_profile").HttpProfile(
            protocol=self._scheme, endpoint=self._host or None
        )
        profile = _import_sdk("profile.client_profile").ClientProfile(
            httpProfile=http_profile, language="en-US"
        )
        credential = _import_sdk("credential").Credential(
            credentials.secret_id, credentials.secret_key, credentials.token or None
        )
        client = client_class(credential, self.region, profile)
        connection: Any = client.request.conn  # type: ignore[attr-defined]
        bind_connection(connection, self._deadline, self._timeout)
        hide_debug_logs("tencentcloud_sdk_common")
        return client

    def _create_error(self, code: object, message: object, request_id: object) -> ApiError:
        if isinstance(message, bytes):
            message = message.decode("utf-8", "replace")
        error_class = self._find_error_class(str(code))
        return error_class(str(message)[:_MAX_MESSAGE_CHARACTERS], str(code), str(request_id or ""))

    def _find_error_class(self, code: str) -> type[ApiError]:
        """Return the class of the errors with this code."""
        return self.error_class


def _import_sdk(module: str) -> Any:
    """Import a module of the SDK. Raises SdkMissing."""
    from importlib import import_module

    try:
        return import_module(f"tencentcloud.common.{module}")
    except ImportError as error:
        raise SdkMissing(
            f"Tencent Cloud's SDK is not installed ({error}): pip install 'scf-mps[mps]'. For a function, add "
            f"tencentcloud-sdk-python-common to the requirements that are built into it"
        ) from error


def _parse_endpoint(endpoint: str) -> tuple[str, str]:
    """Return scheme and host of an endpoint. The host is empty for Tencent Cloud. Raises ValueError."""
    if not endpoint:
        return "https", ""
    scheme, _, host = endpoint.rstrip("/").partition("://")
    if scheme not in ("http", "https") or not host or any(sign in host for sign in "/?#@ "):
        shown = endpoint.rpartition("@")[2]  # never a password
        raise ValueError(
            f"invalid MPS_API_ENDPOINT (endpoint=) {shown!r}: use http://host:port of an emulator, or https:// and a "
            f"host of MPS"
        )
    return scheme, host
