"""Archive action: keep every notification in COS without its secrets."""

from __future__ import annotations

import time

from ..common.redaction import redact
from ..cos import Cos, CosObject
from ..events.base import Event
from ..logs import encode_json
from .key_template import (
    DATE_FIELDS,
    EVENT_FIELDS,
    Template,
    collect_event_values,
    find_finish_time,
)
from .settings import parse_cos_address, split_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..cos.metadata import WriteOptions

DEFAULT_KEY = "{date}/{event_type}/{task_id}/{status}.json"
"""Key template below an address that ends in a slash."""

MAX_EVENT_AGE = 6 * 3600.0
"""Seconds for which SCF keeps an event before its last retry (product page 583/41138)."""

_OPTIONS = ("acl", "encryption", "storage_class")


class Archive:
    """Keeps notifications in COS as JSON.

        archive = Archive("cos://archive-1250000000.ap-guangzhou/mps/")
        router.on(Event)(archive.keep)

    The key depends on the event alone, so a redelivery overwrites its own object.

    Args:
        to: ``cos://bucket.region/`` and a key template with `key_template.EVENT_FIELDS`, including ``{task_id}`` and
            ``{status}``. `DEFAULT_KEY` is appended to an address that ends in a slash. Options after a ``?``:
            ``storage_class=``, ``acl=``, ``encryption=``, with COS's values.
        clock: returns seconds since the epoch.

    Attributes:
        is_cold: True if objects must be restored before they can be read.

    Raises:
        ValueError: `to` is invalid.
    """

    def __init__(self, to: str, clock: Callable[[], float] = time.time) -> None:
        address, options = split_options(to, _OPTIONS)
        if address.endswith("/"):
            address += DEFAULT_KEY
        location = parse_cos_address(address)
        self._bucket, self._region = location.bucket, location.region
        self._key = Template(location.prefix, EVENT_FIELDS)
        self._clock = clock
        settings: Any = {"content_type": "application/json", **options}
        self._write_options: WriteOptions = settings
        self.is_cold = options.get("storage_class", "").endswith("ARCHIVE")
        # A SessionId is optional, and a task has notifications of its progress and of its end.
        if not self._key.fields >= {"task_id", "status"}:
            raise ValueError(
                f"missing {{task_id}} or {{status}} in the key {address}: notifications would replace each other"
            )

    def keep(self, event: Event, cos: Cos) -> CosObject:
        """Write the notification. Register it as a callback for events.

        Returns:
            The object written.

        Raises:
            CosError: as for `Cos.upload`.
        """
        now = self._clock()
        target = self._locate(event, now)
        # The date of an event without a FinishTime is the day of delivery: after midnight reuse yesterday's object.
        is_undated = self._key.fields & DATE_FIELDS and find_finish_time(event) is None
        earlier = self._locate(event, now - MAX_EVENT_AGE) if is_undated else target
        if earlier != target and cos.exists(earlier):
            target = earlier
        content = encode_json(redact(event.raw))
        return cos.upload(content, target, **self._write_options)

    def _locate(self, event: Event, now: float) -> CosObject:
        key = self._key.fill(collect_event_values(event, now))
        return CosObject(self._bucket, self._region, key)
