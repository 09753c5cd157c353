"""What happened, and doing again what is not done, from the command line."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from scf_mps import cli
from scf_mps.local.samples import sample

if TYPE_CHECKING:
    from collections.abc import Iterator

APPLICATION = '''\
"""An application whose callbacks fail while a file of their name is there."""

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


@pytest.fixture(autouse=True)
def _own_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    (tmp_path / "films.py").write_text(APPLICATION)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setenv("MPS_APP", "films:app")
    monkeypatch.setenv("MPS_LEDGER", f"file://{tmp_path}/kept")
    yield
    sys.modules.pop("films", None)


class Ran:
    """What came of a command: its exit code, and what it printed."""

    def __init__(self, *arguments: str, stdin: str = "") -> None:
        sys.modules.pop("films", None)  # each command is a process of its own
        result = CliRunner().invoke(cli.cli, list(arguments), input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        self.code = result.exit_code
        self.out = result.stdout
        self.err = result.stderr

    @property
    def rows(self) -> list[list[str]]:
        return [line.split("\t") for line in self.out.splitlines()]

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def event(task: str) -> dict[str, Any]:
    made: dict[str, Any] = sample(
        "WorkflowTask", [("Transcode", "SUCCESS"), ("ImageSprites", "SUCCESS")]
    )
    made["WorkflowTaskEvent"]["TaskId"] = task
    return made


def deliver(task: str) -> Ran:
    Path("event.json").write_text(json.dumps(event(task)))
    return Ran("invoke", "event.json")


def effects() -> list[str]:
    return Path("effects").read_text().split()


class TestHistory:
    def test_history_lists_every_event(self) -> None:
        deliver("one")
        Path("sheet.fails").touch()
        deliver("two")
        one, two = Ran("history").rows
        assert one[1:] == ["WorkflowTask FINISH", "done", "one", "1 delivery", "2 done", ""]
        assert two[2:6] == ["failed", "two", "1 delivery", "1 done, 1 failed"]
        assert two[6].startswith("sheet: OSError: no route, token=***")

    def test_history_filters_failures(self) -> None:
        deliver("one")
        Path("film.fails").touch()
        deliver("two")
        assert [row[3] for row in Ran("history", "--failed").rows] == ["two"]

    def test_history_of_task_lists_callbacks(self) -> None:
        deliver("one")
        film, sheet = sorted(Ran("history", "--task", "one").rows, key=lambda row: row[3])
        assert film[2:6] == ["Transcode", "film", "done", "delivery 1"]
        assert film[7] == "MediaProcessResultSet[0]"
        assert sheet[3] == "sheet"

    def test_history_of_task_has_title_in_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        deliver("one")
        monkeypatch.setenv("FORCE_COLOR", "1")
        ran = Ran("history", "--task", "one")
        assert "WorkflowTask one FINISH: done, 1 delivery" in ran.out
        assert "MediaProcessResultSet[0]" in ran.out

    def test_history_prints_json(self) -> None:
        deliver("one")
        (told,) = Ran("history", "--json").json
        assert (told["key"], told["state"]) == ("WorkflowTask/one/FINISH", "done")
        assert {call["callback"] for call in told["callbacks"]} == {"film", "sheet"}
        assert time.time() - 60 < told["received"] <= time.time()

    def test_history_rejects_invalid_span(self) -> None:
        deliver("one")
        assert Ran("history", "--since", "1s").code == 0
        ran = Ran("history", "--since", "soon")
        assert (ran.code, ran.out) == (2, "")
        assert "expected a span of time such as 90s" in ran.err

    def test_history_fails_when_ledger_is_unreachable(self, tmp_path: Path) -> None:
        Path("file").touch()
        ran = Ran("history", "--ledger", f"file://{tmp_path}/file")
        assert (ran.code, ran.out) == (2, "")
        assert "NotADirectoryError" in ran.err

    def test_history_continues_after_damaged_event(self, tmp_path: Path) -> None:
        for task in ("one", "two", "three"):
            deliver(task)
        (state,) = tmp_path.glob("kept/two+*/state")
        state.write_text("[" * 100_000)
        ran = Ran("history", "--json")
        assert ran.code == 1
        assert [told["task_id"] for told in ran.json] == ["one", "three"]
        assert str(state.relative_to(tmp_path / "kept")) in ran.err.replace("\n", "")

    def test_history_needs_ledger(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("MPS_LEDGER")
        ran = Ran("history")
        assert ran.code == 2
        assert "no ledger" in ran.err

    def test_local_ledger_is_default(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("MPS_LEDGER", f"file://{tmp_path}/.scf-mps/ledger")
        deliver("one")
        monkeypatch.delenv("MPS_LEDGER")
        assert len(Ran("history").rows) == 1

    def test_ledger_option_conflicts_with_application(self, tmp_path: Path) -> None:
        films = Path("films.py")
        own = f'App(ledger="file://{tmp_path}/own")'
        films.write_text(films.read_text().replace("App()", own))
        deliver("one")
        ran = Ran("history", "--ledger", f"file://{tmp_path}/other")
        assert ran.code == 2
        assert "--ledger has no effect" in ran.err
        assert len(Ran("history").rows) == 1

    def test_invalid_ledger_url_is_reported(self) -> None:
        ran = Ran("history", "--ledger", "dynamodb://table")
        assert ran.code == 2
        assert "LedgerError" in ran.err


class TestReplay:
    def test_replay_runs_unfinished_callbacks(self) -> None:
        Path("sheet.fails").touch()
        deliver("one")
        assert Ran("replay", "one").code == 1
        Path("sheet.fails").unlink()
        ran = Ran("replay", "one")
        assert (ran.code, ran.rows) == (0, [["one", "done", "1 done, 1 skipped", ""]])
        assert effects() == ["film", "sheet"]

    def test_replay_shows_own_frames_once(self) -> None:
        Path("sheet.fails").touch()
        deliver("one")
        deliver("two")
        ran = Ran("replay", "--failed")
        assert ran.code == 1
        assert [row[3] for row in ran.rows] == ["sheet: OSError: no route, token=*** for sheet"] * 2
        assert ran.err.splitlines() == [
            "sheet:",
            "  films.py:26 in sheet",
            '      work("sheet")',
            "  films.py:14 in work",
            '      raise OSError(f"no route, token=*** for {name}")',
        ]
        assert "Traceback" in Ran("replay", "--failed", "--traceback").err

    def test_replay_of_failures_spares_done_events(self) -> None:
        deliver("one")
        Path("film.fails").touch()
        deliver("two")
        deliver("three")
        Path("film.fails").unlink()
        ran = Ran("replay", "--failed", "--json")
        assert {row["task"]: row["outcome"] for row in ran.json} == {"two": "done", "three": "done"}
        assert sorted(effects()) == ["film"] * 3 + ["sheet"] * 3

    def test_callback_can_be_forced(self) -> None:
        deliver("one")
        assert Ran("replay", "one", "--force", "film").rows[0][2] == "1 done, 1 skipped"
        assert effects() == ["film", "sheet", "film"]
        ran = Ran("replay", "one", "--force", "flim")
        assert ran.code == 2
        assert "unknown callback 'flim'. Use film" in ran.err

    def test_replay_continues_after_damaged_event(self, tmp_path: Path) -> None:
        Path("film.fails").touch()
        for task in ("one", "two", "three", "four"):
            deliver(task)
        Path("film.fails").unlink()
        # Of one the state is damaged, of the other the notification.
        next(tmp_path.glob("kept/one+*/state")).write_text("{")
        next(tmp_path.glob("kept/two+*/event")).write_text("{")
        ran = Ran("replay", "--failed", "--json")
        assert ran.code == 1
        assert {row["task"]: row["outcome"] for row in ran.json} == {
            "two": "failed",
            "three": "done",
            "four": "done",
        }
        assert Ran("replay", "one").code == 1

    @pytest.mark.parametrize(
        "content",
        [b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe{", b'{"a": 1' + b"0" * 5000, b'{"a": "'],
        ids=["arrays", "objects", "binary", "digits", "truncated"],
    )
    def test_invalid_json_dead_letters_are_reported(self, content: bytes) -> None:
        Path("letters").write_bytes(content)
        ran = Ran("replay", "--dead-letter", "letters")
        assert (ran.code, ran.out) == (2, "")
        assert "letters is not JSON" in ran.err

    def test_dead_letter_with_deep_event_fails_alone(self) -> None:
        letters = [
            {"RequestId": "r", "Body": {"ClientContext": text}}
            for text in ("[" * 100_000, json.dumps(event("one")))
        ]
        Path("letters").write_text(json.dumps(letters))
        ran = Ran("replay", "--dead-letter", "letters", "--json")
        assert ran.code == 1
        assert [row["outcome"] for row in ran.json] == ["failed", "done"]

    @pytest.mark.parametrize("form", ["lines", "array", "one"])
    def test_dead_letters_are_delivered(self, form: str) -> None:
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
        ran = Ran("replay", "--dead-letter", "letters")
        assert ran.code == 0
        assert [row[0] for row in ran.rows] == (["one"] if form == "one" else ["one", "two"])
        assert Ran("replay", "--dead-letter", "-", stdin=text).rows[0][2] == "2 skipped"

    def test_replay_continues_after_invalid_dead_letter(self) -> None:
        good = {"RequestId": "r", "Body": {"ClientContext": json.dumps(event("one"))}}
        Path("letters").write_text(json.dumps([{"TaskId": 7}, good]))
        ran = Ran("replay", "--dead-letter", "letters")
        assert ran.code == 1
        assert [row[1] for row in ran.rows] == ["failed", "done"]
        assert "expected an MPS notification" in ran.rows[0][3]

    def test_missing_dead_letter_file_is_reported(self) -> None:
        ran = Ran("replay", "--dead-letter", "nowhere")
        assert (ran.code, ran.out) == (2, "")
        assert "cannot read nowhere" in ran.err
        Path("letters").write_text("{")
        assert "letters is not JSON" in Ran("replay", "--dead-letter", "letters").err

    @pytest.mark.parametrize("options", [[], ["one", "--failed"]])
    def test_replay_rejects_ambiguous_arguments(self, options: list[str]) -> None:
        ran = Ran("replay", *options)
        assert ran.code == 2
        assert "--dead-letter FILE" in ran.err

    def test_unknown_task_fails(self) -> None:
        ran = Ran("replay", "nobody's")
        assert ran.code == 1
        assert ran.rows[0][:2] == ["nobody's", "failed"]

    def test_dead_letter_of_timer_is_replayed(self) -> None:
        timer = {"Type": "Timer", "TriggerName": "t", "Message": "something else"}
        letter = {"RequestId": "r", "Body": {"ClientContext": json.dumps(timer)}}
        Path("letters").write_text(json.dumps(letter))
        ran = Ran("replay", "--dead-letter", "letters")
        assert (ran.code, ran.rows[0][1]) == (1, "failed")

    def test_expired_notification_is_fetched_from_mps(self, tmp_path: Path) -> None:
        Path("film.fails").touch()
        deliver("one")
        (kept,) = (tmp_path / "kept").glob("one*/event")
        kept.unlink()
        ran = Ran("replay", "--failed")
        assert (ran.code, ran.rows[0][:2]) == (1, ["one", "failed"])
        assert "DescribeTaskDetail" in ran.rows[0][3]

    def test_interrupted_replay_reports_remaining_events(self) -> None:
        Path("film.fails").touch()
        for task in ("one", "two", "three"):
            deliver(task)
        Path("film.fails").unlink()
        Path("film.interrupts").touch()
        ran = Ran("replay", "--failed")
        assert (ran.code, len(ran.rows)) == (1, 1)
        assert "interrupted: 2 events" in ran.err


class TestReconcile:
    @pytest.fixture
    def books(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
        pytest.importorskip("aiohttp", reason="the emulator of MPS's API needs it")
        pytest.importorskip("tencentcloud.common", reason="MPS is asked by it")
        from scf_mps.local import api as cloud

        books = cloud.Mps()
        with cloud.CloudApi([books]) as running:
            monkeypatch.setenv("MPS_API_ENDPOINT", running.url)
            monkeypatch.setenv("TENCENTCLOUD_SECRETID", running.key.secret_id)
            monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", running.key.secret_key)
            monkeypatch.setenv("TENCENTCLOUD_REGION", "ap-guangzhou")
            yield books

    def test_reconcile_dispatches_missing_tasks(self, books: Any) -> None:
        books.add(event("lost"), finished=time.time() - 3600)
        ran = Ran("reconcile", "--dry-run")
        assert ran.rows == [["WorkflowTask", "lost", "missing"]]
        ran = Ran("reconcile", "--since", "2h")
        assert (ran.code, ran.rows) == (0, [["WorkflowTask", "lost", "done"]])
        assert Ran("reconcile", "--json").json["known"] == 1
        assert effects() == ["film", "sheet"]

    def test_reconcile_reports_failures(self, books: Any) -> None:
        books.add(event("lost"), finished=time.time() - 3600)
        Path("film.fails").touch()
        ran = Ran("reconcile")
        assert (ran.code, ran.rows) == (1, [["WorkflowTask", "lost", "failed"]])
        assert "film on WorkflowTask/lost/FINISH" in ran.err
        assert "Traceback" not in ran.err
        assert "in film" in ran.err

    def test_unknown_task_is_replayed_from_mps(self, books: Any) -> None:
        books.add(event("lost"), finished=time.time() - 3600)
        assert Ran("replay", "lost").rows == [["lost", "done", "2 done", ""]]

    def test_span_beyond_seven_days_is_rejected(self, books: Any) -> None:
        ran = Ran("reconcile", "--since", "8d")
        assert ran.code == 2
        assert "the last 7 days" in ran.err


def test_purge_deletes_old_events() -> None:
    deliver("one")
    assert Ran("purge", "--older-than", "1d").out == "0 events deleted\n"
    assert len(Ran("history").rows) == 1
