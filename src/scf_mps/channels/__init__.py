"""Channels: reception of notifications, verification of their sender, and replies."""

from __future__ import annotations

from .delivery import Delivery as Delivery
from .delivery import Outcome as Outcome
from .delivery import ReplyingDelivery as ReplyingDelivery
from .delivery import receive as receive
from .delivery import replace_depth_error as replace_depth_error
