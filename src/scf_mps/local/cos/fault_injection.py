"""Carrying faults out: the operation, wrapped in whatever was decided for this request.

Works on calls and answers alone; what needs the socket (a reset, half a body) is marked on the
answer or raised, and the server does it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from .call import Body, Call, Cloud, Response, xml_answer
from .errors import CosError
from .faults import Fault, Faults
from .routes import Route
from .xmlio import error_document


class ConnectionReset(Exception):
    """The connection is to be reset without an answer."""


def damage(chunk: bytes) -> bytes:
    """The chunk with one bit of its first byte changed."""
    return bytes([chunk[0] ^ 1]) + chunk[1:]


class _DamagedBody:
    """A request body with one bit changed on the way."""

    def __init__(self, body: Body) -> None:
        self._body = body

    async def chunks(self) -> AsyncIterator[bytes]:
        first = True
        async for chunk in self._body.chunks():
            yield damage(chunk) if first else chunk
            first = False


async def perform(cloud: Cloud, call: Call, route: Route, faults: Faults) -> Response:
    """Run the operation of a call under the faults and limits in force.

    Raises CosError, or ConnectionReset.
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
        # The body must be read, or the connection could not carry another request.
        await call.document()
        return xml_answer(error_document(fault.code, "An injected fault.", {}))
    _before(fault, call)
    answer = await route.handler(cloud, call)
    _after(fault, call, answer)
    return answer


def _before(fault: Fault, call: Call) -> None:
    if fault.kind == "reset_before":
        raise ConnectionReset
    if fault.kind == "slow_down":
        retry_after = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        raise CosError("SlowDown", headers=retry_after)
    if fault.kind == "expired_token":
        raise CosError("ExpiredToken")
    if fault.kind == "error":
        raise _error(fault)
    if fault.kind == "corrupt":
        call.damage_copy = True
        call.body = _DamagedBody(call.body)


def _after(fault: Fault, call: Call, answer: Response) -> None:
    if fault.kind in ("reset_after", "error_after"):
        answer.close()
        raise ConnectionReset if fault.kind == "reset_after" else _error(fault)
    answer.truncated = fault.kind == "truncate"
    # Uploads and copies were damaged on their way in; their answers tell the truth about that.
    answer.damaged = fault.kind == "corrupt" and call.operation == "GetObject"


def _error(fault: Fault) -> CosError:
    return CosError(fault.code, "An injected fault.", status=fault.status)


def _admit_key(faults: Faults, cloud: Cloud, call: Call, key: str) -> None:
    bucket = call.address.bucket
    if not faults.admit(bucket, key, writes=True, now=cloud.clock()):
        raise CosError("SlowDown")
    fault = faults.key_fault(call.operation, bucket, key)
    if fault is not None:
        raise CosError(fault.code, "An injected fault.")
