"""The error of a message that could not be sent, and what the codes of channels mean for it."""

from __future__ import annotations

from ...common.truncation import truncate
from ...errors import ScfMpsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    Codes: TypeAlias = Mapping[str, tuple[str, float | None]]
    """A channel's error codes, each with advice, and the seconds to wait where trying again helps, else None."""

BUSY = ("too many messages at a time", 0.5)
"""Advice and seconds to wait for an answer that says so in words, under a code that does not."""

# Some codes say two things: Feishu's 9499 is a bad request and "too many request", both with HTTP 400.
_BUSY = (
    "too many|too fast|too frequent|frequency|rate.?limit|qps|throttl|busy|频繁|频率|限流|太快|繁忙"
)


class NotifyError(ScfMpsError):
    """A channel refused a message, or could not be reached. No secret is in its text.

    Attributes:
        channel: which one, e.g. ``wecom``.
        code: the channel's own error code, or the status of HTTP or SMTP, as text; ``""`` where there was no answer.
        retryable: whether the same message may be taken later.
        wait: seconds after which to try again in the same invocation, or None: not in this one.
    """

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


def explain_refusal(
    channel: str,
    code: object,
    said: str,
    codes: Codes,
    secrets: tuple[str, ...],
    *,
    key: str | None = None,
    transient: bool = False,
    retry_after: float = 0.0,
) -> NotifyError:
    """Return the error of a message that a channel refused.

    Args:
        code: the channel's own, or the status of HTTP or SMTP.
        said: the channel's words.
        codes: those of the channel.
        secrets: are not in the error.
        key: where in `codes` to look, if not under `code`.
        transient: whether the status alone says that trying again may help.
        retry_after: seconds that the channel asks to wait, or 0.
    """
    import re

    advice, wait = codes.get(str(code) if key is None else key, ("", None))
    if wait is None and re.search(_BUSY, said, re.IGNORECASE):
        advice, wait = BUSY
    elif wait is None and transient:
        wait = BUSY[1]
    said = scrub_secrets(said, secrets) or ("" if advice else "without a word")
    text = f"{said} ({advice})" if said and advice else said or advice
    wait = None if wait is None else max(wait, retry_after)
    shown = scrub_secrets(str(code), secrets)
    return NotifyError(channel, text, shown, retryable=wait is not None, wait=wait)


def scrub_secrets(text: str, secrets: tuple[str, ...]) -> str:
    """What another side said, in one short line without the secrets that it was given."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    text = " ".join(text.split())
    return truncate(text, _LONGEST)


_LONGEST = 200
