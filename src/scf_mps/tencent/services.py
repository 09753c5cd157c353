"""Clients of CLS and of the services that events are forwarded to, and advice for the error codes of these."""

from __future__ import annotations

from ..errors import ScfMpsError
from .client import ApiClient, ApiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class ForwardFailed(ScfMpsError):
    """The target did not accept a forwarded event. The message says how to fix it.

    Attributes:
        code: the API's error code. Empty if the error is not the API's.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Scf(ApiClient):
    """A client of SCF, which invokes functions (product page 583/17243)."""

    service = "scf"
    version = "2018-04-16"


class Tdmq(ApiClient):
    """A client of TDMQ for CMQ, which sends messages to topics and queues (product pages 1179/55919 and 1179/55920)."""

    service = "tdmq"
    version = "2020-02-17"


class Cls(ApiClient):
    """A client of CLS, which stores logs (product page 614/56479)."""

    service = "cls"
    version = "2020-10-16"


def call_service(
    client: ApiClient, action: str, target: str, permission: str, parameters: dict[str, Any]
) -> Any:
    """Call an action and return its response.

    Args:
        client: of the service.
        action: e.g. ``Invoke``.
        target: the topic, queue or function, for the error message.
        permission: the CAM action that the role needs, e.g. ``scf:InvokeFunction``.
        parameters: of the action.

    Raises:
        ForwardFailed: for every `ApiError`, with advice.
    """
    try:
        return client.call(action, **parameters)
    except ApiError as error:
        advice = _find_advice(error.code).format(target=target, permission=permission)
        raise ForwardFailed(
            f"not forwarded to {target}: {error}" + (f". {advice}" if advice else ""), error.code
        ) from error


def _find_advice(code: str) -> str:
    return next((advice for prefix, advice in _ADVICE if code.startswith(prefix)), "")


_WRONG_NAMESPACE = "The region has no such namespace: check {target}"
_WRONG_QUALIFIER = "The function has no such version or alias: check qualifier= of {target}"
_NO_PERMISSION = "Allow {permission} to the function's execution role"
_QUOTA = "A quota of the account is used up: raise it"

_ADVICE = (
    ("ResourceNotFound.Namespace", _WRONG_NAMESPACE),
    ("InvalidParameterValue.Namespace", _WRONG_NAMESPACE),
    ("ResourceNotFound.Qualifier", _WRONG_QUALIFIER),
    ("ResourceNotFound.Alias", _WRONG_QUALIFIER),
    ("ResourceNotFound.FunctionVersion", _WRONG_QUALIFIER),
    ("ResourceNotFound", "The region and namespace have no such resource: check {target}"),
    ("UnsupportedRegion", "The service is not available in that region: check {target}"),
    ("AuthFailure.Unauthorized", _NO_PERMISSION),
    ("UnauthorizedOperation", _NO_PERMISSION),
    ("FailedOperation.AuthFailure", _NO_PERMISSION),
    ("AuthFailure", "The credentials are invalid: check the function's execution role"),
    ("RequestLimitExceeded", "The service throttled the call. SCF retries the event"),
    ("ResourceInsufficient", _QUOTA),
    ("ResourceLimit", _QUOTA),
    ("LimitExceeded", _QUOTA),
    ("FailedOperation.Insufficient", "The account lacks balance or resources"),
    ("FailedOperation.FunctionStatus", "The function is being updated. SCF retries the event"),
)
"""Prefixes of error codes, with advice. The first match counts."""
