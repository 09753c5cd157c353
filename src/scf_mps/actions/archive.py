"""Archive: every notification as it came, in a bucket, without its secrets.

The key is made of the event alone, so that a redelivery writes the same object once more and not another one.
"""

from __future__ import annotations

import time

from ..common.redaction import redact
from ..cos import Cos, CosObject
from ..events.base import Event
from ..logs import encode_json
from .key_template import DATE_FIELDS, EVENT_FIELDS, Template, collect_event_values, finished
from .settings import parse_cos_address, split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..cos.metadata import WriteOptions

DEFAULT_KEY = "{date}/{event_type}/{task_id}/{status}.json"
"""Where a notification is below a place that ends in a slash."""

MAX_EVENT_AGE = 6 * 3600.0
"""Seconds for which SCF may keep an event before it is delivered again (product page 583/41138)."""

_OPTIONS = ("acl", "encryption", "storage_class")


class Archive:
    """Keeps notifications in COS, as JSON.

        archive = Archive("cos://archive-1250000000.ap-guangzhou/mps/")
        router.on(Event)(archive.keep)

    Args:
        to: ``cos://bucket.region/`` and a key with fields in braces (`templates.OF_EVENT`), ``{task_id}`` and
            ``{status}`` among them; `DEFAULT_KEY` is put behind a place that ends in a slash. Options behind a ``?``:
            ``storage_class=``, ``acl=``, ``encryption=``, as COS names them.
        clock: tells the seconds since the epoch.

    Attributes:
        is_cold: whether what is kept has to be restored before it can be read.

    Raises:
        ValueError: if `to` is none of this.
    """

    def __init__(self, to: str, clock: Callable[[], float] = time.time) -> None:
        address, options = split(to, _OPTIONS)
        if address.endswith("/"):
            address += DEFAULT_KEY
        place = parse_cos_address(address)
        self._bucket, self._region = place.bucket, place.region
        self._key = Template(place.prefix, EVENT_FIELDS)
        self._clock = clock
        said: Any = {"content_type": "application/json", **options}
        self._stored: WriteOptions = said
        self.is_cold = options.get("storage_class", "").endswith("ARCHIVE")
        # A SessionId need not be there; and one task has notifications of its progress and of its end.
        if not self._key.fields >= {"task_id", "status"}:
            raise ValueError(
                f"expected {{task_id}} and {{status}} in the key, or notifications replace each other: {address}"
            )

    def keep(self, event: Event, cos: Cos) -> CosObject:
        """Write the notification; a callback for events.

        Returns:
            Where it is.

        Raises:
            CosError: as `Cos.upload`.
        """
        now = self._clock()
        target = self._place(event, now)
        # Where nothing in the event tells its day, a delivery after midnight must find what one before it wrote.
        undated = self._key.fields & DATE_FIELDS and finished(event) is None
        yesterday = self._place(event, now - MAX_EVENT_AGE) if undated else target
        if yesterday != target and cos.exists(yesterday):
            target = yesterday
        content = encode_json(redact(event.raw))
        return cos.upload(content, target, **self._stored)

    def _place(self, event: Event, now: float) -> CosObject:
        key = self._key.fill(collect_event_values(event, now))
        return CosObject(self._bucket, self._region, key)
