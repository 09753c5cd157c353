"""A process that calls methods of a ledger. It reads one call per line as JSON.

It is run by its path, and ends with its standard input.
"""

import json
import sys
from time import monotonic

from scf_mps.cos import Retry
from scf_mps.errors import EventHeld
from scf_mps.events.parser import parse_event
from scf_mps.ledger import CosLedger, FileLedger, Record, open_ledger

FAST_RETRY = Retry(base=0.001, cap=0.01)


def open_with_clock(url, clock):
    """Return the ledger at a URL. Its leases are measured by `clock`."""
    ledger = open_ledger(url)
    if isinstance(ledger, FileLedger):
        return FileLedger(url.removeprefix("file://"), clocks=[clock])
    if isinstance(ledger, CosLedger):
        host, _, prefix = url.removeprefix("cos://").partition("/")
        bucket, _, region = host.partition(".")
        return CosLedger(bucket, region, prefix, retry=FAST_RETRY, clocks=[clock])
    return ledger


def create_notification(task_id="1250000000-WorkflowTask-1", status="FINISH", **fields):
    """Return a notification of MPS without results: tests give a ledger the keys of the calls."""
    payload = {"TaskId": task_id, "Status": status, "ErrCode": 0, "MediaProcessResultSet": []}
    return {"EventType": "WorkflowTask", "WorkflowTaskEvent": payload, **fields}


class Worker:
    """The calls that the process accepts."""

    def __init__(self):
        self.ledger = None
        self.leases = {}
        self.ahead = 0.0

    def open(self, url):
        self.ahead = 0.0
        self.leases.clear()
        self.ledger = open_with_clock(url, lambda: monotonic() + self.ahead)

    def forward(self, seconds):
        self.ahead += seconds

    def claim(self, name, task_id, calls, seconds, forced=()):
        event = parse_event(create_notification(task_id))
        try:
            lease = self.ledger.claim(event, calls, seconds, forced=forced, owner=name)
        except EventHeld as held:
            return ["held", held.seconds]
        if lease.held:
            self.leases[name] = lease
        kind = "claimed" if lease.held else "finished"
        return [kind, lease.delivery, sorted(lease.final_records)]

    def record(self, name, fields):
        self.ledger.record(self.leases[name], Record.from_dict(fields))

    def close(self, name, records, complete):
        lease = self.leases.pop(name)
        self.ledger.close(lease, [Record.from_dict(fields) for fields in records], complete)

    def race(self, tasks):
        """Claim one event after another. Return the tasks whose events are held."""
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
