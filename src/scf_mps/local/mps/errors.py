"""Refusals of the local MPS."""

from __future__ import annotations


class Refused(Exception):
    """MPS refuses a request.

    Attributes:
        code: one of the SDK's ``errorcodes``.
        message: the cause. Tencent's texts differ.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
