"""COS objects, and the output files of a result.

The fields of an output that hold paths and storages are generated from the SDK with each class (`Result._files`).
The COS helpers expand a playlist into its segments.
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

    The constructor removes leading slashes: MPS's path ``/a/b.mp4`` is the key ``a/b.mp4``. `exact` keeps them, for
    the rare key that begins with one. ``str()`` is ``cos://bucket.region/key``.
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
                raise ValueError(f"invalid COS object: missing {name} ({bucket=} {region=} {key=})")
            object.__setattr__(self, name, value)

    @property
    def sdk(self) -> dict[str, str]:
        """The keyword arguments ``Bucket`` and ``Key`` of the official client: ``head_object(**file.sdk)``."""
        return {"Bucket": self.bucket, "Key": self.key}

    @classmethod
    def exact(cls, bucket: str, region: str, key: str) -> CosObject:
        """Return the object of an exact key, which may begin with a slash.

        Raises:
            ValueError: bucket, region or key is empty.
        """
        item = cls.__new__(cls)
        item._set(bucket, region, key)
        return item

    @classmethod
    def parse(cls, text: str) -> CosObject:
        """Return the object of a ``cos://bucket.region/key`` text. A second slash after the region belongs to the key.

        Raises:
            ValueError: the text has another form.
        """
        scheme, _, address = text.partition("://")
        host, _, key = address.partition("/")
        bucket, _, region = host.partition(".")
        if scheme != "cos" or not (bucket and region and key):
            raise ValueError(
                f"invalid COS object {text!r}. Use cos://bucket.region/key, e.g. "
                f"cos://media-1250000000.ap-guangzhou/a/b.mp4"
            )
        return cls.exact(bucket, region, key)

    @classmethod
    def find_in_url(cls, url: str, bucket: str = "", region: str = "") -> CosObject | None:
        """Return the object of a COS URL, or None for any other URL.

        The query is ignored: a signed URL is of the same object. Every domain of COS is supported, including the
        internal and website ones (product page 436/6224).

        Args:
            url: an http or https URL, percent-encoded.
            bucket: a bucket with a known region, as accelerate and CDN domains contain none.
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

        key = unquote(path)
        url_region = match["region"]
        if url_region in (None, "accelerate"):
            url_region = region if match["bucket"] == bucket else ""
        return cls(match["bucket"], url_region, key) if url_region and key.strip("/") else None

    @classmethod
    def from_storage(cls, storage: View | dict[str, Any], path: str) -> CosObject:
        """Return the object at a path of an MPS storage (``TaskOutputStorage``), e.g. ``output.output_storage``.

        A path that is a URL of COS is that object, regardless of the storage.

        Raises:
            NotInCos: the storage is AWS S3 or VOD or has no bucket, or the path is another URL.
        """
        raw = storage if isinstance(storage, dict) else storage.raw
        item = _create_object(raw, path)
        if item is None:
            raise NotInCos(_explain_unreachable(raw, path))
        return item

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"cannot set {name} of an immutable CosObject")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"cannot delete {name} of an immutable CosObject")

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
    """Split an http or https URL into scheme, host and path. Return empty texts for any other text.

    User information, query and fragment are dropped: they may contain secrets.
    """
    scheme, separator, address = url.strip().partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        return "", "", ""
    address = address.partition("#")[0].partition("?")[0]
    host, slash, path = address.partition("/")
    return scheme.lower(), host.rpartition("@")[2], slash + path


@cache
def _host_pattern() -> re.Pattern[str]:
    return re.compile(
        r"(?P<bucket>[a-z0-9][a-z0-9-]*-[0-9]+)"
        r"\.(?:(?:cos|cos-internal|cos-website|pic)\.(?P<region>[a-z0-9-]+)|file)"
        r"\.(?:myqcloud\.com|tencentcos\.cn)"
    )


def find_files(result: Result) -> tuple[CosObject, ...]:
    """Return the COS objects that a result produced, without repeats, in the order of its fields."""
    files = [_create_object(storage, path) for storage, path in _find_outputs(result)]
    return tuple(dict.fromkeys(file for file in files if file is not None))


