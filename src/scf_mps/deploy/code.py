"""The zip to deploy: its source, and how it is sent to SCF.

`src` of serverless.yml is handled as the serverless client does: it runs the hook and packs `dist`. A `src` without
them is built by `scf_mps.build`. No zip is deployed with an apparent secret in it.
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

from scf_mps.build.archive import list_files, write_zip
from scf_mps.build.builder import BuildOptions, build
from scf_mps.build.errors import BuildError, Problem
from scf_mps.build.imports import find_loaded_files
from scf_mps.build.names import check_name
from scf_mps.build.secrets import find_secrets
from scf_mps.cos import Cos, Credentials, Pool

from .desired_state import DesiredState, Layer, Source
from .errors import DeployError
from .exclude import match_exclude
from .plan import ZipDigest

_BUCKET = re.compile(
    r"(?:cos://)?(?P<name>[a-z0-9][a-z0-9-]*)-(?P<appid>[0-9]+)(?:\.(?P<region>[a-z0-9-]+))?"
    r"(?P<prefix>(?:/[^\s?#]*)?)"
)
_DEFAULT_PREFIX = "scf-mps"
_STDERR = 2
_LOCAL_FILES = ("serverless.yml", "serverless.yaml")


@dataclass(frozen=True)
class Archive:
    """A local zip."""

    path: Path
    digest: ZipDigest


@dataclass(frozen=True)
class Bucket:
    """The bucket that zips are sent through: ``name-appid``, its region, and a prefix of keys."""

    name: str
    appid: str
    region: str
    prefix: str

    @classmethod
    def parse(cls, text: str, region: str) -> Bucket:
        """Parse ``code-1250000000``, ``code-1250000000.ap-guangzhou`` or ``cos://…/prefix/``.

        Args:
            text: value of --code-bucket.
            region: default.

        Raises:
            DeployError: ``invalid_option``.
        """
        match = _BUCKET.fullmatch(text)
        if match is None:
            message = f"invalid bucket {text!r}"
            problem = Problem("invalid_option", "--code-bucket", message, "Use BUCKET-APPID.REGION")
            raise DeployError(problem)
        prefix = match["prefix"].strip("/") or _DEFAULT_PREFIX
        return cls(match["name"], match["appid"], match["region"] or region, prefix)


def read_archive(path: Path, entry: str = "", allow_secret: Collection[str] = ()) -> Archive:
    """Check an existing zip.

    Args:
        path: of the zip.
        entry: file that must be in its root. May be empty.
        allow_secret: paths in the zip that are not searched for secrets.

    Raises:
        DeployError: if it is not a zip, or lacks the entry, or contains an apparent secret.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            root = zipfile.Path(archive)
            secrets = [*find_secrets({name: root / name for name in names}, allow_secret)]
        content = path.read_bytes()
    except OSError as error:
        raise DeployError(Problem("unreadable_file", str(path), str(error.strerror))) from None
    except (zipfile.BadZipFile, zlib.error, RuntimeError):  # RuntimeError: encrypted
        problem = Problem("invalid_zip", str(path), "not a zip file that SCF can read")
        raise DeployError(problem) from None
    if entry and entry not in names:
        message = f"{entry} is not in the root of the zip, but `handler` names it"
        problem = Problem("missing_entry", str(path), message, "`scf-mps build` puts it there")
        raise DeployError(problem)
    if secrets:
        raise DeployError(*secrets)
    return Archive(path, ZipDigest(hashlib.sha256(content).hexdigest(), len(content)))


