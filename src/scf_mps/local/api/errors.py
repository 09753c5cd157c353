"""How Tencent Cloud API 3.0 says no: one exception with a code, which the server turns into an answer.

The codes that every product shares are the common error codes of its documentation; those of a product are those of its
SDK. Messages are ours: only codes are protocol.
"""

from __future__ import annotations

from collections.abc import Mapping

COMMON: Mapping[str, str] = {
    "AuthFailure.InvalidAuthorization": "The Authorization header is not of the form that is documented.",
    "AuthFailure.SecretIdNotFound": "There is no such SecretId.",
    "AuthFailure.SignatureExpire": "The timestamp is more than five minutes away from the server's time.",
    "AuthFailure.SignatureFailure": "The signature is not the one computed from the request.",
    "AuthFailure.TokenFailure": "The token is not the one of this SecretId, or is over.",
    "InternalError": "Something broke inside.",
    "InvalidAction": "The product has no such action.",
    "NoSuchProduct": "There is no such product here.",
    "NoSuchVersion": "The product has no such version.",
    "RequestLimitExceeded": "There were too many requests; ask less often.",
    "RequestSizeLimitExceeded": "The request is larger than its signature method allows.",
    "UnsupportedProtocol": "Only GET, and POST of JSON or of a form, are understood.",
    "UnsupportedRegion": "The product is not offered in this region.",
}
"""Code to message."""


class ApiError(Exception):
    """A refusal in Tencent's terms; raised by services, answered by the server with status 200 as Tencent does.

    `message` defaults to that of the common code, or to the code itself.
    """

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        self.message = message or COMMON.get(code, code)
        super().__init__(f"{code}: {self.message}")
