# mypy: ignore-errors
"""The job of the documentation's event as users of AWS Lambda Powertools would write it: what `peers.py` compares with.

A model of what callbacks read of the event, a processor that tries each result alone, and a dict of callbacks by type
and status. Nothing is logged. It can be imported only where the packages are that `peers.py` installs.
"""

from __future__ import annotations

import sys
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BasePartialProcessor
from aws_lambda_powertools.utilities.parser import BaseModel, parse

logger = Logger(service="mps", level="CRITICAL")


class Bucket(BaseModel):
    Bucket: str
    Region: str


class Place(BaseModel):
    Type: str
    CosOutputStorage: Bucket


class Asked(BaseModel):
    Definition: int
    OutputStorage: Place
    OutputObjectPath: str


class Rendition(BaseModel):
    OutputStorage: Place
    Path: str
    Bitrate: int
    Height: int
    Width: int
    Size: int
    Duration: float


class Animation(BaseModel):
    Storage: Place
    Path: str


class Picture(BaseModel):
    TimeOffset: float
    Path: str


class Snapshots(BaseModel):
    Storage: Place
    PicInfoSet: list[Picture]


class Sprites(BaseModel):
    Storage: Place
    TotalCount: int
    ImagePathSet: list[str]
    WebVttPath: str


class Result(BaseModel):
    Status: str
    ErrCode: int
    Message: str
    Input: Asked


class Transcode(Result):
    Output: Rendition | None


class AnimatedGraphics(Result):
    Output: Animation | None


class SnapshotByTimeOffset(Result):
    Output: Snapshots | None


class ImageSprites(Result):
    Output: Sprites | None


class Item(BaseModel):
    Type: str
    TranscodeTask: Transcode | None
    AnimatedGraphicTask: AnimatedGraphics | None
    SnapshotByTimeOffsetTask: SnapshotByTimeOffset | None
    ImageSpriteTask: ImageSprites | None


class Payload(BaseModel):
    TaskId: str
    Status: str
    ErrCode: int
    Message: str
    MediaProcessResultSet: list[Item]


class Notification(BaseModel):
    EventType: str
    WorkflowTaskEvent: Payload


FIELDS = {
    "Transcode": "TranscodeTask",
    "AnimatedGraphics": "AnimatedGraphicTask",
    "SnapshotByTimeOffset": "SnapshotByTimeOffsetTask",
    "ImageSprites": "ImageSpriteTask",
}


def on_result(result: Any) -> None: ...


CALLBACKS = {
    ("Transcode", "SUCCESS"): on_result,
    ("AnimatedGraphics", "FAIL"): on_result,
    ("SnapshotByTimeOffset", "SUCCESS"): on_result,
    ("ImageSprites", "SUCCESS"): on_result,
}


def on_item(item: Item) -> None:
    result = getattr(item, FIELDS[item.Type])
    CALLBACKS[item.Type, result.Status](result)


def on_raw_item(item: dict[str, Any]) -> None:
    result = item[FIELDS[item["Type"]]]
    CALLBACKS[item["Type"], result["Status"]](result)


class ResultProcessor(BasePartialProcessor):
    """Tries each result alone, as the peer's own processors do with the records of a queue."""

    def _prepare(self) -> None:
        self.success_messages.clear()
        self.fail_messages.clear()
        self.exceptions.clear()

    def _clean(self) -> None:
        if self.exceptions:
            raise RuntimeError(f"{len(self.exceptions)} results failed")

    def _process_record(self, record: Any) -> tuple[Any, ...]:
        try:
            return self.success_handler(record, self.handler(record))
        except Exception:
            return self.failure_handler(record, sys.exc_info())

    async def _async_process_record(self, record: Any) -> tuple[Any, ...]:
        raise NotImplementedError


processor = ResultProcessor()


def main_handler(event: dict[str, Any], context: Any) -> list[str]:
    """Parse, isolate, route."""
    notification = parse(event=event, model=Notification)
    with processor(notification.WorkflowTaskEvent.MediaProcessResultSet, on_item):
        return [outcome for outcome, *_ in processor.process()]


def raw_main_handler(event: dict[str, Any], context: Any) -> list[str]:
    """Isolate and route, without a model: what a callback gets is a dict."""
    with processor(event["WorkflowTaskEvent"]["MediaProcessResultSet"], on_raw_item):
        return [outcome for outcome, *_ in processor.process()]