def make_archive(
    desired: DesiredState,
    archive: Path | None,
    scratch: Path,
    report: Callable[[str], object],
    allow_secret: Collection[str] = (),
) -> Archive:
    """Make the zip of a function.

    Args:
        desired: the function.
        archive: an existing zip to deploy instead, or None.
        scratch: an empty folder.
        report: receives a line for each lengthy step, for warnings, and for files that are left out.
        allow_secret: paths in the zip that are not searched for secrets.

    Raises:
        DeployError: if the zip cannot be made.
    """
    entry = f"{desired.handler.partition('.')[0]}.py"
    if archive is not None:
        return read_archive(archive, entry, allow_secret)
    source = desired.source
    if source.hook:
        _run_hook(source, report)
    path = scratch / "function.zip"
    folder = source.dist or source.folder
    if source.dist is None and (source.folder / "handlers").is_dir():
        folder = scratch / "build"
        options = BuildOptions(
            source.folder, folder, path, runtime=desired.runtime, allow_secret=allow_secret
        )
        _build(options, report)
    elif not folder.is_dir():
        raise DeployError(
            Problem("missing_folder", str(folder), "missing folder of the function's code")
        )
    names = list_files(folder)
    left_out = _find_left_out(source, names, report)
    problems = [problem for name in names if name not in left_out for problem in check_name(name)]
    problems += [
        Problem(
            "excluded_import",
            name,
            f"left out, but {importer}:{line} imports it",
            "Change inputs.src.exclude",
        )
        for name, importer, line in find_loaded_files(folder, entry, names)
        if name in left_out
    ]
    if problems:
        raise DeployError(*problems)
    try:
        write_zip(folder, path, [name for name in names if name not in left_out])
    except OSError as error:
        problem = Problem("unreadable_file", str(error.filename), str(error.strerror))
        raise DeployError(problem) from None
    return read_archive(path, entry, allow_secret)


def read_layer_archives(
    layers: tuple[Layer, ...] | None, allow_secret: Collection[str] = ()
) -> dict[str, Archive]:
    """Return the zips of the layers that are deployed from one, by name. Raises DeployError."""
    return {
        layer.name: read_archive(layer.source, "", allow_secret)
        for layer in layers or ()
        if layer.source
    }


def send_archive(
    archive: Archive, bucket: Bucket | None, credentials: Credentials, name: str
) -> Mapping[str, str]:
    """Return ``Code`` or ``Content`` for the API: the zip itself, or its object in COS after an upload.

    Args:
        archive: the zip.
        bucket: to upload it to. None to send it in the request.
        credentials: for the upload.
        name: of the function or layer.

    Raises:
        CosError: if the upload fails.
    """
    if bucket is None:
        return {"ZipFile": base64.b64encode(archive.path.read_bytes()).decode()}
    key = f"{bucket.prefix}/{name}/{archive.digest.sha256}.zip"
    pool = Pool()
    cos = Cos(credentials, buckets=(f"{bucket.name}-{bucket.appid}",), pool=pool)
    url = f"cos://{bucket.name}-{bucket.appid}.{bucket.region}/{key}"
    try:
        if not cos.exists(url):
            cos.upload(archive.path, to=url)
    finally:
        pool.clear()
    return {
        "CosBucketName": bucket.name,
        "CosObjectName": f"/{key}",
        "CosBucketRegion": bucket.region,
    }


def _run_hook(source: Source, report: Callable[[str], object]) -> None:
    """Run the hook as the serverless client does. Its output goes to stderr: stdout is for results."""
    report(f"running the hook: {source.hook}")
    process = subprocess.run(source.hook, shell=True, cwd=source.folder, stdout=_STDERR)
    if process.returncode:
        message = f"{source.hook!r} exited with code {process.returncode}"
        raise DeployError(Problem("hook_failed", "inputs.src.hook", message))


def _build(options: BuildOptions, report: Callable[[str], object]) -> None:
    report("building the function")
    try:
        result = build(options)
    except BuildError as error:
        raise DeployError(*error.problems) from None
    for warning in result.warnings:
        report(f"warning: {warning}")
    for omission in result.omissions:
        report(f"left out: {omission}")


def _find_left_out(
    source: Source, names: Collection[str], report: Callable[[str], object]
) -> set[str]:
    """Return the files that are not deployed: excluded ones, local ones, and bytecode without its source."""
    excluded = match_exclude(names, source.exclude)
    for pattern, matched in excluded.items():
        if not matched:
            report(f"warning: inputs.src.exclude: {pattern!r} matches nothing")
    left_out = set[str]().union(*excluded.values())
    if source.dist is None:
        left_out |= {name for name in names if _is_local(name)}
    left_out |= {name for name in names if _find_source(name) in left_out}
    if left_out:
        tops = dict.fromkeys(name.partition("/")[0] for name in sorted(left_out))
        report(f"left out: {len(left_out)} files, in {', '.join(tops)}")
    return left_out


def _is_local(name: str) -> bool:
    """Return True for a file of the development machine, in a folder that was not made to be deployed."""
    return name in _LOCAL_FILES or any(part[0] == "." for part in name.split("/"))


def _find_source(name: str) -> str:
    """Return the path of the source of a bytecode file, or an empty string."""
    folder, cache, file = name.rpartition("__pycache__/")
    return f"{folder}{file.partition('.')[0]}.py" if cache else ""
