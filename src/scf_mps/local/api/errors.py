"""Error responses of Tencent Cloud API 3.0.

Codes follow the common error codes of the documentation and the SDK of each product. Only codes are
protocol: Tencent's messages differ.
"""

from __future__ import annotations

from collections.abc import Mapping

COMMON_MESSAGES: Mapping[str, str] = {
    "AuthFailure.InvalidAuthorization": "The Authorization header does not have the documented form.",
    "AuthFailure.SecretIdNotFound": "The SecretId does not exist.",
    "AuthFailure.SignatureExpire": "The timestamp differs from the server's time by more than five minutes.",
    "AuthFailure.SignatureFailure": "The signature does not match the request.",
    "AuthFailure.TokenFailure": "The token does not belong to this SecretId or has expired.",
    "InternalError": "An internal error occurred.",
    "InvalidAction": "The action does not exist.",
    "NoSuchProduct": "The product does not exist.",
    "NoSuchVersion": "The version does not exist.",
    "RequestLimitExceeded": "Too many requests. Reduce the request rate.",
    "RequestSizeLimitExceeded": "The request exceeds the size that its signature method allows.",
    "UnsupportedProtocol": "Use GET, or POST with JSON or a form.",
    "UnsupportedRegion": "The product is not available in this region.",
}
"""Code to message."""


class ApiError(Exception):
    """An error response, raised by services. The server sends it with status 200, as Tencent does.

    `message` is by default the common code's message, or the code itself.
    """

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        self.message = message or COMMON_MESSAGES.get(code, code)
        super().__init__(f"{code}: {self.message}")
