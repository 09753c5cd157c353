"""SCF, product API 2018-04-16: invocation, deployment and logs of functions.

A function exists because a test added an object (see `Function`), or because CreateFunction created
it. The code of the latter is run by `Scf.run`, such as `runner.LocalRunner`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ...errors import ApiError
from ...service import Call, action
from .account import Account, FunctionRecord, FunctionVersion
from .function_rules import Objects
from .functions import Functions
from .layers import Layers
from .logs import FunctionLogs, write_log_entry
from .triggers import Triggers

if TYPE_CHECKING:
    from ....scf import Invocation

MAX_ASYNCHRONOUS_EVENT_BYTES = 128 * 1024
MAX_SYNCHRONOUS_EVENT_BYTES = 6 * 1024 * 1024
"""Most bytes of an event: of an asynchronous and of a synchronous call (product page 583/11637)."""
MAX_LOG_TAIL_BYTES = 4096
"""Bytes at the end of a log that a synchronous call returns."""

_QUALIFIERS = ("$LATEST", "$DEFAULT")


class Function(Protocol):
    """A function that can be run, such as a `LocalFunction`."""

    @property
    def name(self) -> str:
        """The function's name."""
        ...

    @property
    def namespace(self) -> str:
        """The function's namespace."""
        ...

    def invoke(self, *, text: str) -> Invocation:
        """Run the function with an event (JSON text) and wait for the result."""
        ...

    def push(self, *, text: str) -> str:
        """Queue an event (JSON text) and return the request id."""
        ...


class Scf(Functions, Triggers, Layers, FunctionLogs):
    """The functions of an account.

    Added functions exist in all regions, deployed ones in the region of their CreateFunction.

    Args:
        functions: the functions to add.
        namespaces: the account's namespaces.
        polls: how many responses of GetFunction say Creating or Updating before they say Active.
        objects: the objects in COS, for code that is sent that way.
        run: returns the function that runs a version of a deployed function.

    Attributes:
        account: the deployed functions.
        run: as above.
    """

    def __init__(
        self,
        functions: Iterable[Function] = (),
        *,
        namespaces: Iterable[str] = ("default",),
        polls: int = 0,
        objects: Objects | None = None,
        run: Callable[[Account, FunctionRecord, FunctionVersion], Function] | None = None,
    ) -> None:
        self.account = Account(namespaces, polls)
        self.objects = objects
        self.run = run
        self._lock = threading.Lock()
        self._functions: dict[tuple[str, str], Function] = {}
        for function in functions:
            self.add(function)

    def add(self, function: Function) -> None:
        """Add a function, in place of one with the same name and namespace."""
        with self._lock:
            self._functions[function.namespace, function.name] = function

    def remove(self, name: str, namespace: str = "default") -> None:
        """Remove an added function. Raises KeyError if it does not exist."""
        with self._lock:
            del self._functions[namespace, name]

    @action("Invoke")
    def invoke(self, call: Call) -> Mapping[str, Any]:
        """Run a function and wait (RequestResponse), or queue the event (Event)."""
        kind = call.text("InvocationType", "RequestResponse")
        if kind not in ("RequestResponse", "Event"):
            raise ApiError(
                "InvalidParameterValue.InvokeType", "InvocationType is RequestResponse or Event."
            )
        limit = MAX_ASYNCHRONOUS_EVENT_BYTES if kind == "Event" else MAX_SYNCHRONOUS_EVENT_BYTES
        payload = _read_payload(call, "ClientContext", limit)
        function, record = self._find_function(call)
        if kind == "Event":
            return {"Result": _build_result(FunctionRequestId=function.push(text=payload))}
        return self._run(function, record, payload, call)

    @action("InvokeFunction")
    def invoke_function(self, call: Call) -> Mapping[str, Any]:
        """Run a function and wait."""
        payload = _read_payload(call, "Event", MAX_SYNCHRONOUS_EVENT_BYTES)
        function, record = self._find_function(call)
        return self._run(function, record, payload, call)

    def _find_function(self, call: Call) -> tuple[Function, FunctionRecord | None]:
        """Return the function that a call names, and its record if it was deployed.

        Raises:
            ApiError: MissingParameter, ResourceNotFound.Function or .Qualifier, UnsupportedOperation without `run`.
        """
        name, namespace = call.text("FunctionName"), call.text("Namespace", "default")
        qualifier = call.text("Qualifier", "$DEFAULT")
        with self._lock:
            function = self._functions.get((namespace, name))
        if function is None:
            with self.account.lock:
                record = self.account.find(call)
                record.check_active()
                version = record.version(qualifier)
                if self.run is None:
                    raise ApiError(
                        "UnsupportedOperation", "This emulator does not run deployed functions."
                    )
                return self.run(self.account, record, version), record
        if qualifier not in _QUALIFIERS:
            raise ApiError("ResourceNotFound.Qualifier", f"{name} has no {qualifier}.")
        return function, None

    def _run(
        self, function: Function, record: FunctionRecord | None, payload: str, call: Call
    ) -> Mapping[str, Any]:
        started = self.account.clock()
        invocation = function.invoke(text=payload)
        if record is not None:
            with self.account.lock:
                write_log_entry(
                    record,
                    started,
                    RequestId=invocation.request_id,
                    Log=invocation.log,
                    RetMsg=_get_returned(invocation) or _get_error(invocation),
                    RetCode=_get_code(invocation),
                    Duration=invocation.seconds * 1000,
                    MemUsage=invocation.memory,
                )
        return _build_response(invocation, call)


def _get_returned(invocation: Invocation) -> str:
    return invocation.text if invocation.succeeded else ""


def _get_error(invocation: Invocation) -> str:
    return "" if invocation.succeeded else json.dumps(invocation.error)


def _get_code(invocation: Invocation) -> int:
    return 0 if invocation.succeeded else invocation.status


def _read_payload(call: Call, name: str, limit: int) -> str:
    """Return the event as JSON text, by default an empty object.

    Raises:
        ApiError: InvalidParameter.RequestTooLarge or InvalidParameterValue.Param.
    """
    payload = call.text(name, "{}")
    size = len(payload.encode("utf-8", "surrogatepass"))
    if size > limit:
        raise ApiError(
            "InvalidParameter.RequestTooLarge", f"{name} has {size} of at most {limit} bytes."
        )
    try:
        json.loads(payload)
    except (ValueError, RecursionError):
        raise ApiError("InvalidParameterValue.Param", f"{name} is not JSON.") from None
    return payload


def _build_response(invocation: Invocation, call: Call) -> Mapping[str, Any]:
    has_tail = call.text("LogType", "None") == "Tail"
    tail = invocation.log.encode()[-MAX_LOG_TAIL_BYTES:] if has_tail else b""
    return {
        "Result": _build_result(
            Log=tail.decode("utf-8", "ignore"),
            RetMsg=_get_returned(invocation),
            ErrMsg=_get_error(invocation),
            MemUsage=invocation.memory,
            Duration=invocation.seconds * 1000,
            BillDuration=invocation.milliseconds,
            FunctionRequestId=invocation.request_id,
            InvokeResult=_get_code(invocation),
        )
    }


def _build_result(**fields: Any) -> dict[str, Any]:
    """Build ``Result`` with every field. Those that an asynchronous call omits are empty."""
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
    return {**empty, **fields}
