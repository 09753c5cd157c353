"""Lays out what a function finds on its disk: code and layer, read-only, and the runtime that loads it."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

from . import bootstrap

_HIDDEN = shutil.ignore_patterns(".*")


@dataclass(frozen=True)
class FunctionPaths:
    """Where things are below the emulator's scratch folder.

    Attributes:
        code: SCF's ``/var/user``.
        opt: SCF's ``/opt``, for the layer.
        bootstrap: the runtime's file, in a folder of its own, since that folder comes first in `sys.path`.
        instances: what the instances may write to, a folder each.
    """

    code: Path
    opt: Path
    bootstrap: Path
    instances: Path


def create_layout(
    scratch: Path, source: str | Path, layer: str | Path | None, entry_file: str
) -> FunctionPaths:
    """Put code and layer into a scratch folder.

    A folder without the entry file, but with a package `handlers`, is a checkout: it is laid out as the build does.

    Raises:
        ValueError: if the source or the layer is neither a folder nor a zip, or if a checkout could not be built.
    """
    places = FunctionPaths(
        scratch / "user",
        scratch / "opt",
        scratch / "runtime" / "bootstrap.py",
        scratch / "instances",
    )
    source = Path(source)
    is_checkout = (source / "handlers" / "__init__.py").is_file()
    if is_checkout and not (source / entry_file).is_file():
        _build(source, places.code, entry_file)
    else:
        _unpack(source, places.code)
    if layer is None:
        places.opt.mkdir()
    else:
        _unpack(Path(layer), places.opt)
    places.bootstrap.parent.mkdir()
    shutil.copyfile(bootstrap.__file__, places.bootstrap)
    places.instances.mkdir()
    for top in (places.code, places.opt, places.bootstrap.parent):
        for path in (top, *top.rglob("*")):
            path.chmod(path.stat().st_mode & 0o555)
    return places


def _build(project: Path, folder: Path, entry_file: str) -> None:
    """Copy what the build deploys of a project and of the package."""
    # A zip or a folder of code needs none of it.
    from scf_mps.build.contents import INDEX, list_package_files, list_project_files
    from scf_mps.build.errors import BuildError

    try:
        files = list_package_files() | list_project_files(project)
    except BuildError as failed:
        raise ValueError(str(failed)) from None
    for name, path in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / name)
    (folder / entry_file).write_text(INDEX)


def _unpack(source: Path, folder: Path) -> None:
    """Copy a folder as it is, hidden files and folders aside, or unpack a zip."""
    if source.is_dir():
        shutil.copytree(source, folder, ignore=_HIDDEN)
    elif source.is_file() and zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            archive.extractall(folder)
    else:
        raise ValueError(f"expected a folder or a zip at {source}")
