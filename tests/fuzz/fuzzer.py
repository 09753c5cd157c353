"""A fuzzer of `main_handler`: mutated events of the corpus, in valid and broken envelopes.

    python tests/fuzz/fuzzer.py --minutes 10

Hypothesis draws the cases, and a grammar the events: parts of an event are replaced, removed, doubled, or inserted from
another one. Requests are signed or not, envelopes are valid, truncated, mislabelled or of other types. COS and MPS are
emulated. The outcome of each case is known: a valid event is dispatched once and unchanged, a malformed one is an
InvalidEvent, or a 4xx over HTTP, and only our own exceptions leave `main_handler`. The smallest case with another
outcome is printed, with its seed.
"""

from __future__ import annotations

import argparse
import base64
import copy
import hashlib
import json
import logging
import os
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from scf_mps import (
    App,
    CallbacksFailed,
    Drop,
    IdempotencyKey,
    InvalidEvent,
    Middleware,
    Result,
    Subtask,
)
from scf_mps.cos import Cos
from scf_mps.cos.transport import SHARED_POOL
from scf_mps.events.parser import parse_event
from scf_mps.events.vod import VOD_EVENT_TYPES
from scf_mps.ledger import MemoryLedger
from scf_mps.local.api import CloudApi, Mps
from scf_mps.local.cos import CosEmulator
from scf_mps.tencent.mps import MpsError

DATA = Path(__file__).parent.parent / "data"
BUCKET, REGION = "archive-1250000000", "ap-guangzhou"
KEY = "fuzz-notify-key"
BATCH = 200

CORPUS = {
    path.stem: json.loads(path.read_text("utf-8"))
    for path in sorted(DATA.glob("*.json"))
    if path.stem.startswith(("mps_", "synth_", "live_", "vod_"))
}
TASKS = {
    event[f"{event['EventType']}Event"]["TaskId"]: event
    for event in CORPUS.values()
    if isinstance(event.get(f"{event.get('EventType')}Event"), dict)
    and event[f"{event['EventType']}Event"].get("TaskId")
    and event["EventType"] not in VOD_EVENT_TYPES
}
"""Events whose tasks MPS has, by the task's id."""

MALFORMED = "InvalidEvent"
"""The place of anything that is not a notification."""

Sent = Literal["signed", "unsigned", "forged", "expired"]


@dataclass
class Case:
    """An event for `main_handler`, and the expected notifications.

    Attributes:
        notifications: the notifications in the event, in order. None if the event may or may not be one.
    """

    channel: str
    event: Any
    notifications: list[Any] | None
    sent: Sent = "signed"
    reread: bool = False
    ledger: bool = False


@dataclass
class Tally:
    """Numbers of examples and outcomes."""

    examples: int = 0
    seconds: float = 0.0
    channels: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    dispatched: int = 0

    def __str__(self):
        lines = [
            f"{self.examples} examples in {self.seconds:.0f} s, {self.dispatched} events dispatched"
        ]
        for title, counts in (("by channel", self.channels), ("by outcome", self.outcomes)):
            lines.append(title)
            lines += [f"  {count:8}  {name}" for name, count in sorted(counts.items())]
        return "\n".join(lines)


# The grammar

ODD_TEXTS = [
    "",
    "/",
    "\ud800",
    "\0",
    "x" * 300,
    "https://a/b?c",
    "签名",
    "SUCCESS",
    "FAIL",
    "PROCESSING",
    "{",
    "-1",
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 2**63, 10**30, 0.5, -1e300]),
    st.sampled_from(ODD_TEXTS),
)
VALUES = st.one_of(
    SCALARS, st.just([]), st.just({}), st.lists(SCALARS, max_size=2).map(lambda one: [one])
)
ENVELOPE_WORDS = [
    *("EventType", "NotificationType", "WorkflowTaskEvent", "TaskId", "ArchivedEvent", "Timestamp"),
    *("Sign", "Records", "CMQ", "msgBody", "msgInfoList", "body", "headers", "httpMethod"),
    *("requestContext", "isBase64Encoded", "RequestId", "Body", "ClientContext", "InvocationType"),
    *("Type", "TriggerName", "Message"),
]
JUNK = st.recursive(
    SCALARS
    | st.sampled_from(["POST", "GET", "WorkflowTask", "Timer", "reconcile", "e30=", "%7B%7D"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(ENVELOPE_WORDS), inner, max_size=5)
        | inner.map(lambda value: json.dumps(value))
    ),
    max_leaves=12,
)


