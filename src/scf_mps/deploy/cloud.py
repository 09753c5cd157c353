"""API calls of a deployment: SCF, MPS and CLS of one account, with advice in errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scf_mps.build.errors import Problem
from scf_mps.common.retry import Retry
from scf_mps.tencent.client import ApiClient, ApiError, SdkMissing
from scf_mps.tencent.credentials import Credentials
from scf_mps.tencent.mps import Mps
from scf_mps.tencent.services import Cls, Scf

from .errors import DeployError, make_api_error

PAGE_SIZE = 100
MAX_ATTEMPTS = 4
DEFAULT_TIMEOUT_SECONDS = 300.0
"""A request may carry a zip of 50 MB."""

_CLIENTS: Mapping[str, type[ApiClient]] = {"cls": Cls, "mps": Mps, "scf": Scf}


class Cloud:
    """A client of SCF, MPS and CLS in one region.

    Args:
        credentials: of the account that deploys.
        region: of the function.
        endpoint: scheme, host and root domain, see `account.parse_endpoint`.
        pause: mean wait before the first retry of a call, and interval of polling a function, in seconds.
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
        self._clients: dict[tuple[str, str, float], ApiClient] = {}

    def call(
        self,
        action: str,
        parameters: Mapping[str, Any],
        product: str = "scf",
        region: str = "",
        seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> dict[str, Any]:
        """Call an action and return its response. See `ApiClient.call`.

        Args:
            action: e.g. ``GetFunction``.
            parameters: of the action.
            product: ``scf``, ``mps`` or ``cls``.
            region: overrides the function's.
            seconds: timeout of an attempt.

        Raises:
            DeployError: the call was refused, or there was no valid response.
        """
        key = (product, region or self.region, seconds)
        if key not in self._clients:
            self._clients[key] = self._new_client(*key)
        try:
            return self._clients[key].call(action, **parameters)
        except SdkMissing:  # pragma: no cover - the tests have it
            message = "the SDK of Tencent Cloud is not installed"
            advice = "pip install 'scf-mps[cli,deploy]'"
            raise DeployError(Problem("missing_extra", "", message, advice)) from None
        except ApiError as error:
            raise make_api_error(product, action, error) from None

    def pages(
        self,
        action: str,
        parameters: Mapping[str, Any],
        field: str,
        region: str = "",
        product: str = "scf",
    ) -> Iterator[dict[str, Any]]:
        """Yield all entries of a paginated list. Raises DeployError."""
        offset = 0
        while True:
            bounds = {"Offset": offset, "Limit": PAGE_SIZE}
            response = self.call(action, {**parameters, **bounds}, product, region)
            entries = response.get(field) or []
            yield from entries
            offset += len(entries)
            if not entries or offset >= (response.get("TotalCount") or 0):
                return

    def _new_client(self, product: str, region: str, seconds: float) -> ApiClient:
        scheme, host, domain = self._endpoint
        return _CLIENTS[product](
            self.credentials,
            region=region,
            endpoint=f"{scheme}://{host or f'{product}.{domain}'}",
            retry=Retry(MAX_ATTEMPTS, self.pause, 8 * self.pause),
            timeout=seconds,
        )
