"""An event without its secrets, for whoever keeps it: a ledger, an archive.

MPS puts a customer's permanent AWS keys into events (``S3OutputStorage.S3SecretKey``), and ``Sign`` proves for ten
minutes that a callback is MPS's. Neither is needed to do a callback's work again.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HIDDEN = "***"

_SECRET = ("S3SecretId", "S3SecretKey", "Sign", "NotifyKey")


def redacted(notification: Any) -> Any:
    """A copy of a notification in which every secret is ``***``; what is null or empty stays so.

    Of parts without secrets nothing is copied: it is to be written down, not to be changed.
    """
    if isinstance(notification, dict):
        return {
            name: HIDDEN
            if name in _SECRET and isinstance(value, str) and value
            else redacted(value)
            if isinstance(value, dict | list)
            else value
            for name, value in notification.items()
        }
    if isinstance(notification, list):
        return [redacted(one) if isinstance(one, dict | list) else one for one in notification]
    return notification
