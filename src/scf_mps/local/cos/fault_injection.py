"""Fault injection: runs an operation under the faults and limits in force.

Faults act on calls and responses. Those that need the socket (a reset, half a body) are marked on the
response or raised, and the server applies them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from .call import Body, Call, Cloud, Response, build_xml_response
from .errors import CosError
from .faults import Fault, Faults
from .routes import Route
from .xmlio import error_document


class ConnectionReset(Exception):
    """Raised to reset the connection without a response."""


def flip_bit(chunk: bytes) -> bytes:
    """Return the chunk with one bit of its first byte changed."""
    return bytes([chunk[0] ^ 1]) + chunk[1:]


class _DamagedBody:
    """A request body with one bit changed."""

    def __init__(self, body: Body) -> None:
        self._body = body

    async def chunks(self) -> AsyncIterator[bytes]:
        first = True
        async for chunk in self._body.chunks():
            yield flip_bit(chunk) if first else chunk
            first = False


async def run_operation(cloud: Cloud, call: Call, route: Route, faults: Faults) -> Response:
    """Run the operation of a call under the faults and limits in force.

    Raises:
        CosError: the error of the operation, of a fault or of a limit.
        ConnectionReset: if a fault resets the connection.
    """
    bucket = call.address.bucket
    if not faults.admit(bucket, call.key, writes=route.writes, now=cloud.clock()):
        raise CosError("SlowDown", headers={"Retry-After": "1"})
    call.admit_key = partial(_admit_key, faults, cloud, call)
    decision = faults.decide(route.operation, bucket, call.key)
    if decision.seconds:
        await asyncio.sleep(decision.seconds)
    fault = decision.fault
    if fault is None:
        return await route.handler(cloud, call)
    if fault.kind == "error_in_200":
        # The connection can carry another request only after the body was read.
        await call.document()
        return build_xml_response(error_document(fault.code, "An injected fault.", {}))
    _inject_before(fault, call)
    response = await route.handler(cloud, call)
    _inject_after(fault, call, response)
    return response


def _inject_before(fault: Fault, call: Call) -> None:
    if fault.kind == "reset_before":
        raise ConnectionReset
    if fault.kind == "slow_down":
        retry_after = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        raise CosError("SlowDown", headers=retry_after)
    if fault.kind == "expired_token":
        raise CosError("ExpiredToken")
    if fault.kind == "error":
        raise _build_error(fault)
    if fault.kind == "corrupt":
        call.damage_copy = True
        call.body = _DamagedBody(call.body)


def _inject_after(fault: Fault, call: Call, response: Response) -> None:
    if fault.kind in ("reset_after", "error_after"):
        response.close()
        raise ConnectionReset if fault.kind == "reset_after" else _build_error(fault)
    response.truncated = fault.kind == "truncate"
    # Uploads and copies were damaged on arrival, and their responses have the checksums of that.
    response.damaged = fault.kind == "corrupt" and call.operation == "GetObject"


def _build_error(fault: Fault) -> CosError:
    return CosError(fault.code, "An injected fault.", status=fault.status)


def _admit_key(faults: Faults, cloud: Cloud, call: Call, key: str) -> None:
    bucket = call.address.bucket
    if not faults.admit(bucket, key, writes=True, now=cloud.clock()):
        raise CosError("SlowDown")
    fault = faults.key_fault(call.operation, bucket, key)
    if fault is not None:
        raise CosError(fault.code, "An injected fault.")
