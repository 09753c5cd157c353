"""The API as a thing to start and stop: a server in a background thread, on the loopback interface.

Takes each request through the same steps: who sent it (`signature`), what it asks for (`wire`), a fault if one is due
(`faults`), then the service's answer. The HTTP itself is aiohttp's.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import struct
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, final

from aiohttp import web

from .. import http_log
from ..background import BackgroundServer
from ..cos import DEFAULT_KEY, Key, KeyRing
from . import wire
from .errors import ApiError
from .faults import Fault, Faults
from .request_log import LoggedRequest, RequestLog
from .service import Call, Service
from .signature import SignedRequest, verify_tc3, verify_v1

HOST = "127.0.0.1"

_STOP_SECONDS = 0.5
"""How long a stop waits for requests in progress before it cancels them."""

_log = logging.getLogger(__name__)


class _HungUp(Exception):
    """The connection is to end without an answer."""


class _BareStatus(Exception):
    """An HTTP status is all there is to be of an answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@final
class CloudApi(BackgroundServer):
    """Tencent Cloud API 3.0 in a background thread: `with CloudApi([Mps(), Scf()]) as api:`.

    Official clients reach it by their endpoint (`HttpProfile(protocol="http", endpoint=api.endpoint)`), or as an HTTP
    proxy. Requests by TC3-HMAC-SHA256 say which product they are for; older signatures do not, so that the host says
    it, or else the version and the action.

    - `services` are what it offers; no two of the same product and version.
    - `port` 0 takes a free one.
    - `keys` are the accepted key pairs: a sequence of which the first is `api.key`, or the key ring of another emulator.
    - `clock` gives the time in seconds since the epoch, for signatures and tokens.

    Attributes: `port`, `url`, `endpoint`, `key`, `keys` (change them at will), `faults` (make requests fail),
    `requests` (what was asked).

    Raises ValueError for services that are in each other's way, or without a key.
    """

    _thread_name = "cloud-api"

    def __init__(
        self,
        services: Iterable[Service] = (),
        *,
        port: int = 0,
        keys: Sequence[Key] | KeyRing = (DEFAULT_KEY,),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.port = port
        self.keys = keys if isinstance(keys, KeyRing) else KeyRing(keys)
        first = next(iter(self.keys), None)
        if first is None:
            raise ValueError("there must be a key to sign with")
        self.key = first
        self.faults = Faults()
        self.requests = RequestLog()
        self._clock = clock
        self._services: dict[tuple[str, str], Service] = {}
        for service in services:
            if self._services.setdefault((service.name, service.version), service) is not service:
                raise ValueError(f"there are two services {service.name} {service.version}")
        self._runner: web.ServerRunner | None = None

    @property
    def endpoint(self) -> str:
        """`127.0.0.1:PORT`, as the SDK's `HttpProfile` takes it."""
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://{self.endpoint}"

    async def start(self) -> None:
        """Listen. Raises OSError if the port is taken."""
        self._runner = web.ServerRunner(
            web.Server(
                self._handle,
                access_log=None,
                logger=http_log.logger,
                max_line_size=2 * wire.LARGEST_QUERY,
            ),
            shutdown_timeout=_STOP_SECONDS,
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, HOST, self.port).start()
        except OSError:
            await self._runner.cleanup()
            raise
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening, and end what still waits for an action or a delay whose client has gone."""
        assert self._runner is not None
        await self._runner.cleanup()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request, from its parsed head to its answer."""
        exchange = _Exchange(str(uuid.uuid4()))
        started = time.perf_counter()
        status = 200
        answer: Mapping[str, Any] = {}
        try:
            answer = await self._answer(request, exchange)
        except ApiError as error:
            exchange.code = error.code
            answer = {"Error": {"Code": error.code, "Message": error.message}}
        except _HungUp:
            exchange.code = "(hung up)"
            _hang_up(request)
        except _BareStatus as error:
            exchange.code, status = f"({error.status})", error.status
        except Exception:
            # Whatever broke here, the client gets what the cloud sends when something breaks there.
            _log.exception("%s failed", exchange.call.action if exchange.call else "a request")
            exchange.code = "InternalError"
            answer = {
                "Error": {"Code": "InternalError", "Message": ApiError("InternalError").message}
            }
        self.requests.add(exchange.written(time.perf_counter() - started))
        if status != 200:
            return web.Response(
                status=status, text="<html>no answer</html>", content_type="text/html"
            )
        body = json.dumps({"Response": {**answer, "RequestId": exchange.request_id}}).encode()
        # Clients look for this type as a whole: with a charset behind it an error is none to them.
        return web.Response(body=body, headers={"Content-Type": "application/json"})

    async def _answer(self, request: web.BaseRequest, exchange: _Exchange) -> Mapping[str, Any]:
        if request.method == "CONNECT":  # of a client with https, by a proxy setting
            raise _BareStatus(405)
        sizes = [service.max_body_bytes for service in self._services.values()]
        signed = await _signed(request, max(sizes, default=wire.LARGEST_BODY))
        service, call = self._read(signed, exchange.request_id)
        exchange.call = call
        fault = self.faults.take(call.action)
        if fault is not None:
            await _before(fault)
        answer = await _in_thread(lambda: service.perform(call))
        if fault is not None and fault.kind == "lose_response":
            raise _HungUp
        return answer

    def _read(self, signed: SignedRequest, request_id: str) -> tuple[Service, Call]:
        """Who asks which service for what. Raises ApiError."""
        headers, now = signed.headers, self._clock()
        content_type = headers.get("content-type", "")
        product = wire.product_of(signed.host)
        if "authorization" in headers or "x-tc-action" in headers:
            key, scope = verify_tc3(signed, self.keys, now)
            if product not in ("", scope):
                raise ApiError(
                    "AuthFailure.SignatureFailure",
                    f"The credential is for {scope}, the host of {product}.",
                )
            # The official client for Node.js takes the first word of its endpoint for the product: "127".
            if scope != signed.host.partition(".")[0]:
                product = scope
            for name in ("X-TC-Action", "X-TC-Version"):
                if not headers.get(name.lower()):
                    raise ApiError("MissingParameter", f"The request has no {name}.")
            action, version = headers["x-tc-action"], headers["x-tc-version"]
            region = headers.get("x-tc-region", "")
            parameters = wire.tc3_parameters(signed.method, content_type, signed.query, signed.body)
        else:
            fields = wire.fields_of(signed.method, content_type, signed.query, signed.body)
            key = verify_v1(signed, fields, self.keys, now)
            action, version, region = fields["Action"], fields["Version"], fields.get("Region", "")
            parameters = wire.own_parameters(fields)
        service = self._service(product, version, action)
        if len(signed.body) > service.max_body_bytes:
            raise ApiError("RequestSizeLimitExceeded")
        call = Call(service.name, version, action, region, parameters, key.secret_id, request_id)
        return service, call

    def _service(self, product: str, version: str, action: str) -> Service:
        offered = [one for one in self._services.values() if product in ("", one.name)]
        if not offered:
            raise ApiError("NoSuchProduct", f"There is no product {product!r} here.")
        fitting = [one for one in offered if one.version == version]
        if not fitting:
            raise ApiError("NoSuchVersion")
        return next((one for one in fitting if action in one.actions), fitting[0])


class _Exchange:
    """One request with what is known of it so far."""

    __slots__ = ("call", "code", "request_id")

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.call: Call | None = None
        self.code = ""

    def written(self, seconds: float) -> LoggedRequest:
        call = self.call or Call("", "", "", "", {}, "", self.request_id)
        return LoggedRequest(
            call.service,
            call.action,
            call.version,
            call.region,
            call.parameters,
            call.secret_id,
            self.code,
            self.request_id,
            seconds,
        )


async def _signed(request: web.BaseRequest, largest: int) -> SignedRequest:
    """The request with its whole body. Raises ApiError UnsupportedProtocol or RequestSizeLimitExceeded."""
    if request.method not in ("GET", "POST"):
        raise ApiError("UnsupportedProtocol")
    path, query = wire.split_target(request.raw_path)
    if request.method == "GET" and len(query) > wire.LARGEST_QUERY:
        raise ApiError("RequestSizeLimitExceeded")
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > largest:
            raise ApiError("RequestSizeLimitExceeded")
    headers = {name.lower(): value for name, value in request.headers.items()}
    return SignedRequest(request.method, path, query, headers, bytes(body))


async def _before(fault: Fault) -> None:
    """What a fault does before anything else is done."""
    if fault.kind == "error":
        raise ApiError(fault.code, "An injected fault.")
    if fault.kind == "status":
        raise _BareStatus(fault.status)
    if fault.kind == "hang_up":
        raise _HungUp
    await asyncio.sleep(fault.seconds)


async def _in_thread(work: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """The outcome of work that may take minutes, such as running a function.

    In a thread of its own, which does not keep the process: a stop does not wait for it.
    """
    future: Future[Mapping[str, Any]] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="cloud-api-call", daemon=True).start()
    return await asyncio.wrap_future(future)


def _hang_up(request: web.BaseRequest) -> None:
    """End the connection with a TCP reset, so that nobody takes it for an end."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
