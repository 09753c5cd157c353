"""The zip that is deployed: where it comes from, and how SCF gets it.

`src` of serverless.yml is done as the serverless client does it: the hook is run, then what is in `dist` is taken. A
`src` without them is built by `packing`, so that nothing but the function gets into its zip. Whatever it is, a zip with
what looks like a secret is not deployed.
"""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scf_mps.cos import Cos, Credentials, Pool

from ..build import BuildError, build
from ..build import BuildOptions as BuildOptions
from ..build.archive import list_files, write_zip
from ..build.imports import find_loaded_files
from ..build.names import check_name
from ..build.secrets import find_secrets
from .desired_state import DesiredState, Layer
from .errors import DeployError
from .exclude import match_exclude
from .plan import ZipDigest

_BUCKET = re.compile(
    r"(?:cos://)?(?P<name>[a-z0-9][a-z0-9-]*)-(?P<appid>[0-9]+)(?:\.(?P<region>[a-z0-9-]+))?"
    r"(?P<prefix>(?:/[^\s?#]*)?)"
)
_STDERR = 2
_LOCAL = ("serverless.yml", "serverless.yaml")


@dataclass(frozen=True)
class Archive:
    """A zip on the desk."""

    path: Path
    sha256: str
    bytes: int

    @property
    def known(self) -> ZipDigest:
        """What a plan knows of it."""
        return ZipDigest(self.sha256, self.bytes)


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


def read_archive(path: Path, entry: str = "", allow_secret: Collection[str] = ()) -> Archive:
    """A zip that is there.

    Args:
        path: the file.
        entry: what must be in its root.
        allow_secret: paths in it that may look like secrets.

    Raises:
        DeployError: if it is no zip, without the entry, or with secrets.
    """
    try:
        with zipfile.ZipFile(path) as opened:
            names = [name for name in opened.namelist() if not name.endswith("/")]
            top = zipfile.Path(opened)
            secrets = [*find_secrets({name: top / name for name in names}, allow_secret)]
        content = path.read_bytes()
    except OSError as error:
        raise DeployError(f"expected a zip at {path}: {error.strerror}") from None
    except (
        zipfile.BadZipFile,
        zlib.error,
        RuntimeError,
    ):  # RuntimeError: encrypted, or compressed otherwise
        raise DeployError(f"{path} is not a zip file that SCF can read") from None
    if entry and entry not in names:
        raise DeployError(
            f"{path}: no {entry} in its root, where `handler` says it is; `scf-mps build` puts it there"
        )
    if secrets:
        raise DeployError(*secrets)
    return Archive(path, hashlib.sha256(content).hexdigest(), len(content))


def make_archive(
    wanted: DesiredState,
    given: Path | None,
    scratch: Path,
    tell: Callable[[str], object],
    allow_secret: Collection[str] = (),
) -> Archive:
    """The function's zip.

    Args:
        wanted: the function.
        given: a zip that is to be deployed as it is.
        scratch: an empty folder.
        tell: is told what is done, if it takes time, and what is left out.
        allow_secret: paths in the zip that may look like secrets.

    Raises:
        DeployError: if it cannot be made.
    """
    entry = f"{wanted.handler.partition('.')[0]}.py"
    if given is not None:
        return read_archive(given, entry, allow_secret)
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
        folder = scratch / "build"
        options = BuildOptions(
            source.folder, folder, path, runtime=wanted.runtime, allow_secret=allow_secret
        )
        try:
            report = build(options)
        except BuildError as failed:
            raise DeployError(*failed.problems) from None
        for warning in report.warnings:
            tell(f"warning: {warning}")
        for omission in report.omissions:
            tell(f"left out: {omission}")
    elif not folder.is_dir():
        raise DeployError(f"expected the function's code in {folder}, and there is no such folder")
    names = list_files(folder)
    excluded = match_exclude(names, source.exclude)
    for pattern, matched in excluded.items():
        if not matched:
            tell(f"warning: inputs.src.exclude: {pattern!r} matches nothing")
    left_out = set().union(*excluded.values())
    if source.dist is None:
        left_out |= {name for name in names if _is_local(name)}
    # Byte code is of no use without its source.
    left_out |= {name for name in names if _source_name(name) in left_out}
    if left_out:
        tops = dict.fromkeys(name.partition("/")[0] for name in sorted(left_out))
        tell(f"{len(left_out)} files are left out, in {', '.join(tops)}")
    problems = [one for name in names if name not in left_out for one in check_name(name)]
    problems += [
        f"{name}: left out, but {importer}:{line} imports it; correct inputs.src.exclude"
        for name, importer, line in find_loaded_files(folder, entry, names)
        if name in left_out
    ]
    if problems:
        raise DeployError(*problems)
    try:
        write_zip(folder, path, [name for name in names if name not in left_out])
    except OSError as error:
        raise DeployError(f"{error.filename}: {error.strerror}") from None
    return read_archive(path, entry, allow_secret)


def _is_local(name: str) -> bool:
    """Return True for a file of the development machine, in a folder that was not made to be deployed."""
    return name in _LOCAL or any(part[0] == "." for part in name.split("/"))


def _source_name(name: str) -> str:
    """Return the source of a file of byte code, or an empty string."""
    folder, found, file = name.rpartition("__pycache__/")
    return f"{folder}{file.partition('.')[0]}.py" if found else ""


def read_layer_archives(
    layers: tuple[Layer, ...] | None, allow_secret: Collection[str] = ()
) -> dict[str, Archive]:
    """Name to zip of the layers that come as one. Raises DeployError."""
    return {
        one.name: read_archive(one.source, "", allow_secret) for one in layers or () if one.source
    }


def send_archive(
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
