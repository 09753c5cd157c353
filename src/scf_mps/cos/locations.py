"""Which objects a call is about: one or many, as texts or values, and where copies of them go.

Every bucket and region passes through here before a request is made: their names become a host, and an event may be
forged. What is done with the objects is left to the rest.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import lru_cache

from ..common.lists import split_list
from ..errors import ConfigurationError
from ..events.files import CosObject
from .errors import Denied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol

    class Located(Protocol):
        """Something that is about one object, e.g. an entry of a list."""

        @property
        def object(self) -> CosObject: ...

    OneObject = CosObject | Located | str
    ManyObjects = Iterable[CosObject] | Iterable[Located] | list[str] | tuple[str, ...]

_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{0,58}-[0-9]{1,12}\Z")
_REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,38}\Z")

MAX_KEY_BYTES = 850
"""Longest key (documentation page 436/14518)."""


class Location:
    """Where copies go: ``cos://bucket.region/prefix/``, or one exact object.

    Attributes:
        prefix: the key of the copy; of many, what their keys begin with, ending in a slash unless empty.
    """

    __slots__ = ("bucket", "prefix", "region")

    def __init__(self, bucket: str, region: str, prefix: str) -> None:
        self.bucket = bucket
        self.region = region
        self.prefix = prefix

    @classmethod
    def parse(cls, to: str | CosObject) -> Location:
        """The place of a ``cos://bucket.region/prefix/`` text (the prefix may be empty) or of an object.

        Raises:
            ValueError: for any other text.
        """
        if isinstance(to, CosObject):
            return cls(to.bucket, to.region, to.key)
        scheme, _, rest = to.partition("://")
        place, _, prefix = rest.partition("/")
        bucket, _, region = place.partition(".")
        if scheme != "cos" or not (bucket and region):
            raise ValueError(
                f"expected cos://bucket.region/prefix/, e.g. "
                f"cos://player-1250000000.ap-guangzhou/hls/, not {to!r}"
            )
        return cls(bucket, region, prefix.lstrip("/"))

    @property
    def is_directory(self) -> bool:
        """Whether names are put behind it."""
        return not self.prefix or self.prefix.endswith("/")

    def object(self, name: str) -> CosObject:
        """Return the object of that name behind the prefix."""
        return CosObject.exact(self.bucket, self.region, self.prefix + name)


def one(value: object) -> CosObject | None:
    """The object that a value is or is about; None if it is many.

    Raises:
        ValueError: for a text that names no object.
    """
    if isinstance(value, CosObject):
        return value
    if isinstance(value, str):
        return CosObject.parse(value)
    about = getattr(value, "object", None)
    return about if isinstance(about, CosObject) else None


def many(values: ManyObjects) -> list[CosObject]:
    """The objects of an iterable, without repeats, in order.

    Raises:
        TypeError: for something in it that is no object.
    """
    found: dict[CosObject, None] = {}
    for value in values:
        item = one(value)
        if item is None:
            raise TypeError(f"expected COS objects, not {type(value).__name__}: {value!r:.80}")
        found[item] = None
    return list(found)


def find_common_directory(objects: Sequence[CosObject]) -> str:
    """The deepest directory that holds them all: ``""`` or a text that ends in a slash."""
    if not objects:
        return ""
    shared = find_common_prefix([item.key for item in objects])
    if any(item.key == shared for item in objects):
        shared = shared[:-1]
    return shared[: shared.rfind("/") + 1]


def find_base(objects: Sequence[CosObject], base: str | None) -> str:
    """The given directory, or the deepest that holds all objects: ``""`` or a text that ends in a slash.

    Raises:
        ValueError: an object is not below it.
    """
    if base is None:
        return find_common_directory(objects)
    above = base.rstrip("/") + "/" if base.strip("/") else ""
    if not all(item.key.startswith(above) for item in objects):
        above = above.lstrip("/")  # as MPS writes its paths
    for item in objects:
        if not item.key.startswith(above):
            raise ValueError(f"{item} is not below base={base!r}")
    return above


def find_common_prefix(keys: Sequence[str]) -> str:
    """The longest text that all keys begin with."""
    first, last = min(keys), max(keys)
    for index, character in enumerate(first):
        if index == len(last) or character != last[index]:
            return first[:index]
    return first


def map_destinations(
    objects: Sequence[CosObject], to: str | CosObject, single: bool, base: str | None = None
) -> list[CosObject]:
    """Where each object goes: behind the prefix, with its key below their deepest common directory.

    One object goes to the exact key, if the prefix does not end in a slash.

    Raises:
        ValueError: if many are to become one, an object is to go onto itself, or `base` is not above an object.
    """
    place = Location.parse(to)
    if single and not place.is_directory:
        found = [place.object("")]
    elif not place.is_directory:
        raise ValueError(f"{to} would take many objects: end it with a slash")
    else:
        above = find_base(objects, base)
        found = [place.object(item.key[len(above) :]) for item in objects]
    taken: dict[CosObject, CosObject] = {}
    for source, target in zip(objects, found, strict=True):
        if source == target:
            raise ValueError(f"{source} would be copied onto itself")
        if taken.setdefault(target, source) != source:
            raise ValueError(f"{taken[target]} and {source} would both become {target}")
    return found


class BucketAllowlist:
    """The buckets that may be touched: ``MPS_BUCKETS``.

    Args:
        globs: names or globs, as a text with commas between or one by one; None for all buckets. ``media-*`` matches
            the buckets of any APPID, those of other accounts too: write the APPID.

    Raises:
        ConfigurationError: if `globs` names no bucket. An empty list of allowed buckets is not a list of all.
    """

    __slots__ = ("_globs",)

    def __init__(self, globs: str | Iterable[str] | None) -> None:
        self._globs: tuple[str, ...] = ()
        if globs is None:
            return
        texts = (globs,) if isinstance(globs, str) else globs
        self._globs = tuple(part for text in texts for part in split_list(text))
        if not self._globs:
            raise ConfigurationError(
                f"expected a bucket, or several with commas between, in MPS_BUCKETS or buckets=, not {globs!r}: "
                f"leave it out to allow all"
            )

    def check(self, bucket: str, region: str) -> None:
        """Raises `Denied` for a bucket that is not allowed, and for names that are none."""
        if not (_BUCKET.match(bucket) and _REGION.match(region)):
            raise Denied(
                f"{bucket!r} in {region!r} is no COS bucket: expected <name>-<appid>, e.g. "
                f"media-1250000000, and a region, e.g. ap-guangzhou",
                code="InvalidBucketName",
            )
        if self._globs and not any(fnmatchcase(bucket, glob) for glob in self._globs):
            raise Denied(
                f"the bucket {bucket} is not in MPS_BUCKETS ({', '.join(self._globs)})",
                code="BucketNotAllowed",
            )

    def check_all(self, objects: Iterable[CosObject]) -> None:
        """Raises `Denied` unless all may be touched, ValueError for a key that COS does not take."""
        seen: set[tuple[str, str]] = set()
        for item in objects:
            if (item.bucket, item.region) not in seen:
                self.check(item.bucket, item.region)
                seen.add((item.bucket, item.region))
            check_key(item)


def check_key(item: CosObject) -> None:
    """Raises ValueError for a key over 850 bytes of UTF-8, or one that has no UTF-8 form."""
    if len(item.key) > MAX_KEY_BYTES // 4 and len(item.key.encode()) > MAX_KEY_BYTES:
        raise ValueError(f"a key has at most {MAX_KEY_BYTES} bytes: {item.key[:80]}…")
    if not item.key.isascii():
        item.key.encode()


@lru_cache(maxsize=64)
def build_host(bucket: str, region: str, domain: str) -> str:
    """The host of a bucket (page 436/6224)."""
    return f"{bucket}.cos.{region}.{domain}"
