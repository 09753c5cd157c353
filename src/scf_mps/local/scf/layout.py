"""Lays out what a function finds on its disk: code and layer, read-only, and the runtime that loads it."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import scf_mps

from . import bootstrap

_FOR_THE_DESK = shutil.ignore_patterns("__pycache__", "cli", "deploy", "local", "callbacks.py")
_HIDDEN = shutil.ignore_patterns(".*")
_INDEX = "from handlers import main_handler as main_handler\n"


@dataclass(frozen=True)
class Places:
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


def lay_out(scratch: Path, source: str | Path, layer: str | Path | None, entry_file: str) -> Places:
    """Put code and layer into a scratch folder.

    A folder without the entry file, but with a package `handlers`, is a checkout: it is laid out as the build does.

    Raises:
        ValueError: if the source or the layer is neither a folder nor a zip.
    """
    places = Places(
        scratch / "user",
        scratch / "opt",
        scratch / "runtime" / "bootstrap.py",
        scratch / "instances",
    )
    source = Path(source)
    is_checkout = (source / "handlers" / "__init__.py").is_file()
    if is_checkout and not (source / entry_file).is_file():
        places.code.mkdir()
        shutil.copytree(source / "handlers", places.code / "handlers", ignore=_FOR_THE_DESK)
        package = Path(scf_mps.__file__).parent
        shutil.copytree(package, places.code / "scf_mps", ignore=_FOR_THE_DESK)
        (places.code / entry_file).write_text(_INDEX)
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


def _unpack(source: Path, folder: Path) -> None:
    """Copy a folder as it is, hidden files and folders aside, or unpack a zip."""
    if source.is_dir():
        shutil.copytree(source, folder, ignore=_HIDDEN)
    elif source.is_file() and zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            archive.extractall(folder)
    else:
        raise ValueError(f"expected a folder or a zip at {source}")
