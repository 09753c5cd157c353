"""Local credentials and the API endpoint, from the environment.

`scf_mps.tencent.credentials` lists the variables of the credentials. They include those of the serverless client, so
that one ``.env`` serves both.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from scf_mps.build.errors import Problem
from scf_mps.tencent.credentials import NAMES, Credentials, find_credentials

from .errors import DeployError

ENDPOINT_VARIABLE = "TENCENTCLOUD_API_ENDPOINT"

KEY_PAIR_VARIABLES = tuple(name for names in NAMES for name in names[:2])
KEY_VARIABLES = tuple(name for names in NAMES for name in names)
"""All variables of a key, including the token of a temporary one."""


def load_credentials(environment: Mapping[str, str]) -> Credentials:
    """Return the key, with its token if it is temporary.

    Raises:
        DeployError: ``no_credentials`` or ``incomplete_credentials``.
    """
    for names in NAMES:
        missing = [name for name in names[:2] if not environment.get(name)]
        if len(missing) == 1:
            message = "not set, although the other half of the key is"
            raise DeployError(Problem("incomplete_credentials", missing[0], message))
    credentials = find_credentials(environment)
    if credentials is None:
        raise DeployError(
            Problem(
                "no_credentials",
                "",
                "no credentials",
                "Set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY in the environment or in .env, and "
                "TENCENTCLOUD_TOKEN for a temporary key",
            )
        )
    return credentials


def parse_endpoint(environment: Mapping[str, str]) -> tuple[str, str, str]:
    """Return scheme, ``host:port`` and root domain of the API. The host is empty for Tencent's own domains.

    ``TENCENTCLOUD_API_ENDPOINT`` is either ``http://host:port`` of an emulator that serves every product, or
    ``https://`` and a domain such as ``intl.tencentcloudapi.com``, which is prefixed with the name of each product.

    Raises:
        DeployError: ``invalid_endpoint``.
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
        Problem(
            "invalid_endpoint",
            ENDPOINT_VARIABLE,
            f"invalid URL {value!r}",
            "Use http://host:port or https://domain",
        )
    )
