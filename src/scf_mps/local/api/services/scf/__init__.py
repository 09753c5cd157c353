"""SCF, product API 2018-04-16: Invoke and InvokeFunction here, and what deploys functions in modules of their own.

A function is there because an object was put in, which needs no more than the `FunctionTarget` protocol below, or because
CreateFunction made it; then its code is run by what `Scf` is given for that, such as `running.LocalRunner`.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from ...errors import ApiError
from ...service import Call, action
from .account import Account, FunctionRecord, FunctionVersion
from .function_rules import Objects
from .functions import Functions
from .layers import Layers
from .logs import FunctionLogs, write_log_entry
from .triggers import Triggers

LARGEST_EVENT = 128 * 1024
LARGEST_SYNCHRONOUS = 6 * 1024 * 1024
"""Bytes of an event: of an asynchronous call and of a synchronous one (product page 583/11637)."""
LOG_TAIL = 4096
"""Bytes of a log, its end, that a synchronous call returns."""

_QUALIFIERS = ("$LATEST", "$DEFAULT")


class InvocationResult(Protocol):
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

    def invoke(self, payload: str) -> InvocationResult:
        """Run it with an event, JSON text, and wait for its end."""
        ...

    def push(self, payload: str) -> str:
        """Put an event into its queue; returns the request id."""
        ...


class Scf(Functions, Triggers, Layers, FunctionLogs):
    """The functions of an account: those put in are in all regions alike, those deployed in the one they were made in.

    - `functions` are put in.
    - `namespaces` are those there are.
    - `polls`: how many answers of GetFunction say Creating or Updating before they say Active.
    - `objects`: what is in COS, for code that is sent that way.
    - `run`: gives what runs a version of a deployed function.
    - `clock` gives the time in seconds since the epoch.

    Attributes: `account` (what is deployed), `run`.
    """

    def __init__(
        self,
        functions: Iterable[Function] = (),
        *,
        namespaces: Iterable[str] = ("default",),
        polls: int = 0,
        objects: Objects | None = None,
        run: Callable[[Account, FunctionRecord, FunctionVersion], Function] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.account = Account(namespaces, polls, clock)
        self.objects = objects
        self.run = run
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
        function, deployed = self._function(call)
        if kind == "Event":
            return {"Result": _result(FunctionRequestId=function.push(payload))}
        return self._invoked(function, deployed, payload, call)

    @action("InvokeFunction")
    def invoke_function(self, call: Call) -> Mapping[str, Any]:
        """Run a function and wait."""
        payload = _payload(call, "Event", LARGEST_SYNCHRONOUS)
        function, deployed = self._function(call)
        return self._invoked(function, deployed, payload, call)

    def _function(self, call: Call) -> tuple[Function, FunctionRecord | None]:
        """The function that a call is for, and its entry in the books if it was deployed.

        Raises:
            ApiError: MissingParameter, ResourceNotFound.Function or .Qualifier, UnsupportedOperation without `run`.
        """
        name, namespace = call.text("FunctionName"), call.text("Namespace", "default")
        qualifier = call.text("Qualifier", "$DEFAULT")
        with self._lock:
            function = self._functions.get((namespace, name))
        if function is None:
            with self.account.lock:
                deployed = self.account.find(call)
                deployed.check_active()
                version = deployed.version(qualifier)
                if self.run is None:
                    raise ApiError("UnsupportedOperation", "Nothing here runs deployed functions.")
                return self.run(self.account, deployed, version), deployed
        if qualifier not in _QUALIFIERS:
            raise ApiError("ResourceNotFound.Qualifier", f"{name} has no {qualifier}.")
        return function, None

    def _invoked(
        self, function: Function, deployed: FunctionRecord | None, payload: str, call: Call
    ) -> Mapping[str, Any]:
        began = self.account.clock()
        outcome = function.invoke(payload)
        if deployed is not None:
            with self.account.lock:
                write_log_entry(
                    deployed,
                    began,
                    request_id=outcome.request_id,
                    log=outcome.log,
                    returned=outcome.returned or outcome.error,
                    status=0 if outcome.status == 200 else outcome.status,
                    seconds=outcome.seconds,
                    memory=outcome.memory,
                )
        return _answer(outcome, call)


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


def _answer(outcome: InvocationResult, call: Call) -> Mapping[str, Any]:
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
