"""HTTP on one side, calls and answers on the other.

Parses what arrives (through a proxy setting in absolute form, or directly: told apart by the
request target alone), has it verified, routed and performed, and sends what comes out: streaming,
with COS's headers and error documents. The HTTP itself is aiohttp's.
"""

from __future__ import annotations

import base64
import itertools
import logging
import secrets
import socket
import struct
import time
from collections.abc import AsyncIterator

from aiohttp import hdrs, web

from . import access, names, signature
from .call import Call, Cloud, Response
from .control import Control
from .errors import CosError
from .fault_injection import ConnectionReset, damage, perform
from .faults import Faults
from .request_log import LoggedRequest, RequestLog
from .routes import Route, route
from .signature import KeyRing
from .xmlio import CONTENT_TYPE, error_document

MAX_HEAD_LINE = 64 * 1024
"""Longest request line and header field, in bytes: presigned URLs with tokens are long."""

_log = logging.getLogger(__name__)


class _RequestBody:
    """The body of an aiohttp request."""

    __slots__ = ("_request",)

    def __init__(self, request: web.BaseRequest) -> None:
        self._request = request

    async def chunks(self) -> AsyncIterator[bytes]:
        request = self._request
        if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
            # Only now does someone want the body: a refusal comes before it is sent.
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        async for chunk in request.content.iter_any():
            yield chunk


class Server:
    """Answers aiohttp requests for one cloud."""

    def __init__(
        self,
        cloud: Cloud,
        keys: KeyRing,
        faults: Faults,
        requests: RequestLog,
        *,
        create_buckets: bool,
    ) -> None:
        self._cloud = cloud
        self._keys = keys
        self._faults = faults
        self._requests = requests
        self._control = Control(faults, keys, requests)
        self._create_buckets = create_buckets
        self._numbers = itertools.count(secrets.randbits(32))

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request, from its parsed head to the last byte of its answer."""
        started = time.perf_counter()
        code = ""
        call: Call | None = None
        try:
            authority, path, query = names.split_target(request.raw_path)
            hosts = (request.headers.get(hdrs.HOST, ""), authority)
            if names.is_loopback(authority or hosts[0]):
                headers = {name.lower(): value for name, value in request.headers.items()}
                answer = self._control.answer(request.method, path, headers, await request.read())
                return await self._send(request, answer)
            call = Call(
                method=request.method,
                address=names.parse_host(authority or hosts[0]),
                key=names.decode(path[1:]),
                query=names.parse_query(query),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=_RequestBody(request),
            )
            answer = await self._perform(call, hosts)
        except CosError as error:
            code = error.code
            answer = self._refusal(error, request, call)
        except (ConnectionReset, ConnectionError):
            _reset(request)
            answer = Response(0)
        except Exception:
            # Whatever broke here, the client gets what COS sends when something breaks there.
            _log.exception("%s %s failed", request.method, request.raw_path)
            code = "InternalError"
            answer = self._refusal(CosError(code), request, call)
        try:
            return await self._send(request, answer)
        except ConnectionError:  # the client left
            _reset(request)
            return web.Response()
        finally:
            if call is not None:
                seconds = time.perf_counter() - started
                self._requests.add(
                    LoggedRequest(
                        call.operation,
                        call.method,
                        call.address.bucket,
                        call.key,
                        answer.status,
                        code,
                        seconds,
                    )
                )

    async def _perform(self, call: Call, hosts: tuple[str, ...]) -> Response:
        if call.key:
            names.check_key(call.key)
        found = route(call)
        call.operation = found.operation
        signed = signature.SignedRequest(
            call.method, f"/{call.key}", call.query, call.headers, hosts
        )
        now = self._cloud.clock()
        call.signed = signature.verify(signed, self._keys, now) is not None
        if found.needs_bucket:
            self._find_bucket(call, found)
        access.check(self._cloud, call, found)
        return await perform(self._cloud, call, found, self._faults)

    def _find_bucket(self, call: Call, found: Route) -> None:
        store, address = self._cloud.store, call.address
        try:
            call.bucket = store.bucket(address.bucket, address.region)
        except CosError:
            if not (self._create_buckets and call.signed and found.writes and call.key):
                raise
            store.create_bucket(address.bucket, address.region, "", self._cloud.clock())
            call.bucket = store.bucket(address.bucket, address.region)

    def _refusal(self, error: CosError, request: web.BaseRequest, call: Call | None) -> Response:
        request_id, trace_id = self._request_id(), self._request_id()
        answer = Response(error.status, {**error.headers, "x-cos-request-id": request_id})
        answer.headers["x-cos-trace-id"] = trace_id
        if request.method != "HEAD" and error.status != 304:
            fields = {
                "Resource": call.resource if call else request.raw_path,
                "RequestId": request_id,
                "TraceId": trace_id,
                **error.fields,
            }
            answer.headers["Content-Type"] = CONTENT_TYPE
            answer.body = error_document(error.code, error.message, fields)
        return answer

    def _request_id(self) -> str:
        """An id in the shape of COS's: base64 of hexadecimal words."""
        return base64.b64encode(f"{int(time.time()):x}_{next(self._numbers):x}".encode()).decode()

    async def _send(self, request: web.BaseRequest, answer: Response) -> web.StreamResponse:
        headers = answer.headers
        headers.setdefault("x-cos-request-id", self._request_id())
        headers["Server"] = "tencent-cos"
        headers["Date"] = names.http_date(int(self._cloud.clock()))
        if answer.content is not None or answer.truncated:
            return await self._stream(request, answer)
        body = damage(answer.body) if answer.damaged and answer.body else answer.body
        if answer.length is not None:
            headers["Content-Length"] = str(answer.length)
        return web.Response(status=answer.status or 500, headers=headers, body=body or None)

    async def _stream(self, request: web.BaseRequest, answer: Response) -> web.StreamResponse:
        """Send a body piece by piece; the client's reading speed sets ours."""
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        content = answer.content
        try:
            length = len(answer.body) if content is None else content.length
            response.content_length = length
            await response.prepare(request)
            if content is None:
                await response.write(answer.body[: length // 2])
            else:
                if answer.truncated:
                    content.length = length // 2
                while chunk := content.read():
                    await response.write(damage(chunk) if answer.damaged else chunk)
                    answer.damaged = False
        finally:
            answer.close()
        if answer.truncated and request.transport is not None:
            request.transport.close()
        return response


def _reset(request: web.BaseRequest) -> None:
    """Close the connection with a TCP reset, so that the client cannot take it for an end."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
