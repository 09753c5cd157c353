"""CPU and requests of publishing an event with many results. The cost per result must not grow with their number.

    python benchmarks/publish.py [--results 50 100 200 400]

Measured: one delivery through `handlers/` with publish, manifest and moderation on, against the COS emulator in the
same process, whose CPU is part of the numbers. The ratio compares the CPU per result with that of the first row. Not
measured: COS itself, a network.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from measurement import print_table, print_target

from scf_mps.cos import Cos, CosObject, Credentials
from scf_mps.local.cos import CosEmulator
from scf_mps.local.samples import sample

REGION = "ap-guangzhou"
OUT, PLAYER, HELD = "out-1250000000", "player-1250000000", "held-1250000000"
MAX_RATIO = 2.0


def make_notification(count: int) -> dict[str, Any]:
    """Return an event with this number of renditions and of reviews."""
    notification = sample("WorkflowTask", Transcode="SUCCESS", Porn="SUCCESS")
    task = notification["WorkflowTaskEvent"]
    (item,), (review,) = task["MediaProcessResultSet"], task["AiContentReviewResultSet"]
    review["PornTask"]["Output"] = {"Suggestion": "pass"}
    output = item["TranscodeTask"]["Output"]
    storage = {"Type": "COS", "CosOutputStorage": {"Bucket": OUT, "Region": REGION}}
    task["MediaProcessResultSet"] = [
        {
            "Type": "Transcode",
            "TranscodeTask": {
                **item["TranscodeTask"],
                "Input": {"Definition": number},
                "Output": {**output, "OutputStorage": storage, "Path": f"/{number}/x.mp4"},
            },
        }
        for number in range(1, count + 1)
    ]
    task["AiContentReviewResultSet"] = [review] * count
    return notification


def main() -> None:
    """Deliver one event of each size and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--results", type=int, nargs="+", default=[50, 100, 200, 400])
    counts = parser.parse_args().results
    logging.disable(logging.CRITICAL)
    rows, costs = [], []
    with TemporaryDirectory() as folder, CosEmulator(Path(folder)) as emulator:
        for bucket in (OUT, PLAYER, HELD):
            emulator.create_bucket(bucket, REGION)
        key = emulator.key
        os.environ |= {
            "TENCENTCLOUD_SECRETID": key.secret_id,
            "TENCENTCLOUD_SECRETKEY": key.secret_key,
            "MPS_COS_PROXY": emulator.url,
            "MPS_PUBLISH": f"cos://{PLAYER}.{REGION}/{{definition}}/?manifest=manifest.json",
            "MPS_MODERATE": f"cos://{HELD}.{REGION}/",
        }
        sys.path.insert(0, str(Path(__file__).parent.parent))
        import handlers

        cos = Cos(Credentials(key.secret_id, key.secret_key), proxy=emulator.url)
        for number in range(1, max(counts) + 1):
            cos.upload(b"bytes", CosObject(OUT, REGION, f"{number}/x.mp4"))
        for count in counts:
            notification = make_notification(count)
            requests, start = len(emulator.requests), time.process_time()
            handlers.main_handler(notification, {})
            costs.append((time.process_time() - start) / count)
            requests = len(emulator.requests) - requests
            cells = (
                f"{costs[-1] * 1000:.2f}",
                f"{costs[-1] / costs[0]:.2f}",
                f"{requests / count:.2f}",
            )
            rows.append([str(count), *cells])
    print_table("Publishing", ["results", "ms of CPU each", "ratio", "requests each"], rows)
    print_target("ratio of the last row", costs[-1] / costs[0], MAX_RATIO)


if __name__ == "__main__":
    main()