def find_unreachable_outputs(result: Result) -> list[NotInCos]:
    """Return an error for each output of a result outside COS: in AWS S3, in VOD or at another URL."""
    outputs = dict(_find_unreachable(result))
    return [NotInCos(_explain_unreachable(storage, path)) for path, storage in outputs.items()]


def find_paths(result: Result) -> tuple[str, ...]:
    """Return every output path of a result as MPS sent it, without repeats."""
    return tuple(dict.fromkeys(path for _, path in _find_outputs(result)))


def find_urls(result: Result) -> list[str]:
    """Return the output paths of a result that are URLs of no COS object."""
    return list(dict.fromkeys(path for path, _ in _find_unreachable(result) if "://" in path))


def find_locations(result: Result) -> Iterator[tuple[str, str]]:
    """Yield (bucket, key) of each output of a result, or of its planned location if there are no outputs.

    The bucket is ``""`` if the event does not contain it.
    """
    outputs = list(_find_outputs(result))
    if not outputs:
        task_input = result._get_input()
        if isinstance(task_input, dict) and isinstance(task_input.get("OutputObjectPath"), str):
            outputs = [(task_input.get("OutputStorage"), task_input["OutputObjectPath"])]
    for storage, path in outputs:
        item = _create_object(storage, path)
        if item is not None:
            yield item.bucket, item.key
        else:
            yield _read_bucket(storage)[0], path.lstrip("/")
    for subtask in getattr(result, "subtasks", ()):
        yield from find_locations(subtask)


def _find_outputs(result: Result) -> Iterator[tuple[Any, str]]:
    """Yield (storage, path) of each output file."""
    for storage_path, file_paths in result._files.items():
        storage = next(find_objects(result._data, storage_path), None)
        for file_path in file_paths:
            parent, _, name = file_path.rpartition(".")
            for holder in find_objects(result._data, parent):
                value = holder.get(name.removesuffix("[]"))
                for path in value if isinstance(value, list) else [value]:
                    if path and isinstance(path, str):
                        yield storage, path


def _find_unreachable(result: Result) -> Iterator[tuple[str, Any]]:
    """Yield (path, storage) of each output file outside COS."""
    for storage, path in _find_outputs(result):
        if _create_object(storage, path) is None:
            yield path, storage


def find_objects(data: dict[str, Any], path: str) -> Iterator[dict[str, Any]]:
    """Return the objects at a dotted path. A step that ends in ``[]`` selects every item of a list."""
    objects = [data]
    for step in path.split("."):
        name = step.removesuffix("[]")
        values = [parent.get(name) for parent in objects]
        if name != step:
            values = [item for value in values if isinstance(value, list) for item in value]
        objects = [value for value in values if isinstance(value, dict)]
    return iter(objects)


def _read_bucket(storage: object) -> tuple[str, str]:
    """Return bucket and region of a storage, ``""`` for each that is missing."""
    location = storage.get("CosOutputStorage") if isinstance(storage, dict) else None
    if not isinstance(location, dict):
        return "", ""
    bucket, region = location.get("Bucket"), location.get("Region")
    return (bucket if isinstance(bucket, str) else "", region if isinstance(region, str) else "")


def _explain_unreachable(storage: object, path: str) -> str:
    """Return the reason why an output is no COS object, without the query of a URL: it may contain a secret."""
    kind = storage.get("Type") if isinstance(storage, dict) else None
    if "://" in path:
        return f"{path.partition('?')[0]} is not the URL of a COS object. Download it from there"
    if kind not in ("COS", "", None):
        return f"{path} is in {kind}, not in COS. Only COS outputs can be read and copied"
    return f"{path!r} has no COS bucket, region or key. Create a CosObject(bucket, region, key)"


def _create_object(storage: object, path: str) -> CosObject | None:
    bucket, region = _read_bucket(storage)
    if "://" in path:
        return CosObject.find_in_url(path, bucket, region)
    return CosObject(bucket, region, path) if bucket and region and path.strip("/") else None
