"""Settings read from environment variables, with all mistakes reported at once.

A variable holds an address with options after a question mark, as in a URL. The constructor of the action checks the
text, and its ValueError becomes the mistake.
"""

from __future__ import annotations

import os
import re

from ..app import find_mistakes
from ..errors import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import TypeVar

    from ..cos.locations import Location

    T = TypeVar("T")

_SEPARATOR = r"[\s,]+(?=[a-z][a-z0-9+-]*://|mailto:)"


class Settings:
    """The variables of an application, read at import.

        settings = Settings()
        archive = settings.read("MPS_ARCHIVE", lambda to: actions.Archive(to))
        settings.check()

    Args:
        environment: variables, by default those of the process.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._mistakes: list[str] = []

    def read(self, name: str, make: Callable[[str], T]) -> T | None:
        """Create an object from a variable.

        Returns:
            The result of `make`, or None if the variable is missing or empty. None as well if `make` raises
            ValueError, which `check` reports.
        """
        text = self._environment.get(name, "").strip()
        return self._make(name, text, make) if text else None

    def read_all(self, name: str, make: Callable[[str], T]) -> list[T]:
        """Create an object from each address in a variable, separated by commas or spaces.

        A variable that is set but holds no address is a mistake, which `check` reports.
        """
        value = self._environment.get(name, "")
        text = value.strip(" ,\t\r\n")
        texts = re.split(_SEPARATOR, text) if text else []
        if value and not texts:
            self._mistakes.append(f"{name}: missing address: give one or more, separated by commas")
        made = []
        for index, address in enumerate(filter(None, texts)):
            where = f"{name} (number {index + 1} of {len(texts)})" if len(texts) > 1 else name
            item = self._make(where, address, make)
            if item is not None:
                made.append(item)
        return made

    def check(self) -> None:
        """Raise ConfigurationError with all mistakes, including those of the HTTP channel."""
        mistakes = [*self._mistakes, *find_mistakes(self._environment)]
        if mistakes:
            raise ConfigurationError.listing(mistakes)

    def _make(self, where: str, text: str, make: Callable[[str], T]) -> T | None:
        try:
            return make(text)
        except ValueError as error:
            self._mistakes.append(f"{where}: {error}")
            return None


def split_options(text: str, known: Collection[str]) -> tuple[str, dict[str, str]]:
    """Return the address in a text, and its options by name.

    Options are decoded as in a URL, except that a ``+`` stays a plus (write an ``&`` as ``%26``).

    Raises:
        ValueError: an option is unknown, repeated or has no value. No value is shown, because it may be a secret.
    """
    from urllib.parse import unquote

    address, _, query = text.partition("?")
    options: dict[str, str] = {}
    for pair in query.split("&") if query else ():
        name, equals, value = pair.partition("=")
        if name not in known:
            raise ValueError(_describe_unknown(name, known))
        if name in options or not equals or not value:
            raise ValueError(f"invalid option {name}=: give it once, with a value")
        options[name] = unquote(value)
    return address, options


def parse_cos_address(address: str) -> Location:
    """Parse ``cos://bucket.region/key``, where the key may contain fields in braces.

    Raises:
        ValueError: the text has another form, or the bucket or region is invalid.
    """
    from ..cos.errors import Denied
    from ..cos.locations import BucketAllowlist, Location

    location = Location.parse(address)
    try:
        BucketAllowlist(None).check(location.bucket, location.region)
    except Denied as error:
        raise ValueError(error.message) from None
    return location


def _describe_unknown(name: str, known: Collection[str]) -> str:
    if not known:
        return "unexpected option: this address takes no options after ?"
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    hint = f". Did you mean {near[0]}=?" if near else ""
    # The name may be the second half of a value with an & in it: show it only if it looks like a name.
    shown = f"{name!r}" if re.fullmatch("[a-z_]{1,20}", name) else "after &"
    expected = ", ".join(f"{option}=" for option in sorted(known))
    return f"unknown option {shown}: use {expected}{hint} (write an & in a value as %26)"
