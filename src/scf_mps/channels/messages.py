"""Several messages of a queue or topic in one invocation."""

from __future__ import annotations

import logging

from .. import logs
from ..errors import CallbacksFailed, InvalidEvent, LedgerError, describe_error
from .delivery import ReplyingDelivery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Any

    from ..context import Context
    from ..errors import CallbackFailed
    from ..events.base import Event
    from .delivery import Outcome

log = logging.getLogger("scf_mps")


class MessageBatch(ReplyingDelivery):
    """Notifications in several messages, each processed independently.

    Args:
        field: the field of SCF's event that has the messages. For the others see `Delivery`.
    """

    __slots__ = ("_field",)

    def __init__(
        self,
        notifications: Sequence[object],
        context: Context,
        named_types: Collection[str],
        field: str,
    ) -> None:
        super().__init__(notifications, context, named_types)
        self._field = field

    def read(self, index: int, *, verify: bool = True) -> Event:
        """Return the event of a message. See `Delivery.read`."""
        logs.unbind_task()
        return super().read(index, verify=verify)

    def report(self, error: Exception) -> None:
        """Log why a message was not handled, while log lines have its task id."""
        if isinstance(error, InvalidEvent):
            log.error("invalid event: %s", error)
        else:
            trace = None if isinstance(error, LedgerError) else error
            log.error("event failed: %s", describe_error(error), exc_info=trace)

    def reply(self, outcomes: Sequence[Outcome]) -> dict[str, Any]:
        """Return the summaries of all events. Raise CallbacksFailed with every failure if there are any."""
        summaries = [item.summary for item in outcomes if item.summary is not None]
        summary: dict[str, Any] = {"events": summaries}
        failures: list[CallbackFailed] = []
        for index, outcome in enumerate(outcomes):
            if outcome.error is not None:
                failures += self._list_failures(index, outcome.error)
        if failures:
            group = CallbacksFailed(f"{len(failures)} failures in {self.count} events", failures)
            group.summary = summary
            raise group
        return summary

    def _list_failures(self, index: int, error: Exception) -> list[CallbackFailed]:
        if isinstance(error, CallbacksFailed):
            return error.failures
        from ..common.error_redaction import create_failure

        place = "the ledger" if isinstance(error, LedgerError) else "main_handler"
        return [create_failure(place, f"{self._field}[{index}]", error)]
