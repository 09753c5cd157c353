"""The oldest objects are deleted above a limit."""

from __future__ import annotations

from pathlib import Path

from scf_mps.cos import Cos, Credentials
from scf_mps.cos.transport import SHARED_POOL
from scf_mps.local.cos import CosEmulator
from scf_mps.local.dev.retention import delete_oldest

PREFIX = "cos://media-1250000000.ap-guangzhou/"


def test_oldest_objects_are_deleted_above_limit(tmp_path: Path) -> None:
    with CosEmulator(tmp_path, create_buckets=True) as emulator:
        key = emulator.key
        cos = Cos(Credentials(key.secret_id, key.secret_key), proxy=emulator.url, buckets="*")
        for name in "dcab":
            cos.upload(name.encode() * 10, f"{PREFIX}{name}")
        cos.copy(f"{PREFIX}b", f"{PREFIX}copy")  # shares the bytes
        assert delete_oldest(tmp_path, cos, 40) == 0
        assert delete_oldest(tmp_path, cos, 25) == 2
        assert [item.object.key for item in cos.list(PREFIX)] == ["a", "b", "copy"]
        assert delete_oldest(tmp_path, cos) == 0
        assert delete_oldest(tmp_path, cos, 0) == 2
    SHARED_POOL.clear()
