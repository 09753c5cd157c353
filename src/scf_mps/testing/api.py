"""Tencent Cloud's API of a test: an emulator of MPS, CDN and SES."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scf_mps.local.api import Cdn, CloudApi, Fault, LoggedRequest, Mps, Ses

if TYPE_CHECKING:
    from scf_mps.local.cos import KeyRing


class ApiFixture:
    """The API of a test.

    Args:
        keys: the accepted keys.

    Attributes:
        emulator: the server.
        mps: the tasks. Events that are delivered are among them.
        cdn: purged and prefetched URLs.
        ses: sent emails.
    """

    def __init__(self, keys: KeyRing) -> None:
        self.mps, self.cdn, self.ses = Mps(), Cdn(), Ses()
        self.emulator = CloudApi([self.mps, self.cdn, self.ses], keys=keys)
        self.emulator.__enter__()
        self._faults: list[tuple[str, Fault, int]] = []

    def close(self) -> None:
        """Stop the server."""
        self.emulator.__exit__(None, None, None)

    @property
    def requests(self) -> list[LoggedRequest]:
        """The requests, oldest first."""
        return list(self.emulator.requests)

    def fail(self, action: str = "*", *, times: int = 1, **fields: Any) -> None:
        """Let requests fail whose action matches a glob. `fields` are those of `scf_mps.local.api.Fault`."""
        self.emulator.faults.add(action, times, **fields)
        self._faults.append(self.emulator.faults.active[-1])

    def find_unused(self) -> list[str]:
        """Return a line for each fault that no request hit."""
        active = self.emulator.faults.active
        return [
            f"no request hit the {fault} of {action}"
            for action, fault, times in self._faults
            if (action, fault, times) in active
        ]
