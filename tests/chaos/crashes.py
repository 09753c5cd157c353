"""A crash test of the ledger: events in SCF's emulator while processes are killed, callbacks fail and COS fails.

    python tests/chaos/crashes.py --events 2000

For each store, shuffled events of several types, some of them duplicates, are pushed to a function that runs in several
processes. Its callbacks (`application.py`) fail, hang and die at random, processes are killed at random, time limits
expire, credentials change, and COS loses responses. The verdict follows from what the callbacks logged to a file. Then
the faults end, and `scf-mps replay` runs what is not done.

With ``--telemetry`` the function exports spans to a receiver that is on, away, slow or refusing. They are compared with
the invocations and with the ledger.

With ``--hangs`` nothing is killed. The store hangs for random times instead, and no invocation may outlast its time
limit.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from scf_mps.events.parser import parse_event
from scf_mps.ledger import open_ledger
from scf_mps.ledger.base import hash_key
from scf_mps.local.cos import CosEmulator
from scf_mps.local.cos.faults import Fault
from scf_mps.local.cos.signature import Key
from scf_mps.local.samples import sample
from scf_mps.local.scf import LocalFunction
from scf_mps.local.variables import set_variables

sys.path.append(str(Path(__file__).parents[2]))

from tests.chaos.telemetry import Telemetry
from tests.support.redis_server import RedisServer

HERE = Path(__file__).parent
BUCKET, REGION = "ledger-1250000000", "ap-guangzhou"

_TYPES = [
    *("Transcode", "AnimatedGraphics", "SnapshotByTimeOffset", "SampleSnapshot", "ImageSprites"),
    *("AdaptiveDynamicStreaming", "Porn.Asr", "Cover", "Tag"),
]


@dataclass
class Verdict:
    """Counts of faults and their effects. All counts in `violations` must be 0.

    Attributes:
        repeats: effects repeated after a crash between the effect and its record.
        open: events that were not done when the faults ended.
        lost: events without any effect after the replay.
        twice: callbacks that ran again after their record.
        at_once: callbacks that two deliveries ran at the same time.
        unexplained: repeats without a crash.
        nowhere: open events that are neither in the history nor among the dead letters.
        unfinished: events with missing effects after the replay.
        overran: invocations that ran past their time limit.
    """

    store: str
    events: int = 0
    deliveries: int = 0
    kills: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    faults: int = 0
    effects: int = 0
    repeats: int = 0
    dead_letters: int = 0
    open: int = 0
    lost: int = 0
    twice: int = 0
    at_once: int = 0
    unexplained: int = 0
    nowhere: int = 0
    unfinished: int = 0
    overran: int = 0
    hangs: int = 0
    seconds: float = 0.0

    @property
    def violations(self):
        """Counts that must be 0."""
        counts = {
            "events lost": self.lost,
            "recorded callbacks run twice": self.twice,
            "callbacks run by two deliveries at once": self.at_once,
            "repeats without a crash between effect and record": self.unexplained,
            "open events neither in history nor dead letters": self.nowhere,
            "unfinished after replay": self.unfinished,
        }
        if self.hangs:  # otherwise callbacks exceed the limit on purpose
            counts["invocations that ran past their limit"] = self.overran
        return counts

    @property
    def is_conclusive(self):
        """False if nothing was killed, hung, repeated or left to the replay."""
        if self.hangs:
            return bool(self.statuses[430])  # an invocation met a store that hung
        return bool(self.kills and self.statuses[433] and self.repeats and self.open)

    def __str__(self):
        statuses = ", ".join(
            f"{count} x {status}" for status, count in sorted(self.statuses.items())
        )
        lines = [
            f"{self.store}: {self.events} events, {self.deliveries} deliveries in {self.seconds:.0f} s",
            f"  processes killed from outside: {self.kills}; deliveries by status: {statuses}",
            f"  faults of COS: {self.faults}; dead letters: {self.dead_letters}; hangs of the store: {self.hangs}",
            f"  effects: {self.effects}, of which repeats after a crash before the record: {self.repeats}",
            f"  open when the faults ended, then replayed: {self.open}",
            *(f"  {name}: {count}" for name, count in self.violations.items()),
        ]
        return "\n".join(lines)


def create_events(count, chance):
    """Return events of several types, each of its own task."""
    events = []
    for number in range(count):
        type_ = chance.choice(["WorkflowTask"] * 6 + ["EditMediaTask", "ScheduleTask"])
        results = []
        if type_ == "WorkflowTask":
            results = [
                (name, chance.choice(["SUCCESS"] * 4 + ["FAIL"]))
                for name in chance.choices(_TYPES, k=chance.randint(1, 4))
            ]
        event = sample(type_, results) if results else sample(type_)
        payload = next(part for part in event.values() if isinstance(part, dict))
        payload["TaskId"] = f"1250000000-{type_}-{number:05d}t0"
        events.append(event)
    return events


def find_expected_calls(events):
    """Return the hashes of the calls of each event by its key, from the application's own plan."""
    from scf_mps import App, Event, Subtask

    app = App(ledger="none")
    for verb in ("on", "on_failure"):
        getattr(app, verb)(Subtask, name=f"{verb} result")(lambda result: None)
        getattr(app, verb)(Event, name=f"{verb} event")(lambda event: None)
    app.on(Subtask, name="second")(lambda result: None)
    app.on_complete(Event, name="complete")(lambda event: None)
    calls = {}
    for event in events:
        reasons = [reason for reason in app.explain(event) if reason.runs]
        calls[parse_event(event).key] = {
            hash_key(f"{reason.result.key} {reason.route.name}") for reason in reasons
        }
    return calls


