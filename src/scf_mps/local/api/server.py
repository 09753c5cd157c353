"""HTTP server of the API emulator, in a background thread on the loopback interface.

Each request is verified (`signature`), parsed (`wire`), possibly hit by a fault (`faults`), and passed to
its service.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, final

from aiohttp import web

from ..background import BackgroundServer
from ..cos import DEFAULT_KEY, Key, KeyRing
from ..http_server import HOST, get_port, reset_connection, start_server, stop_server
from ..request_log import RequestLog
from . import wire
from .errors import ApiError
from .faults import Fault, Faults
from .logged_request import LoggedRequest
from .service import Call, Service
from .signature import SignedRequest, verify_tc3, verify_v1

_log = logging.getLogger(__name__)


class _ConnectionReset(Exception):
    """Resets the connection without a response."""


class _BareStatus(Exception):
    """Sends an HTTP status without an API response."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@final
class CloudApi(BackgroundServer):
    """Tencent Cloud API 3.0 in a background thread: `with CloudApi([Mps(), Scf()]) as api:`.

    Official clients use its endpoint (`HttpProfile(protocol="http", endpoint=api.endpoint)`) or use it as an HTTP
    proxy. A TC3-HMAC-SHA256 signature names the product. For older signatures the host names it, or else the version
    and the action.

    Args:
        services: the products. No two may have the same product and version.
        port: 0 for a free one.
        keys: the accepted key pairs, of which the first is `api.key`, or the key ring of another emulator.
        clock: returns the seconds since the epoch, for signatures and tokens.

    Attributes:
        key: the key for clients.
        keys: the accepted keys, which may be changed.
        faults: makes requests fail.
        requests: the request log.

    Raises:
        ValueError: for services with the same product and version, or without a key.
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
            raise ValueError("keys is empty: pass at least one key")
        self.key = first
        self.faults = Faults()
        self.requests = RequestLog[LoggedRequest]()
        self._clock = clock
        self._services: dict[tuple[str, str], Service] = {}
        for service in services:
            if self._services.setdefault((service.name, service.version), service) is not service:
                raise ValueError(f"duplicate service {service.name} {service.version}")
        self._runner: web.ServerRunner | None = None

    @property
    def endpoint(self) -> str:
        """`127.0.0.1:PORT`, for the SDK's `HttpProfile`."""
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://{self.endpoint}"

    async def start(self) -> None:
        """Listen. Raises OSError if the port is taken."""
        self._runner = await start_server(
            self._handle, self.port, max_line_size=2 * wire.MAX_QUERY_BYTES
        )
        self.port = get_port(self._runner)

    async def stop(self) -> None:
        """Stop listening and cancel requests that wait for an action or a delay."""
        assert self._runner is not None
        await stop_server(self._runner)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Process one request, from its parsed head to its response."""
        exchange = _Exchange(str(uuid.uuid4()))
        started = time.perf_counter()
        status = 200
        response: Mapping[str, Any] = {}
        try:
            response = await self._respond(request, exchange)
        except ApiError as error:
            exchange.code = error.code
            response = _build_error(error)
        except _ConnectionReset:
            exchange.code = "(hung up)"
            reset_connection(request)
        except _BareStatus as error:
            exchange.code, status = f"({error.status})", error.status
        except Exception:
            # The cloud reports its own defects with this code.
            _log.exception("%s failed", exchange.call.action if exchange.call else "a request")
            exchange.code = "InternalError"
            response = _build_error(ApiError("InternalError"))
        self.requests.add(exchange.build_log_entry(time.perf_counter() - started))
        if status != 200:
            return web.Response(
                status=status, text="<html>no answer</html>", content_type="text/html"
            )
        body = json.dumps({"Response": {**response, "RequestId": exchange.request_id}}).encode()
        # Clients compare the whole type, so with a charset they would not see an error.
        return web.Response(body=body, headers={"Content-Type": "application/json"})

    async def _respond(self, request: web.BaseRequest, exchange: _Exchange) -> Mapping[str, Any]:
        if request.method == "CONNECT":  # of an https client with a proxy setting
            raise _BareStatus(405)
        sizes = [service.max_body_bytes for service in self._services.values()]
        signed = await _read_request(request, max(sizes, default=wire.MAX_BODY_BYTES))
        service, call = self._parse_call(signed, exchange.request_id)
        exchange.call = call
        fault = self.faults.take(call.action)
        if fault is not None:
            await _inject_before(fault)
        response = await _run_in_thread(lambda: service.perform(call))
        if fault is not None and fault.kind == "lose_response":
            raise _ConnectionReset
        return response

    def _parse_call(self, signed: SignedRequest, request_id: str) -> tuple[Service, Call]:
        """Return the service and the call of a verified request. Raises ApiError."""
        headers, now = signed.headers, self._clock()
        content_type = headers.get("content-type", "")
        product = wire.parse_product(signed.host)
        if "authorization" in headers or "x-tc-action" in headers:
            key, scope = verify_tc3(signed, self.keys, now)
            if product not in ("", scope):
                raise ApiError(
                    "AuthFailure.SignatureFailure",
                    f"The credential is for {scope}, the host for {product}.",
                )
            # The official client for Node.js takes the first label of its endpoint, "127", as the product.
            if scope != signed.host.partition(".")[0]:
                product = scope
            for name in ("X-TC-Action", "X-TC-Version"):
                if not headers.get(name.lower()):
                    raise ApiError("MissingParameter", f"The request has no {name}.")
            action, version = headers["x-tc-action"], headers["x-tc-version"]
            region = headers.get("x-tc-region", "")
            parameters = wire.parse_tc3_parameters(
                signed.method, content_type, signed.query, signed.body
            )
        else:
            fields = wire.parse_fields(signed.method, content_type, signed.query, signed.body)
            key = verify_v1(signed, fields, self.keys, now)
            action, version, region = fields["Action"], fields["Version"], fields.get("Region", "")
            parameters = wire.parse_parameters(fields)
        service = self._find_service(product, version, action)
        if len(signed.body) > service.max_body_bytes:
            raise ApiError("RequestSizeLimitExceeded")
        call = Call(service.name, version, action, region, parameters, key.secret_id, request_id)
        return service, call

    def _find_service(self, product: str, version: str, action: str) -> Service:
        services = [service for service in self._services.values() if product in ("", service.name)]
        if not services:
            raise ApiError("NoSuchProduct", f"The product {product!r} does not exist.")
        matching = [service for service in services if service.version == version]
        if not matching:
            raise ApiError("NoSuchVersion")
        return next((service for service in matching if action in service.actions), matching[0])


class _Exchange:
    """One request and its result so far."""

    __slots__ = ("call", "code", "request_id")

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.call: Call | None = None
        self.code = ""

    def build_log_entry(self, seconds: float) -> LoggedRequest:
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


def _build_error(error: ApiError) -> Mapping[str, Any]:
    return {"Error": {"Code": error.code, "Message": error.message}}


async def _read_request(request: web.BaseRequest, max_bytes: int) -> SignedRequest:
    """Read a request with its body.

    Raises:
        ApiError: UnsupportedProtocol or RequestSizeLimitExceeded.
    """
    if request.method not in ("GET", "POST"):
        raise ApiError("UnsupportedProtocol")
    path, query = wire.split_target(request.raw_path)
    if request.method == "GET" and len(query) > wire.MAX_QUERY_BYTES:
        raise ApiError("RequestSizeLimitExceeded")
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > max_bytes:
            raise ApiError("RequestSizeLimitExceeded")
    headers = {name.lower(): value for name, value in request.headers.items()}
    return SignedRequest(request.method, path, query, headers, bytes(body))


async def _inject_before(fault: Fault) -> None:
    """Apply the part of a fault that precedes the action."""
    if fault.kind == "error":
        raise ApiError(fault.code, "An injected fault.")
    if fault.kind == "status":
        raise _BareStatus(fault.status)
    if fault.kind == "hang_up":
        raise _ConnectionReset
    await asyncio.sleep(fault.seconds)


async def _run_in_thread(work: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the result of work that may take minutes, such as running a function.

    It runs in a daemon thread, so neither a stop nor the end of the process waits for it.
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
