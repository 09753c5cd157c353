"""Notify action: send one message per task to a chat, a mailbox or a program.

An address is the whole configuration, so that one variable can hold a list of them.
"""

from __future__ import annotations

import logging
import time

from ...context import Context
from ...cos import Cos
from ...dispatch.idempotency import IdempotencyKey
from ...errors import ScfMpsError
from ...events.base import Event, LiveEvent
from ..filter_options import FILTER_OPTIONS, find_type_classes, parse_filters, split_types
from ..settings import split_options
from .delivery import SendContext
from .errors import NotifyError as NotifyError
from .locale import LOCALES
from .message import CustomText, Link, Message, decide_outcome, make_link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Protocol

    from ...events.base import Result
    from ...events.files import CosObject
    from ...routing.filters import Filters
    from .message import EventOrSubtask

    class Channel(Protocol):
        """A sender of messages."""

        @property
        def channel(self) -> str:
            """The name of the channel."""
            ...

        def send(self, message: Message, sending: SendContext) -> None:
            """Send a message. Raise NotifyError."""


COMMON_OPTIONS = (*FILTER_OPTIONS, "expires", "lang", "on", "template")
"""Options of every address, besides those of its channel."""

DEFAULT_EXPIRES = "6h"
"""Default lifetime of links."""

MAX_ROLE_KEY_SECONDS = 6 * 3600.0
"""Maximum lifetime of a function's role keys. Links signed with them expire with them."""

MAX_LINKS = 3
"""Maximum number of links per result."""

_MAX_EXPIRES_SECONDS = 30 * 86400.0
_TOKEN_PARAMETER = "x-cos-security-token="
_MAX_TEMPLATE_BYTES = 16 * 1024
_CHANNELS = {
    "dingtalk": ("dingtalk", "DingTalk"),
    "feishu": ("feishu", "Feishu"),
    "http": ("webhook", "Webhook"),
    "https": ("webhook", "Webhook"),
    "lark": ("feishu", "Lark"),
    "mailto": ("mail", "Mail"),
    "ses": ("ses", "SesMail"),
    "slack": ("slack", "Slack"),
    "wecom": ("wecom", "WeCom"),
}


