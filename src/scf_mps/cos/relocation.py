"""References of playlists that are copied or moved, rewritten or checked so that they resolve at the copy."""

from __future__ import annotations

from . import bulk, hls, operations, outputs
from .errors import Conflict, group_errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..events.files import CosObject
    from .client import Client
    from .copy import CopyTask
    from .outputs import Tree


def rewrite_playlists(tree: Tree, targets: Mapping[CosObject, CosObject]) -> dict[CosObject, bytes]:
    """Return the content of each playlist whose references must change in the copy.

    A reference that would not lead to the copy of its file (``/vod/show/a.ts``, an absolute URL of the bucket) becomes
    relative. Nothing else changes, so the content is the same in every delivery.

    Raises:
        NotAPlaylist: no relative URI names a copy.
    """
    contents = {}
    for item, document in tree.documents.items():
        target = targets[item]
        changes = []
        for reference in document.references:
            source = hls.resolve_uri(item, reference.uri)
            copy = targets.get(source) if source is not None else None
            if copy is not None and hls.resolve_uri(target, reference.uri) != copy:
                uri = hls.build_relative_uri(target, copy, reference.uri)
                changes.append((reference, uri))
        if changes:
            contents[item] = document.replace(changes).encode("utf-8", "surrogateescape")
    return contents


def check_move(client: Client, tasks: Sequence[CopyTask]) -> None:
    """Check that playlists and WebVTTs find their files after a move, which keeps their bytes.

    Objects that are not playlists despite their names, or cannot be read, are left to the move.

    Raises:
        SomeFailed: with a `Conflict` for each playlist that would name missing files.
    """
    targets = {task.source: task.target for task in tasks}

    def check(task: CopyTask) -> None:
        document = outputs.read_if_document(client, task.source)
        for reference in document.references if document is not None else ():
            if reference.required and not _resolves(client, task, reference.uri, targets):
                raise Conflict(
                    f"its reference {reference.uri[:200]!r} would not resolve as {task.target}. Move "
                    "cos.files(…) together, or publish and delete, which rewrites it",
                    code="BrokenReference",
                    object=task.source,
                )

    _, errors = bulk.try_each(client, tasks, check)
    if errors:
        raise group_errors(errors, 0, len(tasks), "move (nothing is moved)")


def _resolves(
    client: Client, task: CopyTask, uri: str, targets: Mapping[CosObject, CosObject]
) -> bool:
    before, after = hls.resolve_uri(task.source, uri), hls.resolve_uri(task.target, uri)
    if before is None or after is None or after == before:
        return before not in targets
    if before in targets:
        return after == targets[before]
    return operations.exists(client, after)
