"""What environment variables switch on: each makes something or is a mistake, and all mistakes are told at once.

A variable holds one text: an address, with options behind a question mark as in a URL. What a text means is left to
the action that is made of it; a ValueError of its constructor is the mistake.
"""

from __future__ import annotations

import os
import re

from ..channels import signature
from ..errors import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import TypeVar

    from ..cos.locations import Location

    T = TypeVar("T")


class Settings:
    """The variables of an application, read while it is imported.

        settings = Settings()
        archive = settings.read("MPS_ARCHIVE", lambda to: actions.Archive(to))
        settings.check()

    Args:
        environment: the variables; those of the process by default.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._mistakes: list[str] = []

    def read(self, name: str, make: Callable[[str], T]) -> T | None:
        """What `make` makes of a variable; None if it is not set or empty.

        None also if `make` raises ValueError: the mistake is kept until `check`.
        """
        text = self._environment.get(name, "").strip()
        return self._make(name, text, make) if text else None

    def read_all(self, name: str, make: Callable[[str], T]) -> list[T]:
        """What `make` makes of each address in a variable; there may be several, with commas or spaces between.

        A variable that is set and names none is a mistake.
        """
        value = self._environment.get(name, "")
        text = value.strip(" ,\t\r\n")
        texts = re.split(_BETWEEN, text) if text else []
        if value and not texts:
            self._mistakes.append(f"{name}: expected an address, or several with commas between")
        found = []
        for index, text in enumerate(filter(None, texts)):
            where = f"{name} (number {index + 1} of {len(texts)})" if len(texts) > 1 else name
            one = self._make(where, text, make)
            if one is not None:
                found.append(one)
        return found

    def check(self) -> None:
        """Raises ConfigurationError if any variable was a mistake: one text for all of them.

        Those of the HTTP channel, which the application checks as well, are among them.
        """
        mistakes = [*self._mistakes, *signature.find_mistakes(self._environment)]
        if mistakes:
            raise ConfigurationError.listing(mistakes)

    def _make(self, where: str, text: str, make: Callable[[str], T]) -> T | None:
        try:
            return make(text)
        except ValueError as error:
            self._mistakes.append(f"{where}: {error}")
            return None


_BETWEEN = r"[\s,]+(?=[a-z][a-z0-9+-]*://|mailto:)"


def split(text: str, known: Collection[str]) -> tuple[str, dict[str, str]]:
    """The address in a text, and the options behind its question mark, by name.

    Options are decoded as in a URL (``%26`` is an ``&``; a ``+`` stays one).

    Raises:
        ValueError: for an option that is not known, without a value, or there twice. No value is shown: it may be a
            secret.
    """
    from urllib.parse import unquote

    address, _, query = text.partition("?")
    options: dict[str, str] = {}
    for pair in query.split("&") if query else ():
        name, equals, value = pair.partition("=")
        if name not in known:
            raise ValueError(_unknown(name, known))
        if name in options or not equals or not value:
            raise ValueError(f"the option {name}= is expected once, with a value")
        options[name] = unquote(value)
    return address, options


def parse_cos_address(address: str) -> Location:
    """The place of a ``cos://bucket.region/key`` text, whose key may have fields.

    Raises:
        ValueError: for any other text, and for names that no bucket or region can have.
    """
    from ..cos.errors import Denied
    from ..cos.locations import BucketAllowlist, Location

    place = Location.parse(address)
    try:
        BucketAllowlist(None).check(place.bucket, place.region)
    except Denied as error:
        raise ValueError(error.message) from None
    return place


def _unknown(name: str, known: Collection[str]) -> str:
    if not known:
        return "no options are expected behind a ?"
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    meant = f": did you mean {near[0]}=?" if near else ""
    # What is in front of no = may be half of a value with a & in it: only what looks like a name is shown.
    shown = f"{name!r}" if re.fullmatch("[a-z_]{1,20}", name) else "of that name"
    expected = ", ".join(f"{one}=" for one in sorted(known))
    return f"there is no option {shown}, expected {expected}{meant} (write an & in a value as %26)"
