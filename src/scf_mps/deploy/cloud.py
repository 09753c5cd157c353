"""One call of Tencent Cloud's API from the desk, by the official SDK; what to call is left to others."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from scf_mps.tencent.credentials import Credentials

from .errors import NETWORK_ERROR_CODES, DeployError, is_read_action, make_api_error

VERSIONS = {"scf": "2018-04-16", "mps": "2019-06-12"}
PAGE_SIZE = 100
MAX_ATTEMPTS = 4
DEFAULT_TIMEOUT_SECONDS = 300
"""Seconds for one request, if nothing else is said: it may carry a zip of 50 MB."""


class Cloud:
    """SCF and MPS, in one region.

    Args:
        credentials: of the desk.
        region: whose SCF.
        endpoint: scheme, host and root domain, see `account.endpoint`.
        pause: seconds before the first repetition of what was throttled, and between two looks at a function.
    """

    def __init__(
        self,
        credentials: Credentials,
        region: str,
        endpoint: tuple[str, str, str] = ("https", "", "tencentcloudapi.com"),
        pause: float = 1.0,
    ) -> None:
        self.credentials = credentials
        self.region = region
        self.pause = pause
        self._endpoint = endpoint
        self._clients: dict[tuple[str, str, float], Any] = {}
        logging.getLogger("tencentcloud_sdk_common").setLevel(logging.WARNING)

    def call(
        self,
        action: str,
        parameters: Mapping[str, Any],
        product: str = "scf",
        region: str = "",
        seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> dict[str, Any]:
        """The answer to an action.

        What was throttled is repeated, and what only reads after a failure of the network.

        Args:
            action: e.g. ``GetFunction``.
            parameters: of it.
            product: ``scf`` or ``mps``.
            region: in place of the cloud's.
            seconds: to wait for the answer, at most.

        Raises:
            DeployError: if it is refused, or there is no answer.
        """
        client = self._client(product, region or self.region, seconds)
        failure = _sdk("exception").TencentCloudSDKException
        repeated = {
            "RequestLimitExceeded",
            *(NETWORK_ERROR_CODES if is_read_action(action) else ()),
        }
        for number in range(1, MAX_ATTEMPTS + 1):
            try:
                answer: dict[str, Any] = client.call_json(action, dict(parameters))["Response"]
                return answer
            except failure as error:
                code = error.code or "ClientError"
                if code.partition(".")[0] not in repeated or number == MAX_ATTEMPTS:
                    raise make_api_error(
                        product, action, code, error.message or "", error.requestId or ""
                    ) from None
                time.sleep(self.pause * 2 ** (number - 1))
            except (json.JSONDecodeError, KeyError):
                raise make_api_error(
                    product, action, "ServerNetworkError", "the answer is none of the API", ""
                ) from None
        raise AssertionError("the last try returns or raises")  # pragma: no cover

    def pages(
        self, action: str, parameters: Mapping[str, Any], field: str, region: str = ""
    ) -> Iterator[dict[str, Any]]:
        """All entries of a list that comes in pages. Raises DeployError."""
        offset = 0
        while True:
            bounds = {"Offset": offset, "Limit": PAGE_SIZE}
            answer = self.call(action, {**parameters, **bounds}, region=region)
            found = answer.get(field) or []
            yield from found
            offset += len(found)
            if not found or offset >= (answer.get("TotalCount") or 0):
                return

    def _client(self, product: str, region: str, seconds: float) -> Any:
        """The client of a product, which keeps its connection."""
        key = (product, region, seconds)
        if key not in self._clients:
            self._clients[key] = self._new_client(*key)
        return self._clients[key]

    def _new_client(self, product: str, region: str, seconds: float) -> Any:
        scheme, host, domain = self._endpoint
        http = _sdk("profile.http_profile").HttpProfile(
            protocol=scheme,
            endpoint=host or None,
            rootDomain=domain,
            reqTimeout=seconds,
            keepAlive=True,
        )
        profile = _sdk("profile.client_profile").ClientProfile(httpProfile=http, language="en-US")
        keys = self.credentials
        credential = _sdk("credential").Credential(
            keys.secret_id, keys.secret_key, keys.token or None
        )
        return _sdk("common_client").CommonClient(
            product, VERSIONS[product], credential, region, profile
        )


def _sdk(name: str) -> Any:
    """A module of the SDK. Raises DeployError without it."""
    try:
        return import_module(f"tencentcloud.common.{name}")
    except ImportError:  # pragma: no cover - the tests have it
        raise DeployError("the SDK is not there: pip install 'scf-mps[cli,deploy]'") from None
