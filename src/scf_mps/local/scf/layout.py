"""Files of a function: code and layer, read-only, and the runtime that loads it."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

from . import bootstrap

_HIDDEN = shutil.ignore_patterns(".*")


@dataclass(frozen=True)
class FunctionPaths:
    """Paths below the emulator's scratch folder.

    Attributes:
        code: SCF's ``/var/user``.
        opt: SCF's ``/opt``, for the layer.
        bootstrap: the runtime's file, alone in its folder, because that folder comes first in `sys.path`.
        instances: the writable folders of the instances.
    """

    code: Path
    opt: Path
    bootstrap: Path
    instances: Path


def create_layout(
    scratch: Path, source: str | Path, layer: str | Path | None, entry_file: str
) -> FunctionPaths:
    """Copy code and layer into a scratch folder.

    A folder without the entry file, but with a package `handlers`, is a checkout, which is built first.

    Raises:
        ValueError: if the source or the layer is neither a folder nor a zip, or if the build fails.
    """
    paths = FunctionPaths(
        scratch / "user",
        scratch / "opt",
        scratch / "runtime" / "bootstrap.py",
        scratch / "instances",
    )
    source = Path(source)
    is_checkout = (source / "handlers" / "__init__.py").is_file()
    if is_checkout and not (source / entry_file).is_file():
        _build(source, paths.code, entry_file)
    else:
        _unpack(source, paths.code)
    if layer is None:
        paths.opt.mkdir()
    else:
        _unpack(Path(layer), paths.opt)
    paths.bootstrap.parent.mkdir()
    shutil.copyfile(bootstrap.__file__, paths.bootstrap)
    paths.instances.mkdir()
    for top in (paths.code, paths.opt, paths.bootstrap.parent):
        for path in (top, *top.rglob("*")):
            path.chmod(path.stat().st_mode & 0o555)
    return paths


def _build(project: Path, folder: Path, entry_file: str) -> None:
    """Copy the files that the build deploys of a project and of the package."""
    # Imported here because a zip or a folder of code does not need the build.
    from scf_mps.build.contents import INDEX, list_package_files, list_project_files
    from scf_mps.build.errors import BuildError

    try:
        files = list_package_files() | list_project_files(project)
    except BuildError as error:
        raise ValueError(str(error)) from None
    for name, path in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / name)
    (folder / entry_file).write_text(INDEX)


def _unpack(source: Path, folder: Path) -> None:
    """Unpack a zip, or copy a folder without hidden files and folders."""
    if source.is_dir():
        shutil.copytree(source, folder, ignore=_HIDDEN)
    elif source.is_file() and zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            archive.extractall(folder)
    else:
        raise ValueError(f"{source} is neither a folder nor a zip")