class Notify:
    """Sends messages about tasks to one channel.

        notify = Notify("wecom://KEY?on=failure")
        router.on_complete(Event, **notify.filters)(notify.send)

    Args:
        to: an address: ``wecom://``, ``dingtalk://``, ``feishu://``, ``lark://``, ``slack://``, ``https://``,
            ``mailto:`` or ``ses://``, with options after a ``?`` (`COMMON_OPTIONS` and those of the channel).
        smtp: server for ``mailto:``, see `mail.Server`.
        links: returns the URLs of a result's files, e.g. of published copies. Without it, or if it returns none for a
            result, links to COS are presigned. If it raises ValueError, the result has no links.
        held: returns True for events whose outputs moderation holds, e.g. `Moderate.holds`. Their messages say so and
            have no links. The order of registration does not matter, because both depend on the event alone.
        cafile: certificates to trust instead of the system's, like the variable ``SSL_CERT_FILE``.
        clock: returns seconds since the epoch.

    Attributes:
        channel: name of the channel, e.g. ``wecom``.
        filters: filters for the registration of `send`, including ``on=``.

    Raises:
        ValueError: `to` is invalid. The message contains no secret.
    """

    def __init__(  # noqa: PLR0913
        self,
        to: str,
        *,
        smtp: str = "",
        links: Callable[[Result], Iterable[str]] | None = None,
        held: Callable[[Event], bool] | None = None,
        cafile: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._channel, options = _create_channel(to, smtp)
        self.channel = self._channel.channel
        self._links = links
        self._held = held or (lambda _: False)
        self._cafile = cafile
        self._now = clock
        self._on = _choose(options, "on", ("all", "failure", "success"))
        self._locale = LOCALES[_choose(options, "lang", ("zh", "en"))]
        self._expires = _parse_expires(options.get("expires", DEFAULT_EXPIRES))
        self._custom_text = (
            _load_custom_text(options["template"]) if "template" in options else None
        )
        self._types = tuple(split_types(options))
        self._kinds = _find_kinds(self._types)
        self.filters: Filters = {**parse_filters(options), "when": self.wants}

    def wants(self, event: Event) -> bool:
        """Return True if the event is reported. Live streams never are, because they have no end."""
        if isinstance(event, LiveEvent):
            return False
        results = self._select_results(event)
        if not results and event.error is None:
            return False
        succeeded = decide_outcome(event, results, self._held(event)) == "succeeded"
        return self._on == "all" or succeeded == (self._on == "success")

    def send(
        self, event: Event, cos: Cos, context: Context, key: IdempotencyKey, log: logging.Logger
    ) -> None:
        """Send the message about an event and its results. A callback for events.

        Raises:
            NotifyError: the channel refused the message or could not be reached.
            Drop: an email was refused for some of its recipients.
        """
        links = _LinkFactory(cos, self._links, self._expires, log)
        message = Message(
            event, self._select_results(event), self._locale, links.create, self._held(event)
        )
        message.custom_text = self._custom_text
        if links.presigned:
            text = self._locale.expires_with_keys if links.with_keys else self._locale.expires
            message.notes.append(text.format(span=self._locale.format_span(links.expires)))
        self._channel.send(message, SendContext(key, context, self._now, self._cafile))
        log.info("notified", extra={"channel": self.channel, "outcome": message.outcome})

    def _select_results(self, event: Event) -> tuple[EventOrSubtask, ...]:
        """Return the results in the message, or the event itself if it has none."""
        results: tuple[EventOrSubtask, ...] = event.subtasks or (event,)
        if not self._types or isinstance(event, self._kinds) or event.type in self._types:
            return results
        return tuple(
            result
            for result in results
            if isinstance(result, self._kinds) or result.type in self._types
        )

    def __repr__(self) -> str:
        return f"<Notify {self.channel}>"


class _LinkFactory:
    """Creates the links of one message.

    Attributes:
        presigned: True if some links expire.
        with_keys: True if they expire with temporary keys.
        expires: lifetime in seconds.
    """

    def __init__(
        self,
        cos: Cos,
        find_urls: Callable[[Result], Iterable[str]] | None,
        expires: float,
        log: logging.Logger,
    ) -> None:
        self._cos = cos
        self._has_warned = False
        self._find_urls = find_urls
        self._log = log
        self.expires = expires
        self.presigned = False
        self.with_keys = False

    def create(self, result: EventOrSubtask) -> list[Link]:
        """Return the first few links of a result."""
        from ...events.files import find_urls

        try:
            urls = [] if self._find_urls is None else list(self._find_urls(result))[:MAX_LINKS]
        except ValueError as error:  # a published key without a UTF-8 form
            self._warn(error)
            return []
        named_urls = [(url, url) for url in urls]
        if not urls:
            presigned = self._presign(result.files[:MAX_LINKS])
            named_urls = [*presigned, *((url, url) for url in find_urls(result))][:MAX_LINKS]
        links = [make_link(name, url) for name, url in named_urls]
        return [link for link in links if link is not None]

    def _presign(self, files: tuple[CosObject, ...]) -> list[tuple[str, str]]:
        """Return keys with presigned URLs. Log one warning if some cannot be signed."""
        urls = []
        for file in files:
            try:
                url = self._cos.url(file, expires=self.expires)
                if _TOKEN_PARAMETER in url and not self.with_keys:
                    self.with_keys = True
                    self.expires = min(self.expires, MAX_ROLE_KEY_SECONDS)
                    url = self._cos.url(file, expires=self.expires)
            except (ScfMpsError, ValueError) as error:  # ValueError: the key is invalid in COS
                self._warn(error)
                continue
            self.presigned = True
            urls.append((file.key, url))
        return urls

    def _warn(self, error: Exception) -> None:
        """Log the reason for missing links once per message."""
        if not self._has_warned:
            self._log.warning("links omitted from the message: %s", error)
        self._has_warned = True


def _create_channel(to: str, smtp: str) -> tuple[Channel, dict[str, str]]:
    """Return the channel of an address, and its options. Raise ValueError if the address is invalid."""
    from importlib import import_module

    scheme = to.partition(":")[0].lower()
    if scheme not in _CHANNELS:
        raise ValueError(f"unknown scheme: use one of {', '.join(_CHANNELS)}")
    module, name = _CHANNELS[scheme]
    make = getattr(import_module(f".{module}", __name__), name)
    known = {*make.options, *COMMON_OPTIONS}
    is_url = scheme in ("http", "https")
    text = to if is_url else to.partition(":")[2].removeprefix("//")
    address, options = split_options(text, known)
    if scheme == "mailto":
        from .mail import Server

        channel: Channel = make(address, options, Server(smtp) if smtp else None)
    else:
        channel = make(address, options)
    if "template" in make.options:
        options.pop("template", None)
    return channel, options


def _choose(options: dict[str, str], name: str, values: tuple[str, ...]) -> str:
    value = options.get(name, values[0])
    if value not in values:
        raise ValueError(f"invalid {name}=: use one of {', '.join(values)}")
    return value


def _parse_expires(text: str) -> float:
    from ...common.durations import parse_duration

    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise ValueError(f"expires=: {error}") from None
    if seconds > _MAX_EXPIRES_SECONDS:
        raise ValueError("invalid expires=: use at most 30d")
    return seconds


def _load_custom_text(path: str) -> CustomText:
    """Load a file of the project, next to `handlers/` or below it."""
    import sys
    from pathlib import Path

    candidates = [Path(folder or ".") / path for folder in ("", *sys.path)]
    file = next((candidate for candidate in candidates if candidate.is_file()), None)
    if file is None:
        raise ValueError(f"template=: no file {path!r} in the project")
    content = file.read_bytes()
    try:
        text = content.decode("utf-8-sig")  # editors on Windows write a BOM
    except UnicodeDecodeError:
        raise ValueError(f"template=: {path!r} is not UTF-8") from None
    if len(content) > _MAX_TEMPLATE_BYTES:
        raise ValueError(f"template=: {path!r} is larger than {_MAX_TEMPLATE_BYTES} bytes")
    try:
        return CustomText(text)
    except ValueError as error:
        raise ValueError(f"template=: {path!r}: {error}") from None


def _find_kinds(types: tuple[str, ...]) -> tuple[type, ...]:
    """Return the classes of type names. A name may also be that of a class. Raise ValueError for a misspelt one."""
    from ...events.registry import get_class

    kinds: list[type] = []
    for name in types:
        try:
            kinds.append(get_class(name))
        except KeyError:
            kinds.extend(find_type_classes(name))
    return tuple(kinds)
