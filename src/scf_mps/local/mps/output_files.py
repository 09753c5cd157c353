"""Files of a subtask on their way into COS: their keys, and playlists that name the keys."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from scf_mps.cos.hls import build_relative_uri, parse_document
from scf_mps.cos.metadata import guess_content_type
from scf_mps.events.files import CosObject

from . import paths
from .model import Location, Subtask

if TYPE_CHECKING:
    from scf_mps.cos import Cos
    from scf_mps.local.engine import JobResult, MediaFile

    Targets = dict[Path, CosObject]
    """The object of each file."""

_TEXTS = (".m3u8", ".vtt")


def upload_files(
    cos: Cos, subtask: Subtask, result: JobResult, check: Callable[[], None]
) -> tuple[JobResult, list[tuple[str, Location, int]]]:
    """Upload the files of a subtask in their order, in which playlists follow what they name.

    Args:
        cos: the client.
        subtask: has the storage and the names.
        result: of the subtask's job.
        check: called before each file. May raise.

    Returns:
        The result with ``Size`` and ``Md5`` as stored, and (role, location, bytes) of each file.

    Raises:
        CosError: COS refused an upload.
    """
    storage = subtask.storage
    targets = {
        file.path: CosObject.exact(storage.bucket, storage.region, _render_key(subtask, file))
        for file in result.files
    }
    stored: list[tuple[str, Location, int]] = []
    for file in result.files:
        check()
        target = targets[file.path]
        if file.path.suffix in _TEXTS:
            result = _rewrite(file, targets, result)
        cos.upload(file.path, target, content_type=guess_content_type(file.path.name))
        place = Location(target.bucket, target.region, target.key)
        stored.append((file.role, place, file.path.stat().st_size))
    return result, stored


def _render_key(subtask: Subtask, file: MediaFile) -> str:
    """Return the object key of a file of a subtask."""
    names = subtask.names
    assert names is not None
    template = names.main
    if file.role in ("segment", "init"):
        template = names.segment
    elif file.role == "playlist" and file.stream is not None:
        template = names.stream
    elif file.role == "vtt":
        template = names.vtt
    number = "init" if file.role == "init" else file.number
    return paths.render(
        template, number=number, stream=file.stream or 0, number_format=names.number_format
    )


def _rewrite(file: MediaFile, targets: Targets, result: JobResult) -> JobResult:
    """Replace the names in a playlist or WebVTT file by those in COS. Return the result, measured again."""
    document = parse_document(file.path.read_text("utf-8"))
    changes = []
    for reference in document.references:
        target = targets[file.path.parent / unquote(reference.uri.partition("#")[0])]
        changes.append((reference, build_relative_uri(targets[file.path], target, reference.uri)))
    content = document.replace(changes).encode()
    file.path.write_bytes(content)
    if result.metadata is None or file.stream is not None:
        return result
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return replace(result, metadata={**result.metadata, "Size": len(content), "Md5": digest})
