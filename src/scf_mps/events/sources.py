"""Input files of a task, from each ``InputInfo``: in COS, at a URL, in AWS S3 or in VOD."""

from __future__ import annotations

from .files import CosObject, find_objects, split_url

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_INPUT_PATHS = ("InputInfo", "InputInfos[]", "Input.FileInfoSet[].InputInfo")


class Source:
    """An input file of a task. ``str()`` is its address, without a query that may contain a signature.

    Attributes:
        kind: ``Type`` of the ``InputInfo``: ``COS``, ``URL``, ``AWS-S3`` or ``VOD``.
        address: ``cos://bucket.region/key``, ``https://host/path``, ``s3://bucket/key`` or ``vod://file``.
        path: the key, the decoded path of a URL, or the file ID of VOD, without a leading slash.
        object: the COS object, also for a URL of COS, or None.
    """

    __slots__ = ("address", "kind", "object", "path")

    def __init__(self, kind: str, address: str, path: str, object: CosObject | None) -> None:
        self.kind = kind
        self.address = address
        self.path = path.lstrip("/")
        self.object = object

    @property
    def directory(self) -> str:
        """The folder of the path, e.g. ``videos/2026``, or ``""``."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The last part of the path, e.g. ``demo.mp4``."""
        return self.path.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The name without its suffix, e.g. ``demo``."""
        stem, dot, _ = self.name.rpartition(".")
        return stem if dot and stem.strip(".") else self.name

    def __str__(self) -> str:
        return self.address

    def __repr__(self) -> str:
        return f"<Source {self.address}>"


def find_sources(payload: dict[str, Any]) -> tuple[Source, ...]:
    """Return the inputs in the payload of an event, in order, without repeats."""
    sources: dict[str, Source] = {}
    for path in _INPUT_PATHS:
        for info in find_objects(payload, path):
            source = _parse_input(info)
            if source is not None:
                sources.setdefault(f"{source.kind} {source.address}", source)
    return tuple(sources.values())


def _parse_input(info: dict[str, Any]) -> Source | None:
    """Return the source of an ``InputInfo``, by its ``Type``, else by the first field with an address."""
    kind = info.get("Type")
    for name in sorted(_READERS, key=lambda name: name != kind):
        source = _READERS[name](info)
        if source is not None:
            return source
    return None


def _read_cos(info: dict[str, Any]) -> Source | None:
    bucket, region, key = _read_texts(info, "CosInputInfo", "Bucket", "Region", "Object")
    if "://" in key:
        item = CosObject.find_in_url(key, bucket, region)
    else:
        item = CosObject(bucket, region, key) if bucket and region and key.strip("/") else None
    return Source("COS", str(item), item.key, item) if item else None


def _read_url(info: dict[str, Any]) -> Source | None:
    (url,) = _read_texts(info, "UrlInputInfo", "Url")
    scheme, host, path = split_url(url)
    if not host:
        return None
    from urllib.parse import unquote

    return Source("URL", f"{scheme}://{host}{path}", unquote(path), CosObject.find_in_url(url))


def _read_s3(info: dict[str, Any]) -> Source | None:
    bucket, key = _read_texts(info, "S3InputInfo", "S3Bucket", "S3Object")
    if not key.strip("/"):
        return None
    key = key.lstrip("/")
    return Source("AWS-S3", f"s3://{bucket}/{key}", key, None)


def _read_vod(info: dict[str, Any]) -> Source | None:
    key, file_id = _read_texts(info, "VODInputInfo", "Object", "FileId")
    path = key.strip("/") or file_id
    return Source("VOD", f"vod://{path}", path, None) if path else None


_READERS: dict[str, Callable[[dict[str, Any]], Source | None]] = {
    "COS": _read_cos,
    "URL": _read_url,
    "AWS-S3": _read_s3,
    "VOD": _read_vod,
}


def _read_texts(info: dict[str, Any], field: str, *names: str) -> list[str]:
    holder = info.get(field)
    values = [holder.get(name) if isinstance(holder, dict) else "" for name in names]
    return [value if isinstance(value, str) else "" for value in values]
