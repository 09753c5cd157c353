"""Forward: events as they came, to whoever else is to have them. An account has one MPS trigger; this is how teams share it.

Here is told which events go where; sending them is `targets`' work.
"""

from __future__ import annotations

import re

from ...events.base import Event
from ..filter_options import FILTER_OPTIONS, parse_filters, parse_types
from ..settings import split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...routing.filters import Filters
    from ...routing.router import Router
    from ..archive import Archive
    from .targets import FunctionTarget, MessageTarget, UrlTarget

_REGION = r"(?P<region>[a-z]{2}(?:-[a-z0-9]+)+)"
_FUNCTION = re.compile(
    rf"(?P<name>[A-Za-z][\w-]{{0,59}})\.{_REGION}(?:/(?P<namespace>[A-Za-z][\w-]*)?)?", re.ASCII
)
_CHANNEL = re.compile(rf"(?P<name>[A-Za-z][\w-]{{0,63}})\.{_REGION}/?", re.ASCII)


class Forward:
    """One target of forwarded events.

        forward = Forward("scf://thumbnails.ap-guangzhou?types=ImageSprites", archive)
        forward.register(router)

    Args:
        to: ``scf://FUNCTION.REGION/NAMESPACE`` (``qualifier=``, by default ``$DEFAULT``), ``cmq-topic://NAME.REGION``,
            ``cmq-queue://NAME.REGION``, or ``https://HOST/PATH`` (``secret=`` signs what is posted; ``query=`` is the
            URL's own query). Each takes ``types=`` (types of events or of results in them, with commas between),
            ``session=``, ``bucket=``, ``path=`` and ``source=`` as `Router.on` does, and ``name=``.
        archive: where an event that is too large for the target is kept, to be sent by its address.

    Attributes:
        name: what tells it from other targets, without any secret, e.g. ``scf-thumbnails.ap-guangzhou``.
        target: what it is; its `send` is a callback for events.

    Raises:
        ValueError: if `to` is none of this.
    """

    def __init__(self, to: str, archive: Archive | None = None) -> None:
        scheme = to.partition("://")[0]
        own = {"scf": ("qualifier",), "https": ("secret", "query"), "http": ("secret", "query")}
        address, given = split(to, (*FILTER_OPTIONS, "name", *own.get(scheme, ())))
        self.target, name = _target(scheme, address, given, archive)
        self.name = given.get("name", name)
        self._types = parse_types(given)
        self._filters = parse_filters(given)

    def wants(self, event: Event) -> bool:
        """Whether an event, or a result in it, is of the types that are asked for."""
        return (
            not self._types
            or event.type in self._types
            or any(one.type in self._types for one in event.subtasks)
        )

    def register(self, router: Router, group: str = "forward") -> None:
        """Have the router's events of every outcome sent.

        Args:
            router: whose.
            group: what the callback's name begins with.
        """
        filters: Filters = {**self._filters}
        if self._types:
            filters["when"] = self.wants
        for verb in (router.on, router.on_failure, router.on_progress):
            verb(Event, name=f"{group}.{self.name}", **filters)(self.target.send)


def _target(
    scheme: str, address: str, given: dict[str, str], archive: Archive | None
) -> tuple[FunctionTarget | MessageTarget | UrlTarget, str]:
    """The target of an address, and what it is called. Raises ValueError."""
    from .targets import FunctionTarget, MessageTarget, UrlTarget

    place = address.partition("://")[2]
    if scheme == "scf":
        found = _FUNCTION.fullmatch(place)
        if found is None:
            raise ValueError(
                f"expected scf://FUNCTION.REGION/NAMESPACE, e.g. scf://thumbnails.ap-guangzhou, not {address!r}"
            )
        name, region = found["name"], found["region"]
        namespace = found["namespace"] or "default"
        called = f"scf-{name}.{region}" + (f"/{namespace}" if namespace != "default" else "")
        qualifier = given.get("qualifier", "$DEFAULT")
        return FunctionTarget(name, region, namespace, qualifier, archive), called
    if scheme in ("cmq-topic", "cmq-queue"):
        found = _CHANNEL.fullmatch(place)
        if found is None:
            raise ValueError(
                f"expected {scheme}://NAME.REGION, e.g. {scheme}://media.ap-guangzhou, not {address!r}"
            )
        name, region = found["name"], found["region"]
        kind = scheme.removeprefix("cmq-")
        return MessageTarget(kind, name, region, archive), f"{scheme}-{name}.{region}"
    if scheme in ("https", "http"):
        from ..http_post import Address

        if "secret" not in given:
            raise ValueError("expected secret=, by which the receiver tells who posts")
        url = Address(f"{address}?{given['query']}" if "query" in given else address)
        return UrlTarget(url, given["secret"]), f"https-{url}"
    # An address that is none of these may hold a secret.
    raise ValueError(
        "expected an address that begins with scf://, cmq-topic://, cmq-queue:// or https://"
    )
