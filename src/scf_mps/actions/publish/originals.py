"""What becomes of the videos that a task was made from, when all that was made of them is published.

Nothing is touched unless the whole task went well, and never what was just published, or MPS's own outputs.
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
    """Whether a task succeeded and every result of it did.

    One that `resubmit.py` submitted never did: it is a part of another, of which its event does not tell the rest.
    """
    from ..resubmit import count_resubmissions

    every = (event, *event.subtasks)
    return all(one.verb == "on" for one in every) and not count_resubmissions(event.session_id)


def find_retirable(event: Event, published: Collection[CosObject], cos: Cos) -> list[CosObject]:
    """The sources of an event that are neither outputs nor below a folder that was published to.

    Nor playlists: their segments are no sources of the event, and would be left without them.

    Raises:
        CosError: the first bytes of a source that may be a playlist cannot be read.
    """
    from ...cos.outputs import is_playlist

    def is_single(source: CosObject) -> bool:
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
        and is_single(source)
    ]


def find_replaced(event: Event, sources: list[CosObject], cos: Cos) -> list[CosObject]:
    """The sources that are other files by now, as ``MetaData.Size`` tells: uploaded again under the same key.

    Raises:
        CosError: as `Cos.head`.
    """
    told = event._data.get("MetaData")
    size = told.get("Size") if isinstance(told, dict) else None
    if type(size) is not int or len(event.sources) != 1:
        return []
    found = []
    for source in sources:
        with suppress(NotFound):
            if cos.head(source).size != size:
                found.append(source)
    return found


def retire(sources: list[CosObject], cos: Cos, what: str) -> None:
    """Delete objects, or put them into a storage class; those that are gone are done.

    Raises:
        SomeFailed: with the error of each that failed.
        CosError: the one that failed.
    """
    if what == DELETE:
        cos.delete(sources)
        return
    for source in sources:
        with suppress(NotFound):
            cos.set_storage_class(source, what)
