"""A small crash test of each store, and tests of its verdicts."""

import json
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest

pytest.importorskip("aiohttp", reason="the COS emulator needs it")

from tests.chaos import crashes

from .crashes import Verdict, judge


def test_stores_keep_guarantees_during_crashes(tmp_path):
    stores = ["file", "cos", "redis"]
    if find_spec("redis") is None or shutil.which("redis-server") is None:
        print("NOT TESTED in Redis: redis-server or its client is not installed")
        stores.remove("redis")
    command = [sys.executable, crashes.__file__, "--events=12", "--seed=5", "--hurried"]
    processes = {
        store: subprocess.Popen(
            [*command, f"--store={store}", f"--folder={tmp_path / store}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for store in stores
    }
    for store, process in processes.items():
        output, _ = process.communicate(timeout=120)
        print(output)
        assert process.returncode == 0, output
        verdict = json.loads((tmp_path / store / "verdict.json").read_text())
        assert verdict["effects"] > verdict["events"] == 12
        assert verdict["deliveries"] > 12
        assert (verdict["faults"] > 0) == (store == "cos")


@pytest.mark.parametrize("state", ["on", "away"])
def test_telemetry_is_complete_and_never_loses_events(tmp_path, state):
    command = [sys.executable, crashes.__file__, "--events=12", "--seed=5", "--hurried"]
    done = subprocess.run(
        [*command, "--store=file", f"--folder={tmp_path / state}", f"--telemetry={state}"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    spans = int(re.search(r"(\d+) spans,", done.stdout)[1])
    assert (spans > 12) == (state == "on")


def find_violations(tmp_path, expected, *steps):
    log = tmp_path / "log"
    lines = [json.dumps({"step": step, "key": key, "pid": pid}) for step, key, pid in steps]
    log.write_text("".join(f"{line}\n" for line in lines))
    verdict = Verdict("none")
    judge(verdict, {"event": expected}, log)
    return {name: count for name, count in verdict.violations.items() if count}


ONCE = [("begins", "a", 1), ("effect", "a", 1), ("ends", "a", 1), ("recorded", "a", 1)]
LATER_STEP = ("begins", "other", 1)


@pytest.mark.parametrize(
    ("steps", "violations"),
    [
        (ONCE, {}),
        # Killed between the effect and its record: the repetition is allowed.
        ([*ONCE[:2], ("begins", "a", 2), ("effect", "a", 2), ("ends", "a", 2)], {}),
        ([*ONCE[:3], ("begins", "a", 2), ("effect", "a", 2)], {}),
        # The store refused the record.
        ([*ONCE[:3], ("refused", "a", 1), *ONCE[:2], LATER_STEP], {}),
        # The process survived, and the store refused nothing.
        (
            [*ONCE[:3], ("begins", "a", 2), ("effect", "a", 2), LATER_STEP],
            {"repeats without a crash between effect and record": 1},
        ),
        (
            [*ONCE, *ONCE],
            {
                "recorded callbacks run twice": 1,
                "repeats without a crash between effect and record": 1,
            },
        ),
        (
            [("begins", "a", 1), ("begins", "a", 2), ("effect", "a", 2), ("ends", "a", 1)],
            {"callbacks run by two deliveries at once": 1},
        ),
        (
            [("begins", "b", 1), ("effect", "b", 1)],
            {"events lost": 1, "unfinished after replay": 1},
        ),
    ],
)
def test_violations_are_found_in_log(tmp_path, steps, violations):
    assert find_violations(tmp_path, {"a"}, *steps) == violations


def test_partly_done_event_is_unfinished(tmp_path):
    assert find_violations(tmp_path, {"a", "b"}, *ONCE) == {"unfinished after replay": 1}


def test_exceeded_limit_is_violation_when_store_hangs():
    name = "invocations that ran past their limit"
    assert name not in Verdict("none", overran=1).violations
    verdict = Verdict("none", hangs=1, overran=1)
    assert verdict.violations[name] == 1
    assert not verdict.is_conclusive
    verdict.statuses[430] += 1
    assert verdict.is_conclusive
