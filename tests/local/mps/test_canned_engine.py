"""Tasks on a machine without PyAV."""

from __future__ import annotations

from pathlib import Path

from scf_mps.events.parser import parse_event
from scf_mps.local.mps import CannedEngine

from .cloud import EIGHT, SOURCE, build_request, open_world


def test_every_kind_has_canned_files(tmp_path: Path) -> None:
    with open_world(tmp_path, CannedEngine()) as world:
        world.cos.upload(b"not read", SOURCE)
        task = world.process(build_request(EIGHT))

        assert [state.failure for state in task.subtasks] == [None] * 8
        files = [
            item
            for result in parse_event(world.events[0]).subtasks
            for item in world.cos.files(result)
        ]
        assert {item.key for item in files} == set(world.list_keys())
        assert len(world.cos.verify(files)) == len(files)
    assert task.metadata is not None
    assert (task.metadata["Size"], task.metadata["Width"]) == (8, 180)
