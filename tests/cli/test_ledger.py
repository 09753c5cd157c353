"""The commands history, replay, reconcile and purge."""

import json
import sys
import time
from pathlib import Path

import pytest

from scf_mps.local.samples import sample

from .support import run

APPLICATION = '''\
"""An application whose callbacks fail while a file with their name exists."""

from pathlib import Path

from scf_mps import App, ImageSprites, Transcode

app = App()


def work(name):
    if Path(f"{name}.interrupts").exists():
        raise KeyboardInterrupt
    if Path(f"{name}.fails").exists():
        raise OSError(f"no route, token=abcdef for {name}")
    with open("effects", "a") as file:
        file.write(f"{name}\\n")


@app.on(Transcode, name="film")
def film(transcode: Transcode) -> None:
    work("film")


@app.on(ImageSprites, name="sheet")
def sheet(sprites: ImageSprites) -> None:
    work("sheet")
'''


TIMER = json.dumps({"Type": "Timer", "TriggerName": "t", "Message": "something else"})


@pytest.fixture(autouse=True)
def _own_process(monkeypatch, tmp_path):
    (tmp_path / "films.py").write_text(APPLICATION)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setenv("MPS_APP", "films:app")
    monkeypatch.setenv("MPS_LEDGER", f"file://{tmp_path}/kept")
    yield
    sys.modules.pop("films", None)


def run_command(*arguments, stdin=""):
    """Run a command with freshly imported callbacks."""
    sys.modules.pop("films", None)
    return run(*arguments, stdin=stdin)


def event(task):
    made = sample("WorkflowTask", [("Transcode", "SUCCESS"), ("ImageSprites", "SUCCESS")])
    made["WorkflowTaskEvent"]["TaskId"] = task
    return made


def deliver(task):
    Path("event.json").write_text(json.dumps(event(task)))
    return run_command("invoke", "event.json")


def effects():
    return Path("effects").read_text().split()


class TestHistory:
    def test_history_lists_every_event(self):
        deliver("one")
        Path("sheet.fails").touch()
        deliver("two")
        one, two = run_command("history").rows
        assert one[1:] == ["WorkflowTask FINISH", "done", "one", "1 delivery", "2 done", ""]
        assert two[2:6] == ["failed", "two", "1 delivery", "1 done, 1 failed"]
        assert two[6].startswith("sheet: OSError: no route, token=***")

    def test_history_filters_failures(self):
        deliver("one")
        Path("film.fails").touch()
        deliver("two")
        assert [row[3] for row in run_command("history", "--failed").rows] == ["two"]
        assert run_command("history", "--since", "1s").code == 0

    def test_history_of_task_lists_callbacks(self):
        deliver("one")
        film, sheet = sorted(run_command("history", "--task", "one").rows, key=lambda row: row[3])
        assert film[2:6] == ["Transcode", "film", "done", "delivery 1"]
        assert film[7] == "MediaProcessResultSet[0]"
        assert sheet[3] == "sheet"

    def test_history_of_task_has_title_in_terminal(self, monkeypatch):
        deliver("one")
        monkeypatch.setenv("FORCE_COLOR", "1")
        result = run_command("history", "--task", "one")
        assert "WorkflowTask one FINISH: done, 1 delivery" in result.out
        assert "MediaProcessResultSet[0]" in result.out

    def test_history_prints_json(self):
        deliver("one")
        (entry,) = run_command("history", "--json").json
        assert (entry["key"], entry["state"]) == ("WorkflowTask/one/FINISH", "done")
        assert {call["callback"] for call in entry["callbacks"]} == {"film", "sheet"}
        assert time.time() - 60 < entry["received"] <= time.time()

    def test_history_continues_after_damaged_event(self, tmp_path):
        for task in ("one", "two", "three"):
            deliver(task)
        (state,) = tmp_path.glob("kept/two+*/state")
        state.write_text("[" * 100_000)
        result = run_command("history", "--json")
        assert result.code == 1
        assert [entry["task_id"] for entry in result.json] == ["one", "three"]
        assert str(state.relative_to(tmp_path / "kept")) in result.err.replace("\n", "")

    def test_history_needs_ledger(self, monkeypatch):
        monkeypatch.delenv("MPS_LEDGER")
        result = run_command("history")
        assert result.code == 2
        assert "no ledger" in result.err

    def test_local_ledger_is_default(self, monkeypatch, tmp_path):
        monkeypatch.setenv("MPS_LEDGER", f"file://{tmp_path}/.scf-mps/ledger")
        deliver("one")
        monkeypatch.delenv("MPS_LEDGER")
        assert len(run_command("history").rows) == 1

    def test_ledger_option_conflicts_with_application(self, tmp_path):
        films = Path("films.py")
        own = f'App(ledger="file://{tmp_path}/own")'
        films.write_text(films.read_text().replace("App()", own))
        deliver("one")
        result = run_command("history", "--ledger", f"file://{tmp_path}/other")
        assert result.code == 2
        assert "--ledger has no effect" in result.err
        assert len(run_command("history").rows) == 1


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["history", "--since", "soon"], "90s"),
        (["history", "--ledger", "dynamodb://table"], "LedgerError"),
        (["history", "--ledger", "file:///dev/null"], "NotADirectoryError"),
        (["replay"], "--dead-letter FILE"),
        (["replay", "one", "--failed"], "--dead-letter FILE"),
        (["replay", "--dead-letter", "nowhere"], "cannot read nowhere"),
    ],
)
def test_invalid_argument_is_rejected(arguments, word):
    result = run_command(*arguments)
    assert (result.code, result.out) == (2, "")
    assert word in result.err


