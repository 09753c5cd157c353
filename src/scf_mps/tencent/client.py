"""`ApiClient`: a service of Tencent Cloud for one invocation, asked through the official SDK.

The SDK (`pip install 'scf-mps[mps]'`) is loaded by the first question, and of it `CommonClient` alone: the models of
MPS take 158 MB to compile. Which services there are, and what is asked of them, is left to the subclasses.
"""

from __future__ import annotations

import os

from ..errors import ScfMpsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

    from typing_extensions import Self

    from ..common.deadline import Deadline
    from ..common.retry import Retry
    from ..context import Context
    from ..dispatch.injection import Invocation
    from .credentials import Credentials


class ApiError(ScfMpsError):
    """A service refused a question, or could not be asked.

    Attributes:
        code: the API's error code, e.g. ``AuthFailure.TokenFailure``, the SDK's
            ``ClientNetworkError`` or ``ServerNetworkError``, or ours: ``NoCredentials``, ``DeadlineExceeded``,
            ``CertificateNotTrusted``, ``InvalidAnswer``.
        request_id: of the API, for Tencent's support; ``""`` if there was no answer.
        retryable: whether the same question may be answered later.
    """

    def __init__(self, message: str, code: str = "", request_id: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.request_id = request_id
        self.retryable = code.partition(".")[0] in _TRANSIENT

    def __str__(self) -> str:
        asked = f" [request {self.request_id}]" if self.request_id else ""
        return f"{self.code}: {self.message}{asked}" if self.code else f"{self.message}{asked}"


class SdkMissing(ApiError, ImportError):
    """The official SDK is not installed, or was not built into the function."""


class ApiClient:
    """A service for one invocation: its credentials and its time. A callback asks for a subclass by annotation.

    Args:
        credentials: those of the function's role by default (see `cos.credentials.current`); on a desk those of
            ``TENCENTCLOUD_SECRET_ID`` and ``TENCENTCLOUD_SECRET_KEY``, as the SDK names them.
        context: the invocation's; its deadline bounds every wait, try and operation on a connection.
        region: whose service to ask; ``MPS_REGION``, then the function's own by default.
        endpoint: ``http://host:port`` of an emulator of the API, or ``https://`` and another host of MPS, such as
            ``mps.intl.tencentcloudapi.com`` (other services are asked beside it); ``MPS_API_ENDPOINT``, then Tencent
            Cloud's own by default.
        retry: how often and how patiently to repeat what may be repeated.
        timeout: seconds without an answer that end a try.

    Raises:
        ValueError: for an endpoint of another form.
    """

    service: ClassVar[str]
    """Its name in the API, e.g. ``mps``."""

    version: ClassVar[str]
    """The version of its API, e.g. ``2019-06-12``."""

    error: ClassVar[type[ApiError]] = ApiError
    """What is raised where it refuses."""

    def __init__(
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
        self._deadline = Deadline.before_end(context)
        own = context.region if context else os.environ.get("TENCENTCLOUD_REGION", "")
        self.region: str = region or os.environ.get("MPS_REGION") or own
        self._scheme, host = _parts(endpoint or os.environ.get("MPS_API_ENDPOINT") or "")
        beside = self._scheme == "https" and host.startswith("mps.")
        self._host = f"{self.service}.{host[4:]}" if beside else host
        self._retry = retry or Retry(attempts=4, base=0.2, cap=3.0)
        self._timeout = timeout
        self._client: Any = None
        self._process = 0

    @classmethod
    def __provide__(cls, invocation: Invocation) -> Self:
        """The one of an invocation."""
        if cls not in invocation.values:
            invocation.values[cls] = cls(context=invocation.context)
        found: Self = invocation.values[cls]
        return found

    def call(self, action: str, **parameters: Any) -> dict[str, Any]:
        """Any action of the service, with its parameters as its API names them.

        Questions (``Describe…``, ``List…``, ``ParseNotification``) are asked again when the service is too busy, breaks
        or cannot be reached, a few times and within the time of the invocation; what changes something is sent again
        only if it was refused for its rate.

        Returns:
            ``StreamedResponse`` as it came.

        Raises:
            ApiError: of the service's own class, for every refusal, without credentials, without an answer, or without
                time left.
            SdkMissing: without the official SDK.
            TypeError: for a parameter that is no JSON.
        """
        import json

        json.dumps(parameters)
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._ask(action, parameters)
            except ApiError as error:
                refused = error.code.startswith("RequestLimitExceeded")
                may_repeat = refused or (error.retryable and action.startswith(_QUESTIONS))
                if not may_repeat or attempt >= self._retry.attempts:
                    raise
                if not self._deadline.sleep(self._retry.wait(attempt)):
                    raise

    def _ask(self, action: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """One try. Raises `error`."""
        from ..common.certificates import explain_distrust

        client, refused = self._connect(action)
        try:
            response = client.call_json(action, parameters)["Response"]
            error = response.get("Error")
            told = error and (error.get("Code"), error.get("Message"), response.get("RequestId"))
        except refused as reason:
            distrust = explain_distrust(reason)
            if distrust:
                raise self.error(f"{action}: {distrust}", "CertificateNotTrusted") from reason
            raise self._error(str(reason.code), reason.message, reason.requestId) from reason
        except OSError as reason:  # the answer breaks off: the SDK lets that through
            raise self.error(f"{action}: {reason}", "ClientNetworkError") from reason
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as reason:
            raise self.error(f"{action}: the answer cannot be read", "InvalidAnswer") from reason
        if told:  # the SDK looks for errors only in answers of the content type it expects
            raise self._error(*told)
        answer: dict[str, Any] = response
        return answer

    def _connect(self, action: str) -> tuple[Any, Any]:
        """The SDK's client, of this process (a fork may not use the connections of its parent), and its exception."""
        if self._credentials is None:
            raise self.error(
                f"{action}: there are no credentials to sign with: the function needs an execution role (on a desk: "
                f"TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY)",
                "NoCredentials",
            )
        if self._deadline.left() <= 0:
            raise self.error(f"{action}: no time is left to ask", "DeadlineExceeded")
        if self._client is None or self._process != os.getpid():
            self._client = self._new_client()
            self._process = os.getpid()
        return self._client, _sdk("exception").TencentCloudSDKException

    def _new_client(self) -> Any:
        http_profile = _sdk("profile.http_profile").HttpProfile(
            protocol=self._scheme, endpoint=self._host or None
        )
        profile = _sdk("profile.client_profile").ClientProfile(
            httpProfile=http_profile, language="en-US"
        )
        keys = self._credentials
        assert keys is not None
        credential = _sdk("credential").Credential(
            keys.secret_id, keys.secret_key, keys.token or None
        )
        client = _sdk("common_client").CommonClient(
            self.service, self.version, credential, self.region, profile
        )
        _bind(client.request.conn, self._deadline, self._timeout)
        _silence()
        return client

    def _error(self, code: object, message: object, request_id: object) -> ApiError:
        """The exception for an error as the API (or the SDK) tells it."""
        if isinstance(message, bytes):
            message = message.decode("utf-8", "replace")
        kind = self._class_of(str(code))
        return kind(str(message)[:_LONGEST_MESSAGE], str(code), str(request_id or ""))

    def _class_of(self, code: str) -> type[ApiError]:
        """The class of the errors of a code."""
        return self.error


_QUESTIONS = ("Describe", "List", "ParseNotification")
_TRANSIENT = frozenset(
    {
        "ClientNetworkError",
        "InternalError",
        "InvalidAnswer",
        "RequestLimitExceeded",
        "ServerNetworkError",
        "ServiceUnavailable",
    }
)
_LONGEST_MESSAGE = 300  # characters; the answer of a proxy on the way may be a whole page


def _sdk(module: str) -> Any:
    """A module of the SDK. Raises SdkMissing."""
    from importlib import import_module

    try:
        return import_module(f"tencentcloud.common.{module}")
    except ImportError as error:
        raise SdkMissing(
            f"this needs Tencent Cloud's SDK ({error}): pip install 'scf-mps[mps]', and for a function name "
            f"tencentcloud-sdk-python-common in the requirements that are built into it"
        ) from error


def _bind(connection: Any, deadline: Deadline, timeout: float) -> None:
    """Have the SDK's requests made over sockets that a deadline bounds.

    Args:
        connection: its `ProxyConnection`, whose `request` is replaced. Proxies and certificates stay as it found them.
        deadline: the bound of every operation.
        timeout: seconds without a byte that end a try.
    """
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
    from urllib3.connection import HTTPConnection, HTTPSConnection

    from ..common.deadline import DeadlineSocket, connect

    class Plain(HTTPConnection):
        def _new_conn(self) -> Any:
            return connect(self._dns_host, self.port, timeout, deadline)

        def getresponse(self, *arguments: Any, **keywords: Any) -> Any:
            sock: Any = self.sock
            try:
                return super().getresponse(*arguments, **keywords)
            except BaseException:
                sock.close_at_once()  # what was read of the response keeps it open
                raise

    class Secure(Plain, HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            self.sock = DeadlineSocket(self.sock, timeout, deadline)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls: Any = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls: Any = Secure

    class Adapter(HTTPAdapter):
        def proxy_manager_for(self, *arguments: Any, **keywords: Any) -> Any:
            return _bound(super().proxy_manager_for(*arguments, **keywords))

        def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:
            super().init_poolmanager(*arguments, **keywords)
            _bound(self.poolmanager)

    def _bound(manager: Any) -> Any:
        manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
        return manager

    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, Adapter())

    def request(
        method: str, url: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Any:
        return session.request(
            method,
            url,
            data=body,
            headers={"Host": connection.request_host, **(headers or {})},
            proxies=connection.proxy,
            verify=os.environ.get("SSL_CERT_FILE") or connection.certification,
            timeout=deadline.timeout(timeout),
            allow_redirects=False,  # the token is among the headers
            stream=True,
        )

    connection.request = request


def _silence() -> None:
    """At DEBUG the SDK logs whole requests, token included, whatever level someone gives its logger."""
    import logging

    logging.getLogger("tencentcloud_sdk_common").addFilter(_no_debug)


def _no_debug(record: Any) -> bool:
    level: int = record.levelno
    return level >= 20


def _parts(endpoint: str) -> tuple[str, str]:
    """Scheme and host of an endpoint; the host is empty for MPS's own. Raises ValueError."""
    if not endpoint:
        return "https", ""
    scheme, _, host = endpoint.rstrip("/").partition("://")
    if scheme not in ("http", "https") or not host or any(sign in host for sign in "/?#@ "):
        shown = endpoint.rpartition("@")[2]  # never a password
        raise ValueError(
            f"MPS_API_ENDPOINT (endpoint=) expects http://host:port of an emulator or https:// and a host of MPS, "
            f"not {shown!r}"
        )
    return scheme, host
