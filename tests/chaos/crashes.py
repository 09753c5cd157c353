"""A storm over the ledger: many events in SCF's emulator while processes are killed, callbacks fail and COS falters.

    python tests/chaos/crashes.py --events 2000

For each store: events of several types, shuffled, some pushed or delivered twice, are given to a function that runs
in several processes at a time. Its callbacks (`application.py`) fail, hang and die at random, any process is killed
at random, time limits strike, the credentials change, and COS is made to lose answers. What happened is judged by
what the callbacks told to a file outside. Then the storm is over, and what is not done is replayed by the command
line.

With ``--hangs`` nothing is killed. Instead the store hangs for random times, as SIGSTOP stops its process, and no
invocation may outlast its time limit.
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
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scf_mps.events.parser import parse_event
from scf_mps.ledger import open_ledger
from scf_mps.ledger.base import hash_key
from scf_mps.local.cos import CosEmulator
from scf_mps.local.cos.faults import Fault
from scf_mps.local.cos.signature import Key
from scf_mps.local.samples import sample
from scf_mps.local.scf import LifecycleEvent, LocalFunction
from scf_mps.local.variables import set_variables

sys.path.append(str(Path(__file__).parents[2]))

from tests.support.redis_server import RedisServer

HERE = Path(__file__).parent
BUCKET, REGION = "ledger-1250000000", "ap-guangzhou"

_TYPES = [
    "Transcode",
    "AnimatedGraphics",
    "SnapshotByTimeOffset",
    "SampleSnapshot",
    "ImageSprites",
    "AdaptiveDynamicStreaming",
    "Porn.Asr",
    "Cover",
    "Tag",
]


@dataclass
class Judgement:
    """What the storm did, and what became of it. All that must be 0 is in `wrong`."""

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
    def wrong(self) -> dict[str, int]:
        """What must not be: each is 0."""
        return {
            "events lost": self.lost,
            "recorded callbacks run twice": self.twice,
            "callbacks run by two deliveries at once": self.at_once,
            "repeats without a crash between effect and record": self.unexplained,
            "undone and neither in history nor dead letters": self.nowhere,
            "undone after replay": self.unfinished,
            # Where callbacks hang and processes are killed invocations meet their limit on purpose.
            **({"invocations that ran past their limit": self.overran} if self.hangs else {}),
        }

    @property
    def was_calm(self) -> bool:
        """Whether it proves little: nothing was killed, hung, repeated or left to the replay."""
        if self.hangs:
            return not self.statuses[430]  # no invocation met a store that hung
        return not (self.kills and self.statuses[433] and self.repeats and self.open)

    def __str__(self) -> str:
        failed = ", ".join(f"{count} x {status}" for status, count in sorted(self.statuses.items()))
        told = [
            f"{self.store}: {self.events} events, {self.deliveries} deliveries in {self.seconds:.0f} s",
            f"  processes killed from outside: {self.kills}; deliveries by status: {failed}",
            f"  faults of COS: {self.faults}; dead letters: {self.dead_letters}; times the store hung: {self.hangs}",
            f"  effects: {self.effects}, of which repeats after a crash before the record: {self.repeats}",
            f"  not done when the storm was over, then replayed: {self.open}",
            *(f"  {what}: {count}" for what, count in self.wrong.items()),
        ]
        return "\n".join(told)


def events(count: int, chance: random.Random) -> list[dict[str, Any]]:
    """Events of several types, each of a task of its own."""
    made = []
    for number in range(count):
        kind = chance.choice(["WorkflowTask"] * 6 + ["EditMediaTask", "ScheduleTask"])
        results: list[tuple[str, str]] = []
        if kind == "WorkflowTask":
            results = [
                (one, chance.choice(["SUCCESS"] * 4 + ["FAIL"]))
                for one in chance.choices(_TYPES, k=chance.randint(1, 4))
            ]
        event = sample(kind, results) if results else sample(kind)
        payload = next(part for part in event.values() if isinstance(part, dict))
        payload["TaskId"] = f"1250000000-{kind}-{number:05d}t0"
        made.append(event)
    return made


def expected(every: list[dict[str, Any]]) -> dict[str, set[str]]:
    """The keys of the calls each event has, by the key of the event, told by the application's own plan."""
    from scf_mps import App, Event, Subtask

    app = App(ledger="none")
    for verb in ("on", "on_failure"):
        getattr(app, verb)(Subtask, name=f"{verb} result")(lambda result: None)
        getattr(app, verb)(Event, name=f"{verb} event")(lambda event: None)
    app.on(Subtask, name="second")(lambda result: None)
    app.on_complete(Event, name="complete")(lambda event: None)
    found = {}
    for event in every:
        one = parse_event(event)
        runs = [reason for reason in app.explain(event) if reason.runs]
        found[one.key] = {hash_key(f"{reason.result.key} {reason.route.name}") for reason in runs}
    return found


