"""The zip that is deployed: where it comes from, and how SCF gets it.

`src` of serverless.yml is done as the serverless client does it: the hook is run, then what is in `dist` is taken. A
`src` without them is built by `packing`, so that nothing but the function gets into its zip.
"""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scf_mps.cos import Cos, Credentials, Pool

from .errors import DeployError
from .packing import BuildFailed, build
from .packing import Options as BuildOptions
from .packing.archive import write_zip
from .plan import Zip
from .wanted import Layer, Wanted

_BUCKET = re.compile(
    r"(?:cos://)?(?P<name>[a-z0-9][a-z0-9-]*)-(?P<appid>[0-9]+)(?:\.(?P<region>[a-z0-9-]+))?"
    r"(?P<prefix>(?:/[^\s?#]*)?)"
)
_STDERR = 2


@dataclass(frozen=True)
class Archive:
    """A zip on the desk."""

    path: Path
    sha256: str
    bytes: int

    @property
    def known(self) -> Zip:
        """What a plan knows of it."""
        return Zip(self.sha256, self.bytes)


@dataclass(frozen=True)
class Bucket:
    """Where zips are put for SCF: ``name-appid``, its region, and a prefix of keys."""

    name: str
    appid: str
    region: str
    prefix: str

    @classmethod
    def parsed(cls, text: str, region: str) -> Bucket:
        """A bucket as ``code-1250000000``, ``code-1250000000.ap-guangzhou`` or ``cos://…/prefix/``.

        Raises:
            DeployError: for another form.
        """
        found = _BUCKET.fullmatch(text)
        if found is None:
            raise DeployError(f"expected --code-bucket BUCKET-APPID.REGION, not {text!r}")
        prefix = found["prefix"].strip("/") or "scf-mps"
        return cls(found["name"], found["appid"], found["region"] or region, prefix)


def archive_of(path: Path, entry: str = "") -> Archive:
    """A zip that is there.

    Args:
        path: the file.
        entry: what must be in its root.

    Raises:
        DeployError: if it is no zip, or without the entry.
    """
    try:
        with zipfile.ZipFile(path) as opened:
            names = opened.namelist()
        content = path.read_bytes()
    except OSError as error:
        raise DeployError(f"expected a zip at {path}: {error.strerror}") from None
    except zipfile.BadZipFile:
        raise DeployError(f"expected a zip at {path}, and it is none") from None
    if entry and entry not in names:
        raise DeployError(
            f"{path}: no {entry} in its root, where `handler` says it is; `scf-mps build` puts it there"
        )
    return Archive(path, hashlib.sha256(content).hexdigest(), len(content))


def make(
    wanted: Wanted, given: Path | None, scratch: Path, tell: Callable[[str], object]
) -> Archive:
    """The function's zip.

    Args:
        wanted: the function.
        given: a zip that is to be deployed as it is.
        scratch: an empty folder.
        tell: is told what is done, if it takes time.

    Raises:
        DeployError: if it cannot be made.
    """
    entry = f"{wanted.handler.partition('.')[0]}.py"
    if given is not None:
        return archive_of(given, entry)
    source = wanted.source
    if source.hook:
        tell(f"running the hook: {source.hook}")
        # As the serverless client does; what it prints is no answer of ours, and goes to stderr.
        ended = subprocess.run(source.hook, shell=True, cwd=source.folder, stdout=_STDERR)
        if ended.returncode:
            raise DeployError(f"the hook {source.hook!r} ended with exit code {ended.returncode}")
    path = scratch / "function.zip"
    folder = source.dist or source.folder
    if source.dist is None and (source.folder / "handlers").is_dir():
        tell("building the function")
        options = BuildOptions(source.folder, scratch / "build", path, runtime=wanted.runtime)
        try:
            build(options)
        except BuildFailed as failed:
            raise DeployError(*failed.problems) from None
    elif folder.is_dir():
        write_zip(folder, path)
    else:
        raise DeployError(f"expected the function's code in {folder}, and there is no such folder")
    return archive_of(path, entry)


def layer_archives(layers: tuple[Layer, ...] | None) -> dict[str, Archive]:
    """Name to zip of the layers that come as one. Raises DeployError."""
    return {one.name: archive_of(one.source) for one in layers or () if one.source}


def content(
    archive: Archive, bucket: Bucket | None, credentials: Credentials, name: str
) -> Mapping[str, Any]:
    """``Code`` or ``Content`` for the API: the zip itself, or where it was put in COS.

    Raises:
        CosError: if COS does not take it.
    """
    if bucket is None:
        return {"ZipFile": base64.b64encode(archive.path.read_bytes()).decode()}
    key = f"{bucket.prefix}/{name}/{archive.sha256}.zip"
    pool = Pool()
    cos = Cos(credentials, buckets=(f"{bucket.name}-{bucket.appid}",), pool=pool)
    address = f"cos://{bucket.name}-{bucket.appid}.{bucket.region}/{key}"
    try:
        if not cos.exists(address):
            cos.upload(archive.path, to=address)
    finally:
        pool.clear()
    return {
        "CosBucketName": bucket.name,
        "CosObjectName": f"/{key}",
        "CosBucketRegion": bucket.region,
    }
