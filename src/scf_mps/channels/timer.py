"""Timer triggers of SCF, whose message asks to reconcile (product page 583/9708)."""

from __future__ import annotations

from ..common.durations import parse_duration
from ..errors import InvalidEvent
from ..ledger.reconcile import DEFAULT_LOOKBACK
from .delivery import Delivery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..context import Context


class TimerDelivery(Delivery):
    """A timer trigger. It has no notification of MPS.

    Args:
        event: the event of the trigger.
        context: SCF's context.

    Raises:
        InvalidEvent: the message of the trigger has another form.
    """

    __slots__ = ("lookback",)

    def __init__(self, event: dict[str, Any], context: Context) -> None:
        super().__init__((event,), context, ())
        self.lookback = parse_message(event.get("Message"))


def parse_message(message: object) -> float:
    """Return the seconds to look back from the message of a timer trigger, e.g. ``reconcile 12h``.

    Raises:
        InvalidEvent: the message has another form.
    """
    words = str(message or "").split()
    try:
        if words[:1] == ["reconcile"] and len(words) <= 2:
            return parse_duration(words[1]) if words[1:] else DEFAULT_LOOKBACK
        problem = ""
    except ValueError as error:
        problem = f": {error}"
    raise InvalidEvent(
        f"invalid message {message!r} of a timer trigger{problem}. Use 'reconcile', or 'reconcile 6h' to look back "
        f"that far"
    )
