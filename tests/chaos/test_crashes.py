"""A small storm for each store, and a judge that notices what it is there for."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiohttp", reason="COS is emulated by it")

from tests.chaos import crashes

from .crashes import Judgement, judge


def test_nothing_is_lost_and_nothing_done_twice(tmp_path: Path) -> None:
    stores = ["file", "cos", "redis"]
    if find_spec("redis") is None or shutil.which("redis-server") is None:
        print("NOT TESTED in Redis: there is no redis-server, or no client, on this machine")
        stores.remove("redis")
    command = [sys.executable, crashes.__file__, "--events=12", "--seed=5", "--hurried"]
    storms = {
        store: subprocess.Popen(
            [*command, f"--store={store}", f"--folder={tmp_path / store}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for store in stores
    }
    for store, process in storms.items():
        shown, _ = process.communicate(timeout=120)
        print(shown)
        assert process.returncode == 0, shown
        (line,) = (tmp_path / store / "judgement.json").read_text().splitlines()
        judgement = json.loads(line)
        assert judgement["effects"] > judgement["events"] == 12
        assert judgement["deliveries"] > 12
        assert (judgement["faults"] > 0) == (store == "cos")


def told(tmp_path: Path, *lines: tuple[str, str, int]) -> Path:
    path = tmp_path / "lines"
    path.write_text(
        "".join(json.dumps({"what": w, "key": k, "pid": p}) + "\n" for w, k, p in lines)
    )
    return path


def verdict(tmp_path: Path, wanted: set[str], *lines: tuple[str, str, int]) -> dict[str, int]:
    judgement = Judgement("none")
    judge(judgement, {"event": wanted}, told(tmp_path, *lines))
    return {what: count for what, count in judgement.wrong.items() if count}


ONCE = [("begins", "a", 1), ("effect", "a", 1), ("ends", "a", 1), ("recorded", "a", 1)]
LATER = ("begins", "other", 1)


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        (ONCE, {}),
        # Killed between effect and record: the repetition is excused.
        ([*ONCE[:2], ("begins", "a", 2), ("effect", "a", 2), ("ends", "a", 2)], {}),
        ([*ONCE[:3], ("begins", "a", 2), ("effect", "a", 2)], {}),
        # The store refused the record.
        ([*ONCE[:3], ("refused", "a", 1), *ONCE[:2], LATER], {}),
        # The process lived on, and nothing refused anything.
        (
            [*ONCE[:3], ("begins", "a", 2), ("effect", "a", 2), LATER],
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
        ([("begins", "b", 1), ("effect", "b", 1)], {"events lost": 1, "undone after replay": 1}),
    ],
)
def test_the_judge_tells_what_must_not_be(
    tmp_path: Path, lines: Any, wrong: dict[str, int]
) -> None:
    assert verdict(tmp_path, {"a"}, *lines) == wrong


def test_an_event_done_in_part_is_not_lost_but_not_done(tmp_path: Path) -> None:
    assert verdict(tmp_path, {"a", "b"}, *ONCE) == {"undone after replay": 1}


def test_invocations_past_their_limit_count_when_stores_hang() -> None:
    assert "invocations that ran past their limit" not in Judgement("none", overran=1).wrong
    judgement = Judgement("none", hangs=1, overran=1)
    assert judgement.wrong["invocations that ran past their limit"] == 1
    assert judgement.was_calm
    judgement.statuses[430] += 1
    assert not judgement.was_calm
