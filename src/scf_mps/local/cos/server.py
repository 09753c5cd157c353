"""HTTP server of the COS emulator.

It parses requests (sent to the emulator directly or as a proxy, which the request target shows), verifies
their signature, finds and runs the operation, and sends the response with COS's headers and documents.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import logging
import secrets
import time
from collections.abc import AsyncIterator

from aiohttp import hdrs, web

from ..http_server import reset_connection
from ..request_log import RequestLog
from . import access, names, signature
from .call import Call, Cloud, Response
from .control import Control
from .errors import CosError
from .fault_injection import ConnectionReset, flip_bit, run_operation
from .faults import Faults
from .logged_request import LoggedRequest
from .routes import Route, find_route
from .signature import KeyRing
from .xmlio import CONTENT_TYPE, error_document

MAX_HEAD_LINE = 64 * 1024
"""Longest request line and header field, in bytes. Presigned URLs with tokens are long."""

_log = logging.getLogger(__name__)


class _RequestBody:
    """The body of an aiohttp request."""

    __slots__ = ("_request",)

    def __init__(self, request: web.BaseRequest) -> None:
        self._request = request

    async def chunks(self) -> AsyncIterator[bytes]:
        request = self._request
        if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
            # An operation reads the body. A refusal comes before the client sends it.
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        async for chunk in request.content.iter_any():
            yield chunk


class Server:
    """Responds to aiohttp requests for one cloud."""

    def __init__(
        self,
        cloud: Cloud,
        keys: KeyRing,
        faults: Faults,
        requests: RequestLog[LoggedRequest],
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
        """Process one request, from its parsed head to the last byte of its response."""
        started = time.perf_counter()
        code = ""
        call: Call | None = None
        try:
            authority, path, query = names.split_target(request.raw_path)
            hosts = (request.headers.get(hdrs.HOST, ""), authority)
            if names.is_loopback(authority or hosts[0]):
                headers = {name.lower(): value for name, value in request.headers.items()}
                response = self._control.handle(request.method, path, headers, await request.read())
                return await self._send(request, response)
            call = Call(
                method=request.method,
                address=names.parse_host(authority or hosts[0]),
                key=names.decode(path[1:]),
                query=names.parse_query(query),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=_RequestBody(request),
            )
            response = await self._run(call, hosts)
        except CosError as error:
            code = error.code
            response = self._build_error_response(error, request, call)
        except (ConnectionReset, ConnectionError):
            reset_connection(request)
            response = Response(0)
        except Exception:
            # COS reports its own defects with this code.
            _log.exception("%s %s failed", request.method, request.raw_path)
            code = "InternalError"
            response = self._build_error_response(CosError(code), request, call)
        try:
            return await self._send(request, response)
        except ConnectionError:  # the client disconnected
            reset_connection(request)
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
                        response.status,
                        code,
                        seconds,
                        _read_copy_source(call),
                    )
                )

    async def _run(self, call: Call, hosts: tuple[str, ...]) -> Response:
        if call.key:
            names.check_key(call.key)
        route = find_route(call)
        call.operation = route.operation
        signed = signature.SignedRequest(
            call.method, f"/{call.key}", call.query, call.headers, hosts
        )
        now = self._cloud.clock()
        key = signature.verify(signed, self._keys, now)
        call.secret_id = key.secret_id if key else ""
        if route.needs_bucket:
            self._find_bucket(call, route)
        access.check_access(self._cloud, call, route)
        try:
            return await run_operation(self._cloud, call, route, self._faults)
        finally:
            observers = self._cloud.observers
            if call.stored is not None and observers:
                # Observers may block, and may send requests to this server.
                await asyncio.to_thread(observers.notify, call.stored)

    def _find_bucket(self, call: Call, route: Route) -> None:
        store, address = self._cloud.store, call.address
        try:
            call.bucket = store.bucket(address.bucket, address.region)
        except CosError:
            if not (self._create_buckets and call.signed and route.writes and call.key):
                raise
            store.create_bucket(address.bucket, address.region, "", self._cloud.clock())
            call.bucket = store.bucket(address.bucket, address.region)

    def _build_error_response(
        self, error: CosError, request: web.BaseRequest, call: Call | None
    ) -> Response:
        request_id, trace_id = self._create_request_id(), self._create_request_id()
        response = Response(error.status, {**error.headers, "x-cos-request-id": request_id})
        response.headers["x-cos-trace-id"] = trace_id
        if request.method != "HEAD" and error.status != 304:
            fields = {
                "Resource": call.resource if call else request.raw_path,
                "RequestId": request_id,
                "TraceId": trace_id,
                **error.fields,
            }
            response.headers["Content-Type"] = CONTENT_TYPE
            response.body = error_document(error.code, error.message, fields)
        return response

    def _create_request_id(self) -> str:
        """Return an id in COS's form: base64 of hexadecimal words."""
        return base64.b64encode(f"{int(time.time()):x}_{next(self._numbers):x}".encode()).decode()

    async def _send(self, request: web.BaseRequest, response: Response) -> web.StreamResponse:
        headers = response.headers
        headers.setdefault("x-cos-request-id", self._create_request_id())
        headers["Server"] = "tencent-cos"
        headers["Date"] = names.format_http_date(int(self._cloud.clock()))
        if response.content is not None or response.truncated:
            return await self._stream(request, response)
        body = flip_bit(response.body) if response.damaged and response.body else response.body
        if response.length is not None:
            headers["Content-Length"] = str(response.length)
        return web.Response(status=response.status or 500, headers=headers, body=body or None)

    async def _stream(self, request: web.BaseRequest, response: Response) -> web.StreamResponse:
        """Send a body chunk by chunk, at the speed of the client."""
        stream = web.StreamResponse(status=response.status, headers=response.headers)
        content = response.content
        try:
            length = len(response.body) if content is None else content.length
            stream.content_length = length
            await stream.prepare(request)
            if content is None:
                await stream.write(response.body[: length // 2])
            else:
                if response.truncated:
                    content.length = length // 2
                while chunk := content.read():
                    await stream.write(flip_bit(chunk) if response.damaged else chunk)
                    response.damaged = False
        finally:
            response.close()
        if response.truncated and request.transport is not None:
            request.transport.close()
        return stream


def _read_copy_source(call: Call) -> str:
    """Return ``bucket/key`` of the source of a copy, or ``""``."""
    with contextlib.suppress(CosError):
        source = names.parse_copy_source(call.headers.get("x-cos-copy-source", ""))
        return f"{source.bucket}/{source.key}"
    return ""
