"""Notify: one message for each task, to a chat, a mailbox or a program.

Which results are told, with which links, and when not to tell; the message itself is `message.py`'s, each channel is
a module. An address is the whole configuration, so that a list of them fits into one variable.
"""

from __future__ import annotations

import logging
import time

from ...context import Context
from ...cos import Cos
from ...dispatch.idempotency import IdempotencyKey
from ...errors import RegistrationError, ScfMpsError
from ...events.base import Event, LiveEvent
from ..filter_options import FILTER_OPTIONS, parse_filters, split_types
from ..settings import split
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
        """What sends a message."""

        @property
        def channel(self) -> str: ...

        def send(self, message: Message, sending: SendContext) -> None: ...


COMMON_OPTIONS = (*FILTER_OPTIONS, "expires", "lang", "on", "template")
"""Options of every address, behind the channel's own."""

DEFAULT_EXPIRES = "6h"
"""For how long links work, where nothing is said."""

MAX_ROLE_KEY_SECONDS = 6 * 3600.0
"""Seconds for which the keys of a function's role live at most: what is signed with them ends with them."""

MAX_LINKS = 3
"""Links of a result."""

_LONGEST_EXPIRES = 30 * 86400.0
_TOKEN = "x-cos-security-token="
_LARGEST_TEXT = 16 * 1024
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
    """Tells one channel of tasks.

        notify = Notify("wecom://KEY?on=failure")
        router.on_complete(Event, **notify.filters)(notify.tell)

    Args:
        to: an address: ``wecom://``, ``dingtalk://``, ``feishu://``, ``lark://``, ``slack://``, ``https://``,
            ``mailto:`` or ``ses://``, with options behind a ``?`` (`COMMON_OPTIONS`, and the channel's own).
        smtp: the server for ``mailto:``, see `mail.Server`.
        links: the URLs of a result's files, e.g. where they were published; without any, or for results it returns
            none for, links to COS are presigned. If it raises ValueError, the result has no links.
        held: returns whether moderation holds the outputs of an event, e.g. `Moderate.holds`. Its message says so
            and has no links to them. Both look at the event alone: the order of registration does not matter.
        cafile: certificates to trust, in place of the system's; the variable ``SSL_CERT_FILE`` does it as well.
        clock: tells the seconds since the epoch.

    Attributes:
        channel: a word for the kind of address, e.g. ``wecom``.
        filters: what to register `tell` with: its options that narrow, and ``on=``.

    Raises:
        ValueError: if `to` is none of this. No secret is shown.
    """

    def __init__(
        self,
        to: str,
        *,
        smtp: str = "",
        links: Callable[[Result], Iterable[str]] | None = None,
        held: Callable[[Event], bool] | None = None,
        cafile: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._channel, options = _channel(to, smtp)
        self.channel = self._channel.channel
        self._links = links
        self._held = held or (lambda _: False)
        self._cafile = cafile
        self._now = clock
        self._on = _one_of(options, "on", ("all", "failure", "success"))
        self._words = LOCALES[_one_of(options, "lang", ("zh", "en"))]
        self._expires = _expires(options.get("expires", DEFAULT_EXPIRES))
        self._own = _own(options["template"]) if "template" in options else None
        self._types = tuple(split_types(options))
        self._kinds = _kinds(self._types)
        self.filters: Filters = {**parse_filters(options), "when": self.wants}

    def wants(self, event: Event) -> bool:
        """Whether to tell of an event; a predicate for ``when=``. Live streams are no tasks that end: never."""
        if isinstance(event, LiveEvent):
            return False
        told = self._told(event)
        if not told and event.error is None:
            return False
        succeeded = decide_outcome(event, told, self._held(event)) == "succeeded"
        return self._on == "all" or succeeded == (self._on == "success")

    def tell(
        self,
        event: Event,
        cos: Cos,
        context: Context,
        key: IdempotencyKey,
        log: logging.Logger,
    ) -> None:
        """Send the message; a callback for events, whose results are all in it.

        Raises:
            NotifyError: the channel did not take it, or could not be reached.
            Drop: some recipients of a mail were refused, the others have it.
        """
        links = _Links(cos, self._links, self._expires, log)
        message = Message(
            event, self._told(event), self._words, links.of, self._own, self._held(event)
        )
        if links.presigned:
            text = self._words.expires_with_keys if links.with_keys else self._words.expires
            message.notes.append(text.format(span=self._words.span(links.expires)))
        self._channel.send(message, SendContext(key, context, self._now, self._cafile))
        log.info("notified", extra={"channel": self.channel, "outcome": message.outcome})

    def _told(self, event: Event) -> tuple[EventOrSubtask, ...]:
        """The results that are in the message; the event itself, if it has none."""
        every: tuple[EventOrSubtask, ...] = event.subtasks or (event,)
        if not self._types or isinstance(event, self._kinds) or event.type in self._types:
            return every
        return tuple(
            one for one in every if isinstance(one, self._kinds) or one.type in self._types
        )

    def __repr__(self) -> str:
        return f"<Notify {self.channel}>"


class _Links:
    """The links of one message.

    Attributes:
        presigned: whether any of them ends some day.
        with_keys: whether they end with temporary keys.
        expires: seconds for which they work.
    """

    def __init__(
        self,
        cos: Cos,
        given: Callable[[Result], Iterable[str]] | None,
        expires: float,
        log: logging.Logger,
    ) -> None:
        self._cos = cos
        self._warned = False
        self._given = given
        self._log = log
        self.expires = expires
        self.presigned = False
        self.with_keys = False

    def of(self, result: EventOrSubtask) -> list[Link]:
        """The first few links of a result."""
        from ...events.files import find_urls

        try:
            given = [] if self._given is None else list(self._given(result))[:MAX_LINKS]
        except ValueError as error:  # a published key that has no UTF-8 form
            self._warn(error)
            return []
        if given:
            return [link for link in (make_link(url, url) for url in given) if link is not None]
        urls = [(path, path) for path in find_urls(result)]
        files = result.files[:MAX_LINKS]
        urls = [*self._sign(files), *urls][:MAX_LINKS]
        return [link for link in (make_link(name, url) for name, url in urls) if link is not None]

    def _sign(self, files: tuple[CosObject, ...]) -> list[tuple[str, str]]:
        """Presigned URLs; none, and one warning, where nothing can be signed: the message is worth more."""
        found = []
        for file in files:
            try:
                url = self._cos.url(file, expires=self.expires)
                if _TOKEN in url and not self.with_keys:
                    self.with_keys = True
                    self.expires = min(self.expires, MAX_ROLE_KEY_SECONDS)
                    url = self._cos.url(file, expires=self.expires)
            except (ScfMpsError, ValueError) as error:  # ValueError: COS has no such keys
                self._warn(error)
                continue
            self.presigned = True
            found.append((file.key, url))
        return found

    def _warn(self, error: Exception) -> None:
        """Log once for a message why it lacks links."""
        if not self._warned:
            self._log.warning("the message lacks links: %s", error)
        self._warned = True


def _channel(to: str, smtp: str) -> tuple[Channel, dict[str, str]]:
    """The channel of an address, and its options. Raises ValueError."""
    from importlib import import_module

    scheme = to.partition(":")[0].lower()
    if scheme not in _CHANNELS:
        raise ValueError(f"expected an address that begins with one of {', '.join(_CHANNELS)}")
    module, name = _CHANNELS[scheme]
    make = getattr(import_module(f".{module}", __name__), name)
    known = {*make.options, *COMMON_OPTIONS}
    is_url = scheme in ("http", "https")
    address, options = split(to if is_url else to.partition(":")[2].removeprefix("//"), known)
    if scheme == "mailto":
        from .mail import Server

        channel: Channel = make(address, options, Server(smtp) if smtp else None)
    else:
        channel = make(address, options)
    if "template" in make.options:
        options.pop("template", None)
    return channel, options


def _one_of(options: dict[str, str], name: str, values: tuple[str, ...]) -> str:
    value = options.get(name, values[0])
    if value not in values:
        raise ValueError(f"expected {name}= one of {', '.join(values)}")
    return value


def _expires(text: str) -> float:
    from ...common.durations import parse_duration

    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise ValueError(f"expires=: {error}") from None
    if seconds > _LONGEST_EXPIRES:
        raise ValueError("expected expires= of at most 30d")
    return seconds


def _own(path: str) -> CustomText:
    """The text of a file of the project: beside `handlers/`, or below it."""
    import sys
    from pathlib import Path

    places = [Path(folder or ".") / path for folder in ("", *sys.path)]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise ValueError(f"template=: there is no file {path!r} in the project")
    content = found.read_bytes()
    try:
        text = content.decode("utf-8-sig")  # Windows puts a mark in front
    except UnicodeDecodeError:
        raise ValueError(f"template=: {path!r} is no text in UTF-8") from None
    if len(content) > _LARGEST_TEXT:
        raise ValueError(f"template=: {path!r} is larger than {_LARGEST_TEXT} bytes")
    try:
        return CustomText(text)
    except ValueError as error:
        raise ValueError(f"template=: {path!r}: {error}") from None


def _kinds(types: tuple[str, ...]) -> tuple[type, ...]:
    """The classes of names of types; a name may be one of a class, as in Python. Raises ValueError."""
    from ...events.registry import get_class

    found: list[type] = []
    for name in types:
        try:
            found.append(get_class(name))
        except KeyError:
            from ...routing.type_names import find_classes

            try:
                found.extend(find_classes(name))
            except RegistrationError as error:
                raise ValueError(f"types=: {error.args[0]}") from None
    return tuple(found)
