"""What an account has of SCF: functions with their versions, aliases and triggers, and layers.

The actions that read and change it are in `functions`, `triggers`, `layers` and `function_logs`, a module for each
kind of thing; `fetch_other_triggers` binds MPS's trigger here, since SCF lists it.
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
"""Times in SCF's answers carry no zone; they are China's. That those of requests are too is a guess."""


@dataclass
class FunctionVersion:
    """A version of a function: what it is set to, in the names of CreateFunction, and its code."""

    number: str
    settings: dict[str, Any]
    code: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.code).hexdigest()


@dataclass
class FunctionRecord:
    """A function as SCF has it in its books.

    Attributes:
        polls: how many more answers say `status` before it becomes `becomes`.
        reasons: why it failed.
        invoke_config: ``AsyncTriggerConfig``.
        logs: entries as GetFunctionLogs returns them, with a ``time`` in seconds since the epoch.
    """

    region: str
    namespace: str
    name: str
    latest: FunctionVersion
    added: float
    modified: float
    status: str = "Active"
    becomes: str = "Active"
    polls: int = 0
    reasons: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    versions: dict[str, FunctionVersion] = field(default_factory=dict[str, FunctionVersion])
    aliases: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    triggers: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    invoke_config: dict[str, Any] = field(default_factory=dict[str, Any])
    logs: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    id: str = field(default_factory=lambda: f"lam-{uuid.uuid4().hex[:8]}")

    def version(self, qualifier: str) -> FunctionVersion:
        """The version of this number, or that an alias points to.

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
        """One more answer is given: it may be ready by the next."""
        if self.polls > 0:
            self.polls -= 1
        else:
            self.status = self.becomes

    def check_active(self) -> None:
        """Raises ApiError FailedOperation.FunctionStatusError while something is done to it, or creating it failed."""
        if self.status != self.becomes or self.status == "CreateFailed":
            raise ApiError(
                "FailedOperation.FunctionStatusError",
                f"{self.name} is {self.status}; wait until it is Active.",
            )

    def copy_latest(self, number: str, description: str) -> FunctionVersion:
        settings = copy.deepcopy(self.latest.settings)
        settings["Description"] = description or settings.get("Description", "")
        return FunctionVersion(number, settings, self.latest.code)


class Account:
    """The functions and layers of an account. Whoever touches them holds `lock`.

    Args:
        namespaces: those there are, in every region.
        polls: how many answers of GetFunction say Creating or Updating before they say Active.
        clock: gives the time in seconds since the epoch.
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
        """Why the next changes of a function's code will fail, after they were accepted."""

    def find(self, call: Call) -> FunctionRecord:
        """The function that a call is for.

        Raises:
            ApiError: MissingParameter or ResourceNotFound.Function.
        """
        return self.get(call.region, call.text("Namespace", "default"), call.text("FunctionName"))

    def get(self, region: str, namespace: str, name: str) -> FunctionRecord:
        """The function of this name. Raises ApiError ResourceNotFound.Function."""
        function = self.functions.get((region, namespace, name))
        if function is None:
            raise ApiError(
                "ResourceNotFound.Function",
                f"There is no function {name} in {namespace} of {region}.",
            )
        return function

    def begin(self, function: FunctionRecord, status: str) -> None:
        """Something is done to a function that takes time, and may fail."""
        function.reasons = []
        function.status, function.becomes = status, "Active"
        function.polls = self.polls
        function.modified = self.clock()
        if self.failures:
            function.becomes = {"Creating": "CreateFailed", "Updating": "UpdateFailed"}[status]
            function.reasons = [
                {"ErrorCode": "InternalError.System", "ErrorMessage": self.failures.pop(0)}
            ]
        if self.polls == 0:
            function.status = function.becomes


class ScfService(Service):
    """A part of SCF's actions, all on one account."""

    name = "scf"
    version = "2018-04-16"
    # What SCF documents of its zips (50 MB, a third more in Base64) is more than what page 213/30654 allows to all.
    max_body_bytes: ClassVar[int] = 100 * 1024 * 1024

    account: Account


def in_beijing(seconds: float) -> str:
    """A time as SCF writes it."""
    return datetime.fromtimestamp(int(seconds), BEIJING).strftime("%Y-%m-%d %H:%M:%S")
