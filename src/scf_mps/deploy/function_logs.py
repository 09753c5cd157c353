"""Runs of a deployed function and their logs, by SCF's GetFunctionLogs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from .current_state import DeployTarget

BEIJING = timezone(timedelta(hours=8))
"""Time zone of SCF, whose times do not name one."""
MAX_QUERY_SECONDS = 24 * 3600.0
"""Maximum time span of one query."""
RUNNING_CODE = 2
"""``RetCode`` of an unfinished run."""
MAX_RUN_SECONDS = 900
"""Maximum duration of a run, if serverless.yml has no timeout (product page 583/11637)."""
MAX_LOG_DELAY_SECONDS = 120.0
"""Time within which SCF collects the logs of a finished run."""


@dataclass(frozen=True)
class Run:
    """One attempt to handle an event.

    Attributes:
        begun: start time in Beijing, as SCF formats it.
        request_id: the same for all attempts of an event.
        retry: 0 for the first attempt.
        code: 0 for a success.
        milliseconds: duration.
        memory: bytes used.
        log: output.
        returned: return value or error.
    """

    begun: str
    request_id: str
    retry: int
    code: int
    milliseconds: float
    memory: int
    log: str
    returned: str


@dataclass(frozen=True)
class RunFilter:
    """Selection of runs: only failed ones, only those of one event."""

    failed: bool = False
    request_id: str = ""


def fetch_runs(
    target: DeployTarget, begin: float, end: float, selected: RunFilter = RunFilter()
) -> Iterator[Run]:
    """Yield the runs that started within a period, oldest first.

    Args:
        target: the function and its account.
        begin: seconds since the epoch.
        end: seconds since the epoch.
        selected: which of them.

    Raises:
        DeployError: if SCF refuses the query.
    """
    while begin < end:
        until = min(begin + MAX_QUERY_SECONDS, end)
        parameters = {
            **target.desired.identity,
            "StartTime": _format_time(begin),
            "EndTime": _format_time(until),
            "Order": "asc",
            "OrderBy": "start_time",
            "FunctionRequestId": selected.request_id,
            "Filter": {"RetCode": "not0" if selected.failed else ""},
        }
        for item in target.cloud.pages("GetFunctionLogs", parameters, "Data"):
            yield Run(
                begun=str(item.get("StartTime") or ""),
                request_id=str(item.get("RequestId") or ""),
                retry=int(item.get("RetryNum") or 0),
                code=int(item.get("RetCode") or 0),
                milliseconds=float(item.get("Duration") or 0),
                memory=int(item.get("MemUsage") or 0),
                log=str(item.get("Log") or ""),
                returned=str(item.get("RetMsg") or ""),
            )
        begin = until


def follow_runs(
    target: DeployTarget, begin: float, seconds: float, selected: RunFilter = RunFilter()
) -> Iterator[Run]:
    """Yield finished runs, including new ones, each once.

    Args:
        target: the function and its account.
        begin: seconds since the epoch.
        seconds: how long to wait for new runs.
        selected: which of them.

    Raises:
        DeployError: if SCF refuses a query.
    """
    seen: dict[tuple[str, int, str], float] = {}
    # SCF selects runs by their start, but they are yielded when they have finished.
    window = target.desired.configuration.get("Timeout", MAX_RUN_SECONDS) + MAX_LOG_DELAY_SECONDS
    stop = time.monotonic() + seconds
    while True:
        is_last = time.monotonic() >= stop
        now = time.time()
        for run in fetch_runs(target, begin, now, selected):
            key = (run.request_id, run.retry, run.begun)
            if run.code != RUNNING_CODE and key not in seen:
                seen[key] = now
                yield run
        if is_last:
            return
        begin = max(begin, now - window)
        seen = {key: when for key, when in seen.items() if when >= begin}
        time.sleep(min(2 * target.cloud.pause, max(0.0, stop - time.monotonic())))


def _format_time(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), BEIJING).strftime("%Y-%m-%d %H:%M:%S")
