"""The part of `Cos` that changes what is stored with objects, and nothing of their bytes."""

from __future__ import annotations

from typing import overload

from . import copy, operations
from .base import Base
from .metadata import ObjectSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..events.files import CosObject
    from .locations import ManyObjects, OneObject
    from .metadata import Head

    Meta = Mapping[str, str | int | None]


class Changing(Base):
    """See `Cos`."""

    @overload
    def set_metadata(
        self,
        objects: OneObject,
        metadata: Meta | None = None,
        *,
        content_type: str | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
    ) -> Head: ...
    @overload
    def set_metadata(
        self,
        objects: ManyObjects,
        metadata: Meta | None = None,
        *,
        content_type: str | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
    ) -> list[Head]: ...
    def set_metadata(
        self,
        objects: Any,
        metadata: Meta | None = None,
        *,
        content_type: str | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
    ) -> Any:
        """Change ``x-cos-meta-*`` and headers of objects; all others, class, ACL and tags stay as they are.

        Args:
            metadata: names without the prefix; a value of None takes it away.

        Raises:
            Conflict: one was replaced meanwhile, is archived, or is larger than 5 GB.
        """
        given = ObjectSettings(content_type, cache_control, content_disposition, metadata)
        return self._each(
            objects, lambda item: copy.change_settings(self._client, item, given), "set_metadata"
        )

    @overload
    def set_storage_class(self, objects: OneObject, storage_class: str) -> Head: ...
    @overload
    def set_storage_class(self, objects: ManyObjects, storage_class: str) -> list[Head]: ...
    def set_storage_class(self, objects: Any, storage_class: str) -> Any:
        """Change the storage class of objects, e.g. to ``ARCHIVE``; everything else stays as it is.

        Raises:
            Conflict: one was replaced meanwhile, is archived and not restored, or is larger than 5 GB.
        """
        given = ObjectSettings(storage_class=storage_class)
        return self._each(
            objects,
            lambda item: copy.change_settings(self._client, item, given),
            "set_storage_class",
        )

    @overload
    def tag(self, objects: OneObject, tags: Meta) -> dict[str, str]: ...
    @overload
    def tag(self, objects: ManyObjects, tags: Meta) -> list[dict[str, str]]: ...
    def tag(self, objects: Any, tags: Meta) -> Any:
        """Add tags to objects, change or (by a value of None) take away some; returns all they have then."""
        return self._each(objects, lambda item: self._tag(item, tags), "tag")

    def _tag(self, item: CosObject, tags: Meta) -> dict[str, str]:
        before = operations.tags(self._client, item)
        after = {
            name: str(value) for name, value in {**before, **tags}.items() if value is not None
        }
        if after != before:
            operations.put_tags(self._client, item, after)
        return after

    @overload
    def restore(self, objects: OneObject, *, days: int = 1, tier: str = "Standard") -> bool: ...
    @overload
    def restore(
        self, objects: ManyObjects, *, days: int = 1, tier: str = "Standard"
    ) -> list[bool]: ...
    def restore(self, objects: Any, *, days: int = 1, tier: str = "Standard") -> Any:
        """Ask for archived objects to be readable for some days; returns whether they are already.

        One that is being restored already is no error. It takes minutes to hours: ``head(…).is_readable`` tells.

        Args:
            tier: ``Expedited``, ``Standard`` or ``Bulk`` (page 436/12633).
        """
        return self._each(
            objects, lambda item: operations.restore(self._client, item, days, tier), "restore"
        )