def list_paths(value, path=()):
    """Yield the path of every part of an event."""
    items = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for name, inner in items:
        yield (*path, name)
        yield from list_paths(inner, (*path, name))


PATHS = {name: list(list_paths(event)) for name, event in CORPUS.items()}
STATUS_FIELDS = (
    *("EventType", "NotificationType", "TaskId", "Status", "Type", "ErrCode", "Definition"),
    *("Path", "Object"),
)
NAMES = st.sampled_from(sorted(CORPUS))
ALL_PATHS = {name: st.sampled_from(paths) for name, paths in PATHS.items()}
STATUS_PATHS = {
    name: st.sampled_from([path for path in paths if path[-1] in STATUS_FIELDS])
    for name, paths in PATHS.items()
}
CHANGES = st.sampled_from(["replace", "remove", "double", "add", "splice", "nest"])


def get_part(value, path):
    for step in path:
        value = value[step]
    return value


@cache
def sample_from(*options: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(options)


@st.composite
def draw_notification(draw: Callable[..., Any], changes: int = 4) -> dict[str, Any]:
    """Draw an event of the corpus with a few changes."""
    name = draw(NAMES)
    event = copy.deepcopy(CORPUS[name])
    if draw(st.booleans()):
        event["SessionContext"] = draw(sample_from("", "fail", "drop", "exit", "x" * 50))
    for _ in range(draw(st.integers(0, changes))):
        path = draw((STATUS_PATHS if draw(st.booleans()) else ALL_PATHS)[name])
        try:
            holder = get_part(event, path[:-1])
            holder[path[-1]]
        except (LookupError, TypeError):
            continue  # an earlier change removed it
        if not isinstance(holder, dict | list):
            continue  # a text, whose characters are found like items
        how = draw(CHANGES)
        if how == "replace":
            holder[path[-1]] = draw(VALUES)
        elif how == "remove":
            del holder[path[-1]]
        elif how == "double" and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[path[-1]]))
        elif how == "add" and isinstance(holder, dict):
            holder[draw(sample_from("Tomorrow", "Status", "Type", "Output"))] = draw(VALUES)
        elif how == "splice":
            other = draw(NAMES)
            holder[path[-1]] = copy.deepcopy(get_part(CORPUS[other], draw(ALL_PATHS[other])))
        elif how == "nest":
            holder[path[-1]] = [holder[path[-1]]]
    return event


def draw_reference(addresses):
    known = sorted(TASKS)
    odd = ["", "nobody's", "cos://", "cos://a.b/c", "\ud800", "x" * 2000, None, 5, []]
    ids = st.sampled_from([*known, *odd])
    places = st.sampled_from([*addresses, *odd])
    return st.one_of(
        st.fixed_dictionaries({"TaskId": ids}),
        st.fixed_dictionaries({"ArchivedEvent": places}, optional={"TaskId": ids}),
    )


# Envelopes


def create_signature(sent):
    now = int(time.time())
    timestamp = now + {"expired": -5, "forged": 600, "signed": 600}.get(sent, 0)
    key = "another-key" if sent == "forged" else KEY
    if sent == "unsigned":
        return {}
    sign = hashlib.md5(f"{timestamp}{key}".encode()).hexdigest()
    return {"Timestamp": timestamp, "Sign": sign}


def remove_signature(event):
    return {name: value for name, value in event.items() if name not in ("Timestamp", "Sign")}


