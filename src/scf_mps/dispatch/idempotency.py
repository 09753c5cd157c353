"""Idempotency keys for the services that callbacks call."""

from __future__ import annotations

from ..ledger.base import hash_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .invocation import Invocation


class IdempotencyKey(str):
    """32 hexadecimal digits that identify a callback and its result. They are the same in every delivery of the event.

    Declare a parameter of this type and pass its value to any service that detects repeated requests by such a key.
    If a crash prevents the ledger from recording a completed callback, the callback runs again with the same key.
    """

    __slots__ = ()

    per_call = True

    @classmethod
    def __provide__(cls, invocation: Invocation) -> IdempotencyKey:
        """Return the key of the current call."""
        assert invocation.call is not None
        return cls(hash_key(invocation.call.key))
