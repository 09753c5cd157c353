"""Credentials of the function's role in tests."""

from __future__ import annotations

from itertools import count

from scf_mps.local.cos import Key, KeyRing
from scf_mps.tencent.credentials import SCF_NAMES


class RoleCredentials:
    """The temporary key of the function's role, which COS and the API of the test accept.

    Attributes:
        keys: the accepted keys.
        key: the current key.
    """

    def __init__(self) -> None:
        self._numbers = count(1)
        self.keys = KeyRing([])
        self.renew()

    def expire(self) -> None:
        """Let the current key be expired, as after 6 hours."""
        key = self.key
        self.keys.add(Key(key.secret_id, key.secret_key, key.token, expires_at=1.0))

    def renew(self) -> None:
        """Give the function another key, as SCF does."""
        number = next(self._numbers)
        self.key = Key(f"AKIDrole{number}", f"secret-of-role-{number}", f"token-of-role-{number}")
        self.keys.add(self.key)

    @property
    def variables(self) -> dict[str, str]:
        """The variables that SCF sets."""
        key = self.key
        return dict(zip(SCF_NAMES, (key.secret_id, key.secret_key, key.token or ""), strict=True))