def encode(value):
    return json.dumps(value)


def draw_dead_letter(draw, event):
    body = {"InvocationType": "Event", "FunctionName": "f", "ClientContext": encode(event)}
    how = draw(sample_from("whole", "text", "alone"))
    if how == "alone":
        return body
    return {"RequestId": "r", "ErrorCode": 430, "Body": encode(body) if how == "text" else body}


def draw_escaped(draw, body):
    return draw(sample_from(quote, quote_plus))(body)


def draw_broken(draw, body):
    """Draw a text that is not JSON, or has more than JSON."""
    how = draw(sample_from("cut", "more", "constant", "twice", "utf-16", "deep", "bytes"))
    at = draw(st.integers(0, len(body) - 1))
    if how == "cut":
        return body[:at]
    if how == "constant":
        return f'{{"EventType": {draw(sample_from("NaN", "Infinity", "-Infinity"))}}}'
    if how == "twice":
        return body + body
    if how == "utf-16":
        return body.encode("utf-16-le")
    if how == "deep":
        levels = draw(sample_from(101, 5_000))
        return '{"EventType": "X", "a": ' + "[" * levels + "]" * levels + "}"
    if how == "bytes":
        return body.encode()[:at] + b"\xff" + body.encode()[at:]
    return body + draw(sample_from("}", ",", "\0", "x"))


@st.composite
def draw_case(draw: Callable[..., Any], addresses: list[str]) -> Case:
    channel = draw(
        st.sampled_from(
            [
                *("trigger", "text", "http", "http", "http-reread", "topic", "queue", "queues"),
                *("escaped", "dead-letter", "nested", "reference", "broken", "broken-http"),
                *("broken-envelope", "junk"),
            ]
        )
    )
    ledger = draw(st.booleans())
    if channel == "trigger":
        event = draw(draw_notification())
        return Case(channel, event, [event], ledger=ledger)
    if channel == "text":
        event = draw(draw_notification())
        body = encode(event)
        form = draw(st.sampled_from([str, str.encode, lambda one: bytearray(one.encode())]))
        return Case(channel, form(body), [event], ledger=ledger)
    if channel in ("http", "http-reread", "broken-http"):
        return draw_http(draw, channel, ledger)
    if channel == "reference":
        event = draw(draw_reference(addresses))
        found = [event]
        if draw(st.booleans()):
            event = {"msgBody": encode(event)}
        return Case(channel, event, found, ledger=ledger)
    if channel == "junk":
        return Case(channel, draw(JUNK), None, ledger=ledger)
    if channel == "broken":
        body = draw_broken(draw, encode(draw(draw_notification())))
        inside = draw(sample_from("raw", "message", "letter"))
        if inside == "message":
            return Case(channel, {"msgBody": body}, [MALFORMED], ledger=ledger)
        if inside == "letter":
            letter = {"RequestId": "r", "Body": {"ClientContext": body}}
            return Case(channel, letter, [MALFORMED], ledger=ledger)
        return Case(channel, body, [MALFORMED], ledger=ledger)
    if channel == "broken-envelope":
        event = draw(draw_notification(0))
        odd = draw(SCALARS | st.just([]) | st.just({}) | st.just([event]))
        wrapped = draw(
            st.sampled_from(
                [
                    {"msgBody": odd},
                    {"msgBody": event},
                    {"msgInfoList": [{"msgBody": odd}]},
                    {"msgInfoList": odd, "msgBody": odd},
                    {"Records": [odd]},
                    {"Records": [{"CMQ": odd}]},
                    {"Records": [{"CMQ": event}]},
                    {"RequestId": "r", "Body": odd},
                    {"RequestId": "r", "Body": {"ClientContext": odd}},
                    {"ClientContext": odd, "InvocationType": "Event"},
                    {"msgBody": encode({"headers": {}, "body": encode(event)})},
                ]
            )
        )
        return Case(channel, wrapped, [MALFORMED], ledger=ledger)
    events = draw(st.lists(draw_notification(2), min_size=1, max_size=3))
    if channel in ("queue", "escaped", "dead-letter"):
        events = events[:1]
    body = [encode(event) for event in events]
    if channel == "escaped":
        return Case(channel, {"msgBody": draw_escaped(draw, body[0])}, events, ledger=ledger)
    if channel == "queue":
        return Case(channel, {"code": 0, "msgBody": body[0]}, events, ledger=ledger)
    if channel == "dead-letter":
        return Case(channel, draw_dead_letter(draw, events[0]), events, ledger=ledger)
    if channel == "nested":
        body = [encode(draw_dead_letter(draw, event)) for event in events]
    if channel == "queues":
        return Case(
            channel, {"msgInfoList": [{"msgBody": one} for one in body]}, events, ledger=ledger
        )
    wrapped = {"Records": [{"CMQ": {"msgBody": one}} for one in body]}
    if channel == "nested":
        wrapped = draw_dead_letter(draw, wrapped)
    return Case(channel, wrapped, events, ledger=ledger)


