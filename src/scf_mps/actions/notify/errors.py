"""What is raised where a message could not be sent: one exception that says why, and what to do."""

from __future__ import annotations

from ...errors import ScfMpsError


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


def scrubbed(text: str, secrets: tuple[str, ...]) -> str:
    """What another side said, in one short line without the secrets that it was given."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


_LONGEST = 200