class TestReplay:
    def test_replay_runs_unfinished_callbacks(self):
        Path("sheet.fails").touch()
        deliver("one")
        assert run_command("replay", "one").code == 1
        Path("sheet.fails").unlink()
        result = run_command("replay", "one")
        assert (result.code, result.rows) == (0, [["one", "done", "1 done, 1 skipped", ""]])
        assert effects() == ["film", "sheet"]

    def test_replay_shows_own_frames_once(self):
        Path("sheet.fails").touch()
        deliver("one")
        deliver("two")
        result = run_command("replay", "--failed")
        assert result.code == 1
        assert [row[3] for row in result.rows] == [
            "sheet: OSError: no route, token=*** for sheet"
        ] * 2
        assert result.err.splitlines() == [
            "sheet:",
            "  films.py:26 in sheet",
            '      work("sheet")',
            "  films.py:14 in work",
            '      raise OSError(f"no route, token=*** for {name}")',
        ]
        assert "Traceback" in run_command("replay", "--failed", "--traceback").err

    def test_replay_of_failures_spares_done_events(self):
        deliver("one")
        Path("film.fails").touch()
        deliver("two")
        deliver("three")
        Path("film.fails").unlink()
        result = run_command("replay", "--failed", "--json")
        assert {row["task"]: row["outcome"] for row in result.json} == {
            "two": "done",
            "three": "done",
        }
        assert sorted(effects()) == ["film"] * 3 + ["sheet"] * 3

    def test_callback_can_be_forced(self):
        deliver("one")
        assert run_command("replay", "one", "--force", "film").rows[0][2] == "1 done, 1 skipped"
        assert effects() == ["film", "sheet", "film"]
        result = run_command("replay", "one", "--force", "flim")
        assert result.code == 2
        assert "unknown callback 'flim'. Use film" in result.err

    def test_replay_continues_after_damaged_event(self, tmp_path):
        Path("film.fails").touch()
        for task in ("one", "two", "three", "four"):
            deliver(task)
        Path("film.fails").unlink()
        # Of one the state is damaged, of the other the notification.
        next(tmp_path.glob("kept/one+*/state")).write_text("{")
        next(tmp_path.glob("kept/two+*/event")).write_text("{")
        result = run_command("replay", "--failed", "--json")
        assert result.code == 1
        assert {row["task"]: row["outcome"] for row in result.json} == {
            "two": "failed",
            "three": "done",
            "four": "done",
        }
        assert run_command("replay", "one").code == 1

    @pytest.mark.parametrize(
        "content",
        [
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b"\xff\xfe{",
            b'{"a": 1' + b"0" * 5000,
            b'{"a": "',
            b"{",
        ],
        ids=["arrays", "objects", "binary", "digits", "truncated", "empty"],
    )
    def test_invalid_json_dead_letters_are_reported(self, content):
        Path("letters").write_bytes(content)
        result = run_command("replay", "--dead-letter", "letters")
        assert (result.code, result.out) == (2, "")
        assert "letters is not JSON" in result.err

    @pytest.mark.parametrize(
        ("letter", "reason"),
        [
            ({"RequestId": "r", "Body": {"ClientContext": "[" * 100_000}}, "ClientContext"),
            ({"TaskId": 7}, "expected an MPS notification"),
            ({"RequestId": "r", "Body": {"ClientContext": TIMER}}, "'TriggerName'"),
        ],
        ids=["deep", "no letter", "timer"],
    )
    def test_invalid_dead_letter_fails_alone(self, letter, reason):
        good = {"RequestId": "r", "Body": {"ClientContext": json.dumps(event("one"))}}
        Path("letters").write_text(json.dumps([letter, good]))
        result = run_command("replay", "--dead-letter", "letters")
        assert result.code == 1
        assert [row[1] for row in result.rows] == ["failed", "done"]
        assert reason in result.rows[0][3]

    @pytest.mark.parametrize("form", ["lines", "array", "one"])
    def test_dead_letters_are_delivered(self, form):
        letters = [
            {
                "RequestId": task,
                "ErrorCode": 430,
                "Body": {"ClientContext": json.dumps(event(task)), "RetryNum": 2},
            }
            for task in ("one", "two")
        ]
        text = {
            "lines": "\n".join(map(json.dumps, letters)) + "\n",
            "array": json.dumps(letters, indent=2),
            "one": json.dumps(letters[0]),
        }[form]
        Path("letters").write_text(text)
        result = run_command("replay", "--dead-letter", "letters")
        assert result.code == 0
        assert [row[0] for row in result.rows] == (["one"] if form == "one" else ["one", "two"])
        assert run_command("replay", "--dead-letter", "-", stdin=text).rows[0][2] == "2 skipped"

    def test_unknown_task_fails(self):
        result = run_command("replay", "nobody's")
        assert result.code == 1
        assert result.rows[0][:2] == ["nobody's", "failed"]

    def test_expired_notification_is_fetched_from_mps(self, tmp_path):
        Path("film.fails").touch()
        deliver("one")
        (kept,) = (tmp_path / "kept").glob("one*/event")
        kept.unlink()
        result = run_command("replay", "--failed")
        assert (result.code, result.rows[0][:2]) == (1, ["one", "failed"])
        assert "DescribeTaskDetail" in result.rows[0][3]

    def test_interrupted_replay_reports_remaining_events(self):
        Path("film.fails").touch()
        for task in ("one", "two", "three"):
            deliver(task)
        Path("film.fails").unlink()
        Path("film.interrupts").touch()
        result = run_command("replay", "--failed")
        assert (result.code, len(result.rows)) == (1, 1)
        assert "interrupted: 2 events" in result.err