def draw_http(draw, channel, ledger):
    sent = draw(st.sampled_from(["signed", "signed", "signed", "unsigned", "forged", "expired"]))
    reread = channel == "http-reread"
    if reread and draw(st.booleans()):
        event = copy.deepcopy(TASKS[draw(st.sampled_from(sorted(TASKS)))])
    else:
        event = draw(draw_notification(2))
    if sent == "unsigned":
        event = remove_signature(event)
    event |= create_signature(sent)
    body = encode(event)
    found = [event]
    more = {}
    if channel == "broken-http":
        body = draw_broken(draw, body)
        found = [MALFORMED]
        if isinstance(body, bytes):
            body = base64.b64encode(body).decode()
            more["isBase64Encoded"] = True
        elif draw(st.booleans()):
            more["isBase64Encoded"] = True  # although it is not
        elif draw(st.booleans()):
            method = draw(sample_from("GET", "HEAD", "PUT", "OPTIONS", "DELETE"))
            more["httpMethod"] = method
    elif draw(st.booleans()):
        body = base64.b64encode(body.encode()).decode()
        more["isBase64Encoded"] = draw(sample_from(True, "true"))
    around = draw(st.sampled_from([{"headers": {}}, {"requestContext": {}}, {"headers": None}]))
    request = {"httpMethod": "POST", **around, "body": body, **more}
    return Case(channel, request, found, sent, reread, ledger)


# The application, and the outcome of a case


class EventRecorder(Middleware):
    """Records every dispatched event."""

    def __init__(self):
        self.events = []

    def before_event(self, event, context):
        self.events.append(event.raw)


def create_application(seen, ledger):
    app = App(middleware=[seen], ledger=MemoryLedger() if ledger else "none")

    @app.on(Result)
    @app.on_failure(Result)
    @app.on_progress(Result)
    @app.fallback
    def look(result: Result, key: IdempotencyKey) -> None:
        """Read the properties of every result, which must not raise."""
        _ = result.files, result.paths, result.key, result.error, repr(result), result.raw
        event = result
        if isinstance(result, Subtask):
            _ = result.definition
            event = result.event
        context = event.session_context
        if context == "fail":
            raise LookupError("requested by the event")
        if context == "drop":
            raise Drop("requested by the event")
        if context == "exit":
            sys.exit(3)

    return app


class WrongOutcome(AssertionError):
    """A case has another outcome than expected."""


