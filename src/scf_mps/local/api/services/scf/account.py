"""State of an SCF account: functions with versions, aliases, triggers and logs, and layers.

The actions are in `functions`, `triggers`, `layers` and `logs`. MPS binds its trigger here too, because
SCF lists it.
"""

from __future__ import annotations

import copy
import hashlib
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar

from ...errors import ApiError
from ...service import Call, Service

LATEST = "$LATEST"
DEFAULT = "$DEFAULT"

BEIJING = timezone(timedelta(hours=8))
"""Time zone of SCF's responses, which name none. That of requests is a guess."""


@dataclass
class FunctionVersion:
    """A version of a function: its settings, named as in CreateFunction, and its code."""

    number: str
    settings: dict[str, Any]
    code: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """The hexadecimal SHA-256 of the code."""
        return hashlib.sha256(self.code).hexdigest()


@dataclass
class FunctionRecord:
    """A function of an account.

    Attributes:
        polls: how many more responses have `status` before it becomes `next_status`.
        reasons: why a change failed.
        invoke_config: ``AsyncTriggerConfig``.
        logs: entries as in GetFunctionLogs, with a ``time`` in seconds since the epoch.
    """

    region: str
    namespace: str
    name: str
    latest: FunctionVersion
    added: float
    modified: float
    status: str = "Active"
    next_status: str = "Active"
    polls: int = 0
    reasons: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    versions: dict[str, FunctionVersion] = field(default_factory=dict[str, FunctionVersion])
    aliases: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    triggers: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    invoke_config: dict[str, Any] = field(default_factory=dict[str, Any])
    logs: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    id: str = field(default_factory=lambda: f"lam-{uuid.uuid4().hex[:8]}")

    def version(self, qualifier: str) -> FunctionVersion:
        """Return the version of a number or an alias.

        Raises:
            ApiError: ResourceNotFound.Qualifier.
        """
        if qualifier in self.aliases:
            qualifier = self.aliases[qualifier]["FunctionVersion"]
        if qualifier == LATEST:
            return self.latest
        if qualifier not in self.versions:
            raise ApiError("ResourceNotFound.Qualifier", f"{self.name} has no {qualifier}.")
        return self.versions[qualifier]

    def settle(self) -> None:
        """Count one response. The next one may have `next_status`."""
        if self.polls > 0:
            self.polls -= 1
        else:
            self.status = self.next_status

    def check_active(self) -> None:
        """Raise ApiError FailedOperation.FunctionStatusError during a change or after a failed creation."""
        if self.status != self.next_status or self.status == "CreateFailed":
            raise ApiError(
                "FailedOperation.FunctionStatusError",
                f"{self.name} is {self.status}. Wait until it is Active.",
            )

    def copy_latest(self, number: str, description: str) -> FunctionVersion:
        """Return a copy of `$LATEST` with a number."""
        settings = copy.deepcopy(self.latest.settings)
        settings["Description"] = description or settings.get("Description", "")
        return FunctionVersion(number, settings, self.latest.code)


class Account:
    """The functions and layers of an account. Hold `lock` to use them.

    Args:
        namespaces: the namespaces of every region.
        polls: how many responses of GetFunction say Creating or Updating before they say Active.
        clock: returns the seconds since the epoch.
    """

    def __init__(
        self,
        namespaces: Iterable[str] = ("default",),
        polls: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.lock = threading.RLock()
        self.namespaces = list(namespaces)
        self.polls = polls
        self.clock = clock
        self.functions: dict[tuple[str, str, str], FunctionRecord] = {}
        self.layers: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.failures: list[str] = []
        """Reasons by which the next changes of a function's code fail after they were accepted."""

    def find(self, call: Call) -> FunctionRecord:
        """Return the function that a call names.

        Raises:
            ApiError: MissingParameter or ResourceNotFound.Function.
        """
        return self.get(call.region, call.text("Namespace", "default"), call.text("FunctionName"))

    def get(self, region: str, namespace: str, name: str) -> FunctionRecord:
        """Return the function of this name. Raises ApiError ResourceNotFound.Function."""
        function = self.functions.get((region, namespace, name))
        if function is None:
            raise ApiError(
                "ResourceNotFound.Function",
                f"Function {name} does not exist in {namespace} of {region}.",
            )
        return function

    def begin(self, function: FunctionRecord, status: str) -> None:
        """Start a change of a function that takes time and may fail."""
        function.reasons = []
        function.status, function.next_status = status, "Active"
        function.polls = self.polls
        function.modified = self.clock()
        if self.failures:
            function.next_status = {"Creating": "CreateFailed", "Updating": "UpdateFailed"}[status]
            function.reasons = [
                {"ErrorCode": "InternalError.System", "ErrorMessage": self.failures.pop(0)}
            ]
        if self.polls == 0:
            function.status = function.next_status


class ScfService(Service):
    """Base of the classes that share SCF's actions and one account."""

    name = "scf"
    version = "2018-04-16"
    # SCF documents zips of 50 MB, a third more in Base64. Page 213/30654 allows less for other products.
    max_body_bytes: ClassVar[int] = 100 * 1024 * 1024

    account: Account


def format_beijing_time(seconds: float) -> str:
    """Format a time as SCF does."""
    return datetime.fromtimestamp(int(seconds), BEIJING).strftime("%Y-%m-%d %H:%M:%S")