class TestReconcile:
    @pytest.fixture
    def mps(self, monkeypatch):
        pytest.importorskip("aiohttp", reason="the emulator of MPS's API needs it")
        pytest.importorskip("tencentcloud.common", reason="the client of MPS needs it")
        from scf_mps.local import api as cloud

        mps = cloud.Mps()
        with cloud.CloudApi([mps]) as running:
            monkeypatch.setenv("MPS_API_ENDPOINT", running.url)
            monkeypatch.setenv("TENCENTCLOUD_SECRETID", running.key.secret_id)
            monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", running.key.secret_key)
            monkeypatch.setenv("TENCENTCLOUD_REGION", "ap-guangzhou")
            yield mps

    def test_reconcile_dispatches_missing_tasks(self, mps):
        mps.add(event("lost"), finished=time.time() - 3600)
        result = run_command("reconcile", "--dry-run")
        assert result.rows == [["WorkflowTask", "lost", "missing"]]
        result = run_command("reconcile", "--since", "2h")
        assert (result.code, result.rows) == (0, [["WorkflowTask", "lost", "done"]])
        assert run_command("reconcile", "--json").json["known"] == 1
        assert effects() == ["film", "sheet"]

    def test_reconcile_reports_failures(self, mps):
        mps.add(event("lost"), finished=time.time() - 3600)
        Path("film.fails").touch()
        result = run_command("reconcile")
        assert (result.code, result.rows) == (1, [["WorkflowTask", "lost", "failed"]])
        assert "film on WorkflowTask/lost/FINISH" in result.err
        assert "Traceback" not in result.err
        assert "in film" in result.err

    def test_unknown_task_is_replayed_from_mps(self, mps):
        mps.add(event("lost"), finished=time.time() - 3600)
        assert run_command("replay", "lost").rows == [["lost", "done", "2 done", ""]]

    def test_span_beyond_seven_days_is_rejected(self, mps):
        result = run_command("reconcile", "--since", "8d")
        assert result.code == 2
        assert "the last 7 days" in result.err


def test_purge_deletes_old_events():
    deliver("one")
    assert run_command("purge", "--older-than", "1d").out == "Deleted 0 events\n"
    assert len(run_command("history").rows) == 1