class Fuzzer:
    """Checks cases against emulators of COS and MPS."""

    def __init__(self, api, addresses):
        self.api = api
        self.addresses = addresses
        self.tally = Tally()
        self.last = None

    def check(self, case):
        """Run a case. Raise WrongOutcome for another outcome than expected."""
        self.last = case
        seen = EventRecorder()
        handler = create_application(seen, case.ledger and self.is_distinct(case)).main_handler
        is_http = isinstance(case.event, dict) and "http" in case.channel
        os.environ["MPS_REREAD"] = "1" if case.reread else "0"
        try:
            answer = handler(copy.deepcopy(case.event), {"time_limit_in_ms": 20_000})
            json.dumps(answer)
            outcome = f"HTTP {answer['statusCode']}" if "statusCode" in answer else "summary"
        except (InvalidEvent, CallbacksFailed, MpsError) as error:
            answer, outcome = error, type(error).__name__
            if isinstance(error, InvalidEvent | MpsError):
                outcome = "MpsError" if isinstance(error, MpsError) else MALFORMED
        if is_http != outcome.startswith("HTTP") and case.channel != "junk":
            raise WrongOutcome(f"{outcome}, {answer!r}")
        if case.notifications is not None:
            expected, dispatched = self.predict(case)
            if outcome not in expected:
                raise WrongOutcome(f"got {outcome}, expected {expected}: {answer!r}")
            if case.reread and seen.events not in (
                [],
                [self.read_from_mps(one.task_id) for one in map(parse_event, seen.events)],
            ):
                raise WrongOutcome("the dispatched event is not that of MPS")
            if dispatched is not None and seen.events != dispatched:
                raise WrongOutcome(
                    f"dispatched {len(seen.events)} events, expected {len(dispatched)}"
                )
        elif outcome.startswith("HTTP") and outcome not in ("HTTP 400", "HTTP 401", "HTTP 405"):
            raise WrongOutcome(f"{outcome} without a signature")
        self.tally.examples += 1
        self.tally.channels[case.channel] += 1
        self.tally.outcomes[f"{case.channel}: {outcome}"] += 1
        self.tally.dispatched += len(seen.events)

    def is_distinct(self, case):
        """Return True if no event of a case repeats another, which the ledger would skip."""
        found = [self.resolve(one) for one in case.notifications or ()]
        keys = [parse_event(one).key for one in found if isinstance(one, dict)]
        return len(keys) == len(set(keys))

    def predict(self, case):
        """Return the possible outcomes of a case, and the events to dispatch if they are known."""
        assert case.notifications is not None
        found = [self.resolve(one) for one in case.notifications]
        valid = [one for one in found if isinstance(one, dict)]
        failing = any(parse_event(one).session_context in ("fail", "exit") for one in valid)
        if "http" in case.channel:
            if case.channel == "broken-http":
                return ["HTTP 400", "HTTP 401", "HTTP 405"], []
            if case.sent != "signed":
                return ["HTTP 401"], []
            if case.reread:
                return self.predict_verified(valid)
            if not valid:
                return ["HTTP 400"], []
            return (["HTTP 500"] if failing else ["HTTP 200"]), valid
        if len(found) > 1:
            return (
                ["CallbacksFailed"] if failing or len(valid) < len(found) else ["summary"]
            ), valid
        if not valid:
            return [found[0]], []
        return (["CallbacksFailed"] if failing else ["summary"]), valid

    def predict_verified(self, valid):
        if not valid:
            return ["HTTP 400"], []
        current = self.read_from_mps(parse_event(valid[0]).task_id)
        if current is None:
            return ["HTTP 403"], []
        if remove_signature(valid[0]) == remove_signature(TASKS[parse_event(current).task_id]):
            return ["HTTP 200"], [current]
        late = ["HTTP 503"] if parse_event(current).in_progress else []  # if the body says FINISH
        return ["HTTP 200", "HTTP 403", *late], None

    def read_from_mps(self, name):
        """Return the notification that MPS has of a task."""
        event = TASKS.get(name)
        if event is None:
            return None
        session = {key: event.get(key) or "" for key in ("SessionId", "SessionContext")}
        payload = f"{event['EventType']}Event"
        return {"EventType": event["EventType"], payload: event[payload], **session}

    def resolve(self, notification):
        """Return the notification that is dispatched, or the name of the error."""
        if notification == MALFORMED:
            return MALFORMED
        if not notification or not notification.keys() <= {"TaskId", "ArchivedEvent"}:
            return self.validate(notification)
        name = notification.get("TaskId")
        if "ArchivedEvent" not in notification:
            if not isinstance(name, str):
                return MALFORMED
            return self.read_from_mps(name) or "MpsError"
        address = notification["ArchivedEvent"]
        content = self.addresses.get(address) if isinstance(address, str) else None
        try:
            event = self.validate(json.loads(content or b""))
        except ValueError:
            return MALFORMED
        return (
            MALFORMED
            if event != MALFORMED and name and parse_event(event).task_id != name
            else event
        )

    def validate(self, notification):
        try:
            event = parse_event(notification)
        except InvalidEvent:
            return MALFORMED
        return MALFORMED if event.type in VOD_EVENT_TYPES else notification


