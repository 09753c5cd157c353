"""Objects that a call is about, destinations of copies, and the buckets that may be touched.

Every bucket and region is checked here before a request is made. Their names become a host, and an event may be forged.
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
        """A value about one object, e.g. an entry of a list."""

        @property
        def object(self) -> CosObject:
            """The object."""
            ...

    OneObject = CosObject | Located | str
    ManyObjects = Iterable[CosObject] | Iterable[Located] | list[str] | tuple[str, ...]

_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{0,58}-[0-9]{1,12}\Z")
_REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,38}\Z")

MAX_KEY_BYTES = 850
"""Bytes of the longest key (documentation page 436/14518)."""


class Location:
    """A prefix in a bucket, ``cos://bucket.region/prefix/``, or one exact object.

    Attributes:
        bucket: name with APPID.
        region: e.g. ``ap-guangzhou``.
        prefix: the key of one copy, or the start of the keys of many. That of many is empty or ends in a slash.
    """

    __slots__ = ("bucket", "prefix", "region")

    def __init__(self, bucket: str, region: str, prefix: str) -> None:
        self.bucket = bucket
        self.region = region
        self.prefix = prefix

    @classmethod
    def parse(cls, to: str | CosObject) -> Location:
        """Return the location of an object or of a ``cos://bucket.region/prefix/`` text. The prefix may be empty.

        Raises:
            ValueError: the text has another form.
        """
        if isinstance(to, CosObject):
            return cls(to.bucket, to.region, to.key)
        scheme, _, rest = to.partition("://")
        host, _, prefix = rest.partition("/")
        bucket, _, region = host.partition(".")
        if scheme != "cos" or not (bucket and region):
            raise ValueError(
                f"invalid location {to!r}. Use cos://bucket.region/prefix/, e.g. "
                f"cos://player-1250000000.ap-guangzhou/hls/"
            )
        return cls(bucket, region, prefix.lstrip("/"))

    @property
    def is_directory(self) -> bool:
        """True if names are appended to the prefix."""
        return not self.prefix or self.prefix.endswith("/")

    def object(self, name: str) -> CosObject:
        """Return the object whose key is the prefix and a name."""
        return CosObject.exact(self.bucket, self.region, self.prefix + name)


def find_object(value: object) -> CosObject | None:
    """Return the object that a value is or is about. Return None if it is a collection.

    Raises:
        ValueError: a text is not the URL of an object.
    """
    if isinstance(value, CosObject):
        return value
    if isinstance(value, str):
        return CosObject.parse(value)
    item = getattr(value, "object", None)
    return item if isinstance(item, CosObject) else None


def collect_objects(values: ManyObjects) -> list[CosObject]:
    """Return the objects of an iterable in order, without repeats.

    Raises:
        TypeError: it holds something that is not an object.
    """
    items: dict[CosObject, None] = {}
    for value in values:
        item = find_object(value)
        if item is None:
            raise TypeError(f"expected COS objects, not {type(value).__name__}: {value!r:.80}")
        items[item] = None
    return list(items)


def find_common_directory(objects: Sequence[CosObject]) -> str:
    """Return the deepest directory that holds all objects: ``""`` or a text that ends in a slash."""
    if not objects:
        return ""
    shared = find_common_prefix([item.key for item in objects])
    if any(item.key == shared for item in objects):
        shared = shared[:-1]
    return shared[: shared.rfind("/") + 1]


def find_base(objects: Sequence[CosObject], base: str | None) -> str:
    """Return the base, by default the deepest directory that holds all objects: ``""`` or ending in a slash.

    Raises:
        ValueError: an object is not below it.
    """
    if base is None:
        return find_common_directory(objects)
    directory = base.rstrip("/") + "/" if base.strip("/") else ""
    if not all(item.key.startswith(directory) for item in objects):
        directory = directory.lstrip("/")  # MPS writes paths with a leading slash
    for item in objects:
        if not item.key.startswith(directory):
            raise ValueError(f"{item} is not below base={base!r}")
    return directory


def find_common_prefix(keys: Sequence[str]) -> str:
    """Return the longest text that all keys begin with."""
    first, last = min(keys), max(keys)
    for index, character in enumerate(first):
        if index == len(last) or character != last[index]:
            return first[:index]
    return first


def map_destinations(
    objects: Sequence[CosObject], to: str | CosObject, single: bool, base: str | None = None
) -> list[CosObject]:
    """Return the copy of each object: its key below the base, appended to `to`, or `to` itself for a single one.

    Raises:
        ValueError: several objects would become one, an object would replace itself, or is not below `base`.
    """
    location = Location.parse(to)
    if single and not location.is_directory:
        targets = [location.object("")]
    elif not location.is_directory:
        raise ValueError(f"{to} cannot hold several objects. Add a slash at its end")
    else:
        directory = find_base(objects, base)
        targets = [location.object(item.key[len(directory) :]) for item in objects]
    sources: dict[CosObject, CosObject] = {}
    for source, target in zip(objects, targets, strict=True):
        if source == target:
            raise ValueError(f"{source} would be copied onto itself")
        if sources.setdefault(target, source) != source:
            raise ValueError(f"{sources[target]} and {source} would both become {target}")
    return targets


class BucketAllowlist:
    """Buckets that may be touched.

    Args:
        globs: names or globs, as a comma-separated text or an iterable; None for all buckets. ``media-*`` matches
            the buckets of any APPID, including those of other accounts. Write the APPID.

    Raises:
        ConfigurationError: `globs` names no bucket.
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
                f"no bucket in MPS_BUCKETS or buckets={globs!r}. "
                f"Give comma-separated names, or leave it out to allow all buckets"
            )

    def check(self, bucket: str, region: str) -> None:
        """Raise `Denied` for a bucket that is not allowed, and for invalid names."""
        if not (_BUCKET.match(bucket) and _REGION.match(region)):
            raise Denied(
                f"invalid COS bucket {bucket!r} in {region!r}. Use <name>-<appid>, e.g. "
                f"media-1250000000, and a region, e.g. ap-guangzhou",
                code="InvalidBucketName",
            )
        if self._globs and not any(fnmatchcase(bucket, glob) for glob in self._globs):
            raise Denied(
                f"the bucket {bucket} is not in MPS_BUCKETS ({', '.join(self._globs)})",
                code="BucketNotAllowed",
            )

    def check_all(self, objects: Iterable[CosObject]) -> None:
        """Raise `Denied` unless all objects may be touched, and ValueError for an invalid key."""
        checked: set[tuple[str, str]] = set()
        for item in objects:
            if (item.bucket, item.region) not in checked:
                self.check(item.bucket, item.region)
                checked.add((item.bucket, item.region))
            check_key(item.key)


def check_key(key: str) -> None:
    """Raise ValueError for a key over 850 bytes of UTF-8, or one that has no UTF-8 form."""
    if len(key) > MAX_KEY_BYTES // 4 and len(key.encode()) > MAX_KEY_BYTES:
        raise ValueError(f"the key {key[:80]}… is longer than {MAX_KEY_BYTES} bytes")
    if not key.isascii():
        key.encode()


@lru_cache(maxsize=64)
def build_host(bucket: str, region: str, domain: str) -> str:
    """Return the host of a bucket (page 436/6224)."""
    return f"{bucket}.cos.{region}.{domain}"
