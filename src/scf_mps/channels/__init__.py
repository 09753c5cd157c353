"""Channels: how notifications arrive, who may have sent them, and the reply they get."""

from __future__ import annotations

from .delivery import AnsweredDelivery as AnsweredDelivery
from .delivery import Delivery as Delivery
from .delivery import Outcome as Outcome
from .delivery import receive as receive
from .delivery import replace_depth_error as replace_depth_error