def _until(condition: Callable[[], bool], seconds: float, otherwise: str) -> None:
    waiting = threading.Event()
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(otherwise)
        waiting.wait(0.02)


class Keys:
    """Temporary credentials that change every few invocations; the emulator of COS knows the last few alone."""

    def __init__(self, emulator: CosEmulator) -> None:
        self._emulator = emulator
        self._asked = 0
        self._lock = threading.Lock()

    def __call__(self) -> tuple[str, str, str]:
        with self._lock:
            number = self._asked // 20
            self._asked += 1
        key = Key(f"AKIDstorm{number}", f"secret{number}", f"token{number}")
        self._emulator.keys.add(key)
        self._emulator.keys.remove(f"AKIDstorm{number - 3}")
        return key.secret_id, key.secret_key, key.token or ""


def weather(emulator: CosEmulator, seed: int) -> list[int]:
    """The faults of COS: refusals, resets and answers lost before and after the effect."""
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
    """Kills a busy instance now and then, at any point of its work."""

    def __init__(self, function: LocalFunction, chance: random.Random, share: float) -> None:
        self._chance = chance
        self._share = share
        self.kills = 0
        self._lock = threading.Lock()
        function.observe(self)

    def __call__(self, moment: LifecycleEvent) -> None:
        if moment.kind != "started" or moment.instance is None:
            return
        with self._lock:
            if self._chance.random() >= self._share:
                return
            self.kills += 1
            after = self._chance.random() * 0.05
        threading.Timer(after, moment.instance.kill).start()


class Hanger:
    """Stops a process for random times, up to three time limits, and lets it go on for less."""

    def __init__(self, process: subprocess.Popen[str], chance: random.Random, limit: float) -> None:
        self._process = process
        self._chance = chance
        self._limit = limit
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.hangs = 0

    def __enter__(self) -> Hanger:  # noqa: PYI034 - python 3.10 has no Self
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._chance.uniform(0.1, self._limit)):
            self._process.send_signal(signal.SIGSTOP)
            self.hangs += 1
            self._over.wait(
                self._chance.uniform(0.05, self._limit * self._chance.choice([0.3, 1, 3]))
            )
            self._process.send_signal(signal.SIGCONT)


def hang_storm(store: str, count: int, folder: Path, seed: int = 0) -> Judgement:
    """One store that hangs, `count` events. Callbacks do their work, nothing is killed, the time limit is 3 seconds."""
    chance = random.Random(seed)
    judgement = Judgement(store, events=count)
    began = time.monotonic()
    every = events(count, chance)
    wanted = expected(every)
    with ExitStack() as stack:
        key = Key("AKIDhangs", "secret")
        server = RedisServer(folder)
        if store == "redis":
            process, url, proxy = stack.enter_context(server).process, server.url, ""
        else:
            command = [sys.executable, "-m", "scf_mps.local.cos", f"--dir={folder / 'cos'}"]
            command += [f"--bucket={BUCKET}.{REGION}", f"--key={key.secret_id}:{key.secret_key}"]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            stack.callback(process.wait)
            stack.callback(process.kill)
            port = re.search(r":(\d+)$", process.stdout.readline().strip())
            url, proxy = f"cos://{BUCKET}.{REGION}/ledger/", f"http://127.0.0.1:{port[1]}"
        source, layer = _deploy(folder, store)
        lines = folder / "lines"
        lines.touch()
        environment = {
            "MPS_LEDGER": url,
            "MPS_COS_PROXY": proxy,
            "MPS_LOG_LEVEL": "CRITICAL",
            "CHAOS_LINES": str(lines),
            "CHAOS_RESERVE": "1",
        }
        function = stack.enter_context(
            LocalFunction(
                source,
                timeout=3,
                memory=256,
                environment=environment,
                credentials=lambda: (key.secret_id, key.secret_key, ""),
                layer=layer,
                concurrency=4,
                # An event that could not be closed is held for 5 s. The retry comes after 6.
                speed=10,
                dead_letter_queue=folder / "dead-letters.jsonl",
                duplicates=0.1,
                seed=seed,
            )
        )
        with Hanger(process, chance, 3.0) as hanger:
            for event in every:
                function.push(event)
            function.settle(900)
        judgement.hangs = hanger.hangs
        judgement.deliveries = len(function.invocations)
        judgement.statuses = Counter(one.status for one in function.invocations)
        judgement.overran = judgement.statuses[433]
        judgement.dead_letters = len(function.dead_letters)
        desk = {
            **environment,
            "TENCENTCLOUD_SECRETID": key.secret_id,
            "TENCENTCLOUD_SECRETKEY": key.secret_key,
        }
        _judge_undone(judgement, wanted, url, desk, function.dead_letters, lines)
        _replay(folder, source, desk)
        judge(judgement, wanted, lines)
    judgement.seconds = time.monotonic() - began
    return judgement


