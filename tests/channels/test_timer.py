"""Messages of timer triggers."""

import pytest

from scf_mps import InvalidEvent
from scf_mps.channels.timer import parse_message
from scf_mps.ledger.reconcile import DEFAULT_LOOKBACK


@pytest.mark.parametrize(
    ("message", "seconds"), [("reconcile", DEFAULT_LOOKBACK), (" reconcile  12h ", 43_200.0)]
)
def test_timer_message_has_a_lookback(message, seconds):
    assert parse_message(message) == seconds


@pytest.mark.parametrize(
    "message", [None, "", "cleanup", "reconcile soon", "reconcile 6h 7h", ["reconcile"]]
)
def test_other_timer_message_is_invalid(message):
    with pytest.raises(InvalidEvent, match="reconcile 6h"):
        parse_message(message)
