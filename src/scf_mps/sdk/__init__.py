"""The official SDKs of Tencent Cloud and COS, bound to one invocation.

A callback declares the client it wants::

    from qcloud_cos import CosS3Client
    from tencentcloud.mps.v20190612.mps_client import MpsClient

    @router.on(Transcode)
    def check(transcode: Transcode, cos: CosS3Client, mps: MpsClient) -> None: ...

Importing an SDK costs 60 to 110 ms at each cold start. `Sdk` imports it at the first call::

    @router.on(Transcode)
    def check(transcode: Transcode, sdk: Sdk) -> None:
        file = transcode.files[0]
        sdk.cos(file).head_object(**file.sdk)
"""

from __future__ import annotations

from ..errors import RegistrationError, ScfMpsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from qcloud_cos import CosS3Client

    from ..context import Context
    from ..dispatch.invocation import Invocation
    from ..events.files import CosObject

    C = TypeVar("C")


class CosSdkMissing(ScfMpsError, ImportError):
    """The COS SDK is not installed, or was not built into the function."""


class Sdk:
    """Official clients for one invocation: its credentials, region and deadline.

    No client is kept beyond the invocation. One that is kept elsewhere raises after its deadline. `MPS_BUCKETS`,
    `MPS_COS_PROXY`, `MPS_API_ENDPOINT` and `MPS_REGION` apply as they do to `Cos` and `Mps`. Proxies of the environment
    do not, and DEBUG logs of the SDKs, which hold tokens, are dropped.

    Args:
        context: of the invocation.
    """

    def __init__(self, context: Context | None = None) -> None:
        self._context = context
        self._clients: dict[tuple[object, str | None], Any] = {}

    @classmethod
    def __provide__(cls, invocation: Invocation) -> Sdk:
        """Return the clients of an invocation."""
        return invocation.share(cls, lambda: cls(invocation.context))

    def cos(self, target: CosObject | str | None = None) -> CosS3Client:
        """Return a client of COS.

        Args:
            target: an object, whose region is used, or a region. Defaults to the function's region.

        Raises:
            CosSdkMissing: cos-python-sdk-v5 is not installed.
            Denied: there are no credentials.
        """
        region = target if isinstance(target, str) or target is None else target.region
        if ("cos", region) not in self._clients:
            try:
                from .cos_client import create_cos_client
            except ImportError as error:
                raise CosSdkMissing(
                    f"the COS SDK is not installed ({error}): pip install 'scf-mps[cos]'. For a function, add "
                    f"cos-python-sdk-v5 to its requirements.txt"
                ) from error
            self._clients["cos", region] = create_cos_client(self._context, region)
        client: CosS3Client = self._clients["cos", region]
        return client

    def client(self, client_class: type[C], *, region: str | None = None) -> C:
        """Return a client of Tencent Cloud's API.

        Args:
            client_class: of ``tencentcloud-sdk-python``, such as ``tencentcloud.mps.v20190612.mps_client.MpsClient``.
            region: of the service. Defaults to ``MPS_REGION``, then to the function's region.

        Raises:
            ApiError: there are no credentials.
        """
        if (client_class, region) not in self._clients:
            from .api_client import create_api_client

            client = create_api_client(client_class, self._context, region)
            self._clients[client_class, region] = client
        found: C = self._clients[client_class, region]
        return found


def create_resolver(
    client_class: type, metadata: tuple[object, ...]
) -> Callable[[Invocation, str], Any]:
    """Return a function that makes the client of a parameter.

    Args:
        client_class: an official class, as the parameter is annotated.
        metadata: of ``Annotated``: the region, if any.

    Raises:
        RegistrationError: the class is a subclass of ``CosS3Client``, which cannot be made.
    """
    region = next((item for item in metadata if isinstance(item, str)), None)
    if hasattr(client_class, "_service"):
        return lambda invocation, callback: Sdk.__provide__(invocation).client(
            client_class, region=region
        )
    if client_class.__name__ != "CosS3Client":
        raise RegistrationError(
            f"{client_class.__name__} has no provider. Annotate CosS3Client, or add "
            f"app.provide({client_class.__name__}, …)"
        )
    return lambda invocation, callback: Sdk.__provide__(invocation).cos(
        region or _find_region(invocation)
    )


def _find_region(invocation: Invocation) -> str | None:
    """Return the region of the first file of the current result, or None."""
    call = invocation.call
    files = getattr(call.result, "files", ()) if call else ()
    return files[0].region if files else None
