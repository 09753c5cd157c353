"""A process that works with a ledger as it is told, one JSON object a line: for tests that need several of them.

It is run by its path, and ends with its standard input.
"""

from __future__ import annotations

import json
import sys
from time import monotonic

from scf_mps.cos import Retry
from scf_mps.errors import EventHeld
from scf_mps.events.parser import parse_event
from scf_mps.ledger import CosLedger, FileLedger, Record, open_ledger

QUICK = Retry(base=0.001, cap=0.01)


def opened(url, clock):
    """The ledger at a URL, with a clock that can be put forward."""
    made = open_ledger(url)
    if isinstance(made, FileLedger):
        return FileLedger(url.removeprefix("file://"), clocks=[clock])
    if isinstance(made, CosLedger):
        place, _, prefix = url.removeprefix("cos://").partition("/")
        bucket, _, region = place.partition(".")
        return CosLedger(bucket, region, prefix, retry=QUICK, clocks=[clock])
    return made


def notification(task_id="1250000000-WorkflowTask-1", status="FINISH", **more):
    """A notification of MPS without results: a ledger is told which calls there are."""
    payload = {"TaskId": task_id, "Status": status, "ErrCode": 0, "MediaProcessResultSet": []}
    return {"EventType": "WorkflowTask", "WorkflowTaskEvent": payload, **more}


class Worker:
    """What the process does."""

    def __init__(self):
        self.ledger = None
        self.claims = {}
        self.ahead = 0.0

    def open(self, url):
        self.ahead = 0.0
        self.claims.clear()
        self.ledger = opened(url, lambda: monotonic() + self.ahead)

    def forward(self, seconds):
        self.ahead += seconds

    def claim(self, name, task_id, calls, seconds, again=()):
        try:
            claim = self.ledger.claim(
                parse_event(notification(task_id)), calls, seconds, again=again, owner=name
            )
        except EventHeld as held:
            return ["held", held.seconds]
        if claim.held:
            self.claims[name] = claim
        return ["claimed" if claim.held else "over", claim.delivery, sorted(claim.ended)]

    def record(self, name, fields):
        self.ledger.record(self.claims[name], Record.from_dict(fields))

    def close(self, name, records, complete):
        self.ledger.close(
            self.claims.pop(name), [Record.from_dict(one) for one in records], complete
        )

    def race(self, tasks):
        """Claim one event after the other; returns which were got."""
        return [task for task in tasks if self.claim(task, task, ["a call"], 60.0)[0] == "claimed"]

    def purge(self, before):
        return self.ledger.purge(before)


def main():
    worker = Worker()
    for line in sys.stdin:
        method, arguments = json.loads(line)
        print(json.dumps(getattr(worker, method)(*arguments)), flush=True)


if __name__ == "__main__":
    main()
