"""SCF, product API 2018-04-16, as far as it runs functions: Invoke and InvokeFunction.

What a function is, how it runs and what becomes of an event that is pushed to it, is left to the objects that are put
in; they need no more than the `Function` protocol below.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from .errors import ApiError
from .service import Call, Service, action

LARGEST_EVENT = 128 * 1024
LARGEST_SYNCHRONOUS = 6 * 1024 * 1024
"""Bytes of an event: of an asynchronous call and of a synchronous one (product page 583/11637)."""
LOG_TAIL = 4096
"""Bytes of a log, its end, that a synchronous call returns."""

_QUALIFIERS = ("$LATEST", "$DEFAULT")


class Outcome(Protocol):
    """How a synchronous run of a function ended."""

    @property
    def status(self) -> int:
        """SCF's status code: 200, or why it failed, e.g. 430 for an exception of the function."""
        ...

    @property
    def returned(self) -> str | None:
        """What it returned, as JSON text; None if it did not."""
        ...

    @property
    def error(self) -> str:
        """Why it failed; empty if it did not."""
        ...

    @property
    def log(self) -> str: ...

    @property
    def request_id(self) -> str: ...

    @property
    def seconds(self) -> float: ...

    @property
    def memory(self) -> int:
        """Bytes it used at most."""
        ...


class Function(Protocol):
    """A function that can be run."""

    @property
    def name(self) -> str: ...

    @property
    def namespace(self) -> str: ...

    def invoke(self, payload: str) -> Outcome:
        """Run it with an event, JSON text, and wait for its end."""
        ...

    def push(self, payload: str) -> str:
        """Put an event into its queue; returns the request id."""
        ...


class Scf(Service):
    """The functions of an account, in all regions alike."""

    name = "scf"
    version = "2018-04-16"

    def __init__(self, functions: Iterable[Function] = ()) -> None:
        self._lock = threading.Lock()
        self._functions: dict[tuple[str, str], Function] = {}
        for function in functions:
            self.add(function)

    def add(self, function: Function) -> None:
        """Offer a function, in place of one of the same name and namespace."""
        with self._lock:
            self._functions[function.namespace, function.name] = function

    def remove(self, name: str, namespace: str = "default") -> None:
        """Offer it no longer. Raises KeyError if it is not there."""
        with self._lock:
            del self._functions[namespace, name]

    @action("Invoke")
    def invoke(self, call: Call) -> Mapping[str, Any]:
        """Run a function and wait (RequestResponse), or hand the event over (Event)."""
        kind = call.text("InvocationType", "RequestResponse")
        if kind not in ("RequestResponse", "Event"):
            raise ApiError(
                "InvalidParameterValue.InvokeType", "InvocationType is RequestResponse or Event."
            )
        limit = LARGEST_EVENT if kind == "Event" else LARGEST_SYNCHRONOUS
        payload = _payload(call, "ClientContext", limit)
        function = self._function(call)
        if kind == "Event":
            return {"Result": _result(FunctionRequestId=function.push(payload))}
        return _run(function, payload, call)

    @action("InvokeFunction")
    def invoke_function(self, call: Call) -> Mapping[str, Any]:
        """Run a function and wait."""
        payload = _payload(call, "Event", LARGEST_SYNCHRONOUS)
        return _run(self._function(call), payload, call)

    def _function(self, call: Call) -> Function:
        """The function that a call is for.

        Raises:
            ApiError: MissingParameter, ResourceNotFound.Function or .Qualifier.
        """
        name, namespace = call.text("FunctionName"), call.text("Namespace", "default")
        with self._lock:
            function = self._functions.get((namespace, name))
        if function is None:
            raise ApiError(
                "ResourceNotFound.Function", f"There is no function {name} in {namespace}."
            )
        qualifier = call.text("Qualifier", "$DEFAULT")
        if qualifier not in _QUALIFIERS:
            raise ApiError("ResourceNotFound.Qualifier", f"{name} has no {qualifier}.")
        return function


def _payload(call: Call, name: str, limit: int) -> str:
    """The event, JSON text; an empty object without one.

    Raises:
        ApiError: InvalidParameter.RequestTooLarge or InvalidParameterValue.Param.
    """
    payload = call.text(name, "{}")
    size = len(payload.encode("utf-8", "surrogatepass"))
    if size > limit:
        raise ApiError(
            "InvalidParameter.RequestTooLarge", f"{name} has {size} bytes, but {limit} at most."
        )
    try:
        json.loads(payload)
    except (ValueError, RecursionError):
        raise ApiError("InvalidParameterValue.Param", f"{name} is to be JSON.") from None
    return payload


def _run(function: Function, payload: str, call: Call) -> Mapping[str, Any]:
    outcome = function.invoke(payload)
    tail = outcome.log.encode()[-LOG_TAIL:] if call.text("LogType", "None") == "Tail" else b""
    milliseconds = outcome.seconds * 1000
    return {
        "Result": _result(
            Log=tail.decode("utf-8", "ignore"),
            RetMsg=outcome.returned or "",
            ErrMsg=outcome.error,
            MemUsage=outcome.memory,
            Duration=milliseconds,
            BillDuration=math.ceil(milliseconds),
            FunctionRequestId=outcome.request_id,
            InvokeResult=0 if outcome.status == 200 else outcome.status,
        )
    }


def _result(**told: Any) -> dict[str, Any]:
    """``Result`` with every field it has; those that an asynchronous call does not tell are empty."""
    empty = {
        "MsgId": "",
        "Log": "",
        "RetMsg": "",
        "ErrMsg": "",
        "MemUsage": 0,
        "Duration": 0,
        "BillDuration": 0,
        "InvokeResult": 0,
    }
    return {**empty, **told}
