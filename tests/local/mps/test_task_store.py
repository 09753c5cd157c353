"""The store of tasks: what survives, what is kept, and in which order tasks begin."""

from __future__ import annotations

from pathlib import Path

import pytest

from scf_mps.local.mps.errors import Refused
from scf_mps.local.mps.model import (
    Failure,
    Location,
    MediaTask,
    OutputNames,
    Subtask,
    SubtaskState,
)
from scf_mps.local.mps.task_store import TaskStore

OUT = Location("out-1250000000", "ap-guangzhou")


class Clock:
    now = 1_753_099_200.0

    def __call__(self) -> float:
        return self.now


def create_task(name: str, priority: int = 0, session: str = "") -> MediaTask:
    names = OutputNames("a_{number}.jpg", number_format={"InitialValue": 1})
    broken = Failure(40000, "InvalidInput.DefinitionNotExist", "no template 7")
    plans = [
        Subtask("SampleSnapshot", 10, {"Definition": 10}, OUT, names, {"kind": "sample_snapshots"}),
        Subtask("Transcode", 7, {"Definition": 7}, OUT, failure=broken),
    ]
    request = {"InputInfo": {}, "TasksPriority": priority, "SessionId": session}
    source = Location("in-1250000000", "ap-guangzhou", f"videos/{name}.mp4")
    return MediaTask(name, request, source, 1.0, subtasks=[SubtaskState(plan) for plan in plans])


def list_ids(store: TaskStore, **choices: object) -> list[str]:
    return [task.task_id for task in store.list_tasks(**choices)]  # type: ignore[arg-type]


def test_task_survives_with_every_field(tmp_path: Path) -> None:
    task = create_task("a", session="s")
    task.subtasks[0].files.append(("picture", Location("b-1", "r", "k"), 7))
    task.subtasks[1].status, task.subtasks[1].failure = "FAIL", task.subtasks[1].plan.failure
    task.failure = Failure(30009, "SourceFileError", "missing")
    task.status = "FINISH"
    store = TaskStore(tmp_path / "new" / "tasks.db")
    store.insert(task)
    store.close()

    store = TaskStore(tmp_path / "new" / "tasks.db")

    assert store.get("a") == task
    assert store.get("b") is store.find_row("b") is store.find_body("a") is None
    store.close()


def test_tasks_in_progress_fail_when_reopened(tmp_path: Path) -> None:
    store = TaskStore(tmp_path / "tasks.db")
    for name in ("waiting", "running"):
        store.insert(create_task(name))
    task = store.claim()
    assert task is not None
    assert (task.task_id, task.status) == ("waiting", "PROCESSING")
    task.subtasks[0].status = "SUCCESS"
    store.save(task)
    store.close()

    store = TaskStore(tmp_path / "tasks.db")

    stopped = store.get("waiting")
    assert stopped is not None
    assert stopped.status == "FINISH"
    assert stopped.failure == Failure(30010, "InternalError", "stopped")
    assert [(state.status, state.failure) for state in stopped.subtasks] == [
        ("SUCCESS", None),
        ("FAIL", stopped.failure),
    ]
    claimed = store.claim()
    assert claimed is not None
    assert claimed.task_id == "running"
    assert store.claim() is None
    store.close()


def test_tasks_begin_by_priority_and_age() -> None:
    store = TaskStore()
    for name, priority in (("old", 0), ("low", -1), ("high", 5), ("new", 0)):
        store.insert(create_task(name, priority))

    claimed = [store.claim() for _ in range(5)]

    assert [task and task.task_id for task in claimed] == ["high", "old", "new", "low", None]


def test_oldest_finished_task_makes_room() -> None:
    store = TaskStore(max_tasks=2)
    store.insert(create_task("running"))
    done = create_task("done")
    done.status = "FINISH"
    store.insert(done)

    store.insert(create_task("next"))

    assert list_ids(store) == ["next", "running"]
    with pytest.raises(Refused) as caught:
        store.insert(create_task("more"))
    assert caught.value.code == "LimitExceeded.CreateTask"
    store.save(done)
    assert list_ids(store) == ["next", "running"]


def test_tasks_are_found_by_text_status_and_failure() -> None:
    store = TaskStore()
    for number in range(5):
        task = create_task(f"task{number}", session=f"Session{number}")
        if number == 3:
            task.subtasks[0].status = "FAIL"
        store.insert(task)
    store.claim()

    assert list_ids(store, limit=2) == ["task4", "task3"]
    assert list_ids(store, before="task3", limit=2) == ["task2", "task1"]
    assert list_ids(store, before="unknown") == []
    assert list_ids(store, query="TASK2.mp4") == ["task2"]
    assert list_ids(store, query="session4") == ["task4"]
    assert list_ids(store, query="%") == []
    assert list_ids(store, status="PROCESSING") == ["task0"]
    assert list_ids(store, failed=True) == ["task3"]
    assert list_ids(store, failed=False, status="WAITING") == ["task4", "task2", "task1"]


def test_session_is_usable_again_after_its_time() -> None:
    clock = Clock()
    store = TaskStore(clock=clock)

    assert store.use_session("s", 100)
    clock.now += 99
    assert not store.use_session("s", 100)
    clock.now += 1
    assert store.use_session("s", 100)


def test_failed_change_leaves_no_trace() -> None:
    store = TaskStore()
    with pytest.raises(TypeError):
        store.write_document("workflow", 1, {"a": object()})
    store.write_document("workflow", 1, {"a": 1})
    with pytest.raises(TypeError):
        store.write_document("workflow", 1, {"a": object()})

    assert store.read_documents("workflow") == {1: {"a": 1}}
    with pytest.raises(KeyError):
        store.remove("a")


def test_texts_that_are_not_unicode_are_stored() -> None:
    store = TaskStore()
    store.insert(create_task("a", session="\ud800"))

    assert store.find_row("\ud800") is None
    task = store.get("a")
    assert task is not None
    assert task.session_id == "\ud800"