class RotatingKeys:
    """Temporary credentials that change every 20 invocations. The COS emulator knows the last few."""

    def __init__(self, emulator):
        self._emulator = emulator
        self._calls = 0
        self._lock = threading.Lock()

    def __call__(self):
        with self._lock:
            number = self._calls // 20
            self._calls += 1
        key = Key(f"AKIDchaos{number}", f"secret{number}", f"token{number}")
        self._emulator.keys.add(key)
        self._emulator.keys.remove(f"AKIDchaos{number - 3}")
        return key.secret_id, key.secret_key, key.token or ""


def add_faults(emulator, seed):
    """Add refusals, resets and lost responses of COS, before and after the effect."""
    return [
        emulator.faults.add(Fault("slow_down", probability=0.01, seed=seed, retry_after=0)),
        emulator.faults.add(Fault("error", probability=0.005, seed=seed + 1, status=503)),
        emulator.faults.add(Fault("reset_before", probability=0.01, seed=seed + 2)),
        emulator.faults.add(
            Fault("reset_after", operation="PutObject", probability=0.02, seed=seed + 3)
        ),
        emulator.faults.add(
            Fault("error_after", operation="PutObject", probability=0.01, seed=seed + 4)
        ),
    ]


class Killer:
    """Kills busy instances at random."""

    def __init__(self, function, chance, share):
        self._chance = chance
        self._share = share
        self.kills = 0
        self._lock = threading.Lock()
        function.observe(self)

    def __call__(self, moment):
        if moment.kind != "started" or moment.instance is None:
            return
        with self._lock:
            if self._chance.random() >= self._share:
                return
            self.kills += 1
            delay = self._chance.random() * 0.05
        threading.Timer(delay, moment.instance.kill).start()


class Hanger:
    """Stops a process for random times of up to three time limits."""

    def __init__(self, process, chance, limit):
        self._process = process
        self._chance = chance
        self._limit = limit
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.hangs = 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        while not self._stop.wait(self._chance.uniform(0.1, self._limit)):
            self._process.send_signal(signal.SIGSTOP)
            self.hangs += 1
            self._stop.wait(
                self._chance.uniform(0.05, self._limit * self._chance.choice([0.3, 1, 3]))
            )
            self._process.send_signal(signal.SIGCONT)


