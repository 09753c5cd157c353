"""Uploads by official clients under an enabled workflow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("qcloud_cos", reason="the official client of COS is needed")

from qcloud_cos import CosConfig, CosS3Client

from scf_mps.events.files import CosObject
from scf_mps.local.mps.model import MediaTask

from .cloud import FAST, IN, OUT, REGION, USER_KEY, World, wait_until


def create_workflow(world: World, **fields: Any) -> str:
    """Create and enable a workflow for the folder /videos/ and return its id."""
    upload = {"Bucket": IN, "Region": REGION, "Dir": "/in/"}
    workflow = {
        "WorkflowName": "pictures",
        "Trigger": {"Type": "CosFileUpload", "CosFileUploadTrigger": upload},
        "MediaProcessTask": FAST,
        "TaskPriority": 2,
        **fields,
    }
    number = world.call("CreateWorkflow", **workflow).WorkflowId
    world.call("EnableWorkflow", WorkflowId=number)
    return str(number)


def wait_for_task(world: World) -> MediaTask:
    """Return the only task once it is FINISH."""
    tasks = wait_until(world.mps.store.list_tasks, "a task is created")
    assert len(tasks) == 1
    return world.wait(tasks[0].task_id)


@pytest.fixture
def client(world: World) -> CosS3Client:
    config = CosConfig(
        Region=REGION,
        SecretId=USER_KEY.secret_id,
        SecretKey=USER_KEY.secret_key,
        Scheme="http",
        Proxies={"http": world.emulator.url},
    )
    return CosS3Client(config)


def test_put_object_triggers_the_workflow(world: World, client: CosS3Client, clip: Path) -> None:
    number = create_workflow(world)

    client.put_object(IN, clip.read_bytes(), "in/films/a.mp4")
    task = wait_for_task(world)

    assert (task.workflow_id, task.source.key) == (number, "in/films/a.mp4")
    assert task.request["TasksPriority"] == 2
    assert "trigger" in task.assumptions
    # Outputs are stored beside the source, where they would trigger the workflow again.
    keys = world.list_keys(IN)
    assert "in/films/a_sampleSnapshot_10_0.jpg" in keys
    assert len(world.mps.store.list_tasks()) == len(world.events) == 1
    info = world.events[0]["WorkflowTaskEvent"]["InputInfo"]["CosInputInfo"]
    assert info == {"Bucket": IN, "Region": REGION, "Object": "/in/films/a.mp4"}


def test_multipart_upload_triggers_the_workflow_once(
    world: World, client: CosS3Client, clip: Path, tmp_path: Path
) -> None:
    create_workflow(world)
    big = tmp_path / "big.mp4"
    # A box of type "free" makes the file larger than a part.
    free = (2**21).to_bytes(4, "big") + b"free" + bytes(2**21 - 8)
    big.write_bytes(clip.read_bytes() + free)

    client.upload_file(IN, "in/big.mp4", str(big), PartSize=1, MAXThread=2)
    task = wait_for_task(world)

    assert [state.status for state in task.subtasks] == ["SUCCESS"]
    assert world.emulator.requests.count("CompleteMultipartUpload") == 1


def test_coscmd_upload_triggers_the_workflow(world: World, clip: Path, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("coscmd")
    if not program.exists():
        pytest.skip("coscmd is not installed, NOT tested")
    create_workflow(
        world, OutputStorage={"Type": "COS", "CosOutputStorage": {"Bucket": OUT, "Region": REGION}}
    )
    (tmp_path / ".cos.conf").write_text(
        f"[common]\nsecret_id = {USER_KEY.secret_id}\nsecret_key = {USER_KEY.secret_key}\n"
        f"bucket = {IN}\nregion = {REGION}\nmax_thread = 1\npart_size = 1\nretry = 1\n"
        "timeout = 30\nschema = http\nverify = md5\nanonymous = False\n"
    )
    env = {**os.environ, "HOME": str(tmp_path), "http_proxy": world.emulator.url, "no_proxy": ""}

    done = subprocess.run(
        [str(program), "upload", str(clip), "in/clip.mp4"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=env,
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert [state.status for state in wait_for_task(world).subtasks] == ["SUCCESS"]
    assert world.list_keys()[0] == "in/clip_sampleSnapshot_10_0.jpg"


def test_other_objects_trigger_nothing(world: World, client: CosS3Client) -> None:
    number = int(create_workflow(world, OutputDir="no-slashes"))
    for key, body in (("in/a.txt", b"x"), ("other/a.mp4", b"x"), ("in/", b"")):
        client.put_object(IN, body, key)
    assert world.mps.object_created(IN, REGION, "in/", 0, USER_KEY.secret_id) == []
    assert world.mps.store.list_tasks() == []
    # MPS would have refused the workflow. Its tasks cannot be planned.
    client.put_object(IN, b"x", "in/a.mp4")
    assert world.mps.store.list_tasks() == []

    world.call("DisableWorkflow", WorkflowId=number)
    client.put_object(IN, b"x", "in/b.mp4")
    assert world.mps.store.list_tasks() == []


def test_copied_object_triggers_the_workflow(world: World) -> None:
    create_workflow(world)

    world.cos.copy(CosObject(IN, REGION, "videos/clip.mp4"), f"cos://{IN}.{REGION}/in/copy.mp4")

    assert wait_for_task(world).source.key == "in/copy.mp4"
