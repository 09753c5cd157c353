"""The ledger in files: permissions, failing disks, temporary files, and expiry."""

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

from .support import FOUR, LEASE, create_event, create_record, deliver


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "deep" / "ledger"


def list_files(folder):
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def test_event_is_folder_of_six_list_files(folder):
    deliver(FileLedger(folder))
    (event_folder,) = [path for path in folder.iterdir() if path.name[0] != "."]
    assert len(list_files(folder)) == 6
    assert {name.rpartition("/")[2].partition("-")[0] for name in list_files(folder)} == {
        "event",
        "done",
        "state",
    }
    assert event_folder.name.startswith(create_event().task_id)


def test_folders_are_private(folder):
    deliver(FileLedger(folder))
    assert not any(stat.S_IMODE(path.stat().st_mode) & 0o077 for path in folder.iterdir())


def test_hidden_files_are_ignored(folder):
    ledger = FileLedger(folder)
    deliver(ledger)
    (folder / ".DS_Store").write_text("")
    (event_folder,) = [path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."]
    (event_folder / ".DS_Store").write_text("")
    assert len(list(ledger.list_events())) == 1
    assert FileLedger(folder).claim(create_event(), FOUR, LEASE).held is False
    assert ledger.find(create_event().key).state == "done"
    assert ledger.purge(time.time() + 10) == 1
    assert list(ledger.list_events()) == []
    assert FileLedger(folder).claim(create_event(), FOUR, LEASE).delivery == 1


def test_failing_purge_does_not_stop_claim(folder, caplog):
    deliver(FileLedger(folder), event=create_event("old"))
    (event_folder,) = [path for path in folder.iterdir() if path.name[0] != "."]
    (event_folder / "notes.txt").write_text("")
    left = folder / ".writing" / "left"
    left.write_text("half of")
    os.utime(left, (time.time() - 3700, time.time() - 3700))
    ledger = FileLedger(folder)
    deliver(ledger, event=create_event("new"))
    assert ledger.find(create_event("new").key).state == "done"
    (message,) = caplog.messages
    assert message.startswith("expired events were not purged: ")
    assert f"{event_folder.name}/notes.txt" in message
    assert not left.exists()


@pytest.mark.parametrize("name", ["notes.txt", "notes/notes.txt"])
def test_foreign_file_is_named(folder, name):
    ledger = FileLedger(folder)
    deliver(ledger)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("")
    with pytest.raises(LedgerError, match="not the ledger") as raised:
        list(ledger.list_events())
    assert str(raised.value).startswith(name)


def test_expired_events_are_purged_hourly(folder):
    deliver(FileLedger(folder, keep=0.0), event=create_event("old"))
    ledger = FileLedger(folder, keep=-1.0)  # every event is expired
    deliver(ledger, event=create_event("new"))
    assert [event.task_id for event in ledger.list_events()] == ["new"]
    deliver(ledger, event=create_event("newer"))  # it was purged already
    assert len(list(ledger.list_events())) == 2


def test_events_are_kept_30_days_by_default(folder):
    deliver(FileLedger(folder))
    assert FileLedger(folder).keep == 30 * 86400
    assert FileLedger(folder).claim(create_event(), FOUR, LEASE).held is False


def test_old_temporary_files_are_deleted(folder):
    deliver(FileLedger(folder))
    old, young = folder / ".writing" / "old", folder / ".writing" / "young"
    for path in (old, young):
        path.write_text("half of")
    os.utime(old, (time.time() - 3700, time.time() - 3700))
    (folder / ".writing" / "link").symlink_to("nowhere")
    os.utime(young, (time.time() - 3500, time.time() - 3500))
    FileLedger(folder).claim(create_event(), FOUR, LEASE)
    assert not old.exists()
    assert young.exists()


def test_writers_continue_while_temporary_files_are_deleted(folder):
    ledgers = [FileLedger(folder) for _ in range(3)]
    stop = threading.Event()

    def delete_temporary_files():
        while not stop.is_set():
            ledgers[0]._store.delete_temporary_files()

    deliver(ledgers[0])
    thread = threading.Thread(target=delete_temporary_files)
    thread.start()
    try:
        for number in range(40):
            deliver(ledgers[1], event=create_event(f"task-{number}"))
    finally:
        stop.set()
        thread.join()
    assert len(list(ledgers[2].list_events())) == 41


def test_deleted_temporary_file_is_ledger_error(tmp_path):
    store = FileStore(tmp_path)
    store.put("a/state", b"1")
    stop, errors = threading.Event(), []

    def write():
        try:
            while not stop.is_set():
                store.put("a/state", b"1")
        except LedgerError as error:
            errors.append(str(error))

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    until = time.monotonic() + 10
    while writer.is_alive() and time.monotonic() < until:
        for path in (tmp_path / ".writing").iterdir():
            path.unlink(missing_ok=True)
    stop.set()
    writer.join(5)
    (error,) = errors
    assert "FileNotFoundError" in error


def test_entries_continue_during_purges(folder):
    ledger = FileLedger(folder)
    stop = threading.Event()
    errors = []

    def read():
        while not stop.is_set():
            try:
                list(ledger.list_events())
            except Exception as error:
                errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(30):
            deliver(ledger, event=create_event(f"task-{number}"))
            assert ledger.purge(time.time() + 1) == 1
    finally:
        stop.set()
        reader.join()
    assert errors == []
    assert list_files(folder) == []


def test_deleted_folder_is_created_again(tmp_path):
    store = FileStore(tmp_path / "ledger")
    store.put("folder/state", b"1")
    os.unlink(tmp_path / "ledger" / "folder" / "state")
    os.rmdir(tmp_path / "ledger" / "folder")
    assert store.create("folder/event", b"2")
    assert store.get("folder/event")[0] == b"2"


def test_delete_removes_empty_folders_only(tmp_path):
    store = FileStore(tmp_path)
    store.put("folder/state", b"1")
    store.put("folder/event", b"1")
    store.put("other/event", b"1")
    store.delete(["folder/nothing", "nowhere/nothing", "folder/event", "other/event"])
    assert not (tmp_path / "other").exists()
    assert [name for name, _ in store.list_names("")] == ["folder/state"]
    assert [name for name, _ in store.list_names("folder/")] == ["folder/state"]
    assert [name for name, _ in store.list_names("f")] == ["folder/state"]
    assert list(store.list_names("g")) == []
    assert list(store.list_names("g/")) == []
    for name in ("a", "stray"):
        (tmp_path / name).write_text("")
    assert [name for name, _ in store.list_names("")] == ["a", "folder/state", "stray"]
    store.delete(["folder/state"])
    assert not (tmp_path / "folder").exists()


def test_dangling_links_are_ignored(folder):
    """A dangling link is a name without a file, like a file that was just deleted."""
    ledger = FileLedger(folder)
    deliver(ledger)
    (event_folder,) = [path for path in folder.iterdir() if path.name[0] != "."]
    for path in (event_folder / "claim-9", folder / ".writing" / "gone"):
        path.symlink_to("nowhere")
    (event,) = ledger.list_events()
    assert (event.state, event.delivery) == ("done", 1)
    assert FileLedger(folder).claim(create_event(), FOUR, LEASE).held is False


def test_age_is_measured_by_file_system(tmp_path):
    store = FileStore(tmp_path)
    store.put("folder/state", b"1")
    assert -0.1 < store.get("folder/state")[1]() < 10
    modified = (tmp_path / "folder" / "state").stat().st_mtime - 100
    os.utime(tmp_path / "folder" / "state", (modified, modified))
    assert 99.9 < store.get("folder/state")[1]() < 110
    assert dict(store.list_names(""))["folder/state"] == pytest.approx(modified)
    assert store.get("folder/event") is None
    assert store.get("nowhere/event") is None


@pytest.mark.parametrize(
    "method", ["create", "put", "get", "list_names", "delete", "delete_temporary_files"]
)
def test_file_in_place_of_folder_is_ledger_error(tmp_path, method):
    place = tmp_path / "file"
    place.write_text("")
    store = FileStore(place)
    acts = {
        "create": lambda: store.create("a/event", b""),
        "put": lambda: store.put("a/event", b""),
        "get": lambda: store.get("a/event"),
        "list_names": lambda: list(store.list_names("a/")),
        "delete": lambda: store.delete(["a/event"]),
        "delete_temporary_files": store.delete_temporary_files,
    }
    with pytest.raises(LedgerError) as raised:
        acts[method]()
    cause = raised.value.__cause__
    assert str(raised.value) == f"the ledger in {place} failed: NotADirectoryError: {cause}"


def test_folder_in_place_of_file_leaves_no_temporary(tmp_path):
    store = FileStore(tmp_path)
    (tmp_path / "a" / "state").mkdir(parents=True)
    with pytest.raises(LedgerError, match="IsADirectoryError"):
        store.put("a/state", b"")
    assert list((tmp_path / ".writing").iterdir()) == []
    assert store.create("a/state", b"") is False
    assert list((tmp_path / ".writing").iterdir()) == []


def test_other_errors_are_unchanged(tmp_path):
    with pytest.raises(ValueError, match="null"):
        FileStore(tmp_path).get("a\0/event")


def test_file_ledger_is_opened_by_url(tmp_path):
    ledger = open_ledger(f"file://{tmp_path}/a%20b")
    deliver(ledger)
    assert len(list_files(tmp_path / "a b")) == 6


# Permissions, and disks that are full or read-only


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_files_are_private_with_any_umask(tmp_path, umask):
    folder = tmp_path / "deep" / "ledger"
    before = os.umask(umask)
    try:
        ledger = FileLedger(folder)
        ledger.record(ledger.claim(create_event(), ["r c"], LEASE), create_record("r c"))
        ledger.close(ledger.claim(create_event("other"), [], LEASE), [], True)
    finally:
        os.umask(before)
    paths = [folder, *folder.rglob("*")]
    modes = {(path.is_dir(), path.stat().st_mode & 0o777) for path in paths}
    assert modes == {(True, 0o700), (False, 0o600)}


def test_existing_folder_keeps_mode(tmp_path):
    tmp_path.chmod(0o750)
    FileLedger(tmp_path).claim(create_event(), [], LEASE)
    assert tmp_path.stat().st_mode & 0o777 == 0o750


def read_times(folder):
    return {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}


def test_full_redelivery_and_history_write_nothing(tmp_path):
    deliver_in(tmp_path)
    ledger = FileLedger(tmp_path)
    ledger._next_purge = float("inf")
    before = read_times(tmp_path)
    assert ledger.claim(create_event(), ["r c"], LEASE).held is False
    assert ledger.find(create_event().key).state == "done"
    assert [event.state for event in ledger.list_events()] == ["done"]
    assert read_times(tmp_path) == before


@pytest.fixture
def disk(tmp_path):
    """A small separate disk."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("NOT TESTED on full and read-only disks: this user may not mount disks")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def deliver_in(folder):
    ledger = FileLedger(folder)
    ledger.close(ledger.claim(create_event(), ["r c"], LEASE), [create_record("r c")], True)


def test_done_event_is_skipped_on_read_only_disk(disk):
    deliver_in(disk / "ledger")
    ledger = FileLedger(disk / "ledger")
    ledger.claim(create_event("interrupted"), ["r c"], LEASE)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    ledger = FileLedger(disk / "ledger")
    assert ledger.claim(create_event(), ["r c"], LEASE).held is False
    assert ledger.find(create_event().key).state == "done"
    assert {event.state for event in ledger.list_events()} == {"done", "running"}
    with pytest.raises(LedgerError, match="writable"):
        ledger.claim(create_event("new"), ["r c"], LEASE)
    with pytest.raises(LedgerError, match="writable"):
        ledger.purge(4e9)


def test_full_disk_is_reported_and_done_event_skipped(disk):
    deliver_in(disk / "ledger")
    ledger = FileLedger(disk / "ledger")
    lease = ledger.claim(create_event("new"), ["r c"], LEASE)
    with pytest.raises(OSError, match="space"):
        (disk / "filler").write_bytes(b"x" * 200_000)
    for act in (
        lambda: ledger.record(lease, create_record("r c", error="x" * 5000)),
        lambda: ledger.close(lease, [create_record("r c", error="x" * 5000)], True),
        lambda: ledger.claim(create_event("newer", SessionContext="x" * 5000), ["r c"], LEASE),
    ):
        with pytest.raises(LedgerError, match="Free space"):
            act()
    assert list((disk / "ledger" / ".writing").iterdir()) == []
    assert FileLedger(disk / "ledger").claim(create_event(), ["r c"], LEASE).held is False
    (disk / "filler").unlink()
    ledger.record(lease, create_record("r c"))
    assert ledger.find(create_event("new").key).records[0].outcome == "done"


LIMITED = """
import resource, sys
from tests.ledger.support import LEASE, create_event, create_record
from scf_mps.errors import LedgerError
from scf_mps.ledger import FileLedger

ledger = FileLedger(sys.argv[1])
lease = ledger.claim(create_event(), ["r c"], LEASE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    ledger.record(lease, create_record("r c", error="x" * 5000))
except LedgerError as error:
    print(error)
"""


def test_file_size_limit_is_reported(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert "ulimit -f" in ended.stdout, ended.stderr
    assert list((tmp_path / ".writing").iterdir()) == []


def test_event_is_known_when_folder_was_deleted(tmp_path):
    folder = tmp_path / "ledger"
    ledger = FileLedger(folder)
    lease = ledger.claim(create_event(), ["r c"], LEASE)
    shutil.rmtree(folder)
    ledger.record(lease, create_record("r c"))
    ledger.close(lease, [create_record("r c")], True)
    assert FileLedger(folder).claim(create_event(), ["r c"], LEASE).held is False


def test_folder_in_place_of_record_is_damage(tmp_path):
    deliver_in(tmp_path)
    ledger = FileLedger(tmp_path)
    ledger.close(ledger.claim(create_event("bad"), [], LEASE), [], True)
    state = next(tmp_path.glob("bad+*/state"))
    state.unlink()
    state.mkdir()
    listed = []
    with pytest.raises(DamagedRecord, match="directory"):
        listed.extend(event.task_id for event in ledger.list_events())
    assert listed == [create_event().task_id]
    with pytest.raises(DamagedRecord):
        ledger.claim(create_event("bad"), [], LEASE)


def test_pipe_in_place_of_record_is_damage(tmp_path):
    ledger = FileLedger(tmp_path)
    deliver(ledger)
    (state,) = tmp_path.glob("*/state")
    state.unlink()
    os.mkfifo(state)
    with pytest.raises(DamagedRecord, match="state"):
        ledger.find(create_event().key)