class CrashTest:
    """A test of one store.

    Args:
        store: ``file``, ``cos`` or ``redis``.
        count: number of events.
        folder: for everything that is written.
        seed: of all random choices.
    """

    def __init__(self, store, count, folder, seed):
        self._store = store
        self._folder = folder
        self._seed = seed
        self._chance = random.Random(seed)
        self._events = create_events(count, self._chance)
        self._calls = find_expected_calls(self._events)
        self._log = folder / "log"
        self._log.touch()
        self._began = time.monotonic()
        self.verdict = Verdict(store, events=count)
        self.telemetry_verdict = None

    def run(self, hurried=False, telemetry=None):
        """Kill processes, and let callbacks and COS fail.

        Args:
            hurried: True to wait less. The time limit is short, and the lease of a killed process outlasts SCF's
                retries, so that more events are left to the replay.
            telemetry: state of the receiver of spans, None without telemetry.
        """
        chance = self._chance
        with ExitStack() as stack:
            emulator = stack.enter_context(CosEmulator(self._folder / "cos"))
            emulator.create_bucket(BUCKET, REGION)
            if self._store == "cos":
                url = f"cos://{BUCKET}.{REGION}/ledger/"
            elif self._store == "redis":
                url = stack.enter_context(RedisServer(self._folder)).url
            else:
                url = f"file://{self._folder}/ledger"
            environment = self._create_environment(url, emulator.url)
            if telemetry:
                telemetry = stack.enter_context(Telemetry(telemetry))
                environment |= telemetry.environment
            faults = add_faults(emulator, self._seed)
            function = stack.enter_context(
                LocalFunction(
                    self._deploy(),
                    timeout=1 if hurried else 2,
                    memory=256,
                    environment={**environment, "CHAOS_FAULT_RATE": "0.1"},
                    credentials=RotatingKeys(emulator),
                    layer=self._folder / "layer",
                    concurrency=4,
                    # The lease of a killed process ends after 4 s. The retry comes after 5 s.
                    speed=120 if hurried else 12,
                    dead_letter_queue=self._folder / "dead-letters.jsonl",
                    duplicates=0.1,
                    seed=self._seed,
                )
            )
            killer = Killer(function, chance, share=0.1)
            if telemetry:
                function.observe(telemetry.observe)
            pushed = self._events + chance.sample(self._events, len(self._events) // 10)
            chance.shuffle(pushed)
            for event in pushed:
                function.push(event)
            function.settle(900)
            self.verdict.kills = killer.kills
            self.verdict.faults = sum(emulator.faults.hits(fault) for fault in faults)
            emulator.faults.clear()
            verdict = self._judge(function, url, environment, emulator.key)
            if telemetry:
                self.telemetry_verdict = telemetry.judge(function.invocations, self._log)
            return verdict

    def run_hangs(self):
        """Let the store hang. The time limit is 3 seconds."""
        with ExitStack() as stack:
            key = Key("AKIDhangs", "secret")
            if self._store == "redis":
                server = stack.enter_context(RedisServer(self._folder))
                process, url, proxy = server.process, server.url, ""
            else:
                process, proxy = self._start_cos(stack, key)
                url = f"cos://{BUCKET}.{REGION}/ledger/"
            environment = {**self._create_environment(url, proxy), "CHAOS_RESERVE": "1"}
            function = stack.enter_context(
                LocalFunction(
                    self._deploy(),
                    timeout=3,
                    memory=256,
                    environment=environment,
                    credentials=lambda: (key.secret_id, key.secret_key, ""),
                    layer=self._folder / "layer",
                    concurrency=4,
                    # The lease of an event that could not be closed ends after 5 s. The retry comes after 6 s.
                    speed=10,
                    dead_letter_queue=self._folder / "dead-letters.jsonl",
                    duplicates=0.1,
                    seed=self._seed,
                )
            )
            with Hanger(process, self._chance, 3.0) as hanger:
                for event in self._events:
                    function.push(event)
                function.settle(900)
            self.verdict.hangs = hanger.hangs
            return self._judge(function, url, environment, key)

    def _create_environment(self, url, proxy):
        return {
            "MPS_LEDGER": url,
            "MPS_COS_PROXY": proxy,
            "MPS_LOG_LEVEL": "CRITICAL",
            "CHAOS_LOG": str(self._log),
            "CHAOS_SEED": str(self._seed),
        }

    def _start_cos(self, stack, key):
        """Start a COS emulator in its own process. Return the process and its URL."""
        command = [sys.executable, "-m", "scf_mps.local.cos", f"--dir={self._folder / 'cos'}"]
        command += [f"--bucket={BUCKET}.{REGION}", f"--key={key.secret_id}:{key.secret_key}"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        stack.callback(process.wait)
        stack.callback(process.kill)
        port = re.search(r":(\d+)$", process.stdout.readline().strip())
        return process, f"http://127.0.0.1:{port[1]}"

    def _deploy(self):
        """Create the application and its layer. Return the application's folder."""
        source, layer = self._folder / "source", self._folder / "layer"
        (source / "handlers").mkdir(parents=True)
        shutil.copy(HERE / "application.py", source / "handlers" / "__init__.py")
        layer.mkdir()
        if self._store == "redis":
            spec = find_spec("redis")
            assert spec is not None
            assert spec.origin is not None
            shutil.copytree(Path(spec.origin).parent, layer / "redis")
        return source

    def _judge(self, function, url, environment, key):
        """Check the history, replay what is not done, and judge the log."""
        verdict = self.verdict
        verdict.deliveries = len(function.invocations)
        verdict.statuses = Counter(invocation.status for invocation in function.invocations)
        verdict.overran = verdict.statuses[433]
        verdict.dead_letters = len(function.dead_letters)
        environment = {
            **environment,
            "TENCENTCLOUD_SECRETID": key.secret_id,
            "TENCENTCLOUD_SECRETKEY": key.secret_key,
        }
        self._wait_for_leases(url, environment)
        self._count_open_events(function.dead_letters, environment)
        letters = str(self._folder / "dead-letters.jsonl")
        run_command(environment, "replay", "--dead-letter", letters)
        run_command(environment, "replay", "--failed")
        judge(verdict, self._calls, self._log)
        verdict.seconds = time.monotonic() - self._began
        return verdict

    @staticmethod
    def _wait_for_leases(url, environment):
        """Wait until the leases of killed processes have ended."""
        with set_variables(environment):
            ledger = open_ledger(url)
            wait_until(
                lambda: all(event.lease_seconds == 0 for event in ledger.list_events()),
                20,
                "events are still held",
            )

    def _count_open_events(self, letters, environment):
        """Check that every event that is not done is in the history or among the dead letters."""
        history = json.loads(run_command(environment, "history", "--json"))
        states = {event["key"]: event["state"] for event in history}
        lines = map(json.loads, self._log.read_text().splitlines())
        effects = {line["key"] for line in lines if line["step"] == "effect"}
        dead = {parse_event(json.loads(letter["Body"]["ClientContext"])).key for letter in letters}
        for key, calls in self._calls.items():
            if states.get(key) == "done" and calls <= effects:
                continue
            self.verdict.open += 1
            if states.get(key) not in ("failed", "interrupted") and key not in dead:
                self.verdict.nowhere += 1


def wait_until(condition, seconds, problem):
    """Wait for a condition. Raises TimeoutError."""
    waiting = threading.Event()
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(problem)
        waiting.wait(0.02)


def run_command(environment, *arguments):
    """Run ``scf-mps`` with the application, without faults. Return its output."""
    done = subprocess.run(
        [sys.executable, "-m", "scf_mps.cli", *arguments, "--app", "application:app"],
        cwd=HERE,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode:
        raise RuntimeError(f"scf-mps {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout


def judge(verdict, expected, log):
    """Count effects and violations in the log of the callbacks.

    Args:
        verdict: the counts are added to it.
        expected: hashes of the calls of each event.
        log: lines in the order of the steps.
    """
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    last_line = {line["pid"]: number for number, line in enumerate(lines)}
    by_key = {}
    for number, line in enumerate(lines):
        by_key.setdefault(line["key"], []).append((number, line["step"], line["pid"]))
    effects = Counter({key: judge_call(verdict, steps, last_line) for key, steps in by_key.items()})
    effects = +effects
    verdict.effects = sum(effects.values())
    verdict.repeats = verdict.effects - len(effects)
    for calls in expected.values():
        missing = calls - effects.keys()
        verdict.unfinished += bool(missing)
        verdict.lost += bool(calls) and missing == calls


def judge_call(verdict, steps, last_line):
    """Count the violations of one call. Return the number of its effects.

    Args:
        verdict: the counts are added to it.
        steps: line number, step and process of each line of the call.
        last_line: number of the last line of each process.
    """
    effects = 0
    running = 0
    recorded = False
    may_repeat = True
    for position, (number, step, pid) in enumerate(steps):
        if step == "begins":
            # A process that was killed logs nothing more.
            verdict.at_once += bool(running) and last_line[running] > number
            verdict.twice += recorded
            running = pid
        elif step == "effect":
            verdict.unexplained += not may_repeat
            effects += 1
            following = [line for line in steps[position + 1 :] if line[2] == pid][:2]
            next_steps = [line[1] for line in following]
            end = following[0][0] if next_steps[:1] == ["ends"] else number
            may_repeat = last_line[pid] == end or next_steps == ["ends", "refused"]
        elif step in ("ends", "fails"):
            running = 0
        elif step == "recorded":
            recorded = True
    return effects


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--store", action="append", choices=["file", "cos", "redis"])
    parser.add_argument("--hurried", action="store_true", help="wait less, see CrashTest.run")
    parser.add_argument("--folder", type=Path, help="keep all files there")
    parser.add_argument("--hangs", action="store_true", help="only let stores hang")
    parser.add_argument("--telemetry", choices=["on", "away", "slow", "refusing"])
    options = parser.parse_args()
    stores = options.store or ["file", "cos", "redis"]
    if len(stores) == 1:
        sys.exit(0 if check_store(stores[0], options) else 1)
    # Two at a time, each in its own process, as small machines have two cores.
    seed = f"--seed={options.seed}"
    runs = [
        [f"--events={options.events}", seed, f"--store={store}"]
        + (["--hurried"] if options.hurried else [])
        + ([f"--telemetry={options.telemetry}"] if options.telemetry else [])
        for store in stores
        if not options.hangs
    ]
    # A file system cannot be made to hang here.
    runs += [
        [f"--events={max(1, options.events // 10)}", seed, f"--store={store}", "--hangs"]
        for store in stores
        if store != "file"
    ]
    with ThreadPoolExecutor(2) as pool:
        done = pool.map(lambda run: subprocess.run([sys.executable, __file__, *run]), runs)
        sys.exit(max(process.returncode for process in done))


def check_store(store, options):
    """Run the crash test of a store and print the verdict. Return True if it passed."""
    if store == "redis" and shutil.which("redis-server") is None:
        print("redis: NOT TESTED, redis-server is not installed")
        return True
    with TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(exist_ok=True)
        test = CrashTest(store, options.events, folder, options.seed)
        verdict = (
            test.run_hangs() if options.hangs else test.run(options.hurried, options.telemetry)
        )
        (folder / "verdict.json").write_text(json.dumps(vars(verdict)))
    telemetry = test.telemetry_verdict
    print(
        f"seed {options.seed}\n{verdict}", *([telemetry] if telemetry else []), sep="\n", flush=True
    )
    if not (verdict.is_conclusive or options.hurried):
        print(f"{store}: inconclusive, too few faults", flush=True)
        return False
    violations = sum(verdict.violations.values())
    return not (violations or (telemetry and sum(telemetry.violations.values())))


if __name__ == "__main__":
    main()
