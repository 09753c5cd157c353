"""The ledger in files beside what all ledgers do: folders that fail, writers that died, what it forgets by itself."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from scf_mps.errors import DamagedRecord, LedgerError
from scf_mps.ledger import FileLedger, open_ledger
from scf_mps.ledger.file import FileStore

from .conftest import LEASE, event, record

FOUR = [f"r/{number} make" for number in range(4)]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "deep" / "ledger"


def deliver(ledger, told=None, complete=True):
    claim = ledger.claim(told or event(), FOUR, LEASE)
    for call in FOUR:
        ledger.record(claim, record(call))
    ledger.close(claim, [record(call) for call in FOUR], complete)


def files(folder):
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def test_an_event_is_a_folder_of_six_files_and_nothing_else_is_left(folder):
    deliver(FileLedger(folder))
    (made,) = [path for path in folder.iterdir() if path.name[0] != "."]
    assert len(files(folder)) == 6
    assert {name.rpartition("/")[2].partition("-")[0] for name in files(folder)} == {
        "event",
        "done",
        "state",
    }
    assert made.name.startswith(event().task_id)


def test_nobody_else_may_read_it(folder):
    deliver(FileLedger(folder))
    assert not any(stat.S_IMODE(path.stat().st_mode) & 0o077 for path in folder.iterdir())


def test_what_a_file_manager_puts_there_is_no_harm(folder):
    ledger = FileLedger(folder)
    deliver(ledger)
    (folder / ".DS_Store").write_text("")
    (made,) = [path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."]
    (made / ".DS_Store").write_text("")
    assert len(list(ledger.entries())) == 1
    assert FileLedger(folder).claim(event(), FOUR, LEASE).held is False
    assert ledger.find(event().key).state == "done"
    assert ledger.purge(time.time() + 10) == 1
    assert list(ledger.entries()) == []
    assert FileLedger(folder).claim(event(), FOUR, LEASE).delivery == 1


def test_what_keeps_old_events_from_being_forgotten_keeps_no_other_from_being_handled(
    folder, caplog
):
    deliver(FileLedger(folder), event("old"))
    (made,) = [path for path in folder.iterdir() if path.name[0] != "."]
    (made / "notes.txt").write_text("")
    left = folder / ".writing" / "left"
    left.write_text("half of")
    os.utime(left, (time.time() - 3700, time.time() - 3700))
    ledger = FileLedger(folder)
    deliver(ledger, event("new"))
    assert ledger.find(event("new").key).state == "done"
    (told,) = caplog.messages
    assert told.startswith(f"old events were not forgotten: {made.name}/notes.txt in the ledger")
    assert not left.exists()


@pytest.mark.parametrize("name", ["notes.txt", "notes/notes.txt"])
def test_what_people_put_there_is_named(folder, name):
    ledger = FileLedger(folder)
    deliver(ledger)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("")
    with pytest.raises(LedgerError, match="not the ledger") as raised:
        list(ledger.entries())
    assert str(raised.value).startswith(name)


def test_events_are_forgotten_when_they_were_kept_for_so_long(folder):
    deliver(FileLedger(folder, keep=0.0), event("old"))
    ledger = FileLedger(folder, keep=-1.0)  # of which now is the past
    deliver(ledger, event("new"))
    assert [entry.task_id for entry in ledger.entries()] == ["new"]
    deliver(ledger, event("newer"))  # it looked already
    assert len(list(ledger.entries())) == 2


def test_thirty_days_are_kept_unless_told_otherwise(folder):
    deliver(FileLedger(folder))
    assert FileLedger(folder).keep == 30 * 86400
    assert FileLedger(folder).claim(event(), FOUR, LEASE).held is False


def test_what_a_killed_writer_left_is_taken_away_when_it_is_old(folder):
    deliver(FileLedger(folder))
    old, young = folder / ".writing" / "old", folder / ".writing" / "young"
    for path in (old, young):
        path.write_text("half of")
    os.utime(old, (time.time() - 3700, time.time() - 3700))
    (folder / ".writing" / "a link").symlink_to("nowhere")
    os.utime(young, (time.time() - 3500, time.time() - 3500))
    FileLedger(folder).claim(event(), FOUR, LEASE)
    assert not old.exists()
    assert young.exists()


def test_a_file_that_is_placed_while_others_tidy_up_is_no_harm(folder):
    """Writers and tidiers at once: each file is gone or there, and nobody minds."""
    ledgers = [FileLedger(folder) for _ in range(3)]
    over = threading.Event()

    def tidy():
        while not over.is_set():
            ledgers[0]._files.tidy()

    deliver(ledgers[0])
    tidier = threading.Thread(target=tidy)
    tidier.start()
    try:
        for number in range(40):
            deliver(ledgers[1], event(f"task-{number}"))
    finally:
        over.set()
        tidier.join()
    assert len(list(ledgers[2].entries())) == 41


def test_a_half_written_file_that_is_taken_away_is_an_error_and_not_tried_for_ever(tmp_path):
    shelf = FileStore(tmp_path)
    shelf.put("a/state", b"1")
    over, told = threading.Event(), []

    def write():
        try:
            while not over.is_set():
                shelf.put("a/state", b"1")
        except LedgerError as error:
            told.append(str(error))

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    until = time.monotonic() + 10
    while writer.is_alive() and time.monotonic() < until:
        for path in (tmp_path / ".writing").iterdir():
            path.unlink(missing_ok=True)
    over.set()
    writer.join(5)
    (one,) = told
    assert "failed: FileNotFoundError" in one


def test_reading_while_others_forget_tells_what_is_there(folder):
    ledger = FileLedger(folder)
    over = threading.Event()
    problems = []

    def read():
        while not over.is_set():
            try:
                list(ledger.entries())
            except Exception as error:
                problems.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(30):
            deliver(ledger, event(f"task-{number}"))
            assert ledger.purge(time.time() + 1) == 1
    finally:
        over.set()
        reader.join()
    assert problems == []
    assert files(folder) == []


def test_a_folder_that_is_taken_away_is_made_again(tmp_path):
    shelf = FileStore(tmp_path / "ledger")
    shelf.put("folder/state", b"1")
    os.unlink(tmp_path / "ledger" / "folder" / "state")
    os.rmdir(tmp_path / "ledger" / "folder")
    assert shelf.create("folder/event", b"2")
    assert shelf.get("folder/event")[0] == b"2"


def test_what_is_deleted_need_not_be_there_and_its_folder_stays_while_something_is_in_it(tmp_path):
    shelf = FileStore(tmp_path)
    shelf.put("folder/state", b"1")
    shelf.put("folder/event", b"1")
    shelf.put("other/event", b"1")
    shelf.delete(["folder/nothing", "nowhere/nothing", "folder/event", "other/event"])
    assert not (tmp_path / "other").exists()
    assert [name for name, _ in shelf.names("")] == ["folder/state"]
    assert [name for name, _ in shelf.names("folder/")] == ["folder/state"]
    assert [name for name, _ in shelf.names("f")] == ["folder/state"]
    assert list(shelf.names("g")) == []
    assert list(shelf.names("g/")) == []
    (tmp_path / "a stray file").write_text("")
    assert [name for name, _ in shelf.names("")] == ["a stray file", "folder/state"]
    shelf.delete(["folder/state"])
    assert not (tmp_path / "folder").exists()


def test_what_is_gone_when_it_is_looked_at_is_not_there(folder):
    """A link that leads nowhere is a name without a file, as one that was deleted a moment ago."""
    ledger = FileLedger(folder)
    deliver(ledger)
    (made,) = [path for path in folder.iterdir() if path.name[0] != "."]
    for path in (made / "claim-9", folder / ".writing" / "gone"):
        path.symlink_to("nowhere")
    (entry,) = ledger.entries()
    assert (entry.state, entry.delivery) == ("done", 1)
    assert FileLedger(folder).claim(event(), FOUR, LEASE).held is False


def test_the_age_of_a_file_is_told_by_the_file_system(tmp_path):
    shelf = FileStore(tmp_path)
    shelf.put("folder/state", b"1")
    assert -0.1 < shelf.get("folder/state")[1]() < 10
    made = (tmp_path / "folder" / "state").stat().st_mtime - 100
    os.utime(tmp_path / "folder" / "state", (made, made))
    assert 99.9 < shelf.get("folder/state")[1]() < 110
    assert dict(shelf.names(""))["folder/state"] == pytest.approx(made)
    assert shelf.get("folder/event") is None
    assert shelf.get("nowhere/event") is None


@pytest.mark.parametrize("method", ["create", "put", "get", "delete", "tidy"])
def test_a_folder_that_is_a_file_is_the_ledger_s_error(tmp_path, method):
    place = tmp_path / "file"
    place.write_text("")
    shelf = FileStore(place)
    acts = {
        "create": lambda: shelf.create("a/event", b""),
        "put": lambda: shelf.put("a/event", b""),
        "get": lambda: shelf.get("a/event"),
        "delete": lambda: shelf.delete(["a/event"]),
        "tidy": shelf.tidy,
    }
    with pytest.raises(
        LedgerError, match=f"the ledger in {place} failed: NotADirectoryError"
    ) as raised:
        acts[method]()
    assert isinstance(raised.value.__cause__, OSError)


def test_a_place_that_is_taken_by_a_folder_is_told_and_nothing_is_left(tmp_path):
    shelf = FileStore(tmp_path)
    (tmp_path / "a" / "state").mkdir(parents=True)
    with pytest.raises(LedgerError, match="IsADirectoryError"):
        shelf.put("a/state", b"")
    assert list((tmp_path / ".writing").iterdir()) == []
    assert shelf.create("a/state", b"") is False
    assert list((tmp_path / ".writing").iterdir()) == []


def test_another_error_passes_as_it_is(tmp_path):
    with pytest.raises(ValueError, match="null"):
        FileStore(tmp_path).get("a\0/event")


def test_it_is_opened_by_the_url_of_its_folder(tmp_path):
    ledger = open_ledger(f"file://{tmp_path}/a%20b")
    deliver(ledger)
    assert len(files(tmp_path / "a b")) == 6


# Rights, and disks that are full or read-only


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_files_are_for_their_owner_whatever_the_umask(tmp_path, umask):
    folder = tmp_path / "deep" / "ledger"
    before = os.umask(umask)
    try:
        ledger = FileLedger(folder)
        ledger.record(ledger.claim(event(), ["r c"], LEASE), record("r c"))
        ledger.close(ledger.claim(event("other"), [], LEASE), [], True)
    finally:
        os.umask(before)
    paths = [folder, *folder.rglob("*")]
    modes = {(path.is_dir(), path.stat().st_mode & 0o777) for path in paths}
    assert modes == {(True, 0o700), (False, 0o600)}


def test_folder_that_exists_keeps_its_mode(tmp_path):
    tmp_path.chmod(0o750)
    FileLedger(tmp_path).claim(event(), [], LEASE)
    assert tmp_path.stat().st_mode & 0o777 == 0o750


def written(folder):
    return {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}


def test_full_redelivery_and_history_write_nothing(tmp_path):
    deliver_in(tmp_path)
    ledger = FileLedger(tmp_path)
    ledger._next_look = float("inf")  # the hourly look for old events
    before = written(tmp_path)
    assert ledger.claim(event(), ["r c"], LEASE).held is False
    assert ledger.find(event().key).state == "done"
    assert [entry.state for entry in ledger.entries()] == ["done"]
    assert written(tmp_path) == before


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("NOT TESTED on full and read-only disks: this user may not mount any")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def deliver_in(folder):
    ledger = FileLedger(folder)
    ledger.close(ledger.claim(event(), ["r c"], LEASE), [record("r c")], True)


def test_done_event_is_skipped_on_read_only_disk(disk):
    deliver_in(disk / "ledger")
    ledger = FileLedger(disk / "ledger")
    ledger.claim(event("interrupted"), ["r c"], LEASE)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    ledger = FileLedger(disk / "ledger")
    assert ledger.claim(event(), ["r c"], LEASE).held is False
    assert ledger.find(event().key).state == "done"
    assert {entry.state for entry in ledger.entries()} == {"done", "running"}
    with pytest.raises(LedgerError, match="writable"):
        ledger.claim(event("new"), ["r c"], LEASE)
    with pytest.raises(LedgerError, match="writable"):
        ledger.purge(4e9)


def test_disk_that_fills_up_is_named_and_done_event_skipped(disk):
    deliver_in(disk / "ledger")
    ledger = FileLedger(disk / "ledger")
    claim = ledger.claim(event("new"), ["r c"], LEASE)
    with pytest.raises(OSError, match="space"):
        (disk / "filler").write_bytes(b"x" * 200_000)
    for act in (
        lambda: ledger.record(claim, record("r c", error="x" * 5000)),
        lambda: ledger.close(claim, [record("r c", error="x" * 5000)], True),
        lambda: ledger.claim(event("newer", SessionContext="x" * 5000), ["r c"], LEASE),
    ):
        with pytest.raises(LedgerError, match="free space"):
            act()
    assert list((disk / "ledger" / ".writing").iterdir()) == []
    assert FileLedger(disk / "ledger").claim(event(), ["r c"], LEASE).held is False
    (disk / "filler").unlink()
    ledger.record(claim, record("r c"))
    assert ledger.find(event("new").key).records[0].outcome == "done"


LIMITED = """
import resource, sys
from ledger.conftest import LEASE, event, record
from scf_mps.errors import LedgerError
from scf_mps.ledger import FileLedger