@contextmanager
def create_fuzzer():
    """Create a fuzzer with emulators of COS and MPS, which end after the block."""
    with ExitStack() as stack:
        stack.callback(SHARED_POOL.clear)
        stack.callback(logging.disable, logging.root.manager.disable)
        logging.disable(logging.CRITICAL)
        mps = Mps()
        for event in TASKS.values():
            mps.add(event)
        api = stack.enter_context(CloudApi([mps]))
        folder = stack.enter_context(TemporaryDirectory(prefix="fuzz-"))
        cos = stack.enter_context(CosEmulator(folder, keys=[api.key]))
        cos.create_bucket(BUCKET, REGION)
        variables = {
            "MPS_NOTIFY_KEY": KEY,
            "MPS_ALLOW_UNSIGNED": "0",
            "MPS_BUCKETS": BUCKET,
            "MPS_API_ENDPOINT": api.url,
            "MPS_COS_PROXY": cos.url,
            "TENCENTCLOUD_SECRETID": api.key.secret_id,
            "TENCENTCLOUD_SECRETKEY": api.key.secret_key,
            "TENCENTCLOUD_SESSIONTOKEN": "",
            "TENCENTCLOUD_REGION": REGION,
            "MPS_REREAD": "0",
        }
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in variables.items():
            environment.setenv(name, value)
        archived = {
            f"cos://{BUCKET}.{REGION}/{name}.json": json.dumps(event).encode()
            for name, event in CORPUS.items()
        }
        for index, content in enumerate([b"no JSON", b"[]", b"{}", b'{"TaskId": "t"}']):
            archived[f"cos://{BUCKET}.{REGION}/odd-{index}"] = content
        files = Cos()
        for address, content in archived.items():
            files.upload(content, address)
        yield Fuzzer(api, archived)


def run(one, first_seed, seconds):
    """Run batches of examples until the time is over. Return the seed of a failing batch, or None."""
    began = time.monotonic()
    number = first_seed
    while (left := seconds - (time.monotonic() - began)) > 0:
        # The first batches are small, so that a short run ends in time.
        size = BATCH if left > 10 else 20
        try:
            run_batch(one, number, size)
        except Exception as error:
            traceback.print_exception(error)
            print(f"seed {number}: {type(error).__name__}: {error}")
            print(f"smallest case: {one.last!r}")
            return number
        finally:
            one.tally.seconds = time.monotonic() - began
        number += 1
    return None


def run_batch(one, number, size):
    @seed(number)
    @settings(
        max_examples=size,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(draw_case(sorted(one.addresses)))
    def check(case: Case) -> None:
        one.check(case)

    check()


def main(arguments=None):
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}, {options.minutes:g} minutes", flush=True)
    with create_fuzzer() as one:
        found = run(one, options.seed, options.minutes * 60)
        print(one.tally)
    if found is not None:
        print(f"again: python tests/fuzz/fuzzer.py --seed {found}")
    return 0 if found is None else 1


if __name__ == "__main__":
    sys.exit(main())
