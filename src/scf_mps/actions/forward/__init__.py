"""Forward action: send events unchanged to other functions, topics, queues and URLs.

An account has one MPS trigger, so the function behind it shares the events with other teams.
"""

from __future__ import annotations

import re

from ...events.base import Event
from ..filter_options import FILTER_OPTIONS, parse_filters, parse_types
from ..settings import split_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...routing.filters import Filters
    from ...routing.router import Router
    from ..archive import Archive
    from .targets import FunctionTarget, MessageTarget, UrlTarget

    Target = FunctionTarget | MessageTarget | UrlTarget

_REGION = r"(?P<region>[a-z]{2}(?:-[a-z0-9]+)+)"
_FUNCTION = re.compile(
    rf"(?P<name>[A-Za-z][\w-]{{0,59}})\.{_REGION}(?:/(?P<namespace>[A-Za-z][\w-]*)?)?", re.ASCII
)
_CMQ = re.compile(rf"(?P<name>[A-Za-z][\w-]{{0,63}})\.{_REGION}/?", re.ASCII)
_URL_OPTIONS = ("secret", "query")
_OPTIONS = {"scf": ("qualifier",), "https": _URL_OPTIONS, "http": _URL_OPTIONS}


class Forward:
    """One target of forwarded events.

        forward = Forward("scf://thumbnails.ap-guangzhou?types=ImageSprites", archive)
        forward.register(router)

    Args:
        to: ``scf://FUNCTION.REGION/NAMESPACE`` (``qualifier=``, by default ``$DEFAULT``), ``cmq-topic://NAME.REGION``,
            ``cmq-queue://NAME.REGION``, or ``https://HOST/PATH`` (``secret=`` signs the POST, ``query=`` is the URL's
            own query). Each takes ``types=`` (types of events or of their results, separated by commas), ``session=``,
            ``bucket=``, ``path=`` and ``source=`` as in `Router.on`, and ``name=``.
        archive: keeps events that are too large for the target, which are sent by reference.

    Attributes:
        name: unique name of the target without secrets, e.g. ``scf-thumbnails.ap-guangzhou``.
        target: the target. Its `send` is a callback for events.

    Raises:
        ValueError: `to` is invalid.
    """

    def __init__(self, to: str, archive: Archive | None = None) -> None:
        scheme = to.partition("://")[0]
        address, options = split_options(to, (*FILTER_OPTIONS, "name", *_OPTIONS.get(scheme, ())))
        self.target, name = _create_target(scheme, address, options, archive)
        self.name = options.get("name", name)
        self._types = parse_types(options)
        self._filters = parse_filters(options)

    def wants(self, event: Event) -> bool:
        """Return True if an event, or a result in it, has one of the types in ``types=``."""
        return (
            not self._types
            or event.type in self._types
            or any(subtask.type in self._types for subtask in event.subtasks)
        )

    def register(self, router: Router, group: str = "forward") -> None:
        """Register the target for events of every outcome.

        Args:
            router: the router.
            group: prefix of the callback's name.
        """
        filters: Filters = {**self._filters}
        if self._types:
            filters["when"] = self.wants
        for verb in (router.on, router.on_failure, router.on_progress):
            verb(Event, name=f"{group}.{self.name}", **filters)(self.target.send)


def _create_target(
    scheme: str, address: str, options: dict[str, str], archive: Archive | None
) -> tuple[Target, str]:
    """Create the target of an address. Return it with its name. Raise ValueError if the address is invalid."""
    from .targets import FunctionTarget, MessageTarget, UrlTarget

    place = address.partition("://")[2]
    if scheme == "scf":
        match = _FUNCTION.fullmatch(place)
        if match is None:
            raise ValueError(
                f"invalid address {address!r}: use scf://FUNCTION.REGION/NAMESPACE, e.g. scf://thumbnails.ap-guangzhou"
            )
        function, region = match["name"], match["region"]
        namespace = match["namespace"] or "default"
        name = f"scf-{function}.{region}" + (f"/{namespace}" if namespace != "default" else "")
        qualifier = options.get("qualifier", "$DEFAULT")
        return FunctionTarget(function, region, namespace, qualifier, archive), name
    if scheme in ("cmq-topic", "cmq-queue"):
        match = _CMQ.fullmatch(place)
        if match is None:
            raise ValueError(
                f"invalid address {address!r}: use {scheme}://NAME.REGION, e.g. {scheme}://media.ap-guangzhou"
            )
        queue, region = match["name"], match["region"]
        kind = scheme.removeprefix("cmq-")
        return MessageTarget(kind, queue, region, archive), f"{scheme}-{queue}.{region}"
    if scheme in ("https", "http"):
        from ..http_post import Address

        if "secret" not in options:
            raise ValueError("missing secret=: the receiver needs it to verify the sender")
        url = Address(f"{address}?{options['query']}" if "query" in options else address)
        return UrlTarget(url, options["secret"]), f"https-{url}"
    # The address may hold a secret: do not show it.
    raise ValueError("unknown scheme: use scf://, cmq-topic://, cmq-queue:// or https://")