ledger = FileLedger(sys.argv[1])
claim = ledger.claim(event(), ["r c"], LEASE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    ledger.record(claim, record("r c", error="x" * 5000))
except LedgerError as error:
    print(error)
"""


def test_limit_of_file_sizes_is_named(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert "ulimit -f" in ended.stdout, ended.stderr
    assert list((tmp_path / ".writing").iterdir()) == []


def test_folder_deleted_during_delivery_is_known_after_close(tmp_path):
    folder = tmp_path / "ledger"
    ledger = FileLedger(folder)
    claim = ledger.claim(event(), ["r c"], LEASE)
    shutil.rmtree(folder)
    ledger.record(claim, record("r c"))
    ledger.close(claim, [record("r c")], True)
    assert FileLedger(folder).claim(event(), ["r c"], LEASE).held is False


def test_folder_in_place_of_a_record_is_named_and_others_listed(tmp_path):
    deliver_in(tmp_path)
    ledger = FileLedger(tmp_path)
    ledger.close(ledger.claim(event("bad"), [], LEASE), [], True)
    state = next(tmp_path.glob("bad+*/state"))
    state.unlink()
    state.mkdir()
    listed = []
    with pytest.raises(DamagedRecord, match="directory"):
        listed.extend(entry.task_id for entry in ledger.entries())
    assert listed == [event().task_id]
    with pytest.raises(DamagedRecord):
        ledger.claim(event("bad"), [], LEASE)


def test_pipe_in_place_of_a_record_is_damage(tmp_path):
    ledger = FileLedger(tmp_path)
    deliver(ledger)
    (state,) = tmp_path.glob("*/state")
    state.unlink()
    os.mkfifo(state)
    with pytest.raises(DamagedRecord, match="state"):
        ledger.find(event().key)
