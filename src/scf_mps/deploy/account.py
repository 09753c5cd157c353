"""Who we are at the desk, and which cloud we talk to: credentials and endpoint, from the environment.

The names are those of the SDK (``TENCENTCLOUD_SECRET_ID`` …) and, after them, those of the serverless command line
(``TENCENT_SECRET_ID`` …), so that one ``.env`` serves both.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from scf_mps.cos.credentials import Credentials

from .errors import DeployError

ENDPOINT = "TENCENTCLOUD_API_ENDPOINT"

_PREFIXES = ("TENCENTCLOUD_", "TENCENT_")
KEY_PAIR = tuple(f"{prefix}SECRET_{half}" for prefix in _PREFIXES for half in ("ID", "KEY"))
KEY_NAMES = (*KEY_PAIR, *(f"{prefix}TOKEN" for prefix in _PREFIXES))
"""All names of a key; a temporary one has a token."""


def credentials(environment: Mapping[str, str]) -> Credentials:
    """The key pair of the desk, with its token if it is temporary.

    Raises:
        DeployError: if there is none, or half of one.
    """
    for prefix in _PREFIXES:
        secret_id = environment.get(f"{prefix}SECRET_ID", "")
        secret_key = environment.get(f"{prefix}SECRET_KEY", "")
        if secret_id and secret_key:
            return Credentials(secret_id, secret_key, environment.get(f"{prefix}TOKEN", ""))
        if secret_id or secret_key:
            missing = "SECRET_KEY" if secret_id else "SECRET_ID"
            raise DeployError(
                f"expected {prefix}{missing} in the environment beside the other half"
            )
    raise DeployError(
        "expected a key in the environment or in .env: TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY,"
        " and TENCENTCLOUD_TOKEN if it is temporary"
    )


def endpoint(environment: Mapping[str, str]) -> tuple[str, str, str]:
    """Scheme, ``host:port`` (empty for Tencent's own) and root domain to reach the API by.

    ``TENCENTCLOUD_API_ENDPOINT`` is ``http://host:port`` of an emulator, which takes all products, or
    ``https://intl.tencentcloudapi.com``, before which each product's name is put.

    Raises:
        DeployError: for another form.
    """
    value = environment.get(ENDPOINT, "")
    if not value:
        return "https", "", "tencentcloudapi.com"
    parts = urlsplit(value)
    if parts.hostname and parts.path in ("", "/") and not parts.username:
        if parts.scheme == "http":
            return "http", parts.netloc, parts.hostname
        if parts.scheme == "https":
            return "https", "", parts.netloc
    raise DeployError(f"expected http://host:port or https://domain in {ENDPOINT}, not {value!r}")
