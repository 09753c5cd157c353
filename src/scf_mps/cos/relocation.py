"""References of playlists that are copied or moved: they resolve where the copy is, or the copy is refused."""

from __future__ import annotations

from . import bulk, hls, operations, outputs
from .errors import Conflict, NotFound, group

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..events.files import CosObject
    from .client import Client
    from .copy import CopyTask
    from .outputs import Tree


def rewrite(tree: Tree, targets: Mapping[CosObject, CosObject]) -> dict[CosObject, bytes]:
    """Return the content of each playlist whose copy has to name its files in another way.

    A reference whose copy is not where the copied playlist finds it (``/vod/show/a.ts``, an absolute URL of the
    bucket) becomes relative. Nothing else changes, so the content is the same in every delivery.

    Args:
        tree: playlists and everything they name.
        targets: each object to its copy, all in one bucket.

    Raises:
        NotAPlaylist: no relative URI names a copy.
    """
    contents = {}
    for item, document in tree.documents.items():
        place = targets[item]
        changes = []
        for reference in document.references:
            source = hls.resolve_uri(item, reference.uri)
            copy = targets.get(source) if source is not None else None
            if copy is not None and hls.resolve_uri(place, reference.uri) != copy:
                changes.append((reference, hls.build_relative_uri(place, copy, reference.uri)))
        if changes:
            contents[item] = document.replace(changes).encode("utf-8", "surrogateescape")
    return contents


def check_move(client: Client, pairs: Sequence[CopyTask]) -> None:
    """Check that playlists and WebVTTs find their files after a move, which keeps their bytes.

    Objects that are no playlists in spite of their names, or cannot be read, are left to the move.

    Raises:
        SomeFailed: with a `Conflict` for each playlist that would name files that are not there.
    """
    targets = {pair.source: pair.target for pair in pairs}

    def check(pair: CopyTask) -> None:
        document = outputs.read_if_document(client, pair.source)
        for reference in document.references if document is not None else ():
            if reference.required and not _resolves(client, pair, reference.uri, targets):
                raise Conflict(
                    f"it names {reference.uri[:200]!r}, which it would not find as {pair.target}: move "
                    "cos.files(…) together, or publish and delete, which rewrites it",
                    code="BrokenReference",
                    object=pair.source,
                )

    _, errors = bulk.run(client, pairs, check)
    if errors:
        raise group(errors, 0, len(pairs), "move: nothing is moved")


def _resolves(
    client: Client, pair: CopyTask, uri: str, targets: Mapping[CosObject, CosObject]
) -> bool:
    before, after = hls.resolve_uri(pair.source, uri), hls.resolve_uri(pair.target, uri)
    if before is None or after is None or after == before:
        return before not in targets
    if before in targets:
        return after == targets[before]
    try:
        operations.head(client, after)
    except NotFound:
        return False
    return True
