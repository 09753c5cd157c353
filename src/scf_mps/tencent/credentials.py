"""The credentials of one invocation, read when it begins and never changed.

SCF puts the keys of the function's role into ``context["environ"]`` and into the process environment, afresh with
every invocation: a client made while the module was imported goes stale in a warm instance. Signing with them is left
to `signing.py`.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..context import Context

SCF_NAMES = ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN")
"""Set by SCF for a function with an execution role (product page 583/32748)."""
SDK_NAMES = ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_TOKEN")
"""Read by the official SDK. SCF never sets them: they are the ones to set on a developer's machine."""
CLIENT_NAMES = ("TENCENT_SECRET_ID", "TENCENT_SECRET_KEY", "TENCENT_TOKEN")
"""Read by the serverless client, so that one .env serves both."""
NAMES = (SCF_NAMES, SDK_NAMES, CLIENT_NAMES)
"""Names of secret id, secret key and token, in the order in which they are tried."""


class Credentials:
    """A key pair, with the session token of a temporary one. Immutable; never shown.

    One object holds all three, so that no two threads ever sign with halves of different pairs.

    Attributes:
        expires: when they end, in seconds since the epoch, if that is known; SCF does not tell (at most 6 hours).
    """

    __slots__ = ("expires", "secret_id", "secret_key", "token")

    secret_id: str
    secret_key: str
    token: str
    expires: float | None

    def __init__(
        self, secret_id: str, secret_key: str, token: str = "", expires: float | None = None
    ) -> None:
        for name, value in (
            ("secret_id", secret_id),
            ("secret_key", secret_key),
            ("token", token),
            ("expires", expires),
        ):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"credentials are immutable: cannot set {name}")

    def __repr__(self) -> str:
        kind = "temporary" if self.token else "permanent"
        return f"<Credentials {self.secret_id[:8]}… {kind}>"

    def __reduce__(self) -> str:
        raise TypeError("credentials are not to be written down")


def load_credentials(context: Context | None = None) -> Credentials | None:
    """The credentials of this invocation; None without an execution role, and on a desk without a key.

    Those of ``context["environ"]`` (one text, ``K=V;K=V``) come before those of the environment: an instance that runs
    several invocations at once has one environment for all of them.
    """
    told = context.environ if context is not None else {}
    return find_credentials(told) or find_credentials(os.environ)


def find_credentials(environment: Mapping[str, str]) -> Credentials | None:
    """Return the first complete key in an environment, in the order of `NAMES`, or None."""
    for names in NAMES:
        secret_id, secret_key, token = (environment.get(name, "") for name in names)
        if secret_id and secret_key:
            return Credentials(secret_id, secret_key, token)
    return None
