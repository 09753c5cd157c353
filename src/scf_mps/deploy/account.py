"""Local credentials and API endpoint, from the environment.

`scf_mps.tencent.credentials` has the names of the credentials' variables. The serverless client's are among them, so that
one ``.env`` serves both.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from scf_mps.tencent.credentials import NAMES, Credentials, find_credentials

from .errors import DeployError

ENDPOINT_VARIABLE = "TENCENTCLOUD_API_ENDPOINT"

KEY_PAIR_VARIABLES = tuple(name for names in NAMES for name in names[:2])
KEY_VARIABLES = tuple(name for names in NAMES for name in names)
"""All names of a key; a temporary one has a token."""


def load_credentials(environment: Mapping[str, str]) -> Credentials:
    """Return the key, with its token if it is temporary.

    Raises:
        DeployError: if there is none, or half of one.
    """
    for half in NAMES:
        missing = [name for name in half[:2] if not environment.get(name)]
        if len(missing) == 1:
            raise DeployError(f"{missing[0]} is not set, but the other half of the key is")
    found = find_credentials(environment)
    if found is None:
        raise DeployError(
            "no credentials: set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY in the environment or in .env,"
            " and TENCENTCLOUD_TOKEN for a temporary key"
        )
    return found


def parse_endpoint(environment: Mapping[str, str]) -> tuple[str, str, str]:
    """Scheme, ``host:port`` (empty for Tencent's own) and root domain to reach the API by.

    ``TENCENTCLOUD_API_ENDPOINT`` is ``http://host:port`` of an emulator, which takes all products, or
    ``https://intl.tencentcloudapi.com``, before which each product's name is put.

    Raises:
        DeployError: for another form.
    """
    value = environment.get(ENDPOINT_VARIABLE, "")
    if not value:
        return "https", "", "tencentcloudapi.com"
    parts = urlsplit(value)
    if parts.hostname and parts.path in ("", "/") and not parts.username:
        if parts.scheme == "http":
            return "http", parts.netloc, parts.hostname
        if parts.scheme == "https":
            return "https", "", parts.netloc
    raise DeployError(
        f"expected http://host:port or https://domain in {ENDPOINT_VARIABLE}, not {value!r}"
    )
