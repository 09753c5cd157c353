"""The files of a result: which COS objects it produced, and where a task was to write and read.

Which fields of an output hold a path, and which the storage, is generated from the SDK with each class (`_files`).
Nothing here talks to COS; expanding a playlist into its segments is left to the COS helpers.
"""

from __future__ import annotations

import re
from functools import cache

from ..errors import NotInCos

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from .base import Result
    from .view import View


class CosObject:
    """The address of an object in COS: bucket (with its APPID), region and key. Immutable and hashable.

    MPS writes paths with a leading slash, COS keys have none (``/a/b.mp4`` is the key ``a/b.mp4``): the constructor
    removes the slash, once. `exact` keeps it, for the rare key that begins with one. ``str()`` is
    ``cos://bucket.region/key``.
    """

    __slots__ = ("bucket", "key", "region")

    bucket: str
    region: str
    key: str

    def __init__(self, bucket: str, region: str, key: str) -> None:
        self._set(bucket, region, key.lstrip("/"))

    def _set(self, bucket: str, region: str, key: str) -> None:
        for name, value in (("bucket", bucket), ("region", region), ("key", key)):
            if not value:
                raise ValueError(f"a COS object needs a {name}: {bucket=} {region=} {key=}")
            object.__setattr__(self, name, value)

    @classmethod
    def exact(cls, bucket: str, region: str, key: str) -> CosObject:
        """Return the object of a key as COS has it, which may begin with a slash. Raises ValueError for an empty one."""
        item = cls.__new__(cls)
        item._set(bucket, region, key)
        return item

    @classmethod
    def parse(cls, text: str) -> CosObject:
        """Return the object of a ``cos://bucket.region/key`` text. A second slash behind the region is the key's.

        Raises:
            ValueError: for any other text.
        """
        scheme, _, rest = text.partition("://")
        place, _, key = rest.partition("/")
        bucket, _, region = place.partition(".")
        if scheme != "cos" or not (bucket and region and key):
            raise ValueError(
                f"expected cos://bucket.region/key, e.g. "
                f"cos://media-1250000000.ap-guangzhou/a/b.mp4, not {text!r}"
            )
        return cls.exact(bucket, region, key)

    @classmethod
    def find_in_url(cls, url: str, bucket: str = "", region: str = "") -> CosObject | None:
        """Return the object of a COS URL, or None for any other URL.

        The query is ignored: a signed URL names the same object. Every domain of COS is known (product page
        436/6224), the internal and website ones too.

        Args:
            url: an http or https URL, percent-encoded.
            bucket: a bucket whose region is known: the accelerate and CDN domains name no region.
            region: that region.
        """
        _, host, path = split_url(url)
        host = host.lower().partition(":")[0].rstrip(".")
        match = _host_pattern().fullmatch(host)
        if match is None:
            # The form with the bucket in the path: https://cos.ap-guangzhou.myqcloud.com/bucket-appid/key
            name, _, path = path.removeprefix("/").partition("/")
            match = _host_pattern().fullmatch(f"{name}.{host}")
        if match is None:
            return None
        from urllib.parse import unquote

        key = unquote(path).removeprefix("/")
        found = match["region"]
        if found in (None, "accelerate"):
            found = region if match["bucket"] == bucket else ""
        return cls(match["bucket"], found, key) if found and key.strip("/") else None

    @classmethod
    def from_storage(cls, storage: View | dict[str, Any], path: str) -> CosObject:
        """Return the object at a path of an MPS storage (``TaskOutputStorage``), e.g. of ``output.output_storage``.

        A path that is a URL of COS is that object, wherever the storage is.

        Raises:
            NotInCos: the storage is AWS S3 or VOD or names no bucket, or the path is another URL.
        """
        raw = storage if isinstance(storage, dict) else storage.raw
        found = _cos_object(raw, path)
        if found is None:
            raise NotInCos(_explain(raw, path))
        return found

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a CosObject is immutable: cannot set {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a CosObject is immutable: cannot delete {name}")

    def _parts(self) -> tuple[str, str, str]:
        return self.bucket, self.region, self.key

    def __reduce__(self) -> tuple[Callable[..., CosObject], tuple[str, str, str]]:
        return CosObject.exact, self._parts()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CosObject) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self._parts())

    def __str__(self) -> str:
        return f"cos://{self.bucket}.{self.region}/{self.key}"

    def __repr__(self) -> str:
        return f"CosObject.parse({str(self)!r})"