def _deploy(folder: Path, store: str) -> tuple[Path, Path]:
    """Return the application's folder and that of its layer."""
    source, layer = folder / "source", folder / "layer"
    (source / "handlers").mkdir(parents=True)
    shutil.copy(HERE / "application.py", source / "handlers" / "__init__.py")
    layer.mkdir()
    if store == "redis":
        spec = find_spec("redis")
        assert spec is not None
        assert spec.origin is not None
        shutil.copytree(Path(spec.origin).parent, layer / "redis")
    return source, layer


def storm(store: str, count: int, folder: Path, seed: int = 0, hurried: bool = False) -> Judgement:
    """One store, `count` events; see the head of this file.

    A hurried storm waits for less: the time limit is short, and a process that was killed holds its event for longer
    than SCF takes to retry, so that more of it is left to the replay.
    """
    chance = random.Random(seed)
    judgement = Judgement(store, events=count)
    began = time.monotonic()
    every = events(count, chance)
    wanted = expected(every)
    with ExitStack() as stack:
        emulator = stack.enter_context(CosEmulator(folder / "cos"))
        emulator.create_bucket(BUCKET, REGION)
        if store == "cos":
            url = f"cos://{BUCKET}.{REGION}/ledger/"
        elif store == "redis":
            url = stack.enter_context(RedisServer(folder)).url
        else:
            url = f"file://{folder}/ledger"
        source, layer = _deploy(folder, store)
        lines = folder / "lines"
        lines.touch()
        environment = {
            "MPS_LEDGER": url,
            "MPS_COS_PROXY": emulator.url,
            "MPS_LOG_LEVEL": "CRITICAL",
            "CHAOS_LINES": str(lines),
            "CHAOS_SEED": str(seed),
        }
        rules = weather(emulator, seed)
        function = stack.enter_context(
            LocalFunction(
                source,
                timeout=1 if hurried else 2,
                memory=256,
                environment={**environment, "CHAOS_WILD": "0.1"},
                credentials=Keys(emulator),
                layer=layer,
                concurrency=4,
                # A process that was killed holds its event for 4 s; the retry comes after 5.
                speed=120 if hurried else 12,
                dead_letter_queue=folder / "dead-letters.jsonl",
                duplicates=0.1,
                seed=seed,
            )
        )
        killer = Killer(function, chance, share=0.1)
        pushed = every + chance.sample(every, count // 10)
        chance.shuffle(pushed)
        for event in pushed:
            function.push(event)
        function.settle(900)
        judgement.kills = killer.kills
        judgement.deliveries = len(function.invocations)
        judgement.statuses = Counter(one.status for one in function.invocations)
        judgement.dead_letters = len(function.dead_letters)
        judgement.faults = sum(emulator.faults.hits(rule) for rule in rules)
        emulator.faults.clear()
        key = emulator.key
        desk = {
            **environment,
            "TENCENTCLOUD_SECRETID": key.secret_id,
            "TENCENTCLOUD_SECRETKEY": key.secret_key,
        }
        _judge_undone(judgement, wanted, url, desk, function.dead_letters, lines)
        _replay(folder, source, desk)
        judge(judgement, wanted, lines)
    judgement.seconds = time.monotonic() - began
    return judgement


def _effects(lines: Path) -> Counter[str]:
    told = map(json.loads, lines.read_text().splitlines())
    return Counter(line["key"] for line in told if line["what"] == "effect")


def _judge_undone(
    judgement: Judgement,
    wanted: dict[str, set[str]],
    url: str,
    environment: dict[str, str],
    letters: list[dict[str, Any]],
    lines: Path,
) -> None:
    """Every event that is not done is in `history --failed` or among the dead letters."""
    _until_nobody_holds(url, environment)
    states = {entry["key"]: entry["state"] for entry in _history(environment)}
    done = _effects(lines)
    dead = {parse_event(json.loads(letter["Body"]["ClientContext"])).key for letter in letters}
    for key, calls in wanted.items():
        if states.get(key) == "done" and calls <= done.keys():
            continue
        judgement.open += 1
        if states.get(key) not in ("failed", "interrupted") and key not in dead:
            judgement.nowhere += 1


def _until_nobody_holds(url: str, environment: dict[str, str]) -> None:
    """Until the last of those who were killed hold nothing any more."""
    with set_variables(environment):
        ledger = open_ledger(url)
        _until(
            lambda: all(entry.lease_seconds == 0 for entry in ledger.entries()),
            20,
            "events are still held",
        )


def _history(environment: dict[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(_command(environment, "history", "--json"))
    return found


def _replay(folder: Path, source: Path, environment: dict[str, str]) -> None:
    """What a person would do in the morning."""
    _command(environment, "replay", "--dead-letter", str(folder / "dead-letters.jsonl"))
    _command(environment, "replay", "--failed")


def _command(environment: dict[str, str], *arguments: str) -> str:
    """``scf-mps`` with the application of the storm, in calm weather."""
    ended = subprocess.run(
        [sys.executable, "-m", "scf_mps.cli", *arguments, "--app", "application:app"],
        cwd=HERE,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    if ended.returncode:
        raise RuntimeError(f"scf-mps {' '.join(arguments)}: {ended.stdout}{ended.stderr}")
    return ended.stdout


def judge(judgement: Judgement, wanted: dict[str, set[str]], lines: Path) -> None:
    """Read what the callbacks told, in the order in which it happened."""
    told = [json.loads(line) for line in lines.read_text().splitlines()]
    last_line = {line["pid"]: number for number, line in enumerate(told)}
    by_key: dict[str, list[tuple[int, str, int]]] = {}
    for number, line in enumerate(told):
        by_key.setdefault(line["key"], []).append((number, line["what"], line["pid"]))
    effects: Counter[str] = Counter()
    for key, story in by_key.items():
        recorded = False
        running = 0
        excused = True
        for place, (number, what, pid) in enumerate(story):
            if what == "begins":
                # Of a process that was killed another line is the last: it runs nothing any more.
                judgement.at_once += bool(running) and last_line[running] > number
                judgement.twice += recorded
                running = pid
            elif what == "effect":
                judgement.unexplained += not excused
                effects[key] += 1
                after = [one for one in story[place + 1 :] if one[2] == pid][:2]
                rest = [one[1] for one in after]
                end = after[0][0] if rest[:1] == ["ends"] else number
                excused = last_line[pid] == end or rest == ["ends", "refused"]
            elif what in ("ends", "fails"):
                running = 0
            elif what == "recorded":
                recorded = True
    judgement.effects = sum(effects.values())
    judgement.repeats = judgement.effects - len(effects)
    for calls in wanted.values():
        missing = calls - effects.keys()
        judgement.unfinished += bool(missing)
        judgement.lost += bool(calls) and missing == calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--store", action="append", choices=["file", "cos", "redis"])
    parser.add_argument("--hurried", action="store_true", help="wait for less; see `storm`")
    parser.add_argument("--folder", type=Path, help="keep everything there")
    parser.add_argument("--hangs", action="store_true", help="only let stores hang")
    options = parser.parse_args()
    stores = options.store or ["file", "cos", "redis"]
    if len(stores) == 1:
        sys.exit(0 if _stormed(stores[0], options) else 1)
    # Two at a time, each in a process of its own, as small machines have two cores.
    seed = f"--seed={options.seed}"
    runs = [
        [f"--events={options.events}", seed, f"--store={store}"]
        + (["--hurried"] if options.hurried else [])
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
        ended = pool.map(lambda run: subprocess.run([sys.executable, __file__, *run]), runs)
        sys.exit(max(one.returncode for one in ended))


def _stormed(store: str, options: argparse.Namespace) -> bool:
    """Whether nothing went wrong in a store that was told to storm."""
    if store == "redis" and shutil.which("redis-server") is None:
        print("redis: NOT TESTED, there is no redis-server on this machine")
        return True
    with TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(exist_ok=True)
        judgement = (
            hang_storm(store, options.events, folder, options.seed)
            if options.hangs
            else storm(store, options.events, folder, options.seed, options.hurried)
        )
        (folder / "judgement.json").write_text(json.dumps(vars(judgement)))
    print(f"seed {options.seed}\n{judgement}", flush=True)
    if judgement.was_calm and not options.hurried:
        print(f"{store}: the storm was too calm to prove anything", flush=True)
        return False
    return not sum(judgement.wrong.values())


if __name__ == "__main__":
    main()
