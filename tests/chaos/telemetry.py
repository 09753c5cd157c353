"""Telemetry of the crash test: a receiver in one of several states, and the verdict on what arrived."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass

from scf_mps.local.otlp import Receiver

ENDED = (200, 430)
"""Statuses of invocations whose process was not killed."""


@dataclass
class TelemetryVerdict:
    """Counts of spans. All counts in `violations` must be 0.

    Attributes:
        state: of the receiver: ``on``, ``away``, ``slow`` or ``refusing``.
        spans: that arrived.
        invocations: spans of invocations among them.
        ended: invocations that were not killed.
        killed: invocations that were killed, whose spans may be lost.
        orphans: spans whose parent did not arrive.
        repeated: spans that arrived twice.
        late: failed exports, whose spans are lost if the instance is killed before the next one.
        missing: ended invocations without a span, beyond these.
        surplus: spans of invocations that did not take place.
        done: callbacks that are done according to the spans.
        unequal: processes whose spans have other done callbacks than the ledger recorded.
        seconds: mean duration of an ended invocation.
    """

    state: str
    spans: int = 0
    invocations: int = 0
    ended: int = 0
    killed: int = 0
    orphans: int = 0
    repeated: int = 0
    late: int = 0
    missing: int = 0
    surplus: int = 0
    done: int = 0
    unequal: int = 0
    seconds: float = 0.0

    @property
    def violations(self):
        """Counts that must be 0."""
        counts = {"orphans": self.orphans, "spans of no invocation": self.surplus}
        if self.state == "on":
            counts["spans that arrived twice"] = self.repeated
            counts["ended invocations without a span"] = self.missing
            counts["processes with other counts than the ledger"] = self.unequal
        return counts

    def __str__(self):
        lines = [
            f"  telemetry, receiver {self.state}: {self.spans} spans, {self.invocations} of invocations, "
            f"{self.done} of callbacks done",
            f"    invocations: {self.ended} ended after {self.seconds * 1000:.0f} ms on average, {self.killed} killed",
            f"    exports that failed: {self.late}",
            *(f"    {name}: {count}" for name, count in self.violations.items()),
        ]
        return "\n".join(lines)


class Telemetry:
    """A receiver, and the processes of the instances. A context manager.

    Args:
        state: of the receiver: ``on``, ``away``, ``slow`` or ``refusing``.
    """

    def __init__(self, state):
        self._receiver = Receiver()
        self._state = state
        self._pids = {}

    def __enter__(self):
        self._receiver.__enter__()
        self.environment = {"MPS_OTLP": self._receiver.url, "MPS_LOG_LEVEL": "WARNING"}
        if self._state == "away":
            self._receiver.__exit__(None, None, None)
        self._receiver.status = 503 if self._state == "refusing" else 200
        self._receiver.seconds = 30.0 if self._state == "slow" else 0.0
        return self

    def __exit__(self, *_):
        if self._state != "away":
            self._receiver.__exit__(None, None, None)

    def observe(self, moment):
        """Note the process of an instance."""
        if moment.instance is not None:
            self._pids[moment.instance.number] = moment.instance.pid

    def judge(self, invocations, log):
        """Compare the spans with the invocations and with the records of the ledger."""
        verdict = TelemetryVerdict(self._state)
        ended, killed, killed_pids = Counter(), Counter(), set()
        for invocation in invocations:
            if invocation.status in ENDED:
                ended[invocation.request_id] += 1
                verdict.seconds += invocation.seconds
            else:
                killed[invocation.request_id] += 1
                killed_pids.add(self._pids.get(invocation.instance))
        verdict.ended, verdict.killed = ended.total(), killed.total()
        verdict.seconds /= verdict.ended or 1
        spans = self._receiver.spans
        ids = Counter(span.span_id for span in spans)
        verdict.spans, verdict.repeated = len(spans), ids.total() - len(ids)
        verdict.orphans = sum(bool(span.parent_id) and span.parent_id not in ids for span in spans)
        instances = set(self._pids.values())  # other processes replay events
        roots = Counter(
            span.attributes["faas.invocation_id"]
            for span in spans
            if span.kind == "invocation" and span.resource["process.pid"] in instances
        )
        verdict.invocations = roots.total()
        records = [record for invocation in invocations for record in invocation.records]
        verdict.late = sum("not exported" in record for record in records)
        verdict.missing = max(0, (ended - roots).total() - verdict.late)
        verdict.surplus = (roots - ended - killed).total()
        done = Counter(
            span.resource["process.pid"]
            for span in spans
            if span.kind == "callback" and span.attributes.get("mps.outcome") == "done"
        )
        verdict.done = done.total()
        recorded = count_records(log)
        for pid in done.keys() | recorded.keys():
            surplus = done[pid] - recorded[pid]
            verdict.unequal += surplus > 0 or (surplus < 0 and pid not in killed_pids)
        return verdict


def count_records(log):
    """Return the number of calls by process whose completion was passed to the ledger."""
    keys = defaultdict(set)
    for line in map(json.loads, log.read_text().splitlines()):
        if line["step"] in ("recorded", "refused"):
            keys[line["pid"]].add(line["key"])
    return Counter({pid: len(calls) for pid, calls in keys.items()})