def split_url(url: str) -> tuple[str, str, str]:
    """Split an http or https URL into scheme, host and path, all ``""`` for any other text.

    User information, query and fragment are dropped: they may hold secrets.
    """
    scheme, separator, rest = url.strip().partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        return "", "", ""
    rest = rest.partition("#")[0].partition("?")[0]
    host, slash, path = rest.partition("/")
    return scheme.lower(), host.rpartition("@")[2], slash + path


@cache
def _host_pattern() -> re.Pattern[str]:
    return re.compile(
        r"(?P<bucket>[a-z0-9][a-z0-9-]*-[0-9]+)"
        r"\.(?:(?:cos|cos-internal|cos-website|pic)\.(?P<region>[a-z0-9-]+)|file)"
        r"\.(?:myqcloud\.com|tencentcos\.cn)"
    )


def find_files(result: Result) -> tuple[CosObject, ...]:
    """Return the COS objects a result produced, without repeats, in the order of its fields."""
    files = [_cos_object(storage, path) for storage, path in _outputs(result)]
    return tuple(dict.fromkeys(file for file in files if file is not None))


def find_unreachable_outputs(result: Result) -> list[NotInCos]:
    """Return an error for each output of a result that is no object in COS: in AWS S3, in VOD, at another URL."""
    paths = {path: storage for storage, path in _outputs(result) if not _cos_object(storage, path)}
    return [NotInCos(_explain(storage, path)) for path, storage in paths.items()]


def find_paths(result: Result) -> tuple[str, ...]:
    """Every output path of a result as it came, without repeats."""
    return tuple(dict.fromkeys(path for _, path in _outputs(result)))


def find_urls(result: Result) -> list[str]:
    """Return the output paths of a result that are URLs, and of no object in COS."""
    outputs = [path for storage, path in _outputs(result) if not _cos_object(storage, path)]
    return list(dict.fromkeys(path for path in outputs if "://" in path))


def find_locations(result: Result) -> Iterator[tuple[str, str]]:
    """(bucket, key) of each output of a result; of one without outputs, of where it was to write.

    The bucket is ``""`` where the event does not tell it.
    """
    outputs = list(_outputs(result))
    if not outputs:
        planned = result._planned()
        if isinstance(planned, dict) and isinstance(planned.get("OutputObjectPath"), str):
            outputs = [(planned.get("OutputStorage"), planned["OutputObjectPath"])]
    for storage, path in outputs:
        item = _cos_object(storage, path)
        yield (
            (item.bucket, item.key)
            if item is not None
            else (_bucket_and_region(storage)[0], path.lstrip("/"))
        )
    for subtask in getattr(result, "subtasks", ()):
        yield from find_locations(subtask)


def _outputs(result: Result) -> Iterator[tuple[Any, str]]:
    for storage_path, file_paths in result._files.items():
        storage = next(find_objects(result._data, storage_path), None)
        for file_path in file_paths:
            parent, _, name = file_path.rpartition(".")
            for holder in find_objects(result._data, parent):
                value = holder.get(name.removesuffix("[]"))
                for path in value if isinstance(value, list) else [value]:
                    if path and isinstance(path, str):
                        yield storage, path


def find_objects(data: dict[str, Any], path: str) -> Iterator[dict[str, Any]]:
    """Return the objects at a dotted path. A step ending in ``[]`` goes through every item of a list."""
    objects = [data]
    for step in path.split("."):
        name = step.removesuffix("[]")
        values = [found.get(name) for found in objects]
        if name != step:
            values = [item for value in values if isinstance(value, list) for item in value]
        objects = [value for value in values if isinstance(value, dict)]
    return iter(objects)


def _bucket_and_region(storage: object) -> tuple[str, str]:
    place = storage.get("CosOutputStorage") if isinstance(storage, dict) else None
    if not isinstance(place, dict):
        return "", ""
    bucket, region = place.get("Bucket"), place.get("Region")
    return (
        bucket if isinstance(bucket, str) else "",
        region if isinstance(region, str) else "",
    )


def _explain(storage: object, path: str) -> str:
    """Return the reason why an output is no object in COS. The query of a URL may hold a secret."""
    kind = storage.get("Type") if isinstance(storage, dict) else None
    if "://" in path:
        return (
            f"{path.partition('?')[0]} is a URL of no COS bucket and region: download it from there"
        )
    if kind not in ("COS", "", None):
        return f"{path} is in {kind}, not in COS: only COS outputs can be read and copied here"
    return (
        f"{path!r} has no COS bucket, region or key: make a CosObject(bucket, region, key) yourself"
    )


def _cos_object(storage: object, path: str) -> CosObject | None:
    bucket, region = _bucket_and_region(storage)
    if "://" in path:
        return CosObject.find_in_url(path, bucket, region)
    return CosObject(bucket, region, path) if bucket and region and path.strip("/") else None
