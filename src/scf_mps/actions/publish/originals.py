"""Removal of the source videos of a task after everything made from them is published.

Sources stay unless the whole task succeeded. Published files and MPS's outputs are never touched.
"""

from __future__ import annotations

from contextlib import suppress

from ...cos import Cos, CosObject, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from ...events.base import Event

DELETE = "delete"


def has_succeeded(event: Event) -> bool:
    """Return True if a task and all its results succeeded.

    False for a task that the resubmit action submitted: its event covers only a part of the first task.
    """
    from ..resubmit import count_resubmissions

    results = (event, *event.subtasks)
    return all(result.verb == "on" for result in results) and not count_resubmissions(
        event.session_id
    )


def find_retirable(event: Event, published: Collection[CosObject], cos: Cos) -> list[CosObject]:
    """Return the sources that are neither outputs, nor playlists, nor below a folder that was published to.

    The segments of a playlist are no sources of the event and would stay without it.

    Raises:
        CosError: the first bytes of a possible playlist cannot be read.
    """
    from ...cos.outputs import is_playlist

    def is_single_file(source: CosObject) -> bool:
        try:
            return not is_playlist(cos._client, source)
        except NotFound:
            return True

    folders = {(copy.bucket, copy.key[: copy.key.rfind("/") + 1]) for copy in published}
    outputs = {*event.files, *published}
    return [
        source
        for source in event.sources
        if source not in outputs
        and not any(
            source.bucket == bucket and source.key.startswith(folder) for bucket, folder in folders
        )
        and is_single_file(source)
    ]


def find_replaced(event: Event, sources: list[CosObject], cos: Cos) -> list[CosObject]:
    """Return the sources whose size differs from ``MetaData.Size``: they were uploaded again under the same key.

    Raises:
        CosError: as for `Cos.head`.
    """
    metadata = event._data.get("MetaData")
    size = metadata.get("Size") if isinstance(metadata, dict) else None
    if type(size) is not int or len(event.sources) != 1:
        return []
    replaced = []
    for source in sources:
        with suppress(NotFound):
            if cos.head(source).size != size:
                replaced.append(source)
    return replaced


def retire(sources: list[CosObject], cos: Cos, action: str) -> None:
    """Delete objects, or change their storage class to `action`. Missing objects count as done.

    Raises:
        SomeFailed: with the error of each failed deletion.
        CosError: a storage class cannot be changed.
    """
    if action == DELETE:
        cos.delete(sources)
        return
    for source in sources:
        with suppress(NotFound):
            cos.set_storage_class(source, action)
