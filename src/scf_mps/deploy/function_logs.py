"""What a deployed function wrote: its runs, as SCF's GetFunctionLogs tells them, once or as they come."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from .cloud import Cloud
from .desired_state import DesiredState

BEIJING = timezone(timedelta(hours=8))
"""SCF takes and gives times without a zone, by the clock of Beijing."""
MAX_QUERY_SECONDS = 24 * 3600.0
"""Seconds between the times of one question, at most."""
RUNNING_CODE = 2
"""``RetCode`` of a run that is not at its end."""
MAX_RUN_SECONDS = 900
"""Seconds that a run takes at most, where serverless.yml says no timeout (product page 583/11637)."""
MAX_LOG_DELAY_SECONDS = 120.0
"""Seconds in which SCF collects the logs of a run that ended."""
PAGE = 100


@dataclass(frozen=True)
class Run:
    """One try of one event.

    Attributes:
        begun: as SCF tells it, by the clock of Beijing.
        request_id: the same for all tries of an event.
        retry: 0, or which retry it is.
        code: 0 for a success.
        milliseconds: it took.
        memory: bytes it used.
        log: what it wrote.
        returned: what it returned, or why it failed.
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
    """Which runs: only those that failed, only those of one event."""

    failed: bool = False
    request_id: str = ""


def fetch_runs(
    cloud: Cloud,
    wanted: DesiredState,
    begin: float,
    end: float,
    chosen: RunFilter = RunFilter(),
) -> Iterator[Run]:
    """The runs that began between two times, in seconds since the epoch, the oldest first. Raises DeployError."""
    while begin < end:
        until = min(begin + MAX_QUERY_SECONDS, end)
        parameters = {
            **wanted.identity,
            "StartTime": _text(begin),
            "EndTime": _text(until),
            "Order": "asc",
            "OrderBy": "start_time",
            "FunctionRequestId": chosen.request_id,
            "Filter": {"RetCode": "not0" if chosen.failed else ""},
        }
        for one in cloud.pages("GetFunctionLogs", parameters, "Data"):
            yield Run(
                begun=str(one.get("StartTime") or ""),
                request_id=str(one.get("RequestId") or ""),
                retry=int(one.get("RetryNum") or 0),
                code=int(one.get("RetCode") or 0),
                milliseconds=float(one.get("Duration") or 0),
                memory=int(one.get("MemUsage") or 0),
                log=str(one.get("Log") or ""),
                returned=str(one.get("RetMsg") or ""),
            )
        begin = until


def follow_runs(
    cloud: Cloud,
    wanted: DesiredState,
    begin: float,
    seconds: float,
    chosen: RunFilter = RunFilter(),
) -> Iterator[Run]:
    """The runs since a time, and those that come, each once, when it is at its end.

    Args:
        cloud: where the function is.
        wanted: the function.
        begin: in seconds since the epoch.
        seconds: for how long.
        chosen: which of them.

    Raises:
        DeployError: if SCF does not tell.
    """
    seen: dict[tuple[str, int, str], float] = {}
    # SCF selects by when a run began, and it is told when it is at its end.
    window = wanted.configuration.get("Timeout", MAX_RUN_SECONDS) + MAX_LOG_DELAY_SECONDS
    stop = time.monotonic() + seconds
    while True:
        last = time.monotonic() >= stop
        now = time.time()
        for run in fetch_runs(cloud, wanted, begin, now, chosen):
            key = (run.request_id, run.retry, run.begun)
            if run.code != RUNNING_CODE and key not in seen:
                seen[key] = now
                yield run
        if last:
            return
        begin = max(begin, now - window)
        seen = {key: when for key, when in seen.items() if when >= begin}
        time.sleep(min(2 * cloud.pause, max(0.0, stop - time.monotonic())))


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), BEIJING).strftime("%Y-%m-%d %H:%M:%S")
