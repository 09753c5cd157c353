"""The official COS client, bound to one invocation and corrected where a subclass can.

`docs/sdk.md` lists the defects of cos-python-sdk-v5 1.9.44, and which of them remain.
"""

from __future__ import annotations

import os
import re
import weakref
from contextlib import suppress
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit
from xml.etree import ElementTree

import requests
from qcloud_cos import CosConfig, CosS3Client, CosServiceError
from qcloud_cos.cos_comm import mapped
from requests.adapters import BaseAdapter
from requests.utils import rewind_body

from ..common.deadline import Deadline
from ..common.retry import Retry, call_with_retry, parse_retry_after
from ..cos import crc64
from ..cos.errors import Corrupt, Denied
from ..cos.locations import BucketAllowlist
from ..cos.metadata import parse_head
from ..events.files import CosObject
from ..tencent.credentials import load_credentials
from ..tencent.session import create_adapter, hide_debug_logs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..context import Context

_IDLE_SECONDS = 15.0
_CRC_HEADER = "x-cos-hash-crc64ecma"
_BUCKET = re.compile(r"[a-z0-9-]+-[0-9]+")
_SELECTION = ("VersionId", "SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5")
"""Arguments of a download that select the version, or decrypt it."""


def create_cos_client(context: Context | None, region: str | None) -> CosS3Client:
    """Return a client for a region, by default the function's.

    Raises:
        Denied: there are no credentials.
    """
    credentials = load_credentials(context)
    if credentials is None:
        raise Denied(
            "no credentials. Give the function an execution role, or outside SCF set TENCENTCLOUD_SECRET_ID and "
            "TENCENTCLOUD_SECRET_KEY",
            code="NoCredentials",
        )
    proxy = os.environ.get("MPS_COS_PROXY", "")
    own_region = context.region if context else os.environ.get("TENCENTCLOUD_REGION", "")
    config = CosConfig(
        Region=region or own_region,
        SecretId=credentials.secret_id,
        SecretKey=credentials.secret_key,
        Token=credentials.token or None,
        Scheme="http" if proxy else "https",
        Proxies={"http": proxy} if proxy else None,
        Timeout=_IDLE_SECONDS,
    )
    hide_debug_logs("qcloud_cos.cos_client")
    hide_debug_logs("qcloud_cos.cos_auth")
    return _Client(config, Deadline.before_end(context))


