"""Sources that are put away: never an output, never one of several whose sizes are unknown."""

from __future__ import annotations

from scf_mps.actions.publish.originals import find_replaced, find_retirable
from scf_mps.cos import Cos, CosObject
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample

COPY = CosObject("player-1250000000", "ap-guangzhou", "vod/demo.mp4")


def test_source_that_was_written_over_is_no_original(cos: Cos) -> None:
    notification = sample("WorkflowTask", Transcode="SUCCESS")
    task = notification["WorkflowTaskEvent"]
    output = task["MediaProcessResultSet"][0]["TranscodeTask"]["Output"]
    output["Path"] = "/videos/demo.mp4"
    output["OutputStorage"]["CosOutputStorage"] = {
        "Bucket": "source-1250000000",
        "Region": "ap-guangzhou",
    }
    task["InputInfo"]["CosInputInfo"]["Bucket"] = "source-1250000000"
    event = parse_event(notification)
    assert event.files == event.sources
    assert find_retirable(event, [COPY], cos) == []
    del task["MediaProcessResultSet"][0]
    assert find_retirable(parse_event(notification), [COPY], cos) == list(event.sources)


def test_size_of_several_sources_is_unknown(cos: Cos) -> None:
    notification = sample("EditMediaTask")
    task = notification["EditMediaTaskEvent"]
    task["MetaData"] = {"Size": 1}
    (info,) = task["Input"]["FileInfoSet"][:1]
    second = {"InputInfo": {**info["InputInfo"]}}
    second["InputInfo"]["CosInputInfo"] = {
        "Bucket": "source-1250000000",
        "Region": "ap-guangzhou",
        "Object": "/b.mp4",
    }
    task["Input"]["FileInfoSet"] = [info, second]
    event = parse_event(notification)
    assert len(event.sources) == 2
    cos.upload(b"more than one byte", event.sources[1])
    assert find_replaced(event, [event.sources[1]], cos) == []
    task["Input"]["FileInfoSet"] = [second]
    one = parse_event(notification)
    assert find_replaced(one, list(one.sources), cos) == list(one.sources)
