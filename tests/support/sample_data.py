"""Folders of the repository, and payloads of tests/data."""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"


def payload(name):
    """Return a payload of ``tests/data``, read anew each time."""
    return json.loads((DATA / f"{name}.json").read_text("utf-8"))


SUMMARY = {
    "event_type": "WorkflowTask",
    "task_id": payload("mps_workflow_seed_mixed")["WorkflowTaskEvent"]["TaskId"],
    "status": "FINISH",
    "callbacks": [
        {
            "callback": callback,
            "type": type_,
            "place": f"MediaProcessResultSet[{index}]",
            "outcome": "done",
        }
        for index, (type_, callback) in enumerate(
            {
                "Transcode": "handlers.renditions.record_rendition",
                "AnimatedGraphics": "handlers.failures.report_result",
                "SnapshotByTimeOffset": "handlers.pictures.record_snapshots",
                "ImageSprites": "handlers.pictures.record_sprites",
            }.items()
        )
    ],
    "unhandled": [],
}
"""The summary of `handlers` for the sample event of MPS's documentation."""
