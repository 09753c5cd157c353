"""The services of Tencent Cloud that an event is forwarded through, and what to do where one refuses.

Asking is `ApiClient`'s work, and what an event becomes on the way is `targets`'.
"""

from __future__ import annotations

from ..errors import ScfMpsError
from .client import ApiClient, ApiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class ForwardFailed(ScfMpsError):
    """An event was not taken by what it was to be forwarded to; the text says what to do about that.

    Attributes:
        code: the API's error code, or ``""``.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Scf(ApiClient):
    """SCF: its functions can be invoked (product page 583/17243)."""

    service = "scf"
    version = "2018-04-16"


class Tdmq(ApiClient):
    """TDMQ for CMQ: its topics and queues take messages (product pages 1179/55919 and 1179/55920)."""

    service = "tdmq"
    version = "2020-02-17"


def call_service(
    api: ApiClient, action: str, whom: str, allowed: str, parameters: dict[str, Any]
) -> Any:
    """`Api.call`, whose refusal says what to do.

    Args:
        api: the service.
        action: what is asked for.
        whom: the topic, queue or function that it is asked for, for people.
        allowed: what the role must be allowed to do, e.g. ``scf:InvokeFunction``.
        parameters: of the action.

    Raises:
        ForwardFailed: for every `ApiError`.
    """
    try:
        return api.call(action, **parameters)
    except ApiError as error:
        advice = _advice(error.code)
        told = f": {advice.format(whom=whom, allowed=allowed)}" if advice else ""
        raise ForwardFailed(f"not forwarded to {whom}: {error}{told}", error.code) from error


def _advice(code: str) -> str:
    return next((text for start, text in _ADVICE if code.startswith(start)), "")


_ADVICE = (
    ("ResourceNotFound.Namespace", "there is no such namespace in that region: check {whom}"),
    ("InvalidParameterValue.Namespace", "there is no such namespace in that region: check {whom}"),
    (
        "ResourceNotFound.Qualifier",
        "it has no such version or alias: check the qualifier= of {whom}",
    ),
    ("ResourceNotFound.Alias", "it has no such version or alias: check the qualifier= of {whom}"),
    (
        "ResourceNotFound.FunctionVersion",
        "it has no such version or alias: check the qualifier= of {whom}",
    ),
    ("ResourceNotFound", "nothing of that name is in that region and namespace: check {whom}"),
    ("UnsupportedRegion", "the service is not in that region: check {whom}"),
    ("AuthFailure.Unauthorized", "the function's execution role needs {allowed}"),
    ("UnauthorizedOperation", "the function's execution role needs {allowed}"),
    ("FailedOperation.AuthFailure", "the function's execution role needs {allowed}"),
    ("AuthFailure", "the keys are not valid: check the function's execution role"),
    ("RequestLimitExceeded", "it is asked too often; SCF delivers the event again"),
    ("ResourceInsufficient", "a quota of the account is used up: raise it"),
    ("ResourceLimit", "a quota of the account is used up: raise it"),
    ("LimitExceeded", "a quota of the account is used up: raise it"),
    ("FailedOperation.Insufficient", "the account lacks balance or resources"),
    ("FailedOperation.FunctionStatus", "it is being changed; SCF delivers the event again"),
)
"""What a code begins with, to what to do; the first one counts."""
