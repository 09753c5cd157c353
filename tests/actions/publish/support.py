"""Events and constants for tests of the publish action."""

from __future__ import annotations

import logging

from scf_mps.actions import Publish
from scf_mps.cos import Cos, CosObject
from scf_mps.events.base import Event
from scf_mps.local.samples import sample
from tests.support.sample_data import payload

VOD = "cos://player-1250000000.ap-guangzhou/vod/"


OUT = "cos://out-1250000000.ap-guangzhou/"


OUTS = "https://out-1250000000.cos.ap-guangzhou.myqcloud.com"


SITE = "https://player-1250000000.cos.ap-guangzhou.myqcloud.com"


LOG = logging.getLogger("tests.publish")


def make_storage(bucket="out-1250000000"):
    return {"Type": "COS", "CosOutputStorage": {"Bucket": bucket, "Region": "ap-guangzhou"}}


def make_transcode(path, definition=100030, **output):
    """Return a rendition at a path."""
    made = {
        "OutputStorage": make_storage(),
        "Path": path,
        "Height": 720,
        "VideoStreamSet": [{"Codec": "h264", "Fps": 25}],
        **output,
    }
    make_task = {
        "Status": "SUCCESS",
        "ErrCode": 0,
        "Input": {"Definition": definition},
        "Output": made,
    }
    return {"Type": "Transcode", "TranscodeTask": make_task}


def make_task(*results, **more):
    """Return a notification with these results."""
    notification = sample("WorkflowTask", session_context="order-42")
    body = notification["WorkflowTaskEvent"]
    body["MediaProcessResultSet"] = list(results)
    body["InputInfo"] = {
        "Type": "COS",
        "CosInputInfo": {
            "Bucket": "source-1250000000",
            "Region": "ap-guangzhou",
            "Object": "/videos/demo.mp4",
        },
    }
    body["MetaData"]["Size"] = len("the bytes of videos/demo.mp4")
    return {**notification, **more}


FAILED = {
    "Type": "AnimatedGraphics",
    "AnimatedGraphicTask": {
        "Status": "FAIL",
        "ErrCode": 30010,
        "ErrCodeExt": "InternalError",
        "Message": "internal error",
        "Input": {"Definition": 20000},
        "Output": None,
    },
}


def get_target_keys(publish: Publish, event: Event) -> list[str]:
    """Return the keys of the published results of an event, from their links."""
    return [
        link.removeprefix(f"{SITE}/")
        for result in (*event.subtasks, event)
        for link in publish.links(result)
    ]


def copy_all(publish: Publish, event: Event, cos: Cos) -> list[str]:
    """Copy all results of an event. Return the keys."""
    results = [result for result in event.subtasks if publish.links(result)]
    return [copy.key for result in results for copy in publish.copy(result, cos, LOG)]


SOURCE = CosObject("source-1250000000", "ap-guangzhou", "videos/demo.mp4")


SUBTITLES = f"{VOD}{{task_id}}/?types=AsrFullTextRecognition,TransTextRecognition&manifest=m.json"


def subtitles(path):
    """Return the documented event of subtitles at a path."""
    notification = payload("mps_workflow_smart_subtitles_success")
    (item,) = notification["WorkflowTaskEvent"]["SmartSubtitlesTaskResult"]
    item["AsrFullTextTask"]["Output"]["SubtitlePath"] = path
    return notification
