"""A cloud on this machine: COS emulator, local MPS with its engine, and the API, for official clients."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("av", reason="the engine needs it")
pytest.importorskip("tencentcloud.mps", reason="the official client is needed")

from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mps.v20190612 import models
from tencentcloud.mps.v20190612.mps_client import MpsClient

from scf_mps.cos import Cos, Credentials, Pool
from scf_mps.events.files import CosObject
from scf_mps.local.api import CloudApi, Mps
from scf_mps.local.cos import CosEmulator, Key
from scf_mps.local.mps import LocalMps, MpsSettings
from scf_mps.local.mps.model import MediaTask
from scf_mps.local.mps.worker import MediaEngine

REGION = "ap-guangzhou"
IN, OUT = "in-1250000000", "out-1250000000"
SOURCE = CosObject(IN, REGION, "videos/clip.mp4")
STORAGE = {"Type": "COS", "CosOutputStorage": {"Bucket": OUT, "Region": REGION}}

MPS_KEY = Key("AKIDmps", "mps-secret")
USER_KEY = Key("AKIDuser", "user-secret")

WAIT_SECONDS = 30.0

EIGHT = {
    "TranscodeTaskSet": [
        {"Definition": 100010},
        {"Definition": 100210, "OutputObjectPath": "/hls/{inputName}.{format}"},
    ],
    "AdaptiveDynamicStreamingTaskSet": [{"Definition": 10}],
    "AnimatedGraphicTaskSet": [
        {"Definition": 20000, "StartTimeOffset": 0, "EndTimeOffset": 1},
        {"Definition": 20001, "StartTimeOffset": 0, "EndTimeOffset": 1},
    ],
    "SnapshotByTimeOffsetTaskSet": [{"Definition": 10, "ExtTimeOffsetSet": ["0%", "50%"]}],
    "SampleSnapshotTaskSet": [{"Definition": 10}],
    "ImageSpriteTaskSet": [{"Definition": 10}],
}
FAST = {"SampleSnapshotTaskSet": [{"Definition": 10}]}
"""A subtask of some milliseconds."""


def build_request(tasks: dict[str, Any], key: str = SOURCE.key, **more: Any) -> dict[str, Any]:
    """Return the parameters of ProcessMedia for an object in the bucket IN."""
    cos = {"Bucket": IN, "Region": REGION, "Object": f"/{key}"}
    info = {"Type": "COS", "CosInputInfo": cos}
    return {
        "InputInfo": info,
        "OutputStorage": STORAGE,
        "OutputDir": "/out/",
        "MediaProcessTask": tasks,
        **more,
    }


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """Return the first true value of a condition."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"not in {WAIT_SECONDS} s: {what}")


@dataclass
class World:
    """What a test uses. `changes` are (task id, kind) pairs, `events` those that reached the function."""

    emulator: CosEmulator
    cos: Cos
    mps: LocalMps
    api: CloudApi
    events: list[dict[str, Any]]
    changes: list[tuple[str, str]] = field(default_factory=list)
    refusal: str = ""
    """Why the function refuses events."""

    @property
    def client(self) -> MpsClient:
        """The official client of MPS."""
        profile = HttpProfile(protocol="http", endpoint=self.api.endpoint)
        profile.reqTimeout = 20
        key = Credential(self.api.key.secret_id, self.api.key.secret_key)
        return MpsClient(key, REGION, ClientProfile(httpProfile=profile))

    def call(self, action: str, **parameters: Any) -> Any:
        """Call an action of MPS by the official client and return its response."""
        request = getattr(models, f"{action}Request")()
        request.from_json_string(json.dumps(parameters))
        return getattr(self.client, action)(request)

    def wait(self, task_id: str) -> MediaTask:
        """Return a task once it is FINISH and its last notification was sent or lost."""
        wait_until(
            lambda: (
                (task_id, "notified") in self.changes[self._find_finish(task_id) :]
                or (task_id, "lost") in self.changes[self._find_finish(task_id) :]
            ),
            f"{task_id} finishes",
        )
        task = self.mps.store.get(task_id)
        assert task is not None
        return task

    def process(self, request: dict[str, Any]) -> MediaTask:
        """Submit a task and return it once it is FINISH."""
        return self.wait(self.mps.submit(request))

    def _find_finish(self, task_id: str) -> int:
        finished = (task_id, "finished")
        return self.changes.index(finished) if finished in self.changes else len(self.changes)

    def list_keys(self, bucket: str = OUT) -> list[str]:
        """Return the keys in a bucket."""
        return [entry.object.key for entry in self.cos.list(f"cos://{bucket}.{REGION}/")]


@contextmanager
def open_world(folder: Path, engine: MediaEngine, **settings: Any) -> Iterator[World]:
    """Run COS, MPS and the API on a folder, which may be that of an earlier world."""

    def deliver(event: dict[str, Any]) -> str:
        if world.refusal:
            raise RuntimeError(world.refusal)
        world.events.append(event)
        return f"request-{len(world.events)}"

    pool = Pool()
    with CosEmulator(folder / "cos", keys=(USER_KEY, MPS_KEY)) as emulator, ExitStack() as stack:
        stack.callback(pool.clear)
        for bucket in (IN, OUT):
            if not (folder / "mps").exists():
                emulator.create_bucket(bucket, REGION)
        mps_cos, cos = (
            Cos(
                Credentials(key.secret_id, key.secret_key),
                proxy=emulator.url,
                buckets="*",
                pool=pool,
            )
            for key in (MPS_KEY, USER_KEY)
        )
        mps = LocalMps(
            folder / "mps", mps_cos, engine, deliver=deliver, settings=MpsSettings(**settings)
        )
        emulator.observe(
            lambda stored: mps.object_created(
                stored.bucket, stored.region, stored.key, stored.size, stored.secret_id
            )
        )
        with CloudApi([Mps(tasks=mps)], keys=[USER_KEY]) as api, mps:
            world = World(emulator, cos, mps, api, [])
            mps.observe(lambda task, kind: world.changes.append((task.task_id, kind)))
            yield world
