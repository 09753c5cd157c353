"""Credentials of one invocation: read when it begins, and immutable.

SCF puts the keys of the function's role into ``context["environ"]`` and into the process environment, anew for each
invocation. A client created while the module was imported would use expired keys in a warm instance.
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
"""Read by the official SDK. SCF never sets them, so they are the ones for a developer's machine."""
CLIENT_NAMES = ("TENCENT_SECRET_ID", "TENCENT_SECRET_KEY", "TENCENT_TOKEN")
"""Read by the serverless client, so that one .env serves both."""
NAMES = (SCF_NAMES, SDK_NAMES, CLIENT_NAMES)
"""Variables of secret id, secret key and token, in the order of precedence."""


class Credentials:
    """A key pair, with the session token of a temporary one. Immutable, and never shown.

    One object holds all three, so that threads never sign with parts of different pairs.

    Attributes:
        expires: end of validity in seconds since the epoch. None if unknown: SCF does not provide it (at most 6 hours).
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
        raise TypeError("credentials cannot be pickled")


def load_credentials(context: Context | None = None) -> Credentials | None:
    """Return the credentials of an invocation, or None if there are none.

    ``context["environ"]`` (one text, ``K=V;K=V``) takes precedence over the process environment: an instance that runs
    several invocations at once has one environment for all of them.
    """
    environ = context.environ if context is not None else {}
    return find_credentials(environ) or find_credentials(os.environ)


def find_credentials(environment: Mapping[str, str]) -> Credentials | None:
    """Return the first complete key in an environment, in the order of `NAMES`, or None."""
    for names in NAMES:
        secret_id, secret_key, token = (environment.get(name, "") for name in names)
        if secret_id and secret_key:
            return Credentials(secret_id, secret_key, token)
    return None
