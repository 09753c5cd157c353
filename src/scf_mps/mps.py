"""`Mps`: what MPS itself knows of its tasks, for a callback that must ask.

A notification can be late, too large for SCF or lost; MPS keeps what it would have said for seven days. This module
asks through the official SDK (`pip install 'scf-mps[mps]'`), which is loaded by the first question. What to do with
the answers is left to the caller; a notification is read by `events.reading` like any that was pushed.
"""

from __future__ import annotations

import os

from .errors import ScfMpsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import Any

    from .context import Context
    from .cos.credentials import Credentials
    from .cos.retry import Retry
    from .injection import Invocation

VERSION = "2019-06-12"
HORIZON = 7 * 24 * 3600.0
"""Seconds that MPS remembers a task from its creation on (product page 1041/33643)."""
PAGE = 100
"""Tasks that DescribeTasks returns at most."""


class MpsError(ScfMpsError):
    """MPS refused a question, or could not be asked.

    Attributes:
        code: the API's error code, e.g. ``AuthFailure.TokenFailure``, the SDK's
            ``ClientNetworkError`` or ``ServerNetworkError``, or ours: ``NoCredentials``, ``DeadlineExceeded``,
            ``InvalidAnswer``.
        request_id: of the API, for Tencent's support; ``""`` if there was no answer.
        retryable: whether the same question may be answered later.
    """

    def __init__(self, message: str, code: str = "", request_id: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.request_id = request_id
        self.retryable = code.partition(".")[0] in _TRANSIENT

    def __str__(self) -> str:
        asked = f" [request {self.request_id}]" if self.request_id else ""
        return f"{self.code}: {self.message}{asked}" if self.code else f"{self.message}{asked}"


class TaskNotFound(MpsError):
    """MPS has no such task, or has forgotten it: it was submitted more than seven days ago."""


class NoNotification(MpsError):
    """MPS sends no notification of such a task as a whole: of a live stream, or before there is anything to tell."""


class SdkMissing(MpsError, ImportError):
    """The official SDK is not installed, or was not built into the function."""


class TaskSummary:
    """A task as DescribeTasks lists it.

    Attributes:
        task_id: ``TaskId``.
        task_type: ``TaskType``, e.g. ``WorkflowTask``.
        created: ``CreateTime`` in seconds since the epoch, or None where it has not happened or cannot be read.
        begun: ``BeginProcessTime``, likewise.
        finished: ``FinishTime``, likewise.
        raw: the entry as it came.
    """

    __slots__ = ("begun", "created", "finished", "raw", "task_id", "task_type")

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.task_id: str = raw.get("TaskId") or ""
        self.task_type: str = raw.get("TaskType") or ""
        self.created = _seconds(raw.get("CreateTime"))
        self.begun = _seconds(raw.get("BeginProcessTime"))
        self.finished = _seconds(raw.get("FinishTime"))

    @property
    def is_live(self) -> bool:
        """Whether it is a live stream's task, of which there is no notification to ask for."""
        return self.task_type.startswith("Live")

    def __repr__(self) -> str:
        return f"<TaskSummary {self.task_type} {self.task_id} {self.raw.get('FinishTime')}>"


class Mps:
    """MPS for one invocation: its credentials and its time. A callback asks for it by annotation.

    Args:
        credentials: those of the function's role by default (see `cos.credentials.current`); on a desk those of
            ``TENCENTCLOUD_SECRET_ID`` and ``TENCENTCLOUD_SECRET_KEY``, as the SDK names them.
        context: the invocation's; its deadline bounds every wait and every try.
        region: whose MPS to ask; ``MPS_REGION``, then the function's own by default.
        endpoint: ``http://host:port`` of an emulator, or ``https://`` and another host of MPS, such as
            ``mps.intl.tencentcloudapi.com``; ``MPS_API_ENDPOINT``, then MPS itself by default.
        retry: how often and how patiently to repeat what may be repeated.
        timeout: seconds without an answer that end a try.

    Raises:
        ValueError: for an endpoint of another form.
    """

    def __init__(
        self,
        credentials: Credentials | None = None,
        *,
        context: Context | None = None,
        region: str | None = None,
        endpoint: str | None = None,
        retry: Retry | None = None,
        timeout: float = 10.0,
    ) -> None:
        from .cos.credentials import current
        from .cos.retry import Clock, Retry

        self._credentials = credentials or current(context)
        self._clock = Clock(context.remaining if context else lambda: float("inf"))
        own = context.region if context else os.environ.get("TENCENTCLOUD_REGION", "")
        self.region: str = region or os.environ.get("MPS_REGION") or own
        self._scheme, self._host = _parts(endpoint or os.environ.get("MPS_API_ENDPOINT") or "")
        self._retry = retry or Retry(attempts=4, base=0.2, cap=3.0)
        self._timeout = timeout
        self._client: Any = None
        self._client_timeout = 0.0

    @classmethod
    def __provide__(cls, invocation: Invocation) -> Mps:
        """The one of an invocation."""
        if cls not in invocation.values:
            invocation.values[cls] = cls(context=invocation.context)
        found: Mps = invocation.values[cls]
        return found

    def call(self, action: str, **parameters: Any) -> dict[str, Any]:
        """Any action of MPS's API (version 2019-06-12), with its parameters as MPS names them.

        Questions (``Describe…``, ``ParseNotification``) are asked again when MPS is too busy, breaks or cannot be
        reached, a few times and within the time of the invocation; what changes something is sent once.

        Returns:
            ``Response`` as it came.

        Raises:
            TaskNotFound: if it is about a task that MPS does not have.
            MpsError: for every other refusal, without credentials, without an answer, or without time left.
            SdkMissing: without the official SDK.
            TypeError: for a parameter that is no JSON.
        """
        import json

        json.dumps(parameters)
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._ask(action, parameters)
            except MpsError as error:
                may_repeat = error.retryable and action.startswith(
                    ("Describe", "ParseNotification")
                )
                if not may_repeat or attempt >= self._retry.attempts:
                    raise
                if not self._clock.sleep(self._retry.wait(attempt)):
                    raise

    def finished(
        self,
        since: float | datetime,
        until: float | datetime | None = None,
        *,
        longest: float | None = None,
    ) -> Iterator[TaskSummary]:
        """The tasks of all kinds that finished from `since` to `until`, each once, in MPS's order.

        MPS lists tasks by the time they were created (product page 1041/43058), so that a task that has just finished
        may be on the last page: unless `longest` is told, all pages of the last seven days are asked for. Tasks
        whose time of finishing cannot be read are among the result.

        Args:
            since: seconds since the epoch, or a datetime with a time zone; at most seven days (and a minute, for those
                who reckon from now) ago.
            until: likewise; no end by default.
            longest: seconds that a task takes at most from its creation to its end. What was created so long before
                `since` is not asked for.

        Raises:
            ValueError: for a `since` more than seven days ago, an `until` before it, a negative `longest`, or a
                datetime without a time zone.
            MpsError: as `call`, while iterating.
        """
        import time

        begin, end = _instant(since), float("inf") if until is None else _instant(until)
        if begin < time.time() - HORIZON - 60:
            raise ValueError(
                "since expects a time in the last 7 days: MPS has forgotten what was before"
            )
        if end < begin:
            raise ValueError("until expects a time that is not before since")
        bounds = {}
        if longest is not None:
            if longest < 0:
                raise ValueError(f"longest expects seconds, 0 or more, not {longest}")
            bounds["StartTime"] = _iso(begin - longest)
        if until is not None:
            bounds["EndTime"] = _iso(end + 1)
        return self._finished(int(begin), end, bounds)

    def _finished(self, begin: int, end: float, bounds: dict[str, str]) -> Iterator[TaskSummary]:
        """MPS's times are whole seconds; what StartTime and EndTime bound, it does not say.

        Whichever time of a task it is, one that finished from `begin` to `end` is within them, as it was created and
        begun before it finished.
        """
        told: set[str] = set()
        tokens = {""}
        token = ""
        while True:
            more = {"ScrollToken": token} if token else {}
            page = self.call("DescribeTasks", Status="FINISH", Limit=PAGE, **bounds, **more)
            for raw in page.get("TaskSet") or ():
                task = TaskSummary(raw)
                if task.task_id not in told and (
                    task.finished is None or begin <= task.finished <= end
                ):
                    told.add(task.task_id)
                    yield task
            token = page.get("ScrollToken") or ""
            if not token:
                return
            if token in tokens:
                raise MpsError(
                    "the pages of DescribeTasks go round in a circle",
                    "InvalidAnswer",
                    page.get("RequestId") or "",
                )
            tokens.add(token)

    def notification(self, task_id: str) -> dict[str, Any]:
        """The notification that MPS would send of a task as it is now, e.g. for `events.reading.read`.

        The event and its results have the same keys as those of the one that was pushed. Fields that only a pushed
        notification has (``Timestamp``, ``Sign``) are not in it.

        Raises:
            TaskNotFound: if MPS has no such task, or has forgotten it.
            NoNotification: for a task of a live stream, or one of which there is nothing to tell yet.
            MpsError: as `call`.
        """
        from .events.sets import EVENTS

        detail = self.call("DescribeTaskDetail", TaskId=task_id)
        type_ = detail.get("TaskType") or ""
        # ExtractBlindWatermark is in ExtractBlindWatermarkTask here and there, the others in <EventType>Event there.
        field = EVENTS.rows[type_][2] if type_ in EVENTS.rows else f"{type_}Event"
        payload = detail.get(field.removesuffix("Event"))
        if type_.startswith("Live") or not isinstance(payload, dict):
            raise NoNotification(
                f"task {task_id} is a {type_ or 'task without a type'} with status {detail.get('Status')}, of which "
                f"MPS sends no notification as a whole",
                request_id=detail.get("RequestId") or "",
            )
        return {
            "EventType": type_,
            field: payload,
            "SessionId": detail.get("SessionId") or "",
            "SessionContext": detail.get("SessionContext") or "",
        }

    def _ask(self, action: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """One try. Raises MpsError."""
        client, refused = self._connect(action)
        try:
            response = client.call_json(action, parameters)["Response"]
            error = response.get("Error")
        except refused as reason:
            raise _error(str(reason.code), reason.message, reason.requestId) from reason
        except OSError as reason:  # the answer breaks off: the SDK lets that through
            raise MpsError(f"{action}: {reason}", "ClientNetworkError") from reason
        except (AttributeError, LookupError, TypeError, ValueError) as reason:
            raise MpsError(f"{action}: the answer cannot be read", "InvalidAnswer") from reason
        if error:  # the SDK looks for errors only in answers of the content type it expects
            raise _error(error.get("Code"), error.get("Message"), response.get("RequestId"))
        answer: dict[str, Any] = response
        return answer

    def _connect(self, action: str) -> tuple[Any, Any]:
        """The SDK's client, whose every wait ends before the invocation does, and its exception.

        Its timeout is fixed when it is made, and counts for connecting and for the answer each: near the end of an
        invocation there is one for each try.
        """
        if self._credentials is None:
            raise MpsError(
                f"{action}: there are no credentials to sign with: the function needs an execution role (on a desk: "
                f"TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY)",
                "NoCredentials",
            )
        left = self._clock.left()
        if left <= 0:
            raise MpsError(f"{action}: no time is left to ask", "DeadlineExceeded")
        timeout = min(self._timeout, left / 2)
        if self._client is None or timeout < self._client_timeout:
            self._client = self._new_client(timeout)
            self._client_timeout = timeout
        return self._client, _sdk("exception").TencentCloudSDKException

    def _new_client(self, timeout: float) -> Any:
        http_profile = _sdk("profile.http_profile").HttpProfile(
            protocol=self._scheme, endpoint=self._host or None, reqTimeout=timeout
        )
        profile = _sdk("profile.client_profile").ClientProfile(
            httpProfile=http_profile, language="en-US"
        )
        keys = self._credentials
        assert keys is not None
        credential = _sdk("credential").Credential(
            keys.secret_id, keys.secret_key, keys.token or None
        )
        client = _sdk("common_client").CommonClient(
            "mps", VERSION, credential, self.region, profile
        )
        _silence()
        return client


_TRANSIENT = frozenset(
    {
        "ClientNetworkError",
        "InternalError",
        "InvalidAnswer",
        "RequestLimitExceeded",
        "ServerNetworkError",
        "ServiceUnavailable",
    }
)
_NO_TASK = frozenset(
    {
        "FailedOperation.TaskNotFound",
        "InvalidParameterValue.TaskId",
        "ResourceNotFound.TaskNotFound",
    }
)
_LONGEST_MESSAGE = 300  # characters; the answer of a proxy on the way may be a whole page


def _error(code: object, message: object, request_id: object) -> MpsError:
    """The exception for an error as the API (or the SDK) tells it."""
    if isinstance(message, bytes):
        message = message.decode("utf-8", "replace")
    kind = TaskNotFound if code in _NO_TASK else MpsError
    return kind(str(message)[:_LONGEST_MESSAGE], str(code), str(request_id or ""))


def _sdk(module: str) -> Any:
    """A module of the SDK. Raises SdkMissing."""
    from importlib import import_module

    try:
        return import_module(f"tencentcloud.common.{module}")
    except ImportError as error:
        raise SdkMissing(
            f"Mps needs Tencent Cloud's SDK ({error}): pip install 'scf-mps[mps]', and for a function name "
            f"tencentcloud-sdk-python-common in the requirements that are built into it"
        ) from error


def _silence() -> None:
    """At DEBUG the SDK logs whole requests, token included, whatever level someone gives its logger."""
    import logging

    logging.getLogger("tencentcloud_sdk_common").addFilter(_no_debug)


def _no_debug(record: Any) -> bool:
    level: int = record.levelno
    return level >= 20


def _parts(endpoint: str) -> tuple[str, str]:
    """Scheme and host of an endpoint; the host is empty for MPS's own. Raises ValueError."""
    if not endpoint:
        return "https", ""
    scheme, _, host = endpoint.rstrip("/").partition("://")
    if scheme not in ("http", "https") or not host or any(sign in host for sign in "/?#@ "):
        shown = endpoint.rpartition("@")[2]  # never a password
        raise ValueError(
            f"MPS_API_ENDPOINT (endpoint=) expects http://host:port of an emulator or https:// and a host of MPS, "
            f"not {shown!r}"
        )
    return scheme, host


def _instant(moment: float | datetime) -> float:
    """Seconds since the epoch. Raises ValueError for a datetime without a time zone."""
    if isinstance(moment, (int, float)):
        return float(moment)
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} expects a time zone: datetime.now(timezone.utc)")
    return moment.timestamp()


def _seconds(text: object) -> float | None:
    """Seconds since the epoch of a time of MPS; None for 0000-00-00T00:00:00Z, which stands for never."""
    from datetime import datetime

    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None


def _iso(seconds: float) -> str:
    import time

    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
