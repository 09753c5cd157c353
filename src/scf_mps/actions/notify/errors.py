"""Errors of messages that could not be sent, and the meaning of each channel's error codes."""

from __future__ import annotations

from ...common.truncation import truncate
from ...errors import ScfMpsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    Codes: TypeAlias = Mapping[str, tuple[str, float | None]]
    """Error codes of a channel: advice, and seconds to wait before a retry, or None for a final error."""

BUSY = ("too many messages at a time", 0.5)
"""Advice and wait for a rate limit."""

MAX_SHOWN_CHARACTERS = 200

# Some codes have two meanings: Feishu's 9499 is a bad request and "too many request", both with HTTP 400.
_BUSY_TEXT = (
    "too many|too fast|too frequent|frequency|rate.?limit|qps|throttl|busy|频繁|频率|限流|太快|繁忙"
)


class NotifyError(ScfMpsError):
    """A channel refused a message or could not be reached. The text contains no secret.

    Attributes:
        channel: the channel, e.g. ``wecom``.
        code: the channel's error code, or the HTTP or SMTP status, as text. ``""`` without a response.
        key: the error's key in the table of the channel, if it is not the code.
        retryable: True if the same message may be accepted later.
        wait: seconds before a retry in the same invocation, or None.
    """

    key = ""

    def __init__(
        self,
        channel: str,
        message: str,
        code: object = "",
        *,
        retryable: bool = False,
        wait: float | None = None,
    ) -> None:
        super().__init__(channel, message)
        self.channel = channel
        self.message = message
        self.code = str(code)
        self.retryable = retryable
        self.wait = wait

    def __str__(self) -> str:
        return f"{self.channel}: {f'{self.code}: ' if self.code else ''}{self.message}"


class Refusals:
    """The refusals of one channel.

    Args:
        channel: the channel.
        codes: its error codes.
        secrets: texts that no error may contain.
    """

    def __init__(self, channel: str, codes: Codes, secrets: tuple[str, ...]) -> None:
        self.channel = channel
        self._codes = codes
        self._secrets = secrets

    def explain(
        self,
        code: object,
        text: str,
        *,
        key: str = "",
        transient: bool = False,
        retry_after: float = 0.0,
    ) -> NotifyError:
        """Return the error for a refusal.

        Args:
            code: the channel's error code, or the HTTP or SMTP status.
            text: the channel's message.
            key: key of the code table, by default `code`.
            transient: True if the status alone allows a retry.
            retry_after: seconds that the channel asks to wait, or 0.
        """
        import re

        advice, wait = self._codes.get(key or str(code), ("", None))
        if wait is None and re.search(_BUSY_TEXT, text, re.IGNORECASE):
            advice, wait = BUSY
        elif wait is None and transient:
            wait = BUSY[1]
        text = self._scrub(text) or ("" if advice else "no message")
        message = f"{text} ({advice})" if text and advice else text or advice
        wait = None if wait is None else max(wait, retry_after)
        error = NotifyError(
            self.channel, message, self._scrub(str(code)), retryable=wait is not None, wait=wait
        )
        error.key = self._scrub(key)
        return error

    def _scrub(self, text: str) -> str:
        """Return a channel's text as one short line without secrets."""
        for secret in sorted(filter(None, self._secrets), key=len, reverse=True):
            text = text.replace(secret, "***")
        return truncate(" ".join(text.split()), MAX_SHOWN_CHARACTERS)