class _Client(CosS3Client):  # type: ignore[misc]
    """`CosS3Client` with an own session, the deadline of an invocation, and the corrections of `docs/sdk.md`."""

    def __init__(self, config: CosConfig, deadline: Deadline) -> None:
        session = requests.Session()
        session.trust_env = False
        adapter = create_adapter(deadline, _IDLE_SECONDS)
        for scheme in ("http://", "https://"):
            session.mount(scheme, _RetryAdapter(adapter, deadline))
        self._deadline = deadline
        self._buckets = BucketAllowlist(os.environ.get("MPS_BUCKETS") or None)
        super().__init__(config, retry=0, session=session)
        weakref.finalize(self, session.close)

    def send_request(
        self, method: str, url: str, bucket: str | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        """Check the buckets, send, and raise for errors that the SDK takes for success."""
        source = (kwargs.get("headers") or {}).get("x-cos-copy-source", "")
        names = {host.partition(".")[0] for host in (urlsplit(url).hostname or "", str(source))}
        for name in filter(_BUCKET.fullmatch, names):  # not the host of a service
            self._check_bucket(name)
        if bucket:
            self._check_bucket(bucket)
        self._deadline.timeout()
        response = super().send_request(method, url, bucket, *args, **kwargs)
        if response is not None and method != "GET":
            _check_success(method, response)
        return response

    def _check_bucket(self, bucket: str) -> None:
        self._buckets.check(bucket, self._conf._region)

    def get_auth(self, Method: str, Bucket: str, *args: Any, **kwargs: Any) -> Any:
        """Return a signature, for a bucket that may be used."""
        self._check_bucket(Bucket)
        return super().get_auth(Method, Bucket, *args, **kwargs)

    def get_presigned_url(
        self,
        Bucket: str,
        Key: str,
        Method: str,
        Expired: int = 300,
        Params: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> str:
        """Return a presigned URL, with the session token of temporary credentials signed into it."""
        parameters = dict(Params or {})
        if self._conf._token:
            parameters.setdefault("x-cos-security-token", self._conf._token)
        url: str = super().get_presigned_url(
            Bucket, Key, Method, Expired, parameters, *args, **kwargs
        )
        return url

    def get_presigned_download_url(
        self,
        Bucket: str,
        Key: str,
        Expired: int = 300,
        Params: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> str:
        """Return a presigned URL of a download, with the session token of temporary credentials signed into it."""
        return self.get_presigned_url(Bucket, Key, "GET", Expired, Params, *args, **kwargs)

    def change_object_storage_class(self, Bucket: str, Key: str, StorageClass: str) -> Any:
        """Change the storage class and keep the metadata."""
        return self.update_object_meta(Bucket, Key, StorageClass=StorageClass)

    def update_object_meta(self, Bucket: str, Key: str, **kwargs: Any) -> Any:
        """Change some metadata and keep the rest."""
        item = CosObject(Bucket, self._conf._region, Key)
        headers = {name.lower(): value for name, value in self.head_object(Bucket, Key).items()}
        stored = parse_head(item, headers).build_headers()
        changed = dict(kwargs.pop("Metadata", None) or {})
        replaced = {name.lower() for name in (*mapped(kwargs), *changed)}
        kept = {name: value for name, value in stored.items() if name.lower() not in replaced}
        return super().update_object_meta(Bucket, Key, Metadata={**kept, **changed}, **kwargs)

    def download_file(
        self, Bucket: str, Key: str, DestFilePath: str, *args: Any, **kwargs: Any
    ) -> None:
        """Download one version of an object. The file appears after its size and CRC64 were compared."""
        selection = {name: kwargs[name] for name in _SELECTION if name in kwargs}
        head = self.head_object(Bucket, Key, **selection)
        folder = os.path.dirname(os.path.abspath(DestFilePath))
        with TemporaryDirectory(prefix=".part-", dir=folder) as partial:
            path = os.path.join(partial, "object")
            kwargs = {"IfMatch": head["ETag"], "DumpRecordDir": partial, **kwargs}
            super().download_file(Bucket, Key, path, *args, **kwargs)
            _compare(path, head, f"{Bucket}/{Key}")
            os.replace(path, DestFilePath)


class _RetryAdapter(BaseAdapter):
    """Retry of requests that may be repeated, within the deadline.

    The SDK sleeps 1, 2 and 3 seconds whatever time is left, and repeats appends that took effect.
    """

    def __init__(self, adapter: Any, deadline: Deadline) -> None:
        super().__init__()
        self._adapter = adapter
        self._deadline = deadline
        self._retry = Retry(attempts=4)

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Send a request until there is a response that another attempt would not change."""

        def send_once() -> Any:
            response = self._adapter.send(request, *args, **kwargs)
            if response.status_code in (429, 500, 502, 503, 504):
                raise _Temporary(response)
            return response

        def compute_wait(error: Exception, attempt: int) -> float | None:
            if request.method == "POST" or not isinstance(
                error, _Temporary | requests.ConnectionError | requests.Timeout
            ):
                return None
            response = error.response
            after = None if response is None else response.headers.get("Retry-After")
            wait = self._retry.next_wait(attempt, parse_retry_after(after))
            if wait is not None and hasattr(request.body, "read"):
                rewind_body(request)
            return wait

        try:
            return call_with_retry(send_once, self._deadline, compute_wait)
        except _Temporary as error:
            return error.response

    def close(self) -> None:
        """Close the connections."""
        self._adapter.close()


class _Temporary(Exception):
    """A response that may be another one later."""

    def __init__(self, response: Any) -> None:
        self.response = response


def _check_success(method: str, response: Any) -> None:
    """Raise CosServiceError for a redirection, and for a 200 whose body is an error."""
    if 300 <= response.status_code < 400:
        error = {
            "code": response.reason,
            "message": f"redirected to {response.headers.get('Location')}",
        }
        raise CosServiceError(method, error, response.status_code)
    if method != "HEAD" and b"<Error>" in response.content[:200]:
        with suppress(ElementTree.ParseError):
            root = ElementTree.fromstring(response.content.strip())
            if root.tag == "Error":
                error = {element.tag.lower(): element.text or "" for element in root}
                raise CosServiceError(method, error, response.status_code)


def _compare(path: str, head: Any, name: str) -> None:
    """Raise Corrupt unless a file has the size and the CRC64 of an object."""
    size, crc = 0, 0
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            size += len(block)
            crc = crc64.update(block, crc)
    expected = head.get(_CRC_HEADER)
    if size != int(head["Content-Length"]) or (expected and int(expected) != crc):
        raise Corrupt(
            f"{name}: {size} bytes with CRC64 {crc} arrived, expected {head['Content-Length']} bytes with "
            f"CRC64 {expected}"
        )
